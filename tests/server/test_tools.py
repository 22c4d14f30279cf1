"""Tools for programs: what they take is what headers say, what goes wrong is told with a code and a remedy."""

from __future__ import annotations

import json
import lzma
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from made import ncu
from made.nsys import Recording, kernel
from made.store import empty
from shipped import REPORTS

import traceql
from traceql.questions import catalog
from traceql.server import capped, contracts, resources
from traceql.server.tools import Tools

if TYPE_CHECKING:
    from pathlib import Path

    from traceql import Database

LAUNCH = "cudaLaunchKernel_v7000"
CONFIG = {
    "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 4, "intermediate_size": 128, "vocab_size": 100,
}  # fmt: skip


@pytest.fixture
def tools() -> Tools:
    database = empty()
    step = Recording().range("step", 0, 100)
    for at in range(3):
        step.call(LAUNCH, 10 * at, 10 * at + 2, kernel(f"gemm{at}", 10 * at + 3, 10 * at + 9))
    step.store(database, "run")
    Recording(gpu="h200").work(kernel("gemm0", 0, 7)).store(database, "other")
    ncu.Profile().kernel("gemm0", ns=40).store(database, "counters")
    return Tools(database)


def asked(tools: Tools, name: str, /, **given: Any) -> dict[str, Any]:
    reply = tools.call(name, given)
    assert not reply.is_error, reply.content
    # It can be sent.
    content: dict[str, Any] = json.loads(json.dumps(reply.content, allow_nan=False))
    return content


def refusal(tools: Tools, name: str, /, **given: Any) -> tuple[str, str]:
    reply = tools.call(name, given)
    assert reply.is_error
    told = reply.content["error"]
    assert told.keys() == {"code", "message", "remedy"}
    return told["code"], f"{told['message']} {told['remedy']}"


