"""The steps of a decoded report: its raw tables become rows of one trace, on a connection that is given."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from traceql.errors import ReportError
from traceql.read import kinds
from traceql.read.homes import Homes
from traceql.store import failures, pieces
from traceql.store.engine import duckdb
from traceql.store.numbering import IS_NUMBERED, NUMBER_SQL, numbered
from traceql.tables import normalise, schema, values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from traceql.read.base import RawReport, RawTable
    from traceql.store.decode import Decoded

# A statement that changes how many rows a table has, or makes or removes it.
_CHANGE: Final = re.compile(
    r"(?:--.*\n|\s)*(INSERT INTO|DELETE FROM|CREATE TEMP TABLE|DROP TABLE)(?: IF NOT EXISTS)? (\w+)"
)
_SELECT: Final = re.compile(r"(?:--.*\n|\s)*(?:WITH|SELECT)\b")
# Of all steps of both kinds, in some versions of the profilers.
_MOST_PARSED: Final = 500
# SQL → its statements. To parse those of a small report takes a tenth of the time that it takes in all.
_parsed: dict[str, list[duckdb.Statement]] = {}
# In 32 bits, as an unsigned number, what CUPTI says of a line or of a device that it does not know.
_NO_NUMBER: Final = 2**32 - 1
# Pieces of what is stored while it comes, each of half as many rows as the engine compresses together: two
# processors have something to do, and what is compressed together is stored by one statement.
_LEAST_PIECES: Final = 4
_MOST_PIECES: Final = 16


class Inserted(NamedTuple):
    """What became of a report's rows.

    Attributes:
        rows: canonical table → rows of the trace.
        missing: canonical tables without data → the option that would have recorded it.
        warnings: those of the trace.
    """

    rows: dict[str, int]
    missing: dict[str, str]
    warnings: tuple[str, ...]


def insert(
    connection: duckdb.DuckDBPyConnection,
    decoded: Decoded,
    trace_id: int,
    label: str,
    tags: Mapping[str, str],
    keep_environment: bool,
) -> Inserted:
    """Insert a trace, and run the steps of its kind.

    Args:
        connection: a change of a database, with all tables.
        decoded: the report.
        trace_id: number of the trace, with which its ids begin; free.
        label: its name; free.
        tags: its labels.
        keep_environment: see `ingest.add`.

    Raises:
        ReportError: values do not fit, or a lookup has found several rows, or none, where there is one; or
            the trace is none that a database may hold.
    """
    kind = kinds.KINDS[decoded.kind]
    connection.execute(
        """
        INSERT INTO traces (trace_id, trace, profiler, has_timeline, has_counters, format, file_name, sha256,
                            tags, warnings, missing, unread)
        VALUES ($trace_id, $trace, $profiler, $has_timeline, $has_counters, $format, $file_name, $sha256,
                map($keys, $values), [], [], [])
        """,
        {
            "trace_id": trace_id,
            "trace": label,
            "profiler": kind.name,
            "has_timeline": kind.has_timeline,
            "has_counters": kind.has_counters,
            "format": decoded.reader.format,
            "file_name": decoded.source.file_name,
            "sha256": decoded.source.sha256,
            "keys": list(tags),
            "values": list(tags.values()),
        },
    )
    connection.execute(f"SET VARIABLE trace_id = {trace_id}::BIGINT; SET VARIABLE origin_ns = 0::BIGINT")
    homes = None if keep_environment else Homes(decoded.named)
    rows: Counter[str] = Counter()
    *steps, last = normalise.steps(decoded.kind)
    for step in steps:
        if step.when is None or rows[step.when]:
            _run(connection, step, decoded, homes, rows)
    report = decoded.report
    _complete(connection, report, trace_id, homes)
    _run(connection, last, decoded, homes, rows)
    if keep_environment and report.environment:
        connection.executemany(
            "INSERT INTO environment VALUES (?, ?, ?)", [(trace_id, *pair) for pair in report.environment]
        )
        rows["environment"] = len(report.environment)
    counted = {
        table.name: rows[table.name] for table in schema.TABLES if table.of_trace and table.name != "traces"
    }
    lacking = _missing(report, counted, _told(connection, report, trace_id))
    if "kernels" in lacking and counted["nvtx_ranges"]:
        # That no GPU work was recorded is known last of all.
        connection.execute(
            "UPDATE nvtx_ranges SET gpu_operations = NULL, launches = NULL WHERE trace_id = ?", [trace_id]
        )
    stored = connection.execute(
        "UPDATE traces SET missing = $missing WHERE trace_id = $trace_id RETURNING warnings",
        {"missing": lacking, "trace_id": trace_id},
    ).fetchone()
    assert stored is not None
    _refuse_odd(connection, decoded, trace_id)
    return Inserted(counted, hints(report.kind, lacking), tuple(stored[0]))


def _refuse_odd(connection: duckdb.DuckDBPyConnection, decoded: Decoded, trace_id: int) -> None:
    """Refuse what nobody could open a database with; the name of what is made beforehand comes later."""
    (counted,) = connection.execute(
        values.wrong_traces(f"(FROM traces WHERE trace_id = {trace_id})")
    ).fetchall()
    for (name, (wanted, _)), wrong in zip(values.TRACES.items(), counted, strict=True):
        if wrong and name != "trace":
            raise ReportError(
                f"{decoded.path.name}: {name} is not {wanted}", "Is it damaged? Record or export it again."
            )


def _complete(
    connection: duckdb.DuckDBPyConnection, report: RawReport, trace_id: int, homes: Homes | None
) -> None:
    """Put into the trace's row what is known of a report in the end."""
    plain = homes.shortened if homes else str
    settings = {name: plain(value) for name, value in report.settings.items()}
    connection.execute(
        """
        UPDATE traces
        SET tool_version = $tool_version, settings = $settings, complete = $complete,
            counts_agree = $counts_agree, warnings = list_concat($warnings, warnings), unread = $unread
        WHERE trace_id = $trace_id
        """,
        {
            "trace_id": trace_id,
            "tool_version": report.tool_version,
            "settings": json.dumps(settings, ensure_ascii=False) if settings else None,
            "complete": report.complete,
            "counts_agree": report.counts_agree,
            "warnings": [plain(text) for text in report.warnings],
            "unread": list(report.unread),
        },
    )


