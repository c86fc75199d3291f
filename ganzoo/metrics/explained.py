"""Why a score moves: real pictures that were never trained on, changed by one thing at a time, and measured as drawn ones are.

Untouched they are as good as a generator can be, so whatever a score says of them then is the score's own doing: it depends on
how many pictures there are, on how they were made smaller, stored and scaled (Parmar et al. 2022, arXiv 2104.11222), and it
praises a generator that repeats its training set. Everything is at hand without the data set: some pictures, and the Gaussian
of the judge's features of all training pictures, in REAL.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from .. import data, files
from ..images import from_pil, from_uint8, nearest, resized, to_pil, to_uint8
from ..models.judge import Judge
from ..models.simclr import SimCLR
from .case import JudgeOutput, Score
from .copying import LEVEL, copying_z, more_than_chance, normal_below, p_values
from .measure import evaluate, judge_of
from .quality import Gaussian, gaussian, gaussian_distance, inception_score, prdc

NAME = "mnist"
REAL = Path(__file__).with_name(f"real_{NAME}.safetensors")
TRAINED, MEASURED, CALIBRATING = 800, 800, 400  # pictures that REAL has
FEWEST = 50
WORST = 1  # quality of a JPEG
CLASSES = tuple("0123456789")


@dataclass(frozen=True)
class Changes:
    """What is done to the pictures; as it stands, nothing."""

    n: int = MEASURED
    lost: int = 0  # classes that are left out, from the first on
    copied: float = 0.0  # share that training pictures take the place of
    side: int = 28  # pixels that they are made smaller to, and enlarged again
    quality: int = 100  # of the JPEG that they are stored as; 100: they are not
    misread: float = 0.0  # how far [-1, 1] is taken for [0, 1], 1: wholly

    def __post_init__(self) -> None:
        bounds = {"n": (FEWEST, MEASURED), "lost": (0, 9), "copied": (0, 1), "side": (4, 28), "quality": (WORST, 100)}
        for name, (low, high) in (bounds | {"misread": (0, 1)}).items():
            value = getattr(self, name)
            whole = name in ("copied", "misread") or value == int(value)
            if isinstance(value, bool) or not low <= value <= high or not whole:
                raise ValueError(f"{name}: {str(value)[:20]} is not a number from {low} to {high}")


class Real(NamedTuple):
    """Real pictures and what is known of them."""

    judge: Judge | SimCLR
    train: JudgeOutput
    measured: JudgeOutput  # untouched; in the order of their classes' turns
    label: Tensor  # (MEASURED,) their classes
    calibrating: JudgeOutput
    distance: Tensor  # (CALIBRATING,) from each to the nearest of `train`
    all: Gaussian  # of the features of the whole training set


@cache
def real() -> Real:
    """What REAL holds, seen by the judge. ValueError if that or the judge is missing."""
    kept, _ = files.read_tensors(REAL)
    judge = judge_of(NAME, CLASSES)
    assert isinstance(judge, Judge)  # as of all data with classes
    train, measured, calibrating = (evaluate(judge, kept[k]) for k in ("train", "measured", "calibrating"))
    distance = nearest(calibrating.image, train.image)[0][:, 0]
    gaussian_of_all = Gaussian(kept["mean"].double(), kept["covariance"].double())
    return Real(judge, train, measured, kept["label"], calibrating, distance, gaussian_of_all)


def write(root: Path | str | None = None) -> Path:
    """Make REAL of the data set: `python -c "from ganzoo.metrics.explained import write; print(write())"`."""
    train, test = data.load(NAME, root, "train"), data.load(NAME, root, "test")
    of_all = gaussian(evaluate(judge_of(NAME, CLASSES), train.image).feature)
    tensors = {
        "train": train.image[train.evenly_spaced(TRAINED)],
        "measured": test.image[:MEASURED],
        "label": test.label[:MEASURED],
        "calibrating": test.image[-CALIBRATING:],
        "mean": of_all.mean.float(),
        "covariance": of_all.covariance.float(),
    }
    files.write_tensors(REAL, tensors, {"source": train.attribution, "license": train.license})
    return REAL


def changed(c: Changes) -> Tensor:
    """The pictures, uint8 (n, 1, 28, 28), n as asked for or fewer, where classes are left out."""
    known = real()
    image = known.measured.image[known.label >= c.lost][: c.n].clone()
    copies = round(c.copied * len(image))
    image[:copies] = known.train.image[:copies]
    if c.side < image.shape[-1]:
        image = resized(resized(image, c.side), image.shape[-1])
    if c.quality < 100:
        image = torch.stack([as_jpeg(x, c.quality) for x in image])
    return to_uint8(torch.lerp(from_uint8(image), from_uint8(image) / 2 + 0.5, c.misread)) if c.misread else image


class Alarms(NamedTuple):
    """Copies that were planted, and pictures that are taken for copies: among those, and among the others."""

    planted: int
    found: int
    others: int
    false: int


def alarms(image: Tensor, c: Changes) -> Alarms:
    """Which of the pictures that these changes give are taken for copies."""
    known, planted = real(), round(c.copied * len(image))
    flagged = p_values(nearest(image, known.train.image)[0][:, 0], known.distance) <= LEVEL
    return Alarms(planted, int(flagged[:planted].sum()), len(image) - planted, int(flagged[planted:].sum()))


def as_jpeg(image: Tensor, quality: int) -> Tensor:
    """uint8 (C, S, S) -> the same, stored as a JPEG and read again."""
    buffer = io.BytesIO()
    to_pil(image).save(buffer, format="JPEG", quality=quality)
    return from_pil(Image.open(buffer))


def scores(image: Tensor) -> list[Score]:
    """The measures of pictures, uint8 (n, 1, 28, 28), against the training set; floor: of the untouched ones, all of them."""
    known, floors = real(), untouched()
    return [
        Score(id, name, value, better, len(image), floors.get(id), note)
        for (id, name, better), (value, note) in zip(KINDS, measured(evaluate(known.judge, image)), strict=True)
    ]


@cache
def untouched() -> dict[str, float]:
    """The measures of the pictures as they are, by id."""
    found = measured(real().measured)
    return {id: value for (id, _, _), (value, _) in zip(KINDS, found, strict=True)}


KINDS: tuple[tuple[str, str, Literal["lower", "higher"]], ...] = (
    ("frechet", "Fréchet distance", "lower"),
    ("inception_style", "Inception-style score", "higher"),
    ("precision", "precision", "higher"),
    ("recall", "recall", "higher"),
    ("coverage", "coverage", "higher"),
    ("lost_classes", "lost classes", "lower"),
    ("copies", "copies", "lower"),
    ("data_copying", "data copying", "higher"),
)


def measured(seen: JudgeOutput) -> list[tuple[float, str]]:
    """The value of each of KINDS, and a word on it."""
    known, n = real(), len(seen.image)
    counts = torch.bincount(seen.probability.argmax(1), minlength=len(CLASSES))
    near = prdc(known.train.feature[:n], seen.feature)
    distance = nearest(seen.image, known.train.image)[0][:, 0]
    flagged = int((p_values(distance, known.distance) <= LEVEL).sum())
    cells = seen.probability.argmax(1), known.calibrating.probability.argmax(1)
    z = copying_z(distance, known.distance, *cells)
    return [
        (gaussian_distance(known.all, gaussian(seen.feature)), "to all 60,000 training pictures"),
        (inception_score(seen.probability, max(1, n // 80)), "at most 10"),
        *((near[k], f"beside {min(n, TRAINED)} training pictures") for k in ("precision", "recall", "coverage")),
        (float((counts < n / 100).sum()), "drawn less than a tenth as often as they should be"),
        (flagged / n, f"p = {more_than_chance(flagged, n):.2g} that so many real pictures have as many"),
        (z, f"p = {normal_below(z):.2g} that real ones are as near (blurred ones are nearer, too)"),
    ]
