"""Input that cannot be used: a clear message with a remedy, exit status 1, the database as it was."""

from __future__ import annotations

import contextlib
import gzip
import json
import lzma
import os
import random
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import duckdb
import pyarrow as pa
import pytest
import systems
from command_line import traceql
from forks import COMMAND, Forks
from helpers_robust import ARROWDIR, PARQUETDIR, REPORTS, content, contents, decoded_here, plain

from traceql import Database, given
from traceql.errors import (
    DatabaseError,
    ReportError,
    SchemaVersionError,
    TraceqlError,
    TruncatedReportError,
    UnknownFormatError,
)
from traceql.read import sidecar, source
from traceql.store import failures
from traceql.store.decode import find_reports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NCU = "scv_baseline_graph.ncu-rep"
NSYS = "scv_baseline_graph.nsys-rep"
SQLITE = "scv_baseline_graph.sqlite"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that holds one trace."""
    path = tmp_path_factory.mktemp("filled") / "db"
    with Database(path) as database:
        database.ingest(ARROWDIR)
    return path


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Processes that are allowed to crash, or have little room."""
    systems.needs_posix("fork")
    with Forks() as forks:
        yield forks


def refused(report: Path, filled: Path) -> TraceqlError:
    """The error of ingesting `report`; both a filled database and a missing one stay as they were."""
    before = filled.read_bytes()
    with Database(filled) as database, pytest.raises(TraceqlError) as caught:
        database.ingest(report)
    assert filled.read_bytes() == before
    absent = report.parent / "absent.duckdb"
    with Database(absent) as database, pytest.raises(type(caught.value)):
        database.ingest(report)
    assert not absent.exists()
    assert caught.value.remedy
    assert "\n" not in caught.value.message
    return caught.value


# --- files that are no reports --------------------------------------------------------------------------


@pytest.mark.long
def test_a_missing_path_is_named(tmp_path: Path, filled: Path) -> None:
    assert "no such file" in refused(tmp_path / "none.ncu-rep", filled).message


def test_a_directory_without_reports_is_refused(tmp_path: Path, filled: Path) -> None:
    (tmp_path / "folder" / "deeper").mkdir(parents=True)
    (tmp_path / "folder" / "notes.txt").write_text("hello")
    assert isinstance(refused(tmp_path / "folder", filled), UnknownFormatError)
    with pytest.raises(ReportError, match="holds no reports"):
        find_reports([tmp_path / "folder"])


def test_a_pattern_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="nothing matches"):
        find_reports([tmp_path / "*.ncu-rep"])


