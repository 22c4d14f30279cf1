"""Copies, memsets and managed memory."""

from __future__ import annotations

import math
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from oracle.arithmetic import Row, grouped, per_second, percent, spread
from oracle.asked import answers, each

if TYPE_CHECKING:
    from oracle.trace import Allocation, View


@answers("cuda_gpu_mem_size_sum")
def cuda_gpu_mem_size_sum(view: View) -> list[Row]:
    return [
        {"operation": label, "instances": len(group), **spread([work.bytes for work in group], "bytes")}
        for label, group in grouped(view.memory, lambda work: work.label).items()
    ]


@answers("cuda_gpu_mem_time_sum")
def cuda_gpu_mem_time_sum(view: View) -> list[Row]:
    total = sum(work.duration for work in view.memory)
    return [
        {
            "operation": label,
            "instances": len(group),
            **spread(durations := [work.duration for work in group]),
            "share_pct": percent(sum(durations), total),
        }
        for label, group in grouped(view.memory, lambda work: work.label).items()
    ]


@answers("memory_summary")
def memory_summary(view: View) -> list[Row]:
    return [
        {
            "kind": kind,
            "copy_kind": copy_kind,
            "instances": len(group),
            **spread([work.bytes for work in group], "bytes"),
            **spread([work.duration for work in group]),
            "bytes_per_s": per_second(
                sum(work.bytes for work in group), sum(work.duration for work in group)
            ),
        }
        for (kind, copy_kind), group in grouped(view.memory, lambda work: (work.kind, work.copy_kind)).items()
    ]


# --- what is in use -------------------------------------------------------------------------------------


class _Use:
    """Memory of one kind that a process has in use on a GPU, moment by moment."""

    def __init__(self, events: list[Allocation]) -> None:
        at: dict[int, list[Allocation]] = {}
        for one in sorted(events, key=lambda one: one.time):
            at.setdefault(one.address, []).append(one)
        #: Moments at which something happens.
        self.moments = sorted(one.time for one in events)
        #: (since, until, bytes, allocation) of what was alive: None is before the first event, after the last one, and of
        #: what was only seen to be released.
        self._lives: list[tuple[int | None, int | None, int, Allocation | None]] = []
        for there in at.values():
            for before, one, after in zip([None, *there], there, [*there[1:], None], strict=False):
                if not one.is_release:
                    self._lives.append((one.time, after.time if after else None, one.bytes, one))
                elif before is None or before.is_release:
                    self._lives.append((before.time if before else None, one.time, one.bytes, None))

    def alive(self, moment: float) -> list[tuple[int, int, Allocation | None]]:
        """What is in use when all events before a moment are done: since when (0 from before), bytes, allocation."""
        return [
            (since or 0, size, allocation)
            for since, until, size, allocation in self._lives
            if (since is None or since < moment) and (until is None or moment <= until)
        ]

    def left(self, moment: float) -> int:
        """In use when all events before a moment are done."""
        return sum(size for _, size, _ in self.alive(moment))

    def peak(self, first: int, last: int) -> tuple[int, int]:
        """The most that is in use from one moment to another, both included, and when that is so first."""
        begun = (self.left(first), first)
        return max(
            [begun, *((self.left(moment + 1), moment) for moment in range(first, last + 1))],
            key=lambda one: (one[0], -one[1]),
        )


def _uses(view: View, memory: str) -> dict[tuple[int, int, str], _Use]:
    """(process, GPU, kind) → its use."""
    of: dict[tuple[int, int, str], list[Allocation]] = {}
    for one in view.trace.allocations:
        gpus = view.trace.visible.get(one.process, ())
        gpu = gpus[one.device] if gpus else one.device
        kinds = (one.memory, *(["GPU memory"] if one.memory in ("Device", "Array") else []))
        for kind in kinds:
            if memory in ("*", kind):
                of.setdefault((one.process, gpu, kind), []).append(one)
    return {key: _Use(events) for key, events in of.items()}


