"""Train one here: a small GAN of handwritten digits, in the page, as an ordinary run that its visitor may keep."""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import torch

from ...gan import as_gan
from ...images import grid, png, to_uint8
from ...metrics.measure import judge_of
from ...models import dcgan
from ...training.plan import Plan
from ...training.run import Run, describe_commit
from ...training.tracking import READ_EVERY, Tracker

DATA, RECIPE = "mnist", "minute"
SECONDS = 180.0  # that a training lasts
JUDGED = 256  # digits that the judge reads for an answer
SURE = 0.9
TILES, SCALE = 8, 2  # digits across, and pixels for one of theirs


class Digits:
    """A run in a folder of its own, gone when it is closed. ValueError where the digits cannot be had."""

    def __init__(self, seed: int) -> None:
        knobs = dict(dcgan.SPEC.knobs(RECIPE))
        command = f"python -m ganzoo train {dcgan.SPEC.name} --data {DATA} --recipe {RECIPE} --seed {seed} --minutes 3"
        asked: dict[str, Any] = {"seed": seed, "minutes": SECONDS / 60, "recipe": RECIPE, "command": command}
        plan = Plan(dcgan.SPEC.name, DATA, knobs, commit=describe_commit(), **asked)
        torch.set_num_threads(os.cpu_count() or 1)
        self.parent = Path(tempfile.mkdtemp(prefix="ganzoo-digits-"))
        try:
            self.run = Run.create(self.parent / "digits", plan)
            self.judge = judge_of(DATA, self.run.engine.data.classes)
        except ValueError:
            self.close()
            raise
        self.gan = as_gan(self.run.engine.average)
        self.inputs = self.gan.draw(JUDGED, seed=0)
        self.tracker = Tracker(self.run, None, quiet=True).__enter__()

    @property
    def ended(self) -> bool:
        return self.run.seconds >= SECONDS

    def play(self, seconds: float) -> None:
        """Train for so long; what is said and kept of it is a training's own. Diverged if a loss is no longer a number."""
        start, before = time.perf_counter(), self.run.seconds
        while not self.ended and time.perf_counter() - start < seconds:
            self.tracker.snapshot()
            self.run.engine.advance()
            self.run.seconds = before + time.perf_counter() - start
            if self.run.engine.step % READ_EVERY == 0:
                self.tracker.update()

    def frame(self) -> dict[str, Any]:
        """What is to be seen now, as plain values."""
        image = to_uint8(self.gan.show(self.inputs))
        _, probability = self.judge.predict(image)
        best = probability.max(1)
        picture = png(grid(image[: TILES**2], TILES, SCALE))
        return {
            "step": self.run.engine.step,
            "images": self.run.engine.images,
            "seconds": round(self.run.seconds, 1),
            "ended": self.ended,
            "picture": base64.b64encode(picture).decode(),
            "counts": torch.bincount(best.indices, minlength=probability.shape[1]).tolist(),
            "sure": round(float((best.values >= SURE).float().mean()), 4),
        }

    def keep(self) -> Path:
        """The run as it is now, in one file, which whoever asked removes."""
        self.run.save()
        path = self.parent / "digits.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for file in sorted(self.run.folder.rglob("*")):
                if file.is_file() and not file.name.startswith("."):
                    packed.write(file, Path("digits") / file.relative_to(self.run.folder))
        return path

    def close(self) -> None:
        """Remove the folder."""
        if hasattr(self, "run"):
            self.run.release()
        shutil.rmtree(self.parent, ignore_errors=True)
