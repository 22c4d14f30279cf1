"""Runs measured outside the profilers, and what the data file knows about their GPUs, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql.errors import DatabaseError, QueryError, RunFileError, UnknownGpuError
from traceql.nearest import did_you_mean
from traceql.read import labels
from traceql.store.outcomes import ImportedRuns
from traceql.store.waiting import made_again
from traceql.tables import values

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb
    import pyarrow as pa

    from traceql.read.runs import RunFile
    from traceql.store.connection import Store

_RUNS = """
    INSERT INTO runs
    SELECT run_id, $label, run_id & 4294967295, $form, $file, $sha, gpu, tags FROM given_runs
"""


@made_again
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
        ParameterError: the label is none.
        RunFileError: the label is taken by another file.
        DatabaseError: the database cannot be written, or the number is taken; it is as it was.
    """
    if sweep is not None:
        labels.name(sweep, "a sweep")
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
        warned = insert(connection, file, label, store.number("runs", numbers(connection), number))
    return ImportedRuns(
        sweep=label,
        status="replaced" if known or other else "added",
        runs=len(file.runs),
        metrics=tuple(sorted({metric.name for run in file.runs for metric in run.metrics})),
        tags=tuple(sorted({tag for run in file.runs for tag in run.tags})),
        warnings=(*file.warnings, *warned),
    )


@made_again
def drop(store: Store, *sweeps: str) -> None:
    """Remove the runs of imported files: all of them, or none.

    Raises:
        QueryError: there are none of a label.
    """
    with store.writing(f"the removal of {', '.join(sweeps)}", new=False, anew="private") as connection:
        for sweep in sweeps:
            if not connection.execute("SELECT 1 FROM runs WHERE sweep = $s LIMIT 1", {"s": sweep}).fetchone():
                known = [row[0] for row in connection.execute("SELECT DISTINCT sweep FROM runs").fetchall()]
                guess = did_you_mean(sweep, sorted(known))
                raise QueryError(
                    f"no sweep is called {sweep!r}", f"{guess}See which there are: traceql query runs"
                )
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
    if number in taken or not 0 < number < values.MOST_NUMBERS:
        raise DatabaseError(f"no ids can begin with the number {number} here", "Choose one that is free.")
    return number


def insert(connection: duckdb.DuckDBPyConnection, file: RunFile, label: str, number: int) -> list[str]:
    """Insert the runs of a file, and return what was taken for granted about their GPUs."""
    gpus = {name: _gpu_spec(name) for name in dict.fromkeys(run.tags.get("gpu") for run in file.runs)}
    ids = [(number << 32) + position for position in range(1, len(file.runs) + 1)]
    try:
        runs, metrics = _rows(file, ids, {name: gpu for name, (gpu, _) in gpus.items()})
    except (TypeError, ValueError) as error:
        raise DatabaseError(
            f"{file.file_name} could not be stored ({error})", "The database is as it was."
        ) from error
    # As tables: a statement for each row of a long file would take minutes.
    facts = {"label": label, "form": file.format, "file": file.file_name, "sha": file.sha256}
    connection.register("given_runs", runs)
    connection.register("given_metrics", metrics)
    try:
        connection.execute(_RUNS, facts)
        connection.execute("INSERT INTO run_metrics FROM given_metrics")
    finally:
        connection.unregister("given_runs")
        connection.unregister("given_metrics")
    return [note for _, note in gpus.values() if note]


def _rows(file: RunFile, ids: list[int], gpus: Mapping[str | None, str | None]) -> tuple[pa.Table, pa.Table]:
    """The runs of a file and what was measured, by the runs' ids."""
    import pyarrow as pa

    runs = pa.table(
        {
            "run_id": pa.array(ids, pa.int64()),
            "gpu": pa.array([gpus[run.tags.get("gpu")] for run in file.runs], pa.string()),
            "tags": pa.array(
                [list(run.tags.items()) for run in file.runs], pa.map_(pa.string(), pa.string())
            ),
        }
    )
    measured = [metric for run in file.runs for metric in run.metrics]
    metrics = pa.table(
        {
            "run_id": pa.array(
                [i for i, run in zip(ids, file.runs, strict=True) for _ in run.metrics], pa.int64()
            ),
            "name": pa.array([metric.name for metric in measured], pa.string()),
            "unit": pa.array([metric.unit for metric in measured], pa.string()),
            "sample": pa.array([metric.sample for metric in measured], pa.int64()),
            "value": pa.array([metric.value for metric in measured], pa.float64()),
        }
    )
    return runs, metrics


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
