"""Calls of MPI, which are NVTX ranges in a report: in tables of their own, as the export has them.

They are the ranges of an NVTX domain named MPI. What a call passes is its payload, and which table it belongs
to follows from the payload's fields: one with a tag is of a message, one with a communicator of a collective,
one with requests alone starts or awaits them; all others are of MPI_OTHER_EVENTS. A call that awaits several
requests has a row for each, and MPI_Sendrecv two where its halves differ. Sizes of collectives that are 0 are
NULL. Threads called ``MPI Rank 3`` are MPI_RANKS.

What a process tells of its communicators are records beside the layouts of payloads.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import pyarrow as pa

from traceql.read import payload_layout, payload_parts
from traceql.read.nsys_rep.arrow import tables_of
from traceql.read.payload_layout import Extent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from traceql.read.nsys_rep.records import Record

#: Domain and schema → the schema's entries in order.
Layouts: TypeAlias = "Mapping[tuple[int, int], list[Mapping[str, Any]]]"

#: Table → its columns in the export's order.
TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "MPI_P2P_EVENTS": (
        "start", "end", "globalTid", "textId", "commHandle", "tag", "remoteRank", "size", "requestHandle",
    ),
    "MPI_COLLECTIVES_EVENTS": (
        "start", "end", "globalTid", "textId", "commHandle", "rootRank", "size", "recvSize", "requestHandle",
    ),
    "MPI_START_WAIT_EVENTS": ("start", "end", "globalTid", "textId", "requestHandle"),
    "MPI_OTHER_EVENTS": ("start", "end", "globalTid", "textId"),
    "MPI_RANKS": ("globalTid", "rank"),
}  # fmt: skip
RANKS: Final = "MPI_RANKS"
COMMUNICATORS: Final = "MPI_COMMUNICATORS"
#: What is read of NVTX_EVENTS.
NEEDED: Final = ("start", "end", "eventType", "globalTid", "text", "textId", "domainId", "binaryData")

#: Of columns; all others are unsigned numbers of 64 bits.
TYPES: Final = {
    **dict.fromkeys(("start", "end"), pa.int64()),
    **dict.fromkeys(("tag", "remoteRank", "rootRank", "rank"), pa.int32()),
    "textId": pa.uint32(),
}
#: Types of NVTX events: what names a category, and a domain.
CATEGORY, DOMAIN = 33, 75
_RANGES: Final = (59, 60)
_THREAD_NAME: Final = 39
_RANK: Final = re.compile(r"MPI Rank (\d{1,9})")
# NVTX_PAYLOAD_ENTRY_TYPE_* of nvToolsExtPayload.h, as far as payloads of MPI and UCX use them; 23: address.
_NUMBERS: Final = {
    15: struct.Struct("<i"),
    16: struct.Struct("<I"),
    17: struct.Struct("<q"),
    18: struct.Struct("<Q"),
    23: struct.Struct("<Q"),
}
# Paradigm, version and type of a record of a communicator, and what it holds: handle, parent's handle, rank
# in it, its size, root of the group by its global rank and by its own number.
_TEAM: Final = (1, 1, 1)
_TEAM_CONTENT: Final = struct.Struct("<QQiiii")
_COMMUNICATORS: Final = pa.schema(
    [
        ("rank", pa.int32()),
        ("timestamp", pa.int64()),
        ("commHandle", pa.uint64()),
        ("parentHandle", pa.uint64()),
        *((name, pa.int32()) for name in ("localRank", "size", "groupRoot", "groupRootUid")),
        ("members", pa.string()),
    ]
)
# Requests, as many as an entry before them says.
_HANDLE: Final = _NUMBERS[18]


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
        self._strings = strings
        self._domains = domains_called("MPI", named, strings)
        self._layouts = layouts_of(entries) if self._domains else {}

    def apart(self, nvtx: pa.Table) -> tuple[pa.Table, dict[str, pa.Table]]:
        """Some NVTX events without MPI's calls, and the tables of these that have rows.

        Args:
            nvtx: NVTX_EVENTS with the columns `NEEDED`, and others.
        """
        return apart(nvtx, NEEDED, self._domains, TABLES, self._rows)

    def _rows(self, event: Mapping[str, Any], *, is_call: bool) -> Iterator[tuple[str, dict[str, Any]]]:
        if is_call:
            call = {name: event[name] for name in TABLES["MPI_OTHER_EVENTS"]}
            table, told = _told(event, self._layouts)
            yield from ((table, call | one) for one in told)
        elif event["eventType"] == _THREAD_NAME and (
            rank := _RANK.fullmatch(text_of(event, self._strings) or "")
        ):
            yield RANKS, {"globalTid": event["globalTid"], "rank": int(rank[1])}


class Told(Protocol):
    """Makes the rows of tables that an NVTX event becomes."""

    def __call__(self, event: Mapping[str, Any], *, is_call: bool) -> Iterable[tuple[str, dict[str, Any]]]:
        """Tables with a row each; `is_call` says whether it is a call of the library."""
        ...


def apart(
    nvtx: pa.Table,
    needed: Sequence[str],
    domains: Collection[tuple[int, int]],
    tables: Mapping[str, Sequence[str]],
    told: Told,
) -> tuple[pa.Table, dict[str, pa.Table]]:
    """Some NVTX events without the calls of a library, and the tables of these that have rows.

    Args:
        nvtx: NVTX_EVENTS.
        needed: the columns of them that are looked at, where they are there.
        domains: of the library.
        tables: table → its columns.
        told: makes the rows of an event.
    """
    if not domains:
        return nvtx, {}
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in tables}
    stays = []
    for event in nvtx.select([name for name in needed if name in nvtx.column_names]).to_pylist():
        is_call = event["eventType"] in _RANGES and domain_of(event) in domains
        stays.append(not is_call)
        for table, row in told(event, is_call=is_call):
            rows[table].append(row)
    return nvtx.filter(pa.array(stays)), tables_of(rows, tables, TYPES)


def domains_called(
    name: str, named: Sequence[Mapping[str, Any]], strings: Sequence[bytes]
) -> set[tuple[int, int]]:
    """The domains of that name, each with its process, out of the events that name domains and others."""
    return {
        domain_of(event)
        for event in named
        if event["eventType"] == DOMAIN and text_of(event, strings) == name
    }


def domain_of(event: Mapping[str, Any]) -> tuple[int, int]:
    """The process and the domain of an NVTX event."""
    return event["globalTid"] >> 24, event["domainId"]


def communicators(records: Iterable[Record], ranks: pa.Table | None) -> pa.Table | None:
    """MPI_COMMUNICATORS: a row for each communicator that a process made, or None without one.

    A group's root that is negative stands for none. Who its members are is in no report that was seen.

    Args:
        records: beside the layouts, see `records.records`.
        ranks: MPI_RANKS, if there are any.
    """
    rank_of = {row["globalTid"] >> 24: row["rank"] for row in ranks.to_pylist()} if ranks else {}
    rows = []
    for one in records:
        if one.kind == _TEAM and len(one.content) == _TEAM_CONTENT.size:
            handle, parent, local, size, root, uid = _TEAM_CONTENT.unpack(one.content)
            rows.append(
                {
                    "rank": rank_of.get(one.process >> 24),
                    "timestamp": one.time,
                    "commHandle": handle,
                    "parentHandle": parent,
                    "localRank": local,
                    "size": size,
                    "groupRoot": None if root < 0 else root,
                    "groupRootUid": None if uid < 0 else uid,
                    "members": None,
                }
            )
    return pa.Table.from_pylist(rows, _COMMUNICATORS) if rows else None


def text_of(event: Mapping[str, Any], strings: Sequence[bytes]) -> str | None:
    """What an NVTX event says."""
    text: str | None = event["text"]
    number = event["textId"]
    return text if number is None else strings[number].decode("utf-8", "replace")


def layouts_of(entries: pa.Table | None) -> Layouts:
    """The schemas of all domains; without those of which two processes say different things."""
    found: dict[tuple[int, int], dict[int, Mapping[str, Any]]] = {}
    differ = set()
    for entry in entries.to_pylist() if entries is not None else ():
        schema = entry["domainId"], entry["schemaId"]
        before = found.setdefault(schema, {}).setdefault(entry["idx"], entry)
        if before != entry:
            differ.add(schema)
    return {
        schema: [one[idx] for idx in sorted(one)] for schema, one in found.items() if schema not in differ
    }


def _told(event: Mapping[str, Any], layouts: Layouts) -> tuple[str, list[dict[str, int | None]]]:
    """The table that a call belongs to, and what each of its rows there tells of its payload."""
    fields, requests = fields_of(event, layouts)
    passed = {"commHandle": fields.get("Communicator"), "requestHandle": fields.get("Request")}
    if "Window" in fields:
        return "MPI_OTHER_EVENTS", [{}]
    if {"Send tag", "Receive tag"} <= fields.keys():
        halves = [
            {"tag": fields[f"{half} tag"], "remoteRank": fields.get(rank), "size": fields.get(size)} | passed
            for half, rank, size in (
                ("Send", "Destination", "Bytes sent"),
                ("Receive", "Source", "Bytes received"),
            )
        ]
        return "MPI_P2P_EVENTS", halves[:1] if halves[0] == halves[1] else halves
    if "Tag" in fields:
        message = {
            "tag": fields["Tag"],
            "remoteRank": fields.get("Destination", fields.get("Source")),
            "size": fields.get("Bytes sent", fields.get("Bytes received")),
        }
        return "MPI_P2P_EVENTS", [message | passed]
    if "Communicator" in fields:
        sizes = {"size": fields.get("Bytes sent") or None, "recvSize": fields.get("Bytes received") or None}
        return "MPI_COLLECTIVES_EVENTS", [{"rootRank": fields.get("Root")} | sizes | passed]
    if requests or "Request" in fields:
        return "MPI_START_WAIT_EVENTS", [{"requestHandle": one} for one in requests or [fields["Request"]]]
    return "MPI_OTHER_EVENTS", [{}]


def fields_of(event: Mapping[str, Any], layouts: Layouts) -> tuple[dict[str, int], list[int]]:
    """The numbers of an event's payload by name, and its requests, which are a row."""
    payload = event.get("binaryData") or b""
    of_library = payload_parts.parts(payload)
    if len(of_library) != 1:
        return {}, []
    (part,) = of_library
    content = payload[part.begin : part.end]
    found: dict[str, int] = {}
    requests: list[int] = []
    entries = layouts.get((event["domainId"], part.schema), ())
    places = payload_layout.begins((entry["offset"], _extent(entry)) for entry in entries)
    for entry, at in zip(entries, places, strict=True):
        kind = _NUMBERS.get(entry["type"])
        if kind is None or at is None:
            continue
        if entry["name"] == "Requests":
            most = max(0, len(content) - at) // _HANDLE.size
            count = min(found.get("No. of requests", 0), most)
            requests = [_HANDLE.unpack_from(content, at + place * _HANDLE.size)[0] for place in range(count)]
        elif not entry["flags"] and at + kind.size <= len(content):
            (found[entry["name"]],) = kind.unpack_from(content, at)
    return found, requests


def _extent(entry: Mapping[str, Any]) -> Extent | None:
    """What an entry takes of a payload; how long a row is tells the payload."""
    one = payload_layout.of_number(entry["type"])
    return Extent(None, one.alignment) if one and entry["flags"] else one
