"""Questions of one's own: a folder of SQL files is as good as what comes with traceql, and its faults are named."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_line import traceql as traceql_command
from shipped import REPORTS, notes

import traceql
from traceql.errors import CatalogError, QueryError, TraceqlError
from traceql.questions import catalog, question
from traceql.read import formats, kinds
from traceql.read.base import RawReport
from traceql.read.formats import Reader
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from traceql import Database

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "questions"
GUIDE = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
EAGER, GRAPH = "llama_eager.sqlite.xz", "llama_graph.sqlite.xz"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with two timelines and a report with counters."""
    path = tmp_path_factory.mktemp("own") / "traces.duckdb"
    with traceql.open(path) as database:
        database.ingest(REPORTS / EAGER, name="eager")
        database.ingest(REPORTS / GRAPH, name="graph")
        database.ingest(REPORTS / "scv_baseline_vectorized.ncu-rep.xz", name="counters")
    return str(path)


def run(path: str, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("TRACEQL")}
    return traceql_command(*args, environment={**inherited, "TRACEQL_DB": path, **environment})


def folder(tmp_path: Path, files: Mapping[str, str]) -> str:
    """A folder with these files."""
    made = tmp_path / "mine"
    for name, content in files.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(content, encoding="utf-8")
    made.mkdir(exist_ok=True)
    return str(made)


# --- the example of the guide, end to end ---------------------------------------------------------------


@pytest.mark.long
def test_the_examples_questions_are_listed_with_those_of_traceql(path: str) -> None:
    result = run(path, "query", "--list", "--format", "json", TRACEQL_QUERIES=str(EXAMPLE))
    listed = {row["query"]: row for row in json.loads(result.stdout)}
    assert result.returncode == 0, result.stderr
    assert listed["short-kernels"]["topic"] == "launches"
    assert listed.keys() >= {"short-kernels", "short-kernels-delta", "top-kernels"}
    assert run(path, "query", "--list").stdout.count("short-kernels") == 0


def test_the_examples_question_answers_with_its_view_its_macro_and_its_note(path: str) -> None:
    with traceql.open(path, queries=EXAMPLE) as database:
        answer = database.ask("short_kernels", trace="eager", limit=1)
        kernels = database.sql(
            "SELECT kernels.duration_ns, api_calls.duration_ns AS launch_ns FROM kernels "
            "JOIN traces USING (trace_id) LEFT JOIN api_calls USING (api_call_id) "
            "WHERE trace = 'eager' AND kernels.name = $name",
            {"name": answer.frame()["kernel"].item()},
        )
    short = kernels.filter(kernels["duration_ns"] < 5000)
    row = answer.frame().row(0, named=True)
    assert (row["launches"], row["short_launches"]) == (kernels.height, short.height)
    assert row["short_pct"] == 100 * short.height / kernels.height
    assert row["launch_ns"] == short["launch_ns"].sum()
    assert notes(answer) == f"{short.height:,} executions of the kernels shown are short in eager"
    assert answer.total_rows > 1


def test_a_column_that_counts_the_rows_of_each_trace_is_taken_at_its_word(path: str, tmp_path: Path) -> None:
    counting = """-- Which kernels are there?
--
-- @of traces
-- @counted kernels
-- @param limit BIGINT = 20  most per trace
-- @column trace VARCHAR     name of the trace
-- @column kernel_id BIGINT  the kernel
-- @column kernels BIGINT    how many the trace has

SELECT trace, kernel_id, count(*) OVER (PARTITION BY trace) + 1000000 AS kernels
FROM kernels
JOIN chosen_traces($trace) AS traces USING (trace_id)
QUALIFY within_limit(row_number() OVER (PARTITION BY trace ORDER BY kernel_id), $limit)
ORDER BY trace, kernel_id
"""
    mine = folder(tmp_path, {"launches/some.sql": counting})
    with traceql.open(path, queries=mine) as database:
        there = database.sql("SELECT count(*) FROM kernels").item()
        # Of three traces: nobody counts again what the column says of each.
        assert database.ask("some", limit=2).total_rows == there + 3_000_000
        # Without a row nobody has said it.
        assert database.ask("some", limit=0).total_rows == there
    for line, message in (
        ("-- @counted size\n", "no column is called 'size'"),
        ("-- @counted kernels\n", "there is no limit"),
    ):
        content = counting.replace("-- @counted kernels\n", line)
        if "limit" in message:
            content = content.replace("-- @param limit BIGINT = 20  most per trace\n", "")
        wrong = folder(tmp_path, {"launches/some.sql": content})
        with pytest.raises(CatalogError, match=message), traceql.open(path, queries=wrong) as database:
            database.ask("some")


