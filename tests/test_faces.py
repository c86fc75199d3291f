"""The faces: what is drawn is what is said, which people are trained on, and pairs that differ in one part alone."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import torch

from ganzoo import data
from ganzoo.data import face_pairs
from ganzoo.data.dataset import Attribute
from ganzoo.data.faces import drawing, people, render, sets
from ganzoo.data.faces.parts import ATTRIBUTES, PARTS, held_out, indices, person, split_of, visible
from ganzoo.data.faces.sentences import choose, sentence, sentences
from ganzoo.metrics.measure import judge_of

N = 24


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faces")


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "COUNTS", {64: N, 128: N // 2, drawing.SIDES[1]: N // 4})
    monkeypatch.setattr(sets, "MEASURED", N // 2)


def test_layers_laid_over_each_other_are_the_drawing_itself() -> None:
    everybody = people("test", 6)
    composed = render(everybody, 32).float()
    whole = torch.stack([torch.from_numpy(drawing.rasterise(drawing.svg(who), 32)).permute(2, 0, 1) for who in everybody])
    difference = (composed - whole).abs()
    assert difference.mean() < 0.1, "of 255"
    assert (difference.amax(1) > 8).float().mean() < 0.01


def test_a_person_is_the_same_at_every_side_and_in_any_company() -> None:
    few = people("train", 4)
    assert people("train", 9)[:4] == few
    assert torch.equal(render(few, 16)[1:2], render(few[1:2], 16))
    small, large = render(few, 16).float(), render(few, 64).float()
    assert (torch.nn.functional.avg_pool2d(large, 4) - small).abs().mean() < 4


def test_pairs_differ_where_the_part_is_and_nowhere_else() -> None:
    everybody = people("train", 8)
    with_, without = render(everybody, 32, eyes="glasses"), render(everybody, 32, eyes="open")
    changed = (with_ != without).any(1)
    assert changed.flatten(1).any(1).all()
    assert not changed[:, :8].any(), "above the eyes"
    assert not changed[:, 20:].any(), "below the eyes"


def test_splits_share_no_combination_and_unseen_pairs_are_in_none_but_their_own() -> None:
    everybody = [person(i) for i in range(4000)]
    combinations = {s: {tuple(indices(who)) for who in everybody if split_of(who) == s} for s in data.dataset.SPLITS}
    assert all(len(found) > 200 for found in combinations.values())
    assert not combinations["train"] & combinations["test"]
    assert all(held_out(who) == (split_of(who) == "unseen") for who in everybody)
    trained = [who for who in everybody if split_of(who) == "train"]
    for part, values in PARTS.items():
        assert {who[part] for who in trained if part in visible(who)} == set(values), "every value is trained on"


def test_what_cannot_be_seen_is_not_said() -> None:
    hatted = person(0) | {"hair": "beanie", "facial_hair": "none", "hair_colour": "green"}
    assert indices(hatted)[list(PARTS).index("hair_colour")] == -1
    assert not any("green" in text for text in sentences(hatted | {"clothes_colour": "red"}))
    bearded = hatted | {"facial_hair": "beard", "mouth": "pacifier"}
    assert indices(bearded)[list(PARTS).index("mouth")] == -1
    assert not any("pacifier" in text or "soother" in text for text in sentences(bearded))
    assert any("green" in text and "beard" in text for text in sentences(bearded | {"clothes_colour": "red"}))


def test_a_sentence_names_its_parts_and_no_other() -> None:
    said = {
        "sunglasses": ("sunglasses", "dark glasses", "shades"),
        "pigtails": ("pigtails",),
        "turquoise": ("turquoise", "teal"),
    }
    who = {"skin": "dark", "hair": "pigtails", "hair_colour": "green", "facial_hair": "none"}
    who |= {"eyes": "sunglasses", "mouth": "frown", "clothes": "checked", "clothes_colour": "turquoise"}
    dice = random.Random(0)
    for _ in range(200):
        parts = choose(who, dice.randrange(1, 9), dice)
        text = sentence(who, parts, dice)
        for part, value in (("eyes", "sunglasses"), ("hair", "pigtails"), ("clothes_colour", "turquoise")):
            assert any(word in text for word in said[value]) == (part in parts), (parts, text)
        assert ("green" in text) == ("hair_colour" in parts), (parts, text)
        assert bool(re.search("frown|sad|unhappy", text)) == ("mouth" in parts), (parts, text)


def test_every_value_has_words_and_every_sentence_fits_its_reader() -> None:
    texts = [text for i in range(500) for text in sentences(person(i))]
    assert max(map(len, texts)) < 201
    assert not [text for text in texts if "  " in text or "{" in text or re.search(r"\ba [aeiou]|\ban [^aeiou]", text)]
    assert len(set(texts)) > 0.6 * len(texts)


@pytest.mark.parametrize("name", ["faces@16", "faces@128"])
def test_the_data_set(root: Path, name: str) -> None:
    train, test, unseen = (data.load(name, root, split) for split in data.dataset.SPLITS)
    n = N if name == "faces@16" else N // 2
    assert (len(train), len(test), len(unseen)) == (n, N // 2, N // 2)
    assert (train.name, train.side, train.channels, train.attributes) == (name, int(name[6:]), 3, ATTRIBUTES)
    assert train.attribute is not None
    assert train.attribute.shape == (n, len(PARTS))
    assert train.classes == tuple(PARTS["hair"])
    assert torch.equal(train.label, train.attribute[:, 1])
    assert torch.equal(train.image, render(people("train", n), train.side))
    assert train.captions == tuple(sentences(who) for who in people("train", n))
    assert "Draftbit" in train.attribution
    assert "CC BY 4.0" in train.license
    batch = train.batch(torch.tensor([3, 1]), torch.device("cpu"))
    assert torch.equal(batch["attribute"], train.attribute[[3, 1]])
    assert [Attribute.read(text) for text in train.facts()["attributes"]] == list(ATTRIBUTES)


def test_a_judge_learns_from_every_pair_but_not_from_who_is_measured(root: Path) -> None:
    everybody = people("train", 300, every=True)
    assert any(map(held_out, everybody))
    assert not {tuple(indices(who)) for who in everybody} & {tuple(indices(who)) for who in people("test", 100)}
    train = data.load("faces_every@16", root)
    assert torch.equal(train.image, render(people("train", N, every=True), 16))
    with pytest.raises(ValueError, match="no split 'unseen'"):
        data.load("faces_every@16", root, "unseen")


def test_few_are_the_first_of_the_many_and_are_tested_by_the_same(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "FEW", N // 3)
    few, many = (data.load(f"{name}@16", root) for name in ("faces_few", "faces"))
    assert len(few) == N // 3
    assert torch.equal(few.image, many.image[: N // 3])
    assert few.captions == many.captions[: N // 3]
    tested = (data.load(f"{name}@16", root, "test").image for name in ("faces_few", "faces"))
    assert torch.equal(*tested)


def test_another_style_has_its_own_parts(root: Path) -> None:
    train, again = (data.load("faces:toon-head@16", root) for _ in range(2))
    assert train.name == "faces:toon-head@16"
    assert data.dataset.plain(train.name) == "faces-toon-head"
    assert torch.equal(train.image, again.image)
    assert {a.name for a in train.attributes} >= {"mouth", "eyes", "hair"}
    assert train.attribute is not None
    assert train.attribute.min() >= 0
    assert "Johan Melin" in train.attribution
    assert len(train.image.flatten(1).unique(dim=0)) > N // 2
    assert data.load("faces:toon-head@16", root, "unseen").image.shape == (N // 2, 3, 16, 16)


@pytest.mark.parametrize(
    ("name", "message"),
    [("faces@4", "8 to 1024"), ("faces@x", "take a side"), ("faces:nobody", "DiceBear has"), ("faces:triangles", "no parts")],
)
def test_what_there_is_not(root: Path, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data.load(name, root)


def test_a_part_or_a_value_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="there are skin, hair"):
        render(people("train", 1), 16, ears="big")
    with pytest.raises(ValueError, match="one of none, beard"):
        render(people("train", 1), 16, facial_hair="long")


def test_without_dicebear_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "dicebear_styles", None)
    with pytest.raises(ValueError, match=re.escape("pip install 'ganzoo[faces]'")):
        data.load("faces", tmp_path)
    assert not list(tmp_path.iterdir()), "nothing half-written"


@pytest.mark.parametrize("part", ["glasses", "beard"])
def test_pairs_differ_in_one_part_alone_and_the_judge_of_faces_reads_them(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_pairs, "COUNTS", {"train": 30, "test": 12})
    train, test = (face_pairs.face_pairs(Path(), split, 32, part=part) for split in ("train", "test"))
    assert (train.paired, test.paired) == (False, True)
    changed = [(a != b).any(0).float().mean().item() for a, b in zip(test.source, test.image, strict=True)]
    assert 0 < min(changed) <= max(changed) < 0.4
    judge = judge_of(test.judged_as, None)
    names = [a.name for a in test.attributes]
    at = names.index(face_pairs.PARTS[part][0].replace("_", " "))
    with_it, without = (judge.read(images) == test.attribute for images in (test.image, test.source))
    seen = test.attribute >= 0
    assert with_it[seen].float().mean() > 0.95
    assert not without[:, at].any()
    seen[:, at] = False
    assert without[seen].float().mean() > 0.95
