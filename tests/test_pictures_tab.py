"""The tabs of models that make pictures of pictures, in a browser: drawn, brought along, and made large."""

from __future__ import annotations

import io
import struct

import pytest
import torch
from conftest import App, here, tiny
from PIL import Image

from ganzoo.ui import upload
from ganzoo.ui.views.growth import grown
from ganzoo.ui.views.round_trip import lost

TURNED = {0x0112: 6}  # EXIF: held upright


@pytest.fixture(scope="module")
def opened(tmp_path_factory, browser):
    """Open a link in a page of its own, on tiny checkpoints -> (the page, its tab); afterwards nothing may have gone wrong."""
    root = tmp_path_factory.mktemp("pictures")
    for model, more in {"pix2pix": (), "srgan": (), "cyclegan": (), "progan": ("--start", 4, "--pace", 1)}.items():
        here("train", model, "--data", "fake", "--steps", 1, "--out", root / model, "--quiet", *tiny(model), *more)
        here("export", root / model, GANZOO_WEIGHTS_DIR=root / "weights")
    with App(root / "app", GANZOO_WEIGHTS_DIR=root / "weights") as app:
        context, wrong = browser.new_context(viewport={"width": 1280, "height": 1100}), []

        def open_(query):
            page = context.new_page()
            page.on("pageerror", lambda e: wrong.append(str(e)))
            page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
            page.folder = app.log.parent
            page.goto(app.url + query)
            tab = query.partition("tab=")[2].partition("&")[0]
            page.wait_for_selector(f"#{tab}-pair img")
            page.wait_for_selector(f"#{tab}-info [data-revision]", state="attached")
            return page, tab

        yield open_
        context.close()
        assert wrong == []


def shown(page, tab, other_than=""):
    """The addresses of the pictures of the slider, once they are other ones."""
    both = f"[...document.querySelectorAll('#{tab}-pair img')].map((e) => e.src).join(' ')"
    page.wait_for_function(f"{both} && {both} !== {other_than!r}")
    return page.evaluate(both)


