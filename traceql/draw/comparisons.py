"""Charts that compare amounts: bars, pairs and groups of bars, dumbbells."""

from __future__ import annotations

import json
import math

import altair as alt
import polars as pl

from traceql.draw import theme
from traceql.draw.registry import Drawing, chart
from traceql.errors import QueryError
from traceql.present import units

_ROWS = 20
_PAIRS = 12
_PAIRS_OF_BARS = 24
_GROUPS = 12
# A name that is made of several columns.
_TOGETHER = "name·of·parts"
_LETTERS_OF_UNIT = 8
# What a letter takes of the width of a narrow page.
_LETTER = 0.02
# How remarks of queries begin where there is nothing to measure.
_NO_KERNEL = "no kernel there"


@chart()
def bars(answer: pl.DataFrame, *, x: str, y: str, group: str = "", part: str = "", unit: str = "") -> Drawing:
    """One bar for each `x`, as long as `y`: the largest first, or in the answer's order where `x` counts.

    What has the same `x` is told apart by the `group` that it is of, by what `x` is a part of, and by what
    else the answer says of it. Amounts whose `unit` the answer says have a panel for each.
    """
    # What some rows lack is said in them.
    theme.measured(answer, y)
    theme.any_amount(answer, y)
    if not unit:
        return _bars(answer, x, y, group, part)
    # Shares first: they are of what there can be.
    parts = answer.partition_by(unit, maintain_order=True)
    parts.sort(key=lambda rows: ("%" not in str(rows[unit][0]), str(rows[unit][0])))
    drawn = []
    for rows in parts:
        try:
            theme.any_amount(rows, y)
        except QueryError:
            continue
        drawn.append((str(rows[unit][0]), _bars(rows, x, y, group, part, str(rows[unit][0] or ""))))
    if len(drawn) == 1:
        return drawn[0][1]
    for name, panel in drawn:
        panel.title = alt.TitleParams([name, *theme.notes(panel)], fontSize=12, fontWeight="normal")
    note = "of " + ", ".join(str(rows[unit][0]) for rows in parts if str(rows[unit][0]) not in dict(drawn))
    return theme.noted(
        alt.vconcat(*(panel.properties(width=theme.WIDTH) for _, panel in drawn), spacing=18),
        f"{note}: nothing but 0" if len(drawn) < len(parts) else "",
    )


def _bars(answer: pl.DataFrame, x: str, y: str, group: str, part: str, unit: str = "") -> Drawing:
    """Bars of amounts that can be compared: of the unit of their column, or of this one."""
    ordered = answer if answer[x].dtype.is_numeric() else answer.sort(y, descending=True, nulls_last=True)
    shown = ordered.head(_ROWS)
    if part or group:
        names = theme.texts(shown, x)
        if part:
            names = theme.texts(shown, part) + " " + names
        if group:
            names = names + " (" + theme.texts(shown, group) + ")"
        rows = theme.rows_of(shown.with_columns(names.alias(_TOGETHER)), _TOGETHER, until=y).drop(_TOGETHER)
    else:
        rows = theme.rows_of(shown, x, until=y)
    divisor, of = units.scale_of(unit, rows[y].to_list()) if unit else units.scale(y, rows[y].to_list())
    texts = [
        units.text(y, value) if not unit or value is None else _with_unit(value / divisor, of)
        for value in rows[y].to_list()
    ]
    rows = rows.with_columns(pl.Series(theme.VALUE, texts, pl.String))
    rows, tooltip = theme.prepared(rows, [x, *answer.columns])
    base = alt.Chart(rows, height=34 * max(rows.height, 1)).encode(y=theme.row_axis(), tooltip=tooltip)
    marks = base.mark_bar(height=12, yOffset=6).encode(
        x=alt.X(
            f"{y}:Q",
            axis=theme.plain_axis(units.title(y), of, divisor, **theme.ticks(rows, y, 6), grid=False),
        ),
        color=theme.own_color(x, rows),
    )
    note = theme.cut(rows.height, answer.height, "first" if ordered is answer else "largest")
    return theme.noted(alt.layer(marks, *theme.head_lines(base, -9)), note)


def _with_unit(value: float, unit: str) -> str:
    """A number with its unit, if that stands behind numbers: the title of its panel names it, too."""
    short = "%" if unit.endswith("%") else unit
    return f"{units.text('', value)} {short}" if len(short) <= _LETTERS_OF_UNIT else units.text("", value)


