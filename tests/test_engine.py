"""The engine, the state and the loop: exactness, budgets, and everything that can go wrong on the way."""

from __future__ import annotations

import itertools
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from conftest import REPO, cli, here, start, tiny, wait_for_step
from torch import nn

from ganzoo import data, registry
from ganzoo.config import Config
from ganzoo.data.dataset import Order
from ganzoo.files import read_tensors, write
from ganzoo.gan import GAN
from ganzoo.inputs import Noise
from ganzoo.training.engine import Diverged, Engine
from ganzoo.training.run import Run
from ganzoo.training.tracking import snapshot_due

CPU = torch.device("cpu")


# ---- Order ------------------------------------------------------------------------------------------------------------


def test_every_picture_is_seen_once_an_epoch_and_every_batch_is_full():
    order = Order(10, seed=3)
    seen = torch.cat([order.at(7 * i, 7) for i in range(10)])
    assert len(seen) == 70
    for epoch in range(7):
        assert sorted(seen[10 * epoch : 10 * epoch + 10].tolist()) == list(range(10))
    assert seen[:10].tolist() != seen[10:20].tolist()


def test_order_is_a_function_of_seed_and_position():
    assert torch.equal(Order(50, 1).at(120, 30), Order(50, 1).at(120, 30))
    assert not torch.equal(Order(50, 1).at(120, 30), Order(50, 2).at(120, 30))
    long, late = Order(50, 1), Order(50, 1)
    assert torch.equal(torch.cat([long.at(0, 130), long.at(130, 10)])[100:], late.at(100, 40))


# ---- Phases -----------------------------------------------------------------------------------------------------------


class Staged(GAN):
    """A game with a frozen first stage, as text-to-picture pipelines have."""

    def __init__(self, c):
        super().__init__(c)
        self.inputs = (Noise("z", 4),)
        self.first = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8)).requires_grad_(False)
        self.G, self.D = nn.Linear(8, 3 * 16 * 16), nn.Linear(3 * 16 * 16, 1)
        self.moves = []

    def forward(self, z):
        return self.G(self.first(z)).tanh().view(-1, 3, 16, 16)

    def d_loss(self, batch):
        self.moves.append("D")
        return {"d": self.D(self.fake(batch).detach().flatten(1)).mean() + self.D(batch["image"].flatten(1)).square().mean()}

    def g_loss(self, batch):
        self.moves.append("G")
        return {"g": -self.D(self.fake(batch).flatten(1)).mean()}


def staged(rests=3, **kwargs):
    spec = replace(registry.spec(registry.MODELS[0]), config=Config, build=Staged)
    e = Engine(spec, {"side": 16, "channels": 3, "batch": 8, **kwargs}, data.load("fake"), 0, CPU, "fp32")
    e.phases = [e.phases[0], replace(e.phases[1], every=rests)]
    return e


def test_all_that_draws_is_passed_through_once_before_the_first_step(monkeypatch):
    """In one process of 75, the first pass through a recurrent net is off by some bits: it must not be one that counts."""
    spec, passes = registry.spec("gan_cls"), []
    forward = torch.nn.GRU.forward
    monkeypatch.setattr(torch.nn.GRU, "forward", lambda *args: passes.append(1) or forward(*args))
    e = Engine(spec, dict(spec.tiny), data.load("fake"), 0, CPU, "fp32")
    assert len(passes) == 1
    e.advance()
    assert len(passes) == 2


def test_a_run_that_was_to_be_deterministic_stays_so(tmp_path):
    here("train", "vanilla", "--data", "fake", "--steps", 2, "--out", tmp_path, "--quiet", "--deterministic", *tiny("vanilla"))
    here("resume", tmp_path, "--steps", 3, "--quiet")
    assert json.loads((tmp_path / "run.json").read_text())["deterministic"]


def test_a_frozen_stage_does_not_drift_and_every_counts_steps():
    e = staged()
    before = {k: v.clone() for k, v in e.game.first.state_dict().items()}
    for _ in range(7):
        e.advance()
    assert all(torch.equal(before[k], v) for k, v in e.game.first.state_dict().items())
    assert e.game.moves == ["D", "D", "D", "G", "D", "D", "D", "G", "D"]


