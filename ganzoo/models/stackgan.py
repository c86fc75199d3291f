"""StackGAN: a caption to a sketch, and the sketch to a large picture. Zhang et al. 2016, arXiv 1612.03242.

Adds: two stages (sections 3.3 and 3.4). Stage I draws a small picture from noise and caption; Stage II takes that picture and
the caption again, and draws it four times as large, with residual blocks. Conditioning augmentation (section 3.2): a caption
becomes a Gaussian, from which each picture's condition is drawn, held near N(0, I) by a KL term (equation 2).
Departs: the encoder reads words, unless `encoder` and `reads` name a char-CNN-RNN; one epsilon serves both stages; an averaged
generator. Recipes: narrower, one residual block, `_text_to_image.LIGHT`; Stage II draws a residual over the enlarged sketch;
`faces` learns by contrast (knob `conditioning`), and that other noise is to be another picture (knob `mode_seeking`).
Shapes: B batch, Z noise, T characters, E embedding, A condition, C channels, S side of the last stage's picture.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from ..config import knob
from ..gan import Batch, Terms
from ..losses import mode_seeking
from ..nets import Residual, before_tanh, conv, doublings, init_normal, upsampler
from ..spec import Paper, Spec, Step
from . import _older_configs as older
from . import _two_stages as two_stages
from ._text_to_image import LIGHT, Discriminator, caption_encoder
from ._two_stages import SCALE, ConditioningAugmentation, TwoStageGAN, repeat_at

R1_EVERY = 4  # steps from one R1 penalty to the next, which counts for all of them
TEXT = 128  # numbers that an embedding is projected to, where D is to concatenate it


@dataclass(frozen=True)
class Config(two_stages.Config):
    gone = older.STACKGAN
    gone_from_training = older.STACKGAN.keys() - older.STACKGAN_NETWORKS

    reads: Literal["characters", "words"] = knob("words", "what the encoder cuts a caption into; the paper's reads characters")
    d_most: int = knob(512, "channels of a layer of D at most; they double with each halving of the side", at_least=1)
    d_norm: Literal["batch", "none"] = knob("batch", "normalisation in D")
    conditioning: Literal["join", "project", "contrast"] = knob(
        "join",
        "how D takes in the caption: concatenated to its features, or as a product with them; contrast: the same, and both "
        "players learn which of a batch's captions is a picture's, a later idea",
        formerly="match",
    )
    mode_seeking: float = knob(
        0.0, "Stage I: weight of the term by which other noise is to be another picture, a later idea; 0 leaves it out"
    )
    blocks: int = knob(4, "Stage II: residual blocks")
    residual_output: Literal["anew", "over"] = knob(
        "anew", "what Stage II's output is: the picture, or a residual over the enlarged sketch, a later idea", formerly="paint"
    )

    @classmethod
    def readable(cls, given: Mapping[str, Any]) -> Mapping[str, Collection[Any]]:
        return {**cls.gone, "r1_every": [R1_EVERY] if given.get("r1") else older.ANY}  # without the penalty it means nothing


class StageI(nn.Module):
    """z (B, Z), condition (B, A) -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.augmentation = ConditioningAugmentation(c.embedding, c.condition)
        widths = [c.width * 2**i for i in range(len(doublings(c.sketch_side)) + 1)][::-1]
        n = widths[0] * 4 * 4
        self.front = nn.Sequential(nn.Linear(c.z + c.condition, n, bias=False), nn.BatchNorm1d(n))
        self.body = upsampler(widths, c.channels)

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        image: Tensor = self.body(relu(self.front(torch.cat([z, condition], 1))).unflatten(1, (-1, 4, 4)))
        return image


