"""WGAN: the discriminator becomes a critic that estimates a distance. Arjovsky, Chintala & Bottou 2017, arXiv 1701.07875.

Adds: the critic's mean gap between real and drawn pictures instead of a probability (equation 2), which estimates the earth
mover's distance up to a scale and falls as the pictures improve (section 4.2); weights clipped to [-c, c] after each of its
moves, which keeps it Lipschitz; five moves of the critic for one of G, on fresh noise; RMSprop at 5e-5 (algorithm 1).
Departs: a step here is a critic's, so of five batches of real pictures G moves once; an averaged generator for sampling. The
networks are DCGAN's, as in section 4.1. The authors' program also trains the critic a hundred times for each of G's first 25
moves, which algorithm 1 does not have. The `fast` recipe has smaller networks, larger steps and three moves of the critic.
Shapes: B batch, Z noise, C channels, S side; widths double with each halving of the side.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from .. import config
from ..config import knob
from ..gan import GAN, Batch, Phase, Terms
from ..inputs import Noise
from ..losses import LOSSES
from ..nets import doublings, init_normal
from ..spec import Paper, Spec, Step
from .dcgan import Discriminator, Generator


@dataclass(frozen=True)
class Config(config.Config):
    z: int = knob(100, "numbers of noise a picture is made from", at_least=1)
    width: int = knob(64, "channels of the layer next to the picture", at_least=1)
    clip: float = knob(0.01, "the critic's weights are kept in [-clip, clip]")
    critic_steps: int = knob(5, "steps of the critic for one of the generator", at_least=1)
    batch: int = knob(64, "pictures a step of the critic", at_least=2, at_most=config.MOST)
    lr_g: float = knob(5e-5, "RMSprop learning rate of the generator")
    lr_d: float = knob(5e-5, "RMSprop learning rate of the critic")

    def __post_init__(self) -> None:
        super().__post_init__()
        doublings(self.side)


class WGAN(GAN):
    config: Config

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.inputs = (Noise("z", c.z),)
        self.G = init_normal(Generator(c.z, c.width, c.channels, c.side))
        self.D = init_normal(Discriminator(c.width, c.channels, c.side))
        self.loss = LOSSES["wasserstein"]

    def forward(self, z: Tensor) -> Tensor:  # type: ignore[override]
        image: Tensor = self.G(z)
        return image

    def d_loss(self, batch: Batch) -> Terms:
        return self.d_terms(*self.both(self.D, batch["image"], self.fake(batch).detach()))

    def g_loss(self, batch: Batch) -> Terms:
        return {"g_fool": self.loss.generator(self.D(self.fake(batch)))}

    def clip(self) -> None:
        """Keep the critic Lipschitz (algorithm 1, line 7)."""
        for weight in self.D.parameters():
            weight.clamp_(-self.config.clip, self.config.clip)

    def phases(self) -> list[Phase]:
        c = self.config
        return [
            Phase("D", (self.D,), self.d_loss, lr=c.lr_d, after=self.clip, optimizer="rmsprop"),
            Phase("G", (self.G,), self.g_loss, lr=c.lr_g, every=c.critic_steps, optimizer="rmsprop"),
        ]


SPEC = Spec(
    name="wgan",
    group="laboratory",
    title="WGAN",
    paper=Paper("Wasserstein GAN", "Martin Arjovsky, Soumith Chintala, Léon Bottou", 2017, "1701.07875"),
    note=(
        "The discriminator no longer says real or fake: it is a critic, and the gap between its marks for real and for drawn "
        "pictures measures how far the drawn ones would have to be carried to become real. That gap falls as the pictures get "
        "better, so here at last is a curve that says whether a training has converged. The price is that the critic must be "
        "tame, and the first way to tame it is crude: its weights are simply cut off at one hundredth."
    ),
    adds=("dcgan", "a critic in place of the judge, its weights clipped, several steps of it for one of the generator."),
    limits=(
        "A critic with clipped weights learns only simple functions (Gulrajani et al. 2017), and the generator moves once in "
        "several of its steps. It cannot be asked for a particular class."
    ),
    config=Config,
    build=WGAN,
    recipes={"fast": (Step({"width": 48, "critic_steps": 3, "lr_g": 5e-4, "lr_d": 5e-4}),)},
    tiny={"z": 4, "width": 4, "batch": 8, "critic_steps": 2},
)
