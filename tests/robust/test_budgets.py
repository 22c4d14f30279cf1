"""What hostile or damaged reports may cost: memory, time, space; whatever they claim, the end is a clear error."""

from __future__ import annotations

import gzip
import lzma
import shutil
import time
from collections import namedtuple
from typing import TYPE_CHECKING
from unittest import mock

import pyarrow as pa
import pytest
from helpers_robust import content

from traceql.errors import LimitError, ReportError, UnknownFormatError
from traceql.read import source
from traceql.read.limits import bytes_of, limits, machine_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
    path.write_bytes(PACKERS[suffix](bytes(64 << 20)))
    with (
        mock.patch.object(source.hashlib, "sha256") as hashed,
        pytest.raises(UnknownFormatError, match="its content is something else"),
    ):
        opened(path)
    hashed.return_value.update.assert_not_called()


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_report_that_unpacks_to_more_than_there_is_room_for_is_refused_with_both_sizes(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"run.sqlite.{suffix}"
    path.write_bytes(PACKERS[suffix](content(SQLITE)[:4096] + bytes(16 << 20)))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(20 << 20, 10 << 20, 10_000_000))
    with pytest.raises(
        LimitError, match=r"its [\d.]+ kB unpack to more than 9\.\d MB, of 10 MB that are free"
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
    import zlib

    packed[begin + size - 4 : begin + size] = zlib.crc32(packed[begin : begin + size - 4]).to_bytes(
        4, "little"
    )
    path = tmp_path / "run.sqlite.xz"
    path.write_bytes(packed)
    with pytest.raises(ReportError, match="[Mm]emory"):
        opened(path)
