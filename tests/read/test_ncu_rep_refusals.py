"""What the native .ncu-rep reader refuses, and what it reads but warns of; on files written by hand."""

from __future__ import annotations

import lzma
import struct
import tracemalloc
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, TypeVar

import flipped
import ncu_rep_file as rep
import pytest
from shipped import REPORTS

import traceql
from traceql.errors import ReportError, TruncatedReportError, UnsupportedReportError
from traceql.read.base import RawReport, no_progress
from traceql.read.ncu_rep import cubin, read
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
NAME = "dram__bytes_read.sum"
METRIC = rep.metric(0, rep.value(3))


def decode(content: bytes, folder: Path) -> RawReport:
    path = folder / "small.ncu-rep"
    path.write_bytes(content)
    return read(path, wanted=None, progress=no_progress)


def one(metric: bytes, *fields: tuple[int, rep.Value]) -> bytes:
    """A report with one kernel that has one metric."""
    return rep.report(rep.block([rep.kernel((13, metric), *fields)], strings=[NAME]))


def test_a_file_written_by_hand_is_read(tmp_path: Path) -> None:
    report = decode(one(METRIC), tmp_path)
    assert report.tables["ncu_metrics"].select(["action", "metric", "unit", "value", "text"]).to_pylist() == [
        {"action": 0, "metric": NAME, "unit": "byte", "value": 3.0, "text": None}
    ]
    assert report.tables["ncu_actions"].select(["name", "demangled", "workload"]).to_pylist() == [
        {"name": "f", "demangled": "f(int)", "workload": "kernel"}
    ]


def instance(*fields: tuple[int, rep.Value]) -> tuple[int, rep.Value]:
    return 3, rep.message(*fields)


INSTANCE = instance((1, rep.value(4096)), (2, rep.value(3)))


def by_instruction(**block: list[bytes]) -> bytes:
    """A report with one kernel whose instruction at 4096 was counted."""
    metric = rep.metric(0, rep.value(3), INSTANCE)
    return rep.report(rep.block([rep.kernel((13, metric))], strings=["inst_executed"], **block))


def shorter(content: bytes) -> bytes:
    """A message whose last field ends a byte early."""
    return content[:-1]


