"""GANs from captions to pictures: what their players see, and what is measured of them. Two stages: test_stackgan.py."""

from __future__ import annotations

from operator import methodcaller

import pytest
import torch

from ganzoo import data, registry
from ganzoo.augment import shared_translation
from ganzoo.config import configure, fields
from ganzoo.data import shapes as drawn
from ganzoo.images import from_uint8, resized, to_uint8
from ganzoo.metrics.case import Case, JudgeOutput
from ganzoo.metrics.text_match import text_match
from ganzoo.models import _text_to_image as text_to_image
from ganzoo.text import caption
from ganzoo.training.engine import Engine
from ganzoo.training.warm_start import opened

MODELS = [name for name in registry.MODELS if issubclass(registry.spec(name).config, text_to_image.Config)]
PAPERS = [name for name in MODELS if "conditioning" in fields(registry.spec(name).config)]  # with the papers' loss
PICTURES = data.load("fake")


def engine(name, **knobs):
    spec = registry.spec(name)
    initialise = methodcaller("prepare", opened)
    return Engine(spec, dict(spec.tiny) | knobs, PICTURES, 0, torch.device("cpu"), "fp32", initialise=initialise)


def batch_of(e):
    batch = e.feed.at(0)
    return batch | e.game.draw(e.config.batch, None, text=batch["text"])


def test_there_are_such_models():
    assert len(PAPERS) >= 2
    assert len(MODELS) == len(PAPERS) + 1, "the relativistic one is tested in test_emoji_painter.py"


@pytest.mark.parametrize("name", PAPERS)
def test_d_sees_a_matching_a_fake_and_a_mismatched_pair(name):
    """Reed et al. 2016, algorithm 1: the mismatched pair is the real picture with another picture's caption."""
    e = engine(name)
    batch, calls = batch_of(e), []
    e.game.D.head.register_forward_hook(lambda net, given, logit: calls.append((*given, logit)))
    terms = e.game.d_loss(batch)
    (real, embedding, matching), (fake, same_embedding, of_fake), (same_real, other_embedding, mismatched) = calls
    assert torch.equal(real, same_real)
    assert not torch.equal(real, fake)
    assert torch.equal(embedding, same_embedding)
    assert torch.equal(other_embedding, embedding.roll(1, 0))
    assert set(terms) == {"d_real", "d_fake", "d_wrong"}
    soft = torch.nn.functional.softplus
    assert terms["d_real"].item() == pytest.approx(soft(-matching).mean().item(), rel=1e-4)
    assert terms["d_fake"].item() == pytest.approx(soft(of_fake).mean().item() / 2, rel=1e-4)
    assert terms["d_wrong"].item() == pytest.approx(soft(mismatched).mean().item() / 2, rel=1e-4)
    assert e.game.logs["d_wrong_right"] == (mismatched < 0).float().mean()


@pytest.mark.parametrize("name", MODELS)
def test_each_phase_works_on_a_batch_that_no_other_has_seen(name):
    e = engine(name)
    for phase in reversed(e.phases):
        batch = batch_of(e)
        known = set(batch)
        terms = phase.loss(batch)
        assert terms
        assert all(t.isfinite() for t in terms.values())
        assert set(batch) - known <= {"embedding", "fake", "sketch", "mixed_embedding", "mixed_fake", "real_logit"}


@pytest.mark.parametrize("name", MODELS)
def test_r1_is_of_real_pictures_and_counts_for_the_steps_up_to_the_next(name):
    """Mescheder et al. 2018, equation 9; emoji_painter has R2, equation 10, of the same weight."""
    every = {"r1_every": 4} if name in PAPERS else {}
    e = engine(name, r1=3.0, **every)
    batch = batch_of(e)
    e.game.on_step(0)
    terms, embedding = e.game.d_loss(batch), e.game.embedding(batch)
    penalties = {"d_r1": batch["image"]} | ({} if name in PAPERS else {"d_r2": e.game.fake(batch)})
    for term, image in penalties.items():
        image = image.detach().requires_grad_()
        (slopes,) = torch.autograd.grad(e.game.D(image, embedding).sum(), image)
        penalty = slopes.flatten(1).square().sum(1).mean().item() / 2
        assert terms[term].item() == pytest.approx(4 * 3.0 * penalty, rel=1e-3), term
    assert {k for k in terms if k.startswith("d_r") and k != "d_real"} == set(penalties)
    e.game.on_step(1)
    assert not {"d_r1", "d_r2"} & set(e.game.d_loss(batch))


