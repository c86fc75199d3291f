"""A checkpoint folder to a model repo on the Hub, in one commit."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, errors, get_token

from ..checkpoint import card, onnx
from ..checkpoint.folder import BESIDE, Checkpoint
from ..checkpoint.manifest import LIBRARY, MODEL, OPPONENT
from . import network
from .settings import Repo

STAYS = ".gitattributes"  # the Hub's own
CHECKPOINT = ("config.json", MODEL, OPPONENT, "README.md", onnx.FILE, *BESIDE)  # what a push writes, and may delete again
CODE = "ganzoo/"  # of a Space: what a deploy may delete again
STATIC = ("networks/", "pictures/", "runtime/", "words/")  # the same of a static one
SHOWN = 5  # files that a message names
QUESTION = 10.0  # seconds that a dry run asks what is there


@dataclass(frozen=True)
class Sent:
    """Where it went; address and commit are empty after a dry run."""

    repo: str
    url: str
    commit: str
    sizes: dict[str, int]  # bytes by the file's name
    deleted: tuple[str, ...] = ()  # files of the repo that are no longer in it
    notes: tuple[str, ...] = ()  # of a dry run: what stands against it, what could not be asked


@dataclass(frozen=True)
class Existing:
    """What a repo holds before it is written to."""

    files: tuple[str, ...]
    ours: bool  # whether ganzoo made it

    def lost(self, content: dict[str, bytes], kind: str) -> tuple[str, ...]:
        """The files of somebody's that would be deleted or, where the repo is not ours, written over."""
        deleted = [f for f in self.deleted(content) if not (self.ours and may_go(f, kind))]
        return tuple(deleted if self.ours else [*deleted, *(f for f in self.files if f in content)])

    def deleted(self, content: dict[str, bytes]) -> tuple[str, ...]:
        return tuple(f for f in self.files if f not in content and f != STAYS)


def may_go(file: str, kind: str) -> bool:
    """Whether a file is one that ganzoo wrote into a repo of its own, and need not be asked for."""
    return file.startswith((CODE, *STATIC)) if kind == "space" else file in CHECKPOINT


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
    replace: bool = False,
    license: str | None = None,
    source: str | None = None,
    with_onnx: bool = False,
) -> Sent:
    """Upload a checkpoint: its networks, config.json, pictures, log, and a card for this repo. ValueError, and nothing is
    uploaded, if it is not whole, if there is no token, if the Hub says no, or if files would be lost that no push of ours
    wrote; replace: they are not wanted any more. license, source: see `card.render`; with_onnx: also what draws as `onnx.FILE`.
    """
    to = Repo.parse(repo)
    if not to or to.revision != "main":
        raise ValueError(f"repo: {repo!r} is not USER/REPO, such as ada/{checkpoint.name}")
    if license is not None and not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,60}", license):
        raise ValueError(f"license: {license[:40]!r} is not a name that the Hub knows, such as mit, cc-by-4.0 or other")
    if source is not None and not re.fullmatch(r"https?://\S+", source):
        raise ValueError(f"source: {source[:60]!r} is not an address, such as https://github.com/ada/ganzoo")
    checkpoint.verify()
    names = ["config.json", *checkpoint.manifest.files, *(f for f in BESIDE if (checkpoint.folder / f).is_file())]
    content = {f: (checkpoint.folder / f).read_bytes() for f in names}
    content["README.md"] = card.render(checkpoint, to.id, license, source).encode()
    content |= {onnx.FILE: onnx.of_checkpoint(checkpoint)} if with_onnx else {}
    message = message or f"{checkpoint.name}, weights {checkpoint.revision}"
    return send(content, to.id, "model", message, private, dry_run, token, branch, pr, replace)


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
    replace: bool = False,
    sdk: str = "gradio",
) -> Sent:
    """Make the repo's files these files, in one commit; the repo is created if it is not there (sdk: of a Space).

    ValueError, naming them, if files of somebody's would be lost, unless replace says so. (A pull request deletes nothing
    until its owner has seen it.) A dry run asks the Hub what is there, and changes nothing."""
    sizes = {name: len(raw) for name, raw in sorted(content.items())}
    if dry_run:
        return tried(content, repo, kind, sizes, token or get_token() or None, branch, replace)
    secret = network.checked(token or get_token())
    if not secret:
        raise ValueError(f"no token for the Hub that may write to {repo}: `hf auth login`, or set HF_TOKEN")
    api = HfApi(token=secret, library_name=LIBRARY)
    try:
        space = {"space_sdk": sdk} if kind == "space" else {}
        api.create_repo(repo, repo_type=kind, private=private, exist_ok=True, **space)  # type: ignore[arg-type]
        if private and not api.repo_info(repo, repo_type=kind).private:
            raise ValueError(f"{repo}: is there, and is not private; make it so in its settings, or choose another name")
        there = existing(api, repo, kind, branch)
        if not (replace or pr) and (lost := there.lost(content, kind)):
            raise ValueError(refused(repo, kind, there, lost))
        add = [CommitOperationAdd(name, raw) for name, raw in content.items()]
        deleted = there.deleted(content)
        remove = [CommitOperationDelete(name) for name in deleted]
        done = api.create_commit(repo, [*add, *remove], commit_message=message, repo_type=kind, revision=branch, create_pr=pr)
    except Exception as error:  # the client has errors of its own, and those of the library that carries its requests
        raise ValueError(refusal(error, repo)) from None
    return Sent(repo, done.commit_url, done.oid, sizes, deleted)


