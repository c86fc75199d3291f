"""Measure a checkpoint: draw, evaluate with the judge, collect every score over several draws, with its count and spread."""

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
from ..data.dataset import Data, plain
from ..data.points import MIXTURES
from ..gan import CHUNK, GAN, Batch, Game, as_gan
from ..hub.resolve import resolve
from ..images import from_uint8, resized, shrunk, to_uint8
from ..inputs import Input, Picture, Text
from ..models.caption_encoder import Encoder
from ..models.judge import Judge
from ..models.simclr import SimCLR
from . import modes, paired
from .attributes import attribute_imbalance, drawn_as_said, reading_accuracy
from .case import Case, JudgeOutput, Score
from .control import class_accuracy, code_measures
from .copying import copies
from .quality import frechet, frechet_distance, histogram, inception_style, manifold
from .retrieval import first_caption, recalls
from .text_match import text_match

METRICS: tuple[Callable[[Case], list[Score]], ...] = (
    frechet,
    class_accuracy,
    code_measures,
    text_match,
    drawn_as_said,
    attribute_imbalance,
    inception_style,
    histogram,
    manifold,
    copies,
)

DRAWS = 3  # independent draws of n pictures, of which the spread is taken
MOST_KEPT = 64  # pixels of the side at which pictures are compared one by one
RIVALS = 256  # test pictures whose views are told apart
POINTS = "{}: points have no Fréchet distance; `python -m ganzoo eval RUN` counts the modes that were caught"
FIRST_SEED = 1_000_000  # of the pictures that are measured: not those of the preview


class NoJudge(ValueError):
    """There is no network here on whose features a data set could be measured."""


def judge_of(name: str, classes: tuple[str, ...] | None) -> Judge | SimCLR:
    """The bundled judge of a data set with these classes (None: with any): that of its side (judge-emoji-256, of emoji@256), or
    else that of the set itself. Of data without classes, which no judge can learn, the SimCLR of that name, whose features
    need no labels. NoJudge, with the command that makes one, if there is none; ValueError if it knows other classes."""
    if name in MIXTURES:
        raise NoJudge(POINTS.format(name))
    kind: type[Judge | SimCLR] = Judge if classes is None or len(classes) > 1 else SimCLR
    tool = kind.__name__.lower()
    bare, side = plain(name), name.rpartition("@")[2] if "@" in name else ""
    train = f"python -m ganzoo train {tool} --data {shlex.quote(name)} --out RUN && python -m ganzoo export RUN"
    why = ""
    for candidate in (f"{tool}-{bare}-{side}", f"{tool}-{bare}") if side else (f"{tool}-{bare}",):
        try:
            found = resolve(candidate)
        except ValueError as error:
            why = "" if str(error).startswith("no checkpoint") else f" ({error})"
            continue
        judge = found.load()
        if not isinstance(judge, kind):
            raise ValueError(f"{candidate} is a {found.spec.name}, not a {tool}; export it under another --name")
        if classes is not None and judge.config.classes != classes:
            raise ValueError(f"{candidate} knows other classes than {name!r} has; make one that knows them: `{train}`")
        return judge
    what = f"no judge for {name!r}" if kind is Judge else f"{name!r} has no classes, so it has no judge, and no {tool} yet"
    raise NoJudge(f"{what}{why}; make one: `{train}`")


Known = dict[str, tuple[JudgeOutput, JudgeOutput]]  # what the judge makes of a data set's pictures, by its name


def measure(
    game: Game,
    data_name: str,
    root: Path | str | None,
    n: int = 10_000,
    say: Callable[[str], None] = print,
    known: Known | None = None,
) -> list[dict[str, Any]]:
    """Every measure that applies -> [{id, name, value, spread, n, draws, better, floor, said}], as config.json has them.

    known: kept by a caller who measures several models of the same data, so that its pictures are judged once."""
    train, test = data.load(data_name, root, "train"), data.load(data_name, root, "test")
    if game.config.classes and game.config.classes != train.classes:
        raise ValueError(f"data: {data_name!r} has other classes than those that it was trained on; measure it against its own")
    if isinstance(game, Judge):
        return [accuracy(game, test), *(summary([score]) for score in reading_accuracy(game, test))]
    if isinstance(game, SimCLR):
        return [matches(game, test)]
    if isinstance(game, Encoder):
        return [summary([score]) for score in recalls(game, test)]
    gan = as_gan(game)
    if not 10 <= n <= 50_000:
        raise ValueError(f"n: {n} is not between 10 and 50000 pictures")
    if modes.has_modes(data_name):
        return count_modes(gan, data_name, test, n)
    try:
        judge = judge_of(train.judged_as, None) if train.judged_as else judge_of(data_name, train.classes)
    except NoJudge as error:
        if not paired.has_truth(gan, test):
            raise
        say(f"only what needs no judge: {error}")
        return [summary(scores) for scores in against_the_truth(gan, train, test, n).values()]
    if judge.config.channels != gan.config.channels:
        raise ValueError(
            f"the judge of {data_name!r} sees {judge.config.channels} channels; the model draws {gan.config.channels}"
        )
    of = judge.checkpoint.config["data"]["source"]
    if data_name.startswith("folder:") and of != train.attribution:
        say(f"{judge.checkpoint.name} was trained on {of}; these are {train.attribution}")
    known = {} if known is None else known
    if data_name not in known:
        known[data_name] = evaluate(judge, train.image), evaluate(judge, test.image)
    real, held_out = known[data_name]
    found: dict[str, list[Score]] = {}
    for d in range(DRAWS):
        seed = FIRST_SEED + d * n
        say(f"draw {d + 1} of {DRAWS}: {n} pictures, seeds from {seed}")
        inputs = gan.draw(n, seed, **conditions(gan, train, test, n, seed))
        images = [to_uint8(x) for x in gan.show_stages(inputs)]
        fake = evaluate(judge, images[-1])
        inputs = {k: v.cpu() for k, v in inputs.items()}
        inferred = infer(gan, fake.image), infer(gan, test.image)
        labels = train.classes, train.label, test.label
        reader = judge if isinstance(judge, Judge) else None  # SimCLR reads nothing in a picture
        case = Case(fake, real, held_out, *labels, gan, inputs, *inferred, test, seed, reader)
        for score in (score for metric in METRICS for score in metric(case)):
            found.setdefault(score.id, []).append(score)
        if paired.has_truth(gan, test):
            pair = paired.pair_of(gan, test, inputs, images, seed)
            kept = paired.attributes_kept(judge, pair) if isinstance(judge, Judge) else []
            for score in (*paired.likeness(pair), *kept, *others(judge, real, pair)):
                found.setdefault(score.id, []).append(score)
    return [summary(scores) for scores in found.values()]