def test_gaps_that_are_not_listed_are_counted(path: str) -> None:
    with traceql.open(path) as database:
        every = database.ask("gpu_gaps", limit=None)
        assert len(set(every.frame()["trace"])) == 2
        assert database.ask("gpu_gaps", limit=3).total_rows == len(every) > 6


def test_the_examples_chart_is_listed_drawn_and_titled(path: str, tmp_path: Path) -> None:
    listed = run(path, "--queries", str(EXAMPLE), "chart", "--list")
    assert "short-kernels-delta" in listed.stdout
    target = tmp_path / "short.json"
    drawn = run(
        path, "--queries", str(EXAMPLE), "chart", "short-kernels", "--trace", "eager", "-o", str(target)
    )
    assert drawn.returncode == 0, drawn.stderr
    assert "Short executions" in target.read_text(encoding="utf-8")


@pytest.mark.long
def test_the_examples_sections_stand_on_the_page_where_their_headers_say(path: str) -> None:
    with traceql.open(path, queries=EXAMPLE) as database:
        page = database.report("eager", "graph", shorter_than_ns=12345)
        alone = database.report("counters")
    headings = re.findall(r"<h3[^>]*>([^<]*)</h3>", page)
    about_eager = headings[headings.index("Coverage") :]
    assert about_eager.index("Short kernels") == about_eager.index("Gaps and launch overhead") + 1
    assert headings[0] == "Short kernels"
    assert 'id="c1-short_kernels_delta"' in page
    assert 'id="t2-short_kernels"' in page
    # What was asked for stands in place of what the header says.
    assert "short-kernels --trace eager --shorter-than-ns 12345" in page
    assert "short_kernels" not in alone


def test_the_examples_checks_are_listed_and_judge(path: str) -> None:
    listed = run(path, "check", "--list", TRACEQL_QUERIES=str(EXAMPLE))
    assert re.search(r"^short_kernels +Short kernels: few", listed.stdout, re.MULTILINE)
    result = run(path, "check", "short_kernels", "--variant", "eager", TRACEQL_QUERIES=str(EXAMPLE))
    assert result.returncode == 3
    assert "kernel splitKreduce_kernel, launches 960, short_pct 100" in result.stdout
    unknown = run(path, "check", "short_kernel", TRACEQL_QUERIES=str(EXAMPLE))
    assert unknown.returncode == 1
    assert "Known are budget, regression, nwor, nwor_scv, scv, short_kernels." in unknown.stderr


def test_the_examples_view_explains_itself(path: str) -> None:
    all_ = run(path, "schema", TRACEQL_QUERIES=str(EXAMPLE))
    assert "One kernel execution, and how long its launch took" in all_.stdout
    one = run(path, "schema", "kernel_lengths", TRACEQL_QUERIES=str(EXAMPLE))
    assert "time in the API call that launched it" in one.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("traceql query short", ["plain,short-kernels", "plain,short-kernels-delta"]),
        ("traceql chart short", ["plain,short-kernels", "plain,short-kernels-delta"]),
        ("traceql check short", ["plain,short_kernels", "file,short"]),
        ("traceql query short-kernels --shorter", ["plain,--shorter-than-ns"]),
    ],
)
def test_shells_complete_names_of_ones_own(path: str, words: str, expected: list[str]) -> None:
    def completed(words: str, **environment: str) -> list[str]:
        position = str(len(words.split()) - 1)
        return run(
            path, _TRACEQL_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=position, **environment
        ).stdout.splitlines()

    assert completed(words, TRACEQL_QUERIES=str(EXAMPLE)) == expected
    assert completed(words.replace("traceql", f"traceql --queries {EXAMPLE}")) == expected


def test_a_folder_with_faults_does_not_disturb_the_completion_of_what_ships(
    path: str, tmp_path: Path
) -> None:
    broken = folder(tmp_path, {"t/q.sql": "no header"})
    completing = {"_TRACEQL_COMPLETE": "bash_complete", "COMP_WORDS": "traceql query top", "COMP_CWORD": "2"}
    result = run(path, TRACEQL_QUERIES=broken, **completing)
    assert (result.stdout, result.stderr) == ("plain,top-kernels\n", "")


