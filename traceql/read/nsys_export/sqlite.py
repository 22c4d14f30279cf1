"""The SQLite form of an export.

A row of a file is a cell on one of its pages. But pages may refer to the same pages again and again, a value
to the same overflow pages, and a column to a default value that no row has: rows and texts are counted while
they are fetched, and a file that seems to hold more of them than it has bytes is refused.
"""

from __future__ import annotations

import contextlib
import sqlite3
import weakref
from typing import TYPE_CHECKING, Any

from traceql.errors import ReportError
from traceql.read.nsys_export.values import BINARY, EXPORT_AGAIN, array

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

_ROWS_PER_FETCH = 65_536
_ROWS_PER_LOOK = 512
_TEXT_BYTES_PER_FETCH = 64 << 20
# A number has at most 20 digits; a text that was put where a number belongs is refused however long it is.
_NUMBER_BYTES = 256
# SQLite's own limit is a thousand million.
_MAX_VALUE_BYTES = 1_000_000_000
# The shortest cell is of 4 bytes, with 2 bytes that point to it.
_BYTES_PER_ROW = 4
# Each byte of text is there once; 2 for numbers, whose digits are more than their bytes. Two pages at least.
_TEXT_PER_BYTE = 2
_TEXT_BYTES = 8192
# Steps of SQLite's machine: some ten for a row (of 20 bytes or more), and what the schema needs.
_STEPS_PER_BYTE = 100
_STEPS = 2_000_000
_STEPS_PER_CALL = 100_000
# Where the header tells how texts are encoded, and how it says UTF-16.
_ENCODING_AT = 56
_UTF16 = (b"\0\0\0\2", b"\0\0\0\3")

# Tables of nsys are some dozens.
_MOST_LOOKED_AT = 500
# What the statements here do, and no view, trigger or expression of the file's own may add to it.
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_PRAGMA})


def tables(path: Path, chosen: Callable[[str], bool] | None) -> dict[str, Table]:
    """The chosen tables of a file, or all.

    Raises:
        ReportError: the file is damaged.
    """
    file = _File(path)
    found: dict[str, Table] = {}
    for name in _names(file):
        if chosen is None or chosen(name):
            described = file.rows(f"PRAGMA table_info({_quoted(name)})")
            found[name] = Table(file, name, {_text(row[1]): _text(row[2]) for row in described})
            found[name].keys = {_text(row[1]) for row in described if row[5]}
    return found


def counted(path: Path, chosen: Callable[[str], bool]) -> dict[str, int | None]:
    """Rows of the chosen tables of a file that have any. What cannot be read has none: nobody hangs on it."""
    file = _File(path)
    found: dict[str, int | None] = {}
    for name in [name for name in _names(file) if chosen(name)][:_MOST_LOOKED_AT]:
        with contextlib.suppress(ReportError):
            if file.rows(f"SELECT 1 FROM {_quoted(name)} LIMIT 1"):
                found[name] = None
                rows = file.fetch(
                    f"SELECT 1 FROM {_quoted(name)}", f"{file.name}: table {name}", file.longest
                )
                found[name] = sum(map(len, rows))
    return found


