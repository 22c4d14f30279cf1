"""Rooflines: work under the roofs of memory and arithmetic.

After Williams, Waterman and Patterson, "Roofline", Communications of the ACM 52(4), 2009.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import altair as alt
import polars as pl

from traceql.draw import theme
from traceql.draw.names import shortened
from traceql.draw.registry import Drawing, chart
from traceql.errors import QueryError
from traceql.present import units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Pixels of a rectangle from the left and from above: left, top, right and bottom.
Box: TypeAlias = tuple[float, float, float, float]

_HEIGHT = 380
_LEVELS = {"dram": "DRAM", "l2": "L2", "l1": "L1"}
# Pixels from the end of a roof to its label: those of arithmetic below the line, memory's above each other.
_BELOW, _ABOVE, _LINE = 11, -7, 12
# Work within this factor of a roof is near it. How faint others are, and their labels.
_NEAR = 4.0
_FAINT, _FAINT_TEXT = 0.25, 0.55
# Points that are named, if there is room: letters of a name, pixels of one and of its line.
_NAMED, _LETTERS_OF_NAME, _LETTER, _HIGH = 14, 38, 5.9, 12
# Pixels between a point and its name from which on a line joins them, and until which one may lie on names;
# pixels of a plot with room for names.
_CLOSE, _FAR, _WIDE = 9, 62, 560
_DIRECTIONS = (
    *((1, 0), (-1, 0), (0, -1), (0, 1), (0.8, -0.6), (0.8, 0.6), (-0.8, -0.6), (-0.8, 0.6)),
    *(
        (0.6, -0.8),
        (0.6, 0.8),
        (-0.6, -0.8),
        (-0.6, 0.8),
        (0.95, 0.3),
        (-0.95, 0.3),
        (0.3, 0.95),
        (-0.3, 0.95),
    ),
)
_DISTANCES = (3, 10, 20, 32, 46, 62, 80, 100, 125, 150)
# Area of the smallest and the largest point, and of the largest on a trail; pixels of the labels of trails.
_SMALLEST, _LARGEST, _LARGEST_OF_TRAIL = 40, 700, 300
_TRAIL_LABEL = (34, 13)
# Letters of labels are larger than those of names.
_WIDER = 6.6
# Pixels from a ridge point to its label, right of it or left, and down or up: right of it the roof of memory
# goes on upwards. Of points that are closer one is labelled.
_PLACES, _SAME = ((5, 11), (5, -7), (-5, -7)), 12
# Pixels by which the label of a roof moves left from what lies there.
_STEP = 20
# Pixels from a point of a trail up to its label.
_RAISED = 11
# A plot of fewer pixels has no room for labels left of the ends of memory's roofs; the narrowest there is.
_NARROW, _NARROWEST = 400, 250
# Where a roof comes from, the one to be labelled first: how it is called, and drawn.
_SOURCES: Mapping[str, tuple[str, Sequence[float]]] = {
    "measured": ("measured, sustained", [5, 3]),
    "profiled": ("peak at the clocks of the run", [1, 0]),
    "derived": ("derived: SMs × rate × clock", [6, 2, 1.5, 2]),
    "datasheet": ("datasheet", [1.5, 3]),
}


# Roofs that follow from the GPU alone, not from the clocks of a run; by how much those of one may differ, and
# by how much clocks may without being told.
_OF_GPU, _SAME_ROOF, _SAME_CLOCK = ("datasheet", "derived"), 1e-3, 5e-3


def _under_the_same_roofs(roofs: Mapping[str, Sequence[pl.DataFrame]]) -> list[list[str]]:
    """Traces of GPUs that have the same roofs, in groups: under those of others no work of theirs lies."""
    groups: list[tuple[list[str], dict[tuple[str, str], float]]] = []
    for trace, (own,) in roofs.items():
        of_gpu = {
            (row["kind"], row["name"]): row["flop_per_s"] or row["bytes_per_s"]
            for row in own.filter(pl.col("source").is_in(_OF_GPU)).to_dicts()
        }
        for names, known in groups:
            if bool(known) == bool(of_gpu) and all(
                math.isclose(known[roof], peak, rel_tol=_SAME_ROOF)
                for roof, peak in of_gpu.items()
                if roof in known
            ):
                names.append(trace)
                known.update(of_gpu)
                break
        else:
            groups.append(([trace], of_gpu))
    return [names for names, _ in groups]


@chart(beside=("roofs",), by_trace=False, together=_under_the_same_roofs)
def roofline(
    answer: pl.DataFrame,
    roofs: pl.DataFrame,
    *,
    x: str,
    y: str,
    size: str,
    color: str,
    shape: str = "",
    trail: str = "",
    hollow: str = "",
    useful: str = "",
    name: str = "",
) -> Drawing:
    """Achieved FLOP/s (`y`) over arithmetic intensity (`x`), both logarithmic, under the roofs.

    Traces of GPUs with other roofs are drawn apart; of those that share a picture, each roof is the highest.
    Points are as large as the time they take (`size`), and hollow where they stand for a part of the work
    (`hollow`): the whole lies at least as high. With `trail`, those of one `color` and `shape` are
    joined in its order and labelled with it, each trace's by themselves: two may be of different models.
    Where it is known how many times the useful FLOP were executed (`useful`), points and trails are of the
    useful ones, and what was executed is hollow above them; trails of which none are known are of what was
    executed. With `name`, the points that take the most time
    are named where there is room. Roofs and ridge points that no point comes near are faint.
    """
    known = answer.filter((pl.col(x) > 0) & (pl.col(y) > 0))
    if known.height == 0:
        raise QueryError(
            "there are no FLOP with DRAM traffic beside them to draw", "Record both: ncu --set roofline"
        )
    if shape and known[shape].null_count() == known.height:
        shape = ""
    rows, tooltip = theme.prepared(known, [c for c in answer.columns if _told(answer, c)])
    executed = rows.clear()
    unknown = rows.clear()
    if useful and rows[useful].null_count() < rows.height:
        executed = rows
        unknown = rows.filter(pl.col(useful).max().over("trace", color, *filter(None, [shape])).is_null())
        # The same time and traffic with fewer FLOP: both coordinates are less by the same factor.
        rows = rows.filter(pl.col(useful) > 0).with_columns(
            pl.col(x) / pl.col(useful), pl.col(y) / pl.col(useful)
        )
    points = pl.concat([rows, executed])
    lines, ridges, far = _geometry(points, roofs, x, y)
    high = max([*points[y].to_list(), *lines[y].to_list()], default=1.0)
    low = min(points[y].to_list(), default=high / 1e3)
    left, right = _span(points, pl.concat([ridges, far]), x)
    across = alt.X(
        f"{x}:Q",
        axis=theme.prefixed_axis(
            x, title="Arithmetic intensity at DRAM (FLOP/byte)", values=_powers(left, right), labelFlush=True
        ),
        scale=alt.Scale(type="log", domain=[left, right], nice=False),
    )
    floor = 10.0 ** math.floor(math.log10(low))
    # Room for the labels of the roofs.
    ceiling = high * (high / floor) ** 0.15
    up = alt.Y(
        f"{y}:Q",
        axis=theme.prefixed_axis(y, title="Performance (FLOP/s)", values=_powers(floor, ceiling)),
        scale=alt.Scale(type="log", domain=[floor, ceiling], nice=False),
    )
    plot = _Plot(left, right, floor, ceiling)
    spots = _spots(rows, x, y, size, _LARGEST_OF_TRAIL if trail else _LARGEST, plot)
    roofs_told = _moved(lines.filter(pl.col("label") != ""), x, y, plot, spots)
    ridges_told = _ridge_labels({True: ridges, False: far}, roofs_told, lines, x, y, plot, spots)
    drawn = [source for source in _SOURCES.values() if source[0] in lines["source"]]
    layers = [
        alt.Chart(lines)
        .mark_line(style="roof", clip=True)
        .encode(
            x=across,
            y=up,
            detail=alt.Detail("roof:N"),
            tooltip=[alt.Tooltip("rate:N", title="Roof"), alt.Tooltip("source:N", title="Source")],
            opacity=alt.condition("datum.near", alt.value(1), alt.value(_FAINT)),
            strokeDash=alt.StrokeDash(
                "source:N",
                title="Roofs",
                scale=alt.Scale(domain=[name for name, _ in drawn], range=[dash for _, dash in drawn]),
            ),
        ),
        *_labels(roofs_told, across, up, plot),
        *(
            alt.Chart(shown)
            .mark_point(style="ridge", size=40, filled=True, opacity=opacity)
            .encode(x=across, y=up, tooltip=[alt.Tooltip("label:N", title="Ridge point")])
            for shown, opacity in ((ridges, 1.0), (far, _FAINT))
            if shown.height
        ),
    ]
    if ridges_told.height:
        everywhere = alt.condition(f"datum.narrow || width >= {_WIDE}", alt.Text("label:N"), alt.value(""))
        layers.append(
            alt.Chart(ridges_told)
            .mark_text(
                style="note",
                align=alt.ExprRef("datum.dx < 0 ? 'right' : 'left'"),
                dx=alt.ExprRef("datum.dx"),
                dy=alt.ExprRef("datum.dy"),
            )
            .encode(x=across, y=up, text=everywhere, opacity=alt.Opacity("opacity:Q", scale=None))
        )
    hue = theme.color(color, points)
    told = [*_roof_boxes(roofs_told, x, y, plot), *_ridge_boxes(ridges_told, x, y, plot)]
    if trail:
        trails = pl.concat([rows, unknown])
        joined = (
            alt.Chart(trails, height=_HEIGHT)
            .mark_line(strokeWidth=1.5, opacity=0.7)
            .encode(
                x=across,
                y=up,
                color=hue,
                order=alt.Order(f"{trail}:Q"),
                detail=[alt.Detail(f"{shape}:N")] if shape else alt.Undefined,
            )
        )
        series = [color, shape] if shape else [color]
        if trails["trace"].n_unique() > 1 and not _points_of_one_trail(trails, series, trail):
            joined = joined.encode(strokeDash=alt.StrokeDash("trace:N", title="Trace"))
        layers += [
            joined,
            alt.Chart(_apart(trails.drop_nulls(trail), x, y, plot, _TRAIL_LABEL, told))
            .mark_text(style="note", dy=-_RAISED)
            .encode(x=across, y=up, text=alt.Text(f"{trail}:Q", format=",")),
        ]
    shown_in_part = hollow and not executed.height
    part = rows[hollow].fill_null(False) if shown_in_part else pl.repeat(False, rows.height, eager=True)
    layers += [
        alt.Chart(shown, height=_HEIGHT)
        .mark_point(filled=filled, opacity=0.8)
        .encode(
            x=across,
            y=up,
            color=hue,
            shape=theme.shape(shape or color, points),
            size=alt.Size(
                f"{size}:Q",
                scale=alt.Scale(range=[_SMALLEST, _LARGEST_OF_TRAIL if trail else _LARGEST]),
                legend=None,
            ),
            tooltip=tooltip,
        )
        for filled, shown in ((True, rows.filter(~part)), (False, rows.filter(part)), (False, executed))
        if shown.height
    ]
    if name:
        layers += _names(rows, x, y, size, name, across, up, plot, [*told, *_line_boxes(lines, x, y, plot)])
    left_out = answer.height - known.height
    notes = [theme.not_shown(left_out, "without FLOP or DRAM traffic")]
    if part.any():
        notes.append("hollow: at least so much, for not all was counted")
    if executed.height:
        notes.append("solid: the useful FLOP; hollow: those executed, padding of tiles included")
    if unknown.height:
        notes.append("hollow alone: the useful FLOP are not known")
    if any(roof["source"] == "measured" and roof["kind"] == "compute" for roof in roofs.to_dicts()):
        notes.append("short launches may exceed a measured roof, before the power limit bites")
    if _differ(roofs):
        notes.append("each roof is the highest of the traces, whose clocks differ")
    if trail and shape == "phase" and "prefill" in rows[shape]:
        notes.append(
            "prefill of a prompt longer than a chunk is, as the collectors record it, its last chunk"
        )
    # The dashes of roofs tell their sources, those of trails their traces.
    return theme.noted(alt.layer(*layers).resolve_scale(strokeDash="independent"), *notes)


def _differ(roofs: pl.DataFrame) -> bool:
    """Whether several traces have a roof at different clocks."""
    peak = pl.coalesce("flop_per_s", "bytes_per_s")
    spread = roofs.group_by("kind", "name", "source", "metric").agg(
        peak.min().alias("low"), peak.max().alias("high")
    )
    return spread.filter(pl.col("low") < (1 - _SAME_CLOCK) * pl.col("high")).height > 0


def _spots(
    rows: pl.DataFrame, x: str, y: str, size: str, largest: int, plot: _Plot
) -> list[tuple[float, float, float]]:
    """Where the points lie, in pixels, and how far they reach."""
    most = max((amount or 0 for amount in rows[size].to_list()), default=0) or 1
    return [
        (
            *plot.pixels(at, height),
            math.sqrt((_SMALLEST + (largest - _SMALLEST) * (amount or 0) / most) / math.pi),
        )
        for at, height, amount in rows.select(x, y, size).rows()
    ]


def _around(spots: Sequence[tuple[float, float, float]]) -> list[Box]:
    return [(px - reach, py - reach, px + reach, py + reach) for px, py, reach in spots]


def _moved(
    labelled: pl.DataFrame, x: str, y: str, plot: _Plot, spots: Sequence[tuple[float, float, float]]
) -> pl.DataFrame:
    """The labels of the roofs; those of arithmetic moved left from points that lie at the right edge."""
    found = []
    for at, row in zip(_roof_boxes(labelled, x, y, plot), labelled.to_dicts(), strict=True):
        if row["dy"] == _BELOW:
            width = at[2] - at[0]
            ends = range(int(plot.width), int(width), -_STEP)
            boxes = [(end - width, at[1], end, at[3]) for end in ends]
            free = next((box for box in boxes if _is_free(box, _around(spots))), at)
            row[x] = plot.values(free[2], 0)[0] if free != at else row[x]
        found.append(row)
    return pl.DataFrame(found, schema=labelled.schema)


def _labels(labelled: pl.DataFrame, across: alt.X, up: alt.Y, plot: _Plot) -> list[alt.Chart]:
    """The labels of the roofs, at their ends: those of memory at the left edge where the chart is narrow."""
    found = []
    x = across.shorthand.removesuffix(":Q")
    for (dy, near), rows in sorted(labelled.group_by("dy", "near")):
        base = alt.Chart(rows.sort("roof")).encode(y=up)
        text = alt.Text("label:N")
        opacity = 1.0 if near else _FAINT_TEXT
        if dy == _BELOW:
            label = base.mark_text(style="note", align="right", dy=dy, opacity=opacity)
            found.append(label.encode(x=across, text=text))
            continue
        longest = max(len(label) for label in rows["label"].to_list())
        # Left of its end there may be no room for it: it begins at the edge.
        at_edge = plot.pixels(rows[x][0], 1.0)[0] < longest * _WIDER
        sides: tuple[tuple[bool, Literal["left", "right"]], ...] = ((False, "right"), (True, "left"))
        for narrow, align in sides:
            shown = alt.condition(f"(width < {_NARROW}) === {str(narrow).lower()}", text, alt.value(""))
            edge = narrow or at_edge
            place = alt.XValue(4) if edge else across  # type: ignore[no-untyped-call]
            # At the edge they lie above the label of the highest ridge point.
            label = base.mark_text(
                style="note", align="left" if edge else align, dy=dy - _LINE * narrow, opacity=opacity
            )
            found.append(label.encode(x=place, text=shown))
    return found


def _roof_boxes(labelled: pl.DataFrame, x: str, y: str, plot: _Plot) -> list[Box]:
    """Where the labels of roofs lie."""
    found = []
    for at, height, dy, label in labelled.select(x, y, "dy", "label").rows():
        px, py = plot.pixels(at, height)
        width = len(label) * _WIDER
        right = max(px, width)
        if plot.width < _NARROW and dy != _BELOW:
            right, dy = 4 + width, dy - _LINE
        found.append((right - width, py + dy - _HIGH / 2, right, py + dy + _HIGH / 2))
    return found


def _ridge_boxes(labels: pl.DataFrame, x: str, y: str, plot: _Plot) -> list[Box]:
    """Where the labels of ridge points lie."""
    found = []
    for at, height, dx, dy, label in labels.select(x, y, "dx", "dy", "label").rows():
        px, py = plot.pixels(at, height)
        width = len(label) * _WIDER
        left = px + dx - (width if dx < 0 else 0)
        found.append((left, py + dy - _HIGH / 2, left + width, py + dy + _HIGH / 2))
    return found


def _ridge_labels(
    ridges: Mapping[bool, pl.DataFrame],
    roofs: pl.DataFrame,
    lines: pl.DataFrame,
    x: str,
    y: str,
    plot: _Plot,
    spots: Sequence[tuple[float, float, float]],
) -> pl.DataFrame:
    """The labels of ridge points, of near ones first, that lie on no other label and on no point.

    Nor on a roof, where another place is free. Those that do so on a narrow page, too, are `narrow`.
    """
    narrow = replace(plot, width=_NARROWEST)
    taken = [*_roof_boxes(roofs, x, y, plot), *_around(spots)]
    taken_there = _roof_boxes(roofs, x, y, narrow)
    drawn = _line_boxes(lines, x, y, plot)
    found: list[dict[str, Any]] = []
    places: list[tuple[float, float]] = []
    for near, points in ridges.items():
        for point in points.to_dicts():
            place = plot.pixels(point[x], point[y])
            if any(math.dist(place, other) < _SAME for other in places):
                continue
            places.append(place)
            rows = [
                point | {"dx": dx, "dy": dy, "opacity": 1.0 if near else _FAINT_TEXT} for dx, dy in _PLACES
            ]
            boxes, there = (_ridge_boxes(pl.DataFrame(rows), x, y, size) for size in (plot, narrow))
            inside = [number for number, box in enumerate(boxes) if box[0] >= 0 and box[2] <= plot.width]
            free = [
                number
                for beside in ([*taken, *drawn], taken)
                for number in inside
                if _is_free(boxes[number], beside)
            ]
            if not free:
                continue
            row, box, small = rows[free[0]], boxes[free[0]], there[free[0]]
            row["narrow"] = small[0] >= 0 and small[2] <= narrow.width and _is_free(small, taken_there)
            taken.append(box)
            taken_there += [small] if row["narrow"] else []
            found.append(row)
    schema: dict[str, Any] = {x: pl.Float64, y: pl.Float64, "label": pl.String, "dx": pl.Int64}
    return pl.DataFrame(found, schema=schema | {"dy": pl.Int64, "opacity": pl.Float64, "narrow": pl.Boolean})


def _is_free(box: Box, taken: Sequence[Box]) -> bool:
    """Whether a box touches none of others."""
    return not any(
        box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3] for other in taken
    )


def _line_boxes(lines: pl.DataFrame, x: str, y: str, plot: _Plot) -> list[Box]:
    """Where the roofs themselves lie."""
    found = []
    for _, ends in lines.group_by("roof", maintain_order=True):
        found += _pieces(*(plot.pixels(*end) for end in ends.select(x, y).rows()))
    return found


def _pieces(first: tuple[float, float], last: tuple[float, float]) -> list[Box]:
    """Where a line lies, in pieces that are shorter than a letter."""
    number = max(int(math.dist(first, last) / _LETTER), 1)
    places = (
        [a + (b - a) * piece / number for a, b in zip(first, last, strict=True)]
        for piece in range(number + 1)
    )
    return [(px - 1, py - 1, px + 1, py + 1) for px, py in places]


def _names(
    rows: pl.DataFrame,
    x: str,
    y: str,
    size: str,
    name: str,
    across: alt.X,
    up: alt.Y,
    plot: _Plot,
    told: Sequence[Box],
) -> list[alt.Chart]:
    """The names of the points that take the most time, with lines to those that have no room beside them.

    None lies on a point, on another one, or on what is told of the roofs.
    """
    chosen = rows.sort(size, name, descending=[True, False], nulls_last=True).head(_NAMED)
    short = shortened([str(one) for one in theme.texts(chosen, name)], _LETTERS_OF_NAME)
    taken = [*told, *_around(_spots(rows, x, y, size, _LARGEST, plot))]
    labels, leaders = [], []
    words: list[Box] = [*told]
    places = [
        (*one, spot, text)
        for one, spot, text in zip(
            chosen.select(x, y).rows(), _spots(chosen, x, y, size, _LARGEST, plot), short, strict=True
        )
    ]
    lines_taken: list[Box] = []
    # At last those that have no place without a line that lies on a name.
    for crossing in (False, True):
        left = []
        for at_x, at_y, spot, text in places:
            width = len(text) * _LETTER
            placed = (
                _place(spot, width, taken) if crossing else _place(spot, width, [*taken, *lines_taken], words)
            )
            if placed is None:
                left.append((at_x, at_y, spot, text))
                continue
            box, end = placed
            words.append(box)
            taken.append(box)
            label_x, label_y = plot.values(box[0], (box[1] + box[3]) / 2)
            labels.append({x: label_x, y: label_y, "called": text})
            if end is not None:
                lines_taken += _pieces(spot[:2], end)
                end_x, end_y = plot.values(*end)
                leaders.append({x: at_x, y: at_y, "end_x": end_x, "end_y": end_y})
        places = left
    found = []
    if leaders:
        lines = alt.Chart(pl.DataFrame(leaders)).mark_rule(style="link", strokeWidth=0.7)
        visible = alt.condition(f"width < {_WIDE}", alt.value(0), alt.value(0.7))
        found.append(
            lines.encode(x=across, y=up, x2=alt.X2("end_x:Q"), y2=alt.Y2("end_y:Q"), opacity=visible)
        )
    if labels:
        shown = alt.condition(f"width >= {_WIDE}", alt.Text("called:N"), alt.value(""))
        texts = alt.Chart(pl.DataFrame(labels)).mark_text(style="label", align="left", fontSize=10)
        found.append(texts.encode(x=across, y=up, text=shown))
    return found


def _place(
    spot: tuple[float, float, float],
    width: float,
    taken: Sequence[Box],
    words: Sequence[Box] | None = None,
) -> tuple[Box, tuple[float, float] | None] | None:
    """Where a name lies near a point without touching what lies there, and where a line to it ends.

    There is no line to one that is close. Where `words` are given, it lies on none of them, and may be long.
    """
    px, py, radius = spot
    for distance in _DISTANCES:
        if words is None and distance > _FAR:
            break
        away = radius + distance
        for dx, dy in _DIRECTIONS:
            # Beside it the name begins or ends there, above and below it is in the middle.
            middle = py + dy * away
            left = px + dx * away - (width if dx < 0 else width / 2 if dx == 0 else 0)
            box = (left, middle - _HIGH / 2, left + width, middle + _HIGH / 2)
            inside = box[0] >= 2 and box[2] <= theme.WIDTH - 2 and box[1] >= 2 and box[3] <= _HEIGHT - 2
            if not inside or not _is_free(box, taken):
                continue
            # The end of the name that is nearer to the point.
            across = min(box[0], box[2], key=lambda edge: abs(edge - px)) if not box[0] < px < box[2] else px
            end = (across, middle if across != px else (box[1] if middle > py else box[3]))
            if math.dist(end, (px, py)) <= radius + _CLOSE:
                return box, None
            if all(_is_free(piece, words or ()) for piece in _pieces((px, py), end)):
                return box, end
    return None


def _points_of_one_trail(rows: pl.DataFrame, series: list[str], trail: str) -> bool:
    """Whether trails are not mixed when traces are not told apart.

    Each trace is one point (as one that was tagged with its place), and no two share a place; or each trail
    is of one trace.
    """
    if rows.select(*series, "trace").unique().height == rows.select(series).unique().height:
        return True
    alone = rows.select("trace", *series).is_unique().all()
    return alone and rows.select(*series, trail).is_unique().all()


def _geometry(
    rows: pl.DataFrame, roofs: pl.DataFrame, x: str, y: str
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The ends of every roof, its label at the second one; the ridge points, and those that work is far from.

    Several traces have the roofs of the fastest. Of one roof from several sources the first is labelled; of a
    cache, the roof of each metric instead, as the one that work measured with it is under.
    """
    peaks = roofs.group_by("kind", "name", "source", "metric").agg(
        pl.col("flop_per_s").max(), pl.col("bytes_per_s").max()
    )
    order = list(_SOURCES)
    found = sorted(
        peaks.to_dicts(),
        key=lambda r: (r["kind"], r["name"], order.index(r["source"]), r["metric"] or ""),
    )
    leading: dict[tuple[str, str], str] = {}
    for roof in sorted(found, key=lambda r: r["metric"] is None):
        leading.setdefault((roof["kind"], roof["name"]), roof["source"])
    compute = [roof for roof in found if roof["kind"] == "compute"]
    memory = [roof for roof in found if roof["kind"] == "memory"]

    work = rows.select(x, y).rows()
    ridges: dict[bool, list[tuple[float, float, str]]] = {True: [], False: []}
    for roof in compute:
        level = next((m for m in memory if m["name"] == "dram" and m["source"] == roof["source"]), None)
        if level is not None and leading["compute", roof["name"]] == roof["source"]:
            at = roof["flop_per_s"] / level["bytes_per_s"]
            near = _is_near(roof, work, at)
            ridges[near].append((at, roof["flop_per_s"], units.text("ridge_flop_per_byte", at, 3)))
    points, far = (
        pl.DataFrame(ridges[near], schema={x: pl.Float64, y: pl.Float64, "label": pl.String}, orient="row")
        for near in (True, False)
    )

    left, right = _span(rows, pl.concat([points, far]), x)
    ceiling = max((roof["flop_per_s"] for roof in compute), default=max(rows[y].to_list()))
    fastest = max((roof["bytes_per_s"] for roof in memory), default=math.inf)
    # A memory that meets the highest peak left of all points has no line here.
    found = [r for r in found if r["kind"] == "compute" or ceiling / r["bytes_per_s"] > left]
    labelled = [roof for roof in found if leading[roof["kind"], roof["name"]] == roof["source"]]
    # The slower, the further right it ends, and the higher its label.
    above = sorted((m for m in labelled if m["kind"] == "memory"), key=lambda m: -m["bytes_per_s"])
    low, high = min([*rows[y].to_list(), ceiling]), max([*rows[y].to_list(), ceiling])
    told_below = _joined([roof for roof in labelled if roof["kind"] == "compute"], low, high)
    ends = []
    for roof in found:
        if roof["kind"] == "compute":
            # From where the fastest memory meets it.
            peak, name, place = roof["flop_per_s"], roof["name"], "compute"
            span = [(max(left, peak / fastest), peak), (right, peak)]
            rate = units.text("flop_per_s", peak, 3)
            reached = peak / fastest
        else:
            speed, name, place = roof["bytes_per_s"], _LEVELS[roof["name"]], roof["name"]
            span = [(at, at * speed) for at in (left, min(right, ceiling / speed))]
            rate = units.text("bytes_per_s", speed, 3)
            reached = left
        # Metrics of one cache may have different peaks: with shared memory, or without.
        counted = re.sub(r"^derived__[a-z0-9]+__|\.sum$", "", roof["metric"] or "")
        told = f"{name} ({counted}) {rate}" if counted else f"{name} {rate}"
        dy = _ABOVE - _LINE * above.index(roof) if roof in above else _BELOW
        shown = (told_below.get(name, "") if place == "compute" else told) if roof in labelled else ""
        near = _is_near(roof, work, reached)
        for (at, height), label in zip(span, ("", shown), strict=True):
            source, _ = _SOURCES[roof["source"]]
            called = f"{name} {roof['source']} {counted}".rstrip()
            ends.append((called, source, place, label, told, dy, near, at, height))
    schema: dict[str, Any] = dict.fromkeys(("roof", "source", "place", "label", "rate"), pl.String)
    schema |= {"dy": pl.Int64, "near": pl.Boolean, x: pl.Float64, y: pl.Float64}
    return pl.DataFrame(ends, schema=schema, orient="row"), points, far


