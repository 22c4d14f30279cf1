"""The report: what is in it, what it admits not to know, and that nothing of a stranger's becomes markup."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import altair as alt
import polars as pl
import pytest
from command_line import process, traceql
from made.nsys import Recording, kernel
from made.store import empty
from shipped import REPORTS

from traceql import report
from traceql.draw import theme
from traceql.errors import QueryError
from traceql.present import units
from traceql.questions import catalog
from traceql.report import figures, page
from traceql.store import ingest

if TYPE_CHECKING:
    from collections.abc import Callable

    from traceql import Database

pytestmark = pytest.mark.long

EAGER = "llama_eager.sqlite.xz"
ROOFLINE = "llama_roofline.ncu-rep.xz"
BASELINE = "scv_baseline_vectorized.ncu-rep.xz"
VARIANT = "scv_nwor_vectorized.ncu-rep.xz"
HOSTILE = "<img src=x onerror=alert(1)></script><!--<script>"


class Parsed(HTMLParser):
    """Elements and texts of a page, as a parser sees them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: dict[str, str] = {}
        self._script: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._script = (dict(attrs).get("id") or "program") if tag == "script" else None

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is None:
            self.texts.append(data)
        else:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def ids(self) -> list[str]:
        return [attrs["id"] or "" for _, attrs in self.elements if "id" in attrs]


@pytest.fixture(scope="module")
def eager(page_of: Callable[..., str]) -> Parsed:
    return Parsed(page_of(EAGER))


def test_it_says_what_was_recorded_and_how(corpus: Database, eager: Parsed) -> None:
    for word in (
        "Nsight Systems",
        "NVIDIA H200",
        f"Kernels {ingest.rows(corpus._store, EAGER)['kernels']:,}",
        "os_calls (recorded by nsys profile --trace=osrt)",
    ):
        assert word in eager.text
    for heading in ("Coverage", "Timeline", "Kernels", "Where the time goes", "Gaps and launch overhead"):
        assert heading in eager.text


def test_every_figure_has_the_query_that_made_it_to_copy(eager: Parsed) -> None:
    figures_ = [attrs["id"] or "" for tag, attrs in eager.elements if tag == "figure"]
    assert len(figures_) > 10
    assert {f"{name}-command" for name in figures_} <= set(eager.ids())
    assert {f"{name}-sql" for name in figures_} <= set(eager.ids())
    assert f"traceql query top-kernels --trace {EAGER}" in eager.text


def test_ids_are_unique_and_what_refers_to_one_finds_it(eager: Parsed) -> None:
    ids = eager.ids()
    assert len(ids) == len(set(ids))
    for _, attrs in eager.elements:
        for name in ("aria-labelledby", "data-copy", "data-filter", "data-count"):
            if attrs.get(name):
                assert attrs[name] in ids
        if (attrs.get("href") or "").startswith("#"):
            assert (attrs["href"] or "")[1:] in ids


def test_a_chart_carries_the_numbers_of_its_query(corpus: Database, eager: Parsed) -> None:
    specification = json.loads(eager.scripts["t1-top_kernels-chart"])
    drawn = {row["total_ns"] for rows in specification["datasets"].values() for row in rows}
    assert drawn == set(corpus.query("top_kernels", trace=EAGER)["total_ns"])
    # The page's theme, not one of its own.
    assert "config" not in specification
    assert "var(--ink)" in eager.scripts["theme"]


def test_nothing_in_it_points_outside(page_of: Callable[..., str]) -> None:
    text = page_of(ROOFLINE)
    for tag, attrs in Parsed(text).elements:
        for name in ("src", "srcset", "action", "poster"):
            assert name not in attrs, (tag, attrs)
        if tag in ("a", "link"):
            assert (attrs["href"] or "").startswith(("#", "data:"))
    assert "@import" not in text.partition("<script")[0]
    assert "url(" not in text.partition("<script")[0]


def test_its_policy_allows_the_scripts_in_it_and_nothing_else(eager: Parsed) -> None:
    (policy,) = [a["content"] or "" for _, a in eager.elements if a.get("http-equiv")]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]


