"""A crowd at the app: `python tests/load.py --visitors 100 --minutes 5`, on a machine that does nothing else.

Each visitor opens the page and what its first tab shows, then draws 16 pictures of a 28-pixel model again and again, with some
seconds of thought between. Prints one JSON object: times (p50, p95), errors, bytes sent to each visitor (Gradio's own scripts,
styles and fonts, which browsers keep, are not among them), draws a second, and the memory of the app: once the first visitor is
served, at the end, and at most. Without --url it starts the app itself, on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import httpx

REPO = Path(__file__).resolve().parents[1]


class Crowd:
    def __init__(self, url, model, think, seconds):
        self.url, self.model, self.think, self.end = url, model, think, time.monotonic() + seconds
        self.pages, self.draws, self.sent, self.errors = [], [], [], Counter()

    async def visit(self, i, delay):
        await asyncio.sleep(delay)
        rng = random.Random(i)
        # As a browser, which also asks again where a kept connection was just being closed (uvicorn's are after 5 s); httpx
        # does not, so it keeps none as long.
        limits = httpx.Limits(max_connections=6, keepalive_expiry=4)
        async with httpx.AsyncClient(base_url=self.url, timeout=120, limits=limits) as http:
            sent = 0
            try:
                start = time.monotonic()
                page = await http.get("")
                page.raise_for_status()
                config = json.loads(re.search(r"window\.gradio_config = (\{.*?\});</script>", page.text, re.DOTALL).group(1))
                sent += page.num_bytes_downloaded
                sent += await self.open_first_tab(http, config, f"load-{i}")
                self.pages.append(time.monotonic() - start)
                while time.monotonic() < self.end:
                    await asyncio.sleep(rng.uniform(*self.think))
                    start = time.monotonic()
                    sent += await self.draw(http, config, f"load-{i}", rng.randrange(2**32))
                    self.draws.append(time.monotonic() - start)
            except (httpx.HTTPError, ValueError, KeyError, AttributeError) as error:
                self.errors[f"{type(error).__name__}: {error}"[:120]] += 1
                if not isinstance(error, httpx.HTTPError):
                    traceback.print_exc()
            self.sent.append(sent)

    async def open_first_tab(self, http, config, session):
        """What the page's script asks for, and the pictures that come near to the screen."""
        ids = {c["props"].get("elem_id"): c["id"] for c in config["components"]}
        button = ids[f"zoo-fill-{self.model}"]
        step = next(d for d in config["dependencies"] if [button, "click"] in [list(t) for t in d["targets"]])
        asked = {"fn_index": step["id"], "data": [], "session_hash": session}
        answer = await http.post("gradio_api/run/predict", json=asked)
        answer.raise_for_status()
        return answer.num_bytes_downloaded + await self.fetch(http, files(answer.json()["data"]))

    async def draw(self, http, config, session, seed):
        """16 pictures, through the queue as everybody's."""
        step = next(d for d in config["dependencies"] if d["api_name"] == self.model)
        values = {c["id"]: c["props"].get("value") for c in config["components"]}
        checkpoint, _, _, *others = (values[at] for at in step["inputs"])
        asked = {"fn_index": step["id"], "data": [checkpoint, seed, 16, *others], "session_hash": session}
        joined = await http.post("gradio_api/queue/join", json=asked)
        joined.raise_for_status()
        sent = joined.num_bytes_downloaded
        async with http.stream("GET", "gradio_api/queue/data", params={"session_hash": session}) as lines:
            async for line in lines.aiter_lines():
                said = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if said.get("msg") == "process_completed":
                    if not said["success"]:
                        raise ValueError(f"not drawn: {said['output']}")
                    found = files(said["output"]["data"])
            sent += lines.num_bytes_downloaded
        return sent + await self.fetch(http, found)

    @staticmethod
    async def fetch(http, paths):
        sent = 0
        for answer in await asyncio.gather(*(http.get(f"gradio_api/file={path}") for path in paths)):
            answer.raise_for_status()
            sent += answer.num_bytes_downloaded
        return sent


def files(value):
    """The files in what an event answers; strips of a training are fetched only by who scrolls to them."""
    if isinstance(value, dict):
        if value.get("key") == "shot":
            return []
        return [value["path"]] if "path" in value else [p for x in value.values() for p in files(x)]
    return [p for x in value for p in files(x)] if isinstance(value, list) else []


def megabytes(pid):
    """The memory that a process holds; None where the system does not say."""
    path = Path(f"/proc/{pid}/status")
    found = re.search(r"VmRSS:\s+(\d+) kB", path.read_text()) if pid and path.exists() else None
    return round(int(found.group(1)) / 1024) if found else None


def spread(seconds):
    """p50 and p95, in seconds."""
    if len(seconds) < 2:
        return {"n": len(seconds)}
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"n": len(seconds), "p50": round(cuts[49], 2), "p95": round(cuts[94], 2), "max": round(max(seconds), 2)}


async def watch(pid, seen):
    while True:
        seen.append(megabytes(pid))
        await asyncio.sleep(2)


async def load(url, pid, args):
    first = Crowd(url, args.model, (0, 0), 0)
    await first.visit(-1, 0)  # who comes first waits for the drawings that are then kept
    before = megabytes(pid)
    seconds, seen = 60 * args.minutes, []
    crowd = Crowd(url, args.model, args.think, seconds)
    watcher = asyncio.create_task(watch(pid, seen))
    arrivals = [args.ramp * i / args.visitors for i in range(args.visitors)]
    await asyncio.gather(*(crowd.visit(i, at) for i, at in enumerate(arrivals)))
    watcher.cancel()
    memory = [x for x in seen if x is not None]
    return {
        "visitors": args.visitors,
        "minutes": args.minutes,
        "pages_s": spread(crowd.pages),
        "draws_s": spread(crowd.draws),
        "draws_per_s": round(len(crowd.draws) / seconds, 2),
        "errors": dict(crowd.errors + first.errors),
        "kB_of_a_page_and_its_first_tab": round(first.sent[0] / 1000),
        "kB_per_visit": round(statistics.mean(crowd.sent) / 1000),
        "MB_after_the_first_visitor": before,
        "MB_halfway": memory[len(memory) // 2] if memory else None,
        "MB_at_the_end": megabytes(pid),
        "MB_at_most": max(memory, default=None),
    }


def started(folder):
    """The app in a process of its own -> (process, address)."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = os.environ | {"GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": folder, "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen([sys.executable, "app.py"], cwd=REPO, env=env, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/"
    for _ in range(600):
        try:
            httpx.get(url, timeout=5)
            return process, url
        except httpx.HTTPError:
            assert process.poll() is None, "app.py ended"
            time.sleep(0.2)
    raise TimeoutError("app.py does not answer")


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python tests/load.py", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--visitors", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--think", type=float, nargs=2, default=(2, 8), metavar=("LEAST", "MOST"), help="seconds between draws")
    parser.add_argument("--ramp", type=float, default=30, help="seconds in which all of them arrive")
    parser.add_argument("--model", default="dcgan", help="whose tab draws")
    parser.add_argument("--url", help="of an app that runs already, and whose memory is then not known")
    args = parser.parse_args(argv)
    if args.url:
        found = asyncio.run(load(args.url.rstrip("/") + "/", None, args))
    else:
        with tempfile.TemporaryDirectory() as folder:
            process, url = started(folder)
            try:
                found = asyncio.run(load(url, process.pid, args))
            finally:
                process.terminate()
                process.wait(20)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
