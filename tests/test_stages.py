"""The two stages of StackGAN: Stage II on a Stage I that stays as it is, and layers that either may be given later."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from conftest import cli, here, tiny, told

from ganzoo import data, registry
from ganzoo.checkpoint import from_run
from ganzoo.hub.resolve import Start
from ganzoo.nets import through
from ganzoo.spec import configure
from ganzoo.training.engine import Engine

NAME = "stackgan"


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    run = tmp_path_factory.mktemp("stages") / "one"
    here("train", NAME, "--data", "shapes@16", "--steps", 6, "--out", run, "--quiet", *tiny(NAME))
    return run


def test_stage_two_paints_on_stage_one_which_stays_as_it_is(first, tmp_path):
    flags = ["--stage", 2, "--first", first, "--seed", 1, *tiny(NAME)]  # another seed: what is equal was taken
    here("train", NAME, "--data", "shapes@64", "--steps", 3, "--out", tmp_path / "two", "--quiet", *flags)
    _, one, _ = from_run(first)
    _, two, _ = from_run(tmp_path / "two")
    for part in ("first", "R"):  # batch norm's statistics, too
        a, b = getattr(one, part).state_dict(), getattr(two, part).state_dict()
        assert a.keys() == b.keys()
        assert all(torch.equal(a[k], b[k]) for k in a), part
    given = two.draw(3, 5, text="a small red circle in the centre")
    sketch, painting = two.stages(**given)
    assert torch.equal(sketch, one.show(given))
    assert torch.allclose(painting, two.show(given), atol=1e-5)
    assert painting.shape == (3, 3, 64, 64)
    first.rename(first.with_name("gone"))  # what is trained no longer needs it
    try:
        cli("resume", tmp_path / "two", "--steps", 4, "--quiet")
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


def test_every_layer_may_be_told_later_which_changes_nothing_at_first(first, tmp_path):
    """A training may begin with networks that lack layers, where those begin as layers that do nothing."""
    flags = ["--from", first, "--tell", "every", "--data", "shapes@16", "--steps", 3, "--out", tmp_path / "on", "--quiet"]
    here("train", NAME, *flags)
    (_, one, _), (_, on, _) = from_run(first), from_run(tmp_path / "on")
    still = registry.spec(NAME).build(replace(one.config, tell="every")).eval()
    Start.of(str(first), NAME).give(still)
    given = one.draw(3, 5, text="a small red circle in the centre")
    assert torch.equal(one.show(given), still.show(given))
    assert all(w.any() for w in on.first.scales.parameters())
    two = ["--stage", 2, "--first", tmp_path / "on", "--tell", "every", *tiny(NAME)]
    here("train", NAME, *two, "--data", "shapes@64", "--steps", 1, "--out", tmp_path / "two", "--quiet")
    _, two_, _ = from_run(tmp_path / "two")
    assert torch.equal(two_.stages(**two_.draw(3, 5, text="a circle"))[0], on.show(on.draw(3, 5, text="a circle")))
    broken = Start.of(str(first), NAME)
    broken.tensors.pop("first.body.1.weight")
    with pytest.raises(ValueError, match=r"first\.body\.1\.weight: nothing"):
        broken.give(still)
    frozen = registry.spec(NAME).build(replace(two_.config, tell="every"))
    lacking = Start.of(str(tmp_path / "two"), NAME)
    for key in [k for k in lacking.tensors if k.startswith("first.scales")]:
        lacking.tensors.pop(key)
    with pytest.raises(ValueError, match=r"first\.scales\.0\.bias: nothing"):
        lacking.give(frozen)  # nobody would ever train them
    body = torch.nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(on.first.body)).eval()
    x, told_ = torch.randn(2, on.first.front[0].out_features // 16, 4, 4), torch.randn(2, on.first.scales[0].in_features)
    alike = [[*through(net, x, on.first.blocks, on.first.scales, told_)][-1] for net in (body, on.first.body)]
    assert torch.allclose(*alike, atol=1e-6), "on several GPUs, too"
    assert not torch.allclose(alike[0], body(x), atol=1e-6)
    scale = on.first.scales[0]
    x, told_ = torch.randn(2, scale.out_features // 2, 3, 3), torch.randn(2, scale.in_features)
    by, shift = (told_ @ scale.weight.T + scale.bias).chunk(2, 1)
    assert torch.allclose(scale(x, told_), x * (1 + by[..., None, None]) + shift[..., None, None], atol=1e-6)


def test_a_stage_one_may_grow_deeper_later_which_changes_nothing_at_first(first, tmp_path):
    flags = [
        "--from",
        first,
        "--deep",
        2,
        "--lr-g",
        0.01,
        "--data",
        "shapes@16",
        "--steps",
        3,
        "--out",
        tmp_path / "on",
        "--quiet",
    ]
    here("train", NAME, *flags)
    (_, one, _), (_, on, _) = from_run(first), from_run(tmp_path / "on")
    assert len(on.first.blocks) == 2
    still = registry.spec(NAME).build(replace(one.config, deep=2)).eval()
    Start.of(str(first), NAME).give(still)
    given = one.draw(3, 5, text="a small red circle in the centre")
    assert torch.equal(one.show(given), still.show(given))
    assert all(block.gate.any() for block in on.first.blocks)
    before, x = on.show(given), torch.randn(2, len(on.first.blocks[0].gate), 4, 4)
    assert not torch.equal(on.first.blocks[0].eval()(x), x.relu())
    for block in on.first.blocks:
        torch.nn.init.zeros_(block.gate)
    assert not torch.equal(before, on.show(given)), "what they add is drawn"
    lacking = Start.of(str(tmp_path / "on"), NAME)
    lacking.tensors.pop("first.blocks.0.body.0.weight")
    with pytest.raises(ValueError, match=r"first\.blocks\.0\.body\.0\.weight: nothing"):
        lacking.give(still)  # its gate is open


def test_a_stage_one_may_have_a_mapping_later_which_changes_nothing_at_first(first, tmp_path):
    flags = ["--mapping", 6, "--lr-g", 0.01, "--data", "shapes@16", "--steps", 3, "--out", tmp_path / "on", "--quiet"]
    here("train", NAME, "--from", first, *flags)
    (_, one, _), (_, on, _) = from_run(first), from_run(tmp_path / "on")
    still = registry.spec(NAME).build(replace(one.config, mapping=6)).eval()
    Start.of(str(first), NAME).give(still)
    given = one.draw(3, 5, text="a small red circle in the centre")
    assert torch.equal(one.show(given), still.show(given))
    mapping, before = on.first.mapping, on.show(given)
    assert mapping.gate.weight.all()
    x = torch.randn(2, mapping.gate.out_features)
    assert torch.allclose(mapping(x), x + mapping.gate(mapping.body(x)))
    mapping.gate.reset_parameters()
    assert torch.equal(mapping(x), x)
    assert not torch.equal(before, on.show(given)), "what it adds is drawn"
    lacking = Start.of(str(tmp_path / "on"), NAME)
    lacking.tensors.pop("first.mapping.body.0.weight")
    with pytest.raises(ValueError, match=r"first\.mapping\.body\.0\.weight: nothing"):
        lacking.give(still)  # its gate is open


def test_what_stage_two_cannot_go_on_from(first, tmp_path, capsys):
    spec = registry.spec(NAME)

    def begin(side=64, **knobs):
        image = torch.zeros(256, 3, side, side, dtype=torch.uint8)
        pictures = data.Data(**(vars(data.load("fake")) | {"image": image}))
        Engine(spec, dict(spec.tiny) | {"stage": 2} | knobs, pictures, 0, torch.device("cpu"), "fp32")

    for knobs, said in (
        ({}, "--first"),
        ({"first": "nowhere"}, "nowhere"),
        ({"first": str(first), "side": 128}, "Stage I of 32 pixels"),
        ({"first": str(first), "width": 8}, "Stage I of 16 pixels"),
        ({"side": 28}, "side: 28"),
    ):
        with pytest.raises(ValueError, match=said):
            begin(**knobs)
    wrong = ["--stage", 2, "--first", "nowhere", "--out", tmp_path / "run", *tiny(NAME)]
    code, said = told(capsys, "train", NAME, "--data", "shapes@64", *wrong)
    assert (code, said.count("\n")) == (2, 1)
    assert "nowhere" in said
    assert not (tmp_path / "run").exists()


def test_stage_two_may_paint_over_the_sketch():
    """With nothing learned, it is the sketch, enlarged."""
    spec = registry.spec(NAME)
    knobs = dict(spec.tiny) | {"side": 64, "stage": 2, "paint": "over"}
    gan = spec.build(configure(spec.config, knobs)).eval()
    torch.nn.init.zeros_(gan.second.body[-1].weight)
    torch.nn.init.zeros_(gan.second.body[-1].bias)
    sketch, painting = gan.stages(**gan.draw(2, 0))
    wide = torch.nn.functional.interpolate(sketch, scale_factor=4, mode="bicubic").clamp(-0.99, 0.99)
    assert torch.allclose(painting, wide, atol=1e-5)


def test_stage_two_may_end_at_the_sketchs_side():
    """With nothing learned, it is the sketch, enlarged; what one place of the last layer says stays within its 4 x 4 pixels."""
    spec = registry.spec(NAME)
    knobs = dict(spec.tiny) | {"side": 64, "stage": 2, "paint": "over", "shuffle": "yes", "d_patch": 4}
    gan = spec.build(configure(spec.config, knobs)).eval()
    torch.nn.init.zeros_(gan.second.last[-1].weight)
    torch.nn.init.zeros_(gan.second.last[-1].bias)
    given = gan.draw(2, 0)
    sketch, painting = gan.stages(**given)
    logit = sketch.clamp(-0.99, 0.99).atanh()
    wide = torch.nn.functional.interpolate(logit, scale_factor=4, mode="bilinear").tanh()
    assert torch.allclose(painting, wide, atol=1e-5)
    assert gan.D(painting, torch.zeros(2, 8)).shape == (2,)

    def last(x):
        places = torch.zeros(len(x), 48, 16, 16)
        places[:, :, 3, 5] = 9.0
        return places

    gan.second.last.forward = last
    changed = (gan.stages(**given)[1] - painting).abs().amax((0, 1)) > 1e-4
    where = torch.zeros(64, 64, dtype=torch.bool)
    where[12:16, 20:24] = True
    assert torch.equal(changed, where)


def test_stage_two_of_places_learns(first, tmp_path):
    flags = [*tiny(NAME), "--shuffle", "yes", "--d-patch", 4, "--r1", 1, "--paint", "over"]
    here("train", NAME, "--data", "shapes@64", "--stage", 2, "--first", first, "--steps", 2, "--out", tmp_path / "two", *flags)
    _, trained, _ = from_run(tmp_path / "two")
    spec = registry.spec(NAME)
    assert trained.second.last[-1].weight.shape == (48, 4, 3, 3)
    assert trained.second.last[-1].bias.abs().sum() > 0, "it began with none"
    assert configure(spec.config, {"side": 64, "d_patch": 4}).d_patch == 4
    with pytest.raises(ValueError, match="d_patch: 3 does not divide the side, 64"):
        configure(spec.config, {"side": 64, "d_patch": 3})
    with pytest.raises(ValueError, match="D takes in d_patch = 16 of 64 pixels as one"):
        configure(spec.config, {"side": 64, "d_patch": 16})


def test_stage_two_pays_for_what_it_loses_of_real_pictures_and_changes_in_sketches():
    spec = registry.spec(NAME)
    knobs = dict(spec.tiny) | {"side": 64, "stage": 2, "paint": "over", "restore": 3.0, "keep": 5.0}
    gan = spec.build(configure(spec.config, knobs))
    torch.nn.init.zeros_(gan.second.body[-1].weight)
    torch.nn.init.zeros_(gan.second.body[-1].bias)
    batch = gan.draw(6) | {"image": torch.rand(6, 3, 64, 64) * 1.8 - 0.9}

    def enlarged(small):
        return torch.nn.functional.interpolate(small, scale_factor=4, mode="bicubic").clamp(-0.99, 0.99)

    shrunk = torch.nn.functional.avg_pool2d
    terms = gan.g_loss(batch)
    lost = (enlarged(shrunk(batch["image"], 4)) - batch["image"])[:3].abs().mean().item()
    assert terms["g_restore"].item() == pytest.approx(3 * lost, rel=1e-4)
    sketch = gan.first(batch["z"], gan.first.augmentation(gan.said(batch), batch["epsilon"]))
    changed = (shrunk(enlarged(sketch), 4) - sketch).abs().mean().item()
    assert terms["g_keep"].item() == pytest.approx(5 * changed, rel=1e-2)
    free = spec.build(configure(spec.config, knobs | {"restore": 0.0, "keep": 0.0}))
    assert not {"g_restore", "g_keep"} & free.g_loss(gan.draw(6) | {"image": batch["image"]}).keys()
