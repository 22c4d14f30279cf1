"""Tables of runs and files of checks that are large, endless, or no files at all."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
import tracemalloc
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from made import store

from traceql.ask import check_files, checks, compare, expressions, floors
from traceql.errors import (
    CatalogError,
    CheckError,
    PredictionError,
    QueryError,
    RunFileError,
    TimeLimitError,
    TraceqlError,
)
from traceql.questions import catalog
from traceql.read import runs, sidecar
from traceql.store import apart, interrupts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from traceql import Database


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A database with a few runs, to judge."""
    path = tmp_path_factory.mktemp("measured") / "runs.csv"
    path.write_text("gpu,ms\nH200,1\nH200,2\n")
    database = store.empty()
    database.import_runs(path)
    return database


def seconds(function: Callable[[], object]) -> float:
    began = time.thread_time()
    function()
    return time.thread_time() - began


# --- linear ---------------------------------------------------------------------------------------------


def wide(columns: int) -> str:
    return f"{','.join(f'c{n}' for n in range(columns))}\n{','.join('1' for _ in range(columns))}\n"


def long(rows: int) -> str:
    return "gpu,batch_size,ms\n" + "".join(f"H200,{n % 64},{n}.5\n" for n in range(rows))


def checked(count: int) -> str:
    check = '[[check]]\nname = "{}"\nquery = "runs"\ncondition = "true"\nmessage = "m"\n'
    return "".join(check.format(n) for n in range(count))


@pytest.mark.long
@pytest.mark.parametrize("text", [wide, long], ids=["columns", "rows"])
def test_reading_and_storing_a_table_takes_time_in_proportion(
    text: Callable[[int], str], tmp_path: Path
) -> None:
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_text(text(2_000))
    large.write_text(text(16_000))

    def took(path: Path) -> float:
        return seconds(lambda: store.empty().import_runs(path))

    took(small)
    # Eight times as much; a square would be sixty-four times.
    assert took(large) < 24 * max(took(small), 0.02)


@pytest.mark.long
def test_sixty_thousand_columns_and_a_million_rows_take_seconds(tmp_path: Path) -> None:
    for text, limit in ((wide(60_000), 10), (long(1_000_000), 40)):
        path = tmp_path / "runs.csv"
        path.write_text(text)
        assert seconds(lambda path=path: store.empty().import_runs(path)) < limit


def test_ten_thousand_checks_are_read_in_seconds(measured: Database) -> None:
    known = measured._asker.catalog
    small = seconds(lambda: check_files.parse(checked(500), "small", known))
    assert seconds(lambda: check_files.parse(checked(4_000), "large", known)) < 24 * max(small, 0.02)


# --- what is no file, or never ends ---------------------------------------------------------------------

READERS = {
    "runs": (".csv", runs.read, RunFileError),
    "json": (".json", runs.read, RunFileError),
    "sidecar": (".run.json", sidecar.read, RunFileError),
    "checks": (".toml", lambda path: check_files.load(path, catalog.shipped()), CheckError),
    "comparison": (".json", compare.load, QueryError),
    "config": (".json", floors._json, PredictionError),
    "question": (".sql", lambda path: catalog.load([str(path.parents[1])]), CatalogError),
}


def refusal(what: str, path: Path) -> TraceqlError:
    """The error of reading the file, in bounded time."""
    _, read, error = READERS[what]
    found: list[BaseException] = []

    def attempt() -> None:
        try:
            read(path)
        except BaseException as problem:  # noqa: BLE001 - looked at below
            found.append(problem)

    reader = threading.Thread(target=attempt, daemon=True)
    reader.start()
    reader.join(20)
    assert not reader.is_alive(), "it waits"
    assert len(found) == 1
    assert isinstance(found[0], error)
    assert found[0].remedy
    return found[0]


def place(what: str, folder: Path) -> Path:
    path = folder / "queries" / "topic" / f"given{READERS[what][0]}"
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.parametrize("what", READERS)
def test_a_pipe_is_not_waited_for(what: str, tmp_path: Path) -> None:
    path = place(what, tmp_path)
    os.mkfifo(path)
    assert "not a file" in refusal(what, path).message


@pytest.mark.parametrize("what", READERS)
def test_a_device_that_never_ends_is_refused(what: str, tmp_path: Path) -> None:
    path = place(what, tmp_path)
    path.symlink_to("/dev/zero")
    assert "not a file" in refusal(what, path).message


@pytest.mark.long
@pytest.mark.parametrize("what", READERS)
def test_what_is_larger_than_such_files_are_is_refused_before_it_is_read_whole(
    what: str, tmp_path: Path
) -> None:
    path = place(what, tmp_path)
    with path.open("wb") as file:
        # Without taking up room on the disk.
        file.truncate(1 << 40)
    assert "larger than" in refusal(what, path).message


