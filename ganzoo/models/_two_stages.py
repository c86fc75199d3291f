"""What GANs of two stages share: Stage I draws a small picture of a caption, Stage II a large one of that and the caption.

The plan, and conditioning augmentation, are StackGAN's (Zhang et al. 2016, arXiv 1612.03242, section 3).
Shapes: B batch, Z noise, E embedding, A condition, C channels, S side of the last stage's picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..config import knob
from ..gan import Batch, Game
from ..inputs import EPSILON, Noise
from ..losses import gaussian_kl
from . import _text_to_image as text_to_image
from ._text_to_image import Discriminator, TextToImageGAN
from ._towers import CharacterEncoder, WordEncoder

SCALE = 4  # the side of Stage II's picture, in sides of Stage I's


@dataclass(frozen=True)
class Config(text_to_image.Config):
    stage: int = knob(1, "the stage that is trained, 1 or 2", at_least=1, at_most=2)
    first: str = knob("", "stage 2: run or checkpoint of the Stage I that it goes on from", names=True)
    condition: int = knob(128, "numbers that conditioning augmentation makes of a caption", at_least=1)
    kl: float = knob(1.0, "weight of its KL term (lambda of equation 4)")
    width: int = knob(64, "Stage I: channels next to the picture; they double with each halving of the side", at_least=1)
    refine: int = knob(128, "Stage II: channels next to the sketch", at_least=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.refine % 4:
            raise ValueError(f"refine: {self.refine} is not a multiple of 4")
        if self.sketch_side < 8 or self.sketch_side & (self.sketch_side - 1):
            raise ValueError(f"side: {self.side}: Stage I draws 8, 16, 32, ... pixels, Stage II four times that")

    @property
    def sketch_side(self) -> int:
        """The side of Stage I's picture."""
        return self.side // SCALE if self.stage == 2 else self.side


class ConditioningAugmentation(nn.Module):
    """embedding (B, E), epsilon (B, A) -> condition (B, A), a sample of the Gaussian that the embedding is mapped to (section
    3.2)."""

    def __init__(self, embedding: int, condition: int) -> None:
        super().__init__()
        self.gaussian = nn.Sequential(nn.Linear(embedding, 2 * condition), nn.LeakyReLU(0.2))

    def moments(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the deviation, (B, A) each."""
        mean, log_deviation = self.gaussian(embedding).float().chunk(2, 1)
        return mean, log_deviation

    def forward(self, embedding: Tensor, epsilon: Tensor) -> Tensor:
        mean, log_deviation = self.moments(embedding)
        return mean + log_deviation.exp() * epsilon

    def kl(self, embedding: Tensor) -> Tensor:
        """How far the Gaussian is from N(0, I) (equation 2)."""
        return gaussian_kl(*self.moments(embedding))


def repeat_at(condition: Tensor, features: Tensor) -> Tensor:
    """condition (B, A) at each position of features (B, F, s, s), concatenated to them -> (B, F + A, s, s)."""
    repeated = condition[:, :, None, None].expand(-1, -1, *features.shape[2:])
    return torch.cat([features, repeated.to(features.dtype)], 1)


class TwoStageGAN(TextToImageGAN):
    """`first` is Stage I's generator, z (B, Z) and condition (B, A) -> image; `second`, which only a Stage II has, takes an
    image of a quarter of the side and a condition. Each has an `augmentation`. D is that of the stage that is trained."""

    config: Config
    first: nn.Module
    second: nn.Module

    def __init__(self, c: Config, R: CharacterEncoder | WordEncoder, D: Discriminator) -> None:
        super().__init__(c, R, D)
        z, text = self.inputs
        self.inputs = (z, Noise(EPSILON, c.condition), text)

    @property
    def G(self) -> nn.Module:  # type: ignore[override]  # noqa: N802
        """The stage that is trained; while it is the second, the first stays as it is (section 3.4)."""
        return self.second if self.config.stage == 2 else self.first

    def prepare(self, find: Callable[[str], Game]) -> None:
        """Stage II takes its Stage I. ValueError if there is none, or if it is of another shape."""
        if self.config.stage == 1:
            return super().prepare(find)
        if not self.config.first:
            raise ValueError("first: stage 2 needs --first, the run or checkpoint of a Stage I")
        found = find(self.config.first)
        try:
            for name in ("first", "R"):
                getattr(self, name).load_state_dict(getattr(found, name).state_dict())
        except (AttributeError, RuntimeError):
            is_ = f"{self.config.first} is a {type(found).__name__} of {found.config.side} pixels, or has other knobs"
            raise ValueError(f"first: {is_}; stage 2 needs a Stage I of {self.config.sketch_side} pixels") from None

    def augmentation(self, stage: nn.Module) -> ConditioningAugmentation:
        """The conditioning augmentation of a stage."""
        found = stage.augmentation
        assert isinstance(found, ConditioningAugmentation)
        return found

    def generate(self, embedding: Tensor, z: Tensor, epsilon: Tensor) -> Iterator[Tensor]:  # type: ignore[override]
        """The picture of each stage, lazily. One epsilon serves both."""
        sketch: Tensor = self.first(z, self.augmentation(self.first)(embedding, epsilon))
        yield sketch
        if self.config.stage == 2:
            yield self.second(sketch.detach(), self.augmentation(self.second)(embedding, epsilon))

    def kl(self, batch: Batch) -> Tensor:
        """The weighed KL term of the stage that is trained."""
        return self.config.kl * self.augmentation(self.G).kl(self.embedding(batch))
