"""Links: whatever is written is read back, and whatever is read, nothing breaks and nothing is taken that is not allowed."""

from __future__ import annotations

import random
from urllib.parse import parse_qsl

import pytest
from support.links import mutated, some

from ganzoo.inputs import Choice, Code, Noise, Text
from ganzoo.ui import permalink
from ganzoo.ui.permalink import State, decode, encode, fields

Z = Noise("z", 8)
CLOTHES = ("T-shirt/top", "Trouser", "Pull & over", "Dress", "Coat")
INPUTS = {
    "plain-a": (Z,),
    "plain-b": (Z,),
    "orders-digits": (Z, Choice("label", tuple("0123456789"))),
    "orders-clothes": (Z, Choice("label", CLOTHES)),
    "codes-digits": (Z, Choice("c1", tuple("0123456789")), Code("c2"), Code("c3", -2, 2)),
    "bare": (Code("x"),),
    "words-many": (Z, Noise("epsilon", 4), Text("text", ("a cat, flat style", "a dog"), styles=("flat", "3D"))),
    "words-few": (Z, Text("text", ("a rose",), offers=(("a red rose", "a blue rose"),))),
}
TABS = {
    "plain": ["plain-a", "plain-b"],
    "orders": ["orders-digits", "orders-clothes"],
    "codes": ["codes-digits"],
    "bare": ["bare"],
    "words": ["words-many", "words-few"],
    "untrained": [],
    "scores": [],
}


def read(query):
    return decode(dict(parse_qsl(query.lstrip("?"), keep_blank_values=True)), TABS, INPUTS.__getitem__)


def write(state):
    return encode(state, INPUTS.get(state.checkpoint, ()), (TABS[state.tab] or [""])[0])


def some_state(rng):
    tab = rng.choice([t for t in TABS if TABS[t]])
    checkpoint = rng.choice(TABS[tab])
    known = fields(INPUTS[checkpoint])
    values = {k: some(rng, k, INPUTS[checkpoint]) for k in known if rng.random() < 0.6}
    values = {k: v for k, v in values.items() if v != known[k].default}
    return State(tab, checkpoint, rng.choice(["", f"{rng.randrange(16**7):07x}"]), values)


def test_what_is_written_is_read_back():
    rng = random.Random(0)
    for _ in range(1000):
        state = some_state(rng)
        assert read(write(state)) == (state, [])


def test_defaults_are_left_out():
    assert write(State("plain", "plain-a")) == "?v=2&tab=plain"
    assert write(State("orders", "orders-digits", "", {"label": "any", "n": 16, "text": "2026", "seed": 7})) == (
        "?v=2&tab=orders&seed=7"
    )
    assert read("?v=1&tab=orders&label=any&n=16") == (State("orders", "orders-digits"), [])
    assert read("") == (State("plain", "plain-a"), [])
    said = {"text": "a red rose", "into": "a blue rose", "n": 4}
    assert write(State("words", "words-few", "", said)) == "?v=2&tab=words&m=words-few"
    assert write(State("words", "words-few", "", said | {"text": "", "n": 16})) == "?v=2&tab=words&m=words-few&n=16&text="
    assert read("?m=words-few&text=&into=+a++b+") == (State("words", "words-few", "", {"text": "", "into": "a b"}), [])


def test_a_thousand_mutated_links_break_nothing():
    rng = random.Random(1)
    told = 0
    for _ in range(1000):
        state = some_state(rng)
        link = mutated(rng, write(state))
        found, notices = read(link)
        told += bool(notices)
        assert found.tab in TABS, link
        assert found.checkpoint in TABS[found.tab] or not TABS[found.tab], link
        assert all(0 < len(n) < 400 and "\n" not in n for n in notices), link
        assert read(write(found)) == (found, []), f"{link}: what was taken is allowed"
    assert told > 500