@chart()
def side_bars(
    answer: pl.DataFrame, *, x: str, y: str, y2: str, total: str, total2: str, panel: str
) -> Drawing:
    """Two bars of one unit for each `x`, `y` above `y2`, with both values; of the first `panel` alone.

    The amounts that they are parts of, `total` and `total2`, stand in a note.
    """
    known = theme.measured(answer, y, y2)
    theme.any_amount(known, y, y2)
    kinds = known.partition_by(panel, maintain_order=True)
    rows = theme.rows_of(kinds[0].head(_ROWS), x, until=y)
    first, second = units.title(y), units.title(y2)
    both = [(units.text(y, a, 3), units.text(y2, b, 3)) for a, b in rows.select(y, y2).iter_rows()]
    rows = rows.with_columns(pl.Series(theme.VALUE, [f"{a} vs {b}" for a, b in both], pl.String))
    rows, tooltip = theme.prepared(rows, answer.columns)
    base = alt.Chart(rows, height=46 * rows.height).encode(y=theme.row_axis(), tooltip=tooltip)
    across = theme.axis(y, rows, y2, name="Time", tickCount=6, grid=False)
    sides = alt.Scale(domain=[first, second])
    marks = (
        base.transform_calculate(side=json.dumps(name))
        .mark_bar(height=11, yOffset=offset)
        .encode(x=alt.X(f"{column}:Q", axis=across), color=alt.Color("side:N", title=None, scale=sides))
        for column, name, offset in ((y, first, 2), (y2, second, 15))
    )
    called = theme.texts(rows, panel)[0]
    whole, whole2 = (units.text(column, rows[column][0]) for column in (total, total2))
    return theme.noted(
        alt.layer(*marks, *theme.head_lines(base, -14)),
        f"{called}: {first.lower()} {whole}, {second.lower()} {whole2}",
        theme.cut(rows.height, kinds[0].height, "first rows"),
        theme.cut(1, len(kinds), "first"),
    )


@chart()
def parted_bars(answer: pl.DataFrame, *, x: str, y: str, y2: str, y3: str) -> Drawing:
    """One bar for each `x`, of the three amounts of one unit that make it up, in the answer's order."""
    parts = (y, y2, y3)
    known = theme.measured(answer, *parts)
    theme.any_amount(known, *parts)
    rows = theme.rows_of(known.head(_ROWS), x, until=y)
    texts = [units.text(y, sum(values)) for values in rows.select(parts).iter_rows()]
    rows = rows.with_columns(pl.Series(theme.VALUE, texts, pl.String))
    rows, tooltip = theme.prepared(rows, [x, *answer.columns])
    named = {part: units.title(part) for part in parts}
    base = alt.Chart(rows, height=34 * max(rows.height, 1)).encode(y=theme.row_axis(), tooltip=tooltip)
    marks = (
        base.transform_fold([*parts], as_=["part", "amount"])
        .transform_calculate(
            order=f"indexof({json.dumps(parts)}, datum.part)", part=f"{json.dumps(named)}[datum.part]"
        )
        .mark_bar(height=12, yOffset=6)
        .encode(
            x=alt.X("amount:Q", axis=theme.axis(y, rows, y2, y3, name="Time", tickCount=6, grid=False)),
            color=alt.Color("part:N", title=None, sort=list(named.values())),
            order=alt.Order("order:Q"),
        )
    )
    drawn = alt.layer(marks, *theme.head_lines(base, -9))
    return theme.noted(drawn, theme.cut(rows.height, answer.height, "first"))


