"""Databases of older versions: read as they are, rewritten by the first change, whole whenever that is cut off."""

from __future__ import annotations

import contextlib
import lzma
import math
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from asked import given
from fixtures.databases import make
from helpers_robust import OWN_IDS
from lakes import content

import traceql
from traceql.errors import MissingDataError, QueryError, SchemaVersionError
from traceql.questions import catalog
from traceql.server.tools import Tools
from traceql.tables import migrations, schema

if TYPE_CHECKING:
    from traceql import Database

pytestmark = pytest.mark.long

DATABASES = Path(make.__file__).parent
SHIPPED = sorted(int(p.name.split("_")[1].split(".")[0]) for p in DATABASES.glob("version_*.duckdb.xz"))
OLDER = range(migrations.OLDEST, schema.SCHEMA_VERSION)
# No database before version 3 holds how much shared memory an SM had, nor what was counted by instruction or moment,
# nor stacks; none before version 4 samples of CPUs, scheduling and stacks of calls, calls of libraries, records of
# events, pools, what the profiler took, counters other than GPU metrics, and turns on a GPU.
LATER = {
    *("cpu_flame_graph", "thread_activity", "cpu_in_gap", "python_calls", "launch_sites", "slowest_steps"),
    *(
        "library_calls_sum",
        "mpi_event_sum",
        "mpi_event_trace",
        "mpi_msg_size_sum",
        "openacc_sum",
        "openmp_sum",
    ),
    *("event_waits", "memory_alive", "memory_peaks", "memory_pools", "profiler_overhead"),
    *("collective_links", "counters_over_time", "gpu_context_switches", "link_bandwidth", "power_per_step"),
    "occupancy",
    "occupancy_curves",
    "instruction_mix",
    "launched_from",
    "memory_over_time",
    "memory_use",
    "pm_sampling",
    "rule_sources",
    "source_hotspots",
}

NSYS = "scv_nwor_vectorized.sqlite.xz"
BASELINE, VARIANT = "scv_baseline_vectorized.ncu-rep.xz", "scv_nwor_vectorized.ncu-rep.xz"
# Question → a column that follows from what databases before version 3 did not keep: hashes of GPUs, an SM's shared
# memory.
NOT_KEPT = {"job_summary": "host", "kernel_launches": "executed_shared_bytes"}
# Version → its tables, without those that came later.
NEW_IN_3 = {
    *("doubts", "range_calls", "metric_instances", "sass_instructions", "focus_metrics", "source_markers"),
    *("launch_stacks", "memory_events"),
}
NEW_IN_4 = {
    *("cpu_samples", "python_samples", "thread_states", "call_stacks", "event_records", "memory_pool_events"),
    *("library_calls", "library_messages", "directives", "profiler_overhead"),
    *("counter_samples", "gpu_context_switches", "streams", "generic_events"),
}
NEW_IN_6 = {"contexts", "graph_events", "kernel_clusters"}
TABLES_OF = {
    1: schema.BY_NAME.keys() - NEW_IN_3 - NEW_IN_4 - NEW_IN_6,
    2: schema.BY_NAME.keys() - NEW_IN_3 - NEW_IN_4 - NEW_IN_6,
    3: schema.BY_NAME.keys() - NEW_IN_4 - NEW_IN_6,
    4: schema.BY_NAME.keys() - NEW_IN_6,
    5: schema.BY_NAME.keys() - NEW_IN_6,
}


def unpacked(version: int, folder: Path) -> Path:
    path = folder / f"version_{version}.duckdb"
    with lzma.open(DATABASES / f"{path.name}.xz") as packed, path.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    return path


def questions(version: int) -> list[str]:
    """Those that a database of this version can answer as one of today."""
    return sorted(catalog.shipped().queries.keys() - (LATER if version < 4 else set()))


def answers(database: Database, version: int = schema.SCHEMA_VERSION) -> dict[str, object]:
    """What the questions of a version answer: their rows and notes, or what they say instead."""
    found: dict[str, object] = {}
    for name in questions(version):
        query = database._catalog.find(name)
        values = given(query, timeline=NSYS, baseline=BASELINE, variant=VARIANT)
        try:
            answer = database.ask(name, **values)
        except (MissingDataError, QueryError) as error:
            found[name] = str(error)
            continue
        rows = answer.table.to_pydict()
        # One column of ids of several kinds: the order between kinds is none.
        kinds = rows["kind"] if "operation_id" in rows else [""] * len(answer)
        columns = {column: comparable(column, values, kinds) for column, values in rows.items()}
        # Labels may be the names nearest to one that is none; no database before version 3 holds them.
        notes = [note.text.partition(" The nearest: ")[0] for note in answer.notes]
        found[name] = (columns, notes)
    return found


