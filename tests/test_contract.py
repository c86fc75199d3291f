"""The contract between a model and the engine, part by part, each held by a toy that uses it (see support/toys.py)."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy
import pytest
import torch
from conftest import here
from PIL import Image
from support import toys

import ganzoo
from ganzoo import data, registry
from ganzoo.data.dataset import Order
from ganzoo.data.prefetch import Feed
from ganzoo.files import read_tensors
from ganzoo.gan import GAN, inference_state, training_only_state
from ganzoo.images import from_uint8, to_uint8
from ganzoo.inputs import Picture
from ganzoo.losses import gradient_penalty
from ganzoo.training.engine import Engine
from ganzoo.training.plan import Plan
from ganzoo.training.run import Run

CPU = torch.device("cpu")
FAKE = data.load("fake")
# Pictures and what they are made from, in pairs: the negative; or any that the seed chooses.
PAIRED = replace(FAKE, source=255 - FAKE.image[..., :: FAKE.side // toys.SMALL, :: FAKE.side // toys.SMALL])
UNPAIRED = replace(PAIRED, source=PAIRED.source[:100], paired=False)


def engine(build, pictures=FAKE):
    return Engine(toys.toy(build), {}, pictures, 0, CPU, "fp32")


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Play a toy as a run on disk, or go on with it -> the run, saved."""

    def played(build, steps, pictures=FAKE, folder="run"):
        monkeypatch.setattr(registry, "spec", lambda name: toys.toy(build))
        monkeypatch.setattr(data, "load", lambda *_: pictures)
        there = (tmp_path / folder).exists()
        plan = Plan("toy", "fake", {}, device="cpu", precision="fp32")
        run = Run.open(tmp_path / folder) if there else Run.create(tmp_path / folder, plan)
        while run.engine.step < steps:
            run.engine.advance()
        run.save()
        return run

    return played


@pytest.mark.parametrize(
    ("build", "pictures"),
    [
        (toys.Decay, FAKE),
        (toys.Clipped, FAKE),
        (toys.Penalised, FAKE),
        (toys.Enlarger, FAKE),
        (toys.Translator, PAIRED),
        (toys.Translator, UNPAIRED),
        (toys.Translator, replace(UNPAIRED, mapped=True)),
        (toys.Remembering, FAKE),
    ],
    ids=["rate", "after", "every", "derived", "paired", "unpaired", "read ahead", "state"],
)
def test_resume_is_exact(play, build, pictures):
    """7 steps in one sitting are 3 and 4 in two: every tensor of the state."""
    one = read_tensors(play(build, 7, pictures, "whole").state)[0]
    play(build, 3, pictures)
    two = read_tensors(play(build, 7, pictures).state)[0]
    assert one.keys() == two.keys()
    assert [k for k in one if not torch.equal(one[k], two[k])] == []


# ---- Phases -----------------------------------------------------------------------------------------------------------


def test_a_learning_rate_is_a_function_of_the_pictures_seen(play):
    run = play(toys.Decay, 3)
    for e in (run.engine, play(toys.Decay, 4).engine):  # the second has been resumed
        e.advance()
        rate = toys.Decay.rate((e.step - 1) * e.config.batch)
        assert e.optimisers["G"].param_groups[0]["lr"] == rate < 0.01
        assert e.optimisers["D"].param_groups[0]["lr"] == e.config.lr_d
    while e.images < 80:
        e.advance()
    still = e.game.G.weight.clone()
    e.advance()
    assert torch.equal(still, e.game.G.weight), "at a rate of 0 nothing moves"


def test_weights_are_in_the_box_after_every_step_and_after_a_resume(play):
    def widest(e):
        return max(w.abs().max().item() for w in e.game.D.parameters())

    e = engine(toys.Clipped)
    assert widest(e) > toys.Clipped.box, "not from the start"
    for _ in range(6):
        e.advance()
        assert widest(e) <= toys.Clipped.box
    play(toys.Clipped, 3)
    assert widest(play(toys.Clipped, 3).engine) <= toys.Clipped.box


