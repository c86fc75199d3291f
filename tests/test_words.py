"""The tab of a model that is told in words, with tiny networks that were taught nothing: what is said is what is drawn."""

from __future__ import annotations

import html
import json
import random
from urllib.parse import parse_qsl, quote, urlsplit

import gradio as gr
import numpy
import pytest
import torch
from conftest import REPO, App, told
from gradio_client import Client
from PIL import Image

from ganzoo import registry
from ganzoo.checkpoint import Checkpoint, sheet_of, strip
from ganzoo.hub.pretrained import save
from ganzoo.images import from_pil, grid, nearest, png, shrunk, to_uint8
from ganzoo.inputs import blurred
from ganzoo.spec import configure
from ganzoo.text import caption
from ganzoo.ui import play
from ganzoo.ui.app import untrained
from ganzoo.ui.permalink import AT, SHOT, fields
from ganzoo.ui.resembling import resembling
from ganzoo.ui.views import enlarge
from ganzoo.ui.words import KNOWN, WordsTab, known, wanted
from ganzoo.ui.words import told as is_told

TOLD = [name for name in registry.MODELS if "captions" in registry.spec(name).config.__dataclass_fields__]
FACTS = {
    "channels": 3,
    "classes": ("red apple", "cat face", "rocket", "ghost"),
    "captions": tuple(f"a thing {k}, {style} style" for k in range(9) for style in ("flat", "3D")),
    "styles": ("flat", "3D"),
}
LARGE = {"side": 128, "stage": 2}  # sketched at 32 pixels
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
    """A weights folder with a checkpoint of each model that is told in words, and one that draws in two stages."""
    folder = tmp_path_factory.mktemp("spoken")
    rng = torch.Generator().manual_seed(0)
    for name, gan in {f"{TOLD[0]}-toy": built(TOLD[0]), "large-toy": built(TOLD[-1], **LARGE)}.items():
        save(gan, folder / name, name)
        config = json.loads((folder / name / "config.json").read_text()) | {"name": name}
        if gan.config.side == 128:
            config |= sheet_of(folder / name, torch.randint(256, (50, 3, 40, 40), dtype=torch.uint8, generator=rng))
        side = min(gan.config.side, 64)
        shots = torch.randint(256, (32, 3, side, side), dtype=torch.uint8, generator=rng)
        (folder / name / "timeline.png").write_bytes(png(grid(shots, columns=16)))
        config["timeline"] = {"steps": [0, 1]}
        (folder / name / "config.json").write_text(json.dumps(config))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANZOO_WEIGHTS_DIR", str(folder))
        yield folder
        for name in (f"{TOLD[0]}-toy", "large-toy"):
            play._networks.pop(name, None)


@pytest.fixture
def tab(spoken):
    with gr.Blocks():
        yield WordsTab([Checkpoint(spoken / "large-toy", "bundled")])


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
    stages = gan.imagined(gan.read(given.pop("text")), **given)
    assert next(stages).shape[-1] == 32
    assert not seen


# ---- What is said is what is drawn ------------------------------------------------------------------------------------


def test_a_style_is_said_as_the_captions_of_the_data_say_it(spoken):
    name = "large-toy"
    assert wanted(name, 0, 2, "  a  cat ", "any") == ["a cat"] * 2
    assert wanted(name, 0, 1, "a cat", "3D") == ["a cat, 3D style"]
    assert wanted(name, 0, 1, "a cat, flat style", "3D") == ["a cat, 3D style"]
    gan = play.network(name)[1]
    by_lot = caption.read(gan.draw(5, 7)["text"])
    assert wanted(name, 7, 5, "", None) == by_lot
    assert wanted(name, 7, 5, "   ", "flat") == [caption.restyled(c, FACTS["styles"], "flat") for c in by_lot]
    for said, style, problem in [
        ("x" * 202, "any", "202 characters; give 1 to 201"),
        ("x" * 195, "flat", "207 characters"),
        ("\x00", "any", "0 characters"),
        ("a cat", "oil", "style: 'oil' is not one of any, flat, 3D"),
    ]:
        with pytest.raises(ValueError, match=problem):
            wanted(name, 0, 1, said, style)
    with pytest.raises(ValueError, match="how many"):
        wanted(name, 0, 10**9, "", "any")


def test_the_tab_draws_what_python_draws_from_the_sketch_on(tab):
    gan = play.network("large-toy")[1]
    one, (sketch, large), said, heard, near = tab.drawn("large-toy", 5, 4, "a red cat", "3D", 1)
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
    assert "<img" in near