def test_links_to_checkpoints_that_moved_to_another_tab_open_it(monkeypatch):
    monkeypatch.setitem(permalink.MOVED, "words", "orders")  # as words-many had been in a tab before orders-digits was
    for link, tab, checkpoint in [
        ("?v=1&tab=words&seed=3", "orders", "orders-digits"),  # left out: what was the tab's first then
        ("?v=2&tab=words&seed=3", "words", "words-many"),
        ("?tab=words&seed=3", "words", "words-many"),
        ("?v=1&tab=words&m=orders-clothes&seed=3", "orders", "orders-clothes"),
        ("?v=2&tab=words&m=orders-clothes&seed=3", "orders", "orders-clothes"),
        ("?v=1&tab=words&m=words-few&seed=3", "words", "words-few"),
        ("?v=1&tab=plain&seed=3", "plain", "plain-a"),
    ]:
        assert read(link) == (State(tab, checkpoint, "", {"seed": 3}), []), link
    monkeypatch.setitem(permalink.MOVED, "words", "untrained")
    assert read("?v=1&tab=words&seed=3")[0].tab == "words", "there is nothing in that tab"


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("?tab=nosuch", "tab=nosuch: there is none; there are plain"),
        ("?tab=plain&m=orders-digits", "m=orders-digits: no checkpoint of plain; there are plain-a, plain-b"),
        ("?tab=plain&seed=-1", "seed=-1: not a whole number from 0 to 4294967295"),
        ("?tab=plain&seed=4294967296", "seed=4294967296: not a whole number"),
        ("?tab=plain&n=65", "n=65: not a whole number from 1 to 64"),
        ("?tab=plain&label=3", "label: plain-a takes no such thing; a link may say seed, n"),
        ("?tab=orders&label=11", "label=11: not one of any, 0, 1"),
        ("?tab=orders&text=20x", "text=20x: not 1 to 12 of 0, 1"),
        ("?tab=orders&m=orders-clothes&parts=Coat~Hat", "parts=Coat~Hat: not 1 to 12 of T-shirt/top"),
        ("?tab=codes&c2=1.05", "c2=1.05: not a number from -1 to 1 in steps of 0.05"),
        ("?tab=codes&c2=0.123", "c2=0.123: not a number"),
        ("?tab=codes&across=c1", "across=c1: not one of c2, c3, seed"),
        ("?tab=plain&w=XYZ", "w=XYZ: not the first 7 digits"),
        (f"?tab=words&text={'x' * 202}", "text=" + "x" * 40 + "...: text: 202 characters; give 1 to 201"),
        ("?tab=words&into=+", "into= : text: 0 characters; give 1 to 201"),
        ("?tab=words&text=%00", "text=?: text: 0 characters"),
        ("?tab=words&style=oil", "style=oil: not one of any, mixed, flat, 3D"),
        ("?tab=words&epsilon=1.55", "epsilon=1.55: not a number from 0 to 1.5 in steps of 0.05"),
        ("?tab=words&m=words-few&epsilon=0.5", "epsilon: words-few takes no such thing"),
        ("?tab=words&m=words-few&style=flat", "style: words-few takes no such thing"),
        ("?v=3&tab=plain&seed=3", "v=3: this app reads versions 1 and 2 of links"),
        ("?tab=scores&data=fashion", "data: scores takes nothing from a link"),
        ("?tab=untrained&seed=3", "seed: untrained has no trained checkpoint here"),
    ],
)
def test_what_is_passed_over_is_named(link, said):
    state, notices = read(link)
    assert len(notices) == 1
    assert notices[0].startswith(said)
    assert state.values == ({"seed": 3} if "v=3" in link else {})


def test_the_rest_of_a_spoilt_link_is_kept_and_gradios_own_words_are_not_ours():
    state, notices = read("?tab=codes&seed=5&c2=x&c3=-1.5&__theme=dark&view=api")
    assert state == State("codes", "codes-digits", "", {"seed": 5, "c3": -1.5})
    assert len(notices) == 1
    assert read("?m=orders-clothes&label=Coat")[0] == State("orders", "orders-clothes", "", {"label": "Coat"})
