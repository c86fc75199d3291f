"""Pictures in, pictures out, on the command line and in Python: files, folders, tensors, arrays; of any size where it fits."""

from __future__ import annotations

import numpy
import pytest
import torch
from conftest import here, tiny
from PIL import Image

import ganzoo
from ganzoo.images import from_pil, from_uint8, to_pil, to_uint8
from ganzoo.inputs import Picture


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A tiny checkpoint of each: what makes pictures of grey ones with noise, and what makes any picture larger."""
    root = tmp_path_factory.mktemp("made")
    for model in ("pix2pix", "srgan"):
        here("train", model, "--data", "fake", "--steps", 1, "--out", root / f"run-{model}", "--quiet", *tiny(model))
        here("export", root / f"run-{model}", GANZOO_WEIGHTS_DIR=root / "weights")
    return root / "weights"


def picture(path, size=(20, 14), mode="RGB"):
    numbers = torch.randint(256, (size[1], size[0], 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(size[0]))
    whole = Image.fromarray(numbers.numpy()).convert(mode)
    whole.save(path)
    return whole


@pytest.mark.parametrize("name", ["source", "picture"])
def test_a_file_becomes_a_picture(name, made, tmp_path):
    own = picture(tmp_path / "own.png")
    model = made / "pix2pix-fake"
    here("sample", model, "--set", f"{name}={tmp_path / 'own.png'}", "--seed", 4, "--out", tmp_path / "out.npz")
    with numpy.load(tmp_path / "out.npz") as arrays:
        assert len(arrays["images"]) == 1, "one of one"
        wanted = to_uint8(ganzoo.load(str(model)).sample(1, seed=4, source=own))
        assert (arrays["images"] == wanted.permute(0, 2, 3, 1).numpy()).all()
    here("sample", model, "--set", f"source={tmp_path / 'own.png'}", "--n", 3, "--out", tmp_path / "three.npz")
    with numpy.load(tmp_path / "three.npz") as arrays:
        assert len(arrays["images"]) == 3
        assert (arrays["images"][0] != arrays["images"][1]).any(), "with the noise of three seeds"


def test_a_folder_becomes_a_folder_with_the_same_names(made, tmp_path):
    (tmp_path / "in/deep").mkdir(parents=True)
    wanted = {"a.png": (9, 9), "a.jpg": (8, 12), "deep/b.png": (30, 5)}
    for name, size in wanted.items():
        picture(tmp_path / "in" / name, size)
    (tmp_path / "in/notes.txt").write_text("x")
    here("sample", made / "srgan-fake", "--set", f"source={tmp_path / 'in'}", "--out", f"{tmp_path / 'out'}/")
    found = {p.relative_to(tmp_path / "out").as_posix(): Image.open(p).size for p in (tmp_path / "out").rglob("*.png")}
    assert found == {"a.png": (32, 48), "a.png.png": (36, 36), "deep/b.png": (120, 20)}, (
        "four times as large, whatever the size"
    )
    (tmp_path / "in/cut.png").write_bytes((tmp_path / "in/a.png").read_bytes()[:50])
    done = here("sample", made / "srgan-fake", "--set", f"source={tmp_path / 'in'}", "--out", f"{tmp_path / 'x'}/", check=False)
    assert (done.returncode, "cut.png: not a picture" in done.stderr, done.stderr.count("\n")) == (2, True, 1)
    assert not (tmp_path / "x").exists(), "nothing is half done"


@pytest.mark.parametrize(
    ("given", "out", "said"),
    [
        ("source=gone.png", "o.png", "source: gone.png: no such file or folder; give a picture, or an example's number"),
        ("source=.", "o.png", "is a folder, of which each picture becomes one file; give --out DIR/, and no --n"),
        ("source=empty", "o/", "empty: no pictures in it"),
        ("source=99", "o.png", "source: 99 is no example; give 0 to 15, or a picture"),
    ],
)
def test_what_is_no_picture_is_one_line(given, out, said, made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    done = here("sample", made / "pix2pix-fake", "--set", given, "--out", out, check=False)
    assert (done.returncode, said in done.stderr, done.stderr.count("\n")) == (2, True, 1), done.stderr
    assert not (tmp_path / "o.png").exists()


def test_tensors_arrays_and_pil_are_one_picture(made):
    gan = ganzoo.load(str(made / "srgan-fake"))
    pixels = torch.randint(256, (3, 6, 10), dtype=torch.uint8)
    array = pixels.permute(1, 2, 0).numpy()
    drawn = [gan.sample(1, source=x) for x in (pixels, from_uint8(pixels), pixels[None], array, Image.fromarray(array))]
    assert drawn[0].shape == (1, 3, 24, 40), "of any size"
    assert all(torch.equal(drawn[0], x) for x in drawn)
    first, second = gan.show_stages(gan.draw(1, 0, source=pixels))
    assert first.shape == second.shape
    assert torch.equal(second, drawn[0])
    for wrong in (torch.zeros(1, 6, 10), torch.zeros(3, 0, 4), torch.full((3, 4, 4), 2.0), "x"):
        with pytest.raises(ValueError, match="source: "):
            gan.sample(1, source=wrong)


def test_a_picture_of_any_size_is_shown_as_it_is_meant():
    x = Picture("source", 4, 3, examples=5, any_size=True)
    turned = Image.new("RGB", (6, 2), "red")
    turned.getexif()[0x0112] = 6  # a phone that was held upright
    assert x.read(turned, 1).shape == (1, 3, 6, 2)
    clear = Image.new("RGBA", (3, 5), (9, 9, 9, 0))
    assert x.read(clear, 1).unique().tolist() == [1.0], "on white"
    deep = Image.fromarray(numpy.full((2, 3), 65535, numpy.uint16))
    assert x.read(deep, 1).unique().tolist() == [1.0], "16 bits"
    assert x.read(Image.new("CMYK", (2, 2)), 1).shape == (1, 3, 2, 2)
    assert torch.equal(to_uint8(x.read(to_pil(pixels := from_pil(Image.new("RGB", (7, 3), "blue"))), 1))[0], pixels)
