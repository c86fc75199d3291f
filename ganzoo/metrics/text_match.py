"""Measures of what a model makes of a caption: is the picture what it says?

They are taken on captions that the training never had with a picture: those of the test set. A caption encoder says which
of a hundred captions a picture is of. One that the generator was trained with flatters it, so every other encoder of the
same data is asked, too. Drawn shapes need none: code sees what they show.
"""

from __future__ import annotations

from ..data.dataset import plain
from ..hub.resolve import bundled
from ..images import to_uint8
from ..inputs import EPSILON, Text, scale_epsilon
from ..models.caption_encoder import Encoder
from .case import Case, Score
from .retrieval import RIVALS, find_encoder, first_caption, r_precision
from .shape_reader import caption_match

MOST = 2000  # captions


def text_match(case: Case) -> list[Score]:
    """R-precision (Xu et al. 2018, arXiv 1711.10485, section 4.1) by each encoder of the data, and what code sees in shapes."""
    gan, test = case.gan, case.held_out
    name = next((i.name for i in gan.inputs if isinstance(i, Text)), "") if gan else ""
    if gan is None or test is None or not name:
        return []
    captions = [first_caption(test, i) for i in range(min(len(test), MOST))]
    n, inputs, real = len(captions), gan.draw(len(captions), case.seed, **{name: captions}), test.image[: len(captions)]
    variants = {("", ""): inputs}  # by what it adds to the ids and to the names
    if EPSILON in inputs:
        variants[":not_blurred", ", not blurred"] = scale_epsilon(inputs, 0)  # which is what a tab shows
    drawings = {suffixes: to_uint8(gan.show(batch)) for suffixes, batch in variants.items()}
    found = []
    for encoder_name in encoders_of(test.name) if len(set(captions)) > RIVALS else ():
        encoder = find_encoder(encoder_name)
        is_its_own = encoder_name == getattr(gan.config, "encoder", "")
        note = f"1 of {RIVALS + 1} captions of the test set, by {encoder_name}, "
        note += "which the generator was trained with" if is_its_own else "independent"
        floor = r_precision(encoder, real, captions)
        for (id_end, name_end), image in drawings.items():
            id, label = f"r_precision:{encoder_name}{id_end}", f"R-precision by {encoder_name}{name_end}"
            found.append(Score(id, label, r_precision(encoder, image, captions), "higher", n, floor, note))
    try:
        floors = caption_match(real, captions)
    except ValueError:  # other captions than those of the drawn shapes
        return found
    whole = "share of captions whose shape, colour and place are drawn as said, seen by code"
    for (id_end, name_end), image in drawings.items():
        for part, value in caption_match(image, captions).items():
            id, label, note = "caption_match", "drawn as said", whole
            if part != "all":
                id, label, note = f"{id}:{part}", f"{label}, {part}", ""
            found.append(Score(id + id_end, label + name_end, value, "higher", n, floors[part], note))
    return found


def encoders_of(data: str) -> list[str]:
    """The bundled caption encoders of a data set, whatever its side."""
    return [c.name for c in bundled() if c.spec.build is Encoder and plain(c.data) == plain(data)]
