"""`python app.py`: its help, its one table of settings, and a public link that cannot be had."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

import httpx
import pytest
from conftest import REPO, App

import ganzoo
from ganzoo.ui import app, start

SECRET = "hf_oSecretOfTheHouse"


def test_help_shows_every_setting_that_the_code_reads_and_so_does_the_readme():
    done = subprocess.run([sys.executable, "app.py", "--help"], capture_output=True, text=True, cwd=REPO)
    assert done.returncode == 0, done.stderr
    settings_read = {
        n for p in [*(REPO / "ganzoo").rglob("*.py"), REPO / "app.py"] for n in re.findall(r"GANZOO_[A-Z_]+", p.read_text())
    }
    assert settings_read <= set(start.SETTINGS)
    for name, does in start.SETTINGS.items():
        assert name in done.stdout
        assert does in done.stdout
    assert "--share" in done.stdout
    assert start.table() in (REPO / "ganzoo/ui/README.md").read_text()


def test_an_unknown_option_is_refused_in_a_line():
    done = subprocess.run([sys.executable, "app.py", "--shrae"], capture_output=True, text=True, cwd=REPO)
    assert done.returncode == 2
    assert "unrecognized arguments: --shrae" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """An app that asks for a public link, through a proxy that refuses, so that no request leaves this machine, and has a
    token. Tests stop it."""
    folder = tmp_path_factory.mktemp("shared")
    app = App(folder, args=["--share"], HTTPS_PROXY="http://127.0.0.1:9", HF_TOKEN=SECRET, HF_HOME=folder / "home")
    yield app
    app.stop()


def test_without_a_tunnel_the_app_runs_and_says_so(shared):
    end = time.monotonic() + 240
    while "no public link" not in shared.log.read_text():
        assert time.monotonic() < end, shared.log.read_text()
        time.sleep(0.2)
    said = shared.log.read_text()
    assert f"The app runs at {shared.url} all the same" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("setting", "value", "line"),
    [
        ("GANZOO_HUB", "b@d", "GANZOO_HUB: 'b@d' is not USER, USER/REPO, USER/REPO@REVISION or off"),
        ("GRADIO_SERVER_PORT", "abc", "GRADIO_SERVER_PORT: 'abc' is not a port from 1 to 65535"),
    ],
)
def test_a_setting_that_is_none_is_told_in_a_line(setting, value, line):
    env = os.environ | {setting: value}
    done = subprocess.run([sys.executable, "app.py"], capture_output=True, text=True, cwd=REPO, env=env)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"ganzoo: {line}"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["abc", "0", "65536", "7860.5", "-1", "٧٨٦٠"])
def test_a_port_that_is_none_is_refused(text, monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_PORT", text)
    with pytest.raises(ValueError, match=re.escape(f"GRADIO_SERVER_PORT: {text!r} is not a port from 1 to 65535")):
        start.prepare()


def test_a_port_that_is_taken_is_refused_and_no_other_taken_instead(monkeypatch):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        monkeypatch.setenv("GRADIO_SERVER_PORT", str(s.getsockname()[1]))
        with pytest.raises(
            ValueError, match=r"cannot be used here \(Address already in use\); choose another, or leave it out"
        ):
            start.prepare()
    start.check_port()


def test_a_folder_of_weights_that_is_not_there_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"GANZOO_WEIGHTS_DIR: .*nowhere: no such folder"):
        start.prepare()


def test_a_folder_of_weights_with_nothing_to_show_is_refused(checkpoints, monkeypatch, tmp_path):
    shutil.copytree(checkpoints["judge"], tmp_path / "weights/judge-fake")
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    with pytest.raises(ValueError, match=r"no checkpoint that draws: there are none in .*, which GANZOO_WEIGHTS_DIR names"):
        app.build()


def test_a_start_that_is_stopped_leaves_no_folder(tmp_path):
    code = "import os, signal; from ganzoo.ui.start import prepare; prepare(); os.kill(os.getpid(), signal.SIGTERM)"
    env = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPO, env=env)
    assert (done.returncode, done.stderr, list(tmp_path.iterdir())) == (143, "", [])


@pytest.mark.parametrize("before", ["", "corp.example", "localhost,corp.example", "127.0.0.1 corp.example"])
def test_this_machine_is_asked_without_a_proxy(before, monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, before)
    start.reach_loopback()
    kept = os.environ["NO_PROXY"].split(",")
    assert {"127.0.0.1", "localhost", "::1"} <= {*kept}
    assert ("corp.example" in kept) == ("corp.example" in before)
    assert len(kept) == len({*kept})
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"]


def test_each_app_has_a_folder_for_pictures_of_its_own_and_those_of_killed_ones_go(monkeypatch, tmp_path):
    """Gradio's own default, /tmp/gradio, belongs to the first user of a machine."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True).stdout
    killed, running, other = (tmp_path / n for n in (f"ganzoo-app-{int(ended)}-x", f"ganzoo-app-{os.getpid()}-x", "gradio"))
    for folder in (killed, running, other):
        folder.mkdir()
        os.utime(folder, (0, 0))
    made = start.picture_folder()
    assert (made.parent, made.stat().st_mode & 0o077) == (tmp_path.resolve(), 0)
    assert [f.exists() for f in (killed, running, other)] == [False, True, True]
    monkeypatch.setenv("GRADIO_TEMP_DIR", "/proc/nothing")
    with pytest.raises(ValueError, match="GRADIO_TEMP_DIR: /proc/nothing: no folder can be made there"):
        start.picture_folder()


def test_the_app_keeps_no_secret_no_history_and_no_picture(shared):
    def pictures():
        return {*shared.log.parent.rglob("*.png"), *shared.log.parent.rglob("*.webp")}

    before = pictures()
    with httpx.Client(base_url=shared.url, timeout=240) as http:
        name = next(c.name for c in ganzoo.checkpoints() if c.config["inputs"])
        event = http.post("gradio_api/call/sample", json={"data": [name, 4, 5, {}]}).json()["event_id"]
        drawn = http.get(f"gradio_api/call/sample/{event}").text
        page, config = http.get("").text, http.get("config").text
    assert "event: complete" in drawn
    assert pictures() - before, "it was there while it was shown"
    facts = json.loads(config)
    assert (facts["analytics_enabled"], facts["run_history"]) == (False, False)
    shared.stop()
    assert pictures() <= before
    assert not [x for x in (page, config, drawn, shared.log.read_text()) if SECRET in x]
