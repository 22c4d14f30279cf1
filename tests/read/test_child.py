"""Rows are sent in batches of one size, whatever a reader makes of them."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest

from traceql.read import child
from traceql.read.child import FRAME, _Sender


def sent(stream: io.BytesIO) -> dict[str, list[list[int]]]:
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