NVTX = 21
REFUSED: dict[str, tuple[bytes, str]] = {
    "a block with bytes left over": (
        rep.report(rep.block([rep.kernel()], surplus=b"\0")),
        "1 bytes more than its results",
    ),
    "a block with fewer results than announced": (
        rep.report(rep.block([rep.kernel()], counts={rep.KERNEL: 2})),
        "reaches beyond its block",
    ),
    "a block with results of several sorts": (
        rep.report(rep.block([rep.kernel(), rep.workload()], counts={rep.KERNEL: 1, rep.GRAPH: 1})),
        "results of several sorts",
    ),
    "a source beyond its block": (
        rep.report(rep.block([rep.kernel()], sources=[b""], counts={1: 1000})),
        "reaches beyond its block",
    ),
    "a kernel without its names": (rep.report(rep.block([rep.message((1, 5))])), "lacks one of its names"),
    "a result that ends inside a field": (
        rep.report(rep.block([shorter(rep.kernel((13, METRIC)))])),
        "past the end",
    ),
    "a metric beyond its result": (
        rep.report(rep.block([rep.kernel() + bytes([13 << 3 | 2, 100])], strings=[NAME])),
        "past the end of its result",
    ),
    "a result that ends in the tag of a metric": (
        rep.report(rep.block([rep.kernel() + bytes([13 << 3 | 2])])),
        "past the end of its result",
    ),
    "a metric that is a number": (
        rep.report(rep.block([rep.kernel((13, 5))])),
        "a number where bytes belong",
    ),
    "a stack that is a number": (one(METRIC, (28, 5)), "a number where bytes belong"),
    "a frame without a number": (
        one(METRIC, (32, rep.message((1, rep.message((1, "f")))))),
        "lacks its module or its address",
    ),
    "a thread that is bytes": (rep.report(rep.block([rep.kernel((1, b"me"))])), "another type"),
    "a name that is a number": (rep.report(rep.block([rep.kernel((6, 7))])), "a number where bytes belong"),
    "an NVTX state that is a number": (one(METRIC, (NVTX, 5)), "a number where bytes belong"),
    "a field with the number 0": (rep.report(rep.block([rep.kernel() + b"\x02\x00"])), "number 0"),
    "a field of no type": (rep.report(rep.block([rep.kernel() + b"\x0f\x00"])), "unknown wire type 7"),
    "a metric without a name": (one(rep.message((2, rep.value(3)))), "does not begin with its name"),
    "an empty metric": (one(b""), "does not begin with its name"),
    "a metric's name outside the table": (one(rep.metric(7, rep.value(3))), "string 7 of 1"),
    "a metric's name in an empty table": (
        rep.report(rep.block([rep.kernel((13, METRIC))])),
        "string 0 of 0",
    ),
    "a metric's name above 32 bits": (one(rep.metric(1 << 40, rep.value(3))), "above 32 bits"),
    "a metric that ends inside its name": (one(b"\x08\xff"), "past its end"),
    "a metric with an unknown field": (one(rep.metric(0, rep.value(3), (9, 1))), "unknown field"),
    "a metric with two values": (one(rep.metric(0, rep.value(3), (2, rep.value(4)))), "unknown field"),
    "a value beyond its metric": (one(rep.message((1, 0)) + b"\x12\x05\x28"), "past the end of its metric"),
    "a value that is a number itself": (
        one(rep.message((1, 0), (2, 5))),
        "past the end of its metric|unknown",
    ),
    "a value of an unknown type": (one(rep.metric(0, rep.field(6, 1))), "unknown type"),
    "a value of two numbers": (one(rep.metric(0, rep.value(3) + rep.field(4, 3))), "more than a number"),
    "a value of a number and a text": (
        one(rep.metric(0, rep.value(1.0) + rep.value("x"))),
        "more than a number",
    ),
    "a value of a text and a number": (one(rep.metric(0, rep.value("x") + rep.value(3))), "more than a text"),
    "an instance beyond its metric": (
        one(rep.metric(0, rep.value(3))[:-2] + b"\x1a\x09\x12"),
        "run past its end",
    ),
    "something unknown behind instances": (
        one(rep.metric(0, rep.value(3), INSTANCE, (9, 1))),
        "something unknown follows",
    ),
    "an instance with an unknown field": (
        one(rep.metric(0, rep.value(3), instance((9, 1)))),
        "an instance has an unknown field",
    ),
    "an instance that is a number": (one(rep.metric(0, rep.value(3), INSTANCE, (3, 5))), "something unknown"),
    "an id beyond its instance": (
        one(rep.metric(0, rep.value(3), (3, b"\x0a\x09\x28"))),
        "an id runs past the end",
    ),
    "an id that is no whole number": (
        one(rep.metric(0, rep.value(3), instance((1, rep.value(1.5)), (2, rep.value(4))))),
        "neither a number nor a text",
    ),
    "an id of two numbers": (
        one(rep.metric(0, rep.value(3), instance((1, rep.value(1) + rep.value(2)), (2, rep.value(4))))),
        "an id is more than a number",
    ),
    "an id of 64 bits": (
        one(rep.metric(0, rep.value(3), instance((1, rep.value(1 << 63)), (2, rep.value(4))))),
        "63 bits",
    ),
    "a value of an instance of an unknown type": (
        one(rep.metric(0, rep.value(3), instance((1, rep.value(1)), (2, rep.field(6, 1))))),
        "unknown type",
    ),
    "a reference to a source that is a number": (one(METRIC, (15, 5)), "a number where bytes belong"),
    "a reference of a range that is bytes": (
        rep.report(rep.block([rep.workload((15, b"me"))], rep.RANGE)),
        "a number where bytes belong",
    ),
    "a source that is no message": (by_instruction(sources=[b"\x0f"]), "unknown wire type"),
    "half a double": (one(rep.metric(0, rep.value(1.0)[:5])), "more than a number"),
    "a text beyond its value": (one(rep.metric(0, b"\x0a\x05x")), "more than a text"),
    "an integer of 32 bits that does not fit": (one(rep.metric(0, rep.field(4, 1 << 32))), "32 bits"),
    "a number of more than 64 bits": (one(rep.metric(0, b"\x28" + b"\xff" * 9 + b"\x02")), "64 bits"),
    "a range without a text": (
        one(
            METRIC,
            (
                NVTX,
                rep.message(
                    (1, rep.message((1, 0), (2, "d"))),
                    (2, rep.message((1, rep.THREAD), (2, rep.message((1, 0), (3, rep.message((3, 9))))))),
                ),
            ),
        ),
        "a range has no text",
    ),
    "an NVTX domain that is described twice": (
        one(METRIC, (NVTX, rep.message(*[(1, rep.message((1, 0), (2, "d")))] * 2))),
        "described twice",
    ),
    "a speed-up that is no double": (
        one(METRIC, (19, rep.message((3, rep.message((1, rep.message((10, rep.message((2, 5)))))))))),
        "no double",
    ),
}


