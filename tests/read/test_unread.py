"""What a report holds that nobody reads is said, with the numbers of NVIDIA's own export."""

from __future__ import annotations

import lzma
import sqlite3
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made.nsys import Recording, kernel
from shipped import REPORTS

import traceql
from traceql.read import nsys_export, nsys_rep, unread
from traceql.read.base import no_progress
from traceql.tables import normalise

if TYPE_CHECKING:
    from pathlib import Path

# What each of them is told to hold.
HELD = {
    "nevakrien_rtx4090_2023.4": [],
    "memory_pools": [],
    "gpu_metrics": [],
}


def unpacked(name: str, folder: Path) -> Path:
    path = folder / name
    path.write_bytes(lzma.decompress((REPORTS / f"{name}.xz").read_bytes()))
    return path


@pytest.mark.long
@pytest.mark.parametrize("name", HELD)
def test_a_report_and_its_export_hold_the_same_that_is_not_read(name: str, tmp_path: Path) -> None:
    wanted = normalise.wanted("nsys")
    report = nsys_rep.read(unpacked(f"{name}.nsys-rep", tmp_path), wanted=wanted, progress=no_progress)
    assert report.unread == HELD[name]
    export = unpacked(f"{name}.sqlite", tmp_path)
    found = nsys_export.read(export, wanted=wanted, progress=no_progress)
    assert found.unread == HELD[name]
    with sqlite3.connect(export) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = {n: connection.execute(f'SELECT count(*) FROM "{n}"').fetchone()[0] for n in names}
    connection.close()
    assert unread.said({n: count for n, count in counts.items() if count}, wanted) == HELD[name]


def test_nothing_that_is_read_is_told_and_no_name_of_a_stranger(tmp_path: Path) -> None:
    export = tmp_path / "made.sqlite"
    with sqlite3.connect(export) as connection:
        for name, rows in (("StringIds", 1), ("CUSPARSE_EVENTS", 2), ("MPI_P2P_EVENTS", 0), ("'; DROP", 1)):
            connection.execute(f'CREATE TABLE "{name}" (id INTEGER, value TEXT)')
            connection.executemany(f'INSERT INTO "{name}" VALUES (?, ?)', [(n, "x") for n in range(rows)])
    connection.close()
    read = nsys_export.read(export, wanted={"StringIds": ("id", "value")}, progress=no_progress)
    assert read.unread == ["calls of CUDA libraries (2)"]
    assert nsys_export.read(export, wanted=None, progress=no_progress).unread == []


def test_a_table_that_nobody_reads_may_be_damaged(tmp_path: Path) -> None:
    export = tmp_path / "made.sqlite"
    with sqlite3.connect(export) as connection:
        connection.execute("PRAGMA page_size = 512")
        for name in ("StringIds", "CUSPARSE_EVENTS"):
            connection.execute(f"CREATE TABLE {name} (id INTEGER, value TEXT)")
            connection.execute(f"INSERT INTO {name} VALUES (1, 'x')")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'CUSPARSE_EVENTS'"
        ).fetchone()
    connection.close()
    data = bytearray(export.read_bytes())
    data[(page - 1) * 512 : page * 512] = b"\xff" * 512
    export.write_bytes(data)
    read = nsys_export.read(export, wanted={"StringIds": ("id", "value")}, progress=no_progress)
    assert read.unread == []
    assert read.tables["StringIds"].select(["id"]).num_rows == 1


def test_what_has_no_table_of_its_own_is_read_as_counters_and_events() -> None:
    read = ("VULKAN_API", "DX12_WORKLOAD", "NVVIDEO_ENCODER_API", "ETW_EVENTS", "SYSCALL", "NET_NIC_METRIC",
            "GPU_CONTEXT_SWITCH_EVENTS", "GENERIC_EVENTS", "NVTX_COUNTER_SAMPLES_0_16777217")  # fmt: skip
    assert unread.said(dict.fromkeys(read, 3), normalise.wanted("nsys")) == []


