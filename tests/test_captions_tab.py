"""The tab of a model that draws from captions, with tiny networks that were taught nothing: what is written is drawn."""

from __future__ import annotations

import html
import json
import random
from pathlib import Path

import numpy
import pytest
import torch
from conftest import REPO, run_cli
from PIL import Image
from support import captions as shared
from support.captions import FACTS, LARGE, TOLD, built, control, view

from ganzoo import registry
from ganzoo.checkpoint import card
from ganzoo.checkpoint.folder import Checkpoint
from ganzoo.hub.pretrained import save
from ganzoo.images import from_pil, grid, nearest, png, shrunk, to_uint8
from ganzoo.inputs import SEEDS, scale_epsilon
from ganzoo.text import caption
from ganzoo.training.export import strip
from ganzoo.ui import inference
from ganzoo.ui.controls.text import TextControl
from ganzoo.ui.pictures import enlarge
from ganzoo.ui.prompts import KNOWN, captions, counterpart, nearby_classes, reading
from ganzoo.ui.views.captions import Captions
from ganzoo.ui.views.nearest import nearest_pictures
from ganzoo.ui.views.samples import Samples

spoken, tab = shared.spoken, shared.tab  # fixtures
ANY_SCRIPT = [
    "\ud800x",
    "一只红色的猫",
    "قطة حمراء",
    "🐶🏽‍🚀👩‍👩‍👧",
    "é" * 90,
    "a\u0000b",
    "\u202ecat",
    "ﷺ",
    "!!!",
    "<b>cat</b> & 'dog'",
    "न" * 180,
]


def drawn(tab, *asked):
    """(pictures, (sketch, pictures), what they are, what was read, what they resemble), as the page is sent them."""
    updates = view(tab, Samples).draw(*asked)  # after three outputs: seed and n, where they had to be clamped
    return [x["value"] if isinstance(x, dict) and "value" in x else x for x in (*updates[:3], updates[5], updates[-2])]


# ---- Stages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", registry.MODELS)
def test_the_last_stage_is_what_forward_draws(name):
    gan = built(name)
    given = gan.draw(2, 3)
    assert torch.equal(gan.stages(**given)[-1], gan(**given))


def test_a_second_stage_is_drawn_only_when_it_is_asked_for():
    gan = built(TOLD[-1], **LARGE)
    given = gan.draw(2, 3)
    assert [x.shape[-1] for x in gan.stages(**given)] == [32, 128]
    assert torch.equal(gan.stages(**given)[-1], gan(**given))
    seen = []
    gan.second.register_forward_hook(lambda *_: seen.append(1))
    stages = gan.generate(gan.encode(given.pop("text")), **given)
    assert next(stages).shape[-1] == 32
    assert not seen


# ---- What is said is what is drawn ------------------------------------------------------------------------------------


def test_a_style_is_said_as_the_captions_of_the_data_say_it(spoken):
    name = "large-toy"
    assert captions(name, 0, 2, "  a  cat ", "any") == ["a cat"] * 2
    assert captions(name, 0, 1, "a cat", "3D") == ["a cat, 3D style"]
    assert captions(name, 0, 1, "a cat, flat style", "3D") == ["a cat, 3D style"]
    assert captions(name, 6, 3, "a cat, 3D style", "mixed") == ["a cat, flat style", "a cat, 3D style", "a cat, flat style"]
    assert captions(name, SEEDS - 1, 2, "a cat", "mixed") == ["a cat, 3D style", "a cat, flat style"], (
        "a picture's own seed says"
    )
    gan = inference.load(name)[1]
    by_lot = caption.read(gan.draw(5, 7)["text"])
    assert captions(name, 7, 5, "", None) == by_lot
    assert captions(name, 7, 5, "   ", "flat") == [caption.restyled(c, FACTS["styles"], "flat") for c in by_lot]
    for said, style, problem in [
        ("x" * 202, "any", "202 characters; give 1 to 201"),
        ("x" * 195, "flat", "207 characters"),
        ("x" * 195, "mixed", "207 characters"),
        ("\x00", "any", "0 characters"),
        ("a cat", "oil", "style: 'oil' is not one of any, mixed, flat, 3D"),
    ]:
        with pytest.raises(ValueError, match=problem):
            captions(name, 0, 1, said, style)
    with pytest.raises(ValueError, match="n: "):
        captions(name, 0, 10**9, "", "any")


