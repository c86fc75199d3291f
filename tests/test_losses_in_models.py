"""cnn, LSGAN, WGAN and WGAN-GP against their papers: shapes, targets, clipping, the slope's penalty, who moves when."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganzoo import data, registry
from ganzoo.losses import gradient_penalty
from ganzoo.training.engine import Engine


def engine(name, **knobs):
    spec = registry.spec(name)
    return Engine(spec, dict(spec.tiny) | knobs, data.load("fake"), 0, torch.device("cpu"), "fp32")


def test_cnn_has_the_sides_of_the_tutorial():
    spec = registry.spec("cnn")
    gan = spec.build(spec.config()).eval()
    sides = []
    for m in gan.modules():
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d):
            m.register_forward_hook(lambda m, x, y: sides.append((y.shape[1], y.shape[-1])))
    gan.D(gan(torch.randn(1, 100)))
    assert sides == [(128, 14), (128, 30), (1, 28), (64, 13), (64, 6)]
    assert [m.p for m in gan.D.modules() if isinstance(m, nn.Dropout)] == [0.4, 0.4]
    with pytest.raises(ValueError, match="side: 30"):
        spec.config(side=30)


def test_lsgan_pays_half_the_squared_distance_to_one_and_to_zero():
    e = engine("lsgan")
    batch = e.with_inputs(e.feed.at(0))
    d, g = (phase.loss(dict(batch)) for phase in e.phases)
    gan = e.game
    fake = gan(batch["z"])
    assert d["d_real"].item() == pytest.approx(((gan.D(batch["image"]) - 1) ** 2).mean().item() / 2, rel=1e-4)
    assert d["d_fake"].item() == pytest.approx((gan.D(fake) ** 2).mean().item() / 2, rel=1e-4)
    assert g["g_fool"].item() == pytest.approx(((gan.D(fake) - 1) ** 2).mean().item() / 2, rel=1e-4)


def test_a_clipped_critic_stays_clipped_and_uses_the_whole_width():
    e = engine("wgan", lr_d=0.01)
    for _ in range(4):
        e.advance()
        largest = max(w.detach().abs().max().item() for w in e.game.D.parameters())
        assert largest == pytest.approx(e.config.clip)
    assert all(type(o) is torch.optim.RMSprop for o in e.optimisers.values())
    assert e.mean_terms().keys() == {"d_real", "d_fake", "critic_gap", "g_fool"}


@pytest.mark.parametrize("name", ["wgan", "wgan_gp"])
def test_the_generator_moves_after_every_nth_step_of_the_critic_on_noise_that_this_has_not_seen(name):
    e = engine(name, critic_steps=3)
    seen = {"D": [], "G": []}
    e.game.G.register_forward_hook(lambda m, x, y: seen["G" if y.requires_grad and not y.is_leaf else "D"].append(x[0]))
    moved = []
    for _ in range(6):
        before = [w.clone() for w in e.game.G.parameters()]
        critic = [w.clone() for w in e.game.D.parameters()]
        e.advance()
        moved.append(not all(torch.equal(a, b) for a, b in zip(before, e.game.G.parameters(), strict=True)))
        assert not all(torch.equal(a, b) for a, b in zip(critic, e.game.D.parameters(), strict=True))
    assert moved == [False, False, True] * 2
    drawn = [z for zs in seen.values() for z in zs]
    assert len(drawn) == 6 + 2
    assert not any(torch.equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])


def test_the_penalty_is_of_slopes_other_than_one_between_the_pictures():
    gan = engine("wgan_gp").game
    w = torch.randn(3 * 16 * 16)
    real, fake = torch.randn(4, 3, 16, 16), torch.randn(4, 3, 16, 16)

    class Linear(nn.Module):  # whose slope is w everywhere
        def forward(self, image):
            return image.flatten(1) @ w

    gan.D = Linear()
    assert gradient_penalty(gan.D, real, fake).item() == pytest.approx((w.norm().item() - 1) ** 2, rel=1e-4)
    w /= w.norm()
    assert gradient_penalty(gan.D, real, fake).item() == pytest.approx(0, abs=1e-6)

    class Recording(nn.Module):
        def forward(self, image):
            self.at = image.detach()
            return image.square().flatten(1).sum(1) / 2  # slope: the picture itself

    gan.D = Recording()
    torch.manual_seed(3)
    penalty = gradient_penalty(gan.D, real, fake)
    share = (gan.D.at - real).flatten(1).norm(dim=1) / (fake - real).flatten(1).norm(dim=1)
    assert torch.allclose(gan.D.at, real + share[:, None, None, None] * (fake - real), atol=1e-5)
    assert share.unique().numel() == 4
    assert penalty.item() == pytest.approx(((gan.D.at.flatten(1).norm(dim=1) - 1) ** 2).mean().item(), rel=1e-4)
    torch.manual_seed(3)
    assert torch.equal(penalty, gradient_penalty(gan.D, real, fake)), "the same of the same seed"


def test_the_critic_of_wgan_gp_judges_a_picture_without_the_others():
    gan = engine("wgan_gp").game
    assert not [m for m in gan.D.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    image = torch.randn(6, 3, 16, 16)
    assert torch.allclose(gan.D(image)[:2], gan.D(image[:2]), atol=1e-5)
