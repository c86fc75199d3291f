"""Measures of what a model lets a person decide: does it draw what it was asked for, and do its codes mean something?

They apply by the inputs that a model has: a Choice of the data's own classes (CGAN), or codes that it reads back itself
(InfoGAN). The factors that a code may turn out to move are read off the pictures by the formulas of `FACTORS`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ..images import to_uint8
from ..inputs import Choice, Code
from .case import Case, Score
from .quality import frechet_distance

SWEEPS, POSITIONS = 200, 9  # pictures whose code is swept, and the positions of the slider


def class_accuracy(case: Case) -> list[Score]:
    """Is a picture of the class that was asked for? By the judge; and the Fréchet distance within each class."""
    choices = [i for i in case.gan.inputs if isinstance(i, Choice) and i.name == "label"] if case.gan else []
    if not choices or len(case.classes) < 2:
        return []
    label, n = case.inputs[choices[0].name], len(case.fake.probability)
    right = (case.fake.probability.argmax(1) == label).float()
    ceiling = (case.test.probability.argmax(1) == case.test_label).float().mean().item()
    labels = label, case.train_label, case.test_label
    drawn = [(k, c) for k, c in enumerate(case.classes) if all((x == k).sum() > 1 for x in labels)]  # one has no spread
    if not drawn:
        return []
    by_class = {c: right[label == k].mean().item() for k, c in drawn}
    hardest = min(by_class, key=lambda c: by_class[c])
    inside: dict[str, tuple[float, float]] = {}
    for k, c in drawn:
        real = case.train.feature[case.train_label == k]
        fake, test = case.fake.feature[label == k], case.test.feature[case.test_label == k]
        inside[c] = frechet_distance(real, fake), frechet_distance(real, test)
    worst = max(inside, key=lambda c: inside[c][0])
    note = f"worst: {worst} at {inside[worst][0]:.3g} (real test set {inside[worst][1]:.2g})"
    fakes, floors = (statistics.mean(v) for v in zip(*inside.values(), strict=True))
    return [
        Score(
            "label_accuracy",
            "label accuracy",
            right.mean().item(),
            "higher",
            n,
            ceiling,
            f"by the judge, whose own is beside it; lowest: {hardest} at {100 * by_class[hardest]:.1f} %",
        ),
        Score(
            "frechet_within_class",
            "Fréchet distance within a class",
            fakes,
            "lower",
            n // len(drawn),
            floors,
            f"mean; {note}",
        ),
    ]


def code_measures(case: Case) -> list[Score]:
    """What the codes came to mean, and how well the model reads them back (Chen et al. 2016, sections 7.1 and 7.2)."""
    if not case.inferred_fake or case.gan is None:
        return []
    found: list[Score] = []
    for i in case.gan.inputs:
        if isinstance(i, Choice) and i.name in case.inferred_fake:
            found += category_measures(case, i)
        elif isinstance(i, Code) and i.name in case.inferred_fake:
            found += slider_measures(case, i)
    return found


def category_measures(case: Case, code: Choice) -> list[Score]:
    """Error of a categorical code as a classifier, the bound of its mutual information in nats, and its recovery."""
    given, name, k = case.inputs[code.name], code.name, len(code.options)
    conditional_entropy = cross_entropy(case.inferred_fake[name], given).item()
    missed = (case.inferred_fake[name].argmax(1) != given).float().mean().item()
    read_back = [
        Score(
            f"mutual_information:{name}",
            f"mutual information, {name}",
            math.log(k) - conditional_entropy,
            "higher",
            len(given),
            None,
            f"nats, lower bound; at most {math.log(k):.3f}",
        ),
        Score(
            f"recovery_error:{name}",
            f"{name} recovery error",
            missed,
            "lower",
            len(given),
            None,
            "share of generated pictures whose code Q misses",
        ),
    ]
    if len(case.classes) < 2:  # nothing that a code could turn out to be
        return read_back
    real, n = confusion(case.inferred_test[name].argmax(1), case.test_label, k, len(case.classes)), len(case.test_label)
    drawn = confusion(given, case.fake.probability.argmax(1), k, len(case.classes))
    meant = ", ".join(f"{code.options[i]}: {case.classes[j]}" for i, j in matching(drawn).items())
    mostly = [case.classes[int(j)] for j in drawn.argmax(1)]
    return [
        Score(
            f"category_error_real:{name}",
            f"{name} error, real pictures",
            error(real),
            "lower",
            n,
            None,
            "share of the test set whose code, read by Q, is not its class's, by the best matching",
            {"confusion": real.tolist()},
        ),
        Score(
            f"category_error_generated:{name}",
            f"{name} error, generated",
            error(drawn),
            "lower",
            len(given),
            None,
            meant,
            {"draws": mostly},
        ),
        *read_back,
    ]


def confusion(code: Tensor, label: Tensor, codes: int, classes: int) -> Tensor:
    """code, label (n,) int -> counts (codes, classes)."""
    return torch.bincount(code * classes + label, minlength=codes * classes).view(codes, classes)


def matching(counts: Tensor) -> dict[int, int]:
    """The pairs of code and class that keep most pictures, each used once (Kuhn 1955, by scipy)."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(-counts.numpy())
    return dict(zip(rows.tolist(), columns.tolist(), strict=True))