@chart()
def paired_bars(
    answer: pl.DataFrame, *, x: str, y: str, y2: str, group: str = "", remark: str = ""
) -> Drawing:
    """Two bars for each `x`: `y` and `y2` as shares of `y`, with their values and the change in percent.

    What is counted differs from row to row (bytes, sectors, nanoseconds), only percentages compare. Where `y`
    is 0 or missing there are none, and the values alone are shown: "not measured", or that no kernel ran
    there where the `remark` says so.
    """
    first, second = units.title(y), units.title(y2)
    sides = alt.Scale(domain=[first, second])
    known = answer.filter(pl.col(y).is_not_null() | pl.col(y2).is_not_null())
    if known.height == 0:
        raise QueryError("nothing was measured on either side", "What there is: traceql query --list")
    found = []
    # What is measured is said by the column, or row by row.
    one_unit = bool(units.suffix(y))
    shown = known.head(_PAIRS_OF_BARS)
    names = theme.rows_of(shown, x, until=y)[theme.NAME] if one_unit else map(units.title, shown[x])
    for row, name in zip(shown.to_dicts(), names, strict=True):
        counter, before, after = str(row[x]), row[y], row[y2]
        comparable = before is not None and after is not None and before != 0
        change = 100 * (after - before) / abs(before) if comparable else None
        # The remark is about the side that is missing.
        nothing = _NO_KERNEL if remark and str(row[remark]).startswith(_NO_KERNEL) else ""
        values = " → ".join(
            nothing if nothing and value is None else units.text(y if one_unit else counter, value)
            for value in (before, after)
        )
        found.append(
            row
            | {
                theme.NAME: f"{name} ({row[group] or 'in total'})" if group else name,
                theme.VALUE: values if change is None else f"{values}   {change:+,.1f} %",
                "first_pct": 100.0 if comparable else None,
                "second_pct": None if change is None else 100 + change,
                "change_pct": change,
            }
        )
    schema = {"first_pct": pl.Float64, "second_pct": pl.Float64, "change_pct": pl.Float64}
    rows = theme.named(pl.DataFrame(found, infer_schema_length=None, schema_overrides=schema))
    rows = rows.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(theme.ROW))
    base = alt.Chart(rows, height=48 * max(rows.height, 1)).encode(
        y=theme.row_axis(),
        tooltip=[
            alt.Tooltip(f"{theme.NAME}:N", title=units.title(x)),
            alt.Tooltip(f"{theme.VALUE}:N", title=f"{first} → {second}"),
        ],
    )
    bars_and_names = alt.layer(
        *(
            base.transform_calculate(side=repr(side))
            .mark_bar(height=11, yOffset=offset)
            .encode(
                x=alt.X(
                    f"{share}:Q",
                    axis=theme.plain_axis(f"Share of {first.lower()}", "%", tickCount=6, grid=False),
                ),
                color=alt.Color("side:N", title=None, scale=sides),
            )
            for share, side, offset in (("first_pct", first, 2), ("second_pct", second, 15))
        ),
        *theme.head_lines(base, -13),
    )
    note = theme.not_shown(answer.height - known.height, "measured on neither side")
    return theme.noted(bars_and_names, theme.cut(rows.height, known.height, "first"), note)


@chart()
def grouped_bars(answer: pl.DataFrame, *, x: str, y: str, y2: str, y3: str, y4: str) -> Drawing:
    """Four bars for each `x`, as shares of the first, `y`, with their values and the changes in percent.

    Where the first is 0 or missing there are no bars, and the values alone are shown.
    """
    sides = (y, y2, y3, y4)
    known = answer.filter(pl.any_horizontal(pl.col(side).is_not_null() for side in sides))
    if known.height == 0:
        raise QueryError("nothing was measured on any side", "What there is: traceql query --list")
    found = []
    for row in known.to_dicts():
        counter, first = str(row[x]), row[y]
        found.append(row | {theme.NAME: units.title(counter)})
        for side in sides:
            value = row[side]
            share = 100 * value / abs(first) if value is not None and first else None
            text = "not known" if value is None else units.text(counter, value)
            change = "" if share is None or side == y else f" ({share - 100 * (first > 0 or -1):+,.1f} %)"
            found.append(row | {"side": units.title(side), "share_pct": share, theme.VALUE: text + change})
    schema = {"share_pct": pl.Float64, "side": pl.String, theme.NAME: pl.String, theme.VALUE: pl.String}
    rows = theme.named(pl.DataFrame(found, infer_schema_length=None, schema_overrides=schema))
    rows = rows.with_columns(
        pl.int_range(pl.len(), dtype=pl.Int64).alias(theme.ROW),
        pl.col("share_pct").fill_null(0).alias("end_pct"),
    )
    names = [units.title(side) for side in sides]
    # Room for the value at the end of the longest bar.
    reach = 1.4 * max(100.0, *rows["end_pct"].to_list())
    chart = _in_groups(rows, x, f"Share of {names[0]}", reach, names)
    return theme.noted(chart, theme.not_shown(answer.height - known.height, "known on no side"))


