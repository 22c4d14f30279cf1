"""Protobuf's wire format, one message at a time: for the small messages of what is read and written.

The many events of Nsight Systems are decoded by `nsys_rep`, thousands at a time, and `protobuf_rows`
encodes as many.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5
#: In a table of known fields: one that nobody here has seen on the wire, so nothing is said about its type.
ANY: Final = -1

#: A decoded value: varints are unsigned integers, everything else is its bytes.
Value: TypeAlias = int | bytes

Message: TypeAlias = dict[int, list[Value]]

WIRE_TYPE_NAMES: Final = {VARINT: "varint", FIXED64: "fixed64", BYTES: "bytes", FIXED32: "fixed32"}


class WireError(Exception):
    """Bytes that are no valid message.

    Attributes:
        what: what is wrong with them, without naming a file.
        at: position in the buffer that was being decoded.
    """

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what, at)
        self.what = what
        self.at = at


def varint(data: bytes | memoryview, at: int, end: int) -> tuple[int, int]:
    """The varint at `at` and the position after it; `end` is where the data ends.

    >>> varint(bytes([0xAC, 0x02]), 0, 2)
    (300, 2)
    """
    start, value, shift = at, 0, 0
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                raise WireError("a number does not fit 64 bits", start)
            return value, at
        shift += 7
        if shift > 63:
            raise WireError("a number is longer than 10 bytes", start)
    raise WireError("a number runs past the end of its message", start)


def fields(data: bytes | memoryview, start: int, end: int) -> Iterator[tuple[int, int, Value]]:
    """(field number, wire type, value) of the message in ``data[start:end]``, in its order."""
    at = start
    while at < end:
        begin = at
        # Most tags and lengths have one byte: a call for each would take longer than all the rest.
        if (tag := data[at]) < 0x80:
            at += 1
        else:
            tag, at = varint(data, at, end)
        number, wire_type = tag >> 3, tag & 7
        value: Value
        if number == 0:
            raise WireError("a field has the number 0", begin)
        if wire_type == VARINT:
            value, at = varint(data, at, end)
        else:
            if wire_type == BYTES:
                if at < end and (size := data[at]) < 0x80:
                    at += 1
                else:
                    size, at = varint(data, at, end)
            elif wire_type == FIXED64:
                size = 8
            elif wire_type == FIXED32:
                size = 4
            else:
                raise WireError(f"field {number} has the unknown wire type {wire_type}", begin)
            if size > end - at:
                raise WireError(f"field {number} runs past the end of its message", begin)
            value = bytes(data[at : at + size])
            at += size
        yield number, wire_type, value


def message(data: bytes | memoryview, start: int = 0, end: int | None = None) -> Message:
    """All values of a message by field number, each field's in its order."""
    found: Message = {}
    for number, _, value in fields(data, start, len(data) if end is None else end):
        found.setdefault(number, []).append(value)
    return found


def number(parsed: Message, field: int) -> int | None:
    """The unsigned integer in `field`, None when absent."""
    values = parsed.get(field)
    if values is None:
        return None
    if not isinstance(values[-1], int):
        raise WireError(f"field {field} holds bytes where a number belongs", 0)
    return values[-1]


def signed(parsed: Message, field: int) -> int | None:
    """The two's-complement 64-bit integer in `field`, None when absent."""
    value = number(parsed, field)
    return None if value is None else as_signed(value)


def as_signed(value: int) -> int:
    """An unsigned 64-bit integer read as two's complement.

    >>> as_signed(2**64 - 1)
    -1
    """
    return value - (1 << 64) if value >> 63 else value


def blobs(parsed: Message, field: int) -> list[bytes]:
    """Every occurrence of the bytes in `field`; empty when absent."""
    found = parsed.get(field, [])
    checked = [value for value in found if isinstance(value, bytes)]
    if len(checked) != len(found):
        raise WireError(f"field {field} holds a number where bytes belong", 0)
    return checked


def submessages(parsed: Message, field: int) -> list[Message]:
    """Every occurrence of the message in `field`; empty when absent."""
    return [message(blob) for blob in blobs(parsed, field)]


def texts(parsed: Message, field: int) -> list[str]:
    """Every occurrence of the text in `field`; bytes that are not UTF-8 are replaced."""
    return [blob.decode("utf-8", "replace") for blob in blobs(parsed, field)]


def text(parsed: Message, field: int) -> str | None:
    """The text in `field`, None when absent."""
    found = texts(parsed, field)
    return found[-1] if found else None


# --- writing --------------------------------------------------------------------------------------------


def tag(number: int, wire_type: int) -> bytes:
    """The bytes in front of a field.

    >>> tag(60, BYTES).hex()
    'e203'
    """
    return varint_bytes(number << 3 | wire_type)


def varint_bytes(value: int) -> bytes:
    """A whole number as a varint, a negative one in two's complement.

    >>> varint_bytes(300).hex(), len(varint_bytes(-1))
    ('ac02', 10)
    """
    value &= (1 << 64) - 1
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def again(number: int, wire_type: int, value: Value) -> bytes:
    """A field as `fields` gives it.

    >>> content = field(1, 150) + field(2, 0.5) + field(3, "text")
    >>> b"".join(again(*found) for found in fields(content, 0, len(content))) == content
    True
    """
    if isinstance(value, int) or wire_type == BYTES:
        return field(number, value)
    return tag(number, wire_type) + value


def field(number: int, value: int | float | str | bytes) -> bytes:
    """A field: a varint, a double, a text, or bytes such as those of a message.

    >>> field(1, 150).hex(), field(2, "testing").hex()
    ('089601', '120774657374696e67')
    """
    if isinstance(value, int):
        return tag(number, VARINT) + varint_bytes(value)
    if isinstance(value, float):
        return tag(number, FIXED64) + struct.pack("<d", value)
    content = value.encode("utf-8", "replace") if isinstance(value, str) else value
    return tag(number, BYTES) + varint_bytes(len(content)) + content
