"""A checkpoint folder to a model repo on the Hub, in one commit."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, errors, get_token

from ..checkpoint import BESIDE, Checkpoint
from . import card, network
from .settings import Repo

STAYS = ".gitattributes"  # the Hub's own


@dataclass(frozen=True)
class Sent:
    """Where it went; address and commit are empty after a dry run."""

    repo: str
    url: str
    commit: str
    sizes: dict[str, int]  # bytes by the file's name


def push(
    checkpoint: Checkpoint,
    repo: str,
    *,
    private: bool | None = None,
    dry_run: bool = False,
    token: str | None = None,
    message: str | None = None,
    branch: str | None = None,
    pr: bool = False,
) -> Sent:
    """Upload a checkpoint: its networks, config.json, pictures, log, and a card for this repo. ValueError, and nothing is
    uploaded, if it is not whole, if there is no token, or if the Hub says no.
    """
    to = Repo.parse(repo)
    if not to or to.revision != "main":
        raise ValueError(f"repo: {repo!r} is not USER/REPO, such as ada/{checkpoint.name}")
    checkpoint.verify()
    names = ["config.json", *checkpoint.config["files"], *(f for f in BESIDE if (checkpoint.folder / f).is_file())]
    content = {f: (checkpoint.folder / f).read_bytes() for f in names} | {"README.md": card.render(checkpoint, to.id).encode()}
    message = message or f"{checkpoint.name}, weights {checkpoint.revision}"
    return send(content, to.id, "model", message, private, dry_run, token, branch, pr)


def send(
    content: dict[str, bytes],
    repo: str,
    kind: str,
    message: str,
    private: bool | None = None,
    dry_run: bool = False,
    token: str | None = None,
    branch: str | None = None,
    pr: bool = False,
) -> Sent:
    """Make the repo's files these files, in one commit; the repo is created if it is not there."""
    sizes = {name: len(raw) for name, raw in sorted(content.items())}
    if dry_run:
        return Sent(repo, "", "", sizes)
    secret = network.checked(token or get_token())
    if not secret:
        raise ValueError(f"no token for the Hub that may write to {repo}: `hf auth login`, or set HF_TOKEN")
    api = HfApi(token=secret, library_name=network.LIBRARY)
    try:
        space = {"space_sdk": "gradio"} if kind == "space" else {}
        api.create_repo(repo, repo_type=kind, private=private, exist_ok=True, **space)  # type: ignore[arg-type]
        if private and not api.repo_info(repo, repo_type=kind).private:
            raise ValueError(f"{repo}: is there, and is not private; make it so in its settings, or choose another name")
        there = api.list_repo_files(repo, repo_type=kind, revision=branch or "main")
        add = [CommitOperationAdd(name, raw) for name, raw in content.items()]
        remove = [CommitOperationDelete(name) for name in there if name not in content and name != STAYS]
        done = api.create_commit(repo, [*add, *remove], commit_message=message, repo_type=kind, revision=branch, create_pr=pr)
    except Exception as error:  # the client has errors of its own, and those of the library that carries its requests
        raise ValueError(refusal(error, repo)) from None
    return Sent(repo, done.commit_url, done.oid, sizes)


def refusal(error: Exception, repo: str) -> str:
    """Why the Hub did not take it, in one line."""
    status = 0
    if isinstance(error, errors.HfHubHTTPError):
        with contextlib.suppress(AttributeError):
            status = error.response.status_code
    if status in (401, 403):
        return f"{repo}: the token may not write there (error {status}); `hf auth login` with one that may"
    if 400 <= status < 500:
        return f"{repo}: the Hub refuses it (error {status}: {str(error.server_message or '')[:200]})"  # type: ignore[attr-defined]
    told = network.explained(error, Repo(repo))
    return str(told) if isinstance(told, ValueError) else f"{repo}: the Hub cannot be reached ({told})"
