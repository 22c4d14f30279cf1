"""Numbers with more digits than Python writes: refused in words of ours, wherever somebody gives them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from command_line import ENVIRONMENT, traceql
from made.nsys import Recording, kernel
from made.store import empty

from traceql import CheckError, Database, DatabaseError, ParameterError, QueryError, TraceqlError
from traceql.ask import compare
from traceql.server.tools import Tools

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HUGE = 10**5000
DIGITS = "9" * 5000
TOLD = "a number of more than 4,300 digits"


@pytest.fixture
def database() -> Database:
    database = empty()
    for name in ("run", "other"):
        Recording().range("step", 0, 10).work(kernel("gemm", 0, 7)).store(database, name)
    return database


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with Database(tmp_path / "traces.duckdb") as database:
        Recording().range("step", 0, 10).work(kernel("gemm", 0, 7)).store(database, "run")
    return tmp_path


LIBRARY: dict[str, tuple[Callable[[Any], object], type[TraceqlError], str]] = {
    "labels in a dict": (lambda db: db.tag("run", {"a": HUGE}), ParameterError, "traces is a dict, not a text"),
    "a trace to label": (lambda db: db.tag(HUGE, a=1), ParameterError, f"traces is {TOLD}, not a text"),
    "a label": (lambda db: db.tag("run", a=HUGE), ParameterError, f"the tag 'a' is {TOLD}"),
    "a list as label": (lambda db: db.tag("run", a=[HUGE]), ParameterError, f"is a list with {TOLD}, neither"),
    "a name of a label": (
        lambda db: db.ingest("x", tags={HUGE: 1}), ParameterError, f"{TOLD} names no tag",
    ),
    "a new name": (lambda db: db.rename("run", HUGE), ParameterError, f"name is {TOLD}, not a text"),
    "findings": (lambda db: db.why("run", limit=-HUGE), ParameterError, f"{TOLD} is no number of findings"),
    "a time": (lambda db: db.why("run", from_=[HUGE]), ParameterError, "more than 38 digits"),
    "a time in a tuple": (lambda db: db.why("run", from_=(HUGE,)), ParameterError, f"a tuple with {TOLD}"),
    "an exponent": (lambda db: db.why("run", from_=f"1e{DIGITS}"), ParameterError, "is no time"),
    "an instance": (lambda db: db.why("run", within=f"step#{DIGITS}"), TraceqlError, "no range in run"),
    "a word": (
        lambda db: db.kernel_card("gemm", names=(HUGE,)), ParameterError, "names is a tuple, not a text",
    ),
    "a gate": (lambda db: db.verdict("run", "other", gate=HUGE), TraceqlError, f"{TOLD}%: no gate"),
}  # fmt: skip


@pytest.mark.parametrize("what", LIBRARY)
def test_the_library_says_what_it_cannot_take(database: Database, what: str) -> None:
    call, error, told = LIBRARY[what]
    with pytest.raises(error) as refused:
        call(database)
    assert told in str(refused.value)
    assert "Exceeds" not in str(refused.value)


@pytest.mark.parametrize("value", [HUGE, -HUGE, 10**400], ids=["huge", "negative", "beyond floats"])
@pytest.mark.parametrize("name", ["timeout_s", "wait_s"])
def test_seconds_beyond_all_others_are_no_time(name: str, value: int) -> None:
    with pytest.raises(ValueError, match="is no time; give seconds"):
        Database(":memory:", **{name: value}).sql("SELECT 1")


@pytest.mark.parametrize(
    ("tool", "given", "told"),
    [
        ("list_traces", {"trace": HUGE}, f"trace is {TOLD}, but string is wanted"),
        ("list_traces", {"trace": [HUGE]}, f"trace is a list with {TOLD}, but string is wanted"),
        ("ask", {"question": "top_kernels", "rows": HUGE}, f"rows is {TOLD}, but at most"),
        ("ask", {"question": "top_kernels", "parameters": HUGE}, f"parameters is {TOLD}, but object"),
        (
            "ask",
            {"question": "top_kernels", "parameters": {"limit": HUGE}},
            "more than 38 digits is no BIGINT",
        ),
        ("why", {"traces": ["run"], "limit": -HUGE}, f"limit is {TOLD}, but at least 1"),
    ],
)
def test_tools_say_what_they_cannot_take(database: Database, tool: str, given: Any, told: str) -> None:
    reply = Tools(database).call(tool, given)
    assert reply.is_error
    assert reply.content["error"]["code"] in ("arguments", "parameter")
    assert told in reply.content["error"]["message"]


@pytest.mark.parametrize("text", [DIGITS, f"[{DIGITS}]", f'{{"question": "top_kernels", "rows": {DIGITS}}}'])
def test_json_of_the_command_line_is_refused_in_our_words(home: Path, text: str) -> None:
    refused = traceql("ask", "ask", "--json", text, folder=home)
    assert refused.returncode == 2
    assert json.loads(refused.stdout)["error"] == {
        "code": "arguments",
        "message": f"--json is not JSON ({TOLD})",
        "remedy": """For example --json '{"limit": 3}', or -.""",
    }


def test_json_of_the_command_line_that_says_one_key_twice_is_refused(home: Path) -> None:
    refused = traceql("ask", "ask", "--json", '{"question": "a", "question": "b"}', folder=home)
    assert refused.returncode == 2
    assert "the key 'question' twice in one object" in refused.stdout


@pytest.mark.parametrize(
    ("words", "told", "status"),
    [
        (("--from", f"1e{DIGITS}"), "is no time", 2),
        (("--within", f"step#{DIGITS}"), "no range", 1),
    ],
)
def test_options_with_such_numbers_are_refused(
    home: Path, words: tuple[str, ...], told: str, status: int
) -> None:
    refused = traceql("query", "top-kernels", *words, folder=home)
    assert (refused.returncode, "Traceback" in refused.stderr) == (status, False)
    assert told in refused.stderr


def test_a_terminal_of_so_many_columns_is_one_whose_width_is_not_known(home: Path) -> None:
    wide = traceql("query", "top-kernels", folder=home, environment={**ENVIRONMENT, "COLUMNS": DIGITS})
    assert (wide.returncode, wide.stderr) == (0, "")
    assert (
        wide.stdout
        == traceql("query", "top-kernels", folder=home, environment={**ENVIRONMENT, "COLUMNS": "80"}).stdout
    )


def test_a_shape_of_so_many_rows_is_none() -> None:
    sizes = [word for name in "mnk" for word in (f"--{name}", "1")]
    refused = traceql("predict", "gemm", "--gpu", "h200", *sizes, "--tile", f"{DIGITS}x128")
    assert (refused.returncode, "Traceback" in refused.stderr) == (2, False)


def test_numbers_of_check_files_are_refused(database: Database, tmp_path: Path) -> None:
    # TOML reads hexadecimal numbers of any length.
    hexadecimal = f"0x{HUGE:x}"
    file = tmp_path / "checks.toml"
    for line, told in {
        f"name = {hexadecimal}\nquery = 'top_kernels'\ncondition = 'true'\nmessage = 'a'": f"check {TOLD}",
        f"name = 'a'\nquery = 'top_kernels'\ncondition = 'true'\nmessage = 'a'\nparameters = {{limit = [{hexadecimal}]}}": "more than 38 digits is no BIGINT",
        f"name = 'a'\nquery = 'range_roofline'\ncondition = 'true'\nmessage = 'a'\nparameters = {{useful_flop = {hexadecimal}}}": "is no DOUBLE",
    }.items():
        file.write_text(f"[[check]]\n{line}\n")
        with pytest.raises(CheckError) as refused:
            database.check(file)
        assert told in str(refused.value)
        assert "Exceeds" not in str(refused.value)


def test_a_saved_comparison_with_such_a_number_is_none(tmp_path: Path) -> None:
    file = tmp_path / "saved.json"
    file.write_text(f'{{"baseline": {DIGITS}}}')
    with pytest.raises(QueryError, match=TOLD):
        compare.load(file)


def test_settings_of_a_stranger_with_such_a_number_cannot_be_read() -> None:
    from traceql.ask import info

    with pytest.raises(DatabaseError, match=TOLD):
        info.settings(f'{{"a": {DIGITS}}}')