def comparable(column: str, values: list[Any], kinds: list[str]) -> list[Any]:
    """The values of a column, ids by their rank; of other numbers, sums in another order differ at the end.

    Our own numbers of an older version differ, but not their order.
    """
    if column in ("operation_id", "range_stack") or any(column.endswith(name) for name in OWN_IDS):
        ids = [
            [(kind, int(n)) for n in re.findall(r"\d+", str(value))]
            for kind, value in zip(kinds, values, strict=True)
        ]
        ordered = sorted({each for row in ids for each in row})
        ranks = {each: rank for rank, each in enumerate(ordered)}
        first = {kind: rank for (kind, _), rank in reversed(ranks.items())}
        return [[(kind, ranks[kind, n] - first[kind]) for kind, n in row] for row in ids]
    return [float(f"{v:.10g}") if isinstance(v, float) and math.isfinite(v) else str(v) for v in values]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a database of this version answers that holds the same reports."""
    with traceql.open(tmp_path_factory.mktemp("new") / "new.duckdb") as database:
        for report, tags in make.INGESTED.items():
            database.ingest(report, name=report.name, tags=tags)
        for table in make.IMPORTED:
            database.import_runs(table)
        return answers(database)


def test_there_is_a_database_of_every_version() -> None:
    """After SCHEMA_VERSION was raised: run tests/fixtures/databases/make.py, and keep the older ones."""
    assert [*OLDER, schema.SCHEMA_VERSION] == SHIPPED


@pytest.mark.parametrize("version", OLDER)
def test_an_older_database_answers_every_question_and_stays_as_it_is(
    tmp_path: Path, version: int, expected: dict[str, object]
) -> None:
    path = unpacked(version, tmp_path)
    before = path.read_bytes()
    with traceql.open(path) as database:
        found = answers(database, version)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]
    for name in questions(version):
        assert_as_today(name, version, found[name], expected[name])
    answered = [name for name, answer in found.items() if not isinstance(answer, str)]
    assert len(answered) > 0.9 * len(questions(3))


@pytest.mark.parametrize("version", OLDER)
def test_the_first_change_makes_an_older_database_one_of_today(tmp_path: Path, version: int) -> None:
    """With the same rows, and the questions' own definitions: what was answered before is answered still."""
    path = unpacked(version, tmp_path)
    with traceql.open(path) as database:
        before = {table.name: content(database, table.name) for table in schema.TABLES}
        # One change that alters nothing, so that the rows can be compared.
        database.tag(VARIANT, steps="4")
        for name, rows in before.items():
            # Values alone: columns that an older one lacks have no type of their own until then.
            assert content(database, name).to_dicts() == rows.to_dicts(), name
    assert before["kernels"].height > 1000
    fresh = tmp_path / "fresh.duckdb"
    with traceql.open(fresh) as database:
        database.ingest(next(iter(make.INGESTED)))
    assert described(path) == described(fresh)
    check_ids(path)
    with traceql.open(path) as database:
        database.ingest(make.REPORTS / "scv_baseline_graph.ncu-rep.xz")
        assert database.sql("SELECT max(trace_id) FROM traces").item() == len(make.INGESTED) + 1
    check_ids(path)


def assert_as_today(name: str, version: int, mine: object, theirs: object) -> None:
    """A question's answer is that of a database of this version, but for what older ones did not keep."""
    if name == "um_migrations" and version < 6:
        # Without causes there is one row of each direction.
        assert isinstance(mine, tuple) and isinstance(theirs, tuple)
        assert set(mine[0]["migration_cause"]) == {"None"}
        assert len(set(mine[0]["copy_kind"])) == len(mine[0]["copy_kind"]) == len(set(theirs[0]["copy_kind"]))
        for total in ("migrations", "total_bytes", "total_ns"):
            assert sum(map(int, mine[0][total])) == sum(map(int, theirs[0][total]))
        return
    if name in NOT_KEPT and version < 3:
        assert isinstance(mine, tuple) and isinstance(theirs, tuple)
        assert set(mine[0].pop(NOT_KEPT[name])) == {"None"}
        theirs = ({key: values for key, values in theirs[0].items() if key != NOT_KEPT[name]}, theirs[1])
    assert mine == theirs, name