def test_a_visitors_caption_is_not_blurred_until_they_ask(tab):
    gan = play.network("large-toy")[1]
    ours = enlarge(to_uint8(gan.show(blurred(gan.draw(4, 5, text="a cat"), 0))))
    assert tab.epsilon.value == 0
    assert torch.equal(gan.sample(4, seed=5, text="a cat", epsilon=0), gan.show(blurred(gan.draw(4, 5, text="a cat"), 0)))
    for epsilon, same in ((None, True), (0, True), (1, False)):
        _, (_, large), *_ = tab.drawn("large-toy", 5, 4, "a cat", "any", epsilon)
        assert numpy.array_equal(numpy.array(large), numpy.array(ours)) == same


def test_epsilon_is_multiplied_and_bounded(spoken):
    gan = play.network("large-toy")[1]
    given = gan.draw(3, 2, text="a cat")
    half = to_uint8(gan.show(given | {"epsilon": given["epsilon"] / 2}))
    drawn = play.sample("large-toy", 3, 2, {"text": "a cat"}, 0.5)
    assert torch.equal(drawn.images, half)
    assert drawn.said["epsilon"] == 0.5
    assert drawn.said["inputs"] == {"text": ["a cat"] * 3}, "as words, not as their numbers"
    assert not torch.equal(half, play.sample("large-toy", 3, 2, {"text": "a cat"}).images)
    for wrong in (-0.1, 1.6, float("nan"), "1", True, None):
        with pytest.raises(ValueError, match=r"epsilon: .* is not a number from 0 to 1\.5"):
            play.sample("large-toy", 3, 2, {}, wrong)
        with pytest.raises(ValueError, match="epsilon"):
            play.change("large-toy", 0, "a cat", "a dog", wrong)
    with pytest.raises(ValueError, match="this model takes none"):
        play.sample(f"{TOLD[0]}-toy", 3, 2, {}, 0.5)


@pytest.mark.parametrize(("name", "stage"), [("large-toy", 0), (f"{TOLD[0]}-toy", -1)])
def test_the_ends_of_a_changed_word_are_what_is_drawn_for_each_caption(spoken, name, stage):
    gan = play.network(name)[1]
    steps = play.change(name, 9, "a red cat", "a green cat")
    for end, said in ((0, "a red cat"), (-1, "a green cat")):
        ours = to_uint8(gan.show_stages(gan.draw(4, 9, text=said))[stage])
        assert abs(steps[end].int() - ours.int()).max() <= 1
    assert steps.shape == (17, 4, 3, *ours.shape[-2:])
    assert len({step.numpy().tobytes() for step in steps}) == 17, "and on the way it is neither"


def test_a_changed_word_is_never_a_large_strip(spoken, tab):
    value = tab.between("large-toy", 0, "a cat", "a dog", "any", 1)
    assert len(value["src"]) < 2_000_000
    assert value["captions"][0] == "100 % the first caption, 0 % the other · at 32 pixels, after the first stage"


# ---- Any words --------------------------------------------------------------------------------------------------------


def test_unknown_words_are_marked_and_everything_is_escaped(tab):
    heard = tab.hear("large-toy", 0, 1, "a florble <img src=x onerror=alert(1)>", "any")
    assert "<u>florble</u>" in heard
    assert "Underlined" in heard
    assert "<img" not in heard
    assert "Underlined" not in tab.hear("large-toy", 0, 1, "a red cat", "any")
    refused = tab.hear("large-toy", 0, 1, "<i>" * 90, "any")
    assert "270 characters" in refused
    assert "&lt;i&gt;" in tab.hear("large-toy", 0, 1, "a cat", "<i>")
    assert "no word in this" in tab.hear("large-toy", 0, 1, "!!!", "any")
    assert html.escape("a thing") in tab.hear("large-toy", 0, 2, "", "any")


def test_what_is_known_near_to_what_is_said_is_offered(tmp_path, monkeypatch):
    name = "knowing-toy"
    gan = built(TOLD[0], encoder="nowhere", embedding=128, recurrent=64)
    gan.R.load_state_dict(Checkpoint(REPO / "weights/encoder-emoji", "bundled").load().text.state_dict())
    save(gan, tmp_path / name, name)  # which needs no encoder beside it
    config = tmp_path / name / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"name": name}))
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path))
    assert known(name, "kitten") == ["cat face"]
    assert known(name, " an  Apple ") == ["red apple"]
    assert known(name, "the red apple") == [], "it says no more"
    assert known(name, "a theory") == known(name, "") == known(name, None) == known(name, "x" * 300) == []
    assert known(name, "a red apple") == [], "a caption to try"

    def chips(said):
        return [update["value"] for update in WordsTab.offer(name, said) if update["visible"]]

    first = chips(None)
    assert first[0] == "a red apple"
    assert chips("kitten") == ["cat face"]
    assert chips("") == chips("a theory") == chips("a red apple") == first
    assert len(WordsTab.offer(name, "kitten")) == len(WordsTab.offer(name))
    assert KNOWN in WordsTab.hear(name, 0, 1, "kitten", "any")
    assert KNOWN not in WordsTab.hear(name, 0, 1, "a theory", "any")
    assert WordsTab.take(name, "cat face")[0] == "cat face"
    assert WordsTab.take(name, "a red apple") == ("a red apple", "a green apple")


