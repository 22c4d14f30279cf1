"""Exports made to crash their reader, to show it foreign memory, or to fill the machine: refused, and said why."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import struct
from contextlib import closing
from typing import TYPE_CHECKING, Any

import damaged_exports
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from forks import Forks
from helpers_robust import contents

from traceql import Database
from traceql.errors import ReportError
from traceql.read import formats, worker
from traceql.read.base import no_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# The file of the folder that the makers write; a page of SQLite's.
STRINGS = "StringIds"
PAGE = 4096

_READ = """
import json, sys
from pathlib import Path
sys.path[:0] = [sys.argv[1]]
import damaged_exports
print(json.dumps(damaged_exports.outcome(Path(sys.argv[2]))))
"""


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Processes that are allowed to crash, and have little room."""
    with Forks() as forks:
        yield forks


def outcome(forks: Forks, path: Path) -> dict[str, Any]:
    """What becomes of an export that is read in a process of its own; see `damaged_exports.outcome`."""
    harness = damaged_exports.__file__.rpartition("/")[0]
    with forks.start(harness, path, code=_READ) as process:
        said, status = process.stdout.read(), process.wait()
    return dict(json.loads(said)) if status == 0 else {"outcome": f"signal {-status}"}


# --- makers: Arrow and Parquet --------------------------------------------------------------------------


def _folder(folder: Path, form: str) -> Path:
    path = folder / f"made_{form}"
    path.mkdir()
    return path


def _arrow(folder: Path, *, id: Any = None, value: Any = None, **more: Any) -> Path:  # noqa: A002
    path = _folder(folder, "arrow")
    columns = {"id": [1, 2, 3, 4] if id is None else id, "value": list("abcd") if value is None else value}
    damaged_exports.write_table(path / f"{STRINGS}.arrow", pa.table({**columns, **more}))
    return path


def _texts(offsets: list[int], column_type: pa.DataType) -> pa.Array:
    """Texts between offsets in 30 bytes."""
    large = str(column_type).startswith("large_")
    packed = struct.pack(f"<{len(offsets)}{'q' if large else 'i'}", *offsets)
    buffers = [None, pa.py_buffer(packed), pa.py_buffer(b"hello" * 6)]
    return pa.Array.from_buffers(column_type, len(offsets) - 1, buffers)


def patched(path: Path, old: bytes, new: bytes) -> Path:
    """The folder with bytes of its file replaced."""
    file = next(path.iterdir())
    data = file.read_bytes()
    assert old in data
    file.write_bytes(data.replace(old, new))
    return path


def indices_beyond_the_dictionary(folder: Path) -> Path:
    indices = pa.array([2, 3, 4, 5], pa.int32())
    return _arrow(folder, value=pa.DictionaryArray.from_arrays(indices, pa.array(["a", "b"]), safe=False))


def views_that_point_anywhere(folder: Path) -> Path:
    views = b"".join(struct.pack("<i4sii", 100_000, b"xxxx", 0, 10**8 + n) for n in range(4))
    buffers = [None, pa.py_buffer(views), pa.py_buffer(b"hello" * 10)]
    return _arrow(folder, value=pa.Array.from_buffers(pa.string_view(), 4, buffers))


def bytes_where_text_belongs(folder: Path) -> Path:
    return _arrow(folder, value=pa.array([b"a", b"b", b"c", b"d"]))


def bytes_beyond_the_file(folder: Path) -> Path:
    texts = _texts([0, 6, 12, 18, 24], pa.binary())
    path = _arrow(folder, binaryData=texts)
    good, bad = ([n * by for n in range(5)] for by in (6, 60))
    return patched(path, struct.pack("<5i", *good), struct.pack("<5i", *bad))


def offsets_beyond_the_file(folder: Path) -> Path:
    path = _arrow(folder, value=_texts([0, 6, 12, 18, 24], pa.large_string()))
    good, bad = ([n * by for n in range(5)] for by in (6, 60))
    return patched(path, struct.pack("<5q", *good), struct.pack("<5q", *bad))


