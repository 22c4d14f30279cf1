"""Kernels: how long, how often, how late."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from oracle.arithmetic import Row, grouped, mean, percent, spread
from oracle.asked import answers, each
from oracle.gpu import in_order, lanes, shape
from oracle.steps import pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from oracle.trace import Call, Operation, View


def _totals(
    view: View, key: Callable[[Operation], Hashable], columns: Callable[[Operation], Row]
) -> list[Row]:
    total = sum(work.duration for work in view.kernels)
    return [
        {
            **columns(group[0]),
            "instances": len(group),
            **spread(durations := [work.duration for work in group]),
            "share_pct": percent(sum(durations), total),
        }
        for group in grouped(view.kernels, key).values()
    ]


@answers("cuda_gpu_kern_sum", *each("names", "short", "full", "distinct"))
@answers("top_kernels", *each("names", "short", "full", "distinct", limit=None))
def kernel_sum(view: View, names: str, limit: None = None) -> list[Row]:
    return _totals(view, lambda work: work.called(names), lambda work: {"kernel": work.called(names)})


@answers("cuda_gpu_kern_gb_sum", *each("names", "short", "full"))
def cuda_gpu_kern_gb_sum(view: View, names: str) -> list[Row]:
    return _totals(
        view,
        lambda work: (work.called(names), work.grid),
        lambda work: {"kernel": work.called(names), **shape(work)},
    )


@answers("kernel_categories", *each("names", "distinct", "full"))
def kernel_categories(view: View, names: str) -> list[Row]:
    rows = _totals(view, lambda work: work.kernel.category, lambda work: {"category": work.kernel.category})
    for row in rows:
        of_it = [work for work in view.kernels if work.kernel.category == row["category"]]
        row["kernels"] = len({work.kernel.full for work in of_it})
        by_name = {
            name: sum(work.duration for work in group)
            for name, group in grouped(of_it, lambda work: work.called(names)).items()
        }
        row["top_kernel"] = max(by_name, key=lambda name: (by_name[name], name))
    return rows


@answers("cuda_gpu_kern_hist", {"names": "short", "bins": 10}, {"names": "full", "bins": 3})
def cuda_gpu_kern_hist(view: View, names: str, bins: int) -> list[Row]:
    rows = []
    for name, group in grouped(view.kernels, lambda work: work.called(names)).items():
        durations = [work.duration for work in group]
        low, width = min(durations), (max(durations) - min(durations)) / bins
        # Counted by whole numbers: a duration on an edge belongs to the bin that begins there.
        numbers = [
            min((duration - low) * bins // (max(durations) - low), bins - 1) if width else 0
            for duration in durations
        ]
        rows += [
            {
                "kernel": name,
                "bin": number,
                "from_ns": low + number * width,
                "to_ns": low + (number + 1) * width,
                "instances": numbers.count(number),
                "probability_pct": percent(numbers.count(number), len(numbers)),
                "total_ns": sum(
                    duration for duration, its in zip(durations, numbers, strict=True) if its == number
                ),
            }
            for number in set(numbers)
        ]
    return rows


@answers(
    "kernel_durations",
    *each("names", "short", "full", slices=7, limit=None),
    {"names": "distinct", "slices": 1, "limit": 2},
)
def kernel_durations(view: View, names: str, slices: int, limit: int | None) -> list[Row]:
    by_name = grouped(view.kernels, lambda work: work.called(names))
    totals = {name: sum(work.duration for work in group) for name, group in by_name.items()}
    chosen = sorted(by_name, key=lambda name: (-totals[name], name))[:limit]
    starts = [work.start for name in chosen for work in by_name[name]]
    if not starts:
        return []
    first = min(starts)
    # The shortest whole number of nanoseconds of which so many slices hold all starts.
    length = next(n for n in itertools.count(1) if n * slices > max(starts) - first)
    rows = []
    for name in chosen:
        places = grouped(by_name[name], lambda work: (work.gpu, (work.start - first) // length))
        for (gpu, number), group in places.items():
            told = spread([work.duration for work in group])
            rows.append(
                {
                    "kernel": name,
                    "gpu_id": gpu,
                    "slice": number,
                    "start_ns": first + number * length,
                    "end_ns": first + (number + 1) * length,
                    "instances": len(group),
                    "shapes": len({work.grid for work in group}),
                    **{f"{what}_ns": told[f"{what}_ns"] for what in ("total", "min", "median", "p90", "max")},
                }
            )
    return rows


def _begins(work: Operation) -> tuple[int, int]:
    """Of executions that start together, the first recorded one comes first."""
    return work.start, work.id


@answers(
    "cuda_gpu_kern_pace", {"kernel": "device_kernel", "names": "short"}, {"kernel": "*", "names": "full"}
)
def cuda_gpu_kern_pace(view: View, kernel: str, names: str) -> list[Row]:
    asked = [work for work in view.kernels if kernel in ("*", work.kernel.short)]
    rows = []
    for group in grouped(asked, lambda work: (work.process, work.device, work.called(names))).values():
        before = durations = deltas = 0
        for number, work in enumerate(sorted(group, key=_begins), start=1):
            durations += work.duration
            deltas += work.start - before
            rows.append(
                {
                    "pid": work.process & 0xFFFFFF,
                    "device_id": work.device,
                    "kernel": work.called(names),
                    "instance": number,
                    "start_ns": work.start,
                    "end_ns": work.end,
                    "duration_ns": work.duration,
                    "delta_ns": work.start - before,
                    "accum_duration_ns": durations,
                    "accum_delta_ns": deltas,
                }
            )
            before = work.end
    return rows


@answers(
    "kernel_drift",
    *each("names", "short", "full", kernel="*", fewest=2, limit=None),
    {"kernel": "spin", "names": "distinct", "fewest": 1, "limit": None},
)
def kernel_drift(view: View, kernel: str, names: str, fewest: int, limit: None) -> list[Row]:
    texts = Counter((one.process, one.tid, one.text) for one in view.ranges)

    def range_of(work: Operation) -> str | None:
        found = view.innermost(work.call) if work.call else None
        if found is None:
            return None
        again = any(times > 1 and text == found.text for (_, _, text), times in texts.items())
        return found.text if again or found.text.startswith("execute_context_") else pattern(found.text)

    asked = [work for work in view.kernels if kernel in ("*", work.called(names))]
    rows = []
    for group in grouped(
        asked, lambda work: (work.process, work.gpu, work.green, work.kernel.full, work.grid, range_of(work))
    ).values():
        if len(group) < fewest:
            continue
        took = [work.duration for work in sorted(group, key=_begins)]
        # One in a hundred, and at least one.
        fast = sorted(took)[max(math.ceil(len(took) / 100), 1) - 1]
        quick = [work for work in group if work.duration <= fast]
        slow = [work for work in group if work.duration > fast]
        away = sum((one - np.mean(took)) ** 2 for one in took)
        jumps = sum((after - before) ** 2 for before, after in itertools.pairwise(took))
        clocks = _clock(view, quick), _clock(view, slow)
        longer = _over(*(mean(work.duration for work in part) for part in (slow, quick)))
        lower = _over(*clocks)
        rows.append(
            {
                "pid": group[0].process & 0xFFFFFF,
                "gpu_id": group[0].gpu,
                "green_context_id": group[0].green,
                "kernel": group[0].called(names),
                "category": group[0].kernel.category,
                **shape(group[0]),
                "shared_bytes": 0,
                "range": range_of(group[0]),
                "instances": len(group),
                "total_ns": sum(took),
                "fast_ns": fast,
                "median_ns": float(np.median(took)),
                "max_ns": max(took),
                "above_fast_ns": sum(max(one - fast, 0) for one in took),
                "above_fast_pct": percent(sum(max(one - fast, 0) for one in took), fast * len(took)),
                "steady_pct": None if not away else max(100 - 100 * jumps / (2 * away), 0),
                "fast_clock_hz": clocks[0],
                "slow_clock_hz": clocks[1],
                "clocks_pct": None if lower is None or longer is None else percent(lower, longer),
                "start_ns": min(work.start for work in group),
                "end_ns": max(work.end for work in group),
            }
        )
    return rows


def _over(one: float | None, other: float | None) -> float | None:
    """By how much one is more than the other, as a part of it."""
    return one / other - 1 if one is not None and other else None


def _clock(view: View, group: list[Operation]) -> float | None:
    """The mean over the moments of kernels all of which have a clock: a sample's is that until the next one."""
    found: list[int] = []
    for work in group:
        samples = sorted((sample.time, sample.mhz) for sample in view.samples if sample.gpu == work.gpu)
        told = [(at, until, mhz) for (at, mhz), (until, _) in itertools.pairwise(samples)]
        here = [
            next((mhz for at, until, mhz in told if at <= moment < until), None)
            for moment in range(work.start, work.end)
        ]
        if None not in here:
            found += here
    return 1e6 * float(np.mean(found)) if found else None