def _run(
    connection: duckdb.DuckDBPyConnection,
    step: normalise.Step,
    decoded: Decoded,
    homes: Homes | None,
    rows: Counter[str],
) -> None:
    """Run a step, if it has anything to do.

    Args:
        connection: a change of a database.
        step: what is run.
        decoded: the report.
        homes: see `_prepared`.
        rows: of each table that the steps before have filled or made; what this one does is added.

    Raises:
        ReportError: values do not fit, or a lookup has found several rows, or none, where there is one.
    """
    tables = decoded.tables
    raw = {view: _raw_table(tables, view, homes) for view in step.of}
    if step.of and not any(_has_values(raw[view], column) for view, column in step.of.items()):
        return
    # What is taken piece by piece need not be there as a whole.
    cut = next((view for view in step.views if view.pieces), None)
    coming = cut if cut and cut not in raw and not decoded.is_whole else None
    others = (view for view in step.views if view not in raw and view != coming)
    raw |= {view: _raw_table(tables, view, homes) for view in others}
    arrow_names = {view: f"arrow_{number}" for number, view in enumerate(step.views)}
    for view, table in raw.items():
        if table is not None:
            connection.register(arrow_names[view], table)
    if coming:
        parts = _coming(connection, decoded, coming, homes)
    elif cut and cut.pieces and (table := raw[cut]) is not None:
        parts = pieces.pieces(table, cut.pieces, partial(_between, connection, cut.pieces))
    else:
        parts = iter([])
    sources: dict[str, str] = {}
    inserted: Counter[str] = Counter()
    # Rows of pieces.
    there = 0
    try:
        for part, between in itertools.chain([next(parts, (None, None))], parts):
            if cut and part is not None:
                part = _piece(connection, part, cut, arrow_names[cut], there)
                there += part.num_rows
                _say_between(connection, between)
            # Pieces of which all rows count have the report's columns, others those that are read.
            given = {**raw, **({cut: part} if cut else {})}
            sources = {
                view.name: _source_sql(view, table, arrow_names[view]) for view, table in given.items()
            }
            for statement in _statements(connection, step.sql_from(sources)):
                if cut and _SELECT.match(statement.query):
                    if part is not None:
                        part = _with_found(connection, statement, part, cut)
                        connection.register(arrow_names[cut], part)
                    continue
                done = connection.execute(statement)
                if change := _CHANGE.match(statement.query):
                    count = sum(n for (n,) in done.fetchall())
                    if change[1] in ("INSERT INTO", "DELETE FROM"):
                        inserted[change[2]] += count if change[1] == "INSERT INTO" else -count
                    elif change[1] == "DROP TABLE":
                        del rows[change[2]]
                    else:
                        rows[change[2]] += count
        rows_of = {view.name: table.num_rows for view, table in raw.items() if table is not None}
        if cut:
            rows_of[cut.name] = there
        for source in step.sources:
            if source.wholes:
                should = sum(rows_of.get(name, 0) for name in source.wholes)
            else:
                should = connection.execute(source.count_from(sources)).fetchall()[0][0]
            if inserted[source.table] != should:
                raise ReportError(
                    f"{decoded.path.name}: {should:,} rows of {source.text} would become "
                    f"{inserted[source.table]:,} {source.table} ({step.label})",
                    "The report holds something twice that it should hold once: export it again. "
                    "If that does not help, traceql misreads it: please report it.",
                )
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
        said = failures.first_line(error)
        raise ReportError(
            f"{decoded.path.name}: its content does not make sense ({said}; {step.label})",
            "The file is probably damaged: copy it again, or export it again.",
        ) from error
    for arrow_name in arrow_names.values():
        connection.unregister(arrow_name)
    rows.update(inserted)


