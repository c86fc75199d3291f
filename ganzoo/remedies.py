"""Remedies for a GAN that collapses or does not settle: small parts, each from its paper, that any model can be trained with.

A model takes them all by two lines: its Config builds on `remedies.Config`, and `remedies.apply(self, c)` ends its `__init__`.
They work on a D that is fed pictures alone and whose `body` ends with a convolution or a linear layer to one logit; `apply`
refuses another. Two time scales (Heusel et al. 2017, arXiv 1706.08500) need no part: they are `lr_g` and `lr_d`.
Shapes: B batch, F features, C channels, S side, m pictures in a pack.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from . import config
from .config import knob
from .gan import GAN, Batch, Terms
from .losses import Loss

Layer = nn.Conv2d | nn.Linear


@dataclass(frozen=True)
class Config(config.Config):
    """The knobs of a model that can be trained with remedies; by default it is trained with none."""

    pack: int = knob(1, "pictures that D judges together (PacGAN); what is left of a batch is not judged", at_least=1)
    batch_features: Literal["none", "stddev", "discrimination"] = knob(
        "none", "what D's last layer is shown of the other pictures of a batch (ProGAN's deviation, Salimans's discrimination)"
    )
    feature_matching: float = knob(0.0, "weight of the distance of D's mean features, which G then minimises; 0 leaves it out")
    smoothing: float = knob(0.0, "one-sided label smoothing: D is to give real pictures 1 less this", below=0.5)
    instance_noise: float = knob(0.0, "deviation of the noise that pictures get before D sees them, at first")
    instance_noise_images: int = knob(100_000, "pictures of training in which that noise fades out", at_least=1)
    unroll: int = knob(0, "steps of D that G looks ahead (unrolled GAN)", at_most=20)
    unroll_lr: float = knob(0.0, "learning rate of those steps, which are plain gradient descent; 0 takes D's")


# ---- What D is shown of a batch ----------------------------------------------------------------------------------------


class MinibatchStddev(nn.Module):
    """features (B, F, ...) -> (B, F + 1, ...): one more, the same for all, the deviation of each feature at each pixel over the
    batch, averaged (Karras et al. 2017, arXiv 1710.10196, section 3). D sees by it that all pictures are alike."""

    extra = 1

    def forward(self, x: Tensor) -> Tensor:
        deviation = (x.float().var(0, correction=0) + 1e-8).sqrt().mean()  # 1e-8: the square root has no slope at 0
        return torch.cat([x, deviation.to(x.dtype).expand(len(x), 1, *x.shape[2:])], 1)


class MinibatchDiscrimination(nn.Module):
    """features (B, F, ...) -> (B, F + kernels, ...): how near each picture of a batch is to the others, by some kernels,
    o(x_i)_b = sum_j exp(-|M_ib - M_jb|_1), M = f(x) T (Salimans et al. 2016, arXiv 1606.03498, section 3.2)."""

    def __init__(self, features: int, kernels: int = 16, dimensions: int = 8) -> None:
        super().__init__()
        self.extra, self.shape = kernels, (kernels, dimensions)
        self.T = nn.Parameter(torch.empty(features, kernels * dimensions).normal_(0, features**-0.5))

    def forward(self, x: Tensor) -> Tensor:
        projected = (x.flatten(2).mean(2) if x.ndim > 2 else x).float() @ self.T
        M = projected.unflatten(1, self.shape)
        distance = (M[:, None] - M[None]).abs().sum(3)  # (B, B, kernels)
        near = (-distance).exp().sum(1).to(x.dtype)
        return torch.cat([x, near.view(*near.shape, *[1] * (x.ndim - 2)).expand(-1, -1, *x.shape[2:])], 1)


# ---- Wrappers of D -----------------------------------------------------------------------------------------------------


class Packed(nn.Module):
    """image (B, C, S, S) -> logit (B / m,), of m pictures judged together as one of m C channels (Lin et al. 2017, arXiv
    1712.04086, section 2: of several pictures at once, a lack of variety is seen). What is left of a batch is not judged."""

    def __init__(self, D: nn.Module, m: int) -> None:
        super().__init__()
        self.net, self.m = D, m

    def forward(self, image: Tensor) -> Tensor:
        packs = len(image) // self.m
        if not packs:
            raise ValueError(f"pack: {len(image)} pictures are fewer than the {self.m} that are judged together")
        logit: Tensor = self.net(image[: packs * self.m].unflatten(0, (packs, self.m)).flatten(1, 2))
        return logit


class Noisy(nn.Module):
    """image (B, C, S, S) -> what D makes of it with noise on top, in training (Sonderby et al. 2016, arXiv 1610.04490, section
    3.4: instance noise, under which real and drawn pictures overlap). Its deviation is asked at each pass."""

    def __init__(self, D: nn.Module, deviation: Callable[[], float]) -> None:
        super().__init__()
        self.net, self.deviation = D, deviation

    def forward(self, image: Tensor) -> Tensor:
        deviation = self.deviation() if self.training else 0.0
        logit: Tensor = self.net(image + deviation * torch.randn_like(image) if deviation else image)
        return logit


# ---- Losses ------------------------------------------------------------------------------------------------------------


def smoothed(loss: Loss, share: float) -> Loss:
    """The same with real pictures' target 1 - share, and drawn ones' still 0: one-sided label smoothing (Salimans et al. 2016,
    section 3.4). ValueError for a loss without targets."""
    if loss.threshold is None:
        raise ValueError("smoothing: a critic's loss has no targets that could be smoothed")
    return loss._replace(real=lambda logit: (1 - share) * loss.real(logit) + share * loss.fake(logit))


def feature_matching(real: Tensor, fake: Tensor) -> Tensor:
    """The squared distance of the mean features, real and fake (B, F, ...), |E f(x) - E f(G(z))|^2 (Salimans et al. 2016,
    section 3.1)."""
    return (real.float().mean(0) - fake.float().mean(0)).square().sum()


def unrolled(D: nn.Module, loss: Loss, real: Tensor, fake: Tensor, steps: int, lr: float) -> Tensor:
    """What G pays a D that has had some more steps of gradient descent, which it is then back from -> scalar, differentiable
    through these steps (Metz et al. 2016, arXiv 1611.02163, equations 5 to 7)."""
    weights: dict[str, Tensor] = dict(D.named_parameters())
    buffers = {name: b.clone() for name, b in D.named_buffers()}  # batch norm's statistics are taken back too

    def judged(image: Tensor) -> Tensor:
        logit: Tensor = functional_call(D, weights | buffers, (image,))
        return logit

    for _ in range(steps):
        d_loss = loss.real(judged(real)) + loss.fake(judged(fake))
        slopes = torch.autograd.grad(d_loss, [*weights.values()], create_graph=True)
        weights = {name: w - lr * slope for (name, w), slope in zip(weights.items(), slopes, strict=True)}
    return loss.generator(judged(fake))


# ---- Putting them into a model -----------------------------------------------------------------------------------------


def apply(gan: GAN, c: Config) -> None:
    """Put remedies into a GAN that was just built, in place. ValueError for a combination or a D that cannot take it."""
    if c.unroll and c.feature_matching:
        raise ValueError("unroll, feature_matching: each is another loss of the generator; choose one")
    if c.batch < c.pack:
        raise ValueError(f"pack: {c.pack} is more than the {c.batch} pictures of a batch")
    if c.batch_features != "none" or c.feature_matching:
        body, last = last_layer(gan.D)
        n = inputs_of(body[last])
        if c.batch_features != "none":
            more = MinibatchStddev() if c.batch_features == "stddev" else MinibatchDiscrimination(n)
            body[last] = nn.Sequential(more, widened(body[last], more.extra))
    if c.feature_matching:
        gan.g_loss = matching_loss(gan, body[last], c.feature_matching)  # type: ignore[assignment, method-assign]
    if c.pack > 1:
        replace_first_layer(gan.D, c.pack)
        gan.D = Packed(gan.D, c.pack)
    if c.instance_noise:
        gan.D = Noisy(gan.D, lambda: c.instance_noise * max(0.0, 1 - gan.step * c.batch / c.instance_noise_images))
    if c.smoothing:
        gan.loss = smoothed(gan.loss, c.smoothing)
    if c.unroll:
        gan.g_loss = unrolled_loss(gan, c)  # type: ignore[assignment, method-assign]
    if c.pack > 1 or c.batch_features != "none":  # D must not see real and drawn pictures in one batch
        gan.both = in_two_passes  # type: ignore[method-assign]
        gan.d_logit = of_one  # type: ignore[method-assign]


def in_two_passes(net: Callable[..., Tensor], real: Tensor, fake: Tensor, *given: Tensor) -> tuple[Tensor, Tensor]:
    """`GAN.both` in two passes."""
    return net(real, *given), net(fake, *given)


def of_one(image: Tensor, given: Batch) -> None:
    """`GAN.d_logit` of a D that sees several pictures at once: it is not asked about one."""


def unrolled_loss(gan: GAN, c: Config) -> Callable[[Batch], Terms]:
    """G's loss of an unrolled GAN. Plain steps at D's learning rate are much shorter than its own, which are Adam's."""
    lr = c.unroll_lr or c.lr_d
    return lambda batch: {"g_fool": unrolled(gan.D, gan.loss, batch["image"], gan.fake(batch), c.unroll, lr)}


