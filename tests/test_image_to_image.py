"""pix2pix, SRGAN and CycleGAN against their papers: patches, noise, jitter, pools, rates, and what each begins with."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from conftest import here, tiny

from ganzoo import data, registry
from ganzoo.augment import erased, shared_jitter
from ganzoo.config import configure
from ganzoo.files import read_tensors
from ganzoo.images import from_uint8, outlines, to_uint8
from ganzoo.models._image_to_image import PatchDiscriminator, Pool
from ganzoo.training.engine import Engine

FAKE = data.load("fake")
NEGATIVE = replace(FAKE, source=255 - FAKE.image)


def engine(model, pictures=FAKE, **knobs):
    spec = registry.spec(model)
    return Engine(spec, dict(spec.tiny) | knobs, pictures, 0, torch.device("cpu"), "fp32")


@pytest.mark.parametrize(("side", "patch"), [(256, 70), (128, 34), (64, 16)])
def test_the_patch_is_as_large_a_share_of_a_small_picture(side, patch):
    """The paper's 70 of 256 pixels: how far the middle logit sees, by what moves it."""
    d = PatchDiscriminator(1, 2, side, "instance")
    for m in d.modules():
        if isinstance(m, torch.nn.Conv2d):
            torch.nn.init.ones_(m.weight)
    d.body = torch.nn.Sequential(*[m for m in d.body if isinstance(m, torch.nn.Conv2d)])  # its reach is its convolutions'
    image = torch.zeros(1, 1, side, side, requires_grad=True)
    logit = d(image)
    logit[0, 0, logit.shape[2] // 2, logit.shape[3] // 2].backward()
    rows = image.grad[0, 0].abs().sum(1).nonzero()
    assert int(rows.max() - rows.min()) + 1 == patch


# ---- pix2pix ------------------------------------------------------------------------------------------------------------


def test_noise_is_dropout_of_whole_channels_and_the_same_when_it_draws():
    gan = engine("pix2pix", width=8).average
    source = torch.rand(1, 1, 16, 16) * 2 - 1
    z = torch.rand(1, gan.inputs[0].dim) * 2 - 1
    image = gan(z, source)
    assert torch.equal(image, gan(z.clone(), source))
    assert torch.equal(image, gan(z.sign() * 0.5, source)), "only on which side of the rate a number is, counts"
    assert not torch.equal(image, gan(-z, source))
    none = configure(
        registry.spec("pix2pix").config, {"side": 16, "channels": 3, "dropout": 0.0} | dict(registry.spec("pix2pix").tiny)
    )
    whole = registry.spec("pix2pix").build(none).eval()
    assert torch.equal(whole(z[:, : whole.inputs[0].dim], source), whole(-z[:, : whole.inputs[0].dim], source))
    assert gan.inputs[0].dim == sum(gan.G.noisy)


def test_without_the_adversarial_term_l1_is_minimised_alone():
    e = engine("pix2pix", adversarial=0.0)
    assert [p.name for p in e.phases] == ["G"]
    e.advance()
    assert set(e.mean_terms()) == {"g_l1"}


def test_pictures_are_shifted_and_mirrored_with_their_sources_while_they_train_and_never_after():
    e = engine("pix2pix", NEGATIVE, jitter=0.2)
    rows = e.feed.at(0)
    seen = set()
    for seed in range(12):
        torch.manual_seed(seed)
        batch = e.game.derive(rows)
        ink = batch["image"] != 1  # beyond the edge all is white
        assert torch.equal(to_uint8(batch["source"])[ink], 255 - to_uint8(batch["image"])[ink]), "a pair stays a pair"
        seen.add(batch["image"].numpy().tobytes())
    assert len(seen) > 6
    e.game.eval()
    assert torch.equal(e.game.derive(rows)["image"], rows["image"])
    assert torch.equal(engine("pix2pix").average.derive({"image": rows["image"]})["source"], outlines(rows["image"]))


def test_jitter_and_blanks_are_of_whole_pixels():
    image = torch.arange(3 * 8 * 8.0).view(1, 3, 8, 8) / 200 - 0.5
    for seed in range(20):
        torch.manual_seed(seed)
        moved = shared_jitter(image, 2)
        assert moved.shape == image.shape
        assert set(moved.unique().tolist()) <= {1.0, *image.unique().tolist()}
        blank = erased(image, 0.5) != image
        rows, columns = blank[0, 0].any(1).sum(), blank[0, 0].any(0).sum()
        assert rows == columns <= 4
        assert blank.sum() == 3 * rows * columns


# ---- SRGAN --------------------------------------------------------------------------------------------------------------


def test_the_same_network_by_mean_squared_error_is_trained_beside_the_gan():
    e = engine("srgan")
    assert [p.name for p in e.phases] == ["R", "D", "G"]
    e.advance()
    assert {"mse", "g_pixels", "g_fool", "d_real"} <= set(e.mean_terms())
    alone = engine("srgan", adversarial=0.0)
    assert [p.name for p in alone.phases] == ["R"]
    assert not hasattr(alone.game, "R"), "G is it"
    source = torch.rand(2, 3, 5, 9)
    assert [x.shape for x in e.average.stages(source=source)] == [(2, 3, 20, 36)] * 2
    assert len(alone.average.stages(source=source)) == 1


def test_its_gan_begins_with_the_first_step_and_sees_with_the_judge(tmp_path):
    for model, knobs in (("srgan", ["--adversarial", 0]), ("judge", ["--width", 32])):
        flags = [*tiny(model), *knobs]
        here("train", model, "--data", "fake", "--steps", 2, "--out", tmp_path / model, "--quiet", *flags)
    begun = ["--first", tmp_path / "srgan", "--judge", tmp_path / "judge", "--steps", 1, "--lr-g", 0, "--lr-d", 0, "--ema", 0]
    here("train", "srgan", "--data", "fake", "--out", tmp_path / "two", "--quiet", *tiny("srgan"), *begun)
    one, two = (read_tensors(tmp_path / f / "state.safetensors")[0] for f in ("srgan", "two"))
    own = [k for k in one if k.startswith("average.G.") and k.endswith(".weight") and one[k].ndim == 4]
    assert own
    for k in own:
        assert torch.equal(one[k], two[k])
        assert torch.equal(one[k], two[k.replace("average.G.", "average.R.")])
    judge = read_tensors(tmp_path / "judge/state.safetensors")[0]
    assert torch.equal(judge["average.body.0.weight"], two["gan.J.0.weight"]), "and stays as it is"
    for wrong in (["--judge", tmp_path / "srgan"], ["--first", tmp_path / "judge"]):
        done = here(
            "train", "srgan", "--data", "fake", "--out", tmp_path / "x", "--steps", 1, *tiny("srgan"), *wrong, check=False
        )
        assert (done.returncode, "judge or first: of other networks" in done.stderr, done.stderr.count("\n")) == (2, True, 1)


def test_a_residual_of_zero_is_the_picture_as_cubic_interpolation_enlarges_it():
    for output in ("anew", "over"):
        net = engine("srgan", residual_output=output).game.G
        torch.nn.init.zeros_(net.image[-1].weight)
        torch.nn.init.zeros_(net.image[-1].bias)
        source = torch.rand(2, 3, 5, 9) * 1.6 - 0.8
        enlarged = torch.nn.functional.interpolate(source, scale_factor=4, mode="bicubic").clamp(-0.99, 0.99)
        expected = enlarged if output == "over" else torch.zeros(2, 3, 20, 36)
        assert torch.allclose(net(source), expected, atol=1e-5)


def test_the_judge_sees_pictures_at_its_own_side():
    for side, seen in ((0, 16), (8, 8)):
        e = engine("srgan", judge="judge-fake", judge_side=side)
        batch, sides = e.game.derive(e.feed.at(0)), []
        e.game.J[0].register_forward_hook(lambda net, given, features, sides=sides: sides.append(given[0].shape[-1]))
        assert "g_content" in e.game.g_loss(batch)
        assert sides == [seen, seen]


# ---- CycleGAN -----------------------------------------------------------------------------------------------------------


def test_the_pool_shows_half_older_pictures_once_it_is_full():
    torch.manual_seed(0)
    pool = Pool(50, 1, 2)
    kept = from_uint8(torch.arange(50, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2))
    assert torch.equal(pool(kept), kept), "until it is full, all are shown as they are"
    assert pool.count == 50
    older = 0
    for value in range(100, 200):
        drawn = from_uint8(torch.full((1, 1, 2, 2), value, dtype=torch.uint8))
        shown = to_uint8(pool(drawn)).unique().item()
        older += shown != value
        assert shown == value or shown < value
    assert 30 < older < 70
    assert pool.kept.dtype == torch.uint8, "integers are never averaged, and alike on every rank"


def test_the_rate_falls_in_a_line_after_the_steady_half():
    gan = engine("cyclegan", steady=100, decay=50).game
    d, g = gan.phases()
    assert [g.rate(n) / gan.config.lr_g for n in (0, 100, 125, 150, 999)] == pytest.approx([1, 1, 0.5, 0, 0])
    assert d.rate(125) == gan.config.lr_d / 2
    assert engine("cyclegan", decay=0).game.phases()[0].rate(10**9) == gan.config.lr_d


def test_it_is_told_of_no_pair_and_leaves_alone_what_is_of_the_other_kind():
    e = engine("cyclegan", NEGATIVE)
    rows = e.feed.at(0)
    assert not any(torch.equal(a, b) for a, b in zip(e.game.others(rows), rows["image"], strict=True))
    terms = e.game.g_loss(e.with_inputs(rows))
    assert {"g_cycle_source", "g_cycle_image", "g_identity", "g_fool", "f_fool"} == set(terms)
    assert "g_identity" not in engine("cyclegan", identity=0.0).game.g_loss(e.with_inputs(rows))
    e.game.G = e.game.F = torch.nn.Identity()
    same = e.game.g_loss(rows | {"fake": rows["source"]})
    assert same["g_identity"] == same["g_cycle_source"] == same["g_cycle_image"] == 0


def test_who_paints_over_begins_with_the_picture():
    source = from_uint8(NEGATIVE.source[:4])
    anew, over = (engine("cyclegan", NEGATIVE, residual_output=output).game.G for output in ("anew", "over"))
    off = [(g(source) - source).abs().mean() for g in (anew, over)]
    assert off[1] < off[0] / 4
    assert anew.state_dict().keys() == over.state_dict().keys()
