"""Rooflines: work under the roofs of memory and arithmetic.

After Williams, Waterman and Patterson, "Roofline", Communications of the ACM 52(4), 2009.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Literal

import altair as alt
import polars as pl

from traceql.draw import theme
from traceql.draw.registry import Drawing, chart
from traceql.errors import QueryError
from traceql.present import units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HEIGHT = 380
_LEVELS = {"dram": "DRAM", "l2": "L2", "l1": "L1"}
# Pixels from the end of a roof to its label: those of arithmetic below the line, memory's above each other.
_BELOW, _ABOVE, _LINE = 11, -7, 12
# A plot of fewer pixels has no room for labels left of the ends of memory's roofs.
_NARROW = 400
# Where a roof comes from, the one to be labelled first: how it is called, and drawn.
_SOURCES: Mapping[str, tuple[str, Sequence[float]]] = {
    "measured": ("measured, sustained", [5, 3]),
    "profiled": ("peak at the clocks of the run", [1, 0]),
    "derived": ("derived: SMs × rate × clock", [6, 2, 1.5, 2]),
    "datasheet": ("datasheet", [1.5, 3]),
}


@chart(beside=("roofs",), by_trace=False)
def roofline(
    answer: pl.DataFrame,
    roofs: pl.DataFrame,
    *,
    x: str,
    y: str,
    size: str,
    color: str,
    shape: str = "",
    trail: str = "",
    hollow: str = "",
) -> Drawing:
    """Achieved FLOP/s (`y`) over arithmetic intensity (`x`), both logarithmic, under the roofs.

    Points are as large as the time they take (`size`), and hollow where they stand for a part of the work
    (`hollow`): the whole lies at least as high. With `trail`, those of one `color` and `shape` are
    joined in its order and labelled with it, each trace's by themselves: two may be of different models.
    """
    known = answer.filter((pl.col(x) > 0) & (pl.col(y) > 0))
    if known.height == 0:
        raise QueryError(
            "there are no FLOP with DRAM traffic beside them to draw", "Record both: ncu --set roofline"
        )
    if shape and known[shape].null_count() == known.height:
        shape = ""
    rows, tooltip = theme.prepared(known, [c for c in answer.columns if _told(answer, c)])
    lines, ridges = _geometry(rows, roofs, x, y)
    high = max([*rows[y].to_list(), *lines[y].to_list()], default=1.0)
    low = min(rows[y].to_list(), default=high / 1e3)
    left, right = _span(rows, ridges, x)
    across = alt.X(
        f"{x}:Q",
        axis=theme.plain_axis(
            "Arithmetic intensity at DRAM", "FLOP/byte", values=_powers(left, right), labelFlush=True
        ),
        scale=alt.Scale(type="log", domain=[left, right], nice=False),
    )
    floor = 10.0 ** math.floor(math.log10(low))
    # Room for the labels of the roofs.
    ceiling = high * (high / floor) ** 0.15
    divisor, unit = units.scale(y, [math.sqrt(floor * high)])
    up = alt.Y(
        f"{y}:Q",
        axis=theme.plain_axis("Performance", unit, divisor, values=_powers(floor, ceiling)),
        scale=alt.Scale(type="log", domain=[floor, ceiling], nice=False),
    )
    drawn = [source for source in _SOURCES.values() if source[0] in lines["source"]]
    base = alt.Chart(rows, height=_HEIGHT).encode(x=across, y=up)
    layers = [
        alt.Chart(lines)
        .mark_line(style="roof", clip=True)
        .encode(
            x=across,
            y=up,
            detail=alt.Detail("roof:N"),
            tooltip=[alt.Tooltip("rate:N", title="Roof"), alt.Tooltip("source:N", title="Source")],
            strokeDash=alt.StrokeDash(
                "source:N",
                title="Roofs",
                scale=alt.Scale(domain=[name for name, _ in drawn], range=[dash for _, dash in drawn]),
            ),
        ),
        *_labels(lines, across, up),
        alt.Chart(ridges)
        .mark_point(style="ridge", size=40, filled=True, opacity=1)
        .encode(x=across, y=up, tooltip=[alt.Tooltip("label:N", title="Ridge point")]),
        alt.Chart(ridges)
        .mark_text(style="note", align="left", dx=5, dy=-7, clip=True)
        .encode(x=across, y=up, text=alt.Text("label:N")),
    ]
    hue = alt.Color(f"{color}:N", title=units.title(color))
    if trail:
        joined = base.mark_line(strokeWidth=1.5, opacity=0.7).encode(
            color=hue,
            order=alt.Order(f"{trail}:Q"),
            detail=[alt.Detail(f"{shape}:N")] if shape else alt.Undefined,
        )
        series = [color, shape] if shape else [color]
        if rows["trace"].n_unique() > 1 and not _points_of_one_trail(rows, series, trail):
            joined = joined.encode(strokeDash=alt.StrokeDash("trace:N", title="Trace"))
        layers += [
            joined,
            alt.Chart(_apart(rows.drop_nulls(trail), x, y, (left, right), (floor, ceiling)))
            .mark_text(style="note", dy=-11)
            .encode(x=across, y=up, text=alt.Text(f"{trail}:Q", format=",")),
        ]
    part = rows[hollow].fill_null(False) if hollow else pl.repeat(False, rows.height, eager=True)
    layers += [
        alt.Chart(shown, height=_HEIGHT)
        .mark_point(filled=filled, opacity=0.8)
        .encode(
            x=across,
            y=up,
            color=hue,
            shape=alt.Shape(f"{shape or color}:N", title=units.title(shape or color)),
            size=alt.Size(f"{size}:Q", scale=alt.Scale(range=[40, 300 if trail else 700]), legend=None),
            tooltip=tooltip,
        )
        for filled, shown in ((True, rows.filter(~part)), (False, rows.filter(part)))
        if shown.height
    ]
    left_out = answer.height - known.height
    notes = [f"{left_out:,} without FLOP or DRAM traffic are not shown" if left_out else ""]
    if part.any():
        notes.append("hollow: at least so much, for not all was counted")
    if any(roof["source"] == "measured" and roof["kind"] == "compute" for roof in roofs.to_dicts()):
        notes.append("short launches may exceed a measured roof, before the power limit bites")
    if trail and shape == "phase" and "prefill" in rows[shape]:
        notes.append(
            "prefill of a prompt longer than a chunk is, as the collectors record it, its last chunk"
        )
    # The dashes of roofs tell their sources, those of trails their traces.
    return theme.noted(alt.layer(*layers).resolve_scale(strokeDash="independent"), *notes)


def _labels(lines: pl.DataFrame, across: alt.X, up: alt.Y) -> list[alt.Chart]:
    """The labels of the roofs, at their ends: those of memory at the left edge where the chart is narrow."""
    found = []
    labelled = lines.filter(pl.col("label") != "")
    for dy in labelled["dy"].unique().sort().to_list():
        base = alt.Chart(labelled.filter(pl.col("dy") == dy)).encode(y=up)
        text = alt.Text("label:N")
        if dy == _BELOW:
            found.append(base.mark_text(style="note", align="right", dy=dy).encode(x=across, text=text))
            continue
        sides: tuple[tuple[bool, Literal["left", "right"]], ...] = ((False, "right"), (True, "left"))
        for narrow, align in sides:
            shown = alt.condition(f"(width < {_NARROW}) === {str(narrow).lower()}", text, alt.value(""))
            place = alt.XValue(4) if narrow else across  # type: ignore[no-untyped-call]
            # At the edge they lie above the label of the highest ridge point.
            up_by = _LINE if narrow else 0
            found.append(base.mark_text(style="note", align=align, dy=dy - up_by).encode(x=place, text=shown))
    return found


def _points_of_one_trail(rows: pl.DataFrame, series: list[str], trail: str) -> bool:
    """Whether each trace is one point (as one that was tagged with its place), and no two share a place."""
    alone = rows.select("trace", *series).is_unique().all()
    return alone and rows.select(*series, trail).is_unique().all()


def _geometry(rows: pl.DataFrame, roofs: pl.DataFrame, x: str, y: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The ends of every roof, its label at the second one; and the ridge points.

    Several traces have the roofs of the fastest. Of one roof from several sources the first is labelled; of a
    cache, the roof of each metric instead, as the one that work measured with it is under.
    """
    peaks = roofs.group_by("kind", "name", "source", "metric").agg(
        pl.col("flop_per_s").max(), pl.col("bytes_per_s").max()
    )
    order = list(_SOURCES)
    found = sorted(
        peaks.to_dicts(),
        key=lambda r: (r["kind"], r["name"], order.index(r["source"]), r["metric"] or ""),
    )
    leading: dict[tuple[str, str], str] = {}
    for roof in sorted(found, key=lambda r: r["metric"] is None):
        leading.setdefault((roof["kind"], roof["name"]), roof["source"])
    compute = [roof for roof in found if roof["kind"] == "compute"]
    memory = [roof for roof in found if roof["kind"] == "memory"]

    ridges = []
    for roof in compute:
        level = next((m for m in memory if m["name"] == "dram" and m["source"] == roof["source"]), None)
        if level is not None and leading["compute", roof["name"]] == roof["source"]:
            at = roof["flop_per_s"] / level["bytes_per_s"]
            ridges.append((at, roof["flop_per_s"], units.text("ridge_flop_per_byte", at, 3)))
    points = pl.DataFrame(ridges, schema={x: pl.Float64, y: pl.Float64, "label": pl.String}, orient="row")

    left, right = _span(rows, points, x)
    ceiling = max((roof["flop_per_s"] for roof in compute), default=max(rows[y].to_list()))
    fastest = max((roof["bytes_per_s"] for roof in memory), default=math.inf)
    # A memory that meets the highest peak left of all points has no line here.
    found = [r for r in found if r["kind"] == "compute" or ceiling / r["bytes_per_s"] > left]
    labelled = [roof for roof in found if leading[roof["kind"], roof["name"]] == roof["source"]]
    # The slower, the further right it ends, and the higher its label.
    above = sorted((m for m in labelled if m["kind"] == "memory"), key=lambda m: -m["bytes_per_s"])
    ends = []
    for roof in found:
        if roof["kind"] == "compute":
            # From where the fastest memory meets it.
            peak, name, place = roof["flop_per_s"], roof["name"], "compute"
            span = [(max(left, peak / fastest), peak), (right, peak)]
            rate = units.text("flop_per_s", peak, 3)
        else:
            speed, name, place = roof["bytes_per_s"], _LEVELS[roof["name"]], roof["name"]
            span = [(at, at * speed) for at in (left, min(right, ceiling / speed))]
            rate = units.text("bytes_per_s", speed, 3)
        # Metrics of one cache may have different peaks: with shared memory, or without.
        counted = re.sub(r"^derived__[a-z0-9]+__|\.sum$", "", roof["metric"] or "")
        told = f"{name} ({counted}) {rate}" if counted else f"{name} {rate}"
        dy = _ABOVE - _LINE * above.index(roof) if roof in above else _BELOW
        for (at, height), label in zip(span, ("", told if roof in labelled else ""), strict=True):
            source, _ = _SOURCES[roof["source"]]
            ends.append(
                (f"{name} {roof['source']} {counted}".rstrip(), source, place, label, told, dy, at, height)
            )
    schema = dict.fromkeys(("roof", "source", "place", "label", "rate"), pl.String) | {"dy": pl.Int64}
    return pl.DataFrame(ends, schema=schema | {x: pl.Float64, y: pl.Float64}, orient="row"), points


