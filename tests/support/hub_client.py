"""Code for the client of the Hub on loopback, and ways to spoil a checkpoint that is there."""

from __future__ import annotations

import json

import torch

import ganzoo
from ganzoo import data, registry
from ganzoo.files import sha256, write_tensors

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


def told(*args, **env):
    """Code that runs the command line in the client -> [exit code, stdout, stderr]."""
    code = (
        "import io, contextlib\nfrom ganzoo.__main__ import main\nout, err = io.StringIO(), io.StringIO()\n"
        f"with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err): code = main({[*map(str, args)]!r})\n"
        "result = [code, out.getvalue(), err.getvalue()]"
    )
    return with_env(code, **env)
