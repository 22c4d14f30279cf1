"""A report made in this process goes into a database as a decoded file would."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from traceql.read.formats import READERS
from traceql.read.source import Source
from traceql.store import ingest
from traceql.store.decode import Decoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traceql import Database
    from traceql.read.base import RawReport

_FILE = {"nsys": "made.sqlite", "ncu": "made.ncu-rep"}
# A database takes the same report once only, and knows it by its hash.
_HASHES = itertools.count()


def store(database: Database, report: RawReport, name: str, tags: Mapping[str, str] | None = None) -> None:
    """Store a made report under the name, with its tags."""
    reader = next(reader for reader in READERS if reader.kind == report.kind)
    path = Path(_FILE[report.kind])
    source = Source(path, path.name, f"made {next(_HASHES)}", 0)
    ingest.add(
        database._store, Decoded(path, source, reader, report, None, ExitStack()), name=name, tags=tags
    )
