"""Copies, memsets and managed memory."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from oracle.arithmetic import Row, grouped, per_second, percent, spread
from oracle.asked import answers

if TYPE_CHECKING:
    from oracle.trace import View


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


# --- managed memory -------------------------------------------------------------------------------------


def _pages(view: View) -> dict[int, Row]:
    rows: dict[int, Row] = {}
    for page in [work.address for work in view.memory if work.address] + [
        fault.address for fault in view.faults
    ]:
        moved = [work for work in view.memory if work.address == page]
        rows[page] = {
            "to_device_bytes": sum(
                work.bytes for work in moved if work.copy_kind == "Unified Host-to-Device"
            ),
            "to_host_bytes": sum(work.bytes for work in moved if work.copy_kind == "Unified Device-to-Host"),
            "cpu_page_faults": sum(fault.address == page and fault.device is None for fault in view.faults),
            "gpu_page_faults": sum(
                fault.count for fault in view.faults if fault.address == page and fault.device is not None
            ),
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
            **{name: sum(row[name] for row in pages.values()) for name in names},
            "min_virtual_address": hex(min(pages)),
            "max_virtual_address": hex(max(pages)),
        }
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
