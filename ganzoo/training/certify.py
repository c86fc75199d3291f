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

from ..checkpoint import from_run
from ..files import read_tensors, sha256, write_tensors
from ..spec import Config, knobs
from .engine import drawing

STEPS = 400  # at most
PATIENCE = 60.0  # seconds: large networks play as many steps as they can in these
SAVE_EVERY = 0.3  # seconds: many states to come back to in a short training


def certify(
    model: str, kind: type[Config], config: Mapping[str, Any], kills: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Train a model's networks on noise, uninterrupted and killed `kills` times -> {"kills", "steps", "exact", "torch"}.

    On a GPU with `--deterministic`. RuntimeError if a training fails.
    """
    flags = [f"--{k.replace('_', '-')}={config[k]}" for k in knobs(kind) if k in config]
    flags += ["--deterministic"] if torch.cuda.is_available() else []
    train = ["train", model, "--data", f"fake@{config['side']}", "--quiet", f"--save-every={SAVE_EVERY}", *flags]
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder, "whole"), Path(folder, "killed")
        uninterrupted = start_run([*train, "--steps", str(STEPS), "--out", str(whole)])
        try:
            uninterrupted.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            uninterrupted.terminate()  # it plays its step to the end and saves; SIGINT is ignored in the background
            uninterrupted.communicate()
        else:
            end(uninterrupted)
        if (steps := step_of(whole)) < 1:
            raise RuntimeError(f"the training to certify played no step in {PATIENCE:.0f} s")
        train += ["--steps", str(steps)]
        dice = random.Random(0)
        command = [*train, "--out", str(killed)]
        done = 0
        while done < kills:
            process = start_run(command)
            before = step_of(killed)
            while process.poll() is None and step_of(killed) == before:
                time.sleep(0.02)
            time.sleep(dice.uniform(0, 1.0))
            if process.poll() is not None:  # it came to its end first: begin again, with the kills so far
                end(process)
                exact = digest(whole) == digest(killed)
                if not exact:
                    break
                killed = Path(folder, f"killed-{done}")
                command = [*train, "--out", str(killed)]
                continue
            process.kill()
            process.communicate()
            done += 1
            say(f"killed {done} of {kills}, last saved at step {step_of(killed)}")
            if (killed / "run.json").exists():
                command = ["resume", str(killed), "--quiet", f"--save-every={SAVE_EVERY}"]
        else:
            end(start_run(command))
            exact = digest(whole) == digest(killed)
    return {"kills": done, "steps": steps, "exact": exact, "torch": torch.__version__}


def start_run(args: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "ganzoo", *args], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a training. RuntimeError, with what it said, if it failed."""
    _, said = process.communicate()
    if process.returncode:
        lines = said.decode(errors="replace").strip().splitlines() or [f"exit {process.returncode}"]
        raise RuntimeError(f"the training to certify failed: {lines[-1]}")


def step_of(run: Path) -> int:
    """The step of the state that is on disk; -1 before the first."""
    try:
        return int(read_tensors(run / "state.safetensors")[1]["step"])
    except ValueError:
        return -1


def digest(run: Path) -> str:
    """sha256 of the model.safetensors that the run would export."""
    _, gan, _ = from_run(run)
    write_tensors(run / "model.safetensors", drawing(gan))
    return sha256(run / "model.safetensors")
