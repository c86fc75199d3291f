"""Frozen values that describe a model: its paper, knobs, recipes and texts. Card, README table and tab render from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .config import Config
from .gan import Game


@dataclass(frozen=True)
class Paper:
    """Where a model is from: authors are parted by ", ", first name first; `arxiv` is the bare id, as in "1406.2661"."""

    title: str
    authors: str
    year: int
    arxiv: str

    @property
    def url(self) -> str:
        return f"https://arxiv.org/abs/{self.arxiv}"


@dataclass(frozen=True)
class Step:
    """One training of a recipe: the knobs that depart from the paper's (or from those of the step before, where it begins with
    that one's networks), how many pictures of which data it sees, and what it takes from the step before."""

    knobs: Mapping[str, Any]
    images: int | None = None  # real pictures; None: as many as the command line says
    data: str = ""  # the data set; empty: the one that the command line says
    previous: str = "from"  # begin with the networks of the step before, or put its run into the knob of this name ("first")


Recipe = tuple[Step, ...]


@dataclass(frozen=True)
class Spec:
    """Everything the rest of ganzoo needs to know about a model."""

    name: str
    title: str
    paper: Paper
    note: str  # three sentences: the idea, for a visitor
    adds: tuple[str, str] = field(default=("", ""), kw_only=True)  # an earlier model of the zoo, and what is new beside it
    config: type[Config]
    build: Callable[[Any], Game]
    measure: str = field(default="frechet", kw_only=True)  # the id of the one that a checkpoint is chosen by, of several seeds
    task: str = field(default="", kw_only=True)  # the Hub's name for what a tool does; what a GAN does, its inputs say
    group: str = field(default="game", kw_only=True)  # of the page's landing view: game, control, words, laboratory, ...
    limits: str  # one or two honest sentences on what it does badly
    data: str = field(default="mnist", kw_only=True)  # the data set that it is first trained on
    recipes: Mapping[str, Recipe] = field(default_factory=dict)  # named departures from the paper's knobs, in steps
    tiny: Mapping[str, Any] = field(default_factory=dict)  # knobs of a network small enough for a test

    def knobs(self, recipe: str | None) -> dict[str, Any]:
        """The knobs that a recipe begins with; none without one. ValueError if the model has none of that name."""
        if recipe is None:
            return {}
        if recipe not in self.recipes:
            raise ValueError(
                f"recipe: {recipe!r} is not one of {', '.join(self.recipes) or 'none: ' + self.name + ' has no recipes'}"
            )
        return dict(self.recipes[recipe][0].knobs)
