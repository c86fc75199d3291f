"""ONNX: every model as one file that draws what torch draws, its inputs named, n free; what cannot be is refused in a line."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy
import onnx
import onnxruntime
import pytest
import torch
from conftest import REPO, here, run_cli
from support.hubserver import clean_env

import ganzoo
from ganzoo import registry
from ganzoo.checkpoint import onnx as exporter
from ganzoo.gan import as_gan
from ganzoo.images import to_uint8
from ganzoo.inputs import Text
from ganzoo.models._text_to_image import TextToImageGAN
from ganzoo.models._towers import MOST_WORDS
from ganzoo.text import caption
from ganzoo.text.words import token_ids, vocabulary


@pytest.mark.parametrize("name", registry.MODELS)
def test_every_model_draws_the_same_in_onnx(name, checkpoints, tmp_path):
    """By the command line, read by onnxruntime alone; any number of pictures, other seeds than it was checked with."""
    file = tmp_path / "a folder" / "model.onnx"
    here("export", checkpoints[name], "--onnx", file)
    onnx.checker.check_model(onnx.load(file), full_check=True)
    gan = as_gan(ganzoo.resolve(str(checkpoints[name])).load())
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == [x.name for x in gan.inputs]
    assert [o.name for o in session.get_outputs()] == ["image"]
    for n in (1, 5):
        batch = gan.draw(n, seed=2**32 - 3)
        fed = {k: v.numpy() for k, v in exporter.feeds(gan, batch).items()}
        assert numpy.abs(session.run(None, fed)[0] - gan.show(batch).numpy()).max() < 1e-4
    if any(x.any_size for x in gan.pictures):
        wide = {x.name: torch.rand(1, x.channels, 7, 12) * 2 - 1 for x in gan.pictures}
        assert numpy.abs(session.run(None, {k: v.numpy() for k, v in wide.items()})[0] - gan.show(wide).numpy()).max() < 1e-4
    facts = session.get_modelmeta().custom_metadata_map
    checkpoint = ganzoo.resolve(str(checkpoints[name]))
    assert (facts["name"], facts["revision"], facts["model"]) == (checkpoint.name, checkpoint.revision, name)
    assert [(x["name"], x["type"]) for x in json.loads(facts["inputs"])] == [(x.name, type(x).__name__) for x in gan.inputs]
    assert facts["opset"] == str(onnx.load(file).opset_import[0].version)


def test_a_run_is_exported_too_and_a_file_is_not_replaced_unasked(runs, tmp_path, capsys):
    file = tmp_path / "run.onnx"
    here("export", runs["vanilla"], "--onnx", file)
    before = file.read_bytes()
    code, said = run_cli(capsys, "export", runs["vanilla"], "--onnx", file)
    assert (code, file.read_bytes()) == (2, before)
    assert said == f"ganzoo: {file}: is there; choose another file, or say --replace\n"
    assert run_cli(capsys, "export", runs["vanilla"], "--onnx", file, "--replace")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--onnx", "x.bin"], "does not end in .onnx"),
        (["--onnx", "x.onnx", "--name", "x"], "--name is about a checkpoint folder"),
        (["--onnx", "x.onnx", "--half", "--int8"], "give one"),
        (["--int8"], "give --onnx FILE too"),
        (["--discriminator"], "give --onnx FILE too"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, reason, runs, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said = run_cli(capsys, "export", runs["vanilla"], *arguments)
    assert code == 2
    assert reason in said
    assert said.count("\n") == 1
    assert [*tmp_path.iterdir()] == []


def test_what_does_not_draw_the_same_is_refused(checkpoints, capsys, tmp_path, monkeypatch):
    """As where torch's exporter writes another network than it was given."""
    traced = exporter.traced

    def another(net, *args):
        with torch.no_grad():
            net.gan.G.body[-2].bias += 0.01
            made = traced(net, *args)
            net.gan.G.body[-2].bias -= 0.01
        return made

    monkeypatch.setattr(exporter, "traced", another)
    code, said = run_cli(capsys, "export", checkpoints["vanilla"], "--onnx", tmp_path / "x.onnx")
    assert code == 2
    assert "does not make what torch makes of 64 seeds" in said
    assert [*tmp_path.iterdir()] == []