@pytest.mark.parametrize("name", MODELS)
def test_a_caption_decides_and_noise_too(name):
    gan = engine(name).game
    one = gan.sample(2, seed=3, text="noise number 1")
    assert not torch.equal(one[0], one[1])
    assert not torch.equal(one, gan.sample(2, seed=3, text="noise number 2"))
    embedding = gan.encode(caption.write(["noise number 1", "a rose", "noise number 1"]))
    assert torch.allclose(embedding.norm(dim=1), torch.full((3,), gan.config.embedding**0.5), rtol=1e-4)
    assert torch.equal(embedding[0], embedding[2])


@pytest.mark.parametrize("conditioning", ["join", "project", "contrast"])
def test_the_end_of_d_heeds_the_caption(conditioning):
    torch.manual_seed(0)
    head, features = text_to_image.MatchingHead(6, 4, 8, conditioning, 16), torch.randn(5, 6, 4, 4)
    a, b = torch.randn(2, 5, 8)
    assert head(features, a).shape == (5,)
    assert not torch.allclose(head(features, a), head(features, b))


def test_by_contrast_both_players_learn_which_caption_is_a_pictures():
    e = engine("stackgan", conditioning="contrast")
    assert "d_match" in e.game.d_loss(batch_of(e))
    assert "g_match" in e.game.g_loss(batch_of(e))
    head, features, embedding = e.game.D.head, torch.randn(5, 32, 4, 4), torch.randn(5, 8)
    head.head = torch.nn.Conv2d(32, 9, 4)
    products = head.products(features, embedding)
    assert products.shape == (5, 5)
    own = head(features, embedding) - head.head(features).flatten(1)[:, 0]
    assert torch.allclose(products.diagonal(), own, atol=1e-5), "what it learns is what its logit says"
    assert "d_match" not in engine("stackgan", conditioning="project").game.d_loss(batch_of(e))


def test_by_mode_seeking_other_noise_is_to_be_another_picture():
    """Mao et al. 2019, equation 1, for the same captions."""
    e = engine("stackgan", mode_seeking=0.5)
    batch = batch_of(e)
    terms = e.game.g_loss(batch)
    other = e.game.stages(batch["text"], z=batch["z"].roll(1, 0), epsilon=batch["epsilon"].roll(1, 0))[0]
    far = (batch["fake"] - other).abs().flatten(1).mean(1)
    apart = (batch["z"] - batch["z"].roll(1, 0)).abs().mean(1)
    assert terms["g_modes"].item() == pytest.approx(0.5 * (apart / (far + 1e-3)).mean().item(), rel=1e-3)
    assert "g_modes" not in engine("stackgan").game.g_loss(batch_of(e))
    before = terms["g_modes"].item()
    step = torch.optim.SGD(e.game.first.parameters(), 1e-3)
    terms["g_modes"].backward()
    step.step()
    assert e.game.g_loss({k: v for k, v in batch.items() if k not in ("fake", "sketch")})["g_modes"].item() < before


def test_gan_int_draws_for_means_of_two_captions_which_only_g_pays_for():
    """Reed et al. 2016, equation 5, beta = 1 / 2."""
    e = engine("gan_cls")
    batch, calls = batch_of(e), []
    e.game.G.register_forward_hook(lambda net, given, image: calls.append(given[1]))
    e.game.d_loss(batch)
    terms = e.game.g_loss(batch)
    embedding = batch["embedding"]
    half = len(embedding) // 2
    assert len(calls) == 1, "drawn once for both players, and the mixtures in the same pass"
    assert torch.equal(calls[0][: len(embedding)], embedding)
    assert torch.allclose(calls[0][len(embedding) :], (embedding[:half] + embedding[half:]) / 2)
    assert batch["fake"].shape == batch["image"].shape
    assert set(terms) == {"g_fool", "g_between"}
    assert set(engine("gan_cls", gan_int=0.0).game.g_loss(batch_of(e))) == {"g_fool"}


