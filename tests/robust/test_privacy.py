"""Private data stays out of the database: planted in every place of every format, found nowhere."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import ncu_rep_file as rep
import pytest
from command_line import traceql
from helpers_robust import REPORTS, contents
from made.nsys import Recording, kernel
from planted import COMMAND_LINE, EXECUTABLE, FORMATS, PROFILED, SECRET, ncu, planted, sqlite

from traceql import Database
from traceql.read.ncu_rep import container

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Format → a database that holds the report of that format, alone in a folder."""

    @cache
    def store(format_: str) -> Path:
        report = FORMATS[format_](tmp_path_factory.mktemp("report"))
        assert planted(report) >= 10
        db = tmp_path_factory.mktemp("stored") / "db"
        with Database(db) as database:
            assert database.ingest(report, name="planted").status == "added"
        return db

    return store


@pytest.mark.long
@pytest.mark.parametrize("format_", FORMATS)
def test_no_private_data_reaches_the_database(stored: Callable[[str], Path], format_: str) -> None:
    db = stored(format_)
    found = contents(db)
    assert found is not None
    assert found["traces"]
    assert found["kernels"]
    for table, rows in found.items():
        assert not [row for row in rows if SECRET in row], table
    assert SECRET.encode() not in db.read_bytes()
    assert not found["environment"]
    assert [p.name for p in db.parent.iterdir()] == ["db"]


@pytest.mark.parametrize("format_", ["sqlite", "parquetdir", "arrowdir"])
def test_messages_of_the_profiler_keep_their_meaning(stored: Callable[[str], Path], format_: str) -> None:
    with Database(stored(format_)) as database:
        texts = database.sql("SELECT DISTINCT text FROM diagnostics")["text"].to_list()
    assert "see <path> for output" in texts
    assert "could not open '<path>'" in texts
    assert 'could not open "<path>": denied' in texts
    assert "connected to <host>" in texts


@pytest.mark.long
@pytest.mark.parametrize("format_", FORMATS)
def test_the_environment_of_the_profiled_process_is_kept_on_request(tmp_path: Path, format_: str) -> None:
    db = tmp_path / "db"
    with Database(db) as database:
        database.ingest(FORMATS[format_](tmp_path), name="planted", keep_environment=True)
        kept = database.sql("SELECT variable, content FROM environment").rows()
    if format_ == "ncu-rep":
        expected = dict(
            zip(
                ("EXECUTABLE", "ARGUMENTS", "WORKING_DIRECTORY", "ENVIRONMENT"),
                EXECUTABLE.values(),
                strict=True,
            )
        )
        expected["COMMAND_LINE"] = COMMAND_LINE.format(option="")
    else:
        expected = {name.partition(":")[2]: value for name, value in PROFILED.items()}
    assert expected.items() <= {(name, value) for name, value in kept}
    # Only facts that were asked for: nothing of the machine or its other processes.
    foreign = [value for name, value in kept if SECRET in value and (name, value) not in expected.items()]
    assert not foreign
    others = contents(db)
    assert others is not None
    for table, rows in others.items():
        assert table == "environment" or not [row for row in rows if SECRET in row], table


@pytest.mark.long
@pytest.mark.parametrize("format_", FORMATS)
def test_no_byte_is_left_of_what_was_kept_and_then_removed(tmp_path: Path, format_: str) -> None:
    (tmp_path / "report").mkdir()
    report = FORMATS[format_](tmp_path / "report")
    place = tmp_path / "stored"
    place.mkdir()

    def left() -> int:
        return sum(file.read_bytes().count(SECRET.encode()) for file in place.iterdir())

    with Database(place / "db") as database:
        database.ingest(REPORTS / "esmm_a10g_2023.1.ncu-rep.xz", name="other")
        database.ingest(report, name="planted", keep_environment=True)
        assert left() >= 5
        assert database.ingest(report, replace=True).status == "replaced"
        assert left() == 0
        kept = contents(place / "db")
        database.ingest(report, replace=True, keep_environment=True, tags={"customer": SECRET})
        assert left() > 5
        database.tag("planted", customer=None)
        database.ingest(report, replace=True)
        assert left() == 0
        assert contents(place / "db") == kept
        database.ingest(report, replace=True, keep_environment=True)
        database.drop("planted")
        assert left() == 0
        database.compact()
        assert left() == 0
        assert database.sql("SELECT trace FROM traces")["trace"].to_list() == ["other"]
    assert [file.name for file in place.iterdir()] == ["db"]
    assert left() == 0


def _with_homes() -> Recording:
    """A recording with somebody's home folder in every text that there can be."""
    home = f"/home/{SECRET}/it"
    return (
        Recording()
        .range(f"{home}/model.py(12): forward", 0, 100, domain=home, category=home)
        .mark(home, 50)
        .call(home, 5, 10, kernel("gemm", 20, 50))
        .work(kernel(f"lambda at {home}.cu", 60, 80))
        .os_call(home, 11, 12)
        .thread(1, home)
        .process(1, home)
        .cpu_fault(13, 4096, home, file=f"{home}.cu", line=3)
        .sample(home, 14, 1)
        .diagnostic(f"see {home} for more")
        .machine(cpus=1, cpu=home, driver=home, cuda="12.8")
    )


