"""What a database and its traces hold, and what they lack."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from traceql import given
from traceql.ask import gaps
from traceql.errors import DatabaseError, MissingDataError
from traceql.read.formats import ALWAYS_SAID
from traceql.store import ingest
from traceql.tables import migrations, schema

if TYPE_CHECKING:
    from traceql.ask.answer import Asker

# What `about` says in its own way.
_TAKEN_APART = ("trace_id", "settings", "tags", "warnings", "missing", "unread")


def about(ask: Asker, trace: str) -> dict[str, Any]:
    """Property of a trace → value; what is not known is left out.

    Settings, tags, coverage, rows by table, what was not recorded and warnings are properties of their own.

    Raises:
        QueryError: there is no such trace.
    """
    counted = ingest.rows(ask.store, trace)
    (row,) = ask.store.run("FROM traces WHERE trace = $trace", {"trace": trace}, plain=True).to_pylist(
        maps_as_pydicts="strict"
    )
    facts = {key: value for key, value in row.items() if key not in _TAKEN_APART and value is not None}
    facts |= {f"setting: {key}": value for key, value in settings(row["settings"]).items()}
    facts |= {f"tag: {key}": value for key, value in row["tags"].items()}
    if counted["nvtx_ranges"] or counted["ncu_ranges"]:
        facts |= _coverage(ask, trace)
    facts |= {f"rows: {table}": count for table, count in counted.items() if count}
    lacking = ingest.missing(ask.store, trace)
    # Nobody looked whether they were recorded.
    unstored = migrations.not_stored(row["unread"])
    facts |= {f"not recorded: {table}": option for table, option in lacking.items() if table not in unstored}
    if unstored:
        facts["not stored by an older traceql"] = f"{', '.join(unstored)}: traceql ingest --replace REPORT"
    if unread := migrations.recorded(row["unread"]):
        facts["recorded, not read"] = ", ".join(unread)
    if row["warnings"]:
        # What is special to it comes first.
        facts["warnings"] = sorted(row["warnings"], key=lambda text: text in ALWAYS_SAID)
    return facts


def settings(text: str | None) -> dict[str, Any]:
    """What `traces.settings` says.

    Raises:
        DatabaseError: nobody can read it: it is nested too deep, or a number has too many digits.
    """
    try:
        found: dict[str, Any] = given.from_json(text or "{}")
    except (ValueError, RecursionError) as error:
        raise DatabaseError(
            f"traces.settings cannot be read ({error})",
            "The database was damaged, or made by another program: ingest the report again into a new one.",
        ) from error
    return found


def _coverage(ask: Asker, trace: str) -> dict[str, Any]:
    """How much of the GPU work is attributed to NVTX ranges."""
    try:
        found = ask.answer("coverage", {"trace": trace}, plain=True).table.to_pylist()
    except MissingDataError:
        return {}
    return {
        f"in NVTX ranges: {what}": f"{row[f'{column}_in_ranges_pct']:.1f} %"
        for row in found
        for what, column in (("kernels", "kernels"), ("GPU time", "gpu"))
        if row[f"{column}_in_ranges_pct"] is not None
    }


def tables(ask: Asker) -> list[tuple[str, str, int | None, str]]:
    """Every table and view: name, kind, rows over all traces (of tables), and what one row is."""
    counts = " UNION ALL ".join(
        f"SELECT {schema.literal(t.name)} AS name, count(*) AS rows FROM {t.name}" for t in schema.TABLES
    )
    counted = {row["name"]: row["rows"] for row in ask.store.run(counts).to_pylist()}
    found: list[tuple[str, str, int | None, str]] = [
        (table.name, "table", counted[table.name], table.grain) for table in schema.TABLES
    ]
    found += [
        (definition.name, "view", None, definition.comments[""])
        for definition in ask.store.definitions.by_name.values()
        if definition.kind == "VIEW"
    ]
    return sorted(found, key=lambda row: (row[1], row[0]))


def unanswerable(ask: Asker) -> dict[str, str]:
    """Questions that no trace here answers, or not wholly → what is missing, and how to record it."""
    # Most questions ask the same about traces.
    return gaps.unanswerable(cache(partial(ask.store.run, plain=True)), ask.catalog)
