"""A run on disk, and exact resume.

RUN/run.json            what was asked for: model, its config, data, seed, device, precision, budget, command
RUN/state.safetensors   everything a resume needs: networks, averages, optimisers, step, seconds
RUN/best.safetensors    the averaged networks with the smallest Fréchet distance, if asked for
RUN/log.jsonl           loss terms and speed over steps
RUN/snapshots/*.png     the same 64 latents along training

Randomness and data order are functions of (seed, step), so the step stands for both.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import data, registry
from ..files import clean, read_json, read_tensors, write, write_json, write_tensors
from ..gan import GAN
from ..spec import naming
from .distributed import Group
from .engine import Engine, drawing, opposing, pick_device, pick_precision

FORMAT = 1
STATE = "state.safetensors"


@dataclass(frozen=True)
class Plan:
    """What a run was asked to do. `steps`, `minutes` and `images` are totals; a resume may raise them."""

    model: str
    data: str
    config: dict[str, Any]
    seed: int = 0
    root: str | None = None
    device: str = "auto"
    precision: str = "auto"
    steps: int | None = None
    minutes: float | None = None
    images: int | None = None
    keep_best: bool = False
    deterministic: bool = False  # on a GPU: the same bits each time; a CPU gives them anyway
    start: str = ""  # the checkpoint or run whose networks it begins with
    started: dict[str, Any] = field(default_factory=dict)  # what that was: name, revision, pictures, commands
    recipe: str | None = None
    command: str = ""
    commit: str = ""
    made_on: str = ""
    about: dict[str, str] = field(default_factory=dict)  # the data: name, title, source, license
    format: int = FORMAT


class Run:
    """A folder with a plan, and the engine that carries it out."""

    def __init__(self, folder: Path, plan: Plan, fresh: bool = True) -> None:
        spec, device, group = registry.spec(plan.model), pick_device(plan.device), Group()
        group.join(device)
        half = group.agree(pick_precision(plan.precision, device) == "bf16")  # machines may differ
        precision = "bf16" if half else "fp32"
        pictures = data.load(plan.data, plan.root)
        if plan.keep_best:  # before anything is written
            from ..metrics.report import judge_of

            judge_of(plan.data, pictures.classes)
        begin: Callable[[GAN], None] | None = methodcaller("prepare") if fresh else None
        if fresh and plan.start:
            from ..hub.resolve import Start

            start = Start.of(plan.start, plan.model)
            begin = partial(start.give, prepare=bool(plan.config.keys() & set(naming(spec.config))))
            plan = replace(plan, config=start.knobs(spec, plan.config), started=start.facts)
        before, same = plan.started.get("images", 0), plan.deterministic
        self.engine = Engine(spec, plan.config, pictures, plan.seed, device, precision, group, begin, before, same)
        self.folder = folder
        self.plan = replace(
            plan,
            config=asdict(self.engine.config),
            precision=precision,
            made_on=describe_device(device),
            about={"name": pictures.name, "title": pictures.title, "source": pictures.source, "license": pictures.license},
        )
        self.seconds = 0.0  # of training, over all sittings

    @staticmethod
    def create(folder: Path, plan: Plan) -> Run:
        """A new run in a folder that is not there yet, or empty. ValueError otherwise: nothing is written over."""
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ValueError(f"{folder}: already there; choose another --out, or go on with `python -m ganzoo resume {folder}`")
        run = Run(folder, plan)
        run._begin()
        return run

    @staticmethod
    def open(folder: Path, **changed: Any) -> Run:
        """A run as it was saved last, some of its plan changed. ValueError if the folder holds none."""
        plan = read_plan(folder)
        plan = Plan(**(asdict(plan) | changed))
        saved = (folder / STATE).exists()
        run = Run(folder, plan, fresh=not saved)
        if saved:
            run._load()
        run._begin()
        return run

    def _begin(self) -> None:
        if self.engine.group.leads:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.folder / "run.json", asdict(self.plan))

    @property
    def state(self) -> Path:
        return self.folder / STATE

    def save(self) -> None:
        """Put the whole state on disk, in one file, at once. All ranks call it; rank 0 writes."""
        e = self.engine
        e.group.same(e.gan.buffers())
        if not e.group.leads:
            return
        tensors = {f"gan.{k}": v for k, v in e.gan.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in drawing(e.average).items()}
        for name, adam in e.optimisers.items():
            for i, moments in adam.state_dict()["state"].items():
                tensors |= {f"adam.{name}.{i}.{k}": v for k, v in moments.items()}
        write_tensors(self.state, tensors, {"step": str(e.step), "seconds": repr(self.seconds), "format": str(FORMAT)})

    def keep_best(self, distance: float) -> None:
        """Keep the averaged networks beside the last state if their Fréchet distance is the smallest yet."""
        best = self.folder / "best.safetensors"
        if best.exists() and float(read_tensors(best)[1]["frechet"]) <= distance:
            return
        tensors = {f"average.{k}": v for k, v in drawing(self.engine.average).items()}
        tensors |= {f"gan.{k}": v for k, v in opposing(self.engine.gan).items()}
        facts = {"step": str(self.engine.step), "seconds": repr(self.seconds), "frechet": repr(distance)}
        write_tensors(best, tensors, facts)

    def _load(self) -> None:
        tensors, facts = read_tensors(self.state)
        e = self.engine
        try:
            e.gan.load_state_dict(_under("gan.", tensors))
            for k, v in drawing(e.average).items():
                v.copy_(tensors[f"average.{k}"])
            for name, adam in e.optimisers.items():
                _load_adam(adam, _under(f"adam.{name}.", tensors))
            e.step, self.seconds = int(facts["step"]), float(facts["seconds"])
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"{self.state}: not a state of this run ({str(error).splitlines()[0]})") from None
        if e.group.leads:
            clean(self.folder)
            keep_log(self.folder / "log.jsonl", e.step)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _load_adam(adam: torch.optim.Adam, moments: dict[str, Tensor]) -> None:
    """Restore Adam's moments in the memory layout of their weights, which the fused kernel goes by."""
    weights = adam.param_groups[0]["params"]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in moments.items():
        i, name = key.split(".")
        like = weights[int(i)]
        state.setdefault(int(i), {})[name] = value if name == "step" else torch.empty_like(like).copy_(value)
    adam.load_state_dict({"state": state, "param_groups": adam.state_dict()["param_groups"]})
    for weight, kept in adam.state.items():  # load_state_dict may have moved them to the default layout
        for name, value in kept.items():
            if name != "step" and value.stride() != weight.stride():
                kept[name] = torch.empty_like(weight).copy_(value)


def read_plan(folder: Path) -> Plan:
    """The plan of the run in a folder. ValueError if it holds none."""
    if not (folder / "run.json").is_file():
        raise ValueError(f"{folder}: no run (a folder with run.json, made by `python -m ganzoo train ... --out {folder}`)")
    kept = read_json(folder / "run.json")
    try:
        plan = Plan(**kept)
    except TypeError as error:
        raise ValueError(f"{folder / 'run.json'}: not a plan of this version ({error})") from None
    if plan.format != FORMAT:
        raise ValueError(f"{folder}: made in format {plan.format}; this version reads {FORMAT}")
    return plan


def keep_log(path: Path, step: int) -> None:
    """Drop the lines of a log that come after a step, and a line that was cut short."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text().splitlines(keepends=True):
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
        name = next((x.split(":")[1].strip() for x in cpuinfo.read_text().splitlines() if x.startswith("model name")), name)
    return f"{os.cpu_count()} cores of {name}"
