"""Measures of attributes, by players whose truth is known: one that obeys, one without noise, one that does not listen."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo import data, gan, registry
from ganzoo.data.dataset import Attribute, Data
from ganzoo.data.faces import Person, people, render
from ganzoo.data.faces.parts import ATTRIBUTES, PARTS, indices, person
from ganzoo.inputs import Noise, Text
from ganzoo.metrics import attributes
from ganzoo.metrics.case import Case, JudgeOutput
from ganzoo.models import judge
from ganzoo.text import caption

SIDE = 16
known: dict[bytes, list[int]] = {}  # picture -> what it shows


def recorded(everybody: Sequence[Person], side: int) -> Tensor:
    drawn = render(everybody, side)
    known.update({picture.numpy().tobytes(): indices(who) for picture, who in zip(drawn, everybody, strict=True)})
    return drawn


class KnowsAll(judge.Judge):
    """It has seen every picture that there is."""

    def read(self, images: Tensor) -> Tensor:
        return torch.tensor([known[picture.numpy().tobytes()] for picture in images]).clamp_min(0)


def knows_all() -> KnowsAll:
    texts = tuple(map(str, ATTRIBUTES))
    return KnowsAll(registry.spec("judge").config(side=SIDE, channels=3, classes=("a", "b"), attributes=texts, width=4))


class Painter(gan.GAN):
    """It draws people with the parts that it reads; the others are as the noise has it."""

    obeys, varies = True, True

    def __init__(self) -> None:
        super().__init__(registry.spec("dcgan").config(side=SIDE, channels=3))
        self.inputs = (Noise("z", 1), Text("text", ("0:0",)))
        self.G = torch.nn.Linear(1, 1)

    def forward(self, z: Tensor, text: Tensor) -> Tensor:  # type: ignore[override]
        everybody = []
        for line, noise in zip(caption.read(text), z[:, 0].tolist(), strict=True):
            who = person(int(abs(noise) * 1e6) if self.varies else 0)
            pairs = dict(pair.split(":") for pair in line.split()) if self.obeys else {}
            named = {part: list(PARTS[part])[int(value)] for part, value in pairs.items()}
            shown = {"facial_hair": "none"} if "mouth" in named else {}  # what is asked for can be seen
            shown |= {"hair": "short"} if "hair_colour" in named else {}
            everybody.append(who | shown | named)
        return recorded(everybody, SIDE).float() / 127.5 - 1


def numbers(who: Person, parts: Sequence[str], dice: random.Random) -> str:
    """A sentence that a painter understands."""
    return " ".join(f"{part}:{list(PARTS[part]).index(who[part])}" for part in parts)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {
        "SENTENCES": 24,
        "OPEN": 3,
        "DRAWS": 24,
        "ALIKE": 2000,
        "render": recorded,
        "sentence": numbers,
    }.items():
        monkeypatch.setattr(attributes, name, value)
    empty = JudgeOutput(*torch.empty(3, 0))
    image = torch.empty(1, 3, SIDE, SIDE, dtype=torch.uint8)
    test = Data("faces@16", "", "", "", image, torch.zeros(1), (), attributes=ATTRIBUTES)
    knows = knows_all()

    def measure(**how: bool) -> dict[str, float]:
        painter = type("P", (Painter,), how)()
        case = Case(empty, empty, empty, (), gan=painter, held_out=test, judge=knows)
        return {score.id: score.value for score in attributes.drawn_as_said(case)}

    return measure


def test_who_obeys_who_does_not_vary_and_who_does_not_listen(measured: Any) -> None:
    good = measured()
    assert {k: v for k, v in good.items() if k != "open_entropy"} == dict.fromkeys(
        ("attributes_drawn", "attributes_drawn:all", "attributes_drawn:unseen", "attributes_drawn:all:unseen"), 1.0
    )
    assert 0.85 < good["open_entropy"] < 1.15
    dull = measured(varies=False)
    assert dull["attributes_drawn:all"] == 1
    assert dull["open_entropy"] < 0.1
    deaf = measured(obeys=False)
    assert deaf["attributes_drawn"] < 0.5
    assert deaf["attributes_drawn:all"] < 0.3


def test_the_part_that_is_drawn_too_often_is_said() -> None:
    of = [recorded(people(split, 200), SIDE) for split in ("train", "test")]
    with_glasses = recorded([who | {"eyes": "glasses"} for who in people("train", 200)], SIDE)
    train, test, one_sided = (JudgeOutput(image, torch.empty(0), torch.empty(0)) for image in (*of, with_glasses))
    fed = registry.spec("dcgan")
    case = Case(one_sided, train, test, (), gan=fed.build(fed.config(side=SIDE, channels=3)), judge=knows_all())
    (score,) = attributes.attribute_imbalance(case)
    wearing = sum(who["eyes"] == "glasses" for who in people("train", 200)) / 200
    assert score.value == pytest.approx(1 - wearing, abs=1e-5)
    assert "skin 0.000" in score.note
    assert 0 < score.floor < 0.2
    assert attributes.attribute_imbalance(replace(case, gan=Painter())) == [], "what is asked for in words is drawn as said"


def test_a_judge_learns_to_read_attributes_and_leaves_out_what_cannot_be_seen() -> None:
    torch.manual_seed(0)
    everybody = people("train", 32)
    image, truth = render(everybody, SIDE), torch.tensor([indices(who) for who in everybody])
    spec = registry.spec("judge")
    knobs = {"side": SIDE, "channels": 3, "classes": tuple(PARTS["hair"]), "attributes": tuple(map(str, ATTRIBUTES))}
    game = spec.build(spec.config(**knobs, width=8, shift=0, dropout=0.0))
    assert isinstance(game, judge.Judge)
    assert game.attributes == ATTRIBUTES
    batch = {"image": image.float() / 127.5 - 1, "label": truth[:, 1], "attribute": truth}
    optimiser = torch.optim.Adam(game.parameters(), 3e-3)
    for _ in range(60):
        optimiser.zero_grad()
        sum(game.classify(batch).values()).backward()
        optimiser.step()
    seen, read = truth >= 0, game.read(image)
    assert (read == truth)[seen].float().mean() > 0.95
    hidden = game.classify(batch | {"attribute": torch.full_like(truth, -1)})["attributes"]
    assert float(hidden) == 0, "nothing that can be seen, nothing to learn"
    test = replace(Data("faces", "", "", "", image, truth[:, 1], tuple(PARTS["hair"])), attribute=truth, attributes=ATTRIBUTES)
    scores = {score.id: score for score in attributes.reading_accuracy(game, test)}
    assert scores["attributes_read"].value == pytest.approx(float((read == truth)[seen].float().mean()))
    assert scores["attributes_read:all"].value <= scores["attributes_read"].value
    assert attributes.reading_accuracy(game, replace(test, attribute=None)) == []


def test_entropy() -> None:
    assert attributes.entropy(torch.tensor([3, 3, 3])) == pytest.approx(0, abs=1e-6)
    assert attributes.entropy(torch.tensor([0, 1, 2, 3])) == pytest.approx(1.3863, abs=1e-3)


def test_attributes_as_texts() -> None:
    assert [Attribute.read(str(a)) for a in ATTRIBUTES] == list(ATTRIBUTES)
    assert "attributes" not in data.load("fake", Path("nowhere")).facts()
