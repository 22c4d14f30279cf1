"""The questions that NVIDIA answers too: equal to what nsys stats and nsys recipe print, value for value."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from made.nsys import Recording
from nsys_oracle import (
    TRACES,
    Columns,
    Row,
    ask,
    assert_printed,
    assert_same,
    expected,
)
from shipped import EXPECTED

from traceql.errors import MissingDataError

if TYPE_CHECKING:
    from traceql import Database


def _spread(column: str) -> Any:
    # NVIDIA prints 0.0 for the spread of a single value; here it is NULL, because one value has none.
    return lambda row: 0.0 if row[column] is None else row[column]


def _total(count: str, count_column: str) -> Columns:
    return {
        "Time (%)": ("share_pct", 1),
        "Total Time (ns)": ("total_ns", None),
        count: (count_column, None),
        "Avg (ns)": ("avg_ns", 1),
        "Med (ns)": ("median_ns", 1),
        "Min (ns)": ("min_ns", None),
        "Max (ns)": ("max_ns", None),
        "StdDev (ns)": (_spread("stddev_ns"), 1),
    }


def _dim3(prefix: str) -> Any:
    return lambda row: "{:4d} {:4d} {:4d}".format(*(row[f"{prefix}_{axis}"] for axis in "xyz"))


def _megabytes(column: str) -> Any:
    # A megabyte is 10^6 bytes.
    return lambda row: None if row[column] is None else row[column] / 1e6


def _spread_megabytes(row: Row) -> float:
    return (row["stddev_bytes"] or 0.0) / 1e6


def _throughput(row: Row) -> float | None:
    # nsys divides whole numbers (10^9 // duration) before it multiplies, and so loses up to one per mille of
    # the rate of a microsecond's copy. Ours is exact; what is compared is their formula on our columns.
    if row["bytes"] is None:
        return None
    assert row["bytes_per_s"] == pytest.approx(1e9 * row["bytes"] / row["duration_ns"])
    return float(10**9 // row["duration_ns"] * row["bytes"] / 1e6)


def _gpu(row: Row) -> str:
    return f"{row['gpu']} ({row['device_id']})"


def _source_memory(row: Row) -> str | None:
    # nsys prints the memory that a memset writes as its source; here it is the destination.
    return row["dst_memory"] if row["kind"] == "memset" else row["src_memory"]


def _destination_memory(row: Row) -> str | None:
    return None if row["kind"] == "memset" else row["dst_memory"]


REPORTS: dict[str, tuple[Columns, dict[str, Any], str]] = {
    "cuda_api_sum": (
        {**_total("Num Calls", "calls"), "Name": ("function", None)},
        {},
        "Total Time (ns)",
    ),
    "cuda_gpu_kern_sum": (
        {**_total("Instances", "instances"), "Name": ("kernel", None)},
        {},
        "Total Time (ns)",
    ),
    "cuda_gpu_kern_gb_sum": (
        {
            **_total("Instances", "instances"),
            "GridXYZ": (_dim3("grid"), None),
            "BlockXYZ": (_dim3("block"), None),
            "Name": ("kernel", None),
        },
        {},
        "Total Time (ns)",
    ),
    "cuda_gpu_sum": (
        {
            **_total("Instances", "instances"),
            "Category": ("category", None),
            "Operation": ("operation", None),
        },
        {"graphs": False},
        "Total Time (ns)",
    ),
    "cuda_api_gpu_sum": (
        {
            **_total("Instances", "instances"),
            "Category": ("category", None),
            "Operation": ("operation", None),
        },
        {"graphs": False},
        "Total Time (ns)",
    ),
    "cuda_gpu_mem_time_sum": (
        {**_total("Count", "instances"), "Operation": ("operation", None)},
        {},
        "Total Time (ns)",
    ),
    "cuda_gpu_mem_size_sum": (
        {
            "Total (MB)": (_megabytes("total_bytes"), 3),
            "Count": ("instances", None),
            "Avg (MB)": (_megabytes("avg_bytes"), 3),
            "Med (MB)": (_megabytes("median_bytes"), 3),
            "Min (MB)": (_megabytes("min_bytes"), 3),
            "Max (MB)": (_megabytes("max_bytes"), 3),
            "StdDev (MB)": (_spread_megabytes, 3),
            "Operation": ("operation", None),
        },
        {},
        "Total (MB)",
    ),
    "cuda_api_trace": (
        {
            "Start (ns)": ("start_ns", None),
            "Duration (ns)": ("duration_ns", None),
            "Name": ("function", None),
            "Result": ("return_value", None),
            "CorrID": ("correlation_id", None),
            "Pid": ("pid", None),
            "Tid": ("tid", None),
            "Thread Name": ("thread", None),
        },
        {},
        "Start (ns)",
    ),
    "cuda_gpu_trace": (
        {
            "Start (ns)": ("start_ns", None),
            "Duration (ns)": ("duration_ns", None),
            "CorrId": ("correlation_id", None),
            "GrdX": ("grid_x", None),
            "GrdY": ("grid_y", None),
            "GrdZ": ("grid_z", None),
            "BlkX": ("block_x", None),
            "BlkY": ("block_y", None),
            "BlkZ": ("block_z", None),
            "Reg/Trd": ("registers_per_thread", None),
            "StcSMem (MB)": (_megabytes("static_shared_bytes"), 3),
            "DymSMem (MB)": (_megabytes("dynamic_shared_bytes"), 3),
            "Bytes (MB)": (_megabytes("bytes"), 3),
            "Throughput (MB/s)": (_throughput, 3),
            "SrcMemKd": (_source_memory, None),
            "DstMemKd": (_destination_memory, None),
            "Device": (_gpu, None),
            "Ctx": ("context_id", None),
            "Strm": ("stream_id", None),
            "Name": ("operation", None),
        },
        {"graphs": False},
        "Start (ns)",
    ),
    "cuda_kern_exec_trace": (
        {
            "API Start (ns)": ("api_start_ns", None),
            "API Dur (ns)": ("api_duration_ns", None),
            "Queue Start (ns)": ("queue_start_ns", None),
            "Queue Dur (ns)": ("queue_duration_ns", None),
            "Kernel Start (ns)": ("kernel_start_ns", None),
            "Kernel Dur (ns)": ("kernel_duration_ns", None),
            "Total Dur (ns)": ("total_ns", None),
            "PID": ("pid", None),
            "TID": ("tid", None),
            "DevId": ("device_id", None),
            "API Function": ("function", None),
            "GridXYZ": (_dim3("grid"), None),
            "BlockXYZ": (_dim3("block"), None),
            "Kernel Name": ("kernel", None),
        },
        {},
        "API Start (ns)",
    ),
    "cuda_kern_exec_sum": (
        {
            "PID": ("pid", None),
            "TID": ("tid", None),
            "DevId": ("device_id", None),
            "Count": ("instances", None),
            "QCount": ("queued", None),
            **{
                f"{letter}{figure} (ns)": (
                    _spread(f"stddev_{part}_ns") if figure == "StdDev" else f"{column}_{part}_ns",
                    digits,
                )
                for letter, part in (("T", "total"), ("A", "api"), ("Q", "queue"), ("K", "kernel"))
                for figure, column, digits in (
                    ("Avg", "avg", 1),
                    ("Med", "median", 1),
                    ("Min", "min", None),
                    ("Max", "max", None),
                    ("StdDev", "stddev", 1),
                )
            },
            "API Name": ("function", None),
            "Kernel Name": ("kernel", None),
        },
        {},
        "TAvg (ns)",
    ),
}


#: Columns of NVIDIA's that have no counterpart in the canonical tables: a thread's priority, and a context
#: that none of the traces uses.
LEFT_OUT = {"T-Pri", "GreenCtx"}

#: Where nsys printed nothing: there was nothing to report.
PRINTED = [
    (report, trace)
    for report in REPORTS
    for trace in (*TRACES, "graph_nodes", "graph_whole")
    if expected("nsys_stats", trace, report)
]


#: What was asked about the traces that were recorded later, beside the reports about ranges.
ASKED_LATER = {"cuda_api_sum", "cuda_gpu_kern_sum", "cuda_gpu_trace", "cuda_kern_exec_sum"}
RECORDED_LATER = {
    "crossing_ranges", "emit_nvtx", "nccl_rank0", "nccl_rank1", "shared_gpu", "shared_gpu_mps", "training"
}  # fmt: skip


def test_nsys_printed_all_but_a_few_reports() -> None:
    asked = {
        (report, trace)
        for report in REPORTS
        for trace in TRACES
        if trace not in RECORDED_LATER or report in ASKED_LATER
    }
    missing = asked - set(PRINTED)
    # The collectives copy and set no memory.
    assert missing == {
        ("cuda_gpu_mem_time_sum", "nccl_two_gpus"),
        ("cuda_gpu_mem_size_sum", "nccl_two_gpus"),
    }
    # Asked for were those about GPU work; of a graph as a whole, nsys counts no kernels.
    assert len(set(PRINTED) - asked) == 12


# Of every report the first trace in the short run, too.
@pytest.mark.parametrize(
    ("report", "trace"),
    [
        pytest.param(
            *one, marks=[pytest.mark.long] if one[0] in {report for report, _ in PRINTED[:n]} else []
        )
        for n, one in enumerate(PRINTED)
    ],
)
def test_a_report_equals_that_of_nsys_stats(corpus: Database, report: str, trace: str) -> None:
    columns, params, order = REPORTS[report]
    theirs = expected("nsys_stats", trace, report)
    assert set(theirs[0]) - LEFT_OUT == set(columns)
    assert all(row.get("GreenCtx", "") == "" for row in theirs)
    assert_same(ask(corpus, report, trace=trace, **params), theirs, columns, order)


# --- recipes --------------------------------------------------------------------------------------------


def _recipe(name: str) -> pl.DataFrame:
    return pl.read_parquet(EXPECTED / "nsys_recipes" / f"{name}.parquet")


def _assert_quartiles(ours: list[Row], theirs: pl.DataFrame, unit: str, key: dict[str, str]) -> None:
    by_name = {key.get(row["name"], row["name"]): row for row in ours}
    assert len(by_name) == theirs.height
    for row in theirs.to_dicts():
        mine = by_name[row["Name"]]
        assert (mine["count"], mine[f"min_{unit}"], mine[f"max_{unit}"], mine[f"total_{unit}"]) == (
            row["Count"],
            row["Min"],
            row["Max"],
            row["Sum"],
        )
        for theirs_is, ours_is in (
            ("Mean", "avg"),
            ("Std", "stddev"),
            ("Q1", "q1"),
            ("Median", "median"),
            ("Q3", "q3"),
        ):
            assert_printed(mine[f"{ours_is}_{unit}"], row[theirs_is], 1)


def test_kernel_quartiles_equal_those_of_the_recipe(corpus: Database) -> None:
    ours = ask(corpus, "cuda_gpu_kern_sum", trace="llama_eager", names="short")
    rows = [{**row, "name": row["kernel"], "count": row["instances"]} for row in ours]
    _assert_quartiles(rows, _recipe("cuda_gpu_kern_sum/rank_stats"), "ns", {})


def test_copy_size_quartiles_equal_those_of_the_recipe(corpus: Database) -> None:
    ours = ask(corpus, "cuda_gpu_mem_size_sum", trace="llama_eager")
    rows = [{**row, "name": row["operation"], "count": row["instances"]} for row in ours]
    labels = {
        "[CUDA memcpy Device-to-Device]": "CUDA_MEMCPY_KIND_DTOD",
        "[CUDA memcpy Device-to-Host]": "CUDA_MEMCPY_KIND_DTOH",
        "[CUDA memcpy Host-to-Device]": "CUDA_MEMCPY_KIND_HTOD",
        "[CUDA memset]": "CUDA_MEMSET",
    }
    _assert_quartiles(rows, _recipe("cuda_gpu_mem_size_sum/rank_stats"), "bytes", labels)


def test_the_pace_of_a_kernel_equals_that_of_the_recipe(corpus: Database) -> None:
    ours = ask(corpus, "cuda_gpu_kern_pace", trace="llama_eager", kernel="rms_norm_kernel")
    for file, column in (
        ("pace_start", "start_ns"),
        ("pace_end", "end_ns"),
        ("pace_duration", "duration_ns"),
        ("pace_delta", "delta_ns"),
        ("pace_duration_accum", "accum_duration_ns"),
        ("pace_delta_accum", "accum_delta_ns"),
    ):
        assert [row[column] for row in ours] == _recipe(f"cuda_gpu_kern_pace/{file}")["0"].to_list()
    assert [row["instance"] for row in ours] == list(range(1, 17))


def test_the_histogram_counts_the_durations_of_the_recipe(corpus: Database) -> None:
    # The recipe hands out single durations and lets a notebook draw them: the same bins are counted here.
    durations: dict[str, list[int]] = {}
    for name, duration in _recipe("cuda_gpu_kern_hist/analysis").select("Name", "Duration").iter_rows():
        durations.setdefault(name, []).append(duration)
    ours: dict[str, dict[int, int]] = {}
    for row in ask(corpus, "cuda_gpu_kern_hist", trace="llama_eager", names="short", bins=8):
        ours.setdefault(row["kernel"], {})[row["bin"]] = row["instances"]
    for name, values in durations.items():
        low, width = min(values), (max(values) - min(values)) / 8
        bins = [min(int((v - low) / width), 7) if width else 0 for v in values]
        assert ours.pop(name) == dict(Counter(bins))
    assert ours == {}


@pytest.mark.parametrize(
    ("recipe", "trace"), [("analysis", "llama_eager"), ("crossing_ranges_analysis", "crossing_ranges")]
)
def test_the_utilisation_map_equals_that_of_the_recipe(corpus: Database, recipe: str, trace: str) -> None:
    theirs = _recipe(f"cuda_gpu_time_util_map/{recipe}")
    ours = ask(corpus, "cuda_gpu_time_util_map", trace=trace)
    assert [(r["start_ns"], r["pid"], r["device_id"]) for r in ours] == theirs.select(
        "Duration", "PID", "Device ID"
    ).rows()
    for row, percent in zip(ours, theirs["Kernel"], strict=True):
        assert_printed(row["busy_pct"], percent, 1)


# --- where NVIDIA's answer is not ours, or there is none ------------------------------------------------


def test_graphs_traced_as_a_whole_count_as_gpu_work(corpus: Database) -> None:
    # NVIDIA's reports leave them out: 74 ms of the 160 ms that the GPU worked.
    rows = ask(corpus, "cuda_gpu_sum", trace="llama_graph")
    graphs = [row for row in rows if row["category"] == "CUDA_GRAPH"]
    assert sum(row["instances"] for row in graphs) == 15
    assert sum(row["total_ns"] for row in graphs) == 74_191_524
    assert sum(row["share_pct"] for row in rows) == pytest.approx(100)
    everything = ask(corpus, "cuda_gpu_trace", trace="llama_graph")
    assert len(everything) == len(expected("nsys_stats", "llama_graph", "cuda_gpu_trace")) + 15


def test_kernels_meet_their_calls_within_their_process(corpus: Database) -> None:
    # Two processes share correlation ids: by the id alone, 4,010 kernels would meet 4,280 calls.
    rows = ask(corpus, "cuda_kern_exec_trace", trace="nsysai_2gpu_2026.2")
    assert len(rows) == 3_986
    assert len({row["kernel_id"] for row in rows}) == 3_986


def test_names_are_full_or_those_of_the_functions(corpus: Database) -> None:
    full = ask(corpus, "cuda_gpu_kern_sum", trace="llama_eager")
    short = ask(corpus, "cuda_gpu_kern_sum", trace="llama_eager", names="short")
    assert len(short) < len(full)
    assert not any("<" in row["kernel"] for row in short)


def test_without_a_trace_all_are_answered(corpus: Database) -> None:
    rows = ask(corpus, "cuda_gpu_mem_time_sum")
    for trace in TRACES:
        if ("cuda_gpu_mem_time_sum", trace) not in PRINTED:
            continue
        mine = [row["share_pct"] for row in rows if row["trace"] == f"{trace}.sqlite.xz"]
        assert sum(mine) == pytest.approx(100)


def test_nccl_functions_are_projected_onto_the_gpu_as_all_ranges_are(corpus: Database) -> None:
    # The report was cut out of a longer one, without the event that names domain 1, which is NCCL's.
    trace = "nsysai_2gpu_2026.2"
    ours = ask(corpus, "nccl_gpu_proj_sum", trace, domain="domain 1")
    everything = ask(corpus, "nvtx_gpu_proj_sum", trace)
    of_nccl = [row for row in everything if row["domain"] == "domain 1"]
    columns = ("instances", "total_proj_ns", "avg_proj_ns", "median_proj_ns", "min_proj_ns", "max_proj_ns")
    assert [[row[c] for c in columns] for row in ours] == [[row[c] for c in columns] for row in of_nccl]
    # 64 of the 66 groups launched a ncclDevKernel_SendRecv whose call was recorded.
    assert [(row["function"], row["instances"], row["share_pct"]) for row in ours] == [
        ("ncclGroupEnd", 64, 100.0)
    ]


def test_without_managed_memory_there_is_nothing_to_sum(corpus: Database) -> None:
    assert ask(corpus, "um_sum", trace="llama_eager") == []
    assert ask(corpus, "um_total_sum", trace="llama_eager") == []
    with pytest.raises(MissingDataError, match="holds no um_cpu_page_faults"):
        ask(corpus, "um_cpu_page_faults_sum", trace="llama_eager")


@pytest.mark.parametrize(
    "trace",
    ["memory_and_ranges", "mordred_rtx6000_2021.2", "nevakrien_rtx4090_2023.4", "pipit_cloverleaf_2024.5"],
)
def test_operating_system_calls_are_summed_as_nsys_sums_them(corpus: Database, trace: str) -> None:
    # All but the first printed by `nsys stats --report osrtsum` of nsys 2022.4.
    columns = {**_total("Num Calls", "calls"), "Name": ("function", None)}
    assert_same(
        ask(corpus, "osrt_sum", trace),
        expected("nsys_stats", trace, "osrt_sum"),
        columns,
        ordered_by="Total Time (ns)",
    )


# --- managed memory, samples and collectives ------------------------------------------------------------


def test_the_totals_of_managed_memory_equal_those_of_nsys_stats(corpus: Database) -> None:
    columns: Columns = {
        "Total HtoD Migration Size (MB)": (_megabytes("to_device_bytes"), 3),
        "Total DtoH Migration Size (MB)": (_megabytes("to_host_bytes"), 3),
        "Total CPU Page Faults": ("cpu_page_faults", None),
        "Total GPU PageFaults": ("gpu_page_faults", None),
        "Minimum Virtual Address": (lambda row: _address(row["min_virtual_address"]), None),
        "Maximum Virtual Address": (lambda row: _address(row["max_virtual_address"]), None),
    }
    theirs = expected("nsys_stats", "memory_and_ranges", "um_total_sum")
    assert_same(ask(corpus, "um_total_sum", trace="memory_and_ranges"), theirs, columns)


def _address(text: str) -> str:
    return f"0x{text[2:].upper()}"


def _whole_throughput(row: Row) -> float:
    # As for copies: nsys divides whole numbers before it multiplies.
    moved = row["to_device_bytes"] + row["to_host_bytes"]
    return float(10**9 // round(1e9 * moved / row["bytes_per_s"]) * moved / 1e6)


def test_the_pages_of_managed_memory_equal_those_of_nsys_stats(corpus: Database) -> None:
    # nsys lists the ten that moved fastest, and leaves out zeros; here are those that moved most.
    columns: Columns = {
        "Virtual Address": (lambda row: _address(row["virtual_address"]), None),
        "HtoD Migration size (MB)": (lambda row: row["to_device_bytes"] / 1e6 or None, 3),
        "DtoH Migration size (MB)": (lambda row: row["to_host_bytes"] / 1e6 or None, 3),
        "CPU Page Faults": (lambda row: row["cpu_page_faults"] or None, None),
        " GPU Page Faults": (lambda row: row["gpu_page_faults"] or None, None),
    }
    theirs = expected("nsys_stats", "memory_and_ranges", "um_sum")
    pages = ask(corpus, "um_sum", trace="memory_and_ranges", limit=None)
    moved = [row for row in pages if row["bytes_per_s"] is not None]
    assert len(moved) > len(theirs) == 10
    fastest = sorted(moved, key=_whole_throughput, reverse=True)[:10]
    assert_same(fastest, theirs, columns)
    for row, other in zip(fastest, theirs, strict=True):
        assert_printed(_whole_throughput(row), Decimal(other["Migration Throughput (MB/s)"]), 3)


def test_page_faults_of_a_gpu_are_labelled_as_nsys_does() -> None:
    database = Recording().gpu_fault(5, 9, 0x7F00, 3).database()
    faults = database.sql("SELECT duration_ns, device_id, page_faults, access_type FROM um_gpu_page_faults")
    assert faults.rows() == [(4, 0, 3, "Read")]


def test_cpu_page_faults_are_counted_as_nsys_stats_does(corpus: Database) -> None:
    columns: Columns = {
        "CPU Page Faults": ("cpu_page_faults", None),
        "CPU Instruction Address": ("instruction", None),
    }
    theirs = expected("nsys_stats", "memory_and_ranges", "um_cpu_page_faults_sum")
    ours = ask(corpus, "um_cpu_page_faults_sum", trace="memory_and_ranges")
    assert_same(ours, theirs, columns)
    # The program was built without line numbers: nsys prints an empty name and line 0.
    assert [(row["source_file"], row["source_line"]) for row in ours] == [(None, None)]


def test_sampled_gpu_metrics_equal_those_of_the_recipe(corpus: Database) -> None:
    theirs = {row["Metric Name"]: row for row in _recipe("gpu_metric_util_sum/rank_stats").to_dicts()}
    ours = ask(corpus, "gpu_metric_util_sum", trace="gpu_metrics")
    assert len(ours) == len(theirs) == 30
    for row in ours:
        # The recipe drops the unit of some names, and labels as MHz what it counts in Hz.
        other = theirs.get(f"{row['metric']} [{row['unit']}]") or theirs[row["metric"]]
        scale = 1e6 if row["unit"] == "MHz" else 1
        assert row["samples"] == other["Count"]
        assert other["GPU ID"] == row["gpu_id"] == 0
        for mine, name in (
            ("avg", "Mean"),
            ("stddev", "Std"),
            ("min", "Min"),
            ("q1", "Q1"),
            ("median", "Median"),
            ("q3", "Q3"),
            ("max", "Max"),
        ):
            # A tenth of a Hz is beyond the digits of a double that was divided by a million.
            assert row[mine] * scale == pytest.approx(other[name], abs=0.05 * scale**0.5, rel=1e-12)


def test_nccl_functions_equal_those_of_the_recipe(corpus: Database) -> None:
    for query, total in (("nccl_sum", "total_ns"), ("nccl_gpu_proj_sum", "total_proj_ns")):
        theirs = {row["Text"]: row for row in _recipe(f"{query}/rank_stats").to_dicts()}
        ours = ask(corpus, query, trace="nccl_two_gpus")
        assert {row["function"] for row in ours} == set(theirs)
        part = total.removeprefix("total")
        for row in ours:
            other = theirs[row["function"]]
            assert row.get("calls", row.get("instances")) == other["Count"]
            assert (row[total], row[f"min{part}"], row[f"max{part}"]) == (
                other["Sum"],
                other["Min"],
                other["Max"],
            )
            for mine, name in (("avg", "Mean"), ("median", "Median"), ("stddev", "Std")):
                if other[name] is None:
                    assert row[f"{mine}{part}"] is None
                else:
                    assert_printed(row[f"{mine}{part}"], other[name], 1)


@pytest.mark.long
@pytest.mark.parametrize(
    ("recipe", "traces", "kernels"),
    [("rank_trace", ("nccl_two_gpus",), 36), ("nccl_ranks_rank_trace", ("nccl_rank0", "nccl_rank1"), 2 * 72)],
)
def test_hidden_communication_equals_that_of_the_recipe(
    corpus: Database, recipe: str, traces: tuple[str, ...], kernels: int
) -> None:
    # The recipe lists the compute kernels as well, with the communication that runs beside them.
    theirs = _recipe(f"nccl_gpu_overlap_trace/{recipe}").filter(pl.col("Name").str.starts_with("nccl"))
    ours = [row for trace in traces for row in ask(corpus, "nccl_gpu_overlap_trace", trace=trace)]
    assert len(ours) == theirs.height == kernels
    by_start = {(row["PID"], row["Start"]): row for row in theirs.to_dicts()}
    for row in ours:
        other = by_start[row["pid"], row["start_ns"]]
        assert (row["kernel"], row["start_ns"] + row["duration_ns"]) == (other["Name"], other["End"])
        assert_printed(row["overlap_pct"], other["Compute Overlap"], 1)


@pytest.mark.long
def test_the_rank_that_sleeps_is_the_straggler(corpus: Database) -> None:
    # Rank 1 slept 5 ms before the all-reduce of steps 2 and 5 of 6.
    rows = ask(corpus, "nccl_straggler", trace="nccl_two_gpus")
    late, early = (row for row in rows if "AllReduce" in row["kernel"])
    assert (late["pid"], late["collectives"], early["collectives"]) == (894, 6, 6)
    assert 10_000_000 < late["late_ns"] < 13_000_000
    assert early["waited_ns"] == late["late_ns"]
    assert late["max_late_ns"] > 5_000_000
    assert late["times_last"] + early["times_last"] == 6
