"""A checkpoint by its name: an explicit folder, or one of the bundled ones."""

from __future__ import annotations

from pathlib import Path

from .. import registry
from ..checkpoint import Checkpoint, weights_dir


def bundled() -> list[Checkpoint]:
    """The checkpoints in weights/, in tab order; tools (judges) last, folders that are no checkpoint left out."""
    order = [*registry.MODELS, *registry.TOOLS]
    found = [Checkpoint(p.parent, "bundled") for p in sorted(weights_dir().glob("*/config.json"))]
    return sorted((c for c in found if c.config.get("model") in order), key=lambda c: order.index(str(c.config["model"])))


def resolve(name: str) -> Checkpoint:
    """The checkpoint of a name or a folder. ValueError, naming those that there are, if it is neither."""
    if (weights_dir() / name / "config.json").is_file() and Path(name).name == name:
        return Checkpoint(weights_dir() / name, "bundled")
    if (Path(name) / "config.json").is_file():
        return Checkpoint(Path(name), "folder")
    known = ", ".join(c.name for c in bundled()) or "none yet; train one with `python -m ganzoo train`"
    raise ValueError(f"no checkpoint {name!r}; there are {known}, or name a folder made by `python -m ganzoo export`")
