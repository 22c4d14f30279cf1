"""What was recorded, where and when: processes, threads, GPUs, contexts, streams, strings, times."""

from __future__ import annotations

import datetime
import re
import shlex
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from traceql.read import protobuf
from traceql.read.nsys_rep.events import arrow_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from traceql.read.base import Wanted
    from traceql.read.nsys_rep.container import Container
    from traceql.read.nsys_rep.layout import Type
    from traceql.read.nsys_rep.samples import Layout
    from traceql.read.protobuf import Message

Row = dict[str, Any]

#: Raw table → its columns in the export's order, with their types.
SCHEMAS: Final[Mapping[str, Mapping[str, Type]]] = {
    "PROCESSES": {"globalPid": "u64", "pid": "u64", "name": "text"},
    "ThreadNames": {"nameId": "u64", "priority": "u64", "globalTid": "u64"},
    "ProcessStreams": {"globalPid": "u64", "filenameId": "u32", "contentId": "u32"},
    "ANALYSIS_FILE": {"id": "i32", "filename": "text", "contentId": "u32", "globalPid": "u64"},
    "ANALYSIS_DETAILS": {"globalVid": "u64", "duration": "u64", "startTime": "u64", "stopTime": "u64"},
    "TARGET_INFO_SESSION_START_TIME": {"utcEpochNs": "u64", "utcTime": "text", "localTime": "text"},
    "TARGET_INFO_GPU_METRICS": {
        "typeId": "u64",
        "sourceId": "u64",
        "typeName": "text",
        "metricId": "u64",
        "metricName": "text",
    },
    "TARGET_INFO_CUDA_DEVICE": {"gpuId": "u32", "cudaId": "u32", "pid": "u32"},
    "TARGET_INFO_CUDA_CONTEXT_INFO": {
        "nullStreamId": "u32",
        "hwId": "u32",
        "vmId": "u32",
        "processId": "u32",
        "deviceId": "u32",
        "contextId": "u32",
        "parentContextId": "u32",
        "isGreenContext": "bool",
    },
    "TARGET_INFO_CUDA_STREAM": {
        "streamId": "u32",
        "hwId": "u32",
        "vmId": "u32",
        "processId": "u32",
        "contextId": "u32",
        "priority": "u32",
        "flag": "u32",
    },
    "TARGET_INFO_GPU": {
        "vmId": "i64",
        "id": "u32",
        "name": "text",
        "busLocation": "text",
        "isDiscrete": "bool",
        "l2CacheSize": "u32",
        "totalMemory": "u64",
        "memoryBandwidth": "u64",
        "clockRate": "u32",
        "smCount": "u32",
        "pwGpuId": "u32",
        "uuid": "text",
        "luid": "u64",
        "chipName": "text",
        "cuDevice": "i32",
        "ctxswDevPath": "text",
        "ctrlDevPath": "text",
        "revision": "u32",
        "nodeMask": "u32",
        "constantMemory": "u32",
        "maxIPC": "u32",
        "maxRegistersPerBlock": "u32",
        "maxShmemPerBlock": "u32",
        "maxShmemPerBlockOptin": "u32",
        "maxShmemPerSm": "u32",
        "maxRegistersPerSm": "u32",
        "threadsPerWarp": "u32",
        "asyncEngines": "u32",
        "maxWarpsPerSm": "u32",
        "maxBlocksPerSm": "u32",
        "maxThreadsPerBlock": "u32",
        "maxBlockDimX": "u32",
        "maxBlockDimY": "u32",
        "maxBlockDimZ": "u32",
        "maxGridDimX": "u32",
        "maxGridDimY": "u32",
        "maxGridDimZ": "u32",
        "computeMajor": "u32",
        "computeMinor": "u32",
        "smMajor": "u32",
        "smMinor": "u32",
    },
}

_CONTEXT_FIELDS: Final = {
    "nullStreamId": 1,
    "hwId": 2,
    "vmId": 3,
    "processId": 4,
    "deviceId": 5,
    "contextId": 6,
    "parentContextId": 7,
    "isGreenContext": 8,
}
_STREAM_FIELDS: Final = {
    "streamId": 1,
    "hwId": 2,
    "vmId": 3,
    "processId": 4,
    "contextId": 5,
    "priority": 6,
    "flag": 7,
}
_CUDA_DEVICE_FIELDS: Final = {"gpuId": 1, "cudaId": 2, "pid": 3}
_THREAD_FIELDS: Final = {"nameId": 2, "priority": 3, "globalTid": 4}
_PROCESS_STREAM_FIELDS: Final = {"globalPid": 1, "filenameId": 2, "contentId": 3}
_GPU_FIELDS: Final = {
    "id": 1,
    "name": 2,
    "busLocation": 3,
    "isDiscrete": 4,
    "uuid": 5,
    "luid": 6,
    "chipName": 7,
    "pwGpuId": 9,
    "l2CacheSize": 10,
    "totalMemory": 11,
    "memoryBandwidth": 12,
    "clockRate": 13,
    "smCount": 14,
    "cuDevice": 15,
    "ctxswDevPath": 16,
    "ctrlDevPath": 17,
    "revision": 21,
    "nodeMask": 22,
    "constantMemory": 23,
    "maxIPC": 24,
    "maxRegistersPerBlock": 25,
    "maxShmemPerBlock": 26,
    "maxShmemPerBlockOptin": 27,
    "maxShmemPerSm": 28,
    "maxRegistersPerSm": 29,
    "threadsPerWarp": 30,
    "asyncEngines": 31,
    "maxWarpsPerSm": 32,
    "maxBlocksPerSm": 33,
    "maxThreadsPerBlock": 34,
    "maxBlockDimX": 35,
    "maxBlockDimY": 36,
    "maxBlockDimZ": 37,
    "maxGridDimX": 38,
    "maxGridDimY": 39,
    "maxGridDimZ": 40,
    "computeMajor": 41,
    "computeMinor": 42,
    "smMajor": 43,
    "smMinor": 44,
}

