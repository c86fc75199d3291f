"""The site as a static Space on the Hub: free, never asleep, with nothing that runs there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from huggingface_hub import SpaceCardData

from ..hub.deploy import HEAD, Export, check_names
from ..hub.push import Sent, send
from .build import build

FACTS: dict[str, Any] = {
    "title": "ganzoo",
    "emoji": "🦓",
    "colorFrom": "indigo",
    "colorTo": "gray",
    "sdk": "static",
    "app_file": "index.html",
    "short_description": "A zoo of GANs that run in your browser",
    "license": "mit",
    "tags": ["gan", "image-generation", "education", "onnx"],
    # So that a page may use several threads: without these, a browser gives WebAssembly one.
    "custom_headers": {
        "cross-origin-embedder-policy": "require-corp",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "cross-origin",
    },
}


def deploy(
    space: str,
    *,
    private: bool | None = None,
    dry_run: bool = False,
    replace: bool = False,
    only: Sequence[str] = (),
    title: str = "",
    app: str = "",
    say: Callable[[str], None] = lambda line: None,
) -> tuple[Sent, Export]:
    """Create or update a static Space, in one commit. ValueError, and nothing is uploaded, as for `hub.deploy.deploy`; only,
    title, app: see `build`."""
    check_names(space, title)
    content = build(only, title, app, say)
    head = SpaceCardData(**FACTS | ({"title": title} if title else {})).to_yaml(original_order=list(HEAD))
    content["README.md"] = f"---\n{head}\n---\n{body(title, app)}".encode()
    sent = send(
        content,
        space,
        "space",
        "The site, by `python -m ganzoo deploy --static`",
        private,
        dry_run,
        replace=replace,
        sdk="static",
    )
    return sent, Export(content, head)


def body(title: str, app: str) -> str:
    """The rest of the Space's README."""
    twin = f" The same zoo with more views is an app on a server: {app}" if app else ""
    return (
        f"\n# {title or 'ganzoo'}\n\nA zoo of generative adversarial networks that run in the visitor's browser, by "
        "onnxruntime-web: there is no server, and nothing is sent anywhere. A link to a picture draws the same picture for "
        f"ever.{twin}\n\nMade by `python -m ganzoo deploy --static`.\n"
    )