def test_what_a_trace_cannot_tell_is_said_with_the_option_that_would_record_it(
    page_of: Callable[..., str],
) -> None:
    text = Parsed(page_of(BASELINE)).text
    assert "What this trace does not tell" in text
    assert "ncu --set roofline" in text


def test_rooflines_are_there_where_counters_are(page_of: Callable[..., str]) -> None:
    scripts = Parsed(page_of(ROOFLINE)).scripts
    assert "t1-kernel_roofline-chart" in scripts
    assert "t1-layer_roofline-chart" in scripts


def test_a_trace_begins_with_its_key_figures(corpus: Database, eager: Parsed) -> None:
    (busy,) = corpus.query("busy", trace=EAGER).filter(cause="busy").to_dicts()
    first = corpus.query("kernel_categories", trace=EAGER).row(0, named=True)
    kernels = ingest.rows(corpus._store, EAGER)["kernels"]
    figures_ = (
        f"Span on the GPU {units.text('span_ns', busy['span_ns'], 3)} "
        f"GPU busy {units.text('share_pct', busy['share_pct'], 3)} Kernels {kernels:,}"
    )
    assert figures_ in eager.text
    assert f"Most of it {first['category']}, {units.text('share_pct', first['share_pct'], 3)}" in eager.text
    # Before what is wrong, and that before everything else.
    assert eager.text.index(figures_) < eager.text.index("Looked at:") < eager.text.index("Profiler")


def test_what_no_rule_can_tell_stands_in_a_line_each() -> None:
    made = empty()
    Recording().os_call("read", 0, 5).store(made, "bare")
    page = made.report("bare")
    told = made.why("bare").unknown
    assert len(told) > 3
    for text in told:
        assert f"<li>{text}</li>" in html.unescape(page)


def test_a_question_without_rows_says_so_and_one_row_is_not_called_rows() -> None:
    made = empty()
    Recording().work(kernel("only", 0, 5)).store(made, "bare")
    text = Parsed(made.report("bare")).text
    assert "Numbers (1 row)" in text and "(1 rows)" not in text
    # Memory was recorded, and no kernel ran.
    made.ingest(REPORTS / "memory_pools.nsys-rep.xz", name="pools")
    notes = re.findall(r'<p class="note \w*"><strong>Note:</strong>([^<]*)', made.report("pools"))
    assert " Which kernels take the most GPU time? No rows." in notes
    assert not [note for note in notes if note.endswith("?")]


def test_counters_have_no_span_and_an_empty_trace_no_key_figures(page_of: Callable[..., str]) -> None:
    text = Parsed(page_of(ROOFLINE)).text
    assert "Span on the GPU" not in text and "Most of it" in text
    made = empty()
    Recording().duration(5).store(made, "bare")
    assert '<ul class="key">' not in made.report("bare")


def test_several_gpus_are_told_from_the_least_to_the_most_busy() -> None:
    made = empty()
    work = (
        kernel("a", 0, 10),
        kernel("a", 90, 100),
        kernel("a", 0, 50, device=1),
        kernel("a", 90, 100, device=1),
    )
    Recording().work(*work).store(made, "two")
    assert "Span on the GPU 100 ns 2 GPUs busy 20 % to 60 % Kernels 4" in Parsed(made.report("two")).text


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((100, 150), "The variant takes 50 % more time on the GPU: 100 ns → 150 ns. Busy 20 ns → 20 ns, idle 80 ns → 130 ns."),
        ((150, 100), "The variant takes 33.3 % less time on the GPU: 150 ns → 100 ns."),
        ((100, 100), "Both take the same time on the GPU: 100 ns → 100 ns."),
    ],
)  # fmt: skip
def test_a_comparison_begins_with_what_became_of_it(ends: tuple[int, int], said: str) -> None:
    made = empty()
    for name, end in zip(("before", "after"), ends, strict=True):
        Recording().work(kernel("a", 0, 10), kernel("a", end - 10, end)).store(made, name)
    page = Parsed(made.report("before", "after"))
    assert said in page.text
    assert "traceql diff before after --gate 5%" in page.text
    # First of all: before what was recorded, and before what each trace says.
    headings = [tag_id for tag_id in page.ids() if tag_id in ("c1", "overview", "t1")]
    assert headings == ["c1", "overview", "t1"]
    assert page.text.index(said) < page.text.index("Were two traces")


