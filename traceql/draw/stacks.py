"""Trees of calls: how often each place was found, below what called it."""

from __future__ import annotations

import altair as alt
import polars as pl

from traceql.draw import theme
from traceql.draw.registry import Drawing, chart
from traceql.present import units

_ROW_PIXELS = 18
# A letter is so wide, and what is narrower than some of them has no name.
_LETTER_PIXELS = 6.8
_FEWEST_LETTERS = 4
# From little to much: light enough for names in dark letters, on a page of either kind.
_COLORS, _INK = ("#fff0cf", "#f0904a"), "#1b1b1f"
# Narrower than a pixel it is not seen, and a tree may have ten thousands of such places.
_NARROWEST_PIXELS = 0.5


@chart(moves=True)
def icicle(answer: pl.DataFrame, *, x: str, length: str, y: str, label: str, color: str) -> Drawing:
    """Places of a tree as bars: what called it above, as wide as the amount `length`, from `x` on.

    The root is on top (a flame graph upside down); `color` is a percentage: how much of the amount is
    its own. Names stand where there is room; all are in the tooltips.
    """
    known = theme.measured(answer, x, length)
    theme.any_amount(known, length)
    begins, ends = known[x].to_list(), (known[x] + known[length]).to_list()
    whole = max(max(ends) - min(begins), 1)
    pixels = known[length] / whole * theme.WIDTH
    shown = known.filter(pixels >= _NARROWEST_PIXELS)
    letters = (shown[length] / whole * theme.WIDTH / _LETTER_PIXELS).cast(pl.Int64) - 1
    names = [
        "" if room < _FEWEST_LETTERS else name if len(name) <= room else f"{name[: room - 1]}…"
        for name, room in zip(shown[label].to_list(), letters.to_list(), strict=True)
    ]
    rows, tooltip = theme.prepared(shown, [column for column in answer.columns if column != x])
    rows = rows.with_columns(
        (pl.col(x) + pl.col(length)).alias("until"),
        (pl.col(x) + pl.col(length) / 2).alias("middle"),
        pl.Series(theme.NAME, names, pl.String),
    )
    levels = sorted(rows[y].unique().to_list())
    base = alt.Chart(rows, height=_ROW_PIXELS * len(levels)).encode(
        y=alt.Y(f"{y}:O", sort=levels, axis=None), tooltip=tooltip
    )
    scale = alt.Scale(zero=False, nice=False)
    bars = base.mark_rect(stroke="white", strokeWidth=0.5).encode(
        x=alt.X(f"{x}:Q", axis=theme.axis(x, rows, "until", name=units.title(length)), scale=scale),
        x2=alt.X2("until:Q"),
        color=alt.Color(
            f"{color}:Q",
            title=f"{units.title(color)} ({units.scale(color, [])[1]})",
            scale=alt.Scale(range=list(_COLORS)),
            legend=alt.Legend(gradientLength=200, direction="horizontal"),
        ),
    )
    texts = base.mark_text(style="note", align="center", color=_INK).encode(
        x=alt.X("middle:Q", scale=scale), text=alt.Text(f"{theme.NAME}:N")
    )
    narrow = known.height - shown.height
    return theme.noted(
        alt.layer(bars, texts),
        theme.HOW_TO_MOVE,
        f"{narrow:,} too narrow to be drawn" if narrow else "",
        theme.left_out(known, answer),
    )
