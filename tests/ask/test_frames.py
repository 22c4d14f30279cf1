"""Polars, pandas and Arrow, out of an answer and into SQL."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from made.nsys import Recording, kernel

import traceql
from traceql.errors import QueryError, TraceqlError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from traceql import Database

# In nanoseconds since 1970: a double does not hold it.
LONG = 1_700_000_000_123_456_789


@pytest.fixture
def db() -> Iterator[Database]:
    """A gemm of 30 ns and a norm of 5 ns, in two traces."""
    with traceql.open(":memory:") as database:
        for name in ("run", "other"):
            recording = Recording().call("cudaLaunchKernel", 0, 10, kernel("gemm", 10, 40))
            recording.call("cudaLaunchKernel", 20, 30, kernel("norm", 60, 65)).store(database, name)
        yield database


OWNERS = {"kernel": ["gemm", "norm"], "team": ["ada", "bob"]}
JOINED = """
    SELECT team, sum(duration_ns) AS total_ns
    FROM kernels JOIN mine ON kernels.name = mine.kernel
    GROUP BY team ORDER BY team
"""


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame(OWNERS),
        pl.LazyFrame(OWNERS),
        pd.DataFrame(OWNERS),
        pa.table(OWNERS),
        pa.table(OWNERS).to_batches()[0],
        pa.table(OWNERS).to_reader(),
    ],
    ids=["polars", "lazy polars", "pandas", "Arrow table", "Arrow batch", "Arrow reader"],
)
def test_a_frame_of_ones_own_is_joined_with_the_tables(db: Database, frame: Any) -> None:
    rows = db.sql(JOINED, trace="run", frames={"mine": frame}).rows()
    assert rows == [("ada", 30), ("bob", 5)]


def test_a_lake_is_joined_with_a_frame_likewise(tmp_path: Path) -> None:
    with traceql.open(tmp_path / "lake", lake=True) as lake:
        recording = Recording().call(
            "cudaLaunchKernel", 0, 10, kernel("gemm", 10, 40), kernel("norm", 60, 65)
        )
        recording.store(lake, "run")
        assert lake.sql(JOINED, frames={"mine": pl.DataFrame(OWNERS)}).rows() == [("ada", 30), ("bob", 5)]


def test_an_answer_is_a_frame_too_and_so_is_a_table_of_the_database(db: Database) -> None:
    answer = db.ask("top_kernels", trace="run")
    rows = db.sql("SELECT kernel, total_ns FROM top ORDER BY total_ns", frames={"top": answer}).rows()
    assert rows == [("norm", 5), ("gemm", 30)]
    lazy = db.kernels().filter(pl.col("duration_ns") > 10)
    assert db.sql("SELECT count(*) FROM slow", frames={"slow": lazy}).item() == 2


def test_several_frames_have_their_names_and_are_gone_afterwards(db: Database) -> None:
    frames = {"a": pl.DataFrame({"n": [1, 2]}), "B": pl.DataFrame({"n": [2, 3]})}
    assert db.sql("SELECT n FROM a JOIN b USING (n)", frames=frames).item() == 2
    with pytest.raises(QueryError, match="a"):
        db.sql("FROM a")


@pytest.mark.parametrize("name", ["kernels", "Kernels", "gpu_specs", "kernel_calls", "percent"])
def test_a_name_that_means_something_is_refused(db: Database, name: str) -> None:
    with pytest.raises(QueryError, match="traceql calls something else so"):
        db.sql("SELECT 1", frames={name: pl.DataFrame({"n": [1]})})
    assert db.sql("SELECT count(*) FROM kernels").item() == 4


@pytest.mark.parametrize("name", ["", "two words", 'a"b', "1st", "a;drop"])
def test_a_name_that_is_no_word_is_refused(db: Database, name: str) -> None:
    with pytest.raises(QueryError, match="no name for a table"):
        db.sql("SELECT 1", frames={name: pl.DataFrame({"n": [1]})})


def test_what_is_no_table_is_refused(db: Database) -> None:
    for thing in ([1, 2], {"n": [1]}, None, "kernels.csv"):
        with pytest.raises(QueryError, match=f"frame mine: {type(thing).__name__} is no table"):
            db.sql("FROM mine", frames={"mine": thing})
    with pytest.raises(QueryError, match="frame mine: Arrow has no form for it"):
        db.sql("FROM mine", frames={"mine": pd.DataFrame({"n": [1, "a", object()]})})
    # Polars would hand on an address.
    with pytest.raises(QueryError, match="frame mine: the column n holds Python objects"):
        db.sql("FROM mine", frames={"mine": pl.DataFrame({"n": [object()]})})


def test_values_come_through_as_they_are(db: Database) -> None:
    frame = pl.DataFrame(
        {"at": [LONG, None], "text": ["ü\0x", None], "list": [[1, 2], None], "kind": ["a", "b"]},
        schema_overrides={"kind": pl.Categorical},
    )
    back = db.sql("FROM mine", frames={"mine": frame})
    assert back.select("at", "text", "list").equals(frame.select("at", "text", "list"))
    assert back["kind"].to_list() == ["a", "b"]


def test_an_answer_is_read_by_whatever_reads_arrow(db: Database) -> None:
    answer = db.ask("top_kernels", trace="run")
    assert pa.table(answer).equals(answer.table)
    assert pl.DataFrame(answer).equals(answer.frame())
    assert db.query("top_kernels", trace="run").equals(answer.frame())


def test_a_pandas_frame_keeps_integers_exact_and_tells_null_from_nan(db: Database) -> None:
    answer = db.ask("cuda_kern_exec_trace", trace="run")
    frame = answer.to_pandas()
    assert list(frame.columns) == answer.table.column_names
    assert frame.to_dict("list")["kernel"] == answer.table.column("kernel").to_pylist()
    holed = dataclasses.replace(answer, table=pa.table({"at_ns": [LONG, None]}))
    exact = holed.to_pandas()["at_ns"]
    assert exact[0] == LONG and exact[1] is pd.NA


def test_without_pandas_the_error_says_what_to_do(db: Database) -> None:
    answer = db.ask("top_kernels", trace="run")
    with (
        mock.patch.dict(sys.modules, {"pandas": None}),
        pytest.raises(TraceqlError, match="pandas is not installed") as error,
    ):
        answer.to_pandas()
    assert error.value.remedy.startswith("pip install pandas;")
