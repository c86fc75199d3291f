"""The list of models. Its order is the order of the tabs; nothing else in ganzoo knows a model's name.

Importing this module imports no model: `spec` does, when asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from .config import Config, configure, renamed
from .spec import Spec

MODELS: tuple[str, ...] = (
    "vanilla",
    "cnn",
    "dcgan",
    "lsgan",
    "wgan",
    "wgan_gp",
    "cgan",
    "infogan",
    "gan_cls",
    "stackgan",
    "emoji_painter",
    "pix2pix",
    "srgan",
    "cyclegan",
    "progan",
    "lightweight",
    "r3gan",
)

# Networks that are no GANs but are trained by the same engine and kept in the same folders.
TOOLS: dict[str, str] = {  # name -> its file in models/
    "judge": "judge",
    "simclr": "simclr",
    "encoder": "caption_encoder",
}

# A model's name in older commands, runs and checkpoints -> the models that took over what it no longer does: where its own
# Config does not read theirs, one of these may.
SUCCESSORS: dict[str, tuple[str, ...]] = {"stackgan": ("emoji_painter",)}


def spec(name: str) -> Spec:
    """The Spec of a model by its name. ValueError if there is none."""
    if name not in (*MODELS, *TOOLS):
        raise ValueError(f"no model {name!r}; there are {', '.join((*MODELS, *TOOLS))}")
    found: Spec = import_module(f"ganzoo.models.{TOOLS.get(name, name)}").SPEC
    return found


def specs() -> list[Spec]:
    """The Specs of all GANs, in tab order."""
    return [spec(name) for name in MODELS]


def successor(model: str, config: Mapping[str, Any], drawing: bool = False) -> tuple[Spec, Config]:
    """What a model's config, of this version or an older one, is today: the model, and its Config.

    The model itself, if its Config reads it, or else the first of its successors whose Config does; knobs that it does not name
    have the values that they had in the model it is of. drawing: the networks have only to draw, so that what mattered to their
    training alone may be lost. ValueError, of the model itself, if none reads it.
    """
    own = spec(model)
    candidates = [(own, dict(config))]
    for other in map(spec, SUCCESSORS.get(model, ())):
        names = renamed(own.config) | renamed(other.config)
        candidates.append((other, {**other.config.inherited, **{names.get(k, k): v for k, v in config.items()}}))
    refused: ValueError | TypeError | None = None
    for lenient in (False, True) if drawing else (False,):
        for candidate, values in candidates:
            try:
                return candidate, configure(candidate.config, values, lenient)
            except (ValueError, TypeError) as error:
                refused = refused or error
    raise ValueError(str(refused))
