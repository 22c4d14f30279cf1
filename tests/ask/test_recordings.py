"""Questions about recordings of which another computation, or the program that was recorded, tells the answer."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from nsys_oracle import ask, expected

if TYPE_CHECKING:
    from collections.abc import Iterable

    from traceql import Database

Span = tuple[int, int]


def covered(spans: Iterable[Span]) -> list[Span]:
    """The spans of time in which at least one of the given ones goes on."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def lasts(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)


# --- one GPU, two processes -----------------------------------------------------------------------------


def by_process(database: Database, trace: str) -> dict[int, list[Span]]:
    """Process → start and end of everything that it ran on a GPU."""
    found: dict[int, list[Span]] = defaultdict(list)
    for pid, start, end in database.sql(
        """
        SELECT pid, start_ns, end_ns
        FROM (FROM kernels UNION ALL BY NAME FROM memory_ops)
        JOIN traces USING (trace_id)
        WHERE trace = $trace
        """,
        {"trace": f"{trace}.sqlite.xz"},
    ).rows():
        found[pid].append((start, end))
    return found


@pytest.mark.parametrize("trace", ["shared_gpu", "shared_gpu_mps"])
def test_a_gpu_that_two_processes_share_is_busy_while_either_of_them_uses_it(
    corpus: Database, trace: str
) -> None:
    processes = by_process(corpus, trace)
    assert len(processes) == 2
    # All that nsys lists, and nothing else.
    listed = expected("nsys_stats", trace, "cuda_gpu_trace")
    assert sorted(span for spans in processes.values() for span in spans) == sorted(
        (int(row["Start (ns)"]), int(row["Start (ns)"]) + int(row["Duration (ns)"])) for row in listed
    )

    def check(rows: list[dict[str, int]], spans: list[Span]) -> None:
        parts = covered(spans)
        assert {row["span_ns"] for row in rows} == {parts[-1][1] - parts[0][0]}
        assert {row["longest_gap_ns"] for row in rows} == {
            max(after[0] - before[1] for before, after in pairwise(parts))
        }
        (busy,) = (row["time_ns"] for row in rows if row["cause"] == "busy")
        assert busy == lasts(parts)
        assert sum(row["time_ns"] for row in rows) == rows[0]["span_ns"]

    shared = ask(corpus, "busy", trace)
    assert {(row["gpu_id"], row["pid"]) for row in shared} == {(0, None)}
    check(shared, [span for spans in processes.values() for span in spans])
    apart = ask(corpus, "busy", trace, by="process")
    assert {row["pid"] for row in apart} == set(processes)
    for pid, spans in processes.items():
        check([row for row in apart if row["pid"] == pid], spans)


# --- ranges that cross, and work that other threads launch ----------------------------------------------


def test_ranges_hold_what_all_threads_of_their_process_launch(corpus: Database) -> None:
    # As workloads/threads_and_domains.py says; autograd runs the backward pass on a thread of its own.
    rows = ask(corpus, "range_launches", "crossing_ranges", by="process")
    kernels = {row["range"]: (row["instances"], row["kernels"]) for row in rows}
    assert kernels["backward"] == (5, 5 * 15)
    assert [kernels[f"request {n}"] for n in range(5)] == [(1, 3)] * 5
    assert [kernels[name] for name in ("A", "B", "A.inner", "B.inner", "forward")] == [
        (5, 5 * 2 + 2 * 2), (5, 5 * 2 + 2 * 2), (2, 2), (2, 2 * 2), (5, 5 * 5)
    ]  # fmt: skip
    assert kernels["all of it"] == (1, sum(kernels[f"step {n}"][1] for n in range(5)))
    # By thread, only what fills the first gradient is launched inside: the rest is unknown, or elsewhere.
    rows = ask(corpus, "range_launches", "crossing_ranges")
    kernels = {row["range"]: (row["instances"], row["kernels"]) for row in rows}
    assert kernels["backward"] == (5, 5)
    assert [kernels[f"request {n}"] for n in range(5)] == [(1, None)] * 5


