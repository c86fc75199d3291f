"""LSGAN: the discriminator answers with a number, and is marked by its square error. Mao et al. 2016, arXiv 1611.04076.

Adds: least squares instead of cross entropy, equation 9 with a = 0 and b = c = 1, so that a picture on the right side of D's
boundary but far from it still pulls G towards the real ones (section 3.2); 1,024 numbers of noise, Adam with beta1 0.5.
Departs: DCGAN's 4 x 4 convolutions in place of the paper's 5 x 5 ones with layers of stride 1 between them (figure 5, made for
112 pixels); the learning rate is the paper's of handwriting, 2e-4, where its scenes have 1e-3; weights ~ normal(0, 0.02) as in
DCGAN; an averaged generator for sampling. The `fast` recipe has 100 numbers of noise, smaller networks and larger steps, and,
as DCGAN's has, the R1 penalty (Mescheder et al. 2018, arXiv 1801.04406) in place of batch norm in D, which else wins.
Shapes: B batch, Z noise, C channels, S side; widths double with each halving of the side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from .. import config, remedies
from ..config import knob
from ..gan import GAN, Batch, Terms
from ..inputs import Noise
from ..losses import LOSSES
from ..nets import doublings, init_normal
from ..spec import Paper, Spec, Step
from .dcgan import Discriminator, Generator


@dataclass(frozen=True)
class Config(remedies.Config):
    z: int = knob(1024, "numbers of noise a picture is made from", at_least=1)
    width: int = knob(64, "channels of the layer next to the picture", at_least=1)
    d_norm: Literal["batch", "none"] = knob("batch", "normalisation in D; the paper tries the loss without it too (section 4)")
    r1: float = knob(0.0, "weight of the R1 penalty on D's slope at real pictures, a later idea; 0 leaves it out")
    r1_every: int = knob(8, "steps from one R1 penalty to the next, which counts for all of them", at_least=1)
    batch: int = knob(64, "pictures a step", at_least=2, at_most=config.MOST)

    def __post_init__(self) -> None:
        super().__post_init__()
        doublings(self.side)


class LSGAN(GAN):
    config: Config

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.inputs = (Noise("z", c.z),)
        self.G = init_normal(Generator(c.z, c.width, c.channels, c.side))
        self.D = init_normal(Discriminator(c.width, c.channels, c.side, c.d_norm == "batch"))
        self.loss = LOSSES["least-squares"]
        remedies.apply(self, c)

    def forward(self, z: Tensor) -> Tensor:  # type: ignore[override]
        image: Tensor = self.G(z)
        return image

    def d_loss(self, batch: Batch) -> Terms:
        real = batch["image"]
        terms = self.d_terms(*self.both(self.D, real, self.fake(batch).detach()))
        return terms | self.lazy_r1(self.config.r1, self.config.r1_every, real)

    def g_loss(self, batch: Batch) -> Terms:
        return {"g_fool": self.loss.generator(self.D(self.fake(batch)))}


SPEC = Spec(
    name="lsgan",
    group="laboratory",
    title="LSGAN",
    paper=Paper(
        "Least Squares Generative Adversarial Networks",
        "Xudong Mao, Qing Li, Haoran Xie, Raymond Y. K. Lau, Zhen Wang, Stephen Paul Smolley",
        2016,
        "1611.04076",
    ),
    note=(
        "The discriminator does not say real or fake but gives a mark, which should be 1 for real pictures and 0 for drawn "
        "ones. A drawing that already passes but has a strange mark is still pulled towards the real ones, where the first "
        "GAN's loss would leave it alone. Nothing else differs from DCGAN, so put the two side by side."
    ),
    adds=("dcgan", "a squared distance to 1 and 0 in place of the cross-entropy; the networks are the same."),
    limits=(
        "Least squares alone do not keep the discriminator from winning, so a later penalty on its slope does. It cannot be "
        "asked for a particular class."
    ),
    config=Config,
    build=LSGAN,
    recipes={
        "fast": (
            Step(
                {
                    "z": 100,
                    "width": 48,
                    "d_norm": "none",
                    "r1": 1.0,
                    "lr_g": 1e-3,
                    "lr_d": 1e-3,
                    "beta1": 0.0,
                    "beta2": 0.99,
                }
            ),
        )
    },
    tiny={"z": 4, "width": 4, "batch": 8},
)
