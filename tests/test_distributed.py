"""Two real processes over gloo play the same game as one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from conftest import REPO, free_port, here, tiny

from ganzoo import registry
from ganzoo.files import read_tensors

LOSSES = """
import json, os, sys, torch
from ganzoo import data, registry
from ganzoo.training.distributed import Group
from ganzoo.training.engine import Engine
name, knobs, steps = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
group = Group()
group.join(torch.device("cpu"))
d, spec = data.load("fake"), registry.spec(name)
facts = {"side": d.side, "channels": d.channels, "classes": d.classes}
e = Engine(spec, facts | dict(spec.tiny) | knobs, d, 0, torch.device("cpu"), "fp32", group)
losses_by_step = []
for _ in range(steps):
    e.advance()
    losses_by_step.append(e.mean_terms())
if group.size > 1:
    for w in e.game.parameters():
        leading = w.detach().clone()
        torch.distributed.broadcast(leading, 0)
        assert torch.equal(leading, w), "the ranks have parted"
if group.is_main:
    print(json.dumps(losses_by_step))
group.leave()
threads = [open(f"/proc/self/task/{t}/comm").read().strip() for t in os.listdir("/proc/self/task")]
assert not [t for t in threads if "gloo" in t], f"outlive the group, and may abort the process as it ends: {threads}"
"""

STATE = """
import json, sys, torch
from support import toys
from ganzoo import data
from ganzoo.gan import persistent_buffers
from ganzoo.training.distributed import Group
from ganzoo.training.engine import Engine
group = Group()
group.join(torch.device("cpu"))
e = Engine(toys.toy(toys.Remembering), {"batch": 9}, data.load("fake"), 0, torch.device("cpu"), "fp32", group)
for _ in range(7):
    e.advance()
    if group.size > 1:
        for b in [*persistent_buffers(e.game), *persistent_buffers(e.average)]:
            leading = b.clone()
            torch.distributed.broadcast(leading, 0)
            assert torch.equal(leading, b), f"the ranks have parted at step {e.step}"
if group.is_main:
    b = e.game.balance
    print(json.dumps({"k": b.k.item(), "mean": e.game.mean.item(), "level": e.game.level.item(), "full": b.full.item(),
                      "pool": b.pool.flatten().tolist()}))
group.leave()
"""


def torchrun(n, *args, **kwargs):
    launcher = ["-m", "torch.distributed.run", f"--nproc-per-node={n}", f"--master-port={free_port()}"]
    command = [sys.executable, *(launcher if n > 1 else [])]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, *map(str, args)], cwd=REPO, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs
    )


def printed(tmp_path, n, code, *args):
    """What n processes that run the same code print at last, as JSON."""
    script = tmp_path / "script.py"
    script.write_text(f"import sys; sys.path[:0] = [{str(REPO)!r}, {str(REPO / 'tests')!r}]\n{code}")
    process = torchrun(n, script, *args)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err[-3000:]
    return json.loads(out.splitlines()[-1])


def losses(tmp_path, n, name, knobs, steps):
    return printed(tmp_path, n, LOSSES, name, json.dumps(knobs), steps)


@pytest.mark.parametrize(
    ("name", "knobs"),
    [("vanilla", {"dropout": 0.0}), ("vanilla", {"dropout": 0.0, "batch": 9}), ("dcgan", {"d_norm": "none", "r1": 1.0})],
    ids=["even", "uneven batch", "penalty with double backward"],
)
def test_two_processes_have_the_losses_of_one(tmp_path, name, knobs):
    """With an equal global batch, 50 steps, to 1e-4. Networks with batch norm differ: each rank sees its own statistics."""
    one, two = (losses(tmp_path, n, name, knobs, 50) for n in (1, 2))
    # The generator of the convolutional model has batch norm; its discriminator's first loss does not know it yet.
    steps = 50 if name == "vanilla" else 1
    for a, b in zip(one[:steps], two[:steps], strict=True):
        for term in a:
            if not term.endswith("_right") and (name == "vanilla" or term in ("d_real", "d_r1")):
                assert a[term] == pytest.approx(b[term], abs=1e-4), term
    assert all(v == v for step in two for v in step.values())


def test_what_a_game_remembers_is_the_same_on_every_rank_at_every_step(tmp_path):
    """A number is the mean over the whole batch, as one process has it; integers are those of rank 0, which plays its head."""
    one, two = (printed(tmp_path, n, STATE) for n in (1, 2))
    for name in ("k", "mean"):
        assert one[name] == pytest.approx(two[name], abs=1e-5), name
    assert one["k"] != 0
    assert (two["level"], two["full"]) == (one["level"], one["full"]) == (3, True)
    assert max(two["pool"]) > 0
    assert max(abs(a - b) for a, b in zip(one["pool"], two["pool"], strict=True)) <= 1, "but for rounding"


def test_a_run_may_go_on_with_another_number_of_processes(tmp_path):
    name, run = "vanilla", tmp_path / "run"
    flags = ["--data", "fake", "--quiet", "--precision", "fp32", *tiny(name), "--dropout", 0]
    here("train", name, "--steps", 40, "--out", tmp_path / "one", *flags)
    process = torchrun(2, "-m", "ganzoo", "train", name, "--steps", 20, "--out", run, *flags)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err[-3000:]
    here("resume", run, "--steps", 40)
    (one, _), (two, facts) = (read_tensors(f / "state.safetensors") for f in (tmp_path / "one", run))
    assert facts["step"] == "40"
    weights = [k for k in one if k.startswith(("gan.", "average."))]
    assert all(torch.allclose(one[k], two[k], atol=1e-3) for k in weights)


def test_losing_a_worker_stops_with_a_state_to_go_on_from(tmp_path):
    name, run = registry.MODELS[0], tmp_path / "run"
    process = torchrun(
        2, "-m", "ganzoo", "train", name, "--data", "fake", "--steps", 10**7, "--out", run, "--quiet", *tiny(name)
    )
    end = time.monotonic() + 240
    while not ((run / "log.jsonl").exists() and (run / "log.jsonl").read_text().count("\n") > 3):
        assert time.monotonic() < end
        time.sleep(0.1)
    children = subprocess.run(
        ["pgrep", "-f", f"ganzoo train {name}.*--out {run}"], capture_output=True, text=True
    ).stdout.split()
    workers = [int(p) for p in children if int(p) != process.pid]
    os.kill(workers[-1], signal.SIGKILL)
    process.communicate(timeout=240)
    assert process.returncode != 0
    read_tensors(run / "state.safetensors")
    here("resume", run, "--steps", 1)
