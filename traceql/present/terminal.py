"""Aligned columns that fit a terminal, and rows as records.

What is the same in all rows stands above them once, numbers of a column share one unit, which its head
says, long names keep both ends, and the columns for which there is no room are named below.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from traceql.present import columns, units, values
from traceql.present.fitting import Column, fitted, head_lines, words
from traceql.present.values import counted, readable
from traceql.present.width import beginning, both_ends, folded, padded, told_apart, width
from traceql.rows import Column as Plain
from traceql.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

# Columns of sentences: they go on in the next line, where names lose their middle.
_SENTENCES = frozenset(
    {
        *("advice", "caution", "command", "done", "lacks", "meaning", "message", "missing", "note"),
        *("one_row_is", "question", "remark", "remedy", "removed", "sentence", "title", "value", "verdict"),
        *("would_go",),
    }
)
# Columns of words that name something: half of one is none.
_WHOLE = frozenset({"tags"})
# What all rows have in common is said in a line: nobody reads a whole kernel's name there.
_CONSTANT = 60
# The column that says what each row counts, and those that hold how much of it.
_MEASURE = "measure"
_MEASURED = frozenset(
    {"baseline", "variant", "delta", "baseline_stddev", "variant_stddev", "delta_low", "delta_high"}
)
# A number, its unit, and a text in its place.
_VALUE, _UNIT, _TEXT = "value", "unit", "text"
_BESIDE = (_MEASURE, _VALUE, _UNIT, _TEXT)
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
        kept: the column that is left out last.
    """

    room: int | None = None
    raw: bool = False
    whole: bool = False
    vertical: bool = False
    one_line: bool = False
    groups: str = ""
    kept: str = ""


def lines(
    answer: pa.Table | Rows, layout: Layout = Layout(), head: Callable[[str], str] = str
) -> Iterator[str]:
    """The lines of a table, each with its newline.

    Args:
        answer: the rows.
        layout: for which terminal, and what of them.
        head: how the lines of names are set off.
    """
    own = {} if layout.raw else _in_their_units(answer)
    if layout.whole:
        # Beside the column of units, numbers are in these.
        own.pop(_VALUE, None)
    shown = [_column(answer, i, own.get(name), raw=layout.raw) for i, name in enumerate(answer.column_names)]
    if _VALUE in own:
        # They stand behind each number, or in its place.
        shown = [one for one in shown if one.name not in (_UNIT, _TEXT)]
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
    kept, widths, gap = fitted(table, room, whole=layout.whole, last=layout.kept)
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


def _in_their_units(answer: pa.Table | Rows) -> dict[str, list[str]]:
    """Columns whose rows count different things → their texts: what each counts is said beside them."""
    known = {name: values.in_python(answer.column(name)) for name in _BESIDE if name in answer.column_names}
    if _MEASURE in known:
        return {
            name: [
                values.human(number) if number is None else _of_measure(measure, float(number))
                for measure, number in zip(
                    known[_MEASURE], values.in_python(answer.column(name)), strict=True
                )
            ]
            for name in answer.column_names
            if name in _MEASURED and _is_number(answer.column(name))
        }
    if _VALUE in known and _UNIT in known and _is_number(answer.column(_VALUE)):
        texts = known.get(_TEXT, [None] * answer.num_rows)
        return {
            _VALUE: [
                values.human(text) if number is None else _of_unit(unit, float(number))
                for number, unit, text in zip(known[_VALUE], known[_UNIT], texts, strict=True)
            ]
        }
    return {}


def _of_measure(measure: object, number: float) -> str:
    if isinstance(measure, str) and units.has_units(measure):
        return units.text(measure, number)
    return f"{number:,.0f}" if number.is_integer() else values.human(number)


def _of_unit(unit: object, number: float) -> str:
    divisor, name = units.scale_of(str(unit or ""), [number])
    return f"{_of_measure(None, number / divisor)}{f' {name}' if unit else ''}"


def _column(answer: pa.Table | Rows, index: int, own: list[str] | None, *, raw: bool) -> Column:
    name, column = answer.column_names[index], answer.column(index)
    is_number = _is_number(column)
    is_rigid = is_number or _is_short(column)
    # When something was, as a text.
    is_rigid |= name.endswith("_at")
    found = values.in_python(column)
    shown, suffix, unit = readable(name), units.suffix(name), ""
    if own is not None:
        return Column(shown, words(shown, ""), "", own, is_number, is_rigid)
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
    return Column(readable(name), words(shown, unit), unit, texts, is_number, is_rigid, name in _WHOLE)


def _is_number(column: pa.ChunkedArray | Plain) -> bool:
    if isinstance(column, Plain):
        return column.is_number
    import pyarrow as pa

    kind = column.type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_short(column: pa.ChunkedArray | Plain) -> bool:
    """Whether it holds times, or yes and no."""
    if isinstance(column, Plain):
        return column.type in ("TIMESTAMP", "BOOLEAN")
    import pyarrow as pa

    return bool(pa.types.is_temporal(column.type) or pa.types.is_boolean(column.type))


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
            text = text if one.is_whole else both_ends(text, _CONSTANT)
            said.append(f"{label} {text}{one.unit and f' {one.unit}'}")
    for line in (", ".join(said), f"empty: {', '.join(empty)}" if empty else ""):
        if line:
            yield from (f"{part}\n" for part in folded(line, room))


def _records(shown: Sequence[Column], rows: int, head: Callable[[str], str]) -> Iterator[str]:
    """The rows as records: a line for each column, whole."""
    met = Counter(one.label for one in shown)
    # What two columns have in common without their units does not tell them apart.
    labels = [one.label if met[one.label] == 1 else one.name for one in shown]
    room = max(map(width, labels), default=0)
    for row in range(rows):
        if row:
            yield "\n"
        if rows > 1:
            yield head(f"row {row + 1:,} of {rows:,}") + "\n"
        for one, label in zip(shown, labels, strict=True):
            text = one.texts[row]
            unit = f" {one.unit}" if one.unit and text not in _NOTHING else ""
            yield f"{padded(label, room)}   {text}{unit}".rstrip() + "\n"


def _heads(kept: Sequence[Column], widths: Sequence[int], gap: int) -> Iterator[str]:
    """The lines above the rule, on which all names stand."""
    heads = [
        [both_ends(line, room) for line in head_lines(one, room)]
        for one, room in zip(kept, widths, strict=True)
    ]
    deepest = max(map(len, heads), default=0)
    yield from _lines_of([[""] * (deepest - len(head)) + head for head in heads], kept, widths, gap)


def _cells(column: Column, room: int, layout: Layout) -> list[list[str]]:
    """The lines of each cell."""
    if column.is_whole:
        return [folded(text, room) for text in column.texts]
    if not _is_sentence(column):
        return [[text] for text in told_apart(column.texts, room)]
    # Where nothing is said there is nothing to say.
    said = ["" if text == "NULL" else text for text in column.texts]
    return [[beginning(text, room)] if layout.one_line else folded(text, room) for text in said]


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
