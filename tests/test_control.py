"""Control: codes, the measures of them against planted truths, several seeds, and what the app makes of it."""

from __future__ import annotations

import json
import math

import numpy
import pytest
import torch
from conftest import here, run_cli, tiny
from torch import nn

from ganzoo import registry
from ganzoo.augment import random_affine
from ganzoo.config import Config, configure
from ganzoo.gan import GAN
from ganzoo.inputs import Choice, Code, Noise, draw
from ganzoo.metrics import control
from ganzoo.metrics.case import Case, JudgeOutput
from ganzoo.training.seeds import together
from ganzoo.ui import pad

# ---- Codes -----------------------------------------------------------------------------------------------------------


def test_a_code_reads_numbers_and_draws_uniformly():
    code = Code("c2")
    assert code.read(0.25, 3).tolist() == [0.25] * 3
    assert code.read(["-1", 1], 2).tolist() == [-1, 1]
    many = code.prior(20_000, torch.Generator().manual_seed(0))
    assert many.shape == (20_000,)
    assert many.min() >= -1
    assert many.max() <= 1
    assert many.var().item() == pytest.approx(1 / 3, rel=0.03)


@pytest.mark.parametrize("wrong", [1.5, -1.01, "a", float("nan"), True, None])
def test_a_code_out_of_range_is_named_with_its_range(wrong):
    with pytest.raises(ValueError, match=r"c2: .* is not a number from -1 to 1"):
        draw((Noise("z", 2), Code("c2")), 2, 0, c2=wrong)


# ---- Measures, of a model whose truth is known -------------------------------------------------------------------------


class Bars(GAN):
    """Draws a bar: c1 says which of four columns it stands in, c2 how much it leans; reads c1 wrongly one time in five."""

    training_only = ()

    def __init__(self) -> None:
        super().__init__(Config(side=28, classes=tuple("abcd")))
        self.inputs = (Noise("z", 2), Choice("c1", tuple("0123")), Code("c2"))
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, z, c1, c2):
        y, x = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
        middle = 8 + 4 * c1[:, None, None] - c2[:, None, None] * 0.3 * (y - 13.5)
        return 2 * torch.exp(-((x - middle) ** 2) / 4)[:, None] - 1


def case(read_c1=None, read_c2=None, label=None):
    gan = Bars()
    given = gan.draw(400, 0)
    image = ((gan.show(given) + 1) * 127).to(torch.uint8)
    turned = (given["c1"] + 1) % 4  # what the judge calls the pictures of code k is class k + 1
    seen = JudgeOutput(image, torch.randn(400, 5), torch.eye(4)[turned])
    logits = 20 * torch.eye(4)[given["c1"] if read_c1 is None else read_c1]
    read = {"c1": logits, "c2": given["c2"] if read_c2 is None else read_c2}
    return Case(seen, seen, seen, tuple("abcd"), turned, turned if label is None else label, gan, given, read, read)


def test_codes_that_are_classes_under_other_names_have_no_error():
    scores = {s.id: s for s in control.code_measures(case())}
    assert scores["category_error_real:c1"].value == 0
    assert scores["category_error_generated:c1"].value == 0
    assert scores["category_error_generated:c1"].detail["draws"] == ["b", "c", "d", "a"]
    assert scores["mutual_information:c1"].value == pytest.approx(math.log(4), abs=1e-3)
    assert scores["recovery_error:c1"].value == 0
    assert scores["recovery_error:c2"].value == 0


def test_a_share_of_wrong_codes_is_the_error():
    given = case().inputs["c1"]
    wrong = given.clone()
    wrong[:80] = (wrong[:80] + 1) % 4
    scores = {s.id: s for s in control.code_measures(case(read_c1=wrong))}
    assert scores["category_error_real:c1"].value == pytest.approx(0.2)
    assert scores["recovery_error:c1"].value == pytest.approx(0.2)
    assert scores["category_error_generated:c1"].value == 0


def test_the_bound_of_a_number_is_the_gaussians():
    noise = 0.1 * torch.randn(400, generator=torch.Generator().manual_seed(0))
    scores = {s.id: s for s in control.code_measures(case(read_c2=case().inputs["c2"] + noise))}
    assert scores["recovery_error:c2"].value == pytest.approx(0.1, rel=0.1)
    expected = math.log(2) - 0.5 * math.log(2 * math.pi * math.e * noise.square().mean().item())
    assert scores["mutual_information:c2"].value == pytest.approx(expected, rel=1e-3)


def test_a_slider_is_named_by_what_it_moves():
    slider = {s.id: s for s in control.code_measures(case())}["slider:c2"]
    assert slider.detail == {"moves": "slant", "rho": 1.0}
    assert slider.value == 1


