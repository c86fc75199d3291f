"""Inputs, losses, pictures, specs: the small parts, each against what its docstring promises."""

from __future__ import annotations

import io
import math

import pytest
import torch
from PIL import Image

from ganzoo import data, inputs
from ganzoo.config import configure
from ganzoo.data.shapes import COLOURS, SHAPES
from ganzoo.images import from_pil, from_uint8, gif, grid, png, to_uint8
from ganzoo.inputs import Choice, Noise
from ganzoo.losses import LOSSES, contrast, mode_seeking, r1, slope
from ganzoo.models.dcgan import Config as DCGANConfig
from ganzoo.nets import depth_to_space, space_to_depth

LABEL = Choice("label", ("T-shirt", "Bag", "Ankle boot"))
BOTH = (Noise("z", 6), LABEL)

# ---- Inputs -----------------------------------------------------------------------------------------------------------


def test_fixing_one_input_changes_no_other():
    free, fixed = inputs.draw(BOTH, 5, 1), inputs.draw(BOTH, 5, 1, label="bag")
    assert torch.equal(free["z"], fixed["z"])
    assert fixed["label"].tolist() == [1] * 5


def test_picture_i_of_seed_s_is_picture_0_of_seed_s_plus_i():
    many = inputs.draw(BOTH, 40, 2**32 - 20)  # and past the largest seed it starts again
    for i in (0, 1, 19, 20, 39):
        one = inputs.draw(BOTH, 1, (2**32 - 20 + i) % 2**32)
        assert torch.equal(many["z"][i], one["z"][0])
        assert many["label"][i] == one["label"][0]


@pytest.mark.parametrize(
    ("value", "read"), [(2, [2, 2]), ("2", [2, 2]), (" ankle BOOT ", [2, 2]), (range(2), [0, 1]), (["Bag", 0], [1, 0])]
)
def test_choice_reads_names_and_numbers(value, read):
    assert LABEL.read(value, 2).tolist() == read


@pytest.mark.parametrize("value", [3, -1, "hat", "", None, True, 1.5, [0, 9], [0, 1, 2]])
def test_choice_refuses_the_rest_and_says_what_is_allowed(value):
    with pytest.raises(ValueError, match="label: "):
        LABEL.read(value, 2)


@pytest.mark.parametrize("value", ["x", [1.0], [[0.0] * 6] * 3, [float("nan")] * 6, None])
def test_noise_refuses_what_is_no_noise(value):
    with pytest.raises(ValueError, match="z: "):
        Noise("z", 6).read(value, 2)


def test_priors_have_their_moments():
    normal = Noise("z", 50).prior(4000)
    uniform = Noise("z", 50, "uniform").prior(4000)
    assert abs(normal.mean()) < 0.01
    assert abs(normal.std() - 1) < 0.01
    assert uniform.abs().max() <= 1
    assert abs(uniform.std() - 1 / math.sqrt(3)) < 0.01
    assert torch.bincount(LABEL.prior(3000), minlength=3).min() > 900


def test_walks_start_and_end_where_they_should_and_keep_their_length():
    a, b = torch.randn(2, 200, generator=torch.Generator().manual_seed(0))
    t = torch.linspace(0, 1, 9)
    arc, line = Noise("z", 200).between(a, b, t), Noise("z", 200, "uniform").between(a, b, t)
    for path in (arc, line):
        assert torch.allclose(path[0], a, atol=1e-4)
        assert torch.allclose(path[-1], b, atol=1e-4)
    assert torch.allclose(line[4], (a + b) / 2, atol=1e-5)
    assert arc.norm(dim=1).min() > 0.95 * min(a.norm(), b.norm()), "an arc does not cut through the middle"
    assert line.norm(dim=1).min() < 0.8 * min(a.norm(), b.norm())
    assert Noise("z", 200).between(a, a, t).isfinite().all()


# ---- Losses -----------------------------------------------------------------------------------------------------------

LOGIT = torch.tensor([-2.0, 0.5, 3.0])


