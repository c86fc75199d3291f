"""A model's tab: which checkpoint, a control for each input, and the views that fit; and what controls and views are.

A new kind of input has one `Control` and a line in `CONTROLS`; a new view is one file and a name in `VIEWS`.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import gradio as gr

from ..checkpoint.folder import Checkpoint
from ..gan import GAN
from ..hub.resolve import Listing
from ..inputs import SEEDS, Input, Noise
from . import inference, limits, texts
from .events import DICE, PRIVATE, skip_on_error
from .fields import SEED, Field

MANY, FEW = 16, 4  # pictures at first
LEFT, RIGHT = 0, 1
TOP, OPTIONS, CAPTIONS, TRAINING = range(4)  # the rows of a tab

Updates = dict[Any, Any]  # by component


class Slot(NamedTuple):
    """A place on a tab."""

    row: int
    column: int


@dataclass(frozen=True, eq=False)
class Part:
    """Components, and what draws them of a checkpoint and of the values that a link has for some keys."""

    outputs: list[Any]
    keys: Sequence[str]
    draw: Callable[..., Any]
    at_first: bool = True  # whether it is drawn when its tab is opened; else when it is asked for, and by links

    def values(self, checkpoint: str, values: Mapping[str, Any]) -> list[Any]:
        """What its outputs show of a checkpoint and of a link's values. ValueError for anything out of bounds."""
        drawn = self.draw(checkpoint, *(values.get(key) for key in self.keys))
        return list(drawn) if len(self.outputs) > 1 else [drawn]


class Control:
    """What a visitor holds for one input: components by their keys in a link."""

    is_prompt = False  # whether a visitor begins with it: it then stands at the left, before the pictures
    first_n = MANY  # pictures at first

    def __init__(self, x: Input, tab: Tab) -> None:
        self.x, self.tab = x, tab
        self.boxes: dict[str, Any] = {}  # by key in a link
        self.unlinked: dict[str, Any] = {}  # those that no link has a value for
        self.change_events: list[Any] = []  # events at which samples are drawn anew
        self.release_events: list[Any] = []  # events at which what takes longer is drawn anew
        self.feedback_outputs: list[Any] = []  # components that say how its value is read
        self.counterparts: list[Any] = []  # boxes of views for the same with something changed
        self.parts: list[Part] = []

    @classmethod
    def fields(cls, x: Any, inputs: Sequence[Input]) -> dict[str, Field]:
        """What a link can say of it, by key. x: an input of its kind, among all inputs of a model."""
        raise NotImplementedError

    def make(self, c: Checkpoint) -> None:
        """Make the components for a checkpoint, where the page is being built."""
        raise NotImplementedError

    def updated(self) -> list[Any]:
        """The components that `update` gives."""
        return [*self.boxes.values(), *self.unlinked.values()]

    def update(self, x: Any, c: Checkpoint, values: Mapping[str, Any] | None) -> Updates:
        """The components, changed to what another checkpoint's input means: set to a link's values or, without, as they are
        when a visitor chose the checkpoint."""
        raise NotImplementedError

    def replaced(self, x: Any, c: Checkpoint, values: Mapping[str, Any]) -> Updates:
        """What takes the place of a visitor's values that mean nothing to another checkpoint, here and in `counterparts`."""
        return {}

    def read(self, x: Any, values: Mapping[str, Any], checkpoint: str, seed: int, n: int) -> dict[str, Any]:
        """The inputs that these values fix, by name; none where the seed decides. ValueError if they cannot be read."""
        raise NotImplementedError

    def sampling_options(self, values: Mapping[str, Any]) -> dict[str, float]:
        """What else `inference.sample` is asked for."""
        return {}

    def feedback(self, checkpoint: str, seed: float, n: float, values: Mapping[str, Any]) -> list[Any]:
        """What `feedback_outputs` say of a value."""
        return []

    def problems(self, checkpoint: str, values: Mapping[str, Any]) -> dict[str, str]:
        """Why values cannot be read, by their keys; shown at the control, and nothing is drawn."""
        return {}

    def is_private(self, values: Mapping[str, Any]) -> bool:
        """Whether these values hold something of a visitor's own, of which nothing may be kept."""
        return False

    def wire(self) -> None:
        """Let its components answer each other."""