# Clocks, as the header numbers them.
_TARGET_CLOCK: Final = 7
_TRACE_CLOCK: Final = 1
_HOST_CLOCK: Final = 3
_UTC: Final = 9
_LOCAL: Final = 10
# Clock kinds of the section "Time Conversion Data".
_KIND_UTC: Final = 11
_KIND_TARGET: Final = 7

# A clock offset: signed, or unsigned and wrapped around, as the versions had it.
_DECIMAL: Final = re.compile(r"-?\d{1,20}", re.ASCII)

_OLD_CLOCK_STEP_NS: Final = 100_000


def tables(
    container: Container,
    layouts: Mapping[int, Layout],
    processes: Sequence[bytes],
    wanted: Wanted | None,
) -> dict[str, pa.Table]:
    """Every raw table that holds no events, leaving out those without rows.

    Raises:
        WireError: a message is not valid.
    """
    rows: dict[str, list[Row]] = {
        "PROCESSES": _processes(processes),
        "ThreadNames": [_row(thread, "ThreadNames", _THREAD_FIELDS) for thread in container.thread_names],
        "ProcessStreams": [
            _row(stream, "ProcessStreams", _PROCESS_STREAM_FIELDS) for stream in container.process_streams
        ],
        "ANALYSIS_FILE": _analysis_files(container),
        "ANALYSIS_DETAILS": _details(container),
        "TARGET_INFO_SESSION_START_TIME": _session_start(container),
        "TARGET_INFO_CUDA_CONTEXT_INFO": [
            _row(context, "TARGET_INFO_CUDA_CONTEXT_INFO", _CONTEXT_FIELDS)
            for context in protobuf.submessages(container.target, 14)
        ],
        "TARGET_INFO_CUDA_STREAM": [
            _row(stream, "TARGET_INFO_CUDA_STREAM", _STREAM_FIELDS)
            for stream in protobuf.submessages(container.target, 15)
        ],
        "TARGET_INFO_GPU": [],
        "TARGET_INFO_CUDA_DEVICE": [],
        "TARGET_INFO_GPU_METRICS": _gpu_metrics(layouts),
    }
    for machine in protobuf.submessages(container.target, 1):
        for devices in protobuf.submessages(machine, 2):
            for gpu in protobuf.submessages(devices, 7):
                row = _row(gpu, "TARGET_INFO_GPU", _GPU_FIELDS)
                rows["TARGET_INFO_GPU"].append({"vmId": protobuf.signed(machine, 1), **row})
            rows["TARGET_INFO_CUDA_DEVICE"] += [
                _row(device, "TARGET_INFO_CUDA_DEVICE", _CUDA_DEVICE_FIELDS)
                for device in protobuf.submessages(devices, 9)
            ]
    _check_string_ids(container)
    built = {name: _table(name, found, wanted) for name, found in rows.items() if found}
    if container.strings:
        strings = _string_table(container.strings)
        if wanted is not None:
            strings = strings.select(
                [name for name in strings.column_names if name in wanted.get("StringIds", ())]
            )
        built["StringIds"] = strings
    return {name: table for name, table in built.items() if wanted is None or name in wanted}


def environment(
    container: Container, processes: Sequence[bytes], profiled: set[int]
) -> list[tuple[str, str]]:
    """COMMAND_LINE and environment variables of the profiled processes, as (name, value).

    Args:
        container: for the strings.
        processes: the process messages.
        profiled: process ids as in globalPid, without the thread part.
    """
    found: dict[tuple[str, str], None] = {}
    for blob in processes:
        process = protobuf.message(blob)
        if (protobuf.number(process, 2) or 0) >> 24 not in profiled:
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


