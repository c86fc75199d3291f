"""StackGAN: words to a sketch, and the sketch to a large picture. Zhang et al. 2016, arXiv 1612.03242.

Adds: two stages (sections 3.3 and 3.4). Stage I draws a small picture from noise and caption; Stage II takes that picture and
the caption again, and draws it four times as large, with residual blocks. Conditioning augmentation (section 3.2): a caption
becomes a Gaussian, from which each picture's condition is drawn, held near N(0, I) by a KL term (equation 2).
Departs: the captions are read by a word encoder unless `encoder` names a char-CNN-RNN; one epsilon serves both stages; an
averaged generator. Recipes, which are shipped: smaller, `reader.LIGHT`; Stage II paints over the sketch. `shuffle-2` ends by a
pixel shuffle (Shi et al. 2016, arXiv 1609.05158), D begins by its inverse, and Stage II restores real pictures made small, too,
and keeps to its sketch (L1, Isola et al. 2016, arXiv 1611.07004, equation 3). More options: `nets`, `losses`, `reader`.
Shapes: B batch, Z noise, T characters, E embedding, A condition, C channels, S side of the last stage's picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from ..gan import Batch, Terms
from ..inputs import EPSILON, Noise
from ..nets import Augmentation, Gated, Mapping, Residual, Scale, conv, doublings, init_normal, larger, through, unfolded
from ..spec import Paper, Spec, knob
from ..text import reader

LARGER = 4  # the side of Stage II's picture, in sides of Stage I's
COMPACT = reader.LIGHT | {"width": 16, "refine": 32, "blocks": 1}
SHUFFLE = COMPACT | {"shuffle": "yes", "restore": 50.0, "keep": 20.0, "d_patch": 4, "d_width": 32, "disturb": 0.0}


@dataclass(frozen=True)
class Config(reader.Config):
    stage: int = knob(1, "the stage that is trained, 1 or 2")
    first: str = knob("", "stage 2: run or checkpoint of the Stage I that it goes on from", names=True)
    condition: int = knob(128, "numbers that conditioning augmentation makes of a caption")
    kl: float = knob(1.0, "weight of its KL term (lambda of equation 4)")
    width: int = knob(64, "Stage I: channels next to the picture; they double with each halving of the side")
    deep: int = knob(0, "Stage I: residual blocks, at most one at each side from 8 pixels on, a later idea")
    tell: Literal["first", "every"] = knob("first", "layers of Stage I that are told caption and noise; every: a later idea")
    mapping: int = knob(0, "Stage I: hidden numbers between what it is told and what its layers are, a later idea; 0: none")
    refine: int = knob(128, "Stage II: channels next to the sketch")
    blocks: int = knob(4, "Stage II: residual blocks")
    paint: Literal["anew", "over"] = knob("anew", "Stage II draws anew, or over the enlarged sketch, a later idea")
    restore: float = knob(0.0, "Stage II: weight of what it loses of real pictures that were made small, a later idea; 0: none")
    keep: float = knob(0.0, "Stage II: weight of what it changes in a sketch, seen as small as that, a later idea; 0: it may")
    shuffle: Literal["no", "yes"] = knob("no", "Stage II ends at the sketch's side, a place being 4 x 4 pixels, a later idea")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stage not in (1, 2) or min(self.condition, self.width, self.refine) < 1 or self.refine % 4:
            raise ValueError("stage is 1 or 2, condition and width are at least 1, refine is a multiple of 4")
        if self.sketch_side < 8 or self.sketch_side & (self.sketch_side - 1):
            raise ValueError(f"side: {self.side}: Stage I draws 8, 16, 32, ... pixels, Stage II four times that")

    @property
    def sketch_side(self) -> int:
        return self.side // LARGER if self.stage == 2 else self.side


class Sketcher(nn.Module):
    """Stage I: z (B, Z), condition (B, A) -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.augmentation = Augmentation(c.embedding, c.condition)
        self.widths, told = [c.width * 2**i for i in range(len(doublings(c.sketch_side)) + 1)][::-1], c.z + c.condition
        self.mapping = Mapping(told, c.mapping) if c.mapping else nn.Identity()
        self.front = nn.Sequential(nn.Linear(told, self.widths[0] * 16, bias=False), nn.BatchNorm1d(self.widths[0] * 16))
        self.body = larger(self.widths, c.channels)
        self.blocks = nn.ModuleList(Gated(n) for n in self.widths[1:][: c.deep])
        self.scales = nn.ModuleList(Scale(told, n) for n in self.widths[1:] if c.tell == "every")

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        return [*self.layers(z, condition)][-1]

    def layers(self, z: Tensor, condition: Tensor) -> Iterator[Tensor]:
        """The features of 8, 16, ... S places on a side, and the image."""
        told = self.mapping(torch.cat([z, condition], 1))
        return through(self.body, relu(self.front(told)).unflatten(1, (-1, 4, 4)), self.blocks, self.scales, told)


