"""The end of a training: its run becomes a checkpoint folder."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from .. import data, files
from ..checkpoint import card
from ..checkpoint.folder import TIMELINE_COLUMNS, TIMELINE_SIDE, TRAINING, Checkpoint, weights_dir
from ..checkpoint.formats import FORMAT
from ..checkpoint.manifest import MODEL, MOST_PICTURES, NAME, bounded, typed
from ..checkpoint.write import (
    halved,
    preview,
    redact_paths,
    shown_commands,
    write_networks,
    write_timeline,
    write_training_sheet,
)
from ..config import naming
from ..data.dataset import plain
from ..gan import GAN, Game, inference_state, training_only_state
from ..hub.settings import PINS
from ..images import from_pil, grid, png, shrunk
from .plan import Plan, from_run

log = logging.getLogger("ganzoo")

TIMELINE_ROWS = 24
EARLY = 30  # steps in which a picture is still grey: few rows of the timeline go to them


def export(
    run: Path,
    name: str | None = None,
    best: bool = False,
    measured: dict[str, Any] | None = None,
    light: bool = False,
    half: bool = False,
    replace: bool = False,
) -> Checkpoint:
    """Make weights/NAME/ of a run's last or best networks, with what was `measured` of them already (keys of config.json).

    light: without the opponents, which nothing needs that draws; half: in half precision; replace: other networks that are
    there under that name. ValueError if the name is taken or not plain.
    """
    plan, game, facts = from_run(run, best)
    folder = target_folder(plan, name)
    step = int(facts["step"])
    shots = thin(sorted(p for p in (run / "snapshots").glob("*.png") if int(p.stem) <= step), TIMELINE_ROWS)
    config = described(plan, game, folder.name, step, round(float(facts["seconds"]), 1))
    if half:  # what is shown is what is written
        game.load_state_dict(halved(inference_state(game) | ({} if light else training_only_state(game))), strict=False)
    if not replace:
        refuse_to_replace(folder, game, config["training"]["images"])
    config["timeline"] = {"steps": [int(p.stem) for p in shots]}
    bounded(config, str(folder))
    typed(config, str(folder))

    config["files"] = write_networks(folder, game, light)
    if isinstance(game, GAN):
        files.write(folder / "preview.png", png(preview(game)))
        config |= write_training_pictures(folder, plan)
    if shots:
        write_timeline(folder, strip(shots, game.config.side))
    if (run / "log.jsonl").exists():
        files.write(folder / "log.jsonl", (run / "log.jsonl").read_bytes())
    if (folder / "config.json").exists():
        replaced = Checkpoint(folder, "folder").config
        if replaced["files"] == config["files"]:  # what was measured on these very weights stays true
            config |= {k: replaced[k] for k in ("metrics", "certificate", "seeds") if k in replaced}
    config |= measured or {}
    files.write_json(folder / "config.json", config)
    checkpoint = Checkpoint(folder, "bundled")
    card.write(checkpoint)
    return checkpoint


def target_folder(plan: Plan, name: str | None) -> Path:
    """The folder that a run's checkpoint is written to. ValueError if its name is not plain, or something else is there."""
    folder = weights_dir() / (name or f"{plan.model}-{plain(plan.data)}")
    if not re.fullmatch(NAME, folder.name) or (name and folder.name != name):
        raise ValueError(f"name: {name or folder.name!r} is not made of a-z, 0-9, dot, dash and underscore (64 at most)")
    if folder.name == PINS:
        raise ValueError(f"name: {PINS} is the file that pins the Hub's checkpoints; choose another --name")
    if folder.exists() and not (folder / "config.json").is_file():
        raise ValueError(f"{folder}: is there and is no checkpoint; choose another --name")
    return folder


def refuse_to_replace(folder: Path, game: Game, images: int) -> None:
    """ValueError, with what would be lost, if a folder holds a checkpoint of other networks than these."""
    if not (folder / "config.json").is_file():
        return
    there = Checkpoint(folder, "folder")
    try:
        manifest = there.manifest
        if all(v.equal(inference_state(game)[k]) for k, v in inference_state(there.load()).items()):
            return
        made = f"{manifest.training.images:,} pictures of {manifest.data.title}, with {len(manifest.metrics)} measures"
    except (KeyError, ValueError):
        made = "something that cannot be read"
    raise ValueError(
        f"{folder}: holds a checkpoint of {made}; this one has seen {images:,} pictures: choose another --name, or put it in "
        "that one's place with --replace"
    )


def described(plan: Plan, game: Game, name: str, step: int, seconds: float) -> dict[str, Any]:
    """config.json of a run's networks, before they are written and measured."""
    inputs = game.inputs if isinstance(game, GAN) else ()
    return {
        "format": FORMAT,
        "name": name,
        "model": plan.model,
        "data": {"name": plan.data} | plan.about,  # a folder of pictures is named without its path
        "config": asdict(game.config) | {k: redact_paths(getattr(game.config, k)) for k in naming(type(game.config))},
        "inputs": [{"name": i.name, "type": type(i).__name__} | asdict(i) for i in inputs],
        "training": {
            "command": shown_commands(plan.command),
            "recipe": plan.recipe,
            "steps": step,
            "images": step * game.config.batch,
            "seconds": seconds,
            "device": plan.made_on,
            "precision": plan.precision,
            "seed": plan.seed,
            "commit": plan.commit,
            **({"start": plan.started} if plan.started else {}),
        },
        "timeline": {"steps": []},
        "metrics": [],
        "files": {MODEL: "0" * 64},  # until they are written
    }


def write_training_pictures(folder: Path, plan: Plan) -> dict[str, Any]:
    """Write the sheet of what a run was trained on, where that is at most MOST_PICTURES captioned pictures in colour -> what
    config.json says of it, or nothing."""
    if not plan.config.get("captions") or plan.config["channels"] != 3:
        return {}
    try:
        images = data.load(plan.data, plan.root).image
    except ValueError as error:  # moved away since it was trained on
        log.warning("%s is left out: %s", TRAINING, error)
        return {}
    return write_training_sheet(folder, images) if len(images) <= MOST_PICTURES else {}


def thin(shots: list[Path], most: int) -> list[Path]:
    """At most that many of the snapshots, first and last among them, log-spaced from about the `EARLY`th step on."""
    if len(shots) <= most:
        return shots
    position = {p: math.log(int(p.stem) + EARLY) for p in shots}
    first, last = position[shots[0]], position[shots[-1]]
    left, kept = list(shots), []
    for i in range(most):
        wanted = first + (last - first) * i / (most - 1)
        kept.append(min(left, key=lambda p: abs(position[p] - wanted)))
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
