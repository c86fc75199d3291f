"""The one function that works on networks: short of memory, and on ZeroGPU (its real package, an emulated device API)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import gradio as gr
import pytest
import torch
from conftest import REPO
from support.servers import Server

import ganzoo
from ganzoo.config import configure
from ganzoo.hub.network import PAUSE
from ganzoo.hub.resolve import PATIENCE, Listing
from ganzoo.ui import inference
from ganzoo.ui.controls import CONTROLS
from ganzoo.ui.tab import Tab
from ganzoo.ui.views import VIEWS

GANS = [c for c in ganzoo.checkpoints() if c.config["inputs"]]


def short_of_memory(gan, most):
    """A real network on a device that has memory for only so many pictures at once."""

    def hook(module, args, kwargs):
        if len(next(iter(kwargs.values()))) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")

    return gan.register_forward_pre_hook(hook, with_kwargs=True)


def test_out_of_memory_halves_the_batch_says_so_and_draws_the_same():
    name = GANS[0].name
    want = inference.sample(name, 16, 3)
    assert "at_once" not in want.info
    _, gan = inference.load(name)
    hook = short_of_memory(gan, 5)
    try:
        drawn = inference.sample(name, 16, 3)
        assert drawn.info["at_once"] == 4
        assert abs(drawn.images.int() - want.images.int()).max() <= 1
        hook.remove()
        hook = short_of_memory(gan, 0)
        with pytest.raises(ValueError, match="no memory left for even one picture"):
            inference.sample(name, 16, 3)
    finally:
        hook.remove()
    assert torch.equal(inference.sample(name, 16, 3).images, want.images)


class DeviceAPI(BaseHTTPRequestHandler):
    """What a ZeroGPU Space asks its host; keeps what was asked in `server.asked`."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.path, body.decode()))
        answer = {"idle": True, "nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": "t"} if "schedule" in self.path else {}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


ZERO = """
import contextlib, json
import spaces, torch
from ganzoo.ui import inference
from ganzoo.ui.app import LAUNCH, build

demo = build()
devices = sorted({str(p.device) for _, gan in inference._loaded.values() for p in gan.parameters()})
demo.launch(**LAUNCH, prevent_thread_lock=True, quiet=True)
from gradio_client import Client
error = ""
try:
    Client(demo.local_url, verbose=False, httpx_kwargs={"timeout": 240}).predict(NAME, 4, 0, {}, api_name="/sample")
except Exception as raised:
    error = str(raised)
print("FOUND", json.dumps({"devices": devices, "waiting": demo._queue.max_size, "error": error}))
"""


def test_zerogpu_places_all_networks_and_asks_for_one_short_loan(tmp_path):
    server = Server(("127.0.0.1", 0), DeviceAPI)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env = os.environ | {
        "SPACES_ZERO_GPU": "true",
        "SPACES_ZERO_DEVICE_API_URL": f"http://127.0.0.1:{server.server_port}",
        "HOME": str(tmp_path),
        "GRADIO_TEMP_DIR": str(tmp_path),
        "HF_HUB_OFFLINE": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    code = ZERO.replace("NAME", repr(GANS[0].name), 1)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPO, env=env, timeout=240)
    server.shutdown()
    line = next((x for x in done.stdout.splitlines() if x.startswith("FOUND ")), "")
    assert line, done.stdout[-1500:] + done.stderr[-3000:]
    found = json.loads(line[6:])
    assert found["devices"] == ["cuda:0"]
    assert found["waiting"] == 64, "ZeroGPU's own default is 1"
    paths = [path for path, _ in server.asked]
    assert any("startup-report" in p for p in paths), paths
    (loan,) = [p + body for p, body in server.asked if "schedule" in p]
    assert '"durationSeconds":5' in loan.replace(" ", "") or "durationSeconds=5" in loan, loan
    assert found["error"], "there is no such GPU here"


def test_what_cannot_be_had_is_asked_for_once_a_minute(monkeypatch):
    asked = []

    def resolve(name, patience):
        asked.append(patience)
        raise ConnectionError(f"{name}: the Hub cannot be reached")

    monkeypatch.setattr(inference, "resolve", resolve)
    monkeypatch.setattr(inference, "hub_checkpoints", lambda: [Listing("ada/gone", GANS[0].spec.name, "mnist", "Hub ada/gone")])
    monkeypatch.setattr(inference, "_unavailable", {})

    def refused(_):
        with pytest.raises(ValueError, match="ada/gone") as error:
            inference.load("ada/gone")
        return str(error.value)

    with ThreadPoolExecutor(8) as visitors:
        assert {*visitors.map(refused, range(8))} == {"ada/gone: the Hub cannot be reached"}
    assert asked == [PATIENCE], "one of eight at once, and not endlessly"
    until, reason = inference._unavailable["ada/gone"]
    inference._unavailable["ada/gone"] = until - PAUSE, reason
    refused(0)
    assert len(asked) == 2, "after a minute again"


def test_a_model_of_somebody_with_other_inputs_than_its_tab_is_refused(monkeypatch):
    c = next(c for c in GANS if any(x["type"] == "Code" for x in c.config["inputs"]))
    with gr.Blocks():
        tab = Tab([c], VIEWS, CONTROLS)
    fewer = c.spec.build(configure(c.spec.config, {**c.spec.tiny, "numbers": 1}))
    real = inference.load
    monkeypatch.setattr(inference, "load", lambda name: (c, fewer) if name == "ada/fewer" else real(name))
    assert tab.inputs_of(c.name) == real(c.name)[1].inputs
    with pytest.raises(ValueError, match="it takes z, c1, c2; this tab has controls for z, c1, c2, c3"):
        tab.inputs_of("ada/fewer")
