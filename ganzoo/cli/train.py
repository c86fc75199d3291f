"""`train`: a model, by its knobs or by a recipe."""

from __future__ import annotations

import argparse
import dataclasses
import re
from pathlib import Path
from typing import Any

from .. import registry
from ..spec import Recipe, Spec, Step
from .following import train_to_the_end
from .knobs import add_knobs, checked, flag, given
from .options import add_budget, positive
from .parser import Parser

STEPS = 10_000  # of a training that was given no budget


def add_arguments(parser: Parser) -> None:
    models = parser.add_subparsers(dest="model", required=True, metavar="MODEL", parser_class=Parser)
    for name in (*registry.MODELS, *registry.TOOLS):
        if parser.rest[:1] in ((name,), ("-h",), ("--help",)):  # only the model that is asked for is imported
            spec = registry.spec(name)
            add_training(models.add_parser(name, help=spec.title, allow_abbrev=False), spec)
        else:
            models.add_parser(name)


def add_training(parser: argparse.ArgumentParser, spec: Spec) -> None:
    own_data = any(step.data for recipe in spec.recipes.values() for step in recipe)
    parser.add_argument(
        "--data", required=not own_data, help="data set, see `list`; folder:DIR@SIDE, pairs:DIR@SIDE, hf:USER/NAME@SIDE"
    )
    parser.add_argument("--root", help="folder of the data sets (default $GANZOO_DATA or ./data)")
    parser.add_argument(
        "--skip-bad", action="store_true", help="with folder:DIR and pairs:DIR: leave out the pictures that cannot be read"
    )
    parser.add_argument("--out", type=Path, help="folder of the run (default runs/MODEL-DATA)")
    parser.add_argument(
        "--from", dest="start", default="", metavar="NAME|RUN", help="begin with its networks and knobs, not from scratch"
    )
    add_budget(parser)
    parser.add_argument("--keep-best", action="store_true", help="keep the smallest Fréchet distance too (needs a judge)")
    seed = parser.add_mutually_exclusive_group()
    seed.add_argument("--seed", type=int, default=0)
    seed.add_argument("--seeds", type=seed_range, metavar="A-B", help="a run for each seed from A to B, in OUT/seed-A, ...")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default auto)")
    parser.add_argument("--precision", default="auto", help="auto, bf16 or fp32 (default auto)")
    parser.add_argument("--deterministic", action="store_true", help="the same bits on a GPU each time, too; slower")
    help = "play each batch in N parts, one after the other, where memory does not hold all of it (gradient accumulation)"
    parser.add_argument("--accumulate", type=positive(int), default=1, metavar="N", help=help)
    if spec.recipes:

        def known(recipe: str) -> str:
            spec.knobs(recipe)
            return recipe

        names = ", ".join(f"{name} ({len(r)} steps)" if len(r) > 1 else name for name, r in spec.recipes.items())
        parser.add_argument("--recipe", action=checked(known), help=f"a named set of knobs: {names} (default: the paper's)")
    add_knobs(parser, spec)


def seed_range(text: str) -> range:
    """An argparse type: "0-4" is range(0, 5)."""
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 0 <= int(first) < int(last) < 2**32):
        raise argparse.ArgumentTypeError(f"{text!r} is not A-B, such as 0-4")
    return range(int(first), int(last) + 1)


def run(args: argparse.Namespace) -> None:
    from ..data.folder import SKIP_BAD, with_option
    from ..training import loggers
    from ..training.plan import Plan
    from ..training.recipe import RecipeRun
    from ..training.run import Run, describe_command, describe_commit

    loggers.check(args.track)
    name = getattr(args, "recipe", None)
    recipe = registry.spec(args.model).recipes[name] if name else (Step({}),)
    if args.keep_best and args.model in registry.TOOLS:
        raise ValueError(f"--keep-best: a {args.model} draws nothing that could be measured along the way")
    if not 0 <= args.seed < 2**32:
        raise ValueError(f"seed: {args.seed} is not from 0 to {2**32 - 1}")
    check_against(recipe, args)
    has_budget = args.steps or args.minutes or args.images
    plan = Plan(
        model=args.model,
        data=with_option(args.data, SKIP_BAD) if args.data and args.skip_bad else args.data or recipe[0].data,
        config=given(args),
        seed=args.seed,
        root=args.root,
        device=args.device,
        precision=args.precision,
        steps=args.steps or (None if has_budget else STEPS),
        minutes=args.minutes,
        images=args.images,
        keep_best=args.keep_best,
        deterministic=args.deterministic,
        accumulate=args.accumulate,
        start=args.start,
        recipe=name,
        command=describe_command(),
        commit=describe_commit(),
    )
    folder = args.out or Path("runs") / re.sub(r"[^\w.-]+", "-", f"{args.model}-{name if len(recipe) > 1 else plan.data}")
    if len(recipe) > 1:
        for step in RecipeRun.create(folder, plan, recipe).remaining():
            train_to_the_end(step, args)
        return
    plan = dataclasses.replace(plan, config=dict(recipe[0].knobs) | plan.config)
    if recipe[0].images and not has_budget:
        plan = dataclasses.replace(plan, steps=None, images=recipe[0].images)
    if args.seeds is None:
        train_to_the_end(Run.create(folder, plan), args)
        return
    taken = [s for s in args.seeds if (folder / f"seed-{s}").exists()]
    if taken:
        raise ValueError(f"{folder / f'seed-{taken[0]}'}: already there; choose another --out, or other --seeds")
    for s in args.seeds:
        train_to_the_end(Run.create(folder / f"seed-{s}", dataclasses.replace(plan, seed=s)), args)


def check_against(recipe: Recipe, args: argparse.Namespace) -> None:
    """ValueError if a flag is missing, or says what a recipe of several steps says itself."""
    if not args.data and not all(step.data for step in recipe):
        raise ValueError(f"the following arguments are required: --data (see `python -m ganzoo train {args.model} --help`)")
    if len(recipe) == 1:
        return

    def refuse(flag: str, why: str) -> Any:
        raise ValueError(f"{flag}: the recipe {args.recipe!r} {why}; leave {flag} out")

    if args.seeds:
        refuse("--seeds", f"has {len(recipe)} steps and is trained with one --seed at a time")
    if args.data and all(step.data for step in recipe):
        refuse("--data", f"is of {', '.join(dict.fromkeys(step.data for step in recipe))}")
    for budget in ("steps", "minutes", "images"):
        if getattr(args, budget) and all(step.images for step in recipe):
            refuse(f"--{budget}", f"sees {sum(step.images or 0 for step in recipe):,} pictures in {len(recipe)} steps")
    for step in recipe[1:]:
        if step.previous in given(args):
            refuse(flag(step.previous), "puts the step before there")
