"""The command ls."""

from __future__ import annotations

import click

from traceql.cli.common import db_option, store
from traceql.cli.output import output_options, write


@click.command()
@db_option()
@output_options
def ls(db: str, format_: str | None, output: str | None) -> None:
    """List the traces in the database."""
    with store(db) as opened:
        traces = opened.run(
            """
            SELECT trace, profiler, tool_version, gpu, captured_at,
                   round(trace_duration_ns / 1e6, 3) AS duration_ms, tags
            FROM traces ORDER BY trace_id
            """
        )
        write(traces, format_, output)
