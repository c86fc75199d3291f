"""What a visitor waits for: `python tests/visit.py`, on a machine that does nothing else; it needs Chromium.

Prints one JSON object. Beside each time is the same of a bare Gradio app: the two take turns in one run, so that a busy machine
delays both. First visit: bytes, layout shift (CLS), and the seconds until pictures are there on a line of 10 Mbit/s and 100 ms
(Chromium's emulation). A tab: the milliseconds until its pictures are there, once somebody has opened it, and bytes. A click:
the milliseconds from the dice, *Generate*, the slider and the arrow keys to 16 pictures of 28 pixels, beside an event with such
a PNG. Start: the seconds from `python app.py` to its first answer, beside a Gradio app that imports torch and torchvision.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))

from support.bare import UNTIL_CHANGED, command, started, stop  # noqa: E402

from ganzoo.ui import inference  # noqa: E402  of this repository, wherever this is started
from ganzoo.ui.pictures import enlarge  # noqa: E402

SHIFTS = (
    "new PerformanceObserver((l) => { for (const e of l.getEntries()) if (!e.hadRecentInput) window.cls = (window.cls || 0) "
)
SHIFTS += "+ e.value }).observe({type: 'layout-shift', buffered: true})"
FIRST = ":is(#zoo-cover, #zoo-landing) section:first-child img"
LINE = {"offline": False, "latency": 100, "downloadThroughput": 10e6 / 8, "uploadThroughput": 10e6 / 8}
SEED = "(() => { const s = document.querySelector('#dcgan-seed input'); s.value = Math.floor(Math.random() * 1e9);"
SEED += " s.dispatchEvent(new Event('input', {bubbles: true})) })()"
RANGE = "document.querySelector('#dcgan-n input[type=range]')"
MOVE = f"{RANGE}.value = +{RANGE}.value === 16 ? 15 : 16; {RANGE}.dispatchEvent(new Event('input', {{bubbles: true}}));"
ACTS = {
    "dice": "document.querySelector('#dcgan-dice').click()",
    "generate": "document.querySelector('#dcgan-go').click()",
    "slider": f"dispatchEvent(new PointerEvent('pointerdown')); {MOVE} {RANGE}.dispatchEvent(new PointerEvent('pointerup', "
    "{bubbles: true}))",
    "keys": MOVE,
}
LOADED = "(id) => { const all = [...document.querySelectorAll(id)]; "
LOADED += "return all.length && all.every((i) => i.naturalWidth ?? i.width) }"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def pair(one, other):
    """p50, p95 of two kinds of times that took turns, and the ratios of ours to the bare one's."""
    cuts = [statistics.quantiles(x, n=20, method="inclusive") for x in (one, other)]
    (a50, a95), (b50, b95) = ((c[9], c[18]) for c in cuts)
    found = {"p50": a50, "p95": a95, "bare_p50": b50, "bare_p95": b95, "ratio_p50": a50 / b50, "ratio_p95": a95 / b95}
    return {k: round(v, 2) for k, v in found.items()} | {"n": len(one)}


class Wire:
    """The bytes that a page is sent."""

    def __init__(self, page, line=None):
        self.address, self.sizes = {}, {}
        self.network = page.context.new_cdp_session(page)
        self.network.send("Network.enable")
        if line:
            self.network.send("Network.emulateNetworkConditions", line)
        self.network.on("Network.responseReceived", lambda e: self.address.update({e["requestId"]: e["response"]["url"]}))
        self.network.on("Network.loadingFinished", self.finished)

    def finished(self, event):
        address = self.address.get(event["requestId"], "")
        self.sizes[address] = self.sizes.get(address, 0) + event["encodedDataLength"]

    def taken(self):
        now, self.sizes = self.sizes, {}
        return now


