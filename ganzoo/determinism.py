"""The first call of torch's vectorised functions is made here, on one number, and its result is thrown away.

In 2 of some 130 processes on a busy machine, the first tanh of a picture gave the half of it that one thread makes with errors
up to 1e-4, and so another picture than ever after (see LOG.md). One number is computed on one thread.
"""

from __future__ import annotations

import torch

VECTORISED = (torch.tanh, torch.exp, torch.log, torch.sqrt, torch.sin, torch.cos, torch.acos, torch.erf)


def warm_up() -> None:
    """Call each of them once."""
    for function in VECTORISED:
        function(torch.ones(1))
