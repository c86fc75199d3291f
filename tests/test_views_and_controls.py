"""A control for each kind of input, that of a picture with a toy model that mixes it with noise; and a view of one class."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType

import gradio as gr
import numpy
import pytest
import torch
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image
from torch import Tensor, nn

from ganzoo import config, inputs, registry
from ganzoo.checkpoint.folder import Checkpoint
from ganzoo.config import configure, knob
from ganzoo.gan import GAN
from ganzoo.hub.pretrained import save
from ganzoo.images import to_uint8
from ganzoo.inputs import Noise, Picture
from ganzoo.spec import Paper, Spec
from ganzoo.ui import inference, permalink
from ganzoo.ui.app import LAUNCH, build
from ganzoo.ui.controls import CONTROLS
from ganzoo.ui.fields import Field, whole
from ganzoo.ui.limits import UPLOAD
from ganzoo.ui.permalink import State, decode, encode, fields
from ganzoo.ui.pictures import enlarge
from ganzoo.ui.tab import RIGHT, TRAINING, Slot, Tab, View
from ganzoo.ui.upload import as_address
from ganzoo.ui.views import VIEWS

NAME = "mixer"


@dataclass(frozen=True)
class Config(config.Config):
    z: int = knob(4, "numbers of noise")


class Mixer(GAN):
    """source (B, C, S, S), z (B, Z) -> image (B, C, S, S): the picture in a shade that the noise decides."""

    config: Config

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.inputs = (Picture("source", c.side, c.channels, examples=5), Noise("z", c.z))
        self.register_buffer(self.inputs[0].buffer, self.inputs[0].blank())
        self.G = nn.Linear(c.z, c.channels)
        self.D = nn.Linear(1, 1)

    def forward(self, source: Tensor, z: Tensor) -> Tensor:
        return (source + self.G(z)[:, :, None, None]).tanh()


SPEC = Spec(
    name=NAME,
    title="Mixer",
    paper=Paper("Mixtures", "Nobody", 2026, "2601.00001"),
    note="It is small.",
    limits="All.",
    config=Config,
    build=Mixer,
    tiny={"z": 4},
)


@pytest.fixture
def gan(tmp_path, monkeypatch):
    """The toy, registered as a model with a checkpoint of its name."""
    module = ModuleType(f"ganzoo.models.{NAME}")
    module.SPEC = SPEC
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(registry, "MODELS", (*registry.MODELS, NAME))
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path))
    torch.manual_seed(0)
    gan = SPEC.build(configure(Config, {"side": 16, "channels": 3, "classes": ()}))
    gan.source_examples.copy_(torch.randint(256, gan.source_examples.shape, dtype=torch.uint8))
    save(gan, tmp_path / NAME, NAME)
    yield gan
    inference._loaded.pop(NAME, None)
    inference._unavailable.pop(NAME, None)


def test_every_kind_of_input_has_a_control_but_noise():
    kinds = {x for x in vars(inputs).values() if isinstance(x, type) and issubclass(x, inputs.Input)}
    assert set(CONTROLS) == kinds - {inputs.Input, Noise}


def test_a_picture_is_an_example_by_number_or_a_visitors_own(gan, tmp_path):
    with gr.Blocks():
        tab = Tab([Checkpoint(tmp_path / NAME, "folder")], VIEWS, CONTROLS)
    own = Image.fromarray(numpy.arange(40 * 30 * 3, dtype=numpy.uint8).reshape(30, 40, 3))
    for asked, fixed in [(("any", ""), {}), (("2", ""), {"source": 2}), (("2", as_address(own)), {"source": own})]:
        drawn = tab.sample(NAME, 7, 3, *asked)
        assert torch.equal(drawn.images, to_uint8(gan.sample(3, seed=7, **fixed)))
    assert drawn.info["inputs"] == {"source": ["a picture"] * 3}
    assert tab.sample(NAME, 7, 2, "2", None).info["inputs"] == {"source": [2, 2]}
    assert len(tab.sample(NAME, 7, 2, "any", None).info["inputs"]["source"]) == 2, "which ones the seeds drew"
    with pytest.raises(ValueError, match="source: '9' is no example; give 0 to 4, or a picture"):
        tab.sample(NAME, 7, 3, "9", None)
    with pytest.raises(ValueError, match=rf"source: .*\(8000 x 4000 pixels; give at most {UPLOAD:,}\)"):
        tab.sample(NAME, 7, 3, "2", as_address(Image.new("RGB", (8000, 4000))))


class Shade(View):
    """The mean of what was drawn."""

    @classmethod
    def fits(cls, gan):
        return any(isinstance(x, Picture) for x in gan.inputs)

    @classmethod
    def fields(cls, inputs):
        return {"digits": Field(3, whole(0, 9))}

    def blocks(self):
        return {Slot(TRAINING, RIGHT): [self.build]}

    def build(self):
        self.digits = gr.Slider(0, 9, value=3, step=1)
        self.shade = gr.Markdown("")
        self.boxes, self.sample_outputs = {"digits": self.digits}, [self.shade]

    @staticmethod
    def draw(images, digits):
        return f"{images.float().mean():.{digits}f}"

    def on_samples(self, checkpoint, drawn):
        return [self.draw(drawn.images, 3)]


def test_a_view_is_one_class(gan, tmp_path, monkeypatch):
    monkeypatch.setattr(permalink, "VIEWS", (*VIEWS, Shade))
    with gr.Blocks():
        tab = Tab([Checkpoint(tmp_path / NAME, "folder")], permalink.VIEWS, CONTROLS)
    samples, shade = tab.views[0], tab.views[-1]
    assert isinstance(shade, Shade)
    assert samples.draw(NAME, 5, 2, "1", None)[-1] == f"{to_uint8(gan.sample(2, seed=5, source=1)).float().mean():.3f}"
    assert fields(gan.inputs)["digits"].default == 3
    assert tab.restored(NAME, {"seed": 0, "n": 4, "digits": 7, "source": "any", "from": 0, "to": 1})[shade.digits] == 7
    assert decode({"digits": "10"}, {"mix": [NAME]}, lambda _: gan.inputs)[1] == ["digits=10: not a whole number from 0 to 9"]


def test_the_link_has_the_number_and_not_the_upload(gan):
    assert "source" in fields(gan.inputs)
    assert not [key for key in fields(gan.inputs) if "upload" in key]
    state = State("mix", NAME, "", {"source": "3", "seed": 2})
    link = encode(state, gan.inputs, NAME)
    assert link == "?v=2&tab=mix&seed=2&source=3"
    assert decode({"tab": "mix", "seed": "2", "source": "3"}, {"mix": [NAME]}, lambda _: gan.inputs) == (state, [])
    assert decode({"tab": "mix", "source": "5"}, {"mix": [NAME]}, lambda _: gan.inputs)[1] == [
        "source=5: not one of any, 0, 1, 2, 3, 4"
    ]


def test_the_page_has_it_for_visitors_and_for_programs(gan, tmp_path):
    demo = build()
    demo.launch(**LAUNCH, prevent_thread_lock=True, quiet=True)
    try:
        client = Client(demo.local_url, verbose=False, httpx_kwargs={"timeout": 240})
        facts = client.view_api(return_format="dict", print_info=False)["named_endpoints"][f"/{NAME}"]
        assert [p["parameter_name"] for p in facts["parameters"]] == ["checkpoint", "seed", "n", "source", "source_upload"]
        own = Image.fromarray(numpy.arange(16 * 16 * 3, dtype=numpy.uint8).reshape(16, 16, 3))
        for asked, fixed in [(("2", None), {"source": 2}), (("any", as_address(own)), {"source": own})]:
            path, said = client.predict(NAME, 7, 4, *asked, api_name=f"/{NAME}")
            ours = numpy.array(enlarge(to_uint8(gan.sample(4, seed=7, **fixed))))
            with Image.open(path) as shown:
                assert abs(numpy.array(shown).astype(int) - ours).max() <= 1
            assert "seeds 7 to 10" in said
        with pytest.raises(AppError):
            client.predict(NAME, 7, 4, "9", None, api_name=f"/{NAME}")
    finally:
        demo.close(verbose=False)
