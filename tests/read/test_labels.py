"""Names and tags that somebody gives: texts and numbers are stored, of all else nothing comes into a database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made.nsys import Recording, kernel
from shipped import REPORTS

import traceql
from traceql import Database
from traceql.errors import ParameterError, ReportError
from traceql.read import labels

REPORT = REPORTS / "extrap_a100_2020.3.ncu-rep.xz"


@pytest.fixture
def db() -> Database:
    """One with a trace."""
    database = traceql.open(":memory:")
    Recording().gpu(0, "H200").call("cudaLaunchKernel", 1, 2, kernel("k", 3, 4)).store(database, "there")
    return database


def report(db: Database, _: Path, tags: Any) -> None:
    """Give tags to a report."""
    db.ingest(REPORT, name="new", tags=tags)


def reports(db: Database, _: Path, tags: Any) -> None:
    """Give tags to reports."""
    (outcome,) = db.ingest_all(REPORT, tags=tags)
    assert not isinstance(outcome, ReportError)


def runs(db: Database, folder: Path, tags: Any) -> None:
    """Give tags to runs."""
    (folder / "t.csv").write_text("ms\n1\n")
    db.import_runs(folder / "t.csv", tags=tags)


def stored(db: Database, _: Path, tags: Any) -> None:
    """Give tags to what is stored."""
    db.tag("there", **tags)


GIVING = (report, reports, runs, stored)
EVERYTHING = "SELECT trace, tags FROM traces UNION ALL SELECT sweep, tags FROM runs ORDER BY ALL"


@pytest.mark.parametrize("giving", GIVING)
def test_numbers_are_stored_as_texts(
    db: Database, tmp_path: Path, giving: Callable[[Database, Path, Any], None]
) -> None:
    giving(db, tmp_path, {"gpu": "h200", "batch": 8, "rate": 0.5, "of": np.int64(3), "empty": ""})
    ((_, tags),) = [row for row in db.sql(EVERYTHING).rows() if row[1]]
    assert tags == {"gpu": "h200", "batch": "8", "rate": "0.5", "of": "3", "empty": ""}


@pytest.mark.parametrize("giving", GIVING)
@pytest.mark.parametrize(
    "tags",
    [
        {"a": None},
        {"a": True},
        {"a": ["x"]},
        {"a": b"x"},
        {"": "x"},
        {" ": "x"},
        {"a": "\udcff"},
        {"\udcff": 1},
        # Python does not write it.
        {"a": 10**5_000},
    ],
    ids=lambda tags: repr(tags) if tags != {"a": 10**5_000} else "5,001 digits",
)
def test_what_is_no_text_and_no_number_is_refused(
    db: Database, tmp_path: Path, giving: Callable[[Database, Path, Any], None], tags: dict[str, Any]
) -> None:
    if giving is stored and tags == {"a": None}:
        pytest.skip("removes a tag")
    before = db.sql(EVERYTHING).rows()
    with pytest.raises(ParameterError, match="tag") as refused:
        giving(db, tmp_path, tags)
    assert "Tags look like" in refused.value.remedy
    str(refused.value).encode()
    assert db.sql(EVERYTHING).rows() == before


@pytest.mark.parametrize("tags", [{1: "x"}, [("a", "b")], "a=b"], ids=repr)
def test_tags_have_names(tags: Any) -> None:
    with pytest.raises(ParameterError):
        labels.tags(tags)


def test_none_removes_a_tag_and_is_none(db: Database) -> None:
    db.tag("there", a="b", c=1)
    db.tag("there", a=None, d=None)
    assert db.sql("SELECT tags FROM traces").item() == {"c": "1"}


@pytest.mark.parametrize("name", ["", " ", 5, "\udcff"], ids=repr)
def test_a_name_is_a_text_that_is_seen(db: Database, tmp_path: Path, name: Any) -> None:
    (tmp_path / "t.csv").write_text("ms\n1\n")
    before = db.sql(EVERYTHING).rows()
    for change in (
        lambda: db.rename("there", name),
        lambda: db.ingest(REPORT, name=name),
        lambda: db.import_runs(tmp_path / "t.csv", sweep=name),
    ):
        with pytest.raises(
            ParameterError, match="has a name" if isinstance(name, str) else "is 5, not a text"
        ):
            change()
    assert db.sql(EVERYTHING).rows() == before
