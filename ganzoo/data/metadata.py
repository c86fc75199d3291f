"""The files of the Hub's ImageFolder convention that say what the pictures beside or below them show.

metadata.jsonl    a line a picture: {"file_name": "a.png", "text": "a red rose", "label": "rose"}
metadata.csv      the same as columns: file_name,text,label
metadata.parquet  the same as columns; read by pyarrow

`text` (or `caption`) and `label` may be left out or empty; `text` may be a list of captions. Text is UTF-8, or UTF-16 with its
mark, as some programs of Windows write it.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import is_lfs_pointer

NAMES = ("metadata.jsonl", "metadata.csv", "metadata.parquet")
COLUMNS = ("file_name", "text", "caption", "label")  # that are read


@dataclass(frozen=True)
class Row:
    """What is said of one picture. `label` and `captions` are empty where nothing is."""

    where: str  # the file and the line, for messages
    file_name: str
    label: str
    captions: tuple[str, ...]
    others: tuple[str, ...] = ()  # what else is said of it, by name, which is not read


def read(path: Path) -> list[Row]:
    """The rows of a metadata file. ValueError, naming file and line, if it is not what its name says."""
    if is_lfs_pointer(path):
        raise ValueError(f"{path}: a note of git-lfs; `git lfs pull` in the clone gets the table")
    found = []
    for where, values in {".jsonl": _json_lines, ".csv": _csv, ".parquet": _parquet}[path.suffix](path):
        name = values.get("file_name")
        if not isinstance(name, str) or not name.strip():
            raise ValueError(
                f'{where}: not a JSON object with "file_name"' if path.suffix == ".jsonl" else f"{where}: no file_name"
            )
        label, text = values.get("label"), values.get("text")
        text = values.get("caption") if not captions(text) else text
        if isinstance(label, list | dict):
            raise ValueError(f"{where}: label: {str(label)[:40]} is not one word or number")
        if any(isinstance(t, list | dict) for t in (text if isinstance(text, list) else [text])):
            raise ValueError(f"{where}: text: {str(text)[:40]} is not a caption, nor a list of captions")
        others = tuple(str(k) for k in values if k not in COLUMNS)
        found.append(Row(where, name.strip(), "" if missing(label) else _text(label).strip(), captions(text), others))
    return found


def captions(text: Any) -> tuple[str, ...]:
    """One caption or a list of them, as a tuple; empty where there is none."""
    return tuple(_text(t) for t in (text if isinstance(text, list | tuple) else [text]) if not missing(t))


def _text(value: Any) -> str:
    """A value as text that can be written; 1.0 is what tables with gaps make of 1."""
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    return str(whole).encode("utf-8", "replace").decode()


def missing(value: Any) -> bool:
    """Whether a value of a table stands for none: null, blank, or the NaN that tables have in its place."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or (isinstance(value, str) and not value.strip())


def decode(path: Path) -> str:
    """The text of a file. ValueError, naming the line, if it is neither UTF-8 nor marked as UTF-16."""
    raw = path.read_bytes()
    utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return raw.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}, line {line}: not UTF-8 text; save the file as UTF-8") from None


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for i, line in enumerate(decode(path).split("\n"), 1):  # not splitlines: U+2028 may stand in a caption
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            values = None
        yield f"{path}, line {i}", values if isinstance(values, dict) else {}


def _csv(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    table = csv.DictReader(io.StringIO(decode(path), newline=""), strict=True)
    try:
        columns = [c.strip() for c in table.fieldnames or ()]
        if "file_name" not in columns:
            raise ValueError(f"{path}: no column file_name; its columns are {', '.join(columns)[:100] or 'none'}")
        if twice := [c for c in COLUMNS if columns.count(c) > 1]:
            raise ValueError(f"{path}: has two columns {twice[0]}; keep one")
        table.fieldnames = columns
        for values in table:
            if None in values:  # DictReader's key of what no column is left for
                raise ValueError(f"{path}, line {table.line_num}: more values than columns; a text with a comma needs quotes")
            yield f"{path}, line {table.line_num}", values
    except csv.Error as error:
        raise ValueError(f"{path}, line {table.line_num}: cannot be read ({error})") from None


def _parquet(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise ValueError(f"{path}: reading it needs pyarrow: `pip install pyarrow`, or save it as metadata.csv") from None
    try:
        table = parquet.read_table(path)
        rows = table.to_pylist()
    except Exception as error:  # its errors have no base of their own
        raise ValueError(f"{path}: cannot be read ({str(error).splitlines()[0][:100]})") from None
    if "file_name" not in table.column_names:
        raise ValueError(f"{path}: no column file_name; its columns are {', '.join(table.column_names)[:100]}")
    for i, values in enumerate(rows, 1):
        yield f"{path}, row {i}", values
