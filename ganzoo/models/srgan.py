"""SRGAN: a picture four times as large, with detail that could be real. Ledig et al. 2016, arXiv 1609.04802.

Adds: SRResNet, residual blocks and pixel shuffle (section 2.1, figure 4); a perceptual loss, the distance of features that a
trained network sees in place of that of pixels (equation 5), plus 10^-3 times an adversarial one (equations 3 and 6).
Departs: in place of VGG, 550 MB, a judge of the data compares features (knob `judge`; its last map, after ReLU), beside the
pixels' mean squared error (`pixels`), which is all without a judge, the paper's SRGAN-MSE. By these SRResNet is trained on
beside the GAN, so that one sees what the game adds, the first of two `stages`. D ends in a mean over positions; an averaged G.
Recipe `faces`: narrower; what is drawn is a residual over the enlarged picture; that judge sees pictures at its own side.
Shapes: B batch, C channels, S side, F features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate, mse_loss

from .. import config
from ..config import knob
from ..gan import GAN, Batch, Game, Phase, Terms
from ..inputs import Picture
from ..losses import LOSSES
from ..nets import before_tanh
from ..spec import Paper, Spec, Step
from . import judge

SCALE = 4


@dataclass(frozen=True)
class Config(config.Config):
    side: int = knob(96, "side of the large picture, in pixels", at_least=2 * SCALE)
    channels: int = knob(3, "1 for grey, 3 for colour")

    width: int = knob(64, "channels of the generator", at_least=1)
    blocks: int = knob(16, "residual blocks of the generator", at_least=1)
    d_width: int = knob(64, "channels of the discriminator's first layer", at_least=1)
    judge: str = knob("", "judge whose features are compared; empty: pixels are, the paper's SRGAN-MSE", names=True)
    judge_width: int = knob(32, "channels of that judge's first layer", at_least=1)
    judge_side: int = knob(0, "side at which that judge sees pictures, in pixels; 0: their own", at_most=config.MOST)
    perceptual: float = knob(0.006, "weight of the distance of the judge's features")
    pixels: float = knob(1.0, "weight of the mean squared error of pixels in the GAN's loss")
    adversarial: float = knob(1e-3, "weight of what D says; 0: SRResNet alone, by mean squared error")
    residual_output: Literal["anew", "over"] = knob("anew", "what is drawn: the picture, or a residual over the enlarged one")
    first: str = knob("", "run or checkpoint of adversarial 0, with whose network both generators begin", names=True)
    batch: int = knob(16, "pictures a step", at_least=2, at_most=config.MOST)
    lr_g: float = knob(1e-4, "learning rate of the generators")
    lr_d: float = knob(1e-4, "learning rate of the discriminator")
    beta1: float = knob(0.9, "Adam beta1", below=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side % SCALE:
            raise ValueError(f"side: {self.side} is not a multiple of {SCALE}, which the picture is made larger by")


class ResidualBlock(nn.Module):
    """features (B, F, s, s) -> the same shape, as in figure 4."""

    def __init__(self, n: int) -> None:
        super().__init__()
        first, second = (nn.Sequential(nn.Conv2d(n, n, 3, 1, 1, bias=False), nn.BatchNorm2d(n)) for _ in range(2))
        self.body = nn.Sequential(first, nn.PReLU(), second)

    def forward(self, x: Tensor) -> Tensor:
        more: Tensor = self.body(x)
        return x + more


class SRResNet(nn.Module):
    """source (B, C, S / 4, S / 4) -> image (B, C, S, S) in [-1, 1]; of any side."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        n, self.residual = c.width, c.residual_output == "over"
        self.front = nn.Sequential(nn.Conv2d(c.channels, n, 9, 1, 4), nn.PReLU())
        blocks = [ResidualBlock(n) for _ in range(c.blocks)]
        self.body = nn.Sequential(*blocks, nn.Conv2d(n, n, 3, 1, 1, bias=False), nn.BatchNorm2d(n))
        twice = (nn.Sequential(nn.Conv2d(n, 4 * n, 3, 1, 1), nn.PixelShuffle(2), nn.PReLU()) for _ in range(2))
        self.image = nn.Sequential(*twice, nn.Conv2d(n, c.channels, 9, 1, 4))

    def forward(self, source: Tensor) -> Tensor:
        x = self.front(source)
        logit: Tensor = self.image(x + self.body(x))
        if self.residual:
            logit = logit + before_tanh(interpolate(source.float(), scale_factor=SCALE, mode="bicubic"))
        return logit.float().tanh()