@pytest.mark.parametrize("name", ["run.ncu-rep", "run.sqlite", "run", "run.ncu-rep.xz"])
def test_an_empty_file_is_called_empty(tmp_path: Path, filled: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert "empty" in refused(tmp_path / name, filled).message


@pytest.mark.parametrize("name", ["run.ncu-rep", "run.sqlite", "notes.txt"])
def test_a_text_file_is_no_report(tmp_path: Path, filled: Path, name: str) -> None:
    (tmp_path / name).write_text("kernel,time\nfoo,1\n" * 100)
    error = refused(tmp_path / name, filled)
    assert isinstance(error, UnknownFormatError)
    assert name in error.message


def test_a_git_lfs_pointer_is_recognised(tmp_path: Path, filled: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n"
    (tmp_path / "run.ncu-rep").write_text(pointer)
    error = refused(tmp_path / "run.ncu-rep", filled)
    assert "Git LFS pointer" in error.message
    assert "git lfs pull" in error.remedy


@systems.posix("named pipes")
def test_a_named_pipe_is_refused_instead_of_waited_for(tmp_path: Path, filled: Path) -> None:
    os.mkfifo(tmp_path / "run.sqlite")
    assert "not a file" in refused(tmp_path / "run.sqlite", filled).message


# --- Nsight Compute reports -----------------------------------------------------------------------------


def _block_ends(report: bytes) -> set[int]:
    from traceql.read import protobuf

    at = 8 + int.from_bytes(report[4:8], "little")
    ends = {4, at}
    while at < len(report):
        length = int.from_bytes(report[at : at + 4], "little")
        header = protobuf.message(report[at + 4 : at + 4 + length])
        at += 4 + length + (protobuf.number(header, 5) or 0)
        ends.add(at)
    return ends


@decoded_here
def test_a_report_cut_at_any_of_twenty_places_is_called_truncated(tmp_path: Path, filled: Path) -> None:
    report = content(NCU)
    whole = _block_ends(report)
    assert len(report) in whole
    places = random.Random(20).sample([n for n in range(9, len(report)) if n not in whole], 20)
    paths = []
    for place in places:
        paths.append(tmp_path / f"cut-at-{place}.ncu-rep")
        paths[-1].write_bytes(report[:place])
    before = filled.read_bytes()
    answer = traceql("ingest", "--db", filled, *paths)
    assert answer.returncode == 1
    for path in paths:
        assert path.name in answer.stderr
    assert answer.stderr.count("error:") == 20
    assert answer.stderr.count("the file ends inside") + answer.stderr.count("more than the file has") == 20
    assert answer.stderr.count("Copy the file again") == 20
    assert "20 of 20 reports could not be read" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert filled.read_bytes() == before


@decoded_here
@pytest.mark.parametrize("length", [4, 6, 8])
def test_a_report_cut_inside_its_first_bytes_is_refused(tmp_path: Path, filled: Path, length: int) -> None:
    (tmp_path / "run.ncu-rep").write_bytes(content(NCU)[:length])
    assert isinstance(refused(tmp_path / "run.ncu-rep", filled), TruncatedReportError)


@pytest.mark.long
def test_a_report_that_is_only_its_header_is_said_to_hold_nothing(tmp_path: Path, filled: Path) -> None:
    report = content(NCU)
    (tmp_path / "run.ncu-rep").write_bytes(report[: 8 + int.from_bytes(report[4:8], "little")])
    error = refused(tmp_path / "run.ncu-rep", filled)
    assert "holds no profiled workload" in error.message
    assert "cut right after its header" in error.remedy


@pytest.mark.long
def test_noise_behind_the_header_is_refused(tmp_path: Path, filled: Path) -> None:
    report = content(NCU)
    head = report[: 8 + int.from_bytes(report[4:8], "little")]
    (tmp_path / "run.ncu-rep").write_bytes(head + random.Random(3).randbytes(5000))
    refused(tmp_path / "run.ncu-rep", filled)


def answered(forks: Forks, db: Path, report: Path) -> bool:
    """Whether a report is added or refused, in a process of its own that also decodes: a crash is an answer."""
    code = f"import helpers_robust; helpers_robust.decoded_here.start(); {COMMAND}"
    with forks.start("ingest", "--db", db, report, code=code) as process:
        stderr, status = process.said(), process.wait()
    if status < 0:
        return status != -signal.SIGALRM
    said = [stderr.count("error:"), stderr.count(": added")]
    return "Traceback" not in stderr and said == {0: [0, 1], 1: [1, 0]}[status]


def test_flipped_bytes_never_get_past_a_traceql_error(tmp_path: Path, forks: Forks) -> None:
    rng = random.Random(8)
    for number in range(12):
        damaged = bytearray(content(NCU))
        for _ in range(20):
            damaged[rng.randrange(8, len(damaged))] ^= 1 << rng.randrange(8)
        path = tmp_path / f"flipped-{number}.ncu-rep"
        path.write_bytes(damaged)
        assert answered(forks, tmp_path / "db", path)


@pytest.mark.parametrize(
    ("original", "name"), [(NSYS, "run.ncu-rep"), (NCU, "run.sqlite"), (SQLITE, "r.ncu-rep")]
)
def test_a_renamed_report_is_recognised(tmp_path: Path, filled: Path, original: str, name: str) -> None:
    (tmp_path / name).write_bytes(content(original))
    error = refused(tmp_path / name, filled)
    what = {NSYS: "Nsight Systems|nsys-rep", NCU: "content is ncu-rep", SQLITE: "content is nsys-sqlite"}
    assert any(part in error.message for part in what[original].split("|"))


@pytest.mark.parametrize("lake", [False, True])
@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_of_a_trace_is_refused_and_the_database_stays_readable(
    tmp_path: Path, name: str, lake: bool
) -> None:
    db = f"{tmp_path}/db" + "/" * lake
    assert traceql("ingest", "--db", db, REPORTS / "repeat_0.nsys-rep.xz").returncode == 0
    for command in (
        ("rename", "repeat_0", name),
        ("ingest", REPORTS / "repeat_1.nsys-rep.xz", "--name", name),
    ):
        answer = traceql(*command, "--db", db)
        assert answer.returncode == 2 and "a trace has a name" in answer.stderr
    with Database(db) as database:
        assert database.sql("SELECT trace FROM traces")["trace"].to_list() == ["repeat_0"]


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ("UPDATE ANALYSIS_DETAILS SET duration = -1", "trace_duration_ns"),
        ("UPDATE ANALYSIS_DETAILS SET duration = 4611686018427387904", "trace_duration_ns"),
        ("UPDATE TARGET_INFO_SESSION_START_TIME SET utcEpochNs = 4611686018427387904", "start_utc_ns"),
    ],
)
def test_a_report_with_times_that_no_database_may_hold_is_refused_beside_others(
    tmp_path: Path, wrong: str, what: str
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    bad = plain("graph_nodes.sqlite", folder)
    with contextlib.closing(sqlite3.connect(bad)) as connection:
        connection.execute(wrong)
        connection.commit()
    shutil.copy(REPORTS / "repeat_0.nsys-rep.xz", folder)
    for jobs in ((), ("--jobs", "2")):
        db = tmp_path / f"db{len(jobs)}"
        answer = traceql("ingest", "--db", db, *jobs, folder)
        assert answer.returncode == 1
        assert f"graph_nodes.sqlite: {what} is not a time of less than 73 years" in answer.stderr
        with Database(db) as database:
            assert database.sql("SELECT trace FROM traces")["trace"].to_list() == ["repeat_0"]


# --- compressed files -----------------------------------------------------------------------------------


def _zstd(data: bytes) -> bytes:
    packed = pa.Codec("zstd").compress(data, asbytes=True)
    assert isinstance(packed, bytes)
    return packed


PACKERS: dict[str, Callable[[bytes], bytes]] = {"xz": lzma.compress, "gz": gzip.compress, "zst": _zstd}


@pytest.mark.parametrize("suffix", PACKERS)
def test_compressed_data_that_ends_early_is_refused(tmp_path: Path, filled: Path, suffix: str) -> None:
    packed = PACKERS[suffix](content(SQLITE))
    rng = random.Random(suffix)
    for length in (12, *(rng.randrange(20, len(packed)) for _ in range(4)), len(packed) - 1):
        path = tmp_path / f"run.sqlite.{suffix}"
        path.write_bytes(packed[:length])
        error = refused(path, filled)
        assert "ends too early" in error.message or "Truncated compressed stream" in error.message
        assert "Copy the file again" in error.remedy


@pytest.mark.parametrize("suffix", ["xz", "gz"])
def test_damaged_compressed_data_is_refused(tmp_path: Path, filled: Path, suffix: str) -> None:
    # Both carry a checksum: whatever the flip hits, it is noticed.
    packed = PACKERS[suffix](content(SQLITE))
    rng = random.Random(suffix)
    for _ in range(8):
        damaged = bytearray(packed)
        for _ in range(3):
            damaged[rng.randrange(12, len(damaged) - 20)] ^= 0xFF
        path = tmp_path / f"run.sqlite.{suffix}"
        path.write_bytes(damaged)
        error = refused(path, filled)
        assert "damaged" in error.message or "ends too early" in error.message


def test_a_damaged_gzip_block_is_refused(tmp_path: Path, filled: Path) -> None:
    packed = gzip.compress(content(SQLITE), mtime=0)
    (tmp_path / "run.sqlite.gz").write_bytes(packed[:12] + b"\xff\xff" + packed[14:])
    assert "damaged gzip data" in refused(tmp_path / "run.sqlite.gz", filled).message


def test_a_compressed_text_is_no_report(tmp_path: Path, filled: Path) -> None:
    (tmp_path / "notes.xz").write_bytes(lzma.compress(b"hello"))
    assert isinstance(refused(tmp_path / "notes.xz", filled), UnknownFormatError)


# --- nsys exports ---------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_sqlite_file_without_nsys_tables_is_refused(tmp_path: Path, filled: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
        connection.commit()
    assert "none of the tables" in refused(tmp_path / "shop.sqlite", filled).message


@pytest.mark.long
def test_a_sqlite_file_cut_short_is_refused(tmp_path: Path, filled: Path) -> None:
    export = content(SQLITE)
    rng = random.Random(5)
    for length in (17, 100, 4096, *(rng.randrange(5000, len(export) - 4096) for _ in range(5))):
        (tmp_path / "run.sqlite").write_bytes(export[:length])
        error = refused(tmp_path / "run.sqlite", filled)
        assert "damaged" in error.message
        assert "export the report again" in error.remedy


@pytest.mark.long
def test_a_sqlite_file_with_flipped_bytes_never_gets_past_a_traceql_error(tmp_path: Path) -> None:
    rng = random.Random(6)
    for number in range(12):
        damaged = bytearray(content(SQLITE))
        for _ in range(100):
            damaged[rng.randrange(100, len(damaged))] ^= 1 << rng.randrange(8)
        path = tmp_path / f"flipped-{number}.sqlite"
        path.write_bytes(damaged)
        with Database(tmp_path / "db") as database, contextlib.suppress(ReportError):
            database.ingest(path)


@pytest.mark.long
@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("CUPTI_ACTIVITY_KIND_KERNEL", "start", "soon"),
        ("CUPTI_ACTIVITY_KIND_KERNEL", "gridX", "wide"),
        ("NVTX_EVENTS", "globalTid", b"\xff\x00"),
        ("CUPTI_ACTIVITY_KIND_RUNTIME", "correlationId", "none"),
        ("CUPTI_ACTIVITY_KIND_KERNEL", "gridX", 1 << 40),
        ("CUPTI_ACTIVITY_KIND_KERNEL", "start", -(1 << 63)),
    ],
)
def test_values_that_cannot_be_are_refused(
    tmp_path: Path, filled: Path, table: str, column: str, value: object
) -> None:
    path = plain(SQLITE, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = 3", (value,))
        connection.commit()
    error = refused(path, filled)
    assert isinstance(error, ReportError)
    assert path.name in error.message


def _exported(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / original.name))


