"""A folder with everything in it that people bring, from `train` to `push`, and one with hardly anything in it."""

from __future__ import annotations

import csv
import json

import numpy
import pytest
from conftest import here
from PIL import Image

from ganzoo import data
from ganzoo.data import folder as folders

CLASSES = [str(k) for k in range(1, 11)]


@pytest.fixture
def worst(tmp_path, monkeypatch, nothing_logged_before):
    """Ten classes, of six pictures each, of other modes and formats; hidden files, links, captions, damage."""
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    root = tmp_path / "worst@home"
    dice = numpy.random.default_rng(0)
    rows = []
    for name in CLASSES:
        folder = tmp_path / "elsewhere" / name if name == "7" else root / name
        folder.mkdir(parents=True)
        grey = dice.integers(0, 65536, (6, 20, 14)).astype(numpy.uint16)
        Image.fromarray(grey[0]).save(folder / "a.png")  # I;16
        Image.fromarray(grey[1].astype(numpy.int32)).save(folder / "b.tif")  # I
        Image.fromarray((grey[2] / 65535).astype(numpy.float32)).save(folder / "c.tiff")  # F
        colour = Image.fromarray(dice.integers(0, 256, (20, 14, 3)).astype(numpy.uint8))
        colour.convert("CMYK").save(folder / "d.JPG")
        colour.convert("RGBA").save(folder / "e.webp")
        colour.quantize(16).save(folder / "f.gif")
        rows += [
            {"file_name": f"{name}/{f}", "text": f"{f[0]} of {name}"} for f in ("a.png", "b.tif", "c.tiff", "d.JPG", "e.webp")
        ]
        (folder / ".thumbnails").mkdir()
        colour.save(folder / ".thumbnails/a.png")
        (folder / "._a.png").write_bytes(b"\0\5\x16\7")
        (folder / "notes.txt").write_text("of one's own")
    (root / "7").symlink_to(tmp_path / "elsewhere/7")
    (root / "1/again").symlink_to(root)
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX/x.png").write_bytes(b"x")
    (root / "3/a.png").write_bytes((root / "3/a.png").read_bytes()[:-200])
    with (root / "metadata.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, ["file_name", "text"])
        table.writeheader()
        table.writerows([*rows, *({"file_name": f"{name}/f.gif", "text": ""} for name in ("1", "2"))])
    return root


def test_the_worst_folder_goes_all_the_way(worst, tmp_path, caplog):
    name, run = f"folder:{worst}@16", tmp_path / "run"
    flags = ["--batch", 8, "--width", 4, "--quiet"]
    refused = here("train", "cgan", "--data", name, "--out", run, *flags, check=False)
    assert refused.returncode == 2
    assert f"{worst / '3/a.png'}: not a picture that can be read (" in refused.stderr
    caplog.clear()
    folders._logged.clear()

    here("train", "cgan", "--data", name, "--skip-bad", "--steps", 3, "--out", run, *flags)
    title = "worst@home"
    assert [r.message for r in caplog.records] == [
        f"{title}: passed over: 10 of kind .txt, 8 not in the metadata, 2 without a caption",
        f"{title}: skipped 1 of 50 pictures, which cannot be read: 3/a.png",
    ]
    plan = json.loads((run / "run.json").read_text())
    assert plan["data"] == f"folder:{worst},skip-bad@16"
    assert plan["config"]["classes"] == sorted(CLASSES)
    assert (plan["fingerprint"]["pictures"], plan["config"]["channels"]) == (49, 3)
    here("resume", run, "--steps", 5, "--quiet")
    assert here("export", run).stdout.strip().endswith("weights/cgan-folder-worst-home")
    for label in CLASSES:
        here("sample", run, "--n", 2, "--set", f"label={label}", "--out", tmp_path / "x.npz")
        assert numpy.load(tmp_path / "x.npz")["label"].tolist() == [sorted(CLASSES).index(label)] * 2

    here("train", "judge", "--data", plan["data"], "--steps", 3, "--out", tmp_path / "judge", *flags)
    assert here("export", tmp_path / "judge").stdout.strip().endswith("weights/judge-folder-worst-home")
    said = here("eval", "cgan-folder-worst-home", "--data", plan["data"], "--n", 20, "--json")
    measures = {m["name"]: m for m in json.loads(said.stdout)}
    assert {"Fréchet distance", "lost classes", "copies"} <= measures.keys()
    done = here("push", "cgan-folder-worst-home", "--repo", "me/worst", "--dry-run")
    assert "nothing was uploaded" in done.stdout
    assert str(tmp_path) not in done.stdout


@pytest.mark.parametrize("n", [2, 3, 8, 16])
def test_a_handful_of_pictures_is_measured_or_refused_in_a_line(n, tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    for i in range(n):
        path = tmp_path / "few" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 9 * i).save(path)
    name = f"folder:{tmp_path / 'few'}@8"
    for model in ("judge", "dcgan"):
        flags = ["--batch", 4, "--width", 4, "--quiet", "--steps", 2, "--out", tmp_path / model]
        here("train", model, "--data", name, *flags)
        here("export", tmp_path / model)
    done = here("eval", "dcgan-folder-few", "--data", name, "--n", 10, "--json", check=False)
    if n < 3:
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
        assert "no test pictures in it" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert len(data.load(name, split="test")) >= 1
