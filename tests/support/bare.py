"""The yardstick: a bare Gradio app that imports torch and draws a picture at a button. What ours takes is compared with what it
takes on the same machine in the same minute, so that no test knows how fast a machine is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

CODE = """
import torch, torchvision
import gradio as gr
from PIL import Image
pictures = [Image.open(path) for path in __import__("sys").argv[2:]]
for picture in pictures: picture.load()
at = 0
def draw():
    global at
    at += 1
    return pictures[at % len(pictures)]
with gr.Blocks() as demo:
    image, button = gr.Image(format="png", type="pil", elem_id="image"), gr.Button("draw", elem_id="draw")
    button.click(draw, None, image)
demo.launch(server_port=int(__import__("sys").argv[1]), quiet=True)
"""

# Do something, and wait until the image is another one, and there -> ms.
UNTIL_CHANGED = """async ([image, act]) => {
  const now = () => document.querySelector(image)?.src;
  const before = now(), start = performance.now();
  (0, eval)(act);
  while (now() === before || !document.querySelector(image)?.complete) await new Promise((done) => setTimeout(done, 4));
  return performance.now() - start;
}"""


def command(port: int, pictures: Sequence[Path]) -> list[str]:
    """What starts it. pictures: that its button #draw shows in #image by turns."""
    return [sys.executable, "-c", CODE, str(port), *map(str, pictures)]


def started(command: Sequence[str], port: int, folder: Path) -> tuple[subprocess.Popen[bytes], float]:
    """A server's process, and the seconds to its first answer."""
    env = os.environ | {"GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(folder), "HF_HUB_OFFLINE": "1"}
    env["GRADIO_ANALYTICS_ENABLED"] = "False"
    begin = time.monotonic()
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(command, cwd=root, env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60).read()
            return process, time.monotonic() - begin
        except OSError:
            assert process.poll() is None, f"{command} ended"
            time.sleep(0.02)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(60)
