"""What a checkpoint's config.json may say. It may come from anybody, so it is read with suspicion, before anything is built.

`check` holds it to a shape, with bounds on every text and number; `weigh` builds the model with nothing in it and stops when
it is too heavy, so that no knob, however large, can make the reader take more memory than `HEAVIEST`. (Torch's meta device
would do that too, but its first normal number imports modules for two seconds.)
"""

from __future__ import annotations

import json
import math
import re
import threading
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .gan import GAN
from .spec import Config, Spec

FORMAT = 1
MODEL, OPPONENT = "model.safetensors", "discriminator.safetensors"
NAME = r"[a-z0-9][a-z0-9._-]{0,63}"

HEAVIEST = 2**30  # bytes of all networks of a checkpoint
HEAVIEST_FILE = HEAVIEST + 10**7  # with names and shapes
MOST_TENSORS = 10_000
TOO_HEAVY = f"config: networks of more than {HEAVIEST / 1e6:,.0f} MB; ganzoo does not load those"
FILLING = ("uniform_", "normal_", "constant_", "fill_", "zero_")
FILLED = (torch.randn, torch.rand, torch.ones, torch.zeros, torch.full)
WIDEST = 1024  # pixels
MOST_PICTURES, WIDEST_PICTURE = 10_000, 32  # of its training that it may keep, and their pixels
LONGEST = 10_000  # characters of a text, and items of a list
MOST_SHOTS = 64  # of its training, in the timeline
LONGEST_LOG = 5 * 10**6  # characters

NUMBER = (int, float)
SHAPE: dict[str, Any] = {
    "name": str,
    "model": str,
    "data": {"name": str, "title": str, "source": str, "license": str},
    "config": {"side": int, "channels": int, "batch": int},
    "inputs": [{"name": str, "type": str}],
    "training": {"command": str, "steps": int, "images": int, "seconds": NUMBER, "device": str, "seed": int},
    "timeline": {"steps": [int]},
    "metrics": [{"name": str, "value": NUMBER, "spread": NUMBER, "n": int, "draws": int, "said": str}],
    "files": {},
}
DETAIL: dict[str, Any] = {"draws": [str], "confusion": [[int]], "moves": str, "rho": NUMBER}  # each may be absent
SEEDS: dict[str, Any] = {
    "chosen": int,
    "of": [int],
    "by": str,
    "measures": [{"name": str, "better": str, "values": {}, "median": NUMBER, "low": NUMBER, "high": NUMBER}],
}
PICTURES = {"count": int, "side": int}
START = {"name": str, "revision": str, "images": int, "command": str}  # what a training began with
CERTIFICATE = {"kills": int, "steps": int, "exact": bool, "torch": str}


def check(config: dict[str, Any], where: str) -> None:
    """ValueError, naming the key, unless config is a checkpoint's and within bounds."""
    if "format" not in config:
        raise ValueError(f"{where}: not the config.json of a ganzoo checkpoint (it lacks `format`)")
    if config["format"] != FORMAT:
        newer = "; a newer ganzoo reads it" if isinstance(config["format"], int) and config["format"] > FORMAT else ""
        raise ValueError(f"{where}: format {str(config['format'])[:20]!s}; this version reads {FORMAT}{newer}")
    if missing := sorted(SHAPE.keys() - config.keys()):
        raise ValueError(f"{where}: lacks {', '.join(missing)}")
    bounded(config, where)
    shaped(config, SHAPE, where)
    if "start" in config["training"]:
        shaped(config["training"]["start"], START, f"{where}: training: start")
    if config.get("certificate"):
        shaped(config["certificate"], CERTIFICATE, f"{where}: certificate")
    if not re.fullmatch(NAME, config["name"]):
        raise ValueError(f"{where}: name: {config['name'][:70]!r} is not made of a-z, 0-9, dot, dash and underscore")
    if MODEL not in config["files"] or config["files"].keys() - {MODEL, OPPONENT}:
        raise ValueError(f"{where}: files: {', '.join(config['files'])[:80]} are not {MODEL} and, maybe, {OPPONENT}")
    if wrong := [k for k, v in config["files"].items() if not re.fullmatch(r"[0-9a-f]{64}", str(v))]:
        raise ValueError(f"{where}: files: {wrong[0]}: {str(config['files'][wrong[0]])[:70]!r} is not a sha256")
    if len(config["timeline"]["steps"]) > MOST_SHOTS:
        raise ValueError(f"{where}: timeline: {len(config['timeline']['steps'])} steps are more than {MOST_SHOTS}")
    measures = list(config["metrics"])
    if config.get("seeds"):
        shaped(config["seeds"], SEEDS, f"{where}: seeds")
        if not config["seeds"]["measures"]:
            raise ValueError(f"{where}: seeds: no measures")
        measures += [m | {"floor": None} for m in config["seeds"]["measures"]]
    if kept := config.get("training_pictures"):
        shaped(kept, PICTURES, f"{where}: training_pictures")
        if not (1 <= kept["count"] <= MOST_PICTURES and 1 <= kept["side"] <= WIDEST_PICTURE):
            few = f"1 to {MOST_PICTURES:,}, 1 to {WIDEST_PICTURE} pixels wide"
            raise ValueError(f"{where}: training_pictures: {kept['count']} of {kept['side']} pixels are not {few}")
    for m in measures:
        detail = m.get("detail", {})
        shaped(detail, {k: v for k, v in DETAIL.items() if k in detail}, f"{where}: metrics: {m['name'][:40]}: detail")
        if m.get("better") not in ("lower", "higher") or not isinstance(m.get("floor", ""), int | float | None):
            raise ValueError(f"{where}: metrics: {m['name'][:40]}: `better` is lower or higher, `floor` a number or null")
    side = config["config"].get("side", 1)
    if isinstance(side, int) and side > WIDEST:
        raise ValueError(f"{where}: config: side: {side} pixels are more than {WIDEST}")


