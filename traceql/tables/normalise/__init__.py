"""Raw tables → canonical tables, one SQL file per step.

A step names the raw tables and columns that it reads:

    -- @raw   CUPTI_ACTIVITY_KIND_KERNEL
    -- @reads start BIGINT
    -- @reads end   BIGINT
    -- @raw   CUDA_GRAPH_NODE_EVENTS|CUDA_GRAPH_EVENTS    (the first one that exists)
    -- @reads graphNodeId BIGINT
    -- @raw   TARGET_INFO_GPU
    -- @reads id|deviceId INTEGER                         (the first one that has a value)
    -- @only  eventClass IS DISTINCT FROM 67              (of a table in pieces: SQL for the rows that count)
    -- @numbers position                                  (its rows, from 1, in their order)
    -- @finds range_id                                    (of a table in pieces: a BIGINT that a SELECT finds)
    -- @pieces correlationId                              (large: a million rows at a time, see below)
    -- @of    CUPTI_ACTIVITY_KIND_KERNEL                  (without rows of these there is nothing to do)
    -- @of    TARGET_INFO_SESSION_START_TIME.systemClockNs  (nor without a value in this column)
    -- @when  nvtx_events                                 (nor without rows of this temporary table)
    -- @fills kernels = CUPTI_ACTIVITY_KIND_KERNEL        (a row of the one for each row of the other)

and finds each as ``raw_<NAME>`` (after FROM or JOIN) with exactly those columns and types. What a report does
not have is NULL, or has no rows: the differences between tool versions live in these lines, not in the SQL.
Rows that are numbered by the header can be stored by several threads; ``row_number() OVER ()`` takes one.
A step that takes a large table piece by piece runs for each of them. Between which values of the named
column its rows are it finds in the variables ``least`` and ``greatest`` (NULL where there is one piece), so
that what it joins them with is small. What a SELECT of the step finds for the rows of that table, one for
each in their order, stands beside them for the statements behind it: a join that needs few columns had better
not move all of them.

That a table is filled with as many rows as its source has is asserted after the step: ``= A + B`` where
there are two, ``= OSRT_API WHERE eventClass = 27`` where some rows are no events of the kind (the step's
comment says why). The source can be a temporary table of an earlier step. ``@fills threads``, without a
source, is a table of what others tell. ``FROM rule_NAME`` is a rule that others follow, too: see
`rules.applied`.

Steps run in order, in one transaction, and may use the variables ``trace_id`` and ``origin_ns`` (what the
clock shows at the start of the trace) as well as temporary tables of earlier steps. A step sees no other
trace: an id is the trace's number times 2^32 plus a row number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from traceql.read import kinds
from traceql.tables import rules, sqlfiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from traceql.read.base import Wanted

_RAW = re.compile(r"\b(FROM|JOIN)\s+(raw_\w+)(?:\s+AS\s+(\w+))?")

#: The pipelines. The order matters: ranges come before the API calls made inside them, these before the GPU
#: work that they launched, and what the ranges caused on the GPU comes last.
STEPS: dict[str, tuple[str, ...]] = {
    "nsys": (
        "strings",
        "clock",
        "nvtx_payloads",
        "python_frames",
        "nvtx_events",
        "range_steps",
        "uneven_ranges",
        "range_crossing",
        "range_parents",
        "range_nesting",
        "range_joining",
        "range_lying",
        "range_tree",
        "deep_ranges",
        "range_depths",
        "range_beside",
        "api_calls",
        "call_stacks",
        "backtraces",
        "gpus",
        "startend_calls",
        "outlasted_ranges",
        "outlasting_calls",
        "outlasting_holders",
        "crossing_calls",
        "launching_calls",
        "shared_ids",
        "outer_calls",
        "other_calls",
        "kernels",
        "memory_ops",
        "memory_events",
        "memory_pool_events",
        "event_records",
        "syncs",
        "graph_launches",
        "graph_nodes",
        "graph_events",
        "gpu_operations",
        "unusual_operations",
        "launched_operations",
        "crowded_operations",
        "range_work",
        "range_launches",
        "range_meetings",
        "range_crowds",
        "range_beside_work",
        "idle_ranges",
        "launched_elsewhere",
        "nvtx_ranges",
        "os_calls",
        "cpu_samples",
        "python_samples",
        "thread_states",
        "message_calls",
        "openacc_calls",
        "openmp_calls",
        "cuda_library_calls",
        "profiler_overhead",
        "um_cpu_page_faults",
        "um_gpu_page_faults",
        "gpu_samples",
        "counter_samples",
        "gpu_context_switches",
        "streams",
        "contexts",
        "generic_events",
        "threads",
        "processes",
        "diagnostics",
        "odd_work",
        "suspicions",
        "suspects",
        "doubts",
        "trace",
    ),
    "ncu": (
        "kernels",
        "metrics",
        "streams",
        "kernel_clusters",
        "metric_instances",
        "sass_instructions",
        "ncu_ranges",
        "advice",
        "focus_metrics",
        "source_markers",
        "launch_stacks",
        "processes",
        "gpus",
        "trace",
    ),
}

# Tags that say what there is once of a raw table; and all of which one counts.
_OF_TABLES = frozenset({"numbers", "only", "finds"})
_ONCE = _OF_TABLES | {"raw", "when", "pieces"}
_SOURCE = re.compile(r"(?P<table>\w+) = (?P<names>\w+(?: \+ \w+)*)(?: WHERE (?P<condition>.+))?")


@dataclass(frozen=True)
class RawColumn:
    """A column that a step reads.

    Attributes:
        names: the column's names in different tool versions, preferred one first; the first is the name
            in the view.
        type: DuckDB type in the view.
    """

    names: tuple[str, ...]
    type: str


@dataclass(frozen=True)
class RawView:
    """A raw table that a step reads, under its alternative names, with the columns it needs.

    `numbered` names the column, a BIGINT, that counts its rows; None where nobody asks. `found` names those,
    BIGINT, that a statement of the step finds for its rows. `pieces` names the column by whose values a large
    one is looked at piece by piece; None where it is as a whole. `only` is SQL for the rows of it that count;
    None for all.
    """

    tables: tuple[str, ...]
    columns: tuple[RawColumn, ...]
    numbered: str | None = None
    found: tuple[str, ...] = ()
    pieces: str | None = None
    only: str | None = None

    @property
    def name(self) -> str:
        """Name of the view."""
        return f"raw_{self.tables[0]}"


@dataclass(frozen=True)
class Source:
    """Where the rows of a canonical table come from: one for each.

    Attributes:
        table: the canonical table.
        text: as the header says it.
        sql: a SELECT that counts the rows.
        wholes: raw views that it is all rows of, for which nobody needs SQL; empty if it is something else.
    """

    table: str
    text: str
    sql: str
    wholes: tuple[str, ...]

    def count_from(self, sources: Mapping[str, str]) -> str:
        """SQL for the rows that the table should have, reading each raw view from the given query."""
        return _reading(self.sql, sources)


@dataclass(frozen=True)
class Step:
    """One normalising step.

    Attributes:
        label: its file.
        views: the raw views it needs.
        of: those of them whose rows it is made for: where all are empty there is nothing to do; none if it
            always has something to do. Each with the column that has to have a value; None for any row.
        when: temporary table of an earlier step: without rows in it there is nothing to do; None for always.
        fills: the canonical tables it fills.
        sources: of those that have a row for each row of something else.
        sql: its statements.
    """

    label: str
    views: tuple[RawView, ...]
    of: Mapping[RawView, RawColumn | None]
    when: str | None
    fills: tuple[str, ...]
    sources: tuple[Source, ...]
    sql: str

    def sql_from(self, sources: Mapping[str, str]) -> str:
        """Its statements, reading each raw view from the given query: to create and drop views takes longer.

        Raises:
            KeyError: they read a raw view that the header does not name.
        """
        return _reading(self.sql, sources)


@cache
def steps(kind: str) -> tuple[Step, ...]:
    """The pipeline of one kind of report."""
    pipeline = kinds.KINDS[kind].pipeline
    folder = resources.files(__package__) / pipeline
    return tuple(
        _step(sqlfiles.load(folder / f"{name}.sql", f"normalise/{pipeline}/{name}.sql"))
        for name in STEPS[pipeline]
    )


@cache
def wanted(kind: str) -> Wanted:
    """Every raw table and column that the pipeline of one kind reads, under all its names, in their order."""
    columns: dict[str, list[str]] = {}
    # What a step has nothing to do without is asked for before all else that it reads.
    asked = [step.of or step.views for step in steps(kind)] + [step.views for step in steps(kind)]
    for views in asked:
        for view in views:
            for table in view.tables:
                known = columns.setdefault(table, [])
                known.extend(n for c in view.columns for n in c.names if n not in known)
    return columns


def _step(file: sqlfiles.SqlFile) -> Step:
    views: list[tuple[str, list[RawColumn]]] = []
    numbered: dict[str, str] = {}
    found: dict[str, tuple[str, ...]] = {}
    pieces: dict[str, str] = {}
    only: dict[str, str] = {}
    fills: list[str] = []
    sources: list[Source] = []
    of: dict[str, RawColumn | None] = {}
    when = None
    # What there is once: of a step, or of one raw table. A step takes one table piece by piece.
    said: set[tuple[str, str | int]] = set()
    for tag in file.tags:
        words = tag.text.split()
        once = tag.name, tag.text if tag.name == "raw" else len(views) if tag.name in _OF_TABLES else 0
        if once in said:
            raise ValueError(f"{file.label}:{tag.line}: @{tag.name} is there already: one of them counts")
        if tag.name in _ONCE:
            said.add(once)
        if tag.name in ("only", "finds") and not _is_in_pieces(tag, file.tags):
            raise ValueError(
                f"{file.label}:{tag.line}: @{tag.name} is of a table in pieces: "
                "add '@pieces COLUMN' below the same '@raw TABLE'"
            )
        if tag.name == "raw" and len(words) == 1:
            views.append((words[0], []))
        elif tag.name == "reads" and len(words) == 2 and views:
            names, column_type = words
            views[-1][1].append(RawColumn(tuple(names.split("|")), column_type))
        elif tag.name == "numbers" and len(words) == 1 and views:
            numbered[views[-1][0]] = words[0]
        elif tag.name == "only" and words and views:
            only[views[-1][0]] = tag.text
        elif tag.name == "finds" and words and views:
            found[views[-1][0]] = tuple(words)
        elif tag.name == "pieces" and views and words in [[one.names[0]] for one in views[-1][1]]:
            pieces[views[-1][0]] = words[0]
        elif tag.name == "fills" and (source := _SOURCE.fullmatch(tag.text)):
            fills.append(source["table"])
            sources.append(_source(source, {name.split("|")[0] for name, _ in views}))
        elif tag.name == "fills" and all(word.isidentifier() for word in words):
            fills += words
        elif tag.name == "of" and set(words) <= (can_be := _made_for(views)).keys():
            of.update(can_be[word] for word in words)
        elif tag.name == "when" and len(words) == 1:
            when = words[0]
        else:
            where = f"{file.label}:{tag.line}"
            raise ValueError(
                f"{where}: expected '@raw TABLE', below it '@reads COLUMN TYPE', '@only CONDITION', "
                "'@numbers COLUMN', '@finds COLUMN …' and '@pieces COLUMN', "
                "'@of RAW_TABLE[.COLUMN] …', '@when TEMPORARY_TABLE', '@fills TABLE …', "
                "or '@fills TABLE = RAW_TABLE [+ …] [WHERE …]'"
            )
    needed = tuple(
        RawView(
            tuple(names.split("|")),
            tuple(columns),
            numbered.get(names),
            found.get(names, ()),
            pieces.get(names),
            only.get(names),
        )
        for names, columns in views
    )
    return Step(
        file.label,
        needed,
        {view: of[view.tables[0]] for view in needed if view.tables[0] in of},
        when,
        tuple(fills),
        tuple(sources),
        rules.applied(file.sql),
    )


def _is_in_pieces(tag: sqlfiles.Tag, tags: Sequence[sqlfiles.Tag]) -> bool:
    return any(one.name == "pieces" for one in _beside(tag, tags))


def _beside(tag: sqlfiles.Tag, tags: Sequence[sqlfiles.Tag]) -> list[sqlfiles.Tag]:
    """The tags of the raw table that a tag is of."""
    of: list[sqlfiles.Tag] = []
    for one in tags:
        if one.name == "raw":
            if tag in of:
                break
            of = []
        of.append(one)
    return of


def _made_for(views: list[tuple[str, list[RawColumn]]]) -> dict[str, tuple[str, RawColumn | None]]:
    """What a step can be made for, as its header says it: the rows of a table, or values of a column."""
    found: dict[str, tuple[str, RawColumn | None]] = {}
    for names, columns in views:
        table = names.split("|")[0]
        found[table] = table, None
        found |= {f"{table}.{column.names[0]}": (table, column) for column in columns}
    return found


def _reading(sql: str, sources: Mapping[str, str]) -> str:
    """SQL that reads each raw view from the given query."""
    return _RAW.sub(lambda found: f"{found[1]} ({sources[found[2]]}) AS {found[3] or found[2]}", sql)


def _source(match: re.Match[str], raw: set[str]) -> Source:
    condition = f" WHERE {match['condition']}" if match["condition"] else ""
    names = match["names"].split(" + ")
    read = [f"raw_{name}" if name in raw else name for name in names]
    counts = [f"(SELECT count(*) FROM {name}{condition})" for name in read]
    return Source(
        match["table"],
        match[0].partition(" = ")[2],
        f"SELECT {' + '.join(counts)}",
        tuple(read) if raw.issuperset(names) and not condition else (),
    )
