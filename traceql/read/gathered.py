"""Raw tables that are gathered from many of the report's own: events of unknown meaning, samples of counters.

An export has a table for each kind of event and one for each NVTX counter, whose columns are the counter's
own fields. Normalising steps name the tables and columns that they read, so what has no fixed form is turned
into one here: a row per event with its other columns as JSON, a row per value of a counter.
"""

from __future__ import annotations

import json
import math
import re
from functools import cached_property, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from traceql.read.base import PiecedTable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from traceql.read.base import RawTable

#: The gathered tables, and their columns.
EVENTS: Final = "OTHER_EVENTS"
SAMPLES: Final = "NVTX_COUNTER_SAMPLES"
GATHERED: Final[Mapping[str, tuple[str, ...]]] = {
    EVENTS: ("source", "start", "end", "globalTid", "typeId", "nameId", "textId", "data"),
    SAMPLES: ("domainId", "counterId", "timestamp", "field", "value"),
}

_EVENTS: Final = re.compile(
    r"(?:DX1[12]|DXGI|D3D1[12]|NVAPI|VULKAN|OPENGL|SLI|WDDM|NV_LOAD_BALANCE|NVVIDEO|GPU_VIDEO_ENGINE|NVTXT)_\w+"
    r"|KHR_DEBUG_EVENTS|SYSCALL(?:_API|_EVENTS)?|ETW_EVENTS(?:_DEPRECATED_TABLE)?|MEMORY_TRANSFER_EVENTS"
    r"|TRACE_PROCESS_EVENT_NVMEDIA|TEGRA_INTERNAL_API_CALLS|OSRT_FILE_ACCESS_(?:EVENTS|DESCRIPTORS)"
    r"|NET_IB_(?:SWITCH_)?CONGESTION_EVENTS?|MPI_COMMUNICATORS|UCP_WORKERS|CUDA_HOST_CALLBACK"
    r"|CUPTI_ACTIVITY_KIND_(?:JIT|MEM_DECOMPRESS|GRAPH_HOST_NODE_AND_HOST_LAUNCH|(?:BLOCK|WARP)(?:_PHASE)?_TRACE)"
)
_SAMPLES: Final = re.compile(r"NVTX_COUNTER_SAMPLES_(?P<domain>\d+)_(?P<counter>\d+)")


class _Part(NamedTuple):
    """Rows of another table that are told with those of a table.

    Attributes:
        name: what they are called there.
        table: that holds them.
        key: their column with the number of the row that they are a part of.
    """

    name: str
    table: str
    key: str


# Of a table that numbers its rows (id), what tells more of them.
_PARTS: Final[Mapping[str, tuple[_Part, ...]]] = {
    "VULKAN_API": (
        _Part("pipelines", "VULKAN_PIPELINE_CREATION_EVENTS", "traceEventId"),
        _Part("memory", "VULKAN_MEMORY_OPERATION", "traceEventId"),
    ),
    "VULKAN_PIPELINE_CREATION_EVENTS": (_Part("stages", "VULKAN_PIPELINE_STAGE_EVENTS", "creationEventId"),),
    "VULKAN_MEMORY_OPERATION": (_Part("types", "VULKAN_MEMORY_TYPES", "memOpId"),),
    "DX12_API": (_Part("memory", "DX12_MEMORY_OPERATION", "traceEventId"),),
    "NVAPI_API": (_Part("memory", "NVAPI_MEMORY_OPERATION", "traceEventId"),),
}
_NUMBER: Final = "id"
_FILE_ACCESSES, _FILES = "OSRT_FILE_ACCESS_EVENTS", "OSRT_FILE_ACCESS_DESCRIPTORS"
_TOLD_WITH_OTHERS: Final = frozenset({_FILES, *(part.table for parts in _PARTS.values() for part in parts)})
_RANKS, _COMMUNICATORS = "MPI_RANKS", "MPI_COMMUNICATORS"
# Of which no time is told. The thread of a worker is not told by reports: it belongs to the process.
_WITHOUT_TIME: Final = frozenset({"UCP_WORKERS"})
_OF_PROCESSES: Final = frozenset({"UCP_WORKERS", _COMMUNICATORS})
_PROCESS: Final = ~0xFFFFFF
# What tables call the columns that all events have.
_NAMES: Final = {
    "start": ("start", "timestamp", "startedAt"),
    "end": ("end", "endedAt"),
    "globalTid": ("globalTid", "globalPid"),
    "typeId": ("typeId",),
    "nameId": ("nameId", "taskName", "apiCallId"),
    "textId": ("textId",),
}


