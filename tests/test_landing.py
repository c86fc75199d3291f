"""The landing view, and what visitors stumbled over, in a real Chromium."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from support.links import TABS
from support.pages import changed


def test_a_card_opens_its_tab_and_back_leads_to_the_landing_view(visit):
    page = visit(width=375, height=812)
    cards = page.locator("#zoo-landing a[data-tab]")
    cards.first.wait_for()
    assert sorted(cards.evaluate_all("all => all.map(x => x.dataset.tab)")) == sorted([*TABS, "lab"])
    assert page.locator("[role=tablist]:visible").bounding_box()["height"] < 60, "one row"
    last = TABS[-1]
    page.locator(f"#zoo-landing a[data-tab={last}]").focus()
    page.keyboard.press("Enter")
    page.locator(f"#{last}-picture img, #{last}-pair img").first.wait_for()
    page.wait_for_function(f"location.search.includes('tab={last}')")
    tab = page.locator(f"#tab-{last}-button").bounding_box()
    assert tab["x"] >= 0
    assert tab["x"] + tab["width"] <= 375, "the row of tabs shows the one that is open"
    page.go_back()
    cards.first.wait_for()
    assert urlsplit(page.url).query == ""


@pytest.fixture
def slow(app, browser):
    """Open the page at an address; Gradio's scripts do not come before the second value is called."""
    contexts, wrong = [], []

    def open_(query, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page, held, released = context.new_page(), [], []
        page.on("pageerror", lambda e: wrong.append(str(e)))
        page.route("**/assets/*.js", lambda route: route.continue_() if released else held.append(route))
        page.goto(app.url + query, wait_until="commit")

        def release():
            released.append(True)
            for route in held:
                route.continue_()

        return page, release

    yield open_
    for context in contexts:
        context.close()
    assert not wrong, wrong


@pytest.mark.parametrize("width", [1280, 375])
def test_the_landing_view_is_there_before_gradio_is_and_stays_where_it_was(slow, width):
    page, release = slow("", viewport={"width": width, "height": 812})
    of = "[...document.querySelectorAll('{0} a[data-tab] img')]"
    page.wait_for_function(f"(all => all.length && all.slice(0, 4).every(x => x.naturalWidth))({of.format('#zoo-cover')})")
    places = f"{of}.map(x => [x.src, Object.values(x.getBoundingClientRect().toJSON())])"
    page.wait_for_function("document.fonts.status === 'loaded'")
    first = page.evaluate(places.format("#zoo-cover"))
    titles = page.locator("#zoo-cover nav a").all_inner_texts()
    assert not page.evaluate("[...document.querySelectorAll('#zoo-cover [id]')].map(x => x.id).filter(x => x !== 'zoo-first')")
    release()
    page.wait_for_function("!document.querySelector('#zoo-cover') && window.zoo?.ready")
    then = page.evaluate(places.format("#zoo-landing"))
    assert [source for source, _ in then] == [source for source, _ in first]
    for (_, one), (_, other) in zip(first, then, strict=True):
        assert one == pytest.approx(other, abs=4)
    assert page.get_by_role("tab").filter(visible=True).all_inner_texts() == titles


def test_a_card_that_is_clicked_before_gradio_is_there_opens_its_tab(slow):
    page, release = slow("?__theme=dark")
    page.locator("#zoo-cover.dark a.card[data-tab=dcgan]").click()
    release()
    page.locator("#dcgan-picture img").first.wait_for()
    page.wait_for_function("location.search.includes('tab=dcgan')")
    assert not page.locator("#zoo-cover").count()
    page.go_back()
    page.locator("#zoo-landing a[data-tab]").first.wait_for()


def test_an_address_of_a_tab_does_not_show_the_landing_view_first(slow):
    page, release = slow("?v=2&tab=dcgan")
    page.wait_for_function("document.readyState !== 'loading'")
    assert not page.locator("#zoo-cover").count()
    release()
    page.locator("#dcgan-picture img").first.wait_for()


def test_a_model_is_found_by_its_name_its_author_or_its_year(visit):
    page = visit()
    cards, box = page.locator("#zoo-landing a[data-tab]"), page.locator("#zoo-search")
    cards.first.wait_for()
    box.fill("radford 2015")
    assert page.locator("#zoo-landing a[data-tab]:visible").evaluate_all("all => all.map(x => x.dataset.tab)") == ["dcgan"]
    box.fill("nobody's")
    page.get_by_text("No model of that name").wait_for()
    box.fill("infogan")
    box.press("Enter")
    page.locator("#infogan-picture img").wait_for()
    assert box.input_value() == ""
    box.fill("2016")
    box.press("Enter")  # several
    cards.first.wait_for(state="hidden")
    assert page.locator("#zoo-landing a[data-tab]:visible").count() > 1


def test_who_is_quicker_than_the_page_comes_back_to_the_landing_view(visit):
    page = visit()
    card = page.locator("#zoo-landing a[data-tab=dcgan]")
    card.wait_for()
    page.evaluate("() => { zoo.ready = false; zoo.reason = 'visit' }")  # as before the address has been read
    card.click()
    page.locator("#dcgan-picture img").first.wait_for()
    page.evaluate("() => zoo.start()")
    page.wait_for_function("location.search.includes('tab=dcgan')")
    page.go_back()
    card.wait_for()


def test_the_picture_stays_in_sight_while_its_controls_are_used(visit):
    page = visit("?v=2&tab=infogan", width=375, height=812)
    image = page.locator("#infogan-picture img")
    image.wait_for()
    assert image.bounding_box()["y"] < 480
    page.locator("#infogan-go").scroll_into_view_if_needed()
    box = image.bounding_box()
    assert 0 <= box["y"] < 40
    for part in ("infogan-go", "infogan-dice", "infogan-n", "infogan-c2", "infogan-c3"):
        assert page.locator(f"#{part}").bounding_box()["height"] >= 40


def test_how_many_by_keys_typed_and_reset_draws_anew(visit):
    page = visit("?v=2&tab=dcgan")
    image, typed = page.locator("#dcgan-picture img"), page.locator("#dcgan-n input[type=number]")
    image.wait_for()
    shown = image.get_attribute("src")
    page.locator("#dcgan-n input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    shown = changed(page, "dcgan", shown)
    assert "seeds 0 to 16" in page.locator("#dcgan-info").inner_text()
    typed.fill("9")
    shown = changed(page, "dcgan", shown)
    assert "seeds 0 to 8" in page.locator("#dcgan-info").inner_text()
    page.locator("#dcgan-n [data-testid=reset-button]").click()
    changed(page, "dcgan", shown)
    page.wait_for_function("document.querySelector('#dcgan-info').innerText.includes('seeds 0 to 15')")
    typed.fill("900")
    page.get_by_text("900 is not a number from 1 to 64; it is 64 now").first.wait_for()
    page.wait_for_function("document.querySelector('#dcgan-n input[type=number]').value === '64'")


def test_a_caption_that_is_left_is_drawn(visit):
    page = visit("?v=2&tab=gan_cls")
    image, box = page.locator("#gan_cls-picture img"), page.locator("#gan_cls-text textarea, #gan_cls-text input")
    image.wait_for()
    before = image.get_attribute("src")
    box.fill("a pink heart")
    box.blur()
    changed(page, "gan_cls", before)