@answers("memory_over_time", *each("memory", "GPU memory", "*", parts=7))
def memory_over_time(view: View, memory: str, parts: int) -> list[Row]:
    assert view.since is not None
    assert view.until is not None
    width = max(-(-(view.until - view.since) // parts), 1)
    rows = []
    for (process, gpu, kind), use in _uses(view, memory).items():
        for part in range(parts):
            since = view.since + part * width
            rows.append(
                {
                    "pid": process & 0xFFFFFF,
                    "gpu_id": gpu,
                    "memory_kind": kind,
                    "time_ns": since,
                    "in_use_bytes": use.peak(since, since + width - 1)[0],
                }
            )
    return rows


@answers(
    "memory_alive",
    *each("memory", "GPU memory", "*", at=None, limit=None),
    {"memory": "*", "at": 40, "limit": None},
)
def memory_alive(view: View, memory: str, at: int | None, limit: None) -> list[Row]:
    made_by = {
        (call.process, call.correlation): call
        for call in view.calls
        # What a call calls has the id of that one.
        if call.layer != "driver"
    }
    rows = []
    for (process, gpu, kind), use in _uses(view, memory).items():
        # When most is in use first: before all events, or when one of them is done.
        moment = at
        if moment is None:
            most = max([use.left(-math.inf), *(use.left(one + 1) for one in use.moments)])
            is_before = use.left(-math.inf) == most
            moment = None if is_before else next(one for one in use.moments if use.left(one + 1) == most)
        alive = use.alive(-math.inf if moment is None else moment + 1)

        def place(allocation: Allocation | None, process: int = process) -> tuple[str | None, str | None]:
            call = made_by.get((process, allocation.correlation)) if allocation else None
            around = view.innermost(call) if call else None
            path = "/".join(one.text for one in view.stack(around)) if around else None
            return path, call.name if call else None

        for (path, name), group in grouped(alive, lambda one: place(one[2])).items():
            sizes = [size for _, size, _ in group]
            rows.append(
                {
                    "pid": process & 0xFFFFFF,
                    "gpu_id": gpu,
                    "memory_kind": kind,
                    "at_ns": moment or 0,
                    "range_path": path,
                    "allocated_by": name,
                    "allocations": len(group),
                    "alive_bytes": sum(sizes),
                    "share_pct": percent(sum(sizes), sum(size for _, size, _ in alive)),
                    "max_bytes": max(sizes),
                    "oldest_ns": min(since for since, _, _ in group),
                }
            )
    return rows


@answers(
    "memory_peaks",
    *each("memory", "GPU memory", "*", range="*", limit=None),
    {"range": "attn", "memory": "Pinned", "limit": None},
)
def memory_peaks(view: View, range_: str, memory: str, limit: None) -> list[Row]:
    rows = []
    for (process, gpu, kind), use in _uses(view, memory).items():
        ranges = [one for one in view.closed if one.process == process and range_ in ("*", one.text)]
        for text, group in grouped(ranges, lambda one: one.text).items():
            told = [(*use.peak(one.start, one.end), one) for one in group]
            most, at, of = max(told, key=lambda one: (one[0], -one[1], -one[2].id))
            rows.append(
                {
                    "range": text,
                    "pid": process & 0xFFFFFF,
                    "gpu_id": gpu,
                    "memory_kind": kind,
                    "instances": len(group),
                    "peak_bytes": most,
                    "peak_ns": at,
                    "start_bytes": use.left(of.start),
                    "grown_bytes": most - use.left(of.start),
                    "mean_peak_bytes": sum(peak for peak, _, _ in told) / len(told),
                    "kept_bytes": sum(use.left(one.end + 1) - use.left(one.start) for one in group),
                }
            )
    return rows


# --- managed memory -------------------------------------------------------------------------------------


def _pages(view: View) -> dict[int, Row]:
    rows: dict[int, Row] = {}
    #: Whether faults of the CPU, and of GPUs, were recorded at all.
    told = {fault.device is None for fault in view.trace.faults}
    for page in [work.address for work in view.memory if work.address] + [
        fault.address for fault in view.faults
    ]:
        moved = [work for work in view.memory if work.address == page]
        rows[page] = {
            "to_device_bytes": sum(
                work.bytes for work in moved if work.copy_kind == "Unified Host-to-Device"
            ),
            "to_host_bytes": sum(work.bytes for work in moved if work.copy_kind == "Unified Device-to-Host"),
            "cpu_page_faults": sum(fault.address == page and fault.device is None for fault in view.faults)
            if True in told
            else None,
            "gpu_page_faults": sum(
                fault.count for fault in view.faults if fault.address == page and fault.device is not None
            )
            if False in told
            else None,
            "moving_ns": sum(work.duration for work in moved),
        }
    return rows


@answers("um_sum", {"limit": None})
def um_sum(view: View, limit: None) -> list[Row]:
    return [
        {
            "virtual_address": hex(page),
            **row,
            "bytes_per_s": per_second(row["to_device_bytes"] + row["to_host_bytes"], row["moving_ns"]),
        }
        for page, row in _pages(view).items()
    ]


@answers("um_total_sum")
def um_total_sum(view: View) -> list[Row]:
    pages = _pages(view)
    if not pages:
        return []
    names = ("to_device_bytes", "to_host_bytes", "cpu_page_faults", "gpu_page_faults")
    return [
        {
            **{
                name: None if None in (told := [row[name] for row in pages.values()]) else sum(told)
                for name in names
            },
            "min_virtual_address": hex(min(pages)),
            "max_virtual_address": hex(max(pages)),
        }
    ]


#: Why managed memory migrates, by CUPTI's numbers.
CAUSES = ("Unknown", "User prefetch", "Page fault", "Speculative prefetch", "Eviction", "Access counters")


@answers("um_migrations")
def um_migrations(view: View) -> list[Row]:
    moved = [work for work in view.memory if work.address]
    return [
        {
            "migration_cause": CAUSES[cause],
            "copy_kind": kind,
            "migrations": len(group),
            "total_bytes": (size := sum(work.bytes for work in group)),
            "share_pct": percent(size, sum(work.bytes for work in moved)),
            "avg_bytes": size / len(group),
            "total_ns": (taken := sum(work.duration for work in group)),
            "bytes_per_s": per_second(size, taken),
        }
        for (cause, kind), group in grouped(moved, lambda work: (work.cause, work.copy_kind)).items()
    ]


@answers("um_cpu_page_faults_sum")
def um_cpu_page_faults_sum(view: View) -> list[Row]:
    faults = [fault for fault in view.faults if fault.device is None]
    return [
        {
            "cpu_page_faults": len(group),
            "instruction": instruction,
            "source_file": PurePosixPath(file).name if file else None,
            "source_line": line,
        }
        for (instruction, file, line), group in grouped(
            faults, lambda fault: (fault.instruction, fault.file, fault.line)
        ).items()
    ]
