"""A decoded report becomes rows: the normalising steps, one after the other, in one transaction."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from typing import TYPE_CHECKING

from traceql.errors import DatabaseError, QueryError, ReportError
from traceql.read import formats, kinds
from traceql.read.homes import Homes
from traceql.read.suffixes import without_suffix
from traceql.store import failures, pieces, runs
from traceql.store.engine import duckdb
from traceql.store.means import ALL, SMALL, for_rows
from traceql.store.named import meant, no_trace
from traceql.store.numbering import NUMBER_SQL, numbered
from traceql.store.outcomes import Ingested
from traceql.store.waiting import made_again
from traceql.tables import normalise, schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from traceql.read.base import RawReport
    from traceql.read.sidecar import Sidecar
    from traceql.store.connection import Store
    from traceql.store.decode import Decoded
    from traceql.store.means import Means

# Of a report: some thousand events.
_SMALL_BYTES = 300_000
# A statement that changes how many rows a table has.
_CHANGE = re.compile(r"(?:--.*\n|\s)*(INSERT INTO|DELETE FROM) (\w+)")


@made_again
def add(
    store: Store,
    decoded: Decoded,
    *,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    replace: bool = False,
    keep_environment: bool = False,
    number: int | None = None,
) -> Ingested:
    """Store a decoded report, in one transaction.

    Args:
        store: the database.
        decoded: the report.
        name: label of the trace; by default made from the file name.
        tags: free labels, beside those of its sidecar.
        replace: read a report again that the database holds already.
        keep_environment: also store the profiled process's command line and variables, and home folders in
            texts as they are; the database is then for its owner alone.
        number: of the trace; by default the next free one. Who fills several databases that are to be united
            gives each trace a number of its own: no id depends on anything else.

    Raises:
        ReportError: its content does not make sense; the database is as it was.
        DatabaseError: the database cannot be written, or the name or number is taken.
    """
    small = decoded.source.size_bytes < _SMALL_BYTES
    limited = SMALL if small else for_rows(decoded.arriving.size_bytes)
    options = (name, tags, replace, keep_environment, number)
    try:
        return _added(store, decoded, *options, limited)
    except DatabaseError as error:
        # Not all that the engine does can use the disk instead.
        if limited == SMALL or not isinstance(error.__cause__, duckdb.OutOfMemoryException):
            raise
        return _added(store, decoded, *options, ALL)


def _added(
    store: Store,
    decoded: Decoded,
    name: str | None,
    tags: Mapping[str, str] | None,
    replace: bool,
    keep_environment: bool,
    number: int | None,
    means: Means,
) -> Ingested:
    """Store a decoded report with so much memory; see `add`."""
    began = time.perf_counter()
    with (
        decoded.arriving.letting_go(),
        store.writing(decoded.path.name, means=means, anew="private" if replace else "never") as connection,
    ):
        known = connection.execute(
            "SELECT trace_id, trace, tags FROM traces WHERE sha256 = $sha", {"sha": decoded.source.sha256}
        ).fetchone()
        if known and not replace:
            return Ingested(name=known[1], status="unchanged", warnings=_kept(known[1], known[2], name, tags))
        beside = decoded.sidecar
        labels = {**(beside.tags if beside else {}), **(tags or {})}
        if known:
            _delete(connection, known[0])
            name, labels = name or known[1], labels if tags else {**known[2], **labels}
        label = _free_name(connection, name, decoded.source.file_name)
        taken = {row[0] for row in connection.execute("SELECT trace_id FROM traces").fetchall()}
        trace_id = store.number("traces", taken, number)
        kept_to_owner = keep_environment and decoded.report.environment and store.keep_to_owner()
        rows, missing, warnings = _insert(connection, decoded, trace_id, label, labels, keep_environment)
        if kept_to_owner and taken:
            warnings = (
                *warnings,
                "The database is for its owner alone from now on: it holds an environment.",
            )
        noted = _insert_runs(store, connection, beside, label, trace_id) if beside else []
    return Ingested(
        name=label,
        status="replaced" if known else "added",
        rows=rows,
        missing=missing,
        warnings=(*warnings, *noted),
        unread=tuple(decoded.report.unread),
        seconds=time.perf_counter() - began,
    )


@made_again
def drop(store: Store, *traces: str) -> None:
    """Remove traces: all of them, or none.

    Raises:
        QueryError: one of them does not exist.
    """
    with store.writing(f"the removal of {', '.join(traces)}", new=False, anew="private") as connection:
        for trace_id in [_number(connection, trace) for trace in traces]:
            _delete(connection, trace_id)


@made_again
def tag(
    store: Store, words: Sequence[str], tags: Mapping[str, str | None], *, alone: bool = False
) -> list[str]:
    """Label the traces that the words mean, all of them or none; None removes a label.

    Args:
        store: the database.
        words: names, patterns of names, or tags.
        tags: the labels.
        alone: take the labels from all other traces that have the same ones.

    Returns:
        Their names.

    Raises:
        QueryError: there is no word, or one means no trace.
    """
    if not words:
        raise QueryError("labels are of traces, and none is named", "See which there are: traceql ls")
    for word in words:
        if not isinstance(word, str):
            raise QueryError(f"{word!r} names no trace", 'Labels have names: db.tag("run", rank="0").')
    with store.writing(f"the tags of {', '.join(words)}", new=False) as connection:
        rows = connection.execute("SELECT trace_id, trace, tags FROM traces ORDER BY trace").fetchall()
        there = [{"trace_id": row[0], "trace": row[1], "tags": row[2]} for row in rows]
        named: dict[str, None] = {}
        for word in words:
            if not (some := meant(there, word)):
                raise no_trace(word, there)
            named.update(dict.fromkeys(some))
        for trace in there:
            has = trace["tags"] or {}
            if trace["trace"] in named:
                kept = {name: value for name, value in {**has, **tags}.items() if value is not None}
            else:
                kept = {name: value for name, value in has.items() if not alone or tags.get(name) != value}
            if kept != has:
                connection.execute(
                    "UPDATE traces SET tags = map(?, ?) WHERE trace_id = ?",
                    [list(kept), [str(value) for value in kept.values()], trace["trace_id"]],
                )
    return list(named)


@made_again
def rename(store: Store, trace: str, name: str) -> None:
    """Give a trace another name; runs of its sidecar go with it.

    Raises:
        QueryError: there is no such trace.
        DatabaseError: the name is taken.
    """
    with store.writing(f"the new name of {trace}", new=False) as connection:
        trace_id = _number(connection, trace)
        if name == trace:
            return
        _free_name(connection, name, "")
        runs.rename(connection, trace, name)
        connection.execute("UPDATE traces SET trace = ? WHERE trace_id = ?", [name, trace_id])


def rows(store: Store, trace: str) -> dict[str, int]:
    """Canonical table → rows of one trace.

    Raises:
        QueryError: there is no such trace.
    """
    of = {"trace": trace}
    found = store.run("SELECT trace_id FROM traces WHERE trace = $trace", of, plain=True).to_pylist()
    if not found:
        raise no_trace(trace, store.run("SELECT trace, tags FROM traces").to_pylist(maps_as_pydicts="strict"))
    counted = store.run(_counts(), {"trace_id": found[0]["trace_id"]}, plain=True).to_pylist()
    return {row["name"]: row["count"] for row in counted}


def missing(store: Store, trace: str) -> dict[str, str]:
    """Tables for which the trace holds no data → the option that would have recorded it."""
    found = store.run(
        "SELECT profiler, missing FROM traces WHERE trace = $trace", {"trace": trace}, plain=True
    ).to_pylist()
    return _hints(found[0]["profiler"], found[0]["missing"]) if found else {}


# --- rows -----------------------------------------------------------------------------------------------


def _insert(
    connection: duckdb.DuckDBPyConnection,
    decoded: Decoded,
    trace_id: int,
    label: str,
    tags: Mapping[str, str],
    keep_environment: bool,
) -> tuple[dict[str, int], dict[str, str], tuple[str, ...]]:
    """Insert the trace and run the steps of its kind: rows by table, what is missing, warnings."""
    report = decoded.report
    homes = None if keep_environment else Homes(report.environment)
    plain = homes.shortened if homes else str
    settings = {name: plain(value) for name, value in report.settings.items()}
    kind = kinds.KINDS[report.kind]
    connection.execute(
        """
        INSERT INTO traces (trace_id, trace, profiler, has_timeline, has_counters, format, file_name, sha256,
                            tool_version, settings, tags, complete, counts_agree, warnings, missing,
                            unread)
        VALUES ($trace_id, $trace, $profiler, $has_timeline, $has_counters, $format, $file_name, $sha256,
                $tool_version, $settings, map($keys, $values), $complete, $counts_agree, $warnings, [],
                $unread)
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
            "tool_version": report.tool_version,
            "settings": json.dumps(settings, ensure_ascii=False) if settings else None,
            "keys": list(tags),
            "values": [str(value) for value in tags.values()],
            "complete": report.complete,
            "counts_agree": report.counts_agree,
            "warnings": [plain(text) for text in report.warnings],
            "unread": list(report.unread),
        },
    )
    connection.execute(f"SET VARIABLE trace_id = {trace_id}::BIGINT; SET VARIABLE origin_ns = 0::BIGINT")
    made: set[str] = set()
    inserted: Counter[str] = Counter()
    for step in normalise.steps(report.kind):
        if step.when is None or _has_rows(connection, step.when, made):
            done = _run(connection, step, report, decoded.path, homes)
            if done is not None:
                inserted.update(done)
                made.update(step.makes)
    if keep_environment and report.environment:
        connection.executemany(
            "INSERT INTO environment VALUES (?, ?, ?)", [(trace_id, *pair) for pair in report.environment]
        )
        inserted["environment"] = len(report.environment)
    counted = {
        table.name: inserted[table.name]
        for table in schema.TABLES
        if table.of_trace and table.name != "traces"
    }
    lacking = _missing(report, counted, _told(connection, trace_id))
    stored = connection.execute(
        "UPDATE traces SET missing = $missing WHERE trace_id = $trace_id RETURNING warnings",
        {"missing": lacking, "trace_id": trace_id},
    ).fetchone()
    assert stored is not None
    return counted, _hints(report.kind, lacking), tuple(stored[0])


