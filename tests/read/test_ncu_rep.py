"""Every value of every ncu report, against NVIDIA's own output and against the plain library."""

from __future__ import annotations

import csv
import io
import json
import lzma
import math
import re
import subprocess
import sys
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ncu_rep_file as rep
import pytest
import systems
from shipped import EXPECTED, NCU_REPORTS

from traceql.read.ncu_rep.labels import Labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from traceql import Database

RAW_CSV = sorted(p.name.removesuffix(".raw.csv.xz") for p in (EXPECTED / "ncu_raw").iterdir())

# How `ncu --page raw` scales units (SI, factors of 1000): shown unit → (stored unit, factor).
TIMES = {"ns": 1, "us": 10**3, "ms": 10**6, "second": 10**9, "s": 10**9}
# What NVIDIA's library calls it, and ncu 2025.3.1 does not print.
UNPRINTED = {"idc__requests.sum": "request"}
LISTS = ("breakdown:", "group:")
# What the titles of columns say that ranges are told by.
TOLD = "Range:PL_Type:PL_Value:CLR_Type:Color:Msg_Type:Msg"
PREFIXES = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}


def unscaled(unit: str) -> tuple[str, int]:
    if unit in TIMES:
        return "ns", TIMES[unit]
    if match := re.fullmatch(r"(sector)/(ms|us|ns)", unit):
        return f"{match[1]}/s", 10**9 // TIMES[match[2]]
    # Below a line, too, ncu divides the value: 2,614 %/byte is printed as 2.614 %/Kbyte.
    match = re.fullmatch(r"(%/)?([KMGTP])(byte.*|hz|sector.*|inst.*)", unit)
    return ((match[1] or "") + match[3], PREFIXES[match[2]]) if match else (unit, 1)


def half_a_digit(text: str) -> Fraction:
    return Fraction(1, 2 * 10 ** len(text.partition(".")[2]))


def read_raw_csv(name: str) -> tuple[list[str], list[str], list[list[str]]]:
    with lzma.open(EXPECTED / "ncu_raw" / f"{name}.raw.csv.xz", "rt", encoding="utf-8") as file:
        header, units, *rows = csv.reader(io.StringIO(file.read()))
    return header, units, rows


@cache
def stored_values(corpus: Database, trace: str) -> dict[tuple[int, str], dict[str, Any]]:
    """(position of the workload, metric) → row of metrics."""
    rows = corpus._store.run(
        """
        SELECT kernel_id - min(kernel_id) OVER () AS position, metric, unit, value, value_text AS text
        FROM metrics JOIN traces USING (trace_id) WHERE trace = $trace
        """,
        {"trace": trace},
    ).to_pylist()
    return {(row["position"], row["metric"]): row for row in rows}


@pytest.mark.long
@pytest.mark.parametrize("name", RAW_CSV)
def test_every_metric_equals_what_ncu_prints(corpus: Database, name: str) -> None:
    header, units, rows = read_raw_csv(name)
    ours = stored_values(corpus, f"{name}.ncu-rep.xz")
    metrics = [
        i for i, column in enumerate(header) if "_" in column and " " not in column and TOLD not in column
    ]
    compared = 0
    for position, row in enumerate(rows):
        for i in metrics:
            key = (position, header[i])
            printed = row[i]
            if printed in ("", "no data"):
                assert key not in ours or (ours[key]["value"] is None and not ours[key]["text"]), key
                continue
            stored = ours[key]
            compared += 1
            if stored["value"] is None:
                assert stored["text"] == printed, key
                continue
            unit, factor = unscaled(units[i])
            assert stored["unit"] == (unit or UNPRINTED.get(header[i], "")), key
            number = printed.replace(",", "")
            # Exact arithmetic: at 10^13 the digits of a double are as coarse as the printed ones.
            assert abs(Fraction(stored["value"]) / factor - Fraction(number)) <= half_a_digit(number), key
    # The list of metrics behind a throughput, or of a table's: ncu keeps it, but does not print it.
    with_value = [k for k, row in ours.items() if row["value"] is not None or row["text"]]
    assert compared == sum(1 for _, metric in with_value if not metric.startswith(LISTS))
    assert len(rows) == len({position for position, _ in ours})


