"""Bad input is one clear line and exit 2; good input does what the README says."""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch
from conftest import REPO, cli, here, run_cli, tiny
from PIL import Image

import ganzoo
from ganzoo import registry
from ganzoo.checkpoint.manifest import check_fits
from ganzoo.checkpoint.write import halved, preview, redact_paths
from ganzoo.config import knobs
from ganzoo.files import read_tensors
from ganzoo.images import png

FIRST = registry.MODELS[0]
NAME = f"{FIRST}-fake"
HALVES = (("whole",), ("half", "--half"))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "VERB"),
        (["fly"], "fly"),
        (["train"], "MODEL"),
        (["train", "dcgann", "--data", "fake"], "choose from"),
        (["train", FIRST], "--data"),
        (["train", FIRST, "--data", "mnits"], "no data set 'mnits'; there are"),
        (["train", FIRST, "--data", "mnist", "--root", "/nowhere"], "/nowhere/MNIST/raw"),
        (["train", FIRST, "--data", "fake", "--widht", "3"], "--widht"),
        (["train", FIRST, "--data", "fake", "--width", "many"], "--width"),
        (["train", FIRST, "--data", "fake", "--width", "0"], "width"),
        (["train", FIRST, "--data", "fake", "--loss", "mse"], "--loss"),
        (
            ["train", "dcgan", "--data", "fake", "--r1", "1", "--r1-every", "0"],
            "r1_every: 0 is not a whole number",
        ),
        (["train", "infogan", "--data", "fake", "--start", "0"], "start: 0"),
        (["train", "judge", "--data", "fake", "--dropout", "1"], "dropout: 1.0"),
        (["train", FIRST, "--data", "fake", "--steps", "0"], "0 is not above 0"),
        (["train", FIRST, "--data", "fake", "--minutes", "-1"], "-1 is not above 0"),
        (["train", FIRST, "--data", "fake", "--steps", "5", "--minutes", "1"], "not allowed with"),
        (["train", FIRST, "--data", "fake", "--seed", "-1"], "seed"),
        (["train", FIRST, "--data", "fake", "--seed", "3", "--seeds", "0-4"], "not allowed with"),
        (["train", FIRST, "--data", "shapes", "--keep-best"], "no judge for 'shapes'"),
        (["train", "judge", "--data", "fake", "--keep-best"], "a judge draws nothing"),
        (["train", "vanilla", "--data", "ring8", "--recipe", "ring", "--keep-best"], "ring8: points have no Fréchet distance"),
        (["train", "dcgan", "--data", "ring8"], "ring8: points of the plane, which dcgan cannot learn"),
        (["train", "progan", "--data", "grid25"], "grid25: points of the plane, which progan cannot learn"),
        (["bench", FIRST, "--images", "5"], "--images has no meaning without --parity"),
        (["bench", FIRST, "--parity", "fake", "--seconds", "1"], "--seconds has no meaning with --parity"),
        (["train", FIRST, "--data", "fake", "--device", "tpu9"], "device"),
        (["train", FIRST, "--data", "fake", "--precision", "fp8"], "precision"),
        (["train", FIRST, "--data", "fake", "--steps", "2", "--out", "/proc/run"], "/proc/run"),
        (["train", FIRST, "--data", "fake", "--steps", "2", "--out", "notes.txt"], "already there"),
        (["train", FIRST, "--data", "fake", "--steps", "2", "--out", "full"], "already there"),
        (["train", FIRST, "--data", "fake", "--from", "nowhere"], "no checkpoint 'nowhere'; there are"),
        (["train", FIRST, "--data", "fake", "--from", "dcgan-fake"], "dcgan-fake is a dcgan, not a"),
        (["train", FIRST, "--data", "fake", "--from", "RUN", "--width", "9"], "has other networks"),
        (["train", FIRST, "--data", "shapes@32", "--from", NAME], "take data of as many pixels"),
        (["train", "stackgan", "--data", "fake", "--from", "stackgan-fake", "--encoder", "nowhere"], "no checkpoint 'nowhere'"),
        (["eval", NAME, "--data", "shapes"], "has other classes"),
        (["eval", NAME, "--data", "fake", "--record"], "leave out --data"),
        (["resume", "nowhere"], "no run"),
        (["resume", "RUN", "--steps", "3"], "has played 12 steps already; give more than that"),
        (["resume", "RUN", "--images", "9"], "pictures already; give more than that"),
        (["sample", "nowhere"], "no checkpoint 'nowhere'; there are"),
        (["sample", NAME, "--n", "0"], "n: 0"),
        (["sample", NAME, "--n", "1000000"], "n: 1000000"),
        (["sample", NAME, "--seed", "-4"], "seed"),
        (["sample", NAME, "--set", "label"], "INPUT=VALUE"),
        (["sample", NAME, "--set", "nonsense=3"], "nonsense"),
        (["sample", NAME, "--set", "z=[1, 2]"], "z: "),
        (["sample", NAME, "--out", "grid.jpg"], ".png or .npz"),
        (["sample", NAME, "--out", "/proc/grid.png"], "No such file or directory: '/proc/grid.png'"),
        (["sample", NAME, "--out", ""], "out: '' is no name of a file or a folder"),
        (["train", FIRST, "--data", "folder:", "--steps", "2", "--out", "x"], "no such folder; give folder:DIR"),
        (["train", FIRST, "--data", "folder:@8", "--steps", "2", "--out", "x"], "no such folder; give folder:DIR"),
        (["push", NAME, "--repo", "ada/x", "--license", "all mine", "--dry-run"], "license: 'all mine' is not a name"),
        (["push", NAME, "--repo", "ada/x", "--source", "my fork", "--dry-run"], "source: 'my fork' is not an address"),
        (["deploy", "--space", "ada/x", "--title", "two\nlines", "--dry-run"], "title: 'two\\nlines' is not one line"),
        (["sample", "judge-fake"], "a judge draws no pictures"),
        (["eval", NAME, "--n", "3"], "n: 3"),
        (["eval", "RUN", "--record"], "is a run; `python -m ganzoo export` it first"),
        (["export", "nowhere"], "no run"),
        (["check", "acgan"], "ganzoo/registry.py has no 'acgan'"),
        (["list", "--all"], "--all has no meaning without --markdown"),
        (["export", "RUN", "--name", "../up"], "name"),
        (["export", "RUN", "--name", "hub.json"], "name: hub.json is the file that pins"),
    ],
    ids=lambda x: " ".join(x)[:60] if isinstance(x, list) else "",
)
def test_wrong_arguments_are_one_line_and_exit_2(args, message, weights, runs, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.txt").touch()
    code, line = run_cli(capsys, *[runs[FIRST] if a == "RUN" else a for a in args])
    assert code == 2
    assert message in line
    assert line.startswith("ganzoo: ")
    assert len(line.strip().splitlines()) == 1
    assert not (tmp_path / "runs").exists(), "nothing is half-written"


def test_the_process_exits_with_that_code_and_no_traceback():
    done = cli("sample", "nowhere", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ganzoo: no checkpoint 'nowhere'")


def test_a_reader_who_has_seen_enough_is_no_error():
    ganzoo_list = [sys.executable, "-m", "ganzoo", "list", "--json"]
    with subprocess.Popen(ganzoo_list, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPO) as process:
        process.stdout.close()
        assert (process.wait(120), process.stderr.read()) == (0, "")


def spoil_cut(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def spoil_byte(folder):
    path = folder / "model.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


def spoil_other(folder):
    from ganzoo.files import sha256

    shutil.copy(folder.parent / f"{registry.MODELS[-1]}-fake" / "model.safetensors", folder)
    config = json.loads((folder / "config.json").read_text())
    config["files"]["model.safetensors"] = sha256(folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))


def spoil_config(change):
    def spoil(folder):
        config = json.loads((folder / "config.json").read_text())
        change(config)
        (folder / "config.json").write_text(json.dumps(config))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_cut, "altered or cut short"),
        (spoil_byte, "altered or cut short"),
        (spoil_other, "does not fit the model"),
        (lambda f: (f / "model.safetensors").unlink(), "model.safetensors: missing"),
        (lambda f: (f / "discriminator.safetensors").unlink(), "discriminator.safetensors: missing"),
        (lambda f: (f / "config.json").write_text("{"), "config.json: cannot be read"),
        (lambda f: (f / "config.json").write_text("[]"), "not a JSON object"),
        (spoil_config(lambda c: c.update(format=9)), "format 9"),
        (spoil_config(lambda c: c.pop("model")), "lacks model"),
        (spoil_config(lambda c: c["config"].update(depth=9.5)), "depth"),
        (spoil_config(lambda c: c["config"].update(wings=2)), "no knob wings"),
    ],
)
def test_a_spoilt_checkpoint_is_never_drawn_from(spoil, message, weights, tmp_path, capsys):
    spoil(weights / NAME)
    code, line = run_cli(capsys, "sample", NAME, "--out", tmp_path / "x.png")
    assert code == 2
    assert message in line
    assert len(line.strip().splitlines()) == 1
    assert not (tmp_path / "x.png").exists()


