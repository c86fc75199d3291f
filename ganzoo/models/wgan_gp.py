"""WGAN-GP: the critic is kept Lipschitz by a penalty on its slope, not by clipping. Gulrajani et al. 2017, arXiv 1704.00028.

Adds: lambda = 10 times the squared distance of the critic's slope from 1, at random points between a real and a drawn picture
(equation 3, algorithm 1); no batch norm in the critic, for which a picture's slope would depend on the others, and layer norm
in its place (section 4); Adam at 1e-4 with beta1 = 0 and beta2 = 0.9, five moves of the critic for one of G.
Departs: DCGAN's networks (the paper's MNIST networks are not in it); layer norm has a scale and a shift for each channel, not
for each number; a step here is a critic's, so of five batches of real pictures G moves once; an averaged generator for
sampling. The `fast` recipe has smaller networks, larger steps, one move of the critic for one of G and no norm in it.
Shapes: B batch, Z noise, C channels, S side; widths double with each halving of the side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from .. import config
from ..config import knob
from ..gan import GAN, Batch, Phase, Terms
from ..inputs import Noise
from ..losses import LOSSES, gradient_penalty
from ..nets import doublings, down, init_normal, out_channels
from ..spec import Paper, Spec, Step
from .dcgan import Generator


@dataclass(frozen=True)
class Config(config.Config):
    z: int = knob(128, "numbers of noise a picture is made from", at_least=1)
    width: int = knob(64, "channels of the layer next to the picture", at_least=1)
    d_norm: Literal["layer", "none"] = knob("layer", "normalisation in the critic")
    penalty: float = knob(10.0, "weight of the penalty on the critic's slope, the paper's lambda")
    critic_steps: int = knob(5, "steps of the critic for one of the generator", at_least=1)
    batch: int = knob(64, "pictures a step of the critic", at_least=2, at_most=config.MOST)
    lr_g: float = knob(1e-4, "learning rate of the generator")
    lr_d: float = knob(1e-4, "learning rate of the critic")
    beta1: float = knob(0.0, "Adam beta1", below=1)
    beta2: float = knob(0.9, "Adam beta2", below=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        doublings(self.side)


class Critic(nn.Module):
    """image (B, C, S, S) -> value (B,), of which only differences mean something."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        layers = down(c.channels, c.width, c.side, batch_norm=c.d_norm == "layer")
        layers = [nn.GroupNorm(1, m.num_features) if isinstance(m, nn.BatchNorm2d) else m for m in layers]
        self.body = nn.Sequential(*layers, nn.Conv2d(out_channels(c.width, c.side), 1, 4))

    def forward(self, image: Tensor) -> Tensor:
        value: Tensor = self.body(image).flatten()
        return value


class WGANGP(GAN):
    config: Config

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.inputs = (Noise("z", c.z),)
        self.G, self.D = init_normal(Generator(c.z, c.width, c.channels, c.side)), init_normal(Critic(c))
        self.loss = LOSSES["wasserstein"]

    def forward(self, z: Tensor) -> Tensor:  # type: ignore[override]
        image: Tensor = self.G(z)
        return image

    def d_loss(self, batch: Batch) -> Terms:
        real, fake = batch["image"], self.fake(batch).detach()
        terms = self.d_terms(*self.both(self.D, real, fake))
        return terms | {"d_penalty": self.config.penalty * gradient_penalty(self.D, real, fake)}

    def g_loss(self, batch: Batch) -> Terms:
        return {"g_fool": self.loss.generator(self.D(self.fake(batch)))}

    def phases(self) -> list[Phase]:
        c = self.config
        return [
            Phase("D", (self.D,), self.d_loss, lr=c.lr_d),
            Phase("G", (self.G,), self.g_loss, lr=c.lr_g, every=c.critic_steps),
        ]


SPEC = Spec(
    name="wgan_gp",
    group="laboratory",
    title="WGAN-GP",
    paper=Paper(
        "Improved Training of Wasserstein GANs",
        "Ishaan Gulrajani, Faruk Ahmed, Martin Arjovsky, Vincent Dumoulin, Aaron Courville",
        2017,
        "1704.00028",
    ),
    note=(
        "A critic that measures a distance must not be too steep, or it could claim any distance it likes. WGAN cuts its "
        "weights off, which makes it dull; this one is fined instead, wherever its slope between a real and a drawn picture "
        "is not one. It became the loss that one takes when others fail."
    ),
    adds=("wgan", "a fine on the critic's slope in place of clipped weights."),
    limits=(
        "A step of the critic costs about twice as much as WGAN's, for the slope of the slope, and in the paper the generator "
        "moves once in five of them. It cannot be asked for a particular class."
    ),
    config=Config,
    build=WGANGP,
    recipes={
        "fast": (
            Step(
                {
                    "z": 100,
                    "width": 48,
                    "d_norm": "none",
                    "critic_steps": 1,
                    "lr_g": 1e-3,
                    "lr_d": 1e-3,
                    "beta2": 0.99,
                }
            ),
        )
    },
    tiny={"z": 4, "width": 4, "batch": 8, "critic_steps": 2},
)
