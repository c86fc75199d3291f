"""Is a face what the sentence says, and does noise decide what it leaves open? Does a generator that is asked for nothing draw
each value as often as there is one? By the judge, which reads each attribute.

The sentences are new: of people who are in no training picture, each with as many parts named, from one to all, as chance has
it. A tab does not blur a sentence, so epsilon is 0 here, too.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from ..data.dataset import Data, plain, stream
from ..data.faces import Person, people, render
from ..data.faces.parts import PARTS, indices
from ..data.faces.sentences import choose, sentence
from ..gan import GAN
from ..images import resized, to_uint8
from ..inputs import EPSILON, Picture, Text, scale_epsilon
from ..models.judge import Judge
from .case import Case, JudgeOutput, Score

SENTENCES = 1000  # of people whose parts are together in no training picture, and of people with two that are
OPEN, DRAWS = 32, 64  # sentences that leave all but two parts open, and pictures of each
ALIKE = 12_000  # people among whom those are looked for who have the two parts


def reading_accuracy(judge: Judge, test: Data) -> list[Score]:
    """The share of the test set's attributes that a judge reads right, of those that can be seen; none if it reads none."""
    if not judge.attributes or test.attribute is None:
        return []
    right, seen = judge.read(test.image) == test.attribute, test.attribute >= 0
    shares = {a.name: float(right[:, i][seen[:, i]].float().mean()) for i, a in enumerate(judge.attributes)}
    note = ", ".join(f"{name} {100 * share:.2f} %" for name, share in shares.items())
    all_right = float((right | ~seen).all(1).float().mean())
    return [
        Score("attributes_read", "attributes read", float(right[seen].float().mean()), "higher", len(test), None, note),
        Score("attributes_read:all", "attributes read, all at once", all_right, "higher", len(test), None, ""),
    ]


def attribute_imbalance(case: Case) -> list[Score]:
    """How far the attributes of what is drawn are from the training set's frequencies, as the judge reads both: of each, half
    the sum of the differences (the total variation distance); the largest. None for what is asked for in words or pictures."""
    judge, gan = case.judge, case.gan
    if judge is None or gan is None or not judge.attributes or any(isinstance(i, Text | Picture) for i in gan.inputs):
        return []
    of_train, *others = real_shares(judge, case.train), shares(judge, case.fake.image), real_shares(judge, case.test)
    distance = [[float((a - b).abs().sum() / 2) for a, b in zip(of_train, x, strict=True)] for x in others]
    found, floor = distance
    note = ", ".join(f"{a.name} {value:.3f}" for a, value in zip(judge.attributes, found, strict=True))
    return [Score("attribute_imbalance", "attribute imbalance", max(found), "lower", len(case.fake.image), max(floor), note)]


@lru_cache(maxsize=2)
def real_shares(judge: Judge, seen: JudgeOutput) -> list[Tensor]:
    """Those of real pictures, kept for the next draw."""
    return shares(judge, seen.image)


def shares(judge: Judge, images: Tensor) -> list[Tensor]:
    """uint8 (n, C, S, S) -> the share of each value of each attribute."""
    read = judge.read(resized(images, judge.config.side))
    return [torch.bincount(read[:, i], minlength=len(a.values)) / len(read) for i, a in enumerate(judge.attributes)]


def drawn_as_said(case: Case) -> list[Score]:
    """Named attributes that are drawn, of seen and of unseen combinations, and the entropy of those that are left open."""
    gan, judge, test = case.gan, case.judge, case.held_out
    name = next((i.name for i in gan.inputs if isinstance(i, Text)), "") if gan else ""
    if gan is None or judge is None or test is None or not judge.attributes or plain(test.name) != "faces" or not name:
        return []
    found = []
    for split, end, of in (("test", "", ""), ("unseen", ":unseen", ", unseen combinations")):
        everybody = people(split, SENTENCES)
        dice = random.Random(stream("sentences", split, case.seed))
        named = [choose(who, dice.randint(1, len(PARTS)), dice) for who in everybody]
        texts = [sentence(who, parts, dice) for who, parts in zip(everybody, named, strict=True)]
        truth = torch.tensor([indices(who) for who in everybody])
        drawn, real = read_drawn(gan, judge, name, texts, case.seed) == truth, read_real(judge, everybody) == truth
        asked = torch.tensor([[part in parts for part in PARTS] for parts in named])
        shares = {part: float(drawn[:, i][asked[:, i]].float().mean()) for i, part in enumerate(PARTS)}
        note = ", ".join(f"{part.replace('_', ' ')} {100 * share:.1f} %" for part, share in shares.items())
        for part, label, pair, said in (
            ("", "named attributes drawn", [x[asked].float() for x in (drawn, real)], note),
            (":all", "all that is named drawn", [(x | ~asked).all(1).float() for x in (drawn, real)], ""),
        ):
            value, floor = (float(x.mean()) for x in pair)
            found.append(Score(f"attributes_drawn{part}{end}", label + of, value, "higher", len(texts), floor, said))
    return [*found, open_entropy(gan, judge, name, case.seed)]


def read_drawn(gan: GAN, judge: Judge, name: str, texts: Sequence[str], seed: int) -> Tensor:
    """What the judge reads in a picture of each sentence: (n, A)."""
    inputs = gan.draw(len(texts), seed, **{name: list(texts)})
    drawn = to_uint8(gan.show(scale_epsilon(inputs, 0) if EPSILON in inputs else inputs))
    return judge.read(resized(drawn, judge.config.side))


def read_real(judge: Judge, everybody: Sequence[Person]) -> Tensor:
    """What it reads in the people's own pictures: (n, A)."""
    return judge.read(render(everybody, judge.config.side))


def open_entropy(gan: GAN, judge: Judge, name: str, seed: int) -> Score:
    """The entropy of what a sentence of two parts leaves open, over as many draws as there are people like that: as a share of
    these people's own, by the same judge."""
    dice = random.Random(stream("open", seed))
    pool = people("train", ALIKE)
    texts: list[str] = []
    alike: list[Person] = []
    left_open: list[list[int]] = []
    while len(texts) < OPEN:
        who = dice.choice(pool)
        parts = choose(who, 2, dice)
        same = [other for other in pool if all(other[part] == who[part] for part in parts)]
        if len(parts) == 2 and len(same) >= DRAWS:
            texts.append(sentence(who, parts, dice))
            alike += same[:DRAWS]
            left_open.append([i for i, part in enumerate(PARTS) if part not in parts])
    drawn = read_drawn(gan, judge, name, [text for text in texts for _ in range(DRAWS)], seed).view(OPEN, DRAWS, -1)
    real = read_real(judge, alike).view(OPEN, DRAWS, -1)
    of_drawn, of_real = (sum(entropy(x[k, :, i]) for k, which in enumerate(left_open) for i in which) for x in (drawn, real))
    note = f"of {OPEN} sentences that name two parts, {DRAWS} draws each, as a share of the data's own"
    return Score("open_entropy", "entropy of what is left open", of_drawn / of_real, "higher", OPEN * DRAWS, 1.0, note)


def entropy(values: Tensor) -> float:
    """values (n,) int64 -> nats."""
    share = torch.bincount(values).float() / len(values)
    return float(-(share * share.clamp_min(1e-12).log()).sum())