def tried(
    content: dict[str, bytes],
    repo: str,
    kind: str,
    sizes: dict[str, int],
    token: str | None,
    branch: str | None,
    replace: bool,
) -> Sent:
    """What would be sent, what would be deleted, and what stands against it."""
    api = HfApi(token=network.checked(token), library_name=LIBRARY)
    try:
        there = network.guarded(lambda: existing(api, repo, kind, branch), Repo(repo), QUESTION)
    except network.Refused:
        return Sent(repo, "", "", sizes, notes=("it is not there yet, or is not to be seen with this login",))
    except (ValueError, network.Unreachable) as error:
        return Sent(repo, "", "", sizes, notes=(f"what is there could not be asked: {error}",))
    lost = there.lost(content, kind)
    notes = (refused(repo, kind, there, lost),) if lost and not replace else ()
    return Sent(repo, "", "", sizes, there.deleted(content), notes)


def existing(api: HfApi, repo: str, kind: str, branch: str | None) -> Existing:
    """What a repo holds, and whether ganzoo made it: a Space by its code, a checkpoint by its config.json. One that is empty
    is ours to fill."""
    files = tuple(api.list_repo_files(repo, repo_type=kind, revision=branch or "main"))
    if not set(files) - {STAYS}:
        return Existing(files, True)
    if kind == "space":
        return Existing(files, {"app.py", f"{CODE}ui/app.py"} <= set(files) or {"zoo.json", "worker.js"} <= set(files))
    return Existing(files, "config.json" in files and is_checkpoint(api, repo, branch))


def is_checkpoint(api: HfApi, repo: str, branch: str | None) -> bool:
    """Whether the config.json of a repo is a ganzoo checkpoint's, of whatever version."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(api.hf_hub_download(repo, "config.json", revision=branch or "main", local_dir=folder))
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return False
    return isinstance(config, dict) and {"format", "model", "config", "training", "files"} <= config.keys()


def refused(repo: str, kind: str, there: Existing, lost: Sequence[str]) -> str:
    """Why a repo is not written to, naming what would be lost."""
    what = "the Space" if kind == "space" else "the repo"
    why = "also holds files that are not ganzoo's" if there.ours else "is there, and was not made by ganzoo"
    names = ", ".join(lost[:SHOWN]) + (f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else "")
    return f"{repo}: {what} {why}; it would lose {names}: choose another name, or say --replace (in Python replace=True)"


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
    reason = network.explained(error, Repo(repo))
    return str(reason) if isinstance(reason, ValueError) else f"{repo}: the Hub cannot be reached ({reason})"
