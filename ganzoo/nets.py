"""Blocks with three or more users; with fewer they stay in the model's file."""

from __future__ import annotations

from torch import nn


def init_normal(net: nn.Module, std: float = 0.02) -> nn.Module:
    """Weights ~ normal(0, std), biases 0, batch norm ~ normal(1, std) (DCGAN, section 4: details of training)."""
    for m in net.modules():
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(m.weight, 0.0, std)
            if m.bias is not None:
                nn.init.zeros_(m.bias)
        elif isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(m.weight, 1.0, std)
            nn.init.zeros_(m.bias)
    return net
