"""What a run keeps of its data, so that a resume is refused where they are not what they were."""

from __future__ import annotations

import hashlib
from typing import Any

from .dataset import Data

SHOWN = 5  # classes that a message names


def fingerprint(data: Data) -> dict[str, Any]:
    """Pictures, channels and classes of a data set and, of a folder, a hash of the names of all its files: small, and the same
    on every machine that has the same data."""
    names = "\n".join(data.files).encode("utf-8", "backslashreplace")
    return {
        "pictures": len(data.files) or len(data),
        "channels": data.channels,
        "classes": list(data.classes),
        "files": hashlib.blake2b(names, digest_size=16).hexdigest() if data.files else "",
    }


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What changed from one fingerprint to another, in words; empty if nothing did."""
    found = []
    gone, added = ([c for c in a["classes"] if c not in b["classes"]] for a, b in ((old, new), (new, old)))
    if gone:
        found.append(f"gone: {_classes(gone)}")
    if added:
        found.append(f"new: {_classes(added)}")
    if not gone and not added and old["classes"] != new["classes"]:
        found.append("its classes are in another order")
    if old["pictures"] != new["pictures"]:
        found.append(f"{old['pictures']:,} pictures then, {new['pictures']:,} now")
    if old["channels"] != new["channels"]:
        found.append(" then, ".join("grey" if x["channels"] == 1 else "colour" for x in (old, new)) + " now")
    if not found and old["files"] != new["files"]:
        found.append("files have other names")
    return found


def _classes(names: list[str]) -> str:
    shown = ", ".join(name or "no class" for name in names[:SHOWN])
    return f"{'class' if len(names) == 1 else 'classes'} {shown}{', ...' if len(names) > SHOWN else ''}"
