"""`sample`: pictures of a checkpoint or a run, as a grid, as arrays or as a folder of files; made of pictures, where it takes
those: --set source=cat.png, or of every picture of a folder, --set source=cats/ --out answers/."""

from __future__ import annotations

import argparse
import os
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ..gan import GAN, Batch
from ..inputs import Input, Noise
from .options import say
from .parser import Parser

PART = 256  # pictures that are in memory at once, as numbers from -1 to 1


def add_arguments(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME|RUN")
    parser.add_argument("--n", type=int, help="how many (default 64; 1 of a picture that is given)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--set", action="append", default=[], metavar="INPUT=VALUE", help="fix an input: label=7, source=FILE.png, source=DIR/"
    )
    parser.add_argument(
        "--out",
        type=str,
        default="grid.png",
        help="a .png grid, .npz with pictures and inputs, or DIR/ for a file a picture",
    )


def run(args: argparse.Namespace) -> None:
    from ..gan import as_gan
    from ..training import recipe
    from ..training.warm_start import opened

    if args.n is not None and not 1 <= args.n <= 100_000:
        raise ValueError(f"n: {args.n} is not from 1 to 100000")
    if not args.out:
        raise ValueError("out: '' is no name of a file or a folder")
    out = Path(args.out)
    is_folder = args.out.endswith(("/", os.sep)) or out.is_dir()
    if not is_folder and out.suffix.lower() not in (".png", ".npz"):
        raise ValueError(f"out: {args.out} does not end in .png or .npz, nor in / as a folder does")
    if is_folder and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"out: {args.out} is there and not empty; what measures a folder of pictures would measure those too")
    gan = as_gan(opened(recipe.latest(args.name, say)))
    values = values_of(args.set, gan.inputs)
    x, given = picture_of(gan, values)
    if given and given.is_dir():
        if args.n not in (None, 1) or not is_folder:
            raise ValueError(
                f"{x.name}: {given} is a folder, of which each picture becomes one file; give --out DIR/, and no --n"
            )
        write_answers(out, gan, x, given, args.seed, values)
    else:
        if given:
            values[x.name] = read_file(x, given)
        n = args.n or (1 if given else 64)
        write = write_each if is_folder else write_grid if out.suffix.lower() == ".png" else write_arrays
        write(out, in_parts(gan, n, args.seed, values), n)
    print(args.out)


def picture_of(gan: GAN, values: dict[str, Any]) -> tuple[Any, Path | None]:
    """The input that is a picture, where one is given by the path of a file or a folder, and that path. It may be called
    `picture`, too. ValueError if nothing is there."""
    for x in gan.pictures[:1]:
        if "picture" in values and "picture" not in {i.name for i in gan.inputs}:
            values[x.name] = values.pop("picture")
        if isinstance(given := values.get(x.name), str):
            path = Path(given).expanduser()
            if not path.exists():
                raise ValueError(f"{x.name}: {given}: no such file or folder; give a picture, or an example's number")
            return x, path
    return None, None


def read_file(x: Any, path: Path) -> Tensor:
    """A picture file as an input has it: float32 (1, C, H, W) in [-1, 1]. ValueError if it cannot be read."""
    from ..data.pictures import opened

    read: Tensor = opened(path, lambda picture: x.read(picture, 1))
    return read


def write_answers(out: Path, gan: GAN, x: Any, folder: Path, seed: int, values: dict[str, Any]) -> None:
    """What becomes of every picture of a folder, all with the same seed, under their own names. All are read before one is
    written: ValueError if one cannot be."""
    from tqdm import tqdm

    from ..data.listing import picture_files
    from ..data.pictures import in_threads
    from ..images import png, to_pil, to_uint8

    entries = picture_files(folder)
    if not entries:
        raise ValueError(f"{folder}: no pictures in it (.png, .jpg, .tif, ... that Pillow reads)")
    in_threads(lambda path: read_file(x, path).shape, [e.path for e in entries], f"checking {folder.name}")
    taken: set[Path] = set()
    for entry in tqdm(entries, disable=None, desc="drawing", unit=" pictures"):
        path = out / Path(entry.name).with_suffix(".png")
        path = path if path not in taken else out / f"{entry.name}.png"  # beside a.png there is an a.jpg
        taken.add(path)
        image = gan.sample(1, seed, **values | {x.name: read_file(x, entry.path)})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(to_pil(to_uint8(image[0]))))


