"""From the Hub, with the real client and a Hub on loopback: what is pulled and drawn, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy
import pytest
import torch
from conftest import EVERYTHING, REPO, free_port, small
from PIL import Image
from support.hub_client import FACTS, FIRST, changed, draw, load, other_shapes, pixels, put, wrong_bytes
from support.hubserver import clean_env, git

import ganzoo
from ganzoo import registry
from ganzoo.checkpoint.manifest import HEAVIEST, weigh
from ganzoo.config import configure
from ganzoo.hub import pretrained


def test_cold_download_then_a_second_start_from_the_cache_with_the_hub_down(hub, kept, tmp_path):
    """The command line in fresh processes, against olah itself."""
    commit = hub.publish("ada/cold", kept)

    def sample(url, out):
        args = ["sample", "ada/cold", "--n", "3", "--seed", "7", "--out", str(tmp_path / out)]
        code = f"from ganzoo.hub import network\nfrom ganzoo.__main__ import main\nnetwork.PROBE = 20.0\nexit(main({args!r}))"
        env = clean_env(url, tmp_path / "home")
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPO, env=env)

    first = sample(hub.olah_url, "first.npz")
    assert first.returncode == 0, first.stderr
    cached = [*(tmp_path / "home/hub").glob("models--ada--cold/snapshots/*")]
    assert [p.name for p in cached] == [commit]
    assert {"config.json", "model.safetensors", "timeline.png", "log.jsonl"} <= {p.name for p in cached[0].iterdir()}
    second = sample(f"http://127.0.0.1:{free_port()}", "second.npz")
    assert (second.returncode, second.stderr) == (0, "")
    one, two = (numpy.load(tmp_path / f"{x}.npz")["images"] for x in ("first", "second"))
    ours = ganzoo.images.to_uint8(ganzoo.load(str(kept)).sample(3, seed=7)).permute(0, 2, 3, 1).numpy()
    assert (one == two).all()
    assert (one == ours).all()


def test_what_is_pulled_draws_the_same_bits_and_says_where_it_came_from(hub, client, kept):
    commit = hub.publish("ada/same", kept)
    assert client(draw("ada/same"))["result"] == [f"Hub ada/same@{commit[:7]}", pixels(ganzoo.load(str(kept)))]


def test_a_branch_moves_a_commit_and_a_tag_stay_and_a_pinned_copy_asks_nobody(hub, client, kept, folder):
    old = hub.publish("ada/moves", kept)
    git(hub.where("ada/moves"), "tag", "v1")
    assert client(load(f"ada/moves@{old}"))["result"][0] == f"Hub ada/moves@{old[:7]}"
    pretrained.save(small(seed=1), folder, "tiny-fake")
    new = hub.publish("ada/moves", folder)
    assert client(draw("ada/moves"))["result"] == [f"Hub ada/moves@{new[:7]}", pixels(small(seed=1))]
    assert client(draw("ada/moves@v1"))["result"] == [f"Hub ada/moves@{old[:7]}", pixels(small())]
    hub.asked.clear()
    assert client(draw(f"ada/moves@{old}"))["result"] == [f"cache ada/moves@{old[:7]}", pixels(small())]
    assert hub.asked == []
    assert "no revision 'v9'" in client(load("ada/moves@v9"))["said"]


def test_a_copy_that_was_spoilt_in_the_cache_is_fetched_again(hub, client, kept):
    commit = hub.publish("ada/rot", kept)
    client(load("ada/rot"))
    spoil = "path = next(resolve.snapshots('ada/rot')[0].parent.glob('model.safetensors')).resolve()"
    spoil += "; raw = bytearray(path.read_bytes()); raw[-1] ^= 1; path.write_bytes(raw)"
    client(spoil)
    assert client(draw(f"ada/rot@{commit}"))["result"] == [f"Hub ada/rot@{commit[:7]}", pixels(small())]
    client(spoil)
    hub.fault["ada/rot"] = "error"
    client.forget()
    said = client(load("ada/rot"))
    assert "cannot be reached (it answers with error 503), and there is no copy in the cache" in said["said"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("gated", "ask for access at http"),
        ("no config.json", "no ganzoo checkpoint on the Hub: it has no config.json"),
        ("no model.safetensors", "model.safetensors: missing in the Hub repo"),
        ("error", "the Hub cannot be reached (it answers with error 503)"),
        ("cut", "the Hub cannot be reached (it does not answer in time)"),
        ("stall", "the Hub cannot be reached (it does not answer in time)"),
        ("slow", None),
    ],
)
def test_a_hub_that_fails_is_told_in_one_line(fault, said, hub, client, kept):
    repo = f"ada/fault-{fault.replace(' ', '-')}"
    hub.publish(repo, kept)
    hub.fault[repo] = fault
    answer = client(load(repo))
    if said is None:
        assert answer["result"] == [f"Hub {repo}@{git(hub.where(repo), 'rev-parse', 'HEAD')[:7]}", "tiny-fake"]
        return
    assert (answer["error"], repo in answer["said"], said in answer["said"]) == ("ValueError", True, True), answer
    assert "\n" not in answer["said"]


def test_a_repo_that_is_not_there_and_a_name_that_is_none(hub, client):
    assert "ada/nosuch: no such repo on the Hub, or a private one" in client(load("ada/nosuch"))["said"]
    for name in ("ada/x@../../../refs", "ada/../x", "a/b/c", "ada/x@", "@main", ".."):
        assert f"no checkpoint {name!r}; there are" in client(load(name))["said"]
    assert not [x for x in hub.asked if ".." in x]


def bomb(folder):
    Image.new("1", (20_000, 20_000)).save(folder / "timeline.png")


SPOILT = {
    "a bit of the weights": (wrong_bytes, "model.safetensors", "altered or cut short"),
    "cut weights": (lambda f: os.truncate(f / "model.safetensors", 900), "model.safetensors", "altered or cut short"),
    "a pickle": (put(b"\x80\x04cos\nsystem\n(S'true'\ntR."), "model.safetensors", "not a whole safetensors file"),
    "other shapes": (other_shapes, "model.safetensors", "does not fit the model; "),
    "a newer format": (
        changed(lambda c: c.update(format=3)),
        "config.json",
        "format 3; this version reads 1 to 2; a newer ganzoo",
    ),
    "somebody else's": (changed(lambda c: c.pop("format")), "config.json", "not the config.json of a ganzoo checkpoint"),
    "no JSON": (lambda f: (f / "config.json").write_text("[" * 200_000), "config.json", "cannot be read"),
    "much JSON": (lambda f: (f / "config.json").write_text('"' + "x" * 2_000_000 + '"'), "config.json", "more than 1 MB"),
    "unknown model": (changed(lambda c: c.update(model="../x")), "tiny-fake", "no model '../x'; there are"),
    "a file outside": (changed(lambda c: c["files"].update({"../../x": "0" * 64})), "config.json", "files: "),
    "a file of its own": (changed(lambda c: c["files"].update({"x.bin": "0" * 64})), "config.json", "files: "),
    "no hash": (changed(lambda c: c["files"].update({"model.safetensors": "x"})), "config.json", "is not a sha256"),
    "wide": (changed(lambda c: c["config"].update(width=10**9)), "config.json", "config: n"),
    "deep": (changed(lambda c: c["config"].update(depth=10**9)), "config.json", "config: n"),
    "huge": (changed(lambda c: c["config"].update(z=10**14, width=10**14)), "config.json", "config: n"),
    "large": (
        changed(lambda c: c["config"].update(side=10**6)),
        "config.json",
        "config: side: '1000000' is not a whole number <= 1024",
    ),
    "many classes": (changed(lambda c: c["config"].update(classes=["x"] * 20_000)), "config.json", "longer or deeper"),
    "an unknown knob": (changed(lambda c: c["config"].update(wings=2)), "config.json", "no knob wings"),
    "no number": (changed(lambda c: c["config"].update(lr_g=float("inf"))), "config.json", "not a number"),
    "a name with markup": (changed(lambda c: c.update(name="<script>")), "config.json", "name: "),
    "no title": (changed(lambda c: c["data"].pop("title")), "config.json", "data: lacks title"),
    "a measure of words": (
        changed(lambda c: c.update(metrics=["good"])),
        "config.json",
        "metrics: 0: 'good' is not a JSON object",
    ),
    "a picture that unfolds": (bomb, "timeline.png", "decompression bomb"),
    "a large picture": (lambda f: Image.new("1", (9_000, 9_000)).save(f / "timeline.png"), "timeline.png", "pixels, not"),
    "no picture": (lambda f: (f / "timeline.png").write_text("hello"), "timeline.png", "not a picture"),
    "a log of words": (lambda f: (f / "log.jsonl").write_text("hello\n"), "log.jsonl", "line 1 is not"),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_what_is_spoilt_or_hostile_is_never_drawn_from_and_takes_no_memory(kind, hub, client, folder):
    spoil, file, said = SPOILT[kind]
    spoil(folder)
    repo = f"eve/{kind.replace(' ', '-').replace(chr(39), '')}"
    hub.publish(repo, folder)
    peak = "__import__('resource').getrusage(0).ru_maxrss"
    before = client(f"result = {peak}")["result"]
    answer = client(load(repo))
    assert answer.get("error") == "ValueError", answer
    assert repo in answer["said"], answer
    assert file in answer["said"] or file == "tiny-fake", answer
    assert said in answer["said"], answer
    assert "\n" not in answer["said"]
    assert client(f"result = {peak}")["result"] - before < 200_000, "kilobytes"
    if said == "more than 1 MB":
        assert client(f"result = len(resolve.snapshots({repo!r}))")["result"] == 0, "it is not kept, not even to be looked at"


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_model_can_be_weighed_and_is_what_it_would_be(name):
    spec = registry.spec(name)
    for knobs in (spec.tiny, *(step.knobs for recipe in spec.recipes.values() for step in recipe)):
        config = configure(spec.config, FACTS | {"side": 64, "channels": 3} | dict(knobs))
        light, real = weigh(spec, config).state_dict(), spec.build(config).state_dict()
        assert {k: (v.shape, v.dtype) for k, v in light.items()} == {k: (v.shape, v.dtype) for k, v in real.items()}
        assert all(v.isfinite().all() for v in real.values()), "what is built afterwards is filled again"


def test_no_way_to_make_a_tensor_goes_unweighed():
    spec = registry.spec(FIRST)
    n = HEAVIEST // 4
    for make in (
        lambda c: torch.randn(n + 1),
        lambda c: torch.rand(2, n),
        lambda c: torch.ones((2, n)),
        lambda c: torch.zeros(size=(2, n)),
        lambda c: torch.full((2, n), 0.5),
        lambda c: torch.nn.Linear(2 * 32768, 32768),
        lambda c: [torch.nn.ReLU() for _ in range(3)] and [torch.nn.Linear(1, 1) for _ in range(10_000)],
    ):
        with pytest.raises(ValueError, match="MB"):
            weigh(replace(spec, build=make), spec.config())
