"""Where and when: which traces the words of a question mean, and what of them it is narrowed to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from traceql.ask.gaps import Note
from traceql.errors import MissingDataError, ParameterError, QueryError
from traceql.given import whole_number
from traceql.nearest import did_you_mean
from traceql.present import units
from traceql.present.values import cut
from traceql.questions import catalog
from traceql.questions.parameters import PLACES, TRACE_PARAMS, by_of, like
from traceql.store.named import meant, no_trace
from traceql.tables import schema, window
from traceql.tables.window import Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from traceql.questions.parameters import Value
    from traceql.questions.question import Query


# Names that a message lists.
_SHOWN_NAMES = 8
# Characters of a name there; full names have thousands.
_LONGEST = 120


class Run(Protocol):
    """`store.connection.Store.run`."""

    def __call__(self, statement: str, /, *, narrowed: Mapping[str, str] | None = None) -> pa.Table:
        """The answer to a statement."""


@dataclass(frozen=True)
class Place:
    """What the parameters of a question mean.

    Attributes:
        values: of the parameters that its SQL reads; traces by their names.
        narrowed: SELECTs that stand in for tables while it is asked.
        notes: what the window does to the numbers.
        traces: names of those on whose rows the answer hangs; none for all.
    """

    values: Mapping[str, Value]
    narrowed: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    traces: Sequence[str] = ()


def named(run: Run, query: Query, bound: Mapping[str, Value]) -> dict[str, Value]:
    """The values of all parameters, with the names of the traces that those about traces mean.

    Raises:
        QueryError: a word means no trace, or several where one is wanted.
    """
    found = dict(bound)
    words = {name: value for name in TRACE_PARAMS if (value := bound.get(name)) is not None}
    if not words:
        return found
    there = traces(run)
    runs = names_of_runs(run) if query.of_runs else []
    for name, value in words.items():
        several = isinstance(value, list)
        names: dict[str, None] = {}
        for word in value if isinstance(value, list) else [str(value)]:
            some = meant(there, word) or [one for one in runs if one == word]
            if not some:
                raise _neither(word, runs, there) if query.of_runs else no_trace(word, there)
            if not several and len(some) > 1:
                raise QueryError(
                    f"{word} means {len(some)} traces, where {query.name} compares one: {', '.join(some)}",
                    f"Name one of them with --{name}.",
                )
            names.update(dict.fromkeys(some))
        found[name] = list(names) if several else next(iter(names))
    return found


def of(run: Run, query: Query, bound: Mapping[str, Value]) -> Place:
    """What a question is narrowed to.

    Args:
        run: the database.
        query: that is asked.
        bound: values of all its parameters, as `named` has them.

    Raises:
        QueryError: the window is none, or there is no such tag.
        MissingDataError: there is no such range.
    """
    in_sql = {param.name for param in query.in_sql}
    values = {name: value for name, value in bound.items() if name in in_sql}
    given = {name: value for name, value in bound.items() if name not in in_sql and value is not None}
    chosen = chosen_of(values)
    narrowed: dict[str, str] = {}
    notes: tuple[Note, ...] = ()
    refuse_none(bound.get("from"), bound.get("to"))
    if given.keys() & {"from", "to", "within"}:
        asked = window_of(run, given, chosen)
        narrowed = {**window.selects(asked), **names_of_all()}
        notes = (*_beyond(run, asked, chosen), *_cut(run, asked, chosen))
    elif any(param in query.params for param in PLACES["job"]):
        notes = _beyond_jobs(run, bound.get("from"), bound.get("to"), chosen)
    own, tag = by_of(bound.get("by"))
    if any(param.takes_tag for param in query.params):
        values["by"] = own
    else:
        tag = None if "by" in in_sql else tag or own
    if tag is not None:
        narrowed["traces"] = _added_up(run, tag, chosen)
        values["trace"] = None
    return Place(values, narrowed, notes)


def only(run: Run, words: Sequence[str]) -> dict[str, str]:
    """SELECTs that leave of every table the rows of some traces.

    Args:
        run: the database.
        words: what `meant` takes; none for all traces.

    Raises:
        QueryError: a word means no trace.
    """
    if not words:
        return {}
    there = traces(run)
    names: dict[str, None] = {}
    for word in words:
        some = meant(there, word)
        if not some:
            raise no_trace(word, there)
        names.update(dict.fromkeys(some))
    ids = run(f"SELECT trace_id FROM traces WHERE {of_chosen(list(names))}").column(0).to_pylist()
    kept = f"trace_id IN ({', '.join(map(str, ids))})"
    return {
        table.name: f"SELECT * FROM old.{table.name} WHERE {kept}"
        for table in schema.TABLES
        if table.of_trace
    }


def traces(run: Run) -> list[dict[str, Any]]:
    """Name and tags of every trace."""
    rows: list[dict[str, Any]] = run("SELECT trace, tags FROM traces ORDER BY trace").to_pylist(
        maps_as_pydicts="strict"
    )
    return rows


def names_of_runs(run: Run) -> list[str]:
    """The names under which runs are compared without a trace."""
    found: list[str] = run("SELECT DISTINCT name FROM named_runs ORDER BY name").column(0).to_pylist()
    return found


def _neither(word: str, runs: Sequence[str], there: Sequence[Mapping[str, Any]]) -> QueryError:
    """The error about a word that means neither a trace nor runs; of a sweep with several, it names them."""
    of_sweep = [name for name in runs if name.startswith(f"{word}:")]
    if of_sweep:
        return QueryError(
            f"{word} means {len(of_sweep)} runs, where one is compared: {', '.join(of_sweep[:_SHOWN_NAMES])}",
            "Name one of them.",
        )
    guess = did_you_mean(word, [*(trace["trace"] for trace in there), *runs])
    return QueryError(
        f"no trace is called {word!r}, and no runs are",
        f'{guess}See which there are: traceql ls; traceql sql "SELECT DISTINCT name FROM named_runs"',
    )


def chosen_of(values: Mapping[str, Value]) -> Sequence[str]:
    """The names of all traces that a question is about; empty for every one."""
    given = [values[name] for name in TRACE_PARAMS if values.get(name) is not None]
    return [str(name) for names in given for name in (names if isinstance(names, list) else [names])]


def about(bound: Mapping[str, Value]) -> Sequence[str]:
    """The names of the traces on whose rows an answer hangs, what kernels are called apart; empty for all."""
    if any(name in bound and bound[name] is None for name in TRACE_PARAMS):
        return ()
    return chosen_of(bound)


def of_chosen(chosen: Sequence[str]) -> str:
    """The condition on rows of traces that leaves those with these names; all where none are given."""
    return f"trace IN ({', '.join(map(schema.literal, chosen))})" if chosen else "true"


def refuse_none(from_ns: Value, to_ns: Value) -> None:
    """Raise for a stretch of time that ends before it begins."""
    if isinstance(from_ns, int) and isinstance(to_ns, int) and from_ns >= to_ns:
        raise ParameterError(
            f"the time from {from_ns:,} ns to {to_ns:,} ns is none", "--to must be later than --from."
        )


def window_of(run: Run, given: Mapping[str, Value], chosen: Sequence[str]) -> Window:
    """What from, to and within mean, as far as they are given.

    Args:
        run: the database.
        given: their values, as they are bound.
        chosen: names of the traces that are asked about; none for all.

    Raises:
        MissingDataError: there is no such range.
    """
    from_ns, to_ns = given.get("from"), given.get("to")
    assert isinstance(from_ns, int | None)
    assert isinstance(to_ns, int | None)
    if "within" not in given:
        return Window(from_ns, to_ns)
    # A text can end in # and a number, as the steps of PyTorch's profiler do.
    text = str(given["within"])
    name, sign, number = text.rpartition("#")
    tried: dict[str, Window] = {text: Window(from_ns, to_ns, like(text))}
    if sign and (instance := whole_number(number)) is not None:
        tried[name] = Window(from_ns, to_ns, like(name), instance)
    for one in tried.values():
        if _has_instances(run, one, chosen):
            return one
    raise _no_range(run, *tried.popitem(), chosen)


def names_of_all() -> dict[str, str]:
    """What kernels are called follows from all of them, not from those in the window."""
    view = "kernel_full_names"
    return {view: re.sub(r"\bkernels\b", "old.kernels", catalog.shipped().views[view].sql)}


def _has_instances(run: Run, asked: Window, chosen: Sequence[str]) -> bool:
    statement = (
        f"SELECT 1 FROM {window.SPANS} WHERE trace_id IN (SELECT trace_id FROM traces WHERE "
        f"{of_chosen(chosen)}) LIMIT 1"
    )
    return bool(run(statement, narrowed=window.selects(asked)).num_rows)


def _no_range(run: Run, name: str, asked: Window, chosen: Sequence[str]) -> MissingDataError:
    where = f"in {', '.join(chosen)}" if chosen else "in the database"
    if asked.instance is not None and _has_instances(run, Window(range=asked.range), chosen):
        return MissingDataError(
            f"{where}, no process has {asked.instance + 1} ranges called {name!r}",
            "The first one is #0: see the query nvtx-pace.",
        )
    named = run(
        "SELECT DISTINCT text FROM nvtx_ranges WHERE text IS NOT NULL AND trace_id IN "
        f"(SELECT trace_id FROM traces WHERE {of_chosen(chosen)}) ORDER BY text"
    )
    guess = did_you_mean(name, named.column(0).to_pylist(), lambda text: cut(text, _LONGEST))
    return MissingDataError(
        f"no range {where} is called {name!r}", f"{guess}See which there are: traceql query nvtx-sum"
    )


def _beyond(run: Run, asked: Window, chosen: Sequence[str]) -> tuple[Note, ...]:
    """A note on timelines that have ended when the window begins, or begin when it has ended."""
    if asked.from_ns is None and asked.to_ns is None:
        return ()
    ended = "false" if asked.from_ns is None else f"trace_duration_ns < {asked.from_ns}"
    begin = "false" if asked.to_ns is None else f"{asked.to_ns} <= 0"
    rows = run(
        "SELECT trace, trace_duration_ns FROM traces "
        f"WHERE has_timeline AND ({ended} OR {begin}) AND {of_chosen(chosen)} ORDER BY trace"
    ).to_pylist()
    return _outside(rows)


def _beyond_jobs(run: Run, from_ns: Value, to_ns: Value, chosen: Sequence[str]) -> tuple[Note, ...]:
    """A note on jobs that have ended when the stretch of their clock begins, or begin when it has ended."""
    if from_ns is None and to_ns is None:
        return ()
    names = f"[{', '.join(map(schema.literal, chosen))}]" if chosen else "NULL"
    ended = "false" if from_ns is None else f"trace_duration_ns < {from_ns}"
    begin = "false" if to_ns is None else f"min(shift_ns) >= {to_ns}"
    rows = run(
        f"""
        SELECT job AS trace, max(shift_ns + trace_duration_ns) AS trace_duration_ns
        FROM job_ranks({names}) JOIN traces USING (trace_id)
        GROUP BY job HAVING {ended} OR {begin} ORDER BY job
        """
    ).to_pylist()
    return _outside(rows)


def _outside(rows: Sequence[Mapping[str, Any]]) -> tuple[Note, ...]:
    """The note on traces, or jobs, that the time lies outside of."""
    if not rows:
        return ()
    spans = [
        f"{row['trace']} lasts {units.text('trace_duration_ns', row['trace_duration_ns'])}"
        if row["trace_duration_ns"] is not None
        else row["trace"]
        for row in rows[:_SHOWN_NAMES]
    ]
    more = f" and {len(rows) - _SHOWN_NAMES} more" if len(rows) > _SHOWN_NAMES else ""
    return (Note("window", f"The time lies outside of what was recorded: {', '.join(spans)}{more}."),)


def _cut(run: Run, asked: Window, chosen: Sequence[str]) -> tuple[Note, ...]:
    """A note on GPU work whose launch the window cuts off."""
    if asked.range is not None or (asked.from_ns is None and asked.to_ns is None):
        return ()
    low = "true" if asked.from_ns is None else f"{{}}.end_ns >= {asked.from_ns}"
    high = "true" if asked.to_ns is None else f"{{}}.start_ns < {asked.to_ns}"
    inside = f"({low} AND {high})"
    row = run(
        f"""
        SELECT count(*) AS kernels, count(*) FILTER (NOT {inside.format("calls", "calls")}) AS cut
        FROM kernels
        JOIN api_calls AS calls ON calls.api_call_id = kernels.api_call_id
        WHERE {inside.format("kernels", "kernels")}
          AND kernels.trace_id IN (SELECT trace_id FROM traces WHERE {of_chosen(chosen)})
        """
    ).to_pylist()[0]
    if not row["cut"]:
        return ()
    text = (
        f"{row['cut']:,} of {row['kernels']:,} kernels between these times were launched before or after: "
        "they count as without call and range. --within RANGE takes the work with its launches."
    )
    return (Note("window", text),)


def _added_up(run: Run, tag: str, chosen: Sequence[str]) -> str:
    """The traces, called by the value of a tag; one without it stands for itself."""
    there = [trace for trace in traces(run) if not chosen or trace["trace"] in chosen]
    tags = sorted({name for trace in there for name in trace["tags"] or {}})
    if tag not in tags:
        raise QueryError(
            f"no trace has a tag {tag!r}", f"{did_you_mean(tag, tags)}Tags: {', '.join(tags) or 'none'}."
        )
    return (
        f"SELECT * REPLACE (coalesce(tags[{schema.literal(tag)}], trace) AS trace) FROM old.traces "
        f"WHERE {of_chosen(chosen)}"
    )
