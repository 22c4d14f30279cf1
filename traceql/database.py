"""The database: one DuckDB file with the tables of `schema` and the views of the catalogue.

The only package that knows DuckDB. Questions go through a read-only connection that can reach no other
file; a report comes in as one transaction.

============ ==========================================================================
`tables`     a new database; whether one that is there is ours
`storing`    a decoded report becomes rows
`run_tables` runs measured outside the profilers, and GPUs, become rows
`gaps`       what a question needs and the traces lack
`failures`   DuckDB's errors in words that help
`outcomes`   what became of what was brought in
============ ==========================================================================
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
import uuid
import warnings
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from traceql.ask import gaps
from traceql.errors import DatabaseError, MissingDataWarning, QueryError, RunFileError
from traceql.questions import catalog
from traceql.read.base import no_progress
from traceql.store import create, failures, ingest, runs
from traceql.store.decode import Decoded, decode
from traceql.store.outcomes import ImportedRuns as ImportedRuns
from traceql.store.outcomes import Ingested as Ingested
from traceql.tables import schema

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterator, Mapping

    import polars as pl
    import pyarrow as pa

    from traceql.draw.registry import Drawing
    from traceql.read.base import Progress
    from traceql.read.runs import RunFile
    from traceql.store.decode import Via

MEMORY = ":memory:"
DEFAULT_PATH = "traces.duckdb"


def open(path: str | Path = DEFAULT_PATH, *, allow_files: bool = False) -> Database:  # noqa: A001
    """Open a database, or name one that the first `Database.ingest` will create.

    Args:
        path: a DuckDB file; ``":memory:"`` for one that lasts as long as the object.
        allow_files: let SQL read and write other files and load extensions.
    """
    return Database(path, allow_files=allow_files)


def _frame(table: str) -> Callable[[Database], pl.LazyFrame]:
    """A method of `Database` that returns a table as a lazy frame."""

    def frame(self: Database) -> pl.LazyFrame:
        return self._lazy(table)

    grain = schema.BY_NAME[table].grain
    frame.__doc__ = f"The table {table} as a lazy frame: {grain}. Columns: ``traceql schema {table}``."
    return frame


class Database:
    """A traceql database; also a context manager. See `open`.

    Every table is also a method that returns a lazy polars frame: only the columns that the result uses are
    read, when it is collected.

    >>> import polars as pl
    >>> with open(":memory:") as db:
    ...     db.kernels().filter(pl.col("duration_ns") > 1_000).select("name", "duration_ns").collect().shape
    (0, 2)
    """

    traces = _frame("traces")
    gpus = _frame("gpus")
    processes = _frame("processes")
    threads = _frame("threads")
    kernels = _frame("kernels")
    api_calls = _frame("api_calls")
    memory_ops = _frame("memory_ops")
    syncs = _frame("syncs")
    graph_launches = _frame("graph_launches")
    graph_nodes = _frame("graph_nodes")
    ranges = _frame("nvtx_ranges")
    range_ancestors = _frame("range_ancestors")
    startend_kernels = _frame("startend_kernels")
    os_calls = _frame("os_calls")
    um_cpu_page_faults = _frame("um_cpu_page_faults")
    um_gpu_page_faults = _frame("um_gpu_page_faults")
    gpu_samples = _frame("gpu_samples")
    diagnostics = _frame("diagnostics")
    metrics = _frame("metrics")
    ncu_ranges = _frame("ncu_ranges")
    advice = _frame("advice")
    environment = _frame("environment")
    runs = _frame("runs")
    run_metrics = _frame("run_metrics")
    gpu_specs = _frame("gpu_specs")

    def __init__(self, path: str | Path = DEFAULT_PATH, *, allow_files: bool = False) -> None:
        self.path = str(path)
        self._allow_files = allow_files
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._prepared: str | None = None
        # Removes the folder for spilling, also when nobody calls `close`.
        self._remove_spill: weakref.finalize[..., Database] | None = None

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the object can be used again, unless it is in memory."""
        self._discard_prepared()
        self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._remove_spill is not None:
            self._remove_spill()

    # --- questions --------------------------------------------------------------------------------------

    def sql(self, statement: str, params: Mapping[str, catalog.Value] | None = None) -> pl.DataFrame:
        """Run SQL and return its answer; sums of integers (HUGEINT) that fit become 64-bit integers.

        Args:
            statement: one or more statements; the last one's rows are returned. ``$name`` is a parameter.
            params: values of the parameters.

        Raises:
            QueryError: DuckDB refuses the statement.
            DatabaseError: the database cannot be opened.
        """
        import polars as pl

        return pl.DataFrame(pl.from_arrow(self.arrow(statement, params)))

    def arrow(self, statement: str, params: Mapping[str, catalog.Value] | None = None) -> pa.Table:
        """As `sql`, for an Arrow table."""
        import pyarrow as pa

        connection = self._reading()
        try:
            if not self._allow_files and failures.writes_files(statement):
                raise failures.no_files("Permission Error: COPY and EXPORT write files")
            answer = connection.sql(statement, params=dict(params) if params else None)
            return _presentable(answer.to_arrow_table()) if answer is not None else pa.table({})
        except duckdb.Error as error:
            # A transaction that the SQL began ends with its error, or no later question would be answered.
            with contextlib.suppress(duckdb.Error):
                connection.execute("ROLLBACK")
            raise failures.query_error(error) from error
        except RuntimeError as error:
            raise failures.interrupt(error) from error

    def query(self, name: str, /, **params: catalog.Value) -> pl.DataFrame:
        """Answer a question of the catalogue; the columns are those that its header declares.

        Warns (`MissingDataWarning`) when some trace lacks what the answer would have needed.

        Raises:
            UnknownQueryError: there is no such query.
            QueryError: a parameter is unknown, missing or of the wrong type.
            MissingDataError: no trace holds what the query reads.
        """
        import polars as pl

        return pl.DataFrame(pl.from_arrow(self.query_arrow(name, **params)))

    def query_arrow(self, name: str, /, **params: catalog.Value) -> pa.Table:
        """As `query`, for an Arrow table."""
        query = catalog.find(name)
        bound = query.bind(params)
        for note in gaps.notes(self.arrow, query, bound):
            warnings.warn(note, MissingDataWarning, stacklevel=3)
        answer = self.arrow(query.sql, bound)
        if answer.num_rows == 0 and query.empty:
            warnings.warn(f"No rows. {query.empty}", MissingDataWarning, stacklevel=3)
        return answer

    def over(self, answer: pa.Table, statement: str) -> pa.Table:
        """As `arrow`, over the rows of an answer, which the statement knows as the table ``answer``."""
        connection = self._reading()
        connection.register("answer", answer)
        try:
            return self.arrow(statement)
        finally:
            connection.unregister("answer")

    def chart(self, name: str, /, **params: catalog.Value) -> Drawing:
        """Draw a query's answer: an Altair chart, which notebooks show as it is.

        Args:
            name: of a query that has a chart, or one of `traceql.draw.charts.ALIASES`.
            params: of the query.

        Raises:
            UnknownQueryError: there is no such chart.
            QueryError: a parameter is wrong, there is nothing to draw, or too much for one picture.
            MissingDataError: no trace holds what the query reads.
        """
        # Altair is loaded with the first chart only.
        from traceql.draw import charts

        return charts.draw(name, self.query, **params)

    def _lazy(self, table: str) -> pl.LazyFrame:
        from polars.io.plugins import register_io_source

        def read(
            with_columns: builtins.list[str] | None,
            predicate: pl.Expr | None,
            n_rows: int | None,
            _batch_size: int | None,
        ) -> Iterator[pl.DataFrame]:
            chosen = ", ".join(f'"{name}"' for name in with_columns) if with_columns else "*"
            limit = f" LIMIT {n_rows}" if n_rows is not None else ""
            frame = self.sql(f"SELECT {chosen} FROM {table}{limit}")
            yield frame if predicate is None else frame.filter(predicate)

        return register_io_source(read, schema=self.sql(f"FROM {table} LIMIT 0").schema)

    def tables(self) -> pl.DataFrame:
        """Every table and view: name, kind, rows over all traces, and what one row is."""
        counts = " UNION ALL ".join(
            f"SELECT {schema.literal(t.name)} AS name, count(*) AS rows FROM {t.name}" for t in schema.TABLES
        )
        return self.sql(
            f"""
            SELECT name, 'table' AS kind, rows, comment AS grain
            FROM ({counts}) JOIN duckdb_tables() ON table_name = name
            UNION ALL
            SELECT view_name, 'view', NULL, comment FROM duckdb_views() WHERE NOT internal
            ORDER BY kind, name
            """
        )

    def rows(self, trace: str) -> dict[str, int]:
        """Canonical table → rows of one trace.

        Raises:
            QueryError: there is no such trace.
        """
        return ingest.count_rows(self._reading(), self._trace_id(self._reading(), trace))

    def missing(self, trace: str) -> dict[str, str]:
        """Tables for which the trace holds no data → the option that would have recorded it."""
        found = self.arrow("SELECT kind, missing FROM traces WHERE name = $name", {"name": trace}).to_pylist()
        return ingest.hints(found[0]["kind"], found[0]["missing"]) if found else {}

    def unanswerable(self) -> dict[str, str]:
        """Questions that no trace here answers, or not wholly → what is missing, and how to record it."""
        return gaps.unanswerable(self.arrow)

    # --- changes ----------------------------------------------------------------------------------------

    def ingest(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        tags: Mapping[str, str] | None = None,
        replace: bool = False,
        keep_environment: bool = False,
        via: Via = "auto",
        progress: Progress | None = None,
    ) -> Ingested:
        """Read one report into the database, in one transaction.

        Args:
            path: a report, compressed or not, or a folder written by ``nsys export``.
            name: label of the trace; by default made from the file name.
            tags: free labels, for example ``{"batch": "8"}``.
            replace: read a report again that the database holds already.
            keep_environment: also store the profiled process's command line and variables.
            via: who decodes an .nsys-rep: ``native``; ``nsys``, an installed ``nsys export``; or ``auto``,
                nsys where the native reader refuses and there is one.
            progress: called with (events decoded, events in total or None).

        Raises:
            ReportError: the report cannot be read; the database is as it was.
            DatabaseError: the database cannot be written.
        """
        decoded = decode(Path(path), via=via, progress=progress or no_progress)
        try:
            return self.store(
                decoded, name=name, tags=tags, replace=replace, keep_environment=keep_environment
            )
        finally:
            decoded.close()

    def store(
        self,
        decoded: Decoded,
        *,
        name: str | None = None,
        tags: Mapping[str, str] | None = None,
        replace: bool = False,
        keep_environment: bool = False,
    ) -> Ingested:
        """Store a report that is decoded already; see `ingest`."""
        began = time.perf_counter()
        with self._writing(decoded.path.name) as connection:
            known = connection.execute(
                "SELECT trace_id, name, tags FROM traces WHERE sha256 = $sha", {"sha": decoded.source.sha256}
            ).fetchone()
            if known and not replace:
                return Ingested(name=known[1], status="unchanged")
            transaction = connection.cursor()
            transaction.execute("BEGIN")
            try:
                beside = decoded.sidecar
                labels = {**(beside.tags if beside else {}), **(tags or {})}
                if known:
                    ingest.delete(transaction, known[0])
                    name, labels = name or known[1], labels if tags else {**known[2], **labels}
                label = ingest.free_name(transaction, name, decoded.source.file_name)
                stored = ingest.store(transaction, decoded, label, labels, keep_environment)
                noted = runs.store_runs(transaction, *beside.runs_of(label)) if beside else []
                transaction.execute("COMMIT")
            finally:
                # Closing without COMMIT rolls back, and takes the temporary tables along.
                transaction.close()
        return Ingested(
            name=label,
            status="replaced" if known else "added",
            rows=stored.rows,
            missing=stored.missing,
            warnings=(*stored.warnings, *noted),
            seconds=time.perf_counter() - began,
        )

    def import_runs(self, file: RunFile, *, sweep: str | None = None, replace: bool = False) -> ImportedRuns:
        """Store runs that were measured outside the profilers, in one transaction.

        Args:
            file: what `runs.read` made of a table of runs.
            sweep: label of the runs; by default the file's name without suffix.
            replace: put the file in place of what the database holds under that label.

        Raises:
            RunFileError: the label is taken by another file.
            DatabaseError: the database cannot be written; it is as it was.
        """
        with self._writing(file.file_name) as connection:
            known = connection.execute(
                "SELECT sweep FROM runs WHERE sha256 = $sha LIMIT 1", {"sha": file.sha256}
            ).fetchone()
            if known and not replace:
                return ImportedRuns(known[0], "unchanged")
            label = sweep or (known[0] if known else file.label)
            taken = connection.execute("SELECT sha256 FROM runs WHERE sweep = $l LIMIT 1", {"l": label})
            other = taken.fetchone()
            if other and not replace:
                raise RunFileError(
                    f"a sweep is called {label!r} already",
                    "Choose another --name, or --replace that one.",
                )
            transaction = connection.cursor()
            transaction.execute("BEGIN")
            try:
                for old in {label, known[0] if known else label}:
                    runs.delete_runs(transaction, old)
                # Figures of GPUs come with traceql: as new as the newest import.
                runs.fill_gpu_specs(transaction)
                warned = runs.store_runs(transaction, file, label)
                transaction.execute("COMMIT")
            finally:
                transaction.close()
        return ImportedRuns(
            sweep=label,
            status="replaced" if known or other else "added",
            runs=len(file.runs),
            metrics=tuple(sorted({metric.name for run in file.runs for metric in run.metrics})),
            tags=tuple(sorted({tag for run in file.runs for tag in run.tags})),
            warnings=(*file.warnings, *warned),
        )

    def drop_runs(self, sweep: str) -> None:
        """Remove the runs of one imported file.

        Raises:
            QueryError: there are none of that label.
        """
        with self._writing(f"the removal of {sweep}", new=False) as connection:
            if not connection.execute("SELECT 1 FROM runs WHERE sweep = $s LIMIT 1", {"s": sweep}).fetchone():
                raise QueryError(f"no sweep is called {sweep!r}", "See which there are: traceql query runs")
            connection.execute("BEGIN")
            runs.delete_runs(connection, sweep)
            connection.execute("COMMIT")

    def drop(self, *traces: str) -> None:
        """Remove traces: all of them, or none.

        Raises:
            QueryError: one of them does not exist.
        """
        with self._writing(f"the removal of {', '.join(traces)}", new=False) as connection:
            trace_ids = [self._trace_id(connection, trace) for trace in traces]
            connection.execute("BEGIN")
            for trace_id in trace_ids:
                ingest.delete(connection, trace_id)
            connection.execute("COMMIT")

    # --- connections ------------------------------------------------------------------------------------

    def _reading(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            if self.path == MEMORY:
                connection = self._connect(self.path, read_only=False)
                create.create(connection)
            else:
                if not Path(self.path).exists():
                    raise DatabaseError(
                        f"{self.path}: no such database",
                        "Make one with: traceql ingest REPORT, or name another with --db",
                    )
                connection = self._connect(self.path, read_only=True)
                with _closed_on_error(connection):
                    create.check_schema(connection, self.path)
            # SQL that a user typed or was given can change none of this.
            connection.execute("SET lock_configuration = true")
            self._connection = connection
        return self._connection

    @contextlib.contextmanager
    def _writing(self, what: str, *, new: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to change the database; `what` is to be stored, for the message if that fails."""
        if self.path == MEMORY:
            # A cursor of its own: results that it leaves unread are not in the way of the next question.
            with contextlib.closing(self._reading().cursor()) as connection:
                yield connection
            return
        # DuckDB opens a file either read-only or for writing, not both in one process.
        self._disconnect()
        fresh = not Path(self.path).exists()
        try:
            if fresh:
                if not new:
                    raise DatabaseError(
                        f"{self.path}: no such database", "Make one with: traceql ingest REPORT"
                    )
                self._make()
            with contextlib.closing(self._connect(self.path, read_only=False)) as connection:
                create.check_schema(connection, self.path)
                try:
                    yield connection
                finally:
                    # A first ingest that failed leaves nothing behind. Removed while it is locked, for
                    # another process may be waiting to store something.
                    filled = "SELECT 1 FROM traces UNION ALL SELECT 1 FROM runs LIMIT 1"
                    if fresh and connection.execute(filled).fetchone() is None:
                        _remove(self.path)
        except duckdb.Error as error:
            raise failures.storage_error(error, what, self.path) from error
        except RuntimeError as error:
            raise failures.interrupt(error) from error
        finally:
            self._disconnect()

    def prepare(self) -> None:
        """Make an empty database beside the path, if there is none, for the first `store` to put in place.

        Saves time when called while reports are being decoded. `close` or the end of the context removes
        what was not needed.

        Raises:
            DatabaseError: the database cannot be written.
        """
        if self.path == MEMORY or self._prepared is not None or Path(self.path).exists():
            return
        self._prepared = f"{self.path}.{uuid.uuid4().hex}.new"
        try:
            with contextlib.closing(self._connect(self._prepared, read_only=False)) as connection:
                create.create(connection)
        except duckdb.Error as error:
            self._discard_prepared()
            raise failures.storage_error(error, "an empty database", self.path) from error

    def _make(self) -> None:
        """Put an empty database in place: killed at any moment, there is a whole one or none."""
        self.prepare()
        assert self._prepared is not None
        try:
            # Unlike a plain rename, never in place of a database that another process made meanwhile.
            with contextlib.suppress(FileExistsError):
                Path(self.path).hardlink_to(self._prepared)
        except OSError:
            # A file system without hard links.
            Path(self._prepared).rename(self.path)
        finally:
            self._discard_prepared()

    def _discard_prepared(self) -> None:
        if self._prepared is not None:
            _remove(self._prepared)
            self._prepared = None

    def _connect(self, path: str, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        if path != MEMORY:
            # Absolute, so that no name is taken for the address of something else (sqlite:x, md:x).
            path = str(Path(path).absolute())
            failures.check_magic(path, self.path)
        if self._remove_spill is None or not self._remove_spill.alive:
            # A private folder for spilling: DuckDB lets SQL read and write the one it uses.
            spill = tempfile.mkdtemp(prefix="traceql-")
            self._remove_spill = weakref.finalize(self, shutil.rmtree, spill, ignore_errors=True)
            self._spill = spill
        config: dict[str, str | bool | int | float | list[str]] = {
            "temp_directory": self._spill,
            "autoinstall_known_extensions": "false",
        }
        try:
            connection = duckdb.connect(path, read_only=read_only, config=config)
        except (duckdb.Error, RuntimeError) as error:
            raise failures.connection_error(error, self.path) from error
        connection.execute("SET python_enable_replacements = false")
        if not self._allow_files:
            connection.execute("SET enable_external_access = false")
        return connection

    @staticmethod
    def _trace_id(connection: duckdb.DuckDBPyConnection, trace: str) -> int:
        found = connection.execute(
            "SELECT trace_id FROM traces WHERE name = $name", {"name": trace}
        ).fetchall()
        if not found:
            raise gaps.no_trace(trace)
        return int(found[0][0])


def _presentable(table: pa.Table) -> pa.Table:
    """The table in types and with names that polars, CSV and JSON can carry.

    HUGEINT arrives as a decimal: back to 64-bit integers where all values fit. An interval becomes text. Of
    columns with one name (SELECT * over a join) the second is called name_1, the third name_2 …
    """
    import pyarrow as pa

    for index, column in enumerate(table.schema):
        if pa.types.is_decimal(column.type) and column.type.scale == 0:
            with contextlib.suppress(pa.ArrowInvalid):
                table = table.set_column(index, column.name, table.column(index).cast(pa.int64()))
        elif pa.types.is_interval(column.type):
            texts = [None if value is None else str(value) for value in table.column(index).to_pylist()]
            table = table.set_column(index, column.name, pa.array(texts, pa.string()))
    names: list[str] = []
    for name in table.column_names:
        numbered = (f"{name}_{n}" for n in range(1, table.num_columns + 1))
        taken = {*names, *table.column_names}
        names.append(name if name not in names else next(n for n in numbered if n not in taken))
    return table.rename_columns(names)


@contextlib.contextmanager
def _closed_on_error(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _remove(database: str) -> None:
    for file in (database, f"{database}.wal"):
        # Windows removes no open file: an empty database is then left, which is as good as none.
        with contextlib.suppress(PermissionError):
            Path(file).unlink(missing_ok=True)
