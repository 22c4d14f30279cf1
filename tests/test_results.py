"""The published results: their pages are what their commands print, from the data that is shipped."""

from __future__ import annotations

import csv
import json
import lzma
import re
from math import isclose
from typing import TYPE_CHECKING

import kept
import pytest
import results_pages
from results_pages import texts_of
from shipped import MODELS, RESULTS

import traceql
from traceql.predict import hardware, shapes
from traceql.read.source import plain_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from traceql import Database

pytestmark = pytest.mark.long

REPORTS = sorted((RESULTS / "data").glob("*.xz"))
PAGES = [page.name for page in results_pages.PAGES]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, Path]]:
    """Each page as its commands make it, and the folder in which they did."""
    found = {}
    for page in results_pages.PAGES:
        folder = tmp_path_factory.mktemp(page.stem)
        found[page.name] = (results_pages.made(page, folder), folder)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_its_commands_print(name: str, made: dict[str, tuple[str, Path]]) -> None:
    assert made[name][0] == (RESULTS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_the_answers_beside_a_page_are_those_of_its_commands(
    name: str, made: dict[str, tuple[str, Path]]
) -> None:
    for answer in results_pages.written(made[name][1]):
        kept = results_pages.KEPT[answer.suffix] / answer.name
        if answer.suffix == ".csv":
            same_table(answer, kept)
        else:
            assert texts_of(answer) == texts_of(kept) != []


def same_table(here: Path, there: Path) -> None:
    """Cell by cell; sums over threads may differ in their last digit."""
    with here.open(encoding="utf-8") as mine, there.open(encoding="utf-8") as kept:
        left, right = list(csv.reader(mine)), list(csv.reader(kept))
    assert [len(row) for row in left] == [len(row) for row in right], there.name
    for row, other in zip(left, right, strict=True):
        for cell, kept_cell in zip(row, other, strict=True):
            assert cell == kept_cell or isclose(float(cell), float(kept_cell), rel_tol=1e-9), (
                there.name,
                row,
            )


def test_no_answer_is_left_from_an_older_page(made: dict[str, tuple[str, Path]]) -> None:
    written = {path.name for _, folder in made.values() for path in results_pages.written(folder)}
    kept = {path.name for folder in set(results_pages.KEPT.values()) for path in folder.glob("*")}
    assert kept == written


def test_links_lead_somewhere_and_every_log_is_linked() -> None:
    linked = set()
    for page in results_pages.PAGES:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (RESULTS / link).exists(), (page.name, link)
            linked.add((RESULTS / link).resolve())
    assert set((RESULTS / "logs").iterdir()) <= linked


@pytest.fixture(scope="module")
def recorded(made: dict[str, tuple[str, Path]]) -> Iterator[Database]:
    """A database with all published reports: all timelines are in that of the first page."""
    with traceql.open(made["README.md"][1] / "traces.duckdb") as database:
        kept.store_all(database, [report for report in REPORTS if ".ncu-rep" in report.name])
        yield database


def test_every_report_comes_in_without_a_warning_that_is_not_explained(recorded: Database) -> None:
    explained = (RESULTS / "README.md").read_text(encoding="utf-8")
    traces = recorded.sql("SELECT trace, profiler, counts_agree, warnings FROM traces")
    assert traces.height == len(REPORTS)
    for name, kind, counts_agree, warnings in traces.iter_rows():
        assert counts_agree is (True if kind == "nsys" else None), name
        # Which processes they are about is another matter.
        said = [re.sub(r" \((process \d+|\d+ of \d+ processes)\)$", "", warning) for warning in warnings]
        assert all(f"| {warning} |" in explained for warning in said), (name, warnings)


def test_every_report_has_a_sidecar_of_its_own_that_names_no_folder() -> None:
    for report in REPORTS:
        plain = plain_name(report.name)
        written = json.loads((RESULTS / "data" / f"{plain}.run.json").read_text(encoding="utf-8"))
        assert written["report"] == plain
        if (size := written.get("report_bytes")) is not None:
            # What was private is removed from both.
            assert size == len(lzma.decompress(report.read_bytes())), report.name
        # A run whose time was up keeps the points that were measured; its page names what is missing.
        assert written["exit_status"] == 0 or written["timed_out"], report.name
        assert not any(re.search(r"(^|[=\"'])/", word) for word in written["command"]), report.name


def test_each_range_of_a_layer_holds_the_same_kernels_each_time(recorded: Database) -> None:
    """What the profiler says about events that might be missing is not seen in the data."""
    counts = recorded.sql("""
        WITH calls AS (
            SELECT nvtx_ranges.range_id, text, count(kernel_id) AS launched
            FROM nvtx_ranges
            JOIN traces USING (trace_id)
            LEFT JOIN kernels USING (trace_id, range_id)
            WHERE trace = 'layers_nsys' AND text LIKE 'layer_roofline/%/phase=decode/%'
            GROUP BY ALL
        )
        SELECT text, min(launched) AS fewest, max(launched) AS most FROM calls GROUP BY text
    """)
    assert counts.height == 3 * 16
    assert (counts["fewest"] == counts["most"]).all()
    assert counts["fewest"].min() > 0


def test_the_kv_cache_that_attention_reads_is_in_the_counters(recorded: Database) -> None:
    """131,072 tokens of 8 heads of 128 numbers, K and V, in bf16: 537 MB more than a prompt of 4 tokens."""
    layers = recorded.query("layer_roofline", trace="layers_ncu", layer_kind="attention", phase="decode")
    by_length = dict(zip(layers["seq_len"], layers["dram_bytes"], strict=True))
    assert by_length[131_072] - by_length[4] == pytest.approx((131_072 - 4) * 2 * 8 * 128 * 2, rel=0.01)


def test_products_cannot_be_more_than_is_executed(recorded: Database) -> None:
    """An MLP of 4,096 tokens, up and down: the useful FLOP are 93 % of those that the counters see."""
    mlp = recorded.query("layer_roofline", trace="layers_ncu", layer_kind="mlp", phase="prefill")
    flop = dict(zip(mlp["seq_len"], mlp["flop"], strict=True))[4096]
    assert 0.9 < 4096 * 2 * 2 * 3136 * 12_544 / flop < 1


def test_the_whole_model_runs_its_layers_in_the_order_of_its_configuration(recorded: Database) -> None:
    steps = recorded.sql("""
        SELECT regexp_extract(text, 'layer_kind=(\\w+)', 1) AS kind
        FROM nvtx_ranges JOIN traces USING (trace_id)
        WHERE trace = 'layers_whole_nsys' AND text LIKE 'layer_roofline/%/phase=decode/seq_len=4096'
        ORDER BY start_ns
    """)["kind"]
    config = json.loads((MODELS / "nemotron-3-nano-4b.json").read_text(encoding="utf-8"))
    kinds = {"M": "mamba2", "-": "mlp", "*": "attention"}
    assert steps.to_list() == [kinds[letter] for letter in config["hybrid_override_pattern"]]


def test_steps_hold_the_kernels_of_their_layers_and_few_others(recorded: Database) -> None:
    """Summed from the kernels themselves, not by the question that the page asks."""
    sums = recorded.sql("""
        SELECT
            step.text AS step,
            sum(kernels.duration_ns) AS all_ns,
            sum(kernels.duration_ns) FILTER (called.text LIKE 'layer_roofline/%') AS layers_ns
        FROM nvtx_ranges AS step
        JOIN traces USING (trace_id)
        JOIN range_ancestors ON range_ancestors.ancestor_id = step.range_id
        JOIN kernels ON kernels.range_id = range_ancestors.range_id
        JOIN nvtx_ranges AS called ON called.range_id = kernels.range_id
        WHERE trace = 'layers_whole_nsys' AND step.text LIKE 'layers_step/%'
        GROUP BY step.text
    """)
    assert sums.height == 2 * 16 + 5
    busy = {
        row["range"]: float(row["total_gpu_busy_ns"])
        for row in answer_of("whole_gpu_time.csv")
        if row["range"].startswith("layers_step/")
    }
    for text, all_ns, layers_ns in sums.iter_rows():
        # Copies and fills are the rest of what keeps a GPU busy.
        assert 0.97 < all_ns / busy[text] <= 1.001, text
        assert 0 < all_ns - layers_ns < 0.1 * all_ns + 5e4, text


def answer_of(name: str) -> list[dict[str, str]]:
    """One of the answers that are kept beside the pages."""
    with (RESULTS / "answers" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_accounts_of_steps_add_up_to_what_they_take() -> None:
    accounts = [table for table in tables_of("layer_roofline.md") if "gaps" in table[0]]
    assert [len(rows) for _, rows in accounts] == [16, 16]
    for head, rows in accounts:
        taken = head.index("in all")
        for row in rows:
            numbers = [float(cell.replace(",", "")) for cell in row]
            # Each is rounded to hundredths.
            assert sum(numbers[1:taken]) == pytest.approx(numbers[taken], abs=0.04), row


def test_no_layer_executes_less_than_it_needs() -> None:
    rows = [
        row
        for row in answer_of("layer_roofline_answer.csv")
        # The time of this one was up after its first kernels.
        if (row["trace"], row["layer_kind"], row["seq_len"])
        != ("layers_counters_others_decode", "attention", "32768")
    ]
    # All lengths in prefill and in the decode of Mamba2; 13 and 14 of attention's and MLP's on the H100.
    assert sum(row["trace"].startswith("layers_counters") for row in rows) == 48 + 16 + 13 + 14
    assert all(float(row["executed_per_useful"]) >= 1 for row in rows)


def tables_of(name: str) -> list[tuple[list[str], list[list[str]]]]:
    """Heads and rows of the tables of a page."""
    text = (RESULTS / name).read_text(encoding="utf-8")
    found = []
    for lines in re.findall(r"^\|[^\n]*\n\|[-:|]+\n(?:\|[^\n]*\n)+", text, re.MULTILINE):
        head, _, *rows = (
            [cell.strip() for cell in line.strip("|").split(" | ")] for line in lines.splitlines()
        )
        found.append((head, rows))
    return found


def test_every_claim_has_a_verdict_and_what_is_not_recorded_names_what_would() -> None:
    """A verdict is a word of ours, with a number beside it or a command."""
    judged = 0
    for head, rows in tables_of("claims.md"):
        assert head[-1] == "verdict"
        for row in rows:
            assert len(row) == len(head), row
            assert row[-1], row
            if "found" in head:
                found = row[head.index("found")]
                assert re.search(r"\d", found) or "`" in found + row[-1] or "recorded" in row[-1] + found, row
            judged += 1
    assert judged > 100


@pytest.mark.parametrize(
    ("gpu", "claim", "verdict"),
    [
        # 512 ÷ (69.69 ms at 512 against 11.97 ms at 1) = 5.82.
        ("A100 PCIe", "gap of batch 512 from ideal, times", "does not hold"),
        # 81.53 ÷ 41.55 and 30.81 ÷ 17.87.
        ("L40S", 'batch 512 over 256 ("doubles on every GPU"), times', "holds"),
        ("H100", 'batch 512 over 256 ("doubles on every GPU"), times', "does not hold"),
        # 5.78 ÷ 3.33 and 22.06 ÷ 18.52.
        ("H200", 'measured over theory ("1.5 to 3"), times: at least', "holds"),
        ("L40S", 'measured over theory ("1.5 to 3"), times: at least', "does not hold"),
    ],
)
def test_a_verdict_is_that_of_the_printed_tables(gpu: str, claim: str, verdict: str) -> None:
    head, rows = tables_of("claims.md")[0]
    assert head == ["claim", "GPU", "says", "found", "verdict"]
    assert [row[-1] for row in rows if row[:2] == [claim, gpu]] == [verdict]


def test_products_read_each_weight_once_and_do_two_operations_with_it(recorded: Database) -> None:
    """Of two layers and the output layer of Llama-3.1-8B, by their shapes."""
    layer = 4096 * (2 * 4096 + 2 * 1024) + 3 * 4096 * 14_336
    weights = 2 * layer + 4096 * 128_256
    assert weights == 2 * 218_103_808 + 525_336_576
    found = recorded.sql("""
        SELECT regexp_extract(r.path, '=(\\d+)', 1)::INT AS batch, sum(flop) AS flop, sum(dram_bytes) AS bytes
        FROM rooflines r JOIN kernels k USING (trace_id, kernel_id)
        WHERE trace = 'decode_ncu_h100' AND grouping = 'launch' AND k.name LIKE 'nvjet%'
        GROUP BY batch ORDER BY batch
    """)
    by_batch = {batch: (flop, size) for batch, flop, size in found.iter_rows()}
    assert by_batch[1][1] == pytest.approx(2 * weights, rel=0.02)
    assert by_batch[512][0] == pytest.approx(2 * weights * 512, rel=0.01)
    # Tiles have eight rows at least.
    assert by_batch[1][0] == pytest.approx(2 * weights * 8, rel=0.01)


def test_the_account_of_a_decode_step_adds_up() -> None:
    # The last one says what was not recorded.
    head, rows = tables_of("intensity.md")[-2]
    assert (head[0], head[7]) == ("batch", "step")
    assert len(rows) == 4
    for row in rows:
        *parts, step = (float(cell.replace(",", "")) for cell in row[1:8])
        assert sum(parts) == pytest.approx(step, abs=0.035)


@pytest.mark.parametrize(
    "name",
    [
        "nwor_latency",
        "nwor_latency_long",
        "nwor_latency_again",
        "nwor_latency_long_again",
        "nwor_latency_ngram",
    ],
)
def test_the_tokens_of_a_step_are_those_that_the_accepted_counts_give(name: str) -> None:
    """Three turns of four steps; each request gets its accepted drafts and one more token."""
    with (RESULTS / f"data/{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = json.loads((RESULTS / f"data/{name}.csv.run.json").read_text(encoding="utf-8"))["runs"]
    for row, run in zip(rows, kept, strict=True):
        made = 1 + float(row["spec_num_accepted_tokens"]) / (int(row["batch_size"]) * 3 * 4)
        assert float(row["tokens_per_step"]) == pytest.approx(made, rel=1e-9), row
        assert float(row["ms_per_token"]) == pytest.approx(float(row["ms_per_step"]) / made, rel=1e-9), row
        beside = {metric["name"]: metric["value"] for metric in run["metrics"]}
        for column in ("tokens_per_step", "ms_per_token"):
            assert beside[column] == pytest.approx(float(row[column]), rel=1e-9), row


@pytest.mark.parametrize("again", ["", "_again"])
def test_all_modes_of_a_latency_accepted_the_same_drafts(again: str) -> None:
    accepted: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for name in ("nwor_latency", "nwor_latency_long"):
        with (RESULTS / f"data/{name}{again}.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = (row["batch_size"], row["input_len"], row["acceptance"])
                by_place = tuple(row[f"spec_num_accepted_tokens_per_pos_{n}"] for n in range(4))
                accepted.setdefault(key, set()).add(by_place)
    assert len(accepted) == 11 * 3
    assert all(len(counts) == 1 for counts in accepted.values())


def test_the_share_of_bandwidth_of_whole_steps_is_as_the_profiler_has_it(recorded: Database) -> None:
    """The page takes 4.8 TB/s for the peak of an H200, by which ncu's own shares of busy kernels are to be had."""
    peaks = recorded.sql("""
        SELECT 1e9 * dram_bytes / duration_ns / (dram_throughput_pct / 100) AS peak
        FROM dram WHERE trace IN ('nwor_counters_off', 'nwor_counters_nwor') AND dram_throughput_pct > 40
    """)["peak"]
    assert len(peaks) > 100
    assert peaks.median() == pytest.approx(4.8e12, rel=0.01)


# --- shapes ---------------------------------------------------------------------------------------------


def test_the_tiles_of_cublas_execute_what_the_counters_see(recorded: Database) -> None:
    """2 FLOP for each number of a sum, in whole tiles of whole clusters, as a kernel's name has them."""
    gpu = hardware.find("H200")
    found = recorded.sql("""
        SELECT path, k.name, flop FROM rooflines r JOIN kernels k USING (trace_id, kernel_id)
        WHERE trace = 'shapes_products_ncu' AND grouping = 'launch'
    """)
    checked = 0
    for path, name, flop in found.iter_rows():
        told = re.match(r"nvjet_sm90_tst_(\d+)x(\d+)_\d+x\d+_(\d)x(\d)_", name)
        if told is None or "splitK" in name:
            continue
        tile_m, tile_n, cluster_m, cluster_n = map(int, told.groups())
        n = int(re.search(r"/n=(\d+)", path)[1])  # type: ignore[index]
        work = shapes.gemm(
            n,
            n,
            4096 if "waves" in path else n,
            gpu,
            tile=(tile_m, tile_n),
            cluster=(cluster_m, cluster_n),
        )
        # The counters see a few more.
        assert flop == pytest.approx(work.executed_flop, rel=1e-3), (path, name)
        checked += 1
    assert checked == 53


def test_a_fused_relu_is_one_kernel_and_saves_at_most_its_own_traffic(recorded: Database) -> None:
    found = recorded.sql("""
        SELECT regexp_extract(path, 'relu=(\\w+)', 1) AS relu,
            regexp_extract(path, 'batch_size=(\\d+)', 1)::INT AS rows, count(*) AS kernels, sum(dram_bytes) AS bytes
        FROM rooflines
        WHERE trace = 'shapes_ncu' AND grouping = 'launch' AND path LIKE '%kind=linear_relu/%'
        GROUP BY ALL
    """)
    kernels = {(relu, rows): (count, bytes_) for relu, rows, count, bytes_ in found.iter_rows()}
    for rows in (1, 16, 128, 512, 2048, 8192):
        assert (kernels["fused", rows][0], kernels["unfused", rows][0], kernels["inplace", rows][0]) == (
            1,
            2,
            2,
        )
        saved = kernels["unfused", rows][1] - kernels["fused", rows][1]
        # Read and written once; the L2 spares some of it.
        assert saved < 2 * 2 * rows * 4096 * 1.05 + 100_000
    assert kernels["unfused", 8192][1] - kernels["fused", 8192][1] > 100e6


def test_nothing_is_faster_than_its_floor_with_cold_caches() -> None:
    """Products of sizes that no tile is given for, layers and elementwise work: of FLOP and bytes alone."""
    peaks = {"tf32": 494.7e12, "fp32": 66.9e12}
    with (RESULTS / "data/shapes.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] in ("linear", "waves", "square")]
    assert len(rows) == 42 + 54 + 12
    for row in rows:
        floor_s = max(
            float(row["flop"]) / peaks.get(row["dtype"], 989.4e12), float(row["dram_bytes"]) / 4.8e12
        )
        assert float(row["cold_us"]) > 1e6 * floor_s, row