def test_any_script_is_drawn(tab):
    rng = random.Random(0)
    for said in [*ANY_SCRIPT, *("".join(chr(rng.randrange(1, 0x2FFFF)) for _ in range(40)) for _ in range(20))]:
        assert "<script" not in tab.hear("large-toy", 0, 1, said, "3D")
        assert tab.drawn("large-toy", 0, 1, said, "flat", 1)[1] or not said.strip()
        assert tab.between("large-toy", 0, said, said, "any", 0)


def test_a_caption_that_cannot_be_read_is_said_at_its_control(tab):
    good = tab.check("large-toy", 0, 4, "a cat", "any", 1)
    assert all(x["is_valid"] for x in good)
    assert [x["is_valid"] for x in tab.check("large-toy", 0, 4, "x" * 202, "any", 1)] == [True, True, True, False, True, True]
    assert [x["is_valid"] for x in tab.check_way("large-toy", 0, "", "", "any", 1)] == [True, True, True, False, True, True]
    assert all(x["is_valid"] for x in tab.check("large-toy", 0, 4, "", "any", 1)), "nothing is by lot"


# ---- Copy or creation? ------------------------------------------------------------------------------------------------


def test_the_nearest_are_found_and_shown(spoken, tab):
    c = Checkpoint(spoken / "large-toy", "bundled")
    known = c.training_pictures()
    assert known.shape == (50, 3, 32, 32)
    assert nearest(known[[7, 3]], known)[1].tolist() == [[7], [3]]
    other = known[[7]].flip(3)
    by_hand = ((known.float() - other.float()) ** 2).flatten(1).sum(1).argsort()[:3]
    assert nearest(other, known, 3)[1].tolist() == [by_hand.tolist()]
    assert "8 pictures that were drawn" in resembling(c, known[:20])
    assert resembling(Checkpoint(spoken / f"{TOLD[0]}-toy", "bundled"), known[:2]) == ""


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f, c: c["training_pictures"].update(count=10_001), "10001 of 32 pixels are not 1 to 10,000"),
        (lambda f, c: c["training_pictures"].update(side=33), "50 of 33 pixels are not"),
        (lambda f, c: c["training_pictures"].update(count="x"), "'x' is not a whole number"),
        (lambda f, c: (f / "training.webp").write_bytes(png(Image.new("RGB", (9000, 9000)))), r"\(9000, 9000\) pixels"),
        (lambda f, c: (f / "training.webp").write_bytes(png(Image.new("L", (256, 224)))), "not a picture in colour"),
        (lambda f, c: (f / "training.webp").write_bytes(b"nothing"), "not a picture that can be read"),
    ],
)
def test_a_spoilt_sheet_is_refused_before_it_is_decoded(spoken, tmp_path, spoil, said):
    folder = tmp_path / "large-toy"
    save(play.network("large-toy")[1], folder, "large-toy")
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
    assert told(capsys, *run)[0] == 0
    assert told(capsys, "export", tmp_path / "run")[0] == 0
    c = Checkpoint(tmp_path / "weights" / f"{name}-fake", "folder")
    c.verify()
    assert c.config["training_pictures"] == {"count": 256, "side": 16}
    from ganzoo import data

    kept, real = c.training_pictures().float(), data.load("fake").image.float()
    near = torch.cdist(kept.flatten(1), real.flatten(1)).argmin(1)
    assert near.tolist() == [*range(256)], "in their order, and recognisable"


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


# ---- In the page ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["large-toy", f"{TOLD[0]}-toy"])
def test_what_a_link_leaves_out_is_what_the_boxes_say_first(spoken, name):
    with gr.Blocks():
        tab = WordsTab([Checkpoint(spoken / name, "bundled")])
    known = {k: f for k, f in fields(tab.gan.inputs).items() if k not in (AT, SHOT)}  # those are no boxes
    assert {k: box.value for k, box in tab.held.items() if k in known} == {k: f.default for k, f in known.items()}
    assert [c.value for c in tab.chips if c.visible] == ["a red apple", "a sleepy cat", "a rocket", "a ghost"]
    assert tab.into.value == "a green apple"
    assert tab.take(name, "a ghost") == ("a ghost", "a clown")


