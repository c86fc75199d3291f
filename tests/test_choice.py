"""A class is meant by its name, exactly first, then without case; by its number only where no class is named so."""

from __future__ import annotations

import numpy
import pytest
import torch
from conftest import here, small
from PIL import Image

from ganzoo import inputs
from ganzoo.inputs import Choice, Noise, Text
from ganzoo.text import caption

BIG, WORDS = ("1", "10", "2"), ("Bag", "bag", "T-shirt", "Ankle boot")


@pytest.mark.parametrize(
    ("options", "value", "meant"),
    [
        (("1", "2", "3"), 1, "1"),
        (("1", "2", "3"), "3", "3"),
        (BIG, 1, "1"),
        (BIG, "2", "2"),
        (BIG, 10, "10"),
        (BIG, numpy.int64(10), "10"),
        (BIG, torch.tensor(10), "10"),
        (BIG, 0, "1"),
        (("A", "a"), "a", "a"),
        (("A", "a"), "A", "A"),
        (WORDS, "bag", "bag"),
        (WORDS, " t-SHIRT ", "T-shirt"),
        (WORDS, 3, "Ankle boot"),
        (("false", "true"), True, "true"),
        (("False", "True"), True, "True"),
        (("false", "true"), False, "false"),
        (("no", "null"), None, "null"),
        (("1.0", "1.5", "2"), 1.5, "1.5"),
        (("1.50", "2.00"), 1.5, "1.50"),
        (("0", "1"), 1.0, "1"),
        (("001", "002"), "002", "002"),
        (("001", "002"), 1, "001"),
        (("001", "002"), 0, "001"),
        (("1.00", "2.00"), 1, "1.00"),
        (("1", "01"), "01", "01"),
        (("1.1", "1.10"), "1.10", "1.10"),
        (("inf", "nan"), "NaN", "nan"),
        (("A\u0308", "a\u0308"), "\u00c4", "A\u0308"),
        (("\u00c4", "x"), "a\u0308", "\u00c4"),
        (("cat ", "dog"), "cat", "cat "),
    ],
)
def test_a_value_means_the_class_that_is_named_so(options, value, meant):
    assert options[Choice("label", options).read(value, 1)] == meant


@pytest.mark.parametrize(
    ("options", "value", "said"),
    [
        (("AB", "Ab"), "ab", "label: 'ab' may be AB or Ab; give one as it is"),
        (("1.1", "1.10"), 1.1, "label: '1.1' may be 1.1 or 1.10; give one as it is"),
        (("1", "01"), "001", "label: '001' may be 1 or 01; give one as it is"),
        (("1", "2", "3"), 4, "label: '4' is not one of 1, 2, 3"),
        (("no", "yes"), True, "label: 'true' is not one of no, yes"),
        (("no", "yes"), 0.5, "label: '0.5' is not one of"),
        (("no", "yes"), -1, "label: '-1' is not one of"),
        (("no", "yes"), None, "label: 'null' is not one of"),
    ],
)
def test_what_means_no_class_or_two_is_refused(options, value, said):
    with pytest.raises(ValueError, match="label: ") as error:
        Choice("label", options).read(value, 1)
    assert str(error.value).startswith(said)


def test_each_picture_may_have_its_own_and_an_array_is_read_as_its_numbers():
    x = Choice("label", BIG)
    assert x.read(["10", 1, "2"], 3).tolist() == x.read(torch.tensor([10, 1, 2]), 3).tolist() == [1, 0, 2]
    assert x.read(numpy.array([10, 1, 2]), 3).tolist() == [1, 0, 2]
    assert inputs.draw((Noise("z", 2), x), 2, 0, label=10)["label"].tolist() == [1, 1]


def test_training_feeds_numbers_whatever_the_classes_are_called():
    gan = small("cgan")
    assert gan.draw(3, None, label=torch.tensor([2, 0, 1]))["label"].tolist() == [2, 0, 1]


AWKWARD = [("1", "2", "10"), ("A", "a"), ("true", "false"), ("1.1", "1.10", "2"), ("[1]", '"a"', "null", "1e3")]


@pytest.mark.parametrize("names", AWKWARD, ids=" ".join)
def test_a_folder_of_such_classes_is_asked_for_by_name_on_the_command_line(tmp_path, names):
    for i, name in enumerate(names):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for k in range(10):
            Image.new("L", (8, 8), 20 * i).save(tmp_path / "pictures" / name / f"{k}.png")
    flags = ["--steps", 1, "--batch", 4, "--quiet", "--out", tmp_path / "run"]
    here("train", "cgan", "--data", f"folder:{tmp_path / 'pictures'}@8", *flags)
    order = sorted(names)
    for name in names:
        here("sample", tmp_path / "run", "--n", 2, "--set", f"label={name}", "--out", tmp_path / "x.npz")
        assert numpy.load(tmp_path / "x.npz")["label"].tolist() == [order.index(name)] * 2


@pytest.mark.parametrize(
    ("given", "indices"), [("[1.10, 1.1]", [1, 0]), ('["2", 1.10]', [2, 1]), ("2.0", [2, 2]), ("002", [2, 2])]
)
def test_what_is_typed_keeps_its_zeros_in_a_list_too(given, indices):
    x = Choice("label", ("1.1", "1.10", "2"))
    assert x.read(x.parse(given), 2).tolist() == indices


def test_a_caption_that_looks_like_a_number_is_a_caption():
    x = Text("text", ("a",))
    for typed, meant in (("7", "7"), ("true", "true"), ('"7"', "7"), ("a 'b'", "a 'b'")):
        assert caption.read(x.read(x.parse(typed), 1)) == [meant]
    assert caption.read(x.read(x.parse('["7", "b"]'), 2)) == ["7", "b"]


def test_an_input_that_is_set_twice_is_refused(tmp_path):
    twice = here("sample", "cgan-mnist", "--set", "label=1", "--set", "label=2", "--out", tmp_path / "x.png", check=False)
    assert twice.stderr == "ganzoo: set: label is given twice; give one value, or a list with one for each picture\n"
    assert (twice.returncode, list(tmp_path.iterdir())) == (2, [])
