"""The formats of config.json: today's, and how an older one becomes it.

2 has an `id` in every measure, and knobs by the names of today. 1 had neither; it is read as if it were 2.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from .. import registry

FORMAT = 2

IDS = (  # names of measures -> their ids; $1 is what the name names
    (r"Fréchet distance", "frechet"),
    (r"Fréchet distance within a class", "frechet_within_class"),
    (r"Inception-style score", "inception_style"),
    (r"FID \(Inception\)", "inception_fid"),
    (r"(\w+) error, real pictures", r"category_error_real:\1"),
    (r"(\w+) error, generated", r"category_error_generated:\1"),
    (r"mutual information, (\w+)", r"mutual_information:\1"),
    (r"(\w+) recovery error", r"recovery_error:\1"),
    (r"(\w+) as a slider", r"slider:\1"),
    (r"R-precision of real pictures", "r_precision_real"),
    (r"R-precision by ([\w.-]+)", r"r_precision:\1"),
    (r"drawn as said", "caption_match"),
    (r"drawn as said, (\w+)", r"caption_match:\1"),
    (r"(caption|picture) to (caption|picture), recall@(\d+)", r"\1_to_\2:\3"),
)
TAILS = {  # of names -> of their ids
    ", not blurred": ":not_blurred",
    " of the first stage": ":first_stage",
    " of what it is made from": ":source",
}


def measure_id(name: str) -> str:
    """The id of a measure that has none, from its name.

    >>> measure_id("c1 error, generated"), measure_id("R-precision by encoder-emoji, not blurred"), measure_id("lost classes")
    ('category_error_generated:c1', 'r_precision:encoder-emoji:not_blurred', 'lost_classes')
    """
    tail = next((t for t in TAILS if name.endswith(t)), "")
    bare, after = name.removesuffix(tail), TAILS.get(tail, "")
    for pattern, id in IDS:
        if found := re.fullmatch(pattern, bare):
            return found.expand(id) + after
    return re.sub(r"[^a-z0-9]+", "_", bare.lower()).strip("_")[:80] + after


def with_ids(metrics: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Measures, each with an id."""
    return [m if m.get("id") else {"id": measure_id(m["name"])} | m for m in metrics]


def updated(config: dict[str, Any]) -> dict[str, Any]:
    """A config.json whose types are right, in today's format: measures by id, the model that reads it today and its knobs by
    the names of today."""
    if config["format"] == FORMAT:
        return config
    new = config | {"format": FORMAT, "metrics": with_ids(config["metrics"])}
    if seeds := config.get("seeds"):
        by = measure_id(seeds["by"]) if config["format"] == 1 else seeds["by"]
        new["seeds"] = seeds | {"by": by, "measures": with_ids(seeds["measures"])}
    with contextlib.suppress(ValueError):  # loading it says why no model reads it
        spec, knobs = registry.successor(config["model"], config["config"], drawing=True)
        new |= {"model": spec.name, "config": json.loads(json.dumps(asdict(knobs)))}
    return new
