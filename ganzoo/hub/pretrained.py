"""The Hub's own dialect: `from_pretrained`, `save_pretrained`, `push_to_hub`, as every library on the Hub has them.

The names, arguments and card tags are those of huggingface_hub's mixin; what they do is ours, because the mixin's own loads
weights that do not fit without a word, falls back to pickles, and may wait for minutes. GAN inherits from it, since it is
the class that the Hub's snippet names.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from huggingface_hub import PyTorchModelHubMixin

if TYPE_CHECKING:
    from ..checkpoint import Checkpoint
    from ..gan import GAN

T = TypeVar("T", bound="Pretrained")

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


class Pretrained(PyTorchModelHubMixin, library_name="ganzoo", license="mit"):
    """What a GAN knows of the Hub. `checkpoint` is where it was loaded from."""

    checkpoint: Checkpoint | None = None

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls: type[T],
        pretrained_model_name_or_path: str | Path,
        *,
        force_download: bool = False,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        revision: str | None = None,
        map_location: str = "cpu",
        strict: bool = True,
    ) -> T:
        """The trained model of a folder, of USER/REPO on the Hub, or of a checkpoint's name; always strictly.

        ValueError if it cannot be had, does not fit, or is another model than the class that is asked.
        """
        from .resolve import pull, resolve
        from .settings import Repo

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
        gan = checkpoint.load(map_location)
        if not isinstance(gan, cls):
            raise ValueError(f"{name}: a {type(gan).__name__}, not a {cls.__name__}; GAN.from_pretrained takes every model")
        return gan

    def save_pretrained(
        self, save_directory: str | Path, *, repo_id: str | None = None, push_to_hub: bool = False, **push: Any
    ) -> str | None:
        """Write a checkpoint folder: networks, config.json, card, preview. With push_to_hub, as `push_to_hub` does.

        As long as the weights are those that were loaded, so is the rest: measures, timeline, log. Otherwise the card
        says that it was not measured.
        """
        folder = Path(save_directory).resolve()
        save(cast("GAN", self), folder, checkpoint_name((repo_id or folder.name).split("/")[-1]))
        return self.push_to_hub(repo_id or folder.name, **push) if push_to_hub else None

    def push_to_hub(  # type: ignore[override]
        self,
        repo_id: str,
        *,
        commit_message: str | None = None,
        private: bool | None = None,
        token: str | None = None,
        branch: str | None = None,
        create_pr: bool = False,
    ) -> str:
        """Upload the model as `python -m ganzoo push` does, in one commit -> the address of the commit."""
        from .push import push

        with tempfile.TemporaryDirectory() as folder:
            checkpoint = save(cast("GAN", self), Path(folder), checkpoint_name(repo_id.split("/")[-1]))
            sent = push(checkpoint, repo_id, private=private, token=token, message=commit_message, branch=branch, pr=create_pr)
        return sent.url


def checkpoint_name(name: str) -> str:
    """A name as checkpoints have them: a-z, 0-9, dot, dash and underscore."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name.lower()).lstrip("._-")
    return kept[:64] or "model"


def save(gan: GAN, folder: Path, name: str) -> Checkpoint:
    """A checkpoint folder of the networks as they are in memory."""
    from .. import files
    from ..checkpoint import BESIDE, Checkpoint, preview, write_networks
    from ..images import png
    from ..manifest import FORMAT
    from . import card

    before = gan.checkpoint
    hashes = write_networks(folder, gan, light=bool(before and not before.has_opponent))
    if before and before.config["files"] == hashes:
        config = before.config
        for file in BESIDE:
            if (before.folder / file).is_file() and before.folder.resolve() != folder.resolve():
                shutil.copyfile(before.folder / file, folder / file)
    else:
        facts = before.config if before else UNKNOWN
        training = dict(facts["training"])
        if before:
            training["command"] += "\n# then changed in Python"
        config = {
            "format": FORMAT,
            "name": before.name if before else name,
            "model": sys.modules[type(gan).__module__].SPEC.name,
            "data": facts["data"],
            "config": asdict(gan.config),
            "inputs": [{"name": i.name, "type": type(i).__name__} | asdict(i) for i in gan.inputs],
            "training": training,
            "timeline": {"steps": []},
            "metrics": [],
            "files": hashes,
        }
        for file in BESIDE:  # of what was in the folder before
            (folder / file).unlink(missing_ok=True)
        if gan.inputs:
            files.write(folder / "preview.png", png(preview(gan)))
    files.write_json(folder / "config.json", config)
    checkpoint = Checkpoint(folder, "folder")
    card.write(checkpoint)
    return checkpoint