@pytest.mark.parametrize(
    ("name", "real", "fake", "fool"),
    [
        ("minimax", -LOGIT.sigmoid().log(), -(1 - LOGIT.sigmoid()).log(), (1 - LOGIT.sigmoid()).log()),
        ("non-saturating", -LOGIT.sigmoid().log(), -(1 - LOGIT.sigmoid()).log(), -LOGIT.sigmoid().log()),
        ("least-squares", (LOGIT - 1) ** 2 / 2, LOGIT**2 / 2, (LOGIT - 1) ** 2 / 2),
        ("hinge", (1 - LOGIT).clamp_min(0), (1 + LOGIT).clamp_min(0), -LOGIT),
        ("wasserstein", -LOGIT, LOGIT, -LOGIT),
    ],
)
def test_losses_are_the_papers_formulas(name, real, fake, fool):
    loss = LOSSES[name]
    for function, expected in ((loss.real, real), (loss.fake, fake), (loss.generator, fool)):
        assert torch.allclose(function(LOGIT), expected.mean(), atol=1e-5)
        assert function(LOGIT.bfloat16()).dtype == torch.float32


def test_every_loss_pulls_the_right_way():
    for name, loss in LOSSES.items():
        x = torch.full((1,), 0.3, requires_grad=True)
        real, fake, fool = (torch.autograd.grad(f(x), x)[0].item() for f in loss[:3])
        assert real < 0 < fake, name
        assert fool < 0, name


def test_saturating_loss_is_flat_where_d_is_sure():
    x = torch.tensor([-10.0], requires_grad=True)
    saturating = torch.autograd.grad(LOSSES["minimax"].generator(x), x)[0].abs().item()
    steep = torch.autograd.grad(LOSSES["non-saturating"].generator(x), x)[0].abs().item()
    assert saturating < 1e-3 < 0.99 < steep


def test_mode_seeking_is_how_near_pictures_are_by_how_far_their_noise_is():
    image, other = torch.zeros(2, 1, 2, 2), torch.tensor([0.5, 0.0]).view(2, 1, 1, 1).expand(2, 1, 2, 2)
    z, other_z = torch.zeros(2, 4), torch.tensor([[1.0, -1.0, 1.0, 1.0], [2.0, 0.0, 0.0, 0.0]])
    assert mode_seeking(image, other, z, other_z).item() == pytest.approx((1 / 0.501 + 0.5 / 0.001) / 2, rel=1e-5)


def test_contrast_is_the_cross_entropy_of_both_ways_among_captions_that_differ():
    score = torch.tensor([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]])
    apart = torch.eye(3, dtype=torch.bool)
    assert contrast(score, apart).item() == pytest.approx(math.log(1 + 2 * math.exp(-2)), rel=1e-5)
    twins = apart.clone()
    twins[0, 1] = twins[1, 0] = True
    two = (2 * math.log(1 + math.exp(-2)) + math.log(1 + 2 * math.exp(-2))) / 3
    assert contrast(score, twins).item() == pytest.approx(two, rel=1e-5)


def test_r1_is_half_the_squared_slope_over_all_pixels():
    image = torch.randn(4, 3, 5, 5, requires_grad=True)
    weight = torch.randn(75)
    logit = image.flatten(1) @ weight
    assert torch.allclose(slope(logit, image), weight.square().sum().expand(4), rtol=1e-4)
    assert torch.allclose(r1(logit, image), weight.square().sum() / 2, rtol=1e-4)


# ---- Pictures ---------------------------------------------------------------------------------------------------------


def test_bytes_survive_the_way_through_floats():
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(to_uint8(from_uint8(every)), every)
    assert from_uint8(every).min() == -1
    assert from_uint8(every).max() == 1


