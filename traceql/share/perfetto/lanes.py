"""Tracks side by side for what overlaps: Perfetto ends the event of a track that began last, whichever is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Lanes:
    """The lanes of every track: in each, events lie behind or within each other.

    Args:
        beside: makes a lane beside a track, and returns its number.
    """

    def __init__(self, beside: Callable[[int], int]) -> None:
        self._beside = beside
        # Track → its lanes: number, and ends of the events that are running, the innermost last.
        self._lanes: dict[int, list[tuple[int, list[int]]]] = {}

    def place(self, tracks: Sequence[int], starts: Sequence[int], ends: Sequence[int]) -> list[int]:
        """The lane of each event.

        Args:
            tracks: of the events.
            starts: in their order, also over calls.
            ends: of events that start together, the longest first.
        """
        placed = []
        for track, start, end in zip(tracks, starts, ends, strict=True):
            lanes = self._lanes.get(track)
            if lanes is None:
                lanes = self._lanes[track] = [(track, [])]
            for lane, running in lanes:
                while running and running[-1] <= start:
                    running.pop()
                if not running or end <= running[-1]:
                    break
            else:
                lane, running = self._beside(track), []
                lanes.append((lane, running))
            running.append(end)
            placed.append(lane)
        return placed