def test_the_tab_draws_what_python_draws_from_the_sketch_on(tab):
    gan = inference.load("large-toy")[1]
    one, (sketch, large), said, heard, near = drawn(tab, "large-toy", 5, 4, "a red cat", "3D", 1)
    images = [to_uint8(x) for x in gan.show_stages(gan.draw(4, 5, text="a red cat, 3D style"))]
    assert one is None
    assert numpy.array_equal(numpy.array(large), numpy.array(enlarge(images[1])))
    assert sketch.size == large.size
    step = large.width // 2
    got = numpy.array(sketch)[: 4 * 32 * 2 : 8, : 4 * 32 * 2 : 8]  # enlarged by four to the picture's side, and by two with it
    assert numpy.array_equal(got, images[0][0].permute(1, 2, 0).numpy())
    assert step > 128
    assert "seeds 5 to 8" in said
    assert "It reads: <span>a</span> <span>red</span> <span>cat</span>" in heard
    assert near["src"]


def test_a_visitors_caption_is_not_blurred_until_they_ask(tab):
    gan = inference.load("large-toy")[1]
    ours = enlarge(to_uint8(gan.show(scale_epsilon(gan.draw(4, 5, text="a cat"), 0))))
    assert control(tab).epsilon.value == 0
    assert torch.equal(gan.sample(4, seed=5, text="a cat", epsilon=0), gan.show(scale_epsilon(gan.draw(4, 5, text="a cat"), 0)))
    for epsilon, same in ((None, True), (0, True), (1, False)):
        _, (_, large), *_ = drawn(tab, "large-toy", 5, 4, "a cat", "any", epsilon)
        assert numpy.array_equal(numpy.array(large), numpy.array(ours)) == same


def test_epsilon_is_multiplied_and_bounded(spoken):
    gan = inference.load("large-toy")[1]
    given = gan.draw(3, 2, text="a cat")
    half = to_uint8(gan.show(given | {"epsilon": given["epsilon"] / 2}))
    found = inference.sample("large-toy", 3, 2, {"text": "a cat"}, 0.5)
    assert torch.equal(found.images, half)
    assert found.info["epsilon"] == 0.5
    assert found.info["inputs"] == {"text": ["a cat"] * 3}, "as words, not as their numbers"
    assert not torch.equal(half, inference.sample("large-toy", 3, 2, {"text": "a cat"}).images)
    for wrong in (-0.1, 1.6, float("nan"), "1", True, None):
        with pytest.raises(ValueError, match=r"epsilon: .* is not a number from 0 to 1\.5"):
            inference.sample("large-toy", 3, 2, {}, wrong)
        with pytest.raises(ValueError, match="epsilon"):
            inference.between_captions("large-toy", 0, "a cat", "a dog", wrong)
    with pytest.raises(ValueError, match="this model takes none"):
        inference.sample(f"{TOLD[0]}-toy", 3, 2, {}, 0.5)


@pytest.mark.parametrize(("name", "stage"), [("large-toy", 0), (f"{TOLD[0]}-toy", -1)])
def test_the_ends_of_a_changed_word_are_what_is_drawn_for_each_caption(spoken, name, stage):
    gan = inference.load(name)[1]
    steps = inference.between_captions(name, 9, "a red cat", "a green cat")
    for end, said in ((0, "a red cat"), (-1, "a green cat")):
        ours = to_uint8(gan.show_stages(gan.draw(4, 9, text=said))[stage])
        assert abs(steps[end].int() - ours.int()).max() <= 1
    assert steps.shape == (17, 4, 3, *ours.shape[-2:])
    assert len({step.numpy().tobytes() for step in steps}) == 17, "and on the way it is neither"


def test_a_changed_word_is_never_a_large_strip(spoken, tab):
    value = Captions.draw("large-toy", 0, "a cat", "a dog", "any", 1)
    assert Path(value["src"]["path"]).stat().st_size < 1_000_000
    assert value["captions"][0] == "100 % the first caption, 0 % the other · at 32 pixels, after the first stage"


# ---- Any words --------------------------------------------------------------------------------------------------------


