"""Text files are UTF-8 on every machine, whatever its locale says."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from conftest import REPO, cli
from PIL import Image

SOURCES = sorted([*(REPO / "ganzoo").rglob("*.py"), REPO / "app.py"])


def unnamed(call):
    """Whether a call opens a text file without naming its encoding."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in ("open", "read_text", "write_text", "fdopen") or any(k.arg == "encoding" for k in call.keywords):
        return False
    if name in ("read_text", "write_text"):
        return True
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if getattr(owner, "attr", getattr(owner, "id", "")) in ("Image", "Run", "RecipeRun", "os", "archive", "tarfile", "self"):
        return False  # a picture, a run, a descriptor, an archive and a file in it, a layer
    modes = [a.value for a in [*call.args, *(k.value for k in call.keywords)] if isinstance(a, ast.Constant)]
    return not any("b" in str(m) for m in modes)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(REPO)))
def test_every_text_file_is_opened_with_its_encoding(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Call) and unnamed(n)]
    assert calls == []


def test_words_of_other_languages_survive_a_machine_of_ascii(tmp_path):
    for name in ("猫", "café"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(6):
            Image.new("L", (8, 8), i).save(tmp_path / "pets" / name / f"{i}.png")
        rows = [{"file_name": f"{i}.png", "text": f"{name} {i}"} for i in range(6)]
        lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
        (tmp_path / "pets" / name / "metadata.jsonl").write_text(lines, encoding="utf-8")
    env = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": 0, "PYTHONUTF8": 0, "GANZOO_WEIGHTS_DIR": tmp_path / "weights"}
    flags = ["--batch", 4, "--width", 4, "--steps", 1, "--quiet", "--out", tmp_path / "run"]
    cli("train", "cgan", "--data", f"folder:{tmp_path / 'pets'}@8", *flags, **env)
    assert Path(cli("export", tmp_path / "run", "--name", "mine", **env).stdout.strip()).is_dir()
    config = json.loads((tmp_path / "weights/mine/config.json").read_text(encoding="utf-8"))
    assert sorted(config["config"]["classes"]) == ["café", "猫"]
