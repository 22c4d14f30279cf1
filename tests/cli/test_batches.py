"""Rows that are written as they come are those that are written when all of them are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from command_line import traceql
from made.nsys import Recording, kernel

from traceql.cli.output import IN_PARTS
from traceql.store import connection

if TYPE_CHECKING:
    from pathlib import Path

    from traceql import Database

KERNELS = [kernel(name, 10 * i, 10 * i + 5) for i, name in enumerate(['a "b"', "=1+1", "c, d", "", "e"])]
# An error in the row of the last kernel, when others were written.
_WRONG = "SELECT name, if(start_ns = 40, error('no such row'), start_ns) AS start_ns FROM kernels"
COMMANDS = [
    ("query", "cuda-gpu-trace"),
    ("query", "cuda-gpu-trace", "--columns", "operation,start"),
    ("query", "cuda-gpu-trace", "--trace", "none*"),
    ("query", "top-kernels"),
    (
        "sql",
        "SELECT name, start_ns, start_ns / 3 AS third, [name] AS names, start_ns > 5 AS late FROM kernels",
    ),
    ("sql", "SELECT sum(start_ns) AS total FROM kernels"),
    ("sql", "SELECT trace_id AS id, kernel_id AS id FROM kernels"),
    ("sql", "SELECT name FROM kernels WHERE false"),
    ("sql", "SET VARIABLE a = 1; SELECT getvariable('a') AS a"),
]


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every database is large, and a part has few rows."""
    monkeypatch.setattr(connection, "_LARGE_BYTES", 0)
    monkeypatch.setattr(connection, "_ROWS_AT_ONCE", 2)


@pytest.fixture
def stored(db: Database) -> str:
    Recording().work(*KERNELS).store(db, "a")
    return db.path


@pytest.mark.parametrize("form", IN_PARTS)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_parts_are_written_as_the_whole(
    stored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], form: str
) -> None:
    def answer() -> tuple[object, ...]:
        out = tmp_path / "answer"
        done = traceql(*command, "--db", stored, "-f", form, "-o", out)
        there = out.is_file()
        content = (pq.read_table(out) if form == "parquet" else out.read_bytes()) if there else None
        out.unlink(missing_ok=True)
        return done.returncode, done.stderr, content

    whole = answer()
    monkeypatch.setattr(connection, "_LARGE_BYTES", 0)
    monkeypatch.setattr(connection, "_ROWS_AT_ONCE", 2)
    assert answer() == whole


def test_formulas_are_made_harmless_in_parts(stored: str, in_parts: None) -> None:
    done = traceql("sql", "SELECT name FROM kernels", "--db", stored, "-f", "csv", "--safe-csv")
    assert done.stdout == 'name\n"a ""b"""\n\'=1+1\n"c, d"\n""\ne\n'


@pytest.mark.usefixtures("in_parts")
def test_a_file_whose_rows_end_in_an_error_is_not_there(stored: str, tmp_path: Path) -> None:
    done = traceql("sql", _WRONG, "--db", stored, "-o", tmp_path / "answer.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: Invalid Input Error: no such row\n")
    assert [one.name for one in tmp_path.iterdir() if "answer" in one.name] == []


@pytest.mark.usefixtures("in_parts")
def test_a_file_is_not_written_over_by_half_of_an_answer(stored: str, tmp_path: Path) -> None:
    (tmp_path / "answer.csv").write_text("before")
    assert traceql("sql", _WRONG, "--db", stored, "-o", tmp_path / "answer.csv").returncode == 1
    assert (tmp_path / "answer.csv").read_text() == "before"


def test_a_small_database_is_asked_for_all_rows_at_once(db: Database) -> None:
    Recording().work(*KERNELS).store(db, "a")
    assert not db._store.is_large()
    with db._store.batches("FROM kernels") as rows:
        assert rows is None


@pytest.mark.usefixtures("in_parts")
def test_rows_that_nobody_takes_to_the_end_do_not_keep_the_database(db: Database) -> None:
    Recording().work(*KERNELS).store(db, "a")
    with db._store.batches("FROM kernels ORDER BY start_ns") as rows:
        assert rows is not None
        assert next(rows.tables).column("start_ns").to_pylist()[0] == 0
    Recording().work(*KERNELS).store(db, "b")
    assert db.sql("SELECT count(*) AS kernels FROM kernels")["kernels"][0] == 10