@pytest.mark.parametrize("what", READERS)
@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfea\0b\0",
        b"a\0b\0,\0c\0\n\0",
        b"[" * 100_000,
        b"",
        b"\xef\xbb\xbf",
        b"a,b\n1\n",
        b'"' * 99_999,
    ],
    ids=["utf-16", "utf-16 without mark", "nested", "empty", "mark alone", "ragged", "quotes"],
)
def test_what_is_no_such_text_is_refused_in_a_sentence(what: str, content: bytes, tmp_path: Path) -> None:
    path = place(what, tmp_path)
    path.write_bytes(content)
    assert len(refusal(what, path).message) < 2_000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"ms": 1, "ms": 2}]', "'ms' twice"),
        ('[{"ms": 1, "gpu": "\\ud800"}]', "not Unicode"),
        ('[{"ms": 1' + "0" * 5_000 + "}]", "not JSON"),
        ('[{"ms": {"deep": 1}}]', "not a single value"),
    ],
)
def test_json_that_says_two_things_or_nothing_is_refused(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_text(content)
    with pytest.raises(RunFileError, match=said):
        runs.read(path)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert floors._json(tmp_path / "config.json") == {"a": 1}
    (tmp_path / "runs.json").write_bytes(b'\xef\xbb\xbf[{"ms": 1}]')
    assert runs.read(tmp_path / "runs.json").runs[0].metrics[0].value == 1


def test_one_line_of_megabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(f"gpu,ms\n{'H' * 2_000_000},1\n")
    with pytest.raises(RunFileError, match=r"runs.csv:2: not CSV \(field larger"):
        runs.read(path)


# --- conditions -----------------------------------------------------------------------------------------


def judged(database: Database, condition: str) -> str:
    table = f'[[check]]\nname = "one"\nquery = "runs"\nmessage = "m"\ncondition = {json.dumps(condition)}\n'
    found = check_files.parse(table, "given.toml", database._asker.catalog)
    return checks.run(database._asker, found)[0].outcome


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("len(range(1000000000000)) > 1", "range is not for checks"),
        ("unnest(GENERATE_SERIES(1, 1000000000000)) > 1", "generate_series is not for checks"),
        ("len(repeat('x', 4000000000)) > 1", "repeat is not for checks"),
        ("len(lpad(gpu, 2000000000, 'x')) > 1", "lpad is not for checks"),
        ("len([x for x in range(1000000000)]) > 1", "range is not for checks"),
        ("true" + " AND true" * 2_000, "characters, of which at most"),
        ("(SELECT count(*) FROM runs, runs, runs) > 1", "not an expression"),
    ],
)
def test_a_condition_that_would_fill_the_memory_is_refused(
    condition: str, said: str, measured: Database
) -> None:
    with pytest.raises(CheckError, match=r"given.toml: check 'one'") as refused:
        judged(measured, condition)
    assert said in refused.value.message


def doubled(times: int) -> str:
    """An expression that makes 2^times texts, or one so long, of one."""
    made = "gpu"
    for number in range(times):
        made = f"[v{number} || v{number} for v{number} in [{made}]][1]"
    return made


