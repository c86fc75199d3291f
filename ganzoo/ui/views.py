"""The views of a tab, chosen by what the model eats: samples for all, a walk for noise, training for every checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
import pandas
from PIL import Image
from torch import Tensor

from ..checkpoint import Checkpoint
from ..gan import GAN
from ..hub import card
from ..images import columns_for, grid
from ..inputs import Code, Input, Noise
from . import links, play
from .controls import DICE, DRAWING, PRIVATE, control, fitted, forgiving, given, picture, polite
from .curves import curve, losses, recurved
from .detective import Detective, reads
from .links import Part
from .permalink import AT, MANY, SHOT, fields
from .scrubber import frames, scrubber
from .table import Table, Word, ordered

WIDTH = 1120  # pixels that a grid is enlarged to at most, by whole factors: more than the screen shows, so it stays crisp
LARGE, ENOUGH = 128, 512  # pictures of so many pixels are enlarged to that only


def seed_box(value: int, label: str, elem_id: str) -> gr.Number:
    return gr.Number(value, label=label, precision=0, min_width=100, scale=3, elem_id=elem_id)


def enlarge(images: Tensor) -> Image.Image:
    """A grid for the screen: pixels stay pixels."""
    side = images.shape[-1]
    scale = max(1, (WIDTH if side < LARGE else ENOUGH) // (columns_for(len(images)) * side))
    return grid(images, scale=scale, gap=max(1, scale // 2), paper=48)


def caption(said: dict[str, Any]) -> str:
    n, seed = said["n"], said["seed"]
    which = f"seed {seed}" if n == 1 else f"seeds {seed} to {seed + n - 1}"
    short = f" · short of GPU memory: drawn {said['at_once']} at a time" if "at_once" in said else ""
    return f"{which} · `{said['checkpoint']}` · weights {said['revision']}, {said['source']}" + short


class Tab:
    """One model's tab: its words, its controls, its views."""

    def __init__(self, checkpoints: list[Checkpoint]) -> None:
        self.checkpoints = checkpoints
        self.spec = checkpoints[0].spec
        self.first = checkpoints[0].name
        self.others = play.others(self.spec.name)  # of the Hub, which are fetched when they are asked for
        self.gan: GAN = play.network(self.first)[1]
        self.inputs = [x for x in self.gan.inputs if not isinstance(x, Noise)]
        self.codes = [x for x in self.inputs if isinstance(x, Code)]
        self.held: dict[str, Any] = {}  # the controls, by their key in a link
        self.parts: list[Part] = []
        self.render()

    def names(self) -> list[str]:
        """The checkpoints that a visitor may choose, the first one first."""
        return [*(c.name for c in self.checkpoints), *(k.name for k in self.others)]

    def id(self, part: str) -> str:
        return f"{self.spec.name}-{part}"

    # ---- What is on it -------------------------------------------------------------------------------------------

    def render(self) -> None:
        with gr.Row(equal_height=False, elem_classes="section"):
            with gr.Column(scale=5, min_width=300):
                self.words()
                if any(isinstance(x, Noise) for x in self.gan.inputs):
                    self.walk()
            with gr.Column(scale=6, min_width=300):
                self.panel()
                self.samples()
        if choice := ordered(self):
            with gr.Row(equal_height=False, elem_classes="section"):
                with gr.Column(scale=6, min_width=300):
                    self.table = Table(self, choice)
                with gr.Column(scale=5, min_width=300):
                    if not self.codes:
                        self.word = Word(self, choice)
                    if reads(self.gan):
                        self.detective = Detective(self)
        self.upbringing()
        self.wire()

    def upbringing(self) -> None:
        with gr.Row(equal_height=False, elem_classes="section"):
            with gr.Column(scale=5, min_width=300):
                self.training()
            with gr.Column(scale=6, min_width=300):
                self.facts()

    def words(self) -> None:
        p = self.spec.paper
        first, *others = p.authors.split(", ")
        authors = f"{first} et al." if len(others) > 2 else p.authors
        gr.Markdown(f"## {self.spec.title}\n{authors}, {p.year} · [{p.title}]({p.url})", elem_classes="said")
        gr.Markdown(self.spec.note, elem_classes="idea")
        titles = [str(c.config["data"]["title"]) for c in self.checkpoints]
        sides = [f", {c.config['config']['side']} pixels" for c in self.checkpoints]
        names = [(t + s * (titles.count(t) > 1), c.name) for t, s, c in zip(titles, sides, self.checkpoints, strict=True)]
        names += [(f"{k.data} · {k.name}", k.name) for k in self.others]
        self.checkpoint = gr.Radio(names, value=self.first, label="trained on", elem_id=self.id("checkpoint"))

    def panel(self) -> None:
        checkpoint = play.network(self.first)[0]
        self.controls: list[tuple[Input, Any]] = [(x, c) for x in self.inputs if (c := control(x, checkpoint, self.id(x.name)))]
        self.dealing(MANY)

    def dealing(self, n: int) -> None:
        """Seed, how many, and the buttons."""
        with gr.Row():
            self.seed = seed_box(0, "seed", self.id("seed"))
            self.n = gr.Slider(1, play.MOST, value=n, step=1, label="how many", min_width=160, scale=5, elem_id=self.id("n"))
        with gr.Row():
            self.dice = gr.Button("🎲 Roll the dice", min_width=130, elem_id=self.id("dice"))
            self.go = gr.Button("Generate", variant="primary", min_width=130, elem_id=self.id("go"))

    def defaults(self) -> list[Any]:
        """The controls' values before anyone touches them."""
        return [c.value for _, c in self.controls]

    def samples(self) -> None:
        drawn = play.sample(self.first, MANY, 0, self.fixed(self.defaults()))
        self.picture = picture(enlarge(drawn.images), self.id("picture"), f"Pictures drawn by {self.spec.title}")
        self.said = gr.Markdown(caption(drawn.said), elem_classes="said", elem_id=self.id("said"))
        links.share(self.spec.name)

    def walk(self) -> None:
        gr.Markdown("### Walk\nEvery seed is a point. Drag from one to another: what is between them is drawn too.")
        self.steps = scrubber(self.way(self.first, 0, 1), self.id("walk"))
        with gr.Row():
            self.start = seed_box(0, "from seed", self.id("start"))
            self.end = seed_box(1, "to seed", self.id("end"))
            self.elsewhere = gr.Button("🎲 Elsewhere", min_width=120, scale=3, elem_id=self.id("elsewhere"))

    def training(self) -> None:
        gr.Markdown("### Watch it learn\nThe same sixteen seeds, from the first step of training to the last.")
        self.timeline = scrubber(self.history(self.first), self.id("timeline"))

    def facts(self) -> None:
        gr.Markdown("### How good is it?")
        self.measures = gr.Markdown(self.words_about(self.first), elem_classes="facts", elem_id=self.id("facts"))
        with gr.Accordion("Loss curves", open=False):
            terms = [term for c in self.checkpoints for term in self.losses(c.name)["term"].unique()]
            self.curves = curve(self.losses(self.first), self.id("losses"), terms)

    # ---- What happens --------------------------------------------------------------------------------------------

    def wire(self) -> None:
        where, quick = DRAWING, PRIVATE | DRAWING
        codes = [x.name for x, _ in self.controls]
        self.held |= {"seed": self.seed, "n": self.n, **{x.name: c for x, c in self.controls}}
        self.parts.append(Part([self.picture, self.said], ["seed", "n", *codes], self.draw))
        self.wire_about()
        asked = [self.checkpoint, *self.held.values()]
        shown = [self.picture, self.said]
        self.go.click(self.draw, asked, shown, api_name=self.spec.name, api_description=self.description(), **where)
        changes: list[Any] = [self.seed.submit, self.n.release, *(c.input for _, c in self.controls)]
        gr.on(changes, self.draw, asked, shown, trigger_mode="always_last", **quick)
        rolled = self.dice.click(None, None, self.seed, js=DICE)
        rolled.then(self.draw, asked, shown, **quick)
        # `input`, not `change`: a link that chooses a checkpoint also says what its controls are.
        if refit := [c for _, c in self.controls]:
            switched = self.checkpoint.input(forgiving(self.refitted, refit), self.checkpoint, refit, queue=False, **PRIVATE)
            switched.then(self.draw, asked, shown, **quick)
        else:
            switched = self.checkpoint.input(self.draw, asked, shown, **quick)
        if hasattr(self, "steps"):
            self.held |= {"from": self.start, "to": self.end}
            self.parts.append(Part([self.steps], ["from", "to", AT], self.way))
            way = [self.checkpoint, self.start, self.end]
            gr.on([self.start.submit, self.end.submit, self.checkpoint.input], self.way, way, self.steps, **quick)
            roll = f"() => [({DICE})(), ({DICE})()]"
            self.elsewhere.click(None, None, [self.start, self.end], js=roll).then(self.way, way, self.steps, **quick)

        if hasattr(self, "table"):
            self.table.wire([switched, rolled], quick)
        if hasattr(self, "word"):
            self.word.wire(quick)
        if hasattr(self, "detective"):
            self.detective.wire(where)

    def wire_about(self) -> None:
        about = [self.timeline, self.measures, self.curves]
        self.parts.append(Part(about, [SHOT], self.about))
        self.checkpoint.input(forgiving(self.about, about), self.checkpoint, about, **PRIVATE, **DRAWING)

    @staticmethod
    def inputs_of(checkpoint: str) -> tuple[Input, ...]:
        return play.network(checkpoint)[1].inputs

    def restored(self, checkpoint: str, values: dict[str, Any]) -> dict[Any, Any]:
        """The controls, changed to what a link says; what it leaves out goes back to its default."""
        c, gan = play.network(checkpoint)
        updates: dict[Any, Any] = {self.checkpoint: checkpoint}
        known = fields(gan.inputs)
        updates |= {box: values.get(key, known[key].default) for key, box in self.held.items() if key in known}
        of = {x.name: x for x in gan.inputs}
        updates |= {box: fitted(of[x.name], c, values.get(x.name)) for x, box in self.controls}
        if hasattr(self, "word"):
            fit = self.word.fitted(checkpoint, values.get("text"), values.get("parts"))
            updates |= {self.word.text: fit[0], self.word.parts: fit[1]}
        return updates

    def refitted(self, checkpoint: str) -> Any:
        """The controls, changed to what they mean in another checkpoint."""
        c = play.network(checkpoint)[0]
        controls = [fitted(x, c) for x in links.fitting(checkpoint) if x.name in {y.name for y, _ in self.controls}]
        return controls if len(controls) > 1 else controls[0]

    def fixed(self, values: Sequence[object]) -> dict[str, Any]:
        """What the controls' values fix."""
        held: dict[str, Any] = {}
        for (x, _), value in zip(self.controls, values, strict=True):
            held |= given(x, value)
        return held

    def description(self) -> str:
        takes = ", ".join(["a checkpoint", "a seed", "how many", *(x.name for x in self.inputs)])
        return f"Draw with {self.spec.title}. Takes {takes}; gives a lossless PNG grid and a line that says what it is."

    @property
    def draw(self) -> Callable[..., Any]:
        @polite
        def draw(checkpoint: str, seed: float, n: float, *values: object) -> tuple[Image.Image, str]:
            drawn = play.sample(checkpoint, n, seed, self.fixed(values))  # type: ignore[arg-type]
            return enlarge(drawn.images), caption(drawn.said)

        return draw

    @staticmethod
    @polite
    def way(checkpoint: str, start: float, end: float, at: int | None = None) -> dict[str, Any]:
        pictures = play.walk(checkpoint, start, end)  # type: ignore[arg-type]
        last = len(pictures) - 1
        shares = [round(100 * i / last) for i in range(last + 1)]
        words = [f"{100 - s} % seed {int(start)}, {s} % seed {int(end)}" for s in shares]
        label, alt = "Way from one seed to the other", "The picture on the way"
        keep = f"{checkpoint}-{start}-{end}.gif"
        return frames([p[None] for p in pictures], words, label, alt, start=last // 2, keep=keep, key=AT, at=at)

    @staticmethod
    def history(checkpoint: str, shot: int | None = None) -> dict[str, Any]:
        c, _ = play.network(checkpoint)
        rows = c.timeline() or [(int(c.config["training"]["steps"]), play.sample(checkpoint, 16, 0).images)]  # the end alone
        batch = int(c.config["config"]["batch"])
        words = [f"step {step:,}: {step * batch:,} pictures seen" for step, _ in rows]
        label, alt = "Step of training", "Sixteen pictures at this step"
        return frames([p for _, p in rows], words, label, alt, start=len(rows) - 1, delay=350, key=SHOT, at=shot)

    @staticmethod
    def words_about(checkpoint: str) -> str:
        c, _ = play.network(checkpoint)
        return (
            f"{card.measures_table(c.config['metrics'], brief=True)}\n\n"
            f"**Trained on** {c.config['data']['source']}: {card.trained(c.config)}. {card.chosen(c.config)}\n\n"
            f"**Departs from the paper.** {card.departures(c)}\n\n"
            f"**Limits.** {c.spec.limits}"
        )

    @staticmethod
    def losses(checkpoint: str) -> pandas.DataFrame:
        c, _ = play.network(checkpoint)
        path = c.folder / "log.jsonl"
        return losses([json.loads(x) for x in path.read_text().splitlines()] if path.exists() else [])

    @staticmethod
    def about(checkpoint: str, shot: int | None = None) -> tuple[dict[str, Any], str, gr.LinePlot]:
        return Tab.history(checkpoint, shot), Tab.words_about(checkpoint), recurved(Tab.losses(checkpoint))
