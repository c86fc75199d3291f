"""A certificate that resuming is exact: kill -9 a training at random moments, resume it, compare every byte of the weights.

In processes of their own, as a person would: nothing is simulated but the moment of the blow.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from ..config import Config, knobs
from ..files import read_tensors, sha256, write_tensors
from ..gan import inference_state
from .plan import from_run

STEPS = 400  # at most
PATIENCE = 60.0  # seconds: large networks play as many steps as they can in these
HOW = ["--quiet", "--save-every=0.3"]  # seconds: many states to come back to in a short training


def certify(
    model: str, kind: type[Config], config: Mapping[str, Any], kills: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Train a model's networks on noise, uninterrupted and killed `kills` times -> {"kills", "steps", "exact", "torch"}.

    On a GPU with `--deterministic`. RuntimeError if a training fails.
    """
    flags = [f"--{k.replace('_', '-')}={config[k]}" for k in knobs(kind) if k in config]
    flags += ["--deterministic"] if torch.cuda.is_available() else []
    train = ["train", model, "--data", f"fake@{config['side']}", *HOW, *flags]
    with tempfile.TemporaryDirectory() as folder:
        whole, dice = Path(folder, "whole"), random.Random(0)
        steps = train_in_peace([*train, "--steps", str(STEPS)], whole)
        done, exact, attempt = 0, True, 0
        while exact and done < kills:  # a training may come to its end before it was killed often enough: then another begins
            attempt += 1
            killed = Path(folder, f"killed-{attempt}")
            done = train_and_kill([*train, "--steps", str(steps)], killed, done, kills, dice, say)
            exact = digest(whole) == digest(killed)
    return {"kills": done, "steps": steps, "exact": exact, "torch": torch.__version__}


def train_in_peace(command: list[str], run: Path) -> int:
    """Train without interruption, for PATIENCE seconds at most -> the step that it came to. RuntimeError if that is none."""
    process = start_run([*command, "--out", str(run)])
    try:
        process.wait(PATIENCE)
        wait_for(process)
    except subprocess.TimeoutExpired:
        process.terminate()  # it plays its step to the end and saves; SIGINT is ignored in the background
        process.communicate()
    if (step := step_of(run)) < 1:
        raise RuntimeError(f"the training to certify played no step in {PATIENCE:.0f} s")
    return step


def train_and_kill(
    command: list[str], run: Path, done: int, kills: int, dice: random.Random, say: Callable[[str], None]
) -> int:
    """Train to the end, killed and resumed until there were so many kills in all, `done` of them before, or until it came to
    its end -> how many there were then."""
    process = start_run([*command, "--out", str(run)])
    while done < kills and kill_soon(process, run, dice):
        done += 1
        say(f"killed {done} of {kills}, last saved at step {step_of(run)}")
        process = start_run(["resume", str(run), *HOW] if (run / "run.json").exists() else [*command, "--out", str(run)])
    wait_for(process)
    return done


def kill_soon(process: subprocess.Popen[bytes], run: Path, dice: random.Random) -> bool:
    """Kill a training within a second of its next save -> False if it came to its end first."""
    step = step_of(run)
    while process.poll() is None and step_of(run) == step:
        time.sleep(0.02)
    time.sleep(dice.uniform(0, 1.0))
    if process.poll() is not None:
        return False
    process.kill()
    process.communicate()
    return True


def start_run(args: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "ganzoo", *args], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for(process: subprocess.Popen[bytes]) -> None:
    """Wait for a training. RuntimeError, with its last line, if it failed."""
    _, stderr = process.communicate()
    if process.returncode:
        lines = stderr.decode(errors="replace").strip().splitlines() or [f"exit {process.returncode}"]
        raise RuntimeError(f"the training to certify failed: {lines[-1]}")


def step_of(run: Path) -> int:
    """The step of the state that is on disk; -1 before the first."""
    try:
        return int(read_tensors(run / "state.safetensors")[1]["step"])
    except ValueError:
        return -1


def digest(run: Path) -> str:
    """sha256 of the model.safetensors that the run would export."""
    _, game, _ = from_run(run)
    write_tensors(run / "model.safetensors", inference_state(game))
    return sha256(run / "model.safetensors")
