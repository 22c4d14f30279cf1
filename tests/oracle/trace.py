"""A small trace as plain Python objects: what an oracle reads in place of tables, and what a recording is made of.

A `Trace` is a list of events. `Trace.recording` makes a recording of them, and an oracle counts them one by one.
Times are so small that time itself can be counted, nanosecond by nanosecond.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from made import nsys
from made.nsys import Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

METRIC, METRIC_UNIT = "SMs Active", "Throughput %"
#: One of the market, whose peaks these are (dense, fp32 and fp16), and one of none.
GPUS = ("NVIDIA H100 80GB HBM3", "GPU 1")
CUDA_FLOP_PER_S, TENSOR_FLOP_PER_S = 66.9e12, 989.4e12
CLOCK, CLOCK_UNIT = "GPC Clock Frequency", "MHz"
LINK = "NVLink TX Responses User Data"
#: Of the first one, bytes per second in one direction.
LINK_PEAKS = (450e9, None)


class Kernel(NamedTuple):
    """A kernel by its three names, and the kind of its work."""

    short: str
    full: str
    distinct: str
    category: str

    def called(self, names: str) -> str:
        """The name that a question is asked to use: short, full or distinct."""
        return {"short": self.short, "full": self.full, "distinct": self.distinct}[names]


class Message(NamedTuple):
    """What a call of NCCL told about its message."""

    function: str
    communicator: int
    size: int


@dataclass(frozen=True, eq=False)
class Call:
    """An API call; `nested` is a driver call in it that shares its correlation id."""

    process: int
    tid: int
    name: str
    start: int
    end: int
    work: tuple[Operation, ...] = ()
    layer: str = "runtime"
    nested: tuple[str, int, int] | None = None
    returned: int = 0
    id: int = 0
    correlation: int = 0
    #: Frames of the stacks that led to it, the innermost first; none where they were not recorded.
    stack: tuple[str, ...] = ()
    python: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Operation:
    """A kernel, copy, memset or whole CUDA graph on a GPU; `call` is what launched it, if that was recorded.

    A run of a collective has the number of its round, and the message that NCCL told.
    """

    kind: str
    start: int
    end: int
    device: int
    stream: int | None
    kernel: Kernel | None = None
    grid: tuple[int, int, int] = (1, 1, 1)
    bytes: int | None = None
    copy_kind: str | None = None
    src: str | None = None
    dst: str | None = None
    node: int | None = None
    graph: int | None = None
    address: int = 0
    process: int = 1
    gpu: int = 0
    id: int = 0
    correlation: int = 0
    call: Call | None = None
    message: Message | None = None
    round: int | None = None

    @property
    def context(self) -> int | None:
        """Each device has a context of its own; migrations have neither that nor a stream."""
        return None if self.address else self.device + 1

    @property
    def green(self) -> int | None:
        """The green context that it runs in: two of three streams have one each, on every GPU."""
        return None if self.address or not self.stream else {1: 101, 2: 102}.get(self.stream % 3)

    @property
    def cause(self) -> int | None:
        """The number of why it migrates, if it does; any one."""
        return self.start % 6 if self.address else None

    @property
    def duration(self) -> int:
        """Time on the GPU."""
        return self.end - self.start

    @property
    def label(self) -> str:
        """What an answer calls it that is no kernel."""
        if self.kind == "memcpy":
            return f"[CUDA memcpy {self.copy_kind}]"
        return "[CUDA memset]" if self.kind == "memset" else f"[CUDA graph {self.graph}]"

    def called(self, names: str) -> str:
        """What an answer calls it."""
        return self.kernel.called(names) if self.kernel else self.label

    def work(self) -> nsys.Work:
        """Itself, as a recording has it."""
        place = {"device": self.device, "stream": self.stream or 0, "context": self.context or 0}
        place["greenContext"] = self.green or 0
        if self.kernel is not None:
            return nsys.kernel(
                self.kernel.short,
                self.start,
                self.end,
                full=self.kernel.full,
                grid=self.grid,
                node=self.node,
                **place,
            )
        if self.kind == "graph":
            assert self.graph is not None
            return nsys.graph(self.start, self.end, graph=self.graph, executable=self.graph + 10, **place)
        assert self.bytes is not None
        if self.kind == "memset":
            assert self.dst is not None
            return nsys.memset(self.start, self.end, self.bytes, memory=self.dst, node=self.node, **place)
        assert self.copy_kind is not None
        return nsys.copy(
            self.copy_kind,
            self.start,
            self.end,
            self.bytes,
            src=self.src,
            dst=self.dst,
            node=self.node,
            address=self.address,
            cause=self.cause,
            **place,
        )


@dataclass(frozen=True, eq=False)
class Range:
    """An NVTX range or mark; one without an end was never closed."""

    process: int
    tid: int
    text: str
    start: int
    end: int | None
    style: str = "pushpop"
    domain: str = ""
    end_tid: int | None = None
    message: Message | None = None
    id: int = 0

    @property
    def until(self) -> float:
        """When it ends, or never."""
        return math.inf if self.end is None else self.end

    @property
    def closed(self) -> bool:
        """Whether it is a range with an end."""
        return self.style != "mark" and self.end is not None

    @property
    def duration(self) -> int | None:
        """Time on the CPU."""
        return None if self.end is None else self.end - self.start

    def contains(self, call: Call) -> bool:
        """Whether a call of its process lies inside: a range holds its start and not its end."""
        return (
            self.style != "mark"
            and self.process == call.process
            and self.start <= call.start < self.until
            and call.end <= self.until
        )

    def holds(self, call: Call, by: str) -> bool:
        """Whether the work of a call counts for it, by thread or by process."""
        own = self.tid == call.tid and self.end_tid in (None, self.tid)
        return self.contains(call) and (by == "process" or own)


class OsCall(NamedTuple):
    """A call of the operating system."""

    process: int
    tid: int
    name: str
    start: int
    end: int


class LibraryCall(NamedTuple):
    """A call of a library: of MPI by its class, of OpenMP, or of cuBLAS; `parts` are messages and requests of MPI."""

    process: int
    tid: int
    library: str
    name: str
    start: int
    end: int
    kind: str = ""
    parts: tuple[tuple[tuple[str, int], ...], ...] = ()

    @property
    def duration(self) -> int:
        """Time in the call."""
        return self.end - self.start


class Overhead(NamedTuple):
    """What the profiler took of a thread's time."""

    process: int
    tid: int
    name: str
    start: int
    end: int
    kind: int | None = None
    is_cupti: bool = False