def described(path: Path) -> dict[str, object]:
    """Everything about a database but its rows: tables, columns, comments, views, version."""
    with contextlib.closing(duckdb.connect(str(path), read_only=True)) as connection:
        return {
            sql: [tuple(map(_with_names_in_order, row)) for row in connection.execute(sql).fetchall()]
            for sql in (
                "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() "
                "WHERE NOT internal ORDER BY table_name, column_index",
                "SELECT table_name, comment FROM duckdb_tables() ORDER BY ALL",
                "SELECT view_name, sql, comment FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
                "FROM traceql_meta",
            )
        }


def _with_names_in_order(cell: object) -> object:
    """The cell; DuckDB writes the names behind EXCLUDE in any order, and in another one after reading them."""
    if not isinstance(cell, str):
        return cell
    return re.sub(
        r"EXCLUDE \(([^()]*)\)", lambda found: f"EXCLUDE ({', '.join(sorted(found[1].split(', ')))})", cell
    )


def check_ids(path: Path) -> None:
    """Every id of ours begins with the number of its trace; those of runs with a number, too."""
    with contextlib.closing(duckdb.connect(str(path), read_only=True)) as connection:
        checked = set()
        for table in schema.TABLES:
            for column in table.columns:
                if column.name not in OWN_IDS - {"run_id"} or not table.of_trace:
                    continue
                row = connection.execute(
                    f"SELECT count(*) FROM {table.name} WHERE {column.name} >> 32 != trace_id"
                ).fetchone()
                assert row == (0,), (table.name, column.name)
                checked.add((table.name, column.name))
        assert len(checked) > 15
        assert connection.execute("SELECT count(*) FROM runs WHERE run_id >> 32 = 0").fetchone() == (0,)
        orphans = "SELECT count(*) FROM run_metrics ANTI JOIN runs USING (run_id)"
        assert connection.execute(orphans).fetchone() == (0,)


def test_every_id_column_of_the_tables_is_one_that_these_tests_know() -> None:
    others = {"trace_id", "gpu_id", "device_id", "context_id", "stream_id", "correlation_id", "event_id"}
    others |= {"graph_node_id", "original_graph_node_id", "graph_id", "original_graph_id", "graph_exec_id"}
    others |= {"green_context_id", "parent_context_id", "default_stream_id"}
    others |= {"hardware_context_id", "owner_id", "parallel_id", "task_id", "parent_task_id", "wait_id"}
    others |= {"cpu_id", "src_device_id", "dst_device_id", "process_id", "instance_id"}
    named = {c.name for table in schema.TABLES for c in table.columns if c.name.endswith("_id")}
    assert named == OWN_IDS | others


def test_a_database_of_the_first_version_is_told_what_its_traces_have(tmp_path: Path) -> None:
    has = "SELECT DISTINCT profiler, has_timeline, has_counters FROM traces ORDER BY ALL"
    with traceql.open(unpacked(1, tmp_path)) as database:
        assert database.sql(has).rows() == [("ncu", False, True), ("nsys", True, False)]
        database.tag(VARIANT, steps="4")
        assert database.sql(has).rows() == [("ncu", False, True), ("nsys", True, False)]
        columns = database.sql("FROM traces LIMIT 0").columns
    assert columns == [column.name for column in schema.BY_NAME["traces"].columns]