def test_optimisers_differ_by_phase_and_are_kept_under_their_names(play):
    run = play(toys.Clipped, 4)
    assert [type(o).__name__ for o in run.engine.optimisers.values()] == ["RMSprop", "Adam"]
    kept = read_tensors(run.state)[0]
    assert {"rmsprop.D.0.square_avg", "rmsprop.D.0.step", "adam.G.0.exp_avg", "adam.G.0.exp_avg_sq", "adam.G.0.step"} <= set(
        kept
    )
    assert not any(k.startswith(("adam.D", "rmsprop.G")) for k in kept)
    assert kept["rmsprop.D.0.step"] == 4
    assert kept["adam.G.0.step"] == 2, "it moves on every second step"


def test_moments_of_another_optimiser_are_refused(play):
    play(toys.Toy, 4)
    with pytest.raises(ValueError, match=r"not a state of this run.*rmsprop\.D"):
        play(toys.Clipped, 5)


def test_a_player_that_rests_draws_inputs_of_its_own_and_one_that_does_not_shares_them():
    e = engine(toys.Clipped)
    for _ in range(4):
        e.advance()
    d, g = e.game.inputs_seen["D"], e.game.inputs_seen["G"]
    assert (len(d), len(g)) == (4, 2)
    assert not any(torch.equal(a, b) for a in d for b in g)
    e = engine(toys.Clipped)
    e.phases = [replace(p, every=1) for p in e.phases]
    e.advance()
    assert torch.equal(e.game.inputs_seen["D"][0], e.game.inputs_seen["G"][0])


def test_a_critic_is_read_by_its_gap_and_nobody_calls_that_right_or_wrong():
    critic, judge = engine(toys.Clipped), engine(toys.Toy)
    critic.advance()
    judge.advance()
    seen, shares = critic.mean_terms(), judge.mean_terms()
    assert set(seen) == {"d_real", "d_fake", "critic_gap"}
    assert seen["critic_gap"] == pytest.approx(-(seen["d_real"] + seen["d_fake"]), abs=1e-6)
    assert {"d_real_right", "d_fake_right"} < set(shares)
    assert "critic_gap" not in shares


# ---- State ------------------------------------------------------------------------------------------------------------


def test_integers_are_never_averaged_and_what_only_trains_is_in_no_average(play):
    e = play(toys.Remembering, 7).engine
    assert e.average.level == e.game.level == 3
    assert 0 != e.average.mean != e.game.mean, "numbers of what draws are averaged"
    assert not hasattr(e.average, "balance")
    assert set(inference_state(e.game)) == {"level", "mean", "G.weight", "G.bias"}
    assert {"balance.k", "balance.pool", "balance.full"} < set(training_only_state(e.game))
    assert e.game.balance.k != 0
    assert e.game.balance.full


# ---- Pictures as inputs -----------------------------------------------------------------------------------------------


def test_a_batch_is_derived_once_a_step():
    e = engine(toys.Enlarger)
    begun = e.game.derived  # the examples were made of some
    for _ in range(3):
        e.advance()
    assert e.game.derived == begun + 3


def test_examples_are_kept_from_the_data_and_seeds_choose_among_them():
    e = engine(toys.Translator, PAIRED)
    gan, kept = e.average, e.average.source_examples
    assert torch.equal(kept, PAIRED.source[PAIRED.evenly_spaced(64)[:4]])
    drawn = gan.draw(40, seed=5)["source"]
    chosen = [next(i for i in range(4) if torch.equal(to_uint8(x), kept[i])) for x in drawn]
    assert set(chosen) == {0, 1, 2, 3}
    assert torch.equal(drawn[7:8], gan.draw(1, seed=12)["source"]), "picture i of seed s is picture 0 of seed s + i"
    assert torch.equal(gan.sample(2, seed=0, source=3), gan.sample(2, seed=9, source=from_uint8(kept[3])))


def test_a_game_that_takes_pictures_needs_data_that_have_them_of_its_size():
    with pytest.raises(ValueError, match="source: the data set 'fake' has no such pictures"):
        engine(toys.Translator)
    with pytest.raises(ValueError, match=r"source: the data set 'fake' has them of shape \(3, 16, 16\), not \(3, 8, 8\)"):
        engine(toys.Translator, replace(FAKE, source=FAKE.image))


