"""A checkpoint in Markdown: its model card, its row in the README's table. Rendered from Spec and config.json alone."""

from __future__ import annotations

import re
import shlex
import sys
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from .. import files
from ..config import knobs
from ..data import SETS
from ..data.dataset import plain
from ..inputs import Picture, Text
from ..spec import Paper
from .folder import Checkpoint, previewed
from .history import nearest_recipe, one_command
from .manifest import FROM_SCRATCH, LIBRARY, Manifest, Measure, SeedMeasure, measures, seed_measures

HUB_DATA = {"mnist": "ylecun/mnist", "fashion": "zalando-datasets/fashion_mnist"}  # our data sets as the Hub knows them
ARROWS = {"lower": "↓", "higher": "↑"}


def number(value: float) -> str:
    """A measure as people read it: three significant digits, no exponent."""
    if value == int(value):
        return f"{int(value):,}"
    short = float(f"{value:.3g}")
    return f"{value:,.0f}" if abs(short) >= 100 else f"{short:.7f}".rstrip("0").rstrip(".")


def measures_table(metrics: Sequence[Measure | dict[str, Any]], brief: bool = False) -> str:
    """Markdown: a row a measure, its better direction as an arrow; brief: without the notes. Untyped measures are read."""
    if not metrics:
        return "Not measured."
    rows = ["| measure | value | real test set | pictures |", "|---|---|---|---|"]
    if not brief:
        rows = [row + end for row, end in zip(rows, (" |", "---|"), strict=True)]
    typed = measures(metrics)
    for m in typed:
        floor = "" if m.floor is None else number(m.floor)
        count = f"{m.n:,}" + (f" × {m.draws}" if m.draws > 1 else "")
        note = "" if brief else f" {m.note} |"
        rows.append(f"| {m.name}\N{NO-BREAK SPACE}{ARROWS[m.better]} | {value(m)} | {floor} | {count} |{note}")
    several_draws = any(m.draws > 1 for m in typed)
    return "\n".join(rows) + (
        "\n\nMean ± standard deviation over independent draws. ↓ less is better, ↑ more." if several_draws else ""
    )


def eval_command(manifest: Manifest) -> str:
    """A sentence on how to measure it, again or for the first time; of a folder, with its name."""
    of = f" --data {shlex.quote(manifest.data.name)}" if manifest.data.name.startswith("folder:") else ""
    if not manifest.metrics:
        return f" `python -m ganzoo eval {manifest.name}{of} --record` does, and writes it down here."
    n = next((f" --n {m.n}" for m in manifest.metrics if m.draws > 1), "")
    return f"\n\nBy `python -m ganzoo eval {manifest.name}{of}{n}`."


def seeds_table(found: Sequence[SeedMeasure | dict[str, Any]]) -> str:
    """Markdown: a row a measure over several seeds: median, range, and every seed's own. Untyped measures are read."""
    typed = seed_measures(found)
    seeds = list(typed[0].values)
    rows = ["| measure | median | range | " + " | ".join(f"seed {s}" for s in seeds) + " |", "|---" * (3 + len(seeds)) + "|"]
    for m in typed:
        each = " | ".join(number(m.values[s]) if s in m.values else "" for s in seeds)
        low, high = number(m.low), number(m.high)
        rows.append(f"| {m.name}\N{NO-BREAK SPACE}{ARROWS[m.better]} | {number(m.median)} | {low} to {high} | {each} |")
    return "\n".join(rows)


def seeds_section(manifest: Manifest) -> str:
    """The card's section on the seeds that this checkpoint was chosen from, if it was."""
    if not (s := manifest.seeds):
        return ""
    return (
        f"### Over {len(s.of)} seeds\n\nThe same training with {len(s.of)} seeds, none left out. {chosen(manifest)}\n\n"
        f"{seeds_table(s.measures)}\n\n"
    )


