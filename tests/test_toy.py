"""Adding a GAN is one file and one registry line: its command line, its tab and its contract tests come free."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from conftest import REPO

TOY = '''
"""A toy: one linear layer a player. Nobody et al. 2026, arXiv 2601.00001.

Adds: nothing (section 0).
Departs: in every way.
Shapes: B batch, C channels, S side.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from .. import config
from ..gan import GAN, Batch, Terms
from ..inputs import Choice, Noise
from ..losses import LOSSES
from ..config import knob
from ..spec import Paper, Spec


@dataclass(frozen=True)
class Config(config.Config):
    z: int = knob(8, "numbers of noise")


class Generator(nn.Module):
    """z (B, Z), label (B,) -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.shape = (c.channels, c.side, c.side)
        self.body = nn.Linear(c.z, c.channels * c.side**2)
        self.style = nn.Embedding(len(c.classes), c.z)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        image: Tensor = self.body(z + self.style(label)).tanh().unflatten(1, self.shape)
        return image


class ToyGAN(GAN):
    config: Config

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.inputs = (Noise("z", c.z), Choice("label", c.classes))
        self.loss = LOSSES["hinge"]
        self.G = Generator(c)
        self.D = nn.Sequential(nn.Flatten(), nn.Linear(c.channels * c.side**2, 1), nn.Flatten(0))

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        image: Tensor = self.G(z, label)
        return image

    def d_loss(self, batch: Batch) -> Terms:
        return self.d_terms(*self.both(self.D, batch["image"], self.fake(batch).detach()))

    def g_loss(self, batch: Batch) -> Terms:
        return {"g_fool": self.loss.generator(self.D(self.fake(batch)))}


SPEC = Spec(
    name="toy",
    title="Toy GAN",
    paper=Paper("Toys", "Nobody", 2026, "2601.00001"),
    note="It is small. It learns little. It is here to be tested.",
    limits="All.",
    config=Config,
    build=ToyGAN,
    tiny={"z": 4, "batch": 8},
)
'''

PAGE = """
import json, sys
from ganzoo.ui.app import build
config = build().get_config_file()
labels = [c["props"].get("label") for c in config["components"]]
tabs = [c["props"].get("label") for c in config["components"] if c["type"] == "tabitem"]
ids = [c["props"].get("elem_id") for c in config["components"]]
print(json.dumps({"tabs": tabs, "label": "label" in labels, "control": "toy-label" in ids, "walk": "toy-walk" in ids,
                  "api": [d["api_name"] for d in config["dependencies"] if d["api_visibility"] == "public"]}))
"""


def test_a_model_is_one_file_and_one_registry_line(tmp_path):
    for part in ("ganzoo", "tests", "pyproject.toml", "README.md"):
        (shutil.copytree if (REPO / part).is_dir() else shutil.copy)(REPO / part, tmp_path / part)
    (tmp_path / "ganzoo/models/toy.py").write_text(TOY.lstrip())
    registry = tmp_path / "ganzoo/registry.py"
    registry.write_text(
        registry.read_text().replace("MODELS: tuple[str, ...] = (\n", 'MODELS: tuple[str, ...] = (\n    "toy",\n')
    )
    env = os.environ | {"GANZOO_WEIGHTS_DIR": str(tmp_path / "weights")}

    def run(*args):
        done = subprocess.run([sys.executable, *args], capture_output=True, text=True, cwd=tmp_path, env=env)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    assert '"toy"' in run("-m", "ganzoo", "list", "--json")
    run("-m", "ganzoo", "train", "toy", "--data", "fake", "--steps", "3", "--out", "run", "--quiet", "--z", "4")
    run("-m", "ganzoo", "export", "run")
    run("-m", "ganzoo", "sample", "toy-fake", "--n", "4", "--set", "label=7", "--out", "grid.png")
    page = run("-c", PAGE)
    assert '"Toy GAN"' in page
    assert '"control": true' in page, "the label has its buttons"
    assert '"walk": true' in page
    assert '"toy"' in page
    said = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_zoo.py", "-k", "toy")
    assert " passed" in said or "[100%]" in said
