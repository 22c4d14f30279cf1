"""SQL from strangers: it reads the tables of the database and touches nothing else."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import polars as pl
import pytest
from command_line import traceql
from helpers_robust import PARQUETDIR, contents

from traceql import Database
from traceql.errors import QueryError


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sandbox") / "original.duckdb"
    with Database(path) as database:
        database.ingest(PARQUETDIR)
    return path


@pytest.fixture
def home(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run in, with a database (db), a CSV file, and a HOME of its own."""
    (tmp_path / "db").write_bytes(original.read_bytes())
    (tmp_path / "in.csv").write_text("word\nplugh\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


READING = (
    "FROM 'in.csv'",
    "FROM read_csv('in.csv')",
    "FROM read_text('in.csv')",
    "FROM sniff_csv('in.csv')",
    "FROM glob('*')",
    "FROM query('FROM ''in.csv''')",
    "FROM read_parquet('x.parquet')",
    "FROM sqlite_scan('x', 'y')",
    "FROM 'https://example.com/x.csv'",
    "EXPLAIN ANALYZE FROM 'in.csv'",
    "PREPARE p AS FROM 'in.csv'; EXECUTE p",
    "CREATE TEMP TABLE t AS FROM 'in.csv'",
    "IMPORT DATABASE 'folder'",
)
WRITING = (
    "COPY (SELECT 1) TO 'out.csv'",
    "copy traces to 'out.parquet'",
    "EXPORT DATABASE 'out'",
    # DuckDB counts the open database's own files as its own: they would be overwritten.
    "COPY (SELECT 1) TO 'db' (USE_TMP_FILE false)",
    "COPY (SELECT 1) TO 'db.wal'",
    "COPY/**/(SELECT 1) TO 'db.wal'",
    "SELECT 1; COPY (SELECT 1) TO 'db.wal'",
    "COPY (PIVOT traces ON kind USING count(*)) TO 'db.wal'",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO 'db.wal' (USE_TMP_FILE false)",
    "PREPARE p AS COPY (SELECT 1) TO 'db.wal'; EXECUTE p",
    "COPY traces FROM 'in.csv'",
)
ATTACHING = (
    "ATTACH 'new.duckdb' AS other",
    "ATTACH 'db' AS again (READ_WRITE)",
    "ATTACH 'in.csv' AS other (TYPE sqlite)",
    "DETACH db",
    "COPY FROM DATABASE db TO memory",
)
EXTENDING = (
    "INSTALL httpfs",
    "FORCE INSTALL sqlite",
    "LOAD httpfs",
    "LOAD './x.duckdb_extension'",
    "UPDATE EXTENSIONS",
    "CREATE PERSISTENT SECRET s (TYPE http, bearer_token 'x')",
)
CONFIGURING = (
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "SET python_enable_replacements = true",
    "SET temp_directory = '.'",
    "SET GLOBAL threads = 1",
    "SET file_search_path = '/'",
    "SET extension_directory = '.'",
    "PRAGMA enable_profiling",
    "PRAGMA profiling_output = 'out.json'",
    "CALL enable_logging(storage = 'file', storage_path = 'logs')",
)
CHANGING = (
    "DELETE FROM traces",
    "UPDATE traces SET trace = 'x'",
    "INSERT INTO traces (name) VALUES ('x')",
    "DROP TABLE kernels",
    "ALTER TABLE kernels ADD COLUMN x INTEGER",
    "CREATE TABLE t AS SELECT 1",
    "CREATE VIEW v AS SELECT 1",
    "CREATE MACRO m() AS 1",
    "COMMENT ON TABLE traces IS 'x'",
    "BEGIN; DELETE FROM traces; COMMIT",
)


@pytest.mark.long
@pytest.mark.parametrize("statement", READING + WRITING + ATTACHING + EXTENDING + CONFIGURING + CHANGING)
def test_sql_reaches_nothing_but_the_tables(home: Path, statement: str) -> None:
    before = (home / "db").read_bytes()
    with Database("db") as database:
        with pytest.raises(QueryError) as caught:
            database.sql(statement)
        assert "plugh" not in str(caught.value)
        assert caught.value.remedy
        assert database.sql("SELECT count(*) FROM traces").item() == 1
    assert (home / "db").read_bytes() == before
    assert sorted(p.name for p in home.iterdir()) == ["db", "in.csv"]


def test_sql_sees_no_python_variable(home: Path) -> None:
    frame = pl.DataFrame({"secret": [1]})
    with Database("db") as database, pytest.raises(QueryError, match="frame does not exist"):
        database.sql("FROM frame")
    assert frame.height == 1


def test_a_column_may_be_called_copy_in_a_question(home: Path) -> None:
    with Database("db") as database:
        assert database.sql("SELECT 'copy to' AS copy").columns == ["copy"]
        assert database.sql("EXPLAIN SELECT 1").height == 1
        assert database.sql("PIVOT memory_ops ON copy_kind USING count(*)").height > 1


@pytest.mark.long
def test_sql_of_the_command_line_is_as_confined(home: Path) -> None:
    before = contents("db")
    for statement in ("FROM 'in.csv'", "COPY (SELECT 1) TO 'db' (USE_TMP_FILE false)", "DELETE FROM traces"):
        answer = traceql("sql", "--db", "db", stdin=statement)
        assert answer.returncode == 1, statement
        assert answer.stdout == ""
        assert answer.stderr.startswith("error:")
        assert "Traceback" not in answer.stderr
    assert contents("db") == before


@pytest.mark.long
def test_allow_files_reads_and_writes_files_but_not_the_database(home: Path) -> None:
    answer = traceql("sql", "--db", "db", "--allow-files", "--format", "csv", "FROM 'in.csv'")
    assert (answer.returncode, answer.stdout) == (0, "word\nplugh\n")
    with Database("db", allow_files=True) as database:
        database.sql("COPY (SELECT 7 AS n) TO 'out.csv'")
        assert Path("out.csv").read_text(encoding="utf-8") == "n\n7\n"
        with pytest.raises(QueryError, match="read-only"):
            database.sql("DELETE FROM traces")


def test_the_folder_for_spilling_is_private_and_goes_away(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    with Database("db") as database:
        folder = Path(database.sql("SELECT current_setting('temp_directory')").item())
        assert folder.parent == home
        if os.name == "posix":
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        with pytest.raises(QueryError):
            database.sql(f"COPY (SELECT 1) TO '{folder}/x.csv'")
    assert not folder.exists()


def test_a_database_that_nobody_closes_leaves_no_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    database = Database("db")
    folder = Path(database.sql("SELECT current_setting('temp_directory')").item())
    del database
    assert not folder.exists()


def test_a_refused_database_is_refused_again(tmp_path: Path) -> None:
    import duckdb

    from traceql.errors import DatabaseError

    duckdb.connect(str(tmp_path / "other")).execute("CREATE TABLE t AS SELECT 1").close()
    database = Database(tmp_path / "other")
    for _ in range(2):
        with pytest.raises(DatabaseError, match="not one of traceql"):
            database.sql("FROM t")
