"""Which Hub repos ganzoo asks: the one place that says so.

By default none: the weights in the repository are the truth, and nothing is asked of the network. Three things change that;
where $GANZOO_HUB is set, it alone decides, else the first of the others that knows a checkpoint's name:

$GANZOO_HUB          words, with spaces or commas between: USER (a user or an organisation: the repo of `dcgan-mnist` is then
                     USER/dcgan-mnist) and USER/REPO[@REVISION] (that repo, for the checkpoint named REPO). `off` asks none.
weights/hub.json     {"dcgan-mnist": "USER/dcgan-mnist@COMMIT"}: the repos that belong to these weights; `deploy` writes it.
$SPACE_AUTHOR_NAME   on a Space, its owner. A duplicated Space asks its new owner.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from .. import files
from ..checkpoint.folder import weights_dir

# No part begins with a dot: a revision is also a path in the Hub's cache.
ID = r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}"
REVISION = r"[A-Za-z0-9][\w.-]{0,127}(?:/[A-Za-z0-9][\w.-]{0,127}){0,4}"
PINS = "hub.json"


@dataclass(frozen=True)
class Repo:
    """A model repo on the Hub, at a branch, a tag or a commit."""

    id: str
    revision: str = "main"

    @classmethod
    def parse(cls, text: str) -> Repo | None:
        """USER/REPO or USER/REPO@REVISION; None if it is not one."""
        found = re.fullmatch(f"({ID})(?:@({REVISION}))?", text, re.ASCII)
        if not found:
            return None
        return cls(found[1], found[2] or "main")

    @property
    def pinned(self) -> bool:
        """Whether it is a commit, which never changes."""
        return bool(re.fullmatch(r"[0-9a-f]{40}", self.revision))

    @property
    def name(self) -> str:
        return self.id.split("/")[1]

    def __str__(self) -> str:
        return self.id if self.revision == "main" else f"{self.id}@{self.revision}"


def hub_sources() -> list[str]:
    """The words of $GANZOO_HUB: users and repos. ValueError if one is neither USER nor USER/REPO[@REVISION]."""
    found = os.environ.get("GANZOO_HUB", "").replace(",", " ").split()
    for word in found:
        if not Repo.parse(word) and not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,95}", word, re.ASCII):
            raise ValueError(f"GANZOO_HUB: {word!r} is not USER, USER/REPO, USER/REPO@REVISION or off")
    return found


def owner() -> str | None:
    """The owner of the Space that this runs on."""
    return os.environ.get("SPACE_AUTHOR_NAME") or os.environ.get("SPACE_ID", "").split("/")[0] or None


def pins() -> dict[str, Repo]:
    """The repos of weights/hub.json by the checkpoint's name. ValueError if it says something else."""
    path = weights_dir() / PINS
    if not path.is_file():
        return {}
    pinned = files.read_json(path)
    found = {name: Repo.parse(str(text)) for name, text in pinned.items()}
    if wrong := sorted(name for name, repo in found.items() if repo is None):
        raise ValueError(f"{path}: {wrong[0]}: {str(pinned[wrong[0]])[:60]!r} is not USER/REPO@COMMIT")
    return {name: repo for name, repo in found.items() if repo is not None}


def repo_of(name: str, space_owner: str | None = None) -> Repo | None:
    """The repo that is asked for a checkpoint's name, or None: then none is asked. space_owner: as if on a Space of theirs."""
    sources = hub_sources()
    if sources == ["off"]:
        return None
    for source in sources:
        repo = Repo.parse(source)
        if repo is None or repo.name == name:
            return repo or Repo.parse(f"{source}/{name}")
    if sources:
        return None
    user = space_owner or owner()
    return pins().get(name) or (Repo.parse(f"{user}/{name}") if user else None)


def is_named(name: str) -> bool:
    """Whether the repo of a checkpoint's name was named outright, and not made of a user's name and this one."""
    return repo_of(name) in named_repos()


def named_repos() -> list[Repo]:
    """The repos that are named outright: those of $GANZOO_HUB, or, without it, of weights/hub.json."""
    sources = hub_sources()
    return [repo for source in sources if (repo := Repo.parse(source))] if sources else [*pins().values()]