@pytest.mark.long
@pytest.mark.parametrize("original", [PARQUETDIR, ARROWDIR], ids=["parquet", "arrow"])
def test_a_member_of_a_folder_cut_short_is_named(tmp_path: Path, filled: Path, original: Path) -> None:
    folder = _exported(original, tmp_path)
    member = next(folder.glob("CUPTI_ACTIVITY_KIND_KERNEL.*"))
    whole = member.read_bytes()
    rng = random.Random(original.name)
    for length in (0, 3, *(rng.randrange(20, len(whole) - 100) for _ in range(4))):
        member.write_bytes(whole[:length])
        error = refused(folder, filled)
        assert f"{folder.name}/{member.name}" in error.message
        assert "damaged or cut short" in error.message


@pytest.mark.long
@pytest.mark.parametrize("original", [PARQUETDIR, ARROWDIR], ids=["parquet", "arrow"])
def test_a_member_of_a_folder_that_is_noise_is_named(tmp_path: Path, filled: Path, original: Path) -> None:
    folder = _exported(original, tmp_path)
    member = next(folder.glob("StringIds.*"))
    member.write_bytes(random.Random(4).randbytes(5000))
    assert member.name in refused(folder, filled).message


@pytest.mark.parametrize("original", [PARQUETDIR, ARROWDIR], ids=["parquet", "arrow"])
def test_flipped_bytes_in_a_folder_never_get_past_a_traceql_error(
    tmp_path: Path, forks: Forks, original: Path
) -> None:
    folder = _exported(original, tmp_path)
    members = [next(folder.glob(f"{name}.*")) for name in ("NVTX_EVENTS", "CUPTI_ACTIVITY_KIND_MEMCPY")]
    whole = {member: member.read_bytes() for member in members}
    rng = random.Random(7)
    for number in range(8):
        for member, data in whole.items():
            damaged = bytearray(data)
            for _ in range(10):
                damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            member.write_bytes(damaged)
        assert answered(forks, tmp_path / "db", Path(shutil.copytree(folder, tmp_path / f"flipped-{number}")))


