"""GANs that are told in words: what their players are shown, the two stages, and what is measured of them."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from conftest import cli, here, tiny, told

from ganzoo import data, registry
from ganzoo.checkpoint import from_run
from ganzoo.data import drawn
from ganzoo.hub.resolve import Start
from ganzoo.images import from_uint8, resized, to_uint8
from ganzoo.metrics.case import Case, Look
from ganzoo.metrics.words import words
from ganzoo.nets import through
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
    assert len(asked) == 2, "drawn once for both players, and once between"
    assert torch.allclose(asked[1], (said[:half] + said[half:]) / 2)
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


# ---- The two stages ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    run = tmp_path_factory.mktemp("stages") / "one"
    name = MODELS[1]
    here("train", name, "--data", "shapes@16", "--steps", 6, "--out", run, "--quiet", *tiny(name))
    return run


def test_stage_two_paints_on_stage_one_which_stays_as_it_is(first, tmp_path):
    name = MODELS[1]
    flags = ["--stage", 2, "--first", first, "--seed", 1, *tiny(name)]  # another seed: what is equal was taken
    here("train", name, "--data", "shapes@64", "--steps", 3, "--out", tmp_path / "two", "--quiet", *flags)
    _, one, _ = from_run(first)
    _, two, _ = from_run(tmp_path / "two")
    for part in ("first", "R"):  # batch norm's statistics, too
        a, b = getattr(one, part).state_dict(), getattr(two, part).state_dict()
        assert a.keys() == b.keys()
        assert all(torch.equal(a[k], b[k]) for k in a), part
    given = two.draw(3, 5, text="a small red circle in the centre")
    sketch, painting = two.stages(**given)
    assert torch.equal(sketch, one.show(given))
    assert torch.allclose(painting, two.show(given), atol=1e-5)
    assert painting.shape == (3, 3, 64, 64)
    first.rename(first.with_name("gone"))  # what is trained no longer needs it
    try:
        cli("resume", tmp_path / "two", "--steps", 4, "--quiet")
    finally:
        first.with_name("gone").rename(first)


def test_another_stage_one_may_be_put_under_a_stage_two(first, tmp_path):
    name = MODELS[1]
    flags = ["--data", "shapes@64", "--steps", 1, "--quiet"]
    here("train", name, "--stage", 2, "--first", first, "--out", tmp_path / "two", *flags, *tiny(name))
    other = ["--data", "shapes@16", "--seed", 7, "--steps", 1, "--quiet"]
    here("train", name, "--out", tmp_path / "other", *other, *tiny(name))
    here(
        "train",
        name,
        "--from",
        tmp_path / "two",
        "--first",
        tmp_path / "other",
        "--out",
        tmp_path / "both",
        *flags,
        "--lr-g",
        0,
    )
    (_, two, _), (_, one, _), (_, both, _) = (from_run(tmp_path / x) for x in ("two", "other", "both"))
    weights = dict(both.named_parameters())
    assert all(torch.equal(v, weights[k]) for k, v in one.named_parameters() if k.startswith("first"))
    assert all(torch.equal(v, weights[k]) for k, v in two.named_parameters() if k.startswith("second"))
    assert not torch.equal(two.first.front[0].weight, both.first.front[0].weight)


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


def test_every_layer_may_be_told_later_which_changes_nothing_at_first(first, tmp_path):
    """A training may begin with networks that lack layers, where those begin as layers that do nothing."""
    name = MODELS[1]
    flags = ["--from", first, "--tell", "every", "--data", "shapes@16", "--steps", 3, "--out", tmp_path / "on", "--quiet"]
    here("train", name, *flags)
    (_, one, _), (_, on, _) = from_run(first), from_run(tmp_path / "on")
    still = registry.spec(name).build(replace(one.config, tell="every")).eval()
    Start.of(str(first), name).give(still)
    given = one.draw(3, 5, text="a small red circle in the centre")
    assert torch.equal(one.show(given), still.show(given))
    assert all(w.any() for w in on.first.scales.parameters())
    two = ["--stage", 2, "--first", tmp_path / "on", "--tell", "every", *tiny(name)]
    here("train", name, *two, "--data", "shapes@64", "--steps", 1, "--out", tmp_path / "two", "--quiet")
    _, two_, _ = from_run(tmp_path / "two")
    assert torch.equal(two_.stages(**two_.draw(3, 5, text="a circle"))[0], on.show(on.draw(3, 5, text="a circle")))
    broken = Start.of(str(first), name)
    broken.tensors.pop("first.body.1.weight")
    with pytest.raises(ValueError, match=r"first\.body\.1\.weight: nothing"):
        broken.give(still)
    frozen = registry.spec(name).build(replace(two_.config, tell="every"))
    lacking = Start.of(str(tmp_path / "two"), name)
    for key in [k for k in lacking.tensors if k.startswith("first.scales")]:
        lacking.tensors.pop(key)
    with pytest.raises(ValueError, match=r"first\.scales\.0\.bias: nothing"):
        lacking.give(frozen)  # nobody would ever train them
    body = torch.nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(on.first.body)).eval()
    x, told_ = torch.randn(2, on.first.front[0].out_features // 16, 4, 4), torch.randn(2, on.first.scales[0].in_features)
    alike = [through(net, x, on.first.blocks, on.first.scales, told_) for net in (body, on.first.body)]
    assert torch.allclose(*alike, atol=1e-6), "on several GPUs, too"
    assert not torch.allclose(alike[0], body(x), atol=1e-6)
    scale = on.first.scales[0]
    x, told_ = torch.randn(2, scale.out_features // 2, 3, 3), torch.randn(2, scale.in_features)
    by, shift = (told_ @ scale.weight.T + scale.bias).chunk(2, 1)
    assert torch.allclose(scale(x, told_), x * (1 + by[..., None, None]) + shift[..., None, None], atol=1e-6)


def test_a_stage_one_may_grow_deeper_later_which_changes_nothing_at_first(first, tmp_path):
    name = MODELS[1]
    flags = [
        "--from",
        first,
        "--deep",
        2,
        "--lr-g",
        0.01,
        "--data",
        "shapes@16",
        "--steps",
        3,
        "--out",
        tmp_path / "on",
        "--quiet",
    ]
    here("train", name, *flags)
    (_, one, _), (_, on, _) = from_run(first), from_run(tmp_path / "on")
    assert len(on.first.blocks) == 2
    still = registry.spec(name).build(replace(one.config, deep=2)).eval()
    Start.of(str(first), name).give(still)
    given = one.draw(3, 5, text="a small red circle in the centre")
    assert torch.equal(one.show(given), still.show(given))
    assert all(block.gate.any() for block in on.first.blocks)
    before, x = on.show(given), torch.randn(2, len(on.first.blocks[0].gate), 4, 4)
    assert not torch.equal(on.first.blocks[0].eval()(x), x.relu())
    for block in on.first.blocks:
        torch.nn.init.zeros_(block.gate)
    assert not torch.equal(before, on.show(given)), "what they add is drawn"
    lacking = Start.of(str(tmp_path / "on"), name)
    lacking.tensors.pop("first.blocks.0.body.0.weight")
    with pytest.raises(ValueError, match=r"first\.blocks\.0\.body\.0\.weight: nothing"):
        lacking.give(still)  # its gate is open


def test_a_stage_one_may_have_a_mapping_later_which_changes_nothing_at_first(first, tmp_path):
    name = MODELS[1]
    flags = ["--mapping", 6, "--lr-g", 0.01, "--data", "shapes@16", "--steps", 3, "--out", tmp_path / "on", "--quiet"]
    here("train", name, "--from", first, *flags)
    (_, one, _), (_, on, _) = from_run(first), from_run(tmp_path / "on")
    still = registry.spec(name).build(replace(one.config, mapping=6)).eval()
    Start.of(str(first), name).give(still)
    given = one.draw(3, 5, text="a small red circle in the centre")
    assert torch.equal(one.show(given), still.show(given))
    mapping, before = on.first.mapping, on.show(given)
    assert mapping.gate.all()
    into, normed, bent, out = mapping.body
    x = torch.randn(2, out.out_features)
    assert torch.allclose(mapping(x), x + mapping.gate * out(bent(normed(into(x)))))
    torch.nn.init.zeros_(mapping.gate)
    assert not torch.equal(before, on.show(given)), "what it adds is drawn"


def test_what_stage_two_cannot_go_on_from(first, tmp_path, capsys):
    spec = registry.spec(MODELS[1])

    def begin(side=64, **knobs):
        image = torch.zeros(256, 3, side, side, dtype=torch.uint8)
        pictures = data.Data(**(vars(PICTURES) | {"image": image}))
        Engine(spec, dict(spec.tiny) | {"stage": 2} | knobs, pictures, 0, torch.device("cpu"), "fp32")

    for knobs, said in (
        ({}, "--first"),
        ({"first": "nowhere"}, "nowhere"),
        ({"first": str(first), "side": 128}, "Stage I of 32 pixels"),
        ({"first": str(first), "width": 8}, "Stage I of 16 pixels"),
        ({"side": 28}, "side: 28"),
    ):
        with pytest.raises(ValueError, match=said):
            begin(**knobs)
    wrong = ["--stage", 2, "--first", "nowhere", "--out", tmp_path / "run", *tiny(MODELS[1])]
    code, said = told(capsys, "train", MODELS[1], "--data", "shapes@64", *wrong)
    assert (code, said.count("\n")) == (2, 1)
    assert "nowhere" in said
    assert not (tmp_path / "run").exists()


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


def test_stage_two_may_paint_over_the_sketch():
    """With nothing learned, it is the sketch, enlarged."""
    spec = registry.spec(MODELS[1])
    knobs = dict(spec.tiny) | {"side": 64, "stage": 2, "paint": "over"}
    gan = spec.build(configure(spec.config, knobs)).eval()
    torch.nn.init.zeros_(gan.second.body[-1].weight)
    torch.nn.init.zeros_(gan.second.body[-1].bias)
    sketch, painting = gan.stages(**gan.draw(2, 0))
    wide = torch.nn.functional.interpolate(sketch, scale_factor=4, mode="bicubic").clamp(-0.99, 0.99)
    assert torch.allclose(painting, wide, atol=1e-5)


def test_stage_two_may_end_at_the_sketchs_side():
    """With nothing learned, it is the sketch, enlarged; what one place of the last layer says stays within its 4 x 4 pixels."""
    spec = registry.spec(MODELS[1])
    knobs = dict(spec.tiny) | {"side": 64, "stage": 2, "paint": "over", "shuffle": "yes", "d_patch": 4}
    gan = spec.build(configure(spec.config, knobs)).eval()
    torch.nn.init.zeros_(gan.second.last[-1].weight)
    torch.nn.init.zeros_(gan.second.last[-1].bias)
    given = gan.draw(2, 0)
    sketch, painting = gan.stages(**given)
    logit = sketch.clamp(-0.99, 0.99).atanh()
    wide = torch.nn.functional.interpolate(logit, scale_factor=4, mode="bilinear").tanh()
    assert torch.allclose(painting, wide, atol=1e-5)
    assert gan.D(painting, torch.zeros(2, 8)).shape == (2,)

    def last(x):
        places = torch.zeros(len(x), 48, 16, 16)
        places[:, :, 3, 5] = 9.0
        return places

    gan.second.last.forward = last
    changed = (gan.stages(**given)[1] - painting).abs().amax((0, 1)) > 1e-4
    where = torch.zeros(64, 64, dtype=torch.bool)
    where[12:16, 20:24] = True
    assert torch.equal(changed, where)


def test_stage_two_of_places_learns(first, tmp_path):
    name = MODELS[1]
    flags = [*tiny(name), "--shuffle", "yes", "--d-patch", 4, "--r1", 1, "--paint", "over"]
    here("train", name, "--data", "shapes@64", "--stage", 2, "--first", first, "--steps", 2, "--out", tmp_path / "two", *flags)
    _, trained, _ = from_run(tmp_path / "two")
    spec = registry.spec(name)
    assert trained.second.last[-1].weight.shape == (48, 4, 3, 3)
    assert trained.second.last[-1].bias.abs().sum() > 0, "it began with none"
    assert configure(spec.config, {"side": 64, "d_patch": 4}).d_patch == 4
    with pytest.raises(ValueError, match="d_patch: 3 does not divide the side, 64"):
        configure(spec.config, {"side": 64, "d_patch": 3})
    with pytest.raises(ValueError, match="D takes in d_patch = 16 of 64 pixels as one"):
        configure(spec.config, {"side": 64, "d_patch": 16})


def test_stage_two_pays_for_what_it_loses_of_real_pictures_and_changes_in_sketches():
    spec = registry.spec(MODELS[1])
    knobs = dict(spec.tiny) | {"side": 64, "stage": 2, "paint": "over", "restore": 3.0, "keep": 5.0}
    gan = spec.build(configure(spec.config, knobs))
    torch.nn.init.zeros_(gan.second.body[-1].weight)
    torch.nn.init.zeros_(gan.second.body[-1].bias)
    batch = gan.draw(6) | {"image": torch.rand(6, 3, 64, 64) * 1.8 - 0.9}

    def enlarged(small):
        return torch.nn.functional.interpolate(small, scale_factor=4, mode="bicubic").clamp(-0.99, 0.99)

    shrunk = torch.nn.functional.avg_pool2d
    terms = gan.g_loss(batch)
    lost = (enlarged(shrunk(batch["image"], 4)) - batch["image"])[:3].abs().mean().item()
    assert terms["g_restore"].item() == pytest.approx(3 * lost, rel=1e-4)
    sketch = gan.first(batch["z"], gan.first.augmentation(gan.said(batch), batch["epsilon"]))
    changed = (shrunk(enlarged(sketch), 4) - sketch).abs().mean().item()
    assert terms["g_keep"].item() == pytest.approx(5 * changed, rel=1e-2)
    free = spec.build(configure(spec.config, knobs | {"restore": 0.0, "keep": 0.0}))
    assert not {"g_restore", "g_keep"} & free.g_loss(gan.draw(6) | {"image": batch["image"]}).keys()
