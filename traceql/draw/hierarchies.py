"""The memory hierarchy of GPUs."""

from __future__ import annotations

import altair as alt
import polars as pl

from traceql.draw import theme
from traceql.draw.registry import Drawing, chart
from traceql.errors import QueryError
from traceql.present import units

_LEVELS = {"l1": "L1 cache", "l2": "L2 cache", "dram": "DRAM", "nvlink": "NVLink", "pcie": "PCIe"}


@chart()
def hierarchy(answer: pl.DataFrame, *, x: str, y: str, order: str, color: str, measured: str) -> Drawing:
    """Bandwidths (`x`) on a logarithmic axis, the nearest level (`y`) on top; hollow what was `measured`.

    A level without a published bandwidth has the measured one alone.
    """
    known = answer.filter((pl.col(x) > 0) | (pl.col(measured) > 0))
    if known.height == 0:
        raise QueryError("no level has a bandwidth to draw")
    labels = [
        f"{units.text(x, reached, 3)} measured" if published is None else units.text(x, published, 3)
        for published, reached in known.select(x, measured).rows()
    ]
    rows = known.with_columns(
        pl.col(y).replace(_LEVELS).alias("place"),
        pl.coalesce(x, measured).alias("labelled_at"),
        pl.Series(theme.VALUE, labels, pl.String),
    )
    places = rows.select("place", order).unique().sort(order)["place"].to_list()
    rows, tooltip = theme.prepared(rows, ["place", *(c for c in answer.columns if c != y)])
    rows = rows.with_columns(
        pl.when(pl.col(x).is_not_null())
        .then(f"{x}·text")
        .otherwise(pl.lit("not published"))
        .alias(f"{x}·text")
    )
    ticks = theme.decades([*rows[x].to_list(), *rows[measured].to_list()])
    several = rows[color].n_unique() > 1
    base = alt.Chart(rows, height=44 * len(places)).encode(
        x=alt.X(
            f"{x}:Q",
            axis=theme.prefixed_axis(x, values=ticks),
            scale=alt.Scale(type="log", domain=[ticks[0], ticks[-1]], nice=False),
        ),
        y=alt.Y("place:N", sort=places, title=None),
        tooltip=tooltip,
    )
    published = base.transform_filter(f"isValid(datum['{x}'])")
    line = published.mark_line(style="link").encode(
        order=alt.Order(f"{order}:Q"), detail=alt.Detail(f"{color}:N")
    )
    points = published.mark_point(filled=True, size=90, opacity=1)
    texts = base.mark_text(style="note", yOffset=-12).encode(
        x=alt.X("labelled_at:Q"), text=alt.Text(f"{theme.VALUE}:N")
    )
    reached = (
        base.transform_filter(f"isValid(datum['{measured}'])")
        .mark_point(filled=False, size=90, strokeWidth=2)
        .encode(x=alt.X(f"{measured}:Q"))
    )
    note = "hollow: measured" if rows[measured].null_count() < rows.height else ""
    if several:
        told = {"color": theme.color(color, rows), "shape": theme.shape(color, rows)}
        return theme.noted(
            alt.layer(line, points.encode(**told), reached.encode(**told)),
            note,
            theme.left_out(known, answer),
        )
    return theme.noted(alt.layer(line, points, texts, reached), note, theme.left_out(known, answer))
