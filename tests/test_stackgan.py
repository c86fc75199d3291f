"""StackGAN's two stages: Stage II on a Stage I that stays as it is, conditioning augmentation, and what Stage II draws."""

from __future__ import annotations

from operator import methodcaller

import pytest
import torch
from conftest import here, run_cli, tiny

from ganzoo import data, registry
from ganzoo.config import configure
from ganzoo.training.engine import Engine
from ganzoo.training.plan import from_run
from ganzoo.training.warm_start import opened

NAME = "stackgan"


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    run = tmp_path_factory.mktemp("stages") / "one"
    here("train", NAME, "--data", "shapes@16", "--steps", 6, "--out", run, "--quiet", *tiny(NAME))
    return run


def test_stage_two_draws_on_stage_one_which_stays_as_it_is(first, tmp_path):
    flags = ["--stage", 2, "--first", first, "--seed", 1, *tiny(NAME)]  # another seed: what is equal was taken
    here("train", NAME, "--data", "shapes@64", "--steps", 3, "--out", tmp_path / "two", "--quiet", *flags)
    _, one, _ = from_run(first)
    _, two, _ = from_run(tmp_path / "two")
    for part in ("first", "R"):  # batch norm's statistics, too
        a, b = getattr(one, part).state_dict(), getattr(two, part).state_dict()
        assert a.keys() == b.keys()
        assert all(torch.equal(a[k], b[k]) for k in a), part
    given = two.draw(3, 5, text="a small red circle in the centre")
    sketch, image = two.stages(**given)
    assert torch.equal(sketch, one.show(given))
    assert torch.allclose(image, two.show(given), atol=1e-5)
    assert image.shape == (3, 3, 64, 64)
    first.rename(first.with_name("gone"))  # what is trained no longer needs it
    try:
        here("resume", tmp_path / "two", "--steps", 4, "--quiet")
    finally:
        first.with_name("gone").rename(first)


def test_another_stage_one_may_be_put_under_a_stage_two(first, tmp_path):
    flags = ["--data", "shapes@64", "--steps", 1, "--quiet"]
    here("train", NAME, "--stage", 2, "--first", first, "--out", tmp_path / "two", *flags, *tiny(NAME))
    other = ["--data", "shapes@16", "--seed", 7, "--steps", 1, "--quiet"]
    here("train", NAME, "--out", tmp_path / "other", *other, *tiny(NAME))
    here(
        "train",
        NAME,
        "--from",
        tmp_path / "two",
        "--first",
        tmp_path / "other",
        "--out",
        tmp_path / "both",
        *flags,
        "--lr-g",
        0,
    )
    (_, two, _), (_, one, _), (_, both, _) = (from_run(tmp_path / x) for x in ("two", "other", "both"))
    weights = dict(both.named_parameters())
    assert all(torch.equal(v, weights[k]) for k, v in one.named_parameters() if k.startswith("first"))
    assert all(torch.equal(v, weights[k]) for k, v in two.named_parameters() if k.startswith("second"))
    assert not torch.equal(two.first.front[0].weight, both.first.front[0].weight)


def test_what_stage_two_cannot_go_on_from(first, tmp_path, capsys):
    spec = registry.spec(NAME)

    def begin(side=64, **knobs):
        image = torch.zeros(256, 3, side, side, dtype=torch.uint8)
        pictures = data.Data(**(vars(data.load("fake")) | {"image": image}))
        Engine(
            spec,
            dict(spec.tiny) | {"stage": 2} | knobs,
            pictures,
            0,
            torch.device("cpu"),
            "fp32",
            initialise=methodcaller("prepare", opened),
        )

    for knobs, message in (
        ({}, "--first"),
        ({"first": "nowhere"}, "nowhere"),
        ({"first": str(first), "side": 128}, "Stage I of 32 pixels"),
        ({"first": str(first), "width": 8}, "Stage I of 16 pixels"),
        ({"side": 28}, "side: 28"),
    ):
        with pytest.raises(ValueError, match=message):
            begin(**knobs)
    wrong = ["--stage", 2, "--first", "nowhere", "--out", tmp_path / "run", *tiny(NAME)]
    code, line = run_cli(capsys, "train", NAME, "--data", "shapes@64", *wrong)
    assert (code, line.count("\n")) == (2, 1)
    assert "nowhere" in line
    assert not (tmp_path / "run").exists()


def test_conditioning_augmentation_is_the_gaussian_of_the_paper():
    spec = registry.spec(NAME)
    augmentation, embedding = spec.build(configure(spec.config, dict(spec.tiny))).first.augmentation, torch.randn(6, 8)
    mean, deviation = augmentation.gaussian(embedding).chunk(2, 1)
    normal = torch.distributions.Normal
    true = torch.distributions.kl_divergence(normal(mean, deviation.exp()), normal(0.0, 1.0)).mean()
    assert augmentation.kl(embedding).item() == pytest.approx(true.item(), rel=1e-4)
    epsilon = torch.randn(6, 4)
    assert torch.allclose(augmentation(embedding, epsilon), mean + deviation.exp() * epsilon)


def test_stage_two_may_draw_a_residual_over_the_sketch():
    """With nothing learned, it is the sketch, enlarged."""
    spec = registry.spec(NAME)
    knobs = dict(spec.tiny) | {"side": 64, "stage": 2, "residual_output": "over"}
    gan = spec.build(configure(spec.config, knobs)).eval()
    torch.nn.init.zeros_(gan.second.body[-1].weight)
    torch.nn.init.zeros_(gan.second.body[-1].bias)
    sketch, image = gan.stages(**gan.draw(2, 0))
    wide = torch.nn.functional.interpolate(sketch, scale_factor=4, mode="bicubic").clamp(-0.99, 0.99)
    assert torch.allclose(image, wide, atol=1e-5)
