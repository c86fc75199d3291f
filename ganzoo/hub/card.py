"""The words about a checkpoint: its model card, and the README's table. Rendered from Spec and config.json alone."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from .. import data, files
from ..checkpoint import Checkpoint, previewed
from ..spec import Paper, knobs
from . import network

HUB_DATA = {"mnist": "ylecun/mnist", "fashion": "zalando-datasets/fashion_mnist"}  # our data sets as the Hub knows them


def number(value: float) -> str:
    """A measure as people read it: three significant digits, no exponent."""
    if value == int(value):
        return f"{int(value):,}"
    short = float(f"{value:.3g}")
    return f"{value:,.0f}" if abs(short) >= 100 else f"{short:.7f}".rstrip("0").rstrip(".")


def measures_table(metrics: list[dict[str, Any]], brief: bool = False) -> str:
    """Markdown: a row a measure, its better direction as an arrow; brief leaves out what there is to say about it."""
    if not metrics:
        return "Not measured yet: `python -m ganzoo eval NAME --record`."
    rows = ["| measure | value | real test set | pictures |", "|---|---|---|---|"]
    if not brief:
        rows = [row + end for row, end in zip(rows, (" |", "---|"), strict=True)]
    for m in metrics:
        arrow = {"lower": "↓", "higher": "↑"}[m["better"]]
        floor = "" if m["floor"] is None else number(m["floor"])
        count = f"{m['n']:,}" + (f" × {m['draws']}" if m["draws"] > 1 else "")
        rows.append(
            f"| {m['name']}\N{NO-BREAK SPACE}{arrow} | {value(m)} | {floor} | {count} |" + ("" if brief else f" {m['said']} |")
        )
    several = any(m["draws"] > 1 for m in metrics)
    return "\n".join(rows) + (
        "\n\nMean ± standard deviation over independent draws. ↓ less is better, ↑ more." if several else ""
    )


def measured(config: dict[str, Any]) -> str:
    """How to measure it again."""
    n = next((f" --n {m['n']}" for m in config["metrics"] if m["draws"] > 1), "")
    return f"\n\nBy `python -m ganzoo eval {config['name']}{n}`." if config["metrics"] else ""


def seeds_table(measures: list[dict[str, Any]]) -> str:
    """Markdown: a row a measure over several seeds: median, range, and every seed's own."""
    seeds = list(measures[0]["values"])
    rows = ["| measure | median | range | " + " | ".join(f"seed {s}" for s in seeds) + " |", "|---" * (3 + len(seeds)) + "|"]
    for m in measures:
        arrow = {"lower": "↓", "higher": "↑"}[m["better"]]
        each = " | ".join(number(m["values"][s]) if s in m["values"] else "" for s in seeds)
        rows.append(
            f"| {m['name']}\N{NO-BREAK SPACE}{arrow} | {number(m['median'])} | "
            f"{number(m['low'])} to {number(m['high'])} | {each} |"
        )
    return "\n".join(rows)


def several(config: dict[str, Any]) -> str:
    """A section on the seeds that this checkpoint was chosen from, if it was."""
    s = config.get("seeds")
    if not s:
        return ""
    return (
        f"### Over {len(s['of'])} seeds\n\nThe same training with {len(s['of'])} seeds, none left out. {chosen(config)}\n\n"
        f"{seeds_table(s['measures'])}\n\n"
    )


def chosen(config: dict[str, Any]) -> str:
    """A sentence on which of several seeds a checkpoint is, if it was chosen among some."""
    s = config.get("seeds")
    if not s:
        return ""
    which = f"This checkpoint is seed {s['chosen']}, the best of {len(s['of'])} by *{s['by']}*"
    m = next((m for m in s["measures"] if m["name"] == s["by"]), None)
    told = f", {number(m['median'])} ({number(m['low'])} to {number(m['high'])})" if m else ""
    return f"{which}; what to expect of one more training is the median{told}."


def value(m: dict[str, Any]) -> str:
    """A measure's mean and, where it has one, its spread."""
    return number(m["value"]) + (f" ± {m['spread']:.2g}" if m["spread"] else "")


def trained(config: dict[str, Any]) -> str:
    """One line: how much, how long, on what."""
    t = config["training"]
    said = f"{t['images']:,} pictures in {t['steps']:,} steps, {t['seconds'] / 60:.0f} minutes on {t['device']}"
    said += f", seed {t['seed']}"
    if start := t.get("start"):
        said += f"; it began with the networks of {' '.join(filter(None, [start['name'], start['revision']]))}, which had seen "
        said += f"{start['images']:,} pictures (the first lines below)"
    return said


