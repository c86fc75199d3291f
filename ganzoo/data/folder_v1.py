"""How folders were read before `listing`: kept as it was, so that runs and checkpoints of that time keep their split to the
picture. `folder:DIR,split=1` asks for it; a run that has no fingerprint of its data is taken to have been made so.

It splits by the hash of a bare file name, takes hidden files too, follows no links to folders, and knows metadata.jsonl alone.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from .listing import Entry

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}


def list_folder(root: Path) -> list[Entry]:
    """The pictures of a folder, each in its split. ValueError if its metadata cannot be read."""
    test = root / "test"
    found = _entries(root / "train" if (root / "train").is_dir() else root)
    if test.is_dir():
        train = [replace(e, split="train") for e in found if not e.path.is_relative_to(test.resolve())]
        return train + [replace(e, split="test") for e in _entries(test)]
    return [replace(e, split="train" if zlib.crc32(e.path.name.encode()) % 10 else "test") for e in found]


def _entries(base: Path) -> list[Entry]:
    """The pictures of a folder, as it lists them, or in the order of their names."""
    listed, base = base / "metadata.jsonl", base.resolve()
    if not listed.is_file():
        paths = sorted(p for p in base.rglob("*") if p.suffix.lower() in ENDINGS)
        return [Entry(p, p.relative_to(base).parts, p.parent.name if p.parent != base else "") for p in paths]
    found = []
    for i, line in enumerate(listed.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            path = (base / row["file_name"]).resolve()
        except (ValueError, KeyError, TypeError):
            raise ValueError(f'{listed}, line {i}: not a JSON object with "file_name"') from None
        if not path.is_relative_to(base):
            raise ValueError(f"{listed}, line {i}: {row['file_name']!r} is outside of the folder")
        found.append(Entry(path, path.relative_to(base).parts, str(row.get("label", "")), _captions(row.get("text"))))
    return found


def _captions(text: Any) -> tuple[str, ...]:
    return tuple(str(t) for t in (text if isinstance(text, list) else [text]) if t)
