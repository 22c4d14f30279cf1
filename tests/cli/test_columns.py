"""Columns by their names: offered to shells, and refused before anything is done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from command_line import ENVIRONMENT, traceql
from made.nsys import Recording, kernel
from terminals import on_a_terminal

from traceql import Database
from traceql.present.width import width

if TYPE_CHECKING:
    from pathlib import Path

LONG = "a_kernel_whose_name_takes_all_the_room_that_there_is_on_a_terminal_of_80_columns"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose traces.duckdb holds two recordings of the same kernels, the second one slower."""
    folder = tmp_path_factory.mktemp("home")
    with Database(folder / "traces.duckdb") as database:
        for name, slower in (("before", 1), ("after", 3)):
            recording = Recording()
            for n in range(30):
                one = kernel(f"{LONG}_{n}", 100_000 * n + 100, 100_000 * n + 1_100 + 100 * slower * (n % 7))
                recording.call("cudaLaunchKernel", 100_000 * n, 100_000 * n + 50, one)
            recording.store(database, name)
        database.tag("before", baseline="main")
    return folder


def offered(home: Path, line: str) -> list[str]:
    """What a shell is offered behind ``traceql LINE``."""
    asked = {"_TRACEQL_COMPLETE": "bash_complete", "COMP_WORDS": f"traceql {line}"}
    printed = traceql(folder=home, environment=ENVIRONMENT | asked).stdout
    return [one.removeprefix("plain,") for one in printed.splitlines() if one]


def test_a_shell_is_offered_the_words_that_an_option_takes(home: Path) -> None:
    assert offered(home, "query gpu-gaps --by ") == ["gpu", "process"]
    assert offered(home, "query top-kernels --names d") == ["distinct"]
    assert offered(home, "query range-launches --by p") == ["process"]


@pytest.mark.parametrize(
    "command",
    [
        "ls",
        "ls --tree",
        "info nowhere",
        "schema",
        "schema kernels",
        "why nowhere",
        "kernel-card nothing",
        "diff a b",
        "diff a b --gate 5%",
        "check budget --variant nowhere",
        "check --list",
        "gpu",
        "gpu H200",
        "baseline list",
        "query --list",
        "query top-kernels nowhere",
    ],
)
def test_a_column_that_there_is_not_is_refused_before_the_work(command: str, tmp_path: Path) -> None:
    """There is no database, of which everything else would complain."""
    output = tmp_path / "answer.csv"
    refused = traceql(*command.split(), "--columns", "nothing", "-o", output, folder=tmp_path)
    assert refused.returncode == 2
    assert "--columns nothing: no such column. There are " in refused.stderr
    assert not output.exists()


@pytest.mark.parametrize("command", ["diff a b", "diff a b --gate 5%", "query top-kernels nowhere"])
def test_so_is_a_column_to_sort_by(command: str, tmp_path: Path) -> None:
    refused = traceql(*command.split(), "--sort", "nothing", folder=tmp_path)
    assert refused.returncode == 2
    assert "--sort nothing: no such column. There are " in refused.stderr


def test_so_are_those_of_a_statement(home: Path) -> None:
    late = "SELECT 1 AS number, error('too late') AS other"
    for option in ("--columns", "--sort"):
        refused = traceql("sql", late, option, "nothing", folder=home)
        assert (refused.returncode, "too late" in refused.stderr) == (2, False)
        assert f"{option} nothing: no such column. There are number, other." in refused.stderr
    # Of several statements only the rows of the last tell, and they are sorted by them.
    several = "SELECT 1 AS number; SELECT unnest([1, 2]) AS other"
    found = traceql("sql", several, "--sort", "other", "-f", "csv", folder=home)
    assert (found.returncode, found.stdout) == (0, "other\n2\n1\n")


