"""The catalogue: headers say what the SQL does, and the answers are right."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import pytest
from asked import OF_LITTLE
from shipped import REPORTS, notes

import traceql
from traceql.errors import CatalogError, MissingDataError, ParameterError, QueryError, UnknownQueryError
from traceql.questions import catalog, question
from traceql.questions.question import TIMELINE, Query, parameters
from traceql.store import ingest
from traceql.tables import schema, sqlfiles

if TYPE_CHECKING:
    from pathlib import Path

    from traceql import Database

QUERIES = sorted(catalog.shipped().queries)
NSYS = "scv_baseline_off.sqlite.xz"
NCU = "scv_baseline_off.ncu-rep.xz"
BASELINE = "scv_baseline_vectorized.ncu-rep.xz"
VARIANT = "scv_nwor_vectorized.ncu-rep.xz"

# Rules that find nothing wrong in these exports: tests/ask/test_findings.py has recordings in which they do.
SILENT = {"above_the_floor", "slowing_kernels"}
# None of these recordings has collectives beside links: tests of answers have a made one.
UNRECORDED = {"collective_links"}
# A value for each parameter without a default, or with one that finds nothing in these reports.
REQUIRED = {
    "nwor_delta": {"baseline": BASELINE, "variant": VARIANT},
    "scv_delta": {"baseline": NSYS, "variant": NSYS},
    "run_delta": {"baseline": BASELINE, "variant": VARIANT},
    "metric": {"metric": "dram__bytes_write.sum"},
    "metric_pairs": {"x": "dram__bytes_write.sum", "y": "gpu__time_duration.sum"},
    "cuda_gpu_kern_pace": {"kernel": "rms_norm_kernel"},
    "nvtx_pace": {"range": "layer"},
    "nvtx_gpu_proj_pace": {"range": "layer"},
    "comparable": {"baseline": [BASELINE], "variant": [VARIANT]},
    "diff": {"baseline": [BASELINE], "variant": [VARIANT]},
    "effects": {"baseline": [BASELINE], "variant": [VARIANT]},
    "counters_on_timeline": {"timeline": NSYS, "counters": NCU},
    "moved_with": {"baseline": [BASELINE], "variant": [VARIANT]},
    # What their steps have more than twice of is waiting in collectives; tests/ask/test_findings.py has a tail.
    "uneven_steps": {"times": 1.2},
    **OF_LITTLE,
}


def described(corpus: Database, query: catalog.Query) -> list[tuple[str, str]]:
    """Name and DuckDB type of each column that the SQL returns."""
    bound = query.bind(REQUIRED.get(query.name, {}))
    literals = {
        name: "NULL" if value is None else schema.literal(value) if isinstance(value, str) else str(value)
        for name, value in bound.items()
        if name in {param.name for param in query.in_sql}
    }
    sql = query.sql
    for name in sorted(literals, key=len, reverse=True):
        sql = sql.replace(f"${name}", literals[name])
    return [(r["column_name"], r["column_type"]) for r in corpus._store.run(f"DESCRIBE {sql}").to_pylist()]


@pytest.mark.parametrize("name", QUERIES)
def test_a_header_declares_exactly_the_columns_that_the_sql_returns(corpus: Database, name: str) -> None:
    query = catalog.shipped().find(name)
    assert described(corpus, query) == [(c.name, c.type) for c in query.columns]


@pytest.mark.parametrize("name", QUERIES)
def test_every_declared_parameter_is_used_and_every_used_one_declared(name: str) -> None:
    import re

    query = catalog.shipped().find(name)
    assert set(re.findall(r"\$(\w+)", query.sql)) == {p.name for p in query.in_sql}


@pytest.mark.long
@pytest.mark.parametrize("name", QUERIES)
def test_a_query_runs_on_a_database_with_all_sorts_of_traces(corpus: Database, name: str) -> None:
    answer = corpus.query(name, **REQUIRED.get(name, {}))
    assert answer.columns == [c.name for c in catalog.shipped().find(name).columns]
    assert (answer.height == 0) == (name in SILENT | UNRECORDED)


@pytest.mark.parametrize("name", QUERIES)
def test_what_a_query_needs_exists_and_can_be_recorded(name: str) -> None:
    query = catalog.shipped().find(name)
    # What is known of GPUs comes with traceql.
    needed = {table for need in catalog.shipped().needs(query) for table in need}
    tables = needed - schema.SHIPPED.keys() - {TIMELINE}
    assert all(schema.BY_NAME[table].collected_by for table in tables)
    assert query.title.endswith("?")
    assert "ORDER BY" in query.sql


@pytest.mark.parametrize("view", catalog.shipped().views.values(), ids=lambda v: v.name)
def test_a_view_declares_exactly_its_columns(corpus: Database, view: catalog.Query) -> None:
    found = corpus._store.run(f"DESCRIBE {view.name}").to_pylist()
    assert [(r["column_name"], r["column_type"]) for r in found] == [(c.name, c.type) for c in view.columns]


def parsed(text: str, label: str = "q.sql") -> Query:
    views = catalog.shipped().views
    return question.parse(
        sqlfiles.parse(text, label), "t", lambda name: views[name].columns if name in views else ()
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("SELECT 1", "q.sql:1: the first line must be a comment"),
        ("-- Title\n-- @colum x BIGINT  y\nSELECT 1", "q.sql:2: unknown tag @colum"),
        ("-- Title\n--\n-- @column x\nSELECT 1", "q.sql:3: expected '@column name TYPE meaning'"),
        ("-- Title\n-- @param x FLOAT = 1  y\nSELECT 1", "q.sql:2: expected '@param"),
        ("-- Title\n-- @columns dram no_such\nSELECT 1", "q.sql:2: expected '@columns view column'"),
        ("-- Title\n-- @columns no_such name\nSELECT 1", "q.sql:2: expected '@columns view column'"),
    ],
)
def test_a_malformed_header_is_an_error_with_file_and_line(text: str, problem: str) -> None:
    with pytest.raises(CatalogError, match=problem.replace("(", r"\(").replace("?", r"\?")):
        parsed(text, "queries/t/q.sql")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["@ncu --set full"], "q.sql:3: there are no metrics to record"),
        (["@title x X", "@title x Y"], "q.sql:4: x has a title already"),
        (
            ["@param limit BIGINT = 1  y", "@counted x", "@counted x"],
            "q.sql:4: @counted is there more than once",
        ),
        (["@card any 1 A", "@card any 2 B"], "q.sql:3: @card is there more than once"),
        (["@once page"], "q.sql:3: expected '@once question'"),
    ],
)
def test_a_tag_that_would_not_be_read_is_an_error(lines: list[str], problem: str) -> None:
    header = "\n".join(f"-- {line}" for line in ["@column x BIGINT  y", *lines])
    with pytest.raises(CatalogError, match=problem):
        parsed(f"-- Title?\n{header}\nSELECT 1 AS x")


@pytest.mark.parametrize(
    "line", ["@param y BIGINT = 1  z", "@chart bars x=x y=x", "@unites trace", "@of traces"]
)
def test_a_view_has_no_tags_of_questions(line: str) -> None:
    file = sqlfiles.parse(f"-- Title.\n-- @column x BIGINT  y\n-- {line}\nSELECT 1 AS x", "v.sql")
    with pytest.raises(CatalogError, match=r"v.sql:3: @\w+ is for questions"):
        question.parse(file, question.VIEWS, lambda _name: ())


def test_a_view_is_computed_once_for_a_page() -> None:
    file = sqlfiles.parse("-- Title.\n-- @column x BIGINT  y\n-- @once question\nSELECT 1 AS x", "v.sql")
    with pytest.raises(CatalogError, match=r"v.sql:3: expected '@once page'"):
        question.parse(file, question.VIEWS, lambda _name: ())


def test_a_code_of_findings_has_one_proof() -> None:
    file = sqlfiles.parse("-- A.\n-- @proof idle gpu_gaps\n-- @proof idle busy\nSELECT 1", "f.sql")
    with pytest.raises(CatalogError, match=r"f.sql:3: idle has a proof already"):
        question.parse(file, question.FINDINGS, lambda _name: ())


def test_a_file_without_tags_has_none(tmp_path: Path) -> None:
    (tmp_path / "rule.sql").write_text("-- A rule.\n-- @only x\nSELECT 1", encoding="utf-8")
    with pytest.raises(CatalogError, match=r"rule.sql:2: unknown tag @only"):
        sqlfiles.untagged(tmp_path / "rule.sql", "rule.sql")


def test_a_header_can_take_over_the_columns_of_a_view_and_what_it_measures() -> None:
    text = """-- Title?
