"""Reports, exports, sidecars and databases without what is private in them, in their own form.

Environments, command lines, names of users and machines, paths, addresses and processes that were not
profiled go. Events, counts, ids and times stay, and NVIDIA's tools open the result. What is not known here
is refused: nothing is passed on because nobody looked at it.

=============== ==========================================================================
`texts`         the rules for texts, and what a file tells of whom it is about
`names`         what stands for names: numbers of paths, pseudonyms
`removed`       what went, by kind; the error for what is not known
`messages`      protobuf messages whose texts are known by their place
`strings`       the texts of a string table, by what refers to them
`nsys_rep`      reports of Nsight Systems; `nsys_events` their events, `nsys_fields` the rest
`ncu_rep`       reports of Nsight Compute
`exports`       what ``nsys export`` writes; `export_fields` where its texts stand
`payloads`      which binary payloads of NVTX hold numbers alone
`sidecars`      what lies beside reports
`databases`     the tables of a database
`target`        where a result is put, and what it may replace
`writers`       which module writes which format
`apart`         the same in a process of its own, `child`, within limits of memory and time
`words`         long lists of names
=============== ==========================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql.read import temporary
from traceql.read.source import open_source
from traceql.share.redact import apart
from traceql.share.redact import target as places
from traceql.share.redact.names import Names
from traceql.share.redact.removed import Removed

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Names", "Removed", "check", "redact"]


def redact(
    source: Path, target: Path, names: Names, *, force: bool = False, memory_bytes: int | None = None
) -> Removed:
    """Write a report, an export or a sidecar again, without what is private in it.

    Args:
        source: the file or folder, compressed or not; it is not changed.
        target: where the result is put when it is whole, not compressed.
        names: what stands for names, for all files of a call.
        force: replace what is at `target`.
        memory_bytes: what it may take, see `traceql.read.limits.limits`.

    Returns:
        What was removed.

    Raises:
        LimitError: it takes more memory than that, or stands still.
        OSError: it cannot be written.
        ReportError: it cannot be read, or must not be put at `target`.
        UnsupportedReportError: it holds something that is not known.
    """
    places.look_at(source, target, _is_export, force=force)
    with temporary.folder(target.parent) as place:
        removed = _written(source, place / "redacted", names, memory_bytes)
        places.put(place / "redacted", target, place / "replaced")
    return removed


def check(source: Path, names: Names, *, memory_bytes: int | None = None) -> Removed:
    """What `redact` would remove from a file or folder; nothing is written beside it."""
    with temporary.folder() as place:
        return _written(source, place / "redacted", names, memory_bytes)


def _is_export(folder: Path) -> bool:
    from traceql.share.redact import exports

    return exports.is_one(folder)


def _written(source: Path, target: Path, names: Names, memory_bytes: int | None) -> Removed:
    if source.name.lower().endswith(".json"):
        from traceql.share.redact import sidecars

        removed = Removed()
        sidecars.write(source, target, names, removed)
        return removed
    with open_source(source) as opened:
        return apart.write(opened, target, names, memory_bytes)
