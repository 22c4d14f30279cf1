"""What differs between two traces: both are measured by themselves, and what one lacks is 0 or not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oracle.arithmetic import Row, grouped, mean, percent
from oracle.gpu import busy_moments, gaps, held, lanes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oracle.trace import View

# (topic, path, name, measure) → value.
Measures = dict[tuple[str, str | None, str | None, str], float | None]


def _measures(view: View) -> Measures:
    return {
        **_totals(view),
        **_timed(
            "kernel", ((None, work.called("distinct"), work.duration) for work in view.kernels), "instances"
        ),
        **_timed(
            "api_call", ((call.layer, call.name, call.end - call.start) for call in view.calls), "calls"
        ),
        **_copies(view),
        **_ranges(view),
    }


def _totals(view: View) -> Measures:
    if not view.operations:
        return {}
    idle = [end - start for lane in lanes(view.operations, "gpu").values() for start, end, _ in gaps(lane)]
    of_kind = grouped(view.operations, lambda work: work.kind)
    kernels, graphs = of_kind.get("kernel", []), of_kind.get("graph", [])
    found = {
        "kernels": len(kernels),
        "kernel_ns": sum(work.duration for work in kernels),
        "copies": len(view.memory),
        "copy_ns": sum(work.duration for work in view.memory),
        "copy_bytes": sum(work.bytes for work in view.memory),
        "graphs": len(graphs),
        "graph_ns": sum(work.duration for work in graphs),
        "gpu_busy_ns": sum(len(busy_moments(lane)) for lane in lanes(view.operations, "gpu").values()),
        "gpu_idle_ns": sum(idle),
        "gaps": len(idle),
        "longest_gap_ns": max(idle, default=None),
    }
    return {("trace", None, None, measure): value for measure, value in found.items()}


def _timed(topic: str, timed: Iterable[tuple[str | None, str, int]], count: str) -> Measures:
    found: Measures = {}
    for (path, name), group in grouped(timed, lambda one: one[:2]).items():
        durations = [duration for _, _, duration in group]
        found[topic, path, name, count] = len(durations)
        found[topic, path, name, "total_ns"] = sum(durations)
        found[topic, path, name, "avg_ns"] = mean(durations)
    return found


def _copies(view: View) -> Measures:
    found: Measures = {}
    for (kind, copy_kind), group in grouped(view.memory, lambda work: (work.kind, work.copy_kind)).items():
        name = f"{kind} {copy_kind}" if copy_kind else kind
        found["copy", None, name, "instances"] = len(group)
        found["copy", None, name, "bytes"] = sum(work.bytes for work in group)
        found["copy", None, name, "total_ns"] = sum(work.duration for work in group)
    return found


def _ranges(view: View) -> Measures:
    found: Measures = {}
    ranges = [one for one in view.ranges if one.style != "mark"]
    paths = {one: "/".join(other.text for other in view.stack(one)) for one in ranges}
    for (path, domain), group in grouped(ranges, lambda one: (paths[one], one.domain)).items():
        closed = [one.duration for one in group if one.duration is not None]
        known = [one for one in group if not view.is_elsewhere(one)]
        work = [one for one in (held(view, one, "thread") for one in group) if one]
        found["range", path, domain, "instances"] = len(group)
        found["range", path, domain, "total_ns"] = sum(closed) if closed else None
        found["range", path, domain, "gpu_operations"] = sum(one[3] for one in work) if known else None
        found["range", path, domain, "launches"] = sum(one[4] for one in work) if known else None
        found["range", path, domain, "gpu_busy_ns"] = sum(one[2] for one in work) if work else None
    return found


def _absent(view: View, topic: str, measure: str) -> float | None:
    """What a trace has of a thing that it lacks: none of it, if it recorded such things and hides none."""
    recorded = {
        # A graph that was traced as a whole hides its kernels.
        "kernel": all(work.kind != "graph" for work in view.operations),
        "api_call": True,
        "copy": True,
    }
    return 0 if measure != "avg_ns" and recorded.get(topic, False) else None


def diff(baseline: View, variant: View) -> list[Row]:
    """Rows of the question diff about two single traces."""
    sides = [_measures(baseline), _measures(variant)]
    things = [{key[:3] for key in side} for side in sides]
    rows = []
    for key in {**sides[0], **sides[1]}:
        topic, path, name, measure = key
        values = [
            value if (value := side.get(key)) is not None or key in side else _absent(view, topic, measure)
            for side, view in zip(sides, (baseline, variant), strict=True)
        ]
        before, after = values
        delta = None if before is None or after is None else after - before
        both = all(key[:3] in there for there in things)
        rows.append(
            {
                "topic": topic,
                "path": path,
                "name": name,
                "measure": measure,
                "found_in": "both" if both else "baseline only" if key[:3] in things[0] else "variant only",
                "baseline": before,
                "variant": after,
                "delta": delta,
                "delta_pct": None if delta is None else percent(delta, before),
                "baseline_runs": int(before is not None),
                "variant_runs": int(after is not None),
                **dict.fromkeys(("process_number", "device_id", "instance", "unit")),
                **dict.fromkeys(("baseline_stddev", "variant_stddev", "delta_low", "delta_high")),
            }
        )
    return rows
