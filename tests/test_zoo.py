"""The contract, for every entry of the registry. A new model is tested by being there."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from conftest import EVERYTHING, cli, tiny

from ganzoo import data, registry
from ganzoo.data import stream
from ganzoo.files import read_tensors
from ganzoo.gan import GAN
from ganzoo.spec import configure, fields
from ganzoo.training.engine import Engine, drawing, opposing

GANS = registry.MODELS
PICTURES = data.load("fake")


def build(name: str) -> GAN:
    spec = registry.spec(name)
    torch.manual_seed(0)
    return spec.build(configure(spec.config, facts(spec) | dict(spec.tiny)))


def facts(spec):
    return {k: v for k, v in PICTURES.facts().items() if k in fields(spec.config)}


def engine(name: str, seed: int = 0) -> Engine:
    spec = registry.spec(name)
    return Engine(spec, dict(spec.tiny), PICTURES, seed, torch.device("cpu"), "fp32")


@pytest.mark.parametrize("name", GANS)
def test_spec_says_what_a_visitor_needs(name):
    spec = registry.spec(name)
    assert spec.name == name
    assert re.fullmatch(r"\d{4}\.\d{4,5}", spec.paper.arxiv)
    assert 2014 <= spec.paper.year <= 2030
    assert len(re.findall(r"[.!?](?:\s|$)", spec.note)) == 3, "the note is three sentences"
    assert spec.limits.endswith(".")
    for recipe in spec.recipes.values():
        configure(spec.config, facts(spec) | {"side": 64} | dict(recipe))


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


def test_the_first_tanh_of_a_process_is_on_one_thread_and_for_nobody():
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
    e = engine(name)
    for phase in e.phases:
        batch = e.feed.at(0)
        batch |= e.gan.draw(e.config.batch, None, **{i.name: batch[i.name] for i in e.gan.inputs if i.name in batch})
        e.gan.zero_grad(set_to_none=True)
        terms = phase.loss(batch)
        assert terms
        assert all(t.ndim == 0 and t.isfinite() for t in terms.values())
        torch.autograd.backward(sum(terms.values()), inputs=e.parameters[phase.name])
        mine = {id(p) for p in e.parameters[phase.name]}
        for key, p in e.gan.named_parameters():
            assert (p.grad is not None) == (id(p) in mine), f"{phase.name}: {key}"
    e.gan.zero_grad(set_to_none=True)
    e.advance()
    assert all(p.grad is None for p in e.gan.parameters()), "the engine asks for no gradient of the others"


@pytest.mark.parametrize("name", GANS)
def test_a_step_moves_the_weights_as_the_loop_that_everybody_writes_would(name):
    """Whatever the engine shares, swaps and does at once, the gradients are those of plain layers, a pass of G for each player
    and a pass of D for each kind."""
    e = engine(name)
    plain = registry.spec(name).build(e.config)
    plain.load_state_dict(e.gan.state_dict())
    plain.both = lambda net, real, fake, *given: (net(real, *given), net(fake, *given))
    for m, fast in zip(plain.modules(), e.gan.modules(), strict=True):
        m.training = fast.training
        if isinstance(m, torch.nn.Dropout):  # whose random numbers are others
            m.p = fast.p = 0.0
    # Adam divides by a gradient's size, so that one that is nothing but rounding would move a weight as far as any other.
    e.optimisers = {p.name: torch.optim.SGD(e.parameters[p.name], lr=0.1) for p in e.phases}
    before = {k: w.clone() for k, w in plain.named_parameters()}
    for step in range(2):
        torch.manual_seed(stream("step", e.seed, step))
        plain.on_step(step)
        batch = e.feed.at(step)
        batch |= plain.draw(e.config.batch, None, **{i.name: batch[i.name] for i in plain.inputs if i.name in batch})
        for phase in plain.phases():
            plain.zero_grad()
            torch.stack(list(phase.loss(dict(batch)).values())).sum().backward()
            with torch.no_grad():
                for w in (w for net in phase.nets for w in net.parameters()):
                    w -= 0.1 * w.grad
        e.advance()
    moving = {id(w) for ws in e.parameters.values() for w in ws}
    for (key, slow), fast in zip(plain.named_parameters(), e.gan.parameters(), strict=True):
        moved, off = (slow - before[key]).norm(), (slow - fast).norm()
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
    frozen = [k for k, p in e.gan.named_parameters() if id(p) not in moved and p.requires_grad]
    assert not frozen
    assert drawing(e.gan).keys() | opposing(e.gan).keys() == e.gan.state_dict().keys()


@pytest.mark.parametrize("name", EVERYTHING)
def test_training_changes_the_average_and_is_the_same_for_the_same_seed(name):
    a, b, c = engine(name), engine(name), engine(name, seed=1)
    before = {k: v.clone() for k, v in drawing(a.average).items()}
    for e in (a, b, c):
        for _ in range(6):
            e.advance()
        assert all(v == v for v in e.read().values())
    after, again, other = (drawing(e.average) for e in (a, b, c))
    assert any(not torch.equal(before[k], after[k]) for k in before)
    assert all(torch.equal(after[k], again[k]) for k in after)
    assert any(not torch.equal(after[k], other[k]) for k in after)


@pytest.mark.parametrize("name", EVERYTHING)
def test_resume_is_bit_for_bit(name, runs, tmp_path):
    """Stopped at step 5 and resumed to 12, on disk, equals 12 steps in one go: every tensor of the state."""
    cli("train", name, "--data", "fake", "--steps", 5, "--out", tmp_path / "run", "--quiet", *tiny(name))
    cli("resume", tmp_path / "run", "--steps", 12)
    (one, facts), (two, facts_too) = (read_tensors(f / "state.safetensors") for f in (runs[name], tmp_path / "run"))
    assert facts["step"] == facts_too["step"] == "12"
    assert one.keys() == two.keys()
    assert [k for k in one if not torch.equal(one[k], two[k])] == []


@pytest.mark.parametrize("name", EVERYTHING)
def test_checkpoint_draws_what_the_run_draws(name, runs, weights):
    import ganzoo
    from ganzoo.checkpoint import from_run

    _, ours, _ = from_run(runs[name])
    theirs = ganzoo.load(f"{name}-fake")
    assert asdict(theirs.config) == asdict(ours.config)
    if ours.inputs:
        assert torch.equal(ours.sample(8, seed=5), theirs.sample(8, seed=5))


@pytest.mark.parametrize("name", EVERYTHING)
def test_checkpoint_folder_is_complete(name, weights):
    import ganzoo

    c = ganzoo.resolve(f"{name}-fake")
    expected = {"config.json", "model.safetensors", "README.md", "log.jsonl"}
    if build(name).inputs:
        expected |= {"preview.png", "timeline.png", "discriminator.safetensors"}
        expected |= {"training.webp"} if len(c.training_pictures()) else set()  # of models that are told in words
        assert [s for s, _ in c.timeline()] == c.config["timeline"]["steps"]
        assert c.config["timeline"]["steps"][0] == 0
        assert c.config["timeline"]["steps"][-1] == 12
    assert {p.name for p in c.folder.iterdir()} == expected
    assert c.config["training"]["command"].startswith("python -m ganzoo train")
    assert c.config["training"]["images"] == 12 * c.config["config"]["batch"]
    card = (c.folder / "README.md").read_text()
    assert card.startswith("---\nlicense: mit\n")
    assert registry.spec(name).paper.url in card
