"""What a visit costs: bytes on the wire, counted by Chromium; and what is not made before it is asked for."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from conftest import REPO
from gradio import image_utils
from PIL import Image
from support.links import GANS, TABS
from support.pages import strip_of

from ganzoo.ui.scrubber import looping_gif

FIRST_VISIT, HTML, TAB, SECOND_VISIT = 1_500_000, 400_000, 700_000, 100_000  # bytes at most
READY = "() => window.zoo && zoo.ready"


class Wire:
    """The bytes that a page is sent, by address."""

    def __init__(self, page):
        self.address, self.bytes = {}, {}
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.on("Network.responseReceived", lambda e: self.address.update({e["requestId"]: e["response"]["url"]}))
        network.on("Network.loadingFinished", self.finished)

    def finished(self, event):
        address = self.address.get(event["requestId"], "")
        self.bytes[address] = self.bytes.get(address, 0) + event["encodedDataLength"]

    def taken(self):
        """What came since the last call."""
        now, self.bytes = self.bytes, {}
        return now


def pictures_of(page, name):
    page.locator(f"#{name}-picture img, #{name}-pair img").first.wait_for(timeout=60_000)
    page.wait_for_function(
        f"[...document.querySelectorAll('#{name}-picture img, #{name}-pair img')].every((i) => i.naturalWidth > 0)"
    )


def test_a_first_visit_every_tab_and_a_second_visit_are_light(app, browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    wire = Wire(page)
    page.goto(app.url)
    page.wait_for_function(READY)
    page.locator("#zoo-landing img").first.wait_for()
    page.wait_for_timeout(1000)
    first = wire.taken()
    assert sum(first.values()) <= FIRST_VISIT, first
    assert first[app.url] <= HTML
    for name in TABS:
        page.locator(f"#tab-{name}-button").click()
        pictures_of(page, name)
        page.wait_for_timeout(500)
        opened = wire.taken()
        assert sum(opened.values()) <= TAB, (name, opened)
    assert not page.locator("[src^='data:image/png'], [style*='base64']").count()
    page.goto("about:blank")
    wire.taken()
    page.goto(app.url)
    page.wait_for_function(READY)
    page.locator("#zoo-landing img").first.wait_for()
    page.wait_for_timeout(1000)
    again = wire.taken()
    assert sum(again.values()) - again[app.url] <= SECOND_VISIT, again
    context.close()


@pytest.mark.stopwatch
def test_a_tab_that_somebody_opened_is_there_at_once_for_the_next(app, bare, browser):
    name = TABS[-1]
    milliseconds = []
    for _ in range(4):  # the first one draws it
        page = browser.new_page()
        page.goto(app.url)
        page.wait_for_function(READY)
        start = time.monotonic()
        page.locator(f"#tab-{name}-button").click()
        pictures_of(page, name)
        milliseconds.append(1000 * (time.monotonic() - start))
        page.close()
    assert min(milliseconds[1:]) < 12 * bare.click(browser), milliseconds  # two round trips, and several pictures


def test_what_was_done_in_a_tab_stays_when_it_is_opened_again(app, browser):
    two, one = TABS[:2]
    page = browser.new_page()
    page.goto(app.url + f"?m={next(c.name for c in GANS if c.spec.name == one)}&seed=5")  # its tab is not named
    page.wait_for_function(READY)
    page.wait_for_function(f"document.querySelector('#{one}-info').innerText.includes('seeds 5 to')")
    page.locator(f"#tab-{two}-button").click()
    pictures_of(page, two)
    page.locator(f"#tab-{one}-button").click()
    page.wait_for_timeout(1000)
    assert "seeds 5 to" in page.locator(f"#{one}-info").inner_text()
    page.close()


def test_a_strip_is_fetched_when_it_is_scrolled_to_and_kept_for_good(app, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 120})  # so low that the timeline is far below, pictures or not
    page.goto(app.url + f"?v=2&tab={TABS[0]}")
    page.wait_for_function(READY)
    pictures_of(page, TABS[0])
    shown = page.locator(f"#{TABS[0]}-timeline .scrub-picture")
    assert "url(" not in (shown.get_attribute("style") or "")
    assert strip_of(page, f"{TABS[0]}-timeline")[:4] == b"RIFF"
    source = shown.evaluate("(e) => getComputedStyle(e).backgroundImage").removeprefix('url("').removesuffix('")')
    answer = httpx.get(source)
    assert "immutable" in answer.headers["Cache-Control"]
    assert "content-encoding" not in answer.headers
    assert httpx.get(app.url).headers["content-encoding"] in ("gzip", "br")
    page.close()


def test_the_page_is_made_once_for_each_address_that_it_is_asked_for(app):
    def root(**headers):
        page = httpx.get(app.url, headers={k.replace("_", "-"): v for k, v in headers.items()})
        assert page.status_code == 200
        return re.search(r'"root":"([^"]*)"', page.text).group(1)

    here = app.url.rstrip("/")
    assert [root(), root(x_forwarded_host="zoo.example"), root(), root(host="zoo.example")] == [
        here,
        "http://zoo.example",
        here,
        "http://zoo.example",
    ]
    assert root(x_forwarded_host="zoo.example", x_forwarded_proto="https") == "https://zoo.example"
    seconds = []
    for query in ("", "?seed=1", "?seed=2", ""):
        httpx.get(app.url + query)
        start = time.perf_counter()
        httpx.get(app.url + query).raise_for_status()
        seconds.append(time.perf_counter() - start)
    start = time.perf_counter()
    httpx.get(app.url + "?seed=new").raise_for_status()
    assert min(seconds) < (time.perf_counter() - start) / 2, "who asks again does not wait for it to be made"


def test_a_walk_is_kept_as_a_gif_when_it_is_asked_for(app, browser):
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    page.goto(app.url + f"?v=2&tab={TABS[0]}")
    page.wait_for_function(READY)
    strip_of(page, f"{TABS[0]}-walk")
    with page.expect_download() as download:
        page.locator(f"#{TABS[0]}-walk .scrub-keep").click()
    assert download.value.suggested_filename.endswith("-0-1.gif")
    assert download.value.path().read_bytes()[:6] == b"GIF89a"
    context.close()


def test_a_picture_that_is_drawn_again_is_not_written_again(tmp_path, monkeypatch):
    """It may be on its way to somebody: half of it would arrive."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    image = Image.new("L", (8, 8), 7)
    path = Path(image_utils.save_image(image, cache_dir=str(tmp_path), format="png"))
    file = path.stat().st_ino
    path.write_bytes(path.read_bytes() + b"mark")
    assert image_utils.save_image(image, cache_dir=str(tmp_path), format="png") == str(path)
    assert path.read_bytes().endswith(b"mark")
    assert path.stat().st_ino == file


