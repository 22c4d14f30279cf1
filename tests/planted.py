"""Reports with somebody's secrets in every place where the formats have room for them."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from helpers_robust import ARROWDIR, PARQUETDIR, content, plain

from traceql.read import protobuf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: What must not be found.
SECRET = "plugh7f3axyzzy"
SQLITE = "scv_baseline_graph.sqlite"
NCU = "scv_baseline_graph.ncu-rep"

# A process and a thread of the machine that were not profiled.
_FOREIGN_PID = (1 << 48) + (4242 << 24)
_FOREIGN_TID = _FOREIGN_PID + 4242
_IDS = range(900_001, 900_010)

#: Facts about the profiled process.
PROFILED = {
    "PROCESS_0:COMMAND": f"/home/{SECRET}/python3",
    "PROCESS_0:ARGUMENT_1": f"--api-key={SECRET}1",
    "PROCESS_0:WORKING_DIR": f"/home/{SECRET}2",
    "PROCESS_0:USER_NAME": f"{SECRET}3",
    "PROCESS_0:ENVIRONMENT_VARIABLE": f"TOKEN={SECRET}4",
}
#: Messages of the profiler.
MESSAGES = (
    f"see /home/{SECRET}/stdout.log for output",
    f"could not open '/home/me/{SECRET} and more/a b {SECRET}.txt'",
    f'could not open "C:\\Users\\{SECRET}\\my files\\{SECRET}.txt": denied',
    f"loaded [/opt/{SECRET}/lib.so] and </opt/{SECRET}>,/opt/{SECRET};~/{SECRET}",
    f"file:///home/{SECRET}/x, path=/home/{SECRET}/y, \\\\server\\{SECRET}",
    f"connected to node-{SECRET}.example.org",
)

#: What is added to each table of an nsys export.
PLANTED: dict[str, list[dict[str, Any]]] = {
    "META_DATA_CAPTURE": [
        *({"name": name, "value": value} for name, value in PROFILED.items()),
        {"name": "DEVICE_DISPLAY_NAME", "value": f"node-{SECRET}"},
        {"name": "SOMETHING_NEW", "value": SECRET},
    ],
    "META_DATA_EXPORT": [
        {"name": "EXPORT_HOST", "value": f"node-{SECRET}"},
        {"name": "EXPORT_USER", "value": SECRET},
        {"name": "EXPORT_PARAM_INPUT_PATH_ABS", "value": f"/home/{SECRET}/x.nsys-rep"},
    ],
    "TARGET_INFO_SYSTEM_ENV": [
        {"devStateName": "Local", "name": name, "nameEnum": 99, "value": value}
        for name, value in (
            ("Hostname", f"node-{SECRET}.example.org"),
            ("EnvironmentVariables", f"TOKEN={SECRET}"),
            ("NetworkInterfaces", SECRET),
        )
    ],
    "StringIds": [{"id": number, "value": f"TOKEN={SECRET}{number}"} for number in _IDS],
    "PROCESSES": [{"globalPid": _FOREIGN_PID, "pid": 4242, "name": f"/usr/bin/{SECRET}"}],
    "ThreadNames": [{"nameId": _IDS[0], "priority": 20, "globalTid": _FOREIGN_TID}],
    "ProcessStreams": [{"globalPid": _FOREIGN_PID, "filenameId": _IDS[1], "contentId": _IDS[2]}],
    "ANALYSIS_FILE": [
        {"id": 900, "filename": f"/home/{SECRET}/a", "contentId": _IDS[3], "globalPid": _FOREIGN_PID}
    ],
    "DIAGNOSTIC_EVENT": [
        {"timestamp": 5, "timestampType": 1, "source": 1, "severity": severity, "text": text, "globalPid": 0}
        for text in MESSAGES
        for severity in (1, 2)
    ],
}


def sqlite(folder: Path) -> Path:
    """An export with rows of secrets."""
    path = plain(SQLITE, folder)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for table, rows in PLANTED.items():
            for row in rows:
                marks = ", ".join(f":{name}" for name in row)
                connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)
        # The folder of the profiled program is private, its name is not.
        connection.execute(
            f"UPDATE PROCESSES SET name = '/home/{SECRET}/' || name WHERE globalPid <> ?", (_FOREIGN_PID,)
        )
        connection.commit()
    return path


def _grown(table: pa.Table, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.concat_tables([table, pa.Table.from_pylist(rows, schema=table.schema)])


def _parquetdir(folder: Path) -> Path:
    path = folder / "export_pqtdir"
    path.mkdir()
    for member in PARQUETDIR.iterdir():
        table = pq.read_table(member)
        pq.write_table(_grown(table, PLANTED.get(member.stem, [])), path / member.name)
    return path


def _arrowdir(folder: Path) -> Path:
    path = folder / "export_arwdir"
    path.mkdir()
    for member in ARROWDIR.iterdir():
        with pa.OSFile(str(member)) as file:
            table = _grown(pa.ipc.open_stream(file).read_all(), PLANTED.get(member.stem, []))
        with (
            pa.OSFile(str(path / member.name), "wb") as file,
            pa.ipc.new_stream(file, table.schema) as writer,
        ):
            writer.write_table(table)
    return path


# --- a tiny encoder for Nsight Compute's container ------------------------------------------------------

#: Of ncu.
COMMAND_LINE = (
    f"ncu --set full --nvtx --clock-control none -o /home/{SECRET}/out --log-file {SECRET}.log "
    f"--section-folder /home/{SECRET} {{option}} ./train --metrics {SECRET} --set={SECRET} "
    f"-k {SECRET} --api-key {SECRET}5"
)
#: Of the profiled program, by field.
EXECUTABLE = {
    1: f"/home/{SECRET}/python3",
    2: f"train.py --api-key {SECRET}6",
    3: f"/home/{SECRET}7",
    4: f"TOKEN={SECRET}8",
}


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _fields(message: bytes) -> list[tuple[int, int | bytes]]:
    return [(number, value) for number, _, value in protobuf.fields(message, 0, len(message))]


def _session(session: bytes, option: str) -> bytes:
    out = b""
    for number, value in _fields(session):
        if number in (3, 4) and isinstance(value, bytes):
            # Host and target: their fifth field is the machine's name.
            parts = [(n, SECRET.encode() if n == 5 else v) for n, v in _fields(value)]
            out += _field(number, b"".join(_field(n, v) for n, v in parts))
        elif number == 11:
            out += _field(11, COMMAND_LINE.format(option=option).encode())
            out += _field(9, b"".join(_field(n, v.encode()) for n, v in EXECUTABLE.items()))
        else:
            out += _field(number, value)
    return out


def _process(process: bytes) -> bytes:
    new = {2: f"node-{SECRET}".encode(), 3: f"/home/{SECRET}/python3.12".encode()}
    return b"".join(_field(n, new.get(n, v)) for n, v in _fields(process))


def ncu(folder: Path, option: str = "") -> Path:
    """A report of Nsight Compute with secrets about its session."""
    report = content(NCU)
    at = 8 + int.from_bytes(report[4:8], "little")
    out = report[:at]
    while at < len(report):
        length = int.from_bytes(report[at : at + 4], "little")
        at += 4
        header = b""
        payload = 0
        for number, value in _fields(report[at : at + length]):
            if number == 5:
                assert isinstance(value, int)
                payload = value
            if isinstance(value, bytes):
                if number == 3:
                    value = _session(value, option)
                elif number == 6:
                    value = _process(value)
            header += _field(number, value)
        at += length
        out += len(header).to_bytes(4, "little") + header + report[at : at + payload]
        at += payload
    path = folder / "planted.ncu-rep"
    path.write_bytes(out)
    return path


#: Format → a report of it, written into a folder.
FORMATS: dict[str, Callable[[Path], Path]] = {
    "sqlite": sqlite,
    "parquetdir": _parquetdir,
    "arrowdir": _arrowdir,
    "ncu-rep": ncu,
}


def planted(report: Path) -> int:
    """How often the secret stands in a report."""
    files = report.iterdir() if report.is_dir() else [report]
    if report.suffix == ".sqlite":
        with contextlib.closing(sqlite3.connect(report)) as connection:
            return sum(line.count(SECRET) for line in connection.iterdump())
    if report.name.endswith("pqtdir"):
        return sum(str(pq.read_table(file).to_pylist()).count(SECRET) for file in files)
    return sum(file.read_bytes().count(SECRET.encode()) for file in files)
