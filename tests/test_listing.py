"""Which pictures a folder is found to hold: hidden files, links, metadata of every kind, folders called train, splits."""

from __future__ import annotations

import json
import os
import zlib

import pytest
import torch
from PIL import Image
from support.pictures import fill, labels_of, write_metadata

from ganzoo import data
from ganzoo.data import folder as folders
from ganzoo.data.listing import FEW, list_folder

pytestmark = pytest.mark.usefixtures("nothing_logged_before")


@pytest.mark.parametrize(
    "hidden",
    [
        ".ipynb_checkpoints/a-checkpoint.png",
        ".thumbnails/a.png",
        "cat/.thumbnails/a.png",
        "cat/._a.png",
        "._a.png",
        "__MACOSX/cat/a.png",
        "__MACOSX/cat/._a.png",
        ".hidden/deep/er/a.png",
        "$RECYCLE.BIN/a.png",
        "cat/@eaDir/a.png/SYNOPHOTO_THUMB_M.png",
        "System Volume Information/a.png",
        "#recycle/a.png",
    ],
)
def test_hidden_files_and_folders_are_no_pictures_and_no_classes(tmp_path, hidden):
    fill(tmp_path, ["cat/a.png", "dog/b.png", hidden])
    assert labels_of(tmp_path) == {"cat/a.png": "cat", "dog/b.png": "dog"}


def test_a_folder_that_is_hidden_itself_is_read(tmp_path):
    fill(tmp_path / ".cache/__pets", ["cat/a.png", "dog/b.png"])
    assert len(labels_of(tmp_path / ".cache/__pets")) == 2


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    fill(tmp_path / "elsewhere", ["a.png", "b.png"])
    fill(tmp_path / "pets", ["dog/c.png"])
    (tmp_path / "pets/cat").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "pets/dog/again").symlink_to(tmp_path / "pets")
    (tmp_path / "elsewhere/self").symlink_to(tmp_path / "elsewhere")
    assert labels_of(tmp_path / "pets") == {"cat/a.png": "cat", "cat/b.png": "cat", "dog/c.png": "dog"}


@pytest.mark.parametrize("split", ["", "train/"])
def test_the_layout_of_the_hubs_cache_is_read(tmp_path, split):
    """snapshots/COMMIT/... are links into blobs/."""
    fill(tmp_path, ["blobs/0a.png", "blobs/0b.png"])
    snapshot = tmp_path / "snapshots/f00d" / split
    snapshot.mkdir(parents=True)
    for blob, name in (("0a", "one.png"), ("0b", "two.png")):
        os.rename(tmp_path / f"blobs/{blob}.png", tmp_path / f"blobs/{blob}")
        (snapshot / name).symlink_to(tmp_path / f"blobs/{blob}")
    (tmp_path / "blobs/meta").write_text(
        '{"file_name": "one.png", "text": "first"}\n{"file_name": "two.png", "text": "second"}'
    )
    (snapshot / "metadata.jsonl").symlink_to(tmp_path / "blobs/meta")
    d = data.load(f"folder:{tmp_path / 'snapshots/f00d'}@8")
    assert d.captions == (("first",), ("second",))


@pytest.mark.parametrize("name", ["../a.png", "/etc/passwd", "x/../../a.png", ".", ""])
def test_metadata_cannot_name_what_is_outside(tmp_path, name):
    (tmp_path / "metadata.jsonl").write_text(json.dumps({"file_name": name}))
    with pytest.raises(ValueError, match=r"metadata\.jsonl, line 1: .*(outside of the folder|not a JSON object with)"):
        list_folder(tmp_path)


def test_a_class_that_is_not_named_in_utf8_has_a_name_that_can_be_written(tmp_path):
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(folder)
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    os.rename(tmp_path / "a.png", folder + b"/a.png")
    d = data.load(f"folder:{tmp_path}@8")
    assert d.classes == ("caf\\xe9",)
    json.dumps([*d.classes, *d.files]).encode()


