"""A Hub on loopback, of real parts: olah serves plain git repos to the real client, and a small front takes the uploads.

The front passes downloads on to olah. It answers as the Hub does where olah does not (what is missing, gated, refused), and
can be made to fail: see `Hub.fault`.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from conftest import REPO, free_port

from support.servers import Server

PASSED_ON = ("etag", "x-repo-commit", "content-length")


def git(folder, *args):
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    return subprocess.run(["git", "-C", str(folder), *who, *args], capture_output=True, text=True, check=True).stdout.strip()


class Hub:
    """fault: repo -> "gated", "error", "cut", "slow", "stall" or "no FILE".
    hole: "silent" or "trickle", then nobody gets an answer any more.
    """

    def __init__(self, folder):
        self.repos = folder / "mirrors"
        self.fault, self.hole, self.asked, self.private = {}, "", [], set()
        self.port, self.olah_port = free_port(), free_port()
        self.url, self.olah_url = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.olah_port}"
        config = folder / "olah.toml"
        netloc = f"127.0.0.1:{self.olah_port}"
        config.write_text(
            f'[basic]\nhost = "127.0.0.1"\nport = {self.olah_port}\nssl-key = ""\nssl-cert = ""\n'
            f'repos-path = "{folder}/cache"\n'
            'hf-scheme = "http"\nhf-netloc = "127.0.0.1:9"\nhf-lfs-netloc = "127.0.0.1:9"\nmirror-scheme = "http"\n'
            f'mirror-netloc = "{netloc}"\nmirror-lfs-netloc = "{netloc}"\nmirrors-path = ["{self.repos}"]\n'
            "[accessibility]\noffline = true\n"
        )
        with (folder / "olah.log").open("w") as log:
            command = [str(Path(sys.executable).parent / "olah-cli"), "-c", str(config)]
            self.olah = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        start = time.monotonic()
        while True:
            try:
                urllib.request.urlopen(self.olah_url, timeout=1)
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                assert self.olah.poll() is None, (folder / "olah.log").read_text()
                assert time.monotonic() - start < 240
                time.sleep(0.1)
        self.open()

    def open(self):
        self.server = Server(("127.0.0.1", self.port), type("Bound", (Front,), {"hub": self}))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def shut(self):
        """Nobody listens any more: connections are refused."""
        self.server.shutdown()
        self.server.server_close()

    def stop(self):
        with contextlib.suppress(OSError):
            self.shut()
        self.olah.terminate()
        self.olah.wait(240)

    def where(self, repo, kind="models"):
        return self.repos / kind / repo

    def commit(self, repo, content, kind="models", delete=()):
        """Put files into a repo, which is made if it is not there -> the commit."""
        folder = self.where(repo, kind)
        if not folder.exists():
            folder.mkdir(parents=True)
            git(folder, "init", "-q", "-b", "main")
        for name, raw in content.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(raw)
        for name in delete:
            (folder / name).unlink()
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "--allow-empty", "-m", "files")
        return git(folder, "rev-parse", "HEAD")

    def publish(self, repo, folder):
        return self.commit(repo, {p.name: p.read_bytes() for p in Path(folder).iterdir()})


class Front(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.0"  # no connection outlives its answer, so that `shut` is a refusal at once

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for k, v in ({"Content-Length": str(len(raw))} | {k.replace("_", "-"): v for k, v in headers.items()}).items():
            self.send_header(k, v)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        hub = self.hub
        if hub.hole:
            for i in range(40):
                if hub.hole == "trickle":
                    with contextlib.suppress(OSError):
                        self.wfile.write(b"HTTP/1.0 200 OK\r\n" if not i else b"X-%d: and so on\r\n" % i)
                time.sleep(0.5)
            return None
        hub.asked.append(f"{self.command} {self.path}")
        if self.path.startswith("/api/"):
            return self.facts()
        found = re.fullmatch(r"/([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)", self.path)
        if not found:
            return self.answer(404)
        repo, revision, file = found.groups()
        revision = revision.replace("%2F", "/")
        fault = hub.fault.get(repo, "")
        if not hub.where(repo).exists():
            return self.answer(401, X_Error_Code="RepoNotFound")
        if fault == "gated":
            return self.answer(403, X_Error_Code="GatedRepo")
        if fault == "error":
            return self.answer(503)
        try:
            git(hub.where(repo), "rev-parse", "--verify", "-q", f"{revision}^{{commit}}")
        except subprocess.CalledProcessError:
            return self.answer(404, X_Error_Code="RevisionNotFound")
        try:
            git(hub.where(repo), "cat-file", "-e", f"{revision}:{file}")
            assert fault != f"no {file}"
        except (subprocess.CalledProcessError, AssertionError):
            return self.answer(404, X_Error_Code="EntryNotFound")
        with urllib.request.urlopen(
            urllib.request.Request(hub.olah_url + self.path, method=self.command), timeout=20
        ) as served:
            raw = served.read()
            self.send_response(served.status)
            for k in PASSED_ON:
                if k in served.headers:
                    self.send_header(k, served.headers[k])
            if self.command == "GET":  # olah sends it in chunks, the Hub with its length
                self.send_header("content-length", str(len(raw)))
            self.end_headers()
        if self.command == "HEAD":
            return None
        if file != "model.safetensors" or not fault:
            self.wfile.write(raw)
        elif fault == "slow":
            for i in range(8):
                self.wfile.write(raw[i * len(raw) // 8 : (i + 1) * len(raw) // 8])
                time.sleep(0.2)
        else:
            self.wfile.write(raw[: len(raw) // 2])
            self.wfile.flush()
            if fault == "stall":
                time.sleep(8)
        return None

    def facts(self):
        """What the client asks about a repo before it uploads, and `deploy` about a model."""
        found = re.match(r"/api/(models|spaces)/([\w.-]+/[\w.-]+)(?:/(revision|tree)/([^?/]+))?", self.path)
        if not found or not self.hub.where(found[2], found[1]).exists():
            return self.answer(401, X_Error_Code="RepoNotFound")
        folder = self.hub.where(found[2], found[1])
        names = git(folder, "ls-files").splitlines()
        if found[3] == "tree":
            return self.answer(200, [{"type": "file", "path": n, "size": 1, "oid": "0" * 40} for n in names])
        sha = git(folder, "rev-parse", found[4] or "main")
        private = found[2] in self.hub.private
        files = [{"rfilename": n} for n in names]
        return self.answer(200, {"id": found[2], "sha": sha, "siblings": files, "private": private, "gated": False})

    def do_POST(self):
        hub, length = self.hub, int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        hub.asked.append(f"POST {self.path}")
        if self.headers.get("Authorization") != "Bearer hf_good":
            return self.answer(
                401, {"error": "Invalid credentials"}, X_Error_Message="Invalid credentials in Authorization header"
            )
        if self.path == "/api/validate-yaml":
            return self.answer(200, {"errors": [], "warnings": []})
        if self.path == "/api/repos/create":
            said = json.loads(body)
            kind = f"{said.get('type', 'model')}s"
            repo = f"{said['organization']}/{said['name']}" if said.get("organization") else f"ada/{said['name']}"
            if not hub.where(repo, kind).exists():
                hub.commit(repo, {".gitattributes": b""}, kind)
                hub.private |= {repo} if said.get("private") or said.get("visibility") == "private" else set()
                return self.answer(200, {"url": f"{hub.url}/{repo}", "name": repo, "id": repo})
            return self.answer(409, {"error": "exists", "url": f"{hub.url}/{repo}"})
        found = re.fullmatch(r"/api/(models|spaces)/([\w.-]+/[\w.-]+)/(preupload|commit)/([^?/]+)(?:\?.*)?", self.path)
        if not found:
            return self.answer(404)
        kind, repo, what, _ = found.groups()
        if what == "preupload":
            plain = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(body)["files"]]
            return self.answer(200, {"files": plain})
        content, delete = {}, []
        for line in body.decode().splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                content[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "deletedFile":
                delete.append(value["path"])
            else:
                assert entry["key"] == "header", entry["key"]
        commit = hub.commit(repo, content, kind, delete)
        url = f"{hub.url}/{repo}/commit/{commit}"
        return self.answer(200, {"commitOid": commit, "commitUrl": url, "success": True, "hookOutput": ""})


CLIENT = """
import json, sys, time
import ganzoo
from ganzoo.hub import network, resolve
print("ready", flush=True)
for line in sys.stdin:
    space, start = {"ganzoo": ganzoo, "network": network, "resolve": resolve}, time.monotonic()
    try:
        exec(json.loads(line), space)
        said = {"result": space.get("result")}
    except Exception as error:
        said = {"error": type(error).__name__, "said": str(error)}
    print(json.dumps(said | {"seconds": time.monotonic() - start}), flush=True)