-- @needs rooflines
-- @metrics a.sum|b.sum c.sum
-- @column trace VARCHAR  name of the trace
-- @columns dram l2_write_sectors
SELECT 1"""
    query = parsed(text, "q.sql")
    dram = next(view for view in catalog.shipped().views.values() if view.name == "dram")
    assert query.columns[1:] == dram.columns[-2:]
    assert [column.name for column in query.columns] == ["trace", "l2_write_sectors", "dram_throughput_pct"]
    metrics = catalog.shipped().metrics(query)
    assert (metrics[("a.sum", "b.sum")], metrics[("c.sum",)]) == ("", "")
    assert metrics[("dram__bytes.sum.peak_sustained",)] == "--set roofline"


def test_a_tag_goes_on_in_a_second_line_behind_eight_blanks() -> None:
    text = """-- Title?
--
-- Told at length.
-- @metrics a.sum|
--         b.sum c.sum
-- @column x BIGINT  what it is, and
--         what it is not
--  Told after the tags.
SELECT 1 AS x"""
    query = parsed(text)
    assert query.metrics == ("a.sum|b.sum", "c.sum")
    assert query.columns == (question.ResultColumn("x", "BIGINT", "what it is, and what it is not"),)
    assert query.body == "Told at length.\nTold after the tags."


def test_a_parameter_takes_the_words_that_its_header_says() -> None:
    text = """-- Title?