def test_a_page_of_counters_begins_with_headline_advice_and_cards(
    corpus: Database, page_of: Callable[..., str]
) -> None:
    trace = "kinds_full.ncu-rep.xz"
    text = page_of(trace)
    headings = re.findall(r'<h3 id="t1-about-[^"]*">([^<]*)</h3>', text)
    first = [
        title for title in headings if title in ("Speed of light", "Advice", "Kernels in detail", "Occupancy")
    ]
    assert first == ["Speed of light", "Advice", "Kernels in detail", "Occupancy"]
    assert "of the profiled time 49 % held back by memory" in text
    top = corpus.query("top_kernels", trace=trace, limit=5)["kernel"].to_list()
    cards = re.findall(
        r'<details class="card" id="[^"]*"( open)?><summary><span class="question">([^<]*)<', text
    )
    assert [html.unescape(name) for _, name in cards] == top
    # The first alone is open: the page is short.
    assert [bool(is_open) for is_open, _ in cards] == [True, False, False, False, False]
    assert "traceql kernel-card spilling --trace" in text


def test_hot_spots_stand_on_a_page_where_instructions_were_sampled(page_of: Callable[..., str]) -> None:
    page = page_of("kinds_source.ncu-rep.xz")
    chart = Parsed(page).scripts["t1-source_hotspots-chart"]
    assert "kernel_kinds.cu:47  +0x76f0" in chart
    elsewhere = page_of("kinds_pm.ncu-rep.xz")
    assert "t1-source_hotspots-chart" not in Parsed(elsewhere).scripts
    assert "no warp was sampled at any instruction" in elsewhere


def test_a_page_that_compares_counters_draws_what_moved_with_the_time(page_of: Callable[..., str]) -> None:
    compared = Parsed(page_of(BASELINE, VARIANT))
    assert "All together" in compared.scripts["c1-moved_with-chart"]
    assert "c1-moved_with-chart" not in Parsed(page_of(EAGER, "llama_graph.sqlite.xz")).scripts


def test_a_page_of_a_timeline_has_no_cards(page_of: Callable[..., str]) -> None:
    assert '<details class="card"' not in page_of(EAGER)


@pytest.mark.parametrize(
    "trace",
    [
        "centerformer_titan_2022.4.sqlite.xz",  # NVTX only
        "cutlass_a100_2024.1_nvtx.ncu-rep.xz",
        "darknet_xavier.nsight-cuprof-report.xz",  # before ncu
        "extrap_windows_2022.1.sqlite.xz",  # ten streams
        "llama_graph.sqlite.xz",  # CUDA graphs as a whole
        "mordred_rtx6000_2021.2.sqlite.xz",
        "nevakrien_rtx4090_2023.4.sqlite.xz",  # without kernels
        "nsysai_2gpu_2026.2.sqlite.xz",  # two processes
    ],
)
def test_a_trace_of_any_kind_makes_a_page(page_of: Callable[..., str], trace: str) -> None:
    text = page_of(trace)
    assert trace in Parsed(text).text
    assert len(text) < 5_000_000


def test_no_trace_and_an_unknown_one_are_errors(corpus: Database) -> None:
    with pytest.raises(QueryError, match="one trace or more"):
        report.of_traces(corpus._asker, [])
    with pytest.raises(QueryError, match="no trace is called 'nothing'"):
        report.of_traces(corpus._asker, [EAGER, "nothing"])


def test_the_traces_stand_in_the_order_in_which_they_were_named(page_of: Callable[..., str]) -> None:
    first, second = "esmm_a10g_2023.1_c.ncu-rep.xz", "esmm_a10g_2023.1.ncu-rep.xz"
    text = Parsed(page_of(first, second)).text
    overview = text[text.index("What does each trace hold?") :]
    rows = overview[overview.index("Tags") :]
    assert rows.index(first) < rows.index(second)


