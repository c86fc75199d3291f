"""`train --watch`: a page on this machine that follows a training: its status, what it draws, its losses.

It reads what the training writes into its folder, in a thread of the training's own process, and ends with it.
"""

from __future__ import annotations

import json
import math
import threading
import time
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from .. import registry
from ..images import from_pil, grid
from ..training import convergence, tracking
from ..training.run import Run
from .curves import PROGRESS, accuracies, curve, losses, progress, recurved
from .events import PRIVATE
from .pictures import picture
from .theme import CSS, THEME

EVERY = 3.0  # seconds between two polls of a browser
WIDTH = 512  # pixels that a grid is enlarged to, by a whole factor


class Page:
    """Serves from `__enter__` to `__exit__`, after which a browser that followed has seen the end."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.lines: list[dict[str, Any]] = []  # of log.jsonl, so far
        self.bytes_read = 0  # of it
        self.lock = threading.Lock()  # each browser is answered in a thread of its own
        self.polled = -math.inf  # when a browser asked last
        self.ended = False
        with gr.Blocks(title=f"ganzoo: {run.folder.name}", analytics_enabled=False) as self.demo:
            self.render()
        self.demo.queue()

    def __enter__(self) -> Page:
        settings: dict[str, Any] = {"theme": THEME, "css": CSS, "footer_links": [], "run_history": False}
        try:
            self.demo.launch(**settings, inbrowser=True, share=False, prevent_thread_lock=True, quiet=True)
        except OSError as error:
            go_on = f"`python -m ganzoo resume {self.run.folder}` trains without"
            raise OSError(f"--watch: no page ({str(error).splitlines()[0]}); {go_on}") from None
        return self

    @property
    def url(self) -> str:
        return str(self.demo.local_url)

    def __exit__(self, *error: object) -> None:
        self.ended = True
        if time.monotonic() - self.polled < 2 * EVERY:  # somebody follows: let them see the end
            time.sleep(1.5 * EVERY)
        self.demo.close(verbose=False)

    # ---- What is on it -------------------------------------------------------------------------------------------

    def render(self) -> None:
        plan = self.run.plan
        gr.Markdown(f"# {registry.spec(plan.model).title} learns\non {plan.about['title']}, in `{self.run.folder}`")
        seen = gr.State((-1, ""))
        with gr.Row(equal_height=False, elem_classes="section"):
            with gr.Column(scale=5, min_width=300):
                status = gr.Markdown(elem_id="watch-state")
                drawn = picture(None, "watch-picture", "What it draws of the same inputs all along")
                at = gr.Markdown(elem_classes="aside")
            with gr.Column(scale=6, min_width=300):
                gr.Markdown("### What each player minimises")
                terms = curve(losses([]), "watch-losses")
                gr.Markdown(
                    "### What D gets right\nOf the real pictures and of the drawn ones: half of each where it can only guess."
                )
                shares = curve(accuracies([]), "watch-right")
                gr.Markdown(
                    "### How far it is\nThe Fréchet distance, where a judge measures it along the way, and a critic's own "
                    "estimate: once they no longer fall, it has converged."
                )
                distances = curve(progress([]), "watch-progress", [*PROGRESS.values()])
        timer = gr.Timer(EVERY)
        gr.on(
            [self.demo.load, timer.tick],
            self.poll,
            seen,
            [seen, status, drawn, at, terms, shares, distances, timer],
            queue=False,
            **PRIVATE,
        )

    # ---- What happens --------------------------------------------------------------------------------------------

    def poll(self, seen: tuple[int, str]) -> tuple[Any, ...]:
        """What a browser has not seen yet: (lines of the log, last snapshot) is what it has."""
        self.polled = time.monotonic()
        ended = self.ended  # before the log is read, whose last line was written before that
        self.catch_up()
        shots = sorted((self.run.folder / "snapshots").glob("*.png"))
        now = len(self.lines), shots[-1].stem if shots else ""
        drawn = at = terms = shares = distances = gr.skip()
        if now[0] != seen[0]:
            terms, shares, distances = (recurved(of(self.lines)) for of in (losses, accuracies, progress))
        if now[1] != seen[1]:
            drawn, at = enlarged(shots[-1]), f"The same inputs all along, now at step {int(now[1]):,}."
        return now, self.status(ended), drawn, at, terms, shares, distances, gr.Timer(active=False) if ended else gr.skip()

    def catch_up(self) -> None:
        """Read what was added to the log."""
        path = self.run.folder / "log.jsonl"
        if path.exists():
            with self.lock, path.open("rb") as file:
                file.seek(self.bytes_read)
                new = file.read()
                whole = new[: new.rfind(b"\n") + 1]  # a line may be half written
                self.bytes_read += len(whole)
                self.lines += [json.loads(line) for line in whole.splitlines()]

    def status(self, ended: bool) -> str:
        """The state, how far it is and how fast."""
        if not self.lines:
            return "## it begins"
        last = self.lines[-1]
        reading = convergence.read(self.lines, tracking.countable(self.run))
        state = reading.state or "it trains"
        if ended:
            state = f"ended, {state}"
        return (
            f"## {state}\nstep {last['step']:,} · {last['images']:,} pictures seen · {last['images_per_s']:,} a second\n\n"
            + "\n".join(f"- {sentence}" for sentence in reading.sentences)
        )


def enlarged(path: Path) -> Image.Image:
    """A snapshot, large enough to see its pixels."""
    shot = from_pil(Image.open(path))
    return grid(shot[None], scale=max(1, WIDTH // shot.shape[-1]))
