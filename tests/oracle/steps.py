"""Steps and layers: which ranges are steps, and what they hold."""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from oracle.arithmetic import Row, grouped, mean, per_second, percent
from oracle.asked import answers, each
from oracle.gpu import held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oracle.trace import Operation, Range, View

_VLLM = re.compile(r"execute_context_(\d+)\((\d+)\)_generation_(\d+)\((\d+)\)")
#: Of the texts that are drawn: each number as *, as far as it is no part of a word.
_PATTERNS = (
    (re.compile(r"(?<=layers\.)\d+"), "*"),
    (re.compile(r"(?<=op\()\d+"), "*"),
    (re.compile(r"(?<=ProfilerStep#)\d+"), "*"),
    (re.compile(r"(execute_context|generation)_\d+\(\d+\)"), r"\1_*(*)"),
)


def pattern(text: str) -> str:
    """What texts have in common that differ in numbers alone."""
    for expression, by in _PATTERNS:
        text = expression.sub(by, text)
    return text


def _is_step(text: str) -> bool:
    return text.startswith(("execute_context_", "ProfilerStep#"))


def steps(view: View, step: str | None) -> list[Range]:
    """The ranges that are steps: as asked for; else by their names; else what repeats, and takes most time.

    What launched GPU work on its thread comes first, but for calls of a library.
    """
    ranges = [one for one in view.ranges if one.style != "mark"]
    if step is not None:
        return _outermost([one for one in ranges if fnmatchcase(one.text, step)])
    found = []
    for of_process in grouped(ranges, lambda one: one.process).values():
        named = [one for one in of_process if _is_step(one.text)]
        if named:
            found += _outermost(named)
            continue
        alike = grouped(of_process, lambda one: (one.tid, pattern(one.text)))
        outermost = grouped(
            _outermost([one for group in alike.values() if len(group) > 1 for one in group]),
            lambda one: pattern(one.text),
        )
        if outermost:
            took = {
                text: (
                    any(held(view, one, "thread") for one in group if one.domain != "NCCL"),
                    sum(one.duration or 0 for one in group),
                )
                for text, group in outermost.items()
            }
            found += outermost[max(took, key=lambda text: (took[text], text))]
    return found


def told_by_kernels(view: View, step: str | None) -> Iterator[tuple[int, int, int, int]]:
    """GPU, process, number and start of each step of processes whose steps no ranges tell: a kernel that comes again."""
    told = {one.process for one in steps(view, step)}
    for process, kernels in grouped(view.kernels, lambda work: work.process).items():
        if step is not None or process in told:
            continue
        of_device = grouped(kernels, lambda work: work.device)
        device = max(of_device, key=lambda one: (len(of_device[one]), -one))
        ran = sorted(of_device[device], key=lambda work: (work.start, work.id))
        names = [work.called("short") for work in ran]
        places = grouped(range(len(ran)), names.__getitem__)
        regular = []
        for at in places.values():
            periods = Counter(after - before for before, after in itertools.pairwise(at))
            for period, times in periods.items():
                is_even = times >= 0.8 * (len(at) - 1) and len(at) * period >= 0.5 * len(ran)
                if len(at) >= 3 and period >= 2 and is_even:
                    regular.append((period, -at[0], at))
        if regular:
            _, _, begin = max(regular)
            for number, place in enumerate(begin):
                yield ran[place].gpu, process, number, ran[place].start


def _outermost(ranges: list[Range]) -> list[Range]:
    """Those that lie in no other one of their thread; start/end ranges of one kind run beside each other."""

    def is_inside(one: Range) -> bool:
        around = [
            other
            for other in ranges
            if (other.start, -other.until, other.id) < (one.start, -one.until, one.id)
            and (other.process, other.tid) == (one.process, one.tid)
            and other.until >= one.until
        ]
        longest = {pattern(other.text) for other in around if other.until == max(two.until for two in around)}
        return bool(around) and (one.style == "pushpop" or pattern(one.text) not in longest)

    return [one for one in ranges if not is_inside(one)]


