"""What a shell is offered in place of a value: names of traces, tags, ranges, metrics, GPUs and more.

Where a database is asked and cannot be, nothing is offered: the command will say what is wrong.
"""

from __future__ import annotations

import os
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from click.shell_completion import CompletionItem

from traceql.cli.common import DEFAULT_DB, catalog, database
from traceql.errors import TraceqlError
from traceql.questions.parameters import TRACE_PARAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import click

    from traceql.questions.parameters import Param

    Completer: TypeAlias = "Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]"

_TRACES = "SELECT trace FROM traces ORDER BY trace"
_EACH_TAG = "SELECT unnest(map_entries(tags)) AS tag FROM traces"
_TAGS = f"SELECT DISTINCT tag.key || '=' || tag.value AS word FROM ({_EACH_TAG}) ORDER BY word"
_TAG_NAMES = f"SELECT DISTINCT tag.key AS name FROM ({_EACH_TAG}) ORDER BY name"


def offered(names: Iterable[str], incomplete: str) -> list[str]:
    """The names that a word may become; none that a command would take for an option."""
    return [name for name in names if name.startswith(incomplete) and not name.startswith("-")]


def trace(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Names of traces and their tags; files, where none begins so: a report does, too."""
    found = _of_database(ctx, [_TRACES, _TAGS], incomplete)
    if found or incomplete.startswith("-"):
        return found
    return [CompletionItem(incomplete, type="file")]


def stored_trace(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The same, where only traces of the database will do."""
    return _of_database(ctx, [_TRACES, _TAGS], incomplete)


def from_sql(statement: str) -> Completer:
    """What the first column of an answer of the database holds."""

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        return _of_database(ctx, [statement], incomplete)

    return complete


tag = from_sql(_TAGS)
tag_name = from_sql(_TAG_NAMES)
job = from_sql("SELECT DISTINCT job FROM jobs ORDER BY job")
sweep = from_sql("SELECT DISTINCT sweep FROM runs ORDER BY sweep")


def measured(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Sweeps of the database, then files."""
    return [*sweep(ctx, param, incomplete), CompletionItem(incomplete, type="file")]


def named(param: str) -> Completer:
    """Names that a parameter of questions takes, as `traceql.ask.nothing` knows them."""

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from traceql.ask.nothing import NAMES

        _, names = NAMES[param]
        statement = f"SELECT DISTINCT name FROM ({names}) WHERE name IS NOT NULL ORDER BY name"
        return _of_database(ctx, [statement], incomplete)

    return complete


def of_words(param: Param) -> Completer:
    """The words that a parameter of a question takes."""

    def complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        return [CompletionItem(word) for word in offered(param.words, incomplete)]

    return complete


#: Parameter of questions → what is offered for its value.
OF_PARAMETER: Mapping[str, Completer] = MappingProxyType(
    {
        **dict.fromkeys(TRACE_PARAMS, trace),
        **{param: named(param) for param in ("kernel", "path", "rule", "range", "step", "metric", "x", "y")},
        "within": named("range"),
        "by": tag_name,
        "job": job,
        "sweep": sweep,
    }
)


def table(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Names of tables and views."""
    from traceql.tables import schema

    names = [*schema.BY_NAME, *catalog(ctx).views, *schema.SHIPPED]
    return [CompletionItem(name) for name in offered(names, incomplete)]


# Where a name begins that is being typed; and the names that stand before it.
_BEING_TYPED = re.compile(r"[A-Za-z_]\w*$")
_AFTER_FROM = re.compile(r"\b(?:from|join)\s+\w*$", re.IGNORECASE)


def in_sql(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The statement with the name at its end: of a table behind FROM and JOIN, else of a column, too."""
    from traceql.tables import schema

    known: dict[str, Any] = {**schema.BY_NAME, **catalog(ctx).views, **schema.SHIPPED}
    begun = _BEING_TYPED.search(incomplete)
    word = begun[0] if begun else ""
    before = incomplete[: len(incomplete) - len(word)]
    of_tables = bool(_AFTER_FROM.search(incomplete))
    if not (word or of_tables) or not before.strip():
        return []
    names = dict.fromkeys(known)
    if not of_tables:
        mentioned = [known[name] for name in re.findall(r"\w+", incomplete) if name in known]
        columns = [column.name for table in mentioned or known.values() for column in table.columns]
        names = {**dict.fromkeys(columns), **names}
    return [CompletionItem(f"{before}{name}") for name in names if name.startswith(word)]


def gpu(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Names of GPUs, as one writes them."""
    from traceql.predict import hardware

    names = sorted({name for one in hardware.gpus() for name in (one.name, *one.short_names)})
    lowered = incomplete.lower()
    return [CompletionItem(name) for name in names if name.lower().startswith(lowered)]


def checks(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Names of the catalogue's files of checks, then those of the folder."""
    names = [CompletionItem(name) for name in offered(catalog(ctx).checks, incomplete)]
    return [*names, CompletionItem(incomplete, type="file")]


def side(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """What is compared: traces, runs, files."""
    runs = from_sql("SELECT DISTINCT name FROM named_runs ORDER BY name")
    found = [*stored_trace(ctx, param, incomplete), *runs(ctx, param, incomplete)]
    return [*found, CompletionItem(incomplete, type="file")]


def _of_database(ctx: click.Context, statements: Iterable[str], incomplete: str) -> list[CompletionItem[str]]:
    path = ctx.params.get("db") or os.environ.get("TRACEQL_DB") or DEFAULT_DB
    names: dict[str, None] = {}
    try:
        with database(path) as opened:
            for statement in statements:
                names.update(dict.fromkeys(map(str, opened.sql(statement).to_series().to_list())))
    except TraceqlError:
        return []
    return [CompletionItem(name) for name in offered(names, incomplete)]