def _kept(
    trace: str, labels: Mapping[str, str] | None, name: str | None, tags: Mapping[str, str] | None
) -> tuple[str, ...]:
    """What a report that is there already was not given: another name, labels that it lacks."""
    told = []
    if name is not None and name != trace:
        told.append(f"Its name was not changed to {name}: traceql rename {trace} {name}")
    if lacking := [
        f"{key}={value}" for key, value in (tags or {}).items() if (labels or {}).get(key) != value
    ]:
        told.append(f"Its tags were not changed: traceql tag {trace} {' '.join(lacking)}")
    return tuple(told)


def _insert_runs(
    store: Store, connection: duckdb.DuckDBPyConnection, beside: Sidecar, label: str, trace_id: int
) -> list[str]:
    """Insert the runs of a trace's sidecar; their ids begin as those of the trace, if no other runs' do."""
    file, sweep = beside.runs_of(label)
    taken = runs.numbers(connection)
    return runs.insert(connection, file, sweep, store.number("runs", taken, trace_id, insist=False))


def _has_rows(connection: duckdb.DuckDBPyConnection, table: str, made: set[str]) -> bool:
    # To the end: a result that is not fetched wholly keeps the connection.
    return table in made and bool(connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall())


def _run(
    connection: duckdb.DuckDBPyConnection,
    step: normalise.Step,
    report: RawReport,
    path: Path,
    homes: Homes | None,
) -> Counter[str] | None:
    """Run a step: the rows that it has inserted, by table; None if it had nothing to do.

    Raises:
        ReportError: values do not fit, or a lookup has found several rows, or none, where there is one.
    """
    raw = {view: _raw_table(report, view, homes) for view in step.of}
    if step.of and not any(table is not None and table.num_rows for table in raw.values()):
        return None
    raw |= {view: _raw_table(report, view, homes) for view in step.views if view not in raw}
    rows_of = {view.name: table.num_rows for view, table in raw.items() if table is not None}
    sources, arrow_names = {}, {}
    for number, (view, table) in enumerate(raw.items()):
        arrow_name = f"arrow_{number}"
        if table is not None:
            connection.register(arrow_name, table)
            arrow_names[view.name] = arrow_name
        sources[view.name] = _source_sql(view, table, arrow_name)
    inserted: Counter[str] = Counter()
    try:
        statements = connection.extract_statements(step.sql_from(sources))
        for piece in _pieces(raw):
            if piece:
                view, rows, between = piece
                connection.register(arrow_names[view.name], rows)
                _say_between(connection, between, inserted.total())
            for statement in statements:
                done = connection.execute(statement)
                if change := _CHANGE.match(statement.query):
                    count = done.fetchall()[0][0]
                    inserted[change[2]] += count if change[1] == "INSERT INTO" else -count
        if piece:
            connection.register(arrow_names[view.name], raw[view])
        for source in step.sources:
            if source.wholes:
                there = sum(rows_of.get(name, 0) for name in source.wholes)
            else:
                there = connection.execute(source.count_from(sources)).fetchall()[0][0]
            if inserted[source.table] != there:
                raise ReportError(
                    f"{path.name}: {there:,} rows of {source.text} would become "
                    f"{inserted[source.table]:,} {source.table} ({step.label})",
                    "The report holds something twice that it should hold once: export it again. "
                    "If that does not help, traceql misreads it: please report it.",
                )
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
        raise ReportError(
            f"{path.name}: its content does not make sense ({failures.first_line(error)}; {step.label})",
            "The file is probably damaged: copy it again, or export it again.",
        ) from error
    for arrow_name in arrow_names.values():
        connection.unregister(arrow_name)
    return inserted


