"""The verbs of the command line, and how its arguments are read. Only the verb and the model asked for are imported."""

from __future__ import annotations

import argparse
import contextlib
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from .. import registry
from .options import say

VERBS = {  # verb -> its line in `--help`; ganzoo/cli/VERB.py has the rest
    "list": "models, data sets and checkpoints",
    "train": "train a model",
    "resume": "go on with a training, bit for bit",
    "sample": "draw pictures",
    "invert": "the picture nearest to yours that a model can draw",
    "eval": "measure a checkpoint or a run",
    "leaderboard": "every training over its seeds, failures counted",
    "export": "make weights/NAME/ of a run",
    "push": "upload a checkpoint to the Hub, in one commit",
    "site": "the zoo as files, whose networks run in the visitor's browser",
    "deploy": "make the app a Space on the Hub, or bring it up to date",
    "bench": "how fast training and sampling are on this machine",
    "check": "test one model, its style and its types: for those who add a GAN",
}


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage."""

    rest: tuple[str, ...] = ()  # the arguments after the verb, of the verb that is asked for

    def error(self, message: str) -> Any:
        raise ValueError(f"{message} (see `{self.prog} --help`)")


class Verb(Protocol):
    """A module of this folder."""

    def add_arguments(self, parser: Parser) -> None: ...

    def run(self, args: argparse.Namespace) -> None: ...


def verb(name: str) -> Verb:
    """The module of a verb."""
    return cast(Verb, import_module(f"{__package__}.{name}"))


def parse(argv: list[str]) -> argparse.Namespace:
    """The arguments of a command line, `verb` among them. ValueError if they cannot be read.

    A training of a model whose name stood for more once is of its successor, where only that can be meant.
    """
    try:
        args = read(argv)
    except ValueError:
        if argv[:1] == ["train"]:
            for successor in registry.SUCCESSORS.get("".join(argv[1:2]), ()):
                with contextlib.suppress(ValueError):
                    return parse_for_successor(argv, successor)
        raise
    if argv[:1] == ["train"] and args.start and args.model in registry.SUCCESSORS:
        with contextlib.suppress(ValueError):  # `train` itself says what is wrong with it
            if (model := model_of(args.start)) in registry.SUCCESSORS[args.model]:
                return parse_for_successor(argv, model)
    return args


def model_of(name: str) -> str:
    """The model of a run's or a checkpoint's name. ValueError if there is none."""
    from ..hub.resolve import resolve
    from ..training.plan import read_plan

    return read_plan(Path(name)).model if (Path(name) / "run.json").is_file() else resolve(name).spec.name


def parse_for_successor(argv: list[str], successor: str) -> argparse.Namespace:
    """The arguments of a `train` as its model's successor reads them. ValueError if the successor cannot read them either."""
    args = read([argv[0], successor, *argv[2:]])
    say(f"{argv[1]} no longer does that; {successor} does, and is trained")
    return args


def read(argv: list[str]) -> argparse.Namespace:
    """The arguments of a command line, word for word. ValueError if they cannot be read."""
    parser = Parser(prog="python -m ganzoo", description="Train, measure and draw with GANs.", allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=Parser)
    for name, help in VERBS.items():
        options = verbs.add_parser(name, help=help, allow_abbrev=name != "train")
        if argv[:1] == [name]:
            options.rest = tuple(argv[1:])
            verb(name).add_arguments(options)
    return parser.parse_args(argv)
