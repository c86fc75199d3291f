"""The README is true: its commands, its table, its tree, its front matter."""

from __future__ import annotations

import re
import subprocess

import yaml
from conftest import REPO, cli, here

import ganzoo
from ganzoo.hub import card

README = (REPO / "README.md").read_text()


def test_front_matter_is_what_a_space_accepts():
    facts = yaml.safe_load(README.split("---")[1])
    assert facts["sdk"] == "gradio"
    assert facts["app_file"] == "app.py"
    assert len(facts["short_description"]) <= 60
    assert facts["colorFrom"] in (colours := ["red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"])
    assert facts["colorTo"] in colours
    required = re.search(r"gradio>=([\d.]+),<(\d+)", (REPO / "requirements.txt").read_text())
    version = [int(x) for x in facts["sdk_version"].split(".")]
    assert [int(x) for x in required[1].split(".")] <= version < [int(required[2])]


def test_table_of_models_is_made_from_the_checkpoints():
    table = README.split("--markdown` -->\n")[1].split("\n<!-- end")[0]
    assert table == card.table(ganzoo.checkpoints())
    assert here("list", "--markdown").stdout.strip() == table


def test_tree_names_every_file_and_no_other():
    tree = README.split("## Where things are")[1].split("```")[1]
    said = set(re.findall(r"[\w_]+\.py", tree))
    tracked = subprocess.run(["git", "ls-files", "ganzoo", "app.py"], capture_output=True, text=True, cwd=REPO).stdout.split()
    there = {p.split("/")[-1] for p in tracked if p.endswith(".py")} - {"__init__.py"}
    assert said == there


def test_pictures_are_there():
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (REPO / path).is_file()


def test_commands_are_the_documented_ones():
    assert "```bash\npip install -r requirements.txt && python app.py\n```" in README
    assert "```bash\npip install -r requirements-dev.txt && pytest\n```" in README
    verbs = set(re.findall(r"python -m ganzoo (\w+)", README))
    assert verbs <= set(re.findall(r"^ {4}(\w+)", cli("--help").stdout, re.M))


def test_the_command_lines_of_the_readme_run(tmp_path, monkeypatch):
    """Word for word, but on noise for a few steps, since the real data are not in the repository."""
    block = next(b for b in re.findall(r"```bash\n(.*?)```", README, re.S) if "ganzoo list" in b)
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    from conftest import tiny

    for line in block.splitlines():
        args = line.split("#")[0].split()[3:]
        args = [str(tmp_path / a) if a in ("runs/try", "runs/more", "grid.png") else {"mnist": "fake"}.get(a, a) for a in args]
        args = [{"--minutes": "--steps", "2": "20", "10": "30"}.get(a, a) for a in args]
        if args[0] == "train":
            args += [*map(str, tiny(args[1])), "--quiet"]
        if args[0] == "bench":
            args += ["--seconds", "0.1"]
        if args[0] == "eval":
            cli("train", "judge", "--data", "fake", "--steps", 5, "--out", tmp_path / "judge", "--quiet")
            cli("export", tmp_path / "judge")
            args += ["--n", "50"]
        cli(*args)
    assert (tmp_path / "grid.png").is_file()