def _pieces(
    raw: Mapping[normalise.RawView, pa.Table | None],
) -> Iterator[tuple[normalise.RawView, pa.Table, pieces.Between | None] | None]:
    """What is looked at piece by piece, if anything is: the view, rows, and between which values they are."""
    for view, table in raw.items():
        if view.pieces and table is not None:
            for rows, between in pieces.pieces(table, view.pieces):
                yield view, rows, between
            return
    yield None


def _say_between(
    connection: duckdb.DuckDBPyConnection, between: pieces.Between | None, inserted: int
) -> None:
    least, greatest = between or ("NULL", "NULL")
    for name, value in {"least": least, "greatest": greatest, "before": inserted}.items():
        connection.execute(f"SET VARIABLE {name} = {value}::BIGINT")


def _raw_table(report: RawReport, view: normalise.RawView, homes: Homes | None) -> pa.Table | None:
    table = next((report.tables[name] for name in view.tables if name in report.tables), None)
    if table is None:
        return None
    known = set(table.column_names)
    present = [name for column in view.columns for name in column.names if name in known]
    if not present:
        return None
    chosen = _signed(table.select(present))
    # The step of the profiler's own messages leaves out whole paths.
    if homes and view.name != "raw_DIAGNOSTIC_EVENT":
        chosen = homes.shortened_table(chosen)
    return numbered(chosen) if view.numbered else chosen


