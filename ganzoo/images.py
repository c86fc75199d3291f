"""Pictures in and out: [-1, 1] floats <-> uint8, grids, PNG, WebP, GIF. The only file that knows 127.5."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate, max_pool2d, pad


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


def outlines(images: Tensor) -> Tensor:
    """float (n, C, S, S) in [-1, 1] -> (n, 1, S, S): dark lines on white where a picture changes, by a plain filter.

    The morphological gradient: the largest less the smallest number within 2 x 2 pixels, in the channel where they differ most.
    Where that is a seventh of the range or more there is ink, all of it as black: a grey line would tell of the colours that it
    parts.
    """
    around = pad(images.float(), (0, 1, 0, 1), mode="replicate")
    gradient = (max_pool2d(around, 2, 1) + max_pool2d(-around, 2, 1)).amax(1, keepdim=True) / 2
    return 1 - 2 * (gradient > 1 / 7).float()


def nearest(images: Tensor, among: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
    """uint8 (n, C, S, S), (N, C, S, S) -> distances (n, k) in pixels (L2, of 0..1) and indices (n, k) of the k nearest, the
    nearest first; fewer if N is less than k."""
    queries, found = images.flatten(1).float() / 255, []
    for start in range(0, len(among), 10_000):
        part = among[start : start + 10_000].flatten(1).float() / 255
        near = torch.cdist(queries, part).topk(min(k, len(part)), largest=False)
        found.append((near.values, near.indices + start))
    distance, index = (torch.cat(x, 1) for x in zip(*found, strict=True))
    best = distance.topk(min(k, len(among)), largest=False)
    return best.values, index.gather(1, best.indices)


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


FINE = Image.Resampling.LANCZOS
TOPS = (1.0, 255.0, 65_535.0, 2.0**31 - 1)  # white, where a grey picture has more than 8 bits a pixel


def square(picture: Image.Image, side: int, top: float | None = None) -> Image.Image:
    """The middle square of a picture, as `flat` has it, brought to side x side; grey or RGB."""
    return ImageOps.fit(flat(picture, top), (side, side), FINE)


def halves(picture: Image.Image, side: int, top: float | None = None) -> tuple[Image.Image, Image.Image]:
    """The left and the right half of a picture, as `flat` has it, each as `square` makes it. ValueError if it is not wider than
    high, and so no two pictures side by side."""
    whole = flat(picture, top)
    if whole.width <= whole.height:
        raise ValueError(f"{whole.width} x {whole.height} pixels: not two pictures side by side")
    middle = whole.width // 2
    left, right = whole.crop((0, 0, middle, whole.height)), whole.crop((whole.width - middle, 0, whole.width, whole.height))
    return ImageOps.fit(left, (side, side), FINE), ImageOps.fit(right, (side, side), FINE)


def flat(picture: Image.Image, top: float | None = None) -> Image.Image:
    """A picture as it is shown, turned upright and on white; grey or RGB.

    top: what is white, where it has more than 8 bits (default: see `top_of`). ValueError if its numbers are no picture's.
    """
    shown = ImageOps.exif_transpose(picture)
    if deep(picture):
        shown = _to_8_bits(shown, top or top_of(picture))
    if "A" in shown.getbands() or "transparency" in shown.info:  # on white, as a page shows it
        shown = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown.convert("RGBA"))
    return shown.convert("L" if shown.mode in ("1", "L") else "RGB")


def deep(picture: Image.Image) -> bool:
    """Whether it is a grey one of 16 or 32 bits a pixel, whole or floating."""
    return picture.mode == "F" or picture.mode.startswith("I")


def top_of(picture: Image.Image) -> float:
    """What is white in a grey picture of 16 or 32 bits: the most that 16 bits hold, where its file says that it has as many;
    else the first of 1 (of floats), 255, 65535 and 2147483647 that is not below its numbers, of which a picture that is dark
    all over says too little: take the most of a set. ValueError if there is none, or a number below 0."""
    if picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format in ("PNG", "PPM")):
        return 65_535.0
    numbers = numpy.asarray(picture)
    low, high = float(numbers.min()), float(numbers.max())
    tops = TOPS[:3] if picture.mode == "F" else TOPS[1:]
    if not (low >= 0 and high <= tops[-1]):  # also if one is not a number
        allowed = ", ".join(f"{t:.0f}" for t in tops)
        raise ValueError(f"its numbers go from {low:g} to {high:g}; give 0 to one of {allowed}")
    return next(t for t in tops if high <= t)


def _to_8_bits(picture: Image.Image, top: float) -> Image.Image:
    values = numpy.asarray(picture).astype(numpy.float64)
    if "transparency" in picture.info:
        values = numpy.where(values == picture.info["transparency"], top, values)
    return Image.fromarray((values * (255 / top)).round().clip(0, 255).astype(numpy.uint8))


def png(picture: Image.Image) -> bytes:
    """The bytes of a lossless PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def webp(picture: Image.Image, lossless: bool = False) -> bytes:
    """The bytes of a WebP: small, and nearly the same; or lossless, and a little smaller than a PNG."""
    buffer = io.BytesIO()
    options = {"lossless": True, "quality": 20, "method": 1} if lossless else {"quality": 80}  # smaller takes much longer
    picture.save(buffer, format="WEBP", **options)
    return buffer.getvalue()


def gif(frames: Sequence[Image.Image], seconds: float = 0.08) -> bytes:
    """An endlessly looping GIF. Exact for grey pictures; colour is reduced to 256 shades a frame."""
    buffer = io.BytesIO()
    first, *rest = frames
    first.save(buffer, format="GIF", save_all=True, append_images=rest, duration=round(seconds * 1000), loop=0)
    return buffer.getvalue()
