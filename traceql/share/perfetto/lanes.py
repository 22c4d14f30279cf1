"""Tracks side by side for what overlaps: on one track, Perfetto ends the event that began last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass
class _Track:
    # Number of each lane, and the ends of the events that run on it, the innermost last.
    lanes: list[tuple[int, list[int]]]
    busy_until: int = field(default=-(1 << 63))


class Lanes:
    """The lanes of every track: in each, events lie behind or within each other.

    Args:
        beside: makes a lane beside a track, and returns its number.
    """

    def __init__(self, beside: Callable[[int], int]) -> None:
        self._beside = beside
        self._tracks: dict[int, _Track] = {}

    def place(
        self, tracks: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The lane of each event.

        Args:
            tracks: of the events.
            starts: in their order, also over calls.
            ends: of events that start together, the longest first.
        """
        placed = tracks.copy()
        for number in np.unique(tracks).tolist():
            own = np.flatnonzero(tracks == number)
            track = self._tracks.setdefault(number, _Track([(number, [])]))
            busy_until = np.maximum.accumulate(np.concatenate(([track.busy_until], ends[own])))
            begins_alone = starts[own] >= busy_until[:-1]
            # What begins when all is over, and is over when the next begins, needs no look at others. Of the
            # last one the next call has to know.
            is_alone = begins_alone & np.append(begins_alone[1:], False)
            asked = own[~is_alone]
            placed[asked] = self._side_by_side(track, starts[asked].tolist(), ends[asked].tolist())
            track.busy_until = int(busy_until[-1])
        return placed

    def _side_by_side(self, track: _Track, starts: list[int], ends: list[int]) -> list[int]:
        placed = []
        for start, end in zip(starts, ends, strict=True):
            lane, running = self._free(track, start, end)
            running.append(end)
            placed.append(lane)
        return placed

    def _free(self, track: _Track, start: int, end: int) -> tuple[int, list[int]]:
        """The first lane on which nothing runs that ends earlier, or a new one."""
        for lane, running in track.lanes:
            while running and running[-1] <= start:
                running.pop()
            if not running or end <= running[-1]:
                return lane, running
        track.lanes.append((self._beside(track.lanes[0][0]), []))
        return track.lanes[-1]
