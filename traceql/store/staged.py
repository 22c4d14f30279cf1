"""Small reports become rows side by side, in memory; a change of the database then takes those of several.

What a small report costs are the statements of its steps, which one processor plans one after the other, and
the opening, checking and closing of the file. So each thread that decodes runs the steps in a database of its
own, which is rolled back, and the rows of some reports are stored together.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from traceql.read import temporary
from traceql.store import interrupts, memory, steps
from traceql.store.engine import duckdb
from traceql.store.means import SMALL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    import pyarrow as pa

    from traceql.store.connection import Store
    from traceql.store.decode import Decoded
    from traceql.store.steps import Inserted

# Reports whose rows are made in one database, which keeps a tenth of a megabyte of each.
_MOST_IN_ONE: Final = 100
# Of a report: some thousand events.
_SMALL_BYTES: Final = 300_000


def is_small(decoded: Decoded) -> bool:
    """Whether there is so little to compute that threads would wait for each other longer."""
    return decoded.source.size_bytes < _SMALL_BYTES


@dataclass(frozen=True)
class Staged:
    """A decoded report and its rows; `close` lets go of what it was decoded into.

    Attributes:
        decoded: the report.
        trace_id: number that all ids of its rows begin with.
        tables: canonical table → rows, of those that have any. The trace has neither a name nor tags yet.
        inserted: what became of its rows.
        seconds: spent on making them.
    """

    decoded: Decoded
    trace_id: int
    tables: Mapping[str, pa.Table]
    inserted: Inserted
    seconds: float

    def close(self) -> None:
        """Remove temporary copies."""
        self.decoded.close()


class Waiting:
    """Rows that wait for those of other reports, in one change.

    Args:
        connection: of the change.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._tables: dict[str, list[pa.Table]] = {}

    def add(self, staged: Staged, label: str, tags: Mapping[str, str]) -> Inserted:
        """Insert the trace, under its name and with its tags, and let its rows wait."""
        self._insert(
            "traces",
            staged.tables["traces"],
            "* REPLACE ($label AS trace, map($keys, $values) AS tags)",
            {"label": label, "keys": list(tags), "values": list(tags.values())},
        )
        for name, rows in staged.tables.items():
            if name != "traces":
                self._tables.setdefault(name, []).append(rows)
        return staged.inserted

    def insert(self) -> None:
        """Insert the rows that wait."""
        import pyarrow as pa

        for name, tables in self._tables.items():
            self._insert(name, pa.concat_tables(tables))
        self._tables.clear()

    def _insert(
        self, name: str, rows: pa.Table, columns: str = "*", params: Mapping[str, object] | None = None
    ) -> None:
        self._connection.register("staged_rows", rows)
        inserting = f"INSERT INTO {name} BY NAME SELECT {columns} FROM staged_rows"
        # To the end: a result that is not fetched wholly keeps the connection.
        self._connection.execute(inserting, params).fetchall()
        self._connection.unregister("staged_rows")


class Stage:
    """Makes rows of small reports before they are stored, in each thread by itself.

    Args:
        replace: see `ingest.add`.
        keep_environment: see `ingest.add`.
    """

    def __init__(self, *, replace: bool = False, keep_environment: bool = False) -> None:
        # Who only asks imports this module, too, and the other one brings much along.
        from concurrent.futures import Future

        # The greatest number of a trace in the database, and which reports it holds; None to make nothing.
        self._there: Future[tuple[int, frozenset[str]] | None] = Future()
        self._replace = replace
        self._keep_environment = keep_environment
        self._lock = threading.Lock()
        self._own = threading.local()
        self._connections: list[duckdb.DuckDBPyConnection] = []
        self._resources = contextlib.ExitStack()

    def begin(self, store: Store) -> None:
        """Look what the database holds, into which the rows go; before anything is stored there.

        Of a lake each trace is a change of its own, whose rows are made in memory as it is.

        Raises:
            DatabaseError: it cannot be read.
        """
        if store.one_by_one:
            self._there.set_result(None)
            return
        asked = "SELECT trace_id, sha256 FROM traces"
        rows = store.run(asked, plain=True).to_pylist() if store.exists else []
        most = max((row["trace_id"] for row in rows), default=0)
        self._there.set_result((most, frozenset(row["sha256"] for row in rows)))

    def stage(self, position: int, decoded: Decoded) -> Staged | Decoded:
        """The report with its rows, if it is small and the database does not hold it already.

        Args:
            position: of the report among all that are read, from 0: what its number hangs on.
            decoded: the report.

        Raises:
            ReportError: its content does not make sense.
            CancelledError: nobody waits for it any more.
        """
        if not is_small(decoded) or (there := self._there.result()) is None:
            return decoded
        most, known = there
        if decoded.source.sha256 in known and not self._replace:
            return decoded
        # What does not work in memory is told by the change of the database, or works there.
        with contextlib.suppress(duckdb.Error):
            return self._staged(most + 1 + position, decoded)
        return decoded

    def _staged(self, trace_id: int, decoded: Decoded) -> Staged:
        began = time.perf_counter()
        connection = self._connection()
        with interrupts.running(connection):
            connection.execute("BEGIN")
            try:
                inserted = steps.insert(connection, decoded, trace_id, "", {}, self._keep_environment)
                filled = ("traces", *(name for name, rows in inserted.rows.items() if rows))
                tables = {name: connection.sql(f"FROM {name}").to_arrow_table() for name in filled}
            finally:
                with contextlib.suppress(duckdb.Error):
                    connection.execute("ROLLBACK")
        return Staged(decoded, trace_id, tables, inserted, time.perf_counter() - began)

    def _connection(self) -> duckdb.DuckDBPyConnection:
        """That of this thread; a new one now and then, for what is rolled back leaves something behind."""
        own = self._own
        if not getattr(own, "left", 0):
            with self._lock:
                if hasattr(own, "connection"):
                    self._connections.remove(own.connection)
                    own.connection.close()
                else:
                    own.spill = self._resources.enter_context(temporary.folder())
                own.connection = memory.connected(own.spill, SMALL)
                self._connections.append(own.connection)
            own.left = _MOST_IN_ONE
        own.left -= 1
        return own.connection  # type: ignore[no-any-return]

    def give_up(self) -> None:
        """Let nobody wait for what the database holds."""
        self._there.cancel()

    def close(self) -> None:
        """Let go of all of it; no thread is at it any more."""
        for connection in self._connections:
            connection.close()
        self._resources.close()
