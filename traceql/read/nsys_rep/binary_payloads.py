"""Binary NVTX payloads, as `nsys export --include-blobs=true` writes them, and the tables of their layouts.

A payload in the report is the number of its schema and its bytes; an event may have several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from traceql.read import payload_parts, protobuf
from traceql.read.nsys_rep import layout, messages
from traceql.read.nsys_rep.messages import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from traceql.read.buffer import Buffer
    from traceql.read.nsys_rep.messages import Field, Path
    from traceql.read.protobuf import Message


def places(buffer: Buffer, fields: Mapping[Path, Field], count: int) -> Iterator[tuple[int, int, int, int]]:
    """(message, schema, where its bytes begin, and end) of each payload.

    The schema is 0 where none is told, and so are the places of one that has no bytes.
    """
    found = fields.get(layout.PAYLOADS)
    if found is None:
        return
    assert found.sizes is not None
    # What is not known in them `checks.frames` counts.
    inner = messages.split(
        buffer, found.values, found.values + found.sizes, layout.PAYLOAD, unknown=Unknown()
    )
    schemas, begins, ends = np.zeros((3, found.values.size), np.uint64)
    if (numbers := inner.get(1)) is not None:
        schemas[slice(None) if numbers.rows is None else numbers.rows] = numbers.values
    if (contents := inner.get(2)) is not None:
        assert contents.sizes is not None
        there = slice(None) if contents.rows is None else contents.rows
        begins[there], ends[there] = contents.values, contents.values + contents.sizes
    rows = np.arange(count) if found.rows is None else found.rows
    yield from zip(rows.tolist(), schemas.tolist(), begins.tolist(), ends.tolist(), strict=True)


def column(buffer: Buffer, fields: Mapping[Path, Field], count: int) -> pa.Array | None:
    """The payloads of each message, NULL where it has none; None where no message has one.

    A payload that does not name its schema cannot be decoded by anybody: it is left out.
    """
    of_rows: list[list[tuple[int, bytes]]] = [[] for _ in range(count)]
    for row, schema, begin, end in places(buffer, fields, count):
        if schema and begin:
            of_rows[row].append((schema, bytes(buffer.view[begin:end])))
    if not any(of_rows):
        return None
    return pa.array([payload_parts.joined(one) if one else None for one in of_rows], pa.binary())


def schema_tables(block: Message) -> dict[str, list[dict[str, Any]]]:
    """The rows of the tables of layouts, out of the report's schema block.

    The export does not say whose schemas they are either: those of two processes stand one after the other.

    Raises:
        WireError: a message is not valid.
    """
    tables: dict[str, list[dict[str, Any]]] = {
        f"NVTX_PAYLOAD_{name}": [] for name in ("SCHEMAS", "SCHEMA_ENTRIES", "ENUMS", "ENUM_ENTRIES")
    }
    for process in protobuf.submessages(block, 3):
        for schema in protobuf.submessages(process, 2):
            key = {"domainId": protobuf.number(schema, 9), "schemaId": protobuf.number(schema, 1)}
            entries = protobuf.submessages(schema, 4)
            tables["NVTX_PAYLOAD_SCHEMAS"].append(
                {
                    **key,
                    "name": protobuf.text(schema, 5),
                    "type": protobuf.number(schema, 2),
                    "numEntries": len(entries),
                    "payloadSize": protobuf.number(schema, 6),
                }
            )
            tables["NVTX_PAYLOAD_SCHEMA_ENTRIES"] += [
                {
                    **key,
                    "idx": position,
                    "flags": protobuf.number(entry, 2),
                    "type": protobuf.number(entry, 1),
                    "name": protobuf.text(entry, 7),
                    "arrayOrUnionDetail": protobuf.number(entry, 4),
                    "offset": protobuf.number(entry, 3),
                }
                for position, entry in enumerate(entries)
            ]
        for enum in protobuf.submessages(process, 4):
            key = {"domainId": protobuf.number(enum, 1), "schemaId": protobuf.number(enum, 2)}
            entries = protobuf.submessages(enum, 4)
            tables["NVTX_PAYLOAD_ENUMS"].append(
                {**key, "numEntries": len(entries), "size": protobuf.number(enum, 5)}
            )
            tables["NVTX_PAYLOAD_ENUM_ENTRIES"] += [
                {
                    **key,
                    "idx": position,
                    "name": protobuf.text(entry, 1),
                    "value": protobuf.number(entry, 2),
                }
                for position, entry in enumerate(entries)
            ]
    return tables


def counters(block: Message) -> list[dict[str, Any]]:
    """What the schema block tells of the counters: a row for each of their fields.

    A counter is a number by itself, or a group: a schema whose entries are its fields. Each is for a scope,
    which is a path if the application made it, and may have a unit.

    Raises:
        WireError: a message is not valid.
    """
    rows = []
    for process in protobuf.submessages(block, 3):
        scopes = {
            (protobuf.number(scope, 1), protobuf.number(scope, 2)): protobuf.text(scope, 4)
            for scope in protobuf.submessages(process, 6)
        }
        groups = {
            (protobuf.number(schema, 9), protobuf.number(schema, 1)): protobuf.submessages(schema, 4)
            for schema in protobuf.submessages(process, 2)
        }
        for counter in protobuf.submessages(process, 5):
            domain = protobuf.number(counter, 1)
            told = {
                "counterId": protobuf.number(counter, 3),
                "name": protobuf.text(counter, 5),
                "scopePath": scopes.get((domain, protobuf.number(counter, 4))),
            }
            fields = groups.get((domain, protobuf.number(counter, 2)))
            if fields is None:
                rows.append({**told, "fieldName": told["name"], "unit": _unit(counter, 6)})
            else:
                rows += [
                    {**told, "fieldName": protobuf.text(entry, 7), "unit": _unit(entry, 10)}
                    for entry in fields
                ]
    return rows


def _unit(of: Message, field: int) -> str | None:
    """The unit among the semantics of a counter or of a field."""
    units = [protobuf.text(semantics, 3) for semantics in protobuf.submessages(of, field)]
    return next((unit for unit in units if unit), None)