-- @of totals
-- @param by VARCHAR(gpu|process) = 'gpu'   gpu, or process: what each of them uses
-- @param names VARCHAR(short | full|*) = NULL  names of kernels
SELECT $by, $names"""
    query = parsed(text)
    by, names = (next(p for p in query.params if p.name == name) for name in ("by", "names"))
    assert (by.type, by.words, by.takes_tag) == ("VARCHAR", ("gpu", "process"), True)
    assert by.meaning.startswith("gpu, or process: what each of them uses; tag:NAME")
    assert names.meaning == "short, full or * names of kernels"
    assert (names.parse("*"), names.parse("NULL"), names.take(None)) == ("*", None, None)
    bound = query.bind({"by": ["process", "tag:run"], "names": "full"})
    assert (bound["by"], bound["names"]) == (["process", "tag:run"], "full")
    for wrong in ({"names": "ful"}, {"by": "card"}, {"by": ["card", "tag:run"]}, {"names": ""}, {"by": None}):
        with pytest.raises(ParameterError, match=r"must be (short, full or \*|gpu or process), not"):
            query.bind(wrong)
    with pytest.raises(ParameterError, match=r"parameter names must be short, full or \*, not 'ful'"):
        names.parse("ful")


@pytest.mark.parametrize(
    ("param", "problem"),
    [
        ("a VARCHAR(b|c) = 'd'  e", "q.sql:2: parameter a must be b or c, not 'd'"),
        ("a VARCHAR(b) = 'b'  c", "q.sql:2: expected '@param"),
        ("a VARCHAR(b| ) = 'b'  c", "q.sql:2: expected '@param"),
        ("a BIGINT(1|2) = 1  b", "q.sql:2: expected '@param"),
        ("a VARCHAR(b|c)[] = 'b'  d", "q.sql:2: expected '@param"),
    ],
)
def test_words_of_a_parameter_that_make_no_sense_are_an_error(param: str, problem: str) -> None:
    with pytest.raises(CatalogError, match=problem):
        parsed(f"-- Title?\n-- @param {param}\nSELECT $a AS a")


def test_defaults_are_typed() -> None:
    text = """-- Title?
