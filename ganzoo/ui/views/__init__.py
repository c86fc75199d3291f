"""The views of a tab, in their order from the top: a tab shows those that fit its model."""

from __future__ import annotations

from ..tab import View
from .captions import Captions
from .closer import Closer
from .detective import Detective
from .enlarged import Enlarged
from .facts import Facts
from .game import Game
from .growth import Growth
from .inversion import Inversion
from .nearest import Nearest
from .round_trip import RoundTrip
from .samples import Samples
from .table import Table
from .timeline import Timeline
from .walk import Walk
from .word import Word

VIEWS: tuple[type[View], ...] = (
    Samples,
    Closer,
    Game,
    Growth,
    Walk,
    Table,
    Word,
    Detective,
    Inversion,
    Enlarged,
    RoundTrip,
    Captions,
    Nearest,
    Timeline,
    Facts,
)
