"""Real parts, small: the command line in its own process, tiny networks, the app on a free port, a real browser."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch
from PIL import Image

import ganzoo
from ganzoo import data, registry
from ganzoo.__main__ import main
from ganzoo.files import write_json
from ganzoo.hub import card, pretrained
from ganzoo.spec import configure

REPO = Path(__file__).resolve().parents[1]
EVERYTHING = (*registry.MODELS, *registry.TOOLS)


def pytest_addoption(parser):
    said = "certify exact resume for every model, killing each N times (without it: the first model, twice)"
    parser.addoption("--kills", type=int, metavar="N", help=said)
    said = "open N links before and after a restart, and N spoilt ones"
    parser.addoption("--links", type=int, metavar="N", default=16, help=said)


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
    said, warned = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(warned):
        patch.setattr(sys, "argv", ["ganzoo", *map(str, args)])
        for key, value in env.items():
            patch.setenv(key, str(value))
        code = main()
    assert not check or code == 0, warned.getvalue()
    return subprocess.CompletedProcess(args, code, said.getvalue(), warned.getvalue())


def told(capsys, *args):
    """Run the command line in this process -> (exit code, what it said on stderr)."""
    code = main([*map(str, args)])
    return code, capsys.readouterr().err


def tiny(name):
    """Command-line flags of a model's tiny networks."""
    return [x for k, v in registry.spec(name).tiny.items() for x in (f"--{k.replace('_', '-')}", v)]


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """A finished tiny run of every model, on noise: name -> folder."""
    folder = tmp_path_factory.mktemp("runs")
    for name in EVERYTHING:
        here("train", name, "--data", "fake", "--steps", 12, "--out", folder / name, "--quiet", *tiny(name))
    return {name: folder / name for name in EVERYTHING}


@pytest.fixture(scope="session")
def exported(runs, tmp_path_factory):
    """The tiny runs as checkpoints NAME-fake in a weights folder of their own."""
    weights = tmp_path_factory.mktemp("weights")
    for folder in runs.values():
        here("export", folder, GANZOO_WEIGHTS_DIR=weights)
    return weights


@pytest.fixture
def weights(exported, tmp_path, monkeypatch):
    """A copy of the exported checkpoints that a test may spoil, seen by this process and its children."""
    shutil.copytree(exported, tmp_path / "weights")
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
                assert time.monotonic() - start < 60, self.log.read_text()
                time.sleep(0.1)
        self.seconds = time.monotonic() - start

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

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


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    path = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
    assert path, "the browser tests need Chromium: apt-get install chromium"
    with sync_api.sync_playwright() as p:
        # A page that stands for the Hub's may have one of this machine in a frame.
        flags = ["--no-sandbox", "--disable-background-networking", "--disable-features=LocalNetworkAccessChecks"]
        chromium = p.chromium.launch(executable_path=path, args=flags)
        yield chromium
        chromium.close()


# ---- The Hub ------------------------------------------------------------------------------------------------------------


def small(name=registry.MODELS[0], seed=0):
    """A model of tiny networks that were taught nothing, for the pictures of `fake`."""
    spec, pictures = registry.spec(name), data.load("fake")
    torch.manual_seed(seed)
    facts = {"side": pictures.side, "channels": pictures.channels, "classes": pictures.classes}
    return spec.build(configure(spec.config, facts | dict(spec.tiny))).eval()


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A Hub on loopback."""
    from hubserver import Hub

    running = Hub(tmp_path_factory.mktemp("hub"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def lasting_client(hub, tmp_path_factory):
    """Python in a process of its own that finds that Hub."""
    from hubserver import Client

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
def folder(kept, tmp_path):
    """A copy of it that a test may spoil."""
    return shutil.copytree(kept, tmp_path / "tiny-fake")
