"""Charts over the time of a trace: blocks of work, utilisation, gaps; values from instance to instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import polars as pl

from traceql.draw import theme
from traceql.draw.names import told_apart
from traceql.draw.registry import Drawing, chart
from traceql.present import units
from traceql.present.values import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_POINTS = 2_000
_MOST_DOTS = 100
_PANELS = 5
# Of the title of a panel, where two things have one name.
_LETTERS = 76
# From the first to the last that is drawn, with room for the marks of both.
_CLIPPED = alt.Scale(zero=False, nice=False, padding=8)
# An amount in the unit of its legend.
_SCALED = "amount in its unit"
# Which of the lines of one series a row is on, see `_lines_of`.
_LINE = "line·number"
# What a block's colour says, where its own column has more to say than there are colours.
_HUE = "colour·text"
# Columns that number instances of theirs apart from those of others.
_APART = ("domain", "range", "kernel", "pid", "tid", "gpu_id", "device_id")


@chart(moves=True)
def timeline(
    answer: pl.DataFrame,
    *,
    x: str,
    y: str,
    x2: str = "",
    length: str = "",
    order: str = "",
    color: str = "",
    busy: str = "",
) -> Drawing:
    """Blocks in lanes `y`, from `x` to `x2` or as long as `length`; drag to move, Ctrl and wheel to zoom.

    The lanes stand as `order` says, or as they come; numbers say what they count. Nothing has a minimum
    width, and a block that stands for many events is as pale as it is idle (`busy`, in percent): as on the
    page, the shade is the busy share.
    """
    # What is not a text stands in no order of lanes.
    known = theme.measured(answer, x, x2 or length)
    colored, scale, told = known, alt.Scale(), ""
    if color:
        colored, scale, told = theme.with_most(known, color, pl.col(x2) - pl.col(x) if x2 else pl.col(length))
    named = known.with_columns(theme.texts(known, y))
    since = theme.SINCE_JOB if "job" in answer.columns else theme.SINCE_START
    ordered = named.sort(order, maintain_order=True) if order else named
    lanes = ordered[theme.NAME].unique(maintain_order=True).to_list()
    rows, tooltip = theme.prepared(named, answer.columns)
    if told:
        # The tooltip says what it is.
        rows = rows.with_columns(colored[color].alias(_HUE))
    if not x2:
        x2 = "until_ns"
        rows = rows.with_columns((pl.col(x) + pl.col(length)).alias(x2))
    marks = alt.Chart(rows, height=22 * max(len(lanes), 1)).mark_bar(
        height={"band": 0.85},
        # Vega would make it a quarter of a pixel.
        minBandSize=0,
    )
    encoded = marks.encode(
        x=alt.X(f"{x}:Q", axis=theme.axis(x, rows, x2, name=since), scale=alt.Scale(zero=False, nice=False)),
        x2=alt.X2(f"{x2}:Q"),
        y=alt.Y(
            f"{theme.NAME}:N",
            sort=lanes,
            axis=alt.Axis(title=None, labelLimit=130, domain=False, ticks=False),
        ),
        tooltip=tooltip,
    )
    if color:
        encoded = encoded.encode(color=alt.Color(f"{_HUE if told else color}:N", title=None, scale=scale))
    if busy:
        encoded = encoded.encode(
            opacity=alt.Opacity(f"{busy}:Q", scale=alt.Scale(domain=[0, 100], range=[0, 1]), legend=None)
        )
    return theme.noted(encoded, theme.HOW_TO_MOVE, told, theme.left_out(known, answer))


@chart()
def heatmap(answer: pl.DataFrame, *, x: str, y: str, color: str) -> Drawing:
    """Equal stretches of time from `x` on, one row for each `y`, coloured by a percentage.

    What lies before the first and after the last with anything in it is not drawn.
    """
    known = theme.measured(answer, x)
    theme.any_amount(known, color)
    starts = known[x].unique().sort()
    # The answer gives where each stretch starts: all are as long as the shortest distance.
    length = starts.diff().min() or 1
    busy = known.filter(pl.col(color) > 0)[x]
    worked = known.filter(pl.col(x).is_between(busy.min(), busy.max()))
    rows = worked.with_columns((pl.col(x) + length).alias("until_ns"))
    rows, tooltip = theme.prepared(rows, [*answer.columns])
    cells = (
        alt.Chart(rows, height=34 * rows[y].n_unique())
        .mark_rect()
        .encode(
            x=alt.X(
                f"{x}:Q",
                axis=theme.axis(x, rows, "until_ns", name=theme.SINCE_START),
                scale=alt.Scale(zero=False, nice=False),
            ),
            x2=alt.X2("until_ns:Q"),
            y=alt.Y(f"{y}:O", title=units.title(y)),
            color=alt.Color(
                f"{color}:Q",
                title=f"{units.title(color)} ({units.scale(color, [])[1]})",
                scale=alt.Scale(scheme=theme.SEQUENTIAL, domain=[0, 100]),
                legend=alt.Legend(gradientLength=200, direction="horizontal"),
            ),
            tooltip=tooltip,
        )
    )
    whole, shown = known[x].n_unique(), worked[x].n_unique()
    idle = whole - shown
    note = f"nothing in {counted(idle, 'stretches')} of time before and after" if idle else ""
    return theme.noted(cells, note)


@chart()
def grid(answer: pl.DataFrame, *, x: str, y: str, color: str) -> Drawing:
    """A cell for each number `x` and number `y`, coloured by an amount; where there is none, it is empty."""
    known = theme.measured(answer, x, y, color)
    theme.any_amount(known, color)
    rows, tooltip = theme.prepared(known, answer.columns)
    divisor, unit = units.scale(color, known[color].to_list())
    plain = rows.with_columns((pl.col(color) / divisor).alias(_SCALED))
    cells = (
        alt.Chart(plain, height=max(22 * plain[y].n_unique(), 60))
        .mark_rect()
        .encode(
            x=alt.X(f"{x}:O", title=units.title(x), axis=alt.Axis(labelOverlap=True, labelAngle=0)),
            y=alt.Y(f"{y}:O", title=units.title(y)),
            color=alt.Color(
                f"{_SCALED}:Q",
                title=f"{units.title(color)} ({unit})",
                scale=alt.Scale(scheme=theme.SEQUENTIAL),
                legend=alt.Legend(gradientLength=200, direction="horizontal"),
            ),
            tooltip=tooltip,
        )
    )
    return theme.noted(cells, theme.left_out(known, answer))


@chart()
def gaps(answer: pl.DataFrame, *, x: str, y: str, total: str = "") -> Drawing:
    """When (`x`) something happened, and how long it took (`y`): a stick for each.

    Where the answer stops at the longest, `total` says how many there are.
    """
    known = theme.measured(answer, x, y)
    rows, tooltip = theme.prepared(known, [column for column in answer.columns if column != total])
    base = alt.Chart(rows, height=240).encode(
        x=alt.X(f"{x}:Q", axis=theme.axis(x, rows, name=theme.SINCE_START), scale=_CLIPPED),
        y=alt.Y(f"{y}:Q", axis=theme.axis(y, rows, tickCount=5)),
        tooltip=tooltip,
    )
    sticks = base.mark_rule(strokeWidth=1.5).encode(y2=alt.Y2Datum(0))
    of = known[total].max() if total else None
    note = theme.cut(rows.height, int(of), "longest") if isinstance(of, int) else ""
    return theme.noted(alt.layer(sticks, base.mark_point(filled=True, size=50)), note)


@chart()
def lines(
    answer: pl.DataFrame,
    *,
    x: str,
    y: str,
    color: str = "",
    apart: str = "",
    y_unit: str = "",
    panel: str = "",
) -> Drawing:
    """A line through `y` over the number `x`, for each `color` and whatever else numbers rows of its own.

    A column that does so can be named (`apart`), and one that says the unit of `y`. Where `panel` names them,
    those that stand apart or have another unit have a panel each, the first of the answer.
    """
    if panel:
        parts = list(dict.fromkeys(filter(None, (panel, apart, y_unit))))
        known = theme.measured(answer, x, y).partition_by(parts, maintain_order=True)
        shown = known[:_PANELS]
        firsts = pl.concat([rows.select(parts).head(1) for rows in shown])
        # As it stands at the axis.
        firsts = firsts.with_columns(pl.col(one).replace("", "count") for one in parts if one == y_unit)
        names = told_apart(firsts, panel, "", _LETTERS)
        charts = [_lines(rows, x, y, color, apart, y_unit).properties(width=theme.WIDTH) for rows in shown]
        if len(charts) == 1:
            notes = theme.notes(charts[0])
            return theme.noted(charts[0], *names, *notes)
        for chart, title in zip(charts, theme.panel_titles(names, [*map(theme.notes, charts)]), strict=True):
            chart.title = title
        return theme.noted(alt.vconcat(*charts, spacing=18), theme.cut(len(shown), len(known), "first"))
    return _lines(answer, x, y, color, apart, y_unit)


def _lines(answer: pl.DataFrame, x: str, y: str, color: str, apart: str, y_unit: str) -> Drawing:
    dots = alt.OverlayMarkDef(size=25) if answer.height <= _MOST_DOTS else False
    mark = alt.MarkDef(type="line", point=dots, strokeWidth=1.5)
    others = [name for name in (*_APART, apart) if name in answer.columns and name not in (x, y, color)]
    if not (color and y_unit):
        return _numbered(answer, mark, x, y, color, others, y_unit)
    # Counters: what the names of all end in (.sum, .avg) is said once.
    ends = {str(name).partition(".")[1:] for name in answer[color]}
    ending = "".join(ends.pop()) if len(ends) == 1 else ""
    rows = answer.with_columns(pl.col(color).str.strip_suffix(ending))
    chart = _numbered(rows, mark, x, y, color, others, y_unit)
    return theme.noted(chart, f"all of them {ending}" if ending else "", *theme.notes(chart))


@chart()
def points(answer: pl.DataFrame, *, x: str, y: str, color: str = "") -> Drawing:
    """A point at `y` for each number `x`: what lies between two of a `color` may be another's, or lack."""
    theme.any_amount(theme.measured(answer, x, y), y)
    return _numbered(answer, alt.MarkDef(type="point", filled=True, size=30), x, y, color)


