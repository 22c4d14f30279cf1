"""A report made in this process goes into a database as a decoded file would."""

from __future__ import annotations

import copy
import itertools
import weakref
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import traceql
from traceql.read.formats import READERS
from traceql.read.source import Source, known
from traceql.store import ingest
from traceql.store.decode import Decoded
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traceql import Database
    from traceql.read.base import RawReport

_FILE = {"nsys": "made.sqlite", "ncu": "made.ncu-rep"}
# A database takes the same report once only, and knows it by its hash.
_HASHES = itertools.count()
# Databases in memory that nobody has any more.
_FREE: list[Database] = []


def empty() -> Database:
    """An empty database in memory, for tests that change its rows only.

    To make one takes longer than to fill it. So one that nobody has any more is emptied and used again: closed,
    it would have to be made.
    """
    # Taken before it is emptied: meanwhile others may come to be free.
    kept = _FREE.pop() if _FREE else traceql.open(":memory:")
    clear(kept)
    lent = copy.copy(kept)
    vars(lent)["close"] = lambda: None
    weakref.finalize(lent, _FREE.append, kept)
    return lent


def clear(database: Database) -> None:
    """Remove all traces and runs."""
    with database._store.writing("nothing") as connection:
        connection.execute("; ".join(f"DELETE FROM {table.name}" for table in reversed(schema.TABLES)))


def store(database: Database, report: RawReport, name: str, tags: Mapping[str, str] | None = None) -> None:
    """Store a made report under the name, with its tags."""
    reader = next(reader for reader in READERS if reader.kind == report.kind)
    path = Path(_FILE[report.kind])
    source = Source(path, path.name, known(f"made {next(_HASHES)}"), 0)
    ingest.add(
        database._store, Decoded(path, source, reader, report, None, ExitStack()), name=name, tags=tags
    )