def _signed(table: pa.Table) -> pa.Table:
    """Unsigned 64-bit columns as the same bits signed, which is how SQLite exports hold them."""
    import pyarrow as pa

    for index, column in enumerate(table.schema):
        if column.type == pa.uint64():
            chunks = [chunk.view(pa.int64()) for chunk in table.column(index).chunks]
            table = table.set_column(index, column.name, pa.chunked_array(chunks, pa.int64()))
    return table


def _source_sql(view: normalise.RawView, table: pa.Table | None, arrow_name: str) -> str:
    columns = []
    for column in view.columns:
        present = [f'"{name}"' for name in column.names if table is not None and name in table.column_names]
        value = f"coalesce({', '.join(present)})" if len(present) > 1 else (present[0] if present else "NULL")
        columns.append(f'CAST({value} AS {column.type}) AS "{column.names[0]}"')
    if view.numbered:
        number = NUMBER_SQL if table is not None else "NULL::BIGINT"
        columns.append(f'{number} AS "{view.numbered}"')
    source = f"FROM {arrow_name}" if table is not None else "WHERE false"
    return f"SELECT {', '.join(columns)} {source}"


def _free_name(connection: duckdb.DuckDBPyConnection, wanted: str | None, file_name: str) -> str:
    """A label that no trace has: the wanted one, or one made of the file's name.

    Raises:
        DatabaseError: the wanted one is taken.
    """
    taken = {row[0] for row in connection.execute("SELECT trace FROM traces").fetchall()}
    if wanted is not None:
        if wanted in taken:
            raise DatabaseError(
                f"a trace is called {wanted!r} already",
                "Choose another name, or drop that one first: traceql drop NAME",
            )
        return wanted
    suffixes = tuple(suffix for reader in formats.READERS for suffix in reader.suffixes)
    # run.ncu-rep → run; beside an earlier run.nsys-rep → run.ncu-rep; then run.ncu-rep-2 …
    numbered = (f"{file_name}-{n}" for n in range(2, len(taken) + 3))
    candidates = [without_suffix(file_name, suffixes), file_name, *numbered]
    return next(name for name in candidates if name not in taken)


