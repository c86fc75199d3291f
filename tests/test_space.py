"""A Space of somebody's own checkpoints: its tree, on code that may not be written to, with the Hub alive, dead and silent."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys

import pytest
from support.hubserver import clean_env

from ganzoo import registry
from ganzoo.hub import deploy

pytestmark = pytest.mark.stopwatch

FIRST = registry.MODELS[0]
DROP_BOUND, OVERRIDE = 24, (1, 2)  # prctl's, and the capabilities by which root is no ordinary user of files

# Everything is imported once; then each line of the standard input builds the page and draws with all of its checkpoints.
PAGE = """
import json, logging, sys, time
import app as entry
from ganzoo.hub import network, resolve
from ganzoo.ui import app, inference
lines = []
handler = logging.Handler()
handler.emit = lambda record: lines.append(record.getMessage())
logging.getLogger("ganzoo").addHandler(handler)
print("ready", flush=True)
for name in sys.stdin:
    network._pause = (0.0, ""); network._asked.clear(); resolve._warned.clear()
    inference._loaded.clear(); inference._unavailable.clear(); lines.clear()
    start = time.monotonic()
    page = app.build()
    drawn = {n: inference.sample(n, 1, 0).info["source"] for n in json.loads(name)}
    seconds = time.monotonic() - start
    radios = {b.elem_id: [v for _, v in b.choices] for b in page.blocks.values() if type(b).__name__ == "Radio"}
    print(json.dumps([seconds, radios, drawn, lines]), flush=True)
"""


def as_ordinary_user():
    for capability in OVERRIDE if os.getuid() == 0 else ():
        ctypes.CDLL(None).prctl(DROP_BOUND, capability)


@pytest.fixture
def space(kept, tmp_path, monkeypatch):
    """What `deploy --only photos drawings` sends, as files that nobody may write to."""
    for name in ("photos", "drawings"):
        folder = shutil.copytree(kept, tmp_path / "weights" / name)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"name": name}))
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    monkeypatch.setenv("GANZOO_HUB", "off")
    made = deploy.export("ada/zoo", only=["photos", "drawings"], title="Ada's")
    tree = tmp_path / "space"
    for name, raw in made.files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(raw)
    subprocess.run(["chmod", "-R", "a-w", tree], check=True)
    yield tree
    subprocess.run(["chmod", "-R", "u+w", tree], check=True)


def test_a_space_of_own_checkpoints_starts_whatever_the_hub_does(space, kept, hub, tmp_path):
    hub.publish("ada/photos", tmp_path / "weights/photos")
    hub.publish("ada/later", kept)  # pushed since: not in the tree
    before = sorted(p for p in space.rglob("*"))
    env = clean_env(hub.url, tmp_path / "home") | {"GANZOO_HUB": "ada/photos ada/later", "PYTHONPATH": ""}
    env |= {"SPACE_ID": "ada/zoo", "SPACE_AUTHOR_NAME": "ada", "GRADIO_TEMP_DIR": str(tmp_path / "pictures")}
    hub.shut()  # nothing is in the cache yet
    is_open = False
    process = subprocess.Popen(
        [sys.executable, "-c", PAGE],
        cwd=space,
        env=env,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(tmp_path / "log").open("w"),
        preexec_fn=as_ordinary_user,
    )

    def page(*names):
        process.stdin.write(json.dumps(names) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, (tmp_path / "log").read_text()
        seconds, radios, drawn, lines = json.loads(answer)
        assert len(lines) <= 3, lines
        assert {*names} <= {*radios[f"{FIRST}-checkpoint"]}
        return seconds, drawn, lines

    own = ("photos", "drawings")
    try:
        assert process.stdout.readline() == "ready\n", (tmp_path / "log").read_text()
        page(*own)  # whatever is slow the first time
        refused, drawn, lines = page(*own)
        assert drawn == {"photos": "bundled, the Hub was not reached", "drawings": "bundled"}
        assert [line.split(": the Hub cannot be reached")[0] for line in lines] == ["not shown: ada/later", "ada/photos"]
        hub.open()
        is_open, hub.hole = True, "silent"
        silent, drawn, lines = page(*own)
        assert drawn == {"photos": "bundled, the Hub was not reached", "drawings": "bundled"}
        assert silent < refused + 3
        hub.hole = ""
        _, drawn, lines = page(*own, "ada/later")
        assert drawn["drawings"] == "bundled"
        assert drawn["photos"].startswith("Hub ada/photos@")
        assert drawn["ada/later"].startswith("Hub ada/later@")
        assert lines == []
    finally:
        hub.hole = ""
        if not is_open:
            hub.open()
        process.stdin.close()
        process.wait(60)
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert sorted(p for p in space.rglob("*")) == before, "nothing is written beside the code"