def test_orders_that_are_obeyed_and_one_class_that_is_not():
    c = case()
    gan, n = c.gan, 400
    gan.inputs = (Noise("z", 2), Choice("label", tuple("abcd")))
    order = torch.arange(n) % 4
    drawn = torch.where((order == 2) & (torch.arange(n) % 8 == 2), 3, order)  # half of the c's come out as d
    feature = torch.randn(n, 5, generator=torch.Generator().manual_seed(0))
    seen = JudgeOutput(c.fake.image, feature, torch.eye(4)[drawn])
    real = JudgeOutput(c.fake.image, feature, torch.eye(4)[order])
    accuracy, inside = control.class_accuracy(Case(seen, real, real, tuple("abcd"), order, order, gan, {"label": order}))
    assert accuracy.value == pytest.approx(0.875)
    assert accuracy.floor == 1
    assert "lowest: c at 50.0 %" in accuracy.note
    assert inside.value == pytest.approx(0, abs=1e-3)
    moved = JudgeOutput(c.fake.image, feature + 3 * (order == 1)[:, None], torch.eye(4)[order])
    _, inside = control.class_accuracy(Case(moved, real, real, tuple("abcd"), order, order, gan, {"label": order}))
    assert "worst: b" in inside.note
    assert inside.value == pytest.approx(5 * 9 / 4, rel=0.01)


def test_strokes_have_the_width_and_slant_that_they_were_drawn_with():
    def bar(width, lean=0.0):
        y, x = torch.meshgrid(torch.arange(40.0), torch.arange(40.0), indexing="ij")
        inside = ((x - 20 + lean * (y - 20)).abs() <= width / 2) & ((y - 20).abs() <= 15)
        return (255 * inside).to(torch.uint8)[None]

    bars = torch.stack([bar(3), bar(5), bar(7), bar(5, 0.3), bar(5, -0.3)])
    widths = control.stroke(bars)
    assert widths[0] < widths[1] < widths[2]
    assert widths[1].item() == pytest.approx(5, rel=0.3)
    assert control.slant(bars)[[1, 3, 4]].tolist() == pytest.approx([0, 0.3, -0.3], abs=0.02)


# ---- Several seeds -----------------------------------------------------------------------------------------------------


METRIC = {
    "name": "Fréchet distance",
    "better": "lower",
    "floor": 0.1,
    "spread": 0.0,
    "n": 9,
    "draws": 1,
    "said": "",
}  # format 1


def test_several_seeds_have_a_median_and_a_range():
    def found(*values):
        return [METRIC | {"name": "error", "value": v} for v in values]

    (row,) = together({s: found(v) for s, v in enumerate([0.5, 0.1, 0.2])})
    assert (row["median"], row["low"], row["high"]) == (0.2, 0.1, 0.5)
    assert row["values"] == {"0": 0.5, "1": 0.1, "2": 0.2}


def test_a_run_for_each_seed_and_the_best_is_exported_with_all_of_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    out = tmp_path / "runs"
    here("train", "vanilla", "--data", "fake", "--steps", 3, "--seeds", "4-5", "--out", out, "--quiet", *tiny("vanilla"))
    assert sorted(p.name for p in out.iterdir()) == ["seed-4", "seed-5"]
    plans = [json.loads((out / f"seed-{s}" / "run.json").read_text()) for s in (4, 5)]
    assert [p["seed"] for p in plans] == [4, 5]
    code, said = run_cli(capsys, "export", out)
    assert code == 2
    assert "seeds 4, 5 are not measured yet" in said
    kept = {str(s): {"step": 3, "n": 9, "metrics": [METRIC | {"value": v}]} for s, v in ((4, 2.0), (5, 1.0))}
    (out / "seeds.json").write_text(json.dumps(kept | {"5": kept["5"] | {"step": 2}}))
    code, said = run_cli(capsys, "export", out)
    assert (code, "seeds 5 are not measured yet" in said) == (2, True), "it was trained on since"
    (out / "seeds.json").write_text(json.dumps(kept))
    here("export", out, "--name", "two")
    config = json.loads((tmp_path / "weights" / "two" / "config.json").read_text())
    assert config["training"]["seed"] == config["seeds"]["chosen"] == 5
    assert config["seeds"]["measures"][0]["median"] == 1.5
    assert config["seeds"]["by"] == config["metrics"][0]["id"] == "frechet"
    card = (tmp_path / "weights" / "two" / "README.md").read_text()
    assert "best of 2" in card
    assert "1 to 2" in card
    code, said = run_cli(
        capsys, "train", "vanilla", "--data", "fake", "--steps", 3, "--seeds", "5-6", "--out", out, "--quiet", *tiny("vanilla")
    )
    assert code == 2
    assert "seed-5: already there" in said
    assert not (out / "seed-6").exists()


