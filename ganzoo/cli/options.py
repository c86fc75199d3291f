"""Options that several verbs share, and how their values are read."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from ..training.loggers import LOGGERS

if TYPE_CHECKING:
    from ..hub.push import Sent


def say(line: str) -> None:
    """A line for the person at the terminal, beside what the verb prints for a script."""
    print(line, file=sys.stderr)


def add_budget(parser: argparse.ArgumentParser) -> None:
    """The options of whatever trains: how long, how often saved, who follows it."""
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--steps", type=positive(int), help="steps in all")
    budget.add_argument("--minutes", type=positive(float), help="minutes of training in all")
    budget.add_argument("--images", type=positive(int), help="real pictures seen in all")
    parser.add_argument("--save-every", type=positive(float), default=60.0, help="seconds from save to save (default 60)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--watch", action="store_true", help="open a page on this machine that follows the training")
    parser.add_argument("--track", choices=tuple(LOGGERS), help="show losses and snapshots there too (an optional package)")


def positive(kind: type[int] | type[float]) -> Any:
    """An argparse type: a number above 0."""

    def read(text: str) -> int | float:
        value = kind(text)
        if not 0 < value < 1e12:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    read.__name__ = "number" if kind is float else "whole number"
    return read


def show_files(sent: Sent) -> None:
    """Files and their bytes, as `push` and `deploy` list what they send, and what they delete."""
    for name, size in sent.sizes.items():
        print(f"{size:12,}  {name}")
    for name in sent.deleted:
        print(f"{'deleted':>12}  {name}")
    print(f"{sum(sent.sizes.values()):12,}  bytes in {len(sent.sizes)} files")


def show_dry_run(sent: Sent, head: str, to: str) -> None:
    """What would be sent, and what stands against it."""
    print("\n".join(["", head, "", *sent.notes, f"nothing was uploaded: without --dry-run, this is one commit to {to}"]))


def add_sending(parser: argparse.ArgumentParser, shown: str) -> None:
    """The options of what goes to the Hub."""
    parser.add_argument("--private", action="store_true", default=None, help="only for you and those you let in")
    parser.add_argument("--replace", action="store_true", help="also delete files there that ganzoo did not write")
    parser.add_argument("--dry-run", action="store_true", help=f"show the files and the {shown}'s head, upload nothing")
