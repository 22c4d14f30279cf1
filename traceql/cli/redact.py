"""The command redact: reports and databases without what is private in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from traceql.cli.common import Size, database
from traceql.cli.output import FORMATS, write
from traceql.errors import ReportError, TraceqlError
from traceql.present.values import printable
from traceql.read.source import plain_name
from traceql.store import held

if TYPE_CHECKING:
    import pyarrow as pa

    from traceql.share.redact import Names, Removed


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(), metavar="FILE…")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    help="Where the result goes; of several files, the folder in which they get their names again.",
)
@click.option("--check", is_flag=True, help="Say what would go, by kind and without values; write nothing.")
@click.option("--pseudonyms", is_flag=True, help="Replace names of kernels, ranges and functions, too.")
@click.option(
    "--keep",
    multiple=True,
    metavar="PATTERN",
    help="Names that stay with --pseudonyms: * or % stands for any characters; repeatable.",
)
@click.option(
    "--key",
    envvar="TRACEQL_REDACT_KEY",
    show_envvar=True,
    help="Decides pseudonyms and the numbers of paths and UUIDs: the same in every call that is given it.",
)
@click.option(
    "--keep-source",
    is_flag=True,
    help="Leave source files, PTX and machine code in reports of ncu; what is private in their texts goes.",
)
@click.option(
    "--drop",
    multiple=True,
    metavar="PATTERN",
    help="Leave out tables and options of an export that are not nsys's, for which it is refused else; "
    "repeatable.",
)
@click.option("--force", is_flag=True, help="Replace what is there.")
@click.option(
    "--memory",
    type=Size(),
    help="Memory that redacting a report may take, on Linux. [default: half of the machine's, but at least "
    "1 GiB and 16 times the report's size]",
)
@click.option("-f", "--format", "format_", type=click.Choice(FORMATS), help="Form of what is said.")
def redact(
    sources: tuple[str, ...],
    output: str | None,
    check: bool,
    pseudonyms: bool,
    keep: tuple[str, ...],
    key: str | None,
    keep_source: bool,
    drop: tuple[str, ...],
    force: bool,
    memory: int | None,
    format_: str | None,
) -> None:
    """Write FILEs again without what is private in them, to be shared.

    A FILE is a report (.nsys-rep, .qdrep, .ncu-rep), an export of nsys (.sqlite, or a folder of .parquet or
    .arrow files), a sidecar (.run.json), a database or a lake. Environments, command lines, names of users
    and machines, paths, addresses, and processes that were not profiled go; so does code that ncu put into
    a report. Events, counts, ids and times stay, and NVIDIA's tools open the result. What traceql does not
    know in a file is refused, and it is not written.

    \b
    Examples:
      traceql redact run.nsys-rep --check
      traceql redact run.nsys-rep -o clean.nsys-rep
      traceql redact run.nsys-rep run.nsys-rep.run.json run.ncu-rep -o clean/ --pseudonyms --keep 'nccl*'
      traceql redact run.ncu-rep -o clean.ncu-rep --keep-source
      traceql redact traces.duckdb -o clean.duckdb
    """
    from traceql.share.redact import Names

    if check == (output is not None):
        raise click.UsageError(
            "Say where the result goes with -o, or ask what would go with --check: one of both."
        )
    if keep and not pseudonyms:
        raise click.UsageError("--keep is for --pseudonyms.")
    if keep_source and pseudonyms:
        raise click.UsageError("--keep-source tells the names that --pseudonyms replaces.")
    if key == "":
        raise click.UsageError("An empty --key is none.")
    names = Names(pseudonyms=pseudonyms, keep=keep, key=key, drop=drop, keep_source=keep_source)
    rows: list[tuple[str, str, int, str]] = []
    targets = [None] * len(sources) if output is None else _targets(sources, output)
    for source, target in zip(sources, targets, strict=True):
        removed = _one(Path(source), target, names, force=force, memory_bytes=memory)
        file = printable(source if target is None else str(target))
        rows += [(file, kind, count, what) for kind, count, what in removed.rows()]
        if not removed:
            click.echo(f"{file}: nothing private was found", err=True)
    if rows or format_ not in (None, "table", "md"):
        write(_answer(rows, "would_go" if check else "removed"), format_, None)


def _answer(rows: list[tuple[str, str, int, str]], said: str) -> pa.Table:
    import pyarrow as pa

    types = {"file": pa.string(), "kind": pa.string(), "places": pa.int64(), said: pa.string()}
    columns = zip(*rows, strict=True) if rows else ((),) * len(types)
    return pa.table(
        {name: pa.array(column, type_) for (name, type_), column in zip(types.items(), columns, strict=True)}
    )


def _targets(sources: tuple[str, ...], output: str) -> list[Path]:
    """Where each result goes."""
    place = Path(output)
    names = [plain_name(Path(source).name) for source in sources]
    if (
        len(sources) == 1
        and not (place.is_dir() and not Path(sources[0]).is_dir())
        and not _is_folder(output, sources[0])
    ):
        return [place]
    if len(set(names)) < len(names):
        raise click.UsageError("Two files have one name: write them one by one.")
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TraceqlError(f"{output}: no folder ({error.strerror})", "Choose another place.") from error
    return [place / name for name in names]


def _is_folder(output: str, source: str) -> bool:
    from traceql.share.redact.databases import may_be_lake

    return output.endswith(("/", "\\")) and not may_be_lake(Path(source))


def _one(
    source: Path, target: Path | None, names: Names, *, force: bool, memory_bytes: int | None
) -> Removed:
    from traceql.share import redact as files
    from traceql.share.redact.databases import may_be_lake

    if not source.exists():
        raise ReportError(f"{source}: no such file or directory", "Check the path.")
    try:
        if held.is_database(source) or may_be_lake(source):
            with database(str(source)) as opened:
                return opened._redact(target, names, force=force)
        if target is None:
            return files.check(source, names, memory_bytes=memory_bytes)
        return files.redact(source, target, names, force=force, memory_bytes=memory_bytes)
    except OSError as error:
        raise TraceqlError(
            f"{target or source}: cannot be written ({error.strerror or error})", "Choose another place."
        ) from error
