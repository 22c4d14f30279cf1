"""Hand-made recordings of Nsight Systems: times in ns, one process and one thread unless said otherwise.

A call and the GPU work that it launches are one line::

    Recording()
        .range("step", 0, 100)
        .call("cudaLaunchKernel", 5, 10, kernel("add", 20, 50))
        .work(kernel("mul", 60, 80))    # whose launch was not recorded

The tables are those that nsys exports, as a report in this process (`Recording.report`) or as a SQLite file
(`Recording.export`).
"""

from __future__ import annotations

import sqlite3
import struct
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from made.store import empty, store
from traceql.read import payload_parts
from traceql.read.base import RawReport

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from traceql import Database

# Fields of NCCL's payloads: their names, types of NVTX (18 and 22 have 64 bits, 5 has 32) and forms.
_NCCL = {
    "communicator": ("NCCL communicator ID", 18, "Q"),
    "size": ("Message size [bytes]", 22, "Q"),
    "ranks": ("No. of ranks", 5, "i"),
    "rank": ("Rank", 5, "i"),
    "root": ("Root", 5, "i"),
    "peer": ("Peer rank", 5, "i"),
    "reduction": ("Reduction operation", 16777236, "i"),
}
_REDUCTIONS = ("Sum", "Product", "Max")
# Payloads of Python's stacks: domain → number of the schema; that of the frames is one more, that of states two.
_PYTHON = {"Python Periodic Sampling": 1 << 25, "Python Backtrace on CUDA": 1 << 26}
_PYTHON_STATES = ("Running", "Blocking Wait", "Uninterruptible")
_THREAD_STATES = {"Running": 1, "Interruptible": 2, "Uninterruptible": 3, "Terminated": 5}
_NVTX = {"mark": 34, "pushpop": 59, "startend": 60}
_CATEGORY, _DOMAIN = 33, 75
_COPIES = {
    "Host-to-Device": 1, "Device-to-Host": 2, "Device-to-Device": 8, "Host-to-Host": 9, "Peer-to-Peer": 10,
    "Unified Host-to-Device": 11, "Unified Device-to-Host": 12,
}  # fmt: skip
_MEMORY = {"Pageable": 0, "Pinned": 1, "Device": 2, "Array": 3, "Managed": 4, "Device Static": 5}
_SYNCS = {"Event sync": 1, "Stream wait sync": 2, "Stream sync": 3, "Context sync": 4}
# What CUPTI says for no stream, or no event.
_NONE = 4294967295
_MPI = {
    "p2p": ("commHandle", "tag", "remoteRank", "size", "requestHandle"),
    "collectives": ("commHandle", "rootRank", "size", "recvSize", "requestHandle"),
    "start_wait": ("requestHandle",),
    "other": (),
}  # fmt: skip
_ACC_KINDS = {"Enqueue launch": 4, "Enqueue upload": 5, "Wait": 7, "Enter data": 11}
_POOL_OPERATIONS = {"Created": 1, "Destroyed": 2, "Trimmed": 3}
_LAYERS = {"runtime": 0, "driver": 1, "other": 2}
_ACCESSES = {"Read": 1, "Write": 2, "Atomic": 3, "Prefetch": 4}
_SEVERITIES = {"info": 1, "warning": 2, "error": 3}
_SOURCES = {"injection": 1, "daemon": 2, "analysis": 3}


# The process of a plugin of nsys.
_PLUGIN = 4000
#: A process of another container with the pid of the first one: NVIDIA tells them apart by higher bits.
TWIN = 1 << 24 | 1


@dataclass(frozen=True)
class Work:
    """Something that ran on a GPU: its table and row; texts are still to be numbered, correlation to be given."""

    table: str
    row: dict[str, Any]
    texts: dict[str, str]


def _work(
    table: str, start: int, end: int, place: Mapping[str, int | None], row: dict[str, Any], **texts: str
) -> Work:
    at = {"device": 0, "context": 1, "stream": 7, **place}
    ids = {f"{name}Id": number for name, number in at.items()}
    return Work(f"CUPTI_ACTIVITY_KIND_{table}", {"start": start, "end": end, **ids, **row}, texts)


