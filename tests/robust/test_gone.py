"""What was removed is gone: no byte of it is left in the database, its log or a temporary folder."""

from __future__ import annotations

import contextlib
import lzma
import os
import random
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
import systems
from command_line import ENVIRONMENT, process, traceql
from forks import Forks
from helpers_robust import REPORTS, contents
from made.nsys import Recording, kernel

from traceql import Database, DatabaseError, QueryError
from traceql.read.formats import READERS
from traceql.read.source import Source, known
from traceql.store import compact, ingest, steps
from traceql.store.decode import Decoded
from traceql.store.sharing import File
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from traceql.store.outcomes import Ingested

SECRET = b"plugh7f3axyzzy"
WORD = SECRET.decode()
# Short ones, ones that DuckDB keeps in blocks of their own, and so many alike that they are compressed.
PLANTED = [
    ("TOKEN", WORD),
    ("LONG", f"{WORD} " + "".join(chr(33 + n * n % 90) for n in range(20_000)) + f" {WORD}"),
    *((f"KEY_{n}", f"{WORD}-{n * 7919 % 1000}") for n in range(300)),
]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files, to be searched with all else."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def _recording(**tags: str) -> Recording:
    return Recording(**tags).range("step", 0, 100).call("cudaLaunchKernel", 5, 10, kernel("gemm", 20, 50))


def _plant(database: Database, name: str, *, keep: bool = True) -> Ingested:
    """A trace of a report that has private data, stored with them or without."""
    path = Path("planted.sqlite")
    report = replace(_recording().report(), environment=PLANTED)
    reader = next(reader for reader in READERS if reader.kind == report.kind)
    decoded = Decoded(path, Source(path, path.name, known("planted"), 0), reader, report, None, ExitStack())
    return ingest.add(database._store, decoded, name=name, keep_environment=keep, replace=True)


def _left(folder: Path) -> list[str]:
    """Files that hold the secret."""
    return [path.name for path in folder.rglob("*") if path.is_file() and SECRET in path.read_bytes()]


def _drop(database: Database, _: Path) -> None:
    database.drop("private")


def _replace(database: Database, _: Path) -> None:
    _plant(database, "private", keep=False)
    assert database.sql("FROM environment").is_empty()


def _private(database: Database, _: Path) -> None:
    _plant(database, "private")


def _tagged(database: Database, _: Path) -> None:
    _recording().store(database, "private")
    database.tag("private", customer=WORD)


def _sweep(database: Database, folder: Path) -> None:
    runs = folder / "sweep.csv"
    # So many that they fill a block; something behind it, for DuckDB cuts off what is free at a file's end.
    lines = (f"{WORD}-{n * n % 7919:0200},{n},2.5\n" for n in range(300))
    runs.write_text("model,batch_size,ms_per_token\n" + "".join(lines))
    database.import_runs(runs)
    _recording().store(database, "later")
    runs.unlink()


def _sweep_again(database: Database, folder: Path) -> None:
    runs = folder / "sweep.csv"
    runs.write_text("model,batch_size,ms_per_token\nllama,1,2.5\n")
    assert database.import_runs(runs, replace=True).status == "replaced"


REMOVALS: Mapping[str, tuple[Callable[[Database, Path], None], Callable[[Database, Path], None]]] = {
    "an environment with its trace": (_private, _drop),
    "an environment that is not kept again": (_private, _replace),
    "a tag with its trace": (_tagged, _drop),
    "runs": (_sweep, lambda database, _: database.drop_runs("sweep")),
    "runs that others replace": (_sweep, _sweep_again),
}


@pytest.mark.long
@pytest.mark.parametrize("what", REMOVALS)
def test_no_byte_is_left_of_what_was_removed(tmp_path: Path, what: str) -> None:
    plant, remove = REMOVALS[what]
    with Database(tmp_path / "db") as database:
        _recording(batch="8").store(database, "kept")
        kept = database.sql("FROM kernels").rows()
        plant(database, tmp_path)
        assert _left(tmp_path)
        remove(database, tmp_path)
        assert not _left(tmp_path)
        assert database.sql("FROM kernels WHERE trace_id = 1").rows() == kept
        assert database.sql("SELECT tags FROM traces WHERE trace = 'kept'").rows() == [({"batch": "8"},)]
    assert not _left(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".csv") == ["db", "temporary"]


@pytest.mark.long
def test_what_had_nothing_private_is_gone_after_compact(tmp_path: Path) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        _recording().store(database, "kept")
        Recording().range(WORD, 0, 100).store(database, "other")
        inode = db.stat().st_ino
        database.drop("other")
        # Nothing private was in it: that takes no new file, and no time.
        assert db.stat().st_ino == inode
        assert _left(tmp_path)
    answer = traceql("compact", "--db", db)
    assert answer.returncode == 0
    assert "bytes before" in answer.stderr
    assert not _left(tmp_path)
    assert db.stat().st_ino != inode