class Sample(NamedTuple):
    """What a GPU's hardware counters had: how busy it was, which tells its clock, too."""

    gpu: int
    time: int
    value: int

    @property
    def mhz(self) -> int:
        """The clock: the busier, the slower."""
        return 1500 - 100 * self.value

    @property
    def values(self) -> dict[tuple[str, str], int]:
        """(metric, unit) → value."""
        return {
            (METRIC, METRIC_UNIT): self.value,
            (CLOCK, CLOCK_UNIT): self.mhz,
            (LINK, METRIC_UNIT): 7 * self.value,
        }


class Power(NamedTuple):
    """What a GPU drew since the sample before."""

    gpu: int
    time: int
    watts: int


class Switch(NamedTuple):
    """A step of a switch between the contexts of a GPU; each process has one on each."""

    gpu: int
    time: int
    process: int
    begins: bool


class Look(NamedTuple):
    """A sample of a thread (kind cpu) or of Python's interpreter (python): its frames, the innermost first."""

    kind: str
    process: int
    tid: int
    time: int
    frames: tuple[str, ...]


class State(NamedTuple):
    """From when a thread was put on a CPU, or taken off it, until its next event; None if that is not known."""

    process: int
    tid: int
    start: int
    end: int | None
    is_on: bool
    cpu: int
    state: str | None


class Allocation(NamedTuple):
    """Memory that is allocated, or released, on a device of a process; that of modules has no device.

    The call that did it has the same correlation id, if it was recorded.
    """

    process: int
    device: int
    time: int
    bytes: int
    address: int
    memory: str
    is_release: bool
    correlation: int = 0


