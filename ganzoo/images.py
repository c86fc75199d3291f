"""Pictures in and out: [-1, 1] floats <-> uint8, grids, PNG, WebP, GIF. The only file that knows 127.5."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate


def to_uint8(image: Tensor) -> Tensor:
    """float (..., C, S, S) in [-1, 1] -> uint8; the inverse of `from_uint8` on its values."""
    return (image.float() * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)


def from_uint8(image: Tensor) -> Tensor:
    """uint8 (..., C, S, S) -> float32 in [-1, 1]."""
    return image.to(torch.float32, copy=True).div_(127.5).sub_(1)


def resized(images: Tensor, side: int) -> Tensor:
    """uint8 (n, C, S, S) -> (n, C, side, side): smaller by the mean of the area, larger by cubic interpolation."""
    if images.shape[-1] == side:
        return images
    if side < images.shape[-1]:
        return torch.cat([adaptive_avg_pool2d(x.float(), side).round().to(torch.uint8) for x in images.split(256)])
    return to_uint8(interpolate(from_uint8(images), size=(side, side), mode="bicubic"))


def shrunk(images: Tensor, side: int) -> Tensor:
    """uint8 (n, C, S, S) -> each at most `side` pixels wide."""
    return resized(images, min(side, images.shape[-1]))


def nearest(images: Tensor, among: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
    """uint8 (n, C, S, S), (N, C, S, S) -> distances (n, k) in pixels (L2, of 0..1) and places (n, k) of the k nearest ones, the
    nearest first; fewer if N is less than k."""
    wanted, found = images.flatten(1).float() / 255, []
    for start in range(0, len(among), 10_000):
        part = among[start : start + 10_000].flatten(1).float() / 255
        near = torch.cdist(wanted, part).topk(min(k, len(part)), largest=False)
        found.append((near.values, near.indices + start))
    distance, place = (torch.cat(x, 1) for x in zip(*found, strict=True))
    best = distance.topk(min(k, len(among)), largest=False)
    return best.values, place.gather(1, best.indices)


def columns_for(n: int) -> int:
    """How many columns show n pictures as close to a square as can be."""
    return math.ceil(math.sqrt(n))


def grid(images: Tensor, columns: int | None = None, scale: int = 1, gap: int = 0, paper: int = 255) -> Image.Image:
    """uint8 (n, C, H, W) -> one picture, row by row, each pixel `scale` wide, `gap` pixels of paper between."""
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise ValueError(f"images: got {images.dtype} {tuple(images.shape)}; give uint8 (n, C, H, W), see to_uint8")
    n, c, h, w = images.shape
    columns = min(n, columns or columns_for(n))
    rows = math.ceil(n / columns)
    big = images.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    h, w = h * scale, w * scale
    canvas = torch.full((c, rows * (h + gap) - gap, columns * (w + gap) - gap), paper, dtype=torch.uint8)
    for i, picture in enumerate(big):
        y, x = (i // columns) * (h + gap), (i % columns) * (w + gap)
        canvas[:, y : y + h, x : x + w] = picture
    return to_pil(canvas)


def to_pil(image: Tensor) -> Image.Image:
    """uint8 (C, H, W) -> PIL, grey or RGB."""
    array = image.permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)


def from_pil(picture: Image.Image) -> Tensor:
    """PIL, grey or RGB -> uint8 (C, H, W)."""
    picture = picture if picture.mode in ("L", "RGB") else picture.convert("RGB")
    flat = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return flat.view(picture.height, picture.width, -1).permute(2, 0, 1).contiguous()


def png(picture: Image.Image) -> bytes:
    """The bytes of a lossless PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def webp(picture: Image.Image) -> bytes:
    """The bytes of a WebP: small, and nearly the same."""
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP", quality=80)
    return buffer.getvalue()


def gif(frames: Sequence[Image.Image], seconds: float = 0.08) -> bytes:
    """An endlessly looping GIF. Exact for grey pictures; colour is reduced to 256 shades a frame."""
    buffer = io.BytesIO()
    first, *rest = frames
    first.save(buffer, format="GIF", save_all=True, append_images=rest, duration=round(seconds * 1000), loop=0)
    return buffer.getvalue()
