"""The app as programs meet it: its endpoints, its bounds, many visitors at once."""

from __future__ import annotations

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

import ganzoo
from ganzoo import registry
from ganzoo.checkpoint.write import preview
from ganzoo.gan import GAN
from ganzoo.images import png, to_uint8
from ganzoo.inputs import Choice, Code, Noise, Text
from ganzoo.ui.pictures import enlarge
from ganzoo.ui.views.timeline import Timeline

GANS = [c for c in ganzoo.checkpoints() if c.config["inputs"]]
FIRST, FIRST_MODEL = GANS[0].name, GANS[0].spec.name


@pytest.fixture(scope="module")
def client(app):
    return Client(app.url, verbose=False, httpx_kwargs={"timeout": 240})


def pixels(path):
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return numpy.array(picture)


@pytest.mark.stopwatch
def test_the_page_answers_about_as_soon_as_a_bare_one(bare, app):
    assert app.seconds < 2 * bare.seconds


def test_endpoints_are_named_and_documented(client):
    api = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    trained = {c.spec.name for c in GANS}
    assert set(api) == {"/sample"} | {f"/{name}" for name in trained}
    for name, facts in api.items():
        assert facts["description"], name
        assert facts["returns"], name


@pytest.mark.parametrize("checkpoint", [c.name for c in GANS])
def test_sample_draws_what_python_draws_and_says_what_it_was(client, checkpoint):
    path, said = client.predict(checkpoint, 4, 11, {}, api_name="/sample")
    images = to_uint8(ganzoo.load(checkpoint).sample(4, seed=11))
    side = images.shape[-1]
    shown = pixels(path)
    scale = max(1, (1120 if side < 128 else 512) // (2 * side))
    first = shown[: side * scale : scale, : side * scale : scale].astype(int)
    assert abs(first - images[0].permute(1, 2, 0).squeeze(-1).numpy()).max() <= 1
    c = ganzoo.resolve(checkpoint)
    assert said["checkpoint"] == checkpoint
    assert said["revision"] == c.revision
    assert said["source"] == "bundled"
    assert (said["n"], said["seed"]) == (4, 11)


@pytest.mark.parametrize("name", sorted({c.spec.name for c in GANS}))
def test_each_tab_has_an_endpoint(client, name):
    checkpoint = next(c.name for c in GANS if c.spec.name == name)
    path, said = client.predict(checkpoint, 3, 9, api_name=f"/{name}")
    assert pixels(path).size
    assert "seeds 3 to 11" in said


def test_an_endpoint_names_its_parameters_and_takes_all_checkpoints_of_its_kind_of_inputs(client):
    api = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    first = {}
    for c in GANS:
        gan = ganzoo.load(c.name)
        kinds = [(type(x), x.name) for x in gan.inputs if not isinstance(x, Noise)]
        name = first.setdefault(str(kinds), c.spec.name)  # another tab's, if there is one
        names = [p["parameter_name"] for p in api[f"/{name}"]["parameters"]]
        assert names[:3] == ["checkpoint", "seed", "n"]
        assert {x for _, x in kinds} <= set(names[3:])
        fixed = {x.name: x.options[-1] for x in gan.inputs if isinstance(x, Choice)}
        path, said = client.predict(checkpoint=c.name, seed=3, n=2, **fixed, api_name=f"/{name}")
        assert f"`{c.name}` · weights {c.revision}" in said
        if not any(isinstance(x, Text) for x in gan.inputs):
            fixed |= {x.name: 0 for x in gan.inputs if isinstance(x, Code)}
            ours = numpy.array(enlarge(to_uint8(gan.sample(2, seed=3, **fixed)))).astype(int)
            assert abs(pixels(path) - ours).max() <= 1
    other = next(c.name for c in GANS if any(x["type"] == "Choice" for x in c.config["inputs"]))
    with pytest.raises(AppError, match="this tab has controls for"):
        client.predict(checkpoint=other, api_name=f"/{FIRST_MODEL}")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("nosuch", 4, 0, {}), "no checkpoint 'nosuch'"),
        (("../../etc/passwd", 4, 0, {}), "no checkpoint"),
        (("judge-mnist", 4, 0, {}), "no checkpoint"),
        ((FIRST, 0, 0, {}), "n: "),
        ((FIRST, 65, 0, {}), "n: "),
        ((FIRST, 1e9, 0, {}), "n: "),
        ((FIRST, 4, -1, {}), "seed"),
        ((FIRST, 4, 2**32, {}), "seed"),
        ((FIRST, 4, 1.5, {}), "seed"),
        ((FIRST, 4, 0, [1]), "JSON object"),
        ((FIRST, 4, 0, 7), "JSON object"),
        ((FIRST, 4, 0, {"wings": 2}), "wings"),
        ((FIRST, 4, 0, {"z": [1]}), "z: "),
        ((FIRST, 4, 0, {"z": "<script>"}), "z: "),
        ((FIRST, None, 0, {}), "n: "),
    ],
)
def test_a_request_out_of_bounds_is_told_what_is_allowed(client, args, said):
    with pytest.raises(AppError, match=said):
        client.predict(*args, api_name="/sample")


