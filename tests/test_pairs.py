"""Pictures and what they are made from: the layouts of pix2pix's and CycleGAN's authors, and faces that differ in one part."""

from __future__ import annotations

import json

import pytest
import torch
from conftest import here, tiny
from PIL import Image
from support.pictures import fill

import ganzoo
from ganzoo import data
from ganzoo.data.dataset import plain
from ganzoo.data.fingerprint import fingerprint
from ganzoo.data.folder import absolute, with_option
from ganzoo.images import from_uint8, outlines


def side_by_side(folder, names, size=(16, 16)):
    """Files of two squares: a blue left half, as blue as its number, beside a red one that is as red."""
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = Image.new("RGB", (2 * size[0], size[1]), (0, 0, i))
        whole.paste((i, 0, 0), (size[0], 0, 2 * size[0], size[1]))
        whole.save(path)


@pytest.fixture
def facades(tmp_path):
    """As datasets/facades of pix2pix is: train, val and test, AB side by side."""
    side_by_side(tmp_path / "facades", [f"{s}/{i}.png" for s, n in (("train", 9), ("val", 3), ("test", 4)) for i in range(n)])
    (tmp_path / "facades/train/.DS_Store").write_bytes(b"x")
    return tmp_path / "facades"


@pytest.fixture
def zebras(tmp_path):
    """As horse2zebra of CycleGAN is: no pairs, and not as many of the one as of the other."""
    for folder, n in {"trainA": 7, "trainB": 11, "testA": 3, "testB": 5}.items():
        fill(tmp_path / "zebras" / folder, [f"{i}.png" for i in range(n)])
    return tmp_path / "zebras"


def test_the_left_half_becomes_the_right_one(facades, caplog):
    train, test = (data.load(f"pairs:{facades}@8", split=s) for s in ("train", "test"))
    assert (len(train), len(test)) == (9, 4)
    assert train.paired
    assert train.source.shape == train.image.shape == (9, 3, 8, 8)
    for image, source in zip(train.image, train.source, strict=True):
        assert image[0].unique().tolist() == source[2].unique().tolist(), "of the same file"
        assert image[2].max() == source[0].max() == 0
    assert train.facts()["source_channels"] == 3
    assert "in val/" in caplog.text, "what is passed over is said"
    back = data.load(f"pairs:{facades},BtoA@8")
    assert torch.equal(back.image, train.source)
    assert torch.equal(back.source, train.image)
    assert back.name == "pairs:facades,BtoA@8"


def test_two_folders_are_no_pairs_and_split_as_they_say(zebras):
    train, test = (data.load(f"pairs:{zebras}@8", split=s) for s in ("train", "test"))
    assert [len(x) for x in (train.source, train.image, test.source, test.image)] == [7, 11, 3, 5]
    assert not train.paired
    assert len(fingerprint(train)["files"]) == 32
    assert fingerprint(train) == fingerprint(test)
    for kind in "AB":
        (zebras / f"test{kind}").rename(zebras.parent / kind)
    every = data.load(f"pairs:{zebras}@8")
    assert (len(every.source), len(every.image)) < (7, 11), "without test folders some are kept for testing"
    fill(zebras.parent / "x/A", [f"{i}.jpg" for i in range(40)], "L")
    fill(zebras.parent / "x/B", [f"{i}.jpg" for i in range(40)], "L")
    sizes = [
        (len(d.source), len(d.image)) for d in (data.load(f"pairs:{zebras.parent / 'x'}", split=s) for s in data.SPLITS[:2])
    ]
    assert [sum(kind) for kind in zip(*sizes, strict=True)] == [40, 40]
    assert data.load(f"pairs:{zebras.parent / 'x'}").channels == 1


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["A/1.png"], "has A; give trainA and trainB"),
        (["trainA/1.png", "trainB/1.png", "testA/1.png"], "has testA, trainA, trainB; give"),
        (["testA/1.png", "testB/1.png"], "has testA, testB; give trainA"),
        (["A/1.txt", "B/1.txt"], "no train pictures of both kinds"),
        (["train/1.txt"], "no train pictures of both kinds"),
    ],
)
def test_half_of_a_layout_is_refused_in_one_line(tmp_path, names, said):
    fill(tmp_path / "x", [n for n in names if n.endswith("png")])
    for name in names:
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / name).touch()
    done = here("train", "pix2pix", "--data", f"pairs:{tmp_path / 'x'}", "--out", tmp_path / "run", check=False)
    assert (done.returncode, said in done.stderr, done.stderr.count("\n")) == (2, True, 1), done.stderr
    assert not (tmp_path / "run").exists()