class Refiner(nn.Module):
    """Stage II: sketch (B, C, S / 4, S / 4), condition (B, A) -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.augmentation = Augmentation(c.embedding, c.condition)
        w, self.over = c.refine, c.paint == "over"
        self.see = nn.Sequential(nn.Conv2d(c.channels, w, 3, 1, 1), nn.ReLU(), *conv(w, 2 * w, 4, 2), *conv(2 * w, 4 * w, 4, 2))
        self.join = nn.Sequential(*conv(4 * w + c.condition, 4 * w), *(Residual(4 * w) for _ in range(c.blocks)))
        last = nn.Conv2d(w, c.channels * LARGER**2, 3, 1, 1)
        self.last = nn.Sequential(*conv(2 * w, w), Residual(w), last) if c.shuffle == "yes" else None
        widths = [4 * w, 2 * w, w] if self.last else [4 * w, 2 * w, w, w // 2, w // 4]
        self.body = larger(widths, c.channels)[: -2 if self.last else -1]

    def forward(self, sketch: Tensor, condition: Tensor) -> Tensor:
        seen = self.see[2:](fine := self.see[:2](sketch))
        beside = condition[:, :, None, None].expand(-1, -1, *seen.shape[2:]).to(seen.dtype)
        logit: Tensor = self.body(self.join(torch.cat([seen, beside], 1)))
        if self.last:  # it sees the sketch's own features, too
            logit = unfolded(self.last(torch.cat([logit, fine], 1)), LARGER)
        if self.over and self.last:
            small = sketch.to(logit.dtype).clamp(-0.99, 0.99).atanh().contiguous()
            logit = logit + interpolate(small, scale_factor=LARGER, mode="bilinear")
        elif self.over:
            logit = logit + interpolate(sketch.float(), scale_factor=LARGER, mode="bicubic").clamp(-0.99, 0.99).atanh()
        return logit.tanh() if self.last else logit.float().tanh()


class StackGAN(reader.Reads):
    """`first` draws in Stage I, `second`, which only a Stage II has, after it. D is of the stage that is trained."""

    config: Config
    first: Sketcher
    second: Refiner

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.inputs = (self.inputs[0], Noise(EPSILON, c.condition), self.inputs[1])
        self.first = init_normal(Sketcher(c))
        if c.stage == 1:
            self.supervise(self.first.widths[1:])
        else:
            self.first.requires_grad_(False)
            self.second = init_normal(Refiner(c))

    def prepare(self) -> None:
        """Stage II takes its Stage I. ValueError if there is none, or if it is of another shape."""
        if self.config.stage == 1:
            return super().prepare()
        from ..hub.resolve import opened

        if not self.config.first:
            raise ValueError("first: stage 2 needs --first, the run or checkpoint of a Stage I")
        found, _ = opened(self.config.first)
        try:
            for name in ("first", "R"):
                getattr(self, name).load_state_dict(getattr(found, name).state_dict())
        except (AttributeError, RuntimeError):
            is_ = f"{self.config.first} is a {type(found).__name__} of {found.config.side} pixels, or has other knobs"
            raise ValueError(f"first: {is_}; stage 2 needs a Stage I of {self.config.sketch_side} pixels") from None

    def imagined(self, said: Tensor, z: Tensor, epsilon: Tensor) -> Iterator[Tensor]:  # type: ignore[override]
        yield (sketch := self.first(z, self.first.augmentation(said, epsilon)))
        if self.config.stage == 2:
            yield self.second(sketch.detach(), self.second.augmentation(said, epsilon))

    def layers(self, said: Tensor, z: Tensor, epsilon: Tensor) -> Iterator[Tensor]:  # type: ignore[override]
        return self.first.layers(z, self.first.augmentation(said, epsilon))

    @property
    def G(self) -> Sketcher | Refiner:  # type: ignore[override]  # noqa: N802
        """The stage that is trained; while it is the second, the first stays as it is (section 3.4)."""
        return self.second if self.config.stage == 2 else self.first

    def g_loss(self, batch: Batch) -> Terms:
        terms = super().g_loss(batch) | {"g_kl": self.config.kl * self.G.augmentation.kl(self.said(batch))}
        return terms | (self.faithful(batch) if self.config.stage == 2 else {})

    def faithful(self, batch: Batch) -> Terms:
        """What Stage II loses of real pictures that were made small (of half a batch), and changes in its sketches (L1)."""
        c, terms = self.config, {}
        if c.restore:
            real, said, epsilon = (x[: len(x) // 2] for x in (batch["image"], self.said(batch), batch[EPSILON]))
            enlarged = self.second(avg_pool2d(real, LARGER), self.second.augmentation(said, epsilon))
            terms["g_restore"] = c.restore * (enlarged.float() - real).abs().mean()
        if c.keep:
            terms["g_keep"] = c.keep * (avg_pool2d(self.fake(batch).float(), LARGER) - batch["sketch"].float()).abs().mean()
        return terms


SPEC = Spec(
    name="stackgan",
    title="StackGAN",
    paper=Paper(
        "StackGAN: Text to Photo-realistic Image Synthesis with Stacked Generative Adversarial Networks",
        "Han Zhang, Tao Xu, Hongsheng Li, Shaoting Zhang, Xiaogang Wang, Xiaolei Huang, Dimitris Metaxas",
        2016,
        "1612.03242",
    ),
    note=(
        "A large picture is too much to ask of one forger, so two share the work. The first reads your words and sketches "
        "shapes and colours, small; the second looks at the sketch, reads the words again, and paints it four times as large. "
        "While they learn, a sentence is a little blurred, each time anew, so that near meanings lead to near pictures."
    ),
    limits="What the sketch got wrong, the second stage paints carefully. It knows only what it was shown: a thousand things.",
    data="emoji",
    config=Config,
    build=StackGAN,
    recipes={
        "compact": COMPACT | {"d_width": 48},
        "compact-2": COMPACT | {"paint": "over", "d_width": 16, "d_most": 256, "stage": 2},
        "shuffle-2": SHUFFLE | {"paint": "over", "d_most": 256, "stage": 2, "r1": 10.0, "lr_g": 2e-4, "lr_d": 2e-4},
    },
    tiny={"encoder": "", "embedding": 8, "recurrent": 4, "z": 4, "condition": 4, "text": 4, "width": 4}
    | {"refine": 4, "blocks": 1, "d_width": 4, "batch": 8},
)
