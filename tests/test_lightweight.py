"""Lightweight GAN against its paper: excitation, what D paints, augmentation that G learns through, few pictures."""

from __future__ import annotations

import pytest
import torch
from conftest import here, tiny
from torch.nn.functional import relu

import ganzoo
from ganzoo import augment, data
from ganzoo.config import configure
from ganzoo.images import from_uint8, to_pil
from ganzoo.models._lightweight_networks import Discriminator, Excitation, Generator, d_width, g_width, quarter_of
from ganzoo.models.lightweight import SPEC
from ganzoo.training.engine import Engine

FAKE = data.load("fake")


def engine(**knobs):
    return Engine(SPEC, dict(SPEC.tiny) | knobs, FAKE, 0, torch.device("cpu"), "fp32")


def test_an_early_layer_weighs_the_channels_of_one_16_times_as_large():
    G = Generator(4, 2, 3, 128)
    assert list(G.excite) == ["64", "128"]
    e = Excitation(5, 3)
    x, early = torch.randn(2, 3, 8, 8), torch.randn(2, 5, 16, 16)
    share = e(x, early) / x
    assert torch.allclose(share, share[..., :1, :1].expand_as(share), atol=1e-5), "a number a channel"
    assert ((share > 0) & (share < 1)).all()
    z = torch.randn(4, 4)
    before = G(z)
    G.excite["128"].body[1].weight.data.mul_(50)
    assert not torch.allclose(before, G(z)), "it is in the way from noise to picture"


def test_widths_and_sides_are_those_of_the_released_networks():
    assert [g_width(64, s) for s in (4, 8, 16, 32, 64, 128, 256)] == [1024, 512, 256, 128, 128, 64, 32]
    assert [d_width(64, s) for s in (8, 16, 32, 64, 128, 256)] == [1024, 512, 256, 128, 64, 32]
    D = Discriminator(2, 3, 64)
    large, small = D.features(torch.randn(2, 3, 64, 64))
    assert (large.shape, small.shape) == ((2, 16, 16, 16), (2, 32, 8, 8))
    assert D.patches(small).shape == (2, 25)
    assert [x.shape for x in D.repainted(large, small, 2)] == [(2, 3, 32, 32)] * 2