def test_the_traces_stand_there_however_many_others_the_database_holds(
    corpus: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = corpus.sql("SELECT trace FROM traces ORDER BY trace")["trace"].to_list()
    monkeypatch.setattr(figures, "_MOST_TABLE_ROWS", 2)
    chosen = [report._recorded(corpus._asker, name) for name in (names[-1], names[0])]
    (made,) = report._overview(corpus._asker, chosen).figures
    assert made.table is not None
    assert [row[0].text for row in made.table.rows] == [names[-1], names[0]]


def test_long_texts_are_folded_and_no_other(corpus: Database) -> None:
    long, short = "dram__bytes.sum " * 100, "dram__bytes.sum"
    table = page.Table((page.Column("a", "", number=False),), ((page.Cell(long),), (page.Cell(short),)))
    made = page.Section(
        "s", "S", facts=(("Long", long), ("Short", short)), figures=(page.Figure("f", "F", table=table),)
    )
    parsed = Parsed(page.html(page.Page("P", "", (made,))))
    folded = [attrs for tag, attrs in parsed.elements if tag == "details" and attrs.get("class") == "long"]
    assert len(folded) == 2
    assert parsed.texts.count(long) == 2
    assert parsed.texts.count(short) == 2


def test_ranges_outside_any_pair_that_decide_the_traffic_in_total_are_named(
    page_of: Callable[..., str],
) -> None:
    text = Parsed(page_of(BASELINE, VARIANT)).text
    assert "ranges with much of the DRAM writes: step/flush_l2 (" in text


def test_ranges_are_paired_and_left_out_as_asked(corpus: Database) -> None:
    parsed = Parsed(
        report.of_traces(
            corpus._asker,
            [BASELINE, VARIANT],
            params={"pair": {"step/kv_write": "step/nwor_commit"}, "exclude": ["step/flush_l2"]},
        )
    )
    assert "ranges with much of the DRAM writes" not in parsed.text
    specification = json.loads(parsed.scripts["c1-nwor_delta-chart"])
    rows = [row for rows in specification["datasets"].values() for row in rows]
    (pair,) = [row for row in rows if row["scope"] == "pair" and row["measure"] == "dram_write_bytes"]
    assert round(pair["change_pct"], 2) == -46.97
    assert not [row for row in rows if "flush" in row["path"]]


def test_a_figure_names_the_command_that_asks_again_with_lists_and_maps() -> None:
    params = {"baseline": "a", "pair": {"x": "y z", "u": "v"}, "exclude": ["p", "q"]}
    assert figures.command(catalog.shipped().find("nwor_delta"), params) == (
        "traceql query nwor-delta --baseline a --pair 'x=y z' --pair u=v --exclude p --exclude q"
    )
    assert figures.command(
        catalog.shipped().find("nwor_scv_matrix"), {"mode": {"off/off": ["a", "b"]}}
    ).endswith("--mode off/off=a --mode off/off=b")
    assert figures.command(catalog.shipped().find("top_kernels"), {"limit": None}).endswith("--limit NULL")


def test_pairing_ranges_where_no_traffic_is_compared_is_refused(corpus: Database) -> None:
    with pytest.raises(QueryError, match="no question of this page has a parameter 'exclude'"):
        report.of_traces(corpus._asker, [EAGER, ROOFLINE], params={"exclude": ["step/flush_l2"]})


# --- strangers' texts -----------------------------------------------------------------------------------


def hostile_page() -> str:
    answer = pl.DataFrame({"trace": [HOSTILE], "kernel": [HOSTILE], "total_ns": [5]})
    query = catalog.shipped().find("top_kernels")
    chart = {"data": {"values": [{"name": HOSTILE}]}, "mark": "bar"}
    made = page.Figure(
        anchor="f",
        title=HOSTILE,
        about=HOSTILE,
        chart=page.specification(chart),
        table=page.Table(
            (page.Column(HOSTILE, HOSTILE, number=False),), ((page.Cell(str(answer["kernel"][0])),),)
        ),
        command=figures.command(query, {"kernel": HOSTILE}),
        sql=figures.statement(query, {"kernel": HOSTILE}),
        notes=(page.Note(HOSTILE, "warning"),),
    )
    section = page.Section("s", HOSTILE, facts=((HOSTILE, HOSTILE),), figures=(made,))
    return page.html(page.Page(HOSTILE, HOSTILE, (section,)))


def test_hostile_names_stay_text_everywhere() -> None:
    text = hostile_page()
    parsed = Parsed(text)
    assert not [tag for tag, attrs in parsed.elements if tag == "img" or "onerror" in attrs]
    assert parsed.texts.count(HOSTILE) >= 8
    assert json.loads(parsed.scripts["f-chart"])["data"]["values"] == [{"name": HOSTILE}]
    # A parser that has seen <!-- and <script inside a script ends it elsewhere: neither may stand there.
    for block in re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL):
        assert "<!--" not in block
        assert "<script" not in block.lower()