def chosen(manifest: Manifest) -> str:
    """A sentence on which of several seeds a checkpoint is, if it was chosen among some."""
    if not (s := manifest.seeds):
        return ""
    m = s.decisive
    what_to_expect = f", {number(m.median)} ({number(m.low)} to {number(m.high)})" if m else ""
    return (
        f"This checkpoint is seed {s.chosen}, the best of {len(s.of)} by *{m.name if m else s.by}*; what to expect of one more "
        f"training is the median{what_to_expect}."
    )


def value(m: Measure) -> str:
    """A measure's mean and, where it has one, its spread."""
    return number(m.value) + (f" ± {m.spread:.2g}" if m.spread else "")


def trained(manifest: Manifest) -> str:
    """One line: how much, how long, on what."""
    t = manifest.training
    line = f"{t.images:,} pictures in {t.steps:,} steps, {t.seconds / 60:.0f} minutes on {t.device}, seed {t.seed}"
    if (start := t.start) != FROM_SCRATCH:
        line += f"; it began with the networks of {' '.join(filter(None, [start.name, start.revision]))}, which had seen "
        same = start.command.splitlines()[-1:] == t.command.splitlines()[:1]
        line += f"{start.images:,} pictures ({'earlier steps of the same command' if same else 'the first lines below'})"
    return line


def commands_section(checkpoint: Checkpoint) -> str:
    """The one command that makes it again, or that there is none; and what was typed, if that was more than one line."""
    typed = "\n".join(checkpoint.manifest.commands)
    command = one_command(checkpoint)
    if command is None:
        recipe = nearest_recipe(checkpoint)
        nearest = f" What comes nearest is `python -m ganzoo train {checkpoint.spec.name} --recipe {recipe}`." if recipe else ""
        return f"No single command makes it again.{nearest} What was typed:\n\n```\n{typed}\n```"
    one = f"One command makes it again:\n\n```\n{command}\n```"
    return one if len(checkpoint.manifest.commands) == 1 else f"{one}\n\nWhat was typed:\n\n```\n{typed}\n```"


def departures(checkpoint: Checkpoint) -> str:
    """How it differs from the paper: the model file's own sentences, then the knobs that are not at their defaults."""
    spec = checkpoint.spec
    own = re.search(r"^Departs: (.*?)^\w+:", sys.modules[spec.build.__module__].__doc__ or "", re.S | re.M)
    text = " ".join(own[1].split()) if own else "nothing."
    kept = vars(checkpoint.knobs)
    changed = [f"`{k}` = {kept[k]}" for k, f in knobs(spec.config).items() if kept[k] != f.default]
    return f"{text[0].upper()}{text[1:]} " + (f"Knobs of this checkpoint: {', '.join(changed)}." if changed else "")


def certificate(manifest: Manifest) -> str:
    """One line on exact resume, if it was put to the test."""
    if not (c := manifest.certificate):
        return ""
    result = "the same bytes as one that was never stopped" if c.exact else "NOT the bytes of one that was never stopped"
    return (
        f"\nExact resume: these networks, trained for {c.steps} steps on noise, killed with -9 at {c.kills} random "
        f"moments and resumed, had {result} (CPU, torch {c.torch}; `python -m ganzoo eval {manifest.name} "
        f"--certify {c.kills}`).\n"
    )


def render(checkpoint: Checkpoint, repo: str | None = None, license: str | None = None, source: str | None = None) -> str:
    """The model card, with the Hub's metadata on top; repo: USER/REPO that it is for; license: of the weights; source: the
    address of the ganzoo that reads it."""
    manifest, spec = checkpoint.manifest, checkpoint.spec
    about, steps = manifest.data, manifest.timeline.steps
    n = previewed(manifest.config.side) if manifest.draws else 0
    pictures = f"![{n} pictures at seed 0](preview.png)\n" if (checkpoint.folder / "preview.png").exists() else ""
    strip = checkpoint.timeline_file
    timeline = (
        "## Along the training\n\nA row for each of the steps "
        + ", ".join(f"{s:,}" for s in steps)
        + f".\n\n![the same latents along training]({strip.name})\n\n"
        if steps and strip
        else ""
    )
    return f"""---
{metadata(checkpoint, license)}
---

# {manifest.name}

{spec.title} of *{spec.paper.title}* ({spec.paper.authors}, {spec.paper.year}, [arXiv {spec.paper.arxiv}]({spec.paper.url})),
trained on {about.title}.

{pictures}
{spec.note}

## Use

{install(source)}

```python
{use(checkpoint, repo)}
```

## Measures

{measures_table(manifest.metrics)}{eval_command(manifest)}

{seeds_section(manifest)}## Training

{trained(manifest)}. Weights: averaged over training, sha256 {checkpoint.revision}...

{commands_section(checkpoint)}

Departs from the paper: {departures(checkpoint)}
{certificate(manifest)}
{timeline}## Limits

{limits(checkpoint)}

## Data

{about.source}. Licence of the data: {about.license}.

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
    return found[1] if found else HUB_DATA.get(plain(name), "")


def is_own(checkpoint: Checkpoint) -> bool:
    """Whether it was trained on somebody's pictures, and not on a set that ganzoo knows."""
    return plain(checkpoint.data) not in SETS


