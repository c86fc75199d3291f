"""The Hub's own dialect: `from_pretrained`, `save_pretrained`, `push_to_hub`, as every library on the Hub has them.

The names, arguments and card tags are those of huggingface_hub's PyTorchModelHubMixin; what they do is ours, because the
mixin's own loads weights that do not fit without a word, falls back to pickles, and may wait for minutes. `ganzoo/__init__.py`
plugs this module into `Game.hub`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from .. import files
from ..checkpoint import card
from ..checkpoint.folder import BESIDE, Checkpoint
from ..checkpoint.formats import FORMAT
from ..checkpoint.write import preview, write_networks
from ..gan import GAN, Game
from ..images import png
from .push import push
from .resolve import pull, resolve
from .settings import Repo

G = TypeVar("G", bound=Game)

UNKNOWN: dict[str, Any] = {  # of networks that ganzoo did not train
    "data": {"name": "unknown", "title": "pictures that were not recorded", "source": "Not recorded", "license": "unknown"},
    "training": {
        "command": "# not recorded",
        "recipe": None,
        "steps": 0,
        "images": 0,
        "seconds": 0.0,
        "device": "a machine that was not recorded",
        "precision": "unknown",
        "seed": 0,
        "commit": "",
    },
}


def from_pretrained(
    cls: type[G],
    pretrained_model_name_or_path: str | Path,
    *,
    force_download: bool = False,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    revision: str | None = None,
    map_location: str = "cpu",
    strict: bool = True,
) -> G:
    """The trained model of a folder, of USER/REPO on the Hub, or of a checkpoint's name; always strictly.

    ValueError if it cannot be had, does not fit, or is another model than the class that is asked.
    """
    name = str(pretrained_model_name_or_path)
    if not strict:
        raise ValueError("strict=False: ganzoo loads strictly, or not at all")
    repo = Repo.parse(f"{name}@{revision}" if revision else name)
    if revision and not repo:
        raise ValueError(f"revision: {revision!r} needs USER/REPO before it, not {name!r}")
    if repo and not (Path(name) / "config.json").is_file():
        cache = Path(cache_dir) if cache_dir else None
        try:
            checkpoint = pull(repo, token=token, cache=cache, offline=local_files_only, again=force_download)
        except ConnectionError as error:
            raise ValueError(str(error)) from None
    else:
        checkpoint = resolve(name)
    game = checkpoint.load(map_location)
    if not isinstance(game, cls):
        raise ValueError(f"{name}: a {type(game).__name__}, not a {cls.__name__}; GAN.from_pretrained takes every model")
    return game


def save_pretrained(
    game: Game, save_directory: str | Path, *, repo_id: str | None = None, push_to_hub: bool = False, **options: Any
) -> str | None:
    """Write a checkpoint folder: networks, config.json, card, preview. With push_to_hub, as `push_to_hub` does.

    As long as the weights are those that were loaded, so is the rest: measures, timeline, log. Otherwise the card
    says that it was not measured.
    """
    folder = Path(save_directory).resolve()
    save(game, folder, checkpoint_name((repo_id or folder.name).split("/")[-1]))
    return upload(game, repo_id or folder.name, **options) if push_to_hub else None


def push_to_hub(
    game: Game,
    repo_id: str,
    *,
    commit_message: str | None = None,
    private: bool | None = None,
    token: str | None = None,
    branch: str | None = None,
    create_pr: bool = False,
    replace: bool = False,
    license: str | None = None,
) -> str:
    """Upload the model as `python -m ganzoo push` does, in one commit -> the address of the commit."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = save(game, Path(folder), checkpoint_name(repo_id.split("/")[-1]))
        sent = push(
            checkpoint,
            repo_id,
            private=private,
            token=token,
            message=commit_message,
            branch=branch,
            pr=create_pr,
            replace=replace,
            license=license,
        )
    return sent.url


upload = push_to_hub  # by a name that `save_pretrained`'s flag does not hide


def checkpoint_name(name: str) -> str:
    """A name as checkpoints have them: a-z, 0-9, dot, dash and underscore."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name.lower()).lstrip("._-")
    return kept[:64] or "model"


def save(game: Game, folder: Path, name: str) -> Checkpoint:
    """A checkpoint folder of the networks as they are in memory."""
    origin: Checkpoint | None = game.checkpoint
    inputs = game.inputs if isinstance(game, GAN) else ()
    hashes = write_networks(folder, game, light=bool(origin and not origin.has_discriminator))
    if origin and origin.manifest.files == hashes:
        config = origin.config
        for file in BESIDE:
            if (origin.folder / file).is_file() and origin.folder.resolve() != folder.resolve():
                shutil.copyfile(origin.folder / file, folder / file)
    else:
        facts = origin.config if origin else UNKNOWN
        training = dict(facts["training"])
        if origin:
            training["command"] += "\n# then changed in Python"
        config = {
            "format": FORMAT,
            "name": origin.name if origin else name,
            "model": sys.modules[type(game).__module__].SPEC.name,
            "data": facts["data"],
            "config": asdict(game.config),
            "inputs": [{"name": i.name, "type": type(i).__name__} | asdict(i) for i in inputs],
            "training": training,
            "timeline": {"steps": []},
            "metrics": [],
            "files": hashes,
        }
        for file in BESIDE:  # of what the folder held
            (folder / file).unlink(missing_ok=True)
        if isinstance(game, GAN):
            files.write(folder / "preview.png", png(preview(game)))
    files.write_json(folder / "config.json", config)
    checkpoint = Checkpoint(folder, "folder")
    card.write(checkpoint)
    return checkpoint
