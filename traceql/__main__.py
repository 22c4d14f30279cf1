"""``python -m traceql``, as the program ``traceql``, is the command line in a process of its own."""

from __future__ import annotations

import gc

# Objects that are made before garbage is looked for among them. A command is imports for the most part, which
# stay: to look for garbage in between takes a tenth of the time.
_OBJECTS = 50_000


def program() -> None:
    """Run the command line, and end as `traceql.cli.main` does."""
    gc.set_threshold(_OBJECTS)
    from traceql.cli import main

    try:
        main()
    finally:
        # Python looks for garbage at its end, too, several times.
        gc.freeze()


if __name__ == "__main__":
    program()
