"""A run on disk, and exact resume.

RUN/run.json            what was asked for: model, its config, data, seed, device, precision, budget, command
RUN/state.safetensors   everything a resume needs: networks, averages, optimisers, step, seconds
RUN/best.safetensors    the averaged networks with the smallest Fréchet distance, if asked for
RUN/log.jsonl           loss terms and speed over steps
RUN/snapshots/*.png     the same 64 latents along training
RUN/.lock               held by the process that trains it

Randomness and data order are functions of (seed, step), so the step stands for both.
"""

from __future__ import annotations

import json
import logging
import math
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import Tensor

from .. import data, registry
from ..config import naming
from ..data.fingerprint import differences, fingerprint
from ..data.folder import absolute, split_of
from ..files import clean, read_tensors, write, write_json, write_tensors
from ..gan import Game, inference_state, training_only_state
from ..metrics.measure import judge_of
from .device import pick_device, pick_precision
from .distributed import Group
from .engine import Engine
from .plan import FORMAT, STATE, Plan, read_plan
from .warm_start import WarmStart, opened

log = logging.getLogger("ganzoo")


class Run:
    """A folder with a plan, and the engine that carries it out. While it lives, no other process opens that folder."""

    def __init__(self, folder: Path, plan: Plan, engine: Engine, lock: FileLock | None = None) -> None:
        self.folder, self.plan, self.engine, self.lock = folder, plan, engine, lock
        self.seconds = 0.0  # of training, over all sittings

    @classmethod
    def assemble(cls, folder: Path, plan: Plan, fresh: bool = True) -> Run:
        """The run of a plan, with the facts of this machine and its data filled in. fresh: its networks are initialised, or
        taken from its warm start; else a saved state will be read over them."""
        spec, device, group = registry.spec(plan.model), pick_device(plan.device), Group()
        group.join(device)
        half = group.broadcast_flag(pick_precision(plan.precision, device) == "bf16")  # machines may differ
        precision = "bf16" if half else "fp32"
        pictures = data.load(plan.data, plan.root)
        found = fingerprint(pictures)
        if plan.fingerprint and (changes := differences(plan.fingerprint, found)):
            raise ValueError(
                f"{plan.data}: has changed since this run was saved ({'; '.join(changes)}); put back what was there, or go on "
                "with what there is: `resume --data-changed`"
            )
        if plan.keep_best:  # before anything is written
            judge_of(plan.data, pictures.classes)
        initialise: Callable[[Game], None] | None = methodcaller("prepare", opened) if fresh else None
        if fresh and plan.start:
            start = WarmStart.of(plan.start, plan.model)
            initialise = partial(start.load_into, prepare=bool(plan.config.keys() & set(naming(spec.config))))
            plan = replace(plan, config=start.knobs(spec, plan.config), started=start.facts)
        engine = Engine(
            spec,
            plan.config,
            pictures,
            plan.seed,
            device,
            precision,
            group,
            initialise,
            images_before=plan.started.get("images", 0),
            deterministic=plan.deterministic,
            accumulate=plan.accumulate,
        )
        plan = replace(
            plan,
            config=asdict(engine.config),
            precision=precision,
            made_on=describe_device(device),
            about={"name": pictures.name, "title": pictures.title, "source": pictures.attribution, "license": pictures.license}
            | split_of(plan.data),
            fingerprint=found,
        )
        return cls(folder, plan, engine)

    @staticmethod
    def create(folder: Path, plan: Plan) -> Run:
        """A new run in a folder that is not there yet, or empty. ValueError otherwise: nothing is written over."""
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ValueError(f"{folder}: already there; choose another --out, or go on with `python -m ganzoo resume {folder}`")
        run = Run.assemble(folder, replace(plan, data=absolute(plan.data)))
        run.lock = lock_of(folder)
        run._write_plan()
        return run

    @staticmethod
    def open(folder: Path, data_changed: bool = False, **changed: Any) -> Run:
        """A run as it was saved last, some of its plan changed. ValueError if the folder holds none, or if its data are not
        what they were; data_changed: go on with them all the same."""
        plan = read_plan(folder)
        plan = Plan(**(asdict(plan) | changed | ({"fingerprint": {}} if data_changed else {})))
        lock = lock_of(folder)  # before anything is read that another process may write
        saved = (folder / STATE).exists()
        run = Run.assemble(folder, plan, fresh=not saved)
        run.lock = lock
        if saved:
            run._load(plan.config)
        if changed.keys() & {"steps", "minutes", "images"} and (over := run.beyond()):
            raise ValueError(f"{folder}: {over} already; give more than that, or leave the budget as it was")
        run._write_plan()
        return run

    def beyond(self) -> str:
        """How far it has come, if that is more than its budget; or nothing. Minutes end with a step, which may be long."""
        plan, e = self.plan, self.engine
        if plan.steps and e.step > plan.steps:
            return f"has played {e.step:,} steps"
        if plan.images and e.step > math.ceil(plan.images / e.config.batch):
            return f"has seen {e.step * e.config.batch:,} pictures"
        return (
            f"was trained for {self.seconds / 60:.1f} minutes" if plan.minutes and self.seconds > 60 * plan.minutes + 60 else ""
        )

    def release(self) -> None:
        """Let others open the folder."""
        if self.lock:
            self.lock.release(force=True)
            self.lock = None

    def _write_plan(self) -> None:
        if self.engine.group.is_main:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.folder / "run.json", asdict(self.plan))

    @property
    def state(self) -> Path:
        return self.folder / STATE

    def save(self) -> None:
        """Put the whole state on disk, in one file, at once. All ranks call it; rank 0 writes."""
        e = self.engine
        if not e.group.is_main:
            return
        tensors = {f"gan.{k}": v for k, v in e.game.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in inference_state(e.average).items()}
        for phase in e.phases:
            for i, moments in e.optimisers[phase.name].state_dict()["state"].items():
                tensors |= {f"{phase.optimizer}.{phase.name}.{i}.{k}": v for k, v in moments.items()}
        write_tensors(self.state, tensors, {"step": str(e.step), "seconds": repr(self.seconds), "format": str(FORMAT)})

    def keep_best(self, distance: float) -> None:
        """Keep the averaged networks beside the last state if their Fréchet distance is the smallest yet."""
        best = self.folder / "best.safetensors"
        if best.exists() and float(read_tensors(best)[1]["frechet"]) <= distance:
            return
        tensors = {f"average.{k}": v for k, v in inference_state(self.engine.average).items()}
        tensors |= {f"gan.{k}": v for k, v in training_only_state(self.engine.game).items()}
        facts = {"step": str(self.engine.step), "seconds": repr(self.seconds), "frechet": repr(distance)}
        write_tensors(best, tensors, facts)

    def _load(self, config: Mapping[str, Any]) -> None:
        """config: the knobs that the state was saved with."""
        tensors, facts = read_tensors(self.state)
        e, now = self.engine, asdict(self.engine.config)
        try:
            e.game.load_state_dict(_under("gan.", tensors))
            for k, v in inference_state(e.average).items():
                v.copy_(tensors[f"average.{k}"])
            e.step, self.seconds = int(facts["step"]), float(facts["seconds"])
            for phase in e.phases:
                moments = _under(prefix := f"{phase.optimizer}.{phase.name}.", tensors)
                if not moments and e.step >= phase.every:
                    raise KeyError(prefix)
                _load_moments(e.optimisers[phase.name], moments)
        except (KeyError, RuntimeError) as error:
            sizes = [
                {k: c.get(k) for k in ("side", "channels")} | {"classes": len(c.get("classes") or ())} for c in (config, now)
            ]
            if changes := [f"{k}: {was} then, {sizes[1][k]} now" for k, was in sizes[0].items() if was != sizes[1][k]]:
                raise ValueError(
                    f"{self.plan.data}: the networks of this run are for other data ({'; '.join(changes)})"
                ) from None
            raise ValueError(f"{self.state}: not a state of this run ({str(error).splitlines()[0]})") from None
        if e.group.is_main:
            clean(self.folder)
            keep_log(self.folder / "log.jsonl", e.step)


