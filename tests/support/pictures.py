"""Folders of pictures."""

from __future__ import annotations

import csv
import json

import pytest
from PIL import Image

from ganzoo.data.listing import list_folder


def fill(folder, names, mode="RGB", size=(40, 30)):
    """A picture of one colour for each name, each of another: red and green say which it is."""
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        which = (i % 256, i // 256, 99)
        colour = {"L": i * 9 % 256, "RGB": which, "RGBA": (*which, 0)}[mode]
        Image.new(mode, size, colour).save(path)


def labels_of(root):
    """{path: label} of what a folder is found to hold."""
    return {e.name: e.label for e in list_folder(root).entries}


def write_metadata(path, rows):
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(dict.fromkeys(k for r in rows for k in r)))
            table.writeheader()
            table.writerows(rows)
    else:
        pytest.importorskip("pandas").DataFrame(rows).to_parquet(path)
