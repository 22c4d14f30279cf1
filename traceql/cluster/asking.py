"""A question asked where the traces are: each worker answers for some of them, and the rows are united.

That is possible where every row is of one trace and follows from it alone, and those of a trace stand
together, which the header says (``@unites trace``): not where ranks of a job are compared, whose traces
several workers may get. What is said about an answer, its notes, is found out in one place.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from traceql.ask import place
from traceql.ask.answer import Asker
from traceql.ask.gaps import Note
from traceql.errors import ClusterError, MissingDataError
from traceql.questions import catalog
from traceql.store import choice, interrupts
from traceql.store.definitions import Definitions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from traceql.ask.answer import Answer
    from traceql.cluster.workers import Workers
    from traceql.questions.parameters import Value
    from traceql.questions.question import Query


@dataclass(frozen=True)
class Part:
    """A question about some traces, for one worker.

    Attributes:
        database: by the path that the worker knows.
        queries: folders of one's own questions.
        timeout_s: see `traceql.open`.
        question: its name.
        parameters: all of them; those of traces are names.
    """

    database: str
    queries: tuple[str, ...]
    timeout_s: float | None
    question: str
    parameters: Mapping[str, Value]


def rows(part: Part) -> tuple[bytes, int] | None:
    """What a worker does: the rows as an Arrow stream, and how many there are without the question's limit.

    Returns:
        None if none of the traces holds what the question reads.
    """
    asker = _opened(part.database, part.queries, part.timeout_s)
    try:
        with interrupts.within(part.timeout_s):
            table, total = asker.rows(part.question, part.parameters)
    except MissingDataError:
        return None
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue().to_pybytes(), total


@functools.lru_cache(maxsize=8)
def _opened(path: str, queries: tuple[str, ...], timeout_s: float | None) -> Asker:
    """Kept open for the next part of a question."""
    known = catalog.load(queries)
    store = choice.store(path, definitions=Definitions(known), timeout_s=timeout_s)
    return Asker(store, known, _draws_nothing)


def _draws_nothing(_answer: Answer, _asker: Asker, _bare: bool) -> None:
    """Rows go back; who asked draws them."""


def ask(
    asker: Asker,
    workers: Workers,
    name: str,
    params: Mapping[str, Value],
    *,
    database: str,
    queries: Sequence[str] = (),
    timeout_s: float | None = None,
) -> Answer:
    """Answer a question with the help of workers.

    Args:
        asker: of the database, here.
        workers: who answer.
        name: of the question.
        params: as `Database.ask` has them.
        database: a file or a lake on disk, which workers can read by this path.
        queries: folders of one's own questions, by paths that the workers know.
        timeout_s: see `traceql.open`: of each worker, from when it begins. All of them together are limited
            by `interrupts.within`, as any question is: workers of this machine are ended then, those of Dask
            end by the limit of their own.

    Raises:
        ClusterError: the database is in memory.
        TraceqlError: as in `Database.ask`.
    """
    if database == ":memory:":
        raise ClusterError("a database in memory cannot be asked by others", "Put it into a file or a lake.")

    def united(query: Query, bound: Mapping[str, Value]) -> tuple[pa.Table, int] | None:
        words = bound.get("trace")
        known = words if isinstance(words, list) else [one["trace"] for one in place.traces(asker.store.run)]
        names = sorted(known)
        if not query.unites or len(names) < 2:
            return None
        parts = [
            Part(database, tuple(queries), timeout_s, query.name, {**bound, "trace": some})
            for some in _shares(names, workers.count)
        ]
        found: dict[int, tuple[bytes, int]] = {}
        for number, outcome in workers.each(rows, parts):
            if isinstance(outcome, Exception):
                raise outcome
            if outcome is not None:
                found[number] = outcome
        if not found:
            return None
        tables = [pa.ipc.open_stream(found[number][0]).read_all() for number in sorted(found)]
        return pa.concat_tables(tables), sum(total for _, total in found.values())

    answer = asker.answer(name, params, united)
    if answer.question.unites:
        return answer
    told = "Rows of this question do not each follow from one trace: it was asked in one place."
    return replace(answer, notes=(*answer.notes, Note("in_one_place", told)))


def _shares(names: Sequence[Any], count: int) -> list[list[Any]]:
    """Names in as many shares, each of neighbours; fewer if there are fewer names.

    >>> _shares(["a", "b", "c", "d", "e"], 2), _shares(["a"], 4)
    ([['a', 'b', 'c'], ['d', 'e']], [['a']])
    """
    size = -(-len(names) // count)
    return [list(names[start : start + size]) for start in range(0, len(names), size)]
