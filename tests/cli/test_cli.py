"""The command line as a user meets it: real files, and real processes where these are the point."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import command_line
import duckdb
import polars as pl
import pytest
import systems
from click.testing import CliRunner
from command_line import ENVIRONMENT
from made import jobs
from shipped import EXPECTED, REPORTS
from terminals import on_a_terminal

from traceql import Database, __version__
from traceql.cli import cli
from traceql.errors import QueryError
from traceql.present import width
from traceql.questions import catalog
from traceql.tables import schema

if TYPE_CHECKING:
    from traceql.questions.question import Query

PAIR = [REPORTS / f"scv_{name}_vectorized.ncu-rep.xz" for name in ("baseline", "nwor")]


def traceql(
    *arguments: str | Path, cwd: Path, stdin: str = "", status: int = 0
) -> subprocess.CompletedProcess[str]:
    result = command_line.traceql(*arguments, folder=cwd, stdin=stdin)
    assert result.returncode == status, result.stderr
    return result


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a traces.duckdb that holds the NWOR pair."""
    folder = tmp_path_factory.mktemp("home")
    traceql("ingest", *PAIR, cwd=folder)
    return folder


@pytest.mark.long
def test_ingest_reports_on_stderr_what_came_in_and_what_was_missing(tmp_path: Path) -> None:
    result = traceql("ingest", *PAIR, "--tag", "gpu=h200", cwd=tmp_path)
    assert result.stdout == ""
    assert "scv_nwor_vectorized: added" in result.stderr
    assert "182 kernels, 51,324 metrics" in result.stderr
    assert (
        "not recorded: sass_instructions, advice, focus_metrics, source_markers, launch_stacks (traceql info"
        in result.stderr
    )
    again = traceql("ingest", *PAIR, cwd=tmp_path)
    assert again.stderr.count("in the database already") == 2
    assert traceql("ingest", *PAIR, "--quiet", "--replace", cwd=tmp_path).stderr == ""
    listed = json.loads(traceql("ls", "--format", "json", cwd=tmp_path).stdout)
    # Reading a report again keeps its name and tags.
    assert [(t["trace"], t["tags"]) for t in listed] == [
        ("scv_baseline_vectorized", {"gpu": "h200"}),
        ("scv_nwor_vectorized", {"gpu": "h200"}),
    ]


@pytest.mark.long
def test_a_report_that_is_there_keeps_its_name_and_tags_and_says_which_it_was_not_given(
    tmp_path: Path,
) -> None:
    traceql("ingest", PAIR[0], "--tag", "gpu=h200", "--name", "before", cwd=tmp_path)
    traceql("rename", "before", "first", cwd=tmp_path)
    again = traceql("ingest", PAIR[0], "--name", "x", "--tag", "gpu=h200", "--tag", "rank=1", cwd=tmp_path)
    assert again.stderr.splitlines() == [
        "first: in the database already, left as it is (--replace reads it again)",
        "note: first: Its name was not changed to x: traceql rename first x",
        "note: first: Its tags were not changed: traceql tag first rank=1",
    ]
    with Database(tmp_path / "traces.duckdb") as database:
        stored = database.ingest(PAIR[0], tags={"rank": "1"})
        assert (stored.name, stored.status) == ("first", "unchanged")
        assert stored.warnings == ("Its tags were not changed: traceql tag first rank=1",)
        assert database.ingest(PAIR[0], tags={"gpu": "h200"}, name="first").warnings == ()
        assert database.sql("SELECT trace, tags FROM traces").rows() == [("first", {"gpu": "h200"})]


@pytest.mark.long
def test_what_a_report_was_not_given_is_said_in_a_command_that_a_shell_takes(tmp_path: Path) -> None:
    db = ("--db", "t.duckdb")
    traceql("ingest", PAIR[0], "--name", "it's one", *db, cwd=tmp_path)
    traceql("ingest", PAIR[1], "--name", "other", *db, cwd=tmp_path)
    hints = [
        line.partition(": ")[2].partition(": ")[2].partition(": ")[2]
        for name in ("$HOME x", "other")
        for line in traceql(
            "ingest", PAIR[0], "--name", name, "--tag", "a b=c d", *db, cwd=tmp_path
        ).stderr.splitlines()
        if line.startswith("note: ")
    ]
    renaming, tagging, taken, _ = hints
    assert taken == "another trace is called so"
    for command in (tagging, renaming):
        assert traceql(*shlex.split(command)[1:], *db, cwd=tmp_path).returncode == 0
    with Database(tmp_path / "t.duckdb") as database:
        named = dict(database.sql("SELECT trace, tags FROM traces").rows())
    assert named == {"$HOME x": {"a b": "c d"}, "other": {}}
    refused = traceql("ingest", PAIR[0], "--name", " ", *db, cwd=tmp_path, status=2)
    assert (refused.returncode, refused.stderr) == (
        2,
        "error: a trace has a name\nGive it one that is not empty.\n",
    )