def test_killed_while_it_is_rewritten_a_database_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    code = (
        "import sys, traceql; db = traceql.open(sys.argv[1]); print(1, flush=True); "
        f"db.tag({VARIANT!r}, steps='4'); print(2, flush=True); input()"
    )
    original = unpacked(migrations.OLDEST, tmp_path)
    rng = random.Random(11)
    versions = []
    seconds = 0.0
    for number in range(6):
        path = tmp_path / f"db-{number}"
        shutil.copy(original, path)
        with subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"1\n"
            began = time.monotonic()
            if number == 0:
                # Undisturbed, to know how long it takes.
                assert process.stdout.readline() == b"2\n"
                seconds = time.monotonic() - began
            else:
                time.sleep(rng.uniform(0.1, 1.0) * seconds)
            process.kill()
        with traceql.open(path) as database:
            assert database.sql("SELECT count(*) FROM traces").item() == len(make.INGESTED)
            counted = database.sql(
                "SELECT count(*) FROM kernels JOIN api_calls USING (trace_id, api_call_id)"
            )
            versions.append(database.sql("SELECT schema_version FROM traceql_meta").item())
            # It can be changed, and is one of today then.
            database.tag(VARIANT, steps="4")
            assert database.sql(
                "SELECT count(*) FROM kernels JOIN api_calls USING (trace_id, api_call_id)"
            ).equals(counted)
        check_ids(path)
    assert set(versions) <= {migrations.OLDEST, schema.SCHEMA_VERSION}
    assert migrations.OLDEST in versions


@pytest.mark.parametrize(
    ("by", "remedy"), [(1, "Update traceql: pip install"), (-99, "Ingest the reports again")]
)
def test_a_version_that_is_not_known_is_refused_with_a_way_out(tmp_path: Path, by: int, remedy: str) -> None:
    path = unpacked(schema.SCHEMA_VERSION, tmp_path)
    with contextlib.closing(duckdb.connect(str(path))) as connection:
        connection.execute("UPDATE traceql_meta SET schema_version = schema_version + ?", [by])
    before = path.read_bytes()
    with traceql.open(path) as database:
        for change in (lambda: database.query("trace_summary"), lambda: database.tag(VARIANT, a="b")):
            with pytest.raises(
                SchemaVersionError, match=f"schema version {schema.SCHEMA_VERSION + by}"
            ) as caught:
                change()
            assert caught.value.remedy.startswith(remedy)
    assert path.read_bytes() == before


def test_ranges_of_a_trace_without_gpu_work_launched_an_unknown_number(tmp_path: Path) -> None:
    """Version 4 said 0 of them."""
    path = unpacked(4, tmp_path)
    with contextlib.closing(duckdb.connect(str(path))) as connection:
        connection.execute(f"UPDATE traces SET missing = ['kernels'] WHERE trace = '{NSYS}'")
    counted = """
        SELECT trace, count(gpu_operations) > 0, count(launches) > 0
        FROM nvtx_ranges JOIN traces USING (trace_id) GROUP BY trace HAVING trace IN (?, ?) ORDER BY trace
    """.replace("?, ?", f"'{NSYS}', 'memory_and_ranges.sqlite.xz'")
    with traceql.open(path) as database:
        read = database.sql(counted).rows()
        database.tag(VARIANT, steps="4")
        assert database.sql(counted).rows() == read
    assert read == [("memory_and_ranges.sqlite.xz", True, True), (NSYS, False, False)]


def test_what_others_keep_in_an_older_database_survives_its_upgrade(tmp_path: Path) -> None:
    path = unpacked(migrations.OLDEST, tmp_path)
    with contextlib.closing(duckdb.connect(str(path))) as connection:
        connection.execute("CREATE TABLE notes AS SELECT 'mine' AS text; CREATE VIEW said AS FROM notes")
        connection.execute("CREATE MACRO plus_one(x) AS x + 1")
    with traceql.open(path) as database:
        database.tag(VARIANT, steps="4")
        assert database.sql("SELECT plus_one(1) AS n, text FROM said").rows() == [(2, "mine")]


def test_a_database_of_today_needs_no_migration() -> None:
    assert migrations.selects(schema.SCHEMA_VERSION, "") == {}


def test_a_migration_says_how_old_tables_become_new_ones_and_nothing_else() -> None:
    for version in range(migrations.OLDEST, schema.SCHEMA_VERSION):
        selects = migrations.selects(version, "old_file.main.")
        assert selects
        for name, select in selects.items():
            assert name in schema.BY_NAME
            assert not re.search(r"\bold\.", select)
            # A table that is new is made of others, or of nothing: it has the columns of today then.
            if any(name in migrations.NEW.get(step, ()) for step in range(version, schema.SCHEMA_VERSION)):
                assert name not in TABLES_OF[version]
                with contextlib.closing(duckdb.connect()) as connection:
                    columns = connection.execute(f"DESCRIBE {select}").fetchall()
                    assert connection.execute(select).fetchall() == []
                types = [(column.name, column.type) for column in schema.BY_NAME[name].columns]
                assert [(column[0], column[1]) for column in columns] == types
                continue
            made_of = r"\w+" if name not in TABLES_OF[version] else name
            assert re.search(rf"old_file\.main\.{made_of}\b", select)


