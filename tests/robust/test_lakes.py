"""Lakes of killed writers, of strangers, and of many who write at once."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet
import pytest
import systems
from command_line import traceql as command
from forks import Forks
from helpers_robust import REPORTS, decoded_once, plain
from lakes import content
from made.nsys import Recording, kernel

import traceql
from traceql.errors import DatabaseError, QueryError, SchemaVersionError
from traceql.tables import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from traceql import Database

SMALL = [
    REPORTS / name
    for name in (
        "esmm_a10g_2023.1.ncu-rep.xz",
        "esmm_a10g_2023.1_b.ncu-rep.xz",
        "darknet_xavier.nsight-cuprof-report.xz",
        "extrap_a100_2020.3.ncu-rep.xz",
    )
]
# Ends the process just before or just after an entry comes into its place.
_KILLED = """
import os, signal, sys
import traceql
from traceql.store.lake.folder import Folder

write = Folder.write

def killing(self, path, content):
    if path.startswith("traces/"):
        if sys.argv[2] == "after":
            write(self, path, content)
        os.kill(os.getpid(), signal.SIGKILL)
    write(self, path, content)

Folder.write = killing
traceql.open(sys.argv[1], lake=True).ingest(sys.argv[3])
"""


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Processes that have decoded the small reports: what they do is storing."""
    with Forks(*SMALL) as forks:
        yield forks


def names(lake: Path) -> list[str]:
    """The traces of a lake."""
    with traceql.open(lake) as opened:
        return opened.sql("SELECT trace FROM traces ORDER BY ALL")["trace"].to_list()


def parts(lake: Path) -> set[str]:
    """The numbers of traces that have parts."""
    return {folder.name for folder in lake.glob("*/trace_id=*")}


# --- killed ---------------------------------------------------------------------------------------------


@pytest.mark.long
@systems.posix("SIGKILL, and no fork")
@decoded_once
@pytest.mark.parametrize(("moment", "whole"), [("before", False), ("after", True)])
def test_a_killed_writer_leaves_a_whole_trace_or_none(
    tmp_path: Path, forks: Forks, moment: str, whole: bool
) -> None:
    lake = tmp_path / "lake"
    with traceql.open(lake, lake=True) as opened:
        opened.ingest(SMALL[0])
    with forks.start(lake, moment, SMALL[1], code=_KILLED) as process:
        assert process.wait() == -9
    first, second = "esmm_a10g_2023.1", "esmm_a10g_2023.1_b"
    assert names(lake) == ([first, second] if whole else [first])
    assert parts(lake) == {"trace_id=1", "trace_id=2"}
    with traceql.open(lake) as opened:
        opened.compact()
        assert parts(lake) == ({"trace_id=1", "trace_id=2"} if whole else {"trace_id=1"})
        assert not list(lake.rglob("*.new"))
        # As if nothing had happened.
        assert opened.ingest(SMALL[1]).name == second
        assert opened.sql("SELECT count(DISTINCT trace_id) FROM kernels").item() == 2


def test_what_others_are_writing_is_not_swept(tmp_path: Path) -> None:
    lake = traceql.open(tmp_path / "lake", lake=True)
    with lake._store.writing("something") as connection:
        number = lake._store.number("traces", set())
        connection.execute(
            "INSERT INTO traces (trace_id, trace, profiler, has_timeline, has_counters, sha256, tags, warnings, "
            f"missing) VALUES ({number}, 'one', 'nsys', true, false, 'x', map {{}}, [], [])"
        )
        connection.execute(f"INSERT INTO environment VALUES ({number}, 'TOKEN', 'x')")
        left = tmp_path / "lake" / "kernels" / f"trace_id={number}"
        left.mkdir(parents=True)
        with traceql.open(tmp_path / "lake") as other:
            other.compact()
        assert left.exists()
    assert names(tmp_path / "lake") == ["one"]


def test_the_claim_of_another_machine_is_dead_when_it_is_a_day_old(tmp_path: Path) -> None:
    lake = traceql.open(tmp_path / "lake", lake=True)
    lake._store.prepare()
    claim = tmp_path / "lake" / "numbers" / "traces-3"
    claim.parent.mkdir()
    claim.write_text("00000000-1-1")
    left = tmp_path / "lake" / "kernels" / "trace_id=3"
    left.mkdir(parents=True)
    lake.compact()
    assert left.exists()
    os.utime(claim, (time.time() - 90_000,) * 2)
    lake.compact()
    assert not left.exists()


