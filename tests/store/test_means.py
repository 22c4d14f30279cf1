"""What a change takes of memory is bounded, and bounds change nothing of what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import helpers_robust
import pytest

import traceql
from traceql.read import arriving
from traceql.store import ingest, means, staged

if TYPE_CHECKING:
    from pathlib import Path

NAME = "scv_baseline_off.nsys-rep"


def stored(folder: Path) -> dict[str, list[str]] | None:
    """What is in a database into which the report has come."""
    database = folder / "traces.duckdb"
    with traceql.open(database) as db:
        db.ingest(helpers_robust.plain(NAME, folder))
    return helpers_robust.contents(database)


@pytest.fixture
def as_ever(tmp_path: Path) -> dict[str, list[str]] | None:
    folder = tmp_path / "as ever"
    folder.mkdir()
    return stored(folder)


def test_tables_that_arrive_in_files_are_stored_as_those_in_memory(
    as_ever: dict[str, list[str]] | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(arriving, "_IN_MEMORY_BYTES", 0)
    assert stored(tmp_path) == as_ever


def test_what_does_not_fit_the_bound_is_stored_without_it(
    as_ever: dict[str, list[str]] | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tried: list[means.Means] = []
    added = ingest._added

    def note(*given: object) -> object:
        tried.append(given[-1])  # type: ignore[arg-type]
        return added(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(ingest, "_added", note)
    monkeypatch.setattr(staged, "_SMALL_BYTES", 0)
    monkeypatch.setattr(ingest, "for_rows", lambda _: means.Means(memory_bytes=2 << 20))
    assert stored(tmp_path) == as_ever
    assert tried == [means.Means(memory_bytes=2 << 20), means.ALL]


def test_the_bound_grows_with_the_rows() -> None:
    small, large = means.for_rows(0).memory_bytes, means.for_rows(4_000_000_000).memory_bytes
    assert small is not None
    assert large == small + 1_000_000_000
    assert means.for_rows(0).config == {"memory_limit": f"{small}B"}
    assert means.SMALL.config == {"threads": 1}
    assert means.ALL.config == {}
