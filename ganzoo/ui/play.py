"""What the app asks of the networks: one function that works on them, on whatever device there is, within bounds.

On ZeroGPU a GPU is lent for the length of one call of one function, `_lent`, in a process of its own: the networks must lie
on "cuda" before (`place`), and what goes in and out is numbers and CPU tensors. On CUDA and CPU the same calls go straight
through, and networks are loaded when they are first asked for.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .. import inputs
from ..checkpoint import Checkpoint
from ..gan import GAN
from ..hub.network import PAUSE
from ..hub.resolve import PATIENCE, Known, bundled, known, resolve
from ..images import from_uint8, shrunk, to_uint8
from ..inputs import EPSILON, Choice, Code, Noise, Text, blurred
from ..text import caption
from ..text.reader import Reads

MOST = 64  # pictures a request
TABLE = 128  # pictures in a table
KEPT = 16  # networks in memory
FRAMES = 48  # of a walk
STEPS, SEEDS_A_STEP = 17, 4  # of a walk from caption to caption; an odd number has a step halfway
STEP_SIDE = 64  # pixels of its pictures at most: a larger picture is seen through to the first stage only
BLUR = 0  # times as much of a caption's blur (EPSILON) in a tab, until a visitor asks for more: they are taken at their word
STRONGEST = 1.5  # times as much as in training

ZERO = os.environ.get("SPACES_ZERO_GPU", "").casefold() in ("true", "1", "t")  # as `spaces` reads it
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")

log = logging.getLogger("ganzoo")

_networks: OrderedDict[str, tuple[Checkpoint, GAN]] = OrderedDict()
_lock = threading.Lock()
_doors: dict[str, threading.Lock] = {}  # one visitor at a time asks for a network that is not in memory
_missing: dict[str, tuple[float, str]] = {}  # until when a network that could not be had is not asked for again, and why
_device = torch.device("cpu") if ZERO else DEVICE  # of networks that are loaded now


def network(name: str) -> tuple[Checkpoint, GAN]:
    """A checkpoint that is bundled or among the `others`, and its networks, from memory if they were used lately. ValueError
    if there is none, or if it cannot be had."""
    with _lock:
        if name in _networks:
            _networks.move_to_end(name)
            return _networks[name]
    names = [*(c.name for c in bundled() if c.config["inputs"]), *(k.name for k in others())]
    if name not in names:
        raise ValueError(f"no checkpoint {str(name)[:60]!r}; there are {', '.join(names)}")
    with _doors.setdefault(name, threading.Lock()):
        with _lock:
            if name in _networks:
                return _networks[name]
        until, why = _missing.get(name, (0.0, ""))
        if time.monotonic() < until:
            raise ValueError(why)
        try:
            checkpoint = resolve(name, PATIENCE)  # from the Hub it may take a while: nobody waits for that but who asked for it
            loaded = checkpoint, checkpoint.load(_device)
        except (ValueError, ConnectionError) as error:
            _missing[name] = (time.monotonic() + PAUSE, str(error))
            raise ValueError(str(error)) from None
        with _lock:
            _networks[name] = loaded
            if len(_networks) > KEPT and not ZERO:  # there, all stay where they were placed
                _networks.popitem(last=False)
            return loaded


def others(model: str | None = None) -> list[Known]:
    """The checkpoints of the Hub that are known here: named in $GANZOO_HUB or weights/hub.json, or in the cache. On ZeroGPU
    none, since there networks must be placed before the app is launched."""
    return [] if ZERO else [k for k in known(model) if "/" in k.name]


def place() -> None:
    """Load every network now, and put it where it will work: for ZeroGPU (before the app is launched) and $GANZOO_EAGER=1."""
    global _device
    if not (ZERO or os.environ.get("GANZOO_EAGER") == "1"):
        return
    for c in [c for c in bundled() if c.config["inputs"]]:
        network(c.name)[1].to(DEVICE)
    _device = DEVICE


@dataclass(frozen=True)
class Drawn:
    """uint8 images (n, C, S, S), what they are, and the images of the stages before, if there are several."""

    images: Tensor
    said: dict[str, Any]
    before: Sequence[Tensor] = ()


def sample(name: str, n: int, seed: int, given: dict[str, Any] | None = None, epsilon: float = 1) -> Drawn:
    """Draw n pictures, with so many times the noise that blurs a caption. ValueError for anything out of bounds."""
    n, seed = whole("how many", n, 1, MOST), whole("seed", seed, 0, inputs.SEEDS - 1)
    checkpoint, gan = network(name)
    epsilon = strength(gan, epsilon)
    (*before, images), values, at_once = work("draw", n, name, n, seed, dict(given or {}), epsilon)
    said = {
        "checkpoint": checkpoint.name,
        "revision": checkpoint.revision,
        "source": checkpoint.source,
        "model": checkpoint.spec.name,
        "n": n,
        "seed": seed,
        "inputs": values,
    }
    if epsilon != 1:
        said[EPSILON] = epsilon
    if at_once < n:
        said["at_once"] = at_once  # the GPU had memory for no more
    return Drawn(images, said, before)


def walk(name: str, start: int, end: int) -> Tensor:
    """The pictures on the way from one seed to another -> uint8 (FRAMES, C, S, S)."""
    start, end = whole("from seed", start, 0, inputs.SEEDS - 1), whole("to seed", end, 0, inputs.SEEDS - 1)
    images: Tensor = work("walk", FRAMES, name, start, end)
    return images


def change(name: str, seed: int, one: str, other: str, epsilon: float = 1) -> Tensor:
    """The way from one caption to another, from SEEDS_A_STEP handfuls of noise -> uint8 (STEPS, SEEDS_A_STEP, C, s, s).

    Of a picture wider than STEP_SIDE it is the first stage's, and that no wider.
    """
    _, gan = network(name)
    seed, epsilon = whole("seed", seed, 0, inputs.SEEDS - 1), strength(gan, epsilon)
    text = next((x for x in gan.inputs if isinstance(x, Text)), None)
    if not text or not isinstance(gan, Reads):
        raise ValueError(f"{name}: takes no captions")
    images: Tensor = work("change", STEPS * SEEDS_A_STEP, name, seed, text.read([one, other], 2), epsilon)
    return images


def each(name: str, pictures: Sequence[tuple[int, dict[str, Any]]]) -> Tensor:
    """A picture for each (seed, inputs that are fixed) -> uint8 (n, C, S, S). ValueError for anything out of bounds."""
    if not 1 <= len(pictures) <= TABLE:
        raise ValueError(f"{len(pictures)} pictures are not from 1 to {TABLE}")
    wanted = [(whole("seed", s, 0, inputs.SEEDS - 1), given) for s, given in pictures]
    images: Tensor = work("each", len(wanted), name, wanted)
    return images


def infer(name: str, image: Tensor) -> dict[str, list[float]]:
    """What a model reads in a picture, uint8 (C, S, S): a Choice's probabilities, a Code's number (clamped to its range)."""
    found: dict[str, list[float]] = work("infer", 1, name, image)
    return found


# ---- The work: all of it passes through one function, which ZeroGPU lends a GPU to ---------------------------------------


def seconds(task: str, n: int, *args: Any) -> int:
    """How long a GPU is asked for; a visitor's daily share is counted by it."""
    return min(30, 5 + n // 50)


def work(task: str, n: int, *args: Any) -> Any:
    """Do a task of about n pictures; straight, until the networks have been placed."""
    return (_lent if _device == DEVICE else _work)(task, n, *args)


def _work(task: str, n: int, *args: Any) -> Any:
    return TASKS[task](*args)


try:
    import spaces

    _lent: Callable[..., Any] = spaces.GPU(duration=seconds)(_work)
except ImportError:  # not on a Space
    _lent = _work


def show(gan: GAN, batch: dict[str, Tensor]) -> tuple[list[Tensor], int]:
    """uint8 pictures of a batch, of each stage, and how many were drawn at once."""
    return thriftily(len(next(iter(batch.values()))), lambda some: gan.show_stages({k: v[some] for k, v in batch.items()}))


def thriftily(n: int, draw: Callable[[slice], list[Tensor]]) -> tuple[list[Tensor], int]:
    """Draw n rows -> uint8 pictures of each stage, and how many rows at once: fewer by halves where memory does not do for
    more. ValueError if it does not do for one.
    """
    at_once = n
    while True:
        try:
            parts = [draw(slice(i, i + at_once)) for i in range(0, n, at_once)]
            return [to_uint8(torch.cat(stage)) for stage in zip(*parts, strict=True)], at_once
        except torch.OutOfMemoryError:
            if at_once == 1:
                raise ValueError("the GPU has no memory left for even one picture; try again in a minute") from None
            at_once = (at_once + 1) // 2
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        log.warning("out of GPU memory: drawing %d pictures at once instead of %d", at_once, n)


def _each(name: str, pictures: list[tuple[int, dict[str, Any]]]) -> Tensor:
    _, gan = network(name)
    drawn = [gan.draw(1, s, **given) for s, given in pictures]
    return show(gan, {x.name: torch.cat([d[x.name] for d in drawn]) for x in gan.inputs})[0][-1]


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


def _draw(
    name: str, n: int, seed: int, given: dict[str, Any], epsilon: float
) -> tuple[list[Tensor], dict[str, list[Any]], int]:
    _, gan = network(name)
    batch = blurred(gan.draw(n, seed, **given), epsilon)
    known = {i.name: i for i in gan.inputs if not isinstance(i, Noise)}
    values = {k: caption.read(batch[k]) if isinstance(i, Text) else batch[k].tolist() for k, i in known.items()}
    images, at_once = show(gan, batch)
    return images, values, at_once


def _walk(name: str, start: int, end: int) -> Tensor:
    _, gan = network(name)
    a, b = gan.draw(1, start), gan.draw(1, end)
    t = torch.linspace(0, 1, FRAMES, device=gan.device)
    batch = {k: v.expand(FRAMES, *v.shape[1:]) for k, v in a.items()}
    batch |= {x.name: x.between(a[x.name][0], b[x.name][0], t) for x in gan.inputs if isinstance(x, Noise)}
    return show(gan, batch)[0][-1]


@torch.inference_mode()
def _change(name: str, seed: int, text: Tensor, epsilon: float) -> Tensor:
    _, gan = network(name)
    assert isinstance(gan, Reads)
    a, b = gan.read(text.to(gan.device)).split(1)
    drawn = blurred(gan.draw(SEEDS_A_STEP, seed), epsilon)
    noise = {x.name: drawn[x.name] for x in gan.inputs if isinstance(x, Noise)}
    t = torch.linspace(0, 1, STEPS, device=gan.device)[:, None]
    said = ((1 - t) * a + t * b).repeat_interleave(SEEDS_A_STEP, 0)  # exact at both ends

    def draw(some: slice) -> list[Tensor]:
        stages = gan.imagined(said[some], **{k: v.repeat(STEPS, 1)[some] for k, v in noise.items()})
        first = next(stages)
        return [(first if gan.config.side > STEP_SIDE else [first, *stages][-1]).float().cpu()]

    (images,), _ = thriftily(len(said), draw)
    return torch.stack(shrunk(images, STEP_SIDE).split(SEEDS_A_STEP))


TASKS: dict[str, Callable[..., Any]] = {"draw": _draw, "walk": _walk, "change": _change, "each": _each, "infer": _infer}


def strength(gan: GAN, value: Any) -> float:
    """How much a caption is blurred, as a browser or a client says it. ValueError if it is out of bounds."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= STRONGEST:
        raise ValueError(f"{EPSILON}: {str(value)[:40]} is not a number from 0 to {STRONGEST}")
    if any(x.name == EPSILON for x in gan.inputs):
        return float(value)
    if value not in (BLUR, 1):
        raise ValueError(f"{EPSILON}: this model takes none, so it cannot have {value:g} times as much")
    return 1.0


def whole(what: str, value: Any, low: int, high: int) -> int:
    """A whole number within bounds, from what a browser or a client sends. ValueError otherwise."""
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value or not low <= value <= high or value % 1:
        raise ValueError(f"{what}: {str(value)[:40]} is not a whole number from {low} to {high}")
    return int(value)
