"""What a training may begin with: the networks of a checkpoint or of another run."""

from __future__ import annotations

import logging
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..checkpoint.manifest import LONGEST
from ..checkpoint.write import shown_commands
from ..config import Config, knobs
from ..data.folder import with_split_of
from ..gan import Game, inference_state, training_only_state
from ..hub.resolve import resolve
from ..spec import Spec
from .plan import from_run

log = logging.getLogger("ganzoo")


def opened(name: str) -> Game:
    """The trained networks of a checkpoint's name, a checkpoint's folder or a run."""
    return with_data(name)[0]


def with_data(name: str) -> tuple[Game, str]:
    """The same, and the name of the data set that it was trained on."""
    if (Path(name) / "run.json").is_file():
        plan, game, _ = from_run(Path(name))
        return game, plan.data
    checkpoint = resolve(name)
    return checkpoint.load(), with_split_of(checkpoint.data, checkpoint.config["data"])


@dataclass(frozen=True)
class WarmStart:
    """What a training may begin with: the networks of a checkpoint or of another run."""

    config: Config
    tensors: dict[str, Tensor]  # of the networks, those that only train among them if they were kept
    training_only: tuple[str, ...]
    facts: dict[str, Any]

    @staticmethod
    def of(name: str, model: str) -> WarmStart:
        """A checkpoint's name or folder, USER/REPO, or a run. ValueError if it is none of these, or of another model."""
        if (Path(name) / "run.json").is_file():
            plan, gan, at = from_run(Path(name))
            model_of, has_d, facts = plan.model, True, {"name": Path(name).resolve().name, "revision": ""}
            images, command, started = int(at["step"]) * gan.config.batch, plan.command, plan.started
        else:
            checkpoint = resolve(name)
            gan, model_of, has_d = checkpoint.load(), checkpoint.spec.name, checkpoint.has_discriminator
            facts = {"name": checkpoint.name, "revision": checkpoint.revision}
            training = checkpoint.config["training"]
            images, command, started = training["images"], training["command"], training.get("start", {})
        if model_of != model:
            raise ValueError(f"from: {name} is a {model_of}, not a {model}; `python -m ganzoo list` names what there is")
        if gan.training_only and not has_d:
            log.warning("%s was kept without its discriminator; that begins untrained (see the README on `--from`)", name)
        lines = [*started.get("command", "").splitlines(), *shown_commands(command).splitlines()]
        while sum(map(len, lines)) + len(lines) > LONGEST // 2:  # the card has room for as much again
            lines.pop(0)
        facts |= {"images": images + started.get("images", 0), "command": "\n".join(lines)}
        tensors = inference_state(gan) | (training_only_state(gan) if has_d else {})
        return WarmStart(gan.config, tensors, gan.training_only, facts)

    def knobs(self, spec: Spec, given: dict[str, Any]) -> dict[str, Any]:
        """The knobs that it was trained with, but for those that are given; what the data decide is left to the data."""
        if "lr_g" not in given and not self.config.lr_g:
            log.warning("lr_g is 0, as in %s: what draws will stay as it is; --lr-g moves it", self.facts["name"])
        return {k: v for k, v in asdict(self.config).items() if k in knobs(spec.config)} | given

    def load_into(self, game: Game, prepare: bool = False) -> None:
        """Put its networks into a GAN's; prepare: then those that the GAN's knobs name, such as another first stage. ValueError
        if they do not fit."""
        wanted = {k: v.shape for k, v in game.state_dict().items()}
        here = {unwrapped(k): k for k in wanted}
        kept = {here.get(unwrapped(k), k): v for k, v in self.tensors.items()}
        blocks = [f"{name}." for name, m in game.named_modules() if starts_as_identity(m) and (prepare or trains(m))]
        absent = tuple(b for b in blocks if not any(k.startswith(b) for k in kept))  # they change nothing yet
        lacks = sorted(k for k in inference_state(game).keys() - kept if not k.startswith(absent))
        left_out = {name for name in self.training_only if getattr(game, name, None) is None}
        tensors = {k: v for k, v in kept.items() if k.split(".")[0] not in left_out}
        if wrong := [k for k, v in tensors.items() if wanted.get(k) != v.shape] or lacks:
            shapes_of = {k: v.shape for k, v in kept.items()}
            shapes = [tuple(s) if (s := each.get(wrong[0])) is not None else "nothing" for each in (shapes_of, wanted)]
            raise ValueError(
                f"from: {self.facts['name']} has other networks ({wrong[0]}: {shapes[0]}, here {shapes[1]}); leave out the "
                "knobs that say so, and take data of as many pixels, colours and classes"
            )
        game.load_state_dict(tensors, strict=False)
        if prepare:
            game.prepare(opened)


def unwrapped(key: str) -> str:
    """A tensor's name without the remedies that D is wrapped in (`remedies.Packed`, `remedies.Noisy`).

    >>> unwrapped("D.net.net.body.0.weight")
    'D.body.0.weight'
    """
    return re.sub(r"^D\.(net\.)+", "D.", key)


def starts_as_identity(module: nn.Module) -> bool:
    """Whether a block changes nothing until it is trained, so that networks that lack it can go on with it."""
    return bool(getattr(module, "starts_as_identity", False))


def trains(module: nn.Module) -> bool:
    return all(w.requires_grad for w in module.parameters())
