"""The list of models. Its order is the order of the tabs; nothing else in ganzoo knows a model's name.

Importing this module imports no model: `spec` does, when asked.
"""

from __future__ import annotations

from importlib import import_module

from .spec import Spec

MODELS: tuple[str, ...] = (
    "vanilla",
    "dcgan",
    "cgan",
    "infogan",
    "gan_cls",
    "stackgan",
)

# Networks that are no GANs but are trained by the same engine and kept in the same folders.
TOOLS: dict[str, str] = {
    "judge": "ganzoo.metrics.judge",
    "encoder": "ganzoo.text.encoder",
}


def spec(name: str) -> Spec:
    """The Spec of a model by its name. ValueError if there is none."""
    if name in MODELS:
        module = f"ganzoo.models.{name}"
    elif name in TOOLS:
        module = TOOLS[name]
    else:
        raise ValueError(f"no model {name!r}; there are {', '.join((*MODELS, *TOOLS))}")
    found: Spec = import_module(module).SPEC
    return found


def specs() -> list[Spec]:
    """The Specs of all GANs, in tab order."""
    return [spec(name) for name in MODELS]
