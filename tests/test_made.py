"""The makers of hand-made traces, and the form of a case, keep what they promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ask.answers.gpu.cuda_gpu_trace import CASES as GPU_TRACE
from ask.answers.memory.um_sum import MOVES
from ask.answers.ranges.range_launches import STEPS
from ask.answers.traces.trace_summary import TRACES
from made import case
from made.case import Case, across, down
from made.nsys import Recording, kernel, sync

import traceql
from traceql.tables import schema

if TYPE_CHECKING:
    from pathlib import Path

RECORDINGS = {
    "work": GPU_TRACE[0].traces["a"],
    "pages": MOVES,
    "ranges": STEPS,
    "session": TRACES["timeline"],
    "rest": Recording()
    .session(utc_ns=1_000_000_000, clock_ns=5)
    .thread(1, "main")
    .process(1, "/opt/app")
    .os_call("poll", 10, 20)
    .sample("SMs Active [Throughput %]", 15, 40)
    .graph_node(3, 12, original=2)
    .call("cudaStreamSynchronize_v3020", 10, 30, sync("Stream sync", 11, 29))
    .diagnostic("A message.", at=3, severity="warning", source="analysis"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_is_the_same_as_a_report_and_as_an_export(name: str, tmp_path: Path) -> None:
    recording = RECORDINGS[name]
    with recording.database() as one, traceql.open(":memory:") as other:
        other.ingest(recording.export(tmp_path / "made.sqlite"), name="made")
        tables = [table.name for table in schema.TABLES if table.of_trace and table.name != "traces"]
        filled = [table for table in tables if one.sql(f"FROM {table}").height]
        assert filled
        for table in tables:
            # Tables have no order of their own.
            ordered = f"FROM {table} ORDER BY ALL"
            assert one.sql(ordered).rows() == other.sql(ordered).rows(), table
        facts = "SELECT start_utc_ns, trace_duration_ns, gpu, complete FROM traces"
        assert one.sql(facts).rows() == other.sql(facts).rows()


def test_an_answer_is_written_across_or_down() -> None:
    wide = across(
        """
        name       n
        # a comment, and one behind a row
        two words  1 + 2   # three
        ''         NULL
        """
    )
    assert wide.columns == ("name", "n")
    assert wide.rows == (("two words", "1 + 2"), ("''", "NULL"))
    assert down("name  two words  ''\nn  1 + 2  NULL") == wide
    with pytest.raises(ValueError, match="1 cells in 2 columns"):
        across("name  n\nalone")


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("made  add  1  20  100  20  20  20  20  20  20", []),
        ("made  add  1  10 + 10  300/3  20  sqrt(400)  20  20  20  20", []),
        ("made  sub  1  20  100  20  20  20  20  20  20", ["kernel"]),
        ("made  add  1  21  100  20.0001  20  20  20  20  20", ["total_ns", "avg_ns"]),
        ("made  add  NULL  20  100  20  20  20  20  20  20", ["instances"]),
    ],
)
def test_a_cell_that_is_not_the_expected_one_is_found(row: str, wrong: list[str]) -> None:
    columns = (
        "trace  kernel  instances  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  p90_ns  p99_ns"
    )
    made = Case(
        "one kernel",
        traces={"made": Recording().work(kernel("add", 10, 30))},
        expected=across(f"{columns}\n{row}"),
    )
    with made.database() as database:
        found = case.differences("top_kernels", made, case.ask(database, "top_kernels", made))
    assert [cell.column for cell in found] == wrong


def test_a_missing_row_or_column_is_found() -> None:
    traces = {"made": Recording().os_call("poll", 0, 5)}
    columns = "trace  function  calls  total_ns  share_pct  avg_ns  median_ns  min_ns  max_ns  stddev_ns  p90_ns  p99_ns"
    for text, said in ((columns, "1 rows"), ("trace  function", "columns")):
        made = Case("none", traces=traces, expected=across(text))
        with made.database() as database:
            (cell,) = case.differences("osrt_sum", made, case.ask(database, "osrt_sum", made))
        assert cell.found.startswith(said)


def test_nothing_of_a_case_is_left_for_the_next_one() -> None:
    made = Case("one", traces={"made": Recording().os_call("poll", 0, 5)}, expected=across("none"))
    for _ in range(2):
        with made.database() as database:
            assert database.sql(
                "SELECT trace_id, os_call_id % 4294967296 AS number FROM os_calls"
            ).rows() == [(1, 1)]
