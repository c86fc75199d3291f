"""What a training shows and keeps: the progress bar with its status line, log.jsonl, the snapshots."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm

from ..files import write
from ..gan import GAN, as_gan
from ..images import grid, png, to_uint8
from ..metrics.measure import evaluate, judge_of
from ..metrics.quality import FEW, Gaussian, gaussian, gaussian_distance
from .convergence import FRECHET, LEFT, Reading, read, status_line
from .loggers import LOGGERS, Logger, Shown

if TYPE_CHECKING:
    from ..models.judge import Judge
    from ..models.simclr import SimCLR
    from .run import Run

READ_EVERY = 50  # steps between two readings of the losses: each makes the processor wait for the device
RATIO = 1.35  # of the steps of two snapshots: 28 of them lead from step 0 to step 2,447
EVALUATED = 2000  # pictures of an evaluation
BAR = "{desc}: {percentage:3.0f}%|{bar:20}| {elapsed}<{remaining}{postfix}"


def snapshot_due(step: int) -> bool:
    """Whether a step is one of 0, 1, 2, ... 8, 11, 15, 20, 27, ...: log-spaced, and known without knowing the end."""
    due, at = 0, 1.0
    while due < step:
        due, at = max(due + 1, round(at)), at * RATIO
    return due == step


def read_log(path: Path) -> list[dict[str, float]]:
    """The lines of a log.jsonl; none where there is none yet."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def countable(run: Run) -> int:
    """The classes of a run's data, where they are few enough to be counted; else 0."""
    n = len(run.engine.data.classes)
    return n if n <= FEW else 0


class Tracker:
    """A progress bar, a log and snapshots of a run, to `target` steps or the minutes of its plan. Use it as a context."""

    def __init__(self, run: Run, target: int | None, quiet: bool, track: str | None = None) -> None:
        self.run, self.engine, self.quiet = run, run.engine, quiet
        self.log = run.folder / "log.jsonl"
        self.by_time = target is None
        self.last_update = (self.engine.step, time.monotonic())
        self.classes_left: int | None = None
        self.frechet: float | None = None  # as it was measured last, until it is logged
        self.line: dict[str, Any] = {}  # the last one of the log
        self.most_classes = max((line.get("classes_left", 0) for line in read_log(self.log)), default=0)
        self.judge = self._judge()
        self.real: Gaussian | None = None  # of the judge's features of real pictures
        self.track, self.lost = track, ""  # why the logger is lost, once it is
        self.logger: Logger | None = None
        if track and self.engine.group.is_main:
            self._try(self._open, LOGGERS[track])
        total = round((run.plan.minutes or 0) * 60) if self.by_time else target
        self.bar: tqdm[Any] = tqdm(
            total=total, initial=self.progress(), disable=quiet, dynamic_ncols=True, desc=run.folder.name, bar_format=BAR
        )

    def _judge(self) -> Judge | SimCLR | None:
        if not isinstance(self.engine.game, GAN) or (self.quiet and not self.run.plan.keep_best):
            return None
        try:
            return judge_of(self.run.plan.data, self.engine.data.classes)
        except ValueError:
            if self.run.plan.keep_best:
                raise
            return None  # nothing to count classes with

    def __enter__(self) -> Tracker:
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()
        if self.logger:
            self._try(self.logger.close)

    def progress(self) -> int:
        return int(self.run.seconds) if self.by_time else self.engine.step

    def update(self) -> None:
        """Read the losses; show and log them with the speed since the last time. All ranks call it; rank 0 writes."""
        terms = self.engine.mean_terms()
        if not terms or not self.engine.group.is_main:
            return
        step, at = self.last_update
        self.last_update = (self.engine.step, time.monotonic())
        speed = (self.engine.step - step) * self.engine.config.batch / max(self.last_update[1] - at, 1e-9)
        line = {"step": self.engine.step, "images": self.engine.images, "seconds": round(self.run.seconds, 1)}
        logged = {k: float(f"{v:.5g}") for k, v in terms.items()} | {"images_per_s": round(speed)}
        logged |= self.evaluated()
        self.write(line | logged)
        self.show(logged)
        shown = {"images/s": f"{speed:,.0f}"} | {k: f"{v:.2f}" for k, v in terms.items() if not k.endswith(("_right", "_gap"))}
        state = status_line(logged, len(self.engine.data.classes), self.most_classes)
        parts = [f"{k} {v}" for k, v in shown.items()] + ([state] if state else [])
        self.bar.set_postfix_str("  ".join(parts), refresh=False)
        self.bar.update(self.progress() - self.bar.n)

    def evaluated(self) -> dict[str, float]:
        """What the last evaluation found: the classes in every line since, the Fréchet distance in one."""
        found = {LEFT: self.classes_left, FRECHET: self.frechet}
        self.frechet = None
        return {k: float(f"{v:.5g}") if k == FRECHET else v for k, v in found.items() if v is not None}

    def write(self, line: dict[str, Any]) -> None:
        """Add a line to the log."""
        self.line = line
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def close_log(self) -> Reading | None:
        """Log what the last evaluation found, once nothing more is trained -> what the whole log says."""
        if not self.engine.group.is_main:
            return None
        if self.line and self.frechet is not None:
            self.write(self.line | self.evaluated())
        return read(read_log(self.log), countable(self.run))

    def snapshot(self, last: bool = False) -> None:
        """Keep the fixed latents' pictures of this step, if it is due."""
        e = self.engine
        if e.group.is_main and isinstance(e.game, GAN) and (last or snapshot_due(e.step)):
            path = self.run.folder / "snapshots" / f"{e.step:08d}.png"
            if not path.exists():
                picture = grid(e.snapshot())
                write(path, png(picture))
                self.show({"snapshot": picture})

    def show(self, what: Shown) -> None:
        """Give numbers and pictures to the logger, if there is one."""
        if self.logger and not self.lost:
            self._try(self.logger.show, self.engine.step, what)

    def _open(self, kind: Callable[[Run], Logger]) -> None:
        self.logger = kind(self.run)

    def _try(self, call: Callable[..., None], *args: object) -> None:
        try:
            call(*args)
        except Exception as error:  # of any kind: it comes from somebody else's package, and must not end the training
            self.lost = self.lost or f"--track {self.track} failed ({str(error).splitlines()[0]})"

    def evaluate(self) -> None:
        """Let the data set's judge count the classes that are still drawn and, where it is asked for, keep the best."""
        e = self.engine
        if self.judge is None or not e.group.is_main:
            return
        seen = evaluate(self.judge, to_uint8(as_gan(e.average).sample(EVALUATED, seed=0)))
        count = torch.bincount(seen.probability.argmax(1), minlength=len(e.data.classes))
        if 1 < len(count) <= FEW:
            self.classes_left = int((count > EVALUATED / len(count) / 10).sum())
            self.most_classes = max(self.most_classes, self.classes_left)
        if self.real is None:
            n = EVALUATED * (
                10 if self.run.plan.keep_best else 1
            )  # to choose by it, it has to be more exact than to see its way
            self.real = gaussian(evaluate(self.judge, e.data.image[:n]).feature)
        self.frechet = gaussian_distance(self.real, gaussian(seen.feature))
        if self.run.plan.keep_best:
            self.run.keep_best(self.frechet)
