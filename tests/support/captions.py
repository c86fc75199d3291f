"""A weights folder of tiny models that draw from captions, and a tab of one."""

from __future__ import annotations

import json

import gradio as gr
import pytest
import torch

from ganzoo import registry
from ganzoo.checkpoint.folder import Checkpoint
from ganzoo.checkpoint.write import write_training_sheet
from ganzoo.config import configure
from ganzoo.hub.pretrained import save
from ganzoo.images import grid, png
from ganzoo.ui import inference
from ganzoo.ui.controls import CONTROLS
from ganzoo.ui.controls.text import TextControl
from ganzoo.ui.tab import Tab
from ganzoo.ui.views import VIEWS

TOLD = [name for name in registry.MODELS if "captions" in registry.spec(name).config.__dataclass_fields__]
FACTS = {
    "channels": 3,
    "classes": ("red apple", "cat face", "rocket", "ghost"),
    "captions": tuple(f"a thing {k}, {style} style" for k in range(9) for style in ("flat", "3D")),
    "styles": ("flat", "3D"),
}
LARGE = {"side": 128, "stage": 2}  # sketched at 32 pixels


def built(name, **knobs):
    spec = registry.spec(name)
    torch.manual_seed(0)
    tiny = {k: v for k, v in {**spec.tiny, "side": 16, **FACTS, **knobs}.items() if k in spec.config.__dataclass_fields__}
    gan = spec.build(configure(spec.config, tiny)).eval().requires_grad_(False)
    for weight in gan.parameters():  # as they start, they draw grey upon grey
        if weight.ndim > 1:
            weight.normal_(0, 2 / weight[0].numel() ** 0.5)
    return gan


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """A weights folder with a checkpoint of a model that draws from captions, and one that draws in two stages."""
    folder = tmp_path_factory.mktemp("spoken")
    rng = torch.Generator().manual_seed(0)
    for name, gan in {f"{TOLD[0]}-toy": built(TOLD[0]), "large-toy": built(TOLD[-1], **LARGE)}.items():
        save(gan, folder / name, name)
        config = json.loads((folder / name / "config.json").read_text()) | {"name": name}
        if gan.config.side == 128:
            config |= write_training_sheet(folder / name, torch.randint(256, (50, 3, 40, 40), dtype=torch.uint8, generator=rng))
        side = min(gan.config.side, 64)
        shots = torch.randint(256, (32, 3, side, side), dtype=torch.uint8, generator=rng)
        (folder / name / "timeline.png").write_bytes(png(grid(shots, columns=16)))
        config["timeline"] = {"steps": [0, 1]}
        (folder / name / "config.json").write_text(json.dumps(config))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANZOO_WEIGHTS_DIR", str(folder))
        yield folder
        for name in (f"{TOLD[0]}-toy", "large-toy"):
            inference._loaded.pop(name, None)


@pytest.fixture
def tab(spoken):
    with gr.Blocks():
        yield Tab([Checkpoint(spoken / "large-toy", "bundled")], VIEWS, CONTROLS)


def view(tab, kind):
    return next(x for x in tab.views if isinstance(x, kind))


def control(tab):
    return next(x for x in tab.controls if isinstance(x, TextControl))
