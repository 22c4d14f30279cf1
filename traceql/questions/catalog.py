"""The questions: every ``.sql`` file under queries/ is a query, and its header is the whole interface.

::

    -- How many kernels does each NVTX range launch?
    --
    -- @param  trace VARCHAR = NULL   only this trace
    -- @column range VARCHAR          NVTX message
    -- @columns rooflines kernels     here those of a view follow, from that one on
    -- @needs  kernels nvtx_ranges    tables (or views) without which there is no answer; a|b: one of them
    -- @metrics dram__bytes_read.sum  ncu metrics it reads; a|b: one of them
    -- @ncu    --set roofline         options that record these; by default --metrics with their names
    -- @empty  what to check when there is no row
    -- @chart  bars x=range y=kernels

The stem is the name (``range_launches``, on the command line ``range-launches``), the folder the topic.
Files in ``_views`` become views of the database. Needs no database.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from traceql.errors import QueryError, UnknownQueryError
from traceql.questions import folders, parameters
from traceql.tables import sqlfiles

if TYPE_CHECKING:
    from collections.abc import Mapping

_COLUMN = re.compile(r"(?P<name>\w+) (?P<type>\w+(?:\([^)]*\))?(?:\[\])?)\s+(?P<meaning>\S.*)")
_TAGS = ("param", "column", "columns", "needs", "metrics", "ncu", "empty", "chart")
_VIEWS_FOLDER = "_views"

Param = parameters.Param
Value = parameters.Value
TRACE_PARAMS = parameters.TRACE_PARAMS


@dataclass(frozen=True)
class ResultColumn:
    """A column of a query's answer."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Picture:
    """How the answer of a query is drawn, as its header says.

    Attributes:
        kind: of chart, see `traceql.draw.charts`.
        channels: role in the chart → column of the answer.
    """

    kind: str
    channels: Mapping[str, str]


@dataclass(frozen=True)
class Query:
    """One question.

    Attributes:
        name: with underscores, as in Python.
        topic: folder under queries/.
        title: the question in one line.
        body: what else the header says.
        params: in order.
        columns: exactly what the SQL returns.
        needs: tables without which there is no answer.
        metrics: ncu metrics without which the answer has gaps; see `metrics`.
        ncu: options that record them; empty for ``--metrics`` with their names.
        empty: what to tell when there is no row.
        pictures: how to draw the answer; the first is the query's chart.
        sql: the statement, with ``$name`` for parameters.
    """

    name: str
    topic: str
    title: str
    body: str
    params: tuple[Param, ...]
    columns: tuple[ResultColumn, ...]
    needs: tuple[str, ...]
    metrics: tuple[str, ...]
    ncu: str
    empty: str
    pictures: tuple[Picture, ...]
    sql: str

    def bind(self, values: dict[str, Value]) -> dict[str, Value]:
        """All parameters with their values: the given ones, defaults for the others.

        Raises:
            QueryError: an unknown or a missing parameter.
        """
        known = {p.name: p for p in self.params}
        for name in values:
            if name not in known:
                names = ", ".join(known) or "none"
                raise QueryError(f"query {self.name} has no parameter {name!r}", f"Parameters: {names}.")
        missing = [p.name for p in self.params if p.required and p.name not in values]
        if missing:
            raise QueryError(
                f"query {self.name} needs a value for {', '.join(missing)}",
                f"See: traceql query {self.name.replace('_', '-')} --help",
            )
        return {p.name: p.take(values.get(p.name, p.default)) for p in self.params}


@cache
def queries() -> dict[str, Query]:
    """Every query by name, sorted by topic and name."""
    found: dict[str, Query] = {}
    for folder in sorted(folders.shipped("queries").iterdir(), key=lambda f: f.name):
        if not folder.is_dir() or folder.name == _VIEWS_FOLDER:
            continue
        for file in sorted(folder.iterdir(), key=lambda f: f.name):
            if file.name.endswith(".sql"):
                query = parse(sqlfiles.load(file, f"queries/{folder.name}/{file.name}"), folder.name)
                if query.name in found:
                    raise ValueError(f"queries/{folder.name}/{file.name}: the name is taken")
                found[query.name] = query
    return found


