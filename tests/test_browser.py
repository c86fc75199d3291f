"""The app as a visitor meets it, in a real Chromium: pictures, sliders, keys, small screens, light and dark."""

from __future__ import annotations

import io
import itertools
import statistics
import time
from urllib.parse import urlsplit

import numpy
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from support.links import GANS, KINDS, TABS
from support.pages import changed, having, open_tab, picture, shown_in, strip_of

import ganzoo
from ganzoo import registry
from ganzoo.images import to_uint8
from ganzoo.inputs import Choice, Code
from ganzoo.ui import texts
from ganzoo.ui.curves import losses
from ganzoo.ui.views.facts import Facts

TOLD = {c.spec.name for c in GANS if any(x["type"] in ("Text", "Picture") for x in c.config["inputs"])}
# See test_captions_tab.py and test_pictures_tab.py.
WALKS = {c.spec.name for c in GANS if any(x["type"] == "Noise" for x in c.config["inputs"])}


def test_headings_have_all_letters_of_their_font(visit):
    page = visit()
    page.evaluate("document.fonts.ready.then(() => null)")
    family, weight = page.evaluate("[getComputedStyle(document.querySelector('h1'))].map(s => [s.fontFamily, s.fontWeight])[0]")
    measure = """([font, letters]) => { const c = document.createElement('canvas').getContext('2d'); c.font = font;
        return [...letters].map(x => c.measureText(x).width) }"""
    letters = "ABGNSaegnoz1789"
    first = family.split(",")[0]
    ours, others = (page.evaluate(measure, [f"{weight} 40px {f}", letters]) for f in (f"{first}, monospace", "monospace"))
    assert len(set(others)) == 1
    assert [x for x, a, b in zip(letters, ours, others, strict=True) if a == b] == [], "which would be in another font"


def test_every_loss_term_of_every_checkpoint_has_a_colour(visit):
    """A plot has colours for the terms that it begins with alone; other checkpoints of the tab may have others."""
    name = max(TABS, key=lambda tab: len({frozenset(losses(Facts.log(c.name))["term"]) for c in GANS if c.spec.name == tab}))
    page = visit()
    open_tab(page, name)
    page.locator(f"#tab-{name}").get_by_text("Loss curves").click()
    lines = page.locator(f"#{name}-losses .mark-line path")
    lines.first.wait_for()
    seen = set()
    for c, label in zip([c for c in GANS if c.spec.name == name], page.locator(f"#{name}-checkpoint label").all(), strict=True):
        label.click()
        page.locator(f"#{name}-info", has_text=c.revision).wait_for()
        page.wait_for_timeout(3000)
        drawn = lines.evaluate_all("all => all.map(x => [x.ariaLabel.split('term: ')[1], x.getAttribute('stroke')])")
        assert all(stroke for _, stroke in drawn), drawn
        assert len({stroke for _, stroke in drawn}) == len(drawn), drawn
        seen.add(tuple(sorted(term for term, _ in drawn)))
    assert len(seen) > 1, "they have different terms"


@pytest.mark.stopwatch
def test_pictures_are_there_about_as_soon_as_a_bare_page_would_be(app, bare, browser):
    ours, theirs = [], []
    for _ in range(3):
        page, milliseconds = bare.opened(browser)
        theirs.append(milliseconds)
        page.close()
        page, start = browser.new_page(), time.monotonic()
        page.goto(app.url, wait_until="commit")
        page.wait_for_function("document.querySelector(':is(#zoo-cover, #zoo-landing) img')?.naturalWidth > 0", polling="raf")
        ours.append(1000 * (time.monotonic() - start))
        page.close()
    assert min(ours) < 3 * min(theirs), (ours, theirs)


def test_a_tab_shows_its_own_pictures_large_and_crisp(visit):
    page = visit()
    for name in (t for t in KINDS if t not in TOLD):
        open_tab(page, name)
        checkpoint = next(c for c in GANS if c.spec.name == name)
        gan = ganzoo.load(checkpoint.name)
        images = to_uint8(gan.sample(16, seed=0, **{x.name: 0 for x in gan.inputs if isinstance(x, Code)}))
        shown, side = picture(page, name), images.shape[-1]
        scale = 1120 // (4 * side)
        assert abs(shown[: side * scale : scale, : side * scale : scale].astype(int) - images[0, 0].numpy()).max() <= 1
        image = page.locator(f"#{name}-picture img")
        assert image.evaluate("x => x.naturalWidth >= x.width"), "only ever made smaller by the browser, never blurred"
        assert image.bounding_box()["width"] >= 400
        assert checkpoint.revision in page.locator(f"#{name}-info").inner_text()