@pytest.mark.parametrize("name", RAW_CSV)
def test_names_and_shapes_equal_what_ncu_prints(corpus: Database, name: str) -> None:
    header, _, rows = read_raw_csv(name)
    ours = corpus._store.run(
        "SELECT kernels.* FROM kernels JOIN traces USING (trace_id) WHERE trace = $t ORDER BY kernel_id",
        {"t": f"{name}.ncu-rep.xz"},
    ).to_pylist()
    column = {title: i for i, title in enumerate(header)}
    for stored, row in zip(ours, rows, strict=True):
        assert f"({stored['grid_x']}, {stored['grid_y']}, {stored['grid_z']})" == row[column["Grid Size"]]
        assert f"({stored['block_x']}, {stored['block_y']}, {stored['block_z']})" == row[column["Block Size"]]
        assert str(stored["pid"]) == row[column["Process ID"]]
        assert str(stored["device_id"]) == row[column["Device"]]
        # Behind it the page has the name that NVTX gives it.
        assert str(stored["stream_id"]) == row[column["Stream"]].partition(" ")[0]
        # Of a launch in a green context the page shows that one, as nsys does beside the primary context.
        green = row[column["launch__green_context_id"]] if "launch__green_context_id" in column else ""
        assert row[column["Context"]] == (green or str(stored["context_id"]))
        assert str(stored["context_id"]) == row[column["launch__context_id"]]


@pytest.mark.parametrize("name", RAW_CSV)
def test_ranges_equal_what_ncu_prints(corpus: Database, name: str) -> None:
    header, _, rows = read_raw_csv(name)
    columns = [
        (style, header.index(title))
        for style, title in (
            ("pushpop", f"thread Domain:Push/Pop_{TOLD}"),
            ("startend", f"Id:Domain:Start/Stop_{TOLD}"),
        )
        if title in header
    ]
    ours = corpus._store.run(
        """
        SELECT kernel_id - first_id AS position, domain, style, text, payload, color_argb
        FROM ncu_ranges
        JOIN traces USING (trace_id)
        JOIN (SELECT trace_id, min(kernel_id) AS first_id FROM kernels GROUP BY trace_id) USING (trace_id)
        WHERE trace = $t
        """,
        {"t": f"{name}.ncu-rep.xz"},
    ).to_pylist()
    if not columns:
        # Recorded without --nvtx.
        assert ours == []
        return
    for position, row in enumerate(rows):
        for style, column in columns:
            # 1221  "<default domain>:step:none:…"; of start/end ranges with their ids in front.
            printed = re.findall(r'"([^"]*)"', row[column])
            if style == "startend":
                printed = [one.partition(":")[2] for one in printed]
            for range_ in [r for r in ours if r["position"] == position and r["style"] == style]:
                told = f"{range_['domain'] or '<default domain>'}:{range_['text']}:"
                found = next(one for one in printed if one.startswith(told))
                printed.remove(found)
                kind, payload, _, color, _ = found.removeprefix(told).split(":", 4)
                assert color == ("none" if range_["color_argb"] is None else f"0x{range_['color_argb']:08x}")
                if kind in ("Double", "Float"):
                    assert f"{float(range_['payload']):.6f}" == payload
                else:
                    assert payload == (range_["payload"] or "none")
            assert printed == []


def test_categories_of_ranges_have_the_names_that_their_domain_gives_them(corpus: Database) -> None:
    found = corpus._store.run(
        """
        SELECT DISTINCT domain, text, category, payload
        FROM ncu_ranges JOIN traces USING (trace_id)
        WHERE trace = 'nvtx_messages.ncu-rep.xz' AND category IS NOT NULL
        ORDER BY ALL
        """
    ).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        ("", "signed", "9", "-5"),
        ("", "unsigned", "loading", "18000000000000000000"),
        ("mine", "a registered text", "saving", "11"),
        ("mine", "a registered text", "saving", None),
    ]


def test_ranges_of_one_program_are_told_alike_by_both_tools(corpus: Database) -> None:
    told = "SELECT DISTINCT domain, text, category, color_argb, payload FROM {} JOIN traces USING (trace_id) WHERE trace = $t"
    by_nsys, by_ncu = (
        {tuple(row.values()) for row in corpus._store.run(told.format(table), {"t": trace}).to_pylist()}
        for table, trace in (
            ("nvtx_ranges", "nvtx_attributes.sqlite.xz"),
            ("ncu_ranges", "nvtx_messages.ncu-rep.xz"),
        )
    )
    assert by_nsys == by_ncu and len(by_ncu) == 11


# ncu_report keeps memory, and of one report what the units of the next come to: each is read in a fork of its own.
PLAIN_LOOP = """
import json, os, sys, ncu_report
for path in sys.argv[1:]:
    fork = os.fork()
    if not fork:
        print(json.dumps([
            [
                [name, m.unit(), m.value() if m.has_value() else None]
                for name in action.metric_names() for m in [action.metric_by_name(name)]
            ]
            for in_range in ncu_report.load_report(path) for action in in_range
        ]), flush=True)
        os._exit(0)
    assert os.waitpid(fork, 0)[1] == 0
"""


