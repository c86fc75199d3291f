"""The page's words for a visitor who has never heard of a GAN, in one place: labels, hints, and measures as sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .. import registry
from ..checkpoint.manifest import Manifest, Measure
from ..inputs import SEEDS
from ..losses import LOSSES, Loss
from ..spec import Spec

SEED = "picture number"
WALK = "Every picture number is a point. Drag from one to another: what is between them is drawn too."
SEED_HINT = "the same number always draws the same picture"
MANY = "how many"
START, END = "from picture", "to picture"
CHECKPOINT = "trained on"
BESIDE = "Beside {}: {}"  # a model's title, and what is new beside that one
IDEA = "More about the idea, and the paper"
EXPERTS = "For experts: all measures, the training, and how it departs from the paper"
FAR = "This is far from all that it draws, so what it reads here means little."
NO_OPINION = "What the other player thinks of it cannot be said: this checkpoint does not bring its discriminator."
NOT_ALONE = "What the other player thinks of it cannot be said: it is not asked about one picture by itself."
UNMEASURED = "Nobody has measured it yet."

LANDING = "The zoo"

DRAW_IT = "Draw outlines: after each stroke, it paints them."
BEGIN = "Begin with a face"
FACE = (  # as a pad has it
    "H-J5Q0Zz~4-25w0mz~ara0g3l0lr~tVuXuaucufthtjslqnppnqlrjsitgtdtcsarYqWpVnTlSjShRfRcRaRXSV~ShQhPhOgNfNe"
    "NcObPaQaSa~tavawaxbycyeyfxgwhvhth~caccacZcZaZZaZcZca~mamclcjcjajZlZmZma~kkkljmhngnencmblbkkkbk~hghgg"
    "hfhegeg~PXPVPTQRRQROSNULVKXJYIaHcHeHfHhHjHlHnIoJqKrLtNuOuQvRwTwVwXwZsTgRTTPZ"
)
BRING_ONE = "Choose a picture of your own"
ONE_OF_THESE = "or one of these"
SCORES = "Scores"
MEASURING = "Measuring"
ABOUT = "A zoo of generative adversarial networks: look at them, play with them, watch them learn."
SEARCH = "Find a model"
NONE_FOUND = "No model of that name, author or year."

# The groups of the landing view, by the name that a Spec has for its own.
GROUPS = {
    "game": ("The game", "One network draws, another says what is drawn and what is real, and both get better by it."),
    "control": ("Control", "Say which thing is to be drawn, or find a switch that nobody has named."),
    "words": ("Words", "Write what you want to see."),
    "pictures": ("From picture to picture", "Give it a picture, and it makes another one of that."),
    "large": ("Large and modern", "Networks that grow, that need few pictures, or no tricks."),
    "laboratory": (
        "The laboratory",
        "The same networks under other rules: what changes when the game is scored in another way.",
    ),
}

# What a curve's name means, by how the name begins.
TERMS = {
    "d_real": "what D pays for taking a real picture for drawn",
    "d_fake": "what D pays for taking a drawn picture for real",
    "d_wrong": "what D pays for taking a real picture with another's caption for right",
    "d_r1": "a fine on how steep D is at real pictures",
    "d_r2": "a fine on how steep D is at drawn pictures",
    "d_penalty": "a fine on how steep D is between real and drawn pictures",
    "g_fool": "what G pays for not fooling D",
    "g_between": "the same for what lies between two captions",
    "g_l1": "how far what G makes is from the true picture",
    "g_pixels": "how far what the GAN makes is from the true picture",
    "g_content": "how far it is in what a judge sees",
    "mse": "how far the network without a critic is from the true picture",
    "g_cycle": "how far there and back is from where it began",
    "g_identity": "how much a picture is changed that is of the other kind already",
    "f_fool": "what the way back pays for not fooling its own critic",
    "d_source": "what that critic pays",
    "g_kl": "how far the captions' places are from plain noise",
    "g_layout": "how far a picture, seen from afar, is from the real one",
    "g_coarse": "the same of what is drawn on the way",
    "g_c": "what G pays where its code cannot be read in the picture",
    "q_c": "what the reader of codes pays for a wrong one",
    "q_same": "what it pays for reading two codes in two views of one picture",
    "mi_c": "how much a picture tells of its code, in nats",
}

# Measures that a visitor is shown, the most telling first: {0} is the model's share, {1} that of real pictures.
SENTENCES = {
    "label_accuracy": "**{0}** of the pictures are what was asked for, as far as our judge can tell; of the real ones, {1}.",
    "category_error_real:c1": "Without ever being given a name, its switch sorts **{0}** of real pictures as people do.",
    "caption_match": "**{0}** of the pictures are all that their caption says; of the real ones, {1}.",
    "r_precision:encoder-emoji-2": "Another reader finds the caption of **{0}** of its pictures among a hundred; of "
    "the real ones, {1}.",
    "attributes_kept": "A judge reads **{0}** of the true face's parts in it; in the true face, {1}.",
    "ssim": "What it makes is, in structure, **{0}** like the true picture, which it was not shown.",
    "psnr": "By pixels, that is a likeness of **{0}**; the more, the nearer.",
    "precision": "**{0}** of what it draws could pass for a real picture; of real pictures that it never saw, {1}.",
    "coverage": "It draws something near to **{0}** of the real pictures; real ones that it never saw do so to {1}.",
    "copies": "**{0}** of what it draws is suspiciously near to a picture that it learnt from; of real pictures, {1}.",
}
DECIBELS = ("psnr",)
ERRORS = ("category_error_real:c1",)  # whose sentence is about the share that is right
SHOWN = 3


def first_sentence(note: str) -> tuple[str, str]:
    """The first sentence, and all others.

    >>> first_sentence("One game. Two players. No end.")
    ('One game.', 'Two players. No end.')
    """
    first, stop, rest = note.partition(". ")
    return first + stop.strip(), rest


def percent(share: float) -> str:
    r"""
    >>> percent(0.9941), percent(1.0), percent(0.00017), percent(0.0)
    ('99.4\xa0%', '100\xa0%', '0.02\xa0%', '0\xa0%')
    """
    digits = f"{100 * share:.1f}" if share >= 0.001 else f"{100 * share:.2f}"
    return f"{digits.rstrip('0').rstrip('.')}\N{NO-BREAK SPACE}%"


def sentence(m: Measure) -> str:
    """What a measure says, beside the same of real pictures."""
    if m.id in DECIBELS:
        return SENTENCES[m.id].format(f"{m.value:.1f}\N{NO-BREAK SPACE}decibels")
    shares = (m.value, 1.0 if m.floor is None else m.floor)
    return SENTENCES[m.id].format(*(percent(1 - s if m.id in ERRORS else s) for s in shares))


CROSS_ENTROPY = tuple(LOSSES[name].fake for name in ("minimax", "non-saturating"))  # whose logit is that of a probability


def realness(loss: Loss, logit: float) -> float | None:
    """Where a logit of D is from drawn (0) to real (1), as its loss has it; None where only differences mean something."""
    if loss.threshold is None:
        return None
    if loss.fake in CROSS_ENTROPY:
        return 1 / (1 + math.exp(-logit))
    low = 0 if loss.threshold else -1  # the targets of least squares are 0 and 1, the margins of hinge -1 and 1
    return min(max((logit - low) / (1 - low), 0), 1)


def verdict(loss: Loss, logit: float) -> str:
    """What D says of a picture."""
    share = realness(loss, logit)
    if share is None:
        return f"Its logit for it is {logit:.2f}, which means something only beside that of another picture."
    if loss.fake in CROSS_ENTROPY:
        return f"D takes it for real by {percent(share)} (logit {logit:.2f}; at 0 it cannot tell)."
    return f"D gives it {logit:.2f}; at {loss.threshold:g} it cannot tell."


def covered(manifest: Manifest) -> str:
    """What a timeline shows of all the training that there was."""
    training, start = manifest.training, manifest.training.start
    if not start.images:
        return "The same sixteen seeds, from the first step of training to the last."
    return (
        f"The same sixteen seeds over the last {training.steps:,} steps, {training.images:,} pictures, of a training that went "
        f"on from {start.name}. That one had seen {start.images:,} pictures, so it could draw already where this begins."
    )


def at_a_glance(manifest: Manifest) -> str:
    """The few measures that tell a visitor most, as a list in Markdown."""
    found = [m for m in map(manifest.measure, SENTENCES) if m]
    return "\n".join(f"- {sentence(m)}" for m in found[:SHOWN]) or UNMEASURED


def way(share: int, start: int, end: int) -> str:
    """Where a picture is on a walk, of which it has so many per cent behind it.

    >>> way(0, 3, 8), way(50, 3, 8), way(30, 3, 8)
    ('picture 3', 'halfway from picture 3 to picture 8', '30 % of the way from picture 3 to picture 8')
    """
    if share in (0, 100):
        return f"picture {end if share else start}"
    return f"{'halfway' if abs(share - 50) < 2 else f'{share} % of the way'} from picture {start} to picture {end}"


def terms(names: Iterable[str]) -> str:
    """What the names of curves mean, as a list in Markdown; those that are not known are left out."""
    said = {name: next((TERMS[k] for k in sorted(TERMS, key=len, reverse=True) if name.startswith(k)), "") for name in names}
    return "\n".join(f"- `{name}`: {what}" for name, what in said.items() if what)


def within(what: str, value: object, low: int, high: int) -> tuple[int, str]:
    """The whole number within bounds that is nearest to what a visitor gave, and a word on it where it is another.

    >>> within("how many", 900, 1, 64)
    (64, 'how many: 900 is not a whole number from 1 to 64; it is 64 now')
    >>> within("how many", 9, 1, 64)
    (9, '')
    """
    number = value if isinstance(value, int | float) and not isinstance(value, bool) and value == value else low
    nearest = int(min(max(number, low), high))
    shown = "nothing" if value in (None, "") else f"{value:.0f}" if isinstance(value, float) else str(value)[:40]
    return (
        nearest,
        "" if nearest == value else f"{what}: {shown} is not a whole number from {low} to {high}; it is {nearest} now",
    )


def way_from_found(share: int, end: int) -> str:
    """Where a picture is on the way from one that was found to one of its own.

    >>> way_from_found(0, 8), way_from_found(50, 8), way_from_found(100, 8)
    ('what was found', '50 % of the way to picture 8', 'picture 8')
    """
    if share in (0, 100):
        return f"picture {end}" if share else "what was found"
    return f"{share} % of the way to picture {end}"


def seed_within(value: object, what: str = SEED) -> tuple[int, str]:
    return within(what, value, 0, SEEDS - 1)


def beside(spec: Spec) -> str:
    """What a model adds to an earlier one of the zoo, in one line; empty for the first."""
    earlier, what = spec.adds
    return BESIDE.format(registry.spec(earlier).title, what) if earlier else ""
