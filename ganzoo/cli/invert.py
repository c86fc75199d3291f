"""`invert`: the picture nearest to one of your own that a generator can draw, and the inputs that it draws it from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .options import say
from .parser import Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME|RUN")
    parser.add_argument("picture", type=Path, help="a file; its middle square is brought to the size of what the model draws")
    parser.add_argument("--seed", type=int, default=0, help="of the candidates that the search begins with")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("inverted.png"),
        help="a .png of three (yours, the nearest candidate, what was found), or .npz",
    )


def run(args: argparse.Namespace) -> None:
    import io

    import numpy
    import torch

    from ..data.pictures import read_picture
    from ..files import write
    from ..gan import as_gan
    from ..images import from_pil, from_uint8, grid, png, to_uint8
    from ..inputs import SEEDS
    from ..inversion import invert
    from ..training import recipe
    from ..training.warm_start import opened

    if args.out.suffix.lower() not in (".png", ".npz"):
        raise ValueError(f"out: {args.out} does not end in .png or .npz")
    if not 0 <= args.seed < SEEDS:
        raise ValueError(f"seed: {args.seed} is not from 0 to {SEEDS - 1}")
    gan = as_gan(opened(recipe.latest(args.name, say)))
    picture = from_pil(read_picture(args.picture, gan.config.side).convert("L" if gan.config.channels == 1 else "RGB"))
    found = invert(gan, from_uint8(picture), args.seed)
    if args.out.suffix.lower() == ".npz":
        arrays = io.BytesIO()
        image = to_uint8(found.image).permute(1, 2, 0).numpy()
        kept: dict[str, Any] = {"images": image[None]} | {k: v.cpu().numpy() for k, v in found.inputs.items()}
        numpy.savez_compressed(arrays, **kept)
        write(args.out, arrays.getvalue())
    else:
        scale = max(1, 168 // gan.config.side)
        write(args.out, png(grid(torch.stack([picture, *map(to_uint8, (found.first, found.image))]), scale=scale, gap=scale)))
    say(f"it explains {found.explained:.1%} of the picture; the nearest candidate, {found.explained_at_first:.1%}")
    print(args.out)
