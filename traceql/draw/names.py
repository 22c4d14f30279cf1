"""Names in charts: what a value is called, what tells those of one name apart, and how they are shortened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from traceql.present import units

if TYPE_CHECKING:
    from collections.abc import Sequence

# Numbers that say which thing a row is about.
_TELLING = ("rank", "step", "instance", "message_bytes", "threads_per_block", "source_line")
# What a column's missing name means.
_UNNAMED = {
    "range": "outside any range", "group_name": "outside any range", "path": "outside any range",
    "copy_kind": "memset", "phase": "no phase",
}  # fmt: skip
# Columns of codes that are words.
_CODES = ("cause", "limiter")
# Letters of a piece of a name that is shown whole where it differs from another.
_NEAR = 14


def called(column: str, value: object) -> str:
    """One value of a column of names."""
    if value is None:
        return _UNNAMED.get(column, "(none)")
    if isinstance(value, int | float):
        return f"{units.title(column)} {units.text(column, value)}"
    return str(value).replace("_", " ") if column in _CODES else str(value)


def _tells(column: str) -> bool:
    """Whether the numbers of a column say which thing a row is about, and not how much of it there is."""
    return units.is_code(column) or column in _TELLING or column.startswith(("grid_", "block_"))


def told_apart(answer: pl.DataFrame, name: str, until: str, most: int) -> list[str]:
    """The names of rows, and in brackets what tells those of one name apart."""
    names = [called(name, value) for value in answer[name].to_list()]
    before = answer.columns.index(until) if until else len(answer.columns)
    columns = [
        column
        for column, dtype in answer.schema.items()
        if column != name and (dtype == pl.String or (dtype.is_integer() and _tells(column)))
    ]
    # What has a name is told by it, rather than by its number.
    columns.sort(
        key=lambda column: (answer.columns.index(column) > before, answer[column].dtype != pl.String)
    )
    more: list[list[str]] = [[] for _ in names]
    for column in columns:
        values = answer[column].to_list()
        alike: dict[tuple[str, ...], list[int]] = {}
        for number, (text, words) in enumerate(zip(names, more, strict=True)):
            alike.setdefault((text, *words), []).append(number)
        for group in alike.values():
            if len({values[number] for number in group}) > 1:
                for number in group:
                    more[number].append(called(column, values[number]))
    # What nothing tells apart, such as the next pool at an address, is numbered first: an end may be cut off.
    alike = {}
    for number, (text, words) in enumerate(zip(names, more, strict=True)):
        alike.setdefault((text, *words), []).append(number)
    for group in alike.values():
        if len(group) > 1:
            for place, number in enumerate(group, start=1):
                more[number].insert(0, f"{place} of {len(group)}")
    marks = [f" ({', '.join(words)})" if words else "" for words in more]
    # What tells them apart is read, too.
    room = max(most - max(map(len, marks), default=0), most // 2)
    short = dict(zip(names, shortened(names, room), strict=True))
    return [
        f"{short[name] if mark and len(name + mark) > most else name}{mark}"
        for name, mark in zip(names, marks, strict=True)
    ]


def shortened(names: Sequence[str], most: int) -> list[str]:
    """Names of at most so many letters, of which no two are alike unless they were.

    Of those that begin alike what lies between is left out, too, so that it is seen where they differ.

    >>> shortened(["one", "a_long_name_of_float", "a_long_name_of_half", "quite_another_one"], 12)
    ['one', 'a_lon…float', 'a_lon…half', 'quite_anoth…']
    """
    found = {name: name for name in names if len(name) <= most}
    _shorten(sorted({*names} - found.keys()), most, 0, found)
    return [found[name] for name in names]


def _common(names: Sequence[str]) -> int:
    """How many letters these names have in common at their beginning."""
    first, last = min(names), max(names)
    return next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))


def _shorten(names: Sequence[str], most: int, known: int, found: dict[str, str]) -> None:
    """Shorten names whose first `known` letters are the same, so that none is like those that are found."""
    head = most - 1 if known == 0 else (most - 1) // 2
    by_text: dict[str, list[str]] = {}
    for name in names:
        rest = name[known:] if known else ""
        room = most - 1 - head
        tail = rest if len(rest) <= room else f"{rest[: room - 1]}…"
        by_text.setdefault(f"{name[:head]}…{tail}", []).append(name)
    for text, alike in by_text.items():
        if len(alike) > 1:
            # They are longer than what was compared: look further on.
            common = _common(alike)
            if common > known:
                # With the whole of what is in brackets, if it is short.
                start = max(alike[0].rfind(mark, 0, common) for mark in "(<,") + 1
                start += len(alike[0][start:common]) - len(alike[0][start:common].lstrip())
                near = start > known and common - start <= _NEAR
                _shorten(alike, most, start if near else common, found)
                continue
        for name in alike:
            taken, number = {*found.values()}, 1
            shown = text
            while shown in taken:
                number += 1
                mark = f"…({number})"
                shown = text[: most - len(mark)] + mark
            found[name] = shown