def test_seed_dice_count_and_button_draw_anew(visit):
    page = visit()
    for name in (t for t in KINDS if t not in TOLD):
        open_tab(page, name)
        image = page.locator(f"#{name}-picture img")
        first = image.get_attribute("src")
        page.locator(f"#{name}-dice").click()
        second = changed(page, name, first)
        seed = int(page.locator(f"#{name}-seed input").input_value())
        assert f"seeds {seed} to" in page.locator(f"#{name}-info").inner_text()
        page.locator(f"#{name}-seed input").fill("0")
        page.locator(f"#{name}-go").click()
        changed(page, name, second)
        page.wait_for_function(f"document.querySelector('#{name}-info').innerText.includes('seeds 0 to 15')")


def test_dragging_a_scrubber_shows_another_frame_at_once(visit):
    page = visit()
    for name, part in itertools.product(KINDS, ["walk", "timeline"]):
        if part == "walk" and name not in WALKS:
            continue
        open_tab(page, name)
        stage, slider = page.locator(f"#{name}-{part} .scrub-picture"), page.locator(f"#{name}-{part} input[type=range]")
        stage.scroll_into_view_if_needed()
        page.locator(f"#{name}-{part} [data-ready]").wait_for()  # its script runs
        said = page.locator(f"#{name}-{part} figcaption")
        seen = set()
        for i in (0, 3, 7):
            slider.fill(str(i))
            seen.add((stage.evaluate("x => getComputedStyle(x).backgroundPosition"), said.inner_text()))
        assert len(seen) == 3
        assert stage.bounding_box()["width"] >= 250


def test_walk_frames_are_the_networks_own(visit):
    name, checkpoint = TABS[0], next(c for c in GANS if c.spec.name == TABS[0])
    page = visit()
    open_tab(page, name)
    strip = strip_of(page, f"{name}-walk")
    strip = numpy.array(Image.open(io.BytesIO(strip)).convert("L")).astype(int)
    images = to_uint8(ganzoo.load(checkpoint.name).sample(2, seed=0))[:, 0].numpy()
    side = images.shape[-1]
    assert abs(strip[:, :side] - images[0]).max() <= 1
    assert abs(strip[:, -side:] - images[1]).max() <= 1


def test_play_moves_and_pauses(visit):
    page = visit()
    open_tab(page, TABS[0])
    button, slider = (page.locator(f"#{TABS[0]}-walk {s}") for s in (".scrub-play", "input[type=range]"))
    before = slider.input_value()
    button.click()
    page.wait_for_timeout(400)
    assert slider.input_value() != before
    button.click()
    at = slider.input_value()
    page.wait_for_timeout(300)
    assert slider.input_value() == at


def test_another_data_set_changes_everything_it_should(visit):
    name = next((t for t in TABS if sum(c.spec.name == t for c in GANS) > 1), None)
    if name is None:
        pytest.skip("no model has two checkpoints yet")
    page = visit()
    open_tab(page, name)
    second = [c for c in GANS if c.spec.name == name][1]
    before = page.locator(f"#{name}-picture img").get_attribute("src")
    strip_of(page, f"{name}-walk")
    walk = page.locator(f"#{name}-walk .scrub-picture").get_attribute("style")
    page.locator(f"#{name}-checkpoint").get_by_text(second.config["data"]["title"], exact=True).click()
    changed(page, name, before)
    page.wait_for_function(f"document.querySelector('#{name}-info').innerText.includes('{second.revision}')")
    page.get_by_role("button", name=texts.EXPERTS).click()
    page.wait_for_function(
        f"document.querySelector('#{name}-facts')?.innerText.includes({second.config['data']['source'][:30]!r})"
    )
    page.wait_for_function(f"x => document.querySelector('#{name}-walk .scrub-picture').getAttribute('style') !== x", arg=walk)


