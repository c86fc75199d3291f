"""A checkpoint by its name: an explicit folder, the Hub, a cached copy, or the bundled folder.

1. A folder that is named outright, or that holds the name in $GANZOO_WEIGHTS_DIR: nothing else is looked at.
2. USER/REPO[@REVISION], or the repo that `settings` knows for a name: at a commit, from the cache, without network; else the
   Hub is asked (`network`: 2 s at most, once a minute) and the files are downloaded into its own cache.
3. If the Hub cannot be reached: any cached copy of that repo.
4. The bundled folder, for a name.

What is not whole, unaltered and within bounds is not used, wherever it is from. `Checkpoint.source` says what was.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, try_to_load_from_cache

from .. import data, files, registry
from ..checkpoint.folder import BESIDE, Checkpoint, weights_dir
from ..checkpoint.manifest import HEAVIEST_FILE
from ..data.dataset import plain
from . import network, settings
from .settings import Repo

log = logging.getLogger("ganzoo")

SMALL, LARGE = 10**6, 10**8  # bytes of config.json; of pictures and log
PATIENCE = 20.0  # seconds that a download may keep a visitor from the bundled weights
ENDLESS = 1e9


def bundled() -> list[Checkpoint]:
    """The checkpoints in weights/, in the order of the tabs and of the data sets; tools (judges) last."""
    models, sets = [*registry.MODELS, *registry.TOOLS], [*data.SETS]

    def sort_key(c: Checkpoint) -> tuple[int, int, str]:
        base = plain(c.data)
        return models.index(c.model), sets.index(base) if base in sets else len(sets), c.name

    found = [Checkpoint(p.parent, "bundled") for p in weights_dir().glob("*/config.json")]
    return sorted((c for c in found if c.model in models), key=sort_key)


def resolve(name: str, patience: float = ENDLESS) -> Checkpoint:
    """The checkpoint of a name, a folder or USER/REPO[@REVISION]. ValueError, with what there is, if it is none of them.

    patience: seconds that a download may take where nothing else can be had; afterwards it goes on by itself.
    """
    is_bare = Path(name).name == name  # and not a path
    here = weights_dir() / name
    there = is_bare and (here / "config.json").is_file()
    if there and os.environ.get("GANZOO_WEIGHTS_DIR"):
        return Checkpoint(here, "folder")
    if not there and (Path(name) / "config.json").is_file():
        return Checkpoint(Path(name), "folder")
    why, source = "", "bundled"
    if is_bare and (repo := settings.repo_of(name)):
        try:
            return pull(repo, patience=PATIENCE if there else patience)
        except (ValueError, ConnectionError) as error:
            why = str(error)
            if there:
                warn_of(error, name, repo)
            source += ", the Hub was not reached" if isinstance(error, ConnectionError) else ""
    if there:
        return Checkpoint(here, source)
    if repo := Repo.parse(name):
        try:
            return pull(repo, patience=patience)
        except (network.Refused, ConnectionError) as error:
            raise ValueError(f"{error}; and there is no folder {name!r}") from None
    names = ", ".join(c.name for c in bundled())
    raise ValueError(
        f"no checkpoint {name!r}; "
        + (f"there are {names}, or name" if names else f"{where_weights_are()}, or name")
        + " a folder made by `python -m ganzoo export`, or USER/REPO on the Hub"
        + (f" ({why})" if why else "")
    )


def where_weights_are() -> str:
    """Where checkpoints were looked for in vain, and how to say where they are."""
    folder = weights_dir()
    looked = f"there are none in {folder}" if folder.is_dir() else f"there is no folder {folder}"
    if os.environ.get("GANZOO_WEIGHTS_DIR"):
        return f"{looked}, which GANZOO_WEIGHTS_DIR names"
    return f"{looked} (pip installs none): set GANZOO_WEIGHTS_DIR to the folder `weights` of a clone"


_warned: set[str] = set()  # what was said already: the same holds for every checkpoint


def warn_of(error: Exception, name: str, repo: Repo) -> None:
    """Say once why bundled weights draw instead of the Hub's; that a user has not all of them there is as it should be."""
    if isinstance(error, ConnectionError):
        warn_once("unreachable", f"{error}; using the bundled weights, of this checkpoint and of others")
    elif isinstance(error, network.Refused) and not settings.is_named(name):
        user = repo.id.split("/")[0]
        warn_once(
            user, f"{user} has no {repo.name} on the Hub that can be read here; the bundled weights draw what is not there"
        )
    else:
        warn_once(str(error), f"{error}; using the bundled weights")


def warn_once(key: str, line: str) -> None:
    if key not in _warned:
        _warned.add(key)
        log.warning("%s", line)


def pull(
    repo: Repo,
    *,
    patience: float = ENDLESS,
    token: str | bool | None = None,
    cache: Path | None = None,
    offline: bool = False,
    again: bool = False,
) -> Checkpoint:
    """A checkpoint of the Hub, whole and verified: see the head of this file. again: download it though it is there.

    ValueError if the Hub says no, or if what it has is no checkpoint; ConnectionError if it cannot be reached and there
    is no copy.
    """
    token = network.checked(token)
    if (repo.pinned or offline) and not again and (copy := cached(repo, cache)):
        return copy
    try:
        if offline:
            raise network.Unreachable("only local files are asked for")
        commit = network.ask(repo, token)
        at = Repo(repo.id, commit) if commit and repo.revision == "main" else repo  # one question for all files
        return fetch(at, patience, token, cache, again)
    except network.Refused as error:
        if copy := cached(repo, cache):
            log.warning("%s; using the cached copy", error)
            return copy
        raise
    except network.Unreachable as error:
        if copy := cached(repo, cache):
            return copy
        raise ConnectionError(f"{repo}: the Hub cannot be reached ({error}), and there is no copy in the cache") from None


