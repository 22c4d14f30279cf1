"""A database holds data, never code: views, macros and GPU figures come with the traceql that asks."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

import duckdb
import pytest
from helpers_robust import PARQUETDIR
from msgspec import structs

import traceql
from traceql.errors import DatabaseError, QueryError
from traceql.predict import hardware
from traceql.questions import catalog
from traceql.questions.catalog import Catalog
from traceql.store import connection, specs
from traceql.store.definitions import Definitions, words
from traceql.tables import migrations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long

# What says something else, made by hand in the file: a view with other columns, and GPUs that do not exist.
FALSE = """
    CREATE OR REPLACE VIEW kernels_categorised AS SELECT * REPLACE ('false' AS category)
    FROM (SELECT *, 'x' AS category FROM kernels);
    CREATE OR REPLACE VIEW dram AS SELECT 42 AS answer;
    CREATE OR REPLACE VIEW gpu_specs AS SELECT 'Voodoo 2' AS gpu;
"""


def execute(path: Path, sql: str) -> list[tuple[object, ...]]:
    """What another DuckDB client does, and sees."""
    with contextlib.closing(duckdb.connect(str(path))) as other:
        return other.execute(sql).fetchall()


@pytest.fixture
def falsified(path: Path) -> Path:
    execute(path, FALSE)
    return path


def test_a_question_never_uses_what_is_stored(original: Path, falsified: Path) -> None:
    with traceql.open(original) as true, traceql.open(falsified) as false:
        for name in ("dram_traffic", "roofs", "kernel_roofline"):
            assert true.query(name).height > 0
            assert false.query(name).equals(true.query(name)), name
        assert false.chart("dram_traffic").to_dict() == true.chart("dram_traffic").to_dict()
        assert false.gpu_specs().collect().equals(true.gpu_specs().collect())
    assert execute(falsified, "SELECT * FROM dram") == [(42,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) AS n, count(dram_write_bytes) AS m FROM dram",
        'SELECT count(*) AS n, count("dram_write_bytes") AS m FROM "dram"',
        "SELECT COUNT(*) AS n, COUNT(DRAM_WRITE_BYTES) AS m FROM DRAM",
        "SELECT count(*) AS n, count(dram_write_bytes) AS m FROM/*x*/Dram-- and no more",
        "WITH one AS (FROM dram) SELECT count(*) AS n, count(dram_write_bytes) AS m FROM one",
        "CREATE TEMP VIEW mine AS FROM dram; SELECT count(*) AS n, count(dram_write_bytes) AS m FROM mine",
        "PREPARE p AS SELECT count(*) AS n, count(dram_write_bytes) AS m FROM dram; EXECUTE p",
        "SELECT count(*) AS n, count(dram_write_bytes) AS m FROM query('FROM dram')",
    ],
)
def test_sql_finds_what_it_mentions_however_it_is_written(
    original: Path, falsified: Path, statement: str
) -> None:
    with traceql.open(original) as true, traceql.open(falsified) as false:
        expected = true.sql("SELECT count(*) AS n, count(dram_write_bytes) AS m FROM dram")
        assert expected.row(0)[0] > 0
        assert false.sql(statement).equals(expected)


def test_a_name_of_the_statement_itself_comes_first(original: Path) -> None:
    with traceql.open(original) as database:
        assert database.sql("WITH dram AS (SELECT 1 AS n) FROM dram").rows() == [(1,)]
        assert database.sql("SELECT dram.n FROM (SELECT 2 AS n) AS dram").rows() == [(2,)]
        # What the CTE is called does not reach the inside of views that read a table of that name.
        shadowed = database.sql("WITH kernels AS (SELECT 1 AS n) SELECT count(*) FROM dram").item()
        assert shadowed == database.sql("SELECT count(*) FROM dram").item() > 1
        assert database.sql("SELECT 'dram' AS word -- rooflines").rows() == [("dram",)]


@pytest.mark.parametrize(
    "between",
    ["ROLLBACK", "SELECT 1; ROLLBACK; SELECT 2", "SELEC", "ABORT", "COMMIT"],
)
def test_the_end_of_a_transaction_brings_no_stored_view_back(falsified: Path, between: str) -> None:
    with traceql.open(falsified) as database:
        database.sql("BEGIN")
        before = database.sql("SELECT count(dram_write_bytes) FROM dram").item()
        with contextlib.suppress(QueryError):
            database.sql(between)
        assert database.sql("SELECT count(dram_write_bytes) FROM dram").item() == before


def test_a_view_that_sql_drops_or_replaces_is_ours_again(falsified: Path) -> None:
    with traceql.open(falsified) as database:
        before = database.sql("SELECT count(dram_write_bytes) FROM dram").item()
        for statement in ("DROP VIEW temp.dram", "CREATE OR REPLACE TEMP VIEW dram AS SELECT 1 AS n"):
            database.sql(statement)
            assert database.sql("SELECT count(dram_write_bytes) FROM dram").item() == before


def test_a_question_makes_only_what_it_mentions(original: Path) -> None:
    made = "SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal ORDER BY ALL"
    with traceql.open(original) as database:
        assert database.sql(made).height == 0
        database.sql("FROM dram LIMIT 0")
        assert database.sql(made).rows() == [("dram",)]
        database.sql("FROM rooflines LIMIT 0")
        needed = {row[0] for row in database.sql(made).rows()}
    assert (
        {"rooflines", "kernel_flop", "gpu_specs", "gpu_roofs"}
        < needed
        < {*Definitions(catalog.shipped()).by_name}
    )


def test_every_definition_is_made_with_what_it_needs_where_nothing_is_stored() -> None:
    for name, definition in Definitions(catalog.shipped()).by_name.items():
        if definition.kind == "VIEW":
            with traceql.open(":memory:") as database:
                assert database.sql(f"FROM {name} LIMIT 0").columns == list(definition.columns)
    assert words('SELECT "A b".c_1, $d FROM e--f') == {"select", "a", "b", "c_1", "d", "from", "e", "f"}


@contextlib.contextmanager
def renewals(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the stored definitions that are asked for: once each when they are stored."""
    seen: list[str] = []
    comments = Definitions.comments
    with monkeypatch.context() as patch:
        patch.setattr(Definitions, "comments", lambda self: [seen.append("stored"), *comments(self)][1:])
        yield seen


