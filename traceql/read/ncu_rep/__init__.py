"""Nsight Compute reports (``.ncu-rep``, ``.ncu-repz``, ``.nsight-cuprof-report``) through ``ncu_report``.

``ncu_report`` never raises on bad files, hides truncation and keeps memory, so the blocks are walked first
(`container`) and the reader runs in a process of its own, one per report (`worker`).

Raw tables:

- ``ncu_session``: one row; when and with which tool the report was recorded.
- ``ncu_processes``: one row per profiled process.
- ``ncu_devices``: one row per GPU.
- ``ncu_actions``: one row per profiled workload, in the report's order.
- ``ncu_metrics``: one row per (workload, metric); ``value`` is NULL where the report has none.
- ``ncu_nvtx``: one row per (workload, NVTX domain, enclosing range), outermost at depth 0.
- ``ncu_rules``: one row per (workload, rule result).
- ``ncu_labels``: one row per metric that a collected section shows, with its label there.

============ ==========================================================================
`container`  the file: blocks and their headers
`labels`     what the tool's pages call metrics
`options`    what ncu's command line says about the measurement
`workloads`  NVIDIA's library, one profiled workload at a time → columns
============ ==========================================================================

``.ncu-repz`` is what newer versions of the tool write when asked to compress; no sample was at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from traceql.errors import ReportError
from traceql.read.base import RawReport
from traceql.read.ncu_rep.container import Container, walk
from traceql.read.ncu_rep.workloads import collect

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from traceql.read.base import Progress, Wanted

_TOOL_COMPONENT = "Nsight Compute Target"

_INTEGER, _REAL, _TEXT = pa.int64(), pa.float64(), pa.string()

_DEVICE_ATTRIBUTES = (
    "compute_capability_major",
    "compute_capability_minor",
    "multiprocessor_count",
    "max_gpu_frequency_khz",
    "max_mem_frequency_khz",
    "fb_bus_width",
    "l2_cache_size",
    "total_memory",
    "max_warps_per_multiprocessor",
)

# Raw table → its columns.
_COLUMNS: Final[Mapping[str, Mapping[str, pa.DataType]]] = {
    "ncu_actions": {
        "action": _INTEGER,
        "name": _TEXT,
        "demangled": _TEXT,
        "mangled": _TEXT,
        "workload": _TEXT,
        "pid": _INTEGER,
    },
    "ncu_metrics": {
        "action": _INTEGER,
        "metric": pa.dictionary(pa.int32(), _TEXT),
        "unit": pa.dictionary(pa.int32(), _TEXT),
        "value": _REAL,
        "text": _TEXT,
    },
    "ncu_nvtx": {
        "action": _INTEGER,
        "domain": _TEXT,
        "style": _TEXT,
        "depth": _INTEGER,
        "text": _TEXT,
        "path": _TEXT,
    },
    "ncu_rules": {
        "action": _INTEGER,
        "rule": _TEXT,
        "section": _TEXT,
        "kind": _TEXT,
        "title": _TEXT,
        "message": _TEXT,
        "estimated_speedup_pct": _REAL,
        "speedup_scope": _TEXT,
    },
    "ncu_labels": {"metric": _TEXT, "label": _TEXT},
    "ncu_session": {"created_utc_s": _INTEGER, "cuda_version": _TEXT, "driver_version": _TEXT},
    "ncu_processes": {"pid": _INTEGER, "name": _TEXT},
    "ncu_devices": {
        "device_id": _INTEGER,
        "name": _TEXT,
        **dict.fromkeys(_DEVICE_ATTRIBUTES, _INTEGER),
    },
}


def read(
    path: Path,
    *,
    wanted: Wanted | None,  # noqa: ARG001 - all tables are small
    progress: Progress,
    part: tuple[int, int] = (0, 1),
) -> RawReport:
    """Decode the report at `path`; see `base.ReadFunction`.

    Args:
        path: the report.
        wanted: not used.
        progress: told about workloads.
        part: (i, n) to read the i-th of n parts of the workloads; the first part has all other tables.

    Raises:
        TruncatedReportError: the file is cut short.
        ReportError: the file is damaged or holds no profiled workload.
        UnsupportedReportError: ``ncu_report`` is not installed.
    """
    container = walk(path)
    if container.results == 0:
        raise ReportError(
            f"{path.name}: the report holds no profiled workload",
            "Either ncu profiled nothing (check --kernel-name, --nvtx-include, --profile-from-start), or the "
            "file was cut right after its header.",
        )
    index, parts = part
    workloads = range(container.results * index // parts, container.results * (index + 1) // parts)
    collected = collect(path, container.results, workloads, progress)
    version = container.versions.get(_TOOL_COMPONENT)
    session: dict[str, list[Any]] = {
        "created_utc_s": [container.created_utc_s],
        "cuda_version": [container.versions.get("CUDA Version")],
        "driver_version": [container.versions.get("Display Driver Version")],
    }
    # A result does not say which process it came from; with a single one there is no question.
    only_pid = next(iter(container.processes)) if len(container.processes) == 1 else None
    collected["ncu_actions"]["pid"] = [only_pid] * len(workloads)
    tables = {name: _table(name, columns) for name, columns in collected.items()}
    if index > 0:
        return RawReport(kind="ncu", tables=tables)
    tables["ncu_session"] = _table("ncu_session", session)
    tables["ncu_processes"] = _table(
        "ncu_processes",
        {"pid": list(container.processes), "name": list(container.processes.values())},
    )
    tables["ncu_labels"] = _table(
        "ncu_labels", {"metric": list(container.labels), "label": list(container.labels.values())}
    )
    tables["ncu_devices"] = _table("ncu_devices", _devices(container))
    warnings = []
    if not container.settings:
        warnings.append(
            "The report does not say with which options it was recorded (clock control, replay mode)."
        )
    return RawReport(
        kind="ncu",
        tables={name: table for name, table in tables.items() if table.num_rows},
        # "2025.3.1.0 (build 36398880) (public-release)" → "2025.3.1.0"
        tool_version=version.split(" ")[0] if version else None,
        settings=container.settings,
        environment=container.environment,
        warnings=warnings,
    )


def _devices(container: Container) -> dict[str, list[Any]]:
    names = ("device_id", "name", *_DEVICE_ATTRIBUTES)
    return {name: [device.get(name) for device in container.devices] for name in names}


def _table(name: str, columns: dict[str, list[Any]]) -> pa.Table:
    schema = pa.schema(_COLUMNS[name])
    arrays = []
    for column in schema:
        values = columns[column.name]
        if pa.types.is_dictionary(column.type):
            # (codes, names): the few hundred names of a report are stored once.
            codes, names = values
            array = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(names, pa.string()))
        else:
            array = pa.array(values, column.type)
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=schema)
