"""Where a training can be watched besides its own log: TensorBoard or trackio, each an optional package.

A logger may fail at any time (its folder is deleted, the disk is full); the training must not be lost with it. So a logger
raises, and the loop saves the state and stops with one line.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import time
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

import numpy
from PIL import Image

if TYPE_CHECKING:
    from .run import Run

Shown = Mapping[str, float | Image.Image]


class LoggerLost(RuntimeError):
    """The logger can no longer be written to."""


class Logger(Protocol):
    """Where a training is watched; `show` and `close` raise whatever the package raises, and the logger is lost."""

    def show(self, step: int, what: Shown) -> None:
        """Numbers and pictures of a step, by name. Raises whatever the package raises."""

    def close(self) -> None: ...


class TensorBoard:
    """RUN/tensorboard, a file a sitting: see it with `tensorboard --logdir RUN`.

    TensorBoard's own SummaryWriter writes in a thread, where a full disk ends in a traceback; this one writes at once.
    """

    def __init__(self, run: Run) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.record_writer import RecordWriter
        from torch.utils.tensorboard import summary

        self.event, self.summary = Event, summary
        name = f"events.out.tfevents.{int(time.time()):010d}.{platform.node()}.{os.getpid()}"
        self.path = run.folder / "tensorboard" / name
        self.path.parent.mkdir(exist_ok=True)
        self.file = self.path.open("xb")
        self.writer = RecordWriter(self.file)
        self._write(0, file_version="brain.Event:2")
        # What was shown after this step, before a kill, is played again and replaces it.
        self._write(run.engine.step + 1, session_log=SessionLog(status=SessionLog.START))

    def _write(self, step: int, **what: Any) -> None:
        if not self.path.exists():
            raise FileNotFoundError(f"{self.path} is gone")
        self.writer.write(self.event(wall_time=time.time(), step=step, **what).SerializeToString())
        self.file.flush()

    def show(self, step: int, what: Shown) -> None:
        for name, value in what.items():
            if isinstance(value, Image.Image):
                pixels = numpy.asarray(value)
                shown = self.summary.image(name, pixels, dataformats="HW" if pixels.ndim == 2 else "HWC")
            else:
                shown = self.summary.scalar(name, value)
            self._write(step, summary=shown)

    def close(self) -> None:
        self.file.close()


class Trackio:
    """The project "ganzoo" in trackio's folder on this machine: see it with `trackio show --project ganzoo`.

    trackio writes in a thread and never raises: it warns. Once it has begun, its first warning counts as its loss.
    """

    def __init__(self, run: Run) -> None:
        import trackio

        self.trackio = trackio
        facts = vars(run.engine.config) | {"model": run.plan.model, "data": run.plan.data, "seed": run.plan.seed}
        with contextlib.redirect_stdout(sys.stderr):
            trackio.init(
                project="ganzoo",
                name=run.folder.name,
                config=facts,
                resume="allow" if run.engine.step else "never",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        self.warned: list[str] = []
        self.old_showwarning = warnings.showwarning
        warnings.showwarning = self._listen

    def _listen(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if "trackio" in Path(filename).parts:
            self.warned.append(str(message))
        else:
            self.old_showwarning(message, category, filename, lineno, file, line)

    def show(self, step: int, what: Shown) -> None:
        self.trackio.log({k: self.trackio.Image(v) if isinstance(v, Image.Image) else v for k, v in what.items()}, step=step)
        self._raise()

    def _raise(self) -> None:
        if self.warned:
            raise OSError(self.warned[0])

    def close(self) -> None:
        with contextlib.redirect_stdout(sys.stderr):
            self.trackio.finish()
        warnings.showwarning = self.old_showwarning
        self._raise()


LOGGERS: dict[str, type[TensorBoard] | type[Trackio]] = {"tensorboard": TensorBoard, "trackio": Trackio}


def check(name: str | None) -> None:
    """ValueError, with the command that helps, if a logger's package is not installed."""
    try:
        import_module(name or "sys")
    except ImportError:
        raise ValueError(f"--track {name}: the package {name} is not installed; `pip install {name}` gets it") from None
