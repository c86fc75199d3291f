"""Progressive growing against its paper: stages and fades, a resume within each, layers of equal learning rate, pixel norm."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from conftest import here
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

from ganzoo import data
from ganzoo.config import configure
from ganzoo.files import read_tensors
from ganzoo.models._growing_networks import Growth, Scaled, pixel_norm, twice
from ganzoo.models.progan import SPEC
from ganzoo.training.engine import Engine

FAKE = data.load("fake")
KNOBS = {"z": 4, "width": 1, "most": 4, "start": 4, "batch": 8, "pace": 16}  # two steps a fade


def engine(pictures=FAKE, **knobs):
    return Engine(SPEC, KNOBS | knobs, pictures, 0, torch.device("cpu"), "fp32")


def grown(gan, images):
    gan.growth.images.fill_(images)
    gan.D.growth.images.fill_(images)


def test_a_stage_is_a_fade_and_as_many_pictures_again():
    growth, seen = Growth(0, 2, pace=100), []
    for images in (0, 99, 100, 150, 199, 200, 299, 300, 350, 400, 500, 10**9):
        growth.images.fill_(images)
        seen.append(growth.now())
    assert seen == [(0, 1), (0, 1), (1, 0), (1, 0.5), (1, 0.99), (1, 1), (1, 1), (2, 0), (2, 0.5), (2, 1), (2, 1), (2, 1)]


def test_a_new_side_changes_nothing_before_it_fades_in():
    gan = SPEC.build(configure(SPEC.config, KNOBS | {"side": 32})).eval()
    z, image = torch.randn(5, 4), torch.rand(5, 3, 32, 32) * 2 - 1
    for k in range(3):
        begins = 16 + k * 32  # the fade of level k + 1
        grown(gan, begins - 1)
        before, judged = gan(z), gan.D(image)
        grown(gan, begins)
        assert gan.growth.now() == (k + 1, 0)
        assert torch.equal(gan(z), before)
        assert torch.allclose(gan.D(image), judged, atol=1e-6)
        grown(gan, begins + 8)
        assert not torch.allclose(gan(z), before)
        assert gan(z).shape == (5, 3, 32, 32)


def test_real_pictures_lose_the_detail_that_has_not_faded_in():
    e = engine()
    image = e.feed.at(0)["image"]
    for images, side, fade in ((0, 4, 1), (16, 8, 0), (24, 8, 0.5), (32, 8, 1)):
        grown(e.game, images)
        seen = e.game.real({"image": image})
        whole = adaptive_avg_pool2d(image, side)
        coarse = whole if fade == 1 else twice(avg_pool2d(whole, 2))
        assert torch.allclose(seen, fade * whole + (1 - fade) * coarse, atol=1e-6)


def test_each_stage_moves_its_own_layers_and_leaves_later_ones():
    """A step of each stage and fade, up to a side of 256 from the smallest of widths."""
    large = data.load("fake@256")
    e = engine(large, batch=2, pace=2)
    assert e.config.widths == [4, 4, 4, 4, 2, 1, 1]
    for _ in range(13):
        before = {k: w.clone() for k, w in e.game.named_parameters()}
        e.advance()
        level, fade = e.game.growth.now()
        moved = {k for k, w in e.game.named_parameters() if not torch.equal(w, before[k])}
        assert all(math.isfinite(v) for v in e.mean_terms().values())
        assert f"G.to_rgb.{level}.weight" in moved or fade == 0
        assert {f"D.from_rgb.{level - 1}.weight" in moved, f"G.to_rgb.{level - 1}.weight" in moved} == {fade < 1}
        assert not [k for k in moved if f"rgb.{level + 1}" in k or k.startswith(f"G.levels.{level + 1}")]
        assert e.average.growth.images == e.game.growth.images == e.game.D.growth.images == e.images, "the average follows"
    assert e.game.growth.now() == (6, 1)
    assert e.snapshot().shape[-2:] == (256, 256)
    sides = [x.shape[-1] for x in e.average.show_stages(e.average.draw(2, 0))]
    assert sides == [4, 8, 16, 32, 64, 128, 256]


@pytest.mark.parametrize("stopped", [1, 2, 3, 5, 6, 8], ids=["4", "fade 8", "in it", "8", "fade 16", "16"])
def test_stopped_within_each_part_of_the_growth_it_goes_on_bit_for_bit(stopped, grown_whole, tmp_path):
    flags = [x for k, v in KNOBS.items() for x in (f"--{k}", v)]
    here("train", "progan", "--data", "fake", "--steps", stopped, "--quiet", "--out", tmp_path / "run", *flags)
    here("resume", tmp_path / "run", "--steps", 9, "--quiet")
    two, facts = read_tensors(tmp_path / "run" / "state.safetensors")
    assert facts["step"] == "9"
    assert grown_whole.keys() == two.keys()
    assert [k for k in two if not torch.equal(grown_whole[k], two[k])] == []


@pytest.fixture(scope="module")
def grown_whole(tmp_path_factory):
    run = tmp_path_factory.mktemp("progan") / "run"
    flags = [x for k, v in KNOBS.items() for x in (f"--{k}", v)]
    here("train", "progan", "--data", "fake", "--steps", 9, "--quiet", "--out", run, *flags)
    return read_tensors(run / "state.safetensors")[0]


def test_a_training_that_goes_on_from_another_does_not_shrink(tmp_path):
    flags = [x for k, v in KNOBS.items() for x in (f"--{k}", v)]
    here("train", "progan", "--data", "fake", "--steps", 4, "--quiet", "--out", tmp_path / "a", *flags)
    here("train", "progan", "--from", tmp_path / "a", "--data", "fake", "--steps", 1, "--quiet", "--out", tmp_path / "b")
    state = read_tensors(tmp_path / "b" / "state.safetensors")[0]
    assert state["gan.growth.images"] == state["average.growth.images"] == state["gan.D.growth.images"] == 40


def test_all_layers_learn_at_one_speed_and_pixels_are_normalised():
    for a, kernel in itertools.product((8, 200), (1, 3)):
        layer = Scaled(a, 300, kernel)
        assert layer.weight.std().item() == pytest.approx(1, rel=0.1), "Adam moves all weights alike"
        y = layer(torch.randn(40, a, 5, 5))[..., 2, 2]
        assert y.std().item() == pytest.approx(math.sqrt(2), rel=0.1), "and what comes out is He's"
    x = pixel_norm(torch.randn(3, 7, 2, 2) * 9)
    assert torch.allclose(x.square().mean(1), torch.ones(3, 2, 2), atol=1e-4)


def test_the_loss_is_wgan_gps_with_a_drift_or_a_logit_with_r1():
    e = engine(start=16)
    batch = e.with_inputs(e.feed.at(0))
    d, g = (p.loss(dict(batch)) for p in e.phases)
    assert (set(d), set(g)) == ({"d_real", "d_fake", "d_drift", "d_penalty"}, {"g_fool"})
    value = e.game.D(batch["image"])
    assert d["d_real"].item() == pytest.approx(-value.mean().item(), rel=1e-3, abs=1e-5)
    assert d["d_drift"].item() == pytest.approx(0.001 * value.square().mean().item(), rel=1e-3)
    e = engine(start=16, loss="non-saturating", penalty=3.0)
    assert set(e.phases[0].loss(dict(batch))) == {"d_real", "d_fake", "d_drift", "d_r1"}


def test_widths_are_the_papers():
    c = configure(SPEC.config, {"side": 1024})
    assert c.widths == [512, 512, 512, 512, 256, 128, 64, 32, 16]
    for wrong in ({"side": 28}, {"side": 2}, {"side": 32, "start": 64}, {"side": 32, "start": 6}):
        with pytest.raises(ValueError, match=r"(side|start): \d+ is not 4, 8, 16"):
            configure(SPEC.config, wrong)
