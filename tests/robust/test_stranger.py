"""Databases from strangers: data that may be nonsense, and code that is never run.

``python tests/robust/test_stranger.py --cases 200 --start 1`` asks every question of so many databases whose values
are out of range, and says what came of it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import lzma
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import asked
import duckdb
import pytest
from command_line import traceql
from forks import COMMAND, Forks
from helpers_robust import let_end

from traceql import Database, DatabaseError, QueryError, TimeLimitError, TraceqlError
from traceql.cli import output
from traceql.draw import charts
from traceql.questions import catalog
from traceql.store import trust
from traceql.tables import schema, values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

REPORTS = Path(__file__).parent.parent / "fixtures" / "reports"
TIMELINE, BEFORE, AFTER = "timeline", "before", "after"

#: Type of a column → SQL of values that nothing should hold.
VALUES = {
    "BIGINT": ("NULL", "0", "-1", "9223372036854775807", "-9223372036854775808"),
    "INTEGER": ("NULL", "0", "-1", "2147483647", "-2147483648"),
    "DOUBLE": ("NULL", "'nan'", "'inf'", "'-inf'", "-1e308", "1e308"),
    "BOOLEAN": ("NULL", "true", "false"),
    "TIMESTAMP": (
        "NULL",
        "'infinity'",
        "'-infinity'",
        "'290000-01-01'",
        "'0001-01-01'",
        "'4000-01-01 (BC)'",
    ),
    "JSON": ("NULL", "'[1, 2]'", "'3'", "'null'", """'{"trace": {"a": [null]}}'""", "''"),
    "VARCHAR": ("NULL", "''", "'zzz'", "'a' || chr(0) || chr(27) || '[31m'", "repeat('%_', 5000)"),
    "VARCHAR[]": ("NULL", "[]", "[NULL]", "['nosuch', NULL]"),
    "MAP(VARCHAR, VARCHAR)": ("NULL", "map()", "map(['a', 'gpu'], [NULL, ''])", "map([''], ['x'])"),
}

#: Changes of whole tables.
WHOLE = (
    "DELETE FROM {table}",
    "INSERT INTO {table} FROM {table}",
    "UPDATE traces SET trace = 'one'",
    "UPDATE traces SET trace_id = 1",
    "UPDATE traces SET profiler = 'zzz'",
    "UPDATE kernels SET end_ns = start_ns - 5, duration_ns = -5",
    "UPDATE {table} SET trace_id = 77",
    "UPDATE run_metrics SET value = 'nan', unit = 'parsec'",
)
SLOW_S = 60.0


def make(path: Path) -> None:
    """A database of a timeline, two profiles and some runs."""
    with Database(path) as database:
        database.ingest(REPORTS / "scv_baseline_graph.sqlite.xz", name=TIMELINE, tags={"batch": "8"})
        database.ingest(REPORTS / "scv_baseline_graph.ncu-rep.xz", name=BEFORE)
        database.ingest(REPORTS / "scv_baseline_vectorized.ncu-rep.xz", name=AFTER)
        database.import_runs(REPORTS.parent / "tables" / "decode_sweep.csv")


def spoil(path: Path, seed: int) -> list[str]:
    """Change some values of a database to what they cannot be; returns the statements."""
    rng = random.Random(seed)
    done = []
    with contextlib.closing(duckdb.connect(str(path))) as connection:
        for _ in range(rng.choice((1, 1, 2, 4))):
            statement = _change(rng)
            # Some tables have no rows of a trace.
            with contextlib.suppress(duckdb.BinderException):
                connection.execute(statement)
                done.append(statement)
    return done


def _change(rng: random.Random) -> str:
    table = schema.BY_NAME["traces"] if rng.random() < 0.3 else rng.choice(schema.TABLES)
    if rng.random() < 0.15:
        return rng.choice(WHOLE).format(table=table.name)
    column = rng.choice(table.columns)
    value = rng.choice(VALUES[column.type])
    where = rng.choice(("true", f"hash(rowid + {rng.randrange(99)}) % 3 = 0"))
    return f"UPDATE {table.name} SET {column.name} = {value} WHERE {where}"


def uses(database: Database) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Everything that can be asked of a database, by name."""
    given = {"timeline": TIMELINE, "baseline": BEFORE, "variant": AFTER}
    found = catalog.shipped()
    for name, query in found.queries.items():
        values = asked.given(query, **given)
        yield name, lambda name=name, values=values: database.ask(name, **values).table
    for name in charts.names(found):
        values = asked.given(charts.queries_of(found, name)[0], **given)
        yield f"chart {name}", lambda name=name, values=values: database.chart(name, **values).to_dict()
    for trace in (TIMELINE, BEFORE):
        yield f"info {trace}", lambda trace=trace: database.info(trace)
    yield "ls", lambda: database._store.run("SELECT * FROM traces ORDER BY trace_id")
    yield "report", lambda: database.report(TIMELINE, BEFORE)
    yield "reports", lambda: database.report(BEFORE, AFTER)
    yield "compare", lambda: database.compare(BEFORE, AFTER)
    yield "tables", lambda: database.tables()
    yield "unanswerable", lambda: database.unanswerable()
    for file in found.checks:
        sides = {} if file == "nwor_scv" else {"baseline": BEFORE, "variant": AFTER}
        if file in ("scv", "budget"):
            sides = {"variant": TIMELINE} if file == "budget" else dict.fromkeys(sides, TIMELINE)
        yield f"check {file}", lambda file=file, sides=sides: database.check(file, **sides)