# A process counts as its children's what it had itself when they began: so it is a small one.
_JUDGED = """
import resource, sys
import traceql
from traceql.ask import check_files, checks
from traceql.errors import CheckError

def judged(text):
    return checks.run(database._asker, check_files.parse(text, "given.toml", database._asker.catalog))[0].outcome

with traceql.open(":memory:") as database:
    database.import_runs(sys.argv[1])
    try:
        judged(sys.argv[2])
    except CheckError as error:
        print(error.message)
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10)
    print(judged(sys.argv[3]))
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="other systems limit no process's memory")
@pytest.mark.parametrize("key", ["condition", "rows", "evidence"])
def test_a_condition_that_takes_gigabytes_is_ended_and_the_next_one_answered(
    key: str, tmp_path: Path
) -> None:
    keys = {"condition": "true", "rows": "true", "evidence": "gpu"}
    texts = [
        '[[check]]\nname = "one"\nquery = "runs"\nmessage = "m"\n'
        + "".join(f"{name} = {json.dumps(text)}\n" for name, text in said.items())
        for said in (keys | {key: f"length({doubled(30)}) > 1"}, {"condition": f"length({doubled(3)}) = 32"})
    ]
    path = tmp_path / "runs.csv"
    path.write_text("gpu,ms\nH200,1\nH200,2\n")
    ended = subprocess.run(
        [sys.executable, "-c", _JUDGED, path, *texts], capture_output=True, text=True, check=True
    )
    refused, most_bytes, next_one = ended.stdout.splitlines()
    assert re.search(r"check 'one': needs more than 1.1 GB of memory", refused)
    assert int(most_bytes) <= 2 << 30
    assert next_one == "pass"


@pytest.mark.long
@pytest.mark.parametrize(("rows", "statements"), [(3, 1), (1, 3)])
def test_no_more_is_read_of_what_is_computed_apart_than_an_answer_may_take(
    rows: int, statements: int, measured: Database
) -> None:
    """Texts of 17 MB."""
    texts = [f"SELECT {doubled(22)} AS long FROM answer"] * statements
    answer = pa.table({"gpu": ["H200"] * rows})
    tracemalloc.start()
    try:
        with pytest.raises(QueryError, match=r"needs more than 32 MB for what it answers"):
            apart.run(texts, answer, measured._store.definitions)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()
    fair = f"SELECT {doubled(20)} AS long FROM answer LIMIT 1"
    (found,) = apart.run([fair], answer, measured._store.definitions)
    assert found.to_pylist() == [{"long": "H200" * (1 << 20)}]


@pytest.mark.long
def test_what_is_computed_apart_knows_macros_and_errors_as_ever(measured: Database) -> None:
    assert judged(measured, "is_like(gpu, 'H%') AND len([x + 1 for x in [position]]) = 1") == "pass"
    assert judged(measured, "[x for x in [position]][1] < 1") == "fail"
    assert judged(measured, "[NULL::BOOLEAN][1]") == "cannot tell"
    for condition, said in (
        ("nosuch([position]) > 1", "nosuch does not exist"),
        ("[gpu][1]::INTEGER > 1", "Could not convert string 'H200'"),
        ("[position][1] + 1", "neither true nor false"),
        ("len(read_text('/etc/passwd')) > 1 AND [true][1]", "read_text"),
        ("getenv('HOME') = 'x' AND [true][1]", "getenv"),
    ):
        with pytest.raises(CheckError, match=re.escape(said)):
            judged(measured, condition)


@pytest.mark.parametrize(
    ("expression", "plain"),
    [
        (
            "delta_pct <= -10 AND round(abs(a), 6) < 2 OR median(x) FILTER (b = 'c') / 1e6 BETWEEN 1 AND 2",
            True,
        ),
        ("CASE WHEN a IS NULL THEN b ELSE coalesce(c, 1) END IN (1, 2)", True),
        ("name LIKE 'a%' AND tags['gpu'] = 'H200' AND a::DOUBLE > 1", True),
        ("a || b = 'c'", False),
        ("len([x for x in l]) > 1", False),
        ("list_transform(l, lambda x: x + 1)[1] > 1", False),
        ("list(a) = [1]", False),
        ("string_agg(a) = 'x'", False),
        ("NULL::INTEGER[90000] IS NULL", False),
        ("sum(a) OVER () > 1", False),
        ("percent(a, b) > 1", False),
    ],
)
def test_only_what_compares_and_sums_up_is_computed_here(
    expression: str, plain: bool, measured: Database
) -> None:
    assert expressions.is_plain(expressions.one_expression(measured._asker, expression)) is plain


def test_what_is_plain_are_functions_of_duckdb(measured: Database) -> None:
    named = measured.sql("SELECT DISTINCT function_name FROM duckdb_functions() WHERE internal")
    assert set(named["function_name"]) >= expressions._PLAIN


@pytest.mark.long
def test_a_signal_or_a_limit_ends_what_is_computed_apart(
    measured: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    nested = "position"
    for name in "abcdefgh":
        nested = f"list_sum([{nested} + {name} for {name} in [1, 2, 3, 4, 5, 6, 7, 8, 9, position]])"
    with pytest.raises(TimeLimitError, match=r"no answer within 0.5 s"), interrupts.within(0.5):
        judged(measured, f"{nested} > 1")
    assert interrupts._running == []
    timer = threading.Timer(1, interrupts._interrupt)
    timer.start()
    began = time.monotonic()
    with pytest.raises(CheckError, match="crashed"):
        judged(measured, f"{nested} > 1")
    assert time.monotonic() - began < checks.SECONDS
    timer.join()


def test_a_condition_that_takes_too_long_is_ended(
    measured: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "SECONDS", 0.2)
    ten = "[1, 2, 3, 4, 5, 6, 7, 8, 9, position]"
    nested = "position"
    for name in "abcdefgh":
        nested = f"list_sum([{nested} + {name} for {name} in {ten}])"
    began = time.monotonic()
    with pytest.raises(CheckError, match=r"check 'one': not answered within 0.2 s"):
        judged(measured, f"{nested} > 1")
    assert time.monotonic() - began < 10


def test_what_is_done_in_time_is_answered_and_the_connection_can_be_asked_again(measured: Database) -> None:
    asked = measured._store.run
    for _ in range(3):
        with pytest.raises(TimeLimitError, match=r"no answer within 0.05 s"), interrupts.within(0.05):
            asked("SELECT count(*) FROM range(100000) a, range(10000000) b")
        with interrupts.within(5):
            assert asked("SELECT 1 AS one").to_pylist() == [{"one": 1}]
    assert interrupts._running == []
    assert judged(measured, "position >= 1") == "pass"
