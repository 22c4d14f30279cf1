"""What ``nsys export`` writes: a SQLite file, or a folder with one Parquet or Arrow file per table.

The three forms hold the same tables. They are read as they are, one table and its wanted columns at a
time; which columns a version has, and what they mean, is normalisation's business.
"""

from __future__ import annotations

import re
import sqlite3
import weakref
from typing import TYPE_CHECKING, Any

from traceql.errors import ReportError, UnknownFormatError
from traceql.read.base import RawReport
from traceql.read.formats import TELLTALE_TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import pyarrow as pa

    from traceql.read.base import Progress, RawTable, Wanted

_ROWS_PER_FETCH = 65_536
_EXPORT_AGAIN = "Copy it again, or export the report again: nsys export --type sqlite|parquetdir REPORT"

# Collection options that describe the measurement and nothing private (META_DATA_CAPTURE).
_SETTINGS = {
    "CUDA_GRAPH_TRACE_OPTIONS:MODE": "cuda_graph_trace",
    "CUDA_SKIP_SOME_API_CALLS": "cuda_skip_some_api_calls",
    "COLLECT_GPU_MEMORY_USAGE": "cuda_memory_usage",
    "COLLECT_UVM_CPU_PAGE_FAULTS": "cuda_um_cpu_page_faults",
    "COLLECT_UVM_GPU_PAGE_FAULTS": "cuda_um_gpu_page_faults",
    "CAPTURE_EVENT_TYPE": "trace",
}
# Facts about the profiled process: private, kept on request only.
_ENVIRONMENT = re.compile(
    r"(?:PROCESS_\d+:)?(COMMAND|ARGUMENT_\d+|WORKING_DIR|USER_NAME|ENVIRONMENT_VARIABLE)"
)


def read(path: Path, *, wanted: Wanted | None, progress: Progress) -> RawReport:  # noqa: ARG001
    """Open the export at `path`; see `base.ReadFunction`. Tables are read when columns are selected.

    Raises:
        UnknownFormatError: it holds none of nsys's tables.
        ReportError: the file is damaged.
    """
    tables = _directory_tables(path) if path.is_dir() else _sqlite_tables(path)
    if not any(name in tables for name in TELLTALE_TABLES):
        raise UnknownFormatError(
            f"{path.name}: holds none of the tables that nsys export writes",
            "Export the report with: nsys export --type sqlite REPORT",
        )
    capture = _pairs(tables, "META_DATA_CAPTURE")
    export = dict(_pairs(tables, "META_DATA_EXPORT") or _pairs(tables, "EXPORT_META_DATA"))
    warnings = []
    if "EXPORT_SCHEMA_VERSION" not in export:
        warnings.append("The export does not say which nsys wrote it (before 2022).")
    return RawReport(
        kind="nsys",
        tables=tables,
        tool_version=export.get("EXPORT_PRODUCT_VERSION"),
        settings=_settings(capture)
        | ({"export_schema": export["EXPORT_SCHEMA_VERSION"]} if "EXPORT_SCHEMA_VERSION" in export else {}),
        environment=[
            (match[1], value) for name, value in capture if value and (match := _ENVIRONMENT.fullmatch(name))
        ],
        warnings=warnings,
    )


def _pairs(tables: dict[str, RawTable], name: str) -> list[tuple[str, str]]:
    table = tables.get(name)
    if table is None or not {"name", "value"} <= set(table.column_names):
        return []
    columns = table.select(["name", "value"]).to_pydict()
    return [(str(key), value or "") for key, value in zip(columns["name"], columns["value"], strict=True)]


