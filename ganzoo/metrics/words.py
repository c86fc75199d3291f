"""Measures of what a model makes of words: is the picture what was said?

They are taken on captions that the training never had with a picture: those of the test set. A caption encoder says which
of a hundred captions a picture is of. One that the generator was trained with flatters it, so every other encoder of the
same data is asked, too. Drawn shapes need none: code sees what they show.
"""

from __future__ import annotations

from ..data import drawn, plain
from ..hub.resolve import bundled
from ..images import to_uint8
from ..inputs import EPSILON, Text, blurred
from ..text.encoder import Encoder, encoder
from ..text.retrieval import RIVALS, r_precision, tell
from .case import Case, Score

MOST = 2000  # captions


def words(case: Case) -> list[Score]:
    """R-precision (Xu et al. 2018, arXiv 1711.10485, section 4.1) by each encoder of the data, and what code sees in shapes."""
    gan, test = case.gan, case.held_out
    name = next((i.name for i in gan.inputs if isinstance(i, Text)), "") if gan else ""
    if gan is None or test is None or not name:
        return []
    number = range(min(len(test), MOST))
    told = [tell(test, i) for i in number]
    given, real = gan.draw(len(told), case.seed, **{name: told}), test.image[: len(told)]
    ways = {"": given} | ({", not blurred": blurred(given, 0)} if EPSILON in given else {})  # the latter is what a tab shows
    drawings = {how: to_uint8(gan.show(batch)) for how, batch in ways.items()}
    found = []
    for reader in encoders_of(test.name) if len(set(told)) > RIVALS else ():
        said = f"1 of {RIVALS + 1} captions of the test set, by {reader}"
        said += ", which the generator was trained with" if reader == getattr(gan.config, "encoder", "") else ", independent"
        floor = r_precision(encoder(reader), real, told)
        for how, image in drawings.items():
            value = r_precision(encoder(reader), image, told)
            found.append(Score(f"R-precision by {reader}{how}", value, "higher", len(told), floor, said))
    try:
        floors = drawn.as_said(real, told)
    except ValueError:  # other captions than those of the drawn shapes
        return found
    whole = "share of captions whose shape, colour and place are drawn as said, seen by code"
    for how, image in drawings.items():
        for part, value in drawn.as_said(image, told).items():
            label = "drawn as said" if part == "all" else f"drawn as said, {part}"
            found.append(Score(label + how, value, "higher", len(told), floors[part], whole if part == "all" else ""))
    return found


def encoders_of(data: str) -> list[str]:
    """The bundled caption encoders of a data set, whatever its side."""
    return [c.name for c in bundled() if c.spec.build is Encoder and plain(c.data) == plain(data)]
