"""How answers leave: one set of options, one writer per format."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from functools import partial, wraps
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import click

from traceql.errors import TraceqlError
from traceql.given import whole_number
from traceql.nearest import did_you_mean
from traceql.present import formats, terminal, units, values, workbook
from traceql.present.values import readable
from traceql.read import formats as reports
from traceql.read import temporary
from traceql.rows import Batches
from traceql.rows import texts as rows_of_texts
from traceql.store import held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa
    from click.shell_completion import CompletionItem

    from traceql.cli.offers import Completer

F = TypeVar("F", bound="Callable[..., Any]")
#: Names of columns, or what finds them by the values of the command's options.
Columns: TypeAlias = "Sequence[str] | Callable[[Mapping[str, Any]], Sequence[str]]"

FORMATS = ("table", "csv", "tsv", "json", "ndjson", "md", "parquet", "xlsx")
# Forms of texts and numbers in columns, which spreadsheets open.
_SEPARATORS = {"csv": ",", "tsv": "\t"}
#: Forms that are written row by row, for which no row needs another one.
IN_PARTS = ("csv", "tsv", "json", "ndjson", "parquet")
_BINARY = {"parquet": "Parquet", "xlsx": "A workbook"}

# Keys of what the options say that commands need not know, in click's context.
_SAFE = "traceql.safe_csv"
_COLUMNS = "traceql.columns"
_ALL_COLUMNS = "traceql.all_columns"
_VERTICAL = "traceql.vertical"
_RAW = "traceql.raw"
_NO_PAGER = "traceql.no_pager"
_SORTED = "traceql.sorted"
# Suffix of an output file → form.
_SUFFIXES = {form: form for form in FORMATS} | {
    "jsonl": "ndjson",
    "markdown": "md",
    "txt": "table",
    "": "table",
}
# Where the output is no terminal, and COLUMNS does not say.
_PIPED_ROOM = 80
# Option → its key, and what it does. All but the first are flags.
_FOR_WRITE = {
    "--columns": (
        _COLUMNS,
        "Only these columns, in this order; the unit at the end of a name may be left out.",
    ),
    "--all-columns": (_ALL_COLUMNS, "In a table, all columns, however wide it becomes."),
    "--vertical": (_VERTICAL, "In place of a table, a record for each row, of a line for each column."),
    "--raw": (_RAW, "In a table, numbers in the units of the columns' names, not in those that read best."),
    "--no-pager": (_NO_PAGER, "On a terminal, no pager for what is longer than it (PAGER names the pager)."),
    "--safe-csv": (
        _SAFE,
        "For spreadsheets: in CSV and TSV, put an apostrophe before texts that would be taken for formulas.",
    ),
}


def output_options(
    function: F, pages: tuple[str, ...] = (), columns: Columns = (), offered: Columns = ()
) -> F:
    """Add ``--format``, ``-o`` and how tables are laid out to a command; what cannot be is refused first.

    Args:
        function: the command.
        pages: suffixes of files that the command writes in its own way.
        columns: names of the columns that its answers have; none where only the answer tells.
        offered: what shells are offered in that case.
    """
    function = _checked(function, pages, columns)
    for name, (key, help_) in reversed(_FOR_WRITE.items()):
        function = click.option(
            name,
            is_flag=name != "--columns",
            metavar="A,B" if name == "--columns" else None,
            expose_value=False,
            callback=_remember(key),
            help=help_,
            shell_complete=offered_columns(columns or offered) if name == "--columns" else None,
        )(function)
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


def offered_columns(columns: Columns) -> Completer:
    """What a shell is offered for names of columns, of which the last may be the one that is being typed."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        before, comma, word = incomplete.rpartition(",") if param.name == "columns" else ("", "", incomplete)
        taken = before.split(",")
        options = dict(ctx.params)
        # As long as an option has no value yet, click leaves arguments as words.
        lacking = [one for one in ctx.command.params if isinstance(one, click.Argument)]
        lacking = [one for one in lacking if not options.get(str(one.name))]
        options.update({str(one.name): text for one, text in zip(lacking, ctx.args, strict=False)})
        return [
            CompletionItem(f"{before}{comma}{name}")
            for name in _names_of(columns, options)
            if name.startswith(word) and name not in taken
        ]

    return complete


def _names_of(columns: Columns, options: Mapping[str, Any]) -> Sequence[str]:
    return columns(options) if callable(columns) else columns


