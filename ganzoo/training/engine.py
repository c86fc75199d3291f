"""The engine: the only place with `backward()` and `step()`. It plays any GAN's phases and names no model.

One step of the engine is one batch of real pictures and one of inputs. Each phase that is due gets both, returns named
loss terms, and moves its own networks on their sum. What a step does is a function of (seed, step): the order of the
data and torch's generator are set from them, so a training that was stopped goes on bit for bit.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable
from operator import methodcaller

import torch
from torch import Tensor

from ..data import Data, Order, stream
from ..data.feed import Feed
from ..gan import GAN, Terms
from ..images import to_uint8
from ..inputs import Text
from ..spec import Spec, configure, fields
from .distributed import Group
from .kernels import bf16_is_faster, hasten, settle

FIXED = 64  # pictures whose inputs stay the same along training: the timeline


class Diverged(RuntimeError):
    """A loss term is no longer a finite number."""


def pick_device(name: str) -> torch.device:
    """auto, cpu, cuda, cuda:1 or mps -> the device; auto takes this rank's GPU. ValueError if this machine has none such."""
    if name == "auto":
        return torch.device(f"cuda:{Group().local_rank}" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device: {name!r} cannot be used here ({str(error).splitlines()[0][:80]}); try auto or cpu") from None
    return device


def pick_precision(name: str, device: torch.device) -> str:
    """auto, bf16 or fp32 -> bf16 or fp32; auto takes bf16 where the processor is faster in it."""
    if name not in ("auto", "bf16", "fp32"):
        raise ValueError(f"precision: {name!r} is not one of auto, bf16, fp32")
    if name != "auto":
        return name
    fast = torch.cuda.is_bf16_supported() if device.type == "cuda" else bf16_is_faster()
    return "bf16" if fast else "fp32"


class Engine:
    """A game in progress: the networks, their averages, the optimisers, the data and the step."""

    def __init__(
        self,
        spec: Spec,
        config: dict[str, object],
        data: Data,
        seed: int,
        device: torch.device,
        precision: str,
        group: Group | None = None,
        begin: Callable[[GAN], None] | None = methodcaller("prepare"),  # None: a state will be read over it
        before: int = 0,  # pictures that the networks had seen when the training began
        deterministic: bool = False,  # on a GPU: the same bits each time
    ) -> None:
        settle(device, deterministic)
        torch.manual_seed(stream("init", seed))
        facts = {k: v for k, v in data.facts().items() if k in fields(spec.config)}
        self.config = configure(spec.config, config | facts)
        self.group = group or Group()
        gan = spec.build(self.config)
        if not data.captions and any(isinstance(i, Text) for i in gan.inputs):
            raise ValueError("the data set has no captions; a folder has them in metadata.jsonl, as `text`")
        if begin:
            begin(gan)
        built = self.group.synchronise(gan, device)
        self.gan: GAN = built.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        hasten(self.gan, device)
        self.data, self.seed, self.device, self.precision = data, seed, device, precision
        self.order = Order(len(data), seed)
        self.feed = Feed(data, self.order, self.config.batch, self.group.share, device)
        self.step, self.before = 0, before
        self.share = 1.0  # of the batch that this process plays
        self.pending: list[tuple[int, Terms]] = []  # terms of the steps since the last `read`, still on the device

        self.phases = self.gan.phases()
        self.parameters = {p.name: [w for net in p.nets for w in net.parameters()] for p in self.phases}
        betas = (self.config.beta1, self.config.beta2)
        self.optimisers = {
            p.name: torch.optim.Adam(self.parameters[p.name], lr=p.lr, betas=betas, fused=device.type in ("cpu", "cuda"))
            for p in self.phases
        }
        self.gan.eval()  # networks in no phase stay so: the batch norm of a frozen stage must not drift
        for phase in self.phases:
            for net in phase.nets:
                net.train()

        # The average of what draws; the opponents are not averaged.
        self.average = copy.deepcopy(self.gan).eval().requires_grad_(False)
        for name in self.gan.opponents:
            delattr(self.average, name)
        live, shadow = drawing(self.gan), drawing(self.average)
        floats = [k for k in live if live[k].is_floating_point()]
        self._live, self._shadow = [live[k] for k in floats], [shadow[k] for k in floats]
        self._counts = [(shadow[k], live[k]) for k in live if k not in floats]
        self.fixed = self.gan.draw(FIXED, seed=0) if self.gan.inputs else {}
        if self.fixed:
            self.snapshot()  # for nobody: through a recurrent net, a process's first pass may be off by bits

    @property
    def images(self) -> int:
        """Real pictures seen so far."""
        return self.step * self.config.batch

    def advance(self) -> None:
        """Play one step."""
        torch.manual_seed(stream("step", self.seed, self.step))
        self.gan.on_step(self.step)

        # Gather real pictures, and inputs for as many fake ones; what the data know (a label, a caption) they set.
        batch = self.feed.at(self.step)
        known = {i.name: batch[i.name] for i in self.gan.inputs if i.name in batch}
        drawn = self.gan.draw(self.config.batch, None, **known)
        batch |= {k: v if k in known else self.group.share(v) for k, v in drawn.items()}
        self.share = len(batch["image"]) / self.config.batch
        if self.group.size > 1:  # what the networks draw themselves (dropout) differs between ranks
            torch.manual_seed(stream("step", self.seed, self.step, self.group.rank))

        # Execute the phases that are due.
        terms: Terms = {}
        for phase in self.phases:
            if (self.step + 1) % phase.every:
                continue
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
                moved = phase.loss(batch)
            loss = torch.stack(list(moved.values())).sum()
            torch.autograd.backward(loss, inputs=self.parameters[phase.name])
            self.group.average(self.parameters[phase.name], self.share)
            self.optimisers[phase.name].step()
            self.optimisers[phase.name].zero_grad(set_to_none=True)
            terms |= {k: v.detach() for k, v in moved.items()} | self.gan.watched
            self.gan.watched = {}

        self.pending.append((self.step, terms))
        self.step += 1
        self.update_average()

    @torch.no_grad()
    def update_average(self) -> None:
        """Move the averaged weights towards the live ones; early on faster, so that the first pictures do not linger."""
        half_life = min(self.config.ema, 0.05 * (self.before + self.images))
        torch._foreach_lerp_(self._shadow, self._live, 1 - 0.5 ** (self.config.batch / half_life) if half_life else 1.0)
        for shadow, live in self._counts:
            shadow.copy_(live)

    def read(self) -> dict[str, float]:
        """Mean of each loss term since the last call. Diverged names the first step and term that is not finite.

        The only place where the processor waits for the device.
        """
        values: dict[str, list[float]] = defaultdict(list)
        flat = [(step, name, value) for step, terms in self.pending for name, value in terms.items()]
        self.pending = []
        if not flat:
            return {}
        means = self.group.mean(torch.stack([v.float() for *_, v in flat]), self.share)
        for (step, name, _), value in zip(flat, means.tolist(), strict=True):
            if value != value or abs(value) == float("inf"):
                raise Diverged(f"diverged at step {step}: {name} is {value}")
            values[name].append(value)
        return {name: sum(v) / len(v) for name, v in values.items()}

    def is_finite(self) -> bool:
        """Whether every weight, averaged or not, is a finite number."""
        return all(bool(t.isfinite().all()) for t in [*self.gan.parameters(), *self._shadow])

    def snapshot(self) -> Tensor:
        """The averaged networks' pictures of the fixed inputs -> uint8 (FIXED, C, S, S)."""
        return to_uint8(self.average.show(self.fixed))


def drawing(gan: GAN) -> dict[str, Tensor]:
    """The weights and buffers that `forward` uses, by name."""
    return {k: v for k, v in gan.state_dict().items() if k.split(".")[0] not in gan.opponents}


def opposing(gan: GAN) -> dict[str, Tensor]:
    """The weights and buffers of the opponents, by name."""
    return {k: v for k, v in gan.state_dict().items() if k.split(".")[0] in gan.opponents}
