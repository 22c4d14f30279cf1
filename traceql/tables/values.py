"""Values that a database of ours does not hold, as conditions in SQL: a stranger's may.

What everything else is built on, the rows of ``traces``, is looked at when a database is opened. Other tables
may be large, and most questions can live with what they hold: they are looked at when a question has failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Two of them can be added. As times in nanoseconds, 73 years.
_LARGEST = 2**61
_LARGEST_NUMBER = 1e300
#: Numbers of traces and runs are below it: ids are a number × 2^32 and more, and signed.
MOST_NUMBERS = 2**31

#: Column of traces → what it must be, and the condition of a row whose value is not.
TRACES: Mapping[str, tuple[str, str]] = {
    "trace_id": ("a number of its own", f"trace_id IS NULL OR trace_id < 1 OR trace_id >= {MOST_NUMBERS}"),
    "trace": ("a name of its own", "trace IS NULL OR trace = ''"),
    "profiler": ("a name", "profiler IS NULL"),
    "has_timeline": ("true or false", "has_timeline IS NULL"),
    "has_counters": ("true or false", "has_counters IS NULL"),
    "captured_at": (
        "a date of the years 1 to 9999",
        "NOT coalesce(captured_at BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31', true)",
    ),
    "start_utc_ns": ("a time of less than 73 years", f"abs(start_utc_ns::HUGEINT) > {_LARGEST}"),
    "trace_duration_ns": (
        "a time of less than 73 years",
        f"trace_duration_ns < 0 OR trace_duration_ns > {_LARGEST}",
    ),
    "settings": (
        "a JSON object",
        "CASE WHEN json_valid(settings) THEN json_type(settings) <> 'OBJECT' ELSE settings IS NOT NULL END",
    ),
    "tags": (
        "names with texts",
        "tags IS NULL OR list_count(map_values(tags)) < len(map_values(tags))",
    ),
    "warnings": (
        "a list of texts",
        "warnings IS NULL OR list_count(warnings) < len(warnings)",
    ),
    "missing": (
        "a list of names",
        "missing IS NULL OR list_count(missing) < len(missing)",
    ),
    "unread": (
        "a list of texts",
        "list_count(unread) < len(unread)",
    ),
}
# Of which no two rows may hold the same.
_UNIQUE = ("trace_id", "trace")


def wrong_traces(source: str) -> str:
    """SQL whose row counts, for each of `TRACES`, the traces of which it is not what it must be.

    Args:
        source: what is read in place of the table.
    """
    columns = []
    for name, (_, wrong) in TRACES.items():
        again = f" + count({name}) - count(DISTINCT {name})" if name in _UNIQUE else ""
        columns.append(f"count(*) FILTER ({wrong}){again} AS {name}")
    return f"SELECT {', '.join(columns)} FROM {source}"


def out_of_range(table: schema.Table, source: str) -> str | None:
    """SQL whose row holds, for each column that can be out of range, one value that is; None without any.

    Args:
        table: of ours.
        source: what is read in its place.
    """
    conditions = {column.name: _odd(column) for column in table.columns}
    columns = [
        f"any_value({name}) FILTER ({odd})::VARCHAR AS {name}" for name, odd in conditions.items() if odd
    ]
    return f"SELECT {', '.join(columns)} FROM {source}" if columns else None


def _key(table: schema.Table) -> tuple[str, ...]:
    """Columns that tell a table's rows apart where questions count on it; an id of its own comes first."""
    if table.name == "metrics":
        return ("kernel_id", "metric")
    first = table.columns[0].name
    return (first,) if first.endswith("_id") and first != "trace_id" else ()


def twice(table: schema.Table, source: str) -> str | None:
    """SQL whose row, if there is one, holds what should tell two rows apart; None where nothing does.

    The arguments are those of `out_of_range`.
    """
    if not (key := ", ".join(_key(table))):
        return None
    return f"SELECT {key} FROM {source} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1"


def _odd(column: schema.Column) -> str:
    name = column.name
    if column.type == "DOUBLE":
        return f"NOT isfinite({name}) OR abs({name}) > {_LARGEST_NUMBER}"
    if column.type == "TIMESTAMP":
        return TRACES[name][1]
    if column.type not in ("BIGINT", "INTEGER"):
        return ""
    # Three of them are multiplied, twice.
    largest = 2**31 - 2 if name.startswith(("grid_", "block_")) or column.type == "INTEGER" else _LARGEST
    return f"{name} > {largest} OR {name} < {-largest}"


def tables_of(words: Iterable[str]) -> list[schema.Table]:
    """The tables of ours that are among some words, in order."""
    among = frozenset(words)
    return [table for table in schema.TABLES if table.name in among]
