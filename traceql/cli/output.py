"""How answers leave: one set of options, one writer per format."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from traceql.errors import TraceqlError
from traceql.read import formats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

F = TypeVar("F", bound="Callable[..., Any]")

FORMATS = ("table", "csv", "json", "ndjson", "md", "parquet")
_ROWS_PER_BATCH = 10_000
_GAP = "   "
_NARROWEST = 8

# Suffix of an output file → form.
_SUFFIXES = {form: form for form in FORMATS} | {
    "jsonl": "ndjson",
    "markdown": "md",
    "txt": "table",
    "": "table",
}


def output_options(function: F) -> F:
    """Add ``--format`` and ``-o`` to a command."""
    function = click.option(
        "-o",
        "--output",
        type=click.Path(dir_okay=False, writable=True),
        help="Write to this file instead of standard output.",
    )(function)
    return click.option(
        "-f",
        "--format",
        "format_",
        type=click.Choice(FORMATS),
        help="Form of the output; by default a table, or what the suffix of --output says.",
    )(function)


def shown(value: object, format_: str | None, output: str | None) -> str:
    """A value as text: for reading where the form is for people, exact where it is for programs."""
    return human(value) if form_of(format_, output) in ("table", "md") else _text(value)


def write(answer: pa.Table, format_: str | None, output: str | None) -> None:
    """Write an answer in the chosen form.

    Raises:
        TraceqlError: the file cannot be written, or the form does not go to a terminal.
    """
    chosen = form_of(format_, output)
    if chosen == "parquet" and output is None and sys.stdout.isatty():
        raise TraceqlError("Parquet is binary: not written to a terminal", "Name a file with -o.")
    writer = {
        "table": _table,
        "csv": _csv,
        "json": _json,
        "ndjson": _ndjson,
        "md": _markdown,
        "parquet": _parquet,
    }[chosen]
    if output is None:
        writer(answer, sys.stdout.buffer)
        sys.stdout.flush()
        return
    with writing(output) as file:
        writer(answer, file)


@contextlib.contextmanager
def writing(output: str) -> Iterator[IO[bytes]]:
    """A file for an answer: put in place when it is whole, and never over a database or a report.

    Raises:
        TraceqlError: it cannot be written.
    """
    _spare_databases(output)
    try:
        # Devices, pipes and links are written through: a file put in their place would replace them.
        place = Path(output)
        replaceable = not place.is_symlink() and (place.is_file() or not place.exists())
        with click.open_file(output, "wb", atomic=replaceable) as file:
            yield file
    except OSError as error:
        raise TraceqlError(
            f"{output}: cannot be written ({error.strerror or error})", "Choose another place."
        ) from error


def _spare_databases(output: str) -> None:
    if not Path(output).is_file():
        # Reading a pipe would wait for whoever writes to it.
        return
    with contextlib.suppress(OSError), Path(output).open("rb") as file:
        head = file.read(formats.HEAD_BYTES)
        if formats.is_duckdb(head) or formats.by_magic(head):
            raise TraceqlError(
                f"{output}: a database or a report, not overwritten", "Name another file for the answer."
            )


def form_of(format_: str | None, output: str | None) -> str:
    """The form that ``--format`` or the suffix of ``-o`` asks for."""
    if format_ is not None:
        return format_
    suffix = Path(output).suffix.removeprefix(".").lower() if output else ""
    if suffix not in _SUFFIXES:
        raise click.UsageError(f"{output}: no form is known by that suffix; choose one with --format.")
    return _SUFFIXES[suffix]


def printable(text: str) -> str:
    r"""`text` with control characters written out: names in reports come from strangers.

    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def human(value: object) -> str:
    """A value for reading: thousands separated, floats to what matters.

    >>> [human(v) for v in (60449280, -46.966925, 0.00012, None, True, {"a": "b"})]
    ['60,449,280', '-46.97', '0.00012', 'NULL', 'true', '{"a": "b"}']
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float | Decimal):
        number = float(value)
        return f"{number:,.2f}" if number == 0 or abs(number) >= 0.01 else f"{number:.3g}"
    return printable(_text(value))


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return value if isinstance(value, str) else json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _rows(answer: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in answer.to_batches(max_chunksize=_ROWS_PER_BATCH):
        yield from batch.to_pylist(maps_as_pydicts="strict")


def _cells(answer: pa.Table) -> Iterator[list[str]]:
    """Rows for reading."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # Ids and other codes are numbers to look up, not quantities to read.
    codes = {c.name for c in answer.schema if c.name.endswith("_id") or c.name in ("pid", "tid")}
    # Counters are DOUBLE, but whole: no decimals where a column has none.
    whole = {
        c.name
        for i, c in enumerate(answer.schema)
        if pa.types.is_floating(c.type)
        and pc.all(pc.equal(answer.column(i), pc.round(answer.column(i)))).as_py() is not False
    }
    for row in _rows(answer):
        yield [
            str(v)
            if k in codes and v is not None
            else f"{v:,.0f}"
            if k in whole and isinstance(v, float)
            else human(v)
            for k, v in row.items()
        ]