def _row(message: Message, table: str, fields: Mapping[str, int]) -> Row:
    row: Row = {}
    for name, number in fields.items():
        kind = SCHEMAS[table][name]
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
        column: arrow_type(kind)
        for column, kind in SCHEMAS[name].items()
        if wanted is None or column in wanted.get(name, ())
    }
    try:
        arrays = [pa.array([row.get(column) for row in rows], kind) for column, kind in schema.items()]
    except (OverflowError, pa.ArrowInvalid) as error:
        raise protobuf.WireError(f"a number in {name} does not fit its column", 0) from error
    return pa.table(arrays, names=list(schema))


def _string_table(strings: list[bytes]) -> pa.Table:
    ids = pa.array(range(len(strings)), pa.int32())
    binary = pa.array(strings, pa.binary())
    try:
        values = binary.cast(pa.string())
    except pa.ArrowInvalid:
        values = pa.array([_decoded(value) for value in strings], pa.string())
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


def _gpu_metrics(layouts: Mapping[int, Layout]) -> list[Row]:
    return [
        {
            "typeId": layout.type_id,
            "sourceId": layout.source_id,
            "typeName": "",
            "metricId": metric,
            "metricName": name,
        }
        for layout in layouts.values()
        for metric, name in enumerate(layout.names)
    ]


def _check_string_ids(container: Container) -> None:
    for message, field, what in (
        *((thread, 2, "ThreadNames") for thread in container.thread_names),
        *((stream, 3, "ProcessStreams") for stream in container.process_streams),
    ):
        position = protobuf.number(message, field)
        if position is not None:
            container.string(position, what)


def _clock_offsets(container: Container) -> dict[tuple[int, int], int]:
    """(from clock, to clock) → ns to add."""
    offsets = {}
    for relations in protobuf.submessages(container.header, 16):
        for relation in protobuf.submessages(relations, 1):
            digits = protobuf.text(relation, 5) or ""
            if protobuf.text(relation, 6) != "Offset" or not _DECIMAL.fullmatch(digits):
                continue
            pair = (protobuf.number(relation, 1) or 0, protobuf.number(relation, 2) or 0)
            offsets[pair] = protobuf.as_signed(int(digits) & ((1 << 64) - 1))
    return offsets


def trace_span(container: Container) -> tuple[int, int] | None:
    """Start and stop of the trace in ns on the target's clock; event times count from the start."""
    start, stop = protobuf.signed(container.header, 17), protobuf.signed(container.header, 18)
    if start is None or stop is None:
        return None
    offset = _clock_offsets(container).get((_TARGET_CLOCK, _TRACE_CLOCK))
    if offset is not None:
        if -offset != start:
            # Up to 2021.2 this offset holds a rounded start, and NVIDIA's tool rounds the stop to match.
            stop = stop // _OLD_CLOCK_STEP_NS * _OLD_CLOCK_STEP_NS
        start = -offset
    return start, stop


def _details(container: Container) -> list[Row]:
    span = trace_span(container)
    if span is None:
        return []
    devices = protobuf.submessages(container.header, 1)
    start, stop = span
    vid = protobuf.number(devices[0], 3) if devices else None
    return [{"globalVid": vid, "duration": stop - start, "startTime": start, "stopTime": stop}]


def _session_start(container: Container) -> list[Row]:
    """UTC of event time 0, from the clocks; failing that the local time only, to the second."""
    span = trace_span(container)
    if span is None:
        return []
    offsets = _clock_offsets(container)
    utc: int | None = None
    if (_HOST_CLOCK, _UTC) in offsets and (_TRACE_CLOCK, _HOST_CLOCK) in offsets:
        utc = span[0] - offsets[_HOST_CLOCK, _UTC] - offsets[_TRACE_CLOCK, _HOST_CLOCK]
    else:
        utc = _converted_utc(container.time_conversion, span[0])
    local = protobuf.text(container.ui_data, 4)
    if utc is not None and (_UTC, _LOCAL) in offsets:
        local = _iso(utc - offsets[_UTC, _LOCAL])
    if utc is None and local is None:
        return []
    return [{"utcEpochNs": utc, "utcTime": None if utc is None else _iso(utc), "localTime": local}]


def _converted_utc(conversion: Message, start: int) -> int | None:
    kinds = {}
    for clocks in protobuf.submessages(conversion, 1):
        for clock in protobuf.submessages(clocks, 1):
            kinds[tuple(protobuf.blobs(clock, 1))] = protobuf.number(clock, 2)
    for relations in protobuf.submessages(conversion, 2):
        for relation in protobuf.submessages(relations, 1):
            pair = (
                kinds.get(tuple(protobuf.blobs(relation, 1))),
                kinds.get(tuple(protobuf.blobs(relation, 2))),
            )
            if pair != (_KIND_UTC, _KIND_TARGET):
                continue
            for line in protobuf.submessages(relation, 3):
                for point in protobuf.submessages(line, 1):
                    return (protobuf.signed(point, 1) or 0) + start - (protobuf.signed(point, 2) or 0)
    return None


def _iso(ns: int) -> str:
    try:
        moment = datetime.datetime.fromtimestamp(ns // 1_000_000_000, datetime.UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise protobuf.WireError("the trace starts in no year of the calendar", 0) from error
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
