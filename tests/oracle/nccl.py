"""Communication: beside computation, step by step, and rank against rank."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from oracle.arithmetic import Row, grouped, per_second, percent
from oracle.asked import answers, each
from oracle.gpu import busy_moments, lanes, owner, span
from oracle.steps import steps

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from oracle.trace import Operation, View


def communicates(work: Operation) -> bool:
    """Whether it is a kernel of NCCL."""
    return work.kernel is not None and work.kernel.category == "communication"


@answers("nccl_gpu_overlap_trace", *each("names", "short", "full"))
def nccl_gpu_overlap_trace(view: View, names: str) -> list[Row]:
    rows = []
    for work in filter(communicates, view.kernels):
        computing = busy_moments(
            other
            for other in view.kernels
            if not communicates(other) and (other.process, other.device) == (work.process, work.device)
        )
        hidden = len(computing & busy_moments([work]))
        rows.append(
            {
                "start_ns": work.start,
                "duration_ns": work.duration,
                "overlap_ns": hidden,
                "exposed_ns": work.duration - hidden,
                "overlap_pct": percent(hidden, work.duration),
                "pid": work.process & 0xFFFFFF,
                "device_id": work.device,
                "stream_id": work.stream,
                "kernel": work.called(names),
                "kernel_id": work.id,
            }
        )
    return rows


def _parts(work: list[Operation], first: int, last: int) -> Row:
    """What is done in each moment, whatever else runs at the same time."""
    communication = busy_moments(filter(communicates, work))
    computing = busy_moments(one for one in work if one.kind in ("kernel", "graph") and not communicates(one))
    copying = busy_moments(one for one in work if one.kind in ("memcpy", "memset"))
    parts: Counter[str] = Counter()
    for moment in range(first, last):
        if moment in communication:
            parts["overlapped" if moment in computing else "exposed"] += 1
        else:
            parts["compute" if moment in computing else "memory" if moment in copying else "idle"] += 1
    return {
        "span_ns": last - first,
        **{f"{part}_ns": parts[part] for part in ("exposed", "overlapped", "compute", "memory", "idle")},
        "exposed_pct": percent(parts["exposed"], last - first),
        "hidden_pct": percent(parts["overlapped"], parts["overlapped"] + parts["exposed"]),
    }


@answers("communication_overlap", *each("by", "gpu", "process"))
def communication_overlap(view: View, by: str) -> list[Row]:
    return [
        {
            **owner(lane),
            **_parts(lane, *span(work)),
            "graph_launches": sum(one.kind == "graph" for one in lane),
        }
        for lane in lanes(view.operations, by).values()
        # What has no duration is no time at work.
        if (work := [one for one in lane if one.duration])
    ]


@answers(
    "communication_per_step", *each("by", "thread", "process", step=None), {"by": "thread", "step": "attn"}
)
def communication_per_step(view: View, by: str, step: str | None) -> list[Row]:
    return [
        {
            "gpu_id": gpu,
            "pid": process & 0xFFFFFF,
            "step": number,
            "range": text,
            "start_ns": start,
            **_parts(lane, start, end),
        }
        for gpu, process, number, text, start, end, lane in steps_on_gpus(view, by, step)
    ]


def steps_on_gpus(
    view: View, by: str, step: str | None
) -> Iterator[tuple[int, int, int, str, int, int, list[Operation]]]:
    """GPU, process, number, text, start and end of each step there, end to end, and what the process does there."""
    told = steps(view, step)
    for (gpu, process), lane in lanes(view.operations, "process").items():
        begun = sorted(
            (min(work.start for work in here), one.id, one.text)
            for one in told
            if one.process == process
            and (here := [work for work in view.launched(one, by) if work.gpu == gpu and work.duration])
        )
        last = max((work.end for work in lane if work.duration), default=0)
        ends = [*(start for start, _, _ in begun), last][1:] if begun else []
        for number, ((start, _, text), end) in enumerate(zip(begun, ends, strict=True)):
            # Of steps that begin together the last one has the time.
            if start < end:
                yield gpu, process, number, text, start, end, lane


# --- rank against rank ----------------------------------------------------------------------------------


@answers("collectives", {"communication": "*CLEAN*", "names": "short", "limit": None})
def collectives(view: View, communication: str, names: str, limit: None) -> list[Row]:
    rows = []
    for runs in _rounds(view):
        first, last = min(work.start for work in runs), max(work.start for work in runs)
        end = max(work.end for work in runs)
        message = runs[0].message
        # Of those that begin last together, any of them.
        late = [work for work in runs if work.start == last]
        rows.append(
            {
                "kernel": runs[0].called(names),
                "function": message.function if message else None,
                "communicator": hex(message.communicator) if message else None,
                "message_bytes": message.size if message else None,
                "reduction": None,
                "ranks": len(runs),
                "traces": 1,
                "start_ns": first,
                "duration_ns": end - first,
                "wait_ns": last - first,
                "together_ns": end - last,
                "bytes_per_s": per_second(message.size, end - last) if message else None,
                "last_trace": view.name,
                "last_pid": {work.process & 0xFFFFFF for work in late},
                "last_device_id": {work.device for work in late},
                "max_clock_offset_ns": 0,
            }
        )
    return rows


def _rounds(view: View) -> list[list[Operation]]:
    """The runs of each collective that several ranks recorded."""
    rounds = grouped((work for work in view.kernels if work.round is not None), lambda work: work.round)
    return [runs for runs in rounds.values() if len(runs) > 1]


@answers("nccl_straggler", {"communication": "*Clean*", "names": "short"})
def nccl_straggler(view: View, communication: str, names: str) -> list[Row]:
    return [row for row, _ in delays_of_ranks(view, names)]


def delays_of_ranks(
    view: View, names: str, counted: Container[Operation] | None = None
) -> list[tuple[Row, tuple[int, int]]]:
    """How late ranks come, each with its process and device: pids are no processes; of the runs that count."""
    runs = {work: together for together in _rounds(view) for work in together}
    rows = []
    clean = [work for work in view.kernels if work.round is not None and (counted is None or work in counted)]
    for rank, group in grouped(clean, lambda work: (work.process, work.device)).items():
        shared = [work for work in group if work in runs]
        if not shared:
            continue
        firsts = {work: min(other.start for other in runs[work]) for work in shared}
        lasts = {work: max(other.start for other in runs[work]) for work in shared}
        late = [work.start - firsts[work] for work in shared]
        waited = sum(lasts[work] - work.start for work in shared)
        message = group[0].message
        row = {
            "kernel": group[0].called(names),
            "communicator": hex(message.communicator) if message else None,
            "pid": rank[0] & 0xFFFFFF,
            "device_id": rank[1],
            "collectives": len(shared),
            "alone": len(group) - len(shared),
            "times_last": sum(work.start == lasts[work] for work in shared),
            "late_ns": sum(late),
            "median_late_ns": float(np.median(late)),
            "max_late_ns": max(late),
            "waited_ns": waited,
            "waited_pct": percent(waited, sum(work.duration for work in shared)),
            "clock_offset_ns": 0,
        }
        rows.append((row, rank))
    return rows


@answers("nccl_message_sum")
def nccl_message_sum(view: View) -> list[Row]:
    told = [work for work in view.kernels if work.message and work.call]
    rows = []
    for message, group in grouped(told, lambda work: work.message).items():
        durations = [work.duration for work in group]
        rows.append(
            {
                "function": message.function,
                "communicator": hex(message.communicator),
                "message_bytes": message.size,
                "reduction": None,
                "ranks": len({(work.process, work.device) for work in group}),
                "instances": len(group),
                "total_bytes": message.size * len(group),
                "total_ns": sum(durations),
                "avg_ns": float(np.mean(durations)),
                "min_ns": min(durations),
                "max_ns": max(durations),
                "bytes_per_s": per_second(message.size, float(np.mean(durations))),
                "max_bytes_per_s": per_second(message.size, min(durations)),
            }
        )
    return rows
