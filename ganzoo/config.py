"""A model's knobs: frozen values with the paper's defaults, a sentence for `--help`, and bounds."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

MOST = 65_536  # pictures a step
FROM_DATA = ("side", "channels", "classes", "captions", "styles", "attributes", "source_channels")


def knob(
    default: T,
    help: str,
    *,
    at_least: float = 0,
    at_most: float | None = None,
    below: float | None = None,
    names: bool = False,
    formerly: str = "",
) -> T:
    """A dataclass field with a sentence for `--help` and, where it is a number, its bounds.

    names: it names another checkpoint or run, whose networks are taken. formerly: what it was called in older configs and
    commands, which are still read.
    """
    about = {"help": help, "at_least": at_least, "at_most": at_most, "below": below, "names": names, "formerly": formerly}
    value: T = field(default=default, metadata=about)
    return value


class Anything(frozenset[Any]):
    """Of a knob that is gone: whatever its value is, it means nothing."""

    def __contains__(self, value: object) -> bool:
        return True


@dataclass(frozen=True)
class Config:
    """The knobs that every model has. A model's own Config adds its own, with the paper's values as defaults."""

    # Knobs that are gone, and the values of them that older configs may still hold: those that mean what is done today.
    gone: ClassVar[Mapping[str, Collection[Any]]] = {}
    # Those of them that matter to a training alone: where a config has only to draw, any value of them is read.
    gone_from_training: ClassVar[Collection[str]] = ()
    # Of the configs of a model that this one succeeds (see `registry`): the values of knobs that they do not name.
    inherited: ClassVar[Mapping[str, Any]] = {}
    # Knobs of every model that this one has no use for: not offered, but read from older configs.
    unused: ClassVar[Collection[str]] = ()

    @classmethod
    def readable(cls, given: Mapping[str, Any]) -> Mapping[str, Collection[Any]]:
        """`gone`, as far as it goes for a config that is given: a model may allow less, for instance in one of its stages."""
        return cls.gone

    # What the data decide.
    side: int = knob(28, "side of the picture, in pixels")
    channels: int = knob(1, "1 for grey, 3 for colour")
    classes: tuple[str, ...] = knob((), "names of the classes")

    # How it is trained.
    batch: int = knob(128, "pictures a step", at_least=2, at_most=MOST)  # batch normalisation needs two
    lr_g: float = knob(2e-4, "learning rate of the generator")
    lr_d: float = knob(2e-4, "learning rate of the discriminator")
    beta1: float = knob(0.5, "Adam beta1", below=1)
    beta2: float = knob(0.999, "Adam beta2", below=1)
    ema: int = knob(10_000, "half-life of the weights' moving average, in pictures; 0 keeps the last weights")

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for f in dataclasses.fields(self):
            check(f, hints[f.name], getattr(self, f.name))
        if self.channels not in (1, 3) and (self.channels, self.side) != (2, 1):  # a point of the plane is one pixel of x and y
            raise ValueError(f"channels: {self.channels} is not 1 (grey) or 3 (colour)")


def check(f: dataclasses.Field[Any], hint: Any, value: Any) -> None:
    """ValueError, with what is allowed, unless a value is of its knob's type and within its bounds."""
    if get_origin(hint) is Literal and value not in get_args(hint):
        raise ValueError(f"{f.name}: {value!r} is not one of {', '.join(map(str, get_args(hint)))}")
    if hint is str and not isinstance(value, str):
        raise ValueError(f"{f.name}: {value!r} is not a text")
    if get_origin(hint) is tuple and not (isinstance(value, tuple) and all(isinstance(v, str) for v in value)):
        raise ValueError(f"{f.name}: {value!r:.60} is not a tuple of texts")
    if hint in (int, float):
        kind = (int, float) if hint is float else int
        low, high, end = (f.metadata[k] for k in ("at_least", "at_most", "below"))
        fits = isinstance(value, kind) and not isinstance(value, bool) and low <= value < float("inf")
        if not fits or (high is not None and value > high) or (end is not None and value >= end):
            raise ValueError(f"{f.name}: {value!r} is not a {'whole ' if hint is int else ''}number of {bounds(f)}")


def bounds(f: dataclasses.Field[Any]) -> str:
    """The bounds of a number in words: "at least 1 and below 2"."""
    low, high, end = (f.metadata[k] for k in ("at_least", "at_most", "below"))
    return f"at least {low:g}" + (f" and at most {high:,}" if high is not None else f" and below {end:g}" if end else "")


def fields(config: type[Config]) -> dict[str, dataclasses.Field[Any]]:
    """The fields of a Config by name."""
    return {f.name: f for f in dataclasses.fields(config)}


def knobs(config: type[Config]) -> dict[str, dataclasses.Field[Any]]:
    """The fields that a person sets, by name: all but those that the data decide and those without a use."""
    return {k: f for k, f in fields(config).items() if k not in (*FROM_DATA, *config.unused)}


def own(config: type[Config]) -> list[str]:
    """The knobs that a model adds to those that every model has."""
    return [k for k in knobs(config) if k not in fields(Config)]


def naming(config: type[Config]) -> list[str]:
    """The knobs that name another checkpoint or run."""
    return [k for k, f in knobs(config).items() if f.metadata["names"]]


def renamed(config: type[Config]) -> dict[str, str]:
    """Former names of knobs -> their names."""
    return {f.metadata["formerly"]: k for k, f in fields(config).items() if f.metadata["formerly"]}


def gone(config: type[Config]) -> dict[str, Collection[Any]]:
    """The knobs that a model once had -> the values of them that mean what is done today."""
    return {k: values for k, values in config.gone.items() if k not in fields(config)}


def check_gone(config: type[Config], name: str, value: Any, readable: Mapping[str, Collection[Any]] | None = None) -> None:
    """ValueError unless a knob that is gone has a value that means what is done today. readable: see `Config.readable`."""
    allowed = (readable or config.gone)[name]
    if value not in allowed:
        only = ", ".join(map(str, allowed))
        raise ValueError(f"{name}: {value!r}: this knob of older versions is gone, and only {only} can still be read")


def configure(config: type[Config], values: Mapping[str, Any], drawing: bool = False) -> Config:
    """A Config from JSON values, by the names of today or former ones. ValueError names a knob that it does not have, or one
    that is gone and had a value that nothing does any more. drawing: the networks have only to draw, not to be trained."""
    names = renamed(config)
    given: dict[str, Any] = {names.get(k, k): tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    readable = config.readable(given)
    for k in sorted(given.keys() & gone(config).keys()):
        value = given.pop(k)
        if not (drawing and k in config.gone_from_training):
            check_gone(config, k, value, readable)
    if unknown := sorted(set(given) - fields(config).keys()):
        raise ValueError(f"no knob {', '.join(unknown)}: {config.__module__} has {', '.join(sorted(fields(config)))}")
    return config(**given)