class View:
    """Something that a tab shows of a model."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.boxes: dict[str, Any] = {}  # its own controls, by key in a link
        self.parts: list[Part] = []
        self.sample_outputs: list[Any] = []  # components that change whenever samples are drawn

    @classmethod
    def fits(cls, gan: GAN) -> bool:
        """Whether it has something to show of a model."""
        raise NotImplementedError

    @classmethod
    def fields(cls, inputs: Sequence[Input]) -> dict[str, Field]:
        """What a link can say of it, by key; none for a model with inputs that it cannot show."""
        return {}

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        """What builds its components in each place of the tab."""
        raise NotImplementedError

    def wire(self) -> None:
        """Let it answer its own controls, the tab's and `tab.redraw_events`."""

    def on_samples(self, checkpoint: str, drawn: inference.Drawn) -> list[Any]:
        """What `sample_outputs` become once samples are drawn."""
        return []

    def update(self, checkpoint: str, values: Mapping[str, Any]) -> Updates:
        """Its controls, set to a link's values."""
        return {box: values[key] for key, box in self.boxes.items() if key in values}


class Tab:
    """One model's tab: header, panel, and what fits of the views, in two columns."""

    checkpoint: gr.Radio
    seed: gr.Number
    n: gr.Slider
    dice: gr.Button
    go: gr.Button
    info: gr.Markdown  # what was drawn; the script reads the checkpoint and its revision in it

    def __init__(
        self,
        checkpoints: list[Checkpoint],
        views: Sequence[type[View]],
        controls: Mapping[type[Input], type[Control]],
        others: Sequence[Listing] = (),
    ) -> None:
        self.checkpoints = checkpoints
        self.spec = checkpoints[0].spec
        self.first = checkpoints[0].name
        self.others = others  # of the Hub, which are fetched when they are asked for
        self.gans = [inference.untrained(c) for c in checkpoints]
        self.gan: GAN = self.gans[0]
        self.controls = [controls[type(x)](x, self) for x in self.gan.inputs if type(x) in controls]
        self.views = [view(self) for view in views if view.fits(self.gan)]
        self.columns: dict[Slot, gr.Column] = {}
        self.redraw_events: list[Any] = []  # what has been done with the controls when everything is drawn anew
        self.build()
        self.wire()

    def names(self) -> list[str]:
        """The checkpoints that a visitor may choose, the first one first."""
        return [*(c.name for c in self.checkpoints), *(k.name for k in self.others)]

    def id(self, part: str) -> str:
        return f"{self.spec.name}-{part}"

    @property
    def members(self) -> list[Control | View]:
        return [*self.controls, *self.views]

    @property
    def boxes(self) -> dict[str, Any]:
        """What a link has values for, by key."""
        found: dict[str, Any] = {SEED: self.seed, "n": self.n}
        for member in self.members:
            found |= member.boxes
        return found

    @property
    def parts(self) -> list[Part]:
        return [part for member in self.members for part in member.parts]

    @property
    def control_boxes(self) -> dict[str, Any]:
        """The components of all controls, by key: what a drawing is asked with."""
        return {key: box for control in self.controls for key, box in (control.boxes | control.unlinked).items()}

    # ---- What is on it -------------------------------------------------------------------------------------------

    def build(self) -> None:
        blocks: dict[Slot, list[Callable[[], None]]] = {Slot(TOP, LEFT): [self.header], Slot(TOP, RIGHT): [self.panel]}
        for view in self.views:
            for slot, steps in view.blocks().items():
                blocks.setdefault(slot, []).extend(steps)
        for row, below in pairwise(sorted({slot.row for slot in blocks})):
            if Slot(row, RIGHT) not in blocks and Slot(below, LEFT) in blocks:  # one grid: no block is as wide as two
                blocks[Slot(row, RIGHT)] = blocks.pop(Slot(below, LEFT))
        for row in sorted({slot.row for slot in blocks}):
            with gr.Row(equal_height=False, elem_classes=["section", "first"] if row == TOP else "section"):
                for column in (LEFT, RIGHT):
                    if Slot(row, column) in blocks:
                        self.columns[Slot(row, column)] = gr.Column(scale=1, min_width=300)
            for column in (RIGHT, LEFT):  # the controls are made before what they draw
                if Slot(row, column) in blocks:
                    with self.columns[Slot(row, column)]:
                        for make in blocks[Slot(row, column)]:
                            make()

    def header(self) -> None:
        p = self.spec.paper
        first, *others = p.authors.split(", ")
        authors = f"{first} et al." if len(others) > 2 else p.authors
        idea, more = texts.first_sentence(self.spec.note)
        paper = f'{authors}, {p.year}: <a href="{p.url}" target="_blank" rel="noopener">{html.escape(p.title)}</a>'
        gr.Markdown(f"## {self.spec.title}\n{idea}\n\n{texts.beside(self.spec)}", elem_classes="idea")
        gr.HTML(
            f"<details><summary>{texts.IDEA}</summary><p>{html.escape(more)}</p><p>{paper}</p></details>",
            elem_classes="flush more",
        )

    def choose(self) -> None:
        """Which checkpoint."""
        titles = [str(c.config["data"]["title"]) for c in self.checkpoints]
        sides = [f", {c.config['config']['side']} pixels" for c in self.checkpoints]
        labels = [t + s * (titles.count(t) > 1) for t, s in zip(titles, sides, strict=True)]
        names = [
            (f"{label} · {c.name}" if labels.count(label) > 1 else label, c.name)
            for label, c in zip(labels, self.checkpoints, strict=True)
        ]
        in_cache_alone = " (of this machine's cache)"  # it may be gone after a restart
        names += [(f"{k.data} · {k.name}{in_cache_alone * k.source.startswith('cache')}", k.name) for k in self.others]
        self.checkpoint = gr.Radio(names, value=self.first, label=texts.CHECKPOINT, elem_id=self.id("checkpoint"))

    def panel(self) -> None:
        """Which checkpoint, the controls, seed, how many, and the buttons."""
        self.choose()
        for control in self.controls:
            control.make(self.checkpoints[0])
        n = min((control.first_n for control in self.controls), default=MANY)
        with gr.Row():
            self.seed = self.seed_box(0, texts.SEED, "seed", texts.SEED_HINT)
            self.n = gr.Slider(1, limits.MOST, value=n, step=1, label=texts.MANY, min_width=160, scale=5, elem_id=self.id("n"))
        with gr.Row():
            self.dice = gr.Button("🎲 Roll the dice", min_width=130, elem_id=self.id("dice"))
            self.go = gr.Button("Generate", variant="primary", min_width=130, elem_id=self.id("go"))

    def seed_box(self, value: int, label: str, part: str, hint: str | None = None) -> gr.Number:
        return gr.Number(value, label=label, info=hint, precision=0, min_width=100, scale=3, elem_id=self.id(part))

    # ---- What happens --------------------------------------------------------------------------------------------

    def wire(self) -> None:
        # `input`, not `change`: a link that chooses a checkpoint also says what its controls are.
        if outputs := [box for control in self.controls for box in (*control.updated(), *control.counterparts)]:
            keys = [key for control in self.controls for key in control.boxes]

            def switch(checkpoint: str, *values: Any) -> Any:
                updates = self.switched(checkpoint, dict(zip(keys, values, strict=True)))
                found = [updates.get(box, gr.skip()) for box in outputs]
                return found if len(outputs) > 1 else found[0]

            to, inputs = skip_on_error(switch, outputs), [self.checkpoint, *(self.control_boxes[key] for key in keys)]
            self.redraw_events.append(self.checkpoint.input(to, inputs, outputs, queue=False, **PRIVATE))
        else:
            self.redraw_events.append(self.checkpoint.input(None, None, None, js="() => {}", **PRIVATE))
        self.redraw_events.append(self.dice.click(None, None, self.seed, js=DICE))
        for member in self.members:
            member.wire()

    def switched(self, checkpoint: str, values: Mapping[str, Any]) -> Updates:
        """The controls, changed to what they mean in another checkpoint. values: of the boxes, by key."""
        c = inference.load(checkpoint)[0]
        of = {x.name: x for x in self.inputs_of(checkpoint)}
        updates: Updates = {}
        for control in self.controls:
            x = of[control.x.name]
            updates |= control.update(x, c, None) | control.replaced(x, c, values)
        return updates

    def restorable(self) -> list[Any]:
        """The components that `restored` gives."""
        of_controls = [box for control in self.controls for box in control.updated()]
        return [self.checkpoint, self.seed, self.n, *of_controls, *(box for view in self.views for box in view.boxes.values())]

    def restored(self, checkpoint: str, values: Mapping[str, Any]) -> Updates:
        """All controls, set to a link's values, of all that this checkpoint's links have."""
        c = inference.load(checkpoint)[0]
        of = {x.name: x for x in self.inputs_of(checkpoint)}
        updates: Updates = {self.checkpoint: checkpoint, self.seed: values[SEED], self.n: values["n"]}
        for control in self.controls:
            updates |= control.update(of[control.x.name], c, values)
        for view in self.views:
            updates |= view.update(checkpoint, values)
        return updates

    def inputs_of(self, checkpoint: str) -> tuple[Input, ...]:
        """A checkpoint's inputs. ValueError if this tab has controls for others: somebody's model may have other knobs."""
        gan = inference.load(checkpoint)[1]
        takes, has = ([(x.name, type(x)) for x in g.inputs if not isinstance(x, Noise)] for g in (gan, self.gan))
        if takes != has:
            named = (", ".join(x.name for x in g.inputs) for g in (gan, self.gan))
            raise ValueError("it takes {}; this tab has controls for {}".format(*named))
        return gan.inputs

    # ---- What it draws -------------------------------------------------------------------------------------------

    def by_control(self, values: Sequence[Any]) -> list[tuple[Control, dict[str, Any]]]:
        """The values of `control_boxes`, as each control has its own."""
        by_key = dict(zip(self.control_boxes, values, strict=True))
        return [(control, {key: by_key[key] for key in control.boxes | control.unlinked}) for control in self.controls]

    def is_private(self, values: Sequence[Any]) -> bool:
        """Whether a visitor's own picture is among the values of `control_boxes`."""
        return any(control.is_private(own) for control, own in self.by_control(values))

    def fixed(self, checkpoint: str, values: Sequence[Any], seed: int, n: int) -> dict[str, Any]:
        """What the controls' values fix for n pictures."""
        of = {x.name: x for x in self.inputs_of(checkpoint)}
        fixed: dict[str, Any] = {}
        for control, own in self.by_control(values):
            fixed |= control.read(of[control.x.name], own, checkpoint, seed, n)
        return fixed

    def sample(self, checkpoint: str, seed: float, n: float, *values: Any) -> inference.Drawn:
        """Draw what seed, number and controls say. ValueError for anything out of bounds."""
        first, count = (
            inference.whole_number("seed", seed, 0, SEEDS - 1),
            inference.whole_number("n", n, 1, limits.MOST),
        )
        options: dict[str, float] = {}
        for control, own in self.by_control(values):
            options |= control.sampling_options(own)
        return inference.sample(checkpoint, count, first, self.fixed(checkpoint, values, first, count), **options)
