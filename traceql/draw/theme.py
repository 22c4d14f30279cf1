"""How every chart looks: colours, fonts, axes, labels.

Two palettes, for a light and a dark background. Every colour has a contrast of at least 3:1 to its background
(WCAG 2.2, 1.4.11), and any two stay apart in normal vision and in the three kinds of dichromacy (simulated
after Machado, Oliveira and Fernandes, IEEE TVCG 15(6), 2009); a test computes both.
"""

from __future__ import annotations

import json
import math
import textwrap
import zlib
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import altair as alt
import polars as pl

from traceql.draw.names import called, shortened, told_apart
from traceql.errors import QueryError
from traceql.present import units, values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
# What has a colour of its own in every chart: the first that are in one have it for sure, later ones where it
# is still free. Categories stand in the order in which models spend their time on them.
_ORDERS = (
    _STATES,
    ("gemm", "attention", "communication", "norm", "moe", "activation", "rope", "kv_cache", "elementwise",
     "sampling", "compiled", "mamba", "conv", "optimizer", "quantization", "scan_reduce", "random", "triton",
     "other", "graph", "memcpy", "memset", "softmax", "loss", "fft", "autotuning", "sorting",
     "linear_algebra", "pooling", "embedding", "rnn", "sparse"),
    ("attention", "mlp", "moe", "mamba"),
    ("decode", "prefill", "mixed", "empty"),
)  # fmt: skip
# Columns whose bars have the colours of what they name.
_HUED = ("category", "gpu_id", "gpu", "layer_kind", "phase")
# Columns that number what has one colour in every chart, and those that name it.
_NUMBERED, _NAMED = ("gpu_id", "device_id", "rank"), ("gpu", "trace")
#: For quantities as colours: even in brightness, and the same with every kind of colour vision.
SEQUENTIAL: Literal["cividis"] = "cividis"
FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
#: Symbols go with the colours, so that no chart of points depends on colour alone.
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross")
# Of lines that have one colour, as there are more of them than colours.
_DASHES = ([1, 0], [6, 3], [2, 2], [10, 3, 2, 3])
#: Rows that a chart is made of at most: more cannot be told apart, and make notebooks slow.
MOST_ROWS = 5_000
#: Pixels, where nothing else says how wide a chart is.
WIDTH = 640

#: The note under the title of a chart that moves: there is nothing to drag in a picture.
HOW_TO_MOVE = "drag to move, Ctrl and wheel to zoom, double-click for all of it"
#: An axis whose labels are drawn otherwise.
HIDDEN = alt.Axis(title=None, labels=False, ticks=False, domain=False, grid=False)
#: Columns that hold what is shown of another, or of the row.
NAME, FEW, VALUE, ROW, HEAD = "name·text", "name·short", "value·text", "row·number", "is·head"
#: Pixels of a row that holds a line of text, or a bar.
LINE = 17
#: What has no colour of its own, as there are more things than colours.
OTHERS = "all others"
# Pixels of values at the right edge at least, and of a letter of one.
_ROOM_FOR_VALUE, _LETTER_OF_VALUE = 110, 6.4
_MOST_DECADES = 20
# Numbers of many decades: 0.1, 10, 10k, 10M.
_PREFIXED = "format(datum.value, datum.value < 1000 ? '~r' : '~s')"
#: Time axes of a trace, and of a job.
SINCE_START = "Time since the trace began"
SINCE_JOB = "Time since the first trace of the job began"
# Letters of a name that have room above its mark, and where a chart has fewer pixels than `_NARROW`.
_LETTERS, _FEW_LETTERS, _NARROW = 74, 28, 480
# Letters of a title, and of a panel's.
_LETTERS_OF_TITLE, _LETTERS_OF_PANEL = 74, 38
# Names of traces that stand below each other.
_NAMED_TRACES = 4
# Letters of a line of notes, and of a name in a legend that has several columns, or one.
_LETTERS_OF_NOTE, _LETTERS_OF_LEGEND, _LETTERS_OF_LINE = 100, 24, 44
# Pixels of such a letter, of a symbol with what is around it, and left of a legend; columns that have room.
_LETTER_OF_LEGEND, _SYMBOL_OF_LEGEND, _BEFORE_LEGEND, _COLUMNS = 6, 28, 50, 4
# Pixels of a name in a legend that has one column, and of a panel's title, which no page is too narrow for.
_LINE_OF_LEGEND, TITLE = 290, 290

