"""Bounds on what a visitor may ask for: the work of a request is bounded."""

from __future__ import annotations

MOST = 64  # pictures a request
TABLE = 128  # pictures in a table
FRAMES = 48  # of a walk
WAY = 24  # of one that begins at a picture that was found
STEPS, SEEDS_A_STEP = 17, 4  # of a walk from caption to caption; an odd number has a step halfway
STEP_SIDE = 64  # pixels of its pictures at most: a larger picture is seen through to the first stage only
BLUR = 0  # times as much of a caption's blur (EPSILON) in a tab, until a visitor asks for more: they are taken at their word
STRONGEST = 1.5  # times as much as in training
UPLOAD = 1_000_000  # pixels of a visitor's picture at most
HEAVIEST = 50_000_000  # bytes of a file that a browser is asked to open
UPLOAD_SIDE = 512  # of it, when the browser has made it small
ENLARGED = 128  # pixels of its longer side, where it is drawn larger than it is
