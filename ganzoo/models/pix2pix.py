"""pix2pix: a picture is made into another, learnt from pairs. Isola, Zhu, Zhou & Efros 2016, arXiv 1611.07004.

Adds: a conditional GAN whose condition is a picture (equation 1), with an L1 distance to the true answer, lambda = 100, that
keeps low frequencies right (equations 3 and 4); a U-Net, whose skip connections carry what both pictures share past the
bottleneck (section 3.2.1); a discriminator that looks at patches only (PatchGAN, section 3.2.2); dropout as the noise.
Departs: dropout is an input, so that a seed is a picture: one number of noise a channel of the first three decoder layers, and
the channels whose number is below the rate are left out whole, in sampling as in training; batch norm has the statistics of
the training when it draws; PatchGAN's patches are scaled to the side; the jitter shifts by whole pixels, on white; an averaged
generator.
Without sources in the data, outlines are made of the pictures by a plain filter (`images.outlines`), where the paper has HED.
The recipe `faces` has narrower networks, deep layers of four widths instead of eight, larger batches, and lambda = 10: where
the colour is anybody's guess, 100 asks for the mean of all, which is grey. A square of the outlines is left blank, since
people draw less than a filter finds (`erase`).
Shapes: B batch, Z noise, C channels, C' channels of the source, S side, s side of D's map of patches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from ..augment import erased, shared_jitter
from ..config import knob
from ..gan import Batch, Phase, Terms
from ..inputs import Noise
from ..losses import LOSSES
from ..nets import init_normal
from ..spec import Paper, Spec, Step
from . import _image_to_image
from ._image_to_image import SOURCE, ImageToImageGAN, PatchDiscriminator

NOISY = 3  # decoder layers with dropout


@dataclass(frozen=True)
class Config(_image_to_image.Config):
    most: int = knob(8, "channels of the deepest layers, in widths", at_least=1)
    dropout: float = knob(0.5, "share of the channels that the noise leaves out in the first decoder layers", below=1)
    l1: float = knob(100.0, "weight of the distance to the true picture, the paper's lambda")
    jitter: float = knob(0.1, "how far pictures are shifted at random in training, in sides; they are mirrored, too", below=0.5)
    erase: float = knob(0.0, "side of the square of the source that is left blank at random in training, in sides", below=1)
    adversarial: float = knob(1.0, "weight of what D says; 0 leaves the game out, and L1 is minimised alone")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side < 16 or self.side & (self.side - 1):
            raise ValueError(f"side: {self.side} is not a power of two from 16 on, which a U-Net halves down to one pixel")


class UNet(nn.Module):
    """source (B, C', S, S), z (B, Z) in [-1, 1] -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        n = int(math.log2(c.side))
        widths = [c.width * min(2**i, c.most) for i in range(n)]
        self.down, self.up, self.down_norms, self.up_norms = (nn.ModuleList() for _ in range(4))
        for i, b in enumerate(widths):  # norm neither at the picture nor at one pixel, where it would leave nothing
            plain = i in (0, n - 1)
            self.down.append(nn.Conv2d(widths[i - 1] if i else c.source_channels or 1, b, 4, 2, 1, bias=plain))
            self.down_norms.append(nn.Identity() if plain else nn.BatchNorm2d(b))
        for i in reversed(range(1, n)):
            a = widths[i] * (1 if i == n - 1 else 2)  # beside what came up, what the encoder had there
            self.up.append(nn.ConvTranspose2d(a, widths[i - 1], 4, 2, 1, bias=False))
            self.up_norms.append(nn.BatchNorm2d(widths[i - 1]))
        self.image = nn.ConvTranspose2d(2 * widths[0], c.channels, 4, 2, 1)
        self.noisy = widths[-2::-1][:NOISY]  # their channels
        self.rate = c.dropout

    def forward(self, source: Tensor, z: Tensor) -> Tensor:
        x, skips = source, []
        for i, (net, norm) in enumerate(zip(self.down, self.down_norms, strict=True)):
            x = norm(net(leaky_relu(x, 0.2) if i else x))
            skips.append(x)
        masks = ((z > 2 * self.rate - 1).to(z.dtype) / (1 - self.rate)).split(self.noisy, 1)
        x = skips.pop()
        for i, (net, norm) in enumerate(zip(self.up, self.up_norms, strict=True)):
            x = norm(net(relu(x)))
            x = x * masks[i][:, :, None, None] if i < NOISY else x
            x = torch.cat([x, skips.pop()], 1)
        image: Tensor = self.image(relu(x)).tanh()
        return image


class Pix2Pix(ImageToImageGAN):
    config: Config
    G: UNet

    def __init__(self, c: Config) -> None:
        super().__init__(c, c.source_channels or 1)
        self.G = init_normal(UNet(c))
        self.D = init_normal(PatchDiscriminator(c.channels + (c.source_channels or 1), c.d_width, c.side, "batch"))
        self.inputs = (Noise("z", sum(self.G.noisy), "uniform"), *self.inputs)
        self.loss = LOSSES["non-saturating"]

    def derive(self, batch: Batch) -> Batch:
        """While it is trained, the pictures are shifted and mirrored with their sources."""
        if not self.G.training:
            return super().derive(batch)
        c, image = self.config, batch["image"]
        both = shared_jitter(torch.cat([image, batch[SOURCE]] if SOURCE in batch else [image], 1), round(c.jitter * c.side))
        image, *source = both.split([n for n in (c.channels, c.source_channels) if n], 1)
        derived = super().derive(batch | {"image": image} | dict(zip([SOURCE], source, strict=False)))
        return derived | {SOURCE: erased(derived[SOURCE], c.erase)}

    def forward(self, z: Tensor, source: Tensor) -> Tensor:  # type: ignore[override]
        image: Tensor = self.G(source, z)
        return image

    def d_loss(self, batch: Batch) -> Terms:
        terms = self.d_terms(*self.both(self.D, batch["image"], self.fake(batch).detach(), batch[SOURCE]))
        return {k: v / 2 for k, v in terms.items()}  # section 3.3: so that D learns more slowly than G

    def g_loss(self, batch: Batch) -> Terms:
        c, fake = self.config, self.fake(batch)
        terms = {"g_l1": c.l1 * (fake.float() - batch["image"]).abs().mean()}
        if not c.adversarial:
            return terms
        return terms | {"g_fool": c.adversarial * self.loss.generator(self.D(fake, batch[SOURCE]))}

    def d_logit(self, image: Tensor, given: Batch) -> Tensor:
        """The mean over the patches."""
        logit: Tensor = self.D(image, given[SOURCE]).mean((1, 2, 3))
        return logit

    def phases(self) -> list[Phase]:
        return super().phases() if self.config.adversarial else super().phases()[1:]


SPEC = Spec(
    name="pix2pix",
    group="pictures",
    title="pix2pix",
    paper=Paper(
        "Image-to-Image Translation with Conditional Adversarial Networks",
        "Phillip Isola, Jun-Yan Zhu, Tinghui Zhou, Alexei A. Efros",
        2016,
        "1611.07004",
    ),
    note=(
        "Show it pairs, a drawing and its photograph or a map and its aerial view, and it learns the way from the one to the "
        "other, whatever the two are. A distance to the true answer alone would paint the mean of all answers, which is grey "
        "and blurred; a critic that looks at one patch after another asks for an answer that could be real. Draw outlines, and "
        "it paints them while you draw."
    ),
    adds=("cgan", "a picture in place of the label, shortcuts from each layer to its mirror image, and a critic of patches."),
    limits=(
        "It has learnt one kind of drawing and one kind of answer: what is drawn otherwise, or is another thing, is painted as "
        "if it were of that kind. Its noise changes little, as the authors found too."
    ),
    config=Config,
    build=Pix2Pix,
    data="faces",
    recipes={
        "faces": (
            Step(
                {"width": 24, "most": 4, "d_width": 16, "l1": 10.0, "erase": 0.4, "batch": 16, "lr_g": 5e-4, "lr_d": 5e-4},
                images=150_000,
                data="faces",
            ),
        )
    },
    tiny={"width": 4, "most": 2, "d_width": 4, "batch": 8},
)