def test_d_pays_for_what_it_cannot_paint_of_real_pictures_and_g_does_not():
    e = engine(augment="none", reconstruction=2.0)
    real = from_uint8(FAKE.image[:8])
    batch = e.with_inputs({"image": real})
    torch.manual_seed(3)
    d = e.phases[0].loss(dict(batch))
    g = e.phases[1].loss(dict(batch))
    torch.manual_seed(3)
    quarter = int(torch.randint(4, ()))
    D = e.game.D
    with torch.no_grad():
        large, small = D.features(real)
        whole, part = D.whole(small), D.quarter(large[:, :, quarter // 2 * 8 :, quarter % 2 * 8 :][:, :, :8, :8])
        small_real = real.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))
        corner = real[:, :, quarter // 2 * 8 :, quarter % 2 * 8 :][:, :, :8, :8]
    off = (whole - small_real).abs().mean() + (part - corner).abs().mean()
    assert d["d_paint"].item() == pytest.approx(2 * off.item(), rel=1e-3)
    assert set(d) == {"d_real", "d_fake", "d_paint"}
    assert set(g) == {"g_fool"}


def test_the_loss_is_the_hinge_of_each_patch():
    e = engine(augment="none")
    e.game.D.patches = lambda small: torch.tensor([[2.0, 0.5], [-1.0, 0.0]]).requires_grad_()
    d = e.phases[0].loss(e.with_inputs(e.feed.at(0)))
    logits = torch.tensor([2.0, 0.5, -1.0, 0.0])
    assert d["d_real"].item() == pytest.approx(relu(1 - logits).mean().item())
    assert d["d_fake"].item() == pytest.approx(relu(1 + logits).mean().item())


def test_spectral_norm_is_of_what_judges_not_of_what_paints():
    D = engine(d_norm="batch, spectral").game.D
    convolutions = {k: m for k, m in D.named_modules() if isinstance(m, torch.nn.Conv2d)}
    normed = {k for k, m in convolutions.items() if torch.nn.utils.parametrize.is_parametrized(m)}
    assert normed == {k for k in convolutions if not k.startswith(("whole", "quarter"))}
    D(torch.randn(4, 3, 16, 16))
    assert torch.linalg.matrix_norm(D.last.far[1].weight.flatten(1), 2).item() == pytest.approx(1, abs=0.2)


def test_quarters_are_a_whole():
    x = torch.arange(16.0).view(1, 1, 4, 4)
    rows = [torch.cat([quarter_of(x, i), quarter_of(x, i + 1)], 3) for i in (0, 2)]
    assert torch.equal(torch.cat(rows, 2), x)


# ---- Augmentation -----------------------------------------------------------------------------------------------------


def test_d_sees_only_augmented_pictures_and_g_learns_through_that():
    e = engine()
    seen, whole = [], e.game.D.see.forward
    e.game.D.see.forward = lambda x: seen.append(x) or whole(x)
    batch = e.with_inputs(e.feed.at(0))
    for phase in e.phases:
        terms = phase.loss(batch)
    assert len(seen) == 3
    originals = (batch["image"], batch["fake"], batch["fake"])
    assert not any(torch.allclose(a, b) for a, b in zip(seen, originals, strict=True))
    terms["g_fool"].backward()
    assert all(w.grad.abs().sum() > 0 for w in e.game.G.show.parameters())


def test_a_shift_is_of_whole_pixels_of_each_picture_up_to_an_eighth():
    torch.manual_seed(0)
    x = torch.rand(40, 1, 16, 16) + 0.1
    shifts = set()
    for before, after in zip(x, augment.translated(x, 1 / 8), strict=True):
        rolled = {(i, j): before.roll((i, j), (1, 2)) for i in range(-2, 3) for j in range(-2, 3)}
        inside = after.abs() > 1e-4
        found = [k for k, r in rolled.items() if torch.allclose(r[inside], after[inside], atol=1e-4)]
        assert len(found) == 1
        i, j = found[0]
        assert inside.sum() == (16 - abs(i)) * (16 - abs(j)), "the rest is grey"
        shifts.add(found[0])
    assert len(shifts) > 10


def test_a_square_of_half_the_side_is_cut_out_anywhere():
    torch.manual_seed(0)
    left = augment.cutout(torch.ones(200, 3, 16, 16), 1 / 2)
    assert set(left.unique().tolist()) == {0, 1}
    assert (left == left[:, :1]).all(), "of all colours"
    missing = (left[:, 0] == 0).sum((1, 2))
    assert missing.max() <= 64
    assert missing.min() >= 12, "a corner of it, at least"
    assert ((left[:, 0] == 0).any(0)).all(), "no pixel is always seen"


def test_colours_change_as_wholes():
    torch.manual_seed(0)
    x = torch.rand(64, 3, 8, 8) * 2 - 1
    y = augment.recolored(x)
    assert ((y.mean((1, 2, 3)) - x.mean((1, 2, 3))).abs() <= 0.5 + 1e-5).all()
    grey = torch.rand(64, 1, 8, 8)
    ratio = augment.recolored(grey).flatten(1).std(1) / grey.flatten(1).std(1)
    assert ((ratio > 0.5) & (ratio < 1.5)).all()
    assert ratio.std() > 0.1
    colourful = (y - y.mean(1, keepdim=True)).flatten(1).norm(dim=1) / (x - x.mean(1, keepdim=True)).flatten(1).norm(dim=1)
    assert colourful.max() > 1.5
    assert colourful.min() < 0.5


# ---- Own pictures -----------------------------------------------------------------------------------------------------


def test_a_folder_of_own_pictures_becomes_a_model_that_draws(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    (tmp_path / "mine").mkdir()
    for i, image in enumerate(FAKE.image[:20]):
        to_pil(image).resize((20 + i, 30)).save(tmp_path / f"mine/{i}.png")
    flags = [*tiny("lightweight"), "--steps", 3, "--quiet", "--out", tmp_path / "run"]
    here("train", "lightweight", "--data", f"folder:{tmp_path}/mine@32", "--recipe", "few", *flags)
    here("export", tmp_path / "run", "--name", "own")
    assert ganzoo.load("own").sample(2).shape == (2, 3, 32, 32)
    refused = here("train", "lightweight", "--data", "fake@28", "--out", tmp_path / "no", check=False)
    assert (refused.returncode, "side: 28 is not 16, 32, 64" in refused.stderr) == (2, True)


def test_sides_are_powers_of_two():
    for side in (8, 100):
        with pytest.raises(ValueError, match=f"side: {side}"):
            configure(SPEC.config, {"side": side})
