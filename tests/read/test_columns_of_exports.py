"""What NVIDIA's exports hold in tables that are read is read, or named with the reason why not."""

from __future__ import annotations

import lzma
import sqlite3
import tomllib
from pathlib import Path

import pytest
from shipped import REPORTS

from traceql.tables import normalise

EXPORTS = sorted(REPORTS.glob("*.sqlite.xz"))
LEFT_OUT = tomllib.loads(Path(__file__).with_name("columns.toml").read_text("utf-8"))["left_out"]


@pytest.fixture(scope="module")
def unread() -> set[str]:
    """Columns with values that no step reads, of all exports."""
    wanted = normalise.wanted("nsys")
    found = set()
    for export in EXPORTS:
        connection = sqlite3.connect(":memory:")
        connection.deserialize(lzma.decompress(export.read_bytes()))
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            if table not in wanted:
                continue
            for _, column, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                any_value = f'SELECT 1 FROM "{table}" WHERE "{column}" IS NOT NULL LIMIT 1'
                if column not in wanted[table] and connection.execute(any_value).fetchone():
                    found.add(f"{table}.{column}")
        connection.close()
    return found


def test_a_column_with_values_is_read_or_named_with_a_reason(unread: set[str]) -> None:
    assert len(EXPORTS) > 40
    named = [column for reason in LEFT_OUT for column in reason["columns"]]
    assert len(named) == len(set(named))
    assert set(named) == unread


def test_every_reason_says_something() -> None:
    assert all(len(reason["why"]) > 20 and reason["columns"] for reason in LEFT_OUT)
