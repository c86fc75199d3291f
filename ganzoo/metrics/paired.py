"""How near a drawn picture is to the true one, where that is known: of a GAN that makes a picture of another.

PSNR and SSIM (Wang et al. 2004), by torchmetrics, beside those of what the picture was made from and of an earlier stage.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..data.dataset import Data
from ..gan import CHUNK, GAN, Batch
from ..images import from_uint8, resized, to_uint8
from ..models.judge import Judge
from .case import Score

MOST = 1000  # pictures of a draw that are compared one by one
MOST_DB = 100.0  # of a picture that is the true one
WINDOW = 11  # pixels of SSIM's window
EARLIER, SOURCE = "first_stage", "source"
NAMES = {"": "", EARLIER: " of the first stage", SOURCE: " of what it is made from"}


@dataclass(frozen=True)
class Pair:
    """Pictures of a draw by what drew them ("" for the model), and the true ones: uint8 (n, C, S, S)."""

    drawn: dict[str, Tensor]
    true: Tensor
    attribute: Tensor | None = None  # (n, A) of the true ones: the index of each attribute's value, -1 where it cannot be seen


def rows_of(held_out: Data, n: int, seed: int) -> Tensor:
    """The rows of the held-out set from which n sources are taken, as the seed chooses."""
    dice = random.Random(seed)
    return torch.tensor([dice.randrange(len(held_out)) for _ in range(n)])


def derived(gan: GAN, held_out: Data, name: str, n: int, seed: int) -> Tensor:
    """Source pictures of the held-out set, or what the model derives of its pictures: (n, C, S, S) in [-1, 1]."""
    rows = rows_of(held_out, n, seed).split(CHUNK)
    return torch.cat([gan.derive(held_out.batch(i, gan.device, seed))[name].cpu() for i in rows])


def has_truth(gan: GAN, held_out: Data) -> bool:
    """Whether a model makes pictures of others, and the data know which."""
    return bool(gan.pictures) and (held_out.source is None or held_out.paired)


def pair_of(gan: GAN, held_out: Data, inputs: Batch, images: list[Tensor], seed: int) -> Pair:
    """A draw of sources beside the true pictures. images: uint8, of each stage."""
    rows = rows_of(held_out, len(images[-1]), seed)
    true = held_out.image[rows]
    drawn = {"": images[-1]} | ({EARLIER: images[0]} if len(images) > 1 else {})
    source = inputs[gan.pictures[0].name]
    if source.shape[1] == true.shape[1]:  # a smaller one as cubic interpolation enlarges it
        large = source.cpu() if source.shape == true.shape else interpolate(source.cpu(), size=true.shape[2:], mode="bicubic")
        drawn[SOURCE] = to_uint8(large)
    return Pair(drawn, true, None if held_out.attribute is None else held_out.attribute[rows])


def likeness(pair: Pair) -> list[Score]:
    """PSNR in decibels and SSIM, means over the pictures."""
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    n = min(len(pair.true), MOST)
    true, found = from_uint8(pair.true[:n]), []
    for which, images in pair.drawn.items():
        of, tail = from_uint8(images[:n]), f":{which}" if which else ""
        decibels = peak_signal_noise_ratio(of, true, data_range=(-1.0, 1.0), dim=(1, 2, 3), reduction="none")
        value = float(decibels.clamp_max(MOST_DB).mean())
        found.append(
            Score(f"psnr{tail}", f"PSNR{NAMES[which]}", value, "higher", n, None, "decibels, against the true picture")
        )
        if true.shape[-1] >= WINDOW:
            parts = zip(of.split(CHUNK), true.split(CHUNK), strict=True)
            sums = [structural_similarity_index_measure(a, b, data_range=(-1.0, 1.0), reduction="sum") for a, b in parts]
            value = float(torch.stack([x for x in sums if isinstance(x, Tensor)]).sum()) / n
            found.append(Score(f"ssim{tail}", f"SSIM{NAMES[which]}", value, "higher", n, None, "1 is the true picture itself"))
    return found


def attributes_kept(judge: Judge, pair: Pair) -> list[Score]:
    """The share of the true picture's attributes that the judge reads in what is drawn; beside it, the same of the true
    pictures. None if the data or the judge know none."""
    if not judge.attributes or pair.attribute is None:
        return []
    truth, found = pair.attribute, []
    seen = truth >= 0
    read = {which: judge.read(resized(x, judge.config.side)) for which, x in (pair.drawn | {"true": pair.true}).items()}
    floor = float(read.pop("true").eq(truth)[seen].float().mean())
    for which, values in read.items():
        kept = values.eq(truth)
        shares = {a.name: float(kept[:, i][seen[:, i]].float().mean()) for i, a in enumerate(judge.attributes)}
        note = ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items())
        tail, value = f":{which}" if which else "", float(kept[seen].float().mean())
        found.append(
            Score(f"attributes_kept{tail}", f"attributes kept{NAMES[which]}", value, "higher", len(truth), floor, note)
        )
    return found
