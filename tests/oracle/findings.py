"""Rules of findings: what is wrong, from what the oracles of the questions count that they ask."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from oracle.api import cuda_memcpy_async, cuda_memcpy_sync
from oracle.arithmetic import Row, grouped, mean, moments, per_second, percent
from oracle.asked import answers, each
from oracle.drawn import STEPS
from oracle.gpu import gaps, gaps_before_launches, lanes, span
from oracle.kernels import kernel_drift, kernel_sum
from oracle.nccl import communicates, communication_overlap, delays_of_ranks
from oracle.steps import in_order, pattern, step_summary, step_work, steps_with_work
from oracle.trace import CUDA_FLOP_PER_S, TENSOR_FLOP_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oracle.trace import Operation, View

_WAITS = re.compile(r"cu(da)?(Device|Stream|Event)Synchronize")
_ALLOCATES = re.compile(r"cu(da)?(Malloc|Free)")
_SLEEPS = {"poll", "read"}
_COPIES = re.compile(r"cu(da)?(Memcpy|Memset)")


def _whole(view: View) -> int:
    """From the first to the last operation of each GPU, without the gaps of start-up."""
    spans = map(span, lanes(view.operations, "gpu").values())
    started = sum(gap.end - gap.start for gap in _paid_once(view) if gap.is_once)
    return sum(last - first for first, last in spans) - started


class _Once(NamedTuple):
    """A gap of start-up, or one in a step in which code is loaded."""

    gpu: int
    start: int
    end: int
    is_once: bool
    loaded_by: str | None
    #: When the first step behind warm-up is at work, and its text.
    first: tuple[int, str] | None


def _steady_steps(view: View) -> dict[int, list[Row]]:
    """Process → its steps behind warm-up that have work on a GPU, if these are a third of what it does, or three."""
    steady: dict[int, list[Row]] = {}
    for step, process in steps_with_work(view, None, "thread"):
        if step["gpu_start_ns"] is not None and not step["is_warm_up"]:
            steady.setdefault(process, []).append(step)

    def is_doubtful(process: int, steps: list[Row]) -> bool:
        first = min(step["gpu_start_ns"] for step in steps)
        after = sum(one.process == process and one.start >= first for one in view.operations)
        return len(steps) < 3 and after > 3 * sum(step["gpu_operations"] for step in steps)

    return {process: steps for process, steps in steady.items() if not is_doubtful(process, steps)}


def _behind_start_up(view: View) -> set[Operation]:
    """What runs on GPUs without what begins before the first step behind warm-up of its process."""
    firsts = {
        process: min(step["gpu_start_ns"] for step in steps) for process, steps in _steady_steps(view).items()
    }
    return {work for work in view.operations if work.start >= firsts.get(work.process, work.start)}


def _paid_once(view: View) -> list[_Once]:
    steady = _steady_steps(view)
    # Of a GPU, those before an operation of a process.
    by_process = grouped(
        (
            (lane[0].gpu, following.process, start, end)
            for lane in lanes(view.operations, "gpu").values()
            for start, end, following in gaps(lane)
        ),
        lambda one: one[:2],
    )
    found = []
    for (gpu, process), some in by_process.items():
        steps = steady.get(process, [])
        first = min(((step["gpu_start_ns"], _pattern_of(step)) for step in steps), default=None)
        loads: dict[int, list[str]] = {}
        for call in view.calls:
            if call.process == process and call.name.startswith(("cuModuleLoad", "cuLibraryLoad")):
                reached = max((gap for gap in some if gap[2] < call.end), default=None)
                if reached and call.start < reached[3]:
                    loads.setdefault(reached[2], []).append(call.name)
        for _, _, start, end in some:
            is_early = first is not None and end <= first[0]
            if is_early or start in loads:
                in_steps = any(
                    step["gpu_start_ns"] <= end <= step["gpu_start_ns"] + step["gpu_span_ns"]
                    for step in steps
                )
                loaded_by = _most_frequent(loads[start]) if start in loads else None
                found.append(_Once(gpu, start, end, is_early or not in_steps, loaded_by, first))
    return found


def _found(code: str, saving_ns: float, whole_ns: int, least_pct: float, **told: Any) -> list[Row]:
    """A finding, if it costs enough of the time."""
    share = percent(saving_ns, whole_ns)
    if share is None or share < least_pct:
        return []
    severity = "high" if share >= 20 else "medium" if share >= 5 else "low"
    numbers = {name: None if value is None else float(value) for name, value in told.pop("numbers").items()}
    nowhere = {"texts": {}, "range": None, "start_ns": None, "end_ns": None}
    found = {"code": code, "severity": severity, "saving_ns": saving_ns, "saving_pct": share}
    return [{**found, "numbers": numbers, **nowhere, **told}]


# --- kernels and copies -----------------------------------------------------------------------------------


@answers("small_kernels", {"short_ns": 10, "often": 2, "least_pct": 0})
def small_kernels(view: View, short_ns: int, often: int, least_pct: float) -> list[Row]:
    behind = _behind_start_up(view)
    steady = replace(view, operations=[work for work in view.operations if work in behind])
    rows = kernel_sum(steady, "distinct")
    short = [row for row in rows if row["median_ns"] < short_ns]
    instances = sum(row["instances"] for row in short)
    if instances < often:
        return []
    took = sum(row["total_ns"] for row in short)
    numbers = {
        "kernels": sum(row["instances"] for row in rows),
        "short_kernels": instances,
        "short_kernels_ns": took,
        "short_ns": short_ns,
    }
    most = max(short, key=lambda row: (row["total_ns"], row["kernel"]))["kernel"]
    names = {row["kernel"] for row in short}
    runs = [work for work in steady.kernels if work.kernel.distinct in names]
    return _found(
        "small_kernels",
        took,
        _whole(view),
        least_pct,
        numbers=numbers,
        texts={"kernel": most},
        start_ns=min(work.start for work in runs),
        end_ns=max(work.end for work in runs),
    )


@answers("kernel_drift", {"kernel": "*", "names": "distinct", "fewest": 2, "limit": None, "start_up": False})
def drifting_behind_start_up(
    view: View, kernel: str, names: str, fewest: int, limit: None, *, start_up: bool
) -> list[Row]:
    assert not start_up
    behind = _behind_start_up(view)
    steady = replace(view, operations=[work for work in view.operations if work in behind])
    return kernel_drift(steady, kernel, names, fewest, limit)


@answers(
    "slowing_kernels",
    {"slower_pct": 0, "steady_pct": 0, "short_ns": 0, "fewest": 2, "least_pct": 0},
    {"slower_pct": 20, "steady_pct": 0, "short_ns": 3, "fewest": 2, "least_pct": 1},
)
def slowing_kernels(
    view: View, slower_pct: float, steady_pct: float, short_ns: int, fewest: int, least_pct: float
) -> list[Row]:
    found: dict[str, list[Row]] = {}
    for row in drifting_behind_start_up(view, "*", "distinct", fewest, None, start_up=False):
        longer, clocks, steady = row["above_fast_pct"], row["clocks_pct"], row["steady_pct"]
        if longer is None or longer < slower_pct or row["median_ns"] < short_ns:
            continue
        if row["category"] == "communication":
            continue
        costs: float = row["above_fast_ns"]
        if clocks is not None and clocks >= 50:
            code = "throttled"
            costs *= min(clocks, 100) / 100
        elif row["category"] not in ("gemm", "conv") or (steady is not None and steady < steady_pct):
            continue
        else:
            code = "unclocked_drift" if clocks is None else "kernel_drift"
        found.setdefault(code, []).append({**row, "costs_ns": costs})
    rows = []
    for code, drifting in found.items():
        costs = round(sum(row["costs_ns"] for row in drifting))
        above, total = (sum(row[name] for row in drifting) for name in ("above_fast_ns", "total_ns"))
        numbers = {
            "kernels": len({row["kernel"] for row in drifting}),
            "longer_pct": percent(above, total - above),
            "max_ns": max(row["max_ns"] for row in drifting),
            "fast_clock_hz": _over_time(drifting, "fast_clock_hz"),
            "slow_clock_hz": _over_time(drifting, "slow_clock_hz"),
        }
        rows += _found(
            code,
            costs,
            _whole(view),
            least_pct,
            numbers=numbers,
            texts={"kernel": max(drifting, key=lambda row: (row["costs_ns"], row["kernel"]))["kernel"]},
            start_ns=min(row["start_ns"] for row in drifting),
            end_ns=max(row["end_ns"] for row in drifting),
        )
    return rows


def _over_time(rows: list[Row], column: str) -> float | None:
    """The mean of what is known, by the time for which it is."""
    known = [row for row in rows if row[column] is not None]
    total = sum(row["total_ns"] for row in known)
    return sum(row[column] * row["total_ns"] for row in known) / total if total else None


@answers("stragglers", {"communication": "*Clean*", "least_pct": 0})
def stragglers(view: View, communication: str, least_pct: float) -> list[Row]:
    behind = _behind_start_up(view)
    delays = delays_of_ranks(view, "short", behind)
    if not delays:
        return []
    parts = [part for part, _ in delays]
    ranks = {rank: [part for part, _ in some] for rank, some in grouped(delays, lambda one: one[1]).items()}
    waited = {rank: sum(part["waited_ns"] for part in some) for rank, some in ranks.items()}
    most = max((waited[rank], rank[0] & 0xFFFFFF, rank[1]) for rank in ranks)
    kernels = grouped(parts, lambda part: part["kernel"])
    numbers = {
        "waited_ns": sum(waited.values()),
        "collectives": max(sum(part["collectives"] for part in some) for some in ranks.values()),
        "pid": most[1],
        "device_id": most[2],
    }
    called = max((sum(part["waited_ns"] for part in some), name) for name, some in kernels.items())[1]
    ran = [
        work
        for work in view.kernels
        if work.round is not None and (work.process, work.device) in ranks and work in behind
    ]
    return _found(
        "straggler",
        sum(waited.values()),
        _whole(view),
        least_pct,
        numbers=numbers,
        texts={"kernel": called},
        start_ns=min(work.start for work in ran),
        end_ns=max(work.end for work in ran),
    )


@answers("copies_that_wait", {"least_pct": 0})
def copies_that_wait(view: View, least_pct: float) -> list[Row]:
    asked = {
        "pageable_copies": cuda_memcpy_async(view, None),
        "synchronous_copies": cuda_memcpy_sync(view, 65_536, None),
    }
    behind = _behind_start_up(view)
    early = {
        (work.start, work.process & 0xFFFFFF, work.device, work.stream)
        for work in view.memory
        if work not in behind
    }
    rows = []
    for code, found in asked.items():
        names = ("start_ns", "pid", "device_id", "stream_id")
        copies = [copy for copy in found if tuple(copy[name] for name in names) not in early]
        if copies:
            took, moved = (sum(copy[name] for copy in copies) for name in ("duration_ns", "bytes"))
            numbers = {
                "copies": len(copies),
                "copied_bytes": moved,
                "copy_ns": took,
                "copied_bytes_per_s": per_second(moved, took),
            }
            rows += _found(
                code,
                took,
                _whole(view),
                least_pct,
                numbers=numbers,
                texts={"functions": ", ".join(sorted({copy["function"] for copy in copies}))},
                start_ns=min(copy["start_ns"] for copy in copies),
                end_ns=max(copy["start_ns"] + copy["duration_ns"] for copy in copies),
            )
    return rows


def _most_frequent(names: Iterable[str]) -> str:
    """Of several the first one by the alphabet."""
    times = Counter(names)
    return min(times, key=lambda name: (-times[name], name))


@answers("cuda_core_products", {"least_pct": 0})
def cuda_core_products(view: View, least_pct: float) -> list[Row]:
    behind = _behind_start_up(view)
    kernels = [work for work in view.kernels if work in behind]
    products = [
        work
        for work in kernels
        # Of GPUs that nobody maps the name is not known.
        if work.kernel.short == "sgemm" and work.gpu == 0 and view.trace.visible
    ]
    if not products:
        return []
    took = sum(work.duration for work in products)
    times = TENSOR_FLOP_PER_S / CUDA_FLOP_PER_S
    numbers = {
        "instances": len(products),
        "gpu_ns": took,
        "share_pct": percent(took, sum(work.duration for work in kernels)),
        "times_faster": times,
    }
    return _found(
        "cuda_core_products",
        round(took * (1 - 1 / times)),
        _whole(view),
        least_pct,
        numbers=numbers,
        texts={"kernel": "sgemm"},
        start_ns=min(work.start for work in products),
        end_ns=max(work.end for work in products),
    )


# --- the GPU waits ----------------------------------------------------------------------------------------


@answers("waiting_gpu", {"host_ns": 4, "least_pct": 0})
def waiting_gpu(view: View, host_ns: int, least_pct: float) -> list[Row]:
    found = [
        {**gap, "thread": thread, "gpu": gpu}
        for gap, thread, gpu in gaps_before_launches(view, 0, 0, "distinct")
    ]
    once = {(gap.gpu, gap.start): gap for gap in _paid_once(view)}
    found = [gap for gap in found if not ((one := once.get(_place(gap))) and one.is_once)]
    caused = []
    for gap in found:
        cause = _cause(view, found, gap, host_ns)
        if cause and (one := once.get(_place(gap))):
            assert one.loaded_by
            cause = ("code_loading", one.loaded_by)
        if cause:
            caused.append((gap, *cause))
    rows = _started([gap for gap in once.values() if gap.is_once], _whole(view), least_pct)
    for code, group in grouped(caused, lambda one: one[1]).items():
        idle = [gap["duration_ns"] for gap, _, _ in group]
        rows += _found(
            code,
            sum(idle),
            _whole(view),
            least_pct,
            numbers={
                "idle_ns": sum(idle),
                "gaps": len(group),
                "gpus": len({gap["gpu"] for gap, _, _ in group}),
                "longest_ns": max(idle),
            },
            texts={"function": _mostly((function, gap["duration_ns"]) for gap, _, function in group)},
            range=_around_all(view, [gap for gap, _, _ in group]),
            start_ns=min(gap["start_ns"] for gap, _, _ in group),
            end_ns=max(gap["start_ns"] + gap["duration_ns"] for gap, _, _ in group),
        )
    return rows


def _longest(took: Counter[str]) -> str:
    """The function that took most time; of several the last one by the alphabet."""
    return max(took, key=lambda name: (took[name], name))


def _mostly(told: Iterable[tuple[str, int]]) -> str:
    """The function that tells most of the time, and whether it is all that tells some."""
    took: Counter[str] = Counter()
    for function, ns in told:
        took[function] += ns
    return _longest(took) + (" and others" if len(took) > 1 else "")


def _place(gap: Row) -> tuple[int, int]:
    return gap["gpu"], gap["start_ns"]


def _started(once: list[_Once], whole_ns: int, least_pct: float) -> list[Row]:
    if not once:
        return []
    took = [gap.end - gap.start for gap in once]
    first = min((gap.first for gap in once if gap.first), default=None)
    early = [gap for gap in once if gap.first and gap.end <= gap.first[0]]
    doing = [f"starts up, before its first step behind warm-up ({first[1]})"] if first and early else []
    if len(early) < len(once):
        doing.append("loads code outside of steps" if first else "loads code")
    rows = _found(
        "start_up",
        sum(took),
        whole_ns + sum(took),
        least_pct,
        numbers={
            "idle_ns": sum(took),
            "gaps": len(took),
            "gpus": len({gap.gpu for gap in once}),
            "longest_ns": max(took),
            "loading_ns": sum(gap.end - gap.start for gap in once if gap.loaded_by),
        },
        texts={"doing": ", or ".join(doing)},
        start_ns=min(gap.start for gap in once),
        end_ns=max(gap.end for gap in once),
    )
    return [{**row, "severity": "once"} for row in rows]


def _cause(view: View, found: list[Row], gap: Row, host_ns: int) -> tuple[str, str] | None:
    """Why the GPU waits in a gap, and the function that makes it."""
    if gap["before_call_ns"] + gap["in_call_ns"] == 0:
        return None

    def is_of(other: Row) -> bool:
        return other["thread"] == gap["thread"]

    # GPUs of one thread may run dry at the same moment: that is one gap, as long as the longest.
    ends: dict[int, int] = {}
    for other in filter(is_of, found):
        start = other["start_ns"]
        ends[start] = max(ends.get(start, 0), start + other["duration_ns"])
    start, end = gap["start_ns"], ends[gap["start_ns"]]
    spent: dict[str, set[int]] = {"sync": set(), "allocation": set()}
    names: dict[str, Counter[str]] = {"sync": Counter(), "allocation": Counter()}
    for call in view.calls:
        kind = "sync" if _WAITS.match(call.name) else "allocation" if _ALLOCATES.match(call.name) else None
        if kind is None or (call.process, call.tid) != gap["thread"]:
            continue
        # What a call calls is no time of its own, and not what one would leave out.
        if call.nested and call.layer == "driver":
            continue
        # A call makes the last gap that it reaches into.
        if max((at for at in ends if at < call.end), default=None) == start and call.start < end:
            spent[kind] |= moments([(max(call.start, start), min(call.end, end))])
            names[kind][call.name] += min(call.end, end) - max(call.start, start)
    called = max(
        other["start_ns"] + other["before_call_ns"]
        for other in filter(is_of, found)
        if other["start_ns"] == start
    )
    slept = _slept(view, gap["thread"], ends, start, called)
    own = gap["before_call_ns"] - len(spent["sync"]) - len(spent["allocation"])
    if 2 * len(spent["allocation"]) >= gap["duration_ns"]:
        return "allocation", _longest(names["allocation"])
    if own >= host_ns and slept and 2 * sum(took for took, _ in slept) >= gap["duration_ns"]:
        return "nothing_asked", max(slept)[1]
    if own >= host_ns and 2 * own >= gap["duration_ns"]:
        return "host_work", gap["function"]
    if spent["sync"]:
        return "sync", _longest(names["sync"])
    if _COPIES.match(gap["function"]) and 2 * gap["in_call_ns"] >= gap["duration_ns"]:
        return "copy", gap["function"]
    return "launch_bound", gap["function"]


def _slept(
    view: View, thread: tuple[int, int], ends: dict[int, int], start: int, called: int
) -> list[tuple[int, str]]:
    """For how long the thread slept in a gap before it launched, and in what; what CUDA's calls do aside."""
    calls = [call for call in view.calls if (call.process, call.tid) == thread]
    return [
        (min(one.end, called) - max(one.start, start), one.name)
        for one in view.os_calls
        if (one.process, one.tid) == thread
        and one.name in _SLEEPS
        and max((at for at in ends if at < one.end), default=None) == start
        and one.start < min(one.end, called)
        and not any(call.start <= one.start and one.end <= call.end for call in calls)
    ]


