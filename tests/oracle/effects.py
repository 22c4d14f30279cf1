"""Effects of a change, counted from plain rows with scipy: launches matched one by one, cut into blocks of time.

Random recordings of one program: processes that repeat a step of some launches on their GPUs. Another recording has
other times, other ordinals of the GPUs, other pids, and lacks launches here and there.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from made.nsys import TWIN, Recording, copy, kernel
from scipy import stats
from scipy.stats import mstats

from oracle.arithmetic import percent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from oracle.arithmetic import Row

COPY = "memcpy Host-to-Device"
#: Name → the kind of work.
NAMES = {"gemm": "gemm", "spin": "other", COPY: None}
TOPICS = ("trace", "step", "range", "category", "kernel", "copy")


@dataclass(frozen=True)
class Launch:
    """A launch of a step of a process: on which of its GPUs, in which ranges, and what ran when."""

    process: int
    device: int
    step: int
    path: str
    name: str
    start: int
    end: int

    @property
    def topic(self) -> str:
        return "copy" if self.name == COPY else "kernel"


@dataclass(frozen=True)
class Trace:
    """Launches in the order of their calls, and how many steps each process has."""

    launches: tuple[Launch, ...]
    steps: tuple[int, ...]
    #: What the recording calls the first process and the first GPU, and by what the next process differs.
    first_pid: int
    first_device: int
    pid_step: int

    def recording(self) -> Recording:
        """It as a report: the range step around the launches of each step, mlp around some of them."""
        made = Recording()
        for process, steps in enumerate(self.steps):
            at = {"pid": self.first_pid + self.pid_step * process}
            now = 0
            for step in range(steps):
                begun = now
                for one in (o for o in self.launches if (o.process, o.step) == (process, step)):
                    device = self.first_device + 2 * one.device
                    if one.path.endswith("mlp"):
                        made.range("mlp", now + 1, now + 4, **at)
                    if one.name == COPY:
                        work = copy("Host-to-Device", one.start, one.end, 64, device=device)
                        made.call("cudaMemcpyAsync", now + 2, now + 3, work, **at)
                    else:
                        work = kernel(one.name, one.start, one.end, device=device)
                        made.call("cudaLaunchKernel", now + 2, now + 3, work, **at)
                    now += 5
                now += 1
                made.range("step", begun, now, **at)
                now += 1
        return made


def drawn(random: Random, traces: int) -> list[Trace]:
    """Recordings of one program."""
    steps = tuple(random.randint(3, 14) for _ in range(random.choice((1, 2))))
    program = [
        [
            (random.choice((0, 0, 1)), random.choice(("step", "step/mlp")), random.choice(list(NAMES)))
            for _ in range(random.randint(1, 4))
        ]
        for _ in steps
    ]
    return [_trace(random, steps, program) for _ in range(traces)]


def _trace(random: Random, steps: tuple[int, ...], program: list[list[tuple[int, str, str]]]) -> Trace:
    launches = []
    lost = random.choice((0, 0, 10))
    steps = tuple(number - random.choice((0, 0, 0, 1)) for number in steps)
    for process, number in enumerate(steps):
        at = 0
        for step in range(number):
            for place, (device, path, name) in enumerate(program[process]):
                # Each step launches something, or it would be no step on the GPU.
                if place and random.randint(0, 99) < lost:
                    continue
                # No two processes begin anything at the same time.
                start = 2 * math.ceil((at + random.randint(1, 9)) / 2) + process
                at = start + random.randint(20, 60)
                launches.append(Launch(process, device, step, path, name, start, at))
    return Trace(
        tuple(launches), steps, random.randint(1, 9), random.randint(0, 3), random.choice((1, TWIN - 1))
    )


# --- what is matched --------------------------------------------------------------------------------------


def _pieces(trace: Trace) -> list[tuple[tuple[Any, ...], tuple[Any, ...], int, int]]:
    """(what it is about, key, begun, time) of everything that can have a partner: about is topic, path, name, measure."""
    found: list[tuple[tuple[Any, ...], tuple[Any, ...], int, int]] = []
    devices: dict[tuple[int, str], list[int]] = defaultdict(list)
    for one in trace.launches:
        devices[one.process, one.topic] = sorted({*devices[one.process, one.topic], one.device})
    times: dict[tuple[Any, ...], int] = defaultdict(int)
    for one in trace.launches:
        same = (one.process, one.device, one.path, one.name)
        times[same] += 1
        device = devices[one.process, one.topic].index(one.device)
        key = (one.process, device, one.path, one.topic, one.name, times[same])
        abouts = [("trace", None, None, "gpu_ns"), (one.topic, None, one.name, "gpu_ns")]
        if one.topic == "kernel":
            abouts.append(("category", None, NAMES[one.name], "gpu_ns"))
        found += [(about, key, one.start, one.end - one.start) for about in abouts]
    for process, steps in enumerate(trace.steps):
        own = [one for one in trace.launches if one.process == process]
        groups = [[one for one in own if one.step == step] for step in range(steps)]
        inner = [[one] for one in own if one.path == "step/mlp"]
        for path, parts in (("step", groups), ("step/mlp", inner)):
            for instance, group in enumerate(parts):
                busy = sum(one.end - one.start for one in group)
                found.append((("range", path, "", "gpu_busy_ns"), (process, instance), group[0].start, busy))
        for instance, group in enumerate(groups):
            busy = sum(one.end - one.start for one in group)
            begun = group[0].start
            found.append((("step", None, None, "gpu_busy_ns"), (process, instance), begun, busy))
            if instance + 1 < steps:
                pace = groups[instance + 1][0].start - begun
                found.append((("step", None, None, "pace_ns"), (process, instance), begun, pace))
    return found


# --- what changed -----------------------------------------------------------------------------------------


def effects(baseline: Sequence[Trace], variant: Sequence[Trace], topic: str) -> list[Row]:
    """The answer of the question effects, of a topic or of all (*); rows in any order."""
    sides = [("baseline", trace) for trace in baseline] + [("variant", trace) for trace in variant]
    there: dict[Any, dict[Any, dict[int, tuple[int, int]]]] = defaultdict(lambda: defaultdict(dict))
    for number, (_, trace) in enumerate(sides):
        for about, key, begun, time in _pieces(trace):
            if topic in ("*", about[0]):
                there[about][key][number] = (begun, time)
    whole = sum(one.end - one.start for trace in baseline for one in trace.launches) / len(baseline)
    return [_row(about, keys, len(baseline), len(variant), whole) for about, keys in there.items()]


def _row(
    about: tuple[Any, ...],
    keys: dict[Any, dict[int, tuple[int, int]]],
    before: int,
    after: int,
    whole: float,
) -> Row:
    firsts, others = range(before), range(before, before + after)
    matched = {key: found for key, found in keys.items() if len(found) == before + after}
    alone = [found for found in keys.values() if len(found) < before + after]
    only = {
        "baseline_only": sum(any(number in found for number in firsts) for found in alone),
        "variant_only": sum(any(number in found for number in others) for found in alone),
        "baseline_only_ns": sum(found[n][1] for found in alone for n in firsts if n in found) / before,
        "variant_only_ns": sum(found[n][1] for found in alone for n in others if n in found) / after,
    }
    blocks = _blocks(matched, before, after)
    # Each block of each trace, by what the baseline has there.
    ratios = [[block[n] / np.mean(block[:before]) for block in blocks] for n in range(before + after)]
    changes = [float(np.mean([ratios[n][at] for n in others])) - 1 for at in range(len(blocks))]
    effect, half, method = _interval(ratios, changes, before)
    sums = [sum(found[n][1] for found in matched.values()) for n in range(before + after)]
    means = [float(np.mean(sums[:before])), float(np.mean(sums[before:]))] if matched else [None, None]
    runs = [stats.trim_mean(of_trace, 0.1) for of_trace in ratios] if matched else []
    return {
        **dict(zip(("topic", "path", "name", "measure"), about, strict=True)),
        "matched": len(matched),
        **only,
        "baseline_ns": means[0],
        "variant_ns": means[1],
        # Every launch is in a step.
        **dict.fromkeys(("baseline_outside_ns", "variant_outside_ns"), 0 if about[0] == "trace" else None),
        "share_pct": percent((means[0] or 0) + only["baseline_only_ns"], whole),
        "effect_pct": None if effect is None else 100 * effect,
        "low_pct": None if half is None else max(100 * (effect - half), -100),
        "high_pct": None if half is None else 100 * (effect + half),
        "method": method,
        "blocks": len(blocks),
        "baseline_runs": before,
        "variant_runs": after,
        "block_spread_pct": _spread(changes),
        "baseline_spread_pct": _spread(runs[:before]),
        "variant_spread_pct": _spread(runs[before:]),
    }


def _blocks(matched: dict[Any, dict[int, tuple[int, int]]], before: int, after: int) -> list[list[int]]:
    """Time of each trace in twenty blocks of equal time of the baseline's mean, or fewer."""
    usual = {key: float(np.mean([found[n][1] for n in range(before)])) for key, found in matched.items()}
    whole, until = sum(usual.values()), 0.0
    found: dict[int, list[int]] = defaultdict(lambda: [0] * (before + after))
    # In the order of the first trace's times.
    for key in sorted(matched, key=lambda key: matched[key][0][0]):
        until += usual[key]
        block = found[min(19, math.floor(20 * (until - usual[key] / 2) / whole))]
        for n in range(before + after):
            block[n] += matched[key][n][1]
    return [found[at] for at in sorted(found)]


