"""GANs that are told in words: what their players are shown, and what is measured of them. The stages: test_stages.py."""

from __future__ import annotations

import pytest
import torch

from ganzoo import data, registry
from ganzoo.data import drawn
from ganzoo.hub.resolve import Start
from ganzoo.images import from_uint8, resized, to_uint8
from ganzoo.metrics.case import Case, Look
from ganzoo.metrics.words import words
from ganzoo.spec import configure, fields
from ganzoo.text import caption, reader
from ganzoo.text.reader import disturb
from ganzoo.training.engine import Engine

MODELS = [name for name in registry.MODELS if issubclass(registry.spec(name).config, reader.Config)]
PICTURES = data.load("fake")


def engine(name, **knobs):
    spec = registry.spec(name)
    return Engine(spec, dict(spec.tiny) | knobs, PICTURES, 0, torch.device("cpu"), "fp32")


def batch_of(e):
    batch = e.feed.at(0)
    return batch | e.gan.draw(e.config.batch, None, text=batch["text"])


def test_there_are_such_models():
    assert len(MODELS) >= 2


@pytest.mark.parametrize("name", MODELS)
def test_d_is_shown_a_right_a_wrong_and_a_drawn_pair(name):
    """Reed et al. 2016, algorithm 1: the wrong pair is the real picture with another picture's caption."""
    e = engine(name)
    batch, seen = batch_of(e), []
    e.gan.D.head.register_forward_hook(lambda net, given, logit: seen.append((*given, logit)))
    terms = e.gan.d_loss(batch)
    (real, said, right), (fake, told_fake, drawn_), (same, other, wrong) = seen
    assert torch.equal(real, same)
    assert not torch.equal(real, fake)
    assert torch.equal(said, told_fake)
    assert torch.equal(other, said.roll(1, 0))
    assert set(terms) == {"d_real", "d_fake", "d_wrong"}
    soft = torch.nn.functional.softplus
    assert terms["d_real"].item() == pytest.approx(soft(-right).mean().item(), rel=1e-4)
    assert terms["d_fake"].item() == pytest.approx(soft(drawn_).mean().item() / 2, rel=1e-4)
    assert terms["d_wrong"].item() == pytest.approx(soft(wrong).mean().item() / 2, rel=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_relativistic_players_are_told_how_much_more_right_one_is_than_another(name):
    """Jolicoeur-Martineau 2018, section 4.1, of pairs with one caption (a real and a drawn picture) and of one picture with
    two captions."""
    e = engine(name, loss="relativistic", between=1.0)
    batch, seen = batch_of(e), []
    e.gan.D.head.register_forward_hook(lambda net, given, logit: seen.append(logit.detach()))
    terms = e.gan.d_loss(batch)
    right, drawn_, wrong = seen
    soft = torch.nn.functional.softplus
    assert set(terms) == {"d_fake", "d_wrong"}
    assert terms["d_fake"].item() == pytest.approx(soft(drawn_ - right).mean().item() / 2, rel=1e-4)
    assert terms["d_wrong"].item() == pytest.approx(soft(wrong - right).mean().item() / 2, rel=1e-4)
    assert e.gan.watched["d_wrong_right"] == (wrong < right).float().mean()
    paid = e.gan.g_loss(batch)
    *_, fake, between = seen
    assert paid["g_fool"].item() == pytest.approx(soft(right - fake).mean().item(), rel=1e-4)
    assert paid["g_between"].item() == pytest.approx(soft(right[: len(between)] - between).mean().item(), rel=1e-4)
    moved = torch.autograd.grad(paid["g_fool"], [*e.gan.G.parameters()], allow_unused=True)
    assert any(g is not None and g.any() for g in moved)
    assert not batch["right"].requires_grad, "G cannot make the real one worse"


@pytest.mark.parametrize("name", MODELS)
def test_r1_is_of_real_pictures_and_r2_of_drawn_ones(name):
    """Mescheder et al. 2018, equations 9 and 10; each counts for the steps up to the next."""
    e = engine(name, r1=3.0, r2=5.0, r1_every=2)
    batch = batch_of(e)
    e.gan.on_step(0)
    terms, said = e.gan.d_loss(batch), e.gan.said(batch)
    for term, weight, image in (("d_r1", 3.0, batch["image"]), ("d_r2", 5.0, e.gan.fake(batch))):
        image = image.detach().requires_grad_()
        (slopes,) = torch.autograd.grad(e.gan.D(image, said).sum(), image)
        penalty = slopes.flatten(1).square().sum(1).mean().item() / 2
        assert terms[term].item() == pytest.approx(2 * weight * penalty, rel=1e-3), term
    e.gan.on_step(1)
    assert not {"d_r1", "d_r2"} & set(e.gan.d_loss(batch))


@pytest.mark.parametrize("name", MODELS)
def test_g_pays_for_what_d_sees_differently_in_the_real_picture_of_the_caption(name):
    """Wang et al. 2017, equation 4, each layer as a share of what it sees; both pictures are disturbed alike."""
    e = engine(name, alike=2.0, disturb=1.0, loss="relativistic")
    batch = batch_of(e)
    e.gan.d_loss(batch)
    e.gan.fake(batch)
    torch.manual_seed(0)
    terms = e.gan.g_loss(batch)
    torch.manual_seed(0)
    drawn_, real = disturb(torch.cat([batch["fake"], batch["image"]]), 1.0).chunk(2)
    x, y, shares = drawn_, real, []
    for layer in e.gan.D.body:
        x, y = layer(x.clone()), layer(y.clone())
        if isinstance(layer, torch.nn.LeakyReLU):
            shares.append(((x - y).abs().sum() / y.abs().sum()).item())
    assert len(shares) >= 2
    assert terms["g_alike"].item() == pytest.approx(2 * sum(shares) / len(shares), rel=1e-4)
    paid = torch.nn.functional.softplus(batch["right"] - e.gan.D(drawn_, e.gan.said(batch))).mean()
    assert terms["g_fool"].item() == pytest.approx(paid.item(), rel=1e-4)
    moved = torch.autograd.grad(terms["g_alike"], [*e.gan.G.parameters()], allow_unused=True)
    assert any(g is not None and g.any() for g in moved)
    batch["fake"] = batch["image"].clone()
    assert e.gan.g_loss(batch)["g_alike"] == 0


@pytest.mark.parametrize("name", MODELS)
def test_g_pays_for_colours_in_other_places_than_in_the_real_picture_of_the_caption(name):
    e = engine(name, layout=3.0)
    batch = batch_of(e)
    e.gan.d_loss(batch)
    terms, real = e.gan.g_loss(batch), batch["image"]
    side = real.shape[-1] // 8
    places = [x.unfold(2, side, side).unfold(3, side, side).mean((4, 5)) for x in (batch["fake"], real)]
    assert terms["g_layout"].item() == pytest.approx(3 * (places[0] - places[1]).abs().mean().item(), rel=1e-4)
    assert any(
        g is not None and g.any() for g in torch.autograd.grad(terms["g_layout"], [*e.gan.G.parameters()], allow_unused=True)
    )
    checks = (torch.arange(real.shape[-1])[:, None] + torch.arange(real.shape[-1])) % 2 * 2.0 - 1
    batch["fake"] = real + checks
    assert e.gan.g_loss(batch)["g_layout"] < 1e-5, "what is finer than that is the discriminator's"


@pytest.mark.parametrize("name", MODELS)
def test_a_finer_layout_compares_all_coarser_ones_too(name):
    e = engine(name, layout=3.0, finest=16)
    batch = batch_of(e)
    e.gan.d_loss(batch)
    terms, off, found = e.gan.g_loss(batch), batch["fake"] - batch["image"], []
    for places in (8, 16):
        side = off.shape[-1] // places
        found.append(off.unfold(2, side, side).unfold(3, side, side).mean((4, 5)).abs().mean().item())
    assert found[0] < found[1]
    assert terms["g_layout"].item() == pytest.approx(3 * sum(found) / 2, rel=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_g_may_begin_by_layout_alone_while_d_rests(name):
    """Ledig et al. 2016, section 3.2: a start in pixels."""
    e = engine(name, layout=3.0, finest=16, adversarial=0.0, between=0.0, r1=1.0)
    before = {k: v.clone() for k, v in e.gan.state_dict().items()}
    e.advance()
    assert {k for k in e.read() if k != "g_kl"} == {"g_layout"}
    moved = {k.split(".")[0] for k, v in e.gan.state_dict().items() if not torch.equal(v, before[k])}
    assert moved <= {"G", "first"}
    assert moved


@pytest.mark.parametrize("name", MODELS)
def test_g_may_begin_by_what_its_inner_layers_show(name):
    """Lee et al. 2014: the first layers learn, what comes after them is not asked, and what shows them is no part of G."""
    e = engine(name, layout=3.0, finest=0, coarse=16, adversarial=0.0, between=0.0)
    gan, batch = e.gan, batch_of(e)
    shown = gan.heads(gan.layers(gan.said(batch), **gan.noise(batch)))
    assert [x.shape[-1] for x in shown] == ([8, 16] if name == "stackgan" else [8]), "all that G has, up to `coarse`"
    real, found = batch["image"], []
    for x in shown:
        side = real.shape[-1] // x.shape[-1]
        found.append((x - real.unfold(2, side, side).unfold(3, side, side).mean((4, 5))).abs().mean().item())
    terms = gan.g_loss(batch)
    assert terms["g_coarse"].item() == pytest.approx(3 * sum(found) / len(found), rel=1e-4)
    assert "fake" not in batch, "nothing is drawn"
    before = {k: v.clone() for k, v in gan.state_dict().items()}
    e.advance()
    moved = {k for k, v in gan.state_dict().items() if not torch.equal(v, before[k])}
    assert {k.split(".")[0] for k in moved} in ({"G", "heads"}, {"first", "heads"})
    last = [k for k in before if ".body." in k and not k.startswith("D.")][-1]
    assert last not in moved
    assert not any(k.startswith("heads") for k in e.average.state_dict())
    assert e.average.sample(1).shape == (1, *real.shape[1:])


def test_what_shows_inner_layers_is_left_out_where_it_is_not_asked_for(tmp_path):
    spec = registry.spec("stackgan")
    shown = engine("stackgan", layout=3.0, coarse=8).gan
    start = Start(shown.config, shown.state_dict(), shown.opponents, {"name": "shown"})
    plain = spec.build(configure(spec.config, start.knobs(spec, {"coarse": 0}) | PICTURES.facts()))
    start.give(plain)
    assert torch.equal(plain.first.front[0].weight, shown.first.front[0].weight)
    back = spec.build(shown.config)
    Start(plain.config, plain.state_dict(), plain.opponents, {"name": "plain"}).give(back)
    assert torch.equal(back.first.front[0].weight, shown.first.front[0].weight)
    bad = plain.state_dict() | {"other.weight": torch.ones(1)}
    with pytest.raises(ValueError, match="from: plain has other networks"):
        Start(plain.config, bad, plain.opponents, {"name": "plain"}).give(plain)


@pytest.mark.parametrize("name", MODELS)
def test_the_weight_of_fooling_d_weighs_it_alone(name):
    one, three = (engine(name, adversarial=w, layout=2.0) for w in (1.0, 3.0))
    terms = []
    for e in (one, three):
        torch.manual_seed(0)
        batch = batch_of(e)
        e.gan.d_loss(batch)
        terms.append(e.gan.g_loss(batch))
    assert terms[1]["g_fool"].item() == pytest.approx(3 * terms[0]["g_fool"].item(), rel=1e-5)
    assert terms[1]["g_layout"].item() == pytest.approx(terms[0]["g_layout"].item(), rel=1e-5)


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"adversarial": 0.0}, "layout more than 0"),
        ({"adversarial": 0.0, "layout": 1.0, "between": 1.0}, "must be 0"),
        ({"adversarial": 0.0, "layout": 1.0, "alike": 1.0}, "must be 0"),
        ({"finest": 4}, "finest: 4 is not 0, 8, 16, ... up to the side, 16"),
        ({"finest": 24}, "finest: 24"),
        ({"coarse": 512}, "coarse: 512"),
        ({"finest": 0, "layout": 1.0}, "nothing to compare"),
    ],
)
def test_knobs_that_do_not_go_together_are_refused_in_a_line(knobs, said):
    with pytest.raises(ValueError, match=said):
        engine("stackgan", **knobs)