def test_half_and_8_bits_are_smaller_and_near():
    """Of a shipped one, whose weights are what training makes them."""
    checkpoint = ganzoo.resolve("infogan-mnist")
    gan = as_gan(checkpoint.load())
    single, half, int8 = (exporter.export(gan, exporter.facts_of(checkpoint), s) for s in ("single", "half", "int8"))
    assert len(half.raw) < 0.52 * len(single.raw)
    assert len(int8.raw) < 0.27 * len(single.raw)
    assert single.most <= 1
    assert half.mean < 0.01
    assert half.most <= 1
    assert 0.01 < int8.mean < 0.5


def test_what_half_precision_holds_loses_nothing_by_it():
    checkpoint = ganzoo.resolve("stackgan-emoji-64")
    gan = as_gan(checkpoint.load())
    assert exporter.holds_in_half(gan)
    single, half = (exporter.export(gan, {}, s) for s in ("single", "half"))
    assert len(half.raw) < 0.52 * len(single.raw)
    assert (half.mean, half.most) == (single.mean, single.most)


@pytest.mark.parametrize("name", ["vanilla", "cgan", "infogan", "gan_cls"])
def test_the_discriminator_on_request(name, checkpoints, tmp_path):
    file = tmp_path / "d.onnx"
    here("export", checkpoints[name], "--onnx", file, "--discriminator")
    gan = as_gan(ganzoo.resolve(str(checkpoints[name])).load())
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    batch = gan.draw(3, seed=5)
    image = gan.show(batch)
    fed = {k: exporter.discriminator_input(gan, k, image, batch) for k in exporter.arguments(gan.D)}
    assert [i.name for i in session.get_inputs()] == [*fed]
    found = session.run(None, {k: v.numpy() for k, v in fed.items()})[0]
    with torch.no_grad():
        assert torch.allclose(torch.from_numpy(found), exporter.first(gan.D(*fed.values())), atol=1e-4)


def test_captions_are_read_alike_by_vectors():
    """What is exported of an encoder of words, against what trains: captions of no word, of one, of more than are read."""
    gan = as_gan(ganzoo.load("stackgan-emoji-64"))
    assert isinstance(gan, TextToImageGAN)
    captions = ["a red apple", "???", "x", "cats and dogs " * 14, "an ämber 🐶, flat style"]
    vectors = exporter.word_vectors(captions)
    assert vectors.shape == (5, MOST_WORDS, vocabulary().vectors.shape[1])
    assert (vectors.abs().sum(2) > 0).sum(1).tolist() == [min(MOST_WORDS, len(token_ids(c))) for c in captions]
    text = next(x for x in gan.inputs if isinstance(x, Text))
    with torch.no_grad():
        by_text, by_vectors = gan.R(caption.write(captions, text.length)), gan.R.of_vectors(vectors)
    assert (by_text - by_vectors).abs().max() < 1e-6
    assert to_uint8(by_text.tanh()).float().std() > 0


def test_push_takes_it_along_on_request(hub, checkpoints, tmp_path):
    token = "hf_good"
    folder = checkpoints["vanilla"]
    for options, has in ((["--onnx"], True), ([], False)):
        command = [sys.executable, "-m", "ganzoo", "push", folder, "--repo", "ada/with-onnx", *options]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=REPO, env=clean_env(hub.url, tmp_path / "home", token)
        )
        assert done.returncode == 0, done.stderr
        file = hub.where("ada/with-onnx") / "onnx" / "model.onnx"
        assert file.is_file() == has, "what an earlier push wrote goes again"
        if has:
            assert {p.key: p.value for p in onnx.load(file).metadata_props}["model"] == "vanilla"
