"""The laboratory in a real browser: a preset trains, a link plays the same training again, a keyboard is enough."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

CAUGHT = r"Step ([\d,]+): (\d+) of 8 modes caught"
STEP = """(least) => {
  const said = /Step ([\\d,]+):/.exec(document.querySelector('.lab-status')?.textContent);
  return said && Number(said[1].replace(',', '')) >= least;
}"""
TRAINS = {"timeout": 240_000, "polling": 200}


def opened(page):
    page.locator("#tab-lab-button").click()
    page.locator(".lab-plane").wait_for()
    page.wait_for_function("() => zoo.ready")
    return page


def pixels(page):
    """What the plane shows: its bytes."""
    return page.locator(".lab-plane").evaluate("(canvas) => canvas.toDataURL()")


def test_a_preset_trains_and_its_link_plays_the_same_training(visit, browser):
    page = opened(visit())
    empty = pixels(page)
    page.get_by_role("button", name="Packing mends it").click()
    page.wait_for_function(STEP, arg=40, **TRAINS)
    assert page.get_by_role("button", name="Packing mends it").get_attribute("aria-pressed") == "true"
    assert "give themselves away" in page.locator(".lab-look").inner_text()
    page.get_by_role("button", name="Pause").click()
    page.wait_for_function("() => document.querySelector('.lab-play').textContent.includes('Play')", **TRAINS)
    assert pixels(page) != empty
    assert "remedy=packing" in page.url
    link = page.url
    calm = visit("?" + link.partition("?")[2])  # by somebody who asked for less motion
    calm.locator(".lab-plane").wait_for()
    assert calm.locator("select[name=remedy]").input_value() == "packing"
    calm.wait_for_timeout(500)
    assert calm.locator("#lab .lab-status").inner_text() == "Press play."
    calm.get_by_role("button", name="Play").click()
    calm.wait_for_function(STEP, arg=1, **TRAINS)
    context = browser.new_context(reduced_motion="no-preference")
    other = context.new_page()
    other.goto(link)
    other.wait_for_function(STEP, arg=1, **TRAINS)  # it plays by itself
    context.close()


def test_steps_by_hand_are_the_same_each_time(visit):
    def after_three(query):
        page = visit(query)
        page.locator(".lab-plane").wait_for()
        page.wait_for_function("() => zoo.ready")
        for i, name in enumerate(("the discriminator", "the generator", "both"), 1):
            page.get_by_role("button", name=name, exact=True).click()
            page.wait_for_function(STEP, arg=i, **TRAINS)
        return page.locator(".lab-plane").get_attribute("aria-label"), pixels(page)

    first, again = (after_three("?v=2&tab=lab") for _ in range(2))
    assert re.search(CAUGHT, first[0])
    assert first == again


def test_what_a_link_says_that_is_not_allowed_is_named(visit):
    page = visit("?v=2&tab=lab&k=99&loss=<b>x</b>&bogus=1")
    said = page.locator("#lab .lab-copied")
    said.get_by_text("Not everything").wait_for()
    page.locator("#lab .lab-play").click()
    page.wait_for_function("() => document.querySelector('#lab .lab-status')?.textContent.startsWith('Step ')", **TRAINS)
    assert said.inner_text() == "Not everything in this link could be taken: loss=<b>x</b>, k=99, bogus.", "while it plays, too"
    assert page.locator("select[name=k]").input_value() == "1"
    assert not said.locator("b").count()


@pytest.mark.parametrize("width", [1280, 375])
def test_a_keyboard_is_enough_and_nothing_is_wider_than_the_page(visit, width):
    page = opened(visit(width=width))
    page.locator("#lab").get_by_role("button", name="Start again").focus()
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.className") == "lab-play"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    violations = Axe().run(page, context="#lab").response["violations"]
    assert [v for v in violations if v["impact"] in ("serious", "critical")] == []
