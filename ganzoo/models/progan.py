"""Progressive growing (ProGAN): small pictures first, then larger ones. Karras, Aila, Laine & Lehtinen 2017, arXiv 1710.10196.

Adds: both networks begin with 4 x 4 pixels and grow, a side at a time; the layers of a new side fade in, so that what has been
learnt is not shaken (section 2). The deviation within a batch as a feature of D (section 3). Weights of equal learning rate,
and pixel norm in G, in place of batch norm (section 4). WGAN-GP's loss, one move of the critic for one of G, with a term that
keeps its values near 0 (appendix A.1). The average of G's weights is what draws.
Departs: one batch size for all sides, 16, which the paper has from 4 to 128 pixels; the optimiser's moments are kept from stage
to stage; the deviation is over the whole batch. The non-saturating loss, with R1 (Mescheder et al. 2018, arXiv 1801.04406),
is an option. The recipe `fast`, for two cores, has fewer channels and grows 20 times as fast.
Shapes: B batch, Z noise, C channels, S side, s side of the stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from .. import config
from ..config import knob
from ..gan import GAN, Batch, Terms
from ..inputs import Noise
from ..losses import LOSSES, gradient_penalty
from ..spec import Paper, Spec, Step
from ._growing_networks import START, Critic, Generator, Growth, faded


@dataclass(frozen=True)
class Config(config.Config):
    side: int = knob(128, "side of the picture in the end, in pixels")
    channels: int = knob(3, "1 for grey, 3 for colour")
    z: int = knob(512, "numbers of noise a picture is made from", at_least=1)
    width: int = knob(128, "channels of the layers of 128 pixels; twice as many with each halving of the side", at_least=1)
    most: int = knob(512, "channels of a layer at most", at_least=1)
    start: int = knob(START, "side of the pictures at first", at_least=START)
    pace: int = knob(800_000, "pictures in which a side fades in, and again as many before the next", at_least=1)
    loss: Literal["wasserstein", "non-saturating"] = knob("wasserstein", "what both minimise; with its penalty, or with R1")
    penalty: float = knob(10.0, "weight of that penalty on D's slope")
    drift: float = knob(0.001, "weight of D's squared values of real pictures")
    batch: int = knob(16, "pictures a step", at_least=2, at_most=config.MOST)
    lr_g: float = knob(1e-3, "learning rate of the generator")
    lr_d: float = knob(1e-3, "learning rate of the discriminator")
    beta1: float = knob(0.0, "Adam beta1", below=1)
    beta2: float = knob(0.99, "Adam beta2", below=1)
    ema: int = knob(11_000, "half-life of the weights' moving average, in pictures; 0 keeps the last weights")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, n, end in (("side", self.side, "..."), ("start", self.start, str(self.side))):
            if n < START or n & (n - 1) or n > self.side:
                raise ValueError(f"{name}: {n} is not {START}, {2 * START}, {4 * START}, {end}; write @64 after the data")

    def level(self, side: int) -> int:
        """0 for 4 pixels, 1 for 8, ..."""
        return (side // START).bit_length() - 1

    @property
    def widths(self) -> list[int]:
        """Channels of the layers of each side, from 4 pixels on."""
        sides = [START << i for i in range(self.level(self.side) + 1)]
        return [max(1, min(self.most, self.width * 128 // s)) for s in sides]

    def growth(self) -> Growth:
        return Growth(self.level(self.start), self.level(self.side), self.pace)


class ProGAN(GAN):
    config: Config
    G: Generator
    D: Critic

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.inputs = (Noise("z", c.z),)
        self.growth = c.growth()
        self.G = Generator(c.z, c.widths, c.channels, self.growth.first)
        self.D = Critic(c.widths, c.channels, c.growth())
        self.loss = LOSSES[c.loss]

    def on_step(self, step: int) -> None:
        super().on_step(step)
        for growth in (self.growth, self.D.growth):
            growth.images += self.config.batch

    def forward(self, z: Tensor) -> Tensor:  # type: ignore[override]
        return self.enlarged(self.G(z, *self.growth.now()))

    def stages(self, z: Tensor) -> list[Tensor]:  # type: ignore[override]
        """What each side's layers show of the noise, in their own pixels, and then the picture."""
        level, _ = self.growth.now()
        return [*(x.clamp(-1, 1) for x in self.G.pictures(z, level)[:-1]), self(z)]

    def enlarged(self, image: Tensor) -> Tensor:
        """Pictures of a stage (B, C, s, s) -> (B, C, S, S) in [-1, 1], each pixel repeated."""
        return interpolate(image.clamp(-1, 1), (self.config.side, self.config.side))

    def fake(self, batch: Batch) -> Tensor:
        """Of the stage's side, and without bounds."""
        if "fake" not in batch:
            batch["fake"] = self.G(batch["z"], *self.growth.now())
        return batch["fake"]

    def real(self, batch: Batch) -> Tensor:
        """The same of the real pictures, with as much detail as the drawn ones can have."""
        level, fade = self.growth.now()
        return faded(adaptive_avg_pool2d(batch["image"], START << level), fade)

    def d_logit(self, image: Tensor, given: Batch) -> None:
        """D is not asked about one picture: it sees how much those of a batch differ."""

    def d_loss(self, batch: Batch) -> Terms:
        c, real, fake = self.config, self.real(batch), self.fake(batch).detach()
        real_value = self.D(real)
        terms = self.d_terms(real_value, self.D(fake)) | {"d_drift": c.drift * real_value.float().square().mean()}
        if self.loss.is_critic:
            return terms | {"d_penalty": c.penalty * gradient_penalty(self.D, real, fake)}
        return terms | self.lazy_r1(c.penalty, 1, real)

    def g_loss(self, batch: Batch) -> Terms:
        return {"g_fool": self.loss.generator(self.D(self.fake(batch)))}


SPEC = Spec(
    name="progan",
    group="large",
    title="Progressive growing",
    paper=Paper(
        "Progressive Growing of GANs for Improved Quality, Stability, and Variation",
        "Tero Karras, Timo Aila, Samuli Laine, Jaakko Lehtinen",
        2017,
        "1710.10196",
    ),
    note=(
        "A large picture is too much to learn at once. So both networks begin with pictures of four by four pixels, where only "
        "colours and their places count, and when they have had their time at that, new layers fade in and the pictures become "
        "twice as wide. In this way a GAN drew faces of a thousand by a thousand pixels for the first time."
    ),
    adds=("wgan_gp", "layers that are added while it is trained, and no batch normalisation."),
    limits=(
        "It takes long: most of the time goes into the largest pictures. What an early stage would draw today is shown by "
        "its last layer of then. It cannot be asked for a particular class."
    ),
    data="faces",
    config=Config,
    build=ProGAN,
    recipes={"fast": (Step({"z": 64, "width": 16, "most": 64, "pace": 40_000}),)},
    tiny={"z": 4, "width": 2, "most": 16, "start": 16, "batch": 8},
)
