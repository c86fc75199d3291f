"""The static site: its networks draw in a real browser what Python draws, from files alone, in any folder, also offline."""

from __future__ import annotations

import functools
import html
import json
import random
import shutil
import threading
from urllib.parse import parse_qsl

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from conftest import REPO, here, run_cli
from support import sites
from support.hub_client import told
from support.hubserver import git
from support.links import GANS
from support.servers import Server
from support.sites import Quiet, decoding, near, pixels, query_of, turn

import ganzoo
from ganzoo.gan import as_gan
from ganzoo.images import to_uint8
from ganzoo.inputs import EPSILON, SEEDS, Choice, Code, Text, scale_epsilon
from ganzoo.site import runtime
from ganzoo.ui import inference, landing, permalink, prompts
from ganzoo.ui.fields import ANY, MIXED, STEP

# Uniform noise, normal noise, labels, codes; captions by words (and noise that blurs them), and by characters.
SHOWN = ("vanilla-mnist", "dcgan-fashion", "cgan-mnist", "infogan-mnist", "stackgan-emoji-64", "stackgan-shapes")
served, visitor = sites.served, sites.visitor  # fixtures
CAPTIONS = ("a red apple", "", "a sleepy dog", "Un CAFÉ 🐶 florble", "a large blue circle at the left", "?!")


@pytest.fixture(scope="module")
def checkpoints_shown(request):
    """SHOWN; with --links, all that make no pictures of pictures, which test_site_pictures.py has."""
    if not request.config.getoption("--links"):
        return SHOWN
    return [c.name for c in GANS if not any(x["type"] == "Picture" for x in c.config["inputs"])]


@pytest.fixture(scope="module")
def site(tmp_path_factory, checkpoints_shown):
    """The folder of a site, two levels below what is served."""
    folder = tmp_path_factory.mktemp("served") / "some" / "zoo"
    done = here("site", folder, "--only", *checkpoints_shown, "--app", "https://example.org/app/")
    assert str(folder) in done.stdout
    return folder


def random_values(inputs, rng):
    """What a link may say of the pictures, and what that fixes of the inputs."""
    most = 3 if any(isinstance(x, Text) for x in inputs) else 20
    values, fixed = {"seed": rng.choice([rng.randrange(SEEDS), rng.randrange(100), SEEDS - 1]), "n": rng.randint(1, most)}, {}
    for x in inputs:
        if isinstance(x, Text):
            values[x.name] = rng.choice(CAPTIONS)
            values["style"] = rng.choice([MIXED, *x.styles]) if x.styles and rng.random() < 0.7 else ANY
            fixed[x.name], fixed["style"] = values[x.name], values["style"]
        if x.name == EPSILON:
            values[x.name] = fixed[x.name] = round(STEP * rng.randint(0, 30), 4)
        if isinstance(x, Choice) and rng.random() < 0.7:
            values[x.name] = fixed[x.name] = rng.choice(x.options)
        if isinstance(x, Code):
            values[x.name] = fixed[x.name] = round(x.low + STEP * rng.randint(0, round((x.high - x.low) / STEP)), 4)
    return values, fixed


def drawn_by_python(gan, values, fixed):
    """As the app draws it."""
    fixed = dict(fixed)
    if "text" in fixed:
        style = fixed.pop("style")
        fixed["text"] = prompts.captions(gan.checkpoint.name, values["seed"], values["n"], fixed["text"], style)
    epsilon = fixed.pop(EPSILON, 1)
    return to_uint8(gan.show(scale_epsilon(gan.draw(values["n"], values["seed"], **fixed), epsilon)))


def test_links_draw_in_the_browser_what_python_draws(visitor, checkpoints_shown, request):
    """--links N: so many of each checkpoint."""
    rng, page = random.Random(5), visitor()
    for name in checkpoints_shown:
        gan = as_gan(ganzoo.load(name))
        for _ in range(request.config.getoption("--links") or 3):
            values, fixed = random_values(gan.inputs, rng)
            query = query_of(gan, values)
            turn(page, query)
            page.locator(".drawn canvas[data-query]").wait_for()
            images = drawn_by_python(gan, values, fixed)
            assert images.float().std() > 0.5, "of a caption that says nothing, little is drawn"
            assert near(pixels(page), images), query


