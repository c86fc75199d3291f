"""A trained model in a folder: written by `export`, read strictly, the same on disk, in the Hub and in the cache.

config.json                model, its Config, data, inputs, training, timeline, metrics, sha256 per file
model.safetensors          the averaged networks that forward() uses
discriminator.safetensors  the opponents; may be absent
README.md                  the model card         preview.png   pictures from seed 0 on
timeline.png               a row of the same latents for each of `timeline.steps`
training.webp              of captioned pictures: all that it was trained on, small, to hold its own against
log.jsonl                  losses over steps
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import shlex
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from . import data, files, registry
from .gan import GAN
from .images import columns_for, from_pil, grid, png, shrunk, to_uint8, webp
from .manifest import FORMAT, HEAVIEST_FILE, MODEL, MOST_PICTURES, NAME, OPPONENT, check, check_log, fit, weigh
from .spec import Spec, configure, naming
from .training import state
from .training.engine import drawing, opposing

TRAINING = "training.webp"
BESIDE = ("preview.png", "timeline.png", TRAINING, "log.jsonl")  # what a checkpoint may have besides its networks and its card
TIMELINE_ROWS, TIMELINE_COLUMNS = 24, 16
EARLY = 30  # steps in which a picture is still grey: few rows of the timeline go to them
TIMELINE_SIDE = 64  # pixels of its pictures at most
PREVIEW, PREVIEW_OF_LARGE, LARGE = 64, 16, 128  # pictures, and from what side on they are large
SMALL_SIDE = 32  # of the training pictures in their sheet


log = logging.getLogger("ganzoo")


def weights_dir() -> Path:
    """Where checkpoints are kept: $GANZOO_WEIGHTS_DIR, or weights/ beside the package, or ./weights."""
    beside = Path(__file__).resolve().parents[1] / "weights"
    return Path(os.environ.get("GANZOO_WEIGHTS_DIR") or (beside if beside.is_dir() else "weights"))


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder and where it came from. Nothing is read before it is asked for."""

    folder: Path
    source: str  # "bundled", "folder", "Hub USER/REPO@1234567", "cache USER/REPO@1234567": shown to the visitor

    @cached_property
    def config(self) -> dict[str, Any]:
        """config.json. ValueError if it is missing, broken, out of bounds or of another format."""
        path = self.folder / "config.json"
        if not path.is_file():
            raise ValueError(f"{self.folder}: no checkpoint (a folder with config.json, made by `python -m ganzoo export`)")
        try:
            config = files.read_json(path)
        except ValueError as error:
            raise ValueError(str(error) if self.ours else f"{error} ({self.source})") from None
        check(config, self.where("config.json"))
        return config

    def where(self, file: str) -> str:
        """A file as a message names it: with its source, if that is not plain from its path."""
        path = str(self.folder / file)
        return path if self.ours else f"{path} ({self.source})"

    @property
    def ours(self) -> bool:
        """Whether the folder is a person's own, and not a copy in the Hub's cache."""
        return not self.source.startswith(("Hub", "cache"))

    @property
    def name(self) -> str:
        return str(self.config["name"])

    @property
    def revision(self) -> str:
        """The first 7 digits of the weights' sha256: the same weights have it wherever they are kept."""
        return str(self.config["files"].get(MODEL, ""))[:7]

    @property
    def data(self) -> str:
        """The name of the data set that it was trained on."""
        return str(self.config["data"]["name"])

    @property
    def spec(self) -> Spec:
        return registry.spec(str(self.config["model"]))

    @property
    def has_opponent(self) -> bool:
        return OPPONENT in self.config["files"]

    def load(self, device: torch.device | str = "cpu") -> GAN:
        """The trained networks, in eval mode. ValueError if a file is missing, altered or does not fit the model."""
        self._model(light=True)
        gan = self._model(light=False)
        for name, part in self._parts(gan).items():
            tensors = self._read(name, part)
            for k, v in part.items():
                v.copy_(tensors[k])
        gan.checkpoint = self
        return gan.to(device).eval().requires_grad_(False)

    def verify(self) -> None:
        """ValueError, naming the file and its source, unless the networks are whole and unaltered, fit the model and
        weigh no more than a checkpoint may, and its pictures and log can be shown.
        """
        for name, part in self._parts(self._model(light=True)).items():
            self._read(name, part)
        self.timeline()
        self.training_pictures()
        if (self.folder / "log.jsonl").is_file():
            check_log((self.folder / "log.jsonl").read_text(), self.where("log.jsonl"))

    def _read(self, name: str, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of a file: the very bytes that were hashed, of the shapes and types that are wanted."""
        path, where = self.folder / name, self.where(name)
        if not path.is_file():
            raise ValueError(f"{where}: missing; fetch the checkpoint again")
        if (size := path.stat().st_size) > HEAVIEST_FILE:
            raise ValueError(f"{where}: {size:,} bytes; ganzoo reads none above {HEAVIEST_FILE:,}")
        raw, expected = path.read_bytes(), self.config["files"][name]
        if (found := files.sha256(raw)) != expected:
            raise ValueError(f"{where}: altered or cut short (sha256 {found[:12]}, config.json says {expected[:12]})")
        tensors = files.to_tensors(raw, where)
        fit(tensors, wanted, where)
        return tensors

    def _model(self, light: bool) -> GAN:
        """The model without its weights; light: with nothing in its tensors, and weighed."""
        try:
            knobs = configure(self.spec.config, self.config["config"])
            return weigh(self.spec, knobs) if light else self.spec.build(knobs)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.where('config.json')}: {error}") from None

    def _parts(self, gan: GAN) -> dict[str, dict[str, Tensor]]:
        """The tensors of each of its files."""
        return {MODEL: drawing(gan)} | ({OPPONENT: opposing(gan)} if self.has_opponent else {})

    def timeline(self) -> list[tuple[int, Tensor]]:
        """(step, uint8 (TIMELINE_COLUMNS, C, S, S)) along the training; empty if it was not kept. ValueError if the
        picture is of another size, which is seen before it is decoded.
        """
        steps = self.config.get("timeline", {}).get("steps", [])
        path = self.folder / "timeline.png"
        if not steps or not path.is_file():
            return []
        side = min(int(self.config["config"]["side"]), TIMELINE_SIDE)
        tiles = self._tiles("timeline.png", side, TIMELINE_COLUMNS, len(steps))
        return [*zip(steps, tiles.split(TIMELINE_COLUMNS), strict=True)]

    def training_pictures(self) -> Tensor:
        """What it was trained on, uint8 (N, 3, s, s); N is 0 if that was not kept. ValueError as for `timeline`."""
        about = self.config.get("training_pictures")
        if not about or not (self.folder / TRAINING).is_file():
            return torch.zeros(0, 3, SMALL_SIDE, SMALL_SIDE, dtype=torch.uint8)
        columns = columns_for(about["count"])
        tiles = self._tiles(TRAINING, about["side"], columns, math.ceil(about["count"] / columns))
        if tiles.shape[1] != 3:
            raise ValueError(f"{self.where(TRAINING)}: not a picture in colour")
        return tiles[: about["count"]]

    def _tiles(self, name: str, side: int, columns: int, rows: int) -> Tensor:
        """The pictures in a grid, uint8 (columns * rows, C, side, side)."""
        try:
            with Image.open(self.folder / name) as picture:
                if picture.size != (wanted := (columns * side, rows * side)):
                    raise ValueError(f"{self.where(name)}: {picture.size} pixels, not {wanted}")
                sheet = from_pil(picture)
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(f"{self.where(name)}: not a picture that can be read ({error})") from None
        return torch.stack([tile for row in sheet.split(side, dim=1) for tile in row.split(side, dim=2)])


def from_run(folder: Path, best: bool = False) -> tuple[state.Plan, GAN, dict[str, str]]:
    """The averaged model of a run as it was saved last, or at its best: its plan, the networks, step and seconds."""
    plan = state.read_plan(folder)
    spec = registry.spec(plan.model)
    gan = spec.build(configure(spec.config, plan.config))
    kept = folder / ("best.safetensors" if best else "state.safetensors")
    if best and not kept.exists():
        raise ValueError(f"{folder}: no best.safetensors; it is kept by `train --keep-best`")
    tensors, facts = files.read_tensors(kept)
    try:
        for part, prefix in ((drawing(gan), "average."), (opposing(gan), "gan.")):
            for k, v in part.items():
                v.copy_(tensors[prefix + k])
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"{folder}: its state does not fit its plan ({error})") from None
    return plan, gan.eval().requires_grad_(False), facts


def export(
    run: Path,
    name: str | None = None,
    best: bool = False,
    known: dict[str, Any] | None = None,
    light: bool = False,
    half: bool = False,
) -> Checkpoint:
    """Make weights/NAME/ of a run's last or best networks, with what is `known` of them already (their measures).

    light: without the opponents, which nothing needs that draws; half: in half precision. ValueError if the name is taken or
    not plain.
    """
    from .hub import card  # the card needs Checkpoint

    plan, gan, facts = from_run(run, best)
    step, seconds = int(facts["step"]), float(facts["seconds"])
    given, name = name, name or f"{plan.model}-{data.plain(plan.data)}"
    if not re.fullmatch(NAME, name):
        raise ValueError(f"name: {name!r} is not made of a-z, 0-9, dot, dash and underscore (64 at most)")
    folder = weights_dir() / name
    if folder.exists() and not (folder / "config.json").is_file():
        raise ValueError(f"{folder}: is there and is no checkpoint; choose another --name")
    if not given and (folder / "config.json").is_file():
        there, ours = files.read_json(folder / "config.json").get("data", {}), {"name": plan.data} | plan.about
        if any(there.get(k) != ours[k] for k in ("name", "source")):
            raise ValueError(f"{folder}: was trained on other data ({there.get('source')}); choose a --name, or say this one")
    shots = thin(sorted(p for p in (run / "snapshots").glob("*.png") if int(p.stem) <= step), TIMELINE_ROWS)

    config = {
        "format": FORMAT,
        "name": name,
        "model": plan.model,
        "data": {"name": plan.data} | plan.about,  # a folder of pictures is named without its path
        "config": plan.config | {k: homeless(getattr(gan.config, k)) for k in naming(type(gan.config))},
        "inputs": [{"name": i.name, "type": type(i).__name__} | asdict(i) for i in gan.inputs],
        "training": {
            "command": typed(plan.command),
            "recipe": plan.recipe,
            "steps": step,
            "images": step * int(plan.config["batch"]),
            "seconds": round(seconds, 1),
            "device": plan.made_on,
            "precision": plan.precision,
            "seed": plan.seed,
            "commit": plan.commit,
            **({"start": plan.started} if plan.started else {}),
        },
        "timeline": {"steps": [int(p.stem) for p in shots]},
        "metrics": [],
        "files": {MODEL: "0" * 64},  # until they are written
    }
    check(config, str(folder))

    if half:  # what is shown is what is written
        gan.load_state_dict(halved(drawing(gan) | ({} if light else opposing(gan))), strict=False)
    config["files"] = write_networks(folder, gan, light)
    if gan.inputs:
        files.write(folder / "preview.png", png(preview(gan)))
    config |= write_training_pictures(folder, plan) if gan.inputs else {}
    if shots:
        files.write(folder / "timeline.png", png(strip(shots, int(plan.config["side"]))))
    if (run / "log.jsonl").exists():
        files.write(folder / "log.jsonl", (run / "log.jsonl").read_bytes())
    if (folder / "config.json").exists():  # what was measured on these very weights stays true
        before = files.read_json(folder / "config.json")
        if before.get("files") == config["files"]:
            config |= {k: before[k] for k in ("metrics", "certificate", "seeds") if k in before}
    config |= known or {}
    files.write_json(folder / "config.json", config)
    checkpoint = Checkpoint(folder, "bundled")
    card.write(checkpoint)
    return checkpoint


def typed(commands: str) -> str:
    """Command lines as they may be shown: see `homeless`; a line that is none is left out."""
    shown = []
    for line in commands.splitlines():
        with contextlib.suppress(ValueError):
            shown.append(homeless(line))
    return "\n".join(shown)


def homeless(command: str) -> str:
    """A command line without the folders of the machine that it was typed on.

    >>> homeless("python -m ganzoo train dcgan --data 'folder:/home/ada/my cats@64' --out=/tmp/runs/x/")
    "python -m ganzoo train dcgan --data 'folder:my cats@64' --out=x"
    """
    words = [re.sub(r"(^|[:=])/(?:.*/)?([^/]+)/?$", r"\1\2", word) for word in shlex.split(command)]
    return shlex.join(words)


def previewed(side: int) -> int:
    """How many pictures a preview has."""
    return PREVIEW_OF_LARGE if side > LARGE else PREVIEW


def preview(gan: GAN) -> Image.Image:
    """What it draws from seed 0 on."""
    return grid(to_uint8(gan.sample(previewed(gan.config.side), seed=0)))


def write_training_pictures(folder: Path, plan: state.Plan) -> dict[str, Any]:
    """Write the sheet of what a run was trained on, where that is at most MOST_PICTURES captioned pictures in colour -> what
    config.json says of it, or nothing."""
    if not plan.config.get("captions") or plan.config["channels"] != 3:
        return {}
    try:
        images = data.load(plan.data, plan.root).image
    except ValueError as error:  # moved away since it was trained on
        log.warning("%s is left out: %s", TRAINING, error)
        return {}
    return sheet_of(folder, images) if len(images) <= MOST_PICTURES else {}


def sheet_of(folder: Path, images: Tensor) -> dict[str, Any]:
    """Write pictures, uint8 (N, 3, S, S), in one sheet, small -> what config.json says of it."""
    small = shrunk(images, SMALL_SIDE)
    files.write(folder / TRAINING, webp(grid(small, paper=0)))
    return {"training_pictures": {"count": len(small), "side": small.shape[-1]}}


def write_networks(folder: Path, gan: GAN, light: bool = False) -> dict[str, str]:
    """Write the files of the networks, light: without the opponents -> sha256 of each by its name. Where half precision
    holds them to the last bit, they are written in it."""
    parts = {MODEL: drawing(gan)} | ({OPPONENT: opposing(gan)} if gan.opponents and not light else {})
    if OPPONENT not in parts:
        (folder / OPPONENT).unlink(missing_ok=True)  # of an export before
    for name, tensors in parts.items():
        fits = all(torch.equal(v.half().float(), v) for v in tensors.values() if heavy(v))
        files.write_tensors(folder / name, halved(tensors) if fits else tensors)
    return {name: files.sha256(folder / name) for name in parts}


def heavy(v: Tensor) -> bool:
    """Matrices and filters; vectors, which weigh little, stay in single precision."""
    return v.dtype == torch.float32 and v.ndim > 1


def halved(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """What is heavy, in half precision. ValueError if a number is too large for it."""
    found = {k: v.half() if heavy(v) else v for k, v in tensors.items()}
    if wrong := [k for k, v in found.items() if v.dtype == torch.float16 and not v.isfinite().all()]:
        raise ValueError(f"{wrong[0]}: has numbers that half precision cannot hold; export without --half")
    return found


def record(checkpoint: Checkpoint, found: dict[str, Any]) -> None:
    """Put what was measured into config.json and the card."""
    from .hub import card

    if not checkpoint.ours:
        raise ValueError(f"{checkpoint.source}: a copy that is not yours to write to; measure a checkpoint in a folder")
    files.write_json(checkpoint.folder / "config.json", checkpoint.config | found)
    card.write(Checkpoint(checkpoint.folder, checkpoint.source))


def thin(shots: list[Path], most: int) -> list[Path]:
    """At most that many of the snapshots, first and last among them, log-spaced from about the `EARLY`th step on."""
    if len(shots) <= most:
        return shots
    place = {p: math.log(int(p.stem) + EARLY) for p in shots}
    first, last = place[shots[0]], place[shots[-1]]
    left, kept = list(shots), []
    for i in range(most):
        at = first + (last - first) * i / (most - 1)
        kept.append(min(left, key=lambda p: abs(place[p] - at)))
        left.remove(kept[-1])
    return sorted(kept)


def strip(shots: list[Path], side: int) -> Image.Image:
    """A row of the first latents for each snapshot, earliest on top, none wider than TIMELINE_SIDE."""
    rows: list[Tensor] = []
    for path in shots:
        with Image.open(path) as picture:
            tiles = [t for row in from_pil(picture).split(side, 1) for t in row.split(side, 2)]
        rows += shrunk(torch.stack(tiles[:TIMELINE_COLUMNS]), TIMELINE_SIDE)
    return grid(torch.stack(rows), columns=TIMELINE_COLUMNS)
