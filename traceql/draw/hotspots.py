"""Where in its code a kernel spends its time: instructions and source lines, by what warps did there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from traceql.draw import theme
from traceql.draw.registry import Drawing, chart
from traceql.errors import QueryError
from traceql.present import units, values

if TYPE_CHECKING:
    from collections.abc import Sequence

_KERNELS = 5
_PLACES = 20
# Rarer states are drawn as one: there are as many colours.
_STATES = len(theme.LIGHT.series)
_RARER = "other states"
# Of a path of any system.
_FOLDERS = re.compile(r".*[/\\]", re.S)


@chart()
def state_bars(
    answer: pl.DataFrame,
    *,
    samples: str,
    share: str,
    states: str,
    group: str,
    launch: str,
    sass: str,
    offset: str,
    address: str,
    file: str,
    line: str,
    text: str,
) -> Drawing:
    """For each place in the code of a `group` a bar as long as its `samples`, in parts by the `states`.

    A panel for each kernel (or `launch`) with an axis of its own, the first of the answer. A place is called
    by file and line, by how far it is from the first instruction (else by its address), and by its SASS, or
    what stands in the source; as far as they are known.
    """
    known = answer.filter(pl.col(samples) > 0)
    if known.height == 0:
        raise QueryError(
            "no warp was sampled at any instruction", "Record it: ncu --section SourceCounters, or --set full"
        )
    kernels = known.partition_by([group, launch], maintain_order=True)
    shown = [rows.head(_PLACES).to_dicts() for rows in kernels[:_KERNELS]]
    # A kernel of few samples is drawn as large as one of many.
    weights: dict[str, float] = {}
    for rows in shown:
        total = sum(row[samples] for row in rows)
        for row in rows:
            for state, count in _by_state(row[states]).items():
                weights[state] = weights.get(state, 0) + count / total
    ranked = sorted(weights, key=lambda state: (-weights[state], state))
    domain = ranked if len(ranked) <= _STATES else [*ranked[: _STATES - 1], _RARER]
    panels = []
    for rows in shown:
        title = str(rows[0][group]) + ("" if rows[0][launch] is None else f" (launch {rows[0][launch]})")
        named = [
            (
                _place(row[file], row[line], row[offset], row[address], row[sass] or row[text]),
                f"{units.text(samples, row[samples])} ({units.text(share, row[share], 2)})",
                _by_state(row[states]),
            )
            for row in rows
        ]
        panels.append(_panel(title, named, domain, samples))
    cut = max(len(rows) for rows in kernels[:_KERNELS]) > _PLACES
    return theme.noted(
        alt.vconcat(*panels, spacing=18),
        theme.cut(len(panels), len(kernels), "kernels of most samples"),
        f"the {_PLACES} first places of each" if cut else "",
    )


def _by_state(states: Mapping[str, int] | Sequence[Mapping[str, Any]] | None) -> dict[str, int]:
    """Samples in each state: of a map, or of pairs, which polars may make of one."""
    if not isinstance(states, Mapping):
        states = {one["key"]: one["value"] for one in states or ()}
    return {values.drawn(state): count for state, count in states.items()}


def _place(
    file: str | None, line: int | None, offset: int | None, address: int | None, code: str | None
) -> str:
    """What a place is called, as far as it is known.

    >>> _place("/src/k.cu", 47, 240, 140_497_162_781_424, "FFMA R2, R3, R4, R2")
    'k.cu:47  +0xf0  FFMA R2, R3, R4, R2'
    """
    where = "" if file is None or line is None else f"{_FOLDERS.sub('', file)}:{line}"
    distance = "" if address is None else units.code("address", address)
    if offset is not None:
        distance = f"+{offset:#x}"
    return (
        "  ".join(word for word in (where, distance, (code or "").strip()) if word) or "without a source line"
    )


def _panel(
    title: str, places: Sequence[tuple[str, str, dict[str, int]]], domain: list[str], samples: str
) -> Drawing:
    """One kernel: its name, and below it two lines for each place, a text and a bar."""
    texts = [theme.line(0, title, head=True)]
    parts: list[dict[str, object]] = []
    for number, (name, value, states) in enumerate(places):
        texts.append(theme.line(2 * number + 1, name, value))
        by_name = Counter[str]()
        for state, count in states.items():
            by_name[state if state in domain else _RARER] += count
        end = 0
        for state in domain:
            if by_name[state]:
                start, end = end, end + by_name[state]
                parts.append(
                    {
                        theme.ROW: 2 * number + 2,
                        theme.NAME: name,
                        "start": start,
                        "end": end,
                        "state": state,
                        theme.VALUE: units.text(samples, by_name[state]),
                    }
                )
    divisor, unit = units.scale(samples, ())
    axis = theme.plain_axis(units.title(samples), unit, divisor, tickCount=5, grid=False)
    tooltip = [
        alt.Tooltip(f"{theme.NAME}:N", title="Where"),
        alt.Tooltip("state:N", title="State"),
        alt.Tooltip(f"{theme.VALUE}:N", title=units.title(samples)),
    ]
    size = {"height": theme.LINE * (2 * len(places) + 1), "width": theme.WIDTH}
    bars = (
        alt.Chart(pl.DataFrame(parts))
        .properties(**size)
        .mark_bar(height=11)
        .encode(
            x=alt.X("start:Q", axis=axis),
            x2=alt.X2("end:Q"),
            y=theme.row_axis(),
            color=alt.Color("state:N", title=None, scale=alt.Scale(domain=domain)),
            tooltip=tooltip,
        )
    )
    return alt.layer(bars, *theme.text_lines(texts, **size))
