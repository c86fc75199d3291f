"""The page: all tabs, their links, and the endpoints for programs."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple

import gradio as gr

from .. import registry
from ..checkpoint.folder import Checkpoint, weights_dir
from ..hub import settings
from ..hub.resolve import bundled, describe, listed, where_weights_are
from . import api, inference, landing, links, measuring, scores, texts
from .controls import CONTROLS
from .events import PRIVATE, REDRAW, quiet_bounds, show_errors
from .laboratory import settings as lab
from .laboratory import view as laboratory
from .serving import MIDDLEWARE
from .tab import Tab
from .theme import CSS, THEME
from .views import VIEWS

log = logging.getLogger("ganzoo")

WAITING = 64  # requests in the queue; the next visitor is told that it is full
LAUNCH: dict[str, Any] = {
    "theme": THEME,
    "css": CSS,
    "head": links.head(),
    "footer_links": ["api", "settings"],
    "run_history": False,
    "enable_monitoring": False,
    "state_session_capacity": 200,
    "max_file_size": "5mb",
    "ssr_mode": None,
    "app_kwargs": {"middleware": MIDDLEWARE},
}


def build() -> gr.Blocks:
    """The page: the landing view, and a tab for every model that has a trained checkpoint."""
    trained: dict[str, list[Checkpoint]] = {}
    for c in bundled():
        trained.setdefault(c.model, []).append(c)
    if not trained.keys() & {*registry.MODELS}:
        raise ValueError(f"no checkpoint that draws: {where_weights_are()}; `python -m ganzoo export` makes one of a run")
    quiet_bounds()
    for line in hub_problems(trained):
        log.warning("not shown: %s", line)
    others = inference.hub_checkpoints()
    with gr.Blocks(title="ganzoo", analytics_enabled=False, delete_cache=(3600, 86400)) as demo:
        landing.head(trained)
        tabs: dict[str, tuple[gr.Tab, Tab | None]] = {}
        with gr.Tabs(overflow_behavior="wrap") as bar:
            with gr.Tab(texts.LANDING, id=landing.NAME, elem_id=f"tab-{landing.NAME}") as panel:
                tabs[landing.NAME] = panel, None
                landing.landing(trained)
            for spec in registry.specs():
                if spec.name in trained:
                    with gr.Tab(spec.title, id=spec.name, elem_id=f"tab-{spec.name}") as panel:
                        of_hub = [k for k in others if k.model == spec.name]
                        tabs[spec.name] = panel, Tab(trained[spec.name], VIEWS, CONTROLS, of_hub)
            for x in extra():
                with gr.Tab(x.title, id=x.name, elem_id=f"tab-{x.name}") as panel:
                    tabs[x.name] = panel, None
                    if filled := [*x.build()]:
                        panel.select(show_errors(x.fill), None, filled, **x.event)
        held = links.Links(demo, bar, tabs)
        api.sample_endpoint()
        for _, tab in tabs.values():
            if tab:
                api.tab_endpoint(tab)
    if inference.ZERO:  # before a GPU is needed: a visitor's share is theirs
        for _, tab in tabs.values():
            if tab:
                held.at_first(tab)
    inference.preload()
    demo.queue(max_size=WAITING)
    page: gr.Blocks = demo
    return page


class Extra(NamedTuple):
    """A tab of no model: its name in links, its title, what builds it and gives the components that `fill` fills when it is
    opened, and how that event is answered. One that gives no component is whole as it is built."""

    name: str
    title: str
    build: Callable[[], Iterable[Any]]
    fill: Callable[[], list[Any]]
    event: dict[str, Any]


def extra() -> Iterator[Extra]:
    """The tabs of no model that there is something to show in."""
    yield Extra(lab.NAME, laboratory.TITLE, laboratory.build, list, {})
    if scores.rows():
        yield Extra(scores.NAME, texts.SCORES, scores.scores, scores.fill, PRIVATE | {"queue": False})
    if measuring.there_is_a_judge():
        yield Extra(measuring.NAME, texts.MEASURING, measuring.measuring, measuring.fill, REDRAW)


def hub_problems(trained: Collection[str]) -> list[str]:
    """Why checkpoints that GANZOO_HUB names have no place on the page; none is passed over in silence."""
    if inference.ZERO:
        return [
            f"{repo}: on ZeroGPU every network is loaded before the app starts; put it into the Space with `deploy --only`"
            for repo in settings.named_repos()
            if os.environ.get("GANZOO_HUB") and repo.name not in {c.name for c in bundled()}
        ]
    problems = describe()  # which also makes them known to `listed`
    no_tab = [k for k in listed() if "/" in k.name and k.source.startswith("Hub") and k.model not in trained]
    return problems + [
        f"{k.name}: its tab, {k.model}, opens with a checkpoint in {weights_dir()}, and there is none of that model"
        for k in no_tab
    ]
