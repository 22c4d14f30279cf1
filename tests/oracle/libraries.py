"""Calls of libraries, and what the profiler cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oracle.arithmetic import Row, grouped, percent, spread
from oracle.asked import answers, each
from oracle.trace import LibraryCall

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from oracle.trace import View

_CLASS = {"p2p": "p2p", "collectives": "collectives", "start_wait": "start-wait", "other": "other"}


def _sums(
    calls: Sequence[LibraryCall], key: Callable[[LibraryCall], tuple[Hashable, ...]], *names: str
) -> list[Row]:
    total = sum(call.duration for call in calls)
    return [
        {
            **dict(zip(names, values, strict=True)),
            "calls": len(group),
            "instances": len(group),
            **spread(durations := [call.duration for call in group]),
            "share_pct": percent(sum(durations), total),
        }
        for values, group in grouped(calls, key).items()
    ]


def _without(name: str, rows: list[Row]) -> list[Row]:
    return [{column: value for column, value in row.items() if column != name} for row in rows]


def _of(view: View, library: str) -> list[LibraryCall]:
    return [call for call in view.library_calls if call.library == library]


@answers("mpi_event_sum", *each("by_request", False, True))
def mpi_event_sum(view: View, by_request: bool) -> list[Row]:
    calls = [
        call for call in _of(view, "MPI") for _ in range(len(call.parts) if by_request and call.parts else 1)
    ]
    return _without("calls", _sums(calls, lambda call: (_CLASS[call.kind], call.name), "source", "function"))


@answers("mpi_event_trace")
def mpi_event_trace(view: View) -> list[Row]:
    whole = [call for call in view.trace.library_calls if call.library == "MPI"]
    whole.sort(key=lambda call: (call.start, call.process, call.tid, call.kind, call.name))
    rows = []
    for call in _of(view, "MPI"):
        for place, part in enumerate(call.parts or ((),), start=1):
            told = dict(part)
            rows.append(
                {
                    "library_call_id": whole.index(call) + 1,
                    "message_place": place,
                    "mpi_rank": None,
                    "communicator_handle": None,
                    "start_ns": call.start,
                    "end_ns": call.end,
                    "duration_ns": call.duration,
                    "function": call.name,
                    "source": _CLASS[call.kind],
                    "pid": call.process & 0xFFFFFF,
                    "tid": call.tid,
                    "tag": told.get("tag"),
                    "peer_rank": told.get("peer"),
                    "root_rank": told.get("root"),
                    "message_bytes": told.get("size") if call.kind == "p2p" else None,
                    "sent_bytes": told.get("size") if call.kind == "collectives" else None,
                    "received_bytes": told.get("received"),
                    "request": told.get("request"),
                }
            )
    return rows


@answers("mpi_msg_size_sum")
def mpi_msg_size_sum(view: View) -> list[Row]:
    sizes: dict[tuple[str, str], list[int]] = {}
    for call in _of(view, "MPI"):
        for part in call.parts:
            told = dict(part)
            for source, size in (
                ("p2p" if call.kind == "p2p" else "coll_send", told.get("size")),
                ("coll_recv", told.get("received")),
            ):
                if size is not None:
                    sizes.setdefault((source, call.name), []).append(size)
    return [
        {"source": source, "function": name, "instances": len(group), **spread(group, "bytes")}
        for (source, name), group in sizes.items()
    ]


@answers("openacc_sum")
def openacc_sum(view: View) -> list[Row]:
    rows = _sums(_of(view, "OpenACC"), lambda call: (call.name, len(call.kind)), "event", "source_line")
    return [{**row, "source_file": "loop.c"} for row in _without("instances", rows)]


@answers("openmp_sum")
def openmp_sum(view: View) -> list[Row]:
    return _without("calls", _sums(_of(view, "OpenMP"), lambda call: (call.name,), "event"))


@answers("library_calls_sum", *each("library", "*", "cuBLAS"))
def library_calls_sum(view: View, library: str) -> list[Row]:
    marked = [
        LibraryCall(one.process, one.tid, "NCCL", one.text, one.start, one.end)
        for one in view.ranges
        if one.closed and one.end is not None and (one.message or one.domain == "NCCL")
    ]
    calls = [call for call in (*view.library_calls, *marked) if library in ("*", call.library)]
    return _without("instances", _sums(calls, lambda call: (call.library, call.name), "library", "function"))


@answers("profiler_overhead")
def profiler_overhead(view: View) -> list[Row]:
    names = dict(view.trace.processes)
    found = grouped(view.overheads, lambda one: (one.process, one.is_cupti, one.name, one.kind))
    looked = None if view.since is None or view.until is None else view.until - view.since
    rows = []
    for (process, is_cupti, name, kind), group in found.items():
        durations = [one.end - one.start for one in group]
        covered = len({moment for one in group for moment in range(one.start, one.end)})
        rows.append(
            {
                "pid": process & 0xFFFFFF,
                "process": names[process],
                "told_by": "CUPTI" if is_cupti else "nsys",
                "activity": name,
                "overhead_type": None if kind is None else "Buffer flush (Profiler)",
                "instances": len(group),
                "threads": len({one.tid for one in group}),
                "total_ns": sum(durations),
                "max_ns": max(durations),
                "covered_ns": covered,
                "share_pct": None if looked is None else percent(covered, looked),
            }
        )
    return rows
