"""Random jobs of several ranks on one clock, and what questions about jobs answer, counted from the events alone.

Ranks compute, come to collectives, wait for the last one and leave together; then they go on. Some work runs beside
a collective. A job is written into one report per rank, or several ranks into one, each with a clock of its own.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from made.nsys import TWIN, Recording, kernel

from oracle.arithmetic import Row, grouped, mean, per_second, percent

if TYPE_CHECKING:
    import random

_US = 1_000
UTC = 1_700_000_000_000_000_000
#: Name of a kernel that communicates, by the function of NCCL.
_KERNELS = {"ncclAllReduce": "ncclDevKernel_AllReduce", "ncclAllGather": "ncclDevKernel_AllGather"}
_FACTORS = {"ncclAllReduce": 2, "ncclAllGather": 1}


@dataclass(frozen=True)
class Done:
    """Something that a rank's GPU did, on the job's clock; `launched` on the CPU."""

    rank: int
    step: int
    name: str
    start: int
    end: int
    launched: int
    collective: int | None = None


@dataclass(frozen=True)
class Collective:
    """What ranks did together."""

    number: int
    function: str
    communicator: int
    size: int
    runs: dict[int, Done]

    @property
    def first(self) -> Done:
        return min(self.runs.values(), key=lambda run: run.start)

    @property
    def last(self) -> Done:
        return max(self.runs.values(), key=lambda run: run.start)

    @property
    def end(self) -> int:
        return next(iter(self.runs.values())).end


@dataclass(frozen=True)
class Job:
    """A job: what each rank did, and in which of its traces a rank is."""

    name: str
    ranks: int
    per_trace: int
    began: tuple[int, ...]
    ahead: tuple[int, ...]
    steps: int
    #: Whether processes of one trace have one pid, as in containers.
    twins: bool
    work: list[Done] = field(default_factory=list)
    collectives: list[Collective] = field(default_factory=list)

    def trace(self, rank: int) -> str:
        return f"{self.name}.{rank // self.per_trace}"

    def process(self, rank: int) -> int:
        """Its process in its trace."""
        number = rank % self.per_trace
        return TWIN if self.twins and number == 1 else number + 1

    def place(self, rank: int) -> tuple[int, int]:
        """Pid and GPU in its trace."""
        return self.process(rank) & 0xFFFFFF, rank % self.per_trace

    def done(self, rank: int) -> list[Done]:
        """All that the rank's GPU did, in order."""
        runs = [one.runs[rank] for one in self.collectives if rank in one.runs]
        return sorted([*(one for one in self.work if one.rank == rank), *runs], key=lambda one: one.start)

    def recordings(self) -> dict[str, Recording]:
        """The report of each trace."""
        found = {}
        for trace in range(self.ranks // self.per_trace):
            began = self.began[trace]
            made = Recording(job=self.name, nodes="1").session(utc_ns=UTC + began + self.ahead[trace])
            for rank in range(trace * self.per_trace, (trace + 1) * self.per_trace):
                pid, device = self.process(rank), self.place(rank)[1]
                for step in range(self.steps):
                    made.range(f"step {step}", _host(step) - began, _host(step + 1) - began - 1, pid=pid)
                for one in self.done(rank):
                    at = one.launched - began
                    ran = kernel(one.name, one.start - began, one.end - began, device=device)
                    if one.collective is None:
                        made.call("cudaLaunchKernel", at, at + 1, ran, pid=pid)
                        continue
                    told = self.collectives[one.collective]
                    made.nccl(
                        told.function,
                        at,
                        at + 1,
                        ran,
                        pid=pid,
                        communicator=told.communicator,
                        size=told.size,
                    )
            found[f"{self.name}.{trace}"] = made
        return found


def _host(step: int) -> int:
    """When a step begins on the CPU."""
    return 5_000 * _US + 20 * _US * step


def drawn(pick: random.Random, name: str) -> Job:
    """A random job of that name."""
    ranks, per_trace = pick.choice(((2, 1), (3, 1), (4, 1), (4, 2), (2, 2)))
    traces = ranks // per_trace
    job = Job(
        name,
        ranks,
        per_trace,
        tuple(0 if trace == 0 else pick.randrange(1, 4_000 * _US) for trace in range(traces)),
        tuple(0 if trace == 0 else pick.randrange(-900 * _US, 900 * _US) for trace in range(traces)),
        pick.choice((2, 3, 4)),
        pick.choice((False, True)),
    )
    now = [6_000 * _US + rank for rank in range(ranks)]
    launches = [itertools.count(1) for _ in range(ranks)]
    base = pick.randrange(1, 1 << 40) << 8

    def launched(rank: int, step: int) -> int:
        return _host(step) + 10 * next(launches[rank]) % 15_000 + pick.randrange(5)

    for step in range(job.steps):
        for place in range(pick.choice((1, 2, 3))):
            pair = ranks > 2 and place > 0 and pick.random() < 0.4
            members = (0, 1) if pair else tuple(range(ranks))
            for rank in members:
                for _ in range(pick.choice((0, 1, 2, 3)) + 1):
                    start = now[rank] + ranks * pick.randrange(1, 3_000)
                    end = start + ranks * pick.randrange(500, 30_000)
                    kind = pick.choice(("gemm", "gemm", "softmax"))
                    job.work.append(Done(rank, step, kind, start, end, launched(rank, step)))
                    now[rank] = end
            function = pick.choice(("ncclAllReduce", "ncclAllGather"))
            starts = {rank: now[rank] + ranks * pick.randrange(1, 5_000) for rank in members}
            end = max(starts.values()) + pick.randrange(4 * _US, 40 * _US)
            number = len(job.collectives)
            runs = {
                rank: Done(rank, step, _KERNELS[function], start, end, launched(rank, step), number)
                for rank, start in starts.items()
            }
            size = pick.choice((1 << 10, 1 << 20))
            job.collectives.append(Collective(number, function, base + pair, size, runs))
            for rank in members:
                if pick.random() < 0.3:
                    # Beside the collective, and maybe beyond its end.
                    start = starts[rank] + ranks * pick.randrange(1, 1_000)
                    length = ranks * pick.randrange(100, 20_000)
                    job.work.append(Done(rank, step, "norm", start, start + length, launched(rank, step)))
                # Numbers of ranks are the remainders of times: no two begin at the same moment.
                now[rank] = end + ranks - (end - rank) % ranks
    return job


# --- what questions answer ------------------------------------------------------------------------------


def _before(job: Job, run: Done) -> Done | None:
    """The collective of the rank that ended last before a run of one begins."""
    ended = [one for one in job.done(run.rank) if one.collective is not None and one.end <= run.start]
    return max(ended, key=lambda one: one.end, default=None)


def _own(job: Job, run: Done) -> list[Done]:
    """The work that a rank began since it began the collective before."""
    since = max(
        (one.start for one in job.done(run.rank) if one.collective is not None and one.start < run.start),
        default=0,
    )
    return [one for one in job.work if one.rank == run.rank and since < one.start < run.start]


def job_stragglers(job: Job) -> list[Row]:
    rows = []
    for one in job.collectives:
        first, last = one.first, one.last
        mine, theirs = (grouped(_own(job, run), lambda work: work.name) for run in (last, first))
        took = [
            {name: [min(w.end, run.start) - w.start for w in works] for name, works in side.items()}
            for side, run in ((mine, last), (theirs, first))
        ]
        more = slower = 0.0
        for name in took[0].keys() | took[1].keys():
            here, there = (side.get(name, []) for side in took)
            # As many as here, each as fast as there.
            expected = len(here) * sum(there) / len(there) if there else sum(here)
            more += expected - sum(there)
            slower += sum(here) - expected
        late, host = last.start - first.start, last.launched - first.launched
        rest = late - more - slower
        parts = {"more_work": more, "slower_kernels": slower}
        parts["host_late" if 2 * host >= rest else "waited"] = rest
        rows.append(
            {
                "job": job.name,
                "step": last.step,
                "range": f"step {last.step}",
                "kernel": last.name,
                "communicator": hex(one.communicator),
                "ranks": len(one.runs),
                "start_ns": first.start,
                "last_rank": last.rank,
                "last_trace": job.trace(last.rank),
                "first_rank": first.rank,
                "late_ns": late,
                "more_work_ns": more,
                "slower_ns": slower,
                "rest_ns": rest,
                "launched_late_ns": host,
                "cause": max(parts, key=lambda part: parts[part]),
            }
        )
    return rows


def _busy(job: Job, rank: int, start: int, end: int) -> int:
    """For how long a rank's GPU is at work between two moments."""
    busy, until = 0, start
    for one in job.done(rank):
        low, high = max(one.start, until), min(one.end, end)
        if low < high:
            busy += high - low
            until = high
    return busy


def job_critical_path(job: Job) -> list[Row]:
    rows = []
    for step in range(job.steps):
        final = max((one for one in job.collectives if one.last.step == step), key=lambda one: one.end)
        parts = []
        at: Collective | None = final
        while at is not None:
            last = at.last
            parts.append((last.rank, last.name, hex(at.communicator), last.start, at.end))
            before = _before(job, last)
            since = before.end if before else min(one.start for one in job.done(last.rank))
            if since < last.start:
                parts.append((last.rank, None, None, since, last.start))
            at = None
            if before is not None and before.collective is not None:
                earlier = job.collectives[before.collective]
                at = earlier if earlier.last.step == step else None
        whole = sum(end - start for *_, start, end in parts)
        for place, (rank, name, communicator, start, end) in enumerate(reversed(parts), start=1):
            rows.append(
                {
                    "job": job.name,
                    "step": step,
                    "place": place,
                    "rank": rank,
                    "trace": job.trace(rank),
                    "part": "collective" if name else "work",
                    "kernel": name,
                    "communicator": communicator,
                    "start_ns": start,
                    "duration_ns": end - start,
                    "busy_ns": _busy(job, rank, start, end),
                    "path_ns": whole,
                    "share_pct": percent(end - start, whole),
                }
            )
    return rows


def rank_steps(job: Job) -> list[Row]:
    rows = []
    for rank in range(job.ranks):
        done = job.done(rank)
        starts = {one.step: one.start for one in reversed(done)}
        last = max(one.end for one in done)
        for step, start in sorted(starts.items()):
            end = starts.get(step + 1, last)
            parts: dict[str, int] = defaultdict(int)
            moments = sorted(
                {start, end, *(t for one in done for t in (one.start, one.end) if start < t < end)}
            )
            for low, high in itertools.pairwise(moments):
                at_work = [one for one in done if one.start <= low and high <= one.end]
                communicates = any(one.collective is not None for one in at_work)
                computes = any(one.collective is None for one in at_work)
                state = "overlapped" if computes else "exposed"
                if not communicates:
                    state = "compute" if computes else "idle"
                parts[state] += high - low
            pid, gpu = job.place(rank)
            rows.append(
                {
                    "job": job.name,
                    "step": step,
                    "rank": rank,
                    "trace": job.trace(rank),
                    "pid": pid,
                    "gpu_id": gpu,
                    "range": f"step {step}",
                    "start_ns": start,
                    "span_ns": end - start,
                    **{f"{part}_ns": parts[part] for part in ("exposed", "overlapped", "compute", "idle")},
                    "memory_ns": 0,
                    "waited_ns": sum(
                        one.last.start - one.runs[rank].start
                        for one in job.collectives
                        if rank in one.runs and start <= one.runs[rank].start < end
                    ),
                    "exposed_pct": percent(parts["exposed"], end - start),
                }
            )
    return rows


def _between(job: Job, rank: int, since: int, until: int) -> list[tuple[str, int, int]]:
    """What a rank's GPU does between two collectives, as (state, start, end)."""
    found: list[tuple[str, int, int]] = []
    for start, end in sorted((max(one.start, since), min(one.end, until)) for one in job.done(rank)):
        if start >= end:
            continue
        free = found[-1][2] if found else since
        if start > free:
            found.append(("idle", free, start))
            found.append(("work", start, end))
        elif found:
            found[-1] = ("work", found[-1][1], max(free, end))
        else:
            found.append(("work", start, end))
    free = found[-1][2] if found else since
    return [*found, ("idle", free, until)]


def job_timeline(job: Job) -> list[Row]:
    rows = []
    for rank in range(job.ranks):
        since = job.done(rank)[0].start
        for one in job.collectives:
            if rank not in one.runs:
                continue
            run, last = one.runs[rank], one.last.start
            for state, start, end in (
                *_between(job, rank, since, run.start),
                ("waiting", run.start, last),
                ("exchange", last, run.end),
            ):
                if start < end:
                    rows.append(
                        {
                            "job": job.name,
                            "rank": rank,
                            "trace": job.trace(rank),
                            "state": state,
                            "kernel": run.name,
                            "communicator": hex(one.communicator),
                            "start_ns": start,
                            "duration_ns": end - start,
                        }
                    )
            since = run.end
    return rows


def collective_bandwidth(job: Job) -> list[Row]:
    rows = []
    alike = grouped(job.collectives, lambda one: (one.function, one.communicator, one.size, len(one.runs)))
    for (function, communicator, size, ranks), group in alike.items():
        took = [one.end - one.last.start for one in group]
        whole = size * (ranks if function == "ncclAllGather" else 1)
        factor = _FACTORS[function] * (ranks - 1) / ranks
        median = float(np.median(took))
        rows.append(
            {
                "job": job.name,
                "function": function,
                "communicator": hex(communicator),
                "message_bytes": size,
                "ranks": ranks,
                "at_least": True,
                "collectives": len(group),
                "size_bytes": whole,
                "min_ns": min(took),
                "median_ns": median,
                "max_ns": max(took),
                "algorithm_bytes_per_s": per_second(whole, median),
                "bus_bytes_per_s": (per_second(whole, median) or 0) * factor,
                "max_bus_bytes_per_s": (per_second(whole, min(took)) or 0) * factor,
            }
        )
    return rows


def slowest_ranks(job: Job) -> list[Row]:
    rows = []
    # The first collective is left out.
    first = min(job.collectives, key=lambda one: one.first.start)
    counted = [one for one in job.collectives if one is not first]
    for rank in range(job.ranks):
        mine = [one for one in counted if rank in one.runs]
        if not mine:
            continue
        waited = [one.last.start - one.runs[rank].start for one in mine]
        pid, gpu = job.place(rank)
        rows.append(
            {
                "job": job.name,
                "rank": rank,
                "trace": job.trace(rank),
                "pid": pid,
                "gpu_id": gpu,
                "collectives": len(mine),
                "times_last": sum(one.last.rank == rank for one in mine),
                "late_ns": sum(one.runs[rank].start - one.first.start for one in mine),
                "waited_ns": sum(waited),
                "avg_waited_ns": mean(waited),
                "exchange_ns": sum(one.end - one.last.start for one in mine),
            }
        )
    rows.sort(key=lambda row: (row["avg_waited_ns"], row["rank"]))
    return [{**row, "place": place} for place, row in enumerate(rows, start=1)]


def rank_balance(job: Job) -> list[Row]:
    amounts: dict[tuple[str, str | None, str], list[int]] = {}
    for rank in range(job.ranks):
        done = job.done(rank)
        totals = {
            "kernels": len(done),
            "compute_ns": sum(one.end - one.start for one in done if one.collective is None),
            "communication_ns": sum(one.end - one.start for one in done if one.collective is not None),
            **dict.fromkeys(("memory_ops", "memory_ns", "memory_bytes"), 0),
        }
        for measure, amount in totals.items():
            amounts.setdefault(("rank", None, measure), [0] * job.ranks)[rank] = amount
        for one in done:
            for measure, amount in (("instances", 1), ("total_ns", one.end - one.start)):
                amounts.setdefault(("kernel", one.name, measure), [0] * job.ranks)[rank] += amount
    rows = []
    for (topic, name, measure), values in amounts.items():
        average = mean(values) or 0
        rows.append(
            {
                "job": job.name,
                "topic": topic,
                "name": name,
                "measure": measure,
                "ranks": job.ranks,
                "least_rank": values.index(min(values)),
                "least": min(values),
                "avg": average,
                "most": max(values),
                "most_rank": values.index(max(values)),
                "imbalance_pct": percent(max(values) - average, average),
            }
        )
    return rows


ORACLES = {
    "job_stragglers": job_stragglers,
    "job_critical_path": job_critical_path,
    "rank_steps": rank_steps,
    "job_timeline": job_timeline,
    "collective_bandwidth": collective_bandwidth,
    "slowest_ranks": slowest_ranks,
    "rank_balance": rank_balance,
}