# ---- Kinds, and what is passed over -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ending",
    ["png", "jpg", "jpeg", "jfif", "jpe", "webp", "bmp", "gif", "tif", "tiff", "avif", "jp2", "j2k", "ppm", "pgm", "tga"],
)
def test_every_kind_that_pillow_reads_is_read(tmp_path, ending):
    fill(tmp_path, [f"train/a.{ending}", f"train/b.{ending.upper()}"], mode="L")
    assert len(data.load(f"folder:{tmp_path}@8")) == 2


def test_what_is_passed_over_is_said_once_with_counts(tmp_path, caplog):
    fill(tmp_path, [*(f"cat/{i}.png" for i in range(9)), *(f"dog/{i}.png" for i in range(9)), "loose.png", "stray.png"])
    for name in ("cat/a.txt", "dog/b.txt", "c.heic", "notes", ".DS_Store", "report.pdf", "labels.csv", "Metadata.JSONL"):
        (tmp_path / name).write_text("x")
    for split in ("train", "test", "train"):
        assert data.load(f"folder:{tmp_path}@8", split=split).classes == ("cat", "dog")
    assert len(caplog.records) == 1
    for count in (
        "2 of kind .txt",
        "1 of kind .csv",
        "1 of kind .jsonl",
        "2 without a label",
        "1 of kind .heic",
        "1 of kind .pdf",
        "1 without an ending",
    ):
        assert count in caplog.text


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a/cat/1.png", "b/cat/2.png", "b/dog/3.png"], "folders of one name are one class: cat (a/cat, b/cat)"),
        (
            ["train/cat/1.png", "test/cat/2.png", "train/dog/3.png", "test/eel/4.png"],
            "1 of 3 classes have no pictures to train on: eel",
        ),
        (["train/cat/1.png", "train/dog/2.png", "test/cat/3.png"], ""),
    ],
)
def test_classes_of_two_folders_and_those_of_none_are_said(tmp_path, names, said, caplog):
    fill(tmp_path, [*names])
    data.load(f"folder:{tmp_path}@8")
    assert [r.message for r in caplog.records] == [f"{tmp_path.name}: {said}"] * bool(said)


def test_a_link_to_nowhere_is_said(tmp_path, caplog):
    fill(tmp_path, ["cat/a.png", "dog/b.png"])
    (tmp_path / "eel").symlink_to(tmp_path / "away")
    assert data.load(f"folder:{tmp_path}@8").classes == ("cat", "dog")
    assert f"{tmp_path.name}: passed over: 1 that are links to nowhere" in caplog.text


@pytest.mark.parametrize(
    ("names", "classes", "splits"),
    [
        (["train/a.png", "bus/b.png", "truck/c.png"], {"train", "bus", "truck"}, {""}),
        (["train/cat/a.png", "train/dog/b.png", "extra/c.png"], {"cat", "dog"}, {""}),
        (["train/a.png", "train/b.png", "extra/c.png", "test/d.png"], {""}, {"train", "test"}),
        (["train/a.png", "val/b.png"], {""}, {"train", "test"}),
        (["training/3/a.png", "training/5/b.png", "testing/3/c.png"], {"3", "5"}, {"train", "test"}),
        (["training/a.png", "race/b.png"], {"training", "race"}, {""}),
        (["Train/a/1.png", "valid/a/2.png", "test/a/3.png"], {"a"}, {"train", "test"}),
        (["val/a.png", "dog/b.png"], {"val", "dog"}, {""}),
        (["train/a.png", "bus/b.png", "val/c.png"], {"train", "bus", "val"}, {""}),
        (["train/train/a.png", "train/bus/b.png", "test/train/c.png", "test/bus/d.png"], {"train", "bus"}, {"train", "test"}),
        (["train/a.png", "bus/b.png", "test/train/c.png", "test/bus/d.png"], {"train", "bus"}, {"train", "test"}),
        (["cat/a.png", "dog/b.png", "test/cat/c.png"], {"cat", "dog"}, {"train", "test"}),
        (["Train/cat/a.png", "Train/dog/b.png", "TEST/cat/c.png"], {"cat", "dog"}, {"train", "test"}),
        (["Train/a.png", "bus/b.png"], {"Train", "bus"}, {""}),
    ],
)
def test_train_is_a_split_or_a_class_among_others(tmp_path, names, classes, splits):
    fill(tmp_path, [*names])
    entries = list_folder(tmp_path).entries
    assert {e.label for e in entries} == classes
    assert {e.split for e in entries} == splits


