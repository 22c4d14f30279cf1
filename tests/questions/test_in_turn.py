"""The macro in_turn beside the window that says the same."""

from __future__ import annotations

import pytest

import traceql

# In no order, on GPUs of several traces, one of which has no number; many start together, and some last long.
_OPERATIONS = """
SELECT
    (hash(id, 'trace') % 3)::BIGINT - 1 AS trace_id,
    nullif((hash(id, 'gpu') % 3)::INTEGER, 2) AS gpu_id,
    (hash(id, 'start') % 400000)::BIGINT - 1000 AS start_ns,
    start_ns + CASE WHEN id % 1000 = 0 THEN 5000 ELSE (hash(id, 'end') % 4)::BIGINT END AS end_ns,
    id AS number
FROM range(200000) AS ids(id)
"""


@pytest.mark.long
def test_rows_in_turn_tell_until_when_a_gpu_is_busy_as_a_window_does() -> None:
    differing = traceql.Database(":memory:").sql(f"""
        WITH operations AS ({_OPERATIONS}),
        by_window AS (
            SELECT number, busy_until(start_ns, end_ns, number, (trace_id, gpu_id)) AS busy_until_ns
            FROM operations
        )
        SELECT
            count(*) AS operations,
            count(*) FILTER (by_turn.busy_until_ns IS DISTINCT FROM by_window.busy_until_ns) AS differing,
            count(*) FILTER (by_turn.busy_until_ns IS NULL) AS first_ones
        FROM in_turn('operations') AS by_turn
        JOIN by_window USING (number)
    """)
    assert differing.rows() == [(200_000, 0, 9)]
