"""The app as a Space: a clean export of what it needs, with a README head that the Hub accepts, in one commit.

Nothing in it depends on its owner, so that "Duplicate this Space" works without edits: the weights are in it, and
those that are also on the Hub are pinned in weights/hub.json and fetched while the Space is built.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, SpaceCard, SpaceCardData, constants
from packaging.requirements import Requirement
from PIL import Image

from ..checkpoint import card
from ..checkpoint.folder import BESIDE, BOARD, Checkpoint, weights_dir
from ..checkpoint.manifest import MODEL
from . import network, settings
from .push import Sent, send
from .resolve import PATIENCE, bundled, pull
from .settings import Repo

ROOT = Path(__file__).resolve().parents[2]
CODE = ("app.py", "requirements.txt", "LICENSE", "pyproject.toml", "setup.py")  # the last two: so that pip takes a Space
HEAD = ("title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file", "short_description")
COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
TITLE = 60  # characters of a Space's title
HARDWARE = "cpu-basic"  # free, and enough
JUDGE = "judge-mnist"  # of the digits in the tab on measuring
THUMBNAIL = (1200, 630)  # pixels, as social networks show it


@dataclass(frozen=True)
class Export:
    """The files of a Space by their paths, and the head of its README."""

    files: dict[str, bytes]
    head: str


def deploy(
    space: str,
    *,
    private: bool | None = None,
    dry_run: bool = False,
    replace: bool = False,
    only: Sequence[str] = (),
    title: str = "",
    say: Callable[[str], None] = lambda line: None,
) -> tuple[Sent, Export]:
    """Create or update a Space. ValueError, and nothing is uploaded, if its parts are not whole, if the Hub says no, or if
    files would be lost that no deploy of ours wrote (replace: they are not wanted any more). only, title: see `export`."""
    made = export(space, say, only, title)
    message = "The app, by `python -m ganzoo deploy`"
    return send(made.files, space, "space", message, private, dry_run, replace=replace), made


def check_names(space: str, title: str) -> None:
    """ValueError for what cannot be the name or the title of a Space."""
    to = Repo.parse(space)
    if not to or to.id != space:
        raise ValueError(f"space: {space!r} is not USER/NAME, such as ada/ganzoo")
    if len(title) > TITLE or title != " ".join(title.split()):
        raise ValueError(f"title: {title[:40]!r} is not one line of at most {TITLE} characters")


def export(space: str, say: Callable[[str], None] = lambda line: None, only: Sequence[str] = (), title: str = "") -> Export:
    """The files of a Space: the code, the checkpoints that draw (or `only` those of these names), its README (under a
    `title` of its own)."""
    check_names(space, title)
    if missing := [f for f in (*CODE, "README.md") if not (ROOT / f).is_file()]:
        raise ValueError(f"{ROOT}: no {', '.join(missing)}; deploy from a checkout of the repository")
    package = [p for p in (ROOT / "ganzoo").rglob("*") if p.suffix in (".py", ".safetensors", ".js", ".css", ".html")]
    code = [ROOT / f for f in CODE] + package
    content = {p.relative_to(ROOT).as_posix(): p.read_bytes() for p in sorted(code)}
    shown = [c for c in bundled() if c.manifest.draws]
    if unknown := sorted(set(only) - {c.name for c in shown}):
        raise ValueError(f"only: no checkpoint {unknown[0]!r} that draws; there are {', '.join(c.name for c in shown)}")
    shown = [c for c in shown if c.name in only] if only else shown
    if not shown:
        raise ValueError("no trained checkpoint to show; train one and `python -m ganzoo export` it")
    for c in shown:
        c.verify()
        for name in ("config.json", "README.md", *c.manifest.files, *BESIDE):
            if (c.folder / name).is_file():
                content[f"weights/{c.name}/{name}"] = (c.folder / name).read_bytes()
    for path in () if only else measuring():
        content[f"weights/{path.relative_to(weights_dir()).as_posix()}"] = path.read_bytes()
    there = published(shown, space.split("/")[0], say)
    if there:
        pins = {name: str(repo) for name, (repo, _) in there.items()}
        content[f"weights/{settings.PINS}"] = (json.dumps(pins, indent=2) + "\n").encode()
    content["thumbnail.png"] = thumbnail(shown)
    facts: dict[str, Any] = SpaceCard((ROOT / "README.md").read_text(encoding="utf-8")).data.to_dict()  # type: ignore[no-untyped-call]
    facts |= {"title": title} if title else {}
    facts["suggested_hardware"] = HARDWARE
    facts["thumbnail"] = f"https://huggingface.co/spaces/{space}/resolve/main/thumbnail.png"
    facts["datasets"] = sorted({card.HUB_DATA[c.data] for c in shown if c.data in card.HUB_DATA}) or None
    facts["models"] = sorted({repo.id for repo, _ in there.values()}) or None
    facts["preload_from_hub"] = [f"{r.id} {','.join(names)} {r.revision}" for r, names in there.values()] or None
    validate({k: v for k, v in facts.items() if v is not None}, content)
    head = SpaceCardData(**facts).to_yaml(original_order=list(HEAD))
    content["README.md"] = f"---\n{head}\n---\n{body(shown, space, title)}".encode()
    return Export(content, head)


def measuring() -> list[Path]:
    """The files that the app's tabs on scores need besides what draws: the scores of runs, and the judge of its digits."""
    board, judge = weights_dir() / BOARD, weights_dir() / JUDGE
    return [p for p in (board, *(judge / name for name in ("config.json", "README.md", MODEL))) if p.is_file()]