def _checked(function: F, pages: tuple[str, ...], columns: Columns) -> F:
    @wraps(function)
    def command(*args: Any, **kwargs: Any) -> Any:
        if not (kwargs["output"] or "").lower().endswith(pages):
            _check(kwargs["format_"], kwargs["output"])
        if _said(_COLUMNS) is not None and (names := _names_of(columns, kwargs)):
            check_columns(names)
        return function(*args, **kwargs)

    return cast("F", command)


def _check(format_: str | None, output: str | None) -> str:
    """The form of the answer, where it can be written as the options say."""
    chosen = form_of(format_, output)
    if _said(_SAFE) and chosen not in _SEPARATORS:
        raise click.UsageError("--safe-csv is for CSV and TSV: choose one with --format csv.")
    if _said(_VERTICAL) and chosen != "table":
        raise click.UsageError("--vertical is for tables: leave out --format, or choose table.")
    if chosen in _BINARY and output is None and sys.stdout.isatty():
        raise TraceqlError(f"{_BINARY[chosen]} is binary: not written to a terminal", "Name a file with -o.")
    if chosen == "xlsx":
        workbook.writer()
    if output is not None and not Path(output).parent.is_dir():
        raise TraceqlError(
            f"{output}: cannot be written ({os.strerror(errno.ENOENT)})", "Choose another place."
        )
    return chosen


def check_columns(names: Sequence[str]) -> None:
    """Refuse ``--columns`` that an answer of columns of these names has not.

    Raises:
        click.UsageError: there is no such column.
    """
    _columns(names)


def _columns(names: Sequence[str]) -> list[str]:
    """What ``--columns`` names of them; all without it."""
    named = _said(_COLUMNS)
    return (
        list(names) if named is None else [column_called(one, names, "--columns") for one in named.split(",")]
    )


def keep_in_sight(column: str) -> None:
    """Let the next table show a column, whatever else it leaves out."""
    if context := click.get_current_context(silent=True):
        context.meta[_SORTED] = column


