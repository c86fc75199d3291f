"""Files that are whole or not there: atomic writes, checked reads. Weights are safetensors, never a pickle."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor

LFS_POINTER = b"version https://git-lfs.github.com/spec/"  # what a clone without git-lfs has in place of a large file


def is_lfs_pointer(path: Path) -> bool:
    """Whether a file is git-lfs's note of where its content is."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(len(LFS_POINTER)) == LFS_POINTER
    return False


def write(path: Path, content: bytes | str) -> None:
    """Write a file so that at any moment there is the old one or the new one, also after a power cut.

    Raises OSError, with the path named, where the disk is full or may not be written; the old file stays.
    """
    raw = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(name)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def clean(folder: Path) -> None:
    """Remove the halves of writes that were killed."""
    for left in folder.glob(".*.????????"):
        left.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    write(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """ValueError if it is not a JSON object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path}: not a JSON object")
    return value


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """A safetensors file; tensors are stored contiguous, on the CPU."""
    write(path, to_bytes({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, dict(metadata or {})))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a safetensors file. ValueError if it is missing, cut short or something else."""
    try:
        with safe_open(path, framework="pt") as file:
            return {k: file.get_tensor(k) for k in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path}: not a whole safetensors file ({error})") from None


def to_tensors(raw: bytes, where: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file's bytes. ValueError, with where named, if they are something else."""
    try:
        return from_bytes(raw)
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{where}: not a whole safetensors file ({error})") from None


def sha256(of: Path | bytes) -> str:
    """The hash of a file or of bytes, in hexadecimal."""
    return hashlib.sha256(of if isinstance(of, bytes) else of.read_bytes()).hexdigest()
