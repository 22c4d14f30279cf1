"""``traceql`` alone names the next step for the folder it stands in; and what its exit statuses mean."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import systems
from command_line import ENVIRONMENT, traceql
from made.nsys import Recording, kernel

import traceql as library
from traceql import statuses
from traceql.read import formats

DOCS = Path(__file__).parents[2] / "docs"


def greeted(folder: Path, **variables: str) -> list[str]:
    told = traceql(folder=folder, environment=ENVIRONMENT | variables)
    assert (told.returncode, told.stderr) == (0, "")
    lines = told.stdout.splitlines()
    assert 2 < len(lines) <= 15 and max(map(len, lines)) <= 110
    return lines


def steps(lines: list[str]) -> list[str]:
    """The commands that are named."""
    return [re.split(r" {2,}", line.strip())[0] for line in lines if line.startswith("  traceql ")]


def test_an_empty_folder_is_told_where_reports_come_from(tmp_path: Path) -> None:
    lines = greeted(tmp_path)
    assert steps(lines) == [
        "traceql collect nsys -- COMMAND",
        "traceql collect ncu -- COMMAND",
        "traceql doctor",
        "traceql --help",
    ]
    assert list(tmp_path.iterdir()) == []


def test_reports_are_counted_by_kind_and_not_opened(tmp_path: Path) -> None:
    for name in ("a.nsys-rep", "b.nsys-rep.xz", "-c.ncu-rep", "notes.txt"):
        # Whoever opened a pipe would wait.
        if hasattr(os, "mkfifo"):
            os.mkfifo(tmp_path / name)
        else:
            (tmp_path / name).touch()
    lines = greeted(tmp_path)
    assert "Reports here: 1 of Nsight Compute, 2 of Nsight Systems." in lines
    assert steps(lines) == ["traceql ingest .", "traceql why ./-c.ncu-rep", "traceql --help"]


def test_a_database_is_told_with_its_traces_and_the_reports_beside_it(tmp_path: Path) -> None:
    with library.open(tmp_path / "traces.duckdb") as database:
        made = Recording().call("cudaLaunchKernel", 1, 2, kernel("mine", 3, 9))
        for name in ("a b", "second", "third", "fourth", "last one"):
            made.store(database, name)
    lines = greeted(tmp_path)
    assert "traces.duckdb holds 5 traces:" in lines
    assert "  and 2 more: traceql ls" in lines
    assert steps(lines) == ["traceql why 'last one'", "traceql query --list", "traceql --help"]
    (tmp_path / "new.nsys-rep").touch()
    lines = greeted(tmp_path)
    assert "Reports here: 1 of Nsight Systems." in lines
    assert "traceql ingest new.nsys-rep" in steps(lines)
    (tmp_path / "elsewhere").mkdir()
    named = greeted(tmp_path / "elsewhere", TRACEQL_DB=str(tmp_path / "traces.duckdb"))
    assert any("holds 5 traces:" in line for line in named)


@pytest.mark.parametrize("content", [b"", b"garbage", bytes(8) + b"DUCK" + bytes(5_000)], ids=len)
def test_what_is_no_database_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "traces.duckdb").write_bytes(content)
    (line,) = [line for line in greeted(tmp_path) if "cannot be used" in line]
    assert line.startswith("traces.duckdb cannot be used: ")
    assert (tmp_path / "traces.duckdb").read_bytes() == content


@systems.posix("named pipes")
def test_a_pipe_in_place_of_the_database_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "traces.duckdb")
    assert "traces.duckdb cannot be used: it is no file." in greeted(tmp_path)


@systems.linux("file names with control characters")
def test_names_of_strangers_cannot_control_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31m\n.nsys-rep").touch()
    (tmp_path / ("x" * 200 + ".ncu-rep")).touch()
    assert "\x1b" not in "".join(greeted(tmp_path))


def test_help_is_help_and_every_profiler_has_a_name(tmp_path: Path) -> None:
    told = traceql("--help", folder=tmp_path)
    assert told.returncode == 0 and told.stdout.startswith("Usage: traceql [OPTIONS] COMMAND [ARGS]...")
    from traceql.cli import greeting

    assert {reader.kind for reader in formats.READERS} == set(greeting._TOOLS)


def test_exit_statuses_are_the_same_in_the_code_the_help_and_the_documentation() -> None:
    page = (DOCS / "exit-statuses.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE)
    assert {int(status): meaning for status, meaning in rows} == statuses.MEANINGS
    said = " ".join(traceql("--help").stdout.split())
    for status, meaning in statuses.MEANINGS.items():
        assert f"{status} {meaning}" in said
    values = {value for name, value in vars(statuses).items() if name.isupper() and isinstance(value, int)}
    assert values == set(statuses.MEANINGS)