def test_unknown_words_are_marked_and_everything_is_escaped(tab):
    heard = reading("large-toy", 0, 1, "a florble <img src=x onerror=alert(1)>", "any")
    assert "<u>florble</u>" in heard
    assert "Underlined" in heard
    assert "<img" not in heard
    assert "Underlined" not in reading("large-toy", 0, 1, "a red cat", "any")
    refused = reading("large-toy", 0, 1, "<i>" * 90, "any")
    assert "270 characters" in refused
    assert "&lt;i&gt;" in reading("large-toy", 0, 1, "a cat", "<i>")
    assert "no word in this" in reading("large-toy", 0, 1, "!!!", "any")
    assert html.escape("a thing") in reading("large-toy", 0, 2, "", "any")


def test_what_is_known_near_to_what_is_said_is_offered(tmp_path, monkeypatch):
    name = "knowing-toy"
    gan = built(TOLD[0], encoder="nowhere", embedding=128, recurrent=64)
    gan.R.load_state_dict(Checkpoint(REPO / "weights/encoder-emoji", "bundled").load().text.state_dict())
    save(gan, tmp_path / name, name)  # which needs no encoder beside it
    config = tmp_path / name / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"name": name}))
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path))
    assert nearby_classes(name, "kitten") == ["cat face"]
    assert nearby_classes(name, " an  Apple ") == ["red apple"]
    assert nearby_classes(name, "the red apple") == [], "it says no more"
    assert (
        nearby_classes(name, "a theory")
        == nearby_classes(name, "")
        == nearby_classes(name, None)
        == nearby_classes(name, "x" * 300)
        == []
    )
    assert nearby_classes(name, "a red apple") == [], "a caption to try"

    def chips(said):
        return [update["value"] for update in TextControl.chip_updates(name, said) if update["visible"]]

    first = chips(None)
    assert first[0] == "a red apple"
    assert chips("kitten") == ["cat face"]
    assert chips("") == chips("a theory") == chips("a red apple") == first
    assert len(TextControl.chip_updates(name, "kitten")) == len(TextControl.chip_updates(name))
    assert KNOWN in reading(name, 0, 1, "kitten", "any")
    assert KNOWN not in reading(name, 0, 1, "a theory", "any")
    assert counterpart(name, "a red apple") == "a green apple"


def test_any_script_is_drawn(tab):
    rng = random.Random(0)
    for said in [*ANY_SCRIPT, *("".join(chr(rng.randrange(1, 0x2FFFF)) for _ in range(40)) for _ in range(20))]:
        assert "<script" not in reading("large-toy", 0, 1, said, "3D")
        assert drawn(tab, "large-toy", 0, 1, said, "flat", 1)[1] or not said.strip()
        assert Captions.draw("large-toy", 0, said, said, "any", 0)


def test_a_caption_that_cannot_be_read_is_said_at_its_control(tab):
    good = view(tab, Samples).check("large-toy", 0, 4, "a cat", "any", 1)
    assert all(x["is_valid"] for x in good)
    assert [x["is_valid"] for x in view(tab, Samples).check("large-toy", 0, 4, "x" * 202, "any", 1)] == [
        True,
        True,
        True,
        False,
        True,
        True,
    ]
    assert [x["is_valid"] for x in Captions.check("large-toy", 0, "", "", "any", 1)] == [True, True, True, False, True, True]
    assert all(x["is_valid"] for x in view(tab, Samples).check("large-toy", 0, 4, "", "any", 1)), "nothing is by lot"


# ---- Copy or creation? ------------------------------------------------------------------------------------------------


def test_the_nearest_are_found_and_shown(spoken, tab):
    c = Checkpoint(spoken / "large-toy", "bundled")
    known = c.training_pictures()
    assert known.shape == (50, 3, 32, 32)
    assert nearest(known[[7, 3]], known)[1].tolist() == [[7], [3]]
    other = known[[7]].flip(3)
    by_hand = ((known.float() - other.float()) ** 2).flatten(1).sum(1).argsort()[:3]
    assert nearest(other, known, 3)[1].tolist() == [by_hand.tolist()]
    assert "8 pictures that were drawn" in nearest_pictures(c, known[:20])["alt"]
    assert nearest_pictures(Checkpoint(spoken / f"{TOLD[0]}-toy", "bundled"), known[:2]) is None


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f, c: c["training_pictures"].update(count=10_001), "count: '10001' is not a whole number <= 10000"),
        (lambda f, c: c["training_pictures"].update(side=33), "side: '33' is not a whole number <= 32"),
        (lambda f, c: c["training_pictures"].update(count="x"), "'x' is not a whole number"),
        (lambda f, c: (f / "training.webp").write_bytes(png(Image.new("RGB", (9000, 9000)))), r"\(9000, 9000\) pixels"),
        (lambda f, c: (f / "training.webp").write_bytes(png(Image.new("L", (256, 224)))), "not a picture in colour"),
        (lambda f, c: (f / "training.webp").write_bytes(b"nothing"), "not a picture that can be read"),
    ],
)
def test_a_spoilt_sheet_is_refused_before_it_is_decoded(spoken, tmp_path, spoil, said):
    folder = tmp_path / "large-toy"
    save(inference.load("large-toy")[1], folder, "large-toy")
    config = json.loads((folder / "config.json").read_text())
    spoil(folder, config)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=said):
        Checkpoint(folder, "folder").verify()


