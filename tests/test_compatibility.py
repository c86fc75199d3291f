"""What was written for ganzoo at 5187166 still works: links, calls of programs, commands, runs, checkpoints, Python."""

from __future__ import annotations

import json
import shlex
import shutil
from urllib.parse import parse_qsl

import numpy
import pytest
import torch
from conftest import REPO, here
from gradio_client import Client
from PIL import Image
from support.links import BY_TAB, inputs_of

import ganzoo
from ganzoo.checkpoint import card
from ganzoo.checkpoint.folder import Checkpoint
from ganzoo.cli.parser import parse
from ganzoo.files import read_tensors
from ganzoo.images import to_uint8
from ganzoo.ui.fields import to_text
from ganzoo.ui.permalink import decode
from ganzoo.ui.pictures import enlarge

# ---- Links ------------------------------------------------------------------------------------------------------------

# Links were of version 1; all that they say can still be said of the same checkpoints.
OLD_LINKS = {
    "?v=1&tab=vanilla&seed=3&n=6&shot=8&at=16&from=4294967295&to=0": "vanilla-mnist",
    "?v=1&tab=dcgan&m=dcgan-fashion&w=98e0dcd&seed=4294967295&n=27&shot=15&at=14": "dcgan-fashion",
    "?v=1&tab=cgan&w=8d67c18&seed=4265854110&label=7&hand=1911213317&text=521166": "cgan-mnist",
    "?v=1&tab=cgan&m=cgan-fashion&label=Ankle+boot&hand=2631883398&parts=Shirt~Bag~Pullover~Sneaker": "cgan-fashion",
    "?v=1&tab=infogan&n=15&c1=8&c2=-0.95&c3=-0.4&drawing=HNz7BbGQOpWLgCG_MWu1~wenrl52ITv1FmsKO&across=seed": "infogan-mnist",
    "?v=1&tab=infogan&m=infogan-fashion&w=f6544ee&seed=9&c1=7&c2=0.55&across=c3": "infogan-fashion",
    "?v=1&tab=gan_cls&w=e478582&n=20&text=a+red+%F0%9F%90%B6+%26+a+cat&into=%E7%8C%AB&at=10&style=emojione": "gan_cls-emoji",
    "?v=1&tab=stackgan": "stackgan-emoji",
    "?v=1&tab=stackgan&w=a266341&seed=1&n=33&text=&into=a+blue+rose&style=outlined&epsilon=0.8": "stackgan-emoji",
    "?v=1&tab=stackgan&m=stackgan-emoji-64&w=d3d88e3&seed=487242132&shot=2&text=a+rose&at=14": "stackgan-emoji-64",
    "?v=1&tab=stackgan&m=stackgan-shapes&w=5f1cea9&text=a+red+square&at=1&epsilon=1.4": "stackgan-shapes",
}


@pytest.mark.parametrize(("query", "checkpoint"), OLD_LINKS.items())
def test_an_old_link_says_what_it_said(query, checkpoint):
    pairs = dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True))
    state, notices = decode(pairs, BY_TAB, inputs_of)
    assert (state.checkpoint, notices) == (checkpoint, [])
    assert state.weights == pairs.get("w", "")
    assert {k: to_text(v) for k, v in state.values.items()} == {
        k: v for k, v in pairs.items() if k not in ("v", "tab", "m", "w")
    }
    assert state.tab == ganzoo.resolve(checkpoint).spec.name


# ---- Programs ---------------------------------------------------------------------------------------------------------

# Positions, as HTTP has them; a client for Python may give them names too, which are those of the inputs today.
ENDPOINTS = {
    "/sample": ["checkpoint", "n", "seed", "inputs"],
    "/vanilla": ["checkpoint", "seed", "n"],
    "/dcgan": ["checkpoint", "seed", "n"],
    "/cgan": ["checkpoint", "seed", "n", "label"],
    "/infogan": ["checkpoint", "seed", "n", "c1", "c2", "c3"],
    "/gan_cls": ["checkpoint", "seed", "n", "text", "style", "epsilon"],
    "/stackgan": ["checkpoint", "seed", "n", "text", "style", "epsilon"],
}


@pytest.fixture(scope="module")
def client(app):
    return Client(app.url, verbose=False, httpx_kwargs={"timeout": 240})


def test_endpoints_take_what_they_took_where_they_took_it(client):
    found = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    for name, parameters in ENDPOINTS.items():
        now = [p["parameter_name"] for p in found[name]["parameters"]]
        assert now == [p for p in parameters if p in now], name
        assert set(parameters) - set(now) <= {"epsilon"}, name


@pytest.mark.parametrize(
    ("endpoint", "given", "checkpoint", "n", "seed", "inputs"),
    [
        ("/sample", ("stackgan-emoji-64", 3, 5, {"text": "a rose"}), "stackgan-emoji-64", 3, 5, {"text": "a rose"}),
        ("/sample", ("cgan-mnist", 4, 1, {"label": 7}), "cgan-mnist", 4, 1, {"label": 7}),
        ("/vanilla", ("vanilla-mnist", 3, 4), "vanilla-mnist", 4, 3, {}),
        ("/dcgan", ("dcgan-fashion", 3, 4), "dcgan-fashion", 4, 3, {}),
        ("/cgan", ("cgan-fashion", 0, 9, "Coat"), "cgan-fashion", 9, 0, {"label": "Coat"}),
        ("/infogan", ("infogan-mnist", 2, 4, "3", 0.5, -1.0), "infogan-mnist", 4, 2, {"c1": "3", "c2": 0.5, "c3": -1.0}),
    ],
    ids=lambda x: x if isinstance(x, str) and x.startswith("/") else "",
)
def test_a_call_draws_what_it_drew(client, endpoint, given, checkpoint, n, seed, inputs):
    path, _ = client.predict(*given, api_name=endpoint)
    ours = enlarge(to_uint8(ganzoo.load(checkpoint).sample(n, seed=seed, **inputs)))
    with Image.open(path) as drawn:
        assert abs(numpy.array(drawn).astype(int) - numpy.array(ours)).max() <= 1


