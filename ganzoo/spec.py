"""Frozen values that describe a model: its paper, its knobs, its words. Card, README table and tab render from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from .gan import GAN

T = TypeVar("T")


def knob(default: T, help: str, names: bool = False) -> T:
    """A dataclass field with a sentence for `--help`; names: it names another checkpoint or run, whose networks are taken."""
    value: T = field(default=default, metadata={"help": help, "names": names})
    return value


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
class Config:
    """The knobs that every model has. A model's own Config adds its own, with the paper's values as defaults."""

    # What the data decide.
    side: int = knob(28, "side of the picture, in pixels")
    channels: int = knob(1, "1 for grey, 3 for colour")
    classes: tuple[str, ...] = knob((), "names of the classes")

    # How it is trained.
    batch: int = knob(128, "pictures a step")
    lr_g: float = knob(2e-4, "Adam learning rate of the generator")
    lr_d: float = knob(2e-4, "Adam learning rate of the discriminator")
    beta1: float = knob(0.5, "Adam beta1")
    beta2: float = knob(0.999, "Adam beta2")
    ema: int = knob(10_000, "half-life of the weights' moving average, in pictures; 0 keeps the last weights")

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            hint = get_type_hints(type(self))[f.name]
            if get_origin(hint) is Literal and value not in get_args(hint):
                raise ValueError(f"{f.name}: {value!r} is not one of {', '.join(map(str, get_args(hint)))}")
            kind = (int, float) if hint is float else hint
            if hint in (int, float) and (
                isinstance(value, bool) or not isinstance(value, kind) or not 0 <= value < float("inf")
            ):
                raise ValueError(f"{f.name}: {value!r} is not a {'whole ' if hint is int else ''}number of at least 0")
            if hint is str and not isinstance(value, str):
                raise ValueError(f"{f.name}: {value!r} is not a text")
            if get_origin(hint) is tuple and not (isinstance(value, tuple) and all(isinstance(v, str) for v in value)):
                raise ValueError(f"{f.name}: {value!r:.60} is not a tuple of texts")
        if self.batch > MOST:
            raise ValueError(f"batch: {self.batch} pictures a step are more than {MOST:,}")
        if self.batch < 2:
            raise ValueError(f"batch: {self.batch} is too small; batch normalisation needs at least 2 pictures")
        if self.channels not in (1, 3):
            raise ValueError(f"channels: {self.channels} is not 1 (grey) or 3 (colour)")
        if not (self.beta1 < 1 and self.beta2 < 1):
            raise ValueError(f"beta1, beta2: {self.beta1}, {self.beta2} must both be below 1")


MOST = 65_536  # pictures a step
FROM_DATA = ("side", "channels", "classes", "captions", "styles")


def fields(config: type[Config]) -> dict[str, dataclasses.Field[Any]]:
    """The fields of a Config by name."""
    return {f.name: f for f in dataclasses.fields(config)}


def knobs(config: type[Config]) -> dict[str, dataclasses.Field[Any]]:
    """The fields that a person sets, by name: all but those that the data decide."""
    return {k: f for k, f in fields(config).items() if k not in FROM_DATA}


def naming(config: type[Config]) -> list[str]:
    """The knobs that name another checkpoint or run."""
    return [k for k, f in fields(config).items() if f.metadata["names"]]


def configure(config: type[Config], values: Mapping[str, Any]) -> Config:
    """A Config from JSON values. ValueError names a knob that it does not have."""
    if unknown := sorted(set(values) - fields(config).keys()):
        raise ValueError(f"no knob {', '.join(unknown)}: {config.__module__} has {', '.join(sorted(fields(config)))}")
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return config(**given)


@dataclass(frozen=True)
class Spec:
    """Everything the rest of ganzoo needs to know about a model."""

    name: str
    title: str
    paper: Paper
    note: str  # three sentences: the idea, for a visitor
    config: type[Config]
    build: Callable[[Any], GAN]
    measure: str = field(default="Fréchet distance", kw_only=True)  # the one that a checkpoint is chosen by, of several seeds
    limits: str  # one or two honest sentences on what it does badly
    data: str = field(default="mnist", kw_only=True)  # the data set that it is first trained on
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # named departures from the paper's knobs
    tiny: Mapping[str, Any] = field(default_factory=dict)  # knobs of a network small enough for a test
