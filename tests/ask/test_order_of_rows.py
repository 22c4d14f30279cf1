"""No answer hangs on the order in which rows lie in a table: whatever is equal has a rank by something else.

A database gives rows back in any order it likes, so an answer that takes "the first of the longest" without saying
which one that is changes from run to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from asked import given
from made import jobs, ncu, store
from made.nsys import Recording, copy, graph, kernel, memset, record, sync
from made.runs import Runs
from polars.testing import assert_frame_equal
from shipped import EVERY_FINDING

from traceql.questions import catalog
from traceql.store import sharing
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql import Database

#: Asked so that all there is counts.
OPEN: dict[str, dict[str, Any]] = {
    **EVERY_FINDING,
    "cuda_gpu_kern_pace": {"kernel": "*"},
    "kernel_drift": {"fewest": 1},
    "nvtx_pace": {"range": "*"},
    "nvtx_gpu_proj_pace": {"range": "*"},
    "gpu_gaps": {"min_gap_ns": 0},
    "cpu_bound_gaps": {"min_gap_ns": 0, "min_cpu_pct": 0},
    "diff": {"baseline": "one", "variant": "two"},
    "effects": {"baseline": "one", "variant": "two"},
    "scv_delta": {"baseline": "one", "variant": "two"},
    "comparable": {"baseline": "one", "variant": "two"},
}

#: Whose answers once hung on it; and the plainest one.
ONCE_WRONG = {"kernel_categories", "collectives", "communication_per_step", "top_kernels"}


def of_equals() -> Recording:
    """Whatever ran, another one ran at the same time for as long: of another name, thread, stream, GPU, process."""
    made = Recording().gpu(0, "NVIDIA H100 80GB HBM3", cuda=0).gpu(1, "NVIDIA H100 80GB HBM3", cuda=1)
    for pid in (2, 1):
        made.process(pid, f"/bin/rank{pid}").graph_node(8, 1, pid=pid)
        made.gpu(pid - 1, "NVIDIA H100 80GB HBM3", cuda=0, pid=pid).rank(pid - 1, pid=pid)
        _pools(made, pid)
        for tid in (2, 1):
            made.thread(tid, f"thread {tid}", pid=pid)
            for at in (0, 1_000, 2_000):
                _step(made, at, {"pid": pid, "tid": tid})
                _launched(made, at, {"pid": pid, "tid": tid})
                _waited(made, at, {"pid": pid, "tid": tid})
                _looked_at(made, at, {"pid": pid, "tid": tid})
                _libraries(made, at, {"pid": pid, "tid": tid})
            # Products that take longer each time.
            for number, short in enumerate(("sgemm_b", "sgemm_a") * 10):
                start = 4_000 + 50 * (number // 2)
                work = kernel(short, start, start + 20 + number // 2, device=pid - 1, stream=6 + tid)
                made.call("cudaLaunchKernel", start - 10, start - 5, work, pid=pid, tid=tid)
    return made


def _step(made: Recording, at: int, thread: dict[str, int]) -> None:
    stream, device = 6 + thread["tid"], thread["pid"] - 1
    place = {"stream": stream, "device": device}
    for step in ("step a", "step b"):
        made.range(step, at, at + 900, **thread)
        made.range(f"layers.{stream}.mlp", at + 100, at + 800, domain="library", **thread)
        made.range("request", at + 50, at + 950, style="startend", **thread)
        made.mark(f"mark in {step}", at + 60, **thread)
    for short in ("beta", "alpha"):
        made.os_call(short, at + 10, at + 30, **thread)
        for call in ("cudaLaunchKernelExC", "cudaLaunchKernel"):
            full = f"void {short}<{call}>(float *)"
            made.call(
                call,
                at + 110,
                at + 120,
                kernel(short, at + 150, at + 250, full=full, **place),
                kernel(f"gemm_{short}", at + 150, at + 250, **place),
                **thread,
            )
        made.call("cuLaunchKernel", at + 112, at + 118, layer="driver", nested=True, **thread)
        made.call(
            "cudaGraphLaunch",
            at + 130,
            at + 140,
            kernel(short, at + 260, at + 280, node=8, **place),
            **thread,
        )
        made.call("cudaGraphLaunch", at + 300, at + 310, graph(at + 320, at + 400, **place), **thread)
        for kind in ("Host-to-Device", "Device-to-Host"):
            for call in ("cudaMemcpyAsync", "cudaMemcpy"):
                work = copy(kind, at + 420, at + 440, 1 << 20, src="Pageable", **place)
                made.call(call, at + 405, at + 410, work, **thread)
        made.call(
            "cudaMemset",
            at + 461,
            at + 470,
            memset(at + 462, at + 469, 256, memory="Pinned", **place),
            **thread,
        )
        waited = sync("Stream sync", at + 501, at + 599, **place)
        made.call("cudaStreamSynchronize", at + 500, at + 600, waited, **thread)
        reduce = kernel(f"ncclDevKernel_{short}", at + 650, at + 700, **place)
        told = {"communicator": 0xA, "size": 1 << 20, "reduction": 0}
        made.nccl(f"nccl{short}", at + 610, at + 640, reduce, **thread, **told)
        made.cpu_fault(at + 700, 4096, short, file=f"{short}.c", line=7)
        made.gpu_fault(at + 710, at + 720, 4096)
        for direction in ("Host-to-Device", "Device-to-Host"):
            made.work(copy(f"Unified {direction}", at + 720, at + 725, 4096, address=4096, cause=2))
    for kind in ("Device", "Array"):
        for address in (8192, 16384):
            begins = address + 64 * (kind == "Array") + 128 * stream
            for when, released in ((at + 720, False), (at + 730, True), (at + 740, False)):
                made.allocated(
                    when, 64, begins, released=released, memory=kind, device=device, pid=thread["pid"]
                )
    for metric in ("SMs Active [Throughput %]", "Tensor Active [Throughput %]"):
        made.sample(metric, at + 150, 50, gpu=device)
    for when in (150, 650):
        made.sample("PCIe RX Throughput [Throughput %]", at + when, 50, gpu=device)
        made.power(at + when, 300, gpu=device)
    made.switch(8, at + 150, pid=thread["pid"], context=stream).switch(
        7, at + 200, pid=thread["pid"], context=stream
    )


def _pools(made: Recording, pid: int) -> None:
    place = {"device": pid - 1, "pid": pid}
    for pool in (8192, 4096):
        made.pool("Created", 5, pool, 512, 0, threshold=64, **place)
        for address in (16, 8):
            made.allocated(100, 64, pool << 16 | address, pool=(pool, 512, 64), **place)
        made.pool("Trimmed", 900, pool, 256, 64, threshold=128, keep=0, **place)


def _launched(made: Recording, at: int, thread: dict[str, int]) -> None:
    """Launches whose stacks are told, from places that launch as much as others."""
    place = {"stream": 6 + thread["tid"], "device": thread["pid"] - 1}
    for number, short in enumerate(("beta", "alpha")):
        start = at + 475 + 10 * number
        made.call("cudaLaunchKernel", start, start + 5, kernel(short, at + 850, at + 860, **place), **thread)
        made.called_from(
            "cudaLaunchKernel@/lib/libcudart.so",
            f"of_{thread['tid']}@/bin/app",
            f"{short}@/bin/app",
            python=(f"{short}@/x/train.py:7", f"of_{thread['pid']}@/x/train.py:30"),
        )


def _waited(made: Recording, at: int, thread: dict[str, int]) -> None:
    stream, device, event = 6 + thread["tid"], thread["pid"] - 1, 10 + thread["tid"]
    made.call("cudaEventRecord", at + 870, at + 872, record(event, stream=stream, device=device), **thread)
    for other in (15 - stream, stream + 10):
        waits = sync("Stream wait sync", at + 875, at + 878, event=event, stream=other, device=device)
        made.call("cudaStreamWaitEvent", at + 875, at + 878, waits, **thread)
    host = sync("Event sync", at + 880, at + 890, event=event, device=device)
    made.call("cudaEventSynchronize", at + 880, at + 890, host, **thread)


def _looked_at(made: Recording, at: int, thread: dict[str, int]) -> None:
    """What samples and the scheduler tell of a thread, and what the profiler took of it."""
    for short in ("beta", "alpha"):
        made.cpu_sample(at + 100, f"{short}@/bin/app", "main@/bin/app", **thread)
        made.python_sample(at + 100, f"{short}@/x/train.py:7", "main@/x/train.py:30", **thread)
        for told in (False, True):
            made.overhead(f"{short} flush", at + 40, at + 45, kind=3 if told else None, cupti=told, **thread)
    cpu = 2 * thread["pid"] + thread["tid"]
    made.scheduled(at + 5, cpu, on=True, **thread)
    made.scheduled(at + 405, cpu, on=False, state="Interruptible", **thread)
    made.scheduled(at + 505, cpu + 1, on=True, **thread)
    made.scheduled(at + 905, cpu + 1, on=False, state="Interruptible", **thread)


def _libraries(made: Recording, at: int, thread: dict[str, int]) -> None:
    for verb in ("Send", "Recv"):
        for peer in (1, 0):
            made.mpi(f"MPI_{verb}", at + 20, at + 40, of="p2p", tag=peer, peer=peer, size=64, **thread)
            made.mpi("MPI_Waitall", at + 41, at + 49, of="start_wait", request=peer, **thread)
    for name in ("MPI_Bcast", "MPI_Allreduce"):
        made.mpi(name, at + 50, at + 70, of="collectives", root=0, size=64, received=64, **thread)
    for name in ("beta", "alpha"):
        for line in (20, 10):
            for file in ("/src/b.c", "/src/a.c"):
                made.openacc(
                    f"Launch {name}", at + 20, at + 40, kind="Enqueue launch", line=line, file=file,
                    kernel=name, **thread,
                )  # fmt: skip
        made.openmp(f"Region {name}", at + 20, at + 40, of="parallel", parallelId=2, parentTaskId=0, **thread)


#: States, pipes and sectors that are as many as others.
EQUAL: dict[str, ncu.Value] = {
    **{
        f"smsp__average_warps_issue_stalled_{state}_per_issue_active.ratio": 2
        for state in ("wait", "barrier", "membar", "drain")
    },
    **{
        f"sm__pipe_{pipe}_cycles_active.avg.pct_of_peak_sustained_elapsed": 30
        for pipe in ("alu", "fma", "tensor")
    },
    **{f"lts__t_sectors_srcunit_tex_op_{op}.sum": 8 for op in ("read", "write")},
    "launch__registers_per_thread": 32,
}


#: Instructions, opcodes and samples that are as many as others.
INSTANCES: dict[str, tuple[int | str, ...]] = {
    **dict.fromkeys(
        ("inst_executed", "smsp__pcsamp_sample_count", "smsp__pcsamp_warps_issue_stalled_wait",
         "smsp__pcsamp_warps_issue_stalled_barrier"),
        (4096, 4112, 4128),
    ),
    "sass__inst_executed_per_opcode": ("LDG", "FFMA"),
    "a_throughput.avg.pct_of_peak_sustained_elapsed": (7000, 7010),
}  # fmt: skip


def counted() -> ncu.Profile:
    """Kernels, ranges and precisions that have the same counts."""
    made = ncu.Profile().gpu("NVIDIA H100 80GB HBM3")
    for name in ("beta_gemm", "alpha_gemm"):
        for path in ("prefill/layers.1.mlp", "decode/layers.0.mlp"):
            for pid in (2, 1):
                metrics = ncu.roofline(bf16=100, fp32=100, dram=50, l2=60, l1=70) | EQUAL
                domains = {"library": path, "other": path}
                made.kernel(name, path, pid=pid, dram_write=40, domains=domains, metrics=metrics)
                for metric, keys in INSTANCES.items():
                    made.instances(metric, dict.fromkeys(keys, 4))
                made.instances(
                    "profiler__pmsampler_pass_groups", {0: "a_throughput.avg.pct_of_peak_sustained_elapsed"}
                )
                for address in (4096, 4112, 4128):
                    made.instruction(address, file=f"{address % 32}.cu", line=address % 64)
                for message in (f"for {path}", f"of {pid}"):
                    made.rule("Stall", message, title="Stalls", speedup_pct=10, scope="global")
                for place in (4096, 4112):
                    made.marker("Stall", "here", address=place)
                    made.marker("Stall", "this line", file=f"{place % 32}.cu", line=place % 64)
                    made.focus("Stall", f"a__{place}", 7).focus("Stall", f"a__{place}", 8)
                for kind in ("python", "native"):
                    made.stack(kind, (f"at_{pid}", None, None, None), ("main", None, None, None))
    return made


def measured() -> Runs:
    """Points of two sweeps that were measured twice, and took the same time."""
    return Runs(
        *(
            {"gpu": gpu, "model": model, "batch_size": size, "input_len": size, "ms_per_token": ms, "ms": ms}
            for gpu in ("H200", "H100")
            for model in ("large", "big")
            for size, ms in ((1, 8), (2, 8), (2, 8.5), (4, 10), (8, 14))
        )
    )


@pytest.fixture(scope="module")
def orders() -> Iterator[tuple[Database, Database]]:
    """The same rows twice: as they were stored, and the other way round."""
    stored, reversed_ = store.empty(), store.empty()
    for database in (stored, reversed_):
        measured().store(database, "sweep")
        for name in ("one", "two"):
            of_equals().store(database, name)
        # Where all ranks begin at the same time, nobody is late.
        for name, rank in jobs.TRAIN.items():
            rank.store(database, name)
        for name in ("counted", "counted again"):
            counted().store(database, name)
    with reversed_._store.writing("nothing") as connection:
        for table in schema.TABLES:
            connection.execute(
                f"CREATE TEMP TABLE turned AS FROM {table.name} ORDER BY rowid DESC; DELETE FROM {table.name}"
            )
            connection.execute(f"INSERT INTO {table.name} FROM turned; DROP TABLE turned")
    yield stored, reversed_


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(name, marks=[] if name in ONCE_WRONG else [pytest.mark.long])
        for name in sorted(catalog.shipped().queries)
    ],
)
def test_rows_in_another_order_give_the_same_answer(orders: tuple[Database, Database], question: str) -> None:
    query = catalog.shipped().find(question)
    params = given(query, timeline="one", baseline="counted", variant="counted again")
    stored, reversed_ = (database.query(question, **params | OPEN.get(question, {})) for database in orders)
    assert stored.height > 0
    # The last digits of a sum of fractions hang on the order of what is added.
    assert_frame_equal(stored, reversed_, check_exact=False, rel_tol=1e-12, abs_tol=0)


@pytest.mark.parametrize("question", ["step_summary", "launches_per_step", "communication_per_step"])
def test_steps_that_begin_together_by_their_kernels_are_the_same_in_any_order(
    question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four steps, the last two begin at one moment; so many that several threads sort them, in pieces."""
    monkeypatch.setattr(sharing, "CONFIG", {**sharing.CONFIG, "threads": "4"})
    made, database = Recording(), store.empty()
    for step in range(6000):
        start = 100 * (step - step % 2 * (step % 4 > 1))
        for number, name in enumerate(("first", "second")):
            at = 10 * (2 * step + number)
            made.call("cudaLaunchKernel", at, at + 5, kernel(name, start, start + 10 + step % 7))
    made.store(database, "told by kernels")
    wanted = database.query(question)
    for number in range(5):
        with database._store.writing("nothing") as connection:
            connection.execute(
                f"CREATE TEMP TABLE turned AS FROM kernels ORDER BY hash(rowid + {1000 * number})"
            )
            connection.execute("DELETE FROM kernels; INSERT INTO kernels FROM turned; DROP TABLE turned")
        assert_frame_equal(database.query(question), wanted)
    if question == "step_summary":
        # Of two that begin together, one has what both launched.
        assert wanted["gpu_operations"].value_counts().sort("gpu_operations").rows() == [(2, 3000), (4, 1500)]


def test_steps_that_one_call_launches_are_in_the_order_of_their_work() -> None:
    """Graphs of two steps each, of many processes, of which the first step of the first graph is warm-up."""
    made = Recording()
    for pid in range(1, 41):
        at = 0
        for launch in range(4):
            work = []
            for step in range(2):
                for name in ("first", "second"):
                    work.append(kernel(name, at, at + 10, node=7))
                    at += 110 if (launch, step, name) == (0, 0, "first") else 15
            made.call("cudaGraphLaunch_v10000", 1000 * launch, 1000 * launch + 5, *work, pid=pid, tid=pid)
    answer = made.database().query("step_summary")
    before = answer["gpu_before_ns"].drop_nulls()
    assert before.to_list() == [5] * len(before)
    assert answer.filter("is_warm_up")["step"].to_list() == [0] * 40
