"""Writes small .nsys-rep files by hand, whole or wrong in one place."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Value = int | float | bytes | str

PID = 0x0001_0000_2A00_0000
TID = PID | 43


def varint(value: int) -> bytes:
    """Protobuf's variable-length number; negative ones take ten bytes."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value: Value) -> bytes:
    """One field: a number, eight bytes of double, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def message(*fields: tuple[int, Value]) -> bytes:
    """A message of (field number, value) pairs."""
    return b"".join(field(number, value) for number, value in fields)


def event(event_type: int, payload: int, *fields: tuple[int, Value]) -> bytes:
    """An event with one payload."""
    return message((1, event_type), (payload, message(*fields)))


def nvtx_range(start: int, end: int, text: Value = "range", *more: tuple[int, Value]) -> bytes:
    """A push/pop range on thread `TID`."""
    fields = [(1, 59), (2, start), (7, text), (9, TID), (10, end), (13, 0), (14, 1), *more]
    return event(59, 102, *sorted(fields, key=lambda pair: pair[0]))


def api_call(start: int, end: int, *, name: int = 0, event_class: int = 0, correlation: int = 1) -> bytes:
    """A CUDA runtime call on thread `TID`."""
    return event(
        48, 108, (1, start), (2, end), (3, correlation), (6, event_class), (7, name), (8, 0), (13, TID)
    )


def diagnostic(text: str, severity: int = 1) -> bytes:
    """A message of the profiler about process `PID`."""
    return event(49, 110, (1, message((1, 0), (2, 1), (3, 1))), (2, 1), (3, severity), (4, text), (5, PID))


def process(pid: int, name: str, *more: tuple[int, Value]) -> bytes:
    """A process event."""
    fields = [(1, 0), (2, pid), (6, name), (12, 1), *more]
    return event(27, 113, *sorted(fields, key=lambda pair: pair[0]))


def packed(raw: bytes) -> bytes:
    """A compressed block of any bytes."""
    compressed = pa.Codec("lz4_raw").compress(raw, asbytes=True)
    return varint(len(compressed)) + varint(len(raw)) + compressed


def block(content: bytes) -> bytes:
    """A compressed block that holds one message."""
    return packed(sized(content))


def events_block(events: Sequence[bytes]) -> bytes:
    """A compressed block of events."""
    return block(b"".join(field(1, one) for one in events))


def sized(content: bytes) -> bytes:
    """A message with its length before it."""
    return varint(len(content)) + content


def report(
    *blocks: Sequence[bytes],
    strings: Sequence[str] = ("cudaLaunchKernel_v7000",),
    index: Mapping[int, int] | None = None,
    offsets: Sequence[tuple[int, Value]] | None = None,
    raw_blocks: Sequence[bytes] | None = None,
    schemas: bytes | None = None,
    schemas_at: int = 0,
    threads: bytes = b"",
    magic: bytes = b"QDTEXT00",
    version: str = "2025.3.1.0",
    surplus: bytes = b"",
    extra_sections: Mapping[str, bytes] | None = None,
    header: bytes = b"",
    target: bytes = b"",
    streams: Sequence[bytes] = (),
    omit: Sequence[str] = (),
) -> bytes:
    """A report file with the given event blocks.

    Args:
        blocks: events of each block.
        strings: the string table.
        index: counts by field number, in place of the true ones.
        offsets: fields of "Sampling Data Offsets", in place of the true ones.
        raw_blocks: compressed blocks in place of `blocks`.
        schemas: the NVTX schema message; None leaves the block out.
        schemas_at: how far from its true place the offsets say it is.
        threads: the thread-name message.
        magic: of the raw section.
        version: of the profiler.
        surplus: bytes behind the last message of the raw section.
        extra_sections: more sections, by name, or in place of others.
        header: what the header says before the times.
        target: the message about GPUs and contexts.
        streams: captured output of processes.
        omit: sections to leave out.
    """
    counts = {1: sum(map(len, blocks)), 3: len(strings), **(index or {})}
    body = sized(header + message((17, 1_000), (18, 2_000_000))) + sized(message(*sorted(counts.items())))
    body += b"".join(map(events_block, blocks) if raw_blocks is None else raw_blocks)
    strings_at = len(body)
    table = [*(field(1, text) for text in strings), *(field(2, stream) for stream in streams)]
    body += block(b"".join(table))
    body += sized(threads) + sized(target)
    true_offsets: list[tuple[int, Value]] = [(1, "lz4"), (2, strings_at)]
    if schemas is not None:
        true_offsets.append((3, len(body) + schemas_at))
        body += block(schemas)
    sections = {
        "Raw Sampling Data": magic + body + surplus,
        "Sampling Data Offsets": message(*(true_offsets if offsets is None else offsets)),
        "UI Data": message((6, version)),
        **(extra_sections or {}),
    }
    return assembled({name: content for name, content in sections.items() if name not in omit})


def assembled(sections: Mapping[str, bytes]) -> bytes:
    """A file of sections, with its table of contents."""
    out = bytearray(b"NVIDIA Tegra Profiler Report 2025@3@1.")
    contents = b""
    for name, content in sections.items():
        contents += field(1, message((1, name), (2, len(out)), (3, len(content))))
        out += content
    contents_at = len(out)
    return bytes(out) + contents + struct.pack("<Q", contents_at) + b"U3w[END]"