def fetch(
    repo: Repo, patience: float, token: str | bool | None = None, cache: Path | None = None, again: bool = False
) -> Checkpoint:
    """Download what is not in the cache yet, in `patience` seconds. No file is asked for by a name that the repo chooses."""

    end = time.monotonic() + patience

    def get(file: str, most: int, at: Repo, again: bool = again) -> Path:
        return network.download(at, file, most, max(0.0, end - time.monotonic()), token, cache, again)

    folder = get("config.json", SMALL, repo).parent
    commit = Repo(repo.id, folder.name)  # the branch may move while the files come
    checkpoint = Checkpoint(folder, f"Hub {repo.id}@{folder.name[:7]}")
    for file, digest in checkpoint.manifest.files.items():
        if files.sha256(get(file, HEAVIEST_FILE, commit)) != digest:  # a copy that was spoilt in the cache, or the repo is
            get(file, HEAVIEST_FILE, commit, again=True)
    for file in BESIDE:
        with contextlib.suppress(network.Refused):
            get(file, LARGE, commit)
    checkpoint.verify()
    return checkpoint


def cached(repo: Repo, cache: Path | None = None) -> Checkpoint | None:
    """A whole copy of the repo in the cache, without network: at its commit; or where its branch or tag was last seen; or,
    if no revision was asked for, the latest. None if there is none.
    """
    found = try_to_load_from_cache(repo.id, "config.json", cache_dir=cache, revision=repo.revision)
    paths = [Path(found)] if isinstance(found, str) else []
    if repo.revision == "main":
        others = snapshots(repo.id, cache)
        paths += sorted(others, key=lambda p: p.lstat().st_mtime, reverse=True)
    for path in paths:
        copy = Checkpoint(path.parent, f"cache {repo.id}@{path.parent.name[:7]}")
        try:
            copy.verify()
            return copy
        except ValueError as error:
            log.info("%s", error)
    return None


def snapshots(repo_id: str = "*", cache: Path | None = None) -> list[Path]:
    """The config.json of each copy of a repo in the Hub's cache, or of all repos."""
    folder = f"models--{repo_id.replace('/', '--')}"
    return [*Path(cache or constants.HF_HUB_CACHE).glob(f"{folder}/snapshots/*/config.json")]


def describe() -> list[str]:
    """Ask the Hub what the repos hold that are named outright and of which nothing is in the cache, all at once and for
    `network.PROBE` seconds -> a line for each that cannot be shown, with the reason."""
    bundled_repos = {repo.id for c in bundled() if (repo := settings.repo_of(c.name))}
    named = [repo for repo in dict.fromkeys(settings.named_repos()) if repo.id not in bundled_repos]

    def problem(repo: Repo) -> str:
        try:
            paths = snapshots(repo.id) or [network.download(repo, "config.json", SMALL, network.PROBE)]
            model = Checkpoint(paths[-1].parent, f"Hub {repo}").model
        except network.Unreachable as error:
            kind, _, pictures = repo.name.partition("-")
            hint = "" if kind in registry.MODELS and pictures else "; by its name, MODEL-DATA, it would have a tab all the same"
            return f"{repo}: the Hub cannot be reached ({error}){hint}"
        except ValueError as error:
            return str(error)
        if model in registry.TOOLS:
            return f"{repo}: a {model}, which draws nothing that a tab could show"
        return "" if model in registry.MODELS else f"{repo}: of a model {model!r}, which this ganzoo does not have"

    with ThreadPoolExecutor(8) as pool:
        return [line for line in pool.map(problem, named) if line]


@dataclass(frozen=True)
class Listing:
    """A checkpoint that can be asked for: the name that `resolve` takes, and what it is."""

    name: str
    model: str
    data: str
    source: str


def listed(model: str | None = None, data: str | None = None) -> list[Listing]:
    """The checkpoints that are bundled, that `settings` names, and that are in the Hub's cache, of a model and a data set if
    those are given. Nothing is asked of the network: a repo of which nothing was fetched (see `describe`) is known by its
    name, MODEL-DATA.
    """
    named = {repo.id: repo for repo in settings.named_repos()}
    found = {c.name: Listing(c.name, c.spec.name, c.data, c.source) for c in bundled()}
    bundled_repos = {repo.id for name in found if (repo := settings.repo_of(name))}  # the bundled ones, by another name
    for repo in named.values():
        kind, _, pictures = repo.name.partition("-")
        if kind in registry.MODELS and pictures and repo.id not in bundled_repos:
            found[str(repo)] = Listing(str(repo), kind, pictures, f"Hub {repo}")
    for path in snapshots():
        repo_id = path.parents[2].name.removeprefix("models--").replace("--", "/", 1)
        if not Repo.parse(repo_id) or repo_id in bundled_repos:
            continue
        copy = Checkpoint(path.parent, f"cache {repo_id}@{path.parent.name[:7]}")
        try:
            if copy.model in registry.MODELS:
                of_cache = f"{copy.source}, on this machine alone"
                name, source = (str(named[repo_id]), f"Hub {named[repo_id]}") if repo_id in named else (repo_id, of_cache)
                found[name] = Listing(name, copy.model, copy.data, source)
        except ValueError:
            continue  # somebody else's model
    return [k for k in found.values() if model in (None, k.model) and data in (None, k.data)]