# --- databases ------------------------------------------------------------------------------------------


def _text(path: Path) -> None:
    path.write_text("not a database\n" * 1000, encoding="utf-8")


def _empty(path: Path) -> None:
    path.touch()


def _sqlite(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.commit()


def _duckdb(path: Path) -> None:
    duckdb.connect(str(path)).execute("CREATE TABLE traces AS SELECT 1 AS trace_id").close()


def _newer(path: Path) -> None:
    duckdb.connect(str(path)).execute("UPDATE traceql_meta SET schema_version = schema_version + 1").close()


def _older(path: Path) -> None:
    duckdb.connect(str(path)).execute("UPDATE traceql_meta SET schema_version = 0").close()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:300_000])


def _flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for at in range(12_288, len(data), 5_000):
        data[at] ^= 0xFF
    path.write_bytes(data)


#: Those that do something to a database that can be used.
_SPOIL = (_newer, _older, _cut, _flipped)


@pytest.mark.long
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_text, "not a DuckDB database"),
        (_empty, "not a DuckDB database"),
        (_sqlite, "not a DuckDB database"),
        (_duckdb, "not one of traceql"),
        (_newer, "pip install --upgrade traceql"),
        (_older, "Ingest the reports again"),
        (_cut, "the database is damaged"),
        (_flipped, "the database is damaged"),
    ],
)
def test_a_file_that_is_no_usable_database_is_refused_and_left_alone(
    tmp_path: Path, filled: Path, make: Callable[[Path], None], message: str
) -> None:
    path = tmp_path / "db"
    if make in _SPOIL:
        shutil.copyfile(filled, path)
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with Database(path) as database:
        for use in (
            lambda: database.sql("SELECT 1"),
            lambda: database.ingest(ARROWDIR),
            lambda: database.drop("x"),
        ):
            with pytest.raises(DatabaseError, match=message) as caught:
                use()
            assert caught.value.remedy
            assert isinstance(caught.value, SchemaVersionError) == (make in (_newer, _older))
    assert (path.read_bytes() if path.is_file() else None) == before
    assert [p.name for p in tmp_path.iterdir()] == ["db"]


