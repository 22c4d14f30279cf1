"""Redacting in a process of its own, within the limits that decoding has: see `traceql.read.worker`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from traceql.read import processes, worker
from traceql.read.limits import limits
from traceql.share.redact.removed import Removed

if TYPE_CHECKING:
    from pathlib import Path

    from traceql.read.source import Source
    from traceql.share.redact.names import Names


def write(opened: Source, target: Path, names: Names, memory_bytes: int | None) -> Removed:
    """Write a report or an export again.

    Args:
        opened: it.
        target: a new file or folder.
        names: what stands for names; they know afterwards what the file told.
        memory_bytes: what it may take, see `limits`.

    Returns:
        What was removed.

    Raises:
        LimitError: it takes more memory than that, or stands still.
        OSError: it cannot be written.
        ReportError: it cannot be read, or redacting it crashes.
        UnsupportedReportError: it holds something that is not known.
    """
    within = limits(opened.size_bytes, memory_bytes=memory_bytes)
    told: dict[str, Any] = {}
    child = processes.start_of("traceql.share.redact.child")
    try:
        worker.ask(
            child,
            {
                "path": str(opened.path.absolute()),
                "file_name": opened.file_name,
                "target": str(target.absolute()),
                "names": names.state(),
                "memory": within.memory_bytes,
            },
        )
        with worker.Watch([child], within.idle_s) as guard:
            for tag, payload in worker.frames(child, opened.path, guard, within):
                if tag == b"M":
                    told = json.loads(payload.to_pybytes())
    finally:
        processes.end(child)
    if "failed" in told:
        raise OSError(*told["failed"])
    names.become(told["names"])
    return Removed(told["removed"])
