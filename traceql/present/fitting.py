"""Which columns of a table a terminal has room for, and how wide they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from traceql.present import units
from traceql.present.width import width

if TYPE_CHECKING:
    from collections.abc import Sequence

# Columns that say what a row is about: they are the last to go.
_SUBJECTS = frozenset(
    {
        *(
            "function",
            "group_name",
            "job",
            "kernel",
            "measure",
            "metric",
            "name",
            "next_operation",
            "operation",
        ),
        *("item", "path", "range", "rank", "source_text", "text", "trace", "value"),
    }
)
# Lines of a head.
_DEEPEST = 3
_GAP = 3
_NARROW_GAP = 2
# Texts give way to so much before a column is left out: a name, one of several names, and any other.
_NARROW, _NARROWER, _NARROWEST = 24, 16, 12
# Of a word that must stay whole, as far as anything can.
_WIDEST = 40


@dataclass(frozen=True, eq=False)
class Column:
    """A column as texts.

    Attributes:
        name: of the column.
        words: what stands above it, in parts between which a line may end; the last one is its unit, if any.
        unit: of its numbers, if their texts are in another than the name says.
        texts: its cells.
        is_number: whether it is aligned to the right.
        is_rigid: whether its texts are of no use if something is missing.
        is_whole: whether its words are not, so that its texts go on in the next line.
    """

    name: str
    words: tuple[str, ...]
    unit: str
    texts: list[str]
    is_number: bool
    is_rigid: bool
    is_whole: bool = False

    @property
    def head(self) -> str:
        """What stands above it, in one line."""
        return joined(self.words)

    @property
    def label(self) -> str:
        """What it is, without the unit."""
        return joined(self.words[:-1] if self.unit else self.words)


def words(name: str, unit: str) -> tuple[str, ...]:
    """Parts of a name between which a line may end, each with the sign that joins it, and the unit.

    >>> words("launches_per_instance", ""), words("total", "ms")
    (('launches_', 'per_', 'instance'), ('total', '(ms)'))
    """
    *first, last = name.split("_")
    parts = [*(f"{word}_" for word in first), last]
    return tuple(word for word in (*parts, unit and f"({unit})") if word)


def joined(parts: Sequence[str]) -> str:
    """Words of a head in one line; the unit stands apart."""
    return "".join(f" {word}" if word.startswith("(") else word for word in parts).strip()


def fitted(
    table: Sequence[Column], room: int | None, *, whole: bool, last: str = ""
) -> tuple[list[Column], list[int], int]:
    """The columns for which there is room, how wide each is, and the gap between them.

    Args:
        table: all columns.
        room: of the terminal; None for as much as they take.
        whole: none may be left out.
        last: name of the column that is left out after all others.
    """
    bodies = [max(map(width, one.texts), default=0) for one in table]
    natural = [max(width(one.head), body) for one, body in zip(table, bodies, strict=True)]
    if room is None or _total(natural, _GAP) <= room:
        return list(table), natural, _GAP
    # Heads in several lines, then texts in as little as they are read in, then columns.
    heads = [_least_head(one) for one in table]
    wide = [max(head, body) for head, body in zip(heads, bodies, strict=True)]
    names = [one for one in table if one.name in _SUBJECTS and not one.is_rigid]
    floor = _NARROW if len(names) == 1 else _NARROWER
    least = [
        most if one.is_rigid else max(min(body, _room_for(one, floor if one in names else _NARROWEST)), head)
        for one, body, head, most in zip(table, bodies, heads, wide, strict=True)
    ]
    kept = list(range(len(table)))
    for leaving in [] if whole else _leaving(table, last):
        if len(kept) == 1 or _total([least[i] for i in kept], _NARROW_GAP) <= room:
            break
        kept.remove(leaving)
    if len(kept) == 1:
        least = [min(one, room) for one in least]
    least, wide, natural = ([of[i] for i in kept] for of in (least, wide, natural))
    return [table[i] for i in kept], _grown(least, wide, natural, room), _NARROW_GAP


def _room_for(column: Column, floor: int) -> int:
    """In how much room the texts of a column are read."""
    if not column.is_whole:
        return floor
    return min(max((width(word) for text in column.texts for word in text.split(" ")), default=0), _WIDEST)


def head_lines(column: Column, room: int) -> list[str]:
    """What stands above a column, in lines of so much room as far as its words allow.

    >>> head_lines(Column("a", words("launches_per_instance", ""), "", [], True, True), 13)
    ['launches_per_', 'instance']
    """
    found: list[list[str]] = [[]]
    for word in column.words:
        if found[-1] and width(joined([*found[-1], word])) > room:
            found.append([])
        found[-1].append(word)
    return [joined(line) for line in found]


def _least_head(column: Column) -> int:
    """Of how much room the head makes do with; a word of a stranger's is cut."""
    room = min(max(map(width, column.words), default=0), _NARROW)
    while room < _NARROW and len(head_lines(column, room)) > _DEEPEST:
        room += 1
    return room


def _leaving(table: Sequence[Column], last: str) -> list[int]:
    """In which order columns are left out: numbers of rows, then from the right, what a row is about last."""

    def rank(number: int) -> tuple[int, int]:
        one = table[number]
        is_subject = one.name in _SUBJECTS
        numbers_rows = units.is_code(one.name) and len(set(one.texts)) == len(one.texts) > 1
        return (3 if one.name == last else 2 if is_subject else 0 if numbers_rows else 1, -number)

    return sorted(range(len(table)), key=rank)


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
