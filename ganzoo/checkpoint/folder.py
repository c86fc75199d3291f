"""A trained model in a folder: written by `export`, read strictly, the same on disk, in the Hub and in the cache.

config.json                model, its Config, data, inputs, training, timeline, metrics, sha256 per file
model.safetensors          the averaged networks that forward() uses
discriminator.safetensors  the opponents; may be absent
README.md                  the model card         preview.png   pictures from seed 0 on
timeline.png or .webp      a row of the same latents for each of `timeline.steps`
training.webp              of captioned pictures: all that it was trained on, small, to hold its own against
log.jsonl                  losses over steps
"""

from __future__ import annotations

import logging
import math
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from .. import files, registry
from ..config import Config
from ..gan import Game, inference_state, training_only_state
from ..images import columns_for, from_pil
from ..spec import Spec
from .manifest import HEAVIEST_FILE, MODEL, OPPONENT, Manifest, check_fits, check_log, read, typed, weigh

TRAINING = "training.webp"
TIMELINES = ("timeline.png", "timeline.webp")  # one of them: large pictures in colour are as WebP a fifth of the bytes
BESIDE = ("preview.png", *TIMELINES, TRAINING, "log.jsonl")  # what a checkpoint may have besides its networks and its card
TIMELINE_COLUMNS, TIMELINE_SIDE = 16, 64  # pictures in a row of the timeline, and their pixels at most
PREVIEW, PREVIEW_OF_LARGE, LARGE = 64, 16, 128  # pictures, and the side above which pictures are large
SMALL_SIDE = 32  # pixels of the training pictures in their sheet
BOARD = "leaderboard.json"  # beside the checkpoints: the scores of runs whose folders are gone (training/leaderboard.py)

log = logging.getLogger("ganzoo")


def weights_dir() -> Path:
    """Where checkpoints are kept: $GANZOO_WEIGHTS_DIR, or weights/ beside the package, or ./weights."""
    beside = Path(__file__).resolve().parents[2] / "weights"
    return Path(os.environ.get("GANZOO_WEIGHTS_DIR") or (beside if beside.is_dir() else "weights"))


