"""Cases of memory_use: allocations and releases of processes, by GPU and kind of memory."""

from __future__ import annotations

from made.case import Case, across
from made.nsys import Recording

LACKS = "memory that was allocated before the recording, except what is released in it"

# The same address again, on another GPU and in another process; memory of a module; memory of the host.
SEVERAL = (
    Recording()
    .gpu(0, "H100", cuda=0, totalMemory=1000)
    .allocated(0, 40, 4096, memory="Device Static", variable="table", context=0)
    .allocated(10, 100, 8192)
    .allocated(20, 30, 9000, memory="Array")
    .allocated(30, 100, 8192, released=True)
    .allocated(40, 60, 8192)
    .allocated(50, 70, 16, device=1)
    .allocated(60, 7, 8192, memory="Pinned", pid=2)
)
# Releases of what was allocated before.
BEFORE = (
    Recording()
    .allocated(10, 50, 64, released=True)
    .allocated(20, 20, 64)
    .allocated(30, 8, 128, released=True)
)
# 100 is not seen to be released, nor is 20: in use are 100, 20, 70, 50, 50.
REPLACED = (
    Recording()
    .allocated(10, 100, 64)
    .allocated(20, 20, 64)
    .allocated(30, 50, 128)
    .allocated(40, 20, 64, released=True)
    .allocated(50, 50, 128)
)
# Two threads' events at one address: the first one was released before the second was allocated, and told later.
CROSSED = (
    Recording()
    .allocated(10, 100, 64)
    .allocated(20, 50, 64)
    .allocated(30, 100, 64, released=True)
    .allocated(40, 50, 64, released=True)
)

CASES = [
    Case(
        "kinds apart and together, addresses used again, memory of modules on no GPU that is told",
        traces={"a": SEVERAL},
        expected=across(
            """
            trace  pid  gpu_id  memory_kind    allocations  releases  allocated_bytes  max_bytes  peak_bytes  peak_ns  peak_pct  end_bytes  lacks
            a      1    0       GPU memory     3            1         190              100        130         20       13        90         NULL
            a      1    0       Device         2            1         160              100        100         10       10        60         NULL
            a      1    0       Array          1            0         30               30         30          20       3         30         NULL
            a      1    1       GPU memory     1            0         70               70         70          50       NULL      70         NULL
            a      1    1       Device         1            0         70               70         70          50       NULL      70         NULL
            a      1    NULL    Device Static  1            0         40               40         40          0        NULL      40         NULL
            a      2    0       Pinned         1            0         7                7          7           60       NULL      7          NULL
            """
        ),
    ),
    Case(
        "what was released without an allocation was in use from the start",
        traces={"a": BEFORE},
        expected=across(
            f"""
            trace  pid  gpu_id  memory_kind  allocations  releases  allocated_bytes  max_bytes  peak_bytes  peak_ns  peak_pct  end_bytes  lacks
            a      1    0       GPU memory   1            2         20               20         58          0        NULL      20         {LACKS}
            a      1    0       Device       1            2         20               20         58          0        NULL      20         {LACKS}
            """
        ),
    ),
    Case(
        "what is allocated where something is alive takes its place",
        traces={"a": REPLACED},
        expected=across(
            """
            trace  pid  gpu_id  memory_kind  allocations  releases  allocated_bytes  max_bytes  peak_bytes  peak_ns  peak_pct  end_bytes  lacks
            a      1    0       GPU memory   4            1         220              100        100         10       NULL      50         when 2 of them were released: until another one is allocated there
            a      1    0       Device       4            1         220              100        100         10       NULL      50         when 2 of them were released: until another one is allocated there
            """
        ),
    ),
    Case(
        "what is allocated nobody knows where takes no place",
        traces={"a": Recording().allocated(10, 100, None).allocated(20, 50, None)},
        expected=across(
            """
            trace  pid  gpu_id  memory_kind  allocations  releases  allocated_bytes  max_bytes  peak_bytes  peak_ns  peak_pct  end_bytes  lacks
            a      1    0       GPU memory   2            0         150              100        150         20       NULL      150        NULL
            a      1    0       Device       2            0         150              100        150         20       NULL      150        NULL
            """
        ),
    ),
    Case(
        "a release takes away what is alive at its address, whatever size it tells",
        traces={"a": CROSSED, "b": Recording().allocated(10, 50, 64).allocated(20, 100, 64, released=True)},
        expected=across(
            """
            trace  pid  gpu_id  memory_kind  allocations  releases  allocated_bytes  max_bytes  peak_bytes  peak_ns  peak_pct  end_bytes  lacks
            a      1    0       GPU memory   2            2         150              100        100         10       NULL      0          when 1 of them was released: until another one is allocated there; when 1 of them was allocated: since another one was released there
            a      1    0       Device       2            2         150              100        100         10       NULL      0          when 1 of them was released: until another one is allocated there; when 1 of them was allocated: since another one was released there
            b      1    0       GPU memory   1            1         50               50         50          10       NULL      0          NULL
            b      1    0       Device       1            1         50               50         50          10       NULL      0          NULL
            """
        ),
    ),
    Case(
        "no two that are released one after the other at one address were there from the start",
        traces={
            "a": Recording()
            .allocated(10, 50, 64, released=True)
            .allocated(20, 30, 64, released=True)
            .allocated(30, 20, 64, released=True)
        },
        expected=across(
            f"""
            trace  pid  gpu_id  memory_kind  allocations  releases  allocated_bytes  max_bytes  peak_bytes  peak_ns  peak_pct  end_bytes  lacks
            a      1    0       GPU memory   0            3         0                NULL       50          0        NULL      0          {LACKS}; when 2 of them were allocated: since another one was released there
            a      1    0       Device       0            3         0                NULL       50          0        NULL      0          {LACKS}; when 2 of them were allocated: since another one was released there
            """
        ),
    ),
    Case(
        "without an address, what is allocated after a release of its size is what the next one releases",
        traces={
            "a": Recording()
            .allocated(10, 100, None, released=True)
            .allocated(20, 100, None)
            .allocated(30, 100, None, released=True)
        },
        expected=across(
            f"""
            trace  pid  gpu_id  memory_kind  allocations  releases  allocated_bytes  max_bytes  peak_bytes  peak_ns  peak_pct  end_bytes  lacks
            a      1    0       GPU memory   1            2         100              100        100         0        NULL      0          {LACKS}
            a      1    0       Device       1            2         100              100        100         0        NULL      0          {LACKS}
            """
        ),
    ),
    Case(
        "without an address, what is released is told by its size",
        traces={
            "a": Recording()
            .allocated(10, 100, None)
            .allocated(20, 50, None)
            .allocated(30, 100, None, released=True)
            .allocated(40, 70, None, released=True)
            .allocated(50, 100, None)
        },
        expected=across(
            f"""
            trace  pid  gpu_id  memory_kind  allocations  releases  allocated_bytes  max_bytes  peak_bytes  peak_ns  peak_pct  end_bytes  lacks
            a      1    0       GPU memory   3            2         250              100        220         20       NULL      150        {LACKS}
            a      1    0       Device       3            2         250              100        220         20       NULL      150        {LACKS}
            """
        ),
    ),
]
