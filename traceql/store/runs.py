"""Runs measured outside the profilers, and what the data file knows about their GPUs, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql.errors import DatabaseError, QueryError, RunFileError, UnknownGpuError
from traceql.store.outcomes import ImportedRuns

if TYPE_CHECKING:
    import duckdb

    from traceql.read.runs import RunFile
    from traceql.store.connection import Store

# Ids are a number × 2^32 and more: signed, 64 bits hold so many numbers.
_MOST = 2**31


def add(
    store: Store,
    file: RunFile,
    *,
    sweep: str | None = None,
    replace: bool = False,
    number: int | None = None,
) -> ImportedRuns:
    """Store runs that were measured outside the profilers, in one transaction.

    Args:
        store: the database.
        file: what `read.runs.read` made of a table of runs.
        sweep: label of the runs; by default the file's name without suffix.
        replace: put the file in place of what the database holds under that label.
        number: that the runs' ids begin with; by default the next free one. See `ingest.add`.

    Raises:
        RunFileError: the label is taken by another file.
        DatabaseError: the database cannot be written, or the number is taken; it is as it was.
    """
    with store.writing(file.file_name, anew="private" if replace else "never") as connection:
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
        for old in {label, known[0] if known else label}:
            _delete(connection, old)
        warned = insert(connection, file, label, free_number(numbers(connection), number))
    return ImportedRuns(
        sweep=label,
        status="replaced" if known or other else "added",
        runs=len(file.runs),
        metrics=tuple(sorted({metric.name for run in file.runs for metric in run.metrics})),
        tags=tuple(sorted({tag for run in file.runs for tag in run.tags})),
        warnings=(*file.warnings, *warned),
    )


def drop(store: Store, *sweeps: str) -> None:
    """Remove the runs of imported files: all of them, or none.

    Raises:
        QueryError: there are none of a label.
    """
    with store.writing(f"the removal of {', '.join(sweeps)}", new=False, anew="private") as connection:
        for sweep in sweeps:
            if not connection.execute("SELECT 1 FROM runs WHERE sweep = $s LIMIT 1", {"s": sweep}).fetchone():
                raise QueryError(f"no sweep is called {sweep!r}", "See which there are: traceql query runs")
            _delete(connection, sweep)


def rename(connection: duckdb.DuckDBPyConnection, trace: str, name: str) -> None:
    """Let the runs of a trace's sidecar follow it to its new name."""
    connection.execute(
        """
        UPDATE runs SET
            sweep = CASE sweep WHEN $old_label THEN $new_label ELSE sweep END,
            tags = map_from_entries(list_transform(
                map_entries(tags),
                lambda tag: {
                    'key': tag.key, 'value': CASE tag.key WHEN 'trace' THEN $new ELSE tag.value END
                }
            ))
        WHERE format = 'sidecar' AND tags['trace'] = $old
        """,
        {"old": trace, "new": name, "old_label": f"{trace}.run.json", "new_label": f"{name}.run.json"},
    )


def numbers(connection: duckdb.DuckDBPyConnection) -> set[int]:
    """The numbers that the ids of runs begin with."""
    return {row[0] for row in connection.execute("SELECT DISTINCT run_id >> 32 FROM runs").fetchall()}


def free_number(taken: set[int], wanted: int | None) -> int:
    """A number that ids can begin with and none does: the wanted one, or the next.

    Raises:
        DatabaseError: the wanted one is taken, or none that an id can begin with.
    """
    number = max(taken, default=0) + 1 if wanted is None else wanted
    if number in taken or not 0 < number < _MOST:
        raise DatabaseError(f"no ids can begin with the number {number} here", "Choose one that is free.")
    return number


def insert(connection: duckdb.DuckDBPyConnection, file: RunFile, label: str, number: int) -> list[str]:
    """Insert the runs of a file, and return what was taken for granted about their GPUs."""
    warned: dict[str, None] = {}
    runs: list[tuple[object, ...]] = []
    metrics: list[tuple[object, ...]] = []
    for position, run in enumerate(file.runs, start=1):
        run_id = (number << 32) + position
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
    from traceql.predict import hardware

    try:
        return hardware.find(name).name, hardware.assumption(name)
    except UnknownGpuError as error:
        return None, f"{error.message}: no floors and no ridge points for its runs"


def _delete(connection: duckdb.DuckDBPyConnection, sweep: str) -> None:
    """Remove the runs of a label."""
    connection.execute(
        "DELETE FROM run_metrics WHERE run_id IN (SELECT run_id FROM runs WHERE sweep = ?)", [sweep]
    )
    connection.execute("DELETE FROM runs WHERE sweep = ?", [sweep])