def shown(answer: Any, forms: Sequence[str] = ("table", "csv", "json", "md")) -> None:
    """Write an answer that is a table in several forms, as the command line does."""
    if hasattr(answer, "num_rows"):
        for form in forms:
            with tempfile.TemporaryDirectory() as folder:
                output.write(answer, form, f"{folder}/answer")


def outcome(use: Callable[[], Any]) -> tuple[str, str]:
    """What comes of a use: an answer, an error of ours, or one that nobody caught."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            shown(use())
    except TraceqlError as error:
        return type(error).__name__, error.message
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return "uncaught", f"{type(error).__name__}: {error}"
    return "answer", ""


# --- what is stored to be run ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of two traces and some runs."""
    path = tmp_path_factory.mktemp("stranger") / "whole"
    make(path)
    return path


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Processes for signals."""
    with Forks() as forks:
        yield forks


@pytest.fixture
def given(whole: Path, tmp_path: Path) -> Callable[..., Path]:
    """Make a copy of `whole` in which statements were run."""

    def changed(*statements: str) -> Path:
        path = tmp_path / "given.duckdb"
        shutil.copyfile(whole, path)
        with contextlib.closing(duckdb.connect(str(path))) as connection:
            for statement in statements:
                connection.execute(statement)
        return path

    return changed


def _answers(path: Path) -> list[Any]:
    with Database(path) as database:
        questions = ("top_kernels", "gpu_gaps", "dram_traffic")
        # The last digits of a sum depend on the order that its parts are added in.
        answers = [
            [[f"{v:.12g}" if isinstance(v, float) else v for v in row] for row in database.query(name).rows()]
            for name in questions
        ]
        return [*answers, database.info(BEFORE)]


#: What DuckDB would take before its own functions, operators and types, and before our views and macros.
CODE = (
    """CREATE MACRO "+"(a, b) AS 42""",
    """CREATE MACRO "~~"(a, b) AS false""",
    "CREATE MACRO sum(a) AS 42",
    "CREATE MACRO coalesce(a, b) AS 42",
    "CREATE MACRO len(a) AS 0",
    "CREATE MACRO round(a, b) AS 0",
    "CREATE MACRO duckdb_tables() AS TABLE SELECT 1 AS x",
    "CREATE MACRO unnest(a) AS 42",
    "CREATE TYPE json AS ENUM ('a')",
    "CREATE SEQUENCE kernels_sequence",
    "CREATE SCHEMA main2; CREATE TABLE main2.kernels AS SELECT 1 AS x",
    "CREATE OR REPLACE VIEW dram AS SELECT 1 AS trace_id, 7 AS dram_read_bytes",
    "CREATE OR REPLACE VIEW kernel_full_names AS FROM range(1000000000000)",
    "CREATE OR REPLACE MACRO is_like(a, b) AS false",
    "CREATE OR REPLACE MACRO chosen_traces(a) AS TABLE SELECT NULL AS trace_id LIMIT 0",
    "DROP VIEW dram; CREATE TABLE dram AS SELECT 1 AS x",
    "CREATE OR REPLACE VIEW looked_at AS SELECT 1 AS x; CREATE TABLE window_spans AS SELECT 1 AS x",
    "COMMENT ON TABLE kernels IS 'x'; CREATE INDEX i ON kernels (kernel_id)",
    "CREATE SCHEMA given.system; CREATE TABLE given.system.kernels AS SELECT 1 AS x; "
    "CREATE MACRO given.system.sum(a) AS 42",
    "CREATE SCHEMA given.temp; CREATE VIEW given.temp.dram AS SELECT 1 AS x; CREATE MACRO given.temp.is_like(a, b) AS false",
    "CREATE TABLE log (x INTEGER); CREATE TABLE mine (x INTEGER); CREATE TRIGGER t AFTER INSERT ON mine FOR EACH STATEMENT "
    "INSERT INTO log VALUES (1)",
    "SET GLOBAL default_collation = 'nocase'; CREATE TABLE theirs (name VARCHAR COLLATE nocase)",
    "ATTACH ':memory:' AS other; CREATE TABLE other.kernels AS SELECT 1 AS x; CREATE VIEW theirs2 AS FROM other.kernels",
)

#: Functions that list what a database stores as SQL, which might be run: `trust` knows these.
LISTS = {"duckdb_functions", "duckdb_indexes", "duckdb_tables", "duckdb_triggers", "duckdb_views"}


def test_duckdb_stores_no_other_code_than_is_known_here() -> None:
    with contextlib.closing(duckdb.connect()) as connection:
        names = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_name LIKE 'duckdb\\_%' ESCAPE '\\'"
        found = set()
        for (name,) in connection.execute(names).fetchall():
            # Those that want an argument list nothing of a database.
            with contextlib.suppress(duckdb.BinderException):
                columns = set(connection.sql(f"FROM {name}() LIMIT 0").columns)
                if "database_name" in columns and columns & {"sql", "macro_definition"}:
                    found.add(name)
    # Those that are named only.
    assert found - {"duckdb_schemas", "duckdb_sequences"} == LISTS


@pytest.mark.long
def test_a_database_stores_no_secret_and_uses_none(given: Callable[..., Path]) -> None:
    path = given("CREATE SECRET theirs (TYPE http, BEARER_TOKEN 'plugh')")
    assert b"plugh" not in path.read_bytes()
    with Database(path) as database:
        # Not even those of the user's own, which lie in a folder of DuckDB's.
        for statement in ("FROM duckdb_secrets()", "CREATE SECRET mine (TYPE http, BEARER_TOKEN 'x')"):
            with pytest.raises(QueryError):
                database.sql(statement)


@pytest.mark.long
def test_nothing_stored_is_run_for_a_question(whole: Path, given: Callable[..., Path]) -> None:
    right = _answers(whole)
    assert len(right[0]) > 1
    assert _answers(given(*CODE)) == right


@pytest.mark.long
@pytest.mark.parametrize("code", CODE)
def test_nothing_of_a_kind_that_is_stored_is_run(whole: Path, given: Callable[..., Path], code: str) -> None:
    assert _answers(given(code)) == _answers(whole)


#: What stands in place of our tables, or does more than hold rows → what the error names.
FALSE = {
    "ALTER TABLE kernels RENAME TO k; CREATE VIEW kernels AS FROM k": "the table kernels, it has a view",
    "DROP TABLE metrics": "the table metrics, it has nothing",
    "ALTER TABLE kernels DROP COLUMN grid_x": "kernels has no column grid_x",
    "ALTER TABLE kernels ADD COLUMN mine INTEGER": "kernels has a column mine",
    "ALTER TABLE kernels ALTER start_ns TYPE VARCHAR": "kernels.start_ns is VARCHAR, where traceql has BIGINT",
    "ALTER TABLE metrics ALTER value SET DEFAULT 1": 'metrics does more than hold rows (DEFAULT): "value"',
    "ALTER TABLE runs ALTER run_id SET NOT NULL": "runs does more than hold rows (NOT NULL): run_id",
    "CREATE TABLE m AS FROM runs; DROP TABLE runs; CREATE TABLE runs AS SELECT sweep, run_id, * EXCLUDE (run_id, "
    "sweep) FROM m": "the columns of runs are in another order",
    "DROP TABLE run_metrics; CREATE TABLE run_metrics (run_id BIGINT, metric VARCHAR, unit VARCHAR, sample BIGINT, "
    "value DOUBLE AS (run_id * 2))": "run_metrics does more than hold rows (GENERATED)",
    "DROP TABLE run_metrics; CREATE TABLE run_metrics (run_id BIGINT, metric VARCHAR, unit VARCHAR, sample BIGINT, "
    "value DOUBLE CHECK (value > 0))": "run_metrics does more than hold rows (CHECK)",
    "ALTER TABLE traceql_meta RENAME TO m; CREATE VIEW traceql_meta AS FROM m": "not one of traceql",
    "INSERT INTO traceql_meta FROM traceql_meta": "traceql_meta, which says the version, holds two rows",
    "DELETE FROM traceql_meta": "traceql_meta, which says the version, holds no row",
    "CREATE TABLE log (x INTEGER); CREATE TRIGGER spy AFTER INSERT ON runs FOR EACH STATEMENT INSERT INTO log VALUES (1)": (
        "runs does more than hold rows (TRIGGER): spy"
    ),
    "CREATE TRIGGER spy BEFORE UPDATE ON traces FOR EACH STATEMENT DELETE FROM kernels": (
        "traces does more than hold rows (TRIGGER): spy"
    ),
    "CREATE TRIGGER spy AFTER UPDATE ON traceql_meta FOR EACH STATEMENT DELETE FROM kernels": (
        "traceql_meta does more than hold rows (TRIGGER): spy"
    ),
    "DROP TABLE threads; CREATE TABLE threads (trace_id BIGINT, pid BIGINT, tid BIGINT, name VARCHAR COLLATE nocase)": (
        "threads"
    ),
    "UPDATE traceql_meta SET schema_version = NULL": "traceql_meta, which says the version, holds NULL",
}


@pytest.mark.parametrize("change", FALSE)
def test_tables_that_are_not_ours_are_refused_by_name(given: Callable[..., Path], change: str) -> None:
    path = given(*change.split("; "))
    before = path.read_bytes()
    with Database(path) as database:
        for use in (lambda: database.ask("top_kernels"), lambda: database.rename(BEFORE, "x")):
            with pytest.raises(DatabaseError) as caught:
                use()
            assert FALSE[change] in caught.value.message
            assert caught.value.remedy
    assert path.read_bytes() == before


@pytest.mark.long
def test_an_older_database_without_a_table_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    path.write_bytes(lzma.decompress((REPORTS.parent / "databases" / "version_2.duckdb.xz").read_bytes()))
    with contextlib.closing(duckdb.connect(str(path))) as connection:
        connection.execute("ALTER TABLE kernels ALTER name SET DEFAULT 'x'")
    with Database(path) as database, pytest.raises(DatabaseError, match=r"kernels does more .* \(DEFAULT\)"):
        database.ask("top_kernels")
    with contextlib.closing(duckdb.connect(str(path))) as connection:
        connection.execute("ALTER TABLE kernels ALTER name DROP DEFAULT")
        connection.execute("CREATE TRIGGER spy AFTER DELETE ON kernels FOR EACH STATEMENT DELETE FROM traces")
    with (
        Database(path) as database,
        pytest.raises(DatabaseError, match=r"kernels does more .* \(TRIGGER\): spy"),
    ):
        database.ask("top_kernels")
    with contextlib.closing(duckdb.connect(str(path))) as connection:
        connection.execute("DROP TRIGGER spy ON kernels")
        connection.execute("DROP TABLE kernels")
    with Database(path) as database, pytest.raises(DatabaseError, match="the table kernels, it has nothing"):
        database.ask("top_kernels")


@pytest.mark.long
def test_a_name_of_duckdb_that_means_something_else_is_no_place_to_write(given: Callable[..., Path]) -> None:
    path = given("CREATE MACRO sum(a) AS 42", "UPDATE traceql_meta SET definitions = 'of another traceql'")
    with Database(path) as database, pytest.raises(DatabaseError, match="holds a function sum"):
        database.rename(BEFORE, "x")
    assert _answers(path)[0]


@pytest.mark.long
def test_a_change_uses_no_stored_function(given: Callable[..., Path]) -> None:
    runs = REPORTS.parent / "tables" / "prefill_sweep.csv"
    for code in ((), ("""CREATE MACRO ">>"(a, b) AS 5""", "CREATE MACRO map(a, b) AS NULL")):
        with Database(given(*code)) as database:
            assert database.import_runs(runs).runs > 1
            found = database.sql(
                "SELECT run_id >> 32 AS number, tags FROM runs WHERE sweep = 'prefill_sweep'"
            )
            assert set(found["number"]) == {2}
            assert all(found["tags"].to_list())


@pytest.mark.long
def test_files_are_for_the_statement_alone_never_for_what_is_stored(
    given: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "secret.csv").write_text("word\nplugh\n")
    place = str(tmp_path / "secret.csv")
    path = given(
        f"CREATE VIEW evil AS FROM read_csv('{place}')",
        f'CREATE VIEW "so ""it"" is" AS FROM read_csv(\'{place}\')',
        "CREATE SCHEMA s2",
        f"CREATE VIEW s2.deep AS FROM read_csv('{place}')",
        f"CREATE MACRO look() AS TABLE FROM read_csv('{place}')",
        f"CREATE MACRO word() AS (SELECT max(word) FROM read_csv('{place}'))",
        f"CREATE OR REPLACE VIEW dram AS FROM read_csv('{place}')",
        "CREATE VIEW harmless AS SELECT 7 AS x",
    )
    uses = {
        "FROM evil": "evil",
        "SELECT * FROM (FROM main.EVIL)": "evil",
        'FROM "so ""it"" is"': 'so "it" is',
        "FROM s2.deep": "deep",
        "FROM look()": "look",
        "SELECT word()": "word",
        "FROM given.main.dram": "dram",
        "FROM given.dram": "dram",
        "FROM harmless": "harmless",
    }
    with Database(path, allow_files=True) as database:
        assert database.sql(f"FROM '{place}'").item() == "plugh"
        assert "word" not in database.sql("FROM dram").columns
        assert "word" not in database.sql("FROM main.dram").columns
        for statement, name in uses.items():
            with pytest.raises(QueryError) as caught:
                database.sql(statement)
            assert f"code called {name}, a view or macro" in caught.value.message
            assert "plugh" not in str(caught.value)
    with Database(path) as database:
        assert database.sql("FROM harmless").item() == 7
        for statement in ("FROM evil", "FROM look()", "SELECT word()", "FROM given.main.dram"):
            with pytest.raises(QueryError, match="SQL may touch no other files"):
                database.sql(statement)


@pytest.mark.long
def test_questions_of_ones_own_touch_no_file_through_what_is_stored(
    given: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "mine" / "_views"
    folder.mkdir(parents=True)
    (folder / "mine.sql").write_text("-- Mine.\n--\n-- @column x BIGINT it\n\nSELECT x FROM theirs\n")
    path = given("CREATE VIEW theirs AS SELECT 7::BIGINT AS x")
    with Database(path, queries=tmp_path / "mine") as database:
        assert database.sql("FROM mine").item() == 7
    with (
        Database(path, queries=tmp_path / "mine", allow_files=True) as database,
        pytest.raises(QueryError, match="code called theirs"),
    ):
        database.sql("FROM mine")


@pytest.mark.long
@pytest.mark.parametrize("name", ["a,b", 'a"b', "a'b", "temp", "system", "main", "kernels", "old", "ä b.c"])
def test_a_file_may_have_any_name(whole: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.duckdb"
    shutil.copyfile(whole, path)
    with Database(path) as database:
        assert database.query("top_kernels", **{"from": 0}, trace=TIMELINE).height
        database.rename(BEFORE, "x")
        assert database.query("top_kernels", trace="x").height


# --- values ---------------------------------------------------------------------------------------------

#: Change of the traces → what the error says.
WRONG = {
    "trace_id = NULL": "traces.trace_id is not a number of its own in 3 rows",
    "trace_id = 5": "traces.trace_id is not a number of its own in 2 rows",
    "trace_id = -trace_id": "traces.trace_id is not a number of its own in 3 rows",
    "trace = 'x'": "traces.trace is not a name of its own in 2 rows",
    "trace = NULL": "traces.trace is not a name of its own in 3 rows",
    "profiler = NULL": "traces.profiler is not a name in 3 rows",
    "captured_at = 'infinity'": "traces.captured_at is not a date of the years 1 to 9999 in 3 rows",
    "captured_at = '290000-01-01'": "traces.captured_at is not a date of the years 1 to 9999 in 3 rows",
    "captured_at = '4000-01-01 (BC)'": "traces.captured_at is not a date of the years 1 to 9999 in 3 rows",
    "start_utc_ns = -9223372036854775808": "traces.start_utc_ns is not a time of less than 73 years in 3 rows",
    "trace_duration_ns = 9223372036854775807": "traces.trace_duration_ns is not a time of less than 73 years in 3",
    "settings = '[1]'": "traces.settings is not a JSON object in 3 rows",
    "tags = NULL": "traces.tags is not names with texts in 3 rows",
    "tags = map(['a'], [NULL])": "traces.tags is not names with texts in 3 rows",
    "warnings = [NULL]": "traces.warnings is not a list of texts in 3 rows",
    "missing = NULL": "traces.missing is not a list of names in 3 rows",
}


@pytest.mark.long
@pytest.mark.parametrize("change", WRONG)
def test_traces_that_cannot_be_are_refused_by_column(given: Callable[..., Path], change: str) -> None:
    with Database(given(f"UPDATE traces SET {change}")) as database:
        for use in (lambda: database.info(BEFORE), lambda: database.sql("FROM traces")):
            with pytest.raises(DatabaseError) as caught:
                use()
            assert WRONG[change] in caught.value.message


@pytest.mark.long
def test_a_profiler_that_only_a_newer_traceql_knows_has_no_options(given: Callable[..., Path]) -> None:
    with Database(given("UPDATE traces SET profiler = 'newer', missing = ['kernels', 'nosuch']")) as database:
        facts = database.info(BEFORE)
    assert facts["profiler"] == "newer"
    assert not [name for name in facts if name.startswith("not recorded")]


@pytest.mark.long
@pytest.mark.parametrize("value", ["[" * 5000 + "]" * 5000, "9" * 6000], ids=["deep", "long"])
def test_settings_that_nobody_can_read_are_named(given: Callable[..., Path], value: str) -> None:
    with Database(given(f"""UPDATE traces SET settings = '{{"a": {value}}}'""")) as database:
        for use in (lambda: database.info(BEFORE), lambda: database.report(BEFORE)):
            with pytest.raises(DatabaseError, match=r"traces\.settings cannot be read"):
                use()


def test_a_question_that_fails_for_a_value_names_its_column(given: Callable[..., Path]) -> None:
    path = given("UPDATE kernels SET grid_x = 9223372036854775807 WHERE rowid = 0")
    with Database(path) as database, pytest.raises(QueryError) as caught:
        database.sql("SELECT grid_x * grid_x * 2 FROM kernels")
    assert "kernels.grid_x (9223372036854775807)" in caught.value.message


@pytest.mark.long
@pytest.mark.parametrize("question", ["occupancy", "scheduler", "speed_of_light"])
def test_a_question_that_fails_for_rows_that_are_one_names_the_columns(
    given: Callable[..., Path], question: str
) -> None:
    with (
        Database(given("UPDATE metrics SET kernel_id = -1 WHERE hash(rowid + 6) % 3 = 0")) as database,
        pytest.raises(QueryError) as caught,
    ):
        database.ask(question)
    assert re.search(r"metrics\.kernel_id and metric \(-1, \w+, twice\)", caught.value.message)


def test_what_reports_hold_is_in_range_and_told_apart(whole: Path) -> None:
    with Database(whole) as database:
        database.sql("SELECT 1")
        with database._store._used("read") as cursor:
            assert trust.out_of_range(cursor.connection, [table.name for table in schema.TABLES]) == ""
        tables = [table.name for table in schema.TABLES if values.twice(table, table.name)]
    assert {"kernels", "api_calls", "nvtx_ranges", "memory_ops", "metrics", "runs"} <= {*tables}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3, 8))
def test_whatever_a_database_holds_the_answer_is_one_or_an_error(
    whole: Path, tmp_path: Path, seed: int
) -> None:
    path = tmp_path / "db"
    rng = random.Random(seed)
    shutil.copyfile(whole, path)
    done = spoil(path, seed)
    assert done
    with Database(path, timeout_s=SLOW_S) as database:
        every = list(uses(database))
        for name, use in rng.sample(every, 6):
            kind, text = outcome(use)
            assert kind not in ("uncaught", "TimeLimitError"), f"{name} after {done}: {text}"


# --- time -----------------------------------------------------------------------------------------------

ENDLESS = "WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r"
#: One piece of work, in which DuckDB does not look whether it was interrupted.
LONG_PIECE = "SELECT length(regexp_replace(repeat('ab', 4000000), 'a(.)', '\\1x', 'g'))"

#: Some hundreds of megabytes when the signal comes, and several thousand later.
LONG_LISTS = "SELECT len(list_transform(range(200000000), lambda x: x + 1))"


@pytest.mark.long
@pytest.mark.parametrize("statement", [ENDLESS, LONG_PIECE])
def test_a_time_limit_ends_a_question(given: Callable[..., Path], statement: str) -> None:
    with Database(given(), timeout_s=0.3) as database:
        start = time.monotonic()
        with pytest.raises(TimeLimitError, match=r"no answer within 0\.3 s"):
            database.sql(statement)
        assert time.monotonic() - start < 2
        assert database.sql("SELECT 7").item() == 7
    let_end()


@pytest.mark.long
def test_a_view_without_end_ends_with_the_time_limit(given: Callable[..., Path]) -> None:
    path = given(f"CREATE VIEW endless AS {ENDLESS}", "CREATE VIEW vast AS FROM range(1000000000000)")
    for view in ("endless", "(SELECT max(hash(range)) FROM vast)"):
        answer = traceql("--timeout", "0.3", "sql", "--db", path, f"FROM {view}")
        assert (answer.returncode, answer.stdout) == (124, "")
        assert answer.stderr.startswith("error: no answer within 0.3 s\n")
    let_end()
    assert traceql("ls", "--db", path, environment={**os.environ, "TRACEQL_TIMEOUT": "60"}).returncode == 0


def test_what_a_question_makes_is_there_for_the_next_one_within_a_limit(given: Callable[..., Path]) -> None:
    with Database(given(), timeout_s=60) as database:
        database.sql("CREATE TEMP TABLE mine AS SELECT 7 AS x")
        assert database.sql("FROM mine").item() == 7


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_a_time_that_is_none_is_wrong_usage(seconds: str) -> None:
    assert traceql("--timeout", seconds, "gpu", "H200").returncode == 2
    assert traceql("collect", "nsys", "--timeout", seconds, "--dry-run", "--", "true").returncode == 2
    if seconds != "0":
        assert traceql("ls", "--wait", seconds).returncode == 2


@pytest.mark.parametrize("seconds", [0, -1, -0.5, float("nan"), float("inf"), -float("inf")])
def test_a_time_that_is_none_is_refused_where_a_database_is_named(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"timeout_s: .* is no time; give seconds above 0"):
        Database(":memory:", timeout_s=seconds)
    if seconds != 0:
        with pytest.raises(ValueError, match=r"wait_s: .* is no time; give seconds, or 0"):
            Database(":memory:", wait_s=seconds)
    Database(":memory:", wait_s=0, timeout_s=0.001).close()


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("statement", [ENDLESS, LONG_PIECE, LONG_LISTS])
def test_a_signal_ends_a_command_at_once_whatever_the_database_does(
    whole: Path, tmp_path: Path, forks: Forks, statement: str
) -> None:
    code = f"import tempfile; tempfile.tempdir = {str(tmp_path)!r}; "
    with forks.start("sql", "--db", whole, statement, code=code + COMMAND) as process:
        # The folder for spilling is there when the file is open.
        until = time.monotonic() + 60
        while not list(tmp_path.iterdir()) and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.5)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.said().strip() == "Interrupted."
        assert process.wait() == 130
        # A fifth of a second where nothing else runs.
        assert time.monotonic() - start < 2
    assert not list(tmp_path.iterdir())


def main() -> None:
    """Ask everything of many spoilt databases, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--start", type=int, default=1)
    parser.add_argument("--part", type=float, default=1.0, help="of what can be asked")
    arguments = parser.parse_args()
    began, counted, bad, slowest = time.monotonic(), Counter[str](), Counter[str](), 0.0
    with tempfile.TemporaryDirectory() as folder:
        base, path = Path(folder) / "base", Path(folder) / "db"
        make(base)
        for seed in range(arguments.start, arguments.start + arguments.cases):
            shutil.copyfile(base, path)
            done = spoil(path, seed)
            rng = random.Random(seed)
            with Database(path, timeout_s=SLOW_S) as database:
                for name, use in uses(database):
                    if rng.random() >= arguments.part:
                        continue
                    start = time.monotonic()
                    kind, text = outcome(use)
                    slowest = max(slowest, time.monotonic() - start)
                    counted[kind] += 1
                    if kind in ("uncaught", "TimeLimitError") or (kind == "QueryError" and "Error:" in text):
                        bad[f"{kind} {text[:150]!r}"] += 1
                        print(f"seed {seed} {name}: {kind} {text[:300]!r} after {done}", flush=True)
    for text, count in bad.most_common(40):
        print(count, text)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(
        f"{arguments.cases} databases, {sum(counted.values()):,} uses in {time.monotonic() - began:.0f} s, slowest "
        f"{slowest:.1f} s, peak {peak} MB: {dict(counted)}"
    )


if __name__ == "__main__":
    main()
