"""Opening picture files that anybody made: each is read, or named in one line with what is wrong with it."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy
from PIL import Image
from tqdm import tqdm

from ..files import is_lfs_pointer, read_json, write_json
from ..images import deep, halves, square, top_of
from .dataset import stream
from .store import versions

T = TypeVar("T")
MANY = 1000  # pictures from which what was found is kept for the next time


@dataclass(frozen=True)
class Survey:
    """What was found when all pictures of a set were opened.

    grey: all of those that can be read are. tops, highest: mode -> what is white in it, and the highest number that there is,
    where the pictures have more than 8 bits. bad: file -> what is wrong with it.
    """

    grey: bool
    tops: dict[str, float]
    highest: dict[str, float]
    bad: dict[str, str]


def read_picture(path: Path, side: int, tops: dict[str, float] | None = None) -> Image.Image:
    """The middle square of a picture, side x side, grey or RGB. ValueError, with the file named, if it cannot be read."""
    return opened(path, lambda picture: square(picture, side, (tops or {}).get(picture.mode)))


def read_halves(path: Path, side: int, tops: dict[str, float] | None = None) -> tuple[Image.Image, Image.Image]:
    """The same of the two pictures that lie side by side in a file."""
    return opened(path, lambda picture: halves(picture, side, (tops or {}).get(picture.mode)))


def opened(path: Path, take: Callable[[Image.Image], T]) -> T:
    """What is taken of a picture. ValueError, with the file named, if it cannot be read."""
    try:
        with Image.open(path) as picture:
            return take(picture)
    except Exception as error:  # of any kind: a damaged file may bring Pillow's readers to SyntaxError, struct.error, ...
        raise ValueError(f"{path}: not a picture that can be read ({_why(path, error)})") from None


def reason(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def survey(paths: Sequence[Path], kept: Path, title: str, grey_of: set[Path] | None = None, wide: bool = False) -> Survey:
    """Open every picture of a set once, by threads. Of many, what was found is kept for as long as the files are the same.

    grey_of: those that decide whether the set is grey (default: all). wide: each is to be two pictures side by side.
    """
    what = "survey of pairs" if wide else "survey"
    file = kept / f"checked-{stream(what, versions(paths), sorted(map(str, grey_of or ()))):08x}.json"
    if len(paths) >= MANY and file.is_file():
        with contextlib.suppress(ValueError, TypeError):
            return Survey(**read_json(file))
    probes = in_threads(partial(_probe, wide=wide), paths, f"checking {title}")
    tops: dict[str, float] = {}
    highest: dict[str, float] = {}
    for probe in probes:
        if probe.top:
            tops[probe.mode] = max(probe.top, tops.get(probe.mode, 0.0))
            highest[probe.mode] = max(probe.high, highest.get(probe.mode, 0.0))
    bad = {str(path): probe.wrong for path, probe in zip(paths, probes, strict=True) if probe.wrong}
    grey = all(probe.grey for path, probe in zip(paths, probes, strict=True) if grey_of is None or path in grey_of)
    found = Survey(grey, tops, highest, bad)
    if len(paths) >= MANY:
        with contextlib.suppress(OSError):  # where nothing can be written, they are checked again
            write_json(file, asdict(found))
    return found


def in_threads(work: Callable[[Path], T], paths: Sequence[Path], what: str) -> list[T]:
    """What is made of each file, in their order, several at a time, with a progress bar on a terminal."""
    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")  # of damaged EXIF and the like: what can be read is read
        return list(tqdm(pool.map(work, paths), desc=what, total=len(paths), unit=" pictures", disable=None))


@dataclass(frozen=True)
class Probe:
    """What was found in a picture. top, high: see `Survey`; 0 where it has 8 bits."""

    grey: bool = True
    mode: str = ""
    top: float = 0.0
    high: float = 0.0
    wrong: str = ""


def _probe(path: Path, wide: bool = False) -> Probe:
    try:
        with Image.open(path) as picture:
            top, high = (top_of(picture), float(numpy.asarray(picture).max())) if deep(picture) else (0.0, 0.0)
            small = halves(picture, 4, top or None)[0] if wide else square(picture, 4, top or None)
            return Probe(small.mode == "L", picture.mode, top, high)
    except Exception as error:  # see read_picture
        return Probe(wrong=_why(path, error))


def _why(path: Path, error: Exception) -> str:
    return "a note of git-lfs; `git lfs pull` gets the picture" if is_lfs_pointer(path) else reason(error)
