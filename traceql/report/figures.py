"""Figures of a page: a query's answer as chart and table, with the command and the SQL that ask again."""

from __future__ import annotations

import math
import shlex
import warnings
from datetime import datetime
from typing import TYPE_CHECKING, Any

from traceql.draw import charts
from traceql.errors import MissingDataWarning, QueryError
from traceql.present import units
from traceql.questions import catalog
from traceql.report.page import Cell, Column, Figure, Note, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from traceql.database import Database

_MOST_TABLE_ROWS = 200


def figure(
    database: Database,
    name: str,
    params: Mapping[str, catalog.Value],
    *,
    anchor: str = "",
    table: bool = True,
    expanded: bool = False,
) -> Figure:
    """The answer of a query, drawn if it has a chart.

    Raises:
        QueryError: it cannot be answered.
        MissingDataError: no trace holds what it reads.
    """
    query = catalog.find(name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", MissingDataWarning)
        answer = database.query(query.name, **params)
        chart, about, remarks = _drawn(database, query, answer, params)
    # Queries beside the first lack the same as it does.
    notes = [Note(text) for text in dict.fromkeys(str(warning.message) for warning in caught)] + remarks
    return Figure(
        anchor=anchor or query.name,
        title=query.title,
        about=about,
        chart=chart,
        table=rows(query, answer) if table and answer.height else None,
        open=expanded,
        command=command(query, params),
        sql=statement(query, params),
        notes=tuple(notes),
    )


def _drawn(
    database: Database, query: catalog.Query, answer: pl.DataFrame, params: Mapping[str, catalog.Value]
) -> tuple[dict[str, Any] | None, str, list[Note]]:
    """The chart, what its subtitle says beside the trace, and why there is none."""
    if not query.pictures or answer.height == 0:
        return None, "", []
    try:
        chart: dict[str, Any] = charts.themed(charts.picture(query, answer, database.query)).to_dict()
    except QueryError as error:
        return None, "", [Note(f"Not drawn: {error.message}. {error.remedy}".strip())]
    lines = [line for line in chart["title"].get("subtitle", ()) if line != params.get("trace")]
    return chart, ", ".join(lines), []


def command(query: catalog.Query, params: Mapping[str, catalog.Value]) -> str:
    """The command that asks again."""
    words = ["traceql", "query", query.name.replace("_", "-")]
    for name, value in params.items():
        for text in _texts_of(value):
            words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)


def _texts_of(value: catalog.Value) -> list[str]:
    """A value as the texts of an option; several of a repeatable one."""
    if isinstance(value, dict):
        return [f"{key}={one}" for key, some in value.items() for one in _texts_of(some)]
    if isinstance(value, list):
        return value
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def statement(query: catalog.Query, params: Mapping[str, catalog.Value]) -> str:
    """The SQL, with the values of its parameters above it."""
    bound = query.bind(dict(params))
    values = "\n".join(f"-- ${name} = {_literal(value)}" for name, value in bound.items())
    return f"-- {query.title}\n{values}\n{query.sql}\n"


def _literal(value: catalog.Value) -> str:
    if value is None:
        return "NULL"
    # What stands in a comment cannot leave it.
    return repr(value) if isinstance(value, str | list | dict) else str(value).lower()


def rows(query: catalog.Query, answer: pl.DataFrame) -> Table:
    """The answer as a table, numbers in one unit per column.

    Left out are the trace where there is but one, and columns without any value, which are named below.
    """
    shown = answer.head(_MOST_TABLE_ROWS)
    columns = []
    cells = []
    empty = []
    for column in query.columns:
        values = shown[column.name].to_list()
        if column.name == "trace" and answer["trace"].n_unique() == 1:
            continue
        if shown[column.name].null_count() == shown.height:
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
            title, texts = _numbers(column.name, values)
        else:
            title, texts = units.title(column.name), _texts(values)
        columns.append(Column(title, column.meaning, number))
        cells.append(
            [
                Cell(text, float(value) if number else None) if text else Cell("–", missing=True)
                for text, value in zip(texts, values, strict=True)
            ]
        )
    left_out = answer.height - shown.height
    remarks = [f"{left_out:,} more rows: the query gives them all."] if left_out else []
    remarks += [f"Without any value: {', '.join(empty)}."] if empty else []
    return Table(tuple(columns), tuple(zip(*cells, strict=True)), " ".join(remarks))


def _measures(column: catalog.ResultColumn, answer: pl.DataFrame) -> list[str]:
    """What a number measures, row by row, where another column says it."""
    if column.type != "DOUBLE" or units.suffix(column.name):
        return []
    return [str(value) for value in answer["measure"].to_list()] if "measure" in answer.columns else []


def _numbers(column: str, values: list[Any]) -> tuple[str, list[str]]:
    """The title with the unit, and the numbers in it; an empty text for what is missing."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    if units.is_code(column):
        return units.title(column), ["" if v is None else str(v) for v in values]
    # The unit of the middle one: the largest may be a thousand times as large.
    sizes = sorted(abs(v) for v in known if v)
    divisor, unit = units.scale(column, sizes[len(sizes) // 2 : len(sizes) // 2 + 1])
    whole = divisor == 1 and all(float(v).is_integer() for v in known)
    middle = sizes[len(sizes) // 2] / divisor if sizes else 0
    places = 0 if whole or not middle else min(3, max(0, 2 - math.floor(math.log10(middle))))
    texts = []
    for value in values:
        if value is None or not math.isfinite(value):
            texts.append("")
            continue
        text = f"{value / divisor:,.{places}f}"
        # What would round to nothing keeps its size.
        texts.append(f"{value / divisor:.2g}" if value and not text.strip("-0.") else text)
    title = units.title(column)
    return (title if unit in ("count", "number", "") else f"{title} ({unit})"), texts


def _texts(values: list[Any]) -> list[str]:
    return ["" if v is None else _text(v) for v in values]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)
