"""How near a picture is to the true one: of GANs that make pictures of pictures."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from conftest import here, tiny

from ganzoo import data
from ganzoo.data.dataset import Attribute
from ganzoo.gan import GAN
from ganzoo.images import from_uint8, to_uint8
from ganzoo.inputs import Picture
from ganzoo.metrics import paired

FAKE = data.load("fake")


class Darker(GAN):
    """Draws its source, darker by an amount; its first stage is black."""

    def __init__(self, amount, side=16):
        super().__init__(data_config(side))
        self.inputs, self.amount = (Picture("source", side, 3, examples=4),), amount
        self.register_buffer("source_examples", self.inputs[0].blank())
        self.G = torch.nn.Linear(1, 1)

    def stages(self, source):
        return [torch.zeros_like(source) - 1, source - self.amount]


def data_config(side):
    from ganzoo.config import Config

    return Config(side=side, channels=3)


def pair(gan, held_out, n=20, seed=3):
    sources = {"source": paired.derived(gan, held_out, "source", n, seed)}
    return paired.pair_of(gan, held_out, sources, [to_uint8(x) for x in gan.stages(**sources)], seed)


def test_decibels_are_of_each_picture_against_its_own_and_then_averaged():
    held_out = replace(FAKE, image=(FAKE.image / 2 + 100).to(torch.uint8))
    held_out = replace(held_out, source=held_out.image)
    found = {s.id: s.value for s in paired.likeness(pair(Darker(0.2), held_out))}
    off = (from_uint8(to_uint8(from_uint8(held_out.image) - 0.2)) - from_uint8(held_out.image)).abs().mean().item()
    assert found["psnr"] == pytest.approx(20 * math.log10(2 / off), abs=0.1)
    assert found["psnr:source"] == paired.MOST_DB, "what it was made from is the true picture itself"
    assert found["ssim:source"] == pytest.approx(1)
    assert found["ssim:first_stage"] < found["ssim"] < 1
    assert found["psnr:first_stage"] < found["psnr"]
    wrong = pair(Darker(0.0), held_out)
    wrong = replace(wrong, true=wrong.true.roll(1, 0))
    assert paired.likeness(wrong)[0].value < 20, "another's true picture is far"


def test_data_without_pairs_and_models_without_pictures_have_no_truth():
    unpaired = replace(FAKE, source=FAKE.image[:9], paired=False)
    gan = Darker(0.0)
    assert not paired.has_truth(gan, unpaired)
    assert paired.has_truth(gan, FAKE)
    assert paired.has_truth(gan, replace(unpaired, source=FAKE.image, paired=True))
    gan.inputs = ()
    assert not paired.has_truth(gan, FAKE)


@pytest.mark.parametrize("model", ["pix2pix", "srgan", "cyclegan"])
def test_eval_says_what_it_can_without_a_judge(model, tmp_path):
    run = tmp_path / "run"
    here("train", model, "--data", "fake", "--steps", 2, "--out", run, "--quiet", *tiny(model))
    done = here("eval", run, "--n", 10)
    assert "only what needs no judge" in done.stdout + done.stderr
    assert "PSNR" in done.stdout
    assert ("of the first stage" in done.stdout) == (model == "srgan")
    assert ("of what it is made from" in done.stdout) == (model != "pix2pix"), "grey outlines are no colour picture"


def test_a_model_that_needs_a_judge_still_does(tmp_path):
    run = tmp_path / "run"
    here("train", "vanilla", "--data", "fake", "--steps", 1, "--out", run, "--quiet", *tiny("vanilla"))
    done = here("eval", run, "--n", 10, check=False)
    assert (done.returncode, "no judge for 'fake'" in done.stderr) == (2, True)


class Reader:
    """Reads one attribute: whether a picture is bright."""

    attributes = (Attribute("shade", ("dark", "bright")),)
    config = SimpleNamespace(side=16)

    @staticmethod
    def read(images):
        return (images.float().mean((1, 2, 3)) > 100).long()[:, None]


def test_attributes_are_kept_where_the_judge_reads_what_is_true_and_can_be_seen():
    bright = FAKE.image.clamp_min(60)
    held_out = replace(FAKE, image=bright, source=bright, attributes=Reader.attributes)
    known = Reader.read(bright)
    known[::3] = -1  # cannot be seen
    found = {}
    for amount in (0.0, 1.9):
        kept = paired.attributes_kept(Reader(), pair(Darker(amount), replace(held_out, attribute=known)))
        found |= {(s.id, amount): (s.value, s.floor) for s in kept}
    assert found["attributes_kept", 0.0] == found["attributes_kept:source", 1.9] == (1.0, 1.0)
    assert found["attributes_kept", 1.9] == found["attributes_kept:first_stage", 0.0] == (0.0, 1.0), "all is dark"
    assert paired.attributes_kept(Reader(), pair(Darker(0.0), held_out)) == []
