"""Charts of how values are spread: histograms, and one value against another."""

from __future__ import annotations

import altair as alt
import polars as pl

from traceql.draw import theme
from traceql.draw.registry import Drawing, chart
from traceql.present import units

_PANELS = 6


@chart()
def histogram(answer: pl.DataFrame, *, x: str, x2: str, y: str, panel: str) -> Drawing:
    """How many (`y`) lie between `x` and `x2`; one panel, with its own axes, for each `panel`."""
    known = theme.measured(answer, x, x2, y)
    sizes = known.group_by(panel).agg(pl.col(y).sum()).sort(y, panel, descending=[True, False])
    panels = []
    for value in sizes[panel].head(_PANELS).to_list():
        rows = known.filter(pl.col(panel).eq_missing(value))
        # A bin of no width (all values are the same) is seen nonetheless.
        width = (pl.col(x2) - pl.col(x)).clip(0.01 * pl.col(x).max())
        rows = rows.with_columns((pl.col(x) + width).alias("to"))
        rows, tooltip = theme.prepared(rows, answer.columns)
        panels.append(
            alt.Chart(rows, title=alt.TitleParams(str(value), fontSize=12), width=theme.WIDTH, height=90)
            .mark_bar(orient="vertical")
            .encode(
                x=alt.X(f"{x}:Q", axis=theme.axis(x, rows, x2, name="Duration"), scale=alt.Scale(zero=False)),
                x2=alt.X2("to:Q"),
                y2=alt.Y2Datum(0),
                y=alt.Y(f"{y}:Q", axis=theme.axis(y, rows, tickCount=4)),
                tooltip=tooltip,
            )
        )
    note = theme.cut(len(panels), sizes.height, "most frequent")
    return theme.noted(alt.vconcat(*panels, spacing=24), note, theme.left_out(known, answer))


@chart()
def scatter(
    answer: pl.DataFrame,
    *,
    x: str,
    y: str,
    color: str = "",
    x_name: str = "",
    x_unit: str = "",
    y_name: str = "",
    y_unit: str = "",
) -> Drawing:
    """A point for each row. What an axis shows is named by the column, or by what the answer says of it."""
    known = theme.measured(answer, x, y)
    rows, tooltip = theme.prepared(known, answer.columns)
    encoded = (
        alt.Chart(rows, height=320).mark_point(filled=True, size=45, opacity=0.75).encode(tooltip=tooltip)
    )

    def axis(column: str, name: str, unit: str) -> alt.Axis:
        if not name:
            return theme.axis(column, rows)
        divisor, shown = units.scale_of(theme.said(rows, unit), rows[column].to_list())
        return theme.plain_axis(theme.said(rows, name), shown, divisor)

    y_shown = alt.Y(f"{y}:Q", axis=axis(y, y_name, y_unit))
    if rows[x].dtype.is_numeric():
        encoded = encoded.encode(x=alt.X(f"{x}:Q", axis=axis(x, x_name, x_unit)), y=y_shown)
    else:
        # Names are long: they go down the side, and the values across.
        encoded = encoded.properties(height=20 * rows[x].n_unique()).encode(
            y=alt.Y(f"{x}:N", title=None, axis=alt.Axis(labelLimit=220)),
            x=alt.X(f"{y}:Q", axis=axis(y, y_name, y_unit)),
        )
    if color:
        name = units.title(color)
        encoded = encoded.encode(
            color=alt.Color(f"{color}:N", title=name), shape=alt.Shape(f"{color}:N", title=name)
        )
    return theme.noted(encoded, theme.left_out(known, answer))
