"""The command ask: the tools of the server for agents, without a server."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from traceql.cli.common import db_option, note, own_folders
from traceql.cli.output import writing
from traceql.given import from_json
from traceql.statuses import AT_FAULT, USAGE


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

    Where the answer is an error, it has a code, a message and a remedy, and the exit status is 1; 2 where
    what was given is wrong, whatever the database holds.

    \b
    Examples:
      traceql ask --list
      traceql ask list_traces
      traceql ask ask --json '{"question": "top_kernels", "parameters": {"limit": 3}}'
      traceql ask chart --json '{"question": "top_kernels"}' -o kernels.png
    """
    from traceql.database import Database
    from traceql.server import contracts
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
            given = from_json(sys.stdin.read() if text == "-" else text)
        except (ValueError, RecursionError) as error:
            reply = contracts.refused(
                "arguments", f"--json is not JSON ({error})", """For example --json '{"limit": 3}', or -."""
            )
        else:
            reply = tools.call(tool, given)
    if reply.png is not None and output is not None:
        with writing(str(output)) as file:
            file.write(reply.png)
    click.echo(json.dumps(reply.content, ensure_ascii=False))
    if reply.is_error:
        sys.exit(USAGE if reply.content["error"]["code"] in contracts.USAGE else AT_FAULT)
    if reply.png is None and output is not None:
        note(f"{output}: not written, for {tool} draws no picture")
    if reply.png is not None and output is None:
        note("the picture is not written: name a file for it with -o")