def _names(file: _File) -> list[str]:
    # Views of a stranger's file are not run, nor are virtual tables: only plain tables are read.
    listed = file.rows("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    return [_text(name) for name, sql in listed if _text(sql).upper().startswith("CREATE TABLE")]


class _File:
    """An export, open as long as one of its tables is of use: each opening reads the whole schema again."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        with path.open("rb") as file:
            head = file.read(_ENCODING_AT + 4)
        if head[_ENCODING_AT:] in _UTF16:
            raise ReportError(f"{path.name}: its texts are UTF-16, which nsys does not write", EXPORT_AGAIN)
        self.size = path.stat().st_size
        #: Bytes of its longest value, at most.
        self.longest = min(_MAX_VALUE_BYTES, _TEXT_BYTES + self.size)
        self._text_left = 0
        self._steps_left = _STEPS + _STEPS_PER_BYTE * self.size
        # immutable: never writes a journal beside a file that may lie on a read-only share.
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        # One thread opens it, another may read it.
        self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        weakref.finalize(self, self._connection.close)
        self._connection.execute("PRAGMA trusted_schema = OFF")
        # Else the last bytes of a page may be taken for a cell that goes on behind it, whatever lies there.
        self._connection.execute("PRAGMA cell_size_check = ON")
        counting = weakref.WeakMethod(self._counted)
        self._connection.text_factory = lambda value: counting()(value)  # type: ignore[misc]
        stepping = weakref.WeakMethod(self._stepped)
        self._connection.set_progress_handler(lambda: stepping()(), _STEPS_PER_CALL)  # type: ignore[misc]
        self._connection.set_authorizer(_authorised)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a statement about the schema; see `fetch`."""
        return [
            row for rows in self.fetch(sql, f"{self.name}: damaged SQLite file", self.longest) for row in rows
        ]

    def fetch(self, sql: str, where: str, longest: int) -> Iterator[list[tuple[Any, ...]]]:
        """Rows of a statement, some at a time; texts are bytes.

        Args:
            sql: the statement.
            where: how the error begins.
            longest: bytes of a value that is not refused.

        Raises:
            ReportError: the file is damaged, or the statement gives more than there are bytes for.
        """
        text_left = _TEXT_BYTES + _TEXT_PER_BYTE * self.size
        rows_left = self.size // _BYTES_PER_ROW
        try:
            cursor: sqlite3.Cursor | None = None
            while True:
                # Another statement may have run since.
                self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
                self._text_left = text_left
                cursor = cursor or self._connection.execute(sql)
                rows = self._some(cursor)
                text_left = self._text_left
                rows_left -= len(rows)
                if rows_left < 0:
                    raise sqlite3.DataError(f"more rows than its {self.size:,} bytes can hold")
                if not rows:
                    return
                yield rows
        # SQLite quotes damaged names in its messages as they are, which need not be UTF-8.
        except (sqlite3.Error, UnicodeDecodeError, OverflowError) as error:
            endless = "its pages refer to each other without end" if self._steps_left < 0 else None
            raise ReportError(f"{where} ({endless or error})", EXPORT_AGAIN) from error

    def _some(self, cursor: sqlite3.Cursor) -> list[tuple[Any, ...]]:
        enough = self._text_left - _TEXT_BYTES_PER_FETCH
        rows: list[tuple[Any, ...]] = []
        while len(rows) < _ROWS_PER_FETCH and self._text_left >= enough:
            more = cursor.fetchmany(_ROWS_PER_LOOK)
            if not more:
                break
            rows += more
        return rows

    def _counted(self, value: bytes) -> bytes:
        self._text_left -= len(value)
        if self._text_left < 0:
            raise sqlite3.DataError(f"more text than its {self.size:,} bytes can hold")
        return value

    def _stepped(self) -> bool:
        self._steps_left -= _STEPS_PER_CALL
        return self._steps_left < 0


def _authorised(action: int, _what: str | None, _more: str | None, _of: str | None, inner: str | None) -> int:
    # Inner: the view or trigger on whose behalf something is read.
    return sqlite3.SQLITE_OK if action in _ALLOWED and inner is None else sqlite3.SQLITE_DENY


class Table:
    """A table of the file; its rows are read when columns are selected.

    Attributes:
        types: column → its type as it is declared.
        keys: columns of the primary key.
        column_names: all columns.
    """

    def __init__(self, file: _File, name: str, types: dict[str, str]) -> None:
        self._file = file
        self._name = name
        self.types = types
        self.keys: set[str] = set()
        self._where = f"{file.name}: table {name} is damaged"
        self.column_names = list(types)

    def select(self, columns: Sequence[str], /) -> pa.Table:
        """Read the named columns; see `base.RawTable`."""
        import pyarrow as pa

        pieces = list(self.pieces(columns))
        if pieces:
            return pa.Table.from_batches(pieces)
        return pa.table({column: pa.array([], self._type(column)) for column in columns})

    def pieces(self, columns: Sequence[str], /) -> Iterator[pa.RecordBatch]:
        """The rows of the named columns, some at a time; see `base.PiecedTable`."""
        import pyarrow as pa

        numbers = {c: f"t.{_quoted(c)}" for c in columns if _is_number(self._type(c))}
        texts = {c: f"CAST(t.{_quoted(c)} AS TEXT)" for c in columns if c not in numbers}
        # Two walks through the same rows: in one no value may be long, in the other all are text and counted.
        walks = [
            self._walk(chosen, longest)
            for chosen, longest in ((numbers, _NUMBER_BYTES), (texts, self._file.longest))
            if chosen
        ]
        waiting: list[pa.RecordBatch | None] = [next(walk, None) for walk in walks]
        while some := [rows for rows in waiting if rows is not None]:
            if len(some) < len(walks):
                raise ReportError(f"{self._where} (it changed while it was read)", EXPORT_AGAIN)
            count = min(rows.num_rows for rows in some)
            found = {name: rows.column(name)[:count] for rows in some for name in rows.schema.names}
            yield pa.RecordBatch.from_arrays([found[name] for name in columns], names=list(columns))
            waiting = [
                rows.slice(count) if rows.num_rows > count else next(walk, None)
                for rows, walk in zip(some, walks, strict=True)
            ]

    def _type(self, column: str) -> pa.DataType:
        import pyarrow as pa

        if column in BINARY:
            return pa.binary()
        # nsys declares INTEGER, REAL and TEXT; SQLite itself would store anything anywhere.
        declared = {"INTEGER": pa.int64(), "REAL": pa.float64()}
        return declared.get(self.types[column].upper(), pa.string())

    def _walk(self, chosen: dict[str, str], longest: int) -> Iterator[pa.RecordBatch]:
        """Columns of all rows, some at a time: their names, and what is selected of them."""
        import pyarrow as pa

        # An index would give the rows in another order; without t, a name that is no column would be a text.
        sql = f"SELECT {', '.join(chosen.values())} FROM {_quoted(self._name)} AS t NOT INDEXED"
        try:
            for rows in self._file.fetch(sql, self._where, longest):
                arrays = [
                    array(name, values, self._type(name))
                    for name, values in zip(chosen, zip(*rows, strict=True), strict=True)
                ]
                yield pa.RecordBatch.from_arrays(arrays, names=list(chosen))
        except MemoryError:
            # Also one of Arrow's: not the file's fault, unless whoever limits the memory says so.
            raise
        except (pa.ArrowException, OverflowError) as error:
            raise ReportError(f"{self._where} ({error})", EXPORT_AGAIN) from error


def _is_number(column_type: pa.DataType) -> bool:
    return str(column_type) in ("int64", "double")


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
