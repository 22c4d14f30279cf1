"""What ``nsys export`` writes: a SQLite file, or a folder with one Parquet or Arrow file per table.

The three forms hold the same tables. They are read as they are, one table and its wanted columns at a
time; which columns a version has, and what they mean, is normalisation's business.

A stranger's file may say anything about itself, and the libraries that open it believe much of it. So it is
read in a process of its own, and here nothing is believed: what nsys never writes is refused by name, and
what a table says that it holds has to fit the bytes that its file has.

========= ==================================================================
`values`  the types of columns that are read, and what is checked of each
`sqlite`  the SQLite file
`folder`  the folders: their files, and what goes wrong with them
`parquet` a Parquet file
`arrow`   an Arrow stream
========= ==================================================================
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from traceql.errors import UnknownFormatError
from traceql.read import gathered, unread
from traceql.read.base import RawReport
from traceql.read.formats import TELLTALE_TABLES
from traceql.read.nsys_export import folder, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from traceql.read.base import Progress, RawTable, Wanted

# Options of the collection, and of the export: two names of the latter.
_CAPTURE = "META_DATA_CAPTURE"
_EXPORTS = ("META_DATA_EXPORT", "EXPORT_META_DATA")

# Collection options that describe the measurement and nothing private (META_DATA_CAPTURE).
_SETTINGS = {
    "CUDA_GRAPH_TRACE_OPTIONS:MODE": "cuda_graph_trace",
    "CUDA_SKIP_SOME_API_CALLS": "cuda_skip_some_api_calls",
    "COLLECT_GPU_MEMORY_USAGE": "cuda_memory_usage",
    "COLLECT_UVM_CPU_PAGE_FAULTS": "cuda_um_cpu_page_faults",
    "COLLECT_UVM_GPU_PAGE_FAULTS": "cuda_um_gpu_page_faults",
    "CAPTURE_EVENT_TYPE": "trace",
}
# What is told about the export itself (META_DATA_EXPORT).
_EXPORT = {"export_schema": "EXPORT_SCHEMA_VERSION", "exported_by": "EXPORT_PRODUCT_VERSION"}
# Facts about the profiled process: private, kept on request only.
_ENVIRONMENT = re.compile(
    r"(?:PROCESS_\d+:)?(COMMAND|ARGUMENT_\d+|WORKING_DIR|USER_NAME|ENVIRONMENT_VARIABLE)"
)


def read(path: Path, *, wanted: Wanted | None, progress: Progress) -> RawReport:  # noqa: ARG001
    """Open the export at `path`; see `base.ReadFunction`. Tables are read when columns are selected.

    Raises:
        UnknownFormatError: it holds none of nsys's tables.
        ReportError: the file is damaged, or nsys did not write it.
    """
    chosen = None if wanted is None else _chosen(wanted)
    tables = tables_of(path, chosen)
    if not any(name in tables for name in TELLTALE_TABLES):
        raise UnknownFormatError(
            f"{path.name}: holds none of the tables that nsys export writes",
            "Export the report with: nsys export --type sqlite REPORT",
        )
    capture = _pairs(tables, _CAPTURE)
    export = dict(next((found for name in _EXPORTS if (found := _pairs(tables, name))), []))
    warnings = []
    if "EXPORT_SCHEMA_VERSION" not in export:
        warnings.append("The export does not say which nsys wrote it (before 2022).")
    return RawReport(
        kind="nsys",
        tables={**tables, **gathered.gathered(tables, wanted)},
        # Which version recorded is not exported.
        settings=_settings(capture) | {name: export[key] for name, key in _EXPORT.items() if key in export},
        environment=[
            (match[1], value) for name, value in capture if value and (match := _ENVIRONMENT.fullmatch(name))
        ],
        warnings=warnings,
        unread=[] if wanted is None else _unread(path, wanted, gathered.left(tables)),
    )


def _unread(path: Path, wanted: Wanted, left: frozenset[str]) -> list[str]:
    form = folder if path.is_dir() else sqlite
    counted = form.counted(path, lambda name: unread.kind(name, wanted, left) is not None)
    return unread.said(counted, wanted, left)


def _chosen(wanted: Wanted) -> Callable[[str], bool]:
    """Which tables are looked at: those that are wanted, and those that become one of them."""
    names = {*wanted, *TELLTALE_TABLES, _CAPTURE, *_EXPORTS}
    return lambda name: name in names or gathered.belongs(name)


def tables_of(path: Path, chosen: Callable[[str], bool] | None = None) -> Mapping[str, RawTable]:
    """The chosen tables of an export, or all.

    Raises:
        ReportError: it is damaged.
    """
    return folder.tables(path, chosen) if path.is_dir() else sqlite.tables(path, chosen)


def _pairs(tables: Mapping[str, RawTable], name: str) -> list[tuple[str, str]]:
    table = tables.get(name)
    if table is None or not {"name", "value"} <= set(table.column_names):
        return []
    columns = table.select(["name", "value"]).to_pydict()
    return [
        (str(key), str(value or "")) for key, value in zip(columns["name"], columns["value"], strict=True)
    ]


def _settings(capture: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for key, value in capture:
        # 2026 dropped the prefix: PROCESS_0:CUDA_GRAPH_TRACE_OPTIONS:MODE → CUDA_GRAPH_TRACE_OPTIONS:MODE
        name = _SETTINGS.get(re.sub(r"^PROCESS_\d+:", "", key))
        if name and value and value.lower() not in found.setdefault(name, []):
            found[name].append(value.lower())
    return {name: ",".join(sorted(values)) for name, values in found.items() if values}
