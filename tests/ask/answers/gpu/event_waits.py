from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording, kernel, record, sync

HEAD = (
    "trace  pid  gpu_id  waiting  waiting_stream  recording_stream  event_id  function  range  record_ns  wait_ns  completed_ns"
    "  ready_ns  held_ns  released_to  next_start_ns  release_delay_ns  sync_id"
)

# Stream 7 works until 60 and records; stream 8, which works until 40, waits for it and goes on at 65.
HANDED = (
    Recording()
    .range("step", 0, 30)
    .call("cudaLaunchKernel", 0, 2, kernel("a", 10, 60))
    .call("cudaLaunchKernel", 3, 4, kernel("b", 20, 40, stream=8))
    .call("cudaEventRecord", 5, 6, record(1, number=1))
    .call("cudaStreamWaitEvent", 7, 8, sync("Stream wait sync", 7, 8, event=1, number=1, stream=8))
    .call("cudaLaunchKernel", 9, 11, kernel("c", 65, 80, stream=8))
    .call("cudaEventSynchronize", 32, 70, sync("Event sync", 33, 69, event=1, number=1))
)

CASES = [
    Case(
        "a stream is held up from when it has done its own work until the other one has come to the record",
        traces={"a": HANDED},
        expected=across(
            f"""
            {HEAD}
            a      1    0       host     NULL            7                 1         cudaEventSynchronize  NULL  5  32  60  33  36  NULL  NULL  NULL  2
            a      1    0       stream   8               7                 1         cudaStreamWaitEvent   step  5  7   60  40  20  c     65    5     1
            """
        ),
    ),
    Case(
        "before nsys 2025 a wait is for the last record of its event; of one that is not in the report nothing is known",
        traces={
            "a": Recording()
            .call("cudaStreamWaitEvent", 0, 1, sync("Stream wait sync", 0, 1, event=3, stream=8))
            .call("cudaEventRecord", 2, 3, record(3))
            .call("cudaLaunchKernel", 4, 5, kernel("a", 10, 60))
            .call("cudaEventRecord", 5, 6, record(3))
            .call("cudaStreamWaitEvent", 7, 8, sync("Stream wait sync", 7, 8, event=3, stream=8))
            .call("cudaEventRecord", 9, 10, record(3))
        },
        expected=across(
            f"""
            {HEAD}
            a      1    0       stream   8               7                 3         cudaStreamWaitEvent  NULL  5     7  60    7  53    NULL  NULL  NULL  2
            a      1    0       stream   8               NULL              3         cudaStreamWaitEvent  NULL  NULL  0  NULL  0  NULL  NULL  NULL  NULL  1
            """
        ),
    ),
    Case(
        "where the GPU's own time of the record is told, it counts; only the longest waits are listed",
        traces={
            "a": Recording()
            .call("cudaLaunchKernel", 0, 1, kernel("a", 10, 60))
            .call("cudaEventRecord", 2, 3, record(3, number=1, completed=61))
            .call("cudaStreamWaitEvent", 4, 5, sync("Stream wait sync", 4, 5, event=3, number=1, stream=8))
            .call("cudaEventRecord", 70, 71, record(4, number=2))
            .call(
                "cudaStreamWaitEvent", 72, 73, sync("Stream wait sync", 72, 73, event=4, number=2, stream=8)
            )
        },
        params={"limit": 1},
        expected=across(
            f"""
            {HEAD}
            a      1    0       stream   8               7                 3         cudaStreamWaitEvent  NULL  2  4  61  4  57  NULL  NULL  NULL  1
            """
        ),
    ),
    Case(
        "what was given before a window counts in it, as far as it runs there",
        traces={
            "a": Recording()
            .call("cudaLaunchKernel", 0, 5, kernel("a", 10, 80))
            .call("cudaEventRecord", 45, 46, record(1))
            .call("cudaStreamWaitEvent", 50, 52, sync("Stream wait sync", 50, 51, event=1, stream=8))
            .call("cudaLaunchKernel", 55, 58, kernel("b", 85, 90, stream=8))
        },
        params={"from": 40, "to": 100},
        expected=across(
            f"""
            {HEAD}
            a      1    0       stream   8               7                 1         cudaStreamWaitEvent  NULL  45  50  80  50  30  b  85  5  1
            """
        ),
    ),
    Case(
        "and what a call gave that was not recorded",
        traces={
            "a": Recording()
            .work(kernel("a", 10, 80))
            .work(kernel("b", 10, 60, stream=8))
            .call("cudaEventRecord", 45, 46, record(1))
            .call("cudaStreamWaitEvent", 50, 52, sync("Stream wait sync", 50, 51, event=1, stream=8))
            .work(kernel("c", 85, 90, stream=8))
        },
        expected=across(
            f"""
            {HEAD}
            a      1    0       stream   8               7                 1         cudaStreamWaitEvent  NULL  45  50  80  60  20  c  85  5  1
            """
        ),
    ),
]
