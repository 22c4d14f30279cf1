"""Report files where traces are named: read once, kept in the user's cache folder, found again."""

from __future__ import annotations

import csv
import io
import lzma
import os
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import systems
from command_line import ENVIRONMENT, process, traceql
from made.nsys import Recording, kernel
from shipped import REPORTS

import traceql as library
from traceql.read import kept
from traceql.store import of_reports

REPORT = "crossing_ranges.nsys-rep"
COUNTERS = "kinds_basic.ncu-rep"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two reports, and a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    work = tmp_path / "work"
    work.mkdir()
    for name in (REPORT, COUNTERS):
        (work / name).write_bytes(lzma.decompress((REPORTS / f"{name}.xz").read_bytes()))
    return work


def run(home: Path, *words: str, **variables: str) -> tuple[int, str, str]:
    done = traceql(*words, folder=home, environment={**ENVIRONMENT, **os.environ, **variables})
    return done.returncode, done.stdout, done.stderr


def entries() -> list[Path]:
    return sorted((kept.folder() / "reports").iterdir())


def test_a_report_is_read_once_and_answered_twice_without_a_database_here(home: Path) -> None:
    first = run(home, "query", "trace-summary", REPORT, "-f", "csv")
    assert first[0] == 0, first
    assert first[2].count(f"{REPORT}: read, and kept in ") == 1
    (row,) = csv.DictReader(io.StringIO(first[1]))
    assert row["trace"] == "crossing_ranges"
    (entry,) = entries()
    before = (entry / "traces.duckdb").stat().st_mtime_ns
    again = run(home, "query", "trace-summary", "--trace", REPORT, "-f", "csv")
    assert again[1] == first[1] and "kept in" not in again[2]
    assert (entry / "traces.duckdb").stat().st_mtime_ns == before
    assert sorted(path.name for path in home.iterdir()) == sorted([REPORT, COUNTERS])


@systems.posix("permissions of POSIX")
def test_what_is_kept_is_for_its_owner_alone(home: Path) -> None:
    assert run(home, "info", REPORT)[0] == 0
    (entry,) = entries()
    for folder in (entry, entry.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        ("why", REPORT), ("kernel-card", "*", "--trace", COUNTERS), ("info", REPORT),
        ("sql", "--trace", REPORT, "SELECT count(*) FROM kernels"), ("diff", REPORT, REPORT),
        ("report", REPORT, "-o", "page.html"), ("export", REPORT, "-o", "run.pftrace"),
        ("chart", "top-kernels", REPORT, "-o", "kernels.svg"), ("query", "top-kernels", REPORT, COUNTERS),
        ("why", f"./{REPORT}"),
    ],
    ids=lambda words: " ".join(words)[:40],
)  # fmt: skip
def test_a_file_works_wherever_a_trace_is_named(home: Path, words: tuple[str, ...]) -> None:
    status, out, err = run(home, *words)
    assert status == 0, err
    assert "kept in" in err
    assert run(home, *words)[::2] == (0, err.split("next time\n")[-1])
    assert not (home / "traces.duckdb").exists()
    assert out is not None


def test_a_trace_of_that_name_wins_and_a_path_is_the_file(home: Path) -> None:
    with library.open(home / "traces.duckdb") as database:
        made = Recording().call("cudaLaunchKernel", 1, 2, kernel("mine", 3, 9))
        made.store(database, REPORT)
        made.store(database, "mine")
    assert "mine" in run(home, "query", "top-kernels", REPORT)[1]
    assert not (kept.folder() / "reports").exists()
    assert "mine" not in run(home, "query", "top-kernels", f"./{REPORT}")[1]
    mixed = run(home, "diff", "mine", COUNTERS)
    assert mixed[0] == 1 and "but not everything it is compared with is" in mixed[2]


def test_a_name_that_is_both_lets_sql_read_files_only_where_it_is_allowed(home: Path) -> None:
    (home / "one.csv").write_text("n\n7\n")
    with library.open(home / "traces.duckdb") as database:
        Recording().store(database, REPORT)
    for named in (REPORT, f"./{REPORT}"):
        words = ("sql", "--trace", named, "SELECT n + 1 FROM 'one.csv'", "-f", "csv")
        assert "--allow-files" in run(home, *words)[2]
        assert run(home, *words, "--allow-files")[1].endswith("\n8\n")
    assert "no trace is called ''" in run(home, "sql", "--trace", "", "SELECT 1")[2]