def test_showing_pictures_leaves_every_network_in_its_mode():
    e = staged()
    before = [m.training for m in e.game.modules()]
    e.game.sample(3)
    e.snapshot()
    assert [m.training for m in e.game.modules()] == before
    assert any(before)
    assert not all(before)


@pytest.mark.parametrize(("every", "passes"), [(1, 3), (3, 4)], ids=["each step: shared", "each third: fresh inputs"])
def test_players_share_one_forward_of_the_generator_unless_one_rests(every, passes):
    e = staged(rests=every)
    seen = []
    e.game.G.register_forward_hook(lambda *_: seen.append(1))
    for _ in range(3):
        e.advance()
    assert len(seen) == passes


def test_average_follows_with_the_half_life_that_was_asked_for():
    e = staged(ema=0)
    e.advance()
    assert torch.equal(e.average.G.weight, e.game.G.weight), "ema=0 keeps the last weights"
    e = staged(ema=16)
    e.step = 1000  # past the warm-up
    with torch.no_grad():
        e.average.G.weight.zero_()
        e.game.G.weight.fill_(1.0)
    e.update_average()
    e.update_average()
    assert torch.allclose(e.average.G.weight, torch.tensor(0.5)), "two batches of 8 are one half-life of 16"


def test_divergence_names_the_first_step_and_term():
    e = staged()
    e.advance()
    with torch.no_grad():
        e.game.D.weight.fill_(float("nan"))
    e.advance()
    e.advance()
    with pytest.raises(Diverged, match="step 1: d is nan"):
        e.mean_terms()
    assert not e.is_finite()


def test_snapshots_are_log_spaced():
    due = [s for s in range(3001) if snapshot_due(s)]
    assert due[:6] == [0, 1, 2, 3, 4, 5]
    assert 24 <= len(due) <= 32
    assert all(b / a < 1.6 for a, b in itertools.pairwise(due[4:]))


# ---- The loop, in its own process -------------------------------------------------------------------------------------


def test_divergence_stops_and_keeps_the_last_good_state(tmp_path):
    run = tmp_path / "run"
    name = registry.MODELS[0]
    here("train", name, "--data", "fake", "--steps", 3, "--out", run, "--quiet", *tiny(name))
    good = (run / "state.safetensors").read_bytes()
    plan = json.loads((run / "run.json").read_text())
    plan["config"]["lr_d"] = plan["config"]["lr_g"] = 1e38
    (run / "run.json").write_text(json.dumps(plan))
    done = here("resume", run, "--steps", 60, check=False)
    assert done.returncode == 2
    assert "diverged at step" in done.stderr
    assert "Traceback" not in done.stderr
    kept, facts = read_tensors(run / "state.safetensors")
    assert facts["step"] == "3"
    assert all(t.isfinite().all() for t in kept.values())
    assert len(good) == len((run / "state.safetensors").read_bytes())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_says_how_to_go_on(how, tmp_path):
    run = tmp_path / "run"
    name = registry.MODELS[0]
    process = start("train", name, "--data", "fake", "--steps", 10**7, "--out", run, "--quiet", *tiny(name))
    wait_for_step(run, 50)
    process.send_signal(how)
    _, said = process.communicate(timeout=240)
    assert process.returncode == 130
    assert f"python -m ganzoo resume {run}" in said
    assert int(read_tensors(run / "state.safetensors")[1]["step"]) >= 50


def first_difference(one, other):
    """The step from which on two runs' losses differ, and both lines of their logs."""
    logs = [{(x := json.loads(line))["step"]: x for line in (f / "log.jsonl").read_text().splitlines()} for f in (one, other)]
    terms = [{step: {k: v for k, v in x.items() if k.startswith(("d_", "g_"))} for step, x in log.items()} for log in logs]
    return next(((s, terms[0][s], terms[1][s]) for s in sorted(terms[0].keys() & terms[1]) if terms[0][s] != terms[1][s]), None)


