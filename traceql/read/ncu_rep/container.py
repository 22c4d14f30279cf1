r"""The blocks of an Nsight Compute report, walked without decoding their payload.

Layout: ``NVR\\0``, u32 length, file header; then blocks to the end of the file, each u32 length, block
header, payload. Headers are protobuf messages whose definitions NVIDIA ships with the tool
(``extras/FileFormat``). All integers are little-endian.

The walk is what finds a truncated file: the decoding library does not. A file cut exactly between two
blocks looks whole, because no count of all results is stored anywhere.
"""

from __future__ import annotations

import shlex
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from traceql.errors import ReportError, TruncatedReportError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAGIC = b"NVR\0"
_RECORD_AGAIN = "Copy the file again, or record it again: ncu did not finish writing it."

# Field numbers of the messages that are read here.
_BLOCK_SESSION, _BLOCK_PAYLOAD_SIZE, _BLOCK_PROCESS = 3, 5, 6
_BLOCK_RESULT_COUNTS = (2, 7, 8, 9)  # kernels, ranges, command lists, graphs
_SESSION_CREATED, _SESSION_DEVICE, _SESSION_VERSION = 2, 6, 8
_SESSION_EXECUTABLE, _SESSION_COMMAND_LINE = 9, 11

# Options of ncu whose values describe the measurement and nothing else. What follows them on the command
# line (the application and its arguments) is private.
_OPTIONS = {
    "--app-replay-match": "app_replay_match",
    "--app-replay-mode": "app_replay_mode",
    "--cache-control": "cache_control",
    "--clock-control": "clock_control",
    "--graph-profiling": "graph_profiling",
    "--import-sass": "import_sass",
    "--kernel-name": "kernel_name",
    "-k": "kernel_name",
    "--kernel-name-base": "kernel_name_base",
    "--launch-count": "launch_count",
    "-c": "launch_count",
    "--launch-skip": "launch_skip",
    "-s": "launch_skip",
    "--metrics": "metrics",
    "--nvtx-exclude": "nvtx_exclude",
    "--nvtx-include": "nvtx_include",
    "--pm-sampling-interval": "pm_sampling_interval",
    "--profile-from-start": "profile_from_start",
    "--range-filter": "range_filter",
    "--replay-mode": "replay_mode",
    "--section": "section",
    "--set": "set",
    "--target-processes": "target_processes",
}
_FLAGS = {"--nvtx": "nvtx", "--call-stack": "call_stack"}
# Other options, skipped. Behind one that is not known here nothing is read: whether the next word is its
# value or the application cannot be told.
_OTHER_FLAGS = {
    "--csv",
    "--details-all",
    "--disable-extra-suffixes",
    "--disable-profiler-start-stop",
    "--force-overwrite",
    "--list-chips",
    "--null-stdin",
    "--open-in-ui",
    "--quiet",
    "--summary",
    "--support-32bit",
    "--verbose",
    "-f",
    "-q",
}
_OTHER_VALUES = {
    "--app-replay-buffer",
    "--apply-rules",
    "--call-stack-type",
    "--check-exit-code",
    "--chips",
    "--config-file",
    "--config-file-path",
    "--details",
    "--devices",
    "--export",
    "--filter-mode",
    "--import-source",
    "--injection-path-32",
    "--injection-path-64",
    "--kernel-id",
    "--kill",
    "--launch-skip-before-match",
    "--log-file",
    "--max-connections",
    "--mode",
    "--nvtx-push-pop-scope",
    "--page",
    "--pm-sampling-buffer-size",
    "--pm-sampling-max-passes",
    "--port",
    "--print-details",
    "--print-fp",
    "--print-kernel-base",
    "--print-metric-instances",
    "--print-metric-name",
    "--print-nvtx-rename",
    "--print-rule-details",
    "--print-summary",
    "--print-units",
    "--range-replay-options",
    "--rename-kernels",
    "--rename-kernels-export",
    "--rename-kernels-path",
    "--rule",
    "--sampling-buffer-size",
    "--sampling-interval",
    "--sampling-max-passes",
    "--section-folder",
    "--section-folder-recursive",
    "--section-folder-restore",
    "--source-folders",
    "--target-processes-filter",
    "--warp-sampling-buffer-size",
    "--warp-sampling-interval",
    "--warp-sampling-max-passes",
    "-i",
    "-o",
    "-p",
}
# What ncu does when the option is not given (Nsight Compute CLI documentation, "Command Line Options").
_DEFAULTS = {
    "cache_control": "all",
    "clock_control": "base",
    "graph_profiling": "node",
    "replay_mode": "kernel",
}


@dataclass
class Container:
    """What the block headers say.

    Attributes:
        results: profiled workloads of every sort, summed over all blocks.
        created_utc_s: seconds since the epoch, or None.
        versions: component → version, as printed in the report's session page.
        processes: (pid, executable name) of the profiled processes.
        devices: one mapping per GPU, attribute name → value, with ``name`` and ``device_id``.
        settings: collection options (see `RawReport.settings`).
        environment: private facts about the profiled process.
    """

    results: int = 0
    created_utc_s: int | None = None
    versions: dict[str, str] = field(default_factory=dict)
    processes: dict[int, str] = field(default_factory=dict)
    devices: list[dict[str, str | int | float]] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    environment: list[tuple[str, str]] = field(default_factory=list)