# --- how folders are named ------------------------------------------------------------------------------

SAYS = "-- What does it say?\n-- @column said VARCHAR  words\n\nSELECT '{}' AS said ORDER BY said\n"


def test_several_folders_stand_in_the_variable_as_in_path_and_empty_names_are_none(tmp_path: Path) -> None:
    first = folder(tmp_path / "a b", {"t/first.sql": SAYS.format("one")})
    second = folder(tmp_path / "c", {"t/second.sql": SAYS.format("two")})
    # What lies in the current folder is not read for an empty name.
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "stray.sql").write_text("no header")
    names = os.pathsep.join([first, second, ""])
    result = subprocess.run(
        [sys.executable, "-m", "traceql", "query", "--list"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TRACEQL_QUERIES": names},
    )
    assert re.search(r"first .*\n.*second ", result.stdout)


def test_a_folder_may_use_the_views_of_those_before_it_and_is_read_once(path: str, tmp_path: Path) -> None:
    view = "-- One word.\n-- @column word VARCHAR  it\n\nSELECT 'hello' AS word\n"
    first = folder(tmp_path / "a", {"_views/words.sql": view})
    user = "-- Which words?\n-- @columns words word\n\nFROM words ORDER BY word\n"
    second = folder(tmp_path / "b", {"t/which.sql": user})
    with traceql.open(path, queries=[first, second, first]) as database:
        assert database.query("which").rows() == [("hello",)]
    with pytest.raises(CatalogError, match=r"which\.sql:2: expected '@columns view column'"):
        traceql.open(":memory:", queries=[second, first])


def test_a_question_that_needs_what_ships_or_a_table_has_it(path: str, tmp_path: Path) -> None:
    own = folder(tmp_path, {"t/q.sql": f"{HEAD}-- @needs gpu_specs|syncs\n\nSELECT 1::BIGINT AS x"})
    with traceql.open(path, queries=own) as database:
        assert database.ask("q").notes == ()


def test_an_edited_file_is_read_anew_by_the_next_database(path: str, tmp_path: Path) -> None:
    own = folder(tmp_path, {"t/says.sql": SAYS.format("before")})
    with traceql.open(path, queries=own) as database:
        assert database.query("says").item() == "before"
    folder(tmp_path, {"t/says.sql": SAYS.format("afterwards")})
    with traceql.open(path, queries=own) as database:
        assert database.query("says").item() == "afterwards"


@pytest.mark.long
def test_databases_hold_no_definitions_of_ones_own(tmp_path: Path) -> None:
    broken = folder(
        tmp_path, {"_views/wrong.sql": "-- One.\n-- @column x BIGINT  it\n\nSELECT nothing AS x\n"}
    )
    with traceql.open(tmp_path / "traces.duckdb", queries=broken) as database:
        database.ingest(REPORTS / EAGER)
        stored = database.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal AND NOT temporary")
    assert set(stored["view_name"]) == {*catalog.shipped().views, *schema.SHIPPED}


# --- what is wrong is named -----------------------------------------------------------------------------

COLUMN = "-- @column x BIGINT  a number\n"
HEAD = f"-- How many?\n{COLUMN}"
ASK = f"{HEAD}\nSELECT 1 AS x"
VIEW = f"-- One.\n{COLUMN}\nSELECT 1::BIGINT AS x"

MALFORMED = {
    "a parameter that the SQL does not use": (
        {"t/q.sql": f"{HEAD}-- @param limit BIGINT = 3  rows\n\nSELECT 1 AS x"},
        "t/q.sql: the SQL has no $limit, which the header declares",
    ),
    "no header": ({"t/q.sql": "SELECT 1"}, "t/q.sql:1: the first line must be a comment"),
    "unknown tag": ({"t/q.sql": f"-- How?\n-- @colum x\n{ASK}"}, "t/q.sql:2: unknown tag @colum"),
    "a malformed column": ({"t/q.sql": "-- How?\n-- @column x\n\nSELECT 1"}, "t/q.sql:2: expected '@column"),
    "no column": ({"t/q.sql": "-- How?\n\nSELECT 1"}, "t/q.sql: declares no columns"),
    "a column twice": ({"t/q.sql": f"{HEAD}{COLUMN}\nSELECT 1"}, "t/q.sql:3: x is declared twice"),
    "no SQL": ({"t/q.sql": HEAD}, "t/q.sql: no SQL below the header"),
    "a malformed parameter": (
        {"t/q.sql": f"{HEAD}-- @param p FLOAT = 1  it\n\nSELECT 1"},
        "t/q.sql:3: expected '@param name TYPE",
    ),
    "a default of another type": (
        {"t/q.sql": f"{HEAD}-- @param p BIGINT = many  it\n\nSELECT 1"},
        "t/q.sql:3: parameter p: 'many' is no BIGINT",
    ),
    "a parameter that is an option already": (
        {"t/q.sql": f"{HEAD}-- @param output VARCHAR = NULL  it\n\nSELECT 1"},
        "t/q.sql:3: the command line has an option --output of its own",
    ),
    "a trace that is a number": (
        {"t/q.sql": f"{HEAD}-- @param trace BIGINT = 1  it\n\nSELECT 1"},
        "t/q.sql:3: trace is the name of a trace",
    ),
    "a need that does not exist": (
        {"t/q.sql": f"{HEAD}-- @needs kernels|kernel\n\nSELECT 1"},
        "t/q.sql:3: there is no table or view 'kernel'",
    ),
    "a title of no column": (
        {"t/q.sql": f"{HEAD}-- @title y Why\n\nSELECT 1"},
        "t/q.sql:3: no column is called 'y'",
    ),
    "a chart of no column": (
        {"t/q.sql": f"{HEAD}-- @chart bars x=x y=y\n\nSELECT 1"},
        "t/q.sql:3: no column is called 'y'",
    ),
    "a section without trace": (
        {"t/q.sql": f"{HEAD}-- @section any 1 Mine\n\nSELECT 1"},
        "t/q.sql:3: @section needs a parameter trace",
    ),
    "a section of an unknown kind": (
        {"t/q.sql": f"{HEAD}-- @section nsys 1 Mine\n\nSELECT 1"},
        "t/q.sql:3: expected '@section timeline|counters|any|job ORDER TITLE",
    ),
    "an unknown option of a section": (
        {"t/q.sql": f"{HEAD}-- @param trace VARCHAR = NULL  it\n-- @section any 1 Mine | wide\n\nSELECT 1"},
        "t/q.sql:4: 'wide' is neither an option nor a parameter",
    ),
    "a section with a value of another type": (
        {
            "t/q.sql": f"{HEAD}-- @param trace VARCHAR = NULL  it\n-- @param n BIGINT = 1  it\n"
            "-- @section any 1 Mine | n=some\n\nSELECT 1"
        },
        "t/q.sql:5: parameter n: 'some' is no BIGINT",
    ),
    "a section that leaves a parameter open": (
        {
            "t/q.sql": f"{HEAD}-- @param trace VARCHAR = NULL  it\n-- @param n BIGINT  it\n"
            "-- @section any 1 Mine\n\nSELECT 1"
        },
        "t/q.sql:5: no value for n",
    ),
    "a section of a chart that is none": (
        {"t/q.sql": f"{HEAD}-- @param trace VARCHAR = NULL  it\n-- @section any 1 Mine | chart\n\nSELECT 1"},
        "t/q.sql:4: there is no chart to show",
    ),
    "a comparison of one": (
        {"t/q.sql": f"{HEAD}-- @param baseline VARCHAR  it\n-- @compared any 1 Mine\n\nSELECT 1"},
        "t/q.sql:4: @compared needs a parameter variant",
    ),
    "the name of a question of traceql": (
        {"t/top_kernels.sql": ASK},
        "queries/kernels/top_kernels.sql has the",
    ),
    "the name of a question of one's own": ({"a/q.sql": ASK, "b/q.sql": ASK}, "a/q.sql has the name"),
    "the name of a view of traceql": ({"_views/dram.sql": VIEW}, "queries/_views/dram.sql has the name"),
    "the name of a view for a macro": (
        {"_macros/dram.sql": "-- One.\n\n1"},
        "_macros/dram.sql: queries/_views/dram.sql has the name",
    ),
    "the name of a macro for a view": (
        {"_macros/one.sql": "-- One.\n\n1", "_views/one.sql": VIEW},
        "_macros/one.sql has the name",
    ),
    "the name of a table": ({"_views/kernels.sql": VIEW}, "_views/kernels.sql: a table has the name"),
    "the name of checks": (
        {"checks/budget.toml": ""},
        "checks/budget.toml: another file of checks has the name",
    ),
    "a name that is none": ({"t/my-question.sql": ASK}, "t/my-question.sql: the file's name is none"),
    "a question in no topic": ({"q.sql": ASK}, "q.sql: lies in no topic"),
    "a misspelt folder": ({"_view/v.sql": VIEW}, "_view/v.sql: _view is no folder of the catalogue"),
    "a tag that macros have not": (
        {"_macros/m.sql": f"-- One.\n{COLUMN}\n1"},
        "_macros/m.sql:2: unknown tag @column",
    ),
}


@pytest.mark.parametrize(("files", "problem"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_file_is_named_with_its_line(
    tmp_path: Path, files: Mapping[str, str], problem: str
) -> None:
    with pytest.raises(CatalogError) as caught:
        traceql.open(":memory:", queries=folder(tmp_path, files))
    assert problem in caught.value.message
    assert caught.value.message.startswith(str(tmp_path / "mine"))
    assert caught.value.remedy or "twice" in problem or "expected" in problem or "must be" in problem


def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Path(folder(tmp_path, {"t/q.sql": ""}))
    (own / "t" / "q.sql").write_bytes(b"-- What?\n-- \xff\n")
    with pytest.raises(CatalogError, match=r"t/q\.sql:2: not UTF-8"):
        traceql.open(":memory:", queries=own)
    (own / "t" / "q.sql").unlink()
    (own / "t" / "q.sql").mkdir()
    with pytest.raises(CatalogError, match=r"t/q\.sql: cannot be read"):
        traceql.open(":memory:", queries=own)
    (own / "t" / "q.sql").rmdir()
    (own / "t" / "q.sql").symlink_to("nowhere.sql")
    with pytest.raises(CatalogError, match=r"t/q\.sql: cannot be read"):
        traceql.open(":memory:", queries=own)
    (own / "t" / "q.sql").unlink()

    # Whoever runs the tests may be allowed to read everything.
    iterdir = Path.iterdir

    def refuse(folder: Path) -> Iterator[Path]:
        if folder == own:
            raise PermissionError(13, "Permission denied")
        return iterdir(folder)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "iterdir", refuse)
        with pytest.raises(CatalogError, match=r"mine: cannot be read \(Permission denied\)"):
            traceql.open(":memory:", queries=own)
    for other in (tmp_path / "nowhere", EXAMPLE / "checks" / "short_kernels.toml"):
        with pytest.raises(CatalogError, match="no such folder"):
            traceql.open(":memory:", queries=other)


def test_checks_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    own = Path(folder(tmp_path, {"checks/broken.toml": "[[", "checks/binary.toml": ""}))
    (own / "checks" / "binary.toml").write_bytes(b"\xff")
    (own / "checks" / "place.toml").mkdir()
    with traceql.open(":memory:", queries=own) as database:
        for name, problem in (
            ("broken", r"broken\.toml: not TOML"),
            ("binary", "binary: cannot be read"),
            ("place", "place: cannot be read"),
        ):
            with pytest.raises(TraceqlError, match=problem):
                database.check(name)


def asked(path: str, tmp_path: Path, files: Mapping[str, str], name: str = "q") -> str:
    """What an answer to a question fails with."""
    with (
        traceql.open(path, queries=folder(tmp_path, files)) as database,
        pytest.raises((CatalogError, QueryError)) as caught,
    ):
        database.ask(name)
    return caught.value.message


@pytest.mark.long
@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"t/q.sql": f"{HEAD}\nSELECT nothing AS x"}, r't/q\.sql: .*"nothing"'),
        ({"t/q.sql": f"{HEAD}\nSELEC 1 AS x"}, r"t/q\.sql: Parser Error"),
        ({"t/q.sql": f"{HEAD}\nSELECT $p AS x"}, r"t/q\.sql: .*p"),
        ({"t/q.sql": f"{HEAD}\nSELECT 1::BIGINT AS y"}, r"t/q\.sql: returns y, but declares x"),
        ({"t/q.sql": f"{HEAD}\nSET VARIABLE x = 1"}, r"t/q\.sql: returns .*, but declares x"),
        (
            {"t/q.sql": f"{HEAD}\nSELECT 'a' AS x"},
            r"t/q\.sql: x is declared BIGINT, which is int64, but returned as string",
        ),
        ({"t/q.sql": "-- How?\n-- @column x NUMBER  it\n\nSELECT 1 AS x"}, r"t/q\.sql: .*NUMBER"),
        ({"t/q.sql": f"{HEAD}\nDROP TABLE kernels"}, r"t/q\.sql: .*read-only"),
        (
            {"t/q.sql": f"{HEAD}\nSELECT count(*) AS x FROM read_csv('/etc/passwd')"},
            r"t/q\.sql: .*Permission",
        ),
        (
            {"t/q.sql": f"{HEAD}-- @note SELECT y FROM answer\n\nSELECT 1::BIGINT AS x"},
            r't/q\.sql @note: .*"y"',
        ),
        (
            {"t/q.sql": f"{HEAD}\nFROM v", "_views/v.sql": f"-- One.\n{COLUMN}\nSELECT nothing AS x"},
            r'_views/v\.sql: .*"nothing"',
        ),
        (
            {"t/q.sql": f"{HEAD}\nFROM v", "_views/v.sql": f"-- One.\n{COLUMN}\nSELECT 1 AS z"},
            r"_views/v\.sql: returns z, but declares x",
        ),
        (
            {"t/q.sql": f"{HEAD}\nSELECT m() AS x", "_macros/m.sql": "-- One.\n\n1 +"},
            r"_macros/m\.sql: Parser Error",
        ),
        (
            {
                "t/q.sql": f"{HEAD}\nSELECT sum(1) AS x",
                "_macros/sum.sql": "-- One.\n-- @param a BIGINT  it\n\na",
            },
            r"_macros/sum\.sql: DuckDB has a function of the name",
        ),
    ],
)
def test_sql_that_duckdb_refuses_is_refused_with_its_file(
    path: str, tmp_path: Path, files: Mapping[str, str], problem: str
) -> None:
    message = asked(path, tmp_path, files)
    assert re.search(problem, message, re.DOTALL), message
    assert message.startswith(str(tmp_path / "mine"))


