"""The tab of a model that is told in words: what it reads in a caption, its stages, and a caption changed into another."""

from __future__ import annotations

import html
from functools import lru_cache
from typing import Any

import gradio as gr
from torch import Tensor
from torch.nn.functional import interpolate

from ..checkpoint import Checkpoint
from ..gan import GAN
from ..inputs import EPSILON, OFFERS, SEEDS, Input, Text, draw
from ..text import caption
from ..text.retrieval import near, places
from . import links, play
from .controls import DICE, DRAWING, PRIVATE, control, forgiving, picture, polite
from .links import Part
from .permalink import ANY, AT, FEW, STEP
from .resembling import resembling
from .scrubber import frames, scrubber
from .views import Tab, enlarge
from .views import caption as said_of

UNKNOWN = "Underlined: no word that it knows. It guesses from the pieces, or passes over what it cannot even spell."
LEFT = " · left of the handle, the first stage's sketch"
KNOWN = "Things that it knows near to this:"
SILENT = "There is no word in this that it can read."


def told(c: Checkpoint) -> bool:
    """Whether a model is told in words what to draw."""
    return any(x["type"] == Text.__name__ for x in c.config["inputs"])


def text_of(gan: GAN) -> Text:
    return next(x for x in gan.inputs if isinstance(x, Text))


