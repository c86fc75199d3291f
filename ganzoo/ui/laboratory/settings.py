"""What a visitor chooses in the laboratory, what each choice means as knobs, and the presets; a link says the same.

?v=2&tab=lab&loss=wasserstein-gp&k=5&seed=3
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...data.points import MIXTURES
from ...models._points import GAMES
from ..fields import SEED, Field, one_of, seed_field, whole

NAME = "lab"  # of the tab, in links
MOST_D_STEPS = 8
RATES = ("5e-5", "1e-4", "2e-4", "5e-4", "1e-3", "2e-3", "5e-3")

# The networks, small enough that a processor makes hundreds of steps a second.
NETWORKS: dict[str, Any] = {"z": 16, "noise": "normal", "width": 64, "dropout": 0.0, "batch": 128, "ema": 10_000}


@dataclass(frozen=True)
class Option:
    """One choice of a switch: how it is shown, and the knobs that it sets."""

    label: str
    knobs: Mapping[str, Any]


DATA = {"ring8": "ring of 8", "grid25": "grid of 25"}
assert DATA.keys() == MIXTURES.keys()
LOSSES = {
    "non-saturating": Option("non-saturating (Goodfellow 2014)", {}),
    "least-squares": Option("least squares (LSGAN)", {}),
    "wasserstein": Option("critic, weights clipped (WGAN)", {}),
    "wasserstein-gp": Option("critic, slope penalised (WGAN-GP)", {"beta1": 0.0, "beta2": 0.9}),
}
assert LOSSES.keys() == GAMES.keys()
REMEDIES = {
    "none": Option("none", {}),
    "packing": Option("packing of 2 (PacGAN)", {"pack": 2}),
    "unrolling": Option("unrolling, 5 steps", {"unroll": 5, "unroll_lr": 0.1}),
    "stddev": Option("minibatch standard deviation", {"batch_features": "stddev"}),
    "discrimination": Option("minibatch discrimination", {"batch_features": "discrimination", "batch": 64}),
    "r1": Option("R1 penalty", {"r1": 0.01, "r1_every": 1}),
    "noise": Option("instance noise", {"instance_noise": 0.1, "instance_noise_images": 300_000}),
    "smoothing": Option("one-sided label smoothing", {"smoothing": 0.1}),
}
FIELDS: dict[str, Field] = {
    "data": Field("ring8", one_of([*DATA])),
    "loss": Field("non-saturating", one_of([*LOSSES])),
    "remedy": Field("none", one_of([*REMEDIES])),
    "k": Field(1, whole(1, MOST_D_STEPS)),
    "lr_d": Field("1e-3", one_of(RATES)),
    "lr_g": Field("1e-3", one_of(RATES)),
    SEED: seed_field(),
}


@dataclass(frozen=True)
class Settings:
    """A training: the same settings, the same points after so many steps."""

    data: str
    loss: str
    remedy: str
    k: int
    lr_d: str
    lr_g: str
    seed: int

    @staticmethod
    def read(given: object) -> Settings:
        """From a browser that may send anything. ValueError with what is allowed."""
        if not isinstance(given, dict) or len(given) > len(FIELDS) or not all(isinstance(k, str) for k in given):
            raise ValueError(f"settings: not an object with some of {', '.join(FIELDS)}")
        if unknown := [k[:20] for k in given if k not in FIELDS]:
            raise ValueError(f"{', '.join(unknown)}: no such switch; there are {', '.join(FIELDS)}")
        values = {}
        for key, field in FIELDS.items():
            try:
                values[key] = field.read(str(given[key])[:40]) if key in given else field.default
            except ValueError as error:
                raise ValueError(f"{key}={str(given[key])[:40]}: {error}") from None
        settings = Settings(**values)
        if settings.remedy == "smoothing" and settings.loss.startswith("wasserstein"):
            raise ValueError("a critic has no targets that could be smoothed: choose another loss, or another remedy")
        return settings

    def knobs(self) -> dict[str, Any]:
        """The knobs of `models._points`."""
        rates = {"k": self.k, "lr_d": float(self.lr_d), "lr_g": float(self.lr_g)}
        return NETWORKS | rates | dict(LOSSES[self.loss].knobs) | dict(REMEDIES[self.remedy].knobs)


@dataclass(frozen=True)
class Preset:
    """A named experiment: what departs from the defaults, and what to look for."""

    label: str
    values: Mapping[str, str]
    look: str


PRESETS = (
    Preset(
        "It collapses",
        {"lr_d": "1e-4"},
        "A slow discriminator: the generator runs after its blind spots, all orange points sit on a few of the blue rings, and "
        "the count of modes falls.",
    ),
    Preset(
        "Packing mends it",
        {"remedy": "packing", "lr_d": "2e-3", "lr_g": "2e-3"},
        "The discriminator judges two points at once, and two that are alike give themselves away: the points spread over all "
        "eight.",
    ),
    Preset(
        "A penalty mends it, too",
        {"remedy": "r1", "lr_d": "2e-3", "lr_g": "2e-3"},
        "R1 (Mescheder et al. 2018) fines the discriminator for being steep at real points, so its field stays smooth and "
        "pulls from everywhere: after some two thousand steps all eight modes are there, and about equally full.",
    ),
    Preset(
        "Unrolling, as in the paper",
        {"remedy": "unrolling", "lr_d": "1e-4"},
        "The slow discriminator of the first experiment, but the generator looks five of its steps ahead (Metz et al. 2016, "
        "section 3.1, figure 2): where all points would go, the discriminator would have gone too, so they spread.",
    ),
    Preset(
        "A critic that tells convergence",
        {"loss": "wasserstein-gp", "k": "2", "lr_d": "2e-3"},
        "The first curve is the critic's gap, an estimate of how far the points are from the data: after some hundred steps, "
        "in which the critic learns to measure at all, it falls as the points come nearer.",
    ),
)


def described() -> dict[str, Any]:
    """The switches and the presets, for the page's script."""
    options: dict[str, list[tuple[str, str]]] = {
        "data": [*DATA.items()],
        "loss": [(k, option.label) for k, option in LOSSES.items()],
        "remedy": [(k, option.label) for k, option in REMEDIES.items()],
        "k": [(str(k), str(k)) for k in range(1, MOST_D_STEPS + 1)],
        "lr_d": [(r, r) for r in RATES],
        "lr_g": [(r, r) for r in RATES],
    }
    return {
        "tab": NAME,
        "options": options,
        "defaults": {k: str(field.default) for k, field in FIELDS.items()},
        "presets": [{"label": p.label, "values": dict(p.values), "look": p.look} for p in PRESETS],
    }