@pytest.mark.parametrize("name", MODELS)
def test_a_caption_decides_and_noise_too(name):
    gan = engine(name).gan
    one = gan.sample(2, seed=3, text="noise number 1")
    assert not torch.equal(one[0], one[1])
    assert not torch.equal(one, gan.sample(2, seed=3, text="noise number 2"))
    said = gan.read(caption.write(["noise number 1", "a rose", "noise number 1"]))
    assert torch.allclose(said.norm(dim=1), torch.full((3,), gan.config.embedding**0.5), rtol=1e-4)
    assert torch.equal(said[0], said[2])


@pytest.mark.parametrize("how", ["join", "project"])
def test_the_end_of_d_heeds_the_caption(how):
    torch.manual_seed(0)
    end, seen = reader.Matching(6, 4, 8, 3, how), torch.randn(5, 6, 4, 4)
    a, b = torch.randn(2, 5, 8)
    assert end(seen, a).shape == (5,)
    assert not torch.allclose(end(seen, a), end(seen, b))


def test_captions_halfway_are_means_of_two_and_only_g_pays_for_them():
    """Reed et al. 2016, equation 5, beta = 1 / 2."""
    e = engine(MODELS[0])
    batch, asked = batch_of(e), []
    e.gan.G.register_forward_hook(lambda net, given, image: asked.append(given[1]))
    e.gan.d_loss(batch)
    terms = e.gan.g_loss(batch)
    said = batch["said"]
    half = len(said) // 2
    assert len(asked) == 1, "drawn once for both players, and what is between in the same pass"
    assert torch.equal(asked[0][: len(said)], said)
    assert torch.allclose(asked[0][len(said) :], (said[:half] + said[half:]) / 2)
    assert batch["fake"].shape == batch["image"].shape
    assert set(terms) == {"g_fool", "g_between"}
    assert set(engine(MODELS[0], between=0.0).gan.g_loss(batch_of(e))) == {"g_fool"}


