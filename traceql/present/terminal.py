"""Aligned columns that fit a terminal, and rows as records.

What is the same in all rows stands above them once, numbers of a column share one unit, which its head
says, long names keep both ends, and the columns for which there is no room are named below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from traceql.present import columns, units, values
from traceql.present.fitting import Column, fitted, joined, words
from traceql.present.values import counted, readable
from traceql.present.width import beginning, both_ends, folded, padded, told_apart, width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

# Columns of sentences: they go on in the next line, where names lose their middle.
_SENTENCES = frozenset(
    {
        *("advice", "caution", "done", "lacks", "meaning", "message", "missing", "note", "one_row_is"),
        *("question", "remark", "remedy", "sentence", "title", "value", "verdict"),
    }
)
# What all rows have in common is said in a line: nobody reads a whole kernel's name there.
_CONSTANT = 60
# The column that says what each row counts, and those that hold how much of it.
_MEASURE = "measure"
_MEASURED = frozenset(
    {"baseline", "variant", "delta", "baseline_stddev", "variant_stddev", "delta_low", "delta_high", "value"}
)
_MARGIN = "  "
# Of the number in the middle: who compares times looks at thousandths.
_DIGITS = 4
_NOTHING = ("NULL", "", "{}", "[]")


@dataclass(frozen=True)
class Layout:
    """How a table is laid out.

    Attributes:
        room: columns of the terminal; None for as many as it takes.
        raw: numbers in the units of the columns' names, to all digits that matter.
        whole: all columns, whatever room there is, and whether or not all rows have the same.
        vertical: a record of lines for each row.
        one_line: a line for each row: sentences end where the room does.
        groups: the column whose values stand as headings above their rows.
    """

    room: int | None = None
    raw: bool = False
    whole: bool = False
    vertical: bool = False
    one_line: bool = False
    groups: str = ""


def lines(answer: pa.Table, layout: Layout = Layout(), head: Callable[[str], str] = str) -> Iterator[str]:
    """The lines of a table, each with its newline.

    Args:
        answer: the rows.
        layout: for which terminal, and what of them.
        head: how the lines of names are set off.
    """
    measures = None if layout.raw else _measures(answer)
    shown = [_column(answer, i, measures, raw=layout.raw) for i in range(answer.num_columns)]
    if layout.vertical:
        yield from _records(shown, answer.num_rows, head)
        return
    headings = next((one for one in shown if one.name == layout.groups), None)
    shown = [one for one in shown if one is not headings]
    constant = [] if layout.whole or answer.num_rows < 2 else [one for one in shown if _is_constant(one)]
    # Rows that are all the same are rows.
    constant = constant[1:] if len(constant) == len(shown) else constant
    table = [one for one in shown if one not in constant]
    margin = _MARGIN if headings else ""
    room = None if layout.room is None else layout.room - len(margin)
    kept, widths, gap = fitted(table, room, whole=layout.whole)
    if len(kept) < len(table) and answer.num_rows == 1:
        yield from _records(shown, 1, head)
        return
    yield from _said_once(constant, layout.room)
    for line in _heads(kept, widths, gap):
        yield head(f"{margin}{line}".rstrip()) + "\n"
    yield "─" * (len(margin) + sum(widths) + gap * (len(widths) - 1)) + "\n"
    above = None
    cells = [_cells(one, most, layout) for one, most in zip(kept, widths, strict=True)]
    for number, row in enumerate(zip(*cells, strict=True)):
        if headings and headings.texts[number] != above:
            above = headings.texts[number]
            yield head(above) + "\n"
        for line in _lines_of(row, kept, widths, gap):
            yield f"{margin}{line}".rstrip() + "\n"
    left = [one.name for one in table if one not in kept]
    if left:
        told = f"{counted(len(left), 'more columns')}: {', '.join(left)}; --all-columns or --vertical"
        yield from (f"{line}\n" for line in folded(told, layout.room))


def _measures(answer: pa.Table) -> list[Any] | None:
    """What each row counts, where that is said beside the numbers."""
    import pyarrow as pa

    index = answer.schema.get_field_index(_MEASURE)
    named = index >= 0 and pa.types.is_string(answer.schema.field(index).type)
    return values.in_python(answer.column(index)) if named else None


def _column(answer: pa.Table, index: int, measures: Sequence[Any] | None, *, raw: bool) -> Column:
    import pyarrow as pa

    name, kind = answer.column_names[index], answer.schema.field(index).type
    is_number = bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
    is_rigid = is_number or bool(pa.types.is_temporal(kind) or pa.types.is_boolean(kind))
    found = values.in_python(answer.column(index))
    shown, suffix, unit = readable(name), units.suffix(name), ""
    if is_number and measures is not None and name in _MEASURED:
        texts = [_measured(measure, value) for measure, value in zip(measures, found, strict=True)]
        return Column(shown, words(shown, ""), "", texts, is_number, is_rigid)
    # A point in time is read in no unit, and only whole it is exact.
    if raw or not is_number or not units.has_units(name) or name.endswith("_utc_ns"):
        texts = values.texts(name, found)
    else:
        # Sums of DuckDB are wider than any of Python's machine types.
        numbers = [float(v) if isinstance(v, Decimal) else v for v in found]
        unit, scaled = columns.scaled(name, numbers, _DIGITS)
        texts = [
            text if value is not None and math.isfinite(value) else values.human(value)
            for text, value in zip(scaled, numbers, strict=True)
        ]
        shown = shown.removesuffix(suffix)
    return Column(readable(name), words(shown, unit), unit, texts, is_number, is_rigid)


def _measured(measure: str | None, value: float | Decimal | None) -> str:
    """A number of a row in the unit that reads best for it."""
    return values.human(value) if value is None or not measure else units.text(measure, float(value))


def _is_constant(column: Column) -> bool:
    return all(text == column.texts[0] for text in column.texts)


def _is_sentence(column: Column) -> bool:
    return column.name in _SENTENCES and not column.is_rigid


def _said_once(constant: Sequence[Column], room: int | None) -> Iterator[str]:
    """What all rows have in common, and what none of them has."""
    said, empty = [], []
    for one in constant:
        text = one.texts[0]
        if text in _NOTHING:
            empty.append(one.name)
        else:
            label = one.name.upper() if units.is_acronym(one.name) else one.label
            said.append(f"{label} {both_ends(text, _CONSTANT)}{one.unit and f' {one.unit}'}")
    for line in (", ".join(said), f"empty: {', '.join(empty)}" if empty else ""):
        if line:
            yield from (f"{part}\n" for part in folded(line, room))


def _records(shown: Sequence[Column], rows: int, head: Callable[[str], str]) -> Iterator[str]:
    """The rows as records: a line for each column, whole."""
    room = max((width(one.label) for one in shown), default=0)
    for row in range(rows):
        if rows > 1:
            yield ("\n" if row else "") + head(f"row {row + 1:,} of {rows:,}") + "\n"
        for one in shown:
            text = one.texts[row]
            unit = f" {one.unit}" if one.unit and text not in _NOTHING else ""
            yield f"{padded(one.label, room)}   {text}{unit}".rstrip() + "\n"


def _heads(kept: Sequence[Column], widths: Sequence[int], gap: int) -> Iterator[str]:
    """The lines above the rule, on which all names stand."""
    heads = [_head(one, room) for one, room in zip(kept, widths, strict=True)]
    deepest = max(map(len, heads), default=0)
    yield from _lines_of([[""] * (deepest - len(head)) + head for head in heads], kept, widths, gap)


def _head(column: Column, room: int) -> list[str]:
    found: list[list[str]] = [[]]
    for word in column.words:
        if found[-1] and width(joined([*found[-1], word])) > room:
            found.append([])
        found[-1].append(word)
    return [both_ends(joined(line), room) for line in found]


def _cells(column: Column, room: int, layout: Layout) -> list[list[str]]:
    """The lines of each cell."""
    if not _is_sentence(column):
        return [[text] for text in told_apart(column.texts, room)]
    return [[beginning(text, room)] if layout.one_line else folded(text, room) for text in column.texts]


def _lines_of(
    cells: Sequence[list[str]], kept: Sequence[Column], widths: Sequence[int], gap: int
) -> Iterator[str]:
    """The lines of a row, whose cells have lines."""
    for number in range(max(map(len, cells), default=0)):
        texts = [cell[number] if number < len(cell) else "" for cell in cells]
        yield (" " * gap).join(
            padded(text, room, right=one.is_number)
            for text, room, one in zip(texts, widths, kept, strict=True)
        )
