"""Lanes of threads and streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oracle.arithmetic import Row
from oracle.asked import answers

if TYPE_CHECKING:
    from oracle.trace import View


@answers("timeline", {"names": "distinct", "max_blocks": 1_000})
def timeline(view: View, names: str, max_blocks: int) -> list[Row]:
    events = []
    for one in view.ranges:
        if one.style != "mark":
            # Start/end ranges lie above the depths of their thread; what was never closed lasts to the end.
            depth = -1 if one.style == "startend" else len(view.stack(one)) - 1
            end = max(one.start, view.trace.duration) if one.end is None else one.end
            events.append(((0, one.process, one.tid, depth), "range", one.text, one.start, end))
    for work in view.operations:
        # Migrations have no stream.
        lane = (1, work.process, work.device, 99 if work.stream is None else work.stream)
        events.append((lane, work.kind, work.called(names), work.start, work.end))
    lanes = sorted({event[0] for event in events}, key=lambda lane: (lane[0], lane[1] & 0xFFFFFF, lane))
    several = len({lane[1] for lane in lanes}) > 1

    def called(place: int, process: int, number: int, level: int) -> str:
        of = f"process {process & 0xFFFFFF}, " if several else ""
        if place == 0:
            return f"{of}thread {number} {'start/end' if level < 0 else f'depth {level}'}"
        return f"{of}GPU {number} stream {'?' if level == 99 else level}"

    return [
        {
            "lane_number": lanes.index(lane),
            "lane": called(*lane),
            "kind": kind,
            "name": name,
            "start_ns": start,
            "end_ns": end,
            "duration_ns": end - start,
            "events": 1,
            "busy_ns": end - start,
            "busy_pct": 100,
            "hidden_gap_ns": 0,
        }
        for lane, kind, name, start, end in events
    ]
