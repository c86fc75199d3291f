"""ganzoo: a zoo of GANs to look at, to train and to publish.

>>> import ganzoo
>>> gan = ganzoo.load("dcgan-mnist")
>>> gan.sample(16, seed=0).shape  # float32 in [-1, 1]
torch.Size([16, 1, 28, 28])
"""

from __future__ import annotations

from typing import Any

from .checkpoint.folder import Checkpoint
from .determinism import warm_up
from .gan import GAN, Game
from .hub import pretrained
from .hub.resolve import bundled as checkpoints
from .hub.resolve import resolve
from .registry import specs

__all__ = ["GAN", "Checkpoint", "Game", "checkpoints", "load", "resolve", "specs"]
__version__ = "0.1.0"

warm_up()
Game.hub = pretrained


def load(name: str, device: str = "cpu") -> GAN:
    """A trained model by its checkpoint's name, its folder or USER/REPO[@REVISION], ready to `sample`. ValueError if it cannot
    be had."""
    game: Any = resolve(name).load(device)  # of a judge or a caption encoder a Game, which draws nothing
    gan: GAN = game
    return gan
