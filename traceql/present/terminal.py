"""Aligned columns that fit a terminal, and rows as records.

What is the same in all rows stands above them once, numbers of a column share one unit, which its head says, long
names keep both ends, and the columns for which there is no room are named below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from traceql.present import columns, units, values
from traceql.present.values import counted, readable
from traceql.present.width import beginning, both_ends, folded, padded, width

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
_GAP = 3
_NARROW_GAP = 2
# Texts give way to so much before a column is left out, and to less where one is alone.
_NARROW = 24
# What all rows have in common is said in a line: nobody reads a whole kernel's name there.
_CONSTANT = 60


@dataclass(frozen=True)
class Layout:
    """How a table is laid out.

    Attributes:
        room: columns of the terminal; None for as many as it takes.
        raw: numbers in the units of the columns' names, to all digits that matter.
        whole: all columns, whatever room there is, and whether or not all rows have the same.
        vertical: a record of lines for each row.
        one_line: a line for each row: sentences end where the room does.
    """

    room: int | None = None
    raw: bool = False
    whole: bool = False
    vertical: bool = False
    one_line: bool = False


@dataclass(frozen=True)
class _Column:
    """A column as texts: its name, what stands above it, and its cells."""

    name: str
    words: tuple[str, ...]
    unit: str
    texts: list[str]
    is_number: bool

    @property
    def head(self) -> str:
        return _joined([*self.words, self.unit and f"({self.unit})"])

    @property
    def is_sentence(self) -> bool:
        return self.name in _SENTENCES and not self.is_number

    @property
    def same(self) -> str | None:
        """What all rows have, if they do."""
        return self.texts[0] if self.texts and all(text == self.texts[0] for text in self.texts) else None


def lines(answer: pa.Table, layout: Layout = Layout(), head: Callable[[str], str] = str) -> Iterator[str]:
    """The lines of a table, each with its newline.

    Args:
        answer: the rows.
        layout: for which terminal, and what of them.
        head: how the lines of names are set off.
    """
    shown = [_column(answer, i, raw=layout.raw) for i in range(answer.num_columns)]
    if layout.vertical:
        yield from _records(shown, answer.num_rows, head)
        return
    constant: list[_Column] = []
    if not layout.whole and answer.num_rows > 1:
        constant = [one for one in shown if one.same is not None]
        # Rows that are all the same are rows.
        constant = constant[1:] if len(constant) == len(shown) else constant
    table = [one for one in shown if one not in constant]
    kept, widths, gap = _fitted(table, layout)
    if len(kept) < len(table) and answer.num_rows == 1:
        yield from _records(shown, 1, head)
        return
    yield from (f"{line}\n" for line in _said_once(constant, layout.room))
    yield from _table(kept, widths, gap, head, layout)
    left = [one.name for one in table[len(kept) :]]
    if left:
        told = f"{counted(len(left), 'more columns')}: {', '.join(left)}; --all-columns or --vertical"
        yield from (f"{line}\n" for line in folded(told, layout.room or width(told)))


def _column(answer: pa.Table, index: int, *, raw: bool) -> _Column:
    name = answer.column_names[index]
    shown = readable(name)
    found = values.in_python(answer.column(index))
    is_number = _is_number(answer.schema.field(index).type)
    suffix = units.suffix(name)
    # A point in time is read in no unit, and only whole it is exact.
    if raw or not is_number or not suffix or name.endswith("_utc_ns"):
        return _Column(shown, _words(shown), "", values.texts(name, found), is_number)
    # Sums of DuckDB are wider than any of Python's machine types.
    unit, scaled = columns.scaled(name, [float(v) if isinstance(v, Decimal) else v for v in found])
    texts = [
        text if value is not None and math.isfinite(value) else values.human(value)
        for text, value in zip(scaled, found, strict=True)
    ]
    return _Column(shown, _words(shown.removesuffix(suffix)), unit, texts, is_number)


def _words(name: str) -> tuple[str, ...]:
    """Parts of a name between which a line may end: the sign that joins them stays with the first.

    >>> _words("launches_per_instance")
    ('launches_', 'per_', 'instance')
    """
    *first, last = name.split("_")
    return (*(f"{word}_" for word in first), last)


def _joined(words: Sequence[str]) -> str:
    """Words of a head in one line; the unit stands apart."""
    return "".join(f" {word}" if word.startswith("(") else word for word in words if word).strip()


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _said_once(constant: Sequence[_Column], room: int | None) -> Iterator[str]:
    """What all rows have in common, and what none of them has."""
    said, empty = [], []
    for one in constant:
        text = one.texts[0]
        if text in ("NULL", "", "{}", "[]"):
            empty.append(one.name)
        else:
            label = _joined(one.words).upper() if units.is_acronym(one.name) else _joined(one.words)
            said.append(f"{label} {both_ends(text, _CONSTANT)}{f' {one.unit}' if one.unit else ''}")
    for line in (", ".join(said), f"nothing in: {', '.join(empty)}" if empty else ""):
        if line:
            yield from folded(line, room or width(line))


def _records(shown: Sequence[_Column], rows: int, head: Callable[[str], str]) -> Iterator[str]:
    names = [_joined(one.words) for one in shown]
    room = max((width(name) for name in names), default=0)
    for row in range(rows):
        if rows > 1:
            yield head(f"{'' if row == 0 else chr(10)}row {row + 1:,} of {rows:,}") + "\n"
        for name, one in zip(names, shown, strict=True):
            text = one.texts[row]
            unit = f" {one.unit}" if one.unit and text != "NULL" else ""
            yield f"{padded(name, room)}   {text}{unit}".rstrip() + "\n"


def _fitted(table: Sequence[_Column], layout: Layout) -> tuple[list[_Column], list[int], int]:
    """The columns for which there is room, how wide each is, and the gap between them."""
    bodies = [max(map(width, one.texts), default=0) for one in table]
    natural = [max(width(one.head), body) for one, body in zip(table, bodies, strict=True)]
    room = layout.room
    if room is None or _total(natural, _GAP) <= room:
        return list(table), natural, _GAP
    # Heads in several lines, then texts in as little as they are read in, then columns from the right.
    heads = [max(map(width, _head_words(one)), default=0) for one in table]
    wide = [max(head, body) for head, body in zip(heads, bodies, strict=True)]
    least = [
        most if one.is_number else max(head, min(most, _NARROW))
        for one, head, most in zip(table, heads, wide, strict=True)
    ]
    kept = len(table)
    while kept > 1 and not layout.whole and _total(least[:kept], _NARROW_GAP) > room:
        kept -= 1
    if kept == 1 and not table[0].is_number:
        least[0] = min(least[0], room)
    return list(table[:kept]), _grown(least[:kept], wide[:kept], natural[:kept], room), _NARROW_GAP


def _total(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _grown(least: Sequence[int], wide: Sequence[int], natural: Sequence[int], room: int) -> list[int]:
    """Widths with the room that is left: the narrowest text first, then heads.

    >>> _grown([24, 9, 24], [40, 9, 25], [40, 12, 25], 66)
    [28, 9, 25]
    """
    widths = list(least)
    left = room - _total(widths, _NARROW_GAP)
    for most in (wide, natural):
        while left > 0 and (short := [i for i, one in enumerate(widths) if one < most[i]]):
            widths[min(short, key=lambda i: widths[i])] += 1
            left -= 1
    return widths


def _head_words(one: _Column) -> list[str]:
    return [word for word in (*one.words, one.unit and f"({one.unit})") if word]


def _head_lines(one: _Column, room: int) -> list[str]:
    found: list[list[str]] = [[]]
    for word in _head_words(one):
        if found[-1] and width(_joined([*found[-1], word])) > room:
            found.append([])
        found[-1].append(word)
    return [both_ends(_joined(words), room) for words in found]


def _table(
    kept: Sequence[_Column], widths: Sequence[int], gap: int, head: Callable[[str], str], layout: Layout
) -> Iterator[str]:
    def line(texts: Sequence[str]) -> str:
        cells = (
            padded(text, room, right=one.is_number)
            for text, room, one in zip(texts, widths, kept, strict=True)
        )
        return (" " * gap).join(cells).rstrip()

    heads = [_head_lines(one, room) for one, room in zip(kept, widths, strict=True)]
    deepest = max(map(len, heads), default=0)
    for number in range(deepest):
        # Heads stand on the rule.
        texts = [words[number - deepest] if number >= deepest - len(words) else "" for words in heads]
        yield head(line(texts)) + "\n"
    yield "─" * _total(widths, gap) + "\n"
    folds = [one.is_sentence and not layout.one_line for one in kept]
    for row in zip(*(one.texts for one in kept), strict=True):
        cells = [
            folded(text, room)
            if fold
            else [beginning(text, room) if one.is_sentence else both_ends(text, room)]
            for text, room, one, fold in zip(row, widths, kept, folds, strict=True)
        ]
        for number in range(max(map(len, cells), default=0)):
            yield line([cell[number] if number < len(cell) else "" for cell in cells]) + "\n"