@pytest.mark.parametrize("checkpoint", ["stackgan-emoji", "stackgan-emoji-64"])
def test_a_call_by_the_name_of_a_tab_that_a_checkpoint_has_left_is_served(client, checkpoint):
    path, said = client.predict(checkpoint, 7, 2, "a red rose", "any", 0.0, api_name="/stackgan")
    there, _ = client.predict(checkpoint, 7, 2, "a red rose", "any", 0.0, api_name="/emoji_painter")
    assert checkpoint in said
    with Image.open(path) as one, Image.open(there) as two:
        assert numpy.array_equal(numpy.array(one), numpy.array(two))


# ---- Commands ---------------------------------------------------------------------------------------------------------

COMMANDS = (REPO / "tests/commands_5187166.txt").read_text().splitlines()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda x: " ".join(x.split()[:2]))
def test_a_command_with_every_flag_of_its_time_is_read(command):
    """Every flag that there was, with its default of then; what is gone is accepted where it asked for nothing."""
    args = parse(shlex.split(command))
    assert args.verb == command.split()[0]


@pytest.mark.parametrize("name", ["judge", "encoder"])
def test_a_tools_learning_rate_of_a_generator_is_read_and_means_nothing(name, tmp_path):
    flags = ["--data", "fake", "--steps", 1, "--quiet", "--width", 4, "--batch", 8]
    flags += {"judge": [], "encoder": ["--embedding", 8, "--width1", 4, "--width2", 4, "--width3", 4]}[name]
    here("train", name, *flags, "--out", tmp_path / "plain")
    here("train", name, *flags, "--lr-g", 0.5, "--out", tmp_path / "given")
    one, two = (read_tensors(tmp_path / f / "state.safetensors")[0] for f in ("plain", "given"))
    assert all(torch.equal(one[k], two[k]) for k in one)


# ---- Runs and checkpoints ---------------------------------------------------------------------------------------------


def test_a_run_of_an_earlier_version_is_resumed_as_that_version_resumed_it(tmp_path):
    """Made at 5187166 with `train dcgan --data fake --width 2 --z 4 --batch 4 --steps 3`, and resumed there to step 6."""
    kept = REPO / "tests/runs/dcgan-5187166"
    (tmp_path / "run").mkdir()
    for name in ("run.json", "state.safetensors"):
        shutil.copy(kept / name, tmp_path / "run")
    here("resume", tmp_path / "run", "--steps", 6, "--quiet")
    (ours, facts), (theirs, facts_then) = (
        read_tensors(f) for f in (tmp_path / "run/state.safetensors", kept / "step-6.safetensors")
    )
    assert facts["step"] == facts_then["step"] == "6"
    assert ours.keys() == theirs.keys()
    first, _ = read_tensors(kept / "state.safetensors")
    for k in ours:  # on the processor that made it: to the last bit
        moved, off = (theirs[k].float() - first[k].float()).norm(), (ours[k].float() - theirs[k].float()).norm()
        assert off <= 0.01 * moved + 1e-6 or k.endswith("bias"), k  # a bias before batch norm is moved by rounding alone


def test_a_checkpoint_of_format_1_is_measured_shown_and_loaded(tmp_path):
    """The config.json of infogan-mnist as it was written then, beside the weights, which have not changed."""
    folder = shutil.copytree(REPO / "weights/infogan-mnist", tmp_path / "infogan-mnist")
    shutil.copy(REPO / "tests/config_format_1.json", folder / "config.json")
    old, new = Checkpoint(folder, "folder"), ganzoo.resolve("infogan-mnist")
    old.verify()
    assert json.loads((folder / "config.json").read_text())["format"] == 1
    assert torch.equal(old.load().sample(4, seed=3, c1=2), new.load().sample(4, seed=3, c1=2))
    assert [m.value for m in old.manifest.metrics] == [m.value for m in new.manifest.metrics]
    assert card.render(old) == card.render(new)


# ---- Python -----------------------------------------------------------------------------------------------------------


def test_the_public_names_are_there():
    assert {"GAN", "Checkpoint", "checkpoints", "load", "resolve", "specs"} <= set(ganzoo.__all__)
    gan = ganzoo.load("cgan-mnist", device="cpu")
    assert gan.sample(16, seed=0, label=7).shape == (16, 1, 28, 28)
    assert isinstance(gan, ganzoo.GAN)
    assert isinstance(ganzoo.resolve("cgan-mnist"), ganzoo.Checkpoint)
    for method in ("from_pretrained", "save_pretrained", "push_to_hub", "draw", "show", "sample", "infer"):
        assert callable(getattr(gan, method)), method
