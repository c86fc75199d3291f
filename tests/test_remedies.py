"""Remedies against their papers' formulas, and in models: what they change, and that they change nothing when they are off."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from ganzoo import data, registry
from ganzoo.checkpoint.manifest import weigh
from ganzoo.config import configure, fields
from ganzoo.gan import training_only_state
from ganzoo.losses import LOSSES
from ganzoo.remedies import (
    Config,
    MinibatchDiscrimination,
    MinibatchStddev,
    Noisy,
    Packed,
    feature_matching,
    smoothed,
    unrolled,
    widened,
)
from ganzoo.training.engine import Engine

REMEDIABLE = [name for name in registry.MODELS if issubclass(registry.spec(name).config, Config)]
REMEDIES = (
    {"pack": 2},
    {"batch_features": "stddev"},
    {"batch_features": "discrimination"},
    {"feature_matching": 1.0},
    {"smoothing": 0.1},
    {"instance_noise": 0.5, "instance_noise_images": 30},
    {"unroll": 2},
    {"pack": 2, "batch_features": "discrimination", "smoothing": 0.1, "instance_noise": 0.1, "unroll": 1},
)


def engine(name, seed=0, **knobs):
    spec = registry.spec(name)
    return Engine(spec, dict(spec.tiny) | knobs, data.load("fake"), seed, torch.device("cpu"), "fp32")


def test_minibatch_stddev_is_one_number_the_same_for_all():
    x = torch.randn(6, 3, 4, 4)
    shown = MinibatchStddev()(x)
    expected = sum(x[:, c, i, j].std(correction=0) for c in range(3) for i in range(4) for j in range(4)) / 48
    assert shown.shape == (6, 4, 4, 4)
    assert torch.equal(shown[:, :3], x)
    assert torch.allclose(shown[:, 3], expected.expand(6, 4, 4), atol=1e-5)
    assert MinibatchStddev()(x[:1].repeat(6, 1, 1, 1))[:, 3].max() < 1e-3  # all alike
    assert MinibatchStddev()(torch.randn(6, 3)).shape == (6, 4)


def test_minibatch_discrimination_is_the_papers_sum():
    layer = MinibatchDiscrimination(5, kernels=3, dimensions=2)
    x = torch.randn(4, 5)
    M = (x @ layer.T).view(4, 3, 2)
    for i, b in itertools.product(range(4), range(3)):
        o = sum(torch.exp(-(M[i, b] - M[j, b]).abs().sum()) for j in range(4))
        assert layer(x)[i, 5 + b].item() == pytest.approx(o.item(), rel=1e-5)
    assert torch.allclose(layer(x[:1].repeat(4, 1))[:, 5:], torch.tensor(4.0))  # all alike


def test_feature_matching_is_the_squared_distance_of_the_means():
    real, fake = torch.randn(7, 3), torch.randn(5, 3)
    expected = sum((real[:, k].mean() - fake[:, k].mean()) ** 2 for k in range(3))
    assert feature_matching(real, fake).item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_pack_is_judged_as_one_picture_of_more_channels_and_a_rest_is_not():
    D = nn.Sequential(nn.Flatten(), nn.Linear(2 * 3 * 4 * 4, 1), nn.Flatten(0))
    image = torch.randn(5, 3, 4, 4)
    expected = D(torch.stack([torch.cat([image[0], image[1]]), torch.cat([image[2], image[3]])]))
    assert torch.equal(Packed(D, 2)(image), expected)
    with pytest.raises(ValueError, match="pack: 1 pictures"):
        Packed(D, 2)(image[:1])


def test_instance_noise_has_the_deviation_that_is_asked_and_is_of_trainings_alone():
    D = Noisy(nn.Identity(), lambda: 0.5)
    image = torch.zeros(4, 1, 64, 64)
    torch.manual_seed(0)
    assert D(image).std().item() == pytest.approx(0.5, rel=0.02)
    assert torch.equal(D.eval()(image), image)


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_smoothing_moves_the_target_of_real_pictures_alone(share):
    logit = torch.randn(9)
    entropy, squares = (smoothed(LOSSES[k], share) for k in ("non-saturating", "least-squares"))
    p = logit.sigmoid()
    expected = -((1 - share) * p.log() + share * (1 - p).log()).mean()
    assert entropy.real(logit).item() == pytest.approx(expected.item(), rel=1e-5)
    constant = share * (1 - share) / 2  # which no gradient sees
    assert squares.real(logit).item() == pytest.approx(((logit - (1 - share)) ** 2).mean().item() / 2 + constant, rel=1e-5)
    assert entropy.fake(logit) == softplus(logit).mean()
    with pytest.raises(ValueError, match="critic"):
        smoothed(LOSSES["wasserstein"], share)


def test_unrolling_by_hand():
    """D(x) = w x, one step: both the loss of the moved D and its slope for G, by the chain rule through the step."""
    D = nn.Linear(1, 1, bias=False)
    loss, lr, w = LOSSES["minimax"], 0.3, D.weight
    real, g = torch.tensor([[0.7]]), torch.tensor([[-0.4]], requires_grad=True)
    found = unrolled(to_logits(D), loss, real, g, 1, lr)
    (slope,) = torch.autograd.grad(found, g)

    def moved_loss(x):  # float64, without torch's graph
        w0, r = w.double().item(), 0.7
        d_real, d_fake = -1 / (1 + torch.tensor(w0 * r).double().exp()), 1 / (1 + (-w0 * x).exp())
        w1 = w0 - lr * (d_real * r + d_fake * x)
        return -softplus(w1 * x)

    x = torch.tensor(-0.4).double()
    assert found.item() == pytest.approx(moved_loss(x).item(), rel=1e-5)
    by_differences = (moved_loss(x + 1e-5) - moved_loss(x - 1e-5)) / 2e-5
    assert slope.item() == pytest.approx(by_differences.item(), rel=1e-4)
    assert w.grad is None


def to_logits(D):
    return nn.Sequential(D, nn.Flatten(0))


def test_a_wider_layer_answers_as_before_where_the_new_inputs_are_zero():
    for layer, x in ((nn.Conv2d(2, 3, 4, 2, 1), torch.randn(5, 2, 8, 8)), (nn.Linear(2, 3), torch.randn(5, 2))):
        more = torch.cat([x, torch.zeros_like(x)], 1)
        assert torch.allclose(widened(layer, 2)(more), layer(x), atol=1e-6)


@pytest.mark.parametrize("name", REMEDIABLE)
@pytest.mark.parametrize("knobs", REMEDIES, ids=lambda k: " ".join(map(str, k)))
def test_every_model_that_takes_remedies_trains_with_each_and_the_same_each_time(name, knobs):
    one, two = engine(name, **knobs), engine(name, **knobs)
    before = {k: v.clone() for k, v in one.game.named_parameters()}
    for _ in range(3):
        one.advance()
        two.advance()
    assert all(v == v for v in one.mean_terms().values())
    assert all(not torch.equal(before[k], v) for k, v in one.game.named_parameters() if v.ndim > 1)
    mine, again = one.game.state_dict(), two.game.state_dict()
    assert all(torch.equal(mine[k], again[k]) for k in mine)


@pytest.mark.parametrize("name", REMEDIABLE)
def test_a_remedy_moves_no_network_that_is_not_its_phases(name):
    e = engine(name, unroll=2, pack=2, batch_features="stddev")
    batch = e.with_inputs(e.feed.at(0))
    d, g = e.phases
    for phase, others in ((g, training_only_state(e.game)), (d, {})):
        kept = {k: v.clone() for k, v in others.items()}
        torch.autograd.backward(sum(phase.loss(dict(batch)).values()), inputs=e.parameters[phase.name])
        now = training_only_state(e.game)
        assert all(torch.equal(v, now[k]) for k, v in kept.items()), "D is taken back"


@pytest.mark.parametrize("knobs", REMEDIES, ids=lambda k: " ".join(map(str, k)))
def test_a_checkpoint_of_a_model_with_remedies_is_read_before_its_weights_are_there(knobs):
    for name in REMEDIABLE:
        e = engine(name, **knobs)
        shapes = {k: v.shape for k, v in e.game.state_dict().items()}
        assert {k: v.shape for k, v in weigh(registry.spec(name), e.config).state_dict().items()} == shapes


@pytest.mark.parametrize("name", REMEDIABLE)
def test_without_remedies_a_model_has_the_networks_of_its_paper(name):
    spec = registry.spec(name)
    facts = {k: v for k, v in data.load("fake").facts().items() if k in fields(spec.config)}
    gan = spec.build(configure(spec.config, facts | dict(spec.tiny)))
    assert not [m for m in gan.modules() if isinstance(m, Packed | Noisy | MinibatchStddev | MinibatchDiscrimination)]
    assert "g_loss" not in vars(gan)
    assert "both" not in vars(gan)


@pytest.mark.parametrize(
    ("knobs", "message"), [({"unroll": 1, "feature_matching": 1.0}, "choose one"), ({"pack": 99}, "99 is more than the")]
)
def test_what_cannot_be_combined_is_said(knobs, message):
    with pytest.raises(ValueError, match=message):
        engine(REMEDIABLE[0], **knobs)
