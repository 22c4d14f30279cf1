"""Idle times of GPUs, and those before kernels, beside windows that say the same, whatever lies in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from made import store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql import Database

# Kernels of two traces and three GPUs, one of which has no number. Each begins 10 ns after the one before, or 40; in
# two of three stretches it begins when that one has ended, or 1 ns before; in the third some begin together, last
# long, take no time or have no known end.
_IN_ORDER = """
SELECT
    1 + id // 6000 AS trace_id,
    trace_id * 4294967296 + id % 6000 AS kernel_id,
    'kernel_' || (hash(id, 'name') % 4)::VARCHAR AS name,
    nullif(id // 4000, 2)::INTEGER AS gpu_id,
    id // 640 % 3 = 1 AS is_odd,
    10 * id + 30 * (id // 100) - CASE WHEN is_odd AND id % 50 = 7 THEN 10 ELSE 0 END AS start_ns,
    CASE WHEN NOT is_odd THEN start_ns + 1 + (hash(id, 'end') % 11)::BIGINT
         WHEN id % 100 = 0 THEN start_ns + 100
         WHEN id % 300 <> 11 THEN start_ns + (hash(id, 'end') % 14)::BIGINT END AS end_ns
FROM range(12000) AS ids(id)
"""

_COPIES = """
SELECT
    (1 + hash(id, 'trace') % 2)::BIGINT AS trace_id,
    trace_id * 4294967296 + id AS memory_op_id,
    'memcpy' AS kind,
    nullif((hash(id, 'gpu') % 3)::INTEGER, 2) AS gpu_id,
    (hash(id, 'start') % 130000)::BIGINT - 500 AS start_ns,
    nullif(start_ns + (hash(id, 'end') % 30)::BIGINT, start_ns + 29) AS end_ns
FROM range({copies}) AS ids(id)
"""

#: What lies where: in order; in batches that lie anywhere; in none; of several GPUs in turn, always or at times; a
#: few by themselves; kernels whose numbers say nothing of their times.
ORDERS = {
    "in order": "FROM in_order ORDER BY kernel_id",
    "in batches": "FROM in_order ORDER BY hash(kernel_id // 500), kernel_id",
    "in no order": "FROM in_order ORDER BY hash(kernel_id)",
    "of several GPUs in turn": """
        SELECT * REPLACE (nullif((kernel_id % 3)::INTEGER, 2) AS gpu_id) FROM in_order ORDER BY kernel_id
    """,
    "a few too early and too late": """
        SELECT * REPLACE (
            CASE WHEN kernel_id % 700 = 5 THEN start_ns + 3000
                 WHEN kernel_id % 900 = 6 THEN start_ns - 3000
                 WHEN kernel_id % 400 = 9 THEN start_ns - 15 ELSE start_ns END AS start_ns,
            CASE WHEN kernel_id % 700 = 5 THEN end_ns + 3000
                 WHEN kernel_id % 900 = 6 THEN end_ns - 3000 ELSE end_ns END AS end_ns
        )
        FROM in_order ORDER BY kernel_id
    """,
    "of two GPUs in turn now and then": """
        SELECT * REPLACE (
            CASE WHEN kernel_id // 64 % 4 = 0 THEN kernel_id % 2 ELSE 1 END::INTEGER AS gpu_id,
            CASE WHEN kernel_id % 256 = 61 THEN start_ns + 100 ELSE end_ns END AS end_ns
        )
        FROM in_order ORDER BY kernel_id
    """,
    "by numbers that fall, some at the same time": """
        SELECT * REPLACE (
            kernel_id // 64 * 64 + 63 - kernel_id % 64 AS kernel_id,
            CASE kernel_id % 32 WHEN 1 THEN start_ns - 10 ELSE start_ns END AS start_ns,
            CASE kernel_id % 32 WHEN 0 THEN start_ns + 5 WHEN 1 THEN start_ns - 5 ELSE end_ns END AS end_ns
        )
        FROM in_order ORDER BY start_ns
    """,
    "by numbers that say nothing": """
        SELECT * REPLACE (trace_id * 4294967296 + hash(kernel_id) % 1000000000 AS kernel_id)
        FROM in_order ORDER BY start_ns
    """,
}

_BY_WINDOW = """
SELECT lane, busy_until_ns AS start_ns, start_ns AS end_ns
FROM (
    SELECT lane, start_ns, busy_until(start_ns, coalesce(end_ns, start_ns), 0, lane) AS busy_until_ns
    FROM (
        SELECT *, gpu_lane(trace_id, gpu_id) AS lane
        FROM gpu_operations
        WHERE trace_id IN (SELECT trace_id FROM asked)
            AND (end_ns > start_ns OR NOT {lasting})
    )
)
WHERE start_ns - busy_until_ns > {least}
"""


_BEFORE_KERNELS = """
WITH timed AS (
    SELECT
        trace_id,
        kind,
        operation_id,
        start_ns - busy_until(
            start_ns, coalesce(end_ns, start_ns), operation_number(kind, operation_id), (trace_id, gpu_id)
        ) AS idle_ns
    FROM gpu_operations
)
SELECT
    trace,
    kernels.name AS kernel,
    count(*) AS instances,
    sum(kernels.end_ns - kernels.start_ns)::BIGINT AS kernel_ns,
    coalesce(sum(CASE WHEN idle_ns < 0 THEN 0 ELSE idle_ns END), 0)::BIGINT AS gap_ns,
    median(CASE WHEN idle_ns < 0 THEN 0 ELSE idle_ns END) AS median_gap_ns
FROM timed
JOIN kernels ON timed.kind = 'kernel' AND timed.operation_id = kernel_id
JOIN traces ON traces.trace_id = kernels.trace_id
WHERE trace IN ({traces})
GROUP BY ALL
ORDER BY trace, gap_ns DESC, kernel
"""


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    yield store.empty()


def _filled(database: Database, order: str, copies: int) -> Database:
    store.clear(database)
    with database._store.writing("rows") as connection:
        connection.execute("INSERT INTO traces (trace_id, trace) VALUES (1, 'a'), (2, 'b')")
        connection.execute(
            "INSERT INTO api_calls (api_call_id, trace_id) VALUES (4294967297, 1), (8589934593, 2)"
        )
        connection.execute(f"""
            INSERT INTO kernels BY NAME
            WITH in_order AS ({_IN_ORDER}) SELECT * EXCLUDE (is_odd) FROM ({ORDERS[order]})
        """)
        connection.execute(f"INSERT INTO memory_ops BY NAME {_COPIES.format(copies=copies)}")
    return database


@pytest.mark.long
@pytest.mark.parametrize("copies", [0, 40, 5000])
@pytest.mark.parametrize("order", ORDERS)
def test_idle_times_are_those_of_a_window_over_all_operations(
    database: Database, order: str, copies: int
) -> None:
    filled = _filled(database, order, copies)
    for traces in ("1, 2", "2"):
        for least, lasting, most in ((0, False, 5), (7, True, 0), (3, False, "NULL"), (0, True, 1000)):
            (found,) = filled.sql(f"""
                WITH asked AS (
                    SELECT DISTINCT trace_id, gpu_id, gpu_lane(trace_id, gpu_id) AS lane
                    FROM gpu_operations WHERE trace_id IN ({traces})
                ),
                found AS MATERIALIZED (FROM idle_times(asked, {least}, {most}, {lasting})),
                told AS (FROM found WHERE start_ns IS NOT NULL),
                whole AS MATERIALIZED ({_BY_WINDOW.format(lasting=lasting, least=least)}),
                longest AS (
                    FROM whole QUALIFY row_number() OVER (
                        PARTITION BY lane ORDER BY end_ns - start_ns DESC, start_ns
                    ) <= coalesce({most}, 1000000)
                ),
                sums AS (
                    SELECT lane, sum(gaps) AS gaps, sum(idle_ns) AS idle_ns FROM found GROUP BY lane
                ),
                whole_sums AS (
                    SELECT lane, count(*) AS gaps, sum(end_ns - start_ns) AS idle_ns FROM whole GROUP BY lane
                )
                SELECT
                    (SELECT count(*) FROM whole) AS gaps,
                    (SELECT count(*) FROM (FROM sums EXCEPT FROM whole_sums)) AS other_sums,
                    (SELECT count(*) FROM (FROM whole_sums EXCEPT FROM sums)) AS lacking_sums,
                    (SELECT count(*) FROM (FROM longest EXCEPT SELECT lane, start_ns, end_ns FROM told))
                        AS lacking,
                    (SELECT count(*) FROM (SELECT lane, start_ns, end_ns FROM told EXCEPT ALL FROM whole))
                        AS made_up
            """).rows()
            gaps, *wrong = found
            assert gaps > 300 and wrong == [0, 0, 0, 0], (traces, least, lasting, most, found)


@pytest.mark.long
@pytest.mark.parametrize("copies", [0, 40, 5000])
@pytest.mark.parametrize("order", ORDERS)
def test_gaps_before_kernels_are_those_of_a_window_over_all_operations(
    database: Database, order: str, copies: int
) -> None:
    filled = _filled(database, order, copies)
    for traces in (["a", "b"], ["b"]):
        expected = filled.sql(_BEFORE_KERNELS.format(traces=", ".join(f"'{trace}'" for trace in traces)))
        told = filled.query("launch-overhead", trace=traces)
        columns = [told.columns.index(column) for column in expected.columns]
        assert [tuple(row[at] for at in columns) for row in told.rows()] == expected.rows(), traces
        assert len(told.rows()) == 4 * len(traces)


def test_blocks_that_nothing_disturbs_are_not_sorted(database: Database) -> None:
    told = _filled(database, "in order", 0).sql("""
        WITH asked AS (
            SELECT DISTINCT trace_id, gpu_id, gpu_lane(trace_id, gpu_id) AS lane FROM gpu_operations
        )
        SELECT count(*) FILTER (start_ns IS NULL) AS sums, sum(gaps) FILTER (start_ns IS NULL) > 500 AS are_most
        FROM idle_times(asked, 0, 0, false)
    """)
    assert told.rows() == [(4, True)]
