"""Sweeps of batch sizes and input lengths, with the ridge that theory expects and the measured elbow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from traceql.draw import theme
from traceql.draw.registry import Drawing, chart
from traceql.present import units

if TYPE_CHECKING:
    from collections.abc import Sequence

_FITTED, _BY_EYE, _IMPOSSIBLE = "fitted elbow", "elbow read by eye", "faster than the hardware"
# Sweeps side by side have one legend, so all of them know all marks. The last is a cross over its point.
_SHAPES = {_FITTED: "diamond", _BY_EYE: "triangle-up", _IMPOSSIBLE: "M-1,-1L1,1M-1,1L1,-1"}
_CURVE = "curve"
# Names of curves of which four fit beside each other.
_SHORT = 20


@chart()
def sweep(
    answer: pl.DataFrame,
    *,
    x: str,
    y: str,
    color: str,
    ridge: str,
    elbow: str,
    by_eye: str = "",
    file: str = "",
    config: str = "",
    finding: str = "",
) -> Drawing:
    """`y` over `x`, both logarithmic, one curve per `color`, `file` and `config`.

    A dashed line stands at the theoretical ridge, a diamond on the curve at the fitted elbow, a hollow
    triangle at the one that was read by eye, and a cross over each point with a `finding`: work that takes
    longer than that.
    """
    named = theme.measured(_with_curves(answer, color, file, config), x, y, positive=True)
    rows, tooltip = theme.prepared(named.with_columns(pl.col(color).cast(pl.String)), named.columns)
    base = alt.Chart(rows, height=320)
    names = rows[_CURVE].unique(maintain_order=True).to_list()
    title = units.title(color) if rows[_CURVE].equals(rows[color]) else "Curve"
    # As the theme has it, or fewer: sweeps side by side share a legend, and no two say different numbers.
    legend: dict[str, Any] = {
        "labelLimit": 300,
        "columns": alt.Undefined if max(map(len, names)) < _SHORT else 2,
    }
    hue = alt.Color(f"{_CURVE}:N", title=title, sort=None, legend=alt.Legend(**legend))
    strokes: dict[str, Any] = {"title": title, "legend": alt.Legend(**legend, symbolType="stroke")}
    if (dash := theme.dashed(_CURVE, names, **strokes)) is not alt.Undefined:
        hue = alt.Color(f"{_CURVE}:N", scale=alt.Scale(domain=names), **strokes)
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
        x=across, y=up, color=hue, strokeDash=dash, tooltip=tooltip
    )
    marks = [_elbows(rows, x, y, color, elbow, _FITTED)]
    if by_eye:
        marks.append(_elbows(rows, x, y, color, by_eye, _BY_EYE))
    if finding:
        marks.append(
            rows.drop_nulls([x, y, finding]).select(_CURVE, color, pl.lit(_IMPOSSIBLE).alias("kind"), x, y)
        )
    marked, m_tip = theme.prepared(
        pl.concat(marks, how="vertical_relaxed"), [*dict.fromkeys([_CURVE, color]), "kind", x, y]
    )
    ridges, r_tip = theme.prepared(
        rows.filter(pl.col(ridge) > 0).select(_CURVE, ridge).unique(maintain_order=True), [_CURVE, ridge]
    )
    dashed = (
        alt.Chart(ridges)
        .mark_rule(strokeDash=[6, 4], opacity=0.8)
        .encode(x=alt.X(f"{ridge}:Q"), color=hue, tooltip=r_tip)
    )
    points = (
        alt.Chart(marked)
        .mark_point(size=110, strokeWidth=2, opacity=1)
        .encode(
            x=alt.X(f"{x}:Q"),
            y=alt.Y(f"{y}:Q"),
            color=hue,
            shape=alt.Shape(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=list(_SHAPES), range=list(_SHAPES.values())),
            ),
            tooltip=m_tip,
        )
    )
    return theme.noted(
        alt.layer(dashed, curves, points),
        "dashed: where theory expects the ridge",
        theme.left_out(named, answer),
    )


def _with_curves(answer: pl.DataFrame, color: str, file: str, config: str) -> pl.DataFrame:
    """The answer with the name of each row's curve: as little as tells all of them apart.

    What tells any two apart, the file or the configuration, stands in all names. Of a configuration, the
    tags that all curves have are left out.
    """
    parts = [part for part in (color, file, config) if part]
    curves = answer.select(parts).unique(maintain_order=True)
    hues = [str(value or f"no {units.title(color)}") for value in curves[color].to_list()]
    files = [f"{value}: " for value in curves[file].to_list()] if file else [""] * len(hues)
    tags = (
        [str(value or "").split(", ") for value in curves[config].to_list()] if config else [[""]] * len(hues)
    )
    common = set(tags[0]).intersection(*tags)
    own = ["".join(f", {tag}" for tag in each if tag and tag not in common) for each in tags]
    # A part stands in all names or in none: a name without it would seem to be of any sweep.
    of_files = set(zip(files, hues, strict=True))
    tells_file = len(of_files) > len(set(hues))
    tells_own = len(set(zip(files, hues, own, strict=True))) > len(of_files)
    names = [
        f"{label if tells_file else ''}{hue}{tail if tells_own else ''}"
        for label, hue, tail in zip(files, hues, own, strict=True)
    ]
    named = curves.with_columns(pl.Series(_CURVE, names, pl.String))
    return answer.join(named, on=parts, nulls_equal=True, maintain_order="left")


def _elbows(rows: pl.DataFrame, x: str, y: str, color: str, elbow: str, kind: str) -> pl.DataFrame:
    """Where each curve bends: the elbow, and how high the curve is there."""
    found = []
    for (name,), curve in rows.drop_nulls([x, y]).sort(x).group_by([_CURVE], maintain_order=True):
        at = curve[elbow][0]
        height = None if at is None else _height(curve[x].to_list(), curve[y].to_list(), float(at))
        if height is not None:
            found.append({_CURVE: name, color: curve[color][0], "kind": kind, x: float(at), y: height})
    names = dict.fromkeys([_CURVE, color, "kind"], pl.String)
    return pl.DataFrame(found, schema={**names, x: pl.Float64, y: pl.Float64})


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
