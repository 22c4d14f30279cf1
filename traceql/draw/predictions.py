"""Floors that theory expects, as curves, and measured times laid over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from traceql.draw import theme
from traceql.draw.charts import themed
from traceql.present import units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traceql.draw.registry import Drawing

# Sizes that are labelled one by one.
_MOST_LABELS = 14
# How many times the least the largest of numbers is that have a logarithmic axis.
_WIDE = 8


def floors(
    rows: pl.DataFrame,
    points: pl.DataFrame,
    *,
    size: str,
    up: str = "",
    gpus: Sequence[str] = (),
    of_tiles: bool = False,
) -> Drawing:
    """A curve for each series of floors over `size`, and a point for each measured time.

    Args:
        rows: x (the size), us (the floor), up (what stands upwards, if not the time), series.
        points: the same of what was measured.
        size: the column that x is.
        up: the column that `up` is: then it stands over the time, each point with its size.
        gpus: named in the title.
        of_tiles: floors are those of some tiles: others may be faster.

    Raises:
        QueryError: nothing has a number to draw.
    """
    across, upwards = ("us", "up") if up else ("x", "us")
    lines = theme.measured(rows, across, upwards, positive=True)
    marks = points.drop_nulls([across, upwards])
    both = pl.concat([lines, marks])
    names = both.select(pl.col("series").unique(maintain_order=True))["series"]
    legend = alt.Legend(labelLimit=400, columns=2)
    dash = theme.dashed("curve", theme.values_of(names), title=None, legend=legend)
    if dash is not alt.Undefined:
        legend.symbolType = "stroke"
    called = {"x": size, "us": "time_us", "up": up}
    shown = [name for name in called if called[name]]

    def layer(part: pl.DataFrame, mark: dict[str, Any]) -> alt.Chart:
        named = part.select("series", *(pl.col(name).alias(called[name]) for name in shown)).rename(
            {"series": "curve"}
        )
        prepared, tooltip = theme.prepared(named, named.columns)
        chart = alt.Chart(prepared, height=320, width=theme.WIDTH)
        drawn = getattr(chart, f"mark_{mark.pop('kind')}")(**mark)
        made: alt.Chart = drawn.encode(
            x=_channel(alt.X, called[across], both[across]),
            y=_channel(alt.Y, called[upwards], both[upwards]),
            color=alt.Color("curve:N", title=None, scale=theme.scale_of(names), legend=legend),
            tooltip=tooltip,
        )
        return made

    # The next wave begins with one tile too many.
    steps = {"interpolate": "step-after"} if of_tiles else {}
    layers = [layer(lines, {"kind": "line", "strokeWidth": 2, **steps}).encode(strokeDash=dash)]
    if up:
        labels = layer(lines, {"kind": "text", "dy": -9, "fontSize": 10})
        layers.append(labels.encode(text=alt.Text(f"{size}:Q")))
    if marks.height:
        layers.append(layer(marks, {"kind": "point", "filled": False, "size": 45, "strokeWidth": 2}))
    floor = "floors with these tiles" if of_tiles else "floors"
    note = f"lines: {floor}, points: measured" if marks.height else f"lines: {floor}"
    if up:
        note += f"; numbers: {units.title(size).lower()}"
    title = alt.TitleParams(f"What theory expects of {', '.join(gpus)}", subtitle=[note])
    return themed(alt.layer(*layers).properties(title=title))


def _channel(kind: Any, column: str, values: pl.Series) -> Any:
    """An axis over positive numbers, logarithmic where they are far apart."""
    known = sorted(set(values.to_list()))
    frame = pl.DataFrame({column: known})
    wide = known[-1] > _WIDE * known[0]
    scale = alt.Scale(type="log", nice=False) if wide else alt.Scale(zero=False)
    if not wide:
        return kind(f"{column}:Q", scale=scale, axis=theme.axis(column, frame))
    ticks = known if len(known) <= _MOST_LABELS else theme.decades(known)
    if not units.suffix(column):
        return kind(f"{column}:Q", scale=scale, axis=theme.axis(column, frame, values=ticks))
    return kind(f"{column}:Q", scale=scale, axis=theme.axis(column, frame, values=theme.decades(known)))