@pytest.fixture(scope="module")
def plain_loop(unpacked: Callable[[str], Path]) -> dict[str, str]:
    """Report → what the loop says of it: JSON, for each workload its metrics."""
    systems.needs_posix("fork")
    command = [sys.executable, "-c", PLAIN_LOOP, *(str(unpacked(name)) for name in NCU_REPORTS)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(zip(NCU_REPORTS, said.splitlines(), strict=True))


@pytest.mark.long
@pytest.mark.parametrize("name", NCU_REPORTS)
def test_every_metric_equals_a_plain_loop_over_the_library(
    corpus: Database, plain_loop: dict[str, str], name: str
) -> None:
    ours = stored_values(corpus, name)
    count = 0
    for position, metrics in enumerate(json.loads(plain_loop[name])):
        for metric, unit, value in metrics:
            stored = ours[position, metric]
            count += 1
            assert stored["unit"] == unit
            if isinstance(value, str):
                assert (stored["value"], stored["text"]) == (None, value)
            elif value is None:
                assert (stored["value"], stored["text"]) == (None, None)
            elif not math.isfinite(value):
                assert (stored["value"], stored["text"]) == (None, str(value))
            else:
                assert stored["value"] == float(value)
                assert stored["text"] is None
    assert count == len(ours) > 0


def test_a_metric_without_a_value_is_null_and_one_that_is_not_finite_says_so(corpus: Database) -> None:
    found = corpus.sql(
        """
        SELECT trace, count(*) FILTER (value IS NULL AND value_text IS NULL) AS absent, count(*) FILTER (value_text = 'nan') AS nan
        FROM metrics JOIN traces USING (trace_id) GROUP BY trace
        """
    )
    by_name = {row["trace"]: row for row in found.to_dicts()}
    # Counted with a plain loop over ncu_report: has_value() False, and value() NaN.
    assert by_name["jax_gb200_2025.3_graph_nodes.ncu-rep.xz"]["nan"] == 3
    assert by_name["darknet_xavier.nsight-cuprof-report.xz"]["nan"] == 7
    assert by_name["esmm_a10g_2023.1_b.ncu-rep.xz"]["nan"] == 52
    assert by_name["extrap_a100_2020.3.ncu-rep.xz"]["absent"] == 12


def test_workloads_of_whole_graphs_are_labelled(corpus: Database) -> None:
    found = corpus.sql(
        """
        SELECT workload, count(*) AS n FROM kernels JOIN traces USING (trace_id)
        WHERE trace = 'scv_graph_as_graph.ncu-rep.xz' GROUP BY workload ORDER BY workload
        """
    )
    assert found.rows() == [("graph", 2), ("kernel", 58)]


def test_workloads_that_are_ranges_are_labelled(corpus: Database) -> None:
    found = corpus.sql(
        """
        SELECT name, workload, duration_ns, kernel_ranges.domain, text, style
        FROM kernels JOIN traces USING (trace_id) JOIN kernel_ranges USING (trace_id, kernel_id)
        WHERE traces.trace = 'app_range.ncu-rep.xz' ORDER BY kernel_id, domain, style
        """
    )
    assert [(row["name"], row["workload"]) for row in found.to_dicts()] == [("range", "range")] * 6
    assert found.select("domain", "text", "style").rows()[:3] == [
        ("", "step", "pushpop"),
        ("", "loose", "startend"),
        ("mine", "registered", "pushpop"),
    ]


def test_settings_come_from_the_session_block(corpus: Database) -> None:
    settings = {
        row["trace"]: row
        for row in corpus.sql(
            """
            SELECT trace, tool_version, gpu, settings->>'clock_control' AS clocks, settings->>'replay_mode' AS replay,
                   settings->>'graph_profiling' AS graphs, settings->>'set' AS "set"
            FROM traces WHERE profiler = 'ncu'
            """
        ).to_dicts()
    }
    h200 = settings["scv_graph_as_graph.ncu-rep.xz"]
    assert (h200["tool_version"], h200["gpu"]) == ("2025.3.1.0", "NVIDIA H200")
    assert (h200["clocks"], h200["replay"], h200["graphs"]) == ("none", "kernel", "graph")
    assert settings["cutlass_a100_2024.1_nvtx.ncu-rep.xz"]["clocks"] == "base"
    assert settings["jax_gb200_2025.3_graph_nodes.ncu-rep.xz"]["set"] == "full"
    # The oldest reports do not record a command line: unknown, not a default.
    assert settings["extrap_a100_2020.3.ncu-rep.xz"]["clocks"] is None


def test_rule_results_keep_their_message_and_estimate(corpus: Database) -> None:
    found = corpus.sql(
        """
        SELECT rule, advice.kind, title, estimated_speedup_pct FROM advice JOIN traces USING (trace_id)
        WHERE trace = 'cutlass_a100_2024.1_nvtx.ncu-rep.xz' ORDER BY kernel_id
        """
    )
    assert found.select("rule", "kind", "title").rows()[0] == ("SOLBottleneck", "optimization", "Small Grid")
    # The reports of kernel_kinds.cu are compared with ncu's own pages, row by row, where rules are asked for.
    others = """
        SELECT estimated_speedup_pct FROM advice JOIN traces USING (trace_id)
        WHERE NOT regexp_matches(trace, '^(kinds_|two_|app_replay|call_stacks|precision|green_|mps_|named_)')
    """
    count = corpus.sql(
        f"SELECT count(*) AS n, count(estimated_speedup_pct) AS estimates FROM ({others})"
    ).row(0)
    assert count == (
        250,
        corpus.sql(f"SELECT count(*) FROM ({others}) WHERE estimated_speedup_pct >= 0").item(),
    )
    assert count[1] > 0


def test_bandwidth_follows_from_clock_and_bus_width(corpus: Database) -> None:
    found = corpus.sql(
        """
        SELECT DISTINCT gpu_name, sm_count, compute_capability, memory_bandwidth_bytes_per_s AS bytes_per_s
        FROM gpus JOIN traces USING (trace_id) WHERE gpu_name = 'NVIDIA H200' AND trace LIKE 'scv_%'
        """
    )
    # ncu's product of clock and bus width and nsys's own figure are the same number.
    assert found.rows() == [("NVIDIA H200", 132, "9.0", 4_814_304_000_000.0)]


def test_labels_are_those_of_the_sections_that_the_report_holds(corpus: Database) -> None:
    """Of another report all 480 cells of ncu's details page whose label was found were compared: no difference."""
    labelled = corpus.sql(
        """
        SELECT trace, count(DISTINCT label) AS labels FROM metrics NATURAL JOIN traces GROUP BY trace ORDER BY trace
        """
    )
    found = dict(labelled.rows())
    # One of them is of a metric that stands inside another one's: what chips from 8.6 on have in its place.
    assert found["jax_gb200_2025.3_graph_nodes.ncu-rep.xz"] == 239
    assert found["cutlass_a100_2024.1_nvtx.ncu-rep.xz"] == 204
    # --set roofline with its section bodies removed, and metrics asked for by name, come without.
    assert found["llama_roofline.ncu-rep.xz"] == found["scv_nwor_off.ncu-rep.xz"] == 0
    known = {
        "launch__waves_per_multiprocessor": "Waves Per SM",
        "gpu__time_duration.sum": "Duration",
        "launch__registers_per_thread": "Registers Per Thread",
        "sm__warps_active.avg.pct_of_peak_sustained_active": "Achieved Occupancy",
        "dram__bytes.sum.per_second": "Memory Throughput",
        "sm__inst_executed_pipe_fma_type_fp16.avg.pct_of_peak_sustained_active": "FMA (FP16)",
    }
    pairs = corpus.sql("SELECT DISTINCT metric, label FROM metrics WHERE label IS NOT NULL").rows()
    assert known.items() <= set(pairs)


def test_a_report_of_ncu_tells_driver_and_cuda(corpus: Database) -> None:
    told = (
        "SELECT driver_version, cuda_version FROM traces WHERE trace = 'cutlass_a100_2024.1_nvtx.ncu-rep.xz'"
    )
    assert corpus.sql(told).rows() == [("560.35.03", "12.6")]


def test_what_is_no_section_has_no_labels() -> None:
    metric = rep.message((1, b"launch__grid_size"), (2, b"Grid Size"))
    found = Labels()
    # Neither a name of a metric, nor a text, nor a message at all.
    for other in (
        rep.message((1, b"Grid"), (2, b"Size")),
        rep.message((1, b"launch__x"), (2, b"\xff")),
        b"__\xff\xff",
    ):
        found.add([rep.message((3, other))])
        assert found == {}
    found.add([rep.message((3, metric))])
    assert found == {"launch__grid_size": "Grid Size"}
    # The first result that has labels has them all.
    found.add([rep.message((3, rep.message((1, b"launch__block_size"), (2, b"Block Size"))))])
    assert found == {"launch__grid_size": "Grid Size"}
