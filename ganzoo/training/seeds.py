"""Several trainings that differ in nothing but the seed: measured one by one, reported together, none left out."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .. import files
from ..checkpoint.formats import with_ids
from ..checkpoint.manifest import Measure, measures
from ..metrics.measure import Known, measure
from ..spec import Spec
from .plan import from_run

FOUND = "seeds.json"  # beside the runs: {seed: {"step": ..., "n": ..., "metrics": [...]}}


def runs(folder: Path) -> dict[int, Path]:
    """The runs of `train --seeds` in a folder, by seed; empty if it holds none."""
    named = {re.fullmatch(r"seed-(\d+)", p.name): p for p in folder.glob("seed-*") if (p / "run.json").is_file()}
    return dict(sorted((int(m[1]), p) for m, p in named.items() if m))


def read_found(folder: Path) -> dict[str, dict[str, Any]]:
    """What was measured of each run so far, by seed."""
    found = files.read_json(folder / FOUND) if (folder / FOUND).is_file() else {}
    return {seed: kept | {"metrics": with_ids(kept["metrics"])} for seed, kept in found.items()}


def measured(
    folder: Path,
    root: str | None = None,
    n: int = 10_000,
    say: Callable[[str], None] = print,
    there: Mapping[int, Path] | None = None,
    known: Known | None = None,
) -> dict[int, list[dict[str, Any]]]:
    """Every run's measures, by seed; those that have not changed since they were measured are read from FOUND. there: the runs
    that are asked for (default: all in the folder); known: see `measure`."""
    known = {} if known is None else known
    found = read_found(folder)
    there = runs(folder) if there is None else there
    for seed, run in there.items():
        plan, game, facts = from_run(run)
        state = {"step": int(facts["step"]), "n": n}
        kept = found.get(str(seed), {})
        if {k: kept.get(k) for k in state} != state:
            say(f"seed {seed}: {run}, step {facts['step']}")
            found[str(seed)] = state | {"metrics": measure(game, plan.data, root, n, say, known)}
            files.write_json(folder / FOUND, found)
    return {seed: found[str(seed)]["metrics"] for seed in there}


def together(found: Mapping[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Measures by seed -> [{id, name, better, floor, values by seed, median, low, high}], in the order of the measures."""
    by_id: dict[str, dict[str, Measure]] = {}
    for seed, metrics in found.items():
        for m in measures(metrics):
            by_id.setdefault(m.id, {})[str(seed)] = m
    rows = []
    for id, by_seed in by_id.items():
        values, last = {seed: m.value for seed, m in by_seed.items()}, [*by_seed.values()][-1]
        rows.append(
            {
                "id": id,
                "name": last.name,
                "better": last.better,
                "floor": last.floor,
                "values": values,
                "median": round(statistics.median(values.values()), 5),
                "low": min(values.values()),
                "high": max(values.values()),
            }
        )
    return rows


def choose(folder: Path, spec: Spec) -> tuple[Path, dict[str, Any]]:
    """The best run of several by the model's own measure, and what a checkpoint keeps of all of them.

    ValueError if one of them has not been measured as it is now.
    """
    there, kept = runs(folder), read_found(folder)
    step = {seed: int(from_run(run)[2]["step"]) for seed, run in there.items()}
    if missing := [str(s) for s in there if kept.get(str(s), {}).get("step") != step[s]]:
        raise ValueError(f"{folder}: seeds {', '.join(missing)} are not measured yet; `python -m ganzoo eval {folder}` does it")
    found = {seed: kept[str(seed)]["metrics"] for seed in there}
    rows = together(found)
    decisive = next((m for m in rows if m["id"] == spec.measure), rows[0] if rows else None)  # points have modes alone
    if decisive is None:
        raise ValueError(f"{folder}: no measure {spec.measure!r} to choose by")
    sign = 1 if decisive["better"] == "lower" else -1
    best = min(there, key=lambda seed: sign * decisive["values"][str(seed)])
    about = {"chosen": best, "of": list(there), "by": decisive["id"], "measures": rows}
    return there[best], {"metrics": found[best], "seeds": about}