def test_a_number_is_written_in_one_hand_and_letters_are_refused_at_the_control(visit):
    checkpoint = having(Choice, spelt=True)
    name = checkpoint.spec.name
    page = visit()
    open_tab(page, name)
    page.locator(f"#{name}-word img").wait_for()
    gan = ganzoo.load(checkpoint.name)
    box = page.locator(f"#{name}-text textarea, #{name}-text input").first
    before = page.locator(f"#{name}-word img").get_attribute("src")
    box.click()
    box.press("Control+A")
    box.press_sequentially("715")
    box.press("Enter")
    page.wait_for_function(f"x => document.querySelector('#{name}-word img').src !== x", arg=before)
    page.wait_for_function(f"document.querySelector('#{name}-word img').naturalWidth == 3 * 28 * 4")
    written = shown_in(page, f"{name}-word")
    side = gan.config.side
    scale = written.shape[0] // side
    assert written.shape[1] == 3 * side * scale
    z = gan.draw(1, 0)["z"]
    for i, digit in enumerate((7, 1, 5)):
        ours = to_uint8(gan.sample(1, seed=0, label=digit, z=z[0].tolist()))[0, 0].numpy()
        theirs = written[::scale, i * side * scale : (i + 1) * side * scale : scale].astype(int)
        assert abs(theirs - ours).max() <= 1
    box.press_sequentially("a")
    box.press("Enter")
    page.get_by_text("'a' cannot be written; there are 0 to 9").first.wait_for()


