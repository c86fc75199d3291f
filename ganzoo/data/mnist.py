"""MNIST and Fashion-MNIST, read and fetched by torchvision."""

from __future__ import annotations

import socket
from pathlib import Path

import torchvision

from .dataset import Data

SECONDS = 10  # that a mirror may stay silent before the next one is tried


def mnist(root: Path, split: str) -> Data:
    """70,000 handwritten digits, 28 x 28, grey (LeCun et al. 1998)."""
    return _read(
        torchvision.datasets.MNIST,
        root,
        split,
        name="mnist",
        title="MNIST",
        attribution="LeCun, Cortes & Burges 1998: handwritten digits, 60,000 to train on and 10,000 to test with",
        license="CC BY-SA 3.0",
        classes=tuple("0123456789"),
    )


def fashion(root: Path, split: str) -> Data:
    """70,000 garments, 28 x 28, grey (Xiao, Rasul & Vollgraf 2017, arXiv 1708.07747)."""
    return _read(
        torchvision.datasets.FashionMNIST,
        root,
        split,
        name="fashion",
        title="Fashion-MNIST",
        attribution="Xiao, Rasul & Vollgraf 2017 (arXiv 1708.07747): Zalando articles, 60,000 to train on and 10,000 to "
        "test with",
        license="MIT",
        classes=("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    )


def _read(
    kind: type[torchvision.datasets.MNIST],
    root: Path,
    split: str,
    name: str,
    title: str,
    attribution: str,
    license: str,
    classes: tuple[str, ...],
) -> Data:
    folder = root / kind.__name__ / "raw"
    try:
        found = kind(str(root), train=split == "train")
    except RuntimeError:
        found = _download(kind, root, split, folder)
    except (ValueError, OSError) as error:
        raise ValueError(f"{folder}: cannot be read ({error}); delete the folder and fetch it again") from None
    return Data(name, title, attribution, license, found.data[:, None].contiguous(), found.targets.long(), classes)


def _download(kind: type[torchvision.datasets.MNIST], root: Path, split: str, folder: Path) -> torchvision.datasets.MNIST:
    default_timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS)
    try:
        return kind(str(root), train=split == "train", download=True)
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        files = ", ".join(f"{s}-{f}" for s in ("train", "t10k") for f in ("images-idx3-ubyte", "labels-idx1-ubyte"))
        raise ValueError(
            f"{kind.__name__}: not in {folder}, and it cannot be downloaded ({str(error).splitlines()[0][:80]}). "
            f"Put {files} there, unpacked, or name the folder above {kind.__name__}/ with --root"
        ) from None
    finally:
        socket.setdefaulttimeout(default_timeout)
