"""Processes as traces of their own: SELECTs over ``old.TABLE``, for questions that compare traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traceql.tables.schema import Table


class Part(NamedTuple):
    """A process of a trace, and what it is to be called."""

    trace_id: int
    process_id: int
    name: str


def selects(parts: Sequence[Part]) -> dict[str, str]:
    """Table → a SELECT of what the processes have of it, each as a trace; each has all of the trace's own.

    The traces have the numbers -1, -2 …, which no stored one has; ids of rows stay as they are.
    """
    ranges = _of_process("nvtx_ranges", parts)
    found = {"nvtx_ranges": ranges}
    for table in schema.TABLES:
        if table.of_trace and table.name not in found:
            found[table.name] = _select(table, parts)
    return found


def _select(table: Table, parts: Sequence[Part]) -> str:
    names = {column.name for column in table.columns}
    if "process_id" in names:
        return _of_process(table.name, parts)
    if "range_id" in names:
        # The rows of a range go with it.
        return f"""
SELECT kept.* REPLACE (ranges.trace_id AS trace_id)
FROM old.{table.name} AS kept
JOIN (SELECT range_id, trace_id FROM nvtx_ranges) AS ranges USING (range_id)"""
    own = f", {{}} AS {table.columns[1].name}" if table.name == "traces" else ""
    return "\nUNION ALL\n".join(
        f"SELECT * REPLACE ({-number} AS trace_id{own.format(schema.literal(part.name))}) "
        f"FROM old.{table.name} WHERE trace_id = {part.trace_id}"
        for number, part in enumerate(parts, start=1)
    )


def _of_process(table: str, parts: Sequence[Part]) -> str:
    return "\nUNION ALL\n".join(
        f"SELECT * REPLACE ({-number} AS trace_id) FROM old.{table} "
        f"WHERE trace_id = {part.trace_id} AND process_id = {part.process_id}"
        for number, part in enumerate(parts, start=1)
    )
