"""The contract between a model and everything else: Game, GAN, Phase, Batch, Terms.

A model is networks, the inputs that they are fed, and methods that return *named loss terms* for a batch. It has no
optimiser, no loop and no file: `training/engine.py` plays the game, `sample` shows the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeVar

import torch
from torch import Tensor, nn

from . import inputs
from .config import Config
from .images import to_uint8
from .inputs import Code, Input, Noise, Picture
from .losses import Loss, r1

Batch = dict[str, Tensor]  # "image" (B, C, S, S) float in [-1, 1]; "label" (B,) int; the inputs by name; ...
Terms = dict[str, Tensor]  # named scalar terms; the engine sums, differentiates and logs them
G = TypeVar("G", bound="Game")

CHUNK = 64  # pictures of 64 pixels a forward pass in `sample`, of larger ones fewer: bounds the memory of a large request


@dataclass(frozen=True)
class Phase:
    """Who moves, on what loss, how fast and how often, and what happens after each move.

    A phase owns its loss, not its batch: it must work on a batch that no other phase has seen. every: it moves on each n-th
    step (a step is then a critic's), on inputs of its own. after: in no graph; WGAN clips its critic there.
    """

    name: str
    nets: tuple[nn.Module, ...]
    loss: Callable[[Batch], Terms]
    lr: float | Callable[[int], float]  # a number, or a function of the real pictures seen so far
    every: int = 1
    after: Callable[[], None] | None = None
    optimizer: Literal["adam", "rmsprop"] = "adam"

    def rate(self, images: int) -> float:
        """The learning rate once so many real pictures have been seen."""
        return self.lr(images) if callable(self.lr) else self.lr


class HubBackend(Protocol):
    """What `ganzoo/__init__.py` plugs into `Game.hub`: the Hub's dialect, which is in a layer above this one."""

    @property
    def from_pretrained(self) -> Callable[..., Any]: ...

    @property
    def save_pretrained(self) -> Callable[..., str | None]: ...

    @property
    def push_to_hub(self) -> Callable[..., str]: ...


class Game(nn.Module):
    """Networks, and phases that say who moves on which loss. Judges and encoders are games of one phase; a GAN also draws."""

    training_only: tuple[str, ...] = ()  # the networks that `forward` does not use
    checkpoint: Any = None  # the checkpoint.folder.Checkpoint that it was loaded from
    hub: ClassVar[HubBackend]

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.step = 0
        self.logs: Terms = {}  # what a loss wants logged but not minimised; the engine reads it after each phase

    def phases(self) -> list[Phase]:
        """The players in the order of their moves."""
        raise NotImplementedError

    def prepare(self, find: Callable[[str], Game]) -> None:
        """Called once, when a training begins: take what it starts from, such as a caption encoder or an earlier stage.

        find: the trained model of a checkpoint's or a run's name; ValueError if there is none."""

    def on_step(self, step: int) -> None:
        """Called before each step: a progressive GAN grows here."""
        self.step = step

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    # ---- The Hub's dialect: `ganzoo.hub.pretrained` has the arguments --------------------------------------------

    @classmethod
    def from_pretrained(cls: type[G], pretrained_model_name_or_path: str | Path, **options: Any) -> G:
        """The trained model of a folder, of USER/REPO on the Hub, or of a checkpoint's name; always strictly. ValueError if it
        cannot be had, does not fit, or is another model than the class that is asked."""
        game: G = cls.hub.from_pretrained(cls, pretrained_model_name_or_path, **options)
        return game

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> str | None:
        """Write a checkpoint folder: networks, config.json, card, preview; with push_to_hub=True, upload it too."""
        return self.hub.save_pretrained(self, save_directory, **options)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Upload the model as `python -m ganzoo push` does, in one commit -> the address of the commit."""
        return self.hub.push_to_hub(self, repo_id, **options)


class GAN(Game):
    """The base of every model that draws. It sets `inputs`, builds its networks, and says what each player minimises."""

    inputs: tuple[Input, ...] = ()
    training_only: tuple[str, ...] = ("D",)
    unconditional_d = False  # D is shown pictures alone, though G is fed a condition
    loss: Loss

    G: nn.Module
    D: nn.Module

    # ---- The game: what a model defines --------------------------------------------------------------------------

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by name -> images (n, C, S, S) in [-1, 1]. Deterministic: all randomness is in the inputs."""
        raise NotImplementedError

    def derive(self, batch: Batch) -> Batch:
        """What is made of a batch of the data before it is played: a small copy, outlines, a mask, by the names of inputs.

        Called once a step by the engine, and once by the measures."""
        return batch

    def stages(self, **inputs: Tensor) -> list[Tensor]:
        """The picture of each stage, where a model draws in several; the last one is `forward`'s."""
        return [self(**inputs)]

    def d_loss(self, batch: Batch) -> Terms:
        """What D minimises."""
        raise NotImplementedError

    def g_loss(self, batch: Batch) -> Terms:
        """What G minimises."""
        raise NotImplementedError

    def infer(self, image: Tensor) -> Batch:
        """What the model reads of its inputs in pictures (n, C, S, S): a Choice's logits (n, K), a Code's numbers (n,).

        Empty where it reads none.
        """
        return {}

    def d_logit(self, image: Tensor, given: Batch) -> Tensor | None:
        """D's logits (n,) of pictures (n, C, S, S) and the inputs that they were drawn from, as its training shows them to D.

        None where D is not asked about one picture by itself, or where a model with a condition does not say how."""
        if not (self.unconditional_d or all(isinstance(x, Noise | Code) for x in self.inputs)):
            return None
        logit: Tensor = self.D(image)
        return logit

    def phases(self) -> list[Phase]:
        """D, then G, once a batch. Override for critics, Q heads and stages."""
        return [
            Phase("D", (self.D,), self.d_loss, lr=self.config.lr_d),
            Phase("G", (self.G,), self.g_loss, lr=self.config.lr_g),
        ]

    # ---- What a loss may ask for ---------------------------------------------------------------------------------

    def fake(self, batch: Batch) -> Tensor:
        """The pictures for this batch's inputs, drawn once and shared by the players of a step.

        Exact: G does not move between D's turn and its own, so both would draw the same pictures from the same inputs.
        """
        if "fake" not in batch:
            batch["fake"] = self(**{i.name: batch[i.name] for i in self.inputs})
        return batch["fake"]

    def both(self, net: Callable[..., Tensor], real: Tensor, fake: Tensor, *given: Tensor) -> tuple[Tensor, Tensor]:
        """What a part of D makes of real and of fake pictures, each with what is `given` beside them: in one pass, unless
        batch norm would mix their statistics."""
        if any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in self.D.modules()):
            return net(real, *given), net(fake, *given)
        pair = torch.cat([real, fake.to(real.dtype)])
        of_real, of_fake = net(pair, *(torch.cat([x, x]) for x in given)).split([len(real), len(fake)])
        return of_real, of_fake

    def d_terms(self, real_logit: Tensor, fake_logit: Tensor) -> Terms:
        """D's two terms of `loss`, and logs how it may be read (`log_reading`)."""
        self.log_reading(real_logit.detach(), fake_logit.detach())
        return {"d_real": self.loss.real(real_logit), "d_fake": self.loss.fake(fake_logit)}

    def log_reading(self, real_logit: Tensor, fake_logit: Tensor) -> None:
        """Log what D knows, as its loss lets it be read: the share of each kind that it gets right, by its loss's threshold
        or, where only differences count, by the middle of the batch; a critic's gap, its estimate of the distance."""
        if self.loss.is_critic:
            self.logs["critic_gap"] = (real_logit.mean() - fake_logit.mean()).float()
            return
        middle = self.loss.threshold if self.loss.threshold is not None else (real_logit.mean() + fake_logit.mean()) / 2
        self.logs["d_real_right"] = (real_logit > middle).float().mean()
        self.logs["d_fake_right"] = (fake_logit < middle).float().mean()

    def lazy_r1(self, weight: float, every: int, real: Tensor, *given: Tensor, term: str = "d_r1") -> Terms:
        """The R1 penalty every so many steps, weighed for all of them (Karras et al. 2019, arXiv 1912.04958, section 3.1); of
        drawn pictures it is R2, and another term."""
        if not weight or self.step % every:
            return {}
        image = real.detach().requires_grad_()
        return {term: weight * every * r1(self.D(image, *given), image)}

    # ---- Using a trained one -------------------------------------------------------------------------------------

    def draw(self, n: int, seed: int | None = None, **given: Any) -> Batch:
        """Inputs for n pictures: what is given, and the prior for the rest.

        With a seed, given values are read as a person's (see `inputs.draw`, which raises ValueError); without, they are
        tensors of the batch, and the rest comes from torch's own generator on the networks' device.
        """
        if seed is None:
            drawn = {i.name: i.prior(n, device=self.device) for i in self.inputs if i.name not in given} | given
        else:
            drawn = {k: v.to(self.device) for k, v in inputs.draw(self.inputs, n, seed, **given).items()}
        return drawn | {x.name: x.pictures(drawn[x.name], self.examples(x)) for x in self.pictures}

    @property
    def pictures(self) -> list[Picture]:
        """The inputs that are pictures."""
        return [x for x in self.inputs if isinstance(x, Picture)]

    def examples(self, x: Picture) -> Tensor:
        """The examples that are kept of an input: uint8 (k, C, S, S). A model that takes pictures registers them as a buffer,
        `self.register_buffer(x.buffer, x.blank())`."""
        kept: Tensor = getattr(self, x.buffer)
        return kept

    def keep_examples(self, rows: Batch, data_name: str) -> None:
        """Keep the pictures of these rows of the data as examples, which seeds choose among. ValueError if they lack it or have
        another size."""
        for x in self.pictures:
            if x.name not in rows:
                have = ", ".join(sorted(rows.keys() - {"image"}))
                raise ValueError(f"{x.name}: the data set {data_name!r} has no such pictures beside its own (it has {have})")
            kept, wanted = to_uint8(rows[x.name]), self.examples(x).shape[1:]
            if kept.shape[1:] != wanted:
                has, needs = tuple(kept.shape[1:]), tuple(wanted)
                raise ValueError(f"{x.name}: the data set {data_name!r} has them of shape {has}, not {needs}")
            self.examples(x).copy_(kept[torch.arange(x.examples, device=kept.device) % len(kept)])

    @property
    def at_once(self) -> int:
        """Pictures a forward pass in `show`."""
        return max(1, CHUNK * 64**2 // max(64, self.config.side) ** 2)

    def show(self, given: Batch) -> Tensor:
        """Images of the inputs, in chunks, in eval mode -> float32 (n, C, S, S) in [-1, 1] on the CPU."""
        return self.show_stages(given)[-1]

    @torch.no_grad()
    def show_stages(self, given: Batch) -> list[Tensor]:
        """The same of each stage."""
        modes = [(m, m.training) for m in self.modules()]
        self.eval()
        at_once = self.at_once
        dtype = next((p.dtype for p in self.parameters()), torch.float32)  # half, where somebody made the networks so
        given = {k: v.to(dtype) if v.is_floating_point() else v for k, v in given.items()}
        chunks = zip(*(given[i.name].split(at_once) for i in self.inputs), strict=True)
        # Autocast brings to half what a model makes in single precision, such as the one-hot code of a label.
        with torch.autocast(self.device.type, dtype, enabled=dtype in (torch.float16, torch.bfloat16)):
            drawn = [self.stages(**{i.name: c for i, c in zip(self.inputs, chunk, strict=True)}) for chunk in chunks]
        for module, mode in modes:
            module.training = mode
        return [torch.cat([image.float().cpu() for image in stage]) for stage in zip(*drawn, strict=True)]

    def sample(self, n: int = 16, seed: int = 0, **given: Any) -> Tensor:
        """n pictures -> float32 (n, C, S, S) in [-1, 1] on the CPU. Inputs by name, as a person gives them.

        The same seed gives the same picture on every machine, up to the last bits of its arithmetic; picture i of
        seed s is picture 0 of seed s + i. Raises ValueError for an unknown input or a value that cannot be read.
        """
        return self.show(self.draw(n, seed, **given))


def inference_state(game: Game) -> dict[str, Tensor]:
    """The weights and buffers that `forward` uses, by name."""
    return {k: v for k, v in game.state_dict().items() if k.split(".")[0] not in game.training_only}


def training_only_state(game: Game) -> dict[str, Tensor]:
    """The weights and buffers of the networks that only a training needs, by name."""
    return {k: v for k, v in game.state_dict().items() if k.split(".")[0] in game.training_only}


def persistent_buffers(game: Game) -> list[Tensor]:
    """What a game remembers besides its weights: batch norm's statistics, a counter, a pool of pictures."""
    kept = game.state_dict()
    return [b for name, b in game.named_buffers() if name in kept]


def as_gan(game: Game) -> GAN:
    """The same, known to draw. ValueError if it does not."""
    if not isinstance(game, GAN):
        raise ValueError(f"a {type(game).__name__.lower()} draws no pictures; `python -m ganzoo list` names what does")
    return game
