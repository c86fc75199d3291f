"""Bad input is one clear line and exit 2; good input does what the README says."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy
import pytest
import torch
from conftest import cli, here, tiny, told
from PIL import Image

import ganzoo
from ganzoo import registry
from ganzoo.checkpoint import from_run, halved, homeless, preview
from ganzoo.files import read_tensors
from ganzoo.hub import card
from ganzoo.images import png
from ganzoo.manifest import fit
from ganzoo.spec import knobs
from ganzoo.training import state
from ganzoo.training.engine import drawing, opposing

FIRST = registry.MODELS[0]
NAME = f"{FIRST}-fake"
HALVES = (("whole",), ("half", "--half"))


@pytest.mark.parametrize(
    ("args", "said"),
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
        (["train", "dcgan", "--data", "fake", "--r1", "1", "--r1-every", "0"], "r1_every must be at least 1"),
        (["train", "infogan", "--data", "fake", "--start", "0"], "start are at least 1"),
        (["train", "judge", "--data", "fake", "--dropout", "1"], "dropout: 1.0 is not a share"),
        (["train", FIRST, "--data", "fake", "--steps", "0"], "0 is not above 0"),
        (["train", FIRST, "--data", "fake", "--minutes", "-1"], "-1 is not above 0"),
        (["train", FIRST, "--data", "fake", "--steps", "5", "--minutes", "1"], "not allowed with"),
        (["train", FIRST, "--data", "fake", "--seed", "-1"], "seed"),
        (["train", FIRST, "--data", "fake", "--seed", "3", "--seeds", "0-4"], "not allowed with"),
        (["train", FIRST, "--data", "shapes", "--keep-best"], "no judge for 'shapes'"),
        (["train", "judge", "--data", "fake", "--keep-best"], "a judge draws nothing"),
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
        (["sample", "nowhere"], "no checkpoint 'nowhere'; there are"),
        (["sample", NAME, "--n", "0"], "n: 0"),
        (["sample", NAME, "--n", "1000000"], "n: 1000000"),
        (["sample", NAME, "--seed", "-4"], "seed"),
        (["sample", NAME, "--set", "label"], "INPUT=VALUE"),
        (["sample", NAME, "--set", "nonsense=3"], "nonsense"),
        (["sample", NAME, "--set", "z=[1, 2]"], "z: "),
        (["sample", NAME, "--out", "grid.jpg"], ".png or .npz"),
        (["sample", NAME, "--out", "/proc/grid.png"], "/proc"),
        (["sample", "judge-fake"], "a judge draws no pictures"),
        (["eval", NAME, "--n", "3"], "n: 3"),
        (["eval", "RUN", "--record"], "is a run; `python -m ganzoo export` it first"),
        (["export", "nowhere"], "no run"),
        (["export", "RUN", "--name", "../up"], "name"),
    ],
    ids=lambda x: " ".join(x)[:60] if isinstance(x, list) else "",
)
def test_wrong_arguments_are_one_line_and_exit_2(args, said, weights, runs, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.txt").touch()
    code, line = told(capsys, *[runs[FIRST] if a == "RUN" else a for a in args])
    assert code == 2
    assert said in line
    assert line.startswith("ganzoo: ")
    assert len(line.strip().splitlines()) == 1
    assert not (tmp_path / "runs").exists(), "nothing is half-written"


def test_the_process_exits_with_that_code_and_no_traceback():
    done = cli("sample", "nowhere", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ganzoo: no checkpoint 'nowhere'")


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
    ("spoil", "said"),
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
def test_a_spoilt_checkpoint_is_never_drawn_from(spoil, said, weights, tmp_path, capsys):
    spoil(weights / NAME)
    code, line = told(capsys, "sample", NAME, "--out", tmp_path / "x.png")
    assert code == 2
    assert said in line
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
    said = cli("train", FIRST, "--help", COLUMNS=500).stdout
    assert "knobs of" in said
    for name, f in knobs(registry.spec(FIRST).config).items():
        assert f"--{name.replace('_', '-')} " in said
        assert f"{f.metadata['help']} (default {f.default})" in said


def test_a_light_export_has_no_opponent_and_draws_the_same(runs, tmp_path, monkeypatch):
    import ganzoo
    from ganzoo.registry import MODELS

    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path))
    here("export", runs[MODELS[0]], "--name", "whole")
    whole = ganzoo.load("whole").sample(2)
    here("export", runs[MODELS[0]], "--name", "whole", "--light")
    assert not (tmp_path / "whole" / "discriminator.safetensors").exists()
    light = ganzoo.resolve("whole")
    assert not light.has_opponent
    assert bool((light.load().sample(2) == whole).all())


def test_an_export_without_a_name_does_not_replace_what_learnt_from_other_data(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    for place, count in (("a", 20), ("b", 21)):
        (tmp_path / place / "cats").mkdir(parents=True)
        for i in range(count):
            Image.new("L", (8, 8), 9 * i).save(tmp_path / place / "cats" / f"{i}.png")
        flags = ["--out", tmp_path / f"run-{place}", "--steps", 1, "--quiet", *tiny(FIRST)]
        here("train", FIRST, "--data", f"folder:{tmp_path / place / 'cats'}@8", *flags)
    for _ in range(2):
        here("export", tmp_path / "run-a")
    refused = here("export", tmp_path / "run-b", check=False)
    assert f"{FIRST}-folder-cats: was trained on other data" in refused.stderr
    here("export", tmp_path / "run-b", "--name", f"{FIRST}-folder-cats")


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
    assert homeless(typed) == kept


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
        fit(tensors | {name: tensors[name].double()}, {k: v.float() for k, v in tensors.items()}, "here")


# ---- Going on from what somebody trained ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*registry.MODELS, *registry.TOOLS])
def test_a_training_begins_with_the_networks_of_a_run_or_a_checkpoint(name, runs, weights, tmp_path):
    _, trained, _ = from_run(runs[name])
    wanted, opponents = drawing(trained), opposing(trained)
    fresh = state.Run.create(tmp_path / "fresh", state.Plan(name, "fake", dict(registry.spec(name).tiny)))
    assert any(not torch.equal(v, drawing(fresh.engine.gan)[k]) for k, v in wanted.items())
    config = json.loads((weights / f"{name}-fake/config.json").read_text())
    for start in (str(runs[name]), f"{name}-fake"):
        run = state.Run.create(tmp_path / Path(start).name / "on", state.Plan(name, "fake", {}, start=start))
        for networks in (run.engine.gan, run.engine.average):
            assert all(torch.equal(v, wanted[k]) for k, v in drawing(networks).items())
        assert all(torch.equal(v, opponents[k]) for k, v in opposing(run.engine.gan).items())
        assert run.plan.config == config["config"] | {k: tuple(v) for k, v in config["config"].items() if isinstance(v, list)}
        assert run.plan.started["images"] == config["training"]["images"]
    if opponents:
        (weights / f"{name}-fake/discriminator.safetensors").unlink()
        del config["files"]["discriminator.safetensors"]
        (weights / f"{name}-fake/config.json").write_text(json.dumps(config))
        run = state.Run.create(tmp_path / "light", state.Plan(name, "fake", {}, start=f"{name}-fake"))
        anew = opposing(fresh.engine.gan)
        assert all(torch.equal(v, anew[k]) for k, v in opposing(run.engine.gan).items()), "what was not kept begins anew"


def on(start, out, *flags):
    """A training of the first model that begins with another's networks."""
    here("train", FIRST, "--data", "fake", "--from", start, "--out", out, "--quiet", *flags)


