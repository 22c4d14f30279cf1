"""Green contexts, what is made of graphs, why memory migrates, clusters, and what Linux counts: recordings of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shipped import REPORTS

import traceql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql import Database

FORMS = ("nsys-rep", "sqlite")


@pytest.fixture(scope="module")
def recorded() -> Iterator[Database]:
    """The recordings, of each the report and its export."""
    with traceql.open(":memory:") as database:
        for form in FORMS:
            for name in ("green_contexts", "os_events"):
                database.ingest(REPORTS / f"{name}.{form}.xz", name=f"{name} {form}")
        yield database


def rows(database: Database, sql: str, trace: str) -> list[tuple[object, ...]]:
    of = "(SELECT trace_id FROM traces WHERE trace = $trace)"
    return database.sql(sql.replace("of_trace", f"trace_id = {of}"), {"trace": trace}).rows()


@pytest.mark.parametrize("form", FORMS)
def test_work_of_a_green_context_is_told_from_that_of_its_context(recorded: Database, form: str) -> None:
    """The program launches four kernels in each of two green contexts, and seven in neither."""
    sql = "SELECT green_context_id, stream_id, count(*) FROM kernels WHERE of_trace AND context_id = 1 GROUP BY ALL ORDER BY ALL"
    assert rows(recorded, sql, f"green_contexts {form}") == [(2, 15, 4), (3, 18, 4), (None, 7, 7)]
    sql = "SELECT context_id, is_green, parent_context_id, default_stream_id FROM contexts WHERE of_trace ORDER BY ALL"
    assert rows(recorded, sql, f"green_contexts {form}") == [
        (1, False, None, 7),
        (2, True, 1, 14),
        (3, True, 1, 17),
    ]


@pytest.mark.parametrize("form", FORMS)
def test_a_stream_of_a_green_context_has_the_name_that_nvtx_gives_it(recorded: Database, form: str) -> None:
    """NVTX names it in the green context, CUDA knows it in the one around that: it is one stream."""
    sql = "SELECT context_id, stream_id, stream_type FROM streams WHERE of_trace AND stream = '{}'"
    for stream, name in ((15, "decode"), (18, "prefill")):
        found = rows(recorded, sql.format(name), f"green_contexts {form}")
        assert found == [(1, stream, "non-blocking")]
    sql = "SELECT count(*), count(DISTINCT stream_id) FROM streams WHERE of_trace"
    assert rows(recorded, sql, f"green_contexts {form}") == [(16, 16)]


@pytest.mark.parametrize("form", FORMS)
def test_what_is_made_of_graphs_leads_from_an_executable_to_its_graph(recorded: Database, form: str) -> None:
    """A graph is captured, and cloned; both are instantiated, and launched three times each."""
    sql = "SELECT event, graph_id, original_graph_id, graph_exec_id FROM graph_events WHERE of_trace ORDER BY time_ns"
    made = rows(recorded, sql, f"green_contexts {form}")
    assert [one for one in made if one[0] != "created"] == [
        ("cloned", 2, 1, None),
        ("instantiated", 1, None, 3),
        ("instantiated", 2, None, 5),
    ]
    assert [graph for event, graph, *_ in made if event == "created"] == [1, 2, 3, 4, 5, 6]
    sql = "SELECT graph_id, graph_exec_id, count(*) FROM graph_launches WHERE of_trace GROUP BY ALL ORDER BY ALL"
    assert rows(recorded, sql, f"green_contexts {form}") == [(1, 3, 3), (2, 5, 3)]


@pytest.mark.parametrize("form", FORMS)
def test_causes_add_up_to_what_nsys_says_of_all_migrations(recorded: Database, form: str) -> None:
    """``nsys stats um_total_sum`` printed 8.389 and 146.801 MB; more than the GPU had left was touched."""
    sql = "SELECT copy_kind, migration_cause, sum(bytes)::BIGINT FROM memory_ops WHERE of_trace AND virtual_address IS NOT NULL GROUP BY ALL"
    found = {(kind, cause): size for kind, cause, size in rows(recorded, sql, f"green_contexts {form}")}
    to = {kind: sum(size for (way, _), size in found.items() if way == kind) for kind, _ in found}
    assert to == {"Unified Host-to-Device": 8_388_608, "Unified Device-to-Host": 146_800_640}
    assert found["Unified Device-to-Host", "Eviction"] == 138_412_032
    # 4 MiB there and back by cudaMemPrefetchAsync.
    assert {found[kind, "User prefetch"] for kind in to} == {4 << 20}
    assert {cause for _, cause in found} == {
        "Eviction",
        "Page fault",
        "Speculative prefetch",
        "User prefetch",
    }


@pytest.mark.parametrize("form", FORMS)
def test_what_linux_counts_has_its_names_and_units(recorded: Database, form: str) -> None:
    sql = """
        SELECT source, device, metric, unit, count(*), min(span_ns) > 0 FROM counter_samples
        WHERE of_trace GROUP BY source, device, metric, unit ORDER BY metric
    """
    assert rows(recorded, sql, f"os_events {form}") == [
        ("os", "Operating System", metric, unit, 31, True)
        for metric, unit in (
            ("CPU Clock (sw)", "clock"),
            ("CPU Migrations", "migration"),
            ("OS Context Switches", "context switch"),
            ("Page Faults", "page fault"),
        )
    ]


def test_clusters_are_told_by_ncu_and_by_nsys_as_of_2026() -> None:
    """And where neither tells them, there are not none: it was not recorded."""
    with traceql.open(":memory:") as database:
        for name in (
            "precision.ncu-rep",
            "nsysai_2gpu_2026.2.sqlite",
            "graph_whole.sqlite",
            "esmm_a10g_2023.1.ncu-rep",
        ):
            database.ingest(REPORTS / f"{name}.xz", name=name)
        sql = """
            SELECT trace, cluster_x, cluster_y, cluster_z, scheduling_policy, max_active_clusters,
                   max_cluster_blocks, count(*)
            FROM kernel_clusters JOIN traces USING (trace_id) SEMI JOIN kernels USING (kernel_id)
            GROUP BY ALL ORDER BY ALL
        """
        assert database.sql(sql).rows() == [
            ("nsysai_2gpu_2026.2.sqlite", 2, 1, 1, "spread", 66, 16, 303),
            ("nsysai_2gpu_2026.2.sqlite", 4, 1, 1, "spread", 30, 8, 66),
            ("precision.ncu-rep", 1, 2, 1, "spread", 66, 16, 1),
            ("precision.ncu-rep", 2, 1, 1, "spread", 66, 16, 1),
        ]
        told = (
            "SELECT metric, value FROM metrics SEMI JOIN kernel_clusters USING (kernel_id) "
            "WHERE metric IN ('launch__cluster_size', 'launch__cluster_max_active')"
        )
        assert sorted(database.sql(told).rows()) == [
            ("launch__cluster_max_active", 66),
            ("launch__cluster_max_active", 66),
            ("launch__cluster_size", 2),
            ("launch__cluster_size", 2),
        ]
        lacking = "SELECT trace FROM traces WHERE list_contains(missing, 'kernel_clusters') ORDER BY trace"
        assert database.sql(lacking).rows() == [("esmm_a10g_2023.1.ncu-rep",), ("graph_whole.sqlite",)]