class StageII(nn.Module):
    """sketch (B, C, S / 4, S / 4), condition (B, A) -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        w, self.residual = c.refine, c.residual_output == "over"
        self.augmentation = ConditioningAugmentation(c.embedding, c.condition)
        self.see = nn.Sequential(nn.Conv2d(c.channels, w, 3, 1, 1), nn.ReLU(), *conv(w, 2 * w, 4, 2), *conv(2 * w, 4 * w, 4, 2))
        self.join = nn.Sequential(*conv(4 * w + c.condition, 4 * w), *(Residual(4 * w) for _ in range(c.blocks)))
        nn.Conv2d(w, c.channels * SCALE**2, 3)  # no part of it: kept so that a seed still begins with the weights it always had
        self.body = upsampler([4 * w, 2 * w, w, w // 2, w // 4], c.channels)[:-1]  # without its tanh

    def forward(self, sketch: Tensor, condition: Tensor) -> Tensor:
        logit: Tensor = self.body(self.join(repeat_at(condition, self.see(sketch))))
        if self.residual:
            logit = logit + before_tanh(interpolate(sketch.float(), scale_factor=SCALE, mode="bicubic"))
        return logit.float().tanh()


class StackGAN(TwoStageGAN):
    config: Config
    first: StageI
    second: StageII

    def __init__(self, c: Config) -> None:
        encoder = caption_encoder(c.reads, c.recurrent, c.embedding)
        super().__init__(c, encoder, Discriminator(c, c.conditioning, c.d_norm, c.d_most, text=TEXT))
        self.first = init_normal(StageI(c))
        if c.stage == 2:
            self.first.requires_grad_(False)
            self.second = init_normal(StageII(c))

    def d_loss(self, batch: Batch) -> Terms:
        c, terms = self.config, super().d_loss(batch)
        return terms | self.lazy_r1(c.r1, R1_EVERY, batch["image"], self.embedding(batch))

    def g_loss(self, batch: Batch) -> Terms:
        c, terms = self.config, super().g_loss(batch) | {"g_kl": self.kl(batch)}
        if not c.mode_seeking or c.stage == 2:
            return terms
        noise = self.noise(batch)
        other = {name: x.roll(1, 0) for name, x in noise.items()}
        (image,) = self.generate(self.embedding(batch), **other)
        return terms | {"g_modes": c.mode_seeking * mode_seeking(self.fake(batch), image, noise["z"], other["z"])}


# Narrower networks, one residual block, and what `LIGHT` says.
COMPACT: dict[str, Any] = LIGHT | {"width": 16, "refine": 32, "blocks": 1}
COMPACT_2: dict[str, Any] = COMPACT | {"residual_output": "over", "d_width": 16, "d_most": 256, "stage": 2}
# Faces, all in one place: no shifts, conditions hardly blurred, larger steps. Their parts are small: a D reads them sooner that
# learns by contrast, with more channels and a lighter penalty.
FACES: dict[str, Any] = COMPACT | {"encoder": "encoder-faces", "width": 24, "d_width": 48, "kl": 0.02, "translation": 0.0}
FACES |= {"conditioning": "contrast", "r1": 0.2, "lr_g": 1e-3, "lr_d": 1e-3}
FACES_2: dict[str, Any] = FACES | {"residual_output": "over", "d_width": 16, "d_most": 256, "refine": 24, "r1": 1.0, "stage": 2}
SHAPES: dict[str, Any] = {"encoder": "encoder-shapes", "width": 12, "refine": 16}

SPEC = Spec(
    name="stackgan",
    group="words",
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
    adds=("gan_cls", "a second generator that paints the first one's sketch four times as large, and blurred sentences."),
    limits=(
        "What the sketch got wrong, the second stage paints carefully. It knows only what it was shown, shapes or faces, and "
        "what a sentence leaves open varies less than it should."
    ),
    data="emoji",
    config=Config,
    build=StackGAN,
    recipes={
        "compact": (Step(COMPACT | {"d_width": 48}),),
        "compact-2": (Step(COMPACT_2),),
        "faces": (
            Step(FACES | {"ema": 20_000}, images=1_000_000, data="faces@32"),
            Step({"mode_seeking": 0.25}, images=100_000, data="faces@32"),  # noise is driven apart, and then drawn well
            Step({"mode_seeking": 0.05}, images=300_000, data="faces@32"),
            Step(FACES_2, images=150_000, data="faces@128", previous="first"),
        ),
        "shapes": (
            Step(COMPACT | SHAPES | {"d_width": 48}, images=750_000, data="shapes"),
            Step(COMPACT_2 | SHAPES | {"d_width": 12}, images=250_000, data="shapes@128", previous="first"),
        ),
    },
    tiny={"encoder": "", "embedding": 8, "recurrent": 4, "z": 4, "condition": 4, "width": 4}
    | {"refine": 4, "blocks": 1, "d_width": 4, "batch": 8},
)
