"""The static site's pages of models that make a picture of another: an example, a drawing, or one's own, which stays there."""

from __future__ import annotations

import io
import json
import random
import shutil
from urllib.parse import parse_qsl

import numpy
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import REPO, here
from PIL import Image, ImageOps
from support import sites
from support.captions import built
from support.links import some
from support.sites import decoding, near, node, pixels, query_of, turn

import ganzoo
from ganzoo.gan import as_gan
from ganzoo.hub.pretrained import save
from ganzoo.images import FINE, to_uint8
from ganzoo.inputs import SEEDS
from ganzoo.ui import links, permalink
from ganzoo.ui.fields import ANY
from ganzoo.ui.sketch import settings, sketched

# Outlines and noise; a picture of any size, four times as large; colours. The last two draw over what they are given, and were
# taught nothing.
MOST = {"pix2pix-faces": 8, "srgan-toy": 1, "cyclegan-toy": 1}  # of 255 levels, between the browser and Python
NAMES = tuple(MOST)
DRAWN, GIVEN = "canvas[data-query*='{}']", ".pair div:first-child > canvas"
SCRIPTS = REPO / "ganzoo/site/static"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a site, two levels below what is served."""
    root = tmp_path_factory.mktemp("pictures")
    shutil.copytree(REPO / "weights" / NAMES[0], root / "weights" / NAMES[0])
    for name in NAMES[1:]:
        gan = built(name.removesuffix("-toy"), side=16, residual_output="over")
        for x in gan.pictures:
            gan.examples(x).random_(0, 256)
        save(gan, root / "weights" / name, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANZOO_WEIGHTS_DIR", str(root / "weights"))
        here("site", root / "some" / "zoo")
        yield root / "some" / "zoo"


@pytest.fixture(scope="module")
def base(site):
    with sites.serving(site) as (address, _):
        yield address


@pytest.fixture(scope="module")
def page(base, browser):
    """One for all, which has what runs networks; so low that a walk, of 48 pictures, does not come near."""
    with sites.visiting(base, browser) as open_:
        yield open_(height=500)


def gan_of(name):
    return as_gan(ganzoo.load(name))


def random_values(gan, rng):
    """What a link may say of the pictures, and what that fixes of the input."""
    (x,) = gan.pictures
    values = {"seed": rng.choice([rng.randrange(SEEDS), rng.randrange(100), SEEDS - 1]), "n": rng.randint(1, 4)}
    for key in permalink.fields(gan.inputs):
        if key.startswith(x.name) and rng.random() < 0.6:
            values[key] = some(rng, key, gan.inputs)
    if drawing := values.get(f"{x.name}_drawing"):
        return values, {x.name: sketched(drawing, x.side)}
    return values, {x.name: int(values[x.name])} if values.get(x.name, ANY) != ANY else {}


def test_links_draw_in_the_browser_what_python_draws(page, site, request):
    """--links N: so many of each. What they are made from is shown, too; and they read and write alike in both."""
    rng, queries = random.Random(3), []
    for name in NAMES:
        gan = gan_of(name)
        for _ in range(request.config.getoption("--links") or 2):
            values, fixed = random_values(gan, rng)
            queries.append(query_of(gan, values))
            turn(page, queries[-1])
            page.locator(".drawn canvas[data-query]").wait_for()
            batch = gan.draw(values["n"], values["seed"], **fixed)
            images = to_uint8(gan.show(batch))
            assert images.float().std() > 10
            assert near(pixels(page), images, MOST[name]), queries[-1]
            source = to_uint8(batch["source"])[: 1 if fixed else None]
            assert near(pixels(page, GIVEN), source, most=0), queries[-1]
    written = "{ const s = decode(q, zoo); return [s.notices, encode(s, zoo, s.weights)] }"
    code = f"const found = {json.dumps(queries)}.map((q) => {written});"
    for query, (notices, written) in zip(queries, decoding(site, code), strict=True):
        assert notices == []
        assert dict(parse_qsl(written)) | {"m": ""} == dict(parse_qsl(query)) | {"m": ""}


def test_a_drawing_is_painted_while_it_is_drawn_travels_in_the_link_and_gives_way_to_an_example(page):
    gan = gan_of(NAMES[0])
    turn(page, "?v=2&tab=pix2pix&seed=4")
    page.locator(DRAWN.format("seed=4")).wait_for()
    pad = page.locator(".pad canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in [(0.2, 0.2), (0.8, 0.3), (0.5, 0.8)]]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1])
    given = f"document.querySelector('{GIVEN}')"
    black = f"{given}.getContext('2d').getImageData(0, 0, {given}.width, {given}.height).data.filter((v) => !v).length"
    page.wait_for_function(f"() => ({black}) > 0 && document.querySelector('[data-query*=drawing]')", polling=200)
    assert "drawing" not in page.url, "it is in the address once the stroke is whole"
    page.mouse.move(*at[2])
    page.mouse.up()
    page.wait_for_function("() => location.search.includes('source_drawing=')")
    drawing = page.evaluate("new URLSearchParams(location.search).get('source_drawing')")
    page.locator(DRAWN.format(f"source_drawing={drawing}")).wait_for()
    assert near(pixels(page), to_uint8(gan.sample(1, 4, source=sketched(drawing, 64))))
    page.get_by_role("radio", name="example 3", exact=True).check(force=True)
    page.locator(DRAWN.format("source=3")).wait_for()
    assert "drawing" not in page.url
    assert near(pixels(page), to_uint8(gan.sample(1, 4, source=3)))
    assert pad.evaluate("c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.every((v) => v === 255)")


def test_a_picture_of_ones_own_is_taken_as_in_python_and_never_leaves_the_browser(page):
    own = Image.fromarray(numpy.random.default_rng(0).integers(0, 256, (41, 60, 3), numpy.uint8)).resize((45, 31))
    own.save(file := io.BytesIO(), "PNG")
    asked = []
    page.on("request", lambda r: asked.append(r.url) if r.url.startswith("http") else None)

    def bring(name, raw):
        page.locator("input[type=file]").set_input_files([{"name": name, "mimeType": "image/png", "buffer": raw}])

    for name in NAMES:
        gan = gan_of(name)
        turn(page, f"?v=2&tab={gan.checkpoint.model}&source=5")
        page.locator(DRAWN.format("source=5")).wait_for()
        asked.clear()
        bring("own.png", file.getvalue())
        page.locator(".drawn canvas[data-query]:not([data-query*='source'])").wait_for()
        assert near(pixels(page), to_uint8(gan.sample(1, 0, source=own)), MOST[name])
        assert asked == []
        assert "source" not in page.url
        assert page.locator(".examples input:checked").get_attribute("value") == ANY
    bring("x.png", b"<html>")
    said = page.locator(".upload [role=status]", has_text="x.png")
    said.wait_for()
    assert said.inner_text() == "x.png is no picture that this browser can open; choose a PNG, a JPEG or a WebP."


def test_hostile_links_are_named_and_harmless(site):
    spoilt = {
        "source=16": "source=16: not one of any, 0, 1, 2",
        "source=-1": "source=-1: not one of",
        "source=<script>": "source=<script>: not one of",
        "source_drawing=A": "source_drawing=A: not a drawing: two of A-Z",
        "source_drawing=": "source_drawing=: not a drawing",
        "source_drawing=AB~~CD": "source_drawing=AB~~CD: not a drawing",
        "source_drawing=AB%20": "source_drawing=AB : not a drawing",
        f"source_drawing={'AB' * 751}": "longer than 1500 characters",
        "source_upload=data:image/png;base64,AAAA": "source_upload: this page",
    }
    queries = json.dumps([f"?v=2&tab=pix2pix&{q}" for q in spoilt] + ["?v=2&tab=cyclegan&source_drawing=AB"])
    *found, colours = decoding(site, f"const found = {queries}.map((q) => decode(q, zoo));")
    for state, said in zip(found, spoilt.values(), strict=True):
        assert [said in line for line in state["notices"]] == [True], state["notices"]
        assert (state["values"]["source"], state["values"]["source_drawing"]) == (ANY, "")
    assert "source_drawing: this page of cyclegan-toy has no such thing" in colours["notices"][0]


def test_a_drawing_and_an_upload_are_the_same_pixels_in_both():
    rng, drawings, sizes = random.Random(1), [], [(7, 9, 16), (64, 64, 64), (90, 61, 64), (300, 77, 32), (5, 200, 24)]
    inputs = gan_of(NAMES[0]).inputs
    for side in (32, 64, 96):
        drawings += [(some(rng, "source_drawing", inputs), side) for _ in range(4)]
    pictures = [numpy.random.default_rng(w).integers(0, 256, (h, w), numpy.uint8) for w, h, _ in sizes]
    asked = [(p.flatten().tolist(), *size) for p, size in zip(pictures, sizes, strict=True)]
    drawn, squares = node(
        f"import {{ middleSquare, sketched }} from {json.dumps((SCRIPTS / 'sketch.js').as_uri())};\n"
        f"const pad = {json.dumps(settings(is_sketch=True))};\n"
        f"const drawn = {json.dumps(drawings)}.map(([text, side]) => [...sketched(text, {{ side, pad }}).bytes]);\n"
        f"const squares = {json.dumps(asked)}.map(([bytes, ...sizes]) => [...middleSquare(bytes, ...sizes)]);\n"
        "const found = [drawn, squares];"
    )
    for (text, side), got in zip(drawings, drawn, strict=True):
        assert numpy.array_equal(numpy.array(got).reshape(side, side), numpy.array(sketched(text, side))), text
    for picture, (_, _, side), got in zip(pictures, sizes, squares, strict=True):
        fit = numpy.array(ImageOps.fit(Image.fromarray(picture), (side, side), FINE), int)
        assert numpy.abs(numpy.array(got).reshape(side, side) - fit).max() == 0


def test_it_fits_a_phone_and_everybody_can_use_it(page):
    page.set_viewport_size({"width": 375, "height": 500})
    turn(page, "?v=2&tab=pix2pix&source=2")
    page.locator(DRAWN.format("source=2")).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert [v for v in Axe().run(page, ".columns").response["violations"] if v["impact"] in ("serious", "critical")] == []
    low = "(e) => e.offsetParent && e.getBoundingClientRect().height < 40"
    assert (
        page.evaluate(f"[...document.querySelectorAll('article :is(button, input)')].filter({low}).map((e) => e.outerHTML)")
        == []
    )


def test_what_the_app_offers_to_other_pages_is_the_static_page(base, browser, monkeypatch):
    """Of what a tab shows, where the app knows of a static site."""
    monkeypatch.setenv("GANZOO_SITE", base + "index.html?lang=en#top")
    page = browser.new_page()
    page.set_content(f"<html><head>{links.head()}</head><body></body></html>")
    ask = "([tab, query]) => { zoo.queryByTab[tab] = query; return zoo.snippet(tab) }"
    snippet = page.evaluate(ask, ["pix2pix", "v=2&tab=pix2pix&seed=8&source=2"]).partition("\n")[0]
    address = f"{base}index.html?v=2&amp;tab=pix2pix&amp;seed=8&amp;source=2"
    assert snippet.startswith(f'<iframe src="{address}" title="ganzoo"')
    of_the_hub = page.evaluate(ask, ["pix2pix", "v=2&tab=pix2pix&m=ada/faces&seed=8"])
    assert base not in of_the_hub.partition("\n")[0]
    page.set_content(snippet)
    page.frame_locator("iframe").locator("h1", has_text="pix2pix").wait_for()
    page.context.close()