def _numbered(
    answer: pl.DataFrame,
    mark: alt.MarkDef,
    x: str,
    y: str,
    color: str,
    apart: Sequence[str] = (),
    y_unit: str = "",
) -> Drawing:
    """Marks at `y` over the number `x`."""
    known = theme.measured(answer, x, y)
    if mark.type == "line":
        known, apart = _lines_of(known, x, color, apart)
    thinned = _thinned(known, x, y, [*filter(None, [color]), *apart])
    rows, tooltip = theme.prepared(thinned, answer.columns)
    y_axis = (
        theme.plain_axis(units.title(y), theme.said(rows, y_unit) or "count")
        if y_unit
        else theme.axis(y, rows)
    )
    encoded = alt.Chart(rows, height=260, mark=mark).encode(
        x=alt.X(f"{x}:Q", axis=theme.axis(x, rows), scale=_CLIPPED),
        y=alt.Y(f"{y}:Q", axis=y_axis),
        tooltip=tooltip,
    )
    if apart:
        encoded = encoded.encode(detail=[alt.Detail(f"{name}:N") for name in apart])
    # What is not known of any row tells none apart.
    if color and rows[color].null_count() < rows.height:
        encoded = encoded.encode(color=theme.color(color, rows))
        strokes = {"title": units.title(color), "legend": theme.legend(rows[color], symbolType="stroke")}
        if mark.type == "point":
            encoded = encoded.encode(shape=theme.shape(color, rows))
        elif (dash := theme.dashed(color, theme.values_of(rows[color]), **strokes)) is not alt.Undefined:
            encoded = encoded.encode(color=theme.color(color, rows, **strokes), strokeDash=dash)
    note = f"{rows.height:,} of {known.height:,} points: the extremes of each stretch"
    return theme.noted(encoded, note if thinned is not known else "", theme.left_out(known, answer))


