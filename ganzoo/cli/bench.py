"""`bench`: pictures a second on this machine, or, with --parity, what both loops learn."""

from __future__ import annotations

import argparse
import json
import statistics

from .. import registry
from .options import positive, say
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("model", nargs="?", choices=registry.MODELS, metavar="MODEL", help="default: all")
    parser.add_argument("--recipe", help="a named set of knobs (default: the paper's)")
    parser.add_argument("--device", help="auto, cpu, cuda, ... (default auto)")
    parser.add_argument("--seconds", type=positive(float), help="of each turn of each loop (default 3)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--parity", metavar="DATA", help="train MODEL on DATA with both loops and compare what they draw")
    parser.add_argument("--images", type=positive(int), help="with --parity: of each training (default 100000)")
    parser.add_argument("--seeds", type=positive(int), help="with --parity: trainings of each loop (default 3)")
    parser.add_argument("--root", help="with --parity: folder of the data sets (default $GANZOO_DATA or ./data)")


def run(args: argparse.Namespace) -> None:
    from ..training.bench import bench as measure
    from ..training.bench import parity

    idle = ("device", "seconds") if args.parity else ("images", "seeds", "root")
    if ignored := [f for f in idle if getattr(args, f) is not None]:
        raise ValueError(f"--{ignored[0]} has no meaning {'with' if args.parity else 'without'} --parity")
    if args.parity:
        if not args.model:
            raise ValueError("--parity needs a MODEL: `python -m ganzoo bench MODEL --parity DATA`")
        spec = registry.spec(args.model)
        recipe = args.recipe
        distances = parity(spec, recipe, args.parity, args.root, args.images or 100_000, args.seeds or 3, say)
        if args.json:
            print(json.dumps(distances, indent=2))
            return
        for loop, of in distances.items():
            spread = f" ± {statistics.stdev(of):.2g}" if len(of) > 1 else ""
            print(f"| {loop} | {' | '.join(f'{d:.3g}' for d in of)} | {statistics.mean(of):.3g}{spread} |")
        return
    found = {}
    for name in [args.model] if args.model else registry.MODELS:
        spec = registry.spec(name)
        found[name] = measure(spec, args.recipe, args.device or "auto", args.seconds or 3.0)
    if args.json:
        print(json.dumps(found, indent=2))
        return
    print("| model | training, pictures/s | plain loop | ratio | share of peak | sampling, pictures/s | first picture |")
    print("|---|---|---|---|---|---|---|")
    for name, f in found.items():
        t, s = f["train"], f["sample"]
        print(
            f"| {name} | {t['images_per_s']:,} | {t['reference_images_per_s']:,} | {t['ratio']} | "
            f"{100 * t['share_of_peak']:.0f} % | {s['images_per_s']:,} | {s['first_image_ms']} ms |"
        )
