"""Going on from what somebody trained: the networks of a run or a checkpoint, and the account of how they came about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from conftest import here, tiny

import ganzoo
from ganzoo import registry
from ganzoo.checkpoint import card
from ganzoo.config import fields
from ganzoo.gan import inference_state, training_only_state
from ganzoo.training import run as state
from ganzoo.training.plan import from_run
from ganzoo.training.warm_start import unwrapped

FIRST = registry.MODELS[0]
NAME = f"{FIRST}-fake"


@pytest.mark.parametrize("name", [*registry.MODELS, *registry.TOOLS])
def test_a_training_begins_with_the_networks_of_a_run_or_a_checkpoint(name, runs, weights, tmp_path):
    _, trained, _ = from_run(runs[name])
    wanted, training_only = inference_state(trained), training_only_state(trained)
    fresh = state.Run.create(tmp_path / "fresh", state.Plan(name, "fake", dict(registry.spec(name).tiny)))
    assert any(not torch.equal(v, inference_state(fresh.engine.game)[k]) for k, v in wanted.items())
    config = json.loads((weights / f"{name}-fake/config.json").read_text())
    for start in (str(runs[name]), f"{name}-fake"):
        run = state.Run.create(tmp_path / Path(start).name / "on", state.Plan(name, "fake", {}, start=start))
        for networks in (run.engine.game, run.engine.average):
            assert all(torch.equal(v, wanted[k]) for k, v in inference_state(networks).items())
        assert all(torch.equal(v, training_only[k]) for k, v in training_only_state(run.engine.game).items())
        assert run.plan.config == config["config"] | {k: tuple(v) for k, v in config["config"].items() if isinstance(v, list)}
        assert run.plan.started["images"] == config["training"]["images"]
    if training_only:
        (weights / f"{name}-fake/discriminator.safetensors").unlink()
        del config["files"]["discriminator.safetensors"]
        (weights / f"{name}-fake/config.json").write_text(json.dumps(config))
        run = state.Run.create(tmp_path / "light", state.Plan(name, "fake", {}, start=f"{name}-fake"))
        anew = training_only_state(fresh.engine.game)
        assert all(torch.equal(v, anew[k]) for k, v in training_only_state(run.engine.game).items()), (
            "what was not kept begins anew"
        )


REMEDIED = next(m for m in registry.MODELS if "instance_noise" in fields(registry.spec(m).config))


@pytest.mark.parametrize("noisy_first", [True, False])
def test_instance_noise_may_come_or_go_with_the_same_networks(noisy_first, tmp_path):
    """It wraps D, whose tensors then have other names."""
    first, then = ({"instance_noise": 0.1}, {"instance_noise": 0.0})[:: 1 if noisy_first else -1]
    knobs = dict(registry.spec(REMEDIED).tiny)
    before = state.Run.create(tmp_path / "before", state.Plan(REMEDIED, "fake", knobs | first))
    before.save()
    before.release()
    after = state.Run.create(tmp_path / "after", state.Plan(REMEDIED, "fake", then, start=str(tmp_path / "before")))
    was, now = ({unwrapped(k): v for k, v in training_only_state(run.engine.game).items()} for run in (before, after))
    assert was.keys() == now.keys()
    assert all(torch.equal(v, now[k]) for k, v in was.items())


def test_a_pack_is_another_network_and_its_shape_is_said(runs, tmp_path):
    with pytest.raises(ValueError, match=r"has other networks \(D\.\S+: \(.*\), here \(.*\)\)"):
        state.Run.create(tmp_path / "packed", state.Plan(REMEDIED, "fake", {"pack": 2}, start=str(runs[REMEDIED])))


def on(start, out, *flags):
    """A training of the first model that begins with another's networks."""
    here("train", FIRST, "--data", "fake", "--from", start, "--out", out, "--quiet", *flags)


