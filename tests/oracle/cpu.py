"""Stacks and scheduling: samples, places that call and launch, threads on and off CPUs."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from oracle.arithmetic import Row, grouped, percent
from oracle.asked import answers, each
from oracle.gpu import gaps, lanes
from oracle.steps import steps as found_steps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oracle.trace import Look, Operation, Range, View


def _called(frame: str) -> str:
    """What an answer calls a frame, ``function@module`` or ``function@file:line``."""
    function, _, place = frame.partition("@")
    holder = place.partition(":")[0].rpartition("/")[2]
    if not function:
        return f"[{holder}]"
    return f"{function} ({holder})" if ":" in place else function


def _thread(view: View, process: int, tid: int) -> str | None:
    return next((name for *key, name in view.trace.threads if key == [process, tid]), None)


def _process(view: View, process: int) -> str | None:
    return dict(view.trace.processes).get(process)


def _root(view: View, look: Look, by: str) -> list[str]:
    pid = view.trace.pid_text(look.process)
    if by == "process":
        return [" ".join(filter(None, [_process(view, look.process), f"process {pid}"]))]
    name = _thread(view, look.process, look.tid)
    told = " ".join(filter(None, [name, f"thread {look.tid} of process {pid}"]))
    return [told] if by == "thread" else []


@answers(
    "cpu_flame_graph",
    *each("by", "trace", "process", "thread", samples="cpu", thread="*", min_pct=0),
    {"samples": "python", "by": "trace", "thread": "1", "min_pct": 20},
)
def cpu_flame_graph(view: View, samples: str, by: str, thread: str, min_pct: float) -> list[Row]:
    paths = [
        (*_root(view, look, by), *(map(_called, reversed(look.frames)) if look.frames else ["[no stack]"]))
        for look in view.looks
        if look.kind == samples and thread in ("*", str(look.tid))
    ]
    rows = []
    for place in {path[:level] for path in paths for level in range(1, len(path) + 1)}:
        total = sum(path[: len(place)] == place for path in paths)
        own = paths.count(place)
        if 100 * total < min_pct * len(paths):
            continue
        rows.append(
            {
                "frame": place[-1],
                "stack_level": len(place),
                "self_samples": own,
                "total_samples": total,
                "self_pct": percent(own, len(paths)),
                "total_pct": percent(total, len(paths)),
                # Those of places that come before it, and that do not lie above it.
                "first_sample": sum(path < place for path in paths),
                "path": ";".join(place),
            }
        )
    return rows


@answers("thread_activity")
def thread_activity(view: View) -> list[Row]:
    rows = []
    for (process, tid), states in grouped(view.states, lambda one: (one.process, one.tid)).items():
        runs = [one for one in states if one.is_on]
        on = [one.end - one.start for one in runs if one.end is not None]
        off = [one.end - one.start for one in states if not one.is_on and one.end is not None]
        rows.append(
            {
                "pid": process & 0xFFFFFF,
                "tid": tid,
                "thread": _thread(view, process, tid),
                "on_cpu_ns": sum(on),
                "off_cpu_ns": sum(off),
                "on_cpu_pct": percent(sum(on), sum(on) + sum(off)),
                "runs": len(runs),
                "avg_run_ns": sum(on) / len(on) if on else None,
                "longest_wait_ns": max(off, default=None),
                "migrations": sum(now.is_on and now.cpu != before.cpu for before, now in pairwise(states)),
                "cpus": len({one.cpu for one in runs}),
            }
        )
    return rows


def _moments(events: Iterable[tuple[int, int | None]], gap: range) -> int:
    """How many moments of a gap lie in events, each event by itself."""
    return sum(
        len(range(max(start, gap.start), min(gap.stop if end is None else end, gap.stop)))
        for start, end in events
    )


@answers("cpu_in_gap", *each("gap", 1, 2, limit=None))
def cpu_in_gap(view: View, gap: int, limit: None) -> list[Row]:
    found = sorted(
        (
            (start - end, start, following.gpu, end, following)
            for lane in lanes(view.operations, "gpu").values()
            for start, end, following in gaps(lane)
        ),
        key=lambda one: one[:3],
    )
    if len(found) < gap:
        return []
    _, start, _, end, following = found[gap - 1]
    idle, process = range(start, end), following.process
    done: dict[tuple[str, int, str], list[tuple[int, int | None]]] = {}
    for kind, calls in (("API calls", view.calls), ("OS calls", view.os_calls)):
        for call in calls:
            if call.process == process:
                done.setdefault((kind, call.tid, call.name), []).append((call.start, call.end))
    states = [one for one in view.states if one.process == process]
    for state in states:
        # How the last event of a thread left it, it stays.
        is_last = state is [one for one in states if one.tid == state.tid][-1]
        if state.end is not None or (is_last and state.state != "Terminated"):
            what = "on the CPU" if state.is_on else "off the CPU"
            done.setdefault(("scheduling", state.tid, what), []).append((state.start, state.end))
    shared = {
        "gap_start_ns": start,
        "gap_ns": end - start,
        "next_operation": following.called("distinct"),
        "pid": process & 0xFFFFFF,
    }
    rows = []
    for (kind, tid, what), events in done.items():
        meeting = [one for one in events if one[0] < end and (end if one[1] is None else one[1]) > start]
        if meeting:
            overlap = _moments(meeting, idle)
            rows.append(
                {
                    **shared,
                    "kind": kind,
                    "tid": tid,
                    "thread": _thread(view, process, tid),
                    "what": what,
                    "events": len(meeting),
                    "overlap_ns": overlap,
                    "share_pct": percent(overlap, end - start),
                }
            )
    for kind, word in (("cpu", "CPU samples"), ("python", "Python samples")):
        looks = [
            one for one in view.looks if one.kind == kind and one.process == process and one.time in idle
        ]
        counted = Counter((one.tid, _called(one.frames[0]) if one.frames else "[no stack]") for one in looks)
        rows += [
            {
                **shared,
                "kind": word,
                "tid": tid,
                "thread": _thread(view, process, tid),
                "what": what,
                "events": events,
                "overlap_ns": None,
                "share_pct": percent(events, len(looks)),
            }
            for (tid, what), events in counted.items()
        ]
    return rows


def _python(frames: tuple[str, ...], most: int | None) -> str | None:
    """A stack of Python in words."""
    return " < ".join(" in ".join(frame.split("@")) for frame in frames[:most]) or None


@answers(
    "python_calls",
    {"function": "*", "frames": None, "limit": None},
    {"function": "cudaLaunch*", "frames": 1, "limit": None},
)
def python_calls(view: View, function: str, frames: int | None, limit: None) -> list[Row]:
    whole = sum(call.end - call.start for call in view.calls)
    rows = []
    told = [call for call in view.calls if call.python and call.name.startswith(function.rstrip("*"))]
    for (name, stack), calls in grouped(told, lambda call: (call.name, _python(call.python, frames))).items():
        ids = {call.id for call in calls}
        launched = [work.duration for work in view.operations if work.call and work.call.id in ids]
        lengths = [call.end - call.start for call in calls]
        rows.append(
            {
                "function": name,
                "calls": len(calls),
                "total_ns": sum(lengths),
                "share_pct": percent(sum(lengths), whole),
                "max_ns": max(lengths),
                "gpu_ns": sum(launched) if launched else None,
                "python_stack": stack,
            }
        )
    return rows


@answers(
    "launch_sites",
    {"kernel": "*", "names": "distinct", "frames": None, "limit": None},
    {"kernel": "s*", "names": "short", "frames": 1, "limit": None},
)
def launch_sites(view: View, kernel: str, names: str, frames: int | None, limit: None) -> list[Row]:
    whole = sum(work.duration for work in view.kernels)
    rows = []

    def place(work: Operation) -> tuple[str, str | None, str | None]:
        # The innermost native frame is CUDA's own.
        native = " < ".join(map(_called, work.call.stack[1:][:frames])) if work.call else ""
        return work.called(names), _python(work.call.python, frames) if work.call else None, native or None

    for (name, python, native), works in grouped(view.kernels, place).items():
        if not name.startswith(kernel.rstrip("*")):
            continue
        rows.append(
            {
                "kernel": name,
                "kernels": len(works),
                "launches": len({work.call.id for work in works if work.call}),
                "gpu_ns": sum(work.duration for work in works),
                "share_pct": percent(sum(work.duration for work in works), whole),
                "python_stack": python,
                "native_stack": native,
                "lacks": None
                if python or native
                else "stack of calls (--cudabacktrace=all, of Python --python-backtrace=cuda)",
            }
        )
    return rows


@answers(
    "slowest_steps",
    *each("by", "thread", "process", step=None, samples="*", steps=3, limit=None),
    {"step": "attn", "by": "thread", "samples": "python", "steps": 1, "limit": None},
)
def slowest_steps(view: View, step: str | None, by: str, samples: str, steps: int, limit: None) -> list[Row]:
    found = sorted(
        (one for one in found_steps(view, step) if one.duration is not None),
        key=lambda one: (-(one.duration or 0), one.start, one.id),
    )
    everywhere = found_steps(view, step)
    kinds = [kind for kind in ("cpu", "python") if samples in ("*", kind)]

    def looks(one: Range, kind: str) -> list[Look]:
        return [
            look
            for look in view.looks
            if look.kind == kind
            and look.process == one.process
            and (by == "process" or look.tid == one.tid)
            and one.start <= look.time < one.until
        ]

    def frames(look: Look) -> list[str]:
        return [_called(frame) for frame in look.frames] or ["[no stack]"]

    rows = []
    for one in found[:steps]:
        others = [other for other in found if (other.process, other.tid) == (one.process, one.tid)]
        of_thread = sorted(
            (other.start, other.id)
            for other in everywhere
            if (other.process, other.tid) == (one.process, one.tid)
        )
        median = float(np.median([other.duration for other in others]))
        told = {
            "pid": one.process & 0xFFFFFF,
            "tid": one.tid,
            "step": of_thread.index((one.start, one.id)),
            "range": one.text,
            "start_ns": one.start,
            "duration_ns": one.duration,
            "median_ns": median,
            "slower_pct": percent(one.duration - median, median),
        }
        nothing = dict.fromkeys(
            ("kind", "frame", "self_samples", "median_self_samples", "total_samples", "median_total_samples",
             "total_pct")
        )  # fmt: skip
        if not any(looks(one, kind) for kind in kinds):
            is_known = any(look.kind in kinds for look in view.trace.looks)
            rows.append({**told, **nothing, "step_samples": 0 if is_known else None})
        for kind in kinds:
            stacks = [frames(look) for look in looks(one, kind)]
            beside = [[frames(look) for look in looks(other, kind)] for other in others]
            for frame in {frame for stack in stacks for frame in stack}:
                total = sum(frame in stack for stack in stacks)
                rows.append(
                    {
                        **told,
                        "kind": {"cpu": "CPU samples", "python": "Python samples"}[kind],
                        "step_samples": len(stacks),
                        "frame": frame,
                        "self_samples": sum(stack[0] == frame for stack in stacks),
                        "median_self_samples": float(
                            np.median([sum(stack[0] == frame for stack in other) for other in beside])
                        ),
                        "total_samples": total,
                        "median_total_samples": float(
                            np.median([sum(frame in stack for stack in other) for other in beside])
                        ),
                        "total_pct": percent(total, len(stacks)),
                    }
                )
    return rows
