"""Time on GPUs: busy, idle, why, and beside what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oracle.api import summed
from oracle.arithmetic import Row, grouped, moments, per_second, percent, spread
from oracle.asked import answers, each
from oracle.trace import GPUS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oracle.trace import Call, Operation, Range, Sample, View

_PURPOSES = {
    "cudaLaunchKernel": "launch",
    "cuLaunchKernel": "launch",
    "cudaGraphLaunch": "launch",
    "cuGraphLaunch": "launch",
    "cudaMemcpy": "copy",
    "cudaMemcpyAsync": "copy",
    "cudaMemset": "copy",
    "cudaMemsetAsync": "copy",
    "cudaStreamSynchronize": "sync",
    "cuStreamSynchronize": "sync",
    "cudaDeviceSynchronize": "sync",
    "cudaEventSynchronize": "sync",
    "cudaMalloc": "other_call",
    "cudaFree": "other_call",
    "cuModuleLoadData": "other_call",
    "cudaLaunchKernelExC": "launch",
}


def in_order(work: Iterable[Operation]) -> list[Operation]:
    """By start; of those that start together the shorter one, then by the kind and number that tell them apart."""
    return sorted(work, key=lambda one: (one.start, one.end, one.kind, one.id))


def lanes(work: Iterable[Operation], by: str) -> dict[tuple[int, int | None], list[Operation]]:
    """(GPU, process) → what ran there; by gpu, the process is None: whoever shares it."""
    return grouped(work, lambda one: (one.gpu, one.process if by == "process" else None))


def owner(lane: list[Operation]) -> Row:
    """Whose lane it is: NULL where several processes share it."""
    first, shared = lane[0], len({work.process for work in lane}) > 1
    devices = {work.device for work in lane}
    return {
        "gpu_id": first.gpu,
        "pid": None if shared else first.process & 0xFFFFFF,
        "device_id": first.device if len(devices) == 1 else None,
    }


def busy_moments(work: Iterable[Operation]) -> set[int]:
    return moments((one.start, one.end) for one in work)


def span(work: Iterable[Operation]) -> tuple[int, int]:
    """From the first start to the last end."""
    times = [(one.start, one.end) for one in work]
    return min(start for start, _ in times), max(end for _, end in times)


def gaps(lane: list[Operation]) -> list[tuple[int, int, Operation]]:
    """Start and end of the times with nothing at work, and what ran next."""
    found, until = [], None
    for work in in_order(lane):
        if until is not None and work.start > until:
            found.append((until, work.start, work))
        until = work.end if until is None else max(until, work.end)
    return found


# --- idle -----------------------------------------------------------------------------------------------


@answers(
    "gpu_gaps",
    *each("by", "gpu", "process", graphs=True, names="distinct", min_gap_ns=0, limit=None),
    {"by": "gpu", "graphs": False, "names": "short", "min_gap_ns": 3, "limit": None},
)
def gpu_gaps(view: View, by: str, graphs: bool, names: str, min_gap_ns: int, limit: None) -> list[Row]:
    found = [
        {
            "duration_ns": end - start,
            "start_ns": start,
            "pid": following.process & 0xFFFFFF,
            "gpu_id": following.gpu,
            "device_id": following.device,
            "next_operation": following.called(names),
        }
        for lane in lanes(view.work(graphs=graphs), by).values()
        for start, end, following in gaps(lane)
        if end - start > min_gap_ns
    ]
    return [{**row, "gaps": len(found)} for row in found]


@answers(
    "cpu_bound_gaps",
    {"min_gap_ns": 0, "min_cpu_pct": 0, "names": "distinct", "limit": None},
    {"min_gap_ns": 2, "min_cpu_pct": 50, "names": "short", "limit": None},
)
def cpu_bound_gaps(view: View, min_gap_ns: int, min_cpu_pct: float, names: str, limit: None) -> list[Row]:
    return [row for row, _, _ in gaps_before_launches(view, min_gap_ns, min_cpu_pct, names)]


def gaps_before_launches(
    view: View, min_gap_ns: int, min_cpu_pct: float, names: str
) -> list[tuple[Row, tuple[int, int], int]]:
    """The gaps, each with the process and thread that launched what follows, and the GPU: pids are no processes."""
    rows = []
    for lane in lanes(view.operations, "gpu").values():
        for start, end, following in gaps(lane):
            if not following.call or end - start < min_gap_ns:
                continue
            call, gap = following.call, range(start, end)
            before = sum(moment < call.start for moment in gap)
            inside = sum(call.start <= moment < call.end for moment in gap)
            if 100 * (before + inside) < min_cpu_pct * len(gap):
                continue
            row = {
                "duration_ns": len(gap),
                "start_ns": start,
                "before_call_ns": before,
                "in_call_ns": inside,
                "queued_ns": len(gap) - before - inside,
                "cpu_pct": percent(before + inside, len(gap)),
                "pid": following.process & 0xFFFFFF,
                "device_id": following.device,
                "tid": call.tid,
                "function": call.name,
                "next_operation": following.called(names),
            }
            rows.append((row, (following.process, call.tid), following.gpu))
    return rows


def _cause(view: View, moment: int, call: Call) -> tuple[str, str | None]:
    """What the thread of a launching call was in at a moment before the work of the call began."""
    if moment >= call.end:
        return "queue", None
    thread = (call.process, call.tid)
    inside = [one for one in view.calls if (one.process, one.tid) == thread and one.start <= moment < one.end]
    if inside:
        outer = min(inside, key=lambda one: (one.start, -one.end, one.id))
        return _PURPOSES[outer.name], outer.name
    waiting = [
        one for one in view.os_calls if (one.process, one.tid) == thread and one.start <= moment < one.end
    ]
    return ("os_call", waiting[0].name) if waiting else ("host_work", None)


@answers("busy", *each("by", "gpu", "process"))
def busy(view: View, by: str) -> list[Row]:
    rows = []
    for lane in lanes(view.operations, by).values():
        first, last = span(lane)
        told: dict[tuple[str, str | None], dict[int, int]] = {}
        for start, end, following in gaps(lane):
            for moment in range(start, end):
                cause = _cause(view, moment, following.call) if following.call else ("not_recorded", None)
                told.setdefault(cause, {}).setdefault(start, 0)
                told[cause][start] += 1
        whole = {
            **owner(lane),
            "gpu": gpu_name(view, lane[0]),
            "longest_gap_ns": max((end - start for start, end, _ in gaps(lane)), default=None),
            "span_ns": last - first,
        }
        worked = len(busy_moments(lane))
        rows.append(
            {
                **whole,
                "cause": "busy",
                "function": None,
                "time_ns": worked,
                "share_pct": percent(worked, last - first),
                "gaps": None,
                "longest_ns": None,
            }
        )
        rows += [
            {
                **whole,
                "cause": cause,
                "function": function,
                "time_ns": sum(of_gaps.values()),
                "share_pct": percent(sum(of_gaps.values()), last - first),
                "gaps": len(of_gaps),
                "longest_ns": max(of_gaps.values()),
            }
            for (cause, function), of_gaps in told.items()
        ]
    return rows


def gpu_name(view: View, work: Operation) -> str | None:
    return GPUS[work.gpu] if view.trace.visible.get(work.process) else None


# --- in use ---------------------------------------------------------------------------------------------


@answers(
    "gpu_time_util",
    *each("by", "gpu", "process", graphs=True, chunks=7, threshold_pct=60, limit=None),
    {"by": "gpu", "graphs": False, "chunks": 30, "threshold_pct": 100, "limit": None},
)
def gpu_time_util(
    view: View, by: str, graphs: bool, chunks: int, threshold_pct: float, limit: None
) -> list[Row]:
    rows = []
    for lane in lanes(view.work(graphs=graphs), by).values():
        first, last = span(lane)
        width = max(-(-(last - first) // chunks), 1)
        joined: list[list[int]] = []
        for start in range(first, last, width):
            end = min(start + width, last)
            used = sum(max(0, min(end, work.end) - max(start, work.start)) for work in lane)
            if 100 * used >= threshold_pct * (end - start):
                continue
            if joined and joined[-1][1] == start:
                joined[-1][1:] = [end, joined[-1][2] + used]
            else:
                joined.append([start, end, used])
        rows += [
            {
                **owner(lane),
                "start_ns": start,
                "duration_ns": end - start,
                "in_use_pct": percent(used, end - start),
            }
            for start, end, used in joined
        ]
    return rows


@answers(
    "cuda_gpu_time_util_map",
    *each("by", "gpu", "process", graphs=True, bins=30),
    {"by": "gpu", "graphs": False, "bins": 7},
)
def cuda_gpu_time_util_map(view: View, by: str, graphs: bool, bins: int) -> list[Row]:
    kinds = ("kernel", "graph") if graphs else ("kernel",)
    at_all = [work for work in view.operations if work.kind in kinds]
    if not at_all:
        return []
    since = min(work.start for work in at_all) if view.since is None else view.since
    until = max(work.end for work in at_all) if view.until is None else view.until
    width = max(-(-(until - since) // bins), 1)
    rows = []
    for lane in lanes(at_all, by).values():
        at_work = busy_moments(lane)
        rows += [
            {
                **owner(lane),
                "bin": number,
                "start_ns": since + number * width,
                "busy_pct": percent(
                    sum(since + number * width + moment in at_work for moment in range(width)), width
                ),
            }
            for number in range(bins)
        ]
    return rows


@answers("stream_concurrency", *each("by", "gpu", "process"))
def stream_concurrency(view: View, by: str) -> list[Row]:
    rows = []
    for lane in lanes(view.operations, by).values():
        streams = [
            busy_moments(group)
            for group in grouped(lane, lambda work: (work.process, work.context, work.stream)).values()
        ]
        at_work = set().union(*streams)
        if not at_work:
            continue
        # What has no duration is no time at work, at the edges neither.
        counted = [sum(moment in one for one in streams) for moment in range(min(at_work), max(at_work) + 1)]
        rows += [
            {
                **owner(lane),
                "streams": number,
                "time_ns": counted.count(number),
                "share_pct": percent(counted.count(number), len(counted)),
            }
            for number in set(counted)
        ]
    return rows


@answers("rank_summary")
def rank_summary(view: View) -> list[Row]:
    names = dict(view.trace.processes)
    rows: list[Row] = []
    used = set()
    for (process, device), work in grouped(view.operations, lambda one: (one.process, one.device)).items():
        used.add(work[0].gpu)
        kinds = [one.kind for one in work]
        rows.append(
            {
                "pid": process & 0xFFFFFF,
                "process": names.get(process),
                "device_id": device,
                "gpu": gpu_name(view, work[0]),
                "api_calls": sum(call.process == process for call in view.calls),
                "kernels": kinds.count("kernel"),
                "memory_ops": kinds.count("memcpy") + kinds.count("memset"),
                "graph_launches": kinds.count("graph"),
                "gpu_ns": sum(one.duration for one in work),
                "first_ns": span(work)[0],
                "last_ns": span(work)[1],
                "finding": "graphs only" if "graph" in kinds and "kernel" not in kinds else None,
            }
        )
    idle: Row = dict.fromkeys(("kernels", "memory_ops", "graph_launches", "gpu_ns"), 0)
    idle |= dict.fromkeys(("device_id", "gpu", "first_ns", "last_ns"))
    at_work = {work.process for work in view.operations}
    for process, calls in grouped(view.calls, lambda call: call.process).items():
        if process not in at_work:
            rows.append(
                {
                    **idle,
                    "pid": process & 0xFFFFFF,
                    "process": names.get(process),
                    "api_calls": len(calls),
                    "finding": "no GPU work",
                }
            )
    ordinals: dict[int, set[int]] = {}
    for gpus in view.trace.visible.values():
        for ordinal, gpu in enumerate(gpus):
            ordinals.setdefault(gpu, set()).add(ordinal)
    rows += [
        {
            **idle,
            "pid": None,
            "process": None,
            "device_id": min(numbers),
            "gpu": GPUS[gpu],
            "api_calls": 0,
            "finding": "unused GPU",
        }
        for gpu, numbers in ordinals.items()
        # That which processes number differently has no ordinal, as if CUDA did not know it.
        if gpu not in used and len(numbers) == 1
    ]
    most = max((row["gpu_ns"] for row in rows), default=0)
    return [{**row, "share_of_busiest_pct": percent(row["gpu_ns"], most)} for row in rows]


# --- one by one, and summed -----------------------------------------------------------------------------


@answers("cuda_gpu_trace", {"names": "full", "graphs": True}, {"names": "distinct", "graphs": False})
def cuda_gpu_trace(view: View, names: str, graphs: bool) -> list[Row]:
    return [
        {
            "start_ns": work.start,
            "duration_ns": work.duration,
            "correlation_id": work.correlation,
            **shape(work),
            "registers_per_thread": 16 if work.kernel else None,
            "static_shared_bytes": 0 if work.kernel else None,
            "dynamic_shared_bytes": 0 if work.kernel else None,
            "bytes": work.bytes,
            "bytes_per_s": None if work.bytes is None else per_second(work.bytes, work.duration),
            "src_memory": work.src,
            "dst_memory": work.dst,
            "gpu": gpu_name(view, work),
            "pid": work.process & 0xFFFFFF,
            "device_id": work.device,
            "context_id": work.context,
            "stream_id": work.stream,
            "kind": work.kind,
            "operation": work.called(names),
            "operation_id": work.id,
        }
        for work in view.work(graphs=graphs)
    ]


def shape(work: Operation) -> Row:
    """Its grid and block, as columns."""
    sizes = (
        {"grid": work.grid, "block": (32, 1, 1)}
        if work.kernel
        else {"grid": (None,) * 3, "block": (None,) * 3}
    )
    return {
        f"{what}_{axis}": number
        for what, numbers in sizes.items()
        for axis, number in zip("xyz", numbers, strict=True)
    }


@answers("cuda_gpu_sum", {"names": "full", "graphs": True}, {"names": "short", "graphs": False})
def cuda_gpu_sum(view: View, names: str, graphs: bool) -> list[Row]:
    kinds = {"kernel": "CUDA_KERNEL", "graph": "CUDA_GRAPH"}
    return summed(
        [
            (kinds.get(work.kind, "MEMORY_OPER"), work.called(names), work.duration)
            for work in view.work(graphs=graphs)
        ]
    )


# --- sampled --------------------------------------------------------------------------------------------


def _sampled(samples: Iterable[Sample]) -> dict[tuple[int, str, str], list[tuple[int, int]]]:
    """(GPU, metric, unit) → its samples: (time, value)."""
    return {
        key: [(at, value) for _, at, value in group]
        for key, group in grouped(
            (
                ((sample.gpu, *metric), sample.time, value)
                for sample in samples
                for metric, value in sample.values.items()
            ),
            lambda one: one[0],
        ).items()
    }


@answers("gpu_metric_util_sum")
def gpu_metric_util_sum(view: View) -> list[Row]:
    rows = []
    for (gpu, metric, unit), samples in _sampled(view.samples).items():
        found = spread([value for _, value in samples], "")
        rows.append(
            {
                "gpu_id": gpu,
                "metric": metric,
                "unit": unit,
                "samples": len(samples),
                **{name.rstrip("_"): value for name, value in found.items()},
            }
        )
    return rows


@answers("gpu_metrics_in_ranges")
def gpu_metrics_in_ranges(view: View) -> list[Row]:
    users = {(work.process, work.gpu) for work in view.operations}
    rows = []
    ranges = [one for one in view.ranges if view.launched(one, "thread")]
    for (domain, text), group in grouped(ranges, lambda one: (one.domain, one.text)).items():
        for (gpu, metric, unit), samples in _sampled(view.samples).items():
            here = [one for one in group if (one.process, gpu) in users]
            lasting = moments(span(view.launched(one, "thread")) for one in here)
            # A sample tells of the time behind it.
            inside = [value for at, value in samples if at in lasting]
            if here:
                rows.append(
                    {
                        "domain": domain,
                        "range": text,
                        "gpu_id": gpu,
                        "metric": metric,
                        "unit": unit,
                        "instances": len(here),
                        "gpu_span_ns": len(lasting),
                        "samples": len(inside),
                        "avg": spread(inside)["avg_ns"],
                    }
                )
    return rows


def held(view: View, one: Range, by: str) -> Any:
    """Start, end, busy time, number and launches of what a range launched; None without any."""
    work = view.launched(one, by)
    if not work:
        return None
    first, last = span(work)
    return first, last, len(busy_moments(work)), len(work), len({one.call for one in work})


@answers("context_work")
def context_work(view: View) -> list[Row]:
    placed = [one for one in view.work() if one.context is not None]
    in_all = grouped(placed, lambda one: one.gpu)
    return [
        {
            "pid": process & 0xFFFFFF,
            "gpu_id": gpu,
            "context_id": context,
            "green_context_id": green,
            "streams": len({one.stream for one in group}),
            "kernels": sum(one.kind == "kernel" for one in group),
            "copies": sum(one.kind in ("memcpy", "memset") for one in group),
            "graphs": sum(one.kind == "graph" for one in group),
            "total_ns": (total := sum(one.duration for one in group)),
            "share_pct": percent(total, sum(one.duration for one in in_all[gpu])),
            "first_ns": min(one.start for one in group),
            "last_ns": max(one.end for one in group),
        }
        for (process, gpu, context, green), group in grouped(
            placed, lambda one: (one.process, one.gpu, one.context, one.green)
        ).items()
    ]