@pytest.mark.long
@pytest.mark.parametrize("trace", ["crossing_ranges", "emit_nvtx"])
def test_the_five_steps_are_found_with_the_time_that_nsys_tells(corpus: Database, trace: str) -> None:
    theirs = {
        row["Name"]: row
        for row in expected("nsys_stats", trace, "nvtx_gpu_proj_trace")
        if re.fullmatch(r":step \d", row["Name"])
    }
    rows = ask(corpus, "step_summary", trace)
    assert [(row["step"], row["range"]) for row in rows] == [(n, f"step {n}") for n in range(5)]
    for row in rows:
        other = theirs[f":{row['range']}"]
        assert [row["start_ns"], row["duration_ns"], row["gpu_start_ns"], row["gpu_span_ns"]] == [
            int(other[column])
            for column in (
                "Orig Start (ns)", "Orig Duration (ns)", "Projected Start (ns)", "Projected Duration (ns)"
            )
        ]  # fmt: skip
        assert row["gpu_operations"] == row["launches"] == int(other["NumGPUOps"])


@pytest.mark.long
def test_operators_with_numbers_and_shapes_group_by_what_they_are(corpus: Database) -> None:
    stack = {row["RangeId"]: row["Name"] for row in expected("nsys_stats", "emit_nvtx", "nvtx_pushpop_trace")}

    def operator(text: str) -> str:
        """Its name, and which of its numbers are told."""
        name, *told = re.split(r", (?=seq|op_id|sizes|input_op_ids)", text.partition(":")[2])
        return ", ".join([re.sub(r"^step \d", "step *", name), *(key.partition(" = ")[0] for key in told)])

    theirs = Counter(
        "/".join(operator(stack[part]) for part in row["RangeStack"].split(":")[1:])
        for row in expected("nsys_stats", "emit_nvtx", "nvtx_pushpop_trace")
    )
    ours = {
        re.sub(r" = (\*|\[\*\])", "", row["module"]): row["instances"]
        for row in ask(corpus, "layer_breakdown", "emit_nvtx")
    }
    assert ours == theirs
    assert len(ours) < 90 < sum(ours.values()) == len(stack)
    # With the numbers kept apart, no operator of a step is that of another step.
    apart = ask(corpus, "layer_breakdown", "emit_nvtx", exact=True)
    assert max(row["instances"] for row in apart if "op_id" in row["module"]) == 1


# --- what a rank does -----------------------------------------------------------------------------------


@pytest.mark.parametrize("trace", ["nccl_rank0", "nccl_rank1"])
def test_communication_and_computation_of_a_rank_are_the_unions_of_their_kernels(
    corpus: Database, trace: str
) -> None:
    kinds: dict[str, list[Span]] = {"nccl": [], "memory": [], "compute": []}
    for row in expected("nsys_stats", trace, "cuda_gpu_trace"):
        kind = "nccl" if "ncclDevKernel" in row["Name"] else "memory" if "[CUDA" in row["Name"] else "compute"
        start = int(row["Start (ns)"])
        kinds[kind].append((start, start + int(row["Duration (ns)"])))
    nccl, compute = lasts(covered(kinds["nccl"])), lasts(covered(kinds["compute"]))
    working = lasts(covered([*kinds["nccl"], *kinds["compute"]]))
    everything = covered(span for spans in kinds.values() for span in spans)
    span = everything[-1][1] - everything[0][0]
    (row,) = ask(corpus, "communication_overlap", trace)
    assert [
        row[part] for part in ("span_ns", "exposed_ns", "overlapped_ns", "compute_ns", "memory_ns", "idle_ns")
    ] == [
        span,
        working - compute,
        nccl + compute - working,
        working - nccl,
        lasts(everything) - working,
        span - lasts(everything),
    ]