# --- launches -------------------------------------------------------------------------------------------


def _queue(work: Operation, call: Call) -> int | None:
    return work.start - call.end if work.start >= call.end else None


@answers("cuda_kern_exec_trace", *each("names", "full", "short"))
def cuda_kern_exec_trace(view: View, names: str) -> list[Row]:
    return [
        {
            "api_start_ns": call.start,
            "api_duration_ns": call.end - call.start,
            "queue_start_ns": None if (queue := _queue(work, call)) is None else call.end,
            "queue_duration_ns": queue,
            "kernel_start_ns": work.start,
            "kernel_duration_ns": work.duration,
            "total_ns": max(call.end, work.end) - call.start,
            "pid": call.process & 0xFFFFFF,
            "tid": call.tid,
            "device_id": work.device,
            "function": call.name,
            **shape(work),
            "kernel": work.called(names),
            "kernel_id": work.id,
        }
        for work in view.kernels
        if (call := work.call)
    ]


@answers("cuda_kern_exec_sum", *each("names", "full", "short"))
def cuda_kern_exec_sum(view: View, names: str) -> list[Row]:
    launched = [(work, work.call) for work in view.kernels if work.call]
    rows = []
    for group in grouped(
        launched, lambda one: (one[0].process, one[1].tid, one[0].device, one[1].name, one[0].called(names))
    ).values():
        work, call = group[0]
        queued = [queue for one in group if (queue := _queue(*one)) is not None]
        rows.append(
            {
                "pid": call.process & 0xFFFFFF,
                "tid": call.tid,
                "device_id": work.device,
                "function": call.name,
                "kernel": work.called(names),
                "instances": len(group),
                "queued": len(queued),
                **spread([max(call.end, work.end) - call.start for work, call in group], "total_ns"),
                **spread([call.end - call.start for _, call in group], "api_ns"),
                **spread(queued, "queue_ns"),
                **spread([work.duration for work, _ in group], "kernel_ns"),
            }
        )
    return rows


