"""Rows are sent in batches of one size, whatever a reader makes of them."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest

from traceql.errors import LimitError
from traceql.read import child
from traceql.read.child import FRAME, PLACE, _Sender


def sent(stream: io.BytesIO, file: Path | None = None) -> dict[str, list[list[int]]]:
    """Table → the numbers in each of its batches."""
    content, at, name = stream.getvalue(), 0, ""
    found: dict[str, list[list[int]]] = {}
    while at < len(content):
        tag, size = FRAME.unpack_from(content, at)
        payload = content[at + FRAME.size : at + FRAME.size + size]
        at += FRAME.size + size
        if tag == b"N":
            name = payload.decode()
        else:
            if tag == b"F":
                assert file is not None
                payload = file.read_bytes()[slice(*PLACE.unpack(payload))]
            else:
                assert tag == b"T"
            batches = pa.ipc.open_stream(payload).read_all().to_batches()
            found.setdefault(name, []).extend(batch["number"].to_pylist() for batch in batches)
    return found


@pytest.mark.parametrize("sizes", [(9,), (1,) * 9, (3, 1, 5), (4, 5), (2, 2, 5)])
def test_batches_are_filled(sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "ROWS", 4)
    stream = io.BytesIO()
    sender = _Sender(stream)
    numbers = iter(range(9))
    for size in sizes:
        sender.take("a", pa.record_batch({"number": pa.array([next(numbers) for _ in range(size)])}))
        sender.take("b", pa.record_batch({"number": pa.array([], pa.int64())}))
    sender.end()
    assert sent(stream)["a"] == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    assert sum(map(len, sent(stream)["b"])) == 0


def test_wide_rows_do_not_wait_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_FRAME_BYTES", 16)
    stream = io.BytesIO()
    sender = _Sender(stream)
    sender.take("a", pa.record_batch({"number": [1]}))
    assert sent(stream) == {}
    sender.take("a", pa.record_batch({"number": [2]}))
    assert sent(stream) == {"a": [[1, 2]]}


@pytest.mark.parametrize(("in_frames", "framed"), [(0, 0), (8, 1), (100, 4)])
def test_rows_behind_the_first_are_written_into_the_file(
    in_frames: int, framed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(child, "ROWS", 1)
    stream, file = io.BytesIO(), tmp_path / "rows"
    sender = _Sender(stream, file=file, in_frames=in_frames)
    for name, number in (("a", 1), ("b", 2), ("a", 3), ("b", 4)):
        sender.take(name, pa.record_batch({"number": [number]}))
    sender.end()
    sender.close()
    assert sent(stream, file) == {"a": [[1], [3]], "b": [[2], [4]]}
    assert file.exists() == (framed < 4)
    if file.exists():
        with pa.OSFile(str(file)) as content:
            found = 0
            while content.tell() < content.size():
                found += len(pa.ipc.open_stream(content).read_all())
        assert found == 4 - framed


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_folder_for_the_file_is_said() -> None:
    sender = _Sender(io.BytesIO(), file=Path("/dev/full"), of="run.nsys-rep")
    sender.take("a", pa.record_batch({"number": [1]}))
    with pytest.raises(LimitError, match=r"run\.nsys-rep: its tables do not fit into the temporary folder"):
        sender.end()
