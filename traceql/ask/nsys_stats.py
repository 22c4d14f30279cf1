"""A question as ``nsys stats`` answers it: its columns, and its rules where they are not ours.

What NVIDIA's report of that name cannot say is refused, rather than printed under its headers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql.ask import place
from traceql.ask.gaps import Note
from traceql.errors import MissingDataError, ParameterError, QueryError
from traceql.questions import nvidia

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from traceql.ask.answer import Asker
    from traceql.questions.parameters import Value
    from traceql.questions.question import Query

# Parameters of ours whose other values NVIDIA's reports have none of.
_FIXED: dict[str, Value] = {"by": "thread", "exact": True}
# Parameters of ours as NVIDIA's reports take them for granted.
_IMPLIED: dict[str, Value] = {"graphs": False, "by_request": True, "by_range": True}
_PROJECTIONS = ("nvtx_gpu_proj_sum", "nvtx_gpu_proj_trace")
_NUMBERED = ("nvtx_gpu_proj_trace", "nvtx_pushpop_trace")


def asked(ask: Asker, question: Query, params: dict[str, Value]) -> tuple[pa.Table, tuple[Note, ...]]:
    """The rows as nsys prints them, and what to know about them.

    Args:
        ask: the database.
        question: one of `nvidia.HEADERS`.
        params: its parameters.

    Raises:
        QueryError: NVIDIA's report has no such answer, or a parameter is wrong.
    """
    for name, value in _FIXED.items():
        if params.get(name, value) not in (value, None):
            raise ParameterError(
                f"{question.name} of nsys stats knows no {name} {str(params[name]).lower()}",
                f"Leave out --headers nvidia, or --{name}.",
            )
    implied = {
        name: value for name, value in _IMPLIED.items() if any(p.name == name for p in question.params)
    }
    params = {**params, **implied}
    limit = None
    if question.name == "um_sum":
        # The pages that moved fastest are not those that moved most.
        limit = params.get("limit", next(p.default for p in question.params if p.name == "limit"))
        params["limit"] = None
    try:
        answer = ask(question.name, **params)
    except MissingDataError as error:
        # nsys prints the headers of what was not recorded.
        return _nothing(ask, question), (Note("not_recorded", f"{error.message}. {error.remedy}"),)
    notes = list(answer.notes)
    tables = {"answer": answer.table}
    if question.name in _PROJECTIONS:
        _refuse_whole_graphs(ask, question, answer.table)
        known = {param.name for param in ask.catalog.find("nvtx_gpu_proj_trace").params}
        of_each = {name: value for name, value in params.items() if name in known}
        tables["single"] = ask("nvtx_gpu_proj_trace", **{**of_each, "range": "*"}).table
    if "graphs" in implied:
        notes += _left_out(ask, place.chosen_of(answer.parameters))
    if question.name in _NUMBERED:
        notes.append(
            Note("remark", "RangeId, ParentId and RangeStack are our range_ids: nsys counts rows of its own.")
        )
    if len(set(answer.table.column("trace").to_pylist())) > 1:
        notes.append(Note("remark", "NVIDIA's columns do not tell traces apart: name one with --trace."))
    # What lies outside the window counts no more here than in the answer.
    narrowed = place.of(ask.store.run, question, answer.parameters).narrowed
    table = ask.store.run(nvidia.statement(question.name), tables=tables, narrowed=narrowed)
    return (table if limit is None else table.slice(0, int(str(limit)))), tuple(notes)


def _left_out(ask: Asker, chosen: Sequence[str]) -> list[Note]:
    """Notes on the graphs of traces that NVIDIA's report has no rows for."""
    found = ask.store.run(
        "SELECT trace, count(*) AS graphs FROM graph_launches JOIN traces USING (trace_id) "
        f"WHERE {place.of_chosen(chosen)} GROUP BY trace ORDER BY trace"
    ).to_pylist()
    return [
        Note(
            "remark",
            f"{row['graphs']:,} graphs traced as a whole in {row['trace']} have no rows here, as in nsys "
            "stats: they have without --headers nvidia.",
        )
        for row in found
    ]


def _refuse_whole_graphs(ask: Asker, question: Query, answer: pa.Table) -> None:
    """Which projections a graph traced as a whole is part of is not told apart: nsys leaves it out.

    Raises:
        QueryError: a range of the answer's traces launched such a graph.
    """
    launched = ask.store.run(
        "SELECT DISTINCT trace FROM graph_launches JOIN traces USING (trace_id) "
        "WHERE range_id IS NOT NULL AND trace IN (SELECT trace FROM answer) ORDER BY trace",
        tables={"answer": answer},
    )
    if launched.num_rows:
        traces = ", ".join(launched.column("trace").to_pylist())
        raise QueryError(
            f"{question.name} of nsys stats leaves out graphs traced as a whole, which are GPU work of the "
            f"ranges here: {traces}",
            "Leave out --headers nvidia, or record with nsys profile --cuda-graph-trace=node.",
        )


def _nothing(ask: Asker, question: Query) -> pa.Table:
    def of_no_rows(columns: dict[str, str]) -> pa.Table:
        casts = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in columns.items())
        return ask.store.run(f"SELECT {casts} WHERE false")

    single = ask.catalog.find("nvtx_gpu_proj_trace")
    tables = {
        name: of_no_rows({column.name: column.type for column in found.columns})
        for name, found in (("answer", question), ("single", single))
    }
    return ask.store.run(nvidia.statement(question.name), tables=tables)
