"""Binary NVTX payloads become text: numbers as their schema lays them out, names where it enumerates them."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made.nsys import Recording, kernel

import traceql
from traceql.read import payload_parts

if TYPE_CHECKING:
    from traceql.database import Database

LARGEST = 2**64 - 1
REPORTS = Path(__file__).parents[1] / "fixtures" / "reports"


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
    whole = recording._tables["NVTX_EVENTS"][-1]["binaryData"]
    ((schema, _, _),) = payload_parts.parts(whole)
    some = [
        # As long as they are told to be, and cut off.
        payload_parts.joined([(schema, struct.pack("<QI", 5, 6))]),
        whole[:44],
        payload_parts.joined([(schema, b"\x05")]),
        payload_parts.joined([(schema, b"")]),
        payload_parts.joined([(12345, bytes(8))]),
        # No head, none of a payload, and one that lies far behind.
        b"\x01" * 31,
        struct.pack("<Q", 0),
        struct.pack("<QQQQ", 2**63, schema, 2**64 - 1, 2**64 - 1) + bytes(24),
    ]
    for number, content in enumerate(some):
        recording.range("cut", 2 + number, 3 + number, domain="NCCL", binary=content)
    told = payloads(recording.database())[1:]
    assert told == [*[{"NCCL communicator ID": 5}] * 2, *[None] * 6]


def test_several_payloads_of_an_event_are_an_array_in_their_order() -> None:
    recording = Recording().nccl("ncclSend", 0, 1, communicator=5, peer=7)
    ((schema, begin, end),) = payload_parts.parts(
        content := recording._tables["NVTX_EVENTS"][-1]["binaryData"]
    )
    one, other = content[begin:end], struct.pack("<Qi4x", 6, -1)
    for start, several in ((2, [(schema, one), (schema, other)]), (4, [(12345, one), (schema, other)])):
        joined = payload_parts.joined(several)
        recording.range("several", start, start + 1, domain="NCCL", binary=joined)
    of = {"NCCL communicator ID": 5, "Peer rank": 7}, {"NCCL communicator ID": 6, "Peer rank": -1}
    assert payloads(recording.database()) == [of[0], list(of), [None, of[1]]]


@pytest.mark.parametrize(
    ("told", "values"),
    [
        ('[{"a":1},null,{"b":"x"}]', [("a", "1"), ("b", "x")]),
        ('[{"a":1},[2]]', [("", '[{"a":1},[2]]')]),
        ("[null,5]", [("", "[null,5]")]),
        ("[null]", [("", "[null]")]),
        ("[]", [("", "[]")]),
        ("[{", [("", "[{")]),
    ],
)
def test_arrays_of_structures_have_fields_and_others_are_values(
    told: str, values: list[tuple[str, str]]
) -> None:
    """As an application tells them as JSON."""
    recording = Recording().range("told", 0, 1)
    recording._tables["NVTX_EVENTS"][0]["jsonText"] = told
    found = recording.database().sql("SELECT field, value_text FROM payload_values ORDER BY position")
    assert found.rows() == values


def test_payloads_that_each_hold_all_bytes_are_none() -> None:
    """Else a made-up event of 100 kB has gigabytes of them."""
    recording = Recording().nccl("ncclSend", 0, 1, communicator=5, peer=7)
    content = recording._tables["NVTX_EVENTS"][-1]["binaryData"]
    ((schema, begin, end),) = payload_parts.parts(content)
    head = struct.pack("<QQQ", schema, end - begin, 56)
    overlapping = struct.pack("<Q", 2) + 2 * head + content[begin:end]
    recording.range("overlapping", 2, 3, domain="NCCL", binary=overlapping)
    assert payloads(recording.database())[1:] == [None]
    assert payload_parts.parts(overlapping) == []


def test_of_very_many_payloads_of_an_event_the_first_are_told() -> None:
    recording = Recording().nccl("ncclSend", 0, 1, communicator=5)
    ((schema, _, _),) = payload_parts.parts(recording._tables["NVTX_EVENTS"][-1]["binaryData"])
    many = payload_parts.joined([(schema, struct.pack("<Q", number)) for number in range(1025)])
    recording.range("many", 2, 3, domain="NCCL", binary=many)
    told = payloads(recording.database())[1]
    assert told == [{"NCCL communicator ID": number} for number in range(1024)]


def test_the_default_domain_may_have_no_number() -> None:
    recording = Recording().nccl("ncclSend", 0, 1, communicator=5, size=6, peer=7)
    (event,) = (row for row in recording._tables["NVTX_EVENTS"] if row["binaryData"])
    for row in (event, *recording._tables["NVTX_PAYLOAD_SCHEMA_ENTRIES"]):
        row["domainId"] = None
    told = {"NCCL communicator ID": 5, "Message size [bytes]": 6, "Peer rank": 7}
    assert payloads(recording.database()) == [told]


def test_domains_lay_out_schemas_of_one_number_differently() -> None:
    recording = Recording().range("other", 0, 1, domain="first").nccl("ncclSend", 2, 3, communicator=5)
    of_nccl = recording._tables["NVTX_PAYLOAD_SCHEMA_ENTRIES"][0]
    (named,) = (row for row in recording._tables["NVTX_EVENTS"] if row["text"] == "first")
    other = {**of_nccl, "domainId": named["domainId"], "name": "first number", "type": 16}
    recording._tables["NVTX_PAYLOAD_SCHEMA_ENTRIES"].append(other)
    content = payload_parts.joined([(of_nccl["schemaId"], struct.pack("<Q", 1 << 32 | 9))])
    recording.range("of the first", 4, 5, domain="first", binary=content)
    recording.range("of NCCL", 6, 7, domain="NCCL", binary=content)
    assert payloads(recording.database())[1:] == [
        {"NCCL communicator ID": 5}, {"first number": 9}, {"NCCL communicator ID": 1 << 32 | 9}
    ]  # fmt: skip


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


@pytest.mark.parametrize("form", ["nsys-rep", "sqlite"])
def test_a_recording_tells_what_its_program_wrote(form: str) -> None:
    """Of two domains, whose schemas of one number differ; see workloads/nvtx_payloads.c."""
    with traceql.open(":memory:") as db:
        db.ingest(REPORTS / f"nvtx_payloads.{form}.xz")
        told = db.sql("SELECT text, payload FROM nvtx_ranges ORDER BY range_id")
        values = db.query("nvtx_payloads", range="three*", limit=None)
    found = [(text, json.loads(payload)) for text, payload in told.iter_rows()]
    expected: list[tuple[str, Any]] = []
    for number in range(3):
        sizes = {"rows": number + 1, "scale": number * 0.5, "bytes": number << 40}
        parts = {"tag": 100 + number, "ratio": number * 0.25}
        colour = {"red": number, "green": number + 1, "blue": number + 2}
        expected += [
            ("one of the first", sizes),
            ("two of the first", [sizes, parts]),
            ("one of the second", parts),
            ("three of the second", [colour, sizes, parts]),
            ("number of the first", sizes),
            ("number of the second", parts),
            ("at its end", sizes),
        ]
    assert found == expected
    fields = [name for one in ("red green blue", "rows scale bytes", "tag ratio") for name in one.split()]
    assert values["field"].to_list() == 3 * fields
    assert values["value"].to_list() == [
        value for text, told in expected if text.startswith("three") for one in told for value in one.values()
    ]


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