@pytest.mark.long
def test_what_a_tag_and_a_name_were_is_gone_after_compact(tmp_path: Path) -> None:
    with Database(tmp_path / "db") as database:
        _tagged(database, tmp_path)
        database.tag("private", customer="me")
        database.rename("private", WORD)
        database.rename(WORD, "public")
        database.compact()
        assert database.sql("SELECT trace, tags FROM traces").rows() == [("public", {"customer": "me"})]
    assert not _left(tmp_path)


@pytest.mark.long
def test_a_database_with_a_second_name_is_not_written_anew(tmp_path: Path) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        _plant(database, "private")
        _recording().store(database, "kept")
    before = contents(db)
    (tmp_path / "other").hardlink_to(db)
    with Database(db) as database:
        for change in (lambda: database.drop("private"), database.compact):
            with pytest.raises(DatabaseError, match="second name"):
                change()
        assert contents(db) == before
        database.drop("kept")
    assert db.samefile(tmp_path / "other")


@pytest.mark.long
def test_a_database_that_is_written_anew_has_all_that_it_had(tmp_path: Path) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        _plant(database, "one")
        _recording(batch="8").store(database, "two")
        _sweep(database, tmp_path)
    with contextlib.closing(duckdb.connect(str(db))) as connection:
        connection.execute(
            """
            CREATE TYPE side AS ENUM ('left', 'right');
            CREATE TABLE sizes (a HUGEINT, b INTERVAL, c side DEFAULT 'left', d BIT);
            INSERT INTO sizes (a, b, d) VALUES (1::HUGEINT << 100, INTERVAL 3 MONTH, '0101'::BIT);
            CREATE VIEW mine AS SELECT a, trace FROM sizes, traces; COMMENT ON VIEW mine IS 'my own'
            """
        )
    before = contents(db)
    with contextlib.closing(duckdb.connect(str(db))) as connection:
        connection.execute("CREATE SCHEMA own; CREATE TABLE own.deeper AS SELECT 5 AS five")
    definitions = _definitions(db)
    db.chmod(0o640)
    with Database(db) as database:
        assert database.compact().after_bytes == db.stat().st_size
        assert database.sql("FROM own.deeper").item() == 5
    assert _definitions(db) == definitions
    with contextlib.closing(duckdb.connect(str(db))) as connection:
        connection.execute("DROP SCHEMA own CASCADE")
    assert contents(db) == before
    assert stat.S_IMODE(db.stat().st_mode) == 0o640
    with Database(db) as database:
        database.drop("one")
        assert database.sql("SELECT a, trace FROM mine WHERE trace = 'two'").rows() == [(1 << 100, "two")]
        third = _recording().database().sql("FROM kernels").height
        _recording().store(database, "three")
        assert database.sql("SELECT count(*) FROM kernels").item() == 3 * third


def _definitions(db: Path) -> list[list[tuple[object, ...]]]:
    """All that a database holds beside rows, and what says of what it was made."""
    asked = (
        "SELECT schema_name, table_name, comment, sql FROM duckdb_tables()",
        "SELECT table_name, column_name, data_type, column_default, comment FROM duckdb_columns() WHERE NOT internal",
        "SELECT schema_name, view_name, comment, sql FROM duckdb_views() WHERE NOT internal",
        "SELECT function_name, parameters, comment, macro_definition FROM duckdb_functions() WHERE NOT internal",
        "FROM traceql_meta",
    )
    with contextlib.closing(duckdb.connect(str(db), read_only=True)) as connection:
        return [sorted(map(_ordered, connection.execute(sql).fetchall()), key=str) for sql in asked]


def _ordered(row: tuple[object, ...]) -> tuple[object, ...]:
    """The row with the words of each text in one order: DuckDB prints EXCLUDE and REPLACE in another each time."""
    return tuple(sorted(re.findall(r"\w+", cell)) if isinstance(cell, str) else cell for cell in row)


@pytest.mark.long
@pytest.mark.parametrize("version", [1, 2])
def test_from_an_older_database_it_is_removed_as_well(tmp_path: Path, version: int) -> None:
    db = tmp_path / "db"
    packed = REPORTS.parent / "databases" / f"version_{version}.duckdb.xz"
    db.write_bytes(lzma.decompress(packed.read_bytes()))
    with Database(db) as database:
        (number, dropped), *others = database.sql("SELECT trace_id, trace FROM traces").rows()
    with contextlib.closing(duckdb.connect(str(db))) as connection:
        connection.execute("INSERT INTO environment VALUES (?, 'TOKEN', ?)", [number, WORD])
    assert _left(tmp_path)
    with Database(db) as database:
        database.drop(dropped)
        assert database.sql("SELECT trace FROM traces")["trace"].to_list() == [name for _, name in others]
        assert database.sql("SELECT schema_version FROM traceql_meta").item() == schema.SCHEMA_VERSION
        assert database.sql("SELECT count(*) FROM kernels").item()
    assert not _left(tmp_path)