def matching_loss(gan: GAN, layer: nn.Module, weight: float) -> Callable[[Batch], Terms]:
    """G's loss of feature matching, on what this layer of D, its last, is fed."""

    def features(image: Tensor) -> Tensor:
        fed: list[Tensor] = []
        hook = layer.register_forward_pre_hook(lambda _, args: fed.append(args[0]))
        try:
            gan.D(image)
        finally:
            hook.remove()
        return fed[0]

    def g_loss(batch: Batch) -> Terms:
        return {"g_matching": weight * feature_matching(features(batch["image"]).detach(), features(gan.fake(batch)))}

    return g_loss


def last_layer(D: nn.Module) -> tuple[nn.Sequential, int]:
    """D's body and where in it the layer to one logit is. ValueError if it ends otherwise."""
    body = getattr(D, "body", None)
    if not isinstance(body, nn.Sequential) or not isinstance(body[-1], Layer):
        raise ValueError("batch_features, feature_matching: this discriminator's body does not end with a layer to one logit")
    return body, len(body) - 1


def replace_first_layer(D: nn.Module, m: int) -> None:
    """Let the first layer of D take m times the channels."""
    for module in D.modules():
        for name, layer in module.named_children():
            if isinstance(layer, Layer):
                setattr(module, name, widened(layer, (m - 1) * inputs_of(layer)))
                return
    raise ValueError("pack: this discriminator has no layer that could take several pictures")


def inputs_of(layer: nn.Module) -> int:
    """The channels or numbers that a layer takes."""
    assert isinstance(layer, Layer)
    return layer.in_channels if isinstance(layer, nn.Conv2d) else layer.in_features


def widened(layer: nn.Module, extra: int) -> Layer:
    """The layer with so many more inputs, whose weights are drawn with the spread of those that it has and keeps."""
    assert isinstance(layer, Layer)
    has_bias = layer.bias is not None
    wide: Layer
    if isinstance(layer, nn.Conv2d):
        assert layer.groups == 1
        geometry = layer.kernel_size, layer.stride, layer.padding
        wide = nn.Conv2d(layer.in_channels + extra, layer.out_channels, *geometry, bias=has_bias)  # type: ignore[arg-type]
    else:
        wide = nn.Linear(layer.in_features + extra, layer.out_features, bias=has_bias)
    with torch.no_grad():
        n = inputs_of(layer)
        wide.weight[:, :n] = layer.weight
        wide.weight[:, n:].normal_(0, float(layer.weight.std()))
        if layer.bias is not None and wide.bias is not None:
            wide.bias.copy_(layer.bias)
    return wide
