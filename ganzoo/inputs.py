"""What a generator is fed. Each input knows its prior (training) and how to read a person's value (sampling).

Declared once per model, as `GAN.inputs`; the trainer draws from it, the command line reads `--set` with it, and the app
chooses a control by its type. A seed names one picture: picture *i* of a request with seed *s* is drawn from a CPU
generator seeded with *s + i*, so it does not depend on how many are asked for, on the device, or on the inputs given.
"""

from __future__ import annotations

import json
import operator
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import numpy
import torch
from PIL import Image
from torch import Tensor

from .images import flat, from_pil, from_uint8, square
from .text import caption

SEEDS = 2**32  # seeds are 0 .. SEEDS - 1
MAX_SUGGESTIONS = 6  # captions that a visitor is shown to try
EPSILON = "epsilon"  # the noise of conditioning augmentation, where a model has it


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

    def parse(self, text: str) -> Any:
        """What a person typed, as `read` takes it: JSON, or a text."""
        return _from_json(text)

    def _each(self, value: Any, n: int) -> list[Any]:
        value = value.tolist() if isinstance(value, Tensor | numpy.ndarray | numpy.generic) else value
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
    """label (n,) int64: one of the named options, given by its name or, where no option is named so, by its number from 0.

    Options may themselves be numbers (folders 1, 2, 10; 1.1 and 1.10) or differ in case alone (A, a), so a name is always tried
    first: as it is, then without case, then as the number that it is (1 for 001).
    """

    options: tuple[str, ...]

    def prior(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        return torch.randint(len(self.options), (n,), generator=generator, device=device)

    def read(self, value: Any, n: int) -> Tensor:
        return torch.tensor([self._index(v) for v in self._each(value, n)])

    def parse(self, text: str) -> Any:
        """As any input's, but a class that is called [1] or "a" is meant by that, and 1.10 is not 1.1."""
        return text if text in self.options else _from_json(text, parse_float=str, parse_int=str)

    def _index(self, value: Any) -> int:
        # A command line and a link read JSON: a class that is called true or null comes as True or None.
        text = (json.dumps(value) if value is None or isinstance(value, bool) else str(value)).strip()
        number = _number(text)
        equal = [i for i, o in enumerate(self.options) if number is not None and _number(o.strip()) == number]
        if text in self.options and not (isinstance(value, float) and len(equal) > 1):  # JSON keeps 1.1 of 1.10
            return self.options.index(text)
        composed, folded = ([f(o) for o in self.options] for f in (_composed, lambda o: _composed(o).casefold()))
        alike = [i for i, o in enumerate(composed) if o == _composed(text)]
        alike = alike or [i for i, o in enumerate(folded) if o == _composed(text).casefold()]
        meant = equal if isinstance(value, float) else alike or equal
        if len(meant) == 1:
            return meant[0]
        if meant:
            raise ValueError(
                f"{self.name}: {text[:40]!r} may be {' or '.join(self.options[i] for i in meant)}; give one as it is"
            )
        if not isinstance(value, bool | float) and text in map(str, range(len(self.options))):
            return int(text)
        raise ValueError(f"{self.name}: {text[:40]!r} is not one of {', '.join(self.options)}")


def _composed(text: str) -> str:
    """A name as it is compared: an accent is composed on one machine, and a sign of its own on another."""
    return unicodedata.normalize("NFC", text.strip())


def _number(text: str) -> Decimal | None:
    """The number that a text is, such as 1.50, 002 or 1e3, or None."""
    return Decimal(text) if re.fullmatch(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?", text) else None


def _from_json(text: str, **numbers: Any) -> Any:
    """JSON, or, of what is none, the text itself."""
    try:
        return json.loads(text, **numbers)
    except (ValueError, RecursionError):
        return text


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
    """text (n, T) int64: a caption, as its code points (see `text.caption`); the model's encoder tokenises it.

    `examples` are the prior: captions that are drawn where none is given.
    """

    examples: tuple[str, ...]
    length: int = caption.LENGTH  # characters at most
    styles: tuple[str, ...] = ()  # drawing styles that a caption may ask for, see `caption.styled`
    offers: tuple[tuple[str, str], ...] = ()  # captions to try, each with the same after a change of one word

    @property
    def suggestions(self) -> tuple[tuple[str, str], ...]:
        """Captions to try; examples, where there are no better ones. At least one pair."""
        some = self.examples[:MAX_SUGGESTIONS]
        return self.offers or tuple(zip(some, some[1:] + some[:1], strict=True))

    def prior(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        index = torch.randint(len(self.examples), (n,), generator=generator)
        return caption.write([self.examples[i] for i in index.tolist()], self.length).to(device)

    def read(self, value: Any, n: int) -> Tensor:
        return caption.write([self.line(v) for v in self._each(value, n)], self.length)

    def parse(self, text: str) -> Any:
        """A caption; a list of them, or one in quotes, as JSON. 7 and true are words."""
        value = _from_json(text)
        return value if isinstance(value, str | list) else text

    def line(self, value: Any) -> str:
        """A caption as it is read, in one line. ValueError if it is none, or too long."""
        if not isinstance(value, str):
            raise ValueError(f"{self.name}: {str(value)[:40]!r} is no text; give words, such as {self.examples[0]!r}")
        line = caption.clean(value[: 10 * self.length])
        if not line or len(line) > self.length:
            raise ValueError(f"{self.name}: {len(line)} characters; give 1 to {self.length}, such as {self.examples[0]!r}")
        return line


@dataclass(frozen=True)
class Picture(Input):
    """source (n, C, S, S) in [-1, 1]: a picture that is made into another.

    Its prior is one of a few examples that the model keeps in a buffer, by number, so that a seed names a picture here too. A
    person gives pixels, or an example's number; never a path.
    """

    side: int
    channels: int = 3
    examples: int = 16
    any_size: bool = False  # whether a person's picture is taken as large as it is, and not cut and brought to the side

    @property
    def buffer(self) -> str:
        """The name of the model's buffer of examples."""
        return f"{self.name}_examples"

    def blank(self) -> Tensor:
        """That buffer before it is filled: uint8 (examples, C, S, S)."""
        return torch.zeros(self.examples, self.channels, self.side, self.side, dtype=torch.uint8)

    def prior(self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu") -> Tensor:
        return torch.randint(self.examples, (n,), generator=generator, device=device)

    def read(self, value: Any, n: int) -> Tensor:
        if whole(value) is not None or isinstance(value, list | tuple | range):
            numbers = [whole(v) for v in self._each(value, n)]
            if all(v is not None and 0 <= v < self.examples for v in numbers):
                return torch.tensor(numbers)
            raise ValueError(f"{self.name}: {str(value)[:40]} is no example; give 0 to {self.examples - 1}, or a picture")
        return self._pixels(value).expand(n, -1, -1, -1)

    def _pixels(self, value: Any) -> Tensor:
        """A PIL picture, a numpy array (H, W) or (H, W, C) of bytes, or a tensor (C, S, S) or (n, C, S, S): uint8, or floats in
        [-1, 1] -> (1 or n, C, S, S); of any size (C, H, W), where that is allowed."""
        if isinstance(value, numpy.ndarray) and value.dtype == numpy.uint8 and value.ndim in (2, 3):
            value = Image.fromarray(value[..., 0] if value.ndim == 3 and value.shape[2] == 1 else value)
        if isinstance(value, Image.Image):
            shown = flat(value) if self.any_size else square(value, self.side)
            value = from_pil(shown.convert("L" if self.channels == 1 else "RGB"))
        shape = (self.channels, *(value.shape[-2:] if self.any_size and isinstance(value, Tensor) else (self.side,) * 2))
        if not isinstance(value, Tensor) or value.shape[-3:] != shape or value.ndim not in (3, 4) or not value.numel():
            given = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"{str(value)[:40]!r}"
            wanted = f"({self.channels}, H, W)" if self.any_size else shape
            raise ValueError(f"{self.name}: got {given}; give a picture, or a tensor {wanted} of bytes or of floats in [-1, 1]")
        pixels = from_uint8(value) if value.dtype == torch.uint8 else value.float()
        if not (pixels.isfinite().all() and pixels.abs().amax() <= 1):
            raise ValueError(f"{self.name}: its numbers are not in [-1, 1]")
        return pixels.view(-1, *shape)

    def pictures(self, drawn: Tensor, kept: Tensor) -> Tensor:
        """What was drawn or read, numbers of `kept` examples (n,) or pixels -> pixels (n, C, S, S)."""
        return from_uint8(kept[drawn]) if drawn.ndim == 1 else drawn


def whole(value: Any) -> int | None:
    """A whole number of Python, NumPy or torch; None if it is none: True and 3.0 are not."""
    if isinstance(value, bool) or (isinstance(value, Tensor) and value.dtype == torch.bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def draw(inputs: tuple[Input, ...], n: int, seed: int, **given: Any) -> dict[str, Tensor]:
    """Inputs for n pictures by name: what is given, and seeded draws from the priors for the rest.

    Every input is drawn, also those that are given, so that fixing one never changes another.
    """
    names = [i.name for i in inputs]
    if unknown := sorted(set(given) - set(names)):
        raise ValueError(f"no input {', '.join(unknown)!s}: this model takes {', '.join(names)}")
    first, count = whole(seed), whole(n)
    if first is None or not 0 <= first < SEEDS:
        raise ValueError(f"seed: {seed!r} is not a whole number from 0 to {SEEDS - 1}")
    if count is None or count < 1:
        raise ValueError(f"n: {n!r} is not a whole number of pictures, at least 1")
    n, seed = count, first
    generator = torch.Generator()
    rows = []
    for i in range(n):
        generator.manual_seed((seed + i) % SEEDS)
        rows.append([x.prior(1, generator) for x in inputs])
    drawn = {x.name: torch.cat([row[k] for row in rows]) for k, x in enumerate(inputs)}
    return drawn | {x.name: x.read(given[x.name], n) for x in inputs if x.name in given}


def scale_epsilon(batch: dict[str, Tensor], factor: float) -> dict[str, Tensor]:
    """A batch with the noise of its conditioning augmentation times a factor, if it has any."""
    return batch | {EPSILON: batch[EPSILON] * factor} if EPSILON in batch else batch
