"""The empty database that is kept for the next one."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from made.nsys import Recording

import traceql
from traceql.questions import catalog, folders
from traceql.store import create, definitions, empty
from traceql.store.definitions import Definitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

    State = tuple[tuple[str, int, int], ...]

pytestmark = pytest.mark.long


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "traceql"


def ingest(path: Path) -> list[tuple[object, ...]]:
    with traceql.open(path) as database:
        Recording().range("step", 0, 10).store(database, "run")
        return database.sql(
            """
            SELECT table_name, column_name, data_type, comment FROM duckdb_columns()
            WHERE NOT internal AND database_name NOT IN ('system', 'temp') ORDER BY ALL
            """
        ).rows()


def test_a_new_database_is_a_copy_of_the_kept_one_and_the_same_as_one_made_anew(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ingest(tmp_path / "first.duckdb")
    (kept,) = cache.glob("*.duckdb")
    assert kept.name.startswith("empty-")

    def fail(*_: object) -> None:
        raise AssertionError("made anew")

    monkeypatch.setattr(create, "create", fail)
    assert ingest(tmp_path / "second.duckdb") == first
    assert len(first) > 400
    # Nothing of the first one's content came along.
    with traceql.open(tmp_path / "second.duckdb") as database:
        assert database.sql("SELECT trace FROM traces")["trace"].to_list() == ["run"]


def test_one_that_is_damaged_or_made_of_something_else_is_replaced(cache: Path, tmp_path: Path) -> None:
    ingest(tmp_path / "first.duckdb")
    (kept,) = cache.glob("*.duckdb")
    content = kept.read_bytes()
    kept.write_bytes(content[: len(content) // 2])
    ingest(tmp_path / "second.duckdb")
    (again,) = cache.glob("*.duckdb")
    assert len(again.read_bytes()) == len(content)
    other = again.rename(cache / "empty-0000-0000.duckdb")
    ingest(tmp_path / "third.duckdb")
    assert not other.exists()
    assert len(list(cache.glob("*.duckdb"))) == 1


def test_it_depends_on_the_definitions(cache: Path, tmp_path: Path) -> None:
    ingest(tmp_path / "first.duckdb")
    definitions = Definitions(catalog.shipped())
    assert empty.copy(str(tmp_path / "same"), definitions)
    definitions.__dict__["fingerprint"] = "another"
    assert not empty.copy(str(tmp_path / "other"), definitions)
    assert not (tmp_path / "other").exists()


def test_definitions_are_read_when_their_files_have_changed_and_only_then(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    made = Definitions._fingerprint
    monkeypatch.setattr(Definitions, "_fingerprint", lambda self: [read.append(1), made(self)][1])
    first = Definitions(catalog.shipped()).fingerprint
    assert read
    read.clear()
    assert Definitions(catalog.shipped()).fingerprint == first
    assert not read
    looked_at = catalog.state

    def state(of_first: int) -> Callable[..., State | None]:
        def changed(files: Iterable[str | Path]) -> State | None:
            (name, _, size), *others = looked_at(files) or ()
            return ((name, of_first, size), *others)

        return changed

    # Changed before, or since this process may have read it, or not known.
    for now in (state(1), state(time.time_ns()), lambda _: None):
        monkeypatch.setattr(catalog, "state", now)
        assert Definitions(catalog.shipped()).fingerprint == first
        assert read
        read.clear()
    monkeypatch.setattr(catalog, "state", state(1))
    assert Definitions(catalog.shipped()).fingerprint == first
    assert not read, "what changed while it could have been read already was kept"


@pytest.mark.parametrize("place", ["/proc/nowhere", "file"])
def test_without_a_cache_folder_databases_are_made_as_ever(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", place if place.startswith("/") else str(tmp_path / place))
    assert ingest(tmp_path / "first.duckdb")


def test_a_user_without_home_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert ingest(tmp_path / "first.duckdb")


def test_what_makes_the_definitions_is_part_of_their_state() -> None:
    """A change of it makes others of the same files; where these lie is in the state of the files."""
    root = Path(traceql.__file__).parent
    ran: set[Path] = set()

    def look(frame: FrameType, event: str, _of: object) -> None:
        # What a module does when it is imported makes nothing.
        if event == "call" and frame.f_code.co_name != "<module>":
            ran.add(Path(frame.f_code.co_filename))

    defined = Definitions(catalog.Catalog(catalog._shipped()))
    before = sys.getprofile()
    sys.setprofile(look)
    try:
        defined._fingerprint()
    finally:
        sys.setprofile(before)
    makers = {Path(module.__file__ or "") for module in (*definitions._MAKERS, definitions, folders)}
    assert {file for file in ran if file.is_relative_to(root)} <= makers