@pytest.mark.long
@systems.posix("SIGKILL, and no fork")
@decoded_once
def test_kill_9_at_many_moments_loses_nothing_of_what_was_there(tmp_path: Path, forks: Forks) -> None:
    rng, seen = random.Random(11), set()
    lake = tmp_path / "lake"
    began = time.monotonic()
    with forks.start("ingest", "-q", "--db", tmp_path / "whole", "--lake", *SMALL) as process:
        assert process.wait() == 0
    seconds = time.monotonic() - began
    with traceql.open(tmp_path / "whole") as whole:
        rows = whole.sql(
            "SELECT trace, count(*) FROM metrics JOIN traces USING (trace_id) GROUP BY ALL"
        ).rows()
    for _ in range(12):
        shutil.rmtree(lake, ignore_errors=True)
        with forks.start("ingest", "-q", "--db", lake, "--lake", *SMALL):
            time.sleep(rng.uniform(0.1, 0.95) * seconds)
        if not (lake / "lake.json").exists():
            continue
        with traceql.open(lake) as opened:
            found = opened.sql(
                "SELECT trace, count(*) FROM metrics JOIN traces USING (trace_id) GROUP BY ALL"
            ).rows()
            seen.add(len(found))
            assert set(found) <= set(rows)
            opened.compact()
            assert len(parts(lake)) == len(names(lake))
            for report in SMALL:
                opened.ingest(report)
            found = opened.sql(
                "SELECT trace, count(*) FROM metrics JOIN traces USING (trace_id) GROUP BY ALL"
            ).rows()
            assert set(found) == set(rows)
    assert len(seen) > 1


# --- many at once ---------------------------------------------------------------------------------------


@pytest.mark.long
@systems.posix("no fork")
@decoded_once
def test_processes_that_ingest_the_same_at_once_store_it_once(tmp_path: Path, forks: Forks) -> None:
    lake = tmp_path / "lake"
    running = [
        forks.start("ingest", "-q", "--db", lake, "--lake", *order) for order in (SMALL, SMALL[::-1]) * 2
    ]
    assert [process.wait() for process in running] == [0] * len(running), [p.said() for p in running]
    for process in running:
        process.close()
    with traceql.open(tmp_path / "file.duckdb") as file, traceql.open(lake) as opened:
        for report in SMALL:
            file.ingest(report)
        asked = "SELECT trace, metrics.* EXCLUDE (trace_id, kernel_id) FROM metrics JOIN traces USING (trace_id) ORDER BY ALL"
        assert file.sql(asked).equals(opened.sql(asked))
    assert len(parts(lake)) == len(SMALL)


# --- strangers ------------------------------------------------------------------------------------------


def stranger(path: Path) -> Database:
    """A lake with two traces."""
    lake = traceql.open(path, lake=True)
    for number in (1, 2):
        made = Recording().gpu(0, "NVIDIA H100 80GB HBM3")
        made.call("cudaLaunchKernel", 1, 3, kernel(f"add{number}", 4, 9)).store(lake, f"trace {number}")
    return lake


def entry_of(lake: Path, number: int) -> tuple[Path, dict[str, Any]]:
    """An entry's file and content."""
    for file in (lake / "traces").iterdir():
        said = json.loads(file.read_text())
        if said["trace"]["trace_id"] == number:
            return file, said
    raise AssertionError(number)


