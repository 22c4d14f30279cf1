"""What several commands share."""

from __future__ import annotations

import importlib
import math
import os
import re
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from traceql.errors import CatalogError, QueryError, TraceqlError
from traceql.present.values import cut, readable
from traceql.store import interrupts
from traceql.store.waiting import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from traceql.ask.answer import Asker
    from traceql.cli.offers import Completer
    from traceql.database import Database
    from traceql.questions.catalog import Catalog
    from traceql.store.connection import Store

F = TypeVar("F", bound="Callable[..., Any]")


class Seconds(click.FloatRange):
    """A number of seconds above 0, or from 0 on; one that ends."""

    def __init__(self, *, zero: bool = False) -> None:
        super().__init__(min=0, min_open=not zero)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click does it."""
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return found


DEFAULT_DB = "traces.duckdb"
_ERROR = click.style("error:", fg="red", bold=True)
# How commands begin that notes tell.
_COMMANDS = ("ncu ", "nsys ", "traceql ")
# Longer than any path, or word that somebody reads.
_LONG = re.compile(r"\S{1001,}")
_LONGEST = 200
# Below it, words have no room.
_NARROWEST = 20

#: In click's context: no other command runs in this process.
ALONE = object()
# Which commands make no arrays of numbers.
_WITHOUT_ARRAYS = frozenset(
    {
        *("baseline", "check", "diff", "drop", "info", "ingest", "kernel-card", "ls", "query"),
        *("rename", "sql", "tag", "why"),
    }
)
# Which commands end with what they were told of the database.
_TELLING = frozenset({"info", "kernel-card", "ls", "query", "schema", "sql", "why"})
_WAIT = "traceql.wait_s"


def db_option() -> Callable[[F], F]:
    """The ``--db`` option, and ``--wait``, which `database` and `store` know without being told."""
    named = click.option(
        "--db",
        envvar="TRACEQL_DB",
        default=DEFAULT_DB,
        show_default=True,
        show_envvar=True,
        type=click.Path(),
        help="The database: a file; or a lake, if it ends in / or is a folder (of Parquet files).",
    )
    waiting = click.option(
        "--wait",
        envvar="TRACEQL_WAIT",
        default=WAIT_S,
        show_default=True,
        show_envvar=True,
        type=Seconds(zero=True),
        metavar="SECONDS",
        expose_value=False,
        callback=_keep_wait,
        help="How long to wait for another process that has the database open.",
    )
    return lambda command: named(waiting(command))


def _keep_wait(context: click.Context, _param: click.Parameter, wait_s: float) -> None:
    context.meta[_WAIT] = wait_s


def _wait_s() -> float:
    """What ``--wait`` says; a shell that completes waits for nobody."""
    context = click.get_current_context(silent=True)
    wait_s: float = context.meta.get(_WAIT, 0.0) if context and not context.resilient_parsing else 0.0
    return wait_s


def scheduler_option(what: str) -> Callable[[F], F]:
    """The ``--scheduler`` option."""
    return click.option(
        "--scheduler",
        envvar="TRACEQL_SCHEDULER",
        show_envvar=True,
        metavar="ADDRESS|local[:N]",
        help=f"Let several processes {what}: N of this machine, or the workers of a Dask scheduler.",
    )


def tags_option(meaning: str, offer: Completer | None = None) -> Callable[[F], F]:
    """The ``--tag`` option.

    Args:
        meaning: what it does.
        offer: what shells are offered for its value.
    """
    return click.option(
        "--tag",
        "tags",
        multiple=True,
        callback=parse_tags,
        shell_complete=offer,
        metavar="NAME=VALUE",
        help=f"{meaning}; repeatable.",
    )


def parameters_option(of: str) -> Callable[[F], F]:
    """The ``--param`` option of commands that ask several questions."""
    return click.option(
        "--param",
        "parameters",
        multiple=True,
        callback=parse_parameters,
        metavar="NAME=VALUE",
        help=f"A parameter for {of} that has it; repeatable.",
    )


def quiet_option() -> Callable[[F], F]:
    """The ``--quiet`` option."""
    return click.option("-q", "--quiet", is_flag=True, help="Say nothing about what went well.")


def catalog(context: click.Context | None = None) -> Catalog:
    """What can be asked: what comes with traceql, and the folders of ``--queries``.

    Args:
        context: of the command; by default the current one, of which there is none while a shell completes.
    """
    from traceql.questions import catalog as catalogs

    try:
        return catalogs.load(own_folders(context))
    except CatalogError:
        if context is not None and context.resilient_parsing:
            # Completion says nothing; the command will say what is wrong.
            return catalogs.shipped()
        raise


def own_folders(context: click.Context | None = None) -> tuple[str, ...]:
    """The folders of ``--queries``; an empty name between two separators is none."""
    context = context or click.get_current_context(silent=True)
    given: tuple[str, ...] = context.find_root().params.get("queries") or () if context else ()
    return tuple(folder for folder in given if folder)


def is_there(path: str) -> bool:
    """Whether ``--db`` names something that can be asked; of an object store only asking tells."""
    from traceql.store.lake.place import is_address

    return is_address(path) or Path(path).exists()


def lake_option() -> Callable[[F], F]:
    """The ``--lake`` option."""
    return click.option(
        "--lake",
        is_flag=True,
        help="Make the database a lake, a folder of Parquet files: as a --db that ends in / or is a folder.",
    )


def before_arrow() -> Callable[[], None] | None:
    """What is done before pyarrow is needed, in whatever thread that is.

    Where other commands come after this one in the process, numpy has to be there: pyarrow would not find it
    later.
    """
    if (command := _alone()) is None:
        return None
    return _import_pyarrow if command in _WITHOUT_ARRAYS else _import_without_pandas


def _alone() -> str | None:
    """The command with which the process ends; None if it goes on, or there is none."""
    context = click.get_current_context(silent=True)
    root = context and context.find_root()
    return root.invoked_subcommand if root is not None and root.obj is ALONE else None


def import_pyarrow() -> None:
    """Import it as the command does best."""
    if (imported := before_arrow()) is not None:
        imported()


def _import_pyarrow() -> None:
    """Import it without numpy, which takes twice as long, for a command that needs none."""
    if "pyarrow" in sys.modules or "numpy" in sys.modules:
        return
    sys.modules["numpy"] = cast("Any", None)
    try:
        importlib.import_module("pyarrow")
    finally:
        del sys.modules["numpy"]


class _NoPandas:
    """In front of all that finds modules, it finds that pandas is not installed."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def _import_without_pandas() -> None:
    """Import it, and let it look for pandas, as it does with its first array, where it finds none.

    Nothing here gives it frames of pandas, whose import takes longer than all else.
    """
    import pyarrow as pa

    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(_NoPandas)