@pytest.mark.parametrize(
    "command",
    [
        "ls",
        "ls --tree",
        "schema",
        "schema kernels",
        "gpu",
        "gpu H200",
        "query --list",
        "query top-kernels",
        "baseline list",
        "info before",
        "why before",
        f"kernel-card {LONG}_1",
        "diff before after",
        "diff before after --gate 5%",
        "check --list",
        "sql 'SELECT trace, gpu FROM traces'",
    ],
)
def test_the_columns_that_are_offered_are_those_of_the_answer(command: str, home: Path) -> None:
    import shlex

    answered = traceql(*shlex.split(command), "-f", "csv", folder=home)
    names = answered.stdout.splitlines()[0].split(",")
    assert offered(home, f"{command} --columns ") == names
    # The last of several is the one that is being typed, and none is offered twice.
    assert offered(home, f"{command} --columns {names[0]},") == [f"{names[0]},{one}" for one in names[1:]]


def test_columns_to_sort_by_are_offered(home: Path) -> None:
    assert offered(home, "query top-kernels --sort tot") == ["total_ns"]
    assert offered(home, "diff before after --sort delta") == [
        "delta",
        "delta_pct",
        "delta_low",
        "delta_high",
    ]
    assert offered(home, "diff before after --gate 5% --sort gate") == ["gate_pct"]
    assert offered(home, "sql 'SELECT trace, gpu FROM traces' --sort g") == ["gpu"]
    assert offered(home, "sql 'SELECT nonsense FROM nowhere' --sort ") == []


def test_names_in_a_statement_are_offered(home: Path) -> None:
    def completed(statement: str) -> list[str]:
        asked = {
            "_TRACEQL_COMPLETE": "bash_complete",
            "COMP_WORDS": f"traceql sql '{statement}",
            "COMP_REPLACED": statement,
        }
        printed = traceql(folder=home, environment=ENVIRONMENT | asked).stdout
        return [one.removeprefix(f"plain,{statement}") for one in printed.splitlines() if one]

    assert "s" in completed("SELECT trace FROM api_call")
    assert completed("SELECT trace FROM kernels JOIN graph_launche") == ["s"]
    # Columns of the tables that are named, else of all.
    assert completed("FROM kernels SELECT registers_p") == ["er_thread"]
    assert "d" in completed("SELECT api_call_i")
    assert completed("FROM graph_launches SELECT registers_p") == []
    assert completed("") == []


def test_why_and_check_are_tables_where_columns_are_named(home: Path) -> None:
    told = traceql("why", "before", "--columns", "code,severity", folder=home).stdout
    assert "code" in told.splitlines()[0] and "Looked at" not in told
    judged = traceql("check", "budget", "--variant", "before", "--columns", "check,verdict", folder=home)
    assert judged.stdout.splitlines()[0].split() == ["check", "verdict"]


def test_a_comparison_keeps_the_column_that_it_is_sorted_by(home: Path) -> None:
    base = ("diff", "before", "after", "--topic", "kernel", "--all", "--limit", "3")
    for column in ("delta_pct", "variant", "found_in"):
        told = traceql(
            *base, "--sort", column, folder=home, environment=ENVIRONMENT | {"COLUMNS": "60"}
        ).stdout
        lines = told.splitlines()
        assert max(map(width, lines)) <= 60
        left_out = " ".join(lines).partition("more column")[2]
        assert column not in left_out.replace(",", "").replace(";", "").split()


def test_a_comparison_is_sorted_by_size_or_as_one_says(home: Path) -> None:
    base = ("diff", "after", "before", "--topic", "kernel", "-f", "json", "--limit", "NULL", "--sort")

    def deltas(sort: str) -> list[float]:
        return [row["delta"] for row in json.loads(traceql(*base, sort, folder=home).stdout)]

    by_size = deltas("delta")
    assert by_size == sorted(by_size, key=abs, reverse=True)
    assert deltas("delta:asc") == sorted(by_size)
    assert deltas("delta:desc") == sorted(by_size, reverse=True)
    assert min(by_size) < 0


@pytest.mark.long
def test_a_comparison_goes_to_the_pager_as_one(home: Path, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho PAGED\ncat\n")
    pager.chmod(0o755)
    compared = ("diff", "before", "after")
    assert on_a_terminal(home, *compared, PAGER=str(pager)).count("PAGED") == 1
    assert "PAGED" not in on_a_terminal(home, *compared, "--no-pager", PAGER=str(pager))
    assert "PAGED" not in on_a_terminal(
        home, *compared, "--topic", "kernel", "--limit", "2", PAGER=str(pager)
    )
