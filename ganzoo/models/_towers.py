"""Encoders: a caption as characters or as words, and a picture, each to one embedding.

Shapes: B batch, T characters, W words, D numbers a word, E embedding, C channels, S side.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ..text import caption
from ..text.words import token_ids, vocabulary

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+-=<>()[]{} "  # Reed et al.'s, with its two dashes
MOST_WORDS = 40  # of a caption that are read
GRU_WEIGHTS = "weight_ih", "weight_hh", "bias_ih", "bias_hh"  # as torch names them


class CharacterEncoder(nn.Module):
    """text (B, T) -> embedding (B, E): the char-CNN-RNN of Reed et al. 2016, section 4.

    One-hot characters, three convolutions with max pooling, a recurrent net over the 8 steps that are left, its mean.
    """

    index: Tensor

    def __init__(self, widths: tuple[int, int, int], embedding: int, dropout: float) -> None:
        super().__init__()
        index = torch.zeros(128, dtype=torch.long)  # of a code point; 0 for one that is not in the alphabet
        for i, character in enumerate(ALPHABET, 1):
            index[ord(character)] = index[ord(character.upper())] = i
        self.register_buffer("index", index, persistent=False)
        a, b, c = widths
        self.convolutions = nn.Sequential(
            *(nn.Conv1d(len(ALPHABET), a, 4), nn.ReLU(inplace=True), nn.MaxPool1d(3, 3)),
            *(nn.Conv1d(a, b, 4), nn.ReLU(inplace=True), nn.MaxPool1d(3, 3)),
            *(nn.Conv1d(b, c, 4), nn.ReLU(inplace=True), nn.MaxPool1d(3, 2)),
        )
        self.recurrent = nn.RNN(c, c, nonlinearity="relu", batch_first=True)
        self.out = nn.Sequential(nn.Dropout(dropout), nn.Linear(c, embedding))

    def forward(self, text: Tensor) -> Tensor:
        code_point = text.to(self.index.device)
        index = self.index[code_point.clamp_max(127)] * (code_point < 128)
        characters = one_hot(index, len(ALPHABET) + 1)[..., 1:].float()
        steps, _ = self.recurrent(self.convolutions(characters.transpose(1, 2)).transpose(1, 2).float())
        embedding: Tensor = self.out(steps.mean(1))
        return embedding

    @staticmethod
    def split(text: str) -> list[tuple[str, bool]]:
        """The words of a caption, each with whether all of its characters are in the alphabet."""
        return [(w, all(c in ALPHABET for c in w.lower())) for w in caption.clean(text).split()]


class WordEncoder(nn.Module):
    """text (B, T) -> embedding (B, E): a weighted bag of word vectors, plus a recurrent net over their order.

    The bag is linear in the vectors, so that it holds for a word that no caption of the training has. In training the recurrent
    part is dropped for half of the captions, so that the bag does not lean on it; whole words are dropped (by `dropout`), and
    their vectors blurred (by `noise`, a share of their length).
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
        tokens = [token_ids(t)[:MOST_WORDS] or (0,) for t in caption.read(text)]
        longest = max(map(len, tokens))
        index = torch.tensor([t + (0,) * (longest - len(t)) for t in tokens]).to(self.vectors.device, non_blocking=True)
        x = self.vectors[index]
        mask = (index > 0)[..., None]
        if self.training:
            x = x * (torch.rand_like(x[..., :1]) >= self.dropout)
            x = x + self.noise * torch.randn_like(x) * x.norm(dim=2, keepdim=True) / math.sqrt(x.shape[2])
        count = mask.sum(1).clamp_min(1)
        bag = self.bag((x * mask * self.weight(x).sigmoid()).sum(1) / count)
        lengths = torch.tensor([len(t) for t in tokens])  # the backward pass begins at a caption's own end, not the longest's
        packed, _ = self.recurrent(pack_padded_sequence(x * mask, lengths, batch_first=True, enforce_sorted=False))
        order = self.order(pad_packed_sequence(packed, batch_first=True)[0].sum(1) / count)
        if self.training:
            order = order * (torch.rand_like(order[:, :1]) >= 0.5) * 2
        embedding: Tensor = bag + order
        return embedding

    def of_vectors(self, x: Tensor) -> Tensor:
        """x (B, MOST_WORDS, D), the vectors of each caption's words with rows of zeros after them -> embedding (B, E).

        What `forward` gives in eval mode, without Python and without packed sequences, so that it can be traced: the backward
        pass is a forward one over the words in reverse, and only sums over the words are taken.
        """
        length = (x.abs().sum(2, keepdim=True) > 0).sum(1, keepdim=True).clamp_min(1)  # (B, 1, 1); no words: one of zeros
        count = length[:, 0].to(x.dtype)
        bag = self.bag((x * self.weight(x).sigmoid()).sum(1) / count)
        place = torch.arange(x.shape[1], device=x.device)[None, :, None]
        mirrored = (length - 1 - place).clamp_min(0).expand(-1, -1, x.shape[2])
        sums = [(passed * (place < length)).sum(1) for passed in self._one_way(x, x.gather(1, mirrored))]
        embedding: Tensor = bag + self.order(torch.cat(sums, 1) / count)
        return embedding

    def _one_way(self, forth: Tensor, back: Tensor) -> list[Tensor]:
        """(B, W, D) each -> hidden states (B, W, H) of the recurrent net's forward half, and of its backward half."""
        passed = []
        for x, suffix in ((forth, ""), (back, "_reverse")):
            weights = [getattr(self.recurrent, f"{k}_l0{suffix}") for k in GRU_WEIGHTS]
            start = x.new_zeros(1, x.shape[0], self.recurrent.hidden_size)
            passed.append(torch.gru(x, start, weights, True, 1, 0.0, False, False, True)[0])
        return passed

    @staticmethod
    def split(text: str) -> list[tuple[str, bool]]:
        """The words of a caption, each with whether the vocabulary has it; of the others the vectors of pieces are read."""
        return vocabulary().split(text)


class PictureEncoder(nn.Module):
    """image (B, C, S, S) in [-1, 1] -> embedding (B, E). pool "map" keeps a 4 x 4 feature map to the end, since captions tell
    where things are; "mean" averages it."""

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
        last_side = math.ceil(side / 2**stages)
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(size) if size != last_side else nn.Identity(), nn.Flatten())
        self.out = nn.Sequential(nn.Dropout(dropout), nn.Linear(a * size * size, embedding))

    def forward(self, image: Tensor) -> Tensor:
        embedding: Tensor = self.out(self.body(image))
        return embedding