def previewed(side: int) -> int:
    """How many pictures a preview has."""
    return PREVIEW_OF_LARGE if side > LARGE else PREVIEW


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder and where it came from. Nothing is read before it is asked for."""

    folder: Path
    source: str  # "bundled", "folder", "Hub USER/REPO@1234567", "cache USER/REPO@1234567": shown to the visitor

    @cached_property
    def config(self) -> dict[str, Any]:
        """config.json as it would be written today, with the keys that `manifest` does not name. ValueError if it is missing,
        broken, out of bounds or of a newer format."""
        path = self.folder / "config.json"
        if not path.is_file():
            raise ValueError(f"{self.folder}: no checkpoint (a folder with config.json, made by `python -m ganzoo export`)")
        try:
            config = files.read_json(path)
        except ValueError as error:
            raise ValueError(str(error) if self.ours else f"{error} ({self.source})") from None
        return read(config, self.where("config.json"))

    @cached_property
    def manifest(self) -> Manifest:
        """config.json as typed values. ValueError as for `config`."""
        return typed(self.config, self.where("config.json"))

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
        return self.manifest.name

    @property
    def revision(self) -> str:
        """The first 7 digits of the weights' sha256: the same weights have it wherever they are kept."""
        return self.manifest.files[MODEL][:7]

    @property
    def data(self) -> str:
        """The name of the data set that it was trained on."""
        return self.manifest.data.name

    @property
    def model(self) -> str:
        """The name of the model that reads it today (see `registry.successor`)."""
        return self.manifest.model

    @property
    def spec(self) -> Spec:
        return registry.spec(self.model)

    @cached_property
    def knobs(self) -> Config:
        """The model's Config. ValueError, with the file named, if the model is unknown or has no such knobs."""
        model, config = self.model, self.config["config"]
        try:
            return registry.successor(model, config, drawing=True)[1]
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.where('config.json')}: {error}") from None

    @property
    def has_discriminator(self) -> bool:
        return OPPONENT in self.manifest.files

    def load(self, device: torch.device | str = "cpu") -> Game:
        """The trained networks, in eval mode. ValueError if a file is missing, altered or does not fit the model."""
        self._model(light=True)
        game = self._model(light=False)
        for name, part in self._parts(game).items():
            tensors = self._read(name, part)
            for k, v in part.items():
                v.copy_(tensors[k])
        game.checkpoint = self
        return game.to(device).eval().requires_grad_(False)

    def verify(self) -> None:
        """ValueError, naming the file and its source, unless the networks are whole and unaltered, fit the model and
        weigh no more than a checkpoint may, and its pictures and log can be shown.
        """
        for name, part in self._parts(self._model(light=True)).items():
            self._read(name, part)
        self.timeline()
        self.training_pictures()
        if (self.folder / "log.jsonl").is_file():
            check_log((self.folder / "log.jsonl").read_text(encoding="utf-8"), self.where("log.jsonl"))

    def _read(self, name: str, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of a file: the very bytes that were hashed, of the shapes and types that are wanted."""
        path, where = self.folder / name, self.where(name)
        if not path.is_file():
            raise ValueError(f"{where}: missing; fetch the checkpoint again")
        if (size := path.stat().st_size) > HEAVIEST_FILE:
            raise ValueError(f"{where}: {size:,} bytes; ganzoo reads none above {HEAVIEST_FILE:,}")
        raw, expected = path.read_bytes(), self.manifest.files[name]
        if raw.startswith(files.LFS_POINTER):
            raise ValueError(f"{where}: not the weights, but git-lfs's note of where they are; `git lfs pull` in the clone")
        if (found := files.sha256(raw)) != expected:
            raise ValueError(f"{where}: altered or cut short (sha256 {found[:12]}, config.json says {expected[:12]})")
        tensors = files.to_tensors(raw, where)
        check_fits(tensors, wanted, where)
        return tensors

    def _model(self, light: bool) -> Game:
        """The model without its weights; light: with nothing in its tensors, and weighed."""
        knobs = self.knobs
        try:
            return weigh(self.spec, knobs) if light else self.spec.build(knobs)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.where('config.json')}: {error}") from None

    def _parts(self, game: Game) -> dict[str, dict[str, Tensor]]:
        """The tensors of each of its files."""
        return {MODEL: inference_state(game)} | ({OPPONENT: training_only_state(game)} if self.has_discriminator else {})

    @property
    def timeline_file(self) -> Path | None:
        """The picture of its timeline, if that was kept."""
        return next((p for p in (self.folder / name for name in TIMELINES) if p.is_file()), None)

    def timeline(self) -> list[tuple[int, Tensor]]:
        """(step, uint8 (TIMELINE_COLUMNS, C, S, S)) along the training; empty if it was not kept. ValueError if the
        picture is of another size, which is seen before it is decoded.
        """
        steps = self.manifest.timeline.steps
        if not steps or not (path := self.timeline_file):
            return []
        side = min(self.manifest.config.side, TIMELINE_SIDE)
        tiles = self._tiles(path.name, side, TIMELINE_COLUMNS, len(steps))
        return [*zip(steps, tiles.split(TIMELINE_COLUMNS), strict=True)]

    def training_pictures(self) -> Tensor:
        """What it was trained on, uint8 (N, 3, s, s); N is 0 if that was not kept. ValueError as for `timeline`."""
        sheet = self.manifest.training_pictures
        if not sheet or not (self.folder / TRAINING).is_file():
            return torch.zeros(0, 3, SMALL_SIDE, SMALL_SIDE, dtype=torch.uint8)
        columns = columns_for(sheet.count)
        tiles = self._tiles(TRAINING, sheet.side, columns, math.ceil(sheet.count / columns))
        if tiles.shape[1] != 3:
            raise ValueError(f"{self.where(TRAINING)}: not a picture in colour")
        return tiles[: sheet.count]

    def _tiles(self, name: str, side: int, columns: int, rows: int) -> Tensor:
        """The pictures in a grid, uint8 (columns * rows, C, side, side)."""
        try:
            with Image.open(self.folder / name) as picture:
                if picture.size != (wanted := (columns * side, rows * side)):
                    raise ValueError(f"{self.where(name)}: {picture.size} pixels, not {wanted}")
                pixels = from_pil(picture)
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(f"{self.where(name)}: not a picture that can be read ({error})") from None
        return torch.stack([tile for row in pixels.split(side, dim=1) for tile in row.split(side, dim=2)])
