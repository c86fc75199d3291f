"""What a training has learnt is not lost: two processes on one run, a terminal that is closed, a thread."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import threading
import time

import pytest
from conftest import REPO, cli, here, tiny
from PIL import Image

from ganzoo import registry
from ganzoo.files import read_tensors
from ganzoo.training.run import Run

FIRST = registry.MODELS[0]


def step_of(run):
    return int(read_tensors(run / "state.safetensors")[1]["step"])


def test_a_run_is_trained_by_one_process_at_a_time(tmp_path):
    out = tmp_path / "run"
    here("train", FIRST, "--data", "fake", "--steps", 2, "--out", out, "--quiet", *tiny(FIRST))
    run = Run.open(out)
    files = {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()}
    refused = cli("resume", out, "--steps", 4, "--quiet", check=False)
    assert (refused.returncode, refused.stderr) == (
        2,
        f"ganzoo: {out}: another process is training it; wait until it is done, or stop it\n",
    )
    assert {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()} == files
    run.release()
    cli("resume", out, "--steps", 4, "--quiet")
    assert step_of(out) == 4


@pytest.mark.parametrize("ignored", [False, True], ids=["a terminal", "nohup"])
def test_a_terminal_that_is_closed_saves_first_and_nohup_trains_on(ignored, tmp_path):
    out = tmp_path / "run"
    args = ["train", FIRST, "--data", "fake", "--steps", 10**6, "--save-every", 10**6, "--out", out, *tiny(FIRST)]
    code = "import signal, sys; from ganzoo.__main__ import main\n"
    code += f"signal.signal(signal.SIGHUP, signal.SIG_{'IGN' if ignored else 'DFL'})\n"  # these tests may run under nohup
    code += f"sys.exit(main({[*map(str, args)]!r}))"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=REPO,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
    )
    os.close(theirs)
    end = time.monotonic() + 90
    while not (out / "log.jsonl").exists():
        assert time.monotonic() < end
        if select.select([ours], [], [], 0.1)[0]:
            os.read(ours, 4096)
    os.close(ours)
    if ignored:
        time.sleep(1)
        assert process.poll() is None
        process.kill()
        process.wait(20)
    else:
        assert process.wait(20) == 130
        assert step_of(out) > 0


def test_a_training_may_be_started_from_a_thread(tmp_path):
    done = []
    args = ["train", FIRST, "--data", "fake", "--steps", 2, "--out", tmp_path / "run", "--quiet", *tiny(FIRST)]
    thread = threading.Thread(target=lambda: done.append(here(*args)))
    thread.start()
    thread.join(60)
    assert [d.returncode for d in done] == [0]
    assert step_of(tmp_path / "run") == 2


@pytest.fixture
def moved(tmp_path):
    """A run on a folder of pictures that is somewhere else now."""
    for label in ("a", "b"):
        (tmp_path / "old" / label).mkdir(parents=True)
        for i in range(12):
            Image.new("L", (8, 8), 9 * i + 100 * (label == "b")).save(tmp_path / "old" / label / f"{i}.png")
    flags = ["--steps", 2, "--quiet", "--device", "cpu", *tiny(FIRST)]
    here("train", FIRST, "--data", f"folder:{tmp_path / 'old'}@8", "--out", tmp_path / "run", *flags)
    (tmp_path / "old").rename(tmp_path / "new")
    return tmp_path / "run"


def test_a_run_goes_on_where_its_data_are_now_and_on_another_device(moved, tmp_path):
    away = here("resume", moved, "--steps", 4, "--quiet", check=False)
    assert (away.returncode, "no such folder" in away.stderr) == (2, True)
    plan = json.loads((moved / "run.json").read_text())
    (moved / "run.json").write_text(json.dumps(plan | {"device": "cuda:7"}))
    new = f"folder:{tmp_path / 'new'}@8"
    elsewhere = here("resume", moved, "--data", new, "--steps", 4, "--quiet", check=False)
    assert "device: 'cuda:7' cannot be used here" in elsewhere.stderr
    here("resume", moved, "--data", new, "--device", "cpu", "--steps", 4, "--quiet")
    assert step_of(moved) == 4
    here("resume", moved, "--steps", 5, "--quiet")
    (tmp_path / "new/b/3.png").unlink()
    other = here("resume", moved, "--data", new, "--steps", 6, "--quiet", check=False)
    assert (other.returncode, "has changed since this run was saved" in other.stderr) == (2, True)
