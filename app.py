"""The Space's entry, and the demo on a laptop: `python app.py`, then open the address that it prints."""

import contextlib
import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

with contextlib.suppress(ImportError):
    import spaces  # noqa: F401  before torch: on ZeroGPU it puts itself between torch and the GPU

from ganzoo.ui.start import launch, options, prepare

asked = options() if __name__ == "__main__" else None  # before the page is built, so that --help is quick

try:
    prepare()

    from ganzoo.ui.app import LAUNCH, build

    demo = build()
    if asked:
        launch(demo, LAUNCH, asked.share)
except ValueError as error:  # such as a $GANZOO_HUB that is none
    raise SystemExit(f"ganzoo: {error}") from None
