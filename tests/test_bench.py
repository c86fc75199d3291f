"""The bench: both loops play the same game, its figures are counted right, and it ends whatever the processor."""

from __future__ import annotations

import contextlib
import json

import pytest
import torch
from conftest import here
from support import toys
from torch.utils.flop_counter import FlopCounterMode

from ganzoo import data, registry
from ganzoo.training import bench
from ganzoo.training.engine import Engine

CPU = torch.device("cpu")
FAKE = data.load("fake")
RATES = {"side": FAKE.side, "channels": FAKE.channels}


def test_the_plain_loop_plays_the_same_game_who_moves_when_how_fast_and_what_comes_after():
    gan = toys.Clipped(toys.Config(**RATES))
    loop = bench.reference(gan, FAKE, CPU)
    for _ in range(4):
        next(loop)
    assert (len(gan.inputs_seen["D"]), len(gan.inputs_seen["G"])) == (4, 2)
    assert not any(torch.equal(a, b) for a in gan.inputs_seen["D"] for b in gan.inputs_seen["G"])
    assert max(w.abs().max() for w in gan.D.parameters()) <= gan.box
    assert isinstance(bench.plain_optimiser(gan, gan.phases()[0]), torch.optim.RMSprop)
    slowing = toys.Decay(toys.Config(**RATES))
    loop = bench.reference(slowing, FAKE, CPU)
    for _ in range(11):  # 80 pictures, after which its rate is 0, and one step more
        still = slowing.G.weight.clone()
        next(loop)
    assert torch.equal(still, slowing.G.weight)


class NoModules(contextlib.nullcontext):
    """Instead of torch's tracker of modules, whose hooks fail at a gradient penalty of a leaf."""

    parents = frozenset({"Global"})


@pytest.mark.parametrize("name", registry.MODELS)
def test_the_arithmetic_of_a_step_is_what_torch_counts(name):
    def engine():
        spec = registry.spec(name)
        return Engine(spec, dict(spec.tiny), FAKE, 0, CPU, "fp32")

    one, two = engine(), engine()
    with bench.FlopCounter() as ours:
        one.advance()
    theirs = FlopCounterMode(display=False)
    theirs.mod_tracker = NoModules()
    with theirs:
        two.advance()
    assert ours.total == theirs.get_total_flops() > 0


@pytest.mark.parametrize("toy", [toys.Penalised, toys.Clipped, toys.Translator, toys.Enlarger])
def test_every_kind_of_game_is_measured_with_at_least_one_turn_and_one_picture(toy, monkeypatch):
    """Also where there is no time at all; a gradient penalty at a leaf, n critic's moves for one, pictures as inputs."""
    monkeypatch.setattr(bench, "peak", lambda device: {"matmul float32": 1e12})
    found = bench.bench(toys.toy(toy), device_name="cpu", seconds=0.0)
    assert found["train"]["images_per_s"] > 0
    assert found["train"]["reference_images_per_s"] > 0
    assert found["sample"]["images_per_s"] > 0
    assert found["sample"]["first_image_ms"] > 0


@pytest.mark.parametrize(("avx", "amx"), [(False, False), (True, False), (False, True)])
def test_the_peak_in_bf16_is_measured_only_where_it_is_not_emulated(avx, amx, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(bench, "fastest", lambda work: 1.0)
    assert ("matmul bfloat16" in bench.peak(CPU)) == (avx or amx)
    assert "matmul float32" in bench.peak(CPU)


def test_a_slow_call_is_not_made_eight_times():
    calls = []
    assert bench.fastest(lambda: calls.append(1), seconds=0.0) >= 0
    assert len(calls) == 2, "a first one, and one that counts"


def test_both_loops_of_the_bench_are_trained_and_compared(weights):
    done = here("bench", "vanilla", "--parity", "fake", "--images", 640, "--seeds", 2, "--json")
    found = json.loads(done.stdout)
    assert set(found) == {"engine", "plain"}
    assert all(len(of) == 2 and min(of) > 0 for of in found.values())
    few = here("bench", "vanilla", "--parity", "fake", "--images", 128, "--seeds", 2).stdout.splitlines()
    for line, (loop, of) in zip(few, found.items(), strict=True):
        name, *numbers = line.strip("| ").split(" | ")
        first, second, mean = (float(n.split(" ± ")[0]) for n in numbers)
        assert name == loop
        assert mean == pytest.approx((first + second) / 2, rel=0.02)
        assert first != pytest.approx(of[0], rel=0.02), "both are trained"
    assert "seed 1, plain: " in done.stderr
    refused = here("bench", "--parity", "fake", check=False)
    assert refused.returncode == 2
    assert "--parity needs a MODEL" in refused.stderr
