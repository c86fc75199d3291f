"""The rules of the house, read from the source: who may import what, who may know whom, what may not be there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPO

from ganzoo import registry

SOURCES = sorted((REPO / "ganzoo").rglob("*.py"))
TREES = {p: ast.parse(p.read_text()) for p in SOURCES}


def where(path: Path) -> str:
    return path.relative_to(REPO).as_posix()


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for x in ast.walk(tree):
        if isinstance(x, ast.Import):
            names |= {a.name.split(".")[0] for a in x.names}
        elif isinstance(x, ast.ImportFrom) and not x.level:
            names.add((x.module or "").split(".")[0])
    return names


def calls(tree: ast.AST) -> set[str]:
    return {x.func.attr for x in ast.walk(tree) if isinstance(x, ast.Call) and isinstance(x.func, ast.Attribute)}


def test_only_the_app_imports_gradio():
    assert [where(p) for p, t in TREES.items() if imported(t) & {"gradio", "spaces"} and "ganzoo/ui/" not in where(p)] == []


def test_importing_ganzoo_is_light():
    code = "import sys, ganzoo; print([m for m in ('gradio', 'pandas', 'torchmetrics', 'torchvision') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPO)
    assert done.stdout.strip() == "[]", done.stderr


def test_only_the_engine_goes_backward_and_steps():
    for path, tree in TREES.items():
        if where(path) not in ("ganzoo/training/engine.py", "ganzoo/training/bench.py"):  # bench has the loop to compare with
            assert not calls(tree) & {"backward", "step", "zero_grad"}, where(path)


def test_only_the_registry_knows_a_models_name():
    """Strings that are code, not docstrings: those may cite papers."""
    for path, tree in TREES.items():
        if where(path).startswith(("ganzoo/models/", "ganzoo/registry.py")):
            continue
        docs = {
            id(n.body[0].value)
            for n in ast.walk(tree)
            if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef) and n.body and isinstance(n.body[0], ast.Expr)
        }
        said = {
            n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in docs
        }
        assert not said & set(registry.MODELS), where(path)


def test_models_hold_no_optimiser_loop_device_or_file():
    for path, tree in TREES.items():
        if where(path).startswith("ganzoo/models/"):
            assert not imported(tree) & {"os", "pathlib", "json", "io", "gradio", "safetensors"}, where(path)
            assert not calls(tree) & {"cuda", "cpu", "backward", "step", "open", "save", "randn_like", "rand_like"}, where(path)


def test_no_pickle_anywhere():
    for path, tree in TREES.items():
        assert "pickle" not in imported(tree), where(path)
        loads = [
            n
            for n in ast.walk(tree)
            if isinstance(n, ast.Attribute)
            and isinstance(n.value, ast.Name)
            and n.value.id == "torch"
            and n.attr in ("load", "save")
        ]
        assert not loads, where(path)
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=REPO).stdout.splitlines()
    assert not [p for p in tracked if p.endswith((".pt", ".pth", ".pkl", ".ckpt"))]


def test_only_images_knows_the_range_of_a_byte():
    allowed = {"ganzoo/images.py", "ganzoo/data/drawn.py"}  # drawn.py names colours
    assert {where(p) for p in SOURCES if "127.5" in p.read_text()} <= allowed


def test_names_follow_the_field():
    forbidden = {"netG", "netD", "errD", "errG", "real_cpu", "nz", "ngf", "ndf"}
    for path, tree in TREES.items():
        assert not {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} & forbidden, where(path)
        assert path.stem not in ("utils", "helpers", "common"), where(path)


def test_the_engine_reads_in_ten_minutes():
    assert len((REPO / "ganzoo/training/engine.py").read_text().splitlines()) <= 250
    assert len((REPO / "app.py").read_text().splitlines()) <= 40


def test_root_has_only_the_layouts_folders():
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=REPO).stdout.splitlines()
    folders = {p.split("/")[0] for p in tracked if "/" in p}
    assert folders <= {"ganzoo", "weights", "tests", ".ci", ".github"}
    sizes = {p: (REPO / p).stat().st_size for p in tracked if p.startswith("weights/") and (REPO / p).is_file()}
    assert all(s <= 10_000_000 for s in sizes.values())
    assert sum(sizes.values()) <= 100_000_000


@pytest.mark.parametrize(
    "tool", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]], ids=lambda t: " ".join(t[:2])
)
def test_style(tool):
    done = subprocess.run([sys.executable, "-m", *tool], capture_output=True, text=True, cwd=REPO)
    assert done.returncode == 0, done.stdout[-3000:]