def _phase(text: str) -> Row:
    names = ("context_requests", "context_tokens", "generation_requests", "generation_tokens")
    match = _VLLM.fullmatch(text)
    if not match:
        return {**dict.fromkeys(names), "phase": None}
    numbers = dict(zip(names, map(int, match.groups()), strict=True))
    prefill, decode = numbers["context_requests"] > 0, numbers["generation_requests"] > 0
    phase = "mixed" if prefill and decode else "prefill" if prefill else "decode" if decode else "empty"
    return {**numbers, "phase": phase}


_ASKED = [*each("by", "thread", "process", step=None), *each("step", "attn", "layers*", by="thread")]


@answers("step_summary", *_ASKED)
def step_summary(view: View, step: str | None, by: str) -> list[Row]:
    return [row for row, _ in steps_with_work(view, step, by)]


def in_order(view: View, step: str | None) -> list[Range]:
    """The steps, those of each thread one after the other."""
    return sorted(steps(view, step), key=lambda one: (one.process, one.tid, one.start, one.id))


def steps_with_work(view: View, step: str | None, by: str) -> list[tuple[Row, int]]:
    """The steps, each with the process that it is of: pids are no processes."""
    rows = []
    early = _warming(view, step, by, lambda one: _name(one.text))
    for _, of_thread in itertools.groupby(in_order(view, step), lambda one: (one.process, one.tid)):
        before = None
        for number, one in enumerate(of_thread):
            work = held(view, one, by)
            unknown = by == "thread" and view.is_elsewhere(one)
            first, last, busy, operations, launches = work or (
                None,
                None,
                None,
                *((None,) * 2 if unknown else (0, 0)),
            )
            phase = _phase(one.text)
            tokens = None if phase["phase"] is None else phase["context_tokens"] + phase["generation_tokens"]
            row = {
                "pid": one.process & 0xFFFFFF,
                "tid": one.tid,
                "step": number,
                "range": one.text,
                **phase,
                "start_ns": one.start,
                "duration_ns": one.duration,
                "gpu_start_ns": first,
                "gpu_span_ns": last - first if work else None,
                "gpu_busy_ns": busy,
                "gpu_gaps_ns": last - first - busy if work else None,
                "gpu_before_ns": first - before if work and before is not None else None,
                "gpu_operations": operations,
                "launches": launches,
                "tokens_per_s": per_second(tokens, last - first) if work and tokens is not None else None,
                "is_warm_up": one in early,
            }
            rows.append((row, one.process))
            before = last
    return rows


@answers(
    "launches_per_step",
    *({**asked, "exact": exact, "warm_up": False} for asked in _ASKED[:3] for exact in (False, True)),
    {**_ASKED[0], "exact": False, "warm_up": True},
)
def launches_per_step(view: View, step: str | None, by: str, exact: bool, warm_up: bool) -> list[Row]:
    rows = []

    def called(one: Range) -> str:
        return one.text if exact else _name(one.text)

    early = {} if warm_up else _warming(view, step, by, called)
    for text, group in grouped(steps(view, step), called).items():
        counted = [one for one in group if one not in early]
        known = [one for one in counted if by == "process" or not view.is_elsewhere(one)]
        work = [view.launched(one, by) for one in known]
        kernels = [_count(found, "kernel") for found in work]
        replays = [
            sum(call.name == "cudaGraphLaunch" and one.holds(call, by) for call in view.calls)
            for one in known
        ]
        rows.append(
            {
                "range": text,
                "steps": len(counted),
                "warm_up_steps": len(group) - len(counted),
                "kernels_per_step": mean(kernels),
                "min_kernels": min(kernels, default=None),
                "max_kernels": max(kernels, default=None),
                "memory_ops_per_step": mean(
                    _count(found, "memcpy") + _count(found, "memset") for found in work
                ),
                "graph_replays_per_step": mean(replays),
                "launches_per_step": mean(len({one.call for one in found}) for found in work),
                "avg_gpu_busy_ns": mean((held(view, one, by) or (0,) * 3)[2] for one in known),
            }
        )
    return rows


def _name(text: str) -> str:
    """Of a step, without its number; requests and tokens tell steps apart."""
    return text if _VLLM.fullmatch(text) else pattern(text)


