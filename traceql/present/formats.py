"""Answers in the forms of files: CSV, JSON, Markdown, Parquet, and HTML for notebooks."""

from __future__ import annotations

import os
import re
from html import escape
from typing import IO, TYPE_CHECKING

from traceql.present.values import as_json, cells, counted, exact, in_python, readable, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl
    import pyarrow as pa

# Rows that a notebook shows.
_ROWS_IN_NOTEBOOK = 20
# What begins a formula in one spreadsheet or another, and what begins so but is a number.
_FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"
_NUMBER = r"^[+\-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+\-]?\d+)?$"


def csv(answer: pa.Table, file: IO[bytes], separator: str = ",") -> None:
    """Comma-separated values, exact; nested ones as JSON text."""
    _write_csv(_frame(answer), file, separator)


def safe_csv(answer: pa.Table, file: IO[bytes], separator: str = ",") -> None:
    """As `csv`, for spreadsheets: texts that one would take for a formula begin with an apostrophe.

    Which ones: https://owasp.org/www-community/attacks/CSV_Injection. Numbers stay numbers.
    """
    import polars as pl

    frame = _frame(answer)
    text = pl.selectors.string()
    formula = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    frame = frame.with_columns(pl.when(formula).then(pl.lit("'") + text).otherwise(text).name.keep())
    named = {name: f"'{name}" for name in frame.columns if re.match(_FORMULA, name)}
    _write_csv(frame.rename(named), file, separator)


def _frame(answer: pa.Table) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(pl.from_arrow(_flat(answer)))


def _write_csv(frame: pl.DataFrame, file: IO[bytes], separator: str) -> None:
    try:
        frame.write_csv(file, separator=separator)
    except OSError as error:
        # polars writes past Python, and names the number of the error in its text only.
        if (number := re.search(r"\(os error (\d+)\)", str(error))) is not None:
            raise OSError(int(number[1]), os.strerror(int(number[1]))) from error
        raise


def json_rows(answer: pa.Table) -> Iterator[str]:
    """Each row as a JSON object; what is not finite becomes null."""
    for row in rows(answer):
        yield as_json(row)


def json_list(answer: pa.Table, file: IO[bytes]) -> None:
    """One JSON list of objects."""
    lines = ",\n".join(json_rows(answer))
    file.write(f"[{lines}]\n".encode())


def ndjson(answer: pa.Table, file: IO[bytes]) -> None:
    """One JSON object a line."""
    for line in json_rows(answer):
        file.write(line.encode() + b"\n")


def markdown(answer: pa.Table, file: IO[bytes]) -> None:
    """A Markdown table, for reading."""

    def line(texts: list[str]) -> bytes:
        escaped = (cell.replace("|", "\\|").replace("<", "&lt;") for cell in texts)
        return f"| {' | '.join(escaped)} |\n".encode()

    file.write(line([readable(name) for name in answer.column_names]))
    file.write(line(["---"] * answer.num_columns))
    for texts in cells(answer):
        file.write(line(texts))


def parquet(answer: pa.Table, file: IO[bytes]) -> None:
    """Parquet, exact."""
    import pyarrow.parquet as pq

    pq.write_table(answer, file)


def html(answer: pa.Table, title: str, notes: Sequence[str], total_rows: int) -> str:
    """The first rows of a table for a notebook, with title, notes, and how many rows there are in all."""
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