"""


class Answer(dict):
    def __missing__(self, key):
        raise AssertionError(f"no {key}: {dict(self)}")


class Client:
    """Python in a process of its own, where the client library finds this Hub and a home of its own."""

    def __init__(self, url, home, **env):
        self.env = clean_env(url, home) | env
        self.log = Path(home) / "client.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", CLIENT]
        self.process = subprocess.Popen(
            command, cwd=REPO, env=self.env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log.open("w")
        )
        assert self.process.stdout.readline() == "ready\n", self.log.read_text()

    def __call__(self, code):
        """Run code -> {"result" or "error" and "said", "seconds"}."""
        self.process.stdin.write(json.dumps(code) + "\n")
        self.process.stdin.flush()
        return Answer(json.loads(self.process.stdout.readline()))

    def forget(self):
        """As if a minute had passed."""
        self("network._pause = (0.0, ''); network._asked.clear()")

    def stop(self):
        self.process.stdin.close()
        self.process.wait(240)


def clean_env(url, home, token=None):
    """The environment of a client of this Hub, with nothing of this machine's Hub or Space settings in it."""
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "GANZOO_HUB", "GANZOO_WEIGHTS", "SPACE"))
    }
    kept |= {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    kept |= {"NO_PROXY": "127.0.0.1", "PYTHONPATH": str(REPO)}
    return kept | ({"HF_TOKEN": token} if token else {})
