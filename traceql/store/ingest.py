"""A decoded report becomes rows: the normalising steps, one after the other, in one transaction."""

from __future__ import annotations

import shlex
import time
from dataclasses import replace as with_
from typing import TYPE_CHECKING

from traceql.errors import DatabaseError, QueryError
from traceql.read import formats, labels
from traceql.read.suffixes import without_suffix
from traceql.store import runs, staged, steps
from traceql.store.engine import duckdb
from traceql.store.means import ALL, SMALL, for_rows
from traceql.store.named import meant, no_trace
from traceql.store.outcomes import Ingested
from traceql.store.waiting import made_again
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from traceql.read.labels import Tag
    from traceql.read.sidecar import Sidecar
    from traceql.store.connection import Store
    from traceql.store.decode import Decoded
    from traceql.store.means import Means
    from traceql.store.staged import Staged


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
        ParameterError: the name is empty.
        DatabaseError: the database cannot be written, or the name or number is taken.
    """
    if keep_environment or not store.is_new:
        # Others ask the database meanwhile, or the file is for its owner alone if there is an environment.
        decoded.report  # noqa: B018 - waits until it is decoded
    small = staged.is_small(decoded)
    limited = SMALL if small else for_rows(decoded.rows_bytes)
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
        store.writing(
            decoded.path.name,
            means=means,
            anew="private" if replace else "never",
            aside=not keep_environment,
        ) as connection,
    ):
        waiting = staged.Waiting(connection)
        found = _one(
            store, connection, waiting, decoded, name, tags, number, replace=replace, keep=keep_environment
        )
    return with_(found, seconds=time.perf_counter() - began)


@made_again
def add_staged(
    store: Store,
    several: Sequence[Staged],
    *,
    tags: Mapping[str, str] | None = None,
    replace: bool = False,
    keep_environment: bool = False,
) -> list[Ingested]:
    """Store reports whose rows are made already, all of them in one transaction.

    Args:
        store: the database, a file.
        several: the reports.
        tags: see `add`, as for the others.
        replace: see `add`.
        keep_environment: see `add`.

    Returns:
        What became of each.

    Raises:
        ReportError: the content of one does not make sense; the database is as it was.
        DatabaseError: the database cannot be written; it is as it was.
    """
    began = time.perf_counter()
    what = several[0].decoded.path.name if len(several) == 1 else f"{len(several)} reports"
    with store.writing(what, means=SMALL, anew="private" if replace else "never") as connection:
        waiting = staged.Waiting(connection)
        found = [
            _one(store, connection, waiting, one, None, tags, None, replace=replace, keep=keep_environment)
            for one in several
        ]
        waiting.insert()
    each = (time.perf_counter() - began) / len(several)
    return [with_(done, seconds=one.seconds + each) for one, done in zip(several, found, strict=True)]


def _one(
    store: Store,
    connection: duckdb.DuckDBPyConnection,
    waiting: staged.Waiting,
    report: Decoded | Staged,
    name: str | None,
    tags: Mapping[str, str] | None,
    number: int | None,
    *,
    replace: bool,
    keep: bool,
) -> Ingested:
    """Store one report in a change; rows that are made already wait for those of the others."""
    decoded, made = (report.decoded, report) if isinstance(report, staged.Staged) else (report, None)
    same = "SELECT trace_id, trace, tags FROM traces WHERE sha256 = $sha LIMIT 1"
    known = next(iter(connection.execute(same, {"sha": decoded.source.sha256}).fetchall()), None)
    if known and not replace:
        kept = _kept(connection, known[1], known[2], name, tags)
        return Ingested(name=known[1], status="unchanged", warnings=kept)
    beside = decoded.sidecar
    told = {**(beside.tags if beside else {}), **(tags or {})}
    if known:
        # It may be one of those that wait.
        waiting.insert()
        _delete(connection, known[0])
        name, told = name or known[1], told if tags else {**known[2], **told}
    label = _free_name(connection, name, decoded.source.file_name)
    taken = {row[0] for row in connection.execute("SELECT trace_id FROM traces").fetchall()}
    if made is not None and made.trace_id in taken:
        # Another process has taken the number, with which all ids begin.
        made = None
    trace_id = made.trace_id if made else store.number("traces", taken, number)
    kept_to_owner = keep and decoded.report.environment and store.keep_to_owner()
    if made:
        inserted = waiting.add(made, label, told)
    else:
        inserted = steps.insert(connection, decoded, trace_id, label, told, keep)
    warnings = inserted.warnings
    if kept_to_owner and taken:
        warnings = (*warnings, "The database is for its owner alone from now on: it holds an environment.")
    noted = _insert_runs(store, connection, beside, label, trace_id) if beside else []
    return Ingested(
        name=label,
        status="replaced" if known else "added",
        rows=inserted.rows,
        missing=inserted.missing,
        warnings=(*warnings, *noted),
        unread=tuple(decoded.report.unread),
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
    store: Store, words: Sequence[str], tags: Mapping[str, Tag | None], *, alone: bool = False
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
        QueryError: there is no word, or one means no trace; or a label is none.
    """
    given = labels.tags({tag: value for tag, value in tags.items() if value is not None})
    removed = tags.keys() - given.keys()
    if not words:
        raise QueryError("labels are of traces, and none is named", "See which there are: traceql ls")
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
                kept = {name: value for name, value in {**has, **given}.items() if name not in removed}
            else:
                kept = {name: value for name, value in has.items() if not alone or given.get(name) != value}
            if kept != has:
                connection.execute(
                    "UPDATE traces SET tags = map(?, ?) WHERE trace_id = ?",
                    [list(kept), list(kept.values()), trace["trace_id"]],
                )
    return list(named)


