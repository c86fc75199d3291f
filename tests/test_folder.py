"""Anybody's pictures: labels from folders or metadata, splits, sizes, and what is told when they cannot be read."""

from __future__ import annotations

import json

import pytest
import torch
from conftest import here
from PIL import Image
from support.pictures import fill

from ganzoo import data
from ganzoo.images import from_pil
from ganzoo.text import caption


def test_folders_are_labels_and_every_picture_is_in_one_split(tmp_path):
    fill(tmp_path, [f"{c}/{i}.png" for c in ("cat", "dog") for i in range(30)])
    train, test = (data.load(f"folder:{tmp_path}@16", split=s) for s in ("train", "test"))
    assert len(train) + len(test) == 60
    assert 0 < len(test) < 20
    assert {x.numpy().tobytes() for x in train.image}.isdisjoint(x.numpy().tobytes() for x in test.image)
    assert train.classes == ("cat", "dog")
    assert train.image.shape[1:] == (3, 16, 16)


def test_a_class_has_one_number_though_a_split_may_lack_it(tmp_path):
    fill(tmp_path / "train", ["cat/a.png", "dog/b.png"])
    fill(tmp_path / "test", ["dog/c.png", "eel/d.png"])
    train, test = (data.load(f"folder:{tmp_path}@8", split=s) for s in ("train", "test"))
    assert train.classes == test.classes == ("cat", "dog", "eel")
    assert (train.label.tolist(), test.label.tolist()) == ([0, 1], [1, 2])


def test_without_a_folder_for_testing_a_tenth_is_kept_and_never_trained_on(tmp_path):
    fill(tmp_path / "train", [f"{i}.png" for i in range(60)])
    train, test = (data.load(f"folder:{tmp_path}@8", split=s) for s in ("train", "test"))
    assert len(train) + len(test) == 60
    assert 0 < len(test) < 20
    assert {x.numpy().tobytes() for x in train.image}.isdisjoint(x.numpy().tobytes() for x in test.image)


def test_a_folder_for_testing_beside_the_classes_is_not_trained_on(tmp_path):
    fill(tmp_path, ["cat/a.png", "dog/b.png", "test/cat/c.png"])
    train, test = (data.load(f"folder:{tmp_path}@8", split=s) for s in ("train", "test"))
    assert (train.classes, train.label.tolist(), test.label.tolist()) == (("cat", "dog"), [0, 1], [0])


def test_metadata_says_text_and_label(tmp_path):
    fill(tmp_path, [f"{i}.png" for i in range(20)], mode="L")
    lines = [json.dumps({"file_name": f"{i}.png", "text": f"number {i}", "label": i % 2}) for i in range(20)]
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
    train = data.load(f"folder:{tmp_path}@8")
    assert train.image.shape[1:] == (1, 8, 8), "all grey stays grey"
    for image, (text,), label in zip(train.image, train.captions, train.label, strict=True):
        i = int(text.split()[1])
        assert image[0, 4, 4] == i * 9
        assert train.classes[label] == str(i % 2)


def test_a_picture_may_have_several_captions_and_a_batch_says_one_of_them(tmp_path):
    fill(tmp_path / "train", ["a.png", "b.png"])
    lines = [{"file_name": "a.png", "text": ["a red rose", "eine rote Rose"]}, {"file_name": "b.png", "text": "猫"}]
    (tmp_path / "train/metadata.jsonl").write_text("\n".join(json.dumps(x) for x in lines))
    d = data.load(f"folder:{tmp_path}@8")
    assert d.captions == (("a red rose", "eine rote Rose"), ("猫",))
    said = set()
    for seed in range(20):
        rose, cat = caption.read(d.batch(torch.tensor([0, 1]), torch.device("cpu"), seed)["text"])
        assert cat == "猫"
        said.add(rose)
    assert said == {"a red rose", "eine rote Rose"}


def test_split_folders_are_taken_and_transparency_is_white(tmp_path):
    fill(tmp_path / "train", ["a.png"], mode="RGBA")
    fill(tmp_path / "test", ["b.png", "c.png"], mode="RGBA")
    train, test = (data.load(f"folder:{tmp_path}", split=s) for s in ("train", "test"))
    assert (len(train), len(test), train.side) == (1, 2, 64)
    assert (train.image == 255).all()


def test_the_middle_square_is_kept(tmp_path):
    wide = Image.new("RGB", (60, 20), "black")
    wide.paste((255, 0, 0), (20, 0, 40, 20))
    (tmp_path / "train").mkdir()
    wide.save(tmp_path / "train" / "a.png")
    image = data.load(f"folder:{tmp_path}@20").image[0]
    assert (image == from_pil(Image.new("RGB", (20, 20), "red"))).all()


@pytest.mark.parametrize(
    ("files", "name", "said"),
    [
        ({}, "folder:{}/no", "no such folder"),
        ({}, "folder:{}", "no train pictures"),
        ({}, "folder:{}@3", "not a side"),
        ({}, "folder:{}@big", "not a side"),
        ({"train/a.png": "no picture"}, "folder:{}", "a.png: not a picture"),
        ({"metadata.jsonl": "[1]"}, "folder:{}", "line 1: not a JSON object"),
        ({"metadata.jsonl": '{"text": "x"}'}, "folder:{}", "line 1: not a JSON object"),
        ({"metadata.jsonl": '{"file_name": "../../etc/passwd"}'}, "folder:{}", "outside of the folder"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, files, name, said):
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(content)
    with pytest.raises(ValueError, match=said):
        data.load(name.format(tmp_path))


def test_a_model_trains_on_a_folder_and_is_exported_under_a_name(tmp_path, monkeypatch):
    fill(tmp_path / "pictures", [f"{i}.png" for i in range(40)])
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    flags = ["--steps", 3, "--batch", 8, "--width", 4, "--out", tmp_path / "run", "--quiet"]
    here("train", "dcgan", "--data", f"folder:{tmp_path / 'pictures'}@16", *flags)
    assert str(tmp_path) in json.loads((tmp_path / "run/run.json").read_text())["command"]
    assert here("export", tmp_path / "run").stdout.strip().endswith("weights/dcgan-folder-pictures")
    here("export", tmp_path / "run", "--name", "mine")
    here("sample", "mine", "--n", 2, "--out", tmp_path / "x.png")
    for name in ("config.json", "README.md"):  # no folder of this machine
        text = (tmp_path / "weights/mine" / name).read_text()
        assert str(tmp_path) not in text
        assert "train dcgan --data folder:pictures@16" in text
