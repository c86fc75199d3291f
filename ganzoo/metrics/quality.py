"""Measures of any generator: how near its pictures are to real ones, how varied, how new.

All but Inception's own FID look through the data set's judge.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from ..images import nearest
from .case import Case, Look, Score

SPLITS = 10  # of the Inception-style score, as in its paper
FEW = 20  # classes that are shown one by one


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
    """exp E KL(p(y|x) || p(y)) on the judge's probabilities (Salimans et al. 2016, section 4), by torchmetrics.

    It rises with the pictures of a split, from which p(y) is taken, so the splits of the real ones are as large; where there
    are not as many of these, theirs is too low.
    """
    k, n = len(case.classes), len(case.fake.probability)
    size = max(1, n // SPLITS)
    from torchmetrics.image.inception import InceptionScore

    def score(look: Look) -> float:
        splits = max(1, round(len(look.probability) / size))
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.filterwarnings("ignore", message="Metric `InceptionScore` will save|std\\(\\): degrees of freedom")
            torch.manual_seed(0)  # it shuffles before it splits
            metric = InceptionScore(feature=_Features(look.probability.shape[1]), splits=splits)
            metric.update(look.probability.clamp_min(1e-12).log())
            return float(metric.compute()[0])

    return [Score("Inception-style score", score(case.fake), "higher", n, score(case.test), f"at most {k}, the classes")]


def histogram(case: Case) -> list[Score]:
    """How evenly the classes are drawn: classes lost (under a tenth of their real share), and the distance in shares."""
    k = len(case.classes)

    def shares(look: Look) -> Tensor:
        return torch.bincount(look.probability.argmax(1), minlength=k).float() / len(look.probability)

    real, fake, test = shares(case.train), shares(case.fake), shares(case.test)
    few = k <= FEW
    lost = [c for c, r, f in zip(case.classes, real.tolist(), fake.tolist(), strict=True) if f < r / 10]
    drawn = ", ".join(f"{c} {100 * f:.0f} %" for c, f in zip(case.classes, fake.tolist(), strict=True))
    n = len(case.fake.probability)
    named = ", ".join(lost) if few or len(lost) < 6 else f"{', '.join(lost[:5])}, ..."
    of_test = sum(r > 0 and t < r / 10 for r, t in zip(real.tolist(), test.tolist(), strict=True))
    return [
        Score("lost classes", len(lost), "lower", n, of_test, named or f"none of {k}"),
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
MOST = 2000  # pictures of a set that are searched for copies


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
    fake, test = (nearest(x.image[:MOST], case.train.image)[0] for x in (case.fake, case.test))
    limit = test.quantile(0.01)
    share = float((fake < limit).float().mean())
    return [Score("copies", share, "lower", len(fake), 0.01, "nearer to a training picture than 99 % of test pictures")]