def test_a_fault_of_one_definition_leaves_the_others_alone(path: str, tmp_path: Path) -> None:
    wrong = folder(tmp_path, {"_views/wrong.sql": f"-- One.\n{COLUMN}\nSELECT nothing AS x"})
    with traceql.open(path, queries=wrong) as database:
        with pytest.raises(CatalogError, match=r"_views/wrong\.sql"):
            database.sql("FROM wrong")
        assert database.query("top_kernels", trace="eager").height > 0


@pytest.mark.parametrize(
    ("name", "chart", "problem"),
    [
        ("q", "pie x=x", r"t/q\.sql:4: there is no kind of chart 'pie'"),
        ("q", "bars x=x y=x z=x", r"t/q\.sql:4: bars has no channel 'z'"),
        ("q", "bars x=x", r"t/q\.sql:4: bars needs the channel y"),
        ("q", "bars x=x y=name", r"t/q\.sql:4: bars cannot be drawn of these columns"),
        ("q", "roofline x=x y=x size=x color=name", r"t/q\.sql:4: roofline also draws roofs of each trace"),
        ("kernels", "bars x=name y=x", r"t/kernels\.sql:4: a chart has the name kernels"),
    ],
)
def test_a_chart_that_cannot_be_drawn_is_named_with_its_line(
    path: str, tmp_path: Path, name: str, chart: str, problem: str
) -> None:
    text = f"{HEAD}-- @column name VARCHAR  it\n-- @chart {chart}\n\nSELECT 1::BIGINT AS x, 'a' AS name"
    with traceql.open(path, queries=folder(tmp_path, {f"t/{name}.sql": text})) as database:
        assert database.query(name).height == 1
        with pytest.raises(CatalogError, match=problem):
            database.ask(name).chart()


