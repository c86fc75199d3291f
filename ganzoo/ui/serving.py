"""How the app answers: the page as it was made once, and compressed; pictures as files that are named by their content and stay
in the browser's cache.

The files lie in Gradio's own folder, which serves them and empties itself: after a day, and when the app stops.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

from gradio import processing_utils, utils
from PIL import Image
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .. import files
from . import assets

# By which Gradio knows the address that it was asked for, and GZipMiddleware whether to compress.
ADDRESS = (b"host", b"x-forwarded-host", b"x-forwarded-proto", b"x-gradio-server", b"accept-encoding")
PAGES = 32  # kept at most, each some 150 kB, or 1.2 MB for who takes nothing compressed
FOREVER = "public, max-age=31536000, immutable"  # of what has its content's hash in its name
NAMED_BY_CONTENT = re.compile(r"/file=.*(/[0-9a-f]{64}/[^/]+|-[0-9a-f]{12}\.webp)$")  # as Gradio names what it keeps; previews


MOUNT = b"<gradio-app"  # where Gradio's scripts build the page
FIRST_VIEW = assets.script("first_view.js")


def keep(content: bytes, name: str) -> Path:
    """A file for the page, kept until Gradio empties its folder."""
    path: Path = Path(utils.get_upload_folder()).resolve() / processing_utils.hash_bytes(content) / name
    if path.is_file():
        path.touch()  # Gradio deletes what is older than a day
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, content)
    return path


def keep_picture(picture: Image.Image, name: str = "image", format: str = "png") -> Path:
    """The file that Gradio makes of a picture, which it then makes no more."""
    return keep(processing_utils.encode_pil_to_bytes(picture, format), f"{name}.{format}")  # type: ignore[no-untyped-call]


def keep_drawn(img: Image.Image, cache_dir: str, name: str = "image", format: str = "webp") -> str:
    """What Gradio's own `save_pil_to_cache` does, but for a file that is there already: that one writes it again, and whoever
    is being sent it meanwhile gets a part of it."""
    return str(keep_picture(img, name, format))


processing_utils.save_pil_to_cache = keep_drawn


def file_data(path: Path) -> dict[str, Any]:
    """A file in the value of a component, which then has its `url`."""
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


class Lasting:
    """Tells browsers that a file named by its content never changes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not NAMED_BY_CONTENT.search(scope["path"]):
            await self.app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (200, 206, 304):
                MutableHeaders(scope=message)["Cache-Control"] = FOREVER
            await send(message)

        await self.app(scope, receive, answer)


def is_page(scope: Scope) -> bool:
    """Whether it is asked for the page itself."""
    found: bool = scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == scope.get("root_path", "") + "/"
    return found


class FirstView:
    """Puts a script into the page that shows the landing view at once, before Gradio's own scripts have come. A page that node
    has rendered shows it without."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_page(scope):
            await self.app(scope, receive, send)
            return
        start: list[Message] = []

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.append(message)
                return
            if start and not message.get("more_body"):
                body = message.get("body", b"")
                if MOUNT in body:
                    message["body"] = body.replace(MOUNT, FIRST_VIEW.encode() + MOUNT, 1)
                    MutableHeaders(raw=start[0]["headers"])["Content-Length"] = str(len(message["body"]))
            if start:
                await send(start.pop())
            await send(message)

        await self.app(scope, receive, answer)


class SamePage:
    """Makes the page once for all who ask for the same address of it: Gradio builds it anew for each, which takes a tenth of a
    second. Nothing in it is one visitor's: the app knows no users. Gradio writes into it the address by which it was asked for,
    so that is part of what makes it the same."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.pages: OrderedDict[tuple[object, ...], list[Message]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_page(scope):
            await self.app(scope, receive, send)
            return
        headers = [(k, v) for k, v in scope["headers"] if k in ADDRESS]
        key = scope.get("scheme"), scope.get("root_path"), scope["query_string"], *headers
        page = self.pages.get(key)
        if page is None:
            page = []
            await self.app(scope, receive, self.keeping(page, send))
            if page[0].get("status") == 200 and not page[-1].get("more_body"):
                self.pages[key] = page
            if len(self.pages) > PAGES:
                self.pages.popitem(last=False)
            return
        self.pages.move_to_end(key)
        for message in page:
            await send(message)

    @staticmethod
    def keeping(page: list[Message], send: Send) -> Send:
        async def answer(message: Message) -> None:
            page.append(message)
            await send(message)

        return answer


MIDDLEWARE = [Middleware(SamePage), Middleware(GZipMiddleware, compresslevel=5), Middleware(FirstView), Middleware(Lasting)]
