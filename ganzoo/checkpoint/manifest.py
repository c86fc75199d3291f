"""What a checkpoint's config.json holds, as typed values. It may come from anybody, so it is read with suspicion, before
anything is built.

`read` holds it to its types, with bounds on every text and number, and brings older formats up to date; `weigh` builds the
model with nothing in it and stops when it is too heavy, so that no knob, however large, can make the reader take more memory
than `HEAVIEST`. (Torch's meta device would do that too, but its first normal number imports modules for two seconds.)
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec
import torch
from msgspec import Meta
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..config import Config
from ..gan import Game
from ..spec import Spec
from .formats import FORMAT, updated, with_ids

LIBRARY = "ganzoo"  # as the Hub knows it
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
DEEPEST = 6  # lists and objects within each other
MOST_SHOTS = 64  # of its training, in the timeline
LONGEST_LOG = 5 * 10**6  # characters

Count = Annotated[int, Meta(ge=0)]
Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


# ---- The sections of config.json --------------------------------------------------------------------------------------


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A JSON object of config.json. Keys that it does not name are allowed: `Checkpoint.config` keeps them, and what is
    written anew has them again."""


class DataInfo(Section, frozen=True):
    """The data set that it was trained on."""

    name: str
    title: str
    source: str
    license: str


class Basics(Section, frozen=True):
    """The knobs that are read without the model's own Config; `Checkpoint.knobs` has them all."""

    side: Annotated[int, Meta(ge=0, le=WIDEST)]  # pixels
    channels: Count
    batch: Count


class InputInfo(Section, frozen=True):
    """An input of the generator: its name, and the class in `ganzoo.inputs`."""

    name: str
    type: str


class Start(Section, frozen=True):
    """What a training began with: another checkpoint or run, the pictures that it had seen, the commands that made it."""

    name: str
    revision: str
    images: Count
    command: str


FROM_SCRATCH = Start(name="", revision="", images=0, command="")


class Training(Section, frozen=True):
    """How it was trained; command: what was typed, a line each."""

    command: str
    steps: Count
    images: Count
    seconds: float
    device: str
    seed: Count
    recipe: str | None = None
    start: Start = FROM_SCRATCH


class Timeline(Section, frozen=True):
    """The steps that the rows of the timeline were drawn at."""

    steps: Annotated[list[Count], Meta(max_length=MOST_SHOTS)]


class Detail(Section, frozen=True):
    """What a measure keeps for programs; what it did not find is empty."""

    draws: list[str] = []  # the class that each option of a categorical code mostly draws
    confusion: list[list[Count]] = []  # real test pictures by code (rows) and class (columns)
    moves: str = ""  # the factor that a slider moves the most
    rho: float | None = None  # their rank correlation


class Measure(Section, frozen=True, rename={"note": "said"}):
    """A measure: its mean and standard deviation over draws of n pictures; floor: the same of the real test set."""

    name: str  # for people
    value: float
    spread: float
    n: Count
    draws: Count
    better: Literal["lower", "higher"]
    floor: float | None
    note: str
    id: Annotated[str, Meta(max_length=100)] = ""  # for programs; in files of format 1 it is derived from the name
    detail: Detail = Detail()


class SeedMeasure(Section, frozen=True):
    """A measure over trainings that differ in nothing but the seed."""

    name: str
    better: Literal["lower", "higher"]
    values: dict[str, float]  # by seed
    median: float
    low: float
    high: float
    id: Annotated[str, Meta(max_length=100)] = ""


class Seeds(Section, frozen=True):
    """The seeds that a checkpoint was chosen from; by: the id of the measure that was decisive."""

    chosen: Count
    of: list[Count]
    by: str
    measures: Annotated[list[SeedMeasure], Meta(min_length=1)]

    @property
    def decisive(self) -> SeedMeasure | None:
        """The measure that the checkpoint was chosen by."""
        return next((m for m in self.measures if m.id == self.by), None)


class Certificate(Section, frozen=True):
    """A test of exact resume: a training of so many steps, killed so many times."""

    kills: Count
    steps: Count
    exact: bool
    torch: str


class Sheet(Section, frozen=True):
    """The sheet of training pictures: how many, and their side."""

    count: Annotated[int, Meta(ge=1, le=MOST_PICTURES)]
    side: Annotated[int, Meta(ge=1, le=WIDEST_PICTURE)]


class Manifest(Section, frozen=True):
    """config.json."""

    name: Annotated[str, Meta(pattern=rf"\A{NAME}\Z")]
    model: str
    data: DataInfo
    config: Basics
    inputs: list[InputInfo]
    training: Training
    timeline: Timeline
    metrics: list[Measure]
    files: dict[str, Sha256]  # sha256 of each file of networks
    seeds: Seeds | None = None
    certificate: Certificate | None = None
    training_pictures: Sheet | None = None

    @property
    def draws(self) -> bool:
        """Whether it draws pictures: judges and caption encoders do not."""
        return bool(self.inputs)

    def measure(self, id: str) -> Measure | None:
        """The measure of an id; None if it was not taken."""
        return next((m for m in self.metrics if m.id == id), None)

    def detail(self, id: str) -> Detail:
        """What a measure keeps for programs; empty if it was not taken."""
        found = self.measure(id)
        return found.detail if found else Detail()

    @property
    def commands(self) -> list[str]:
        """What was typed, from the first training on."""
        lines = [*self.training.start.command.splitlines(), *self.training.command.splitlines()]
        return [*dict.fromkeys(lines)]  # all steps of a recipe are one command

    @property
    def images_seen(self) -> int:
        """Real pictures, over all its trainings."""
        return self.training.images + self.training.start.images


