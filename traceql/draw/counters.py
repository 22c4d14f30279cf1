"""What the pages of Nsight Compute draw: curves of occupancy, and the memory chart."""

from __future__ import annotations

import altair as alt
import polars as pl

from traceql.draw import theme
from traceql.draw.registry import Drawing, chart
from traceql.errors import QueryError
from traceql.present import units

_PANEL = 110
_CARVE_OUT = "shared memory of the SM stays as it was set for the launch, for small blocks, too"


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
    hue = theme.color(color, first)
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
    note = theme.not_shown(others, "other launch" if others == 1 else "other launches", "drawn")
    return theme.noted(alt.vconcat(*panels, spacing=18), called, _CARVE_OUT, note)


def _amount(parameter: str, value: int) -> str:
    """Registers and threads as counts, bytes in the unit that fits."""
    return units.text(parameter, value)


#: Where the places of the memory chart lie, and their names: left, right, top and bottom, of 100 in width.
_PLACES = {
    "kernel": (0, 100, 0, 10, "Kernel"),
    "L1": (0, 53, 27, 40, "L1/TEX cache"),
    "shared": (57, 100, 27, 40, "Shared memory"),
    "L2": (0, 100, 58, 72, "L2 cache"),
    "system": (0, 31, 90, 101, "System memory"),
    "DRAM": (34, 67, 90, 101, "Device memory"),
    "peer": (70, 100, 90, 101, "Peers"),
}
#: Where ways between two of them lie, from left to right: the one that goes down, the one that goes up.
_WAYS = {
    ("kernel", "L1"): (3, 29),
    ("kernel", "shared"): (60, 81),
    ("L1", "L2"): (3, 29),
    ("shared", "L2"): (60, 81),
    ("L2", "system"): (2, 17),
    ("L2", "DRAM"): (36, 53),
    ("L2", "peer"): (72, 87),
}
_HEIGHT = 404
_UNKNOWN = "?"


@chart()
def memory_map(
    answer: pl.DataFrame,
    *,
    source: str,
    target: str,
    requests: str,
    bytes: str,  # noqa: A002
    hits: str,
    share: str,
    group: str,
    lacks: str,
) -> Drawing:
    """Places as boxes, and the ways between them as arrows, as wide as what they move: the first group alone.

    Below a way's bytes are its requests, or the share of its peak. What is not known is a broken line and a
    question mark; nothing is a thin line.
    """
    key = [name for name in (group, "kernel_id") if name in answer.columns]
    first = answer.join(answer.head(1).select(key), on=key, nulls_equal=True, maintain_order="left")
    rows = {(row[source], row[target]): row for row in first.to_dicts()}
    if all(row[name] is None for row in rows.values() for name in (requests, bytes, hits, share)):
        raise QueryError(
            "nothing was counted on any way", "Record it: ncu --section MemoryWorkloadAnalysis_Chart"
        )
    texts: list[dict[str, object]] = []
    boxes = []
    for place, (left, right, top, bottom, name) in _PLACES.items():
        row = rows.get((place, None), {})
        shares = _shares(row, {hits: "hit", share: "of peak"})
        said = [", ".join(f"{text} {kind}" for kind, text in shares)]
        if place == "shared":
            said.append(_of_others(rows, bytes))
        elif place == "kernel":
            said.append(_of_constants(rows, requests, hits))
        elif place == "L2":
            said.append(_compressed(rows.get(("compression", None), {}), bytes, hits))
        boxes.append({"left": left, "right": right, "top": top, "bottom": bottom, "name": name})
        lines = [name, *(line for line in said if line)]
        for number, line in enumerate(lines):
            y = (top + bottom) / 2 + 4.2 * (number - (len(lines) - 1) / 2)
            texts.append({"x": (left + right) / 2, "y": y, "text": line, "side": "middle"})
    arrows = []
    most = max((rows[way][bytes] or 0 for way in rows if way[1]), default=0)
    for (above, below), columns in _WAYS.items():
        for x, way in zip(columns, ((above, below), (below, above)), strict=True):
            row = rows.get(way, {})
            ends = (_PLACES[above][3] + 0.8, _PLACES[below][2] - 0.8)
            start, end = ends if way[0] == above else ends[::-1]
            known = row.get(bytes) is not None or row.get(requests) is not None
            width = 1.2 + (6 * (row.get(bytes) or 0) / most if most else 0)
            asked = row.get(requests)
            moved = "" if "shared" in way and "kernel" in way else units.text("_bytes", row.get(bytes), 3)
            lines = [
                _UNKNOWN if line == units.text("_bytes", None) else line
                for line in (
                    moved,
                    "" if asked is None else f"{units.short(asked)} req.",
                    *(text for _, text in _shares(row, {share: ""})),
                )
                if line
            ] or [_UNKNOWN]
            arrows.append(
                {
                    "x": x,
                    "start": start,
                    "end": end,
                    "tip": end - 1.2 if end > start else end + 1.2,
                    "shape": "triangle-down" if end > start else "triangle-up",
                    "known": known,
                    "width": width,
                    "head": (width + 7) ** 2,
                    "way": " → ".join(_PLACES[place][4] for place in way),
                    "said": ", ".join(lines),
                    "lacking": row.get(lacks) or "nothing",
                }
            )
            for number, line in enumerate(lines):
                y = sum(ends) / 2 + 4.2 * (number - (len(lines) - 1) / 2)
                texts.append({"x": x + 1.8, "y": y, "text": line, "side": "left"})
    return theme.noted(_mapped(boxes, arrows, texts), *_map_notes(answer, first, group, arrows))


