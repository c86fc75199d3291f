"""Links by the hundred, over HTTP as the page asks: what each draws is the same after a restart, and none is an error page.

`pytest tests/test_many_links.py --links 1000` takes about half an hour on two cores.
"""

from __future__ import annotations

import hashlib
import html
import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl

import httpx
import pytest
from conftest import App
from support.links import BY_TAB, GANS, inputs_of, link, mutated, some

from ganzoo.ui.app import WAITING
from ganzoo.ui.permalink import decode, fields


@pytest.fixture(scope="module")
def many(request):
    return request.config.getoption("--links") or 16


def chance(rng):
    """A link of any checkpoint, with any of its controls changed."""
    c = rng.choice(GANS)
    inputs = inputs_of(c.name)
    return link(c, {k: some(rng, k, inputs) for k in fields(inputs) if rng.random() < 0.6})


class Visitor:
    """Asks an app what its page asks it."""

    def __init__(self, app):
        self.http = httpx.Client(base_url=app.url, timeout=240)
        config = self.http.get("config").json()
        self.about = {c["id"]: c["props"].get("elem_id") for c in config["components"]}
        self.steps = config["dependencies"]

    def pressed(self, elem_id):
        """What follows when a button is pressed."""
        return next(d for d in self.steps for at, event in d["targets"] if self.about.get(at) == elem_id and event == "click")

    def restored(self, query):
        """What the controls become: elem_id -> what is sent for it."""
        step = self.pressed("zoo-restore")
        asked = {"fn_index": step["id"], "data": [], "session_hash": "s"}
        answer = self.http.post(f"gradio_api/run/predict{query}", json=asked)
        assert answer.status_code == 200, (query, answer.text)
        return {self.about[at]: value for at, value in zip(step["outputs"], answer.json()["data"], strict=True)}

    def drawn(self, query):
        """What a link draws on a first visit: elem_id -> its content, files by their bytes."""
        step = self.pressed("zoo-draw")
        asked = {"fn_index": step["id"], "data": ["visit"], "session_hash": "s"}
        assert self.http.post(f"gradio_api/queue/join{query}", json=asked).status_code == 200
        with self.http.stream("GET", "gradio_api/queue/data", params={"session_hash": "s"}) as lines:
            for line in lines.iter_lines():
                said = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if said.get("msg") == "process_completed":
                    assert said["success"], (query, said["output"])
                    sent = zip(step["outputs"], said["output"]["data"], strict=True)
                    return {self.about[at] or str(at): self.content(x) for at, x in sent if x != {"__type__": "update"}}
        raise AssertionError(f"{query}: not drawn")

    def content(self, value):
        if isinstance(value, dict) and "path" in value:
            file = self.http.get(f"gradio_api/file={value['path']}")
            assert file.status_code == 200
            return hashlib.sha256(file.content).hexdigest()
        if isinstance(value, dict):
            return {k: self.content(v) for k, v in value.items()}
        return [self.content(v) for v in value] if isinstance(value, list) else value


def test_links_draw_the_same_bytes_after_a_restart(many, tmp_path, pytestconfig):
    if not pytestconfig.getoption("--links"):
        pytest.skip("with --links N; test_links.py has one of each checkpoint, in a browser")
    rng = random.Random(5)
    queries = [chance(rng) for _ in range(many)]
    seen = []
    for i in range(2):
        with App(tmp_path / str(i)) as app:
            visitor = Visitor(app)
            drawn = [visitor.drawn(q) for q in queries]
        assert sum(map(bool, drawn)) > 0.9 * many, "all but those that by chance change nothing"
        seen.append([hashlib.sha256(json.dumps(x, sort_keys=True).encode()).hexdigest() for x in drawn])
    assert seen[0] == seen[1]
    assert max(Counter(seen[0]).values()) <= 1 + many // 50, "links draw different things"


def test_spoilt_links_are_no_error_and_say_what_was_passed_over(many, app):
    rng = random.Random(6)
    visitor = Visitor(app)
    visitor.drawn("?v=2&tab=nonsense")  # which leads to a view that draws nothing
    told = 0
    for i in range(many):
        query = mutated(rng, chance(rng))
        assert visitor.http.get(query).status_code == 200
        if i % 8 == 0:
            visitor.drawn(query)
        said = visitor.restored(query)["zoo-notice"]
        pairs = dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True))
        state, notices = decode(pairs, BY_TAB, inputs_of)
        told += bool(notices)
        for line in notices[:6]:
            assert html.escape(line) in said["value"], query
        assert said["visible"] or not notices
        assert not state.checkpoint or state.checkpoint in BY_TAB[state.tab]
    assert told > many / 4, "most mutations are noticed"
    assert "Traceback" not in app.log.read_text()


def test_who_comes_when_the_queue_is_full_is_told_so_and_the_others_are_served(app):
    visitor = Visitor(app)
    step = next(d for d in visitor.steps if d["api_name"] == "sample")
    asked = {"fn_index": step["id"], "data": [GANS[-1].name, 64, 0, {}]}

    def join(i):
        return visitor.http.post("gradio_api/queue/join", json=asked | {"session_hash": f"full-{i}"})

    with ThreadPoolExecutor(16) as visitors:
        answers = [*visitors.map(join, range(WAITING + 30))]
    refused = [a for a in answers if a.status_code != 200]
    assert len(refused) >= 10
    assert {a.status_code for a in refused} == {503}
    assert "full" in refused[0].text.lower()
    with visitor.http.stream("GET", "gradio_api/queue/data", params={"session_hash": "full-0"}) as lines:
        assert any('"process_completed"' in line and '"success":true' in line for line in lines.iter_lines())