def test_a_change_renews_stored_definitions_when_they_are_others_and_only_then(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with traceql.open(path) as database, renewals(monkeypatch) as seen:
        database.tag("run", a="b")
        database.ingest(PARQUETDIR)
        assert seen == []
        execute(path, f"{FALSE}; UPDATE traceql_meta SET definitions = 'of another version'")
        database.close()
        database.tag("run", a="c")
        assert seen == ["stored"]
        database.tag("run", a="d")
        assert seen == ["stored"]
    assert execute(path, "SELECT count(dram_write_bytes) > 0 FROM dram") == [(True,)]
    assert execute(path, "SELECT definitions FROM traceql_meta") == [
        (Definitions(catalog.shipped()).fingerprint,)
    ]


def test_stored_definitions_that_traceql_no_longer_has_go_and_those_of_others_stay(path: Path) -> None:
    execute(
        path,
        "CREATE VIEW gone AS SELECT 1; COMMENT ON VIEW gone IS 'of an older version';"
        "CREATE MACRO gone_too(x) AS x; COMMENT ON MACRO gone_too IS 'of an older version';"
        "CREATE VIEW mine AS SELECT 7 AS n; UPDATE traceql_meta SET definitions = ''",
    )
    with traceql.open(path) as database:
        database.tag("run", a="b")
    left = execute(path, "SELECT view_name FROM duckdb_views() WHERE NOT internal")
    assert ("gone",) not in left
    assert ("mine",) in left
    assert execute(path, "SELECT 1 FROM duckdb_functions() WHERE function_name = 'gone_too'") == []


def test_a_table_of_others_with_the_name_of_a_view_is_refused_and_stays(path: Path) -> None:
    execute(
        path,
        "DROP VIEW traffic; CREATE TABLE traffic AS SELECT 1 AS n; UPDATE traceql_meta SET definitions = ''",
    )
    before = path.read_bytes()
    with traceql.open(path) as database:
        with pytest.raises(DatabaseError, match="a table traffic"):
            database.tag("run", a="b")
        assert database.sql("SELECT count(*) FROM traffic").item() > 1
    assert path.read_bytes() == before


def test_other_clients_can_use_every_stored_definition(path: Path) -> None:
    with traceql.open(path) as database:
        ours = {
            name: database.sql(f"SELECT count(*) FROM {name}").item()
            for name, one in Definitions(catalog.shipped()).by_name.items()
            if one.kind == "VIEW"
        }
    for name, rows in ours.items():
        assert execute(path, f"SELECT count(*) FROM {name}") == [(rows,)], name
    stored = execute(path, "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal")
    assert {name for name, _ in stored} == set(ours)
    assert all(comment for _, comment in stored)


def test_a_gpu_that_is_new_is_known_in_an_old_database(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()
    new = one_more_gpu()
    monkeypatch.setattr(hardware, "gpus", lambda: new)
    monkeypatch.setattr(specs, "made_of", lambda: "a data file with one more")
    specs.views.cache_clear()
    try:
        with traceql.open(path) as database:
            assert "Voodoo 2" in database.gpu_specs().collect()["gpu"].to_list()
            assert path.read_bytes() == before
            database.tag("run", a="b")
        assert execute(path, "SELECT count(*) FROM gpu_specs WHERE gpu = 'Voodoo 2'") == [(1,)]
    finally:
        specs.views.cache_clear()


def one_more_gpu() -> tuple[hardware.Gpu, ...]:
    """The GPUs of the data file, and one more."""
    known = tuple(hardware.gpus())
    return (*known, structs.replace(known[0], name="Voodoo 2"))


def test_a_view_that_is_mended_shows_at_once_in_an_old_database(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()
    with traceql.open(path) as database:
        old = database.sql("SELECT sum(duration_ns) FROM dram").item()
    mended = mended_catalog("dram", "duration_ns", "1000 * duration_ns AS duration_ns")
    with contextlib.closing(
        connection.Store(str(path), allow_files=False, definitions=Definitions(mended))
    ) as store:
        assert store.run("SELECT sum(duration_ns) AS ns FROM dram").to_pylist() == [{"ns": 1000 * old}]
        # Views that use it see the mended one, too.
        users = [v for v in mended.views.values() if "dram" in words(v.sql) and v.name != "dram"]
        assert users
        store.run(f"FROM {users[0].name}")
    assert path.read_bytes() == before


def mended_catalog(view: str, column: str, instead: str) -> Catalog:
    """The catalogue, with another expression for a column of a view."""
    mended = Catalog([])
    mended.__dict__.update(vars(catalog.shipped()))
    old = mended.views[view]
    new = dataclasses.replace(old, sql=f"SELECT * EXCLUDE ({column}), {instead} FROM ({old.sql})")
    mended.views = {**mended.views, view: new}
    return mended


def test_views_of_an_older_database_stand_on_tables_of_today(tmp_path: Path) -> None:
    """A database of the oldest version is asked through today's views, which read today's tables."""
    from test_migrations import unpacked

    with traceql.open(unpacked(migrations.OLDEST, tmp_path)) as database:
        least = database.sql("SELECT min(kernel_id) FROM kernel_ranges").item()
        assert least > 1 << 32
        # Mentioned by a view only, the table is still today's.
        assert database.sql("SELECT count(*) FROM dram WHERE kernel_id < 1::BIGINT << 32").item() == 0
        assert database.sql("SELECT count(*) FROM dram").item() > 0


def test_views_of_the_users_own_are_for_those_who_name_their_folder(path: Path, tmp_path: Path) -> None:
    views = tmp_path / "own" / "_views"
    views.mkdir(parents=True)
    (views / "doubled.sql").write_text(
        "-- Twice.\n-- @column n BIGINT  twice the number of traces\n\nSELECT 2 * count(*) AS n FROM traces\n"
    )
    with traceql.open(path, queries=tmp_path / "own") as database:
        database.tag("run", a="b")
        assert database.sql("FROM doubled").rows() == [(2,)]
    with pytest.raises(duckdb.CatalogException):
        execute(path, "FROM doubled")