def install(source: str | None) -> str:
    """How to get what reads it."""
    if source:
        return f"It needs ganzoo, {source}:\n\n```bash\npip install git+{source}\n```"
    return "It needs ganzoo, in Python 3.10 or newer: `pip install .` in a clone of its repository."


OF_OUR_SETS = re.compile(r"digit|shirt|plain shapes|thousand things")  # what sentences on limits say of sets that we know


def limits(checkpoint: Checkpoint) -> str:
    """What to expect no more of: the model's own sentences, without those about pictures of another side or other things."""
    side, own = checkpoint.manifest.config.side, is_own(checkpoint)
    sentences = re.split(r"(?<=[.:]) (?=[A-Z])", checkpoint.spec.limits)
    kept = [
        s
        for s in sentences
        if all(int(n) == side for n in re.findall(r"(\d+) pixels", s)) and not (own and OF_OUR_SETS.search(s))
    ]
    if own:
        kept.append(
            f"What goes wrong with {checkpoint.manifest.data.title} at {side} pixels, nobody has written down: look at many of "
            "its pictures before you rely on them."
        )
    return " ".join(kept)


def metadata(checkpoint: Checkpoint, license: str | None = None) -> str:
    """The card's head as YAML, by the Hub's own classes: what it is, and a model-index with every measure, how many
    pictures it was taken of, its spread, and the same for real pictures. license: of the weights; of those that were trained
    on pictures that ganzoo does not know, none is claimed.
    """
    manifest, name = checkpoint.manifest, checkpoint.data
    there = hub_data(name)
    results = [
        EvalResult(
            task_type=task(checkpoint),
            dataset_type=there or plain(name),
            dataset_name=manifest.data.title,
            metric_type=slug(m.name),
            metric_name=m.name,
            metric_value=m.value,
            metric_args={
                "pictures": m.n,
                "draws": m.draws,
                "standard_deviation": m.spread,
                "real_test_set": m.floor,
            },
        )
        for m in manifest.metrics
    ]
    head = ModelCardData(
        license=license or (None if is_own(checkpoint) else "mit"),
        library_name=LIBRARY,
        pipeline_tag=task(checkpoint),
        tags=[*kinds(manifest), plain(name), "model_hub_mixin", "pytorch_model_hub_mixin"],
        datasets=[there] if there else None,
        model_name=manifest.name,
        eval_results=results or None,
    )
    return head.to_yaml(original_order=["license", "library_name", "pipeline_tag", "tags", "datasets"])


TASKS = {Text.__name__: "text-to-image", Picture.__name__: "image-to-image"}  # by the input that decides, in this order


def task(checkpoint: Checkpoint) -> str:
    """The Hub's name for what it does: of a GAN, by what it is fed."""
    if not checkpoint.manifest.draws:
        return checkpoint.spec.task
    types = {i.type for i in checkpoint.manifest.inputs}
    return next((task for type_, task in TASKS.items() if type_ in types), "unconditional-image-generation")


def kinds(manifest: Manifest) -> list[str]:
    """What it is, as tags: a GAN and which one, or a tool."""
    return ["gan", manifest.model] if manifest.draws else [slug(manifest.model)]