def test_all_pictures_of_a_batch_are_shifted_alike():
    torch.manual_seed(1)
    image = torch.rand(40, 3, 16, 16)
    assert shared_translation(image, 0.0) is image
    shifts = {(dy, dx): image.roll((dy, dx), (2, 3)) for dy in range(-2, 3) for dx in range(-2, 3)}
    seen = [
        next(s for s, shifted in shifts.items() if torch.equal(shifted, out))
        for out in (shared_translation(image, 0.5) for _ in range(99))
    ]
    assert len(set(seen)) > 20


def test_the_papers_sizes():
    spec = registry.spec("stackgan")
    with torch.device("meta"):
        first = spec.build(configure(spec.config, {"encoder": ""}))
        second = spec.build(configure(spec.config, {"encoder": "", "side": 256, "stage": 2}))
    assert first.first.front[0].out_features == 1024 * 4 * 4
    assert first.first.body[-2].in_channels == 64
    assert [m.out_channels for m in first.D.body if hasattr(m, "out_channels")] == [64, 128, 256, 512]
    assert second.second.join[0].in_channels == 512 + 128
    assert second.second.body[-1].in_channels == 32


@pytest.mark.parametrize("name", MODELS)
def test_an_encoder_of_another_kind_and_data_without_captions_are_refused(name):
    spec = registry.spec(name)
    with pytest.raises(ValueError, match=r"encoder-emoji reads words with embedding 128.*with embedding 8 and recurrent 4"):
        engine(name, encoder="encoder-emoji")
    with pytest.raises(ValueError, match="judge-mnist: is no caption encoder"):
        engine(name, encoder="judge-mnist")
    if name in PAPERS:
        with pytest.raises(ValueError, match="not characters with embedding 128"):
            engine(name, encoder="encoder-emoji", embedding=128, recurrent=64, reads="characters")
    mute = data.Data(**(vars(PICTURES) | {"captions": ()}))
    with pytest.raises(ValueError, match=r"no captions.*metadata\.jsonl"):
        Engine(spec, dict(spec.tiny), mute, 0, torch.device("cpu"), "fp32")


def test_the_shipped_encoder_is_taken_and_stays():
    e = engine("gan_cls", encoder="encoder-emoji", embedding=128, recurrent=64)
    before = {k: v.clone() for k, v in e.game.R.state_dict().items()}
    from ganzoo.metrics.retrieval import find_encoder

    assert all(torch.equal(v, before[k]) for k, v in find_encoder("encoder-emoji").text.state_dict().items())
    e.advance()
    assert all(torch.equal(v, before[k]) for k, v in e.game.R.state_dict().items())
    assert set(fields(registry.spec("gan_cls").config)) >= {"captions", "styles"}
    assert e.config.captions[0] == "noise number 0"


@pytest.mark.parametrize("name", MODELS)
def test_shapes_drawn_as_said_are_seen_by_code(name):
    """A generator that has the right picture of each caption, one that has another's, and its score on the real ones."""
    test = data.load("shapes", split="test")
    few = data.Data(**(vars(test) | {"image": test.image[:200], "label": test.label[:200], "captions": test.captions[:200]}))

    class Perfect(type(engine(name).game)):
        def show(self, given):
            blurred = "epsilon" in given and given["epsilon"].any()
            told = caption.read(given["text"])
            return from_uint8(few.image[[few.captions.index((t,)) for t in told]].roll(1 if blurred else self.off, 0))

    gan = engine(name).game
    gan.__class__, blank = Perfect, JudgeOutput(few.image, torch.zeros(1, 1), torch.zeros(1, 1))
    blurs = any(x.name == "epsilon" for x in gan.inputs)
    for off, low, high in ((0, 0.99, 1.0), (1, 0.0, 0.1)):
        gan.off = off
        found = {s.name: s for s in text_match(Case(blank, blank, blank, drawn.SHAPES, gan=gan, held_out=few))}
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
