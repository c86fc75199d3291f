"""What is asked of a page in a real browser."""

from __future__ import annotations

import hashlib
import io
import re
import time
from urllib.parse import parse_qsl, urlsplit

import numpy
import pytest
from PIL import Image

import ganzoo
from ganzoo.inputs import Code

from .links import GANS

SHOWN = ("picture", "pair", "table", "word", "read")
READY = "() => window.zoo && zoo.ready"
STRIP = "(id) => document.querySelector(`#${id} .scrub-picture`).style.backgroundImage.includes('url(')"


def open_tab(page, name):
    page.locator(f"#tab-{name}-button").click()
    page.locator(f"#{name}-picture img, #{name}-pair img").first.wait_for()


def grid_of(page, name):
    """A tab's grid: the last stage's, where there are two."""
    return page.locator(f"#{name}-picture img, #{name}-pair img").last


def picture(page, name):
    """The pixels of a tab's grid, as they are shown."""
    src = grid_of(page, name).get_attribute("src")
    return numpy.array(Image.open(io.BytesIO(page.request.get(src).body())))


def changed(page, name, before, seconds=240):
    """Wait until the grid is another one."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = grid_of(page, name).get_attribute("src")
        if now != before:
            return now
        time.sleep(0.05)
    raise AssertionError("the picture did not change")


def having(*kinds, spelt=False):
    """The first checkpoint whose model takes all these kinds of input; `spelt`: one that text can be written with."""
    for c in GANS:
        inputs = ganzoo.load(c.name).inputs
        writes = not any(isinstance(x, Code) for x in inputs) and len(c.config["config"]["classes"][0]) == 1
        if all(any(isinstance(x, kind) for x in inputs) for kind in kinds) and (writes or not spelt):
            return c
    pytest.skip("no such checkpoint yet")


def shown_in(page, part):
    src = page.locator(f"#{part} img").get_attribute("src")
    return numpy.array(Image.open(io.BytesIO(page.request.get(src).body())))


def drawn(page, name):
    """sha256 of the bytes of every picture in a tab, and of its walk, with where it stands."""
    found = {}
    page.locator(f"#{name}-picture img, #{name}-pair img").first.wait_for()
    for part in SHOWN:
        sources = [x.get_attribute("src") for x in page.locator(f"#{name}-{part} img").all()]
        if sources:
            found[part] = hashlib.sha256(b"".join(page.request.get(src).body() for src in sources)).hexdigest()
    for part in ("walk", "timeline"):
        shown = page.locator(f"#{name}-{part} .scrub-picture")
        if shown.count():
            strip = strip_of(page, f"{name}-{part}")
            found[part] = shown.evaluate("(e) => getComputedStyle(e).backgroundPosition"), hashlib.sha256(strip).hexdigest()
    return found


def strip_of(page, part):
    """The file that a row of pictures is shown from, which the page fetches when it comes near to the screen."""
    page.locator(f"#{part}").scroll_into_view_if_needed()
    page.wait_for_function(STRIP, arg=part, polling=100)
    image = page.locator(f"#{part} .scrub-picture").evaluate("(e) => getComputedStyle(e).backgroundImage")
    return page.request.get(re.fullmatch(r'url\("(.*)"\)', image).group(1)).body()


def drag(page, part, to):
    """The slider of a row of pictures, to one of them."""
    page.locator(f"#{part} [data-ready]").wait_for()
    slider = page.locator(f"#{part} input[type=range]")
    filled = (
        "([id, to]) => Number(document.querySelector(`#${id} input[type=range]`)?.max) >= to"  # its pictures may be on the way
    )
    page.wait_for_function(filled, arg=[part, to], polling=100)
    slider.evaluate(f"(e) => {{ e.value = {to}; e.dispatchEvent(new Event('input', {{bubbles: true}})) }}")


def address(page):
    return dict(parse_qsl(urlsplit(page.url).query))


def becomes(page, wanted, seconds=240):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if address(page) == wanted:
            return
        page.wait_for_timeout(50)
    assert address(page) == wanted
