"""Real parts, small: the command line in its own process, tiny networks, the app on a free port, a real browser."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from PIL import Image
from support import bare as bare_app

import ganzoo
from ganzoo import data, registry
from ganzoo.__main__ import main
from ganzoo.checkpoint import card
from ganzoo.config import configure
from ganzoo.data import folder as folders
from ganzoo.files import write_json
from ganzoo.hub import pretrained

REPO = Path(__file__).resolve().parents[1]
EVERYTHING = (*registry.MODELS, *registry.TOOLS)
PATIENCE = 240_000  # ms that a browser waits, on a machine that is busy with other tests


def pytest_addoption(parser):
    help = "certify exact resume for every model, killing each N times (without it: the first model, twice)"
    parser.addoption("--kills", type=int, metavar="N", help=help)
    help = "install the lowest and the newest packages that requirements.txt allows, and start the app with them"
    parser.addoption("--pins", action="store_true", help=help)
    help = "read N damaged pictures"
    parser.addoption("--damaged", type=int, metavar="N", default=400, help=help)
    help = "open N links before and after a restart, and N spoilt ones (without it: 16 spoilt ones)"
    parser.addoption("--links", type=int, metavar="N", help=help)


def cli(*args, cwd=None, check=True, timeout=240, **env):
    """Run `python -m ganzoo ARGS` -> the finished process; with check, it must have succeeded."""
    done = subprocess.run(
        [sys.executable, "-m", "ganzoo", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=cwd or REPO,
        env=os.environ | {k: str(v) for k, v in env.items()},
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def here(*args, check=True, **env):
    """The same in this process, which has imported everything already."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["ganzoo", *map(str, args)])
        for key, value in env.items():
            patch.setenv(key, str(value))
        code = main()
    assert not check or code == 0, err.getvalue()
    return subprocess.CompletedProcess(args, code, out.getvalue(), err.getvalue())


def run_cli(capsys, *args):
    """Run the command line in this process -> (exit code, stderr)."""
    code = main([*map(str, args)])
    return code, capsys.readouterr().err


def tiny(name):
    """Command-line flags of a model's tiny networks."""
    return [x for k, v in registry.spec(name).tiny.items() for x in (f"--{k.replace('_', '-')}", v)]


