"""`site`: the zoo as a folder of files that any web server can hand out; its networks run in the visitor's browser."""

from __future__ import annotations

import argparse
from pathlib import Path

from .options import say
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="is made, or made anew where it holds such a site")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="these checkpoints alone (default: all that it can show)"
    )
    parser.add_argument("--title", default="", help="of the site (default: ganzoo)")
    parser.add_argument("--app", default="", metavar="URL", help="the same zoo as a Gradio app, to link to")
    parser.add_argument("--replace", action="store_true", help="also in the place of something else")


def run(args: argparse.Namespace) -> None:
    from ..site.build import build, check_folder, write

    check_folder(args.folder, args.replace)
    content = build(args.only, args.title, args.app, say)
    write(args.folder, content, args.replace)
    say(f"{sum(map(len, content.values())):,} bytes in {len(content)} files; `python -m http.server -d {args.folder}` shows it")
    print(args.folder)