def test_conditioning_augmentation_is_the_gaussian_of_the_paper():
    e = engine(MODELS[1])
    augmentation, said = e.gan.first.augmentation, torch.randn(6, 8)
    mean, deviation = augmentation.gaussian(said).chunk(2, 1)
    normal = torch.distributions.Normal
    true = torch.distributions.kl_divergence(normal(mean, deviation.exp()), normal(0.0, 1.0)).mean()
    assert augmentation.kl(said).item() == pytest.approx(true.item(), rel=1e-4)
    epsilon = torch.randn(6, 4)
    assert torch.allclose(augmentation(said, epsilon), mean + deviation.exp() * epsilon)


def test_the_papers_sizes():
    spec = registry.spec(MODELS[1])
    with torch.device("meta"):
        first = spec.build(configure(spec.config, {"encoder": ""}))
        second = spec.build(configure(spec.config, {"encoder": "", "side": 256, "stage": 2}))
    assert first.first.front[0].out_features == 1024 * 4 * 4
    assert first.first.body[-2].in_channels == 64
    assert [m.out_channels for m in first.D.body if hasattr(m, "out_channels")] == [64, 128, 256, 512]
    assert second.second.join[0].in_channels == 512 + 128
    assert second.second.body[-1].in_channels == 32


def test_d_is_shown_changed_pictures_and_g_learns_through_the_changes(monkeypatch):
    e, shown = engine(MODELS[0], augment=0.5), []
    monkeypatch.setattr(reader, "augment", lambda image, p: shown.append((image, p)) or image.neg())
    batch = batch_of(e)
    fake = e.gan.fake(batch)
    seen = []
    e.gan.D.body.register_forward_hook(lambda net, given, out: seen.append(given[0]))
    e.gan.d_loss(batch)
    assert [p for _, p in shown] == [0.5, 0.5]
    assert any(torch.equal(image, batch["image"]) for image, _ in shown)
    assert any(torch.equal(image, fake) for image, _ in shown)
    assert torch.equal(torch.cat(seen)[: len(fake)], -batch["image"])
    e.gan.g_loss(batch)["g_fool"].backward()
    assert len(shown) >= 3
    assert next(e.gan.G.parameters()).grad.abs().max() > 0
    with pytest.raises(ValueError, match=r"augment: 1\.0 is not a probability"):
        engine(MODELS[0], augment=1.0)


