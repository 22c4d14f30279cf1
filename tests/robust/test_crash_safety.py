"""Killed at any moment, a database opens and holds whole traces only."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import duckdb
import pytest
import systems
from forks import COMMAND, Forks
from helpers_robust import REPORTS, decoded_once, plain
from made.nsys import Recording

from traceql import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.long, systems.posix("signals from outside, and no fork")]

# Small ones: what counts is how many there are to be killed between, and of how many tables.
ALL = [
    REPORTS / name
    for name in (
        "scv_baseline_graph.sqlite.xz",
        "esmm_a10g_2023.1.ncu-rep.xz",
        "esmm_a10g_2023.1_b.ncu-rep.xz",
        "darknet_xavier.nsight-cuprof-report.xz",
        "extrap_a100_2020.3.ncu-rep.xz",
    )
]
FIRST, LAST = ALL[0], ALL[-1]

# Trace → table → rows, where there are any; None stands for rows of no trace.
Rows = dict[str | None, dict[str, int]]


class Undisturbed(NamedTuple):
    """What an ingest comes to that nobody disturbs, and how long it takes, in seconds."""

    rows: Rows
    seconds: float

    def of(self, *traces: str | None) -> Rows:
        """The rows of some of the traces."""
        return {trace: self.rows[trace] for trace in traces}


def _rows_of_traces(db: Path) -> Rows:
    with contextlib.closing(duckdb.connect(str(db), read_only=True)) as connection:
        tables = connection.execute(
            "SELECT table_name FROM duckdb_columns() WHERE column_name = 'trace_id' AND NOT internal "
            "AND table_name IN (SELECT table_name FROM duckdb_tables())"
        ).fetchall()
        names = dict(connection.execute("SELECT trace_id, trace FROM traces").fetchall())
        found: Rows = defaultdict(dict)
        for (table,) in tables:
            counts = f"SELECT trace_id, count(*) FROM {table} GROUP BY trace_id"
            for trace_id, rows in connection.execute(counts).fetchall():
                found[names.get(trace_id)][table] = rows
        return dict(found)


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Processes that have decoded all reports: what is killed in them is the storing."""
    with Forks(*ALL) as forks:
        yield forks


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Undisturbed:
    """An ingest of all reports."""
    db = tmp_path_factory.mktemp("undisturbed") / "db"
    began = time.monotonic()
    with forks.start("ingest", "-q", "--db", db, *ALL) as process:
        assert process.wait() == 0
    whole = Undisturbed(_rows_of_traces(db), time.monotonic() - began)
    assert len(whole.rows) == len(ALL)
    assert None not in whole.rows
    return whole


