"""A recipe of several steps is trained by one command, goes on where it stopped, and is used as one run."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import signal

import pytest
import torch
from conftest import here, run_cli, tiny

import ganzoo
from ganzoo import registry
from ganzoo.cli import train as verb
from ganzoo.files import read_json, read_tensors
from ganzoo.spec import Step
from ganzoo.training import loop
from ganzoo.training.engine import Engine
from ganzoo.training.recipe import RecipeRun

FIRST = registry.MODELS[0]
TINY = dict(registry.spec(FIRST).tiny)
BATCH = TINY["batch"]
TOY = {
    "three": (
        Step(TINY | {"lr_g": 1e-3}, images=5 * BATCH, data="fake"),
        Step({"lr_g": 2e-3}, images=6 * BATCH, data="fake"),
        Step({"lr_d": 0.0}, images=4 * BATCH, data="fake"),
    ),
    "open": (Step(TINY), Step({"lr_g": 2e-3}, images=2 * BATCH)),
    "one": (Step(TINY, images=3 * BATCH, data="fake"),),
    "plain": (Step(TINY),),
}
STEPS = ("1-fake", "2-fake", "3-fake")


def put_recipes(monkeypatch, name, recipes):
    module = importlib.import_module(f"ganzoo.models.{name}")
    monkeypatch.setattr(module, "SPEC", dataclasses.replace(module.SPEC, recipes=recipes))


@pytest.fixture(autouse=True)
def toy(monkeypatch, tmp_path):
    put_recipes(monkeypatch, FIRST, TOY)
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))


def play(out, recipe="three", *flags, check=True):
    return here("train", FIRST, "--recipe", recipe, "--out", out, "--quiet", *flags, check=check)


def states(run):
    return [read_tensors(run / step / "state.safetensors") for step in STEPS]


def same(one, two):
    return all(
        a[1]["step"] == b[1]["step"] and a[0].keys() == b[0].keys() and all(torch.equal(a[0][k], b[0][k]) for k in a[0])
        for a, b in zip(one, two, strict=True)
    )


def test_all_steps_are_one_command_and_one_checkpoint(tmp_path):
    out = play(tmp_path / "run").stdout
    assert [line.split(":")[0].split("/")[-1] for line in out.splitlines()] == list(STEPS)
    plans = [read_json(tmp_path / "run" / step / "run.json") for step in STEPS]
    assert {plan["command"] for plan in plans} == {
        f"python -m ganzoo train {FIRST} --recipe three --out {tmp_path}/run --quiet"
    }
    assert [(plan["config"]["lr_g"], plan["config"]["lr_d"]) for plan in plans] == [(1e-3, 2e-4), (2e-3, 2e-4), (2e-3, 0)]
    assert [plan["started"].get("images", 0) // BATCH for plan in plans] == [0, 5, 11]
    begun = read_tensors(tmp_path / "run/3-fake/state.safetensors")[0], states(tmp_path / "run")[1][0]
    assert all(torch.equal(begun[0][k], begun[1][k]) for k in begun[0] if k.startswith("gan.D.")), "D has rested since step 2"
    here("export", tmp_path / "run")
    c = ganzoo.resolve(f"{FIRST}-fake")
    assert c.config["training"]["recipe"] == "three"
    page = (c.folder / "README.md").read_text()
    assert page.count("python -m ganzoo train") == 1
    assert f"had seen {11 * BATCH} pictures (earlier steps of the same command)" in page
    here("sample", tmp_path / "run", "--n", 4, "--out", tmp_path / "a.png")
    here("sample", f"{FIRST}-fake", "--n", 4, "--out", tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def stop_between(monkeypatch):
    """As if the process were killed when the first step is finished."""
    whole = verb.train_to_the_end

    def train_to_the_end(run, args):
        whole(run, args)
        raise KeyboardInterrupt

    monkeypatch.setattr(verb, "train_to_the_end", train_to_the_end)


def stop_before_a_save(monkeypatch):
    """As if it were killed when the second step has a plan, but no state."""
    whole = loop.train

    def train(run, *args):
        if run.folder.name == STEPS[1]:
            raise KeyboardInterrupt
        whole(run, *args)

    monkeypatch.setattr(loop, "train", train)


def stop_within(monkeypatch):
    """Ctrl-C in the second step."""
    whole, moves = Engine.advance, []

    def advance(engine):
        whole(engine)
        moves.append(engine)
        if len(moves) == 8:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Engine, "advance", advance)


@pytest.mark.parametrize("stop", [stop_between, stop_before_a_save, stop_within])
@pytest.mark.parametrize("resumed", ["", STEPS[0]], ids=["the recipe", "one of its steps"])
def test_a_stopped_recipe_goes_on_bit_for_bit(stop, resumed, tmp_path):
    play(tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch:
        stop(patch)
        stopped = play(tmp_path / "stopped", check=False)
    assert stopped.returncode == 130
    assert (tmp_path / "stopped/2-fake/state.safetensors").exists() == (stop is stop_within)
    here("resume", tmp_path / "stopped" / resumed, "--quiet")
    assert same(states(tmp_path / "whole"), states(tmp_path / "stopped"))
    plans = [read_json(tmp_path / "stopped" / step / "run.json") for step in STEPS]
    assert len({plan["command"] for plan in plans}) == 1, "a resume is not another command"
    assert here("resume", tmp_path / "stopped").stdout == "", "nothing is left to do"


def test_an_unfinished_step_is_reported(tmp_path, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        stop_within(patch)
        play(tmp_path / "run", check=False)
    done = here("export", tmp_path / "run", "--name", "early")
    assert "step 2 of 3 is not finished" in done.stderr
    assert "this is step 1" in done.stderr
    assert json.loads((tmp_path / "weights/early/config.json").read_text())["training"]["recipe"] == "three, step 1 of 3"
    with monkeypatch.context() as patch:
        patch.setattr(loop, "train", lambda run, *args: run.save())
        patch.setattr(verb, "train_to_the_end", lambda run, args: (_ for _ in ()).throw(KeyboardInterrupt))
        play(tmp_path / "none", check=False)
    code, line = run_cli(capsys, "sample", tmp_path / "none")
    assert code == 2
    assert "step 1 of 3 is not finished; `python -m ganzoo resume" in line


@pytest.mark.parametrize(
    ("recipe", "flags", "line"),
    [
        ("three", ["--data", "fake"], "--data: the recipe 'three' is of fake; leave --data out"),
        ("three", ["--images", "9"], f"sees {15 * BATCH} pictures in 3 steps; leave --images out"),
        ("three", ["--minutes", "9"], "leave --minutes out"),
        ("three", ["--seeds", "0-1"], "trained with one --seed at a time"),
        ("three", ["--width", "0"], "width: 0"),
        ("open", [], "required: --data"),
        ("open", ["--data", "fake", "--lr-g", "-1"], "lr_g: -1.0"),
        ("plain", [], "required: --data"),
        ("four", ["--data", "fake"], "recipe: 'four' is not one of three, open, one, plain"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else "",
)
def test_flags_that_contradict_a_recipe_are_refused(recipe, flags, line, tmp_path, capsys):
    code, error = run_cli(capsys, "train", FIRST, "--recipe", recipe, "--out", tmp_path / "run", *flags)
    assert code == 2
    assert line in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_second_step_that_could_not_begin_is_noticed_before_the_first(tmp_path, capsys, monkeypatch):
    put_recipes(monkeypatch, FIRST, {"three": (TOY["three"][0], Step({}, images=8, data="mnist"))})
    code, error = run_cli(capsys, "train", FIRST, "--recipe", "three", "--root", "/nowhere", "--out", tmp_path / "run")
    assert (code, "/nowhere/MNIST/raw" in error) == (2, True)
    assert not (tmp_path / "run").exists()


def test_a_recipe_is_for_one_process(tmp_path):
    refused = here("train", FIRST, "--recipe", "three", "--out", tmp_path / "run", check=False, WORLD_SIZE=2)
    assert "is trained by one process" in refused.stderr
    assert not (tmp_path / "run").exists()


def test_a_budget_of_a_recipe_cannot_be_raised(tmp_path, capsys):
    play(tmp_path / "run")
    code, error = run_cli(capsys, "resume", tmp_path / "run", "--images", 1000)
    assert (code, "leave out --steps, --minutes and --images" in error) == (2, True)
    code, error = run_cli(capsys, "train", FIRST, "--recipe", "three", "--out", tmp_path / "run")
    assert (code, "already there" in error) == (2, True)


def test_steps_that_name_no_data_or_budget_take_the_command_lines(tmp_path):
    play(tmp_path / "run", "open", "--data", "fake@12", "--steps", 3, "--lr-d", 1e-3)
    plans = [read_json(tmp_path / "run" / step / "run.json") for step in ("1-fake-12", "2-fake-12")]
    assert [(plan["steps"], plan["images"], plan["config"]["side"]) for plan in plans] == [(3, None, 12), (None, 2 * BATCH, 12)]
    assert [plan["config"]["lr_d"] for plan in plans] == [1e-3, 1e-3]
    assert RecipeRun.open(tmp_path / "run").finished == 2


def test_a_recipe_of_one_step_is_an_ordinary_run(tmp_path):
    play(tmp_path / "one", "one")
    plan = read_json(tmp_path / "one/run.json")
    assert (plan["data"], plan["images"], plan["steps"]) == ("fake", 3 * BATCH, None)
    play(tmp_path / "other", "one", "--data", "fake@12", "--steps", 2)
    plan = read_json(tmp_path / "other/run.json")
    assert (plan["data"], plan["images"], plan["steps"]) == ("fake@12", None, 2)
    play(tmp_path / "plain", "plain", "--data", "fake", "--steps", 2)
    assert (tmp_path / "plain/state.safetensors").exists()


def test_a_step_may_name_the_one_before_in_a_knob(tmp_path, monkeypatch):
    name = "stackgan"
    put_recipes(monkeypatch, name, {"both": (Step({}, 16, "fake"), Step({"stage": 2}, 16, "fake@64", previous="first"))})
    here("train", name, "--recipe", "both", "--out", tmp_path / "run", "--quiet", *tiny(name))
    one, two = (read_tensors(tmp_path / "run" / step / "state.safetensors")[0] for step in ("1-fake", "2-fake-64"))
    assert read_json(tmp_path / "run/2-fake-64/run.json")["config"]["first"] == str(tmp_path / "run/1-fake")
    assert all(
        torch.equal(v, two[k.replace("average.", "average.first.")]) for k, v in one.items() if k.startswith("average.G.")
    )
    refused = here("train", name, "--recipe", "both", "--first", "x", "--out", tmp_path / "no", *tiny(name), check=False)
    assert "--first: the recipe 'both' puts the step before there" in refused.stderr
