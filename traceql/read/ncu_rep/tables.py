"""The raw tables: which columns they have, whoever decodes the workloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from traceql.errors import ReportError
from traceql.read.arrays import of_numbers
from traceql.read.base import RawReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from traceql.read.ncu_rep.container import Container

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

# Of a longer path the middle is left out, as in those of Nsight Systems (`normalise/nsys/range_tree.sql`).
_PATH_CHARACTERS: Final = 1024

# Raw table → its columns.
COLUMNS: Final[Mapping[str, Mapping[str, pa.DataType]]] = {
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
    "ncu_instances": {
        "action": _INTEGER,
        "metric": pa.dictionary(pa.int32(), _TEXT),
        "id": _INTEGER,
        "id_text": pa.dictionary(pa.int32(), _TEXT),
        "value": _REAL,
        "text": _TEXT,
    },
    "ncu_instructions": {
        "action": _INTEGER,
        "address": _INTEGER,
        "sass": _TEXT,
        "file": _TEXT,
        "line": _INTEGER,
        "source": _TEXT,
    },
    "ncu_nvtx": {
        "action": _INTEGER,
        "domain": _TEXT,
        "style": _TEXT,
        "depth": _INTEGER,
        "text": _TEXT,
        "path": _TEXT,
        "category": _TEXT,
        "color_argb": _INTEGER,
        "payload": _TEXT,
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
    "ncu_focus": {
        "action": _INTEGER,
        "rule": _TEXT,
        "section": _TEXT,
        "metric": _TEXT,
        "value": _REAL,
        "severity": _TEXT,
        "info": _TEXT,
    },
    "ncu_markers": {
        "action": _INTEGER,
        "rule": _TEXT,
        "section": _TEXT,
        "kind": _TEXT,
        "message": _TEXT,
        "address": _INTEGER,
        "file": _TEXT,
        "line": _INTEGER,
    },
    "ncu_stacks": {
        "action": _INTEGER,
        "kind": _TEXT,
        "depth": _INTEGER,
        "function": pa.dictionary(pa.int32(), _TEXT),
        "file": pa.dictionary(pa.int32(), _TEXT),
        "line": _INTEGER,
        "module": pa.dictionary(pa.int32(), _TEXT),
        "address": _INTEGER,
    },
    "ncu_streams": {"action": _INTEGER, "context": _TEXT, "stream": _TEXT},
    "ncu_session": {"created_utc_s": _INTEGER, "cuda_version": _TEXT, "driver_version": _TEXT},
    "ncu_processes": {"pid": _INTEGER, "name": _TEXT},
    "ncu_labels": {"metric": _TEXT, "label": _TEXT},
    "ncu_devices": {
        "device_id": _INTEGER,
        "name": _TEXT,
        **dict.fromkeys(_DEVICE_ATTRIBUTES, _INTEGER),
    },
}


#: The columns of workloads, by table, as `report` takes them; those of a dictionary are (codes, texts),
#: integers of which some are absent (numbers, present).
Columns = dict[str, dict[str, Any]]


def range_paths(texts: Iterable[str]) -> Iterator[str]:
    """The path of each range of a stack, outermost first.

    >>> list(range_paths(["step", "layer"]))
    ['step', 'step/layer']
    """
    path = None
    for text in texts:
        path = text if path is None else f"{path}/{text}"
        if len(path) > _PATH_CHARACTERS:
            half = _PATH_CHARACTERS // 2
            path = f"{path[:half]}…{path[1 - half :]}"
        yield path


def names(table: str) -> tuple[str, ...]:
    """The columns of a table that come from the workloads themselves."""
    return tuple(column for column in COLUMNS[table] if (table, column) != ("ncu_actions", "pid"))


def transposed(table: str, rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Rows as the columns of a table."""
    columns = zip(*rows, strict=True) if rows else ([] for _ in names(table))
    return {name: list(column) for name, column in zip(names(table), columns, strict=True)}


def coded(columns: dict[str, Any], *named: str) -> dict[str, Any]:
    """The columns of a table, of which some become (codes, texts)."""
    for name in named:
        held = dict.fromkeys(text for text in columns[name] if text is not None)
        texts = {text: code for code, text in enumerate(held)}
        columns[name] = ([texts.get(text, -1) for text in columns[name]], list(texts))
    return columns


def require_workloads(container: Container, path: Path) -> None:
    """Refuse a report that announces no workload.

    Raises:
        ReportError: it does not.
    """
    if container.results == 0:
        raise ReportError(
            f"{path.name}: the report holds no profiled workload",
            "Either ncu profiled nothing (check --kernel-name, --nvtx-include, --profile-from-start), or the "
            "file was cut right after its header.",
        )


def report(
    container: Container, collected: Columns, *, first: bool = True, warnings: Sequence[str] = ()
) -> RawReport:
    """What a reader hands over.

    Args:
        container: what the block headers say.
        collected: the columns of the workloads that were read, and (first part) of the labels.
        first: False for a part of the workloads that is not the first one: it has their tables only.
        warnings: what to say about them.
    """
    # A block says of which process its results are; with a single one there is no question.
    only_pid = next(iter(container.processes)) if len(container.processes) == 1 else None
    pids = [
        only_pid if block.pid is None else block.pid
        for block in container.blocks
        for _ in range(block.results)
    ]
    actions = collected["ncu_actions"]
    actions["pid"] = [pids[action] for action in actions["action"]]
    if not first:
        return RawReport(
            kind="ncu", tables={name: _table(name, columns) for name, columns in collected.items()}
        )
    version = container.versions.get(_TOOL_COMPONENT)
    columns = {
        **collected,
        "ncu_session": {
            "created_utc_s": [container.created_utc_s],
            "cuda_version": [container.versions.get("CUDA Version")],
            "driver_version": [container.versions.get("Display Driver Version")],
        },
        "ncu_processes": {
            "pid": list(container.processes),
            "name": list(container.processes.values()),
        },
        "ncu_devices": _devices(container),
    }
    tables = {name: _table(name, columns[name]) for name in COLUMNS}
    said = list(warnings)
    if not container.settings:
        said.append(
            "The report does not say with which options it was recorded (clock control, replay mode)."
        )
    return RawReport(
        kind="ncu",
        tables={name: table for name, table in tables.items() if table.num_rows},
        # "2025.3.1.0 (build 36398880) (public-release)" → "2025.3.1.0"
        tool_version=version.split(" ")[0] if version else None,
        settings=container.settings,
        environment=container.environment,
        warnings=said,
    )


def _devices(container: Container) -> dict[str, list[Any]]:
    return {name: [device.get(name) for device in container.devices] for name in COLUMNS["ncu_devices"]}


def _table(name: str, columns: dict[str, list[Any]]) -> pa.Table:
    schema = pa.schema(COLUMNS[name])
    arrays = []
    for column in schema:
        values = columns[column.name]
        if pa.types.is_dictionary(column.type):
            # The few hundred names of a report are stored once; a code below 0 is none.
            codes, texts = values
            codes = np.asarray(codes, np.int32)
            array = pa.DictionaryArray.from_arrays(
                of_numbers(codes, pa.int32(), codes >= 0), pa.array(texts, pa.string())
            )
        elif isinstance(values, np.ndarray) and values.dtype != np.object_:
            # NaN is what has no value.
            array = of_numbers(values, column.type, ~np.isnan(values))
        elif isinstance(values, tuple) and values:
            # Integers have no NaN: beside them stands whether there is one.
            array = of_numbers(values[0], column.type, values[1])
        else:
            array = pa.array(list(values), column.type)
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=schema)
