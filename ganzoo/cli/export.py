"""`export`: a run becomes a checkpoint folder; or a checkpoint or a run becomes an ONNX file."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import registry
from .options import say
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("folder", type=Path, metavar="RUN", help="a run; with --onnx, a checkpoint's name too")
    parser.add_argument("--name", help="default: MODEL-DATA")
    parser.add_argument("--best", action="store_true", help="the networks that `train --keep-best` kept, not the last")
    parser.add_argument("--light", action="store_true", help="without discriminator.safetensors, which only some views need")
    parser.add_argument(
        "--half", action="store_true", help="weights in half precision: half as large, pictures nearly the same"
    )
    parser.add_argument("--replace", action="store_true", help="also in the place of other networks of that name")
    onnx = parser.add_argument_group("ONNX", "what draws as one file, checked against torch (pip install 'ganzoo[onnx]')")
    onnx.add_argument("--onnx", type=Path, metavar="FILE", help="write this file, and no checkpoint")
    onnx.add_argument("--int8", action="store_true", help="its weights in 8 bits: a quarter as large")
    onnx.add_argument("--discriminator", action="store_true", help="D in the place of what draws")


def run(args: argparse.Namespace) -> None:
    if args.onnx:
        return to_onnx(args)
    if args.int8 or args.discriminator:
        raise ValueError(f"--{'int8' if args.int8 else 'discriminator'} is about an ONNX file; give --onnx FILE too")
    from ..training import recipe, seeds
    from ..training.export import export
    from ..training.plan import read_plan

    folder, known = Path(recipe.latest(str(args.folder), say)), None
    if runs := seeds.runs(folder):
        if args.best:
            raise ValueError("--best is about one run; of several seeds the best is taken anyway")
        spec = registry.spec(read_plan(next(iter(runs.values()))).model)
        folder, known = seeds.choose(folder, spec)
        if args.half:  # what was measured are other numbers
            del known["metrics"]
    print(export(folder, args.name, args.best, known, args.light, args.half, args.replace).folder)


def to_onnx(args: argparse.Namespace) -> None:
    from .. import files
    from ..checkpoint import onnx
    from ..gan import as_gan
    from ..training import recipe
    from ..training.plan import read_plan
    from ..training.warm_start import opened

    if given := [f"--{k}" for k in ("name", "best", "light") if getattr(args, k)]:
        raise ValueError(f"{given[0]} is about a checkpoint folder; with --onnx none is made, so leave it out")
    if args.half + args.int8 + args.discriminator > 1:
        raise ValueError("of --half, --int8 and --discriminator, give one")
    if args.onnx.suffix != ".onnx":
        raise ValueError(f"onnx: {args.onnx} does not end in .onnx")
    if args.onnx.exists() and not args.replace:
        raise ValueError(f"{args.onnx}: is there; choose another file, or say --replace")
    onnx.needs()
    name = recipe.latest(str(args.folder), say)
    gan = as_gan(opened(name))
    if gan.checkpoint:
        facts = onnx.facts_of(gan.checkpoint)
    else:
        plan = read_plan(Path(name), drawing=True)
        facts = onnx.facts_of_run(Path(name).resolve().name, plan.model, plan.about)
    if args.discriminator:
        if gan.checkpoint and not gan.checkpoint.has_discriminator:
            raise ValueError(f"{gan.checkpoint.name}: was kept without its discriminator")
        files.write(args.onnx, onnx.export_discriminator(gan, facts))
    else:
        made = onnx.export(gan, facts, "half" if args.half else "int8" if args.int8 else "single")
        files.write(args.onnx, made.raw)
        apart = f"{made.mean:.2g} of 255 from torch's in the mean, {made.most:.0f} at most"
        say(f"{len(made.raw):,} bytes, opset {onnx.OPSET}; the pixels of {onnx.SEEDS} pictures are {apart}")
    print(args.onnx)
