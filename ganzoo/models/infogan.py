"""InfoGAN: some of the noise is made to mean something. Chen et al. 2016, arXiv 1606.03657.

Adds: besides noise z, G is fed codes c: a category c1 and numbers c2, c3 in [-1, 1]. A third player Q, on D's own layers,
reads the codes back from the picture, and G and Q together raise the lower bound of the mutual information,
L(G, Q) = E log Q(c | G(z, c)) + H(c) <= I(c; G(z, c)) (equations 4 and 5). Networks: appendix C.1.
Departs: an averaged generator; Q moves in D's turn; a number's log Q has the variance that fits the batch only where the bound
is logged, and variance 1 where it is minimised. Recipe `fast`, which is shipped: four sides (4, 7, 14, 28) and no dense layer,
no batch norm in D, R1 penalty, larger steps; Q learns c1 from augmented pictures, real ones too, where c1 must be certain, its
values equally frequent, and the same augmented or not (IMSAT: Hu et al. 2017, arXiv 1702.08720). No label is ever seen.
Shapes: B batch, Z noise, K categories, N numbers, C channels, S side, F features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, mse_loss, one_hot

from .. import config
from ..augment import random_affine
from ..config import knob
from ..gan import GAN, Batch, Phase, Terms
from ..inputs import Choice, Code, Noise
from ..losses import LOSSES
from ..nets import doublings, down, init_normal, out_channels, up
from ..spec import Paper, Spec, Step


@dataclass(frozen=True)
class Config(config.Config):
    z: int = knob(62, "numbers of noise a picture is made from", at_least=1)
    categories: int = knob(10, "values of the code c1", at_least=2, at_most=100)
    numbers: int = knob(2, "codes in [-1, 1]: c2, c3, ...", at_least=1)
    info_category: float = knob(1.0, "weight of c1's mutual information (lambda of equation 6)")
    info_number: float = knob(0.1, "weight of c2's, c3's, ...")
    jitter: float = knob(0.0, "random affine maps of the pictures that Q learns c1 from, a later idea; 0: none")
    imsat: float = knob(1.0, "with jitter: weight of the unsupervised classification of real pictures", formerly="same")
    width: int = knob(64, "channels of the layer next to the picture", at_least=1)
    start: int = knob(7, "side that the generator starts from, and D ends at", at_least=1)
    dense: int = knob(1024, "units of the dense layer at that end of each network; 0 leaves it out")
    d_norm: Literal["batch", "none"] = knob("batch", "normalisation in D")
    r1: float = knob(0.0, "weight of the R1 penalty on D's slope at real pictures, a later idea; 0 leaves it out")
    r1_every: int = knob(8, "steps from one R1 penalty to the next, which counts for all of them", at_least=1)
    loss: Literal["non-saturating", "minimax", "least-squares", "hinge"] = knob("non-saturating", "what both minimise")
    lr_g: float = knob(1e-3, "Adam learning rate of the generator")

    def __post_init__(self) -> None:
        super().__post_init__()
        doublings(self.side, self.start)


class Generator(nn.Module):
    """noise and codes (B, Z + K + N) -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        n = c.z + c.categories + c.numbers
        front = [nn.Linear(n, c.dense, bias=False), nn.BatchNorm1d(c.dense), nn.ReLU(inplace=True)] if c.dense else []
        self.front = nn.Sequential(*front)
        self.body = up(c.dense or n, c.width, c.channels, c.side, c.start)

    def forward(self, noise_and_codes: Tensor) -> Tensor:
        image: Tensor = self.body(self.front(noise_and_codes)[:, :, None, None])
        return image


class Discriminator(nn.Module):
    """image (B, C, S, S) -> logit (B,). Q shares its `features` (B, F)."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        norm, n = c.d_norm == "batch", out_channels(c.width, c.side, c.start)
        layers = [*down(c.channels, c.width, c.side, c.start, norm)]
        if c.dense:
            layers += [nn.Conv2d(n, c.dense, c.start), *([nn.BatchNorm2d(c.dense)] if norm else []), nn.LeakyReLU(0.2)]
        self.features = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(c.dense or n * c.start**2, 1)

    def forward(self, image: Tensor) -> Tensor:
        logit: Tensor = self.head(self.features(image)).squeeze(1)
        return logit


class Recogniser(nn.Module):
    """D's features (B, F) -> logits of c1 and means of c2, c3, ... (B, K + N)."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        n = c.dense or out_channels(c.width, c.side, c.start) * c.start**2
        last = nn.Linear(128, c.categories + c.numbers)
        self.body = nn.Sequential(nn.Linear(n, 128), nn.BatchNorm1d(128), nn.LeakyReLU(0.2), last)

    def forward(self, features: Tensor) -> Tensor:
        codes: Tensor = self.body(features)
        return codes


