"""DCGAN: the GAN becomes convolutional. Radford, Metz & Chintala 2015, arXiv 1511.06434.

Adds: strided convolutions down and transposed ones up instead of pooling and dense layers, batch norm in both networks,
ReLU in G and LeakyReLU(0.2) in D, tanh at the end, Adam(2e-4, beta1 = 0.5), weights ~ normal(0, 0.02) (section 3, the
guidelines; section 4, the details).
Departs: an averaged generator for sampling; normal noise by default; a 28-pixel picture goes 4, 7, 14, 28. Spectral norm
(Miyato et al. 2018, arXiv 1802.05957) and the R1 penalty (Mescheder et al. 2018, arXiv 1801.04406) are options. The
`fast` recipe, which the shipped checkpoints use, drops batch norm in D for the penalty and takes larger steps.
Shapes: B batch, Z noise, C channels, S side; widths double with each halving of the side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from .. import remedies
from ..config import knob
from ..gan import GAN, Batch, Terms
from ..inputs import Noise
from ..losses import LOSSES
from ..nets import doublings, down, init_normal, out_channels, up
from ..spec import Paper, Spec, Step


@dataclass(frozen=True)
class Config(remedies.Config):
    z: int = knob(100, "numbers of noise a picture is made from", at_least=1)
    noise: Literal["normal", "uniform"] = knob("normal", "what the noise is drawn from")
    width: int = knob(64, "channels of the layer next to the picture; the paper's 64-pixel network has 128", at_least=1)
    d_width: int = knob(0, "channels of D's first layer, for a D that is weaker than G; 0: as many as `width`")
    d_norm: Literal["batch", "spectral", "none"] = knob("batch", "normalisation in D; spectral is a later idea")
    r1: float = knob(0.0, "weight of the R1 penalty on D's slope at real pictures, a later idea; 0 leaves it out")
    r1_every: int = knob(8, "steps from one R1 penalty to the next, which counts for all of them", at_least=1)
    loss: Literal["non-saturating", "minimax", "least-squares", "hinge"] = knob("non-saturating", "what both minimise")

    def __post_init__(self) -> None:
        super().__post_init__()
        doublings(self.side)


class Generator(nn.Module):
    """z (B, Z) -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, z: int, width: int, channels: int, side: int) -> None:
        super().__init__()
        self.body = up(z, width, channels, side)

    def forward(self, z: Tensor) -> Tensor:
        image: Tensor = self.body(z[:, :, None, None])
        return image


class Discriminator(nn.Module):
    """image (B, C, S, S) -> logit (B,)."""

    def __init__(self, width: int, channels: int, side: int, batch_norm: bool = True) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *down(channels, width, side, batch_norm=batch_norm), nn.Conv2d(out_channels(width, side), 1, 4)
        )

    def forward(self, image: Tensor) -> Tensor:
        logit: Tensor = self.body(image).flatten()
        return logit


class DCGAN(GAN):
    config: Config

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.inputs = (Noise("z", c.z, c.noise),)
        self.G = init_normal(Generator(c.z, c.width, c.channels, c.side))
        self.D = init_normal(Discriminator(c.d_width or c.width, c.channels, c.side, c.d_norm == "batch"))
        if c.d_norm == "spectral":
            for m in list(self.D.modules()):
                if isinstance(m, nn.Conv2d):
                    spectral_norm(m)
        self.loss = LOSSES[c.loss]
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
    name="dcgan",
    title="DCGAN",
    paper=Paper(
        "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
        "Alec Radford, Luke Metz, Soumith Chintala",
        2015,
        "1511.06434",
    ),
    note=(
        "The same game, played by convolutions: small filters that slide over the picture, so that a stroke learnt in one "
        "corner is known in all of them. The generator starts from a tiny 4 x 4 sketch and doubles it three times. Every point "
        "of the noise is a picture, and the way from one point to another is a smooth change of shape: drag the walk and "
        "watch one drawing become the next."
    ),
    adds=("vanilla", "convolutions in place of dense layers, batch normalisation, and less momentum in Adam."),
    limits=(
        "It cannot be asked for a particular class, and between two classes it draws things that are neither. At 28 "
        "pixels fine detail (a shirt's pattern, a logo) is a texture, not a thing."
    ),
    config=Config,
    build=DCGAN,
    recipes={
        "fast": (
            Step(
                {
                    "d_norm": "none",
                    "r1": 1.0,
                    "width": 48,
                    "batch": 64,
                    "lr_g": 1e-3,
                    "lr_d": 1e-3,
                    "beta1": 0.0,
                    "beta2": 0.99,
                }
            ),
        ),
        "minute": (  # for the page, where somebody waits: half as wide, a shorter average
            Step(
                {
                    "d_norm": "none",
                    "r1": 1.0,
                    "width": 24,
                    "batch": 64,
                    "lr_g": 1e-3,
                    "lr_d": 1e-3,
                    "beta1": 0.0,
                    "beta2": 0.99,
                    "ema": 4_000,
                }
            ),
        ),
    },
    tiny={"z": 4, "width": 4, "batch": 8},
)
