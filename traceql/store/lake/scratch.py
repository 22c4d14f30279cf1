"""The database in memory in which a change of a lake is made: the rows of entries, and no parts."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from traceql.errors import DatabaseError
from traceql.read import temporary
from traceql.store import failures, interrupts, memory, trust
from traceql.store.engine import duckdb
from traceql.store.lake import manifest
from traceql.store.means import ALL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql.store.lake.manifest import Manifest
    from traceql.store.means import Means


@contextlib.contextmanager
def opened(there: Manifest, given: str, means: Means = ALL) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with all our tables, `traces` and `runs` filled.

    Args:
        there: the entries of the lake.
        given: the lake as the user wrote it, for messages.
        means: what that may take.

    Raises:
        DatabaseError: a value of an entry does not fit.
    """
    with temporary.folder() as spill:
        connection = memory.connected(spill, means)
        try:
            with interrupts.running(connection):
                fill(connection, there, given)
                yield connection
        finally:
            connection.close()


def fill(connection: duckdb.DuckDBPyConnection, there: Manifest, given: str) -> None:
    """Put the rows that entries hold into their tables.

    Raises:
        DatabaseError: a value does not fit.
    """
    try:
        manifest.insert(connection, "traces", there.traces)
        manifest.insert(connection, "runs", there.runs)
    except duckdb.Error as error:
        raise DatabaseError(
            f"{given}: an entry does not make sense ({failures.first_line(error)})",
            "The lake was damaged, or made by another program: ingest the reports again into a new one.",
        ) from error
    trust.check_traces(connection, trust.database_name(connection), given, {})