def _around_all(view: View, gaps: list[Row]) -> str | None:
    """The text that is open in the middle of each: of several, that of the shortest ranges."""
    took: Counter[str] = Counter()
    held: dict[str, set[int]] = {}
    for number, gap in enumerate(gaps):
        middle = gap["start_ns"] + gap["duration_ns"] // 2
        for one in view.closed:
            if (one.process, one.tid) == gap["thread"] and one.start <= middle <= one.until:
                held.setdefault(one.text, set()).add(number)
                took[one.text] += one.until - one.start
    around = [text for text, numbers in held.items() if len(numbers) == len(gaps)]
    return min(around, key=lambda text: (took[text], text), default=None)


# --- steps ------------------------------------------------------------------------------------------------


@answers("cpu_bound_steps", {"launches": 1, "waits": 1, "replays": 1, "idle_pct": 1, "least_pct": 0})
def cpu_bound_steps(
    view: View, launches: float, waits: float, replays: float, idle_pct: float, least_pct: float
) -> list[Row]:
    told = steps_with_work(view, None, "thread")
    steps = [step for step, _ in told]
    used_by = {id(step): {work.gpu for work in view.operations if work.process == by} for step, by in told}
    # When the GPU has nothing to do, whoever would launch it.
    without = {
        lane[0].gpu: {moment for start, end, _ in gaps(lane) for moment in range(start, end)}
        for lane in lanes(view.operations, "gpu").values()
    }
    ranges = in_order(view, None)
    made: dict[str, Counter[int]] = {"sync": Counter(), "replay": Counter()}
    for call in view.calls:
        # The driver's call is inside of one of the runtime.
        name = "" if call.layer == "driver" else call.name
        kind = "sync" if _WAITS.match(name) else "replay" if "GraphLaunch" in name else None
        for step, one in zip(steps, ranges, strict=True):
            if kind and one.holds(call, "thread"):
                made[kind][id(step)] += 1
    rows = []
    for (text, _), alike in grouped(steps, lambda step: (_pattern_of(step), step["phase"])).items():
        group, early = _warmed_up(alike)
        known = [step for step in group if step["gpu_span_ns"] is not None]
        launched = mean(step["launches"] for step in group if step["launches"] is not None)
        # Of steps that run beside each other the time counts once.
        within = {
            (gpu, moment)
            for step in known
            for gpu in used_by[id(step)]
            for moment in range(step["gpu_start_ns"], step["gpu_start_ns"] + step["gpu_span_ns"])
        }
        idle = sum(moment in without[gpu] for gpu, moment in within)
        share = percent(idle, len(within))
        counted = {kind: mean(times[id(step)] for step in group) or 0 for kind, times in made.items()}
        if launched is None or launched < launches or share is None or share < idle_pct:
            continue
        if counted["sync"] > waits or counted["replay"] > replays:
            continue
        rows += _found(
            "no_cuda_graphs",
            idle,
            _whole(view),
            least_pct,
            numbers={"steps": len(group), "launches_per_step": launched, "idle_pct": share},
            texts={"range": _after(text, early)},
            range=text,
            **_lasting(known),
        )
    return rows


