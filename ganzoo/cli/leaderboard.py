"""`leaderboard`: every training and checkpoint over all its seeds, failures counted, and which differences are ties."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .options import say
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN", help="runs, or folders of `train --seeds` (default runs/*)"
    )
    parser.add_argument(
        "--n", type=int, default=10_000, help="pictures a draw, of runs that are not measured on as many yet (default 10000)"
    )
    parser.add_argument("--root", help="folder of the data sets (default $GANZOO_DATA or ./data)")
    parser.add_argument(
        "--record", action="store_true", help="keep the rows of the runs in weights/leaderboard.json, for the app"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> None:
    from ..hub.resolve import bundled
    from ..metrics.measure import Known
    from ..training import leaderboard, seeds

    found = []
    known: Known = {}
    there = args.runs or [p for p in sorted(Path("runs").glob("*")) if (p / "run.json").is_file() or seeds.runs(p)]
    for folder, name in zip(there, leaderboard.names(there), strict=True):
        try:
            found.append(leaderboard.of_run(folder, args.root, args.n, say, known, name))
        except ValueError as error:
            if args.runs:
                raise
            say(f"{folder}: passed over ({error})")
    shipped = [row for c in bundled() if (row := leaderboard.of_checkpoint(c))]
    if args.record:
        if not found:
            raise ValueError("--record: there are no runs to keep; name some, or run it where runs/ is")
        say(f"{leaderboard.record(found)}: {len(found)} rows kept")
    rows = leaderboard.merged(leaderboard.kept(), found, shipped)
    if not rows:
        raise ValueError("nothing has been measured here; name a run, or a folder of `python -m ganzoo train ... --seeds 0-4`")
    if args.json:
        print(json.dumps(leaderboard.as_objects(rows), indent=2, ensure_ascii=False))
    else:
        print(leaderboard.as_markdown(rows))
