"""Rows as Python has them: for who only looks at some of them, without pyarrow, which takes longer to import.

They can be asked what an Arrow table can be that is shown, under its names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

#: More are an Arrow table, which takes less memory.
MOST = 10_000
_INTEGERS = frozenset(f"{sign}{of}INT" for sign in ("", "U") for of in ("TINY", "SMALL", "BIG"))
_WHOLE = _INTEGERS | {"INTEGER", "UINTEGER", "HUGEINT"}
# Whose values are the same by either way.
_MAPS = {"MAP(VARCHAR, VARCHAR)", "MAP(VARCHAR, DOUBLE)"}
_PLAIN = _WHOLE | _MAPS | {"BOOLEAN", "DOUBLE", "VARCHAR", "JSON", "VARCHAR[]", "BIGINT[]"}
_DECIMAL = re.compile(r"DECIMAL\(\d+,\s*(\d+)\)")
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, eq=False)
class Column:
    """A column.

    Attributes:
        type: as DuckDB writes it.
        values: of each row; None for NULL.
    """

    type: str
    values: list[Any]

    @property
    def null_count(self) -> int:
        """In how many rows it is NULL."""
        return sum(value is None for value in self.values)

    @property
    def is_whole(self) -> bool:
        """Whether it holds integers."""
        return self.type in _WHOLE

    @property
    def is_fraction(self) -> bool:
        """Whether it holds DOUBLEs."""
        return self.type == "DOUBLE"

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers."""
        return self.is_whole or self.is_fraction or self.type.startswith("DECIMAL")

    @property
    def is_nested(self) -> bool:
        """Whether its values hold values."""
        return self.type.endswith(("[]", ")")) and not self.is_number

    def __getitem__(self, index: int) -> Any:
        return self.values[index]

    def __len__(self) -> int:
        return len(self.values)

    def to_pylist(self, *, maps_as_pydicts: str | None = None) -> list[Any]:  # noqa: ARG002
        """The values of all rows; maps are dictionaries anyway."""
        return list(self.values)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of an answer.

    Attributes:
        column_names: of the columns, each another.
        columns: in their order, all of one length.
        num_rows: how many there are.
    """

    column_names: list[str]
    columns: list[Column]
    num_rows: int

    @property
    def num_columns(self) -> int:
        """How many columns there are."""
        return len(self.columns)

    def column(self, which: int | str) -> Column:
        """A column by its number or its name."""
        return self.columns[self.column_names.index(which) if isinstance(which, str) else which]

    __getitem__ = column

    def to_pylist(self, *, maps_as_pydicts: str | None = None) -> list[dict[str, Any]]:  # noqa: ARG002
        """Each row as a dictionary."""
        return list(self.dictionaries())

    def dictionaries(self) -> Iterator[dict[str, Any]]:
        """Each row as a dictionary, one after the other."""
        for row in self.tuples():
            yield dict(zip(self.column_names, row, strict=True))

    def tuples(self) -> Iterator[tuple[Any, ...]]:
        """The values of each row."""
        return zip(*(one.values for one in self.columns), strict=True)

    def select(self, names: Sequence[str]) -> Rows:
        """Only these columns, in this order."""
        return Rows(list(names), [self.column(name) for name in names], self.num_rows)

    def with_column(self, at: int, name: str, column: Column) -> Rows:
        """The same with one column more."""
        names, columns = list(self.column_names), list(self.columns)
        names.insert(at, name)
        columns.insert(at, column)
        return Rows(names, columns, self.num_rows)

    def take(self, indices: Sequence[int]) -> Rows:
        """Only these rows, in this order."""
        columns = [Column(one.type, [one.values[i] for i in indices]) for one in self.columns]
        return Rows(self.column_names, columns, len(indices))

    def slice(self, offset: int, length: int) -> Rows:
        """So many rows, from one on."""
        return self.take(range(self.num_rows)[offset : offset + length])


@dataclass(frozen=True, eq=False)
class Batches:
    """Rows of an answer as they come, once.

    Attributes:
        column_names: of the columns, each another.
        tables: some rows each, with these columns.
    """

    column_names: list[str]
    tables: Iterator[pa.Table]

    def select(self, names: Sequence[str]) -> Batches:
        """Only these columns, in this order."""
        return Batches(list(names), (table.select(list(names)) for table in self.tables))


def are_plain(types: Sequence[str]) -> bool:
    """Whether rows of these types are the same here as in an Arrow table."""
    return all(one in _PLAIN or one == "TIMESTAMP" or _DECIMAL.fullmatch(one) for one in types)


def of(names: Sequence[str], types: Sequence[str], found: Sequence[tuple[Any, ...]]) -> Rows:
    """The rows of a database.

    Args:
        names: of the columns, each another.
        types: of them, which `are_plain`.
        found: the rows.
    """
    values = [list(column) for column in zip(*found, strict=True)] if found else [[] for _ in names]
    columns = [Column(type_, _presentable(type_, of)) for type_, of in zip(types, values, strict=True)]
    return Rows(list(names), columns, len(found))


def texts(named: Mapping[str, Sequence[str | None]]) -> Rows:
    """Rows of texts, given as columns of one length."""
    columns = [Column("VARCHAR", list(of)) for of in named.values()]
    return Rows(list(named), columns, max(map(len, columns), default=0))


def _presentable(type_: str, values: list[Any]) -> list[Any]:
    """Integers as they are where 64 bits hold all of them, else as decimals."""
    decimal = _DECIMAL.fullmatch(type_)
    if type_ == "HUGEINT" or (decimal and decimal[1] == "0"):
        fits = all(value is None or value in _INT64 for value in map(_integer, values))
        kind = int if fits else Decimal
        return [None if value is None else kind(value) for value in values]
    return values


def _integer(value: Any) -> int | None:
    return None if value is None else int(value)


def are_exact(types: Sequence[str], found: Sequence[tuple[Any, ...]]) -> bool:
    """Whether no time is one that Python has none for, in whose place DuckDB gives another."""
    times = [i for i, one in enumerate(types) if one == "TIMESTAMP"]
    values = (row[i] for row in found for i in times)
    return all(
        value is None or (isinstance(value, datetime) and value not in (datetime.min, datetime.max))
        for value in values
    )
