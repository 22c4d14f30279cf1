"""How every chart looks: colours, fonts, axes, labels.

Two palettes, for a light and a dark background. Every colour has a contrast of at least 3:1 to its background
(WCAG 2.2, 1.4.11), and any two stay apart in normal vision and in the three kinds of dichromacy (simulated
after Machado, Oliveira and Fernandes, IEEE TVCG 15(6), 2009); a test computes both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import altair as alt
import polars as pl

from traceql.errors import QueryError
from traceql.present import units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from traceql.draw.registry import Drawing


@dataclass(frozen=True)
class Colors:
    """Colours that go together on one background, each as CSS.

    Attributes:
        background: of the page.
        ink: text.
        muted: secondary text, axes, reference lines.
        grid: grid lines.
        series: categories, in order.
    """

    background: str
    ink: str
    muted: str
    grid: str
    series: tuple[str, ...]


LIGHT = Colors(
    background="#ffffff",
    ink="#1c2024",
    muted="#5f6873",
    grid="#e3e6ea",
    series=("#024ef8", "#901200", "#0a9a5c", "#db45a9", "#929806", "#5c129a", "#501627"),
)
DARK = Colors(
    background="#14171c",
    ink="#e8eaed",
    muted="#9aa4b0",
    grid="#2c323a",
    series=("#4f88d5", "#d9822b", "#2fe39a", "#e8417c", "#f2d706", "#9a5cff", "#c0e8f2"),
)
# What a rank does, each in one colour in every chart, in the order in which charts name their parts.
_STATES = ("work", "waiting", "idle", "exchange")
#: For quantities as colours: even in brightness, and the same with every kind of colour vision.
SEQUENTIAL: Literal["cividis"] = "cividis"
FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
#: Symbols go with the colours, so that no chart of points depends on colour alone.
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross")
#: Rows that a chart is made of at most: more cannot be told apart, and make notebooks slow.
MOST_ROWS = 5_000
#: Pixels, where nothing else says how wide a chart is.
WIDTH = 640

#: The note under the title of a chart that moves: there is nothing to drag in a picture.
HOW_TO_MOVE = "drag to move, Ctrl and wheel to zoom, double-click for all of it"
#: An axis whose labels are drawn otherwise.
HIDDEN = alt.Axis(title=None, labels=False, ticks=False, domain=False, grid=False)
#: Columns that hold what is shown of another, or of the row.
NAME, VALUE, ROW, HEAD = "name·text", "value·text", "row·number", "is·head"
#: Pixels of a row that holds a line of text, or a bar.
LINE = 17
_ROOM_FOR_VALUE = 110
_MOST_DECADES = 20


def scale_of(categories: pl.Series) -> alt.Scale | alt.UndefinedType:
    """The scale of colours for categories: their own where they have one everywhere."""
    known = set(categories.drop_nulls().to_list())
    return alt.Scale(domain=list(_STATES)) if known and known <= {*_STATES} else alt.Undefined


def config(colors: Colors = LIGHT) -> dict[str, Any]:
    """The Vega-Lite configuration of every chart."""
    text = {"labelColor": colors.muted, "titleColor": colors.ink}
    return {
        "background": colors.background,
        "font": FONT,
        "view": {"stroke": None},
        "title": {
            "anchor": "start",
            "frame": "group",
            "color": colors.ink,
            "subtitleColor": colors.muted,
            "fontSize": 14,
            "subtitleFontSize": 12,
            "subtitlePadding": 5,
            "offset": 14,
        },
        "axis": {
            **text,
            "domainColor": colors.muted,
            "tickColor": colors.muted,
            "gridColor": colors.grid,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "labelFontSize": 11,
            "titleFontSize": 12,
        },
        "legend": {
            **text,
            "orient": "bottom",
            "columns": 4,
            "titleFontWeight": "normal",
            "labelLimit": 150,
            # Of symbols that stand for a shape only.
            "symbolBaseFillColor": colors.muted,
            "symbolBaseStrokeColor": colors.muted,
        },
        "header": text,
        "range": {"category": list(colors.series), "symbol": list(SHAPES), "heatmap": {"scheme": SEQUENTIAL}},
        "mark": {"color": colors.series[0]},
        "rule": {"color": colors.series[0]},
        "text": {"color": colors.ink, "fontSize": 11},
        "style": {
            "label": {"fill": colors.ink},
            "note": {"fill": colors.muted},
            "reference": {"color": colors.muted, "strokeDash": [5, 4]},
            "roof": {"color": colors.muted, "strokeWidth": 1.5},
            "ridge": {"color": colors.ink},
            "axis-line": {"color": colors.muted},
            "link": {"color": colors.muted, "opacity": 0.6},
            "box": {"color": colors.grid, "stroke": colors.muted},
        },
    }


def axis(column: str, answer: pl.DataFrame, *others: str, name: str = "", **options: Any) -> alt.Axis:
    """An axis over one column, or several of one unit: its title says the unit, its labels are in it."""
    divisor, unit = units.scale(column, [v for c in (column, *others) for v in answer[c].to_list()])
    return plain_axis(name or units.title(column), unit, divisor, **options)


def plain_axis(name: str, unit: str, divisor: float = 1.0, **options: Any) -> alt.Axis:
    """An axis whose unit is known from elsewhere; its labels are values ÷ `divisor`."""
    return alt.Axis(
        title=f"{name} ({unit})", labelExpr=f"format(datum.value / {divisor:g}, ',.6~r')", **options
    )


def said(rows: pl.DataFrame, column: str) -> str:
    """What a column says in all rows, or in some."""
    return ", ".join(sorted(str(v) for v in rows[column].unique().to_list() if v))


def decades(values: Sequence[float | None]) -> list[float]:
    """Where the labels of a logarithmic axis stand: at 1, 2 and 5 times the powers of ten, or at those alone.

    >>> decades([3, 40])
    [2.0, 5.0, 10.0, 20.0, 50.0]
    """
    known = [value for value in values if value is not None and 0 < value < math.inf]
    low, high = math.log10(min(known, default=1)), math.log10(max(known, default=10))
    steps = (1, 2, 5) if high - low < 2 else (1,)
    marks = [step * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for step in steps]
    first = max((i for i, mark in enumerate(marks) if mark <= 10**low * 1.0000001), default=0)
    last = min((i for i, mark in enumerate(marks) if mark >= 10**high * 0.9999999), default=len(marks) - 1)
    shown = marks[first : last + 1]
    # More than can be told apart: every second, third … and the ends.
    step = math.ceil((len(shown) - 1) / _MOST_DECADES) or 1
    return shown if step == 1 else [*shown[:-1:step], shown[-1]]


def prepared(answer: pl.DataFrame, columns: Sequence[str]) -> tuple[pl.DataFrame, list[alt.Tooltip]]:
    """What a chart draws: the rows, and tooltips with some of their columns, numbers in the unit that fits.

    Values that are not finite become missing, as JSON knows no others.

    Raises:
        QueryError: more rows than a picture can show.
    """
    if answer.height > MOST_ROWS:
        raise QueryError(
            f"{answer.height:,} rows are too many for one picture (at most {MOST_ROWS:,})",
            "Choose some with the query's parameters, or ask for the numbers: traceql query",
        )
    floats = [name for name, dtype in answer.schema.items() if dtype.is_float()]
    answer = answer.with_columns(pl.when(pl.col(c).is_finite()).then(pl.col(c)).alias(c) for c in floats)
    shown = []
    for column in dict.fromkeys(columns):
        name = f"{column}·text" if answer[column].dtype.is_numeric() else column
        if name != column:
            texts = [units.text(column, value) for value in answer[column].to_list()]
            answer = answer.with_columns(pl.Series(name, texts, pl.String))
        shown.append(alt.Tooltip(f"{name}:N", title=units.title(column)))
    return answer, shown


def measured(answer: pl.DataFrame, *columns: str, positive: bool = False) -> pl.DataFrame:
    """The rows that an axis can show: with a number in all of these columns, on logarithmic ones above 0.

    Raises:
        QueryError: there are none, so that the picture would be empty.
    """
    known = pl.lit(True)
    for column in columns:
        known &= pl.col(column).is_not_null()
        if answer[column].dtype.is_numeric():
            number = pl.col(column).cast(pl.Float64)
            known &= number.is_finite() & (number > 0) if positive else number.is_finite()
    rows = answer.filter(known)
    if rows.height == 0:
        what = " with ".join(units.title(column) for column in columns)
        raise QueryError(f"no row has {what} to draw", "The numbers: traceql query")
    return rows


def left_out(shown: pl.DataFrame, answer: pl.DataFrame) -> str:
    """What to note when rows have nothing to be drawn."""
    without = answer.height - shown.height
    return f"{without:,} without a value to draw are not shown" if without else ""


def head_lines(base: alt.Chart, offset: float) -> list[alt.Chart]:
    """The name of each row on the left and its value on the right, above what is drawn of it.

    Names of kernels are long: above the marks they need no margin, and a narrow page is no problem.
    """
    return [_name_of(base, offset), _value_of(base, offset)]


def _name_of(base: alt.Chart, offset: float, **font: Any) -> Drawing:
    # Layers share one scale of rows; these are placed in pixels.
    limit = alt.ExprRef(f"max(40, width - {_ROOM_FOR_VALUE})")
    name = base.mark_text(align="left", style="label", yOffset=offset, limit=limit, **font)
    return name.encode(x=alt.XValue(0), text=alt.Text(f"{NAME}:N"))  # type: ignore[no-untyped-call]


def _value_of(base: alt.Chart, offset: float) -> Drawing:
    value = base.mark_text(align="right", style="note", yOffset=offset)
    return value.encode(x=alt.XValue("width"), text=alt.Text(f"{VALUE}:N"))  # type: ignore[no-untyped-call]


def line(number: int, name: str, value: str = "", *, head: bool = False) -> dict[str, object]:
    """A row that is a text, for `text_lines`."""
    return {ROW: number, NAME: name, VALUE: value, HEAD: head}


def text_lines(lines: Sequence[dict[str, object]], **size: int) -> list[alt.Chart]:
    """Rows of a chart that are texts, heads in bold; other rows are for marks."""
    base = alt.Chart(pl.DataFrame(lines)).properties(**size).encode(y=row_axis())
    heads = base.transform_filter(f"datum['{HEAD}']")
    others = base.transform_filter(f"!datum['{HEAD}']")
    return [_name_of(heads, 0, fontWeight="bold"), _name_of(others, 0), _value_of(base, 0)]


def rows_of(answer: pl.DataFrame, name: str) -> pl.DataFrame:
    """The answer with the number of each row, and its name as text."""
    return answer.with_columns(texts(answer, name), pl.int_range(pl.len(), dtype=pl.Int64).alias(ROW))


def texts(answer: pl.DataFrame, name: str) -> pl.Series:
    """A column of names as texts: `NAME`."""
    found = [
        "(none)" if value is None else value if isinstance(value, str) else units.text(name, value)
        for value in answer[name].to_list()
    ]
    return pl.Series(NAME, found, pl.String)


def row_axis() -> alt.Y:
    """The scale of `rows_of`: one row each, without gaps."""
    return alt.Y(f"{ROW}:O", axis=HIDDEN, scale=alt.Scale(padding=0))


def moving(chart: Drawing, number: int) -> Drawing:
    """The chart, to be moved and zoomed along its time; each of a picture by itself, so it has a `number`."""
    # The wheel alone scrolls the page that the chart is in.
    zoom = alt.selection_interval(
        name=f"zoom_{number}",
        bind="scales",
        encodings=["x"],
        zoom="wheel![event.ctrlKey || event.metaKey]",
    )
    return chart.add_params(zoom)


def noted(chart: Drawing, *notes: str) -> Drawing:
    """The chart with notes under its title, empty ones left out; the title itself comes later."""
    lines = [note for note in notes if note]
    return chart.properties(title=alt.TitleParams("", subtitle=lines)) if lines else chart


def notes(chart: Drawing) -> list[str]:
    """The notes that a chart has."""
    return list(chart.title.subtitle) if isinstance(chart.title, alt.TitleParams) else []


def cut(shown: int, all_of_them: int, what: str) -> str:
    """What to note when a chart does not show everything."""
    return f"the {shown:,} {what} of {all_of_them:,}" if shown < all_of_them else ""