def test_a_table_that_is_new_and_without_rows_has_no_file() -> None:
    for version, names in migrations.NEW.items():
        folder = Path(migrations.__file__).parent / f"from_{version}"
        assert not {f"{name}.sql" for name in names} & {file.name for file in folder.iterdir()}
        assert set(names) <= TABLES_OF.get(version + 1, schema.BY_NAME.keys()) - TABLES_OF[version]


@pytest.mark.parametrize(
    ("recorded_by", "exported_by", "stored"),
    [
        ("2025.6.1.190", None, True),
        ("2026.1.3.1", None, True),
        ("2026.2.0.1", None, False),
        ("2027.1.1.1", None, False),
        # An export tells what its exporter knows.
        (None, "2025.3.2.0", True),
        (None, "2026.2.1.0", False),
        # Nobody knows.
        (None, None, False),
        ("nightly", None, False),
    ],
)
@pytest.mark.parametrize("upgraded", [False, True])
def test_clusters_are_not_left_out_of_what_never_has_them(
    tmp_path: Path, recorded_by: str | None, exported_by: str | None, stored: bool, upgraded: bool
) -> None:
    path = unpacked(5, tmp_path)
    with contextlib.closing(duckdb.connect(str(path))) as connection:
        connection.execute(
            "UPDATE traces SET tool_version = $by, settings = json_object('exported_by', $exported) "
            "WHERE trace = $trace",
            {"by": recorded_by, "exported": exported_by, "trace": NSYS},
        )
    with traceql.open(path) as database:
        if upgraded:
            database.tag(VARIANT, steps="4")
        told = database.info(NSYS)
        (reply,) = Tools(database).call("list_traces", {"trace": NSYS}).content["rows"]
    how = "nsys profile --trace=cuda, of nsys 2026.2 or newer"
    assert told.get("not recorded: kernel_clusters") == (how if stored else None)
    assert reply["not_recorded"].get("kernel_clusters") == (how if stored else None)
    unstored = [*([] if stored else ["kernel_clusters"]), "graph_events", "contexts"]
    assert told["not stored by an older traceql"] == (
        f"{', '.join(unstored)}: traceql ingest --replace REPORT"
    )
    assert reply["not_stored_by_older_traceql"] == unstored
    # Nobody looked whether these were recorded.
    assert "recorded, not read" not in told
    assert not {f"not recorded: {name}" for name in unstored} & told.keys()
    assert reply["recorded_not_read"] == []
    assert not set(unstored) & reply["not_recorded"].keys()


@pytest.mark.parametrize("version", SHIPPED)
def test_a_shipped_database_tells_nothing_about_the_machine_that_made_it(
    tmp_path: Path, version: int
) -> None:
    content = unpacked(version, tmp_path).read_bytes()
    private = rb"/(?:home|root|Users|work|mnt|scratch|tmp)/[\w.-]+|LD_LIBRARY_PATH=|HOSTNAME=|SSH_|API_KEY"
    assert (found := re.search(private, content)) is None, found
    with traceql.open(tmp_path / f"version_{version}.duckdb") as database:
        assert database.environment().collect().height == 0


def test_the_database_of_todays_version_has_todays_tables_and_answers(tmp_path: Path) -> None:
    """Else run tests/fixtures/databases/make.py again."""
    path = unpacked(schema.SCHEMA_VERSION, tmp_path)
    with contextlib.closing(duckdb.connect(str(path), read_only=True)) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE table_name IN (SELECT table_name FROM duckdb_tables()) AND table_name != 'traceql_meta'"
        ).fetchall()
    assert sorted(columns) == sorted((t.name, c.name, c.type) for t in schema.TABLES for c in t.columns)
    with traceql.open(path) as database:
        assert set(database.query("trace_summary")["trace"]) == {report.name for report in make.INGESTED}
        assert database.query("top_kernels", trace=NSYS).height > 0
