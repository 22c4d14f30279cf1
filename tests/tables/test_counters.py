"""Counters, switches, named streams and events of other sources become rows, whatever table they come from."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from made.nsys import Recording, kernel
from shipped import REPORTS

import traceql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from traceql import Database

#: A process as NVIDIA numbers it: machine 0, VM 0, pid 1; and another one that nobody profiled.
OWN, FOREIGN = 1 << 24, 2 << 24


def exported(path: Path, recording: Recording, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> Database:
    """A database of an export that has these tables, too."""
    file = recording.export(path / "made.sqlite")
    with sqlite3.connect(file) as connection:
        for name, rows in tables.items():
            columns = ", ".join(
                f'"{c}" {"TEXT" if isinstance(v, str) else "INTEGER"}' for c, v in rows[0].items()
            )
            connection.execute(f"CREATE TABLE {name} ({columns})")
            marks = ", ".join("?" for _ in rows[0])
            connection.executemany(
                f"INSERT INTO {name} VALUES ({marks})", [tuple(row.values()) for row in rows]
            )
    connection.close()
    database = traceql.open(":memory:")
    database.ingest(file)
    return database


def test_calls_of_graphics_and_video_are_events_with_their_names(tmp_path: Path) -> None:
    recording = Recording().work(kernel("k", 0, 9)).thread(5, "vkQueueSubmit").thread(6, "frame 7")
    call, text = (recording._strings[name] for name in ("vkQueueSubmit", "frame 7"))
    times = {"start": 10, "end": 30, "globalTid": OWN + 3}
    database = exported(
        tmp_path,
        recording,
        {
            "VULKAN_DEBUG_API": [{**times, "nameId": call, "textId": text, "contextId": 4}],
            "NVVIDEO_ENCODER_API": [{**times, "start": 12, "nameId": call}],
            "WDDM_HW_QUEUE_EVENTS": [{**times, "start": 14, "globalTid": FOREIGN + 1, "gpu": 0}],
        },
    )
    found = database.sql(
        "SELECT source, name, start_ns, duration_ns, pid, tid, attributes FROM generic_events ORDER BY start_ns"
    ).rows()
    assert [row[:6] for row in found] == [
        ("VULKAN_DEBUG_API", "vkQueueSubmit", 10, 20, 1, 3),
        ("NVVIDEO_ENCODER_API", "vkQueueSubmit", 12, 18, 1, 3),
        ("WDDM_HW_QUEUE_EVENTS", None, 14, 16, 2, 1),
    ]
    # What the system tells of another process is that process's own.
    assert [row[6] and json.loads(row[6]) for row in found] == [
        {"contextId": 4, "text": "frame 7"},
        None,
        None,
    ]


def test_events_of_the_system_have_the_name_of_their_type_and_their_content(tmp_path: Path) -> None:
    recording = Recording().work(kernel("k", 0, 9)).thread(5, "DxgKrnl/Present")
    database = exported(
        tmp_path,
        recording,
        {
            "GENERIC_EVENT_TYPES": [
                {"typeId": 77, "sourceId": 1, "nameId": recording._strings["DxgKrnl/Present"]}
            ],
            "ETW_EVENTS": [
                {"timestamp": 8, "typeId": 77, "globalTid": None, "opcode": 3, "data": '{"Flags":"0x1"}'}
            ],
        },
    )
    ((source, name, at, attributes),) = database.sql(
        "SELECT source, name, start_ns, attributes FROM generic_events"
    ).rows()
    assert (source, name, at) == ("ETW_EVENTS", "DxgKrnl/Present", 8)
    assert json.loads(attributes) == {"opcode": 3, "data": {"Flags": "0x1"}}


def test_counters_of_networks_cpus_and_socs_have_their_names_units_and_times(tmp_path: Path) -> None:
    """The tables with the columns that NVIDIA documents."""
    place = {"metricsListId": 1, "metricsIdx": 6, "portId": 1}
    named = {"metricsListId": 1, "name": "IB: Bytes sent", "description": "sent", "unit": "bytes/ms"}
    soc = {"typeId": 9, "sourceId": 2, "typeName": "SoC", "metricId": 3}
    database = exported(
        tmp_path,
        Recording().work(kernel("k", 0, 9)),
        {
            "TARGET_INFO_NETWORK_METRICS": [{**named, "metricsIdx": 6}],
            "TARGET_INFO_NIC_INFO": [
                {"GUID": 1, "stateName": "Local", "nicId": 4, "name": "mlx5_0", "deviceId": 0, "vendorId": 0,
                 "linkLayer": 1}
            ],
            "NIC_ID_MAP": [{"nicId": 4, "globalId": 44}],
            "NET_NIC_METRIC": [{"start": 0, "end": 10, "globalId": 44, **place, "value": 70}],
            "NET_IB_DEVICE_INFO": [{"networkId": 1, "guid": 55, "name": "leaf 1", "des": "", "lid": 2}],
            "NET_IB_SWITCH_METRIC": [{"start": 0, "end": 11, "globalId": 55, **place, "portId": 2, "value": 80}],
            "TARGET_INFO_SOC_METRICS": [{**soc, "metricName": "DRAM Read [MB/s]"}],
            "SOC_METRICS": [
                {"rawTimestamp": 0, "timestamp": 12, "typeId": 9, "metricId": 3, "value": 90},
                {"rawTimestamp": 0, "timestamp": 13, "typeId": 9, "metricId": 4, "value": 91},
            ],
            "PMU_EVENTS": [{"start": 4, "end": 14, "globalVm": 0, "cpu": 3, "counter_id": 1}],
            "PMU_EVENT_COUNTERS": [{"id": 1, "idx": 2, "value": 100}],
            "PMU_EVENT_REQUESTS": [
                {"id": 2, "eventid": 8, "source": 0, "unit_type": 0, "event_name": "LLC misses"}
            ],
            "UNCORE_PMU_EVENTS": [{"start": 5, "end": 15, "globalVm": 0, "clusterId": 1, "counterId": 7}],
            "UNCORE_PMU_EVENT_VALUES": [{"id": 7, "type": 0, "value": 110, "rawId": 19, "clusterId": 1}],
            "PERF_EVENT_SOC_OR_CPU_RAW_EVENT": [
                {"start": 6, "end": 16, "vmId": 0, "componentId": 5, "eventId": 1, "count": 120}
            ],
            "PERF_EVENT_SOC_OR_CPU_METRIC_EVENT": [
                {"start": 6, "end": 17, "vmId": 0, "componentId": 6, "metricId": 2, "value": 130},
                {"start": 6, "end": 18, "vmId": 0, "componentId": 5, "metricId": 3, "value": 131},
            ],
            "TARGET_INFO_PERF_METRIC": [
                {"id": 1, "name": "cycles", "description": "", "unit": "", "displayName": None},
                {"id": 2, "name": "read bandwidth", "description": "", "unit": "B/s", "displayName": None},
            ],
            "TARGET_INFO_COMPONENT": [{"componentId": 5, "name": "core", "instance": 0, "parentId": None}],
            "BANDWIDTH_USAGE_EVENTS": [{"start": 9, "end": 19, "globalVm": 0, "valuesId": 1}],
            "BANDWIDTH_USAGE_VALUES": [{"id": 1, "idx": 2, "value": 140}],
        },
    )  # fmt: skip
    columns = "source, device, metric, unit, time_ns, span_ns, value"
    assert database.sql(f"SELECT {columns} FROM counter_samples ORDER BY time_ns").rows() == [
        ("nic", "mlx5_0 port 1", "IB: Bytes sent", "bytes/ms", 10, 10, 70.0),
        ("ib_switch", "leaf 1 port 2", "IB: Bytes sent", "bytes/ms", 11, 11, 80.0),
        ("soc", None, "DRAM Read", "MB/s", 12, None, 90.0),
        ("soc", None, "metric 4", None, 13, None, 91.0),
        ("cpu", "CPU 3", "LLC misses", None, 14, 10, 100.0),
        ("cpu", "cluster 1", "uncore event 19", None, 15, 10, 110.0),
        ("soc", "core 0", "cycles", None, 16, 10, 120.0),
        ("soc", "component 6", "read bandwidth", "B/s", 17, 11, 130.0),
        ("soc", "core 0", "metric 3", None, 18, 12, 131.0),
        ("soc", "client 2", "bandwidth usage", None, 19, 10, 140.0),
    ]
    assert database.sql("SELECT unread FROM traces").rows() == [([],)]


def test_what_calls_of_graphics_did_to_memory_is_told_with_them(tmp_path: Path) -> None:
    times = {"start": 10, "end": 30, "globalTid": OWN + 3, "nameId": None}
    database = exported(
        tmp_path,
        Recording().work(kernel("k", 0, 9)),
        {
            "VULKAN_API": [{"id": 1, **times}, {"id": 2, **times, "start": 12}],
            "VULKAN_MEMORY_OPERATION": [{"id": 7, "gpu": 0, "memorySize": 4096, "traceEventId": 2}],
            "VULKAN_MEMORY_TYPES": [
                {"id": 1, "heapIndex": 3, "memOpId": 7},
                {"id": 2, "heapIndex": 4, "memOpId": 8},
            ],
            "DX12_API": [{"id": 1, **times, "start": 14}],
            "DX12_MEMORY_OPERATION": [{"gpu": 0, "memorySize": 512, "traceEventId": 1}],
            "NVAPI_API": [{"id": 1, **times, "start": 16}],
            "NVAPI_MEMORY_OPERATION": [
                {"rangeStart": 0, "rangeEnd": 64, "traceEventId": 1},
                {"rangeStart": 64, "rangeEnd": 96, "traceEventId": 1},
            ],
        },
    )
    found = database.sql("SELECT source, attributes FROM generic_events ORDER BY start_ns").rows()
    assert [(source, told and json.loads(told)) for source, told in found] == [
        ("VULKAN_API", None),
        ("VULKAN_API", {"memory": [{"gpu": 0, "memorySize": 4096, "types": [{"heapIndex": 3}]}]}),
        ("DX12_API", {"memory": [{"gpu": 0, "memorySize": 512}]}),
        ("NVAPI_API", {"memory": [{"rangeStart": 0, "rangeEnd": 64}, {"rangeStart": 64, "rangeEnd": 96}]}),
    ]
    assert database.sql("SELECT unread FROM traces").rows() == [([],)]


def test_an_access_to_a_file_has_its_function_and_the_file(tmp_path: Path) -> None:
    recording = Recording().work(kernel("k", 0, 9)).thread(5, "read")
    database = exported(
        tmp_path,
        recording,
        {
            "OSRT_FILE_ACCESS_EVENTS": [
                {"fileAccessId": access, "startedAt": 10 + access, "endedAt": 20 + access,
                 "apiCallId": recording._strings["read"], "bytesProcessed": 512}
                for access in (1, 2)
            ],
            "OSRT_FILE_ACCESS_DESCRIPTORS": [{"fileAccessId": 1, "openedAt": 5, "filePath": "/home/ada/weights.bin"}],
        },
    )  # fmt: skip
    found = database.sql(
        "SELECT name, start_ns, duration_ns, attributes FROM generic_events ORDER BY start_ns"
    ).rows()
    assert [(*row[:3], json.loads(row[3])) for row in found] == [
        ("read", 11, 10, {"fileAccessId": 1, "bytesProcessed": 512, "filePath": "~/weights.bin"}),
        ("read", 12, 10, {"fileAccessId": 2, "bytesProcessed": 512}),
    ]


def test_counters_of_an_older_export_have_a_table_each(tmp_path: Path) -> None:
    database = exported(
        tmp_path,
        Recording().work(kernel("k", 0, 9)),
        {
            "NVTX_COUNTER_GROUPS": [{"domainId": 0, "counterGroupId": 16777217, "name": "nfs", "scopeId": 9}],
            "NVTX_SCOPES": [{"domainId": 0, "scopeId": 9, "path": "Mounts/data"}],
            "NVTX_COUNTER_SAMPLES_0_16777217": [
                {"timestamp": 5, "Read": 100, "Write": 7},
                {"timestamp": 6, "Read": 200, "Write": None},
            ],
        },
    )
    assert database.sql("SELECT device, metric, time_ns, value FROM counter_samples ORDER BY ALL").rows() == [
        ("Mounts/data", "nfs Read", 5, 100.0),
        ("Mounts/data", "nfs Read", 6, 200.0),
        ("Mounts/data", "nfs Write", 5, 7.0),
    ]


def test_a_stream_has_its_name_its_type_and_the_gpu_of_its_context() -> None:
    database = (
        Recording()
        .gpu(3, "NVIDIA H100", cuda=0)
        .work(kernel("k", 0, 9))
        .stream(13, name="decode")
        .stream(14)
        .database()
    )
    columns = "pid, gpu_id, context_id, stream_id, stream, stream_type"
    assert database.sql(f"SELECT {columns} FROM streams ORDER BY stream_id").rows() == [
        (1, 3, 1, 13, "decode", "non-blocking"),
        (1, None, 1, 14, None, "non-blocking"),
    ]


@pytest.fixture(scope="module")
def recorded() -> Database:
    """What programs/nvtx.cu told, as the report has it."""
    database = traceql.open(":memory:")
    database.ingest(REPORTS / "nvtx_counters.nsys-rep.xz")
    return database


def test_a_recording_holds_what_its_program_counted(recorded: Database) -> None:
    found = recorded.sql(
        "SELECT metric, unit, device, list(value ORDER BY time_ns) FROM counter_samples GROUP BY ALL ORDER BY ALL"
    ).rows()
    # Six steps; in the fifth one the first counter had no value besides.
    assert found == [
        ("Group load", None, "pool/worker[0]", [1.5 * step for step in range(6)]),
        ("Group queue", None, "pool/worker[0]", [float(step) for step in range(6)]),
        ("KV cache use", None, None, [0.1 * step for step in range(6)]),
        ("tokens in flight", "tokens", None, [100.0, 137.0, 174.0, 211.0, 248.0, None, 285.0]),
    ]


def test_a_recording_holds_the_structures_that_its_program_described(recorded: Database) -> None:
    payloads = recorded.sql("SELECT payload FROM nvtx_ranges WHERE text = 'step' ORDER BY start_ns")[
        "payload"
    ].to_list()
    assert [json.loads(payload) for payload in payloads] == [
        {
            "bytes": 1_000_000_007 * (step + 1),
            "inner.rows": 8 * step,
            "inner.ratio": 0.125 * step,
            "list[0]": step,
            "list[1]": 2 * step,
            "list[2]": 3 * step,
            "kind": ("prefill", "decode")[step % 2],
            "share": 0.5 + step,
        }
        for step in range(6)
    ]


def test_a_recording_holds_the_names_that_its_program_gave(recorded: Database) -> None:
    named = "SELECT stream, context, device_name FROM streams WHERE stream IS NOT NULL"
    assert recorded.sql(named).rows() == [("decode stream", "main context", "device zero")]
    threads = recorded.sql("SELECT thread FROM threads ORDER BY thread")["thread"].to_list()
    assert threads == ["feeder", "scheduler"]
