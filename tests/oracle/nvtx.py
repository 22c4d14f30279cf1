"""NVTX ranges: on the CPU, and what they launched."""

from __future__ import annotations

from fnmatch import fnmatchcase
from statistics import median
from typing import TYPE_CHECKING

from oracle.arithmetic import Row, grouped, mean, percent, spread
from oracle.asked import answers, each
from oracle.gpu import busy_moments, held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from oracle.trace import Range, View


def _spread(ranges: Iterable[Range]) -> list[Row]:
    found = grouped(ranges, lambda one: (one.domain, one.text, one.style))
    total = sum(one.duration for group in found.values() for one in group)
    return [
        {
            "domain": domain,
            "range": text,
            "function": text,
            "style": style,
            "instances": len(group),
            "calls": len(group),
            **spread(durations := [one.duration for one in group]),
            "share_pct": percent(sum(durations), total),
        }
        for (domain, text, style), group in found.items()
    ]


@answers("nvtx_sum")
def nvtx_sum(view: View) -> list[Row]:
    return _spread(view.closed)


@answers("nvtx_pushpop_sum")
def nvtx_pushpop_sum(view: View) -> list[Row]:
    return _spread(one for one in view.closed if one.style == "pushpop")


@answers("nvtx_startend_sum")
def nvtx_startend_sum(view: View) -> list[Row]:
    return _spread(one for one in view.closed if one.style == "startend")


@answers("nccl_sum")
def nccl_sum(view: View) -> list[Row]:
    return _spread(one for one in view.closed if one.domain == "NCCL")


@answers("nvtx_pushpop_trace", *each("range", "*", "layers*"))
def nvtx_pushpop_trace(view: View, range_: str) -> list[Row]:
    ranges = [one for one in view.closed if one.style == "pushpop"]
    around = {one: view.around(one) for one in ranges}
    rows = []
    for one in ranges:
        inside = [other for other in ranges if around[other] is one]
        stack = view.stack(one)
        in_them = sum(other.duration for other in inside)
        rows.append(
            {
                "start_ns": one.start,
                "end_ns": one.end,
                "duration_ns": one.duration,
                "children_ns": in_them,
                "own_ns": one.duration - in_them,
                **_name(one),
                "depth": len(stack) - 1,
                "children": len(inside),
                "parent_id": around[one].id if around[one] else None,
                "range_stack": _ids(view, stack),
                "path": "/".join(other.text for other in stack),
            }
        )
    return [row for row in rows if fnmatchcase(row["range"], range_)]


def _ids(view: View, stack: list[Range]) -> str:
    """Those that lie in the window, from the outermost on."""
    return "".join(f":{one.id}" for one in stack if one in view.ranges)


def _name(one: Range) -> Row:
    return {
        "domain": one.domain,
        "range": one.text,
        "style": one.style,
        "pid": one.process & 0xFFFFFF,
        "tid": one.tid,
        "range_id": one.id,
    }


# --- pace -----------------------------------------------------------------------------------------------


def _pace(ranges: Iterable[tuple[Range, int, int]]) -> list[Row]:
    """Of ranges with a start and an end: start/end ranges are of no thread."""
    rows = []
    for (domain, process, tid), group in grouped(
        ranges, lambda one: (one[0].domain, one[0].process, one[0].tid if one[0].style == "pushpop" else None)
    ).items():
        before = durations = deltas = 0
        for number, (one, start, end) in enumerate(sorted(group, key=lambda one: (one[1], one[0].id))):
            durations += end - start
            deltas += start - before
            rows.append(
                {
                    "domain": domain,
                    "pid": process & 0xFFFFFF,
                    "tid": tid,
                    "instance": number,
                    "start_ns": start,
                    "end_ns": end,
                    "duration_ns": end - start,
                    "accum_duration_ns": durations,
                    "delta_ns": start - before,
                    "accum_delta_ns": deltas,
                    "range_id": one.id,
                }
            )
            before = end
    return rows


@answers("nvtx_pace", *each("range", "attn", "*"))
def nvtx_pace(view: View, range_: str) -> list[Row]:
    return _pace((one, one.start, one.end) for one in view.closed if fnmatchcase(one.text, range_))


@answers("nvtx_gpu_proj_pace", *each("by", "thread", "process", range="attn"), {"by": "thread", "range": "*"})
def nvtx_gpu_proj_pace(view: View, range_: str, by: str) -> list[Row]:
    return _pace(
        (one, *found[:2])
        for one in view.ranges
        if fnmatchcase(one.text, range_) and (found := held(view, one, by))
    )


# --- projected ------------------------------------------------------------------------------------------


def _around_with_work(view: View, by: str) -> dict[Range, Range | None]:
    """Range with GPU work → the range around it; one around a range that has work has it, too."""
    return {one: view.around(one) for one in view.ranges if held(view, one, by)}


