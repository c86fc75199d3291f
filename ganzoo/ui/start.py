"""`python app.py`: its options, and the environment variables that ganzoo reads, in one table."""

from __future__ import annotations

import argparse
import atexit
import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

SETTINGS = {
    "GANZOO_HUB": "whose checkpoints to take: USER, USER/REPO or USER/REPO@REVISION, or several of them; off: nobody's",
    "GANZOO_WEIGHTS_DIR": "folder of checkpoints, which goes before the Hub (default weights/)",
    "GANZOO_DATA": "folder of the data sets (default ./data)",
    "GANZOO_EAGER": "1: load every network when the app starts, not when it is first asked for",
    "GANZOO_SITE": "address of the same zoo as a static site (`python -m ganzoo site`), which the app and its snippets link to",
    "GRADIO_SERVER_NAME": "0.0.0.0: answer other machines too (default 127.0.0.1)",
    "GRADIO_SERVER_PORT": "port of the app, which must be free (default: the first free one from 7860)",
    "GRADIO_ROOT_PATH": "where the app is behind a proxy, such as /zoo or https://example.org/zoo",
    "GRADIO_SSR_MODE": "True: render the page on the server, with Node 24 or newer, as Spaces do (GRADIO_NODE_PATH says where)",
    "GRADIO_TEMP_DIR": "where to make a folder for the pictures being shown (default /tmp); it goes when the app stops",
    "HF_HUB_OFFLINE": "1: never ask the Hub; the cache and the bundled weights draw",
}
NO_TUNNEL = (
    "no public link: the tunnel of gradio.live cannot be reached from here. The app runs at {0} all the same. To show it to "
    "others, GRADIO_SERVER_NAME=0.0.0.0 answers the machines of this network, and `python -m ganzoo deploy` makes it a Space."
)


def options(args: list[str] | None = None) -> argparse.Namespace:
    """What the command line asks for."""
    width = max(map(len, SETTINGS)) + 2
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Open the zoo in a browser.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="environment variables:\n" + "\n".join(f"  {name:{width}}{does}" for name, does in SETTINGS.items()),
    )
    parser.add_argument("--share", action="store_true", help="also make a public link, for a week, through gradio.live")
    return parser.parse_args(args)


def table() -> str:
    """The settings in Markdown, for the README."""
    return "\n".join(
        ["| variable | what it does |", "|---|---|", *(f"| `{name}` | {does} |" for name, does in SETTINGS.items())]
    )


ARENA_MAX = -8  # as <malloc.h> numbers it
LOOPBACK = ("127.0.0.1", "localhost", "::1")
FOLDER = "ganzoo-app-"  # and the process's number, of a folder of pictures that are being shown
STALE = 86_400  # seconds after which a folder goes whose process was killed


def prepare() -> None:
    """Make the environment one in which Gradio runs; to be called before Gradio is imported, which reads it then.

    ValueError, in a line, if a setting cannot be: a port that is none or is taken, a folder that is not there."""
    weights = os.environ.get("GANZOO_WEIGHTS_DIR")
    if weights and not Path(weights).is_dir():
        raise ValueError(f"GANZOO_WEIGHTS_DIR: {weights}: no such folder; leave it out for the weights of the repository")
    check_port()
    reach_loopback()
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that the folder goes then too
    os.environ["GRADIO_TEMP_DIR"] = str(picture_folder())
    share_memory_pools()


def share_memory_pools() -> None:
    """Let all threads take memory from two pools instead of one each, of which every one keeps what it once needed; glibc's
    alone. A crowd's growth is a quarter less by it (LOG.md)."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None:
        mallopt(ARENA_MAX, 2)


def reach_loopback() -> None:
    """Ask this machine's own addresses without a proxy: Gradio asks its page whether it is up."""
    for name in ("NO_PROXY", "no_proxy"):
        kept = [x for x in re.split(r"[\s,]+", os.environ.get(name, "")) if x]
        os.environ[name] = ",".join([*kept, *(x for x in LOOPBACK if x not in kept)])


def port() -> int | None:
    """The port that is asked for, or None: the first free one. ValueError if it is no port."""
    text = os.environ.get("GRADIO_SERVER_PORT", "")
    if not text:
        os.environ.pop("GRADIO_SERVER_PORT", None)  # Gradio takes an empty one for a number
        return None
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65_535:
        raise ValueError(f"GRADIO_SERVER_PORT: {text[:40]!r} is not a port from 1 to 65535")
    return int(text)


def check_port() -> None:
    """ValueError if the port that is asked for is none, or is taken: what knows the app by it would find another program."""
    if not (asked := port()):
        return
    host = os.environ.get("GRADIO_SERVER_NAME") or LOOPBACK[0]
    with contextlib.suppress(socket.gaierror):
        family, kind, protocol, _, address = socket.getaddrinfo(host, asked, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(address)
            except OSError as error:
                raise ValueError(taken(asked, error)) from None


def taken(port: int | None, error: OSError) -> str:
    """Why there is no page, in a line."""
    if port is None:
        return f"no port for the page ({str(error).splitlines()[0]}); name one in GRADIO_SERVER_PORT"
    why = error.strerror or "another program has it"
    return f"GRADIO_SERVER_PORT: {port} cannot be used here ({why}); choose another, or leave it out for the first free one"


def picture_folder() -> Path:
    """A folder of this process alone for the pictures that are being shown, gone when it ends: Gradio's own default belongs to
    the first user of a machine."""
    asked = os.environ.get("GRADIO_TEMP_DIR")
    parent = Path(asked or tempfile.gettempdir())
    try:
        parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-", dir=parent))
    except OSError as error:
        raise ValueError(f"GRADIO_TEMP_DIR: {parent}: no folder can be made there ({error.strerror})") from None
    process = os.getpid()

    def clear() -> None:
        if os.getpid() == process:  # and not one that was forked off it
            shutil.rmtree(made, ignore_errors=True)

    atexit.register(clear)
    clear_stale(parent)
    return made.resolve()


def clear_stale(parent: Path) -> None:
    """Remove the folders of earlier apps of this user that were killed."""
    for old in parent.glob(f"{FOLDER}*"):
        with contextlib.suppress(OSError, ValueError):
            facts = old.lstat()
            if facts.st_uid != os.getuid() or time.time() - facts.st_mtime < STALE:
                continue
            try:
                os.kill(int(old.name.split("-")[2]), 0)
            except ProcessLookupError:
                shutil.rmtree(old, ignore_errors=True)


def launch(demo: Any, settings: dict[str, Any], share: bool) -> None:
    """Serve until it is stopped, by Ctrl-C or a SIGTERM; say where."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that its folder is emptied then too
    on_space = bool(os.environ.get("SPACE_ID"))
    try:
        options = {"share": share and not on_space, "prevent_thread_lock": True, "quiet": True, "server_port": port()}
        options["_frontend"] = False  # or Gradio asks for its own page first, and gives up where that takes 3 s
        demo.launch(**settings, **options)
    except OSError as error:  # taken since `prepare`
        raise ValueError(taken(port(), error)) from None
    print_line(f"ganzoo runs at {demo.local_url}  (settings: python app.py --help)")
    if share and on_space:
        print_line("--share: this is a Space, which has its own address")
    elif share:
        print_line(f"public link, for a week: {demo.share_url}" if demo.share_url else NO_TUNNEL.format(demo.local_url))
    demo.block_thread()


def print_line(line: str) -> None:
    sys.stderr.write(line + "\n")
