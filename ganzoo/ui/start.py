"""`python app.py`: its options, and the environment variables that ganzoo heeds, in one table."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import Any

SETTINGS = {
    "GANZOO_HUB": "whose checkpoints to take: USER, USER/REPO or USER/REPO@REVISION, or several of them; off: nobody's",
    "GANZOO_WEIGHTS_DIR": "folder of checkpoints, which goes before the Hub (default weights/)",
    "GANZOO_DATA": "folder of the data sets (default ./data)",
    "GANZOO_EAGER": "1: load every network when the app starts, not when it is first asked for",
    "GRADIO_SERVER_NAME": "0.0.0.0: answer other machines too (default 127.0.0.1)",
    "GRADIO_SERVER_PORT": "port of the app (default: the first free one from 7860)",
    "GRADIO_SSR_MODE": "True: render the page on the server, with Node 24 or newer, as Spaces do (GRADIO_NODE_PATH says where)",
    "GRADIO_TEMP_DIR": "folder of the pictures that are being shown; they go after a day, and when the app stops",
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


def launch(demo: Any, settings: dict[str, Any], share: bool) -> None:
    """Serve until it is stopped, by Ctrl-C or a polite kill; say where."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that Gradio empties its folder then too
    on_space = bool(os.environ.get("SPACE_ID"))
    demo.launch(**settings, share=share and not on_space, prevent_thread_lock=True, quiet=True)
    say(f"ganzoo runs at {demo.local_url}  (settings: python app.py --help)")
    if share and on_space:
        say("--share: this is a Space, which has its own address")
    elif share:
        say(f"public link, for a week: {demo.share_url}" if demo.share_url else NO_TUNNEL.format(demo.local_url))
    demo.block_thread()


def say(line: str) -> None:
    sys.stderr.write(line + "\n")