def _with(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def changed(lake: Path) -> None:
        file, said = entry_of(lake, 2)
        change(said)
        file.write_text(json.dumps(said))

    return changed


def _bytes(content: bytes) -> Callable[[Path], None]:
    return lambda lake: entry_of(lake, 2)[0].write_bytes(content) and None


@pytest.mark.long
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_bytes(b"\xff{"), "not JSON"),
        (_bytes(b'{"trace": ' + b"[" * 100_000), "not JSON|is not a table"),
        (_bytes(b"[]"), "the content is not a table"),
        (_with(lambda said: said.update(path="../../etc/passwd")), "unknown key 'path'"),
        (_with(lambda said: said["rows"].update({"../traces": 1})), "holds rows of '../traces'"),
        (_with(lambda said: said["trace"].update(trace_id="../1")), "trace.trace_id is not a whole number"),
        (_with(lambda said: said["trace"].update(trace_id=None)), "a row without a number"),
        (_with(lambda said: said["trace"].update(trace_id=-7)), "trace_id is not a number of its own"),
        (_with(lambda said: said["trace"].update(trace_id=2**70)), "does not make sense"),
        (_with(lambda said: said["trace"].update(trace_id=1)), "trace_id is not a number of its own"),
        (_with(lambda said: said["trace"].update(captured_at="today")), "does not make sense"),
        (_with(lambda said: said["trace"].update(tags={"a": None})), "tags is not names with texts"),
        (_with(lambda said: said["trace"].pop("sha256")), "no sha256"),
        (_with(lambda said: said["trace"].update(more=1)), "unknown key 'more'"),
        (_with(lambda said: said["runs"].append({"run_id": 1})), "no "),
    ],
)
def test_an_entry_that_is_none_of_ours_is_refused(
    tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    lake = stranger(tmp_path / "lake")
    spoil(tmp_path / "lake")
    with pytest.raises(DatabaseError, match=said):
        lake.sql("SELECT count(*) FROM kernels")
    with pytest.raises(DatabaseError, match=said):
        lake.tag("trace 1", a="b")


@pytest.mark.long
def test_an_entry_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    lake = stranger(tmp_path / "lake")
    file, _ = entry_of(tmp_path / "lake", 2)
    with file.open("r+b") as opened:
        opened.truncate((64 << 20) + 1)
    with pytest.raises(DatabaseError, match="more than 67,108,864 bytes"):
        lake.sql("FROM traces")


@pytest.mark.long
def test_an_entry_of_a_later_version_is_refused_as_such(tmp_path: Path) -> None:
    lake = stranger(tmp_path / "lake")
    _with(lambda said: said.update(schema_version=schema.SCHEMA_VERSION + 1))(tmp_path / "lake")
    with pytest.raises(SchemaVersionError, match="Update traceql"):
        lake.sql("FROM traces")


@pytest.mark.long
@systems.posix("links")
def test_no_link_leads_out_of_a_lake(tmp_path: Path) -> None:
    lake = stranger(tmp_path / "lake")
    kernels, outside = tmp_path / "lake" / "kernels", tmp_path / "outside"
    for target in (kernels / "trace_id=1" / "part.parquet", kernels / "trace_id=1", kernels):
        shutil.move(target, outside)
        target.symlink_to(outside)
        with pytest.raises(DatabaseError, match=r"kernels.* leads elsewhere"):
            lake.sql("SELECT count(*) FROM kernels")
        if target == kernels:
            with pytest.raises(DatabaseError, match="kernels leads elsewhere"):
                Recording().work(kernel("x", 0, 1)).store(lake, "new")
            with pytest.raises(DatabaseError, match="kernels leads elsewhere"):
                lake.drop("trace 1")
            assert sorted(folder.name for folder in outside.iterdir()) == ["trace_id=1", "trace_id=2"]
        target.unlink()
        shutil.move(outside, target)
    assert lake.sql("SELECT count(*) FROM kernels").item() == 2


@pytest.mark.long
@systems.posix("links")
def test_a_lock_that_is_a_link_makes_no_file_elsewhere(tmp_path: Path) -> None:
    lake = stranger(tmp_path / "lake")
    (tmp_path / "lake" / "lock").unlink()
    (tmp_path / "lake" / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatabaseError):
        lake.tag("trace 1", a="b")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.long
def test_a_part_holds_rows_of_its_trace_whatever_it_says(tmp_path: Path) -> None:
    lake = stranger(tmp_path / "lake")
    part = tmp_path / "lake" / "kernels" / "trace_id=2" / "part.parquet"
    table = pa.parquet.read_table(part, partitioning=None)
    at = table.column_names.index("trace_id")
    pa.parquet.write_table(table.set_column(at, "trace_id", pa.array([1], pa.int64())), part)
    assert lake.sql("SELECT trace_id, name FROM kernels ORDER BY ALL").rows() == [(1, "add1"), (2, "add2")]


@pytest.mark.long
@pytest.mark.parametrize("column", ["name", "duration_ns"])
def test_a_part_of_other_columns_is_refused(tmp_path: Path, column: str) -> None:
    lake = stranger(tmp_path / "lake")
    for number in (1, 2):
        part = tmp_path / "lake" / "kernels" / f"trace_id={number}" / "part.parquet"
        table = pa.parquet.read_table(part, partitioning=None)
        pa.parquet.write_table(table.drop_columns([column]), part)
    with pytest.raises(DatabaseError, match=f"the parts of kernels are not ours .*{column}"):
        lake.sql("SELECT count(*) FROM kernels")
    # Others can be asked for.
    assert lake.sql("SELECT count(*) FROM api_calls").item() == 2


@pytest.mark.long
def test_values_of_another_type_are_ours_or_an_error(tmp_path: Path) -> None:
    lake = stranger(tmp_path / "lake")
    part = tmp_path / "lake" / "kernels" / "trace_id=1" / "part.parquet"
    table = pa.parquet.read_table(part, partitioning=None)
    at = table.column_names.index("duration_ns")
    pa.parquet.write_table(table.set_column(at, "duration_ns", pa.array(["long"])), part)
    with pytest.raises(QueryError, match=r"long|duration_ns"):
        lake.sql("SELECT sum(duration_ns) FROM kernels")


@pytest.mark.long
@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH '{lake}/kernels/new.duckdb' AS other (READ_WRITE)",
        "COPY traces TO '{lake}/kernels/new.csv'",
        "COPY traces TO '{lake}/kernels/trace_id=1/part.parquet'",
        "EXPORT DATABASE '{lake}/kernels/new'",
        "FROM read_text('/etc/hostname')",
        "FROM read_text('{lake}/kernels/../../secret')",
        "DELETE FROM traces",
        "UPDATE kernels SET name = 'x'",
        "INSERT INTO runs (run_id) VALUES (1)",
        "CREATE TABLE mine AS SELECT 1",
        "SET enable_external_access = true",
    ],
)
def test_sql_changes_nothing_of_a_lake_and_reads_nothing_beside_it(tmp_path: Path, statement: str) -> None:
    lake = stranger(tmp_path / "lake")
    (tmp_path / "secret").write_text("secret")
    before = {file: file.read_bytes() for file in (tmp_path / "lake").rglob("*") if file.is_file()}
    with pytest.raises(QueryError):
        lake.sql(statement.format(lake=tmp_path / "lake"))
    assert before == {file: file.read_bytes() for file in (tmp_path / "lake").rglob("*") if file.is_file()}
    assert content(lake, "kernels").height == 2