def test_kill_9_loses_no_file_and_resume_is_exact(tmp_path):
    """Killed in the middle, thrice, then resumed to step 400: the same weights as a run that never stopped."""
    name = registry.MODELS[-1]
    flags = ["--data", "fake", "--quiet", "--save-every", 0.2, *tiny(name)]
    cli("train", name, "--steps", 400, "--out", tmp_path / "whole", *flags)  # alone: torch's generator is a process's own
    run, saved = tmp_path / "killed", []
    process = start("train", name, "--steps", 400, "--out", run, *flags)
    for step in (50, 100, 200):
        wait_for_step(run, step)
        process.kill()
        process.wait()
        _, facts = read_tensors(run / "state.safetensors")  # whole, whatever was being written
        saved.append(int(facts["step"]))
        process = start("resume", run, "--save-every", 0.2)
    assert process.wait(240) == 0
    (one, its), (two, others) = (read_tensors(f / "state.safetensors") for f in (tmp_path / "whole", run))
    assert (its["step"], others["step"]) == ("400", "400")
    differing = [k for k in one if not torch.equal(one[k], two[k])]
    assert differing == [], (len(differing), len(one), saved, first_difference(tmp_path / "whole", run))
    assert 0 < saved[-1] < 400, "it did not begin from the start again"
    steps = [json.loads(x)["step"] for x in (run / "log.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps)), "the log has no step twice"
    assert {p.name for p in run.glob(".*")} <= {".lock"}, "nothing is left half-written"
    commands = json.loads((run / "run.json").read_text())["command"].splitlines()
    assert len(commands) == 2, "the train command and, once, the resume command"
    assert commands[1].startswith("python -m ganzoo resume")


@pytest.mark.stopwatch
def test_minutes_are_a_budget_over_all_sittings(tmp_path):
    name = registry.MODELS[0]
    cli("train", name, "--data", "fake", "--minutes", 0.02, "--out", tmp_path / "run", "--quiet", *tiny(name))
    first = read_tensors(tmp_path / "run" / "state.safetensors")[1]
    assert 1.2 <= float(first["seconds"]) < 2.5
    cli("resume", tmp_path / "run")  # spent
    assert read_tensors(tmp_path / "run" / "state.safetensors")[1]["step"] == first["step"]
    cli("resume", tmp_path / "run", "--minutes", 0.04)
    assert 2.4 <= float(read_tensors(tmp_path / "run" / "state.safetensors")[1]["seconds"]) < 4


def small_disk():
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_a_full_disk_is_one_line_and_the_old_state_stays(tmp_path):
    run = tmp_path / "run"
    name = registry.MODELS[0]
    here("train", name, "--data", "fake", "--steps", 3, "--out", run, "--quiet", *tiny(name))
    good = (run / "state.safetensors").read_bytes()
    assert len(good) > 20_000
    done = subprocess.run(
        [sys.executable, "-m", "ganzoo", "resume", str(run), "--steps", "6"],
        preexec_fn=small_disk,
        capture_output=True,
        text=True,
        cwd=REPO,
    )
    assert done.returncode == 2
    assert re.fullmatch(
        rf"ganzoo: stopped at step \d: .*File too large: '{run}/.*'; what was saved is kept, go on with "
        rf"`python -m ganzoo resume {run}` when that is mended",
        done.stderr.strip().splitlines()[-1],
    )
    assert "Traceback" not in done.stderr
    assert (run / "state.safetensors").read_bytes() == good


@pytest.mark.parametrize("when", ["at the first state", "in the middle"])
def test_a_training_whose_disk_is_full_goes_on_exactly_when_there_is_room(when, tmp_path):
    name, run = registry.MODELS[0], tmp_path / "run"
    flags = ["--data", "fake", "--quiet", *tiny(name)]
    process = start("train", name, "--steps", 10**7, "--out", run, "--save-every", 0.1, *flags)
    if when == "in the middle":
        wait_for_step(run, 50)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (2000, 2000))  # from now on, no file may grow beyond
    _, said = process.communicate(timeout=240)
    assert process.returncode == 2
    assert re.fullmatch(rf"ganzoo: stopped at step \d+: .*File too large.*`python -m ganzoo resume {run}` when .*\n", said)
    step = int(read_tensors(run / "state.safetensors")[1]["step"]) if (run / "state.safetensors").exists() else 0
    assert (step > 0) == (when == "in the middle")
    here("resume", run, "--steps", step + 20)
    here("train", name, "--steps", step + 20, "--out", tmp_path / "whole", *flags)
    one, two = (read_tensors(f / "state.safetensors")[0] for f in (tmp_path / "whole", run))
    assert all(torch.equal(one[k], two[k]) for k in one)
    steps = [json.loads(x)["step"] for x in (run / "log.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps)), "a line that was cut short is gone"
    assert {p.name for p in run.glob(".*")} <= {".lock"}, "nothing is left half-written"


def test_write_is_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write(path, "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_state_of_other_networks_is_refused(tmp_path, runs):
    a, b = (registry.MODELS[i] for i in (0, -1))
    shutil.copytree(runs[a], tmp_path / "run")
    shutil.copy(runs[b] / "state.safetensors", tmp_path / "run")
    done = here("resume", tmp_path / "run", "--steps", 20, check=False)
    assert done.returncode == 2
    assert "not a state of this run" in done.stderr


@pytest.mark.parametrize("spoil", [b"", b"not safetensors", None], ids=["empty", "other", "cut"])
def test_a_spoilt_state_is_one_line(spoil, tmp_path, runs):
    shutil.copytree(runs[registry.MODELS[0]], tmp_path / "run")
    state = tmp_path / "run" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:5000] if spoil is None else spoil)
    for verb in (["resume", tmp_path / "run", "--steps", 20], ["sample", tmp_path / "run", "--out", tmp_path / "x.png"]):
        done = here(*verb, check=False)
        assert done.returncode == 2
        assert "not a whole safetensors file" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_best_is_kept_beside_the_last(tmp_path, weights):
    import ganzoo

    name, run = registry.MODELS[0], tmp_path / "run"
    flags = ["--data", "fake", "--quiet", "--keep-best", "--save-every", 0.1, "--steps", 300, *tiny(name)]
    here("train", name, *flags, "--out", run)
    _, facts = read_tensors(run / "best.safetensors")
    assert 0 < int(facts["step"]) <= 300
    assert float(facts["frechet"]) > 0
    here("export", run, "--name", "best", "--best")
    here("export", run, "--name", "last")
    assert ganzoo.resolve("best").config["training"]["steps"] == int(facts["step"])
    assert ganzoo.resolve("last").config["training"]["steps"] == 300
    done = here("train", name, *flags[:3], "--keep-best", "--data", "shapes", "--out", tmp_path / "other", check=False)
    assert "no judge for 'shapes'" in done.stderr
    kept = Run.open(run)
    for distance, replaced in ((float(facts["frechet"]) + 1, False), (0.0, True)):
        kept.keep_best(distance)
        assert (read_tensors(run / "best.safetensors")[1] != facts) == replaced


def pytest_generate_tests(metafunc):
    if "certified" in metafunc.fixturenames:
        every = metafunc.config.getoption("kills")
        metafunc.parametrize("certified", registry.MODELS if every else registry.MODELS[:1])


def test_the_certificate_is_earned(certified, pytestconfig):
    from ganzoo.config import configure
    from ganzoo.training.certify import certify

    kills = pytestconfig.getoption("kills") or 2
    spec = registry.spec(certified)
    kept = vars(configure(spec.config, spec.tiny))
    found = certify(spec.name, spec.config, kept, kills=kills, say=print)
    assert (found["kills"], found["exact"]) == (kills, True)


@pytest.mark.stopwatch
def test_large_networks_are_certified_by_the_steps_that_they_play_in_time(monkeypatch):
    from ganzoo.config import configure
    from ganzoo.training import certify

    monkeypatch.setattr(certify, "PATIENCE", 15.0)
    monkeypatch.setattr(certify, "STEPS", 10**6)
    spec = registry.spec(registry.MODELS[0])
    found = certify.certify(spec.name, spec.config, vars(configure(spec.config, spec.tiny)), kills=1, say=print)
    assert 1 <= found["steps"] < 10**6
    assert found["exact"]
    monkeypatch.setattr(certify, "PATIENCE", 0.1)
    with pytest.raises(RuntimeError, match="played no step in 0 s"):
        certify.certify(spec.name, spec.config, vars(configure(spec.config, spec.tiny)), kills=1, say=print)


def test_a_training_that_fails_is_no_certificate():
    from ganzoo.training.certify import certify

    spec = registry.spec(registry.MODELS[0])
    with pytest.raises(
        RuntimeError, match="the training to certify failed: ganzoo: batch: 1 is not a whole number of at least 2"
    ):
        certify(spec.name, spec.config, {"side": 16, "batch": 1}, kills=1, say=print)
