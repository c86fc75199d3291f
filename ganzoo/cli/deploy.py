"""`deploy`: the app as a Space on the Hub."""

from __future__ import annotations

import argparse

from .options import add_sending, say, show_dry_run, show_files
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("--space", required=True, metavar="USER/NAME")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="these checkpoints alone (default: all that draw)"
    )
    parser.add_argument("--title", default="", help="of the Space (default: ganzoo)")
    parser.add_argument("--static", action="store_true", help="the site (see `site`): files alone, free, never asleep")
    parser.add_argument("--app", default="", metavar="URL", help="with --static: the same zoo as a Gradio app, to link to")
    add_sending(parser, "README")


def run(args: argparse.Namespace) -> None:
    from ..hub.deploy import address
    from ..hub.deploy import deploy as upload

    if args.app and not args.static:
        raise ValueError("--app is what a static Space links to; say --static too")
    options = {"private": args.private, "dry_run": args.dry_run, "replace": args.replace}
    options |= {"only": args.only, "title": args.title, "say": say}
    if args.static:
        from ..site.space import deploy as upload_static

        sent, made = upload_static(args.space, **options, app=args.app)
    else:
        sent, made = upload(args.space, **options)
    show_files(sent)
    if args.dry_run:
        show_dry_run(sent, made.head, f"the Space {sent.repo}")
    else:
        print(f"{sent.url}\n{address(sent.repo)}")