class WordsTab(Tab):
    """A caption box in place of buttons; a way from caption to caption in place of one from seed to seed."""

    def render(self) -> None:
        self.text = text_of(self.gan)
        self.first_words, self.other_words = self.text.offered[0]
        with gr.Row(equal_height=False, elem_classes="section"):
            with gr.Column(scale=5, min_width=300):
                self.words()
                self.panel()
            with gr.Column(scale=6, min_width=300):
                self.samples()
        with gr.Row(equal_height=False, elem_classes="section"):
            with gr.Column(scale=5, min_width=300):
                self.walk()
            with gr.Column(scale=6, min_width=300, visible=bool(self.shown[4])) as self.beside:
                self.near = gr.HTML(self.shown[4], elem_id=self.id("near"), elem_classes="flush")
        self.upbringing()
        self.wire()

    # ---- What is on it -------------------------------------------------------------------------------------------

    def panel(self) -> None:
        c = play.network(self.first)[0]
        self.box = gr.Textbox(
            self.first_words,
            label="say what to draw",
            placeholder="anything: captions by lot",
            max_length=self.text.length,
            lines=1,
            max_lines=3,
            elem_id=self.id("text"),
        )
        self.heard = gr.HTML(
            self.hear(self.first, 0, FEW, self.first_words, ANY), elem_id=self.id("heard"), elem_classes="flush"
        )
        with gr.Row(elem_classes="chips"):
            self.chips = [
                gr.Button(update["value"] or "", visible=update["visible"], size="sm", min_width=0, elem_classes="chip")
                for update in self.offer(self.first)
            ]
        self.style = gr.Radio(**self.styles(self.first), label="style", elem_id=self.id("style"), elem_classes="choice")
        self.epsilon = gr.Slider(
            0,
            play.STRONGEST,
            value=play.BLUR,
            step=STEP,
            label="blur of the caption: 0 takes it exactly, 1 is as in training",
            buttons=["reset"],
            visible=any(x.name == EPSILON for x in self.gan.inputs),
            elem_id=self.id(EPSILON),
        )
        others = [x for x in self.inputs if not isinstance(x, Text)]
        self.controls: list[tuple[Input, Any]] = [(x, box) for x in others if (box := control(x, c, self.id(x.name)))]
        self.dealing(FEW)

    def samples(self) -> None:
        self.shown = self.drawn(self.first, 0, FEW, self.first_words, ANY, play.BLUR, *self.defaults())
        one, pair = self.shown[:2]
        alt = f"Pictures drawn by {self.spec.title}"
        self.picture = picture(one, self.id("picture"), alt)
        self.picture.visible = one is not None
        self.pair = gr.ImageSlider(
            pair,
            label="the sketch, and the picture",
            show_label=False,
            format="png",
            type="pil",
            interactive=False,
            buttons=["download", "fullscreen"],
            max_height=1100,
            visible=pair is not None,
            elem_id=self.id("pair"),
            elem_classes="picture pair",
        )
        self.said = gr.Markdown(self.shown[2], elem_classes="said", elem_id=self.id("said"))
        links.share(self.spec.name)

    def walk(self) -> None:
        gr.Markdown("### Change a word\nThe same four handfuls of noise. Drag from one caption to the other.")
        self.into = gr.Textbox(
            self.other_words,
            label="the other caption",
            max_length=self.text.length,
            lines=1,
            max_lines=3,
            elem_id=self.id("into"),
        )
        way = self.between(self.first, 0, self.first_words, self.other_words, ANY, play.BLUR)
        self.steps = scrubber(way, self.id("walk"))

    @staticmethod
    def styles(checkpoint: str, value: str | None = None) -> dict[str, Any]:
        """The choice of a style, as it is for a checkpoint."""
        styles = text_of(play.network(checkpoint)[1]).styles
        return {"choices": [ANY, *styles], "value": value or ANY, "visible": bool(styles)}

    @staticmethod
    def offer(checkpoint: str, said: str | None = None) -> list[dict[str, Any]]:
        """The captions to try, as updates of their buttons: once a visitor says something, what is known near to that."""
        shown = known(checkpoint, said) or [one for one, _ in text_of(play.network(checkpoint)[1]).offered][:OFFERS]
        blanks = [gr.update(value=None, visible=False)] * (OFFERS - len(shown))
        return [gr.update(value=s, visible=True) for s in shown] + blanks

    # ---- What happens --------------------------------------------------------------------------------------------

    def wire(self) -> None:
        quick = PRIVATE | DRAWING
        others = {x.name: box for x, box in self.controls}
        words = {self.text.name: self.box, "style": self.style, EPSILON: self.epsilon}
        self.held |= {"seed": self.seed, "n": self.n, **words, **others}
        asked = [self.checkpoint, *self.held.values()]
        shown = [self.picture, self.pair, self.said, self.heard, self.near, self.beside]
        self.parts.append(Part(shown, [*self.held], self.updates))
        self.held["into"] = self.into
        self.endpoint(asked)
        changes: list[Any] = [self.box.submit, self.style.input, self.epsilon.release, self.seed.submit, self.go.click]
        more = [self.n.release, *(box.input for box in others.values())]
        gr.on(changes + more, self.updates, asked, shown, trigger_mode="always_last", validator=self.check, **quick)
        heard = [self.checkpoint, self.seed, self.n, self.box, self.style]
        listens = [self.heard, *self.chips]
        listen = forgiving(self.listen, listens)
        # `change`, not `input`, which what is pasted does not cause.
        self.box.change(listen, heard, listens, trigger_mode="always_last", queue=False, **PRIVATE)
        way = [self.checkpoint, self.seed, self.box, self.into, self.style, self.epsilon]
        self.parts.append(Part([self.steps], ["seed", self.text.name, "into", "style", EPSILON, AT], polite(self.between)))
        walk = {"fn": polite(self.between), "inputs": way, "outputs": self.steps} | quick
        gr.on([*changes, self.into.submit], trigger_mode="always_last", validator=self.check_way, **walk)
        refit = [self.style, *self.chips, *others.values()]
        self.parts.append(Part([*self.chips], [self.text.name], self.offer))
        held = [self.checkpoint, self.box]
        switched = self.checkpoint.input(forgiving(self.refitted, refit), held, refit, queue=False, **PRIVATE)
        rolled = self.dice.click(None, None, self.seed, js=DICE)
        taken = [
            chip.click(self.take, [self.checkpoint, chip], [self.box, self.into], queue=False, **PRIVATE) for chip in self.chips
        ]
        for event in (switched, rolled, *taken):
            event.then(self.updates, asked, shown, **quick).then(**walk)
        self.wire_about()

    def endpoint(self, asked: list[Any]) -> None:
        """The same for programs, which are given one picture however many stages there are."""

        @polite
        def draw(checkpoint: str, seed: float, n: float, said: str, style: str, epsilon: float, *others: object) -> Any:
            drawn = self.sample(checkpoint, seed, n, said, style, epsilon, *others)
            return enlarge(drawn.images), said_of(drawn.said)

        with gr.Row(visible=False):
            shown, go = [gr.Image(format="png", type="pil"), gr.Markdown()], gr.Button()
        go.click(draw, asked, shown, api_name=self.spec.name, api_description=self.description(), **DRAWING)

    def description(self) -> str:
        others = [x.name for x in self.inputs if not isinstance(x, Text)]
        takes = ["a checkpoint", "a seed", "how many", "a caption", "a style", "how much the caption is blurred", *others]
        return (
            f"Draw with {self.spec.title}. Takes {', '.join(takes)}; gives a lossless PNG grid and a line that says what it is."
        )

    def restored(self, checkpoint: str, values: dict[str, Any]) -> dict[Any, Any]:
        return super().restored(checkpoint, values) | {self.style: gr.Radio(**self.styles(checkpoint, values.get("style")))}

    def refitted(self, checkpoint: str, said: str | None = None) -> Any:
        """The styles of another checkpoint, and its captions to try; what was said stays, so that both draw the same."""
        others = super().refitted(checkpoint) if self.controls else []
        others = others if isinstance(others, list) else [others]
        return [gr.Radio(**self.styles(checkpoint)), *self.offer(checkpoint, said), *others]

    @staticmethod
    def take(checkpoint: str, said: str) -> tuple[str, Any]:
        """A caption to try, and the same with a word changed, or what is known near to it; else the other stays."""
        other = dict(text_of(play.network(checkpoint)[1]).offered).get(said)
        return said, other or (known(checkpoint, said) or [gr.skip()])[0]

    # ---- What it draws -------------------------------------------------------------------------------------------

    def sample(
        self, checkpoint: str, seed: float, n: float, said: str, style: str | None, epsilon: float | None, *others: object
    ) -> play.Drawn:
        captions = wanted(checkpoint, seed, n, said, style)
        given = self.fixed(others) | {self.text.name: captions}
        return play.sample(checkpoint, n, seed, given, play.BLUR if epsilon is None else epsilon)  # type: ignore[arg-type]

    def drawn(self, checkpoint: str, seed: float, n: float, said: str, style: str | None, *others: Any) -> list[Any]:
        """(the pictures, or None; sketch and pictures, or None; what they are; what was heard; what they resemble)"""
        drawn = self.sample(checkpoint, seed, n, said, style, *others)
        large, pair = enlarge(drawn.images), None
        if drawn.before:
            pair = enlarge(interpolate(drawn.before[0], size=drawn.images.shape[-2:])), large
        near = resembling(play.network(checkpoint)[0], drawn.images)
        told_of = said_of(drawn.said) + (LEFT if pair else "")
        return [None if pair else large, pair, told_of, self.hear(checkpoint, seed, n, said, style), near]

    @property
    def updates(self) -> Any:
        @polite
        def updates(*asked: Any) -> list[Any]:
            one, pair, said, heard, near = self.drawn(*asked)
            pictures = [gr.update(value=x, visible=x is not None) for x in (one, pair)]
            return [*pictures, said, heard, near, gr.Column(visible=bool(near))]

        return updates

    @staticmethod
    def hear(checkpoint: str, seed: float, n: float, said: str, style: str | None) -> str:
        """The words of a caption as they are read, as HTML; what cannot be drawn of it says why."""
        gan: Any = play.network(checkpoint)[1]
        try:
            captions = wanted(checkpoint, seed, n, said, style)
        except ValueError as error:
            return f'<p class="heard" role="alert">{html.escape(str(error))}</p>'
        if blank(said):
            few = [f"“{html.escape(c)}”" for c in captions[:FEW]] + ["…"] * (len(captions) > FEW)
            return f'<p class="heard">Nothing said, so captions are drawn by lot: {", ".join(few)}</p>'
        words = gan.split(captions[0])
        if not words:
            return f'<p class="heard">{SILENT}</p>'
        marked = " ".join(f"<span>{html.escape(w)}</span>" if known else f"<u>{html.escape(w)}</u>" for w, known in words)
        notes = [UNKNOWN] * (not all(k for _, k in words)) + [KNOWN] * bool(known(checkpoint, said))
        return "".join(f'<p class="heard">{note}</p>' for note in (f"It reads: {marked}", *notes))

    def listen(self, checkpoint: str, seed: float, n: float, said: str, style: str | None) -> list[Any]:
        """What is read in a caption, and the captions to try after it."""
        return [self.hear(checkpoint, seed, n, said, style), *self.offer(checkpoint, said)]

    @staticmethod
    def between(
        checkpoint: str, seed: float, said: str, into: str, style: str | None, epsilon: float | None, at: int | None = None
    ) -> dict[str, Any]:
        """The frames from one caption to the other. The words of a visitor are not among their captions."""
        gan = play.network(checkpoint)[1]
        (one,), (other,) = (wanted(checkpoint, seed, 1, x, style) for x in (said, text_of(gan).line(into)))
        steps = play.change(checkpoint, seed, one, other, play.BLUR if epsilon is None else epsilon)  # type: ignore[arg-type]
        last, side = len(steps) - 1, steps.shape[-1]
        small = f" · at {side} pixels, after the first stage" if side < gan.config.side else ""
        shares = [round(100 * i / last) for i in range(last + 1)]
        words = [f"{100 - s} % the first caption, {s} % the other{small}" for s in shares]
        label, alt = "Way from one caption to the other", "Four pictures on the way"
        keep = f"{checkpoint}-words-{int(seed)}.gif"
        return frames([*steps], words, label, alt, start=last // 2, keep=keep, key=AT, at=at)

    def check(self, checkpoint: str, seed: float, n: float, said: str, style: str | None, *others: Any) -> list[Any]:
        """What is wrong with a caption, said at its control."""
        problem = "" if blank(said) else wrong(checkpoint, said, style)
        fine = [gr.validate(True, "")] * (3 + 1 + len(others))
        return [*fine[:3], gr.validate(not problem, problem), *fine[3:]]

    def check_way(self, checkpoint: str, seed: float, said: str, into: str, style: str | None, epsilon: float) -> list[Any]:
        problems = "" if blank(said) else wrong(checkpoint, said, style), wrong(checkpoint, into, style)
        fine = gr.validate(True, "")
        return [fine, fine, *(gr.validate(not p, p) for p in problems), fine, fine]


def blank(said: str | None) -> bool:
    """Whether a caption is left to the seed."""
    return not (said or "").strip()


@lru_cache(maxsize=8)
def reader(checkpoint: str, revision: str) -> tuple[Any, Tensor]:
    """What reads in a model, on the processor whatever draws, and where it has the names of the things that it was shown."""
    gan: Any = play.network(checkpoint)[0].load()
    return gan.R, places(gan.R, gan.config.classes)


def known(checkpoint: str, said: str | None) -> list[str]:
    """The things that a checkpoint was shown and that are near to what is said; none where a caption to try is said."""
    c, gan = play.network(checkpoint)
    names: tuple[str, ...] = gan.config.classes
    text = text_of(gan)
    if said is None or blank(said) or not names or any(said in pair for pair in text.offered):
        return []
    try:
        reads, where = reader(checkpoint, c.revision)
        return near(reads, names, where, text.line(said), OFFERS)
    except ValueError:  # too long
        return []


def wanted(checkpoint: str, seed: float, n: float, said: str | None, style: str | None) -> list[str]:
    """The captions of n pictures: what is said, or, where nothing is, what the seed draws; each in a style that is asked for.
    ValueError if one cannot be read, or for anything out of bounds.
    """
    gan = play.network(checkpoint)[1]
    text, style = text_of(gan), style or ANY
    first, n = play.whole("seed", seed, 0, SEEDS - 1), play.whole("how many", n, 1, play.MOST)
    if style not in (ANY, *text.styles):
        raise ValueError(f"style: {style[:40]!r} is not one of {', '.join((ANY, *text.styles))}")
    captions = caption.read(draw(gan.inputs, n, first)[text.name]) if blank(said) else [text.line(said)] * n
    return captions if style == ANY else [text.line(caption.restyled(c, text.styles, style)) for c in captions]


def wrong(checkpoint: str, said: str, style: str | None) -> str:
    """Why a caption cannot be read; empty if it can."""
    try:
        text_of(play.network(checkpoint)[1]).line(said)
        wanted(checkpoint, 0, 1, said, style)
    except ValueError as error:
        return str(error)
    return ""