def test_list_is_json_that_scripts_can_read(weights):
    found = json.loads(here("list", "--json").stdout)
    assert [m["name"] for m in found["models"]] == list(registry.MODELS)
    assert {"mnist", "fashion", "shapes", "fake"} <= set(found["data"])
    assert {c["name"] for c in found["checkpoints"]} == {p.name for p in weights.iterdir()}


def test_sample_writes_a_grid_and_arrays_of_the_same_pictures(weights, tmp_path):
    here("sample", NAME, "--n", 9, "--seed", 4, "--out", tmp_path / "a.npz")
    here("sample", NAME, "--n", 9, "--seed", 4, "--out", tmp_path / "a.png")
    arrays = numpy.load(tmp_path / "a.npz")
    assert arrays["images"].dtype == numpy.uint8
    assert arrays["images"].shape == (9, 16, 16, 3)
    assert arrays["z"].shape[0] == 9
    with Image.open(tmp_path / "a.png") as picture:
        pixels = numpy.array(picture)
    assert (pixels[: 16 * 3 : 3, : 16 * 3 : 3] == arrays["images"][0]).all()


def test_export_overwrites_its_own_but_nothing_else(weights, runs):
    config = weights / NAME / "config.json"
    planted = {"name": "x", "value": 1, "n": 2, "draws": 1, "spread": 0, "better": "lower", "floor": None, "said": ""}
    config.write_text(json.dumps(json.loads(config.read_text()) | {"metrics": [planted]}))
    here("export", runs[FIRST])
    assert json.loads(config.read_text())["metrics"][0]["n"] == 2, "measures of the very same weights are kept"
    (weights / "mine").mkdir()
    (weights / "mine" / "diary.txt").write_text("dear")
    done = here("export", runs[FIRST], "--name", "mine", check=False)
    assert done.returncode == 2
    assert (weights / "mine" / "diary.txt").read_text() == "dear"