def kernel(
    name: str,
    start: int,
    end: int,
    *,
    full: str | None = None,
    grid: tuple[int, int, int] = (1, 1, 1),
    block: tuple[int, int, int] = (32, 1, 1),
    registers: int = 16,
    static_shared: int = 0,
    dynamic_shared: int = 0,
    executed_shared: int | None = None,
    local: int | None = None,
    launch: int | None = None,
    node: int | None = None,
    **place: int | None,
) -> Work:
    """A kernel: its short name, `full` C++ name, and `place` (device=, context=, stream=); `node` of a CUDA graph.

    `local` is memory per thread, `launch` the number of its type.
    """
    row = {
        **{f"grid{axis}": size for axis, size in zip("XYZ", grid, strict=True)},
        **{f"block{axis}": size for axis, size in zip("XYZ", block, strict=True)},
        "registersPerThread": registers,
        "staticSharedMemory": static_shared,
        "dynamicSharedMemory": dynamic_shared,
        "sharedMemoryExecuted": executed_shared,
        "localMemoryPerThread": local,
        "launchType": launch,
        "graphNodeId": node,
    }
    return _work("KERNEL", start, end, place, row, shortName=name, demangledName=full or name)


def copy(
    kind: str,
    start: int,
    end: int,
    size: int,
    *,
    src: str | None = None,
    dst: str | None = None,
    peers: tuple[int | None, int | None] = (None, None),
    address: int = 0,
    cause: int | None = None,
    node: int | None = None,
    **place: int,
) -> Work:
    """A copy of `size` bytes: `kind` such as Host-to-Device; host memory is pinned unless said otherwise.

    `peers` are the devices of a peer copy; `address` is the page of a migration (Unified …), which belongs to no
    context, and `cause` the number of why it moves.
    """
    ends = [
        "Pinned" if side == "Host" else "Device" for side in kind.removeprefix("Unified ").split("-to-", 1)
    ]
    row = {
        "bytes": size,
        "copyKind": _COPIES[kind],
        "srcKind": _MEMORY[src or ends[0]],
        "dstKind": _MEMORY[dst or ends[1]],
        "srcDeviceId": peers[0],
        "dstDeviceId": peers[1],
        "graphNodeId": node,
        "virtualAddress": address,
        "migrationCause": cause,
    }
    return _work("MEMCPY", start, end, ({"context": 0} if address else {}) | place, row)


def memset(
    start: int,
    end: int,
    size: int,
    *,
    value: int = 0,
    memory: str = "Device",
    node: int | None = None,
    **place: int,
) -> Work:
    """A memset of `size` bytes."""
    row = {"bytes": size, "value": value, "memKind": _MEMORY[memory], "graphNodeId": node}
    return _work("MEMSET", start, end, place, row)


def graph(start: int, end: int, *, graph: int = 1, executable: int = 2, **place: int) -> Work:
    """A CUDA graph that was traced as a whole: its kernels are not recorded."""
    return _work("GRAPH_TRACE", start, end, place, {"graphId": graph, "graphExecId": executable})


def sync(
    kind: str, start: int, end: int, *, event: int | None = None, number: int | None = None, **place: int
) -> Work:
    """A synchronisation: `kind` such as Stream sync; of an event, and of the record of that number."""
    row = {"syncType": _SYNCS[kind], "eventId": event, "eventSyncId": number}
    if kind == "Event sync" and event is not None:
        place = {"stream": _NONE} | place
    return _work("SYNCHRONIZATION", start, end, place, row)


def record(event: int, *, number: int | None = None, completed: int = 0, **place: int) -> Work:
    """A record of an event in a stream; newer versions give it a number, and tell when it was completed."""
    at = {f"{name}Id": one for name, one in ({"device": 0, "context": 1, "stream": 7} | place).items()}
    row = {"eventId": event, "eventSyncId": number, "timestamp": completed}
    return Work("CUPTI_ACTIVITY_KIND_CUDA_EVENT", {**at, **row}, {})