def commands(config: dict[str, Any]) -> str:
    """What was typed, from the first training on."""
    t = config["training"]
    return "\n".join(filter(None, [t.get("start", {}).get("command", ""), t["command"]]))


def pictures_seen(config: dict[str, Any]) -> int:
    """Over all its trainings."""
    t = config["training"]
    return int(t["images"]) + int(t.get("start", {}).get("images", 0))


def departures(checkpoint: Checkpoint) -> str:
    """How it differs from the paper: the model file's own words, then the knobs that are not at their defaults."""
    spec = checkpoint.spec
    said = re.search(r"^Departs: (.*?)^\w+:", sys.modules[spec.build.__module__].__doc__ or "", re.S | re.M)
    words = " ".join(said[1].split()) if said else "nothing."
    kept, defaults = checkpoint.config["config"], spec.config()
    changed = [f"`{k}` = {kept[k]}" for k in knobs(spec.config) if k in kept and kept[k] != getattr(defaults, k)]
    return f"{words[0].upper()}{words[1:]} " + (f"Knobs of this checkpoint: {', '.join(changed)}." if changed else "")


def certificate(config: dict[str, Any]) -> str:
    """One line on exact resume, if it was put to the test."""
    c = config.get("certificate")
    if not c:
        return ""
    said = "the same bytes as one that was never stopped" if c["exact"] else "NOT the bytes of one that was never stopped"
    return (
        f"\nExact resume: these networks, trained for {c['steps']} steps on noise, killed with -9 at {c['kills']} random "
        f"moments and resumed, had {said} (CPU, torch {c['torch']}; `python -m ganzoo eval NAME --certify {c['kills']}`).\n"
    )


def render(checkpoint: Checkpoint, repo: str | None = None) -> str:
    """The model card, with the Hub's metadata on top; repo: USER/REPO that it is for."""
    c, spec = checkpoint.config, checkpoint.spec
    about = c["data"]
    n = previewed(int(c["config"]["side"])) if c["inputs"] else 0
    pictures = f"![{n} pictures at seed 0](preview.png)\n" if (checkpoint.folder / "preview.png").exists() else ""
    timeline = (
        "## Along the training\n\nA row for each of the steps "
        + ", ".join(f"{s:,}" for s in c["timeline"]["steps"])
        + ".\n\n![the same latents along training](timeline.png)\n\n"
        if c["timeline"]["steps"]
        else ""
    )
    return f"""---
{metadata(checkpoint)}
---

# {c["name"]}

{spec.title} of *{spec.paper.title}* ({spec.paper.authors}, {spec.paper.year}, [arXiv {spec.paper.arxiv}]({spec.paper.url})),
trained on {about["title"]}.

{pictures}
{spec.note}

## Use

```python
import ganzoo
{use(checkpoint, repo)}
```

## Measures

{measures_table(c["metrics"])}{measured(c)}

{several(c)}## Training

{trained(c)}. Weights: averaged over training, sha256 {checkpoint.revision}...

```
{commands(c)}
```

Departs from the paper: {departures(checkpoint)}
{certificate(c)}
{timeline}## Limits

{spec.limits}

## Data

{about["source"]}. Licence of the data: {about["license"]}.

## Citation

```bibtex
{citation(spec.paper)}
```
"""


def hub_data(name: str) -> str:
    """A data set's own name on the Hub, without side and options; empty if it is not there.

    >>> hub_data("hf:user/cats,split=train@64"), hub_data("mnist"), hub_data("shapes@64")
    ('user/cats', 'ylecun/mnist', '')
    """
    found = re.match(r"hf:([^,@]+)", name)
    return found[1] if found else HUB_DATA.get(data.plain(name), "")


def metadata(checkpoint: Checkpoint) -> str:
    """The card's head as YAML, by the Hub's own classes: what it is, and a model-index with every measure, how many
    pictures it was taken of, its spread, and the same for real pictures.
    """
    c = checkpoint.config
    name = str(c["data"]["name"])
    there = hub_data(name)
    results = [
        EvalResult(
            task_type=task(c),
            dataset_type=there or data.plain(name),
            dataset_name=c["data"]["title"],
            metric_type=slug(m["name"]),
            metric_name=m["name"],
            metric_value=m["value"],
            metric_args={
                "pictures": m["n"],
                "draws": m["draws"],
                "standard_deviation": m["spread"],
                "real_test_set": m["floor"],
            },
        )
        for m in c["metrics"]
    ]
    head = ModelCardData(
        license="mit",
        library_name=network.LIBRARY,
        pipeline_tag=task(c),
        tags=["gan", c["model"], data.plain(name), "model_hub_mixin", "pytorch_model_hub_mixin"],
        datasets=[there] if there else None,
        model_name=c["name"],
        eval_results=results or None,
    )
    return head.to_yaml(original_order=["license", "library_name", "pipeline_tag", "tags", "datasets"])


