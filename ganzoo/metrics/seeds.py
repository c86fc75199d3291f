"""Several trainings that differ in nothing but the seed: measured one by one, told together, none left out."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import files
from ..checkpoint import from_run
from ..spec import Spec
from .report import measure

FOUND = "seeds.json"  # beside the runs: {seed: {"step": ..., "metrics": [...]}}


def runs(folder: Path) -> dict[int, Path]:
    """The runs of `train --seeds` in a folder, by seed; empty if it holds none."""
    named = {re.fullmatch(r"seed-(\d+)", p.name): p for p in folder.glob("seed-*") if (p / "run.json").is_file()}
    return dict(sorted((int(m[1]), p) for m, p in named.items() if m))


def measured(
    folder: Path, root: str | None = None, n: int = 10_000, say: Callable[[str], None] = print
) -> dict[int, list[dict[str, Any]]]:
    """Every run's measures, by seed; those that have not changed since they were measured are read from FOUND."""
    kept = files.read_json(folder / FOUND) if (folder / FOUND).is_file() else {}
    there = runs(folder)
    for seed, run in there.items():
        plan, gan, facts = from_run(run)
        state = {"step": int(facts["step"]), "n": n}
        before = kept.get(str(seed), {})
        if {k: before.get(k) for k in state} != state:
            say(f"seed {seed}: {run}, step {facts['step']}")
            kept[str(seed)] = state | {"metrics": measure(gan, plan.data, root, n, say)}
            files.write_json(folder / FOUND, kept)
    return {seed: kept[str(seed)]["metrics"] for seed in there}


def together(found: dict[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Measures by seed -> [{name, better, floor, values by seed, median, low, high}], in the order of the measures."""
    values: dict[str, dict[str, float]] = {}
    for seed, metrics in found.items():
        for m in metrics:
            values.setdefault(m["name"], {})[str(seed)] = m["value"]
    about = {m["name"]: m for metrics in found.values() for m in metrics}
    return [
        {
            "name": name,
            "better": about[name]["better"],
            "floor": about[name]["floor"],
            "values": v,
            "median": round(statistics.median(v.values()), 5),
            "low": min(v.values()),
            "high": max(v.values()),
        }
        for name, v in values.items()
    ]


def choose(folder: Path, spec: Spec) -> tuple[Path, dict[str, Any]]:
    """The best run of several by the model's own measure, and what a checkpoint keeps of all of them.

    ValueError if one of them has not been measured as it is now.
    """
    there = runs(folder)
    kept = files.read_json(folder / FOUND) if (folder / FOUND).is_file() else {}
    step = {seed: int(from_run(run)[2]["step"]) for seed, run in there.items()}
    if missing := [str(s) for s in there if kept.get(str(s), {}).get("step") != step[s]]:
        raise ValueError(f"{folder}: seeds {', '.join(missing)} are not measured yet; `python -m ganzoo eval {folder}` does it")
    found = {seed: kept[str(seed)]["metrics"] for seed in there}
    by = next((m for m in together(found) if m["name"] == spec.measure), None)
    if by is None:
        raise ValueError(f"{folder}: no measure {spec.measure!r} to choose by")
    sign = 1 if by["better"] == "lower" else -1
    best = min(there, key=lambda seed: sign * by["values"][str(seed)])
    about = {"chosen": best, "of": list(there), "by": spec.measure, "measures": together(found)}
    return there[best], {"metrics": found[best], "seeds": about}