@pytest.mark.long
def test_a_removal_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        _plant(database, "private")
    before, inode = contents(db), db.stat().st_ino
    with Database(db) as database, pytest.raises(QueryError, match="nothing"):
        database.drop("private", "nothing")
    assert (contents(db), db.stat().st_ino) == (before, inode)


@pytest.mark.long
@systems.posix("limits of processes")
def test_without_room_for_a_new_file_nothing_is_removed(tmp_path: Path) -> None:
    import resource

    db = tmp_path / "db"
    with Database(db) as database:
        _plant(database, "private")
        for name in ("one", "two"):
            _recording().store(database, name)
    before = contents(db)
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)); "
        "from traceql.cli import main; main()"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    for command in (["drop", "private"], ["compact"]):
        answer = subprocess.run(
            [sys.executable, "-c", code, *command, "--db", str(db)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 1
        assert "The database is as it was" in answer.stderr
        assert "Traceback" not in answer.stderr
        assert contents(db) == before
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("db")] == ["db"]


@pytest.mark.long
def test_a_folder_in_which_nothing_can_be_made_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        _plant(database, "private")
    before = contents(db)
    monkeypatch.setattr(compact, "folder", lambda _: str(tmp_path / "nowhere" / "db.compact"))
    with Database(db) as database, pytest.raises(DatabaseError, match="no new file"):
        database.drop("private")
    assert contents(db) == before


@pytest.mark.long
def test_a_new_file_that_cannot_be_put_in_place_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        _plant(database, "private")
    before = contents(db)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "replace", refuse)
    with Database(db) as database, pytest.raises(DatabaseError, match="not permitted"):
        database.drop("private")
    assert contents(db) == before
    assert [path.name for path in tmp_path.glob("db*")] == ["db"]


@pytest.mark.long
def test_a_new_file_has_the_triggers_of_a_users_own_tables(tmp_path: Path) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        _plant(database, "private")
    with contextlib.closing(duckdb.connect(str(db))) as connection:
        for place in ("main", '"a b"'):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {place}")
            connection.execute(f"CREATE TABLE {place}.mine (x INTEGER); CREATE TABLE {place}.log (x INTEGER)")
            connection.execute(
                f"CREATE TRIGGER t AFTER INSERT ON {place}.mine FOR EACH STATEMENT INSERT INTO {place}.log VALUES (1)"
            )
            connection.execute(f"INSERT INTO {place}.mine VALUES (5)")
    with Database(db) as database:
        database.drop("private")
    assert not _left(tmp_path)
    with contextlib.closing(duckdb.connect(str(db))) as connection:
        for place in ("main", '"a b"'):
            # The rows were copied, and no trigger followed that.
            assert connection.execute(f"SELECT count(*) FROM {place}.log").fetchall() == [(1,)]
            connection.execute(f"INSERT INTO {place}.mine VALUES (6)")
            assert connection.execute(f"SELECT count(*) FROM {place}.log").fetchall() == [(2,)]


def test_there_is_nothing_to_compact_in_memory_and_no_database_is_an_error(tmp_path: Path) -> None:
    with _recording().database() as database:
        assert database.compact().before_bytes == 0
        assert database.sql("FROM kernels").height == 1
    with pytest.raises(DatabaseError, match="no such database"):
        Database(tmp_path / "none").compact()
    assert not (tmp_path / "none").exists()


@pytest.mark.long
def test_a_second_name_that_a_killed_creation_has_left_keeps_nothing(tmp_path: Path) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        _plant(database, "private")
    (tmp_path / "db.0123456789abcdef.new").hardlink_to(db)
    with Database(db) as database:
        database.drop("private")
    assert not _left(tmp_path)
    assert [path.name for path in tmp_path.glob("db*")] == ["db"]


# --- who may read ---------------------------------------------------------------------------------------


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.long
def test_a_database_with_an_environment_is_for_its_owner_alone(tmp_path: Path) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        assert not _plant(database, "private").warnings
        assert _mode(db) == 0o600
        database.drop("private")
        assert _mode(db) == 0o600


