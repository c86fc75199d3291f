"""The engine: the only `backward()` and `step()` of a training. It plays any GAN's phases and names no model.

One step of the engine is one batch of real pictures and one of inputs. Each phase that is due gets both, returns named
loss terms, and moves its own networks on their sum. What a step does is a function of (seed, step): the order of the
data and torch's generator are set from them, so a training that was stopped goes on bit for bit.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from .. import remedies
from ..config import Config, configure, fields
from ..data.dataset import Data, Order, stream
from ..data.points import MIXTURES
from ..data.prefetch import Feed
from ..gan import GAN, Batch, Game, Phase, Terms, as_gan, inference_state, persistent_buffers
from ..images import to_uint8
from ..inputs import Text
from ..spec import Spec
from .distributed import Group
from .kernels import set_backend_flags, use_fast_cpu_layers

EXAMPLES = 64  # rows of the data among which a GAN that takes pictures finds its examples
FIXED = 64  # pictures whose inputs stay the same along training: the timeline


class Diverged(RuntimeError):
    """A loss term is no longer a finite number."""


def configure_for(spec: Spec, given: dict[str, object], data: Data) -> Config:
    """A model's Config with the knobs that are given, and what the data decide."""
    try:
        return configure(spec.config, given | {k: v for k, v in data.facts().items() if k in fields(spec.config)})
    except ValueError as error:
        if data.name not in MIXTURES or "side" not in str(error):
            raise
        raise ValueError(
            f"{data.name}: points of the plane, which {spec.name} cannot learn, as it takes pictures; vanilla can"
        ) from None


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
        initialise: Callable[[Game], None]
        | None = None,  # what is done to new networks; None where a state will be read over them
        images_before: int = 0,  # pictures that the networks had seen when the training began
        deterministic: bool = False,  # on a GPU: the same bits each time
        accumulate: int = 1,  # parts in which a batch is played, one after the other
    ) -> None:
        set_backend_flags(device, deterministic)
        torch.manual_seed(stream("init", seed))
        self.config = configure_for(spec, config, data)
        self.group = group or Group()
        game = spec.build(self.config)
        if not data.captions and isinstance(game, GAN) and any(isinstance(i, Text) for i in game.inputs):
            raise ValueError("the data set has no captions; a folder has them in metadata.jsonl, as `text`")
        if initialise:
            initialise(game)
        built = self.group.synchronise(game, device)
        self.game: Game = built.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        use_fast_cpu_layers(self.game, device)
        self.data, self.seed, self.device, self.precision = data, seed, device, precision
        self.order = Order(len(data), seed)
        self.feed = Feed(data, self.order, self.config.batch, self.group.shard, device)
        self.step, self.images_before = 0, images_before
        least = max(2, self.config.pack if isinstance(self.config, remedies.Config) else 1)  # batch norm needs two
        if not 1 <= accumulate <= self.config.batch // least:
            most = self.config.batch // least
            raise ValueError(f"accumulate: {accumulate} parts of a batch of {self.config.batch}; give 1 to {most}")
        self.accumulate = accumulate
        self.batch_share = 1.0  # of the batch that this process plays
        self.unread_terms: list[tuple[int, Terms]] = []  # terms of the steps since the last `mean_terms`, still on the device

        self.phases = self.game.phases()
        self.parameters = {p.name: [w for net in p.nets for w in net.parameters()] for p in self.phases}
        self.optimisers = {p.name: self.optimiser(p) for p in self.phases}
        self.game.eval()  # networks in no phase stay so: the batch norm of a frozen stage must not drift
        for phase in self.phases:
            for net in phase.nets:
                net.train()

        # The average of what draws; what only a training needs is not averaged.
        self.average = copy.deepcopy(self.game).eval().requires_grad_(False)
        for name in self.game.training_only:
            delattr(self.average, name)
        live, shadow = inference_state(self.game), inference_state(self.average)
        floats = [k for k in live if live[k].is_floating_point()]
        self._live, self._shadow = [live[k] for k in floats], [shadow[k] for k in floats]
        self._integers = [(shadow[k], live[k]) for k in live if k not in floats]
        self.fixed: Batch = {}  # the inputs of the snapshots
        if isinstance(self.game, GAN):
            if self.game.pictures:
                self.game.keep_examples(self.game.derive(data.batch(data.evenly_spaced(EXAMPLES), device)), data.name)
                self.update_integers()
            self.fixed = self.game.draw(FIXED, seed=0)
            self.snapshot()  # thrown away: through a recurrent net, a process's first pass may be off by bits

    def optimiser(self, phase: Phase) -> torch.optim.Optimizer:
        """Adam with the Config's betas, or RMSprop, over what a phase moves."""
        weights, lr = self.parameters[phase.name], phase.rate(0)
        if phase.optimizer == "rmsprop":
            return torch.optim.RMSprop(weights, lr=lr)
        betas = (self.config.beta1, self.config.beta2)
        return torch.optim.Adam(weights, lr=lr, betas=betas, fused=self.device.type in ("cpu", "cuda"))

    @property
    def images(self) -> int:
        """Real pictures seen so far."""
        return self.step * self.config.batch

    def advance(self) -> None:
        """Play one step."""
        self.seed_torch("step", self.seed, self.step)
        self.game.on_step(self.step)

        # Gather real pictures, and inputs for as many fake ones. A player that rests for some steps gets fresh inputs, not
        # those that its opponent has just moved on (Arjovsky et al. 2017, algorithm 1).
        rows = self.feed.at(self.step)
        if isinstance(self.game, GAN):
            rows = self.game.derive(rows)
        due = [p for p in self.phases if (self.step + 1) % p.every == 0]
        shared = self.with_inputs(rows)
        batches = {p.name: self.with_inputs(rows) if p.every > 1 else shared for p in due}
        self.batch_share = len(rows["image"]) / self.config.batch
        if self.group.size > 1:  # what the networks draw themselves (dropout) differs between ranks
            self.seed_torch("step", self.seed, self.step, self.group.rank)

        # Execute the phases that are due.
        logged: Terms = {}
        for phase in due:
            logged |= self.backward(phase, batches[phase.name])
            self.group.average_gradients(self.parameters[phase.name], self.batch_share)
            self.move(phase)

        if self.group.size > 1:
            self.group.sync_buffers(persistent_buffers(self.game), self.batch_share)
        self.unread_terms.append((self.step, logged))
        self.step += 1
        self.update_average()

    def seed_torch(self, *key: object) -> None:
        """Set torch's generator of this device. To set those of all takes a fifth of a small network's step: for GPUs that are
        not in use yet torch writes down who asked."""
        generator = torch.default_generator if self.device.type == "cpu" else torch
        generator.manual_seed(stream(*key))

    def with_inputs(self, rows: Batch) -> Batch:
        """Rows of the data, and inputs for as many fake pictures; what the data know (a label, a caption) they set."""
        if not isinstance(self.game, GAN):
            return dict(rows)
        known = {i.name: rows[i.name] for i in self.game.inputs if i.name in rows}
        drawn = self.game.draw(self.config.batch, None, **known)
        return rows | {k: v if k in known else self.group.shard(v) for k, v in drawn.items()}

    def backward(self, phase: Phase, batch: Batch) -> Terms:
        """Leave the gradients of a phase's loss in the weights that it moves -> its terms, detached.

        A batch that is played in parts is forgotten part by part, and what its fake pictures were drawn by, too: G draws them
        anew in its own phase. Gradients are those of the whole batch, but for what looks at a batch as a whole: batch norm, a
        deviation, packing see their part alone.
        """
        mean: Terms = {}
        for part, share in parts_of(batch, self.accumulate):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
                terms = phase.loss(part)
            loss = torch.stack(list(terms.values())).sum()
            torch.autograd.backward(loss if share == 1 else loss * share, inputs=self.parameters[phase.name])
            for name, value in ({k: v.detach() for k, v in terms.items()} | self.game.logs).items():
                mean[name] = value if share == 1 else mean.get(name, 0) + value * share
            self.game.logs = {}
        return mean

    def move(self, phase: Phase) -> None:
        """Step a phase's optimiser, at its learning rate of now."""
        optimiser = self.optimisers[phase.name]
        for weights in optimiser.param_groups:
            weights["lr"] = phase.rate(self.images)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if phase.after:
            with torch.no_grad():
                phase.after()

    @torch.no_grad()
    def update_average(self) -> None:
        """Move the averaged weights towards the live ones; early on faster, so that the first pictures do not linger."""
        half_life = min(self.config.ema, 0.05 * (self.images_before + self.images))
        torch._foreach_lerp_(self._shadow, self._live, 1 - 0.5 ** (self.config.batch / half_life) if half_life else 1.0)
        self.update_integers()

    def update_integers(self) -> None:
        """Integers are state (a counter, a picture), never averaged."""
        for shadow, live in self._integers:
            shadow.copy_(live)

    def mean_terms(self) -> dict[str, float]:
        """Mean of each loss term since the last call. Diverged names the first step and term that is not finite.

        The only place where the processor waits for the device.
        """
        values: dict[str, list[float]] = defaultdict(list)
        flat = [(step, name, value) for step, terms in self.unread_terms for name, value in terms.items()]
        self.unread_terms = []
        if not flat:
            return {}
        means = self.group.mean(torch.stack([v.float() for *_, v in flat]), self.batch_share)
        for (step, name, _), value in zip(flat, means.tolist(), strict=True):
            if value != value or abs(value) == float("inf"):
                raise Diverged(f"diverged at step {step}: {name} is {value}")
            values[name].append(value)
        return {name: sum(v) / len(v) for name, v in values.items()}

    def is_finite(self) -> bool:
        """Whether every weight, averaged or not, is a finite number."""
        return all(bool(t.isfinite().all()) for t in [*self.game.parameters(), *self._shadow])

    def snapshot(self) -> Tensor:
        """The averaged networks' pictures of the fixed inputs -> uint8 (FIXED, C, S, S)."""
        return to_uint8(as_gan(self.average).show(self.fixed))


def parts_of(batch: Batch, n: int) -> Iterator[tuple[Batch, float]]:
    """A batch in n parts, each with its share of it. One part is the batch itself, which keeps what the phases put into it."""
    if n == 1:
        yield batch, 1.0
        return
    rows = {k: v.tensor_split(n) for k, v in batch.items()}
    for i in range(n):
        part = {k: v[i] for k, v in rows.items()}
        yield part, len(part["image"]) / len(batch["image"])
