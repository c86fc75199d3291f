"""Measures of any generator: how near its pictures are to real ones, how varied, how new.

All but Inception's own FID are taken on what the data set's judge makes of the pictures.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .case import Case, JudgeOutput, Score

SPLITS = 10  # of the Inception-style score, as in its paper
FEW = 20  # classes that are shown one by one


def frechet(case: Case) -> list[Score]:
    """Fréchet distance of the judge's features to the training set's (Heusel et al. 2017, section 2)."""
    real, n = case.train.feature, len(case.fake.feature)
    fake = frechet_distance(real, case.fake.feature)
    floor = frechet_distance(real, case.test.feature) if len(case.test.feature) > 1 else None  # one has no spread
    whose = "the judge's features" if case.judge or has_classes(case) else "features that were learnt without labels (SimCLR)"
    return [Score("frechet", "Fréchet distance", fake, "lower", n, floor, f"on {whose}")]


def has_classes(case: Case) -> bool:
    """Whether there is something to tell apart: of data without labels, all is of one class."""
    return len(case.classes) > 1


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """real (N, F), fake (M, F) -> the distance of the Gaussians that fit them, by torch-fidelity."""
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    gaussians = fid_features_to_statistics(real), fid_features_to_statistics(fake)
    return float(fid_statistics_to_metric(*gaussians, verbose=False)["frechet_inception_distance"])


class Gaussian(NamedTuple):
    """The Gaussian that fits some features: mean (F,), covariance (F, F), float64."""

    mean: Tensor
    covariance: Tensor


def gaussian(feature: Tensor) -> Gaussian:
    """feature (N, F), N > 1 -> the Gaussian that fits them."""
    return Gaussian(feature.double().mean(0), torch.cov(feature.double().T))


def gaussian_distance(a: Gaussian, b: Gaussian) -> float:
    """The Fréchet distance of two Gaussians (Dowson & Landau 1982), |m - n|^2 + tr(S + T - 2 (S T)^1/2), for what has no
    torch-fidelity at hand: the app, and a training on its way. The same to rounding (tests/test_copying.py)."""
    values, vectors = torch.linalg.eigh(a.covariance)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    product = torch.linalg.eigvalsh(root @ b.covariance @ root).clamp_min(0).sqrt().sum()
    difference = (a.mean - b.mean).square().sum() + a.covariance.trace() + b.covariance.trace() - 2 * product
    return max(0.0, float(difference))


def inception_style(case: Case) -> list[Score]:
    """exp E KL(p(y|x) || p(y)) on the judge's probabilities (Salimans et al. 2016, section 4).

    It rises with the pictures of a split, from which p(y) is taken, so the splits of the real ones are as large; where there
    are not as many of these, theirs is too low.
    """
    if not has_classes(case):
        return []
    n = len(case.fake.probability)
    size = max(1, n // SPLITS)
    fake, floor = (inception_score(p, max(1, round(len(p) / size))) for p in (case.fake.probability, case.test.probability))
    note = f"at most {len(case.classes)}, the classes"
    return [Score("inception_style", "Inception-style score", fake, "higher", n, floor, note)]


def inception_score(probability: Tensor, splits: int) -> float:
    """probability (N, K) -> the mean over so many splits of exp E KL(p(y|x) || p(y)), shuffled first, by a fixed seed."""
    p = probability.clamp_min(1e-12)
    order = torch.randperm(len(p), generator=torch.Generator().manual_seed(0))
    scores = [(x * (x.log() - x.mean(0).log())).sum(1).mean().exp() for x in p[order].chunk(splits)]
    return float(torch.stack(scores).mean())


def histogram(case: Case) -> list[Score]:
    """How evenly the classes are drawn: classes lost (under a tenth of their real share), and the distance in shares."""
    k = len(case.classes)
    if not has_classes(case):
        return []

    def shares(seen: JudgeOutput) -> Tensor:
        return torch.bincount(seen.probability.argmax(1), minlength=k).float() / len(seen.probability)

    real, fake, test = shares(case.train), shares(case.fake), shares(case.test)
    few = k <= FEW
    lost = [c for c, r, f in zip(case.classes, real.tolist(), fake.tolist(), strict=True) if f < r / 10]
    drawn = ", ".join(f"{c} {100 * f:.0f} %" for c, f in zip(case.classes, fake.tolist(), strict=True))
    n = len(case.fake.probability)
    named = ", ".join(lost) if few or len(lost) < 6 else f"{', '.join(lost[:5])}, ..."
    of_test = sum(r > 0 and t < r / 10 for r, t in zip(real.tolist(), test.tolist(), strict=True))
    return [
        Score("lost_classes", "lost classes", len(lost), "lower", n, of_test, named or f"none of {k}"),
        Score(
            "class_imbalance",
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
    k = min(K, n - 1)  # of a handful of pictures, there are no five neighbours
    if k < 1:
        return []
    real = case.train.feature[:n]
    floor = prdc(real, case.test.feature[:n], k) if len(case.test.feature) > k else {}
    found = prdc(real, case.fake.feature[:n], k)
    return [Score(name, name, value, "higher", n, floor.get(name), f"k = {k}") for name, value in found.items()]


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
