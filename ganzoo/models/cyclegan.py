"""CycleGAN: two kinds of pictures are made into each other, without pairs. Zhu, Park, Isola & Efros 2017, arXiv 1703.10593.

Adds: two generators, G from the one kind to the other and F back, each with a critic of its own (section 3.1), and the cycle
consistency loss: there and back must be where it began, lambda = 10 (equation 2); an identity loss, half as heavy, that leaves
alone what is of the other kind already (section 5.2); least squares (section 4); D sees one of the 50 latest drawn pictures
(section 4, after Shrivastava et al.); a learning rate that is steady for half of the training, then falls in a line to nothing.
Departs: PatchGAN's patches are scaled to the side; an averaged generator; batches of any size. Without sources in the data,
outlines of the pictures are the other kind; data with pairs do not tell it of them. The recipe `faces` paints over the picture
that it was given, so that a small network need not draw again what stays. With lambda = 10 G then learns its way and F stays
the identity; with 2, and slower critics, F leaves that; with 10 again both lose what they do not need. So it went with seed 0;
with seed 1 it failed.
Shapes: B batch, C channels, S side, F features, s side of a map of features.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from ..config import knob
from ..gan import Batch, Phase, Terms
from ..images import outlines
from ..losses import LOSSES
from ..nets import before_tanh, init_normal
from ..spec import Paper, Spec, Step
from . import _image_to_image
from ._image_to_image import SOURCE, ImageToImageGAN, PatchDiscriminator, Pool


@dataclass(frozen=True)
class Config(_image_to_image.Config):
    blocks: int = knob(9, "residual blocks of each generator: the paper's 6 for 128 pixels, 9 for 256", at_least=1)
    residual_output: Literal["anew", "over"] = knob(
        "anew", "what a generator's output is: the picture, or a residual over the picture it was given, a later idea"
    )
    cycle: float = knob(10.0, "weight of the cycle's L1, the paper's lambda")
    identity: float = knob(5.0, "weight of the L1 by which a picture of the other kind is changed; 0 leaves it out")
    pool: int = knob(50, "latest drawn pictures among which each critic is shown some", at_least=1)
    steady: int = knob(120_000, "pictures that are seen at the full learning rate (100 epochs of 1,200)")
    decay: int = knob(120_000, "pictures after those over which it falls to 0; 0: it never falls")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side % 4 or self.side < 16:
            raise ValueError(f"side: {self.side} is not a multiple of 4 from 16 on, which the generators halve twice")


def convolution(a: int, b: int, kernel: int) -> list[nn.Module]:
    """features (B, a, s, s) -> (B, b, s, s), with mirrored edges, and instance norm (appendix 7.2)."""
    mirrored = nn.ReflectionPad2d(kernel // 2)
    return [mirrored, nn.Conv2d(a, b, kernel, bias=False), nn.InstanceNorm2d(b), nn.ReLU()]


class ResidualBlock(nn.Module):
    """features (B, F, s, s) -> the same shape."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*convolution(n, n, 3), *convolution(n, n, 3)[:-1])

    def forward(self, x: Tensor) -> Tensor:
        more: Tensor = self.body(x)
        return x + more


