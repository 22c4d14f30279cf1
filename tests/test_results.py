"""The published results: their pages are what their commands print, from the data that is shipped."""

from __future__ import annotations

import csv
import json
import re
from math import isclose
from typing import TYPE_CHECKING

import kept
import pytest
import results_pages
from results_pages import texts_of
from shipped import RESULTS

import traceql
from traceql.read.source import plain_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from traceql import Database

pytestmark = pytest.mark.long

REPORTS = sorted((RESULTS / "data").glob("*.xz"))
PAGES = [page.name for page in results_pages.PAGES]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, list[Path]]]:
    """Each page as its commands make it, and the files that they write."""
    found = {}
    for page in results_pages.PAGES:
        folder = tmp_path_factory.mktemp(page.stem)
        found[page.name] = (results_pages.made(page, folder), results_pages.written(folder))
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_its_commands_print(name: str, made: dict[str, tuple[str, list[Path]]]) -> None:
    assert made[name][0] == (RESULTS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_the_answers_beside_a_page_are_those_of_its_commands(
    name: str, made: dict[str, tuple[str, list[Path]]]
) -> None:
    for answer in made[name][1]:
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


def test_no_answer_is_left_from_an_older_page(made: dict[str, tuple[str, list[Path]]]) -> None:
    written = {path.name for _, files in made.values() for path in files}
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
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with all published reports."""
    path = kept.database("recorded", kept.store_all, REPORTS, tmp_path_factory.mktemp("recorded"))
    with traceql.open(path) as database:
        yield database


def test_every_report_comes_in_without_a_warning_that_is_not_explained(recorded: Database) -> None:
    explained = (RESULTS / "README.md").read_text(encoding="utf-8")
    traces = recorded.sql("SELECT trace, profiler, counts_agree, warnings FROM traces")
    assert traces.height == len(REPORTS)
    for name, kind, counts_agree, warnings in traces.iter_rows():
        assert counts_agree is (True if kind == "nsys" else None), name
        assert all(f"| {warning} |" in explained for warning in warnings), (name, warnings)


def test_every_report_has_a_sidecar_of_its_own_that_names_no_folder() -> None:
    for report in REPORTS:
        plain = plain_name(report.name)
        written = json.loads((RESULTS / "data" / f"{plain}.run.json").read_text(encoding="utf-8"))
        assert written["report"] == plain
        assert written["exit_status"] == 0
        assert not any(re.search(r"(^|[=\"'])/", word) for word in written["command"]), report.name


def test_each_range_of_a_layer_holds_the_same_kernels_each_time(recorded: Database) -> None:
    """What the profiler says about events that might be missing is not seen in the data."""
    counts = recorded.sql("""
        WITH calls AS (
            SELECT nvtx_ranges.range_id, text, count(kernel_id) AS launched
            FROM nvtx_ranges
            JOIN traces USING (trace_id)
            LEFT JOIN kernels USING (trace_id, range_id)
            WHERE trace = 'layers_nsys' AND text LIKE '%/phase=decode/%'
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
