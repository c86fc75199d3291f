"""`check`: what the test suite, the linter and the type checker say of one model, in a few lines, training only that one."""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from .. import registry
from .parser import Parser

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("pytest", "ruff", "mypy")
SHOWN = 8  # lines of what failed, of each part


def add_arguments(parser: Parser) -> None:
    parser.add_argument("model", metavar="NAME")


def run(args: argparse.Namespace) -> None:
    names = (*registry.MODELS, *registry.TOOLS)
    if args.model not in names:
        raise ValueError(
            f"check: ganzoo/registry.py has no {args.model!r}, but {', '.join(names)}; add its line to MODELS there"
        )
    missing = [tool for tool in TOOLS if importlib.util.find_spec(tool) is None]
    if missing or not (ROOT / "tests" / "conftest.py").is_file():
        what = f"{', '.join(missing)} is not installed" if missing else f"{ROOT} has no tests"
        raise ValueError(f"check: {what}; it needs a checkout of the repository and `pip install -r requirements-dev.txt`")
    file, name = f"ganzoo/models/{registry.TOOLS.get(args.model, args.model)}.py", args.model
    pytest = ["pytest", "-q", "-rfE", "--tb=no", "--no-header", "-p", "no:cacheprovider"]
    parts = {
        "contract": [*pytest, "tests/test_zoo.py", "-k", f"[{name}] or [{name}- or -{name}]"],
        "layers, lengths, names": [*pytest, "tests/test_architecture.py", "-k", "not style and not light"],
        "types": ["mypy", "--no-error-summary", file],
        "style": ["ruff", "check", "--output-format=concise", file],
        "format": ["ruff", "format", "--check", file],
    }
    environment = os.environ | {"COLUMNS": "240"}  # so that pytest does not cut a reason short
    started = {
        part: subprocess.Popen(
            [sys.executable, "-m", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env=environment,
        )
        for part, command in parts.items()
    }
    failed = []
    for part, process in reversed(started.items()):  # the quick ones first
        output = process.communicate()[0]
        print(f"{part}: {'FAILED' if process.returncode else 'ok'}", flush=True)
        if process.returncode:
            failed.append(part)
            lines = [f"`ruff format {file}` mends it"] if part == "format" else reasons(output)
            print(*(f"  {line}" for line in lines[:SHOWN]), sep="\n")
            if len(lines) > SHOWN:
                print(f"  and {len(lines) - SHOWN} more: `python -m {shlex.join(parts[part])}`")
    if failed:
        raise ValueError(f"{name}: {'; '.join(failed)} failed")
    print(f"{name} is whole; besides {file} and its line in ganzoo/registry.py nothing has to be edited")


def reasons(output: str) -> list[str]:
    """The lines of a tool's output that say what is wrong, without the folders of this machine."""
    lines = [line.replace(f"{ROOT}/", "") for line in output.splitlines() if line.strip()]
    wrong = [line for line in lines if re.match(r"FAILED|ERROR|[\w/]+\.py:\d+", line)]
    return [re.sub(r"^(FAILED|ERROR) tests/\w+\.py::(test_)?", "", line) for line in wrong or lines]
