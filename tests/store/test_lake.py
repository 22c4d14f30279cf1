"""A lake: what is stored, changed and removed in it, and what of it is read."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from command_line import traceql as command
from lakes import content
from made import ncu
from made.nsys import Recording, copy, kernel
from made.runs import Runs
from shipped import REPORTS

import traceql
from traceql.errors import DatabaseError, MissingDataError, QueryError
from traceql.read import sidecar
from traceql.store.lake import numbers
from traceql.tables import schema

if TYPE_CHECKING:
    from traceql import Database

SMALL = REPORTS / "extrap_a100_2020.3.ncu-rep.xz"


def recording(work: int = 2) -> Recording:
    """A range with kernels and a copy."""
    made = Recording().gpu(0, "NVIDIA H100 80GB HBM3").range("step", 0, 900)
    for number in range(work):
        at = 10 * number
        made.call("cudaLaunchKernel", at + 1, at + 3, kernel(f"add{number}", at + 4, at + 9))
    return made.call("cudaMemcpyAsync", 500, 510, copy("Host-to-Device", 520, 540, 1 << 20))


def filled(path: Path, *traces: str) -> Database:
    """A lake with a recording under each name."""
    lake = traceql.open(path, lake=True)
    for work, name in enumerate(traces, 1):
        recording(work).store(lake, name)
    return lake


def files(lake: Path) -> set[str]:
    """Every file of a lake, but for its lock."""
    there = {file.relative_to(lake).as_posix() for file in lake.rglob("*") if file.is_file()}
    return there - {"lock"}


@pytest.mark.long
def test_a_trace_is_a_part_of_each_table_and_an_entry(tmp_path: Path) -> None:
    filled(tmp_path / "lake", "one")
    there = files(tmp_path / "lake")
    parts = {file.partition("/")[0] for file in there if file.endswith("/trace_id=1/part.parquet")}
    (entry,) = (file for file in there if file.startswith("traces/"))
    said = json.loads((tmp_path / "lake" / entry).read_text())
    assert (said["trace"]["trace"], said["rows"]["kernels"]) == ("one", 1)
    assert parts == said["rows"].keys()
    assert len(there) == len(parts) + len({"lake.json", "numbers/traces-1", entry})
    with duckdb.connect() as connection:
        kernels = tmp_path / "lake" / "kernels" / "trace_id=1" / "part.parquet"
        told = connection.execute(
            f"SELECT DISTINCT compression, stats_min_value IS NOT NULL FROM parquet_metadata('{kernels}') "
            "WHERE path_in_schema = 'start_ns'"
        ).fetchall()
    assert told == [("ZSTD", True)]


@pytest.mark.long
def test_what_changes_a_file_changes_a_lake(tmp_path: Path) -> None:
    file, lake = traceql.open(tmp_path / "file.duckdb"), traceql.open(tmp_path / "lake", lake=True)
    table, other = (
        Runs({"gpu": "H200", "batch_size": 1, "ms": [5, 7]}).file("decode"),
        Runs({"ms": 3}).file("x"),
    )
    made = {name: recording(work) for work, name in enumerate(("one", "two", "three"), 1)}
    for database in (file, lake):
        database.import_runs(table)
        database.import_runs(other)
        for name, one in made.items():
            one.store(database, name)
        database.ingest(SMALL, tags={"batch": "8"})
        database.tag("two", gpu="h200", batch="1")
        database.tag("two", batch=None)
        database.rename("three", "last")
        database.drop("one")
        database.drop_runs("x")
        assert database.ingest(SMALL).status == "unchanged"
        assert database.import_runs(table).status == "unchanged"
    with traceql.open(lake.path) as again:
        for named in schema.TABLES:
            held = content(file, named.name).drop("sha256", strict=False)
            assert held.equals(content(lake, named.name).drop("sha256", strict=False)), named.name
            assert held.equals(content(again, named.name).drop("sha256", strict=False)), named.name
    assert file.sql("SELECT trace FROM traces ORDER BY trace")["trace"].to_list() == [
        "extrap_a100_2020.3",
        "last",
        "two",
    ]


@pytest.mark.long
def test_a_sidecars_runs_come_go_and_are_renamed_with_their_trace(tmp_path: Path) -> None:
    report = tmp_path / SMALL.name
    report.write_bytes(SMALL.read_bytes())
    measured = {"metrics": [{"name": "latency_ms", "unit": "ms", "value": 3.5}]}
    beside = {"format": sidecar.FORMAT, "version": sidecar.VERSION, "runs": [measured]}
    (tmp_path / "extrap_a100_2020.3.ncu-rep.run.json").write_text(json.dumps(beside))
    file, lake = traceql.open(tmp_path / "file.duckdb"), traceql.open(tmp_path / "lake", lake=True)
    asked = "SELECT sweep, tags['trace'] AS trace, value FROM runs JOIN run_metrics USING (run_id)"
    for database in (file, lake):
        assert not any("sidecar" in warning for warning in database.ingest(report).warnings)
        database.rename("extrap_a100_2020.3", "new")
        assert database.sql(asked).rows() == [("new.run.json", "new", 3.5)]
    lake.export(tmp_path / "back.duckdb")
    with traceql.open(tmp_path / "back.duckdb") as back:
        assert back.sql("SELECT run_id, * FROM runs").equals(file.sql("SELECT run_id, * FROM runs"))
    lake.drop("new")
    assert lake.sql("SELECT * FROM runs").height == 0
    assert not any(name.endswith(".parquet") for name in files(tmp_path / "lake"))


@pytest.mark.long
def test_a_report_that_is_read_again_takes_the_place_of_the_old_trace(tmp_path: Path) -> None:
    lake = traceql.open(tmp_path / "lake", lake=True)
    lake.ingest(SMALL, name="one", tags={"batch": "8"})
    before = lake.sql("FROM kernels").drop("trace_id", "kernel_id")
    assert lake.ingest(SMALL, replace=True).status == "replaced"
    assert lake.sql("SELECT trace_id, trace, tags FROM traces").rows() == [(2, "one", {"batch": "8"})]
    assert lake.sql("FROM kernels").drop("trace_id", "kernel_id").equals(before)
    assert not any("trace_id=1" in name for name in files(tmp_path / "lake"))


@pytest.mark.long
def test_no_number_is_given_twice(tmp_path: Path) -> None:
    lake = filled(tmp_path / "lake", "one", "two")
    lake.drop("one", "two")
    assert {name for name in files(tmp_path / "lake") if name.endswith((".parquet", "json"))} == {"lake.json"}
    lake.compact()
    recording().store(lake, "three")
    assert lake.sql("SELECT trace_id FROM traces").item() == 3


@pytest.mark.parametrize("lake", [False, True])
def test_what_holds_nothing_is_not_copied(tmp_path: Path, lake: bool) -> None:
    with traceql.open(tmp_path / "db", lake=lake) as emptied:
        recording().store(emptied, "one")
        emptied.drop("one")
        with pytest.raises(DatabaseError, match="holds neither traces nor runs"):
            emptied.export(tmp_path / "copy.duckdb")
        with pytest.raises(DatabaseError, match="holds neither traces nor runs"):
            emptied.redact(tmp_path / ("clean" if lake else "clean.duckdb"))
    assert not list(tmp_path.glob("c*"))


@pytest.mark.long
def test_a_name_is_taken_once(tmp_path: Path) -> None:
    lake = filled(tmp_path / "lake", "one", "two")
    with pytest.raises(DatabaseError, match="a trace is called 'one' already"):
        recording().store(lake, "one")
    with pytest.raises(DatabaseError, match="a trace is called 'one' already"):
        lake.rename("two", "one")
    with pytest.raises(QueryError, match="no trace is called 'three'"):
        lake.tag("three", a="b")
    assert lake.sql("SELECT trace_id, trace FROM traces ORDER BY ALL").rows() == [(1, "one"), (2, "two")]
    assert not any("trace_id=3" in name for name in files(tmp_path / "lake"))


@pytest.mark.long
def test_another_object_sees_what_one_has_changed(tmp_path: Path) -> None:
    lake = filled(tmp_path / "lake", "one")
    with traceql.open(tmp_path / "lake") as other:
        assert other.sql("SELECT count(*) FROM kernels").item() == 1
        recording(3).store(lake, "two")
        assert other.sql("SELECT count(*) FROM kernels").item() == 4
        lake.tag("one", gpu="h200")
        assert other.sql("SELECT tags FROM traces WHERE trace = 'one'").item() == {"gpu": "h200"}
        lake.drop("one")
        assert other.sql("SELECT count(*) FROM kernels").item() == 3


@pytest.mark.long
def test_many_threads_store_at_once_and_nothing_is_lost_or_stands_twice(tmp_path: Path) -> None:
    """Each through an object of its own, all under the name that their reports have by default."""
    traceql.open(tmp_path / "lake", lake=True)._store.prepare()
    one, copies = recording(), 6

    def stored(number: int) -> None:
        with traceql.open(tmp_path / "lake", lake=True) as lake:
            ncu.Profile().kernel("x", ns=number + 1).store(lake, f"trace {number}")
            lake.ingest(SMALL)

    with ThreadPoolExecutor(copies) as pool:
        list(pool.map(stored, range(copies)))
    with traceql.open(tmp_path / "lake") as lake:
        one.store(lake, "last")
        names = lake.sql("SELECT trace FROM traces ORDER BY ALL")["trace"].to_list()
        assert names == ["extrap_a100_2020.3", "last", *(f"trace {number}" for number in range(copies))]
        held = lake.sql("SELECT trace_id, count(*) FROM kernels GROUP BY ALL")
        assert held.height == len(names)
    there = files(tmp_path / "lake")
    assert {f"kernels/trace_id={number}/part.parquet" for number in held["trace_id"]} == {
        name for name in there if name.startswith("kernels/")
    }


@pytest.mark.long
def test_two_traces_of_one_name_have_names_of_their_own(tmp_path: Path) -> None:
    """As when two came in at once where no change can wait for another."""
    lake = filled(tmp_path / "lake", "one", "two")
    entries = sorted((tmp_path / "lake" / "traces").iterdir())
    for entry in entries:
        entry.write_text(entry.read_text().replace('"two"', '"one"'))
    assert lake.sql("SELECT trace_id, trace FROM traces ORDER BY ALL").rows() == [(1, "one"), (2, "one-2")]


def files_read(lake: Database, statement: str) -> int:
    """How many Parquet files of the lake a statement opens, but for that of the traces."""
    plan = lake.sql(f"EXPLAIN ANALYZE {statement}")["explain_value"].item()
    opened = sum(map(int, re.findall(r"Total Files Read: (\d+)", plan)))
    return opened - plan.count("traces.parquet")


@pytest.mark.long
def test_a_filter_on_traces_opens_their_parts_alone(tmp_path: Path) -> None:
    lake = filled(tmp_path / "l", *(f"t{number}" for number in range(1, 7)))
    assert files_read(lake, "SELECT sum(duration_ns) FROM kernels") == 6
    assert files_read(lake, "SELECT sum(duration_ns) FROM kernels WHERE trace_id IN (2, 5)") == 2
    asked = "SELECT sum(duration_ns) FROM kernels JOIN traces USING (trace_id) WHERE trace = 't3'"
    assert files_read(lake, asked) == 1
    chosen = "SELECT sum(duration_ns) FROM api_calls JOIN chosen_traces(['t3', 't4']) USING (trace_id)"
    assert files_read(lake, chosen) == 2


@pytest.mark.long
def test_a_question_about_one_trace_does_not_look_at_the_others(tmp_path: Path) -> None:
    lake = filled(tmp_path / "lake", "one", "two", "three")
    broken = tmp_path / "lake" / "api_calls" / "trace_id=3" / "part.parquet"
    broken.write_bytes(b"no Parquet")
    assert lake.query("cuda_api_sum", trace="two")["calls"].sum() == 3
    with pytest.raises(DatabaseError, match=r"the parts of api_calls are not ours .*be a Parquet file"):
        lake.query("cuda_api_sum", trace="three")


@pytest.mark.long
def test_a_part_that_goes_while_it_is_asked_for_is_no_error(tmp_path: Path) -> None:
    lake = filled(tmp_path / "lake", "one", "two")
    assert lake.sql("SELECT count(*) FROM kernels").item() == 3
    known = lake._store._read.known  # type: ignore[attr-defined]
    with traceql.open(tmp_path / "lake") as other:
        other.drop("two")
    # As if it had looked just before.
    fresh, lake._store._read._moved = lake._store._read._moved, lambda _: False  # type: ignore[attr-defined]
    looked = iter([False])
    lake._store._read._moved = lambda place: next(looked, None) is None and fresh(place)  # type: ignore[attr-defined]
    assert known is not None
    assert lake.sql("SELECT count(*) FROM kernels").item() == 1


@pytest.mark.long
def test_a_path_object_has_no_slash_at_its_end_and_needs_the_word(tmp_path: Path) -> None:
    with traceql.open(Path(f"{tmp_path}/fresh/"), lake=True) as lake:
        lake.ingest(SMALL)
    assert (tmp_path / "fresh" / "lake.json").is_file()
    # Once it is a folder it needs none.
    with traceql.open(tmp_path / "fresh") as lake:
        assert lake.sql("SELECT count(*) FROM traces").item() == 1
    with traceql.open(Path(f"{tmp_path}/file/")) as database:
        database.ingest(SMALL)
    assert (tmp_path / "file").is_file()


@pytest.mark.long
def test_a_path_that_ends_in_a_slash_or_is_a_folder_means_a_lake(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place in (f"{tmp_path}/new/", str(tmp_path / "empty")):
        with traceql.open(place) as lake:
            recording().store(lake, "one")
        assert "lake.json" in files(Path(place))
    with traceql.open(tmp_path / "file") as file:
        recording().store(file, "one")
    assert (tmp_path / "file").is_file()
    with pytest.raises(DatabaseError, match="no lake can be made"):
        traceql.open(f"{tmp_path}/file/").ingest(SMALL)


@pytest.mark.long
def test_a_lake_is_made_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    for name in ("new", "empty"):
        assert command("ingest", "-q", "--db", tmp_path / name, "--lake", SMALL).returncode == 0
        assert "extrap_a100_2020.3" in command("ls", "--db", tmp_path / name).stdout
    refused = command("ingest", "-q", "--db", tmp_path / "full", "--lake", SMALL)
    assert (refused.returncode, "a folder, but no lake of traceql" in refused.stderr) == (1, True)
    refused = command("ls", "--db", tmp_path / "full")
    assert (refused.returncode, "a folder, but no lake of traceql" in refused.stderr) == (1, True)
    assert [file.name for file in (tmp_path / "full").iterdir()] == ["notes.txt"]
    with pytest.raises(DatabaseError, match="no such database"):
        traceql.open(tmp_path / "none", lake=True).query("top_kernels")


@pytest.mark.long
def test_a_folder_of_reports_is_not_searched_for_them_in_its_lake(tmp_path: Path) -> None:
    (tmp_path / SMALL.name).write_bytes(SMALL.read_bytes())
    for lake in ("lake", "other"):
        assert command("ingest", "-q", "--db", tmp_path / lake, "--lake", tmp_path).returncode == 0
        with traceql.open(tmp_path / lake) as opened:
            assert opened.sql("SELECT count(*) FROM traces").item() == 1


@pytest.mark.long
def test_the_command_line_asks_and_changes_a_lake(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    assert command("ingest", "-q", "--db", lake, "--lake", SMALL).returncode == 0
    assert command("tag", "extrap_a100_2020.3", "gpu=a100", "--db", lake).returncode == 0
    assert command("rename", "extrap_a100_2020.3", "new", "--db", lake).returncode == 0
    assert "a100" in command("ls", "--db", lake, "-f", "csv").stdout
    assert "ncu" in command("info", "new", "--db", lake).stdout
    asked = command("query", "top-kernels", "--db", lake, "-f", "csv")
    copied = command("export", lake, "--db", tmp_path / "x.duckdb")
    assert (copied.returncode, "1 traces, 0 runs" in copied.stderr) == (0, True)
    assert (
        command("query", "top-kernels", "--db", tmp_path / "x.duckdb", "-f", "csv").stdout
        == asked.stdout
        != ""
    )
    refused = command("export", lake, "--db", tmp_path / "x.duckdb")
    assert (refused.returncode, "holds traces or runs already" in refused.stderr) == (1, True)
    assert command("compact", "--db", lake).returncode == 0
    assert command("drop", "new", "--db", lake).returncode == 0
    with traceql.open(lake) as opened, pytest.raises(MissingDataError, match="holds no traces"):
        opened.query("top_kernels")


@pytest.mark.long
def test_any_duckdb_client_reads_a_lake_as_the_docs_show(tmp_path: Path) -> None:
    lake = filled(tmp_path / "nightly", "one", "two")
    text = (Path(__file__).parent.parent.parent / "docs" / "lake.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```sql\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = shown.splitlines()
    assert len(lines) == 2
    # A writer was killed.
    shutil.copytree(
        tmp_path / "nightly" / "kernels" / "trace_id=1", tmp_path / "nightly" / "kernels" / "trace_id=9"
    )
    asked = "SELECT trace, kernels.name, duration_ns FROM kernels JOIN traces USING (trace_id) ORDER BY ALL"
    with duckdb.connect() as connection:
        for line in lines:
            connection.execute(line.replace("'nightly/", f"'{tmp_path}/nightly/"))
        assert connection.execute(asked).fetchall() == lake.sql(asked).rows()
    assert lake.sql(asked).height == 3


@pytest.mark.long
def test_the_commands_that_the_docs_show_work(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / SMALL.name).write_bytes(SMALL.read_bytes())
    text = (Path(__file__).parent.parent.parent / "docs" / "lake.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\$ traceql (.*)$", text, re.MULTILINE)
    assert len(shown) == 5
    for line in shown:
        result = command(*shlex.split(line), folder=tmp_path)
        assert result.returncode == 0, f"{line}\n{result.stderr}"


@pytest.mark.long
def test_an_environment_makes_a_lake_its_owners_alone(tmp_path: Path) -> None:
    lake = filled(tmp_path / "lake", "one")
    (tmp_path / "lake").chmod(0o755)
    with lake._store.writing("a secret") as connection:
        assert lake._store.keep_to_owner()
        connection.execute("INSERT INTO environment VALUES (1, 'TOKEN', 'x')")
    assert (tmp_path / "lake").stat().st_mode & 0o777 == 0o700


@pytest.mark.long
def test_a_number_of_ones_own_is_claimed_once(tmp_path: Path) -> None:
    lake = filled(tmp_path / "lake", "one")
    place = lake._store._place  # type: ignore[attr-defined]
    assert numbers.claim(place, "traces", {1}, 7, insist=True)[0] == 7
    with pytest.raises(DatabaseError, match="number 7"):
        numbers.claim(place, "traces", {1}, 7, insist=True)
    assert numbers.claim(place, "traces", {1}, 7, insist=False)[0] == 8
    assert numbers.claim(place, "runs", set(), None, insist=True)[0] == 1