#: Tables that no recording at hand has, with rows: NVIDIA documents these (schema 3.28.1) …
DOCUMENTED = {
    **dict.fromkeys(
        (
            *(
                "DX12_API",
                "DX12_WORKLOAD",
                "DXGI_API",
                "D3D11_PIX_DEBUG_API",
                "D3D12_PIX_DEBUG_API",
                "NVAPI_API",
            ),
            *("NVVIDEO_ENCODER_API", "NVVIDEO_DECODER_API", "NVVIDEO_JPEG_API", "CUDA_HOST_CALLBACK"),
            *("TEGRA_INTERNAL_API_CALLS", "TRACE_PROCESS_EVENT_NVMEDIA", "CUPTI_ACTIVITY_KIND_JIT"),
        ),
        "start INTEGER, end INTEGER, globalTid INTEGER, nameId INTEGER",
    ),
    **dict.fromkeys(
        (
            *("GPU_VIDEO_ENGINE_WORKLOAD", "GPU_VIDEO_ENGINE_MISSING", "CUPTI_ACTIVITY_KIND_MEM_DECOMPRESS"),
            *("CUPTI_ACTIVITY_KIND_BLOCK_TRACE", "CUPTI_ACTIVITY_KIND_BLOCK_PHASE_TRACE"),
            *("CUPTI_ACTIVITY_KIND_WARP_TRACE", "CUPTI_ACTIVITY_KIND_WARP_PHASE_TRACE"),
            *("CUPTI_ACTIVITY_KIND_GRAPH_HOST_NODE_AND_HOST_LAUNCH", "WDDM_HW_QUEUE_EVENTS"),
            *("NV_LOAD_BALANCE_EVENTS", "NV_LOAD_BALANCE_MASTER_EVENTS", "NVTXT_EVENTS", "NVTXT_META_EVENTS"),
        ),
        "start INTEGER, end INTEGER, globalPid INTEGER",
    ),
    "ETW_EVENTS": "timestamp INTEGER, typeId INTEGER, opcode INTEGER",
    "MEMORY_TRANSFER_EVENTS": "start INTEGER, globalTid INTEGER, size INTEGER",
    "NET_IB_SWITCH_CONGESTION_EVENT": "start INTEGER, globalId INTEGER",
    "OSRT_FILE_ACCESS_EVENTS": "startedAt INTEGER, endedAt INTEGER, apiCallId INTEGER",
}
#: … and these are made up.
SYSTEMS = {
    **DOCUMENTED,
    "NET_IB_TELEMETRY": "timestamp INTEGER, guid INTEGER",
    "PERF_EVENT_SOC_METRICS": "start INTEGER, value INTEGER",
    "ETW_NEWS": "at INTEGER",
    "OPENACC_NEWS": "start INTEGER",
    # Named as what is read, but without a time.
    "DX12_NEWS": "gpu INTEGER",
}
UNREAD_OF_THEM = [
    "of CPUs and SoCs: PERF_EVENT_SOC_METRICS (3)",
    "of Windows and DirectX: DX12_NEWS (3)",
    "of Windows and DirectX: ETW_NEWS (3)",
    "of network cards and switches: NET_IB_TELEMETRY (3)",
    "of what nsys traced: OPENACC_NEWS (3)",
]


@pytest.mark.parametrize("form", ["sqlite", "parquetdir"])
def test_what_no_recording_has_is_an_event_or_is_named_with_its_count(form: str, tmp_path: Path) -> None:
    export = Recording().work(kernel("k", 0, 9)).export(tmp_path / "made.sqlite")
    with sqlite3.connect(export) as connection:
        for name, told in SYSTEMS.items():
            columns = told.replace(" end ", ' "end" ')
            count = columns.count(",") + 1
            connection.execute(f"CREATE TABLE {name} ({columns})")
            marks = ", ".join("?" * count)
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", [[n] * count for n in (1, 2, 3)])
    connection.close()
    if form == "parquetdir":
        export = as_parquet(export, tmp_path / "made_pqtdir")
    with traceql.open(":memory:") as database:
        database.ingest(export)
        ((said,),) = database.sql("SELECT unread FROM traces").rows()
        found = database.sql("SELECT source, count(*) FROM generic_events GROUP BY ALL ORDER BY ALL").rows()
    assert said == UNREAD_OF_THEM
    assert found == [(name, 3) for name in sorted(DOCUMENTED)]


def as_parquet(export: Path, folder: Path) -> Path:
    """A SQLite export as a folder of Parquet files."""
    folder.mkdir()
    with sqlite3.connect(export) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            read = connection.execute(f'SELECT * FROM "{name}"')
            columns = [column[0] for column in read.description]
            rows = read.fetchall()
            if rows:
                values = dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))
                pq.write_table(pa.table(values), folder / f"{name}.parquet")
    connection.close()
    return folder
