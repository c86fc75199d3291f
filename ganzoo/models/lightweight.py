"""Lightweight GAN (FastGAN): a hundred pictures are enough. Liu, Zhu, Song & Elgammal 2021, arXiv 2101.04775.

Adds: skip-layer excitation, by which an early layer of G says which channels of a layer 16 times as large count (section 3.1,
equation 1); a D that is an autoencoder of real pictures besides, so that it looks at all of a picture and does not learn its
few pictures by heart (section 3.2: it paints the whole picture from its last features, a quarter of it from those before); the
hinge loss. All that D sees is augmented, differentiably (Zhao et al. 2020, arXiv 2006.10738).
Departs: what D paints is compared by its mean absolute difference, not by a network that was trained on photographs, and at
half the picture's side; G has no noise but its input; pictures are not mirrored. Spectral norm, which the released code has, is
an option, and of D alone. The recipe `few` is for own pictures on a processor: fewer channels, larger batches, a D that
learns more slowly than G.
Shapes: B batch, Z noise, C channels, S side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from .. import augment, config
from ..config import knob
from ..gan import GAN, Batch, Terms
from ..inputs import Noise
from ..losses import LOSSES
from ..spec import Paper, Spec, Step
from ._lightweight_networks import CROPPED, Discriminator, Generator, quarter_of


@dataclass(frozen=True)
class Config(config.Config):
    side: int = knob(256, "side of the picture, in pixels")
    channels: int = knob(3, "1 for grey, 3 for colour")
    z: int = knob(256, "numbers of noise a picture is made from", at_least=1)
    width: int = knob(64, "channels of G's layer and of D's features of 128 pixels; more on smaller ones", at_least=1)
    d_norm: Literal["batch", "batch, spectral"] = knob("batch", "normalisation in D: batch norm, and spectral norm besides")
    augment: Literal["all", "place", "none"] = knob(
        "all", "what is done to pictures before D sees them: colour, shift and cutout; the last two (place); nothing"
    )
    reconstruction: float = knob(1.0, "weight of the difference of real pictures from what D paints of them; 0 leaves it out")
    batch: int = knob(8, "pictures a step", at_least=2, at_most=config.MOST)
    ema: int = knob(5_500, "half-life of the weights' moving average, in pictures; 0 keeps the last weights")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side < CROPPED or self.side & (self.side - 1):
            raise ValueError(
                f"side: {self.side} is not {CROPPED}, {2 * CROPPED}, {4 * CROPPED}, ...; write @128 after the data"
            )


class Lightweight(GAN):
    config: Config
    D: Discriminator

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.inputs = (Noise("z", c.z),)
        self.G = Generator(c.z, c.width, c.channels, c.side)
        self.D = Discriminator(c.width, c.channels, c.side, spectral="spectral" in c.d_norm)
        self.loss = LOSSES["hinge"]

    def forward(self, z: Tensor) -> Tensor:  # type: ignore[override]
        image: Tensor = self.G(z)
        return image

    def augmented(self, image: Tensor) -> Tensor:
        """What D sees of pictures (B, C, S, S)."""
        kind = self.config.augment
        return image if kind == "none" else augment.differentiable(image, color=kind == "all")

    def d_loss(self, batch: Batch) -> Terms:
        real, fake = self.augmented(batch["image"]), self.augmented(self.fake(batch).detach())
        large, small = self.D.features(real)
        terms = self.d_terms(self.D.patches(small), self.D.patches(self.D.features(fake)[1]))
        quarter = int(torch.randint(4, ()))
        whole, part = self.D.repainted(large, small, quarter)
        off = (whole.float() - avg_pool2d(real, 2)).abs().mean() + (part.float() - quarter_of(real, quarter)).abs().mean()
        return terms | {"d_paint": self.config.reconstruction * off}

    def g_loss(self, batch: Batch) -> Terms:
        return {"g_fool": self.loss.generator(self.D(self.augmented(self.fake(batch))))}


SPEC = Spec(
    name="lightweight",
    group="large",
    title="Lightweight GAN",
    paper=Paper(
        "Towards Faster and Stabilized GAN Training for High-fidelity Few-shot Image Synthesis",
        "Bingchen Liu, Yizhe Zhu, Kunpeng Song, Ahmed Elgammal",
        2021,
        "2101.04775",
    ),
    note=(
        "Most people who want a network to draw like their own pictures have a few hundred of them, not a million. So the "
        "judge here must also be able to paint what it was shown, which keeps it honest, and it sees every picture shifted, "
        "recoloured and with a piece cut out, so that it cannot learn them by heart. The painter is small, and hands its first "
        "rough idea on to its last layers, so that it learns in hours."
    ),
    adds=("dcgan", "early layers that steer late ones, and a critic that must paint what it sees, disturbed as it is."),
    limits=(
        "Of a few hundred pictures it draws variations, and may learn some by heart: the measure of copies says so. "
        "It cannot be asked for a particular class."
    ),
    data="faces",
    config=Config,
    build=Lightweight,
    recipes={"few": (Step({"d_norm": "batch, spectral", "width": 8, "z": 128, "batch": 16, "lr_g": 4e-4, "lr_d": 1e-4}),)},
    tiny={"z": 4, "width": 2, "batch": 8},
)
