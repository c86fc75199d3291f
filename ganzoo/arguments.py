"""What may be said on the command line: the verbs, their options, and a model's knobs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from . import registry
from .spec import Spec, knobs
from .training.boards import BOARDS


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage."""

    def error(self, message: str) -> Any:
        raise ValueError(f"{message} (see `{self.prog} --help`)")


def parse(argv: list[str]) -> argparse.Namespace:
    """What a command line says; `verb` is its first word. ValueError if it says something else."""
    parser = Parser(prog="python -m ganzoo", description="Train, measure and draw with GANs.", allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=Parser)

    verb = verbs.add_parser("list", help="models, data sets and checkpoints")
    how = verb.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="as JSON")
    how.add_argument("--markdown", action="store_true", help="the README's table of checkpoints")

    verb = verbs.add_parser("train", help="train a model", allow_abbrev=False)
    models = verb.add_subparsers(dest="model", required=True, metavar="MODEL", parser_class=Parser)
    wanted = argv[1] if len(argv) > 1 and argv[0] == "train" else ""
    for name in (*registry.MODELS, *registry.TOOLS):
        if wanted in (name, "-h", "--help"):  # only the model that is asked for is imported
            spec = registry.spec(name)
            add_training(models.add_parser(name, help=spec.title, allow_abbrev=False), spec)
        else:
            models.add_parser(name)

    verb = verbs.add_parser("resume", help="go on with a training, bit for bit")
    verb.add_argument("folder", type=Path, metavar="RUN")
    add_budget(verb)
    verb.add_argument("--root", help="folder of the data sets, if it has moved")

    verb = verbs.add_parser("sample", help="draw pictures")
    verb.add_argument("name", metavar="NAME|RUN")
    verb.add_argument("--n", type=int, default=64, help="how many (default 64)")
    verb.add_argument("--seed", type=int, default=0)
    verb.add_argument("--set", action="append", default=[], metavar="INPUT=VALUE", help="fix an input, such as label=7")
    verb.add_argument("--out", type=Path, default=Path("grid.png"), help="a .png grid, or .npz with the pictures and inputs")

    verb = verbs.add_parser("eval", help="measure a checkpoint or a run")
    verb.add_argument("name", metavar="NAME|RUN")
    verb.add_argument("--n", type=int, default=10_000, help="pictures a draw (default 10000)")
    verb.add_argument("--data", help="measure against this data set, such as its own at another side (default: its own)")
    verb.add_argument("--root", help="folder of the data sets (default $GANZOO_DATA or ./data)")
    verb.add_argument("--inception", action="store_true", help="also FID on Inception features, if its weights can be had")
    verb.add_argument("--certify", type=positive(int), metavar="N", help="also kill a training N times, resume it, compare")
    verb.add_argument("--record", action="store_true", help="write the measures into the checkpoint and its card")
    verb.add_argument("--json", action="store_true", help="as JSON")

    verb = verbs.add_parser("export", help="make weights/NAME/ of a run")
    verb.add_argument("folder", type=Path, metavar="RUN")
    verb.add_argument("--name", help="default: MODEL-DATA")
    verb.add_argument("--best", action="store_true", help="the networks that `train --keep-best` kept, not the last")
    verb.add_argument("--light", action="store_true", help="without discriminator.safetensors, which only some views need")
    verb.add_argument("--half", action="store_true", help="weights in half precision: half as large, pictures nearly the same")

    verb = verbs.add_parser("push", help="upload a checkpoint to the Hub, in one commit")
    verb.add_argument("name", metavar="NAME")
    verb.add_argument("--repo", required=True, metavar="USER/REPO")
    verb.add_argument("--private", action="store_true", default=None, help="only for you and those you let in")
    verb.add_argument("--dry-run", action="store_true", help="show the files and the card's head, upload nothing")

    verb = verbs.add_parser("deploy", help="make the app a Space on the Hub, or bring it up to date")
    verb.add_argument("--space", required=True, metavar="USER/NAME")
    verb.add_argument("--private", action="store_true", default=None, help="only for you and those you let in")
    verb.add_argument("--dry-run", action="store_true", help="show the files and the README's head, upload nothing")

    verb = verbs.add_parser("bench", help="how fast training and sampling are on this machine")
    verb.add_argument("model", nargs="?", choices=registry.MODELS, metavar="MODEL", help="default: all")
    verb.add_argument("--recipe", help="a named set of knobs (default: the paper's)")
    verb.add_argument("--device", help="auto, cpu, cuda, ... (default auto)")
    verb.add_argument("--seconds", type=positive(float), help="of each turn of each loop (default 3)")
    verb.add_argument("--json", action="store_true", help="as JSON")
    verb.add_argument("--parity", metavar="DATA", help="train MODEL on DATA with both loops and compare what they draw")
    verb.add_argument("--images", type=positive(int), help="with --parity: of each training (default 100000)")
    verb.add_argument("--seeds", type=positive(int), help="with --parity: trainings of each loop (default 3)")
    verb.add_argument("--root", help="with --parity: folder of the data sets (default $GANZOO_DATA or ./data)")
    return parser.parse_args(argv)


