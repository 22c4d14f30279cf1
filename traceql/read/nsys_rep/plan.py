"""What is decoded: the tables and columns that are wanted, and the fields that they and the checks need."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from traceql.read.nsys_rep import layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traceql.read.base import Wanted
    from traceql.read.nsys_rep.layout import Column, EventTable
    from traceql.read.nsys_rep.messages import Path


class Selected(NamedTuple):
    """A table to build, and the columns of it to build."""

    table: EventTable
    columns: tuple[Column, ...]
    frames: tuple[Column, ...]
    frame_ids: tuple[str, ...]


class Plan(NamedTuple):
    """What to build, and which fields that (and the checks) needs.

    Attributes:
        tables: to build, by payload.
        keep: number fields to decode.
    """

    tables: Mapping[int, list[Selected]]
    keep: frozenset[Path]


def plan(wanted: Wanted | None, version: layout.Version | None) -> Plan:
    """Choose tables, columns and fields.

    Args:
        wanted: tables and columns to build; None means all.
        version: of the file; decides between columns that came and went. None means the newest.
    """
    newest = version or layout.NEWEST_TESTED
    chosen: dict[int, list[Selected]] = {payload: [] for payload in (*layout.PAYLOAD_NAMES, layout.GENERIC)}
    keep = {*layout.NANOSECOND_FLAGS.values(), *layout.STRING_IDS, *layout.CLASS_FIELD.values()}
    keep |= set(layout.OWNER_FIELD.values())
    for table in layout.EVENT_TABLES:
        every = [
            column
            for column in table.columns
            if (column.since is None or newest >= column.since)
            and (column.until is None or newest < column.until)
        ]
        columns_ = tuple(column for column in every if _is_wanted(wanted, table.name, column.name))
        frames: tuple[Column, ...] = ()
        frame_ids: tuple[str, ...] = ()
        if table.chains is not None:
            frames = tuple(
                column
                for column in table.chains.columns
                if _is_wanted(wanted, table.chains.name, column.name)
            )
            frame_ids = tuple(
                name for name in ("id", "stackDepth") if _is_wanted(wanted, table.chains.name, name)
            )
        if columns_ or frames or frame_ids:
            chosen[table.payload].append(Selected(table, columns_, frames, frame_ids))
            keep |= {path for column in columns_ for path in column.paths}
    return Plan(chosen, frozenset(keep))


def _is_wanted(wanted: Wanted | None, table: str, column: str) -> bool:
    return wanted is None or column in wanted.get(table, ())
