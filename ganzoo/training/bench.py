"""How fast the engine is, against the loop that everybody writes and against what the processor can do at all.

The two loops take turns in one process, so that noise hits both; the figures are medians over the turns. The share of
the peak is the arithmetic of a step's matrix products and convolutions, counted by torch, over the time that it took
and the fastest matrix product or convolution that was measured on this machine.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode
from torchvision.transforms import v2

from .. import data
from ..data import Data
from ..gan import GAN
from ..images import to_pil, to_uint8
from ..metrics.quality import frechet_distance
from ..metrics.report import asked, judge_of, look
from ..spec import Spec
from .engine import Engine, pick_device, pick_precision

TURNS = 5  # of each loop
SAMPLED = 256  # pictures of a timed draw
PARITY = 10_000  # pictures that a Fréchet distance is of


def bench(spec: Spec, recipe: str | None = None, device_name: str = "auto", seconds: float = 3.0) -> dict[str, Any]:
    """Measure one model on noise of the side and channels that its Config begins with (28 and grey, 64 and colour) ->
    {"train": {...}, "sample": {...}}, speeds in pictures a second."""
    device = pick_device(device_name)
    precision = pick_precision("auto", device)
    usual = spec.config()
    pictures = noise(usual.side, usual.channels)
    engine = Engine(spec, dict(spec.recipes[recipe] if recipe else {}), pictures, 0, device, precision)
    plain = reference(spec.build(engine.config).to(device), pictures, device)

    def ours() -> None:
        engine.advance()
        if engine.step % 50 == 0:
            engine.read()

    for _ in range(3):
        ours()
        next(plain)
    engine.read()
    with FlopCounterMode(display=False) as counter:
        engine.advance()
    batch = engine.config.batch
    turns = [(speed(ours, batch, seconds), speed(partial(next, plain), batch, seconds)) for _ in range(TURNS)]
    fast, slow = (statistics.median(t) for t in zip(*turns, strict=True))
    top = peak(device)
    return {
        "train": {
            "images_per_s": round(fast),
            "reference_images_per_s": round(slow),
            "ratio": round(statistics.median(a / b for a, b in turns), 2),
            "share_of_peak": round(counter.get_total_flops() / batch * fast / max(top.values()), 3),
            "gflop_per_image": round(counter.get_total_flops() / batch / 1e9, 4),
            "peak_gflops": {k: round(v / 1e9) for k, v in top.items()},
            "peak_memory_mb": round(memory(device)),
            "precision": precision,
        },
        "sample": sampling(spec.build(engine.config).to(device)),  # as they are loaded: nothing of the training in them
    }


def parity(
    spec: Spec, recipe: str | None, data_name: str, root: str | None, images: int, seeds: int, say: Callable[[str], None]
) -> dict[str, list[float]]:
    """Train with both loops from several seeds, for as many pictures each -> {"engine": [...], "plain": [...]}, their Fréchet
    distances to the training set: of the networks as they are, since the plain loop keeps no average of them."""
    train, device = data.load(data_name, root, "train"), pick_device("auto")
    judge = judge_of(data_name, train.classes)
    real = look(judge, train.image).feature
    found: dict[str, list[float]] = {"engine": [], "plain": []}
    for seed in range(seeds):
        config: dict[str, object] = dict(spec.recipes[recipe] if recipe else {})
        engine = Engine(spec, config, train, seed, device, pick_precision("auto", device))
        torch.manual_seed(seed)
        plain = spec.build(engine.config)
        plain.prepare()
        loop = reference(plain.to(device), train, device)
        for _ in range(max(1, images // engine.config.batch)):
            engine.advance()
            next(loop)
        engine.read()
        for name, gan in (("engine", engine.gan), ("plain", plain)):
            given = gan.eval().draw(PARITY, seed, **asked(gan, train, PARITY, seed))
            found[name].append(frechet_distance(real, look(judge, to_uint8(gan.show(given))).feature))
            say(f"seed {seed}, {name}: {found[name][-1]:.3f}")
    return found


def noise(side: int, channels: int) -> Data:
    """As much to carry as a small data set, with nothing to learn."""
    n, generator = 10_000, torch.Generator().manual_seed(0)
    image = torch.randint(256, (n, channels, side, side), dtype=torch.uint8, generator=generator)
    captions = tuple((f"noise number {i % 10}",) for i in range(n))
    return Data("noise", "Noise", "", "", image, torch.arange(n) % 10, tuple("0123456789"), captions)


def speed(step: Callable[[], Any], batch: int, seconds: float) -> float:
    """Pictures a second over one turn."""
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        step()
        steps += 1
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return steps * batch / (time.perf_counter() - start)


class Pictures(Dataset[tuple[Tensor, int]]):
    """A data set as most code has it: PIL pictures, transformed one by one."""

    def __init__(self, pictures: Data) -> None:
        self.data = pictures
        self.transform = v2.Compose(
            [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5], [0.5])],
        )

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        return self.transform(to_pil(self.data.image[i])), int(self.data.label[i])


def reference(gan: GAN, pictures: Data, device: torch.device) -> Iterator[None]:
    """The loop that everybody writes, a step at a time: fp32, NCHW, a DataLoader with PIL transforms, a forward of G for
    each player, a pass of D for each kind, `.item()` every step."""
    c = gan.config
    gan.both = lambda net, real, fake, *given: (net(real, *given), net(fake, *given))  # type: ignore[method-assign]
    phases = gan.phases()
    optimisers = [
        torch.optim.Adam([w for n in p.nets for w in n.parameters()], lr=p.lr, betas=(c.beta1, c.beta2)) for p in phases
    ]
    step = 0
    if len(pictures) < c.batch:
        raise ValueError(f"batch: {c.batch} pictures a step are more than the {len(pictures)} of the data set")
    while True:
        for image, label in DataLoader(Pictures(pictures), c.batch, shuffle=True, drop_last=True):
            gan.on_step(step)
            batch = {"image": image.to(device), "label": label.to(device)}
            batch |= gan.draw(len(image), None, **{i.name: batch[i.name] for i in gan.inputs if i.name in batch})
            for phase, optimiser in zip(phases, optimisers, strict=True):
                gan.zero_grad()
                terms = phase.loss(dict(batch))
                torch.stack(list(terms.values())).sum().backward()
                optimiser.step()
                _ = [t.item() for t in terms.values()]
            step += 1
            yield


@torch.no_grad()
def best(work: Callable[[], Tensor], times: int = 8) -> float:
    """Seconds of the fastest of several calls, after a first one."""
    work()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def peak(device: torch.device) -> dict[str, float]:
    """The most arithmetic a second that this machine is seen to do, by kind and precision."""
    found = {}
    for precision in (torch.bfloat16, torch.float32):
        a = torch.randn(2048, 2048, device=device, dtype=precision)
        x = torch.randn(64, 128, 28, 28, device=device, dtype=precision).contiguous(memory_format=torch.channels_last)
        w = torch.randn(128, 128, 3, 3, device=device, dtype=precision).contiguous(memory_format=torch.channels_last)
        name = str(precision).removeprefix("torch.")
        found[f"matmul {name}"] = 2 * 2048**3 / best(partial(torch.matmul, a, a))
        work = 2 * 64 * 128 * 128 * 9 * 28 * 28
        found[f"conv3x3 {name}"] = work / best(partial(conv2d, x, w, padding=1))
    return found


def sampling(gan: GAN) -> dict[str, Any]:
    """{"images_per_s": of SAMPLED pictures at once, "first_image_ms": from asking for one to having it}; medians."""
    first = [elapsed(lambda: gan.sample(1)) for _ in range(9)]
    many = [elapsed(lambda: gan.sample(SAMPLED)) for _ in range(TURNS)]
    return {
        "images_per_s": round(SAMPLED / statistics.median(many)),
        "first_image_ms": round(1000 * statistics.median(first), 2),
    }


def elapsed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def memory(device: torch.device) -> float:
    """MB: the most that was allocated on a GPU, or held by this process, which holds both loops."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
