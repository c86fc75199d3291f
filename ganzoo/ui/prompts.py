"""Captions that a visitor writes: how they are read, in which style, and what a model knows that is near to them."""

from __future__ import annotations

import html
from functools import lru_cache
from typing import Any

from torch import Tensor

from .. import data
from ..data.wording import Wording
from ..gan import GAN
from ..inputs import MAX_SUGGESTIONS, SEEDS, Text, draw
from ..text import caption
from ..text.nearest import embed_captions, nearest
from ..text.words import tokenize
from . import inference, limits
from .fields import ANY, MIXED

FEW = 4  # captions that are named where the seed draws them
UNKNOWN = "Underlined: no word that it knows. It guesses from the pieces, or passes over what it cannot even spell."
KNOWN = "Things that it knows near to this:"
UNSAID = "Underlined: in no caption that it was trained on. It takes such a word for one of like meaning, or passes over it."
UNREADABLE = "There is no word in this that it can read."


def text_of(gan: GAN) -> Text:
    return next(x for x in gan.inputs if isinstance(x, Text))


def wording_of(checkpoint: str) -> Wording | None:
    """How the captions that a checkpoint was trained on say what is to be seen, where that is known."""
    return data.wording(inference.load(checkpoint)[0].manifest.data.name)


def is_of_other_data(checkpoint: str, prompt: str | None) -> bool:
    """Whether the captions of another data set say more of what a prompt says than those of a checkpoint."""
    own, said = wording_of(checkpoint), prompt or ""
    return own is not None and any(len(other.read(said)) > len(own.read(said)) for other in data.wordings())


def is_blank(prompt: str | None) -> bool:
    """Whether a caption is left to the seed."""
    return not (prompt or "").strip()


def style_options(text: Text) -> list[str]:
    """What a visitor may ask for as the style of a model's drawings."""
    return [ANY, MIXED, *text.styles] if text.styles else [ANY]


def captions(checkpoint: str, seed: float, n: float, prompt: str | None, style: str | None) -> list[str]:
    """The captions of n pictures: the prompt or, where it is blank, what the seed draws; each in a style that is asked for, or
    (MIXED) in the one that its own seed decides. ValueError if one cannot be read, or for anything out of bounds.
    """
    gan = inference.load(checkpoint)[1]
    text, style = text_of(gan), style or ANY
    first, n = (
        inference.whole_number("seed", seed, 0, SEEDS - 1),
        inference.whole_number("n", n, 1, limits.MOST),
    )
    known = style_options(text)
    if style not in known:
        raise ValueError(f"style: {style[:40]!r} is not one of {', '.join(known)}")
    lines = caption.read(draw(gan.inputs, n, first)[text.name]) if is_blank(prompt) else [text.line(prompt)] * n
    if style == ANY:
        return lines
    of_each = text.styles if style == MIXED else (style,)
    seeds = ((first + i) % SEEDS for i in range(n))
    return [text.line(caption.restyled(c, text.styles, of_each[s % len(of_each)])) for c, s in zip(lines, seeds, strict=True)]


def why_unreadable(checkpoint: str, prompt: str, style: str | None) -> str:
    """Why a caption cannot be read; empty if it can."""
    try:
        text = text_of(inference.load(checkpoint)[1])
        text.line(prompt)
        captions(checkpoint, 0, max(1, len(text.styles)), prompt, style)  # for its ValueError, whatever style it is drawn in
    except ValueError as error:
        return str(error)
    return ""


@lru_cache(maxsize=8)
def class_embeddings(checkpoint: str, revision: str) -> tuple[Any, Tensor]:
    """A model's caption encoder, on the processor whatever draws, and its embeddings of the classes' names (K, E)."""
    gan: Any = inference.load(checkpoint)[0].load()
    return gan.R, embed_captions(gan.R, gan.config.classes)