_STACKED = {"bottom": {"direction": "vertical", "anchor": "start"}}

# The whole answer, where a chart is drawn of one trace of several.
_WHOLE: ContextVar[pl.DataFrame | None] = ContextVar("whole answer", default=None)


@contextmanager
def part_of(answer: pl.DataFrame | None) -> Iterator[None]:
    """Colours are meanwhile those of what stands in the whole answer, for charts below each other."""
    before = _WHOLE.set(answer)
    try:
        yield
    finally:
        _WHOLE.reset(before)


def scale_of(categories: pl.Series) -> alt.Scale:
    """The scale of colours for a column: each of its values in its own, where it has one everywhere.

    What is not known of some rows has that of secondary text: Vega draws nothing that is in no scale.
    """
    values, colors = values_of(categories), hues(categories)[1]
    return alt.Scale(domain=values, range=[*colors, LIGHT.muted][: len(values)]) if colors else alt.Scale()


def values_of(categories: pl.Series) -> list[Any]:
    """What a scale of a column holds, in the order of `hues`, and last what is not known."""
    return hues(categories)[0] + [None] * int(categories.null_count() > 0)


def hues(categories: pl.Series) -> tuple[list[Any], list[str]]:
    """The values of a column in their order, and the colour of each.

    GPUs and ranks have that of their number, names of GPUs and traces one that follows from the name, and
    the words of `_ORDERS` that of their place there. Of two with the same, the later one has another.
    """
    whole = _WHOLE.get()
    if whole is not None and categories.name in whole.columns:
        of_all = whole[categories.name]
        # Names may be drawn otherwise than the answer has them.
        if {*categories} <= {*of_all}:
            categories = of_all
    known = categories.drop_nulls().unique().sort().to_list()
    order = next((order for order in _ORDERS if {*known} <= {*order}), None)
    if order is _STATES:
        known = [*_STATES]
    elif order:
        known.sort(key=order.index)
    free = [*range(len(LIGHT.series))]
    found = []
    for place, value in enumerate(known):
        wanted = place
        if categories.name in _NUMBERED and isinstance(value, int):
            wanted = value
        elif order:
            wanted = order.index(value)
        elif categories.name in _NAMED:
            wanted = zlib.crc32(str(value).encode())
        wanted %= len(LIGHT.series)
        if wanted not in free:
            free = free or [*range(len(LIGHT.series))]
            wanted = wanted if wanted in free else free[0]
        free.remove(wanted)
        found.append(LIGHT.series[wanted])
    return known, found


def with_most(answer: pl.DataFrame, column: str, amount: pl.Expr) -> tuple[pl.DataFrame, alt.Scale, str]:
    """The answer with as many values in a column as there are colours, their scale, and what to note.

    For blocks, which nothing but a colour tells apart: those of the largest amount have one in every chart of
    the whole answer, and all others are one, in that of secondary text.
    """
    whole = _WHOLE.get()
    of_all = answer if whole is None or column not in whole.columns else whole
    summed = of_all.drop_nulls(column).group_by(column).agg(amount.sum().alias(VALUE))
    most = summed.sort(pl.col(VALUE), column, descending=[True, False])[column].head(len(LIGHT.series))
    if most.len() == summed.height:
        return answer, scale_of(answer[column]), ""
    with part_of(None):
        values, colors = hues(most)
    shown = (
        pl.when(pl.col(column).is_in(values)).then(pl.col(column).cast(pl.String)).otherwise(pl.lit(OTHERS))
    )
    scale = alt.Scale(domain=[*map(str, values), OTHERS], range=[*colors, LIGHT.muted])
    return (
        answer.with_columns(shown.alias(column)),
        scale,
        f"colours: {cut(most.len(), summed.height, 'longest')}",
    )


def color(column: str, rows: pl.DataFrame, **options: Any) -> alt.Color:
    """The colours of a column, with a legend that tells all of its names apart."""
    return alt.Color(
        f"{column}:N",
        **{"title": units.title(column), "scale": scale_of(rows[column]), "legend": legend(rows[column])}
        | options,
    )


