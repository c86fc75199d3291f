"""How fast the engine is, against the loop that everybody writes and against what the processor can do at all.

The two loops take turns in one process, so that noise hits both; the figures are medians over the turns. The share of
the peak is the arithmetic of a step's matrix products and convolutions, counted by torch, over the time that it took
and the fastest matrix product or convolution that was measured on this machine.
"""

from __future__ import annotations

import math
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import flop_registry
from torchvision.transforms import v2

from .. import data
from ..data.dataset import Data
from ..gan import GAN, Batch, Phase, as_gan
from ..images import from_uint8, to_pil, to_uint8
from ..metrics.measure import conditions, evaluate, judge_of
from ..metrics.quality import frechet_distance
from ..spec import Spec
from .device import pick_device, pick_precision
from .engine import Engine, configure_for
from .warm_start import opened

TURNS = 5  # of each loop, at most
SAMPLING = 3  # of the time of how many turns is left for sampling
SAMPLED = 256  # pictures of a timed draw, at most
PARITY = 10_000  # pictures that a Fréchet distance is of


def bench(spec: Spec, recipe: str | None = None, device_name: str = "auto", seconds: float = 3.0) -> dict[str, Any]:
    """Measure one model on noise of the side and channels that its Config begins with (28 and grey, 64 and colour) ->
    {"train": {...}, "sample": {...}}, speeds in pictures a second.

    seconds: of one turn of a loop. A slow processor plays fewer turns and draws fewer pictures, but at least one of each, so
    that all of it takes about 3 * TURNS * seconds."""
    end = time.monotonic() + 3 * TURNS * seconds
    device = pick_device(device_name)
    precision = pick_precision("auto", device)
    usual = spec.config()
    pictures = noise(usual.side, usual.channels)
    trained = as_gan(spec.build(configure_for(spec, spec.knobs(recipe), pictures)))  # nothing of a training in it
    for x in trained.pictures:
        shape = (len(pictures), x.channels, x.side, x.side)
        pictures = replace(pictures, source=torch.randint(256, shape, dtype=torch.uint8))
    engine = Engine(spec, spec.knobs(recipe), pictures, 0, device, precision)
    plain = reference(as_gan(spec.build(engine.config)).to(device), pictures, device)

    def ours() -> None:
        engine.advance()
        if engine.step % 50 == 0:
            engine.mean_terms()

    cycle = math.lcm(*(p.every for p in engine.phases))  # steps until every phase has been due
    batch = engine.config.batch
    theirs = partial(next, plain)
    start = time.monotonic()
    with FlopCounter() as counter:
        first = speed(ours, cycle, batch, 0.0)
    turns = [(first, speed(theirs, cycle, batch, 0.0))]
    flops = counter.total / cycle / batch
    engine.mean_terms()
    top = peak(device)
    took = time.monotonic() - start
    while len(turns) <= TURNS and time.monotonic() + max(took, 2 * seconds) < end - SAMPLING * seconds:
        start = time.monotonic()
        turns.append((speed(ours, cycle, batch, seconds), speed(theirs, cycle, batch, seconds)))
        took = time.monotonic() - start
    turns = turns[1:] or turns  # a first step is not like the others: it counts only where there was no time for more
    fast, slow = (statistics.median(t) for t in zip(*turns, strict=True))
    return {
        "train": {
            "images_per_s": round(fast),
            "reference_images_per_s": round(slow),
            "ratio": round(statistics.median(a / b for a, b in turns), 2),
            "share_of_peak": round(flops * fast / max(top.values()), 3),
            "gflop_per_image": round(flops / 1e9, 4),
            "peak_gflops": {k: round(v / 1e9) for k, v in top.items()},
            "peak_memory_mb": round(memory(device)),
            "precision": precision,
        },
        "sample": sampling(trained.to(device), end),
    }