def test_a_visit_sees_its_first_pictures_before_the_network_is_there(served, visitor):
    page = visitor()
    page.route("**/networks/**", lambda route: None)  # it never comes
    turn(page, "?v=2&tab=dcgan")
    page.locator(".drawn canvas[data-n='16']").wait_for()
    assert near(pixels(page, ".drawn canvas"), to_uint8(as_gan(ganzoo.load("dcgan-fashion")).sample(16, 0)), most=0)
    turn(page, "?v=2&tab=dcgan&seed=5")
    page.locator(".drawn canvas[data-n]").wait_for(state="detached")  # the page before is gone, however long that takes
    page.locator("input[type=number]").first.wait_for()
    page.wait_for_timeout(500)
    assert not page.locator(".drawn canvas[data-n]").count(), "those of another seed are not known before"


def test_a_walk_goes_where_it_goes_in_the_app(visitor):
    page = visitor("?v=2&tab=cgan&label=3&from=5&to=4294967295&at=11")
    canvas = page.locator("section:has-text('Walk') > canvas")
    canvas.scroll_into_view_if_needed()
    page.locator("section > canvas[data-at='11'][data-n]").wait_for()
    frames = inference.walk("cgan-mnist", 5, SEEDS - 1, {"label": "3"})
    assert near(pixels(page, "section > canvas[data-at='11']"), frames[11:12])
    page.locator("section:has-text('Walk') input[type=range]").press("End")
    page.locator("section > canvas[data-at='47']").wait_for()
    page.wait_for_function("() => location.search.includes('at=47')")
    assert near(pixels(page, "section > canvas[data-at='47']"), frames[47:])


def test_controls_draw_and_the_address_follows_and_back_leads_back(visitor):
    page = visitor("?v=2&tab=infogan&seed=3&n=4")
    page.locator(".drawn canvas[data-query*='seed=3']").wait_for()
    gan = as_gan(ganzoo.load("infogan-mnist"))
    page.get_by_role("radio", name="(code 2)").check(force=True)
    page.get_by_role("slider", name="c2").press("Home")
    page.locator(".drawn canvas[data-query*='c1=2'][data-query*='c2=-1']").wait_for()
    assert near(pixels(page), to_uint8(gan.sample(4, 3, c1="2", c2=-1, c3=0)))
    pairs = dict(parse_qsl(page.evaluate("location.search.slice(1)")))
    assert pairs == {"v": "2", "tab": "infogan", "seed": "3", "n": "4", "c1": "2", "c2": "-1"}
    page.get_by_role("link", name="DCGAN", exact=True).click()
    page.get_by_role("heading", name="DCGAN").wait_for()
    page.go_back()
    page.locator(".drawn canvas[data-query*='c1=2']").wait_for()
    assert page.get_by_role("radio", name="(code 2)").is_checked()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_everybody_can_use_it(visitor, scheme):
    for query in ("", "?v=2&tab=cgan"):
        page = visitor(query, width=375, scheme=scheme, reduced_motion="reduce")
        if query:
            page.locator(".drawn canvas[data-query]").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        serious = [v for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
        assert serious == []
        small = page.evaluate(
            "[...document.querySelectorAll('a, button, input, summary')].filter((e) => e.offsetParent && "
            "!e.closest('p, li') && e.getBoundingClientRect().height < 40).map((e) => e.outerHTML)"
        )
        assert small == []


ALL_IS_KEPT = """async () => {  // a promise is true to who waits for a function, so it asks again by itself
    for (;;) {
        const all = performance.getEntriesByType('resource').map((e) => e.name);
        const names = all.filter((name) => /-[0-9a-f]{12}[.]/.test(name));
        const kept = await Promise.all(names.map((name) => caches.match(name)));
        if (names.length > 1 && kept.every(Boolean)) return true;
        await new Promise((again) => setTimeout(again, 100));
    }
}"""


def test_it_works_without_a_network_after_a_visit(visitor, served):
    page = visitor("?v=2&tab=vanilla")
    page.locator(".drawn canvas[data-query]").wait_for()
    page.wait_for_function("() => navigator.serviceWorker.controller")
    page.wait_for_function(ALL_IS_KEPT)  # what came before the worker, too
    _, server = served
    server.shutdown()
    server.server_close()
    page.reload()
    page.locator(".drawn canvas[data-query]").wait_for()
    turn(page, "?v=2&tab=vanilla&seed=9&n=4")
    page.locator(".drawn canvas[data-query*='seed=9']").wait_for()
    assert near(pixels(page), to_uint8(ganzoo.load("vanilla-mnist").sample(4, 9)))


def test_what_a_visit_weighs(visitor, site):
    """One page: all but the network and the machine that runs it is small, and no other model's network is asked for."""
    page = visitor()
    page.locator(".card img").first.wait_for()
    before = {e["name"] for e in page.evaluate("performance.getEntriesByType('resource').map((e) => e.toJSON())")}
    assert not [name for name in before if name.endswith((".onnx", ".packed"))]
    pages = [p for p in site.rglob("*") if p.is_file() and p.suffix in (".js", ".css", ".html", ".json", ".svg", ".mjs")]
    assert sum(p.stat().st_size for p in pages) < 250_000
    assert (site / "runtime" / runtime.PACKED).stat().st_size < 3_800_000
    assert all(p.stat().st_size < 2_100_000 for p in (site / "networks").glob("*-mnist-*"))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?v=2&tab=nothing", "tab=nothing: there is none here"),
        ("?v=2&tab=cgan&m=dcgan-fashion", "m=dcgan-fashion: no checkpoint of cgan"),
        ("?v=2&tab=cgan&label=11&seed=-1&n=1e9", "n=1e9: not a whole number from 1 to 64"),
        ("?v=2&tab=cgan&<img/src%3Dx onerror%3Dalert(1)>=1", "<img/src=x onerror=alert(1)>: this page"),
        ("?v=2&tab=infogan&c2=0.013", "c2=0.013: not a number from -1 to 1 in steps of 0.05"),
        ("?v=2&tab=vanilla&w=0123456", "made with other weights of vanilla-mnist"),
        ("?v=9&tab=vanilla", "reads versions 1 and 2"),
        ("?tab=vanilla&__proto__=1&constructor=2", "constructor: this page"),
        (f"?v=2&tab=vanilla&x={'%F0%9F%90%B6' * 400}", "x: this page"),
    ],
)
def test_hostile_links_are_named_and_harmless(site, query, said):
    """As the page reads them, in node; the page shows the lines as text."""
    state = decoding(site, f"const found = decode({json.dumps(query)}, zoo);")
    assert any(said in line for line in state["notices"]), state["notices"]
    assert all(len(line) < 400 for line in state["notices"])
    assert set(state["values"]) <= {"seed", "n", "at", "from", "to", "shot", "label", "c1", "c2", "c3"}
    assert state["values"].get("n", 16) == 16