@pytest.mark.long
def test_traces_are_tagged_together_and_listed_by_their_tags(tmp_path: Path) -> None:
    traceql("ingest", *PAIR, "--tag", "gpu=h200", cwd=tmp_path)

    def tags(*arguments: str) -> dict[str, dict[str, str]]:
        listed = json.loads(traceql("ls", "-f", "json", *arguments, cwd=tmp_path).stdout)
        return {one["trace"]: one["tags"] for one in listed}

    baseline, variant = "scv_baseline_vectorized", "scv_nwor_vectorized"
    told = traceql("tag", "scv_*", "job=pair", "step=1=2", cwd=tmp_path).stderr
    assert told == f"2 traces: {baseline}, {variant}\n"
    assert traceql("tag", variant, "mode=nwor", cwd=tmp_path).stderr == ""
    both = {"gpu": "h200", "job": "pair", "step": "1=2"}
    assert tags() == {baseline: both, variant: {**both, "mode": "nwor"}}
    assert set(tags("--tag", "mode=n*")) == set(tags("--tag", "job=pair", "--tag", "mode=nwor")) == {variant}
    assert tags("--tag", "mode=baseline") == tags("--tag", "nothing=*") == {}
    # The first word may be a tag, and who names one trace that is not there changes none.
    traceql("tag", "mode=nwor", baseline, "--remove", "step", "-q", cwd=tmp_path)
    assert "nobody" in traceql("tag", baseline, "nobody", "job=x", cwd=tmp_path, status=1).stderr
    assert [one["job"] for one in tags().values()] == ["pair", "pair"]
    assert not any("step" in one for one in tags().values())
    assert "Name a label" in traceql("tag", baseline, variant, cwd=tmp_path, status=2).stderr
    with Database(tmp_path / "traces.duckdb") as database:
        assert database.tag("scv_*", job=None) == [baseline, variant]
        with pytest.raises(QueryError, match="none is named"):
            database.tag(job="x")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a traces.duckdb that holds the two made ranks of a job, and a trace of no job."""
    folder = tmp_path_factory.mktemp("job")
    with Database(folder / "traces.duckdb") as database:
        for name, recording in {**jobs.TRAIN, "single": jobs.LACKING["alone"]}.items():
            database.ingest(recording.export(folder / f"{name}.sqlite"), name=name)
        database.tag("a", "b", job="train", gpu="h200")
        database.tag("b", rank="7")
    return folder


@pytest.mark.long
def test_the_tree_of_traces_shows_jobs_and_ranks(job: Path) -> None:
    assert traceql("ls", "--tree", cwd=job).stdout.splitlines() == [
        "single, nsys",
        "train (job by tag)",
        "  rank 0: a, nsys, NVIDIA H200",
        "  rank 7: b, nsys, NVIDIA H200",
    ]
    assert traceql("ls", "--tree", "--by", "gpu", "--by", "rank", cwd=job).stdout.splitlines() == [
        "gpu=h200",
        "  rank=7",
        "    train (job by tag)",
        "      rank 7: b, nsys, NVIDIA H200",
        "  no rank",
        "    train (job by tag)",
        "      rank 0: a, nsys, NVIDIA H200",
        "no gpu",
        "  no rank",
        "    single, nsys",
    ]
    listed = json.loads(
        traceql("ls", "--tree", "--by", "gpu", "--tag", "rank=*", "-f", "json", cwd=job).stdout
    )
    assert [(one["tag: gpu"], one["job"], one["ranks"], one["trace"]) for one in listed] == [
        ("h200", "train", "7", "b")
    ]
    assert "--by is for --tree" in traceql("ls", "--by", "gpu", cwd=job, status=2).stderr


@pytest.mark.long
def test_diff_of_a_job_compares_its_fastest_rank_with_the_slowest(job: Path) -> None:
    told = traceql("diff", "--job", "train", "--topic", "kernel", "-f", "csv", cwd=job)
    assert "fastest rank of train: a; slowest: b" in told.stderr
    rows = {(row["name"], row["measure"]): row for row in csv.DictReader(io.StringIO(told.stdout))}
    # Rank 1 runs five gemms, where rank 0 runs four.
    assert float(rows["gemm", "instances"]["delta"]) == 1
    assert "--job names both sides" in traceql("diff", "a", "--job", "train", cwd=job, status=2).stderr
    assert "no job 'nobody'" in traceql("diff", "--job", "nobody", cwd=job, status=1).stderr


@pytest.mark.long
def test_ingest_finds_reports_in_folders_and_by_pattern(tmp_path: Path) -> None:
    (tmp_path / "runs" / "deeper").mkdir(parents=True)
    for number, path in enumerate([*PAIR, REPORTS / "llama_graph.sqlite.xz"]):
        target = tmp_path / "runs" / ("deeper" if number else "") / path.name
        target.write_bytes(path.read_bytes())
    (tmp_path / "runs" / "notes.txt").write_text("not a report")
    traceql("ingest", "runs", cwd=tmp_path)
    assert len(json.loads(traceql("ls", "-f", "json", cwd=tmp_path).stdout)) == 3
    traceql("ingest", "runs/**/*nwor*", "--db", "other.duckdb", cwd=tmp_path)
    found = traceql(
        "sql", "SELECT trace FROM traces", "--db", "other.duckdb", "-f", "csv", cwd=tmp_path
    ).stdout
    assert found == "trace\nscv_nwor_vectorized\n"


@pytest.mark.long
def test_a_report_and_its_export_get_different_names(tmp_path: Path) -> None:
    traceql("ingest", REPORTS / "scv_nwor_off.ncu-rep.xz", REPORTS / "scv_nwor_off.sqlite.xz", cwd=tmp_path)
    found = traceql("sql", "SELECT trace FROM traces ORDER BY trace_id", "-f", "csv", cwd=tmp_path).stdout
    assert found.split() == ["trace", "scv_nwor_off", "scv_nwor_off.sqlite"]


@pytest.mark.long
def test_sql_over_some_traces_only(home: Path) -> None:
    statement = "SELECT trace, count(*) AS n FROM kernels NATURAL JOIN traces GROUP BY trace ORDER BY trace"
    whole = traceql("sql", statement, "-f", "csv", cwd=home).stdout.splitlines()
    assert len(whole) == 3
    some = traceql("sql", "--trace", "*nwor*", statement, "-f", "csv", cwd=home).stdout.splitlines()
    assert some == [line for line in whole if line == whole[0] or "nwor" in line]
    both = traceql("sql", "--trace", "*", statement, "-f", "csv", cwd=home).stdout.splitlines()
    assert both == whole
    missing = traceql("sql", "--trace", "nobody", statement, cwd=home, status=1)
    assert "no trace is called 'nobody'" in missing.stderr


def test_sql_with_a_version_of_an_api_call_is_told_that_there_are_none(home: Path) -> None:
    found = traceql("sql", "SELECT count(*) FROM api_calls WHERE name = 'cudaLaunchKernel_v7000'", cwd=home)
    assert "without the version that CUDA appends: cudaLaunchKernel." in found.stderr
    plain = traceql("sql", "SELECT count(*) FROM api_calls WHERE name = 'cudaLaunchKernel'", cwd=home)
    assert plain.stderr == ""


def test_schema_answers_names_of_nvidia_and_of_before_with_ours(home: Path) -> None:
    for asked, said in (
        ("CUPTI_ACTIVITY_KIND_KERNEL", "CUPTI_ACTIVITY_KIND_KERNEL is kernels. All of them"),
        ("gpu_work", "gpu_work is gpu_operations now. All of them"),
        ("nothing", "\nAll of them: traceql schema"),
    ):
        assert said in traceql("schema", asked, cwd=home, status=2).stderr


@pytest.mark.long
def test_a_question_that_bears_a_name_of_nvidias_can_have_its_headers(tmp_path: Path) -> None:
    for name in ("llama_graph", "graph_nodes"):
        traceql("ingest", "-q", REPORTS / f"{name}.sqlite.xz", cwd=tmp_path)
    printed = (EXPECTED / "nsys_stats" / "graph_nodes_cuda_gpu_mem_size_sum.csv").read_text().splitlines()
    asked = ("query", "cuda-gpu-mem-size-sum", "--headers", "nvidia", "-f", "csv")
    found = traceql(*asked, "--trace", "graph_nodes", cwd=tmp_path)
    assert found.stdout.splitlines()[0] == printed[0]
    assert len(found.stdout.splitlines()) == len(printed)
    assert "name one with --trace" not in found.stderr
    assert "name one with --trace" in traceql(*asked, cwd=tmp_path).stderr
    plain = traceql("query", "cuda-gpu-mem-size-sum", "-f", "csv", cwd=tmp_path).stdout
    assert plain.startswith("trace,operation,")
    projected = traceql(
        "query",
        "nvtx-gpu-proj-sum",
        "--headers",
        "nvidia",
        "-f",
        "csv",
        "--trace",
        "graph_nodes",
        cwd=tmp_path,
    )
    assert projected.stdout.startswith("Range,Style,Total Proj Time (ns),")
    whole = traceql(
        "query", "nvtx-gpu-proj-sum", "--headers", "nvidia", "--trace", "llama_graph", cwd=tmp_path, status=1
    )
    assert "leaves out graphs traced as a whole" in whole.stderr
    wrong = traceql("query", "top-kernels", "--headers", "nvidia", cwd=tmp_path, status=2)
    assert "No such option" in wrong.stderr


@pytest.mark.long
def test_the_dram_question_is_answered(home: Path) -> None:
    arguments = [
        "query",
        "nwor-delta",
        "--baseline",
        "scv_baseline_vectorized",
        "--variant",
        "scv_nwor_vectorized",
    ]
    arguments += ["--pair", "step/kv_write=step/nwor_commit"]
    table = traceql(*arguments, cwd=home).stdout
    assert re.search(r"pair +step/kv_\S+_commit +dram_write_bytes +60.45 MB +32.06 MB +-28.39 MB\n", table)
    raw = traceql(*arguments, "--raw", "--all-columns", cwd=home).stdout
    assert re.search(
        r"pair +step/\S+_commit +dram_\S+_bytes +60,449,280.00 +32,058,112.00 +-28,391,168.00 +-46.97", raw
    )
    rows = json.loads(traceql(*arguments, "--format", "json", cwd=home).stdout)
    assert rows[0]["baseline"] == 60_449_280
    assert rows[0]["variant"] == 32_058_112


QUESTION = (
    "SELECT kernel_id, name, 1.5 AS x, NULL AS nothing, {'a': 1} AS nested FROM kernels ORDER BY ALL LIMIT 2"
)
NAME = "index_elementwise_kernel"
# Of the first trace.
FIRST = (1 << 32) + 1


@pytest.mark.long
def test_output_as_csv_json_ndjson_markdown_and_parquet(home: Path) -> None:
    def run(form: str) -> str:
        return traceql("sql", QUESTION, "--format", form, cwd=home).stdout

    rows = list(csv.reader(io.StringIO(run("csv"))))
    assert rows == [
        ["kernel_id", "name", "x", "nothing", "nested"],
        [str(FIRST), NAME, "1.5", "", '{"a": 1}'],
        [str(FIRST + 1), NAME, "1.5", "", '{"a": 1}'],
    ]
    row = {"name": NAME, "x": 1.5, "nothing": None, "nested": {"a": 1}}
    expected = [{"kernel_id": FIRST, **row}, {"kernel_id": FIRST + 1, **row}]
    assert json.loads(run("json")) == expected
    assert [json.loads(line) for line in run("ndjson").splitlines()] == expected
    markdown = run("md").splitlines()
    assert markdown[0] == "| kernel_id | name | x | nothing | nested |"
    assert markdown[2] == f'| {FIRST} | {NAME} | 1.50 | NULL | {{"a": 1}} |'
    traceql("sql", QUESTION, "-o", "answer.parquet", cwd=home)
    assert pl.read_parquet(home / "answer.parquet")["kernel_id"].to_list() == [FIRST, FIRST + 1]
    # The suffix chooses the form.
    traceql("sql", QUESTION, "-o", "answer.csv", cwd=home)
    assert (home / "answer.csv").read_text() == run("csv")


def test_sums_stay_integers_and_numbers_that_are_not_finite_stay_valid_json(home: Path) -> None:
    result = traceql(
        "sql", "SELECT sum(kernel_id) AS s, 'nan'::DOUBLE AS n FROM kernels", "-f", "json", cwd=home
    )
    # Two traces: 1 + 2 + … + 60 and 1 + 2 + … + 182, above the numbers of the traces.
    ids = (60 << 32) + 60 * 61 // 2 + (182 * 2 << 32) + 182 * 183 // 2
    assert json.loads(result.stdout) == [{"s": ids, "n": None}]


def test_what_json_has_no_form_for_inside_lists_and_maps_stays_valid_json(home: Path) -> None:
    statement = "SELECT [1.0, 'nan'::DOUBLE] AS list, MAP {DATE '2020-01-02': 'inf'::DOUBLE} AS by_day"
    result = traceql("sql", statement, "-f", "json", cwd=home)
    assert json.loads(result.stdout) == [{"list": [1.0, None], "by_day": {"2020-01-02": None}}]
    assert '{"2020-01-02": null}' in traceql("sql", statement, cwd=home).stdout


@pytest.mark.long
def test_null_lifts_a_limit_and_other_words_are_no_numbers(home: Path) -> None:
    def rows(limit: str) -> int:
        return traceql("query", "top-kernels", "--limit", limit, "-f", "ndjson", cwd=home).stdout.count("\n")

    assert rows("1") == 2
    assert rows("NULL") == rows("1000000") > 2
    assert "not a valid integer" in traceql("query", "top-kernels", "--limit", "x", cwd=home, status=2).stderr


def test_a_name_that_no_file_can_have_is_an_error_with_its_reason(home: Path) -> None:
    result = traceql("ls", "--db", "a" * 300, cwd=home, status=1)
    assert "File name too long" in result.stderr
    assert "Traceback" not in result.stderr


def test_sql_comes_from_standard_input_or_a_file(home: Path) -> None:
    (home / "q.sql").write_text("SELECT 42 AS answer;")
    for arguments, stdin in ((["sql"], "SELECT 42 AS answer"), (["sql", "-"], "SELECT 42 AS answer"),
                             (["sql", "--file", "q.sql"], "")):  # fmt: skip
        assert traceql(*arguments, "-f", "csv", cwd=home, stdin=stdin).stdout == "answer\n42\n"
    assert "either" in traceql("sql", "SELECT 1", "--file", "q.sql", cwd=home, status=2).stderr
    assert "empty" in traceql("sql", cwd=home, stdin=" ", status=2).stderr


def test_an_error_says_what_to_do_and_leaves_stdout_empty(home: Path) -> None:
    result = traceql("sql", "SELECT nothing FROM nowhere", cwd=home, status=1)
    assert result.stdout == ""
    assert "nowhere does not exist" in result.stderr
    assert result.stderr.endswith("The tables and their columns: traceql schema\n")
    result = traceql("query", "top-kernel", cwd=home, status=2)
    assert "Did you mean top-kernels" in result.stderr
    result = traceql("ls", "--db", "none.duckdb", cwd=home, status=1)
    assert "Make one with: traceql ingest" in result.stderr
    assert not (home / "none.duckdb").exists()


def test_wrong_usage_ends_with_status_2(home: Path) -> None:
    for arguments in (["nonsense"], ["ingest"], ["query"], ["sql", "SELECT 1", "--format", "xml"],
                      ["ingest", "a", "--tag", "novalue"], ["query", "top-kernels", "--limit", "many"]):  # fmt: skip
        traceql(*arguments, cwd=home, status=2)
    assert "--name labels one report" in traceql("ingest", *PAIR, "--name", "x", cwd=home, status=2).stderr


def test_a_note_about_missing_data_goes_to_stderr(home: Path) -> None:
    result = traceql("query", "metric", "--metric", "no_such", "-f", "csv", cwd=home)
    assert result.stdout.startswith("trace,kernel_id")
    assert result.stderr.startswith("note: No metric is called 'no_such'. There is, for example: ")
    assert "note: No rows. Which metrics there are" in result.stderr


@pytest.mark.long
def test_info_describes_a_trace_and_a_file_alike(home: Path) -> None:
    of_trace = traceql("info", "scv_nwor_vectorized", "-f", "csv", cwd=home).stdout
    of_file = traceql("info", PAIR[1], "-f", "csv", cwd=home.parent).stdout
    assert of_trace == of_file
    facts = dict(csv.reader(io.StringIO(of_file)))
    assert facts["tool_version"] == "2025.3.1.0"
    assert facts["gpu"] == "NVIDIA H200"
    assert facts["rows: metrics"] == "51324"
    assert facts["setting: clock_control"] == "none"
    assert facts["not recorded: advice"].startswith("ncu --set full")
    assert not (home.parent / "traces.duckdb").exists()
    assert "51,324" in traceql("info", PAIR[1], cwd=home.parent).stdout
    assert "neither a trace" in traceql("info", "nope", cwd=home, status=1).stderr


def test_schema_explains_tables_and_columns_without_a_database(tmp_path: Path) -> None:
    everything = traceql("schema", "-f", "json", cwd=tmp_path).stdout
    tables = {t.name for t in (*schema.TABLES, *schema.SHIPPED.values())}
    views = {v.name for v in catalog.shipped().views.values()}
    assert {row["name"] for row in json.loads(everything)} == tables | views
    columns = json.loads(traceql("schema", "kernels", "-f", "json", cwd=tmp_path).stdout)
    assert [c["column"] for c in columns] == [c.name for c in schema.BY_NAME["kernels"].columns]
    assert "All of them: traceql schema" in traceql("schema", "kernel", cwd=tmp_path, status=2).stderr


@pytest.fixture
def own_home(home: Path, tmp_path: Path) -> Path:
    """As `home`, to be changed."""
    shutil.copy(home / "traces.duckdb", tmp_path)
    return tmp_path


def test_drop_removes_one_trace(own_home: Path) -> None:
    traceql("drop", "scv_nwor_vectorized", cwd=own_home)
    counts = traceql("sql", "SELECT count(*) AS n FROM metrics", "-f", "csv", cwd=own_home).stdout
    assert counts == "n\n16920\n"
    assert "no trace is called" in traceql("drop", "scv_nwor_vectorized", cwd=own_home, status=1).stderr


def test_the_environment_variable_names_the_database(home: Path, tmp_path: Path) -> None:
    elsewhere = ENVIRONMENT | {"TRACEQL_DB": str(home / "traces.duckdb")}
    result = command_line.traceql("ls", "-f", "csv", folder=tmp_path, environment=elsewhere)
    assert result.returncode == 0
    assert result.stdout.count("\n") == 3


@pytest.mark.long
@systems.linux("/dev/full")
@pytest.mark.parametrize("form", ["table", "csv"])
def test_a_full_disk_under_standard_output_is_said(home: Path, form: str) -> None:
    command = f"{sys.executable} -m traceql sql 'FROM range(100000)' -f {form} > /dev/full"
    result = subprocess.run(
        ["bash", "-c", command], cwd=home, capture_output=True, text=True, env=ENVIRONMENT, check=False
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.startswith("error: no room left for the answer")


@systems.posix("named pipes")
def test_an_answer_goes_through_a_pipe_or_a_link_and_replaces_neither(home: Path, tmp_path: Path) -> None:
    target, link, fifo = tmp_path / "target.csv", tmp_path / "link.csv", tmp_path / "fifo"
    target.touch()
    link.symlink_to(target)
    os.mkfifo(fifo)
    traceql("sql", "SELECT 1 AS x", "-o", str(link), cwd=home)
    assert (link.is_symlink(), target.read_text()) == (True, "x\n1\n")
    with subprocess.Popen(["cat", str(fifo)], stdout=subprocess.PIPE, text=True) as reader:
        traceql("sql", "SELECT 1 AS x", "-f", "csv", "-o", str(fifo), cwd=home)
        assert reader.communicate()[0] == "x\n1\n"
    assert fifo.is_fifo()


@pytest.mark.long
@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_a_closed_pipe_is_no_error(home: Path, form: str) -> None:
    command = f"{sys.executable} -m traceql sql 'FROM metrics' -f {form} | head -1"
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=home, capture_output=True, text=True, env=ENVIRONMENT, check=False
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("\n") == 1


@pytest.mark.long
def test_colour_is_for_terminals(home: Path) -> None:
    question = ["sql", "SELECT repeat('long ', 40) AS text, 1 AS n"]
    seen = on_a_terminal(home, *question, PAGER="cat")
    assert "\x1b[" in seen
    assert "\x1b[" not in on_a_terminal(home, *question, PAGER="cat", NO_COLOR="1").replace(
        "\x1b[0m", ""
    ).replace("\x1b[1m", "")
    assert "\x1b[" not in traceql(*question, cwd=home).stdout


@pytest.mark.long
def test_progress_appears_on_a_terminal(tmp_path: Path) -> None:
    seen = on_a_terminal(tmp_path, "ingest", str(REPORTS / "scv_nwor_off.ncu-rep.xz"))
    assert re.search(r"/566.*/s", seen)
    # How large it is, and how long it will take.
    assert re.search(r"\(\d+(\.\d)? kB\)", seen) and " left " in seen
    assert "added" in seen


def test_names_from_reports_cannot_control_the_terminal(home: Path) -> None:
    shown = traceql("sql", "SELECT 'a' || chr(27) || '[31mred' || chr(10) || 'b' AS text", cwd=home).stdout
    assert "\x1b" not in shown
    assert r"a\x1b[31mred\nb" in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_exist_and_complete_trace_names(home: Path, shell: str) -> None:
    assert "_TRACEQL_COMPLETE" in traceql("completion", shell, cwd=home).stdout
    asked = {"_TRACEQL_COMPLETE": "bash_complete", "COMP_WORDS": "traceql info scv_n", "COMP_CWORD": "2"}
    result = command_line.traceql(folder=home, environment=ENVIRONMENT | asked)
    assert result.stdout.strip() == "plain,scv_nwor_vectorized"


@pytest.mark.long
def test_every_command_and_query_has_help_with_its_parameters() -> None:
    runner = CliRunner()
    for name in cli.list_commands(click.Context(cli)):
        result = runner.invoke(cli, [name, "--help"])
        assert result.exit_code == 0
        assert "Usage: " in result.output
    for query in catalog.shipped().queries.values():
        result = runner.invoke(cli, ["query", query.name.replace("_", "-"), "--help"])
        assert result.exit_code == 0
        # Help is folded to the width of a terminal.
        assert query.title in " ".join(result.output.split())
        for param in query.params:
            assert f"--{param.name.replace('_', '-')}" in result.output
        for column in query.columns:
            assert column.name in result.output


def test_query_list_shows_every_question_by_topic(tmp_path: Path) -> None:
    listed = traceql("query", "--list", cwd=tmp_path).stdout
    as_data = json.loads(traceql("query", "--list", "--format", "json", cwd=tmp_path).stdout)
    assert {row["query"] for row in as_data} >= {"top-kernels", "range-launches"}
    topic, shown = "", {}
    for line in listed.splitlines()[2:]:
        assert width.width(line) <= 80
        if line.startswith("  "):
            shown[line.split()[0]] = (topic, line.split(maxsplit=1)[1].removesuffix("…"))
        else:
            topic = line
    for query in catalog.shipped().queries.values():
        under, question = shown[query.name.replace("_", "-")]
        assert under == query.topic
        assert query.title.startswith(question)


@pytest.mark.long
def test_query_list_says_what_the_database_lacks(tmp_path: Path) -> None:
    traceql("ingest", str(REPORTS / "scv_baseline_off.sqlite.xz"), cwd=tmp_path)
    listed = traceql("query", "--list", cwd=tmp_path)
    marked = {line.split()[0] for line in listed.stdout.splitlines() if line[:2] == "  " and " - " in line}
    assert "osrt-sum" in marked
    assert "cuda-api-sum" not in marked
    assert f"{len(marked)} questions marked - lack data, or some" in listed.stderr
    rows = json.loads(traceql("query", "--list", "-f", "json", cwd=tmp_path).stdout)
    missing = {row["query"]: row["missing"] for row in rows}
    assert {query for query, text in missing.items() if text} == marked
    whole = "the database holds no os_calls, which osrt_sum reads. Recorded by: nsys profile --trace=osrt"
    assert missing["osrt-sum"] == whole
    assert f"missing    {whole}" in traceql("query", "--list", "--vertical", cwd=tmp_path).stdout


def test_the_database_of_a_query_is_named_after_the_query(tmp_path: Path) -> None:
    refused = traceql("query", "--db", "x.duckdb", "top-kernels", cwd=tmp_path, status=2)
    assert "Put --db after the name of the query." in refused.stderr


# --- what a first user ran into ---------------------------------------------------------------------------


@pytest.mark.long
def test_a_narrow_terminal_cuts_texts_but_never_numbers(home: Path) -> None:
    seen = on_a_terminal(home, "query", "top-kernels", "--limit", "1", PAGER="cat")
    # Figures of the busiest kernel, whatever room is left for names.
    for figure in ("56", "247.0", "59.78", "4.410"):
        assert re.search(rf"(?<![\d,.]){re.escape(figure)}(?![\d,])", seen), figure
    columns = on_a_terminal(home, "schema", "kernels", PAGER="cat")
    assert "duration_ns" in columns
    assert max(len(line) for line in re.sub(r"\x1b\[[0-9;]*m", "", columns).splitlines()) <= 80


def test_an_answer_is_never_written_over_a_database_or_a_report(home: Path, tmp_path: Path) -> None:
    report = tmp_path / "run.ncu-rep"
    report.write_bytes(b"NVR\0 and the rest of a report")
    for precious in (home / "traces.duckdb", report):
        before = precious.read_bytes()
        result = traceql("sql", "SELECT 1", "-f", "csv", "-o", precious, cwd=home, status=1)
        assert "not overwritten" in result.stderr
        assert precious.read_bytes() == before
    assert "no form is known" in traceql("sql", "SELECT 1", "-o", "x.tab", cwd=home, status=2).stderr


def test_columns_of_one_name_are_told_apart_and_intervals_are_text(home: Path) -> None:
    question = "SELECT 1 AS a, 2 AS a, 3 AS a, INTERVAL 1 DAY AS i"
    assert traceql("sql", question, "-f", "csv", cwd=home).stdout.startswith("a,a_1,a_2,i\n1,2,3,")
    (row,) = json.loads(traceql("sql", question, "-f", "json", cwd=home).stdout)
    assert (row["a"], row["a_1"], row["a_2"]) == (1, 2, 3)


def test_a_folder_with_an_answer_in_it_is_still_a_folder_of_reports(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / PAIR[0].name).write_bytes(PAIR[0].read_bytes())
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a")
    traceql("ingest", "a", cwd=tmp_path)
    traceql("sql", "FROM kernels LIMIT 1", "-o", "a/answer.parquet", cwd=tmp_path)
    again = traceql("ingest", "a", cwd=tmp_path)
    assert again.stderr.count("in the database already") == 1


@pytest.mark.long
def test_an_export_is_named_after_its_folder_also_from_inside(tmp_path: Path) -> None:
    database = tmp_path / "t.duckdb"
    traceql("ingest", ".", "--db", database, cwd=REPORTS / "scv_baseline_graph_pqtdir")
    found = traceql("sql", "SELECT trace FROM traces", "--db", database, "-f", "csv", cwd=tmp_path).stdout
    assert found == "trace\nscv_baseline_graph_pqtdir\n"


@pytest.mark.long
def test_python_files_beside_the_user_are_not_run_by_the_decoder(tmp_path: Path) -> None:
    (tmp_path / "struct.py").write_text("raise SystemExit('run by accident')")
    command = (
        "import sys; sys.path = [p for p in sys.path if p]; from traceql.cli import main; sys.argv[1:] = "
    )
    command += repr(["ingest", str(PAIR[0])]) + "; main()"
    result = subprocess.run(
        [sys.executable, "-P", "-c", command], cwd=tmp_path, capture_output=True, text=True, env=ENVIRONMENT, check=False
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "60 kernels" in result.stderr


@pytest.mark.long
def test_a_decoder_that_says_much_is_not_stopped_by_it(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.stderr.write('x' * 300_000)\n")
    result = subprocess.run(
        [sys.executable, "-m", "traceql", "ingest", str(PAIR[0])], cwd=tmp_path, capture_output=True, text=True,
        env=ENVIRONMENT | {"PYTHONPATH": str(tmp_path)}, check=True, timeout=60,
    )  # fmt: skip
    assert "60 kernels" in result.stderr


@pytest.mark.long
def test_a_file_is_described_whatever_the_database_beside_it_is(tmp_path: Path) -> None:
    (tmp_path / "traces.duckdb").write_text("not a database")
    assert "NVIDIA H200" in traceql("info", PAIR[0], cwd=tmp_path).stdout


def test_drop_removes_all_or_nothing(own_home: Path) -> None:
    assert "'nope'" in traceql("drop", "scv_nwor_vectorized", "nope", cwd=own_home, status=1).stderr
    assert traceql("ls", "-f", "csv", cwd=own_home).stdout.count("\n") == 3


@pytest.mark.long
def test_a_large_table_is_printed_in_seconds(home: Path) -> None:
    # 68,244 rows took 40 s when every cell was laid out by a library made for a screenful.
    result = subprocess.run(
        [sys.executable, "-m", "traceql", "sql", "FROM metrics"],
        cwd=home, capture_output=True, text=True, env=ENVIRONMENT, check=True, timeout=30,
    )  # fmt: skip
    table = result.stdout.partition("─\n")[2].splitlines()
    assert len([line for line in table if "more columns:" not in line]) == 16_920 + 51_324


def test_help_shows_no_control_characters_and_keeps_examples_on_lines_of_their_own() -> None:
    runner = CliRunner()
    for name in cli.list_commands(click.Context(cli)):
        output = runner.invoke(cli, [name, "--help"]).output
        assert "\\b" not in output
        assert "\b" not in output
    assert "\n    traceql ingest run.ncu-rep\n" in runner.invoke(cli, ["ingest", "--help"]).output


@pytest.mark.parametrize("query", [q for q in catalog.shipped().queries.values() if any(p.required for p in q.params)],
                         ids=lambda q: q.name)  # fmt: skip
def test_what_a_question_requires_must_be_given(query: Query, home: Path) -> None:
    result = traceql("query", query.name.replace("_", "-"), cwd=home, status=2)
    assert "Missing option" in result.stderr


def test_the_version_tells_what_it_runs_on() -> None:
    told = CliRunner().invoke(cli, ["--version"]).output.splitlines()
    assert told[0] == f"traceql, version {__version__}"
    assert told[1].startswith(f"Python {sys.version.split()[0]} on ")
    assert f"duckdb {duckdb.__version__}" in told
