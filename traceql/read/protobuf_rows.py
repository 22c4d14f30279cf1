"""Messages of one form, thousands at a time: protobuf's wire format, a column for each field.

A message is a list of fields, and a field what `varints`, `doubles`, `constant`, `several` or `message`
make of a column. Nothing is copied until `joined` writes the rows one behind the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from traceql.read.protobuf import BYTES, FIXED64, VARINT, tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers: TypeAlias = NDArray[np.int64]
    Present: TypeAlias = NDArray[np.bool_]

# From how large a number on a varint takes one byte more.
_LONGER = [np.uint64(1) << np.uint64(7 * n) for n in range(1, 10)]
# Rows that are written at a time: the bytes of a field in all of them stay in the processor's cache.
ROWS = 8192


@dataclass(frozen=True)
class Field:
    """A field in every row, as it lies on the wire.

    Attributes:
        pieces: its bytes: constant ones, a matrix of a row for each message, or one behind the other.
        sizes: how many bytes it takes in each row.
    """

    pieces: tuple[_Piece, ...]
    sizes: Numbers


@dataclass(frozen=True)
class _Piece:
    content: bytes | NDArray[np.uint8]
    # Of a matrix: how many bytes of each row count; of bytes one behind the other, how many each row has.
    sizes: Numbers | None = None
    present: Present | None = None
    is_flat: bool = False


def varints(number: int, values: NDArray[Any], present: Present | None = None) -> Field:
    """Whole numbers; negative ones in two's complement.

    Args:
        number: of the field.
        values: 64 bits each.
        present: False where the message lacks the field; None if none does.
    """
    return _behind(tag(number, VARINT), _varints(values), present)


def doubles(number: int, values: NDArray[np.float64], present: Present | None = None) -> Field:
    """Numbers of 64 bits; `present` as in `varints`."""
    content = np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(-1, 8)
    return _behind(tag(number, FIXED64), _Piece(content, np.full(len(content), 8)), present)


def constant(content: bytes, rows: int) -> Field:
    """The same bytes in every row: fields that `protobuf.field` has made."""
    return Field((_Piece(content),), np.full(rows, len(content)))


def several(number: int, values: NDArray[Any], counts: Numbers) -> Field:
    """A field that a message has any number of times: whole numbers, those of a row one behind the other.

    Args:
        number: of the field.
        values: of all rows.
        counts: how many each row has.
    """
    if values.size == counts.sum() and (counts <= 1).all():
        row = np.zeros(counts.size, np.int64)
        row[counts == 1] = values
        return varints(number, row, counts == 1)
    one = varints(number, values)
    ends = np.concatenate(([0], np.cumsum(one.sizes)))
    last = np.cumsum(counts)
    sizes = ends[last] - ends[last - counts]
    return Field((_Piece(_written(one.pieces, values.size), sizes, is_flat=True),), sizes)


def message(number: int, fields: Sequence[Field], present: Present | None = None) -> Field:
    """A message within the message; `present` as in `varints`, and then of its fields, too."""
    sizes = sum((field.sizes for field in fields), np.zeros_like(fields[0].sizes))
    front = _behind(tag(number, BYTES), _varints(sizes), present)
    inner = [piece for field in fields for piece in field.pieces]
    if present is None:
        return Field((*front.pieces, *inner), front.sizes + sizes)
    return Field(
        (*front.pieces, *(_only(piece, present) for piece in inner)),
        front.sizes + np.where(present, sizes, 0),
    )


def joined(fields: Sequence[Field]) -> bytes:
    """The rows one behind the other."""
    rows = fields[0].sizes.size
    return _written([piece for field in fields for piece in field.pieces], rows).tobytes()


def _behind(front: bytes, piece: _Piece, present: Present | None) -> Field:
    assert piece.sizes is not None
    sizes = piece.sizes + len(front)
    if present is None or present.all():
        return Field((_Piece(front), piece), sizes)
    return Field((_only(_Piece(front), present), _only(piece, present)), np.where(present, sizes, 0))


def _only(piece: _Piece, present: Present) -> _Piece:
    assert not piece.is_flat
    both = present if piece.present is None else present & piece.present
    return _Piece(piece.content, piece.sizes, both)


def _varints(values: NDArray[Any]) -> _Piece:
    left = np.ascontiguousarray(values, np.int64).view(np.uint64)
    largest = left.max(initial=0)
    width = 1 + sum(bool(largest >= limit) for limit in _LONGER)
    sizes = np.ones(left.size, np.int64)
    for limit in _LONGER[: width - 1]:
        sizes += left >= limit
    content = np.empty((left.size, width), np.uint8)
    for place in range(width):
        byte = (left & np.uint64(0x7F)).astype(np.uint8)
        content[:, place] = byte | ((sizes > place + 1).astype(np.uint8) << 7)
        left = left >> np.uint64(7)
    return _Piece(content, sizes)


def _written(pieces: Sequence[_Piece], rows: int) -> NDArray[np.uint8]:
    """All rows, the pieces of each one behind the other."""
    stretches: list[tuple[NDArray[np.uint8], Numbers]] = []
    of_matrix: list[_Piece] = []
    for piece in pieces:
        if piece.is_flat:
            assert piece.sizes is not None
            assert not isinstance(piece.content, bytes)
            stretches += [_of_matrix(of_matrix, rows), (piece.content, piece.sizes)]
            of_matrix = []
        else:
            of_matrix.append(piece)
    if not stretches:
        return _of_matrix(of_matrix, rows)[0]
    stretches.append(_of_matrix(of_matrix, rows))
    sizes = np.stack([sizes for _, sizes in stretches])
    ends = np.cumsum(sizes.T.ravel()).reshape(rows, -1)
    written = np.empty(int(sizes.sum()), np.uint8)
    for number, (content, of_rows) in enumerate(stretches):
        own = np.cumsum(of_rows)
        # Where a row's bytes lie minus where they lie in the stretch.
        written[np.repeat(ends[:, number] - own, of_rows) + np.arange(content.size)] = content
    return written


def _of_matrix(pieces: Sequence[_Piece], rows: int) -> tuple[NDArray[np.uint8], Numbers]:
    width = sum(len(p.content) if isinstance(p.content, bytes) else p.content.shape[1] for p in pieces)
    content, counts = np.empty((rows, width), np.uint8), np.zeros((rows, width), np.bool_)
    at = 0
    for piece in pieces:
        if isinstance(piece.content, bytes):
            size = len(piece.content)
            content[:, at : at + size] = np.frombuffer(piece.content, np.uint8)
            counts[:, at : at + size] = True if piece.present is None else piece.present[:, None]
        else:
            size = piece.content.shape[1]
            content[:, at : at + size] = piece.content
            assert piece.sizes is not None
            of_rows = piece.sizes if piece.present is None else np.where(piece.present, piece.sizes, 0)
            for place in range(size):
                counts[:, at + place] = of_rows > place
        at += size
    return content[counts], counts.sum(axis=1)
