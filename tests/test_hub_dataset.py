"""Sets of the Hub: streamed by the real `datasets` from files on this machine, kept, read by index; and what can go wrong."""

from __future__ import annotations

import http.server
import json
import os
import resource
import subprocess
import sys
import threading
import time

import pytest
import torch
from conftest import REPO, cli, free_port, here, run_cli
from PIL import Image
from support.servers import Server

from ganzoo import data
from ganzoo.data import store
from ganzoo.files import read_tensors
from ganzoo.images import from_pil, square

datasets = pytest.importorskip("datasets")
DRAW = [sys.executable, "-c", "import sys; from ganzoo import data; print(data.load(sys.argv[1]).image.sum().item())"]


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return tmp_path / "data"


def paint(i, mode="RGB", size=(30, 20)):
    """A picture of its own for each number."""
    noise = torch.randint(256, (size[1], size[0], 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(i))
    return Image.fromarray(noise.numpy()).convert(mode)


def make(folder, n=30, split="train", mode="RGB", **columns):
    """A set in parquet: `picture`, and `kind` from two classes that are not in the order of the alphabet."""
    features = {"picture": datasets.Image(), "kind": datasets.ClassLabel(names=["dog", "cat"])}
    rows = {"picture": [paint(i, mode) for i in range(n)], "kind": [i % 3 % 2 for i in range(n)]}
    for name, (feature, values) in columns.items():
        features[name], rows[name] = feature, values
    rows = {k: v for k, v in rows.items() if v is not None}
    made = datasets.Dataset.from_dict(rows, datasets.Features({k: features[k] for k in rows}))
    (folder / "data").mkdir(parents=True, exist_ok=True)
    made.to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
    return f"hf:{folder}@16"


def kept(root):
    return sorted(p.name for p in root.rglob("*") if p.is_file() and p.name != "lock")


def test_a_stream_becomes_a_set_with_the_columns_labels_and_pixels_of_its_rows(tmp_path):
    words = [f"number {i}" for i in range(30)]
    name = make(tmp_path / "zoo", caption=(datasets.Value("string"), words))
    make(tmp_path / "zoo", n=5, split="test", caption=(datasets.Value("string"), words[:5]))
    train, test = (data.load(name, split=s) for s in ("train", "test"))
    assert (len(train), len(test)) == (30, 5)
    assert torch.equal(train.image, torch.stack([from_pil(square(paint(i), 16)) for i in range(30)]))
    assert train.label.tolist() == [i % 3 % 2 for i in range(30)]
    assert (train.classes, train.captions) == (("dog", "cat"), tuple((w,) for w in words))
    assert train.image.dtype == torch.uint8
    assert str(tmp_path) not in repr((train.name, train.title, train.source))


def test_folders_of_pictures_are_sets_too_and_grey_ones_stay_grey(tmp_path):
    for i in range(20):
        path = tmp_path / "pets" / "cd"[i % 2] / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        paint(i, "L").save(path)
    train, test = (data.load(f"hf:{tmp_path / 'pets'}@8", split=s) for s in ("train", "test"))
    assert train.image.shape == (18, 1, 8, 8)
    assert len(test) == 2, "without a test split, every tenth"
    whole = {tuple(x.flatten().tolist()) for x in (*train.image, *test.image)}
    assert whole == {tuple(from_pil(square(paint(i, "L"), 8)).flatten().tolist()) for i in range(20)}
    assert train.classes == ("c", "d")


def test_options_choose_split_columns_and_how_many(tmp_path):
    other = [paint(100 + i) for i in range(30)]
    name = make(tmp_path / "zoo", split="extra", other=(datasets.Image(), other)).removesuffix("@16")
    found = data.load(f"{name},split=extra,first=10,image=other,label=kind@8")
    assert torch.equal(found.image, torch.stack([from_pil(square(other[i], 8)) for i in range(1, 10)]))
    assert data.load(f"{name}@8").image.shape[0] == 27, "the only split there is"


def test_what_is_kept_needs_neither_the_package_nor_the_stream(tmp_path, root, monkeypatch):
    name = make(tmp_path / "zoo")
    first = data.load(name)
    monkeypatch.setitem(sys.modules, "datasets", None)  # as if it were not installed
    again = data.load(name)
    assert torch.equal(first.image, again.image)
    assert kept(root) == ["image.u8", "set.json"]
    with pytest.raises(ValueError, match=r"datasets is not installed; `pip install datasets`"):
        data.load(name, split="test")


def test_files_that_changed_are_read_anew(tmp_path):
    name = make(tmp_path / "zoo")
    assert len(data.load(name)) == 27
    make(tmp_path / "zoo", n=40)
    assert len(data.load(name)) == 36


@pytest.mark.parametrize(
    ("kind", "values", "classes"),
    [
        ("int64", [1, 10, 2], ("1", "2", "10")),
        ("int8", [7, 0, 3], ("0", "3", "7")),
        ("string", ["dog", "cat", "Ape"], ("Ape", "cat", "dog")),
        ("large_string", ["dog", "cat", "猫"], ("cat", "dog", "猫")),
        ("bool", [True, False, True], ("False", "True")),
    ],
)
@pytest.mark.parametrize("column", ["label", "breed"])
def test_labels_may_be_plain_numbers_or_words_and_mean_the_same_in_both_splits(kind, values, classes, column, tmp_path):
    label = (datasets.Value(kind), [values[i % 3] for i in range(30)])
    name = make(tmp_path / "zoo", kind=(None, None), **{column: label})
    make(tmp_path / "zoo", n=5, split="test", kind=(None, None), **{column: (label[0], [values[1]] * 5)})
    name = name if column == "label" else name.replace("@16", ",label=breed@16")
    train, test = (data.load(name, split=s) for s in ("train", "test"))
    assert train.classes == test.classes == classes
    assert [classes[i] for i in train.label] == [str(v) for v in label[1]]
    assert {classes[i] for i in test.label} == {str(values[1])}


@pytest.mark.parametrize("column", ["text", "caption"])
@pytest.mark.parametrize("kind", ["string", "large_string", "list"])
def test_captions_may_be_of_any_type_of_text(kind, column, tmp_path):
    texts = [f"number {i}" for i in range(30)]
    value = datasets.Value("string" if kind == "list" else kind)
    feature = (datasets.List(value), [[t, t.upper()] for t in texts]) if kind == "list" else (value, texts)
    d = data.load(make(tmp_path / "zoo", **{column: feature}))
    assert d.captions[0] == (("number 1", "NUMBER 1") if kind == "list" else ("number 1",))
    assert len(d.captions) == len(d) == 27


@pytest.mark.parametrize(("without", "left"), [(2, 28), (25, 30)])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_one_picture_without_a_caption_does_not_drop_all(without, left, mode, tmp_path, caplog):
    texts = [None if i % 2 else "" for i in range(without)] + [f"number {i}" for i in range(without, 30)]
    make(tmp_path / "zoo", mode=mode, text=(datasets.Value("string"), texts))
    make(tmp_path / "zoo", n=5, split="test", mode=mode, text=(datasets.Value("string"), ["x"] * 5))
    d = data.load(f"hf:{tmp_path / 'zoo'}@16")
    assert len(d) == left
    assert d.captions == (tuple((t,) for t in texts[2:]) if left == 28 else ())
    first = 30 - left
    assert torch.equal(d.image, torch.stack([from_pil(square(paint(i, mode), 16)) for i in range(first, 30)]))
    assert d.label.tolist() == [i % 3 % 2 for i in range(first, 30)]
    said = "passed over: 2 pictures without a caption" if left == 28 else "since only 5 of 30 pictures have one"
    assert said in caplog.text


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        ({"picture": (None, None)}, "", "no image column; its columns are kind"),
        ({}, ",image=kind", "no column 'kind' of type Image; there are picture, kind"),
        ({}, ",image=face", "no column 'face' of type Image"),
        ({}, ",label=picture", "no column 'picture' of type ClassLabel"),
        ({}, ",split=dev", "no split 'dev'; there are train"),
        ({}, ",config=small", "cannot be opened"),
        ({}, ",colour=red", "'colour' is not understood; give hf:USER/NAME"),
        ({}, ",first=0", "first=0 is not a number of pictures"),
        ({}, ",first=many", "first=many is not a number of pictures"),
        ({}, "@3", "'3' is not a side"),
        (
            {"kind": (datasets.ClassLabel(names=["dog", "cat"]), [0] * 29 + [-1])},
            "",
            "broke after 26 pictures (no picture or no",
        ),
        ({"picture": (datasets.Image(), [paint(0)] * 29 + [None])}, "", "broke after 26 pictures (no picture or no"),
        (
            {"picture": (datasets.Image(), [{"bytes": b"no picture", "path": None}] * 30)},
            "",
            "the stream broke after 0 pictures",
        ),
    ],
)
def test_what_cannot_be_used_is_told_and_nothing_is_kept(columns, options, said, tmp_path, root):
    name = make(tmp_path / "zoo", **columns).removesuffix("@16")
    with pytest.raises(ValueError) as told:  # noqa: PT011
        data.load(name + (options or "@16"))
    assert said in str(told.value)
    assert len(str(told.value).splitlines()) == 1
    assert kept(root) == []


