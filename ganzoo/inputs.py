"""What a generator is fed. Each input knows its prior (training) and how to read a person's value (sampling).

Declared once per model, as `GAN.inputs`; the trainer draws from it, the command line reads `--set` with it, and the app
chooses a control by its type. A seed names one picture: picture *i* of a request with seed *s* is drawn from a CPU
generator seeded with *s + i*, so it does not depend on how many are asked for, on the device, or on the inputs given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from .text import caption

SEEDS = 2**32  # seeds are 0 .. SEEDS - 1
OFFERS = 6  # captions that a visitor is offered
EPSILON = "epsilon"  # the noise that blurs a caption (conditioning augmentation), where a model has it


@dataclass(frozen=True)
class Input:
    """One named input of a generator."""

    name: str

    def prior(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        """n independent draws, as the generator is fed while it trains."""
        raise NotImplementedError

    def read(self, value: Any, n: int) -> Tensor:
        """A person's value, for all n pictures or one for each -> tensor with n rows. ValueError if it cannot be."""
        raise NotImplementedError

    def _each(self, value: Any, n: int) -> list[Any]:
        values = list(value) if isinstance(value, Sequence | range) and not isinstance(value, str) else [value] * n
        if len(values) != n:
            raise ValueError(f"{self.name}: {len(values)} values for {n} pictures; give one value, or {n}")
        return values


@dataclass(frozen=True)
class Noise(Input):
    """z (n, dim): independent normal(0, 1) or uniform(-1, 1) numbers."""

    dim: int
    distribution: Literal["normal", "uniform"] = "normal"

    def prior(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        if self.distribution == "normal":
            return torch.randn(n, self.dim, generator=generator, device=device)
        return torch.rand(n, self.dim, generator=generator, device=device) * 2 - 1

    def read(self, value: Any, n: int) -> Tensor:
        try:
            z = torch.as_tensor(value, dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError):
            raise ValueError(f"{self.name}: expected {self.dim} numbers, or {n} rows of them") from None
        if not z.ndim:  # one for all
            z = z.expand(self.dim)
        if z.shape not in ((self.dim,), (n, self.dim)) or not z.isfinite().all():
            raise ValueError(f"{self.name}: got shape {tuple(z.shape)}; give ({self.dim},) or ({n}, {self.dim}) finite numbers")
        return z.expand(n, self.dim)

    def between(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        """a, b (dim,), t (n,) in [0, 1] -> (n, dim): a path that stays where the prior puts its mass.

        Normal noise lives on a shell, so its path is an arc (slerp; White 2016, arXiv 1609.04468, section 2.1); uniform
        noise fills a cube, which is convex, so its path is a line.
        """
        t = t[:, None]
        if self.distribution == "uniform":
            return a + (b - a) * t
        omega = torch.acos(torch.cosine_similarity(a, b, dim=0).clamp(-1, 1)).clamp_min(1e-4)
        return (torch.sin((1 - t) * omega) * a + torch.sin(t * omega) * b) / torch.sin(omega)


@dataclass(frozen=True)
class Choice(Input):
    """label (n,) int64: one of the named options, given by its name or its number."""

    options: tuple[str, ...]

    def prior(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        return torch.randint(len(self.options), (n,), generator=generator, device=device)

    def read(self, value: Any, n: int) -> Tensor:
        return torch.tensor([self._index(v) for v in self._each(value, n)])

    def _index(self, value: Any) -> int:
        names = [o.casefold() for o in self.options]
        if isinstance(value, str) and value.strip().casefold() in names:
            return names.index(value.strip().casefold())
        if not isinstance(value, bool) and str(value).strip() in map(str, range(len(names))):
            return int(value)
        raise ValueError(f"{self.name}: {str(value)[:40]!r} is not one of {', '.join(self.options)}")


@dataclass(frozen=True)
class Code(Input):
    """c (n,): a number that is uniform in [low, high], whose meaning the model finds (InfoGAN)."""

    low: float = -1.0
    high: float = 1.0

    def prior(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        return torch.rand(n, generator=generator, device=device) * (self.high - self.low) + self.low

    def read(self, value: Any, n: int) -> Tensor:
        return torch.tensor([self._number(v) for v in self._each(value, n)], dtype=torch.float32)

    def _number(self, value: Any) -> float:
        try:
            number = float("nan") if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = float("nan")
        if not self.low <= number <= self.high:
            raise ValueError(f"{self.name}: {str(value)[:40]!r} is not a number from {self.low:g} to {self.high:g}")
        return number


@dataclass(frozen=True)
class Text(Input):
    """text (n, T) int64: a caption, as its code points (see `text.caption`); the model's encoder cuts it into words.

    `examples` are what is drawn where nothing is said.
    """

    examples: tuple[str, ...]
    length: int = caption.LENGTH  # characters at most
    styles: tuple[str, ...] = ()  # manners that a caption may ask for, see `caption.styled`
    offers: tuple[tuple[str, str], ...] = ()  # captions to try, each with the same after a change of one word

    @property
    def offered(self) -> tuple[tuple[str, str], ...]:
        """Captions to try; examples, where there are no better ones. At least one pair."""
        some = self.examples[:OFFERS]
        return self.offers or tuple(zip(some, some[1:] + some[:1], strict=True))

    def prior(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        index = torch.randint(len(self.examples), (n,), generator=generator)
        return caption.write([self.examples[i] for i in index.tolist()], self.length).to(device)

    def read(self, value: Any, n: int) -> Tensor:
        return caption.write([self.line(v) for v in self._each(value, n)], self.length)

    def line(self, value: Any) -> str:
        """A caption as it is read, in one line. ValueError if it is none, or too long."""
        if not isinstance(value, str):
            raise ValueError(f"{self.name}: {str(value)[:40]!r} is no text; give words, such as {self.examples[0]!r}")
        line = caption.clean(value[: 10 * self.length])
        if not line or len(line) > self.length:
            raise ValueError(f"{self.name}: {len(line)} characters; give 1 to {self.length}, such as {self.examples[0]!r}")
        return line


def draw(inputs: tuple[Input, ...], n: int, seed: int, **given: Any) -> dict[str, Tensor]:
    """Inputs for n pictures by name: what is given, and seeded draws from the priors for the rest.

    Every input is drawn, also those that are given, so that fixing one never changes another.
    """
    names = [i.name for i in inputs]
    if unknown := sorted(set(given) - set(names)):
        raise ValueError(f"no input {', '.join(unknown)!s}: this model takes {', '.join(names)}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < SEEDS:
        raise ValueError(f"seed: {seed!r} is not a whole number from 0 to {SEEDS - 1}")
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"n: {n!r} is not a whole number of pictures, at least 1")
    generator = torch.Generator()
    rows = []
    for i in range(n):
        generator.manual_seed((seed + i) % SEEDS)
        rows.append([x.prior(1, generator) for x in inputs])
    drawn = {x.name: torch.cat([row[k] for row in rows]) for k, x in enumerate(inputs)}
    return drawn | {x.name: x.read(given[x.name], n) for x in inputs if x.name in given}


def blurred(batch: dict[str, Tensor], times: float) -> dict[str, Tensor]:
    """A batch with so many times the noise that blurs its captions, if it has any."""
    return batch | {EPSILON: batch[EPSILON] * times} if EPSILON in batch else batch
