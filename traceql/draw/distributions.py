"""Charts of how values are spread: histograms, and one value against another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from traceql.draw import theme
from traceql.draw.names import shortened
from traceql.draw.registry import Drawing, chart
from traceql.present import units

if TYPE_CHECKING:
    from collections.abc import Sequence

_PANELS = 6
_KINDS = 6
_NAMES = 20
# Letters of a name beside its row.
_LETTERS_OF_AXIS = 34
# How many times the median the largest of numbers is that have a logarithmic axis.
_WIDE = 20


@chart()
def histogram(answer: pl.DataFrame, *, x: str, x2: str, y: str, panel: str, weight: str = "") -> Drawing:
    """How many (`y`) lie between `x` and `x2`; one panel, with its own axes, for each `panel`.

    Those with the most of `weight` (else of `y`) are drawn, for what matters need not be frequent.
    """
    known = theme.measured(answer, x, x2, y)
    most = weight or y
    sizes = known.group_by(panel).agg(pl.col(most).sum()).sort(most, panel, descending=[True, False])
    panels = []
    whole = sizes[most].sum() or 1
    shown = sizes.head(_PANELS)
    shares = [[f"{units.text('_pct', 100 * amount / whole, 3)} of the time"] for amount in shown[most]]
    titles = theme.panel_titles([*theme.texts(shown, panel)], shares if weight else [])
    for value, title in zip(shown[panel].to_list(), titles, strict=True):
        rows = known.filter(pl.col(panel).eq_missing(value))
        # A bin of no width (all values are the same) is seen nonetheless.
        width = (pl.col(x2) - pl.col(x)).clip(0.01 * pl.col(x).max())
        rows = rows.with_columns((pl.col(x) + width).alias("to"))
        rows, tooltip = theme.prepared(rows, answer.columns)
        panels.append(
            alt.Chart(rows, title=title, width=theme.WIDTH, height=90)
            .mark_bar(orient="vertical")
            .encode(
                x=alt.X(
                    f"{x}:Q",
                    axis=theme.axis(x, rows, x2, name="Duration"),
                    scale=alt.Scale(domain=_beyond(rows[x].to_list(), rows["to"].to_list()), nice=False),
                ),
                x2=alt.X2("to:Q"),
                y2=alt.Y2Datum(0),
                y=alt.Y(f"{y}:Q", axis=theme.axis(y, rows, **theme.ticks(rows, y, 4))),
                tooltip=tooltip,
            )
        )
    note = theme.cut(len(panels), sizes.height, "that take the most time" if weight else "most frequent")
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
    """A point for each row. What an axis shows is named by the column, or by what the answer says of it.

    Where that is of several units, each has a panel, and of several names, each a colour.
    """
    known = theme.measured(answer, x, y)
    of_units = known.partition_by(y_unit, maintain_order=True) if y_unit else [known]
    panels = [_scattered(rows, x, y, color, (x_name, x_unit), (y_name, y_unit)) for rows in of_units]
    drawn = panels[0]
    if len(panels) > 1:
        sized = [panel.properties(width=theme.WIDTH) for panel in panels]
        # The names of one unit are not those of another.
        drawn = alt.vconcat(*sized, spacing=18).resolve_scale(color="independent", shape="independent")
    return theme.noted(drawn, theme.left_out(known, answer))


def _scattered(
    known: pl.DataFrame, x: str, y: str, color: str, of_x: tuple[str, str], of_y: tuple[str, str]
) -> alt.Chart:
    """The panel of one unit; axes are named by columns that say a name and a unit, if there are some."""
    rows, tooltip = theme.prepared(known, known.columns)
    named = of_y[0]
    several = bool(named) and rows[named].n_unique() > 1
    marks = alt.Chart(rows, height=320).mark_point(filled=True, size=45, opacity=0.75)
    encoded: alt.Chart = marks.encode(tooltip=tooltip)

    def channel(column: str, name: str, unit: str) -> dict[str, Any]:
        numbers = rows[column].to_list()
        if not name:
            return {"axis": theme.axis(column, rows)}
        called = units.title(column) if several and name == named else theme.said(rows, name)
        said = theme.said(rows, unit)
        if _is_wide(numbers):
            ticks = theme.decades(numbers)
            scale = alt.Scale(type="log", domain=[ticks[0], ticks[-1]], nice=False)
            return {"axis": theme.log_axis(called, said, numbers), "scale": scale}
        divisor, shown = units.scale_of(said, numbers)
        return {"axis": theme.plain_axis(called, shown, divisor)}

    if rows[x].dtype.is_numeric():
        encoded = encoded.encode(
            x=alt.X(f"{x}:Q", **channel(x, *of_x)), y=alt.Y(f"{y}:Q", **channel(y, *of_y))
        )
    else:
        # Names are long: they go down the side, and the values across.
        names = rows[x].unique(maintain_order=True).to_list()
        short = dict(zip(names, shortened([str(name) for name in names], _LETTERS_OF_AXIS), strict=True))
        encoded = encoded.properties(height=20 * len(names)).encode(
            y=alt.Y(
                f"{x}:N",
                title=None,
                axis=alt.Axis(
                    labelLimit=220,
                    labelExpr=f"{json.dumps(short, ensure_ascii=False)}[datum.label] || datum.label",
                ),
            ),
            x=alt.X(f"{y}:Q", **channel(y, *of_y)),
        )
    color = color or (named if several else "")
    if color:
        encoded = encoded.encode(color=theme.color(color, rows), shape=theme.shape(color, rows))
    return encoded


def _beyond(starts: Sequence[float], ends: Sequence[float]) -> list[float]:
    """From where until where an axis reaches: a little beyond what is drawn, and never below 0."""
    first, last = min(starts), max(ends)
    room = (last - first) / 40
    return [max(first - room, 0.0), last + room]


def _is_wide(numbers: Sequence[float]) -> bool:
    """Whether numbers are so far apart that most of them would lie on each other on a linear axis."""
    return min(numbers) > 0 and max(numbers) > _WIDE * sorted(numbers)[len(numbers) // 2]


@chart()
def durations(
    answer: pl.DataFrame, *, x: str, x2: str, y: str, low: str, high: str, panel: str, color: str = ""
) -> Drawing:
    """How long something took from `x` to `x2`: a line at `y`, and a box from `low` to `high`.

    One panel with an axis of its own for each `panel`, the first of the answer, over the same time.
    """
    known = theme.measured(answer, x, x2, y, low, high)
    kinds = known.partition_by(panel, maintain_order=True)
    reach = alt.Scale(domain=[min(known[x].to_list()), max(known[x2].to_list())], nice=False)
    across = alt.X(f"{x}:Q", scale=reach, axis=theme.axis(x, known, x2, name=theme.SINCE_START))
    # Of one GPU alone there is nothing to tell apart.
    several = bool(color) and known[color].n_unique() > 1
    hue = theme.color(color, known) if several else alt.value(theme.LIGHT.series[0])
    dash: alt.StrokeDash | alt.UndefinedType = alt.Undefined
    if several:
        strokes = {"title": units.title(color), "legend": theme.legend(known[color], symbolType="stroke")}
        dash = theme.dashed(color, theme.values_of(known[color]), **strokes)
        hue = hue if dash is alt.Undefined else theme.color(color, known, **strokes)
    panels = []
    titles = theme.panel_titles([theme.texts(group, panel)[0] for group in kinds[:_KINDS]])
    for group, title in zip(kinds, titles, strict=False):
        rows, tooltip = theme.prepared(group, answer.columns)
        axis = theme.axis(y, rows, low, high, name="Duration", tickCount=4)
        base = alt.Chart(rows, width=theme.WIDTH, height=90).encode(
            x=across, x2=alt.X2(f"{x2}:Q"), color=hue, tooltip=tooltip
        )
        spread = base.mark_bar(opacity=0.3).encode(
            y=alt.Y(f"{low}:Q", axis=axis, scale=alt.Scale(zero=False)), y2=alt.Y2(f"{high}:Q")
        )
        middle = base.mark_rule(strokeWidth=2.5).encode(
            strokeDash=dash, y=alt.Y(f"{y}:Q", axis=axis, scale=alt.Scale(zero=False))
        )
        panels.append(alt.layer(spread, middle, title=title))
    return theme.noted(
        alt.vconcat(*panels, spacing=18),
        f"line: {units.title(y).lower()} of a slice; box: shortest to longest",
        theme.cut(len(panels), len(kinds), "first"),
        theme.left_out(known, answer),
    )


@chart()
def percentiles(answer: pl.DataFrame, *, x: str, y: str, y2: str, y3: str, y4: str) -> Drawing:
    """Four times of each `x`, as points on a line from the first to the last, on a logarithmic axis.

    In the answer's order.
    """
    places = (y, y2, y3, y4)
    known = theme.measured(answer, *places, positive=True)
    rows = theme.rows_of(known.head(_NAMES), x, until=y)
    texts = [f"{units.text(y, row[y], 3)} → {units.text(y4, row[y4], 3)}" for row in rows.to_dicts()]
    rows = rows.with_columns(pl.Series(theme.VALUE, texts, pl.String))
    rows, tooltip = theme.prepared(rows, answer.columns)
    ticks = theme.decades([*rows[y].to_list(), *rows[y4].to_list()])
    axis = theme.axis(y, rows, *places[1:], name="Duration", values=ticks, grid=True)
    scale = alt.Scale(type="log", domain=[ticks[0], ticks[-1]], nice=False)
    base = alt.Chart(rows, height=34 * rows.height).encode(y=theme.row_axis(), tooltip=tooltip)
    reach = base.mark_rule(style="link", strokeWidth=2, yOffset=7).encode(
        x=alt.X(f"{y}:Q", axis=axis, scale=scale), x2=alt.X2(f"{y4}:Q")
    )
    told = alt.Scale(domain=[units.title(place) for place in places])
    points = (
        base.transform_calculate(place=repr(units.title(place)))
        .mark_point(filled=True, size=55, opacity=0.9, yOffset=7)
        .encode(
            x=alt.X(f"{place}:Q", axis=axis, scale=scale),
            color=alt.Color("place:N", title=None, scale=told),
            shape=alt.Shape("place:N", title=None, scale=told),
        )
        for place in places
    )
    return theme.noted(
        alt.layer(reach, *points, *theme.head_lines(base, -9)),
        f"{units.title(y).lower()} → {units.title(y4).lower()} beside each name",
        theme.cut(rows.height, known.height, "first"),
        theme.left_out(known, answer),
    )
