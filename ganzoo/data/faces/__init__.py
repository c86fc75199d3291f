"""Faces without end: drawn from named parts by code, so that what each shows is known, at any side. See ../README.md."""

from .drawing import render
from .parts import Person, people

__all__ = ["Person", "people", "render"]
