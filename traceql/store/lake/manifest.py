"""The entries of a lake: one for each trace, written last, and one for each imported file of runs.

An entry is a JSON file, ``traces/SHA256.json`` (of the report) or ``sweeps/SHA256.json`` (of the file of
runs). It holds the row of `traces` itself, how many rows each part of the trace has, and the runs that came
with it. What no entry names is not there. Where a part lies follows from table and number: an entry holds no
paths.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from traceql import __version__
from traceql.declared import from_json
from traceql.errors import DatabaseError, SchemaVersionError
from traceql.store.lake import parts
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import duckdb

    from traceql.store.lake.place import Place, Stamp

#: Folders of entries: of traces, and of runs that belong to none.
TRACES, SWEEPS = "traces", "sweeps"
_SUFFIX = ".json"
_HASH = re.compile(r"[0-9a-f]{64}")
_REMEDY = "The lake was damaged, or made by another program: ingest the reports again into a new one."
# What a column holds in JSON; what is text there DuckDB reads as the type.
_KINDS: Final[Mapping[str, Any]] = {
    "BIGINT": int | None,
    "INTEGER": int | None,
    "BOOLEAN": bool | None,
    "VARCHAR": str | None,
    "JSON": str | None,
    "TIMESTAMP": str | None,
    "VARCHAR[]": list[str | None] | None,
    "MAP(VARCHAR, VARCHAR)": dict[str, str | None] | None,
}


def _form(table: str) -> type[msgspec.Struct]:
    """The form of a row of a table."""
    columns = [(column.name, _KINDS[column.type]) for column in schema.BY_NAME[table].columns]
    return msgspec.defstruct(table, columns, forbid_unknown_fields=True)


if TYPE_CHECKING:
    TraceRow: TypeAlias = msgspec.Struct
    RunRow: TypeAlias = msgspec.Struct
else:
    TraceRow, RunRow = _form("traces"), _form("runs")


class Entry(msgspec.Struct, forbid_unknown_fields=True):
    """One entry.

    Attributes:
        schema_version: of the tables in the parts.
        traceql_version: that wrote it.
        trace: the row of `traces`; None for runs alone.
        rows: table → rows in the trace's part; those without rows have no part.
        runs: rows of `runs` that came with it.
        measured: the numbers of runs that have a part of `run_metrics`.
    """

    schema_version: int
    traceql_version: str
    trace: TraceRow | None
    rows: dict[str, int]
    runs: list[RunRow]
    measured: list[int]


@dataclass(frozen=True)
class Manifest:
    """The entries of a lake, each by its path, as builtins.

    Attributes:
        entries: path → what `Entry` has.
        stamps: by which to see that they have changed.
        renamed: the paths of those whose file has another name for the trace, see `read`.
    """

    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    stamps: Mapping[str, Stamp] = field(default_factory=dict)
    renamed: frozenset[str] = frozenset()

    @property
    def traces(self) -> list[dict[str, Any]]:
        """The rows of `traces`, by number."""
        rows = [entry["trace"] for entry in self.entries.values() if entry["trace"] is not None]
        return sorted(rows, key=lambda row: (row["trace_id"] is None, row["trace_id"]))

    @property
    def runs(self) -> list[dict[str, Any]]:
        """The rows of `runs`."""
        return [row for entry in self.entries.values() for row in entry["runs"]]

    def parts(self, table: str) -> list[int]:
        """The numbers that have a part of a table, in order."""
        if table == parts.OF_RUNS:
            return sorted({number for entry in self.entries.values() for number in entry["measured"]})
        return sorted(
            entry["trace"]["trace_id"]
            for entry in self.entries.values()
            if entry["trace"] is not None and entry["rows"].get(table)
        )

    @property
    def numbers(self) -> dict[str, set[int]]:
        """The numbers that are in use, of traces and of runs."""
        runs = {row["run_id"] >> 32 for row in self.runs if row["run_id"] is not None}
        return {"traces": {row["trace_id"] for row in self.traces}, "runs": runs}


def stamps(place: Place) -> dict[str, Stamp]:
    """Every entry's path → what changes with it."""
    return {
        f"{folder}/{name}": stamp
        for folder in (TRACES, SWEEPS)
        for name, stamp in place.names(folder).items()
        if name.endswith(_SUFFIX)
    }


def read(place: Place, known: Manifest | None = None) -> Manifest:
    """All entries; those that have not changed are taken from what was known.

    Of two traces of one name the later has another here, and in its entry from the next change on.

    Raises:
        DatabaseError: one is none of ours.
    """
    known = known or Manifest()
    there = stamps(place)
    found: dict[str, Mapping[str, Any]] = {}
    for path, stamp in sorted(there.items()):
        if known.stamps.get(path) == stamp and path not in known.renamed:
            found[path] = known.entries[path]
        elif (content := place.read(path)) is not None:
            found[path] = _entry(content, f"{place.given}: {path}")
    _refuse_twice(found, place.given)
    own = _with_names_of_their_own(found)
    renamed = frozenset(path for path, entry in own.items() if entry is not found[path])
    return Manifest(own, {path: there[path] for path in found}, renamed)