def _span(rows: pl.DataFrame, ridges: pl.DataFrame, x: str) -> tuple[float, float]:
    """How far the axis of arithmetic intensity reaches: around the points and the ridge points."""
    values = [*rows[x].to_list(), *ridges[x].to_list()] or [1.0, 100.0]
    return 10.0 ** math.floor(math.log10(min(values) / 1.5)), max(values) * 12


def _apart(
    rows: pl.DataFrame, x: str, y: str, across: tuple[float, float], up: tuple[float, float]
) -> pl.DataFrame:
    """The rows whose labels do not lie on each other."""

    def pixels(row: dict[str, float]) -> tuple[float, float]:
        share = [math.log(row[c] / low) / math.log(high / low) for c, (low, high) in ((x, across), (y, up))]
        return share[0] * theme.WIDTH, share[1] * _HEIGHT

    kept: list[tuple[float, float]] = []
    chosen = []
    for number, row in enumerate(rows.to_dicts()):
        at = pixels(row)
        if all(abs(at[0] - other[0]) > 34 or abs(at[1] - other[1]) > 13 for other in kept):
            kept.append(at)
            chosen.append(number)
    return rows[chosen]


def _powers(low: float, high: float) -> list[float]:
    return [10.0**n for n in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def _told(answer: pl.DataFrame, column: str) -> bool:
    """Whether a tooltip is to tell a column: not what is unknown everywhere, nor a map."""
    return not answer[column].dtype.is_nested() and answer[column].null_count() < answer.height