def _interval(
    ratios: list[list[float]], changes: list[float], before: int
) -> tuple[float | None, float | None, str]:
    """The effect, half of its confidence interval, and how that was found."""
    after = len(ratios) - before
    fewer, more = sorted((before, after))
    method = "welch" if fewer > 1 else "student" if more > 2 else "blocks"
    if not changes:
        return None, None, method
    if method == "blocks":
        effect = float(stats.trim_mean(changes, 0.1))
        if len(changes) < 3:
            return effect, None, method
        # The share that is left out is that of numbers, not the tenth that was asked for: of nine it is none. Of whole
        # tens it is scipy's trimmed_mean_ci.
        number, left_out = len(changes), 2 * (len(changes) // 10)
        winsorized = mstats.winsorize(np.array(changes), limits=(0.1, 0.1))
        error = float(np.std(winsorized, ddof=1)) / ((1 - left_out / number) * math.sqrt(number))
        half = float(stats.t.ppf(0.975, number - left_out - 1)) * error
        if number % 10 == 0:
            low, high = mstats.trimmed_mean_ci(changes, limits=(0.1, 0.1), alpha=0.05)
            assert math.isclose(half, (high - low) / 2, rel_tol=1e-9, abs_tol=1e-12)
        return effect, half, method
    runs = [float(stats.trim_mean(of_trace, 0.1)) for of_trace in ratios]
    firsts, others = runs[:before], runs[before:]
    usual = float(np.mean(firsts))
    effect = float(np.mean(others)) / usual - 1
    if method == "welch":
        interval = stats.ttest_ind(others, firsts, equal_var=False).confidence_interval(0.95)
        return effect, (interval.high - interval.low) / 2 / usual, method
    spread = float(np.std(firsts if before > 1 else others, ddof=1))
    return effect, stats.t.ppf(0.975, more - 1) * spread * math.sqrt(1 + 1 / more) / usual, method


def _spread(numbers: Sequence[float]) -> float | None:
    return 100 * float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