def test_every_row_is_its_own_option(visit):
    checkpoint = having(Choice)
    name = checkpoint.spec.name
    page = visit()
    open_tab(page, name)
    page.locator(f"#{name}-table img").wait_for()
    gan = ganzoo.load(checkpoint.name)
    choice = next(x for x in gan.inputs if isinstance(x, Choice))
    table, side = shown_in(page, f"{name}-table"), gan.config.side
    scale = 1600 // (10 * side)
    step = side * scale + max(1, scale // 2)
    for row in (0, 3):
        ours = to_uint8(gan.sample(1, seed=2, **{choice.name: row}))[0, 0].numpy()
        theirs = table[row * step :: scale, 2 * step :: scale][:side, :side].astype(int)
        assert abs(theirs - ours).max() <= 1


def drag(page, part, value):
    page.locator(f"#{part} input[type=range]").evaluate(
        "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})) }", value
    )


def code_tab(visit):
    """A page at the tab of the first checkpoint with a code -> page, its tab's name, its GAN, the code."""
    checkpoint = having(Code)
    gan, page = ganzoo.load(checkpoint.name), visit()
    open_tab(page, checkpoint.spec.name)
    return page, checkpoint.spec.name, gan, next(x for x in gan.inputs if isinstance(x, Code))


@pytest.mark.stopwatch
def test_dragging_a_code_redraws_at_once(visit, bare, browser):
    page, name, _, code = code_tab(visit)
    milliseconds = []
    for i in range(9):
        before = page.locator(f"#{name}-picture img").get_attribute("src")
        start = time.monotonic()
        drag(page, f"{name}-{code.name}", -0.8 + 0.15 * i)
        page.wait_for_function(
            f"x => {{ const i = document.querySelector('#{name}-picture img'); return i.src !== x && i.complete }}",
            arg=before,
            polling="raf",
        )
        milliseconds.append(1000 * (time.monotonic() - start))
        page.wait_for_timeout(100)
    assert statistics.median(milliseconds) < 6 * bare.click(browser), milliseconds


def test_of_many_positions_of_a_code_the_last_wins(visit):
    page, name, gan, code = code_tab(visit)
    for i in range(12):  # faster than it draws
        drag(page, f"{name}-{code.name}", -1 + i / 6)
    drag(page, f"{name}-{code.name}", 0.75)
    fixed = {x.name: 0 for x in gan.inputs if isinstance(x, Code)} | {code.name: 0.75}
    ours = to_uint8(gan.sample(1, seed=0, **fixed))[0, 0].numpy()
    scale = 1120 // (4 * gan.config.side)
    end = time.monotonic() + 240
    while time.monotonic() < end:
        shown = picture(page, name)[: gan.config.side * scale : scale, : gan.config.side * scale : scale].astype(int)
        if abs(shown - ours).max() <= 1:
            return
        page.wait_for_timeout(100)
    raise AssertionError("the last position did not win")


def test_a_drawing_is_read_and_drawn_anew(visit):
    checkpoint = having(Code, Choice)
    name = checkpoint.spec.name
    page = visit()
    open_tab(page, name)
    canvas = page.locator(f"#{name}-pad canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()

    def to(x, y):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=5)

    to(0.5, 0.2)
    page.mouse.down()
    to(0.5, 0.8)
    page.mouse.up()
    page.locator(f"#{name}-read img").wait_for()
    assert page.locator(f"#{name}-sure").inner_text().strip()
    seen = shown_in(page, f"{name}-read")
    assert seen[:, : seen.shape[1] // 2].max() > 200, "the drawing is on the left"
    page.wait_for_function("() => location.search.includes('drawing=')")
    other = visit(f"?{urlsplit(page.url).query}")
    open_tab(other, name)
    assert numpy.array_equal(shown_in(other, f"{name}-read"), seen), "the link says the drawing too"
    ink = f"document.querySelector('#{name}-pad canvas').toDataURL()"
    assert other.evaluate(ink) == page.evaluate(ink)
    page.locator(f"#{name}-pad .pad-clear").click()
    page.locator(f"#{name}-read img").wait_for(state="detached")


def test_a_wrong_seed_is_a_message_and_the_page_lives(visit):
    name = TABS[0]
    page = visit()
    open_tab(page, name)
    page.locator(f"#{name}-seed input").fill("-5")
    page.locator(f"#{name}-go").click()
    said = page.get_by_text("-5 is not a whole number from 0 to 4294967295; it is 0 now")
    said.first.wait_for()
    page.wait_for_timeout(2000)
    assert said.count() == 1
    assert page.locator(f"#{name}-seed input").input_value() == "0"
    page.locator(f"#{name}-seed input").fill("2")
    page.locator(f"#{name}-go").click()
    page.wait_for_function(f"document.querySelector('#{name}-info').innerText.includes('seeds 2 to 17')")


def test_tabs_by_keyboard(visit):
    page = visit()
    names = ["The zoo", registry.spec(TABS[0]).title]
    first, second = (page.get_by_role("tab", name=name, exact=True) for name in names)
    first.focus()
    page.keyboard.press("ArrowRight")
    assert second.get_attribute("aria-selected") == "true"
    page.keyboard.press("Home")
    assert first.get_attribute("aria-selected") == "true"


@pytest.mark.parametrize("width", [375, 1280])
def test_nothing_is_wider_than_the_screen(visit, width):
    page = visit(width=width)
    for name in ("zoo", *TABS):
        page.locator(f"#tab-{name}-button").click()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(visit, scheme):
    page = visit(f"?__theme={scheme}", scheme=scheme)
    page.locator("#zoo-landing img").first.wait_for()
    for name in ("zoo", TABS[0], TABS[-1]):
        if name != "zoo":
            open_tab(page, name)
        page.wait_for_timeout(500)
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
        serious = [(v["id"], n["target"]) for v in found if v["impact"] in ("serious", "critical") for n in v["nodes"]]
        assert serious == [], name


def test_what_is_known_near_to_a_word_is_offered_and_drawn(visit):
    name = "gan_cls"
    page = visit()
    open_tab(page, name)
    before = page.locator(f"#{name}-picture img").get_attribute("src")
    offered = page.locator("[role=tabpanel]:visible .chip:visible")
    assert offered.first.inner_text() == "a red apple"
    page.locator(f"#{name}-text textarea, #{name}-text input").fill("kitten")
    page.get_by_role("button", name="black cat", exact=True).click()
    changed(page, name, before)
    assert page.locator(f"#{name}-text textarea, #{name}-text input").input_value() == "black cat"
    page.locator(f"#{name}-reading").get_by_text("black cat").wait_for()
    assert "black cat" not in offered.all_inner_texts(), "it has been said"
    into = page.locator(f"#{name}-into textarea, #{name}-into input").input_value()
    assert into == offered.first.inner_text() != "a green apple", "the walk leads to what is near"
    page.locator(f"#{name}-text textarea, #{name}-text input").fill("")
    page.get_by_role("button", name="a red apple", exact=True).wait_for()