def test_help_of_a_model_shows_its_knobs_with_defaults():
    help = cli("train", FIRST, "--help", COLUMNS=500).stdout
    assert "knobs of" in help
    for name, f in knobs(registry.spec(FIRST).config).items():
        assert f"--{name.replace('_', '-')} " in help
        assert f"{f.metadata['help']} (default {f.default}" in help
    assert "Adam beta1 (default 0.5, at least 0 and below 1)" in help


def test_a_light_export_has_no_opponent_and_draws_the_same(runs, tmp_path, monkeypatch):
    import ganzoo
    from ganzoo.registry import MODELS

    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path))
    here("export", runs[MODELS[0]], "--name", "whole")
    whole = ganzoo.load("whole").sample(2)
    here("export", runs[MODELS[0]], "--name", "whole", "--light")
    assert not (tmp_path / "whole" / "discriminator.safetensors").exists()
    light = ganzoo.resolve("whole")
    assert not light.has_discriminator
    assert bool((light.load().sample(2) == whole).all())


def test_an_export_replaces_other_networks_only_if_asked_to(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    for folder, count in (("a", 20), ("b", 21)):
        (tmp_path / folder / "cats").mkdir(parents=True)
        for i in range(count):
            Image.new("L", (8, 8), 9 * i).save(tmp_path / folder / "cats" / f"{i}.png")
        flags = ["--out", tmp_path / f"run-{folder}", "--steps", 1, "--quiet", *tiny(FIRST)]
        here("train", FIRST, "--data", f"folder:{tmp_path / folder / 'cats'}@8", *flags)
    for _ in range(2):
        here("export", tmp_path / "run-a")
    for flags in ((), ("--name", f"{FIRST}-folder-cats")):
        refused = here("export", tmp_path / "run-b", *flags, check=False)
        assert f"{FIRST}-folder-cats: holds a checkpoint of 8 pictures of cats, with 0 measures" in refused.stderr
        assert "--replace" in refused.stderr
    here("export", tmp_path / "run-b", "--replace")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("train m --data 'folder:/home/a b/My cats@64'", "train m --data 'folder:My cats@64'"),
        ("train m --data folder:/home/a/pics/ --out /home/a/x/ --quiet", "train m --data folder:pics --out x --quiet"),
        ("train m --first=/home/a/runs/one --root /data", "train m --first=one --root data"),
        ("train m --data emoji@256 --out runs/x", "train m --data emoji@256 --out runs/x"),
    ],
)
def test_a_command_is_kept_without_the_folders_of_a_machine(typed, kept):
    assert redact_paths(typed) == kept