def test_a_value_in_the_sqls_comment_cannot_leave_it() -> None:
    query = catalog.shipped().find("top_kernels")
    sql = figures.statement(query, {"kernel": "x\n; DROP TABLE kernels"})
    assert "\n; DROP" not in sql


# --- tables ---------------------------------------------------------------------------------------------


def test_a_table_has_one_unit_per_column_and_tells_missing_from_zero() -> None:
    query = catalog.shipped().find("top_kernels")
    answer = pl.DataFrame(
        {
            "trace": ["t"] * 3,
            "kernel": ["a", "b", None],
            "instances": [1_234_567, 2, 0],
            "total_ns": [12_345_678, 1_000_000, 0],
            "share_pct": [92.5, 7.5, None],
            "avg_ns": [10.0, 500_000.0, float("nan")],
            "median_ns": [1.0, 2.0, 3.0],
            "min_ns": [1, 2, 3],
            "max_ns": [1, 2, 3],
            "p90_ns": [1.0, 2.0, 3.0],
            "p99_ns": [1.0, 2.0, 3.0],
        }
    )
    table = figures.rows(query, answer)
    titles = [column.title for column in table.columns]
    assert titles[:5] == ["Kernel", "Instances", "Total (ms)", "Share (%)", "Avg (ns)"]
    texts = [[cell.text for cell in row][:5] for row in table.rows]
    assert texts[0] == ["a", "1,234,567", "12.35", "92.50", "10"]
    assert texts[2] == ["–", "0", "0.00", "–", "–"]
    assert table.rows[2][3].missing
    assert not table.rows[2][2].missing
    assert table.rows[0][2].value == 12_345_678


def test_a_long_table_says_how_much_it_leaves_out(corpus: Database) -> None:
    made = figures.of_answer(corpus._asker("nvtx_pushpop_trace", trace=EAGER), {"trace": EAGER})
    assert made.table is not None
    assert len(made.table.rows) == 200
    assert re.fullmatch(r"[\d,]+ more rows: the query gives them all\.", made.table.left_out)


def test_a_column_is_without_any_value_only_if_all_rows_are() -> None:
    query = catalog.shipped().find("top_kernels")
    numbers = {column.name: [1] * 300 for column in query.columns}
    late, never = [None] * 299 + [5.0], pl.Series([None] * 300, dtype=pl.Float64)
    answer = pl.DataFrame(numbers | {"trace": ["t"] * 300, "share_pct": late, "p99_ns": never})
    table = figures.rows(query, answer)
    assert "Share (%)" in [column.title for column in table.columns]
    assert table.left_out == "100 more rows: the query gives them all. Without any value: P99."


def test_a_table_of_a_limited_answer_says_so(corpus: Database, page_of: Callable[..., str]) -> None:
    made = figures.of_answer(corpus._asker("top_kernels", trace=EAGER, limit=3), {"trace": EAGER})
    assert made.table is not None
    assert re.fullmatch(r"3 of \d+ rows: --limit gives more, --limit NULL all\.", made.table.left_out)
    whole = figures.of_answer(corpus._asker("top_kernels", trace=EAGER, limit=None), {"trace": EAGER})
    assert whole.table is not None
    assert whole.table.left_out == ""
    # A page does not count what it leaves out.
    assert "No more than 20 rows were asked for: --limit NULL gives all." in page_of(EAGER)


