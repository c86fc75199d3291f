"""A run trained to its end, with whatever follows it: a page, a progress bar, a line when it is done."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .options import say

if TYPE_CHECKING:
    from ..training.run import Run


def train_to_the_end(run: Run, args: argparse.Namespace) -> None:
    """Carry out a run's plan, by the options of `train` and `resume`. KeyboardInterrupt if it was stopped, its state saved."""
    from ..training import loop

    try:
        with page_of(run) if args.watch and run.engine.group.is_main else contextlib.nullcontext():
            reading = loop.train(run, args.quiet, args.save_every, args.track)
    except loop.Interrupted as stop:
        raise KeyboardInterrupt(str(stop)) from None
    if run.engine.group.is_main:
        print(f"{run.folder}: step {run.engine.step:,}, {run.engine.images:,} pictures, {run.seconds:.0f} s")
        if reading and not args.quiet:
            for sentence in reading.sentences:
                say(sentence)


@contextlib.contextmanager
def page_of(run: Run) -> Iterator[None]:
    """A page that follows the run meanwhile."""
    from ..ui.start import prepare

    prepare()
    from ..ui.watch import Page

    with Page(run) as page:
        say(f"watch it at {page.url}")
        yield