@chart()
def share_bars(
    answer: pl.DataFrame, *, x: str, y: str, y2: str = "", part: str = "", group: str = ""
) -> Drawing:
    """Percentages as bars below the name `x` of what they are of, in the answer's order.

    Either `y` and `y2` of each row, or `y` of all rows that follow each other and have one `x`, each with the
    name of its `part`; `group` tells apart what has the same name. What is not known has no bar.
    """
    asked = [side for side in (y, y2) if side]
    known = answer.filter(pl.any_horizontal(pl.col(side).is_not_null() for side in asked))
    if known.height == 0:
        raise QueryError(f"{y} was not measured", "What the database lacks: traceql query --list")
    # What no row knows is said once.
    sides = [side for side in asked if known[side].null_count() < known.height]
    found: list[dict[str, object]] = []
    groups, last = 0, None
    # Rows that are parts of one thing have its name.
    rows = _of_parts(known, x) if part else theme.rows_of(known, x, until=y)
    for row in rows.to_dicts():
        this = (row[theme.NAME], row[group] if group else None)
        if not part or this != last:
            if groups == _GROUPS:
                break
            groups, last = groups + 1, this
            found.append(row)
        for side in sides:
            text = "not known" if row[side] is None else units.text(side, row[side])
            shown = f"{row[part]}  {text}" if part else text
            found.append(row | {"side": units.title(side), "end_pct": row[side] or 0.0, theme.VALUE: shown})
    schema = {"end_pct": pl.Float64, "side": pl.String, theme.VALUE: pl.String}
    rows = pl.DataFrame(found, infer_schema_length=None, schema_overrides=schema)
    rows = rows.with_columns(
        pl.int_range(pl.len(), dtype=pl.Int64).alias(theme.ROW), pl.col("end_pct").fill_null(0)
    )
    # Room for the text at the end of each bar, on a narrow page, too.
    ends = zip(rows["end_pct"].to_list(), rows[theme.VALUE].to_list(), strict=True)
    reach = max(140.0, *(end / (1 - _LETTER * min(len(text or ""), 35)) for end, text in ends))
    title = units.title(y) if part else "Share"
    chart = _in_groups(rows, x, title, reach, [units.title(side) for side in sides])
    all_of_them = known.select(x, *([group] if group else [])).n_unique() if part else known.height
    lacking = " and ".join(units.title(side).lower() for side in asked if side not in sides)
    return theme.noted(
        chart, theme.cut(groups, all_of_them, "first"), f"not measured: {lacking}" if lacking else ""
    )


def _of_parts(answer: pl.DataFrame, x: str) -> pl.DataFrame:
    """Rows with the name of what they are parts of."""
    numbered = pl.int_range(pl.len(), dtype=pl.Int64).alias(theme.ROW)
    return theme.named(answer.with_columns(theme.texts(answer, x), numbered))


def _in_groups(rows: pl.DataFrame, x: str, title: str, reach: float, names: list[str]) -> Drawing:
    """Rows without a side are the titles of the bars below them, one for each of the rows that have one.

    Right of the axis, which ends at 100 % where no bar is longer, is room for texts until `reach`.
    """
    marks = _percents(max(rows["end_pct"].to_list()))
    # Its own line would go on until the room ends.
    axis = theme.plain_axis(title, "%", values=marks, grid=False, domain=False, titleAnchor="start")
    across = alt.Scale(domain=[0, reach], nice=False)
    legend = alt.Legend(columns=2) if len(names) > 1 else None
    base = alt.Chart(rows, height=theme.LINE * rows.height).encode(
        y=theme.row_axis(),
        tooltip=[
            alt.Tooltip(f"{x}:N", title=units.title(x)),
            alt.Tooltip("side:N", title="Side"),
            alt.Tooltip(f"{theme.VALUE}:N", title="Value"),
        ],
    )
    of_side = base.transform_filter("isValid(datum.side)")
    line = (
        base.transform_filter(f"datum['{theme.ROW}'] == 0")
        .mark_rule(style="axis-line", strokeWidth=1)
        .encode(
            x=alt.XDatum(0, axis=axis, scale=across),
            x2=alt.X2Datum(marks[-1]),
            y=alt.YValue("height"),  # type: ignore[no-untyped-call]
        )
    )
    bars_of_sides = of_side.mark_bar(height=11).encode(
        x=alt.X("end_pct:Q", axis=axis, scale=across),
        color=alt.Color("side:N", title=None, scale=alt.Scale(domain=names), legend=legend),
    )
    values = of_side.mark_text(align="left", style="note", dx=4).encode(
        x=alt.X("end_pct:Q", scale=across), text=alt.Text(f"{theme.VALUE}:N")
    )
    titles = theme.names_at(base.transform_filter("!isValid(datum.side)"))
    return alt.layer(bars_of_sides, values, titles, line)


