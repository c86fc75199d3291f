"""A card is true of anybody's checkpoint: its licence, sizes, tags, limits, and the lines that use it."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

import ganzoo
from ganzoo.checkpoint import card
from ganzoo.ui.pictures import caption

OWN = {"name": "folder:cats@32", "title": "cats", "source": "9 pictures in a folder named cats", "license": "not stated"}
NAMES = [c.name for c in ganzoo.checkpoints()]


@pytest.fixture
def own(tmp_path):
    """A copy of a shipped checkpoint, as if it was trained on somebody's pictures."""

    def make(name):
        folder = shutil.copytree(ganzoo.resolve(name).folder, tmp_path / name)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"data": OWN, "metrics": []}))
        return ganzoo.resolve(str(folder))

    return make


def head(page):
    return yaml.safe_load(page.split("---")[1])


@pytest.mark.parametrize("name", ["dcgan-mnist", "vanilla-mnist", "stackgan-shapes"])
def test_of_anybodys_pictures_no_licence_is_claimed_and_no_limits_of_other_pictures(name, own):
    c = own(name)
    page, said = card.render(c), card.limits(c)
    assert "license" not in head(page)
    assert head(card.render(c, license="cc0-1.0"))["license"] == "cc0-1.0"
    assert "nobody has written down" in said
    for word in ("At 28 pixels", "shirt", "digit", "plain shapes"):
        assert word not in said
    assert "NAME" not in page
    assert f"python -m ganzoo eval {c.name} --data {OWN['name']} --record" in page
    assert head(card.render(ganzoo.resolve(name)))["license"] == "mit"


@pytest.mark.parametrize("name", NAMES)
def test_the_lines_that_use_it_run_as_they_stand_and_have_its_shapes(name):
    c, space = ganzoo.resolve(name), {}
    lines = card.use(c)
    exec(lines, space)
    shape = f"(16, {c.manifest.config.channels}, {c.manifest.config.side}, {c.manifest.config.side})"
    if c.manifest.draws:
        assert str(tuple(space["images"].shape)) == shape
    assert (shape in lines) == (c.model != "encoder")


@pytest.mark.parametrize(
    ("name", "task", "tags"),
    [
        ("dcgan-mnist", "unconditional-image-generation", ["gan", "dcgan"]),
        ("gan_cls-emoji", "text-to-image", ["gan", "gan_cls"]),
        ("judge-mnist", "image-classification", ["judge"]),
        ("encoder-emoji", "feature-extraction", ["encoder"]),
    ],
)
def test_a_card_is_tagged_as_what_it_is(name, task, tags):
    facts = head(card.render(ganzoo.resolve(name)))
    assert facts["pipeline_tag"] == task
    assert facts["tags"][: len(tags)] == tags
    assert ("gan" in facts["tags"]) == ("gan" in tags)


def test_a_card_says_how_to_install_and_from_where():
    c = ganzoo.resolve("dcgan-mnist")
    assert "`pip install .` in a clone" in card.render(c)
    page = card.render(c, "ada/digits", source="https://example.org/ada/ganzoo")
    assert "pip install git+https://example.org/ada/ganzoo\n" in page
    assert 'ganzoo.load("ada/digits")' in page


@pytest.mark.parametrize(
    ("seed", "n", "said"),
    [
        (7, 1, "seed 7 "),
        (7, 3, "seeds 7 to 9 "),
        (2**32 - 1, 1, "seed 4294967295 "),
        (2**32 - 2, 2, "seeds 4294967294 to 4294967295 "),
        (2**32 - 2, 3, "seeds 4294967294 to 4294967295, then 0 "),
        (2**32 - 2, 9, "seeds 4294967294 to 4294967295, then 0 to 6 "),
    ],
)
def test_seeds_beyond_the_last_one_are_named_as_they_can_be_asked_for(seed, n, said):
    info = {"n": n, "seed": seed, "checkpoint": "x", "revision": "1234567", "source": "bundled"}
    assert caption(info).startswith(said)
