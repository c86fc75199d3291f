"""From the Hub, with the real client and a Hub on loopback: what is drawn, what is refused, how long it waits."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import httpx
import numpy
import pytest
import torch
from conftest import EVERYTHING, REPO, App, free_port, small
from hubserver import clean_env, git
from PIL import Image

import ganzoo
from ganzoo import data, registry
from ganzoo.files import sha256, write_tensors
from ganzoo.hub import pretrained
from ganzoo.manifest import HEAVIEST, weigh
from ganzoo.spec import configure

FIRST = registry.MODELS[0]
PICTURES = data.load("fake")
FACTS = {"side": PICTURES.side, "channels": PICTURES.channels, "classes": PICTURES.classes}
NAME = next(c.name for c in ganzoo.checkpoints() if c.config["inputs"])  # a bundled one


def draw(name):
    return f"gan = ganzoo.load({name!r}); result = [gan.checkpoint.source, gan.sample(3, seed=7).numpy().tobytes().hex()]"


def pixels(gan):
    return gan.sample(3, seed=7).numpy().tobytes().hex()


def load(name):
    return f"gan = ganzoo.load({name!r}); result = [gan.checkpoint.source, gan.checkpoint.name]"


def with_env(code, **env):
    """Code that runs with these environment variables in the client, and without them afterwards."""
    body = "\n".join(f"    {line}" for line in code.splitlines())
    return f"import os\nos.environ.update({env!r})\ntry:\n{body}\nfinally:\n    for k in {list(env)!r}: os.environ.pop(k, None)"


# ---- Pull -------------------------------------------------------------------------------------------------------------


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


def changed(change):
    def spoil(folder):
        config = json.loads((folder / "config.json").read_text())
        change(config)
        (folder / "config.json").write_text(json.dumps(config))

    return spoil


def wrong_bytes(folder):
    raw = bytearray((folder / "model.safetensors").read_bytes())
    raw[-1] ^= 1
    (folder / "model.safetensors").write_bytes(raw)


def put(raw):
    """Other weights, with their right sha256."""

    def spoil(folder):
        (folder / "model.safetensors").write_bytes(raw)
        changed(lambda c: c["files"].update({"model.safetensors": sha256(raw)}))(folder)

    return spoil


def other_shapes(folder):
    write_tensors(folder / "model.safetensors", {"G.body.0.weight": torch.zeros(2, 2)})
    put((folder / "model.safetensors").read_bytes())(folder)


def bomb(folder):
    Image.new("1", (20_000, 20_000)).save(folder / "timeline.png")


SPOILT = {
    "a bit of the weights": (wrong_bytes, "model.safetensors", "altered or cut short"),
    "cut weights": (lambda f: os.truncate(f / "model.safetensors", 900), "model.safetensors", "altered or cut short"),
    "a pickle": (put(b"\x80\x04cos\nsystem\n(S'true'\ntR."), "model.safetensors", "not a whole safetensors file"),
    "other shapes": (other_shapes, "model.safetensors", "does not fit the model; "),
    "a newer format": (changed(lambda c: c.update(format=2)), "config.json", "format 2; this version reads 1; a newer ganzoo"),
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
    "large": (changed(lambda c: c["config"].update(side=10**6)), "config.json", "side: 1000000 pixels"),
    "many classes": (changed(lambda c: c["config"].update(classes=["x"] * 20_000)), "config.json", "longer or deeper"),
    "an unknown knob": (changed(lambda c: c["config"].update(wings=2)), "config.json", "no knob wings"),
    "no number": (changed(lambda c: c["config"].update(lr_g=float("inf"))), "config.json", "not a number"),
    "a name with markup": (changed(lambda c: c.update(name="<script>")), "config.json", "name: "),
    "no title": (changed(lambda c: c["data"].pop("title")), "config.json", "data: lacks title"),
    "a measure of words": (changed(lambda c: c.update(metrics=["good"])), "config.json", "metrics: not a JSON object"),
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
    for knobs in (spec.tiny, *spec.recipes.values()):
        config = configure(spec.config, FACTS | {"side": 32, "channels": 3} | dict(knobs))
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


# ---- Which source, and how long it takes ------------------------------------------------------------------------------


def test_the_order_of_the_sources(hub, client, kept, tmp_path):
    commit = hub.publish(f"bob/{NAME}", kept)
    tiny_ones, bundled = [f"Hub bob/{NAME}@{commit[:7]}", "tiny-fake"], ["bundled", NAME]
    hub.asked.clear()
    assert client(load(NAME))["result"] == bundled
    assert hub.asked == [], "without a setting no Hub is asked"
    assert client(with_env(load(NAME), GANZOO_HUB="bob"))["result"] == tiny_ones
    assert client(with_env(load(NAME), SPACE_AUTHOR_NAME="bob"))["result"] == tiny_ones
    assert client(with_env(load(NAME), SPACE_ID="bob/zoo"))["result"] == tiny_ones
    hub.asked.clear()
    assert client(with_env(load(NAME), SPACE_ID="bob/zoo", GANZOO_HUB="off"))["result"] == bundled
    assert hub.asked == []
    assert client(with_env(load(NAME), SPACE_ID="cleo/zoo"))["result"] == bundled, "an owner without models"
    assert (
        client(with_env(load(NAME), GANZOO_HUB=f"cleo/x, bob/{NAME}@{commit}"))["result"][0] == f"cache bob/{NAME}@{commit[:7]}"
    )
    assert "GANZOO_HUB: 'b@d'" in client(with_env(load(NAME), GANZOO_HUB="b@d"))["said"]
    mine = tmp_path / "mine" / NAME
    shutil.copytree(kept, mine)
    assert client(with_env(load(NAME), GANZOO_HUB="bob", GANZOO_WEIGHTS_DIR=str(mine.parent)))["result"] == [
        "folder",
        "tiny-fake",
    ]
    assert client(with_env(load(str(mine)), GANZOO_HUB="bob"))["result"] == ["folder", "tiny-fake"]
    (mine.parent / "hub.json").write_text(json.dumps({"else": f"bob/{NAME}@{commit}"}))
    assert client(with_env(load("else"), GANZOO_WEIGHTS_DIR=str(mine.parent)))["result"][0] == f"cache bob/{NAME}@{commit[:7]}"


def test_what_is_known_is_listed_without_a_network(hub, client, kept):
    hub.publish("ada/listed", kept)
    client(load("ada/listed"))
    hub.asked.clear()
    code = f"result = [[k.name, k.model, k.data, k.source[:5]] for k in resolve.known({FIRST!r})]"
    listed = client(with_env(code, GANZOO_HUB=f"cleo/{FIRST}-faces cleo/{FIRST}-mnist cleo/photos"))["result"]
    assert [f"cleo/{FIRST}-faces", FIRST, "faces", "Hub c"] in listed
    assert not [k for k in listed if k[0] == f"cleo/{FIRST}-mnist"], "that is what the bundled name asks for"
    assert ["ada/listed", FIRST, "unknown", "cache"] in listed
    assert "bundled" in {k["source"] for k in map(vars, ganzoo.hub.resolve.known(FIRST))}
    assert hub.asked == []


def test_spoilt_weights_of_the_hub_leave_the_bundled_ones_and_say_so(hub, client, folder):
    wrong_bytes(folder)
    hub.publish(f"dora/{NAME}", folder)
    assert client(with_env(load(NAME), GANZOO_HUB="dora"))["result"] == ["bundled", NAME]
    assert re.search(rf"model.safetensors \(Hub dora/{NAME}@.*altered", client.log.read_text())


SEVERAL = f"for name in {[c.name for c in ganzoo.checkpoints()]!r}: gan = ganzoo.load(name)\nresult = [gan.checkpoint.source]"


@pytest.fixture(scope="module")
def quick(lasting_client):
    """Seconds that all bundled checkpoints take without a Hub."""
    return min(lasting_client(SEVERAL)["seconds"] for _ in range(3))


def test_a_hub_that_refuses_costs_nothing(hub, client, quick):
    hub.shut()
    try:
        refused = client(with_env(SEVERAL, GANZOO_HUB="ada"))
    finally:
        hub.open()
    assert refused["result"] == ["bundled, the Hub was not reached"]
    assert refused["seconds"] < 2 * quick + 1


@pytest.mark.parametrize("kind", ["silent", "trickle"])
def test_a_hub_that_is_a_black_hole_costs_two_seconds_once_a_minute(kind, hub, client, quick):
    hub.hole = kind
    client("network.PROBE = 2.0")
    try:
        first, second = (client(with_env(SEVERAL, GANZOO_HUB="ada")) for _ in range(2))
        client("network._pause = (network.time.monotonic(), '')")
        later = client(with_env(load(NAME), GANZOO_HUB="ada"))
        gone = client(load("ada/never-seen"))
    finally:
        hub.hole = ""
        client("network.PROBE = 20.0")
    assert first["result"] == ["bundled, the Hub was not reached"]
    assert 1.9 < first["seconds"] < 2 * quick + 3
    assert second["seconds"] < 2 * quick + 1
    assert 1.9 < later["seconds"] < quick + 3, "after a minute it asks again"
    assert "ada/never-seen: the Hub cannot be reached" in gone["said"]
    assert gone["seconds"] < 0.5


def test_a_black_hole_keeps_the_app_and_its_first_picture_back_by_two_seconds(hub, tmp_path):
    def seconds(name):
        (tmp_path / name).mkdir()
        hub.asked.clear()
        start = time.monotonic()
        app = App(tmp_path / name, HF_ENDPOINT=hub.url, HF_HOME=tmp_path / name, HF_HUB_OFFLINE="0", GANZOO_HUB="ada")
        try:
            asked = {"data": [NAME, 1, 0, {}]}
            with httpx.Client(base_url=app.url, timeout=60) as http:
                event = http.post("gradio_api/call/sample", json=asked).json()["event_id"]
                said = http.get(f"gradio_api/call/sample/{event}").text
            assert "event: complete" in said
            assert "bundled, the Hub was not reached" in said
            return time.monotonic() - start
        finally:
            app.stop()
            assert "Traceback" not in app.log.read_text()

    hub.shut()
    try:
        refused = min(seconds(f"refused-{i}") for i in range(2))
    finally:
        hub.open()
    hub.hole = "silent"
    try:
        hole = min(seconds(f"hole-{i}") for i in range(2))
    finally:
        hub.hole = ""
    assert hole - refused < 3


def test_a_slow_download_does_not_keep_a_visitor_from_the_bundled_weights(hub, client, quick, kept):
    hub.publish(f"fay/{NAME}", kept)
    hub.fault[f"fay/{NAME}"] = "slow"
    client("resolve.PATIENCE = 0.5")
    first = client(with_env(load(NAME), GANZOO_HUB="fay"))
    client("resolve.PATIENCE = 60.0")
    assert first["result"] == ["bundled, the Hub was not reached", NAME]
    assert first["seconds"] < quick + 2
    for _ in range(20):  # the download that was left to itself goes on, and the next waits for it
        client.forget()
        if (later := client(with_env(load(NAME), GANZOO_HUB="fay"))["result"][1]) == "tiny-fake":
            break
    assert later == "tiny-fake"


def test_a_name_that_cannot_be_looked_up_costs_little(tmp_path):
    env = clean_env("http://hub.invalid", tmp_path) | {"GANZOO_HUB": "ada"}
    command = [sys.executable, "-m", "ganzoo", "sample", NAME, "--n", "1", "--out", tmp_path / "x.png"]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPO, env=env)
    assert time.monotonic() - start < 30, "with torch's import on a busy machine; a naive client takes minutes"
    assert done.returncode == 0
    assert done.stderr.startswith(f"ada/{NAME}: the Hub cannot be reached (")
    assert len(done.stderr.splitlines()) == 1