def against_the_truth(gan: GAN, train: Data, test: Data, n: int) -> dict[str, list[Score]]:
    """What can be measured without a judge: how near the pictures are to the true ones. By id, a score a draw."""
    found: dict[str, list[Score]] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + DRAWS * n, n):
        inputs = gan.draw(n, seed, **conditions(gan, train, test, n, seed))
        images = [to_uint8(x) for x in gan.show_stages(inputs)]
        for score in paired.likeness(paired.pair_of(gan, test, inputs, images, seed)):
            found.setdefault(score.id, []).append(score)
    return found


def others(judge: Judge | SimCLR, real: JudgeOutput, pair: paired.Pair) -> list[Score]:
    """The Fréchet distance of what the pictures were made from, and of an earlier stage."""
    found = []
    for which, images in pair.drawn.items():
        if which:
            value = frechet_distance(real.feature, evaluate(judge, images).feature)
            name = f"Fréchet distance{paired.NAMES[which]}"
            found.append(Score(f"frechet:{which}", name, value, "lower", len(images), None, "on the judge's features"))
    return found


def count_modes(gan: GAN, data_name: str, test: Data, n: int) -> list[dict[str, Any]]:
    """The measures of data whose modes are known: one draw, as the protocols have it, and as many real test pictures."""
    image, real = gan.show(gan.draw(n, FIRST_SEED)), test.image[:n]
    if data_name in MIXTURES:
        fake, held_out = (modes.of_points(x, MIXTURES[data_name]()) for x in (image, real))
    else:
        judge = judge_of("mnist", tuple("0123456789"))
        assert isinstance(judge, Judge)
        fake, held_out = (modes.of_stacked_digits(x, judge) for x in (to_uint8(image), real))
    return [summary([score]) for score in modes.scores(fake, held_out)]


def captions_of(gan: GAN, x: Input, train: Data, held_out: Data, n: int, seed: int) -> list[str]:
    """Captions of the training set."""
    dice = random.Random(seed)
    return [first_caption(train, dice.randrange(len(train))) for _ in range(n)]


def sources_of(gan: GAN, x: Input, train: Data, held_out: Data, n: int, seed: int) -> Tensor:
    """Source pictures of the held-out set."""
    return paired.derived(gan, held_out, x.name, n, seed)


# What a kind of input is given from the data when it is measured; the others are drawn from their priors.
CONDITIONS: dict[type[Input], Callable[[GAN, Input, Data, Data, int, int], Any]] = {Text: captions_of, Picture: sources_of}


def conditions(gan: GAN, train: Data, held_out: Data, n: int, seed: int) -> dict[str, Any]:
    """What a model's inputs are given from the data for n pictures, by name, as the seed chooses."""
    take = {x: CONDITIONS[type(x)] for x in gan.inputs if type(x) in CONDITIONS}
    return {x.name: values(gan, x, train, held_out, n, seed) for x, values in take.items()}


def evaluate(judge: Judge | SimCLR, images: Tensor) -> JudgeOutput:
    """What the judge makes of pictures, uint8 (n, C, S, S), at the side that it knows."""
    fitted = torch.cat([resized(x, judge.config.side) for x in images.split(CHUNK)])
    return JudgeOutput(shrunk(fitted, MOST_KEPT), *judge.predict(fitted))


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
        "id": last.id,
        "name": last.name,
        "value": round(statistics.mean(values), 5),
        "spread": round(statistics.pstdev(values), 5),
        "n": last.n,
        "draws": len(values),
        "better": last.better,
        "floor": None if last.floor is None else round(last.floor, 5),
        "said": last.note,
    } | ({"detail": last.detail} if last.detail else {})


def accuracy(judge: Judge, test: Data) -> dict[str, Any]:
    """The share of the test set that a judge gets right."""
    right = (evaluate(judge, test.image).probability.argmax(1) == test.label).float().mean().item()
    note = "on the data set's own test split"
    return summary([Score("test_accuracy", "test accuracy", right, "higher", len(test), None, note)])


@torch.inference_mode()
def matches(net: SimCLR, test: Data) -> dict[str, Any]:
    """How often one view of a test picture is nearest to another view of it, among those of as many others."""
    image = test.image[test.evenly_spaced(RIVALS)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        nearest = net.eval().similarity(from_uint8(image).to(net.device)).argmax(1).cpu()
    right = (nearest == torch.arange(2 * len(image)).roll(len(image))).float().mean().item()
    note = f"one view of a picture is nearest to the other, of {len(image)} pictures of the test split"
    return summary([Score("view_match", "views matched", right, "higher", len(image), 1 / max(1, 2 * len(image) - 1), note)])


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
    note = f"{n} fakes against {len(train)} training pictures"
    return summary([Score("inception_fid", "FID (Inception)", value, "lower", n, None, note)])
