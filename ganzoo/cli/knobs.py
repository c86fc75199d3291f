"""A model's knobs as flags: of today, under former names, and those that are gone."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..config import bounds, check_gone, gone, knobs
from ..spec import Spec

PREFIX = "knob_"  # of a knob's name in the parsed arguments, where `seed` and `data` are no knobs


def add_knobs(parser: argparse.ArgumentParser, spec: Spec) -> None:
    """A flag for each knob. Former names and knobs that are gone are read too, but not shown."""
    flags = parser.add_argument_group(f"knobs of {spec.title}; the defaults are the paper's")
    hints = get_type_hints(spec.config)
    for name, f in knobs(spec.config).items():
        hint = hints[name]
        kind, choices = (str, get_args(hint)) if get_origin(hint) is Literal else (hint, None)
        reading: dict[str, Any] = {"dest": f"{PREFIX}{name}", "type": kind, "choices": choices, "default": None}
        within = f", {bounds(f)}" if kind in (int, float) else ""
        flags.add_argument(
            flag(name),
            metavar=None if choices else kind.__name__.upper(),
            help=f"{f.metadata['help']} (default {f.default}{within})",
            **reading,
        )
        if former := f.metadata["formerly"]:
            flags.add_argument(flag(former), help=argparse.SUPPRESS, **reading)
    for name in spec.config.unused:  # a tool's lr_g: older commands may have it
        kind = hints[name]
        flags.add_argument(flag(name), dest=f"{PREFIX}{name}", type=kind, help=argparse.SUPPRESS)
    for name in gone(spec.config):
        flags.add_argument(flag(name), action=checked(still_means(spec, name)), dest=f"{PREFIX}{name}", help=argparse.SUPPRESS)


def flag(name: str) -> str:
    """A knob's name as a flag."""
    return f"--{name.replace('_', '-')}"


def given(args: argparse.Namespace) -> dict[str, Any]:
    """The knobs that a command line sets."""
    return {k.removeprefix(PREFIX): v for k, v in vars(args).items() if k.startswith(PREFIX) and v is not None}


def still_means(spec: Spec, name: str) -> Callable[[str], Any]:
    """The value of a knob that is gone; ValueError unless it can mean what is done today, as its Config decides in the end."""

    def read(text: str) -> Any:
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        check_gone(spec.config, name, value)
        return value

    return read


def checked(read: Callable[[str], Any]) -> type[argparse.Action]:
    """An argparse action that reads a value; its ValueError is the line that a person sees."""

    class Checked(argparse.Action):
        def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: str | None = None) -> None:
            setattr(namespace, self.dest, read(values))

    return Checked