def in_parts(gan: GAN, n: int, seed: int, values: dict[str, Any]) -> Iterator[tuple[Batch, Tensor]]:
    """The inputs and the uint8 pictures of n seeds from one on, some at a time, so that memory bounds no n. Shows progress."""
    from tqdm import tqdm

    from ..images import to_uint8
    from ..inputs import SEEDS

    by_name = {x.name: x for x in gan.inputs}
    lists = {k for k, v in values.items() if k in by_name and is_a_list(by_name[k], v)}
    for name in lists:
        if len(values[name]) != n:
            by_name[name].read(values[name], n)  # says what is wrong with it
    at_once = max(1, PART // gan.at_once) * gan.at_once  # the same forward passes as all at once would be
    with tqdm(total=n, disable=None, desc="drawing", delay=1) as bar:
        for start in range(0, n, at_once):
            count = min(at_once, n - start)
            rows = {k: v[start : start + count] if k in lists else v for k, v in values.items()}
            given = gan.draw(count, seed if not start else (seed + start) % SEEDS, **rows)
            yield given, to_uint8(gan.show(given))
            bar.update(count)


def is_a_list(x: Input, value: Any) -> bool:
    """Whether a value is one for each picture. A list of numbers is one noise, for all of them."""
    return isinstance(value, list) and (not isinstance(x, Noise) or any(isinstance(v, list) for v in value))


def write_each(folder: Path, drawn: Iterator[tuple[Batch, Tensor]], n: int) -> None:
    """One lossless file a picture, numbered from 0: what programs that measure folders read."""
    from ..images import png, to_pil

    written = 0
    for _, images in drawn:
        folder.mkdir(parents=True, exist_ok=True)  # once there is something to write
        for image in images:
            (folder / f"{written:0{len(str(n - 1))}}.png").write_bytes(png(to_pil(image)))
            written += 1


def write_grid(out: Path, drawn: Iterator[tuple[Batch, Tensor]], n: int) -> None:
    import torch

    from ..files import write
    from ..images import grid, png

    images = torch.cat([part for _, part in drawn])
    scale = max(1, 56 // images.shape[-1])
    write(out, png(grid(images, scale=scale, gap=scale)))


def write_arrays(out: Path, drawn: Iterator[tuple[Batch, Tensor]], n: int) -> None:
    """`images` (n, S, S, C) and the inputs by name. The pictures go to the file as they are drawn."""
    import torch
    from numpy.lib import format

    inputs: list[Batch] = []
    out.parent.mkdir(parents=True, exist_ok=True)
    half = out.with_name(f".{out.name}.{os.getpid():08}")  # so that there is a whole file or none
    try:
        with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("images.npy", "w", force_zip64=True) as file:
                for given, images in drawn:
                    rows = images.permute(0, 2, 3, 1).contiguous().numpy()
                    if not inputs:
                        header = {"descr": "|u1", "fortran_order": False, "shape": (n, *rows.shape[1:])}
                        format.write_array_header_1_0(file, header)
                    inputs.append(given)
                    file.write(rows.tobytes())
            for name in inputs[0]:
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    format.write_array(file, torch.cat([given[name].cpu() for given in inputs]).numpy())
        os.replace(half, out)
    finally:
        half.unlink(missing_ok=True)


def values_of(pairs: list[str], inputs: Sequence[Input]) -> dict[str, Any]:
    """["label=7", "c1=[1, 2]"] -> values by input, each read as its input reads a text."""
    by_name = {x.name: x for x in inputs}
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ValueError(f"set: {pair!r} is not INPUT=VALUE")
        if name in values:
            raise ValueError(f"set: {name} is given twice; give one value, or a list with one for each picture")
        values[name] = by_name[name].parse(text) if name in by_name else text
    return values
