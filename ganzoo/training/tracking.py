"""What a training shows and keeps: the progress bar with its state in plain words, log.jsonl, the snapshots."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from tqdm import tqdm

from ..files import write
from ..images import grid, png, to_uint8
from .boards import BOARDS, Board, Shown

if TYPE_CHECKING:
    from ..metrics.judge import Judge
    from .state import Run

READ_EVERY = 50  # steps between two looks at the losses: each look makes the processor wait for the device
RATIO = 1.35  # of the steps of two snapshots: 28 of them lead from step 0 to step 2,447
LOOKED_AT = 2000  # pictures that the judge sees at a look, and ten times as many real ones
BAR = "{desc}: {percentage:3.0f}%|{bar:20}| {elapsed}<{remaining}{postfix}"


def snapshot_due(step: int) -> bool:
    """Whether a step is one of 0, 1, 2, ... 8, 11, 15, 20, 27, ...: log-spaced, and known without knowing the end."""
    due, at = 0, 1.0
    while due < step:
        due, at = max(due + 1, round(at)), at * RATIO
    return due == step


def words(terms: Mapping[str, float], left: int | None = None, classes: int = 0) -> str:
    """The state of a game in plain words, from what D gets right and how many classes are still drawn.

    >>> words({"d_real_right": 0.99, "d_fake_right": 0.99})
    'discriminator winning: 99 % right'
    """
    if left is not None and left < classes:
        return f"collapsing: {left} of {classes} classes left"
    if "d_real_right" not in terms:
        return ""
    right = (terms["d_real_right"] + terms["d_fake_right"]) / 2
    if right > 0.95:
        return f"discriminator winning: {100 * right:.0f} % right"
    if right > 0.85:
        return f"discriminator ahead: {100 * right:.0f} % right"
    return f"balanced: {100 * right:.0f} % right" if right > 0.55 else f"even: {100 * right:.0f} % right, it can hardly tell"


class Tracker:
    """A progress bar, a log and snapshots of a run, to `target` steps or the minutes of its plan. Use it as a context."""

    def __init__(self, run: Run, target: int | None, quiet: bool, track: str | None = None) -> None:
        self.run, self.engine, self.quiet = run, run.engine, quiet
        self.log = run.folder / "log.jsonl"
        self.by_time = target is None
        self.before = (self.engine.step, time.monotonic())
        self.left: int | None = None
        self.judge = self._judge()
        self.real: Tensor | None = None  # the judge's features of real pictures
        self.track, self.lost = track, ""  # why the board is lost, once it is
        self.board: Board | None = None
        if track and self.engine.group.leads:
            self._try(self._open, BOARDS[track])
        total = round((run.plan.minutes or 0) * 60) if self.by_time else target
        self.bar: tqdm[Any] = tqdm(
            total=total, initial=self.progress(), disable=quiet, dynamic_ncols=True, desc=run.folder.name, bar_format=BAR
        )

    def _judge(self) -> Judge | None:
        from ..metrics.report import judge_of

        if not self.engine.gan.inputs or (self.quiet and not self.run.plan.keep_best):
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
        if self.board:
            self._try(self.board.close)

    def progress(self) -> int:
        return int(self.run.seconds) if self.by_time else self.engine.step

    def update(self) -> None:
        """Read the losses; show and log them with the speed since the last time. All ranks call it; rank 0 writes."""
        terms = self.engine.read()
        if not terms or not self.engine.group.leads:
            return
        step, at = self.before
        self.before = (self.engine.step, time.monotonic())
        speed = (self.engine.step - step) * self.engine.config.batch / max(self.before[1] - at, 1e-9)
        line = {"step": self.engine.step, "images": self.engine.images, "seconds": round(self.run.seconds, 1)}
        watched = {k: float(f"{v:.5g}") for k, v in terms.items()} | {"images_per_s": round(speed)}
        if self.left is not None:
            watched["classes_left"] = self.left
        with self.log.open("a") as file:
            file.write(json.dumps(line | watched) + "\n")
        self.show(watched)
        shown = {"images/s": f"{speed:,.0f}"} | {k: f"{v:.2f}" for k, v in terms.items() if not k.endswith("_right")}
        said = words(terms, self.left, len(self.engine.data.classes))
        self.bar.set_postfix_str("  ".join([*(f"{k} {v}" for k, v in shown.items()), *([said] if said else [])]), refresh=False)
        self.bar.update(self.progress() - self.bar.n)

    def snapshot(self, last: bool = False) -> None:
        """Keep the fixed latents' pictures of this step, if it is due."""
        e = self.engine
        if e.group.leads and e.gan.inputs and (last or snapshot_due(e.step)):
            path = self.run.folder / "snapshots" / f"{e.step:08d}.png"
            if not path.exists():
                picture = grid(e.snapshot())
                write(path, png(picture))
                self.show({"snapshot": picture})

    def show(self, what: Shown) -> None:
        """Put numbers and pictures on the board, if there is one."""
        if self.board and not self.lost:
            self._try(self.board.show, self.engine.step, what)

    def _open(self, kind: Callable[[Run], Board]) -> None:
        self.board = kind(self.run)

    def _try(self, work: Callable[..., None], *args: object) -> None:
        try:
            work(*args)
        except Exception as error:  # of any kind: it comes from somebody else's package, and must not end the training
            self.lost = self.lost or f"--track {self.track} failed ({str(error).splitlines()[0]})"

    def look(self) -> None:
        """Let the data set's judge count the classes that are still drawn and, where it is asked for, keep the best."""
        e = self.engine
        if self.judge is None or not e.group.leads:
            return
        from ..metrics.quality import FEW, frechet_distance
        from ..metrics.report import look

        seen = look(self.judge, to_uint8(e.average.sample(LOOKED_AT, seed=0)))
        count = torch.bincount(seen.probability.argmax(1), minlength=len(e.data.classes))
        if len(count) <= FEW:
            self.left = int((count > LOOKED_AT / len(count) / 10).sum())
        if self.run.plan.keep_best:
            if self.real is None:
                self.real = look(self.judge, e.data.image[: 10 * LOOKED_AT]).feature
            self.run.keep_best(frechet_distance(self.real, seen.feature))