def _joined(compute: Sequence[Mapping[str, Any]], low: float, high: float) -> dict[str, str]:
    """The labels of the peaks, by precision: those that would lie on each other are one, of the highest."""
    found: dict[str, str] = {}
    last, first = math.inf, ""
    for roof in sorted(compute, key=lambda roof: (-roof["flop_per_s"], roof["name"])):
        peak, name = roof["flop_per_s"], roof["name"]
        pixels = _HEIGHT * math.log(last / peak) / math.log(high / low) if high > low else math.inf
        label = f"{name} {units.text('flop_per_s', peak, 3)}"
        if last < math.inf and pixels < _LINE + 1:
            same = found[first].endswith(label.removeprefix(name))
            found[first] = f"{name}, {found[first]}" if same else f"{found[first]}, {label}"
        else:
            found[name], last, first = label, peak, name
    return found


def _is_near(roof: Mapping[str, Any], work: Sequence[tuple[float, float]], first: float) -> bool:
    """Whether some work is within a factor of `_NEAR` of a roof, right of where that holds it back."""
    for at, reached in work:
        limit = roof["flop_per_s"] if roof["kind"] == "compute" else at * roof["bytes_per_s"]
        if at >= first / _NEAR and 1 / _NEAR <= reached / limit <= _NEAR:
            return True
    return False


