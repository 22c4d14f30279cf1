"""Answers in the forms of files: CSV, JSON, Markdown, Parquet, and HTML for notebooks."""

from __future__ import annotations

import math
import os
import re
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import IO, TYPE_CHECKING

from traceql.present.values import as_json, cells, counted, exact, in_python, readable, rows
from traceql.rows import Batches, Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import polars as pl
    import pyarrow as pa

# Rows that a notebook shows.
_ROWS_IN_NOTEBOOK = 20
# What begins a formula in one spreadsheet or another, and what begins so but is a number.
_FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"
_NUMBER = r"^[+\-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+\-]?\d+)?$"
# Of the exponents that Python writes, the one that CSV has not.
_LEAST = -5


def csv(answer: pa.Table | Rows | Batches, file: IO[bytes], separator: str = ",") -> None:
    """Comma-separated values, exact; nested ones as JSON text."""
    if isinstance(answer, Rows):
        _write_rows(answer, file, separator, _written)
    else:
        _write_parts(answer, file, separator, _frame)


def safe_csv(answer: pa.Table | Rows | Batches, file: IO[bytes], separator: str = ",") -> None:
    """As `csv`, for spreadsheets: texts that one would take for a formula begin with an apostrophe.

    Which ones: https://owasp.org/www-community/attacks/CSV_Injection. Numbers stay numbers.
    """
    if isinstance(answer, Rows):
        _write_rows(answer, file, separator, _harmless)
    else:
        _write_parts(answer, file, separator, _harmless_frame)


def _write_parts(
    answer: pa.Table | Batches, file: IO[bytes], separator: str, made: Callable[[pa.Table], pl.DataFrame]
) -> None:
    """Below one line of names what each table is made, written as it comes."""
    for number, table in enumerate(answer.tables if isinstance(answer, Batches) else [answer]):
        _write_csv(made(table), file, separator, names=number == 0)


def _harmless_frame(answer: pa.Table) -> pl.DataFrame:
    """With no text that a spreadsheet would take for a formula."""
    import polars as pl

    frame = _frame(answer)
    text = pl.selectors.string()
    formula = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    frame = frame.with_columns(pl.when(formula).then(pl.lit("'") + text).otherwise(text).name.keep())
    named = {name: f"'{name}" for name in frame.columns if re.match(_FORMULA, name)}
    return frame.rename(named)


def _write_rows(answer: Rows, file: IO[bytes], separator: str, written: Callable[[object], str]) -> None:
    """As polars writes them, which takes longer to import than a question has."""
    to_quote = re.compile(f'[{separator}"\r\n]')

    def cell(text: str) -> str:
        if not text or to_quote.search(text):
            return '"' + text.replace('"', '""') + '"'
        return text

    def line(texts: Iterable[str]) -> bytes:
        return f"{separator.join(texts)}\n".encode()

    names = (
        f"'{name}" if written is _harmless and re.match(_FORMULA, name) else name
        for name in answer.column_names
    )
    file.write(line(cell(name) for name in names))
    columns = [
        ["" if value is None else cell(written(value)) for value in column.values]
        for column in answer.columns
    ]
    file.writelines(line(texts) for texts in zip(*columns, strict=True))


