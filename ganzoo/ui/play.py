"""What the app asks of the networks: one function that draws, on whatever device there is, within bounds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from .. import inputs
from ..checkpoint import Checkpoint
from ..gan import GAN
from ..hub.resolve import bundled, resolve
from ..images import from_uint8, to_uint8
from ..inputs import Choice, Code, Noise

F = TypeVar("F", bound=Callable[..., Any])

try:
    import spaces

    on_gpu: Callable[[F], F] = spaces.GPU(duration=10)
except ImportError:  # not on a Space

    def on_gpu(function: F) -> F:
        return function


MOST = 64  # pictures a request
TABLE = 128  # pictures in a table
KEPT = 16  # networks in memory
FRAMES = 48  # of a walk

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")

_networks: OrderedDict[str, tuple[Checkpoint, GAN]] = OrderedDict()
_lock = threading.Lock()


def network(name: str) -> tuple[Checkpoint, GAN]:
    """A bundled checkpoint and its networks, from memory if they were used lately. ValueError if there is none."""
    with _lock:
        if name not in _networks:
            known = [c.name for c in bundled() if c.config["inputs"]]
            if name not in known:
                raise ValueError(f"no checkpoint {str(name)[:60]!r}; there are {', '.join(known)}")
            checkpoint = resolve(name)
            _networks[name] = checkpoint, checkpoint.load(DEVICE)
        _networks.move_to_end(name)
        if len(_networks) > KEPT:
            _networks.popitem(last=False)
        return _networks[name]


@dataclass(frozen=True)
class Drawn:
    """uint8 images (n, C, S, S), and what they are."""

    images: Tensor
    said: dict[str, Any]


def sample(name: str, n: int, seed: int, given: dict[str, Any] | None = None) -> Drawn:
    """Draw n pictures. ValueError for anything out of bounds."""
    n, seed = whole("how many", n, 1, MOST), whole("seed", seed, 0, inputs.SEEDS - 1)
    checkpoint, _ = network(name)
    images, values = _draw(name, n, seed, dict(given or {}))
    said = {
        "checkpoint": checkpoint.name,
        "revision": checkpoint.revision,
        "source": checkpoint.source,
        "model": checkpoint.spec.name,
        "n": n,
        "seed": seed,
        "inputs": values,
    }
    return Drawn(images, said)


def walk(name: str, start: int, end: int) -> Tensor:
    """The pictures on the way from one seed to another -> uint8 (FRAMES, C, S, S)."""
    start, end = whole("from seed", start, 0, inputs.SEEDS - 1), whole("to seed", end, 0, inputs.SEEDS - 1)
    return _walk(name, start, end)


def each(name: str, pictures: Sequence[tuple[int, dict[str, Any]]]) -> Tensor:
    """A picture for each (seed, inputs that are fixed) -> uint8 (n, C, S, S). ValueError for anything out of bounds."""
    if not 1 <= len(pictures) <= TABLE:
        raise ValueError(f"{len(pictures)} pictures are not from 1 to {TABLE}")
    return _each(name, [(whole("seed", s, 0, inputs.SEEDS - 1), given) for s, given in pictures])


def infer(name: str, image: Tensor) -> dict[str, list[float]]:
    """What a model reads in a picture, uint8 (C, S, S): a Choice's probabilities, a Code's number (clamped to its range)."""
    return _infer(name, image)


@on_gpu
def _each(name: str, pictures: list[tuple[int, dict[str, Any]]]) -> Tensor:
    _, gan = network(name)
    drawn = [gan.draw(1, s, **given) for s, given in pictures]
    return to_uint8(gan.show({x.name: torch.cat([d[x.name] for d in drawn]) for x in gan.inputs}))


@on_gpu
@torch.inference_mode()
def _infer(name: str, image: Tensor) -> dict[str, list[float]]:
    _, gan = network(name)
    read = gan.infer(from_uint8(image[None]).to(gan.device))
    found = {}
    for x in gan.inputs:
        if isinstance(x, Choice) and x.name in read:
            found[x.name] = read[x.name][0].softmax(0).tolist()
        elif isinstance(x, Code) and x.name in read:
            found[x.name] = read[x.name].clamp(x.low, x.high).tolist()
    return found


@on_gpu
def _draw(name: str, n: int, seed: int, given: dict[str, Any]) -> tuple[Tensor, dict[str, list[Any]]]:
    _, gan = network(name)
    batch = gan.draw(n, seed, **given)
    values = {i.name: batch[i.name].tolist() for i in gan.inputs if not isinstance(i, Noise)}
    return to_uint8(gan.show(batch)), values


@on_gpu
def _walk(name: str, start: int, end: int) -> Tensor:
    _, gan = network(name)
    a, b = gan.draw(1, start), gan.draw(1, end)
    t = torch.linspace(0, 1, FRAMES, device=gan.device)
    batch = {k: v.expand(FRAMES, *v.shape[1:]) for k, v in a.items()}
    batch |= {x.name: x.between(a[x.name][0], b[x.name][0], t) for x in gan.inputs if isinstance(x, Noise)}
    return to_uint8(gan.show(batch))


def whole(what: str, value: Any, low: int, high: int) -> int:
    """A whole number within bounds, from what a browser or a client sends. ValueError otherwise."""
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value or not low <= value <= high or value % 1:
        raise ValueError(f"{what}: {str(value)[:40]} is not a whole number from {low} to {high}")
    return int(value)