def check_log(text: str, where: str) -> None:
    """ValueError unless each line is an object of numbers by name, `step` and `images` among them, and it is not too long."""
    if len(text) > LONGEST_LOG:
        raise ValueError(f"{where}: {len(text):,} characters are more than {LONGEST_LOG:,}")
    for i, line in enumerate(text.splitlines(), 1):
        try:
            entry = json.loads(line)
            plain = isinstance(entry, dict) and entry.keys() >= {"step", "images"} and all(map(is_number, entry.values()))
        except (ValueError, RecursionError):
            plain = False
        if not plain:
            raise ValueError(f"{where}: line {i} is not a JSON object of numbers with `step` and `images`")


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def shaped(value: Any, shape: Any, where: str) -> None:
    """ValueError unless value has the keys and types of shape; keys that it does not name are allowed."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise ValueError(f"{where}: not a JSON object")
        for key, inner in shape.items():
            if key not in value:
                raise ValueError(f"{where}: lacks {key}")
            shaped(value[key], inner, f"{where}: {key}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise ValueError(f"{where}: not a list")
        for item in value:
            shaped(item, shape[0], where)
    elif not isinstance(value, shape) or (isinstance(value, bool) and shape is not bool):
        kind = {str: "a text", int: "a whole number", bool: "true or false"}.get(shape, "a number")
        raise ValueError(f"{where}: {str(value)[:40]!r} is not {kind}")
    elif shape is int and value < 0:
        raise ValueError(f"{where}: {value} is below 0")


def bounded(value: Any, where: str, depth: int = 0) -> None:
    """ValueError if a text or a list in a JSON value is longer than LONGEST, a number is not finite, or it nests deeply."""
    if isinstance(value, str | list | dict) and (len(value) > LONGEST or depth > 6):
        raise ValueError(f"{where}: longer or deeper than a checkpoint's")
    if isinstance(value, int | float) and not abs(value) < 1e15:  # also if it is not a number
        raise ValueError(f"{where}: {str(value)[:20]} is not a number that a checkpoint has")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        bounded(inner, where, depth + 1)


class Unfilled(TorchFunctionMode):
    """Within it, networks are given memory but nothing is put there, so that the system never has to find it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        into = args[0] if args else kwargs.get("tensor")
        if getattr(func, "__name__", "") in FILLING and isinstance(into, Tensor):
            return into
        if func in FILLED:
            size = kwargs.get("size", into if isinstance(into, tuple | list | torch.Size) else args)
            if math.prod(n for n in size if isinstance(n, int)) * 4 > HEAVIEST:
                raise ValueError(TOO_HEAVY)
        return func(*args, **kwargs)


def weigh(spec: Spec, config: Config) -> GAN:
    """The model of a Config, with nothing in its tensors. ValueError if its networks would be heavier than HEAVIEST."""
    bytes_, tensors, mine = 0, 0, threading.get_ident()

    def count(module: nn.Module, name: str, value: Any) -> None:
        nonlocal bytes_, tensors
        if threading.get_ident() == mine and isinstance(value, Tensor):
            bytes_, tensors = bytes_ + value.numel() * value.element_size(), tensors + 1
            if bytes_ > HEAVIEST or tensors > MOST_TENSORS:
                raise ValueError(TOO_HEAVY)

    hooks = (
        nn.modules.module.register_module_parameter_registration_hook(count),
        nn.modules.module.register_module_buffer_registration_hook(count),
    )
    try:
        with Unfilled():
            return spec.build(config)
    except ValueError:
        raise
    except Exception as error:  # whatever a strange knob leads to
        raise ValueError(f"config: no model can be built of it ({type(error).__name__}: {str(error)[:80]})") from None
    finally:
        for hook in hooks:
            hook.remove()


def fit(tensors: dict[str, Tensor], wanted: dict[str, Tensor], where: str) -> None:
    """ValueError unless there are exactly the tensors that are wanted, of their shapes and types; half precision will do
    for single."""
    has, needs = ({k: f"{tuple(v.shape)} {str(v.dtype)[6:]}" for k, v in x.items()} for x in (tensors, wanted))
    does = {k: v.replace("float16", "float32") if needs.get(k, "").endswith(" float32") else v for k, v in has.items()}
    if wrong := sorted(k for k in has.keys() | needs.keys() if does.get(k) != needs.get(k)):
        k = wrong[0]
        raise ValueError(f"{where}: does not fit the model; {k} is {has.get(k)}, the model has {needs.get(k)}")
