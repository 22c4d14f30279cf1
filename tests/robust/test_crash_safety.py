"""Killed at any moment, a database opens and holds whole traces only."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from helpers_robust import ARROWDIR, PARQUETDIR, REPORTS, plain

from traceql import Database
from traceql.store import ingest

# Small ones: what counts is how many there are to be killed between.
NAMES = ("esmm_a10g_2023.1.ncu-rep.xz", "scv_baseline_graph.sqlite.xz", "scv_baseline_off.sqlite.xz")
ALL = [PARQUETDIR, *(REPORTS / name for name in NAMES), ARROWDIR]


def _start(db: Path, *reports: Path, replace: bool = False) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "traceql", "ingest", "-q", "--db", str(db), *map(str, reports)]
    return subprocess.Popen([*command, "--replace"] if replace else command, stderr=subprocess.DEVNULL)


def _rows_of_traces(db: Path) -> dict[str, dict[str, int]]:
    with Database(db) as database:
        names = database.sql("SELECT trace FROM traces ORDER BY trace")["trace"].to_list()
        return {name: ingest.rows(database._store, name) for name in names}


def _rows_without_trace(db: Path) -> int:
    with contextlib.closing(duckdb.connect(str(db), read_only=True)) as connection:
        tables = connection.execute(
            "SELECT table_name FROM duckdb_columns() WHERE column_name = 'trace_id' AND NOT internal "
            "AND table_name IN (SELECT table_name FROM duckdb_tables())"
        ).fetchall()
        counts = " + ".join(
            f"(SELECT count(*) FROM {t} WHERE trace_id NOT IN (SELECT trace_id FROM traces))"
            for (t,) in tables
        )
        row = connection.execute(f"SELECT {counts}").fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, dict[str, int]], float]:
    """Rows per trace of an ingest that nobody disturbs, and how long it takes, in seconds."""
    db = tmp_path_factory.mktemp("undisturbed") / "db"
    began = time.monotonic()
    assert _start(db, *ALL).wait() == 0
    return _rows_of_traces(db), time.monotonic() - began


def test_kill_9_at_twenty_moments_leaves_whole_traces_only(
    tmp_path: Path, undisturbed: tuple[dict[str, dict[str, int]], float]
) -> None:
    expected, seconds = undisturbed
    assert len(expected) == len(ALL)
    rng = random.Random(9)
    seen = set()
    for number in range(20):
        db = tmp_path / f"db-{number}"
        if number % 4 == 3:
            # Every fourth time the database exists already, and its trace is read again.
            with Database(db) as database:
                database.ingest(PARQUETDIR)
        process = _start(db, *ALL, replace=number % 4 == 3)
        time.sleep(rng.uniform(0.1, 0.95) * seconds)
        process.kill()
        process.wait()
        if not db.exists():
            seen.add(0)
            continue
        found = _rows_of_traces(db)
        seen.add(len(found))
        assert found == {name: expected[name] for name in found}
        assert _rows_without_trace(db) == 0
        if number % 4 == 3:
            assert PARQUETDIR.name in found
        if number % 10 == 0:
            # It can be written, too, and ends up as if nothing had happened.
            assert _start(db, *ALL).wait() == 0
            assert _rows_of_traces(db) == expected
        else:
            with Database(db) as database:
                database.ingest(ARROWDIR)
            assert _rows_of_traces(db) == {name: expected[name] for name in {*found, ARROWDIR.name}}
    assert len(seen) > 2, f"the moments were not spread: {seen}"


def test_kill_9_around_the_creation_of_a_database_leaves_a_whole_one_or_none(tmp_path: Path) -> None:
    code = (
        "import sys, time; from traceql import Database; db = Database(sys.argv[1]); "
        "print(1, flush=True); db._store._make(); print(2, flush=True); time.sleep(60)"
    )
    rng = random.Random(10)
    for number in range(8):
        db = tmp_path / f"db-{number}"
        command = [sys.executable, "-c", code, str(db)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"1\n"
            time.sleep(rng.uniform(0, 0.25))
            process.kill()
            assert process.communicate()[1] == b""
        if db.exists():
            assert _rows_of_traces(db) == {}
        with Database(db) as database:
            assert database.ingest(PARQUETDIR).status == "added"


def _workers(parent: int | None = None) -> set[int]:
    """Running decoders: of a parent, or of anyone."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            command = (entry / "cmdline").read_bytes()
            if b"traceql.read.worker" in command and stat[0] != "Z" and parent in (None, int(stat[1])):
                found.add(int(entry.name))
    return found


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_no_decoder_outlives_its_parent(tmp_path: Path, end: signal.Signals) -> None:
    slow = plain("scv_nwor_off.ncu-rep", tmp_path)
    copies = [tmp_path / f"{n}.ncu-rep" for n in range(3)]
    for copy in copies:
        copy.write_bytes(slow.read_bytes())
    process = _start(tmp_path / "db", *copies)
    children: set[int] = set()
    deadline = time.monotonic() + 20
    while not children and time.monotonic() < deadline:
        time.sleep(0.01)
        children = _workers(process.pid)
    assert children
    process.send_signal(end)
    process.wait()
    deadline = time.monotonic() + 3
    while (left := children & _workers()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left


def test_a_decoder_that_is_killed_is_an_error_of_its_report_only(tmp_path: Path) -> None:
    slow = plain("scv_nwor_off.ncu-rep", tmp_path)
    with subprocess.Popen(
        [sys.executable, "-m", "traceql", "ingest", "--db", str(tmp_path / "db"), str(slow)],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        children: set[int] = set()
        while not children and process.poll() is None:
            children = _workers(process.pid)
        for child in children:
            os.kill(child, signal.SIGKILL)
        _, stderr = process.communicate()
    assert process.returncode == 1
    assert "the decoder crashed" in stderr
    assert "Traceback" not in stderr
    assert not (tmp_path / "db").exists()


def test_an_interrupted_ingest_says_so_and_keeps_whole_traces(
    tmp_path: Path, undisturbed: tuple[dict[str, dict[str, int]], float]
) -> None:
    expected, seconds = undisturbed
    interrupted = 0
    for part in (0.3, 0.5, 0.7, 0.9):
        db = tmp_path / f"db-{part}"
        command = [sys.executable, "-m", "traceql", "ingest", "-q", "--db", str(db), *map(str, ALL)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            time.sleep(part * seconds)
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate()
        if process.returncode == 130:
            interrupted += 1
            assert "Interrupted." in stderr
            assert "Traceback" not in stderr
        if db.exists():
            found = _rows_of_traces(db)
            assert found == {name: expected[name] for name in found}
    assert interrupted
