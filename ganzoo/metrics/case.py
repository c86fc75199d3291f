"""What a measure is taken of, a `Case`, and what it gives, `Score`s.

Every score carries its sample count and, where it has one, the floor: the same measure taken of the real test set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from ..data.dataset import Data
from ..gan import GAN, Batch
from ..models.judge import Judge


@dataclass(frozen=True, eq=False)
class JudgeOutput:
    """What a judge makes of pictures: uint8 images (N, C, S, S), features (N, F), probabilities (N, K)."""

    image: Tensor
    feature: Tensor
    probability: Tensor


@dataclass(frozen=True)
class Case:
    """One draw of pictures to be measured against the real ones, and what the model was fed and reads back."""

    fake: JudgeOutput
    train: JudgeOutput
    test: JudgeOutput
    classes: tuple[str, ...]
    train_label: Tensor = field(default_factory=lambda: torch.empty(0))
    test_label: Tensor = field(default_factory=lambda: torch.empty(0))
    gan: GAN | None = None
    inputs: Batch = field(default_factory=dict)  # of the fake pictures
    inferred_fake: Batch = field(default_factory=dict)  # what the model infers of its inputs in the fake pictures
    inferred_test: Batch = field(default_factory=dict)  # and in the real test pictures
    held_out: Data | None = None  # the test set, with its captions
    seed: int = 0  # of the first picture
    judge: Judge | None = None  # where more is drawn and read


@dataclass(frozen=True)
class Score:
    """A measure of n pictures, found by its `id`: a stable slug, with what it is of after a colon (`slider:c2`)."""

    id: str
    name: str  # as people read it
    value: float
    better: Literal["lower", "higher"]
    n: int
    floor: float | None = None  # the same, of the real test set
    note: str = ""  # what a reader should know beside the number
    detail: dict[str, Any] = field(default_factory=dict)  # what a program should: see `checkpoint.manifest.Detail`
