"""To the Hub: push, the dialect of its library, and a Space, against a Hub on loopback with the real client."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
import yaml
from conftest import REPO, free_port
from support.hub_client import FIRST, NAME, draw, other_shapes, pixels, told, wrong_bytes
from support.hubserver import clean_env, git

import ganzoo
from ganzoo import registry
from ganzoo.checkpoint.folder import BOARD
from ganzoo.hub import network
from ganzoo.hub.deploy import JUDGE
from ganzoo.hub.push import Existing
from ganzoo.hub.settings import Repo

# ---- Push -------------------------------------------------------------------------------------------------------------


def test_push_then_pull_draws_the_same_bits_and_the_token_stays_secret(hub, client, tmp_path):
    token = "hf_good"
    command = [sys.executable, "-m", "ganzoo", "push", NAME, "--repo", "ada/sent"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPO, env=clean_env(hub.url, tmp_path / "home", token))
    assert done.returncode == 0, done.stderr
    where = hub.where("ada/sent")
    commit = git(where, "rev-parse", "HEAD")
    assert f'ganzoo.load("ada/sent@{commit}")' in done.stdout
    assert git(where, "rev-list", "--count", "HEAD") == "2", "the Hub's own first commit, and one of ours"
    theirs, ours = (
        {p.name for p in where.iterdir()} - {".git", ".gitattributes"},
        {p.name for p in (REPO / "weights" / NAME).iterdir()},
    )
    assert theirs == ours
    assert client(draw(f"ada/sent@{commit}"))["result"] == [f"Hub ada/sent@{commit[:7]}", pixels(ganzoo.load(NAME))]
    assert token not in done.stdout + done.stderr
    assert not subprocess.run(["grep", "-r", token, tmp_path, where], capture_output=True, text=True).stdout
    history = subprocess.run(["git", "-C", where, "log", "-p", "--all", "--text"], capture_output=True).stdout
    assert b"library_name: ganzoo" in history
    assert token.encode() not in history
    said = (where / "README.md").read_text()
    assert 'ganzoo.load("ada/sent")' in said
    head = yaml.safe_load(said.split("---")[1])
    assert head["library_name"] == "ganzoo"
    measures = ganzoo.resolve(NAME).config["metrics"]
    told_ = head["model-index"][0]["results"][0]["metrics"]
    assert [(m["name"], m["value"], m["n"], m["spread"]) for m in measures] == [
        (m["name"], m["value"], m["args"]["pictures"], m["args"]["standard_deviation"]) for m in told_
    ]


def own(kept, **files):
    """The files of a checkpoint's repo, and others."""
    return {p.name: p.read_bytes() for p in kept.iterdir()} | {k.replace("_", "."): v for k, v in files.items()}


@pytest.mark.parametrize(
    ("kind", "made", "lost"),
    [
        ("somebody's model", lambda kept: {"pytorch.bin": b"x", "README.md": b"mine"}, "pytorch.bin, README.md"),
        ("another library's", lambda kept: {"config.json": b'{"model_type": "bert"}'}, "config.json"),
        ("a broken config", lambda kept: {"config.json": b"\xff["}, "config.json"),
        ("ours and a diary", lambda kept: own(kept, diary_txt=b"dear"), "diary.txt"),
        ("ours", lambda kept: own(kept, training_webp=b"x"), ""),
        ("empty", lambda kept: {".gitattributes": b""}, ""),
    ],
)
def test_a_push_deletes_nothing_of_somebodys_unless_asked_to(kind, made, lost, hub, client, kept):
    repo = f"ada/again-{kind.replace(' ', '-').replace(chr(39), '')}"
    hub.commit(repo, made(kept))
    for flags in ((), ("--dry-run",)):
        code, out, err = client(told("push", kept, "--repo", repo, *flags, HF_TOKEN="hf_good"))["result"]
        shown = err if not flags else out
        assert (code == 0) == (bool(flags) or not lost), err
        assert (f"it would lose {lost}: choose another name, or say --replace" in shown) == bool(lost)
        if lost:
            assert git(hub.where(repo), "rev-list", "--count", "HEAD") == "1", "nothing was sent"
    code, out, err = client(told("push", kept, "--repo", repo, "--replace", HF_TOKEN="hf_good"))["result"]
    assert code == 0, err
    names = set(git(hub.where(repo), "ls-files").splitlines()) - {".gitattributes"}
    assert names == {p.name for p in kept.iterdir()}
    if "diary" in kind:
        assert "     deleted  diary.txt" in out


