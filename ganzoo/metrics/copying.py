"""Are they copies of the training pictures? Each picture and all together, held against real pictures that it never saw.

A copy is nearer to a training picture than real held-out pictures are. Their distances say how near is nearer than chance: a
picture's p-value is its rank among them (a conformal p-value: Bates et al. 2023, arXiv 2104.08279, section 1.2), and of all
pictures together, whether they are nearer than held-out ones is a rank test (Meehan, Chaudhuri & Dasgupta 2020, arXiv
2004.05675, section 3). Smooth pictures are nearer to everything in pixels, so the rank test accuses blur, too: copies are
there where single pictures are found as well.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from ..images import nearest
from .case import Case, JudgeOutput, Score

MOST = 2000  # pictures of a set that are searched for copies
LEVEL = 0.01  # a picture whose p-value is at most this counts as a copy: of real held-out ones, so many do
FEWEST = 20  # pictures of each kind that a cell needs to be tested by itself


def p_values(distance: Tensor, held_out: Tensor) -> Tensor:
    """Distances to the nearest training picture, of pictures (n,) and of held-out real ones (m,) -> p-values (n,): the share of
    real ones that are as near, each picture being counted among them. Of real pictures they are uniform, or above."""
    nearer = torch.searchsorted(held_out.sort().values, distance, right=True)
    return (1 + nearer) / (1 + len(held_out))


def more_than_chance(flagged: int, n: int, level: float = LEVEL) -> float:
    """The probability that of n real pictures as many or more have a p-value of at most the level (binomial)."""
    log = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(n + 1)]
    terms = (x + k * math.log(level) + (n - k) * math.log1p(-level) for k, x in enumerate(log) if k >= flagged)
    return min(1.0, sum(map(math.exp, terms)))


def copying_z(distance: Tensor, held_out: Tensor, cell: Tensor, held_out_cell: Tensor) -> float:
    """Meehan's C_T, as a standard normal number of pictures that are no copies: far below 0, they are nearer to the training
    pictures than real held-out ones are, within the cells of the space (n,), (m,) that have enough of both (else in all of it);
    far above 0, they are farther away. Each cell's rank test weighs as many held-out pictures as it has."""
    cells = [(distance[cell == k], held_out[held_out_cell == k]) for k in held_out_cell.unique()]
    cells = [(x, y) for x, y in cells if min(len(x), len(y)) >= FEWEST] or [(distance, held_out)]
    weight = torch.tensor([float(len(y)) for _, y in cells])
    z = torch.tensor([rank_z(x, y) for x, y in cells])
    return float((weight * z).sum() / weight.square().sum().sqrt())


def rank_z(x: Tensor, y: Tensor) -> float:
    """How many deviations the count of pairs with x above y is from half of all (Mann & Whitney 1947); ties count half."""
    n, m = len(x), len(y)
    ordered = y.sort().values
    above, reach = (torch.searchsorted(ordered, x, right=right).sum().item() for right in (False, True))
    return ((above + reach) / 2 - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)


def normal_below(z: float) -> float:
    """The probability that a standard normal number is below z."""
    return math.erfc(-z / math.sqrt(2)) / 2


@lru_cache(maxsize=1)
def real_distance(test: JudgeOutput, train: JudgeOutput) -> Tensor:
    """From real held-out pictures to the nearest training picture; kept for the next draw."""
    return nearest(test.image[:MOST], train.image)[0][:, 0]


def copies(case: Case) -> list[Score]:
    """Is it a copy? The share of fakes that are nearer to a training picture, in pixels, than 99 % of real test pictures are,
    and whether all of them together are nearer than those.

    A generator that invents has about 1 % or less of copies; one that repeats its training set has 100 %.
    """
    fake = case.fake.image[:MOST]
    distance, held_out = nearest(fake, case.train.image)[0][:, 0], real_distance(case.test, case.train)
    limit = held_out.quantile(LEVEL)
    flagged = int((distance < limit).sum())
    chance = more_than_chance(flagged, len(fake))
    note = f"nearer to a training picture than 99 % of test pictures; as many by chance: p = {chance:.2g}"
    cells = (x.probability[:MOST].argmax(1) for x in (case.fake, case.test))
    z = copying_z(distance, held_out, *cells)
    where = ", in the judge's classes" if len(case.classes) > 1 else ""
    about = f"deviations{where}; far below 0: nearer to training pictures than test pictures, or blurred; "
    return [
        Score("copies", "copies", flagged / len(fake), "lower", len(fake), LEVEL, note),
        Score("data_copying", "data copying", z, "higher", len(fake), 0.0, f"{about}p = {normal_below(z):.2g}"),
    ]
