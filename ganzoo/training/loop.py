"""A training from start to finish: budgets, saves, signals."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from types import FrameType
from typing import Any

from . import tracking
from .convergence import Reading
from .engine import Diverged
from .loggers import LoggerLost
from .run import Run, lock_of

CLOCK_EVERY = 10  # steps between two readings of the clock, where several processes must go by rank 0's


class Interrupted(Exception):
    """A person or the system asked the training to stop; its state is saved."""


class Signals:
    """Within this context the first Ctrl-C, SIGTERM or SIGHUP (a terminal that is closed) sets `seen` instead of ending the
    process. In a thread, which is sent no signals, nothing is changed."""

    def __init__(self) -> None:
        self.seen = False
        self.old_handlers: dict[signal.Signals, Any] = {}
        self.terminals = [fd for fd in (1, 2) if os.isatty(fd)]  # of what is printed

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            noted = [signal.SIGINT, signal.SIGTERM]
            if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as `nohup` has it
                noted.append(signal.SIGHUP)
            self.old_handlers = {s: signal.signal(s, self._note) for s in noted}
        return self

    def __exit__(self, *error: object) -> None:
        for s, handler in self.old_handlers.items():
            signal.signal(s, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:  # nobody reads what is printed, and to print it is an error
            for fd in self.terminals:
                os.dup2(os.open(os.devnull, os.O_WRONLY), fd)
        elif self.seen:
            raise KeyboardInterrupt
        self.seen = True


def train(run: Run, quiet: bool = False, save_every: float = 60.0, track: str | None = None) -> Reading | None:
    """Carry out a run's plan to the end of its budget, saving every so many seconds -> what its log says; None where another
    process writes it.

    Raises Interrupted after a Ctrl-C, and LoggerLost when the logger that it is tracked by fails, with the state saved;
    Diverged when a loss is no longer a number, with the last good state kept; OSError when the disk fails, likewise.
    """
    engine, plan, group = run.engine, run.plan, run.engine.group
    run.lock = run.lock or lock_of(run.folder)
    target = plan.steps or (plan.images and math.ceil(plan.images / engine.config.batch))
    budget = plan.minutes * 60 if plan.minutes else math.inf
    start, seconds_before = time.monotonic(), run.seconds
    saved = start
    finished = False

    with Signals() as signals, tracking.Tracker(run, target, quiet or not group.is_main, track) as tracker:
        try:
            run.save()
            while target is None or engine.step < target:
                if engine.step % (1 if group.size == 1 else CLOCK_EVERY) == 0:
                    if group.broadcast_flag(run.seconds >= budget or signals.seen or tracker.lost != ""):
                        break
                    if group.broadcast_flag(time.monotonic() - saved > save_every):
                        tracker.update()
                        checked_save(run)
                        tracker.evaluate()
                        saved = time.monotonic()
                tracker.snapshot()
                engine.advance()
                run.seconds = seconds_before + time.monotonic() - start
                if engine.step % tracking.READ_EVERY == 0:
                    tracker.update()
            tracker.update()
            finished = not group.broadcast_flag(signals.seen or tracker.lost != "")
            if finished:
                tracker.snapshot(last=True)
            checked_save(run)
            tracker.evaluate()
            reading = tracker.close_log()
        except Diverged as error:
            raise Diverged(f"{error}; the last good state is kept in {run.folder}, a lower --lr-d or --lr-g may help") from None
        except OSError as error:
            again = f"go on with `python -m ganzoo resume {run.folder}` when that is mended"
            raise OSError(f"stopped at step {engine.step}: {error}; what was saved is kept, {again}") from None
        finally:
            group.leave()
            run.release()
    go_on = f"stopped at step {engine.step}; go on with `python -m ganzoo resume {run.folder}`"
    if tracker.lost:
        raise LoggerLost(f"{tracker.lost}; {go_on}, with or without --track")
    if not finished:
        raise Interrupted(go_on)
    return reading


def checked_save(run: Run) -> None:
    """Save, unless a weight is no longer a number."""
    if not run.engine.is_finite():
        raise Diverged(f"diverged at step {run.engine.step}: a weight is not a finite number")
    run.save()