-- @param a VARCHAR = 'it''s'   a text
-- @param b BIGINT = 20         a number
-- @param c DOUBLE = 0.5        a share
-- @param d BOOLEAN = true      a switch
-- @param e VARCHAR = NULL      nothing
-- @param f BIGINT              required
SELECT 1"""
    params = parsed(text, "q.sql").params
    assert [p.default for p in params] == ["it's", 20, 0.5, True, None, None]
    assert [p.required for p in params] == [False, False, False, False, False, True]


def test_a_list_takes_several_values_or_one() -> None:
    text = """-- Title?
-- @param names VARCHAR[]          some names
-- @param more VARCHAR[] = NULL    others
-- @param one VARCHAR[] = 'x'      a default
SELECT 1"""
    query = parsed(text, "q.sql")
    assert [p.is_list for p in query.params] == [True, True, True]
    assert query.bind({"names": ["a", "b"]}) == {"names": ["a", "b"], "more": None, "one": ["x"]}
    assert query.bind({"names": "a", "more": ["c"]})["names"] == ["a"]
    assert query.params[0].parse("a", "b") == ["a", "b"]


def test_a_map_takes_names_with_a_value_or_with_several() -> None:
    text = """-- Title?
-- @param pair MAP(VARCHAR, VARCHAR) = NULL    what belongs together
-- @param mode MAP(VARCHAR, VARCHAR[]) = NULL  traces by mode
SELECT map_values($pair::MAP(VARCHAR, VARCHAR)) AS pair, map_values($mode::MAP(VARCHAR, VARCHAR[])) AS mode"""
    query = parsed(text, "q.sql")
    pair, mode = query.params
    assert pair.parse("a=b", "c/d = e=f") == {"a": "b", "c/d": "e=f"}
    assert mode.parse("on=t1", "off=t2", "on=t3") == {"on": ["t1", "t3"], "off": ["t2"]}
    assert mode.parse("null") is None
    bound = query.bind({"pair": {"a": "b", "A": "c"}, "mode": {"on": ["t1", "t3"], "off": "t2"}})
    assert bound["mode"] == {"on": ["t1", "t3"], "off": ["t2"]}
    with traceql.open(":memory:") as database:
        answer = database._store.run(query.sql, bound).to_pylist()
        assert answer == [{"pair": ["b", "c"], "mode": [["t1", "t3"], ["t2"]]}]
        assert database._store.run(query.sql, query.bind({})).to_pylist() == [{"pair": None, "mode": None}]


@pytest.mark.parametrize(
    ("type_", "texts", "problem"),
    [
        ("MAP(VARCHAR, VARCHAR)", ["a"], "'a' is not A=B"),
        ("MAP(VARCHAR, VARCHAR)", ["=b"], "'=b' is not A=B"),
        ("MAP(VARCHAR, VARCHAR)", ["a=b", "a=c"], "'a' is given twice"),
        ("BIGINT", ["1", "2"], "is given 2 times"),
        ("BIGINT", ["x"], "'x' is no BIGINT"),
    ],
)
def test_texts_that_stand_for_no_value_are_refused(type_: str, texts: list[str], problem: str) -> None:
    param = parameters.Param("it", type_, "what it is", None, required=False)
    with pytest.raises(QueryError, match=problem):
        param.parse(*texts)


def test_values_of_another_kind_are_refused_before_the_database_sees_them() -> None:
    pair = parameters.Param("pair", "MAP(VARCHAR, VARCHAR)", "what it is", None, required=False)
    for value in ("a=b", ["a=b"], {"a": ["b"]}):
        with pytest.raises(QueryError, match=r"is no MAP\(VARCHAR, VARCHAR\)"):
            pair.take(value)
    names = parameters.Param("names", "VARCHAR[]", "what it is", None, required=False)
    with pytest.raises(QueryError, match="is no VARCHAR"):
        names.take(3)


# --- answers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mask", "kernels"), [("off", 386), ("vectorized", 2), ("graph", 2)])
@pytest.mark.parametrize("writes", ["baseline", "nwor"])
def test_the_mask_launches_this_many_kernels(corpus: Database, writes: str, mask: str, kernels: int) -> None:
    trace = f"scv_{writes}_{mask}.ncu-rep.xz"
    answer = corpus.query("range_launches", trace=trace, range="scv_compute_mask")
    row = answer.row(0, named=True)
    assert answer.height == 1
    assert (row["domain"], row["kernels"]) == ("", kernels)
    # The report knows no instances.
    assert row["instances"] is None
    assert row["kernels_per_instance"] is None


@pytest.mark.long
def test_instances_come_from_the_tag_steps(db: Database) -> None:
    db.ingest(REPORTS / NCU, name="off", tags={"steps": "2"})
    row = db.query("range_launches", range="scv_compute_mask").row(0, named=True)
    assert (row["instances"], row["kernels"], row["kernels_per_instance"]) == (2, 386, 193.0)


def test_traffic_by_range_adds_up_to_the_traffic_of_all_kernels(corpus: Database) -> None:
    by_range = corpus.query("dram_traffic", trace=NCU)
    by_kernel = corpus.query("dram_traffic", trace=NCU, by="kernel")
    assert set(by_range["group_name"]) == {"step/kv_write", "step/scv_compute_mask", "step/flush_l2"}
    for column in ("kernels", "dram_write_bytes", "dram_read_bytes", "l2_write_sectors", "gpu_ns"):
        assert by_range[column].sum() == by_kernel[column].sum()
    assert by_range["kernels"].sum() == 444


def test_a_rate_and_a_duration_stand_in_for_a_missing_sum(corpus: Database) -> None:
    found = corpus.sql(
        """
        SELECT dram_bytes, rate.value * dram.duration_ns / 1e9 AS expected, dram_read_bytes
        FROM dram
        JOIN metrics AS rate ON rate.kernel_id = dram.kernel_id AND rate.metric = 'dram__bytes.sum.per_second'
        WHERE trace = 'llama_roofline.ncu-rep.xz'
        """
    )
    assert found.height == 48
    assert all(math.isclose(a, b) for a, b, _ in found.rows())
    # --set roofline measures no direction: unknown, not zero.
    assert found["dram_read_bytes"].is_null().all()


def test_kernel_totals_add_up_and_shares_to_a_hundred(corpus: Database) -> None:
    answer = corpus.query("top_kernels", trace=NSYS, limit=1000)
    total = corpus.sql(
        "SELECT count(*) AS n, sum(kernels.duration_ns) AS ns FROM kernels JOIN traces USING (trace_id) "
        f"WHERE trace = '{NSYS}'"
    ).row(0)
    assert (answer["instances"].sum(), answer["total_ns"].sum()) == total
    assert math.isclose(answer["share_pct"].sum(), 100)
    # A filter does not change what a share is a share of.
    one = corpus.query("top_kernels", trace=NSYS, kernel=answer["kernel"][0])
    assert one["share_pct"][0] == answer["share_pct"][0]


def test_api_summary_counts_every_call_once(corpus: Database) -> None:
    answer = corpus.query("api_summary", trace=NSYS)
    assert answer["calls"].sum() == ingest.rows(corpus._store, NSYS)["api_calls"] == 8942
    launches = answer.filter(answer["function"] == "cudaLaunchKernel")
    assert launches["layer"].to_list() == ["runtime"]


def test_memory_summary_adds_up(corpus: Database) -> None:
    answer = corpus.query("memory_summary", trace="llama_eager.sqlite.xz")
    by_kind = {row["copy_kind"]: row for row in answer.to_dicts()}
    # 128 copies to the device of 348,704 bytes in 116,672 ns.
    upload = by_kind["Host-to-Device"]
    assert (upload["instances"], upload["total_bytes"], upload["total_ns"]) == (128, 348_704, 116_672)
    assert math.isclose(upload["bytes_per_s"], 348_704 / 116_672e-9)
    assert by_kind[None]["kind"] == "memset"


def test_metric_finds_any_counter_by_pattern(corpus: Database) -> None:
    answer = corpus.query("metric", metric="dram__bytes_%.sum", trace=BASELINE, kernel="index%")
    assert set(answer["metric"]) == {"dram__bytes_read.sum", "dram__bytes_write.sum"}
    assert answer.height == 2 * 56
    assert answer["path"].unique().to_list() == ["step/kv_write"]


def test_trace_summary_has_one_row_per_trace(corpus: Database) -> None:
    assert corpus.query("trace_summary").height == corpus.sql("SELECT count(*) FROM traces").item()
    row = corpus.query("trace_summary", trace="llama_graph.sqlite.xz").row(0, named=True)
    assert (row["kernels"], row["graph_launches"], row["metrics"]) == (627, 15, 0)


# --- what is missing ------------------------------------------------------------------------------------


def test_a_question_that_no_trace_can_answer_names_the_option_that_records_the_data(corpus: Database) -> None:
    with pytest.raises(MissingDataError, match="holds no metrics") as caught:
        corpus.query("dram_traffic", trace=NSYS)
    assert "ncu --set full" in caught.value.remedy
    with pytest.raises(MissingDataError) as caught:
        corpus.query("api_summary", trace="centerformer_titan_2022.4.sqlite.xz")
    assert caught.value.remedy == "Recorded by: nsys profile --trace=cuda"


def test_traces_that_lack_data_are_named_in_a_note(corpus: Database) -> None:
    said = corpus.ask("top_kernels").notes
    assert said[0].code == "not_recorded"
    assert said[0].text.startswith(
        "No kernels in 8 traces (centerformer_titan_2022.4.sqlite.xz, centerformer_titan"
    )
    # Kernels of graphs that were traced as a whole are in no count.
    assert any(
        note.code == "hidden_kernels"
        and re.match(r"\d+ CUDA graph launches in .* hold kernels that are not recorded", note.text)
        for note in said
    )
    (lacking,) = corpus.ask("dram_traffic", trace="darknet_xavier.nsight-cuprof-report.xz").notes
    assert lacking.code == "not_measured"
    assert "ncu --metrics dram__bytes_read.sum,dram" in lacking.text


def test_tracing_that_saw_nothing_is_not_called_missing(corpus: Database) -> None:
    # CUDA was traced, but no kernel ran.
    assert "kernels" not in ingest.missing(corpus._store, "nevakrien_rtx4090_2023.4.sqlite.xz")
    assert "kernels" in ingest.missing(corpus._store, "centerformer_titan_2022.4.sqlite.xz")


def test_an_unknown_metric_says_how_to_find_one(corpus: Database) -> None:
    answer = corpus.ask("metric", metric="no_such_metric")
    assert len(answer) == 0
    assert "No rows. Which metrics there are" in notes(answer)


def test_wrong_names_are_errors_with_a_way_out(corpus: Database) -> None:
    with pytest.raises(UnknownQueryError, match="Did you mean top_kernels"):
        corpus.query("top_kernel")
    with pytest.raises(UnknownQueryError) as caught:
        corpus.query("kernel_card")
    assert "traceql kernel-card NAME" in caught.value.remedy and "Did you mean" not in caught.value.remedy
    with pytest.raises(QueryError, match="no parameter 'tracee'"):
        corpus.query("top_kernels", tracee="x")
    with pytest.raises(QueryError, match="needs a value for baseline, variant"):
        corpus.query("nwor_delta")
    with pytest.raises(QueryError, match="no trace is called 'nope'"):
        corpus.query("top_kernels", trace="nope")
    with pytest.raises(QueryError, match="by must be range or kernel"):
        corpus.query("dram_traffic", trace=NCU, by="colour")


def test_a_question_to_an_empty_database_says_so(tmp_path: Path) -> None:
    with traceql.open(":memory:") as database, pytest.raises(MissingDataError, match="holds no traces"):
        database.query("top_kernels")