def _remember(key: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """For `write`, which every command calls with what it has of the other options."""

    def callback(context: click.Context, _param: click.Parameter, value: Any) -> None:
        if value:
            context.meta[key] = value

    return callback


def _said(key: str) -> Any:
    context = click.get_current_context(silent=True)
    return context.meta.get(key) if context is not None else None


def names_columns() -> bool:
    """Whether ``--columns`` is given."""
    return _said(_COLUMNS) is not None


def every_column() -> bool:
    """Whether columns are asked for that a table would leave out."""
    return any(_said(key) for key in (_COLUMNS, _ALL_COLUMNS, _VERTICAL))


def text_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Any:
    """Rows of texts as an answer that can be written."""
    return rows_of_texts({name: [row[i] for row in rows] for i, name in enumerate(names)})


def shown(value: object, format_: str | None, output: str | None) -> str:
    """A value as text: for reading where the form is for people, exact where it is for programs."""
    return values.human(value) if form_of(format_, output) in ("table", "md") else values.exact(value)


def write(
    answer: pa.Table | Batches,
    format_: str | None,
    output: str | None,
    *,
    brief: pa.Table | None = None,
    one_line: bool = False,
    groups: str = "",
) -> None:
    """Write an answer in the chosen form.

    Args:
        answer: the rows; as they come only for one of `IN_PARTS`.
        format_: as ``--format`` has it.
        output: as ``-o`` has it.
        brief: what a table shows of them where nobody asks for all columns.
        one_line: whether each row of a table is one line, whatever sentences lose by it.
        groups: the column whose values stand as headings in a table.

    Raises:
        TraceqlError: the file cannot be written, or the form does not go to a terminal.
    """
    chosen = _check(format_, output)
    safe = _said(_SAFE)
    if _said(_COLUMNS) is not None:
        answer = answer.select(_columns(answer.column_names))
    elif chosen == "table" and brief is not None and not every_column():
        answer = brief
    writer: Callable[[pa.Table, IO[bytes]], None]
    if chosen == "table":
        given = every_column()
        writer = partial(_table, one_line=one_line and not given, groups="" if given else groups)
    elif chosen in _SEPARATORS:
        writer = partial(formats.safe_csv if safe else formats.csv, separator=_SEPARATORS[chosen])
    else:
        writer = {
            "json": formats.json_list,
            "ndjson": formats.ndjson,
            "md": formats.markdown,
            "parquet": formats.parquet,
            "xlsx": workbook.write,
        }[chosen]
    if output is None:
        writer(answer, sys.stdout.buffer)
        sys.stdout.flush()
        return
    with writing(output) as file:
        writer(answer, file)


def write_parts(parts: Iterable[tuple[str, pa.Table]], format_: str | None) -> None:
    """Write several tables, each below its name, to standard output as one.

    Args:
        parts: what each is called, and its rows.
        format_: as ``--format`` has it: a table, or md.

    Raises:
        click.UsageError: a table has not the columns that ``--columns`` names.
    """
    named = _said(_COLUMNS) is not None
    chosen = [(name, rows.select(_columns(rows.column_names)) if named else rows) for name, rows in parts]
    if form_of(format_, None) == "md":
        for name, rows in chosen:
            sys.stdout.buffer.write(f"{name}:\n".encode())
            formats.markdown(rows, sys.stdout.buffer)
            sys.stdout.buffer.write(b"\n")
        sys.stdout.flush()
        return
    head = _head(sys.stdout.isatty())
    _print(
        chain.from_iterable(
            chain([f"{name}:\n"], terminal.lines(rows, _layout(printed=True), head), ["\n"])
            for name, rows in chosen
        ),
        sys.stdout.buffer,
    )
    sys.stdout.flush()


def column_called(text: str, names: Sequence[str], option: str) -> str:
    """The column that is meant by its name, or by its name without the unit at its end.

    Raises:
        click.UsageError: there is none, or several.
    """
    wanted = text.strip().lower().replace("-", "_")
    for call in (str, str.lower, lambda name: name.lower().removesuffix(units.suffix(name))):
        found = [name for name in names if call(name) == (text if call is str else wanted)]
        if len(found) == 1:
            return found[0]
    guess = did_you_mean(text, names)
    raise click.UsageError(
        f"{option} {text}: no such column. {guess}There are {', '.join(map(readable, names))}."
    )


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


def _table(answer: pa.Table, file: IO[bytes], *, one_line: bool, groups: str) -> None:
    """Aligned columns: they fit the terminal, or 80 columns in a pipe; a file has room for all."""
    printed = file is sys.stdout.buffer
    layout = _layout(printed=printed, one_line=one_line, groups=groups)
    _print(terminal.lines(answer, layout, _head(printed and sys.stdout.isatty())), file)


def _layout(*, printed: bool, one_line: bool = False, groups: str = "") -> terminal.Layout:
    return terminal.Layout(
        room=room_of_output() if printed else None,
        raw=bool(_said(_RAW)),
        whole=bool(_said(_COLUMNS) or _said(_ALL_COLUMNS)),
        vertical=bool(_said(_VERTICAL)),
        one_line=one_line,
        groups=groups,
        kept=_said(_SORTED) or "",
    )


def _head(on_terminal: bool) -> Callable[[str], str]:
    """How the lines of names are set off."""
    return (lambda text: click.style(text, bold=True)) if on_terminal and _is_coloured() else str


def _is_coloured() -> bool:
    return not os.environ.get("NO_COLOR")


def _print(lines: Iterator[str], file: IO[bytes]) -> None:
    """Write lines; what is longer than a terminal goes to the pager."""
    on_terminal = file is sys.stdout.buffer and sys.stdout.isatty()
    if on_terminal and not _said(_NO_PAGER) and os.environ.get("PAGER") != "":
        height = shutil.get_terminal_size().lines
        first = list(islice(lines, height))
        if len(first) == height:
            # What is wider than the screen is moved, not folded; and it stays when the pager ends.
            os.environ.setdefault("LESS", "-RSX")
            _let_go()
            click.echo_via_pager(chain(first, lines), color=_is_coloured())
            return
        lines = iter(first)
    for line in lines:
        file.write(line.encode())


def _let_go() -> None:
    """Close databases that would stay open until the end: a person may look at the pager for long."""
    if (sharing := sys.modules.get("traceql.store.sharing")) is not None:
        sharing.close_what_stays()


def room_of_output() -> int:
    """Columns of the terminal; in a pipe what COLUMNS says, or 80."""
    if sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    said = os.environ.get("COLUMNS", "")
    return whole_number(said) or _PIPED_ROOM
