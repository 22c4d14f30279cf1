"""Sweeps of batch sizes and input lengths, with the ridge that theory expects and the measured elbow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import altair as alt
import polars as pl

from traceql.draw import theme
from traceql.draw.registry import Drawing, chart
from traceql.present import units

if TYPE_CHECKING:
    from collections.abc import Sequence

_FITTED, _BY_EYE = "fitted elbow", "elbow read by eye"


@chart()
def sweep(
    answer: pl.DataFrame, *, x: str, y: str, color: str, ridge: str, elbow: str, by_eye: str = ""
) -> Drawing:
    """`y` over `x`, both logarithmic, one curve per `color`.

    A dashed line stands at the theoretical ridge, a diamond on the curve at the fitted elbow, and a hollow
    triangle at the one that was read by eye.
    """
    rows, tooltip = theme.prepared(answer, answer.columns)
    base = alt.Chart(rows, height=320)
    hue = alt.Color(f"{color}:N", title=units.title(color), sort=None)
    across = alt.X(
        f"{x}:Q",
        axis=theme.axis(x, rows, values=sorted(rows[x].unique().to_list())),
        scale=alt.Scale(type="log", base=2, nice=False),
    )
    ticks = theme.decades(rows[y].to_list())
    up = alt.Y(
        f"{y}:Q",
        axis=theme.axis(y, rows, values=ticks),
        scale=alt.Scale(type="log", domain=[ticks[0], ticks[-1]], nice=False),
    )
    curves = base.mark_line(point=alt.OverlayMarkDef(size=30)).encode(
        x=across, y=up, color=hue, tooltip=tooltip
    )
    marks = [_elbows(rows, x, y, color, elbow, _FITTED)]
    if by_eye:
        marks.append(_elbows(rows, x, y, color, by_eye, _BY_EYE))
    elbows, e_tip = theme.prepared(pl.concat(marks), [color, "kind", x, y])
    ridges, r_tip = theme.prepared(
        rows.select(color, ridge).drop_nulls().unique(maintain_order=True), [color, ridge]
    )
    dashed = (
        alt.Chart(ridges)
        .mark_rule(strokeDash=[6, 4], opacity=0.8)
        .encode(x=alt.X(f"{ridge}:Q"), color=hue, tooltip=r_tip)
    )
    points = (
        alt.Chart(elbows)
        .mark_point(size=110, strokeWidth=2, opacity=1)
        .encode(
            x=alt.X(f"{x}:Q"),
            y=alt.Y(f"{y}:Q"),
            color=hue,
            shape=alt.Shape(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=[_FITTED, _BY_EYE], range=["diamond", "triangle-up"]),
            ),
            tooltip=e_tip,
        )
    )
    return theme.noted(alt.layer(dashed, curves, points), "dashed: theoretical ridge point, in FLOP/byte")


def _elbows(rows: pl.DataFrame, x: str, y: str, color: str, elbow: str, kind: str) -> pl.DataFrame:
    """Where each curve bends: the elbow, and how high the curve is there."""
    found = []
    for (name,), curve in rows.drop_nulls([x, y]).sort(x).group_by([color], maintain_order=True):
        at = curve[elbow][0]
        height = None if at is None else _height(curve[x].to_list(), curve[y].to_list(), float(at))
        if height is not None:
            found.append({color: name, "kind": kind, x: float(at), y: height})
    return pl.DataFrame(found, schema={color: pl.String, "kind": pl.String, x: pl.Float64, y: pl.Float64})


def _height(xs: Sequence[float], ys: Sequence[float], at: float) -> float | None:
    """How high the drawn line is at `at`: straight between its points where both axes are logarithmic.

    >>> _height([1, 4], [10, 40], 2)
    20.0
    """
    for left, right, low, high in zip(xs, xs[1:], ys, ys[1:], strict=False):
        if left <= at <= right and left < right:
            share = math.log(at / left) / math.log(right / left)
            return float(round(low * (high / low) ** share, 9))
    return None
