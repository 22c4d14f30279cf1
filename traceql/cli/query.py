"""The command query: a subcommand for each question, built from its header."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from traceql.cli import offers
from traceql.cli.arranged import (
    first_rows,
    limit_option,
    or_null,
    say_cut,
    sort_column,
    sort_option,
    sorted_rows,
)
from traceql.cli.common import (
    F,
    catalog,
    database,
    db_option,
    is_there,
    note,
    scheduler_option,
)
from traceql.cli.output import IN_PARTS, form_of, output_options, text_table, write
from traceql.cli.sides import database_for
from traceql.present.values import counted, in_python
from traceql.questions import nvidia
from traceql.questions.parameters import PLACES, TRACE_PARAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from traceql.questions.parameters import Param, Value
    from traceql.questions.question import Query


# A shorter time than this, in nanoseconds, is hardly a place in a trace.
_SHORT_NS = 1_000_000


class _Queries(click.Group):
    """One subcommand per question of the catalogue, built from its header."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name.replace("_", "-") for name in catalog(ctx).queries]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = catalog(ctx).find(cmd_name, lambda name: name.replace("_", "-"))
        command = click.Command(
            cmd_name.replace("_", "-"),
            callback=_answer_query(found),
            help=_help(found),
            short_help=found.title,
        )
        for param in found.params:
            command.params.append(option(param))
        command.params.extend(traces_argument(command.params))
        if found.name in nvidia.HEADERS:
            command.params.append(_HEADERS)
        assert command.callback is not None
        columns = partial(_columns, found)
        formed = output_options(command.callback, columns=columns)
        decorated = db_option()(scheduler_option("answer")(formed))
        if not _has_limit(found):
            decorated = limit_option()(decorated)
        command.callback = decorated = sort_option(columns)(decorated)
        command.params.extend(reversed(decorated.__click_params__))  # type: ignore[attr-defined]
        return command


