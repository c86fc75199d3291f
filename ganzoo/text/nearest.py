"""The captions nearest to a query, by a caption encoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from . import caption
from .words import tokenize

NEAR = 0.5  # cosine of two captions' embeddings from which they mean nearly the same


@torch.inference_mode()
def embed_captions(encoder: nn.Module, captions: Sequence[str]) -> Tensor:
    """The embeddings of n captions: (n, E), each of length 1. encoder: text (n, T) -> embedding (n, E)."""
    embeddings: Tensor = normalize(encoder(caption.write(captions)).float())
    return embeddings


def nearest(encoder: nn.Module, names: Sequence[str], embeddings: Tensor, query: str, most: int) -> list[str]:
    """Of names, whose embeddings (n, E) are given, at most so many that mean nearly what the query does, the nearest first,
    without those all of whose words are in the query."""
    cosine = (embeddings @ embed_captions(encoder, [query])[0]).tolist()
    words = set(tokenize(query))
    near = sorted((i for i, c in enumerate(cosine) if c >= NEAR), key=lambda i: -cosine[i])
    return [names[i] for i in near if not set(tokenize(names[i])) <= words][:most]