def shape(column: str, rows: pl.DataFrame, **options: Any) -> alt.Shape:
    """The symbols of a column, in the order of its colours."""
    values = values_of(rows[column])
    return alt.Shape(
        f"{column}:N",
        **{
            "title": units.title(column),
            "scale": alt.Scale(domain=values) if values else alt.Scale(),
            "legend": legend(rows[column]),
        }
        | options,
    )


def own_color(column: str, rows: pl.DataFrame) -> alt.Color | alt.UndefinedType:
    """The colours of bars that are named by a column: their own everywhere, or that of all bars."""
    return color(column, rows, legend=None) if column in _HUED else alt.Undefined


def legend(names: pl.Series, **options: Any) -> alt.Legend:
    """Room for the names of what is drawn: long ones stand below each other, and none is like another."""
    known = [one for one in names.unique().sort().to_list() if one is not None]
    told = {str(one): called(names.name, one) for one in known}
    unknown = called(names.name, None) if names.null_count() else ""
    lines = max(map(len, told.values()), default=0) > _LETTERS_OF_LEGEND
    short = shortened([*told.values()], _LETTERS_OF_LINE if lines else _LETTERS_OF_LEGEND)
    shown = {name: text for name, text in zip(told, short, strict=True) if name != text}
    if lines:
        options |= {"columns": 1, "labelLimit": _LINE_OF_LEGEND}
    elif (columns := _columns([*short, *([unknown] if unknown else [])])) < len(short) or columns > _COLUMNS:
        options["columns"] = columns
    if shown or unknown:
        text = f"{json.dumps(shown, ensure_ascii=False)}[datum.label] || datum.label"
        options["labelExpr"] = f"datum.value === null ? {json.dumps(unknown)} : {text}" if unknown else text
    return alt.Legend(**options)


