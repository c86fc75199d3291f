"""The site: a page for every model whose inputs it has controls for, its networks as ONNX, what they need, and no server.

zoo.json      what the pages show, by model and checkpoint           networks/   what draws, by name and content
index.html    and the scripts and styles beside it, as in static/    pictures/   previews and timelines
runtime/      onnxruntime-web
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image

from .. import files
from ..checkpoint import onnx
from ..checkpoint.card import is_own
from ..checkpoint.folder import TIMELINE_COLUMNS, TIMELINE_SIDE, Checkpoint, previewed
from ..checkpoint.manifest import LIBRARY
from ..gan import GAN, as_gan
from ..hub.resolve import bundled
from ..images import columns_for, grid, png, to_uint8, webp
from ..inputs import MAX_SUGGESTIONS, Choice, Code, Input, Noise, Picture, Text
from ..text import words
from ..ui import limits, sketch, texts
from ..ui.assets import read
from ..ui.measures import class_of_option, moved_by_slider
from .runtime import PACKED, SCRIPT, runtime

STATIC = Path(__file__).with_name("static")
KINDS = (Noise, Choice, Code, Text, Picture)  # inputs that its pages have controls for
SHARED = ("pad", "upload")  # controls whose scripts and styles are the app's
FIRST, FIRST_OF = 16, {Text: 4, Picture: 1}  # pictures at first; of a model with such an input
OWN = "It stays in your browser: it is sent nowhere, and no link holds it."
PREVIEW, ACROSS = 256, 4  # pixels of a preview, and pictures across
VERSION = 2  # of its links
NEAR = 2  # of 255 levels, that a pixel may be away from what single precision draws


def build(
    only: Sequence[str] = (), title: str = "", app: str = "", say: Callable[[str], None] = lambda line: None
) -> dict[str, bytes]:
    """The files of the site by their paths. only: these checkpoints, by name; app: the address of the same zoo as a Gradio app.
    ValueError if none can be shown, or if a part is not whole."""
    if app and not re.fullmatch(r"https?://[^\s\"'<>]+", app):
        raise ValueError(f"app: {app[:60]!r} is no address, such as https://ada-ganzoo.hf.space/")
    onnx.needs()
    drawing = [c for c in bundled() if c.manifest.draws]
    if unknown := sorted(set(only) - {c.name for c in drawing}):
        raise ValueError(f"only: no checkpoint {unknown[0]!r} that draws; there are {', '.join(c.name for c in drawing)}")
    content: dict[str, bytes] = {}
    models: dict[str, dict[str, Any]] = {}
    for c in drawing if not only else [c for c in drawing if c.name in only]:
        gan = as_gan(c.load())
        if other := [x for x in gan.inputs if not isinstance(x, KINDS)]:
            kind = type(other[0]).__name__.lower()
            say(f"{c.name}: not on the site, which has no control for its {other[0].name} (a {kind})")
            continue
        model = models.setdefault(c.model, described(c) | {"checkpoints": []})
        model["checkpoints"].append(checkpoint(c, gan, content))
        say(f"{c.name}: {model['checkpoints'][-1]['network']['bytes']:,} bytes")
    if not models:
        raise ValueError("no checkpoint that a site can show; it has controls for noise, labels, codes, captions and pictures")
    for name, raw in runtime().items():
        content[f"runtime/{name}"] = raw
    models_of_words = [x for m in models.values() for c in m["checkpoints"] for x in c["inputs"] if x.get("reads") == "words"]
    zoo = {
        "made_by": LIBRARY,
        "version": VERSION,
        "title": title or "ganzoo",
        "app": app,
        "most": limits.MOST,
        "frames": limits.FRAMES,
        "strongest": limits.STRONGEST,
        "words": vocabulary(content) if models_of_words else None,
        "groups": [{"name": k, "title": v[0], "about": v[1]} for k, v in texts.GROUPS.items()],
        "models": list(models.values()),
        "runtime": {"script": f"runtime/{SCRIPT}"} | part(f"runtime/{PACKED}", content),
    }
    content["zoo.json"] = (json.dumps(zoo, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
    return content | {p.name: p.read_bytes() for p in sorted(STATIC.iterdir())} | shared()


def shared() -> dict[str, bytes]:
    """The app's controls, whose scripts Gradio runs in a function of these four: here the function is a module's own."""
    found = {f"{name}.css": read(f"{name}.css").encode() for name in SHARED}
    for name in SHARED:
        module = f"export default function (element, props, trigger, watch) {{\n{read(f'{name}.js')}}}\n"
        found[f"{name}.js"] = module.encode()
    return found


def described(c: Checkpoint) -> dict[str, Any]:
    """What a page says of a model."""
    spec = c.spec
    idea, more = texts.first_sentence(spec.note)
    return {
        "name": spec.name,
        "title": spec.title,
        "group": spec.group,
        "year": spec.paper.year,
        "idea": idea,
        "more": more,
        "limits": spec.limits,
        "paper": asdict(spec.paper) | {"url": spec.paper.url},
    }


def checkpoint(c: Checkpoint, gan: GAN, content: dict[str, bytes]) -> dict[str, Any]:
    """What a page needs of a checkpoint, whose files are put into `content`."""
    manifest = c.manifest
    return {
        "name": c.name,
        "data": manifest.data.title,
        "license": "not stated" if is_own(c) else "MIT",
        "revision": c.revision,
        "side": gan.config.side,
        "channels": gan.config.channels,
        "n": min((FIRST_OF[type(x)] for x in gan.inputs if type(x) in FIRST_OF), default=FIRST),
        "at_once": gan.at_once,
        "inputs": [input_facts(x, c, gan, content) for x in gan.inputs],
        "network": add(f"networks/{c.name}", ".onnx", network(c, gan), content),
        "preview": preview(c, content),
        "first": first(c, gan, content),
        "timeline": timeline(c, content),
        "glance": [line.removeprefix("- ") for line in texts.at_a_glance(manifest).splitlines()],
    }


def network(c: Checkpoint, gan: GAN) -> bytes:
    """What draws, in half precision where nobody sees a difference. A caption or a picture may be one that no seed draws, and
    of such the last bits have been seen to move a shape: there only where half precision loses nothing."""
    if any(isinstance(x, Text | Picture) for x in gan.inputs):
        return onnx.of_checkpoint(c)
    half = onnx.export(gan, onnx.facts_of(c), "half")
    return half.raw if half.most <= NEAR else onnx.export(gan, onnx.facts_of(c)).raw


def input_facts(x: Input, c: Checkpoint, gan: GAN, content: dict[str, bytes]) -> dict[str, Any]:
    """An input, and what its control is called; the examples of a picture are put into `content`."""
    facts = {"type": type(x).__name__, **asdict(x)}
    if isinstance(x, Choice):
        draws = class_of_option(c, x.name)
        known = len(draws) == len(x.options)
        named = [f"{drawn} (code {o})" for o, drawn in zip(x.options, draws, strict=True)] if known else list(x.options)
        facts["labels"] = named
    elif isinstance(x, Code):
        moves = moved_by_slider(c, x.name)
        facts["label"] = f"{x.name}: {moves}" if moves else x.name
    elif isinstance(x, Text):
        del facts["offers"]
        facts["suggestions"] = [one for one, _ in x.suggestions][:MAX_SUGGESTIONS]
        facts["reads"] = "words" if onnx.reads_words(gan, x) else "characters"
    elif isinstance(x, Picture):
        kept = gzip.compress(gan.examples(x).numpy().tobytes(), 9, mtime=0)
        facts["kept"] = add(f"pictures/{c.name}-{x.name}", ".packed", kept, content)
        side = limits.ENLARGED if x.any_size else limits.UPLOAD_SIDE
        facts["upload"] = {"side": side, "heaviest": limits.HEAVIEST, "hint": OWN, "label": texts.BRING_ONE}
        if sketch.takes_drawings(x):
            facts["pad"] = sketch.settings(is_sketch=True) | {"begin": texts.BEGIN, "face": texts.FACE}
    return facts


def vocabulary(content: dict[str, bytes]) -> dict[str, Any]:
    """The vectors of words, and what `words.tokenize` asks of Unicode: the names of symbols, and which marks combine."""
    characters = [*map(chr, range(sys.maxunicode + 1))]
    facts = {
        "names": {c: unicodedata.name(c, "") for c in characters if unicodedata.category(c) == "So"},
        "combining": "".join(c for c in characters if unicodedata.combining(c)),
    }
    packed = gzip.compress(json.dumps(facts, ensure_ascii=False).encode(), 9, mtime=0)
    return {
        "vectors": add("words/words", ".safetensors", words.FILE.read_bytes(), content),
        "characters": add("words/characters", ".packed", packed, content),
    }


def add(stem: str, suffix: str, raw: bytes, content: dict[str, bytes]) -> dict[str, Any]:
    """Put a file into `content` under a name that its content decides, so that browsers may keep it for ever."""
    path = f"{stem}-{files.sha256(raw)[:12]}{suffix}"
    content[path] = raw
    return part(path, content)


def part(path: str, content: dict[str, bytes]) -> dict[str, Any]:
    return {"file": path, "bytes": len(content[path]), "sha256": files.sha256(content[path])}


def preview(c: Checkpoint, content: dict[str, bytes]) -> dict[str, Any] | None:
    """The first pictures of a checkpoint's preview, for its card."""
    path = c.folder / "preview.png"
    if not path.is_file():
        return None
    with Image.open(path) as whole:
        across = round(whole.width * min(1.0, ACROSS / columns_for(previewed(c.manifest.config.side))))
        shown = whole.crop((0, 0, across, across)).convert("RGB")
    if shown.width > PREVIEW:
        shown = shown.resize((PREVIEW, PREVIEW), Image.Resampling.LANCZOS)
    return add(f"pictures/{c.name}", ".webp", webp(shown, lossless=shown.width < PREVIEW), content) | {"side": shown.width}


