"""A checkpoint by its name: an explicit folder, or one of the bundled ones."""

from __future__ import annotations

from pathlib import Path

from .. import data, registry
from ..checkpoint import Checkpoint, weights_dir


def bundled() -> list[Checkpoint]:
    """The checkpoints in weights/, in the order of the tabs and of the data sets; tools (judges) last."""
    models, sets = [*registry.MODELS, *registry.TOOLS], [*data.SETS]

    def place(c: Checkpoint) -> tuple[int, int, str]:
        return models.index(str(c.config["model"])), sets.index(c.data) if c.data in sets else len(sets), c.name

    found = [Checkpoint(p.parent, "bundled") for p in weights_dir().glob("*/config.json")]
    return sorted((c for c in found if c.config["model"] in models), key=place)


def resolve(name: str) -> Checkpoint:
    """The checkpoint of a name or a folder. ValueError, naming those that there are, if it is neither."""
    if (weights_dir() / name / "config.json").is_file() and Path(name).name == name:
        return Checkpoint(weights_dir() / name, "bundled")
    if (Path(name) / "config.json").is_file():
        return Checkpoint(Path(name), "folder")
    known = ", ".join(c.name for c in bundled()) or "none yet; train one with `python -m ganzoo train`"
    raise ValueError(f"no checkpoint {name!r}; there are {known}, or name a folder made by `python -m ganzoo export`")