def test_a_notice_is_shown_as_text(visitor):
    page = visitor("?v=2&tab=vanilla&<img/src%3Dx onerror%3Dalert(1)>=1")
    assert "<img/src=x onerror=alert(1)>" in page.get_by_role("alert").inner_text()
    assert page.locator("main img").count() == 0


def test_a_link_reads_and_writes_alike_in_both(site):
    """Links that the app wrote say the same here, and are written the same."""
    rng, asked = random.Random(1), []
    for name in SHOWN:
        gan = as_gan(ganzoo.load(name))
        for _ in range(25):
            values, _ = random_values(gan.inputs, rng)
            if not any(isinstance(x, Text) for x in gan.inputs):
                values |= {"from": rng.randrange(SEEDS), "to": rng.randrange(SEEDS), "at": rng.randrange(48)}
            query = query_of(gan, values)
            tabs = {gan.checkpoint.model: [name]}
            state, _ = permalink.decode(dict(parse_qsl(query[1:], keep_blank_values=True)), tabs, lambda _, gan=gan: gan.inputs)
            asked.append((query, state.values))
    code = (
        f"const found = {json.dumps([q for q, _ in asked])}.map((q) => {{ const s = decode(q, zoo);\n"
        "  const defaults = defaultsOf(s.checkpoint, zoo);\n"
        "  const values = Object.fromEntries(Object.entries(s.values).filter(([k, v]) => v !== defaults[k]));\n"
        "  return [s.notices, values, encode(s, zoo, s.weights)] });"
    )
    for (query, values), (notices, got, written) in zip(asked, decoding(site, code), strict=True):
        assert notices == []
        assert got == values
        pairs = dict(parse_qsl(query[1:], keep_blank_values=True))
        assert dict(parse_qsl(written[1:], keep_blank_values=True)) == {k: v for k, v in pairs.items() if k != "m"}


