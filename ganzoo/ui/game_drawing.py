"""A drawing of a model's game as inline SVG: who feeds whom, as its inputs, its networks and its phases have it.

Nothing is drawn by hand for a model. Which networks draw is seen by drawing one picture, whether D is told what was asked for
by asking it about that one; who else plays, and in which turn, is in the phases. Colours come from the page's style, for light
and dark.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..gan import GAN
from ..inputs import Choice, Code, Input, Noise, Picture, Text
from ..models._image_to_image import knows_both_ways
from ..remedies import Noisy, Packed

WIDTH = 360  # of the drawing; it is shown at most a little larger, so that its letters are those of the page
CHIP, BOX = (128, 26), (58, 40)  # width and height of an input and of a network
GAP, LANE = 6, 46  # between inputs; between what draws and what judges
LONGEST = 22  # letters that a chip has room for
PAD = 2  # of the whole, so that no line is cut


@dataclass(frozen=True)
class Players:
    """The networks of a game, by name, in their order: those that `forward` uses and that give no picture, those that do, and
    those that only a training needs, D first; and whether D is told what was asked for."""

    readers: list[str]
    painters: list[str]
    opponents: list[str]
    told: bool


def players(gan: GAN) -> Players:
    """Seen by drawing one picture, and by asking D about it."""
    named = {name: net for name, net in gan.named_children() if any(True for _ in net.parameters())}
    used: dict[str, Any] = {}
    told: list[bool] = []
    hooks = [net.register_forward_hook(lambda _, __, out, name=name: used.setdefault(name, out)) for name, net in named.items()]
    try:
        with torch.no_grad():
            given = gan.draw(1, 0)
            image = gan(**{x.name: given[x.name] for x in gan.inputs})
            while hooks:
                hooks.pop().remove()
            if "D" in named:
                hooks.append(named["D"].register_forward_pre_hook(lambda _, args: told.append(len(args) > 1)))
            gan.d_logit(image, given)
    finally:
        for hook in hooks:
            hook.remove()
    paint = [name for name, out in used.items() if isinstance(out, Tensor) and out.ndim == 4]
    moved = {id(net) for phase in gan.phases() for net in phase.nets}
    opponents = [name for name, net in named.items() if name not in used and id(net) in moved]
    return Players(
        [name for name in used if name not in paint], paint, sorted(opponents, key=lambda name: name != "D"), any(told)
    )


def kind(net: nn.Module) -> str:
    """The name of a network's class, in words, without what a remedy wraps it in: "StageII" -> "Stage II"."""
    while isinstance(net, Packed | Noisy):
        net = net.net
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(net).__name__)


def words(inputs: tuple[Input, ...], reader: str) -> list[tuple[str, bool]]:
    """Each input in a few words, and whether it says what is to be drawn; codes in one. reader: of captions, if any."""
    said: list[tuple[str, bool]] = []
    for x in inputs:
        if isinstance(x, Noise):
            said.append((f"{x.dim} random numbers", False))
        elif isinstance(x, Choice):
            said.append((f"{x.name}: one of {len(x.options)}", True))
        elif isinstance(x, Text):
            said.append((f"caption, read by {reader}" if reader else "a caption", True))
        elif isinstance(x, Picture):
            said.append(("a picture", True))
    if codes := [x.name for x in inputs if isinstance(x, Code)]:
        said.append((f"{', '.join(codes)}: numbers" if len(codes) < 4 else f"{len(codes)} codes", False))
    return sorted(said, key=lambda one: one[1])


def shown(name: str, net: nn.Module) -> str:
    """A network's letter, also with a word to it, or else its kind."""
    return name if len(name) < 3 or name[1] == "_" else kind(net)


