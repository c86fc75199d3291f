"""config.json: typed, bounded, of two formats; and the command that a card names."""

from __future__ import annotations

import copy
import json
import re
import shlex

import pytest
from conftest import REPO, small

import ganzoo
from ganzoo.__main__ import parse
from ganzoo.checkpoint import card, formats, manifest
from ganzoo.checkpoint.folder import Checkpoint
from ganzoo.checkpoint.history import Command, nearest_recipe, one_command
from ganzoo.checkpoint.write import record
from ganzoo.config import FROM_DATA, knobs, naming
from ganzoo.hub import pretrained

SHIPPED = ganzoo.checkpoints()
FORMAT_1 = json.loads((REPO / "tests/config_format_1.json").read_text())
NOT_REPLAYABLE = {
    "stackgan-emoji",
    "stackgan-emoji-64",
    "stackgan-shapes",
    "stackgan-faces",
    "cyclegan-faces_glasses",
    "judge-faces",
}  # the text painters: trained from runs that are gone; the judge of faces, StackGAN's and CycleGAN's, in several commands


# ---- Reading ----------------------------------------------------------------------------------------------------------


def test_a_file_of_format_1_is_read_with_ids():
    config = manifest.read(copy.deepcopy(FORMAT_1), "config.json")
    m = manifest.typed(config, "config.json")
    assert config["format"] == formats.FORMAT == 2
    assert m.measure("category_error_real:c1").value == m.seeds.decisive.values[str(m.seeds.chosen)]
    assert m.seeds.by == "category_error_real:c1"
    assert len(m.detail("category_error_generated:c1").draws) == 10
    assert m.detail("slider:c2").moves
    assert m.detail("slider:c9") == manifest.Detail()
    assert m.measure("copies").note.startswith("nearer")
    assert manifest.read(config, "config.json") == config, "today's format stays as it is"


@pytest.mark.parametrize("c", SHIPPED, ids=lambda c: c.name)
def test_every_shipped_measure_has_an_id_of_its_own_and_the_card_can_be_rendered(c):
    ids = [m.id for m in c.manifest.metrics]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z0-9_]+(:[a-z0-9_.-]+)*", i) for i in ids)
    assert c.knobs.side == c.manifest.config.side
    assert f"# {c.name}\n" in card.render(c)


def wrong(*path, to=...):
    """A spoilt copy: the value at a path is another, or its key is gone."""
    config = copy.deepcopy(FORMAT_1)
    at = config
    for key in path[:-1]:
        at = at[key]
    if to is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return config


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (wrong("data"), "lacks data"),
        (wrong("data", "title"), "data: lacks title"),
        (wrong("training", "steps", to=-1), "training: steps: '-1' is not a whole number >= 0"),
        (wrong("training", "steps", to=True), "training: steps: 'True' is not a whole number"),
        (wrong("training", "start", to=None), "training: start: 'None' is not a JSON object"),
        (wrong("metrics", 1, "value", to="good"), "metrics: 1: value: 'good' is not a number"),
        (wrong("metrics", 1, "better", to="up"), "metrics: 1: better: 'up' is not lower or higher"),
        (wrong("metrics", 1, "floor"), "metrics: 1: lacks floor"),
        (wrong("metrics", 1, "floor", to="x"), "metrics: 1: floor: 'x' is not a number or null"),
        (wrong("metrics", 1, "detail", "confusion", 0, 0, to=0.5), "detail: confusion: 0: 0: '0.5' is not a whole number"),
        (wrong("metrics", 1, "detail", to=5), "metrics: 1: detail: '5' is not a JSON object"),
        (wrong("metrics", to="good"), "metrics: 'good' is not a list"),
        (wrong("seeds", "measures", to=[]), "seeds: measures: '[]' is not a list of length >= 1"),
        (wrong("seeds", "measures", 0, "values", "0", to="x"), "is not a number"),
        (wrong("certificate", to={"kills": 1}), "certificate: lacks steps"),
        (wrong("timeline", "steps", to=[0] * 65), "is not a list of length <= 64"),
        (wrong("training_pictures", to={"count": 10_001, "side": 8}), "count: '10001' is not a whole number <= 10000"),
        (wrong("config", "side", to=2000), "config: side: '2000' is not a whole number <= 1024"),
        (wrong("name", to="a\n"), "name: 'a\\n' is not made of a-z"),
        (wrong("files", "model.safetensors", to="0" * 63), "is not a sha256"),
        (wrong("files", "model.safetensors"), "files: discriminator.safetensors are not model.safetensors and, maybe"),
        (wrong("more", to=[[[[[[[[1]]]]]]]]), "longer or deeper than a checkpoint's"),
        (wrong("more", to="x" * 10_001), "longer or deeper than a checkpoint's"),
        (wrong("more", to=float("nan")), "nan is not a number that a checkpoint has"),
        (wrong("format", to=3), "format 3; this version reads 1 to 2; a newer ganzoo reads it"),
        (wrong("format", to=True), "format True; this version reads 1 to 2"),
        (wrong("format"), "not the config.json of a ganzoo checkpoint"),
    ],
    ids=range(27),
)
def test_what_is_not_as_it_must_be_is_named_in_one_line(config, message):
    with pytest.raises(ValueError, match=re.escape(message)) as refused:
        manifest.read(config, "HERE")
    assert str(refused.value).startswith("HERE: ")
    assert "\n" not in str(refused.value)


