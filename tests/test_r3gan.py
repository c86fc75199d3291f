"""R3GAN against its paper: pairs, penalties at real and drawn pictures, blocks that start as the identity, schedules, sizes."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from ganzoo import data
from ganzoo.config import configure
from ganzoo.models._residual_stages import Block, Resampling
from ganzoo.models.r3gan import SPEC
from ganzoo.training.engine import Engine

FAKE = data.load("fake")


def engine(**knobs):
    return Engine(SPEC, dict(SPEC.tiny) | knobs, FAKE, 0, torch.device("cpu"), "fp32")


def test_a_real_and_a_drawn_picture_are_judged_as_a_pair_and_d_is_not_steep_at_either():
    e = engine(gamma=3.0)
    for m in e.game.D.modules():
        if isinstance(m, Block):
            nn.init.normal_(m.close.weight)  # not 0, under which D is linear and as steep everywhere
    batch = e.with_inputs(e.feed.at(0))
    terms = e.phases[0].loss(dict(batch))
    real, fake = batch["image"].clone().requires_grad_(), e.game(batch["z"]).detach().requires_grad_()
    of_real, of_fake = e.game.D(real), e.game.D(fake)
    assert terms["d_pair"].item() == pytest.approx(softplus(of_fake - of_real).mean().item(), rel=1e-4)
    for name, logit, image in (("d_r1", of_real, real), ("d_r2", of_fake, fake)):
        (slope,) = torch.autograd.grad(logit.sum(), image)
        assert terms[name].item() == pytest.approx(1.5 * slope.square().flatten(1).sum(1).mean().item(), rel=1e-3)
    (g,) = e.phases[1].loss(dict(batch)).values()
    assert g.item() == pytest.approx(softplus(of_real - of_fake).mean().item(), rel=1e-4)


def test_a_penalty_that_is_seldom_counts_for_the_steps_without_it():
    always, seldom = (engine(penalty_every=n, decay=0) for n in (1, 4))
    batch = always.with_inputs(always.feed.at(0))
    one, four = (e.phases[0].loss(dict(batch)) for e in (always, seldom))
    assert four["d_r1"].item() == pytest.approx(4 * one["d_r1"].item(), rel=1e-4)
    seldom.game.step = 1
    assert set(seldom.phases[0].loss(dict(batch))) == {"d_pair"}


def test_a_network_starts_as_nothing_but_resampling():
    block = Block(6, 4, blocks=8)
    x = torch.randn(2, 6, 5, 5)
    assert torch.equal(block(x), x)
    assert block.mix.groups == 3, "the largest group of at most 4 channels that divides 12"
    x, y = (Block(64, 16, blocks=n).mix.weight.std().item() for n in (1, 16))
    assert x / y == pytest.approx(2, rel=0.05), "the more blocks, the smaller their weights: 16 ^ (1 / 4)"
    up, down = Resampling(4, 2, 14), Resampling(4, 2, 7)
    flat = torch.ones(1, 4, 7, 7)
    assert torch.allclose(up(flat), up.project(torch.ones(1, 4, 14, 14)), atol=1e-6)
    x = torch.randn(1, 4, 14, 14)
    assert torch.allclose(down(x), nn.functional.avg_pool2d(down.project(x), 2), atol=1e-5), "it commutes with the 1 x 1"


def test_rates_fall_to_a_quarter_and_the_penalty_to_a_tenth():
    e = engine(decay=800, lr_d=1e-3, lr_g=2e-3)
    d, g = e.phases
    for images, rate in ((0, 1), (400, 0.625), (800, 0.25), (9000, 0.25)):
        assert (d.rate(images), g.rate(images)) == pytest.approx((1e-3 * rate, 2e-3 * rate))
    batch = e.with_inputs(e.feed.at(0))
    first = e.phases[0].loss(dict(batch))
    e.game.step = 100  # 800 pictures
    last = e.phases[0].loss(dict(batch))
    assert last["d_r2"].item() == pytest.approx(first["d_r2"].item() / 10, rel=1e-4)


@pytest.mark.parametrize(
    ("recipe", "side", "sides", "widths"),
    [
        (None, 32, [4, 8, 16, 32], [768] * 4),
        ("paper-64", 64, [4, 8, 16, 32, 64], [768] * 4 + [384]),
        ("paper-256", 256, [4, 8, 16, 32, 64, 128, 256], [768] * 4 + [384, 192, 96]),
        ("fast", 28, [4, 7, 14], [128, 64, 32]),
    ],
)
def test_networks_are_as_wide_as_the_papers(recipe, side, sides, widths):
    c = configure(SPEC.config, {"side": side, "channels": 3} | SPEC.knobs(recipe))
    assert (c.sides, c.widths) == (sides, widths)
    with torch.device("meta"):
        gan = SPEC.build(c)
    assert {m.mix.in_channels // m.mix.groups for m in gan.modules() if isinstance(m, Block)} == {16}
    assert gan.D(gan(torch.empty(2, c.z, device="meta"))).shape == (2,)


def test_patches_leave_a_side_to_work_on():
    with pytest.raises(ValueError, match="patch: 3 is not a power of two"):
        configure(SPEC.config, {"patch": 3})
    with pytest.raises(ValueError, match=r"patch: 8 .* a side of 28"):
        configure(SPEC.config, {"patch": 8})
