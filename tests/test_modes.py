"""Data whose modes are known, and the counting of them: the data themselves have them all, a collapse is seen."""

from __future__ import annotations

import math
import struct

import pytest
import torch
from conftest import here
from torch import nn

import ganzoo
from ganzoo import data, registry
from ganzoo.config import configure
from ganzoo.images import to_uint8
from ganzoo.metrics import modes
from ganzoo.metrics.measure import judge_of, measure
from ganzoo.metrics.modes import Modes
from ganzoo.training.plan import from_run

POINTS = (("ring8", 8), ("grid25", 25))


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """A folder that is read as MNIST, whose 200 test digits the bundled cgan-mnist has drawn: by its labels, the truth."""
    raw = tmp_path_factory.mktemp("digits") / "MNIST" / "raw"
    raw.mkdir(parents=True)
    label = torch.arange(200) % 10
    gan = ganzoo.load("cgan-mnist")
    image = to_uint8(gan.show(gan.draw(200, 0, label=[str(k) for k in label.tolist()])))
    for split in ("train", "t10k"):
        head = struct.pack(">4i", 2051, 200, 28, 28)
        (raw / f"{split}-images-idx3-ubyte").write_bytes(head + image.numpy().tobytes())
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, 200) + label.byte().numpy().tobytes())
    return raw.parents[1]


def test_reverse_kl_is_of_the_drawn_modes():
    good = torch.ones(4, dtype=torch.bool)
    assert Modes(torch.tensor([0, 1, 2, 3]), good, 4).reverse_kl == pytest.approx(0)
    assert Modes(torch.tensor([2, 2, 2, 2]), good, 4).reverse_kl == pytest.approx(math.log(4))
    expected = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert Modes(torch.tensor([0, 0, 0, 1]), good, 2).reverse_kl == pytest.approx(expected)


@pytest.mark.parametrize(("name", "k"), POINTS)
def test_real_points_have_every_mode_and_most_are_good(name, k):
    test = data.load(name, split="test")
    assert test.image.shape == (10_000, 2, 1, 1)
    assert test.image.dtype == torch.float32
    assert test.image.abs().max() < 1
    found = modes.of_points(test.image[:2500], modes.MIXTURES[name]())
    assert torch.equal(found.mode, test.label[:2500])
    assert found.caught == k
    assert found.quality == pytest.approx(1 - math.exp(-4.5), abs=0.006)  # within 3 deviations of two coordinates
    assert found.reverse_kl == pytest.approx((k - 1) / 5000, abs=0.003)


@pytest.mark.parametrize(("name", "k"), POINTS)
def test_a_collapse_and_points_between_modes_are_seen(name, k):
    mixture = modes.MIXTURES[name]()
    one = modes.of_points(mixture.centre[3].expand(500, 2)[:, :, None, None], mixture)
    assert (one.caught, one.quality, one.reverse_kl) == (1, 1.0, pytest.approx(math.log(k)))
    between = modes.of_points((mixture.centre[:2].mean(0) + torch.zeros(500, 2))[:, :, None, None], mixture)
    assert (between.caught, between.quality) == (0, 0.0)


def test_a_split_is_the_same_each_time_and_another_than_the_other():
    one, again, test = (data.load("grid25", split=s).image for s in ("train", "train", "test"))
    assert torch.equal(one, again)
    assert not torch.equal(one[: len(test)], test)


def test_stacked_digits_are_named_by_the_judge_of_single_ones(digits):
    test, single = (data.load(name, digits, "test") for name in ("stacked_mnist", "mnist"))
    assert test.image.shape == (26_000, 3, 28, 28)
    assert len(test.classes) == 1000
    found = modes.of_stacked_digits(test.image[:300], judge_of("mnist", single.classes))
    assert (found.mode == test.label[:300]).float().mean() > 0.9  # of three digits at once
    for image, label in zip(test.image[:5], test.label[:5], strict=True):
        of = [single.classes[single.label[(single.image[:, 0] == x).flatten(1).all(1)][0]] for x in image]
        assert test.classes[label] == "".join(of)


def test_a_model_of_points_is_trained_measured_drawn_and_resumed(tmp_path):
    flags = ("--data", "ring8", "--width", 16, "--batch", 16, "--pack", 2, "--quiet")
    here("train", "vanilla", *flags, "--steps", 4, "--out", tmp_path / "run")
    here("resume", tmp_path / "run", "--steps", 8)
    here("sample", tmp_path / "run", "--n", 4, "--out", tmp_path / "points.npz")
    _, gan, facts = from_run(tmp_path / "run")
    assert facts["step"] == "8"
    assert gan.sample(3).shape == (3, 2, 1, 1)
    said = {m["name"]: m for m in measure(gan, "ring8", None, 100)}
    assert said["modes caught"]["floor"] == 8
    assert said.keys() == {"modes caught", "reverse KL", "high quality"}


def test_a_picture_of_two_channels_is_a_point_or_nothing():
    spec = registry.spec("vanilla")
    assert spec.build(configure(spec.config, {"side": 1, "channels": 2})).D(torch.zeros(2, 2, 1, 1)).shape == (2,)
    with pytest.raises(ValueError, match="channels: 2"):
        configure(spec.config, {"side": 28, "channels": 2})
    assert isinstance(spec.build(configure(spec.config, {})).D, nn.Module)