@pytest.mark.long
def test_home_folders_in_texts_are_shortened_unless_the_environment_is_kept(tmp_path: Path) -> None:
    report = _with_homes().export(tmp_path / "made.sqlite")
    with Database(tmp_path / "plain") as database:
        database.ingest(report)
        assert "~/it/model.py(12): forward" in database.sql("SELECT text FROM nvtx_ranges")["text"].to_list()
        assert "lambda at ~/it.cu" in database.sql("SELECT name FROM kernels")["name"].to_list()
    assert SECRET.encode() not in (tmp_path / "plain").read_bytes()
    with Database(tmp_path / "kept") as database:
        database.ingest(report, keep_environment=True)
        kept = database.sql("SELECT text FROM nvtx_ranges")["text"].to_list()
    assert f"/home/{SECRET}/it/model.py(12): forward" in kept


@pytest.mark.long
def test_home_folders_in_rules_are_shortened_unless_the_environment_is_kept(tmp_path: Path) -> None:
    report = REPORTS / "esmm_a10g_2023.1_b.ncu-rep.xz"
    asked = "SELECT message FROM advice WHERE contains(message, 'Documents/NVIDIA Nsight Compute')"
    with Database(tmp_path / "db") as database:
        for keep, home in ((False, "\n~/Documents"), (True, "\n/root/Documents")):
            database.ingest(report, keep_environment=keep, replace=True)
            messages = database.sql(asked)["message"].to_list()
            assert messages
            assert all(home in message for message in messages)


@pytest.mark.long
def test_home_folders_in_paths_of_source_files_are_shortened(tmp_path: Path) -> None:
    marker = rep.message((1, 1), (2, 7), (4, "slow"), (5, 2), (6, f"/home/{SECRET}/it/k.cu"))
    rule = rep.message((1, "Rule"), (4, "Section"), (5, marker))
    (tmp_path / "made.ncu-rep").write_bytes(rep.with_metrics({"dram__bytes_read.sum": 3}, (19, rule)))
    with Database(tmp_path / "db") as database:
        database.ingest(tmp_path / "made.ncu-rep")
        assert database.sql("SELECT marker_file FROM source_markers").rows() == [("~/it/k.cu",)]
    assert SECRET.encode() not in (tmp_path / "db").read_bytes()


@pytest.mark.long
def test_home_folders_in_stacks_of_launches_are_shortened(tmp_path: Path) -> None:
    frame = rep.message((1, f"/home/{SECRET}/lib.so"), (2, 7), (3, f"/home/{SECRET}/it/model.py"))
    (tmp_path / "made.ncu-rep").write_bytes(
        rep.with_metrics({"dram__bytes_read.sum": 3}, (32, rep.message((1, frame))))
    )
    with Database(tmp_path / "db") as database:
        database.ingest(tmp_path / "made.ncu-rep")
        rows = database.sql("SELECT frame_file, frame_module FROM launch_stacks").rows()
        assert rows == [("~/it/model.py", "~/lib.so")]
    assert SECRET.encode() not in (tmp_path / "db").read_bytes()


@pytest.mark.long
def test_a_sidecar_that_is_not_used_tells_no_home_folder(tmp_path: Path) -> None:
    folder = tmp_path / "home" / SECRET
    folder.mkdir(parents=True)
    report = Recording().range("step", 0, 10).export(folder / "made.sqlite")
    (folder / "made.sqlite.run.json").write_text("{")
    with Database(tmp_path / "db") as database:
        warnings = " ".join(database.ingest(report).warnings)
    assert "The sidecar was not used" in warnings
    assert SECRET not in warnings


@pytest.mark.parametrize(
    "option", ["", "--support-32bit", "--some-future-flag", "--some-future-option=1", "-f -q"]
)
def test_nothing_behind_the_application_becomes_a_setting(tmp_path: Path, option: str) -> None:
    found = container.walk(ncu(tmp_path, option)).settings
    assert SECRET not in str(found)
    assert found["set"] == "full"
    assert found["clock_control"] == "none"
    assert found.get("replay_mode") == (None if "future" in option else "kernel")


@pytest.mark.long
def test_dropping_and_the_command_line_say_nothing_private(tmp_path: Path) -> None:
    answer = traceql("ingest", "--db", tmp_path / "db", sqlite(tmp_path), ncu(tmp_path))
    assert answer.returncode == 0
    assert SECRET not in answer.stdout + answer.stderr
    answer = traceql("info", "--db", tmp_path / "db", tmp_path / "planted.ncu-rep")
    assert answer.returncode == 0
    assert SECRET not in answer.stdout.replace(str(tmp_path), "")