def _lines_of(
    answer: pl.DataFrame, x: str, color: str, apart: Sequence[str]
) -> tuple[pl.DataFrame, Sequence[str]]:
    """The rows, and what tells their lines apart: processes of one pid are one series, and have one `x`.

    They stand one behind the other then, and a line begins where `x` is less than before.
    """
    series = list(dict.fromkeys([*filter(None, [color]), *apart]))
    if not answer.select(*series, x).is_duplicated().any():
        return answer, apart
    begins = (pl.col(x) < pl.col(x).shift(1)).fill_null(value=False).cast(pl.Int64).cum_sum()
    return answer.with_columns((begins.over(series) if series else begins).alias(_LINE)), [*apart, _LINE]


def _thinned(answer: pl.DataFrame, x: str, y: str, series: Sequence[str]) -> pl.DataFrame:
    """The rows, or if they are many, of each stretch of `x` those with the smallest and the largest `y`."""
    if answer.height <= _MOST_POINTS:
        return answer
    stretches = max(_MOST_POINTS // (2 * max(answer.select(series).n_unique() if series else 1, 1)), 1)
    numbered = answer.sort(x, maintain_order=True).with_columns(
        (pl.col(x).rank("ordinal") * stretches // (answer.height + 1)).alias("stretch·number")
    )
    groups = [*series, "stretch·number"]
    extreme = (pl.col(y) == pl.col(y).min().over(groups)) | (pl.col(y) == pl.col(y).max().over(groups))
    kept = numbered.filter(extreme).unique([*groups, y], keep="first", maintain_order=True)
    return kept.drop("stretch·number")
