"""What a trace holds within a window of time or an NVTX range: SELECTs over ``old.TABLE``, for all questions.

Views of them stand in for the tables while a question is answered, which knows nothing of it. They hold whole
rows: nothing is cut at the window's ends.

**From and to**: what ran for some of the time, ``start < to`` and ``end >= from``, as ``nsys stats
--filter-time`` takes it. The answer is that of a trace which holds nothing else: GPU work whose launching
call lies outside has no call and no range, and a range has the GPU work that is left of its own. Whether only
other threads launched work during a range follows from the calls that are left, too.

**Within a range**: what belongs to its instances, process by process. NVTX ranges that lie in one from start
to end; calls that start in one, on any thread; GPU work by the call that launched it, whenever it runs;
samples of GPUs while the range's own work runs there. Depths and paths of ranges are of the whole trace, and
so is the range that a call belongs to: where that one crosses the asked range, the call belongs to none.
Stacks of ids hold the ranges that are left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from traceql.tables import migrations, rules, schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from traceql.tables.schema import Table

#: View of the stretches of time that the instances of the range last, joined where they meet.
SPANS = "window_spans"
#: View of the time of each trace that is looked at.
LOOKED_AT = "looked_at"
# The same of their work on GPUs, what lies in them, and what lies between from and to.
_GPU_SPANS, _WITHIN, _CALLS, _RANGES = "window_gpu_spans", "window_within", "window_calls", "window_ranges"
# Of a range that was never closed: later than anything.
_NEVER = 9223372036854775807
# What ended before it began has no end.
_END = "coalesce(end_ns, start_ns)"

# About the recording, made before the work that they tell of, or together what is there at a time.
_WHOLE = frozenset(
    {"diagnostics", "graph_events", "graph_nodes", "memory_events", "memory_pool_events", "event_records"}
)
_OF_RANGES = frozenset({"nvtx_ranges", "range_ancestors", "range_calls"})


@dataclass(frozen=True)
class Window:
    """What a question is narrowed to.

    Attributes:
        from_ns: only what ends then or later; None for the start of the trace.
        to_ns: only what starts before; None for the end.
        range: only what lies in NVTX ranges like this, a pattern of LIKE whose escape is a backslash; None
            for anywhere.
        instance: which of them in each process, from 0; None for all.
        shifts: number of a trace, and what is to be added to its times to get those of the clock of `from_ns`
            and `to_ns`; none for their own.
    """

    from_ns: int | None = None
    to_ns: int | None = None
    range: str | None = None
    instance: int | None = None
    shifts: tuple[tuple[int, int], ...] = ()


def selects(window: Window) -> dict[str, str]:
    """Table → a SELECT of what lies in the window, in the order in which views of them can be made.

    The SELECTs read tables as ``old.TABLE``, and each other by their names.
    """
    spans: dict[str, str] = {}
    within: dict[str, str] = {}
    if window.range is not None:
        spans = {
            SPANS: _spans(window.range, window.instance),
            _GPU_SPANS: _gpu_spans(),
            _WITHIN: _ranges_within(),
        }
        within = _within()
    spans[LOOKED_AT] = _looked_at(window)
    if window.from_ns is None and window.to_ns is None:
        return spans | within
    times = _times(*_ends(window))
    return spans | {name: migrations.over(sql, within, "old.") for name, sql in times.items()}


def _looked_at(window: Window) -> str:
    """From where to where the window reaches; within a range, as far as what lies in it."""
    start, end = ("0", "trace_duration_ns") if window.range is None else ("NULL", "NULL")
    from_ns, to_ns = _ends(window)
    if from_ns is not None:
        start = f"greatest({from_ns}, 0)"
    if to_ns is not None:
        end = f"least({to_ns}, trace_duration_ns)"
    return f"SELECT trace_id, trace, {start}::BIGINT AS since_ns, {end}::BIGINT AS until_ns FROM old.traces"


def _ends(window: Window) -> tuple[str | None, str | None]:
    """From and to, on the clock of the trace that a row belongs to."""

    def own(at_ns: int | None) -> str | None:
        if at_ns is None or not window.shifts:
            return None if at_ns is None else str(at_ns)
        cases = " ".join(f"WHEN {trace_id} THEN {at_ns - shift_ns}" for trace_id, shift_ns in window.shifts)
        return f"CASE trace_id {cases} ELSE {at_ns} END"

    return own(window.from_ns), own(window.to_ns)


def narrowed() -> tuple[Table, ...]:
    """The tables of which a window leaves a part, those of ranges last."""
    timed = [table for table in schema.TABLES if _time(table) and table.name not in _WHOLE | _OF_RANGES]
    return (*timed, *(table for table in schema.TABLES if table.name in _OF_RANGES))


def _time(table: Table) -> tuple[str, str] | None:
    """The columns that say when a row began and ended; None where nothing does."""
    names = {column.name for column in table.columns}
    if "trace_id" not in names:
        return None
    return ("start_ns", _END) if "start_ns" in names else ("time_ns",) * 2 if "time_ns" in names else None


def _has(table: Table, column: str) -> bool:
    return any(one.name == column for one in table.columns)


# --- from and to ----------------------------------------------------------------------------------------

_RANGE_TIME = ("start_ns", f"coalesce(end_ns, CASE style WHEN 'mark' THEN start_ns ELSE {_NEVER} END)")


def _times(from_ns: str | None, to_ns: str | None) -> dict[str, str]:
    def inside(start: str, end: str) -> str:
        limits = [] if to_ns is None else [f"{start} < {to_ns}"]
        # What has no time is in no window.
        limits += [f"{start} IS NOT NULL"] if from_ns is None else [f"{end} >= {from_ns}"]
        return " AND ".join(limits)

    found = {
        _CALLS: f"SELECT api_call_id FROM old.api_calls WHERE {inside('start_ns', _END)}",
        _RANGES: f"SELECT range_id FROM old.nvtx_ranges WHERE {inside(*_RANGE_TIME)}",
    }
    for table in narrowed():
        if times := _time(table):
            links = [
                f"CASE WHEN api_call_id IN (FROM {_CALLS}) THEN {link} END AS {link}"
                for link in ("api_call_id", "range_id")
                if _has(table, link) and _has(table, "device_id")
            ]
            columns = f"* REPLACE ({', '.join(links)})" if links else "*"
            found[table.name] = f"SELECT {columns} FROM old.{table.name} WHERE {inside(*times)}"
    return found | {
        "nvtx_ranges": _ranges_with_their_work(inside(*_RANGE_TIME), from_ns, to_ns),
        **_of_ranges(f"FROM {_RANGES}", f"api_call_id IN (FROM {_CALLS})"),
    }


def _of_ranges(ranges: str, calls: str) -> dict[str, str]:
    """What ranges have to do with each other and with calls, of those that are left."""
    return {
        "range_ancestors": "SELECT * FROM old.range_ancestors "
        f"WHERE range_id IN ({ranges}) AND ancestor_id IN ({ranges})",
        "range_calls": f"SELECT * FROM old.range_calls WHERE range_id IN ({ranges}) AND {calls}",
    }


def _ranges_with_their_work(inside: str, from_ns: str | None, to_ns: str | None) -> str:
    """The ranges that are left; those that the ends of the window cut, with the GPU work that is left."""
    cut = []
    if from_ns is not None:
        cut += [f"start_ns < {from_ns}", f"gpu_start_ns < {from_ns}"]
    if to_ns is not None:
        # What ends with the window may have begun with its end, and is not in it.
        cut += [f"{_RANGE_TIME[1]} > {to_ns}", f"gpu_end_ns >= {to_ns}"]
    return f"""