def _entry(content: bytes, where: str) -> dict[str, Any]:
    entry = from_json(content, Entry, where, DatabaseError, _REMEDY)
    if entry.schema_version != schema.SCHEMA_VERSION:
        raise SchemaVersionError(
            f"{where}: schema version {entry.schema_version}, written by traceql {entry.traceql_version}; "
            f"this is {schema.SCHEMA_VERSION} (traceql {__version__})",
            "Update traceql: pip install --upgrade traceql"
            if entry.schema_version > schema.SCHEMA_VERSION
            else "Ingest the reports again into a new lake.",
        )
    found: dict[str, Any] = msgspec.to_builtins(entry)
    of_none = [row for row in (found["trace"], *found["runs"]) if row is not None and None in _ids(row)]
    unknown = found["rows"].keys() - set(parts.OF_TRACES)
    if of_none or unknown or (found["trace"] is None and found["rows"]):
        what = f"rows of {min(unknown)!r}" if unknown else "a row without a number" if of_none else "no trace"
        raise DatabaseError(f"{where}: holds {what}", _REMEDY)
    return found


def _refuse_twice(entries: Mapping[str, Mapping[str, Any]], given: str) -> None:
    """Refuse a run that stands twice; traces are looked at when their rows are in a table."""
    seen: dict[int, str] = {}
    for path, entry in entries.items():
        for row in entry["runs"]:
            if row["run_id"] in seen:
                raise DatabaseError(f"{given}: {seen[row['run_id']]} and {path} hold one run", _REMEDY)
            seen[row["run_id"]] = path


def _ids(row: Mapping[str, Any]) -> list[Any]:
    return [row[name] for name in ("trace_id", "run_id") if name in row]


def _with_names_of_their_own(
    entries: Mapping[str, Mapping[str, Any]],
) -> dict[str, Mapping[str, Any]]:
    """Entries of which no two traces have one name: of two that came in at once, the later has another.

    Where changes wait for each other that does not happen.
    """
    found = dict(entries)
    taken: set[str | None] = set()
    of_traces = [(entry["trace"]["trace_id"], path) for path, entry in found.items() if entry["trace"]]
    for _, path in sorted(of_traces):
        row = found[path]["trace"]
        name = row["trace"]
        if name in taken:
            others = (f"{name}-{number}" for number in range(2, len(found) + 2))
            every = {entry["trace"]["trace"] for entry in found.values() if entry["trace"]}
            name = next(other for other in others if other not in every)
            runs = [_of_other_name(run, row["trace"], name) for run in found[path]["runs"]]
            found[path] = {**found[path], "trace": {**row, "trace": name}, "runs": runs}
        taken.add(name)
    return found


def _of_other_name(run: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """A run of a trace's sidecar with the trace's new name, as `runs.rename` has it."""
    sweep = f"{new}.run.json" if run["sweep"] == f"{old}.run.json" else run["sweep"]
    return {**run, "sweep": sweep, "tags": {**(run["tags"] or {}), "trace": new}}


# --- to and from a database -----------------------------------------------------------------------------


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Put rows of a table of ours, as entries hold them, into that table.

    Raises:
        duckdb.Error: a value does not fit.
    """
    text = json.dumps(list(rows), ensure_ascii=False)
    connection.execute(f"INSERT INTO {table} {_rows(table)}", {"rows": text})


def _rows(table: str) -> str:
    columns = schema.BY_NAME[table].columns
    kinds = json.dumps([{c.name: "VARCHAR" if c.type == "JSON" else c.type for c in columns}])
    names = ", ".join(f"one.{c.name}::{c.type} AS {c.name}" for c in columns)
    return f"SELECT {names} FROM (SELECT unnest(from_json_strict($rows, {schema.literal(kinds)})) AS one)"


def rows_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
    """The rows of a table as entries hold them, in the order of their numbers."""
    columns = schema.BY_NAME[table].columns
    names = ", ".join(f"{c.name}::VARCHAR AS {c.name}" if c.type == "JSON" else c.name for c in columns)
    texts = connection.execute(
        f"SELECT to_json(one)::VARCHAR FROM (SELECT {names} FROM {table}) AS one ORDER BY {columns[0].name}"
    ).fetchall()
    return [json.loads(text) for (text,) in texts]


def path_of(folder: str, sha256: str | None) -> str:
    """Where the entry of a report or of a file of runs lies."""
    name = sha256 or ""
    if not _HASH.fullmatch(name):
        name = hashlib.sha256(name.encode()).hexdigest()
    return f"{folder}/{name}{_SUFFIX}"


def entry(
    trace: Mapping[str, Any] | None,
    rows: Mapping[str, int],
    runs: list[dict[str, Any]],
    measured: list[int],
) -> dict[str, Any]:
    """An entry of this version."""
    return {
        "schema_version": schema.SCHEMA_VERSION,
        "traceql_version": __version__,
        "trace": trace,
        "rows": dict(rows),
        "runs": runs,
        "measured": measured,
    }


def encoded(one: Mapping[str, Any]) -> bytes:
    """The content of an entry's file."""
    return json.dumps(one, ensure_ascii=False, indent=1).encode()
