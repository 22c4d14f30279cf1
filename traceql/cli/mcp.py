"""The command mcp: a server for agents."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from traceql.cli.common import Seconds, db_option, is_there, note, own_folders
from traceql.errors import DatabaseError, TraceqlError


@click.command()
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Reports below it may be ingested; repeatable. Without one the server only reads.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help="Serve on this port of 127.0.0.1 (0: any), rather than on standard input and output.",
)
@click.option(
    "--token",
    envvar="TRACEQL_MCP_TOKEN",
    show_envvar=True,
    help="What requests to the port have to bring. [default: a new one, which is printed]",
)
@click.option(
    "--seconds",
    type=Seconds(),
    default=60,
    show_default=True,
    help="How long an answer may take.",
)
@db_option()
def mcp(roots: tuple[Path, ...], port: int | None, token: str | None, seconds: float, db: str) -> None:
    """Serve the database to agents, by the Model Context Protocol.

    Tools list traces and questions, ask them, run SQL (one SELECT, read-only), say what is wrong, compare,
    check, draw and predict; resources are the schema, the questions and the traces. Errors have a code, a
    message and a remedy. Needs: pip install 'traceql[mcp]'.

    \b
    Examples:
      traceql mcp --db traces.duckdb
      traceql mcp --db traces.duckdb --root reports
      traceql mcp --db traces.duckdb --port 8765
    """
    try:
        import anyio

        from traceql.server import protocol, transport
    except ImportError:
        raise TraceqlError(
            "the SDK of MCP is not installed", "Install it: pip install 'traceql[mcp]'"
        ) from None
    from traceql.database import Database
    from traceql.server.tools import Tools

    if not (is_there(db) or roots):
        raise DatabaseError(f"{db}: there is no database", "Make one with traceql ingest, or give --root.")
    with Database(db, queries=own_folders(), timeout_s=seconds, tell=note) as database:
        server = protocol.server(Tools(database, roots), database)
        if port is None:
            anyio.run(transport.on_standard_streams, server)
            return
        given = token or secrets.token_urlsafe(32)

        def ready(address: str) -> None:
            note(f"{address}  Authorization: Bearer {'…' if token else given}")

        try:
            transport.on_port(server, port, given, ready)
        except OSError as error:
            raise TraceqlError(f"port {port}: {error.strerror}", "Take another one, or --port 0.") from error
