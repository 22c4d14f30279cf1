"""What a question would need and the traces lack: refused where nothing is left, noted where something is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from traceql.errors import MissingDataError
from traceql.present.values import counted, listed
from traceql.questions.parameters import TRACE_PARAMS, by_of
from traceql.questions.question import TIMELINE
from traceql.tables import migrations, schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from traceql.questions.catalog import Catalog
    from traceql.questions.parameters import Value
    from traceql.questions.question import Query


# Why a trace of a database of an older version lacks a table, whatever was recorded.
_NOT_STORED = "an older traceql, which read the report, did not store them: traceql ingest --replace REPORT"
# Of traces that hold none of what is asked for.
_FIRST_NAMES = 3


@dataclass(frozen=True)
class Note:
    """What to know about an answer.

    Attributes:
        code: not_recorded, not_stored, doubtful_times, hidden_kernels, launched_elsewhere, not_measured,
            window, no_rows, or remark.
        text: in words.
    """

    code: str
    text: str

    def __str__(self) -> str:
        """The text."""
        return self.text


class Run(Protocol):
    """`store.connection.Store.run`."""

    def __call__(self, statement: str, /) -> pa.Table:
        """The answer to a statement."""


def unanswerable(run: Run, catalog: Catalog) -> dict[str, str]:
    """Questions that no trace here answers, or not wholly → what is missing, and how to record it."""
    found = {}
    profiled = run("SELECT trace_id, trace FROM traces WHERE has_counters ORDER BY trace").to_pylist()
    everywhere = tuple(row["trace"] for row in profiled)
    for query in catalog.queries.values():
        try:
            notes(run, catalog, query, {})
        except MissingDataError as error:
            found[query.name] = f"{error.message}. {error.remedy}"
            continue
        options = _unmeasured(run, catalog, query, profiled).get(everywhere)
        if options:
            found[query.name] = f"some of its metrics are in no trace. Recorded by: {'; '.join(options)}"
    return found


def notes(run: Run, catalog: Catalog, query: Query, bound: Mapping[str, Value]) -> list[Note]:
    """Notes on what some trace lacks for a query; raises when all of them do."""
    given = [bound[p] for p in TRACE_PARAMS if bound.get(p) is not None]
    chosen = [str(name) for names in given for name in (names if isinstance(names, list) else [names])]
    traces = run(
        "SELECT trace_id, trace, profiler, has_timeline, has_counters, missing, unread FROM traces "
        "ORDER BY trace"
    ).to_pylist()
    if query.of_runs and _is_of_runs_alone(run, traces, chosen):
        return []
    needs = _needs(catalog, query)
    imported = [need for need in needs if need != (TIMELINE,) and not any(_of_trace(table) for table in need)]
    for need in imported:
        if not any(table in schema.SHIPPED or run(f"FROM {table} LIMIT 1").num_rows for table in need):
            raise MissingDataError(
                f"the database holds no {' or '.join(need)}, which {query.name} reads",
                "Add some: traceql import-runs FILE",
            )
    timed = (TIMELINE,) in needs
    needs = [need for need in needs if need not in imported and need != (TIMELINE,)]
    if imported and not needs:
        return []
    if not traces:
        raise MissingDataError("the database holds no traces", "Add some: traceql ingest REPORT")
    in_scope = [t for t in traces if not chosen or t["trace"] in chosen]
    found: list[Note] = []
    if timed and in_scope and not any(t["has_timeline"] for t in in_scope):
        raise MissingDataError(
            f"{_whose(chosen, 'has', 'have')} counters but no timeline, which {query.name} reads",
            "Recorded by: nsys profile --trace=cuda,nvtx",
        )
    for need in needs:
        options = _options(need)
        able = [t for t in in_scope if _is_able(run, t, need, options)]
        lacking = [t for t in able if _lacks(t, need)]
        if able and not lacking:
            continue
        unstored = [t["trace"] for t in lacking if _unstored(t, need)]
        about_times = timed or any(map(_only_of_timelines, needs))
        what, how = " or ".join(need), _recorded_by(options, about_times)
        if len(lacking) == len(able):
            again = f"{_NOT_STORED[:1].upper()}{_NOT_STORED[1:]}. " if unstored else ""
            raise MissingDataError(
                f"{_whose(chosen, 'holds', 'hold')} no {what}, which {query.name} reads",
                f"{again}{f'Recorded by: {how}' if how else ''}",
            )
        if unstored:
            found.append(Note("not_stored", f"No {what} in {listed(unstored)}: {_NOT_STORED}."))
        if unrecorded := [t["trace"] for t in lacking if t["trace"] not in unstored]:
            found.append(Note("not_recorded", f"No {what} in {listed(unrecorded)}: recorded by {how}."))
    found += _doubts(run, catalog, query, in_scope)
    if any("kernels" in need for need in needs):
        found += _hidden_kernels(run, [t["trace_id"] for t in in_scope])
    if by_of(bound.get("by"))[0] == "thread":
        found += _launched_elsewhere(run, [t["trace_id"] for t in in_scope])
    return found + _metric_gaps(run, catalog, query, [t for t in in_scope if t["has_counters"]])


def able(run: Run, catalog: Catalog, query: Query, names: Sequence[str]) -> list[str]:
    """Those of some traces that hold what a question reads: asked alone, it refuses each of the others."""
    needs = [need for need in _needs(catalog, query) if need == (TIMELINE,) or any(map(_of_trace, need))]
    traces = run(
        "SELECT trace_id, trace, profiler, has_timeline, missing FROM traces ORDER BY trace"
    ).to_pylist()
    holding = {
        trace["trace"]
        for trace in traces
        if trace["trace"] in names
        and all(
            trace["has_timeline"]
            if need == (TIMELINE,)
            else _is_able(run, trace, need, _options(need)) and not _lacks(trace, need)
            for need in needs
        )
    }
    return [name for name in names if name in holding]


def _needs(catalog: Catalog, query: Query) -> list[tuple[str, ...]]:
    """What a question needs; alternatives of which one comes with traceql are always there."""
    needs = catalog.needs(query)
    return [need for need in needs if len(need) == 1 or schema.SHIPPED.keys().isdisjoint(need)]


def _options(need: tuple[str, ...]) -> dict[str, str]:
    """Kinds of traces that can have a table of a need → how it is recorded."""
    return {
        kind: schema.BY_NAME[table].collected_by[kind]
        for table in reversed(need)
        for kind in schema.BY_NAME[table].collected_by
    }


def _is_able(run: Run, trace: Mapping[str, Any], need: tuple[str, ...], options: Mapping[str, str]) -> bool:
    """Whether a trace is of a kind that can have a table of a need."""
    return trace["profiler"] in options or _holds(run, trace, need, options)


def _only_of_timelines(need: tuple[str, ...]) -> bool:
    """Whether none but recordings of events with times can hold it."""
    from traceql.read import kinds

    able = {kind for table in need if _of_trace(table) for kind in schema.BY_NAME[table].collected_by}
    return bool(able) and all(map(kinds.has_timeline, able))


def _recorded_by(options: Mapping[str, str], about_times: bool) -> str:
    """How what is missing is recorded: who has no timeline records nothing for a question about one."""
    from traceql.read import kinds

    return "; ".join(
        option for kind, option in options.items() if not about_times or kinds.has_timeline(kind)
    )


def _whose(chosen: list[str], verb: str, of_several: str) -> str:
    names = [repr(name) for name in dict.fromkeys(chosen)]
    if len(names) < 2:
        return f"trace {names[0]} {verb}" if names else f"the database {verb}"
    more = len(names) - _FIRST_NAMES
    if more > 1:
        names = [*names[:_FIRST_NAMES], f"{more:,} more"]
    return f"traces {', '.join(names[:-1])} and {names[-1]} {of_several}"


def _is_of_runs_alone(run: Run, traces: list[dict[str, Any]], chosen: list[str]) -> bool:
    """Whether a question that may be asked of runs is asked of no trace: nothing need be recorded then."""
    if chosen:
        return not any(trace["trace"] in chosen for trace in traces)
    return not traces and bool(run("FROM runs LIMIT 1").num_rows)


def _doubts(run: Run, catalog: Catalog, query: Query, in_scope: list[dict[str, Any]]) -> list[Note]:
    """Notes on times that cannot be right, in the tables that the query reads: no total leaves them out.

    Where it is known to be less than a percent of the total, it decides nothing.
    """
    names = {trace["trace_id"]: trace["trace"] for trace in in_scope}
    tables = catalog.reads(query)
    told = run(
        """
        SELECT trace_id, table_name, text FROM doubts
        WHERE doubtful_ns IS NULL OR 100 * doubtful_ns >= total_ns
        ORDER BY trace_id, table_name, fault
        """
    ).to_pylist()
    whose: dict[str, dict[str, None]] = {}
    for row in told:
        if row["trace_id"] in names and row["table_name"] in tables:
            whose.setdefault(row["text"], {})[names[row["trace_id"]]] = None
    return [Note("doubtful_times", f"{listed(list(of))}: {text}") for text, of in whose.items()]


def _of_trace(table: str) -> bool:
    """Whether a table belongs to traces; what comes with traceql does not, nor do runs."""
    return table in schema.BY_NAME and schema.BY_NAME[table].of_trace


def _hidden_kernels(run: Run, trace_ids: list[int]) -> list[Note]:
    """Notes on traces with CUDA graphs recorded as a whole: no count of kernels is complete there."""
    found = run(
        f"""
        SELECT trace, profiler, count(*) AS graphs
        FROM (
            SELECT trace_id FROM graph_launches
            UNION ALL
            SELECT trace_id FROM kernels WHERE workload = 'graph'
        )
        JOIN traces USING (trace_id)
        WHERE trace_id IN ({", ".join(str(trace_id) for trace_id in trace_ids)})
        GROUP BY ALL ORDER BY trace
        """
    ).to_pylist()
    if not found:
        return []
    from traceql.read import kinds

    alike: dict[str, list[dict[str, Any]]] = {}
    for row in found:
        alike.setdefault(kinds.graph_option(row["profiler"]) or "", []).append(row)
    notes = []
    for option, rows in alike.items():
        graphs = sum(row["graphs"] for row in rows)
        text = (
            f"{counted(graphs, 'CUDA graph launches')} in {listed([row['trace'] for row in rows])} "
            f"{'holds' if graphs == 1 else 'hold'} kernels that are not recorded"
        )
        notes.append(Note("hidden_kernels", f"{text}: record with {option}." if option else f"{text}."))
    return notes


def _launched_elsewhere(run: Run, trace_ids: list[int]) -> list[Note]:
    """Notes on ranges whose GPU work only other threads of their process may have launched."""
    found = run(
        f"""
        SELECT trace, count(*) AS ranges, min(text) AS example
        FROM nvtx_ranges
        JOIN traces USING (trace_id)
        WHERE gpu_operations IS NULL AND NOT list_contains(missing, 'kernels')
            AND trace_id IN ({", ".join(str(trace_id) for trace_id in trace_ids)})
        GROUP BY ALL ORDER BY trace
        """
    ).to_pylist()
    if not found:
        return []
    ranges = counted(sum(row["ranges"] for row in found), "ranges")
    example, traces = found[0]["example"] or "without text", [row["trace"] for row in found]
    text = (
        f"{ranges} in {listed(traces)} ({example}{f' in {traces[0]}' if len(traces) > 1 else ''}) "
        "launched no work by their own thread, while other threads of the process did: --by process counts "
        "that."
    )
    return [Note("launched_elsewhere", text)]


def _metric_gaps(run: Run, catalog: Catalog, query: Query, in_scope: list[dict[str, Any]]) -> list[Note]:
    return [
        Note("not_measured", f"Not measured in {listed(names)}: recorded by {how}.")
        for names, options in _unmeasured(run, catalog, query, in_scope).items()
        for how in options
    ]


def _unmeasured(
    run: Run, catalog: Catalog, query: Query, in_scope: list[dict[str, Any]]
) -> dict[tuple[str, ...], list[str]]:
    """Names of traces → the ncu commands that record what the query reads and they lack."""
    wanted = catalog.metrics(query)
    if not wanted or not in_scope:
        return {}
    names = ", ".join(schema.literal(name) for names in wanted for name in names)
    ids = ", ".join(str(trace["trace_id"]) for trace in in_scope)
    measured = run(
        f"SELECT DISTINCT trace_id, metric FROM metrics WHERE metric IN ({names}) AND trace_id IN ({ids})"
    )
    held = {(row["trace_id"], row["metric"]) for row in measured.to_pylist()}
    lacking: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for metrics, ncu in wanted.items():
        traces = tuple(
            t["trace"] for t in in_scope if not any((t["trace_id"], metric) in held for metric in metrics)
        )
        if traces:
            lacking.setdefault(traces, {}).setdefault(ncu, []).append(metrics[0])
    return {
        traces: [
            f"ncu {ncu} ({', '.join(metrics)})" if ncu else f"ncu --metrics {','.join(metrics)}"
            for ncu, metrics in options.items()
        ]
        for traces, options in lacking.items()
    }


# Kinds of traces of which it is known how to record each table.
_WITH_OPTIONS = frozenset(kind for table in schema.TABLES for kind in table.collected_by)


def _holds(run: Run, trace: Mapping[str, Any], need: tuple[str, ...], options: Mapping[str, str]) -> bool:
    """Whether a trace has rows in a table of a need, where no option tells whether it can have any."""
    if options and trace["profiler"] in _WITH_OPTIONS:
        return False
    return any(
        run(f"SELECT 1 FROM {table} WHERE trace_id = {trace['trace_id']} LIMIT 1").num_rows
        for table in need
        if _of_trace(table)
    )


def _unstored(trace: Mapping[str, Any], need: tuple[str, ...]) -> bool:
    """Whether an older traceql did not store a table of a need, as `traceql.tables.migrations` says."""
    return not set(need).isdisjoint(migrations.not_stored(trace["unread"]))


def _lacks(trace: Mapping[str, Any], need: tuple[str, ...]) -> bool:
    """Whether a trace has none of the tables of a need that its kind of report can have."""
    possible = [table for table in need if trace["profiler"] in schema.BY_NAME[table].collected_by]
    return bool(possible) and all(table in trace["missing"] for table in possible)
