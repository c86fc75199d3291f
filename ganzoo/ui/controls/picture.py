"""A Picture: one of the examples that the model keeps, a drawing, which a link has as strokes, or a visitor's own, which none
has. Where several are given, the drawing goes before the visitor's own, and that before an example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
from PIL import Image

from ...checkpoint.folder import Checkpoint
from ...images import flat
from ...inputs import Input, Picture
from .. import inference, texts
from ..events import PRIVATE
from ..fields import ANY, SKETCH, Field, one_of, sketch
from ..limits import ENLARGED, UPLOAD_SIDE
from ..pad import pad
from ..pictures import enlarge, picture
from ..sketch import sketched, takes_drawings
from ..tab import Control, Part, Updates
from ..upload import upload, uploaded

CLEAR_IF_DRAWN = "(drawn, ...others) => drawn ? [drawn, ...others.map(() => '')] : [drawn, ...others]"
CLEAR = "(number, ...others) => others.map(() => '')"


class PictureControl(Control):
    is_prompt = True
    first_n = 1  # beside what it is made from

    @classmethod
    def fields(cls, x: Picture, inputs: Sequence[Input]) -> dict[str, Field]:
        found = {x.name: Field(ANY, one_of([ANY, *map(str, range(x.examples))]))}
        return found | ({f"{x.name}_drawing": Field("", sketch, longest=SKETCH)} if takes_drawings(x) else {})

    def make(self, c: Checkpoint) -> None:
        x, tab = self.x, self.tab
        assert isinstance(x, Picture)
        self.own: dict[str, gr.HTML] = {}  # by key: what a visitor makes or brings
        if takes_drawings(x):
            gr.Markdown(texts.DRAW_IT, elem_classes="aside")
            self.own[f"{x.name}_drawing"] = pad(tab.id(f"{x.name}-drawing"), is_sketch=True)
            self.begin = gr.Button(texts.BEGIN, size="sm", elem_id=tab.id(f"{x.name}-begin"))
        side = ENLARGED if x.any_size else UPLOAD_SIDE
        own = upload(tab.id(f"{x.name}-upload"), texts.BRING_ONE, side)
        numbers = [ANY, *map(str, range(x.examples))]
        box = gr.Radio(numbers, value=ANY, label=texts.ONE_OF_THESE, elem_id=tab.id(x.name), elem_classes="choice")
        self.examples = picture(None, tab.id(f"{x.name}-examples"), f"The examples of {x.name}, from 0 on")
        self.boxes = {x.name: box, **self.own}
        self.unlinked[f"{x.name}_upload"] = self.own[f"{x.name}_upload"] = own
        self.change_events = [box.input, *(part.change for part in self.own.values())]
        self.release_events = self.change_events
        self.parts = [Part([self.examples], [], lambda checkpoint: self.kept(x, checkpoint))]

    @staticmethod
    def kept(x: Picture, checkpoint: str) -> Image.Image:
        return enlarge(inference.load(checkpoint)[1].examples(x))

    def wire(self) -> None:
        """Whatever was done last counts: it clears what was done before."""
        own, box = [*self.own.values()], self.boxes[self.x.name]
        box.input(None, [box, *own], own, js=CLEAR, **PRIVATE)
        if takes_drawings(self.x):  # type: ignore[arg-type]
            face = self.begin.click(None, None, own[0], js=f"() => {texts.FACE!r}", **PRIVATE)
            self.tab.redraw_events.append(face)
        for one in own:
            others = [other for other in own if other is not one]
            if others:
                one.change(None, [one, *others], [one, *others], js=CLEAR_IF_DRAWN, **PRIVATE)

    def updated(self) -> list[Any]:
        return [*super().updated(), self.examples]

    def update(self, x: Picture, c: Checkpoint, values: Mapping[str, Any] | None) -> Updates:
        """A drawing and an upload stay when a visitor chooses another checkpoint; a link takes the upload away."""
        numbers = [ANY, *map(str, range(x.examples))]
        updates: Updates = {
            self.boxes[x.name]: gr.Radio(numbers, value=(values or {}).get(x.name, ANY)),
            self.examples: self.kept(x, c.name),
        }
        return updates | {part: gr.skip() if values is None else values.get(key, "") for key, part in self.own.items()}

    def read(self, x: Picture, values: Mapping[str, Any], checkpoint: str, seed: int, n: int) -> dict[str, Any]:
        if drawing := values.get(f"{x.name}_drawing"):
            return {x.name: sketched(drawing, x.side)}
        own, number = uploaded(x.name, values[f"{x.name}_upload"]), values[x.name]
        if own is not None:
            own = flat(own)
            if x.any_size:
                own.thumbnail((ENLARGED, ENLARGED))
            return {x.name: own}
        if number in (ANY, None, ""):
            return {}
        if number not in map(str, range(x.examples)):
            raise ValueError(f"{x.name}: {str(number)[:40]!r} is no example; give 0 to {x.examples - 1}, or a picture")
        return {x.name: int(number)}

    def is_private(self, values: Mapping[str, Any]) -> bool:
        return bool(values[f"{self.x.name}_upload"])
