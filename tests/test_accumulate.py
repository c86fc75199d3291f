"""A batch that is played in parts: the same game as in one, in less memory."""

from __future__ import annotations

import weakref

import pytest
import torch
from conftest import here, run_cli, tiny
from torch.autograd.graph import saved_tensors_hooks

from ganzoo import data, registry
from ganzoo.files import read_tensors
from ganzoo.training.engine import Engine

CPU = torch.device("cpu")
FAKE = data.load("fake")


def engine(name, accumulate, **knobs):
    spec = registry.spec(name)
    return Engine(spec, dict(spec.tiny) | knobs, FAKE, 0, CPU, "fp32", accumulate=accumulate)


# Whose players see nothing of a batch as a whole, and draw nothing themselves.
@pytest.mark.parametrize(
    ("name", "knobs"), [("vanilla", {"dropout": 0.0}), ("vanilla", {"dropout": 0.0, "batch": 9}), ("r3gan", {})]
)
def test_in_parts_it_is_the_same_game(name, knobs):
    losses = []
    for accumulate in (1, 2, 4):
        e = engine(name, accumulate, **knobs)
        found = []
        for _ in range(20):
            e.advance()
            found.append(e.mean_terms())
        losses.append(found)
    for other in losses[1:]:
        for one, two in zip(losses[0], other, strict=True):
            assert one.keys() == two.keys()
            assert {k: v for k, v in two.items() if not k.endswith("right")} == pytest.approx(
                {k: v for k, v in one.items() if not k.endswith("right")}, abs=1e-3
            )


@pytest.mark.parametrize(("name", "knobs"), [("vanilla", {"dropout": 0.0, "batch": 9}), ("r3gan", {})])
def test_the_gradients_are_those_of_the_whole_batch(name, knobs):
    """Which Adam would not show: it moves as far by gradients that are twice as large."""
    found = []
    for accumulate in (1, 4):
        e = engine(name, accumulate, **knobs)
        torch.manual_seed(0)
        batch = e.with_inputs(e.feed.at(0))
        for phase in e.phases:
            e.backward(phase, batch)
        found.append([w.grad for phase in e.phases for w in e.parameters[phase.name]])
    for one, two in zip(*found, strict=True):
        assert torch.allclose(one, two, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", registry.MODELS)
def test_every_model_can_be_played_in_parts(name):
    e = engine(name, 2)
    before = {k: [w.clone() for w in v] for k, v in e.parameters.items()}
    for _ in range(max(p.every for p in e.phases)):
        e.advance()
    assert all(v == v for v in e.mean_terms().values())
    assert e.is_finite()
    for phase in e.phases:
        assert any(not torch.equal(a, b) for a, b in zip(before[phase.name], e.parameters[phase.name], strict=True)), phase.name


class Kept:
    """How many bytes autograd keeps for the backward passes, at most at once."""

    def __init__(self):
        self.now = self.most = 0

    def pack(self, tensor):
        size = tensor.untyped_storage().nbytes()
        box = type("Box", (), {})()
        box.tensor = tensor
        self.now += size
        self.most = max(self.most, self.now)
        weakref.finalize(box, self.less, size)
        return box

    def less(self, size):
        self.now -= size


def test_in_parts_it_keeps_less():
    most = []
    for accumulate in (1, 4):
        e, kept = engine("r3gan", accumulate, batch=32), Kept()
        with saved_tensors_hooks(kept.pack, lambda box: box.tensor):
            e.advance()
        most.append(kept.most)
    assert most[1] < 0.5 * most[0], most


def test_a_run_keeps_it_and_says_what_is_allowed(tmp_path, capsys):
    flags = ["--data", "fake", "--quiet", *tiny("vanilla"), "--dropout", 0]
    here("train", "vanilla", "--steps", 6, "--accumulate", 4, "--out", tmp_path / "whole", *flags)
    here("train", "vanilla", "--steps", 3, "--accumulate", 4, "--out", tmp_path / "halved", *flags)
    here("resume", tmp_path / "halved", "--steps", 6)
    one, two = (read_tensors(tmp_path / name / "state.safetensors")[0] for name in ("whole", "halved"))
    assert all(torch.equal(v, two[k]) for k, v in one.items())
    code, said = run_cli(capsys, "train", "vanilla", "--steps", 1, "--accumulate", 5, "--out", tmp_path / "no", *flags)
    assert (code, said) == (2, "ganzoo: accumulate: 5 parts of a batch of 8; give 1 to 4\n")
    parts = ["--steps", 1, "--accumulate", 4, "--pack", 4, "--out", tmp_path / "no"]
    assert run_cli(capsys, "train", "vanilla", *parts, *flags) == (
        2,
        "ganzoo: accumulate: 4 parts of a batch of 8; give 1 to 2\n",
    )
    assert not (tmp_path / "no").exists()