def test_the_command_line_says_what_is_wrong_and_never_how_python_got_there(
    path: str, tmp_path: Path
) -> None:
    own = folder(
        tmp_path,
        {
            "t/wrong.sql": f"{HEAD}\nSELECT nothing AS x",
            "t/drawn.sql": f"{HEAD}-- @chart bars x=x\n\nSELECT 1::BIGINT AS x",
        },
    )
    for words in (
        ["query", "wrong"],
        ["query", "wrong", "--limit", "3"],
        ["chart", "drawn", "-o", str(tmp_path / "x.svg")],
        ["chart", "--list"],
    ):
        result = run(path, "--queries", own, *words)
        assert result.returncode in (1, 2)
        assert "Traceback" not in result.stderr
    result = run(path, "--queries", str(tmp_path / "nowhere"), "query", "--list")
    assert (result.returncode, result.stdout) == (1, "")
    assert "no such folder" in result.stderr


# --- the page -------------------------------------------------------------------------------------------


def test_a_parameter_that_no_question_of_the_page_has_is_refused_with_those_that_there_are(path: str) -> None:
    result = run(path, "report", "eager", "--param", "no_such=1", "-o", "page.html")
    assert result.returncode == 1
    assert "no question of this page has a parameter 'no_such'" in result.stderr
    assert "min_gap_ns" in result.stderr
    with traceql.open(path) as database:
        for name in ("trace", "pair"):
            with pytest.raises(QueryError, match=f"no question of this page has a parameter '{name}'"):
                database.report("eager", **{name: "x"})