def _written(value: object) -> str:
    """A value in CSV."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _fraction(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, Decimal):
        # Never with an exponent, as polars writes them.
        return f"{value:f}"
    return exact(value) if isinstance(value, list | dict) else str(value)


def _harmless(value: object) -> str:
    """The same for spreadsheets."""
    text = _written(value)
    formula = (
        isinstance(value, str | list | dict) and re.search(_FORMULA, text) and not re.search(_NUMBER, text)
    )
    return f"'{text}" if formula else text


def _fraction(value: float) -> str:
    """A number as polars writes it: the fewest digits that tell it from others.

    >>> [_fraction(value) for value in (0.5, 1e16, 1e-5, 2.5e-7, float("nan"))]
    ['0.5', '1e+16', '0.00001', '2.5e-7', 'NaN']
    """
    if math.isnan(value):
        return "NaN"
    digits, _, exponent = repr(value).partition("e")
    if not exponent.startswith("-"):
        return repr(value)
    if int(exponent) < _LEAST:
        return f"{digits}e{int(exponent)}"
    sign = "-" if digits.startswith("-") else ""
    return f"{sign}0.0000{digits.removeprefix('-').replace('.', '')}"


def _frame(answer: pa.Table) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(pl.from_arrow(_flat(answer)))


def _write_csv(frame: pl.DataFrame, file: IO[bytes], separator: str, *, names: bool) -> None:
    try:
        frame.write_csv(file, separator=separator, include_header=names)
    except OSError as error:
        # polars writes past Python, and names the number of the error in its text only.
        if (number := re.search(r"\(os error (\d+)\)", str(error))) is not None:
            raise OSError(int(number[1]), os.strerror(int(number[1]))) from error
        raise


def json_rows(answer: pa.Table | Rows | Batches) -> Iterator[str]:
    """Each row as a JSON object; what is not finite becomes null."""
    for row in rows(answer):
        yield as_json(row)


def json_list(answer: pa.Table | Rows | Batches, file: IO[bytes]) -> None:
    """One JSON list of objects."""
    lines: Iterable[str] = json_rows(answer)
    if not isinstance(answer, Batches):
        # A value that cannot be written is told before anything is.
        lines = list(lines)
    before = b"["
    for line in lines:
        file.write(before + line.encode())
        before = b",\n"
    file.write(b"]\n" if before != b"[" else b"[]\n")


def ndjson(answer: pa.Table | Rows | Batches, file: IO[bytes]) -> None:
    """One JSON object a line."""
    for line in json_rows(answer):
        file.write(line.encode() + b"\n")


def markdown(answer: pa.Table | Rows, file: IO[bytes]) -> None:
    """A Markdown table, for reading."""

    def line(texts: list[str]) -> bytes:
        escaped = (cell.replace("|", "\\|").replace("<", "&lt;") for cell in texts)
        return f"| {' | '.join(escaped)} |\n".encode()

    file.write(line([readable(name) for name in answer.column_names]))
    file.write(line(["---"] * answer.num_columns))
    for texts in cells(answer):
        file.write(line(texts))


def parquet(answer: pa.Table | Rows | Batches, file: IO[bytes]) -> None:
    """Parquet, exact. Of rows that no database gave, which are texts, too."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(answer, Batches):
        first = next(answer.tables)
        with pq.ParquetWriter(file, first.schema) as writer:
            for table in chain([first], answer.tables):
                writer.write_table(table)
        return
    if isinstance(answer, Rows):
        named = zip(answer.column_names, answer.columns, strict=True)
        answer = pa.table({name: column.to_pylist() for name, column in named})
    pq.write_table(answer, file)


def html(answer: pa.Table, title: str, notes: Sequence[str], total_rows: int) -> str:
    """The first rows of a table for a notebook, with title, notes, and how many rows there are in all."""
    from html import escape

    answer = answer.slice(0, _ROWS_IN_NOTEBOOK)
    names = "".join(f"<th>{escape(readable(name))}</th>" for name in answer.column_names)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in texts)}</tr>" for texts in cells(answer)
    )
    said = "".join(f"<p>{escape(readable(note))}</p>" for note in notes)
    shown = (
        f"{answer.num_rows:,} of {total_rows:,} rows"
        if answer.num_rows < total_rows
        else counted(total_rows, "rows")
    )
    return (
        f"<p><b>{escape(readable(title))}</b> ({shown})</p>{said}"
        f"<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"
    )


def _flat(answer: pa.Table) -> pa.Table:
    """Nested columns as JSON text, bytes as hexadecimal digits."""
    import pyarrow as pa

    for index, column in enumerate(answer.schema):
        if pa.types.is_temporal(column.type):
            # polars panics at what it has no date for, with a stack of Rust on the terminal.
            in_python(answer.column(index))
        elif pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            values = in_python(answer.column(index))
            texts = [None if v is None else v.hex() if isinstance(v, bytes) else exact(v) for v in values]
            answer = answer.set_column(index, column.name, pa.array(texts, pa.string()))
    return answer
