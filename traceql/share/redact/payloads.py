"""Binary payloads of NVTX: which of them hold nothing but numbers, as their layouts say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

# NVTX's numbers of entries: integers and floating-point numbers of 16 bits or more (smaller ones may be
# letters), ids of registered texts, and 75, where a text was in the program,
# which is not in the payload. Layouts and enumerations of a report's own have larger numbers.
_NUMBERS: Final = frozenset({3, 4, 5, 6, 7, 8, 9, 10, *range(13, 24), 75, 80})
_OWN: Final = 1 << 24
# Those that no letters are written with, so that a row of them is no text: of 32 bits or more.
_WIDE: Final = frozenset({5, 6, 7, 8, 9, 10, 15, 16, 17, 18, 19, 20, 21, 22, 80})
# Flags of an entry that is a row of numbers, whatever tells how many; and of one that tells where in the
# payload something stands.
_ROW: Final = 0x70
_ELSEWHERE: Final = 0x0C
# No number has more bytes, with those that fill the room to the next one.
_BYTES: Final = 8


def fault(
    used: Mapping[int, int], entries: Mapping[int, Sequence[tuple[int, int]]], enums: AbstractSet[int]
) -> str | None:
    """Why payloads may hold texts; None if they do not.

    Args:
        used: layouts of the payloads → bytes of the longest.
        entries: layout → the types of its entries, which may be layouts again, and their flags.
        enums: enumerations that are described.
    """
    for layout, longest in sorted(used.items()):
        numbers, rows = 0, 0
        within: list[tuple[int, tuple[int, ...]]] = [(layout, ())]
        while within:
            inner, outer = within.pop()
            if inner not in entries or inner in outer:
                return f"a binary payload of NVTX without layout (schema {inner})"
            for entry, flags in entries[inner]:
                if flags & _ROW and entry in _WIDE and not flags & _ELSEWHERE:
                    rows += 1
                elif flags & (_ROW | _ELSEWHERE):
                    return f"a row of type {entry} in payloads of NVTX (schema {inner})"
                elif entry in _NUMBERS or (entry >= _OWN and entry in enums):
                    numbers += 1
                elif entry >= _OWN:
                    within.append((entry, (*outer, inner)))
                else:
                    return f"an entry of type {entry} in payloads of NVTX (schema {inner})"
        if longest > numbers * _BYTES and not rows:
            return f"a binary payload of NVTX that is longer than its {numbers} numbers (schema {layout})"
    return None
