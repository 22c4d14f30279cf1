"""The datum in the middle: a question, its parameters, the rows, and what is to be said about them.

The command line, charts, comparisons, checks, the page and notebooks are all given this.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from traceql import arguments
from traceql.ask import gaps, nothing, numbered, place
from traceql.ask.ahead import Ahead
from traceql.ask.gaps import Note
from traceql.ask.place import Place
from traceql.errors import CatalogError, QueryError, TraceqlError
from traceql.present import formats, values
from traceql.questions import catalog
from traceql.rows import Batches, Rows
from traceql.store.sharing import Keep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    import polars as pl
    import pyarrow as pa

    from traceql.questions.catalog import Catalog
    from traceql.questions.parameters import Value
    from traceql.questions.question import Query
    from traceql.store.connection import Store

# More than any answer has, for questions of one's own: comparisons with NULL hold for no row.
_NO_LIMIT = 2**62
# Rows of each trace that are asked for at once where fewer are shown: mostly these are all that there are.
_AT_ONCE = 1_000
# Nothing is given, and nothing narrowed.
_NOWHERE = Place({})


@dataclass(frozen=True, repr=False)
class Answer:
    """The answer to a question of the catalogue.

    Attributes:
        question: what was asked.
        parameters: all of them, with their values.
        table: the rows, with exactly the columns that the question declares; `traceql.rows.Rows` for whoever
            only shows them, see `Asker.answer`.
        notes: what to know about them, each with a code.
        total_rows: how many there are without the question's limit.
    """

    question: Query
    parameters: Mapping[str, Value]
    table: pa.Table
    notes: tuple[Note, ...]
    total_rows: int
    _draw: Callable[[Answer, bool], Any] = field(compare=False)

    def frame(self) -> pl.DataFrame:
        """The rows as a polars frame."""
        import polars as pl

        return pl.DataFrame(pl.from_arrow(self.table))

    def to_pandas(self) -> Any:
        """The rows as a pandas frame in Arrow's types, in which NULL is no number and integers are exact.

        Raises:
            TraceqlError: pandas is not installed.
        """
        try:
            return self.frame().to_pandas(use_pyarrow_extension_array=True)
        except ImportError as error:
            raise TraceqlError(
                "pandas is not installed",
                "pip install pandas; without it: frame() is a polars frame, and table is Arrow's.",
            ) from error

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The rows for whatever reads Arrow: ``pl.DataFrame(answer)``, ``pyarrow.table(answer)``."""
        return self.table.__arrow_c_stream__(requested_schema)

    def chart(self) -> Any:
        """The rows as the question's chart: an Altair chart, which notebooks show as it is.

        Raises:
            UnknownQueryError: the question has none.
            QueryError: there is nothing to draw, or too much for one picture.
        """
        with values.in_scripts():
            return self.drawing()

    @arguments.as_declared
    def drawing(self, *, bare: bool = False) -> Any:
        """The same for whoever escapes its texts himself, as pages do.

        Args:
            bare: without theme, for whoever has one, and as quickly as can be.
        """
        return self._draw(self, bare)

    def to_json(self) -> str:
        """All of it as JSON text: question, parameters, notes, total_rows, rows."""
        content = {
            "question": self.question.name,
            "parameters": dict(self.parameters),
            "notes": [{"code": note.code, "text": note.text} for note in self.notes],
            "total_rows": self.total_rows,
        }
        head = json.dumps(content, ensure_ascii=False, default=str)
        rows = ",\n".join(formats.json_rows(self.table))
        return f'{head[:-1]}, "rows": [{rows}]}}'

    def __len__(self) -> int:
        """How many rows there are here."""
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        """The question and the size of the answer."""
        return f"<Answer {self.question.name}: {len(self):,} of {self.total_rows:,} rows>"

    def _repr_html_(self) -> str:
        notes = [note.text for note in self.notes]
        return formats.html(self.table, self.question.title, notes, self.total_rows)