def _percents(longest: float) -> list[int]:
    """Where the labels of an axis of percentages stand: until 100, or until the longest bar ends.

    >>> _percents(60), _percents(130), _percents(480)
    ([0, 25, 50, 75, 100], [0, 25, 50, 75, 100, 125, 150], [0, 100, 200, 300, 400, 500])
    """
    step = 25
    while step * 6 < longest:
        step *= 2
    return list(range(0, max(100, step * math.ceil(longest / step)) + 1, step))


@chart()
def dumbbell(
    answer: pl.DataFrame, *, y: str, a: str, b: str, measure: str, topic: str, place: str
) -> Drawing:
    """For each `y` two points, `a` and `b`, and the line between them: the largest differences first.

    One panel for each unit among the `measure`s. What only one side has is left out.
    """
    changed = answer.filter((pl.col(b) - pl.col(a)) != 0)
    if changed.height == 0:
        raise QueryError("nothing that both sides have differs")
    kinds = [units.suffix(name) for name in changed[measure].to_list()]
    changed = changed.with_columns(pl.Series("unit·kind", kinds, pl.String))
    panels = [
        _pairs(changed.filter(pl.col("unit·kind") == kind), y, a, b, measure, topic, place)
        for kind in dict.fromkeys(kinds)
    ]
    shown = sum(min(rows.height, _PAIRS) for rows in changed.partition_by("unit·kind"))
    note = theme.cut(shown, changed.height, "largest differences")
    return theme.noted(alt.vconcat(*panels, spacing=24), note)


def _pairs(answer: pl.DataFrame, y: str, a: str, b: str, measure: str, topic: str, place: str) -> Drawing:
    """The panel of one unit."""
    first, second = units.title(a), units.title(b)
    sides = alt.Scale(domain=[first, second])
    rows = answer.sort((pl.col(b) - pl.col(a)).abs(), descending=True, maintain_order=True).head(_PAIRS)
    column = rows[measure][0]
    names, values = [], []
    for row in rows.to_dicts():
        what = row[y] or row[place] or "in total"
        names.append(f"{what} · {units.title(row[measure])} ({row[topic]})")
        values.append(f"{units.text(row[measure], row[a])} → {units.text(row[measure], row[b])}")
    rows = rows.with_columns(
        pl.Series(theme.NAME, names),
        pl.Series(theme.VALUE, values),
        pl.int_range(pl.len(), dtype=pl.Int64).alias(theme.ROW),
    )
    rows, _ = theme.prepared(theme.named(rows), [])
    divisor, unit = units.scale(column, [*rows[a].to_list(), *rows[b].to_list()])
    base = alt.Chart(rows, height=36 * rows.height, width=theme.WIDTH).encode(
        y=theme.row_axis(),
        tooltip=[
            alt.Tooltip(f"{theme.NAME}:N", title="What"),
            alt.Tooltip(f"{theme.VALUE}:N", title=f"{first} → {second}"),
        ],
    )
    across = theme.plain_axis("Value", unit, divisor, tickCount=6, grid=False)
    line = base.mark_rule(style="link", strokeWidth=2, yOffset=8).encode(
        x=alt.X(f"{a}:Q", axis=across), x2=alt.X2(f"{b}:Q")
    )
    points = (
        base.transform_calculate(side=repr(side))
        .mark_point(filled=True, size=80, opacity=1, yOffset=8)
        .encode(
            x=alt.X(f"{side_column}:Q", axis=across),
            color=alt.Color("side:N", title=None, scale=sides),
            shape=alt.Shape("side:N", title=None, scale=sides),
        )
        for side_column, side in ((a, first), (b, second))
    )
    return alt.layer(line, *points, *theme.head_lines(base, -9))
