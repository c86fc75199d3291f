"""The GAN of the tutorials: the first game, played by two small convolutional nets. Goodfellow et al. 2014, arXiv 1406.2661.

Adds: to the paper's game and its non-saturating loss (section 3), the networks with which many courses introduce GANs on
MNIST: D is two 3 x 3 convolutions of stride 2 with LeakyReLU and dropout 0.4, G a dense layer to 6 x 6, two 4 x 4 transposed
convolutions of stride 2 and a 3 x 3 convolution; none is padded, so 6 goes to 14, 30 and 28. Weights begin as Glorot has them,
which is those tutorials' default: of torch's own, which are smaller, G's signal fades on its way and D wins at once.
Departs: no paper has these networks, they are a tutorial's; they are the step between dense layers and DCGAN, without its
batch norm. D returns a logit where the tutorials have a sigmoid; the picture ends in tanh; an averaged generator for sampling.
Shapes: B batch, Z noise, W width, C channels, S side, s = (S - 4) / 4 the side that G starts from.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from .. import remedies
from ..config import knob
from ..gan import GAN, Batch, Terms
from ..inputs import Noise
from ..losses import LOSSES
from ..nets import init_glorot
from ..spec import Paper, Spec, Step


@dataclass(frozen=True)
class Config(remedies.Config):
    z: int = knob(100, "numbers of noise a picture is made from", at_least=1)
    width: int = knob(64, "channels of D's layers; G's have twice as many", at_least=1)
    dropout: float = knob(0.4, "share of D's features that are left out in a training step", below=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side % 4 or self.side < 8:
            raise ValueError(f"side: {self.side} is not a multiple of 4 from 8 on")


class Generator(nn.Module):
    """z (B, Z) -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        n, start = 2 * c.width, (c.side - 4) // 4
        self.front = nn.Sequential(nn.Linear(c.z, n * start**2), nn.LeakyReLU(0.2))
        self.shape = (n, start, start)
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.ConvTranspose2d(n, n, 4, 2), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers, nn.Conv2d(n, c.channels, 3), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        image: Tensor = self.body(self.front(z).unflatten(1, self.shape))
        return image


class Discriminator(nn.Module):
    """image (B, C, S, S) -> logit (B,)."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        side = c.side
        for i in range(2):
            layers += [nn.Conv2d(c.width if i else c.channels, c.width, 3, 2), nn.LeakyReLU(0.2), nn.Dropout(c.dropout)]
            side = (side - 3) // 2 + 1
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(c.width * side**2, 1))

    def forward(self, image: Tensor) -> Tensor:
        logit: Tensor = self.body(image).squeeze(1)
        return logit


class ConvolutionalGAN(GAN):
    config: Config

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.inputs = (Noise("z", c.z),)
        self.G, self.D = init_glorot(Generator(c)), init_glorot(Discriminator(c))
        self.loss = LOSSES["non-saturating"]
        remedies.apply(self, c)

    def forward(self, z: Tensor) -> Tensor:  # type: ignore[override]
        image: Tensor = self.G(z)
        return image

    def d_loss(self, batch: Batch) -> Terms:
        return self.d_terms(*self.both(self.D, batch["image"], self.fake(batch).detach()))

    def g_loss(self, batch: Batch) -> Terms:
        return {"g_fool": self.loss.generator(self.D(self.fake(batch)))}


SPEC = Spec(
    name="cnn",
    title="Convolutional GAN",
    paper=Paper(
        "Generative Adversarial Networks",
        "Ian J. Goodfellow, Jean Pouget-Abadie, Mehdi Mirza, Bing Xu, David Warde-Farley, Sherjil Ozair, Aaron Courville, "
        "Yoshua Bengio",
        2014,
        "1406.2661",
    ),
    note=(
        "This is the GAN that most courses write first: the game of 2014, with two small networks that know which pixels are "
        "neighbours. The discriminator looks through windows of three by three pixels and forgets two features in five at "
        "each step, so that it cannot win by heart. The generator has no batch normalisation, and what that costs is seen "
        "beside DCGAN."
    ),
    adds=("vanilla", "convolutions, and dropout in the discriminator."),
    limits=(
        "Small networks without batch normalisation: lines are uneven, and some things are shapes between two. It cannot be "
        "asked for a particular class."
    ),
    config=Config,
    build=ConvolutionalGAN,
    recipes={"fast": (Step({"batch": 64}),)},
    tiny={"z": 4, "width": 4, "batch": 8},
)
