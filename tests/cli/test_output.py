"""How answers leave: which columns and rows, in which form, and what a terminal does with long ones."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import openpyxl
import pytest
from click.testing import CliRunner
from command_line import ENVIRONMENT, traceql
from made.nsys import Recording, kernel
from terminals import on_a_terminal

from traceql import Database
from traceql.cli import cli
from traceql.present.width import width

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("copy", "gemm<float>", "=cmd|' /C calc'!A0", "核函数🔥")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose traces.duckdb holds one recording: four kernels, launched four times to once."""
    folder = tmp_path_factory.mktemp("home")
    recording = Recording()
    start = 0
    for number, name in enumerate(NAMES):
        for _ in range(4 - number):
            start += 10_000
            one = kernel(name, start + 100, start + 1_100 * (number + 1))
            recording.call("cudaLaunchKernel", start, start + 50, one)
    with Database(folder / "traces.duckdb") as database:
        recording.store(database, "run")
    return folder


def ask(home: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    result = traceql(*arguments, folder=home)
    assert result.returncode == status, result.stderr
    return result


def rows(home: Path, *arguments: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(ask(home, *arguments, "-f", "json").stdout)
    return found


def test_a_table_in_a_pipe_has_80_columns_or_what_the_shell_says(home: Path) -> None:
    for room, environment in ((80, {}), (50, {"COLUMNS": "50"}), (80, {"COLUMNS": "many"})):
        result = traceql("query", "top-kernels", folder=home, environment=ENVIRONMENT | environment)
        lines = result.stdout.splitlines()
        assert lines[0] == "trace run"
        assert max(map(width, lines)) <= room
        assert result.stdout.splitlines()[-1].endswith("--all-columns or --vertical")


def test_a_table_in_a_file_has_room_for_all_columns(home: Path, tmp_path: Path) -> None:
    ask(home, "query", "top-kernels", "-o", str(tmp_path / "answer.txt"))
    written = (tmp_path / "answer.txt").read_text(encoding="utf-8")
    assert "p99 (" in written
    assert "more column" not in written


def test_columns_are_chosen_by_name_with_or_without_the_unit_in_every_form(home: Path) -> None:
    named = ("query", "top-kernels", "--columns", "total,KERNEL, min-ns")
    assert ask(home, *named).stdout.splitlines()[0].split() == ["total", "(µs)", "kernel", "min", "(µs)"]
    assert list(rows(home, *named)[0]) == ["total_ns", "kernel", "min_ns"]
    refused = ask(home, "query", "top-kernels", "--columns", "nothing", status=2)
    assert (
        "--columns nothing: no such column. There are trace, kernel, instances, total_ns," in refused.stderr
    )


def test_all_columns_and_records_leave_nothing_out(home: Path) -> None:
    for option in ("--all-columns", "--vertical"):
        shown = ask(home, "query", "top-kernels", option).stdout
        for column in ("trace", "kernel", "instances", "total", "share", "median", "p99"):
            assert column in shown
    refused = ask(home, "query", "top-kernels", "--vertical", "-f", "csv", status=2)
    assert "--vertical is for tables" in refused.stderr


def test_raw_is_what_the_other_forms_have(home: Path) -> None:
    chosen = ("query", "top-kernels", "--columns", "kernel,total_ns", "--kernel", "copy")
    assert ask(home, *chosen, "--raw").stdout.splitlines()[-1].split() == ["copy", "4,000"]
    assert ask(home, *chosen).stdout.splitlines()[-1].split() == ["copy", "4.000"]
    assert rows(home, *chosen) == [{"kernel": "copy", "total_ns": 4_000}]


def test_rows_are_sorted_before_they_are_left_out(home: Path) -> None:
    def kernels(*arguments: str) -> list[object]:
        return [row["kernel"] for row in rows(home, "query", "top-kernels", *arguments)]

    assert kernels("--sort", "instances") == list(NAMES)
    assert kernels("--sort", "instances:asc") == list(reversed(NAMES))
    assert kernels("--sort", "kernel") == sorted(NAMES)
    assert kernels("--sort", "kernel:desc", "--limit", "1") == [max(NAMES)]
    # The question's own limit takes those of most time, another order than the one that is asked for.
    assert kernels("--sort", "min", "--limit", "1") != kernels("--sort", "instances", "--limit", "1")
    cut = ask(home, "query", "top-kernels", "--sort", "instances", "--limit", "1")
    assert "1 of 4 rows" in cut.stderr
    assert "no such column" in ask(home, "query", "top-kernels", "--sort", "x", status=2).stderr


def test_every_question_has_sort_and_limit() -> None:
    command = cli.get_command(click.Context(cli), "query")
    assert isinstance(command, click.Group)
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        options = [param.name for param in found.params]
        assert options.count("limit") == 1, name
        assert options.count("sort") == 1, name


def test_questions_without_a_limit_of_their_own_and_sql_have_one(home: Path) -> None:
    cut = ask(home, "query", "cuda-gpu-trace", "--limit", "2")
    assert "2 of 10 rows" in cut.stderr
    assert len(rows(home, "query", "cuda-gpu-trace", "--limit", "NULL")) == 10
    assert len(rows(home, "query", "cuda-gpu-trace")) == 10
    statement = "SELECT unnest([3, NULL, 1, 2]) AS n"
    assert rows(home, "sql", statement, "--sort", "n", "--limit", "3") == [{"n": 3}, {"n": 2}, {"n": 1}]
    assert [row["n"] for row in rows(home, "sql", statement, "--sort", "n:asc")] == [1, 2, 3, None]
    for wrong in ("-1", "two"):
        ask(home, "query", "cuda-gpu-trace", "--limit", wrong, status=2)
    unsorted = ask(home, "sql", "SELECT MAP {'a': 1} AS m FROM range(2)", "--sort", "m", status=1)
    assert "its values have no order" in unsorted.stderr


def test_tabs_separate_in_tsv_and_formulas_are_kept_out_as_in_csv(home: Path) -> None:
    question = ("query", "top-kernels", "--columns", "kernel,instances", "--sort", "instances", "-f", "tsv")
    plain = list(csv.reader(io.StringIO(ask(home, *question).stdout), delimiter="\t"))
    assert plain[0] == ["kernel", "instances"]
    assert [row[0] for row in plain[1:]] == list(NAMES)
    safe = list(csv.reader(io.StringIO(ask(home, *question, "--safe-csv").stdout), delimiter="\t"))
    assert [row[0] for row in safe[1:]] == ["copy", "gemm<float>", f"'{NAMES[2]}", NAMES[3]]


HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "http://a.example", "{=1}", "a\x1b[2Jb", "核函数🔥", "x" * 100_000]


def test_a_workbook_holds_texts_as_texts_and_numbers_as_numbers(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "answer.xlsx"
    texts = ", ".join("'" + text.replace("\x1b", "' || chr(27) || '") + "'" for text in HOSTILE)
    statement = (
        f'SELECT unnest([{texts}]) AS "=name", 4294967297 AS kernel_id, 9007199254740993 AS big, '
        "1.5::DOUBLE AS x, 'nan'::DOUBLE AS no, true AS yes, NULL AS nothing, [1, 2] AS list, "
        "TIMESTAMP '2026-01-02 03:04:05' AS at, DATE '1492-01-01' AS old, 1::HUGEINT AS total"
    )
    ask(home, "sql", statement, "-o", str(file))
    (sheet,) = openpyxl.load_workbook(file).worksheets
    head, *body = sheet.iter_rows()
    assert [cell.value for cell in head][:2] == ["=name", "kernel_id"]
    found = [row[0] for row in body]
    assert {cell.data_type for cell in found} == {"s"}
    assert not any(cell.hyperlink for cell in found)
    assert [cell.value for cell in found[:6]] == HOSTILE[:6]
    assert found[7].value == HOSTILE[7]
    assert len(str(found[8].value)) <= 32_767
    assert str(found[8].value).startswith("xxx")
    values = [cell.value for cell in body[0]][1:]
    assert values[:3] == [4294967297, "9007199254740993", 1.5]
    assert values[3:8] == ["nan", True, None, "[1, 2]", body[0][8].value]
    assert str(values[7]) == "2026-01-02 03:04:05"
    assert values[8:] == ["1492-01-01", 1]
    assert head[0].data_type == "s"


def test_a_workbook_says_what_it_lacks(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows_ = "SELECT 1 AS n FROM range(1_048_576)"
    refused = ask(home, "sql", rows_, "-o", str(tmp_path / "large.xlsx"), status=1)
    assert "a sheet 1,048,575" in refused.stderr
    assert not (tmp_path / "large.xlsx").exists()
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    refused = ask(home, "sql", "SELECT 1 AS n", "-o", str(tmp_path / "none.xlsx"), status=1)
    assert "pip install 'traceql[xlsx]'" in refused.stderr


@pytest.mark.long
def test_a_pager_gets_what_is_longer_than_the_screen_and_nothing_else(home: Path, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho PAGED LESS=$LESS\ncat\n")
    pager.chmod(0o755)
    long, short = ("sql", "FROM range(500)"), ("sql", "FROM range(5)")
    paged = on_a_terminal(home, *long, PAGER=str(pager), NO_COLOR="1")
    assert "PAGED LESS=-RSX" in paged
    assert "499" in paged
    assert "PAGED LESS=-M" in on_a_terminal(home, *long, PAGER=str(pager), LESS="-M")
    for arguments in (short, (*long, "--no-pager")):
        seen = on_a_terminal(home, *arguments, PAGER=str(pager))
        assert "PAGED" not in seen
        assert "4" in seen
    assert "499" in on_a_terminal(home, *long, PAGER="")
    # A pipe is read by a program.
    assert "PAGED" not in traceql(*long, folder=home, environment=ENVIRONMENT | {"PAGER": str(pager)}).stdout


@pytest.mark.long
@pytest.mark.parametrize("form", ["parquet", "xlsx"])
def test_what_is_binary_is_not_written_to_a_terminal(home: Path, form: str) -> None:
    seen = on_a_terminal(home, "sql", "SELECT 1 AS n", "-f", form)
    assert "is binary: not written to a terminal" in seen
    assert "Name a file with -o." in seen


def test_help_names_every_option_of_answers() -> None:
    for command in (["query", "top-kernels"], ["sql"], ["ls"], ["schema"]):
        said = CliRunner().invoke(cli, [*command, "--help"]).output
        for option in ("--columns", "--all-columns", "--vertical", "--raw", "--no-pager", "tsv", "xlsx"):
            assert option in said, (command, option)
