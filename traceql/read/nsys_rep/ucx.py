"""Calls of UCX, which are NVTX ranges in a report: in tables of their own, as the export has them.

They are the ranges of an NVTX domain named UCX; its categories tell whether a call submits a transfer,
processes one, or is another. What a transfer is about is its payload, in which no packed size was ever seen.

A process tells of its worker in a record beside the layouts of payloads: its number, by which transfers of
other processes name it. The export has the thread of a worker, too; here its process is known.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from traceql.read.nsys_rep import mpi

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from traceql.read.nsys_rep.records import Record

_CALL: Final = ("start", "end", "globalTid", "textId")
_TRANSFER: Final = (*_CALL, "bufferAddr", "packedSize", "peerWorkerUid", "tag")
#: Table → its columns in the export's order.
TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "UCP_SUBMIT_EVENTS": _TRANSFER,
    "UCP_PROGRESS_EVENTS": _TRANSFER,
    "UCP_EVENTS": _CALL,
}
WORKERS: Final = "UCP_WORKERS"
#: What is read of NVTX_EVENTS.
NEEDED: Final = (*mpi.NEEDED, "category")

_OF_CATEGORY: Final = {
    "UCP transfer submit": "UCP_SUBMIT_EVENTS",
    "UCP transfer processing": "UCP_PROGRESS_EVENTS",
}
_FIELDS: Final = {"Buffer address": "bufferAddr", "Remote worker": "peerWorkerUid", "Tag": "tag"}
# Signed numbers as their bits.
_BITS: Final = (1 << 64) - 1
# Paradigm, version and type of a record of a worker; it holds the worker's number.
_WORKER: Final = (2, 1, 1)
_WORKER_CONTENT: Final = struct.Struct("<Q")


class Calls:
    """The calls among the NVTX events of a report.

    Args:
        named: the events that name domains and categories, with the columns `NEEDED`.
        entries: NVTX_PAYLOAD_SCHEMA_ENTRIES, if there are any.
        strings: of the report, by number.
    """

    def __init__(
        self, named: Sequence[Mapping[str, Any]], entries: pa.Table | None, strings: Sequence[bytes]
    ) -> None:
        self._domains = mpi.domains_called("UCX", named, strings)
        self._layouts = mpi.layouts_of(entries) if self._domains else {}
        self._tables = {
            (mpi.domain_of(event), event["category"]): _OF_CATEGORY.get(
                mpi.text_of(event, strings) or "", "UCP_EVENTS"
            )
            for event in named
            if event["eventType"] == mpi.CATEGORY
        }

    def apart(self, nvtx: pa.Table) -> tuple[pa.Table, dict[str, pa.Table]]:
        """Some NVTX events without UCX's calls, and the tables of these that have rows.

        Args:
            nvtx: NVTX_EVENTS with the columns `NEEDED`, and others.
        """
        return mpi.apart(nvtx, NEEDED, self._domains, TABLES, self._rows)

    def _rows(self, event: Mapping[str, Any], *, is_call: bool) -> Iterator[tuple[str, dict[str, Any]]]:
        if is_call:
            told, _ = mpi.fields_of(event, self._layouts)
            call = {name: event[name] for name in _CALL}
            call |= {column: told[name] & _BITS for name, column in _FIELDS.items() if name in told}
            yield self._tables.get((mpi.domain_of(event), event["category"]), "UCP_EVENTS"), call


def workers(records: Iterable[Record]) -> pa.Table | None:
    """UCP_WORKERS: a row for each worker, or None without one."""
    rows = [
        {"globalTid": one.process, "workerUid": _WORKER_CONTENT.unpack(one.content)[0]}
        for one in records
        if one.kind == _WORKER and len(one.content) == _WORKER_CONTENT.size
    ]
    schema = pa.schema([("globalTid", pa.uint64()), ("workerUid", pa.uint64())])
    return pa.Table.from_pylist(rows, schema) if rows else None
