"""A decoded report becomes rows: the normalising steps, one after the other, in one transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from traceql.errors import DatabaseError, ReportError
from traceql.read import formats
from traceql.read.source import without_suffix
from traceql.store import failures
from traceql.tables import normalise, schema

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from traceql.read.base import RawReport
    from traceql.store.decode import Decoded


@dataclass(frozen=True)
class _Stored:
    rows: dict[str, int]
    missing: dict[str, str]
    warnings: tuple[str, ...]


def store(
    connection: duckdb.DuckDBPyConnection,
    decoded: Decoded,
    label: str,
    tags: dict[str, str],
    keep_environment: bool,
) -> _Stored:
    """Insert the trace and run the steps of its kind; the caller's transaction makes it one piece."""
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
    rows = count_rows(connection, trace_id)
    missing = _missing(report, rows)
    stored = connection.execute(
        "UPDATE traces SET missing = $missing WHERE trace_id = $trace_id RETURNING warnings",
        {"missing": missing, "trace_id": trace_id},
    ).fetchone()
    assert stored is not None
    return _Stored(rows, hints(report.kind, missing), tuple(stored[0]))


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
            f"{path.name}: its content does not make sense ({failures.first_line(error)}; {step.label})",
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


def free_name(connection: duckdb.DuckDBPyConnection, wanted: str | None, file_name: str) -> str:
    """A label that no trace has: the wanted one, or one made of the file's name.

    Raises:
        DatabaseError: the wanted one is taken.
    """
    taken = {row[0] for row in connection.execute("SELECT name FROM traces").fetchall()}
    if wanted is not None:
        if wanted in taken:
            raise DatabaseError(
                f"a trace is called {wanted!r} already", "Choose another --name, or drop that one first."
            )
        return wanted
    suffixes = tuple(suffix for reader in formats.READERS for suffix in reader.suffixes)
    # run.ncu-rep → run; beside an earlier run.nsys-rep → run.ncu-rep; then run.ncu-rep-2 …
    numbered = (f"{file_name}-{n}" for n in range(2, len(taken) + 3))
    candidates = [without_suffix(file_name, suffixes), file_name, *numbered]
    return next(name for name in candidates if name not in taken)


def delete(connection: duckdb.DuckDBPyConnection, trace_id: int) -> None:
    """Remove every row of a trace."""
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


def count_rows(connection: duckdb.DuckDBPyConnection, trace_id: int) -> dict[str, int]:
    """Table → rows of the trace, of every table that belongs to traces."""
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


def hints(kind: str, missing: list[str]) -> dict[str, str]:
    """Missing table → the option that records it."""
    return {name: schema.BY_NAME[name].collected_by[kind] for name in missing}
