"""What a collector made, brought into a database; only here is more needed than click and rich."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import click

from traceql.errors import CollectError, DatabaseError, TraceqlError
from traceql.record import staging

if TYPE_CHECKING:
    from pathlib import Path

    from traceql.database import Database

_SUFFIXES = [suffix for suffixes in staging.ALL_SUFFIXES.values() for suffix in suffixes]
# Tables of runs: rows of points, and the sweep of speculative decoding.
_TABLES = ("*.csv", "specdec.json")


def check() -> None:
    """Before hours are spent: is there what it needs?

    Raises:
        CollectError: there is no duckdb.
    """
    if importlib.util.find_spec("duckdb") is None:
        raise CollectError("--ingest needs duckdb", "pip install duckdb, or ingest the folder elsewhere.")


def ingest(out: Path, path: str, wait_s: float | None = None) -> list[str]:
    """Bring reports and tables of a folder into a database; returns what could not be, and why.

    It waits for one that is in use, so many seconds; by default as `traceql ingest` does.

    One that is refused does not keep the others out, nor does a database that cannot be opened lose anything:
    all that was made stays in the folder.
    """
    from traceql.database import Database
    from traceql.store.waiting import WAIT_S

    failed = []
    try:
        with Database(path, wait_s=WAIT_S if wait_s is None else wait_s) as database:
            for file in _files(out):
                try:
                    click.echo(f"{file.name}: {_add(database, file)}", err=True)
                except DatabaseError:
                    raise
                except TraceqlError as error:
                    failed.append(f"{file.name} is not in {path}: {error.message}")
    except DatabaseError as error:
        later = f"traceql ingest {out} --db {path}"
        failed.append(f"not all is in the database: {error.message}. It is in {out}; later: {later}")
    return failed


def _files(out: Path) -> list[Path]:
    reports = [file for suffix in _SUFFIXES for file in sorted(out.glob(f"*{suffix}"))]
    return reports + [file for pattern in _TABLES for file in sorted(out.glob(pattern))]


def _add(database: Database, file: Path) -> str:
    from traceql.read import runs

    if file.suffix in _SUFFIXES:
        return database.ingest(file).status
    return database.import_runs(runs.read(file), replace=True).status