@pytest.mark.parametrize(
    "asked",
    [
        None,
        {},
        {"strip": "../../etc", "frames": 2, "delay": 60},
        {"strip": "/etc", "frames": 2, "delay": 60},
        {"strip": "0" * 64, "frames": 2, "delay": 60},
        {"strip": ["0" * 64], "frames": 2, "delay": 60},
    ],
)
def test_a_gif_is_made_of_no_other_file(asked):
    with pytest.raises(Exception, match="the walk is not kept any more"):
        looping_gif(asked)


def test_nothing_is_loaded_or_drawn_before_somebody_comes():
    code = (
        "from ganzoo.ui import inference, first\n"
        "from ganzoo.ui.app import build\n"
        "build()\n"
        "print(len(inference._loaded), len(first._kept))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPO)
    assert done.stdout.split() == ["0", "0"], done.stderr


def test_a_small_crowd_is_served(app):
    asked = ["--visitors", "4", "--minutes", "0.1", "--think", "0.2", "1", "--ramp", "1", "--url", app.url]
    done = subprocess.run([sys.executable, "tests/load.py", *asked], capture_output=True, text=True, cwd=REPO)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["errors"] == {}
    assert found["pages_s"]["n"] == 4
    assert found["draws_s"]["n"] >= 4
    assert 10 < found["kB_per_visit"] < 5000
