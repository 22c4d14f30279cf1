"""What ncu's own details page prints, the questions about counters answer: value by value, verdict by verdict."""

from __future__ import annotations

import bisect
import csv
import lzma
import re
from typing import TYPE_CHECKING, Any

import kept
import pytest
from made import store
from made.ncu import Profile
from shipped import EXPECTED, REPORTS, notes

import traceql
from traceql.ask import cards

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from traceql import Database

Row = dict[str, Any]
#: (number of the launch, section, metric) → printed value and unit.
Page = dict[tuple[int, str, str], tuple[str, str]]

KINDS = (
    *("kinds_full", "kinds_detailed", "kinds_basic", "two_gpus", "app_replay", "two_programs"),
    # In parts of the SMs.
    "green_contexts",
)
OTHERS = (
    "cutlass_a100_2024.1_nvtx",
    "esmm_a10g_2023.1",
    "esmm_a10g_2023.1_b",
    "jax_gb200_2025.3_graph_nodes",
    "llama_roofline",
    "kinds_source",
    "kinds_pm",
)
#: What ncu prints before a unit; its kilobytes are 1,000 bytes.
PREFIXES = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database of the reports whose pages and rules are compared, named as their files."""

    def fill(database: Database, reports: Sequence[Path]) -> None:
        for report in reports:
            database.ingest(report, name=report.name.removesuffix(".ncu-rep.xz"))

    reports = [REPORTS / f"{name}.ncu-rep.xz" for name in KINDS + OTHERS]
    path = kept.database("counter_pages", fill, reports, tmp_path_factory.mktemp("counter_pages"))
    with traceql.open(path) as database:
        yield database


def page(name: str) -> Page:
    with lzma.open(EXPECTED / "ncu_details" / f"{name}.details.csv.xz", "rt", encoding="utf-8") as file:
        return {
            (int(row["ID"]), row["Section Name"], row["Metric Name"]): (
                row["Metric Value"],
                row["Metric Unit"],
            )
            for row in csv.DictReader(file)
            if row["Metric Name"]
        }


def by_launch(database: Database, question: str, trace: str, **params: Any) -> list[tuple[int, Row]]:
    """Rows of an answer with the number that ncu gives their launch, from 0."""
    rows = database.query(question, trace=trace, by="launch", **params).to_dicts()
    return [((row["kernel_id"] & 0xFFFFFFFF) - 1, row) for row in rows]


def is_printed(value: float | None, printed: str, unit: str) -> bool:
    """Whether a value in base units reads as printed, within half a unit of the last digit."""
    number = printed.replace(",", "")
    digits = len(number.partition(".")[2])
    prefix = re.fullmatch(r"([numKMGT]?)(?:s|Hz|hz|byte(?:/.*)?)", unit)
    scale = PREFIXES[prefix[1]] if prefix else 1.0
    return value is not None and abs(value / scale - float(number)) <= 0.5 * 10**-digits + 1e-9


def compare(
    database: Database, question: str, trace: str, section: str, columns: dict[str, str], **params: Any
) -> int:
    """Hold the columns of an answer to a section of the page; how many values were compared."""
    printed = page(trace)
    compared = 0
    for launch, row in by_launch(database, question, trace, **params):
        for metric, column in columns.items():
            if (launch, section, metric) in printed:
                value, unit = printed[launch, section, metric]
                assert is_printed(row[column], value, unit), (launch, column, row[column], value, unit)
                compared += 1
    return compared


def rule(database: Database, name: str) -> dict[int, tuple[str, str]]:
    """Kernel → title and text of what a rule says of it."""
    rows = database.sql(
        "SELECT kernel_id, title, message FROM advice WHERE rule = $name AND kind <> 'error'", {"name": name}
    ).rows()
    return {kernel: (title, message) for kernel, title, message in rows}


# --- speed of light --------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("trace", KINDS)
def test_shares_of_the_peaks_are_those_of_the_page(profiles: Database, trace: str) -> None:
    columns = {
        "Compute (SM) Throughput": "compute_pct",
        "Memory Throughput": "memory_pct",
        "DRAM Throughput": "dram_pct",
        "L2 Cache Throughput": "l2_pct",
        "L1/TEX Cache Throughput": "l1_pct",
    }
    launches = len(by_launch(profiles, "speed_of_light", trace))
    section = "GPU Speed Of Light Throughput"
    assert compare(profiles, "speed_of_light", trace, section, columns) == 5 * launches > 0
    memory = {"Memory Throughput": "dram_bytes_per_s"}
    waves = {"Waves Per SM": "waves"}
    assert compare(profiles, "speed_of_light", trace, "Launch Statistics", waves) == launches
    detailed = compare(profiles, "speed_of_light", trace, "Memory Workload Analysis", memory)
    assert detailed == (0 if trace == "kinds_basic" else launches)


TITLES = {
    "High Throughput": "high",
    "Small Grid": "small_grid",
    "Latency Issue": "latency",
    "High Compute Throughput": "compute",
    "High Memory Throughput": "memory",
    "Balanced Throughput": "balanced",
}
#: How the rule names the unit, from 2024 on.
UNIT = re.compile(r"identify the (\S+) bottleneck|analyzing (\S+) in the|analyzing (workloads) in the")


def test_the_verdict_is_that_of_the_rule(profiles: Database) -> None:
    said = rule(profiles, "SOLBottleneck")
    rows = profiles.query("speed_of_light", by="launch").to_dicts()
    found = {row["kernel_id"]: row["verdict"] for row in rows if row["kernel_id"] in said}
    assert found == {kernel: TITLES[title] for kernel, (title, _) in said.items()}
    assert set(found.values()) == set(TITLES.values())


def test_the_limiter_is_the_unit_that_the_rule_names(profiles: Database) -> None:
    said = {kernel: UNIT.search(text) for kernel, (_, text) in rule(profiles, "SOLBottleneck").items()}
    named = {
        kernel: next(filter(None, found.groups())).replace("workloads", "SM")
        for kernel, found in said.items()
        if found
    }
    rows = profiles.query("speed_of_light", by="launch").to_dicts()
    assert {row["kernel_id"]: row["limiter"] for row in rows if row["kernel_id"] in named} == named
    assert set(named.values()) == {"SM", "DRAM", "L2", "L1"}


# --- occupancy -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trace", KINDS)
def test_occupancy_is_that_of_the_page(profiles: Database, trace: str) -> None:
    columns = {
        "Block Limit Registers": "limit_registers",
        "Block Limit Shared Mem": "limit_shared_memory",
        "Block Limit Warps": "limit_warps",
        "Block Limit SM": "limit_blocks",
        "Block Limit Barriers": "limit_barriers",
        "Theoretical Occupancy": "theoretical_pct",
        "Theoretical Active Warps per SM": "theoretical_warps",
        "Achieved Occupancy": "achieved_pct",
        "Achieved Active Warps Per SM": "achieved_warps",
    }
    launches = len(by_launch(profiles, "occupancy", trace, limit=None))
    assert compare(profiles, "occupancy", trace, "Occupancy", columns, limit=None) == 9 * launches > 0


COMPUTED = """
WITH recorded AS (
    SELECT kernel_id, map(list(metric), list(value)) AS of FROM metrics
    WHERE starts_with(metric, 'launch__') OR starts_with(metric, 'sm__maximum') GROUP BY kernel_id
),
launches AS (
    SELECT *, of['launch__block_size']::BIGINT AS threads, (threads + 31) // 32 AS warps,
        static_shared_bytes + dynamic_shared_bytes AS shared
    FROM recorded JOIN kernels USING (kernel_id) JOIN traces USING (trace_id)
    JOIN gpus ON gpus.trace_id = kernels.trace_id AND gpus.gpu_id = kernels.gpu_id
    JOIN occupancy_rules USING (compute_capability)
    WHERE registers_per_thread > 0
)
SELECT compute_capability, tool_version,
    [blocks_by_registers(registers_per_thread::BIGINT, warps, registers, sub_partitions),
     blocks_by_shared_memory(shared, reserved_bytes, shared_unit_bytes, executed_shared_bytes),
     max_warps // warps, max_blocks] AS ours,
    list_transform(['registers', 'shared_mem', 'warps', 'blocks'], lambda x: of['launch__occupancy_limit_' || x]::BIGINT)
        AS theirs,
    100.0 * warps * least(ours[1], ours[2], ours[3], ours[4], of['launch__occupancy_limit_barriers']) / max_warps AS pct,
    of['sm__maximum_warps_per_active_cycle_pct'] AS their_pct
FROM launches
ORDER BY kernel_id
"""


def test_the_rules_give_the_limits_that_ncu_computed(corpus: Database) -> None:
    rows = [row for row in corpus.sql(COMPUTED).to_dicts() if row["their_pct"] is not None]
    assert {row["compute_capability"] for row in rows} == {"7.2", "8.0", "8.6", "9.0", "10.0"}
    for row in rows:
        # ncu 2020 took the largest shared memory of an SM for that of the kernel.
        old = str(row["tool_version"]).startswith("2020")
        assert [n for n in row["ours"] if not old] == [n for n in row["theirs"] if not old], row
        assert row["pct"] == pytest.approx(row["their_pct"], abs=1e-5)


def test_one_block_more_needs_exactly_what_is_said(corpus: Database) -> None:
    wrong = corpus.sql(
        """
        SELECT warps, blocks, of_registers, of_shared
        FROM range(1, 33) AS _ (warps), range(1, 33) AS _ (blocks), occupancy_rules,
            LATERAL (SELECT registers_for_blocks(blocks, warps, registers, sub_partitions) AS of_registers,
                shared_memory_for_blocks(blocks, reserved_bytes, shared_unit_bytes, sm_shared_bytes) AS of_shared)
        WHERE of_registers > 0 AND (blocks_by_registers(of_registers, warps, registers, sub_partitions) < blocks
                OR blocks_by_registers(of_registers + 1, warps, registers, sub_partitions) >= blocks)
            OR blocks_by_shared_memory(of_shared, reserved_bytes, shared_unit_bytes, sm_shared_bytes) < blocks
            OR blocks_by_shared_memory(of_shared + 1, reserved_bytes, shared_unit_bytes, sm_shared_bytes) >= blocks
        """
    )
    assert wrong.rows() == []


def test_a_timeline_has_the_occupancy_that_ncu_computed_of_the_same_kernels(corpus: Database) -> None:
    def found(trace: str) -> dict[tuple[Any, ...], Any]:
        rows = corpus.query("occupancy", trace=trace, names="full", limit=None).to_dicts()
        key = ("kernel", "threads_per_block", "registers_per_thread", "shared_bytes")
        return {
            tuple(row[name] for name in key): (row["theoretical_pct"], row["limit_registers"]) for row in rows
        }

    timeline, counters = found("llama_eager.sqlite.xz"), found("llama_roofline.ncu-rep.xz")
    both = timeline.keys() & counters.keys()
    assert len(both) > 10
    assert {key: timeline[key] for key in both} == {key: counters[key] for key in both}


#: How ncu calls a curve → our parameter, the steps of its amounts, and how much of them is not the kernel's own.
CURVES = {
    "register_count": ("registers_per_thread", 1, 0),
    "block_size": ("threads_per_block", 16, 0),
    "shared_mem_size": ("shared_bytes", 512, 1024),
}
LAUNCHED = """
SELECT coalesce(demangled, kernels.name) AS kernel, registers_per_thread, block_x * block_y * block_z AS threads,
    static_shared_bytes + dynamic_shared_bytes AS shared, tool_version
FROM kernels JOIN traces USING (trace_id) WHERE trace = $trace ORDER BY kernel_id
"""


def steps_at(steps: Sequence[tuple[int, int]], amount: int) -> int:
    """What a curve holds at an amount, of its steps: where each begins, and what it holds."""
    return steps[bisect.bisect_right(steps, (amount, 1 << 60)) - 1][1]


@pytest.mark.long
def test_curves_of_occupancy_are_those_that_ncu_computed(corpus: Database) -> None:
    theirs: dict[tuple[str, int, str], list[tuple[int, int]]] = {}
    with lzma.open(EXPECTED / "ncu_occupancy" / "curves.csv.xz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            curve = theirs.setdefault((row["report"], int(row["launch"]), row["curve"]), [])
            curve.append((int(row["amount"]), int(row["warps"])))
    compared = 0
    for report in sorted({report for report, _, _ in theirs}):
        trace = f"{report}.ncu-rep.xz"
        launches = corpus.sql(LAUNCHED, {"trace": trace}).rows()
        ours: dict[tuple[Any, ...], list[Row]] = {}
        answer = corpus.query("occupancy_curves", trace=trace, names="full", limit=None)
        for row in answer.to_dicts():
            key = ("kernel", "registers_per_thread", "threads_per_block", "shared_bytes", "parameter")
            ours.setdefault(tuple(row[column] for column in key), []).append(row)
        for (_, launch, name), curve in (item for item in theirs.items() if item[0][0] == report):
            *launched, version = launches[launch]
            parameter, every, reserved = CURVES[name]
            steps = ours[*launched, parameter]
            if name == "shared_mem_size" and str(version).startswith("2020"):
                # ncu 2020 took the largest shared memory of an SM for that of the kernel, and counted bytes alone.
                continue
            found = [(row["from_amount"], row["theoretical_warps"]) for row in steps]
            for amount in range(max(every, reserved), max(row["to_amount"] for row in steps) + 1, every):
                expected = steps_at(curve, amount)
                # Of kernels that take no dynamic shared memory, its curve ends at 48 KiB.
                if expected > 0 or name != "shared_mem_size":
                    assert steps_at(found, amount - reserved) == expected, (report, launched, name, amount)
                    compared += 1
    assert compared > 20_000


def test_a_kernel_stands_on_its_curves_where_occupancy_has_it(profiles: Database) -> None:
    by_kernel = {
        row["kernel"]: row for row in profiles.query("occupancy", trace="kinds_full", limit=None).to_dicts()
    }
    steps = profiles.query("occupancy_curves", trace="kinds_full", limit=None).to_dicts()
    own = [row for row in steps if row["is_launch"]]
    assert len(own) == 3 * len(by_kernel) > 30
    for row in own:
        said = by_kernel[row["kernel"]]
        assert said[row["parameter"]] == row["launch_amount"]
        for column in ("theoretical_warps", "theoretical_pct", "limiter"):
            assert row[column] == said[column], (row, said)


# --- warp states and schedulers --------------------------------------------------------------------------

#: How the rule CPIStall says what a warp waits for.
STALL = re.compile(
    r"spends ([\d.]+) cycles .* about ([\d.]+)% of the total average of ([\d.]+) cycles", re.DOTALL
)


def test_stalls_are_those_of_the_rule(profiles: Database) -> None:
    said = profiles.sql(
        "SELECT kernel_id, message FROM advice WHERE rule = 'CPIStall' AND kind = 'optimization'"
    )
    states: dict[int, list[Row]] = {}
    for row in profiles.query("warp_states", by="launch", limit=None).to_dicts():
        states.setdefault(row["kernel_id"], []).append(row)
    compared = 0
    for kernel, message in said.rows():
        stall = STALL.search(message)
        assert stall is not None, message
        cycles, share, _ = stall.groups()
        assert any(
            is_printed(row["cycles_per_instruction"], cycles, "") and is_printed(row["share_pct"], share, "%")
            for row in states[kernel]
        ), (message, states[kernel])
        compared += 1
    assert compared >= 20


def test_every_state_of_the_reports_has_a_meaning(profiles: Database) -> None:
    rows = profiles.query("warp_states", limit=None).to_dicts()
    found = {row["state"]: row["meaning"] for row in rows if row["state"]}
    assert len(found) == 19
    assert None not in found.values()


def test_schedulers_do_what_the_page_says(profiles: Database) -> None:
    columns = {
        "No Eligible": "no_eligible_pct",
        "Active Warps Per Scheduler": "active_warps",
        "Eligible Warps Per Scheduler": "eligible_warps",
        "Issued Warp Per Scheduler": "issued_warps",
    }
    assert compare(profiles, "scheduler", "kinds_full", "Scheduler Statistics", columns) == 4 * 28
    columns = {"Issue Slots Busy": "issue_slots_busy_pct", "Executed Ipc Active": "ipc"}
    section = "Compute Workload Analysis"
    assert compare(profiles, "scheduler", "kinds_full", section, columns) == 2 * 28
    assert compare(profiles, "scheduler", "kinds_detailed", section, columns) == 2 * 14
    assert compare(profiles, "scheduler", "green_contexts", section, columns) == 2 * 26


# --- memory tables ---------------------------------------------------------------------------------------


def memory(database: Database, trace: str, level: str, operation: str) -> dict[int, Row]:
    rows = by_launch(database, "memory_tables", trace, idle=True, level=level)
    return {launch: row for launch, row in rows if row["operation"] == operation}


@pytest.mark.parametrize("trace", ["kinds_full", "kinds_detailed", "two_gpus", "green_contexts"])
def test_hit_rates_are_those_of_the_page(profiles: Database, trace: str) -> None:
    printed = page(trace)
    for level, metric in (("L1", "L1/TEX Hit Rate"), ("L2", "L2 Hit Rate")):
        found = memory(profiles, trace, level, "all")
        assert len(found) >= 8
        for launch, row in found.items():
            value, unit = printed[launch, "Memory Workload Analysis", metric]
            assert is_printed(row["hit_rate_pct"], value, unit), (launch, level)


def test_spills_are_those_of_the_page(profiles: Database) -> None:
    printed = page("kinds_full")
    found = memory(profiles, "kinds_full", "spills", "all")
    assert sorted(found) == list(range(28))
    for launch, row in found.items():
        value, _ = printed[launch, "Memory Workload Analysis", "Local Memory Spilling Requests"]
        assert is_printed(row["requests"], value, "")
    assert sum(row["requests"] > 0 for row in found.values()) == 2


@pytest.mark.parametrize("trace", ["kinds_full", "kinds_detailed", "two_gpus", "green_contexts"])
def test_the_memory_chart_has_the_numbers_of_the_page(profiles: Database, trace: str) -> None:
    printed = page(trace)
    ways: dict[int, dict[tuple[str, str | None], Row]] = {}
    for launch, row in by_launch(profiles, "memory_chart", trace, limit=None):
        ways.setdefault(launch, {})[row["source"], row["target"]] = row
    section, peaks = "Memory Workload Analysis", "GPU Speed Of Light Throughput"
    for launch, way in ways.items():
        for place, metric in (("L1", "L1/TEX Hit Rate"), ("L2", "L2 Hit Rate")):
            assert is_printed(way[place, None]["hit_rate_pct"], *printed[launch, section, metric])
        for place, name in (("L1", "L1/TEX Cache"), ("L2", "L2 Cache"), ("DRAM", "DRAM")):
            share = way[place, None]["throughput_pct"]
            assert is_printed(share, *printed[launch, peaks, f"{name} Throughput"]), (launch, place)
        moved = way["DRAM", "L2"]["bytes"] + way["L2", "DRAM"]["bytes"]
        compressed = way["compression", None]
        assert is_printed(
            compressed["hit_rate_pct"], *printed[launch, section, "L2 Compression Success Rate"]
        )
        sectors = printed[launch, section, "L2 Compression Input Sectors"]
        assert is_printed(compressed["bytes"] / 32, *sectors), launch
        rate = 1e9 * moved / way["L2", None]["gpu_ns"]
        assert is_printed(rate, *printed[launch, section, "Memory Throughput"]), (launch, rate)
    assert len(ways) >= 8


def test_the_memory_chart_and_the_memory_tables_say_the_same(profiles: Database) -> None:
    #: What goes up on the ways between two places, and where the tables have it.
    places = {("kernel", "L1"): "L1", ("kernel", "shared"): "shared", ("L1", "L2"): "L2"}
    tables: dict[tuple[int, str, bool], list[Row]] = {}
    for launch, row in by_launch(profiles, "memory_tables", "kinds_full", idle=True):
        if row["operation"] != "all" and not row["operation"].startswith("async_copy"):
            up = row["operation"].endswith(("load", "read", "texture"))
            tables.setdefault((launch, row["level"], up), []).append(row)
    compared = 0
    for launch, row in by_launch(profiles, "memory_chart", "kinds_full", limit=None):
        for (above, below), level in places.items():
            if {row["source"], row["target"]} == {above, below}:
                rows = tables[launch, level, row["target"] == above]
                assert row["requests"] == sum(one["requests"] for one in rows), (launch, level)
                if level == "L1":
                    assert row["bytes"] == sum(one["bytes"] or 0 for one in rows), launch
                compared += 1
    assert compared == 6 * 28


def test_spills_are_loads_and_stores_of_registers(profiles: Database) -> None:
    found = {part: memory(profiles, "kinds_full", "spills", part) for part in ("all", "load", "store")}
    sums = {
        launch: found["load"][launch]["requests"] + row["requests"] for launch, row in found["store"].items()
    }
    assert sums == {launch: row["requests"] for launch, row in found["all"].items()}
    assert sum(requests > 0 for requests in sums.values()) == 2


def test_what_is_copied_past_l1_are_the_bytes_that_another_counter_has(profiles: Database) -> None:
    trace = "cutlass_a100_2024.1_nvtx"
    came = "sm__sass_l1tex_m_xbar2l1tex_read_bytes_mem_global_op_ldgsts_cache_bypass.sum"
    counted = profiles.query("metric", trace=trace, metric=came).sort("kernel_id").to_dicts()
    found = memory(profiles, trace, "L1", "async_copy_past_l1")
    assert [found[launch]["bytes"] for launch in sorted(found)] == [row["value"] for row in counted]
    assert len(found) == 3 and all(row["bytes"] > 0 for row in found.values())
    # A request of 32 threads for 16 bytes each has 16 sectors at most.
    assert all(1 <= row["sectors_per_request"] <= 16 for row in found.values())


CONFLICTS = re.compile(
    r"([\d.]+) - way bank conflict across all (\d+) shared (load|store) requests."
    r"This results in (\d+) bank conflicts,  which represent ([\d.]+)% of the overall (\d+) wavefronts"
)


def test_bank_conflicts_are_those_of_the_rule(profiles: Database) -> None:
    said = [
        (kernel, CONFLICTS.search(message))
        for kernel, message in profiles.sql(
            "SELECT kernel_id, message FROM advice WHERE rule = 'SharedMemoryConflicts'"
        ).rows()
    ]
    rows = profiles.query("memory_tables", by="launch", level="shared").to_dicts()
    found = {(row["kernel_id"], row["operation"]): row for row in rows}
    for kernel, match in said:
        assert match is not None
        way, requests, operation, conflicts, share, wavefronts = match.groups()
        row = found[kernel, operation]
        assert (row["requests"], row["bank_conflicts"], row["wavefronts"]) == (
            int(requests),
            int(conflicts),
            int(wavefronts),
        )
        assert is_printed(row["wavefronts_per_request"], way, "")
        assert is_printed(100 * row["bank_conflicts"] / row["wavefronts"], share, "%")
    assert len(said) >= 4


def test_a_copy_of_floats_asks_for_four_sectors_a_request(profiles: Database) -> None:
    # 1,048,576 floats are 32,768 requests of warps, of 128 bytes each way, and nothing is there twice.
    rows = profiles.query(
        "memory_tables", trace="kinds_full", kernel="copy_coalesced", by="launch"
    ).to_dicts()
    for operation in ("global_load", "global_store"):
        for row in rows:
            if row["operation"] == operation:
                assert (row["requests"], row["sectors"], row["sectors_per_request"]) == (32768, 131072, 4)
                assert (row["bytes"], row["hit_rate_pct"]) == (4 << 20, 0)


# --- pipes -----------------------------------------------------------------------------------------------

HIGHEST = re.compile(r"^(\w+) is the highest-utilized pipeline \(([\d.]+)%\) based on elapsed cycles")


def test_the_busiest_pipe_is_that_of_the_rule(profiles: Database) -> None:
    messages = profiles.sql("SELECT kernel_id, message FROM advice WHERE rule = 'HighPipeUtilization'").rows()
    said = {kernel: match.groups() for kernel, text in messages if (match := HIGHEST.search(text))}
    busy: dict[int, dict[str, float]] = {}
    for row in profiles.query("pipes", by="launch", limit=None).to_dicts():
        # The rule looks at whole pipes.
        if row["busy_pct"] is not None and row["pipe"] != "fmaheavy":
            busy.setdefault(row["kernel_id"], {})[row["pipe"]] = row["busy_pct"]
    for kernel, (name, share) in said.items():
        assert is_printed(busy[kernel][name.lower()], share, "%")
        assert busy[kernel][name.lower()] == max(busy[kernel].values())
    assert {name for name, _ in said.values()} == {"FMA", "ALU", "FP64", "Shared", "Tensor"}
    assert len(said) >= 20


def test_every_pipe_of_the_reports_has_a_meaning(profiles: Database) -> None:
    rows = profiles.query("pipes", limit=None).to_dicts()
    assert {row["pipe"] for row in rows if row["pipe"] and not row["meaning"]} == set()
    assert {"tensor_op_hmma", "tensor_subpipe_hmma", "fp16", "tmem"} <= {row["pipe"] for row in rows}


# --- instructions ----------------------------------------------------------------------------------------

#: What ncu's source page calls states.
STATES = {
    "barrier": "barrier", "branch_resolving": "branch_resolving", "dispatch": "dispatch_stall", "drain": "drain",
    "imc": "imc_miss", "lg": "lg_throttle", "long_sb": "long_scoreboard", "math": "math_pipe_throttle",
    "membar": "membar", "mio": "mio_throttle", "misc": "misc", "no_inst": "no_instruction",
    "not_selected": "not_selected", "selected": "selected", "short_sb": "short_scoreboard", "sleep": "sleeping",
    "tex": "tex_throttle", "wait": "wait",
}  # fmt: skip
COUNTS = {
    "# Samples": "samples",
    "Warp Stall Sampling (Not-issued Samples)": "not_issued_samples",
    "Instructions Executed": "instructions",
    "Thread Instructions Executed": "thread_instructions",
}


def source_page() -> list[list[dict[str, str]]]:
    """The instructions of each launch, as ncu prints them."""
    with lzma.open(EXPECTED / "ncu_source" / "kinds_source.source.csv.xz", "rt", encoding="utf-8") as file:
        tables = file.read().split('"Kernel Name"')[1:]
    return [list(csv.DictReader(table.splitlines()[1:])) for table in tables]


def test_each_instruction_has_the_numbers_of_the_source_page(profiles: Database) -> None:
    hot = profiles.query("source_hotspots", trace="kinds_source", launches=True, limit=None).to_dicts()
    found = {(row["kernel_id"] & 0xFFFFFFFF, row["address"]): row for row in hot}
    printed = {
        (launch, int(row["Address"], 16)): row
        for launch, rows in enumerate(source_page(), start=1)
        for row in rows
    }
    # What was neither executed nor sampled has no row: padding behind the end.
    idle = printed.keys() - found.keys()
    assert {printed[key][column] for key in idle for column in COUNTS} == {"0"}
    assert len(found) == 4310 and found.keys() <= printed.keys()
    for key, row in found.items():
        assert {column: row[name] for column, name in COUNTS.items()} == {
            column: int(printed[key][column]) for column in COUNTS
        }, key
        states = {name: int(printed[key][f"stall_{column}"]) for column, name in STATES.items()}
        assert (row["states"] or {}) == {name: count for name, count in states.items() if count}, key
    for launch in range(1, 4):
        first = min(address for at, address in printed if at == launch)
        assert {row["address"] - row["offset_bytes"] for at, row in found.items() if at[0] == launch} == {
            first
        }


def test_kernels_of_one_name_have_the_lines_of_their_own_program(profiles: Database) -> None:
    rows = profiles.query("source_hotspots", trace="two_programs", by="line", launches=True, limit=None)
    pids = dict(
        profiles.sql(
            "SELECT kernel_id, pid FROM kernels JOIN traces USING (trace_id) WHERE trace = 'two_programs'"
        ).rows()
    )
    found = [(pids[row["kernel_id"]], row) for row in rows.to_dicts()]
    assert {(pid, row["source_file"]) for pid, row in found} == {(575, "source/a.cu"), (668, "source/b.cu")}
    lines = {
        f"source/{name}.cu": (REPORTS.parent / "workloads" / f"two_programs_{name}.cu").read_text("utf-8")
        for name in "ab"
    }
    hottest = {
        (pid, row["kernel"]): lines[row["source_file"]].split("\n")[row["source_line"] - 1].strip()
        for pid, row in reversed(found)
    }
    # Half of `other` is how doubles are divided, which nvcc places behind its last line.
    assert hottest == {
        (575, "same"): "x[i]=x[i]*1.5f+k;",
        (575, "only_a"): "x[threadIdx.x]+=sqrtf(x[threadIdx.x]);",
        (668, "other"): "}",
        (668, "same"): "y=__sinf(y)*__cosf(y+k);",
    }


def test_lines_have_what_their_instructions_have(profiles: Database) -> None:
    kernel = {"trace": "kinds_source", "kernel": "shared_conflicts", "limit": None}
    lines = profiles.query("source_hotspots", by="line", **kernel).to_dicts()
    apart = profiles.query("source_hotspots", **kernel).to_dicts()
    assert sum(row["share_pct"] for row in lines) == pytest.approx(100)
    for line in lines:
        its = [row for row in apart if row["source_line"] == line["source_line"]]
        for name in ("samples", "not_issued_samples", "instructions", "thread_instructions"):
            assert line[name] == sum(row[name] for row in its) > 0 or name.endswith("samples")
    # Stores of a warp that all go to one bank, 32 times.
    assert (lines[0]["source_line"], lines[0]["state"]) == (72, "mio_throttle")
    assert "tile[(threadIdx.x % 32) * 32 + k" in lines[0]["source_text"]


def test_what_rules_mark_has_the_samples_of_the_source_page(profiles: Database) -> None:
    rows = profiles.query("rule_sources", trace="kinds_source", limit=None).to_dicts()
    printed = {
        (launch, int(row["Address"], 16)): int(row["# Samples"])
        for launch, page_rows in enumerate(source_page(), start=1)
        for row in page_rows
    }
    lines = profiles.query("source_hotspots", trace="kinds_source", by="line", launches=True, limit=None)
    by_line = {
        (row["kernel_id"], row["source_file"], row["source_line"]): row["samples"] for row in lines.to_dicts()
    }
    marked = [row for row in rows if row["address"] is not None]
    # Of lines there are ten marks, four of which repeat others.
    assert (len(marked), len(rows)) == (65, 71)
    for row in rows:
        if row["address"] is None:
            assert row["samples"] == by_line[row["kernel_id"], row["source_file"], row["source_line"]]
        else:
            assert row["samples"] == printed[row["kernel_id"] & 0xFFFFFFFF, row["address"]]
    # By the program: 48 loads of `spilling` a kernel apart, and stores of 32 threads to one bank.
    assert {row["source_line"] for row in rows if row["rule"] == "UncoalescedGlobalAccess"} == {43}
    shared = {row["source_text"] for row in rows if row["rule"] == "UncoalescedSharedAccess"}
    assert len(shared) == 2 and all("tile[(threadIdx.x % 32) * 32 + k" in text for text in shared)


GRAPHS = "scv_graph_as_graph"


@pytest.mark.long
def test_whole_graphs_have_the_numbers_of_the_raw_page_and_no_launch(tmp_path: Path) -> None:
    with lzma.open(EXPECTED / "ncu_raw" / f"{GRAPHS}.raw.csv.xz", "rt", encoding="utf-8") as file:
        header, units, *rows = csv.reader(file)
    unit = dict(zip(header, units, strict=True))
    printed = {
        number: dict(zip(header, row, strict=True))
        for number, row in enumerate(rows, start=1)
        if row[header.index("Kernel Name")] == "graph"
    }
    assert len(printed) == 2

    def said(row: Row, *metrics: str) -> float:
        """A sum of what is printed, without the prefixes of its units."""
        return sum(float(row[m].replace(",", "")) * PREFIXES[unit[m][: -len("byte")]] for m in metrics)

    with traceql.open(tmp_path / "graphs.duckdb") as database:
        database.ingest(REPORTS / f"{GRAPHS}.ncu-rep.xz", name=GRAPHS)

        def launches(question: str) -> dict[int, Row]:
            answer = database.query(question, kernel="graph", by="launch").to_dicts()
            return {row["kernel_id"] & 0xFFFFFFFF: row for row in answer}

        light, moved = launches("speed_of_light"), launches("kernel_roofline")
        occupancy, scheduler = launches("occupancy"), launches("scheduler")
        (launched,) = database.query("kernel_launches", kernel="graph").to_dicts()
        told = notes(database.ask("occupancy", kernel="graph"))
    assert light.keys() == moved.keys() == occupancy.keys() == scheduler.keys() == printed.keys()
    for number, row in printed.items():
        assert light[number]["gpu_ns"] == float(row["gpu__time_duration.sum"].replace(",", "")) * (
            1000 if unit["gpu__time_duration.sum"] == "us" else 1
        )
        assert moved[number]["dram_bytes"] == pytest.approx(
            said(row, "dram__bytes_read.sum", "dram__bytes_write.sum"), rel=1e-4
        )
        # ncu prints how one kernel of the graph was launched, and no occupancy.
        assert row["Block Size"] == "(128, 1, 1)"
        assert not any(row[column] for column in header if column.startswith("launch__occupancy"))
        assert {column for column, value in occupancy[number].items() if value is not None} == {
            *("trace", "kernel", "kernel_id", "kernels", "gpu_ns", "lacks")
        }
        assert scheduler[number]["theoretical_warps"] is None
    assert (launched["grid_and_block"], launched["threads_per_block"]) == (None, None)
    assert [launched["instances"], launched["paths"]] == [2, "step/scv_compute_mask (2)"]
    assert "ncu --graph-profiling node" in told


@pytest.mark.long
def test_words_of_the_library_are_those_of_the_source_page(tmp_path: Path) -> None:
    with traceql.open(tmp_path / "words.duckdb") as database:
        database.ingest(REPORTS / "kinds_source.ncu-rep.xz", via="ncu_report")
        answer = database.ask("source_hotspots", launches=True, limit=None)
        marked = database.ask("rule_sources", limit=None)
        found = {
            (row["kernel_id"] & 0xFFFFFFFF, row["address"]): row["sass"] for row in answer.frame().to_dicts()
        }
    assert answer.notes == marked.notes == ()
    marks = [row for row in marked.frame().to_dicts() if row["address"] is not None]
    assert len(marks) == 65
    for row in marks:
        assert row["sass"] == found[row["kernel_id"] & 0xFFFFFFFF, row["address"]]
    for launch, rows in enumerate(source_page(), start=1):
        for row in rows:
            said = found.get((launch, int(row["Address"], 16)))
            # The library names the label of a branch, too; it is newer than the page.
            assert said is None or re.sub(r"`\(\.L_x_\d+\) ", "", said) == row["Source"].strip()


@pytest.mark.parametrize(("sass", "text"), [(None, None), ("EXIT", "}"), ("EXIT", None), (None, "}")])
def test_what_puts_instructions_in_words_and_what_holds_their_lines_is_said(
    sass: str | None, text: str | None
) -> None:
    made = Profile().kernel().instances("launch__function_pcs", {0: 4096})
    made.instances("inst_executed", {4096: 1}).instruction(4096, sass, file="k.cu", line=3, source=text)
    with store.empty() as database:
        made.store(database, "made")
        said = notes(database.ask("source_hotspots"))
    assert ("--via ncu_report" in said) is (sass is None)
    assert ("--import-source yes" in said) is (text is None)


def test_opcodes_are_executed_as_often_as_their_instructions(profiles: Database) -> None:
    for launch, rows in enumerate(source_page()):
        executed: dict[str, int] = {}
        for row in rows:
            opcode = re.sub(r"^@!?U?P\d+ +", "", row["Source"].strip()).split(" ")[0].partition(".")[0]
            executed[opcode] = executed.get(opcode, 0) + int(row["Instructions Executed"])
        found = {
            row["opcode"]: row["instructions"]
            for at, row in by_launch(profiles, "instruction_mix", "kinds_source", limit=None)
            if at == launch
        }
        assert found == {opcode: count for opcode, count in executed.items() if count}


# --- samples over time -----------------------------------------------------------------------------------


def test_what_was_counted_between_samples_adds_up_to_the_counter(profiles: Database) -> None:
    values = {
        (kernel, metric): value
        for kernel, metric, value in profiles.sql(
            "SELECT kernel_id, metric, value FROM metrics WHERE ends_with(metric, '.sum')"
        ).rows()
    }
    added: dict[tuple[int, str], float] = {}
    for row in profiles.query("pm_sampling", trace="kinds_pm", metric="*.sum", limit=None).to_dicts():
        key = (row["kernel_id"], row["metric"])
        added[key] = added.get(key, 0) + row["value"]
        assert row["since"] == "kernel" and -1600 < row["time_ns"] < 60_000
    # All blocks are launched while the kernel runs, as they are counted.
    blocks = {key: total for key, total in added.items() if "ctas_launched" in key[1]}
    assert [values[key] for key in blocks] == list(blocks.values()) == [4096, 256]
    assert len(added) == 10


# --- rules -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trace", KINDS)
def test_texts_of_rules_and_estimates_are_those_of_the_page(profiles: Database, trace: str) -> None:
    with lzma.open(EXPECTED / "ncu_details" / f"{trace}.details.csv.xz", "rt", encoding="utf-8") as file:
        printed = sorted(
            (int(row["ID"]), row["Rule Name"], row["Rule Description"], row["Estimated Speedup"])
            for row in csv.DictReader(file)
            if row["Rule Description"]
        )
    rows = by_launch(profiles, "rules", trace, kind="*", limit=None)
    found = sorted(
        (launch, row["rule"], row["message"], row["estimated_speedup_pct"])
        for launch, row in rows
        if row["message"]
    )
    assert [row[:3] for row in found] == [row[:3] for row in printed]
    for (*_, ours), (*of, theirs) in zip(found, printed, strict=True):
        assert is_estimated(ours, theirs), (ours, theirs, of)
    assert len(found) > (20 if trace == "app_replay" else 30)


def is_estimated(value: float | None, printed: str) -> bool:
    """Estimates have four digits, however large they are."""
    return value is None if not printed else value is not None and float(f"{value:.4g}") == float(printed)


def test_what_application_replay_samples_is_at_the_instructions_it_counts(profiles: Database) -> None:
    # Of this report, samples lie 0xbb6a000000 bytes before the code. In the other one, of the same program, one
    # process did all: it was sampled at the same instructions, some of which are never executed.
    found = {}
    for trace in ("app_replay", "kinds_full"):
        rows = profiles.query("source_hotspots", trace=trace, limit=None).to_dicts()
        for row in rows:
            of = found.setdefault((trace, row["kernel"]), (set(), set()))
            for offsets, count in zip(of, (row["samples"], row["instructions"]), strict=True):
                offsets |= {row["offset_bytes"]} if count else set()
        assert len({(row["kernel"], row["offset_bytes"]) for row in rows}) == len(rows)
    kernels = {kernel for trace, kernel in found if trace == "app_replay"}
    assert kernels == {"copy_coalesced", "copy_strided", "multiply_add"}
    for kernel in kernels:
        (sampled, counted), (others, alike) = found["app_replay", kernel], found["kinds_full", kernel]
        assert counted == alike
        # Of some only one of the two was sampled there.
        assert len(sampled) > 10 and len(sampled - counted - others) < 2
    assert found["app_replay", "multiply_add"][0] - found["app_replay", "multiply_add"][1] == {
        1520, 2096, 2432, 2624
    }  # fmt: skip


# --- the card of a kernel --------------------------------------------------------------------------------


@pytest.mark.long
def test_the_card_of_a_kernel_says_what_its_questions_say(profiles: Database) -> None:
    trace, name = "kinds_full", "shared_conflicts"
    card = profiles.kernel_card(name, trace=trace).to_dicts()
    parts = cards.questions(profiles._asker)
    assert len(parts) >= 8
    for query, placed in parts:
        answer = profiles.query(query.name, trace=trace, kernel=name, **placed.params)
        said = [row["value"] for row in card if row["section"] == placed.title and row["value"] is not None]
        numbers = {float(v) for row in answer.to_dicts() for v in row.values() if isinstance(v, int | float)}
        assert said, query.name
        assert set(said) <= numbers, query.name


# --- atomics beyond L2 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [None, 9])
def test_atomics_to_system_memory_count_once_by_kind_or_together(together: int | None) -> None:
    """An A100 counts them by kind alone, an H100 both ways."""
    counter = "lts__t_sectors_srcunit_tex_aperture_sysmem_op_{}.sum"
    kinds = {"write_lookup_miss": 1, "atom_dot_alu_lookup_miss": 2, "atom_dot_cas_lookup_miss": 4}
    metrics = {counter.format(kind): sectors for kind, sectors in kinds.items()}
    if together is not None:
        metrics[counter.format("atom")] = together
    database = store.empty()
    Profile().kernel("add", metrics=metrics).store(database, "made")
    ways = database.query("memory_chart").filter(source="L2", target="system")
    assert ways["bytes"].to_list() == [32 * (1 + (2 + 4 if together is None else together))]


def test_chips_whose_documents_are_newest_have_rules() -> None:
    found = store.empty().sql(
        "SELECT compute_capability, max_warps, max_blocks, sm_shared_bytes // 1024 FROM occupancy_rules "
        "WHERE compute_capability IN ('10.1', '11.0', '12.1') ORDER BY max_blocks, compute_capability"
    )
    assert found.rows() == [("10.1", 48, 24, 228), ("11.0", 48, 24, 228), ("12.1", 48, 24, 100)]