@pytest.mark.parametrize(
    ("made", "lost"),
    [
        ({"app.py": b"somebody's", "data.csv": b"x"}, "data.csv, app.py"),
        ({"app.py": b"", "ganzoo/ui/app.py": b"", "ganzoo/old.py": b"", "notes.txt": b"x"}, "notes.txt"),
        ({"app.py": b"", "ganzoo/ui/app.py": b"", "weights/mine/config.json": b"x"}, "weights/mine/config.json"),
        ({"app.py": b"", "ganzoo/ui/app.py": b"", "ganzoo/old.py": b""}, ""),
    ],
)
def test_a_deploy_deletes_nothing_of_somebodys_unless_asked_to(made, lost):
    there = Existing(tuple(made), {"app.py", "ganzoo/ui/app.py"} <= made.keys())
    content = {"app.py": b"", "ganzoo/ui/app.py": b"", "README.md": b""}
    assert ", ".join(there.lost(content, "space")) == lost


def test_push_says_what_is_wrong_in_one_line_and_uploads_nothing(hub, client, kept, folder):
    hub.asked.clear()
    code, out, err = client(told("push", kept, "--repo", "ada/dry", "--dry-run"))["result"]
    assert (code, err) == (0, "")
    assert not [x for x in hub.asked if x.startswith("POST")]
    assert "model.safetensors" in out
    assert "it is not there yet" in out
    assert "library_name: ganzoo" in out
    assert "nothing was uploaded" in out
    wrong_bytes(folder)
    hub.commit("ada/public", {"x": b"x"})
    for args, env, said in (
        ((kept, "--repo", "ada/x"), {}, "no token for the Hub that may write to ada/x"),
        ((kept, "--repo", "ada/x"), {"HF_TOKEN": "hf_bad"}, "ada/x: the token may not write there (error 401)"),
        ((kept, "--repo", "ada"), {"HF_TOKEN": "hf_good"}, "repo: 'ada' is not USER/REPO"),
        ((kept, "--repo", "ada/x@v1"), {"HF_TOKEN": "hf_good"}, "repo: 'ada/x@v1' is not USER/REPO"),
        ((folder, "--repo", "ada/x"), {"HF_TOKEN": "hf_good"}, "altered or cut short"),
        ((kept, "--repo", "ada/public", "--private"), {"HF_TOKEN": "hf_good"}, "ada/public: is there, and is not private"),
    ):
        code, out, err = client(told("push", *args, **env))["result"]
        assert (code, out, len(err.splitlines())) == (2, "", 1), err
        assert said in err
        assert "hf_" not in err.replace("hf_token", "")
    assert not hub.where("ada/x").exists()
    hub.shut()
    try:
        for verb in (("push", kept, "--repo", "ada/x"), ("deploy", "--space", "ada/x")):
            code, _, err = client(told(*verb, HF_TOKEN="hf_good"))["result"]
            assert code == 2
            assert "ada/x: the Hub cannot be reached (" in err.splitlines()[-1]
        client.forget()
        before = len(client.log.read_text().splitlines())
        assert "what is there could not be asked" in client(told("push", kept, "--repo", "ada/x", "--dry-run"))["result"][1]
        assert client.log.read_text().splitlines()[before:] == [], "the client library's retries are not ours to show"
    finally:
        hub.open()
        client.forget()
    assert client(told("push", kept, "--repo", "ada/mine", "--private", HF_TOKEN="hf_good"))["result"][0] == 0
    assert "ada/mine" in hub.private


