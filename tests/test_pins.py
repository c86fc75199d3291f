"""The lowest and the newest packages of requirements.txt start the app and draw; with `--pins`, which installs them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import REPO
from packaging.requirements import Requirement

DRAW = """
import gradio, huggingface_hub, torch
import ganzoo
from ganzoo.ui.app import build
from ganzoo.ui.start import prepare
prepare(); build()
print(ganzoo.load("dcgan-mnist").sample(2).shape, huggingface_hub.__version__, gradio.__version__, torch.__version__)
"""


def required(which):
    """The lines of requirements.txt, as they are or each at its lowest."""
    lines = [line.split("#")[0].strip() for line in (REPO / "requirements.txt").read_text(encoding="utf-8").splitlines()]
    wanted = [Requirement(line) for line in lines if line]
    if which == "newest":
        return [str(r) for r in wanted]
    return [f"{r.name}=={next(s.version for s in r.specifier if s.operator == '>=')}.*" for r in wanted]


def test_every_requirement_has_a_floor():
    assert len(required("lowest")) == len(required("newest")) > 8


@pytest.mark.parametrize("which", ["lowest", "newest"])
def test_what_requirements_allow_starts_and_draws(which, request, tmp_path):
    if not request.config.getoption("--pins"):
        pytest.skip("installs all of requirements.txt, which takes minutes: --pins")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv/bin/python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--prefer-binary", *required(which)], check=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "GANZOO_", "HF_"))} | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run([python, "-c", DRAW], capture_output=True, text=True, cwd=REPO, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("torch.Size([2, 1, 28, 28])")