@pytest.mark.long
def test_an_empty_folder_holds_nothing_until_something_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "db"
    path.mkdir()
    with Database(path) as database:
        for use in (lambda: database.sql("SELECT 1"), lambda: database.drop("x")):
            with pytest.raises(DatabaseError, match="a folder, but no lake"):
                use()
        assert list(path.iterdir()) == []
        assert database.ingest(ARROWDIR).status == "added"
        assert database.sql("SELECT count(*) FROM traces").item() == 1


def test_a_database_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    answer = traceql("ingest", PARQUETDIR, "--db", tmp_path / "none" / "db")
    assert answer.returncode == 1
    assert "Check the path" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.long
def test_a_database_cut_behind_what_is_read_first_is_still_reported(tmp_path: Path) -> None:
    whole = tmp_path / "db"
    with Database(whole) as database:
        database.ingest(PARQUETDIR)
        database.ingest(ARROWDIR)
    size = whole.stat().st_size
    for part in range(1, 10):
        cut = tmp_path / f"cut-{part}"
        cut.write_bytes(whole.read_bytes()[: size * part // 10])
        with Database(cut) as database, contextlib.suppress(TraceqlError):
            for table in database.tables()["name"]:
                database.sql(f"FROM {table}")
        with Database(cut) as database, contextlib.suppress(TraceqlError):
            database.ingest(REPORTS / f"{SQLITE}.xz")


@pytest.mark.long
def test_an_address_of_something_else_is_only_a_file_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("sqlite:x", "md:x"):
        with Database(name) as database:
            database.ingest(PARQUETDIR)
        assert (tmp_path / name).is_file()


# --- a full disk ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _small_disk(folder: Path, size: int = 2 << 20) -> Iterator[str]:
    """A place of 2 MB: a file system where mounting is permitted; else code for processes, that limits files."""
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        mount
        and not subprocess.run(
            [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True
        ).returncode
    ):
        try:
            yield ""
        finally:
            subprocess.run(["umount", str(folder)], check=True)
        return
    yield f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size})); "