class Recording:
    """A recording that grows line by line; every method returns it."""

    def __init__(self, **tags: str) -> None:
        self._tags = tags
        self._counts_agree: bool | None = None
        self._warnings: list[str] = []
        self._tables: dict[str, list[dict[str, Any]]] = {}
        self._strings: dict[str, int] = {}
        # As CUPTI counts: in each process from 1, so that ids of two processes are equal.
        self._correlations: Counter[int] = Counter()
        self._chains: Counter[str] = Counter()

    def counted(self, *promised: tuple[int, str, int, int]) -> Recording:
        """What the profiler counted, as (number, kind of event, process, number that was decoded)."""
        lacking = [one for one in promised if one[0] != one[3]]
        self._counts_agree = not lacking
        self._warnings += [
            f"The report counts {number} {what} events of process {pid}, {decoded} were decoded."
            for number, what, pid, decoded in lacking
        ]
        return self

    # --- on the CPU -------------------------------------------------------------------------------------

    def call(
        self,
        name: str,
        start: int,
        end: int,
        *work: Work,
        tid: int = 1,
        pid: int = 1,
        layer: str = "runtime",
        returned: int = 0,
        nested: bool = False,
    ) -> Recording:
        """An API call and the GPU work that it launched; `nested`: it shares the id of the call before it."""
        self._correlations[pid] += not nested
        self._add(
            "CUPTI_ACTIVITY_KIND_RUNTIME",
            start=start,
            end=end,
            eventClass=_LAYERS[layer],
            globalTid=_global(pid, tid),
            correlationId=self._correlations[pid],
            nameId=self._text(name),
            returnValue=returned,
            callchainId=None,
        )
        return self._launch(work, pid)

    def launch(self, start: int, end: int, *kernels: tuple[int, int], **at: int) -> Recording:
        """A call that launched kernels of which only the times matter, as (start, end) on the GPU."""
        return self.call("cudaLaunchKernel_v7000", start, end, *(kernel("kernel", *k) for k in kernels), **at)

    def work(self, *work: Work, pid: int = 1) -> Recording:
        """GPU work without a recorded API call."""
        for one in work:
            self._correlations[pid] += 1
            self._launch((one,), pid)
        return self

    def _launch(self, work: tuple[Work, ...], pid: int) -> Recording:
        for one in work:
            numbered = {column: self._text(text) for column, text in one.texts.items()}
            self._add(
                one.table,
                **one.row,
                **numbered,
                correlationId=self._correlations[pid],
                globalPid=_global(pid),
            )
        return self

    def range(
        self,
        text: str | None,
        start: int,
        end: int | None,
        *,
        tid: int = 1,
        pid: int = 1,
        style: str = "pushpop",
        domain: str | int = 0,
        category: str | int | None = None,
        end_tid: int | None = None,
        payload: int | None = None,
        color: int | None = None,
        binary: bytes | None = None,
    ) -> Recording:
        """An NVTX range; a domain or category given as a number has no name, and domain 0 is the default one."""
        number = self._named(_DOMAIN, domain, pid, 0)
        return self._nvtx(
            _NVTX[style],
            text,
            start,
            end,
            _global(pid, tid),
            domainId=number,
            category=None if category is None else self._named(_CATEGORY, category, pid, number),
            endGlobalTid=None if end_tid is None else _global(pid, end_tid),
            int64Value=payload,
            color=color,
            binaryData=binary,
        )

    def nccl(
        self, function: str, start: int, end: int, *work: Work, pid: int = 1, tid: int = 1, **told: int
    ) -> Recording:
        """A call of NCCL with its payload (communicator=, size=, root= …), and the kernels that it launched."""
        fields = [_NCCL[name] for name in told]
        schema = 1 << 24 | sum(1 << list(_NCCL).index(name) for name in told)
        content = struct.pack("<" + "".join(form for _, _, form in fields), *told.values())
        domain = self._named(_DOMAIN, "NCCL", pid, 0)
        if told and not any(
            row["schemaId"] == schema for row in self._tables.get("NVTX_PAYLOAD_SCHEMAS", [])
        ):
            self._schema(domain, schema, fields)
        # Compilers fill structures up to a multiple of their largest field.
        content += b"\x7f" * (-len(content) % 8)
        binary = payload_parts.joined([(schema, content)]) if told else None
        self.range(function, start, end, pid=pid, tid=tid, domain="NCCL", binary=binary)
        for one in work:
            self.call("cudaLaunchKernelExC_v11060", start, start, one, pid=pid, tid=tid)
        return self

    def _schema(self, domain: int, schema: int, fields: list[tuple[str, int, str]]) -> None:
        self._add("NVTX_PAYLOAD_SCHEMAS", domainId=domain, schemaId=schema, payloadSize=None)
        offset = 0
        for position, (name, kind, form) in enumerate(fields):
            key = {"domainId": domain, "schemaId": schema, "idx": position}
            # As nsys does, which leaves zeros out.
            self._add(
                "NVTX_PAYLOAD_SCHEMA_ENTRIES", **key, flags=None, type=kind, name=name, offset=offset or None
            )
            offset += struct.calcsize(form)
        if not self._tables.get("NVTX_PAYLOAD_ENUM_ENTRIES"):
            for value, name in enumerate(_REDUCTIONS):
                self._add(
                    "NVTX_PAYLOAD_ENUM_ENTRIES",
                    domainId=domain,
                    schemaId=_NCCL["reduction"][1],
                    name=name,
                    value=value or None,
                )

    def mark(self, text: str, at: int, **more: Any) -> Recording:
        """An NVTX mark."""
        return self.range(text, at, None, style="mark", **more)

    def _named(self, event: int, name: str | int, pid: int, domain: int) -> int:
        """The number of a domain or category, with the event that names it at its first use in a process."""
        if isinstance(name, int):
            return name
        # Numbers of named ones are out of the way of those that a test gives itself.
        number = 1000 + self._text(name)
        found = {"domainId": domain, "category": number} if event == _CATEGORY else {"domainId": number}
        known = self._tables.get("NVTX_EVENTS", [])
        wanted = {"eventType": event, "globalTid": _global(pid, 1), **found}
        if not any(wanted.items() <= row.items() for row in known):
            self._nvtx(event, name, 0, None, _global(pid, 1), **found)
        return number

    def _nvtx(
        self, event: int, text: str | None, start: int, end: int | None, thread: int, **more: Any
    ) -> Recording:
        row = (
            dict.fromkeys(("domainId", "category", "endGlobalTid", "int64Value", "color", "binaryData"))
            | more
        )
        return self._add(
            "NVTX_EVENTS", start=start, end=end, eventType=event, text=text, globalTid=thread, **row
        )

    def os_call(self, name: str, start: int, end: int, *frames: str, tid: int = 1, pid: int = 1) -> Recording:
        """A call of the operating system, and the stack that led to it as `cpu_sample` has them."""
        return self._add(
            "OSRT_API",
            start=start,
            end=end,
            eventClass=27,
            globalTid=_global(pid, tid),
            nameId=self._text(name),
            callchainId=self._chain("OSRT_CALLCHAINS", frames) if frames else 0,
        )

    # --- stacks and scheduling --------------------------------------------------------------------------

    def cpu_sample(
        self, at: int, *frames: str, tid: int = 1, pid: int = 1, cpu: int = 0, state: str = "Running"
    ) -> Recording:
        """A sample of a thread: its frames, the innermost first, as ``function@module`` or ``@module``."""
        return self._add(
            "COMPOSITE_EVENTS",
            id=self._chain("SAMPLING_CALLCHAINS", frames),
            start=at,
            cpu=cpu,
            threadState=_THREAD_STATES[state],
            globalTid=_global(pid, tid),
            cpuCycles=1,
        )

    def python_sample(
        self, at: int, *frames: str, tid: int = 1, pid: int = 1, state: str = "Running"
    ) -> Recording:
        """A sample of Python's interpreter: its frames, the innermost first, as ``function@file:line``."""
        return self._python("Python Periodic Sampling", at, frames, state, tid, pid)

    def scheduled(
        self, at: int, cpu: int, *, on: bool, state: str | None = None, tid: int = 1, pid: int = 1
    ) -> Recording:
        """A thread is put on a CPU, or taken off it."""
        return self._add(
            "SCHED_EVENTS",
            start=at,
            cpu=cpu,
            isSchedIn=int(on),
            globalTid=_global(pid, tid),
            threadState=0 if state is None else _THREAD_STATES[state],
        )

    def called_from(self, *frames: str, python: tuple[str, ...] = ()) -> Recording:
        """The stacks of the API call before, as nsys tells them: by the same call a second time."""
        call = self._tables["CUPTI_ACTIVITY_KIND_RUNTIME"][-1]
        start, thread = call["start"] - 1, call["globalTid"]
        if frames:
            chain = self._chain("CUDA_CALLCHAINS", frames)
            self._add(
                "CUPTI_ACTIVITY_KIND_RUNTIME",
                **call | {"start": start, "end": call["end"] + 1, "eventClass": 67, "callchainId": chain - 1},
            )
        else:
            start = call["start"]
        if python:
            self._python(
                "Python Backtrace on CUDA", start, python, "Running", thread & 0xFFFFFF, thread >> 24
            )
        return self

    def _chain(self, table: str, frames: tuple[str, ...]) -> int:
        """The number of a new chain of calls; return addresses follow from what is called."""
        number = self._chains[table] = self._chains[table] + 1
        for depth, frame in enumerate(frames):
            function, _, module = frame.partition("@")
            address = 4096 * self._text(frame) + (depth == 0) * number
            self._add(
                table,
                id=number,
                symbol=self._text(function or hex(address)),
                module=self._text(module),
                kernelMode=int(module == "[kernel]"),
                originalIP=address,
                stackDepth=depth,
            )
        return number

    def _python(
        self, domain: str, at: int, frames: tuple[str, ...], state: str, tid: int, pid: int
    ) -> Recording:
        number, schema = self._named(_DOMAIN, domain, pid, 0), _PYTHON[domain]
        key = {"domainId": number, "schemaId": schema}
        if key | {"payloadSize": None} not in self._tables.get("NVTX_PAYLOAD_SCHEMAS", []):
            self._add("NVTX_PAYLOAD_SCHEMAS", **key, payloadSize=None)
            self._add("NVTX_PAYLOAD_SCHEMAS", domainId=number, schemaId=schema + 1, payloadSize=24)
            for of, name, kind, offset in (
                (schema, "Thread state ID", 18, None),
                (schema, "Thread state", schema + 2, 8),
                (schema, "Frames count", 16, 12),
                (schema, "Frames", schema + 1, 16),
                (schema + 1, "Function", 80, None),
                (schema + 1, "File", 80, 8),
                (schema + 1, "Line", 15, 16),
            ):
                self._add(
                    "NVTX_PAYLOAD_SCHEMA_ENTRIES",
                    domainId=number,
                    schemaId=of,
                    idx=None,
                    flags=48 if name == "Frames" else None,
                    type=kind,
                    name=name,
                    offset=offset,
                )
            for value, name in enumerate(_PYTHON_STATES, start=1):
                self._add(
                    "NVTX_PAYLOAD_ENUM_ENTRIES", domainId=number, schemaId=schema + 2, name=name, value=value
                )
        content = struct.pack("<QiI", 1, _PYTHON_STATES.index(state) + 1, len(frames))
        for frame in frames:
            function, _, place = frame.partition("@")
            file, _, line = place.partition(":")
            # What fills the structure up is not zero.
            content += struct.pack("<QQii", self._text(function), self._text(file), int(line), -1)
        return self._nvtx(
            _NVTX["mark"],
            None,
            at,
            None,
            _global(pid, tid),
            domainId=number,
            binaryData=payload_parts.joined([(schema, content)]),
        )

    # --- of libraries -----------------------------------------------------------------------------------

    def mpi(
        self,
        name: str,
        start: int,
        end: int | None,
        *,
        of: str = "other",
        tid: int = 1,
        pid: int = 1,
        **told: int | None,
    ) -> Recording:
        """A row of a call of MPI: `of` p2p (tag=, peer=, size= …), collectives (root=, size=, received= …)
        start_wait (request=) or other."""
        names = {"peer": "remoteRank", "root": "rootRank", "received": "recvSize", "request": "requestHandle",
                 "communicator": "commHandle"}  # fmt: skip
        row = dict.fromkeys(_MPI[of]) | {names.get(one, one): value for one, value in told.items()}
        return self._add(
            f"MPI_{of.upper()}_EVENTS",
            start=start,
            end=end,
            globalTid=_global(pid, tid),
            textId=self._text(name),
            **row,
        )

    def rank(self, rank: int, *, pid: int = 1) -> Recording:
        """The rank of a process in MPI_COMM_WORLD."""
        return self._add("MPI_RANKS", globalTid=_global(pid, 1), rank=rank)

    def ucx(
        self,
        name: str,
        start: int,
        end: int,
        *,
        of: str = "submit",
        size: int = 0,
        tag: int = 0,
        peer: int = 0,
    ) -> Recording:
        """A call of UCX: `of` submit or progress."""
        return self._add(
            f"UCP_{of.upper()}_EVENTS",
            start=start,
            end=end,
            globalTid=_global(1, 1),
            textId=self._text(name),
            bufferAddr=4096,
            packedSize=size,
            peerWorkerUid=peer,
            tag=tag,
        )

    def openacc(
        self,
        name: str,
        start: int,
        end: int,
        *,
        kind: str,
        line: int,
        file: str = "/src/loop.c",
        kernel: str | None = None,
        variable: str | None = None,
        size: int = 0,
        device: int = 4,
        tid: int = 1,
        pid: int = 1,
    ) -> Recording:
        """An event of OpenACC: with a kernel, a launch; with a variable, about its data."""
        row = {"DeviceType": device, "lineNo": line, "cuDeviceId": 0, "cuContextId": 1, "cuStreamId": 7}
        more: dict[str, Any] = {}
        table = "OTHER"
        if kernel is not None:
            more = {"numGangs": 8, "numWorkers": 4, "vectorLength": 32, "kernelName": self._text(kernel)}
            table = "LAUNCH"
        elif variable is not None:
            more = {"bytes": size, "varName": self._text(variable)}
            table = "DATA"
        return self._add(
            f"CUPTI_ACTIVITY_KIND_OPENACC_{table}",
            start=start,
            end=end,
            nameId=self._text(name),
            globalTid=_global(pid, tid),
            eventKind=_ACC_KINDS[kind],
            srcFile=self._text(file),
            funcName=self._text("main"),
            **row,
            **more,
        )

    def openmp(
        self, name: str | None, start: int, end: int, *, of: str, tid: int = 1, pid: int = 1, **told: int
    ) -> Recording:
        """An event of OpenMP: `of` parallel, sync_region …, with what its table has (kind=, parallelId= …)."""
        return self._add(
            f"OPENMP_EVENT_KIND_{of.upper()}",
            start=start,
            end=end,
            eventClass=78,
            globalTid=_global(pid, tid),
            nameId=_NONE if name is None else self._text(name),
            **told,
        )

    def library(
        self, library: str, name: str, start: int, end: int, *, tid: int = 1, pid: int = 1
    ) -> Recording:
        """A call of cuBLAS or cuDNN, as older versions trace them."""
        return self._add(
            f"{library.upper()}_EVENTS",
            start=start,
            end=end,
            eventClass={"cuDNN": 28, "cuBLAS": 29}[library],
            globalTid=_global(pid, tid),
            nameId=self._text(name),
        )

    def overhead(
        self,
        name: str,
        start: int,
        end: int,
        *,
        kind: int | None = None,
        cupti: bool = False,
        tid: int = 1,
        pid: int = 1,
    ) -> Recording:
        """What the profiler took, told by nsys or by CUPTI; newer versions give it a kind."""
        return self._add(
            "CUPTI_ACTIVITY_KIND_OVERHEAD" if cupti else "PROFILER_OVERHEAD",
            start=start,
            end=end,
            globalTid=_global(pid, tid),
            nameId=self._text(name),
            overheadType=kind,
        )

    def process(self, pid: int, name: str) -> Recording:
        """The name of a process, a path in real reports."""
        return self._add("PROCESSES", pid=pid, globalPid=_global(pid), name=name)

    def thread(self, tid: int, name: str, *, pid: int = 1) -> Recording:
        """The name of a thread."""
        return self._add("ThreadNames", nameId=self._text(name), globalTid=_global(pid, tid))

    # --- memory, graphs, samples ------------------------------------------------------------------------

    def cpu_fault(
        self,
        at: int,
        address: int,
        instruction: str,
        *,
        file: str | None = None,
        line: int | None = None,
        pid: int = 1,
    ) -> Recording:
        """A page fault of the CPU on managed memory."""
        return self._add(
            "CUDA_UM_CPU_PAGE_FAULT_EVENTS",
            start=at,
            globalPid=_global(pid),
            address=address,
            CpuInstruction=self._text(instruction),
            sourceFile=None if file is None else self._text(file),
            sourceLine=line,
        )

    def gpu_fault(
        self,
        start: int,
        end: int,
        address: int,
        faults: int = 1,
        *,
        access: str = "Read",
        device: int = 0,
        pid: int = 1,
    ) -> Recording:
        """Page faults of a GPU on one page of managed memory."""
        return self._add(
            "CUDA_UM_GPU_PAGE_FAULT_EVENTS",
            start=start,
            end=end,
            globalPid=_global(pid),
            deviceId=device,
            address=address,
            numberOfPageFaults=faults,
            faultAccessType=_ACCESSES[access],
        )

    def allocated(
        self,
        at: int,
        size: int,
        address: int | None,
        *,
        released: bool = False,
        memory: str = "Device",
        variable: str | None = None,
        correlation: int = 0,
        context: int = 1,
        device: int = 0,
        pid: int = 1,
        pool: tuple[int, int, int] | None = None,
    ) -> Recording:
        """The allocation of some memory, or its release; `pool` is its pool's address, size and use then."""
        return self._add(
            "CUDA_GPU_MEMORY_USAGE_EVENTS",
            start=at,
            globalPid=_global(pid),
            deviceId=device,
            contextId=context,
            address=address,
            bytes=size,
            memKind=_MEMORY[memory],
            memoryOperationType=int(released),
            name=variable,
            correlationId=correlation,
            localMemoryPoolAddress=pool and pool[0],
            localMemoryPoolSize=pool and pool[1],
            localMemoryPoolUtilizedSize=pool and pool[2],
        )

    def pool(
        self,
        operation: str,
        at: int,
        address: int,
        size: int,
        used: int,
        *,
        threshold: int = 0,
        keep: int | None = None,
        imported: bool = False,
        device: int = 0,
        pid: int = 1,
    ) -> Recording:
        """A memory pool is created, destroyed or trimmed: its size and use then."""
        return self._add(
            "CUDA_GPU_MEMORY_POOL_EVENTS",
            start=at,
            globalPid=_global(pid),
            deviceId=device,
            address=address,
            operationType=_POOL_OPERATIONS[operation],
            poolType=1 + imported,
            correlationId=0,
            minBytesToKeep=keep,
            localMemoryPoolReleaseThreshold=threshold,
            localMemoryPoolSize=size,
            localMemoryPoolUtilizedSize=used,
        )

    def graph_node(
        self, node: int, at: int, *, original: int | None = None, tid: int = 1, pid: int = 1
    ) -> Recording:
        """The creation of a node of a CUDA graph; a clone is recorded again, with its original."""
        for cloned in dict.fromkeys((None, original)):
            self._add(
                "CUDA_GRAPH_NODE_EVENTS",
                start=at + (cloned is not None),
                globalTid=_global(pid, tid),
                graphNodeId=node,
                originalGraphNodeId=cloned,
            )
        return self

    def sample(self, metric: str, at: int, value: int, *, gpu: int = 0) -> Recording:
        """A sampled GPU metric, named with its unit: SMs Active [Throughput %]."""
        number = self._text(metric)
        name = {"typeId": gpu, "metricId": number, "metricName": metric}
        if name not in self._tables.get("TARGET_INFO_GPU_METRICS", []):
            self._add("TARGET_INFO_GPU_METRICS", **name)
        return self._add("GPU_METRICS", timestamp=at, typeId=gpu, metricId=number, value=value)

    def counter(
        self,
        metric: str,
        at: int,
        value: float | None,
        *,
        group: str = "",
        device: str | None = None,
        unit: str | None = None,
        scope: str | None = None,
        pid: int = 1,
    ) -> Recording:
        """A value of an NVTX counter: `metric` is its field of a group, or itself; `device` is its own name."""
        source, number = 4 << 32, 0
        kinds = self._tables.setdefault("GENERIC_EVENT_TYPES", [])
        if not self._tables.get("GENERIC_EVENT_SOURCES"):
            self._add("GENERIC_EVENT_SOURCES", sourceId=source, nameId=self._text("GenericCounters"))
        known = {"fieldName": metric, "name": device or metric, "unit": unit, "scopePath": scope}
        named = self._tables.setdefault("NVTX_COUNTERS", [])
        number = next((row["counterId"] for row in named if known.items() <= row.items()), 0)
        if not number:
            number = len(named) + 1
            self._add("NVTX_COUNTERS", counterId=number, **known)
            kinds.append({"typeId": source + number, "sourceId": source, "nameId": self._text(group or "")})
            self._add(
                "GENERIC_EVENT_TYPE_FIELDS",
                typeId=source + number,
                fieldIdx=0,
                fieldNameId=self._text(metric),
            )
        event = len(self._tables.get("GENERIC_EVENTS", [])) + 1
        self._add(
            "GENERIC_EVENTS",
            genericEventId=event,
            timestamp=at,
            typeId=source + number,
            globalTid=_global(pid, 1),
        )
        return self._add("GENERIC_EVENT_DATA", genericEventId=event, fieldIdx=0, doubleVal=value)

    def power(self, at: int, watts: float, *, gpu: int = 0) -> Recording:
        """The power that a GPU draws, as the plugin nvml_metrics of nsys samples it."""
        bus = f"0000:0{gpu}:00.0"
        for row in self._tables.get("TARGET_INFO_GPU", []):
            row["busLocation"] = f"0000:0{row['id']}:00.0"
        return self.counter("Power", at, watts, device=f"GPU ({bus} - NVIDIA)", unit="W", pid=_PLUGIN)

    def network(
        self, metric: str, start: int, end: int, value: int, *, card: str = "mlx5_0", unit: str = "bytes/ms"
    ) -> Recording:
        """What a network card counted from start to end."""
        number, counter = self._text(card), self._text(metric)
        if not any(row["nicId"] == number for row in self._tables.get("TARGET_INFO_NIC_INFO", [])):
            self._add("TARGET_INFO_NIC_INFO", nicId=number, name=card)
            self._add("NIC_ID_MAP", nicId=number, globalId=number + 1000)
        if not any(
            row["metricsIdx"] == counter for row in self._tables.get("TARGET_INFO_NETWORK_METRICS", [])
        ):
            self._add(
                "TARGET_INFO_NETWORK_METRICS", metricsListId=0, metricsIdx=counter, name=metric, unit=unit
            )
        return self._add(
            "NET_NIC_METRIC",
            start=start,
            end=end,
            globalId=number + 1000,
            portId=1,
            metricsListId=0,
            metricsIdx=counter,
            value=value,
        )

    def switch(self, step: int, at: int, *, pid: int = 1, context: int = 60, gpu: int = 0) -> Recording:
        """A step of a switch between contexts of a GPU: 8 begins a time slice, 7 ends it."""
        number = len(self._tables.get("GPU_CONTEXT_SWITCH_EVENTS", []))
        return self._add(
            "GPU_CONTEXT_SWITCH_EVENTS",
            tag=step,
            vmId=0,
            seqNo=number,
            contextId=context,
            timestamp=at,
            globalPid=_global(pid),
            gpuId=gpu,
        )

    def stream(
        self, number: int, *, name: str | None = None, context: int = 1, device: int = 0, pid: int = 1
    ) -> Recording:
        """A CUDA stream, and its name if it was given one."""
        place = {"hwId": 0, "vmId": 0, "processId": pid, "contextId": context, "streamId": number}
        self._add("TARGET_INFO_CUDA_STREAM", **place, priority=0, flag=2)
        if name is not None:
            self._add("TARGET_INFO_NVTX_CUDA_STREAM", **place, name=name, deviceId=device)
        return self

    # --- the recording itself ---------------------------------------------------------------------------

    def gpu(
        self, number: int, name: str, *, cuda: int | None = None, pid: int = 1, **properties: float | str
    ) -> Recording:
        """A GPU of the machine; `cuda` is its ordinal for the process, `properties` such as smCount=132."""
        self._add("TARGET_INFO_GPU", id=number, name=name, **properties)
        return (
            self if cuda is None else self._add("TARGET_INFO_CUDA_DEVICE", gpuId=number, cudaId=cuda, pid=pid)
        )

    def machine(self, *, cpus: str, cpu: str, driver: str, cuda: str) -> Recording:
        """What the profiler notes about the machine, as texts."""
        for number, value in ((1, cpus), (13, cpu), (205, driver), (611, cuda)):
            self._add("TARGET_INFO_SYSTEM_ENV", nameEnum=number, value=value)
        return self

    def exported(self, **options: str) -> Recording:
        """What an export says about itself: EXPORT_PARAM_TIME_SHIFT="5"."""
        for name, value in options.items():
            self._add("META_DATA_EXPORT", name=name, value=value)
        return self

    def session(self, *, utc_ns: int | None = None, clock_ns: int | None = None) -> Recording:
        """When the recording began: in UTC, and on the clock of its event times (newer exports)."""
        return self._add("TARGET_INFO_SESSION_START_TIME", utcEpochNs=utc_ns, systemClockNs=clock_ns)

    def duration(self, ns: int) -> Recording:
        """How long the recording lasted."""
        return self._add("ANALYSIS_DETAILS", duration=ns)

    def diagnostic(
        self,
        text: str,
        *,
        at: int = 0,
        severity: str = "info",
        source: str = "injection",
        pid: int | None = None,
    ) -> Recording:
        """A message of the profiler, about a process or not."""
        return self._add(
            "DIAGNOSTIC_EVENT",
            timestamp=at,
            source=_SOURCES[source],
            severity=_SEVERITIES[severity],
            text=text,
            globalPid=None if pid is None else _global(pid),
        )

    # --- what it becomes --------------------------------------------------------------------------------

    def report(self) -> RawReport:
        """The decoded report, in this process."""
        return RawReport(
            "nsys",
            {name: pa.Table.from_pylist(rows) for name, rows in self._all_tables().items()},
            counts_agree=self._counts_agree,
            warnings=list(self._warnings),
        )

    def store(self, database: Database, name: str) -> None:
        """Put it into a database under the name."""
        store(database, self.report(), name, self._tags)

    def database(self, name: str = "made") -> Database:
        """A database in memory that holds only this recording."""
        database = empty()
        self.store(database, name)
        return database

    def export(self, path: Path) -> Path:
        """Write it as ``nsys export --type sqlite`` would."""
        connection = sqlite3.connect(path)
        for name, rows in self._all_tables().items():
            types = {
                column: "TEXT" if any(isinstance(row[column], str) for row in rows) else "INTEGER"
                for column in rows[0]
            }
            columns = ", ".join(f'"{column}" {kind}' for column, kind in types.items())
            marks = ", ".join("?" for _ in types)
            connection.execute(f"CREATE TABLE {name} ({columns})")
            connection.executemany(
                f"INSERT INTO {name} VALUES ({marks})", [tuple(row.values()) for row in rows]
            )
        connection.commit()
        connection.close()
        return path

    def _all_tables(self) -> dict[str, list[dict[str, Any]]]:
        strings = [{"id": number, "value": text} for text, number in self._strings.items()]
        return {"StringIds": strings or [{"id": 0, "value": ""}], **self._tables}

    def _add(self, table: str, **row: Any) -> Recording:
        self._tables.setdefault(table, []).append(row)
        return self

    def _text(self, text: str) -> int:
        return self._strings.setdefault(text, len(self._strings) + 1)


def _global(pid: int, tid: int = 0) -> int:
    return pid << 24 | tid