def test_half_precision_is_half_as_large_and_stays_so(runs, tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path))
    made = {name: Path(here("export", runs[FIRST], "--name", name, *flags).stdout.strip()) for name, *flags in HALVES}
    size = {name: (folder / "model.safetensors").stat().st_size for name, folder in made.items()}
    assert 0.45 < size["half"] / size["whole"] < 0.75, "vectors stay as they are"
    pictures = {name: ganzoo.load(name).sample(4) for name in made}
    assert 0 < (pictures["half"] - pictures["whole"]).abs().max() < 0.02
    ganzoo.load("half").save_pretrained(tmp_path / "again")
    assert ganzoo.resolve("again").config == ganzoo.resolve("half").config
    with Image.open(made["half"] / "preview.png") as kept:
        assert (
            abs(numpy.array(kept).astype(int) - numpy.array(Image.open(io.BytesIO(png(preview(ganzoo.load("half"))))))).max()
            == 0
        )
    changed = ganzoo.load("half")
    for p in changed.parameters():
        p.mul_(1.0001)
    changed.save_pretrained(tmp_path / "changed")
    assert torch.equal(ganzoo.load("changed").sample(4), changed.sample(4)), "what was changed is kept to the last bit"
    tensors, _ = read_tensors(made["half"] / "model.safetensors")
    name = next(k for k, v in tensors.items() if v.dtype == torch.float16)
    with pytest.raises(ValueError, match=f"{name}: has numbers that half precision cannot hold"):
        halved({name: torch.full((2, 2), 1e6)})
    with pytest.raises(ValueError, match=r"does not fit the model"):
        check_fits(tensors | {name: tensors[name].double()}, {k: v.float() for k, v in tensors.items()}, "here")


def test_check_needs_what_tests_need(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    code, line = run_cli(capsys, "check", FIRST)
    assert code == 2
    assert "pytest, ruff, mypy is not installed; it needs a checkout" in line
    assert len(line.splitlines()) == 1