@pytest.mark.long
def test_one_that_others_could_read_is_so_with_the_first_environment_and_says_it(tmp_path: Path) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        _recording().store(database, "kept")
        db.chmod(0o664)
        _plant(database, "other", keep=False)
        assert _mode(db) == 0o664
        (warning,) = _plant(database, "private").warnings
        assert "for its owner alone" in warning
        assert _mode(db) == 0o600
        # Known from then on: it is said once.
        assert not _plant(database, "private").warnings
    with Database(db) as database:
        assert database.sql("FROM environment").height == len(PLANTED)


@pytest.mark.long
def test_the_log_of_an_environment_is_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, seen = tmp_path / "db", []
    with Database(db) as database:
        _recording().store(database, "kept")
    close = File._close

    def watched(file: File) -> None:
        log = tmp_path / "db.wal"
        if log.exists() and log.stat().st_size:
            seen.append((_mode(log), SECRET in log.read_bytes()))
        close(file)

    monkeypatch.setattr(File, "_close", watched)
    with Database(db) as database:
        _plant(database, "private")
    assert seen == [(0o600, True)]


@pytest.mark.long
def test_an_environment_that_is_not_stored_after_all_leaves_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        _recording().store(database, "kept")
        monkeypatch.setattr(steps, "_missing", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            _plant(database, "private")
    assert [path.name for path in tmp_path.glob("db*")] == ["db"]
    assert not _left(tmp_path)


# --- killed, and beside others --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Processes that have imported everything."""
    with Forks() as forks:
        yield forks


@pytest.fixture
def two_traces(tmp_path: Path) -> Path:
    """A database with something private."""
    db = tmp_path / "db"
    with Database(db) as database:
        _recording(batch="8").store(database, "kept")
        _plant(database, "private")
    return db


_KILLED = """
import os, signal, sys
from traceql import Database
from traceql.store import compact, sharing

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def after(*given):
    moved(*given)
    kill()

moved = os.replace
match sys.argv[2]:
    case "while it is copied":
        compact._as_before = kill
    case "before it takes its place":
        os.replace = kill
    case "when it has taken its place":
        os.replace = after
Database(sys.argv[1]).drop("private")
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("moment", "gone"),
    [
        ("while it is copied", False),
        ("before it takes its place", False),
        ("when it has taken its place", True),
    ],
)
def test_killed_there_is_the_old_database_or_the_new_one(
    two_traces: Path, forks: Forks, moment: str, gone: bool
) -> None:
    old = contents(two_traces)
    with forks.start(two_traces, moment, code=_KILLED) as killed:
        assert killed.wait() == -signal.SIGKILL
    found = contents(two_traces)
    assert found is not None
    assert (found == old) is not gone
    assert bool(found["environment"]) is not gone
    assert (SECRET in two_traces.read_bytes()) is not gone
    with Database(two_traces) as database:
        # The next change takes away what is left of the one before.
        database.rename("kept", "still")
        assert not [path.name for path in two_traces.parent.iterdir() if path.name.startswith("db.")]
        if not gone:
            database.drop("private")
    assert not _left(two_traces.parent)


@pytest.mark.long
def test_killed_at_any_moment_there_is_the_old_database_or_the_new_one(tmp_path: Path, forks: Forks) -> None:
    rng = random.Random(11)
    whole = tmp_path / "whole"
    with Database(whole) as database:
        _recording(batch="8").store(database, "kept")
        _plant(database, "private")
    old, content = contents(whole), whole.read_bytes()
    began = time.monotonic()
    with forks.start("drop", "--db", whole, "private") as process:
        assert process.wait() == 0
    seconds, new = time.monotonic() - began, contents(whole)
    seen = set()
    for number in range(30):
        db = tmp_path / f"db-{number}"
        db.write_bytes(content)
        with forks.start("drop", "--db", db, "private"):
            time.sleep(rng.uniform(0.2, 1.0) * seconds)
        found = contents(db)
        assert found in (old, new)
        seen.add(found == new)
        with Database(db) as database:
            database.tag("kept", batch="8")
            if found == old:
                database.drop("private")
        assert contents(db) == new
        assert SECRET not in db.read_bytes()
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(f"{db.name}.")] == []
    assert False in seen


@pytest.mark.long
def test_nobody_opens_the_new_file_before_the_old_one_is_closed(
    two_traces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, at_once = [], {**ENVIRONMENT, "TRACEQL_WAIT": "0"}

    def ask() -> None:
        said.append(process("ls", "--db", two_traces, environment=at_once).returncode)

    give_way = File.give_way

    def watched(file: File, made: str, place: str) -> None:
        ask()
        give_way(file, made, place)
        ask()

    monkeypatch.setattr(File, "give_way", watched)
    with Database(two_traces) as database:
        database.drop("private")
        ask()
    assert said == [1, 1, 0]
