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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import constants, try_to_load_from_cache
from torch import Tensor

from .. import data, files, registry
from ..checkpoint import BESIDE, Checkpoint, from_run, typed, weights_dir
from ..gan import GAN
from ..manifest import HEAVIEST_FILE, LONGEST
from ..spec import Config, Spec, knobs
from ..training.engine import drawing, opposing
from . import network, settings
from .settings import Repo

log = logging.getLogger("ganzoo")

SMALL, LARGE = 10**6, 10**8  # bytes of config.json; of pictures and log
PATIENCE = 20.0  # seconds that a download may keep a visitor from the bundled weights
ENDLESS = 1e9


def bundled() -> list[Checkpoint]:
    """The checkpoints in weights/, in the order of the tabs and of the data sets; tools (judges) last."""
    models, sets = [*registry.MODELS, *registry.TOOLS], [*data.SETS]

    def place(c: Checkpoint) -> tuple[int, int, str]:
        base = data.plain(c.data)
        return models.index(str(c.config["model"])), sets.index(base) if base in sets else len(sets), c.name

    found = [Checkpoint(p.parent, "bundled") for p in weights_dir().glob("*/config.json")]
    return sorted((c for c in found if c.config["model"] in models), key=place)


def opened(name: str) -> tuple[GAN, str]:
    """The networks of a checkpoint's name, a checkpoint's folder or a run -> (GAN, name of its data)."""
    if (Path(name) / "run.json").is_file():
        plan, gan, _ = from_run(Path(name))
        return gan, plan.data
    checkpoint = resolve(name)
    return checkpoint.load(), checkpoint.data


@dataclass(frozen=True)
class Start:
    """What a training may begin with: the networks of a checkpoint or of another run."""

    config: Config
    tensors: dict[str, Tensor]  # of the networks, the opponents among them if they were kept
    opponents: tuple[str, ...]
    facts: dict[str, Any]

    @staticmethod
    def of(name: str, model: str) -> Start:
        """A checkpoint's name or folder, USER/REPO, or a run. ValueError if it is none of these, or of another model."""
        if (Path(name) / "run.json").is_file():
            plan, gan, at = from_run(Path(name))
            is_, opponent, said = plan.model, True, {"name": Path(name).resolve().name, "revision": ""}
            images, command, started = int(at["step"]) * gan.config.batch, plan.command, plan.started
        else:
            checkpoint = resolve(name)
            gan, is_, opponent = checkpoint.load(), checkpoint.spec.name, checkpoint.has_opponent
            said = {"name": checkpoint.name, "revision": checkpoint.revision}
            training = checkpoint.config["training"]
            images, command, started = training["images"], training["command"], training.get("start", {})
        if is_ != model:
            raise ValueError(f"from: {name} is a {is_}, not a {model}; `python -m ganzoo list` names what there is")
        if gan.opponents and not opponent:
            log.warning("%s was kept without its discriminator; that begins untrained (see the README on `--from`)", name)
        lines = [*started.get("command", "").splitlines(), *typed(command).splitlines()]
        while sum(map(len, lines)) + len(lines) > LONGEST // 2:  # the card has room for as much again
            lines.pop(0)
        facts = said | {"images": images + started.get("images", 0), "command": "\n".join(lines)}
        return Start(gan.config, drawing(gan) | (opposing(gan) if opponent else {}), gan.opponents, facts)

    def knobs(self, spec: Spec, given: dict[str, Any]) -> dict[str, Any]:
        """The knobs that it was trained with, but for those that are given; what the data decide is left to the data."""
        if "lr_g" not in given and not self.config.lr_g:
            log.warning("lr_g is 0, as in %s: what draws will stay as it is; --lr-g moves it", self.facts["name"])
        return {k: v for k, v in asdict(self.config).items() if k in knobs(spec.config)} | given

    def give(self, gan: GAN, prepare: bool = False) -> None:
        """Put its networks into a GAN's; prepare: then those that the GAN's knobs name, such as another first stage. ValueError
        if they do not fit."""
        wanted = {k: v.shape for k, v in gan.state_dict().items()}
        new = {k for k, v in gan.named_parameters() if (prepare or v.requires_grad) and not v.any()}  # they change nothing yet
        shut = {k.partition("gate")[0] for k in new - self.shapes.keys() if ".gate" in k}  # see `nets.Gated`, `nets.Mapping`
        lacks = sorted(k for k in drawing(gan).keys() - self.tensors - new if not k.startswith(tuple(shut)))
        left = {name for name in self.opponents if getattr(gan, name, None) is None}  # opponents that have no part here
        tensors = {k: v for k, v in self.tensors.items() if k.split(".")[0] not in left}
        wrong = [k for k, v in tensors.items() if wanted.get(k) != v.shape] or lacks
        if wrong:
            shapes = [tuple(s) if (s := each.get(wrong[0])) is not None else "nothing" for each in (self.shapes, wanted)]
            raise ValueError(
                f"from: {self.facts['name']} has other networks ({wrong[0]}: {shapes[0]}, here {shapes[1]}); leave out the "
                "knobs that say so, and take data of as many pixels, colours and classes"
            )
        gan.load_state_dict(tensors, strict=False)
        if prepare:
            gan.prepare()

    @property
    def shapes(self) -> dict[str, torch.Size]:
        return {k: v.shape for k, v in self.tensors.items()}


