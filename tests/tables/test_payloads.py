"""Binary NVTX payloads become text: numbers as their schema lays them out, names where it enumerates them."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made.nsys import Recording, kernel

import traceql

if TYPE_CHECKING:
    from pathlib import Path

    from traceql.database import Database

LARGEST = 2**64 - 1


def payloads(db: Database) -> list[Any]:
    """Of every range, by start."""
    found = db.sql("SELECT payload FROM nvtx_ranges ORDER BY start_ns")["payload"]
    return [None if text is None else json.loads(text) for text in found]


def test_numbers_have_their_sign_and_size_and_enumerations_their_names() -> None:
    db = (
        Recording()
        .nccl("ncclReduce", 0, 1, communicator=LARGEST, size=2**40, root=-2, reduction=0)
        .nccl("ncclReduce", 2, 3, communicator=1, size=0, root=3, reduction=2)
        # An operation of the application's own.
        .nccl("ncclReduce", 4, 5, communicator=1, size=0, root=3, reduction=77)
        .database()
    )
    first = {
        "NCCL communicator ID": LARGEST,
        "Message size [bytes]": 2**40,
        "Root": -2,
        "Reduction operation": "Sum",
    }
    other = {"NCCL communicator ID": 1, "Message size [bytes]": 0, "Root": 3}
    assert payloads(db) == [
        first, {**other, "Reduction operation": "Max"}, {**other, "Reduction operation": 77}
    ]  # fmt: skip


def test_what_a_payload_does_not_hold_is_left_out() -> None:
    recording = Recording().nccl("ncclBroadcast", 0, 1, communicator=5, size=6, root=7)
    row = recording._tables["NVTX_EVENTS"][-1]
    domain, schema, _, _ = struct.unpack_from("<QQQQ", row["binaryData"])
    for start, content in ((2, struct.pack("<QI", 5, 6)), (4, b"\x05"), (6, b"")):
        recording.range("cut", start, start + 1, binary=struct.pack("<QQQQ", domain, schema, 0, 32) + content)
    recording.range("unknown", 8, 9, binary=struct.pack("<QQQQQ", domain, 12345, 8, 32, 1))
    recording.range("no header", 10, 11, binary=b"\x01" * 31)
    assert payloads(recording.database())[1:] == [{"NCCL communicator ID": 5}, None, None, None, None]


def test_schemas_of_one_number_that_differ_tell_nothing_and_offsets_out_of_bounds_do_no_harm() -> None:
    recording = Recording().nccl("ncclSend", 0, 1, communicator=5, size=6, peer=7)
    entries = recording._tables["NVTX_PAYLOAD_SCHEMA_ENTRIES"]
    entries.append({**entries[1], "offset": 4})
    entries.append({**entries[1], "idx": 8, "name": "far", "offset": 2**63 - 1})
    entries.append({**entries[1], "idx": 9, "name": "before", "offset": -8})
    assert payloads(recording.database()) == [{"NCCL communicator ID": 5, "Peer rank": 7}]


def test_a_field_whose_layout_does_not_say_where_it_begins_is_not_read_at_the_beginning() -> None:
    recording = Recording().nccl("ncclSend", 0, 1, communicator=5, size=6, peer=7)
    for entry in recording._tables["NVTX_PAYLOAD_SCHEMA_ENTRIES"][1:]:
        entry["offset"] = 0
    assert payloads(recording.database()) == [{"NCCL communicator ID": 5}]


def test_a_payload_is_told_before_a_number_and_a_range_without_one_keeps_its_number() -> None:
    recording = Recording().nccl("ncclCommFinalize", 0, 1, communicator=5).range("plain", 2, 3, payload=-4)
    assert payloads(recording.database()) == [{"NCCL communicator ID": 5}, -4]


@pytest.mark.long
@pytest.mark.parametrize("form", ["sqlite", "parquet"])
def test_exports_hold_payloads_as_bytes_in_a_column_of_text(form: str, tmp_path: Path) -> None:
    # 0x80 and 0xff are no UTF-8.
    recording = Recording().nccl(
        "ncclSend", 0, 1, kernel("ncclSend", 5, 9), communicator=0xFF80, size=0x80, peer=1
    )
    if form == "sqlite":
        path = recording.export(tmp_path / "made.sqlite")
    else:
        path = tmp_path / "made_pqtdir"
        path.mkdir()
        for name, rows in recording._all_tables().items():
            table = pa.Table.from_pylist(rows)
            if "binaryData" in table.column_names:
                # As NVIDIA writes it, and pyarrow does not check.
                position = table.column_names.index("binaryData")
                binary = table["binaryData"].combine_chunks().cast(pa.large_binary())
                text = pa.LargeStringArray.from_buffers(
                    len(binary), *binary.buffers()[1:], binary.buffers()[0]
                )
                table = table.set_column(position, "binaryData", text)
            pq.write_table(table, path / f"{name}.parquet")
    with traceql.open(":memory:") as db:
        db.ingest(path)
        assert payloads(db) == [
            {"NCCL communicator ID": 0xFF80, "Message size [bytes]": 0x80, "Peer rank": 1}
        ]
