"""What the page looks up among a checkpoint's measures."""

from __future__ import annotations

import torch

from ..checkpoint.folder import Checkpoint
from ..metrics.control import matching


def drawn_by_option(c: Checkpoint, choice: str) -> list[str]:
    """What each option of a code was measured to draw; empty if it was not."""
    return list(c.manifest.detail(f"category_error_generated:{choice}").draws or ())


def class_of_option(c: Checkpoint, choice: str) -> list[str]:
    """The class of each option of a code: the best matching of its options and the classes of the real test pictures, each
    used once; where an option draws mostly another class, that one is named too. Empty if it was not measured."""
    counts, draws, classes = confusion(c, choice), drawn_by_option(c, choice), c.knobs.classes
    if len(counts) != len(draws) or not draws or any(len(row) != len(classes) for row in counts):
        return draws
    matched = matching(torch.tensor(counts))
    names = [classes[matched[i]] if i in matched else drawn for i, drawn in enumerate(draws)]
    return [name if name == drawn else f"{name} or {drawn}" for name, drawn in zip(names, draws, strict=True)]


def confusion(c: Checkpoint, choice: str) -> list[list[int]]:
    """How often the code read in a real test picture is which (rows) by its true class (columns); empty if not measured."""
    return list(c.manifest.detail(f"category_error_real:{choice}").confusion or ())


def moved_by_slider(c: Checkpoint, code: str) -> str:
    """What a continuous code was measured to move; empty if it was not."""
    return c.manifest.detail(f"slider:{code}").moves or ""