def text(x: float, y: float, line: str, style: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{style}">{html.escape(line)}</text>'


def arrow(path: str, style: str = "") -> str:
    return f'<path d="{path}" class="way {style}"/>'


def box(x: float, y: float, name: str, net: nn.Module) -> str:
    """A network: its letter, or else its kind, with its kind below."""
    w, h = BOX
    label = shown(name, net)
    below = kind(net) if label == name else ""
    drawn = f'<rect x="{x:g}" y="{y:g}" width="{w}" height="{h}" rx="8" class="net"/>'
    return (
        drawn
        + text(x + w / 2, y + h / 2 + 5, label, "name" if len(label) < 3 else "kind")
        + text(x + w / 2, y + h + 14, below, "small")
    )


def chip(x: float, y: float, line: str, style: str = "chip") -> str:
    w, h = CHIP
    return f'<rect x="{x:g}" y="{y:g}" width="{w}" height="{h}" rx="13" class="{style}"/>' + text(
        x + w / 2, y + h / 2 + 4, line
    )


def turns(gan: GAN, cast: Players) -> str:
    """Who moves when, in a sentence."""
    names = {id(net): shown(name, net) for name, net in gan.named_children()}
    parts = []
    for phase in gan.phases():
        who = " and ".join(names.get(id(net), phase.name) for net in phase.nets)
        parts.append(who + (f", once in {phase.every} steps" if phase.every > 1 else ""))
    moved = {id(net) for phase in gan.phases() for net in phase.nets}
    still = [names[id(net)] for net in map(gan.get_submodule, [*cast.readers, *cast.painters]) if id(net) not in moved]
    rest = (
        f" {' and '.join(still)} learnt before, and {'stays as it is' if len(still) == 1 else 'stay as they are'}."
        if still
        else ""
    )
    return f"They move by turns: {', then '.join(parts)}.{rest}"


def drawing(gan: GAN, name: str, real: str) -> str:
    """The game of a model, as SVG in HTML. name: unlike any other's on the page; real: what the real pictures are of."""
    cast = players(gan)
    given = words(gan.inputs, "".join(cast.readers))
    (chip_w, chip_h), (box_w, box_h) = CHIP, BOX
    height = max(len(given) * (chip_h + GAP) - GAP, box_h + 16)
    chain, middle = cast.painters, PAD + height / 2
    x = [PAD + chip_w + 34 + i * (box_w + 18) for i in range(len(chain))]
    parts = []
    for i, (line, _) in enumerate(given):
        y = PAD + i * (chip_h + GAP)
        parts += [
            chip(PAD, y, line),
            arrow(f"M{PAD + chip_w} {y + chip_h / 2:g} H{PAD + chip_w + 14} V{middle:g} H{x[0] - 3:g}"),
        ]
    for at, after, name in zip(x, [*x[1:], x[-1] + box_w + 18], chain, strict=True):
        parts += [
            box(at, middle - box_h / 2, name, gan.get_submodule(name)),
            arrow(f"M{at + box_w:g} {middle:g} H{after - 3:g}"),
        ]
    left, under = x[-1], x[-1] + box_w + 18  # of D, and of the picture
    parts.append(f'<rect x="{under:g}" y="{middle - 20:g}" width="40" height="40" rx="3" class="drawn"/>')
    parts.append(f'<path d="M{under + 6:g} {middle + 14:g} l9 -15 l7 9 l5 -6 l8 12 z" class="hill"/>')
    bottom = PAD + height + LANE - 20
    for i, name in enumerate(cast.opponents):
        net, y = gan.get_submodule(name), bottom + 20
        parts.append(box(left, y, name, net))
        bottom = y + box_h + 18
        if not i:
            parts += judged(cast.told and any(asks for _, asks in given), len(given), real, (left, y, under + 20, middle))
            bottom += 14
        elif lines := task(gan, name, cast):
            parts.append(arrow(f"M{left + box_w / 2:g} {y - 14:g} V{y - 3:g}"))
            parts += [
                text(left + box_w + 8, y + box_h / 2 + below, line, "left") for line, below in zip(lines, (-3, 12), strict=True)
            ]
    label = f"{', '.join(line for line, _ in given)} go into {', '.join(chain)}; {', '.join(cast.opponents)} see what is drawn."
    marker = (  # an id of its own: an arrow of a tab that is seen cannot end in the tip of one that is not
        f'<defs><marker id="tip-{name}" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z"/></marker></defs>'
    )
    shape = (
        f'style="--tip: url(#tip-{name})" viewBox="0 0 {WIDTH} {bottom + PAD:g}" role="img" aria-label="{html.escape(label)}"'
    )
    said = html.escape(turns(gan, cast))
    return f'<h3>Who plays</h3><svg class="game" {shape}>{marker}{"".join(parts)}</svg><p>{said}</p>'


def task(gan: GAN, name: str, cast: Players) -> tuple[str, ...]:
    """What an opponent other than D is there for, in two lines; none where nothing says so."""
    net = gan.get_submodule(name)
    paints = any(isinstance(net, type(gan.get_submodule(painter))) for painter in cast.painters)
    if knows_both_ways(gan):
        return ("leads the way back, and", "must end where it began") if paints else ("asks the same", "of what leads back")
    if paints:
        return "the same network, which", "plays against nobody"
    return ("reads in a picture", "what G was given") if type(gan).infer is not GAN.infer else ()


def judged(told: bool, n: int, real: str, at: tuple[float, float, float, float]) -> list[str]:
    """What goes into D and what comes out of it. told: whether it sees the last of n inputs, too; at: left and top of D, middle
    of the picture across and down."""
    left, y, picture_x, picture_y = at
    (chip_w, chip_h), (box_w, box_h) = CHIP, BOX
    middle, above = y + box_h / 2, left + box_w / 2
    real_y = middle - chip_h / 2 + 12 * told
    label = f"real: {real}"
    parts = [chip(PAD, real_y, label if len(label) <= LONGEST else "real pictures", "chip real")]
    parts.append(arrow(f"M{PAD + chip_w} {real_y + chip_h / 2:g} H{left - 3:g}"))
    parts.append(arrow(f"M{picture_x:g} {picture_y + 20:g} V{middle:g} H{left + box_w + 3:g}"))
    parts.append(text(above, y + box_h + 29, "real or drawn?"))
    if told:
        end = PAD + n * (chip_h + GAP) - GAP
        parts.append(arrow(f"M{PAD + 30} {end} V{middle - 9:g} H{left - 3:g}"))
    parts.append(arrow(f"M{above:g} {y:g} V{picture_y + box_h / 2 + 20:g}", "back"))
    parts.append(text(above - 8, y - 8, "what would fool it", "right small"))
    return parts