@pytest.mark.parametrize("name", MODELS)
def test_an_encoder_of_another_kind_and_data_without_captions_are_refused(name):
    spec = registry.spec(name)
    with pytest.raises(ValueError, match="encoder-emoji reads words with embedding 128"):
        engine(name, encoder="encoder-emoji", reads="characters")
    mute = data.Data(**(vars(PICTURES) | {"captions": ()}))
    with pytest.raises(ValueError, match=r"no captions.*metadata\.jsonl"):
        Engine(spec, dict(spec.tiny), mute, 0, torch.device("cpu"), "fp32")


def test_the_shipped_encoder_is_taken_and_stays():
    e = engine(MODELS[0], encoder="encoder-emoji", embedding=128, recurrent=64)
    before = {k: v.clone() for k, v in e.gan.R.state_dict().items()}
    from ganzoo.text.encoder import encoder

    assert all(torch.equal(v, before[k]) for k, v in encoder("encoder-emoji").text.state_dict().items())
    e.advance()
    assert all(torch.equal(v, before[k]) for k, v in e.gan.R.state_dict().items())
    assert set(fields(registry.spec(MODELS[0]).config)) >= {"captions", "styles"}
    assert e.config.captions[0] == "noise number 0"


def test_disturbed_pictures_are_shifted_alike():
    torch.manual_seed(1)
    image = torch.rand(40, 3, 16, 16)
    assert disturb(image, 0.0) is image
    shifts = {(dy, dx): image.roll((dy, dx), (2, 3)) for dy in range(-2, 3) for dx in range(-2, 3)}
    seen = [
        next(s for s, shifted in shifts.items() if torch.equal(shifted, out))
        for out in (disturb(image, 0.5) for _ in range(99))
    ]
    assert len(set(seen)) > 20


