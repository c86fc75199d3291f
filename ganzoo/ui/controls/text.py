"""A Text: a box for a caption, what the model reads in it, lists that write one, captions to try, a style, and how much the
caption is blurred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from ... import data
from ...checkpoint.folder import Checkpoint
from ...inputs import EPSILON, MAX_SUGGESTIONS, Code, Input, Text
from .. import lists, prompts
from ..events import PRIVATE, show_errors, skip_on_error
from ..fields import ANY, STEP, Field, caption_line, one_of, slider_step
from ..limits import BLUR, STRONGEST
from ..tab import FEW, Control, Part, Updates

STYLE = "style"


def blurs(inputs: Sequence[Input]) -> bool:
    """Whether a model has noise that blurs its captions."""
    return any(x.name == EPSILON for x in inputs)


class TextControl(Control):
    is_prompt = True
    first_n = FEW

    @classmethod
    def fields(cls, x: Text, inputs: Sequence[Input]) -> dict[str, Field]:
        found = {x.name: Field(x.suggestions[0][0], caption_line(x, blank=True), blank=True)}
        if x.styles:
            found[STYLE] = Field(ANY, one_of(prompts.style_options(x)))
        if blurs(inputs):
            found[EPSILON] = Field(BLUR, slider_step(Code(EPSILON, 0, STRONGEST)))
        return found

    def make(self, c: Checkpoint) -> None:
        x, tab = self.x, self.tab
        assert isinstance(x, Text)
        first = x.suggestions[0][0]
        self.box = gr.Textbox(
            first,
            label="say what to draw",
            placeholder="anything: captions by lot",
            max_length=x.length,
            lines=1,
            max_lines=3,
            elem_id=tab.id(x.name),
            elem_classes="settles",
        )
        self.reading = gr.HTML("", elem_id=tab.id("reading"), elem_classes="flush")
        self.lists = lists.lists(tab.id("lists"), data.wording(c.manifest.data.name), first)
        with gr.Row(elem_classes="chips"):
            own = [one for one, _ in x.suggestions][:MAX_SUGGESTIONS]
            self.chips = [
                gr.Button(line, visible=bool(line), size="sm", min_width=0, elem_classes="chip")
                for line in own + [""] * (MAX_SUGGESTIONS - len(own))
            ]
        self.style = gr.Radio(**self.styles(x), label=STYLE, elem_id=tab.id(STYLE), elem_classes="choice")
        self.epsilon = gr.Slider(
            0,
            STRONGEST,
            value=BLUR,
            step=STEP,
            label="blur of the caption: 0 takes it exactly, 1 is as in training",
            buttons=["reset"],
            visible=blurs(tab.gan.inputs),
            elem_id=tab.id(EPSILON),
        )
        self.boxes = {x.name: self.box, STYLE: self.style, EPSILON: self.epsilon}
        self.change_events = self.release_events = [self.box.submit, self.style.input, self.epsilon.release]
        self.feedback_outputs = [self.reading]
        self.parts = [Part([*self.chips, self.lists], [x.name], self.help)]

    @staticmethod
    def styles(x: Text, value: str = ANY) -> dict[str, Any]:
        return {"choices": prompts.style_options(x), "value": value, "visible": bool(x.styles)}

    @staticmethod
    def chip_updates(checkpoint: str, prompt: str | None = None) -> list[dict[str, Any]]:
        """The captions to try, as updates of their buttons."""
        shown = prompts.offers(checkpoint, prompt)
        blanks = [gr.update(value=None, visible=False)] * (MAX_SUGGESTIONS - len(shown))
        return [gr.update(value=line, visible=True) for line in shown] + blanks

    @classmethod
    def help(cls, checkpoint: str, prompt: str) -> list[Any]:
        """The captions to try, and the lists, set to what a caption says."""
        return [*cls.chip_updates(checkpoint, prompt), lists.shown(prompts.wording_of(checkpoint), prompt)]

    def update(self, x: Text, c: Checkpoint, values: Mapping[str, Any] | None) -> Updates:
        """What is written stays when a visitor chooses another checkpoint, so that both draw the same; but see `replaced`."""
        blurred = any(given["name"] == EPSILON for given in c.config["inputs"])
        if values is None:
            return {
                self.box: gr.skip(),
                self.style: gr.Radio(**self.styles(x)),
                self.epsilon: gr.Slider(visible=blurred),
            }
        return {
            self.box: values[x.name],
            self.style: gr.Radio(**self.styles(x, values.get(STYLE, ANY))),
            self.epsilon: gr.Slider(value=values.get(EPSILON, BLUR), visible=blurred),
        }

    def replaced(self, x: Text, c: Checkpoint, values: Mapping[str, Any]) -> Updates:
        if not prompts.is_of_other_data(c.name, values[x.name]):
            return {}
        one, other = x.suggestions[0]
        return {self.box: one} | dict.fromkeys(self.counterparts, other)

    def read(self, x: Text, values: Mapping[str, Any], checkpoint: str, seed: int, n: int) -> dict[str, Any]:
        return {x.name: prompts.captions(checkpoint, seed, n, values[x.name], values[STYLE])}

    def sampling_options(self, values: Mapping[str, Any]) -> dict[str, float]:
        return {EPSILON: BLUR if values[EPSILON] is None else values[EPSILON]}

    def feedback(self, checkpoint: str, seed: float, n: float, values: Mapping[str, Any]) -> list[str]:
        return [prompts.reading(checkpoint, seed, n, values[self.x.name], values[STYLE])]

    def problems(self, checkpoint: str, values: Mapping[str, Any]) -> dict[str, str]:
        prompt = values[self.x.name]
        return {} if prompts.is_blank(prompt) else {self.x.name: prompts.why_unreadable(checkpoint, prompt, values[STYLE])}

    def wire(self) -> None:
        tab, box = self.tab, self.box
        inputs = [tab.checkpoint, tab.seed, tab.n, box, self.style]
        helps = [*self.chips, self.lists]
        outputs = [self.reading, *helps]
        # `change`, not `input`, which what is pasted does not cause.
        box.change(skip_on_error(self.listen, outputs), inputs, outputs, trigger_mode="always_last", queue=False, **PRIVATE)
        tab.checkpoint.input(skip_on_error(self.help, helps), [tab.checkpoint, box], helps, queue=False, **PRIVATE)
        chosen = [tab.checkpoint, self.lists, box]
        write = show_errors(self.write)
        tab.redraw_events.append(self.lists.input(write, chosen, box, trigger_mode="always_last", queue=False, **PRIVATE))
        for chip in self.chips:
            boxes = [box, *self.counterparts]
            tab.redraw_events.append(chip.click(self.take, [tab.checkpoint, chip], boxes, queue=False, **PRIVATE))

    def take(self, checkpoint: str, prompt: str) -> Any:
        """A caption to try, and its counterpart; where there is none, the other stays."""
        others = [prompts.counterpart(checkpoint, prompt) or gr.skip()] * len(self.counterparts)
        return [prompt, *others] if others else prompt

    @staticmethod
    def write(checkpoint: str, chosen: object, prompt: str) -> str:
        """The caption that is chosen in the lists."""
        return lists.written(prompts.wording_of(checkpoint), chosen, prompt)

    def listen(self, checkpoint: str, seed: float, n: float, prompt: str, style: str | None) -> list[Any]:
        """What is read in a caption, the captions to try after it, and the lists."""
        return [prompts.reading(checkpoint, seed, n, prompt, style), *self.help(checkpoint, prompt)]