def offsets_that_go_back(folder: Path) -> Path:
    path = _arrow(folder, value=_texts([0, 6, 12, 18, 24], pa.large_string()))
    return patched(path, struct.pack("<3q", 6, 12, 18), struct.pack("<3q", 6, -(1 << 60), 18))


def one_run_of_many_rows(folder: Path) -> Path:
    ends = pa.array([(1 << 31) - 2], pa.int32())
    runs = {"id": pa.array([1]), "value": pa.array(["x" * 1000])}
    return _arrow(folder, **{c: pa.RunEndEncodedArray.from_arrays(ends, v) for c, v in runs.items()})


def many_rows_of_nothing(folder: Path) -> Path:
    path = _arrow(folder, id=pa.nulls(1234), value=pa.nulls(1234))
    return patched(path, struct.pack("<q", 1234), struct.pack("<q", 1 << 40))


def more_rows_than_bytes(folder: Path) -> Path:
    path = _arrow(folder, id=pa.array(range(1234)), value=pa.array([""] * 1234))
    return patched(path, struct.pack("<q", 1234), struct.pack("<q", 123_456))


def lists(folder: Path) -> Path:
    return _arrow(folder, value=pa.array([["a"], ["b"], [], None]))


def structs(folder: Path) -> Path:
    return _arrow(folder, value=pa.array([{"a": 1}] * 4))


def a_union(folder: Path) -> Path:
    kinds = pa.array([0, 0, 1, 1], pa.int8())
    return _arrow(
        folder, value=pa.UnionArray.from_sparse(kinds, [pa.array(range(4)), pa.array(list("abcd"))])
    )


def compressed_batches(folder: Path) -> Path:
    path = _folder(folder, "arrow")
    table = pa.table({"id": [0] * 100_000, "value": [""] * 100_000})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with (
        pa.OSFile(str(path / f"{STRINGS}.arrow"), "wb") as file,
        pa.ipc.new_stream(file, table.schema, options=options) as writer,
    ):
        writer.write_table(table)
    return path


def a_stream_without_its_end(folder: Path) -> Path:
    return patched(_arrow(folder), b"\xff\xff\xff\xff\0\0\0\0", b"")


def a_stream_without_its_beginning(folder: Path) -> Path:
    path = _arrow(folder)
    file = next(path.iterdir())
    data = file.read_bytes()
    file.write_bytes(data[8 + struct.unpack_from("<i", data, 4)[0] :])
    return path


def a_column_twice(folder: Path) -> Path:
    path = _arrow(folder)
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["id", "id"])
    damaged_exports.write_table(path / f"{STRINGS}.arrow", table)
    return path


def _parquet(folder: Path, table: pa.Table, **how: Any) -> Path:
    path = _folder(folder, "parquet")
    pq.write_table(table, path / f"{STRINGS}.parquet", **how)
    return path


def a_text_that_many_rows_name(folder: Path) -> Path:
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(["x" * 1_000_000]))
    # Without Arrow's own schema it is a column of text.
    return _parquet(folder, pa.table({"id": [1] * 20_000, "value": values}), store_schema=False)


def many_rows_of_one_number(folder: Path) -> Path:
    zeros = pa.Array.from_buffers(pa.int64(), 6_000_000, [None, pa.py_buffer(bytes(48_000_000))])
    return _parquet(folder, pa.table({"id": zeros, "value": zeros}))


def packed_tighter_than_nsys_does(folder: Path) -> Path:
    return _parquet(folder, pa.table({"id": [0] * 1000, "value": [""] * 1000}), compression="zstd")


def texts_built_upon_texts(folder: Path) -> Path:
    texts = ["x" * 1000 + str(n) for n in range(100)]
    table = pa.table({"id": range(100), "value": texts})
    return _parquet(folder, table, use_dictionary=False, column_encoding={"value": "DELTA_BYTE_ARRAY"})


def a_list_in_parquet(folder: Path) -> Path:
    return _parquet(folder, pa.table({"id": [1], "value": [["a"]]}))


