"""The command line in a process of its own: ``traceql``, and ``python -m traceql``.

Until the command line is there to put things in order there is nothing to be put in order: an interruption
ends the process where it is. And so it does once the command line is done.
"""

import os
import signal


def program() -> None:
    """Run the command line and end; the exit status is `traceql.cli.main`'s."""
    signal.signal(signal.SIGINT, _interrupted)
    from traceql.cli import main

    try:
        main()
        status = 0
    except KeyboardInterrupt:
        # While the command line began or ended.
        status = 130
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    signal.signal(signal.SIGINT, _interrupted)
    from traceql.cli import leave

    leave.with_status(status)


def _interrupted(*_: object) -> None:
    os._exit(130)


if __name__ == "__main__":
    program()