@pytest.mark.long
def test_every_schema_is_one(tools: Tools) -> None:
    schemas = [tool.takes for tool in tools.all.values()]
    schemas += [contracts.taken_by(query) for query in catalog.shipped().queries.values()]
    for schema in schemas:
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("ask", {}),
        ("ask", {"question": 7}),
        ("ask", {"question": "x", "rows": 0}),
        ("ask", {"question": "x", "rows": 10_000}),
        ("ask", {"question": "x", "rows": True}),
        ("ask", {"question": "x", "parameters": []}),
        ("ask", {"question": "x", "more": 1}),
        ("why", {"traces": []}),
        ("why", {"traces": ["a", 1]}),
        ("why", {"traces": "a"}),
        ("predict", {"step": "train", "gpu": "H200", "config": {}}),
    ],
)
def test_what_a_schema_refuses_is_refused(tools: Tools, tool: str, given: dict[str, Any]) -> None:
    """By our own reading of a schema as by another's."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(given, tools.all[tool].takes)
    assert refusal(tools, tool, **given)[0] == "arguments"


def test_traces_are_listed_with_what_they_lack(tools: Tools) -> None:
    told = asked(tools, "list_traces")
    assert [row["trace"] for row in told["rows"]] == ["run", "other", "counters"]
    assert "--trace=osrt" in told["rows"][0]["not_recorded"]["os_calls"]
    assert [row["trace"] for row in asked(tools, "list_traces", trace="gpu=h200")["rows"]] == ["other"]


def test_an_answer_is_that_of_the_database(tools: Tools) -> None:
    told = asked(tools, "ask", question="top-kernels", parameters={"trace": "run", "limit": 2})
    expected = tools._db.ask("top_kernels", trace="run", limit=2)
    assert told["rows"] == json.loads(expected.to_json())["rows"]
    assert (told["total_rows"], told["shown_rows"], told["question"]) == (3, 2, "top_kernels")


def test_what_was_not_recorded_is_a_code_and_an_option(tools: Tools) -> None:
    code, told = refusal(tools, "ask", question="osrt_sum", parameters={"trace": "run"})
    assert code == "not_recorded" and "--trace=osrt" in told


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({"question": "top_kernel"}, "unknown_question", "top_kernels"),
        ({"question": "top_kernels", "parameters": {"limits": 1}}, "parameter", "limits"),
        ({"question": "top_kernels", "parameters": {"limit": "many"}}, "parameter", "limit"),
        ({"question": "top_kernels", "parameters": {"trace": "nobody"}}, "question", "nobody"),
    ],
)
def test_what_is_wrong_with_a_question_is_said(
    tools: Tools, given: dict[str, Any], code: str, said: str
) -> None:
    told = refusal(tools, "ask", **given)
    assert told[0] == code and said in told[1]


def test_sql_tells_some_rows_and_counts_all(tools: Tools) -> None:
    told = asked(tools, "sql", statement="SELECT name FROM kernels ORDER BY name; ", rows=2)
    assert (told["rows"], told["total_rows"]) == ([{"name": "gemm0"}, {"name": "gemm0"}], 5)
    assert asked(tools, "sql", statement="SELECT 1 AS one -- a remark")["rows"] == [{"one": 1}]
    endless = asked(tools, "sql", statement="SELECT n FROM range(3) AS _ (n)", trace="run")
    assert (len(endless["rows"]), endless["total_rows"]) == (3, 3)


@pytest.mark.long
@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE kernels",
        "DELETE FROM kernels",
        "SELECT 1) LIMIT 1; DROP TABLE kernels; FROM (SELECT 1",
        "COPY kernels TO 'stolen.parquet'",
        "SELECT * FROM read_text('/etc/passwd')",
        "ATTACH 'other.duckdb'",
        "SELECT 1; SELECT 2",
        "",
    ],
)
def test_sql_changes_nothing_and_reads_no_files(
    statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with traceql.open(tmp_path / "db") as database:
        Recording().work(kernel("gemm", 0, 7)).store(database, "run")
        kept = (tmp_path / "db").read_bytes()
        assert refusal(Tools(database), "sql", statement=statement)[0] == "question"
        assert (tmp_path / "db").read_bytes() == kept
    assert {path.name for path in tmp_path.iterdir()} <= {"db", "db.wal"}


def test_no_more_is_told_than_can_be_read(tools: Tools) -> None:
    long = asked(tools, "sql", statement="SELECT repeat('x', 100_000) AS text FROM range(100)", rows=100)
    assert len(json.dumps(long)) < 2 * capped.CHARACTERS
    assert long["rows"][0]["text"].endswith("… (100,000 characters)")
    assert long["total_rows"] == 100 > long["shown_rows"]


@pytest.mark.long
def test_an_answer_that_takes_too_long_is_ended() -> None:
    with traceql.open(":memory:", timeout_s=1) as database:
        slow = "SELECT sum(a.range * b.range) FROM range(1_000_000) a, range(1_000_000) b"
        assert refusal(Tools(database), "sql", statement=slow)[0] == "time_limit"


@pytest.mark.long
def test_what_is_wrong_and_what_differs_is_told_as_by_the_database(tools: Tools) -> None:
    told = asked(tools, "why", traces=["run"], limit=3, to="50us")
    assert told == json.loads(tools._db.why("run", limit=3, to="50us").to_json())
    found = asked(tools, "compare", baseline=["run"], variant=["other"], topic="kernel")
    assert (found["baseline"], found["variant"]) == (["run"], ["other"])
    assert {row["name"] for row in found["rows"]} >= {"gemm1", "gemm2"}


def test_things_are_described_by_their_names(tools: Tools) -> None:
    question = asked(tools, "describe", name="top-kernels")
    assert question["columns"]["total_ns"]["type"] == "BIGINT"
    assert question["parameters"]["properties"]["limit"]["default"] == 20
    assert asked(tools, "describe", name="kernels.duration_ns")["columns"]["duration_ns"]["type"] == "BIGINT"
    assert "queue_ns" in asked(tools, "describe", name="kernel_calls")["columns"]
    for name in ("nothing", "kernels.nothing"):
        assert refusal(tools, "describe", name=name)[0] == "parameter"
    # Findings mention it.
    found = [one["name"] for one in asked(tools, "questions", search="top kernels")["questions"]]
    assert found == ["top_kernels", "cuda_core_products", "small_kernels"]


def test_only_files_of_checks_that_come_along_can_be_judged_by(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[[check]]\nname = "x"\nquery = "runs"\nmessage = "m"\ncondition = "true"\n'
    )
    assert refusal(tools, "check", file=str(tmp_path / "own.toml"))[0] == "arguments"
    told = (
        asked(tools, "check", file="coverage", variant="run")
        if "coverage" in catalog.shipped().checks
        else None
    )
    assert told is None or {one["outcome"] for one in told["checks"]} <= {"pass", "fail", "cannot_tell"}


def test_a_floor_says_what_it_takes_for_granted_and_what_no_run_could_do(tools: Tools) -> None:
    config = {**CONFIG, "max_position_embeddings": 100}
    told = asked(tools, "predict", step="decode", gpu="H100", config=config, tokens=100)
    assumed, too_long = told["notes"]
    assert assumed.startswith("'H100' is taken as H100 SXM")
    assert too_long == "101 tokens do not fit: max_position_embeddings is 100."
    assert {part["precision"] for part in told["parts"]} == {"bf16"}
    fits = asked(tools, "predict", step="prefill", gpu="H100 SXM", config=config, tokens=100)
    assert fits["notes"] == [] and told["needed_bytes"] > fits["needed_bytes"]
    for size in ("tokens", "batch"):
        refused = refusal(tools, "predict", step="decode", gpu="H200", config=CONFIG, **{size: 10**16})
        assert refused[0] == "arguments"


def test_a_floor_is_that_of_the_prediction(tools: Tools) -> None:
    told = asked(tools, "predict", step="decode", gpu="H200", config=CONFIG, batch=4, tokens=100)
    assert told["fits"] and told["parts"][-1]["floor_us"] > 0
    assert told["parts"][-1]["flop"] == pytest.approx(sum(part["flop"] for part in told["parts"][:-1]))
    assert refusal(tools, "predict", step="decode", gpu="H2", config=CONFIG)[0] == "unknown_gpu"
    assert (
        refusal(tools, "predict", step="prefill", gpu="H200", config={"model_type": "x"})[0] == "prediction"
    )


@pytest.mark.long
def test_a_picture_is_a_picture(tools: Tools) -> None:
    reply = tools.call("chart", {"question": "top_kernels", "parameters": {"trace": "run"}})
    assert reply.png is not None and reply.png.startswith(b"\x89PNG")


@pytest.mark.long
def test_reports_are_read_from_below_given_folders_only(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "r.ncu-rep.xz").write_bytes((REPORTS / "app_range.ncu-rep.xz").read_bytes())
    (inside / "link.ncu-rep.xz").symlink_to(outside / "r.ncu-rep.xz")
    with traceql.open(tmp_path / "db") as database:
        assert "ingest" not in Tools(database).all
        able = Tools(database, [inside])
        for path in (outside / "r.ncu-rep.xz", inside / "../out/r.ncu-rep.xz", inside / "link.ncu-rep.xz"):
            assert refusal(able, "ingest", path=str(path))[0] == "not_allowed"
        report = str(inside / "r.ncu-rep.xz")
        assert refusal(able, "ingest", path=report, tags={"a": None})[0] == "arguments"
        assert asked(able, "ingest", path=report, name="new", tags={"batch": 8})["status"] == "added"
        assert asked(able, "list_traces")["rows"][0]["tags"] == {"batch": "8"}
        assert refusal(able, "ingest", path=str(inside / "nothing"))[0] == "report"
        assert asked(able, "list_traces")["rows"][0]["trace"] == "new"


def test_resources_are_at_their_addresses(tools: Tools) -> None:
    database: Database = tools._db
    Recording().store(database, "a/b ü?")
    there = resources.addresses(database)
    assert "trace://a%2Fb%20%C3%BC%3F" in there and "question://top_kernels" in there
    for address in (
        resources.TABLES,
        "question://top_kernels",
        *(one for one in there if one.startswith("trace")),
    ):
        assert json.loads(resources.read(database, address))
    for address in ("trace://nobody", "question://nothing", "file:///etc/passwd", "schema://views", ""):
        with pytest.raises(traceql.QueryError):
            resources.read(database, address)


@pytest.mark.long
def test_what_a_report_holds_that_is_not_read_is_said(tmp_path: Path) -> None:
    report = tmp_path / "made.sqlite"
    report.write_bytes(lzma.decompress((REPORTS / "graph_whole.sqlite.xz").read_bytes()))
    with closing(sqlite3.connect(report)) as export, export:
        export.execute("CREATE TABLE CUSPARSE_EVENTS (start INTEGER)")
        export.execute("INSERT INTO CUSPARSE_EVENTS VALUES (1)")
    with traceql.open(tmp_path / "db") as database:
        tools = Tools(database, roots=[tmp_path])
        added = asked(tools, "ingest", path=str(report))
        assert added["recorded_not_read"] == ["calls of CUDA libraries (1)"]
        assert asked(tools, "list_traces")["rows"][0]["recorded_not_read"] == added["recorded_not_read"]