def _limited(forks: Forks, limit: str, *arguments: str | Path) -> tuple[int, str]:
    """Exit status of a command, and what it says on standard error."""
    with forks.start(*arguments, code=limit + COMMAND) as process:
        said = process.said()
        return process.wait(), said


@pytest.mark.long
def test_a_full_disk_is_reported_and_the_database_stays_as_it_was(tmp_path: Path, forks: Forks) -> None:
    big = plain("gpu_metrics.sqlite", tmp_path)
    with Database(tmp_path / "other") as database:
        # The empty database is kept from then on.
        database.ingest(PARQUETDIR)
    with _small_disk(tmp_path / "small") as limit:
        db = tmp_path / "small" / "db"
        status, stderr = _limited(forks, limit, "ingest", "--db", db, big)
        assert status == 1, stderr
        # Where all files are limited, those through which rows come are, too.
        if not (limit and "its tables do not fit into the temporary folder" in stderr):
            assert stderr.startswith(f"error: {db}: ")
            assert "the database is as it was" in stderr.lower()
        assert "Traceback" not in stderr
        assert not list(db.parent.iterdir())

    # There is room for one report, and a block of the database more, but for no other one.
    with _small_disk(tmp_path / "larger", (tmp_path / "other").stat().st_size + (256 << 10)) as limit:
        db = tmp_path / "larger" / "db"
        status, stderr = _limited(forks, limit, "ingest", "--db", db, PARQUETDIR)
        assert status == 0, stderr
        before = contents(db)
        status, stderr = _limited(forks, limit, "ingest", "--db", db, big)
        assert status == 1, stderr
        assert "Traceback" not in stderr
        assert contents(db) == before
        _, stderr = _limited(forks, limit, "drop", "--db", db, PARQUETDIR.name)
        assert "Traceback" not in stderr


@pytest.mark.long
def test_of_a_database_that_was_made_on_a_full_disk_nothing_is_kept(tmp_path: Path, forks: Forks) -> None:
    cache = str(tmp_path / "cache")
    place = (
        f"import os; os.environ.update(HOME={cache!r}, XDG_CACHE_HOME={cache!r}, LOCALAPPDATA={cache!r}); "
    )
    with _small_disk(tmp_path / "small", 1 << 20) as limit:
        db = tmp_path / "small" / "db"
        status, stderr = _limited(forks, place + limit, "ingest", "--db", db, PARQUETDIR)
        assert status == 1, stderr
        assert "the database is as it was" in stderr.lower()
        assert not list(db.parent.iterdir())
    assert not list(tmp_path.glob("cache/**/*.duckdb"))
    status, stderr = _limited(forks, place, "ingest", "--db", tmp_path / "db", PARQUETDIR)
    assert status == 0, stderr
    assert list(tmp_path.glob("cache/**/*.duckdb"))


def test_no_room_to_unpack_a_report_is_reported(tmp_path: Path, forks: Forks) -> None:
    with _small_disk(tmp_path / "small") as limit:
        place = f"import os; os.environ['TMPDIR'] = {str(tmp_path / 'small')!r}; "
        report = REPORTS / "scv_nwor_off.ncu-rep.xz"
        status, stderr = _limited(forks, place + limit, "ingest", "--db", tmp_path / "db", report)
    assert status == 1
    assert "cannot be unpacked" in stderr
    assert "TMPDIR" in stderr
    assert "Traceback" not in stderr
    assert not (tmp_path / "db").exists()


# --- the command line -----------------------------------------------------------------------------------


