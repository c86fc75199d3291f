"""Links in the page: opened, they restore a tab and draw its pictures; and the address bar follows the controls.

The browser keeps the address (`static/zoo.js`), in the form of `permalink`; nothing is stored on the server. Two buttons that
nobody sees let the script ask for what the address says: first the controls (at once), then the pictures (in the queue).
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from ..inputs import Input
from . import assets, first, inference, permalink
from .events import PRIVATE, REDRAW, show_errors
from .fields import to_text
from .permalink import State
from .tab import Tab

# In the page itself: a browser asks for one that is a file whenever the address changes.
ICON = (
    "<link rel='icon' type='image/svg+xml' href=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 4 4'>"
    "<path fill='%234f46e5' d='M0 0h4v4H0z'/><path fill='white' d='M1 1h1v1H1zM2 2h1v1H2z'/></svg>\">\n"
)
SCRIPTS = ("zoo.js", "tabs.js", "settle.js", "landing.js", "closer.js")


class Links:
    """Ties the tabs of a page to its address. tabs: by the model's name; None for one that is not trained."""

    def __init__(self, page: Any, bar: gr.Tabs, tabs: Mapping[str, tuple[gr.Tab, Tab | None]]) -> None:
        self.bar = bar
        self.tabs = {name: tab for name, (_, tab) in tabs.items()}
        self.checkpoints = {name: tab.names() if tab else [] for name, tab in self.tabs.items()}
        trained = [tab for tab in self.tabs.values() if tab]
        restore = gr.Button(visible="hidden", elem_id="zoo-restore")  # there for the script
        draw = gr.Button(visible="hidden", elem_id="zoo-draw")
        self.notice = gr.HTML("", visible=False, elem_id="zoo-notice")
        self.address = gr.Textbox("", visible="hidden", elem_id="zoo-address")  # where what the link names is now, if elsewhere
        held = [box for tab in trained for box in tab.restorable()]
        drawn = [component for tab in trained for part in tab.parts for component in part.outputs]
        for start, function in ((page.load, self.arrive), (restore.click, self.restore)):
            restored = start(function, None, [bar, self.notice, self.address, *held], queue=False, **PRIVATE)
            restored.then(None, self.address, None, js="(address) => { zoo.onRestored(address) }", **PRIVATE)
        self.unchanged = dict.fromkeys(drawn[:1], gr.skip())  # Gradio takes an empty dict for a value of the first output
        redraw = draw.click(self.draw, draw, drawn, js="() => [zoo.reason]", **REDRAW)
        redraw.then(None, js="() => zoo.start()", **PRIVATE)
        for name, (panel, tab) in tabs.items():
            panel.select(None, js=f"() => {{ zoo.onTab({json.dumps(name)}) }}", **PRIVATE)
            fill = gr.Button(visible="hidden", elem_id=f"zoo-fill-{name}")  # there for the script, too
            if tab:
                self.follow(name, tab)
                self.fill(fill, tab)

    def fill(self, button: gr.Button, tab: Tab) -> None:
        """Let the script ask for what a tab shows at first, when it is opened. Not in the queue: it is drawn once for all."""
        outputs = [component for part in tab.parts if part.at_first for component in part.outputs]
        button.click(show_errors(lambda: self.at_first(tab)), None, outputs, queue=False, **PRIVATE)

    @staticmethod
    def at_first(tab: Tab) -> dict[Any, Any]:
        """What a tab shows before anything is done with it, by component."""
        values = defaults(tab, tab.first)
        shown = [(part, first.drawn(part, tab.first, values)) for part in tab.parts if part.at_first]
        return {component: x for part, drawn in shown for component, x in zip(part.outputs, drawn, strict=True)}

    def follow(self, name: str, tab: Tab) -> None:
        """Let the address bar follow a tab's controls, without a request to the server."""
        names = [c.name for c in tab.checkpoints]
        defaults_of = [field_defaults(gan.inputs) for gan in tab.gans]
        at_default: list[list[str]] = [[tab.first] * len(names)]
        for key, box in tab.boxes.items():  # one that a checkpoint does not have stays as it is
            at_default.append([to_text(known.get(key, box.value)) for known in defaults_of])
        blank = [key for key, field in permalink.fields(tab.gan.inputs).items() if field.blank]
        facts = {"tab": name, "keys": ["m", *tab.boxes], "defaults": at_default, "blank": blank, "checkpoints": names}
        controls = [tab.checkpoint, *tab.boxes.values()]
        changes = [*(box.change for box in controls), tab.info.change]
        gr.on(changes, None, controls, js=f"(...values) => {{ zoo.onControls({json.dumps(facts)}, values) }}", **PRIVATE)

    def read(self, request: gr.Request) -> tuple[State, list[str]]:
        tab_of = {checkpoint: name for name, checkpoints in self.checkpoints.items() for checkpoint in checkpoints}

        def inputs_of(checkpoint: str) -> Sequence[Input]:
            tab = self.tabs[tab_of[checkpoint]]
            assert tab
            return tab.inputs_of(checkpoint)

        return permalink.decode(dict(request.query_params), self.checkpoints, inputs_of)

    def arrive(self, request: gr.Request) -> dict[Any, Any]:
        """On a first visit: a plain address leaves the page as it is, so that nobody who was quick to turn to a tab is taken
        back."""
        return self.restore(request) if set(request.query_params) - set(permalink.NOT_OURS) else {self.notice: gr.skip()}

    def restore(self, request: gr.Request) -> dict[Any, Any]:
        """Select the tab and set its controls; say what was passed over."""
        state, notices = self.read(request)
        updates: dict[Any, Any] = {self.bar: gr.Tabs(selected=state.tab)}
        if tab := self.tabs[state.tab]:
            updates |= tab.restored(state.checkpoint, defaults(tab, state.checkpoint) | state.values)
            here = inference.load(state.checkpoint)[0].revision
            if state.weights and state.weights != here:
                notices.append(
                    f"w={state.weights}: the link was made with other weights of {state.checkpoint} than are here ({here}): "
                    "its pictures are not the same"
                )
        updates[self.address] = self.moved(request.query_params.get("tab", ""), state)
        updates[self.notice] = gr.HTML(notice_html(notices), visible=bool(notices))
        return updates

    def moved(self, asked: str, state: State) -> str:
        """The address of what a link says, where its checkpoint is in another tab now than it names; else nothing."""
        tab = self.tabs[state.tab]
        if not tab or permalink.MOVED.get(asked) != state.tab:
            return ""
        return permalink.encode(state, tab.inputs_of(state.checkpoint), tab.first).removeprefix("?")

    def draw(self, reason: str, request: gr.Request) -> dict[Any, Any]:
        """Draw what the address says; what it says nothing of is as at first."""
        state, _ = self.read(request)
        tab = self.tabs[state.tab]
        if not tab:
            return self.unchanged
        updates: dict[Any, Any] = {}
        values = defaults(tab, state.checkpoint) | state.values
        for part in tab.parts:
            if set(part.keys) & set(state.values):
                drawn = part.values(state.checkpoint, values)
            elif part.at_first or reason != "visit":
                drawn = first.drawn(part, state.checkpoint, values)
            else:
                continue
            updates |= dict(zip(part.outputs, drawn, strict=True))
        return updates or self.unchanged