class Discriminator(nn.Module):
    """image (B, C, S, S) -> logit (B,)."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        w = c.d_width
        layers: list[nn.Module] = [nn.Conv2d(c.channels, w, 3, 1, 1), nn.LeakyReLU(0.2)]
        for a, b, stride in ((1, 1, 2), (1, 2, 1), (2, 2, 2), (2, 4, 1), (4, 4, 2), (4, 8, 1), (8, 8, 2)):
            layers += [nn.Conv2d(w * a, w * b, 3, stride, 1, bias=False), nn.BatchNorm2d(w * b), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Sequential(nn.Linear(8 * w, 16 * w), nn.LeakyReLU(0.2), nn.Linear(16 * w, 1))

    def forward(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.head(self.body(image)).squeeze(1))


class SRGAN(GAN):
    config: Config
    R: SRResNet
    J: nn.Sequential

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.inputs = (source := Picture("source", c.side // SCALE, c.channels, any_size=True),)
        self.register_buffer(source.buffer, source.blank())
        self.G, self.D = SRResNet(c), Discriminator(c)
        if c.adversarial:  # beside the GAN's generator, the same network by mean squared error
            self.R = SRResNet(c)
        if c.judge:
            known = judge.Config(side=c.side, channels=c.channels, classes=("", "-"), width=c.judge_width)
            self.J = judge.Judge(known).body[:-2].requires_grad_(False)  # without the mean over positions
            self.training_only = ("D", "J")
        self.loss = LOSSES["non-saturating"]

    def prepare(self, find: Callable[[str], Game]) -> None:
        """Take the judge's features, and the SRResNet to begin with. ValueError if they are no such, or do not fit."""
        try:
            if self.config.judge:
                self.J.load_state_dict(cast(judge.Judge, find(self.config.judge)).body.state_dict())
            for net in (self.G, getattr(self, "R", self.G)) if self.config.first else ():
                net.load_state_dict(cast(SRGAN, find(self.config.first)).G.state_dict())
        except (AttributeError, RuntimeError) as error:
            why = str(error).splitlines()[-1].strip()
            raise ValueError(f"judge or first: of other networks; is judge_width the judge's? ({why})") from None

    def derive(self, batch: Batch) -> Batch:
        small = interpolate(batch["image"], scale_factor=1 / SCALE, mode="bicubic", antialias=True)
        return batch | {"source": small.clamp(-1, 1)}

    def forward(self, source: Tensor) -> Tensor:  # type: ignore[override]
        return cast(Tensor, self.G(source))

    def stages(self, source: Tensor) -> list[Tensor]:  # type: ignore[override]
        """SRResNet's picture, where it is not the only one, and the GAN's."""
        return [net(source) for net in (getattr(self, "R", None), self.G) if net is not None]

    def r_loss(self, batch: Batch) -> Terms:
        net = getattr(self, "R", self.G)
        return {"mse": mse_loss(net(batch["source"]).float(), batch["image"])}

    def d_loss(self, batch: Batch) -> Terms:
        return self.d_terms(*self.both(self.D, batch["image"], self.fake(batch).detach()))

    def g_loss(self, batch: Batch) -> Terms:
        c, real, fake = self.config, batch["image"], self.fake(batch)
        terms = {"g_pixels": c.pixels * mse_loss(fake.float(), real)}
        if c.judge:
            of_fake, of_real = (self.J(adaptive_avg_pool2d(x, c.judge_side or c.side)) for x in (fake, real))
            terms["g_content"] = c.perceptual * mse_loss(of_fake.float(), of_real.float())
        return terms | {"g_fool": c.adversarial * self.loss.generator(self.D(fake))}

    def d_logit(self, image: Tensor, given: Batch) -> Tensor:
        return cast(Tensor, self.D(image))

    def phases(self) -> list[Phase]:
        net = getattr(self, "R", self.G)
        return [Phase("R", (net,), self.r_loss, lr=self.config.lr_g), *(super().phases() if self.config.adversarial else ())]


SMALL = {"width": 24, "blocks": 6, "d_width": 8, "residual_output": "over"}
SEES = {"judge": "judge-faces", "judge_width": 16, "judge_side": 32, "perceptual": 1.0, "pixels": 5.0}
ALONE, GAME = SMALL | {"adversarial": 0.0, "lr_g": 1e-3}, SMALL | SEES | {"lr_g": 5e-4}

SPEC = Spec(
    name="srgan",
    group="pictures",
    title="SRGAN",
    paper=Paper(
        "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network",
        "Christian Ledig, Lucas Theis, Ferenc Huszár, Jose Caballero, Andrew Cunningham, Alejandro Acosta, Andrew Aitken, "
        "Alykhan Tejani, Johannes Totz, Zehan Wang, Wenzhe Shi",
        2016,
        "1609.04802",
    ),
    note=(
        "A small picture could have been any of many large ones; a network that is to be right on average paints their mean, "
        "which is blurred. This one is to please a critic, and so it makes up its mind. Beside it is one without a critic."
    ),
    adds=("pix2pix", "the answer is larger than the question, and the critic's say is a thousandth of the loss."),
    limits="What it adds is invented, further from the truth than without a critic; of flat drawings there is little to add.",
    config=Config,
    build=SRGAN,
    data="faces",
    recipes={
        "faces": (Step(ALONE, 64_000, "faces"), Step(GAME, 32_000, "faces", "first"), Step({"lr_g": 1e-4}, 16_000, "faces"))
    },
    tiny={"width": 4, "blocks": 1, "d_width": 4, "batch": 8},
)
