"""What was recorded, where and when: processes, threads, GPUs, contexts, streams, strings, times."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from traceql.read import protobuf
from traceql.read.arrays import of_texts
from traceql.read.nsys_rep import binary_payloads, clocks, layout, samples
from traceql.read.nsys_rep.arrow import arrow_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from traceql.read.base import Wanted
    from traceql.read.nsys_rep.container import Container
    from traceql.read.nsys_rep.samples import Layout
    from traceql.read.protobuf import Message

Row = dict[str, Any]
_OF_METRICS: Final = {f"TARGET_INFO_{table}": table for table in samples.TABLES.values()}
#: What `of_generic_events` makes.
OF_GENERIC_EVENTS: Final = frozenset(
    {*_OF_METRICS, "GENERIC_EVENT_SOURCES", "GENERIC_EVENT_TYPES", "GENERIC_EVENT_TYPE_FIELDS"}
)


def tables(container: Container, processes: Sequence[bytes], wanted: Wanted | None) -> dict[str, pa.Table]:
    """Every raw table that holds no events and tells of none, leaving out those without rows.

    Raises:
        WireError: a message is not valid.
    """
    rows: dict[str, list[Row]] = {
        "PROCESSES": _processes(processes),
        "ThreadNames": [_row(thread, "ThreadNames") for thread in container.thread_names],
        "ProcessStreams": [_row(stream, "ProcessStreams") for stream in container.process_streams],
        "ANALYSIS_FILE": _analysis_files(container),
        "ANALYSIS_DETAILS": _details(container),
        "TARGET_INFO_SESSION_START_TIME": _session_start(container),
        "TARGET_INFO_SYSTEM_ENV": _machine(container),
        "TARGET_INFO_CUDA_CONTEXT_INFO": [
            _row(context, "TARGET_INFO_CUDA_CONTEXT_INFO")
            for context in protobuf.submessages(container.target, 14)
        ],
        "TARGET_INFO_CUDA_STREAM": [
            _row(stream, "TARGET_INFO_CUDA_STREAM") for stream in protobuf.submessages(container.target, 15)
        ],
        "TARGET_INFO_COMPONENT": [
            _row(component, "TARGET_INFO_COMPONENT")
            for component in protobuf.submessages(container.target, 22)
        ],
        "TARGET_INFO_PERF_METRIC": [
            _row(metric, "TARGET_INFO_PERF_METRIC") for metric in protobuf.submessages(container.target, 23)
        ],
        "TARGET_INFO_GPU": [],
        "TARGET_INFO_CUDA_DEVICE": [],
        **{
            f"TARGET_INFO_NVTX_CUDA_{what}": [
                _row(named, f"TARGET_INFO_NVTX_CUDA_{what}")
                for named in protobuf.submessages(container.target, number)
            ]
            for what, number in (("DEVICE", 11), ("CONTEXT", 12), ("STREAM", 13))
        },
        "NVTX_SCOPES": [
            _row(scope, "NVTX_SCOPES")
            for process in protobuf.submessages(container.payload_schemas, 3)
            for scope in protobuf.submessages(process, 6)
        ],
        "NVTX_COUNTERS": binary_payloads.counters(container.payload_schemas),
        **binary_payloads.schema_tables(container.payload_schemas),
    }
    for machine in protobuf.submessages(container.target, 1):
        for devices in protobuf.submessages(machine, 2):
            for gpu in protobuf.submessages(devices, 7):
                row = _row(gpu, "TARGET_INFO_GPU")
                rows["TARGET_INFO_GPU"].append({"vmId": protobuf.signed(machine, 1), **row})
            rows["TARGET_INFO_CUDA_DEVICE"] += [
                _row(device, "TARGET_INFO_CUDA_DEVICE") for device in protobuf.submessages(devices, 9)
            ]
    _check_string_ids(container)
    built = _built(rows, wanted)
    if container.strings:
        strings = _string_table(container.strings)
        if wanted is None:
            built["StringIds"] = strings
        elif "StringIds" in wanted:
            known = [name for name in strings.column_names if name in wanted["StringIds"]]
            built["StringIds"] = strings.select(known)
    return built


def of_generic_events(
    container: Container, layouts: Mapping[int, Layout], wanted: Wanted | None
) -> dict[str, pa.Table]:
    """The raw tables that tell of generic events, and of metrics, leaving out those without rows.

    Args:
        container: the report.
        layouts: of those that there are.
        wanted: tables and columns; None for all.
    """
    metrics = {name: _metrics(layouts, table) for name, table in _OF_METRICS.items()}
    return _built({**metrics, **_generic(container, layouts)}, wanted)


def _built(rows: Mapping[str, list[Row]], wanted: Wanted | None) -> dict[str, pa.Table]:
    return {
        name: _table(name, found, wanted)
        for name, found in rows.items()
        if found and (wanted is None or name in wanted)
    }


def environment(
    container: Container, processes: Sequence[bytes], profiled: set[int] | None
) -> list[tuple[str, str]]:
    """COMMAND_LINE and environment variables of the profiled processes, as (name, value).

    Args:
        container: for the strings.
        processes: the process messages.
        profiled: process ids as in globalPid, without the thread part; None for all processes.
    """
    found: dict[tuple[str, str], None] = {}
    for blob in processes:
        process = protobuf.message(blob)
        if profiled is not None and (protobuf.number(process, 2) or 0) >> 24 not in profiled:
            continue
        command, arguments = (
            protobuf.text(process, 5),
            [_decoded(argument) for argument in protobuf.blobs(process, 9)],
        )
        if arguments:
            # Whether the list begins with the program itself is not known: it stands there once either way.
            if command and arguments[0].rpartition("/")[2] != command.rpartition("/")[2]:
                arguments.insert(0, command)
            found["COMMAND_LINE", shlex.join(arguments)] = None
        elif command:
            found["COMMAND_LINE", command] = None
        text = protobuf.number(process, 13)
        if text is not None:
            for variable in _decoded(container.strings[text]).split("\0"):
                name, equals, value = variable.partition("=")
                if equals and name:
                    found[name, value] = None
    return list(found)


def _decoded(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _row(message: Message, table: str) -> Row:
    row: Row = {}
    for column in layout.INVENTORY[table]:
        if not column.paths:
            continue
        name, kind, number = column.name, column.type, column.paths[0][0]
        if kind == "text":
            row[name] = protobuf.text(message, number)
            continue
        value = protobuf.number(message, number)
        if value is not None:
            if kind == "bool":
                value = bool(value)
            elif kind in ("i32", "i64"):
                value = protobuf.as_signed(value)
            elif kind == "u32" and value >> 32:
                # A negative number, sign-extended to 64 bits as protobuf does: the priority of a stream.
                if value >> 31 != (1 << 33) - 1:
                    raise protobuf.WireError(f"{table}.{name} does not fit 32 bits", 0)
                value &= 0xFFFFFFFF
        row[name] = value
    return row


def _table(name: str, rows: list[Row], wanted: Wanted | None) -> pa.Table:
    schema = {
        column.name: arrow_type(column.type)
        for column in layout.INVENTORY[name]
        if wanted is None or column.name in wanted.get(name, ())
    }
    try:
        arrays = [pa.array([row.get(column) for row in rows], kind) for column, kind in schema.items()]
    except (OverflowError, pa.ArrowInvalid) as error:
        raise protobuf.WireError(f"a number in {name} does not fit its column", 0) from error
    return pa.table(arrays, names=list(schema))


def _string_table(strings: list[bytes]) -> pa.Table:
    ids = pa.array(range(len(strings)), pa.int32())
    values = of_texts(b"".join(strings), np.array([len(one) for one in strings], np.int64))
    return pa.table([ids, values], names=["id", "value"])


def _processes(blobs: Sequence[bytes]) -> list[Row]:
    """One row per process, in order of first appearance, with the last name that it had.

    One step per process message, not per event: a machine has some hundreds.
    """
    names: dict[int, tuple[str | None, str | None]] = {}
    for blob in blobs:
        process = protobuf.message(blob)
        pid = protobuf.number(process, 2)
        if pid is None:
            raise protobuf.WireError("a process has no id", 0)
        name, command = names.get(pid, (None, None))
        names[pid] = (protobuf.text(process, 6) or name, protobuf.text(process, 5) or command)
    return [
        {"globalPid": pid, "pid": (pid >> 24) & 0xFFFFFF, "name": name or command}
        for pid, (name, command) in names.items()
        if name or command
    ]


def _analysis_files(container: Container) -> list[Row]:
    """The process streams again, with their names."""
    rows = []
    for position, stream in enumerate(container.process_streams):
        name = protobuf.number(stream, 2)
        rows.append(
            {
                "id": position,
                "filename": None if name is None else container.string(name, "ANALYSIS_FILE"),
                "contentId": protobuf.number(stream, 3),
                "globalPid": protobuf.number(stream, 1),
            }
        )
    return rows


def _metrics(layouts: Mapping[int, Layout], table: str) -> list[Row]:
    return [
        {
            "typeId": described.type_id,
            "sourceId": described.source_id,
            "typeName": "",
            "metricId": metric,
            "metricName": name,
        }
        for described in layouts.values()
        if described.table == table
        for metric, name in enumerate(described.names)
    ]


def _generic(container: Container, layouts: Mapping[int, Layout]) -> dict[str, list[Row]]:
    """What produced generic events, their kinds, and the numbers of each."""
    # Samples that have a table of their own are no generic events.
    layouts = {type_id: one for type_id, one in layouts.items() if one.table not in samples.TABLES.values()}
    described = {protobuf.number(one, 1): one for one in container.generic_types}
    sources = {layout.source_id for layout in layouts.values()}
    return {
        "GENERIC_EVENT_SOURCES": [
            _row(one, "GENERIC_EVENT_SOURCES")
            for one in container.generic_sources
            if protobuf.number(one, 1) in sources
        ],
        "GENERIC_EVENT_TYPES": [
            {"typeId": one.type_id, "sourceId": one.source_id, "nameId": one.name_id}
            for one in layouts.values()
        ],
        "GENERIC_EVENT_TYPE_FIELDS": [
            {**_row(one, "GENERIC_EVENT_TYPE_FIELDS"), "typeId": type_id, "fieldIdx": position}
            for type_id in layouts
            for position, one in enumerate(protobuf.submessages(described[type_id], 3))
        ],
    }


def _check_string_ids(container: Container) -> None:
    for message, field, what in (
        *((thread, 2, "ThreadNames") for thread in container.thread_names),
        *((stream, 3, "ProcessStreams") for stream in container.process_streams),
    ):
        position = protobuf.number(message, field)
        if position is not None:
            container.string(position, what)


def _details(container: Container) -> list[Row]:
    span = clocks.trace_span(container)
    if span is None:
        return []
    devices = protobuf.submessages(container.header, 1)
    start, stop = span
    vid = protobuf.number(devices[0], 3) if devices else None
    return [{"globalVid": vid, "duration": stop - start, "startTime": start, "stopTime": stop}]


# CpuCores, CpuDescription, NvDriverVersion, CudaDriverVersion: of a hundred facts these tell nothing private.
_ABOUT_MACHINES = frozenset({1, 13, 205, 611})


def _machine(container: Container) -> list[Row]:
    """What the profiler noted about the machine, by the numbers that the export calls ``nameEnum``."""
    return [
        {
            "globalVid": protobuf.number(device, 3),
            "devStateName": protobuf.text(device, 1),
            **_row(fact, "TARGET_INFO_SYSTEM_ENV"),
        }
        for device in protobuf.submessages(container.header, 1)
        for facts in protobuf.submessages(device, 2)
        for fact in protobuf.submessages(facts, 1)
        if protobuf.number(fact, 1) in _ABOUT_MACHINES
    ]


def _session_start(container: Container) -> list[Row]:
    start = clocks.session_start(container)
    return [] if start is None else [dict(zip(("utcEpochNs", "utcTime", "localTime"), start, strict=True))]
