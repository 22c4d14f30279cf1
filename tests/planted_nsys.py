"""An Nsight Systems report with secrets in every place where its form has room for them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import nsys_rep_file as rep
import pyarrow as pa
import pyarrow.parquet as pq
from nsys_rep_file import message
from planted import SECRET

from traceql.read.nsys_rep.container import decompress, open_container

if TYPE_CHECKING:
    from pathlib import Path

FOREIGN_PID = (1 << 48) + (4242 << 24)
FOREIGN_TID = FOREIGN_PID + 4242
#: Of a network card, made of its MAC address.
CARD = 0x0C42_A103_00DE_AD01
_UUID = "1b2c3d4e-1111-2222-3333-444455556666"

#: The string table: text by what refers to it.
STRINGS = {
    "call": "cudaLaunchKernel_v7000",
    "demangled": f"void gemm<float>(float*) at /home/{SECRET}/k.cu",
    "short": "gemm",
    "environment": f"HOME=/srv/{SECRET}\0USER={SECRET}u\0API_TOKEN={SECRET}tok\0HOSTNAME={SECRET}host\0A={SECRET}",
    "foreign environment": f"X={SECRET}\0Y={SECRET}",
    "symbol": "train_step",
    "module": f"/opt/{SECRET}/libmodel.so",
    "system module": "/usr/lib/x86_64-linux-gnu/libc.so.6",
    "thread": f"worker {SECRET}u",
    "foreign thread": f"{SECRET} daemon",
    "file": f"/home/{SECRET}/stdout.txt",
    "output": f"my output {SECRET}",
    "unused": f"left over {SECRET}",
    "foreign symbol": f"{SECRET}_daemon_loop",
    "range": f"registered {SECRET}u",
}
_ID = {name: number for number, name in enumerate(STRINGS)}
_KERNEL = message(
    (1, _ID["demangled"]),
    (2, _ID["short"]),
    (8, _ID["demangled"]),
    (10, 1),
    (11, 1),
    (12, 1),
    (13, 32),
    (14, 1),
    (15, 1),
)

EVENTS = [
    rep.process(
        rep.PID, f"python {SECRET}", (5, f"/home/{SECRET}/python3"), (7, f"/home/{SECRET}/python3"), (8, f"/srv/{SECRET}"),
        (9, f"--key={SECRET}"), (9, SECRET), (13, _ID["environment"]),
    ),
    rep.process(FOREIGN_PID, f"{SECRET}d", (9, SECRET), (13, _ID["foreign environment"])),
    rep.nvtx_range(5, 90, "step"),
    rep.nvtx_range(6, 80, f"/srv/{SECRET}/model.py(12): forward of {SECRET}u on {SECRET}host"),
    rep.nvtx_range(7, 70, f"token {SECRET}tok to 10.20.30.40"),
    rep.event(59, 102, (1, 59), (2, 8), (9, rep.TID), (10, 60), (12, _ID["range"]), (13, 0), (14, 1)),
    rep.event(75, 102, (1, 75), (2, 0), (7, f"domain of {SECRET}u"), (9, rep.TID), (13, 3), (14, 1)),
    rep.api_call(10, 20),
    rep.event(
        48, 108, (1, 30), (2, 31), (3, 2), (6, 102), (7, 0), (13, rep.TID), (40, message((1, f"/home/{SECRET}/.nv")))
    ),
    rep.event(
        48, 108, (1, 40), (2, 41), (3, 3), (6, 27), (7, 0), (13, rep.TID),
        (15, message((1, _ID["symbol"]), (2, _ID["module"]))),
        (15, message((1, _ID["symbol"]), (2, _ID["system module"]))),
    ),
    rep.event(
        31, 104, (1, 44), (3, 0), (4, message((1, _ID["foreign symbol"]), (2, _ID["module"]))), (11, FOREIGN_TID), (12, 1)
    ),
    rep.event(79, 107, (1, 25), (2, 50), (3, 1), (4, 0), (5, 1), (6, 7), (7, 3), (8, rep.PID), (101, _KERNEL)),
    rep.diagnostic(f"could not write /home/{SECRET}/x, tell {SECRET}host at fe80::42:acff:fe11:2 or 0c:42:a1:00:de:ad"),
]  # fmt: skip


def _property(number: int, value: str | bytes) -> tuple[int, bytes]:
    return (1, message((1, number), (2, value)))


_GPU = message(
    (1, 0),
    (2, "NVIDIA H200"),
    (3, "0000:00:06.0"),
    (5, _UUID),
    (7, "GH100"),
    (16, f"/dev/{SECRET}"),
    (17, f"/dev/{SECRET}"),
)
HEADER = message(
    (1, message(
        (1, f"machine {SECRET}"),
        (2, message(
            _property(1, "16"), _property(13, "Intel(R) Xeon(R) Processor"), _property(170, f"/home/{SECRET}/nsys"),
            _property(610, f"PATH=/opt/{SECRET}/bin\0PASSWORD={SECRET}pw"), _property(618, f"6.1-{SECRET}"),
            _property(619, f"{SECRET}host.example.org"), _property(721, f"pid:[{SECRET}]"),
            _property(897, message((1, _GPU))), _property(910, message((1, message((1, 0), (2, "mlx5_0"), (6, CARD))))),
        )),
        (3, 1 << 48),
    )),
    (2, message(
        (1, f"machine {SECRET}"), (9, f"{SECRET}host"),
        (26, message((10, f"/home/{SECRET}/python3"), (11, SECRET), (12, f"/srv/{SECRET}"), (30, f"A={SECRET}"))),
        (77, _UUID),
    )),
    (41, message((1, f"/home/{SECRET}/lib.so"))),
    (50, f"B={SECRET}"),
)  # fmt: skip
SECTIONS = {
    "UI Data": message(
        (1, f"/home/{SECRET}/run.nsys-rep"), (2, _UUID), (4, "2026-01-31T12:00:00"), (5, f"{SECRET}host"),
        (6, "2025.3.1.90-253135822126v0"), (23, f"/tmp/{SECRET}.qdstrm"), (24, f"{SECRET}host"),
        (25, f"nsys profile python {SECRET}"), (40, f"{SECRET}host"),
    ),
    "Agent activity list": message((1, message(
        (50, message((1, message((9, SECRET), (10, f"{SECRET}host"), (20, _UUID), (21, SECRET))), (11, f"/srv/{SECRET}"))),
        (52, message((1, message((1, f"/home/{SECRET}/python3"), (2, SECRET), (3, f"/srv/{SECRET}"), (5, f"A={SECRET}"))), (3, SECRET))),
    ))),
    "Telemetry": f"sent to {SECRET}".encode(),
}  # fmt: skip
THREADS = b"".join(
    rep.field(1, message((2, _ID[name]), (3, 20), (4, tid)))
    for name, tid in (("thread", rep.TID), ("foreign thread", FOREIGN_TID))
)


#: What the stacks of Python name, behind the other texts.
PYTHON_STRINGS = {"python function": "train_step", "python file": f"/srv/{SECRET}/train.py"}
_FRAMES, _STATES, _SAMPLE = (1 << 32) + 1, (1 << 32) + 2, (1 << 32) + 3
#: Layouts as nsys describes the samples of Python: a state, how many frames there are, and these.
PYTHON_SCHEMAS = rep.field(3, message(
    (1, rep.PID),
    (2, message(
        (1, _SAMPLE), (2, 2),
        (4, message((1, 18), (7, "Thread state ID"))), (4, message((1, _STATES), (3, 8), (7, "Thread state"))),
        (4, message((1, 16), (3, 12), (7, "Frames count"))),
        (4, message((1, _FRAMES), (2, 48), (3, 16), (4, 2), (7, "Frames"))),
        (5, "Python Periodic Sampling"), (9, 1),
    )),
    (2, message(
        (1, _FRAMES), (2, 1), (4, message((1, 80), (7, "Function"))), (4, message((1, 80), (3, 8), (7, "File"))),
        (4, message((1, 15), (3, 16), (7, "Line"))), (6, 24), (9, 1),
    )),
    (4, message((1, 1), (2, _STATES), (4, message((1, "Running"), (2, 1))), (5, 4))),
))  # fmt: skip


def python_payload(frames: int = 2, *, told: int | None = None, behind: bytes = b"") -> bytes:
    """Frames of one function, of which the payload says how many there are, and what stands behind them."""
    function = len(STRINGS)
    head = struct.pack("<QII", 1, 1, frames if told is None else told)
    return head + struct.pack("<QQq", function, function + 1, 12) * frames + behind


def python_sample(payload: bytes) -> bytes:
    """A sample of Python: a mark with a payload."""
    binary = rep.field(9, message((1, _SAMPLE), (2, payload)))
    return rep.event(34, 102, (1, 34), (2, 50), (8, binary), (9, rep.TID), (13, 1), (14, 1))


def report(*more: bytes, **changed: object) -> bytes:
    """The report, with more events or with other parts of `nsys_rep_file.report`."""
    parts = {
        "strings": list(STRINGS.values()),
        "threads": THREADS,
        "header": HEADER,
        "target": message((1, message((1, 0), (2, message((7, _GPU)))))),
        "streams": [message((1, rep.PID), (2, _ID["file"]), (3, _ID["output"]))],
        "extra_sections": SECTIONS,
        "index": {5: 2},
    }
    return rep.report([*EVENTS, *more], **{**parts, **changed})  # type: ignore[arg-type]


def bytes_of(path: Path) -> bytes:
    """All that the file says, its blocks unpacked."""
    container = open_container(path)
    blocks = [*container.blocks, container.string_block]
    if container.schema_block is not None:
        blocks.append(container.schema_block)
    return b"\n".join(
        [container.data, *(bytes(decompress(container.source, container.data, one)) for one in blocks)]
    )


def said(path: Path) -> bytes:
    """All bytes of a file or folder of any form, packed and unpacked."""
    if path.is_dir():
        texts = []
        for file in path.iterdir():
            if file.suffix == ".parquet":
                texts.append(str(pq.read_table(file).to_pylist()) + str(pq.read_schema(file).metadata))
            else:
                with pa.OSFile(str(file)) as opened:
                    texts.append(str(pa.ipc.open_stream(opened).read_all().to_pylist()))
        return "".join(texts).encode() + b"".join(file.read_bytes() for file in path.iterdir())
    if path.suffix == ".nsys-rep":
        return bytes_of(path)
    return path.read_bytes()
