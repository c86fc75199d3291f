"""How a checkpoint came to be: the commands that were typed, and the single one that makes it again, where there is one."""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from ..config import naming, renamed
from ..spec import Step
from .folder import Checkpoint, weights_dir
from .manifest import Manifest

BUDGETS = ("--steps", "--minutes", "--images")
SWITCHES = ("--quiet", "--watch", "--keep-best", "--deterministic")  # options without a value
IDLE = ("--quiet", "--watch", "--save-every", "--track", "--root")  # options that change nothing in the networks


@dataclass(frozen=True)
class Command:
    """A command line of ganzoo: its verb, what the verb is about (a model, a run), and its options."""

    verb: str
    about: str
    options: dict[str, str | None]

    @classmethod
    def parse(cls, line: str) -> Command | None:
        """None if it is no command line of ganzoo.

        >>> Command.parse("python -m ganzoo train dcgan --data=mnist --quiet")
        Command(verb='train', about='dcgan', options={'--data': 'mnist', '--quiet': None})
        """
        try:
            words = shlex.split(line)
        except ValueError:
            return None
        if words[:3] != ["python", "-m", "ganzoo"] or len(words) < 5:
            return None
        bare: list[str] = []
        options: dict[str, str | None] = {}
        expects = ""  # the option whose value comes next
        for word in words[4:]:
            flag, equals, value = word.partition("=")
            if expects:
                options[expects], expects = word, ""
            elif not word.startswith("--"):
                bare.append(word)
            else:
                options[flag] = value if equals else None
                expects = "" if equals or flag in SWITCHES else flag
        return cls(words[3], bare[0], options) if len(bare) == 1 and not expects else None

    def __str__(self) -> str:
        options = [word for flag, value in self.options.items() for word in (flag, value) if word is not None]
        return shlex.join(["python", "-m", "ganzoo", self.verb, self.about, *options])


def one_command(checkpoint: Checkpoint) -> str | None:
    """The single command that could make a checkpoint: its training, as long as it came to be with its resumes.

    None if its history is more than one training and its resumes, was changed by hand, or needs a run that is not kept.
    """
    manifest = checkpoint.manifest
    commands = [Command.parse(line) for line in dict.fromkeys(manifest.commands)]
    if not commands or not (first := commands[0]) or first.verb != "train" or first.about != manifest.model:
        return None
    options, seed = dict(first.options), manifest.training.seed
    steps = checkpoint.spec.recipes.get(options.get("--recipe") or "", ())
    out = options.get("--out") or "runs/" + re.sub(r"[^\w.-]+", "-", f"{first.about}-{options.get('--data')}")
    run = [Path(out).name, f"seed-{seed}"] if "--seeds" in options else [Path(out).name]  # shown without the folders above
    for command in commands[1:]:
        if not command or command.verb != "resume":
            return None
        resumed = list(Path(command.about).parts[-len(run) :])
        if resumed != run[-len(resumed) :]:
            return None
        if given := [b for b in BUDGETS if command.options.get(b)]:
            options = {k: v for k, v in options.items() if k not in BUDGETS}
            options[given[0]] = command.options[given[0]]
    if needs_a_run(checkpoint, options):
        return None
    if len(steps) < 2 and not comes_to(options, manifest):
        options = {k: v for k, v in options.items() if k not in BUDGETS} | {"--images": str(manifest.training.images)}
    if options.pop("--seeds", None):
        options["--seed"] = str(seed)
    return str(Command("train", first.about, {k: v for k, v in options.items() if k not in IDLE}))


def comes_to(options: dict[str, str | None], manifest: Manifest) -> bool:
    """Whether a budget ends at the very step of the checkpoint: minutes may be other steps, and a training may be stopped."""
    steps, images = int(options.get("--steps") or 0), int(options.get("--images") or 0)
    return (steps or math.ceil(images / max(1, manifest.config.batch))) == manifest.training.steps


def needs_a_run(checkpoint: Checkpoint, options: dict[str, str | None]) -> bool:
    """Whether a training begins with networks that no checkpoint has."""
    knobs = naming(checkpoint.spec.config)
    former = [old for old, name in renamed(checkpoint.spec.config).items() if name in knobs]
    names = [options.get(f"--{k.replace('_', '-')}") for k in (*knobs, *former)]
    return "--from" in options or any(name and not (weights_dir() / name / "config.json").is_file() for name in names)


def nearest_recipe(checkpoint: Checkpoint) -> str | None:
    """The recipe whose last step has the most knobs in common with a checkpoint, more than half; of two such the one that it
    was made by."""
    recipes, knobs, named = checkpoint.spec.recipes, checkpoint.knobs, checkpoint.manifest.training.recipe

    def common(step: Step) -> float:
        same = [k for k, v in step.knobs.items() if getattr(knobs, k, None) == v]
        return len(same) / max(1, len(step.knobs))

    best = max(recipes, key=lambda name: (common(recipes[name][-1]), name == named), default=None)
    return best if best and common(recipes[best][-1]) > 0.5 else None
