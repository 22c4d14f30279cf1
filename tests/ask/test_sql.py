"""SQL as people write it: over some traces only, and with the names of other tools."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from made.nsys import Recording, kernel

import traceql
from traceql.errors import ParameterError, QueryError
from traceql.questions import catalog
from traceql.tables import elsewhere, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql import Database


@pytest.fixture(scope="module")
def three() -> Iterator[Database]:
    with traceql.open(":memory:") as db:
        for name, end, mode in (("decode_1", 10, "off"), ("decode_16", 40, "nwor"), ("prefill", 30, "nwor")):
            recording = (
                Recording(mode=mode).range("step", 0, 5).call("cudaLaunchKernel", 1, 2, kernel("k", 3, end))
            )
            recording.store(db, name)
        yield db


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("decode_1", ["decode_1"]),
        (["prefill", "decode_1"], ["decode_1", "prefill"]),
        ("decode_*", ["decode_1", "decode_16"]),
        ("mode=nwor", ["decode_16", "prefill"]),
        (["mode=nwor", "decode_16"], ["decode_16", "prefill"]),
        ([], ["decode_1", "decode_16", "prefill"]),
    ],
)
def test_every_table_and_view_is_narrowed_to_the_traces_that_are_named(
    three: Database, words: str | list[str], names: list[str]
) -> None:
    """Each of the three has one kernel, one call and one range: what is left is counted everywhere."""
    one = "SELECT trace FROM {} NATURAL JOIN traces ORDER BY trace"
    for table in ("kernels", "api_calls", "nvtx_ranges", "range_ancestors", "gpu_operations", "kernel_calls"):
        assert three.sql(one.format(table), trace=words)["trace"].to_list() == names, table
    assert three.sql("SELECT count(*) FROM traces", trace=words).item() == len(names)


@pytest.mark.long
def test_no_table_of_a_trace_is_left_whole(three: Database) -> None:
    for table in schema.TABLES:
        if table.of_trace:
            left = three.sql(f"SELECT DISTINCT trace_id FROM {table.name}", trace="prefill")
            assert left.height <= 1, table.name
    views = [
        view.name for view in catalog.shipped().views.values() if "trace_id" in {c.name for c in view.columns}
    ]
    assert "kernel_calls" in views
    for view in views:
        assert three.sql(f"SELECT DISTINCT trace_id FROM {view}", trace="prefill").height <= 1, view


def test_the_next_statement_sees_all_traces_again(three: Database) -> None:
    assert three.sql("SELECT count(*) FROM kernels", trace="prefill").item() == 1
    assert three.sql("SELECT count(*) FROM kernels").item() == 3


def test_a_word_that_means_no_trace_is_an_error(three: Database) -> None:
    for word in ("prefil", "x*", "mode=none"):
        with pytest.raises(QueryError, match=r"no trace (is called|has the tag)"):
            three.sql("FROM kernels", trace=["prefill", word])


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "SELECT s.value FROM CUPTI_ACTIVITY_KIND_KERNEL k JOIN StringIds s ON s.id = k.shortName",
            "CUPTI_ACTIVITY_KIND_KERNEL is kernels. StringIds is resolved already: kernels.name",
        ),
        ("select * from cupti_activity_kind_runtime", "cupti_activity_kind_runtime is api_calls."),
        ("FROM NVTX_EVENTS", "NVTX_EVENTS is nvtx_ranges."),
        ("FROM ENUM_CUDA_MEMCPY_OPER", "ENUM_CUDA_MEMCPY_OPER is resolved already: numbers are texts."),
        (
            "FROM CUDA_GPU_MEMORY_USAGE_EVENTS",
            "CUDA_GPU_MEMORY_USAGE_EVENTS is memory_events.",
        ),
        ("FROM MPI_P2P_EVENTS", "MPI_P2P_EVENTS is library_calls, with library_messages or directives."),
        ("FROM CUDA_GRAPH_EVENTS", "CUDA_GRAPH_EVENTS is graph_events."),
        ("FROM VULKAN_API", "VULKAN_API is generic_events (source = 'VULKAN_API')."),
        (
            "FROM PERF_EVENT_SOC_OR_CPU_METRIC_EVENT",
            "PERF_EVENT_SOC_OR_CPU_METRIC_EVENT is counter_samples (source = 'soc').",
        ),
        ("FROM gpu_work", "gpu_work is gpu_operations now."),
        (
            "SELECT end - start FROM CUPTI_ACTIVITY_KIND_KERNEL",
            "CUPTI_ACTIVITY_KIND_KERNEL is kernels. end is end_ns.",
        ),
        ("SELECT sum(end - start) FROM kernels", "end is end_ns."),
        ("SELECT shortName FROM kernels", "shortName is name."),
        ("SELECT shortName FROM kernel_calls", "shortName is kernel."),
        ("SELECT demangledName FROM gpu_operations", "demangledName is full_name."),
        ("SELECT start FROM gpu_samples", "start is time_ns."),
        ("SELECT globalTid FROM api_calls", "globalTid is pid and tid."),
        ("SELECT globalPid FROM kernels", "globalPid is pid."),
        ("SELECT k.start FROM kernels AS k", "start is start_ns."),
        ("SELECT gridX FROM kernels", "gridX is grid_x."),
        ("SELECT kernels.correlationId FROM kernels", "correlationId is correlation_id."),
        ("SELECT traces.name FROM traces", "traces.name is traces.trace now."),
        ("SELECT processes.name FROM processes", "processes.name is processes.process now."),
    ],
)
def test_names_of_nvidia_and_of_before_are_answered_with_ours(
    three: Database, statement: str, said: str
) -> None:
    with pytest.raises(QueryError) as caught:
        three.sql(statement)
    assert said in caught.value.remedy
    assert caught.value.remedy.endswith("The tables and their columns: traceql schema")


@pytest.mark.parametrize(
    "statement",
    [
        "SELEC 1",
        "SELECT nothing FROM kernels",
        "SELECT sqrt('x')",
        "FROM nothing",
        # No table that is named has what these stand for.
        "SELECT gridX FROM api_calls",
        "SELECT count(*) AS launches FROM nothing",
        "SELECT nothing FROM environment WHERE variable = 'CUDA_VISIBLE_DEVICES'",
    ],
)
def test_other_faults_are_not_explained_with_names(three: Database, statement: str) -> None:
    with pytest.raises(QueryError) as caught:
        three.sql(statement)
    # DuckDB's own candidates may stand before it.
    assert caught.value.remedy.endswith("The tables and their columns: traceql schema")
    assert not re.search(r"nsys|ncu|In traceql", caught.value.remedy)


@pytest.mark.parametrize(
    ("question", "param", "said"),
    [
        ("top_kernels", "names", "names must be short, full or distinct"),
        ("instruction_mix", "of", "of must be opcode, modifier or category"),
        ("coverage", "by", "by must be thread or process"),
        ("cpu_flame_graph", "by", "by must be trace, process or thread"),
        ("cpu_flame_graph", "samples", "samples must be cpu or python"),
        ("slowest_steps", "by", "by must be thread or process"),
        ("slowest_steps", "samples", "samples must be cpu, python or *"),
    ],
)
def test_a_value_that_a_question_refuses_is_told_with_those_that_it_takes(
    question: str, param: str, said: str
) -> None:
    # Whatever the database holds.
    with traceql.open(":memory:") as database, pytest.raises(ParameterError) as caught:
        database.query(question, **{param: "foo"})
    assert caught.value.message == f"parameter {said}, not 'foo'"
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("FROM kernels_called('foo', '*')", "names must be short, full or distinct"),
        ("SELECT is_by_process('foo')", "by is thread or process, not foo"),
        ("SELECT lane_owner('foo', 1)", "by is gpu or process, not foo"),
    ],
)
def test_macros_refuse_other_words_in_sql_of_ones_own(statement: str, said: str) -> None:
    with traceql.open(":memory:") as database:
        Recording().call("cudaLaunchKernel", 1, 2, kernel("k", 3, 9)).store(database, "line")
        with pytest.raises(ParameterError) as caught:
            database.sql(statement)
    assert (caught.value.message, caught.value.remedy) == (said, f"That is what --{said.split()[0]} takes.")


@pytest.mark.parametrize(
    ("question", "param", "value"),
    [
        ("cuda_gpu_kern_hist", "bins", 0),
        ("cuda_gpu_time_util_map", "bins", -2),
        ("gpu_time_util", "chunks", 0),
        ("counters_over_time", "parts", 0),
        ("memory_over_time", "parts", None),
        ("kernel_durations", "slices", 0),
    ],
)
def test_nothing_is_cut_into_no_parts(three: Database, question: str, param: str, value: int | None) -> None:
    with pytest.raises(QueryError, match=f"parameter {param}: {value} is no number of parts"):
        three.query(question, **{param: value})


def test_labels_that_are_no_names_and_a_limit_below_none_are_refused(three: Database) -> None:
    with pytest.raises(QueryError, match="traces is a dict, not a text"):
        three.tag("decode_1", {"rank": "0"})  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="-3 is no number of rows"):
        three.query("top_kernels", limit=-3)
    assert three.query("top_kernels", limit=0).height == 0


@pytest.mark.parametrize(
    "given",
    [{"limit": -(10**5_000)}, {"from_": 10**5_000}, {"names": 10**5_000}, {"trace": ["a", 10**5_000]}],
)
@pytest.mark.parametrize("ask", ["query", "why"])
def test_a_number_that_nothing_can_hold_is_refused(three: Database, ask: str, given: dict[str, Any]) -> None:
    if ask == "why" and "from_" not in given:
        pytest.skip("takes no such parameter")
    with pytest.raises(QueryError, match="a number of more than 38 digits is no"):
        three.why(["decode_1"], **given) if ask == "why" else three.query("top_kernels", **given)


def test_what_stands_for_a_table_or_column_of_nvidia_is_there() -> None:
    columns = {column.name for table in schema.TABLES for column in table.columns}
    for said in elsewhere.TABLES.values():
        first = said.removeprefix("is ").partition(" ")[0].strip(":,")
        assert first in schema.BY_NAME or first in ("resolved", "not"), said
    columns |= {column.name for view in catalog.shipped().views.values() for column in view.columns}
    for names in elsewhere.COLUMNS.values():
        for ours in names:
            assert set(ours.split(" and ")) <= columns
    assert set(elsewhere.VIEWS.values()) <= set(catalog.shipped().views)
    for table, renamed in elsewhere.RENAMED.items():
        names = {column.name for column in schema.BY_NAME[table].columns}
        assert set(renamed.values()) <= names
        assert not set(renamed) & names


@pytest.mark.long
def test_every_view_of_rows_of_a_trace_names_it(three: Database) -> None:
    for view in catalog.shipped().views.values():
        names = [column.name for column in view.columns]
        if "trace_id" in names:
            assert "trace" in names, view.name
            found = three.sql(
                f"SELECT count(*) FROM {view.name} JOIN traces USING (trace_id) "
                f"WHERE {view.name}.trace IS DISTINCT FROM traces.trace"
            )
            assert found.item() == 0, view.name