@decoded_once
def test_kill_9_at_twenty_moments_leaves_whole_traces_only(
    tmp_path: Path, forks: Forks, undisturbed: Undisturbed
) -> None:
    rng = random.Random(9)
    seen = set()
    with Database(tmp_path / "before") as database:
        first = database.ingest(FIRST).name
    for number in range(80):
        if number >= 20 and len(seen) > 2:
            break
        db = tmp_path / f"db-{number}"
        replace = ["--replace"] if number % 4 == 3 else []
        if replace:
            # Every fourth time the database exists already, and its trace is read again.
            db.write_bytes((tmp_path / "before").read_bytes())
        # All together there would be few moments between the first report and the last.
        code = f"from traceql.store import read_in; read_in._TOGETHER = {1 + number % 2}; {COMMAND}"
        with forks.start("ingest", "-q", *replace, "--db", db, *ALL, code=code):
            # On a machine that has become slower, moments are later after the first twenty.
            time.sleep(rng.uniform(0.1, 0.95) * undisturbed.seconds * (1 + number // 20))
        if not db.exists():
            seen.add(0)
            continue
        found = _rows_of_traces(db)
        seen.add(len(found))
        assert found == undisturbed.of(*found)
        if replace:
            assert first in found
        # It can be written, too, and ends up as if nothing had happened.
        with Database(db) as database:
            then = [database.ingest(report).name for report in (ALL if number % 10 == 0 else [LAST])]
        assert _rows_of_traces(db) == undisturbed.of(*found, *then)
    assert len(seen) > 2, f"the moments were not spread: {seen}"


@decoded_once
def test_kill_9_around_the_creation_of_a_database_leaves_a_whole_one_or_none(
    tmp_path: Path, forks: Forks
) -> None:
    code = (
        "import sys, time; from traceql import Database; db = Database(sys.argv[1]); "
        "print(1, flush=True); db._store._make(); print(2, flush=True); time.sleep(60)"
    )
    rng = random.Random(10)
    for number in range(8):
        db = tmp_path / f"db-{number}"
        with forks.start(db, code=code) as process:
            assert process.stdout.readline() == "1\n"
            time.sleep(rng.uniform(0, 0.25))
            process.kill()
            assert process.said() == ""
        if db.exists():
            assert _rows_of_traces(db) == {}
        with Database(db) as database:
            assert database.ingest(LAST).status == "added"


def _workers(parent: int | None = None) -> set[int]:
    """Running decoders: of a parent, or of anyone."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            command = (entry / "cmdline").read_bytes()
            if b"traceql.read.child" in command and stat[0] != "Z" and parent in (None, int(stat[1])):
                found.add(int(entry.name))
    return found


def _start(db: Path, *arguments: Path | str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "traceql", "ingest", "-q", "--db", str(db), *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def _decoders_of(process: subprocess.Popen[str]) -> set[int]:
    """Its decoders, as soon as there is one and it handles signals itself; none if it ends without."""
    children: set[int] = set()
    deadline = time.monotonic() + 20
    while not (children and _handles_signals(process.pid)):
        if process.poll() is not None or time.monotonic() > deadline:
            break
        time.sleep(0.01)
        children = _workers(process.pid)
    return children


def _handles_signals(pid: int) -> bool:
    """Whether a process has a handler for SIGTERM; before, the system ends it."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
        (caught,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
        return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)
    return False


@pytest.mark.parametrize("end", [9, 15])
def test_no_decoder_outlives_its_parent(tmp_path: Path, end: signal.Signals) -> None:
    report = plain("scv_nwor_off.ncu-rep", tmp_path)
    copies = [tmp_path / f"{n}.ncu-rep" for n in range(3)]
    for copy in copies:
        copy.write_bytes(report.read_bytes())
    with _start(tmp_path / "db", *copies) as process:
        children = _decoders_of(process)
        assert children
        process.send_signal(end)
        process.wait()
        deadline = time.monotonic() + 3
        while (left := children & _workers()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not left


@pytest.mark.parametrize(("end", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_waits_for_no_decoder(tmp_path: Path, end: signal.Signals, status: int) -> None:
    with _start(tmp_path / "db", plain("scv_nwor_off.ncu-rep", tmp_path)) as process:
        children = _decoders_of(process)
        # As one that computes for long.
        for child in children:
            os.kill(child, signal.SIGSTOP)
        process.send_signal(end)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == status
    assert stderr.strip() == ("Interrupted." if end == signal.SIGINT else "")
    assert not children & _workers()
    assert not (tmp_path / "db").exists()


def test_a_decoder_that_is_killed_is_an_error_of_its_report_only(tmp_path: Path) -> None:
    slow = plain("scv_nwor_off.ncu-rep", tmp_path)
    # Alone, a report is decoded in the process itself unless NVIDIA's library does it.
    with _start(tmp_path / "db", "--via", "ncu_report", slow) as process:
        for child in _decoders_of(process):
            os.kill(child, signal.SIGKILL)
        _, stderr = process.communicate()
    assert process.returncode == 1
    assert "the decoder crashed" in stderr
    assert "Traceback" not in stderr
    assert not (tmp_path / "db").exists()


def test_an_interrupted_ingest_says_so_and_keeps_whole_traces(
    tmp_path: Path, forks: Forks, undisturbed: Undisturbed
) -> None:
    interrupted = 0
    for part in (0.3, 0.5, 0.7, 0.9):
        db = tmp_path / f"db-{part}"
        with forks.start("ingest", "-q", "--db", db, *ALL) as process:
            time.sleep(part * undisturbed.seconds)
            process.send_signal(signal.SIGINT)
            stderr, status = process.said(), process.wait()
        if status == 130:
            interrupted += 1
            assert "Interrupted." in stderr
            assert "Traceback" not in stderr
        if db.exists():
            found = _rows_of_traces(db)
            assert found == undisturbed.of(*found)
    assert interrupted


def test_an_ingest_interrupted_while_it_decodes_says_so(tmp_path: Path, undisturbed: Undisturbed) -> None:
    db = tmp_path / "db"
    with _start(db, *ALL) as process:
        assert _decoders_of(process)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
    assert process.returncode == 130
    assert "Interrupted." in stderr
    assert "Traceback" not in stderr
    if db.exists():
        found = _rows_of_traces(db)
        assert found == undisturbed.of(*found)


@pytest.mark.parametrize(("end", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("step", range(12))
def test_a_first_ingest_that_is_ended_at_any_moment_leaves_nothing_or_a_whole_trace(
    tmp_path: Path, end: signal.Signals, status: int, step: int
) -> None:
    places = {name: tmp_path / name for name in ("tmp", "cwd", "cache")}
    for place in places.values():
        place.mkdir()
    # Nothing is kept of earlier ones: it makes the empty database that it puts in place.
    environment = {**os.environ, "TMPDIR": str(places["tmp"]), "XDG_CACHE_HOME": str(places["cache"])}
    report = REPORTS / "scv_nwor_off.ncu-rep.xz"
    with subprocess.Popen(
        [sys.executable, "-m", "traceql", "ingest", "-q", str(report)],
        cwd=places["cwd"], env=environment, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 30
        # Not the file by which Python tries whether it can write there.
        while not list(places["tmp"].glob("traceql-*")) and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(step * 0.03)
        process.send_signal(end)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode in (status, 0)
    assert stderr.strip() in ("", "Interrupted.")
    assert list(places["tmp"].iterdir()) == []
    left = [path.name for path in places["cwd"].iterdir()]
    if process.returncode == 0 or left:
        assert left == ["traces.duckdb"]
        assert "scv_nwor_off" in _rows_of_traces(places["cwd"] / left[0])


# A program that installs no handlers, and an empty database that is never done.
MAKING = """
import os, signal, sys, threading, traceql
from traceql.store import create, empty

def endless(connection, definitions):
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    # Short ones: at the end of each DuckDB looks whether a signal came.
    while True:
        connection.execute("SELECT count(*) FROM range(3000000) WHERE range % 7 = 3")

database, report = traceql.open(sys.argv[1]), sys.argv[2]
copy, make = empty.copy, create.create
empty.copy, create.create = lambda *_: False, endless
try:
    database.ingest(report)
except KeyboardInterrupt:
    empty.copy, create.create = copy, make
    print(database.ingest(report).name)
    database.close()
"""


def test_an_interruption_while_an_empty_database_is_made_is_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MAKING, str(tmp_path / "db"), str(REPORTS / "kinds_basic.ncu-rep.xz")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("kinds_basic\n", "", 0)


# --- while the database computes ------------------------------------------------------------------------

# Minutes of work in one operator, which looks neither at signals nor at Python.
SLOW = "SELECT count(*) FROM range(300000) AS a(x), range(300000) AS b(y) WHERE (x * y) % 7 = 3"
# A command in whose first normalising step the database computes that.
PATCHED = """
import dataclasses, sys
from traceql.tables import normalise

steps = normalise.steps("nsys")
slow = (dataclasses.replace(steps[0], sql=sys.argv.pop(1)), *steps[1:])
normalise.steps = lambda kind: print("computing", flush=True) or slow

from traceql.cli import main
main()
"""


@systems.linux("/proc, which tells how long a process has computed")
@pytest.mark.parametrize(("end", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("command", ["ingest", "sql"])
def test_a_command_ends_at_once_while_the_database_computes(
    tmp_path: Path, command: str, end: signal.Signals, status: int
) -> None:
    db = tmp_path / "db"
    report = Recording().range("step", 0, 10).export(tmp_path / "made.sqlite")
    if command == "ingest":
        arguments = ["-c", PATCHED, SLOW, "ingest", "-q", "--db", str(db), str(report)]
    else:
        subprocess.run(
            [sys.executable, "-m", "traceql", "ingest", "-q", "--db", str(db), str(report)], check=True
        )
        arguments = ["-m", "traceql", "sql", "--db", str(db), SLOW]
    before = sorted(p.name for p in tmp_path.iterdir())
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        if command == "ingest":
            assert process.stdout.readline() == "computing\n"
        # Time to compute: so much of the processor is spent on nothing else.
        while (
            float(Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[11])
            < 200
        ):
            assert process.poll() is None
            time.sleep(0.05)
        began = time.monotonic()
        process.send_signal(end)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == status, stderr
    assert time.monotonic() - began < 5
    assert "Traceback" not in stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == before


# --- while Python imports -------------------------------------------------------------------------------

# A thread has the lock for imports when the signal comes, and the main thread wants it next.
IMPORTING = """
import _imp, importlib, os, signal, threading, time
from traceql.store import interrupts

def hold():
    _imp.acquire_lock()
    held.set()
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.1)
    _imp.release_lock()

interrupts.install()
held = threading.Event()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
try:
    importlib._bootstrap._get_module_lock("nowhere")
    time.sleep(10)
except KeyboardInterrupt:
    thread.join()
    print(_imp.lock_held())
"""


@systems.posix("signals that one thread sends to another")
def test_a_signal_in_the_middle_of_an_import_leaves_no_lock_behind() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout == "False\n", done.stderr


@systems.posix("named pipes")
def test_a_named_pipe_is_refused_as_a_database(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "db")
    command = [sys.executable, "-m", "traceql", "ls", "--db", str(tmp_path / "db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "not a file" in done.stderr
