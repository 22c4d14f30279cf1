"""What is said beside the data: once, in lines that fit a terminal, and with what a wrong word means."""

from __future__ import annotations

import lzma
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from command_line import ENVIRONMENT, traceql
from made.nsys import Recording, graph, kernel
from shipped import REPORTS
from terminals import on_a_terminal

from traceql import Database

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose traces.duckdb holds twelve recordings of graphs as a whole, two of them on one tag."""
    folder = tmp_path_factory.mktemp("home")
    with Database(folder / "traces.duckdb") as database:
        for number in range(12):
            recording = Recording().work(kernel("gemm", 0, 7), graph(10, 20), graph(30, 40))
            recording.store(database, f"run_{number:02}")
    return folder


def notes(result: subprocess.CompletedProcess[str]) -> list[str]:
    return [one.removeprefix("note: ") for one in result.stderr.splitlines() if one.startswith("note: ")]


def test_what_is_so_in_many_traces_is_one_note(home: Path) -> None:
    record = "record with nsys profile --cuda-graph-trace=node."
    all_of_them = notes(traceql("query", "top-kernels", folder=home))
    assert all_of_them == [
        "24 CUDA graph launches in 12 traces (run_00, run_01, run_02 and 9 more) hold kernels that are not "
        f"recorded: {record}"
    ]
    few = notes(traceql("query", "top-kernels", "run_00", "run_01", folder=home))
    assert few == [f"4 CUDA graph launches in run_00, run_01 hold kernels that are not recorded: {record}"]


def test_the_macro_lists_names_as_python_does(home: Path) -> None:
    from traceql.present.values import listed

    with Database(home / "traces.duckdb") as database:
        for most in (1, 4, 5, 12):
            names = [f"run_{number:02}" for number in range(most)]
            assert database.sql(f"SELECT listed({names}) AS said").item() == listed(names)


@pytest.mark.long
def test_notes_are_folded_on_a_terminal_and_lines_in_a_pipe(home: Path) -> None:
    for columns in (80, 50):
        seen = on_a_terminal(
            home, "query", "top-kernels", "--limit", "1", columns=columns, NO_COLOR="1", PAGER="cat"
        )
        assert max(map(len, seen.replace("\r", "").split("\n"))) <= columns
    refused = on_a_terminal(home, "query", "top-kernels", "r" * 20, columns=40, NO_COLOR="1")
    assert max(map(len, refused.replace("\r", "").split("\n"))) <= 40


def test_a_time_without_a_unit_is_said_to_be_nanoseconds(home: Path) -> None:
    told = notes(traceql("query", "top-kernels", "run_00", "--from", "5", folder=home))
    assert told[0] == "--from 5 is 5 ns: with a unit it is 5us, 5ms or 5s."
    for time in ("5ns", "0", "5_000_000", "1.5ms", "NULL"):
        told = notes(traceql("query", "top-kernels", "run_00", "--from", time, folder=home))
        assert not any("with a unit" in one for one in told)
    told = notes(traceql("query", "top-kernels", "run_00", "--from", "8", "--to", "9", folder=home))
    assert "No rows: nothing of what it is about lies within --from 8 ns and --to 9 ns." in told
    # Python makes no number of it.
    refused = traceql("query", "top-kernels", "run_00", "--from", "9" * 5_000, folder=home)
    assert refused.returncode == 2
    assert "error: parameter from: a number of more than 38 digits is no time" in refused.stderr


def test_help_says_that_a_bare_number_is_nanoseconds_and_that_reports_are_traces() -> None:
    for command in (("query", "top-kernels"), ("why",), ("diff",), ("chart", "kernels")):
        said = " ".join(traceql(*command, "--help").stdout.split())
        assert "a bare number is nanoseconds" in said
    for command in (("query", "top-kernels"), ("chart", "kernels"), ("query", "diff")):
        said = " ".join(traceql(*command, "--help").stdout.split())
        assert "or a report file; repeatable" in said


def test_a_comparison_with_itself_is_said(home: Path) -> None:
    for more in ((), ("--gate", "5%")):
        told = traceql("diff", "run_00", "run_00", *more, folder=home)
        assert "run_00 is compared with itself" in notes(told)
    told = traceql("diff", "run_00", "run_01", "-a", "run_01", folder=home)
    assert "on both sides: run_01" in notes(told)


def test_without_a_database_that_is_said(tmp_path: Path) -> None:
    for command in (("diff", "a", "b"), ("info", "a"), ("check", "budget", "--variant", "a")):
        refused = traceql(*command, folder=tmp_path)
        assert refused.returncode == 1
        assert refused.stderr.startswith("error: a: no such file, and there is no database traces.duckdb in ")
        assert "traceql ingest REPORT" in refused.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("query", "top-kernel"),
        ("query", "top-kernels", "--limit", "-3"),
        ("query", "top-kernels", "--limit", "many"),
        ("query", "top-kernels", "--from", "abc"),
        ("query", "top-kernels", "--from", "5s", "--to", "1s"),
        ("query", "top-kernels", "--names", "nothing"),
        ("query", "nvtx-sum", "--headers", "nvidia", "--limit", "x"),
        ("chart", "nothing"),
        ("chart", "kernels", "--limit", "-3", "-o", "a.svg"),
        ("schema", "nothing"),
        ("gpu", "nothing"),
        ("predict", "nothing"),
        ("collect", "nothing"),
        ("why", "run_00", "--limit", "0"),
        ("why", "run_00", "--limit", "-3"),
        ("sql", "FROM traces", "--limit", "-3"),
        ("diff", "run_00", "run_01", "--limit", "-3"),
        ("diff", "run_00", "run_01", "--gate", "-5%"),
        ("diff", "run_00", "run_01", "--from", "x"),
        ("check", "budget"),
        ("check", "budget", "--variant", "run_00", "--param", "nothing=1"),
        ("check", "budget", "--variant", "run_00", "--baseline", "run_01"),
        ("ask", "nothing"),
        ("ask", "why"),
        ("ask", "why", "--json", "{"),
        ("ask", "ask", "--json", '{"question": "top_kernels", "parameters": {"limt": 1}}'),
        ("nothing",),
    ],
)
def test_what_nothing_could_make_right_is_wrong_usage(words: tuple[str, ...], home: Path) -> None:
    ended = traceql(*words, folder=home)
    assert ended.returncode == 2, ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("query", "top-kernels", "nothing"),
        ("query", "top-kernels", "nothing.nsys-rep"),
        ("query", "speed-of-light"),
        ("why", "nothing"),
        ("kernel-card", "nothing"),
        ("diff", "run_00", "nothing"),
        ("check", "nothing", "--variant", "run_00"),
        ("baseline", "drop", "nothing"),
        ("tag", "nothing", "a=b"),
        ("sql", "SELECT nonsense"),
        ("ask", "why", "--json", '{"traces": ["nothing"]}'),
    ],
)
def test_what_is_not_there_is_no_wrong_usage(words: tuple[str, ...], home: Path) -> None:
    assert traceql(*words, folder=home).returncode == 1


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("wy",), "Did you mean why? There are list_traces, "),
        (("why",), "It takes traces (array, needed), limit (integer), "),
        (("why", "--json", "{"), "For example --json "),
        (("why", "--json", '{"traces": ["run"]}'), "See which there are: the tool list_traces"),
        (("describe", "--json", '{"name": "kernls"}'), "Did you mean kernels"),
        (("ask", "--json", '{"question": "top_kernel"}'), "All of them: the tool questions"),
        (("ask", "--json", '{"question": "metric"}'), "See: the tool describe, name metric"),
        (("sql", "--json", '{"statement": "FROM kernls"}'), "the tool describe, or schema://tables"),
    ],
)
def test_a_program_is_told_what_it_can_do_about_an_error(
    words: tuple[str, ...], remedy: str, home: Path
) -> None:
    import json

    told = json.loads(traceql("ask", *words, folder=home).stdout)["error"]
    assert remedy in told["remedy"]


@pytest.mark.long
def test_a_picture_that_goes_nowhere_is_said(home: Path, tmp_path: Path) -> None:
    asked = ("ask", "chart", "--json", '{"question": "top_kernels", "parameters": {"trace": "run_00"}}')
    assert notes(traceql(*asked, folder=home)) == ["the picture is not written: name a file for it with -o"]
    nowhere = traceql(*asked, "-o", str(tmp_path / "none" / "a.png"), folder=home)
    assert nowhere.returncode == 1 and "cannot be written" in nowhere.stderr
    other = traceql("ask", "list_traces", "-o", str(tmp_path / "a.png"), folder=home)
    assert "list_traces draws no picture" in other.stderr and not (tmp_path / "a.png").exists()


@pytest.mark.long
@pytest.mark.parametrize("version", [1, 2])
def test_what_an_older_database_did_not_store_is_no_empty_answer(version: int, tmp_path: Path) -> None:
    old = tmp_path / "old.duckdb"
    packed = REPORTS.parent / "databases" / f"version_{version}.duckdb.xz"
    old.write_bytes(lzma.decompress(packed.read_bytes()))
    for question, lacks in (
        ("memory-use", "memory_events"),
        ("memory-over-time", "memory_events"),
        ("pm-sampling", "metric_instances"),
        ("rule-sources", "source_markers"),
        ("launched-from", "launch_stacks"),
    ):
        refused = traceql("query", question, "--db", old)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert f"holds no {lacks}" in refused.stderr
        assert "An older traceql, which read the report, did not store them: " in refused.stderr
    # Beside a report that was read since, it is a note. So it is when the database was brought up to date.
    read = traceql("ingest", "-q", REPORTS / "memory_pools.nsys-rep.xz", "--db", old)
    assert read.returncode == 0
    told = notes(traceql("query", "memory-use", "--db", old))
    assert any(one.startswith("No memory_events in 6 traces (") and "did not store" in one for one in told)


@pytest.mark.long
def test_commands_in_one_process_have_numpy_and_one_alone_does_without(home: Path, tmp_path: Path) -> None:
    said = "import sys; from traceql.cli import main; sys.argv = ['traceql', *sys.argv[1:]]"
    ran = f"{said}\ntry: main(alone=ALONE)\nexcept SystemExit: pass\nimport pyarrow"
    made = "\nprint(pyarrow.array([1.5]).to_numpy()[0], file=sys.stderr)"
    command = ["ingest", "-q", "--db", str(tmp_path / "db"), str(REPORTS / "scv_nwor_off.ncu-rep.xz")]

    def process(code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *command],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )

    together = process(ran.replace("ALONE", "False") + made)
    assert (together.returncode, together.stderr.strip()) == (0, "1.5")
    alone = process(ran.replace("ALONE", "True") + "\nprint('numpy' in sys.modules, file=sys.stderr)")
    assert alone.stderr.strip().splitlines()[-1] == "False"
