"""What SQL finds beside a kernel: its call, its range, the graph node that it was; and the machine that it ran on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from made.ncu import Profile
from made.nsys import Recording, graph, kernel, memset

import traceql

if TYPE_CHECKING:
    from pathlib import Path

    from traceql import Database

BIG = kernel(
    "add", 20, 50, full="add<float>(float*)", grid=(2**31 - 1, 65_535, 1), block=(1024, 1, 1), stream=9,
    executed_shared=32_768, local=64, launch=2,
)  # fmt: skip


def test_a_kernel_stands_beside_all_that_its_call_and_its_range_have() -> None:
    recording = (
        Recording()
        .range("step", 0, 100, tid=3)
        .range("layer", 1, 90, tid=3)
        .call("cudaLaunchCooperativeKernel_v9000", 5, 10, BIG, tid=3)
        .work(kernel("mul", 60, 80))
    )
    with recording.database("run") as db:
        rows = db.sql(
            """
            SELECT trace, kernel, demangled, start_ns, end_ns, duration_ns, stream_id, tid, range, path, function,
                   api_start_ns, api_end_ns, api_duration_ns, queue_ns, correlation_id = api_correlation_id,
                   executed_shared_bytes, local_memory_per_thread_bytes, launch_type
            FROM kernel_calls ORDER BY start_ns
            """
        ).rows()
        assert rows[0][:9] == ("run", "add", "add<float>(float*)", 20, 50, 30, 9, 3, "layer")
        assert rows[0][9:15] == ("step/layer", "cudaLaunchCooperativeKernel", 5, 10, 5, 10)
        assert rows[0][15:] == (True, 32_768, 64, "Coop Single Device")
        assert rows[1] == ("run", "mul", "mul", 60, 80, 20, 7, *[None] * 12)


def test_threads_of_the_largest_grids_can_be_counted() -> None:
    blocks = (2**31 - 1) * 65_535
    with Recording().work(BIG, kernel("huge", 60, 61, grid=(2**31 - 1, 65_535, 65_535))).database() as db:
        view = db.sql("SELECT blocks, threads_per_block, threads FROM kernel_calls ORDER BY start_ns").rows()
        assert view[0] == (blocks, 1024, blocks * 1024)
        # 9.2 × 10^18 blocks fit 64 bits, their threads do not.
        assert view[1] == (blocks * 65_535, 32, None)
        whole = (
            "SELECT grid_x * grid_y * grid_z * block_x * block_y * block_z FROM kernels WHERE name = 'add'"
        )
        assert db.sql(whole).item() == blocks * 1024


def test_gpu_work_knows_its_trace_range_and_graph_node() -> None:
    recording = (
        Recording()
        .range("step", 0, 100)
        .call("cudaLaunchKernel", 5, 10, kernel("add", 20, 50))
        .call("cudaGraphLaunch", 11, 12, memset(51, 52, 8, node=7), graph(60, 70))
        .work(kernel("mul", 80, 90))
    )
    with recording.database("run") as db:
        rows = db.sql(
            """
            SELECT trace, kind, text, graph_node_id FROM gpu_operations LEFT JOIN nvtx_ranges USING (range_id)
            ORDER BY gpu_operations.start_ns
            """
        ).rows()
    assert rows == [
        ("run", "kernel", "step", None), ("run", "memset", "step", 7), ("run", "graph", "step", None),
        ("run", "kernel", None, None),
    ]  # fmt: skip


def test_a_replayed_kernel_tells_the_range_that_its_node_was_captured_in() -> None:
    """Captured in `forward`, instantiated in `warm up`, replayed in `step`; node 3 is of a graph within a graph."""
    recording = (
        Recording()
        .range("forward", 0, 10)
        .graph_node(1, 5)
        .range("warm up", 20, 30)
        .graph_node(2, 25, original=1)
        .graph_node(3, 27, original=2)
        .graph_node(4, 28)
        .graph_node(9, 40, original=8)
        .range("step", 50, 60)
        .call("cudaGraphLaunch", 51, 52, *(kernel(f"k{node}", 60 + node, 61 + node, node=node) for node in (2, 3, 4, 9)))
    )  # fmt: skip
    with recording.database() as db:
        assert db.sql(
            "SELECT kernel, range, capture_range FROM kernel_calls ORDER BY kernel"
        ).rows() == [
            ("k2", "step", "forward"), ("k3", "step", "forward"), ("k4", "step", "warm up"), ("k9", "step", None),
        ]  # fmt: skip
        nodes = "SELECT graph_node_id, is_original, original_graph_node_id, created_ns FROM graph_nodes ORDER BY 1"
        assert db.sql(nodes).rows() == [
            (1, True, None, 5), (2, False, 1, 25), (3, False, 2, 27), (4, True, None, 28), (9, False, 8, 40),
        ]  # fmt: skip


def test_nodes_that_are_clones_of_each_other_end_somewhere() -> None:
    with Recording().graph_node(1, 5, original=2).graph_node(2, 6, original=1).database() as db:
        assert db.sql("SELECT count(*), count(capture_range_id) FROM graph_nodes").row(0) == (2, 0)


def test_a_node_is_one_of_its_process(corpus: Database) -> None:
    with Recording().graph_node(1, 5).graph_node(1, 6, original=3, pid=2).database() as db:
        assert db.sql("SELECT pid, is_original FROM graph_nodes ORDER BY pid").rows() == [
            (1, True),
            (2, False),
        ]
    repeated = "SELECT trace_id, process_id, graph_node_id FROM graph_nodes GROUP BY ALL HAVING count(*) > 1"
    assert corpus.sql(repeated).height == 0
    for table in ("kernels", "kernel_calls"):
        counted = f"SELECT count(*), sum(duration_ns) FROM {table} NATURAL JOIN traces WHERE has_timeline"
        assert corpus.sql(counted).row(0) == corpus.sql(counted.replace(table, "kernels")).row(0)


def test_originals_are_those_of_nvidias_own_query(corpus: Database) -> None:
    """graphNodeId NOT IN (those with an original): 11 of graph_nodes, of whose 25 events 18 name no original."""
    found = corpus.sql(
        """
        SELECT count(*), count(*) FILTER (is_original), count(original_graph_node_id)
        FROM graph_nodes NATURAL JOIN traces WHERE trace = 'graph_nodes.sqlite.xz'
        """
    )
    assert found.rows() == [(18, 11, 7)]


@pytest.mark.parametrize(
    ("driver", "said"),
    [("570.86.15", "570.86.15"), ("52510517", "525.105.17"), ("5303002", "530.30.02"), ("41867", "418.67"),
     ("", None)],
)  # fmt: skip
def test_a_trace_tells_driver_cuda_and_cpu(driver: str, said: str | None) -> None:
    machine = Recording().machine(cpus="48", cpu="AMD EPYC", driver=driver, cuda="12080")
    with machine.launch(1, 2, (3, 4)).exported(EXPORT_PARAM_TIME_SHIFT="-5").database() as db:
        facts = "SELECT driver_version, cuda_version, cpu, cpu_cores, time_shift_ns FROM traces"
        assert db.sql(facts).row(0) == (said, "12.8", "AMD EPYC", 48, -5)


@pytest.mark.long
def test_what_is_not_said_about_the_machine_is_null(tmp_path: Path) -> None:
    unknown = Recording().machine(cpus="?", cpu="unknown", driver="", cuda="")
    for number, recording in enumerate((unknown, Recording())):
        export = recording.launch(1, 2, (3, 4)).export(tmp_path / f"{number}.sqlite")
        with traceql.open(":memory:") as db:
            db.ingest(export)
            facts = "SELECT driver_version, cuda_version, cpu, cpu_cores, time_shift_ns FROM traces"
            assert db.sql(facts).row(0) == (None,) * 5


def test_of_a_profiled_workload_the_shared_memory_that_the_driver_set_is_known() -> None:
    profile = (
        Profile()
        .kernel("add", metrics={"launch__shared_mem_config_size": (32_768.0, "byte")})
        .kernel("mul", metrics={"launch__stack_size": 1024.0})
    )
    with traceql.open(":memory:") as db:
        profile.store(db, "run")
        rows = db.sql(
            "SELECT name, executed_shared_bytes, local_memory_per_thread_bytes, launch_type "
            "FROM kernels ORDER BY kernel_id"
        ).rows()
    assert rows == [("add", 32_768, None, None), ("mul", None, None, None)]
