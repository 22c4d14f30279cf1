"""Commands that ask: schema, query, sql."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from traceql.cli.common import complete_trace, db_option, notes
from traceql.cli.output import output_options, write
from traceql.errors import QueryError
from traceql.questions import catalog
from traceql.tables import schema as tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@click.command()
@click.argument("table", required=False)
@output_options
def schema(table: str | None, format_: str | None, output: str | None) -> None:
    """Explain the tables and views, or the columns of one TABLE.

    \b
    Examples:
      traceql schema
      traceql schema kernels
    """
    views = {view.name: view for view in catalog.views()}
    if table is None:
        rows = [(t.name, "table", t.grain) for t in tables.TABLES]
        rows += [(v.name, "view", v.title) for v in views.values()]
        write(answer_table(("name", "kind", "one_row_is"), rows), format_, output)
        return
    if table in tables.BY_NAME:
        columns = [(c.name, c.type, c.meaning) for c in tables.BY_NAME[table].columns]
    elif table in views:
        columns = [(c.name, c.type, c.meaning) for c in views[table].columns]
    else:
        raise QueryError(f"there is no table or view called {table!r}", "All of them: traceql schema")
    write(answer_table(("column", "type", "meaning"), columns), format_, output)


@click.command()
@click.argument("statement", required=False)
@click.option(
    "--file", "file", type=click.File(encoding="utf-8", errors="replace"), help="Read the SQL from this file."
)
@click.option(
    "--allow-files", is_flag=True, help="Let the SQL read and write other files and load extensions."
)
@db_option()
@output_options
def sql(
    statement: str | None,
    file: Any,
    allow_files: bool,
    db: str,
    format_: str | None,
    output: str | None,
) -> None:
    """Run SQL: the STATEMENT, a --file, or standard input.

    The database is opened read-only, and the SQL cannot touch other files unless --allow-files is given.

    \b
    Examples:
      traceql sql "SELECT name, count(*) AS launches FROM kernels GROUP BY name ORDER BY 2 DESC"
      traceql sql --file question.sql --format csv -o answer.csv
      echo "FROM traces" | traceql sql
    """
    if statement is not None and file is not None:
        raise click.UsageError("Give the SQL either as an argument or with --file.")
    if file is not None:
        statement = file.read()
    elif statement is None or statement == "-":
        if statement is None and sys.stdin.isatty():
            raise click.UsageError("Give the SQL as an argument, with --file, or on standard input.")
        statement = sys.stdin.buffer.read().decode("utf-8", "replace")
    if not statement.strip():
        raise click.UsageError("The SQL is empty.")
    from traceql.database import Database

    with Database(db, allow_files=allow_files) as database:
        write(database.arrow(statement), format_, output)


class _Queries(click.Group):
    """One subcommand per file under queries/, built from its header."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [name.replace("_", "-") for name in catalog.queries()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        found = catalog.find(cmd_name)
        command = click.Command(
            cmd_name.replace("_", "-"),
            callback=_answer_query(found),
            help=_help(found),
            short_help=found.title,
        )
        for param in found.params:
            command.params.append(option(param))
        decorated = db_option()(output_options(command.callback))  # type: ignore[type-var]
        command.params.extend(reversed(decorated.__click_params__))  # type: ignore[union-attr]
        return command


@click.group(cls=_Queries, invoke_without_command=True, subcommand_metavar="NAME [OPTIONS]")
@click.option(
    "--list", "list_", is_flag=True, help="List the questions by topic, and what the database lacks for them."
)
@db_option()
@output_options
@click.pass_context
def query(ctx: click.Context, list_: bool, db: str, format_: str | None, output: str | None) -> None:
    """Answer a question of the catalogue.

    \b
    Examples:
      traceql query --list
      traceql query --list --format json
      traceql query top-kernels --limit 5
      traceql query range-launches --range scv_compute_mask
      traceql query metric --name dram__bytes_write.sum --format csv
    """
    if list_:
        write(_list(db), format_, output)
        return
    misplaced = [
        option
        for option, name in (("--db", "db"), ("--format", "format_"), ("--output", "output"))
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if ctx.invoked_subcommand and misplaced:
        raise click.UsageError(f"Put {misplaced[0]} after the name of the query.")
    if ctx.invoked_subcommand is None:
        raise click.UsageError("Name a query; traceql query --list shows them.")


def _list(db: str) -> Any:
    """The catalogue, with what is missing where a database is there to tell."""
    names = ("topic", "query", "question")
    rows = [(q.topic, name.replace("_", "-"), q.title) for name, q in catalog.queries().items()]
    if not Path(db).exists():
        return answer_table(names, rows)
    from traceql.database import Database

    with Database(db) as database:
        lacking = database.unanswerable()
    return answer_table(
        (*names, "missing"),
        [(*row, lacking.get(name, "")) for row, name in zip(rows, catalog.queries(), strict=True)],
    )


def _answer_query(found: catalog.Query) -> Any:
    def callback(db: str, format_: str | None, output: str | None, **params: Any) -> None:
        from traceql.database import Database

        with Database(db) as database, notes():
            answer = database.query_arrow(found.name, **given(found.params, params))
        write(answer, format_, output)

    return callback


def option(param: catalog.Param) -> click.Option:
    """The command's option for a parameter of a query; `given` takes what click makes of it."""
    types = {"BIGINT": click.INT, "DOUBLE": click.FLOAT, "BOOLEAN": click.BOOL}
    names_a_trace = param.name in catalog.TRACE_PARAMS
    return click.Option(
        [f"--{param.name.replace('_', '-')}", param.name],
        type=types.get(param.type, click.STRING),
        metavar="A=B" if param.is_map else None,
        required=param.required,
        multiple=param.repeatable,
        default=None if param.required else param.default,
        show_default=param.default is not None,
        help=f"{param.meaning}{'; repeatable' if param.repeatable else ''}.",
        shell_complete=complete_trace if names_a_trace else None,
    )


def given(params: Iterable[catalog.Param], values: Mapping[str, Any]) -> dict[str, catalog.Value]:
    """What click has made of the options, as the query takes it.

    Raises:
        QueryError: a text stands for no value of its parameter.
    """
    known = {param.name: param for param in params}
    # click gives the texts of a repeatable option as a tuple, an empty one for none.
    return {
        name: (known[name].parse(*value) if value else None) if isinstance(value, tuple) else value
        for name, value in values.items()
    }


def _help(found: catalog.Query) -> str:
    width = max(len(c.name) for c in found.columns)
    columns = "\n".join(f"  {c.name:<{width}}  {c.meaning}" for c in found.columns)
    body = f"\n\n{found.body}" if found.body else ""
    return f"{found.title}{body}\n\n\b\nColumns:\n{columns}"


def answer_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Any:
    """Rows of texts as an answer that can be written."""
    import pyarrow as pa

    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})
