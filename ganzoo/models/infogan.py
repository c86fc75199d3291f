"""InfoGAN: some of the noise is made to mean something. Chen et al. 2016, arXiv 1606.03657.

Adds: besides noise z, G is fed codes c: a category c1 and numbers c2, c3 in [-1, 1]. A third player Q, on D's own layers,
reads the codes back from the picture, and G and Q together raise the lower bound of the mutual information,
L(G, Q) = E log Q(c | G(z, c)) + H(c) <= I(c; G(z, c)) (equations 4 and 5). Networks: appendix C.1.
Departs: an averaged generator; Q moves in D's turn; a number's log Q has the variance that fits the batch only where the
bound is logged, and variance 1 where it is minimised. Recipe `fast`, which the shipped checkpoints use: four sides
(4, 7, 14, 28) instead of three and no dense layer, no batch norm in D, R1 penalty, larger steps; Q learns c1 from jittered
pictures, of which it also sees real ones: there c1 must be sure, each as often as any other, and the same with jitter and
without (Hu et al. 2017, arXiv 1702.08720). No label is ever seen.
Shapes: B batch, Z noise, K categories, N numbers, C channels, S side, F features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, mse_loss, one_hot

from .. import spec
from ..gan import GAN, Batch, Phase, Terms
from ..inputs import Choice, Code, Noise
from ..losses import LOSSES
from ..nets import doublings, down, features, init_normal, jitter, up
from ..spec import Paper, Spec, knob


@dataclass(frozen=True)
class Config(spec.Config):
    z: int = knob(62, "numbers of noise a picture is made from")
    categories: int = knob(10, "values of the code c1")
    numbers: int = knob(2, "codes in [-1, 1]: c2, c3, ...")
    info_category: float = knob(1.0, "weight of what Q says of c1 (lambda of equation 6)")
    info_number: float = knob(0.1, "weight of what Q says of c2, c3, ...")
    jitter: float = knob(0.0, "how far pictures are turned and stretched for Q to learn c1 from, a later idea; 0: not")
    same: float = knob(1.0, "with jitter: weight of what Q should make of real pictures")
    width: int = knob(64, "channels of the layer next to the picture")
    start: int = knob(7, "side that the generator starts from, and D ends at")
    dense: int = knob(1024, "units of the dense layer at that end of each network; 0 leaves it out")
    d_norm: Literal["batch", "none"] = knob("batch", "normalisation in D")
    r1: float = knob(0.0, "weight of the R1 penalty on D's slope at real pictures, a later idea; 0 leaves it out")
    r1_every: int = knob(8, "steps from one R1 penalty to the next, which counts for all of them")
    loss: Literal["non-saturating", "minimax", "least-squares", "hinge"] = knob("non-saturating", "what both minimise")
    lr_g: float = knob(1e-3, "Adam learning rate of the generator")

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.z, self.width, self.numbers, self.r1_every, self.start) < 1 or not 2 <= self.categories <= 100:
            raise ValueError("z, width, numbers, r1_every and start are at least 1, categories from 2 to 100")
        doublings(self.side, self.start)


class Generator(nn.Module):
    """noise and codes (B, Z + K + N) -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        n = c.z + c.categories + c.numbers
        front = [nn.Linear(n, c.dense, bias=False), nn.BatchNorm1d(c.dense), nn.ReLU(inplace=True)] if c.dense else []
        self.front = nn.Sequential(*front)
        self.body = up(c.dense or n, c.width, c.channels, c.side, c.start)

    def forward(self, fed: Tensor) -> Tensor:
        image: Tensor = self.body(self.front(fed)[:, :, None, None])
        return image


class Discriminator(nn.Module):
    """image (B, C, S, S) -> logit (B,). Its `features` (B, F) are Q's eyes too."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        norm = c.d_norm == "batch"
        seen = features(c.width, c.side, c.start)
        layers = [*down(c.channels, c.width, c.side, c.start, norm)]
        if c.dense:
            layers += [nn.Conv2d(seen, c.dense, c.start), *([nn.BatchNorm2d(c.dense)] if norm else []), nn.LeakyReLU(0.2)]
        self.features = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(c.dense or seen * c.start**2, 1)

    def forward(self, image: Tensor) -> Tensor:
        logit: Tensor = self.head(self.features(image)).squeeze(1)
        return logit


class Recogniser(nn.Module):
    """D's features (B, F) -> logits of c1 and means of c2, c3, ... (B, K + N)."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        seen = c.dense or features(c.width, c.side, c.start) * c.start**2
        last = nn.Linear(128, c.categories + c.numbers)
        self.body = nn.Sequential(nn.Linear(seen, 128), nn.BatchNorm1d(128), nn.LeakyReLU(0.2), last)

    def forward(self, seen: Tensor) -> Tensor:
        codes: Tensor = self.body(seen)
        return codes


