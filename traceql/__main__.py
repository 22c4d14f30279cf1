"""``python -m traceql`` is the command line."""

from traceql.cli import main

main()