# ---- Reading ----------------------------------------------------------------------------------------------------------


def read(config: dict[str, Any], where: str) -> dict[str, Any]:
    """config.json in today's format, checked. ValueError, naming the key, unless it is a checkpoint's and within bounds."""
    if "format" not in config:
        raise ValueError(f"{where}: not the config.json of a ganzoo checkpoint (it lacks `format`)")
    if isinstance(config["format"], bool) or config["format"] not in range(1, FORMAT + 1):
        newer = "; a newer ganzoo reads it" if isinstance(config["format"], int) and config["format"] > FORMAT else ""
        raise ValueError(f"{where}: format {str(config['format'])[:20]!s}; this version reads 1 to {FORMAT}{newer}")
    bounded(config, where)
    typed(config, where)
    return updated(config)


def typed(config: Mapping[str, Any], where: str) -> Manifest:
    """config.json as typed values. ValueError, naming the key, if one is not of its type or out of its bounds."""
    empty = [k for k in ("seeds", "certificate", "training_pictures") if not config.get(k)]
    try:
        manifest = msgspec.convert({k: v for k, v in config.items() if k not in empty}, Manifest)
    except msgspec.ValidationError as error:
        raise ValueError(f"{where}: {explained(error, config)}") from None
    if MODEL not in manifest.files or manifest.files.keys() - {MODEL, OPPONENT}:
        raise ValueError(f"{where}: files: {', '.join(manifest.files)[:80]} are not {MODEL} and, maybe, {OPPONENT}")
    return manifest


def measures(metrics: Iterable[Any]) -> list[Measure]:
    """Measures as `metrics.measure` and seeds.json have them, typed."""
    return msgspec.convert([m if isinstance(m, Measure) else with_ids([m])[0] for m in metrics], list[Measure])


def seed_measures(found: Iterable[Any]) -> list[SeedMeasure]:
    """Measures as `training.seeds.together` has them, typed."""
    return msgspec.convert([*found], list[SeedMeasure])


KINDS = {"str": "a text", "int": "a whole number", "float": "a number", "bool": "true or false", "object": "a JSON object"}
KINDS |= {"array": "a list", "float | null": "a number or null"}
PATTERNS = {"name": "made of a-z, 0-9, dot, dash and underscore (64 at most)", "files": "a sha256"}  # by the key


def explained(error: msgspec.ValidationError, config: Mapping[str, Any]) -> str:
    """msgspec's message in words: "KEY: KEY: what was given, what is allowed", in one line.

    >>> explained(msgspec.ValidationError("Expected `int` <= 1024 - at `$.config.side`"), {"config": {"side": 2000}})
    "config: side: '2000' is not a whole number <= 1024"
    """
    problem, _, path = str(error).partition(" - at `$")
    keys = re.findall(r"\w+", path)  # names of keys, and numbers of items; a key of `files` is not named
    if found := re.fullmatch(r"Object missing required field `(.+)`", problem):
        return "".join(f"{key}: " for key in keys) + f"lacks {found[1]}"
    given: Any = config
    for key in keys:
        given = given[int(key)] if isinstance(given, list) else given[key]
    kind, bound = re.findall(r"Expected `(.+?)`(?:, got .*)?(.*)", problem)[0] if "Expected" in problem else ("", "")
    allowed = PATTERNS.get(keys[0], problem) if "regex" in bound else KINDS.get(kind, kind) + bound
    return "".join(f"{key}: " for key in keys) + f"{str(given)[:60]!r} is not {allowed or 'lower or higher'}"


# ---- What is beside config.json ---------------------------------------------------------------------------------------


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


def bounded(value: Any, where: str, depth: int = 0) -> None:
    """ValueError if a text or a list in a JSON value is longer than LONGEST, a number is not finite, or it nests deeply."""
    if isinstance(value, str | list | tuple | dict) and (len(value) > LONGEST or depth > DEEPEST):
        raise ValueError(f"{where}: longer or deeper than a checkpoint's")
    if isinstance(value, int | float) and not abs(value) < 1e15:  # also if it is not a number
        raise ValueError(f"{where}: {str(value)[:20]} is not a number that a checkpoint has")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
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


def weigh(spec: Spec, config: Config) -> Game:
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


def check_fits(tensors: dict[str, Tensor], wanted: dict[str, Tensor], where: str) -> None:
    """ValueError unless there are exactly the tensors that are wanted, of their shapes and types; half precision will do
    for single."""
    has, needs = ({k: f"{tuple(v.shape)} {str(v.dtype)[6:]}" for k, v in x.items()} for x in (tensors, wanted))
    does = {k: v.replace("float16", "float32") if needs.get(k, "").endswith(" float32") else v for k, v in has.items()}
    if wrong := sorted(k for k in has.keys() | needs.keys() if does.get(k) != needs.get(k)):
        k = wrong[0]
        raise ValueError(f"{where}: does not fit the model; {k} is {has.get(k)}, the model has {needs.get(k)}")