class Asker:
    """Asks the questions of a catalogue of one database: handed to all that asks.

    Args:
        store: the database.
        asked: what can be asked.
        draw: makes the chart of an answer, bare or with a theme.
    """

    def __init__(self, store: Store, asked: Catalog, draw: Callable[[Answer, Asker, bool], Any]) -> None:
        self.store = store
        self.catalog = asked
        self._draw = draw
        #: Trace → its name in commands that are told, where it is not that of the trace: that of a file.
        self.written: Mapping[str, str] = {}

    def narrowed(self, selects: Mapping[str, str]) -> Asker:
        """Who asks of what SELECTs over ``old.TABLE`` leave of tables, see `traceql.tables.apart`."""
        return Asker(cast("Store", _Narrowed(self.store, selects)), self.catalog, self._draw)

    def __call__(self, name: str, /, **params: Value) -> Answer:
        """Answer a question, see `answer`."""
        return self.answer(name, params)

    def answer(
        self,
        name: str,
        params: Mapping[str, Value],
        elsewhere: Callable[[Query, Mapping[str, Value]], tuple[pa.Table, int] | None] | None = None,
        *,
        plain: bool = False,
        first: int | None = None,
    ) -> Answer:
        """Answer a question.

        Args:
            name: of the question.
            params: those that are given.
            elsewhere: finds the rows, and how many there are without limit; None where it cannot.
            plain: whether the rows are only shown, for which they need no Arrow table.
            first: so many rows are enough: of events, which are many, no more are fetched; None for all.

        Raises:
            UnknownQueryError: there is no such question.
            QueryError: a parameter is unknown, missing or of the wrong type.
            MissingDataError: no trace holds what the question reads.
            CatalogError: a question of the user's own does not return what it declares.
        """
        query = self.catalog.find(name)
        if query.once and not isinstance(self, Once):
            return Once(self).answer(name, params, elsewhere, plain=plain, first=first)
        run = partial(self.store.run, plain=True)
        bound = place.named(run, query, query.bind(params))
        notes = gaps.notes(self._run_about(bound), self.catalog, query, bound)
        at = self._place(query, bound)
        notes += at.notes
        # What is said of rows is asked of an Arrow table, and so are the types of one's own questions.
        plain = plain and not query.note and is_shipped(query)
        if elsewhere or not _can_be_cut(query):
            first = None
        table, total = (elsewhere and elsewhere(query, bound)) or self._rows_of_all(
            query, at, plain=plain, first=first
        )
        notes += nothing.unmet(
            query,
            bound,
            table,
            lambda columns, values: self._distinct(query, at, columns, values),
        )
        if table.num_rows == 0:
            is_told = any(note.code == "window" for note in notes)
            notes += nothing.notes(run, query, bound, window_is_told=is_told)
        notes += numbered.notes(run, bound, table, total)
        notes += [Note("remark", text) for text in self._remarks(query, table)]
        return Answer(
            query,
            bound,
            table,
            tuple(notes),
            total,
            lambda one, bare: self._draw(one, self, bare),
        )

    @contextmanager
    def events(
        self, name: str, params: Mapping[str, Value]
    ) -> Iterator[tuple[Batches, tuple[Note, ...]] | None]:
        """The rows of a question about events as they come, where there may be millions; and the notes.

        Yields:
            None where they are few, or there is more to be said of them: `answer` has them.

        Raises:
            QueryError: as `answer` does, or after some rows.
            MissingDataError: as `answer` does.
        """
        query = self.catalog.find(name)
        if not _can_be_cut(query) or not self.store.is_large():
            yield None
            return
        bound = place.named(partial(self.store.run, plain=True), query, query.bind(params))
        notes = gaps.notes(self._run_about(bound), self.catalog, query, bound)
        at = self._place(query, bound)
        with self.store.batches(query.sql, at.values, at.narrowed, at.traces) as found:
            first = None if found is None else next(found.tables)
            if found is None or first is None or first.num_rows == 0:
                yield None
            else:
                rows = Batches(found.column_names, chain([first], found.tables))
                yield rows, (*notes, *at.notes)

    def rows(self, name: str, params: Mapping[str, Value]) -> tuple[pa.Table, int]:
        """The rows alone, and how many there are without the question's limit; see `answer`."""
        query = self.catalog.find(name)
        return self._rows_of_all(query, self._place(query, query.bind(params)))

    def _run_about(self, bound: Mapping[str, Value]) -> place.Run:
        return partial(self.store.run, about=place.about(bound), plain=True)

    def _place(self, query: Query, bound: Mapping[str, Value]) -> Place:
        return replace(place.of(self._run_about(bound), query, bound), traces=place.about(bound))

    def _rows_of_all(
        self, query: Query, at: Place, *, plain: bool = False, first: int | None = None
    ) -> tuple[pa.Table, int]:
        if first:
            table = self._rows(query, at, plain=plain, first=first)
            return table, table.num_rows if table.num_rows < first else self._count(query, at)
        limit = at.values.get("limit")
        if plain and query.limits_rows and isinstance(limit, int) and 0 < limit < _AT_ONCE:
            asked = replace(at, values={**at.values, "limit": _AT_ONCE})
            more = self._rows(query, asked, plain=True)
            if isinstance(more, Rows):
                table, most = _first_of_each(more, limit)
                return table, self._total(query, at, table) if most >= _AT_ONCE else more.num_rows
        table = self._rows(query, at, plain=plain)
        return table, self._total(query, at, table)

    def _rows(self, query: Query, at: Place, *, plain: bool = False, first: int | None = None) -> pa.Table:
        cut = f"\nLIMIT {first}" if first else ""
        table = self._run(query, query.sql + cut, at, plain=plain)
        declared = [column.name for column in query.columns]
        if table.column_names != declared:
            raise CatalogError(
                f"{query.label}: returns {', '.join(table.column_names) or 'nothing'}, "
                f"but declares {', '.join(declared)}",
                "Let the @column lines of its header equal what its SQL selects.",
            )
        if not is_shipped(query):
            self._check_types(query, table)
        return table

    def _check_types(self, query: Query, table: pa.Table) -> None:
        casts = ", ".join(f'CAST(NULL AS {column.type}) AS "{column.name}"' for column in query.columns)
        declared = self._run(query, f"SELECT {casts}", plain=False)
        for column, is_, said in zip(query.columns, table.schema, declared.schema, strict=True):
            if is_.type != said.type:
                raise CatalogError(
                    f"{query.label}: {column.name} is declared {column.type}, which is {said.type}, "
                    f"but returned as {is_.type}",
                    f"Declare another type, or cast it: {column.name}::{column.type}",
                )

    def _remarks(self, query: Query, table: pa.Table) -> list[str]:
        """The texts of ``@note``, made of the rows."""
        if not query.note:
            return []
        said = self._run(query, query.note, tables={"answer": table}, where=" @note")
        return [str(text) for text in said.column(0).to_pylist() if text] if said.num_columns else []

    def _run(
        self,
        query: Query,
        statement: str,
        at: Place = _NOWHERE,
        *,
        tables: Mapping[str, pa.Table] | None = None,
        where: str = "",
        plain: bool = True,
    ) -> pa.Table:
        """Run SQL of a question; the errors of one's own name their file.

        Args:
            query: the question.
            statement: its SQL, or of its header.
            at: values of parameters, and what the tables are narrowed to.
            tables: that the SQL knows by these names.
            where: in the file the SQL stands.
            plain: whether `Rows` do.
        """
        try:
            return self.store.run(statement, at.values, tables, at.narrowed, at.traces, plain=plain)
        except QueryError as error:
            # What comes with traceql is tested: only the parameters can be at fault.
            if is_shipped(query):
                raise
            raise type(error)(f"{query.label}{where}: {error.message}", error.remedy) from error

    def _distinct(
        self, query: Query, at: Place, columns: Sequence[str], values: Mapping[str, Value]
    ) -> pa.Table:
        """What columns of the whole answer hold, with other values of parameters."""
        unlimited = {"limit": None} if "limit" in at.values else {}
        asked = replace(at, values={**at.values, **unlimited, **values})
        names = ", ".join(f'"{name}"' for name in columns)
        return self._run(query, f"SELECT DISTINCT {names} FROM (\n{query.sql}\n) ORDER BY ALL", asked)

    def _total(self, query: Query, at: Place, table: pa.Table) -> int:
        """How many rows the answer has without its limit."""
        limited = any(param.name == "limit" and param.value_type is int for param in query.params)
        limit = at.values.get("limit")
        if not limited or limit is None or (isinstance(limit, int) and table.num_rows < limit):
            return int(table.num_rows)
        if query.counted and table.num_rows:
            counts = zip(*(table[name].to_pylist() for name in ("trace", query.counted)), strict=True)
            return sum(dict(counts).values())
        # Where NULL is no limit, rows are counted without being numbered.
        unlimited = replace(at, values={**at.values, "limit": None if is_shipped(query) else _NO_LIMIT})
        return self._count(query, unlimited)

    def _count(self, query: Query, at: Place) -> int:
        counted = self._run(query, f"SELECT count(*) FROM (\n{query.sql}\n)", at)
        (total,) = counted.column(0).to_pylist()
        return int(total)