class InfoGAN(GAN):
    config: Config
    opponents = ("D", "Q")
    D: Discriminator
    Q: Recogniser

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.numbers = [f"c{i + 2}" for i in range(c.numbers)]
        category = Choice("c1", tuple(map(str, range(c.categories))))
        self.inputs = (Noise("z", c.z, "uniform"), category, *(Code(name) for name in self.numbers))
        self.G, self.D, self.Q = Generator(c), Discriminator(c), Recogniser(c)
        init_normal(self)
        self.loss = LOSSES[c.loss]

    def forward(self, z: Tensor, c1: Tensor, **numbers: Tensor) -> Tensor:  # type: ignore[override]
        category = one_hot(c1, self.config.categories).to(z.dtype)
        image: Tensor = self.G(torch.cat([z, category, torch.stack([numbers[k] for k in self.numbers], 1)], 1))
        return image

    def infer(self, image: Tensor) -> Batch:
        seen = self.Q(self.D.features(image)).float()
        codes = dict(zip(self.numbers, seen[:, self.config.categories :].unbind(1), strict=True))
        return {"c1": seen[:, : self.config.categories]} | codes

    def information(self, seen: Tensor, moved: Tensor, batch: Batch) -> Terms:
        """-log Q of the codes of fakes, but for constants, c1 read in their copies `moved`; the bounds (nats) are watched."""
        c, read = self.config, self.Q(seen).float()
        surprise = cross_entropy(self.Q(moved)[:, : c.categories].float(), batch["c1"])
        self.watched["mi_c1"] = math.log(c.categories) - surprise.detach()
        terms = {"q_c1": c.info_category * surprise}
        for i, name in enumerate(self.numbers):
            error = mse_loss(read[:, c.categories + i], batch[name])
            self.watched[f"mi_{name}"] = math.log(2) - 0.5 * torch.log(2 * math.pi * math.e * error.detach())
            terms[f"q_{name}"] = c.info_number * error / 2
        return terms

    def agreement(self, seen: Tensor, moved: Tensor) -> Tensor:
        """What Q should make of c1 in real pictures: the same in a picture and its jittered copy, something sure, and each code
        as often as any other (Hu et al. 2017, arXiv 1702.08720, section 3), by the weights 1, 0.1 and 0.4."""
        k = self.config.categories
        sure, after = (self.Q(x)[:, :k].float().log_softmax(1) for x in (seen, moved))
        drift = kl_div(after, sure.detach(), reduction="batchmean", log_target=True)
        often = sure.exp().mean(0)
        unsure, spread = -(sure.exp() * sure).sum(1).mean(), -(often * (often + 1e-8).log()).sum()
        wrong: Tensor = drift + 0.1 * (unsure + 4 * (math.log(k) - spread))
        return wrong

    def d_loss(self, batch: Batch) -> Terms:
        c, real, fake = self.config, batch["image"], self.fake(batch).detach()
        of_real, of_fake = self.both(self.D.features, real, fake)
        terms = self.tell_apart(self.D.head(of_real).squeeze(1), self.D.head(of_fake).squeeze(1))
        moved = of_fake
        if c.jitter:
            moved_real, moved = self.both(self.D.features, jitter(real, c.jitter), jitter(fake, c.jitter))
            terms["q_same"] = c.same * self.agreement(of_real, moved_real)
        return terms | self.information(of_fake, moved, batch) | self.lazy_r1(c.r1, c.r1_every, real)

    def g_loss(self, batch: Batch) -> Terms:
        fake = self.fake(batch)
        seen = self.D.features(fake)
        information = {k.replace("q_", "g_"): v for k, v in self.information(seen, seen, batch).items()}
        return {"g_fool": self.loss.fool(self.D.head(seen).squeeze(1))} | information

    def phases(self) -> list[Phase]:
        d, g = super().phases()
        return [Phase("D", (self.D, self.Q), d.loss, d.lr), g]


SPEC = Spec(
    name="infogan",
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
    limits=(
        "What the codes mean is luck as much as design: another seed may give two classes one setting, or split one class "
        "over two. The names on the buttons were read off afterwards."
    ),
    measure="c1 error, real pictures",
    config=Config,
    build=InfoGAN,
    recipes={
        "fast": {"start": 4, "dense": 0, "d_norm": "none", "r1": 1.0, "width": 48, "batch": 64}
        | {"lr_d": 1e-3, "beta1": 0.0, "beta2": 0.99, "jitter": 0.2}
    },
    tiny={"z": 4, "width": 4, "batch": 8, "dense": 8, "start": 4},
)
