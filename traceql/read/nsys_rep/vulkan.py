"""What pipelines of Vulkan took to create: in tables of their own, as the export has them.

In a report it is part of the call that created them, which the export numbers: a pipeline names its call so,
and a stage its pipeline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from traceql.read import protobuf
from traceql.read.nsys_rep import layout
from traceql.read.nsys_rep.arrow import tables_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traceql.read.buffer import Buffer
    from traceql.read.nsys_rep.messages import Field, Path

CALLS: Final = "VULKAN_API"
CREATIONS: Final = "VULKAN_PIPELINE_CREATION_EVENTS"
STAGES: Final = "VULKAN_PIPELINE_STAGE_EVENTS"
TABLES: Final = frozenset({CALLS, CREATIONS, STAGES})
#: What holds the messages of a call's pipelines, until `Pipelines` has taken it apart.
COLUMN: Final = "pipelines"

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    CREATIONS: ("id", "duration", "flags", "traceEventId"),
    STAGES: ("id", "duration", "flags", "creationEventId"),
}
_TYPES: Final = {
    **dict.fromkeys(("id", "traceEventId", "creationEventId"), pa.int64()),
    "flags": pa.uint32(),
}


def column(buffer: Buffer, fields: Mapping[Path, Field], count: int) -> pa.Array | None:
    """The messages of each call's pipelines; None where no call has one."""
    found = fields.get(layout.PIPELINES)
    if found is None or found.sizes is None:
        return None
    messages: list[list[bytes]] = [[] for _ in range(count)]
    rows = range(count) if found.rows is None else found.rows.tolist()
    for row, start, size in zip(rows, found.values.tolist(), found.sizes.tolist(), strict=True):
        messages[row].append(bytes(buffer.view[start : start + size]))
    return pa.array([one or None for one in messages], pa.list_(pa.binary()))


class Pipelines:
    """The calls are numbered, and their pipelines and stages kept, in the order of the report.

    Attributes:
        rows: table → its rows.
    """

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {CREATIONS: [], STAGES: []}
        self._calls = 0

    def apart(self, calls: pa.RecordBatch) -> pa.RecordBatch:
        """The calls as the export has them: with their numbers, without what their pipelines took."""
        first = self._calls + 1
        self._calls += calls.num_rows
        at = calls.schema.names.index(COLUMN)
        for row, messages in enumerate(calls.column(at).to_pylist()):
            for message in messages or ():
                self._take(protobuf.message(message), first + row)
        ids = pa.array(range(first, self._calls + 1), pa.int64())
        names = [name for name in calls.schema.names if name != COLUMN]
        arrays = [ids, *(calls.column(name) for name in names)]
        return pa.RecordBatch.from_arrays(arrays, names=["id", *names])

    def _take(self, creation: protobuf.Message, call: int) -> None:
        number = self._add(CREATIONS, creation, call)
        for stage in protobuf.submessages(creation, 3):
            self._add(STAGES, stage, number)

    def _add(self, table: str, told: protobuf.Message, of: int) -> int:
        rows = self.rows[table]
        values = (len(rows) + 1, protobuf.number(told, 1), protobuf.number(told, 2), of)
        rows.append(dict(zip(_COLUMNS[table], values, strict=True)))
        return len(rows)

    def tables(self) -> dict[str, pa.Table]:
        """The tables that have rows."""
        return tables_of(self.rows, _COLUMNS, _TYPES)
