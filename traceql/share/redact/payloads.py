"""Binary payloads of NVTX: whether they hold numbers alone, as layouts say, and which texts these name."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from traceql.read import payload_layout
from traceql.read.payload_layout import Extent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# NVTX's numbers of entries: integers and floating-point numbers of 16 bits or more (smaller ones may be
# letters), ids of registered texts, and 75, where a text was in the program,
# which is not in the payload. Layouts and enumerations of a report's own have larger numbers.
_NUMBERS: Final = frozenset({3, 4, 5, 6, 7, 8, 9, 10, *range(13, 24), 75, 80})
_OWN: Final = 1 << 24
# Those that no letters are written with, so that a row of them is no text: of 32 bits or more.
_WIDE: Final = frozenset({5, 6, 7, 8, 9, 10, 15, 16, 17, 18, 19, 20, 21, 22, 80})
# The number of a text in the report's string table.
_TEXT: Final = 80
# Flags of an entry that is a row, whatever tells how many; and of one that tells where in the
# payload something stands.
_ROW: Final = 0x70
_ELSEWHERE: Final = 0x0C
# How many there are says the layout, or another entry, which is one of these types: their bytes.
_FIXED, _TOLD = 0x10, 0x30
_COUNTS: Final = {4: 2, 5: 4, 6: 4, 9: 8, 10: 8, 14: 2, 15: 4, 16: 4, 17: 8, 18: 8}
# No number has more bytes, with those that fill the room to the next one.
_BYTES: Final = 8
# What the texts are for that the frames of Python's stacks name; others are what programs call their work.
_USES: Final = {"Function": "function", "File": "file"}
_OTHER: Final = "range"
# Layouts within layouts.
_DEEPEST: Final = 16


class Entry(NamedTuple):
    """An entry of a layout.

    Attributes:
        type: NVTX's number, or that of a layout or an enumeration of the report's own.
        flags: whether it is a row, and of what kind.
        offset: where it begins, in bytes; 0 where that is left to the reader.
        detail: of a row how many there are, or the position of the entry that tells it.
        name: of it.
    """

    type: int
    flags: int = 0
    offset: int = 0
    detail: int = 0
    name: str = ""


class Layout(NamedTuple):
    """A layout of payloads.

    Attributes:
        entries: in their order.
        size: bytes of one; 0 where none is told, as its length differs.
    """

    entries: tuple[Entry, ...]
    size: int = 0


class _Row(NamedTuple):
    """A row of layouts or numbers in a payload.

    Attributes:
        offset: where it begins.
        size: bytes of each; of a number as many as it may have.
        texts: where texts are named in each, and what they are for.
        fixed: how many there are, unless the payload tells it.
        told_at, told_bytes: where it does so; no bytes where it does not.
    """

    offset: int
    size: int
    texts: tuple[tuple[int, str], ...]
    fixed: int
    told_at: int = 0
    told_bytes: int = 0
    of_numbers: bool = False

    def end(self, content: bytes) -> int:
        """Behind the parts that a payload has room for and says that it has."""
        count = self.fixed
        if self.told_bytes:
            count = int.from_bytes(content[self.told_at : self.told_at + self.told_bytes], "little")
        if not self.of_numbers:
            count = min(count, max(0, len(content) - self.offset) // self.size)
        return self.offset + count * self.size


class Payloads:
    """The binary payloads of a domain, whose layouts are described before the first is seen.

    Attributes:
        layouts: number → its layouts; processes may use one number for several.
        enums: numbers of enumerations.
        texts: (number of a text in the string table, what it is for) of those that payloads name.
    """

    def __init__(self) -> None:
        self.layouts: dict[int, set[Layout]] = defaultdict(set)
        self.enums: set[int] = set()
        self.texts: set[tuple[int, str]] = set()
        # Layouts that are used → bytes of the longest payload; and those of payloads longer than their rows.
        self._used: dict[int, int] = {}
        self._longer: set[int] = set()
        self._opened: dict[int, tuple[list[tuple[int, str]], list[_Row]]] = {}
        # Layouts that stand in others → what one takes.
        self._extents: dict[int, Extent | None] = {}
        # As every payload is looked at.
        self._blanks: dict[int, tuple[tuple[int, int], ...]] = {}

    def see(self, number: int, content: bytes) -> None:
        """Take a payload.

        Args:
            number: of its layout; 0 where none is told.
            content: of it.
        """
        self._used[number] = max(len(content), self._used.get(number, 0))
        if number not in self._opened:
            self._opened[number] = self._open(number)
        texts, rows = self._opened[number]
        self._name(content, 0, texts)
        end = max((one.size for one in self.layouts.get(number, ())), default=0)
        for row in rows:
            row_end = row.end(content)
            if row.texts:
                for at in range(row.offset, row_end, row.size):
                    self._name(content, at, row.texts)
            end = max(end, row_end)
        if rows and len(content) > end:
            self._longer.add(number)

    def blanks(self, number: int) -> tuple[tuple[int, int], ...]:
        """Where a layout has room for what it does not describe, as those of XLA do: (from, to) in bytes.

        Nowhere if that cannot be told, or if all of it may fill the room to the next number. To be asked when
        all payloads were seen.
        """
        if number not in self._blanks:
            self._blanks[number] = self._blanks_of(number)
        return self._blanks[number]

    @property
    def has_blanks(self) -> bool:
        """Whether a layout of payloads that were seen has room for what it does not describe."""
        return any(self.blanks(number) for number in self._used)

    def _blanks_of(self, number: int) -> tuple[tuple[int, int], ...]:
        layout, *others = self.layouts.get(number, {Layout(())})
        extents = [payload_layout.of_number(entry.type) for entry in layout.entries]
        places = self._places(layout)
        is_plain = not any(entry.flags & (_ROW | _ELSEWHERE) for entry in layout.entries)
        if others or not is_plain or None in extents or None in places:
            return ()
        if layout.size <= _BYTES * len(layout.entries):
            return ()
        at, found = 0, []
        for begin, extent in sorted(zip(places, extents, strict=True)):
            assert begin is not None and extent is not None and extent.size is not None
            if begin > at:
                found.append((at, begin))
            at = max(at, begin + extent.size)
        if at > layout.size:
            return ()
        return tuple(one for one in (*found, (at, layout.size)) if one[0] < one[1])

    def blanked(self, number: int, content: bytes) -> bytes:
        """A payload with nothing where its layout describes nothing."""
        if not (blanks := self.blanks(number)):
            return content
        after = bytearray(content)
        for begin, end in blanks:
            after[begin:end] = bytes(len(after[begin:end]))
        return bytes(after)

    def fault(self) -> str | None:
        """Why payloads that were seen may hold texts, blanked; None if they do not."""
        for number, longest in sorted(self._used.items()):
            if number in self._longer:
                return f"a binary payload of NVTX that is longer than its rows (schema {number})"
            numbers, has_rows, sized = 0, False, True
            within: list[tuple[int, tuple[int, ...], bool]] = [(number, (), False)]
            while within:
                inner, outer, in_row = within.pop()
                if inner not in self.layouts or inner in outer or len(outer) > _DEEPEST:
                    return f"a binary payload of NVTX without layout (schema {inner})"
                # A layout that is larger than its numbers has room for what it does not describe.
                sized &= all(one.size <= self._described(one) for one in self.layouts[inner])
                for layout, position, entry in (
                    (one, *counted) for one in self.layouts[inner] for counted in enumerate(one.entries)
                ):
                    is_row = bool(entry.flags & _ROW)
                    if is_row and outer:
                        # Only rows of the payload's own layout are measured.
                        return f"a row of type {entry.type} in payloads of NVTX (schema {inner})"
                    if entry.flags & _ELSEWHERE or not self._is_wide(position, layout, in_row=in_row):
                        return f"a row of type {entry.type} in payloads of NVTX (schema {inner})"
                    if self._is_lost(position, layout):
                        return f"type {entry.type} without offset in payloads of NVTX (schema {inner})"
                    if self._is_layout(entry):
                        within.append((entry.type, (*outer, inner), in_row or is_row))
                        has_rows |= is_row
                    elif is_row:
                        has_rows = True
                    elif entry.type in _NUMBERS or entry.type in self.enums:
                        numbers += 1
                    elif entry.type >= _OWN:
                        return f"a binary payload of NVTX without layout (schema {entry.type})"
                    else:
                        return f"an entry of type {entry.type} in payloads of NVTX (schema {inner})"
            if has_rows and not sized:
                return f"a layout of NVTX that is larger than its numbers (schema {number})"
            if self.blanks(number) and longest <= max(one.size for one in self.layouts[number]):
                continue
            if longest > numbers * _BYTES and not has_rows:
                return f"a binary payload of NVTX that is longer than its {numbers} numbers (schema {number})"
        return None

    def _is_wide(self, number: int, layout: Layout, *, in_row: bool) -> bool:
        """Whether the entry of that number is no row, or one that no text is written with."""
        entry = layout.entries[number]
        is_row = bool(entry.flags & _ROW)
        if is_row and self._row(number, layout) is None:
            return False
        if self._is_layout(entry):
            return not (is_row and in_row)
        return entry.type in _WIDE or not (is_row or in_row)

    def _is_lost(self, number: int, layout: Layout) -> bool:
        """Whether the entry of that number may name texts, and nobody knows where it begins."""
        entry = layout.entries[number]
        may_name = entry.type == _TEXT or bool(entry.flags & _ROW) or self._is_layout(entry)
        return may_name and self._places(layout)[number] is None

    def _places(self, layout: Layout) -> list[int | None]:
        """Where the entries of a layout begin; None where that cannot be told."""
        return list(payload_layout.begins((entry.offset, self._extent(entry)) for entry in layout.entries))

    def _extent(self, entry: Entry, depth: int = 0) -> Extent | None:
        """What an entry takes of a payload, as far as its layout tells it."""
        if entry.flags & _ELSEWHERE or entry.type in self.enums or depth > _DEEPEST:
            return None
        one = (
            self._part(entry.type, depth) if self._is_layout(entry) else payload_layout.of_number(entry.type)
        )
        if one is None or one.size is None or not entry.flags & _ROW:
            return one
        # How long other rows are tells the payload.
        is_fixed = entry.flags & _ROW == _FIXED
        return Extent(entry.detail * one.size if is_fixed else None, one.alignment)

    def _part(self, number: int, depth: int) -> Extent | None:
        """What a layout takes that stands in another."""
        if number not in self._extents:
            # For one that holds itself.
            self._extents[number] = None
            (layout, *others) = self.layouts[number]
            within = [self._extent(one, depth + 1) for one in layout.entries]
            if layout.size and not others and None not in within:
                alignment = max((one.alignment for one in within if one), default=1)
                self._extents[number] = Extent(layout.size, alignment)
        return self._extents[number]

    def _described(self, layout: Layout) -> int:
        """As many bytes as the numbers of a layout may have, and its rows of a fixed length."""
        rows = [self._extent(entry) for entry in layout.entries if entry.flags & _ROW]
        # With those that fill the room to the next one.
        of_rows = sum(-(-one.size // _BYTES) * _BYTES for one in rows if one and one.size)
        return of_rows + _BYTES * sum(self._numbers(entry) for entry in layout.entries)

    def _numbers(self, entry: Entry, depth: int = 0) -> int:
        """Of how many numbers an entry is, rows left out."""
        if entry.flags & _ROW or depth > _DEEPEST:
            return 0
        if not self._is_layout(entry):
            return 1
        return max(
            sum(self._numbers(one, depth + 1) for one in inner.entries) for inner in self.layouts[entry.type]
        )

    def _row(self, number: int, layout: Layout) -> _Row | None:
        """The entry of that number as a row; None where its place or length is not told."""
        entry = layout.entries[number]
        of_numbers = not self._is_layout(entry)
        size = _BYTES
        places = self._places(layout)
        begin = places[number]
        if begin is None:
            return None
        texts: tuple[tuple[int, str], ...] = ((0, _OTHER),) if entry.type == _TEXT else ()
        if not of_numbers:
            parts = self.layouts[entry.type]
            if len(parts) != 1 or not (part := next(iter(parts))).size:
                return None
            size, texts = part.size, tuple(self._texts_in(part, (entry.type,)))
        if entry.flags & _ROW == _FIXED:
            return _Row(begin, size, texts, entry.detail, of_numbers=of_numbers)
        if entry.flags & _ROW != _TOLD or entry.detail >= len(layout.entries):
            return None
        counting, told_at = layout.entries[entry.detail], places[entry.detail]
        if counting.flags or counting.type not in _COUNTS or told_at is None:
            return None
        told = _COUNTS[counting.type]
        return _Row(begin, size, texts, 0, told_at, told, of_numbers=of_numbers)

    def _open(self, number: int) -> tuple[list[tuple[int, str]], list[_Row]]:
        """Where texts are named in payloads of a layout, and its rows of layouts."""
        texts: list[tuple[int, str]] = []
        rows: list[_Row] = []
        for layout in self.layouts.get(number, ()):
            texts += self._texts_in(layout, (number,))
            found = [self._row(at, layout) for at, entry in enumerate(layout.entries) if entry.flags & _ROW]
            rows += [row for row in found if row is not None]
        return texts, rows

    def _texts_in(self, layout: Layout, outer: tuple[int, ...]) -> Iterator[tuple[int, str]]:
        """Where texts are named outside rows, and what they are for."""
        for entry, begin in zip(layout.entries, self._places(layout), strict=True):
            if entry.flags & (_ROW | _ELSEWHERE) or begin is None:
                continue
            if entry.type == _TEXT:
                yield begin, _USES.get(entry.name, _OTHER)
            elif self._is_layout(entry) and entry.type not in outer and len(outer) <= _DEEPEST:
                for inner in self.layouts[entry.type]:
                    for at, use in self._texts_in(inner, (*outer, entry.type)):
                        yield begin + at, use

    def _is_layout(self, entry: Entry) -> bool:
        return entry.type in self.layouts and entry.type not in self.enums

    def _name(self, content: bytes, begin: int, texts: Iterable[tuple[int, str]]) -> None:
        """Note the texts that are named in a part of a payload."""
        for at, use in texts:
            if len(number := content[begin + at : begin + at + _BYTES]) == _BYTES:
                self.texts.add((int.from_bytes(number, "little"), use))


class Domains(defaultdict[int, Payloads]):
    """The binary payloads of a report, by their domain: each numbers its layouts by itself."""

    def __init__(self) -> None:
        super().__init__(Payloads)

    @property
    def texts(self) -> set[tuple[int, str]]:
        """(number of a text in the string table, what it is for) of those that payloads name."""
        return set().union(*(one.texts for one in self.values()))

    @property
    def has_blanks(self) -> bool:
        """Whether a layout of payloads that were seen has room for what it does not describe."""
        return any(one.has_blanks for one in self.values())

    def fault(self) -> str | None:
        """Why payloads that were seen may hold texts, blanked; None if they do not."""
        return next(filter(None, (self[domain].fault() for domain in sorted(self))), None)
