"""Picture files that anybody made: of 16 and 32 bits, and damaged ones, of which none may escape as anything but one line."""

from __future__ import annotations

import io
import logging
import random

import numpy
import pytest
import torch
from conftest import here
from PIL import Image

from ganzoo import data
from ganzoo.data import pictures
from ganzoo.images import square

pytestmark = pytest.mark.usefixtures("nothing_logged_before")

RAMP = numpy.linspace(0, 1, 64).reshape(1, 64).repeat(64, 0)
EIGHT = torch.tensor((RAMP * 255).round(), dtype=torch.uint8)


def deep(mode, top):
    """The ramp as a picture of more than 8 bits, from black to `top`."""
    kind = {"I;16": "<u2", "I;16B": ">u2", "I": "<i4", "F": "<f4"}[mode]
    return Image.fromarray((RAMP * top).astype(kind))


# ---- 16 and 32 bits -----------------------------------------------------------------------------------------------------

DEEP = [
    ("I;16", 65535, "png"),
    ("I;16", 65535, "tif"),
    ("I;16B", 65535, "png"),
    ("I;16B", 65535, "tif"),
    ("I", 65535, "tif"),
    ("I", 65535, "pgm"),
    ("I", 255, "tif"),
    ("I", 2**31 - 1, "tif"),
    ("F", 1, "tif"),
    ("F", 255, "tif"),
    ("F", 65535, "tif"),
    ("F", 1, "pfm"),
]


@pytest.mark.parametrize(("mode", "top", "ending"), DEEP)
def test_pictures_of_more_than_8_bits_are_scaled_and_stay_grey(tmp_path, mode, top, ending):
    (tmp_path / "train").mkdir()
    deep(mode, top).save(tmp_path / f"train/a.{ending}")
    image = data.load(f"folder:{tmp_path}@64").image
    assert image.shape == (1, 1, 64, 64)
    assert (image[0, 0].int() - EIGHT.int()).abs().max() <= 1


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I", "F"])
def test_turned_and_transparent_ones_too(mode):
    turned = deep(mode, 65535).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    buffer = io.BytesIO()
    turned.save(buffer, "TIFF", exif=exif)
    assert (numpy.asarray(square(Image.open(buffer), 64)).astype(int) - EIGHT.numpy()).__abs__().max() <= 1
    clear = deep("I;16", 65535)
    clear.info["transparency"] = 0
    assert square(clear, 64).getpixel((0, 0)) == 255


def test_white_is_the_same_for_all_pictures_of_a_set(tmp_path):
    """One that is dark all over does not say by itself how many bits it uses."""
    (tmp_path / "train").mkdir()
    deep("I", 200).save(tmp_path / "train/a.tif")
    deep("I", 65535).save(tmp_path / "train/b.tif")
    dark, bright = data.load(f"folder:{tmp_path}@64").image
    assert (int(dark.max()), int(bright.max())) == (1, 255)


@pytest.mark.parametrize("numbers", [[-5, 100], [0, 70000.0], [0, float("nan")], [0, float("inf")]])
def test_numbers_that_are_no_picture_are_refused(tmp_path, numbers):
    (tmp_path / "train").mkdir()
    Image.fromarray(numpy.array([numbers] * 2, dtype=numpy.float32)).save(tmp_path / "train/a.tif")
    with pytest.raises(ValueError, match=r"a\.tif: not a picture .*its numbers go from .* give 0 to one of 1, 255, 65535"):
        data.load(f"folder:{tmp_path}@8")


@pytest.mark.parametrize(("mode", "top"), [("I;16", 65535), ("I", 65535), ("F", 1)])
def test_a_stream_of_them_too(tmp_path, mode, top, monkeypatch):
    pytest.importorskip("datasets")
    monkeypatch.setenv("GANZOO_DATA", str(tmp_path / "data"))
    for split in ("train", "test"):
        (tmp_path / "pets" / split).mkdir(parents=True)
        deep(mode, top).save(tmp_path / "pets" / split / "a.tif")
    image = data.load(f"hf:{tmp_path / 'pets'}@64").image
    assert image.shape == (1, 1, 64, 64)
    assert (image[0, 0].int() - EIGHT.int()).abs().max() <= 1


# ---- Damaged files ------------------------------------------------------------------------------------------------------

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000")


def whole(kind):
    """The bytes of a picture with all that a file may carry: EXIF, a text, a profile."""
    noise = numpy.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=numpy.uint8)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    buffer = io.BytesIO()
    extra = {"exif": exif.tobytes()} if kind in ("PNG", "JPEG", "WEBP", "AVIF") else {}
    Image.fromarray(noise).save(buffer, kind, **extra)
    return buffer.getvalue()


