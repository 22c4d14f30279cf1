"""What is sampled: power and clocks of steps, links beside collectives, counters over time; and whose a GPU is."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, NamedTuple

from oracle.arithmetic import Row, grouped, mean, moments, percent
from oracle.asked import answers, each
from oracle.gpu import busy_moments
from oracle.nccl import communicates, steps_on_gpus
from oracle.steps import steps, told_by_kernels
from oracle.trace import CLOCK, LINK, LINK_PEAKS, METRIC_UNIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from oracle.trace import Switch, View

_TOKENS = re.compile(r"execute_context_\d+\((\d+)\)_generation_\d+\((\d+)\)")


def listed(view: View) -> set[int]:
    """The GPUs that the report lists: of others it does not tell which a sample of NVML is of."""
    return {gpu for gpus in view.trace.visible.values() for gpu in gpus}


def in_moments(samples: Iterable[tuple[int, float]], *, behind: bool) -> dict[int, float]:
    """Moment → the value of the sample behind it or before it, for those that lie between two samples."""
    ordered = sorted(samples)
    return {
        moment: value if behind else earlier
        for (before, earlier), (at, value) in itertools.pairwise(ordered)
        for moment in range(before, at)
    }


@answers("power_per_step", *each("by", "thread", "process", step=None), {"by": "thread", "step": "attn"})
def power_per_step(view: View, by: str, step: str | None) -> list[Row]:
    rows = []
    watts = {
        gpu: in_moments(((one.time, one.watts) for one in group), behind=True)
        for gpu, group in grouped(view.powers, lambda one: one.gpu).items()
        if gpu in listed(view)
    }
    clocks = {
        gpu: in_moments(((one.time, one.mhz) for one in group), behind=False)
        for gpu, group in grouped(view.samples, lambda one: one.gpu).items()
    }
    for gpu, process, number, text, start, end, _ in steps_on_gpus(view, by, step):
        # A single sample tells of no time, but that there was one.
        if gpu not in watts:
            continue
        known = [watts[gpu][moment] for moment in range(start, end) if moment in watts[gpu]]
        clock = [clocks[gpu][m] for m in range(start, end) if gpu in clocks and m in clocks[gpu]]
        joules = 1e-9 * sum(known) if known else None
        match = _TOKENS.match(text)
        tokens = int(match[1]) + int(match[2]) if match else None
        is_whole = joules is not None and len(known) == end - start
        rows.append(
            {
                "gpu_id": gpu,
                "pid": process & 0xFFFFFF,
                "step": number,
                "range": text,
                "start_ns": start,
                "span_ns": end - start,
                "avg_power_w": mean(known) if known else None,
                "max_power_w": max(known, default=None),
                "power_known_pct": percent(len(known), end - start),
                "energy_j": joules,
                "avg_clock_hz": 1e6 * mean(clock) if clock else None,
                "tokens": tokens,
                "energy_j_per_token": joules / tokens if is_whole and tokens else None,
            }
        )
    return rows


@answers("link_bandwidth", {"metric": "NVLink TX*"})
def link_bandwidth(view: View, metric: str) -> list[Row]:
    rows = []
    for gpu, group in grouped(view.samples, lambda one: one.gpu).items():
        values = [one.values[LINK, METRIC_UNIT] for one in group]
        known = in_moments(((one.time, one.values[LINK, METRIC_UNIT]) for one in group), behind=False)
        talking = busy_moments(one for one in view.kernels if communicates(one) and one.gpu == gpu)
        inside = [known[moment] for moment in talking & known.keys()]
        peak = LINK_PEAKS[gpu] if gpu in listed(view) else None

        def in_bytes(share: float | None, peak: float | None = peak) -> float | None:
            return None if share is None or peak is None else share * peak / 100

        average = mean(known.values()) if known else None
        beside = mean(inside) if inside else None
        rows.append(
            {
                "device": None,
                "gpu_id": gpu,
                "metric": LINK,
                "samples": len(values),
                "avg_bytes_per_s": in_bytes(average),
                "max_bytes_per_s": in_bytes(max(values)),
                "collective_ns": len(inside),
                "collective_bytes_per_s": in_bytes(beside),
                "peak_bytes_per_s": peak,
                "avg_pct": average,
                "collective_pct": beside,
            }
        )
    return rows


class _Run(NamedTuple):
    """A kernel or call that communicates: whose row it is in, where and when it ran, and its message."""

    row: tuple[str, str | None, int | None, int | None, int | None, int | None, int | None]
    gpu: int | None
    start: int
    end: int
    size: int | None


def _collectives(view: View, by: str, step: str | None) -> Iterator[_Run]:
    begun: list[tuple[int, int, int, int]] = []
    if by == "step":
        of_ranges = steps_on_gpus(view, "thread", step)
        begun += [(gpu, process, number, start) for gpu, process, number, _, start, *_ in of_ranges]
        begun += told_by_kernels(view, step)
    for work in filter(communicates, view.kernels):
        # What NCCL tells is in the range around the call that launched the kernel.
        held = view.innermost(work.call) if work.call else None
        function = held.text if held and held.style == "pushpop" and held.text.startswith("nccl") else None
        message = work.message if function else None
        before = [
            number
            for gpu, process, number, start in begun
            if (gpu, process) == (work.gpu, work.process) and start <= work.start
        ]
        yield _Run(
            (
                function or work.called("short"),
                hex(message.communicator) if message else None,
                None if by == "function" else work.process,
                work.device if by in ("stream", "run") else None,
                work.stream if by in ("stream", "run") else None,
                max(before, default=None),
                work.id if by == "run" else None,
            ),
            work.gpu,
            work.start,
            work.end,
            message.size if message else None,
        )
    told = steps(view, step) if by == "step" else []
    for number, call in enumerate(view.library_calls):
        if call.library != "MPI" or call.kind != "collectives":
            continue
        ordered = sorted((one.start, one.id, one.until) for one in told if one.process == call.process)
        still_open = [place for place, (start, _, until) in enumerate(ordered) if start <= call.start < until]
        sizes = [dict(part)["size"] for part in call.parts if "size" in dict(part)]
        yield _Run(
            (
                call.name,
                None,
                call.process,
                None,
                None,
                max(still_open, default=None),
                -number if by == "run" else None,
            ),
            None,
            call.start,
            call.end,
            sum(sizes) if sizes else None,
        )


@answers(
    "collective_links",
    *each("by", "function", "stream", "step", "run", step=None, metric="NVLink TX*", limit=None),
    {"by": "step", "step": "attn", "metric": "*", "limit": None},
)
def collective_links(view: View, by: str, step: str | None, metric: str, limit: None) -> list[Row]:
    rows = []
    runs = list(_collectives(view, by, step))
    for gpu, group in grouped(view.samples, lambda one: one.gpu).items():
        known = in_moments(((one.time, one.values[LINK, METRIC_UNIT]) for one in group), behind=False)
        here = [run for run in runs if run.gpu in (gpu, None)]
        outside = known.keys() - moments((run.start, run.end) for run in here)
        peak = LINK_PEAKS[gpu] if gpu in listed(view) else None
        for (name, communicator, process, device, stream, number, _), some in grouped(
            here, lambda run: run.row
        ).items():
            busy = moments((run.start, run.end) for run in some)
            shares = {
                "avg": mean(known[moment] for moment in busy & known.keys()),
                "max": max((known[moment] for moment in busy & known.keys()), default=None),
                "outside": mean(known[moment] for moment in outside),
            }
            sizes = [run.size for run in some if run.size is not None]
            rows.append(
                {
                    "collective": name,
                    "communicator": communicator,
                    "pid": None if process is None else process & 0xFFFFFF,
                    "device_id": device,
                    "stream_id": stream,
                    "step": number,
                    "start_ns": min(run.start for run in some),
                    "device": None,
                    "gpu_id": gpu,
                    "metric": LINK,
                    "collectives": len(some),
                    "busy_ns": len(busy),
                    "known_ns": len(busy & known.keys()),
                    "message_bytes": sum(sizes) if sizes else None,
                    "sized": len(sizes),
                    **{
                        f"{what}_bytes_per_s": None if share is None or peak is None else share * peak / 100
                        for what, share in shares.items()
                    },
                    "peak_bytes_per_s": peak,
                    **{f"{what}_pct": share for what, share in shares.items()},
                }
            )
    return rows


@answers(
    "counters_over_time",
    {"metric": "*", "source": "*", "parts": 400},
    {"metric": "Power", "source": "nv*", "parts": 3},
    {"metric": CLOCK, "source": "gpu", "parts": 7},
)
def counters_over_time(view: View, metric: str, source: str, parts: int) -> list[Row]:
    found = [
        (one.time, float(value), ("gpu", None, one.gpu, name, unit))
        for one in view.samples
        for (name, unit), value in one.values.items()
        if metric in ("*", name) and source in ("*", "gpu")
    ]
    found += [
        (
            one.time,
            float(one.watts),
            (
                "nvml",
                f"GPU (0000:0{one.gpu}:00.0 - NVIDIA)",
                one.gpu if one.gpu in listed(view) else None,
                "Power",
                "W",
            ),
        )
        for one in view.powers
        if metric in ("*", "Power") and source in ("*", "nv*")
    ]
    found = [one for one in found if one[0] >= 0]
    if not found:
        return []
    first = min(at for at, _, _ in found) if view.since is None else view.since
    last = max(at for at, _, _ in found) + 1 if view.until is None else view.until
    width = max(-(-(last - first) // parts), 1)
    rows = []
    of_parts = grouped(found, lambda one: (one[2], first + (one[0] - first) // width * width))
    for ((source_, device, gpu, name, unit), since), group in of_parts.items():
        values = [value for _, value, _ in group]
        rows.append(
            {
                "source": source_,
                "device": device,
                "gpu_id": gpu,
                "metric": name,
                "unit": unit,
                "time_ns": since,
                "samples": len(values),
                "avg": mean(values),
                "min": min(values),
                "max": max(values),
            }
        )
    return rows


def slices(switches: Iterable[Switch]) -> list[tuple[int | None, int | None]]:
    """Start and end of the time slices of one context, as far as they were recorded."""
    found: list[tuple[int | None, int | None]] = []
    begun = None
    for one in switches:
        if one.begins:
            if begun is not None:
                found.append((begun, None))
            begun = one.time
        else:
            found.append((begun, one.time))
            begun = None
    return [*found, *([(begun, None)] if begun is not None else [])]


@answers("gpu_context_switches")
def gpu_context_switches(view: View) -> list[Row]:
    rows = []
    programs = dict(view.trace.processes)
    for (gpu, process), group in grouped(view.switches, lambda one: (one.gpu, one.process)).items():
        span = [one.time for one in view.switches if one.gpu == gpu]
        found = slices(group)
        timed = [end - start for start, end in found if start is not None and end is not None]
        waits = [
            later[0] - earlier[1]
            for earlier, later in itertools.pairwise(found)
            if later[0] is not None and earlier[1] is not None
        ]
        rows.append(
            {
                "gpu_id": gpu,
                "owner_pid": process & 0xFFFFFF,
                "process": programs.get(process) if _is_active(view, process) else None,
                "contexts": 1,
                "slices": len(found),
                "cut": len(found) - len(timed),
                "total_ns": sum(timed),
                "share_pct": percent(sum(timed), max(span) - min(span)),
                "avg_ns": mean(timed) if timed else None,
                "max_ns": max(timed, default=None),
                "max_wait_ns": max(waits, default=None),
            }
        )
    return rows


def _is_active(view: View, process: int) -> bool:
    """Whether the trace holds anything of the process: that decides for the whole trace."""
    return process in dict(view.trace.processes)


@answers(
    "nvtx_payloads",
    {"range": "*", "field": "*", "limit": None},
    {"range": "ncclAllReduce", "field": "Message*", "limit": None},
)
def nvtx_payloads(view: View, range_: str, field: str, limit: None) -> list[Row]:
    rows = []
    for one in view.ranges:
        if one.message is None or range_ not in ("*", one.text):
            continue
        told = {"NCCL communicator ID": one.message.communicator, "Message size [bytes]": one.message.size}
        rows += [
            {
                "domain": "NCCL",
                "range": one.text,
                "range_id": one.id,
                "start_ns": one.start,
                "field": name,
                "value": float(value),
                "value_text": str(value),
            }
            for name, value in told.items()
            if field == "*" or name.startswith("Message")
        ]
    return rows
