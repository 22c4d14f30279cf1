"""What hostile or damaged reports may cost: memory, time, space; whatever they claim, the end is a clear error."""

from __future__ import annotations

import gzip
import lzma
import os
import random
import shutil
import subprocess
import sys
import zlib
from collections import namedtuple
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import ncu_rep_file as ncu
import nsys_rep_file as nsys
import numpy as np
import pyarrow as pa
import pytest
from command_line import traceql
from helpers_robust import content, decoded_here
from made.nsys import Recording

from traceql import Database
from traceql.errors import LimitError, ReportError, UnknownFormatError
from traceql.read import formats, limits, source, worker
from traceql.read.base import no_progress
from traceql.read.limits import Limits, bytes_of
from traceql.read.ncu_rep import options, ranges, tables
from traceql.read.nsys_rep import messages
from traceql.read.protobuf import WireError

if TYPE_CHECKING:
    from collections.abc import Callable

SQLITE = "scv_baseline_graph.sqlite"


# --- compressed files -----------------------------------------------------------------------------------


def _zstd(data: bytes) -> bytes:
    packed = pa.Codec("zstd").compress(data, asbytes=True)
    assert isinstance(packed, bytes)
    return packed


PACKERS: dict[str, Callable[[bytes], bytes]] = {"xz": lzma.compress, "gz": gzip.compress, "zst": _zstd}


def opened(path: Path) -> bytes:
    with source.open_source(path) as found:
        return found.path.read_bytes()


@pytest.mark.parametrize("suffix", PACKERS)
def test_what_is_no_report_is_refused_before_it_is_unpacked(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.nsys-rep.{suffix}"
    path.write_bytes(PACKERS[suffix](bytes(8 << 20)))
    with (
        mock.patch.object(source.hashlib, "sha256") as hashed,
        pytest.raises(UnknownFormatError, match="its content is something else"),
    ):
        opened(path)
    hashed.return_value.update.assert_not_called()


@pytest.mark.long
@pytest.mark.parametrize("suffix", PACKERS)
def test_a_report_that_unpacks_to_more_than_there_is_room_for_is_refused_with_both_sizes(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"run.sqlite.{suffix}"
    path.write_bytes(PACKERS[suffix](content(SQLITE)[:4096] + bytes(16 << 20)))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(20 << 20, 10 << 20, 10_000_000))
    with pytest.raises(
        LimitError, match=r"its [\d.]+ k?B unpack to more than 9\.\d MB, of 10 MB that are free"
    ):
        opened(path)


@pytest.mark.parametrize("inner", PACKERS)
@pytest.mark.parametrize("outer", PACKERS)
def test_a_report_that_is_compressed_twice_is_said_to_be(tmp_path: Path, inner: str, outer: str) -> None:
    path = tmp_path / f"run.sqlite.{inner}.{outer}"
    path.write_bytes(PACKERS[outer](PACKERS[inner](content(SQLITE))))
    with pytest.raises(ReportError, match="compressed twice"):
        opened(path)


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_report_in_several_members_is_one_report(tmp_path: Path, suffix: str) -> None:
    plain, pack = content(SQLITE), PACKERS[suffix]
    path = tmp_path / f"run.sqlite.{suffix}"
    # The format shows in the first bytes, wherever the members end.
    path.write_bytes(b"".join(pack(part) for part in (plain[:3], plain[3:20], plain[20:])))
    assert opened(path) == plain


@pytest.mark.parametrize("suffix", PACKERS)
def test_what_follows_the_compressed_data_is_damage(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.sqlite.{suffix}"
    path.write_bytes(PACKERS[suffix](content(SQLITE)) + b"something else that is no member")
    with pytest.raises(ReportError, match="damaged"):
        opened(path)


def test_zeros_behind_xz_data_are_its_padding(tmp_path: Path) -> None:
    plain = content(SQLITE)
    path = tmp_path / "run.sqlite.xz"
    path.write_bytes(lzma.compress(plain[:9999]) + bytes(8) + lzma.compress(plain[9999:]) + bytes(4))
    assert opened(path) == plain


def test_an_xz_file_that_asks_for_more_memory_than_any_needs_is_refused(tmp_path: Path) -> None:
    greedy = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 4096}]
    packed = bytearray(lzma.compress(content(SQLITE), filters=greedy))
    # The size of the dictionary is a byte of the block's header; 40 is 4 GiB. Its checksum ends the header.
    begin, size = 12, (packed[12] + 1) * 4
    place = packed.index(b"\x21\x01", begin) + 2
    packed[place] = 40
    packed[begin + size - 4 : begin + size] = zlib.crc32(packed[begin : begin + size - 4]).to_bytes(
        4, "little"
    )
    path = tmp_path / "run.sqlite.xz"
    path.write_bytes(packed)
    with pytest.raises(ReportError, match="Memory usage limit"):
        opened(path)