def png(path):
    Image.new("RGB", (8, 8)).save(path)


@pytest.mark.parametrize(
    ("make", "classes"),
    [
        (lambda t: os.mkfifo(t / "a/pipe.png"), {"a", "b"}),
        (lambda t: (t / "zz").mkdir(), {"a", "b"}),
        (lambda t: ((t / "c.png").mkdir(), png(t / "c.png/x.png")), {"a", "b", "c.png"}),
        (lambda t: (t / "metadata.csv").mkdir(), {"a", "b"}),
        (lambda t: (t / "loop").symlink_to(t), {"a", "b"}),
        (lambda t: ((t / "c\nd").mkdir(), png(t / "c\nd/x.png")), {"a", "b", "c\nd"}),
        (lambda t: Image.new("1", (20000, 1)).save(t / "a/x.png"), {"a", "b"}),
        (lambda t: Image.new("LAB", (1, 1)).save(t / "a/x.tif"), {"a", "b"}),
        (lambda t: Image.new("CMYK", (9, 9)).save(t / "a/x.tif", save_all=True), {"a", "b"}),
        (
            lambda t: write_metadata(t / "a/metadata.jsonl", [{"file_name": "0.png", "label": x} for x in (1, "1", 1.0)]),
            {"1", "b"},
        ),
    ],
)
def test_odd_things_in_a_folder_change_nothing_else(tmp_path, make, classes):
    fill(tmp_path, [*(f"{c}/{i}.png" for c in "ab" for i in range(6))])
    make(tmp_path)
    sets = [data.load(f"folder:{tmp_path}@8", split=s) for s in ("train", "test")]
    assert {d.classes for d in sets} == {tuple(sorted(classes))}
    assert {d.channels for d in sets} == {3}


@pytest.mark.parametrize(
    ("make", "name", "said"),
    [
        (lambda t: None, "folder:", "no such folder; give folder:DIR"),
        (lambda t: None, "folder:@8", "no such folder; give folder:DIR"),
        (lambda t: None, "folder:~nobody-at-all/x@8", "no such folder; give folder:DIR"),
        (lambda t: None, "folder:{}/a/0.png", "no such folder; give folder:DIR"),
        (lambda t: None, "folder:{},first=3@8", "no such folder; give folder:DIR"),
        (lambda t: (t / "a/x.png").symlink_to(t / "no"), "folder:{}", r"x\.png: not a picture that can be read \(No such file"),
        (lambda t: (t / "a/x.png").symlink_to(t / "a/x.png"), "folder:{}", r"x\.png: not a picture .*\(Too many levels"),
        (lambda t: ((t / "c\nd").mkdir(), (t / "c\nd/x.png").write_bytes(b"")), "folder:{}", r"c\\nd/x\.png: not a picture"),
        (
            lambda t: (t / "a/0.png").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
            "folder:{}",
            r"a/0\.png: not a picture that can be read \(a note of git-lfs; `git lfs pull` gets the picture\)",
        ),
        (lambda t: (t / "metadata.jsonl").write_text('{"file_name": "a\\u0000"}'), "folder:{}", "line 1: .* is outside of"),
        (lambda t: (t / "metadata.csv").write_text("file_name\n" + "x" * 200_000), "folder:{}", "field larger than"),
    ],
)
def test_what_is_wrong_with_a_folder_is_one_line(tmp_path, make, name, said):
    fill(tmp_path, [*(f"{c}/{i}.png" for c in "ab" for i in range(6))])
    make(tmp_path)
    with pytest.raises(ValueError, match=said) as error:
        data.load(name.format(tmp_path))
    assert len(str(error.value).splitlines()) == 1


