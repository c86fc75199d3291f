"""The page on somebody's host: own checkpoints, equal labels, a Hub that is away, a slip of a visitor."""

from __future__ import annotations

import json
import shutil

import gradio as gr
import pytest

from ganzoo import registry
from ganzoo.hub import network
from ganzoo.inputs import Choice
from ganzoo.ui import app
from ganzoo.ui.controls.choice import ChoiceControl, left_to_seed
from ganzoo.ui.events import quiet_bounds

FIRST = registry.MODELS[0]


@pytest.fixture
def own(kept, tmp_path, monkeypatch):
    """A folder of weights with two checkpoints of one model and data set, and a Hub that does not answer."""
    for name in ("one", "two"):
        folder = shutil.copytree(kept, tmp_path / "weights" / name)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"name": name}))
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))

    def away(*args, **kwargs):
        raise network.Unreachable("it does not answer in time")

    monkeypatch.setattr(network, "guarded", away)


def test_own_checkpoints_of_equal_labels_get_their_names_and_a_dead_hub_a_line_each(own, monkeypatch, caplog):
    monkeypatch.setenv("GANZOO_HUB", "ada/photos ada/lsgan-cats")
    page = app.build()
    radios = [b for b in page.blocks.values() if isinstance(b, gr.Radio) and b.elem_id == f"{FIRST}-checkpoint"]
    labels = [label for label, _ in radios[0].choices]
    assert len({*labels}) == len(labels) == 2
    assert [label.rsplit(" ", 1)[1] for label in labels] == ["one", "two"]
    lines = [r.getMessage() for r in caplog.records]
    assert len(lines) == 3, lines
    assert lines[0].startswith("not shown: ada/photos: the Hub cannot be reached (it does not answer in time)")
    assert any("ada/lsgan-cats: its tab, lsgan, opens with a checkpoint in" in line for line in lines)


@pytest.mark.parametrize("value", [0, 65, -1e9])
def test_a_slider_out_of_range_is_a_message_and_no_traceback(value):
    quiet_bounds()
    with pytest.raises(gr.Error, match="than m") as refused:
        gr.Slider(1, 64, step=1).preprocess(value)
    assert refused.value.print_exception is False
    assert gr.Slider(1, 64, step=1).preprocess(9) == 9


def test_a_class_that_is_called_any_can_be_asked_for():
    x, control = Choice("label", ("any", "(any)", "cat")), ChoiceControl.__new__(ChoiceControl)
    field = ChoiceControl.fields(x, [x])["label"]
    assert field.default == left_to_seed(x) == "((any))"
    assert left_to_seed(Choice("label", ("cat",))) == "any"
    for value, fixed in (("any", {"label": "any"}), ("(any)", {"label": "(any)"}), ("((any))", {}), (None, {})):
        assert control.read(x, {"label": value}, "", 0, 1) == fixed
    assert field.read("any") == "any"
