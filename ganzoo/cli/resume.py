"""`resume`: a training goes on where it stopped, bit for bit; a recipe too, with the step that it stopped in."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .following import train_to_the_end
from .options import add_budget
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("folder", type=Path, metavar="RUN")
    add_budget(parser)
    parser.add_argument("--root", help="folder of the data sets, if it has moved")
    parser.add_argument("--data", help="where its data are now, such as folder:DIR, if they have moved; they must be the same")
    parser.add_argument("--device", help="auto, cpu, cuda, cuda:1, ... (default: as it was trained)")
    parser.add_argument("--data-changed", action="store_true", help="go on though the data are not what they were")


def run(args: argparse.Namespace) -> None:
    from ..data.folder import SKIP_BAD, absolute, split_as, with_option
    from ..training import loggers, recipe
    from ..training.plan import read_plan
    from ..training.run import Run, describe_command

    loggers.check(args.track)
    has_budget = args.steps or args.minutes or args.images
    if whole := recipe.of(args.folder):
        if has_budget:
            raise ValueError(
                f"{whole}: a recipe, whose steps say how long they take; leave out --steps, --minutes and --images"
            )
        if args.data:
            raise ValueError(f"{whole}: a recipe, whose steps say what they are of; leave out --data, or say --root")
        for step in recipe.RecipeRun.open(whole, args.root, args.device).remaining():
            train_to_the_end(step, args)
        return
    plan = read_plan(args.folder)
    commands = plan.command.splitlines()
    if describe_command() not in commands:
        commands.append(describe_command())
    changed: dict[str, Any] = {"command": "\n".join(commands)} | ({"root": args.root} if args.root else {})
    if args.data:
        changed["data"] = split_as(absolute(args.data), plan.data)
        if f",{SKIP_BAD}" in plan.data and f",{SKIP_BAD}" not in args.data:
            changed["data"] = with_option(changed["data"], SKIP_BAD)
    if args.device:
        changed["device"] = args.device
    if has_budget:
        changed |= {"steps": args.steps, "minutes": args.minutes, "images": args.images}
    train_to_the_end(Run.open(args.folder, args.data_changed, **changed), args)
