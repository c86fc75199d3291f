"""`sample`: grids, arrays and folders of files, as one draws them and some at a time; values of NumPy and torch."""

from __future__ import annotations

import pickle
import re

import numpy
import pytest
import torch
from conftest import here, small
from PIL import Image

import ganzoo
from ganzoo import registry
from ganzoo.cli import sample as verb
from ganzoo.images import grid, to_uint8

FIRST = registry.MODELS[0]


@pytest.fixture
def few_at_once(monkeypatch):
    """As if the memory held four pictures."""
    monkeypatch.setattr(verb, "PART", 4)
    monkeypatch.setattr(ganzoo.GAN, "at_once", property(lambda gan: 2))


@pytest.mark.parametrize("out", ["new/", "there", "there/"])
def test_a_folder_has_a_file_a_picture(out, kept, tmp_path, few_at_once):
    (tmp_path / "there").mkdir()
    where = f"{tmp_path}/{out}"
    here("sample", kept, "--n", 11, "--seed", 3, "--out", where)
    folder = tmp_path / out
    assert sorted(p.name for p in folder.iterdir()) == [f"{i:02}.png" for i in range(11)]
    wanted = to_uint8(ganzoo.load(str(kept)).sample(11, seed=3))
    for i, image in enumerate(wanted):
        with Image.open(folder / f"{i:02}.png") as picture:
            assert (numpy.asarray(picture) == image.permute(1, 2, 0).numpy()).all()
    again = here("sample", kept, "--n", 2, "--out", where, check=False)
    assert (again.returncode, "is there and not empty" in again.stderr) == (2, True)


@pytest.mark.parametrize("name", ["x.PNG", "x.png", "x.NPZ", "x.npz"])
def test_what_is_drawn_some_at_a_time_is_what_is_drawn_at_once(name, kept, tmp_path, few_at_once):
    here("sample", kept, "--n", 11, "--seed", 2**32 - 5, "--out", tmp_path / name)
    gan = ganzoo.load(str(kept))
    given = gan.draw(11, 2**32 - 5)
    images = to_uint8(gan.show(given)).permute(0, 2, 3, 1).numpy()
    if name.lower().endswith("npz"):
        with numpy.load(tmp_path / name) as arrays:
            assert {k: v.dtype for k, v in arrays.items()} == {"images": numpy.uint8, "z": numpy.float32}
            assert (arrays["images"] == images).all()
            assert (arrays["z"] == given["z"].numpy()).all()
    else:
        with Image.open(tmp_path / name) as picture:
            whole = grid(to_uint8(gan.show(given)), scale=3, gap=3)
            assert (numpy.asarray(picture) == numpy.asarray(whole)).all()
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.fixture
def of_labels(checkpoints):
    return checkpoints["cgan"]


def test_a_value_for_each_picture_goes_with_its_picture(of_labels, tmp_path, few_at_once):
    labels = [k % 3 for k in range(9)]
    here("sample", of_labels, "--n", 9, "--set", f"label={labels}", "--out", tmp_path / "x.npz")
    with numpy.load(tmp_path / "x.npz") as arrays:
        assert arrays["label"].tolist() == labels
    refused = here("sample", of_labels, "--n", 9, "--set", "label=[1, 2]", "--out", tmp_path / "y.npz", check=False)
    assert refused.stderr == "ganzoo: label: 2 values for 9 pictures; give one value, or 9\n"


KINDS = [int, numpy.int64, numpy.uint8, torch.tensor, numpy.array]


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_whole_numbers_of_numpy_and_torch_are_taken(kind, of_labels):
    gan = ganzoo.load(str(of_labels))
    assert torch.equal(gan.sample(kind(2), seed=kind(7), label=kind(1)), gan.sample(2, seed=7, label=1))


@pytest.mark.parametrize("value", [True, 3.0, "3", torch.tensor(True), numpy.float64(3), torch.tensor([1, 2])], ids=repr)
def test_what_is_no_whole_number_is_refused(value):
    for given in ({"n": value}, {"seed": value}):
        with pytest.raises(ValueError, match=f"{next(iter(given))}: {re.escape(repr(value))} is not a whole number"):
            small().sample(**given)


# ---- A model in other hands ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", registry.MODELS)
def test_a_model_can_be_pickled_and_used_in_half_precision(name):
    gan = small(name)
    images = gan.sample(2)
    assert torch.equal(pickle.loads(pickle.dumps(gan)).sample(2), images)
    for dtype in (torch.float16, torch.bfloat16):
        half = small(name).to(dtype).sample(2)
        assert half.dtype == torch.float32
        assert (half - images).abs().mean() < 0.1