# --- memory and time ------------------------------------------------------------------------------------

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems limit no process's memory")


def zeros(path: Path, megabytes: int = 100) -> Path:
    """A small report with a text of that many zeros."""
    path.write_bytes(nsys.report([nsys.nvtx_range(0, 1)], strings=["\0" * (megabytes << 20)]))
    return path


def decoded(path: Path, within: Limits) -> None:
    reader = formats.reader_for(path) if path.is_file() else formats.READERS[1]
    worker.decode(reader, path, wanted=None, progress=no_progress, within=within)


@pytest.mark.long
@on_linux
def test_a_decoder_that_needs_more_memory_than_it_may_take_ends_in_a_clear_error(tmp_path: Path) -> None:
    path = zeros(tmp_path / "bomb.nsys-rep")
    assert path.stat().st_size < 1_000_000
    with pytest.raises(LimitError, match="needs more than 20 MB of memory") as caught:
        decoded(path, Limits(20_000_000, 60))
    # Twice as little would be of no use.
    assert "--memory 1.1GB" in caught.value.remedy
    assert worker._too_large(path, Limits(8_000_000_000, 60)).remedy.find("--memory 16GB") > 0


@pytest.mark.long
@on_linux
def test_the_option_says_how_much_memory_it_may_take(tmp_path: Path) -> None:
    path = zeros(tmp_path / "bomb.nsys-rep")
    refused = traceql("ingest", "--db", tmp_path / "db", "--memory", "20MB", path)
    assert refused.returncode == 1
    assert "needs more than 20 MB of memory" in refused.stderr
    with Database(":memory:") as database, pytest.raises(LimitError, match="more than 20 MB"):
        database.ingest(path, memory="20MB")
    zeros(path, 1)
    assert traceql("ingest", "--db", tmp_path / "db", "--memory", "20MB", path).returncode == 0


@pytest.mark.parametrize("size", ["much", "0", "8XB", "-1GB", "ib", "9" * 400, "9999999999GB"])
def test_a_size_that_is_none_is_refused(tmp_path: Path, size: str) -> None:
    refused = traceql("ingest", "--db", tmp_path / "db", f"--memory={size}", tmp_path / "run.ncu-rep")
    assert refused.returncode == 2
    assert "not a size" in refused.stderr
    with pytest.raises(ValueError, match="not a size"):
        bytes_of(size)


def test_by_default_reports_share_half_of_the_machine_and_a_large_one_has_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "machine_bytes", lambda: 16 << 30)
    assert limits.limits(1000).memory_bytes == 8 << 30
    assert limits.limits(1000, at_a_time=4).memory_bytes == 2 << 30
    assert limits.limits(1000, at_a_time=64).memory_bytes == 1 << 30
    assert limits.limits(6 << 30, at_a_time=4).memory_bytes == 96 << 30
    assert limits.limits(6 << 30, memory_bytes=5).memory_bytes == 5


@on_linux
@pytest.mark.parametrize(
    ("group", "place", "file"),
    [
        ("0::/box/inner", "box", "memory.max"),
        ("5:cpu:/x\n4:memory:/box", "memory/box", "memory.limit_in_bytes"),
        ("0::/box/of/the/host", "", "memory.max"),
    ],
)
def test_a_container_has_what_its_control_group_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str, place: str, file: str
) -> None:
    (tmp_path / "own").write_text(group)
    (tmp_path / "groups" / place).mkdir(parents=True)
    (tmp_path / "groups" / place / file).write_text("123456\n")
    monkeypatch.setattr(limits, "_OWN_CGROUPS", tmp_path / "own")
    monkeypatch.setattr(limits, "_CGROUPS", tmp_path / "groups")
    assert limits.machine_bytes() == 123456
    (tmp_path / "groups" / place / file).write_text("max\n")
    whole = limits.machine_bytes()
    assert whole is not None
    assert whole > 1 << 28