@made_again
def rename(store: Store, trace: str, name: str) -> None:
    """Give a trace another name; runs of its sidecar go with it.

    Raises:
        QueryError: there is no such trace.
        ParameterError: the name is empty.
        DatabaseError: the name is taken.
    """
    with store.writing(f"the new name of {trace}", new=False) as connection:
        trace_id = _number(connection, trace)
        if name == trace:
            return
        _free_name(connection, name or "", "")
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
    return steps.hints(found[0]["profiler"], found[0]["missing"]) if found else {}


# --- rows -----------------------------------------------------------------------------------------------


def _kept(
    connection: duckdb.DuckDBPyConnection,
    trace: str,
    has: Mapping[str, str] | None,
    name: str | None,
    tags: Mapping[str, str] | None,
) -> tuple[str, ...]:
    """What a report that is there already was not given: another name, labels that it lacks."""
    told = []
    if name is not None and name != trace:
        is_taken = connection.execute("SELECT 1 FROM traces WHERE trace = ?", [name]).fetchone()
        how = "another trace is called so" if is_taken else shlex.join(["traceql", "rename", trace, name])
        told.append(f"Its name was not changed to {name}: {how}")
    if lacking := [f"{key}={value}" for key, value in (tags or {}).items() if (has or {}).get(key) != value]:
        told.append(f"Its tags were not changed: {shlex.join(['traceql', 'tag', trace, *lacking])}")
    return tuple(told)


def _insert_runs(
    store: Store, connection: duckdb.DuckDBPyConnection, beside: Sidecar, label: str, trace_id: int
) -> list[str]:
    """Insert the runs of a trace's sidecar; their ids begin as those of the trace, if no other runs' do."""
    file, sweep = beside.runs_of(label)
    taken = runs.numbers(connection)
    return runs.insert(connection, file, sweep, store.number("runs", taken, trace_id, insist=False))


def _free_name(connection: duckdb.DuckDBPyConnection, wanted: str | None, file_name: str) -> str:
    """A label that no trace has: the wanted one, or one made of the file's name.

    Raises:
        ParameterError: the wanted one is empty.
        DatabaseError: the wanted one is taken.
    """
    taken = {row[0] for row in connection.execute("SELECT trace FROM traces").fetchall()}
    if wanted is not None:
        labels.name(wanted, "a trace")
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