def _table(answer: pa.Table, file: IO[bytes]) -> None:
    """Aligned columns. On a terminal long texts give way to its width; numbers are never cut."""
    names = [printable(name) for name in answer.column_names]
    rows = list(_cells(answer))
    widths = [max([len(name), *(len(row[i]) for row in rows)]) for i, name in enumerate(names)]
    numbers = [_is_number(column.type) for column in answer.schema]
    terminal = file is sys.stdout.buffer and sys.stdout.isatty()
    if terminal:
        widths = _fitted(widths, numbers, shutil.get_terminal_size().columns)

    def line(cells: list[str]) -> str:
        padded = []
        for cell, width, number in zip(cells, widths, numbers, strict=True):
            short = cell if len(cell) <= width else cell[: width - 1] + "…"
            padded.append(short.rjust(width) if number else short.ljust(width))
        return _GAP.join(padded).rstrip() + "\n"

    head = line(names)
    if terminal and not os.environ.get("NO_COLOR"):
        head = click.style(head.rstrip("\n"), bold=True) + "\n"
    file.write(head.encode())
    file.write(("─" * (sum(widths) + len(_GAP) * (len(widths) - 1)) + "\n").encode())
    for row in rows:
        file.write(line(row).encode())


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _fitted(widths: list[int], numbers: list[bool], room: int) -> list[int]:
    """Widths that fit into `room`, as far as texts can give way: the widest first, none below `_NARROWEST`.

    >>> _fitted([40, 9, 20], [False, True, False], 60)
    [25, 9, 20]
    >>> _fitted([9, 9], [True, True], 10)
    [9, 9]
    """
    widths = list(widths)
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - room
    texts = [i for i, number in enumerate(numbers) if not number]
    while excess > 0 and texts:
        widest = max(texts, key=lambda i: widths[i])
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
        excess -= 1
    return widths


def _csv(answer: pa.Table, file: IO[bytes]) -> None:
    import polars as pl

    try:
        pl.DataFrame(pl.from_arrow(_flat(answer))).write_csv(file)
    except OSError as error:
        # polars writes past Python, and names the number of the error in its text only.
        if (number := re.search(r"\(os error (\d+)\)", str(error))) is not None:
            raise OSError(int(number[1]), os.strerror(int(number[1]))) from error
        raise


def _json(answer: pa.Table, file: IO[bytes]) -> None:
    lines = ",\n".join(_dump(row) for row in _rows(answer))
    file.write(f"[{lines}]\n".encode())


def _ndjson(answer: pa.Table, file: IO[bytes]) -> None:
    for row in _rows(answer):
        file.write(_dump(row).encode() + b"\n")


def _dump(row: dict[str, Any]) -> str:
    finite = {k: None if isinstance(v, float) and v - v != 0 else v for k, v in row.items()}
    return json.dumps(finite, default=_plain, ensure_ascii=False, allow_nan=False)


def _markdown(answer: pa.Table, file: IO[bytes]) -> None:
    def line(cells: list[str]) -> bytes:
        escaped = (cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells)
        return f"| {' | '.join(escaped)} |\n".encode()

    file.write(line([printable(name) for name in answer.column_names]))
    file.write(line(["---"] * answer.num_columns))
    for cells in _cells(answer):
        file.write(line(cells))


def _parquet(answer: pa.Table, file: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    pq.write_table(answer, file)


def _flat(answer: pa.Table) -> pa.Table:
    """Nested columns as JSON text."""
    import pyarrow as pa

    for index, column in enumerate(answer.schema):
        if pa.types.is_nested(column.type):
            values = answer.column(index).to_pylist(maps_as_pydicts="strict")
            texts = pa.array([None if v is None else _text(v) for v in values], pa.string())
            answer = answer.set_column(index, column.name, texts)
    return answer