class Fault(NamedTuple):
    """Page faults of the CPU (device None) or a GPU on managed memory."""

    process: int
    device: int | None
    start: int
    end: int
    address: int
    count: int
    instruction: str = ""
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, eq=False)
class Trace:
    """What was recorded.

    Attributes:
        name: of the trace; no two of a database have kernels that communicate with each other.
        visible: process → the GPUs that it sees, in the order of its ordinals; empty if the report does not say.
        calls: with the work that they launched.
        loose: work whose call was not recorded.
    """

    name: str
    duration: int
    visible: dict[int, tuple[int, ...]]
    calls: tuple[Call, ...] = ()
    loose: tuple[Operation, ...] = ()
    ranges: tuple[Range, ...] = ()
    os_calls: tuple[OsCall, ...] = ()
    samples: tuple[Sample, ...] = ()
    faults: tuple[Fault, ...] = ()
    looks: tuple[Look, ...] = ()
    states: tuple[State, ...] = ()
    threads: tuple[tuple[int, int, str], ...] = ()
    processes: tuple[tuple[int, str], ...] = ()
    powers: tuple[Power, ...] = ()
    switches: tuple[Switch, ...] = ()
    library_calls: tuple[LibraryCall, ...] = ()
    overheads: tuple[Overhead, ...] = ()
    allocations: tuple[Allocation, ...] = ()

    def recording(self) -> Recording:
        """As Nsight Systems would have recorded it."""
        made = Recording().duration(self.duration)
        for process, gpus in self.visible.items():
            for ordinal, gpu in enumerate(gpus):
                made.gpu(gpu, GPUS[gpu], cuda=ordinal, pid=process & 0xFFFFFF)
        for process, name in self.processes:
            made.process(process, f"/usr/bin/{name}")
        for process, tid, name in self.threads:
            made.thread(tid, name, pid=process)
        for one in self.ranges:
            if one.message:
                told = {"communicator": one.message.communicator, "size": one.message.size}
                made.nccl(one.text, one.start, one.end or 0, pid=one.process, tid=one.tid, **told)
                continue
            made.range(
                one.text,
                one.start,
                one.end,
                tid=one.tid,
                pid=one.process,
                style=one.style,
                domain=one.domain or 0,
                end_tid=one.end_tid,
            )
        for call in self.calls:
            made.call(
                call.name,
                call.start,
                call.end,
                *(work.work() for work in call.work),
                tid=call.tid,
                pid=call.process,
                layer=call.layer,
                returned=call.returned,
            )
            if call.stack:
                made.called_from(*call.stack, python=call.python)
            if call.nested:
                made.call(*call.nested, tid=call.tid, pid=call.process, layer="driver", nested=True)
        for work in self.loose:
            made.work(work.work(), pid=work.process)
        for os_call in self.os_calls:
            made.os_call(os_call.name, os_call.start, os_call.end, tid=os_call.tid, pid=os_call.process)
        for look in self.looks:
            sampled = made.cpu_sample if look.kind == "cpu" else made.python_sample
            sampled(look.time, *look.frames, tid=look.tid, pid=look.process)
        for one_state in self.states:
            made.scheduled(
                one_state.start,
                one_state.cpu,
                on=one_state.is_on,
                state=one_state.state,
                tid=one_state.tid,
                pid=one_state.process,
            )
        for library_call in self.library_calls:
            _library(made, library_call)
        for overhead in self.overheads:
            made.overhead(
                overhead.name,
                overhead.start,
                overhead.end,
                kind=overhead.kind,
                cupti=overhead.is_cupti,
                tid=overhead.tid,
                pid=overhead.process,
            )
        for sample in self.samples:
            for (metric, unit), value in sample.values.items():
                made.sample(f"{metric} [{unit}]", sample.time, value, gpu=sample.gpu)
        for power in self.powers:
            made.power(power.time, power.watts, gpu=power.gpu)
        for one_allocation in self.allocations:
            made.allocated(
                one_allocation.time,
                one_allocation.bytes,
                one_allocation.address,
                released=one_allocation.is_release,
                memory=one_allocation.memory,
                correlation=one_allocation.correlation,
                device=one_allocation.device,
                pid=one_allocation.process,
            )
        for switch in self.switches:
            made.switch(8 if switch.begins else 7, switch.time, pid=switch.process, gpu=switch.gpu)
        for fault in self.faults:
            if fault.device is None:
                made.cpu_fault(
                    fault.start,
                    fault.address,
                    fault.instruction,
                    file=fault.file,
                    line=fault.line,
                    pid=fault.process,
                )
            else:
                made.gpu_fault(
                    fault.start,
                    fault.end,
                    fault.address,
                    fault.count,
                    device=fault.device,
                    pid=fault.process,
                )
        return made

    def parts(self) -> dict[str, tuple[object, ...]]:
        """Its lists of events, to leave some out."""
        names = (
            "ranges",
            "calls",
            "loose",
            "os_calls",
            "samples",
            "faults",
            "looks",
            "powers",
            "switches",
            "library_calls",
            "overheads",
            "allocations",
        )
        return {name: getattr(self, name) for name in names}

    def pid_text(self, process: int) -> str:
        """The pid of a process, with NVIDIA's number where another one has the same."""
        pid = process & 0xFFFFFF
        several = sum(one & 0xFFFFFF == pid for one, _ in self.processes) > 1
        return f"{pid} ({process << 24})" if several else str(pid)

    def view(self) -> View:
        """Everything that it holds, with the numbers of rows that its events have in the database."""
        return _numbered(self)