def _pattern_of(step: Row) -> str:
    """Its text with numbers as *."""
    return pattern(step["range"])


def _warmed_up(steps: list[Row]) -> tuple[list[Row], int]:
    """Steps without those that are warm-up, and how many these are."""
    warm = [step for step in steps if not step["is_warm_up"]]
    return warm, len(steps) - len(warm)


def _after(text: str, early: int) -> str:
    return f"{text}, after {early} of warm-up" if early else text


def _lasting(steps: list[Row]) -> Row:
    """From the first to the last moment of the steps' GPU work."""
    return {
        "start_ns": min(step["gpu_start_ns"] for step in steps),
        "end_ns": max(step["gpu_start_ns"] + step["gpu_span_ns"] for step in steps),
    }


@answers("uneven_steps", {"times": 1.1, "fewest": 2, "least_pct": 0})
def uneven_steps(view: View, times: float, fewest: int, least_pct: float) -> list[Row]:
    # What processes do that only communicate: they wait.
    exposed: dict[int, set[int]] = {}
    for process, work in grouped(view.operations, lambda one: one.process).items():
        exposed[process] = _moments(filter(communicates, work)) - _moments(
            one for one in work if one.kind in ("kernel", "graph") and not communicates(one)
        )
    steps = []
    for step, process in steps_with_work(view, None, "thread"):
        if step["gpu_busy_ns"] is not None:
            start, end = step["gpu_start_ns"], step["gpu_start_ns"] + step["gpu_span_ns"]
            work = step["gpu_busy_ns"] - len(exposed[process] & set(range(start, end)))
            if work > 0:
                steps.append({**step, "process": process, "work": work})
    rows = []
    for (_, _, text, _), alike in grouped(
        steps, lambda step: (step["process"], step["tid"], _pattern_of(step), step["phase"])
    ).items():
        group, early = _warmed_up(alike)
        if len(group) < fewest:
            continue
        group.sort(key=lambda step: (step["gpu_start_ns"], step["step"]))
        work = [step["work"] for step in group]
        middle = float(np.median(work))
        slow = [step for step in group if step["work"] > times * middle]
        if not slow:
            continue
        slope = float(np.polyfit(range(len(work)), work, 1)[0]) if len(work) > 1 else None
        numbers = {
            "steps": len(group),
            "slow_steps": len(slow),
            "times": times,
            "median_gpu_work_ns": middle,
            "max_gpu_work_ns": max(work),
            "growth_pct": slope and percent(slope * (len(work) - 1), float(np.mean(work))),
            "slowest_step": max(group, key=lambda step: step["work"])["step"],
        }
        tail = round(sum(step["work"] - middle for step in slow))
        told = {"numbers": numbers, "texts": {"range": _after(text, early)}, "range": text}
        rows += _found("long_tail", tail, _whole(view), least_pct, **told, **_lasting(slow))
    return rows


