"""What GANs that draw from words share: a caption encoder, trained before, and a discriminator that knows the caption.

Shapes: B batch, T characters, E embedding, F features of D's last map, S side of that map.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy

from .. import spec
from ..gan import GAN, Batch, Phase, Terms
from ..inputs import Noise, Text
from ..losses import LOSSES
from ..nets import Fold, Heads, augment, doublings, down, features, init_normal
from ..spec import knob
from . import caption
from .towers import Characters, Words

LAYOUT = 8  # places on a side that tell where in a picture what colour is, at the coarsest
PAPER = 384, 512  # channels of the char-CNN-RNN's first two convolutions (Reed et al. 2016, arXiv 1605.05395)

# Captions for a visitor to try, each with one word changed; offered where the data have such things.
OFFERS = (
    ("a red apple", "a green apple"),
    ("a sleepy cat", "a sleepy dog"),
    ("a rocket", "a robot"),
    ("a birthday cake", "a wedding cake"),
    ("a blue fish", "a blue bird"),
    ("a ghost", "a clown"),
)

# What a few thousand pictures and a CPU ask for: the caption meets D's features as a product (see `Matching`), D has no batch
# norm but the R1 penalty, its pictures are shifted (Zhao et al. 2020, arXiv 2006.10738), steps are larger.
LIGHT: dict[str, Any] = {"match": "project", "d_norm": "none", "r1": 1.0, "disturb": 0.2}
LIGHT |= {"r1_every": 4, "lr_g": 4e-4, "lr_d": 4e-4, "beta1": 0.0, "beta2": 0.99}


def disturb(image: Tensor, amount: float, p: float = 0.0) -> Tensor:
    """Pictures (B, C, S, S) as D should see them where there are few (Zhao et al. 2020, arXiv 2006.10738): all shifted alike,
    by a quarter of the side times `amount` at most, what leaves on one side coming in on the other; in the precision that D
    computes in, which is less to move. p: see `augment`."""
    kind = image.device.type
    image = augment(image, p) if p else image
    image = image.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else image
    if not amount:
        return image
    most = round(amount * image.shape[-1] / 4)
    dy, dx = torch.randint(-most, most + 1, (2,)).tolist()
    return torch.roll(image, (dy, dx), (2, 3))


def astray(drawn: Sequence[Tensor], real: Tensor) -> Tensor:
    """How far pictures (B, C, s, s) of some sides are from the real ones (B, C, S, S), made as small: the mean difference."""
    return torch.stack([(x.float() - adaptive_avg_pool2d(real, x.shape[-1])).abs().mean() for x in drawn]).mean()


@dataclass(frozen=True)
class Config(spec.Config):
    side: int = knob(64, "side of the picture, in pixels")
    channels: int = knob(3, "1 for grey, 3 for colour")
    captions: tuple[str, ...] = knob((), "some captions of the data")
    styles: tuple[str, ...] = knob((), "the manners that the data are drawn in, as captions call them")

    encoder: str = knob(
        "encoder-emoji", "checkpoint of the caption encoder that a training starts with; empty: an untaught one", names=True
    )
    reads: Literal["characters", "words"] = knob("words", "what that encoder cuts a caption into")
    embedding: int = knob(128, "numbers that it makes of a caption")
    recurrent: int = knob(64, "channels of its recurrent net")
    z: int = knob(100, "numbers of noise a picture is made from")
    d_width: int = knob(64, "channels of D's first layer")
    d_patch: int = knob(1, "pixels of a side that D takes in as one place, in channels of their own, a later idea")
    d_most: int = knob(512, "channels of a layer of D at most; they double with each halving of the side")
    d_norm: Literal["batch", "none"] = knob("batch", "normalisation in D")
    match: Literal["join", "project"] = knob("join", "how a caption meets D's features: beside them, or as a product")
    text: int = knob(128, "numbers that a caption is made smaller to beside them")
    disturb: float = knob(0.0, "how far pictures are shifted before D sees them, in quarters of the side, a later idea")
    augment: float = knob(0.0, "probability of each change made to pictures before D sees them (ADA's), a later idea")
    between: float = knob(0.0, "weight of the captions halfway between two (GAN-INT, Reed et al. 2016); 0 leaves them out")
    agree: float = knob(0.0, "weight of the encoder's own opinion of picture and caption, a later idea; 0 leaves it out")
    alike: float = knob(
        0.0, "weight of what D's layers see differently in drawn and real pictures, a later idea; 0 leaves it out"
    )
    layout: float = knob(0.0, "weight of what the places of a drawn and the real picture differ in, a later idea; 0: none")
    finest: int = knob(8, "places on a side, at the finest, that layout compares: 8, 16, ... up to this alike; 0: none")
    coarse: int = knob(0, "places up to which it compares what inner layers of what draws first show, a later idea; 0: none")
    adversarial: float = knob(1.0, "weight of fooling D; 0: D rests, and G learns by layout alone, a later idea")
    r1: float = knob(0.0, "weight of the R1 penalty on D's slope at real pictures, a later idea; 0 leaves it out")
    r2: float = knob(0.0, "weight of the same penalty at drawn pictures, a later idea; 0 leaves it out")
    r1_every: int = knob(16, "steps from one R1 penalty to the next, which counts for all of them; of R2, too")
    loss: Literal["non-saturating", "minimax", "least-squares", "hinge", "relativistic"] = knob(
        "non-saturating", "what both minimise; relativistic: a later idea"
    )
    batch: int = knob(64, "pictures a step")

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.embedding, self.recurrent, self.z, self.d_width, self.text, self.r1_every) < 1:
            raise ValueError("embedding, recurrent, z, d_width, text and r1_every must be at least 1")
        if not 0 <= self.augment < 1:
            raise ValueError(f"augment: {self.augment} is not a probability from 0 to less than 1")
        for name in ("finest", "coarse"):
            if (n := getattr(self, name)) and (not LAYOUT <= n <= self.side or n & (n - 1)):
                raise ValueError(f"{name}: {n} is not 0, {LAYOUT}, {2 * LAYOUT}, ... up to the side, {self.side}")
        if not self.adversarial and (self.between or self.alike or not self.layout):
            raise ValueError("adversarial 0: D rests, so between and alike, which ask it, must be 0, and layout more than 0")
        if self.layout and not self.finest and not self.coarse:
            raise ValueError("layout has nothing to compare: finest and coarse are 0")
        if self.d_patch < 1 or self.side % self.d_patch:
            raise ValueError(f"d_patch: {self.d_patch} does not divide the side, {self.side}")
        try:
            doublings(self.side // self.d_patch)
        except ValueError as error:
            raise ValueError(f"{error}; D takes in d_patch = {self.d_patch} of {self.side} pixels as one") from None


class Matching(nn.Module):
    """The end of D: features (B, F, S, S), text (B, E) -> logit (B,), how real the picture is and how well it fits its caption.

    join: the caption, made small and repeated at each place, beside the features (Reed et al. 2016, arXiv 1605.05396, section
    4.1). project: how real, and the product of features and caption (Miyato & Koyama 2018, arXiv 1802.05637, equation 3).
    """

    def __init__(self, features: int, side: int, embedding: int, text: int, how: Literal["join", "project"]) -> None:
        super().__init__()
        self.how = how
        if how == "join":
            self.text = nn.Sequential(nn.Linear(embedding, text), nn.LeakyReLU(0.2))
            self.mix = nn.Sequential(nn.Conv2d(features + text, features, 1), nn.LeakyReLU(0.2))
            self.head = nn.Conv2d(features, 1, side)
        else:
            self.head = nn.Conv2d(features, 1 + embedding, side)

    def forward(self, seen: Tensor, text: Tensor) -> Tensor:
        if self.how == "join":
            beside = self.text(text)[:, :, None, None].expand(-1, -1, *seen.shape[2:])
            logit: Tensor = self.head(self.mix(torch.cat([seen, beside.to(seen.dtype)], 1))).flatten()
            return logit
        scores = self.head(seen).flatten(1).float()
        product: Tensor = scores[:, 0] + (scores[:, 1:] * text).mean(1) * text.shape[1] ** 0.5
        return product  # as large as one number of it


class Discriminator(nn.Module):
    """image (B, C, S, S), said (B, E) -> logit (B,)."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        channels, side = c.channels, c.side // c.d_patch
        first: list[nn.Module] = []
        if c.d_patch > 1:  # a large picture at the cost of a small one
            first = [Fold(c.d_patch), nn.Conv2d(channels * c.d_patch**2, c.d_width, 3, 1, 1), nn.LeakyReLU(0.2, inplace=True)]
            channels = c.d_width
        self.body = nn.Sequential(*first, *down(channels, c.d_width, side, 4, c.d_norm == "batch", c.d_most))
        self.head = Matching(features(c.d_width, side, 4, c.d_most), 4, c.embedding, c.text, c.match)

    def forward(self, image: Tensor, said: Tensor) -> Tensor:
        logit: Tensor = self.head(self.body(image), said)
        return logit

    def look(self, image: Tensor) -> list[Tensor]:
        """image (B, C, S, S) -> the features after each layer, the last ones being the head's."""
        seen = []
        for layer in self.body:
            image = layer(image)
            if isinstance(layer, nn.LeakyReLU):
                seen.append(image)
        return seen


