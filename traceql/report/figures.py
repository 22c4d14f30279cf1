"""Figures of a page: a query's answer as chart and table, with the command and the SQL that ask again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from traceql.errors import QueryError
from traceql.present import columns as columns_shown
from traceql.present import units
from traceql.report import page
from traceql.report.page import Cell, Column, Figure, Note, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from traceql.ask.answer import Answer, Asker
    from traceql.questions.parameters import Value
    from traceql.questions.question import Query, ResultColumn
    from traceql.report.drawing import Begun, Drawer

_MOST_TABLE_ROWS = 200


def figure(
    ask: Asker,
    drawer: Drawer,
    name: str,
    params: Mapping[str, Value],
    *,
    anchor: str = "",
    table: bool = True,
    expanded: bool = False,
) -> Begun[Figure]:
    """The answer of a question, which is drawn if it has a chart.

    Raises:
        QueryError: it cannot be answered.
        MissingDataError: no trace holds what it reads.
    """
    answer = ask(name, **params)
    return drawer.begin(of_answer, answer, params, anchor=anchor, table=table, expanded=expanded)


def of_answer(
    answer: Answer,
    params: Mapping[str, Value],
    *,
    anchor: str = "",
    table: bool = True,
    expanded: bool = False,
) -> Figure:
    """An answer as a figure.

    Args:
        answer: to show.
        params: what was asked with, beside defaults.
        anchor: of the figure on its page.
        table: whether the numbers are there.
        expanded: whether they are shown without asking.
    """
    query = answer.question
    chart, about, remarks = _drawn(answer, params)
    specification = page.specification(chart) if chart is not None else ""
    return Figure(
        anchor=anchor or query.name,
        title=query.title,
        about=about,
        chart=specification,
        packed=page.packed(specification),
        table=_table(answer) if table and len(answer) else None,
        open=expanded,
        command=command(query, params),
        sql=statement(query, params),
        notes=(*(Note(note.text) for note in answer.notes), *remarks),
    )


def _table(answer: Answer) -> Table:
    with units.named(answer.question.titles):
        return rows(answer.question, answer.frame(), _limited(answer))


def _drawn(answer: Answer, params: Mapping[str, Value]) -> tuple[dict[str, Any] | None, str, list[Note]]:
    """The chart, what its subtitle says beside the trace, and why there is none."""
    if not answer.question.pictures or not len(answer):
        return None, "", []
    try:
        chart: dict[str, Any] = answer.drawing(bare=True).to_dict(validate=False)
    except QueryError as error:
        return None, "", [Note(f"Not drawn: {error.message}. {error.remedy}".strip())]
    # Of several traces each has a title of its own.
    lines = [line for line in chart.get("title", {}).get("subtitle", ()) if line != params.get("trace")]
    return chart, ", ".join(lines), []


def command(query: Query, params: Mapping[str, Value]) -> str:
    """The command that asks again."""
    words = ["traceql", "query", query.name.replace("_", "-")]
    for name, value in params.items():
        for text in _texts_of(value):
            words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)


def _texts_of(value: Value) -> list[str]:
    """A value as the texts of an option; several of a repeatable one."""
    if value is None:
        return ["NULL"]
    if isinstance(value, dict):
        return [f"{key}={one}" for key, some in value.items() for one in _texts_of(some)]
    if isinstance(value, list):
        return value
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def statement(query: Query, params: Mapping[str, Value]) -> str:
    """The SQL, with the values of its parameters above it."""
    bound, in_sql = query.bind(dict(params)), {param.name for param in query.in_sql}
    values = "\n".join(
        f"-- ${name} = {_literal(value)}"
        if name in in_sql
        else f"-- of tables narrowed to {name} {_literal(value)}"
        for name, value in bound.items()
        if name in in_sql or value is not None
    )
    return f"-- {query.title}\n{values}\n{query.sql}\n"


def _literal(value: Value) -> str:
    if value is None:
        return "NULL"
    # What stands in a comment cannot leave it.
    return repr(value) if isinstance(value, str | list | dict) else str(value).lower()


def _limited(answer: Answer) -> str:
    """That the question's limit leaves out rows, or may do so: pages do not count how many there are."""
    limit, shown = answer.parameters.get("limit"), len(answer)
    if shown < answer.total_rows:
        return f"{shown:,} of {answer.total_rows:,} rows: --limit gives more, --limit NULL all."
    if not isinstance(limit, int) or not answer.question.limits_rows:
        return ""
    frame = answer.frame()
    most = frame["trace"].value_counts()["count"].max() if "trace" in frame.columns else shown
    reached = isinstance(most, int) and most >= limit
    return f"No more than {limit:,} rows were asked for: --limit NULL gives all." if reached else ""


def rows(query: Query, answer: pl.DataFrame, limited: str = "") -> Table:
    """The answer as a table, numbers in one unit per column.

    Left out are the trace where there is but one, and columns without any value, which are named below; there
    stands also how the answer is `limited`.
    """
    shown = answer.head(_MOST_TABLE_ROWS)
    columns = []
    cells = []
    empty = []
    for column in query.columns:
        values = shown[column.name].to_list()
        if column.name == "trace" and answer["trace"].n_unique() == 1:
            continue
        if answer[column.name].null_count() == answer.height:
            empty.append(units.title(column.name))
            continue
        number = shown[column.name].dtype.is_numeric()
        if number and (measures := _measures(column, shown)):
            title = units.title(column.name)
            texts = [
                "" if value is None else units.text(measure, value)
                for measure, value in zip(measures, values, strict=True)
            ]
        elif number:
            title, texts = columns_shown.numbers(column.name, values)
        else:
            title, texts = units.title(column.name), columns_shown.texts(values)
        columns.append(Column(title, column.meaning, number))
        cells.append(
            [
                Cell(text, float(value) if number else None) if text else Cell("–", missing=True)
                for text, value in zip(texts, values, strict=True)
            ]
        )
    left_out = answer.height - shown.height
    remarks = [f"{left_out:,} more rows: the query gives them all."] if left_out else []
    remarks += [limited] if limited else []
    remarks += [f"Without any value: {', '.join(empty)}."] if empty else []
    return Table(tuple(columns), tuple(zip(*cells, strict=True)), " ".join(remarks))


def _measures(column: ResultColumn, answer: pl.DataFrame) -> list[str]:
    """What a number measures, row by row, where another column says it."""
    if column.type != "DOUBLE" or units.suffix(column.name):
        return []
    return [str(value) for value in answer["measure"].to_list()] if "measure" in answer.columns else []