def _projected(view: View, by: str) -> list[Row]:
    around = _around_with_work(view, by)
    rows = []
    for one, holder in around.items():
        first, last, busy, operations, _ = held(view, one, by)
        stack = view.stack(one)
        rows.append(
            {
                **_name(one),
                "projected_start_ns": first,
                "projected_duration_ns": last - first,
                "gpu_busy_ns": busy,
                "start_ns": one.start,
                "duration_ns": one.duration,
                "gpu_operations": operations,
                "depth": len(stack) - 1,
                "children": sum(other is one for other in around.values()),
                "parent_id": holder.id if holder else None,
                "range_stack": _ids(view, stack),
            }
        )
    return rows


@answers(
    "nvtx_gpu_proj_trace", *each("by", "thread", "process", range="*"), {"by": "thread", "range": "layers*"}
)
def nvtx_gpu_proj_trace(view: View, by: str, range_: str) -> list[Row]:
    return [row for row in _projected(view, by) if fnmatchcase(row["range"], range_)]


@answers("nvtx_gpu_proj_sum", *each("by", "thread", "process"))
def nvtx_gpu_proj_sum(view: View, by: str) -> list[Row]:
    rows = []
    for (domain, text, style), group in grouped(
        _projected(view, by), lambda row: (row["domain"], row["range"], row["style"])
    ).items():
        closed = [row["duration_ns"] for row in group if row["duration_ns"] is not None]
        rows.append(
            {
                "domain": domain,
                "range": text,
                "style": style,
                "instances": len(group),
                **spread([row["projected_duration_ns"] for row in group], "proj_ns"),
                "total_range_ns": sum(closed) if closed else None,
                "total_gpu_busy_ns": sum(row["gpu_busy_ns"] for row in group),
                "gpu_operations": sum(row["gpu_operations"] for row in group),
                "avg_gpu_operations": mean(row["gpu_operations"] for row in group),
                "avg_depth": mean(row["depth"] for row in group),
                "avg_children": mean(row["children"] for row in group),
            }
        )
    return rows


@answers("nccl_gpu_proj_sum")
def nccl_gpu_proj_sum(view: View) -> list[Row]:
    rows = [row for row in _projected(view, "thread") if row["domain"] == "NCCL"]
    total = sum(row["projected_duration_ns"] for row in rows)
    return [
        {
            "function": text,
            "instances": len(group),
            **spread(lengths := [row["projected_duration_ns"] for row in group], "proj_ns"),
            "share_pct": percent(sum(lengths), total),
        }
        for text, group in grouped(rows, lambda row: row["range"]).items()
    ]


# --- kernels in ranges ----------------------------------------------------------------------------------


@answers(
    "nvtx_kern_sum",
    *each("by", "thread", "process", names="full", range=None, by_range=False),
    {"by": "thread", "names": "short", "range": "layers*", "by_range": False},
    {"by": "thread", "names": "full", "range": None, "by_range": True},
)
def nvtx_kern_sum(view: View, by: str, names: str, range_: str | None, by_range: bool) -> list[Row]:
    if not view.trace.ranges:
        return []
    found = []
    for work in view.kernels:
        if work.call is None:
            continue
        holders = [one for one in view.ranges if one.holds(work.call, by)]
        found += [(one, work) for one in holders if range_ is None or fnmatchcase(one.text, range_)]
        if not holders and range_ is None:
            found.append((None, work))
    key: Callable[..., tuple[object, ...]] = lambda one: (  # noqa: E731
        *((one[0].domain, one[0].text, one[0].style) if one[0] else (None,) * 3),
        one[1].process,
        one[1].call.tid,
        one[1].called(names),
    )
    rows = []
    for (domain, text, style, process, tid, kernel), group in grouped(found, key).items():
        counted = [work for _, work in group]
        executed = {*counted}
        rows.append(
            {
                "domain": domain,
                "range": text,
                "style": style,
                "pid": process & 0xFFFFFF,
                "tid": tid,
                "range_instances": len({one for one, _ in group if one}),
                "instances": len(executed),
                **spread([work.duration for work in (counted if by_range else executed)]),
                "kernel": kernel,
            }
        )
    return rows


@answers("coverage", *each("by", "thread", "process"))
def coverage(view: View, by: str) -> list[Row]:
    def is_in(work: object) -> bool:
        return bool(work.call) and any(one.holds(work.call, by) for one in view.ranges)

    if not view.operations:
        return []
    kernels = [work for work in view.kernels if is_in(work)]
    inside = sum(work.duration for work in view.operations if is_in(work))
    total = sum(work.duration for work in view.operations)
    return [
        {
            "kernels": len(view.kernels),
            "kernels_with_launch": sum(work.call is not None for work in view.kernels),
            "kernels_in_ranges": len(kernels),
            "kernels_in_ranges_pct": percent(len(kernels), len(view.kernels)),
            "gpu_ns": total,
            "gpu_in_ranges_ns": inside,
            "gpu_in_ranges_pct": percent(inside, total),
        }
    ]


