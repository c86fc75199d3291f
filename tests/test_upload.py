"""A visitor's own picture: what is taken, what is refused in one line, and that nothing of it stays on the disk."""

from __future__ import annotations

import base64
import io
import os
import time

import numpy
import pytest
from PIL import Image

from ganzoo.images import from_pil
from ganzoo.ui import upload
from ganzoo.ui.fields import SKETCH, sketch
from ganzoo.ui.limits import UPLOAD
from ganzoo.ui.sketch import sketched
from ganzoo.ui.upload import as_address, fleeting, uploaded

OWN = Image.fromarray(numpy.arange(20 * 30 * 3, dtype=numpy.uint8).reshape(20, 30, 3))


def address(raw, kind="png"):
    return f"data:image/{kind};base64,{base64.b64encode(raw).decode()}"


def encoded(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def test_what_a_browser_or_a_program_sends_is_a_picture():
    assert numpy.array_equal(numpy.array(uploaded("x", as_address(OWN))), numpy.array(OWN))
    for kind in ("jpeg", "webp", "png"):
        assert uploaded("x", address(encoded(OWN, kind), kind)).size == (30, 20)
    assert uploaded("x", address(encoded(OWN.convert("CMYK"), "jpeg"), "jpeg")).mode == "CMYK"
    assert uploaded("x", address(encoded(Image.new("I;16", (1, 1)), "png"))).size == (1, 1)
    assert uploaded("x", "") is uploaded("x", None) is None


def bomb():
    """A PNG of a few bytes that says it has 400 megapixels."""
    raw = bytearray(encoded(Image.new("L", (8, 8)), "png"))
    raw[16:24] = (20_000).to_bytes(4, "big") * 2
    return bytes(raw)


@pytest.mark.parametrize(
    "value",
    [
        "cat.png",
        "/etc/passwd",
        "https://example.org/cat.png",
        "data:image/svg+xml;base64,PHN2Zy8+",
        "data:image/png;base64,!!!",
        address(b""),
        address(encoded(OWN, "png")[:80]),
        address(encoded(OWN, "gif"), "png"),
        address(bomb()),
        address(encoded(Image.new("L", (1001, 1000)), "png")),
        "data:image/png;base64," + "A" * upload.LONGEST,
        {"path": "/etc/passwd"},
        7,
        ["x"],
    ],
    ids=lambda x: str(x)[:24],
)
def test_what_is_none_is_refused_in_one_line(value):
    start = time.process_time()
    with pytest.raises(ValueError, match=r"^source: ") as error:
        uploaded("source", value)
    assert len(str(error.value).splitlines()) == 1
    assert len(str(error.value)) < 300
    assert time.process_time() - start < 5, "and without the work that it asks for"
    assert str(UPLOAD)[:1] == "1"


def test_what_is_drawn_of_it_is_gone_in_less_than_a_minute(tmp_path, monkeypatch):
    assert upload.SECONDS < 60
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(upload, "SECONDS", 0.5)
    shown = fleeting((OWN, OWN.rotate(90)))
    assert [Image.open(path).size for path in shown] == [(30, 20), (30, 20)]
    assert fleeting({"value": 3}) == {"value": 3}
    for _ in range(100):
        if not os.listdir(tmp_path):
            break
        time.sleep(0.1)
    assert os.listdir(tmp_path) == []


def test_a_sketch_is_black_lines_on_white_as_thin_as_outlines():
    drawn = from_pil(sketched("IIpI~IppI", 64))[0]  # across from (8, 8) to (41, 8), and slanted
    assert drawn[0, 0] == 255
    assert drawn[8, 20] == 0
    assert set(drawn.unique().tolist()) == {0, 255}
    column = drawn[:14, 25]
    assert 1 <= int((column < 128).sum()) <= 3
    long = "~".join(["AABBCC"] * (SKETCH // 7))
    assert sketch(long) == long
    with pytest.raises(ValueError, match="not a drawing"):
        sketch(long * 2)
