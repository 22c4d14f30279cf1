"""Answers as a workbook of a spreadsheet (.xlsx), of one sheet."""

from __future__ import annotations

import io
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

from traceql.errors import QueryError, TraceqlError
from traceql.present.values import cut, exact, rows

if TYPE_CHECKING:
    from types import ModuleType

    import pyarrow as pa

    from traceql.rows import Rows

# What a sheet holds: https://support.microsoft.com/office/excel-specifications-and-limits
_MOST_ROWS = 1_048_576 - 1
_MOST_COLUMNS = 16_384
_MOST_LETTERS = 32_767
# Numbers of a sheet are DOUBLE: whole ones beyond this would lose digits.
_EXACT = 2**53
# No sheet has a day before.
_FIRST_DAY = date(1900, 1, 1).toordinal()


def writer() -> ModuleType:
    """Who writes workbooks.

    Raises:
        TraceqlError: xlsxwriter is not installed.
    """
    try:
        import xlsxwriter
    except ModuleNotFoundError as error:
        raise TraceqlError(
            "workbooks are written by xlsxwriter, which is not installed",
            "Install it: pip install 'traceql[xlsx]', or choose --format csv.",
        ) from error
    module: ModuleType = xlsxwriter
    return module


def write(answer: pa.Table | Rows, file: IO[bytes]) -> None:
    """One sheet: a line of names that stays in sight, then the rows; numbers are numbers, all else is text.

    Texts are never formulas or links, whatever they begin with. What a cell cannot hold is text (whole
    numbers beyond 2^53, nested values as JSON) or shorter (texts of more than 32,767 letters: both ends).

    Raises:
        TraceqlError: xlsxwriter is not installed.
        QueryError: a sheet has not so many rows or columns.
    """
    xlsxwriter = writer()
    if answer.num_rows > _MOST_ROWS or answer.num_columns > _MOST_COLUMNS:
        raise QueryError(
            f"the answer has {answer.num_rows:,} rows and {answer.num_columns:,} columns, "
            f"a sheet {_MOST_ROWS:,} and {_MOST_COLUMNS:,}",
            "Ask for fewer (--limit, --columns), or choose --format csv or parquet.",
        )
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, {"in_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"})
    sheet = book.add_worksheet("answer")
    bold = book.add_format({"bold": True})
    for column, name in enumerate(answer.column_names):
        sheet.write_string(0, column, cut(name, _MOST_LETTERS), bold)
    for number, row in enumerate(rows(answer), start=1):
        for column, value in enumerate(row.values()):
            _put(sheet, number, column, value)
    sheet.freeze_panes(1, 0)
    if answer.num_columns:
        sheet.autofilter(0, 0, answer.num_rows, answer.num_columns - 1)
    book.close()
    file.write(made.getvalue())


def _put(sheet: Any, row: int, column: int, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float | Decimal) and math.isfinite(value) and -_EXACT <= value <= _EXACT:
        sheet.write_number(row, column, value)
    elif isinstance(value, date) and value.toordinal() >= _FIRST_DAY:
        sheet.write_datetime(row, column, _without_zone(value))
    else:
        sheet.write_string(row, column, cut(_text(value), _MOST_LETTERS))


def _without_zone(value: date) -> date:
    """Sheets know no zones: what has one is in UTC."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, int | float | Decimal) else exact(value)
