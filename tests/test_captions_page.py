"""The page of a model that draws from captions, with tiny networks that were taught nothing, in a real browser."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlsplit

import gradio as gr
import numpy
import pytest
from conftest import App
from gradio_client import Client
from PIL import Image
from support import captions as shared
from support.captions import TOLD, built, control, view
from support.pages import strip_of

from ganzoo import registry
from ganzoo.checkpoint.folder import Checkpoint
from ganzoo.images import to_uint8
from ganzoo.ui import inference
from ganzoo.ui.controls import CONTROLS
from ganzoo.ui.fields import AT, SHOT
from ganzoo.ui.landing import untrained
from ganzoo.ui.permalink import fields
from ganzoo.ui.pictures import enlarge
from ganzoo.ui.tab import Tab
from ganzoo.ui.views import VIEWS
from ganzoo.ui.views.captions import Captions

spoken, tab = shared.spoken, shared.tab  # fixtures


@pytest.mark.parametrize("name", ["large-toy", f"{TOLD[0]}-toy"])
def test_what_a_link_leaves_out_is_what_the_boxes_say_first(spoken, name):
    with gr.Blocks():
        tab = Tab([Checkpoint(spoken / name, "bundled")], VIEWS, CONTROLS)
    known = {k: f for k, f in fields(tab.gan.inputs).items() if k not in (AT, SHOT)}  # those are no boxes
    assert {k: box.value for k, box in tab.boxes.items() if k in known} == {k: f.default for k, f in known.items()}
    assert [c.value for c in control(tab).chips if c.visible] == ["a red apple", "a sleepy cat", "a rocket", "a ghost"]
    assert view(tab, Captions).into.value == "a green apple"
    assert control(tab).take(name, "a ghost") == ["a ghost", "a clown"]


def test_views_and_controls_are_chosen_by_what_a_model_is_fed(spoken, tab):
    plain = built(registry.MODELS[0])
    assert [x.__name__ for x in VIEWS if x.fits(plain)] == ["Samples", "Closer", "Game", "Walk", "Timeline", "Facts"]
    assert [type(x).__name__ for x in tab.views] == ["Samples", "Closer", "Game", "Captions", "Nearest", "Timeline", "Facts"]
    assert [*tab.control_boxes] == ["text", "style", "epsilon"]


@pytest.fixture(scope="module")
def running(spoken, tmp_path_factory):
    app = App(tmp_path_factory.mktemp("words"), GANZOO_WEIGHTS_DIR=spoken)
    yield app
    app.stop()
    assert "Traceback" not in app.log.read_text()


def test_programs_are_given_one_picture(running, spoken):
    client = Client(running.url, verbose=False, httpx_kwargs={"timeout": 240})
    path, said = client.predict("large-toy", 3, 4, "a blue dog", "flat", 0.5, api_name=f"/{TOLD[-1]}")
    gan = inference.load("large-toy")[1]
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
    page.locator(f"#{name}-reading u", has_text="florble").wait_for()
    strip_of(page, f"{name}-walk")
    walk = page.locator(f"#{name}-walk .scrub-picture").get_attribute("style")
    page.locator(f"#{name}-style").get_by_text("3D", exact=True).click()
    page.wait_for_function(f"x => document.querySelector('#{name}-walk .scrub-picture').getAttribute('style') !== x", arg=walk)
    page.wait_for_function(f"() => document.querySelector('#{name}-reading').innerText.includes('3d style')")
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
    assert not again.locator(f"#{name}-reading b").count()
    box.fill("")
    box.press("Enter")
    page.locator(f"#{name}-reading", has_text="by lot").wait_for()
    page.wait_for_function("() => new URLSearchParams(location.search).get('text') === ''")
    nothing = visit(f"?{urlsplit(page.url).query}", width=375)
    assert nothing.locator(f"#{name}-text textarea").input_value() == ""
    assert "by lot" in nothing.locator(f"#{name}-reading").inner_text()
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
        assert f"python -m ganzoo train {name} --data {registry.spec(name).data} " in said
