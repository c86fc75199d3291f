"""The table of scores: every model on every data set, a trial for each seed that was trained, none left out.

A row is a training repeated over seeds: a folder of runs, or a checkpoint, whose config.json has the measures of all its seeds.
Best-of figures and unequal budgets make any loss look better than another (Lucic et al. 2018, arXiv 1711.10337), so a row says
what it cost and how many of its trials failed, and two rows are apart only where a bootstrap over their seeds says so.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from .. import files, registry
from ..checkpoint.card import number
from ..checkpoint.folder import BOARD, Checkpoint, weights_dir
from ..checkpoint.history import BUDGETS, IDLE, Command, one_command
from ..checkpoint.manifest import Measure, measures
from ..checkpoint.write import redact_paths
from ..data.dataset import plain
from ..data.points import MIXTURES
from ..metrics.measure import POINTS, Known
from . import seeds
from .plan import STATE, Plan, from_run, read_plan

FORMAT = 1
DECISIVE = "frechet"  # what rows are ordered and compared by; less is better
SHOWN = {DECISIVE: "Fréchet distance", "recall": "recall", "coverage": "coverage", "lost_classes": "lost classes"}
RESAMPLES = 9999
CONFIDENCE = 0.95


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One training. scores: by the ids of SHOWN, as far as they were taken; failure: why it counts as one, or nothing."""

    seed: int
    command: str
    scores: dict[str, float]
    images: int
    seconds: float | None = None  # of training, None where it was not kept
    failure: str = ""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A training over its seeds; n: pictures that each trial was measured on."""

    name: str
    model: str
    data: str
    device: str
    n: int
    trials: list[Trial]
    command: str = ""  # that trains and keeps all its seeds again

    def values(self, id: str = DECISIVE) -> list[float]:
        """A measure of every trial that has it, failed ones included."""
        return [t.scores[id] for t in self.trials if id in t.scores]

    def mean(self, id: str = DECISIVE) -> float:
        """Not a number where no trial has it."""
        return statistics.mean(self.values(id) or [math.nan])

    @property
    def failures(self) -> list[Trial]:
        return [t for t in self.trials if t.failure]


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """What leaderboard.json holds."""

    rows: list[Row]
    format: int = FORMAT


# ---- Collecting --------------------------------------------------------------------------------------------------------


def of_run(
    folder: Path, root: str | None, n: int, say: Callable[[str], None], known: Known | None = None, name: str = ""
) -> Row:
    """A row of a run, or of the runs of `train --seeds` in a folder, measured where they are not yet. known: see `measure`;
    name: of the row, if not the folder's. ValueError if it holds none, or if its model draws nothing."""
    runs = seeds.runs(folder) or {read_plan(folder).seed: folder}
    saved = {seed: run for seed, run in runs.items() if (run / STATE).is_file()}
    plans = {seed: read_plan(run, drawing=True) for seed, run in runs.items()}
    first = plans[min(plans)]
    if first.model in registry.TOOLS:
        raise ValueError(f"{folder}: a {first.model} draws nothing; the leaderboard is of what draws")
    if first.data in MIXTURES:
        raise ValueError(f"{folder}: {POINTS.format(first.data)}")
    found = seeds.measured(folder, root, n, say, saved, known)
    trials = []
    for seed, plan in plans.items():
        facts = from_run(saved[seed])[2] if seed in saved else {"step": "0", "seconds": "0"}
        step, seconds = int(facts["step"]), float(facts["seconds"])
        measured = measures(found.get(seed, []))
        scores = {m.id: m.value for m in measured if m.id in SHOWN}
        trials.append(
            Trial(
                seed=seed,
                command=to_its_end(of_seed(plan.command, seed), plan, step),
                scores={k: v for k, v in scores.items() if math.isfinite(v)},
                images=step * int(plan.config["batch"]),
                seconds=round(seconds, 1),
                failure=failure(scores, loses_none(measured), unfinished(plan, step, seconds)),
            )
        )
    device, command = first.made_on, redact_paths(first.command.splitlines()[0]) if first.command else ""
    command = to_its_end(shown(command), first, min(t.images for t in trials) // int(first.config["batch"]))
    return Row(
        name=name or folder.name, model=first.model, data=plain(first.data), device=device, n=n, trials=trials, command=command
    )


def to_its_end(command: str, plan: Plan, step: int) -> str:
    """A command with the budget that a run came to, where it was resumed; else as it was typed."""
    parsed, batch = Command.parse(command), int(plan.config["batch"])
    if not parsed or len(plan.command.splitlines()) < 2:
        return command
    options = {k: v for k, v in parsed.options.items() if k not in BUDGETS} | {"--images": str(step * batch)}
    return str(Command(parsed.verb, parsed.about, options))


def unfinished(plan: Plan, step: int, seconds: float) -> str:
    """How far a run came, if not to its budget: it diverged, or was stopped."""
    if plan.minutes:
        return "" if seconds >= 60 * plan.minutes else f"stopped after {seconds / 60:.1f} of {plan.minutes:g} minutes"
    target = plan.steps or math.ceil((plan.images or 0) / int(plan.config["batch"]))
    return "" if step >= target else f"stopped at step {step:,} of {target:,}"


def loses_none(found: Iterable[Measure]) -> bool:
    """Whether as many real test pictures have all classes, so that one that is lost is the model's loss."""
    return any(m.id == "lost_classes" and m.floor == 0 for m in found)


def failure(scores: dict[str, float], complete: bool, stopped: str = "") -> str:
    """Why a trial counts as a failure: it did not come to its end, its measures are no numbers, or it lost classes of those
    that real test pictures have (complete: all)."""
    if stopped or not math.isfinite(scores.get(DECISIVE, math.nan)):
        return stopped or "drew nothing that could be measured"
    lost = scores.get("lost_classes", 0) if complete else 0
    return f"lost {lost:.2g} classes" if lost else ""


def of_checkpoint(c: Checkpoint) -> Row | None:
    """A row of a checkpoint that draws: all seeds that it was chosen from. None where it was not measured."""
    m = c.manifest
    if not m.draws or not (decisive := m.measure(DECISIVE)):
        return None
    by_seed: dict[int, dict[str, float]] = {m.training.seed: {x.id: x.value for x in m.metrics if x.id in SHOWN}}
    if m.seeds:
        by_seed = {s: {x.id: x.values[str(s)] for x in m.seeds.measures if x.id in SHOWN} for s in m.seeds.of}
    made_by = one_command(c) or ""
    trials = [
        Trial(
            seed=seed,
            command=of_seed(made_by, seed),
            scores=scores,
            images=m.images_seen,
            seconds=m.training.seconds if seed == m.training.seed else None,
            failure=failure(scores, loses_none(m.metrics)),
        )
        for seed, scores in by_seed.items()
    ]
    typed = redact_paths(m.commands[0]) if len(by_seed) > 1 and made_by else made_by
    about = {"name": c.name, "model": c.model, "data": c.data.partition("@")[0]}
    return Row(**about, device=m.training.device, n=decisive.n, trials=trials, command=shown(typed))


def of_seed(command: str, seed: int) -> str:
    """The command that trains one of several seeds alone, in the folder that it had among them.

    >>> of_seed("python -m ganzoo train dcgan --data mnist --seeds 0-4 --out runs/x --quiet", 3)
    'python -m ganzoo train dcgan --data mnist --out runs/x/seed-3 --seed 3'
    """
    line = command.splitlines()[0] if command else ""
    parsed = Command.parse(line)
    if not parsed or parsed.verb != "train":
        return redact_paths(line) if line else ""
    options = dict(parsed.options)
    several = options.pop("--seeds", None)
    if several and (out := options.get("--out")):
        options["--out"] = f"{out.rstrip('/')}/seed-{seed}"
    if several or seed:
        options["--seed"] = str(seed)
    return redact_paths(str(Command("train", parsed.about, {k: v for k, v in options.items() if k not in IDLE})))


def shown(command: str) -> str:
    """A command without the options that change nothing in what it makes."""
    if not (parsed := Command.parse(command)):
        return command
    return str(Command(parsed.verb, parsed.about, {k: v for k, v in parsed.options.items() if k not in IDLE}))


def kept(folder: Path | None = None) -> list[Row]:
    """The rows of leaderboard.json in the weights' folder; none where there is no such file. ValueError if it is something
    else."""
    path = (folder or weights_dir()) / BOARD
    if not path.is_file():
        return []
    try:
        board = msgspec.json.decode(path.read_bytes(), type=Board)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: not a leaderboard ({error})") from None
    if board.format != FORMAT:
        raise ValueError(f"{path}: made in format {board.format}; this version reads {FORMAT}")
    return board.rows


def record(rows: Sequence[Row], folder: Path | None = None) -> Path:
    """Keep rows in leaderboard.json, each in the place of one of its name -> its path."""
    path = (folder or weights_dir()) / BOARD
    kept_now = {row.name: row for row in (*kept(folder), *rows)}
    files.write_json(path, msgspec.to_builtins(Board(rows=merged(kept_now.values()))))
    return path


def merged(*of: Iterable[Row]) -> list[Row]:
    """Rows of several places, by data set and then the best first; of one training, the last place's, and of several that have
    one name, all: those of earlier places are called NAME (run), NAME (run 2), ..."""
    rows: dict[str, Row] = {}
    for row in (row for place in of for row in place):
        there = rows.get(row.name)
        if there and trained(there) != trained(row):
            former = next(name for i in count(1) if (name := f"{row.name} (run{f' {i}' * (i > 1)})") not in rows)
            rows[former] = msgspec.structs.replace(there, name=former)
        rows[row.name] = row
    return sorted(rows.values(), key=lambda r: (r.data, math.isnan(r.mean()), r.mean(), r.name))


def trained(row: Row) -> tuple[Any, ...]:
    """What tells two trainings of one name apart."""
    return row.model, row.data, [(t.seed, t.images) for t in row.trials]


def names(folders: Sequence[Path]) -> list[str]:
    """A name for each of some folders: its own, with as many of those that it lies in as tell it from the others.

    >>> names([Path("a/try"), Path("b/try"), Path("b/more")])
    ['a/try', 'b/try', 'more']
    """
    parts = [folder.resolve().parts for folder in folders]
    found = []
    for own in parts:
        n = next((n for n in range(1, len(own)) if sum(p[-n:] == own[-n:] for p in {*parts}) == 1), len(own) - 1)
        found.append("/".join(own[-n:]))
    return found


# ---- Comparing ---------------------------------------------------------------------------------------------------------


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """A 95 % interval of the mean, by bootstrap over seeds (Efron 1979, percentiles); None of a single seed."""
    return middle(resampled_means(values)) if len(values) > 1 else None


def are_tied(a: Row, b: Row) -> bool | None:
    """Whether the difference of two rows' mean Fréchet distances may be 0, as a bootstrap over the seeds of both sees it; None
    where that is not known: one of them has a single seed, which says nothing of the next, or was measured on fewer pictures,
    of which the distance is larger."""
    x, y = a.values(), b.values()
    if min(len(x), len(y)) < 2 or a.n != b.n:
        return None
    low, high = middle(resampled_means(x, 1) - resampled_means(y, 2))
    return low <= 0 <= high


def resampled_means(values: Sequence[float], seed: int = 0) -> Tensor:
    """The means of samples as large as this one, drawn from it with replacement: (RESAMPLES,)."""
    drawn = torch.randint(len(values), (RESAMPLES, len(values)), generator=torch.Generator().manual_seed(seed))
    return torch.tensor(values, dtype=torch.float64)[drawn].mean(1)


def middle(of: Tensor) -> tuple[float, float]:
    """Where the middle 95 % of some numbers begin and end."""
    low, high = of.quantile(torch.tensor([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], dtype=of.dtype)).tolist()
    return low, high


def ties(rows: Sequence[Row]) -> dict[str, list[str]]:
    """The rows of one data set that each row cannot be told from, by name; none where it was compared with none."""
    return {a.name: [b.name for b in rows if b is not a and are_tied(a, b)] for a in rows}


def compared(row: Row, rows: Sequence[Row]) -> int:
    """How many rows of one data set it was compared with."""
    return sum(are_tied(row, b) is not None for b in rows if b is not row)


# ---- Showing -----------------------------------------------------------------------------------------------------------


def as_objects(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows for programs: what is kept, and what is made of it."""
    found = []
    for data, group in by_data(rows).items():
        tied = ties(group)
        for row in group:
            made = {"mean": {id: round(row.mean(id), 5) for id in SHOWN if row.values(id)}, "failures": len(row.failures)}
            made |= {"interval": interval(row.values()), "tied_with": tied[row.name]}
            found.append(msgspec.to_builtins(row) | {"data": data} | made)
    return found


def by_data(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by their data set."""
    return {data: [r for r in rows if r.data == data] for data in dict.fromkeys(r.data for r in rows)}


HEAD = ["trained", "Fréchet distance ↓", "95 % of the mean", "recall ↑", "coverage ↑", "lost classes ↓", "seeds", "failed"]
HEAD += ["pictures", "seconds", "measured on", "cannot be told from"]


def as_markdown(rows: Sequence[Row], commands: bool = True) -> str:
    """A table for each data set, and the command of each row."""
    parts = []
    for data, group in by_data(rows).items():
        tied = ties(group)
        lines = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
        lines += [f"| {' | '.join(cells(row, tied[row.name], compared(row, group)))} |" for row in group]
        parts.append(f"### {data}\n\n" + "\n".join(lines))
        failed = {row.name: "; ".join(f"seed {t.seed} {t.failure}" for t in row.failures) for row in group}
        if why := [f"- `{name}`: {reasons}" for name, reasons in failed.items() if reasons]:
            parts.append("Failed:\n\n" + "\n".join(why))
        if commands and (made_by := dict.fromkeys(row.command for row in group if row.command)):
            parts.append("```\n" + "\n".join(made_by) + "\n```")
    return "\n\n".join(parts)


def cells(row: Row, tied: Sequence[str], others: int) -> list[str]:
    """A row of the table: means over the seeds, their interval, what failed, what it cost, what it cannot be told from of the
    other rows that it was compared with."""

    def mean(id: str) -> str:
        return number(row.mean(id)) if row.values(id) else ""

    between = interval(row.values())
    seconds = [t.seconds for t in row.trials if t.seconds is not None]
    return [
        f"`{row.name}`",
        mean(DECISIVE),
        f"{number(between[0])} to {number(between[1])}" if between else "one seed" if len(row.trials) == 1 else "",
        *(mean(id) for id in list(SHOWN)[1:]),
        str(len(row.trials)),
        str(len(row.failures)),
        f"{statistics.mean(t.images for t in row.trials):,.0f}",
        f"{statistics.mean(seconds):,.0f}" if seconds else "",
        f"{row.n:,}",
        ", ".join(f"`{name}`" for name in tied) or (f"none of {others} compared" if others else "not compared"),
    ]