def error(counts: Tensor) -> float:
    """The share of pictures that the best matching leaves out."""
    kept = sum(int(counts[i, j]) for i, j in matching(counts).items())
    return 1 - kept / int(counts.sum())


def slider_measures(case: Case, code: Code) -> list[Score]:
    """What a numeric code moves when it alone is swept, the bound of its mutual information, and its recovery."""
    given, read, n = case.inputs[code.name], case.inferred_fake[code.name], len(case.fake.image)
    wrong = (read - given).square().mean().item()
    bound = math.log(code.high - code.low) - 0.5 * math.log(2 * math.pi * math.e * max(wrong, 1e-12))
    moved = sweep(case, code)
    strongest = max(moved, key=lambda f: abs(moved[f]))
    others = ", ".join(f"{f} {rho:+.2f}" for f, rho in moved.items() if f != strongest)
    return [
        Score(
            f"slider:{code.name}",
            f"{code.name} as a slider",
            abs(moved[strongest]),
            "higher",
            min(SWEEPS, n) * POSITIONS,
            None,
            f"rank correlation with {strongest} ({moved[strongest]:+.2f}); {others}",
            {"moves": strongest, "rho": round(moved[strongest], 4)},
        ),
        Score(
            f"mutual_information:{code.name}",
            f"mutual information, {code.name}",
            bound,
            "higher",
            n,
            None,
            "nats, lower bound with a Gaussian Q; unbounded for a number",
        ),
        Score(
            f"recovery_error:{code.name}",
            f"{code.name} recovery error",
            math.sqrt(wrong),
            "lower",
            n,
            None,
            "root mean square, of a code in [-1, 1]",
        ),
    ]


def sweep(case: Case, code: Code) -> dict[str, float]:
    """Factor -> its rank correlation with the slider, the rest of a picture's inputs held (mean over SWEEPS pictures)."""
    from scipy.stats import spearmanr

    assert case.gan is not None
    positions = torch.linspace(code.low, code.high, POSITIONS)
    held = {k: v[:SWEEPS].repeat_interleave(POSITIONS, 0) for k, v in case.inputs.items()}
    held[code.name] = positions.repeat(len(held[code.name]) // POSITIONS)
    images = to_uint8(case.gan.show({k: v.to(case.gan.device) for k, v in held.items()}))
    moved = {}
    for name, factor in FACTORS.items():
        rows = factor(images).view(-1, POSITIONS)
        rho = [float(spearmanr(positions.numpy(), row.numpy()).statistic) for row in rows if row.max() > row.min()]
        moved[name] = statistics.mean(rho) if rho else 0.0
    return moved


# ---- Factors: uint8 images (n, C, S, S) -> one number each, from the moments of their ink ------------------------------


def ink(image: Tensor) -> Tensor:
    """(n, S, S) in [0, 1]: how far from black, grey as colour."""
    return image.float().mean(1) / 255


def moments(image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Central second moments of the ink -> of x, of y, and of both: (n,) each, in pixels squared."""
    mass, side = ink(image), image.shape[-1]
    at = torch.arange(side, dtype=torch.float32)
    total = mass.sum((1, 2)).clamp_min(1e-6)
    x, y = (mass * at).sum((1, 2)) / total, (mass * at[:, None]).sum((1, 2)) / total
    dx, dy = at[None, None, :] - x[:, None, None], at[None, :, None] - y[:, None, None]
    xx, yy, xy = ((mass * d).sum((1, 2)) / total for d in (dx * dx, dy * dy, dx * dy))
    return xx, yy, xy


def slant(image: Tensor) -> Tensor:
    """Columns to the right for each row up: the shear that would set the picture upright."""
    _, yy, xy = moments(image)
    return -xy / yy.clamp_min(1e-6)


def stroke(image: Tensor) -> Tensor:
    """Mean thickness in pixels: twice the ink over the length of its edge (the total variation)."""
    mass = torch.nn.functional.pad(ink(image), (1, 1, 1, 1))
    down, right = mass[:, 1:, :-1] - mass[:, :-1, :-1], mass[:, :-1, 1:] - mass[:, :-1, :-1]
    return 2 * mass.sum((1, 2)) / (down.square() + right.square()).sqrt().sum((1, 2)).clamp_min(1e-6)


def width(image: Tensor) -> Tensor:
    """Standard deviation of the ink's columns, in pixels."""
    return moments(image)[0].sqrt()


def height(image: Tensor) -> Tensor:
    """Standard deviation of the ink's rows, in pixels."""
    return moments(image)[1].sqrt()


def brightness(image: Tensor) -> Tensor:
    """Mean of all pixels, 0 to 1."""
    return ink(image).mean((1, 2))


FACTORS: dict[str, Callable[[Tensor], Tensor]] = {
    "slant": slant,
    "stroke width": stroke,
    "width": width,
    "height": height,
    "brightness": brightness,
}
