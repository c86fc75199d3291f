"""What the players minimise, as pure functions of logits, pictures and Gaussians -> scalar. Nothing here knows a network.

A `Loss` is three functions: what D pays for a real logit, what D pays for a fake one, what G pays for a fake one. All
are batch means in float32, whatever precision the logits come in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy, relu, softplus


class Loss(NamedTuple):
    """Functions of logits (n,) -> scalar float32: what D pays for `real` and for `fake` ones, and what G pays for its own."""

    real: Callable[[Tensor], Tensor]
    fake: Callable[[Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    threshold: float | None = 0.0  # the logit of a D that cannot tell; None where only differences count
    relativistic: bool = False  # `real` and `generator` are of a difference of two logits, and `fake` is not asked

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by its name, since its functions have none: a model with a loss of `LOSSES` can be pickled."""
        name = next((name for name, loss in LOSSES.items() if all(a is b for a, b in zip(loss, self, strict=True))), None)
        return (named, (name,)) if name else (type(self), tuple(self))

    @property
    def is_critic(self) -> bool:
        """Whether D is a critic: its output has no right and wrong, only its gap between real and fake means something."""
        return self.threshold is None and not self.relativistic


# With p = sigmoid(logit): -log p = softplus(-logit) and -log(1 - p) = softplus(logit).
LOSSES: dict[str, Loss] = {
    # Goodfellow et al. 2014, equation 1: G minimises log(1 - p), which is flat where D is sure.
    "minimax": Loss(
        lambda x: softplus(-x.float()).mean(), lambda x: softplus(x.float()).mean(), lambda x: -softplus(x.float()).mean()
    ),
    # Goodfellow et al. 2014, section 3, last paragraph: G minimises -log p, which is steep there.
    "non-saturating": Loss(
        lambda x: softplus(-x.float()).mean(), lambda x: softplus(x.float()).mean(), lambda x: softplus(-x.float()).mean()
    ),
    # Mao et al. 2016 (arXiv 1611.04076), equation 9: a = 0, b = c = 1.
    "least-squares": Loss(
        lambda x: (x.float() - 1).square().mean() / 2,
        lambda x: x.float().square().mean() / 2,
        lambda x: (x.float() - 1).square().mean() / 2,
        threshold=0.5,
    ),
    # Lim & Ye 2017 (arXiv 1705.02894), equations 10 and 11.
    "hinge": Loss(lambda x: relu(1 - x.float()).mean(), lambda x: relu(1 + x.float()).mean(), lambda x: -x.float().mean()),
    # Arjovsky et al. 2017 (arXiv 1701.07875), equation 2; D must be kept Lipschitz by other means.
    "wasserstein": Loss(lambda x: -x.float().mean(), lambda x: x.float().mean(), lambda x: -x.float().mean(), threshold=None),
}
# Jolicoeur-Martineau 2018 (arXiv 1807.00734), section 4.1: of the difference of two logits, real minus fake for D (`real`) and
# fake minus real for G (`generator`); how real a picture is by itself does not count.
LOSSES["relativistic"] = LOSSES["non-saturating"]._replace(threshold=None, relativistic=True)


def named(name: str) -> Loss:
    """A loss of `LOSSES`."""
    return LOSSES[name]


def slope(logit: Tensor, image: Tensor) -> Tensor:
    """|d logit / d image|^2 of each picture: logit (n,), image (n, ...) that requires grad -> (n,). Differentiable."""
    (gradient,) = torch.autograd.grad(logit.float().sum(), image, create_graph=True)
    return gradient.flatten(1).float().square().sum(1)


def r1(logit: Tensor, image: Tensor) -> Tensor:
    """Half the mean squared slope of D at pictures (Mescheder et al. 2018, arXiv 1801.04406): R1 where they are real
    (equation 9), R2 where they are drawn (equation 10)."""
    return slope(logit, image).mean() / 2


def gradient_penalty(net: Callable[[Tensor], Tensor], real: Tensor, other: Tensor, target: float = 1.0) -> Tensor:
    """Mean squared difference of D's slope from a target, at a random point between each real picture and another: a drawn one
    (Gulrajani et al. 2017, arXiv 1704.00028, equation 3), or a noisy copy. It holds the slope from both sides; its weight is
    the caller's."""
    share = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device)
    between = torch.lerp(real, other.detach().to(real.dtype), share).requires_grad_()
    length = (slope(net(between), between) + 1e-12).sqrt()  # a square root has no slope at 0
    return (length - target).square().mean()


def pyramid_l1(images: Sequence[Tensor], real: Tensor) -> Tensor:
    """Mean absolute difference of pictures (B, C, s, s) from the real ones (B, C, S, S), averaged down to each side s; the mean
    over the levels. images: one tensor a level."""
    return torch.stack([(x.float() - adaptive_avg_pool2d(real, x.shape[-1])).abs().mean() for x in images]).mean()


def gaussian_kl(mean: Tensor, log_deviation: Tensor) -> Tensor:
    """KL(N(mean, exp(log_deviation)) || N(0, 1)), the mean over all numbers."""
    divergence: Tensor = (mean.square() + (2 * log_deviation).exp() - 1).mean() / 2 - log_deviation.mean()
    return divergence


def contrast(score: Tensor, same: Tensor) -> Tensor:
    """score (B, B), of picture i and caption j, same (B, B) bool, whether captions i and j are equal -> the cross-entropy of
    finding each picture's caption among all, and each caption's picture (van den Oord et al. 2018, arXiv 1807.03748, equation
    4). A caption that is equal to a picture's own is no rival of it."""
    own = torch.arange(len(score), device=score.device)
    logit = score.masked_fill(same & (own[:, None] != own), -torch.inf)
    return (cross_entropy(logit, own) + cross_entropy(logit.mT, own)) / 2


def mode_seeking(image: Tensor, other: Tensor, z: Tensor, other_z: Tensor) -> Tensor:
    """image, other (B, C, S, S) of the same condition, z, other_z (B, Z) they are drawn from -> how near noise that is apart
    brings pictures: the mean of |z - z'| / |image - image'|, L1 (Mao et al. 2019, arXiv 1903.05628, equation 1, whose ratio is
    to be large, turned over). A thousandth keeps equal pictures finite."""
    apart = (z - other_z).abs().flatten(1).mean(1)
    far = (image.float() - other.float()).abs().flatten(1).mean(1)
    return (apart / (far + 1e-3)).mean()
