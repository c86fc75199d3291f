"""What the app asks of the networks: one function that works on them, on whatever device there is, within bounds.

On ZeroGPU a GPU is lent for the length of one call of one function, `on_zero_gpu`, in a process of its own: the networks must
lie on "cuda" before (`preload`), and what goes in and out is numbers, PIL pictures and CPU tensors. On CUDA and CPU the same
calls go straight through, and networks are loaded when they are first asked for.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .. import inputs, inversion
from ..checkpoint.folder import Checkpoint, weights_dir
from ..checkpoint.manifest import weigh
from ..gan import GAN, as_gan
from ..hub.network import PAUSE
from ..hub.resolve import PATIENCE, Listing, bundled, listed, resolve
from ..images import from_uint8, shrunk, to_uint8
from ..inputs import EPSILON, Choice, Code, Input, Noise, Text, scale_epsilon
from ..models._image_to_image import ImageToImageGAN
from ..models._text_to_image import TextToImageGAN
from ..text import caption
from . import opinion
from .batches import draw_stages, draw_way, halve_batch_on_oom
from .limits import BLUR, FRAMES, MOST, SEEDS_A_STEP, STEP_SIDE, STEPS, STRONGEST, TABLE, WAY

KEPT = 16  # networks in memory

ZERO = os.environ.get("SPACES_ZERO_GPU", "").casefold() in ("true", "1", "t")  # as `spaces` reads it
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")

log = logging.getLogger("ganzoo")

_loaded: OrderedDict[str, tuple[Checkpoint, GAN]] = OrderedDict()
_lock = threading.Lock()
_loading: dict[str, threading.Lock] = {}  # one visitor at a time loads a network that is not in memory
_unavailable: dict[str, tuple[float, str]] = {}  # until when a network is not asked for again, and why
_device = torch.device("cpu") if ZERO else DEVICE  # of networks that are loaded now


def load(name: str) -> tuple[Checkpoint, GAN]:
    """A checkpoint that is bundled or among the `hub_checkpoints`, and its networks, from memory if they were used lately.
    ValueError if there is none, or if it cannot be had."""
    with _lock:
        if name in _loaded:
            _loaded.move_to_end(name)
            return _loaded[name]
    here = Checkpoint(weights_dir() / name, "bundled") if isinstance(name, str) and Path(name).name == name else None
    is_bundled = here and (here.folder / "config.json").is_file() and here.config["inputs"]
    if not is_bundled and name not in (names := [*(c.name for c in bundled_gans()), *(k.name for k in hub_checkpoints())]):
        raise ValueError(f"no checkpoint {str(name)[:60]!r}; there are {', '.join(names)}")
    with _loading.setdefault(name, threading.Lock()):
        with _lock:
            if name in _loaded:
                return _loaded[name]
        until, reason = _unavailable.get(name, (0.0, ""))
        if time.monotonic() < until:
            raise ValueError(reason)
        try:
            checkpoint = resolve(name, PATIENCE)  # from the Hub it may take a while: nobody waits for that but who asked for it
            loaded = checkpoint, as_gan(checkpoint.load(_device))
        except (ValueError, ConnectionError) as error:
            _unavailable[name] = (time.monotonic() + PAUSE, str(error))
            raise ValueError(str(error)) from None
        with _lock:
            _loaded[name] = loaded
            if len(_loaded) > KEPT and not ZERO:  # there, all stay where they were preloaded
                _loaded.popitem(last=False)
            return loaded


def bundled_gans() -> list[Checkpoint]:
    return [c for c in bundled() if c.config["inputs"]]


def untrained(c: Checkpoint) -> GAN:
    """The networks of a checkpoint, with nothing in their tensors: what it takes, without its weights being read."""
    return as_gan(weigh(c.spec, c.knobs))


def hub_checkpoints(model: str | None = None) -> list[Listing]:
    """The checkpoints of the Hub that are known here: named in $GANZOO_HUB or weights/hub.json, or in the cache. On ZeroGPU
    none, since there networks must be preloaded before the app is launched."""
    return [] if ZERO else [k for k in listed(model) if "/" in k.name]


def preload() -> None:
    """Load every network now, and put it where it will run: for ZeroGPU (before the app is launched) and $GANZOO_EAGER=1."""
    global _device
    if not (ZERO or os.environ.get("GANZOO_EAGER") == "1"):
        return
    for c in bundled_gans():
        load(c.name)[1].to(DEVICE)
    _device = DEVICE


@dataclass(frozen=True)
class Drawn:
    """uint8 images (n, C, S, S), what they are, and the images of the earlier stages, if the model draws in several. Of a model
    that makes pictures of others, the first stage is what they are made from, as large; `source` has that as it is."""

    images: Tensor
    info: dict[str, Any]
    stages: Sequence[Tensor] = ()
    source: Tensor | None = None


def sample(name: str, n: int, seed: int, fixed: dict[str, Any] | None = None, epsilon: float = 1) -> Drawn:
    """Draw n pictures, with so many times the noise that blurs a caption. ValueError for anything out of bounds."""
    n, seed = whole_number("n", n, 1, MOST), whole_number("seed", seed, 0, inputs.SEEDS - 1)
    checkpoint, gan = load(name)
    epsilon = epsilon_scale(gan, epsilon)
    (*stages, images), values, at_once, source = run("draw", n, name, n, seed, dict(fixed or {}), epsilon)
    info = {
        "checkpoint": checkpoint.name,
        "revision": checkpoint.revision,
        "source": checkpoint.source,
        "model": checkpoint.spec.name,
        "n": n,
        "seed": seed,
        "inputs": values,
    }
    if epsilon != 1:
        info[EPSILON] = epsilon
    if at_once < n:
        info["at_once"] = at_once  # the GPU had memory for no more
    return Drawn(images, info, stages, source)


def walk(name: str, start: int, end: int, fixed: dict[str, Any] | None = None) -> Tensor:
    """The pictures on the way from one seed to another -> uint8 (FRAMES, C, S, S)."""
    start, end = whole_number("from seed", start, 0, inputs.SEEDS - 1), whole_number("to seed", end, 0, inputs.SEEDS - 1)
    images: Tensor = run("walk", FRAMES, name, start, end, dict(fixed or {}))
    return images


def between_captions(name: str, seed: int, one: str, other: str, epsilon: float = 1) -> Tensor:
    """The way from one caption to another, from SEEDS_A_STEP handfuls of noise -> uint8 (STEPS, SEEDS_A_STEP, C, s, s).

    Of a picture wider than STEP_SIDE it is the first stage's, and that no wider.
    """
    _, gan = load(name)
    seed, epsilon = whole_number("seed", seed, 0, inputs.SEEDS - 1), epsilon_scale(gan, epsilon)
    text = next((x for x in gan.inputs if isinstance(x, Text)), None)
    if not text or not isinstance(gan, TextToImageGAN):
        raise ValueError(f"{name}: takes no captions")
    images: Tensor = run("between_captions", STEPS * SEEDS_A_STEP, name, seed, text.read([one, other], 2), epsilon)
    return images


def sample_each(name: str, pictures: Sequence[tuple[int, dict[str, Any]]]) -> Tensor:
    """A picture for each (seed, inputs that are fixed) -> uint8 (n, C, S, S). ValueError for anything out of bounds."""
    if not 1 <= len(pictures) <= TABLE:
        raise ValueError(f"{len(pictures)} pictures are not from 1 to {TABLE}")
    checked = [(whole_number("seed", s, 0, inputs.SEEDS - 1), fixed) for s, fixed in pictures]
    images: Tensor = run("sample_each", len(checked), name, checked)
    return images


@dataclass(frozen=True)
class CloserLook:
    """A uint8 image (C, S, S), the values of its inputs, and what D thinks of it; None where the checkpoint has no D, or its D
    is not asked about one picture."""

    image: Tensor
    values: dict[str, Any]
    opinion: opinion.Opinion | None


def look_closer(name: str, seed: int, fixed: dict[str, Any] | None = None, epsilon: float = 1) -> CloserLook:
    """One picture, and what D thinks of it. ValueError for anything out of bounds."""
    seed, epsilon = whole_number("seed", seed, 0, inputs.SEEDS - 1), epsilon_scale(load(name)[1], epsilon)
    found: CloserLook = run("look_closer", 1 + opinion.PLACES**2, name, seed, dict(fixed or {}), epsilon)
    return found


def other_logits(name: str) -> list[float]:
    """D's logits of some other pictures that the model drew; none where D is not asked."""
    found: list[float] = run("other_logits", opinion.OTHERS, name)
    return found