def test_what_was_seen_and_typed_before_is_counted_and_told(runs, weights, tmp_path, caplog):
    on(runs[FIRST], tmp_path / "one", "--steps", 2)
    on(tmp_path / "one", tmp_path / "two", "--steps", 3, "--lr-g", 0)
    assert "lr_g is 0" not in caplog.text
    here("export", tmp_path / "two", "--name", "on")
    config = json.loads((weights / "on/config.json").read_text())
    batch, started = config["config"]["batch"], config["training"]["start"]
    assert (config["training"]["images"], started["images"]) == (3 * batch, (12 + 2) * batch)
    assert config["config"]["lr_g"] == 0
    page = (weights / "on/README.md").read_text()
    typed = [line for line in page.splitlines() if line.startswith("python -m ganzoo train")]
    assert [line.split("--steps ")[1].split()[0] for line in typed] == ["12", "2", "3"]
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
    start = {k: v.clone() for k, v in drawing(run.engine.gan).items() if v.is_floating_point() and "running" not in k}
    for _ in range(3):
        run.engine.advance()

    def moved(networks):
        return sum((drawing(networks)[k] - v).abs().sum() for k, v in start.items())

    assert 0 < moved(run.engine.average) < 0.1 * moved(run.engine.gan)
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
    told = json.loads((weights / "on/config.json").read_text())["training"]["start"]["command"].splitlines()
    assert told[-1] == "python -m ganzoo train y"
    assert told[-2].startswith("python -m ganzoo train x")
    assert sum(map(len, told)) < 5000
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
