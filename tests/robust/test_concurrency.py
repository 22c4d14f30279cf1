"""The same report again, several at a time, and several processes at one database."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from command_line import traceql
from helpers_robust import ARROWDIR, PARQUETDIR, REPORTS, contents, decoded_once, plain

from traceql import Database
from traceql.errors import DatabaseError, QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long

SMALL = REPORTS / "esmm_a10g_2023.1.ncu-rep.xz"
NCU = REPORTS / "scv_baseline_graph.ncu-rep.xz"
SQLITE = REPORTS / "scv_baseline_graph.sqlite.xz"


@contextlib.contextmanager
def held_open(path: Path, *, read_only: bool) -> Iterator[None]:
    """Another process has the database open."""
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == 'True'); "
        "print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path), str(read_only)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        try:
            yield
        finally:
            process.communicate("\n")


def test_the_same_report_twice_is_one_trace(tmp_path: Path) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        assert database.ingest(SQLITE).status == "added"
    before = contents(db)
    with Database(db) as database:
        again = database.ingest(plain("scv_baseline_graph.sqlite", tmp_path), name="other")
    assert (again.status, again.name) == ("unchanged", "scv_baseline_graph")
    assert contents(db) == before


@decoded_once
def test_replace_reads_a_report_again_and_keeps_its_name_and_tags(tmp_path: Path) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        database.ingest(PARQUETDIR, name="one", tags={"batch": "8"})
        database.ingest(SMALL)
        before = contents(db, ids=False)
        replaced = database.ingest(PARQUETDIR, replace=True)
    assert (replaced.status, replaced.name) == ("replaced", "one")
    assert contents(db, ids=False) == before


@decoded_once
def test_a_replacement_that_fails_leaves_the_old_trace(tmp_path: Path) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        database.ingest(PARQUETDIR)
        database.ingest(SMALL)
        before = contents(db)
        with pytest.raises(DatabaseError, match="called"):
            database.ingest(PARQUETDIR, replace=True, name="esmm_a10g_2023.1")
    assert contents(db) == before


@decoded_once
def test_a_report_and_its_exports_are_different_traces(tmp_path: Path) -> None:
    with Database(tmp_path / "db") as database:
        names = [database.ingest(path).name for path in (NCU, SQLITE, PARQUETDIR, ARROWDIR)]
        assert len(set(names)) == 4
        counts = database.sql(
            """
            SELECT format, count(*) AS n
            FROM kernels JOIN traces USING (trace_id)
            WHERE profiler = 'nsys' GROUP BY format
            """
        )
    assert counts["n"].n_unique() == 1
    assert counts.height == 3


def test_decoding_side_by_side_gives_the_tables_of_one_after_the_other(tmp_path: Path) -> None:
    reports = [SMALL, SQLITE, PARQUETDIR, REPORTS / "extrap_a100_2020.3.ncu-rep.xz"]
    assert traceql("ingest", "--db", tmp_path / "many", "-j", "4", *reports).returncode == 0
    with Database(tmp_path / "single") as database:
        for report in reports:
            database.ingest(report)
    assert contents(tmp_path / "many") == contents(tmp_path / "single")


def test_a_database_that_another_process_writes_is_reported_as_in_use(tmp_path: Path) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        database.ingest(PARQUETDIR)
    before = contents(db)
    with held_open(db, read_only=False):
        for arguments in (("ls",), ("ingest", SQLITE), ("drop", "scv_baseline_graph_pqtdir")):
            answer = traceql(*arguments, "--db", db, "--wait", "0")
            assert answer.returncode == 1
            assert "in use by another process" in answer.stderr
            assert "Traceback" not in answer.stderr
    assert contents(db) == before


def test_a_database_that_another_process_reads_can_be_read_but_not_changed(tmp_path: Path) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        database.ingest(PARQUETDIR)
    with held_open(db, read_only=True), Database(db, wait_s=0) as database:
        assert database.sql("SELECT count(*) FROM traces").item() == 1
        with pytest.raises(DatabaseError, match="in use by another process"):
            database.ingest(SQLITE)
        assert database.sql("SELECT count(*) FROM traces").item() == 1


def test_first_ingests_at_once_wait_for_each_other_and_store_everything(tmp_path: Path) -> None:
    db = tmp_path / "db"
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "traceql", "ingest", "-q", "--db", str(db), str(report)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for report in (PARQUETDIR, ARROWDIR, SQLITE)
    ]
    errors = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], errors
    with Database(db) as database:
        assert database.sql("SELECT count(*) FROM traces").item() == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["db"]


def test_a_message_with_the_word_lock_in_a_path_is_not_taken_for_a_lock(tmp_path: Path) -> None:
    folder = tmp_path / "unlocked"
    folder.mkdir()
    with pytest.raises(DatabaseError, match="a folder, but no lake"):
        Database(folder).sql("SELECT 1")


@decoded_once
def test_drop_removes_one_trace_and_nothing_of_the_others(tmp_path: Path) -> None:
    with Database(tmp_path / "db") as database:
        database.ingest(SMALL)
    before = contents(tmp_path / "db")
    with Database(tmp_path / "db") as database:
        name = database.ingest(PARQUETDIR).name
        assert contents(tmp_path / "db") != before
        database.drop(name)
    assert contents(tmp_path / "db") == before
    with Database(tmp_path / "db") as database, pytest.raises(QueryError, match="no trace is called"):
        database.drop(name)
    with Database(tmp_path / "none") as database, pytest.raises(DatabaseError, match="no such database"):
        database.drop(name)
    assert not (tmp_path / "none").exists()


@decoded_once
def test_an_in_memory_database_answers_after_a_report_that_it_knew() -> None:
    with Database(":memory:") as db:
        db.ingest(REPORTS / "scv_baseline_vectorized.ncu-rep.xz")
        assert db.ingest(REPORTS / "scv_baseline_vectorized.ncu-rep.xz").status == "unchanged"
        assert db.sql("SELECT count(*) FROM kernels").item() == 60
