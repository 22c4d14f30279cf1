"""Hand-made jobs of several ranks: what happens on a clock that all share, and the reports that ranks made of it.

``TRAIN`` is a job of two ranks, a report each. Times below are of the first rank's report; the second rank's
began 1,000 ns later, and its clock is 200 ns ahead. Each rank launches gemms and an all-reduce in four steps:

====  =====================================  ==========================================  =====================
step  rank 0                                 rank 1                                      who is late, and why
====  =====================================  ==========================================  =====================
0     gemm 2000-2100, sum 2100-2400          gemm 2000-2100, sum 2300-2400               1 by 200: its host
1     gemm 2500-2600, sum 2600-3000          gemms 2500-2600-2720, sum 2750-3010         1 by 150: more work
2     gemm 3100-3200, memset -3210,          gemm 3100-3190, sum 3250-3500               0 by 50: it waited
      sum 3300-3500
3     gemm 3600-3700, sum 3700-4000          gemm 3600-3790, sum 3800-4000               1 by 100: slower
====  =====================================  ==========================================  =====================
"""

from __future__ import annotations

from made.nsys import Recording, Work, graph, kernel, memset

UTC = 1_700_000_000_000_000_000
SUM = "ncclDevKernel_AllReduce"
LAUNCH = "cudaLaunchKernel_v7000"
#: By how much later the second report of `TRAIN` began.
BEGAN = 1_000


def rank(
    number: int,
    steps: tuple[tuple[Work, ...], ...],
    *,
    began: int = 0,
    ahead: int = 0,
    ranks: int | None = 4,
    first: int = 0,
    **tags: str,
) -> Recording:
    """The report of a rank that runs the work of each step, the last of which is an all-reduce.

    Args:
        number: of the rank.
        steps: the work of each; times are the job's.
        began: when the report began, on the job's clock.
        ahead: by how much its own clock is ahead.
        ranks: of the communicator, if told.
        first: number of its first step in the range's text.
        tags: of the trace.
    """
    made = Recording(**tags).session(utc_ns=UTC + began + ahead)
    made.gpu(0, "NVIDIA H200", cuda=0, uuid=f"GPU {number}")
    if ranks is not None:
        made.nccl("ncclCommInitRank", 5, 6, communicator=0xA, ranks=ranks, rank=number)
    for step, (*work, collective) in enumerate(steps, start=first):
        at = 100 * (step + 1)
        made.range(f"step {step}", at, at + 100)
        for place, one in enumerate(work):
            made.call(LAUNCH, at + 10 + 5 * place, at + 11 + 5 * place, _earlier(one, began))
        made.nccl(
            "ncclAllReduce",
            at + 50,
            at + 60,
            _earlier(collective, began),
            communicator=0xA,
            size=1_000,
            reduction=0,
        )
    return made


def _earlier(work: Work, by: int) -> Work:
    row = {**work.row, "start": work.row["start"] - by, "end": work.row["end"] - by}
    return Work(work.table, row, work.texts)


_RANK_0 = (
    (kernel("gemm", 2000, 2100), kernel(SUM, 2100, 2400)),
    (kernel("gemm", 2500, 2600), kernel(SUM, 2600, 3000)),
    (kernel("gemm", 3100, 3200), memset(3200, 3210, 64), kernel(SUM, 3300, 3500)),
    (kernel("gemm", 3600, 3700), kernel(SUM, 3700, 4000)),
)
_RANK_1 = (
    (kernel("gemm", 2000, 2100), kernel(SUM, 2300, 2400)),
    (kernel("gemm", 2500, 2600), kernel("gemm", 2600, 2720), kernel(SUM, 2750, 3010)),
    (kernel("gemm", 3100, 3190), kernel(SUM, 3250, 3500)),
    (kernel("gemm", 3600, 3790), kernel(SUM, 3800, 4000)),
)
#: What each rank of `TRAIN` does.
STEPS = (_RANK_0, _RANK_1)
TRAIN = {
    "a": rank(0, _RANK_0, job="train", rank="0"),
    "b": rank(1, _RANK_1, began=BEGAN, ahead=200, job="train", rank="1"),
}
#: The same without tags: NCCL's communicator tells that they belong together, and the ranks' numbers.
UNTAGGED = {
    "x": rank(0, _RANK_0, ranks=2),
    "y": rank(1, _RANK_1, began=BEGAN, ahead=200, ranks=2),
}
_MS = 1_000_000


def _long(step: int, begun: int) -> tuple[Work, Work]:
    at = (step + 1) * _MS
    return kernel("gemm", at, at + 500), kernel(SUM, at + begun, at + 900)


