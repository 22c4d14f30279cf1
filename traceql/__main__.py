"""The command line in a process of its own: ``traceql``, and ``python -m traceql``.

Until the command line is there to put things in order there is nothing to be put in order: an interruption
ends the process where it is. And so it does once the command line is done.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys

from traceql.statuses import INTERRUPTED

# As type checkers know it; the module of that name takes longer to import than all else before `program`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager

# Objects that are made before garbage is looked for among them. A command is imports for the most part, which
# stay: to look for garbage in between takes a tenth of the time.
_OBJECTS = 50_000


def program() -> None:
    """Run the command line and end; the exit status is `traceql.cli.main`'s."""
    signal.signal(signal.SIGINT, _interrupted)
    ended: list[int] = []
    # Who is registered first is called last.
    atexit.register(_leave, ended)
    # First, for it takes longest to begin; it ends when this process does, whatever ends that.
    with _decoder(sys.argv[1:]):
        status = _run()
        signal.signal(signal.SIGINT, _interrupted)
    from traceql.cli import leave as ending

    ended.append(status)
    ending.with_status(status)


def _run() -> int:
    """Run the command line; its exit status."""
    import gc

    from traceql.store import interrupts

    gc.set_threshold(_OBJECTS)
    # Nothing here is linear algebra, and numpy would start threads for it. What is profiled gets what this
    # process has, and must run as it does elsewhere.
    if "collect" not in sys.argv[1:]:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        interrupts.install()
        # What ends it is imported while an interruption is told, too.
        from traceql.cli import leave, main  # noqa: F401

        main(alone=True)
        status = 0
    except KeyboardInterrupt:
        # Before the command line was there, which says the same.
        sys.stderr.write("Interrupted.\n")
        status = INTERRUPTED
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:
        # An import that failed for a signal, or whatever else.
        if not interrupts.came():
            raise
    if interrupts.came():
        # However the command took it.
        status = interrupts.status()
    return status


def _decoder(words: list[str]) -> AbstractContextManager[None]:
    """While the command imports what it needs, the process that will decode for it does so, too."""
    from traceql.read import foreseen

    if not (reports := foreseen.reports(words)):
        import contextlib

        return contextlib.nullcontext()
    from traceql.read import processes

    return processes.reserve(reports)


def _leave(ended: list[int]) -> None:
    """At Python's end, after all else that is to be done then: leave with the status, if there is one.

    Python would go on to take its modules apart, piece by piece, which takes as long as an import of some.
    """
    if not ended:
        return
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        # Python says so, and has a status for it.
        return
    os._exit(ended[0])


def _interrupted(*_: object) -> None:
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    program()
