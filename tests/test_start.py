"""`python app.py`: its help, its one table of settings, and a public link that cannot be had."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time

import httpx
from conftest import REPO, App

import ganzoo
from ganzoo.ui import start


def test_help_shows_every_setting_that_the_code_heeds_and_so_does_the_readme():
    done = subprocess.run([sys.executable, "app.py", "--help"], capture_output=True, text=True, cwd=REPO)
    assert done.returncode == 0, done.stderr
    heeded = {
        n for p in [*(REPO / "ganzoo").rglob("*.py"), REPO / "app.py"] for n in re.findall(r"GANZOO_[A-Z_]+", p.read_text())
    }
    assert heeded <= set(start.SETTINGS)
    for name, does in start.SETTINGS.items():
        assert name in done.stdout
        assert does in done.stdout
    assert "--share" in done.stdout
    assert start.table() in (REPO / "README.md").read_text()


def test_an_unknown_option_is_refused_in_a_line():
    done = subprocess.run([sys.executable, "app.py", "--shrae"], capture_output=True, text=True, cwd=REPO)
    assert done.returncode == 2
    assert "unrecognized arguments: --shrae" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_tunnel_the_app_runs_and_says_so(tmp_path):
    """No request leaves this machine: the tunnel is asked for through a proxy that refuses."""
    app = App(tmp_path, args=["--share"], HTTPS_PROXY="http://127.0.0.1:9", HF_HOME=tmp_path)
    try:
        end = time.monotonic() + 30
        while "no public link" not in app.log.read_text():
            assert time.monotonic() < end, app.log.read_text()
            time.sleep(0.2)
        said = app.log.read_text()
        assert f"The app runs at {app.url} all the same" in said
        assert "Traceback" not in said
    finally:
        app.stop()


def test_a_setting_that_is_none_is_told_in_a_line():
    env = os.environ | {"GANZOO_HUB": "b@d"}
    done = subprocess.run([sys.executable, "app.py"], capture_output=True, text=True, cwd=REPO, env=env)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ganzoo: GANZOO_HUB: 'b@d' is not USER, USER/REPO, USER/REPO@REVISION or off"
    assert "Traceback" not in done.stderr


def test_the_app_keeps_no_secret_no_history_and_no_picture(tmp_path):
    secret = "hf_oSecretOfTheHouse"
    app = App(tmp_path, HF_TOKEN=secret, HF_HOME=tmp_path / "home")
    try:
        before = {*tmp_path.rglob("*.png"), *tmp_path.rglob("*.webp")}
        with httpx.Client(base_url=app.url, timeout=60) as http:
            name = next(c.name for c in ganzoo.checkpoints() if c.config["inputs"])
            event = http.post("gradio_api/call/sample", json={"data": [name, 4, 5, {}]}).json()["event_id"]
            drawn = http.get(f"gradio_api/call/sample/{event}").text
            page, config = http.get("").text, http.get("config").text
        assert "event: complete" in drawn
        assert {*tmp_path.rglob("*.png")} - before, "it was there while it was shown"
        facts = json.loads(config)
        assert (facts["analytics_enabled"], facts["run_history"]) == (False, False)
    finally:
        app.stop()
    assert {*tmp_path.rglob("*.png"), *tmp_path.rglob("*.webp")} <= before
    assert not [x for x in (page, config, drawn, app.log.read_text()) if secret in x]