WITH kept AS (
    SELECT *, gpu_operations > 0 AND ({" OR ".join(cut)}) AS is_cut FROM old.nvtx_ranges WHERE {inside}
),
operations AS (
    SELECT api_call_id, start_ns, end_ns FROM kernels WHERE api_call_id IS NOT NULL
    UNION ALL
    SELECT api_call_id, start_ns, end_ns FROM memory_ops WHERE api_call_id IS NOT NULL
    UNION ALL
    SELECT api_call_id, start_ns, end_ns FROM graph_launches WHERE api_call_id IS NOT NULL
),
held AS (
    SELECT kept.range_id, operations.*
    FROM kept
    JOIN api_calls ON api_calls.trace_id = kept.trace_id AND api_calls.process_id = kept.process_id
        AND api_calls.tid = kept.tid AND api_calls.start_ns >= kept.start_ns
        AND api_calls.start_ns < coalesce(kept.end_ns, {_NEVER})
        AND coalesce(api_calls.end_ns, api_calls.start_ns) <= coalesce(kept.end_ns, {_NEVER})
    JOIN operations USING (api_call_id)
    WHERE is_cut
),
covered AS (
    SELECT
        *,
        max(end_ns) OVER (
            PARTITION BY range_id ORDER BY start_ns, end_ns ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS busy_until_ns
    FROM held
),
left_over AS (
    SELECT
        range_id,
        min(start_ns) AS left_start_ns,
        max(end_ns) AS left_end_ns,
        (sum(greatest(0, end_ns - greatest(start_ns, coalesce(busy_until_ns, start_ns))))
            FILTER (end_ns IS NOT NULL))::BIGINT AS left_busy_ns,
        count(*) AS left_operations,
        count(DISTINCT api_call_id) AS left_launches
    FROM covered
    GROUP BY range_id
),
-- Without work of their own thread, or with none that is left: the calls in the window decide.
idle AS (
    SELECT range_id, trace_id, process_id, tid, end_tid, start_ns, coalesce(end_ns, {_NEVER}) AS until_ns
    FROM kept
    ANTI JOIN left_over USING (range_id)
    WHERE style <> 'mark' AND (coalesce(gpu_operations, 0) = 0 OR is_cut)
),
launching AS (
    SELECT trace_id, process_id, tid, start_ns, end_ns
    FROM api_calls
    WHERE EXISTS (FROM idle) AND api_call_id IN (SELECT api_call_id FROM operations)
),
elsewhere AS (
    {rules.rule("launched_elsewhere")}
),
judged AS (
    SELECT
        kept.*,
        elsewhere.range_id IS NOT NULL OR trace_id IN (
            SELECT trace_id FROM traces WHERE list_contains(missing, 'kernels')
        ) AS is_unknown
    FROM kept
    LEFT JOIN elsewhere USING (range_id)
)
SELECT
    * EXCLUDE (
        is_cut, is_unknown, left_start_ns, left_end_ns, left_busy_ns, left_operations, left_launches
    ) REPLACE (
        CASE WHEN is_cut THEN left_start_ns ELSE gpu_start_ns END AS gpu_start_ns,
        CASE WHEN is_cut THEN left_end_ns ELSE gpu_end_ns END AS gpu_end_ns,
        CASE WHEN is_cut THEN left_busy_ns ELSE gpu_busy_ns END AS gpu_busy_ns,
        CASE WHEN is_unknown THEN NULL WHEN is_cut THEN coalesce(left_operations, 0)
             ELSE coalesce(gpu_operations, 0) END AS gpu_operations,
        CASE WHEN is_unknown THEN NULL WHEN is_cut THEN coalesce(left_launches, 0)
             ELSE coalesce(launches, 0) END AS launches
    )
FROM judged
LEFT JOIN left_over USING (range_id)"""


# --- within a range -------------------------------------------------------------------------------------


def _ranges_within() -> str:
    # A range holds its start and not its end; one without length holds itself.
    return f"""
SELECT kept.* FROM old.nvtx_ranges AS kept
ASOF JOIN {SPANS} AS spans
    ON spans.trace_id = kept.trace_id AND spans.process_id = kept.process_id
    AND spans.from_ns <= kept.start_ns
WHERE (kept.start_ns < to_ns OR kept.start_ns = from_ns)
    AND coalesce(kept.end_ns, CASE style WHEN 'mark' THEN kept.start_ns ELSE {_NEVER} END) <= to_ns"""


def _within() -> dict[str, str]:
    ids = f"SELECT range_id FROM {_WITHIN}"
    found = {}
    for table in narrowed():
        if times := _time(table):
            columns = (
                f"kept.* REPLACE (CASE WHEN kept.range_id IN ({ids}) THEN kept.range_id END AS range_id)"
                if _has(table, "range_id")
                else "kept.*"
            )
            found[table.name] = _started_within(table, columns, times[0])
    calls = "api_call_id IN (SELECT api_call_id FROM api_calls)"
    return found | {"nvtx_ranges": f"SELECT * FROM {_WITHIN}", **_of_ranges(ids, calls)}


def _started_within(table: Table, columns: str, started: str) -> str:
    if not _has(table, "process_id"):
        return f"""
SELECT kept.* FROM old.{table.name} AS kept
ASOF JOIN {_GPU_SPANS} AS spans ON spans.trace_id = kept.trace_id AND spans.from_ns <= kept.{started}
WHERE kept.{started} < to_ns"""
    if _has(table, "device_id") and _has(table, "api_call_id"):
        # By the launching call; without one on record, by the work's own start.
        return f"""
SELECT {columns} FROM (
    SELECT asked.api_call_id, asked.start_ns AS call_ns FROM old.api_calls AS asked
) AS calls
RIGHT JOIN old.{table.name} AS kept ON calls.api_call_id = kept.api_call_id
ASOF JOIN {SPANS} AS spans
    ON spans.trace_id = kept.trace_id AND spans.process_id = kept.process_id
    AND spans.from_ns <= coalesce(call_ns, kept.{started})
WHERE coalesce(call_ns, kept.{started}) < to_ns"""
    return f"""
SELECT {columns} FROM old.{table.name} AS kept
ASOF JOIN {SPANS} AS spans
    ON spans.trace_id = kept.trace_id AND spans.process_id = kept.process_id
    AND spans.from_ns <= kept.{started}
WHERE kept.{started} < to_ns"""


def _spans(pattern: str, instance: int | None) -> str:
    numbered = "row_number() OVER (PARTITION BY trace_id, process_id ORDER BY start_ns, range_id)"
    chosen = "" if instance is None else f"QUALIFY {numbered} = {instance + 1}"
    return f"""
WITH asked AS (
    SELECT trace_id, process_id, start_ns AS from_ns, coalesce(end_ns, {_NEVER}) AS to_ns
    FROM old.nvtx_ranges
    WHERE style <> 'mark' AND text LIKE {schema.literal(pattern)} ESCAPE '\\'
    {chosen}
)
{_joined("asked", ("trace_id", "process_id"))}"""


def _gpu_spans() -> str:
    return f"""
WITH asked AS (
    SELECT nvtx_ranges.trace_id, min(gpu_start_ns) AS from_ns, max(gpu_end_ns) AS to_ns
    FROM old.nvtx_ranges AS nvtx_ranges
    JOIN {SPANS} AS spans
        ON spans.trace_id = nvtx_ranges.trace_id AND spans.process_id = nvtx_ranges.process_id
        AND nvtx_ranges.start_ns >= from_ns AND coalesce(nvtx_ranges.end_ns, {_NEVER}) <= to_ns
    WHERE gpu_operations > 0
    GROUP BY nvtx_ranges.trace_id, spans.process_id, from_ns
)
{_joined("asked", ("trace_id",))}"""


def _joined(asked: str, keys: Iterable[str]) -> str:
    """Stretches of time that overlap or meet become one: the last that began before a moment decides.

    Of equal ones the one that begins a stretch comes first.
    """
    columns = ", ".join(keys)
    return f""",
marked AS (
    SELECT *, from_ns > max(to_ns) OVER (
        PARTITION BY {columns} ORDER BY from_ns, to_ns ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS begins
    FROM {asked}
),
numbered AS (
    SELECT *, count(*) FILTER (begins IS NOT false) OVER (
        PARTITION BY {columns} ORDER BY from_ns, to_ns, begins IS false ROWS UNBOUNDED PRECEDING
    ) AS stretch
    FROM marked
)
SELECT {columns}, min(from_ns) AS from_ns, max(to_ns) AS to_ns
FROM numbered
GROUP BY {columns}, stretch"""