def add_budget(verb: argparse.ArgumentParser) -> None:
    budget = verb.add_mutually_exclusive_group()
    budget.add_argument("--steps", type=positive(int), help="steps in all")
    budget.add_argument("--minutes", type=positive(float), help="minutes of training in all")
    budget.add_argument("--images", type=positive(int), help="real pictures seen in all")
    verb.add_argument("--save-every", type=positive(float), default=60.0, help="seconds from save to save (default 60)")
    verb.add_argument("--quiet", action="store_true", help="no progress bar")
    verb.add_argument("--watch", action="store_true", help="open a page on this machine that follows the training")
    verb.add_argument("--track", choices=tuple(BOARDS), help="show losses and snapshots there too (an optional package)")


def positive(kind: type[int] | type[float]) -> Any:
    def read(text: str) -> int | float:
        value = kind(text)
        if not 0 < value < 1e12:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    read.__name__ = "number" if kind is float else "whole number"
    return read


def seeds(text: str) -> range:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 0 <= int(first) < int(last) < 2**32):
        raise argparse.ArgumentTypeError(f"{text!r} is not A-B, such as 0-4")
    return range(int(first), int(last) + 1)


def add_training(verb: argparse.ArgumentParser, spec: Spec) -> None:
    verb.add_argument("--data", required=True, help="data set, see `list`; folder:DIR@SIDE, hf:USER/NAME@SIDE")
    verb.add_argument("--root", help="folder of the data sets (default $GANZOO_DATA or ./data)")
    verb.add_argument("--out", type=Path, help="folder of the run (default runs/MODEL-DATA)")
    verb.add_argument(
        "--from", dest="start", default="", metavar="NAME|RUN", help="begin with its networks and knobs, not from scratch"
    )
    add_budget(verb)
    verb.add_argument("--keep-best", action="store_true", help="keep the smallest Fréchet distance too (needs a judge)")
    which = verb.add_mutually_exclusive_group()
    which.add_argument("--seed", type=int, default=0)
    which.add_argument("--seeds", type=seeds, metavar="A-B", help="a run for each seed from A to B, in OUT/seed-A, ...")
    verb.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default auto)")
    verb.add_argument("--precision", default="auto", help="auto, bf16 or fp32 (default auto)")
    verb.add_argument("--deterministic", action="store_true", help="the same bits on a GPU each time, too; slower")
    if spec.recipes:
        verb.add_argument("--recipe", help=f"a named set of knobs: {', '.join(spec.recipes)} (default: the paper's)")
    flags = verb.add_argument_group(f"knobs of {spec.title}; the defaults are the paper's")
    hints = get_type_hints(spec.config)
    for name, f in knobs(spec.config).items():
        hint = hints[name]
        kind, choices = (str, get_args(hint)) if get_origin(hint) is Literal else (hint, None)
        flags.add_argument(
            f"--{name.replace('_', '-')}",
            dest=f"knob_{name}",
            type=kind,
            choices=choices,
            default=None,
            metavar=None if choices else kind.__name__.upper(),
            help=f"{f.metadata['help']} (default {f.default})",
        )
