"""A recipe of several steps, carried out: a run for each, one after the other, in folders under one.

RUN/recipe.json    what was asked for: the steps, and the plan that they share
RUN/1-emoji/       the first step, a run as in run.py; its name ends with its data's
RUN/2-emoji-256/   begins with the networks of the one before, or names that in a knob

Which step is next is read off the runs, so that a kill between two steps costs as little as one within a step.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from .. import data, registry
from ..config import configure
from ..config import fields as named
from ..files import read_json, read_tensors, write_json
from ..metrics.measure import judge_of
from ..spec import Recipe, Step
from .distributed import Group
from .plan import STATE, Plan, read_plan
from .run import Run, lock_of

FORMAT = 1
RECIPE = "recipe.json"


@dataclass(frozen=True)
class RecipeRun:
    """A folder with a recipe, and the runs of its steps.

    plan: what the steps share. Its config holds the knobs that a person gave, which go before a step's own; its budget and its
    data are for the steps that name none; its start is the first step's.
    """

    folder: Path
    plan: Plan
    steps: Recipe

    @staticmethod
    def create(folder: Path, plan: Plan, steps: Recipe) -> RecipeRun:
        """A new one, in a folder that is not there yet, or empty. ValueError otherwise, and if a step's data or knobs cannot be
        had: nothing is trained that could not go on."""
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ValueError(f"{folder}: already there; choose another --out, or go on with `python -m ganzoo resume {folder}`")
        alone()
        made = RecipeRun(folder, plan, steps)
        made.check()
        made.write()
        return made

    @staticmethod
    def open(folder: Path, root: str | None = None, device: str | None = None) -> RecipeRun:
        """One as it was saved; root: where the data sets are, if they have moved; device: another than it was asked for.
        ValueError if the folder holds none."""
        alone()
        kept = read_json(folder / RECIPE)
        if kept.get("format") != FORMAT:
            raise ValueError(f"{folder / RECIPE}: made in format {kept.get('format')}; this version reads {FORMAT}")
        try:
            plan, steps = Plan(**kept["plan"]), tuple(Step(**step) for step in kept["steps"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{folder / RECIPE}: not a recipe of this version ({error})") from None
        return RecipeRun(folder, replace(plan, root=root or plan.root, device=device or plan.device), steps)

    def write(self) -> None:
        steps = [{f.name: getattr(step, f.name) for f in fields(step)} | {"knobs": dict(step.knobs)} for step in self.steps]
        write_json(self.folder / RECIPE, {"format": FORMAT, "plan": asdict(self.plan), "steps": steps})

    def check(self) -> None:
        """ValueError if a step could not begin: its data, its judge or its knobs are not what it needs."""
        spec, knobs = registry.spec(self.plan.model), dict[str, Any]()
        for i, step in enumerate(self.steps):
            plan = self.step_plan(i)
            knobs = plan.config if step.previous != "from" else knobs | plan.config
            pictures = data.load(plan.data, plan.root)
            if plan.keep_best:
                judge_of(plan.data, pictures.classes)
            facts = {k: v for k, v in pictures.facts().items() if k in named(spec.config)}
            configure(spec.config, facts | knobs)

    def step_folder(self, i: int) -> Path:
        """Where step i, counted from 0, is trained."""
        name = self.steps[i].data or self.plan.data
        return self.folder / f"{i + 1}-{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')[-40:]}"

    def step_plan(self, i: int) -> Plan:
        """What step i is asked to do."""
        step, last = self.steps[i], len(self.steps) - 1
        config, start = {**step.knobs, **self.plan.config}, self.plan.start if i == 0 else ""
        if i > 0 and step.previous == "from":
            start = str(self.step_folder(i - 1))
        elif i > 0:
            config[step.previous] = str(self.step_folder(i - 1))
        plan = replace(self.plan, config=config, start=start, data=step.data or self.plan.data)
        if step.images:
            plan = replace(plan, steps=None, minutes=None, images=step.images)
        if i < last:
            plan = replace(plan, keep_best=False, recipe=f"{plan.recipe}, step {i + 1} of {last + 1}")
        return plan

    def is_finished(self, i: int) -> bool:
        """Whether step i has come to the end of its budget."""
        folder = self.step_folder(i)
        if not (folder / STATE).is_file():
            return False
        plan, (_, facts) = read_plan(folder), read_tensors(folder / STATE)
        if plan.minutes:
            return float(facts["seconds"]) >= plan.minutes * 60
        return int(facts["step"]) >= (plan.steps or math.ceil((plan.images or 0) / plan.config["batch"]))

    @property
    def finished(self) -> int:
        """How many steps have come to their end."""
        return next((i for i in range(len(self.steps)) if not self.is_finished(i)), len(self.steps))

    def remaining(self) -> Iterator[Run]:
        """The run of each step that is not finished; the next one is made when the one before has been trained."""
        for i in range(self.finished, len(self.steps)):
            folder = self.step_folder(i)
            if (folder / STATE).is_file():
                yield Run.open(folder, root=self.plan.root, device=self.plan.device)
            else:  # new, or killed before it was saved
                run = Run.assemble(folder, self.step_plan(i))
                run.lock = lock_of(folder)
                run._write_plan()
                yield run


def alone() -> None:
    """ValueError if there are several processes: between two steps they part, and gloo does not bring them together again."""
    if Group().size > 1:
        raise ValueError(
            "a recipe of several steps is trained by one process; leave torchrun out, or give its steps' knobs one by one"
        )


def of(folder: Path) -> Path | None:
    """The folder of the recipe that a folder holds or is a step of; None if it is an ordinary run."""
    return next((f for f in (folder, folder.parent) if (f / RECIPE).is_file()), None)


def latest(name: str, say: Callable[[str], None]) -> str:
    """The run of the last step that is finished, of a recipe's folder; any other name as it is. ValueError if none is yet."""
    if not (Path(name) / RECIPE).is_file():
        return name
    recipe = RecipeRun.open(Path(name))
    done, all_ = recipe.finished, len(recipe.steps)
    go_on = f"step {done + 1} of {all_} is not finished; `python -m ganzoo resume {name}` goes on"
    if not done:
        raise ValueError(f"{name}: {go_on}")
    if done < all_:
        say(f"{name}: {go_on}; meanwhile, this is step {done}")
    return str(recipe.step_folder(done - 1))
