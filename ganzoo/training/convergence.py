"""When has a training converged? What its log says, in one line and in three sentences.

Losses alone do not say it: each player's is taken against the other, who moves, so that a level loss is as well that of a
training that stands still as of one that gets better all the time. What says something: how often D is right, where even is
half of the time (Goodfellow et al. 2014, proposition 2); a critic's gap, its estimate of the distance (Arjovsky et al. 2017,
arXiv 1701.07875, section 4.2); a Fréchet distance that no longer falls; and whether classes are lost on the way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

Line = Mapping[str, float]  # of log.jsonl

GAP, LEFT, FRECHET = "critic_gap", "classes_left", "frechet"
RIGHT = ("d_real_right", "d_fake_right")
LATE = 20  # lines of a log, the last, that say how it stands now
FEWEST = 6  # values without which nothing is said of a trend
MANY, MOST = 8, 100  # values that a rank test needs, and that it is given
SURE = 0.01  # a trend as steady as it comes by chance less often than that is one
MATTERS = 0.03  # of a value: a smaller change is none


class Reading(NamedTuple):
    """What a log says: its state now in one line, and three sentences: on the players, on the pictures, on the classes."""

    state: str
    players: str
    pictures: str
    classes: str

    @property
    def sentences(self) -> list[str]:
        return [self.players, self.pictures, self.classes]


def status_line(terms: Line, classes: int = 0, most_classes: float = 0) -> str:
    """The state of a game in one line, from a line of log.jsonl: how many of the data's `classes` are drawn, what D gets right,
    or the gap of a critic, which has no right and wrong. most_classes: the highest "classes_left" of the log so far; fewer than
    that is a collapse, fewer than the data have is not.

    >>> status_line({"d_real_right": 0.99, "d_fake_right": 0.99})
    'discriminator winning: 99 % right'
    >>> status_line({"critic_gap": 3.21, "classes_left": 3}, classes=10, most_classes=8)
    'collapsing: 3 of 10 classes left'
    """
    drawn = terms.get(LEFT, classes)
    if drawn < min(classes, most_classes):
        return f"collapsing: {drawn:.0f} of {classes} classes left"
    if drawn < classes:
        return f"{drawn:.0f} of {classes} classes so far"
    if GAP in terms:
        return f"critic's gap {terms[GAP]:.2g}"
    if (right := right_of(terms)) is None:
        return ""
    if right > 0.95:
        return f"discriminator winning: {100 * right:.0f} % right"
    if right > 0.85:
        return f"discriminator ahead: {100 * right:.0f} % right"
    if right > 0.55:
        return f"balanced: {100 * right:.0f} % right"
    if right > 0.45:
        return f"even: {100 * right:.0f} % right, it can hardly tell"
    return f"generator ahead: the discriminator is {100 * right:.0f} % right"


def read(lines: Sequence[Line], classes: int = 0) -> Reading:
    """What a log says of a training on data with so many classes that a judge can count (0: nobody counts them)."""
    if not lines:
        return Reading("", "Nothing has been logged yet.", "No picture was measured.", "No class was counted.")
    most = max(line.get(LEFT, 0) for line in lines)
    state = status_line(lines[-1], classes, most)
    return Reading(state, on_players(lines), on_pictures(lines), on_classes(lines, classes))


def on_players(lines: Sequence[Line]) -> str:
    """How the game stands: a discriminator against 50-50, a critic by its gap; of a game of one player, its loss."""
    if gaps := [line[GAP] for line in lines if GAP in line]:
        now, way = mean(gaps[-LATE:]), trend(gaps)
        meaning = {
            "falls": "it still falls, so the pictures still come nearer to the real ones",
            "rises": "it rises: the critic has just found a new difference, or G has lost its way",
            "level": "it no longer falls: by this curve alone it has converged, but a critic that learns may hide progress",
            "": "too few lines are logged to say whether it falls",
        }[way]
        return f"The critic's gap, its estimate of how far drawn pictures are from real ones, is {now:.3g}; {meaning}."
    shares = [right for line in lines if (right := right_of(line)) is not None]
    if not shares:
        known = [k for k in lines[-1] if is_loss(k)]
        losses = ", ".join(f"{k} {lines[-1][k]:.3g}" for k in known)
        return f"There is no second player: what is minimised stands at {losses or 'nothing'}."
    now = mean(shares[-LATE:])
    if now > 0.95:
        meaning = "it has nearly won, and a D that is sure of everything teaches G little"
    elif now > 0.55:
        meaning = "it still finds differences, so G still has something to learn from it"
    elif now >= 0.45:
        meaning = "it can only guess, as it must where the game has converged, or where D is too weak to see"
    else:
        meaning = "it is wrong more often than a coin, so G has just moved to where D does not expect it"
    return f"The discriminator is right {100 * now:.0f} times in 100, where 50 would be a coin: {meaning}."


def on_pictures(lines: Sequence[Line]) -> str:
    """Whether pictures get better: by their Fréchet distance, where it was taken along the way."""
    found = [line[FRECHET] for line in lines if FRECHET in line]
    if not found:
        critic = any(GAP in line for line in lines)
        instead = (
            "the gap is the curve to watch" if critic else "the losses cannot say it, each being against a player who moves"
        )
        return f"Nobody measured the pictures along the way; {instead}."
    now, best = found[-1], min(found)
    if len(found) < FEWEST:
        times = "one measurement" if len(found) == 1 else f"{len(found)} measurements"
        return f"The Fréchet distance is {now:.3g} after {times}, too few to say where it goes."
    meaning = {
        "falls": "it still falls: go on, it has not converged",
        "rises": "it has risen since: the pictures get worse, and the best networks were earlier ones",
        "level": "it no longer falls: more pictures of training change little",
    }[trend(found)]
    return f"The Fréchet distance is {now:.3g}, the least so far was {best:.3g}, and {meaning}."


def on_classes(lines: Sequence[Line], classes: int) -> str:
    """The collapse counter: how many classes are drawn, and whether there were more."""
    counts = [line[LEFT] for line in lines if LEFT in line]
    if not counts or not classes:
        return "Nobody counted the classes that it draws, so a collapse would not be seen here."
    now, most = counts[-1], max(counts)
    if now < most:
        return f"It draws {now:.0f} of {classes} classes and has drawn {most:.0f}: it is collapsing."
    if now < classes:
        return (
            f"It draws {now:.0f} of {classes} classes so far, and never drew more: the others are not lost but not found yet."
        )
    falls = sum(b < a for a, b in pairwise(counts))
    return f"It draws all {classes} classes" + (f", after {falls} falls on the way." if falls else ", and has lost none.")


def right_of(terms: Line) -> float | None:
    """The share of real and of drawn pictures, equally weighed, that D takes for what they are; None where nobody counts."""
    return sum(terms[k] for k in RIGHT) / 2 if all(k in terms for k in RIGHT) else None


def is_loss(name: str) -> bool:
    """Whether a number of the log is a loss term."""
    known = ("step", "images", "seconds", "images_per_s", LEFT, GAP, FRECHET)
    return name not in known and not name.endswith("_right")


def trend(values: Sequence[float]) -> str:
    """Where the second half of some values goes: "falls", "rises" or "level", by Mann and Kendall's rank test; "" of too
    few values."""
    late = thinned(values[len(values) // 2 :])
    n, third = len(late), max(1, len(late) // 3)
    if len(values) < FEWEST:
        return ""
    change = mean(late[-third:]) - mean(late[:third])
    if n >= MANY:
        rises = sum((b > a) - (b < a) for i, a in enumerate(late) for b in late[i + 1 :])
        steady = math.erfc(abs(rises) / math.sqrt(n * (n - 1) * (2 * n + 5) / 9)) < SURE
    else:  # so few are never sure: their ends decide
        steady = abs(change) > 0.1 * abs(mean(late))
    if not steady or abs(change) < MATTERS * abs(mean(late)):
        return "level"
    return "falls" if change < 0 else "rises"


def thinned(values: Sequence[float]) -> list[float]:
    """At most MOST of some values, each the mean of its neighbours."""
    wide = math.ceil(len(values) / MOST)
    return [mean(values[i : i + wide]) for i in range(0, len(values), max(1, wide))]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
