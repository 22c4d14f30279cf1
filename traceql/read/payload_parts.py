"""The binary payloads of an NVTX event, as `nsys export --include-blobs=true` puts them together.

First how many there are, then of each the number of its schema, its bytes and where these begin; then all
bytes. Each number has 64 bits.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_COUNT: Final = struct.Struct("<Q")
_PART: Final = struct.Struct("<QQQ")


class Part(NamedTuple):
    """One payload.

    Attributes:
        schema: the number of its schema; 0 where none is told.
        begin: where its bytes begin.
        end: behind them.
    """

    schema: int
    begin: int
    end: int


def parts(content: bytes) -> list[Part]:
    """Where the payloads of an event stand, as far as the bytes reach; nowhere if they overlap.

    >>> parts(joined([(7, b"abc"), (9, b"de")]))
    [Part(schema=7, begin=56, end=59), Part(schema=9, begin=59, end=61)]
    """
    if len(content) < _COUNT.size:
        return []
    count = min(_COUNT.unpack_from(content)[0], (len(content) - _COUNT.size) // _PART.size)
    found = []
    for number in range(count):
        schema, size, begin = _PART.unpack_from(content, _COUNT.size + number * _PART.size)
        found.append(Part(schema, min(begin, len(content)), min(begin + size, len(content))))
    # Made-up ones may each hold all of it.
    held = _COUNT.size + sum(_PART.size + part.end - part.begin for part in found)
    return found if held <= len(content) else []


def beside(content: bytes) -> bytes:
    """The bytes of an event, 0 in place of those that belong to a payload.

    >>> beside(joined([(7, b"abc")]) + b"de").strip(bytes(1))
    b'de'
    """
    found = parts(content)
    left = bytearray(content)
    heads = _COUNT.size + len(found) * _PART.size if found else 0
    for begin, end in [(0, heads), *((part.begin, part.end) for part in found)]:
        left[begin:end] = bytes(end - begin)
    return bytes(left)


def joined(payloads: Sequence[tuple[int, bytes]]) -> bytes:
    """Payloads as an export has them.

    Args:
        payloads: of each the number of its schema, and its bytes.
    """
    begin = _COUNT.size + _PART.size * len(payloads)
    heads = [_COUNT.pack(len(payloads))]
    for schema, content in payloads:
        heads.append(_PART.pack(schema, len(content), begin))
        begin += len(content)
    return b"".join([*heads, *(content for _, content in payloads)])