def test_a_set_that_is_too_much_to_keep_is_told(tmp_path, root, monkeypatch):
    monkeypatch.setattr(store, "KEPT", 10_000)
    with pytest.raises(ValueError, match=r"more than .* at 16 pixels; give a smaller @SIDE, or first=N"):
        data.load(make(tmp_path / "zoo"))
    assert kept(root) == []


def test_a_kept_set_that_was_cut_short_is_told(tmp_path, root):
    name = make(tmp_path / "zoo")
    data.load(name)
    path = next(root.rglob("image.u8"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="altered or cut short; delete the folder"):
        data.load(name)


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, root):
    name = make(tmp_path / "zoo")
    done = subprocess.run(
        [sys.executable, "-m", "ganzoo", "train", "vanilla", "--data", name, "--out", str(tmp_path / "run"), "--steps", "2"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000)),
        capture_output=True,
        text=True,
        cwd=REPO,
    )
    assert done.returncode == 2
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert kept(root) == []
    assert not (tmp_path / "run").exists()
    assert len(data.load(name)) == 27


def test_a_stream_that_was_killed_is_begun_again_and_two_that_ask_at_once_get_one(tmp_path, root):
    name = make(tmp_path / "zoo", n=3000)
    process = subprocess.Popen([*DRAW, name], cwd=REPO)
    end = time.monotonic() + 240
    while not any(p.stat().st_size for p in root.rglob("image.part")):
        assert time.monotonic() < end
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert "set.json" not in kept(root)
    both = [subprocess.Popen([*DRAW, name], cwd=REPO, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    sums = [int(p.communicate(timeout=240)[0]) for p in both]
    right = sum(int(from_pil(square(paint(i), 16)).sum()) for i in range(3000) if i % 10)
    assert sums == [right, right]
    assert kept(root) == ["image.u8", "set.json"]


def test_a_file_larger_than_the_memory_is_mapped(tmp_path):
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    n = 2 * memory // (3 * 64 * 64)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(n * 3 * 64 * 64 - 1)
        file.seek(0, 2)
        file.write(b"\x07")
    image = store._map(tmp_path / "sparse", [n, 3, 64, 64])
    assert image[torch.tensor([0, n // 2, n - 1])].sum() == 7


def test_a_training_on_a_stream_is_resumed_exactly_and_exported(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    name = make(tmp_path / "zoo", n=80)
    flags = ["--data", name, "--batch", 16, "--width", 8, "--quiet"]
    here("train", "vanilla", "--steps", 20, "--out", tmp_path / "whole", *flags)
    here("train", "vanilla", "--steps", 9, "--out", tmp_path / "run", *flags)
    here("resume", tmp_path / "run", "--steps", 20)
    one, two = (read_tensors(tmp_path / f / "state.safetensors")[0] for f in ("whole", "run"))
    assert all(torch.equal(one[k], two[k]) for k in one)
    here("export", tmp_path / "run", "--name", "mine")
    about = json.loads((tmp_path / "weights/mine/config.json").read_text())["data"]
    assert (about["name"], about["source"]) == ("hf:zoo@16", "a folder named zoo")


def closed():
    return f"http://127.0.0.1:{free_port()}"


class Empty(http.server.BaseHTTPRequestHandler):
    """A Hub that has nothing."""

    def do_GET(self):
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def empty_hub():
    server = Server(("127.0.0.1", 0), Empty)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize(
    ("name", "env", "said"),
    [
        ("someone/pets", {"HF_ENDPOINT": "closed"}, "hf:someone/pets: the Hub cannot be reached ("),
        ("someone/pets", {"HF_HUB_OFFLINE": "1"}, "hf:someone/pets: the Hub cannot be reached ("),
        ("someone/pets", {"HF_ENDPOINT": "empty"}, "hf:someone/pets: no such set on the Hub"),
        ("./no/folder", {"HF_ENDPOINT": "empty"}, "hf:./no/folder: no such set on the Hub"),
    ],
    ids=["no network", "offline", "no such set", "no such folder"],
)
def test_a_set_that_cannot_be_had_is_one_line_soon_and_before_anything_is_written(name, env, said, tmp_path, root, empty_hub):
    env = {k: {"closed": closed(), "empty": empty_hub}.get(v, v) for k, v in env.items()} | {"HF_HUB_DISABLE_TELEMETRY": "1"}
    done = cli("train", "vanilla", "--data", f"hf:{name}@16", "--out", tmp_path / "run", check=False, **env)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert said in done.stderr
    assert not (tmp_path / "run").exists()
    assert kept(root) == []


def test_an_unknown_set_names_all_that_there_are(capsys):
    assert (
        "folder:DIR for your own pictures, pairs:DIR for pairs of them, hf:USER/NAME"
        in run_cli(capsys, "train", "vanilla", "--data", "x")[1]
    )


def test_the_same_key_is_the_same_folder(tmp_path):
    assert store.cache_folder(tmp_path, "a/b", 1) == store.cache_folder(tmp_path, "a/b", 1)
    assert store.cache_folder(tmp_path, "a/b", 1) != store.cache_folder(tmp_path, "a/b", 2)
    assert store.cache_folder(tmp_path, "../../etc", 1).parent == tmp_path
