"""What a change made of the database in memory goes into the lake: parts first, entries last, each whole.

Killed before its entry is in place, a trace is not there; killed after it, the whole trace is. What an entry
named until then is removed when none does any more.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from traceql.errors import DatabaseError
from traceql.store.lake import manifest, numbers, parts
from traceql.store.waiting import OvertakenError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    import duckdb

    from traceql.store.lake.manifest import Manifest
    from traceql.store.lake.place import Place

    Entries = Mapping[str, Mapping[str, Any]]


def commit(
    place: Place,
    connection: duckdb.DuckDBPyConnection,
    before: Manifest,
    claims: Sequence[str],
    changing: Callable[[], AbstractContextManager[None]],
) -> None:
    """Put a change into the lake.

    Args:
        place: the lake.
        connection: to the database in which the change was made.
        before: the entries that it was filled with.
        claims: that were made for it.
        changing: lets nobody else change entries; entered when all parts are written.

    Raises:
        OvertakenError: somebody else changed an entry that this changes, or took its name; it is as it was.
    """
    new = {kind: some - before.numbers[kind] for kind, some in _numbers(connection).items()}
    try:
        after = _entries(place, connection, before, new)
        left = manifest.Manifest(after).numbers
        gone = {kind: some - left[kind] for kind, some in before.numbers.items()}
        place.look_at([path for table in parts.ALL for path in _paths(table, before, gone)])
        changed = {
            path: entry
            for path, entry in after.items()
            if before.entries.get(path) != entry or path in before.renamed
        }
        removed = before.entries.keys() - after.keys()
        with changing():
            _refuse_overtaken(place, before, changed, removed)
            if not all(numbers.is_held(place, claim) for claim in claims):
                raise OvertakenError
            _put_in_place(place, before, changed, removed)
    except BaseException:
        with contextlib.suppress(OSError):
            give_up(place, new, claims)
        raise
    # The change is made; what of the rest cannot be done now, a sweep does.
    of_gone = [numbers.path_of(kind, number) for kind, some in gone.items() for number in some]
    for claim in (*claims, *of_gone):
        with contextlib.suppress(OSError):
            numbers.settle(place, claim)
    with contextlib.suppress(OSError):
        _remove_parts(place, gone)


def _put_in_place(place: Place, before: Manifest, changed: Entries, removed: set[str]) -> None:
    """Write and remove entries: all of them, or none unless the process is killed in between.

    Raises:
        DatabaseError: some of them, for not even what was there before can be written.
    """
    done: list[str] = []
    try:
        for path in (*changed, *sorted(removed)):
            done.append(path)
            if path in changed:
                place.write(path, manifest.encoded(changed[path]))
            else:
                place.remove(path)
    except BaseException:
        try:
            for path in reversed(done):
                _put_back(place, path, before.entries.get(path))
        except OSError as error:
            raise DatabaseError(
                f"{place.given}: a part of the change is made, and can be neither ended nor undone ({error})",
                "See what is there (traceql ls), and make it again.",
            ) from error
        raise


def _put_back(place: Place, path: str, old: Mapping[str, Any] | None) -> None:
    if old is None:
        place.remove(path)
    elif place.read(path) != manifest.encoded(old):
        place.write(path, manifest.encoded(old))


def give_up(place: Place, new: Mapping[str, set[int]], claims: Sequence[str]) -> None:
    """Remove the parts of a change that did not come to its end; those that an entry names by now stay."""
    named = manifest.read(place).numbers if any(new.values()) or claims else new
    _remove_parts(place, {kind: some - named[kind] for kind, some in new.items()})
    of_entries = {numbers.path_of(kind, number) for kind, some in named.items() for number in some}
    for claim in claims:
        if claim in of_entries:
            numbers.settle(place, claim)
        elif numbers.is_held(place, claim):
            numbers.give_back(place, claim)


def _numbers(connection: duckdb.DuckDBPyConnection) -> dict[str, set[int]]:
    traces = connection.execute("SELECT trace_id FROM traces").fetchall()
    runs = connection.execute("SELECT DISTINCT run_id >> 32 FROM runs").fetchall()
    return {"traces": {number for (number,) in traces}, "runs": {number for (number,) in runs}}


def _entries(
    place: Place,
    connection: duckdb.DuckDBPyConnection,
    before: Manifest,
    new: Mapping[str, set[int]],
) -> dict[str, dict[str, Any]]:
    """The entries of all that the database holds; the parts of what is new are written."""
    rows = {
        entry["trace"]["trace_id"]: entry["rows"]
        for entry in before.entries.values()
        if entry["trace"] is not None
    }
    measured = set(before.parts(parts.OF_RUNS)) - new["runs"]
    for number in new["traces"]:
        rows[number] = _written(place, connection, parts.OF_TRACES, number)
    for number in new["runs"]:
        if _written(place, connection, (parts.OF_RUNS,), number):
            measured.add(number)
    traces = manifest.rows_of(connection, "traces")
    names: set[str] = {row["trace"] for row in traces}
    of_traces: dict[str, list[dict[str, Any]]] = {}
    of_files: dict[str, list[dict[str, Any]]] = {}
    for run in manifest.rows_of(connection, "runs"):
        name: str = (run["tags"] or {}).get("trace", "")
        if run["format"] == "sidecar" and name in names:
            of_traces.setdefault(name, []).append(run)
        else:
            path = manifest.path_of(manifest.SWEEPS, run["sha256"])
            of_files.setdefault(path, []).append(run)
    found: dict[str, dict[str, Any]] = {}
    for row in traces:
        path = manifest.path_of(manifest.TRACES, row["sha256"])
        if path in found:
            raise DatabaseError(
                f"{place.given}: {found[path]['trace']['trace']!r} and {row['trace']!r} are one report",
                "A lake holds each report once: drop one of them.",
            )
        runs = of_traces.get(row["trace"], [])
        found[path] = manifest.entry(row, rows[row["trace_id"]], runs, _measured(runs, measured))
    for path, runs in of_files.items():
        found[path] = manifest.entry(None, {}, runs, _measured(runs, measured))
    # Who wrote an entry stays in it until it is written anew.
    return {path: _as_before(entry, before.entries.get(path)) for path, entry in found.items()}


def _as_before(entry: dict[str, Any], old: Mapping[str, Any] | None) -> dict[str, Any]:
    if old is not None and {**entry, "traceql_version": old["traceql_version"]} == old:
        return dict(old)
    return entry


def _measured(runs: Sequence[Mapping[str, Any]], measured: set[int]) -> list[int]:
    return sorted({run["run_id"] >> 32 for run in runs} & measured)


def _written(
    place: Place, connection: duckdb.DuckDBPyConnection, tables: Sequence[str], number: int
) -> dict[str, int]:
    """Write the parts of a number: table → rows of those that have any."""
    counted = {}
    for table in tables:
        if rows := parts.count(connection, table, number):
            with place.part(parts.path_of(table, number)) as file:
                parts.write(connection, table, number, file)
            counted[table] = rows
    return counted


def _refuse_overtaken(place: Place, before: Manifest, changed: Entries, removed: set[str]) -> None:
    now = manifest.read(place, before)
    if any(now.entries.get(path) != before.entries.get(path) for path in (*changed, *removed)):
        raise OvertakenError
    mine = {entry["trace"]["trace"] for entry in changed.values() if entry["trace"] is not None}
    others = {
        entry["trace"]["trace"]
        for path, entry in now.entries.items()
        if entry["trace"] is not None and path not in changed and path not in removed
    }
    if mine & others:
        raise OvertakenError


def _paths(table: str, before: Manifest, gone: Mapping[str, set[int]]) -> list[str]:
    """The parts of a table that go."""
    some = gone["runs" if table == parts.OF_RUNS else "traces"]
    return [parts.path_of(table, number) for number in before.parts(table) if number in some]


def _remove_parts(place: Place, gone: Mapping[str, set[int]]) -> None:
    for number in gone["traces"]:
        for table in parts.OF_TRACES:
            place.remove(parts.folder_of(table, number))
    for number in gone["runs"]:
        place.remove(parts.folder_of(parts.OF_RUNS, number))
