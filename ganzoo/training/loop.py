"""A training from start to finish: budgets, saves, signals."""

from __future__ import annotations

import signal
import time
from types import FrameType

from . import tracking
from .engine import Diverged
from .state import Run

SAVE_EVERY = 60.0  # seconds


class Interrupted(Exception):
    """A person or the system asked the training to stop; its state is saved."""


class Signals:
    """Within this context the first Ctrl-C or SIGTERM sets `seen` instead of ending the process."""

    def __init__(self) -> None:
        self.seen = False

    def __enter__(self) -> Signals:
        self.before = {s: signal.signal(s, self._note) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *error: object) -> None:
        for s, handler in self.before.items():
            signal.signal(s, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.seen:
            raise KeyboardInterrupt
        self.seen = True


def train(run: Run, quiet: bool = False) -> None:
    """Carry out a run's plan to the end of its budget, saving once a minute.

    Raises Interrupted after a Ctrl-C, with the state saved; Diverged when a loss is no longer a number, with the last
    good state kept; OSError when the disk fails, likewise.
    """
    engine, plan = run.engine, run.plan
    start, before = time.monotonic(), run.seconds
    saved = start

    def done() -> bool:
        over = plan.minutes is not None and run.seconds >= plan.minutes * 60
        return over or (plan.steps is not None and engine.step >= plan.steps)

    run.save()
    with Signals() as signals, tracking.Tracker(run.folder, engine, plan.steps, plan.minutes, before, quiet) as tracker:
        try:
            while not done() and not signals.seen:
                if tracking.snapshot_due(engine.step):
                    tracking.snapshot(run.folder, engine)
                engine.advance()
                run.seconds = before + time.monotonic() - start
                if engine.step % tracking.READ_EVERY == 0:
                    tracker.update(run.seconds)
                if time.monotonic() - saved > SAVE_EVERY:
                    tracker.update(run.seconds)
                    checked_save(run)
                    saved = time.monotonic()
            tracker.update(run.seconds)
            if done():
                tracking.snapshot(run.folder, engine)
            checked_save(run)
        except Diverged as error:
            raise Diverged(f"{error}; the last good state is kept in {run.folder}, a lower --lr-d or --lr-g may help") from None
    if signals.seen:
        raise Interrupted(f"stopped at step {engine.step}; go on with `python -m ganzoo resume {run.folder}`")


def checked_save(run: Run) -> None:
    """Save, unless a weight is no longer a number."""
    if not run.engine.is_finite():
        raise Diverged(f"diverged at step {run.engine.step}: a weight is not a finite number")
    run.save()