# --- makers: SQLite -------------------------------------------------------------------------------------


def _sqlite(folder: Path, *statements: str) -> Path:
    path = folder / "hostile.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(";".join([f"PRAGMA page_size = {PAGE}", *statements]))
    return path


def _interior(child: int, children: int, head: bytes = b"") -> bytes:
    """A page all of whose children are one page; the first page begins with the file's head."""
    page, cells = bytearray(PAGE), PAGE
    page[: len(head)] = head
    pointers = []
    for number in range(children):
        cell = struct.pack(">IB", child, min(number + 1, 127))
        cells -= len(cell)
        page[cells : cells + len(cell)] = cell
        pointers.append(cells)
    start = len(head)
    page[start : start + 12] = struct.pack(">BHHHBI", 5, 0, children, cells, 0, child)
    page[start + 12 : start + 12 + 2 * children] = struct.pack(f">{children}H", *pointers)
    return bytes(page)


def _grown(path: Path, root: int, leaf: bytes, depth: int, children: int) -> Path:
    """The file, with a tree below the root page: pages of pages that are all the same, down to one leaf."""
    data = bytearray(path.read_bytes())
    pages = [leaf]
    for _ in range(depth - 1):
        pages.append(_interior(len(data) // PAGE + len(pages), children))
    last = len(data) // PAGE + len(pages)
    data[(root - 1) * PAGE : root * PAGE] = _interior(last, children, bytes(data[:100]) if root == 1 else b"")
    data += b"".join(pages)
    data[28:32] = struct.pack(">I", len(data) // PAGE)
    path.write_bytes(data)
    return path


def _row_again_and_again(folder: Path, value: str, depth: int) -> Path:
    path = _sqlite(
        folder,
        f"CREATE TABLE {STRINGS} (id INTEGER, value TEXT)",
        f"INSERT INTO {STRINGS} VALUES (1, {value})",
    )
    with closing(sqlite3.connect(path)) as connection:
        ((root,),) = connection.execute("SELECT rootpage FROM sqlite_master").fetchall()
    leaf = path.read_bytes()[(root - 1) * PAGE : root * PAGE]
    return _grown(path, root, leaf, depth, 300)


def a_row_without_end(folder: Path) -> Path:
    return _row_again_and_again(folder, "'boom'", 10)


def a_long_text_again_and_again(folder: Path) -> Path:
    return _row_again_and_again(folder, "hex(zeroblob(500000))", 1)


def a_schema_without_end(folder: Path) -> Path:
    path = _sqlite(folder, f"CREATE TABLE {STRINGS} (id INTEGER UNIQUE, value TEXT)")
    first = path.read_bytes()[:PAGE]
    # Of the schema's two rows the second, that of the index, on a leaf of its own; the first one once.
    cells = struct.unpack_from(">2H", first, 108)
    leaves = []
    for cell in cells:
        leaf = bytearray(first)
        leaf[:10] = struct.pack(">BHHHBH", 13, 0, 1, struct.unpack_from(">H", first, 105)[0], 0, cell)
        leaves.append(bytes(leaf))
    _grown(path, 1, leaves[1], 6, 300)
    data = bytearray(path.read_bytes())
    (pointer,) = struct.unpack_from(">H", data, 112)
    data[pointer : pointer + 4] = struct.pack(">I", len(data) // PAGE + 1)
    data += leaves[0]
    data[28:32] = struct.pack(">I", len(data) // PAGE)
    path.write_bytes(data)
    return path


_ROWS = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 60000)"


def a_long_text_by_default(folder: Path) -> Path:
    return _sqlite(
        folder,
        f"CREATE TABLE {STRINGS} (id INTEGER)",
        f"INSERT INTO {STRINGS} {_ROWS} SELECT n FROM r",
        f"ALTER TABLE {STRINGS} ADD COLUMN value TEXT DEFAULT '{'A' * 500_000}'",
    )


def bytes_by_default_where_a_number_belongs(folder: Path) -> Path:
    return _sqlite(
        folder,
        f"CREATE TABLE {STRINGS} (value TEXT)",
        f"INSERT INTO {STRINGS} {_ROWS} SELECT 'a' FROM r",
        f"ALTER TABLE {STRINGS} ADD COLUMN id INTEGER DEFAULT x'{'AA' * 400_000}'",
    )


def texts_in_utf16(folder: Path) -> Path:
    return _sqlite(folder, "PRAGMA encoding = 'UTF-16'", f"CREATE TABLE {STRINGS} (id INTEGER, value TEXT)")


def a_view_called_a_table(folder: Path) -> Path:
    return _sqlite(
        folder,
        "CREATE TABLE NVTX_EVENTS (start INTEGER)",
        f"CREATE VIEW {STRINGS} (id, value) AS {_ROWS} SELECT n, hex(zeroblob(1000000)) FROM r",
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_master SET type = 'table' WHERE name = '{STRINGS}'",
    )


#: Maker → how its file is refused.
REFUSED: dict[Callable[[Path], Path], str] = {
    indices_beyond_the_dictionary: "column value is of type dictionary",
    views_that_point_anywhere: "column value is of type string_view",
    bytes_where_text_belongs: "column value is of type binary",
    bytes_beyond_the_file: "damaged or cut short",
    offsets_beyond_the_file: "damaged or cut short",
    offsets_that_go_back: "damaged or cut short",
    one_run_of_many_rows: "column id is of type run_end_encoded",
    many_rows_of_nothing: "1,099,511,627,776 rows in",
    more_rows_than_bytes: "123,456 rows in",
    lists: "column value is of type list",
    structs: "column value is of type struct",
    a_union: "column value is of type sparse_union",
    compressed_batches: "compressed, which nsys does not write",
    a_stream_without_its_end: "it has no end",
    a_stream_without_its_beginning: "it does not begin with a schema",
    a_column_twice: "there are 2 columns id",
    a_text_that_many_rows_name: "20,000,000,000 bytes of text in",
    many_rows_of_one_number: "6,000,000 rows in",
    packed_tighter_than_nsys_does: "column id is compressed as ZSTD",
    texts_built_upon_texts: "column value is compressed as SNAPPY, encoded as RLE, DELTA_BYTE_ARRAY",
    a_list_in_parquet: "column value is of type list",
    a_row_without_end: f"table {STRINGS} is damaged (more rows than its",
    a_long_text_again_and_again: f"table {STRINGS} is damaged (more text than its",
    a_schema_without_end: "damaged SQLite file (its pages refer to each other without end)",
    a_long_text_by_default: f"table {STRINGS} is damaged (more text than its",
    bytes_by_default_where_a_number_belongs: f"table {STRINGS} is damaged (string or blob too big)",
    texts_in_utf16: "its texts are UTF-16",
    a_view_called_a_table: "damaged SQLite file",
}


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_what_is_made_to_do_harm_is_refused(
    make: Callable[[Path], Path], forks: Forks, tmp_path: Path
) -> None:
    found = outcome(forks, make(tmp_path))
    assert (found["outcome"], REFUSED[make] in found["message"]) == ("refused", True), found
    assert found["bytes"] < 300_000_000
    assert found["seconds"] < 10


@pytest.mark.long
@pytest.mark.parametrize(
    "make",
    [
        indices_beyond_the_dictionary,
        offsets_beyond_the_file,
        a_text_that_many_rows_name,
        a_long_text_by_default,
    ],
    ids=lambda make: make.__name__,
)
def test_what_is_refused_leaves_the_database_as_it_was(make: Callable[[Path], Path], tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    with Database(tmp_path / "db") as database:
        database.ingest(damaged_exports.write(tmp_path / "before", "sqlite"))
    before = contents(tmp_path / "db")
    path = make(tmp_path)
    with Database(tmp_path / "db") as database, pytest.raises(ReportError) as caught:
        database.ingest(path)
    assert path.name in caught.value.message
    assert contents(tmp_path / "db") == before


@pytest.fixture
def made_exports(tmp_path: Path) -> dict[str, Path]:
    """A small export in each form."""
    return {form: damaged_exports.write(tmp_path, form) for form in damaged_exports.FORMS}


@pytest.mark.long
def test_exports_are_read_in_a_process_of_their_own(
    made_exports: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # This process could not read them: only another one does.
    monkeypatch.setattr("traceql.read.nsys_export.read", None)
    for path in made_exports.values():
        with Database(":memory:") as database:
            assert database.ingest(path).status == "added"


@pytest.mark.long
def test_all_forms_are_read_alike_and_only_as_far_as_wanted(made_exports: dict[str, Path]) -> None:
    wanted = {"NVTX_EVENTS": ["text", "start", "nobody"], STRINGS: ["nobody"]}
    for path in made_exports.values():
        report = worker.decode(formats.reader_for(path), path, wanted=wanted, progress=no_progress)
        events = report.tables["NVTX_EVENTS"].select(["start", "text"]).to_pydict()
        assert events["start"] == [10**9 + 17 * n for n in range(40)]
        assert events["text"][:3] == [
            "text 0 \N{GREEK SMALL LETTER MU}s",
            None,
            "text 2 \N{GREEK SMALL LETTER MU}s" * 3,
        ]
        assert {name: t.column_names for name, t in report.tables.items() if name != "NVTX_EVENTS"} == {
            STRINGS: []
        }


@pytest.mark.long
def test_what_a_file_generates_or_shows_in_a_view_is_not_read(forks: Forks, tmp_path: Path) -> None:
    path = _sqlite(
        tmp_path,
        f"CREATE TABLE {STRINGS} (id INTEGER, value TEXT GENERATED ALWAYS AS (hex(zeroblob(400000000))) VIRTUAL)",
        f"INSERT INTO {STRINGS} (id) VALUES (1), (2)",
        f"CREATE VIEW NVTX_EVENTS AS {_ROWS} SELECT n AS start FROM r",
    )
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(f"SELECT count(*) FROM {STRINGS}").fetchone() == (2,)
    report = worker.decode(formats.reader_for(path), path, wanted=None, progress=no_progress)
    assert {name: table.select(table.column_names).to_pydict() for name, table in report.tables.items()} == {
        STRINGS: {"id": [1, 2]}
    }


@pytest.mark.long
def test_a_pipe_in_a_folder_is_no_table(made_exports: dict[str, Path]) -> None:
    os.mkfifo(made_exports["parquet"] / "TARGET_INFO_GPU.parquet")
    with Database(":memory:") as database:
        assert database.ingest(made_exports["parquet"]).rows["nvtx_ranges"] == 40


@pytest.mark.long
@pytest.mark.parametrize("form", damaged_exports.FORMS)
def test_damaged_exports_are_refused_or_read_as_what_is_in_the_file(form: str) -> None:
    counted, slowest, largest, bad = damaged_exports.run(form, cases=40, seed=0)
    assert bad == []
    assert counted["refused"] > 5
    assert counted["read"] > 1
    assert slowest < 10
    assert largest < 300_000_000


@pytest.mark.long
@pytest.mark.parametrize("form", damaged_exports.FORMS)
def test_damaged_exports_leave_the_database_as_it_was_or_are_added(form: str, tmp_path: Path) -> None:
    rng = random.Random(form)
    with Database(tmp_path / "db") as database:
        database.ingest(damaged_exports.write(tmp_path, form))
    path = next(p for p in tmp_path.iterdir() if p.name.startswith("made"))
    members = [path] if path.is_file() else sorted(path.iterdir())
    whole = {member: member.read_bytes() for member in members}
    for _ in range(10):
        before = contents(tmp_path / "db")
        member = rng.choice(members)
        member.write_bytes(damaged_exports.damaged(whole[member], rng))
        with Database(tmp_path / "db") as database:
            try:
                added = database.ingest(path).status == "added"
            except ReportError:
                added = False
        assert (contents(tmp_path / "db") != before) == added
        member.write_bytes(whole[member])