def test_keys_of_a_newer_version_are_kept_when_a_measure_is_written(tmp_path):
    pretrained.save(small(), tmp_path, "tiny-fake")
    path = tmp_path / "config.json"
    config = json.loads(path.read_text()) | {"mood": "good"}
    config["data"]["colour"] = "grey"
    path.write_text(json.dumps(config))
    record(Checkpoint(tmp_path, "folder"), {"certificate": {"kills": 1, "steps": 2, "exact": True, "torch": "2"}})
    again = json.loads(path.read_text())
    assert (again["mood"], again["data"]["colour"], again["format"]) == ("good", "grey", 2)
    assert Checkpoint(tmp_path, "folder").manifest.certificate.exact
    Checkpoint(tmp_path, "folder").load().save_pretrained(tmp_path / "copy")
    assert json.loads((tmp_path / "copy/config.json").read_text()) == again


def test_measures_are_found_by_id_whatever_they_are_called():
    config = wrong("metrics", 1, "name", to="another name")
    config["metrics"][1]["id"] = "category_error_real:c1"
    found = manifest.typed(manifest.read(config, "x"), "x")
    assert found.measure("category_error_real:c1").name == "another name"


# ---- The command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("c", SHIPPED, ids=lambda c: c.name)
def test_the_command_that_a_card_names_makes_a_checkpoint_with_these_knobs(c):
    command = one_command(c)
    assert (command is None) == (c.name in NOT_REPLAYABLE)
    if command is None:
        assert "No single command makes it again." in card.render(c)
        recipe = nearest_recipe(c)
        nearest = f"python -m ganzoo train {c.spec.name} --recipe {recipe}"
        assert f"`{nearest}`" in card.render(c)
        assert c.spec.recipes[recipe][0].data, "so that the command trains as it stands"
        assert parse(shlex.split(nearest)[3:]).recipe == recipe
        return
    assert f"One command makes it again:\n\n```\n{command}\n```" in card.render(c)
    args = parse(shlex.split(command)[3:])
    given = {k.removeprefix("knob_"): v for k, v in vars(args).items() if k.startswith("knob_") and v is not None}
    recipe = getattr(args, "recipe", None)
    of_data = {k: getattr(c.knobs, k) for k in FROM_DATA if hasattr(c.knobs, k)}
    stepped: dict[str, object] = {}
    for step in c.spec.recipes[recipe] if recipe else ():
        stepped = (stepped if step.previous == "from" else {}) | dict(step.knobs)
    made = c.spec.config(**of_data | stepped | given)
    for k in [k for k in knobs(c.spec.config) if k not in naming(c.spec.config)]:
        assert getattr(made, k) == getattr(c.knobs, k), k
    training = c.manifest.training
    last = c.spec.recipes[recipe][-1] if recipe else None
    assert (args.model, args.seed) == (c.spec.name, training.seed)
    assert (args.data or last.data) in (c.data, f"{c.data}@{c.knobs.side}"), "its own side may be named"
    steps = args.steps or -(-(args.images or last.images) // c.knobs.batch)
    assert (steps, args.minutes) == (training.steps, None), "as long as it was trained"


def made_by(tmp_path, *lines, **training):
    """A small checkpoint with a history."""
    pretrained.save(small(), tmp_path, "tiny-fake")
    config = json.loads((tmp_path / "config.json").read_text())
    config["training"] |= {
        "command": "\n".join(lines),
        "steps": 9,
        "images": 9 * config["config"]["batch"],
        "seed": 3,
    } | training
    (tmp_path / "config.json").write_text(json.dumps(config))
    return one_command(Checkpoint(tmp_path, "folder"))


TRAIN = "python -m ganzoo train vanilla --data mnist --out runs/x"
ENOUGH = f"{TRAIN} --steps 9"
START = {"name": "x", "revision": "", "images": 1, "command": "python -m ganzoo train vanilla --data fashion --out runs/y"}


@pytest.mark.parametrize(
    ("lines", "training", "command"),
    [
        ([ENOUGH], {}, ENOUGH),
        ([f"{ENOUGH} --quiet --save-every=9 --root /data"], {}, ENOUGH),
        ([f"{TRAIN} --minutes 7"], {}, f"{TRAIN} --images IMAGES"),
        ([f"{TRAIN} --steps 1000"], {}, f"{TRAIN} --images IMAGES"),  # but it was stopped
        ([f"{TRAIN} --images 5", "python -m ganzoo resume runs/x --quiet --steps 9"], {}, ENOUGH),
        ([f"{TRAIN} --steps 5", "python -m ganzoo resume --quiet x --minutes 9"], {}, f"{TRAIN} --images IMAGES"),
        ([f"{TRAIN} --seeds 2-4", "python -m ganzoo resume runs/x/seed-3 --steps 9"], {}, f"{ENOUGH} --seed 3"),
        ([f"{TRAIN} --seeds 2-4", "python -m ganzoo resume runs/x/seed-2 --steps 9"], {}, None),
        (["python -m ganzoo train vanilla --data=mnist", "python -m ganzoo resume runs/vanilla-mnist --steps 9"], {}, ...),
        ([ENOUGH, "python -m ganzoo resume runs/z"], {}, None),
        ([ENOUGH, "# then changed in Python"], {}, None),
        (["# not recorded"], {}, None),
        ([], {}, None),
        (["python -m ganzoo train dcgan --data mnist"], {}, None),
        ([f"{ENOUGH} --from dcgan-mnist"], {}, None),
        ([ENOUGH], {"start": START}, None),
        ([ENOUGH], {"start": START | {"command": ENOUGH}}, ENOUGH),  # two steps of one recipe
        (["it's not a command"], {}, None),
    ],
    ids=range(18),
)
def test_resumes_of_one_training_are_one_command_and_nothing_else_is(lines, training, command, tmp_path):
    found = made_by(tmp_path, *lines, **training)
    images = Checkpoint(tmp_path, "folder").manifest.training.images
    expected = "python -m ganzoo train vanilla --data mnist --steps 9" if command is ... else command
    assert found == (expected and expected.replace("IMAGES", str(images)))


def test_a_training_that_needs_a_run_that_is_not_kept_is_no_single_command():
    shapes = next(c for c in SHIPPED if c.name == "stackgan-shapes")
    first = Command.parse(shapes.manifest.commands[0])
    assert first.options["--first"].startswith("runs/")
    assert one_command(shapes) is None
