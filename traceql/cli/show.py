"""Commands that show: chart, report."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from traceql.cli.ask import answer_table, given, option
from traceql.cli.common import F, complete_trace, db_option, note, notes
from traceql.cli.manage import parse_tags
from traceql.cli.output import write, writing
from traceql.errors import TraceqlError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from traceql.database import Database
    from traceql.questions import catalog

_FORMS = (".html", ".png", ".svg", ".json")
_CHART_FILE = f"Write this file, as its suffix says: {', '.join(_FORMS)}. [default: show it in the browser]"


class _Charts(click.Group):
    """One subcommand per chart, with the parameters of its queries."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        from traceql.draw import charts

        return sorted(name.replace("_", "-") for name in charts.names())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        from traceql.draw import charts

        found = charts.queries_of(cmd_name)
        title = " ".join(query.title for query in found)
        callback = db_option()(_output_option(_CHART_FILE)(_draw(cmd_name)))
        command = click.Command(
            cmd_name.replace("_", "-"),
            callback=callback,
            help=f"{title}\n\nDrawn from: {', '.join(query.name for query in found)}.",
            short_help=title,
            params=[option(param) for param in charts.params(cmd_name).values()],
        )
        command.params.extend(reversed(callback.__click_params__))
        return command


def _output_option(text: str) -> Callable[[F], F]:
    return click.option("-o", "--output", type=click.Path(dir_okay=False, writable=True), help=text)


@click.group(cls=_Charts, invoke_without_command=True, subcommand_metavar="NAME [OPTIONS]")
@click.option("--list", "list_", is_flag=True, help="List the charts.")
@click.pass_context
def chart(ctx: click.Context, list_: bool) -> None:
    """Draw the answer of a question.

    A chart has the name of its query, and its parameters; some have a short name too. HTML is one file that
    needs no network; PNG and SVG need no browser.

    \b
    Examples:
      traceql chart --list
      traceql chart kernels --trace run -o kernels.svg
      traceql chart timeline --trace run -o timeline.html
      traceql chart sweeps -o sweeps.png
    """
    if list_:
        from traceql.draw import charts

        titles = {name.replace("_", "-"): title for name, title in charts.names().items()}
        rows = sorted(titles.items())
        write(answer_table(("chart", "question"), rows), None, None)
    elif ctx.invoked_subcommand is None:
        raise click.UsageError("Name a chart; traceql chart --list shows them.")


@click.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE…", shell_complete=complete_trace)
@click.option("--title", help="Title of the page. [default: the names of the traces]")
@click.option(
    "--pair",
    multiple=True,
    callback=parse_tags,
    metavar="BEFORE=AFTER",
    help="Range paths that do the same work in two ncu traces, for nwor-delta (LIKE patterns); repeatable.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATH",
    help="Range path to leave out of nwor-delta, such as the flush of a cache (LIKE pattern); repeatable.",
)
@db_option()
@_output_option("Write this file. [default: show it in the browser]")
def report(
    traces: tuple[str, ...],
    title: str | None,
    pair: dict[str, str],
    exclude: tuple[str, ...],
    db: str,
    output: str | None,
) -> None:
    """Write a page about traces: what was recorded, where the time goes, what differs.

    One HTML file that needs no network and can be mailed. Several traces are compared with the first one.

    \b
    Examples:
      traceql report run -o report.html
      traceql report before after -o comparison.html
      traceql report before after --pair %kv_write=%nwor_commit --exclude %flush_l2 -o nwor.html
    """
    from traceql import report as reports
    from traceql.database import Database

    _check_output(output, (".html", ".htm"))
    with Database(db) as database:
        page = reports.of_traces(database, traces, title=title or "", pair=pair, exclude=exclude)
        _deliver(page.encode(), output)


def _draw(name: str) -> Any:
    def callback(db: str, output: str | None, **params: Any) -> None:
        from traceql.database import Database
        from traceql.draw import charts

        suffix = _check_output(output, _FORMS)
        # What was not said is left to each of the chart's queries.
        source = click.get_current_context().get_parameter_source
        said = {k: v for k, v in params.items() if source(k) is ParameterSource.COMMANDLINE}
        with Database(db) as database, notes():
            content = _rendered(database, name, suffix, given(charts.params(name).values(), said))
        _deliver(content, output)

    return callback


def _check_output(output: str | None, suffixes: Sequence[str]) -> str:
    """The suffix of what is to be written; refused before any work is done."""
    if output is None:
        if not _desktop():
            raise click.UsageError("There is no browser to show it in: name a file with -o.")
        return suffixes[0]
    suffix = Path(output).suffix.lower()
    if suffix not in suffixes:
        raise click.UsageError(f"{output}: the file's name must end in {' or '.join(suffixes)}.")
    return suffix


def _deliver(content: bytes, output: str | None) -> None:
    if output is None:
        _browse(content)
    else:
        with writing(output) as file:
            file.write(content)


def _rendered(database: Database, name: str, suffix: str, params: dict[str, catalog.Value]) -> bytes:
    if suffix == ".html":
        from traceql import report

        return report.of_chart(database, name, **params).encode()
    from traceql.draw import render

    drawn = database.chart(name, **params)
    if suffix == ".png":
        return render.to_png(drawn)
    return (render.to_svg(drawn) if suffix == ".svg" else render.to_json(drawn)).encode()


def _desktop() -> bool:
    """Whether a browser can open: on Linux, whether there is a screen."""
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def _browse(content: bytes) -> None:
    with tempfile.NamedTemporaryFile(prefix="traceql-", suffix=".html", delete=False) as file:
        # The browser reads it after this process has ended.
        file.write(content)
    if click.launch(file.name) != 0:
        raise TraceqlError(
            f"{file.name}: no browser opened it", "Open it by hand, or write to a file with -o."
        )
    note(f"shown in the browser: {file.name}")
