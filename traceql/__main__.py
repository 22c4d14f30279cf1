"""``python -m traceql``, as the program ``traceql``, is the command line in a process of its own."""

from __future__ import annotations

import contextlib
import gc
import sys

from traceql.store import interrupts

# Objects that are made before garbage is looked for among them. A command is imports for the most part, which
# stay: to look for garbage in between takes a tenth of the time.
_OBJECTS = 50_000
# What is asked for with these needs no decoder, or another one.
_OTHERWISE = ("-h", "--help", "--via")


def program() -> None:
    """Run the command line, and end as `traceql.cli.main` does."""
    gc.set_threshold(_OBJECTS)
    # Before there is a process that must not be left behind.
    interrupts.install()
    try:
        with _decoder(sys.argv[1:]):
            from traceql.cli import main

            main()
    except KeyboardInterrupt:
        # It came before the command line did, which says the same.
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)
    finally:
        # Python looks for garbage at its end, too, several times.
        gc.freeze()


def _decoder(words: list[str]) -> contextlib.AbstractContextManager[None]:
    """While the command imports what it needs, the process that will decode for it does so, too."""
    if words[:1] != ["ingest"] or len(words) == 1 or any(word.startswith(_OTHERWISE) for word in words):
        return contextlib.nullcontext()
    from traceql.read import processes

    return processes.reserve(words[1:])


if __name__ == "__main__":
    program()