@cache
def views() -> tuple[Query, ...]:
    """The shared views, in the order in which they can be created (by name)."""
    folder = folders.shipped("queries") / _VIEWS_FOLDER
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return tuple(parse(sqlfiles.load(f, f"queries/{_VIEWS_FOLDER}/{f.name}"), _VIEWS_FOLDER) for f in files)


def needs(query: Query) -> list[tuple[str, ...]]:
    """What a query cannot do without: tables, or tuples of tables of which one is enough.

    A view in ``@needs`` stands for what it needs itself.
    """
    known = {view.name: view for view in views()}
    found: list[tuple[str, ...]] = []
    for word in query.needs:
        found += needs(known[word]) if word in known else [tuple(word.split("|"))]
    return found


def metrics(query: Query) -> dict[tuple[str, ...], str]:
    """Metrics without which the answer has gaps (of several, one is enough) → `Query.ncu`.

    Those of a view in ``@needs`` count, too.
    """
    found = {tuple(word.split("|")): query.ncu for word in query.metrics}
    for view in views():
        if view.name in query.needs:
            found |= metrics(view)
    return found


def find(name: str) -> Query:
    """The query of that name; hyphens count as underscores.

    Raises:
        UnknownQueryError: there is none.
    """
    wanted = name.replace("-", "_")
    known = queries()
    if wanted not in known:
        close = difflib.get_close_matches(wanted, known, n=3)
        remedy = f"Did you mean {' or '.join(close)}? " if close else ""
        raise UnknownQueryError(f"no query is called {name!r}", f"{remedy}All of them: traceql query --list")
    return known[wanted]


def parse(file: sqlfiles.SqlFile, topic: str) -> Query:
    """Make a query of a parsed file.

    Raises:
        ValueError: a header line is malformed; the message gives file and line.
    """
    params = []
    columns = []
    pictures = []
    for tag in file.tags:
        where = f"{file.label}:{tag.line}"
        if tag.name not in _TAGS:
            raise ValueError(f"{where}: unknown tag @{tag.name}")
        if tag.name == "param":
            params.append(parameters.declared(tag.text, where))
        elif tag.name == "column":
            match = _COLUMN.fullmatch(tag.text)
            if match is None:
                raise ValueError(f"{where}: expected '@column name TYPE meaning'")
            columns.append(ResultColumn(**match.groupdict()))
        elif tag.name == "chart":
            pictures.append(_picture(tag.text, where))
        elif tag.name == "columns":
            columns += _columns_of_view(tag.text, where)
    return Query(
        name=file.stem,
        topic=topic,
        title=file.title,
        body=file.body,
        params=tuple(params),
        columns=tuple(columns),
        needs=_words(file, "needs"),
        metrics=_words(file, "metrics"),
        ncu=" ".join(file.texts("ncu")),
        empty=" ".join(file.texts("empty")),
        pictures=tuple(pictures),
        sql=file.sql,
    )


def _columns_of_view(text: str, where: str) -> list[ResultColumn]:
    name, _, first = text.partition(" ")
    columns = next((view.columns for view in views() if view.name == name), ())
    position = next((i for i, column in enumerate(columns) if column.name == first), None)
    if position is None:
        raise ValueError(f"{where}: expected '@columns view column', a column of that view")
    return list(columns[position:])


def _words(file: sqlfiles.SqlFile, tag: str) -> tuple[str, ...]:
    # Alternatives that did not fit into a line go on behind their |.
    return tuple(word for text in file.texts(tag) for word in text.replace("| ", "|").split())


def _picture(text: str, where: str) -> Picture:
    kind, *words = text.split()
    pairs = [word.partition("=") for word in words]
    if not all(channel and column for channel, _, column in pairs):
        raise ValueError(f"{where}: expected '@chart kind channel=column …'")
    return Picture(kind, MappingProxyType({channel: column for channel, _, column in pairs}))
