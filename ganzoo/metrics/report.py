"""Measure a checkpoint: draw, let the judge look, collect every score over several draws, with its count and spread."""

from __future__ import annotations

import random
import shlex
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import data
from ..gan import CHUNK, GAN, Batch
from ..hub.resolve import resolve
from ..images import from_uint8, resized, shrunk, to_uint8
from ..inputs import Text
from ..text.encoder import Encoder
from ..text.retrieval import recalls, tell
from .case import Case, Look, Score
from .control import codes, obedience
from .judge import Judge
from .quality import copies, frechet, histogram, inception_style, manifold
from .words import words

METRICS: dict[str, Callable[[Case], list[Score]]] = {
    "frechet": frechet,
    "obedience": obedience,
    "codes": codes,
    "words": words,
    "inception_style": inception_style,
    "histogram": histogram,
    "manifold": manifold,
    "copies": copies,
}

DRAWS = 3  # independent draws of n pictures, from which a spread is told
MOST_KEPT = 64  # pixels of the side at which pictures are compared one by one
FIRST_SEED = 1_000_000  # of the pictures that are measured: not those of the preview


def judge_of(name: str, classes: tuple[str, ...]) -> Judge:
    """The bundled judge of a data set with these classes: that of its side (judge-emoji-256, of emoji@256), or else that of
    the set itself. ValueError, with the command that makes one, if there is none, or if it knows other classes."""
    base, _, side = name.rpartition("@") if "@" in name else (name, "", "")
    plain = data.plain(base)
    train = f"python -m ganzoo train judge --data {shlex.quote(name)} --out RUN && python -m ganzoo export RUN"
    why = ""
    for which in (f"judge-{plain}-{side}", f"judge-{plain}") if side else (f"judge-{plain}",):
        try:
            found = resolve(which)
        except ValueError as error:
            why = "" if str(error).startswith("no checkpoint") else f" ({error})"
            continue
        judge = found.load()
        if not isinstance(judge, Judge):
            raise ValueError(f"{which} is a {found.spec.name}, not a judge; export it under another --name")
        if judge.config.classes != classes:
            raise ValueError(f"{which} knows other classes than {name!r} has; make one that knows them: `{train}`")
        return judge
    raise ValueError(f"no judge for {name!r}{why}; make one: `{train}`")


def measure(
    gan: GAN, data_name: str, root: Path | str | None, n: int = 10_000, say: Callable[[str], None] = print
) -> list[dict[str, Any]]:
    """Every measure that applies -> [{name, value, spread, n, draws, better, floor, said}], spread = standard deviation."""
    train, test = data.load(data_name, root, "train"), data.load(data_name, root, "test")
    if gan.config.classes and gan.config.classes != train.classes:
        raise ValueError(f"data: {data_name!r} has other classes than those that it was trained on; measure it against its own")
    if isinstance(gan, Judge):
        return [accuracy(gan, test)]
    if isinstance(gan, Encoder):
        return [summary([score]) for score in recalls(gan, test)]
    if not 10 <= n <= 50_000:
        raise ValueError(f"n: {n} is not between 10 and 50000 pictures")
    judge = judge_of(data_name, train.classes)
    if judge.config.channels != gan.config.channels:
        raise ValueError(
            f"the judge of {data_name!r} sees {judge.config.channels} channels; the model draws {gan.config.channels}"
        )
    real, held_out = look(judge, train.image), look(judge, test.image)
    found: dict[str, list[Score]] = {}
    for d in range(DRAWS):
        seed = FIRST_SEED + d * n
        say(f"draw {d + 1} of {DRAWS}: {n} pictures, seeds from {seed}")
        given = gan.draw(n, seed, **asked(gan, train, n, seed))
        fake = look(judge, to_uint8(gan.show(given)))
        given = {k: v.cpu() for k, v in given.items()}
        codes, codes_of_test = infer(gan, fake.image), infer(gan, test.image)
        labels = train.classes, train.label, test.label
        case = Case(fake, real, held_out, *labels, gan, given, codes, codes_of_test, test, seed)
        for metric in METRICS.values():
            for score in metric(case):
                found.setdefault(score.name, []).append(score)
    return [summary(scores) for scores in found.values()]


def asked(gan: GAN, train: data.Data, n: int, seed: int) -> dict[str, list[str]]:
    """What a model that is told in words is told when it is measured: captions of the training set, drawn by the seed."""
    name = next((i.name for i in gan.inputs if isinstance(i, Text)), "")
    dice = random.Random(seed)
    return {name: [tell(train, dice.randrange(len(train))) for _ in range(n)]} if name else {}


def look(judge: Judge, images: Tensor) -> Look:
    """Let the judge see pictures, uint8 (n, C, S, S), at the side that it knows."""
    seen = torch.cat([resized(x, judge.config.side) for x in images.split(CHUNK)])
    return Look(shrunk(seen, MOST_KEPT), *judge.look(seen))


@torch.inference_mode()
def infer(gan: GAN, images: Tensor) -> Batch:
    """What the model reads of its inputs in pictures, uint8 (n, C, S, S); empty where it reads none."""
    chunks = [gan.infer(from_uint8(resized(x, gan.config.side)).to(gan.device)) for x in images.split(4 * CHUNK)]
    return {k: torch.cat([c[k] for c in chunks]).cpu() for k in chunks[0]}


def summary(scores: list[Score]) -> dict[str, Any]:
    """The scores of one measure over the draws -> one JSON object."""
    last = scores[-1]
    values = [s.value for s in scores]
    return {
        "name": last.name,
        "value": round(statistics.mean(values), 5),
        "spread": round(statistics.pstdev(values), 5),
        "n": last.n,
        "draws": len(values),
        "better": last.better,
        "floor": None if last.floor is None else round(last.floor, 5),
        "said": last.said,
    } | ({"detail": last.detail} if last.detail else {})


def accuracy(judge: Judge, test: data.Data) -> dict[str, Any]:
    """The share of the test set that a judge gets right."""
    right = (look(judge, test.image).probability.argmax(1) == test.label).float().mean().item()
    return summary([Score("test accuracy", right, "higher", len(test), None, "on the data set's own test split")])


def inception_fid(gan: GAN, data_name: str, root: Path | str | None, n: int) -> dict[str, Any] | str:
    """FID on Inception features, by torchmetrics, or one line that says why it cannot be had here."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    try:
        fid = FrechetInceptionDistance(feature=2048)
    except (OSError, RuntimeError, ModuleNotFoundError, ValueError) as error:
        return f"Inception FID left out: its network's weights cannot be had here ({str(error).splitlines()[0][:100]})"
    train = data.load(data_name, root, "train").image[:n]
    for images, real in ((train, True), (to_uint8(gan.sample(n, seed=FIRST_SEED)), False)):
        for chunk in images.split(64):
            fid.update(chunk.expand(-1, 3, -1, -1), real=real)
    with torch.inference_mode():
        value = float(fid.compute())
    return summary([Score("FID (Inception)", value, "lower", n, None, f"{n} fakes against {len(train)} training pictures")])