def test_a_token_may_end_its_line_and_is_never_part_of_a_message(hub, client, kept):
    code = f"result = ganzoo.load({str(kept)!r}).push_to_hub('ada/line', token='hf_good\\n')"
    assert "/ada/line/commit/" in client(code)["result"]
    assert hub.where("ada/line").exists()
    for token in ("hf_sec ret", "hf_sec\nret", "\n", "hf_sécret"):
        with pytest.raises(ValueError, match="token: not one of the Hub's") as refused:
            ganzoo.GAN.from_pretrained("ada/x", token=token)
        assert "hf_" not in str(refused.value)
    assert network.checked(" hf_good\n") == "hf_good"
    told = network.explained(RuntimeError("Illegal header value b'Bearer hf_secret\n'"), Repo("ada/x"))
    assert "hf_" not in str(told)


def test_measures_are_not_recorded_into_the_hubs_cache(hub, client, kept):
    hub.publish("ada/measured", kept)
    code, _, err = client(told("eval", "ada/measured", "--record"))["result"]
    assert (code, "is a copy of the Hub's" in err) == (2, True)


# ---- The Hub's own dialect --------------------------------------------------------------------------------------------


def test_saved_and_loaded_as_the_hubs_library_does_it(kept, tmp_path, hub, client):
    gan = ganzoo.GAN.from_pretrained(kept)
    assert type(gan) is registry.spec(FIRST).build
    gan.save_pretrained(tmp_path / "copy")
    assert {p.name: p.read_bytes() for p in (tmp_path / "copy").iterdir()} == {p.name: p.read_bytes() for p in kept.iterdir()}
    own = type(gan).from_pretrained(tmp_path / "copy")
    assert pixels(own) == pixels(gan)
    hub.publish("ada/dialect", kept)
    code = "gan = ganzoo.GAN.from_pretrained('ada/dialect', revision='main'); result = gan.checkpoint.source[:15]"
    assert client(code)["result"] == "Hub ada/dialect"
    push = f"gan = ganzoo.load({str(kept)!r}); result = gan.push_to_hub('ada/own', private=True, token='hf_good')"
    assert client(push)["result"].startswith(f"{hub.url}/ada/own/commit/")
    assert client(draw("ada/own"))["result"][1] == pixels(gan)


def test_changed_weights_lose_their_measures(tmp_path):
    gan = ganzoo.load(NAME).requires_grad_(True)
    with torch.no_grad():
        next(gan.G.parameters()).mul_(1.5)
    gan.save_pretrained(tmp_path / "changed")
    again = ganzoo.resolve(str(tmp_path / "changed"))
    assert again.config["metrics"] == []
    assert "certificate" not in again.config
    assert again.timeline() == []
    assert again.config["training"]["command"].endswith("then changed in Python")
    assert pixels(again.load()) == pixels(gan)


def test_a_light_checkpoint_stays_light_and_keeps_its_measures(tmp_path):
    light = next(c for c in ganzoo.checkpoints() if c.config["inputs"] and not c.has_discriminator)
    light.load().save_pretrained(tmp_path / "again")
    again = ganzoo.resolve(str(tmp_path / "again"))
    assert again.config == light.config
    assert {p.name for p in again.folder.glob("*.safetensors")} == {"model.safetensors"}


def test_the_dialect_is_strict(kept, folder):
    with pytest.raises(ValueError, match="strict=False"):
        ganzoo.GAN.from_pretrained(kept, strict=False)
    other = next(registry.spec(m).build for m in registry.MODELS if m != FIRST)
    with pytest.raises(ValueError, match=f"not a {other.__name__}"):
        other.from_pretrained(kept)
    other_shapes(folder)
    with pytest.raises(ValueError, match="does not fit the model"):
        ganzoo.GAN.from_pretrained(folder)


# ---- Deploy -----------------------------------------------------------------------------------------------------------


