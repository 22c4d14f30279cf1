"""Random traces: few events at small times, so that most things that can coincide do.

Several processes (two of them with one pid), GPUs that they share under other ordinals or have alone, threads with equal
numbers, ranges of two domains that cross, start/end ranges that another thread ends, marks, ranges that were never
closed; calls in calls, with equal correlation ids in all processes; kernels, copies, memsets, migrations, graphs by node
and as a whole, work whose call was not recorded, work before its call returns; samples and stacks of calls, scheduling with records that are lost.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeVar

from hypothesis import strategies as st
from made.nsys import TWIN

from oracle.trace import (
    Allocation,
    Call,
    Fault,
    Kernel,
    LibraryCall,
    Look,
    Message,
    Operation,
    OsCall,
    Overhead,
    Power,
    Range,
    Sample,
    State,
    Switch,
    Trace,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")

LENGTH = 100
KERNELS = (
    Kernel("spin", "spin", "spin", "other"),
    Kernel("sgemm", "void sgemm<float>(float *)", "sgemm", "gemm"),
    Kernel(
        "device_kernel",
        "void device_kernel<FlashAttnFwdSm90<1>>(int)",
        "device_kernel<FlashAttnFwdSm90>",
        "attention",
    ),
    Kernel(
        "device_kernel", "void device_kernel<GemmUniversal<2>>(int)", "device_kernel<GemmUniversal>", "gemm"
    ),
)
STEPS = (
    ("step", "attn", "layers.0.mlp", "layers.1.mlp", "op(1)", "op(2)"),
    ("execute_context_1(5)_generation_0(0)", "execute_context_0(0)_generation_3(3)", "layers.0.mlp", "attn"),
    ("ProfilerStep#1", "ProfilerStep#2", "attn", "mlp"),
)
COPIES = (
    ("Host-to-Device", "Pageable", "Device"),
    ("Host-to-Device", "Pinned", "Device"),
    ("Device-to-Host", "Device", "Pageable"),
    ("Device-to-Host", "Device", "Pinned"),
    ("Device-to-Device", "Device", "Device"),
)
SIZES = (0, 4, 1_000, 65_536, 65_537)
PAGES = (4_096, 8_192)
NATIVE = ("main@/bin/app", "work@/bin/app", "@/lib/libm.so.6", "@[kernel]")
PYTHON = ("step@/x/train.py:7", "step@/x/train.py:8", "load@/x/data.py:3")
FAULTS = (("main", "/src/a.cu", 7), ("main", "/src/a.cu", 8), ("0x4005d0", None, None))


def communicating(name: str) -> Kernel:
    """A kernel that communicates: of one trace, so that no two are taken for recordings of one job."""
    short = f"ncclDevKernel_{name}"
    return Kernel(short, short, short, "communication")


class _Draw:
    """What a trace is drawn with: hypothesis draws the seed, as it would repeat whole traces with a change or two."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._random = draw(st.randoms(use_true_random=True))

    def number(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[self.number(0, len(choices) - 1)]

    def chance(self, percent: int) -> bool:
        return self.number(0, 99) >= 100 - percent


@st.composite
def traces(draw: st.DrawFn, name: str = "drawn") -> Trace:
    """A trace of that name."""
    pick = _Draw(draw)
    processes = pick.one_of(((1,), (1,), (1, 2), (1, TWIN), (1, 2, 3)))
    gpus = pick.one_of((1, 2))
    visible = {}
    if pick.chance(80):
        orders = ((0,), (1,), (0, 1), (1, 0)) if gpus == 2 else ((0,),)
        visible = {process: pick.one_of(orders) for process in processes}
        if TWIN in visible:
            # A report tells ordinals by pid.
            visible[TWIN] = visible[1]
    texts = pick.one_of(STEPS)
    kernels = (*KERNELS, communicating(name))
    calls: list[Call] = []
    loose: list[Operation] = []
    ranges: list[Range] = []
    os_calls: list[OsCall] = []
    library_calls: list[LibraryCall] = []
    overheads: list[Overhead] = []
    threads = []
    for process in processes:
        devices = range(len(visible[process])) if visible else range(gpus)
        here = pick.one_of(((1,), (1, 2)))
        for tid in here:
            if pick.chance(50):
                threads.append((process, tid, f"thread {tid}"))
            around = list(_ranges(pick, process, tid, here, texts))
            ranges += around
            made = list(_calls(pick, process, tid, devices, kernels, around))
            calls += made
            os_calls += (call for call in _os_calls(pick, process, tid) if not _is_crossing(call, made))
            library_calls += _library_calls(pick, process, tid)
            overheads += _overheads(pick, process, tid)
        loose += (
            _operation(pick, process, pick.number(0, LENGTH - 20), devices, kernels)
            for _ in range(pick.one_of((0, 0, 1, 2)))
        )
        # A process that does nothing on the CPU is none.
        loose.append(_kernel(pick, process, pick.number(0, 60), devices, kernels))
    faults: list[Fault] = []
    if pick.chance(30):
        faults, moved = _managed(pick, processes)
        loose += moved
    samples = []
    if pick.chance(60):
        times = range(pick.number(0, 9), LENGTH, pick.one_of((7, 10)))
        samples = [Sample(gpu, at, pick.number(0, 5)) for gpu in range(gpus) for at in times]
    if pick.chance(40):
        for launch, told in _rounds(pick, name, processes, visible, gpus):
            if told:
                calls.append(launch)
                ranges.append(told)
            else:
                loose += launch.work
    powers, switches = [], []
    if pick.chance(50):
        times = range(pick.number(0, 9), LENGTH, pick.one_of((8, 13)))
        powers = [Power(gpu, at, pick.number(100, 700)) for gpu in range(gpus) for at in times]
    if pick.chance(50):
        switches = list(_turns(pick, processes, gpus))
    threads_of = [(process, tid) for process in processes for tid in (1, 2)]
    looks: list[Look] = []
    states: list[State] = []
    if pick.chance(60):
        looks = list(_looks(pick, threads_of))
        states = [state for thread in threads_of for state in _states(pick, *thread)]
        calls = [replace(call, **_stacks(pick)) for call in calls]
    ends = [LENGTH, *(call.end for call in (*calls, *os_calls, *library_calls, *overheads))]
    ends += [work.end for work in (*loose, *(work for call in calls for work in call.work))]
    allocations: list[Allocation] = []
    if pick.chance(60):
        allocations = [
            one
            for process in processes
            for one in _allocations(pick, process, range(len(visible[process])) if visible else range(gpus))
        ]
    return Trace(
        name,
        max(ends) + pick.number(1, 20),
        visible,
        tuple(calls),
        tuple(loose),
        tuple(ranges),
        tuple(os_calls),
        tuple(samples),
        tuple(faults),
        tuple(looks),
        tuple(states),
        tuple(threads),
        # Containers of one image run programs of one name.
        tuple((process, f"rank{process & 0xFFFFFF}") for process in processes),
        tuple(powers),
        tuple(switches),
        tuple(library_calls),
        tuple(overheads),
        tuple(allocations),
    )


def _allocations(pick: _Draw, process: int, devices: Sequence[int]) -> Iterator[Allocation]:
    """Memory comes and goes, some of it at once; what is released first was there before the recording.

    Now and then another one takes the place of what was not seen to be released, a release tells another size, or
    what it released was not seen to be allocated.
    """
    at, held = pick.number(0, 20), {}
    for number in range(pick.one_of((0, 2, 6, 9))):
        place = pick.one_of(tuple(held)) if held and pick.chance(50) else 64 * (number + 1)
        is_release = pick.chance(85 if place in held else 15)
        device, size, memory = held.pop(place, None) or (
            pick.one_of(devices),
            pick.one_of((1, 10, 100)),
            pick.one_of(("Device", "Device", "Array", "Pinned")),
        )
        size += pick.number(0, 2)
        # Of a process that makes few calls, that one was not recorded.
        yield Allocation(process, device, at, size, place, memory, is_release, pick.number(0, 9))
        if not is_release:
            held[place] = (device, size, memory)
        elif pick.chance(20):
            at += pick.number(1, 15)
            yield Allocation(process, device, at, pick.one_of((1, 10, 100)), place, memory, is_release=True)
        # No two of a process at one moment: which came first is not told.
        at += pick.number(1, 15)


def _turns(pick: _Draw, processes: Sequence[int], gpus: int) -> Iterator[Switch]:
    """Processes take turns on each GPU; the first and the last turn may lack an end."""
    for gpu in range(gpus):
        at, turns = pick.number(-5, 5), pick.number(1, 8)
        for turn in range(turns):
            process = pick.one_of(tuple(processes))
            if turn or pick.chance(70):
                yield Switch(gpu, at, process, True)
            at += pick.number(0, 15)
            if turn < turns - 1 or pick.chance(70):
                yield Switch(gpu, at, process, False)
            at += pick.number(0, 5)


# --- on the CPU -----------------------------------------------------------------------------------------


def _ranges(
    pick: _Draw, process: int, tid: int, threads: Sequence[int], texts: Sequence[str]
) -> Iterator[Range]:
    for domain in ("", "lib"):
        for start, end in _nest(pick, 0, LENGTH, 3 if domain == "" else 1):
            yield Range(process, tid, pick.one_of(texts), start, end, domain=domain)
    for _ in range(pick.one_of((0, 0, 1, 2))):
        start = pick.number(0, 60)
        other = pick.one_of(threads)
        yield Range(
            process,
            tid,
            pick.one_of((*texts, "request")),
            start,
            start + pick.number(0, 40),
            style="startend",
            end_tid=None if other == tid else other,
        )
    if pick.chance(15):
        yield Range(process, tid, "open", pick.number(20, 80), None, domain="app")
    if pick.chance(30):
        yield Range(process, tid, "mark", pick.number(0, LENGTH), None, style="mark")
    if pick.chance(40):
        at = pick.number(0, 80)
        for function in ("ncclAllReduce", "ncclBroadcast"):
            yield Range(process, tid, function, at, at + pick.number(0, 10), domain="NCCL")
            at += pick.number(10, 20)


def _nest(pick: _Draw, low: int, high: int, depth: int) -> Iterator[tuple[int, int]]:
    """Stretches that lie in each other or beside each other; they may touch, be equal and have no length."""
    at = low
    for _ in range(pick.number(0, 3)):
        start = pick.number(at, min(at + 20, high))
        end = pick.number(start, high)
        yield start, end
        if depth > 1:
            yield from _nest(pick, start, end, depth - 1)
        at = end


def _calls(
    pick: _Draw,
    process: int,
    tid: int,
    devices: Sequence[int],
    kernels: Sequence[Kernel],
    around: Sequence[Range],
) -> Iterator[Call]:
    at = pick.number(0, 10)
    for _ in range(pick.number(0, 7)):
        end = at + pick.number(0, 8)
        # A thread ends a range after its calls return.
        end = min([end, *(one.end for one in around if one.end is not None and one.start <= at < one.end)])
        call = _call(pick, process, tid, at, end, devices, kernels)
        # Nor does it begin a range between a call and the call inside.
        nested = call.nested
        if nested and any(at < one.start <= nested[1] for one in around):
            call = replace(call, nested=None)
        yield call
        at = end + pick.one_of((0, 0, 1, 3, 10, 20))


def _call(
    pick: _Draw,
    process: int,
    tid: int,
    start: int,
    end: int,
    devices: Sequence[int],
    kernels: Sequence[Kernel],
) -> Call:
    def call(name: str, *work: Operation, nested: str = "") -> Call:
        inner = None
        if nested and pick.chance(50):
            low = pick.number(start, end)
            inner = (nested, low, pick.number(low, end))
        return Call(
            process, tid, name, start, end, tuple(work), nested=inner, returned=pick.one_of((0, 0, 0, 1))
        )

    def after() -> int:
        return start + pick.one_of((0, 1, end - start, end - start + 1, 10, pick.number(0, 40)))

    kind = pick.number(0, 11)
    if kind <= 4:
        return call(
            "cudaLaunchKernel", _kernel(pick, process, after(), devices, kernels), nested="cuLaunchKernel"
        )
    if kind <= 6:
        name = pick.one_of(("cudaMemcpyAsync", "cudaMemcpy"))
        return call(name, _copy(pick, process, after(), devices))
    if kind == 7:
        return call(pick.one_of(("cudaMemsetAsync", "cudaMemset")), _memset(pick, process, after(), devices))
    if kind == 8:
        name = pick.one_of(("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize"))
        return call(name, nested="cuStreamSynchronize" if name == "cudaStreamSynchronize" else "")
    if kind == 9:
        return call(pick.one_of(("cudaMalloc", "cudaFree", "cuModuleLoadData")))
    if kind == 10:
        return call("cudaGraphLaunch", _graph(pick, process, after(), devices), nested="cuGraphLaunch")
    return call("cudaGraphLaunch", *_nodes(pick, process, after(), devices, kernels))


def _os_calls(pick: _Draw, process: int, tid: int) -> Iterator[OsCall]:
    at = pick.number(0, 20)
    for _ in range(pick.one_of((0, 0, 1, 3))):
        end = at + pick.number(0, 15)
        yield OsCall(process, tid, pick.one_of(("poll", "read", "mmap")), at, end)
        at = end + pick.number(0, 20)


def _frames(pick: _Draw, of: Sequence[str]) -> tuple[str, ...]:
    return tuple(pick.one_of(of) for _ in range(pick.number(1, 3)))


def _stacks(pick: _Draw) -> dict[str, tuple[str, ...]]:
    """The stacks of a call, if they were recorded: nsys knows that of Python where it looks for the native one."""
    if pick.chance(30):
        return {}
    native = ("cuLaunchKernel@/lib/libcuda.so.1", *_frames(pick, NATIVE))
    return {"stack": native, "python": _frames(pick, PYTHON)}


def _looks(pick: _Draw, threads: Sequence[tuple[int, int]]) -> Iterator[Look]:
    for process, tid in threads:
        for _ in range(pick.one_of((0, 2, 5))):
            frames = () if pick.chance(10) else _frames(pick, NATIVE)
            yield Look("cpu", process, tid, pick.number(0, LENGTH), frames)
        for _ in range(pick.one_of((0, 0, 3))):
            yield Look("python", process, tid, pick.number(0, LENGTH), _frames(pick, PYTHON))


def _states(pick: _Draw, process: int, tid: int) -> Iterator[State]:
    """Events of the scheduler; that between two alike is lost."""
    at, is_on, events = pick.number(0, 20), pick.chance(50), []
    for _ in range(pick.one_of((0, 1, 6))):
        events.append((at, is_on, pick.number(0, 2)))
        at, is_on = at + pick.number(1, 15), is_on if pick.chance(10) else not is_on
    for (start, on, cpu), following in zip_longest(events, events[1:]):
        end = following[0] if following and following[1] != on else None
        yield State(process, tid, start, end, on, cpu, None if on else "Interruptible")


def _library_calls(pick: _Draw, process: int, tid: int) -> Iterator[LibraryCall]:
    """Calls one after the other: of MPI with messages and requests, of OpenMP, OpenACC, cuBLAS and cuDNN."""
    at = pick.number(0, 20)
    for _ in range(pick.one_of((0, 0, 1, 4))):
        end = at + pick.number(0, 12)
        library = pick.one_of(("MPI", "MPI", "OpenMP", "OpenACC", "cuBLAS", "cuDNN"))
        name, kind, parts = "cublasSgemm_v2", "", ()
        if library == "MPI":
            kind = pick.one_of(("p2p", "collectives", "start_wait", "other"))
            name = {"p2p": pick.one_of(("MPI_Send", "MPI_Sendrecv")), "collectives": "MPI_Bcast",
                    "start_wait": "MPI_Waitall", "other": "MPI_Init"}[kind]  # fmt: skip
            parts = _parts(pick, kind, name)
        elif library != "cuBLAS":
            name, kind = pick.one_of((("Parallel Region", "parallel"), ("Flush", "flush")))
            if library == "OpenMP" and kind == "flush":
                kind = "parallel"
        yield LibraryCall(process, tid, library, name, at, end, kind, parts)
        # No two begin at the same time: they would be one.
        at = end + pick.number(1, 20)


def _parts(pick: _Draw, kind: str, name: str) -> tuple[tuple[tuple[str, int], ...], ...]:
    if kind == "p2p":
        many = 2 if name == "MPI_Sendrecv" else 1
        return tuple(
            (("tag", place), ("peer", pick.number(0, 3)), ("size", pick.number(0, 90)))
            for place in range(many)
        )
    if kind == "collectives":
        sizes = (("size", pick.number(1, 90)), ("received", pick.number(1, 90)))
        return ((("root", 0), *(one for one in sizes if pick.chance(70))),)
    if kind == "start_wait":
        return tuple((("request", 90 + place),) for place in range(pick.one_of((1, 2, 3))))
    return ()


def _overheads(pick: _Draw, process: int, tid: int) -> Iterator[Overhead]:
    for _ in range(pick.one_of((0, 1, 3))):
        at = pick.number(0, LENGTH)
        name = pick.one_of(("CUPTI Buffer flush", "TLS allocation"))
        kind = pick.one_of((None, 3))
        yield Overhead(process, tid, name, at, at + pick.number(0, 15), kind, pick.chance(30))


def _is_crossing(one: OsCall, calls: Sequence[Call]) -> bool:
    """Whether it is neither in a call of its thread nor outside of all."""
    return any(
        one.start < call.end and call.start < one.end and not call.start <= one.start <= one.end <= call.end
        for call in calls
    )


# --- on the GPU -----------------------------------------------------------------------------------------


def _operation(
    pick: _Draw, process: int, at: int, devices: Sequence[int], kernels: Sequence[Kernel]
) -> Operation:
    kind = pick.number(0, 3)
    if kind == 0:
        return _copy(pick, process, at, devices)
    if kind == 1:
        return _memset(pick, process, at, devices)
    return _graph(pick, process, at, devices) if kind == 2 else _kernel(pick, process, at, devices, kernels)


def _span(pick: _Draw, at: int) -> tuple[int, int]:
    return at, at + pick.one_of((0, 1, 3, 10, pick.number(0, 20)))


def _kernel(
    pick: _Draw,
    process: int,
    at: int,
    devices: Sequence[int],
    kernels: Sequence[Kernel],
    node: int | None = None,
) -> Operation:
    return Operation(
        "kernel",
        *_span(pick, at),
        pick.one_of(devices),
        pick.one_of((7, 7, 8)),
        kernel=pick.one_of(kernels),
        grid=(pick.one_of((1, 2)), 1, 1),
        node=node,
        process=process,
    )


def _copy(pick: _Draw, process: int, at: int, devices: Sequence[int], node: int | None = None) -> Operation:
    copy_kind, src, dst = pick.one_of(COPIES)
    return Operation(
        "memcpy",
        *_span(pick, at),
        pick.one_of(devices),
        pick.one_of((7, 9)),
        bytes=pick.one_of(SIZES),
        copy_kind=copy_kind,
        src=src,
        dst=dst,
        node=node,
        process=process,
    )


def _memset(pick: _Draw, process: int, at: int, devices: Sequence[int]) -> Operation:
    return Operation(
        "memset",
        *_span(pick, at),
        pick.one_of(devices),
        pick.one_of((7, 9)),
        bytes=pick.one_of(SIZES),
        dst=pick.one_of(("Device", "Pinned", "Managed")),
        process=process,
    )


def _graph(pick: _Draw, process: int, at: int, devices: Sequence[int]) -> Operation:
    return Operation(
        "graph",
        *_span(pick, at),
        pick.one_of(devices),
        pick.one_of((7, 8)),
        graph=pick.one_of((1, 2)),
        process=process,
    )


def _nodes(
    pick: _Draw, process: int, at: int, devices: Sequence[int], kernels: Sequence[Kernel]
) -> Iterator[Operation]:
    """A graph by its nodes: one of two graphs, whose nodes have numbers of their own."""
    first, on = pick.one_of((100, 200)), (pick.one_of(devices),)
    yield _kernel(pick, process, at, on, kernels, first)
    for node in range(first + 1, first + 1 + pick.number(0, 2)):
        at += pick.number(0, 5)
        yield (
            _kernel(pick, process, at, on, kernels, node)
            if pick.chance(70)
            else _copy(pick, process, at, on, node)
        )


def _managed(pick: _Draw, processes: Sequence[int]) -> tuple[list[Fault], list[Operation]]:
    """Page faults and migrations of managed memory."""
    faults, moved = [], []
    for _ in range(pick.number(1, 3)):
        at, process, page = pick.number(0, LENGTH), pick.one_of(processes), pick.one_of(PAGES)
        instruction, file, line = pick.one_of(FAULTS)
        faults.append(Fault(process, None, at, at, page, 1, instruction, file, line))
        if pick.chance(60):
            end = at + pick.number(0, 5)
            faults.append(Fault(process, 0, at, end, page, pick.number(1, 4)))
            direction = pick.one_of(("Host-to-Device", "Device-to-Host"))
            src, dst = ("Pinned", "Device") if direction[0] == "H" else ("Device", "Pinned")
            moved.append(
                Operation(
                    "memcpy",
                    at,
                    end,
                    0,
                    None,
                    bytes=pick.one_of((4_096, 8_192)),
                    copy_kind=f"Unified {direction}",
                    src=src,
                    dst=dst,
                    address=page,
                    process=process,
                )
            )
    return faults, moved


# --- rank with rank -------------------------------------------------------------------------------------


def _rounds(
    pick: _Draw, name: str, processes: Sequence[int], visible: dict[int, tuple[int, ...]], gpus: int
) -> Iterator[tuple[Call, Range | None]]:
    """Collectives of ranks that each have a GPU: they end together, and then all of them pause.

    Some lack ranks, as their recordings may. With what NCCL told about the message, or without.
    """
    owners: dict[int, tuple[int, int]] = {}
    for process in processes:
        for device, gpu in enumerate(visible[process] if visible else range(gpus)):
            owners.setdefault(gpu, (process, device))
    sharing = list(owners.values())
    # Two containers may each call a GPU of their own 0: by pid and ordinal they are on one.
    if TWIN in processes and pick.chance(50):
        sharing += [(TWIN, device) for _, device in owners.values()]
    short = f"ncclDevKernel_{name}_Clean"
    kernel = Kernel(short, short, short, "communication")
    # As unique as the name.
    told = (
        Message("ncclAllReduce", int.from_bytes(name.encode()), pick.one_of((8, 1_000)))
        if pick.chance(50)
        else None
    )
    at = 3 * LENGTH
    for number in range(pick.number(1, 4)):
        ranks = [rank for rank in sharing if pick.chance(85)]
        starts = [at + pick.number(0, 6) for _ in ranks]
        end = max(starts, default=at) + pick.number(1, 5)
        for (process, device), start in zip(ranks, starts, strict=True):
            work = Operation(
                "kernel",
                start,
                end + pick.number(0, 1),
                device,
                20,
                kernel=kernel,
                process=process,
                message=told,
                round=number,
            )
            call = Call(process, 9, "cudaLaunchKernelExC", start - 20, start - 20, (work,))
            around = Range(process, 9, "ncclAllReduce", start - 21, start - 19, domain="NCCL", message=told)
            yield call, around if told else None
        at = end + pick.number(30, 40)