def test_a_decoder_that_stands_still_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "run.nsys-rep"
    # Nobody ever writes to it.
    os.mkfifo(path)
    with pytest.raises(LimitError, match="made no progress for 1 s"):
        decoded(path, Limits(None, 1))


def test_the_larger_a_report_the_longer_it_may_stand_still() -> None:
    assert limits.limits(0).idle_s == 60
    assert limits.limits(10**9).idle_s == 1060


# --- the wire format ------------------------------------------------------------------------------------

SHAPE = {1: 0, 7: 2}


def steps(*contents: bytes) -> tuple[int, dict[int, messages.Field], messages.Unknown]:
    """Steps of numpy that it takes to split messages, and what is found."""
    ends = np.cumsum([len(one) for one in contents], dtype=np.int64)
    starts = ends - np.array([len(one) for one in contents], np.int64)
    unknown = messages.Unknown()
    with mock.patch.object(messages, "_step", wraps=messages._step) as step:
        found = messages.split(
            messages_buffer(contents), starts, ends, SHAPE, repeated={(7,)}, unknown=unknown
        )
    return step.call_count, found, unknown


def messages_buffer(contents: tuple[bytes, ...]) -> Any:
    from traceql.read.buffer import Buffer

    return Buffer([b"".join(contents)])


@pytest.mark.parametrize("value", [1, b"", b"bytes", 2.5])
def test_an_unknown_field_takes_one_pass_however_often_it_stands_there(value: int | bytes | float) -> None:
    taken, found, unknown = steps(nsys.field(1, 5) + nsys.field(200, value) * 100_000 + nsys.field(7, b"end"))
    assert taken < 200
    assert list(unknown.fields.values()) == [100_000]
    assert found[1].values.tolist() == [5]
    assert found[7].sizes is not None
    assert found[7].sizes.tolist() == [3]


def test_unknown_fields_that_differ_take_one_pass_too() -> None:
    rng = random.Random(5)
    content = b"".join(nsys.field(rng.choice([33, 200, 201]), rng.getrandbits(40)) for _ in range(20_000))
    taken, _, unknown = steps(content, nsys.field(1, 3))
    assert taken < 200
    assert sum(unknown.fields.values()) == 20_000


def test_a_known_field_that_repeats_keeps_every_value_where_steps_end() -> None:
    taken, found, _ = steps(
        b"".join(nsys.field(7, b"x" * (i % 5)) for i in range(9_000)), nsys.field(7, b"yy")
    )
    assert taken < 200
    assert found[7].sizes is not None
    assert found[7].rows is not None
    assert found[7].depths is not None
    assert found[7].sizes.tolist() == [*(i % 5 for i in range(9_000)), 2]
    assert found[7].rows.tolist() == [0] * 9_000 + [1]
    assert found[7].depths.tolist() == [*range(9_000), 0]


def test_a_field_that_must_not_repeat_is_refused_where_steps_end() -> None:
    with pytest.raises(WireError, match="occurs twice"):
        steps(nsys.field(1, 5) + nsys.field(200, 1) * 9_000 + nsys.field(1, 6))


def test_messages_that_all_wait_for_one_another_take_few_steps() -> None:
    rng = random.Random(6)
    contents = [b"".join(nsys.field(rng.randrange(20, 2000), 1) for _ in range(60)) for _ in range(300)]
    taken, _, unknown = steps(*contents)
    assert taken < 1_000
    assert sum(unknown.fields.values()) == 300 * 60