def lock_of(folder: Path) -> FileLock | None:
    """The lock of a run's folder, taken by the process that writes it. ValueError if another process has it."""
    if not Group().is_main:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    lock: FileLock = FileLock(folder.resolve() / ".lock", is_singleton=True, thread_local=False)  # of this process
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(f"{folder}: another process is training it; wait until it is done, or stop it") from None
    except NotImplementedError:
        log.warning("%s: this file system has no locks; see that no other process trains it meanwhile", folder)
        return None
    return lock


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _load_moments(optimiser: torch.optim.Optimizer, moments: dict[str, Tensor]) -> None:
    """Restore an optimiser's moments in the memory layout of their weights, which Adam's fused kernel goes by."""
    weights = optimiser.param_groups[0]["params"]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in moments.items():
        i, name = key.split(".")
        like = weights[int(i)]
        state.setdefault(int(i), {})[name] = value if name == "step" else torch.empty_like(like).copy_(value)
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    for weight, kept in optimiser.state.items():  # load_state_dict may have moved them to the default layout
        for name, value in kept.items():
            if name != "step" and value.stride() != weight.stride():
                kept[name] = torch.empty_like(weight).copy_(value)


def keep_log(path: Path, step: int) -> None:
    """Drop the lines of a log that come after a step, and a line that was cut short."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        try:
            if line.endswith("\n") and json.loads(line)["step"] <= step:
                kept.append(line)
        except (ValueError, KeyError):
            continue
    write(path, "".join(kept))


def describe_command() -> str:
    """The command line of this process, as a person would type it."""
    return shlex.join(["python", "-m", "ganzoo", *sys.argv[1:]])


def describe_commit() -> str:
    """The commit of the code that runs, with + if it was changed; empty outside a checkout."""
    here = Path(__file__).resolve().parents[2]
    try:
        git = ["git", "-C", str(here), "describe", "--always", "--abbrev=10", "--dirty=+", "--exclude=*"]
        return subprocess.run(git, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def describe_device(device: torch.device) -> str:
    """The processor that trains, in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        name = next(
            (x.split(":")[1].strip() for x in cpuinfo.read_text(encoding="utf-8").splitlines() if x.startswith("model name")),
            name,
        )
    return f"{os.cpu_count()} cores of {name}"
