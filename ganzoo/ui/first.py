"""What a tab shows at first: every part at its defaults, drawn once a process and checkpoint, and kept as files for all.

It is not taken from a checkpoint's preview.png, though that also begins with seed 0: drawn 64 at a time instead of 16, its
pictures may differ by a shade, and the same link must always give the same bytes.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from gradio.blocks import Block
from PIL import Image

from .serving import keep_picture
from .tab import Part

_kept: dict[tuple[Part, str], tuple[list[Any], list[Path]]] = {}  # values of a part's outputs, and the files in them
_locks: defaultdict[tuple[Part, str], threading.Lock] = defaultdict(threading.Lock)  # one visitor at a time draws it
_drawing = threading.Lock()  # one part after the other


def drawn(part: Part, checkpoint: str, values: Mapping[str, Any]) -> list[Any]:
    """What a part's outputs show for a checkpoint at the defaults, which `values` has. ValueError as for drawing it."""
    key = part, checkpoint
    with _locks[key]:
        shown, paths = _kept.get(key, ([], []))
        if not shown or not all(path.is_file() for path in paths):  # Gradio removes files that nobody asked for in a day
            paths = []
            with _drawing:
                shown = [as_files(x, paths) for x in part.values(checkpoint, values)]
            _kept[key] = shown, paths
    return [x if isinstance(x, Block) else deepcopy(x) for x in shown]


def as_files(value: Any, paths: list[Path]) -> Any:
    """A component's value with each picture as the file that Gradio would make of it; the files are added to paths."""
    if isinstance(value, Image.Image):
        paths.append(keep_picture(value))
        return str(paths[-1])
    if isinstance(value, tuple):
        return tuple(as_files(x, paths) for x in value)
    if not isinstance(value, dict):
        return value
    if "path" in value:
        paths.append(Path(value["path"]))
    return {k: as_files(x, paths) for k, x in value.items()}