@decoded_here
@pytest.mark.parametrize("block", [b"\0\0", nsys.varint(9) + b"\0" + bytes(9)])
def test_a_block_without_content_is_refused(tmp_path: Path, block: bytes) -> None:
    path = tmp_path / "run.nsys-rep"
    path.write_bytes(nsys.report(raw_blocks=[block] * 1000))
    with Database(":memory:") as database, pytest.raises(ReportError, match="no content"):
        database.ingest(path)


@decoded_here
def test_blocks_of_zeros_behind_a_compute_report_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.ncu-rep"
    path.write_bytes(ncu.with_metrics({"dram__bytes.sum": 1.0}) + bytes(4_000))
    with Database(":memory:") as database, pytest.raises(ReportError, match="without header"):
        database.ingest(path)


@decoded_here
def test_a_header_whose_count_is_no_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.ncu-rep"
    path.write_bytes(ncu.report(ncu.sized(ncu.message((7, b"seven")))))
    with Database(":memory:") as database, pytest.raises(ReportError, match="damaged block header"):
        database.ingest(path)


# --- paths of ranges ------------------------------------------------------------------------------------


def test_a_path_is_short_however_deep_and_long_its_ranges_are() -> None:
    made, deepest = Recording(), 300
    for depth in range(deepest):
        made.range(f"{depth}" + "x" * 300, depth, 10_000 - depth)
    rows = made.database().sql("SELECT depth, path, parent_id FROM nvtx_ranges ORDER BY range_id").rows()
    assert [depth for depth, _, _ in rows] == list(range(deepest))
    assert [parent is None for _, _, parent in rows] == [True] + [False] * (deepest - 1)
    assert max(len(path) for _, path, _ in rows) <= 1024 + len("…/")
    # The outermost ranges and the innermost ones stay.
    assert rows[100][1].startswith("0xxx")
    assert rows[100][1].endswith("/100" + "x" * 300)
    assert "…" in rows[100][1]
    assert rows[2][1] == "/".join(f"{depth}" + "x" * 300 for depth in range(3))


def test_a_path_of_a_workload_is_short_too() -> None:
    texts = [f"{depth}" + "x" * 300 for depth in range(5_000)]
    paths = list(tables.range_paths(texts))
    assert len(paths) == len(texts)
    assert paths[2] == "/".join(texts[:3])
    whole = "/".join(texts)
    assert paths[-1] == whole[:512] + "…" + whole[-511:]
    assert list(tables.range_paths(["outer", "inner"])) == ["outer", "outer/inner"]


def test_ranges_of_many_domains_are_looked_for_once() -> None:
    count = 500
    stacks = [ncu.message((1, number), (3, ncu.message((1, f"range {number}")))) for number in range(count)]
    thread = ncu.message((1, ncu.THREAD), *((2, one) for one in stacks))
    domains = [ncu.message((1, number), (2, f"domain {number}")) for number in range(count)]
    state = ncu.message(*((1, one) for one in domains), (2, thread))
    with mock.patch.object(ranges.protobuf, "number", wraps=ranges.protobuf.number) as looked:
        found = list(ranges.around(ranges.protobuf.message(state), ncu.THREAD))
    assert [(row[0], row[3]) for row in found] == [(f"domain {n}", f"range {n}") for n in range(count)]
    assert looked.call_count < 5 * count


def test_an_option_that_is_given_again_and_again_is_joined_once() -> None:
    given = options.collection("ncu " + "--metrics a " * 3 + "--metrics b --nvtx app --metrics c")
    assert given["metrics"] == "a,a,a,b"


# --- anything else --------------------------------------------------------------------------------------


def fuzzed(*arguments: str) -> str:
    """What `wire_fuzz` prints; every case was read or refused within its budget."""
    harness = Path(__file__).with_name("wire_fuzz.py")
    command = [sys.executable, str(harness), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.mark.long
@on_linux
def test_reports_whose_wire_format_is_wrong_are_read_or_refused_within_their_budget() -> None:
    assert "48 cases, 0 bad" in fuzzed("--cases", "48", "--seed", "3")


@on_linux
@pytest.mark.long
def test_many_reports_whose_wire_format_is_wrong_are_read_or_refused_within_their_budget() -> None:
    assert "1500 cases, 0 bad" in fuzzed("--cases", "1500", "--seed", "4")
