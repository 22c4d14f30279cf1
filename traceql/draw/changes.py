"""What changed between two sides, beside what it is measured by."""

from __future__ import annotations

import altair as alt
import polars as pl

from traceql.draw import theme
from traceql.draw.registry import Drawing, chart
from traceql.errors import QueryError
from traceql.present import units

_GROUPS = 5
_ROWS = 6
#: What bars reach at most: some counters change by many times what would explain the time.
_LEAST, _MOST = -100.0, 200.0
_FINDINGS = ("with the time", "in part", "more", "against it")


@chart()
def moved_bars(
    answer: pl.DataFrame,
    *,
    group: str,
    before: str,
    after: str,
    time: str,
    measure: str,
    meaning: str,
    change: str,
    share: str,
    finding: str,
) -> Drawing:
    """For each `group` its change of time, and below it what moved: a bar for the `share` that it makes up.

    At 100 % a counter changed just as the time did. The first of the answer; what hardly moved has no bar.
    """
    moved = answer.filter(pl.col(finding).is_not_null() & pl.col(share).is_finite())
    if moved.height == 0:
        raise QueryError(
            "no counter moved with the time of what was profiled",
            "More counters: --metric",
        )
    groups = moved.partition_by(group, maintain_order=True)
    texts: list[dict[str, object]] = []
    bars: list[dict[str, object]] = []
    for rows in groups[:_GROUPS]:
        first = rows.row(0, named=True)
        name = {None: "All together", "": "Outside any range"}.get(first[group], first[group])
        times = " → ".join(units.text(before, first[side]) for side in (before, after))
        row_number = len(texts) + len(bars)
        texts.append(theme.line(row_number, f"{name}: {times}", f"{first[time]:+,.1f} %", head=True))
        for row in rows.head(_ROWS).to_dicts():
            row_number = len(texts) + len(bars)
            what = f"{row[meaning] or row[measure]} {row[change]:+,.1f} %"
            texts.append(theme.line(row_number, what, units.text(share, row[share], 3)))
            end = min(max(row[share], _LEAST), _MOST)
            place = texts[-1] | {theme.ROW: row_number + 1}
            bars.append(place | {"start": 0.0, "end": end, "moved": row[finding]})
    height = theme.LINE * (len(texts) + len(bars))
    reach = alt.Scale(domain=[_LEAST, _MOST], nice=False)
    axis = theme.plain_axis("Share of the change of time", "%", values=[-100, 0, 100, 200], grid=False)
    marks = (
        alt.Chart(pl.DataFrame(bars), height=height)
        .mark_bar(height=11)
        .encode(
            x=alt.X("start:Q", axis=axis, scale=reach),
            x2=alt.X2("end:Q"),
            y=theme.row_axis(),
            color=alt.Color("moved:N", title=None, scale=alt.Scale(domain=list(_FINDINGS))),
            tooltip=[
                alt.Tooltip(f"{theme.NAME}:N", title="Counter"),
                alt.Tooltip(f"{theme.VALUE}:N", title="Of the change of time"),
                alt.Tooltip("moved:N", title="Finding"),
            ],
        )
    )
    level = alt.Chart(pl.DataFrame({"at": [100.0]})).mark_rule(style="reference")
    as_time = level.encode(x=alt.X("at:Q", axis=axis, scale=reach))
    longer = any(row[share] > _MOST or row[share] < _LEAST for rows in groups for row in rows.to_dicts())
    return theme.noted(
        alt.layer(as_time, marks, *theme.text_lines(texts, height=height)),
        theme.cut(min(len(groups), _GROUPS), len(groups), "first"),
        f"bars end at {_LEAST:.0f} and {_MOST:.0f} %" if longer else "",
    )
