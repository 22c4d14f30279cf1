"""Nsight Compute reports written by hand: messages, blocks, whole files."""

from __future__ import annotations

import struct
from typing import TypeAlias

Value: TypeAlias = int | bytes | str

KERNEL, RANGE, CMDLIST, GRAPH = 2, 7, 8, 9
THREAD = 4242


def varint(number: int) -> bytes:
    """An unsigned integer on the wire."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: Value) -> bytes:
    """A varint field, or a field of bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def message(*fields: tuple[int, Value]) -> bytes:
    """A message of the fields, in this order."""
    return b"".join(field(number, value) for number, value in fields)


def double(number: int, value: float) -> bytes:
    """A field that holds a double."""
    return varint(number << 3 | 1) + struct.pack("<d", value)


def single(number: int, value: float) -> bytes:
    """A field that holds a float."""
    return varint(number << 3 | 5) + struct.pack("<f", value)


def value(content: float | str | None) -> bytes:
    """The value of a metric: text, integer, double, or nothing."""
    if content is None:
        return b""
    if isinstance(content, float):
        return double(3, content)
    return field(1 if isinstance(content, str) else 5, content)


def metric(name: int, content: bytes | None, *more: tuple[int, Value]) -> bytes:
    """A metric.

    Args:
        name: id of its name.
        content: the message that is its value; None to leave it out.
        more: further fields.
    """
    return message((1, name), *([] if content is None else [(2, content)]), *more, (4, 0))


def kernel(*fields: tuple[int, Value], names: tuple[str, str, str] = ("f", "f(int)", "_Z1fi")) -> bytes:
    """The result of a kernel, with nothing but what is given; names are function, demangled and mangled."""
    function, demangled, mangled = names
    shape = message((1, 1), (2, 1), (3, 1))
    return message(
        (1, THREAD), (2, 1), (3, 0), (4, 0), (5, mangled), (6, function), (7, demangled), (8, 3),
        (9, message((1, 0), (2, 0), (3, 0))), (10, shape), (11, shape), *fields, (14, 1_700_000_000),
        (15, message((1, 77))), (16, 0), (22, 1), (23, 7),
    )  # fmt: skip


def attributes(
    kind: int, said: str | int, payload: bytes | None = None, *, category: int = 0, color: int = 0
) -> bytes:
    """What NVTX writes behind the text of a range; its message is a text, or the handle of one."""
    return message(
        (1, 3),
        (2, category),
        (3, message((1, 1), (2, color))),
        (4, payload or message((1, 0))),
        (5, message((1, kind), (2 if isinstance(said, str) else 3, said))),
    )


def workload(*fields: tuple[int, Value]) -> bytes:
    """The result of a range, command list or graph."""
    return message((1, THREAD), (2, 1), *fields, (5, 1_700_000_000), (6, 0))


def sized(content: bytes) -> bytes:
    """A length and what has it."""
    return struct.pack("<I", len(content)) + content


def block(
    results: list[bytes],
    kind: int = KERNEL,
    *,
    strings: list[str] | None = None,
    sources: list[bytes] | None = None,
    counts: dict[int, int] | None = None,
    surplus: bytes = b"",
    session: bytes | None = None,
    process: tuple[int, str] | None = None,
) -> bytes:
    """A block.

    Args:
        results: messages of one kind.
        kind: of them: the field of the header that counts them.
        strings: that it adds to the table.
        sources: messages before the results.
        counts: of the header, by field, if not the true ones.
        surplus: bytes behind the results.
        session: what it says about the recording.
        process: pid and executable of the process that it is of.
    """
    payload = b"".join(map(sized, [*(sources or []), *results])) + surplus
    found = {1: len(sources or []), KERNEL: 0} | ({kind: len(results)} if results else {}) | (counts or {})
    header = [
        (1, found[1]),
        (2, found[KERNEL]),
        *([] if session is None else [(3, session)]),
        (4, message(*((1, text) for text in strings or []))),
        (5, len(payload)),
        *([] if process is None else [(6, message((1, process[0]), (3, process[1])))]),
        *((number, count) for number, count in found.items() if number > 5),
    ]
    return sized(message(*header)) + payload


def report(*blocks: bytes) -> bytes:
    """A file."""
    return b"NVR\0" + sized(message((1, 7))) + b"".join(blocks)


def with_metrics(metrics: dict[str, float | str | None], *fields: tuple[int, Value]) -> bytes:
    """A file with one kernel that has these metrics."""
    names = list(metrics)
    told = [(13, metric(number, value(metrics[name]))) for number, name in enumerate(names)]
    return report(block([kernel(*told, *fields)], strings=names))
