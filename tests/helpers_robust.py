"""What the tests of hostile input, crashes, privacy and concurrency share."""

from __future__ import annotations

import contextlib
import lzma
from functools import cache
from pathlib import Path

import duckdb

REPORTS = Path(__file__).parent / "fixtures" / "reports"
PARQUETDIR = REPORTS / "scv_baseline_graph_pqtdir"
ARROWDIR = REPORTS / "scv_baseline_graph_arwdir"


@cache
def content(name: str) -> bytes:
    """The plain bytes of a fixture, for example ``scv_baseline_graph.ncu-rep``."""
    return lzma.decompress((REPORTS / f"{name}.xz").read_bytes())


def plain(name: str, folder: Path) -> Path:
    """A fixture unpacked into `folder`."""
    path = folder / name
    path.write_bytes(content(name))
    return path


def contents(database: Path | str, *, ids: bool = True) -> dict[str, list[str]] | None:
    """Every row of every table as text, sorted; None when there is no such file.

    Args:
        database: the file.
        ids: False to leave out the columns whose values depend on the order of ingestion.
    """
    if not Path(database).exists():
        return None
    with contextlib.closing(duckdb.connect(str(database), read_only=True)) as connection:
        tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return {table: _rows(connection, table, ids) for table in tables}


def _rows(connection: duckdb.DuckDBPyConnection, table: str, ids: bool) -> list[str]:
    own = ("trace_id", "kernel_id", "api_call_id", "memory_op_id", "sync_id", "graph_launch_id", "range_id")
    own += ("os_call_id", "parent_id", "ancestor_id")
    columns = [row[0] for row in connection.execute(f"DESCRIBE {table}").fetchall()]
    # A table of nothing but such ids has its rows counted.
    chosen = ", ".join(c for c in columns if ids or c not in own) or "NULL"
    return sorted(str(row) for row in connection.execute(f"SELECT {chosen} FROM {table}").fetchall())
