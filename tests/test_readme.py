"""The READMEs are true: commands, tables, tree, front matter, and what has to be installed."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from importlib import metadata

import pytest
import yaml
from conftest import REPO, cli, here, tiny
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

import ganzoo

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


@pytest.mark.parametrize(
    ("file", "mark", "flags"), [("README.md", "models", ()), ("weights/README.md", "checkpoints", ("--all",))], ids=str
)
def test_tables_are_made_from_the_checkpoints(file, mark, flags):
    page = (REPO / file).read_text()
    assert f"python -m ganzoo list --markdown{''.join(' ' + f for f in flags)}`" in page
    table = page.split(f"<!-- {mark}: ")[1].split("-->\n")[1].split(f"\n<!-- end of {mark}")[0]
    assert here("list", "--markdown", *flags).stdout.strip() == table
    listed = set(re.findall(r"(?:\| |· )`(.+?)`", table))
    assert listed == {c.name for c in ganzoo.checkpoints() if flags or c.config["inputs"]}


def test_tree_names_every_folder_and_no_other():
    """Folders, not files: a new model edits no README."""
    tree = README.split("## Where things are")[1].split("```")[1]
    named = re.findall(r"(\w+)/(?= )|^(\w+)/$", tree, re.M)
    tracked = subprocess.run(["git", "ls-files", "ganzoo", "weights", "tests"], capture_output=True, text=True, cwd=REPO).stdout
    there = {parts[1] for p in tracked.splitlines() if len(parts := p.split("/")) > 2 and parts[0] == "ganzoo"}
    assert {a or b for a, b in named} == there | {"ganzoo", "weights", "tests"}


def test_what_a_space_installs_is_what_the_package_and_its_app_need():
    """requirements.txt is one list, which setup.py cuts in two; pyproject.toml says the app's part again."""
    facts = pytest.importorskip("tomllib").loads((REPO / "pyproject.toml").read_text())["project"]
    lines = (REPO / "requirements.txt").read_text().splitlines()
    app = [line for line in lines[lines.index("# The app's own:") + 1 :] if line]
    assert facts["dynamic"] == ["dependencies"]
    assert facts["optional-dependencies"]["app"] == app


def installed_by(requirements):
    """The packages that these bring, with all that those need."""
    found, queue = set(), [Requirement(line) for line in requirements]
    while queue:
        one = queue.pop()
        key = canonicalize_name(one.name), frozenset(one.extras)
        if key in found:
            continue
        found.add(key)
        for text in metadata.requires(one.name) or ():
            needs = Requirement(text)
            if not needs.marker or any(needs.marker.evaluate({"extra": extra}) for extra in ("", *one.extras)):
                with contextlib.suppress(metadata.PackageNotFoundError):
                    metadata.distribution(needs.name)
                    queue.append(needs)
    return {name for name, _ in found}


def test_the_app_draws_with_what_its_requirements_install():
    """Every tab, in a process that has nothing else of what is installed here."""
    lines = [x for x in (REPO / "requirements.txt").read_text().splitlines() if x and not x.startswith("#")]
    there = installed_by(lines) | {"pip", "setuptools", "ganzoo"}
    others = [m for m, of in metadata.packages_distributions().items() if not {canonicalize_name(x) for x in of} & there]
    assert "torchmetrics" in others
    code = (
        f"import sys; sys.modules |= dict.fromkeys({others!r})\n"
        "from ganzoo.ui import app, links\n"
        "from ganzoo.ui.tab import Tab\n"
        "made = []; build = Tab.build\n"
        "Tab.build = lambda tab: (made.append(tab), build(tab))[1]\n"
        "app.build(); [links.Links.at_first(tab) for tab in made]; print(len(made))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPO)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) == len({c.model for c in ganzoo.checkpoints() if c.config["inputs"]})


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
    Image.new("RGB", (40, 30), "red").save(tmp_path / "mine.png")
    for line in block.splitlines():
        args = line.split("#")[0].split()[3:]
        files = ("runs/try", "runs/more", "grid.png", "mine.png", "found.png")
        args = [str(tmp_path / a) if a in files else {"mnist": "fake"}.get(a, a) for a in args]
        args = [{"--minutes": "--steps", "2": "20", "10": "30"}.get(a, a) for a in args]
        if args[0] == "train":
            args += [*map(str, tiny(args[1])), "--quiet"]
        if args[0] == "bench":
            args += ["--seconds", "0.1"]
        if args[0] == "eval":
            here("train", "judge", "--data", "fake", "--steps", 5, "--out", tmp_path / "judge", "--quiet")
            here("export", tmp_path / "judge")
            args += ["--n", "50"]
        here(*args)
    assert (tmp_path / "grid.png").is_file()