def _settings(capture: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for key, value in capture:
        # 2026 dropped the prefix: PROCESS_0:CUDA_GRAPH_TRACE_OPTIONS:MODE → CUDA_GRAPH_TRACE_OPTIONS:MODE
        name = _SETTINGS.get(re.sub(r"^PROCESS_\d+:", "", key))
        if name and value and value.lower() not in found.setdefault(name, []):
            found[name].append(value.lower())
    return {name: ",".join(sorted(values)) for name, values in found.items() if values}


# --- SQLite ---------------------------------------------------------------------------------------------


def _sqlite_tables(path: Path) -> dict[str, RawTable]:
    file = _SqliteFile(path)
    try:
        # Views and triggers of a stranger's file are not run: only plain tables are read.
        names = [
            str(row[0])
            for row in file.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        tables: dict[str, RawTable] = {}
        for name in names:
            columns = {
                str(row[1]): str(row[2])
                for row in file.connection.execute(f"PRAGMA table_info({_quoted(name)})").fetchall()
            }
            tables[name] = _SqliteTable(file, name, columns)
    # SQLite quotes damaged names in its messages as they are, which need not be UTF-8.
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise ReportError(f"{path.name}: damaged SQLite file ({error})", _EXPORT_AGAIN) from error
    return tables


class _SqliteFile:
    """An export, open as long as one of its tables is of use: each opening reads the whole schema again."""

    def __init__(self, path: Path) -> None:
        # immutable: never writes a journal beside a file that may lie on a read-only share.
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        self.path = path
        # One thread decodes it, another may store it.
        self.connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        weakref.finalize(self, self.connection.close)
        self.connection.text_factory = lambda value: value.decode("utf-8", "replace")
        self.connection.execute("PRAGMA trusted_schema = OFF")


class _SqliteTable:
    def __init__(self, file: _SqliteFile, name: str, columns: dict[str, str]) -> None:
        self._file = file
        self._name = name
        self._types = columns
        self.column_names = list(columns)

    def select(self, columns: Sequence[str], /) -> pa.Table:
        import pyarrow as pa

        # nsys declares INTEGER, REAL and TEXT; SQLite itself would store anything anywhere.
        types = {"INTEGER": pa.int64(), "REAL": pa.float64()}
        schema = pa.schema([(c, types.get(self._types[c].upper(), pa.string())) for c in columns])
        try:
            chosen = ", ".join(_quoted(c) for c in columns)
            cursor = self._file.connection.execute(f"SELECT {chosen} FROM {_quoted(self._name)}")
            batches = []
            while rows := cursor.fetchmany(_ROWS_PER_FETCH):
                arrays = [
                    _array(pa, values, column)
                    for values, column in zip(zip(*rows, strict=True), schema, strict=True)
                ]
                batches.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
            return pa.Table.from_batches(batches, schema=schema)
        except (
            sqlite3.Error,
            UnicodeDecodeError,
            pa.ArrowInvalid,
            pa.ArrowTypeError,
            OverflowError,
        ) as error:
            raise ReportError(
                f"{self._file.path.name}: table {self._name} is damaged ({error})", _EXPORT_AGAIN
            ) from error


def _array(pa: Any, values: Sequence[Any], column: Any) -> pa.Array:
    if pa.types.is_string(column.type):
        values = [v if v is None or isinstance(v, str) else _decoded(v) for v in values]
        return pa.array(values, column.type)
    # Given the type at once, pyarrow would cut the fraction off a REAL in an INTEGER column.
    array = pa.array(values)
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), column.type)
    # A cast loads all of pyarrow's functions: only where one is needed.
    return array if array.type == column.type else array.cast(column.type)


def _decoded(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# --- parquetdir and arrowdir ----------------------------------------------------------------------------


def _directory_tables(path: Path) -> dict[str, RawTable]:
    formats: dict[str, type[_FileTable]] = {".parquet": _ParquetTable, ".arrow": _ArrowTable}
    return {
        file.stem: formats[file.suffix](file) for file in sorted(path.iterdir()) if file.suffix in formats
    }


class _FileTable:
    """One file of a folder; a subclass says how its columns are read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.column_names = self._guarded(self._names)

    def select(self, columns: Sequence[str], /) -> pa.Table:
        return self._guarded(lambda: _with_valid_text(self._columns(list(columns))))

    def _names(self) -> list[str]:
        raise NotImplementedError

    def _columns(self, columns: list[str]) -> pa.Table:
        raise NotImplementedError

    def _guarded(self, action: Callable[[], Any]) -> Any:
        import pyarrow as pa

        try:
            return action()
        except UnicodeEncodeError as error:
            raise ReportError(
                f"{self._path.parent}: pyarrow opens no folder whose name is not UTF-8", "Rename the folder."
            ) from error
        except (pa.ArrowException, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise ReportError(
                f"{self._path.parent.name}/{self._path.name}: damaged or cut short ({reason})", _EXPORT_AGAIN
            ) from error


class _ParquetTable(_FileTable):
    def _names(self) -> list[str]:
        import pyarrow.parquet as pq

        return list(pq.read_schema(self._path).names)

    def _columns(self, columns: list[str]) -> pa.Table:
        import pyarrow.parquet as pq

        return pq.ParquetFile(self._path).read(columns=columns)


class _ArrowTable(_FileTable):
    def _names(self) -> list[str]:
        import pyarrow as pa

        with pa.memory_map(str(self._path)) as file:
            return list(pa.ipc.open_stream(file).schema.names)

    def _columns(self, columns: list[str]) -> pa.Table:
        import pyarrow as pa

        with pa.memory_map(str(self._path)) as file:
            return pa.ipc.open_stream(file).read_all().select(columns)


def _with_valid_text(table: pa.Table) -> pa.Table:
    """The table with bytes that are not UTF-8 replaced, as the SQLite form is read."""
    import pyarrow as pa

    for index, column in enumerate(table.schema):
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            continue
        try:
            table.column(index).validate(full=True)
        except pa.ArrowInvalid:
            raw = table.column(index).cast(pa.large_binary())
            values = [None if v is None else v.decode("utf-8", "replace") for v in raw.to_pylist()]
            table = table.set_column(index, column.name, pa.array(values, pa.large_string()))
    return table