@pytest.mark.long
def test_one_bad_report_of_two_does_not_keep_the_good_one_out(tmp_path: Path) -> None:
    (tmp_path / "bad.sqlite").write_bytes(content(SQLITE)[:9000])
    for order in (["bad", "good"], ["good", "bad"]):
        paths = {"bad": tmp_path / "bad.sqlite", "good": PARQUETDIR}
        db = tmp_path / order[0]
        answer = traceql("ingest", "--db", db, *(paths[o] for o in order))
        assert answer.returncode == 1
        assert (
            "error: bad.sqlite: damaged SQLite file" in answer.stderr or "bad.sqlite: table" in answer.stderr
        )
        assert "1 of 2 reports could not be read" in answer.stderr
        with Database(db) as database:
            assert database.sql("SELECT trace FROM traces")["trace"].to_list() == [PARQUETDIR.name]


def test_a_missing_path_exits_with_1_and_names_the_remedy(tmp_path: Path) -> None:
    answer = traceql("ingest", "--db", tmp_path / "db", tmp_path / "none.ncu-rep")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == f"error: {tmp_path}/none.ncu-rep: no such file or directory\nCheck the path.\n"
    assert not (tmp_path / "db").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["ingest"],
        ["ingest", "--jobs", "0", "x"],
        ["ingest", "--tag", "novalue", "x"],
        ["frobnicate"],
        ["sql", "--format", "xml", "SELECT 1"],
        ["sql", " "],
        ["query", "top-kernels", "--limit", "many"],
        ["drop"],
        ["ls", "surplus"],
    ],
)
def test_wrong_usage_exits_with_2(tmp_path: Path, arguments: list[str]) -> None:
    answer = traceql(*arguments, folder=tmp_path)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr
    assert not list(tmp_path.iterdir())


def test_a_name_for_two_reports_is_wrong_usage(tmp_path: Path) -> None:
    answer = traceql("ingest", "--db", tmp_path / "db", "--name", "x", PARQUETDIR, ARROWDIR)
    assert answer.returncode == 2
    assert not (tmp_path / "db").exists()


@pytest.mark.long
def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    db = tmp_path / "db"
    assert traceql("ingest", "--db", db, "--name", "x", PARQUETDIR).returncode == 0
    before = contents(db)
    answer = traceql("ingest", "--db", db, "--name", "x", ARROWDIR)
    assert answer.returncode == 1
    assert "called 'x' already" in answer.stderr
    assert contents(db) == before


# --- names from strangers -------------------------------------------------------------------------------

HOSTILE = "a'b\"c\n\x1b[31mred\x07\x00<script>alert(1)</script>'; DROP TABLE kernels; --\u202e[bold]|\r%s{0}"


@pytest.mark.long
def test_hostile_names_in_a_report_stay_data(tmp_path: Path) -> None:
    path = plain(SQLITE, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE StringIds SET value = ? WHERE id IN (SELECT shortName FROM CUPTI_ACTIVITY_KIND_KERNEL)",
            (HOSTILE,),
        )
        connection.execute("UPDATE NVTX_EVENTS SET text = ?, textId = NULL WHERE eventType = 59", (HOSTILE,))
        connection.commit()
    hostile = path.rename(tmp_path / "x'; DROP TABLE traces; --\x1b[31m\n<b>.sqlite")
    db = tmp_path / "db"
    answer = traceql("ingest", "--db", db, hostile)
    assert answer.returncode == 0, answer.stderr
    assert "\x1b" not in answer.stderr
    with Database(db) as database:
        assert database.sql("SELECT DISTINCT name FROM kernels")["name"].to_list() == [HOSTILE]
        texts = database.sql("SELECT DISTINCT text FROM nvtx_ranges WHERE style = 'pushpop'")
        assert texts["text"].to_list() == [HOSTILE]
        assert database.sql("SELECT file_name FROM traces").item() == hostile.name
        name = database.sql("SELECT trace FROM traces").item()
    for arguments in (["query", "top-kernels"], ["info", name]):
        for format_ in ("table", "md"):
            # Of a table, names are cut in the middle.
            whole = ["--vertical"] if (format_, arguments[0]) == ("table", "query") else []
            answer = traceql(*arguments, "--db", db, "--format", format_, *whole)
            assert answer.returncode == 0, answer.stderr
            assert "\x1b" not in answer.stdout
            assert "\x07" not in answer.stdout
            assert "\u202e" not in answer.stdout
            assert "[bold]" in answer.stdout or arguments[0] == "info"
            if format_ == "md":
                assert "<script" not in answer.stdout
                assert "<b>" not in answer.stdout
    answer = traceql("drop", "--db", db, name)
    assert answer.returncode == 0
    assert "\x1b" not in answer.stderr


