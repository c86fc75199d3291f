"""Measures of a generator: a function per measure, and the list of them.

A measure takes a `Case` and gives `Score`s. Every score carries its sample count and, where it has one, the floor: the
same measure taken of the real test set. All but the Inception ones look through the data set's own judge.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from ..data import Data
from ..gan import GAN, Batch

SPLITS = 10  # of the Inception-style score, as in its paper


@dataclass(frozen=True)
class Look:
    """What the judge saw: uint8 images (N, C, S, S), features (N, F), probabilities (N, K)."""

    image: Tensor
    feature: Tensor
    probability: Tensor


@dataclass(frozen=True)
class Case:
    """One draw of pictures to be measured against the real ones, and what the model was fed and reads back."""

    fake: Look
    train: Look
    test: Look
    classes: tuple[str, ...]
    train_label: Tensor = field(default_factory=lambda: torch.empty(0))
    test_label: Tensor = field(default_factory=lambda: torch.empty(0))
    gan: GAN | None = None
    given: Batch = field(default_factory=dict)  # the inputs of the fake pictures
    read_fake: Batch = field(default_factory=dict)  # what the model infers of its inputs in the fake pictures
    read_test: Batch = field(default_factory=dict)  # and in the real test pictures
    held_out: Data | None = None  # the test set, with its captions
    seed: int = 0  # of the first picture


@dataclass(frozen=True)
class Score:
    name: str
    value: float
    better: Literal["lower", "higher"]
    n: int
    floor: float | None = None  # the same, of the real test set
    said: str = ""  # what a reader should know beside the number
    detail: dict[str, Any] = field(default_factory=dict)  # what a program should: a confusion matrix, names


def frechet(case: Case) -> list[Score]:
    """Fréchet distance of the judge's features to the training set's (Heusel et al. 2017, section 2)."""
    real, n = case.train.feature, len(case.fake.feature)
    fake, floor = frechet_distance(real, case.fake.feature), frechet_distance(real, case.test.feature)
    return [Score("Fréchet distance", fake, "lower", n, floor, "on the judge's features")]


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """real (N, F), fake (M, F) -> the distance of the Gaussians that fit them, by torchmetrics."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    fid = FrechetInceptionDistance(feature=_Features(real.shape[1]))
    fid.update(real, real=True)
    fid.update(fake, real=False)
    return float(fid.compute())


class _Features(torch.nn.Module):
    """Hands features that are already taken to torchmetrics as if it took them."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.num_features = n

    def forward(self, features: Tensor) -> Tensor:
        return features


def inception_style(case: Case) -> list[Score]:
    """exp E KL(p(y|x) || p(y)) on the judge's probabilities (Salimans et al. 2016, section 4), by torchmetrics."""
    from torchmetrics.image.inception import InceptionScore

    def score(look: Look) -> float:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.filterwarnings("ignore", message="Metric `InceptionScore` will save")
            torch.manual_seed(0)  # it shuffles before it splits
            metric = InceptionScore(feature=_Features(look.probability.shape[1]), splits=SPLITS)
            metric.update(look.probability.clamp_min(1e-12).log())
            return float(metric.compute()[0])

    k, n = len(case.classes), len(case.fake.probability)
    return [Score("Inception-style score", score(case.fake), "higher", n, score(case.test), f"at most {k}, the classes")]


def histogram(case: Case) -> list[Score]:
    """How evenly the classes are drawn: classes lost (under a tenth of their real share), and the distance in shares."""
    k = len(case.classes)

    def shares(look: Look) -> Tensor:
        return torch.bincount(look.probability.argmax(1), minlength=k).float() / len(look.probability)

    real, fake, test = shares(case.train), shares(case.fake), shares(case.test)
    few = k <= 20
    lost = [c for c, r, f in zip(case.classes, real.tolist(), fake.tolist(), strict=True) if f < r / 10]
    drawn = ", ".join(f"{c} {100 * f:.0f} %" for c, f in zip(case.classes, fake.tolist(), strict=True))
    n = len(case.fake.probability)
    named = ", ".join(lost if few else lost[:5]) + ("" if few or len(lost) <= 5 else ", ...")
    of_test = sum(r > 0 and t < r / 10 for r, t in zip(real.tolist(), test.tolist(), strict=True))
    return [
        Score("lost classes", len(lost), "lower", n, of_test, f"{named or 'none'} of {k}"),
        Score(
            "class imbalance",
            float((real - fake).abs().sum() / 2),
            "lower",
            n,
            float((real - test).abs().sum() / 2),
            drawn if few else "",
        ),
    ]


K = 5  # nearest neighbours that make a manifold


def manifold(case: Case) -> list[Score]:
    """Precision and recall (Kynkäänniemi et al. 2019, arXiv 1904.06991, equation 2); density and coverage (Naeem et al.
    2020, arXiv 2002.09797, equations 3 and 5), k = 5, as many training pictures as fakes."""
    n = min(len(case.fake.feature), len(case.train.feature))
    real = case.train.feature[:n]
    floor = prdc(real, case.test.feature[:n])
    return [
        Score(name, value, "higher", n, floor[name], f"k = {K}") for name, value in prdc(real, case.fake.feature[:n]).items()
    ]


def prdc(real: Tensor, fake: Tensor, k: int = K) -> dict[str, float]:
    """real (N, F), fake (M, F) -> precision, recall, density, coverage. Holds N x M distances in memory."""
    real_radius = torch.cdist(real, real).kthvalue(k + 1).values  # the nearest is the point itself
    fake_radius = torch.cdist(fake, fake).kthvalue(k + 1).values
    distance = torch.cdist(real, fake)
    inside = distance < real_radius[:, None]
    return {
        "precision": inside.any(0).float().mean().item(),
        "recall": (distance < fake_radius[None]).any(1).float().mean().item(),
        "density": inside.float().sum(0).mean().item() / k,
        "coverage": (distance.min(1).values < real_radius).float().mean().item(),
    }


def copies(case: Case) -> list[Score]:
    """Is it a copy? Share of fakes that are nearer to a training picture, in pixels, than 99 % of real test pictures are.

    A generator that invents scores about 1 % or less; one that repeats its training set scores 100 %.
    """
    fake, test = nearest(case.fake.image, case.train.image)[0], nearest(case.test.image, case.train.image)[0]
    limit = test.quantile(0.01)
    share = float((fake < limit).float().mean())
    return [Score("copies", share, "lower", len(fake), 0.01, "nearer to a training picture than 99 % of test pictures")]


def nearest(image: Tensor, among: Tensor, most: int = 2000) -> tuple[Tensor, Tensor]:
    """uint8 images -> distance (n,) in pixels (L2, of 0..1) and index (n,) of the nearest one; of the first `most`."""
    x, pool = image[:most].flatten(1).float() / 255, among.flatten(1).float() / 255
    best = torch.full((len(x),), torch.inf)
    index = torch.zeros(len(x), dtype=torch.long)
    for start in range(0, len(pool), 10_000):
        distance, at = torch.cdist(x, pool[start : start + 10_000]).min(1)
        closer = distance < best
        best[closer], index[closer] = distance[closer], at[closer] + start
    return best, index


from .control import codes, obedience  # noqa: E402 (they need the names above)
from .words import words  # noqa: E402

METRICS: dict[str, Callable[[Case], list[Score]]] = {
    "frechet": frechet,
    "obedience": obedience,
    "codes": codes,
    "words": words,
    "inception_style": inception_style,
    "histogram": histogram,
    "manifold": manifold,
    "copies": copies,
}
