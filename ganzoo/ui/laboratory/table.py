"""Who may train in the laboratory now: some seats, and a line of those who wait for one. Names are unguessable; whoever asks no
more loses what they have."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

SEATS = 6  # trainings at once: they share one processor
LINE = 64  # visitors who may wait
KEPT = 60.0  # seconds that a training which nobody asks for is kept
QUIET = 10.0  # the same while others wait, and of a place in the line
TURN = 120.0  # seconds that a training may last while others wait


class Full(ValueError):
    """There is no place, not even in the line."""


class Gone(ValueError):
    """No such training any more."""


@dataclass
class Seat:
    since: float  # when it was taken
    asked: float  # when its visitor asked last


@dataclass
class Table:
    """Seats and the line, by a training's name. end: called with the name of each training that ends. clock: seconds."""

    end: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    most: int = SEATS
    kept: float = KEPT
    quiet: float = QUIET
    turn: float = TURN
    seats: dict[str, Seat] = field(default_factory=dict)
    line: dict[str, float] = field(default_factory=dict)  # in their order; when each asked last
    lock: threading.RLock = field(default_factory=threading.RLock)

    def join(self) -> str:
        """A new training's name; it is in the line until `place` says 0. Full if that is too long."""
        with self.lock:
            self.clear()
            if len(self.line) >= LINE:
                raise Full(f"{len(self.line)} visitors wait for the laboratory already: try again in a minute")
            name = secrets.token_urlsafe(16)
            self.line[name] = self.clock()
            return name

    def place(self, name: str) -> int:
        """0 if a training may go on, or how many are in the line up to it. Gone if there is no such one."""
        with self.lock:
            now = self.clock()
            if name in self.line:
                self.line[name] = now
            self.clear()
            if name in self.seats:
                self.seats[name].asked = now
                return 0
            if name not in self.line:
                raise Gone("this training was ended: nobody asked for it for a while, or others waited for its turn")
            return [*self.line].index(name) + 1

    def leave(self, name: str) -> None:
        """End a training, if there is one of that name."""
        with self.lock:
            self.line.pop(name, None)
            if self.seats.pop(name, None):
                self.end(name)
            self.seat()

    def clear(self) -> None:
        """End what has had its time, and let the first of the line in."""
        now = self.clock()
        for name in [n for n, asked in self.line.items() if now - asked > QUIET]:
            self.leave(name)
        for name, seat in [*self.seats.items()]:
            quiet = now - seat.asked
            if quiet > self.kept or (self.line and (quiet > self.quiet or now - seat.since > self.turn)):
                self.leave(name)
        self.seat()

    def seat(self) -> None:
        while self.line and len(self.seats) < self.most:
            name = next(iter(self.line))
            self.seats[name] = Seat(self.clock(), self.line.pop(name))
