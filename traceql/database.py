"""The database: one DuckDB file with the tables of `schema` and the views of the catalogue.

The only module that knows DuckDB. Questions go through a read-only connection that can reach no other
file; a report comes in as one transaction.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import tempfile
import time
import uuid
import warnings
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import duckdb

from traceql import __version__, catalog, hardware, normalise, readers, schema
from traceql.errors import (
    DatabaseError,
    MissingDataError,
    MissingDataWarning,
    QueryError,
    ReportError,
    RunFileError,
    SchemaVersionError,
    UnknownGpuError,
)
from traceql.ingest import Decoded, decode
from traceql.readers.base import no_progress
from traceql.readers.source import without_suffix

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterator, Mapping

    import polars as pl
    import pyarrow as pa

    from traceql.charts.registry import Drawing
    from traceql.ingest import Via
    from traceql.readers.base import Progress, RawReport
    from traceql.runs import RunFile

MEMORY = ":memory:"
DEFAULT_PATH = "traces.duckdb"


@dataclass(frozen=True)
class Ingested:
    """What became of one report.

    Attributes:
        name: of the trace.
        status: added; replaced, after ``replace``; unchanged, when the database held the report already.
        rows: canonical table → rows of the trace.
        missing: canonical tables for which the report holds no data, with the option that records it.
        warnings: as in ``traces.warnings``.
        seconds: spent on storing.
    """

    name: str
    status: Literal["added", "replaced", "unchanged"]
    rows: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class ImportedRuns:
    """What became of a file of runs.

    Attributes:
        sweep: label of the file's runs.
        status: added; replaced, after ``replace``; unchanged, when the database held the file already.
        runs: how many there are.
        metrics: names of what was measured.
        tags: names of what was varied or noted.
        warnings: what was taken for granted or left out.
    """

    sweep: str
    status: Literal["added", "replaced", "unchanged"]
    runs: int = 0
    metrics: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


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
            if not self._allow_files and _writes_files(statement):
                raise _no_files("Permission Error: COPY and EXPORT write files")
            answer = connection.sql(statement, params=dict(params) if params else None)
            return _presentable(answer.to_arrow_table()) if answer is not None else pa.table({})
        except duckdb.Error as error:
            # A transaction that the SQL began ends with its error, or no later question would be answered.
            with contextlib.suppress(duckdb.Error):
                connection.execute("ROLLBACK")
            raise _query_error(error) from error
        except RuntimeError as error:
            raise _interrupt(error) from error

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
        for note in self._gaps(query, bound):
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
            name: of a query that has a chart, or one of `traceql.charts.ALIASES`.
            params: of the query.

        Raises:
            UnknownQueryError: there is no such chart.
            QueryError: a parameter is wrong, there is nothing to draw, or too much for one picture.
            MissingDataError: no trace holds what the query reads.
        """
        # Altair is loaded with the first chart only.
        from traceql import charts

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
        return _rows(self._reading(), self._trace_id(self._reading(), trace))

    def missing(self, trace: str) -> dict[str, str]:
        """Tables for which the trace holds no data → the option that would have recorded it."""
        found = self.arrow("SELECT kind, missing FROM traces WHERE name = $name", {"name": trace}).to_pylist()
        return _hints(found[0]["kind"], found[0]["missing"]) if found else {}

    def unanswerable(self) -> dict[str, str]:
        """Questions that no trace here answers, or not wholly → what is missing, and how to record it."""
        found = {}
        ncu = self.arrow("SELECT trace_id, name FROM traces WHERE kind = 'ncu' ORDER BY name").to_pylist()
        everywhere = tuple(trace["name"] for trace in ncu)
        for query in catalog.queries().values():
            try:
                self._gaps(query, {})
            except MissingDataError as error:
                found[query.name] = f"{error.message}. {error.remedy}"
                continue
            options = self._unmeasured(query, ncu).get(everywhere)
            if options:
                found[query.name] = f"some of its metrics are in no trace. Recorded by: {'; '.join(options)}"
        return found

    def _gaps(self, query: catalog.Query, bound: Mapping[str, catalog.Value]) -> list[str]:
        """Notes on what some trace lacks for a query; raises when all of them do."""
        given = [bound[p] for p in catalog.TRACE_PARAMS if bound.get(p) is not None]
        chosen = [str(name) for names in given for name in (names if isinstance(names, list) else [names])]
        traces = self.arrow("SELECT trace_id, name, kind, missing FROM traces ORDER BY name").to_pylist()
        for name in chosen:
            if all(t["name"] != name for t in traces):
                raise _no_trace(name)
        needs = catalog.needs(query)
        imported = [need for need in needs if not any(schema.BY_NAME[table].of_trace for table in need)]
        for need in imported:
            if not any(self.arrow(f"FROM {table} LIMIT 1").num_rows for table in need):
                raise MissingDataError(
                    f"the database holds no {' or '.join(need)}, which {query.name} reads",
                    "Add some: traceql import-runs FILE",
                )
        needs = [need for need in needs if need not in imported]
        if imported and not needs:
            return []
        if not traces:
            raise MissingDataError("the database holds no traces", "Add some: traceql ingest REPORT")
        in_scope = [t for t in traces if not chosen or t["name"] in chosen]
        notes = []
        for need in needs:
            options = {
                kind: schema.BY_NAME[table].collected_by[kind]
                for table in reversed(need)
                for kind in schema.BY_NAME[table].collected_by
            }
            able = [t for t in in_scope if t["kind"] in options]
            lacking = [t["name"] for t in able if _lacks(t, need)]
            if len(lacking) == len(able):
                where = f"trace {chosen[0]!r}" if len(chosen) == 1 else "the database"
                raise MissingDataError(
                    f"{where} holds no {' or '.join(need)}, which {query.name} reads",
                    "Recorded by: " + "; ".join(options.values()),
                )
            if lacking:
                notes.append(
                    f"No {' or '.join(need)} in {', '.join(lacking)}: recorded by "
                    f"{'; '.join(options.values())}."
                )
        if any("kernels" in need for need in needs):
            notes += self._hidden_kernels([t["trace_id"] for t in in_scope])
        return notes + self._metric_gaps(query, [t for t in in_scope if t["kind"] == "ncu"])

    def _hidden_kernels(self, trace_ids: builtins.list[int]) -> list[str]:
        """Notes on traces with CUDA graphs recorded as a whole: no count of kernels is complete there."""
        found = self.arrow(
            f"""
            SELECT name, kind, count(*) AS graphs
            FROM (
                SELECT trace_id FROM graph_launches
                UNION ALL
                SELECT trace_id FROM kernels WHERE workload = 'graph'
            )
            JOIN traces USING (trace_id)
            WHERE trace_id IN ({", ".join(str(trace_id) for trace_id in trace_ids)})
            GROUP BY ALL ORDER BY name
            """
        ).to_pylist()
        options = {"nsys": "nsys profile --cuda-graph-trace=node", "ncu": "ncu --graph-profiling node"}
        return [
            f"{row['graphs']:,} CUDA graph launches in {row['name']} hold kernels that are not recorded: "
            f"record with {options[row['kind']]}."
            for row in found
        ]

    def _metric_gaps(self, query: catalog.Query, in_scope: list[dict[str, Any]]) -> list[str]:
        return [
            f"Not measured in {', '.join(names)}: recorded by {how}."
            for names, options in self._unmeasured(query, in_scope).items()
            for how in options
        ]

    def _unmeasured(
        self, query: catalog.Query, in_scope: list[dict[str, Any]]
    ) -> dict[tuple[str, ...], list[str]]:
        """Names of traces → the ncu commands that record what the query reads and they lack."""
        wanted = catalog.metrics(query)
        if not wanted:
            return {}
        names = ", ".join(schema.literal(name) for names in wanted for name in names)
        measured = self.arrow(f"SELECT DISTINCT trace_id, metric FROM metrics WHERE metric IN ({names})")
        held = {(row["trace_id"], row["metric"]) for row in measured.to_pylist()}
        lacking: dict[tuple[str, ...], dict[str, list[str]]] = {}
        for metrics, ncu in wanted.items():
            traces = tuple(
                t["name"] for t in in_scope if not any((t["trace_id"], metric) in held for metric in metrics)
            )
            if traces:
                lacking.setdefault(traces, {}).setdefault(ncu, []).append(metrics[0])
        return {
            traces: [
                f"ncu {ncu} ({', '.join(metrics)})" if ncu else f"ncu --metrics {','.join(metrics)}"
                for ncu, metrics in options.items()
            ]
            for traces, options in lacking.items()
        }

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
                    _delete(transaction, known[0])
                    name, labels = name or known[1], labels if tags else {**known[2], **labels}
                label = _free_name(transaction, name, decoded.source.file_name)
                stored = _store(transaction, decoded, label, labels, keep_environment)
                noted = _store_runs(transaction, *beside.runs_of(label)) if beside else []
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
                    _delete_runs(transaction, old)
                # Figures of GPUs come with traceql: as new as the newest import.
                _fill_gpu_specs(transaction)
                warned = _store_runs(transaction, file, label)
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
        with self._writing(f"the removal of {sweep}", create=False) as connection:
            if not connection.execute("SELECT 1 FROM runs WHERE sweep = $s LIMIT 1", {"s": sweep}).fetchone():
                raise QueryError(f"no sweep is called {sweep!r}", "See which there are: traceql query runs")
            connection.execute("BEGIN")
            _delete_runs(connection, sweep)
            connection.execute("COMMIT")

    def drop(self, *traces: str) -> None:
        """Remove traces: all of them, or none.

        Raises:
            QueryError: one of them does not exist.
        """
        with self._writing(f"the removal of {', '.join(traces)}", create=False) as connection:
            trace_ids = [self._trace_id(connection, trace) for trace in traces]
            connection.execute("BEGIN")
            for trace_id in trace_ids:
                _delete(connection, trace_id)
            connection.execute("COMMIT")

    # --- connections ------------------------------------------------------------------------------------

    def _reading(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            if self.path == MEMORY:
                connection = self._connect(self.path, read_only=False)
                _create(connection)
            else:
                if not Path(self.path).exists():
                    raise DatabaseError(
                        f"{self.path}: no such database",
                        "Make one with: traceql ingest REPORT, or name another with --db",
                    )
                connection = self._connect(self.path, read_only=True)
                with _closed_on_error(connection):
                    _check_schema(connection, self.path)
            # SQL that a user typed or was given can change none of this.
            connection.execute("SET lock_configuration = true")
            self._connection = connection
        return self._connection

    @contextlib.contextmanager
    def _writing(self, what: str, *, create: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
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
                if not create:
                    raise DatabaseError(
                        f"{self.path}: no such database", "Make one with: traceql ingest REPORT"
                    )
                self._make()
            with contextlib.closing(self._connect(self.path, read_only=False)) as connection:
                _check_schema(connection, self.path)
                try:
                    yield connection
                finally:
                    # A first ingest that failed leaves nothing behind. Removed while it is locked, for
                    # another process may be waiting to store something.
                    filled = "SELECT 1 FROM traces UNION ALL SELECT 1 FROM runs LIMIT 1"
                    if fresh and connection.execute(filled).fetchone() is None:
                        _remove(self.path)
        except duckdb.Error as error:
            raise _storage_error(error, what, self.path) from error
        except RuntimeError as error:
            raise _interrupt(error) from error
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
                _create(connection)
        except duckdb.Error as error:
            self._discard_prepared()
            raise _storage_error(error, "an empty database", self.path) from error

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
            _check_magic(path, self.path)
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
            raise _connection_error(error, self.path) from error
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
            raise _no_trace(trace)
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


# --- schema ---------------------------------------------------------------------------------------------


def _create(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE traceql_meta (schema_version INTEGER, traceql_version VARCHAR)")
    connection.execute("COMMENT ON TABLE traceql_meta IS 'which traceql made this database'")
    connection.execute("INSERT INTO traceql_meta VALUES (?, ?)", [schema.SCHEMA_VERSION, __version__])
    for statement in schema.create_statements():
        connection.execute(statement)
    _fill_gpu_specs(connection)
    for view in catalog.views():
        connection.execute(f"CREATE VIEW {view.name} AS {view.sql}")
        connection.execute(f"COMMENT ON VIEW {view.name} IS {schema.literal(view.title)}")
        for column in view.columns:
            connection.execute(
                f"COMMENT ON COLUMN {view.name}.{column.name} IS {schema.literal(column.meaning)}"
            )
    connection.execute("COMMIT")


def _check_schema(connection: duckdb.DuckDBPyConnection, path: str) -> None:
    try:
        row = connection.execute("SELECT schema_version, traceql_version FROM traceql_meta").fetchone()
    except duckdb.CatalogException:
        row = None
    except duckdb.Error as error:
        raise _damaged(error, path) from error
    if row is None:
        raise DatabaseError(
            f"{path}: a DuckDB database, but not one of traceql",
            "Choose another file with --db or TRACEQL_DB.",
        )
    version, writer = row
    if version != schema.SCHEMA_VERSION:
        newer = version > schema.SCHEMA_VERSION
        raise SchemaVersionError(
            f"{path}: schema version {version}, written by traceql {writer}; "
            f"this is {schema.SCHEMA_VERSION} (traceql {__version__})",
            "Update traceql: pip install --upgrade traceql"
            if newer
            else "Ingest the reports again into a new database: traceql ingest --db NEW REPORT…",
        )


# --- storing --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Stored:
    rows: dict[str, int]
    missing: dict[str, str]
    warnings: tuple[str, ...]


def _store(
    connection: duckdb.DuckDBPyConnection,
    decoded: Decoded,
    label: str,
    tags: dict[str, str],
    keep_environment: bool,
) -> _Stored:
    report = decoded.report
    row = connection.execute("SELECT coalesce(max(trace_id), 0) + 1 FROM traces").fetchone()
    assert row is not None
    trace_id = int(row[0])
    connection.execute(
        """
        INSERT INTO traces (trace_id, name, kind, format, file_name, sha256, tool_version, settings, tags,
                            complete, counts_agree, warnings, missing)
        VALUES ($trace_id, $name, $kind, $format, $file_name, $sha256, $tool_version, $settings,
                map($keys, $values), $complete, $counts_agree, $warnings, [])
        """,
        {
            "trace_id": trace_id,
            "name": label,
            "kind": report.kind,
            "format": decoded.reader.format,
            "file_name": decoded.source.file_name,
            "sha256": decoded.source.sha256,
            "tool_version": report.tool_version,
            "settings": json.dumps(dict(report.settings), ensure_ascii=False) if report.settings else None,
            "keys": list(tags),
            "values": [str(value) for value in tags.values()],
            "complete": report.complete,
            "counts_agree": report.counts_agree,
            "warnings": list(report.warnings),
        },
    )
    connection.execute(f"SET VARIABLE trace_id = {trace_id}::BIGINT")
    for step in normalise.steps(report.kind):
        _run(connection, step, report, decoded.path)
    if keep_environment and report.environment:
        connection.executemany(
            "INSERT INTO environment VALUES (?, ?, ?)", [(trace_id, *pair) for pair in report.environment]
        )
    rows = _rows(connection, trace_id)
    missing = _missing(report, rows)
    stored = connection.execute(
        "UPDATE traces SET missing = $missing WHERE trace_id = $trace_id RETURNING warnings",
        {"missing": missing, "trace_id": trace_id},
    ).fetchone()
    assert stored is not None
    return _Stored(rows, _hints(report.kind, missing), tuple(stored[0]))


def _run(connection: duckdb.DuckDBPyConnection, step: normalise.Step, report: RawReport, path: Path) -> None:
    arrow_names = []
    for number, view in enumerate(step.views):
        arrow_name = f"arrow_{number}"
        table = _raw_table(report, view)
        if table is not None:
            connection.register(arrow_name, table)
            arrow_names.append(arrow_name)
        connection.execute(f'CREATE TEMP VIEW "{view.name}" AS {_view_sql(view, table, arrow_name)}')
    try:
        for statement in duckdb.extract_statements(step.sql):
            connection.execute(statement)
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
        raise ReportError(
            f"{path.name}: its content does not make sense ({_first_line(error)}; {step.label})",
            "The file is probably damaged: copy it again, or export it again.",
        ) from error
    for view in step.views:
        connection.execute(f'DROP VIEW "{view.name}"')
    for arrow_name in arrow_names:
        connection.unregister(arrow_name)


def _raw_table(report: RawReport, view: normalise.RawView) -> pa.Table | None:
    table = next((report.tables[name] for name in view.tables if name in report.tables), None)
    if table is None:
        return None
    known = set(table.column_names)
    present = [name for column in view.columns for name in column.names if name in known]
    return _signed(table.select(present)) if present else None


def _signed(table: pa.Table) -> pa.Table:
    """Unsigned 64-bit columns as the same bits signed, which is how SQLite exports hold them."""
    import pyarrow as pa

    for index, column in enumerate(table.schema):
        if column.type == pa.uint64():
            chunks = [chunk.view(pa.int64()) for chunk in table.column(index).chunks]
            table = table.set_column(index, column.name, pa.chunked_array(chunks, pa.int64()))
    return table


def _view_sql(view: normalise.RawView, table: pa.Table | None, arrow_name: str) -> str:
    columns = []
    for column in view.columns:
        present = [f'"{name}"' for name in column.names if table is not None and name in table.column_names]
        value = f"coalesce({', '.join(present)})" if len(present) > 1 else (present[0] if present else "NULL")
        columns.append(f'CAST({value} AS {column.type}) AS "{column.names[0]}"')
    source = f"FROM {arrow_name}" if table is not None else "WHERE false"
    return f"SELECT {', '.join(columns)} {source}"


def _free_name(connection: duckdb.DuckDBPyConnection, wanted: str | None, file_name: str) -> str:
    taken = {row[0] for row in connection.execute("SELECT name FROM traces").fetchall()}
    if wanted is not None:
        if wanted in taken:
            raise DatabaseError(
                f"a trace is called {wanted!r} already", "Choose another --name, or drop that one first."
            )
        return wanted
    suffixes = tuple(suffix for reader in readers.READERS for suffix in reader.suffixes)
    # run.ncu-rep → run; beside an earlier run.nsys-rep → run.ncu-rep; then run.ncu-rep-2 …
    numbered = (f"{file_name}-{n}" for n in range(2, len(taken) + 3))
    candidates = [without_suffix(file_name, suffixes), file_name, *numbered]
    return next(name for name in candidates if name not in taken)


def _delete(connection: duckdb.DuckDBPyConnection, trace_id: int) -> None:
    # What came with the trace, from its sidecar, goes with it; tables of runs that mention it stay.
    own = """
        SELECT run_id FROM runs JOIN traces ON traces.name = runs.tags['trace']
        WHERE trace_id = $id AND runs.format = 'sidecar'
    """
    for name in ("run_metrics", "runs"):
        connection.execute(f"DELETE FROM {name} WHERE run_id IN ({own})", {"id": trace_id})
    for table in reversed(schema.TABLES):
        if table.of_trace:
            connection.execute(f"DELETE FROM {table.name} WHERE trace_id = ?", [trace_id])


def _rows(connection: duckdb.DuckDBPyConnection, trace_id: int) -> dict[str, int]:
    counts = " UNION ALL ".join(
        f"SELECT {schema.literal(table.name)}, count(*) FROM {table.name} WHERE trace_id = $trace_id"
        for table in schema.TABLES
        if table.of_trace and table.name != "traces"
    )
    return dict(connection.execute(counts, {"trace_id": trace_id}).fetchall())


def _missing(report: RawReport, rows: dict[str, int]) -> list[str]:
    """Tables that are empty because nothing of their group was recorded."""
    recorded = {table.group for table in schema.TABLES if table.group and rows.get(table.name)}
    names = {"cuda": "cuda", "nvtxevents": "nvtx", "osruntime": "osrt"}
    recorded |= {names[word] for word in report.settings.get("trace", "").split(",") if word in names}
    if report.settings.get("nvtx") == "true":
        recorded.add("nvtx")
    return [
        table.name
        for table in schema.TABLES
        if report.kind in table.collected_by and not rows[table.name] and table.group not in recorded
    ]


def _hints(kind: str, missing: builtins.list[str]) -> dict[str, str]:
    return {name: schema.BY_NAME[name].collected_by[kind] for name in missing}


# --- runs -----------------------------------------------------------------------------------------------


def _store_runs(connection: duckdb.DuckDBPyConnection, file: RunFile, label: str) -> list[str]:
    row = connection.execute("SELECT coalesce(max(run_id), 0) FROM runs").fetchone()
    assert row is not None
    warned: dict[str, None] = {}
    runs: list[tuple[object, ...]] = []
    metrics: list[tuple[object, ...]] = []
    for position, run in enumerate(file.runs, start=1):
        run_id = int(row[0]) + position
        gpu, note = _gpu_spec(run.tags.get("gpu"))
        if note:
            warned[note] = None
        facts = (label, position, file.format, file.file_name, file.sha256, gpu)
        runs.append((run_id, *facts, list(run.tags), list(run.tags.values())))
        metrics.extend((run_id, m.name, m.unit, m.sample, m.value) for m in run.metrics)
    if runs:
        connection.executemany("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, map(?, ?))", runs)
    if metrics:
        connection.executemany("INSERT INTO run_metrics VALUES (?, ?, ?, ?, ?)", metrics)
    return list(warned)


def _gpu_spec(name: str | None) -> tuple[str | None, str]:
    """The GPU that a tag means, and what was taken for granted about it."""
    if name is None:
        return None, ""
    try:
        return hardware.find(name).name, hardware.assumption(name)
    except UnknownGpuError as error:
        return None, f"{error.message}: no floors and no ridge points for its runs"


def _delete_runs(connection: duckdb.DuckDBPyConnection, sweep: str) -> None:
    connection.execute(
        "DELETE FROM run_metrics WHERE run_id IN (SELECT run_id FROM runs WHERE sweep = ?)", [sweep]
    )
    connection.execute("DELETE FROM runs WHERE sweep = ?", [sweep])


def _fill_gpu_specs(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("DELETE FROM gpu_specs")
    values: list[object] = []
    for gpu in hardware.gpus():
        values += [
            gpu.name,
            sorted({hardware.key(name) for name in (*gpu.names, *gpu.short_names)}),
            gpu.sm_count,
            gpu.sm_clock_hz,
            int(gpu.memory_bytes),
            gpu.memory_bandwidth_bytes_per_s,
            gpu.l2_bytes,
            gpu.l2_bandwidth_bytes_per_s,
            gpu.bandwidths_bytes_per_s["l1"],
            gpu.nvlink_bytes_per_s,
            gpu.pcie_bytes_per_s,
            list(gpu.peak_flop_per_s),
            list(gpu.peak_flop_per_s.values()),
            list(gpu.sources),
            list(gpu.sources.values()),
        ]
    # One statement for all: every new database runs it.
    row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, map(?, ?), map(?, ?))"
    rows = ", ".join(row for _ in hardware.gpus())
    connection.execute(f"INSERT INTO gpu_specs VALUES {rows}", values)


# --- errors ---------------------------------------------------------------------------------------------


def _lacks(trace: Mapping[str, Any], need: tuple[str, ...]) -> bool:
    """Whether a trace has none of the tables of a need that its kind of report can have."""
    possible = [table for table in need if trace["kind"] in schema.BY_NAME[table].collected_by]
    return all(table in trace["missing"] for table in possible)


def _no_trace(name: str) -> QueryError:
    return QueryError(f"no trace is called {name!r}", "See which there are: traceql ls")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _query_error(error: duckdb.Error) -> QueryError:
    text = str(error).strip()
    if isinstance(error, duckdb.PermissionException):
        return _no_files(text)
    if "read-only mode" in text:
        return QueryError(text, "Questions cannot change the database; use traceql ingest and traceql drop.")
    return QueryError(text, "The tables and their columns: traceql schema")


def _no_files(text: str) -> QueryError:
    return QueryError(text, "SQL may touch no other files; --allow-files (allow_files=True) permits it.")


def _writes_files(statement: str) -> bool:
    """Whether a statement may write files. DuckDB alone would let COPY overwrite the database it has open.

    Only COPY and EXPORT do. PREPARE, EXPLAIN ANALYZE and PIVOT can hide one: any word of that name in
    what is not a plain SELECT counts.
    """
    if re.search(r"\b(?:copy|export)\b", statement, re.IGNORECASE) is None:
        return False
    return any(s.type != duckdb.StatementType.SELECT for s in duckdb.extract_statements(statement))


def _storage_error(error: duckdb.Error, what: str, database: str) -> DatabaseError:
    text = _first_line(error)
    if "No space left" in str(error) or isinstance(error, duckdb.OutOfMemoryException):
        return DatabaseError(
            f"{database}: no room to store {what} ({text})",
            "Free some disk space or choose another place with --db; the database is as it was.",
        )
    return DatabaseError(f"{database}: {what} could not be stored ({text})", "The database is as it was.")


def _check_magic(path: str, given: str) -> None:
    """Refuse a file of another kind before DuckDB tries what it could be (it knows SQLite, too)."""
    with contextlib.suppress(OSError), Path(path).open("rb") as file:
        if not readers.is_duckdb(file.read(readers.HEAD_BYTES)):
            raise DatabaseError(
                f"{given}: not a DuckDB database", "Choose another file with --db or TRACEQL_DB."
            )


def _interrupt(error: RuntimeError) -> BaseException:
    """DuckDB turns Ctrl-C during a statement into a RuntimeError."""
    return KeyboardInterrupt() if str(error) == "Query interrupted" else error


def _damaged(error: Exception, path: str) -> DatabaseError:
    return DatabaseError(
        f"{path}: the database is damaged ({_first_line(error)})",
        "Remove it and ingest the reports again, or choose another file with --db.",
    )


def _connection_error(error: Exception, path: str) -> DatabaseError:
    text = str(error)
    # "Conflicting lock is held in …" on Linux and macOS; Windows words it differently.
    if "Conflicting lock is held" in text or "used by another process" in text:
        return DatabaseError(
            f"{path}: in use by another process", "Wait for it, or close the program that has the file open."
        )
    if re.search("Could not read enough bytes|[Cc]hecksum|[Cc]orrupt|INTERNAL Error|WAL", text):
        return _damaged(error, path)
    return DatabaseError(
        f"{path}: cannot be opened ({_first_line(error)})", "Check the path and who may use it."
    )
