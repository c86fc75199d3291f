"""What GANs from captions to pictures share: a frozen caption encoder R, and a discriminator that sees picture and caption.

Shapes: B batch, Z noise, T characters, E embedding, F features of D's last map, C channels, S side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from .. import config
from ..augment import shared_translation
from ..config import knob
from ..gan import GAN, Batch, Game, Terms
from ..inputs import Noise, Text
from ..losses import LOSSES, contrast
from ..nets import SpaceToDepth, down, init_normal, out_channels
from ..text import caption
from ._towers import CharacterEncoder, WordEncoder
from .caption_encoder import Encoder

Conditioning = Literal["join", "project", "contrast"]
CHAR_CNN = 384, 512  # channels of the char-CNN-RNN's first two convolutions (Reed et al. 2016, arXiv 1605.05395)

# Captions for a visitor to try, each with one word changed; offered where the data have such things.
OFFERS = (
    ("a red apple", "a green apple"),
    ("a sleepy cat", "a sleepy dog"),
    ("a rocket", "a robot"),
    ("a birthday cake", "a wedding cake"),
    ("a blue fish", "a blue bird"),
    ("a ghost", "a clown"),
    ("a smiling woman with glasses and a green bob", "a smiling woman with glasses and a pink bob"),
    ("a bearded man in sunglasses, with a red afro", "a bearded man in sunglasses, with a grey afro"),
    ("a sad face in a yellow shirt, with a blue mohawk", "a surprised face in a yellow shirt, with a blue mohawk"),
    ("a winking person with blond pigtails", "a sleeping person with blond pigtails"),
    ("a man in a plaid shirt, with a moustache and a topknot", "a man in a plaid shirt, with a goatee and a topknot"),
    ("a dark-skinned woman in a red top, with a purple bun", "a pale woman in a red top, with a purple bun"),
)

# What a few thousand pictures and a CPU ask for: a projection discriminator (see `MatchingHead`), in D the R1 penalty in place
# of batch norm, its pictures shifted (Zhao et al. 2020, arXiv 2006.10738), larger steps.
LIGHT: dict[str, Any] = {"conditioning": "project", "d_norm": "none", "r1": 1.0, "translation": 0.2}
LIGHT |= {"lr_g": 4e-4, "lr_d": 4e-4, "beta1": 0.0, "beta2": 0.99}


@dataclass(frozen=True)
class Config(config.Config):
    side: int = knob(64, "side of the picture, in pixels")
    channels: int = knob(3, "1 for grey, 3 for colour")
    captions: tuple[str, ...] = knob((), "some captions of the data")
    styles: tuple[str, ...] = knob((), "the styles that the data are drawn in, as captions call them")

    encoder: str = knob(
        "encoder-emoji", "checkpoint of the caption encoder that a training starts with; empty: an untrained one", names=True
    )
    embedding: int = knob(128, "numbers that it makes of a caption", at_least=1)
    recurrent: int = knob(64, "channels of its recurrent net", at_least=1)
    z: int = knob(100, "numbers of noise a picture is made from", at_least=1)
    d_width: int = knob(64, "channels of D's first layer", at_least=1)
    translation: float = knob(
        0.0, "how far pictures are shifted before D sees them, in quarters of the side, a later idea", formerly="disturb"
    )
    r1: float = knob(0.0, "weight of the R1 penalty on D's slope at real pictures, a later idea; 0 leaves it out")
    batch: int = knob(64, "pictures a step")


def caption_encoder(reads: Literal["characters", "words"], recurrent: int, embedding: int) -> CharacterEncoder | WordEncoder:
    """text (B, T) -> embedding (B, E), untrained."""
    if reads == "words":
        return WordEncoder(recurrent, embedding, 0.0, 0.0)
    return CharacterEncoder((*CHAR_CNN, recurrent), embedding, 0.0)


class MatchingHead(nn.Module):
    """The end of D: features (B, F, s, s), embedding (B, E) -> logit (B,), whether the picture is real and fits its caption.

    join: the embedding, projected and repeated at each position, is concatenated to the features (Reed et al. 2016, arXiv
    1605.05396, section 4.1). project: an unconditional logit, plus the product of features and embedding (Miyato & Koyama 2018,
    arXiv 1802.05637, equation 3). contrast: the same, and both players learn besides which of a batch's captions is a picture's
    (`losses.contrast`).
    """

    def __init__(self, features: int, side: int, embedding: int, conditioning: Conditioning, text: int) -> None:
        super().__init__()
        self.conditioning = conditioning
        if conditioning == "join":
            self.text = nn.Sequential(nn.Linear(embedding, text), nn.LeakyReLU(0.2))
            self.mix = nn.Sequential(nn.Conv2d(features + text, features, 1), nn.LeakyReLU(0.2))
            self.head = nn.Conv2d(features, 1, side)
        else:
            self.head = nn.Conv2d(features, 1 + embedding, side)

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        if self.conditioning == "join":
            text = self.text(embedding)[:, :, None, None].expand(-1, -1, *features.shape[2:])
            logit: Tensor = self.head(self.mix(torch.cat([features, text.to(features.dtype)], 1))).flatten()
            return logit
        scores = self.head(features).flatten(1).float()
        # The mean times the root, where the paper has the sum: a product about as large as one of its terms.
        product: Tensor = scores[:, 0] + (scores[:, 1:] * embedding).mean(1) * embedding.shape[1] ** 0.5
        return product

    def products(self, features: Tensor, embedding: Tensor) -> Tensor:
        """features (B, F, s, s), embedding (N, E) -> (B, N), the product of each with each."""
        vectors = self.head(features).flatten(1).float()[:, 1:]
        product: Tensor = vectors @ embedding.mT / embedding.shape[1] ** 0.5
        return product


class Discriminator(nn.Module):
    """image (B, C, S, S), embedding (B, E) -> logit (B,). patch: pixels of a side of the patches that become one position, in
    channels of their own, so that a large picture costs what a small one does; `most` bounds the channels of a layer; text:
    numbers of the projected embedding, where it is concatenated."""

    def __init__(
        self,
        c: Config,
        conditioning: Conditioning,
        norm: Literal["batch", "none"],
        most: int,
        patch: int = 1,
        text: int = 128,
    ) -> None:
        super().__init__()
        channels, side = c.channels, c.side // patch
        first: list[nn.Module] = []
        if patch > 1:
            first = [SpaceToDepth(patch), nn.Conv2d(channels * patch**2, c.d_width, 3, 1, 1), nn.LeakyReLU(0.2, inplace=True)]
            channels = c.d_width
        self.body = nn.Sequential(*first, *down(channels, c.d_width, side, 4, norm == "batch", most))
        self.head = MatchingHead(out_channels(c.d_width, side, 4, most), 4, c.embedding, conditioning, text)

    def forward(self, image: Tensor, embedding: Tensor) -> Tensor:
        logit: Tensor = self.head(self.body(image), embedding)
        return logit


class TextToImageGAN(GAN):
    """A GAN with a caption among its inputs, R, that encodes it and is not trained, and a matching-aware D.

    A model adds G, and `generate`. What both players need of a batch is computed once and kept in it: `embedding`, `fake` and
    `sketch`, and with GAN-INT `mixed_embedding` and `mixed_fake`.
    """

    config: Config
    R: CharacterEncoder | WordEncoder
    D: Discriminator
    gan_int: float = 0.0  # weight of GAN-INT: of pictures for the mean of two captions' embeddings

    def __init__(self, c: Config, R: CharacterEncoder | WordEncoder, D: Discriminator) -> None:
        super().__init__(c)
        self.R, self.D = R.requires_grad_(False), init_normal(D)
        things = {word for name in c.classes for word in name.split()}
        offers = tuple(pair for pair in OFFERS if pair[0].split()[-1] in things)
        text = Text("text", c.captions or c.classes or ("a picture",), styles=c.styles, offers=offers)
        self.inputs = (Noise("z", c.z), text)
        self.loss = LOSSES["non-saturating"]

    def prepare(self, find: Callable[[str], Game]) -> None:
        """Take the encoder's weights. ValueError if there is none of that name, or if it is another kind."""
        c = self.config
        if not c.encoder:
            return
        found = find(c.encoder)
        if not isinstance(found, Encoder):
            raise ValueError(f"{c.encoder}: is no caption encoder; train one with `python -m ganzoo train encoder`")
        try:
            self.R.load_state_dict(found.text.state_dict())
        except RuntimeError:
            is_, kind = found.config, "words" if isinstance(self.R, WordEncoder) else "characters"
            raise ValueError(
                f"encoder: {c.encoder} reads {is_.reads} with embedding {is_.embedding} and width3 {is_.width3}, not "
                f"{kind} with embedding {c.embedding} and recurrent {c.recurrent}: name another, or set these knobs"
            ) from None

    # ---- Drawing -------------------------------------------------------------------------------------------------

    def forward(self, **inputs: Tensor) -> Tensor:
        return self.stages(**inputs)[-1]

    def stages(self, text: Tensor, **noise: Tensor) -> list[Tensor]:  # type: ignore[override]
        return [*self.generate(self.encode(text), **noise)]

    def generate(self, embedding: Tensor, **noise: Tensor) -> Iterator[Tensor]:
        """embedding (B, E) and the noise by name -> images (B, C, S, S) in [-1, 1] of each stage, lazily."""
        raise NotImplementedError

    def encode(self, text: Tensor) -> Tensor:
        """text (B, T) -> embedding (B, E), each of length sqrt(E)."""
        with torch.no_grad():
            return self.scaled(self.R(text))

    def scaled(self, embedding: Tensor) -> Tensor:
        """What R makes of captions (B, E), each brought to length sqrt(E)."""
        unit: Tensor = nn.functional.normalize(embedding.float())
        scaled: Tensor = unit * self.config.embedding**0.5
        return scaled

    def split(self, text: str) -> list[tuple[str, bool]]:
        """The words of a caption, in their order, each with whether R knows it."""
        return self.R.split(caption.clean(text))

    # ---- What both players need of a batch -----------------------------------------------------------------------

    def embedding(self, batch: Batch) -> Tensor:
        """The embeddings (B, E) of a batch's captions, computed once."""
        if "embedding" not in batch:
            batch["embedding"] = self.encode(batch["text"])
        return batch["embedding"]

    def noise(self, batch: Batch) -> Batch:
        """The noise of a batch by name: z (B, Z), and epsilon (B, A) where the model has it."""
        return {i.name: batch[i.name] for i in self.inputs if isinstance(i, Noise)}

    def fake(self, batch: Batch) -> Tensor:
        """The pictures for a batch's captions and, with GAN-INT, in the same pass, those for means of two embeddings, half as
        many, which have no real picture (Reed et al. 2016, arXiv 1605.05396, equation 5, beta = 1/2)."""
        if "fake" not in batch:
            embedding, noise, n = self.embedding(batch), self.noise(batch), len(batch["text"])
            half = n // 2 if self.gan_int else 0
            mixed = (embedding[:half] + embedding[half : 2 * half]) / 2
            stages = [*self.generate(torch.cat([embedding, mixed]), **{k: torch.cat([v, v[:half]]) for k, v in noise.items()})]
            batch["sketch"], batch["fake"] = stages[0][:n], stages[-1][:n]
            batch["mixed_embedding"], batch["mixed_fake"] = mixed, stages[-1][n:]
        return batch["fake"]

    def d_logit(self, image: Tensor, given: Batch) -> Tensor:
        logit: Tensor = self.D(image, self.encode(given["text"]))
        return logit

    def logits(self, image: Tensor, embedding: Tensor) -> Tensor:
        """D's logits (n,) of pictures and embeddings, the pictures shifted first."""
        logit: Tensor = self.D(shared_translation(image, self.config.translation), embedding)
        return logit

    # ---- What each player minimises ------------------------------------------------------------------------------

    def matching_logits(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """D's logits (B,) of algorithm 1's three pairs (Reed et al. 2016, arXiv 1605.05396): a real picture with its caption, a
        fake with the same caption, the real picture with the caption of another. And its features of the real pictures."""
        amount, embedding = self.config.translation, self.embedding(batch)
        fake = shared_translation(self.fake(batch).detach(), amount)
        of_real, of_fake = self.both(self.D.body, shared_translation(batch["image"], amount), fake)
        pairs = (of_real, embedding), (of_fake, embedding), (of_real, embedding.roll(1, 0))
        real, fake, mismatched = (self.D.head(features, e) for features, e in pairs)
        return real, fake, mismatched, of_real

    def match(self, features: Tensor, batch: Batch) -> Tensor:
        """How well D's features of pictures (B, F, s, s) and the batch's captions find each other."""
        same = (batch["text"][:, None] == batch["text"][None]).all(2).to(features.device)
        return contrast(self.D.head.products(features, self.embedding(batch)), same)

    def d_loss(self, batch: Batch) -> Terms:
        """Matching-aware (algorithm 1): a real picture with another's caption counts as a fake."""
        real, fake, mismatched, of_real = self.matching_logits(batch)
        terms = self.d_terms(real, fake)
        self.logs["d_wrong_right"] = (mismatched.detach() < 0).float().mean()
        terms |= {"d_fake": terms["d_fake"] / 2, "d_wrong": self.loss.fake(mismatched) / 2}
        return terms | ({"d_match": self.match(of_real, batch)} if self.D.head.conditioning == "contrast" else {})

    def g_loss(self, batch: Batch) -> Terms:
        features = self.D.body(shared_translation(self.fake(batch), self.config.translation))
        terms = {"g_fool": self.loss.generator(self.D.head(features, self.embedding(batch)))}
        return terms | ({"g_match": self.match(features, batch)} if self.D.head.conditioning == "contrast" else {})