def address(space: str) -> str:
    """Where a Space is looked at."""
    return f"{constants.ENDPOINT}/spaces/{space}"


def published(shown: list[Checkpoint], user: str, say: Callable[[str], None]) -> dict[str, tuple[Repo, list[str]]]:
    """Of the checkpoints, those that anybody can read on the Hub: name -> (repo at its commit, its files)."""
    found = {}
    for c in shown:
        repo = settings.repo_of(c.name, space_owner=user)
        if not repo:
            continue
        try:
            copy = pull(repo, patience=PATIENCE)
            at = Repo(repo.id, copy.folder.name)
            info = network.guarded(
                lambda at=at: HfApi().model_info(at.id, revision=at.revision, timeout=network.PROBE),  # type: ignore[misc]
                at,
                network.PROBE,
            )
        except (ValueError, ConnectionError, network.Unreachable) as error:
            say(f"{c.name}: from the Space itself only ({error})")
            continue
        if info.private or info.gated:
            say(f"{c.name}: from the Space itself only ({repo} is not open to everybody)")
            continue
        found[c.name] = at, [f for f in ("config.json", *copy.manifest.files, *BESIDE) if (copy.folder / f).is_file()]
    return found


def validate(facts: dict[str, Any], content: dict[str, bytes]) -> None:
    """ValueError, with the key, unless the head of a README is one that the Hub builds a Space from."""
    gradio = next(r for r in map(Requirement, requirements(content["requirements.txt"])) if r.name == "gradio")
    repos = [*facts.get("models", ()), *facts.get("datasets", ())]
    rules = {
        "title": bool(facts.get("title")),
        "colorFrom": facts.get("colorFrom") in COLOURS,
        "colorTo": facts.get("colorTo") in COLOURS,
        "sdk": facts.get("sdk") == "gradio",
        "sdk_version": gradio.specifier.contains(str(facts.get("sdk_version") or "0")),
        "python_version": bool(re.fullmatch(r"3\.1\d(\.\d+)?", str(facts.get("python_version")))),
        "app_file": facts.get("app_file") in content,
        "short_description": 0 < len(str(facts.get("short_description") or "")) <= 60,
        "license": bool(facts.get("license")),
        "suggested_hardware": bool(re.fullmatch(r"[a-z0-9-]+", str(facts.get("suggested_hardware", HARDWARE)))),
        "models, datasets": all(Repo.parse(r) for r in repos),
        "thumbnail": str(facts.get("thumbnail", "")).startswith("https://"),
        "preload_from_hub": all(
            re.fullmatch(rf"{settings.ID} [\w.,-]*{re.escape(MODEL)}[\w.,-]* [0-9a-f]{{40}}", line)
            for line in facts.get("preload_from_hub", ())
        ),
    }
    if wrong := [key for key, holds in rules.items() if not holds]:
        given = ", ".join(str(facts.get(key, "")) for key in wrong[0].split(", "))
        raise ValueError(f"README.md: {wrong[0]}: {given[:80]!r} is not what a Space accepts")


def requirements(raw: bytes) -> list[str]:
    """The lines of a requirements.txt that name a package."""
    lines = (line.split("#")[0].strip() for line in raw.decode().splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def thumbnail(shown: list[Checkpoint]) -> bytes:
    """Pictures of up to three checkpoints side by side, as PNG."""
    previews = [p for c in shown if (p := c.folder / "preview.png").is_file()][:3]
    canvas = Image.new("RGB", THUMBNAIL, "white")
    side, gap = 380, 15
    left = (THUMBNAIL[0] - len(previews) * (side + gap) + gap) // 2
    for i, path in enumerate(previews):
        with Image.open(path) as picture:
            square = picture.convert("RGB").resize((side, side), Image.Resampling.NEAREST)
        canvas.paste(square, (left + i * (side + gap), (THUMBNAIL[1] - side) // 2))
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG")
    return buffer.getvalue()


def body(shown: list[Checkpoint], space: str, title: str = "") -> str:
    """The rest of the Space's README."""
    return (
        f"\n# {title or 'ganzoo'}\n\nA zoo of generative adversarial networks: look at them, play with them, watch them learn. "
        "Duplicate it, and it runs as it is. Set `GANZOO_HUB` to `USER/REPO` in its settings, and that checkpoint of yours on "
        "the Hub is in its model's tab too; with `USER` alone, those below are taken from the Hub where USER has them."
        f"\n\n`pip install git+{address(space)}` installs the package that trains and draws, without the app and without the "
        "weights: it takes those of any checkpoint on the Hub by `USER/REPO`, and those in the folder `weights` of a clone of "
        f"this Space by `GANZOO_WEIGHTS_DIR`.\n\n{card.table(shown)}\n\nThe Fréchet distance is taken on the features of the "
        "data set's own judge, of 10,000 drawn pictures (2,000 where they are asked for in words); in brackets, the same for "
        "the real pictures of the test set. Lower is better.\n"
    )
