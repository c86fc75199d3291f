"""What older configs of the text-to-image models hold that is gone: the values of it that mean what is done today.

Until they parted, `gan_cls` and `stackgan` had some thirty knobs in common, most of them ideas that are now `emoji_painter`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..config import Anything

ANY = Anything()

GAN_CLS: Mapping[str, Collection[Any]] = {
    **{"augment": [0], "agree": [0], "alike": [0]},  # ADA, DAMSM, feature matching: in no shipped checkpoint
    **{"d_patch": [1], "loss": ["non-saturating"], "r2": [0]},
    **{"layout": [0], "finest": ANY, "coarse": [0], "adversarial": [1]},
}
STACKGAN: Mapping[str, Collection[Any]] = {
    **GAN_CLS,
    **{
        "r1_every": ANY,
        "text": [128],
        "between": [0],
        "deep": [0],
        "tell": ["first"],
        "mapping": [0],
        "shuffle": ["no"],
        "restore": [0],
        "keep": [0],
    },
}
STACKGAN_NETWORKS = {"deep", "tell", "mapping", "shuffle"}  # that it draws with

PAINTER: Mapping[str, Collection[Any]] = {
    **{"augment": [0], "agree": [0], "alike": [0], "text": ANY, "reads": ["words"], "loss": ["relativistic"]},
    **{"match": ["project"], "conditioning": ["project"], "d_norm": ["none"], "blocks": [1], "r1_every": [4], "r2": ANY},
    **{"d_most": [256, 512], "d_patch": [1, 4], "between": [0, 1], "restore": [0, 50], "keep": [0, 20]},
    **{"shuffle": ["no", "yes"], "paint": ["anew", "over"], "residual_output": ["anew", "over"]},
}
PAINTER_NETWORKS = {"reads", "blocks", "shuffle", "paint", "residual_output"}  # that it draws with
# What a stackgan's config meant by a knob that it does not name, where that is not what an emoji painter does by itself.
PAINTER_INHERITED: Mapping[str, Any] = {
    **{"conditioning": "join", "d_norm": "batch", "d_most": 512, "d_patch": 1, "loss": "non-saturating", "r1": 0.0, "r2": 0.0},
    **{"r1_every": 16, "translation": 0.0, "between": 0.0, "pyramid_l1": 0.0, "pyramid_l1_finest": 8, "kl": 1.0, "width": 64},
    **{"g_blocks": 0, "modulate": "first", "mapping": 0, "refine": 128, "d_width": 64, "blocks": 4, "residual_output": "anew"},
    **{"shuffle": "no", "restore": 0.0, "keep": 0.0, "lr_g": 2e-4, "lr_d": 2e-4, "beta1": 0.5, "beta2": 0.999},
}


def painter_by_stage(stage: int, adversarial: float, r1: float) -> Mapping[str, Collection[Any]]:
    """What of it an emoji painter does in a stage, with the values of the knobs that it hangs on."""
    if stage == 2:
        fixed = {"d_most": 256, "d_patch": 4, "between": 0, "restore": 50, "keep": 20, "shuffle": "yes", "paint": "over"}
        return {**PAINTER, **{k: [v] for k, v in (fixed | {"residual_output": "over", "r2": r1}).items()}}
    fixed = {"d_most": 512, "d_patch": 1, "between": 1 if adversarial else 0, "r2": r1}
    of_stage_two = ("blocks", "restore", "keep", "shuffle", "paint", "residual_output")
    return {**PAINTER, **{k: [v] for k, v in fixed.items()}, **dict.fromkeys(of_stage_two, ANY)}