def nearby_classes(checkpoint: str, prompt: str | None) -> list[str]:
    """The classes of a checkpoint that are near to a prompt; none for one of its own captions to try."""
    c, gan = inference.load(checkpoint)
    names: tuple[str, ...] = gan.config.classes
    text = text_of(gan)
    if prompt is None or is_blank(prompt) or not names or any(prompt in pair for pair in text.suggestions):
        return []
    if wording_of(checkpoint):
        return []  # a class is one of several things that its captions say: the lists have them all
    try:
        encoder, embeddings = class_embeddings(checkpoint, c.revision)
        return nearest(encoder, names, embeddings, text.line(prompt), MAX_SUGGESTIONS)
    except ValueError:  # too long
        return []


def is_unseen(checkpoint: str, prompt: str) -> bool:
    """Whether a prompt says nothing that a checkpoint was trained on, or, where that is not known, names none of its classes,
    none is near to it, and it is no caption to try."""
    c, gan = inference.load(checkpoint)
    if wording := wording_of(checkpoint):
        return not wording.read(prompt) and not wording.knows(prompt)
    names: tuple[str, ...] = gan.config.classes
    if not names or any(prompt in pair for pair in text_of(gan).suggestions):
        return False
    words = set(tokenize(prompt))
    if any(set(tokenize(name)) <= words for name in names):
        return False
    encoder, embeddings = class_embeddings(checkpoint, c.revision)
    return not nearest(encoder, names, embeddings, text_of(gan).line(prompt), 1)


def unseen(names: tuple[str, ...]) -> str:
    """That nothing in a caption is a thing that a model was shown, as HTML."""
    few = ", ".join(names[:FEW]) + (f" and {len(names) - FEW:,} more" if len(names) > FEW else "")
    return f"It was never shown a picture of this, so what it draws is something else. It knows {html.escape(few)}."


def offers(checkpoint: str, prompt: str | None = None) -> list[str]:
    """Captions to try, at most MAX_SUGGESTIONS: what is known near to a prompt, or else the model's own."""
    own = [one for one, _ in text_of(inference.load(checkpoint)[1]).suggestions][:MAX_SUGGESTIONS]
    return nearby_classes(checkpoint, prompt) or own


def counterpart(checkpoint: str, prompt: str) -> str:
    """The same caption with a word changed, or what is known near to it; empty if there is neither."""
    changed = dict(text_of(inference.load(checkpoint)[1]).suggestions).get(prompt)
    return changed or next(iter(nearby_classes(checkpoint, prompt)), "")


def reading(checkpoint: str, seed: float, n: float, prompt: str, style: str | None) -> str:
    """The words of a caption as the model reads them, as HTML; what cannot be drawn of it says why."""
    gan: Any = inference.load(checkpoint)[1]
    try:
        lines = captions(checkpoint, seed, n, prompt, ANY if style == MIXED else style)
    except ValueError as error:
        return f'<p class="reading" role="alert">{html.escape(str(error))}</p>'
    if is_blank(prompt):
        few = [f"“{html.escape(line)}”" for line in lines[:FEW]] + ["…"] * (len(lines) > FEW)
        return f'<p class="reading">Nothing said, so captions are drawn by lot: {", ".join(few)}</p>'
    words, wording = gan.split(lines[0]), wording_of(checkpoint)
    if not words:
        return f'<p class="reading">{UNREADABLE}</p>'
    if wording:
        words = [(word, wording.knows(word)) for word, _ in words]
    marked = " ".join(f"<span>{html.escape(w)}</span>" if known else f"<u>{html.escape(w)}</u>" for w, known in words)
    if is_unseen(checkpoint, prompt):
        things = tuple(a.name for a in wording.attributes) if wording else gan.config.classes
        return f'<p class="reading">It reads: {marked}</p><p class="reading" role="alert">{unseen(things)}</p>'
    notes = [UNSAID if wording else UNKNOWN] if not all(known for _, known in words) else []
    notes += [KNOWN] if nearby_classes(checkpoint, prompt) else []
    return "".join(f'<p class="reading">{note}</p>' for note in (f"It reads: {marked}", *notes))