def defaults(tab: Tab, checkpoint: str) -> dict[str, Any]:
    """What a link to a checkpoint that says nothing else says, by key."""
    return field_defaults(tab.inputs_of(checkpoint))


def field_defaults(inputs: Sequence[Input]) -> dict[str, Any]:
    return {key: field.default for key, field in permalink.fields(inputs).items()}


def notice_html(notices: list[str]) -> str:
    """What was passed over in a link, for its visitor; the words are anybody's, so they are escaped."""
    few = notices[:6] + ([f"and {len(notices) - 6} more"] if len(notices) > 6 else [])
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in few)
    return f'<div class="notice" role="alert"><p>Not everything in this link could be taken:</p><ul>{lines}</ul></div>'


def home() -> dict[str, str]:
    """Where links lead: on a Space its page on the Hub, and for other pages the app itself, or a static site, where one is set.
    Empty elsewhere."""
    space, host = os.environ.get("SPACE_ID", ""), os.environ.get("SPACE_HOST", "")
    found = {}
    if re.fullmatch(r"[\w.-]+/[\w.-]+", space):
        found["page"] = f"https://huggingface.co/spaces/{space}"
    if re.fullmatch(r"[\w.-]+", host):
        found["host"] = f"https://{host}/"
    return found | ({"site": site()} if site() else {})


def site() -> str:
    """The address of the same zoo as a static site, where one is set; else empty."""
    address = os.environ.get("GANZOO_SITE", "")
    return address if re.fullmatch(r"https?://\S+", address) else ""


def head() -> str:
    """The page's scripts, and what they are to know."""
    settings = {"version": permalink.VERSIONS[-1], "notOurs": permalink.NOT_OURS, "gradio": gr.__version__, **home()}
    return ICON + assets.data("zoo-settings", settings) + "".join(map(assets.script, SCRIPTS))