@answers("launch_overhead", *each("names", "distinct", "short"))
def launch_overhead(view: View, names: str) -> list[Row]:
    gaps: dict[Operation, int] = {}
    for lane in lanes(view.operations, "gpu").values():
        busy = None
        for work in in_order(lane):
            if busy is not None:
                gaps[work] = max(work.start - busy, 0)
            busy = work.end if busy is None else max(busy, work.end)
    # A call is charged to the kernel that starts first.
    charged = {
        min(group, key=_begins): call
        for call, group in grouped(
            (work for work in view.kernels if work.call), lambda work: work.call
        ).items()
    }
    rows = []
    for name, group in grouped(view.kernels, lambda work: work.called(names)).items():
        took, idle = sum(work.duration for work in group), sum(gaps.get(work, 0) for work in group)
        calls = [charged[work].end - charged[work].start for work in group if work in charged]
        queues = [max(work.start - work.call.end, 0) for work in group if work.call]
        rows.append(
            {
                "kernel": name,
                "instances": len(group),
                "calls": len(calls),
                "kernel_ns": took,
                "api_ns": sum(calls),
                "median_api_ns": spread(calls)["median_ns"],
                "median_queue_ns": spread(queues)["median_ns"],
                "gap_ns": idle,
                "median_gap_ns": spread([gaps[work] for work in group if work in gaps])["median_ns"],
                "overhead_pct": percent(idle, idle + took),
            }
        )
    return rows


# --- graphs ---------------------------------------------------------------------------------------------


@answers("graph_replays")
def graph_replays(view: View) -> list[Row]:
    replays: dict[tuple[str, int, int], list[list[Operation]]] = {}
    for work in view.operations:
        if work.graph is not None:
            replays.setdefault(("graph", work.process, work.graph + 10), []).append([work])
    nodes = [work for work in view.operations if work.node is not None]
    for (process, _), group in grouped(nodes, lambda work: (work.process, work.correlation)).items():
        replays.setdefault(("node", process, min(work.node for work in group)), []).append(group)
    rows = []
    for (mode, process, number), groups in replays.items():
        spans = sorted(
            (min(work.start for work in group), max(work.end for work in group), group[0].correlation)
            for group in groups
        )
        gaps = [start - end for (_, end, _), (start, _, _) in itertools.pairwise(spans)]
        calls = [group[0].call for group in groups if group[0].call]
        rows.append(
            {
                "mode": mode,
                "pid": process & 0xFFFFFF,
                "graph": number,
                "instances": len(groups),
                "kernels_per_instance": None
                if mode == "graph"
                else mean(sum(work.kind == "kernel" for work in group) for group in groups),
                "gpu_operations_per_instance": mean(len(group) for group in groups),
                "avg_api_ns": mean(call.end - call.start for call in calls),
                "avg_span_ns": mean(end - start for start, end, _ in spans),
                "total_span_ns": sum(end - start for start, end, _ in spans),
                **spread(gaps, "gap_ns"),
            }
        )
    return rows
