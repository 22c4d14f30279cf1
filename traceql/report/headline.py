"""What a page begins with: the key figures of a trace, and what became of a comparison in one sentence."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from traceql.ask import verdict
from traceql.errors import MissingDataError
from traceql.present import units, values
from traceql.report import declared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from traceql.ask.answer import Asker
    from traceql.questions.parameters import Value
    from traceql.report.declared import Given

_DIGITS = 3
# What a change may cost, where nobody says it: as `traceql diff --gate 5%`.
_GATE_PCT = 5
# Measures of `diff` that tell a trace's time on the GPU.
_TIMES = ("gpu_busy_ns", "kernel_ns")
_NEITHER = "Neither tells its time on the GPU."


def of_trace(ask: Asker, trace: Mapping[str, Any], given: Given) -> Iterator[tuple[str, str]]:
    """How long a trace's GPUs were at work, how busy, with how many kernels, and what kind of work most."""
    if declared.fits("timeline", trace):
        yield from _busy(_rows(ask, "busy", trace, given))
    categories = _rows(ask, "kernel_categories", trace, given)
    if not categories:
        return
    yield "Kernels", f"{sum(row['instances'] for row in categories):,}"
    times = [row["total_ns"] for row in categories if row["total_ns"] is not None]
    if times:
        yield "Their time", units.text("total_ns", sum(times), _DIGITS)
        most = categories[0]
        share = (
            "" if most["share_pct"] is None else f", {units.text('share_pct', most['share_pct'], _DIGITS)}"
        )
        yield "Most of it", f"{values.drawn(most['category'])}{share}"


def _busy(rows: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Of several GPUs the longest span, and the share of the least and of the most busy one."""
    busy = [row for row in rows if row["cause"] == "busy"]
    shares = [row["share_pct"] for row in busy if row["share_pct"] is not None]
    if busy:
        yield "Span on the GPU", units.text("span_ns", max(row["span_ns"] for row in busy), _DIGITS)
    if shares:
        ends = dict.fromkeys(units.text("share_pct", end, _DIGITS) for end in (min(shares), max(shares)))
        name = "GPU busy" if len(busy) == 1 else f"{len(busy)} GPUs busy"
        yield name, " to ".join(ends)


def _rows(ask: Asker, name: str, trace: Mapping[str, Any], given: Given) -> list[dict[str, Any]]:
    """The rows of a question as the page asks it; none if nothing was recorded."""
    own = declared.own(ask.catalog.find(name), given)
    try:
        return ask(name, **{"trace": trace["trace"], **own}).frame().to_dicts()
    except MissingDataError:
        return []


def of_sides(ask: Asker, sides: Mapping[str, Value], given: Given) -> str:
    """By how much the variant's time on the GPU differs from the baseline's; or who does not tell it."""
    own = declared.own(ask.catalog.find("diff"), given)
    try:
        rows = ask("diff", **{**sides, **own, "topic": "trace"}).frame().to_dicts()
    except MissingDataError:
        rows = []
    found = {row["measure"]: (row["baseline"], row["variant"]) for row in rows if row["found_in"] == "both"}
    busy, idle, kernels = (found.get(name) for name in ("gpu_busy_ns", "gpu_idle_ns", "kernel_ns"))
    if busy and idle and None not in (*busy, *idle):
        before, after = (busy[side] + idle[side] for side in (0, 1))
        parts = f" Busy {_from_to(busy)}, idle {_from_to(idle)}."
    elif kernels and None not in kernels:
        (before, after), parts = kernels, _profiled(found.get("kernels"))
    else:
        return _untold({row["found_in"] for row in rows if row["measure"] in _TIMES})
    if not before:
        return ""
    change = 100 * (after - before) / before
    less = "less" if change < 0 else "more"
    times = _from_to((before, after))
    said = (
        f"The variant takes {units.text('change_pct', abs(change), _DIGITS)} {less} time on the GPU: {times}."
        if round(abs(change), 1)
        else f"Both take the same time on the GPU: {times}."
    )
    return f"{said}{parts}{_elsewhere(ask, sides)}{_judged(ask, sides, given)}"


def _profiled(counts: tuple[float, float] | None) -> str:
    """That other numbers of launches were profiled, which the time of all of them hangs on."""
    if counts is None or None in counts or counts[0] == counts[1]:
        return ""
    return f" Not as many launches were profiled: {' → '.join(f'{count:,.0f}' for count in counts)}."


def _untold(found_in: set[str]) -> str:
    """Which of two sides tells its time on the GPU, where they cannot be compared."""
    told = {side.removesuffix(" only") for side in found_in}
    return f"Only the {told.pop()} tells its time on the GPU." if len(told) == 1 else _NEITHER


def _elsewhere(ask: Asker, sides: Mapping[str, Value]) -> str:
    """That the two ran on different GPUs, which no change explains."""
    rows = ask("comparable", **sides).frame().to_dicts()
    gpus = [row for row in rows if row["property"] == "gpu" and row["verdict"] == "differs"]
    return "".join(
        f" They ran on different GPUs: {values.drawn(row['baseline'])} and {values.drawn(row['variant'])}."
        for row in gpus
    )


def _judged(ask: Asker, sides: Mapping[str, Value], given: Given) -> str:
    """What a gate of so many percent says of it, with the command; empty where nothing can be judged."""
    own = declared.own(ask.catalog.find("effects"), given)
    place = {name: own[name] for name in ("from", "to", "within") if own.get(name) is not None}
    baseline, variant = ([str(name) for name in _listed(sides[side])] for side in ("baseline", "variant"))
    names = str(own.get("names", "distinct"))
    try:
        found = verdict.judge(ask, baseline, variant, verdict.gates(_GATE_PCT), names=names, place=place)
    except MissingDataError:
        return ""
    command = shlex.join(["traceql", "diff", *baseline, *variant])
    told = f"Beside a gate of {_GATE_PCT} %, of the work that both have: {found.sentence}"
    return f" {told} ({command} --gate {_GATE_PCT}%)"


def _listed(side: Value) -> list[Any]:
    return side if isinstance(side, list) else [side]


def _from_to(times: tuple[float, float]) -> str:
    return " → ".join(units.text("time_ns", time, _DIGITS) for time in times)
