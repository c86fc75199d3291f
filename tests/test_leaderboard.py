"""The table of scores: no trial is left out, failures count, ties are ties; and its tab, in a real Chromium."""

from __future__ import annotations

import json
import shutil

import msgspec
import pytest
from conftest import here, run_cli, tiny

from ganzoo import registry
from ganzoo.hub.resolve import bundled
from ganzoo.training import leaderboard
from ganzoo.training.leaderboard import Row, Trial, are_tied, as_markdown, interval

FIRST = registry.MODELS[0]


def row(name, *values, failure=""):
    trials = [Trial(seed=s, command="", scores={"frechet": v}, images=64, failure=failure) for s, v in enumerate(values)]
    return Row(name=name, model=FIRST, data="fake", device="", n=10, trials=trials)


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """Runs of two seeds, of which one stopped early, and a third that never began."""
    out = tmp_path_factory.mktemp("several") / "tiny"
    here("train", FIRST, "--data", "fake", "--steps", 6, "--seeds", "3-4", "--out", out, "--quiet", *tiny(FIRST))
    plan = json.loads((out / "seed-4" / "run.json").read_text())
    (out / "seed-4" / "run.json").write_text(json.dumps(plan | {"steps": 9}))
    (out / "seed-5").mkdir()
    (out / "seed-5" / "run.json").write_text(json.dumps(plan | {"seed": 5}))
    return out


@pytest.fixture
def weights(checkpoints, tmp_path, monkeypatch):
    """A weights folder with a judge alone."""
    shutil.copytree(checkpoints["judge"], tmp_path / "weights" / "judge-fake")
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    return tmp_path / "weights"


def test_every_seed_is_in_the_table_and_what_did_not_come_to_its_end_has_failed(several, weights):
    found = json.loads(here("leaderboard", several, "--n", 20, "--json").stdout)
    tiny_row = next(r for r in found if r["name"] == "tiny")
    trials = {t["seed"]: t for t in tiny_row["trials"]}
    assert list(trials) == [3, 4, 5]
    assert trials[4]["failure"] == "stopped at step 6 of 9"
    assert trials[5]["failure"] == "stopped at step 0 of 6"
    assert trials[5]["scores"] == {}
    assert set(trials[3]["scores"]) == set(leaderboard.SHOWN)
    assert "--seed 3" in trials[3]["command"]
    assert trials[3]["command"].startswith(f"python -m ganzoo train {FIRST} --data fake")
    assert str(several.parent) not in json.dumps(found), "no folder of this machine"
    assert tiny_row["failures"] >= 2
    assert len(json.loads((several / "seeds.json").read_text())) == 2


