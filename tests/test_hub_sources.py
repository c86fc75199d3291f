"""Where a checkpoint is taken from: the order of the sources, what is listed, and how long a Hub that fails is waited for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time

import httpx
import pytest
from conftest import REPO, App, small
from support.hub_client import FIRST, NAME, draw, load, pixels, with_env, wrong_bytes
from support.hubserver import clean_env

import ganzoo
from ganzoo.hub import pretrained

# ---- Pull -------------------------------------------------------------------------------------------------------------


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
    code = f"result = [[k.name, k.model, k.data, k.source[:5]] for k in resolve.listed({FIRST!r})]"
    listed = client(with_env(code, GANZOO_HUB=f"cleo/{FIRST}-faces cleo/{FIRST}-mnist cleo/photos"))["result"]
    assert [f"cleo/{FIRST}-faces", FIRST, "faces", "Hub c"] in listed
    assert not [k for k in listed if k[0] == f"cleo/{FIRST}-mnist"], "that is what the bundled name asks for"
    assert ["ada/listed", FIRST, "unknown", "cache"] in listed
    assert "bundled" in {k["source"] for k in map(vars, ganzoo.hub.resolve.listed(FIRST))}
    assert hub.asked == []


def described(repos):
    code = "problems = resolve.describe()\nresult = [problems, [[k.name, k.model, k.source] for k in resolve.listed()]]"
    return with_env(code, GANZOO_HUB=repos)


def test_ones_own_repo_of_any_name_is_known_by_its_config(hub, client, kept):
    hub.publish("gil/mine", kept)
    problems, listed = client(described("gil/mine"))["result"]
    assert problems == []
    assert ["gil/mine", FIRST, "Hub gil/mine"] in listed
    hub.asked.clear()
    assert client(described("gil/mine"))["result"] == [problems, listed], "it is asked once"
    assert hub.asked == []
    assert client(with_env(draw("gil/mine"), GANZOO_HUB="gil/mine"))["result"][1] == pixels(ganzoo.load(str(kept)))
    of_all = client("result = [[k.name, k.source] for k in resolve.listed()]")["result"]
    source = next(source for name, source in of_all if name == "gil/mine")
    assert source.endswith("on this machine alone"), "nobody names it now: a restart elsewhere does not have it"


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("nothing", "no such repo on the Hub, or a private one"),
        ("gated", "gated; ask for access"),
        ("a bert", "not the config.json of a ganzoo checkpoint"),
        ("a judge", "a judge, which draws nothing"),
        pytest.param(
            "silent",
            "the Hub cannot be reached (it does not answer in time); by its name, MODEL-DATA, it would have a tab",
            marks=pytest.mark.stopwatch,
        ),
    ],
)
def test_what_cannot_be_shown_is_said_with_the_reason_and_in_two_seconds(kind, why, hub, client, kept, tmp_path):
    repo = f"gil/{kind.replace(' ', '-')}"
    if kind == "a judge":
        pretrained.save(small("judge"), tmp_path / "judge", "judge-fake")
        hub.publish(repo, tmp_path / "judge")
    elif kind == "a bert":
        hub.commit(repo, {"config.json": b'{"model_type": "bert"}'})
    elif kind != "nothing":
        hub.publish(repo, kept)
    hub.fault[repo], hub.hole = kind, kind if kind == "silent" else ""
    client("network.PROBE = 2.0" if kind == "silent" else "pass")
    try:
        answer = client(described(f"{repo} {repo}"))
    finally:
        hub.hole = ""
        client("network.PROBE = 20.0")
    problems, listed = answer["result"]
    assert [(repo in line, why in line) for line in problems] == [(True, True)], problems
    assert repo not in [name for name, _, _ in listed]
    assert kind != "silent" or answer["seconds"] < 4


def test_a_space_whose_owner_has_nothing_on_the_hub_says_so_in_one_line(hub, client):
    before = len(client.log.read_text().splitlines())
    names = [c.name for c in ganzoo.checkpoints()][:4]
    several = f"result = [*{{ganzoo.resolve(name).source for name in {names!r}}}]"
    assert client(with_env(several, SPACE_AUTHOR_NAME="hal"))["result"] == ["bundled"]
    lines = client.log.read_text().splitlines()[before:]
    assert len(lines) == 1, lines
    assert lines[0].startswith("hal has no ")


def test_without_weights_it_says_where_they_are(tmp_path):
    code = "import ganzoo\ntry: ganzoo.load('dcgan-mnist')\nexcept ValueError as error: print(error)"
    for env, said in (
        ({}, "there is no folder weights (pip installs none): set GANZOO_WEIGHTS_DIR to the folder `weights` of a clone"),
        ({"GANZOO_WEIGHTS_DIR": "nowhere"}, "there is no folder nowhere, which GANZOO_WEIGHTS_DIR names"),
    ):
        shutil.copytree(REPO / "ganzoo", tmp_path / "site/ganzoo", dirs_exist_ok=True)
        kept = clean_env("http://127.0.0.1:9", tmp_path) | env | {"PYTHONPATH": str(tmp_path / "site")}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=kept)
        assert done.stdout.startswith(f"no checkpoint 'dcgan-mnist'; {said}, or name a folder"), done.stdout + done.stderr


def test_a_note_of_git_lfs_is_no_weights(folder):
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(ValueError, match="git lfs pull"):
        ganzoo.load(str(folder))


def test_spoilt_weights_of_the_hub_leave_the_bundled_ones_and_say_so(hub, client, folder):
    wrong_bytes(folder)
    hub.publish(f"dora/{NAME}", folder)
    assert client(with_env(load(NAME), GANZOO_HUB="dora"))["result"] == ["bundled", NAME]
    assert re.search(rf"model.safetensors \(Hub dora/{NAME}@.*altered", client.log.read_text())


SMALL = sorted(ganzoo.checkpoints(), key=lambda c: (c.folder / "model.safetensors").stat().st_size)[:2]
BOTH = f"for name in {[c.name for c in SMALL]!r}: gan = ganzoo.load(name)\nresult = [gan.checkpoint.source]"


@pytest.fixture(scope="module")
def quick(lasting_client):
    """Seconds that two bundled checkpoints take without a Hub."""
    return min(lasting_client(BOTH)["seconds"] for _ in range(3))


@pytest.mark.stopwatch
def test_a_hub_that_refuses_costs_nothing(hub, client, quick):
    hub.shut()
    try:
        refused = client(with_env(BOTH, GANZOO_HUB="ada"))
    finally:
        hub.open()
    assert refused["result"] == ["bundled, the Hub was not reached"]
    assert refused["seconds"] < 2 * quick + 1


@pytest.mark.stopwatch
@pytest.mark.parametrize("kind", ["silent", "trickle"])
def test_a_hub_that_is_a_black_hole_costs_two_seconds_once_a_minute(kind, hub, client, quick):
    hub.hole = kind
    client("network.PROBE = 2.0")
    try:
        first, second = (client(with_env(BOTH, GANZOO_HUB="ada")) for _ in range(2))
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


@pytest.mark.stopwatch
def test_a_black_hole_keeps_the_app_and_its_first_picture_back_by_two_seconds(hub, tmp_path):
    def seconds(name):
        (tmp_path / name).mkdir()
        hub.asked.clear()
        start = time.monotonic()
        app = App(tmp_path / name, HF_ENDPOINT=hub.url, HF_HOME=tmp_path / name, HF_HUB_OFFLINE="0", GANZOO_HUB="ada")
        try:
            asked = {"data": [NAME, 1, 0, {}]}
            with httpx.Client(base_url=app.url, timeout=240) as http:
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
        refused = seconds("refused")
    finally:
        hub.open()
    hub.hole = "silent"
    try:
        hole = seconds("hole")
    finally:
        hub.hole = ""
    assert hole < 1.5 * refused + 2


@pytest.mark.stopwatch
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


@pytest.mark.stopwatch
def test_a_name_that_cannot_be_looked_up_costs_little(tmp_path):
    env = clean_env("http://hub.invalid", tmp_path)
    command = [sys.executable, "-m", "ganzoo", "sample", NAME, "--n", "1", "--out", tmp_path / "x.png"]
    seconds = []
    for hub in ("off", "ada"):
        start = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, cwd=REPO, env=env | {"GANZOO_HUB": hub})
        seconds.append(time.monotonic() - start)
        assert done.returncode == 0
    assert seconds[1] < 2 * seconds[0] + 10, "a naive client takes minutes"
    assert done.stderr.startswith(f"ada/{NAME}: the Hub cannot be reached (")
    assert len(done.stderr.splitlines()) == 1