def back(name: str, images: Tensor) -> Tensor:
    """What a model that knows both ways makes its pictures from, read off those, uint8 (n, C, S, S) twice."""
    found: Tensor = run("back", len(images), name, images)
    return found


@dataclass(frozen=True)
class Found:
    """The nearest of the candidates, uint8 (C, S, S); from what was found to a seed's picture, uint8 (WAY, C, S, S); and what
    share of the picture's variance the one and the other explain."""

    first: Tensor
    way: Tensor
    explained_at_first: float
    explained: float


def invert(name: str, image: Tensor, end: int) -> Found:
    """The noise of a picture, uint8 (C, S, S), and the way from there to a seed. ValueError for anything out of bounds."""
    found: Found = run(
        "invert", inversion.STARTS * inversion.STEPS, name, image, whole_number("seed", end, 0, inputs.SEEDS - 1)
    )
    return found


def infer(name: str, image: Tensor) -> dict[str, list[float]]:
    """What a model reads in a picture, uint8 (C, S, S): a Choice's probabilities, a Code's number (clamped to its range)."""
    found: dict[str, list[float]] = run("infer", 1, name, image)
    return found


# ---- The work: all of it passes through one function, which ZeroGPU lends a GPU to ---------------------------------------


def gpu_seconds(task: str, n: int, *args: Any) -> int:
    """How long a GPU is asked for; a visitor's daily share is counted by it."""
    return min(30, 5 + n // 50)


def run(task: str, n: int, *args: Any) -> Any:
    """Do a task of about n pictures; straight, until the networks are preloaded."""
    return (on_zero_gpu if _device == DEVICE else _run)(task, n, *args)


def _run(task: str, n: int, *args: Any) -> Any:
    return TASKS[task](*args)


try:
    import spaces

    on_zero_gpu: Callable[..., Any] = spaces.GPU(duration=gpu_seconds)(_run)
except ImportError:  # not on a Space
    on_zero_gpu = _run


def readable(x: Input, drawn: Tensor) -> list[Any]:
    """The value of each picture, for JSON: a caption, a number, or where a visitor gave pixels, only that."""
    if isinstance(x, Text):
        return caption.read(drawn)
    if drawn.ndim > 1:
        return ["a picture"] * len(drawn)
    return list(drawn.tolist())


def _draw(
    name: str, n: int, seed: int, fixed: dict[str, Any], epsilon: float
) -> tuple[list[Tensor], dict[str, list[Any]], int, Tensor | None]:
    _, gan = load(name)
    drawn = inputs.draw(gan.inputs, n, seed, **fixed)
    values = {x.name: readable(x, drawn[x.name]) for x in gan.inputs if not isinstance(x, Noise)}
    batch = scale_epsilon(gan.draw(n, seed, **fixed), epsilon)
    images, at_once = draw_stages(gan, batch)
    source = to_uint8(batch[gan.pictures[0].name].cpu()) if gan.pictures else None
    if source is not None:
        as_large = interpolate(source.expand(-1, images[-1].shape[1], -1, -1), size=images[-1].shape[-2:])
        images = [as_large, *images]
    return images, values, at_once, source


def _sample_each(name: str, pictures: list[tuple[int, dict[str, Any]]]) -> Tensor:
    _, gan = load(name)
    drawn = [gan.draw(1, s, **fixed) for s, fixed in pictures]
    return draw_stages(gan, {x.name: torch.cat([d[x.name] for d in drawn]) for x in gan.inputs})[0][-1]


def _look_closer(name: str, seed: int, fixed: dict[str, Any], epsilon: float) -> CloserLook:
    c, gan = load(name)
    drawn = inputs.draw(gan.inputs, 1, seed, **fixed)
    values = {x.name: readable(x, drawn[x.name])[0] for x in gan.inputs if not isinstance(x, Noise)}
    given = scale_epsilon(gan.draw(1, seed, **fixed), epsilon)
    image = gan.show(given)
    return CloserLook(to_uint8(image)[0], values, opinion.opinion(gan, image[0], given) if c.has_discriminator else None)


def _other_logits(name: str) -> list[float]:
    c, gan = load(name)
    given = gan.draw(opinion.others(gan.config.side), opinion.FIRST_OTHER)
    found = opinion.logits(gan, gan.show(given), given) if c.has_discriminator else None
    return [] if found is None else found.tolist()


@torch.inference_mode()
def _back(name: str, images: Tensor) -> Tensor:
    _, gan = load(name)
    assert isinstance(gan, ImageToImageGAN)
    return to_uint8(gan.back(from_uint8(images).to(gan.device)).float().cpu())


@torch.inference_mode()
def _infer(name: str, image: Tensor) -> dict[str, list[float]]:
    _, gan = load(name)
    read = gan.infer(from_uint8(image[None]).to(gan.device))
    found = {}
    for x in gan.inputs:
        if isinstance(x, Choice) and x.name in read:
            found[x.name] = read[x.name][0].softmax(0).tolist()
        elif isinstance(x, Code) and x.name in read:
            found[x.name] = read[x.name].clamp(x.low, x.high).tolist()
    return found


def _walk(name: str, start: int, end: int, fixed: dict[str, Any]) -> Tensor:
    _, gan = load(name)
    a, b = (gan.draw(1, seed, **fixed) for seed in (start, end))
    return draw_way(gan, a, b, FRAMES)


def _invert(name: str, image: Tensor, end: int) -> Found:
    _, gan = load(name)
    found = inversion.invert(gan, from_uint8(image))
    b = gan.draw(1, end)
    return Found(to_uint8(found.first), draw_way(gan, found.inputs, b, WAY), found.explained_at_first, found.explained)


@torch.inference_mode()
def _between_captions(name: str, seed: int, text: Tensor, epsilon: float) -> Tensor:
    _, gan = load(name)
    assert isinstance(gan, TextToImageGAN)
    a, b = gan.encode(text.to(gan.device)).split(1)
    drawn = scale_epsilon(gan.draw(SEEDS_A_STEP, seed), epsilon)
    noise = {x.name: drawn[x.name] for x in gan.inputs if isinstance(x, Noise)}
    t = torch.linspace(0, 1, STEPS, device=gan.device)[:, None]
    embedding = ((1 - t) * a + t * b).repeat_interleave(SEEDS_A_STEP, 0)  # exact at both ends

    def draw(rows: slice) -> list[Tensor]:
        stages = gan.generate(embedding[rows], **{k: v.repeat(STEPS, 1)[rows] for k, v in noise.items()})
        first = next(stages)
        return [(first if gan.config.side > STEP_SIDE else [first, *stages][-1]).float().cpu()]

    (images,), _ = halve_batch_on_oom(len(embedding), draw)
    return torch.stack(shrunk(images, STEP_SIDE).split(SEEDS_A_STEP))


TASKS: dict[str, Callable[..., Any]] = {
    "draw": _draw,
    "walk": _walk,
    "between_captions": _between_captions,
    "sample_each": _sample_each,
    "back": _back,
    "infer": _infer,
    "invert": _invert,
    "look_closer": _look_closer,
    "other_logits": _other_logits,
}


def epsilon_scale(gan: GAN, value: Any) -> float:
    """How much a caption is blurred, as a browser or a client says it. ValueError if it is out of bounds."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= STRONGEST:
        raise ValueError(f"{EPSILON}: {str(value)[:40]} is not a number from 0 to {STRONGEST}")
    if any(x.name == EPSILON for x in gan.inputs):
        return float(value)
    if value not in (BLUR, 1):
        raise ValueError(f"{EPSILON}: this model takes none, so it cannot have {value:g} times as much")
    return 1.0


def whole_number(what: str, value: Any, low: int, high: int) -> int:
    """A whole number within bounds, from what a browser or a client sends. ValueError otherwise."""
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value or not low <= value <= high or value % 1:
        raise ValueError(f"{what}: {str(value)[:40]} is not a whole number from {low} to {high}")
    return int(value)