def first(c: Checkpoint, gan: GAN, content: dict[str, bytes]) -> dict[str, Any] | None:
    """What the page of a checkpoint draws at first, one picture below the other, to be shown until its network is there; None
    of a model that draws what a visitor has set."""
    if not all(isinstance(x, Noise | Choice) for x in gan.inputs):
        return None
    images = to_uint8(gan.sample(FIRST, 0))
    return add(f"pictures/{c.name}-first", ".png", png(grid(images, columns=1)), content)


def timeline(c: Checkpoint, content: dict[str, bytes]) -> dict[str, Any] | None:
    """The strip of a training, and what its rows are."""
    steps = c.manifest.timeline.steps
    path = c.timeline_file
    if not path or not c.timeline():  # which checks its size
        return None
    side = min(c.manifest.config.side, TIMELINE_SIDE)
    raw = path.read_bytes()
    if path.suffix != ".webp":
        with Image.open(io.BytesIO(raw)) as strip:
            raw = webp(strip.convert("RGB"), lossless=side < TIMELINE_SIDE)
    facts = add(f"pictures/{c.name}-timeline", ".webp", raw, content)
    return facts | {"steps": steps, "side": side, "columns": TIMELINE_COLUMNS, "about": texts.covered(c.manifest)}


def write(folder: Path, content: dict[str, bytes], replace: bool = False) -> None:
    """Put the files into a folder, which then has these or is as it was. ValueError if it holds something that is no site of
    ours, unless replace says that it may go."""
    folder = check_folder(folder, replace)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        for path, raw in content.items():
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).write_bytes(raw)
        made.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(made, folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def check_folder(folder: Path, replace: bool = False) -> Path:
    """Its whole path. ValueError as for `write`."""
    whole = folder.resolve()
    if whole.exists() and not (whole.is_dir() and (not any(whole.iterdir()) or is_site(whole) or replace)):
        raise ValueError(f"{folder}: is there, and is no site of ganzoo's; choose another folder, or say --replace")
    return whole


def is_site(folder: Path) -> bool:
    """Whether a folder holds a site that this made."""
    try:
        return files.read_json(folder / "zoo.json").get("made_by") == LIBRARY
    except ValueError:
        return False
