"""Lists that write a caption: what is chosen is what the caption says, and what a caption says is what they show."""

from __future__ import annotations

import itertools
import random
import re
from urllib.parse import urlsplit

import numpy
import pytest
from support.links import GANS
from support.pages import becomes, changed, grid_of, picture

import ganzoo
from ganzoo import data
from ganzoo.data.dataset import plain
from ganzoo.data.faces.parts import PARTS, person, visible
from ganzoo.data.faces.sentences import choose, sentence
from ganzoo.images import to_uint8
from ganzoo.ui import lists, prompts
from ganzoo.ui.pictures import enlarge

SHAPES = next(c for c in GANS if plain(c.config["data"]["name"]) == "shapes")
FACES = next(c for c in GANS if plain(c.config["data"]["name"]) == "faces" and c.spec is SHAPES.spec)
UNREAD = "a pirate with an eyepatch and a grey beard"


def test_every_sentence_of_the_faces_is_read_as_what_it_says_and_written_anew():
    wording, dice = data.wording("faces@32"), random.Random(0)
    for i in range(400):
        who = person(i)
        parts = choose(who, dice.randint(1, len(PARTS)), dice)
        text = sentence(who, parts, dice)
        said = {part.replace("_", " "): who[part] for part in parts if part in visible(who)}
        assert wording.read(text) == said, text
        assert wording.knows(text), text
        again = wording.caption(said, "", text)
        assert wording.read(again) == said, (text, again)
        kind = "(man|guy|woman|lady|person|face)"
        called, now = (re.search(rf"\b{kind}\b", x) for x in (text, again))
        assert not called or now.group() == called.group(), (text, again)


def test_every_caption_of_the_shapes_is_read_as_what_it_says_and_written_as_it_was():
    wording = data.wording("shapes@128")
    for values in itertools.product(*(a.values for a in wording.attributes)):
        said = dict(zip((a.name for a in wording.attributes), values, strict=True))
        assert wording.read(wording.caption(said)) == said
    first = ganzoo.load(SHAPES.name).inputs[-1].suggestions[0][0]
    assert wording.caption(wording.read(first)) == first
    assert wording.caption({"colour": "orange", "place": "centre"}) == "an orange shape in the centre"
    assert wording.caption({}) == ""


def test_of_what_cannot_be_seen_together_the_last_is_said():
    wording = data.wording("faces")
    for last, said in (
        ("mouth", "a smiling man"),
        ("facial hair", "a bearded man"),
    ):
        assert wording.caption({"facial hair": "beard", "mouth": "smile"}, last, "the man there") == said
    hatted = {"hair": "cap", "hair colour": "green"}
    assert wording.caption(hatted, "hair") == "a person with a cap"
    assert wording.caption(hatted, "hair colour") == "a person with green hair"
    assert wording.caption(hatted | {"facial hair": "goatee"}, "hair") == "a person with a cap and a green goatee"
    assert wording.caption({"facial hair": "goatee"}, "facial hair", "a lady") == "a person with a goatee", "by the convention"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "there are none"),
        ({"values": [["hair", "bun"]]}, "no values of skin, hair"),
        ({"values": {"height": "tall"}}, "no values of skin, hair"),
        ({"values": {"hair": "<b>"}}, "hair: '<b>' is not one of bald"),
        ({"values": {"hair": ["bun"]}}, "hair: .* is not one of bald"),
    ],
)
def test_what_a_list_does_not_have_is_refused(value, problem):
    with pytest.raises(ValueError, match=problem):
        lists.written(data.wording("faces"), value, "")
    with pytest.raises(ValueError, match="there are none"):
        lists.written(data.wording("emoji@64"), value, "")


def test_words_that_no_caption_of_the_data_has_are_marked():
    heard = prompts.reading(FACES.name, 0, 1, UNREAD, None)
    assert re.findall("<u>(.*?)</u>", heard) == ["pirate", "eyepatch"]
    assert prompts.UNSAID in heard
    assert prompts.KNOWN not in heard
    for known in ("sunglasses", "a sad man"):
        heard = prompts.reading(FACES.name, 0, 1, known, None)
        assert "<u>" not in heard, "though it is no class"
        assert "never shown" not in heard
    assert "It knows skin, hair, hair colour, facial hair and 4 more" in prompts.reading(FACES.name, 0, 1, "a red apple", None)


def test_what_is_chosen_is_written_and_drawn_and_what_is_written_is_shown(visit):
    tab, wording, gan = FACES.spec.name, data.wording("faces"), ganzoo.load(FACES.name)
    first = gan.inputs[-1].suggestions[0][0]
    page = visit(f"?v=2&tab={tab}&m={SHAPES.name}")
    page.wait_for_function("() => window.zoo && zoo.ready")
    box = page.locator(f"#{tab}-text textarea")

    def shown(page):
        selects = page.locator(f"#{tab}-lists select").evaluate_all("all => all.map((x) => [x.dataset.name, x.value])")
        return {name: value for name, value in selects if value}

    def show(page, said):
        wanted = [said.get(a.name, "") for a in wording.attributes]
        page.wait_for_function(
            f"wanted => [...document.querySelectorAll('#{tab}-lists select')].map((x) => x.value).join() === wanted.join()",
            arg=wanted,
        )

    page.locator(f"#{tab}-lists select").first.wait_for()
    assert shown(page) == data.wording("shapes").read(box.input_value())
    page.locator(f"#{tab}-checkpoint").get_by_text(FACES.config["data"]["title"], exact=True).click()
    page.locator(f"#{tab}-info", has_text=FACES.revision).wait_for()
    assert box.input_value() == first, "a caption of shapes means nothing to it"
    show(page, wording.read(first))
    before = grid_of(page, tab).get_attribute("src")
    page.locator(f"#{tab}-lists").get_by_label("hair", exact=True).select_option("mohawk")
    changed(page, tab, before)
    said = "a smiling person with a green mohawk and glasses"
    assert box.input_value() == said
    ours = enlarge(to_uint8(gan.sample(4, seed=0, text=said, epsilon=0)))
    assert abs(picture(page, tab).astype(int) - numpy.array(ours)).max() <= 1, "without another press"
    becomes(page, {"v": "2", "tab": tab, "m": FACES.name, "w": FACES.revision, "text": said})
    show(page, wording.read(said))
    link = urlsplit(page.url).query
    box.fill(UNREAD)
    show(page, {"hair colour": "grey", "facial hair": "beard"})
    assert box.input_value() == UNREAD, "what is typed stays"
    page.locator(f"#{tab}-reading u", has_text="pirate").wait_for()
    again = visit(f"?{link}")
    again.locator(f"#{tab}-lists select").first.wait_for()
    show(again, wording.read(said))