def start(*args, cwd=REPO):
    """`python -m ganzoo ARGS` as a process of its own that goes on beside the test."""
    command = [sys.executable, "-m", "ganzoo", *map(str, args)]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_step(run, step, seconds=240):
    """Wait until a training's log has come to a step."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        log = run / "log.jsonl"
        written = log.read_text() if log.exists() else ""
        if written.endswith("\n") and json.loads(written.splitlines()[-1])["step"] >= step:
            return
        time.sleep(0.05)
    raise AssertionError(f"no step {step} within {seconds} s")


class OnDemand(dict):
    """name -> folder/(file for that name), made when it is first asked for, so that `-k NAME` trains that model alone. Tests in
    processes side by side make each once."""

    def __init__(self, folder, file, make):
        super().__init__()
        self.folder, self.file, self.make = folder, file, make

    def __missing__(self, name):
        done = self.folder / f".{name}.done"
        with FileLock(self.folder / f".{name}.lock"):
            if not done.exists():
                self.make(name)
                done.touch()
        self[name] = self.folder / self.file.format(name)
        return self[name]


def shared(tmp_path_factory, name):
    """A folder of this session, the same for all processes that test side by side."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """A finished tiny run of any model, on noise: name -> folder."""
    folder = shared(tmp_path_factory, "runs")

    def train(name):
        here("train", name, "--data", "fake", "--steps", 12, "--out", folder / name, "--quiet", *tiny(name))

    return OnDemand(folder, "{}", train)


@pytest.fixture(scope="session")
def checkpoints(runs, tmp_path_factory):
    """The tiny run of any model as a checkpoint NAME-fake, in a weights folder that they share: name -> folder."""
    weights = shared(tmp_path_factory, "weights")

    def export(name):
        here("export", runs[name], GANZOO_WEIGHTS_DIR=weights)

    return OnDemand(weights, "{}-fake", export)


@pytest.fixture(scope="session")
def exported(checkpoints):
    """The weights folder with the checkpoints of all models."""
    folders = [checkpoints[name] for name in EVERYTHING]
    return folders[0].parent


@pytest.fixture
def weights(request, checkpoints, tmp_path, monkeypatch):
    """A weights folder that a test may spoil, seen by this process and its children. A test of one model, with a parameter
    `name`, has that model's checkpoint there, and the judge's and the encoder's; any other has every model's."""
    asked = getattr(request.node, "callspec", None) and request.node.callspec.params.get("name")
    for name in dict.fromkeys([asked, *registry.TOOLS]) if asked in EVERYTHING else EVERYTHING:
        shutil.copytree(checkpoints[name], tmp_path / "weights" / f"{name}-fake")
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    return tmp_path / "weights"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class App:
    """app.py in its own process, as a visitor meets it; it can be stopped and started again."""

    def __init__(self, folder, args=(), **env):
        self.env = os.environ | {"GRADIO_TEMP_DIR": str(folder), "GRADIO_SERVER_PORT": str(free_port()), "HF_HUB_OFFLINE": "1"}
        self.env |= {k: str(v) for k, v in env.items()}
        folder.mkdir(exist_ok=True)
        self.log = folder / "app.log"
        self.url = f"http://127.0.0.1:{self.env['GRADIO_SERVER_PORT']}/"
        start = time.monotonic()
        with self.log.open("w") as log:
            self.process = subprocess.Popen([sys.executable, "app.py", *args], cwd=REPO, env=self.env, stdout=log, stderr=log)
        while True:
            try:
                urllib.request.urlopen(self.url, timeout=2)
                break
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() - start < 240, self.log.read_text()
                time.sleep(0.1)
        self.seconds = time.monotonic() - start

    def stop(self):
        self.process.terminate()
        self.process.wait(240)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.stop()
        assert error or "Traceback" not in self.log.read_text()


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    """The app with the bundled weights."""
    running = App(tmp_path_factory.mktemp("app"))
    yield running
    running.stop()
    assert "Traceback" not in running.log.read_text()


class Bare:
    """A bare Gradio app, to which what ours takes is compared."""

    def __init__(self, folder):
        pictures = [folder / "black.png", folder / "white.png"]
        for picture, shade in zip(pictures, (0, 255), strict=True):
            Image.new("L", (1120, 1120), shade).save(picture)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/"
        self.process, self.seconds = bare_app.started(bare_app.command(port, pictures), port, folder)

    def opened(self, browser):
        """A page of it -> (it, the milliseconds until its button was there)."""
        page, begin = browser.new_page(), time.monotonic()
        page.goto(self.url)
        page.locator("#draw").wait_for()
        return page, 1000 * (time.monotonic() - begin)

    def click(self, browser):
        """The milliseconds from its button to its picture, the median of nine."""
        page, _ = self.opened(browser)
        milliseconds = [page.evaluate(bare_app.UNTIL_CHANGED, ["#image img", CLICK]) for _ in range(10)][1:]
        page.close()
        return statistics.median(milliseconds)


CLICK = "document.querySelector('#draw').click()"


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    running = Bare(tmp_path_factory.mktemp("bare"))
    yield running
    bare_app.stop(running.process)


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    path = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
    assert path, "the browser tests need Chromium: apt-get install chromium"
    with sync_api.sync_playwright() as p:
        # A page that stands for the Hub's may have one of this machine in a frame.
        flags = ["--no-sandbox", "--disable-background-networking", "--disable-features=LocalNetworkAccessChecks"]
        chromium = p.chromium.launch(executable_path=path, args=flags)
        new_context = chromium.new_context

        def patient(**options):
            """A context that waits for a machine that is busy with other tests; nothing moves in it by itself."""
            context = new_context(**{"reduced_motion": "reduce"} | options)
            context.set_default_timeout(PATIENCE)
            return context

        chromium.new_context, chromium.new_page = patient, lambda **options: patient(**options).new_page()
        yield chromium
        chromium.close()


@pytest.fixture
def visit(app, browser):
    """Open the page in a context of its own; afterwards nothing may have gone wrong in it."""
    contexts, wrong = [], []

    def open_(query="", width=1280, height=900, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda e: wrong.append(str(e)))
        page.on(
            "console", lambda m: wrong.append(m.text) if m.type == "error" and "422" not in m.text else None
        )  # 422: refused
        page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith((app.url, "data:", "blob:")) else None)
        page.goto(app.url + query)
        page.get_by_role("tab", name="The zoo", exact=True).wait_for()
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


# ---- The Hub ------------------------------------------------------------------------------------------------------------


def small(name=registry.MODELS[0], seed=0):
    """A model of tiny networks that were taught nothing, for the pictures of `fake`."""
    spec, pictures = registry.spec(name), data.load("fake")
    torch.manual_seed(seed)
    facts = {"side": pictures.side, "channels": pictures.channels, "classes": pictures.classes}
    gan = spec.build(configure(spec.config, facts | dict(spec.tiny))).eval()
    for x in getattr(gan, "pictures", ()):
        gan.examples(x).random_(generator=torch.Generator().manual_seed(0))  # of blank ones, instance norm is rounding alone
    return gan


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A Hub on loopback."""
    from support.hubserver import Hub

    running = Hub(tmp_path_factory.mktemp("hub"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def lasting_client(hub, tmp_path_factory):
    """Python in a process of its own that finds that Hub."""
    from support.hubserver import Client

    running = Client(hub.url, tmp_path_factory.mktemp("home"))
    running("network.STALL, network.PROBE = 3.0, 20.0")  # a busy machine is no black hole
    yield running
    running.stop()
    assert "Traceback" not in running.log.read_text()


@pytest.fixture
def client(lasting_client):
    """The same, as if nobody had asked before."""
    lasting_client.forget()
    return lasting_client


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A tiny checkpoint, with a timeline and a log."""
    folder = tmp_path_factory.mktemp("tiny") / "tiny-fake"
    pretrained.save(small(), folder, "tiny-fake")
    config = json.loads((folder / "config.json").read_text())
    config["timeline"]["steps"] = [0, 5]
    write_json(folder / "config.json", config)
    Image.new("RGB", (16 * data.load("fake").side, 2 * data.load("fake").side)).save(folder / "timeline.png")
    (folder / "log.jsonl").write_text('{"step": 5, "images": 40, "g_fool": 0.7}\n')
    card.write(ganzoo.resolve(str(folder)))
    return folder


@pytest.fixture
def nothing_logged_before(monkeypatch):
    """What is said of a folder is said once a process."""
    monkeypatch.setattr(folders, "_logged", set())


@pytest.fixture
def folder(kept, tmp_path):
    """A copy of it that a test may spoil."""
    return shutil.copytree(kept, tmp_path / "tiny-fake")
