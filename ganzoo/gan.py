"""The contract between a model and everything else: GAN, Phase, Batch, Terms.

A model is networks, the inputs that they are fed, and methods that return *named loss terms* for a batch. It has no
optimiser, no loop, no device and no file: `training/engine.py` plays the game, `sample` shows the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from . import inputs
from .hub.pretrained import Pretrained
from .inputs import Input
from .losses import Loss, r1
from .spec import Config

Batch = dict[str, Tensor]  # "image" (B, C, S, S) float in [-1, 1]; "label" (B,) int; the inputs by name; ...
Terms = dict[str, Tensor]  # named scalar terms; the engine sums, differentiates and logs them

# Called for nobody, on one number, so on one thread: in 2 of some 130 processes on a busy machine, the first tanh of a picture
# gave the half of it that one thread makes with errors up to 1e-4, and so another picture than ever after (see LOG.md).
VECTORISED = (torch.tanh, torch.exp, torch.log, torch.sqrt, torch.sin, torch.cos, torch.acos, torch.erf)
for function in VECTORISED:
    function(torch.ones(1))

CHUNK = 64  # pictures of 64 pixels a forward pass in `sample`, of larger ones fewer: bounds the memory of a large request


@dataclass(frozen=True)
class Phase:
    """Who moves, on what loss, how fast and how often."""

    name: str
    nets: tuple[nn.Module, ...]
    loss: Callable[[Batch], Terms]
    lr: float
    every: int = 1


class GAN(nn.Module, Pretrained):
    """The base of every model. A model sets `inputs`, builds its networks, and says what each player minimises."""

    inputs: tuple[Input, ...] = ()
    opponents: tuple[str, ...] = ("D",)  # the networks that `forward` does not use
    loss: Loss

    G: nn.Module
    D: nn.Module

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.step = 0
        self.watched: Terms = {}  # what a loss wants logged but not minimised; the engine reads it after each phase

    # ---- The game: what a model defines --------------------------------------------------------------------------

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by name -> images (n, C, S, S) in [-1, 1]. Deterministic: all randomness is in the inputs."""
        raise NotImplementedError

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

    def phases(self) -> list[Phase]:
        """D, then G, once a batch. Override for critics, Q heads and stages."""
        return [
            Phase("D", (self.D,), self.d_loss, lr=self.config.lr_d),
            Phase("G", (self.G,), self.g_loss, lr=self.config.lr_g),
        ]

    def prepare(self) -> None:
        """Called once, when a training begins: take what it starts from, such as a caption encoder or an earlier stage."""

    def on_step(self, step: int) -> None:
        """Called before each step: a progressive GAN grows here."""
        self.step = step

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

    def tell_apart(self, real_logit: Tensor, fake_logit: Tensor) -> Terms:
        """D's two terms of `loss`, and, watched, the share of each kind that it gets right."""
        even = self.loss.even if self.loss.even is not None else (real_logit.mean() + fake_logit.mean()) / 2
        self.watched["d_real_right"] = (real_logit.detach() > even).float().mean()
        self.watched["d_fake_right"] = (fake_logit.detach() < even).float().mean()
        return {"d_real": self.loss.real(real_logit), "d_fake": self.loss.fake(fake_logit)}

    def lazy_r1(self, weight: float, every: int, real: Tensor, *given: Tensor, term: str = "d_r1") -> Terms:
        """The R1 penalty every so many steps, weighed for all of them (Karras et al. 2019, arXiv 1912.04958, section 3.1); of
        drawn pictures it is R2, and another term."""
        if not weight or self.step % every:
            return {}
        image = real.detach().requires_grad_()
        return {term: weight * every * r1(self.D(image, *given), image)}

    # ---- Using a trained one -------------------------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def draw(self, n: int, seed: int | None = None, **given: Any) -> Batch:
        """Inputs for n pictures: what is given, and the prior for the rest.

        With a seed, given values are read as a person's (see `inputs.draw`, which raises ValueError); without, they are
        tensors of the batch, and the rest comes from torch's own generator on the networks' device.
        """
        if seed is None:
            missing = {i.name: i.prior(n, device=self.device) for i in self.inputs if i.name not in given}
            return missing | given
        if not self.inputs:
            raise ValueError(f"a {type(self).__name__.lower()} draws no pictures; `python -m ganzoo list` names what does")
        return {k: v.to(self.device) for k, v in inputs.draw(self.inputs, n, seed, **given).items()}

    def show(self, given: Batch) -> Tensor:
        """Images of the inputs, in chunks, in eval mode -> float32 (n, C, S, S) in [-1, 1] on the CPU."""
        return self.show_stages(given)[-1]

    @torch.no_grad()
    def show_stages(self, given: Batch) -> list[Tensor]:
        """The same of each stage."""
        modes = [(m, m.training) for m in self.modules()]
        self.eval()
        at_once = max(1, CHUNK * 64**2 // max(64, self.config.side) ** 2)
        chunks = zip(*(given[i.name].split(at_once) for i in self.inputs), strict=True)
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
