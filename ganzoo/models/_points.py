"""The games of four papers with the first GAN's dense networks, for points of the plane (`data/points.py`): what each player
minimises, and how it moves, is those models' own code; a picture of one pixel has nothing to convolve.

Shapes: B batch, Z noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..config import knob
from ..gan import GAN, Batch, Terms
from ..inputs import Noise
from ..losses import LOSSES
from ..remedies import apply
from ..spec import Spec
from . import lsgan, vanilla, wgan, wgan_gp


@dataclass(frozen=True)
class Config(vanilla.Config):
    clip: float = knob(0.1, "a WGAN's critic keeps its weights in [-clip, clip]")
    penalty: float = knob(1.0, "weight of a WGAN-GP's penalty on the critic's slope")

    @property
    def critic_steps(self) -> int:
        """What a critic's papers call k."""
        return self.k


class PointGAN(GAN):
    """In front of a model, it takes the place of that model's networks, and lets it have every remedy and R1."""

    config: Config
    loss_name = "non-saturating"

    def __init__(self, c: Config) -> None:
        GAN.__init__(self, c)
        self.inputs = (Noise("z", c.z, c.noise),)
        self.G, self.D = vanilla.Generator(c), vanilla.Discriminator(c)
        self.loss = LOSSES[self.loss_name]
        apply(self, c)

    def d_loss(self, batch: Batch) -> Terms:
        terms = super().d_loss(batch)  # in which some models have R1 already
        return terms if "d_r1" in terms else terms | self.lazy_r1(self.config.r1, self.config.r1_every, batch["image"])


class NonSaturating(PointGAN, vanilla.VanillaGAN):
    config: Config


class LeastSquares(PointGAN, lsgan.LSGAN):
    config: Config  # type: ignore[assignment]
    loss_name = "least-squares"


class Clipped(PointGAN, wgan.WGAN):
    config: Config  # type: ignore[assignment]
    loss_name = "wasserstein"


class Penalised(PointGAN, wgan_gp.WGANGP):
    config: Config  # type: ignore[assignment]
    loss_name = "wasserstein"


# By the loss, as the laboratory names it.
GAMES: dict[str, tuple[Spec, Callable[[Any], GAN]]] = {
    "non-saturating": (vanilla.SPEC, NonSaturating),
    "least-squares": (lsgan.SPEC, LeastSquares),
    "wasserstein": (wgan.SPEC, Clipped),
    "wasserstein-gp": (wgan_gp.SPEC, Penalised),
}
