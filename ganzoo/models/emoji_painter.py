"""Emoji painter: Stage I and II of our own design on a StackGAN's plan. After Zhang et al. 2016, arXiv 1612.03242.

Adds: D compares pairs (relativistic, Jolicoeur-Martineau 2018, arXiv 1807.00734) under R1 = R2 (Mescheder et al. 2018, arXiv
1801.04406). Stage I: a mapping network, FiLM in each layer and ReZero residual blocks (`_painter_networks`); GAN-INT; L1 at
several sides, also of pictures read off inner layers, with which a training may begin while D rests. Stage II: a residual over
the enlarged sketch, by pixel shuffle; it also reconstructs real pictures from small ones, and its picture, made small, must be
its sketch (L1). There, D sees patches of 4 x 4 pixels.
Departs: only the two stages and conditioning augmentation are StackGAN's; no paper has this whole. The encoder reads words.
Shapes: B batch, Z noise, T characters, E embedding, A condition, C channels, S side of the last stage's picture.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

from ..config import knob
from ..gan import Batch, Phase, Terms
from ..losses import LOSSES, pyramid_l1
from ..nets import init_normal
from ..spec import Paper, Spec, Step
from . import _older_configs as older
from . import _two_stages as two_stages
from ._painter_networks import StageI, StageII, ToRGBHeads
from ._text_to_image import Discriminator, caption_encoder
from ._two_stages import SCALE, TwoStageGAN

COARSEST = 8  # side of the smallest pictures that the L1 terms compare
R1_EVERY = 4  # steps: a penalty costs as much as a step of D, and D forgets it within some sixteen
PATCH = {1: 1, 2: 4}  # side of D's patches by stage: of 256 pixels D sees as many positions as of 64
D_MOST = {1: 512, 2: 256}  # channels of a layer of D at most: Stage II's has only detail to judge
RECONSTRUCTION, SKETCH_CONSISTENCY = 50.0, 20.0  # weights of Stage II's L1 terms, which keep it from repainting the sketch


@dataclass(frozen=True)
class Config(two_stages.Config):
    gone = older.PAINTER
    gone_from_training = older.PAINTER.keys() - older.PAINTER_NETWORKS
    inherited = older.PAINTER_INHERITED

    kl: float = knob(0.01, "weight of conditioning augmentation's KL term")
    width: int = knob(20, "Stage I: channels next to the picture; they double with each halving of the side", at_least=1)
    g_blocks: int = knob(3, "Stage I: residual blocks, at most one at each side from 8 pixels on", formerly="deep")
    modulate: Literal["first", "every"] = knob("every", "layers of Stage I that take in caption and noise", formerly="tell")
    mapping: int = knob(512, "Stage I: hidden numbers of the mapping network; 0 leaves it out")
    refine: int = knob(32, "Stage II: channels next to the sketch", at_least=1)
    d_width: int = knob(48, "channels of D's first layer", at_least=1)
    translation: float = knob(
        0.5, "how far pictures are shifted before D sees them, in quarters of the side", formerly="disturb"
    )
    r1: float = knob(2.5, "weight of R1 and of R2, the penalties on D's slope at real and at fake pictures; 0 leaves them out")
    pyramid_l1: float = knob(20.0, "weight of the L1 distance to the real picture, averaged down; 0: none", formerly="layout")
    pyramid_l1_finest: int = knob(16, "the finest side it compares: all of 8, 16, ... up to it; 0: none", formerly="finest")
    aux_l1: int = knob(0, "the finest side at which it compares what inner layers of Stage I show; 0: none", formerly="coarse")
    adversarial: float = knob(1.0, "weight of the adversarial term; 0: D rests, and G learns by L1 alone")
    lr_g: float = knob(3e-4, "learning rate of the generator")
    lr_d: float = knob(3e-4, "learning rate of the discriminator")
    beta1: float = knob(0.0, "Adam beta1", below=1)
    beta2: float = knob(0.99, "Adam beta2", below=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("pyramid_l1_finest", "aux_l1"):
            if (n := getattr(self, name)) and (not COARSEST <= n <= self.side or n & (n - 1)):
                raise ValueError(f"{name}: {n} is not 0, {COARSEST}, {2 * COARSEST}, ... up to the side, {self.side}")
        if not self.adversarial and not self.pyramid_l1:
            raise ValueError("adversarial 0: D rests, so pyramid_l1 must be more than 0")
        if self.pyramid_l1 and not self.pyramid_l1_finest and not self.aux_l1:
            raise ValueError("pyramid_l1 has nothing to compare: pyramid_l1_finest and aux_l1 are 0")

    @classmethod
    def readable(cls, given: Mapping[str, Any]) -> Mapping[str, Collection[Any]]:
        stage, adversarial, r1 = (given.get(k, getattr(cls, k)) for k in ("stage", "adversarial", "r1"))
        return older.painter_by_stage(stage, adversarial, r1)


class EmojiPainter(TwoStageGAN):
    config: Config
    first: StageI
    second: StageII

    def __init__(self, c: Config) -> None:
        encoder = caption_encoder("words", c.recurrent, c.embedding)
        super().__init__(c, encoder, Discriminator(c, "project", "none", D_MOST[c.stage], PATCH[c.stage]))
        self.loss = LOSSES["relativistic"]
        self.gan_int = 1.0 if c.stage == 1 and c.adversarial else 0.0  # the sketch decides what a picture shows
        self.first = init_normal(StageI(c, c.mapping, c.g_blocks, c.modulate == "every"))
        self.heads: ToRGBHeads | None = None
        if c.stage == 2:
            self.first.requires_grad_(False)
            self.second = init_normal(StageII(c))
        elif c.aux_l1:
            self.heads = ToRGBHeads(self.first.widths[1:][: (c.aux_l1 // COARSEST).bit_length()], c.channels)
            self.training_only = ("D", "heads")

    def phases(self) -> list[Phase]:
        """D, then G; G alone where D rests: a start in pixels, as SRGAN's (Ledig et al. 2016, arXiv 1609.04802, sec. 3.2)."""
        d, g = super().phases()
        g = replace(g, nets=(*g.nets, self.heads)) if self.heads else g
        return [d, g] if self.config.adversarial else [g]

    def d_loss(self, batch: Batch) -> Terms:
        """The real picture with its caption against the fake of that caption, and against itself with another's caption."""
        c, embedding = self.config, self.embedding(batch)
        real, fake, mismatched, _ = self.matching_logits(batch)
        batch["real_logit"] = real.detach()
        self.log_reading(real.detach(), fake.detach())
        self.logs["d_wrong_right"] = (mismatched.detach() < real.detach()).float().mean()
        terms = {"d_fake": self.loss.real(real - fake) / 2, "d_wrong": self.loss.real(real - mismatched) / 2}
        terms |= self.lazy_r1(c.r1, R1_EVERY, batch["image"], embedding)
        return terms | self.lazy_r1(c.r1, R1_EVERY, self.fake(batch), embedding, term="d_r2")

    def g_loss(self, batch: Batch) -> Terms:
        c, terms = self.config, {}
        if c.adversarial:
            terms["g_fool"] = c.adversarial * self.g_adversarial(self.fake(batch), self.embedding(batch), batch)
        if self.gan_int:
            terms["g_between"] = self.gan_int * self.g_adversarial(batch["mixed_fake"], batch["mixed_embedding"], batch)
        if c.pyramid_l1 and c.pyramid_l1_finest:
            sides = [COARSEST << i for i in range((c.pyramid_l1_finest // COARSEST).bit_length())]
            pyramid = [adaptive_avg_pool2d(self.fake(batch).float(), side) for side in sides]
            terms["g_layout"] = c.pyramid_l1 * pyramid_l1(pyramid, batch["image"])
        if c.pyramid_l1 and self.heads:
            condition = self.first.augmentation(self.embedding(batch), batch["epsilon"])
            terms["g_coarse"] = c.pyramid_l1 * pyramid_l1(self.heads(self.first.layers(batch["z"], condition)), batch["image"])
        terms["g_kl"] = self.kl(batch)
        return terms | (self.stage_two_l1(batch) if c.stage == 2 else {})

    def g_adversarial(self, image: Tensor, embedding: Tensor, batch: Batch) -> Tensor:
        """G's relativistic loss of pictures (n, C, S, S), against the real ones of the first n rows of the batch."""
        return self.loss.generator(self.logits(image, embedding) - self.real_logit(batch)[: len(image)])

    def real_logit(self, batch: Batch) -> Tensor:
        """D's logits (B,) of real pictures with their captions, without a gradient: those of D's turn, or computed now."""
        if "real_logit" not in batch:
            with torch.no_grad():
                batch["real_logit"] = self.logits(batch["image"], self.embedding(batch))
        return batch["real_logit"]

    def stage_two_l1(self, batch: Batch) -> Terms:
        """What Stage II loses of real pictures that were made small, of half a batch, and what it changes in its sketches."""
        half = len(batch["image"]) // 2
        real, embedding, epsilon = (x[:half] for x in (batch["image"], self.embedding(batch), batch["epsilon"]))
        enlarged = self.second(avg_pool2d(real, SCALE), self.second.augmentation(embedding, epsilon))
        changed = (avg_pool2d(self.fake(batch).float(), SCALE) - batch["sketch"].float()).abs().mean()
        restored = (enlarged.float() - real).abs().mean()
        return {"g_restore": RECONSTRUCTION * restored, "g_keep": SKETCH_CONSISTENCY * changed}


# Stage I learns pixels before the game, from the inner layers out, while D rests; then both play.
PIXELS: dict[str, Any] = {"adversarial": 0.0, "pyramid_l1": 100.0, "beta1": 0.9, "lr_g": 1e-3}
STAGE_I = (
    Step(PIXELS | {"aux_l1": 8, "pyramid_l1_finest": 0}, images=350_000, data="emoji"),
    Step(PIXELS | {"aux_l1": 16, "pyramid_l1_finest": 0}, images=150_000, data="emoji"),
    Step(PIXELS | {"aux_l1": 0, "pyramid_l1_finest": 64}, images=60_000, data="emoji"),
    Step(
        {"adversarial": 1.0, "pyramid_l1": 20.0, "aux_l1": 0, "pyramid_l1_finest": 16, "beta1": 0.0, "lr_g": 3e-4},
        images=200_000,
        data="emoji",
    ),
)
REFINE: dict[str, Any] = {"stage": 2, "pyramid_l1": 0.0, "kl": 0.05, "d_width": 32, "r1": 10.0, "translation": 0.3}
STAGE_II = Step(REFINE | {"lr_g": 2e-4, "lr_d": 2e-4}, images=110_000, data="emoji@256", previous="first")
SMALL: dict[str, Any] = {"width": 16, "r1": 1.0, "translation": 0.2, "lr_g": 4e-4, "lr_d": 4e-4}

SPEC = Spec(
    name="emoji_painter",
    group="words",
    title="Emoji painter",
    paper=Paper(
        "StackGAN: Text to Photo-realistic Image Synthesis with Stacked Generative Adversarial Networks",
        "Han Zhang, Tao Xu, Hongsheng Li, Shaoting Zhang, Xiaogang Wang, Xiaolei Huang, Dimitris Metaxas",
        2016,
        "1612.03242",
    ),
    note=(
        "You say what to draw: one network paints it small, with your words read at every layer, and another makes that four "
        "times as wide without moving anything. They play a game: a discriminator compares a real and a painted picture of the "
        "same words, and each painter tries to have its own taken for the real one. The small one has copied thousands of "
        "drawings from their captions besides."
    ),
    adds=(
        "stackgan",
        "words that steer every layer, pictures copied besides the game, and a critic that compares pairs.",
    ),
    limits="It knows a thousand things, in six styles; the second stage makes a small picture sharp, not right.",
    data="emoji",
    config=Config,
    build=EmojiPainter,
    recipes={"emoji": (*STAGE_I, STAGE_II), "emoji-64": STAGE_I}
    | {"compact": (Step(SMALL),), "shuffle-2": (Step(STAGE_II.knobs),)},  # steps by their names of old
    tiny={"encoder": "", "embedding": 8, "recurrent": 4, "z": 4, "condition": 4, "width": 4, "g_blocks": 0, "mapping": 0}
    | {"refine": 4, "d_width": 4, "pyramid_l1_finest": 8, "batch": 8},
)