def _span(rows: pl.DataFrame, ridges: pl.DataFrame, x: str) -> tuple[float, float]:
    """How far the axis of arithmetic intensity reaches: around the points and the ridge points."""
    values = [*rows[x].to_list(), *ridges[x].to_list()] or [1.0, 100.0]
    return 10.0 ** math.floor(math.log10(min(values) / 1.5)), max(values) * 12


@dataclass(frozen=True)
class _Plot:
    """A plot of two logarithmic axes, as wide as it is where nothing else says so."""

    left: float
    right: float
    floor: float
    ceiling: float
    width: float = theme.WIDTH

    def pixels(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies, from the left and from above."""
        across = math.log(x / self.left) / math.log(self.right / self.left)
        up = math.log(y / self.floor) / math.log(self.ceiling / self.floor)
        return across * self.width, (1 - up) * _HEIGHT

    def values(self, px: float, py: float) -> tuple[float, float]:
        """What lies there."""
        x = self.left * (self.right / self.left) ** (px / self.width)
        return x, self.floor * (self.ceiling / self.floor) ** (1 - py / _HEIGHT)


def _apart(
    rows: pl.DataFrame,
    x: str,
    y: str,
    plot: _Plot,
    size: tuple[int, int],
    told: Sequence[Box] = (),
) -> pl.DataFrame:
    """The rows whose labels, of this width and height, lie neither on each other nor on what is told."""
    kept: list[tuple[float, float]] = []
    chosen = []
    half, high = size[0] / 2, size[1] / 2
    for number, place in enumerate(rows.select(x, y).rows()):
        at = plot.pixels(*place)
        middle = at[1] - _RAISED
        free = _is_free((at[0] - half, middle - high, at[0] + half, middle + high), told)
        if free and all(abs(at[0] - other[0]) > size[0] or abs(at[1] - other[1]) > size[1] for other in kept):
            kept.append(at)
            chosen.append(number)
    return rows[chosen]


def _powers(low: float, high: float) -> list[float]:
    return [10.0**n for n in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def _told(answer: pl.DataFrame, column: str) -> bool:
    """Whether a tooltip is to tell a column: not what is unknown everywhere, nor a map."""
    return not answer[column].dtype.is_nested() and answer[column].null_count() < answer.height