class FlopCounter(TorchDispatchMode):
    """Within this context, `total` is the arithmetic of all matrix products and convolutions, as torch counts it.

    torch's own FlopCounterMode also asks which module they belong to, and cannot do so where the slope at a leaf is taken (a
    gradient penalty)."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if count := flop_registry.get(func._overloadpacket):
            self.total += count(*args, **(kwargs or {}), out_val=out)
        return out


def parity(
    spec: Spec, recipe: str | None, data_name: str, root: str | None, images: int, seeds: int, say: Callable[[str], None]
) -> dict[str, list[float]]:
    """Train with both loops from several seeds, for as many pictures each -> {"engine": [...], "plain": [...]}, their Fréchet
    distances to the training set: of the networks as they are, since the plain loop keeps no average of them."""
    train, test, device = data.load(data_name, root, "train"), data.load(data_name, root, "test"), pick_device("auto")
    judge = judge_of(data_name, train.classes)
    real = evaluate(judge, train.image).feature
    found: dict[str, list[float]] = {"engine": [], "plain": []}
    for seed in range(seeds):
        config: dict[str, object] = spec.knobs(recipe)
        engine = Engine(spec, config, train, seed, device, pick_precision("auto", device))
        torch.manual_seed(seed)
        plain = as_gan(spec.build(engine.config))
        plain.prepare(opened)
        loop = reference(plain.to(device), train, device)
        for _ in range(max(1, images // engine.config.batch)):
            engine.advance()
            next(loop)
        engine.mean_terms()
        for name, gan in (("engine", as_gan(engine.game)), ("plain", plain)):
            given = gan.eval().draw(PARITY, seed, **conditions(gan, train, test, PARITY, seed))
            found[name].append(frechet_distance(real, evaluate(judge, to_uint8(gan.show(given))).feature))
            say(f"seed {seed}, {name}: {found[name][-1]:.3f}")
    return found


def noise(side: int, channels: int) -> Data:
    """As much to carry as a small data set, with nothing to learn: 10,000 pictures, or as many large ones as 256 MB hold."""
    n, generator = min(10_000, 2**28 // (channels * side**2)), torch.Generator().manual_seed(0)
    image = torch.randint(256, (n, channels, side, side), dtype=torch.uint8, generator=generator)
    captions = tuple((f"noise number {i % 10}",) for i in range(n))
    return Data("noise", "Noise", "", "", image, torch.arange(n) % 10, tuple("0123456789"), captions)


def speed(step: Callable[[], Any], cycle: int, batch: int, seconds: float) -> float:
    """Pictures a second over one turn of whole cycles, at least one."""
    steps, start = 0, time.perf_counter()
    while not steps or time.perf_counter() - start < seconds:
        for _ in range(cycle):
            step()
        steps += cycle
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return steps * batch / (time.perf_counter() - start)


class Pictures(Dataset[dict[str, Any]]):
    """A data set as most code has it: PIL pictures, transformed one by one."""

    def __init__(self, pictures: Data) -> None:
        self.data = pictures
        half = [0.5] * pictures.channels
        self.transform = v2.Compose(
            [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(half, half)],
        )

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, i: int) -> dict[str, Any]:
        source = {} if self.data.source is None else {"source": from_uint8(self.data.source[i])}
        return {"image": self.transform(to_pil(self.data.image[i])), "label": int(self.data.label[i])} | source


def reference(gan: GAN, pictures: Data, device: torch.device) -> Iterator[None]:
    """The loop that everybody writes, a step at a time: fp32, NCHW, a DataLoader with PIL transforms, a forward of G for
    each player, a pass of D for each kind, `.item()` every step. It plays the same game: who moves when, how fast, and what
    happens after a move."""
    c = gan.config
    gan.both = lambda net, real, fake, *given: (net(real, *given), net(fake, *given))  # type: ignore[method-assign]
    players = [(phase, plain_optimiser(gan, phase)) for phase in gan.phases()]
    step = 0
    if len(pictures) < c.batch:
        raise ValueError(f"batch: {c.batch} pictures a step are more than the {len(pictures)} of the data set")

    def with_inputs(rows: Batch) -> Batch:
        return rows | gan.draw(c.batch, None, **{i.name: rows[i.name] for i in gan.inputs if i.name in rows})

    while True:
        for loaded in DataLoader(Pictures(pictures), c.batch, shuffle=True, drop_last=True):
            gan.on_step(step)
            rows = gan.derive({k: v.to(device) for k, v in loaded.items()})
            shared = with_inputs(rows)
            for phase, optimiser in players:
                if (step + 1) % phase.every:
                    continue
                gan.zero_grad()
                terms = phase.loss(with_inputs(rows) if phase.every > 1 else dict(shared))
                torch.stack(list(terms.values())).sum().backward()
                for weights in optimiser.param_groups:
                    weights["lr"] = phase.rate(step * c.batch)
                optimiser.step()
                if phase.after:
                    with torch.no_grad():
                        phase.after()
                _ = [t.item() for t in terms.values()]
            step += 1
            yield


def plain_optimiser(gan: GAN, phase: Phase) -> torch.optim.Optimizer:
    """A phase's optimiser, as it comes."""
    weights = [w for n in phase.nets for w in n.parameters()]
    if phase.optimizer == "rmsprop":
        return torch.optim.RMSprop(weights, lr=phase.rate(0))
    return torch.optim.Adam(weights, lr=phase.rate(0), betas=(gan.config.beta1, gan.config.beta2))


