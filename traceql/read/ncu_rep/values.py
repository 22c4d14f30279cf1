"""Values of metrics and of their instances, thousands at a time.

A value is a message that holds one of: text, float, double, integer of 32 bits, integer of 64 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from traceql.read.buffer import varints
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from traceql.read.buffer import Buffer, Positions

# The tag in a value tells its type.
TEXT, _FLOAT, _DOUBLE, UINT32, UINT64 = 0x0A, 0x15, 0x19, 0x20, 0x28
ABSENT: Final = 0


def held(
    buffer: Buffer, at: Positions, ends: Positions, tag: int, what: str
) -> tuple[NDArray[np.uint8], Positions, Positions, Positions]:
    """Values that may stand at some places.

    Args:
        buffer: holds them.
        at: where each would begin.
        ends: where what holds it ends.
        tag: that it begins with.
        what: it is, for errors.

    Returns:
        Of each: its kind (`ABSENT` without one), place and size, and where it ends.

    Raises:
        WireError: one reaches beyond the end.
    """
    holders = np.flatnonzero((at < ends) & (buffer.bytes[at] == tag))
    found, begins = varints(buffer, at[holders] + 1, wanted=True)
    assert found is not None
    room = ends[holders] - begins
    check(
        (room >= 0) & (found <= np.maximum(room, 0).astype(np.uint64)),
        f"{what} runs past the end of its metric",
        at[holders],
    )
    sizes = np.zeros(at.size, np.int64)
    sizes[holders] = found
    bodies = at.copy()
    bodies[holders] = begins
    kinds = np.where(sizes > 0, buffer.bytes[bodies], ABSENT).astype(np.uint8)
    return kinds, bodies, sizes, bodies + sizes


def numbers_and_texts(
    buffer: Buffer, kinds: NDArray[np.uint8], bodies: Positions, sizes: Positions
) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Numbers (NaN where there is none), and row → text of what is no finite number."""
    values = np.full(kinds.size, np.nan)
    texts: dict[int, str] = {}
    known = kinds == ABSENT
    for tag, size, dtype in ((_DOUBLE, 9, "<f8"), (_FLOAT, 5, "<f4")):
        rows = np.flatnonzero(kinds == tag)
        check(sizes[rows] == size, "a value is more than a number", bodies[rows])
        word = buffer.words[bodies[rows] + 1]
        values[rows] = (word if size == 9 else (word & 0xFFFFFFFF).astype(np.uint32)).view(dtype)
        odd = rows[~np.isfinite(values[rows])]
        texts.update((int(row), str(float(values[row]))) for row in odd)
        values[odd] = np.nan
        known[rows] = True
    for tag, largest in ((UINT32, (1 << 32) - 1), (UINT64, (1 << 64) - 1)):
        rows = np.flatnonzero(kinds == tag)
        numbers, after = varints(buffer, bodies[rows] + 1, wanted=True)
        assert numbers is not None
        check(after == bodies[rows] + sizes[rows], "a value is more than a number", bodies[rows])
        check(numbers <= largest, "a value does not fit 32 bits", bodies[rows])
        values[rows] = numbers
        known[rows] = True
    rows = np.flatnonzero(kinds == TEXT)
    texts |= texts_at(buffer, rows, bodies, sizes)
    known[rows] = True
    check(known, "a value has an unknown type", bodies)
    return values, texts


def texts_at(buffer: Buffer, rows: NDArray[np.intp], bodies: Positions, sizes: Positions) -> dict[int, str]:
    """Row → text, of the rows that hold one."""
    lengths, begins = varints(buffer, bodies[rows] + 1, wanted=True)
    assert lengths is not None
    check(
        lengths == (bodies[rows] + sizes[rows] - begins).astype(np.uint64),
        "a value is more than a text",
        bodies[rows],
    )
    return {
        row: bytes(buffer.view[begin : begin + length]).decode("utf-8", "replace")
        for row, begin, length in zip(rows.tolist(), begins.tolist(), lengths.tolist(), strict=True)
    }


def check(good: NDArray[np.bool_], what: str, at: Positions) -> None:
    """Refuse what is not good.

    Raises:
        WireError: something is not.
    """
    if not good.all():
        raise WireError(what, int(at[np.flatnonzero(~good)[0]]))