@dataclass(frozen=True, eq=False)
class View:
    """What an oracle looks at: the events of a trace, or those that lie in a stretch of time."""

    trace: Trace
    calls: list[Call]
    operations: list[Operation]
    ranges: list[Range]
    os_calls: list[OsCall]
    samples: list[Sample]
    faults: list[Fault]
    looks: list[Look]
    states: list[State]
    powers: list[Power] = field(default_factory=list)
    switches: list[Switch] = field(default_factory=list)
    library_calls: list[LibraryCall] = field(default_factory=list)
    overheads: list[Overhead] = field(default_factory=list)
    #: The time that is looked at; of what belongs to a range, as far as it happens to run.
    since: int | None = None
    until: int | None = None
    #: What this is a part of, where what is known of a range is told by all of it.
    whole: View | None = None
    _launched: dict[tuple[Range, str], list[Operation]] = field(default_factory=dict)
    _around: dict[Range, Range | None] = field(default_factory=dict)
    _innermost: dict[int, Range | None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the trace."""
        return self.trace.name

    @cached_property
    def kernels(self) -> list[Operation]:
        """Operations that are kernels."""
        return [one for one in self.operations if one.kind == "kernel"]

    @cached_property
    def memory(self) -> list[Operation]:
        """Copies and memsets."""
        return [one for one in self.operations if one.kind in ("memcpy", "memset")]

    @cached_property
    def closed(self) -> list[Range]:
        """Ranges that were closed."""
        return [one for one in self.ranges if one.closed]

    def work(self, *, graphs: bool = True) -> list[Operation]:
        """Operations, with or without whole graphs."""
        return [one for one in self.operations if graphs or one.kind != "graph"]

    def launched(self, one: Range, by: str) -> list[Operation]:
        """What calls inside a range launched."""
        if (one, by) not in self._launched:
            self._launched[one, by] = [
                work for work in self.operations if work.call and one.holds(work.call, by)
            ]
        return self._launched[one, by]

    def is_elsewhere(self, one: Range) -> bool:
        """Whether a range without work may have some that other threads of its process launched meanwhile.

        Its own thread tells of it where it was launching at the time, unless another thread ended the range.
        """
        if self.whole is not None:
            # A call that crosses the range tells of it, though it belongs to no stretch that is looked at.
            return self.whole.is_elsewhere(one)
        if self.launched(one, "thread"):
            return False
        launching = [work.call for work in self.operations if work.call and work.call.process == one.process]
        is_handed_over = one.end_tid not in (None, one.tid)
        is_told = any(
            call.tid == one.tid and call.start < one.until and call.end > one.start for call in launching
        )
        return (is_handed_over or not is_told) and any(
            (call.tid != one.tid or is_handed_over) and one.start <= call.start < one.until
            for call in launching
        )

    def innermost(self, call: Call) -> Range | None:
        """The push/pop range of a call: of those that hold it the one that began last, or is shorter."""
        if call.id not in self._innermost:
            found = [one for one in self.ranges if one.style == "pushpop" and one.holds(call, "thread")]
            self._innermost[call.id] = max(
                found, key=lambda one: (one.start, -one.until, one.id), default=None
            )
        return self._innermost[call.id]

    def around(self, one: Range) -> Range | None:
        """The range around a push/pop range: the shortest one of its thread that holds it."""
        if one not in self._around:
            others = [
                other for other in self.ranges if one.style != "startend" and self._is_around(other, one)
            ]
            self._around[one] = min(
                others, key=lambda other: (other.until - other.start, -other.start, -other.id), default=None
            )
        return self._around[one]

    @staticmethod
    def _is_around(other: Range, one: Range) -> bool:
        until = one.start if one.style == "mark" else one.until
        return (
            other.style == "pushpop"
            and (other.process, other.tid) == (one.process, one.tid)
            and other.start <= one.start < other.until
            and until <= other.until
            # Of equal ones the first is outside.
            and ((other.start, other.until) != (one.start, until) or other.id < one.id)
            and other is not one
        )

    def stack(self, one: Range) -> list[Range]:
        """A range behind those around it, the outermost one first."""
        holder = self.around(one)
        return [*(self.stack(holder) if holder else []), one]

    def between(self, low: int, high: int) -> View:
        """What runs for some of the time: ``start < high and end >= low``; work whose call does not has none."""

        def is_in(start: int, end: float) -> bool:
            return start < high and end >= low

        calls = {call.id: call for call in self.calls if is_in(call.start, call.end)}
        return View(
            self.trace,
            list(calls.values()),
            [
                replace(work, call=calls.get(work.call.id) if work.call else None)
                for work in self.operations
                if is_in(work.start, work.end)
            ],
            [one for one in self.ranges if is_in(one.start, one.start if one.style == "mark" else one.until)],
            [call for call in self.os_calls if is_in(call.start, call.end)],
            [sample for sample in self.samples if is_in(sample.time, sample.time)],
            [fault for fault in self.faults if is_in(fault.start, fault.end)],
            [look for look in self.looks if is_in(look.time, look.time)],
            [one for one in self.states if is_in(one.start, one.start if one.end is None else one.end)],
            [power for power in self.powers if is_in(power.time, power.time)],
            [switch for switch in self.switches if is_in(switch.time, switch.time)],
            [call for call in self.library_calls if is_in(call.start, call.end)],
            [one for one in self.overheads if is_in(one.start, one.end)],
            since=max(low, 0),
            until=min(high, self.trace.duration),
        )

    def within(self, text: str) -> View:
        """What belongs to the ranges of that text, process by process.

        Depths, paths and the range that a call belongs to are those of the whole trace; where that range crosses the
        asked one, the call belongs to none.
        """
        asked = [one for one in self.ranges if one.style != "mark" and one.text == text]
        spans: dict[int, list[tuple[int, float]]] = {}
        for one in sorted(asked, key=lambda one: (one.start, one.until)):
            joined = spans.setdefault(one.process, [])
            # Those that overlap or meet are one stretch of time.
            if joined and one.start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], one.until))
            else:
                joined.append((one.start, one.until))

        def span(process: int, start: int) -> tuple[int, float] | None:
            found = [(low, high) for low, high in spans.get(process, []) if low <= start]
            return found[-1] if found and start < found[-1][1] else None

        def is_inside(one: Range) -> bool:
            until = one.start if one.style == "mark" else one.until
            # A range without length holds itself.
            return any(
                low <= one.start and until <= high and (one.start < high or one.start == low)
                for low, high in spans.get(one.process, [])
            )

        calls = {call.id: call for call in self.calls if span(call.process, call.start)}
        ranges = [one for one in self.ranges if is_inside(one)]
        at_work: dict[tuple[int, int], list[Operation]] = {}
        for one in ranges:
            for low, high in spans[one.process]:
                if low <= one.start and one.until <= high:
                    at_work.setdefault((one.process, low), []).extend(self.launched(one, "thread"))
        lasting = [
            (min(work.start for work in group), max(work.end for work in group))
            for group in at_work.values()
            if group
        ]
        return View(
            self.trace,
            list(calls.values()),
            [
                replace(work, call=calls.get(work.call.id) if work.call else None)
                for work in self.operations
                if span(work.process, work.call.start if work.call else work.start)
            ],
            ranges,
            [call for call in self.os_calls if span(call.process, call.start)],
            [one for one in self.samples if any(first <= one.time < last for first, last in lasting)],
            [fault for fault in self.faults if span(fault.process, fault.start)],
            [look for look in self.looks if span(look.process, look.time)],
            [one for one in self.states if span(one.process, one.start)],
            [one for one in self.powers if any(first <= one.time < last for first, last in lasting)],
            [one for one in self.switches if any(first <= one.time < last for first, last in lasting)],
            [call for call in self.library_calls if span(call.process, call.start)],
            [one for one in self.overheads if span(one.process, one.start)],
            whole=self.whole or self,
            _around={one: self.around(one) for one in self.ranges},
            _innermost={
                call.id: found if (found := self.innermost(call)) in ranges else None
                for call in calls.values()
            },
        )


def _library(made: Recording, call: LibraryCall) -> None:
    """Record a call of a library."""
    at = {"tid": call.tid, "pid": call.process}
    if call.library == "MPI":
        for part in call.parts or ((),):
            made.mpi(call.name, call.start, call.end, of=call.kind, **at, **dict(part))
    elif call.library == "OpenMP":
        made.openmp(call.name, call.start, call.end, of=call.kind, parallelId=1, parentTaskId=0, **at)
    elif call.library == "OpenACC":
        made.openacc(call.name, call.start, call.end, kind="Wait", line=len(call.kind), **at)
    else:
        made.library(call.library, call.name, call.start, call.end, **at)


def _numbered(trace: Trace) -> View:
    correlations: dict[int, int] = {}
    calls: list[Call] = []
    operations: list[Operation] = []

    def next_correlation(process: int) -> int:
        correlations[process] = correlations.get(process, 0) + 1
        return correlations[process]

    def add(work: Operation, process: int, correlation: int, call: Call | None) -> None:
        gpus = trace.visible.get(process, ())
        gpu = gpus[work.device] if gpus else work.device
        operations.append(replace(work, process=process, gpu=gpu, correlation=correlation, call=call))

    for call in trace.calls:
        call = replace(call, id=len(calls) + 1, correlation=next_correlation(call.process))
        calls.append(call)
        if call.nested:
            name, start, end = call.nested
            calls.append(
                replace(call, name=name, start=start, end=end, layer="driver", id=len(calls) + 1, returned=0)
            )
        for work in call.work:
            add(work, call.process, call.correlation, call)
    for work in trace.loose:
        add(work, work.process, next_correlation(work.process), None)
    return View(
        trace,
        calls,
        list(_with_ids(operations)),
        [replace(one, id=number) for number, one in enumerate(trace.ranges, start=1)],
        list(trace.os_calls),
        list(trace.samples),
        list(trace.faults),
        list(trace.looks),
        list(trace.states),
        list(trace.powers),
        list(trace.switches),
        list(trace.library_calls),
        list(trace.overheads),
        since=0,
        until=trace.duration,
    )


def _with_ids(operations: list[Operation]) -> Iterable[Operation]:
    """Numbers of rows: kernels and graphs in the order of recording, copies and memsets in that of time."""
    tables: tuple[Callable[[Operation], bool], ...] = (
        lambda one: one.kind == "kernel",
        lambda one: one.kind == "graph",
    )
    for is_of in tables:
        for number, one in enumerate(filter(is_of, operations), start=1):
            yield replace(one, id=number)
    memory = [one for one in operations if one.kind in ("memcpy", "memset")]
    memory.sort(
        key=lambda one: (
            one.start,
            one.kind,
            one.stream or 0,
            one.correlation,
            one.end,
            one.bytes,
            one.process,
            one.node or 0,
            one.address,
        )
    )
    for number, one in enumerate(memory, start=1):
        yield replace(one, id=number)
