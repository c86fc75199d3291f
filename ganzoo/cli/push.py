"""`push`: a checkpoint to the Hub."""

from __future__ import annotations

import argparse

from .options import add_sending, show_dry_run, show_files
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--repo", required=True, metavar="USER/REPO")
    parser.add_argument("--license", help="of the weights, as the Hub names it, such as mit or cc-by-4.0")
    parser.add_argument(
        "--source", metavar="URL", help="where the ganzoo that reads it is had by pip, such as your fork's address"
    )
    parser.add_argument("--onnx", action="store_true", help="also what draws as onnx/model.onnx (see `export --onnx`)")
    add_sending(parser, "card")


def run(args: argparse.Namespace) -> None:
    from ..checkpoint import card
    from ..hub.push import push as upload
    from ..hub.resolve import resolve

    checkpoint = resolve(args.name)
    options = {
        "private": args.private,
        "dry_run": args.dry_run,
        "replace": args.replace,
        "license": args.license,
        "source": args.source,
        "with_onnx": args.onnx,
    }
    sent = upload(checkpoint, args.repo, **options)
    show_files(sent)
    if args.dry_run:
        show_dry_run(sent, card.metadata(checkpoint, args.license), sent.repo)
    else:
        print(f'{sent.url}\nganzoo.load("{sent.repo}@{sent.commit}")')
