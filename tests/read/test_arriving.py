"""Tables that arrive piece by piece are the same in memory and in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from traceql.read import arriving
from traceql.read.arriving import Arriving

if TYPE_CHECKING:
    from pathlib import Path


def piece(*numbers: int) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    batch = pa.record_batch({"number": pa.array(numbers, pa.int64())})
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


@pytest.mark.parametrize("in_memory_bytes", [0, 700, 1 << 20], ids=["files", "first-memory", "memory"])
def test_pieces_of_a_table_lie_one_behind_the_other(
    in_memory_bytes: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(arriving, "_IN_MEMORY_BYTES", in_memory_bytes)
    found = Arriving(lambda: tmp_path)
    for name, numbers in (("a", (1, 2)), ("../b", (7,)), ("a", (3,)), ("none", ()), ("a", (4, 5))):
        found.add(name, piece(*numbers))
    tables = found.tables()
    with found.letting_go():
        rows = {name: table["number"].to_pylist() for name, table in tables.items()}
    assert rows == {"a": [1, 2, 3, 4, 5], "../b": [7], "none": []}
    assert bool(list(tmp_path.iterdir())) == (in_memory_bytes < 1 << 20)


def test_what_was_let_go_of_can_be_read_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(arriving, "_IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(arriving, "_LET_GO_S", 0.0)
    found = Arriving(lambda: tmp_path)
    found.add("a", piece(*range(10_000)))
    table = found.tables()["a"]
    with found.letting_go():
        sums = {sum(table["number"].to_pylist()) for _ in range(3)}
    assert sums == {49_995_000}


def test_without_a_folder_all_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "_IN_MEMORY_BYTES", 0)
    found = Arriving(None)
    found.add("a", piece(1))
    assert found.tables()["a"]["number"].to_pylist() == [1]
    assert found.size_bytes > 0
