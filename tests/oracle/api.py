"""Calls of CUDA and of the operating system, and what blocks the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oracle.arithmetic import Row, grouped, percent, spread
from oracle.asked import answers, each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from oracle.trace import Call, Operation, OsCall, View

_WAITS = ("cudaDeviceSynchronize", "cudaStreamSynchronize", "cuStreamSynchronize")


def _by_function(
    calls: Iterable[Call | OsCall], key: Callable[[Call | OsCall], tuple[str, ...]]
) -> list[Row]:
    found = grouped(calls, key)
    total = sum(one.end - one.start for group in found.values() for one in group)
    return [
        {
            "layer": names[0],
            "function": names[-1],
            "calls": len(group),
            **spread(durations := [one.end - one.start for one in group]),
            "share_pct": percent(sum(durations), total),
        }
        for names, group in found.items()
    ]


@answers("cuda_api_sum")
def cuda_api_sum(view: View) -> list[Row]:
    return _by_function(view.calls, lambda call: (call.name,))


@answers("api_summary")
def api_summary(view: View) -> list[Row]:
    return _by_function(view.calls, lambda call: (call.layer, call.name))


@answers("osrt_sum")
def osrt_sum(view: View) -> list[Row]:
    return _by_function(view.os_calls, lambda call: (call.name,))


@answers("cuda_api_trace")
def cuda_api_trace(view: View) -> list[Row]:
    names = {(process, tid): name for process, tid, name in view.trace.threads}
    return [
        {
            **_call(call),
            "return_value": call.returned,
            "correlation_id": call.correlation,
            "thread": names.get((call.process, call.tid)),
        }
        for call in view.calls
    ]


def _call(call: Call) -> Row:
    return {
        "start_ns": call.start,
        "duration_ns": call.end - call.start,
        "function": call.name,
        "pid": call.process & 0xFFFFFF,
        "tid": call.tid,
        "api_call_id": call.id,
    }


@answers("cuda_api_gpu_sum", {"names": "full", "graphs": True}, {"names": "distinct", "graphs": False})
def cuda_api_gpu_sum(view: View, names: str, graphs: bool) -> list[Row]:
    kinds = {"kernel": "CUDA_KERNEL", "graph": "CUDA_GRAPH"}
    timed = [("CUDA_API", call.name, call.end - call.start) for call in view.calls]
    timed += [
        (kinds.get(work.kind, "MEMORY_OPER"), work.called(names), work.duration)
        for work in view.work(graphs=graphs)
    ]
    return summed(timed)


def summed(timed: list[tuple[str, str, int]]) -> list[Row]:
    """Rows of (category, operation, duration), with shares of all of them."""
    total = sum(duration for _, _, duration in timed)
    return [
        {
            "category": category,
            "operation": operation,
            "instances": len(group),
            **spread(durations := [duration for _, _, duration in group]),
            "share_pct": percent(sum(durations), total),
        }
        for (category, operation), group in grouped(timed, lambda one: one[:2]).items()
    ]


# --- what blocks ----------------------------------------------------------------------------------------


@answers("cuda_api_sync", {"limit": None})
def cuda_api_sync(view: View, limit: None) -> list[Row]:
    return [_call(call) for call in view.calls if call.name in _WAITS]


def _memory(work: Operation) -> Row:
    assert work.call
    return {
        "duration_ns": work.duration,
        "start_ns": work.start,
        "copy_kind": work.copy_kind,
        "src_memory": work.src,
        "dst_memory": work.dst,
        "bytes": work.bytes,
        "pid": work.process & 0xFFFFFF,
        "device_id": work.device,
        "context_id": work.context,
        "stream_id": work.stream,
        "function": work.call.name,
        "memory_op_id": work.id,
    }


@answers("cuda_memcpy_async", {"limit": None})
def cuda_memcpy_async(view: View, limit: None) -> list[Row]:
    return [
        _memory(work)
        for work in view.memory
        if work.kind == "memcpy"
        and work.call
        and work.call.name.endswith("Async")
        and "Pageable" in (work.src, work.dst)
    ]


@answers("cuda_memcpy_sync", *each("early_bytes", 65_536, 4, limit=None))
def cuda_memcpy_sync(view: View, early_bytes: int, limit: None) -> list[Row]:
    return [
        _memory(work)
        for work in view.memory
        if work.kind == "memcpy"
        and work.call
        and work.call.name == "cudaMemcpy"
        and not (work.copy_kind == "Host-to-Device" and work.bytes <= early_bytes)
    ]


@answers("cuda_memset_sync", {"limit": None})
def cuda_memset_sync(view: View, limit: None) -> list[Row]:
    return [
        _memory(work)
        for work in view.memory
        if work.kind == "memset"
        and work.call
        and work.call.name == "cudaMemset"
        and work.dst in ("Pinned", "Managed")
    ]
