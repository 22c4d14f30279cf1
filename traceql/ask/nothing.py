"""Why an answer has no rows: nothing has the name that was asked for, or lies in the window."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeAlias

from traceql.ask import place
from traceql.ask.gaps import Note
from traceql.nearest import nearest
from traceql.present import units, values
from traceql.questions.parameters import NARROWING, PLACES, is_pattern, matches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from traceql.questions.parameters import Param, Value
    from traceql.questions.question import Query

# Names of traces that a note lists, and examples of others.
_SHOWN_TRACES, _EXAMPLES = 8, 3
# Values of a parameter, where there are no more of them.
_SHOWN_VALUES = 12
# Characters of a name there; full names of kernels have thousands.
_LONGEST = 120
# A time that was given is told as it was.
_ALL_DIGITS = 15

_RANGES = (
    "NVTX range",
    "SELECT trace_id, text AS name FROM nvtx_ranges UNION SELECT trace_id, text FROM ncu_ranges",
)
_METRICS = (
    "metric",
    "SELECT trace_id, metric AS name FROM metrics UNION SELECT trace_id, metric FROM gpu_samples",
)
# Question and parameter → names that it takes, too, but that are not offered.
_ALSO: Mapping[tuple[str, str], str] = MappingProxyType(
    {("metric", "metric"): "SELECT trace_id, label AS name FROM metrics"}
)
#: Parameter → what it names, and a SELECT of all such names that a trace has, with its trace_id.
NAMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "kernel": (
            "kernel",
            "SELECT trace_id, unnest([name, full_name, distinct_name]) AS name FROM kernel_names "
            "JOIN (SELECT DISTINCT trace_id, name, coalesce(demangled, name) AS full_name FROM kernels) "
            "USING (name, full_name)",
        ),
        "path": ("NVTX path", "SELECT trace_id, path AS name FROM range_paths"),
        "rule": ("rule", "SELECT trace_id, rule AS name FROM advice"),
        "range": _RANGES,
        "step": _RANGES,
        "metric": _METRICS,
        "x": _METRICS,
        "y": _METRICS,
    }
)


Ask: TypeAlias = "Callable[[Sequence[str], Mapping[str, Value]], pa.Table]"


class Run(Protocol):
    """`store.connection.Store.run`."""

    def __call__(self, statement: str, /) -> pa.Table:
        """The answer to a statement."""


def notes(run: Run, query: Query, bound: Mapping[str, Value], *, window_is_told: bool = False) -> list[Note]:
    """What explains an answer without rows.

    Args:
        run: the database, not narrowed.
        query: that was asked.
        bound: values of all its parameters, as `place.named` has them.
        window_is_told: whether it is said already that the window leaves nothing.
    """
    chosen = place.chosen_of(bound)
    found = [
        Note("no_rows", text)
        for param in query.params
        if param.name in NAMES and param.type == "VARCHAR" and not is_filter(param, query)
        if (text := _no_name(run, query, param.name, bound.get(param.name), chosen))
    ]
    of_job = [
        _said(param, bound)
        for param in PLACES["job"]
        if param in query.params and bound.get(param.name) is not None
    ]
    narrowing = [_said(p, bound) for p in NARROWING if p.name != "by" and bound.get(p.name) is not None]
    if of_job and not window_is_told:
        text = f"No rows: nothing of what it is about lies within {' and '.join(of_job)} of the job's clock."
        found.append(Note("no_rows", text))
    elif query.empty and not narrowing:
        found.append(Note("no_rows", f"No rows. {query.empty}"))
    if narrowing and not (found or window_is_told):
        text = f"No rows: nothing of what it is about lies within {' and '.join(narrowing)}."
        found.append(Note("no_rows", text))
    return found


def _said(param: Param, bound: Mapping[str, Value]) -> str:
    """An option as it was understood: a time with its unit."""
    value = bound[param.name]
    if param.is_time and isinstance(value, int):
        return f"--{param.name} {units.text('time_ns', value, _ALL_DIGITS)}"
    return f"--{param.name}"


def unmet(query: Query, bound: Mapping[str, Value], table: pa.Table, ask: Ask) -> list[Note]:
    """What a filter might have been, or a launch's number, where nothing is as it says.

    Args:
        query: that was asked.
        bound: values of all its parameters.
        table: the answer.
        ask: what columns of the whole answer hold, with other values of parameters.
    """
    found = []
    for param in query.params:
        wanted = bound.get(param.name)
        if not (is_filter(param, query) and isinstance(wanted, str) and wanted.strip("*%")):
            continue
        if table.column(param.name).null_count == table.num_rows:
            known = ask([param.name], {param.name: "*"}).column(0).to_pylist()
            if names := [str(name) for name in known if name is not None]:
                found.append(Note("no_rows", _no_value(param.name, wanted, names)))
    number = bound.get("launch")
    if number is not None and table.num_rows == 0 and "launches" in [one.name for one in query.columns]:
        rows = ask(["trace", "launches"], {"launch": None}).to_pylist()
        there = ", ".join(f"{row['launches']:,} in {row['trace']}" for row in rows[:_SHOWN_TRACES])
        if there:
            found.append(Note("no_rows", f"There is no launch {number}: they are numbered from 1, {there}."))
    return found


def is_filter(param: Param, query: Query) -> bool:
    """Whether it is a pattern of what stands in the column of its name, and no name of `NAMES`."""
    is_name = param.name in NAMES and NAMES[param.name] is not _METRICS
    by_default = isinstance(param.default, str) and is_pattern(param.default)
    return by_default and not is_name and any(column.name == param.name for column in query.columns)


def _no_value(param: str, wanted: str, known: Sequence[str]) -> str:
    like = "like" if is_pattern(wanted) else "called"
    text = f"No {param} here is {like} {wanted!r}"
    if len(known) <= _SHOWN_VALUES:
        return f"{text}. There {'is' if len(known) == 1 else 'are'}: {_listed(known)}."
    if near := nearest(wanted, known):
        return f"{text}. The nearest: {_listed(near)}."
    return f"{text}. There is, for example: {_listed(sorted(known, key=len)[:_EXAMPLES])}."


def _no_name(run: Run, query: Query, param: str, wanted: Value, chosen: Sequence[str]) -> str:
    """A sentence where nothing is called so, with the names that are nearest; empty where something is."""
    if not isinstance(wanted, str) or not wanted.strip("*%"):
        return ""
    kind, names = NAMES[param]
    known = _names(run, names, chosen)
    also = _ALSO.get((query.name, param))
    if any(matches(name, wanted) for name in [*known, *(_names(run, also, chosen) if also else [])]):
        return ""
    where = f" in {', '.join(chosen)}" if 0 < len(chosen) <= _SHOWN_TRACES else ""
    like = "like" if is_pattern(wanted) else "called"
    text = f"No {kind}{where} is {like} {wanted!r}"
    if near := nearest(wanted, known):
        return f"{text}. The nearest: {_listed(near)}."
    if known:
        return f"{text}. There is, for example: {_listed(sorted(known, key=len)[:_EXAMPLES])}."
    return f"{text}: there is none at all."


def _names(run: Run, select: str, chosen: Sequence[str]) -> list[str]:
    """The names of a SELECT, of the chosen traces."""
    there = run(
        f"""
        SELECT DISTINCT name FROM ({select}) JOIN traces USING (trace_id)
        WHERE name IS NOT NULL AND {place.of_chosen(chosen)}
        ORDER BY name
        """
    )
    found: list[str] = there.column(0).to_pylist()
    return found


def _listed(names: Sequence[str]) -> str:
    return ", ".join(values.cut(name, _LONGEST) for name in names)