def _moments(work: Iterable[Operation]) -> set[int]:
    return moments((one.start, one.end) for one in work)


_FLOORS = {
    f"t{number}\n{text}": floor
    for number in range(40)
    for texts in STEPS
    for text, floor in zip(texts, ("3", "1.5", "2", "4", "5", "6"), strict=False)
}
# Some of the work is done in less, and some not.
_HIGH_FLOORS = {key: str(4 * float(floor)) for key, floor in _FLOORS.items()}


@answers(
    "above_the_floor",
    *each("gemm_floors_ns", _FLOORS, _HIGH_FLOORS, attention_floors_ns={}, times=1.1, below=0.9, least_pct=0),
    *each("attention_floors_ns", _FLOORS, _HIGH_FLOORS, gemm_floors_ns={}, times=1.1, below=0.9, least_pct=0),
)
def above_the_floor(
    view: View,
    gemm_floors_ns: dict[str, str],
    attention_floors_ns: dict[str, str],
    times: float,
    below: float,
    least_pct: float,
) -> list[Row]:
    summary = step_summary(view, None, "thread")
    work = step_work(view, None, "thread", warm_up=False)
    asked = {
        "slow_products": (gemm_floors_ns, ("gemm", "moe")),
        "slow_attention": (attention_floors_ns, ("attention",)),
    }
    rows = []
    for code, (floors, categories) in asked.items():
        told = []
        for text, of_text in grouped(work, lambda row: row["range"]).items():
            steps = [step for step in summary if text in (step["range"], _pattern_of(step))]
            least = min(
                (float(floors[key]) for step in steps if (key := f"{view.name}\n{step['range']}") in floors),
                default=None,
            )
            took = sum(row["gpu_ns"] for row in of_text if row["category"] in categories)
            if least is not None and any(row["category"] in categories for row in of_text):
                told.append(
                    {
                        "called": (pattern(text), steps[0]["phase"]),
                        "steps": of_text[0]["steps"],
                        "floors": least * of_text[0]["steps"],
                        "work": took,
                        "all": sum(row["gpu_ns"] for row in of_text),
                        "early": of_text[0]["warm_up_steps"],
                        "at": _lasting(
                            [
                                step
                                for step in steps
                                if step["gpu_span_ns"] is not None and not step["is_warm_up"]
                            ]
                        ),
                    }
                )
        for (called, phase), group in grouped(told, lambda one: one["called"]).items():
            steps, floor, took, whole = (
                sum(one[name] for one in group) for name in ("steps", "floors", "work", "all")
            )
            is_fast = 0 < took < below * floor
            if not is_fast and took < times * floor:
                continue
            numbers = {
                "times_floor": took / floor,
                "steps": steps,
                "avg_work_ns": took / steps,
                "avg_floor_ns": floor / steps,
                "share_pct": percent(took, whole),
            }
            told_of = _found(
                code,
                round(took - floor),
                _whole(view),
                -math.inf if is_fast else least_pct,
                numbers=numbers,
                texts={
                    "range": _after(
                        ", ".join(filter(None, [phase, called])), sum(one["early"] for one in group)
                    )
                },
                range=called,
                start_ns=min(one["at"]["start_ns"] for one in group),
                end_ns=max(one["at"]["end_ns"] for one in group),
            )
            unsaid = {
                "code": code.replace("slow", "fast"),
                "severity": None,
                "saving_ns": None,
                "saving_pct": None,
            }
            rows += [{**row, **unsaid} for row in told_of] if is_fast else told_of
    return rows


# --- communication ----------------------------------------------------------------------------------------


@answers("exposed_communication", {"least_pct": 0})
def exposed_communication(view: View, least_pct: float) -> list[Row]:
    behind = _behind_start_up(view)
    # What computes hides communication, whenever its process began it.
    counted = replace(
        view, operations=[work for work in view.operations if work in behind or not communicates(work)]
    )
    rows = communication_overlap(counted, "gpu")
    if not rows:
        return []
    exposed, hidden = (sum(row[name] for row in rows) for name in ("exposed_ns", "overlapped_ns"))
    if not any(one.kernel and one.kernel.category == "communication" for one in view.kernels):
        # Where nothing communicates, nothing is exposed.
        return []
    numbers = {"gpus": len(rows), "exposed_ns": exposed, "hidden_pct": percent(hidden, hidden + exposed)}
    at = set().union(
        *(
            _moments(filter(communicates, lane))
            - _moments(one for one in lane if one.kind in ("kernel", "graph") and not communicates(one))
            for lane in lanes(counted.operations, "gpu").values()
        )
    )
    place = {"start_ns": min(at), "end_ns": max(at) + 1} if at else {}
    return _found("exposed_communication", exposed, _whole(view), least_pct, numbers=numbers, **place)
