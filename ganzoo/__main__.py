"""The command line: `python -m ganzoo VERB`. Exit 0 only on success; anything wrong is one line on stderr and exit 2."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence

from .cli.parser import parse, verb


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb -> the exit code."""
    try:
        args = parse(list(sys.argv[1:] if argv is None else argv))
        verb(args.verb).run(args)
        sys.stdout.flush()
        return 0
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        if isinstance(error, BrokenPipeError) and nobody_reads():
            return 0
        message = str(error).strip() or type(error).__name__
        print(f"ganzoo: {message.splitlines()[0]}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        print(f"ganzoo: {error or 'stopped'}", file=sys.stderr)
        return 130


def nobody_reads() -> bool:
    """Whether who read the output has seen enough, as in `list | head -1`; then what is left of it goes nowhere."""
    try:
        output, poll = sys.stdout.fileno(), select.poll()
    except ValueError:  # no pipe, but something in this process
        return False
    poll.register(output, select.POLLOUT)
    if closed := any(event & select.POLLERR for _, event in poll.poll(0)):
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return closed


if __name__ == "__main__":
    sys.exit(main())