def first_visit(browser, url):
    """Of a browser that has nothing of it, on a slow line; and a second visit."""
    context = browser.new_context(viewport={"width": 375, "height": 812})
    page = context.new_page()
    page.add_init_script(SHIFTS)
    wire = Wire(page, LINE)
    begin = time.monotonic()
    page.goto(url, wait_until="commit")
    page.wait_for_function(LOADED, arg=FIRST, polling=20)
    pictures = time.monotonic() - begin
    page.wait_for_function("() => window.zoo && zoo.ready")
    page.wait_for_timeout(2000)
    sizes = wire.taken()
    shift = page.evaluate("window.cls || 0")
    page.goto("about:blank")
    wire.taken()
    page.goto(url)
    page.wait_for_function("() => window.zoo && zoo.ready")
    page.wait_for_timeout(1500)
    again = wire.taken()
    context.close()
    return {
        "kB": round(sum(sizes.values()) / 1000),
        "html_kB": round(sizes[url] / 1000),
        "pictures_s": round(pictures, 2),
        "cls": round(shift, 4),
        "again_kB_beside_the_html": round((sum(again.values()) - again[url]) / 1000, 1),
    }


def tabs(browser, url):
    """Each tab on a page of its own, the second time that somebody opens it."""
    found = {}
    for _ in range(2):
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.add_init_script(SHIFTS)
        wire = Wire(page)
        page.goto(url)
        page.wait_for_function("() => window.zoo && zoo.ready")
        page.wait_for_timeout(500)
        names = page.locator("#zoo-landing a[data-tab]").evaluate_all("all => all.map((a) => a.dataset.tab)")
        for name in names:
            wire.taken()
            page.evaluate("window.cls = 0")
            begin = time.monotonic()
            page.evaluate("(tab) => zoo.tabButton(tab).click()", name)
            page.wait_for_function(LOADED, arg=f"#{name}-picture img, #{name}-pair img, #{name} canvas", polling=10)
            ms = 1000 * (time.monotonic() - begin)
            page.wait_for_timeout(1000)
            size = sum(wire.taken().values()) / 1000
            found[name] = {"ms": round(ms), "kB": round(size), "cls": round(page.evaluate("window.cls"), 3)}
        page.context.close()
    return found


def clicks(browser, url, bare_url, n):
    page, bare = (browser.new_context(viewport={"width": 1280, "height": 900}).new_page() for _ in range(2))
    page.goto(url + "?v=2&tab=dcgan")
    page.wait_for_function("() => window.zoo && zoo.ready")
    page.wait_for_function(LOADED, arg="#dcgan-picture img")
    bare.goto(bare_url)
    bare.locator("#draw").click()
    bare.wait_for_function(LOADED, arg="#image img")
    found = {}
    for name, act in ACTS.items():
        ours, theirs = [], []
        for _ in range(n + 2):
            page.evaluate(SEED)
            page.wait_for_timeout(200)  # longer than a slider rests before a second key counts
            page.bring_to_front()
            ours.append(page.evaluate(UNTIL_CHANGED, ["#dcgan-picture img", act]))
            bare.bring_to_front()
            theirs.append(bare.evaluate(UNTIL_CHANGED, ["#image img", "document.querySelector('#draw').click()"]))
        found[name] = pair(ours[2:], theirs[2:])
    return found


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python tests/visit.py", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--clicks", type=int, default=30, help="of each kind")
    parser.add_argument("--starts", type=int, default=5, help="of each app; 0: once, unmeasured")
    args = parser.parse_args(argv)
    path = next(p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as p:
        pictures = [Path(folder) / f"{seed}.png" for seed in (0, 16)]
        for seed, picture in zip((0, 16), pictures, strict=True):
            enlarge(inference.sample("dcgan-mnist", 16, seed).images).save(picture)
        seconds = [], []
        commands = lambda port: ([sys.executable, "app.py"], command(port, pictures))  # noqa: E731
        for _ in range(args.starts):
            for kind in (0, 1):
                process, took = started(commands(port := free_port())[kind], port, folder)
                seconds[kind].append(took)
                stop(process)
        ports = free_port(), free_port()
        running = [started(commands(port)[kind], port, folder)[0] for kind, port in enumerate(ports)]
        url, bare_url = (f"http://127.0.0.1:{port}/" for port in ports)
        browser = p.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-background-networking"])
        try:
            found = {"first_visit": first_visit(browser, url), "tabs": tabs(browser, url)}
            found["clicks_ms"] = clicks(browser, url, bare_url, args.clicks)
            if args.starts > 1:
                found["start_s"] = pair(*seconds)
        finally:
            browser.close()
            for process in running:
                stop(process)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
