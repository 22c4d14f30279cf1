"""All of a database into another one, a lake into a file or back: every row, id and name stays as it is."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from traceql.errors import DatabaseError
from traceql.store.outcomes import Exported
from traceql.tables import schema

if TYPE_CHECKING:
    import duckdb

    from traceql.store.connection import Store

_OF_TRACES = [table.name for table in schema.TABLES if table.of_trace]
# Runs that came with a trace lie with it.
_WITH = "format = 'sidecar' AND tags['trace'] = $trace"
_WITHOUT = "NOT coalesce(format = 'sidecar' AND tags['trace'] IN (SELECT trace FROM traces), false)"


def copy(source: Store, target: Store) -> Exported:
    """Copy all traces and runs.

    Args:
        source: the database.
        target: a new or empty one. A file comes into being as a whole; into a lake the traces go one by one.

    Raises:
        DatabaseError: the target holds something already, or cannot be written.
    """
    found = source.run("SELECT trace_id, trace FROM traces ORDER BY trace_id").to_pylist()
    runs = source.run("SELECT count(*) AS runs FROM runs").to_pylist()[0]["runs"]
    if target.exists and target.run("SELECT 1 FROM traces UNION ALL SELECT 1 FROM runs LIMIT 1").num_rows:
        raise DatabaseError(f"{target.path}: holds traces or runs already", "Name a new database with --db.")
    what = f"the content of {source.path}"
    private = bool(source.run("FROM environment LIMIT 1").num_rows)
    with contextlib.ExitStack() as whole:
        one = None if target.one_by_one else whole.enter_context(target.writing(what))
        for number, row in enumerate(found):
            with contextlib.nullcontext(one) if one else target.writing(what) as connection:
                if private and not number:
                    target.keep_to_owner()
                _trace(source, target, connection, row["trace_id"], row["trace"])
        with contextlib.nullcontext(one) if one else target.writing(what) as connection:
            _runs(source, target, connection, _WITHOUT, {})
    return Exported(traces=len(found), runs=runs)


def _trace(
    source: Store, target: Store, connection: duckdb.DuckDBPyConnection, trace_id: int, trace: str
) -> None:
    target.number("traces", set(), trace_id)
    for table in _OF_TRACES:
        _insert(source, connection, table, f"trace_id = {trace_id}", {})
    _runs(source, target, connection, _WITH, {"trace": trace})


def _runs(
    source: Store, target: Store, connection: duckdb.DuckDBPyConnection, which: str, params: dict[str, str]
) -> None:
    numbers = source.run(
        f"SELECT DISTINCT run_id >> 32 AS number FROM runs WHERE {which} ORDER BY number", params
    )
    for number in numbers.column(0).to_pylist():
        target.number("runs", set(), number)
    _insert(source, connection, "runs", which, params)
    _insert(source, connection, "run_metrics", f"run_id IN (SELECT run_id FROM runs WHERE {which})", params)


def _insert(
    source: Store, connection: duckdb.DuckDBPyConnection, table: str, which: str, params: dict[str, str]
) -> None:
    rows = source.run(f"SELECT * FROM {table} WHERE {which}", params or None)
    if rows.num_rows:
        connection.register("rows_of_table", rows)
        connection.execute(f"INSERT INTO {table} BY NAME FROM rows_of_table")
        connection.unregister("rows_of_table")