def test_a_report_that_changes_is_read_again(home: Path) -> None:
    assert "kept in" in run(home, "info", REPORT)[2]
    (home / f"{REPORT}.run.json").write_text("{}")
    assert "kept in" in run(home, "info", REPORT)[2]
    shutil.copy(home / COUNTERS, home / "other.ncu-rep")
    assert "kept in" in run(home, "info", COUNTERS)[2]
    told = run(home, "info", "other.ncu-rep", "-f", "csv")
    assert "kept in" in told[2] and "trace,other" in told[1]
    assert len(entries()) == 4


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"NVIDIA Tegra Profiler Report", ""),
        (b"nothing of the kind", "named like a report (nsys-rep), but its content is something else"),
    ],
)
def test_a_broken_report_is_refused_as_ingest_refuses_it(home: Path, content: bytes, said: str) -> None:
    (home / "broken.nsys-rep").write_bytes(content)
    asked = run(home, "query", "top-kernels", "broken.nsys-rep")
    assert asked[0] == 1 and said in asked[2]
    assert asked[2] == run(home, "ingest", "broken.nsys-rep", "--db", "x.duckdb")[2]
    assert entries() == []


def test_a_kept_database_that_is_damaged_is_made_again(home: Path) -> None:
    first = run(home, "query", "trace-summary", REPORT)
    (entry,) = entries()
    (entry / "traces.duckdb").write_bytes(b"\0" * 100)
    again = run(home, "query", "trace-summary", REPORT)
    assert again[:2] == first[:2] and "kept in" in again[2]
    assert "kept in" not in run(home, "query", "trace-summary", REPORT)[2]


def test_those_not_used_for_longest_go_when_all_are_too_large(home: Path) -> None:
    assert run(home, "info", REPORT)[0] == run(home, "info", COUNTERS)[0] == 0
    for entry in entries():
        os.utime(entry, (1, 1))
    first = next(entry for entry in entries() if "crossing" in (entry / "names.json").read_text("utf-8"))
    os.utime(first, (0, 0))
    room = sum(file.stat().st_size for entry in entries() for file in entry.iterdir()) + 100_000
    shutil.copy(home / COUNTERS, home / "third.ncu-rep")
    assert run(home, "info", "third.ncu-rep", TRACEQL_CACHE_SIZE=str(room))[0] == 0
    assert first not in entries() and len(entries()) == 2
    assert run(home, "info", "third.ncu-rep", TRACEQL_CACHE_SIZE="1kB")[0] == 0
    shutil.copy(home / COUNTERS, home / "fourth.ncu-rep")
    assert run(home, "info", "fourth.ncu-rep", TRACEQL_CACHE_SIZE="1kB")[0] == 0
    # The one in use stays.
    assert len(entries()) == 1


def test_nothing_is_kept_where_that_is_said_or_cannot_be(home: Path) -> None:
    for variables in ({"TRACEQL_CACHE_SIZE": "0"}, {"XDG_CACHE_HOME": "/dev/null/x"}):
        status, out, err = run(home, "query", "trace-summary", REPORT, "-f", "csv", **variables)
        assert status == 0 and "crossing_ranges" in out
        assert "kept in" not in err
    wrong = run(home, "info", REPORT, TRACEQL_CACHE_SIZE="much")
    assert wrong[0] == 1 and "TRACEQL_CACHE_SIZE: not a size: 'much'" in wrong[2]


@pytest.mark.long
def test_two_processes_at_once_get_the_same_answer(home: Path) -> None:
    words = ("query", "trace-summary", REPORT, "-f", "csv")
    variables = {**ENVIRONMENT, **os.environ}
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: process(*words, environment=variables, folder=home), range(3)))
    assert {one.returncode for one in done} == {0}, [one.stderr for one in done]
    assert len({one.stdout for one in done}) == 1
    assert len(entries()) == 1


def test_a_name_that_is_neither_trace_nor_file_is_a_trace_that_is_not_there(home: Path) -> None:
    with library.open(home / "traces.duckdb") as database:
        Recording().store(database, "run")
    told = run(home, "query", "top-kernels", "rnu")
    assert told[0] == 1 and "no trace is called 'rnu'" in told[2]
    assert of_reports.LIMIT_VARIABLE == "TRACEQL_CACHE_SIZE"
