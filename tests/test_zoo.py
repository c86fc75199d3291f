"""The contract, for every entry of the registry. A new model is tested by being there."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from conftest import EVERYTHING, cli, here, tiny

from ganzoo import data, registry
from ganzoo.config import configure, fields, knobs
from ganzoo.data.dataset import stream
from ganzoo.files import read_tensors
from ganzoo.gan import GAN, inference_state, training_only_state
from ganzoo.training.engine import Engine
from ganzoo.ui import texts

GANS = registry.MODELS
PICTURES = data.load("fake")
# The rate of plain steps. Small weights before an instance norm have large gradients, and L1's jump: after a long step the
# second one would be of rounding alone.
RATES = {"cyclegan": 1e-3}


def build(name: str) -> GAN:
    spec = registry.spec(name)
    torch.manual_seed(0)
    gan = spec.build(configure(spec.config, facts(spec) | dict(spec.tiny)))
    if isinstance(gan, GAN) and gan.pictures:
        gan.keep_examples(gan.derive(PICTURES.batch(torch.arange(gan.pictures[0].examples), gan.device)), PICTURES.name)
    return gan


def facts(spec):
    return {k: v for k, v in PICTURES.facts().items() if k in fields(spec.config)}


def engine(name: str, seed: int = 0) -> Engine:
    spec = registry.spec(name)
    return Engine(spec, dict(spec.tiny), PICTURES, seed, torch.device("cpu"), "fp32")


@pytest.mark.parametrize("name", GANS)
def test_spec_has_what_a_visitor_needs(name):
    spec = registry.spec(name)
    assert spec.name == name
    assert re.fullmatch(r"\d{4}\.\d{4,5}", spec.paper.arxiv)
    assert 2014 <= spec.paper.year <= 2030
    assert len(re.findall(r"[.!?](?:\s|$)", spec.note)) == 3, "the note is three sentences"
    earlier, what = spec.adds
    assert not earlier or earlier in GANS[: GANS.index(name)]
    assert len(texts.beside(spec)) < 130, "one line"
    assert what.endswith(".") or not earlier
    assert spec.limits.endswith(".")
    for step in (step for recipe in spec.recipes.values() for step in recipe):
        configure(spec.config, facts(spec) | {"side": 64} | dict(step.knobs))


@pytest.mark.parametrize("name", GANS)
def test_file_reads_in_the_house_order(name):
    module = importlib.import_module(f"ganzoo.models.{name}")
    source = Path(inspect.getfile(module)).read_text()
    assert 60 <= len(source.splitlines()) <= 200
    for word in ("arXiv", "Adds:", "Departs:", "Shapes:"):
        assert word in module.__doc__, f"the docstring lacks {word}"
    classes = re.findall(r"^class (\w+)\(([\w.]+)\)", source, re.M)
    kinds = ["net" if base == "nn.Module" else "config" if base.endswith(".Config") else "gan" for _, base in classes]
    assert kinds == sorted(kinds, key=["config", "net", "gan"].index)
    assert source.rindex("\nSPEC = ") > source.rindex("\nclass ")


@pytest.mark.parametrize("name", GANS)
def test_pictures_have_the_shape_and_range_that_are_promised(name):
    gan = build(name)
    images = gan.sample(5, seed=3)
    assert images.shape == (5, PICTURES.channels, PICTURES.side, PICTURES.side)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1


@pytest.mark.parametrize("name", GANS)
def test_a_seed_names_one_picture(name):
    gan = build(name)
    images = gan.sample(4, seed=7)
    torch.manual_seed(99)  # the global generator has no say
    assert torch.equal(images, gan.sample(4, seed=7))
    assert torch.allclose(images[2:3], gan.sample(1, seed=9), atol=1e-5)
    assert not torch.allclose(images[0], images[1])


def test_the_first_tanh_of_a_process_is_on_one_thread_and_its_result_is_thrown_away():
    code = """