_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def belongs(table: str) -> bool:
    """Whether a table of an export is gathered.

    >>> belongs("VULKAN_API"), belongs("NVTX_COUNTER_SAMPLES_0_16777217"), belongs("NVTX_EVENTS")
    (True, True, False)
    """
    return bool(_EVENTS.fullmatch(table) or _SAMPLES.fullmatch(table))


def gathered(tables: Mapping[str, RawTable], wanted: Collection[str] | None) -> dict[str, RawTable]:
    """The gathered tables that are wanted and have a source among the report's."""
    found: dict[str, RawTable] = {}
    if wanted is not None and EVENTS not in wanted and SAMPLES not in wanted:
        return found
    of_events = {
        name: table for name, table in tables.items() if _EVENTS.fullmatch(name) and _is_told(name, table)
    }
    samples = {
        name: table
        for name, table in tables.items()
        if _SAMPLES.fullmatch(name) and "timestamp" in table.column_names
    }
    if of_events:
        found[EVENTS] = _Gathered(EVENTS, of_events, partial(_events, beside=_Beside(tables)))
    if samples:
        found[SAMPLES] = _Gathered(SAMPLES, samples, _samples)
    return found


def left(tables: Mapping[str, RawTable]) -> frozenset[str]:
    """Those of the tables that belong to the gathered ones by their names and are no rows of them.

    What has no time is no event, unless it tells more of one that is there.
    """
    told_with = {part.table for whole, parts in _PARTS.items() if whole in tables for part in parts}
    if _FILE_ACCESSES in tables:
        told_with.add(_FILES)
    return frozenset(
        name
        for name, table in tables.items()
        if _EVENTS.fullmatch(name) and not _is_told(name, table) and name not in told_with
    )


def _is_told(name: str, table: RawTable) -> bool:
    has_time = any(one in table.column_names for one in _NAMES["start"])
    return name in _WITHOUT_TIME or (has_time and name not in _TOLD_WITH_OTHERS)


def events(source: str, table: RawTable, beside: Mapping[str, RawTable] = _NOTHING) -> pa.Table:
    """The rows of `EVENTS` that a table of events becomes.

    Args:
        source: the table's name.
        table: its rows.
        beside: tables that tell more of them: what pipelines of Vulkan took, the ranks of MPI.
    """
    return _table(EVENTS, list(_events(source, table, _Beside(beside))))


class _Beside:
    """Tables that tell more of events than their own; each is read once."""

    def __init__(self, tables: Mapping[str, RawTable]) -> None:
        self._tables = tables
        self._parts: dict[str, list[tuple[str, dict[int, list[dict[str, Any]]]]]] = {}

    def parts(self, table: str) -> list[tuple[str, dict[int, list[dict[str, Any]]]]]:
        """What is told with the rows of a table: its name, and its rows by the number of that row."""
        if table not in self._parts:
            self._parts[table] = [(part.name, self._of(part)) for part in _PARTS.get(table, ())]
        return self._parts[table]

    def _of(self, part: _Part) -> dict[int, list[dict[str, Any]]]:
        found: dict[int, list[dict[str, Any]]] = {}
        inner = self.parts(part.table)
        for row in _rows(self._tables, part.table, (part.key,)):
            of, number = row.pop(part.key), row.pop(_NUMBER, None)
            found.setdefault(of, []).append(
                row | {name: rows[number] for name, rows in inner if number in rows}
            )
        return found

    @cached_property
    def processes(self) -> dict[int, int]:
        """Rank of MPI → its process."""
        ranks = _rows(self._tables, _RANKS, ("rank", "globalTid"))
        return {row["rank"]: row["globalTid"] & _PROCESS for row in ranks}

    @cached_property
    def files(self) -> dict[int, str]:
        """Access to a file → its path."""
        rows = _rows(self._tables, _FILES, ("fileAccessId", "filePath"))
        return {row["fileAccessId"]: row["filePath"] for row in rows}


