"""Folders of pictures."""

from __future__ import annotations

import csv
import json

import pytest
from PIL import Image


def fill(folder, names, mode="RGB", size=(40, 30)):
    """A picture of one colour for each name, each of another."""
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        colour = {"L": i * 9 % 256, "RGB": (i * 9 % 256, 0, 99), "RGBA": (i * 9 % 256, 0, 99, 0)}[mode]
        Image.new(mode, size, colour).save(path)


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
