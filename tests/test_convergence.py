"""When has it converged? What a log says in three sentences, of discriminators, critics and games of one player."""

from __future__ import annotations

import json
import random

import pytest
from conftest import here, tiny

from ganzoo import registry
from ganzoo.training.convergence import read, trend
from ganzoo.training.tracking import read_log

FIRST = registry.MODELS[0]


def log(n=60, **of):
    """n lines, each value a function of the share of the training that is done, with a little noise on top."""
    noise = random.Random(0)
    return [
        {"step": i, "images": i} | {k: f(i / n) * (1 + 0.02 * noise.uniform(-1, 1)) for k, f in of.items()} for i in range(n)
    ]


def with_counts(counts, **of):
    return [line | {"classes_left": c} for line, c in zip(log(len(counts), **of), counts, strict=True)]


def right(share):
    return {"d_real_right": lambda _: share, "d_fake_right": lambda _: share}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (log(**right(0.5)), "right 50 times in 100, where 50 would be a coin: it can only guess"),
        (log(**right(0.75)), "it still finds differences"),
        (log(**right(0.99)), "it has nearly won"),
        (log(**right(0.3)), "wrong more often than a coin"),
        (log(critic_gap=lambda t: 2 - t), "it still falls"),
        (log(critic_gap=lambda t: max(0.5, 2 - 5 * t)), "by this curve alone it has converged"),
        (log(critic_gap=lambda t: 1 + t), "it rises"),
        (log(n=4, critic_gap=lambda t: 1), "too few lines"),
        (log(cross_entropy=lambda t: 1 - t / 2), "There is no second player: what is minimised stands at cross_entropy 0.5"),
        ([], "Nothing has been logged"),
    ],
)
def test_a_discriminator_is_held_against_a_coin_and_a_critic_by_its_gap(lines, said):
    players = read(lines, 10).players
    assert said in players
    assert players.count(".") - players.count("0.") - players.count("1.") <= 1, "one sentence"
    assert not ("critic_gap" in str(lines) and "coin" in players), "a critic has no right and wrong"


@pytest.mark.parametrize(
    ("distances", "said"),
    [
        ([9, 7, 5, 4, 3, 2.5, 2, 1.5, 1.2, 1, 0.8, 0.7], "it still falls"),
        ([9, 4, 2, 1, 0.8, 0.81, 0.79, 0.8, 0.8, 0.79, 0.81, 0.8], "it no longer falls"),
        ([9, 4, 2, 1, 0.8, 0.7, 0.9, 1.2, 1.6, 2, 3, 4], "it has risen since"),
        ([9, 4], "too few"),
        ([], "the losses cannot say it"),
    ],
)
def test_the_pictures_are_judged_by_their_frechet_distance_over_time(distances, said):
    lines = [*log(20, **right(0.7)), *({"step": i, "frechet": d} for i, d in enumerate(distances))]
    assert said in read(lines, 10).pictures


def test_without_a_judge_a_critic_is_followed_by_its_gap():
    assert "the gap is the curve" in read(log(critic_gap=lambda t: 1), 0).pictures


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([3, 7, 10, 10], "all 10 classes, and has lost none"),
        ([10, 4, 10], "after 1 falls"),
        ([3, 7, 10, 4], "4 of 10 classes and has drawn 10: it is collapsing"),
        ([1, 3, 4], "not found yet"),
    ],
)
def test_a_collapse_is_a_fall_of_the_classes(counts, said):
    assert said in read(with_counts(counts), 10).classes


def test_noise_has_no_trend():
    noise = random.Random(1)
    assert sum(trend([1 + 0.1 * noise.gauss(0, 1) for _ in range(60)]) != "level" for _ in range(100)) <= 5


def test_a_training_ends_with_three_sentences_and_logs_what_it_measured(checkpoints, tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(checkpoints["judge"].parent))
    options = ["train", FIRST, "--data", "fake", "--steps", 60, *tiny(FIRST)]
    said = here(*options, "--out", tmp_path / "run").stderr
    reading = read(
        read_log(tmp_path / "run" / "log.jsonl"), len(json.loads((tmp_path / "run/run.json").read_text())["config"]["classes"])
    )
    assert all(sentence in said for sentence in reading.sentences)
    last = read_log(tmp_path / "run" / "log.jsonl")[-1]
    assert last["frechet"] > 0
    assert last["step"] == 60
    assert "The Fréchet distance is" in reading.pictures
    here(*options, "--out", tmp_path / "quiet", "--quiet")
    assert not any("frechet" in line for line in read_log(tmp_path / "quiet" / "log.jsonl")), "measured only for who looks"
