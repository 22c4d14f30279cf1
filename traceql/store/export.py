"""All of a database into another one, a lake into a file or back: every row, id and name stays as it is."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from traceql.errors import DatabaseError
from traceql.store.outcomes import Exported
from traceql.store.waiting import made_again
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb
    import pyarrow as pa

    from traceql.questions.parameters import Value
    from traceql.store.connection import Store

    Change = Callable[[str, pa.Table], pa.Table]

_OF_TRACES = [table.name for table in schema.TABLES if table.of_trace]
# Runs that came with a trace lie with it.
_WITH = "format = 'sidecar' AND tags['trace'] = $trace"
_WITHOUT = "NOT coalesce(format = 'sidecar' AND tags['trace'] IN (SELECT trace FROM traces), false)"


def unchanged(_table: str, rows: pa.Table) -> pa.Table:
    """Rows as they are."""
    return rows


def copy(source: Store, target: Store, change: Change = unchanged) -> Exported:
    """Copy all traces and runs.

    Args:
        source: the database.
        target: a new or empty one. A file comes into being as a whole; into a lake the traces go one by one.
        change: table and rows → what is written of them.

    Raises:
        DatabaseError: the source holds nothing; the target holds something already, or cannot be written; or
            something was changed in the source just while it was copied. What was added meanwhile is left
            out.
    """
    found = source.run("SELECT trace_id, trace, sha256 FROM traces ORDER BY trace_id").to_pylist()
    runs = source.run("SELECT count(*) AS runs FROM runs").to_pylist()[0]["runs"]
    if not found and not runs:
        raise DatabaseError(f"{source.path}: holds neither traces nor runs", "There is nothing to copy.")
    if target.exists and target.run("SELECT 1 FROM traces UNION ALL SELECT 1 FROM runs LIMIT 1").num_rows:
        raise DatabaseError(f"{target.path}: holds traces or runs already", "Name a new database with --db.")
    what = f"the content of {source.path}"
    private = bool(source.run("FROM environment LIMIT 1").num_rows)
    with contextlib.ExitStack() as whole:
        one = None if target.one_by_one else whole.enter_context(target.writing(what))
        for row in found:
            _in_its_turn(target, one, what, partial(_trace, source, target, change, private=private, **row))
        _in_its_turn(target, one, what, partial(_runs, source, target, change, which=_WITHOUT, params={}))
    return Exported(traces=len(found), runs=runs)


@made_again
def _in_its_turn(
    target: Store,
    one: duckdb.DuckDBPyConnection | None,
    what: str,
    insert: Callable[[duckdb.DuckDBPyConnection], None],
) -> None:
    """Insert in the one change that there is, or in one of its own."""
    with contextlib.nullcontext(one) if one else target.writing(what) as connection:
        insert(connection)


def _trace(
    source: Store,
    target: Store,
    change: Change,
    connection: duckdb.DuckDBPyConnection,
    *,
    trace_id: int,
    trace: str,
    sha256: str,
    private: bool,
) -> None:
    if private:
        target.keep_to_owner()
    if connection.execute("SELECT 1 FROM traces WHERE trace = $trace", {"trace": trace}).fetchone():
        raise DatabaseError(
            f"{target.path}: somebody else has stored a trace called {trace!r}",
            "Name a new database with --db.",
        )
    target.number("traces", set(), trace_id)
    for table in _OF_TRACES:
        _insert(source, connection, change, table, f"trace_id = {trace_id}", {})
    _runs(source, target, change, connection, _WITH, {"trace": trace})
    # Each table was read as it was then. What a trace holds stays as long as it has its number and report.
    same = "trace_id = $trace_id AND trace = $trace AND sha256 IS NOT DISTINCT FROM $sha256"
    params: dict[str, Value] = {"trace_id": trace_id, "trace": trace, "sha256": sha256}
    if not source.run(f"SELECT 1 FROM traces WHERE {same}", params).num_rows:
        raise _changed(source, repr(trace))


def _changed(source: Store, what: str) -> DatabaseError:
    return DatabaseError(
        f"{source.path}: {what} changed while it was copied", "Copy it again, into a new database."
    )


def _runs(
    source: Store,
    target: Store,
    change: Change,
    connection: duckdb.DuckDBPyConnection,
    which: str,
    params: dict[str, str],
) -> None:
    asked = f"SELECT DISTINCT run_id >> 32 AS number, sweep, sha256 FROM runs WHERE {which} ORDER BY ALL"
    there = source.run(asked, params).to_pylist()
    numbers = list(dict.fromkeys(row["number"] for row in there))
    for number in numbers:
        target.number("runs", set(), number)
    which = f"{which} AND run_id >> 32 IN ({', '.join(map(str, numbers)) or 'NULL'})"
    _insert(source, connection, change, "runs", which, params)
    _insert(
        source,
        connection,
        change,
        "run_metrics",
        f"run_id IN (SELECT run_id FROM runs WHERE {which})",
        params,
    )
    now = source.run(asked, params).to_pylist()
    if gone := [row["sweep"] for row in there if row not in now]:
        raise _changed(source, f"the sweep {gone[0]!r}")


def _insert(
    source: Store,
    connection: duckdb.DuckDBPyConnection,
    change: Change,
    table: str,
    which: str,
    params: dict[str, str],
) -> None:
    rows = change(table, source.run(f"SELECT * FROM {table} WHERE {which}", params or None))
    if rows.num_rows:
        connection.register("rows_of_table", rows)
        connection.execute(f"INSERT INTO {table} BY NAME FROM rows_of_table")
        connection.unregister("rows_of_table")
