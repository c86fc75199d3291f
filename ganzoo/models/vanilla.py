"""The first GAN: two multilayer perceptrons play a game. Goodfellow et al. 2014, arXiv 1406.2661.

Adds: the adversarial game itself (section 3, equation 1; algorithm 1, with k discriminator steps a generator step) and
the non-saturating generator loss (end of section 3).
Departs: Adam instead of momentum SGD (algorithm 1 leaves the rule open); leaky ReLU in both networks instead of ReLU and
sigmoid in G and maxout in D, tanh for the picture; an averaged generator for sampling. The default loss is the
non-saturating one that the paper recommends for training; `loss="minimax"` is its equation 1.
Shapes: B batch, Z noise, W width, C channels, S side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from .. import spec
from ..gan import GAN, Batch, Phase, Terms
from ..inputs import Noise
from ..losses import LOSSES
from ..spec import Paper, Spec, knob


@dataclass(frozen=True)
class Config(spec.Config):
    z: int = knob(100, "numbers of noise a picture is made from")
    noise: Literal["uniform", "normal"] = knob("uniform", "what the noise is drawn from")
    width: int = knob(512, "units of a hidden layer")
    depth: int = knob(2, "hidden layers of each network")
    dropout: float = knob(0.3, "share of D's hidden units that are left out in a training step")
    k: int = knob(1, "discriminator steps a generator step")
    loss: Literal["non-saturating", "minimax"] = knob("non-saturating", "what G minimises; minimax saturates")

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.z, self.width, self.depth, self.k) < 1 or not self.dropout < 1:
            raise ValueError("z, width, depth and k must be at least 1, and dropout below 1")


class Generator(nn.Module):
    """z (B, Z) -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(c.depth):
            layers += [nn.Linear(c.width if i else c.z, c.width), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers, nn.Linear(c.width, c.channels * c.side**2), nn.Tanh())
        self.shape = (c.channels, c.side, c.side)

    def forward(self, z: Tensor) -> Tensor:
        image: Tensor = self.body(z).unflatten(1, self.shape)
        return image


class Discriminator(nn.Module):
    """image (B, C, S, S) -> logit (B,)."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(c.depth):
            layers += [nn.Linear(c.width if i else c.channels * c.side**2, c.width), nn.LeakyReLU(0.2), nn.Dropout(c.dropout)]
        self.body = nn.Sequential(*layers, nn.Linear(c.width, 1))

    def forward(self, image: Tensor) -> Tensor:
        logit: Tensor = self.body(image.flatten(1)).squeeze(1)
        return logit


class VanillaGAN(GAN):
    config: Config

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.inputs = (Noise("z", c.z, c.noise),)
        self.G, self.D = Generator(c), Discriminator(c)
        self.loss = LOSSES[c.loss]

    def forward(self, z: Tensor) -> Tensor:  # type: ignore[override]
        image: Tensor = self.G(z)
        return image

    def d_loss(self, batch: Batch) -> Terms:
        return self.tell_apart(*self.both(self.D, batch["image"], self.fake(batch).detach()))

    def g_loss(self, batch: Batch) -> Terms:
        return {"g_fool": self.loss.fool(self.D(self.fake(batch)))}

    def phases(self) -> list[Phase]:
        d, g = super().phases()
        return [d, Phase(g.name, g.nets, g.loss, g.lr, every=self.config.k)]


SPEC = Spec(
    name="vanilla",
    title="Vanilla GAN",
    paper=Paper(
        "Generative Adversarial Networks",
        "Ian J. Goodfellow, Jean Pouget-Abadie, Mehdi Mirza, Bing Xu, David Warde-Farley, Sherjil Ozair, Aaron Courville, "
        "Yoshua Bengio",
        2014,
        "1406.2661",
    ),
    note=(
        "Two networks play a game: a forger turns random numbers into pictures, and a critic sees real and forged ones "
        "and says which is which. Each learns only from the other's mistakes; nobody ever tells the forger what a digit "
        "is. Here both are plain layers of neurons that do not know which pixels are neighbours, which is why the strokes "
        "are grainy."
    ),
    limits=(
        "No notion of neighbouring pixels: strokes are speckled and broken, and some digits are drawn more often than "
        "others. It cannot be asked for a particular digit."
    ),
    config=Config,
    build=VanillaGAN,
    tiny={"z": 4, "width": 8, "batch": 8},
)