@pytest.mark.long
def test_a_folder_around_a_lake_is_no_column_of_it(tmp_path: Path) -> None:
    lake = stranger(tmp_path / "name=x" / "trace_id=9")
    assert lake.sql("SELECT trace_id, name FROM kernels ORDER BY ALL").rows() == [(1, "add1"), (2, "add2")]


@pytest.mark.long
def test_files_may_be_read_where_that_is_allowed(tmp_path: Path) -> None:
    stranger(tmp_path / "lake").close()
    (tmp_path / "mine.csv").write_text("a\n7\n")
    with traceql.open(tmp_path / "lake", allow_files=True) as lake:
        asked = f"SELECT a, name FROM read_csv('{tmp_path}/mine.csv'), kernels ORDER BY ALL"
        assert lake.sql(asked).rows() == [(7, "add1"), (7, "add2")]


# --- processes of one command ---------------------------------------------------------------------------


def copies(folder: Path, number: int) -> list[Path]:
    """Reports of one content, each of which is another one to a database."""
    original = plain("graph_whole.sqlite", folder)
    made = []
    for count in range(number):
        copy = folder / f"rank{count}.sqlite"
        shutil.copy(original, copy)
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            connection.execute(f"PRAGMA user_version = {count + 1}")
            connection.commit()
        made.append(copy)
    return made


ROWS = "SELECT trace, api_calls.* EXCLUDE (trace_id, api_call_id, range_id) FROM api_calls JOIN traces USING (trace_id)"


@pytest.mark.long
def test_reports_spread_over_processes_are_those_of_one(tmp_path: Path) -> None:
    reports = copies(tmp_path, 6)
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"SQLite format 3\0 and no more")
    spread = command(
        "ingest", "--db", tmp_path / "many", "--lake", "--scheduler", "local:3", *reports, broken
    )
    one = command("ingest", "--db", tmp_path / "one", "--lake", *reports, broken)
    assert spread.returncode == one.returncode == 1
    # What is said of each, in the given order.
    assert [line.split(" (")[0] for line in spread.stderr.splitlines()] == [
        line.split(" (")[0] for line in one.stderr.splitlines()
    ]
    with traceql.open(tmp_path / "many") as many, traceql.open(tmp_path / "one") as single:
        assert many.sql(f"{ROWS} ORDER BY ALL").equals(single.sql(f"{ROWS} ORDER BY ALL"))
        assert many.sql("SELECT count(*) FROM traces").item() == len(reports)
