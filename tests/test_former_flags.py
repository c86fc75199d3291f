"""Flags of knobs that were renamed or are gone, and commands that only a model's successor can follow."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import importlib.util
import io
import json

import pytest
from conftest import here, run_cli, tiny

from ganzoo import registry
from ganzoo.cli.parser import parse
from ganzoo.config import knobs
from ganzoo.spec import Step

FIRST = registry.MODELS[0]
NAME = f"{FIRST}-fake"


def with_config(monkeypatch, name, recipes=(), gone=None, **former):
    """A model's SPEC with other recipes, knobs that had other names, and knobs that are gone."""
    module = importlib.import_module(f"ganzoo.models.{name}")
    fields = {
        k: (f.type, dataclasses.field(default=f.default, metadata=dict(f.metadata) | {"formerly": former[k]}))
        for k, f in knobs(module.Config).items()
        if k in former
    }
    made = dataclasses.make_dataclass("Config", [(k, *v) for k, v in fields.items()], bases=(module.Config,), frozen=True)
    made.__module__, made.gone = module.__name__, gone or {}
    spec = dataclasses.replace(module.SPEC, config=made, recipes={r: (Step({}),) for r in recipes})
    monkeypatch.setattr(module, "SPEC", spec)


def test_a_former_name_of_a_knob_is_read_and_not_shown(monkeypatch, tmp_path):
    with_config(monkeypatch, FIRST, width="breadth")
    here("train", FIRST, "--data", "fake", "--steps", 1, "--quiet", "--out", tmp_path / "run", *tiny(FIRST), "--breadth", 5)
    assert json.loads((tmp_path / "run/run.json").read_text())["config"]["width"] == 5
    with pytest.raises(SystemExit), contextlib.redirect_stdout(io.StringIO()) as shown:
        parse(["train", FIRST, "--help"])
    assert "--width" in shown.getvalue()
    assert "--breadth" not in shown.getvalue()


def test_a_knob_that_is_gone_may_say_what_is_done_anyway(monkeypatch, tmp_path, capsys):
    with_config(monkeypatch, FIRST, gone={"augment": (0,)})
    flags = ["train", FIRST, "--data", "fake", "--steps", 1, "--quiet", "--out", tmp_path / "run", *tiny(FIRST)]
    code, line = run_cli(capsys, *flags, "--augment", "0.5")
    assert code == 2
    assert line == "ganzoo: augment: 0.5: this knob of older versions is gone, and only 0 can still be read\n"
    assert run_cli(capsys, *flags, "--augment", "0.0")[0] == 0
    assert "augment" not in json.loads((tmp_path / "run/run.json").read_text())["config"]


@pytest.mark.parametrize(
    ("flags", "trained"),
    [
        ([], FIRST),
        ([], "infogan"),  # by its tiny networks' knobs, which only it has
        (["--recipe", "later"], "infogan"),
        (["--from", "infogan-fake"], "infogan"),
        (["--from", f"{FIRST}-fake"], FIRST),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else "",
)
def test_what_only_a_successor_can_do_is_done_by_it(flags, trained, monkeypatch, weights, tmp_path, capsys):
    with_config(monkeypatch, FIRST, recipes=("now",))
    with_config(monkeypatch, "infogan", recipes=("later",))
    monkeypatch.setattr(registry, "SUCCESSORS", {FIRST: ("infogan",)})
    tiny_enough = [] if "--from" in flags else tiny(trained)
    code, line = run_cli(
        capsys, "train", FIRST, "--data", "fake", "--steps", 1, "--quiet", "--out", tmp_path / "run", *tiny_enough, *flags
    )
    assert code == 0, line
    assert json.loads((tmp_path / "run/run.json").read_text())["model"] == trained
    assert (f"{FIRST} no longer does that; {trained} does, and is trained\n" in line) == (trained != FIRST)


def test_what_neither_can_do_is_reported_of_the_model_that_was_named(monkeypatch, capsys):
    monkeypatch.setattr(registry, "SUCCESSORS", {FIRST: ("infogan",)})
    code, line = run_cli(capsys, "train", FIRST, "--data", "fake", "--wings", "2")
    assert code == 2
    assert line.startswith("ganzoo: unrecognized arguments: --wings 2")
