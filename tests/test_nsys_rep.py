"""The native reader of .nsys-rep files: the same rows as NVIDIA's export, or a refusal."""

from __future__ import annotations

import lzma
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from traceql.readers.base import RawReport, no_progress
from traceql.readers.nsys_rep import read

REPORTS = Path(__file__).parent / "fixtures" / "reports"
SUFFIXES = (".nsys-rep", ".qdrep")

PAIRS = sorted(
    path.name.removesuffix(".xz")
    for path in REPORTS.glob("*.xz")
    if path.name.removesuffix(".xz").endswith(SUFFIXES)
    and (REPORTS / (path.name.rpartition(".nsys-rep")[0] + ".sqlite.xz")).exists()
    or path.name.endswith(".qdrep.xz")
)

# About the export itself, about the machine (private), or lists of constants.
NOT_REBUILT = (
    "META_DATA_",
    "EXPORT_META_DATA",
    "TARGET_INFO_SYSTEM_ENV",
    "TARGET_INFO_NIC_INFO",
    "ENUM_",
    "UnwindMethodType",
)

# Tables whose rows old reports hold as well, with the first version whose export is seen to write them.
EXPORTED_SINCE = {
    "ANALYSIS_FILE": (2024, 6),
    "DIAGNOSTIC_EVENT": (2024, 6),
    "TARGET_INFO_CUDA_DEVICE": (2025, 1),
}


def unpacked(name: str, folder: Path) -> Path:
    """The fixture `name`, uncompressed in `folder`."""
    path = folder / name
    if not path.exists():
        path.write_bytes(lzma.decompress((REPORTS / f"{name}.xz").read_bytes()))
    return path


def decoded(name: str, folder: Path, **wanted: Any) -> RawReport:
    return read(unpacked(name, folder), wanted=wanted.get("wanted"), progress=no_progress)


def sqlite_value(value: Any) -> Any:
    """A decoded value as SQLite shows it: signed 64-bit integers, no booleans."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and value >> 63 == 1:
        return value - (1 << 64)
    return value


def exported_tables(path: Path) -> dict[str, tuple[list[str], list[tuple[Any, ...]]]]:
    """Table name → (columns, rows) of an export, without what no reader rebuilds."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        database.text_factory = lambda raw: raw.decode("utf-8", "replace")
        names = [
            row[0]
            for row in database.execute("select name from sqlite_master where type = 'table' order by 1")
        ]
        found = {}
        for name in names:
            if name.startswith(NOT_REBUILT):
                continue
            columns = [row[1] for row in database.execute(f'pragma table_info("{name}")')]
            rows = database.execute(f'select * from "{name}" order by rowid').fetchall()
            if rows:
                found[name] = (columns, rows)
    database.close()
    return found


@pytest.mark.parametrize("name", PAIRS)
def test_every_table_equals_the_export_row_by_row(name: str, tmp_path: Path) -> None:
    report = decoded(name, tmp_path)
    exported = exported_tables(unpacked(Path(name).stem + ".sqlite", tmp_path))
    version = tuple(map(int, (report.tool_version or "").split(".")[:2]))
    extra = {table for table, since in EXPORTED_SINCE.items() if version < since}
    assert set(report.tables) - extra == set(exported)
    for table, (columns, rows) in exported.items():
        mine = report.tables[table]
        assert mine.column_names == columns, table
        values = [map(sqlite_value, mine.select([column])[column].to_pylist()) for column in columns]
        built = list(zip(*values, strict=True))
        assert len(built) == len(rows), table
        for position, (here, there) in enumerate(zip(built, rows, strict=True)):
            assert here == there, (table, position, columns)