def _statements(connection: duckdb.DuckDBPyConnection, sql: str) -> list[duckdb.Statement]:
    """The statements of a step; reports of one version of a profiler share them, whoever stores them."""
    if sql not in _parsed:
        if len(_parsed) == _MOST_PARSED:
            _parsed.clear()
        _parsed[sql] = connection.extract_statements(sql)
    return _parsed[sql]


def _has_values(table: pa.Table | None, column: normalise.RawColumn | None) -> bool:
    """Whether a table has rows, with a value in a column if one is named."""
    if table is None or column is None:
        return table is not None and table.num_rows > 0
    names = [name for name in column.names if name in table.column_names]
    return any(table.column(name).null_count < table.num_rows for name in names)


def _coming(
    connection: duckdb.DuckDBPyConnection, decoded: Decoded, view: normalise.RawView, homes: Homes | None
) -> Iterator[pieces.Piece]:
    """The rows of a table as they are decoded."""
    (name,) = view.tables
    parts = decoded.arriving.parts(name, _LEAST_PIECES, _MOST_PIECES)
    prepared = (table for part in parts if (table := _prepared(part, view, homes)) is not None)
    assert view.pieces is not None
    return pieces.as_they_come(prepared, partial(_between, connection, view.pieces))


def _piece(
    connection: duckdb.DuckDBPyConnection,
    rows: pa.Table,
    view: normalise.RawView,
    arrow_name: str,
    before: int,
) -> pa.Table:
    """Some rows of a raw table, under their name: those that count, numbered, with nothing found yet."""
    import pyarrow as pa

    if view.only:
        connection.register(arrow_name, rows)
        source = f"({_source_sql(view, rows, arrow_name)})"
        ((some,),) = connection.execute(f"SELECT count(*) FROM {source} WHERE {view.only}").fetchall()
        if some < rows.num_rows:
            columns = ", ".join(f'"{column.names[0]}"' for column in view.columns)
            rows = connection.sql(f"SELECT {columns} FROM {source} WHERE {view.only}").to_arrow_table()
    for name in view.found:
        rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.int64()))
    if view.numbered:
        rows = numbered(rows, before)
    connection.register(arrow_name, rows)
    return rows


def _with_found(
    connection: duckdb.DuckDBPyConnection,
    statement: duckdb.Statement,
    rows: pa.Table,
    view: normalise.RawView,
) -> pa.Table:
    """Rows of a raw table, with what a statement finds for them."""
    found = connection.sql(statement.query).to_arrow_table()
    for name in view.found:
        rows = rows.set_column(rows.column_names.index(name), name, found.column(name))
    return rows


def _between(connection: duckdb.DuckDBPyConnection, column: str, part: pa.Table) -> pieces.Between:
    """Between which values of a column rows are."""
    connection.register("some_rows", part)
    ((least, greatest),) = connection.execute(
        f'SELECT min("{column}"), max("{column}") FROM some_rows'
    ).fetchall()
    connection.unregister("some_rows")
    # No value is equal to a missing one: nothing is looked at.
    return (least, greatest) if least is not None else (0, -1)


