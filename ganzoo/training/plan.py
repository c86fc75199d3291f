"""What a run was asked to do, as RUN/run.json keeps it, and the networks that it has come to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import registry
from ..config import configure
from ..data.folder import SPLIT_1, with_option
from ..files import read_json, read_tensors
from ..gan import Game, inference_state, training_only_state

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
    accumulate: int = 1  # parts in which a batch is played, one after the other
    start: str = ""  # the checkpoint or run whose networks it begins with
    started: dict[str, Any] = field(default_factory=dict)  # what that was: name, revision, pictures, commands
    recipe: str | None = None
    command: str = ""
    commit: str = ""
    made_on: str = ""
    about: dict[str, str] = field(default_factory=dict)  # the data: name, title, source, license
    fingerprint: dict[str, Any] = field(default_factory=dict)  # of the data (see `data.fingerprint`); older runs have none
    format: int = FORMAT


def read_plan(folder: Path, drawing: bool = False) -> Plan:
    """The plan of the run in a folder, its model and knobs by their names of today. ValueError if it holds none, or if nothing
    trains as it was asked to any more; drawing: only if nothing draws what it has come to."""
    if not (folder / "run.json").is_file():
        raise ValueError(f"{folder}: no run (a folder with run.json, made by `python -m ganzoo train ... --out {folder}`)")
    kept = read_json(folder / "run.json")
    try:
        plan = Plan(**kept)
    except TypeError as error:
        raise ValueError(f"{folder / 'run.json'}: not a plan of this version ({error})") from None
    if plan.format != FORMAT:
        raise ValueError(f"{folder}: made in format {plan.format}; this version reads {FORMAT}")
    if not plan.fingerprint and plan.data.startswith("folder:"):  # it keeps the split that folders had then
        plan = replace(plan, data=with_option(plan.data, SPLIT_1))
    try:
        spec, config = registry.successor(plan.model, plan.config, drawing)
    except ValueError as error:
        then = "" if drawing else "; go on with it in the version of ganzoo that made it"
        raise ValueError(f"{folder / 'run.json'}: {error}{then}") from None
    return replace(plan, model=spec.name, config=asdict(config))


def from_run(folder: Path, best: bool = False) -> tuple[Plan, Game, dict[str, str]]:
    """The averaged model of a run as it was saved last, or at its best: its plan, the networks, step and seconds."""
    plan = read_plan(folder, drawing=True)
    spec = registry.spec(plan.model)
    gan = spec.build(configure(spec.config, plan.config))
    kept = folder / ("best.safetensors" if best else STATE)
    if best and not kept.exists():
        raise ValueError(f"{folder}: no best.safetensors; it is kept by `train --keep-best`")
    tensors, facts = read_tensors(kept)
    try:
        for part, prefix in ((inference_state(gan), "average."), (training_only_state(gan), "gan.")):
            for k, v in part.items():
                v.copy_(tensors[prefix + k])
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"{folder}: its state does not fit its plan ({error})") from None
    return plan, gan.eval().requires_grad_(False), facts
