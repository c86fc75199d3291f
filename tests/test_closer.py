"""A closer look at one picture: what D thinks of it, and the walk that begins there; and the drawing of a game."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
import torch
from conftest import small
from support.pages import READY
from torch import nn

from ganzoo import registry
from ganzoo.config import Config
from ganzoo.gan import GAN
from ganzoo.images import from_pil, to_uint8
from ganzoo.losses import LOSSES
from ganzoo.remedies import MinibatchStddev
from ganzoo.ui import game_drawing, inference, opinion, texts

SIDE = 16


@pytest.mark.parametrize("name", registry.MODELS)
def test_d_is_asked_about_pictures_and_what_they_were_drawn_of(name):
    gan = small(name)
    given = gan.draw(3, 0)
    image = gan.show(given)
    found = opinion.logits(gan, image, given)
    if found is None:
        assert gan.pictures or any(isinstance(m, MinibatchStddev) for m in gan.D.modules()), "nobody can ask it"
        return
    assert torch.isfinite(found).all()
    alone = [opinion.logits(gan, image[i : i + 1], {k: v[i : i + 1] for k, v in given.items()}) for i in range(3)]
    assert torch.allclose(torch.cat(alone), found, atol=1e-4), "of each by itself"
    assert opinion.logits(gan, image.roll(1, 0), given).tolist() != found.tolist()


class Spotless(GAN):
    """Its D dislikes one bright pixel."""

    def __init__(self, at):
        super().__init__(Config(side=SIDE))
        (self.y, self.x), self.weight = at, nn.Parameter(torch.ones(1))

    def d_logit(self, image, given):
        return -self.weight * image[:, 0, self.y, self.x]


def test_the_map_shows_what_d_objects_to():
    at = 5, 10
    image = torch.full((1, SIDE, SIDE), -1.0)
    image[0, at[0], at[1]] = 1
    found = opinion.opinion(Spotless(at), image, {})
    assert found.logit == -1
    objection = found.objection
    assert objection.shape == (SIDE, SIDE)
    assert objection[at] == objection.max() > 0
    assert objection.min() == 0, "elsewhere nothing is to be had"
    near = opinion.squares(SIDE)[0][0].stop
    assert not objection[:, : at[1] - near].any()
    shades = from_pil(opinion.overlay(to_uint8(image), objection)).permute(1, 2, 0)
    assert shades[at].tolist() == pytest.approx([x * 200 / 255 + 55 for x in opinion.WORSE], abs=1)
    assert not shades[:, 0].any()


def test_it_is_the_picture_of_the_grid():
    look = inference.look_closer("cgan-mnist", 6, {"label": "4"})
    drawn = inference.sample("cgan-mnist", 16, 0, {"label": "4"})
    assert abs(look.image.int() - drawn.images[6].int()).max() <= 1
    assert look.values == {"label": 4}
    assert look.opinion
    assert inference.look_closer("gan_cls-emoji", 0).opinion is None, "it is shipped without its D"
    assert len(inference.other_logits("vanilla-mnist")) == opinion.OTHERS


@pytest.mark.parametrize(
    ("loss", "logit", "share"),
    [
        ("non-saturating", 0, 0.5),
        ("minimax", 2, 0.8808),
        ("least-squares", 0.5, 0.5),
        ("least-squares", 3, 1),
        ("hinge", 0, 0.5),
        ("hinge", -5, 0),
        ("wasserstein", 0, None),
        ("relativistic", 0, None),
    ],
)
def test_a_logit_is_read_as_its_loss_has_it(loss, logit, share):
    assert texts.realness(LOSSES[loss], logit) == (share if share is None else pytest.approx(share, abs=1e-4))


def test_a_click_on_a_picture_looks_closer_and_a_walk_begins_there(visit):
    page = visit("?v=2&tab=cgan&label=4")
    image = page.locator("#cgan-picture img")
    image.wait_for()
    page.wait_for_function(READY)
    image.click(position={"x": image.bounding_box()["width"] * 0.6, "y": image.bounding_box()["height"] * 0.4})
    look = page.locator("#cgan-closer")
    look.get_by_text("Picture 6").wait_for()
    assert look.locator(".look-bar").get_attribute("aria-label").startswith("D takes it for real by")
    assert look.locator("img").count() == 2
    link = page.evaluate("closer.link('cgan', '6')")
    assert link.startswith("?v=2&tab=cgan&w=")
    assert link.endswith("&label=4&seed=6&n=1")
    look.get_by_role("button", name="The next picture").click()
    look.get_by_text("Picture 7").wait_for()
    look.get_by_role("button", name="Walk from here").click()
    page.get_by_text("from picture 7 to picture 1").wait_for()
    page.wait_for_function("new URLSearchParams(location.search).get('from') === '7'")
    page.locator("#cgan-dice").click()  # other pictures are drawn
    page.locator("#cgan-closer").get_by_role("button", name="Look closer").wait_for()


def test_a_walk_plays_by_itself_until_it_is_touched(app, browser):
    page = browser.new_page(reduced_motion="no-preference")
    page.goto(app.url + "?v=2&tab=dcgan")
    walk = page.locator("#dcgan-walk")
    walk.locator("[data-ready]").wait_for()
    page.locator("#dcgan-picture img").wait_for()
    assert walk.locator(".scrub-play").get_attribute("aria-label") == "Play", "it is not in sight"
    walk.scroll_into_view_if_needed()
    walk.locator(".scrub-play[aria-label=Pause]").wait_for()
    page.wait_for_function("document.querySelector('#dcgan-walk input').value > 40", polling=50)
    walk.locator(".scrub-picture").click()
    walk.locator(".scrub-play[aria-label=Play]").wait_for()
    page.locator("#dcgan-elsewhere").click()
    page.wait_for_function("!document.querySelector('#dcgan-walk figcaption').innerText.includes('from picture 0 to')")
    page.wait_for_timeout(300)
    assert walk.locator("input").input_value() == "23", "a new walk rests where it starts, the thumb too"
    assert walk.locator(".scrub-play").get_attribute("aria-label") == "Play"
    page.close()


# ---- The drawing of the game --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", registry.MODELS)
def test_every_game_is_drawn_with_its_players(name):
    gan = small(name)
    cast = game_drawing.players(gan)
    assert cast.painters
    assert {net for phase in gan.phases() for net in phase.nets} <= {
        gan.get_submodule(n) for n in (*cast.readers, *cast.painters, *cast.opponents)
    }
    svg = game_drawing.drawing(gan, name, "a & b")
    assert ElementTree.fromstring(f"<div>{svg}</div>").find("svg").get("role") == "img"
    assert "a &amp; b" in svg
    for net in (*cast.painters, *cast.opponents):
        assert f">{game_drawing.shown(net, gan.get_submodule(net))}</text>" in svg


def test_a_drawing_says_who_is_told_what_and_who_stays_as_it_is():
    conditional, plain = (game_drawing.drawing(small(name), name, "digits") for name in ("cgan", "vanilla"))
    assert "label: one of" in conditional
    assert conditional.count('class="way "') == plain.count('class="way "') + 2, "the label goes to G and to D"
    assert "by turns: D, then G, once in 2 steps." in game_drawing.drawing(small("wgan_gp"), "wgan_gp", "digits")
    assert "what G was given" in game_drawing.drawing(small("infogan"), "infogan", "digits")
    assert "R learnt before, and stays as it is." in game_drawing.drawing(small("gan_cls"), "gan_cls", "things")