# --- the commands ---------------------------------------------------------------------------------------


def run(corpus: Database, folder: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    corpus.close()
    given = {"PATH": "/usr/bin:/bin", **environment}
    return traceql(*args, "--db", corpus.path, folder=folder, environment=given)


def test_the_command_writes_the_page(corpus: Database, tmp_path: Path) -> None:
    result = run(corpus, tmp_path, "report", EAGER, "-o", "report.html", "--title", "A <title>")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert "<title>A &lt;title&gt;</title>" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("suffix", ["html", "png", "svg", "json"])
def test_a_chart_is_written_in_the_form_that_its_suffix_says(
    corpus: Database, tmp_path: Path, suffix: str
) -> None:
    result = run(corpus, tmp_path, "chart", "kernels", "--trace", EAGER, "-o", f"k.{suffix}")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    content = (tmp_path / f"k.{suffix}").read_bytes()
    start = {"html": b"<!doctype html>", "png": b"\x89PNG", "svg": b"<svg", "json": b"{"}[suffix]
    assert content.startswith(start)


def test_without_a_file_and_without_a_screen_the_command_says_what_to_do(
    corpus: Database, tmp_path: Path
) -> None:
    if sys.platform != "linux":
        pytest.skip("there is always a screen")
    for words in (["chart", "kernels", "--trace", EAGER], ["report", EAGER]):
        result = run(corpus, tmp_path, *words)
        assert result.returncode == 2
        assert "name a file with -o" in result.stderr


def test_on_a_desktop_it_opens_in_the_browser(corpus: Database, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("xdg-open is how Linux opens files")
    opener = tmp_path / "xdg-open"
    opener.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/opened.html\n')
    opener.chmod(0o755)
    corpus.close()
    # The opener is started by the command, and waits for nobody.
    result = process(
        "report",
        EAGER,
        "--db",
        corpus.path,
        folder=tmp_path,
        environment={"DISPLAY": ":0", "PATH": f"{tmp_path}:/usr/bin:/bin", "TMPDIR": str(tmp_path)},
    )
    assert result.returncode == 0
    assert "shown in the browser" in result.stderr
    assert (tmp_path / "opened.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize("name", ["chart.gif", "chart"])
def test_an_unknown_suffix_is_wrong_usage_and_nothing_is_written(
    corpus: Database, tmp_path: Path, name: str
) -> None:
    result = run(corpus, tmp_path, "chart", "kernels", "-o", name)
    assert result.returncode == 2
    assert ".svg" in result.stderr
    assert not (tmp_path / name).exists()


def test_a_database_is_not_overwritten_by_a_chart(corpus: Database, tmp_path: Path) -> None:
    target = tmp_path / "precious.html"
    target.write_bytes(Path(corpus.path).read_bytes()[:65_536])
    result = run(corpus, tmp_path, "chart", "kernels", "--trace", EAGER, "-o", "precious.html")
    assert result.returncode == 1
    assert "not overwritten" in result.stderr


def test_what_a_chart_names_has_the_pages_colours_and_its_rows_are_as_they_are() -> None:
    names = pl.DataFrame({"category": ["gemm", theme.LIGHT.series[1], None]})
    drawn = alt.Chart(names).mark_bar().encode(color=theme.color("category", names)).to_dict()
    shown = json.loads(page.specification(drawn))
    colors = shown["encoding"]["color"]["scale"]["range"]
    assert {*colors} == {"var(--series-0)", "var(--series-1)", "var(--muted)"}
    assert shown["datasets"] == drawn["datasets"]


def test_the_pages_colours_are_those_of_the_theme(eager: Parsed) -> None:
    style = " ".join(eager.texts)
    for colors in (theme.LIGHT, theme.DARK):
        assert f"--ink: {colors.ink};" in style
        assert f"--series-0: {colors.series[0]};" in style
