"""What the pages of Nsight Compute draw: curves of occupancy, and the memory chart."""

from __future__ import annotations

import altair as alt
import polars as pl

from traceql.draw import theme
from traceql.draw.registry import Drawing, chart
from traceql.errors import QueryError
from traceql.present import units

_PANEL = 110


@chart()
def occupancy_steps(
    answer: pl.DataFrame, *, x: str, x2: str, y: str, panel: str, color: str, mark: str, kernel: str
) -> Drawing:
    """What an SM holds (`y`) from `x` to `x2` of each `panel`, in the colour of what limits it.

    The kernel that was launched is a ring at `mark`. One kernel alone: the first of the answer.
    """
    known = answer.filter(pl.col(panel).is_not_null())
    if known.height == 0:
        raise QueryError(
            "no kernel has registers, threads and shared memory to compute with",
            "Record them: ncu --section LaunchStats",
        )
    launch = [name for name in answer.columns[: answer.columns.index(panel)] if name != "gpu_ns"]
    first = known.join(known.head(1).select(launch), on=launch, nulls_equal=True, maintain_order="left")
    limiters = first[color].unique().sort().to_list()
    hue = alt.Color(f"{color}:N", title=units.title(color), scale=alt.Scale(domain=limiters))
    top = max(first[y].to_list())
    panels = []
    for name in first[panel].unique(maintain_order=True).to_list():
        rows = first.filter(pl.col(panel) == name)
        texts = [
            f"{_amount(name, low)} to {_amount(name, high)}" for low, high in rows.select(x, x2).iter_rows()
        ]
        # Each step reaches to where the next one begins, and a step of one amount is seen.
        rows = rows.with_columns(
            (pl.col(x2) + 1).alias("end"),
            pl.Series(theme.VALUE, texts, pl.String),
            pl.col(y).shift(1).alias("before"),
        )
        divisor, unit = units.scale(name, rows["end"].to_list())
        reach = alt.Scale(domain=[rows[x][0], rows["end"][-1]], nice=False)
        axis = theme.plain_axis(units.title(name), unit, divisor, tickCount=6, grid=False)
        across = alt.X(f"{x}:Q", axis=axis, scale=reach)
        up = alt.Y(
            f"{y}:Q",
            axis=theme.axis(y, rows, name="Warps", tickCount=4),
            scale=alt.Scale(domain=[0, max(top, 1)]),
        )
        base = alt.Chart(rows, width=theme.WIDTH, height=_PANEL).encode(x=across, y=up)
        tooltip = [
            alt.Tooltip(f"{theme.VALUE}:N", title=units.title(name)),
            alt.Tooltip(f"{y}:Q", title="Warps"),
            alt.Tooltip(f"{color}:N", title=units.title(color)),
        ]
        rises = base.transform_filter("isValid(datum.before)").mark_rule(style="link")
        levels = base.mark_rule(strokeWidth=3).encode(x2=alt.X2("end:Q"), color=hue, tooltip=tooltip)
        at = base.transform_filter(f"datum['{mark}'] >= datum['{x}'] && datum['{mark}'] < datum.end")
        ring = at.mark_point(size=110, strokeWidth=2.5, filled=False, style="ridge").encode(
            x=alt.X(f"{mark}:Q", axis=axis, scale=reach), tooltip=tooltip
        )
        panels.append(alt.layer(rises.encode(y2=alt.Y2("before:Q")), levels, ring))
    called = f"{first[kernel][0]}; the ring is its launch"
    others = known.select(launch).n_unique() - 1
    note = f"{others:,} other launches are not drawn" if others else ""
    return theme.noted(alt.vconcat(*panels, spacing=18), called, note)


def _amount(parameter: str, value: int) -> str:
    """Registers and threads as counts, bytes in the unit that fits."""
    return units.text(parameter, value)
