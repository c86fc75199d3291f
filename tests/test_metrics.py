"""The measures, against closed forms, against the reference package, and against planted faults."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import math

import pytest
import torch
from conftest import REPO, here

from ganzoo import data, registry
from ganzoo.checkpoint import card
from ganzoo.checkpoint.folder import Checkpoint
from ganzoo.checkpoint.formats import measure_id
from ganzoo.config import Config
from ganzoo.gan import GAN
from ganzoo.images import from_uint8, nearest
from ganzoo.inputs import Noise, Picture
from ganzoo.metrics import measure as report
from ganzoo.metrics.case import Case, JudgeOutput
from ganzoo.metrics.copying import copies
from ganzoo.metrics.quality import (
    frechet,
    frechet_distance,
    histogram,
    inception_score,
    inception_style,
    manifold,
    prdc,
)

G = torch.Generator().manual_seed(0)


def seen(feature=None, probability=None, image=None, n=200):
    return JudgeOutput(
        image if image is not None else torch.randint(256, (n, 1, 6, 6), dtype=torch.uint8, generator=G),
        feature if feature is not None else torch.randn(n, 8, generator=G),
        probability if probability is not None else torch.full((n, 4), 0.25),
    )


def case(fake, train=None, test=None):
    return Case(fake, train or seen(), test or seen(), ("a", "b", "c", "d"))


def test_frechet_distance_of_gaussians_is_the_closed_form():
    n = 40_000
    train = torch.randn(n, 3, generator=G)
    fake = torch.randn(n, 3, generator=G) * torch.tensor([1.0, 2.0, 0.5]) + torch.tensor([1.0, 0.0, -2.0])
    (score,) = frechet(case(seen(fake), seen(train), seen(torch.randn(n, 3, generator=G))))
    expected = 1 + 4 + (1 + 1 - 2) + (1 + 4 - 4) + (1 + 0.25 - 1)
    assert score.value == pytest.approx(expected, rel=0.02)
    assert score.floor == pytest.approx(0, abs=0.01)
    assert score.n == n


def test_inception_style_score_is_one_for_doubt_and_k_for_sure_variety():
    sure = torch.eye(4).repeat(5000, 1)
    one = torch.eye(4)[:1].repeat(20000, 1)
    scores = [inception_style(case(seen(probability=p)))[0].value for p in (torch.full((20000, 4), 0.25), sure, one)]
    assert scores == pytest.approx([1, 4, 1], abs=0.01)


def test_real_and_drawn_pictures_of_one_kind_have_one_inception_style_score_however_many():
    """100 classes: 50 pictures a split can show 50 of them at most, 500 pictures all."""
    sure = torch.eye(100)[torch.randint(100, (6000,), generator=G)]
    probability = sure * 0.9 + 0.001
    (score,) = inception_style(case(seen(probability=probability[:5000]), test=seen(probability=probability[-1000:])))
    assert score.value == pytest.approx(score.floor, rel=0.03)


class AsTaken(torch.nn.Module):
    """Hands features that are already taken to torchmetrics as if it took them."""

    num_features = 8

    def forward(self, features):
        return features


@pytest.mark.filterwarnings("ignore:Metric `InceptionScore` will save")
def test_frechet_distance_and_inception_score_are_those_of_torchmetrics():
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.inception import InceptionScore

    real, fake = torch.randn(300, 8, generator=G), torch.randn(200, 8, generator=G) * 0.8 + 0.3
    fid, score = FrechetInceptionDistance(feature=AsTaken()), InceptionScore(feature=AsTaken(), splits=7)
    fid.update(real, real=True)
    fid.update(fake, real=False)
    assert frechet_distance(real, fake) == pytest.approx(float(fid.compute()), abs=1e-5)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # it shuffles before it splits
        score.update(real)
        assert inception_score(real.softmax(1), 7) == pytest.approx(float(score.compute()[0]), abs=1e-5)


def test_histogram_names_the_lost_classes():
    real = seen(probability=torch.eye(4).repeat(50, 1))
    fake = seen(probability=torch.eye(4)[:2].repeat(100, 1))
    lost, imbalance = histogram(case(fake, real, real))
    assert (lost.value, lost.note) == (2, "c, d")
    assert imbalance.value == pytest.approx(0.5)
    assert imbalance.floor == 0


def test_prdc_equals_the_authors_package():
    from prdc import compute_prdc

    real, fake = torch.randn(300, 8, generator=G), torch.randn(250, 8, generator=G) * 0.8 + 0.3
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = compute_prdc(real.numpy(), fake.numpy(), nearest_k=5)
    assert prdc(real, fake) == pytest.approx({k: float(v) for k, v in theirs.items()}, abs=1e-6)


def test_manifold_measures_see_collapse_and_nonsense():
    train = seen(n=500)
    collapsed = {s.name: s.value for s in manifold(case(seen(torch.randn(500, 8, generator=G) * 0.05), train))}
    nonsense = {s.name: s.value for s in manifold(case(seen(torch.randn(500, 8, generator=G) + 9), train))}
    assert collapsed["precision"] > 0.95
    assert collapsed["recall"] < 0.1
    assert nonsense["precision"] == nonsense["coverage"] == 0


def test_all_planted_copies_are_flagged_and_real_pictures_are_not():
    train, test = seen(n=1000), seen(n=1000)
    planted = seen(image=train.image[:300], n=300)
    assert copies(case(planted, train, test))[0].value == 1
    assert copies(case(seen(n=1000), train, test))[0].value < 0.05


def test_nearest_finds_the_picture_itself():
    pool = torch.randint(256, (25_000, 1, 4, 4), dtype=torch.uint8, generator=G)
    distance, index = nearest(pool[[3, 10_000, 24_999]], pool)
    assert index.tolist() == [[3], [10_000], [24_999]]
    assert distance.max() < 0.01


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (3.0, "3"), (0.1444, "0.144"), (21.66, "21.7"), (999.96, "1,000"), (1234.5, "1,234"), (1.23e-5, "0.0000123")],
)
def test_a_measure_has_three_digits_and_no_exponent(value, said):
    assert card.number(value) == said


@pytest.mark.parametrize("model", registry.MODELS)
def test_few_pictures_are_measured_too(model, weights):
    found = json.loads(here("eval", f"{model}-fake", "--n", 10, "--json").stdout)
    assert all(math.isfinite(m["value"]) for m in found)
    assert [m["id"] for m in found] == [measure_id(m["name"]) for m in found], (
        "as older files, which have names alone, are read"
    )
    assert {"Fréchet distance", "copies"} <= {m["name"] for m in found}


def test_a_judge_of_other_classes_is_refused(weights):
    judge = report.judge_of("fake@28", data.load("fake").classes)
    assert judge.config.classes == data.load("fake").classes
    with pytest.raises(ValueError, match=r"judge-fake knows other classes than 'fake' has.*train judge --data fake"):
        report.judge_of("fake", ("cat", "dog"))


def test_a_judge_sees_pictures_of_another_side_at_its_own():
    judge = Checkpoint(REPO / "weights/judge-shapes", "folder").load()
    test = data.load(f"shapes@{2 * judge.config.side}", split="test")
    few = dataclasses.replace(test, image=test.image[:200], label=test.label[:200], captions=test.captions[:200])
    assert report.accuracy(judge, few)["value"] > 0.95


class Copier(GAN):
    """Draws its source; `dark`: makes its source of the picture itself."""

    def __init__(self, dark=False):
        super().__init__(Config(side=6))
        self.inputs, self.dark = (Noise("z", 2), Picture("source", 6, 1, examples=4)), dark
        self.register_buffer("source_examples", self.inputs[1].blank())
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def derive(self, batch):
        return batch | ({"source": batch["image"] / 2 - 0.5} if self.dark else {})

    def forward(self, z, source):
        return source


def test_a_picture_input_is_measured_on_sources_of_the_held_out_set():
    def split(n, **of):
        image = torch.randint(256, (n, 1, 6, 6), dtype=torch.uint8, generator=G)
        return data.Data("x", "X", "", "", image, torch.zeros(n, dtype=torch.long), ("a",), **of)

    train, paired = split(30), split(20, source=torch.randint(256, (20, 1, 6, 6), dtype=torch.uint8, generator=G))
    for gan, test, kept in ((Copier(), paired, paired.source), (Copier(dark=True), split(20), None)):
        given = report.conditions(gan, train, test, 100, seed=3)
        assert list(given) == ["source"]
        assert torch.equal(given["source"], report.conditions(gan, train, test, 100, seed=3)["source"])
        assert not torch.equal(given["source"], report.conditions(gan, train, test, 100, seed=4)["source"])
        drawn = gan.show(gan.draw(100, 3, **given))
        wanted = from_uint8(test.image) / 2 - 0.5 if kept is None else from_uint8(kept)
        distance = (drawn[:, None] - wanted[None]).abs().amax((2, 3, 4))
        assert distance.min(1).values.max() < 1e-6
        assert len(set(distance.argmin(1).tolist())) > 15


def test_measure_says_which_judge_is_missing(weights):
    with pytest.raises(ValueError, match=r"no judge for 'shapes'.*train judge --data shapes"):
        report.judge_of("shapes", ("circle", "square"))


def test_report_measures_a_checkpoint_with_its_judge(weights):
    name = f"{registry.MODELS[0]}-fake"
    found = json.loads(here("eval", name, "--n", 100, "--json", "--record").stdout)
    names = {m["name"] for m in found}
    assert {"Fréchet distance", "Inception-style score", "lost classes", "precision", "coverage", "copies"} <= names
    assert all(m["n"] == 100 and m["draws"] == 3 for m in found if m["name"] != "copies")
    config = json.loads((weights / name / "config.json").read_text())
    assert config["metrics"] == found
    assert "| Fréchet distance\N{NO-BREAK SPACE}↓ |" in (weights / name / "README.md").read_text()
