"""A training from start to finish: budgets, saves, signals."""

from __future__ import annotations

import math
import signal
import time
from types import FrameType

from . import tracking
from .boards import Lost
from .engine import Diverged
from .state import Run

AGREE_EVERY = 10  # steps between two looks at the clock, where several processes must agree on it


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


def train(run: Run, quiet: bool = False, save_every: float = 60.0, track: str | None = None) -> None:
    """Carry out a run's plan to the end of its budget, saving every so many seconds.

    Raises Interrupted after a Ctrl-C, and Lost when the board that it is tracked on fails, with the state saved;
    Diverged when a loss is no longer a number, with the last good state kept; OSError when the disk fails, likewise.
    """
    engine, plan, group = run.engine, run.plan, run.engine.group
    target = plan.steps or (plan.images and math.ceil(plan.images / engine.config.batch))
    budget = plan.minutes * 60 if plan.minutes else math.inf
    start, before = time.monotonic(), run.seconds
    saved = start
    finished = False

    with Signals() as signals, tracking.Tracker(run, target, quiet or not group.leads, track) as tracker:
        try:
            run.save()
            while target is None or engine.step < target:
                if engine.step % (1 if group.size == 1 else AGREE_EVERY) == 0:
                    if group.agree(run.seconds >= budget or signals.seen or tracker.lost != ""):
                        break
                    if group.agree(time.monotonic() - saved > save_every):
                        tracker.update()
                        checked_save(run)
                        tracker.look()
                        saved = time.monotonic()
                tracker.snapshot()
                engine.advance()
                run.seconds = before + time.monotonic() - start
                if engine.step % tracking.READ_EVERY == 0:
                    tracker.update()
            tracker.update()
            finished = not group.agree(signals.seen or tracker.lost != "")
            if finished:
                tracker.snapshot(last=True)
            checked_save(run)
            tracker.look()
        except Diverged as error:
            raise Diverged(f"{error}; the last good state is kept in {run.folder}, a lower --lr-d or --lr-g may help") from None
        except OSError as error:
            again = f"go on with `python -m ganzoo resume {run.folder}` when that is mended"
            raise OSError(f"stopped at step {engine.step}: {error}; what was saved is kept, {again}") from None
        finally:
            group.leave()
    go_on = f"stopped at step {engine.step}; go on with `python -m ganzoo resume {run.folder}`"
    if tracker.lost:
        raise Lost(f"{tracker.lost}; {go_on}, with or without --track")
    if not finished:
        raise Interrupted(go_on)


def checked_save(run: Run) -> None:
    """Save, unless a weight is no longer a number."""
    if not run.engine.is_finite():
        raise Diverged(f"diverged at step {run.engine.step}: a weight is not a finite number")
    run.save()