class InfoGAN(GAN):
    config: Config
    training_only = ("D", "Q")
    unconditional_d = True
    D: Discriminator
    Q: Recogniser

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.numbers = [f"c{i + 2}" for i in range(c.numbers)]
        self.inputs = (Noise("z", c.z, "uniform"), Choice("c1", tuple(map(str, range(c.categories)))), *map(Code, self.numbers))
        self.G, self.D, self.Q = Generator(c), Discriminator(c), Recogniser(c)
        init_normal(self)
        self.loss = LOSSES[c.loss]

    def forward(self, z: Tensor, c1: Tensor, **numbers: Tensor) -> Tensor:  # type: ignore[override]
        category = one_hot(c1, self.config.categories).to(z.dtype)
        image: Tensor = self.G(torch.cat([z, category, torch.stack([numbers[k] for k in self.numbers], 1)], 1))
        return image

    def infer(self, image: Tensor) -> Batch:
        read = self.Q(self.D.features(image)).float()
        numbers = dict(zip(self.numbers, read[:, self.config.categories :].unbind(1), strict=True))
        return {"c1": read[:, : self.config.categories]} | numbers

    def information(self, features: Tensor, augmented: Tensor, batch: Batch) -> Terms:
        """-log Q of the codes, but for constants, from D's features (B, F) of fakes, and for c1 from those of their augmented
        copies; the lower bounds of the mutual information, in nats, are logged."""
        c, read = self.config, self.Q(features).float()
        nll = cross_entropy(self.Q(augmented)[:, : c.categories].float(), batch["c1"])
        self.logs["mi_c1"] = math.log(c.categories) - nll.detach()
        terms = {"q_c1": c.info_category * nll}
        for i, name in enumerate(self.numbers):
            error = mse_loss(read[:, c.categories + i], batch[name])
            self.logs[f"mi_{name}"] = math.log(2) - 0.5 * torch.log(2 * math.pi * math.e * error.detach())
            terms[f"q_{name}"] = c.info_number * error / 2
        return terms

    def imsat(self, features: Tensor, augmented: Tensor) -> Tensor:
        """What c1 should be in real pictures, from D's features (B, F) of them and of their augmented copies: the same in both,
        certain, and each category as frequent as any other (Hu et al. 2017, section 3), by the weights 1, 0.1 and 0.4."""
        k = self.config.categories
        log_p, log_p_augmented = (self.Q(x)[:, :k].float().log_softmax(1) for x in (features, augmented))
        change = kl_div(log_p_augmented, log_p.detach(), reduction="batchmean", log_target=True)
        frequency = log_p.exp().mean(0)
        entropy, entropy_of_mean = -(log_p.exp() * log_p).sum(1).mean(), -(frequency * (frequency + 1e-8).log()).sum()
        loss: Tensor = change + 0.1 * (entropy + 4 * (math.log(k) - entropy_of_mean))
        return loss

    def d_loss(self, batch: Batch) -> Terms:
        c, real, fake = self.config, batch["image"], self.fake(batch).detach()
        of_real, of_fake = self.both(self.D.features, real, fake)
        terms = self.d_terms(self.D.head(of_real).squeeze(1), self.D.head(of_fake).squeeze(1))
        augmented = of_fake
        if c.jitter:
            copies = random_affine(real, c.jitter), random_affine(fake, c.jitter)
            augmented_real, augmented = self.both(self.D.features, *copies)
            terms["q_same"] = c.imsat * self.imsat(of_real, augmented_real)
        return terms | self.information(of_fake, augmented, batch) | self.lazy_r1(c.r1, c.r1_every, real)

    def g_loss(self, batch: Batch) -> Terms:
        features = self.D.features(self.fake(batch))
        information = {k.replace("q_", "g_"): v for k, v in self.information(features, features, batch).items()}
        return {"g_fool": self.loss.generator(self.D.head(features).squeeze(1))} | information

    def phases(self) -> list[Phase]:
        d, g = super().phases()
        return [Phase("D", (self.D, self.Q), d.loss, d.lr), g]


FAST = {"start": 4, "dense": 0, "d_norm": "none", "r1": 1.0, "width": 48, "batch": 64, "lr_d": 1e-3}

SPEC = Spec(
    name="infogan",
    group="control",
    title="InfoGAN",
    paper=Paper(
        "InfoGAN: Interpretable Representation Learning by Information Maximizing Generative Adversarial Nets",
        "Xi Chen, Yan Duan, Rein Houthooft, John Schulman, Ilya Sutskever, Pieter Abbeel",
        2016,
        "1606.03657",
    ),
    note=(
        "Nobody tells this network what a digit is, yet one of its switches turns out to choose it. Beside noise the forger "
        "is fed a few codes, and a detective must be able to read them back from the picture, so each code has to leave a "
        "mark that cannot be missed: for a switch with ten settings that is which thing is drawn, for a slider how it leans "
        "or how bold it is. Drag a slider and see what the network decided that it means."
    ),
    adds=("cgan", "nobody gives the labels; a third network must read the codes off the picture."),
    limits=(
        "What the codes mean is luck as much as design: another seed may give two classes one setting, or split one class "
        "over two. The names on the buttons were read off afterwards."
    ),
    measure="category_error_real:c1",
    config=Config,
    build=InfoGAN,
    recipes={"fast": (Step(FAST | {"beta1": 0.0, "beta2": 0.99, "jitter": 0.2}),)},
    tiny={"z": 4, "width": 4, "batch": 8, "dense": 8, "start": 4},
)
