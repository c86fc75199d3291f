"""The noise of a picture: found by gradient descent, from Python, from the command line and on the page."""

from __future__ import annotations

import dataclasses

import numpy
import pytest
import torch
from conftest import REPO, here, run_cli, small
from PIL import Image
from support.links import GANS
from support.pages import open_tab

import ganzoo
from ganzoo import registry
from ganzoo.images import png, to_pil, to_uint8
from ganzoo.inputs import Choice, Code, Noise
from ganzoo.inversion import can_invert, invert
from ganzoo.ui import inference
from ganzoo.ui.limits import WAY
from ganzoo.ui.views.inversion import Inversion

ABLE = [name for name in registry.MODELS if can_invert(small(name).inputs)]
GREY = [c for c in GANS if can_invert(ganzoo.load(c.name).inputs) and c.config["config"]["channels"] == 1]
SHIPPED = next(c for c in GREY if c.spec.name == "dcgan")
THREE = "TTVSXRZQbOdNgMiNkOmQoRqSsTrWrYqbodmdkehfhhjiljnkplrmrorrrurwpwnx"  # strokes, as a link has them


@pytest.mark.parametrize("name", ABLE)
def test_what_is_found_is_what_the_generator_draws_of_its_inputs_and_within_their_bounds(name):
    gan = small(name)
    wanted = gan.sample(1, seed=2**31)[0]
    modes, weights = [m.training for m in gan.modules()], {k: v.clone() for k, v in gan.state_dict().items()}
    found = invert(gan, wanted)
    assert found.explained >= found.explained_at_first
    assert torch.allclose(gan.show(found.inputs)[0], found.image, atol=1e-3)
    variance = max(1e-6, float((wanted - wanted.mean()).square().mean()))  # an untrained network's may be less
    assert found.explained == pytest.approx(1 - float((found.image - wanted).square().mean()) / variance, abs=1e-3)
    for x in gan.inputs:
        value = found.inputs[x.name]
        assert len(value) == 1
        assert not value.requires_grad
        if isinstance(x, Code):
            assert x.low <= float(value) <= x.high
        elif isinstance(x, Choice):
            assert 0 <= int(value) < len(x.options)
        elif isinstance(x, Noise) and x.distribution == "uniform":
            assert float(value.abs().max()) <= 1
    assert [m.training for m in gan.modules()] == modes
    assert all(torch.equal(v, weights[k]) for k, v in gan.state_dict().items())
    again = invert(gan, wanted)
    assert torch.equal(again.image, found.image)


def test_its_own_pictures_and_real_ones_are_found_and_noise_is_not():
    gan = ganzoo.load(SHIPPED.name)
    own = gan.sample(4, seed=77_000)
    assert min(invert(gan, picture).explained for picture in own) > 0.9
    nothing = torch.rand(1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert invert(gan, nothing).explained < 0.3


def test_what_cannot_be_looked_for_is_said():
    gan = small(ABLE[0])
    with pytest.raises(ValueError, match=r"picture: got shape \(3, 8, 8\); give \(3, 16, 16\)"):
        invert(gan, torch.zeros(3, 8, 8))
    other = next(name for name in registry.MODELS if name not in ABLE and small(name).inputs)
    gan = small(other)
    with pytest.raises(ValueError, match="only what is drawn from noise can be looked for"):
        invert(gan, torch.zeros(gan.config.channels, gan.config.side, gan.config.side))


def test_the_command_line_writes_the_three_pictures_or_the_inputs(tmp_path, capsys):
    gan = ganzoo.load(SHIPPED.name)
    wanted = to_uint8(gan.sample(1, seed=77_000)[0])
    mine = tmp_path / "mine.png"
    mine.write_bytes(png(to_pil(wanted)))
    here("invert", SHIPPED.name, mine, "--out", tmp_path / "found.png")
    with Image.open(tmp_path / "found.png") as three:
        assert three.width > 3 * 28
    here("invert", SHIPPED.name, mine, "--out", tmp_path / "found.npz")
    kept = numpy.load(tmp_path / "found.npz")
    drawn = to_uint8(gan.show({"z": torch.from_numpy(kept["z"])}))[0].permute(1, 2, 0).numpy().astype(int)
    assert abs(drawn - kept["images"][0].astype(int)).max() <= 1
    (tmp_path / "no.png").write_text("no picture")
    for args, said in (
        ([mine, "--out", "found.gif"], "out: found.gif does not end in .png or .npz"),
        ([mine, "--seed", -1], "seed: -1 is not from 0 to 4294967295"),
        ([tmp_path / "no.png"], "not a picture that can be read"),
        ([tmp_path / "none.png"], "none.png"),
    ):
        code, err = run_cli(capsys, "invert", SHIPPED.name, *args)
        assert code == 2
        assert said in err
        assert len(err.splitlines()) == 1
    assert not (REPO / "found.gif").exists()


def test_a_drawing_is_looked_for_and_its_link_shows_the_same(visit):
    name = SHIPPED.spec.name
    page = visit(f"?v=2&tab={name}&seed=3&wanted={THREE}")
    page.locator(f"#{name}-found img").wait_for()
    said = page.locator(f"#{name}-found-said").inner_text()
    assert "of your drawing" in said
    assert page.locator(f"#{name}-found-way").get_by_text("what was found").count() == 1
    page.locator(f"#{name}-wanted").get_by_role("button", name="Clear").click()
    page.locator(f"#{name}-found img").wait_for(state="hidden")
    page.wait_for_function("!location.search.includes('wanted')")


def test_a_tab_shows_nothing_of_it_before_something_is_drawn(visit):
    name = SHIPPED.spec.name
    page = visit()
    open_tab(page, name)
    assert not page.locator(f"#{name}-found img").count()
    assert not page.locator(f"#{name}-found-said").inner_text()


def test_of_a_checkpoint_that_it_does_not_fit_it_says_so(monkeypatch):
    """A tab offers it for its first checkpoint; another one may draw in colour."""
    gan = small(SHIPPED.spec.name)
    monkeypatch.setattr(gan, "config", dataclasses.replace(gan.config, channels=3))
    monkeypatch.setattr(inference, "load", lambda name: (SHIPPED, gan))
    picture, said, way = Inversion.draw(None, "in-colour", "a drawing", 0)
    assert said == "in-colour draws no grey pictures."
    assert not picture["visible"]
    assert not way["visible"]


def test_the_way_leads_from_what_was_found_to_the_seed():
    gan = ganzoo.load(SHIPPED.name)
    wanted = to_uint8(gan.sample(1, seed=77_000))[0]
    found = inference.invert(SHIPPED.name, wanted, 5)
    assert len(found.way) == WAY
    assert abs(found.way[-1].int() - to_uint8(gan.sample(1, seed=5))[0].int()).max() <= 1
    off, off_at_first = ((x.float() - wanted.float()).abs().mean() for x in (found.way[0], found.first))
    assert off < off_at_first
    with pytest.raises(ValueError, match="seed: -1 is not a whole number"):
        inference.invert(SHIPPED.name, wanted, -1)
