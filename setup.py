"""The package's dependencies: the first part of requirements.txt, so that they are listed once. The rest: pyproject.toml."""

from pathlib import Path

from setuptools import setup

lines = Path(__file__).with_name("requirements.txt").read_text().partition("# The app's own:\n")[0].splitlines()
setup(install_requires=[line for line in lines if line and not line.startswith("#")])
