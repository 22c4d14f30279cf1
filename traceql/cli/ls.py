"""The command ls."""

from __future__ import annotations

import click

from traceql.cli.common import db_option, store, tags_option
from traceql.cli.output import output_options, write


@click.command()
@tags_option("Only traces with this label, whose value may be a pattern")
@db_option()
@output_options
def ls(tags: dict[str, str], db: str, format_: str | None, output: str | None) -> None:
    """List the traces in the database.

    \b
    Examples:
      traceql ls
      traceql ls --tag job=train --tag 'rank=*'
    """
    asked = {f"value_{number}": value for number, value in enumerate(tags.values())}
    named = {f"tag_{number}": name for number, name in enumerate(tags)}
    conditions = [
        f"(map_contains(tags, $tag_{number}) AND is_like(tags[$tag_{number}], $value_{number}))"
        for number in range(len(tags))
    ]
    with store(db) as opened:
        traces = opened.run(
            f"""
            SELECT trace, profiler, tool_version, gpu, captured_at,
                   round(trace_duration_ns / 1e6, 3) AS duration_ms, tags
            FROM traces WHERE {" AND ".join(conditions) or "true"} ORDER BY trace_id
            """,
            {**named, **asked},
        )
        write(traces, format_, output)