def test_export_keeps_what_a_text_model_was_trained_on(tmp_path, monkeypatch, capsys):
    name = TOLD[0]
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    flags = [x for k, v in registry.spec(name).tiny.items() for x in (f"--{k.replace('_', '-')}", v)]
    run = ["train", name, "--data", "fake", "--steps", 2, "--device", "cpu", "--out", tmp_path / "run", "--quiet", *flags]
    assert run_cli(capsys, *run)[0] == 0
    assert run_cli(capsys, "export", tmp_path / "run")[0] == 0
    c = Checkpoint(tmp_path / "weights" / f"{name}-fake", "folder")
    c.verify()
    assert c.config["training_pictures"] == {"count": 256, "side": 16}
    from ganzoo import data

    kept, real = c.training_pictures().float(), data.load("fake").image.float()
    near = torch.cdist(kept.flatten(1), real.flatten(1)).argmin(1)
    assert near.tolist() == [*range(256)], "in their order, and recognisable"


@pytest.mark.parametrize(("side", "channels", "kept"), [(16, 3, "png"), (64, 1, "png"), (64, 3, "webp")])
def test_a_timeline_of_large_pictures_in_colour_is_a_fifth_of_the_bytes(side, channels, kept, tmp_path):
    from ganzoo.checkpoint.write import write_timeline

    soft = torch.nn.functional.interpolate(torch.rand(32, channels, 8, 8), side, mode="bilinear")
    images = (255 * soft).to(torch.uint8)
    gan = built("dcgan", side=side, channels=channels)
    save(gan, tmp_path, "c")
    config = json.loads((tmp_path / "config.json").read_text()) | {"timeline": {"steps": [0, 1]}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    for earlier in ("png", "webp"):
        (tmp_path / f"timeline.{earlier}").write_bytes(b"of an earlier export")
    write_timeline(tmp_path, grid(images, columns=16))
    assert [p.name for p in tmp_path.glob("timeline.*")] == [f"timeline.{kept}"]
    card.write(c := Checkpoint(tmp_path, "folder"))
    assert f"](timeline.{kept})" in (tmp_path / "README.md").read_text()
    shown = torch.cat([tiles for _, tiles in c.timeline()])
    if kept == "png":
        assert torch.equal(shown, images)
    else:
        assert (shown.float() - images.float()).abs().mean() < 5
        assert c.timeline_file.stat().st_size * 5 < len(png(grid(images, columns=16)))


def test_timeline_and_preview_are_bounded(spoken, tmp_path):
    shot = tmp_path / "0.png"
    images = torch.randint(256, (64, 3, 256, 256), dtype=torch.uint8)
    shot.write_bytes(png(grid(images)))
    row = strip([shot], 256)
    assert row.size == (16 * 64, 64)
    assert torch.equal(torch.stack(from_pil(row).split(64, 2)), shrunk(images[:16], 64))
    folder = tmp_path / "c"
    gan = built(TOLD[-1], side=256, stage=2)
    save(gan, folder, "c")
    with Image.open(folder / "preview.png") as preview:
        assert preview.size == (4 * 256, 4 * 256)
    config = json.loads((folder / "config.json").read_text())
    config["timeline"]["steps"] = [0]
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "timeline.png").write_bytes(png(row))
    ((step, tiles),) = Checkpoint(folder, "folder").timeline()
    assert (step, tiles.shape) == (0, (16, 3, 64, 64))
    assert "![16 pictures at seed 0]" in (folder / "README.md").read_text()
