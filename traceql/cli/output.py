"""How answers leave: one set of options, one writer per format."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from traceql.errors import TraceqlError
from traceql.present import formats, terminal, values
from traceql.read import formats as reports
from traceql.read import temporary
from traceql.store import held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

F = TypeVar("F", bound="Callable[..., Any]")

FORMATS = ("table", "csv", "json", "ndjson", "md", "parquet")

# Key of what --safe-csv said, in click's context.
_SAFE = "traceql.safe_csv"
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
    function = click.option(
        "--safe-csv",
        is_flag=True,
        expose_value=False,
        callback=_remember_safe,
        help="For spreadsheets: in CSV, put an apostrophe before texts that would be taken for formulas.",
    )(function)
    return click.option(
        "-f",
        "--format",
        "format_",
        type=click.Choice(FORMATS),
        help="Form of the output; by default a table, or what the suffix of --output says.",
    )(function)


def _remember_safe(context: click.Context, _param: click.Parameter, safe: bool) -> None:
    """For `write`, which every command calls with what it has of the other options."""
    if safe:
        context.meta[_SAFE] = True


def text_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Any:
    """Rows of texts as an answer that can be written."""
    import pyarrow as pa

    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})


def shown(value: object, format_: str | None, output: str | None) -> str:
    """A value as text: for reading where the form is for people, exact where it is for programs."""
    return values.human(value) if form_of(format_, output) in ("table", "md") else values.exact(value)


def write(answer: pa.Table, format_: str | None, output: str | None) -> None:
    """Write an answer in the chosen form.

    Raises:
        TraceqlError: the file cannot be written, or the form does not go to a terminal.
    """
    chosen = form_of(format_, output)
    context = click.get_current_context(silent=True)
    safe = context is not None and _SAFE in context.meta
    if safe and chosen != "csv":
        raise click.UsageError("--safe-csv is for CSV: choose it with --format csv.")
    if chosen == "parquet" and output is None and sys.stdout.isatty():
        raise TraceqlError("Parquet is binary: not written to a terminal", "Name a file with -o.")
    writer = {
        "table": _table,
        "csv": formats.safe_csv if safe else formats.csv,
        "json": formats.json_list,
        "ndjson": formats.ndjson,
        "md": formats.markdown,
        "parquet": formats.parquet,
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
        with (
            temporary.replacing(place) if replaceable and output != "-" else click.open_file(output, "wb")
        ) as file:
            yield file
    except OSError as error:
        raise TraceqlError(
            f"{output}: cannot be written ({error.strerror or error})", "Choose another place."
        ) from error


def _spare_databases(output: str) -> None:
    if not Path(output).is_file():
        # Reading a pipe would wait for whoever writes to it.
        return
    if held.is_database(output) or reports.by_magic(held.head(output) or b""):
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


def _table(answer: pa.Table, file: IO[bytes]) -> None:
    """Aligned columns; on a terminal they fit it."""
    on_terminal = file is sys.stdout.buffer and sys.stdout.isatty()
    styled = on_terminal and not os.environ.get("NO_COLOR")
    for line in terminal.lines(
        answer,
        shutil.get_terminal_size().columns if on_terminal else None,
        (lambda head: click.style(head, bold=True)) if styled else str,
    ):
        file.write(line.encode())