@pytest.mark.long
def test_a_parameter_is_a_text_of_its_type_on_the_command_line(path: str, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    result = run(path, "report", "eager", "--param", "min-gap-ns=77", "-o", str(target))
    assert (result.returncode, result.stderr) == (0, "")
    assert "--min-gap-ns 77" in target.read_text(encoding="utf-8")
    wrong = run(path, "report", "eager", "--param", "min_gap_ns=long", "-o", str(target))
    assert wrong.returncode == 2
    assert "parameter min_gap_ns: 'long' is no BIGINT" in wrong.stderr


@pytest.mark.long
def test_traces_of_two_profilers_are_not_compared(path: str) -> None:
    with traceql.open(path) as database:
        page = database.report("eager", "counters")
        assert "A timeline and hardware counters measure different things" in page
        with pytest.raises(QueryError) as caught:
            database.compare("counters", "eager")
    assert caught.value.remedy.endswith("counters-on-timeline --timeline eager --counters counters")


# --- kinds of reports -----------------------------------------------------------------------------------


def test_every_kind_that_a_reader_returns_is_in_the_table(path: str) -> None:
    assert {reader.kind for reader in formats.READERS} == set(kinds.KINDS)
    with traceql.open(path) as database:
        found = database.sql("SELECT trace, has_timeline, has_counters FROM traces ORDER BY trace")
    assert found.rows() == [("counters", False, True), ("eager", True, False), ("graph", True, False)]


def test_nothing_but_its_folder_knows_a_vertical() -> None:
    words = {word for folder in (ROOT / "verticals").iterdir() for word in folder.name.split("_")}
    assert words == {"nwor", "scv"}
    for place in ("traceql", "queries", "checks"):
        for file in (ROOT / place).rglob("*"):
            # Migrations know how databases of an older version called things.
            if "migrations" in file.parts:
                continue
            if file.suffix in (".py", ".sql", ".toml", ".html", ".js", ".css"):
                text = file.read_text(encoding="utf-8").lower()
                assert not [word for word in words if word in text], file


def test_no_sql_asks_for_the_profiler_where_it_means_a_timeline_or_counters() -> None:
    for place in ("queries", "verticals"):
        for file in (ROOT / place).rglob("*.sql"):
            assert not re.search(r"kind\s*(?:=|<>|IN|WHEN)\s*\(?'(?:nsys|ncu)'", file.read_text()), file


class Stub:
    """A reader of a profiler that only this test knows, whose tables are those of an nsys export."""

    @staticmethod
    def read(path: Path, **_: object) -> RawReport:
        import pyarrow as pa

        scale = int(path.read_text(encoding="utf-8").split()[1])
        kernels = [
            {"start": 100, "end": 100 + 10 * scale, "shortName": 1, "demangledName": 1, "correlationId": 7},
            {"start": 900, "end": 900 + 20 * scale, "shortName": 2, "demangledName": 2, "correlationId": 8},
        ]
        same = {"deviceId": 0, "contextId": 1, "streamId": 7, "globalPid": 1 << 24}
        return RawReport(
            kind="stub",
            tables={
                "StringIds": pa.table({"id": [1, 2], "value": ["first", "second"]}),
                "CUPTI_ACTIVITY_KIND_KERNEL": pa.Table.from_pylist([kernel | same for kernel in kernels]),
            },
        )


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Path]:
    """Two reports of a third profiler, which is registered like the others."""
    module = "traceql_stub_reader"
    # It decodes in a process of its own, as every reader does.
    source = "from questions.test_own_questions import Stub\n\nread = Stub.read\n"
    (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    places = (str(tmp_path), str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, places)))
    reader = Reader("stub-rep", "stub", module, (".stub-rep",), magic=b"STUB ")
    monkeypatch.setattr(formats, "READERS", (*formats.READERS, reader))
    kind = kinds.Kind("stub", "Stub Profiler", has_timeline=True, has_counters=False, pipeline="nsys")
    monkeypatch.setattr(kinds, "KINDS", {**kinds.KINDS, "stub": kind})
    files = {"one": tmp_path / "one.stub-rep", "two": tmp_path / "two.stub-rep"}
    files["one"].write_text("STUB 1")
    files["two"].write_text("STUB 3")
    return files