def task(config: dict[str, Any]) -> str:
    """The Hub's name for what it does, by what it eats."""
    eaten = {i["type"] for i in config["inputs"]}
    if not eaten:
        return "image-classification"
    return {"Text": "text-to-image", "Picture": "image-to-image"}.get(
        next((t for t in ("Text", "Picture") if t in eaten), ""), "unconditional-image-generation"
    )


def slug(words: str) -> str:
    """Words as an identifier: plain letters and dashes."""
    letters = unicodedata.normalize("NFKD", words.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")


def citation(paper: Paper) -> str:
    """BibTeX of the paper."""
    authors = paper.authors.split(", ")
    key = slug(authors[0].split()[-1]) + str(paper.year)
    return (
        f"@misc{{{key},\n  title = {{{paper.title}}},\n  author = {{{' and '.join(authors)}}},\n  year = {{{paper.year}}},\n"
        f"  eprint = {{{paper.arxiv}}},\n  archivePrefix = {{arXiv}},\n  url = {{{paper.url}}}\n}}"
    )


def use(checkpoint: Checkpoint, repo: str | None = None) -> str:
    """The two lines of Python that use it."""
    load = f'net = ganzoo.load("{repo or checkpoint.name}")'
    draws = checkpoint.config["inputs"]
    return load + ("\nimages = net.sample(16, seed=0)  # float32 (16, C, S, S) in [-1, 1]" if draws else "")


def write(checkpoint: Checkpoint) -> None:
    files.write(checkpoint.folder / "README.md", render(checkpoint))


def table(checkpoints: list[Checkpoint]) -> str:
    """The README's table of models: one row a checkpoint."""
    rows = [
        "| checkpoint | model | Fréchet distance (real test set) | control | trained on | MB |",
        "|---|---|---|---|---|---|",
    ]
    for c in checkpoints:
        size = sum((c.folder / f).stat().st_size for f in c.config["files"]) / 1e6
        found = {m["name"]: m for m in c.config["metrics"]}
        measure = "not measured"
        if m := found.get("Fréchet distance"):
            measure = f"{value(m)} ({number(m['floor'])}){over_seeds(c.config, m['name'], number)}"
        elif m := found.get("test accuracy"):
            measure = f"classifier, {100 * m['value']:.2f} % right"
        elif m := found.get("caption to picture, recall@1"):
            measure = f"finds {100 * m['value']:.0f} % of {m['n']} pictures by caption"
        rows.append(
            f"| `{c.name}` | [{c.spec.title}]({c.spec.paper.url}), {c.spec.paper.year} | {measure} | {controlled(c.config)} | "
            f"{shown(c)}, {pictures_seen(c.config):,} pictures | {size:.1f} |"
        )
    return "\n".join(rows)


def shown(checkpoint: Checkpoint) -> str:
    """What it was shown: the data's title, and how wide its pictures are where the data come in several widths."""
    title = str(checkpoint.config["data"]["title"])
    return f"{title} at {checkpoint.config['config']['side']} pixels" if "@" in checkpoint.data else title


CONTROL = ("label accuracy", "c1 error, real pictures")  # the measures of control that the table has room for


def controlled(config: dict[str, Any]) -> str:
    """The measure of control, with the median and range of all seeds; empty for a model that takes no orders."""
    m = next((m for m in config["metrics"] if m["name"] in CONTROL), None)
    return f"{m['name']} {percent(m['value'])}{over_seeds(config, m['name'], percent)}" if m else ""


def over_seeds(config: dict[str, Any], measure: str, write: Callable[[float], str]) -> str:
    """Median and range of a measure over all seeds; empty for a checkpoint of one."""
    m = next((m for m in config.get("seeds", {}).get("measures", []) if m["name"] == measure), None)
    if m is None:
        return ""
    return f"; of {len(m['values'])} seeds: median {write(m['median'])}, {write(m['low'])} to {write(m['high'])}"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"
