"""What a training shows and keeps: the progress bar, log.jsonl, the snapshots."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..files import write
from ..images import grid, png
from .engine import Engine

READ_EVERY = 50  # steps between two looks at the losses: each look makes the processor wait for the device
RATIO = 1.35  # of the steps of two snapshots: 24 of them lead from step 3 to step 3,000


def snapshot_due(step: int) -> bool:
    """Whether a step is one of 0, 1, 2, 3, 4, 6, 8, 11, ...: log-spaced, and known without knowing the end."""
    due, at = 0, 1.0
    while due < step:
        due, at = max(due + 1, round(at)), at * RATIO
    return due == step


def snapshot(folder: Path, engine: Engine) -> None:
    """Keep the fixed latents' pictures at this step, once."""
    if engine.gan.inputs:
        path = folder / "snapshots" / f"{engine.step:08d}.png"
        if not path.exists():
            write(path, png(grid(engine.snapshot())))


class Tracker:
    """A progress bar and a log. Use it as a context."""

    def __init__(
        self, folder: Path, engine: Engine, steps: int | None, minutes: float | None, seconds: float, quiet: bool
    ) -> None:
        self.log, self.engine, self.minutes = folder / "log.jsonl", engine, minutes
        self.before = (engine.step, time.monotonic())
        unit = {"total": steps, "initial": engine.step, "unit": "step"}
        if minutes is not None:
            unit = {"total": round(minutes * 60), "initial": round(seconds), "unit": "s", "bar_format": MINUTES}
        self.bar: tqdm[Any] = tqdm(**unit, disable=quiet, dynamic_ncols=True, desc=folder.name)  # type: ignore[call-overload]

    def __enter__(self) -> Tracker:
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()

    def update(self, seconds: float) -> None:
        """Read the losses; show and log them with the speed since the last time."""
        terms = self.engine.read()
        step, at = self.before
        self.before = (self.engine.step, time.monotonic())
        speed = (self.engine.step - step) * self.engine.config.batch / max(self.before[1] - at, 1e-9)
        if terms:
            line = {"step": self.engine.step, "images": self.engine.images, "seconds": round(seconds, 1)}
            line |= {k: float(f"{v:.5g}") for k, v in terms.items()} | {"images_per_s": round(speed)}
            with self.log.open("a") as file:
                file.write(json.dumps(line) + "\n")
        self.bar.set_postfix({k: f"{v:.3f}" for k, v in terms.items()} | {"images/s": f"{speed:,.0f}"}, refresh=False)
        self.bar.update((seconds if self.minutes is not None else self.engine.step) - self.bar.n)


MINUTES = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"
