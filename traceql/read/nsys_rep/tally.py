"""What was seen among the events, whether or not anyone wanted it: for `verify`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from traceql.read.nsys_rep.messages import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# Up to this value, numbers are counted with a counter for each.
_MOST_COUNTERS: Final = 1 << 16


@dataclass
class Tally:
    """What was seen, whether or not anyone wanted it.

    Attributes:
        events: how many, of every kind.
        types: event type → events of a type that is not known.
        generic_types: type of generic event → events of a type without known layout.
        generic_seen: types of generic events that there are.
        classes: (payload, class) → events.
        frames: (payload, class) → frames of their call chains.
        owned: (payload, class, process) → events; class -1 where a payload has none.
        unknown: fields that are not known.
        notes: sentences about single oddities.
    """

    events: int = 0
    types: Counter[int] = field(default_factory=Counter)
    generic_types: Counter[int] = field(default_factory=Counter)
    generic_seen: set[int] = field(default_factory=set)
    payloads: Counter[int] = field(default_factory=Counter)
    classes: Counter[tuple[int, int]] = field(default_factory=Counter)
    frames: Counter[tuple[int, int]] = field(default_factory=Counter)
    owned: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    unknown: Unknown = field(default_factory=Unknown)
    notes: set[str] = field(default_factory=set)

    def add(self, other: Tally) -> None:
        """Count what another batch saw."""
        self.events += other.events
        self.types += other.types
        self.generic_types += other.generic_types
        self.generic_seen |= other.generic_seen
        self.payloads += other.payloads
        self.classes += other.classes
        self.frames += other.frames
        self.owned += other.owned
        for (path, wire_type), count in other.unknown.fields.items():
            self.unknown.add(path, wire_type, count)
        self.notes |= other.notes


def counted(values: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """(value, occurrences), ascending; several times as fast as `numpy.unique` where it matters."""
    if values.size == 0:
        return
    largest = int(values.max())
    if int(values.min()) == largest:
        yield largest, values.size
    elif largest <= _MOST_COUNTERS:
        counts = np.bincount(values.astype(np.int64, copy=False))
        for value in np.flatnonzero(counts).tolist():
            yield value, int(counts[value])
    else:
        yield from zip(*(column.tolist() for column in np.unique(values, return_counts=True)), strict=True)