@answers("range_launches", *each("by", "thread", "process", range="*"), {"by": "thread", "range": "layers*"})
def range_launches(view: View, by: str, range_: str) -> list[Row]:
    ranges = [one for one in view.ranges if one.style != "mark" and fnmatchcase(one.text, range_)]
    rows = []
    for (domain, text), group in grouped(ranges, lambda one: (one.domain, one.text)).items():
        kernels = {work for one in group for work in view.launched(one, by) if work.kind == "kernel"}
        unknown = by == "thread" and not kernels and any(view.is_elsewhere(one) for one in group)
        rows.append(
            {
                "domain": domain,
                "range": text,
                "instances": len(group),
                "kernels": None if unknown else len(kernels),
                "kernels_per_instance": None if unknown else len(kernels) / len(group),
                "gpu_ns": None if unknown else sum(work.duration for work in kernels),
            }
        )
    return rows


def _times(view: View, by: str, clock: str) -> dict[tuple[str, str, str], list[tuple[int, int, Range]]]:
    """Domain, text and style → start and duration of each instance, on the GPU or on the CPU."""
    timed = []
    for one in view.ranges:
        found = held(view, one, by) if clock == "gpu" else (one.start, one.end)
        if one.style != "mark" and found and found[1] is not None:
            timed.append((found[0], found[1] - found[0], one))
    return grouped(timed, lambda time: (time[2].domain, time[2].text, time[2].style))


def _over_median(times: list[tuple[int, int, Range]]) -> float:
    middle = median(duration for _, duration, _ in times)
    return sum(max(duration - middle, 0) for _, duration, _ in times)


@answers(
    "range_percentiles",
    *each("by", "thread", "process", clock="gpu", limit=None),
    {"by": "thread", "clock": "host", "limit": None},
)
def range_percentiles(view: View, by: str, clock: str, limit: None) -> list[Row]:
    rows = []
    for (domain, text, style), times in _times(view, by, clock).items():
        told = spread([duration for _, duration, _ in times])
        start, _, slowest = max(times, key=lambda time: (time[1], -time[2].id))
        rows.append(
            {
                "domain": domain,
                "range": text,
                "style": style,
                "instances": len(times),
                **{
                    f"{what}_ns": told[f"{what}_ns"]
                    for what in ("total", "min", "median", "p90", "p99", "max")
                },
                "tail_ns": _over_median(times),
                "max_start_ns": start,
                "range_id": slowest.id,
            }
        )
    return rows


@answers(
    "range_instances",
    *each("by", "thread", "process", names="short", ranges=None, limit=None),
    {"by": "thread", "names": "full", "ranges": 1, "limit": None},
)
def range_instances(view: View, by: str, names: str, ranges: int | None, limit: None) -> list[Row]:
    found = {key: times for key, times in _times(view, by, "gpu").items() if len(times) > 1}
    rows = []
    for key in sorted(found, key=lambda key: (-_over_median(found[key]), key))[:ranges]:
        # Of equal ones the first recorded is the slowest.
        times = sorted(found[key], key=lambda time: (time[1], -time[2].id))
        sides = [times[-1], times[(len(times) + 1) // 2 - 1]]
        work = [view.launched(one, by) for _, _, one in sides]
        domain, text, style = key
        shared = {
            "domain": domain,
            "range": text,
            "style": style,
            "instances": len(times),
            "slowest_start_ns": sides[0][0],
            "slowest_span_ns": sides[0][1],
            "usual_start_ns": sides[1][0],
            "usual_span_ns": sides[1][1],
            "slowest_range_id": sides[0][2].id,
            "usual_range_id": sides[1][2].id,
        }
        for kind, label in {(one.kind, one.called(names)) for one in [*work[0], *work[1]]}:
            its = [[one for one in side if (one.kind, one.called(names)) == (kind, label)] for side in work]
            slowest, usual = (sum(one.duration for one in side) for side in its)
            rows.append(
                {
                    **shared,
                    "kind": kind,
                    "operation": label,
                    "slowest_operations": len(its[0]),
                    "usual_operations": len(its[1]),
                    "slowest_ns": slowest,
                    "usual_ns": usual,
                    "delta_ns": slowest - usual,
                }
            )
        slowest, usual = (
            span - len(busy_moments(side)) for (_, span, _), side in zip(sides, work, strict=True)
        )
        rows.append(
            {
                **shared,
                "kind": "idle",
                "operation": "idle",
                "slowest_operations": None,
                "usual_operations": None,
                "slowest_ns": slowest,
                "usual_ns": usual,
                "delta_ns": slowest - usual,
            }
        )
    return rows
