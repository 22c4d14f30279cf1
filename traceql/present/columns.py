"""Columns as a page shows them: numbers in one unit per column, with the digits that matter."""

from __future__ import annotations

import math
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from traceql.present import units
from traceql.present import values as values_shown

if TYPE_CHECKING:
    from collections.abc import Sequence


def numbers(column: str, values: Sequence[Any]) -> tuple[str, list[str]]:
    """The title with the unit, and the numbers in it; an empty text for what is missing."""
    title = units.title(column)
    unit, shown = scaled(column, values)
    return (title if unit in ("count", "number", "") else f"{title} ({unit})"), shown


def scaled(column: str, values: Sequence[Any], digits: int = 3) -> tuple[str, list[str]]:
    """The unit in which a column reads best, and its numbers in it; an empty text for what is missing.

    Args:
        column: its name, which ends in a unit.
        values: its numbers.
        digits: of the number in the middle, in which all others are written, too.

    >>> scaled("total_ns", [2_400_000, 1_500_000, None])
    ('ms', ['2.40', '1.50', ''])
    >>> scaled("start_ns", [1_500_000_100, 1_500_004_100])
    ('s', ['1.5000001', '1.5000041'])
    """
    known = [v for v in values if v is not None and math.isfinite(v)]
    if units.is_code(column):
        return "", ["" if v is None else units.code(column, int(v)) for v in values]
    # The unit of the middle one: the largest may be a thousand times as large.
    sizes = sorted(abs(v) for v in known if v)
    middle = sizes[(len(sizes) - 1) // 2] if sizes else 0
    divisor, unit = units.scale(column, [middle])
    whole = divisor == 1 and all(float(v).is_integer() for v in known)
    finest = 2 if unit == "%" else 3
    places = (
        0
        if whole or not middle
        else min(finest, max(0, digits - 1 - math.floor(math.log10(middle / divisor))))
    )
    if units.is_position(column) and not whole:
        places = max(places, _apart([v / divisor for v in known], round(math.log10(divisor))))
    texts = []
    for value in values:
        if value is None or not math.isfinite(value):
            texts.append("")
            continue
        text = f"{value / divisor:,.{places}f}"
        # What would round to nothing keeps its size.
        texts.append(f"{value / divisor:.2g}" if value and not text.strip("-0.") else text)
    return unit, texts


def _apart(positions: Sequence[float], most: int) -> int:
    """Decimal places that keep neighbours apart."""
    ordered = sorted(set(positions))
    steps = [later - earlier for earlier, later in pairwise(ordered)]
    return min(most, max(0, 1 - math.floor(math.log10(min(steps))))) if steps else 0


def texts(values: Sequence[Any]) -> list[str]:
    """Values that are no numbers, as a page shows them; an empty text for what is missing."""
    return ["" if v is None else _text(v) for v in values]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else values_shown.drawn(str(value))