def slug(text: str) -> str:
    """A text as an identifier: plain letters and dashes."""
    letters = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
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
    """Lines of Python that use it and run as they stand, with the shapes of this checkpoint."""
    manifest = checkpoint.manifest
    config = manifest.config
    shape = f"(16, {config.channels}, {config.side}, {config.side})"
    load = f'net = ganzoo.load("{repo or checkpoint.name}")\n'
    if manifest.draws:
        return f"import ganzoo\n\n{load}images = net.sample(16, seed=0)  # float32 {shape} in [-1, 1]"
    if checkpoint.spec.task == "feature-extraction":
        return (
            "import ganzoo\nfrom ganzoo.text import caption\n\n"
            f'{load}embedding = net(caption.write(["a red apple"]))  # float32 (1, E); of pictures: net.embed_image'
        )
    classes = len(checkpoint.config["config"]["classes"])
    what = f"logits = net(torch.zeros{shape})  # of pictures in [-1, 1], one for each of {classes} classes"
    if checkpoint.spec.task == "image-feature-extraction":
        what = f"features = net(torch.zeros{shape})  # of pictures in [-1, 1]: float32 (16, F)"
    return f"import torch\n\nimport ganzoo\n\n{load}{what}"


def write(checkpoint: Checkpoint) -> None:
    files.write(checkpoint.folder / "README.md", render(checkpoint))


def table(checkpoints: list[Checkpoint]) -> str:
    """The README's table of models: one row a checkpoint."""
    rows = [
        "| checkpoint | model | Fréchet distance (real test set) | control | trained on | MB |",
        "|---|---|---|---|---|---|",
    ]
    for c in checkpoints:
        manifest = c.manifest
        size = sum((c.folder / f).stat().st_size for f in manifest.files) / 1e6
        shown = f"{data_shown(c)}, {manifest.images_seen:,} pictures"
        model = f"[{c.spec.title}]({c.spec.paper.url}), {c.spec.paper.year}"
        rows.append(f"| `{c.name}` | {model} | {quality(manifest)} | {control(manifest)} | {shown} | {size:.1f} |")
    return "\n".join(rows)


def quality(manifest: Manifest) -> str:
    """The measure that the table has of a checkpoint: of what draws the Fréchet distance, of a tool how often it is right."""
    if m := manifest.measure("frechet"):
        floor = "" if m.floor is None else f" ({number(m.floor)})"
        return f"{value(m)}{floor}{over_seeds(manifest, m.id, number)}"
    if m := manifest.measure("test_accuracy"):
        return f"classifier, {100 * m.value:.2f} % right"
    if m := manifest.measure("view_match"):
        return f"finds {100 * m.value:.0f} % of {m.n} pictures by another view"
    if m := manifest.measure("caption_to_picture:1"):
        return f"finds {100 * m.value:.0f} % of {m.n} pictures by caption"
    return "not measured"


def data_shown(checkpoint: Checkpoint) -> str:
    """The title of its data, and how wide its pictures are where the data come in several widths."""
    title = checkpoint.manifest.data.title
    return f"{title} at {checkpoint.manifest.config.side} pixels" if "@" in checkpoint.data else title


CONTROL = ("label_accuracy", "category_error_real:c1")  # the measures of control that the table has room for


def control(manifest: Manifest) -> str:
    """The measure of control, with the median and range of all seeds; empty for a model that takes no orders."""
    m = next(filter(None, map(manifest.measure, CONTROL)), None)
    return f"{m.name} {percent(m.value)}{over_seeds(manifest, m.id, percent)}" if m else ""


def over_seeds(manifest: Manifest, id: str, write: Callable[[float], str]) -> str:
    """Median and range of a measure over all seeds; empty for a checkpoint of one."""
    m = next((m for m in manifest.seeds.measures if m.id == id), None) if manifest.seeds else None
    if m is None:
        return ""
    return f"; of {len(m.values)} seeds: median {write(m.median)}, {write(m.low)} to {write(m.high)}"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"