def test_deploy_makes_a_space_that_runs_anywhere(hub, client, tmp_path):
    shown = [c for c in ganzoo.checkpoints() if c.config["inputs"]]
    commit = hub.publish(f"ada/{NAME}", REPO / "weights" / NAME)
    hub.publish(f"ada/{shown[1].name}", REPO / "weights" / shown[1].name)
    hub.private.add(f"ada/{shown[1].name}")
    code, out, err = client(told("deploy", "--space", "ada/zoo", "--dry-run"))["result"]
    assert code == 0, err
    assert not hub.where("ada/zoo", "spaces").exists()
    assert f"{shown[1].name}: from the Space itself only (ada/{shown[1].name} is not open to everybody)" in err
    code, again, err = client(told("deploy", "--space", "ada/zoo", HF_TOKEN="hf_good"))["result"]
    assert code == 0, err
    space = hub.where("ada/zoo", "spaces")
    files = set(git(space, "ls-files").splitlines())
    sent = again.splitlines()
    assert sent[:-2] == out.splitlines()[: len(sent) - 2], "what was shown is what is sent"
    assert sent[-1].endswith("/spaces/ada/zoo")
    assert {"app.py", "requirements.txt", "README.md", "LICENSE", "thumbnail.png", "ganzoo/ui/app.py"} <= files
    assert {f.split("/")[1] for f in files if f.startswith("weights/")} - {BOARD} == {
        "hub.json",
        JUDGE,
        *(c.name for c in shown),
    }
    assert not [f for f in files if "__pycache__" in f or f.startswith(("tests/", ".ci/"))]
    kinds = {f.rpartition(".")[2] for f in files if f.startswith("ganzoo/")}
    assert {"py", "safetensors"} <= kinds <= {"py", "safetensors", "js", "css", "html"}, "no notes, no keys"
    assert not [f for f in files if b"hf_good" in (space / f).read_bytes()]
    head = yaml.safe_load((space / "README.md").read_text().split("---")[1])
    assert head["models"] == [f"ada/{NAME}"]
    repo, names, pin = head["preload_from_hub"][0].split()
    assert (repo, pin) == (f"ada/{NAME}", commit)
    assert "model.safetensors" in names.split(",")
    assert head["thumbnail"].endswith("/ada/zoo/resolve/main/thumbnail.png")
    assert len(head["short_description"]) <= 60
    assert head["suggested_hardware"] == "cpu-basic"

    # Duplicated by somebody else, without a network, with what the Hub put into the cache when it was built.
    home = client.env["HF_HOME"]
    env = clean_env(f"http://127.0.0.1:{free_port()}", home) | {"SPACE_ID": "bob/zoo", "SPACE_AUTHOR_NAME": "bob"}
    env.pop("PYTHONPATH")
    code = f"import app, ganzoo; print([ganzoo.resolve(n).source for n in {[c.name for c in shown]!r}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=space, env=env)
    assert done.returncode == 0, done.stderr
    assert f"cache ada/{NAME}@{commit[:7]}" in done.stdout
    assert "bundled, the Hub was not reached" in done.stdout


def test_a_space_of_ones_own_checkpoints_has_its_own_title(client):
    flags = ("deploy", "--space", "ada/cats", "--dry-run", "--title", "Ada's digits", "--only", NAME)
    code, out, err = client(told(*flags, GANZOO_HUB="off"))["result"]
    assert code == 0, err
    assert {line.split("weights/")[1].split("/")[0] for line in out.splitlines() if "  weights/" in line} == {NAME}
    assert "title: Ada's digits" in out
    code, _, err = client(told("deploy", "--space", "ada/cats", "--dry-run", "--only", "nosuch"))["result"]
    assert (code, err.startswith("ganzoo: only: no checkpoint 'nosuch' that draws; there are ")) == (2, True)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"short_description": "x" * 61}, "short_description"),
        ({"sdk": "docker"}, "sdk"),
        ({"sdk_version": "5.0.0"}, "sdk_version"),
        ({"python_version": "2.7"}, "python_version"),
        ({"colorTo": "mauve"}, "colorTo"),
        ({"app_file": "main.py"}, "app_file"),
        ({"models": ["../x"]}, "models"),
        ({"preload_from_hub": ["ada/x config.json main"]}, "preload_from_hub"),
        ({"thumbnail": "x.png"}, "thumbnail"),
    ],
)
def test_a_head_that_no_space_accepts_is_refused(facts, said):
    from ganzoo.hub.deploy import CODE, validate

    content = {f: (REPO / f).read_bytes() for f in CODE}
    good = yaml.safe_load((REPO / "README.md").read_text().split("---")[1]) | {"thumbnail": "https://x/y.png"}
    validate(good, content)
    with pytest.raises(ValueError, match=said):
        validate(good | facts, content)