def test_the_pictures_and_commands_of_earlier_trainings_are_counted_and_listed(runs, weights, tmp_path, caplog):
    on(runs[FIRST], tmp_path / "one", "--steps", 2)
    on(tmp_path / "one", tmp_path / "two", "--steps", 3, "--lr-g", 0)
    assert "lr_g is 0" not in caplog.text
    here("export", tmp_path / "two", "--name", "on")
    config = json.loads((weights / "on/config.json").read_text())
    batch, started = config["config"]["batch"], config["training"]["start"]
    assert (config["training"]["images"], started["images"]) == (3 * batch, (12 + 2) * batch)
    assert config["config"]["lr_g"] == 0
    page = (weights / "on/README.md").read_text()
    shown_commands = [line for line in page.splitlines() if line.startswith("python -m ganzoo train")]
    assert [line.split("--steps ")[1].split()[0] for line in shown_commands] == ["12", "2", "3"]
    assert f"began with the networks of one, which had seen {14 * batch:,} pictures" in page
    assert f"Noise, {17 * batch:,} pictures" in card.table([ganzoo.resolve("on")])
    on("on", tmp_path / "three", "--steps", 1)
    assert json.loads((tmp_path / "three/run.json").read_text())["started"]["images"] == 17 * batch
    assert "lr_g is 0, as in on: what draws will stay as it is" in caplog.text


def changed(folder, **training):
    """A checkpoint's config.json with another account of its training."""
    config = json.loads((folder / "config.json").read_text())
    config["training"] |= training
    (folder / "config.json").write_text(json.dumps(config))


def test_the_average_is_not_lost_where_a_training_begins(weights, tmp_path):
    changed(weights / NAME, images=10**7)
    run = state.Run.create(tmp_path / "run", state.Plan(FIRST, "fake", {}, start=NAME))
    start = {k: v.clone() for k, v in inference_state(run.engine.game).items() if v.is_floating_point() and "running" not in k}
    for _ in range(3):
        run.engine.advance()

    def moved(networks):
        return sum((inference_state(networks)[k] - v).abs().sum() for k, v in start.items())

    assert 0 < moved(run.engine.average) < 0.1 * moved(run.engine.game)
    run.save()
    again = state.Run.open(tmp_path / "run")
    for r in (run, again):
        r.engine.advance()
    assert moved(run.engine.average) == moved(again.engine.average), "a resume knows it too"


def test_a_strangers_account_of_a_training_can_be_gone_on_from(weights, tmp_path):
    earlier = {
        "name": "x",
        "revision": "",
        "images": 5,
        "command": "\n".join(["python -m ganzoo train x --out /home/me/x"] * 200),
    }
    changed(weights / NAME, command="it's not a command\npython -m ganzoo train y", start=earlier)
    on(NAME, tmp_path / "run", "--steps", 1)
    here("export", tmp_path / "run", "--name", "on")
    typed = json.loads((weights / "on/config.json").read_text())["training"]["start"]["command"].splitlines()
    assert typed[-1] == "python -m ganzoo train y"
    assert typed[-2].startswith("python -m ganzoo train x")
    assert sum(map(len, typed)) < 5000
    for wrong in (None, [], "", {"name": "x"}):
        changed(weights / NAME, start=wrong)
        with pytest.raises(ValueError, match="training: start"):
            state.Run.create(tmp_path / "not", state.Plan(FIRST, "fake", {}, start=NAME))


def test_a_checkpoint_is_measured_against_its_data_at_another_side(weights, tmp_path):
    for name, side, steps, out in (("infogan", 32, 2, "gan"), ("judge", 16, 80, "judge-shapes")):
        here("train", name, "--data", f"shapes@{side}", "--steps", steps, "--out", tmp_path / out, "--quiet", *tiny(name))
        here("export", tmp_path / out, "--name", out)
    own, other = (
        json.loads(here("eval", "gan", *which, "--n", 20, "--json").stdout) for which in ((), ("--data", "shapes@16"))
    )
    assert [m["name"] for m in own] == [m["name"] for m in other]
    assert own[0]["floor"] != other[0]["floor"], "its test pictures are drawn anew, not shrunk"
