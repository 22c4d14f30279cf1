"""The command chart: a subcommand for each chart, with the parameters of its questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from traceql.cli.common import catalog, db_option, note
from traceql.cli.output import text_table, write
from traceql.cli.query import given, option, traces_argument, with_traces
from traceql.cli.shown import check_output, deliver, output_option
from traceql.cli.sides import database_for

if TYPE_CHECKING:
    from traceql.ask.answer import Asker
    from traceql.questions.parameters import Value

_FORMS = (".html", ".png", ".svg", ".json")
_CHART_FILE = f"Write this file, as its suffix says: {', '.join(_FORMS)}. [default: show it in the browser]"


class _Charts(click.Group):
    """One subcommand per chart, with the parameters of its queries."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from traceql.draw import charts

        return sorted(name.replace("_", "-") for name in charts.names(catalog(ctx)))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from traceql.draw import charts

        found = charts.queries_of(catalog(ctx), cmd_name)
        title = " ".join(query.title for query in found)
        callback = db_option()(output_option(_CHART_FILE)(_draw(cmd_name)))
        command = click.Command(
            cmd_name.replace("_", "-"),
            callback=callback,
            help=f"{title}\n\nDrawn from: {', '.join(query.name for query in found)}.",
            short_help=title,
            params=[option(param) for param in charts.params(catalog(ctx), cmd_name).values()],
        )
        command.params.extend(traces_argument(command.params))
        command.params.extend(reversed(callback.__click_params__))
        return command


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
      traceql chart kernels run -o kernels.svg
      traceql chart kernels run.nsys-rep -o kernels.svg
      traceql chart timeline --trace run -o timeline.html
      traceql chart sweeps -o sweeps.png
    """
    if list_:
        from traceql.draw import charts

        titles = {name.replace("_", "-"): title for name, title in charts.names(catalog()).items()}
        rows = sorted(titles.items())
        write(text_table(("chart", "question"), rows), None, None, one_line=True)
    elif ctx.invoked_subcommand is None:
        raise click.UsageError("Name a chart; traceql chart --list shows them.")


def _draw(name: str) -> Any:
    def callback(db: str, output: str | None, traces: tuple[str, ...] = (), **params: Any) -> None:
        from traceql.draw import charts

        suffix = check_output(output, _FORMS)
        # What was not said is left to each of the chart's queries.
        source = click.get_current_context().get_parameter_source
        said = {k: v for k, v in params.items() if source(k) is ParameterSource.COMMANDLINE}
        said = with_traces(said, traces)
        with database_for(db, said) as (database, placed):
            asked = given(charts.params(catalog(), name).values(), placed)
            content = _rendered(database._asker, name, suffix, asked)
        deliver(content, output)

    return callback


def _rendered(ask: Asker, name: str, suffix: str, params: dict[str, Value]) -> bytes:
    from traceql.draw import charts, render

    if suffix == ".html":
        from traceql import report

        return report.of_chart(ask, name, **params).encode()
    answers = charts.answers(ask, name, **params)
    for text in dict.fromkeys(one.text for answer in answers for one in answer.notes):
        note(text)
    drawn = charts.of_answers(answers, ask)
    if suffix == ".png":
        return render.to_png(drawn)
    return (render.to_svg(drawn) if suffix == ".svg" else render.to_json(drawn)).encode()
