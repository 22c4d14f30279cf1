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


def write(arriving: Arriving, file: int, name: str, *numbers: int) -> None:
    """As the process with that number does, and says."""
    place, rows = arriving.file(file), piece(*numbers)
    assert place is not None
    with place.open("ab") as written:
        begins = written.tell()
        written.write(rows)
    arriving.add_from(file, begins, begins + rows.size, name)


@pytest.mark.parametrize("in_memory", [0, 2, 5], ids=["files", "first-memory", "memory"])
def test_pieces_of_a_table_lie_one_behind_the_other(in_memory: int, tmp_path: Path) -> None:
    found = Arriving(lambda: tmp_path)
    pieces = (("a", (1, 2)), ("../b", (7,)), ("a", (3,)), ("none", ()), ("a", (4, 5)))
    for number, (name, numbers) in enumerate(pieces):
        if number < in_memory:
            found.add(name, piece(*numbers))
        else:
            write(found, number % 2, name, *numbers)
    tables = found.tables()
    with found.letting_go():
        rows = {name: table["number"].to_pylist() for name, table in tables.items()}
    assert rows == {"a": [1, 2, 3, 4, 5], "../b": [7], "none": []}
    assert found.size_bytes == sum(piece(*numbers).size for _, numbers in pieces)
    assert len(list(tmp_path.iterdir())) == {0: 2, 2: 2, 5: 0}[in_memory]


def test_what_was_let_go_of_can_be_read_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(arriving, "_LET_GO_S", 0.0)
    found = Arriving(lambda: tmp_path)
    write(found, 0, "a", *range(10_000))
    table = found.tables()["a"]
    with found.letting_go():
        sums = {sum(table["number"].to_pylist()) for _ in range(3)}
    assert sums == {49_995_000}


def test_without_a_folder_all_stays_in_memory() -> None:
    found = Arriving(None)
    assert found.file(0) is None
    found.add("a", piece(1))
    assert found.tables()["a"]["number"].to_pylist() == [1]
    assert found.size_bytes > 0