class Generator(nn.Module):
    """picture (B, C, S, S) of one kind -> of the other (B, C, S, S) in [-1, 1]: c7s1-64, d128, d256, blocks, u128, u64, c7s1-3
    (appendix 7.2)."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.residual = c.residual_output == "over"
        widths = [c.width, 2 * c.width, 4 * c.width]
        layers = convolution(c.channels, c.width, 7)
        for a, b in pairwise(widths):
            layers += [nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.InstanceNorm2d(b), nn.ReLU()]
        layers += [ResidualBlock(widths[-1]) for _ in range(c.blocks)]
        for a, b in pairwise(widths[::-1]):
            layers += [nn.ConvTranspose2d(a, b, 3, 2, 1, 1, bias=False), nn.InstanceNorm2d(b), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(c.width, c.channels, 7), nn.Tanh())

    def forward(self, picture: Tensor) -> Tensor:
        logit: Tensor = self.body[:-1](picture)
        return (logit.float() + before_tanh(picture.float()) if self.residual else logit).tanh()


class CycleGAN(ImageToImageGAN):
    config: Config
    training_only = ("D", "D_source", "pool", "pool_source")

    def __init__(self, c: Config) -> None:
        super().__init__(c, c.channels)
        if c.source_channels not in (0, c.channels):
            raise ValueError(
                f"source: has {c.source_channels} channels, the pictures {c.channels}; give both grey, or in colour"
            )
        self.G, self.F = init_normal(Generator(c)), init_normal(Generator(c))
        self.D, self.D_source = (init_normal(PatchDiscriminator(c.channels, c.d_width, c.side, "instance")) for _ in range(2))
        self.pool, self.pool_source = (Pool(c.pool, c.channels, c.side) for _ in range(2))
        self.loss = LOSSES["least-squares"]

    def derive(self, batch: Batch) -> Batch:
        return batch if SOURCE in batch else batch | {SOURCE: outlines(batch["image"]).expand_as(batch["image"])}

    @staticmethod
    def others(batch: Batch) -> Tensor:
        """Real images (B, C, S, S), none of them in the row of its own source, whatever pairs the data have."""
        return batch["image"].roll(1, 0)

    def forward(self, source: Tensor) -> Tensor:  # type: ignore[override]
        image: Tensor = self.G(source)
        return image

    def back(self, image: Tensor) -> Tensor:
        source: Tensor = self.F(image)
        return source

    def fake_source(self, batch: Batch) -> Tensor:
        """F's pictures of the real images, drawn once a step, as `fake` are G's of the sources."""
        if "fake_source" not in batch:
            batch["fake_source"] = self.F(self.others(batch))
        return batch["fake_source"]

    def d_loss(self, batch: Batch) -> Terms:
        fake, fake_source = self.pool(self.fake(batch)), self.pool_source(self.fake_source(batch))
        of_source = self.both(self.D_source, batch[SOURCE], fake_source)
        terms = {"d_source_real": self.loss.real(of_source[0]), "d_source_fake": self.loss.fake(of_source[1])}
        return self.d_terms(*self.both(self.D, self.others(batch), fake)) | terms

    def g_loss(self, batch: Batch) -> Terms:
        c, image, source = self.config, self.others(batch), batch[SOURCE]
        fake, fake_source = self.fake(batch), self.fake_source(batch)
        # Equation 1 has no halves in the generators' turn, which `loss` has.
        terms = {"g_fool": 2 * self.loss.generator(self.D(fake))}
        terms["f_fool"] = 2 * self.loss.generator(self.D_source(fake_source))
        there, back = (self.F(fake).float() - source).abs().mean(), (self.G(fake_source).float() - image).abs().mean()
        terms |= {"g_cycle_source": c.cycle * there, "g_cycle_image": c.cycle * back}
        if c.identity:
            same = (self.G(image).float() - image).abs().mean() + (self.F(source).float() - source).abs().mean()
            terms["g_identity"] = c.identity * same
        return terms

    def d_logit(self, image: Tensor, given: Batch) -> Tensor:
        """The mean over the patches."""
        logit: Tensor = self.D(image).mean((1, 2, 3))
        return logit

    def rate(self, lr: float, images: int) -> float:
        """A learning rate once so many pictures have been seen."""
        steady, decay = self.config.steady, self.config.decay
        return lr * min(1.0, max(0.0, 1 - (images - steady) / decay)) if decay else lr

    def phases(self) -> list[Phase]:
        c = self.config
        return [
            Phase("D", (self.D, self.D_source), self.d_loss, lr=lambda images: self.rate(c.lr_d, images)),
            Phase("G", (self.G, self.F), self.g_loss, lr=lambda images: self.rate(c.lr_g, images)),
        ]


FAST = {"width": 16, "d_width": 24, "blocks": 4, "batch": 8, "lr_g": 4e-4, "lr_d": 4e-4}
FACES = {"width": 12, "d_width": 16, "blocks": 3, "batch": 4, "lr_g": 4e-4, "lr_d": 4e-4, "residual_output": "over"}
AGAIN = {"steady": 4_000, "decay": 5_000}

SPEC = Spec(
    name="cyclegan",
    group="pictures",
    title="CycleGAN",
    paper=Paper(
        "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
        "Jun-Yan Zhu, Taesung Park, Phillip Isola, Alexei A. Efros",
        2017,
        "1703.10593",
    ),
    note=(
        "Two heaps of pictures, and nobody says which belongs to which: horses and zebras, faces without and with glasses. Two "
        "forgers learn the way there and the way back, each before a critic, and who goes there and back again must come home "
        "to the picture that it left with. So it learns to change what makes the difference, and to leave the rest."
    ),
    adds=("pix2pix", "no pairs; a second generator leads back, and who goes there and back must come home."),
    limits=(
        "It changes colour and texture more easily than shape, and hides in its pictures what it needs for the way back: in "
        "dots that nobody sees, or, by networks as small as ours, in some that one does."
    ),
    config=Config,
    build=CycleGAN,
    recipes={
        "fast": (Step(FAST | {"steady": 40_000, "decay": 40_000}),),
        "faces": (
            Step(FACES | {"steady": 12_000, "decay": 12_000}, 14_000, "faces_glasses"),
            Step(FACES | AGAIN | {"cycle": 2.0, "identity": 0.5, "lr_d": 1e-4}, 9_000, "faces_glasses", "from"),
            Step(FACES | AGAIN, 9_000, "faces_glasses", "from"),
            Step(FACES | AGAIN, 9_000, "faces_glasses", "from"),
        ),
    },
    tiny={"width": 4, "d_width": 4, "blocks": 1, "batch": 8, "pool": 5},
)
