"""Lanes of threads and streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from oracle.arithmetic import Row, grouped, percent
from oracle.asked import answers
from oracle.trace import GPUS

if TYPE_CHECKING:
    from oracle.trace import Call, Operation, Range, View


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
        of = f"process {view.trace.pid_text(process)}, " if several else ""
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


@dataclass
class Event:
    """What stands on a lane."""

    kind: str
    name: str
    full: str
    category: str
    start: int
    end: int
    id: int
    of: Range | None = None
    operation: Operation | None = None
    call: Call | None = None


@dataclass
class Lane:
    """Events of one stream or thread, by what orders lanes."""

    layer: str
    process: str
    name: str
    events: list[Event] = field(default_factory=list)
    number: int = 0
    whole: bool = False


_ON_GPU = ("gpu", "projected")
_ON_CPU = ("range", "sync", "api", "os")
_LAST = 1 << 60


def lanes_of(view: View, names: str, most: int) -> list[Lane]:
    """All lanes from the top, each with its events in their order."""
    found: dict[tuple[int, ...], Lane] = {}
    executables = dict(view.trace.processes)
    threads = {(process, tid): name for process, tid, name in view.trace.threads}
    named_gpus = {gpu for gpus in view.trace.visible.values() for gpu in gpus}

    def add(process: int, layer: str, place: int, level: int | None, name: str, event: Event) -> None:
        pid, told = process & 0xFFFFFF, view.trace.pid_text(process)
        on_gpu = _ON_GPU.index(layer) if layer in _ON_GPU else 9
        on_cpu = _ON_CPU.index(layer) if layer in _ON_CPU else 9
        key = (pid, process, on_gpu, place, on_cpu, _LAST if level is None else level)
        lane = found.setdefault(key, Lane(layer, f"{executables.get(process, 'process')} {told}", name))
        lane.events.append(event)

    def thread(process: int, tid: int) -> str:
        return " ".join(["thread", str(tid), *([threads[process, tid]] if (process, tid) in threads else [])])

    for work in view.operations:
        gpu = f"GPU {work.gpu} " + (f"{GPUS[work.gpu]} " if work.gpu in named_gpus else "")
        name = f"{gpu}stream {'?' if work.stream is None else work.stream}"
        full, category = (work.kernel.full, work.kernel.category) if work.kernel else (work.label, work.kind)
        within = view.innermost(work.call) if work.call else None
        event = Event(
            work.kind,
            work.called(names),
            full,
            category,
            work.start,
            work.end,
            work.id,
            within,
            work,
            work.call,
        )
        add(work.process, "gpu", work.gpu, work.stream, name, event)
    for one in view.ranges:
        if one.style == "mark":
            continue
        level = -1 if one.style == "startend" else len(view.stack(one)) - 1
        depth = "start/end" if level < 0 else f"depth {level}"
        end = max(one.start, view.trace.duration) if one.end is None else one.end
        event = Event("range", one.text, one.text, "range", one.start, end, one.id, one)
        add(one.process, "range", one.tid, level, f"{thread(one.process, one.tid)} NVTX {depth}", event)
        if launched := view.launched(one, "thread"):
            start, end = min(work.start for work in launched), max(work.end for work in launched)
            event = Event("range", one.text, one.text, "range", start, end, one.id, one)
            add(one.process, "projected", 0, level, f"NVTX on the GPU {depth}", event)
    for call in view.calls:
        within = view.innermost(call)
        event = Event("api", call.name, call.name, "api", call.start, call.end, call.id, within)
        add(call.process, "api", call.tid, None, f"{thread(call.process, call.tid)} CUDA API", event)
    for number, os_call in enumerate(view.os_calls):
        event = Event("os", os_call.name, os_call.name, "os", os_call.start, os_call.end, number)
        where = f"{thread(os_call.process, os_call.tid)} OS runtime"
        add(os_call.process, "os", os_call.tid, None, where, event)
    lanes = [found[key] for key in sorted(found)]
    for number, lane in enumerate(lanes):
        lane.number = number
    on_gpus = sum(len(lane.events) for lane in lanes if lane.layer == "gpu")
    shown = 0
    for lane in sorted(
        lanes, key=lambda one: (one.layer != "gpu" or on_gpus > most, len(one.events), one.number)
    ):
        shown += len(lane.events)
        lane.whole = shown <= most
    return lanes


@answers(
    "timeline_events",
    {"names": "distinct", "max_events": 1_000},
    {"names": "full", "max_events": 12},
)
def timeline_events(view: View, names: str, max_events: int) -> list[Row]:
    rows: list[Row] = []
    for lane in lanes_of(view, names, max_events):
        for one in lane.events if lane.whole else ():
            kernel = one.operation if one.operation and one.operation.kernel else None
            texts = [] if one.of is None else [held.text for held in view.stack(one.of)]
            if one.of is not None and one.of.style == "startend":
                texts = [one.of.text]
            rows.append(
                {
                    "lane_number": lane.number,
                    "process": lane.process,
                    "lane": lane.name,
                    "layer": lane.layer,
                    "kind": one.kind,
                    "name": one.name,
                    "full_name": one.full,
                    "category": one.category,
                    "range": one.of.text if one.of else None,
                    "path": "/".join(texts) if texts else None,
                    "function": one.call.name if one.call else None,
                    "grid": " × ".join(map(str, kernel.grid)) if kernel else None,
                    "block": "32 × 1 × 1" if kernel else None,
                    "registers_per_thread": 16 if kernel else None,
                    "shared_bytes": 0 if kernel else None,
                    "bytes": one.operation.bytes if one.operation and not kernel else None,
                    "start_ns": one.start,
                    "end_ns": one.end,
                    "duration_ns": one.end - one.start,
                    "queue_ns": one.start - one.call.end if one.call else None,
                }
            )
    return rows


@answers(
    "timeline_shares",
    {"names": "distinct", "max_events": 12, "max_stretches": 40},
    {"names": "short", "max_events": 0, "max_stretches": 100},
)
def timeline_shares(view: View, names: str, max_events: int, max_stretches: int) -> list[Row]:
    lanes = lanes_of(view, names, max_events)
    everything = [one for lane in lanes for one in lane.events]
    summed = [lane for lane in lanes if not lane.whole]
    if not summed:
        return []
    first, last = min(one.start for one in everything), max(one.end for one in everything)
    width = (last - first) // max(max_stretches // len(summed), 1) + 1
    rows: list[Row] = []
    for lane in summed:
        order = ["other", "kernel", "memcpy", "memset"]
        events = sorted(
            lane.events,
            key=lambda one: (one.start, one.end, one.id, order.index(one.kind) if one.kind in order else 0),
        )
        busy: set[int] = set()
        # Each moment belongs to the first event that it finds, each event at least to the stretch of its start.
        parts: list[tuple[int, Event, int]] = []
        for one in events:
            own = set(range(one.start, one.end)) - busy
            busy |= own
            numbers = {(moment - first) // width for moment in own} | {(one.start - first) // width}
            parts += [
                (number, one, sum((moment - first) // width == number for moment in own))
                for number in numbers
            ]
        for number, some in grouped(parts, lambda part: part[0]).items():
            by_category = {
                category: [(one, time) for _, one, time in of]
                for category, of in grouped(some, lambda part: part[1].category).items()
            }
            category = min(by_category, key=lambda name: (-sum(time for _, time in by_category[name]), name))
            longest = max(time for _, time in by_category[category])
            best = [one for one, time in by_category[category] if time == longest]
            time = sum(time for _, _, time in some)
            rows.append(
                {
                    "lane_number": lane.number,
                    "process": lane.process,
                    "lane": lane.name,
                    "layer": lane.layer,
                    "lane_events": len(lane.events),
                    "start_ns": first + number * width,
                    "duration_ns": width,
                    "busy_ns": time,
                    "busy_pct": percent(time, width),
                    "events": sum((one.start - first) // width == number for one in events),
                    "category": category,
                    "name": {one.name for one in best},
                    "range": {one.of.text if one.of else None for one in best},
                }
            )
    return rows
