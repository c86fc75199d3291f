"""`eval`: the measures of a checkpoint, of a run, or of several seeds."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from .options import positive, say
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME|RUN")
    parser.add_argument("--n", type=int, default=10_000, help="pictures a draw (default 10000)")
    parser.add_argument("--data", help="measure against this data set, such as its own at another side (default: its own)")
    parser.add_argument("--root", help="folder of the data sets (default $GANZOO_DATA or ./data)")
    parser.add_argument("--inception", action="store_true", help="also FID on Inception features, if its weights can be had")
    parser.add_argument("--certify", type=positive(int), metavar="N", help="also kill a training N times, resume it, compare")
    parser.add_argument("--record", action="store_true", help="write the measures into the checkpoint and its card")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> None:
    from ..checkpoint.card import measures_table, seeds_table
    from ..checkpoint.write import record
    from ..data.folder import is_moved, missing_folder, split_as
    from ..gan import as_gan
    from ..hub.resolve import resolve
    from ..metrics.measure import NoJudge, inception_fid, measure
    from ..training import recipe, seeds
    from ..training.warm_start import with_data

    name = recipe.latest(args.name, say)
    if seeds.runs(Path(name)):
        if ignored := [f for f in ("inception", "certify", "record", "data") if getattr(args, f)]:
            raise ValueError(f"--{ignored[0]} is about one checkpoint; {name} holds several seeds; `export` it first")
        by_seed = seeds.measured(Path(name), args.root, args.n, say)
        several = seeds.together(by_seed)
        print(json.dumps(several, indent=2, ensure_ascii=False) if args.json else seeds_table(several))
        return
    if (args.record or args.certify) and (Path(name) / "run.json").is_file():
        raise ValueError(f"{name} is a run; `python -m ganzoo export` it first, then --record or --certify the checkpoint")
    if args.record and not resolve(name).ours:
        raise ValueError(f"record: {name} is a copy of the Hub's; record into a checkpoint of your own, then push it")
    game, own = with_data(name)
    if args.record and args.data and not is_moved(own, args.data):
        raise ValueError("--record keeps what was measured against a checkpoint's own data; leave out --data")
    if not args.data and (missing := missing_folder(own)):
        raise ValueError(
            f"{name} was trained on a folder named {missing}, which is not here; --data folder:DIR says where it is"
        )
    data_name = split_as(args.data, own) if args.data else own
    try:
        metrics = measure(game, data_name, args.root, args.n, say)
    except NoJudge as error:
        if not args.inception:
            raise
        say(f"left out: all but Inception's: {error}")
        metrics = []
    if args.inception:
        fid = inception_fid(as_gan(game), data_name, args.root, args.n)
        if isinstance(fid, str):
            if not metrics:
                raise ValueError(f"nothing was measured; {fid}")
            say(fid)
        else:
            metrics.append(fid)
    print(json.dumps(metrics, indent=2, ensure_ascii=False) if args.json else measures_table(metrics))
    found: dict[str, Any] = {"metrics": metrics}
    if args.certify:
        from ..training.certify import certify

        checkpoint = resolve(name)
        found["certificate"] = certify(checkpoint.spec.name, type(game.config), checkpoint.config["config"], args.certify, say)
        say(str(found["certificate"]))
    if args.record:
        record(resolve(name), found)