def test_folded_pixels_are_those_of_pixel_unshuffle_and_come_back():
    image = torch.randn(2, 3, 8, 8)
    places = space_to_depth(image, 4)
    assert places.is_contiguous(memory_format=torch.channels_last)
    theirs = torch.nn.functional.pixel_unshuffle(image, 4).unflatten(1, (3, 16)).transpose(1, 2).flatten(1, 2)
    assert torch.equal(places, theirs), "the same channels, the colour last"
    assert torch.equal(depth_to_space(places, 4), image)


@pytest.mark.parametrize("channels", [1, 3])
def test_grid_keeps_every_pixel_and_png_loses_none(channels):
    images = torch.randint(256, (7, channels, 5, 5), dtype=torch.uint8)
    plain = from_pil(Image.open(io.BytesIO(png(grid(images, columns=3)))))
    assert plain.shape == (channels, 15, 15)
    assert torch.equal(plain[:, 5:10, 10:15], images[5])
    assert (plain[:, 10:, 5:] == 255).all(), "what is left over is paper"
    large = from_pil(grid(images, columns=3, scale=4, gap=2))
    assert large.shape == (channels, 3 * 22 - 2, 3 * 22 - 2)
    assert torch.equal(large[:, 22:42:4, 0:20:4], images[3])


def test_grid_refuses_floats():
    with pytest.raises(ValueError, match="uint8"):
        grid(torch.zeros(2, 1, 4, 4))


def test_gif_loops_and_keeps_grey_pixels():
    frames = [grid(torch.randint(256, (1, 1, 8, 8), dtype=torch.uint8)) for _ in range(4)]
    with Image.open(io.BytesIO(gif(frames))) as animation:
        assert animation.n_frames == 4
        assert animation.info["loop"] == 0
        animation.seek(2)
        assert animation.convert("L").tobytes() == frames[2].tobytes()


# ---- Configs and data -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"side": 30},
        {"side": 4},
        {"side": 48},
        {"batch": 1},
        {"channels": 2},
        {"loss": "mse"},
        {"lr_g": -1},
        {"beta1": 1.0},
        {"z": 0},
        {"width": True},
        {"no_such_knob": 1},
    ],
)
def test_configs_refuse_what_cannot_be_built(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[0]):
        configure(DCGANConfig, wrong)


@pytest.mark.parametrize("side", [8, 16, 28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_dcgan_draws_any_side_that_it_promises(side, channels):
    from ganzoo.models.dcgan import DCGAN

    gan = DCGAN(DCGANConfig(side=side, channels=channels, width=4))
    images = gan.sample(2)
    assert images.shape == (2, channels, side, side)
    assert gan.D(images).shape == (2,)


def test_shapes_are_what_their_captions_say():
    d = data.load("shapes", split="test")
    assert torch.equal(d.image[:50], data.load("shapes", split="test").image[:50]), "the same every time"
    assert d.image.shape == (4000, 3, 32, 32)
    for i in range(200):
        _, size, colour, shape, _, _, *place = d.captions[i][0].split()
        image, colours = d.image[i].float(), torch.tensor(list(COLOURS.values())).float()
        ink = image.sum(0) < 3 * 250
        to_colour = torch.cdist(image.flatten(1).T, colours).min(0).values  # of the pixel nearest to each colour
        assert list(COLOURS)[to_colour.argmin()] == colour
        assert to_colour.min() < 3
        assert SHAPES[d.label[i]] == shape
        rows, columns = ink.nonzero().float().mean(0).tolist()
        expected = {"top": rows < 15, "bottom": rows > 17, "left": columns < 15, "right": columns > 17}
        assert all(true for word, true in expected.items() if word in place), d.captions[i]
        assert (ink.any(0).sum() > 15) == (size == "large"), d.captions[i]
    assert len(set(d.captions)) > 600


def test_splits_differ():
    assert not torch.equal(data.load("fake", split="train").image, data.load("fake", split="test").image)


@pytest.mark.parametrize(("name", "split"), [("nosuch", "train"), ("fake", "nosuch")])
def test_load_names_what_there_is(name, split):
    with pytest.raises(ValueError, match=r"nosuch.*there are"):
        data.load(name, split=split)