def _rows(tables: Mapping[str, RawTable], name: str, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    """The rows of a table that have the first of these columns; none where it lacks one of them."""
    table = tables.get(name)
    if table is None or not set(columns) <= set(table.column_names):
        return []
    return [row for row in table.select(table.column_names).to_pylist() if row[columns[0]] is not None]


class _Gathered:
    """Several tables as one."""

    def __init__(
        self,
        name: str,
        tables: Mapping[str, RawTable],
        rows: Callable[[str, RawTable], Iterable[dict[str, Any]]],
    ) -> None:
        self._name = name
        self._tables = tables
        self._rows = rows
        self.column_names = list(GATHERED[name])

    def select(self, columns: Sequence[str], /) -> pa.Table:
        import pyarrow as pa

        return pa.Table.from_batches(
            self.pieces(columns), _table(self._name, []).select(list(columns)).schema
        )

    def pieces(self, columns: Sequence[str], /) -> Iterator[pa.RecordBatch]:
        for name, table in self._tables.items():
            for some in _pieces(table):
                yield from _table(self._name, list(self._rows(name, some))).select(list(columns)).to_batches()


def _pieces(table: RawTable) -> Iterator[RawTable]:
    """A table, some rows at a time if it can be read so."""
    import pyarrow as pa

    if not isinstance(table, PiecedTable):
        yield table
        return
    for rows in table.pieces(table.column_names):
        yield pa.Table.from_batches([rows])


def _table(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    import pyarrow as pa

    texts = {"source": pa.string(), "data": pa.string(), "field": pa.string(), "value": pa.float64()}
    columns = {
        column: pa.array([row.get(column) for row in rows], texts.get(column, pa.int64()))
        for column in GATHERED[name]
    }
    return pa.table(columns)


def _events(source: str, table: RawTable, beside: _Beside) -> Iterable[dict[str, Any]]:
    parts = beside.parts(source)
    files = beside.files if source == _FILE_ACCESSES else {}
    processes = beside.processes if source == _COMMUNICATORS else {}
    known = {
        ours: next(name for name in names if name in table.column_names)
        for ours, names in _NAMES.items()
        if any(name in table.column_names for name in names)
    }
    # The number of a row is for those that are told with it.
    own = {*known.values(), *([_NUMBER] if source in _PARTS else [])}
    others = [name for name in table.column_names if name not in own]
    rows = table.select(table.column_names).to_pylist()
    for row in rows:
        found: dict[str, Any] = {"source": source, **{ours: as_id(row[name]) for ours, name in known.items()}}
        if source == _COMMUNICATORS:
            found["globalTid"] = processes.get(row.get("rank"))
        elif source in _OF_PROCESSES and found.get("globalTid") is not None:
            found["globalTid"] &= _PROCESS
        told = {name: row[name] for name in others if row[name] is not None}
        told |= {name: rows[row[_NUMBER]] for name, rows in parts if row.get(_NUMBER) in rows}
        if (path := files.get(row.get("fileAccessId", -1))) is not None:
            told["filePath"] = path
        if told:
            found["data"] = as_json(told)
        yield found


def _samples(source: str, table: RawTable) -> Iterable[dict[str, Any]]:
    match = _SAMPLES.fullmatch(source)
    assert match is not None
    key = {"domainId": as_id(int(match["domain"])), "counterId": as_id(int(match["counter"]))}
    fields = [name for name in table.column_names if name != "timestamp"]
    for row in table.select(table.column_names).to_pylist():
        for field in fields:
            value = row[field]
            if isinstance(value, (int, float)):
                yield {**key, "timestamp": row["timestamp"], "field": field, "value": float(value)}


def as_id(value: Any) -> int | None:
    """A number of 64 bits as the same bits signed, as SQLite holds it; what is no whole number is NULL.

    >>> as_id(2**64 - 1), as_id("text"), as_id(None)
    (-1, None, None)
    """
    if not isinstance(value, int):
        return None
    return value - (1 << 64) if value >> 63 == 1 else value


def as_json(told: Mapping[str, Any]) -> str:
    """Values by name as JSON; what is JSON already stands in it as such.

    >>> as_json({"gpu": 0, "data": '{"a":1}', "ratio": float("nan")})
    '{"gpu":0,"data":{"a":1},"ratio":null}'
    """
    return json.dumps(
        {name: _plain(value) for name, value in told.items()}, ensure_ascii=False, separators=(",", ":")
    )


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, int) and not isinstance(value, bool):
        # As the forms that have no unsigned numbers.
        return as_id(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str) and value[:1] == "{":
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
