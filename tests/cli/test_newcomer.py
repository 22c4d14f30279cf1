"""What somebody meets who tries the commands for the first time, mistakes among them."""

from __future__ import annotations

import contextlib
import lzma
import os
import shlex
import sys
from typing import TYPE_CHECKING
from unittest import mock

import pytest
import systems
from command_line import ENVIRONMENT, traceql
from made import ncu
from made.nsys import Recording, kernel
from shipped import REPORTS

import traceql as library
from traceql.cli import main

if TYPE_CHECKING:
    from pathlib import Path

REPORT = "crossing_ranges.nsys-rep"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose database holds two timelines and counters."""
    folder = tmp_path_factory.mktemp("home")
    made = Recording().call("cudaLaunchKernel", 10, 20, kernel("short", 30, 90))
    made.call("cudaLaunchKernel", 100, 110, kernel("long", 130, 290))
    with library.open(folder / "traces.duckdb") as database:
        made.store(database, "one")
        made.store(database, "two")
        ncu.Profile().kernel("gemm", metrics={"dram__bytes_read.sum": 8.0}).store(database, "counters")
    return folder


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a report, compressed, and no database."""
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    work = tmp_path / "work"
    work.mkdir()
    (work / f"{REPORT}.xz").write_bytes((REPORTS / f"{REPORT}.xz").read_bytes())
    return work


def said(folder: Path, *words: str, status: int = 1, **variables: str) -> str:
    done = traceql(*words, folder=folder, environment={**ENVIRONMENT, **os.environ, **variables})
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stderr if status else done.stdout


@systems.posix("a pipe that is closed")
@pytest.mark.parametrize(
    "words", ["ls", "info one", "gpu", "query --list", "sql FROM\tkernels -f csv", "--help"]
)
def test_a_reader_that_has_seen_enough_is_no_error(
    home: Path, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    read, write = os.pipe()
    os.close(read)
    gone = os.fdopen(write, "w")
    with (
        mock.patch.multiple(sys, argv=["traceql", *words.split(" ")], stdout=gone),
        pytest.raises(SystemExit) as end,
    ):
        main()
    # What is left in it goes nowhere.
    with contextlib.suppress(BrokenPipeError):
        gone.close()
    assert end.value.code == 0


def test_the_command_that_proves_a_finding_names_the_file_as_it_was_given(bare: Path) -> None:
    odd = bare / "my run.nsys-rep"
    odd.write_bytes(lzma.decompress((REPORTS / "llama_eager.nsys-rep.xz").read_bytes()))
    told = said(bare, "why", "./my run.nsys-rep", "--limit", "1", status=0)
    (command,) = [line for line in told.splitlines() if line.lstrip().startswith("see: ")]
    assert "--trace './my run.nsys-rep'" in command
    assert said(bare, *shlex.split(command)[2:], "-f", "csv", status=0)


def test_findings_are_as_wide_as_the_terminal_and_commands_one_line(home: Path) -> None:
    for width in (60, 90):
        lines = said(home, "why", "one", status=0, COLUMNS=str(width)).splitlines()
        widths = [len(line) for line in lines if "see: " not in line]
        assert width - 20 < max(widths) <= width


def test_the_remedy_of_a_mixed_comparison_names_the_files(bare: Path) -> None:
    name = "kinds_basic.ncu-rep.xz"
    (bare / name).write_bytes((REPORTS / name).read_bytes())
    told = said(bare, "diff", f"{REPORT}.xz", name)
    assert f"--timeline {REPORT}.xz --counters {name}" in told


@pytest.mark.parametrize("words", ["why", "query top-kernels", "export -o x.pftrace", "info"])
def test_a_misspelt_file_is_no_such_file_with_or_without_a_database(
    home: Path, bare: Path, words: str
) -> None:
    for folder in (home, bare):
        assert "nosuch.nsys-rep: no such file" in said(folder, *words.split(), "nosuch.nsys-rep")
        assert "./nosuch: no such file" in said(folder, *words.split(), "./nosuch")
    told = said(bare, *words.split(), REPORT)
    assert f"{REPORT}: no such file\nDid you mean {REPORT}.xz? " in told
    assert f"Did you mean ./{REPORT}.xz? " in said(bare, *words.split(), f"./{REPORT}")


def test_export_without_a_file_names_one(home: Path, bare: Path) -> None:
    assert "traceql export one -o one.pftrace" in said(home, "export", "one")
    assert f"traceql export {REPORT}.xz -o crossing_ranges.pftrace" in said(bare, "export", f"{REPORT}.xz")
    assert "pftrace" not in said(bare, "export", "gone.duckdb")


def test_a_table_keeps_the_column_by_which_it_is_sorted(home: Path) -> None:
    told = said(home, "query", "top-kernels", "--sort", "max", status=0, COLUMNS="40")
    assert " max" in told.partition("───")[0]
    assert "more columns" in told and "max" not in told.rpartition("more columns")[2]


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        ("--columns kernl", "--columns kernl: no such column. Did you mean kernel"),
        ("--sort kernl", "--sort kernl: no such column."),
        ("-o a.foo", "no form is known by that suffix"),
        ("-o nodir/a.csv", "nodir/a.csv: cannot be written (No such file or directory)"),
        ("--vertical --format csv", "--vertical is for tables"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_asked(
    home: Path, words: str, refused: str
) -> None:
    status = 1 if "nodir" in words else 2
    told = said(home, "query", "top-kernels", "--limit", "1", *words.split(), status=status)
    assert refused in told and "rows: --limit" not in told


def test_a_page_of_a_kernel_is_no_form_of_answers(home: Path, tmp_path: Path) -> None:
    said(home, "kernel-card", "gemm", "-o", str(tmp_path / "card.html"), status=0)
    assert (tmp_path / "card.html").stat().st_size > 0


def test_a_workbook_that_cannot_be_made_is_refused_before_anything_is_asked(home: Path) -> None:
    with mock.patch.dict(sys.modules, xlsxwriter=None):
        told = said(home, "query", "top-kernels", "--limit", "1", "-o", "a.xlsx")
    assert "Install it: pip install 'traceql[xlsx]'" in told and "rows: --limit" not in told


def test_a_limit_of_each_trace_is_said_to_be(home: Path) -> None:
    def noted(*words: str) -> str:
        return traceql("query", "top-kernels", "--limit", "1", *words, folder=home).stderr

    assert "note: 3 of 5 rows: --limit gives more of each trace, --limit NULL all." in noted()
    assert "note: 1 of 2 rows: --limit gives more, --limit NULL all." in noted("one")


def test_reports_in_subfolders_are_greeted(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "run.nsys-rep").touch()
    told = said(tmp_path, status=0)
    assert "Reports in folders here: 1 of Nsight Systems." in told
    assert "traceql ingest a/run.nsys-rep " in told and "traceql why a/run.nsys-rep " in told
    (tmp_path / "a" / "run.ncu-rep").touch()
    assert "traceql ingest . " in said(tmp_path, status=0)


@pytest.mark.parametrize(
    "words", ["query top-kernels --limit abc", "why one --limit abc", "sql FROM\tkernels --limit abc"]
)
def test_what_is_no_limit_is_refused_with_the_word_for_none(home: Path, words: str) -> None:
    assert "nor NULL." in said(home, *words.split(" "), status=2)
