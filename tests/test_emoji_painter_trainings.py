"""How an emoji painter is trained: layers that a training may add later, its recipes, and configs of older versions."""

from __future__ import annotations

import copy
from dataclasses import asdict, replace

import pytest
import torch
from conftest import here, tiny

from ganzoo import data, registry
from ganzoo.checkpoint.folder import Checkpoint
from ganzoo.config import configure
from ganzoo.files import read_json, write_json
from ganzoo.hub.resolve import bundled
from ganzoo.models._painter_networks import modulated_forward
from ganzoo.training.engine import Engine
from ganzoo.training.plan import from_run, read_plan
from ganzoo.training.warm_start import WarmStart

NAME = "emoji_painter"
SPEC = registry.spec(NAME)
PICTURES = data.load("fake")
CAPTION = "a small red circle in the centre"


def engine(**knobs):
    return Engine(SPEC, dict(SPEC.tiny) | knobs, PICTURES, 0, torch.device("cpu"), "fp32")


# ---- Layers that a training may add -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A run of a Stage I without any of them."""
    run = tmp_path_factory.mktemp("stages") / "one"
    here("train", NAME, "--data", "shapes@16", "--steps", 6, "--out", run, "--quiet", *tiny(NAME), "--modulate", "first")
    return run


def grown(first, tmp_path, *flags):
    """It with more layers, untrained, and after three steps."""
    out, flags = tmp_path / "on", [str(f) for f in flags]
    here("train", NAME, "--from", first, "--data", "shapes@16", "--steps", 3, "--out", out, "--quiet", "--lr-g", 0.01, *flags)
    (_, one, _), (_, on, _) = from_run(first), from_run(out)
    still = SPEC.build(on.config).eval()
    WarmStart.of(str(first), NAME).load_into(still)
    given = one.draw(3, 5, text=CAPTION)
    assert torch.equal(one.show(given), still.show(given)), "new layers change nothing at first"
    return one, on, still, given


def refuses(game, run, prefix, match):
    """A warm start that lacks weights of such a name does not fit."""
    lacking = WarmStart.of(str(run), NAME)
    for key in [k for k in lacking.tensors if k.startswith(prefix)]:
        lacking.tensors.pop(key)
    with pytest.raises(ValueError, match=match):
        lacking.load_into(game)


