"""The command view: timelines in Perfetto's pages."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import click

from traceql.cli import offers
from traceql.cli.common import db_option, note
from traceql.cli.query import place_options
from traceql.cli.sides import database_of


@click.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE…", shell_complete=offers.trace)
@place_options
@click.option("--only", is_flag=True, help="Leave out what does not lie there.")
@click.option(
    "--ui",
    type=click.Path(exists=True, file_okay=False),
    metavar="FOLDER",
    help="A copy of Perfetto's pages, for machines without network; by default https://ui.perfetto.dev.",
)
@click.option("--no-browser", is_flag=True, help="Say the address, and let somebody else open it.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Of this machine, where the browser asks; by default one that is free.",
)
@db_option()
def view(
    traces: tuple[str, ...], only: bool, ui: str | None, no_browser: bool, port: int, db: str, **where: Any
) -> None:
    """Look at timelines of TRACEs in Perfetto, until Ctrl-C.

    Opens https://ui.perfetto.dev in the browser with what `traceql export TRACE… -o run.pftrace` writes, at
    the place that --from, --to and --within name; what lies around it is there, too, unless --only is given.
    The trace goes from this program to the browser, and nowhere else. With --ui, nothing is asked of other
    machines at all.

    The address that is printed is good for one browser. Of a machine without a screen, open it on another:
    choose a --port, ssh -L PORT:127.0.0.1:PORT MACHINE.

    \b
    Examples:
      traceql view run
      traceql view run --within 'step#3'
      traceql view job=train --from 1.5s --to 2s --only
      traceql view run --ui perfetto/ui --no-browser --port 8000
    """
    from traceql.read import temporary
    from traceql.share.perfetto import serving

    folder = None if ui is None else serving.folder_of_ui(Path(ui))
    with temporary.folder() as place, serving.Server(port, folder) as server:
        file = place / "run.pftrace"
        with database_of(db, traces) as (database, words):
            done = serving.write(database._asker, words, file, only=only, **where)
        for one in done.notes:
            note(one.text)
        server.shown = serving.Shown(file, ", ".join(traces), done.place)
        click.echo(server.address)
        if not no_browser and _has_screen():
            threading.Thread(target=_open, args=[server.address], daemon=True).start()
        click.echo("Open it in a browser, once. Ctrl-C ends it.", err=True)
        server.serve_forever()


def _has_screen() -> bool:
    """Whether a browser would come up beside the terminal, and not in it."""
    named = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return sys.platform != "linux" or any(os.environ.get(name) for name in named)


def _open(address: str) -> None:
    import webbrowser

    if not webbrowser.open(address):
        note("no browser was found")