def source(code: bytes, *addresses: int) -> bytes:
    """The source of the kernel of `by_instruction`, whose code is 64 bytes at 4096, or at other addresses."""
    functions = [rep.message((1, "_Z1fi"), (2, address)) for address in addresses or (4096,)]
    return rep.message((1, 77), (4, code), (9, rep.message(*((1, one) for one in functions))))


def cubin_of(*sections: tuple[int, bytes], names: bytes) -> bytes:
    """A cubin of sections, each by where its name begins and its content; the last holds the names."""
    begin = 64
    headers, contents = b"", b""
    for name, content in (*sections, (len(names) - 1, names)):
        at = begin + len(contents)
        headers += struct.pack("<IIQQQQIIQQ", name, 1, 0, 0, at, len(content), 0, 0, 0, 0)
        contents += content
    head = bytearray(64)
    head[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<Q", head, 0x28, begin + len(contents))
    struct.pack_into("<HHH", head, 0x3A, 64, len(sections) + 1, len(sections))
    return bytes(head) + contents + headers


CODE = cubin_of((0, bytes(64)), names=b".text._Z1fi\0\0")


@pytest.mark.parametrize("address", [1 << 62, (1 << 63) - 8, 1 << 63, (1 << 64) - 1])
def test_a_function_beyond_all_addresses_has_no_instructions(address: int, tmp_path: Path) -> None:
    report = decode(by_instruction(sources=[source(CODE, address, 4096)]), tmp_path)
    assert report.tables["ncu_instructions"].column("address").to_pylist() == [4096]
    assert not any("Source lines" in said for said in report.warnings)


def test_processes_keep_their_workloads_and_their_code_apart(tmp_path: Path) -> None:
    """Both call their module by one number, as ncu writes it for two programs under --target-processes all."""
    counted = rep.kernel((13, rep.metric(0, rep.value(3), INSTANCE)))
    report = decode(
        rep.report(
            rep.block([], sources=[source(CODE)], process=(11, "/bin/first")),
            rep.block([counted], strings=["inst_executed"], process=(11, "/bin/first")),
            # What lies at 4096 here is none of its code.
            rep.block([counted], sources=[source(CODE, 8192)], process=(22, "/bin/second")),
            rep.block([counted], process=(11, "/bin/first")),
        ),
        tmp_path,
    )
    assert report.tables["ncu_actions"].column("pid").to_pylist() == [11, 22, 11]
    assert report.tables["ncu_processes"].to_pylist() == [
        {"pid": 11, "name": "first"},
        {"pid": 22, "name": "second"},
    ]
    assert report.tables["ncu_instructions"].column("action").to_pylist() == [0, 2]


def test_names_of_a_cubin_take_no_more_than_the_cubin() -> None:
    """Each of 1,000 sections has a name of up to 60 kB, and all of them together are 60 kB."""
    names = b".text." * 10_000 + b"\0\0"
    code = cubin_of(*((6 * number, b"") for number in range(1000)), names=names)
    said, peak = refused(code)
    assert "its names" in said
    assert peak < 5 * len(code)


def test_names_of_a_cubin_that_are_not_used_are_not_copied() -> None:
    names = b".nv.info." + b"x" * 100_000 + b"\0.text.f\0\0"
    code = cubin_of(*[(9, b"")] * 1000, (100_010, bytes(16)), names=names)
    found, peak = measured(lambda: cubin.read(code))
    assert list(found.functions) == ["f"] and found.functions["f"].size == 16
    assert peak < 5 * len(code)


def line_table(folder: bytes, files: int) -> bytes:
    """A line table of version 2 that names so many files in one folder, and has no rows."""
    named = b"".join(b"%x\0\1\0\0" % number for number in range(files))
    prologue = b"\1\1\xfb\x0e\x0d" + b"\0\1\1\1\1\0\0\0\1\0\0\1" + folder + b"\0\0" + named + b"\0"
    body = struct.pack("<HI", 2, len(prologue)) + prologue
    return struct.pack("<I", len(body)) + body


def test_paths_of_a_cubin_are_bounded() -> None:
    names = b".debug_line\0\0"
    fair = cubin.read(cubin_of((0, line_table(b"/a", 3)), names=names))
    assert fair.files == ["/a/0", "/a/1", "/a/2"]
    for folder, files in ((5000, 1), (4000, 20_000)):
        said, peak = refused(cubin_of((0, line_table(b"/" + b"a" * folder, files)), names=names))
        assert "its paths" in said
        assert peak < 50_000_000


def test_a_line_table_ends_where_its_unit_does() -> None:
    table = bytearray(line_table(b"/a", 3))
    # Another unit follows, but what is told of files goes on into it.
    struct.pack_into("<I", table, 0, 8)
    said, _ = refused(cubin_of((0, bytes(table)), names=b".debug_line\0\0"))
    assert "its line table" in said


def refused(code: bytes) -> tuple[str, int]:
    """What is said against a cubin, and the most memory that it took to find that out."""

    def tried() -> str:
        with pytest.raises(WireError) as error:
            cubin.read(code)
        return error.value.what

    return measured(tried)


def measured(work: Callable[[], T]) -> tuple[T, int]:
    """What a function returns, and the most bytes that Python held for it."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "code, why",
    [
        (b"PTX", "no ELF file"),
        (b"\x7fELF\x02\x01" + bytes(58), "damaged"),
        (b"\x7fELF\x02\x01" + bytes(34) + b"\xff" * 24, "damaged"),
    ],
)
def test_code_that_is_not_as_it_is_known_has_no_lines(code: bytes, why: str, tmp_path: Path) -> None:
    report = decode(by_instruction(sources=[source(code)]), tmp_path)
    assert "ncu_instructions" not in report.tables and report.tables["ncu_instances"] is not None
    assert any("Source lines of 1 modules are not known" in said and why in said for said in report.warnings)


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9, 0.99])
def test_code_that_was_cut_has_no_lines(cut: float, tmp_path: Path) -> None:
    shipped = lzma.decompress((REPORTS / "kinds_source.ncu-rep.xz").read_bytes())
    begin = shipped.index(b"\x7fELF")
    whole = shipped[begin : begin + 267_816]
    for code in (whole[: int(cut * len(whole))], whole[: int(cut * 10_000)] + b"\xff" * 9000):
        report = decode(by_instruction(sources=[source(code)]), tmp_path)
        assert "ncu_instructions" not in report.tables
        assert any("Source lines of 1 modules" in said for said in report.warnings)


@pytest.mark.parametrize("content, words", REFUSED.values(), ids=REFUSED.keys())
def test_a_report_is_refused_for(content: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedReportError, match=words) as refusal:
        decode(content, tmp_path)
    assert refusal.value.message.startswith("small.ncu-rep: ")
    assert "(byte " in refusal.value.message
    assert "pip install 'traceql[ncu]'" in refusal.value.remedy


def test_a_refusal_names_the_byte_where_the_metric_begins(tmp_path: Path) -> None:
    odd = rep.metric(0, rep.field(6, 99))
    content = one(odd)
    with pytest.raises(UnsupportedReportError) as refusal:
        decode(content, tmp_path)
    offset = int(refusal.value.message.rpartition("(byte ")[2].rstrip(")"))
    assert content[offset:].startswith(rep.field(6, 99))


def test_a_report_without_workloads_says_so(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no profiled workload"):
        decode(rep.report(rep.block([], strings=[NAME])), tmp_path)


def test_a_metric_whose_unit_is_not_known_has_none_and_a_warning(tmp_path: Path) -> None:
    content = rep.with_metrics({"sm__magic.sum": 3, NAME: 4, "launch__grid_size": 5, "sm__pixie.max": "text"})
    report = decode(content, tmp_path)
    found = report.tables["ncu_metrics"].select(["metric", "unit"]).to_pylist()
    assert {row["metric"]: row["unit"] for row in found} == {
        NAME: "byte",
        "launch__grid_size": "",
        "sm__magic.sum": None,
        "sm__pixie.max": None,
    }
    assert "The unit of 2 metrics is not known here: sm__magic.sum, sm__pixie.max." in report.warnings
    with traceql.open(":memory:") as db:
        stored = db.ingest(tmp_path / "small.ncu-rep")
        assert any("sm__magic.sum" in warning for warning in stored.warnings)
        units = db.sql("SELECT metric, unit FROM metrics ORDER BY metric").rows()
    assert units == [
        (NAME, "byte"),
        ("launch__grid_size", ""),
        ("sm__magic.sum", None),
        ("sm__pixie.max", None),
    ]


def test_metrics_of_many_blocks_are_one_table(tmp_path: Path) -> None:
    """Names may be in any block before or behind; 3,000 kernels are more than one batch."""
    blocks = [
        rep.block([rep.kernel((13, rep.metric(place % 2, rep.value(place))), (21, b"" * 9), (30, "x" * 500))])
        for place in range(3000)
    ]
    content = rep.report(rep.block([], strings=["b__x"]), *blocks, rep.block([], strings=["a__x"]))
    report = decode(content, tmp_path)
    rows = report.tables["ncu_metrics"].select(["action", "metric", "value"]).to_pylist()
    assert rows == [
        {"action": place, "metric": "a__x" if place % 2 else "b__x", "value": float(place)}
        for place in range(3000)
    ]


# --- damage -----------------------------------------------------------------------------------------------


def boundaries(content: bytes) -> set[int]:
    """Where a cut leaves a whole file: behind the header, and behind each block."""
    at = 8 + struct.unpack_from("<I", content, 4)[0]
    found = {at}
    while at < len(content):
        size = struct.unpack_from("<I", content, at)[0]
        header = content[at + 4 : at + 4 + size]
        at += 4 + size + payload_of(header)
        found.add(at)
    return found


def payload_of(header: bytes) -> int:
    from traceql.read import protobuf

    return protobuf.number(protobuf.message(header), 5) or 0


@pytest.mark.long
@pytest.mark.parametrize("name", ["scv_graph_as_graph.ncu-rep", "darknet_xavier.nsight-cuprof-report"])
def test_every_truncation_is_refused(name: str, unpacked: Callable[[str], Path], tmp_path: Path) -> None:
    content = unpacked(f"{name}.xz").read_bytes()
    path = tmp_path / f"cut_{name}"
    random, whole = Random(1), boundaries(content)
    for _ in range(500):
        cut = random.randrange(4, len(content))
        if cut in whole:
            continue
        path.write_bytes(content[:cut])
        with pytest.raises(TruncatedReportError):
            read(path, wanted=None, progress=no_progress)


def written_by_hand(folder: Path) -> Path:
    """A report with everything that can be written by hand."""
    state = rep.message(
        (1, rep.message((1, 0), (2, "<default domain>"))),
        (2, rep.message((1, rep.THREAD), (2, rep.message((1, 0), (3, rep.message((1, "step"), (3, 9))))))),
        (3, rep.message((1, 0), (3, rep.message((1, 1), (2, "request"))))),
    )
    advice = rep.message(
        (1, "SOLBottleneck"),
        (2, "Bottleneck"),
        (3, rep.message((1, rep.message((1, rep.message((1, "Do less."), (2, 4), (4, "Work"))))))),
        (4, "SpeedOfLight"),
    )
    metrics = {
        NAME: 3,
        "launch__grid_size": 5,
        "gpu__time_duration.sum": 1.5,
        "device__attribute_chip": "GH100",
    }
    path = folder / "made.ncu-rep"
    path.write_bytes(rep.with_metrics(metrics, (19, advice), (21, state)))
    return path


# Most flips are in a small report that is written here: there each costs less, and more of them hit structure. Real
# reports are mostly sections and instance values, which are passed over.
@pytest.mark.long
@pytest.mark.parametrize(
    "name, flips",
    [
        ("made", 1500),
        ("scv_graph_as_graph.ncu-rep", 300),
        ("esmm_a10g_2023.1_b.ncu-rep", 300),
        ("darknet_xavier.nsight-cuprof-report", 300),
    ],
)
def test_flipped_bits_never_crash_hang_or_take_memory(name: str, flips: int, tmp_path: Path) -> None:
    if name == "made":
        good = written_by_hand(tmp_path)
    else:
        good = tmp_path / name
        good.write_bytes(lzma.decompress((REPORTS / f"{name}.xz").read_bytes()))
    memory, refusals, slowest = flipped.read_each("ncu_rep", good, flips)
    assert memory < 4
    assert slowest < 5
    # Many flips hit a value, which nothing can notice: the format has no checksum. Many others are noticed.
    assert refusals > flips / (10 if name == "made" else 20)
