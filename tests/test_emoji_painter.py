"""The emoji painter: pairs, L1 terms, Stage II. How it is trained: test_emoji_painter_trainings.py."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate, softplus

from ganzoo import data, registry
from ganzoo.config import configure, fields
from ganzoo.training.engine import Engine
from ganzoo.training.warm_start import WarmStart

NAME = "emoji_painter"
SPEC = registry.spec(NAME)
PICTURES = data.load("fake")


def engine(**knobs):
    return Engine(SPEC, dict(SPEC.tiny) | knobs, PICTURES, 0, torch.device("cpu"), "fp32")


def batch_of(e):
    batch = e.feed.at(0)
    return batch | e.game.draw(e.config.batch, None, text=batch["text"])


def averaged(image, places):
    """(B, C, S, S) -> (B, C, places, places), by its definition."""
    side = image.shape[-1] // places
    return image.unfold(2, side, side).unfold(3, side, side).mean((4, 5))


def moves(term, net):
    return any(g is not None and g.any() for g in torch.autograd.grad(term, [*net.parameters()], allow_unused=True))


# ---- What the players minimise ----------------------------------------------------------------------------------------


def test_players_are_scored_by_how_much_more_right_one_pair_is_than_another():
    """Jolicoeur-Martineau 2018, section 4.1, of pairs with one caption (a real and a fake picture) and of one picture with two
    captions."""
    e = engine()
    batch, logits = batch_of(e), []
    e.game.D.head.register_forward_hook(lambda net, given, logit: logits.append(logit.detach()))
    e.game.on_step(1)
    terms = e.game.d_loss(batch)
    real, of_fake, mismatched = logits
    assert set(terms) == {"d_fake", "d_wrong"}
    assert terms["d_fake"].item() == pytest.approx(softplus(of_fake - real).mean().item() / 2, rel=1e-4)
    assert terms["d_wrong"].item() == pytest.approx(softplus(mismatched - real).mean().item() / 2, rel=1e-4)
    assert e.game.logs["d_wrong_right"] == (mismatched < real).float().mean()
    paid = e.game.g_loss(batch)
    *_, fake, mixed = logits
    assert len(logits) == 5, "D's turn has the logits of real pictures"
    assert paid["g_fool"].item() == pytest.approx(softplus(real - fake).mean().item(), rel=1e-4)
    assert paid["g_between"].item() == pytest.approx(softplus(real[: len(mixed)] - mixed).mean().item(), rel=1e-4)
    assert moves(paid["g_fool"], e.game.G)
    assert not batch["real_logit"].requires_grad, "G cannot make the real one worse"


def test_where_d_has_not_moved_g_asks_it_for_the_real_pictures_without_a_gradient():
    e = engine(translation=0.0)
    batch = batch_of(e)
    terms = e.game.g_loss(batch)
    with torch.no_grad():
        real = e.game.D(batch["image"], e.game.embedding(batch))
        fake = e.game.D(batch["fake"], e.game.embedding(batch))
    assert terms["g_fool"].item() == pytest.approx(softplus(real - fake).mean().item(), rel=1e-4)
    assert not batch["real_logit"].requires_grad


@pytest.mark.parametrize("finest", [8, 16])
def test_g_pays_for_what_differs_from_the_real_picture_at_each_side_up_to_the_finest(finest):
    e = engine(pyramid_l1=3.0, pyramid_l1_finest=finest)
    batch = batch_of(e)
    terms, found = e.game.g_loss(batch), []
    for places in (8, 16)[: finest // 8]:
        found.append((averaged(batch["fake"], places) - averaged(batch["image"], places)).abs().mean().item())
    assert terms["g_layout"].item() == pytest.approx(3 * sum(found) / len(found), rel=1e-4)
    assert moves(terms["g_layout"], e.game.G)


def test_what_is_finer_than_the_finest_side_is_left_to_d():
    e = engine(pyramid_l1=3.0, pyramid_l1_finest=8)
    batch = batch_of(e)
    e.game.fake(batch)
    checks = (torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1
    batch["fake"] = batch["image"] + checks
    assert e.game.g_loss(batch)["g_layout"] < 1e-5


def test_g_may_begin_by_pixels_alone_while_d_rests():
    """Ledig et al. 2016, section 3.2."""
    e = engine(pyramid_l1=3.0, pyramid_l1_finest=16, adversarial=0.0)
    first = {k: v.clone() for k, v in e.game.state_dict().items()}
    e.advance()
    assert set(e.mean_terms()) == {"g_layout", "g_kl"}
    assert {k.split(".")[0] for k, v in e.game.state_dict().items() if not torch.equal(v, first[k])} == {"first"}


def test_g_may_begin_by_what_its_inner_layers_show():
    """Lee et al. 2014: the first layers learn, what comes after them is not run, and the heads are no part of G."""
    e = engine(pyramid_l1=3.0, pyramid_l1_finest=0, aux_l1=8, adversarial=0.0)
    gan, batch = e.game, batch_of(e)
    (shown,) = gan.heads(gan.first.layers(batch["z"], gan.first.augmentation(gan.embedding(batch), batch["epsilon"])))
    assert shown.shape[-1] == 8
    terms = gan.g_loss(batch)
    found = (shown - averaged(batch["image"], 8)).abs().mean().item()
    assert terms["g_coarse"].item() == pytest.approx(3 * found, rel=1e-4)
    assert "fake" not in batch, "nothing is drawn"
    first = {k: v.clone() for k, v in gan.state_dict().items()}
    e.advance()
    moved = {k for k, v in gan.state_dict().items() if not torch.equal(v, first[k])}
    assert {k.split(".")[0] for k in moved} == {"first", "heads"}
    last = [k for k in first if k.startswith("first.body.")][-1]
    assert last not in moved
    assert not any(k.startswith("heads") for k in e.average.state_dict())
    assert e.average.sample(1).shape == (1, 3, 16, 16)


def test_heads_are_left_out_where_they_are_not_asked_for():
    shown = engine(pyramid_l1=3.0, aux_l1=8).game
    start = WarmStart(shown.config, shown.state_dict(), shown.training_only, {"name": "shown"})
    facts = {k: v for k, v in PICTURES.facts().items() if k in fields(SPEC.config)}
    plain = SPEC.build(configure(SPEC.config, start.knobs(SPEC, {"aux_l1": 0}) | facts))
    start.load_into(plain)
    assert torch.equal(plain.first.front[0].weight, shown.first.front[0].weight)
    back = SPEC.build(shown.config)
    WarmStart(plain.config, plain.state_dict(), plain.training_only, {"name": "plain"}).load_into(back)
    assert torch.equal(back.first.front[0].weight, shown.first.front[0].weight)
    bad = plain.state_dict() | {"other.weight": torch.ones(1)}
    with pytest.raises(ValueError, match="from: plain has other networks"):
        WarmStart(plain.config, bad, plain.training_only, {"name": "plain"}).load_into(plain)


def test_the_adversarial_weight_weighs_that_term_alone():
    terms = []
    for e in (engine(adversarial=w) for w in (1.0, 3.0)):
        torch.manual_seed(0)
        terms.append(e.game.g_loss(batch_of(e)))
    assert terms[1]["g_fool"].item() == pytest.approx(3 * terms[0]["g_fool"].item(), rel=1e-5)
    for other in ("g_layout", "g_between", "g_kl"):
        assert terms[1][other].item() == pytest.approx(terms[0][other].item(), rel=1e-5)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"adversarial": 0.0, "pyramid_l1": 0.0}, "pyramid_l1 must be more than 0"),
        ({"pyramid_l1_finest": 4}, "pyramid_l1_finest: 4 is not 0, 8, 16, ... up to the side, 16"),
        ({"pyramid_l1_finest": 24}, "pyramid_l1_finest: 24"),
        ({"aux_l1": 512}, "aux_l1: 512"),
        ({"pyramid_l1_finest": 0}, "nothing to compare"),
        ({"refine": 6}, "refine: 6 is not a multiple of 4"),
    ],
)
def test_knobs_that_do_not_go_together_are_refused_in_a_line(knobs, message):
    with pytest.raises(ValueError, match=message):
        engine(**knobs)


def test_stage_two_pays_for_what_it_loses_of_real_pictures_and_changes_in_sketches():
    gan = stage_two()
    batch = gan.draw(6) | {"image": torch.rand(6, 3, 64, 64) * 1.8 - 0.9}
    terms = gan.g_loss(batch)
    lost = (enlarged(avg_pool2d(batch["image"], 4)) - batch["image"])[:3].abs().mean().item()
    assert terms["g_restore"].item() == pytest.approx(50 * lost, rel=1e-4)
    sketch = gan.first(batch["z"], gan.first.augmentation(gan.embedding(batch), batch["epsilon"]))
    changed = (avg_pool2d(enlarged(sketch), 4) - sketch).abs().mean().item()
    assert terms["g_keep"].item() == pytest.approx(20 * changed, rel=1e-2)
    assert "g_between" not in terms


# ---- Stage II ---------------------------------------------------------------------------------------------------------


def stage_two():
    """One that has learned nothing: what it adds to the enlarged sketch is 0."""
    gan = SPEC.build(configure(SPEC.config, dict(SPEC.tiny) | {"side": 64, "stage": 2, "pyramid_l1": 0.0})).eval()
    torch.nn.init.zeros_(gan.second.last[-1].weight)
    torch.nn.init.zeros_(gan.second.last[-1].bias)
    return gan


def enlarged(small):
    return interpolate(small.clamp(-0.99, 0.99).atanh(), scale_factor=4, mode="bilinear").tanh()


def test_stage_two_adds_a_residual_to_the_enlarged_sketch_each_position_to_its_own_4_x_4_pixels():
    gan = stage_two()
    given = gan.draw(2, 0)
    sketch, image = gan.stages(**given)
    assert torch.allclose(image, enlarged(sketch), atol=1e-5)
    assert gan.D(image, torch.zeros(2, 8)).shape == (2,)

    def last(x):
        features = torch.zeros(len(x), 48, 16, 16)
        features[:, :, 3, 5] = 9.0
        return features

    gan.second.last.forward = last
    changed = (gan.stages(**given)[1] - image).abs().amax((0, 1)) > 1e-4
    where = torch.zeros(64, 64, dtype=torch.bool)
    where[12:16, 20:24] = True
    assert torch.equal(changed, where)
