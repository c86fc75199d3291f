"""What the players minimise, as pure functions on logits (n,) -> scalar. Nothing here knows a network.

A `Loss` is three functions: what D pays for a real logit, what D pays for a fake one, what G pays for a fake one. All
are batch means in float32, whatever precision the logits come in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus


class Loss(NamedTuple):
    """Functions of logits (n,) -> scalar float32: what D pays for `real` and for `fake` ones, and G to `fool` it."""

    real: Callable[[Tensor], Tensor]
    fake: Callable[[Tensor], Tensor]
    fool: Callable[[Tensor], Tensor]
    even: float | None = 0.0  # the logit of a D that cannot tell; None where only differences count
    relative: bool = False  # `real` and `fool` are of a difference of two logits, and `fake` is not asked


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
        even=0.5,
    ),
    # Lim & Ye 2017 (arXiv 1705.02894), equations 10 and 11.
    "hinge": Loss(lambda x: relu(1 - x.float()).mean(), lambda x: relu(1 + x.float()).mean(), lambda x: -x.float().mean()),
    # Arjovsky et al. 2017 (arXiv 1701.07875), equation 2; D must be kept Lipschitz by other means.
    "wasserstein": Loss(lambda x: -x.float().mean(), lambda x: x.float().mean(), lambda x: -x.float().mean(), even=None),
}
# Jolicoeur-Martineau 2018 (arXiv 1807.00734), section 4.1: not how real a picture is, but how much more real than another.
LOSSES["relativistic"] = LOSSES["non-saturating"]._replace(even=None, relative=True)


def slope(logit: Tensor, image: Tensor) -> Tensor:
    """|d logit / d image|^2 of each picture: logit (n,), image (n, ...) that requires grad -> (n,). Differentiable."""
    (gradient,) = torch.autograd.grad(logit.float().sum(), image, create_graph=True)
    return gradient.flatten(1).float().square().sum(1)


def r1(logit: Tensor, image: Tensor) -> Tensor:
    """Half the mean squared slope of D at pictures (Mescheder et al. 2018, arXiv 1801.04406): R1 where they are real
    (equation 9), R2 where they are drawn (equation 10)."""
    return slope(logit, image).mean() / 2