def dashed(column: str, values: Sequence[Any] | None, **options: Any) -> alt.StrokeDash | alt.UndefinedType:
    """How lines of these values of a column are dashed: not, unless there are more of them than colours."""
    if values is None or len(values) <= len(LIGHT.series):
        return alt.Undefined
    found = [_DASHES[number // len(LIGHT.series) % len(_DASHES)] for number in range(len(values))]
    return alt.StrokeDash(f"{column}:N", scale=alt.Scale(domain=[*values], range=found), **options)


def _columns(names: Sequence[str]) -> int:
    """How many names stand beside each other in a legend: all, if they have room, else as in a table."""
    widths = [_LETTER_OF_LEGEND * len(name) + _SYMBOL_OF_LEGEND for name in names]
    room = WIDTH - _BEFORE_LEGEND
    return len(names) if sum(widths) <= room else max(1, int(room // max(widths)))


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
            # The last one of an axis of time is moved to end with it: close to the one before.
            "labelSeparation": 6,
        },
        "legend": {
            **text,
            "orient": "bottom",
            "columns": _COLUMNS,
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


def stacked(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with legends below each other: beside each other they may be wider than the chart.

    Vega-Lite takes that, and Altair, which checks configurations, does not know it.
    """
    legends = {**configuration.get("legend", {}), "layout": _STACKED}
    return {**configuration, "legend": legends}


def axis(column: str, answer: pl.DataFrame, *others: str, name: str = "", **options: Any) -> alt.Axis:
    """An axis over one column, or several of one unit: its title says the unit, its labels are in it."""
    divisor, unit = units.scale(column, [v for c in (column, *others) for v in answer[c].to_list()])
    if answer[column].dtype.is_integer() and not units.suffix(column):
        # There is nothing between two of what is counted.
        options = {"tickMinStep": 1} | options
    return plain_axis(name or units.title(column), unit, divisor, **options)


def ticks(rows: pl.DataFrame, column: str, wanted: int) -> dict[str, Any]:
    """How many labels an axis from 0 on has: of fewer things that are counted, one for each number."""
    most = rows[column].max()
    counted = rows[column].dtype.is_integer() and not units.suffix(column)
    few = counted and isinstance(most, int) and most < wanted
    return {"values": [*range(most + 1)]} if few and isinstance(most, int) else {"tickCount": wanted}


def plain_axis(name: str, unit: str, divisor: float = 1.0, **options: Any) -> alt.Axis:
    """An axis whose unit is known from elsewhere; its labels are values ÷ `divisor`."""
    return alt.Axis(
        title=f"{name} ({unit})", labelExpr=f"format(datum.value / {divisor:g}, ',.6~r')", **options
    )


def prefixed_axis(column: str, **options: Any) -> alt.Axis:
    """A logarithmic axis over many decades: its labels have prefixes (k, M, G …), its title the unit."""
    unit = units.scale(column, [])[1]
    return alt.Axis(**{"title": f"{units.title(column)} ({unit})", "labelExpr": _PREFIXED} | options)


def log_axis(name: str, unit: str, values: Sequence[float]) -> alt.Axis:
    """A logarithmic axis over numbers in a unit as ncu reports it."""
    base = units.scale_of(unit, [])[1]
    divisor, shown = units.scale_of(unit, values)
    ticks = decades(values)
    if base in ("B", "B/s", "FLOP", "FLOP/s", "Hz"):
        return alt.Axis(title=f"{name} ({base})", labelExpr=_PREFIXED, values=ticks)
    return plain_axis(name, shown, divisor, values=ticks)


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
            "Choose some with the query's parameters.",
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
        raise QueryError(f"no row has {what} to draw")
    return rows


def any_amount(answer: pl.DataFrame, *columns: str) -> None:
    """Raise unless a row has more than nothing in one of these columns.

    Raises:
        QueryError: all that is known is 0, so that the picture would be empty.
    """
    if not any(answer[column].cast(pl.Float64).fill_null(0).fill_nan(0).ne(0).any() for column in columns):
        what = " and ".join(units.title(column) for column in columns)
        raise QueryError(f"{what}: 0 in every row, so there is nothing to draw")


def panel_titles(names: Sequence[str], notes: Sequence[Sequence[str]] = ()) -> list[alt.TitleParams]:
    """The titles of panels below each other, long ones in two lines, and the notes on each below them."""
    found = []
    short = shortened(names, 2 * _LETTERS_OF_PANEL)
    for name, lines in zip(short, notes or [()] * len(short), strict=True):
        # Between two words, if there are some.
        words = [n + 1 for n, letter in enumerate(name[:_LETTERS_OF_PANEL]) if not letter.isalnum()]
        end = words[-1] if words and len(name) > _LETTERS_OF_PANEL else _LETTERS_OF_PANEL
        parts = [name[:end], name[end:]]
        found.append(
            alt.TitleParams(
                [part for part in parts if part], subtitle=[*lines], fontSize=12, limit=TITLE, offset=8
            )
        )
    return found


def titled(question: str) -> list[str] | str:
    """The title of a chart, in lines that are no longer than it is wide."""
    lines = textwrap.wrap(question, _LETTERS_OF_TITLE)
    return lines if len(lines) > 1 else question


def names_of(traces: Sequence[str]) -> list[str]:
    """What a chart of several traces calls them, in lines that are no longer than it is wide."""
    text = values.listed(traces)
    if len(traces) < 2 or len(text) <= _LETTERS_OF_NOTE:
        return [text]
    few = [*traces] if len(traces) <= _NAMED_TRACES else [*traces[: _NAMED_TRACES - 1]]
    more = [f"and {len(traces) - len(few):,} more"] if len(few) < len(traces) else []
    return [*shortened(few, _LETTERS_OF_NOTE), *more]


def left_out(shown: pl.DataFrame, answer: pl.DataFrame) -> str:
    """What to note when rows have nothing to be drawn."""
    without = answer.height - shown.height
    return not_shown(without, "without a value to draw")


def not_shown(number: int, what: str = "", done: str = "shown") -> str:
    """What to note of so many that are left out; empty if there are none."""
    told = " ".join([f"{number:,}", *([what] if what else [])])
    return f"{told} {'is' if number == 1 else 'are'} not {done}" if number else ""


def head_lines(base: alt.Chart, offset: float) -> list[alt.Chart]:
    """The name of each row on the left and its value on the right, above what is drawn of it.

    Names of kernels are long: above the marks they need no margin, and a narrow page is no problem. The rows
    are `named`.
    """
    return [names_at(base, offset), _value_of(base, offset)]


def names_at(base: alt.Chart, offset: float = 0, **font: Any) -> Drawing:
    """The names of rows that are `named`, on the left: shorter ones where the chart is narrow."""
    # Layers share one scale of rows; these are placed in pixels.
    limit = alt.ExprRef(f"max(40, width - {_room_for_values(base)})")
    text = alt.Text(
        f"{NAME}:N",
        condition={"test": f"width < {_NARROW}", "value": {"expr": f"datum['{FEW}']"}},
    )
    name = base.mark_text(align="left", style="label", yOffset=offset, limit=limit, **font)
    return name.encode(x=alt.XValue(0), text=text)  # type: ignore[no-untyped-call]


def _room_for_values(base: alt.Chart) -> int:
    """Pixels of the longest value at the right edge of a chart."""
    rows = base.data
    if not isinstance(rows, pl.DataFrame) or VALUE not in rows.columns:
        return _ROOM_FOR_VALUE
    return max(_ROOM_FOR_VALUE, *(int(len(text or "") * _LETTER_OF_VALUE) + 12 for text in rows[VALUE]))


def named(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with a `NAME`, which is shortened to the room that there is above a mark, or on a narrow page."""
    names = ["" if name is None else str(name) for name in rows[NAME].to_list()]
    return rows.with_columns(
        pl.Series(NAME, shortened(names, _LETTERS), pl.String),
        pl.Series(FEW, shortened(names, _FEW_LETTERS), pl.String),
    )


def _value_of(base: alt.Chart, offset: float) -> Drawing:
    value = base.mark_text(align="right", style="note", yOffset=offset)
    return value.encode(x=alt.XValue("width"), text=alt.Text(f"{VALUE}:N"))  # type: ignore[no-untyped-call]


def line(number: int, name: str, value: str = "", *, head: bool = False) -> dict[str, object]:
    """A row that is a text, for `text_lines`."""
    return {ROW: number, NAME: name, VALUE: value, HEAD: head}


def text_lines(lines: Sequence[dict[str, object]], **size: int) -> list[alt.Chart]:
    """Rows of a chart that are texts, heads in bold; other rows are for marks."""
    base = alt.Chart(named(pl.DataFrame(lines))).properties(**size).encode(y=row_axis())
    heads = base.transform_filter(f"datum['{HEAD}']")
    others = base.transform_filter(f"!datum['{HEAD}']")
    return [names_at(heads, fontWeight="bold"), names_at(others), _value_of(base, 0)]


def rows_of(answer: pl.DataFrame, name: str, *, until: str = "") -> pl.DataFrame:
    """The answer with the number of each row, and its name as text.

    Rows of one name are told apart by what else the answer says of them: the columns before `until` that
    differ first, then the texts after it.
    """
    told = pl.Series(NAME, told_apart(answer, name, until, _LETTERS), pl.String)
    return named(answer.with_columns(told, pl.int_range(pl.len(), dtype=pl.Int64).alias(ROW)))


def texts(answer: pl.DataFrame, name: str) -> pl.Series:
    """A column of names as texts: `NAME`. Numbers say what they count."""
    return pl.Series(NAME, [called(name, value) for value in answer[name].to_list()], pl.String)


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
    lines = shortened([note for note in notes if note], _LETTERS_OF_NOTE)
    return chart.properties(title=alt.TitleParams("", subtitle=lines)) if lines else chart


def notes(chart: Drawing) -> list[str]:
    """The notes that a chart has."""
    return list(chart.title.subtitle) if isinstance(chart.title, alt.TitleParams) else []


def limited(shown: int, all_of_them: int) -> str:
    """What to note when a question's limit leaves out rows of its answer."""
    return f"limited to {shown:,} of {all_of_them:,} rows" if shown < all_of_them else ""


def cut(shown: int, all_of_them: int, what: str) -> str:
    """What to note when a chart does not show everything."""
    return f"the {f'{shown:,} ' * (shown != 1)}{what} of {all_of_them:,}" if shown < all_of_them else ""