def test_a_truncated_network_is_a_sentence(site, tmp_path, browser):
    spoilt = shutil.copytree(site, tmp_path / "zoo")
    network = next((spoilt / "networks").glob("vanilla-*"))
    network.write_bytes(network.read_bytes()[:-1000])
    server = Server(("127.0.0.1", 0), functools.partial(Quiet, directory=spoilt))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/?v=2&tab=vanilla")
    status = page.locator(".drawn [role=status]", has_text="Nothing was drawn")
    status.wait_for()
    assert "came altered or cut short" in status.inner_text()
    assert page.locator(".drawn canvas[data-query]").count() == 0
    page.context.close()
    server.shutdown()
    server.server_close()


def test_a_folder_of_somebodys_is_left_alone(tmp_path, capsys):
    (tmp_path / "diary.txt").write_text("dear")
    code, said = run_cli(capsys, "site", tmp_path, "--only", "vanilla-mnist")
    assert (code, said.count("\n")) == (2, 1)
    assert "is no site of ganzoo's" in said
    assert [p.name for p in tmp_path.iterdir()] == ["diary.txt"]
    code, said = run_cli(capsys, "site", tmp_path / "x", "--only", "no-such")
    assert (code, (tmp_path / "x").exists()) == (2, False)
    assert "no checkpoint 'no-such'" in said


def test_what_npm_brings_is_checked(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "INTEGRITY", "sha512-AAAA")
    with pytest.raises(ValueError, match="npm brought another file than"):
        runtime.fetch(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_the_service_worker_keeps_every_script(site):
    """What sw.js names is there, and every script and style that is there is named."""
    text = (REPO / "ganzoo/site/static/sw.js").read_text()
    named = {p.name for p in site.iterdir() if p.suffix in (".js", ".css", ".json")} - {"sw.js"}
    assert {name for name in named if f"'{name}'" in text} == named
    assert f"'runtime/{runtime.SCRIPT}'" in text


def test_deploy_static_makes_a_static_space(hub, client):
    """One commit; again, and what is no longer shown goes; a Gradio Space is not made static unasked."""
    options = ["--space", "ada/pages", "--static", "--app", "https://ada-zoo.hf.space/", "--title", "My pages"]
    env = {"XDG_CACHE_HOME": str(runtime.cache().parents[1])}
    code, out, err = client(told("deploy", *options, "--only", "vanilla-mnist", "--dry-run", **env))["result"]
    assert code == 0, err
    assert not hub.where("ada/pages", "spaces").exists()
    for name in ("vanilla-mnist", "dcgan-mnist"):
        code, sent, err = client(told("deploy", *options, "--only", name, HF_TOKEN="hf_good", **env))["result"]
        assert code == 0, err
        assert sent.splitlines()[-1].endswith("/spaces/ada/pages")
        space = hub.where("ada/pages", "spaces")
        files = set(git(space, "ls-files").splitlines())
        assert [f.split("-")[0] for f in files if f.startswith("networks/")] == [f"networks/{name.split('-')[0]}"]
        head = yaml.safe_load((space / "README.md").read_text(encoding="utf-8").split("---")[1])
        assert (head["sdk"], head["title"], head["app_file"]) == ("static", "My pages", "index.html")
        assert json.loads((space / "zoo.json").read_text(encoding="utf-8"))["app"] == "https://ada-zoo.hf.space/"
    assert out.splitlines()[0].split()[-1] in files
    code, _, err = client(told("deploy", "--space", "ada/pages", "--app", "x"))["result"]
    assert (code, err) == (2, "ganzoo: --app is what a static Space links to; say --static too\n")


@pytest.mark.parametrize(
    ("address", "linked"), [("https://ada-pages.static.hf.space/?a=1&b", True), ("javascript:alert(1)", False)]
)
def test_the_app_links_to_its_static_twin_where_one_is_set(address, linked, monkeypatch):
    monkeypatch.setenv("GANZOO_SITE", address)
    assert (f'href="{html.escape(address)}"' in landing.twin()) == linked
    monkeypatch.delenv("GANZOO_SITE")
    assert landing.twin() == ""
