"""The Hub over a network that may be slow, silent or away: bounded waits, and no second one within a minute.

The client library bounds a socket's silence, not the whole: looking up a name that no server answers for, or a file that
is not in the cache when the line is dead, takes minutes. So a question is asked in a thread that is left behind when its
time is over, and after a failure nobody asks again for `PAUSE` seconds.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from functools import partial
from pathlib import Path
from typing import TypeVar

from huggingface_hub import constants, errors, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.utils.tqdm import tqdm

from ..checkpoint.manifest import LIBRARY
from .settings import Repo

T = TypeVar("T")
Token = str | bool | None

PROBE = 2.0  # seconds that the first question may take
PAUSE = 60.0  # seconds without a question after one that failed
STALL = 10.0  # seconds in which a download must get ahead

# What the client library says of each of its retries; what comes of them is told in one line.
logging.getLogger("huggingface_hub.utils._http").setLevel(logging.ERROR)

_lock = threading.Lock()
_pause: tuple[float, str] = (0.0, "")  # until when nobody asks, and why
_asked: dict[tuple[Repo, Token], tuple[float, str, str]] = {}  # until when an answer holds; the commit, or the refusal


class Unreachable(Exception):
    """The Hub cannot be reached now: no answer, or one that says so."""


class Refused(ValueError):
    """The Hub answers, and does not give it: missing, gated, private. The message says what to do."""


def checked(token: Token) -> Token:
    """A token as it may stand in a request. ValueError, without the token in it, if it is none."""
    if not isinstance(token, str):
        return token
    if not re.fullmatch(r"[!-~]+", token.strip()):
        raise ValueError("token: not one of the Hub's: it is empty or has spaces or line breaks in it")
    return token.strip()


def ask(repo: Repo, token: Token = None) -> str:
    """The commit at which the repo's config.json can be had. Unreachable within PROBE seconds, at once within PAUSE of a
    failure; Refused, with what to do, if the Hub says no.
    """
    with _lock:
        until, commit, refusal = _asked.get((repo, token), (0.0, "", ""))
        if time.monotonic() >= until:
            url = hf_hub_url(repo.id, "config.json", revision=repo.revision)
            commit = refusal = ""
            try:
                probe = partial(get_hf_file_metadata, url, timeout=PROBE, token=token, library_name=LIBRARY)
                commit = guarded(probe, repo, PROBE).commit_hash or ""
            except Refused as error:
                refusal = str(error)
            _asked[repo, token] = (time.monotonic() + PAUSE, commit, refusal)
        if refusal:
            raise Refused(refusal)
        return commit


def download(
    repo: Repo, file: str, most: int, patience: float, token: Token = None, cache: Path | None = None, again: bool = False
) -> Path:
    """The path of a file of the repo in the cache, downloaded if it is not there, or again. Shows its progress.

    ValueError if there is none or it has more than `most` bytes; Unreachable if it does not get ahead for STALL seconds,
    or is not there after `patience`: then it goes on by itself, and may be in the cache the next time.
    """
    progress = Progress()

    class Bar(tqdm):  # type: ignore[type-arg, misc, unused-ignore]
        def update(self, n: float | None = 1) -> bool | None:
            progress.add(n or 0)
            if progress.now > most:
                raise ValueError(f"{repo}: {file}: more than {most / 1e6:,.0f} MB, ganzoo does not take that")
            shown: bool | None = super().update(n)
            return shown

    def work() -> str:
        return hf_hub_download(
            repo.id,
            file,
            revision=repo.revision,
            etag_timeout=PROBE,
            token=token,
            cache_dir=cache,
            force_download=again,
            tqdm_class=Bar,
            library_name=LIBRARY,
        )

    path = Path(guarded(work, repo, patience, file, progress))
    if path.stat().st_size > most:
        raise ValueError(f"{repo}: {file}: more than {most / 1e6:,.0f} MB, ganzoo does not take that")
    return path


class Progress:
    """How many bytes have come, at most so far: a download that starts again and again does not get ahead."""

    def __init__(self) -> None:
        self.now, self.best = 0.0, 0.0

    def add(self, n: float) -> None:
        self.now += n
        self.best = max(self.best, self.now)


def guarded(
    work: Callable[[], T], repo: Repo, patience: float, file: str = "config.json", progress: Progress | None = None
) -> T:
    """What work returns. Unreachable, for everybody for PAUSE seconds, if the Hub is away; Refused if it says no."""
    global _pause
    if time.monotonic() < _pause[0]:
        raise Unreachable(_pause[1])
    try:
        return within(work, patience, progress)
    except Exception as error:
        reason = explained(error, repo, file)
        if isinstance(reason, Unreachable):
            _pause = (time.monotonic() + PAUSE, str(reason))
        raise reason from None


def within(work: Callable[[], T], patience: float, progress: Progress | None = None) -> T:
    """What work returns, if it does in time; else Late, and work is left to itself."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    end = time.monotonic() + patience
    while True:
        bytes_before = progress.best if progress else 0.0
        left = end - time.monotonic()
        try:
            return future.result(max(0.0, min(left, STALL) if progress else left))
        except Late:
            if future.done():
                return future.result()
            if not progress or progress.best == bytes_before or time.monotonic() >= end:
                raise


def explained(error: BaseException, repo: Repo, file: str = "config.json") -> ValueError | Unreachable:
    """An error of the client as ours: Refused or ValueError with what to do, or Unreachable with why."""
    if isinstance(error, errors.LocalEntryNotFoundError) and error.__cause__:
        error = error.__cause__
    url = f"{constants.ENDPOINT}/{repo.id}"
    if isinstance(error, Unreachable | ValueError) and not isinstance(error, errors.HfHubHTTPError):
        return error
    if isinstance(error, Late):
        return Unreachable("it does not answer in time")
    if isinstance(error, errors.OfflineModeIsEnabled):
        return Unreachable("HF_HUB_OFFLINE is set")
    if isinstance(error, errors.GatedRepoError):
        return Refused(f"{repo}: gated; ask for access at {url} and log in with `hf auth login`")
    if isinstance(error, errors.RepositoryNotFoundError):
        return Refused(f"{repo}: no such repo on the Hub, or a private one (then log in with `hf auth login`)")
    if isinstance(error, errors.RevisionNotFoundError):
        return Refused(f"{repo}: no revision {repo.revision!r}; see {url}/commits/main")
    if isinstance(error, errors.EntryNotFoundError):
        if file == "config.json":
            return Refused(f"{repo}: no ganzoo checkpoint on the Hub: it has no config.json")
        return Refused(f"{repo}: {file}: missing in the Hub repo")
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        if status >= 500 or status in (408, 429):
            return Unreachable(f"it answers with error {status}")
        return Refused(f"{repo}: the Hub says no (error {status}); see {url}, or log in with `hf auth login`")
    if isinstance(error, OSError) and "Consistency check failed" in str(error):
        return ValueError(f"{repo}: {file}: cut short on its way from the Hub; try again")
    if isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError | TimeoutError):
        return ValueError(f"{repo}: {file}: cannot be kept in {constants.HF_HUB_CACHE} ({error.strerror})")
    message = re.sub(r"Bearer .*", "", str(error), flags=re.S).strip() or "no answer"
    return Unreachable(f"{type(error).__name__}: {message.splitlines()[0][:100]}")