def _say_between(connection: duckdb.DuckDBPyConnection, between: pieces.Between | None) -> None:
    least, greatest = between or ("NULL", "NULL")
    for name, value in {"least": least, "greatest": greatest}.items():
        connection.execute(f"SET VARIABLE {name} = {value}::BIGINT")


def _raw_table(
    tables: Mapping[str, RawTable], view: normalise.RawView, homes: Homes | None
) -> pa.Table | None:
    table = next((tables[name] for name in view.tables if name in tables), None)
    return None if table is None else _prepared(table, view, homes)


def _prepared(table: RawTable, view: normalise.RawView, homes: Homes | None) -> pa.Table | None:
    """The columns that a step reads, if there are any, without homes of users."""
    known = set(table.column_names)
    present = [name for column in view.columns for name in column.names if name in known]
    if not present:
        return None
    chosen = _signed(table.select(present))
    # The step of the profiler's own messages leaves out whole paths.
    if homes and view.name != "raw_DIAGNOSTIC_EVENT":
        chosen = homes.shortened_table(chosen)
    # Of pieces the numbers go on from one to the next.
    return numbered(chosen) if view.numbered and not view.pieces else chosen


def _signed(table: pa.Table) -> pa.Table:
    """Unsigned 64-bit columns as the same bits signed, which is how SQLite exports hold them."""
    import pyarrow as pa

    for index, column in enumerate(table.schema):
        if column.type == pa.uint64():
            chunks = [chunk.view(pa.int64()) for chunk in table.column(index).chunks]
            table = table.set_column(index, column.name, pa.chunked_array(chunks, pa.int64()))
    return table


def _known(name: str, given: pa.DataType, wanted: str) -> str:
    """SQL for the values of a column, NULL where all 32 bits of a number are set: a profiler knows none."""
    import pyarrow as pa

    wider = wanted == "INTEGER" and given in (pa.uint32(), pa.int64())
    return f'nullif("{name}", {_NO_NUMBER})' if wider else f'"{name}"'


def _source_sql(view: normalise.RawView, table: pa.Table | None, arrow_name: str) -> str:
    given = {} if table is None else {field.name: field.type for field in table.schema}
    columns = []
    for column in view.columns:
        present = [_known(name, given[name], column.type) for name in column.names if name in given]
        value = f"coalesce({', '.join(present)})" if len(present) > 1 else (present[0] if present else "NULL")
        columns.append(f'CAST({value} AS {column.type}) AS "{column.names[0]}"')
    if view.numbered:
        number = NUMBER_SQL if IS_NUMBERED.issubset(given) else "NULL::BIGINT"
        columns.append(f'{number} AS "{view.numbered}"')
    columns.extend(f'{"" if name in given else "NULL::BIGINT AS "}"{name}"' for name in view.found)
    source = f"FROM {arrow_name}" if table is not None else "WHERE false"
    return f"SELECT {', '.join(columns)} {source}"


def _told(connection: duckdb.DuckDBPyConnection, report: RawReport, trace_id: int) -> set[str]:
    """Groups of tables of which the profiler says that it recorded them, though maybe nothing happened."""
    kernels = report.tables.get("CUPTI_ACTIVITY_KIND_KERNEL")
    if kernels is not None:
        tells_clusters = "clusterX" in kernels.column_names
    else:
        metric = "SELECT 1 FROM metrics WHERE trace_id = ? AND metric = 'launch__cluster_dim_x' LIMIT 1"
        tells_clusters = bool(connection.execute(metric, [trace_id]).fetchall())
    said = connection.execute(
        """
        SELECT DISTINCT regexp_extract(text, '^(?:No|Number of) (.+) events collected', 1)
        FROM diagnostics WHERE trace_id = ?
        """,
        [trace_id],
    ).fetchall()
    names = {"CUDA": "cuda", "NVTX": "nvtx", "OS runtime libraries": "osrt"}
    return {names[what] for (what,) in said if what in names} | ({"clusters"} if tells_clusters else set())


def _missing(report: RawReport, rows: dict[str, int], told: set[str]) -> list[str]:
    """Tables that are empty because nothing of their group was recorded."""
    recorded = {table.group for table in schema.TABLES if table.group and rows.get(table.name)} | told
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
    """Missing table → the option that records it; left out where none is known."""
    known = {name: schema.BY_NAME[name].collected_by for name in missing if name in schema.BY_NAME}
    return {name: options[kind] for name, options in known.items() if kind in options}
