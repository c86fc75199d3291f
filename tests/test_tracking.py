"""Boards that a training is watched on: they show what the log says, change nothing, and may be lost at any time."""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import sqlite3
import subprocess
import sys

import pytest
from conftest import REPO, cli, tiny, told
from test_engine import start, wait_for_step

from ganzoo import registry
from ganzoo.files import read_tensors
from ganzoo.training.boards import BOARDS

FIRST = registry.MODELS[0]
FLAGS = ["--data", "fake", "--quiet", *tiny(FIRST)]
boards = pytest.mark.parametrize("board", BOARDS)


@pytest.fixture(autouse=True)
def trackio_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    return tmp_path / "trackio"


def read_tensorboard(run):
    """{name: {step: number}} and the steps that have a picture."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    tags = events.Tags()
    scalars = {name: {e.step: e.value for e in events.Scalars(name)} for name in tags["scalars"]}
    return scalars, [e.step for e in events.Images("snapshot")]


def read_trackio(run):
    scalars, pictures = {}, []
    with sqlite3.connect(run.parent / "trackio" / "ganzoo.db") as db:
        for step, values in db.execute("select step, metrics from metrics where run_name = ? order by id", [run.name]):
            for name, value in json.loads(values).items():
                if isinstance(value, dict):
                    pictures.append(step)
                    assert (run.parent / "trackio" / "media" / value["file_path"]).is_file()
                else:
                    scalars.setdefault(name, {})[step] = value
    return scalars, pictures


READ = {"tensorboard": read_tensorboard, "trackio": read_trackio}


def read_log(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@boards
def test_a_board_shows_the_log_over_all_sittings_and_changes_no_weight(board, tmp_path):
    pytest.importorskip(board)
    cli("train", FIRST, "--steps", 120, "--out", tmp_path / "plain", *FLAGS)
    run = tmp_path / "run"
    cli("train", FIRST, "--steps", 60, "--out", run, "--track", board, *FLAGS)
    cli("resume", run, "--steps", 120, "--track", board)
    scalars, pictures = READ[board](run)
    lines = read_log(run)
    assert [x["step"] for x in lines] == [50, 60, 100, 120]
    for name in {"images_per_s", "d_real_right", "d_fake_right"} | set(lines[0]) - {"step", "images", "seconds"}:
        assert scalars[name] == pytest.approx({x["step"]: x[name] for x in lines}), name
    assert not {"step", "images", "seconds"} & set(scalars)
    assert sorted(set(pictures)) == sorted(int(p.stem) for p in (run / "snapshots").iterdir())
    one, two = (read_tensors(f / "state.safetensors")[0] for f in (tmp_path / "plain", run))
    assert all((one[k] == two[k]).all() for k in one)


def test_without_the_flag_nothing_is_tracked(runs, tmp_path):
    assert not (runs[FIRST] / "tensorboard").exists()
    assert not (tmp_path / "trackio").exists()


def test_what_is_played_again_after_a_kill_is_shown_once(tmp_path):
    """Killed after step 100 was shown, with the state of step 50: tensorboard hides what came after it."""
    pytest.importorskip("tensorboard")
    run = tmp_path / "run"
    cli("train", FIRST, "--steps", 50, "--out", run, "--track", "tensorboard", *FLAGS)
    state = (run / "state.safetensors").read_bytes()
    cli("resume", run, "--steps", 110, "--track", "tensorboard")
    (run / "state.safetensors").write_bytes(state)
    cli("resume", run, "--steps", 100, "--track", "tensorboard")
    scalars, _ = read_tensorboard(run)
    assert list(scalars["d_real_right"]) == [50, 100]


@boards
@pytest.mark.parametrize("verb", ["train", "resume"])
def test_a_missing_package_is_one_line_before_anything_is_trained(board, verb, runs, tmp_path):
    (tmp_path / f"{board}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{board}'\")")
    run = tmp_path / "run"
    if verb == "resume":
        shutil.copytree(runs[FIRST], run)
    args = ["train", FIRST, "--steps", 5, "--out", run, *FLAGS] if verb == "train" else ["resume", run, "--steps", 20]
    done = cli(*args, "--track", board, check=False, PYTHONPATH=tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == [
        f"ganzoo: --track {board}: the package {board} is not installed; `pip install {board}` gets it"
    ]
    assert run.exists() == (verb == "resume")


def test_another_board_is_one_line(tmp_path, capsys):
    code, line = told(capsys, "train", FIRST, "--data", "fake", "--track", "wandb", "--out", tmp_path / "run")
    assert code == 2
    assert "'wandb'" in line
    assert "tensorboard" in line
    assert "trackio" in line


def spoil_tensorboard(run):
    shutil.rmtree(run / "tensorboard")


def spoil_trackio(run):
    """Its folder is gone for good; a deleted one is made anew by trackio itself, perhaps at this very moment."""
    folder, file = run.parent / "trackio", run.parent / "file"
    for i in range(100):
        file.touch()
        if folder.is_dir():
            folder.rename(run.parent / f"gone-{i}")
        with contextlib.suppress(IsADirectoryError):
            file.rename(folder)
            return


@pytest.mark.parametrize(("board", "spoil"), [("tensorboard", spoil_tensorboard), ("trackio", spoil_trackio)])
def test_a_lost_board_stops_with_one_line_and_the_state_of_that_step(board, spoil, tmp_path):
    pytest.importorskip(board)
    run = tmp_path / "run"
    process = start("train", FIRST, "--steps", 10**7, "--out", run, "--track", board, *FLAGS)
    wait_for_step(run, 100, seconds=120)
    try:
        spoil(run)
        _, said = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 2
    said = [line for line in said.splitlines() if line.startswith("ganzoo: ") or "Traceback" in line]
    assert len(said) == 1
    assert said[0].startswith(f"ganzoo: --track {board} failed (")
    assert f"python -m ganzoo resume {run}" in said[0]
    step = int(read_tensors(run / "state.safetensors")[1]["step"])
    assert f"stopped at step {step}" in said[0]
    assert step > 100, "the state of the step at which it stopped, not that of the last minute"
    cli("resume", run, "--steps", step + 5)


def test_a_board_that_cannot_be_opened_is_lost_from_the_start(runs, tmp_path):
    pytest.importorskip("tensorboard")
    run = tmp_path / "run"
    shutil.copytree(runs[FIRST], run)
    (run / "tensorboard").touch()
    done = cli("resume", run, "--steps", 20, "--quiet", "--track", "tensorboard", check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("ganzoo: --track tensorboard failed (")
    assert "stopped at step 12; go on with" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@boards
def test_a_disk_too_full_for_the_board_stops_likewise(board, runs, tmp_path):
    pytest.importorskip(board)
    room = (runs[FIRST] / "state.safetensors").stat().st_size + 20_000  # the largest file there may be

    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    run = tmp_path / "run"
    command = [sys.executable, "-m", "ganzoo", "train", FIRST, "--steps", 10**7, "--out", run, "--track", board, *FLAGS]
    done = subprocess.run([*map(str, command)], preexec_fn=small_disk, capture_output=True, text=True, cwd=REPO, timeout=120)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"ganzoo: --track {board} failed (")
    assert f"python -m ganzoo resume {run}" in done.stderr.splitlines()[-1]
    step = int(read_tensors(run / "state.safetensors")[1]["step"])
    assert step > 0
    cli("resume", run, "--steps", step + 5)
