"""What a made ncu report becomes: the rows of every canonical table, by hand."""

from __future__ import annotations

import datetime
import math

import traceql
from made.ncu import Profile


def test_a_made_report_fills_every_table_that_a_decoded_one_fills() -> None:
    made = (
        Profile(
            tags={"mode": "old"}, settings={"clock_control": "base"}, tool_version="2025.3", utc_s=86_400
        )
        .gpu("NVIDIA H200", multiprocessor_count=132, max_mem_frequency_khz=3_201_000, fb_bus_width=6016)
        .process(7, "python3")
        .kernel(
            "gemm", "step/mlp", demangled="gemm<8>", pid=7, device=1, context=2, stream=13,
            grid=(4, 2, 1), block=(128, 1, 1), domains={"lib": "cub"}, startend=["request"], ns=10,
        )
        .rule("SOLBottleneck", "Do this.", title="Bound", section="SpeedOfLight", speedup_pct=12.5, scope="local")
        .graph("decode", pid=None, device=None, ns=None, metrics={"text": "words", "not": math.nan, "far": (math.inf, "%")})
        .range("warm", "step", ns=5)
        .rule("Info", kind="ok")
    )  # fmt: skip
    with traceql.open(":memory:") as database:
        made.store(database, "made")
        assert database.sql("SELECT trace, profiler, tool_version, captured_at, gpu FROM traces").rows() == [
            ("made", "ncu", "2025.3", datetime.datetime(1970, 1, 2), "NVIDIA H200")
        ]
        assert database.sql("SELECT settings->>'clock_control', tags['mode'] FROM traces").rows() == [
            ("base", "old")
        ]
        columns = "name, demangled, workload, duration_ns, pid, device_id, context_id, stream_id, grid_x, grid_y, block_x"
        assert database.sql(f"SELECT {columns} FROM kernels ORDER BY kernel_id").rows() == [
            ("gemm", "gemm<8>", "kernel", 10, 7, 1, 2, 13, 4, 2, 128),
            ("decode", "decode", "graph", None, None, None, None, None, None, None, None),
            ("warm", "warm", "range", 5, 1, 0, None, None, None, None, None),
        ]
        assert database.sql(
            "SELECT metric, unit, value, value_text FROM metrics WHERE NOT starts_with(metric, 'launch__') ORDER BY ALL"
        ).rows() == [
            ("far", "%", None, "inf"),
            ("gpu__time_duration.sum", "ns", 5, None),
            ("gpu__time_duration.sum", "ns", 10, None),
            ("gpu__time_duration.sum", "ns", None, None),
            ("not", "", None, "nan"),
            ("text", "", None, "words"),
        ]
        assert database.sql(
            "SELECT domain, style, depth, text, path FROM ncu_ranges ORDER BY ALL"
        ).rows() == [
            ("", "pushpop", 0, "step", "step"),
            ("", "pushpop", 0, "step", "step"),
            ("", "pushpop", 1, "mlp", "step/mlp"),
            ("", "startend", 0, "request", "request"),
            ("lib", "pushpop", 0, "cub", "cub"),
        ]
        assert database.sql(
            "SELECT name, rule, section, kind, title, message, estimated_speedup_pct, speedup_scope"
            " FROM advice JOIN kernels USING (kernel_id) ORDER BY kernel_id"
        ).rows() == [
            ("gemm", "SOLBottleneck", "SpeedOfLight", "optimization", "Bound", "Do this.", 12.5, "local"),
            ("warm", "Info", "", "ok", "", "", None, None),
        ]
        assert database.sql(
            "SELECT gpu_name, device_id, sm_count, memory_bandwidth_bytes_per_s FROM gpus"
        ).rows() == [("NVIDIA H200", 0, 132, 2 * 3_201_000_000 * 6016 / 8)]
        assert database.sql("SELECT pid, process FROM processes").rows() == [(7, "python3")]