def test_what_is_no_pair_and_what_is_damaged_is_named_or_skipped(facades):
    Image.new("RGB", (20, 30)).save(facades / "train/high.png")
    with pytest.raises(ValueError, match=r"high\.png: .*20 x 30 pixels: not two pictures side by side.*pairs:DIR,skip-bad"):
        data.load(f"pairs:{facades}@8")
    (facades / "train/cut.png").write_bytes((facades / "train/1.png").read_bytes()[:60])
    with pytest.raises(ValueError, match=r"2 of 15 pictures cannot be read: train/cut\.png, train/high\.png"):
        data.load(f"pairs:{facades}@8")
    name = with_option(f"pairs:{facades}@8", "skip-bad")
    assert name == f"pairs:{facades},skip-bad@8"
    assert len(data.load(name)) == 9
    with pytest.raises(ValueError, match="no such folder; give pairs:DIR"):
        data.load(f"pairs:{facades}-gone")


def test_a_name_means_the_same_everywhere_and_holds_no_path(facades, monkeypatch):
    monkeypatch.chdir(facades.parent)
    assert absolute("pairs:facades,BtoA@8") == f"pairs:{facades},BtoA@8"
    assert plain(f"pairs:{facades},BtoA,skip-bad@8") == "pairs-facades"
    assert str(facades.parent) not in repr((d := data.load("pairs:facades@8")).name + d.title + d.attribution)


@pytest.mark.parametrize(("model", "layout"), [("pix2pix", "facades"), ("cyclegan", "zebras"), ("pix2pix", "zebras")])
def test_the_authors_folders_train_resume_and_draw(model, layout, request, tmp_path, monkeypatch):
    where = request.getfixturevalue(layout)
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    here("train", model, "--data", f"pairs:{where}@16", "--steps", 2, "--out", tmp_path / "run", "--quiet", *tiny(model))
    here("resume", tmp_path / "run", "--steps", 3)
    here("export", tmp_path / "run")
    gan = ganzoo.load(f"{model}-pairs-{layout}")
    assert gan.examples(gan.pictures[0]).float().std() > 0
    kept = json.loads((tmp_path / f"weights/{model}-pairs-{layout}/config.json").read_text())
    assert kept["data"]["name"] == f"pairs:{layout}@16"
    assert str(tmp_path) not in json.dumps(kept)
    assert gan.sample(2, source=Image.new("RGB", (9, 5))).shape == (2, 3, 16, 16)


def test_outlines_are_dark_lines_where_a_picture_changes_and_nowhere_else():
    image = torch.full((1, 3, 8, 8), 200, dtype=torch.uint8)
    image[0, 1, 2:6, 3:6] = 90  # a rectangle, in one channel
    drawn = outlines(from_uint8(image))
    assert drawn.shape == (1, 1, 8, 8)
    assert set(drawn.unique().tolist()) == {-1.0, 1.0}
    inside = [(y, x) for y, x in (drawn[0, 0] < 0).nonzero().tolist()]
    assert {(1, 3), (5, 4), (3, 2), (4, 5)} <= set(inside), "each of its sides"
    assert (3, 3) not in inside
    assert all(1 <= y <= 5 and 2 <= x <= 5 for y, x in inside)
    faint = torch.full((1, 1, 4, 4), 200, dtype=torch.uint8)
    faint[..., 2:] = 190
    assert outlines(from_uint8(faint)).unique().tolist() == [1.0], "a shade is no line"
