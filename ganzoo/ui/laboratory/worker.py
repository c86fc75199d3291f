"""The process that the laboratory's trainings live in: beside the app, at low priority, so that they take neither its lock on
Python nor torch's one stream of random numbers, and leave no mark on its memory.

`python -m ganzoo.ui.laboratory.worker` reads a request a line, as JSON, and answers each with a line; it ends when nobody
writes any more. `Worker` is the app's side of it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[3]  # where `ganzoo` is found
NICE = 5
# One thread, unless a training sets more; and threads that sleep, not spin, while they wait for each other.
THREADS = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


class Stopped(RuntimeError):
    """The process is not there, or ended while it was asked."""


class Worker:
    """Starts the process when it is first asked, and again if it has died; asks it one thing at a time."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.lock = threading.Lock()

    def ask(self, **request: Any) -> dict[str, Any]:
        """What the process answers. ValueError as its training raised it; Stopped."""
        with self.lock:
            process = self.running()
            assert process.stdin
            assert process.stdout
            try:
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except OSError:
                line = ""
            if not line:
                self.process = None
                raise Stopped("the laboratory's process ended, and all trainings with it: start again")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer

    def running(self) -> subprocess.Popen[str]:
        if self.process is None or self.process.poll() is not None:
            path = os.pathsep.join(filter(None, [str(PACKAGE), os.environ.get("PYTHONPATH")]))
            self.process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": path} | THREADS,
            )
        return self.process

    def stop(self) -> None:
        """End the process, if there is one."""
        with self.lock:
            if self.process:
                self.process.terminate()
                self.process.wait()
                self.process = None


def main() -> None:
    """Answer requests until there are none."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    out, sys.stdout = sys.stdout, sys.stderr  # whatever prints by itself must not be taken for an answer
    from .bench import Bench

    bench = Bench()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for line in sys.stdin:
            out.write(json.dumps(bench.answer(json.loads(line))) + "\n")
            out.flush()
    except KeyboardInterrupt:
        pass
    finally:
        bench.close()


if __name__ == "__main__":
    main()
