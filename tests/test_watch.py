"""`train --watch`: a page that follows a training, in a real Chromium, and changes nothing of it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys

import gradio as gr
import torch
from conftest import REPO, cli, free_port, here, tiny

from ganzoo import registry
from ganzoo.files import read_tensors
from ganzoo.training.run import Run
from ganzoo.ui.watch import Page

FIRST = registry.MODELS[0]
FLAGS = ["train", FIRST, "--data", "fake", "--quiet", *tiny(FIRST)]
SLOW = 240_000  # ms, on a machine that is busy with other tests


def test_the_page_follows_a_training_to_its_end_and_the_weights_are_the_same(tmp_path, browser):
    command = [
        sys.executable,
        "-m",
        "ganzoo",
        *map(str, FLAGS),
        "--minutes",
        "5",
        "--watch",
        "--out",
        str(tmp_path / "watched"),
    ]
    env = os.environ | {"BROWSER": "true", "GRADIO_SERVER_PORT": str(free_port())}
    training = subprocess.Popen(command, cwd=REPO, env=env, stderr=subprocess.PIPE, text=True)
    address = re.fullmatch(r"watch it at (\S+)\n", training.stderr.readline())
    assert address, training.communicate()

    context = browser.new_context()
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith((address[1], "data:", "blob:")) else None)
    page.goto(address[1])
    state = page.locator("#watch-state")
    state.get_by_text(re.compile(r"step \d")).wait_for(timeout=SLOW)
    page.locator("#watch-picture img").wait_for()
    page.locator("#watch-losses .mark-line path[stroke]").first.wait_for()
    assert page.locator("#watch-right .mark-line path[stroke]").count() == 2, "of real ones and of drawn ones"
    was = state.inner_text()
    page.wait_for_function("(was) => document.querySelector('#watch-state').innerText !== was", arg=was, timeout=SLOW)

    training.send_signal(signal.SIGINT)
    state.get_by_text("ended").wait_for(timeout=SLOW)
    _, said = training.communicate(timeout=240)
    assert training.returncode == 130
    step = re.fullmatch(r"ganzoo: stopped at step (\d+); go on with .*\n", said)
    assert step
    assert f"step {int(step[1]):,} " in state.inner_text()
    context.close()
    assert wrong == []

    here(*FLAGS, "--steps", step[1], "--out", tmp_path / "alone")
    watched, alone = (read_tensors(tmp_path / run / "state.safetensors")[0] for run in ("watched", "alone"))
    assert all(torch.equal(watched[k], alone[k]) for k in alone)


def test_a_training_that_ends_while_a_browser_is_answered_is_seen_to_its_last_line(tmp_path, monkeypatch):
    here(*FLAGS, "--steps", 60, "--out", tmp_path / "run")
    page = Page(Run.open(tmp_path / "run"))
    log = page.run.folder / "log.jsonl"
    *first, last = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(first))
    read = page.catch_up

    def late() -> None:
        """The log is read, and then the last line is written and the training ends."""
        read()
        log.write_bytes(b"".join([*first, last]))
        page.ended = True

    monkeypatch.setattr(page, "catch_up", late)
    _, status, *_, timer = page.poll((-1, ""))
    assert "ended" not in status
    assert timer == gr.skip(), "the browser looks again"
    _, status, *_, timer = page.poll((-1, ""))
    assert status.startswith("## ended")
    assert f"step {json.loads(last)['step']:,} " in status
    assert timer != gr.skip()


def test_a_page_that_cannot_be_served_is_one_line_and_what_to_do(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        only = {"GRADIO_SERVER_PORT": taken.getsockname()[1], "GRADIO_NUM_PORTS": 1}
        done = cli(*FLAGS, "--steps", 5, "--watch", "--out", tmp_path / "run", check=False, **only)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert {"GRADIO_SERVER_PORT:", "choose", "another,"} <= set(done.stderr.split())
    here("resume", tmp_path / "run", "--quiet")
