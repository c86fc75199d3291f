"""The laboratory's tab. The scripts in `static/` ask for a slice of training at a time: a training lives as long as somebody
looks on."""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from ...inputs import SEEDS
from ..assets import read
from ..serving import keep
from .settings import FIELDS, Settings, described
from .table import Gone, Table
from .training import MOST_STEPS
from .worker import Stopped, Worker

TITLE = "Laboratory"
# Seconds that a pause of digits may last, the same while others wait, and that it all may take while others wait: three minutes
# of training, a minute to keep it, and a minute of pauses.
DIGITS_LIMITS = {"kept": 600.0, "quiet": 60.0, "turn": 300.0}

PLANE, DIGITS = read("lab.html"), read("digits.html")
STYLE = read("lab.css")
PLANE_SCRIPT = f"{{\n{read('lab_draw.js')}}}\n{read('lab.js')}"
DIGITS_SCRIPT = read("digits.js")


class Room:
    """Everybody's trainings of one kind: who may train, and the process that does."""

    def __init__(self, **limits: Any) -> None:
        self.worker = Worker()
        self.table = Table(self.end, **limits)
        atexit.register(self.worker.stop)

    def end(self, name: str) -> None:
        if self.worker.process:
            self.worker.ask(do="end", name=name)

    def request(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What the process is asked for a slice. ValueError with what is allowed."""
        raise NotImplementedError

    def other(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to what only this kind is asked. ValueError if it is nothing."""
        raise ValueError("do: begin, play or end")

    def answer(self, asked: object) -> dict[str, Any]:
        """{"do": "begin", "name": the page's former one} -> {"name"}: a place in the line · {"do": "play", "name", ...} -> a
        frame, or {"place"} in the line · {"do": "end", "name"}. What else is asked, and what cannot be had, gives {"error": a
        line}, and with it {"gone": true} where the training is no more."""
        given: dict[str, Any] = asked if isinstance(asked, dict) else {}
        name = str(given.get("name"))[:40]
        try:
            match given.get("do"):
                case "begin":
                    self.table.leave(name)
                    return {"name": self.table.join()}
                case "play":
                    request = self.request(given)
                    if place := self.table.place(name):
                        return {"place": place}
                    return self.worker.ask(name=name, **request)
                case "end":
                    self.table.leave(name)
                    return {}
            return self.other(name, given)
        except Gone as error:
            return {"error": str(error), "gone": True}
        except Stopped as error:
            self.table.leave(name)
            return {"error": str(error), "gone": True}
        except ValueError as error:
            return {"error": str(error)}


class Points(Room):
    """Of points of the plane. Besides: {"do": "look", "data"} -> {"real"}, some points of the data."""

    def request(self, given: Mapping[str, Any]) -> dict[str, Any]:
        settings = Settings.read(given.get("settings"))
        steps, who = given.get("steps"), given.get("who")
        if type(steps) is not int or not 0 <= steps <= MOST_STEPS or who not in ("both", "D", "G"):
            raise ValueError(f"steps: a whole number up to {MOST_STEPS:,}; who: both, D or G")
        return {"do": "points", "settings": asdict(settings), "steps": steps, "who": who}

    def other(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        if given.get("do") != "look":
            raise ValueError("do: look, begin, play or end")
        return self.worker.ask(do="real", data=FIELDS["data"].read(str(given.get("data"))[:40]))


class Digits(Room):
    """Of digits, one at a time. Besides: {"do": "keep", "name"} -> {"path"} of a file that holds the run."""

    def request(self, given: Mapping[str, Any]) -> dict[str, Any]:
        seed = given.get("seed")
        if type(seed) is not int or not 0 <= seed < SEEDS:
            raise ValueError(f"seed: a whole number from 0 to {SEEDS - 1}")
        return {"do": "digits", "seed": seed}

    def other(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        if given.get("do") != "keep":
            raise ValueError("do: begin, play, keep or end")
        if self.table.place(name):
            raise ValueError("nothing is trained yet that could be kept")
        packed = Path(self.worker.ask(do="keep", name=name)["path"])
        content = packed.read_bytes()
        packed.unlink()
        return {"path": str(keep(content, packed.name))}


@cache
def plane() -> Points:
    """The one of this process."""
    return Points()


@cache
def handwriting() -> Digits:
    """The one of this process."""
    return Digits(most=1, **DIGITS_LIMITS)


def laboratory(asked: object) -> dict[str, Any]:
    """What the script of the plane asks, by a browser that may send anything."""
    return plane().answer(asked)


def digits(asked: object) -> dict[str, Any]:
    """What the script of the digits asks, likewise."""
    return handwriting().answer(asked)


def build() -> list[Any]:
    """The tab, where the page is being built. Nothing in it waits to be filled."""
    gr.HTML(
        described(),
        html_template=PLANE,
        css_template=STYLE,
        js_on_load=PLANE_SCRIPT,
        elem_id="lab",
        server_functions=[laboratory],
    )
    gr.HTML(
        html_template=DIGITS,
        css_template=STYLE,
        js_on_load=DIGITS_SCRIPT,
        elem_id="lab-digits",
        server_functions=[digits],
    )
    return []