@click.group(cls=_Queries, invoke_without_command=True, subcommand_metavar="NAME [OPTIONS]")
@click.option(
    "--list", "list_", is_flag=True, help="List the questions by topic, and what the database lacks for them."
)
@db_option()
@partial(output_options, columns=lambda options: _listed(options["db"]) if options.get("list_") else ())
@click.pass_context
def query(ctx: click.Context, list_: bool, db: str, format_: str | None, output: str | None) -> None:
    """Answer a question of the catalogue.

    Names of traces, ranges, kernels and metrics are taken as they are, unless they hold * for any characters
    or ? for one. Traces can stand behind the name of the question, as tags (gpu=h200) and report files, too:
    these are read into the user's cache folder, unless the database has a trace of that name (then ./NAME is
    the file). --from and --to take what runs for some of that time,
    --within what belongs to NVTX ranges of a name.

    \b
    Examples:
      traceql query --list
      traceql query --list --format json
      traceql query top-kernels --limit 5
      traceql query top-kernels run.nsys-rep
      traceql query range-launches --range 'decode*'
      traceql query top-kernels --trace run --trace 'old*' --from 1.5s --to 1.7s
      traceql query top-kernels --trace gpu=h200 --within 'execute_context_*#3'
      traceql query metric --metric dram__bytes_write.sum --format csv
    """
    if list_:
        rows = _list(db)
        write(rows, format_, output, brief=_in_brief(rows), one_line=True, groups="topic")
        return
    misplaced = [
        option
        for option, name in (("--db", "db"), ("--format", "format_"), ("--output", "output"))
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if ctx.invoked_subcommand and misplaced:
        raise click.UsageError(f"Put {misplaced[0]} after the name of the query.")
    if ctx.invoked_subcommand is None:
        raise click.UsageError("Name a query; traceql query --list shows them.")


def _listed(db: str) -> tuple[str, ...]:
    """The columns of the catalogue."""
    return ("topic", "query", "question", *(["missing"] if is_there(db) else []))


def _list(db: str) -> Any:
    """The catalogue, with what is missing where a database is there to tell."""
    names = _listed(db)
    found = catalog().queries
    rows = [(q.topic, name.replace("_", "-"), q.title) for name, q in found.items()]
    if not is_there(db):
        return text_table(names, rows)
    with database(db) as opened:
        lacking = opened.unanswerable()
    return text_table(
        names,
        [(*row, lacking.get(name, "")) for row, name in zip(rows, found, strict=True)],
    )


def _in_brief(rows: Any) -> Any:
    """The catalogue in one line per question: of what is missing, that it is."""
    if "missing" not in rows.column_names:
        return rows
    listed = rows.to_pylist()
    lacking = sum(bool(row["missing"]) for row in listed)
    if lacking:
        note(f"{counted(lacking, 'questions')} marked - lack data, or some: --vertical says what is missing.")
    return text_table(
        ("topic", "query", "question"),
        [
            (row["topic"], f"{row['query']}{' -' if row['missing'] else ''}", row["question"])
            for row in listed
        ],
    )


def _has_limit(found: Query) -> bool:
    return any(param.name == "limit" for param in found.params)


def _columns(found: Query, options: Mapping[str, Any]) -> list[str]:
    """The columns of the answer; none where NVIDIA's tool has others."""
    return [] if options.get("headers") == "nvidia" else [column.name for column in found.columns]


def _of_each(found: Query, table: Any) -> str:
    """Of what the question's limit is, where that is several traces; of none of its own nothing."""
    if not _has_limit(found):
        return ""
    (limit,) = [param for param in found.params if param.name == "limit"]
    several = "trace" in table.column_names and len(set(in_python(table["trace"]))) > 1
    return "trace" if several and re.search(r"(per|each) trace\b", limit.meaning) else ""


def _answer_query(found: Query) -> Any:
    def callback(
        db: str,
        format_: str | None,
        output: str | None,
        scheduler: str | None,
        sort: str | None,
        headers: str = "traceql",
        traces: tuple[str, ...] = (),
        **params: Any,
    ) -> None:
        if headers == "nvidia" and scheduler is not None:
            raise click.UsageError("--headers nvidia is asked in one place: leave out --scheduler.")
        if sort is not None and (names := _columns(found, {"headers": headers})):
            sort_column(sort, names)
        limit = None
        if not _has_limit(found):
            limit = params.pop("limit")
        elif sort is not None:
            # Rows are sorted before they are left out, and the limit of the question knows another order.
            said = click.get_current_context().get_parameter_source("limit") is ParameterSource.COMMANDLINE
            limit, params["limit"] = (params["limit"] if said else None), None
        with database_for(db, with_traces(params, traces)) as (opened, params):
            is_whole = sort is None and limit is None and scheduler is None and headers != "nvidia"
            if is_whole and form_of(format_, output) in IN_PARTS:
                with opened._asker.events(found.name, given(found.params, params)) as events:
                    if events is not None:
                        for one in events[1]:
                            note(one.text)
                        write(events[0], format_, output)
                        return
            if headers == "nvidia":
                from traceql.ask import nsys_stats

                table, notes = nsys_stats.asked(opened._asker, found, given(found.params, params))
                total = table.num_rows
            else:
                asked = given(found.params, params)
                if scheduler is None:
                    answer = opened._asker.answer(
                        found.name,
                        asked,
                        plain=form_of(format_, output) != "parquet",
                        # Rows are sorted before they are left out.
                        first=limit if sort is None else None,
                    )
                else:
                    answer = opened.ask(found.name, scheduler=scheduler, **asked)
                table, notes, total = answer.table, answer.notes, answer.total_rows
            for one in notes:
                note(one.text)
            if table.num_rows < total:
                say_cut(table.num_rows, total, _of_each(found, table))
            if sort is not None:
                table = sorted_rows(table, sort)
            write(first_rows(table, limit), format_, output)

    return callback


_HEADERS = click.Option(
    ["--headers"],
    type=click.Choice(["traceql", "nvidia"]),
    default="traceql",
    show_default=True,
    help="Names and units of columns; nvidia: those of nsys stats --format csv.",
)


class OrNull(click.ParamType):  # type: ignore[type-arg]
    """A value of one type, or NULL, as in headers and in ``--param``."""

    def __init__(self, of: type) -> None:
        self._of = click.types.convert_type(of)
        self.name = self._of.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """None for NULL; anything else as click has it."""
        if isinstance(value, str) and value.upper() == "NULL":
            return None
        with or_null():
            return self._of.convert(value, param, ctx)


def option(param: Param) -> click.Option:
    """The command's option for a parameter of a query; `given` takes what click makes of it."""
    # A required one has no default, not even None: newer versions of click take that for a value.
    several = [param.default] if param.takes_tag else param.default
    more = ", or a report file" if param.name in TRACE_PARAMS else ""
    more += "; repeatable" if param.repeatable else ""
    default: dict[str, Any] = {} if param.required else {"default": several}
    return click.Option(
        [f"--{param.name.replace('_', '-')}", param.name],
        type=OrNull(param.value_type),
        metavar=_metavar(param),
        callback=_say_unit if param.is_time else None,
        required=param.required,
        multiple=param.repeatable,
        **default,
        show_default=param.default is not None,
        help=f"{param.meaning}{more}.",
        shell_complete=offers.of_words(param) if param.words else offers.OF_PARAMETER.get(param.name),
    )


def _metavar(param: Param) -> str | None:
    if param.words:
        tag = ["tag:NAME"] if param.takes_tag else []
        return f"[{'|'.join([*param.words, *tag])}]"
    return "A=B" if param.is_map else "TIME" if param.is_time else None


def _say_unit(context: click.Context, param: click.Parameter, value: Any) -> Any:
    """Say what a time without a unit is: short ones are meant otherwise more often than not."""
    said = isinstance(value, str) and context.get_parameter_source(str(param.name))
    if said is ParameterSource.COMMANDLINE and not context.resilient_parsing:
        bare = value.strip().replace("_", "")
        # Python makes no number of thousands of digits.
        if bare.isdecimal() and 0 < len(bare.lstrip("0")) < len(str(_SHORT_NS)):
            units = f"{value}us, {value}ms or {value}s"
            note(f"{param.opts[0]} {value} is {int(bare):,} ns: with a unit it is {units}.")
    return value


def traces_argument(params: Iterable[click.Parameter]) -> list[click.Parameter]:
    """Where a question has ``--trace``, traces can also stand behind its name."""
    if any(param.name == "trace" and param.multiple for param in params if isinstance(param, click.Option)):
        return [click.Argument(["traces"], nargs=-1, metavar="[TRACE…]", shell_complete=offers.trace)]
    return []


def with_traces(params: Mapping[str, Any], traces: tuple[str, ...]) -> dict[str, Any]:
    """The values of all parameters, with the traces that stand behind the name of the question."""
    return {**params, "trace": (*(params.get("trace") or ()), *traces)} if traces else dict(params)


def place_options(function: F) -> F:
    """Add ``--from``, ``--to`` and ``--within`` to a command that is no question."""
    for param in reversed(PLACES["window"]):
        function.__dict__.setdefault("__click_params__", []).append(option(param))
    return function


def given(params: Iterable[Param], values: Mapping[str, Any]) -> dict[str, Value]:
    """What click has made of the options, as the query takes it.

    Raises:
        QueryError: a text stands for no value of its parameter.
    """
    known = {param.name: param for param in params}
    # click gives the texts of a repeatable option as a tuple, an empty one for none.
    return {
        name: (known[name].parse(*value) if value else None) if isinstance(value, tuple) else value
        for name, value in values.items()
    }


def _help(found: Query) -> str:
    width = max(len(c.name) for c in found.columns)
    columns = "\n".join(f"  {c.name:<{width}}  {c.meaning}" for c in found.columns)
    body = f"\n\n{found.body}" if found.body else ""
    return f"{found.title}{body}\n\n\b\nColumns:\n{columns}"