@torch.no_grad()
def fastest(work: Callable[[], Tensor], times: int = 8, seconds: float = 2.0) -> float:
    """Seconds of the fastest of several calls, after a first one; of fewer where they take long."""
    work()
    found: list[float] = []
    while not found or (len(found) < times and sum(found) < seconds):
        start = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        found.append(time.perf_counter() - start)
    return min(found)


def has_bf16(device: torch.device) -> bool:
    """Whether the processor multiplies bf16 itself. Where torch has to emulate it, one product takes minutes and is no peak."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def peak(device: torch.device) -> dict[str, float]:
    """The most arithmetic a second that this machine is seen to do, by kind and precision."""
    found = {}
    for precision in (torch.bfloat16, torch.float32) if has_bf16(device) else (torch.float32,):
        a = torch.randn(2048, 2048, device=device, dtype=precision)
        x = torch.randn(64, 128, 28, 28, device=device, dtype=precision).contiguous(memory_format=torch.channels_last)
        w = torch.randn(128, 128, 3, 3, device=device, dtype=precision).contiguous(memory_format=torch.channels_last)
        name = str(precision).removeprefix("torch.")
        found[f"matmul {name}"] = 2 * 2048**3 / fastest(partial(torch.matmul, a, a))
        work = 2 * 64 * 128 * 128 * 9 * 28 * 28
        found[f"conv3x3 {name}"] = work / fastest(partial(conv2d, x, w, padding=1))
    return found


def sampling(gan: GAN, end: float) -> dict[str, Any]:
    """{"images_per_s": of SAMPLED pictures at once, "first_image_ms": from asking for one to having it}; medians. Fewer
    pictures and calls where there is no time for all until `end` (as time.monotonic has it), but one of each."""
    gan.sample(1)  # the very first is not like the others
    first, many = [elapsed(lambda: gan.sample(1))], list[float]()
    n = min(SAMPLED, max(1, int((end - time.monotonic()) / first[0])))
    while len(first) < 9 and time.monotonic() < end:
        first.append(elapsed(lambda: gan.sample(1)))
    while not many or (len(many) < TURNS and time.monotonic() + many[-1] < end):
        many.append(elapsed(lambda: gan.sample(n)))
    return {"images_per_s": round(n / statistics.median(many)), "first_image_ms": round(1000 * statistics.median(first), 2)}


def elapsed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def memory(device: torch.device) -> float:
    """MB: the most that was allocated on a GPU, or held by this process, which holds both loops."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
