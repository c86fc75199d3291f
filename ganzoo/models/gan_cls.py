"""GAN-CLS: pictures from words. Reed et al. 2016, arXiv 1605.05396.

Adds: a caption, read by an encoder, goes into both players (section 4.1). The discriminator is matching-aware: it is also
shown real pictures with captions of others, which it must refuse (algorithm 1). The generator is also asked for captions
halfway between two, for which there is no real picture (GAN-INT, equation 5). Networks: DCGAN's.
Departs: the captions are read by a word encoder, trained before on the same data, unless `encoder` names a char-CNN-RNN; an
averaged generator; captions are mixed in pairs, half as many as the batch. Recipe `fast`, which is shipped: `reader.LIGHT`.
Shapes: B batch, Z noise, T characters, E embedding, K text, C channels, S side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from ..nets import doublings, init_normal, up
from ..spec import Paper, Spec, knob
from ..text import reader
from ..text.reader import LIGHT, Reads


@dataclass(frozen=True)
class Config(reader.Config):
    width: int = knob(64, "channels of G's layer next to the picture")
    between: float = knob(1.0, "weight of the captions halfway between two (GAN-INT); 0 leaves them out")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width < 1:
            raise ValueError(f"width: {self.width} must be at least 1")


class Generator(nn.Module):
    """z (B, Z), said (B, E) -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.text = nn.Sequential(nn.Linear(c.embedding, c.text), nn.LeakyReLU(0.2))
        self.body = up(c.z + c.text, c.width, c.channels, c.side)

    def forward(self, z: Tensor, said: Tensor) -> Tensor:
        return [*self.layers(z, said)][-1]

    def layers(self, z: Tensor, said: Tensor) -> Iterator[Tensor]:
        """The features of 4, 8, ... S / 2 places on a side, as they are asked for, and the image."""
        x = torch.cat([z, self.text(said)], 1)[:, :, None, None]
        for layer in self.body:
            x = layer(x)
            if isinstance(layer, nn.ReLU | nn.Tanh):
                yield x


class GANCLS(Reads):
    config: Config
    G: Generator

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.G = init_normal(Generator(c))
        self.supervise([c.width << i for i in range(len(doublings(c.side)) - 1)][::-1])

    def imagine(self, said: Tensor, z: Tensor) -> Tensor:  # type: ignore[override]
        image: Tensor = self.G(z, said)
        return image

    def layers(self, said: Tensor, z: Tensor) -> Iterator[Tensor]:  # type: ignore[override]
        return islice(self.G.layers(z, said), 1, None)


SPEC = Spec(
    name="gan_cls",
    title="GAN-CLS",
    paper=Paper(
        "Generative Adversarial Text to Image Synthesis",
        "Scott Reed, Zeynep Akata, Xinchen Yan, Lajanugen Logeswaran, Bernt Schiele, Honglak Lee",
        2016,
        "1605.05396",
    ),
    note=(
        "This forger takes its orders in words. A reader, trained before, turns your sentence into a place among all that can "
        "be said, and the critic knows the sentence too: it refuses a good picture of the wrong thing as it refuses a bad "
        "one. Captions that nobody wrote lie between those that somebody did, so it is asked to draw those as well."
    ),
    limits=(
        "It draws small, and what it never saw a picture of it draws as something near it; words about how many, or what is "
        "beside what, are mostly lost on it."
    ),
    data="emoji",
    config=Config,
    build=GANCLS,
    recipes={
        "fast": LIGHT | {"width": 40, "d_width": 48},
    },
    tiny={"encoder": "", "embedding": 8, "recurrent": 4, "z": 4, "text": 4, "width": 4, "d_width": 4, "batch": 8},
)