def _can_be_cut(query: Query) -> bool:
    """Whether first rows of a question need no others: what is said of rows is said of all of them."""
    return (
        query.lists_events
        and is_shipped(query)
        and not query.note
        and not any(nothing.is_filter(param, query) for param in query.params)
    )


@dataclass(frozen=True)
class _Narrowed:
    """A store of which nothing but some rows is asked."""

    store: Store
    selects: Mapping[str, str]

    def run(
        self,
        statement: str,
        params: Mapping[str, Value] | None = None,
        tables: Mapping[str, pa.Table] | None = None,
        narrowed: Mapping[str, str] | None = None,
        about: Sequence[str] = (),  # noqa: ARG002
        keep: Keep | None = None,  # noqa: ARG002
        *,
        plain: bool = False,
    ) -> pa.Table:
        """The answer to a statement; the SELECTs say which stored traces it is about."""
        return self.store.run(statement, params, tables, {**self.selects, **(narrowed or {})}, plain=plain)


class _Remembering:
    """A store that is asked each statement once, for what questions ask about traces is mostly the same.

    What they read in common is computed once, too.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keep = Keep()
        self._known: dict[str, pa.Table] = {}

    def run(self, statement: str, *asked: Any, **named: Any) -> pa.Table:
        """As `Store.run`, the answer of the first time; one about given tables is asked anew."""
        # They stand behind the parameters.
        if named.get("tables") or any(asked[1:2]):
            return self._store.run(statement, *asked, **named)
        key = repr((statement, asked, sorted(named.items())))
        if key not in self._known:
            self._known[key] = self._store.run(statement, *asked, **{**named, "keep": self._keep})
        return self._known[key]


class Once(Asker):
    """Asks every question once and remembers the answer: for a page of one state of a database.

    How many rows there are beyond a limit is not counted, which asks all of it again: a page says of a full
    answer that it is limited, and `total_rows` is the number of those that there are.
    """

    def __init__(self, asker: Asker) -> None:
        super().__init__(cast("Store", _Remembering(asker.store)), asker.catalog, asker._draw)
        self.written = asker.written
        self._answers: dict[tuple[str, str], Answer] = {}
        self._ahead = Ahead()

    def begin(
        self, threads: Executor, name: str, params: Mapping[str, Value], *, plain: bool = False
    ) -> None:
        """Have a question answered in another thread.

        Who asks it waits for that, or is told its error; what no thread has begun by then he computes.
        """
        key = _key(name, self.catalog.find(name).bind(params))
        self._ahead.begin(threads, key, super().answer, name, params, plain=plain)

    def answer(
        self,
        name: str,
        params: Mapping[str, Value],
        elsewhere: Callable[[Query, Mapping[str, Value]], tuple[pa.Table, int] | None] | None = None,
        *,
        plain: bool = False,
        first: int | None = None,
    ) -> Answer:
        """As `Asker` does, or what was begun."""
        begun = self._ahead.taken(_key(name, self.catalog.find(name).bind(params)))
        return (
            begun.result()
            if begun is not None
            else super().answer(name, params, elsewhere, plain=plain, first=first)
        )

    def __call__(self, name: str, /, **params: Value) -> Answer:
        """As `Asker` does; an error is raised anew."""
        query = self.catalog.find(name)
        bound = query.bind(params)
        key = _key(name, bound)
        if key not in self._answers:
            self._answers[key] = self._first_rows(query, bound) or super().__call__(name, **params)
        return self._answers[key]

    def _first_rows(self, query: Query, bound: Mapping[str, Value]) -> Answer | None:
        """The answer with a limit, out of the one without; None where that is not known or does not tell."""
        limit, trace = bound.get("limit"), bound.get("trace")
        if not isinstance(limit, int) or limit < 1 or not isinstance(trace, list) or len(trace) != 1:
            return None
        whole = self._answers.get(_key(query.name, {**bound, "limit": None}))
        if whole is None or query.note or not query.limits_rows or not _of_one_trace(whole):
            return None
        table = whole.table.slice(0, limit)
        parameters = {**whole.parameters, "limit": limit}
        return replace(whole, parameters=parameters, table=table, total_rows=int(table.num_rows))

    def _total(self, query: Query, at: Place, table: pa.Table) -> int:  # noqa: ARG002
        return int(table.num_rows)


def _first_of_each(rows: Rows, limit: int) -> tuple[Rows, int]:
    """The first rows of each trace, and how many there are of the one with most."""
    met: Counter[object] = Counter()
    kept = []
    for number, trace in enumerate(rows.column("trace").values):
        met[trace] += 1
        if met[trace] <= limit:
            kept.append(number)
    return rows.take(kept), max(met.values(), default=0)


def _of_one_trace(answer: Answer) -> bool:
    return "trace" in answer.table.column_names and answer.frame()["trace"].n_unique() <= 1


def _key(name: str, bound: Mapping[str, Value]) -> tuple[str, str]:
    return name, json.dumps(bound, default=str, sort_keys=True)


def is_shipped(query: Query) -> bool:
    """Whether a question comes with traceql."""
    return catalog.shipped().get(query.name) is not None
