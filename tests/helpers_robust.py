"""What the tests of hostile input, crashes, privacy and concurrency share."""

from __future__ import annotations

import contextlib
import lzma
import time
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import decoded
import duckdb

from traceql.read import worker
from traceql.store import decode, interrupts
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from traceql.read.arriving import Arriving
    from traceql.read.base import RawReport
    from traceql.read.formats import Reader
    from traceql.read.limits import Limits

REPORTS = Path(__file__).parent / "fixtures" / "reports"
PARQUETDIR = REPORTS / "scv_baseline_graph_pqtdir"
ARROWDIR = REPORTS / "scv_baseline_graph_arwdir"


#: Decorates tests that are not about decoding: what other tests have decoded stays decoded.
decoded_once = mock.patch.object(decode, "worker", decoded.ONCE)


def _decode_here(
    reader: Reader,
    path: Path,
    *,
    parts: int,
    within: Limits,
    stop: worker.Stop,
    arriving: Arriving,
    begun: Callable[[], None] | None,
    **how: Any,
) -> RawReport:
    return reader.read(path, **how)


#: Decorates tests of what a reader refuses before anything can crash: it needs no process of its own.
decoded_here = mock.patch.object(decode, "worker", SimpleNamespace(decode=_decode_here, Stop=worker.Stop))


@cache
def content(name: str) -> bytes:
    """The plain bytes of a fixture, for example ``scv_baseline_graph.ncu-rep``."""
    return lzma.decompress((REPORTS / f"{name}.xz").read_bytes())


def plain(name: str, folder: Path) -> Path:
    """A fixture unpacked into `folder`."""
    path = folder / name
    path.write_bytes(content(name))
    return path


#: Columns with ids that each ingest numbers: those of rows, and those that refer to them by another name.
OWN_IDS = frozenset(
    column.name
    for table in schema.TABLES
    for column in table.columns
    if column.meaning == "unique in the database"
) | {"parent_id", "ancestor_id", "capture_range_id", "python_stack_id"}


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
    columns = [row[0] for row in connection.execute(f"DESCRIBE {table}").fetchall()]
    # A table of nothing but such ids has its rows counted.
    chosen = ", ".join(c for c in columns if ids or c not in {"trace_id", *OWN_IDS}) or "NULL"
    return sorted(str(row) for row in connection.execute(f"SELECT {chosen} FROM {table}").fetchall())


def let_end() -> None:
    """Wait for what a time limit left behind: it would be there when Python ends, and crash."""
    until = time.monotonic() + 60
    while interrupts.left_behind() and time.monotonic() < until:
        time.sleep(0.02)
