"""Waits for events, counted from plain rows: what a host thread asks of streams, call by call.

Random recordings have few streams and events at small times, so that records come to a stream with work, without any
and after all of it, one event is recorded again before its wait, and some waits are for what nobody recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from made.nsys import TWIN, Recording, copy, kernel, record, sync

if TYPE_CHECKING:
    from random import Random

    from oracle.arithmetic import Row

STREAMS, EVENTS, PROCESSES = (7, 8, 9), (1, 2, 3), ((1,), (1, 2), (1, TWIN))


@dataclass(frozen=True)
class Work:
    """What a call gave to a stream: when it was called, and when that ran."""

    called: int
    stream: int
    name: str
    start: int
    end: int


@dataclass(frozen=True)
class Record:
    """A record of an event in a stream, its number, and when it was completed, if that was told."""

    called: int
    stream: int
    event: int
    number: int
    completed: int | None


@dataclass(frozen=True)
class Wait:
    """A wait for an event: of a stream, or of the host from start to end; the number of the record is 0 for none."""

    called: int
    stream: int | None
    event: int
    number: int
    start: int
    end: int
    text: str | None


@dataclass
class Host:
    """What the thread of a process asked for, in its order."""

    process: int
    work: list[Work] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    ranges: list[tuple[int, int, str]] = field(default_factory=list)


def drawn(random: Random, *, is_told: bool) -> list[Host]:
    """Processes whose calls follow each other; `is_told`: whether records say when they were completed."""
    return [_host(random, process, is_told) for process in random.choice(PROCESSES)]


def _host(random: Random, process: int, is_told: bool) -> Host:
    made, at, number = Host(process), random.randint(0, 5), 0
    last: dict[int, int] = {}
    for _ in range(random.randint(6, 26)):
        end, stream, event = at + random.randint(1, 4), random.choice(STREAMS), random.choice(EVENTS)
        what = random.choice(("work", "work", "work", "record", "wait", "wait", "host"))
        if what in ("wait", "host"):
            end += random.choice((0, 0, 9))
        text = random.choice((None, None, "step", "attn"))
        if text is not None:
            made.ranges.append((at, end + 1, text))
        if what == "work":
            start = at + random.randint(0, 20)
            name = random.choice(("gemm", "spin", "[CUDA memcpy Host-to-Device]"))
            made.work.append(Work(at, stream, name, start, start + random.randint(1, 30)))
        elif what == "record":
            number += 1
            last[event] = number
            completed = at + random.randint(1, 40) if is_told else None
            made.records.append(Record(at, stream, event, number, completed))
        else:
            of = stream if what == "wait" else None
            # The wait itself begins a little after its call.
            made.waits.append(Wait(at, of, event, last.get(event, 0), min(at + 1, end), end, text))
        at = end + random.randint(2, 6)
    return made


def recording(hosts: list[Host], *, is_numbered: bool) -> Recording:
    """Them as a report; `is_numbered`: whether waits name the record by its number, as from nsys 2025 on."""
    made = Recording()
    for host in hosts:
        at = {"pid": host.process}
        for start, end, text in host.ranges:
            made.range(text, start, end, **at)
        calls: list[Work | Record | Wait] = [*host.work, *host.records, *host.waits]
        for one in sorted(calls, key=lambda one: one.called):
            number = getattr(one, "number", 0) if is_numbered else None
            if isinstance(one, Work) and one.name.startswith("["):
                moved = copy("Host-to-Device", one.start, one.end, 64, stream=one.stream)
                made.call("cudaMemcpyAsync", one.called, one.called + 1, moved, **at)
            elif isinstance(one, Work):
                ran = kernel(one.name, one.start, one.end, stream=one.stream)
                made.call("cudaLaunchKernel", one.called, one.called + 1, ran, **at)
            elif isinstance(one, Record):
                told = record(one.event, number=number, completed=one.completed or 0, stream=one.stream)
                made.call("cudaEventRecord", one.called, one.called + 1, told, **at)
            else:
                place = {} if one.stream is None else {"stream": one.stream}
                kind, function = (
                    ("Event sync", "cudaEventSynchronize")
                    if one.stream is None
                    else ("Stream wait sync", "cudaStreamWaitEvent")
                )
                waits = sync(kind, one.start, one.end, event=one.event, number=number, **place)
                made.call(function, one.called, one.end, waits, **at)
    return made


def waits(hosts: list[Host]) -> list[Row]:
    """The answer of the question event_waits, but for the trace's name; rows in the order of the recording."""
    return [_row(host, one) for host in hosts for one in host.waits]


def _row(host: Host, wait: Wait) -> Row:
    found = next((one for one in host.records if one.number == wait.number), None)
    completed = None
    if found is not None:
        # As far as the stream has come that was asked to record: all that it was given before is done.
        before = [one.end for one in host.work if one.stream == found.stream and one.called <= found.called]
        completed = found.completed or max([found.called, *before])
    own = [one for one in host.work if one.stream == wait.stream]
    following = min(
        (one for one in own if one.called > wait.called), key=lambda one: one.called, default=None
    )
    if wait.stream is None:
        ready, held = wait.start, wait.end - wait.start
    else:
        ready = max([wait.called, *(one.end for one in own if one.called < wait.called)])
        held = None if completed is None else max(completed - ready, 0)
    released = completed is not None and following is not None
    return {
        "pid": host.process & 0xFFFFFF,
        "gpu_id": 0,
        "waiting": "host" if wait.stream is None else "stream",
        "waiting_stream": wait.stream,
        "recording_stream": found and found.stream,
        "event_id": wait.event,
        "function": "cudaEventSynchronize" if wait.stream is None else "cudaStreamWaitEvent",
        "range": wait.text,
        "record_ns": found and found.called,
        "wait_ns": wait.called,
        "completed_ns": completed,
        "ready_ns": ready,
        "held_ns": held,
        "released_to": following and following.name,
        "next_start_ns": following and following.start,
        "release_delay_ns": following.start - max(ready, completed) if released else None,
    }
