"""Aligned columns for a terminal, and for files that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql.present.values import cells, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

_GAP = "   "
_NARROWEST = 8


def lines(answer: pa.Table, room: int | None = None, head: Callable[[str], str] = str) -> Iterator[str]:
    """The lines of a table, each with its newline.

    Args:
        answer: the rows.
        room: columns of the terminal: long texts give way to it, numbers are never cut; None for any width.
        head: how the line of names is set off.
    """
    names = [readable(name) for name in answer.column_names]
    rows = list(cells(answer))
    widths = [max([len(name), *(len(row[i]) for row in rows)]) for i, name in enumerate(names)]
    numbers = [_is_number(column.type) for column in answer.schema]
    if room is not None:
        widths = _fitted(widths, numbers, room)

    def line(texts: list[str]) -> str:
        padded = []
        for text, width, number in zip(texts, widths, numbers, strict=True):
            short = text if len(text) <= width else text[: width - 1] + "…"
            padded.append(short.rjust(width) if number else short.ljust(width))
        return _GAP.join(padded).rstrip()

    yield head(line(names)) + "\n"
    yield "─" * (sum(widths) + len(_GAP) * (len(widths) - 1)) + "\n"
    for row in rows:
        yield line(row) + "\n"


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _fitted(widths: list[int], numbers: list[bool], room: int) -> list[int]:
    """Widths that fit into `room`, as far as texts can give way: the widest first, none below `_NARROWEST`.

    >>> _fitted([40, 9, 20], [False, True, False], 60)
    [25, 9, 20]
    >>> _fitted([9, 9], [True, True], 10)
    [9, 9]
    """
    widths = list(widths)
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - room
    texts = [i for i, number in enumerate(numbers) if not number]
    while excess > 0 and texts:
        widest = max(texts, key=lambda i: widths[i])
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
        excess -= 1
    return widths