# ---- Splits -------------------------------------------------------------------------------------------------------------


def splits(root, option=""):
    found = {}
    for split in ("train", "test"):
        d = data.load(f"folder:{root}{option}@8", split=split)
        found[split] = {int(x[0, 0, 0]) + 256 * int(x[1, 0, 0]) for x in d.image}
    return found


def test_pictures_of_one_name_in_many_folders_are_on_both_sides(tmp_path):
    fill(tmp_path, [*(f"{i:04}/original.png" for i in range(60))])
    found = splits(tmp_path)
    assert found["train"] | found["test"] == set(range(60))
    assert not found["train"] & found["test"]
    assert 2 <= len(found["test"]) <= 15


@pytest.mark.parametrize("n", [FEW, 4, 5, 10, 20])
def test_neither_side_is_empty(tmp_path, n):
    for batch in range(5):
        fill(tmp_path / str(batch), [*(f"{batch}-{i}.png" for i in range(n))])
        found = splits(tmp_path / str(batch))
        assert found["train"]
        assert found["test"]


def test_the_split_is_the_same_wherever_the_folder_is(tmp_path):
    names = [f"{c}/{i}.png" for c in "ab" for i in range(40)]
    for where in ("here", "there/deep", "x/train"):
        fill(tmp_path / where, [*names])
    assert splits(tmp_path / "here") == splits(tmp_path / "there/deep") == splits(tmp_path / "x")


def test_the_first_split_can_still_be_asked_for(tmp_path):
    """By the hash of the bare name, as runs that were made with it go on."""
    fill(tmp_path, [*(f"{c}/{i}.png" for c in "ab" for i in range(40))])
    number = {f"{c}/{i}.png": k for k, (c, i) in enumerate((c, i) for c in "ab" for i in range(40))}
    test = {k for name, k in number.items() if zlib.crc32(name.split("/")[1].encode()) % 10 == 0}
    assert splits(tmp_path, ",split=1")["test"] == test
    assert splits(tmp_path)["test"] != test


@pytest.mark.parametrize(
    ("folder", "typed"),
    [
        ("snap@2x", "{}"),
        ("me@home", "{}@16"),
        ("a,b", "{}@16"),
        ("x,skip-bad", "{}"),
        ("pics@64", "{}@16"),
        ("cats", "~/cats@16"),
    ],
)
def test_a_folder_may_be_called_anything(tmp_path, folder, typed, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    fill(tmp_path / folder, ["a.png", "b.png"])
    name = "folder:" + typed.format(tmp_path / folder)
    d = data.load(name)
    assert (len(d), d.title, d.side) == (2, folder, 16 if "@16" in typed else 64)
    assert folders.absolute(name) == f"folder:{tmp_path / folder}{'@16' if '@16' in typed else ''}"
    assert len(data.load(folders.absolute(name))) == 2
    assert data.dataset.plain(name) == data.dataset.plain(f"folder:{tmp_path / folder}")


def test_a_relative_folder_is_made_absolute_with_its_options(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert folders.absolute("folder:./x/../pics,skip-bad@32") == f"folder:{tmp_path}/pics,skip-bad@32"


def test_channels_are_those_of_both_splits(tmp_path):
    fill(tmp_path / "train", ["a.png", "b.png"], mode="L")
    fill(tmp_path / "test", ["c.png"])
    train, test = (data.load(f"folder:{tmp_path}@8", split=s) for s in ("train", "test"))
    assert train.channels == test.channels == 3
    assert torch.equal(train.image[:, 0], train.image[:, 2])