def _number(connection: duckdb.DuckDBPyConnection, trace: str) -> int:
    rows = connection.execute("SELECT trace_id, trace, tags FROM traces").fetchall()
    found = [row[0] for row in rows if row[1] == trace]
    if not found:
        raise no_trace(trace, [{"trace": row[1], "tags": row[2]} for row in rows])
    return int(found[0])


def _delete(connection: duckdb.DuckDBPyConnection, trace_id: int) -> None:
    """Remove every row of a trace."""
    # What came with the trace, from its sidecar, goes with it; tables of runs that mention it stay.
    own = """
        SELECT run_id FROM runs JOIN traces ON trace = runs.tags['trace']
        WHERE trace_id = $id AND runs.format = 'sidecar'
    """
    for name in ("run_metrics", "runs"):
        connection.execute(f"DELETE FROM {name} WHERE run_id IN ({own})", {"id": trace_id})
    for table in reversed(schema.TABLES):
        if table.of_trace:
            connection.execute(f"DELETE FROM {table.name} WHERE trace_id = ?", [trace_id])


def _counts() -> str:
    """SQL that counts the rows of trace $trace_id, of every table that belongs to traces."""
    return " UNION ALL ".join(
        f"SELECT {schema.literal(table.name)} AS name, count(*) AS count FROM {table.name} "
        "WHERE trace_id = $trace_id"
        for table in schema.TABLES
        if table.of_trace and table.name != "traces"
    )


def _told(connection: duckdb.DuckDBPyConnection, trace_id: int) -> set[str]:
    """Groups of tables of which the profiler says that it recorded them, though maybe nothing happened."""
    said = connection.execute(
        """
        SELECT DISTINCT regexp_extract(text, '^(?:No|Number of) (.+) events collected', 1)
        FROM diagnostics WHERE trace_id = ?
        """,
        [trace_id],
    ).fetchall()
    names = {"CUDA": "cuda", "NVTX": "nvtx", "OS runtime libraries": "osrt"}
    return {names[what] for (what,) in said if what in names}


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


def _hints(kind: str, missing: list[str]) -> dict[str, str]:
    """Missing table → the option that records it; left out where none is known."""
    known = {name: schema.BY_NAME[name].collected_by for name in missing if name in schema.BY_NAME}
    return {name: options[kind] for name, options in known.items() if kind in options}
