"""Data sets by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from .dataset import SPLITS, Data, default_root
from .wording import Wording

# name -> the file here that has a function of that name: (root, "train" or "test") -> Data
SETS: dict[str, str] = {
    "mnist": "mnist",
    "fashion": "mnist",
    "emoji": "emoji.sets",
    "emoji_people": "emoji.sets",
    "emoji_hues": "emoji.sets",
    "emoji_outlines": "emoji.outlines",
    "shapes": "shapes",
    "faces": "faces.sets",
    "faces_every": "faces.sets",
    "faces_few": "faces.sets",
    "faces_glasses": "face_pairs",
    "faces_beard": "face_pairs",
    "fake": "shapes",
    "ring8": "points",
    "grid25": "points",
    "stacked_mnist": "stacked_mnist",
}
SCALABLE = (
    "shapes",
    "fake",
    "faces",
    "faces_every",
    "faces_few",
    "faces_glasses",
    "faces_beard",
    "emoji",
    "emoji_people",
    "emoji_hues",
    "emoji_outlines",
)  # may be asked for at another side, as in emoji@256
# name -> the file here whose `wording()` knows its captions, where they are made from known attributes
WORDINGS = {"shapes": "shapes", "faces": "faces.wording"}


@cache
def wording(name: str) -> Wording | None:
    """How the captions of a data set, or of NAME@SIDE, say what is known of a picture; None where that is not known."""
    file = WORDINGS.get(name.partition("@")[0])
    found: Wording | None = import_module(f"{__name__}.{file}").wording() if file else None
    return found


def wordings() -> list[Wording]:
    """All of them."""
    return [found for name in WORDINGS if (found := wording(name))]


def load(name: str, root: Path | str | None = None, split: str = "train") -> Data:
    """A data set by name, or NAME@SIDE. ValueError if there is none, or if its files are neither there nor to be had."""
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; there are {', '.join(SPLITS)}")
    base, at_sign, side = name.partition("@")
    base, colon, style = base.partition(":") if base.startswith("faces:") else (base, "", "")
    if base not in SETS and not name.startswith(("folder:", "pairs:", "hf:")):
        names = ", ".join(SETS)
        raise ValueError(
            f"no data set {name!r}; there are {names}, folder:DIR for your own pictures, pairs:DIR for pairs of them, "
            "hf:USER/NAME for the Hub's"
        )
    if split == "unseen" and not base.startswith(("emoji", "faces")):
        raise ValueError(f"{name} has no split {split!r}; it has train and test")
    root_folder = Path(root) if root is not None else default_root()
    if name.startswith("folder:"):
        from .folder import folder

        return folder(name.removeprefix("folder:"), root_folder, split)
    if name.startswith("pairs:"):
        from .pairs import pairs

        return pairs(name.removeprefix("pairs:"), root_folder, split)
    if name.startswith("hf:"):
        from .hub_dataset import hub_dataset

        return hub_dataset(name.removeprefix("hf:"), root_folder, split)
    if at_sign and (base not in SCALABLE or not side.isdecimal()):
        raise ValueError(f"{name}: {', '.join(f'{s}@SIDE' for s in SCALABLE)} take a side, in pixels")
    load_split: Callable[..., Data] = getattr(import_module(f"{__name__}.{SETS[base]}"), base)
    options: dict[str, Any] = ({"side": int(side)} if at_sign else {}) | ({"style": style} if colon else {})
    return load_split(root_folder, split, **options)
