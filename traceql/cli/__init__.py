"""The command line: the only place that prints, and the only one that exits.

Commands import what they need when they run, so that ``traceql --help`` stays instant.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceql import __version__
from traceql.cli import common
from traceql.errors import ParameterError, TimeLimitError, TraceqlError, UnknownGpuError, UnknownQueryError
from traceql.nearest import did_you_mean
from traceql.present import values
from traceql.statuses import AT_FAULT, INTERRUPTED, MEANINGS, OK, TIMED_OUT, USAGE
from traceql.store import interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator

_EPILOG = """\b
Examples:
  traceql ingest run.ncu-rep run_export.sqlite
  traceql why run
  traceql query top-kernels
  traceql sql "SELECT name, count(*) FROM kernels GROUP BY name"

The database is ./traces.duckdb unless --db or TRACEQL_DB names another.
Shell completion: traceql completion --help

\b
Exit status:
"""
_EPILOG += "".join(f"  {status:<3}  {meaning}\n" for status, meaning in MEANINGS.items())


#: In the order in which help lists them: each in the module of its name.
_COMMANDS = (
    "ingest",
    "ls",
    "info",
    "tag",
    "baseline",
    "rename",
    "drop",
    "import-runs",
    "drop-runs",
    "compact",
    "export",
    "redact",
    "view",
    "schema",
    "why",
    "query",
    "kernel-card",
    "sql",
    "diff",
    "check",
    "chart",
    "report",
    "gpu",
    "predict",
    "collect",
    "ask",
    "mcp",
    "doctor",
    "completion",
)


# What the answer to a bug report hangs on.
_BENEATH = ("duckdb", "pyarrow", "polars", "numpy", "altair", "vl-convert-python", "click")


def _tell_versions(context: click.Context) -> None:
    import platform
    from importlib import metadata

    click.echo(f"traceql, version {__version__}")
    click.echo(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in _BENEATH:
        try:
            click.echo(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            click.echo(f"{name} is not installed")
    context.exit()


def _meant(context: click.Context, word: str) -> str:
    """What somebody may have wanted who took a word for a command."""
    # An empty word would be the folder in which one is.
    if word and Path(word).exists():
        import shlex

        return f"It is a file or folder: {shlex.join(['traceql', 'ingest', word])}"
    try:
        questions = common.catalog(context).queries
    except TraceqlError:
        # Whoever asks a question is told.
        questions = {}
    if word.replace("-", "_") in questions:
        return f"It is a question: traceql query {word}"
    return did_you_mean(word, _COMMANDS) or did_you_mean(
        word, questions, lambda name: f"query {name.replace('_', '-')}"
    )


def _status(error: TraceqlError) -> int:
    """How a command ends for an error."""
    if isinstance(error, TimeLimitError):
        return TIMED_OUT
    # Words that nothing means, whatever the database and the files are.
    is_usage = isinstance(error, ParameterError | UnknownQueryError | UnknownGpuError)
    return USAGE if is_usage else AT_FAULT


class _ReaderIsGoneError(Exception):
    """The reader of a pipe (head, less) has seen enough."""


@contextmanager
def _told_apart() -> Iterator[None]:
    """Keep a closed pipe from click, which ends with status 1 for it."""
    try:
        yield
    except BrokenPipeError as error:
        raise _ReaderIsGoneError from error


class _Commands(click.Group):
    """The commands, each imported when it is asked for: a short run is imports most of the time."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        unknown = args and not args[0].startswith("-") and args[0] not in _COMMANDS
        if unknown and not ctx.resilient_parsing:
            raise click.UsageError(f"No such command {args[0]!r}. {_meant(ctx, args[0])}".rstrip(), ctx)
        return super().resolve_command(ctx, args)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        with _told_apart():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _told_apart():
            found = super().invoke(ctx)
            sys.stdout.flush()
            return found

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f"traceql.cli.{name}"), name)
        return command


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _option, wanted: _tell_versions(context) if wanted else None,
    help="Show the version, and those of what it runs on.",
)
@click.option(
    "--queries",
    multiple=True,
    envvar="TRACEQL_QUERIES",
    show_envvar=True,
    # A path, for click splits the variable as PATH is split.
    type=click.Path(),
    metavar="FOLDER",
    help="A folder with questions, views and checks of your own; repeatable. Stands before the command.",
)
@click.option(
    "--timeout",
    type=common.Seconds(),
    envvar="TRACEQL_TIMEOUT",
    show_envvar=True,
    metavar="SECONDS",
    help="How long the questions of the command may take together; else it ends with status 124. "
    "Stands before the command.",
)
@click.pass_context
def cli(ctx: click.Context, queries: tuple[str, ...], timeout: float | None) -> None:  # noqa: ARG001
    """Ask SQL questions of NVIDIA Nsight Systems and Nsight Compute reports."""
    ctx.with_resource(interrupts.within(timeout))
    if ctx.invoked_subcommand is None:
        from traceql.cli import greeting

        for line in greeting.lines():
            click.echo(values.readable(line))


def main(*, alone: bool = False) -> None:
    """Run the command line.

    Exit status: see `traceql.statuses`.

    Args:
        alone: the process ends with this command.
    """
    # Exceptions, so that temporary files are removed on the way out.
    interrupts.install()
    for stream in (sys.stdout, sys.stderr):
        # Answers are UTF-8 wherever they go; so is what is said beside them, whatever the system's habit.
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(encoding="utf-8")
    if "_TRACEQL_COMPLETE" in os.environ:
        importlib.import_module("traceql.cli.completion").register()
    try:
        colour = False if os.environ.get("NO_COLOR") else None
        status = cli.main(
            prog_name="traceql", standalone_mode=False, color=colour, obj=common.ALONE if alone else None
        )
        sys.exit(status if isinstance(status, int) else OK)
    except click.ClickException as error:
        said = io.StringIO()
        error.show(said)
        click.echo(
            "\n".join(values.readable(line.expandtabs(4)) for line in said.getvalue().split("\n")),
            err=True,
            nl=False,
        )
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Interrupted.", err=True)
        sys.exit(INTERRUPTED)
    except TraceqlError as error:
        common.complain(error)
        sys.exit(_status(error))
    except (_ReaderIsGoneError, BrokenPipeError):
        # Python would complain when flushing at exit.
        sys.stdout = None
        sys.exit(OK)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            # Standard output, that is: files and databases have messages of their own.
            common.complain(TraceqlError("no room left for the answer", "Write it to another place with -o."))
            sys.stdout = None
        elif error.filename is not None:
            # A name that no file can have, a folder that may not be looked into.
            common.complain(TraceqlError(f"{error.filename}: {error.strerror}", "Check the path."))
        else:
            raise
        sys.exit(AT_FAULT)