def walk(path: Path) -> Container:
    """Read all block headers of the report at `path`.

    Raises:
        TruncatedReportError: a block reaches beyond the end of the file.
        ReportError: a header is not what the format says.
    """
    container = Container()
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            raise ReportError(f"{path.name}: not an Nsight Compute report (no NVR header)")
        _header(file, size, path.name)
        while file.tell() < size:
            at = file.tell()
            header = _header(file, size, path.name)
            try:
                payload = _read_block_header(header, container)
            except (ValueError, IndexError) as error:
                raise ReportError(
                    f"{path.name}: damaged block header at byte {at:,} ({error})", _RECORD_AGAIN
                ) from error
            if file.tell() + payload > size:
                raise TruncatedReportError(
                    f"{path.name}: the block at byte {at:,} needs {file.tell() + payload - size:,} bytes "
                    "more than the file has",
                    _RECORD_AGAIN,
                )
            file.seek(payload, 1)
    return container


def _header(file: BinaryIO, size: int, name: str) -> bytes:
    at = file.tell()
    raw = file.read(4)
    length = struct.unpack("<I", raw)[0] if len(raw) == 4 else None
    if length is None or at + 4 + length > size:
        raise TruncatedReportError(f"{name}: the file ends inside the header at byte {at:,}", _RECORD_AGAIN)
    return file.read(length)


def _read_block_header(header: bytes, container: Container) -> int:
    payload = 0
    for number, value in fields(header):
        if number in _BLOCK_RESULT_COUNTS:
            container.results += _integer(value)
        elif number == _BLOCK_PAYLOAD_SIZE:
            payload = _integer(value)
        elif number == _BLOCK_PROCESS:
            process = dict(fields(_message(value)))
            name = _text(process.get(3, b""))
            container.processes[_integer(process.get(1, 0))] = name.replace("\\", "/").rsplit("/", 1)[-1]
        elif number == _BLOCK_SESSION:
            _read_session(_message(value), container)
    return payload


def _read_session(session: bytes, container: Container) -> None:
    for number, value in fields(session):
        if number == _SESSION_CREATED:
            container.created_utc_s = _integer(value)
        elif number == _SESSION_VERSION:
            pair = dict(fields(_message(value)))
            container.versions[_text(pair.get(1, b""))] = _text(pair.get(2, b""))
        elif number == _SESSION_DEVICE:
            container.devices.append(_device(_message(value)))
        elif number == _SESSION_COMMAND_LINE:
            line = _text(value)
            container.environment.append(("COMMAND_LINE", line))
            container.settings.update(_settings(line))
        elif number == _SESSION_EXECUTABLE:
            for key, part in fields(_message(value)):
                name = {1: "EXECUTABLE", 2: "ARGUMENTS", 3: "WORKING_DIRECTORY", 4: "ENVIRONMENT"}.get(key)
                if name and isinstance(part, bytes):
                    container.environment.append((name, _text(part)))


def _device(message: bytes) -> dict[str, str | int | float]:
    device: dict[str, str | int | float] = {}
    for number, value in fields(message):
        if number == 1:
            device["device_id"] = _integer(value)
        elif number == 2:
            device["name"] = _text(value)
        elif number == 3:
            attribute = dict(fields(_message(value)))
            name = _text(attribute.get(1, b"")).removeprefix("device__attribute_")
            # A value is a union: 1 text, 2 double, 3 float, 4 and 5 integers.
            for kind, content in fields(_message(attribute.get(2, b""))):
                if kind == 1:
                    device[name] = _text(content)
                elif kind in (4, 5):
                    device[name] = _integer(content)
    return device


def _settings(command_line: str) -> dict[str, str]:
    """Collection options of an ``ncu …`` command line; everything from the application on is left out.

    >>> _settings("ncu --set full --nvtx --nvtx-include layer/ -o /home/me/x python3 --set secret")
    {'set': 'full', 'nvtx': 'true', 'nvtx_include': 'layer/', 'cache_control': 'all', \
'clock_control': 'base', 'graph_profiling': 'node', 'replay_mode': 'kernel'}
    """
    try:
        words = shlex.split(command_line)
    except ValueError:
        words = command_line.split()
    found: dict[str, str] = {}
    position = 1
    while position < len(words) and words[position].startswith("-"):
        option, has_value, value = words[position].partition("=")
        position += 1
        if option in _FLAGS:
            found[_FLAGS[option]] = value or "true"
            continue
        if option in _OTHER_FLAGS:
            continue
        if option not in _OPTIONS and option not in _OTHER_VALUES:
            return found
        if not has_value:
            value = words[position] if position < len(words) else ""
            position += 1
        if option in _OPTIONS:
            name = _OPTIONS[option]
            found[name] = f"{found[name]},{value}" if name in found else value
    return found | {name: value for name, value in _DEFAULTS.items() if name not in found}


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message as (number, value): integers for varints, bytes for the rest.

    Raises:
        ValueError: the bytes are no protobuf message.
    """
    position = 0
    end = len(message)
    while position < end:
        key, position = _varint(message, position)
        wire = key & 7
        if wire == 0:
            value, position = _varint(message, position)
            yield key >> 3, value
            continue
        if wire == 2:
            length, position = _varint(message, position)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if position + length > end:
            raise ValueError("a field reaches beyond its message")
        yield key >> 3, message[position : position + length]
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        if position >= len(message) or shift > 63:
            raise ValueError("damaged varint")
        byte = message[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7


def _integer(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise ValueError("an integer was expected")
    return value


def _message(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a message was expected")
    return value


def _text(value: int | bytes) -> str:
    return _message(value).decode("utf-8", "replace")
