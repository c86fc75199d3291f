"""Which modes of its data does a generator draw? For data whose modes are known and equally likely.

The protocols are VEEGAN's (Srivastava et al. 2017, arXiv 1705.07761, section 4) and PacGAN's (Lin et al. 2017, arXiv
1712.04086, section 4): 2,500 points of a mixture of Gaussians, or 26,000 stacked digits, read by a classifier of single ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..data.points import MIXTURES, Mixture
from ..models.judge import Judge
from .case import Score

DEVIATIONS = 3  # a point this near to a centre is of high quality
STACKED = "stacked_mnist"


@dataclass(frozen=True)
class Modes:
    """The mode of each of n pictures (n,), which of them are of high quality (n,), and how many modes there are."""

    mode: Tensor
    good: Tensor
    count: int

    @property
    def caught(self) -> int:
        """The modes of which there is at least one picture of high quality."""
        return len(self.mode[self.good].unique())

    @property
    def quality(self) -> float:
        """The share of pictures that are of high quality."""
        return float(self.good.float().mean())

    @property
    def reverse_kl(self) -> float:
        """KL(drawn || uniform) over the modes, in nats. Of n pictures of the data themselves about (modes - 1) / 2 n."""
        share = torch.bincount(self.mode, minlength=self.count).double() / len(self.mode)
        return float(torch.xlogy(share, share * self.count).sum())


def has_modes(data: str) -> bool:
    """Whether the modes of a data set of this name are counted."""
    return data == STACKED or data in MIXTURES


def of_points(point: Tensor, mixture: Mixture) -> Modes:
    """float (n, 2, 1, 1) -> the nearest centre, and whether it is within three deviations (VEEGAN, section 4.1)."""
    distance, mode = torch.cdist(point.flatten(1).float(), mixture.centre).min(1)
    return Modes(mode, distance <= DEVIATIONS * mixture.deviation, len(mixture.centre))


def of_stacked_digits(image: Tensor, judge: Judge) -> Modes:
    """uint8 (n, 3, 28, 28) -> the number that the judge of single digits reads in the channels; all count as good."""
    _, probability = judge.predict(image.flatten(0, 1)[:, None])
    digits = probability.argmax(1).view(-1, 3)
    mode = digits @ torch.tensor([100, 10, 1])
    return Modes(mode, torch.ones(len(mode), dtype=torch.bool), 1000)


def scores(fake: Modes, test: Modes) -> list[Score]:
    """Modes caught, share of high quality, reverse KL; beside each, the same of as many real test pictures."""
    n, exact = len(fake.mode), fake.good.all() and test.good.all()
    found = [
        Score("modes", "modes caught", fake.caught, "higher", n, test.caught, f"of {fake.count:,}"),
        Score(
            "reverse_kl",
            "reverse KL",
            fake.reverse_kl,
            "lower",
            n,
            test.reverse_kl,
            "drawn modes to equally many of each, in nats",
        ),
    ]
    within = f"within {DEVIATIONS} deviations of a mode"
    return found if exact else [*found, Score("high_quality", "high quality", fake.quality, "higher", n, test.quality, within)]
