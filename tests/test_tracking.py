"""The status line, and loggers beside our own: they show what the log says, change nothing, and may be lost at any time."""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import sqlite3
import subprocess
import sys

import pytest
from conftest import REPO, cli, here, run_cli, start, tiny, wait_for_step

from ganzoo import registry
from ganzoo.files import read_tensors
from ganzoo.training.convergence import status_line
from ganzoo.training.loggers import LOGGERS
from ganzoo.training.run import Run
from ganzoo.training.tracking import Tracker

FIRST = registry.MODELS[0]
FLAGS = ["--data", "fake", "--quiet", *tiny(FIRST)]
loggers = pytest.mark.parametrize("logger", LOGGERS)


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


@pytest.mark.parametrize(
    ("terms", "most", "line"),
    [
        ({"d_real_right": 1.0, "d_fake_right": 0.98}, 0, "discriminator winning: 99 % right"),
        ({"d_real_right": 0.9, "d_fake_right": 0.9}, 0, "discriminator ahead: 90 % right"),
        ({"d_real_right": 0.7, "d_fake_right": 0.6}, 0, "balanced: 65 % right"),
        ({"d_real_right": 0.5, "d_fake_right": 0.5}, 0, "even: 50 % right, it can hardly tell"),
        ({"critic_gap": 3.21}, 0, "critic's gap 3.2"),
        ({"critic_gap": 3.21, "classes_left": 10}, 10, "critic's gap 3.2"),
        ({"critic_gap": 3.21, "classes_left": 3}, 3, "3 of 10 classes so far"),
        ({"critic_gap": 3.21, "classes_left": 3}, 4, "collapsing: 3 of 10 classes left"),
        ({"d_real_right": 1.0, "d_fake_right": 1.0, "classes_left": 9}, 10, "collapsing: 9 of 10 classes left"),
        ({"d_real_right": 1.0, "d_fake_right": 1.0, "classes_left": 10}, 10, "discriminator winning: 100 % right"),
        ({"cross_entropy": 0.1}, 0, ""),
    ],
)
def test_the_status_is_what_d_can_be_read_for_and_a_collapse_is_a_fall(terms, most, line):
    assert status_line(terms, 10, most) == line


def test_how_many_classes_were_drawn_at_most_is_known_after_a_resume(runs, tmp_path):
    run = shutil.copytree(runs[FIRST], tmp_path / "run")
    with (run / "log.jsonl").open("a") as log:
        log.write("".join(json.dumps({"step": 12, "classes_left": n}) + "\n" for n in (2, 9, 4)))
    with Tracker(Run.open(run), 20, quiet=True) as tracker:
        assert tracker.most_classes == 9


@loggers
def test_a_logger_shows_the_log_over_all_sittings_and_changes_no_weight(logger, tmp_path):
    pytest.importorskip(logger)
    here("train", FIRST, "--steps", 120, "--out", tmp_path / "plain", *FLAGS)
    run = tmp_path / "run"
    cli("train", FIRST, "--steps", 60, "--out", run, "--track", logger, *FLAGS)
    cli("resume", run, "--steps", 120, "--track", logger)
    scalars, pictures = READ[logger](run)
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
    here("train", FIRST, "--steps", 50, "--out", run, "--track", "tensorboard", *FLAGS)
    state = (run / "state.safetensors").read_bytes()
    cli("resume", run, "--steps", 110, "--track", "tensorboard")
    (run / "state.safetensors").write_bytes(state)
    here("resume", run, "--steps", 100, "--track", "tensorboard")
    scalars, _ = read_tensorboard(run)
    assert list(scalars["d_real_right"]) == [50, 100]


@loggers
@pytest.mark.parametrize("verb", ["train", "resume"])
def test_a_missing_package_is_one_line_before_anything_is_trained(logger, verb, runs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, logger, None)  # as if it were not installed
    run = tmp_path / "run"
    if verb == "resume":
        shutil.copytree(runs[FIRST], run)
    args = ["train", FIRST, "--steps", 5, "--out", run, *FLAGS] if verb == "train" else ["resume", run, "--steps", 20]
    done = here(*args, "--track", logger, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == [
        f"ganzoo: --track {logger}: the package {logger} is not installed; `pip install {logger}` gets it"
    ]
    assert run.exists() == (verb == "resume")


def test_another_logger_is_one_line(tmp_path, capsys):
    code, line = run_cli(capsys, "train", FIRST, "--data", "fake", "--track", "wandb", "--out", tmp_path / "run")
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


@pytest.mark.parametrize(("logger", "spoil"), [("tensorboard", spoil_tensorboard), ("trackio", spoil_trackio)])
def test_a_lost_logger_stops_with_one_line_and_the_state_of_that_step(logger, spoil, tmp_path):
    pytest.importorskip(logger)
    run = tmp_path / "run"
    process = start("train", FIRST, "--steps", 10**7, "--out", run, "--track", logger, *FLAGS)
    wait_for_step(run, 100)
    try:
        spoil(run)
        _, said = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 2
    said = [line for line in said.splitlines() if line.startswith("ganzoo: ") or "Traceback" in line]
    assert len(said) == 1
    assert said[0].startswith(f"ganzoo: --track {logger} failed (")
    assert f"python -m ganzoo resume {run}" in said[0]
    step = int(read_tensors(run / "state.safetensors")[1]["step"])
    assert f"stopped at step {step}" in said[0]
    assert step > 100, "the state of the step at which it stopped, not that of the last minute"
    here("resume", run, "--steps", step + 5)


def test_a_logger_that_cannot_be_opened_is_lost_from_the_start(runs, tmp_path):
    pytest.importorskip("tensorboard")
    run = tmp_path / "run"
    shutil.copytree(runs[FIRST], run)
    (run / "tensorboard").touch()
    done = here("resume", run, "--steps", 20, "--quiet", "--track", "tensorboard", check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("ganzoo: --track tensorboard failed (")
    assert "stopped at step 12; go on with" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@loggers
def test_a_disk_too_full_for_the_logger_stops_likewise(logger, runs, tmp_path):
    pytest.importorskip(logger)
    room = (runs[FIRST] / "state.safetensors").stat().st_size + 20_000  # the largest file there may be

    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    run = tmp_path / "run"
    command = [sys.executable, "-m", "ganzoo", "train", FIRST, "--steps", 10**7, "--out", run, "--track", logger, *FLAGS]
    done = subprocess.run([*map(str, command)], preexec_fn=small_disk, capture_output=True, text=True, cwd=REPO, timeout=240)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"ganzoo: --track {logger} failed (")
    assert f"python -m ganzoo resume {run}" in done.stderr.splitlines()[-1]
    step = int(read_tensors(run / "state.safetensors")[1]["step"])
    assert step > 0
    here("resume", run, "--steps", step + 5)