@pytest.mark.long
def test_a_third_kind_of_report_is_ingested_described_shown_and_compared(
    stub: Mapping[str, Path], db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in stub.values():
        assert db.ingest(file).rows["kernels"] == 2
    db.ingest(REPORTS / EAGER, name="eager")
    # Whoever opens the database need not know the kind.
    monkeypatch.undo()
    facts = db.info("one")
    assert (facts["profiler"], facts["has_timeline"], facts["rows: kernels"]) == ("stub", True, 2)
    assert db.query("top_kernels", trace="two")["total_ns"].to_list() == [60, 30]
    assert db.query("top_kernels")["trace"].unique().sort().to_list() == ["eager", "one", "two"]
    page = db.report("one", "two")
    for heading in ("Coverage", "Timeline", "Kernels"):
        assert f">{heading}</h3>" in page
    assert 'id="c1-diff-kernel"' in page
    assert "Different profilers recorded them" in db.report("eager", "one")
    differences = db.compare("one", "two").differences.filter(topic="kernel", measure="total_ns")
    assert differences.sort("name").select("name", "delta").rows() == [("first", 20), ("second", 40)]
    with pytest.raises(QueryError, match="the baseline holds nsys traces, the variant stub traces"):
        db.compare("eager", "one")


# --- the guide ------------------------------------------------------------------------------------------


def test_the_guide_shows_the_files_of_its_example_as_they_are() -> None:
    shown = dict(
        re.findall(r"^`([\w/]+\.(?:sql|toml))`:\n\n```\w+\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    )
    files = {str(f.relative_to(EXAMPLE)): f.read_text(encoding="utf-8") for f in EXAMPLE.rglob("*.*")}
    assert shown == files


def test_the_guide_explains_every_tag_and_its_example_uses_it() -> None:
    used = {
        tag for file in EXAMPLE.rglob("*.sql") for tag in re.findall(r"^-- @(\w+)", file.read_text(), re.M)
    }
    for tag in question.TAGS:
        assert f"| `@{tag}` |" in GUIDE
        assert tag in used or tag in ("columns", "counted", "metrics", "ncu", "unknown"), tag


@pytest.mark.long
def test_every_command_of_the_guide_works(path: str, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "docs" / "examples" / "questions")
    shown = [
        line.removeprefix("$ ")
        for block in re.findall(r"^```console\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
        for line in block.splitlines()
    ]
    assert len(shown) > 6
    environment = {**os.environ, "TRACEQL_DB": path}
    *commands, last = [shlex.split(line) for line in shown]
    for program, *words in commands:
        if program == "export":
            environment |= dict(word.split("=", 1) for word in words)
        else:
            result = traceql_command(*words, environment=environment, folder=tmp_path)
            assert result.returncode == 0, result.stderr
    # The last one judges, and says no.
    assert last[:3] == ["traceql", "check", "short_kernels"]
    result = traceql_command(*last[1:], environment=environment, folder=tmp_path)
    assert (result.returncode, result.stderr.splitlines()[-1]) == (3, "short_kernels.toml: 1 fail")
    assert (tmp_path / "page.html").exists()
    assert (tmp_path / "short.svg").exists()
