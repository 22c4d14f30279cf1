"""How the process of a command ends: in order, or at once.

What was interrupted ends at once. In order, Python would wait for what the database still computes, and give
back piece by piece what nobody needs any more. Even so the system holds on to a process until it has freed
its memory, half a second for a gigabyte in small pages: whoever waits for the command waits for that.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Final, NoReturn

from traceql.statuses import INTERRUPTED, TERMINATED, TIMED_OUT
from traceql.store import interrupts

# Memory that is freed in no time.
_LITTLE_BYTES: Final = 200_000_000
# From <sched.h>: who is begun shares the memory.
_CLONE_VM: Final = 0x100
# Until nothing is left of this process but that.
_MICROSECONDS: Final = 200_000
_STACK_BYTES: Final = 1 << 16
# Which is there as long as the memory is.
_stacks: list[object] = []


def with_status(status: int) -> NoReturn:
    """End this process."""
    if status not in (TIMED_OUT, INTERRUPTED, TERMINATED) and not interrupts.left_behind():
        sys.exit(status)
    from traceql.read import temporary

    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.flush()
    temporary.remove_all()
    if _peak_bytes() > _LITTLE_BYTES:
        _hand_memory_over()
    os._exit(status)


def _peak_bytes() -> int:
    """The most memory that this process has had; 0 where the system does not say it in bytes."""
    if sys.platform != "linux":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _hand_memory_over() -> None:
    """Let somebody else have this process's memory for a moment, who then frees it.

    The system frees the memory of a process with the last one that has it. So a process that shares it, and
    does nothing but sleep, ends after this one. If there can be none, the end takes as long as it does.
    """
    import ctypes

    stack = ctypes.create_string_buffer(_STACK_BYTES)
    with contextlib.suppress(OSError, AttributeError):
        # Who reads from this process would wait for the other one.
        for stream in (0, 1, 2):
            with contextlib.suppress(OSError):
                os.close(stream)
        libc = ctypes.CDLL(None)
        top = (ctypes.addressof(stack) + _STACK_BYTES) & ~15
        libc.clone.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        libc.clone(ctypes.cast(libc.usleep, ctypes.c_void_p), top, _CLONE_VM, _MICROSECONDS)
        _stacks.append(stack)
