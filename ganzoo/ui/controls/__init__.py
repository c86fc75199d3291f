"""Input -> control: what a generator is fed decides what a visitor holds. Noise has none: its control is the seed."""

from __future__ import annotations

from collections.abc import Mapping

from ...inputs import Choice, Code, Input, Picture, Text
from ..tab import Control
from .choice import ChoiceControl
from .code import CodeControl
from .picture import PictureControl
from .text import TextControl

CONTROLS: Mapping[type[Input], type[Control]] = {
    Choice: ChoiceControl,
    Code: CodeControl,
    Text: TextControl,
    Picture: PictureControl,
}
