"""Pictures from the disk, gathered ahead by a thread: not one bit of a training may tell."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
import torch
from conftest import REPO, cli, tiny
from test_folder import fill

from ganzoo import data, registry
from ganzoo.data import Order, store
from ganzoo.data.feed import AHEAD, Feed
from ganzoo.files import read_tensors
from ganzoo.training.engine import Engine

CPU = torch.device("cpu")
DEVICES = [CPU, pytest.param(torch.device("cuda"), marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


def whole(x):
    return x


def engine(pictures, device=CPU):
    spec = registry.spec(registry.MODELS[0])
    facts = {"side": pictures.side, "channels": pictures.channels, "classes": pictures.classes}
    return Engine(spec, facts | dict(spec.tiny), pictures, 0, device, "fp32")


@pytest.mark.parametrize("device", DEVICES, ids=str)
def test_prefetching_changes_no_bit_of_a_training_nor_of_one_that_goes_on(device):
    held = data.load("fake")
    one, two = engine(held, device), engine(replace(held, mapped=True), device)
    assert (one.feed.thread, two.feed.thread is not None) == (None, True)
    for step in range(60):  # over the end of an epoch, which is 32 steps
        if step == 20:  # a resume begins at another step than the one that was looked ahead to
            one.step = two.step = 45
        one.advance()
        two.advance()
    state, other = one.gan.state_dict(), two.gan.state_dict()
    assert all(torch.equal(state[k], other[k]) for k in state)
    assert one.read() == two.read()


def test_batches_are_gathered_before_they_are_asked_for_and_no_more_than_a_few():
    gathered = []

    class Watched(data.Data):
        def gather(self, index):
            assert threading.current_thread() is not threading.main_thread()
            gathered.append(index)
            return super().gather(index)

    fake = data.load("fake")
    pictures = Watched(**vars(fake) | {"mapped": True})
    feed = Feed(pictures, Order(256, 0), 10, whole, CPU)
    batch = feed.at(3)
    for asked, last in ((1, 3), (2, 4)):
        end = time.monotonic() + 20
        while len(gathered) < asked + AHEAD and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.05)
        due = [Order(256, 0).at(10 * s, 10) for s in range(3, last + 1 + AHEAD)]
        assert torch.equal(torch.stack(gathered), torch.stack(due)), "each once, in order, and no further"
        feed.at(last + 1)
    assert torch.equal(batch["image"], fake.batch(gathered[0], CPU)["image"])


def test_what_goes_wrong_in_the_thread_is_told_by_the_engine():
    class Broken(data.Data):
        def gather(self, index):
            raise OSError("the disk is gone")

    e = engine(Broken(**vars(data.load("fake")) | {"mapped": True}))
    with pytest.raises(OSError, match="the disk is gone"):
        e.advance()


def test_a_folder_too_large_for_the_memory_is_kept_and_mapped_with_the_same_pixels(tmp_path, monkeypatch):
    fill(tmp_path / "pictures", [f"{c}/{i}.png" for c in ("cat", "dog") for i in range(20)], size=(20, 16))
    name = f"folder:{tmp_path / 'pictures'}@8"
    held = data.load(name, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
    monkeypatch.setattr(store, "MOST", 1000)
    for _ in range(2):  # made, then read
        mapped = data.load(name, tmp_path / "kept")
        assert (held.mapped, mapped.mapped) == (False, True)
        assert torch.equal(held.image, mapped.image)
        assert torch.equal(held.label, mapped.label)
        assert replace(held, image=0, label=0) == replace(mapped, image=0, label=0, mapped=False)
    fill(tmp_path / "pictures", ["cat/0.png", "cat/1.png"], size=(40, 40), mode="L")
    anew = data.load(name, tmp_path / "kept")
    assert anew.image.shape == held.image.shape
    assert not torch.equal(anew.image, held.image), "a folder that changed is read anew"


MAPPED = """
import sys
from ganzoo.data import store
store.MOST = 0
from ganzoo.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_training_from_the_disk_is_resumed_exactly_and_is_that_from_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_DATA", str(tmp_path / "data"))
    fill(tmp_path / "pictures", [f"{i}.png" for i in range(60)])
    name = registry.MODELS[0]
    flags = ["--data", f"folder:{tmp_path / 'pictures'}@16", "--quiet", *tiny(name)]
    cli("train", name, "--steps", 40, "--out", tmp_path / "memory", *flags)
    for args in (
        ["train", name, "--steps", 13, "--out", tmp_path / "disk", *flags],
        ["resume", tmp_path / "disk", "--steps", 40],
    ):
        done = subprocess.run([sys.executable, "-c", MAPPED, *map(str, args)], cwd=REPO, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert list((tmp_path / "data").rglob("image.u8"))
    one, two = (read_tensors(tmp_path / f / "state.safetensors")[0] for f in ("memory", "disk"))
    assert all(torch.equal(one[k], two[k]) for k in one)