# ---- What is measured --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_shapes_drawn_as_said_are_seen_by_code(name):
    """A generator that has the right picture of each caption, one that has another's, and its score on the real ones."""
    test = data.load("shapes", split="test")
    few = data.Data(**(vars(test) | {"image": test.image[:200], "label": test.label[:200], "captions": test.captions[:200]}))

    class Perfect(type(engine(name).gan)):
        def show(self, given):
            blurred = "epsilon" in given and given["epsilon"].any()
            told = caption.read(given["text"])
            return from_uint8(few.image[[few.captions.index((t,)) for t in told]].roll(1 if blurred else self.off, 0))

    gan = engine(name).gan
    gan.__class__, blank = Perfect, Look(few.image, torch.zeros(1, 1), torch.zeros(1, 1))
    blurs = any(x.name == "epsilon" for x in gan.inputs)
    for off, low, high in ((0, 0.99, 1.0), (1, 0.0, 0.1)):
        gan.off = off
        found = {s.name: s for s in words(Case(blank, blank, blank, drawn.SHAPES, gan=gan, held_out=few))}
        plain = found["drawn as said, not blurred" if blurs else "drawn as said"]
        assert low <= plain.value <= high
        assert plain.floor > 0.99
        assert plain.n == 200
        assert ("drawn as said, not blurred" in found) == blurs
        assert not blurs or found["drawn as said"].value < 0.1


def test_pictures_are_made_smaller_by_their_mean_and_larger_smoothly():
    image = torch.randint(256, (2, 3, 8, 8), dtype=torch.uint8)
    half = resized(image, 4)
    mean = image.float().unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))
    assert (half.float() - mean).abs().max() <= 0.51
    assert resized(image, 8) is image
    assert resized(image, 16).shape == (2, 3, 16, 16)
    flat = to_uint8(torch.full((1, 1, 4, 4), 0.2))
    assert torch.equal(resized(flat, 16), flat[:, :, :1, :1].expand(1, 1, 16, 16))
