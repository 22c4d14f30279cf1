"""Binary payloads of NVTX: which of them hold nothing but numbers, as their layouts say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

# NVTX's numbers of entries: integers and floating-point numbers of 16 bits or more (smaller ones may be
# letters), and ids of registered texts. Layouts and enumerations of a report's own have larger numbers.
_NUMBERS: Final = frozenset({3, 4, 5, 6, 7, 8, 9, 10, *range(13, 24), 80})
_OWN: Final = 1 << 24


def fault(used: Iterable[int], entries: Mapping[int, Sequence[int]], own: AbstractSet[int]) -> str | None:
    """Why payloads may hold texts; None if they do not.

    Args:
        used: layouts of the payloads.
        entries: layout → the types of its entries.
        own: layouts and enumerations that are described.
    """
    for layout in sorted(used):
        if layout not in entries:
            return f"a binary payload of NVTX without layout (schema {layout})"
        for entry in entries[layout]:
            if entry not in _NUMBERS and not (entry >= _OWN and entry in own):
                return f"an entry of type {entry} in payloads of NVTX (schema {layout})"
    return None