@pytest.mark.parametrize(
    ("endpoint", "given", "said"),
    [
        ("dcgan", {"n": 0}, "n: 0 is not a whole number from 1 to 64"),
        ("dcgan", {"n": 1000}, "n: 1000 is not a whole number from 1 to 64"),
        ("dcgan", {"n": "many"}, "n: many is not a whole number from 1 to 64"),
        ("dcgan", {"seed": 0.5}, "seed: 0.5 is not a whole number from 0 to"),
        ("infogan", {"c2": 3}, "c2: '3' is not a number from -1 to 1"),
        ("infogan", {"c2": "far"}, "c2: 'far' is not a number from -1 to 1"),
        ("cgan", {"label": "eleven"}, "label: 'eleven' is not one of 0, 1"),
        ("gan_cls", {"epsilon": 99}, "epsilon: 99 is not a number from 0 to"),
        ("gan_cls", {"text": "x" * 300}, "text: 300 characters; give 1 to 201"),
    ],
)
def test_a_tabs_endpoint_names_the_value_that_is_wrong_as_it_is_called_there(client, app, endpoint, given, said):
    with pytest.raises(AppError) as error:
        client.predict(**given, api_name=f"/{endpoint}")
    assert said in str(error.value)
    assert "Traceback" not in app.log.read_text()


def test_32_visitors_at_once_are_all_served(app):
    def visit(i):
        start = time.monotonic()
        path, said = Client(app.url, verbose=False, httpx_kwargs={"timeout": 240}).predict(FIRST, 16, i, {}, api_name="/sample")
        return said["seed"], pixels(path).shape, time.monotonic() - start

    with ThreadPoolExecutor(32) as pool:
        served = list(pool.map(visit, range(32)))
    assert [seed for seed, _, _ in served] == list(range(32))
    assert len({shape for _, shape, _ in served}) == 1


def test_bundled_checkpoints_are_whole_and_say_what_they_draw():
    from ganzoo.checkpoint import card

    assert {c.spec.name for c in GANS} <= set(registry.MODELS)
    for c in ganzoo.checkpoints():
        gan = c.load()
        assert c.name == c.folder.name
        assert (c.folder / "README.md").read_text() == card.render(c), f"{c.name}: the card is stale; `eval --record` renews it"
        if isinstance(gan, GAN):
            with Image.open(c.folder / "preview.png") as kept:
                ours = Image.open(io.BytesIO(png(preview(gan))))
                assert abs(numpy.array(kept).astype(int) - numpy.array(ours)).max() <= 2
            measures = {m["name"]: m for m in c.config["metrics"]}
            assert measures["Fréchet distance"]["n"] * measures["Fréchet distance"]["draws"] >= 6_000
            assert measures["Fréchet distance"]["floor"] > 0
            assert 16 <= len(c.timeline()) <= 24
            lines = [json.loads(x) for x in (c.folder / "log.jsonl").read_text().splitlines()]
            assert lines[-1]["step"] == c.config["training"]["steps"]


def test_judges_are_as_sure_as_is_promised():
    promised = {"mnist": 0.993, "fashion": 0.92}
    judges = {c.data: c.config["metrics"][0] for c in ganzoo.checkpoints() if c.spec.name == "judge"}
    for name, least in promised.items():
        assert judges[name]["value"] >= least
        assert judges[name]["n"] == 10_000


def test_a_checkpoint_whose_training_was_not_kept_shows_its_end(weights):

    name = f"{registry.MODELS[0]}-fake"
    (weights / name / "timeline.png").unlink()
    value = Timeline.draw(name)
    assert value["captions"] == ["step 12: 96 pictures seen"]
    assert value["start"] == 0
