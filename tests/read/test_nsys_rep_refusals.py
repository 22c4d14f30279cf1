"""What the native .nsys-rep reader refuses, and what it reads but warns of; on files written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nsys_rep_file as rep
import pytest
from nsys_rep_file import PID, TID

import traceql
from traceql.errors import ReportError, TruncatedReportError, UnknownFormatError, UnsupportedReportError
from traceql.read.base import RawReport, no_progress
from traceql.read.nsys_rep import read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

CALLS = [rep.api_call(10, 20), rep.api_call(30, 45, correlation=2)]


def decode(content: bytes, folder: Path, wanted: Mapping[str, Sequence[str]] | None = None) -> RawReport:
    path = folder / "small.nsys-rep"
    path.write_bytes(content)
    return read(path, wanted=wanted, progress=no_progress)


def test_a_file_written_by_hand_is_read(tmp_path: Path) -> None:
    report = decode(rep.report(CALLS, [rep.nvtx_range(5, 50, "naïve")], schemas=b""), tmp_path)
    calls = report.tables["CUPTI_ACTIVITY_KIND_RUNTIME"].select(
        ["start", "end", "globalTid", "correlationId"]
    )
    assert calls.to_pylist() == [
        {"start": 10, "end": 20, "globalTid": TID, "correlationId": 1},
        {"start": 30, "end": 45, "globalTid": TID, "correlationId": 2},
    ]
    assert report.tables["NVTX_EVENTS"].select(["text"]).to_pylist() == [{"text": "naïve"}]
    assert report.tool_version == "2025.3.1.0"
    assert report.complete
    assert len(report.warnings) == 1
    assert "Collection options" in report.warnings[0]


def damaged_block() -> bytes:
    whole = rep.events_block(CALLS)
    return whole[:-1] + bytes([whole[-1] ^ 0xFF])


def shortened_block() -> bytes:
    """A block that decompresses to less than it announces."""
    raw = rep.sized(b"".join(rep.field(1, call) for call in CALLS))
    whole = rep.packed(raw)
    return whole.replace(rep.varint(len(raw)), rep.varint(len(raw) + 1), 1)


def bomb() -> bytes:
    """A block of 3 bytes that announces a gigabyte."""
    return rep.varint(3) + rep.varint(1 << 30) + b"abc"


def one(*fields: tuple[int, rep.Value], event_type: int = 48, payload: int = 108) -> bytes:
    """A report with one event."""
    return rep.report([rep.event(event_type, payload, *fields)])


CALL = ((1, 10), (2, 20), (3, 1), (6, 0), (7, 0), (8, 0), (13, TID))
KERNEL = ((1, 10), (2, 20), (3, 1), (4, 0), (5, 1), (6, 7), (7, 3), (8, PID))

REFUSED: dict[str, tuple[bytes, type[ReportError], str]] = {
    "another file": (b"PK\x03\x04 something else", UnknownFormatError, "no Nsight Systems report"),
    "an empty file": (b"", TruncatedReportError, "truncated"),
    "half a first line": (b"NVIDIA Tegra Pro", TruncatedReportError, "truncated"),
    "no end mark": (rep.report(CALLS)[:-1], TruncatedReportError, "end mark"),
    "an endless first line": (
        b"NVIDIA Tegra Profiler Report " + b"x" * 80 + b"." + b"\0" * 8 + b"U3w[END]",
        UnsupportedReportError,
        "first line",
    ),
    "a table of contents outside the file": (
        rep.report(CALLS)[:-16] + b"\xff" * 8 + b"U3w[END]",
        ReportError,
        "table of contents lies outside",
    ),
    "a section outside the file": (
        rep.report(CALLS, extra_sections={"Telemetry": b"x"}).replace(b"Telemetry\x10", b"Telemetry\x20"),
        ReportError,
        "'Telemetry' lies outside the file",
    ),
    "no raw section": (
        rep.report(CALLS, omit=["Raw Sampling Data"]),
        UnsupportedReportError,
        "no section 'Raw Sampling Data'",
    ),
    "no offsets": (
        rep.report(CALLS, omit=["Sampling Data Offsets"]),
        UnsupportedReportError,
        "no section 'Sampling Data Offsets'",
    ),
    "another raw section": (rep.report(CALLS, magic=b"QDTEXT01"), UnsupportedReportError, "QDTEXT00"),
    "another codec": (
        rep.report(CALLS, offsets=[(1, "zstd"), (2, 60)]),
        UnsupportedReportError,
        "compressed with 'zstd'",
    ),
    "an unknown offset": (
        rep.report(CALLS, offsets=[(1, "lz4"), (2, 60), (4, 1)]),
        UnsupportedReportError,
        "unknown field 4",
    ),
    "strings that begin inside a block": (
        rep.report(CALLS, offsets=[(1, "lz4"), (2, 20)]),
        ReportError,
        "do not end where the string table begins",
    ),
    "strings outside the section": (
        rep.report(CALLS, offsets=[(1, "lz4"), (2, 1 << 40)]),
        ReportError,
        "outside its section",
    ),
    "schemas that are not there": (
        rep.report(CALLS, schemas=b"", schemas_at=-1),
        ReportError,
        "not where the offsets say",
    ),
    "bytes left over": (rep.report(CALLS, surplus=b"\0"), ReportError, "1 bytes over"),
    "a damaged block": (rep.report(raw_blocks=[damaged_block()]), ReportError, "block"),
    "a block shorter than announced": (
        rep.report(raw_blocks=[shortened_block()]),
        ReportError,
        "announced size",
    ),
    "a block that grows beyond measure": (
        rep.report(raw_blocks=[bomb()]),
        ReportError,
        "announces 1073741824",
    ),
    "a message that does not fill its block": (
        rep.report(raw_blocks=[rep.packed(rep.sized(rep.field(1, CALLS[0])) + b"\0\0")]),
        ReportError,
        "does not fill the block",
    ),
    "something between events": (
        rep.report(raw_blocks=[rep.block(rep.field(3, CALLS[0]))]),
        ReportError,
        "no event stands between events",
    ),
    "a generic event without its content": (
        rep.report(raw_blocks=[rep.block(rep.field(2, CALLS[0]))]),
        ReportError,
        "lacks its type, time or content",
    ),
    "an event across two blocks": (
        rep.report(
            raw_blocks=[
                rep.block(rep.field(1, CALLS[0])[:9]),
                rep.block(rep.field(1, CALLS[0])[9:]),
            ],
            index={1: 1},
        ),
        ReportError,
        "next block",
    ),
    "an event with two payloads": (
        rep.report([CALLS[0] + rep.nvtx_range(1, 2)[2:]]),
        ReportError,
        "two payloads",
    ),
    "an event with the same payload twice": (
        rep.report([CALLS[0] + CALLS[1][2:]]),
        ReportError,
        "108 occurs twice",
    ),
    "a payload of another event type": (one(*CALL, event_type=59), UnsupportedReportError, "has payload 108"),
    "fewer events than the index says": (rep.report(CALLS, index={1: 3}), ReportError, "promises 3 events"),
    "fewer strings than the index says": (rep.report(CALLS, index={3: 3}), ReportError, "promises 3 strings"),
    "fewer threads than the index says": (rep.report(CALLS, index={5: 3}), ReportError, "promises 3 thread"),
    "times that are not in nanoseconds": (
        one((1, 59), (2, 1), (9, TID), (10, 2), (14, 0), event_type=59, payload=102),
        UnsupportedReportError,
        "not in nanoseconds",
    ),
    "times that may not be in nanoseconds": (
        one((1, 59), (2, 1), (9, TID), (10, 2), event_type=59, payload=102),
        UnsupportedReportError,
        "not in nanoseconds",
    ),
    "a string that is not there": (
        rep.report([rep.api_call(1, 2, name=1)]),
        ReportError,
        "refers to string 1, the last one is 0",
    ),
    "a thread whose name is not there": (
        rep.report(CALLS, threads=rep.field(1, rep.message((2, 9), (4, TID)))),
        ReportError,
        "refers to string 9",
    ),
    "text where a number belongs": (one(*CALL[:2], (3, "x"), *CALL[3:]), ReportError, "field 108.3 is bytes"),
    "a number where text belongs": (
        one((1, 59), (2, 1), (7, 5), (9, TID), (10, 2), (14, 1), event_type=59, payload=102),
        ReportError,
        "field 102.7 is varint",
    ),
    "a number given twice": (one(*CALL[:3], (3, 2), *CALL[3:]), ReportError, "108.3 occurs twice"),
    "a correlation id of 40 bits": (
        one(*CALL[:2], (3, 1 << 40), *CALL[3:]),
        ReportError,
        "does not fit 32 bits",
    ),
    "a kernel without details": (
        one(*KERNEL, event_type=79, payload=107),
        UnsupportedReportError,
        "class 3 does not fit its details",
    ),
    "bytes past the end of their message": (
        rep.report([rep.message((1, 48), (108, b"\xca\x01\x7f"))]),
        ReportError,
        "past the end",
    ),
    "a number past the end of its message": (
        rep.report([rep.message((1, 48), (108, b"\x08\xff"))]),
        ReportError,
        "past the end",
    ),
    "a number of more than 64 bits": (
        rep.report([rep.message((1, 48), (108, b"\x08" + b"\xff" * 9 + b"\x02"))]),
        ReportError,
        "does not fit 64 bits",
    ),
}


@pytest.mark.parametrize("content, error, words", REFUSED.values(), ids=REFUSED.keys())
def test_a_report_is_refused_for(
    content: bytes, error: type[ReportError], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ReportError) as refusal:
        decode(content, tmp_path)
    assert type(refusal.value) is error
    assert words in refusal.value.message
    assert refusal.value.message.startswith("small.nsys-rep: ")
    assert "(byte " in refusal.value.message


def test_a_refusal_says_which_nsys_can_export_the_file(tmp_path: Path) -> None:
    with pytest.raises(ReportError) as refusal:
        decode(rep.report(CALLS, surplus=b"\0", version="2024.6.2.25-246234924588v0"), tmp_path)
    path = tmp_path / "small"
    assert f"nsys export --type sqlite --output {path}.sqlite {path}.nsys-rep" in refusal.value.remedy
    assert "Nsight Systems 2024.6.2 " in refusal.value.remedy


def test_a_refusal_names_the_byte_where_the_block_begins(tmp_path: Path) -> None:
    content = rep.report([rep.api_call(1, 2, name=1)])
    with pytest.raises(ReportError) as refusal:
        decode(content, tmp_path)
    offset = int(refusal.value.message.rpartition("(byte ")[2].rstrip(")"))
    compressed = rep.events_block([rep.api_call(1, 2, name=1)])
    assert content[offset : offset + 8] == compressed[2:10]


WARNED: dict[str, tuple[bytes, str]] = {
    "a newer version": (rep.report(CALLS, version="2026.1.2.63"), "reading was tested up to version 2025.3"),
    "no version": (rep.report(CALLS, omit=["UI Data"]), "does not say which version"),
    "an unknown event type": (one(*CALL, event_type=200), "1 events have the unknown type 200"),
    "an unknown payload": (one((1, 1), event_type=200, payload=120), "unknown field 120"),
    "an unknown class": (one(*CALL[:3], (6, 61), *CALL[4:]), "1 traced call events of the unknown class 61"),
    "an unknown field of a kernel": (
        one(*KERNEL, (101, rep.message((1, 0), (2, 0), (99, 1))), event_type=79, payload=107),
        "CUPTI_ACTIVITY_KIND_KERNEL may be incomplete: unknown field 107.101.99",
    ),
    "a copy with a new field": (
        one(
            *KERNEL[:6],
            (7, 1),
            (8, PID),
            (102, rep.message((1, 4), (2, 1), (14, 5))),
            event_type=80,
            payload=107,
        ),
        "CUPTI_ACTIVITY_KIND_MEMCPY may be incomplete: unknown field 107.102.14",
    ),
    "an unknown field of a range": (
        one((1, 59), (2, 1), (9, TID), (10, 2), (14, 1), (77, "x"), event_type=59, payload=102),
        "NVTX_EVENTS may be incomplete: unknown field 102.77",
    ),
}


@pytest.mark.parametrize("content, words", WARNED.values(), ids=WARNED.keys())
def test_a_report_is_read_with_a_warning_about(content: bytes, words: str, tmp_path: Path) -> None:
    report = decode(content, tmp_path)
    assert [words in warning for warning in report.warnings].count(True) == 1
    assert report.complete


def test_a_report_whose_own_count_is_higher_is_incomplete(tmp_path: Path) -> None:
    events = [*CALLS, rep.diagnostic("Number of CUDA events collected: \t3.")]
    report = decode(rep.report(events), tmp_path)
    assert not report.complete
    assert report.counts_agree is False
    assert "The report counts 3 CUDA events of process 42, 2 were decoded." in report.warnings


def test_a_report_whose_own_count_is_right_is_complete(tmp_path: Path) -> None:
    events = [*CALLS, rep.nvtx_range(1, 2), rep.diagnostic("Number of CUDA events collected: \t2.")]
    events.append(rep.diagnostic("Number of NVTX events collected: \t1."))
    report = decode(rep.report(events), tmp_path)
    assert report.complete
    assert report.counts_agree is True
    assert len(report.warnings) == 1


@pytest.mark.long
def test_a_report_that_speaks_of_lost_events_is_incomplete(tmp_path: Path) -> None:
    path = tmp_path / "lost.nsys-rep"
    path.write_bytes(rep.report([*CALLS, rep.diagnostic("12 CUDA events were dropped.", 2)]))
    with traceql.open(":memory:") as db:
        assert "12 CUDA events were dropped." in db.ingest(path).warnings
        assert db.sql("SELECT complete, counts_agree FROM traces").rows() == [(False, None)]


def test_counts_are_compared_whatever_is_wanted(tmp_path: Path) -> None:
    events = [*CALLS, rep.diagnostic("Number of CUDA events collected: \t3.")]
    report = decode(rep.report(events), tmp_path, {"NVTX_EVENTS": ["start"]})
    assert not report.complete
    assert report.tables == {}


def test_checks_are_made_whatever_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="refers to string 1"):
        decode(rep.report([rep.api_call(1, 2, name=1)]), tmp_path, {"NVTX_EVENTS": ["start"]})


def test_the_environment_is_that_of_the_profiled_process_only(tmp_path: Path) -> None:
    other = 0x0001_0000_2B00_0000
    events = [
        rep.process(other, "vault", (5, "vault --token hunter2"), (13, 2)),
        rep.process(PID, "python3", (5, "python3"), (9, "serve.py"), (9, "a b"), (13, 1)),
        *CALLS,
    ]
    strings = ["cudaLaunchKernel_v7000", "HOME=/home/me\0EMPTY=\0=odd", "SECRET=other"]
    report = decode(rep.report(events, strings=strings), tmp_path)
    assert report.environment == [
        ("COMMAND_LINE", "python3 serve.py 'a b'"),
        ("HOME", "/home/me"),
        ("EMPTY", ""),
    ]
    processes = report.tables["PROCESSES"].select(["pid", "name"]).to_pylist()
    assert processes == [{"pid": 43, "name": "vault"}, {"pid": 42, "name": "python3"}]


def test_a_process_is_named_as_it_was_last_called(tmp_path: Path) -> None:
    events = [rep.process(PID, "sh"), rep.process(PID, "python3"), rep.process(PID + (1 << 24), "x")]
    report = decode(rep.report(events), tmp_path)
    assert report.tables["PROCESSES"].select(["name"]).to_pylist() == [{"name": "python3"}, {"name": "x"}]


def test_numbers_of_every_length_survive(tmp_path: Path) -> None:
    numbers = [0, -1, -(1 << 63), (1 << 63) - 1, *(1 << bits for bits in range(63)), *range(126, 131)]
    calls = [rep.api_call(number, number) for number in numbers]
    report = decode(rep.report(calls), tmp_path)
    decoded = report.tables["CUPTI_ACTIVITY_KIND_RUNTIME"].select(["start"])["start"].to_pylist()
    assert decoded == numbers


def test_texts_of_every_kind_survive(tmp_path: Path) -> None:
    texts = ["", "\n" * 9, "\n\x02\b\x05" * 40, "é", "層" * 50, "x" * 20_000, "\0"]
    report = decode(rep.report([rep.nvtx_range(1, 2, text) for text in texts]), tmp_path)
    assert report.tables["NVTX_EVENTS"].select(["text"])["text"].to_pylist() == texts


def test_text_that_is_not_utf_8_is_read_with_replacements(tmp_path: Path) -> None:
    ranges = [rep.nvtx_range(1, 2, b"caf\xe9"), rep.nvtx_range(3, 4, "café")]
    report = decode(rep.report(ranges), tmp_path)
    assert report.tables["NVTX_EVENTS"].select(["text"])["text"].to_pylist() == ["caf\ufffd", "café"]


def test_a_payload_that_is_a_double_is_read(tmp_path: Path) -> None:
    ranges = [rep.nvtx_range(1, 2, "a", (8, rep.message((3, 0.1)))), rep.nvtx_range(3, 4)]
    report = decode(rep.report(ranges), tmp_path)
    assert report.tables["NVTX_EVENTS"].select(["doubleValue"])["doubleValue"].to_pylist() == [0.1, None]


def test_a_report_without_events_has_no_event_tables(tmp_path: Path) -> None:
    report = decode(rep.report(), tmp_path)
    assert sorted(report.tables) == ["ANALYSIS_DETAILS", "StringIds"]
