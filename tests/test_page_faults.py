"""What a visitor stumbled over once: numbers out of bounds, captions of nothing known, names of codes, drawings of no digit."""

from __future__ import annotations

import re

import gradio as gr
import pytest
import torch

import ganzoo
from ganzoo import registry
from ganzoo.hub.resolve import bundled
from ganzoo.images import to_uint8
from ganzoo.inputs import SEEDS
from ganzoo.ui import inference, landing, prompts, texts
from ganzoo.ui.controls import CONTROLS
from ganzoo.ui.controls.choice import named
from ganzoo.ui.familiar import is_far
from ganzoo.ui.fields import ANY, INK
from ganzoo.ui.pad import inked, like_mnist
from ganzoo.ui.pictures import enlarge
from ganzoo.ui.tab import Tab
from ganzoo.ui.views import VIEWS
from ganzoo.ui.views.samples import Samples
from ganzoo.ui.views.timeline import Timeline
from ganzoo.ui.views.walk import Walk


def built(model):
    """A model's tab."""
    with gr.Blocks():
        return Tab([c for c in bundled() if c.model == model], VIEWS, CONTROLS)


def view(tab, kind):
    return next(v for v in tab.views if isinstance(v, kind))


@pytest.mark.parametrize(
    ("seed", "n", "drawn", "words"),
    [
        (-5, 4, (0, 4), [f"picture number: -5 is not a whole number from 0 to {SEEDS - 1}; it is 0 now"]),
        (3, 900, (3, 64), ["how many: 900 is not a whole number from 1 to 64; it is 64 now"]),
        (None, 2, (0, 2), [f"picture number: nothing is not a whole number from 0 to {SEEDS - 1}; it is 0 now"]),
        (3, 4, (3, 4), []),
    ],
)
def test_what_is_out_of_bounds_is_the_nearest_allowed_with_one_word(monkeypatch, seed, n, drawn, words):
    said = []
    monkeypatch.setattr(gr, "Warning", said.append)
    tab = built("vanilla")
    shown = view(tab, Samples).draw("vanilla-mnist", seed, n)
    assert f"seeds {drawn[0]} to {sum(drawn) - 1}" in shown[1]
    assert said == words


def test_twenty_digits_are_not_cut_in_silence():
    seed, said = texts.seed_within(12345678901234567890)
    assert seed == SEEDS - 1
    assert said.startswith("picture number: 12345678901234567890 is not a whole number from 0 to")


def test_a_last_row_that_is_not_full_is_seen_through():
    images = torch.full((5, 1, 4, 4), 255, dtype=torch.uint8)
    picture = enlarge(images, clear_rest=True)
    assert picture.getpixel((picture.width - 1, picture.height - 1))[-1] == 0
    assert picture.getpixel((0, picture.height - 1)) == (255, 255)
    assert "A" not in enlarge(images[:4], clear_rest=True).getbands()
    assert "A" not in enlarge(images).getbands(), "programs are given the same picture as ever"


def test_a_walk_is_of_the_label_that_is_chosen(monkeypatch):
    walk = view(built("cgan"), Walk)
    gan = ganzoo.load("cgan-mnist")
    asked = []
    frames = inference.walk
    monkeypatch.setattr(inference, "walk", lambda *args: asked.append(args) or frames(*args))
    walk.draw("cgan-mnist", 0, 1, None, "7")
    walk.draw("cgan-mnist", 0, 1, None, ANY)
    assert [fixed for *_, fixed in asked] == [{"label": "7"}, {}]
    ends = to_uint8(torch.cat([gan.sample(1, seed=s, label=7) for s in (0, 1)]))
    assert abs(frames(*asked[0])[[0, -1]].int() - ends.int()).max() <= 1


def test_a_caption_of_nothing_that_it_was_shown_says_so():
    unknown = "in no caption that it was trained on"
    assert unknown in prompts.reading("stackgan-shapes", 0, 4, "a red apple", ANY)
    for checkpoint, caption in (("stackgan-shapes", "a red circle"), ("stackgan-emoji-64", "a red apple")):
        assert unknown not in prompts.reading(checkpoint, 0, 4, caption, ANY)


def test_codes_are_named_by_best_matching_and_ties_are_shown():
    c, gan = inference.load("infogan-fashion")
    names = [label for label, _ in named(next(x for x in gan.inputs if x.name == "c1"), c)[1:]]
    classes = [name.split(" (")[0] for name in names]
    assert classes.count("Dress") == 1
    assert "Sneaker or Dress" in classes
    assert len(set(classes)) == len(classes)


def line(x, y, u, v, n=12):
    return "".join(INK[round(x + (u - x) * i / n)] + INK[round(y + (v - y) * i / n)] for i in range(n + 1))


@pytest.mark.parametrize(
    ("strokes", "far"),
    [
        (f"{line(12, 12, 50, 50)}~{line(50, 12, 12, 50)}", True),  # an X
        (f"{line(14, 14, 50, 14)}~{line(50, 14, 50, 50)}~{line(50, 50, 14, 50)}~{line(14, 50, 14, 14)}", True),
        (line(34, 8, 30, 56), False),  # 1
        (f"{line(16, 12, 48, 12)}~{line(48, 12, 28, 56)}", False),  # 7
        (f"{line(20, 10, 16, 34)}~{line(16, 34, 48, 34)}~{line(42, 10, 40, 56)}", False),  # 4
    ],
)
def test_a_drawing_unlike_all_that_it_draws_is_called_far(strokes, far):
    assert is_far("infogan-mnist", like_mnist(inked(strokes), 28, 1)) == far


def test_a_timeline_says_what_it_covers():
    assert "from the first step" in Timeline.covered("vanilla-mnist")
    said = Timeline.covered("stackgan-emoji-64")
    assert "went on from game-2" in said
    assert "2,545,728" in said


def test_every_model_has_a_group_and_every_trained_one_a_picture():
    assert {spec.group for spec in registry.specs()} <= set(texts.GROUPS)
    found = [c for c in bundled() if c.config["inputs"]]
    assert found
    for c in found:
        path, side = landing.preview(c)
        assert path.stat().st_size < 60_000, c.name
        assert 100 <= side <= landing.SIDE


def test_measures_are_sentences_in_per_cent():
    for c in bundled():
        if c.config["inputs"]:
            said = texts.at_a_glance(c.manifest)
            known = min(texts.SHOWN, sum(m.id in texts.SENTENCES for m in c.manifest.metrics))
            assert said.count("\n- ") == max(0, known - 1), c.name
            assert len(re.findall("\N{NO-BREAK SPACE}(%|decibels)", said)) >= known
