"""The emoji, on a small set drawn here in the sets' own format: what is kept, how it is split, what is said, what is told."""

from __future__ import annotations

import json

import pytest
import torch

from ganzoo import data
from ganzoo.data.emoji import drawings
from ganzoo.data.emoji.captions import article, captions_of, single_words
from ganzoo.data.emoji.drawings import STYLES, Concept, held_out, read_concepts, slug
from ganzoo.data.emoji.hues import main_hue
from ganzoo.data.emoji.outlines import ink
from ganzoo.text import caption

CPU = torch.device("cpu")
THINGS, PEOPLE = 120, 12


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """120 things and 12 people in six sets (the last set lacks every third), a flag and a clock face that are left out."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "emoji").mkdir()
    entries = [
        {"label": f"thing number {i}", "hexcode": f"{i:05X}", "emoji": chr(0x1F400 + i), "tags": ["round", "plain"], "group": 3}
        for i in range(THINGS)
    ]
    entries += [
        {"label": f"person: {i}", "hexcode": f"{i + 500:05X}", "emoji": chr(0x1F500 + i), "group": 1, "subgroup": 25}
        for i in range(PEOPLE)
    ]
    entries += [{"label": "flag: Nowhere", "hexcode": "F", "emoji": "x", "group": 9}]
    entries += [{"label": "two o’clock", "hexcode": "C", "emoji": "y", "group": 5}]
    (folder / "emoji" / "data.json").write_text(json.dumps(entries))
    notes = {
        "annotations": {"annotations": {chr(0x1F400 + i): {"default": ["toy"], "tts": [f"old name {i}"]} for i in range(120)}}
    }
    (folder / "emoji" / "annotations.json").write_text(json.dumps(notes))
    for s, style in enumerate(STYLES):
        fill = f"#{40 * s:02x}80ff"
        icons = {slug(e["label"]): {"body": f'<rect x="2" y="2" width="{6 + s}" height="8" fill="{fill}"/>'} for e in entries}
        if style == "emojione":
            icons = {k: v for i, (k, v) in enumerate(icons.items()) if i % 3}
        if style == "noto":  # by another name, mirrored, and by an alias
            icons["old-name-0"] = icons.pop("thing-number-0")
            icons["target"] = icons.pop("thing-number-1")
        found = {"icons": icons, "width": 16, "height": 16}
        found["aliases"] = {"thing-number-1": {"parent": "target", "hFlip": True}} if style == "noto" else {}
        (folder / "emoji" / f"{style}.json").write_text(json.dumps(found))
    return folder


def rows(root, split, people=False):
    return [r for r in drawings.rendered_rows(root) if r["split"] == split and (people or not r["person"])]


def test_every_drawing_is_in_one_split_and_people_are_a_choice(root):
    sizes = {n: [len(data.load(n, root, s)) for s in ("train", "test", "unseen")] for n in ("emoji", "emoji_people")}
    assert sum(sizes["emoji"]) == THINGS * 5 + THINGS * 2 // 3
    assert sum(sizes["emoji_people"]) == sum(sizes["emoji"]) + PEOPLE * 5 + PEOPLE * 2 // 3
    assert min(sizes["emoji"]) > 0
    assert not any("flag" in r["name"] or "clock" in r["name"] for r in drawings.rendered_rows(root))


def test_a_held_out_pair_is_a_known_thing_and_an_unseen_thing_is_unknown(root):
    trained = {(r["code"], r["style"]) for r in rows(root, "train", True)}
    for r in rows(root, "test", True):
        assert (r["code"], r["style"]) not in trained
        assert sum(code == r["code"] for code, _ in trained) >= 3
    assert not {code for code, _ in trained} & {r["code"] for r in rows(root, "unseen", True)}


@pytest.mark.parametrize("name", ["emoji", "emoji_people"])
@pytest.mark.parametrize("split", ["train", "test", "unseen"])
def test_pictures_labels_and_captions_belong_together(root, name, split):
    d = data.load(name, root, split)
    assert d.image.shape[1:] == (3, 64, 64)
    found = rows(root, split, name == "emoji_people")
    assert len(d) == len(found) == len(d.captions)
    styles = list(STYLES)
    for i, r in enumerate(found):
        assert d.classes[d.label[i]] == r["name"]
        assert all(r["name"] in d.captions[i][k] for k in range(8))
        assert STYLES[r["style"]] in d.captions[i][0]
        if r["name"] != "thing number 1":  # the fill says the set; 16 units are 64 pixels
            assert d.image[i, 0, 20, 20] == 40 * styles.index(r["style"])


@pytest.mark.parametrize("words", [["apple"], ["cat", "kitten"], []])
def test_a_picture_is_also_told_in_the_one_word_that_a_visitor_types(words):
    told = [captions_of(Concept(str(code), "red apple", ("fruit",), (), False), "noto", words)[10:] for code in range(40)]
    assert {one for one, *_ in told} == set(words or ["red apple"])
    assert all(rest == [article(one), f"{one}, noto style", f"noto {one}"] for one, *rest in told)


def test_a_word_alone_means_the_thing_called_so_or_the_nearest_one():
    out, *_ = (str(k) for k in range(9999) if held_out(Concept(str(k), "", (), (), False)))
    codes = (str(k) for k in range(9999) if not held_out(Concept(str(k), "", (), (), False)))
    things = [
        ("hot dog", ("dog", "sausage")),
        ("dog", ("animal", "dog")),
        ("automobile", ("car", "vehicle")),
        ("police car light", ("car", "police")),
        ("man rowing boat", ("boat",)),
        ("motor boat", ("boat", "engine", "lake")),
        ("piñata", ("party",)),
        ("houses", ("house",)),
        ("house", ("derelict", "1")),
        ("fish", ("fish",)),
        ("tropical fish", ("fish",)),
    ]
    concepts = [Concept(out if n == "fish" else next(codes), n, k, (), n.startswith("man")) for n, k in things]
    words = single_words(concepts)
    meant = {word: next(c.name for c in concepts if word in words[c.code]) for own in words.values() for word in own}
    wanted = {"dog": "dog", "car": "automobile", "boat": "motor boat", "house": "house", "fish": "tropical fish"}
    assert wanted.items() <= meant.items()
    assert sum(len(own) for own in words.values()) == len(meant), "a word means one thing"
    assert "party" not in meant, "not near to what it is a keyword of"


def test_an_alias_is_mirrored_and_an_older_name_is_found(root):
    by = {(r["name"], r["style"]): i for i, r in enumerate(drawings.rendered_rows(root))}
    size = 3 * 64 * 64
    raw = torch.frombuffer(bytearray((root / "emoji/drawn/64.bytes").read_bytes()), dtype=torch.uint8).view(-1, 3, 64, 64)
    assert raw.numel() == len(by) * size
    assert ("thing number 0", "noto") in by
    flipped, plain = raw[by["thing number 1", "noto"]], raw[by["thing number 2", "noto"]]
    assert torch.equal(flipped, plain.flip(2))
    assert not torch.equal(flipped, plain)


def test_both_sides_show_the_same_picture(root):
    small, large = data.load("emoji", root, "test"), data.load("emoji@256", root, "test")
    assert large.image.shape[1:] == (3, 256, 256)
    assert large.name == "emoji@256"
    shrunk = torch.nn.functional.avg_pool2d(large.image.float(), 4)
    assert (shrunk - small.image.float()).abs().max() <= 1
    assert large.captions == small.captions


def test_nothing_is_drawn_twice(root):
    data.load("emoji", root)
    before = (root / "emoji/drawn/64.bytes").stat().st_mtime_ns
    data.load("emoji", root)
    assert (root / "emoji/drawn/64.bytes").stat().st_mtime_ns == before
    assert [p.name for p in (root / "emoji").glob(".*")] == []


def test_what_is_said_is_a_function_of_the_seed_and_the_picture(root):
    d = data.load("emoji", root)
    index = torch.arange(0, len(d), 3)

    def say(seed, index):
        return caption.read(d.batch(index, CPU, seed)["text"])

    assert say(1, index) == say(1, index)
    assert say(1, index)[4:9] == say(1, index[4:9]), "another process's share of the batch is told the same"
    assert say(1, index) != say(2, index)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    d.batch(index, CPU)
    assert torch.equal(state, torch.get_rng_state()), "choosing a caption must not move the noise"


def test_a_recoloured_picture_has_the_colour_that_its_caption_says(root):
    d = data.load("emoji_hues", root)
    assert (d.hue >= 0).any()
    index = torch.arange(len(d))
    batch = d.batch(index, CPU)
    said = caption.read(batch["text"])
    centres = {"red": 0, "orange": 28, "yellow": 52, "green": 125, "blue": 215, "purple": 275, "pink": 328}
    seen = 0
    for i, text in enumerate(said):
        colour = d.colour(i, 0)
        if colour is None:
            assert torch.equal(d.images_at(index[i : i + 1], 0)[0], d.image[i])
            assert text in d.captions[i]
            continue
        seen += 1
        assert text.startswith((f"a {colour} thing", f"an {colour} thing"))
        hue, _ = main_hue(d.images_at(index[i : i + 1], 0)[0])
        assert abs((hue - centres[colour] + 180) % 360 - 180) < 6, text
    assert seen > 20
    assert type(data.load("emoji_hues", root, "test")) is data.Data, "nothing is recoloured where it is measured"


def test_main_hue_is_that_of_the_ink_or_none():
    image = torch.full((3, 64, 64), 255, dtype=torch.uint8)
    assert main_hue(image)[0] == -1, "white"
    image[:, :32] = torch.tensor([0, 0, 200], dtype=torch.uint8)[:, None, None]
    assert main_hue(image)[0] == pytest.approx(240, abs=1)
    image[:, 32:] = torch.tensor([220, 0, 0], dtype=torch.uint8)[:, None, None]
    assert main_hue(image)[0] == -1, "two colours"
    image[:] = 60
    assert main_hue(image)[0] == -1, "grey"


@pytest.mark.parametrize(
    ("name", "split", "said"),
    [
        ("emoji@100", "train", "64 or 256"),
        ("emoji@x", "train", "take a side"),
        ("mnist@64", "train", "take a side"),
        ("emoji", "valid", "no split 'valid'"),
        ("shapes", "unseen", "it has train and test"),
        ("shapes@7", "train", "from 16 to 128"),
        ("folder:x", "unseen", "it has train and test"),
        ("hf:x/y", "unseen", "it has train and test"),
    ],
)
def test_what_is_not_there_is_told(root, name, split, said):
    with pytest.raises(ValueError, match=said):
        data.load(name, root, split)


def test_missing_and_broken_files_are_told(tmp_path, root):
    with pytest.raises(ValueError, match=r"data\.json|annotations\.json"):
        data.load("emoji", tmp_path)
    (tmp_path / "emoji").mkdir()
    for name in ("data.json", "annotations.json"):
        (tmp_path / "emoji" / name).write_text((root / "emoji" / name).read_text())
    assert len(read_concepts(tmp_path)) == THINGS + PEOPLE
    with pytest.raises(ValueError, match=r"noto\.json: not there"):
        data.load("emoji", tmp_path)
    for style in STYLES:
        (tmp_path / "emoji" / f"{style}.json").write_text("{")
    with pytest.raises(ValueError, match=r"noto\.json: cannot be read"):
        data.load("emoji", tmp_path)
    assert not (tmp_path / "emoji" / "drawn").exists()


def test_pictures_that_are_cut_short_are_told(tmp_path, root):
    (tmp_path / "emoji").mkdir()
    for path in (root / "emoji").glob("*.json"):
        (tmp_path / "emoji" / path.name).write_bytes(path.read_bytes())
    data.load("emoji", tmp_path)
    where = tmp_path / "emoji/drawn/64.bytes"
    where.write_bytes(where.read_bytes()[:-1])
    with pytest.raises(ValueError, match="cut short"):
        data.load("emoji", tmp_path)


def test_outlines_are_in_pairs_with_what_the_other_teams_draw_of_the_same_things(root):
    for split, own in (("train", "train"), ("test", "unseen")):
        d = data.load("emoji_outlines", root, split)
        codes = {r["code"] for r in rows(root, own) if r["style"] == "openmoji"}
        pairs = [r for r in rows(root, own) if r["style"] != "openmoji" and r["code"] in codes]
        assert len(d) == len(pairs) == len(d.source) > 0
        assert [d.classes[k] for k in d.label] == [r["name"] for r in pairs]
        assert d.source.shape[1:] == (1, 64, 64)
        assert set(d.source.unique().tolist()) <= {0, 255}
    with pytest.raises(ValueError, match="no split 'unseen'; it has train and test"):
        data.load("emoji_outlines", root, "unseen")


def test_ink_is_what_is_dark_in_every_colour():
    picture = torch.tensor([[0, 255, 200], [0, 0, 40], [0, 255, 40]], dtype=torch.uint8)[:, None]
    assert ink(picture).tolist() == [[[0, 255, 255]]]
