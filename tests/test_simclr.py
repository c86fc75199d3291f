"""Features that are learnt without labels: what they see, and the measures that data without classes have by them."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil

import pytest
import torch
from conftest import here

from ganzoo import data, registry
from ganzoo.images import to_pil
from ganzoo.metrics import measure as report
from ganzoo.metrics import quality
from ganzoo.metrics.case import Case
from ganzoo.models.simclr import SimCLR
from ganzoo.training.engine import Engine

G = torch.Generator()
IDS = {"frechet", "precision", "recall", "density", "coverage", "copies", "data_copying"}  # of what has no classes


@pytest.fixture(scope="module")
def shapes():
    return [data.load("shapes@16", split=split) for split in ("train", "test")]


@pytest.fixture(scope="module")
def net(shapes):
    """A small one, trained for seconds."""
    knobs = {"width": 8, "batch": 64, "ema": 0, "lr_d": 2e-3}
    engine = Engine(registry.spec("simclr"), knobs, shapes[0], 0, torch.device("cpu"), "fp32")
    for _ in range(60):
        engine.advance()
    return engine.game.eval()


def test_views_are_of_the_picture_in_its_range_and_differ(shapes, net):
    image = data.Data.to_device({"image": shapes[1].image[:32]}, torch.device("cpu"))["image"]
    one, other = net.view(image), net.view(image)
    assert one.shape == image.shape
    assert one.abs().amax() <= 1
    assert ((one - other).abs().mean((1, 2, 3)) > 0).all()
    whole = SimCLR(dataclasses.replace(net.config, crop=1.0, jitter=0.0))
    assert torch.allclose(whole.view(image), image, atol=1e-5), "no crop and no jitter leave it as it is"


def test_the_loss_is_the_papers():
    """Algorithm 1, written out: pairs (2k - 1, 2k), each against all but itself."""
    gan = SimCLR(registry.spec("simclr").config(side=8, classes=("",), width=2, temperature=0.25))
    z = torch.nn.functional.normalize(torch.randn(6, 5, generator=G.manual_seed(0)))
    gan.similarity = lambda image: (z @ z.T).masked_fill(torch.eye(6, dtype=torch.bool), -torch.inf)
    expected = 0.0
    for i in range(6):
        sim = [float(torch.dot(z[i], z[k]) / 0.25) for k in range(6)]
        expected += -sim[(i + 3) % 6] + torch.tensor([s for k, s in enumerate(sim) if k != i]).logsumexp(0).item()
    assert gan.contrast({"image": torch.zeros(3, 1, 8, 8)})["contrast"].item() == pytest.approx(expected / 6, rel=1e-5)


def test_noise_lost_modes_blur_and_repeats_are_farther_from_the_real_pictures(shapes, net):
    train, test = shapes
    real, image = net.predict(train.image[:2000])[0], test.image[:600]

    def distance(images):
        return quality.frechet_distance(real, net.predict(images)[0])

    floor = distance(image)
    noisy = [
        distance((image + s * torch.randn(image.shape, generator=G.manual_seed(1))).clamp(0, 255).byte()) for s in (32, 64, 96)
    ]
    assert 2 * floor < noisy[0] < noisy[1] < noisy[2]
    lost = [distance(test.image[test.label >= k][:600]) for k in (2, 4, 5)]
    assert 1.5 * floor < lost[0] < lost[1] < lost[2]
    assert distance(torch.nn.functional.avg_pool2d(image.float(), 3, 1, 1).byte()) > 3 * floor
    assert distance(image[:8].repeat(75, 1, 1, 1)) > 3 * floor


def test_copies_are_flagged_and_have_no_distance(shapes, net):
    train, test = shapes
    seen = {k: report.evaluate(net, x) for k, x in (("train", train.image[:600]), ("test", test.image[:600]))}

    def scores(images):
        case = Case(report.evaluate(net, images), seen["train"], seen["test"], ("",))
        found = [score for metric in report.METRICS for score in metric(case)]
        assert {s.id for s in found} == IDS
        return {s.id: s.value for s in found}

    copied, new = scores(train.image[:300]), scores(test.image[600:900])
    assert copied["copies"] == 1 > 0.1 > new["copies"]
    assert copied["data_copying"] < -3 < new["data_copying"]
    assert copied["frechet"] < new["frechet"]


def test_a_folder_without_classes_is_measured_by_it_all_the_way(shapes, tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    (tmp_path / "own").mkdir()
    for i, image in enumerate(shapes[0].image[:60]):
        to_pil(image).save(tmp_path / f"own/{i}.png")
    name, flags = f"folder:{tmp_path / 'own'}@16", ["--steps", 3, "--batch", 8, "--width", 4, "--quiet"]
    here("train", "dcgan", "--data", name, "--out", tmp_path / "gan", *flags)
    without = here("eval", tmp_path / "gan", "--n", 10, check=False)
    command = f"`python -m ganzoo train simclr --data {name} --out RUN && python -m ganzoo export RUN`"
    assert (without.returncode, without.stderr) == (
        2,
        f"ganzoo: {name!r} has no classes, so it has no judge, and no simclr yet; make one: {command}\n",
    )
    here("train", "simclr", "--data", name, "--out", tmp_path / "features", *flags)
    assert here("export", tmp_path / "features").stdout.strip().endswith("weights/simclr-folder-own")
    lost = here("eval", "simclr-folder-own", "--record", check=False)
    assert lost.stderr == (
        "ganzoo: simclr-folder-own was trained on a folder named own, which is not here; --data folder:DIR says where it is\n"
    )
    other = here("eval", "simclr-folder-own", "--data", f"{name.removesuffix('16')}8", "--record", check=False)
    assert "leave out --data" in other.stderr
    here("eval", "simclr-folder-own", "--data", name, "--record")
    card = (tmp_path / "weights/simclr-folder-own/README.md").read_text()
    assert "pipeline_tag: image-feature-extraction" in card
    assert "views matched" in card
    measured = json.loads(here("eval", tmp_path / "gan", "--n", 20, "--json").stdout)
    by_id = {m["id"]: m for m in measured}
    assert by_id.keys() == IDS
    assert by_id["frechet"]["said"] == "on features that were learnt without labels (SimCLR)"
    assert by_id["frechet"]["value"] > by_id["frechet"]["floor"]
    (tmp_path / "other").mkdir()
    shutil.copytree(tmp_path / "own", tmp_path / "other/own")
    (tmp_path / "other/own/0.png").unlink()
    said = here("eval", tmp_path / "gan", "--n", 20, "--data", f"folder:{tmp_path / 'other/own'}@16").stderr
    assert re.search(r"simclr-folder-own was trained on \d+ pictures in a folder named own; these are \d+ pictures", said)
    best = ["--keep-best", "--save-every", 0.001, "--out", tmp_path / "best"]
    here("train", "infogan", "--data", f"folder:{tmp_path}/own@14", *flags, *best)
    assert (tmp_path / "best/best.safetensors").is_file()
    assert "c1 recovery error" in here("eval", tmp_path / "best", "--n", 20).stdout