@answers(
    "step_work",
    *each("warm_up", False, True, **_ASKED[0]),
    *({**one, "warm_up": False} for one in _ASKED[1:]),
)
def step_work(view: View, step: str | None, by: str, warm_up: bool) -> list[Row]:
    rows = []
    early = {} if warm_up else _warming(view, step, by, lambda one: _name(one.text))
    for text, group in grouped(steps(view, step), lambda one: _name(one.text)).items():
        told = [one for one in group if by == "process" or not view.is_elsewhere(one)]
        known = [one for one in told if one not in early]
        kernels = [work for one in known for work in view.launched(one, by) if work.kind == "kernel"]
        for category, work in grouped(kernels, lambda one: one.kernel.category).items():
            took = sum(one.duration for one in work)
            rows.append(
                {
                    "range": text,
                    "steps": len(known),
                    "warm_up_steps": len(told) - len(known),
                    "category": category,
                    "kernels": len(work),
                    "gpu_ns": took,
                    "avg_gpu_ns": took / len(known),
                    "share_pct": percent(took, sum(one.duration for one in kernels)),
                }
            )
    return rows


def _warming(view: View, step: str | None, by: str, called: Callable[[Range], str]) -> set[Range]:
    """The first steps of one text on their thread, as long as each takes more than twice the median, on CPU or GPU.

    More work on the GPU than the median's is none of it.
    """
    early = set()
    for group in grouped(in_order(view, step), lambda one: (one.process, one.tid, called(one))).values():
        work = [held(view, one, by) for one in group]
        spans = [some[1] - some[0] if some else None for some in work]
        usual_busy = statistics.median([some[2] for some in work if some] or [0])
        more = [max(some[2] - usual_busy, 0) if some else 0 for some in work]
        times = list(zip([one.duration for one in group], spans, strict=True))
        usual = [
            statistics.median(known) if (known := [took for took in some if took is not None]) else 0
            for some in zip(*times, strict=True)
        ]
        for one, took, extra in zip(group, times, more, strict=True):
            if not any(
                ns is not None and ns - extra > 2 * ns_usual for ns, ns_usual in zip(took, usual, strict=True)
            ):
                break
            early.add(one)
    return early


def _count(work: list[Operation], kind: str) -> int:
    return sum(one.kind == kind for one in work)


@answers(
    "layer_breakdown",
    *each("by", "thread", "process", exact=False, module="%"),
    {"by": "thread", "exact": True, "module": "*mlp"},
)
def layer_breakdown(view: View, by: str, exact: bool, module: str) -> list[Row]:
    ranges = [one for one in view.ranges if one.style == "pushpop"]
    own: dict[Range, int] = {}
    for work in view.operations:
        holder = view.innermost(work.call) if work.call else None
        if holder is None and work.call and by == "process":
            # Outside the ranges of its own thread: that of the process which began last.
            around = [one for one in ranges if one.contains(work.call)]
            holder = max(around, key=lambda one: (one.start, one.id), default=None)
        if holder:
            own[holder] = own.get(holder, 0) + work.duration
    paths = {one: "/".join(other.text for other in view.stack(one)) for one in ranges}
    rows = []
    for name, group in grouped(ranges, lambda one: paths[one] if exact else pattern(paths[one])).items():
        known = [one for one in group if by == "process" or not view.is_elsewhere(one)]
        work = [found for one in known if (found := held(view, one, by))]
        layers = {match[1] for one in group if (match := re.search(r"layers\.(\d+)", paths[one]))}
        took = [own[one] for one in group if one in own]
        rows.append(
            {
                "module": name,
                "layers": len(layers),
                "instances": len(group),
                "gpu_operations": sum(found[3] for found in work) if known else None,
                "gpu_busy_ns": sum(found[2] for found in work) if known else None,
                "avg_gpu_busy_ns": sum(found[2] for found in work) / len(known) if known else None,
                "gpu_own_ns": sum(took) if took or len(known) == len(group) else None,
            }
        )
    total = sum(row["gpu_own_ns"] or 0 for row in rows)
    for row in rows:
        row["own_share_pct"] = None if row["gpu_own_ns"] is None else percent(row["gpu_own_ns"], total)
    return [row for row in rows if fnmatchcase(row["module"], module.replace("%", "*"))]
