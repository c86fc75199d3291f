"""A caption as a tensor: its Unicode code points, so that it reaches any encoder whole, in any script.

text (n, T) int64, T = LENGTH; 0 follows the end. An encoder cuts it into characters or words as it likes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy
import torch
from torch import Tensor

LENGTH = 201  # characters, as in Reed et al. 2016 (arXiv 1605.05395)


def clean(text: str) -> str:
    """A person's text in one line: composed, single spaces, without control characters and halves of surrogate pairs."""
    kept = "".join(c for c in text if c.isspace() or unicodedata.category(c) not in ("Cc", "Cs", "Co", "Cn"))
    return " ".join(unicodedata.normalize("NFC", kept).split())


def styled(text: str, style: str) -> str:
    """A caption that also says the manner of the drawing, as the captions of a data set with styles do.

    >>> styled("an apple", "flat")
    'an apple, flat style'
    """
    return f"{text}, {style} style"


def restyled(text: str, styles: Sequence[str], style: str) -> str:
    """A caption that says this one of the styles, and not another one at its end.

    >>> restyled("an apple, flat style", ["3D", "flat"], "3D")
    'an apple, 3D style'
    """
    for other in styles:
        text = text.removesuffix(styled("", other))
    return styled(text, style)


def write(captions: Sequence[str], length: int = LENGTH) -> Tensor:
    """n captions -> (n, length) int64; what is longer is cut."""
    rows = [c[:length].encode("utf-32-le", "replace").ljust(4 * length, b"\0") for c in captions]
    return torch.from_numpy(numpy.frombuffer(b"".join(rows), dtype="<i4").astype("int64")).view(len(captions), length)


def read(text: Tensor) -> list[str]:
    """(n, T) code points -> n captions: the inverse of `write`."""
    rows = text.cpu().numpy().astype("<i4")
    return [row.tobytes().decode("utf-32-le", "replace").rstrip("\0") for row in rows]