def test_a_model_without_words_has_the_general_tab(spoken, tmp_path):
    save(built(registry.MODELS[0]), tmp_path / "plain", "plain")
    assert not is_told(Checkpoint(tmp_path / "plain", "folder"))
    assert is_told(Checkpoint(spoken / "large-toy", "bundled"))


@pytest.fixture(scope="module")
def running(spoken, tmp_path_factory):
    app = App(tmp_path_factory.mktemp("words"), GANZOO_WEIGHTS_DIR=spoken)
    yield app
    app.stop()
    assert "Traceback" not in app.log.read_text()


def test_programs_are_given_one_picture(running, spoken):
    client = Client(running.url, verbose=False)
    path, said = client.predict("large-toy", 3, 4, "a blue dog", "flat", 0.5, api_name=f"/{TOLD[-1]}")
    gan = play.network("large-toy")[1]
    given = gan.draw(4, 3, text="a blue dog, flat style")
    ours = enlarge(to_uint8(gan.show(given | {"epsilon": given["epsilon"] * 0.5})))
    with Image.open(path) as shown:
        assert abs(numpy.array(shown).astype(int) - numpy.array(ours)).max() <= 1
    assert "seeds 3 to 6" in said


def test_a_visitor_says_words_and_the_link_says_them_again(running, browser, spoken):
    name = TOLD[-1]
    wrong = []

    def visit(query, width=1280):
        page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
        page.set_default_timeout(90_000)
        page.on("pageerror", lambda e: wrong.append(str(e)))
        page.goto(running.url + query)
        page.wait_for_function("() => window.zoo && zoo.ready", polling=100)
        return page

    def sources(page):
        images = page.locator(f"#{name}-pair img")
        images.nth(1).wait_for()
        return [page.request.get(images.nth(i).get_attribute("src")).body() for i in range(2)]

    def address(page):
        return {k: v for k, v in parse_qsl(urlsplit(page.url).query, keep_blank_values=True) if k not in ("v", "tab", "w")}

    words = "a florble & <b>cat</b> é 🐶"
    page = visit(f"?tab={name}")
    plain = sources(page)
    box, into = page.locator(f"#{name}-text textarea"), page.locator(f"#{name}-into textarea")
    box.fill(words)
    page.locator(f"#{name}-heard u", has_text="florble").wait_for()
    walk = page.locator(f"#{name}-walk .scrub-picture").get_attribute("style")
    page.locator(f"#{name}-style").get_by_text("3D", exact=True).click()
    page.wait_for_function(f"x => document.querySelector('#{name}-walk .scrub-picture').getAttribute('style') !== x", arg=walk)
    page.wait_for_function(f"() => document.querySelector('#{name}-heard').innerText.includes('3d style')")
    into.fill("a dog")
    into.press("Enter")
    page.wait_for_function("() => location.search.includes('into=')")
    assert address(page) == {"text": words, "style": "3D", "into": "a dog"}
    link, drawn = urlsplit(page.url).query, sources(page)
    assert drawn != plain
    again = visit(f"?{link}")
    assert sources(again) == drawn
    assert again.locator(f"#{name}-text textarea").input_value() == words
    assert not again.locator("#zoo-notice .notice").count()
    assert not again.locator(f"#{name}-heard b").count()
    box.fill("")
    box.press("Enter")
    page.locator(f"#{name}-heard", has_text="by lot").wait_for()
    page.wait_for_function("() => new URLSearchParams(location.search).get('text') === ''")
    nothing = visit(f"?{urlsplit(page.url).query}", width=375)
    assert nothing.locator(f"#{name}-text textarea").input_value() == ""
    assert "by lot" in nothing.locator(f"#{name}-heard").inner_text()
    assert nothing.evaluate("document.documentElement.scrollWidth") <= 375
    spoilt = visit(f"?tab={name}&text={quote('x' * 250)}&style=oil&epsilon=9&into=%00")
    told = spoilt.locator("#zoo-notice [role=alert]").inner_text()
    assert all(f"{k}=" in told for k in ("text", "style", "epsilon", "into"))
    assert spoilt.locator(f"#{name}-text textarea").input_value() == "a red apple"
    assert wrong == []


def test_an_untrained_model_says_what_data_to_train_it_on():
    for name in registry.MODELS:
        with gr.Blocks() as page:
            untrained(registry.spec(name))
        (said,) = [b.value for b in page.blocks.values() if isinstance(b, gr.Markdown)]
        assert f"python -m ganzoo train {name} --data {'emoji' if name in TOLD else 'mnist'} " in said
