"""`list`: the models, data sets and checkpoints that there are."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .. import registry
from ..checkpoint.folder import Checkpoint
from .options import say
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--markdown", action="store_true", help="the README's table of the checkpoints that draw")
    parser.add_argument("--all", action="store_true", help="with --markdown: every checkpoint, as in weights/README.md")


def run(args: argparse.Namespace) -> None:
    from .. import data
    from ..checkpoint import card
    from ..hub.resolve import bundled, describe, listed

    if args.all and not args.markdown:
        raise ValueError("--all has no meaning without --markdown; without both, everything is listed anyway")
    if args.markdown:
        print(card.table(bundled()) if args.all else short_table([c for c in bundled() if c.config["inputs"]]))
        return
    for line in describe():
        say(line)
    found: dict[str, list[Any]] = {
        "models": [{"name": s.name, "title": s.title, "year": s.paper.year, "arxiv": s.paper.arxiv} for s in registry.specs()],
        "data": list(data.SETS),
        "checkpoints": [
            {"name": c.name, "model": c.spec.name, "data": c.data, "source": c.source, "revision": c.revision}
            for c in bundled()
        ],
        "hub": [asdict(k) for k in listed() if "/" in k.name],
    }
    if args.json:
        print(json.dumps(found, indent=2))
        return
    for title, rows in found.items():
        print(f"{title}:")
        for row in rows:
            print("  " + (row if isinstance(row, str) else "  ".join(str(v) for v in row.values())))


def short_table(checkpoints: Sequence[Checkpoint]) -> str:
    """The table of the root README: what draws, a row a model, and how well."""
    from ..checkpoint.card import number

    found: dict[str, list[str]] = {}
    for c in checkpoints:
        frechet = next((m for m in c.config["metrics"] if m["id"] == "frechet"), None)
        distance = f"{number(frechet['value'])} ({number(frechet['floor'])})" if frechet else "not measured"
        paper = c.spec.paper
        found.setdefault(f"[{c.spec.title}]({paper.url}), {paper.year}", []).append(f"`{c.name}` {distance}")
    rows = [f"| {model} | {' · '.join(each)} |" for model, each in found.items()]
    return "\n".join(["| model | checkpoints: Fréchet distance (of real pictures) |", "|---|---|", *rows])
