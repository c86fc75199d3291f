"""Copies of training pictures: planted ones are found, real held-out pictures are not taken for them, on real pictures."""

from __future__ import annotations

import pytest
import torch

from ganzoo import data
from ganzoo.images import nearest
from ganzoo.metrics.case import Case, JudgeOutput
from ganzoo.metrics.copying import LEVEL, copies, copying_z, more_than_chance, normal_below, p_values, rank_z
from ganzoo.metrics.quality import frechet_distance, gaussian, gaussian_distance

G = torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def real():
    """Real pictures: some that were trained on, and two lots that were not, each with their distances to the former."""
    train, test = data.load("shapes", split="train").image[:1500], data.load("shapes", split="test").image
    calibration, other = test[:500], test[500:1000]
    return train, *(nearest(x, train)[0][:, 0] for x in (calibration, other))


def test_every_planted_copy_is_found_and_real_pictures_are_not(real):
    train, calibration, other = real
    planted = nearest(train[torch.randint(len(train), (200,), generator=G)], train)[0][:, 0]
    assert (p_values(planted, calibration) <= LEVEL).all(), "all found"
    false_alarms = (p_values(other, calibration) <= LEVEL).float().mean()
    assert false_alarms <= 0.05
    uniform = p_values(other, calibration)
    assert 0.4 < uniform.mean() < 0.6, "of real pictures every p-value is as likely"


@pytest.mark.parametrize(("share", "sure"), [(0.0, False), (0.1, True), (1.0, True)])
def test_the_number_of_copies_has_a_p_value(real, share, sure):
    _, calibration, other = real
    mixed = other.clone()
    mixed[: int(share * len(mixed))] = 0
    flagged = int((p_values(mixed, calibration) <= LEVEL).sum())
    assert (more_than_chance(flagged, len(mixed)) < 1e-3) == sure


def test_the_rank_test_is_the_one_of_scipy_and_has_the_sign_of_its_paper():
    from scipy.stats import mannwhitneyu

    x, y = torch.rand(300, generator=G), torch.rand(200, generator=G) + 0.05
    theirs = mannwhitneyu(x.numpy(), y.numpy(), alternative="less", method="asymptotic", use_continuity=False)
    assert normal_below(rank_z(x, y)) == pytest.approx(theirs.pvalue, rel=1e-5)
    assert more_than_chance(3, 200) == pytest.approx(0.3233, abs=1e-3)  # 1 - P(at most 2 of 200 at 1 %)
    cells = torch.arange(300) % 3, torch.arange(200) % 3
    assert copying_z(x - 1, y, *cells) < -10
    assert abs(copying_z(x, y - 0.05, *cells)) < 3
    assert copying_z(x + 1, y, *cells) > 10


def test_copies_of_one_class_alone_are_seen_within_it():
    """Half of the classes are farther away than real pictures, one is copied: over all together, that would even out."""
    n = 2000
    cell = torch.arange(n) % 4
    held_out, drawn = torch.rand(n, generator=G) + 1, torch.rand(n, generator=G) + 1
    drawn[cell == 0] -= 0.3
    within = copying_z(drawn[cell == 0], held_out[cell == 0], cell[cell == 0], cell[cell == 0])
    assert within < -5
    assert copying_z(drawn, held_out, cell, cell) < -3


def test_the_measure_says_both(real):
    train = real[0]
    test = data.load("shapes", split="test").image[:500]

    def seen(image):
        one = torch.zeros(len(image), 4)
        one[:, 0] = 1
        return JudgeOutput(image, torch.zeros(len(image), 2), one)

    share, z = copies(Case(seen(train[:300]), seen(train), seen(test), ("a", "b", "c", "d")))
    assert (share.id, share.value) == ("copies", 1)
    assert "p = 0" in share.note
    assert z.id == "data_copying"
    assert z.value < -10
    half = test[250:]
    share, z = copies(Case(seen(half), seen(train), seen(test[:250]), ("a", "b", "c", "d")))
    assert share.value <= 0.05
    assert abs(z.value) < 4


def test_the_light_frechet_distance_is_that_of_torch_fidelity():
    real, fake = torch.randn(900, 16, generator=G), torch.randn(700, 16, generator=G) @ torch.randn(16, 16, generator=G)
    light = gaussian_distance(gaussian(real), gaussian(fake))
    assert light == pytest.approx(frechet_distance(real, fake), rel=1e-5)
    assert gaussian_distance(gaussian(real), gaussian(real)) == pytest.approx(0, abs=1e-6)
    few = torch.randn(10, 16, generator=G)  # fewer than features: a covariance that has no inverse
    assert gaussian_distance(gaussian(real), gaussian(few)) == pytest.approx(frechet_distance(real, few), abs=1e-3)