def _shares(row: dict[str, object], kinds: dict[str, str]) -> list[tuple[str, str]]:
    """What a row has of these percentages, each as what it is and its text."""
    values = ((kind, row.get(column)) for column, kind in kinds.items())
    return [(kind, units.text("_pct", value, 3)) for kind, value in values if isinstance(value, float)]


def _of_others(rows: dict[tuple[str, str | None], dict[str, object]], moved: str) -> str:
    """What shared memory has from and for other SMs, in words; nothing where it has neither."""
    came, went = (rows.get(way, {}).get(moved) for way in (("other_SMs", "shared"), ("shared", "other_SMs")))
    if not (came or went):
        return ""
    return "other SMs: " + ", ".join(
        f"{units.text('_bytes', value, 3) if isinstance(value, int) else _UNKNOWN} {word}"
        for value, word in ((came, "in"), (went, "out"))
    )


def _of_constants(rows: dict[tuple[str, str | None], dict[str, object]], asked: str, hits: str) -> str:
    """What is asked for constants that are addressed, in words; nothing where nothing is."""
    count = rows.get(("constant", "kernel"), {}).get(asked)
    if not isinstance(count, float) or not count:
        return ""
    shares = _shares(rows.get(("constant", None), {}), {hits: "hit"})
    return ", ".join([f"constants: {units.short(count)} req.", *(f"{text} {kind}" for kind, text in shares)])


def _compressed(row: dict[str, object], moved: str, compressed: str) -> str:
    """What L2 tried to compress, in words; nothing where it did not."""
    given = row.get(moved)
    if not isinstance(given, int) or not given:
        return ""
    amount = units.text("_bytes", given, 3)
    done = [text for _, text in _shares(row, {compressed: ""})]
    return "".join(f"compressed: {text} of {amount}" for text in done) or f"to be compressed: {amount}"


def _map_notes(
    answer: pl.DataFrame, first: pl.DataFrame, group: str, arrows: list[dict[str, object]]
) -> list[str]:
    name = "(none)" if first[group][0] is None else str(first[group][0])
    others = answer.select(group, *(c for c in ("kernel_id",) if c in answer.columns)).n_unique() - 1
    unknown = sum(not arrow["known"] for arrow in arrows)
    return [
        name,
        theme.not_shown(others, "other" if others == 1 else "others", "drawn"),
        f"{_UNKNOWN}: not recorded" if unknown else "",
    ]


def _mapped(
    boxes: list[dict[str, object]], arrows: list[dict[str, object]], texts: list[dict[str, object]]
) -> Drawing:
    across = alt.Scale(domain=[0, 100], nice=False)
    down = alt.Scale(domain=[0, 101], nice=False, reverse=True)

    def x_at(name: str) -> alt.X:
        return alt.X(f"{name}:Q", axis=None, scale=across)

    def y_at(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", axis=None, scale=down)

    def of(rows: list[dict[str, object]]) -> alt.Chart:
        return alt.Chart(pl.DataFrame(rows), height=_HEIGHT)

    areas = (
        of(boxes)
        .mark_rect(style="box", cornerRadius=3)
        .encode(x=x_at("left"), x2=alt.X2("right"), y=y_at("top"), y2=alt.Y2("bottom"))
    )
    tooltip = [
        alt.Tooltip("way:N", title="Way"),
        alt.Tooltip("said:N", title="Moved"),
        alt.Tooltip("lacking:N", title="Not recorded"),
    ]
    width = alt.StrokeWidth("width:Q", scale=None)
    lines = (
        of(arrows)
        .mark_rule()
        .encode(x=x_at("x"), y=y_at("start"), y2=alt.Y2("tip"), strokeWidth=width, tooltip=tooltip)
    )
    heads = (
        of(arrows)
        .mark_point(filled=True, opacity=1)
        .encode(
            x=x_at("x"),
            y=y_at("tip"),
            shape=alt.Shape("shape:N", scale=None),
            size=alt.Size("head:Q", scale=None),
            tooltip=tooltip,
        )
    )
    words = of(texts).encode(x=x_at("x"), y=y_at("y"), text=alt.Text("text:N"))
    return alt.layer(
        areas,
        lines.transform_filter("datum.known"),
        heads.transform_filter("datum.known"),
        lines.transform_filter("!datum.known").mark_rule(style="reference"),
        heads.transform_filter("!datum.known").mark_point(filled=True, style="reference"),
        words.transform_filter("datum.side == 'left'").mark_text(align="left", style="label"),
        words.transform_filter("datum.side == 'middle'").mark_text(style="label"),
    )
