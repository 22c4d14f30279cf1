"""Fields of messages one after the other: what is left where steps of numpy read too few at a time.

One pass, whatever the fields are and however many; those that repeat the one before byte by byte are counted
at once. Nothing is copied.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from traceql.read.protobuf import BYTES, FIXED32, FIXED64, VARINT, WireError, varint

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from traceql.read.buffer import Buffer, Numbers, Positions

# Bytes that are compared at a time.
_WINDOW: Final = 1 << 16
_FIXED: Final = {FIXED64: 8, FIXED32: 4}


class One(NamedTuple):
    """A field of a message.

    Attributes:
        number: of the field.
        wire_type: as in `protobuf`.
        at: where it begins.
        value: the number, or where the first byte of anything else stands.
        size: bytes of what is no number.
        times: how often it stands there in a row: 1 of what is known.
    """

    number: int
    wire_type: int
    at: int
    value: int
    size: int
    times: int


class Kept:
    """What is kept of the fields, as columns."""

    def __init__(self) -> None:
        self._columns: dict[tuple[int, int], tuple[array[int], array[int], array[int]]] = {}

    def add(self, one: One, row: int) -> None:
        """Keep a field of the message `row`."""
        key = one.number, one.wire_type
        if key not in self._columns:
            self._columns[key] = array("q"), array("Q"), array("q")
        rows, values, sizes = self._columns[key]
        rows.append(row)
        values.append(one.value)
        sizes.append(one.size)

    def columns(self) -> Iterator[tuple[int, int, Positions, Numbers, Positions | None]]:
        """Number, wire type, rows, values or positions, and sizes of what is no number."""
        for (number, wire_type), (rows, values, sizes) in self._columns.items():
            read = np.frombuffer(values, np.uint64)
            is_number = wire_type == VARINT
            yield (
                number,
                wire_type,
                np.frombuffer(rows, np.int64),
                read if is_number else read.view(np.int64),
                None if is_number else np.frombuffer(sizes, np.int64),
            )


def fields(buffer: Buffer, at: int, end: int, known: Container[int]) -> Iterator[One]:
    """The fields of the message in ``buffer[at:end]``.

    Raises:
        WireError: the message is not valid. What its tags mean is not looked at.
    """
    data = buffer.view
    while at < end:
        begin = at
        tag = data[at]
        at += 1
        if tag >= 0x80:
            second = data[at]
            if second >= 0x80:
                raise WireError("a field number is above 2047", begin)
            tag = tag & 0x7F | second << 7
            at += 1
        number, wire_type = tag >> 3, tag & 7
        value, size = at, 0
        if wire_type == VARINT:
            value, at = varint(data, at, end)
        elif wire_type == BYTES:
            size, value = varint(data, at, end)
        else:
            size = _FIXED.get(wire_type, 0)
        if wire_type != VARINT:
            at = value + size
            if at > end:
                raise WireError("bytes run past the end of their message", begin)
        times = 1 if number in known else 1 + _copies(buffer, begin, at, end)
        yield One(number, wire_type, begin, value, size, times)
        at += (times - 1) * (at - begin)


def _copies(buffer: Buffer, begin: int, after: int, end: int) -> int:
    """How often the bytes from `begin` to `after` stand there again, one copy behind the other."""
    size = after - begin
    if buffer.view[begin:after] != buffer.view[after : after + size] or after + size > end:
        return 0
    data, same = buffer.bytes, 0
    while (stop := min(begin + same + _WINDOW, end - size)) > begin + same:
        first = data[begin + same : stop]
        differs = np.flatnonzero(first != data[begin + same + size : stop + size])
        if differs.size:
            return (same + int(differs[0])) // size
        same += first.size
    return same // size
