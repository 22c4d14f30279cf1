"""One report from its file to the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traceql.read.base import no_progress
from traceql.store import decode, ingest

if TYPE_CHECKING:
    from pathlib import Path

    from traceql.read.base import Progress
    from traceql.store.connection import Store
    from traceql.store.decode import Via
    from traceql.store.outcomes import Ingested


def read_in(
    store: Store,
    report: Path,
    *,
    via: Via = "auto",
    memory_bytes: int | None = None,
    progress: Progress = no_progress,
    **options: Any,
) -> Ingested:
    """Read one report into a database, in one transaction.

    Args:
        store: the database.
        report: a file or a folder.
        via: who decodes it.
        memory_bytes: what decoding may take; None for a share of what there is.
        progress: called with (events decoded, events in total or None).
        **options: of `ingest.add`.

    Raises:
        ReportError: the report cannot be read; the database is as it was.
        DatabaseError: the database cannot be written.
    """
    decoded = decode.decode(report, via=via, memory_bytes=memory_bytes, progress=progress)
    try:
        return ingest.add(store, decoded, **options)
    finally:
        decoded.close()