def test_every_layer_may_be_modulated_later(first, tmp_path):
    _, on, still, _ = grown(first, tmp_path, "--modulate", "every")
    assert all(w.any() for w in on.first.scales.parameters())
    refuses(still, first, "first.body.1.weight", r"first\.body\.1\.weight: nothing")
    flags = ["--stage", 2, "--first", tmp_path / "on", *tiny(NAME), "--pyramid-l1", 0, "--modulate", "every"]
    here("train", NAME, *flags, "--data", "shapes@64", "--steps", 1, "--out", tmp_path / "two", "--quiet")
    _, two, _ = from_run(tmp_path / "two")
    assert torch.equal(two.stages(**two.draw(3, 5, text="a circle"))[0], on.show(on.draw(3, 5, text="a circle")))
    frozen = SPEC.build(two.config)  # nobody would ever train what it lacks
    refuses(frozen, tmp_path / "two", "first.scales", r"first\.scales\.0\.bias: nothing")
    body = torch.nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(on.first.body)).eval()
    x, condition = torch.randn(2, on.first.front[0].out_features // 16, 4, 4), torch.randn(2, on.first.scales[0].in_features)
    images = [[*modulated_forward(net, x, on.first.blocks, on.first.scales, condition)][-1] for net in (body, on.first.body)]
    assert torch.allclose(*images, atol=1e-6), "on several GPUs, too"
    assert not torch.allclose(images[0], body(x), atol=1e-6)
    film = on.first.scales[0]
    x, condition = torch.randn(2, film.out_features // 2, 3, 3), torch.randn(2, film.in_features)
    scale, shift = (condition @ film.weight.T + film.bias).chunk(2, 1)
    assert torch.allclose(film(x, condition), x * (1 + scale[..., None, None]) + shift[..., None, None], atol=1e-6)


def test_a_stage_one_may_grow_deeper_later(first, tmp_path):
    _, on, still, given = grown(first, tmp_path, "--g-blocks", 2)
    assert len(on.first.blocks) == 2
    assert all(block.gate.any() for block in on.first.blocks)
    drawn, x = on.show(given), torch.randn(2, len(on.first.blocks[0].gate), 4, 4)
    assert not torch.equal(on.first.blocks[0].eval()(x), x.relu())
    for block in on.first.blocks:
        torch.nn.init.zeros_(block.gate)
    assert not torch.equal(drawn, on.show(given)), "what they add is drawn"
    refuses(still, tmp_path / "on", "first.blocks.0.body.0.weight", r"first\.blocks\.0\.body\.0\.weight: nothing")


def test_a_stage_one_may_have_a_mapping_network_later(first, tmp_path):
    _, on, still, given = grown(first, tmp_path, "--mapping", 6)
    mapping, drawn = on.first.mapping, on.show(given)
    assert mapping.gate.weight.all()
    x = torch.randn(2, mapping.gate.out_features)
    assert torch.allclose(mapping(x), x + mapping.gate(mapping.body(x)))
    mapping.gate.reset_parameters()
    assert torch.equal(mapping(x), x)
    assert not torch.equal(drawn, on.show(given)), "what it adds is drawn"
    refuses(still, tmp_path / "on", "first.mapping.body.0.weight", r"first\.mapping\.body\.0\.weight: nothing")


# ---- Recipes ----------------------------------------------------------------------------------------------------------

SIDES = {"emoji": 64, "emoji@256": 256, "shapes": 32, "shapes@128": 128, "faces@32": 32, "faces@128": 128}


@pytest.mark.parametrize("model", ["gan_cls", "stackgan", NAME])
def test_each_step_of_a_recipe_can_be_begun_with_what_the_one_before_leaves(model):
    spec = registry.spec(model)
    for name, recipe in spec.recipes.items():
        state, knobs = {}, {}
        for i, step in enumerate(recipe):
            assert len(recipe) == 1 or (step.images and step.data in SIDES), name
            knobs = (knobs if i and step.previous == "from" else {}) | dict(step.knobs)
            side = {"side": SIDES.get(step.data, 64 * (1 + 3 * (knobs.get("stage") == 2)))}
            with torch.device("meta"):
                gan = spec.build(configure(spec.config, knobs | side))
            shapes = {k: v.shape for k, v in gan.state_dict().items()}
            if i and step.previous == "first":
                shared = {k: v for k, v in state.items() if k.split(".")[0] in ("first", "R")}
                assert shared == {k: v for k, v in shapes.items() if k.split(".")[0] in ("first", "R")}, name
            elif i:
                assert {k: v for k, v in state.items() if not k.startswith("heads")}.items() <= shapes.items(), name
            state = shapes


def test_the_recipe_ends_with_the_knobs_that_are_shipped():
    *_, game, two = SPEC.recipes["emoji"]
    for step, name in ((game, "stackgan-emoji-64"), (two, "stackgan-emoji")):
        shipped = asdict(next(c for c in bundled() if c.name == name).knobs)
        made = asdict(configure(SPEC.config, dict(step.knobs)))
        ignored = {"side", "channels", "classes", "captions", "styles", "first", "pyramid_l1_finest"}
        assert {k: v for k, v in made.items() if k not in ignored} == {k: v for k, v in shipped.items() if k not in ignored}


# ---- Older configs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "model"),
    [("stackgan-shapes", "stackgan"), ("stackgan-emoji", NAME), ("stackgan-emoji-64", NAME), ("gan_cls-emoji", "gan_cls")],
)
def test_a_shipped_checkpoint_is_read_as_what_it_is(name, model):
    checkpoint = next(c for c in bundled() if c.name == name)
    assert checkpoint.model == checkpoint.spec.name == model
    spec, config = registry.successor(checkpoint.config["model"], checkpoint.config["config"])
    assert (spec.name, config) == (model, checkpoint.knobs)
    assert registry.successor(model, asdict(config)) == (spec, config), "as it is written today, too"
    assert type(checkpoint.load()) is spec.build


# A config as 5187166 wrote it: all the knobs that it had, at their defaults.
OLDER = {"side": 16, "channels": 3, "classes": [], "captions": [], "styles": [], "encoder": "", "reads": "words"}
OLDER |= {"embedding": 8, "recurrent": 4, "z": 4, "d_width": 4, "d_patch": 1, "d_most": 512, "d_norm": "batch", "match": "join"}
OLDER |= {"text": 128, "disturb": 0.0, "augment": 0.0, "between": 0.0, "agree": 0.0, "alike": 0.0, "layout": 0.0, "finest": 8}
OLDER |= {
    "coarse": 0,
    "adversarial": 1.0,
    "r1": 0.0,
    "r2": 0.0,
    "r1_every": 16,
    "loss": "non-saturating",
    "stage": 1,
    "first": "",
}
OLDER |= {"condition": 4, "kl": 1.0, "width": 4, "deep": 0, "tell": "first", "mapping": 0, "refine": 4, "blocks": 1}
OLDER |= {"paint": "anew", "restore": 0.0, "keep": 0.0, "shuffle": "no", "batch": 8, "lr_g": 2e-4, "lr_d": 2e-4, "ema": 100}
PAIRS = {"match": "project", "d_norm": "none", "loss": "relativistic", "r1": 2.0, "r2": 2.0, "r1_every": 4, "between": 1.0}
SECOND = {"stage": 2, "side": 64, "between": 0.0, "d_patch": 4, "d_most": 256, "paint": "over", "shuffle": "yes"}
SECOND |= {"restore": 50.0, "keep": 20.0}


@pytest.mark.parametrize(
    ("knobs", "trains", "draws"),
    [
        ({}, "stackgan", "stackgan"),
        ({"paint": "over", "disturb": 0.2, "match": "project"}, "stackgan", "stackgan"),
        (PAIRS, NAME, NAME),
        (PAIRS | {"deep": 2, "tell": "every", "mapping": 4}, NAME, NAME),
        (PAIRS | {"adversarial": 0.0, "between": 0.0, "layout": 100.0, "coarse": 16, "finest": 0}, NAME, NAME),
        (PAIRS | SECOND, NAME, NAME),
        (PAIRS | {"between": 0.0}, None, "stackgan"),
        (PAIRS | {"r2": 1.0, "deep": 2}, None, NAME),
        (PAIRS | SECOND | {"keep": 5.0}, None, NAME),
        ({"loss": "hinge"}, None, "stackgan"),
        ({"alike": 1.0, "augment": 0.1}, None, "stackgan"),
        (PAIRS | SECOND | {"blocks": 2}, None, None),
    ],
)
def test_a_config_of_the_older_stackgan_is_whatever_can_go_on_with_it(knobs, trains, draws):
    for model, drawing in ((trains, False), (draws, True)):
        if model:
            spec, config = registry.successor("stackgan", OLDER | knobs, drawing)
            assert spec.name == model
            assert spec.build(config).sample(1).shape[1] == 3
        else:
            with pytest.raises(ValueError, match=r"this knob of older versions is gone, and only .* can still be read"):
                registry.successor("stackgan", OLDER | knobs, drawing)


def test_an_older_run_goes_on_and_one_whose_training_is_gone_only_draws(first, tmp_path, capsys):
    names = {"modulate": "tell", "g_blocks": "deep", "pyramid_l1": "layout", "pyramid_l1_finest": "finest", "aux_l1": "coarse"}
    plan = read_json(first / "run.json")
    older = {names.get(k, k): v for k, v in plan["config"].items()}
    older["disturb"] = older.pop("translation")
    fixed = {"r2": older["r1"], "loss": "relativistic", "match": "project", "d_norm": "none", "d_most": 512, "between": 1.0}
    older |= fixed | {"r1_every": 4, "alike": 0.0, "shuffle": "no", "restore": 0.0}
    write_json(first / "run.json", plan | {"model": "stackgan", "config": older})
    read = read_plan(first)
    assert (read.model, read.config) == (NAME, configure(SPEC.config, plan["config"]).__dict__)
    _, one, _ = from_run(first)
    write_json(first / "run.json", plan | {"model": "stackgan", "config": older | {"alike": 1.0}})
    _, same, _ = from_run(first)
    given = one.draw(2, 0, text=CAPTION)
    assert torch.equal(one.show(given), same.show(given))
    done = here("resume", first, "--steps", 7, "--quiet", check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "alike: 1.0: this knob of older versions is gone, and only 0 can still be read; go on" in done.stderr
    write_json(first / "run.json", plan | {"model": "stackgan", "config": older})
    here("resume", first, "--steps", 7, "--quiet")
    assert read_json(first / "run.json")["model"] == NAME


def test_a_checkpoint_that_nothing_reads_says_why_when_it_is_loaded(tmp_path):
    shipped = next(c for c in bundled() if c.name == "stackgan-emoji")
    config = read_json(shipped.folder / "config.json")
    config["config"] |= {"blocks": 3}
    write_json(tmp_path / "config.json", config)
    broken = Checkpoint(tmp_path, "folder")
    assert broken.model == "emoji_painter"
    with pytest.raises(ValueError, match=r"config\.json: .*: this knob of older versions is gone"):
        broken.load()
    assert replace(shipped, folder=tmp_path).name == "stackgan-emoji"