class Reads(GAN):
    """A GAN with a caption among its inputs, R, that reads it, and a matching-aware D. A model adds what draws."""

    config: Config
    D: Discriminator

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.R: Characters | Words
        if c.reads == "words":
            self.R = Words(c.recurrent, c.embedding, 0.0, 0.0)
        else:
            self.R = Characters((*PAPER, c.recurrent), c.embedding, 0.0)
        self.R.requires_grad_(False)
        things = {word for name in c.classes for word in name.split()}
        offers = tuple(pair for pair in OFFERS if pair[0].split()[-1] in things)
        text = Text("text", c.captions or c.classes or ("a picture",), styles=c.styles, offers=offers)
        self.inputs = (Noise("z", c.z), text)
        self.D = init_normal(Discriminator(c))
        self.heads: Heads | None = None
        self.loss = LOSSES[c.loss]

    def supervise(self, widths: list[int]) -> None:
        """What shows pictures in the layers of G, which have so many channels at 8, 16, ... places on a side. It draws none
        itself, so it is kept with the opponents."""
        if self.config.coarse:
            self.heads = Heads(widths[: (self.config.coarse // LAYOUT).bit_length()], self.config.channels)
            self.opponents = ("D", "heads")

    def prepare(self) -> None:
        """Take the encoder's weights. ValueError if there is none of that name, or if it is another kind."""
        from .encoder import encoder

        c = self.config
        if not c.encoder:
            return
        found = encoder(c.encoder)
        try:
            self.R.load_state_dict(found.text.state_dict())
        except RuntimeError:
            is_ = found.config
            raise ValueError(
                f"encoder: {c.encoder} reads {is_.reads} with embedding {is_.embedding} and width3 {is_.width3}, not "
                f"{c.reads} with embedding {c.embedding} and recurrent {c.recurrent}: name another, or set these knobs"
            ) from None

    def phases(self) -> list[Phase]:
        """D, then G; G alone where D is not asked: a start in pixels, as SRGAN's (Ledig et al. 2016, arXiv 1609.04802, 3.2)."""
        d, g = super().phases()
        g = replace(g, nets=(*g.nets, self.heads)) if self.heads else g
        return [d, g] if self.config.adversarial else [g]

    def forward(self, **inputs: Tensor) -> Tensor:
        return self.stages(**inputs)[-1]

    def stages(self, text: Tensor, **noise: Tensor) -> list[Tensor]:  # type: ignore[override]
        return [*self.imagined(self.read(text), **noise)]

    def imagined(self, said: Tensor, **noise: Tensor) -> Iterator[Tensor]:
        """What captions say (B, E), and the noise -> the picture of each stage, drawn when it is asked for."""
        yield self.imagine(said, **noise)

    def imagine(self, said: Tensor, **noise: Tensor) -> Tensor:
        """What captions say (B, E), and the noise -> images (B, C, S, S) in [-1, 1]."""
        raise NotImplementedError

    def layers(self, said: Tensor, **noise: Tensor) -> Iterator[Tensor]:
        """The features that G draws from, at 8, 16, ... places on a side, as they are asked for."""
        raise NotImplementedError

    def noise(self, batch: Batch) -> Batch:
        """The noise of a batch by name: z (B, Z), and epsilon (B, A) where the model has it."""
        return {i.name: batch[i.name] for i in self.inputs if isinstance(i, Noise)}

    def fake(self, batch: Batch) -> Tensor:
        """What G draws for a batch, and in the same pass, where they are asked for, of captions halfway between two, of which
        nobody drew a picture (Reed et al. 2016, equation 5): mixed in pairs, half as many. Batch norm sees one mixture."""
        if "fake" not in batch:
            said, noise, n = self.said(batch), self.noise(batch), len(batch["text"])
            half = n // 2 if self.config.between else 0
            batch["mixed"] = (said[:half] + said[half : 2 * half]) / 2
            told = {k: torch.cat([v, v[:half]]) for k, v in noise.items()}
            drawn = [*self.imagined(torch.cat([said, batch["mixed"]]), **told)]
            batch["sketch"], batch["fake"], batch["halfway"] = drawn[0][:n], drawn[-1][:n], drawn[-1][n:]
        return batch["fake"]

    def read(self, text: Tensor) -> Tensor:
        """text (B, T) -> embedding (B, E), each of length sqrt(E)."""
        with torch.no_grad():
            embedding: Tensor = nn.functional.normalize(self.R(text).float()) * self.config.embedding**0.5
        return embedding

    def said(self, batch: Batch) -> Tensor:
        """What the captions of a batch say (B, E); read once a step."""
        if "said" not in batch:
            batch["said"] = self.read(batch["text"])
        return batch["said"]

    def d_loss(self, batch: Batch) -> Terms:
        """Matching-aware (Reed et al. 2016, algorithm 1): a real picture with its caption is right; one with another's caption
        is as wrong as a drawn one. Relativistic: right ones should be more right than the drawn one of the same caption, and
        than the same picture with another's."""
        c, real, said = self.config, batch["image"], self.said(batch)
        fake = disturb(self.fake(batch).detach(), c.disturb, c.augment)
        of_real, of_fake = self.both(self.D.body, disturb(real, c.disturb, c.augment), fake)
        right, drawn, wrong = (self.D.head(x, t) for x, t in ((of_real, said), (of_fake, said), (of_real, said.roll(1, 0))))
        batch["right"] = right.detach()
        terms = self.tell_apart(right, drawn)
        if self.loss.relative:
            terms = {"d_fake": self.loss.real(right - drawn) / 2, "d_wrong": self.loss.real(right - wrong) / 2}
        else:
            terms |= {"d_fake": terms["d_fake"] / 2, "d_wrong": self.loss.fake(wrong) / 2}
        even = batch["right"] if self.loss.relative else self.loss.even or 0.0
        self.watched["d_wrong_right"] = (wrong.detach() < even).float().mean()
        terms |= self.lazy_r1(c.r1, c.r1_every, real, said)
        return terms | self.lazy_r1(c.r2, c.r1_every, self.fake(batch), said, term="d_r2")

    def g_loss(self, batch: Batch) -> Terms:
        c, said, terms = self.config, self.said(batch), {}
        if c.adversarial:
            image = self.fake(batch)
            terms = self.match(image, said, batch) if c.alike else {"g_fool": self.fool(image, said, batch)}
            terms["g_fool"] = c.adversarial * terms["g_fool"]
        if c.agree:
            terms["g_agree"] = c.agree * self.agreement(self.fake(batch), said)
        if c.between:
            terms["g_between"] = c.between * self.fool(batch["halfway"], batch["mixed"], batch)
        if c.layout and c.finest:
            sides = [LAYOUT << i for i in range((c.finest // LAYOUT).bit_length())]
            seen = [adaptive_avg_pool2d(self.fake(batch).float(), side) for side in sides]
            terms["g_layout"] = c.layout * astray(seen, batch["image"])
        if c.layout and self.heads:
            terms["g_coarse"] = c.layout * astray(self.heads(self.layers(said, **self.noise(batch))), batch["image"])
        return terms

    def fool(self, image: Tensor, said: Tensor, batch: Batch) -> Tensor:
        """What G pays for a picture and what it was told."""
        return self.believed(self.D(disturb(image, self.config.disturb, self.config.augment), said), batch)

    def believed(self, logit: Tensor, batch: Batch) -> Tensor:
        """What G pays for D's logits (n,); relativistic: against those that D has just made of as many real ones."""
        return self.loss.fool(logit - batch["right"][: len(logit)] if self.loss.relative else logit)

    def match(self, image: Tensor, said: Tensor, batch: Batch) -> Terms:
        """What G pays to `fool`, and for what each layer of D sees differently in a drawn picture and in the real one of the
        same caption (Wang et al. 2017, arXiv 1711.11585, equation 4), as a share of what it sees; both disturbed alike."""
        c = self.config
        drawn, real = disturb(torch.cat([image, batch["image"].to(image.dtype)]), c.disturb, c.augment).chunk(2)
        with torch.no_grad():
            of_real = self.D.look(real)
        of_drawn = self.D.look(drawn)
        shares = [(a - b).abs().float().mean() / b.abs().float().mean() for a, b in zip(of_drawn, of_real, strict=True)]
        fool = self.believed(self.D.head(of_drawn[-1], said), batch)
        return {"g_fool": fool, "g_alike": c.alike * torch.stack(shares).mean()}

    def agreement(self, image: Tensor, said: Tensor) -> Tensor:
        """How hard the encoder finds it to tell, among a batch, which drawing is of which caption (Xu et al. 2018, arXiv
        1711.10485, equations 10 to 13, of whole sentences)."""
        from .encoder import encoder

        judge = encoder(self.config.encoder).to(image.device)
        seen = judge.see(image)
        score = judge.config.sharpness * seen @ (said / self.config.embedding**0.5).mT
        alike = (said[:, None] - said[None]).abs().amax(2) < 1e-4
        score = score.masked_fill(alike & ~torch.eye(len(said), dtype=torch.bool, device=image.device), -torch.inf)
        target = torch.arange(len(said), device=image.device)
        return (cross_entropy(score, target) + cross_entropy(score.mT, target)) / 2

    def split(self, text: str) -> list[tuple[str, bool]]:
        """The words of a caption, in their order, each with whether R knows it."""
        return self.R.split(caption.clean(text))
