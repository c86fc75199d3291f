"""Links to what is shipped, written at random and spoilt at random."""

from __future__ import annotations

import random
from urllib.parse import quote

import ganzoo
from ganzoo.inputs import SEEDS, Choice, Code, Picture, Text
from ganzoo.text import caption
from ganzoo.ui import landing
from ganzoo.ui.app import extra
from ganzoo.ui.fields import INK, LETTERS, SEPARATOR, STEP
from ganzoo.ui.permalink import State, encode, fields

GANS = [c for c in ganzoo.checkpoints() if c.config["inputs"]]
TABS = list(dict.fromkeys(c.spec.name for c in GANS))
# The first tab for each kind of inputs, which what a tab has and does follows from.
KINDS = [*{tuple(x["type"] for x in c.config["inputs"]): c.spec.name for c in reversed(GANS)}.values()][::-1]
# As the app has them.
BY_TAB: dict[str, list[str]] = (
    {landing.NAME: []}
    | {tab: [c.name for c in GANS if c.spec.name == tab] for tab in TABS}
    | {name: [] for name, *_ in extra()}
)


def inputs_of(name):
    return ganzoo.load(name).inputs


def link(c, values, weights=None):
    first = next(x for x in GANS if x.spec.name == c.spec.name)
    state = State(c.spec.name, c.name, c.revision if weights is None else weights, values)
    return encode(state, ganzoo.load(c.name).inputs, first.name)


def one_of_each():
    """A link for each checkpoint that changes every control."""
    rng = random.Random(0)
    for c in GANS:
        inputs = ganzoo.load(c.name).inputs
        values = {}
        for key, field in fields(inputs).items():
            values[key] = some(rng, key, inputs)
            while values[key] == field.default:
                values[key] = some(rng, key, inputs)
        yield c, link(c, values)


def some(rng, key, inputs):
    """A random value that the control of this key can have."""
    choice = next((x for x in inputs if isinstance(x, Choice)), None)
    by_name = {x.name: x for x in inputs}
    if key in ("seed", "from", "to", "hand"):
        return rng.choice([0, 1, SEEDS - 1, rng.randrange(SEEDS)])
    if key == "n":
        return rng.randint(1, 64)
    if key in ("at", "shot"):
        return rng.randint(0, 16)
    if any(isinstance(x, Text) for x in inputs):
        return some_words(rng, key, inputs)
    if key == "across":
        return rng.choice(["seed", *(x.name for x in inputs if isinstance(x, Code))])
    if key == "text":
        return "".join(rng.choices(choice.options, k=rng.randint(1, LETTERS)))
    if key == "parts":
        return rng.choices(choice.options, k=rng.randint(1, LETTERS))
    if key.endswith("drawing") or key == "wanted":
        return SEPARATOR.join("".join(rng.choices(INK, k=2 * rng.randint(1, 30))) for _ in range(rng.randint(1, 4)))
    if isinstance(by_name[key], Picture):
        return rng.choice(["any", *map(str, range(by_name[key].examples))])
    if isinstance(by_name[key], Code):
        code = by_name[key]
        return round(code.low + STEP * rng.randint(0, round((code.high - code.low) / STEP)), 4)
    return rng.choice(["any", *choice.options])


def some_words(rng, key, inputs):
    text = next(x for x in inputs if isinstance(x, Text))
    if key == "epsilon":
        return round(STEP * rng.randint(0, 30), 4)
    if key == "style":
        return rng.choice(["any", "mixed", *text.styles])
    letters = "abc é🐶&=+%~#?;<>'\"猫"
    said = caption.clean("".join(rng.choices(letters, k=rng.randint(0, 60))))
    return said or ("" if key == "text" else "a cat")


def mutated(rng, link):
    """A link that somebody, or something, spoilt."""
    hostile = [
        "",
        "-1",
        "1e999",
        "nan",
        "٣",
        "1_0",
        "<script>",
        "../../etc/passwd",
        "%00",
        "'; --",
        "9" * 5000,
        "any",
        "\U0001f993",
    ]
    pairs = link[1:].split("&")
    for _ in range(rng.randint(1, 4)):
        i = rng.randrange(len(pairs))
        way = rng.randrange(5)
        if way == 0:
            pairs[i] = pairs[i].partition("=")[0] + "=" + quote(rng.choice(hostile))
        elif way == 1:
            pairs.append(
                quote(rng.choice(["wings", "__proto__", "label", "c2", "text", "m", "", *hostile]))
                + "="
                + quote(rng.choice(hostile))
            )
        elif way == 2:
            at = rng.randrange(len(pairs[i]) + 1)
            some_letter = chr(rng.randrange(32, 1000)).replace("\x7f", "%7F")  # which no client sends as it is
            pairs[i] = pairs[i][:at] + rng.choice(["%", "%ff", "&", "=", "+", some_letter]) + pairs[i][at:]
        elif way == 3:
            pairs[i] = pairs[i][: rng.randrange(len(pairs[i]) + 1)]
        else:
            rng.shuffle(pairs)
    return "?" + "&".join(pairs)