@pytest.mark.parametrize("wrong", ["3", "2-1", "a-b", "-1-2", "0-0"])
def test_seeds_are_a_range(wrong, capsys):
    code, said = run_cli(capsys, "train", "vanilla", "--data", "fake", f"--seeds={wrong}")
    assert code == 2
    assert "is not A-B, such as 0-4" in said


def test_what_q_should_make_of_real_pictures():
    """The same in both copies, sure, and each code as often as any other; each fault costs its weight."""
    spec = registry.spec("infogan")
    gan = spec.build(configure(spec.config, dict(spec.tiny)))
    gan.Q = nn.Identity()
    k = gan.config.categories
    right = 20 * torch.eye(k).repeat(5, 1)
    one = right[:1].expand(50, -1)
    cases = {
        "right": (right, right, 0),
        "all one code": (one, one, 0.4 * math.log(k)),
        "never sure": (0 * right, 0 * right, 0.1 * math.log(k)),
        "unlike in the copy": (right, right.roll(1, 1), 20),
    }
    for name, (seen, moved, cost) in cases.items():
        assert gan.imsat(seen, moved).item() == pytest.approx(cost, abs=1e-3), name
    seen, moved = right.clone().requires_grad_(), right.roll(1, 1).requires_grad_()
    gan.imsat(seen, moved).backward()
    assert moved.grad.abs().sum() > 1 > seen.grad.abs().sum(), "it is the copy that gives way"


def test_q_learns_c1_from_jittered_pictures_and_is_asked_for_it_in_plain_ones(monkeypatch):
    from ganzoo.models import infogan

    spec = registry.spec("infogan")
    torch.manual_seed(0)
    gan = spec.build(configure(spec.config, {**spec.tiny, "jitter": 0.2}))
    seen = []
    monkeypatch.setattr(infogan, "random_affine", lambda image, by: seen.append(by) or random_affine(image, by))
    batch = {"image": torch.rand(16, 1, 28, 28) * 2 - 1} | gan.draw(16)
    terms = gan.d_loss(batch)
    assert seen == [0.2, 0.2], "real and drawn ones"
    assert {"q_same", "q_c1", "q_c2"} <= terms.keys()
    terms["q_same"].backward()
    assert all(w.grad is not None for w in gan.Q.parameters())
    assert all(w.grad is None for w in gan.G.parameters())
    gan.g_loss(batch)
    assert len(seen) == 2
    image = torch.rand(4, 1, 28, 28) * 2 - 1
    assert torch.allclose(random_affine(image, 0.0), image, atol=1e-5)
    assert random_affine(torch.full((4, 1, 28, 28), -1.0), 0.3).max() == -1, "black comes in"


# ---- The pad -----------------------------------------------------------------------------------------------------------


def test_a_drawing_is_placed_as_mnist_places_its_digits():
    image = pad.like_mnist(pad.inked("CECa"), 28, 1)  # a stroke down from (2, 4) to (2, 26)
    assert image.shape == (1, 28, 28)
    rows, columns = (image[0].sum(d).nonzero().flatten() for d in (1, 0))
    assert len(rows) == 20
    assert (rows[0] + rows[-1]).item() == pytest.approx(27, abs=1)
    assert (columns[0] + columns[-1]).item() == pytest.approx(27, abs=1)
    corner = pad.like_mnist(pad.inked("CECaaa"), 28, 1)[0].float()  # down and to the right: its middle is not that of its box
    at = torch.arange(28.0)
    for d in (0, 1):
        mass = corner.sum(d)
        assert ((mass * at).sum() / mass.sum()).item() == pytest.approx(13.5, abs=0.6)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("", "nothing is drawn"),
        (None, "nothing is drawn"),
        ("/etc/passwd", "not a drawing"),
        ("AAA", "not a drawing"),
        ("AA~~AA", "not a drawing"),
        ("~", "not a drawing"),
        ({"path": "/etc/passwd"}, "not a drawing"),
        ("A" * 302, "300 in all"),
        ("AA\n", "not a drawing"),
        ("Aé", "not a drawing"),
    ],
)
def test_the_pad_takes_nothing_but_a_drawing(wrong, said):
    with pytest.raises(ValueError, match=said):
        pad.inked(wrong)


def test_what_is_drawn_is_inked_where_it_was_drawn_and_a_dot_is_a_dot():
    picture = numpy.asarray(pad.inked("AA~__~ff"))  # two corners, and a dot in the middle
    assert picture.shape == (pad.CANVAS, pad.CANVAS)
    assert picture[2, 2] == picture[-3, -3] == picture[138, 138] == 255
    assert picture[2, -3] == picture[-3, 2] == 0
    assert (picture[100:180] > 127).sum() == pytest.approx(math.pi * (pad.PEN / 2) ** 2, rel=0.1)
    assert set(numpy.unique(picture)) - {0, 255}, "smooth edges"
