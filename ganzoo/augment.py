"""Random affine maps and shifts of pictures, before a network sees them. None of them knows a model."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, pad


def affine(image: Tensor, matrix: Tensor, fill: float) -> Tensor:
    """Each picture (B, C, S, S), as float32, through an affine map of its own, which takes positions in the new picture to
    positions in the old: matrix (B, 2, 3), in coordinates from -1 to 1. `fill` is the colour beyond the edges: 1 is white."""
    grid = affine_grid(matrix, list(image.shape), align_corners=False)
    return grid_sample(image.float() - fill, grid, align_corners=False) + fill


def random_affine(image: Tensor, amount: float) -> Tensor:
    """Each picture (B, C, S, S) turned, sheared, stretched and shifted at random, on black.

    `amount` bounds how far each entry of the affine map is from the identity's: 0.2 shifts by a tenth of the side at most.
    """
    noise = amount * (2 * torch.rand(len(image), 2, 3, device=image.device) - 1)
    return affine(image, noise + torch.eye(2, 3, device=image.device), fill=-1)


def random_similarity(image: Tensor, amount: float) -> Tensor:
    """Each picture (B, C, S, S) turned (radians), scaled and shifted (a share of half the side) by up to `amount`, on white."""
    angle, scale, *shift = (torch.rand(4, len(image), device=image.device) * 2 - 1) * amount
    cos, sin = angle.cos() * (1 + scale), angle.sin() * (1 + scale)
    matrix = torch.stack([torch.stack([cos, -sin, shift[0]], 1), torch.stack([sin, cos, shift[1]], 1)], 1)
    return affine(image, matrix, fill=1)


def shared_translation(image: Tensor, amount: float) -> Tensor:
    """All pictures (B, C, S, S) shifted by the same random number of pixels, up to a quarter of the side times `amount`; what
    leaves on one side comes in on the other.

    The translation of differentiable augmentation (Zhao et al. 2020, arXiv 2006.10738), one for the whole batch. Under
    autocast the pictures are cast to its type first, so that there is less to move.
    """
    device = image.device.type
    image = image.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else image
    if not amount:
        return image
    most = round(amount * image.shape[-1] / 4)
    dy, dx = torch.randint(-most, most + 1, (2,)).tolist()
    return torch.roll(image, (dy, dx), (2, 3))


def differentiable(image: Tensor, color: bool = True) -> Tensor:
    """Each picture (B, C, S, S) in other colours, shifted and with a square cut out, at random; what is missing is grey.

    Differentiable augmentation (Zhao et al. 2020, arXiv 2006.10738, section 4): D sees nothing else, of real and of drawn
    pictures, and G learns through it. color: their brightness, saturation and contrast change too.
    """
    return cutout(translated(recolored(image) if color else image, 1 / 8), 1 / 2)


def recolored(image: Tensor) -> Tensor:
    """Each picture (B, C, S, S) up to 0.5 brighter or darker, up to twice as colourful, with 0.5 to 1.5 of its contrast."""
    brightness, saturation, contrast = torch.rand(3, len(image), 1, 1, 1, device=image.device)
    image = image + brightness - 0.5
    grey = image.mean(1, keepdim=True)
    image = torch.lerp(grey.expand_as(image), image, 2 * saturation.to(image.dtype))
    middle = image.mean((1, 2, 3), keepdim=True)
    return torch.lerp(middle.expand_as(image), image, (contrast + 0.5).to(image.dtype))


def translated(image: Tensor, share: float) -> Tensor:
    """Each picture (B, C, S, S) shifted by a whole number of pixels of its own, up to a share of the side each way, on grey."""
    side = image.shape[-1]
    most = round(side * share)
    shift = torch.randint(-most, most + 1, (len(image), 2, 1), device=image.device) * (2 / side)
    unmoved = torch.eye(2, device=image.device).expand(len(image), 2, 2)
    return affine(image, torch.cat([unmoved, shift], 2), fill=0)


def cutout(image: Tensor, share: float) -> Tensor:
    """Each picture (B, C, S, S) with a grey square of a share of the side, whose middle is anywhere in the picture."""
    side = image.shape[-1]
    middle = torch.randint(side, (len(image), 2, 1), device=image.device)
    inside = (torch.arange(side, device=image.device) - middle).abs() * 2 < side * share  # (B, 2, S), of rows and of columns
    return image * ~(inside[:, 0, :, None] & inside[:, 1, None, :])[:, None]


def shared_jitter(image: Tensor, amount: int) -> Tensor:
    """All pictures (B, C, S, S) shifted by the same random number of pixels, at most `amount` in each direction, on white, and
    all of them mirrored or none: the random crop and mirroring of Isola et al. 2016 (arXiv 1611.07004, appendix 6.2), who
    resize first."""
    y, x, mirrored = *torch.randint(2 * amount + 1, (2,)).tolist(), bool(torch.randint(2, ()))
    side = image.shape[-1]
    shifted = pad(image, [amount] * 4, value=1.0)[..., y : y + side, x : x + side]
    return shifted.flip(-1) if mirrored else shifted


def erased(image: Tensor, share: float) -> Tensor:
    """All pictures (B, C, S, S) with the same random square painted white, whose side is at most that share of theirs."""
    side = image.shape[-1]
    size = int(torch.randint(int(share * side) + 1, ()))
    y, x = torch.randint(side - size + 1, (2,)).tolist()
    painted = image.clone()
    painted[..., y : y + size, x : x + size] = 1.0
    return painted