def test_a_persons_picture_is_read_from_pixels_or_an_examples_number():
    x = Picture("source", 4, 3, examples=5)
    pixels = torch.randint(256, (3, 4, 4), dtype=torch.uint8)
    floats = from_uint8(pixels)[None]
    array = pixels.permute(1, 2, 0).numpy()
    for value in (pixels, floats, pixels[None], array, Image.fromarray(array)):
        assert torch.equal(x.read(value, 2), floats.expand(2, 3, 4, 4))
    assert x.read(Image.new("L", (40, 20)), 1).shape == (1, 3, 4, 4)
    assert x.read(numpy.zeros((9, 9), numpy.uint8), 1).unique().tolist() == [-1]
    assert (x.read(3, 2).tolist(), x.read([0, 4], 2).tolist()) == ([3, 3], [0, 4])
    assert Picture("source", 4, 1).read(Image.fromarray(array), 1).shape == (1, 1, 4, 4)


@pytest.mark.parametrize("value", [5, -1, True, "cat.png", [0], torch.zeros(3, 5, 5), torch.full((3, 4, 4), 2.0), None, 1.5])
def test_what_is_no_picture_is_refused_by_name(value):
    with pytest.raises(ValueError, match="source: "):
        Picture("source", 4, 3, examples=5).read(value, 2)


def test_sources_are_a_function_of_the_steps_seed_ahead_of_time_too():
    held, mapped = UNPAIRED, replace(UNPAIRED, mapped=True)
    one, two = (Feed(d, Order(len(d), 0), 10, lambda x: x, CPU) for d in (held, mapped))
    for step in (0, 1, 2, 30, 1):
        assert torch.equal(one.at(step)["source"], two.at(step)["source"])
    index = torch.arange(50)
    assert torch.equal(held.unpaired(index, 7), held.unpaired(index, 7))
    assert not torch.equal(held.unpaired(index, 7), held.unpaired(index, 8)), "another step goes with others"
    assert torch.equal(held.unpaired(index, 7)[20:], held.unpaired(index[20:], 7)), "whatever share of a batch it is"
    assert held.unpaired(index, 7).max() < len(held.source)
    paired = PAIRED.batch(index, CPU)
    assert torch.equal(to_uint8(paired["source"]), PAIRED.source[:50])


def test_a_game_of_pictures_goes_through_every_verb(tmp_path, monkeypatch):
    """Train, resume, export, load, sample: with the pictures that it keeps as examples."""
    found, spec = registry.spec, toys.toy(toys.Enlarger)
    monkeypatch.setattr(registry, "spec", lambda name: spec if name == "toy" else found(name))
    monkeypatch.setattr(registry, "MODELS", (*registry.MODELS, "toy"))
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    run = tmp_path / "run"
    here("train", "toy", "--data", "fake", "--steps", 5, "--out", run, "--quiet")
    here("resume", run, "--steps", 9, "--quiet")
    here("export", run)
    gan = ganzoo.load("toy-fake")
    assert isinstance(gan, GAN)
    kept = read_tensors(run / "state.safetensors")[0]["average.source_examples"]
    assert torch.equal(gan.source_examples, kept)
    assert kept.float().std() > 0
    assert {i["type"] for i in json.loads((tmp_path / "weights/toy-fake/config.json").read_text())["inputs"]} == {"Picture"}
    here("sample", "toy-fake", "--n", 4, "--set", "source=3", "--out", tmp_path / "x.png")
    assert torch.equal(gan.sample(1, source=from_uint8(kept[3])), gan.sample(1, source=3))


# ---- Penalties --------------------------------------------------------------------------------------------------------


def test_the_gradient_penalty_is_how_far_the_slope_is_from_its_target_between_real_and_drawn():
    real, fake = torch.full((5, 3), 1.0), torch.full((5, 3), 2.0)
    weight = torch.tensor([2.0, 0.0, 0.0], requires_grad=True)
    for target, expected in ((1.0, 1.0), (2.0, 0.0), (0.0, 4.0)):
        assert gradient_penalty(lambda x: x @ weight, real, fake, target).item() == pytest.approx(expected, abs=1e-5)
    seen = []
    penalty = gradient_penalty(lambda x: seen.append(x) or (x**2).sum(1) * weight.sum() / 4, real, fake)
    (x,) = seen
    assert ((x >= 1) & (x <= 2)).all()
    assert len(x[:, 0].unique()) == 5, "another point of each pair"
    assert (x == x[:, :1]).all(), "on the line from one to the other"
    assert penalty.item() == pytest.approx(((x.norm(dim=1) - 1) ** 2).mean().item(), rel=1e-4)
    penalty.backward()
    assert weight.grad.abs().sum() > 0, "it can be minimised"