def resolve(name: str, patience: float = ENDLESS) -> Checkpoint:
    """The checkpoint of a name, a folder or USER/REPO[@REVISION]. ValueError, with what there is, if it is none of them.

    patience: seconds that a download may take where nothing else can be had; afterwards it goes on by itself.
    """
    plain = Path(name).name == name
    here = weights_dir() / name
    there = plain and (here / "config.json").is_file()
    if there and os.environ.get("GANZOO_WEIGHTS_DIR"):
        return Checkpoint(here, "folder")
    if not there and (Path(name) / "config.json").is_file():
        return Checkpoint(Path(name), "folder")
    why, instead = "", "bundled"
    if plain and (repo := settings.repo_of(name)):
        try:
            return pull(repo, patience=PATIENCE if there else patience)
        except (ValueError, ConnectionError) as error:
            why = str(error)
            log.warning("%s%s", why, "; using the bundled weights" if there else "")
            instead += ", the Hub was not reached" if isinstance(error, ConnectionError) else ""
    if there:
        return Checkpoint(here, instead)
    if repo := Repo.parse(name):
        try:
            return pull(repo, patience=patience)
        except (network.Refused, ConnectionError) as error:
            raise ValueError(f"{error}; and there is no folder {name!r}") from None
    known = ", ".join(c.name for c in bundled()) or "none yet; train one with `python -m ganzoo train`"
    raise ValueError(
        f"no checkpoint {name!r}; there are {known}, or name a folder made by `python -m ganzoo export`, or USER/REPO"
        + (f" ({why})" if why else "")
    )


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
    for file, digest in checkpoint.config["files"].items():
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


@dataclass(frozen=True)
class Known:
    """A checkpoint that can be asked for: the name that `resolve` takes, and what it is."""

    name: str
    model: str
    data: str
    source: str


def known(model: str | None = None, data: str | None = None) -> list[Known]:
    """The checkpoints that are bundled, that `settings` names, and that are in the Hub's cache, of a model and a data set if
    those are given. Nothing is asked of the network: a repo that was never fetched is known by its name, MODEL-DATA.
    """
    found = {c.name: Known(c.name, c.spec.name, c.data, c.source) for c in bundled()}
    same = {repo.id for name in found if (repo := settings.repo_of(name))}  # the bundled ones, by another name
    for repo in settings.named():
        kind, _, pictures = repo.name.partition("-")
        if kind in registry.MODELS and pictures and repo.id not in same:
            found[str(repo)] = Known(str(repo), kind, pictures, f"Hub {repo}")
    for path in snapshots():
        repo_id = path.parents[2].name.removeprefix("models--").replace("--", "/", 1)
        if not Repo.parse(repo_id) or repo_id in same:
            continue
        copy = Checkpoint(path.parent, f"cache {repo_id}@{path.parent.name[:7]}")
        try:
            if copy.config["model"] in registry.MODELS:
                found[repo_id] = Known(repo_id, str(copy.config["model"]), copy.data, copy.source)
        except ValueError:
            continue  # somebody else's model
    return [k for k in found.values() if model in (None, k.model) and data in (None, k.data)]