import torch
tanh, first = torch.tanh, []
torch.tanh = lambda x: first.append(x.numel()) or tanh(x)
import ganzoo.gan
assert first == [1]
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", GANS)
@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 2.5}, {"seed": -1}, {"seed": 2**32}, {"seed": "a"}, {"nonsense": 1}])
def test_sample_refuses_what_it_cannot_read(name, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        build(name).sample(**wrong)


@pytest.mark.parametrize("name", EVERYTHING)
def test_each_phase_moves_its_own_networks_and_no_other(name):
    """Each from a batch of its own: a phase may not lean on what another has put into the batch."""
    e = engine(name)
    rows = e.game.derive(e.feed.at(0)) if isinstance(e.game, GAN) else e.feed.at(0)
    for phase in e.phases:
        e.game.zero_grad(set_to_none=True)
        terms = phase.loss(e.with_inputs(rows))
        assert terms
        assert all(t.ndim == 0 and t.isfinite() for t in terms.values())
        torch.autograd.backward(sum(terms.values()), inputs=e.parameters[phase.name])
        mine = {id(p) for p in e.parameters[phase.name]}
        for key, p in e.game.named_parameters():
            assert (p.grad is not None) == (id(p) in mine), f"{phase.name}: {key}"
    e.game.zero_grad(set_to_none=True)
    for _ in range(max(p.every for p in e.phases)):
        e.advance()
    assert all(p.grad is None for p in e.game.parameters()), "the engine asks for no gradient of the others"


@pytest.mark.parametrize("name", GANS)
def test_a_step_moves_the_weights_as_the_loop_that_everybody_writes_would(name):
    """Whatever the engine shares, swaps and does at once, the gradients are those of plain layers, a pass of G for each player
    and a pass of D for each kind."""
    e = engine(name)
    plain = registry.spec(name).build(e.config)
    plain.load_state_dict(e.game.state_dict())
    plain.both = lambda net, real, fake, *given: (net(real, *given), net(fake, *given))
    for m, fast in zip(plain.modules(), e.game.modules(), strict=True):
        m.training = fast.training
        if isinstance(m, torch.nn.Dropout):  # whose random numbers are others
            m.p = fast.p = 0.0
    # Adam divides by a gradient's size, so that one that is nothing but rounding would move a weight as far as any other.
    rate = RATES.get(name, 0.1)
    e.phases = [replace(p, lr=rate) for p in e.phases]
    e.optimisers = {p.name: torch.optim.SGD(e.parameters[p.name], lr=rate) for p in e.phases}
    first = {k: w.clone() for k, w in plain.named_parameters()}

    def drawn(rows):
        return rows | plain.draw(e.config.batch, None, **{i.name: rows[i.name] for i in plain.inputs if i.name in rows})

    for step in range(max(2, *(p.every for p in e.phases))):
        torch.manual_seed(stream("step", e.seed, step))
        plain.on_step(step)
        rows = plain.derive(e.feed.at(step))
        due = [p for p in plain.phases() if (step + 1) % p.every == 0]
        shared = drawn(rows)
        batches = [drawn(rows) if p.every > 1 else shared for p in due]
        kept = {}  # D's logits of real pictures from before its move, which a relativistic G goes on with
        for phase, batch in zip(due, batches, strict=True):
            plain.zero_grad()
            own = dict(batch) | kept
            torch.stack(list(phase.loss(own).values())).sum().backward()
            kept = {k: v for k, v in own.items() if k == "real_logit"}
            with torch.no_grad():
                for w in (w for net in phase.nets for w in net.parameters()):
                    w -= rate * w.grad
                if phase.after:
                    phase.after()
        e.advance()
    moving = {id(w) for ws in e.parameters.values() for w in ws}
    for (key, slow), fast in zip(plain.named_parameters(), e.game.parameters(), strict=True):
        moved, off = (slow - first[key]).norm(), (slow - fast).norm()
        if id(fast) not in moving:
            assert moved == off == 0, key
        elif moved < 1e-6:
            assert key.endswith("bias"), key  # that stands before batch norm, and is moved by rounding alone
        else:
            assert off < 1e-3 * moved, key


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_network_is_moved_or_frozen_on_purpose(name):
    e = engine(name)
    moved = {id(p) for ps in e.parameters.values() for p in ps}
    frozen = [k for k, p in e.game.named_parameters() if id(p) not in moved and p.requires_grad]
    assert not frozen
    assert inference_state(e.game).keys() | training_only_state(e.game).keys() == e.game.state_dict().keys()


@pytest.mark.parametrize("name", EVERYTHING)
def test_training_changes_the_average_and_is_the_same_for_the_same_seed(name):
    a, b, c = engine(name), engine(name), engine(name, seed=1)
    before = {k: v.clone() for k, v in inference_state(a.average).items()}
    for e in (a, b, c):
        for _ in range(6):
            e.advance()
        assert all(v == v for v in e.mean_terms().values())
    after, again, other = (inference_state(e.average) for e in (a, b, c))
    assert any(not torch.equal(before[k], after[k]) for k in before)
    assert all(torch.equal(after[k], again[k]) for k in after)
    assert any(not torch.equal(after[k], other[k]) for k in after)


@pytest.mark.parametrize("name", EVERYTHING)
def test_resume_is_bit_for_bit(name, runs, tmp_path):
    """Stopped at step 5 and resumed to 12, on disk, equals 12 steps in one go: every tensor of the state. The first and the
    last model are trained and resumed by processes of their own; test_engine.py kills some."""
    command = cli if name in (GANS[0], GANS[-1]) else here
    command("train", name, "--data", "fake", "--steps", 5, "--out", tmp_path / "run", "--quiet", *tiny(name))
    command("resume", tmp_path / "run", "--steps", 12)
    (one, facts), (two, facts_too) = (read_tensors(f / "state.safetensors") for f in (runs[name], tmp_path / "run"))
    assert facts["step"] == facts_too["step"] == "12"
    assert one.keys() == two.keys()
    assert [k for k in one if not torch.equal(one[k], two[k])] == []


@pytest.mark.parametrize("name", EVERYTHING)
def test_checkpoint_draws_what_the_run_draws(name, runs, weights):
    import ganzoo
    from ganzoo.training.plan import from_run

    _, ours, _ = from_run(runs[name])
    theirs = ganzoo.load(f"{name}-fake")
    assert asdict(theirs.config) == asdict(ours.config)
    if isinstance(ours, GAN):
        assert torch.equal(ours.sample(8, seed=5), theirs.sample(8, seed=5))


@pytest.mark.parametrize("name", EVERYTHING)
def test_checkpoint_folder_is_complete(name, weights):
    import ganzoo

    c = ganzoo.resolve(f"{name}-fake")
    expected = {"config.json", "model.safetensors", "README.md", "log.jsonl"}
    if isinstance(build(name), GAN):
        expected |= {"preview.png", "timeline.png", "discriminator.safetensors"}
        expected |= {"training.webp"} if len(c.training_pictures()) else set()  # of models that draw from captions
        assert [s for s, _ in c.timeline()] == c.config["timeline"]["steps"]
        assert c.config["timeline"]["steps"][0] == 0
        assert c.config["timeline"]["steps"][-1] == 12
    assert {p.name for p in c.folder.iterdir()} == expected
    assert c.config["training"]["command"].startswith("python -m ganzoo train")
    assert c.config["training"]["images"] == 12 * c.config["config"]["batch"]
    card = (c.folder / "README.md").read_text()
    assert card.startswith("---\nlicense: mit\n")
    assert registry.spec(name).paper.url in card


@pytest.mark.parametrize("name", registry.TOOLS)
def test_what_draws_nothing_offers_no_learning_rate_of_a_generator_but_reads_old_configs(name):
    spec = registry.spec(name)
    assert "lr_g" not in knobs(spec.config)
    assert "lr_d" in knobs(spec.config)
    assert configure(spec.config, facts(spec) | dict(spec.tiny) | {"lr_g": 1.0}).lr_g == 1.0