def damaged(raw, dice):
    """Bytes that were changed, cut off, left out, doubled, or come from somewhere else, near the head more often than not."""
    spoilt = bytearray(raw)
    for _ in range(dice.choice((1, 1, 2, 8))):
        at = int(len(spoilt) * dice.random() ** 3)
        match dice.randrange(6):
            case 0:
                spoilt[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                spoilt[at : at + 4] = dice.randbytes(4)
            case 2:
                del spoilt[at:]
            case 3:
                del spoilt[at : at + dice.randrange(1, 9)]
            case 4:
                spoilt[at:at] = spoilt[at : at + dice.randrange(1, 64)]
            case 5:
                spoilt[at : at + 4] = b"\xff\xff\xff\xff"
    return bytes(spoilt)


@pytest.mark.filterwarnings("ignore:::PIL")
@pytest.mark.parametrize("kind", FORMATS)
def test_no_damaged_picture_escapes(kind, tmp_path, request):
    raw, dice, refused = whole(kind), random.Random(kind), 0
    n = request.config.getoption("--damaged") // len(FORMATS)
    path = tmp_path / f"a.{kind.lower()}"
    for _ in range(n):
        path.write_bytes(damaged(raw, dice))
        wrong = pictures.survey([path], tmp_path, "x").bad
        refused += len(wrong)
        if wrong:
            with pytest.raises(ValueError, match=r"not a picture that can be read \(.") as error:
                pictures.read_picture(path, 8)
            assert str(error.value).startswith(str(path))
            assert len(str(error.value).splitlines()) == 1
        else:
            assert pictures.read_picture(path, 8).size == (8, 8)
    assert refused > n / 20


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("chunk name.png", whole("PNG").replace(b"IDAT", b"I\x00AT")),
        ("exif.webp", whole("WEBP").replace(b"MM\x00*", b"MM\xff\xff").replace(b"II*\x00", b"II\xff\xff")),
        ("empty.png", b""),
        ("text.jpg", b"<html>404</html>"),
        ("pointer.png", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_damaged_file_is_named_in_one_line(tmp_path, name, raw):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / name).write_bytes(raw)
    done = here("train", "vanilla", "--data", f"folder:{tmp_path}@8", "--out", tmp_path / "run", "--steps", 1, check=False)
    if name == "exif.webp" and done.returncode == 0:
        return  # Pillow may pass over the damage
    assert done.returncode == 2
    assert name in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def spoil(root, n=30, bad=7, test=False):
    """A folder of pictures, some of which cannot be read -> the names of those."""
    (root / "test" if test else root).mkdir(parents=True)
    for i in range(n):
        Image.new("RGB", (8, 8), (i, 0, 0)).save(root / f"{i:02}.png")
    names = [f"{i:02}.png" for i in range(bad)]
    if test:
        names = [f"test/{n}" for n in names]
        Image.new("RGB", (8, 8)).save(root / "test/good.png")
    for name in names:
        (root / name).write_bytes(whole("PNG")[:-300])
    return names


@pytest.mark.parametrize("test", [False, True], ids=["train", "test"])
def test_damage_in_either_split_is_found_before_the_training(tmp_path, test):
    names = spoil(tmp_path / "x", test=test)
    total = 30 + (8 if test else 0)
    with pytest.raises(
        ValueError, match=f"7 of {total} pictures cannot be read: {', '.join(names[:5])}, ... \\(00.png: .*\\); .* --skip-bad"
    ):
        data.load(f"folder:{tmp_path / 'x'}@8", split="train")


def test_bad_pictures_are_skipped_on_demand_and_on_resume(tmp_path, caplog):
    spoil(tmp_path / "x")
    flags = ["--data", f"folder:{tmp_path / 'x'}@8", "--out", tmp_path / "run", "--batch", 4, "--quiet"]
    assert here("train", "vanilla", "--steps", 2, *flags, check=False).returncode == 2
    here("train", "vanilla", "--steps", 2, "--skip-bad", *flags)
    assert "x: skipped 7 of 30 pictures, which cannot be read: 00.png, 01.png, 02.png, 03.png, 04.png, ..." in caplog.text
    here("resume", tmp_path / "run", "--steps", 3)
    sets = [data.load(f"folder:{tmp_path / 'x'},skip-bad@8", split=s) for s in ("train", "test")]
    assert sorted(int(x[0, 0, 0]) for d in sets for x in d.image) == list(range(7, 30))
    assert sum(r.levelno == logging.WARNING for r in caplog.records) == 1, "said once"


def test_skip_bad_is_about_folders(capsys):
    done = here("train", "vanilla", "--data", "fake", "--skip-bad", check=False)
    assert "skip-bad is about pictures of your own, folder:DIR, not about fake" in done.stderr


def test_what_was_checked_is_kept_until_a_file_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "MANY", 10)
    paths = [tmp_path / f"{i}.png" for i in range(12)]
    for path in paths:
        Image.new("L", (4, 4)).save(path)
    first = pictures.survey(paths, tmp_path / "kept", "x")
    monkeypatch.setattr(pictures, "_probe", None)
    assert pictures.survey(paths, tmp_path / "kept", "x") == first
    paths[3].write_bytes(b"x")
    monkeypatch.undo()
    monkeypatch.setattr(pictures, "MANY", 10)
    assert list(pictures.survey(paths, tmp_path / "kept", "x").bad) == [str(paths[3])]


@pytest.mark.parametrize(("highest", "dark"), [(4095, True), (20000, False)])
def test_pictures_of_12_bits_in_files_of_16_are_said_to_be_dark(tmp_path, highest, dark, caplog):
    for i in range(4):
        numbers = numpy.linspace(0, highest, 64).reshape(8, 8).astype(numpy.uint16)
        Image.fromarray(numbers).save(tmp_path / f"{i}.png")
    assert data.load(f"folder:{tmp_path}@8").image.max() == round(highest / 65535 * 255)
    said = f"{tmp_path.name}: no number in its 16-bit pictures is above 4095, and 65535 is white: they are dark; if they should"
    assert [r.message.startswith(said) for r in caplog.records] == [True] * dark
