"""Why a score moves, on real digits: what the tab shows is true, and stays within bounds."""

from __future__ import annotations

import pytest
import torch
from conftest import REPO

from ganzoo.metrics import explained
from ganzoo.metrics.explained import Changes, alarms, changed, scores
from ganzoo.metrics.quality import frechet_distance, gaussian, gaussian_distance
from ganzoo.ui import measuring


def values(**what):
    found = {s.id: s for s in scores(changed(Changes(**what)))}
    return {id: s.value for id, s in found.items()}


@pytest.fixture(scope="module")
def untouched():
    return values()


def test_untouched_pictures_have_the_scores_of_real_ones(untouched):
    floors = {s.id: s.floor for s in scores(changed(Changes()))}
    assert untouched == pytest.approx(floors)
    assert untouched["frechet"] < 0.5
    assert untouched["lost_classes"] == 0
    assert all(untouched[k] > 0.9 for k in ("precision", "recall", "coverage"))
    assert untouched["copies"] <= 0.05


@pytest.mark.parametrize(
    ("what", "worse", "times"),
    [
        ({"n": 100}, "frechet", 3),
        ({"side": 14}, "frechet", 3),
        ({"quality": 10}, "frechet", 3),
        ({"misread": 0.2}, "frechet", 100),
        ({"lost": 2}, "frechet", 5),
    ],
)
def test_each_thing_moves_the_distance_though_the_pictures_are_real(untouched, what, worse, times):
    assert values(**what)[worse] > times * untouched[worse]


def test_a_lost_class_is_counted_and_costs_recall_not_precision(untouched):
    found = values(lost=3)
    assert found["lost_classes"] == 3
    assert found["precision"] > 0.9
    assert found["recall"] < untouched["recall"]


def test_copies_are_praised_by_the_distance_and_found_by_their_p_values(untouched):
    """Planted copies: all found, at a false alarm rate of at most 5 % on held-out real pictures."""
    found = values(copied=1.0)
    assert found["frechet"] < untouched["frechet"], "the best score of all"
    assert found["copies"] == 1
    assert found["data_copying"] < -10
    for share in (0.0, 0.1, 0.5):
        c = Changes(copied=share)
        seen = alarms(changed(c), c)
        assert seen.planted == seen.found == round(share * seen.planted + share * seen.others)
        assert seen.false <= 0.05 * seen.others
    degraded = Changes(copied=0.5, quality=70)
    assert alarms(changed(degraded), degraded).found == 400, "also stored as JPEG"


def test_the_distance_is_that_of_torch_fidelity_to_a_thousandth():
    known = explained.real()
    few = gaussian_distance(gaussian(known.train.feature), gaussian(known.measured.feature))
    assert few == pytest.approx(frechet_distance(known.train.feature, known.measured.feature), abs=1e-3)


def test_a_misread_range_is_what_its_slider_says():
    black = changed(Changes()) == 0
    assert (changed(Changes(misread=1.0))[black] == 128).all()
    assert torch.equal(changed(Changes(n=60)), changed(Changes())[:60])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("n", wrong) for wrong in (10_000, float("nan"), 100.5, "x", None)),
        *(("misread", wrong) for wrong in (2, float("nan"), None)),
        *(("copied", wrong) for wrong in (101, "x")),
        ("side", 1),
        ("quality", 0),
        ("lost", 10),
    ],
)
def test_what_is_out_of_bounds_is_refused(key, value):
    given = {"n": 100, "side": 28, "quality": 100, "misread": 0, "lost": 0, "copied": 0} | {key: value}
    with pytest.raises(ValueError, match=rf"{key}: .* is not a (whole )?number"):
        measuring.show(**given)


def test_the_pictures_are_small_in_the_repository_and_say_whose_they_are():
    from safetensors import safe_open

    assert explained.REAL.stat().st_size < 2_000_000
    with safe_open(explained.REAL, framework="pt") as file:
        assert "LeCun" in file.metadata()["source"]
        assert file.metadata()["license"] == "CC BY-SA 3.0"
    assert explained.REAL.is_relative_to(REPO)


def test_the_tab_answers_its_sliders_and_goes_back(visit):
    page = visit("?v=2&tab=measuring")
    said = page.locator("#measuring-distance")
    said.get_by_text("Fréchet distance").first.wait_for()
    page.locator("#measuring-picture img").wait_for()
    first = said.inner_text()
    box = page.locator("#measuring-copied input[type=number]")
    box.fill("50")
    box.press("Tab")
    page.get_by_text("planted copies").wait_for()
    assert "Of 400 planted copies 400 are found" in page.locator("#measuring-copies").inner_text()
    page.locator("#measuring-reset").click()
    page.get_by_text("No copy is planted").wait_for()
    assert said.inner_text() == first