#: The second report begins with step 1: its steps are numbered as those of the first. It is 200 ns late in step 2.
LATER = {
    "run.0": rank(0, (_long(0, 500), _long(1, 500), _long(2, 500)), ranks=None),
    "run.1": rank(1, (_long(1, 500), _long(2, 700)), began=BEGAN, ahead=200, ranks=None, first=1),
}
#: One report of two processes, a collective of each name, and no steps.
TOGETHER = {
    "both": Recording()
    .work(kernel("gemm", 0, 40), kernel(SUM, 50, 100), kernel("ncclDevKernel_AllGather", 200, 260))
    .work(
        kernel("gemm", 0, 60, device=1),
        kernel(SUM, 70, 100, device=1),
        kernel("ncclDevKernel_AllGather", 180, 260, device=1),
        pid=2,
    )
}
#: What lacks something: a trace of the tag by UTC alone, one without UTC, one without GPU work, a rank given twice.
LACKING = {
    "first": Recording(job="eval", rank="0").session(utc_ns=UTC).work(kernel("gemm", 0, 10)),
    "by utc": Recording(job="eval", rank="1").session(utc_ns=UTC + 70).work(kernel("gemm", 5, 10)),
    "no utc": Recording(job="eval", rank="1").work(kernel("gemm", 7, 9)),
    "idle": Recording(job="eval", rank="x").session(utc_ns=UTC + 80).call("cudaMalloc_v3020", 0, 5),
    "alone": Recording().session(utc_ns=UTC + 90).work(kernel("gemm", 3, 4)),
}

#: Ranks of which one was recorded without CUDA, and one without work on a GPU.
UNRECORDED = {
    "all": Recording(job="part", rank="0").session(utc_ns=UTC).work(kernel(SUM, 0, 10)),
    "host": Recording(job="part", rank="1").session(utc_ns=UTC + 70).range("step", 0, 5),
    "none": Recording(job="part", rank="2").session(utc_ns=UTC + 80).call("cudaMalloc_v3020", 0, 5),
}


def _drifting(by: int) -> Recording:
    made = Recording(job="slow").session(utc_ns=UTC + by)
    for second in range(3):
        at = second * 1_000_000_000
        made.work(kernel(SUM, at + 1_000, at + 2_000 + 20 * by * second))
    return made


#: Two reports, the second one 1 ns later; its sums at 0, 1 and 2 s end by 0, 20 and 40 ns later.
DRIFTING = {"steady": _drifting(0), "drifting": _drifting(1)}


def _of_grid(number: int, first: int) -> Recording:
    made = Recording(job="grid", rank=str(number)).session(utc_ns=UTC + number)
    row, column = divmod(number, 2)
    for step in range(first, 3):
        at = (step + 1) * _MS - number
        made.range(f"step {step}", at - 500, at - 400)
        made.call(LAUNCH, at - 490, at - 480, kernel("gemm", at, at + 500))
        # Two sums with the other one of the row, and one with that of the column.
        for place, communicator in enumerate((0xA0 + row, 0xA0 + row, 0xB0 + column), start=1):
            one = kernel(SUM, at + 1_000 * place + 10 * number, at + 1_000 * place + 500)
            called = at - 480 + 20 * place
            made.nccl("ncclAllReduce", called, called + 10, one, communicator=communicator, size=8)
    return made


#: Two rows of two ranks; the reports of the second row begin with step 1, and it shares most sums with itself.
GRID = {f"r{number}": _of_grid(number, number // 2) for number in range(4)}


def _gathered() -> Recording:
    made = Recording()
    for device in (0, 1):
        pid, told = device + 1, {"communicator": 0xB}
        for number, (function, size) in enumerate(
            (("ncclAllGather", 500), ("ncclReduceScatter", 250), ("ncclReduce", 800))
        ):
            at = 1_000 * (number + 1)
            one = kernel(f"ncclDevKernel_{function[4:]}", at + 10 * device, at + 110, device=device)
            made.nccl(function, at, at + 5, one, size=size, pid=pid, **told)
        made.nccl("ncclGroupStart", 5_000, 5_001, pid=pid)
        for place, function in enumerate(("ncclSend", "ncclRecv")):
            at = 5_010 + 10 * place
            made.nccl(function, at, at + 5, size=300, peer=1 - device, pid=pid, **told)
        one = kernel("ncclDevKernel_SendRecv", 5_100 + 10 * device, 5_210, device=device)
        made.nccl("ncclGroupEnd", 5_030, 5_040, one, pid=pid)
    return made


#: Two processes that gather, scatter, reduce to one, and send to each other; each takes 100 ns with both there.
GATHERED = {"both": _gathered()}
#: The second process runs a whole graph, whose kernels nobody knows.
HIDDEN = {
    "both": Recording()
    .work(kernel("gemm", 0, 40), kernel("gemm", 50, 80))
    .work(kernel("gemm", 0, 10, device=1), graph(20, 60, device=1), pid=2)
    .work(graph(0, 60, device=2), pid=3)
}
#: A process alone, whose sum runs beside a gemm.
BESIDE = {
    "alone": Recording()
    .range("step 0", 100, 110)
    .call(LAUNCH, 101, 102, kernel("gemm", 500, 540))
    .call(LAUNCH, 103, 104, kernel(SUM, 520, 570, stream=9))
    .range("step 1", 120, 130)
    .call(LAUNCH, 121, 122, kernel("gemm", 600, 610))
}
