"""The command schema."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from traceql.cli import offers
from traceql.cli.common import catalog
from traceql.cli.output import output_options, text_table, write
from traceql.errors import ParameterError
from traceql.nearest import did_you_mean
from traceql.tables import elsewhere
from traceql.tables import schema as tables

if TYPE_CHECKING:
    from traceql.questions.question import Query
    from traceql.tables.schema import Table


_OF_ALL, _OF_ONE = ("name", "kind", "one_row_is"), ("column", "type", "meaning")


@click.command()
@click.argument("table", required=False, shell_complete=offers.table)
@partial(output_options, columns=lambda options: _OF_ONE if options.get("table") else _OF_ALL)
def schema(table: str | None, format_: str | None, output: str | None) -> None:
    """Explain the tables and views, or the columns of one TABLE.

    \b
    Examples:
      traceql schema
      traceql schema kernels
    """
    views = catalog().views
    if table is None:
        rows = [(t.name, "table", t.grain) for t in tables.TABLES]
        rows += [(v.name, "view", v.title) for v in views.values()]
        rows += [(v.name, "view", v.grain) for v in tables.SHIPPED.values()]
        write(text_table(_OF_ALL, rows), format_, output)
        return
    known: dict[str, Table | Query] = {**tables.BY_NAME, **views, **tables.SHIPPED}
    if table not in known:
        named = elsewhere.hints(f"name {table} does not exist", table)
        guess = "" if named else did_you_mean(table, known)
        remedy = " ".join([*named, f"{guess}All of them: traceql schema"])
        raise ParameterError(f"there is no table or view called {table!r}", remedy)
    columns = [(c.name, c.type, c.meaning) for c in known[table].columns]
    write(text_table(_OF_ONE, columns), format_, output)