def stroke(page, tab, points):
    canvas = page.locator(f"#{tab}-source-drawing canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point)
    page.mouse.up()


def test_a_drawing_is_answered_travels_in_the_link_and_gives_way_to_an_example(opened):
    page, tab = opened("?v=2&tab=pix2pix")
    first = shown(page, tab)
    stroke(page, tab, [(0.2, 0.2), (0.8, 0.3), (0.5, 0.8)])
    drawn = shown(page, tab, first)
    page.wait_for_function("location.search.includes('source_drawing=')")
    link = page.evaluate("location.search")
    stroke(page, tab, [(0.1, 0.9), (0.9, 0.9)])
    more = shown(page, tab, drawn)
    page, tab = opened(link)
    page.wait_for_function(f"[...document.querySelectorAll('#{tab}-pair img')].map((e) => e.src).join(' ') === {drawn!r}")
    ink = f"document.querySelector('#{tab}-source-drawing canvas').getContext('2d').getImageData(0, 0, 280, 280).data"
    assert page.evaluate(f"[...{ink}].filter((v, i) => i % 4 === 0 && v < 99).length") > 500, "the strokes are there again"
    page.locator(f"#{tab}-source label", has_text="3").first.click()
    assert shown(page, tab, drawn) not in (more, drawn)
    page.wait_for_function("location.search.includes('source=3') && !location.search.includes('source_drawing')")
    assert page.evaluate(f"[...{ink}].every((v) => v === 255)"), "the pad is empty again"


def encoded(kind, size=(40, 20), mode="RGB", **options):
    picture = Image.new(mode, size, {"RGB": (200, 30, 30), "CMYK": (0, 200, 200, 30), "I;16": 65535}.get(mode))
    buffer = io.BytesIO()
    if "exif" in options:
        exif = Image.Exif()
        exif.update(options["exif"])
        options["exif"] = exif
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="red"/></svg>'
GIF = encoded("GIF", save_all=True, append_images=[Image.new("RGB", (40, 20), "blue")])
WHOLE = encoded("PNG")
HUGE = WHOLE[:16] + struct.pack(">II", 20_000, 20_000) + WHOLE[24:]
GOOD = {  # name -> its bytes, and the size of what is made of it, four times as large
    "wide.png": (WHOLE, (160, 80)),
    "large.jpg": (encoded("JPEG", (600, 300)), (512, 256)),
    "turned.jpg": (encoded("JPEG", exif=TURNED), (80, 160)),
    "print.jpg": (encoded("JPEG", mode="CMYK"), (160, 80)),
    "deep.png": (encoded("PNG", mode="I;16"), (160, 80)),
    "moving.gif": (GIF, (160, 80)),
    "drawing.svg": (SVG, (160, 80)),
    "point.png": (encoded("PNG", (1, 1)), (4, 4)),
}
BAD = {"broken.png": WHOLE[:40], "huge.png": HUGE, "words.png": b"<html>", "empty.jpg": b""}


def bring(page, tab, name, content):
    kind = "image/svg+xml" if name.endswith("svg") else "image/png"
    page.locator(f"#{tab}-source-upload input").set_input_files([{"name": name, "mimeType": kind, "buffer": content}])


def test_a_picture_of_ones_own_is_answered_or_refused_in_one_line_and_no_file_is_made_of_it(opened):
    page, tab = opened("?v=2&tab=srgan")
    before, folder = shown(page, tab), page.folder
    kept = {p for p in folder.rglob("*") if p.is_file()}
    for name, (content, size) in GOOD.items():
        bring(page, tab, name, content)
        before = shown(page, tab, before)
        is_size = f"(e) => e.complete && e.naturalWidth * {size[1]} === e.naturalHeight * {size[0]}"
        page.wait_for_function(f"[...document.querySelectorAll('#{tab}-pair img')].every({is_size})")
    said, thumbnail = page.locator(f"#{tab}-source-upload p"), page.locator(f"#{tab}-source-upload img")
    last = thumbnail.get_attribute("src")
    assert last.startswith("data:image/png;base64,")
    for name, content in BAD.items():
        bring(page, tab, name, content)
        page.wait_for_function(f"document.querySelector('#{tab}-source-upload p').innerText.startsWith({name!r})")
        assert said.inner_text() == f"{name} is no picture that this browser can open; choose a PNG, a JPEG or a WebP."
    assert thumbnail.get_attribute("src") == last, "the last good one stays"
    made = {p for p in folder.rglob("*") if p.is_file()} - kept
    assert made
    assert all(p.parent.name.startswith("fleeting-") for p in made), "of what it answered; these go in less than a minute"
    assert upload.SECONDS < 60
    assert "data:" not in page.url
    before = shown(page, tab)
    page.locator(f"#{tab}-source-upload .upload-remove").click()
    shown(page, tab, before)
    assert "GAN" in page.locator(f"#{tab}-ways-said").inner_text()
    page.wait_for_selector(f"#{tab}-ways img")


def test_who_goes_there_comes_back_and_sees_what_was_lost(opened):
    page, tab = opened("?v=2&tab=cyclegan&n=3")
    size = "e => [e.naturalWidth, e.naturalHeight]"
    strip = page.locator(f"#{tab}-back img")
    strip.wait_for()
    width, height = strip.evaluate(size)
    assert 1.2 < width / height < 1.45, "four columns of three rows"
    source, other = torch.full((1, 3, 2, 2), 200, dtype=torch.uint8), torch.full((1, 3, 2, 2), 200, dtype=torch.uint8)
    other[0, 1, 0, 0] = 190
    assert lost(source, other)[0, :, 0].tolist() == [[225, 255]] * 3


def test_a_grown_picture_is_seen_growing(opened):
    page, tab = opened("?v=2&tab=progan")
    page.wait_for_selector(f"#{tab}-growth .scrub-picture")
    range_ = page.locator(f"#{tab}-growth input[type=range]")
    page.wait_for_function(f"document.querySelector('#{tab}-growth input[type=range]').max > 3")
    range_.fill("0")
    assert "4 pixels" in page.locator(f"#{tab}-growth").inner_text()
    stages = [torch.zeros(1, 1, 4, 4, dtype=torch.uint8), torch.full((1, 1, 8, 8), 100, dtype=torch.uint8)]
    shown, captions = grown(stages)
    assert [x.unique().tolist() for x in shown] == [[0], [25], [50], [75], [100]]
    assert captions[-2:] == ["8 pixels, faded in by 75 %", "8 pixels"]
