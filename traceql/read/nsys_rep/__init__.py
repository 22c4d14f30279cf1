"""Native reader of Nsight Systems reports: ``.nsys-rep``, and ``.qdrep`` as it was called before.

NVIDIA does not document this format. What is known of it was read off report files and compared, row by row,
with what ``nsys export`` says about the same files; ``docs/nsys-rep-format.md`` tells what is proven. Where
the two disagree, ``nsys export`` is right. So the reader refuses what it would have to guess, and names what
it does not know.

============ ==========================================================================
`container`  the file: sections, index, compressed blocks, strings
`layout`     which field becomes which column of which raw table
`events`     event blocks → event tables, in these three steps:
`plan`       what is decoded
`decode`     blocks → fields; `checks` what must be true of them, `tally` counts them
`in_turn`    processes that share that work
`assemble`   fields → Arrow tables; `chains` of calls, with their frames
`blocks`     where the events in a block begin and end
`alike`      events that are made alike, thousands at once
`together`   their fields and those of all others, in the order of the events
`messages`   thousands of protobuf messages of any form at once; `leftover` what is left one by one
`arrow`      a field → an array
`samples`    generic events: GPU metrics, laid out as the report says
`mpi`        calls of MPI, out of the NVTX events that they are in a report
`ucx`        calls of UCX, likewise
`vulkan`     pipelines of Vulkan, out of the calls that created them
`records`    what libraries tell once: communicators, workers
`waiting`    rows until all events are decoded
`inventory`  the other tables: processes, threads, GPUs, streams; `clocks` the times
`verify`     the report's own counts, and what was not understood
`refusals`   errors that name the file, the byte, and a way out
============ ==========================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from traceql.read import gathered, unread
from traceql.read.arrays import rows_at
from traceql.read.base import RawReport
from traceql.read.formats import NSYS_REP_OPTIONS
from traceql.read.nsys_rep import inventory, layout, mpi, records, samples, ucx, verify, vulkan
from traceql.read.nsys_rep.container import MAGIC, open_container
from traceql.read.nsys_rep.events import collect
from traceql.read.nsys_rep.waiting import Waiting
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from traceql.read.base import Delivery, Progress, Wanted
    from traceql.read.nsys_rep.container import Container
    from traceql.read.nsys_rep.events import Events
    from traceql.read.nsys_rep.records import Record
    from traceql.read.nsys_rep.tally import Tally

__all__ = ["MAGIC", "read"]

_GRAPH_LAUNCH_CLASS = 7
_KERNELS = "CUPTI_ACTIVITY_KIND_KERNEL"
_DIAGNOSTICS = "DIAGNOSTIC_EVENT"
_DIAGNOSTIC_COLUMNS = ("text", "globalPid")
_NVTX, _ENTRIES = "NVTX_EVENTS", "NVTX_PAYLOAD_SCHEMA_ENTRIES"
_ENTRY_COLUMNS = ("domainId", "schemaId", "idx", "flags", "type", "name", "offset")
# Tables of events, other than those that are decoded first, and those that tell of them.
_LATE = frozenset(
    {
        *(
            name
            for table in layout.EVENT_TABLES
            if table.payload not in layout.FIRST
            for name in (table.name, table.chains and table.chains.name)
            if name is not None
        ),
        *inventory.OF_GENERIC_EVENTS,
        *vulkan.TABLES,
        gathered.EVENTS,
        mpi.COMMUNICATORS,
        ucx.WORKERS,
    }
)


def read(
    path: Path,
    *,
    wanted: Wanted | None,
    progress: Progress,
    deliver: Delivery | None = None,
    at_once: int = 1,
) -> RawReport:
    """Decode the report at `path`.

    Args:
        path: of an uncompressed report.
        wanted: raw tables and columns to build; None means all. Every check is made in any case.
        progress: called with (events decoded, events in the report).
        deliver: takes tables as they come, see `base.ReadFunction`: ranges, and all that tells of no events,
            before all others.
        at_once: processes that may decode them; see `in_turn`.

    Raises:
        UnknownFormatError: the file is no Nsight Systems report.
        TruncatedReportError: the file ends early.
        UnsupportedReportError: the file holds something that would be misread.
        ReportError: the file contradicts itself.
    """
    container = open_container(path)
    noted = _Noted(wanted, deliver)
    needed = _with_needed(wanted)

    def when_first(processes: Sequence[bytes]) -> None:
        others = inventory.tables(container, processes, needed)
        noted.named = inventory.environment(container, processes, None)
        noted.take_others(others, container.strings)

    try:
        layouts = samples.layouts(container)
        events = collect(container, layouts, needed, progress, noted.take, when_first, at_once)
        seen = {one: layouts[one] for one in sorted(events.tally.generic_seen) if one in layouts}
        generic = inventory.of_generic_events(container, seen, needed)
        found = records.records(container.payload_schemas)
        environment = inventory.environment(container, events.processes, _profiled(events.tally))
    except WireError as error:
        raise container.source.damaged(error.what, container.data.find(b"QDTEXT00")) from error
    findings = _findings(container, events, noted)
    told = noted.take_records(found)
    return RawReport(
        kind="nsys",
        tables=_as_wanted({**noted.others, **generic, **noted.tables(), **told}, wanted),
        tool_version=container.source.tool_version,
        settings=_settings(events, noted),
        environment=environment,
        named=noted.named,
        complete=findings.counts_agree is not False,
        counts_agree=findings.counts_agree,
        warnings=findings.warnings,
        unread=[] if wanted is None else unread.said(_counted(events.tally), wanted),
    )


def _counted(tally: Tally) -> dict[str, int | None]:
    """Event table → events that are in no other one."""
    found: dict[tuple[int, frozenset[int] | None], tuple[str, int]] = {}
    for table in layout.EVENT_TABLES:
        kinds = [(table.payload, one) for one in table.classes or ()]
        events = sum(tally.classes[kind] for kind in kinds) if kinds else tally.payloads[table.payload]
        if events:
            found.setdefault((table.payload, table.classes), (table.name, events))
    frames = {
        table.chains.name: sum(tally.frames[table.payload, one] for one in table.classes or ())
        for table in layout.EVENT_TABLES
        if table.chains is not None
    }
    return {**dict(found.values()), **{name: count for name, count in frames.items() if count}}


def _with_needed(wanted: Wanted | None) -> Wanted | None:
    """`wanted`, and what the reader itself wants to know."""
    if wanted is None:
        return None
    needed: dict[str, Any] = {name: tuple(columns) for name, columns in wanted.items()}
    for name, columns in (
        (_DIAGNOSTICS, _DIAGNOSTIC_COLUMNS),
        (_KERNELS, ("graphNodeId",)),
        *(
            (table.name, tuple(column.name for column in table.columns))
            for table in layout.EVENT_TABLES
            if (gathered.EVENTS in wanted and gathered.belongs(table.name))
            or (table.name == vulkan.CALLS and wanted.keys() & vulkan.TABLES)
        ),
        *(
            ((_NVTX, ucx.NEEDED), (_ENTRIES, _ENTRY_COLUMNS))
            if wanted.keys() & {_NVTX, *mpi.TABLES, mpi.COMMUNICATORS, *ucx.TABLES}
            else ()
        ),
    ):
        needed[name] = (*needed.get(name, ()), *columns)
    return needed


def _as_wanted(built: dict[str, Any], wanted: Wanted | None) -> dict[str, Any]:
    if wanted is None:
        return built
    return {
        name: table.select([column for column in table.column_names if column in wanted[name]])
        for name, table in built.items()
        if name in wanted
    }


class _Noted:
    """What the reader itself wants to know of rows that are delivered, or kept until all are there."""

    def __init__(self, wanted: Wanted | None, deliver: Delivery | None) -> None:
        self._wanted = wanted
        self._deliver = deliver
        self._kept: dict[str, list[pa.RecordBatch]] = {}
        # Calls of MPI and UCX are found among ranges when all that names their domains is there.
        self._nvtx = Waiting()
        self._named: list[dict[str, Any]] = []
        self._ranks: list[pa.Table] = []
        #: Facts about all processes.
        self.named: list[tuple[str, str]] = []
        #: Tables that hold no events, where nobody has taken them.
        self.others: dict[str, pa.Table] = {}
        self.diagnostics: list[tuple[Any, ...]] = []
        self.has_nodes = False
        self.pipelines = vulkan.Pipelines()

    def take(self, name: str, rows: pa.RecordBatch) -> None:
        """Note what is of use, and pass on what is wanted."""
        if name == _DIAGNOSTICS:
            columns = (rows.column(column).to_pylist() for column in _DIAGNOSTIC_COLUMNS)
            self.diagnostics += zip(*columns, strict=True)
        elif name == _KERNELS:
            self.has_nodes = self.has_nodes or rows.column("graphNodeId").null_count < rows.num_rows
        elif name == vulkan.CALLS:
            rows = self.pipelines.apart(rows)
        if gathered.belongs(name):
            beside = self.pipelines.tables() if name == vulkan.CALLS else {}
            self._pass_events(name, pa.Table.from_batches([rows]), beside)
        if name == _NVTX:
            self._await(rows)
        else:
            self._pass(name, rows)

    def _await(self, rows: pa.RecordBatch) -> None:
        kinds = rows.column("eventType").to_numpy(zero_copy_only=False)
        names = np.flatnonzero((kinds == mpi.DOMAIN) | (kinds == mpi.CATEGORY))
        if names.size:
            known = [name for name in ucx.NEEDED if name in rows.schema.names]
            self._named += rows_at(rows.select(known), names)
        self._nvtx.add(rows)

    def take_others(self, others: dict[str, pa.Table], strings: Sequence[bytes]) -> None:
        """Pass on tables that hold no events, and the NVTX events, all of which are there."""
        if self._deliver is None:
            self.others = others
        else:
            self._deliver.told(self.named)
            for name, table in others.items():
                self._pass_all(name, table)
        self._take_apart(others.get(_ENTRIES), strings)
        if self._deliver is not None and self._wanted is not None:
            self._deliver.whole(self._wanted.keys() - _LATE)

    def _take_apart(self, entries: pa.Table | None, strings: Sequence[bytes]) -> None:
        """Pass on the NVTX events, calls of libraries as their own tables."""
        libraries = [library.Calls(self._named, entries, strings) for library in (mpi, ucx)]
        for rows in self._nvtx.taken():
            nvtx = pa.Table.from_batches([rows])
            tables: dict[str, pa.Table] = {}
            for library in libraries:
                nvtx, calls = library.apart(nvtx)
                tables |= calls
            if mpi.RANKS in tables:
                self._ranks.append(tables[mpi.RANKS])
            for name, table in {_NVTX: nvtx, **tables}.items():
                self._pass_all(name, table)

    def take_records(self, found: Sequence[Record]) -> dict[str, pa.Table]:
        """Tables of what libraries told once, and of what pipelines took; behind `take_others`."""
        ranks = {mpi.RANKS: pa.concat_tables(self._ranks)} if self._ranks else {}
        told = {
            mpi.COMMUNICATORS: mpi.communicators(found, ranks.get(mpi.RANKS)),
            ucx.WORKERS: ucx.workers(found),
        }
        tables = {name: table for name, table in told.items() if table is not None}
        for name, table in tables.items():
            self._pass_events(name, table, ranks)
        return {**self.pipelines.tables(), **tables}

    def _pass_events(self, source: str, rows: pa.Table, beside: Mapping[str, pa.Table]) -> None:
        if self._wanted is None or gathered.EVENTS in self._wanted:
            self._pass_all(gathered.EVENTS, gathered.events(source, rows, beside))

    def _pass_all(self, name: str, rows: pa.Table) -> None:
        for some in rows.to_batches():
            self._pass(name, some)

    def _pass(self, name: str, rows: pa.RecordBatch) -> None:
        if self._deliver is None:
            self._kept.setdefault(name, []).append(rows)
        elif self._wanted is None:
            self._deliver.take(name, rows)
        elif name in self._wanted:
            chosen = [column for column in rows.schema.names if column in self._wanted[name]]
            self._deliver.take(name, rows.select(chosen))

    def tables(self) -> dict[str, pa.Table]:
        """What was kept."""
        order = [name for one in layout.EVENT_TABLES for name in (one.name, one.chains and one.chains.name)]
        order += [*mpi.TABLES, *ucx.TABLES]
        return {
            name: pa.Table.from_batches(self._kept[name])
            for name in dict.fromkeys((*order, gathered.EVENTS))
            if name is not None and name in self._kept
        }


def _profiled(tally: Tally) -> set[int]:
    """The processes that were traced: those with API calls, GPU work or NVTX ranges."""
    return {process for _, _, process in tally.owned if process}


def _settings(events: Events, noted: _Noted) -> dict[str, str]:
    if events.tally.classes[layout.CUDA, _GRAPH_LAUNCH_CLASS]:
        return {"cuda_graph_trace": "graph"}
    return {"cuda_graph_trace": "node"} if noted.has_nodes else {}


def _findings(container: Container, events: Events, noted: _Noted) -> verify.Findings:
    findings = verify.diagnostics(noted.diagnostics, events.tally)
    warnings = []
    version = container.version
    if version is None:
        warnings.append("The report does not say which version of Nsight Systems wrote it.")
    elif version > layout.NEWEST_TESTED:
        newest = ".".join(map(str, layout.NEWEST_TESTED))
        warnings.append(
            f"Written by Nsight Systems {container.source.tool_version}; "
            f"reading was tested up to version {newest}."
        )
    warnings.append(NSYS_REP_OPTIONS)
    warnings += [f"Unknown: {what}." for what in container.unknown]
    warnings += verify.unknown(events.tally)
    findings.warnings[:0] = warnings
    return findings
