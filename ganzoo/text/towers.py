"""The networks that read: a caption as characters or as words, and a picture, each to one embedding.

Shapes: B batch, T characters, W words, D numbers a word, E embedding, C channels, S side.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ..nets import warp
from . import caption
from .words import rows, vocabulary

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+-=<>()[]{} "  # Reed et al.'s, with its two dashes
MOST_WORDS = 40  # of a caption that are read


class Characters(nn.Module):
    """text (B, T) -> embedding (B, E): the char-CNN-RNN of Reed et al. 2016, section 4.

    One-hot characters, three convolutions with max pooling, a recurrent net over the 8 steps that are left, its mean.
    """

    number: Tensor

    def __init__(self, widths: tuple[int, int, int], embedding: int, dropout: float) -> None:
        super().__init__()
        number = torch.zeros(128, dtype=torch.long)  # of a character; 0 for one that is not in the alphabet
        for i, character in enumerate(ALPHABET, 1):
            number[ord(character)] = number[ord(character.upper())] = i
        self.register_buffer("number", number, persistent=False)
        a, b, c = widths
        self.convolutions = nn.Sequential(
            *(nn.Conv1d(len(ALPHABET), a, 4), nn.ReLU(inplace=True), nn.MaxPool1d(3, 3)),
            *(nn.Conv1d(a, b, 4), nn.ReLU(inplace=True), nn.MaxPool1d(3, 3)),
            *(nn.Conv1d(b, c, 4), nn.ReLU(inplace=True), nn.MaxPool1d(3, 2)),
        )
        self.recurrent = nn.RNN(c, c, nonlinearity="relu", batch_first=True)
        self.out = nn.Sequential(nn.Dropout(dropout), nn.Linear(c, embedding))

    def forward(self, text: Tensor) -> Tensor:
        code = text.to(self.number.device)
        number = self.number[code.clamp_max(127)] * (code < 128)
        hot = one_hot(number, len(ALPHABET) + 1)[..., 1:].float()
        steps, _ = self.recurrent(self.convolutions(hot.mT).mT.float())
        embedding: Tensor = self.out(steps.mean(1))
        return embedding

    @staticmethod
    def split(text: str) -> list[tuple[str, bool]]:
        """The words of a caption, each with whether all of its characters are in the alphabet."""
        return [(w, all(c in ALPHABET for c in w.lower())) for w in caption.clean(text).split()]


class Words(nn.Module):
    """text (B, T) -> embedding (B, E): the sum of what the words say, wherever they stand, and of what their order says.

    The first part is linear in the words' meanings, so that it holds for a word that no caption of the training has; the
    second is a recurrent net, which is left out now and then so that the first does not lean on it.
    """

    vectors: Tensor

    def __init__(self, width: int, embedding: int, dropout: float, noise: float) -> None:
        super().__init__()
        self.register_buffer("vectors", vocabulary().vectors, persistent=False)
        d = self.vectors.shape[1]
        self.dropout, self.noise = dropout, noise
        self.weight = nn.Linear(d, 1)
        self.bag = nn.Linear(d, embedding)
        self.recurrent = nn.GRU(d, width, batch_first=True, bidirectional=True)
        self.order = nn.Linear(2 * width, embedding)

    def forward(self, text: Tensor) -> Tensor:
        said = [rows(t)[:MOST_WORDS] or (0,) for t in caption.read(text)]
        longest = max(map(len, said))
        index = torch.tensor([r + (0,) * (longest - len(r)) for r in said]).to(self.vectors.device, non_blocking=True)
        x = self.vectors[index]
        here = (index > 0)[..., None]
        if self.training:
            x = x * (torch.rand_like(x[..., :1]) >= self.dropout)  # a word left out
            x = x + self.noise * torch.randn_like(x) * x.norm(dim=2, keepdim=True) / math.sqrt(x.shape[2])  # or blurred
        count = here.sum(1).clamp_min(1)
        bag = self.bag((x * here * self.weight(x).sigmoid()).sum(1) / count)
        lengths = torch.tensor([len(r) for r in said])  # so that it reads backwards from a caption's end, not the longest's
        packed, _ = self.recurrent(pack_padded_sequence(x * here, lengths, batch_first=True, enforce_sorted=False))
        order = self.order(pad_packed_sequence(packed, batch_first=True)[0].sum(1) / count)
        if self.training:
            order = order * (torch.rand_like(order[:, :1]) >= 0.5) * 2
        embedding: Tensor = bag + order
        return embedding

    @staticmethod
    def split(text: str) -> list[tuple[str, bool]]:
        """The words of a caption, each with whether it has a meaning of its own; the others are guessed from pieces."""
        return vocabulary().split(text)


class Pictures(nn.Module):
    """image (B, C, S, S) in [-1, 1] -> embedding (B, E). With pool "map" it keeps a 4 x 4
    map to the end, since places count."""

    def __init__(
        self, channels: int, side: int, width: int, embedding: int, dropout: float, pool: Literal["map", "mean"]
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        a = channels
        stages = max(1, round(math.log2(side / 4)))
        for i in range(stages):
            b = min(width * 2**i, 8 * width)
            layers += [nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
            if i:
                layers += [nn.Conv2d(b, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
            a = b
        size = 4 if pool == "map" else 1
        left = math.ceil(side / 2**stages)
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(size) if size != left else nn.Identity(), nn.Flatten())
        self.out = nn.Sequential(nn.Dropout(dropout), nn.Linear(a * size * size, embedding))

    def forward(self, image: Tensor) -> Tensor:
        embedding: Tensor = self.out(self.body(image))
        return embedding


def nudge(image: Tensor, amount: float) -> Tensor:
    """Each picture turned, scaled and moved a little, on white: by up to amount (in radians, and as a share of the side)."""
    n = len(image)
    turn, scale, *move = (torch.rand(4, n, device=image.device) * 2 - 1) * amount
    cos, sin = turn.cos() * (1 + scale), turn.sin() * (1 + scale)
    theta = torch.stack([torch.stack([cos, -sin, move[0]], 1), torch.stack([sin, cos, move[1]], 1)], 1)
    return warp(image, theta, paper=1)