def test_a_hostile_name_in_an_error_is_written_out(tmp_path: Path) -> None:
    bad = tmp_path / "a\x1b[31m\nerror: fake.sqlite"
    bad.write_bytes(content(SQLITE)[:9000])
    answer = traceql("ingest", "--db", tmp_path / "db", bad)
    assert answer.returncode == 1
    assert "\x1b" not in answer.stderr
    assert len([line for line in answer.stderr.splitlines() if line.startswith("error:")]) == 1


@pytest.mark.long
def test_a_file_name_that_is_not_utf_8_is_no_obstacle(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/run-\xff.sqlite"))
    path.write_bytes(content(SQLITE))
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/folder-\xff"))
    shutil.copytree(PARQUETDIR, folder)
    answer = traceql("ingest", "--db", tmp_path / "db", path, folder)
    assert answer.returncode == 1
    assert "Rename the folder" in answer.stderr
    assert "Traceback" not in answer.stderr
    answer = traceql("ls", "--db", tmp_path / "db", "--format", "csv")
    assert answer.returncode == 0
    assert "run-\ufffd,nsys" in answer.stdout


# --- places ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [True, False], ids=["a copy of an empty one", "made anew"])
@pytest.mark.parametrize("place", ["missing/traces.duckdb", "a/b/traces.duckdb", "file/traces.duckdb"])
def test_a_database_in_a_folder_that_is_not_there_is_refused_by_the_folder(
    kept: bool, place: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "sweep.csv").write_text("gpu,ms\nH200,1\n")
    if not kept:
        (tmp_path / "cache").touch()
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "LOCALAPPDATA": str(tmp_path / "cache")}
    with mock.patch.dict(os.environ, cache):
        said = traceql("import-runs", "sweep.csv", "--db", place, folder=tmp_path)
    assert said.returncode == 1
    folder = (tmp_path / place).parent
    assert said.stderr.startswith(
        f"error: {place}: there is no folder {folder}\nCheck the path: make the folder"
    )


def test_a_database_that_cannot_be_made_is_called_as_the_user_calls_it(tmp_path: Path) -> None:
    error = failures.connection_error(
        OSError('Cannot open file "/x/t.duckdb.0-1-2-3.new": No space left'),
        "t.duckdb",
        "/x/t.duckdb.0-1-2-3.new",
    )
    assert error.message == 't.duckdb: cannot be opened (Cannot open file "t.duckdb": No space left)'


def test_a_name_that_is_not_utf_8_is_the_same_in_a_report_and_in_its_sidecar(tmp_path: Path) -> None:
    report = tmp_path / os.fsdecode(b"run \xff\xe2\x82.ncu-rep")
    report.write_bytes(b"report")
    with source.open_source(report) as found:
        assert found.file_name == "run \ufffd\ufffd\ufffd.ncu-rep"
        place = sidecar.path_of(report)
        place.write_text(
            json.dumps(
                {
                    "format": sidecar.FORMAT,
                    "version": sidecar.VERSION,
                    "report": report.name,
                    "report_bytes": found.size_bytes,
                }
            )
        )
        assert sidecar.read(place).strangeness(found.file_name, found.size_bytes) is None


@pytest.mark.long
def test_halves_of_surrogate_pairs_are_replaced_one_by_one_and_whole_ones_stay() -> None:
    assert given.valid("a\ud800b\udcffc\udfff") == "a\ufffdb\ufffdc\ufffd"
    assert given.valid("\ufeffé \U0001f600 ?") == "\ufeffé \U0001f600 ?"
    assert given.valid("\ud83d\ude00") == "\U0001f600"