def test_what_is_recorded_is_there_when_the_runs_are_gone(several, weights, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    moved = shutil.copytree(several, tmp_path / "moved")
    here("leaderboard", moved, "--n", 20, "--record")
    shutil.rmtree(moved)
    said = here("leaderboard").stdout
    assert "| `moved` |" in said
    assert "stopped at step 6 of 9" in said
    (weights / leaderboard.BOARD).write_text('{"rows": [{"name": 3}], "format": 1}')
    with pytest.raises(ValueError, match=r"leaderboard\.json: not a leaderboard .*name"):
        leaderboard.kept()


def test_seeds_of_a_checkpoint_are_its_trials():
    several = [c for c in bundled() if c.manifest.seeds and c.manifest.draws]
    assert several
    for c in several:
        found = leaderboard.of_checkpoint(c)
        assert [t.seed for t in found.trials] == c.manifest.seeds.of
        of_chosen = next(t for t in found.trials if t.seed == c.manifest.training.seed)
        assert of_chosen.scores["frechet"] == pytest.approx(c.manifest.measure("frechet").value, rel=0.05)
        assert found.command


def test_equal_rows_are_a_tie_and_clearly_other_ones_are_not():
    a, b = row("a", 1.0, 1.2, 0.9, 1.1, 1.0), row("b", 1.05, 0.95, 1.15, 1.0, 1.1)
    far, single = row("far", 3.0, 3.3, 2.9, 3.1, 3.2), row("single", 1.0)
    assert are_tied(a, b)
    assert are_tied(a, far) is False
    assert are_tied(a, single) is None
    low, high = interval(a.values())
    assert low < a.mean() < high
    assert low >= 0.9
    assert high <= 1.2
    table = as_markdown([a, b, far, single]).splitlines()
    assert [line.split("|")[-2].strip() for line in table[4:8]] == ["`b`", "`a`", "none of 2 compared", "not compared"]


def test_a_failed_trial_is_named_and_counts_in_the_mean():
    mixed = row("mixed", 1.0)
    lost = Trial(seed=1, command="", scores={"frechet": 9.0, "lost_classes": 3}, images=64, failure="lost 3 classes")
    both = Row(name="both", model=FIRST, data="fake", device="", n=10, trials=[*mixed.trials, lost])
    assert both.mean() == 5
    assert "- `both`: seed 1 lost 3 classes" in as_markdown([both])


def test_a_difference_that_was_not_tested_is_not_called_one():
    few = msgspec.structs.replace(row("few", 1.0, 1.1), n=5)
    assert are_tied(few, row("a", 1.0, 1.1)) is None, "measured on fewer pictures"
    single, several = row("single", 1.0), row("several", 1.0, 1.1)
    table = as_markdown([single, several]).splitlines()
    assert [line.split("|")[-2].strip() for line in table[4:6]] == ["not compared", "not compared"]
    assert table[4].split("|")[-3].strip() == "10", "pictures that it was measured on"
    assert "```" not in as_markdown([single]), "no command, no block"


def test_trainings_of_one_name_have_a_row_each(tmp_path, monkeypatch):
    """Also one that a checkpoint shares its name with, and none that was recorded before."""
    assert leaderboard.names([tmp_path / "A/try", tmp_path / "B/try", tmp_path / "B/more"]) == ["A/try", "B/try", "more"]
    assert leaderboard.names([tmp_path / "A", tmp_path / "A"]) == ["A", "A"], "no path of this machine"
    run, shipped = row("same", 2.0), row("same", 1.0)
    assert [r.name for r in leaderboard.merged([run], [run])] == ["same"], "exported: one training"
    longer = msgspec.structs.replace(shipped, trials=[msgspec.structs.replace(shipped.trials[0], images=128)])
    assert [(r.name, r.mean()) for r in leaderboard.merged([run], [longer])] == [("same", 1.0), ("same (run)", 2.0)]
    three = leaderboard.merged([run], [longer], [row("same", 3.0, 3.0)])
    assert sorted(r.name for r in three) == ["same", "same (run 2)", "same (run)"], "none is dropped"
    leaderboard.record([run], tmp_path)
    leaderboard.record([longer], tmp_path)
    assert [(r.name, r.mean()) for r in leaderboard.kept(tmp_path)] == [("same", 1.0)], "in the place of the former"


def test_the_command_of_a_run_that_went_on_makes_all_of_it(weights, tmp_path):
    out = tmp_path / "on"
    here("train", FIRST, "--data", "fake", "--steps", 3, "--out", out, "--quiet", *tiny(FIRST))
    here("resume", out, "--steps", 5, "--quiet")
    (found,) = (r for r in json.loads(here("leaderboard", out, "--n", 20, "--json").stdout) if r["name"] == "on")
    images = found["trials"][0]["images"]
    assert f"--images {images}" in found["command"]
    assert "--steps" not in found["command"]
    assert f"--images {images}" in found["trials"][0]["command"]


def test_points_have_no_place_in_the_table_and_it_says_where(capsys, tmp_path, weights):
    out = tmp_path / "points"
    here("train", "vanilla", "--data", "ring8", "--recipe", "ring", "--steps", 3, "--seeds", "0-1", "--out", out, "--quiet")
    code, said = run_cli(capsys, "leaderboard", out)
    assert (code, said.count("\n")) == (2, 1)
    assert "points have no Fréchet distance; `python -m ganzoo eval RUN` counts the modes" in said
    assert run_cli(capsys, "eval", out)[0] == 0
    assert run_cli(capsys, "export", out, "--name", "points")[0] == 0, "the best by what there is"
    assert json.loads((weights / "points" / "config.json").read_text())["seeds"]["by"] == "modes"


def test_what_draws_nothing_and_what_is_not_there_is_one_line(capsys, runs, tmp_path):
    code, said = run_cli(capsys, "leaderboard", runs["judge"], "--n", 10)
    assert (code, said.count("\n")) == (2, 1)
    assert "draws" in said
    code, said = run_cli(capsys, "leaderboard", tmp_path / "nowhere")
    assert (code, "no run" in said) == (2, True)


def test_the_tab_has_a_dot_a_seed_a_table_and_the_commands(visit):
    page = visit("?v=2&tab=scores")
    dots = page.locator("#scores-plot .mark-symbol path[aria-label]")
    dots.first.wait_for()
    wanted = leaderboard.by_data(leaderboard.merged(leaderboard.kept(), shipped()))
    first = page.locator("#scores-data input:checked").get_attribute("value")
    assert dots.count() == sum(len(r.values()) for r in wanted[first])
    assert page.locator("#scores-table tbody tr").count() == len(wanted[first])
    second = page.locator("#scores-data input").nth(1)
    second.check()
    name = wanted[second.get_attribute("value")][0].name
    page.locator("#scores-table").get_by_text(name, exact=True).first.wait_for()
    page.get_by_text("The command of every dot").click()
    assert "python -m ganzoo train" in page.locator("#scores-commands").inner_text()


def shipped():
    return [r for c in bundled() if (r := leaderboard.of_checkpoint(c))]
