"""The command ask: the tools of the server for agents, without a server."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from traceql.cli.common import db_option, own_folders
from traceql.statuses import AT_FAULT


@click.command()
@click.argument("tool", required=False)
@click.option(
    "--json", "text", default="{}", metavar="JSON", help="What the tool is given; - for standard input."
)
@click.option("--list", "list_", is_flag=True, help="List the tools with the schema of what they take.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A picture goes there.")
@db_option()
def ask(tool: str | None, text: str, list_: bool, output: Path | None, db: str) -> None:
    """Use a tool of traceql mcp once: JSON in, JSON out.

    The exit status is 1 where the answer is an error, which has a code, a message and a remedy.

    \b
    Examples:
      traceql ask --list
      traceql ask list_traces
      traceql ask ask --json '{"question": "top_kernels", "parameters": {"limit": 3}}'
      traceql ask chart --json '{"question": "top_kernels"}' -o kernels.png
    """
    from traceql.database import Database
    from traceql.server.contracts import refused
    from traceql.server.tools import Tools

    if (tool is None) is not list_:
        raise click.UsageError("Name a TOOL, or --list.")
    with Database(db, queries=own_folders()) as database:
        tools = Tools(database)
        if tool is None:
            listed = [
                {"name": one.name, "title": one.title, "description": one.description, "takes": one.takes}
                for one in tools.all.values()
            ]
            click.echo(json.dumps(listed, ensure_ascii=False, indent=1))
            return
        try:
            given = json.loads(sys.stdin.read() if text == "-" else text)
        except (ValueError, RecursionError) as error:
            reply = refused("arguments", f"not JSON ({error})")
        else:
            reply = tools.call(tool, given)
    click.echo(json.dumps(reply.content, ensure_ascii=False))
    if reply.png is not None and output is not None:
        output.write_bytes(reply.png)
    if reply.is_error:
        sys.exit(AT_FAULT)
