"""Pictures from the disk, gathered ahead by a thread: not one bit of a training may tell."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace

import pytest
import torch
from conftest import here, tiny
from support.pictures import fill

from ganzoo import data, registry
from ganzoo.data import store
from ganzoo.data.dataset import Order
from ganzoo.data.emoji.hues import recoloured
from ganzoo.data.prefetch import AHEAD, Feed
from ganzoo.files import read_tensors
from ganzoo.text import caption
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
    state, other = one.game.state_dict(), two.game.state_dict()
    assert all(torch.equal(state[k], other[k]) for k in state)
    assert one.mean_terms() == two.mean_terms()


def test_batches_are_gathered_before_they_are_asked_for_and_no_more_than_a_few():
    gathered = []

    class Watched(data.Data):
        def rows_at(self, index, seed):
            assert threading.current_thread() is not threading.main_thread()
            gathered.append(index)
            return super().rows_at(index, seed)

    fake = data.load("fake")
    pictures = Watched(**vars(fake) | {"mapped": True})
    feed = Feed(pictures, Order(256, 0), 10, whole, CPU)
    batch = feed.at(3)
    for asked, last in ((1, 3), (2, 4)):
        end = time.monotonic() + 240
        while len(gathered) < asked + AHEAD and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.05)
        due = [Order(256, 0).at(10 * s, 10) for s in range(3, last + 1 + AHEAD)]
        assert torch.equal(torch.stack(gathered), torch.stack(due)), "each once, in order, and no further"
        feed.at(last + 1)
    assert torch.equal(batch["image"], fake.batch(gathered[0], CPU)["image"])


def test_a_step_says_and_shows_the_same_ahead_of_time_later_and_in_part():
    fake = data.load("fake")
    several = replace(fake, captions=tuple(tuple(f"{i} in words {k}" for k in range(5)) for i in range(len(fake))))
    red = torch.tensor([200, 0, 0], dtype=torch.uint8)[:, None, None].expand_as(fake.image).clone()
    held = recoloured(replace(several, image=red), ["thing"] * len(fake), ["flat"] * len(fake))
    mapped = replace(held, mapped=True)
    one, two = (Feed(d, Order(len(d), 3), 10, whole, CPU) for d in (held, mapped))
    half = Feed(mapped, Order(len(held), 3), 10, lambda x: x[5:], CPU)
    told = {}
    for step in (0, 1, 2, 7, 8, 33, 1, 26):
        torch.manual_seed(step)
        a = one.at(step)
        torch.manual_seed(99)
        b, c = two.at(step), half.at(step)
        for k in ("image", "label", "text"):
            assert torch.equal(a[k], b[k])
            assert torch.equal(a[k][5:], c[k])
        said = caption.read(a["text"])
        assert told.setdefault(step, said) == said
    everything = [x for said in told.values() for x in said]
    assert {x[-1] for x in everything if "words" in x} == set("01234")
    assert any("a blue thing" in x for x in everything)
    both = [dict(zip(Order(256, 3).at(10 * s, 10).tolist(), caption.read(one.at(s)["text"]), strict=True)) for s in range(52)]
    first, second = ({i: x for said in both[a:b] for i, x in said.items()} for a, b in ((0, 25), (26, 51)))
    same = [first[i] == second[i] for i in first.keys() & second.keys()]
    assert sum(same) < len(same) / 2, "another epoch says something else"


def test_an_encoder_learns_the_same_from_captions_that_were_read_ahead():
    fake = data.load("fake")
    held = replace(fake, captions=tuple((f"noise {i}", f"number {i}", f"{i}") for i in range(len(fake))))
    spec = registry.spec("encoder")
    facts = {"side": 16, "channels": 3, "classes": fake.classes} | dict(spec.tiny)
    one, two = (Engine(spec, facts, d, 0, CPU, "fp32") for d in (held, replace(held, mapped=True)))
    for _ in range(8):
        one.advance()
        two.advance()
    state, other = one.game.state_dict(), two.game.state_dict()
    assert all(torch.equal(state[k], other[k]) for k in state)


def test_what_goes_wrong_in_the_thread_is_told_by_the_engine():
    class Broken(data.Data):
        def rows_at(self, index, seed):
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


@pytest.mark.parametrize("said", [[["a rose", "eine Rose"], "a cat"], ["a rose", ""]], ids=["several", "one lacks"])
def test_captions_of_a_folder_that_is_kept_are_those_that_its_lines_say(tmp_path, monkeypatch, said):
    fill(tmp_path / "pictures/train", ["0.png", "1.png"])
    lines = [json.dumps({"file_name": f"{i}.png", "text": s}) for i, s in enumerate(said)]
    (tmp_path / "pictures/train/metadata.jsonl").write_text("\n".join(lines))
    name = f"folder:{tmp_path / 'pictures'}@8"
    held = data.load(name, tmp_path / "kept")
    monkeypatch.setattr(store, "MOST", 0)
    made, read = (data.load(name, tmp_path / "kept") for _ in range(2))
    assert held.captions == made.captions == read.captions
    assert held.captions == ((("a rose", "eine Rose"), ("a cat",)) if all(said) else ())
    assert ("text" in read.batch(torch.tensor([0, 1]), CPU)) == all(said)


def test_a_training_from_the_disk_is_resumed_exactly_and_is_that_from_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_DATA", str(tmp_path / "data"))
    fill(tmp_path / "pictures", [f"{i}.png" for i in range(60)])
    name = registry.MODELS[0]
    flags = ["--data", f"folder:{tmp_path / 'pictures'}@16", "--quiet", *tiny(name)]
    here("train", name, "--steps", 40, "--out", tmp_path / "memory", *flags)
    monkeypatch.setattr(store, "MOST", 0)
    here("train", name, "--steps", 13, "--out", tmp_path / "disk", *flags)
    here("resume", tmp_path / "disk", "--steps", 40)
    assert list((tmp_path / "data").rglob("image.u8"))
    one, two = (read_tensors(tmp_path / f / "state.safetensors")[0] for f in ("memory", "disk"))
    assert all(torch.equal(one[k], two[k]) for k in one)