def _leave_open() -> None:
    if _alone() in _TELLING:
        from traceql.store import sharing

        sharing.stay_open()


def database(path: str, *, allow_files: bool = False, lake: bool = False) -> Database:
    """The database of ``--db``, with the user's own questions."""
    from traceql.database import Database

    _leave_open()
    return Database(
        path,
        allow_files=allow_files,
        queries=own_folders(),
        wait_s=_wait_s(),
        lake=lake,
        tell=note,
        before_arrow=before_arrow(),
    )


@contextmanager
def store(path: str, *, allow_files: bool = False, lake: bool = False) -> Iterator[Store]:
    """The store of ``--db``, for Arrow tables and for changes."""
    # Not through Database, which brings all that asks along.
    from traceql.store import choice
    from traceql.store.definitions import Definitions

    _leave_open()
    opened = choice.store(
        path,
        allow_files=allow_files,
        definitions=Definitions(catalog()),
        lake=lake,
        wait_s=_wait_s(),
        tell=note,
        before_arrow=before_arrow(),
    )
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def asker(path: str) -> Iterator[Asker]:
    """Who asks the questions of ``--db``."""
    with database(path) as opened:
        yield opened._asker


def say(text: str, head: str = "", margin: str = "  ") -> None:
    """Say something on standard error: in lines as wide as the terminal, in one where there is none.

    Args:
        text: in words.
        head: what stands before it.
        margin: before its further lines.
    """
    whole = f"{head} {readable(text)}" if head else readable(text)
    # A command is copied: it stays one line. And so does what another program reads.
    lines = [whole]
    if sys.stderr.isatty() and not text.startswith(_COMMANDS):
        import textwrap

        lines = textwrap.wrap(
            click.unstyle(whole),
            max(_NARROWEST, shutil.get_terminal_size().columns),
            subsequent_indent=margin,
            break_long_words=False,
            break_on_hyphens=False,
        )
        if head and lines:
            lines[0] = head + lines[0].removeprefix(click.unstyle(head))
    for line in lines:
        click.echo(line, err=True, color=False if os.environ.get("NO_COLOR") else None)


def note(text: str) -> None:
    """Say something beside the data."""
    say(text, click.style("note:", fg="yellow"))


def complain(error: TraceqlError) -> None:
    """Print an error and what to do about it; what failed for a signal did not fail for itself."""
    if interrupts.came():
        raise interrupts.ending() from error
    # Messages quote names, of reports and as given. Only DuckDB's remarks on a statement have lines.
    told_by_duckdb = isinstance(error, QueryError | CatalogError)
    said = _LONG.sub(lambda match: cut(match[0], _LONGEST), error.message)
    lines = said.split("\n") if told_by_duckdb else [said]
    if told_by_duckdb and len(lines) > 1:
        # It points at a place of the statement.
        message = "\n".join(readable(line) for line in lines)
        click.echo(f"{_ERROR} {message}", err=True, color=False if os.environ.get("NO_COLOR") else None)
    else:
        say(lines[0], _ERROR)
    if error.remedy:
        say(error.remedy, margin="")


def parse_tags(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Callback of options that take ``name=value``, such as ``--tag``."""
    tags = {}
    for value in values:
        name, equals, content = value.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter(f"{value!r}. Write name=value.")
        tags[name] = content
    return tags


def parse_parameters(
    context: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """Callback of ``--param``: every NAME with its VALUEs, for a list takes several, and so does a map."""
    texts: dict[str, tuple[str, ...]] = {}
    for one in values:
        for name, text in parse_tags(context, param, (one,)).items():
            name = name.replace("-", "_")
            texts[name] = (*texts.get(name, ()), text)
    return texts


class Size(click.ParamType):  # type: ignore[type-arg]
    """A size in bytes, written as 8GB or 512MB."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number of bytes."""
        from traceql.read.limits import bytes_of

        try:
            return bytes_of(value) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)
