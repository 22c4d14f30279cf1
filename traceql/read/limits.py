"""What decoding a report may take: memory, and time without progress."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY_UNITS: Final = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", re.ASCII | re.IGNORECASE)

# Of the machine's memory: the database, which takes the rows, needs some, too.
_SHARE: Final = 1 / 2
# Whatever the machine has: reports at hand need 7 times their size.
_LEAST_BYTES: Final = 1 << 30
_LEAST_RATIO: Final = 16

# What Python and the libraries need before there is anything to read.
_OWN_BYTES: Final = 120_000_000
# Threads of the libraries, each of which takes memory.
_THREADS: Final = 4
# No step of a report that can be read takes a tenth of this.
_IDLE_S: Final = 60
_BYTES_PER_IDLE_S: Final = 1_000_000

#: More has nobody, nor does the system take a larger number.
MOST_BYTES: Final = 1 << 63
_CGROUPS: Final = Path("/sys/fs/cgroup")
_OWN_CGROUPS: Final = Path("/proc/self/cgroup")


@dataclass(frozen=True)
class Limits:
    """What decoding one report may take, in all its processes together.

    Attributes:
        memory_bytes: more is refused, on Linux; None where nothing is known of the machine.
        idle_s: seconds without any progress after which it is ended.
    """

    memory_bytes: int | None
    idle_s: float


def limits(size_bytes: int, *, memory_bytes: int | None = None, at_a_time: int = 1) -> Limits:
    """The limits of a report.

    Args:
        size_bytes: of the report, unpacked.
        memory_bytes: what the user allows; by default half of the memory that this machine (or container)
            has, shared by the reports decoded at a time, but at least 1 GiB and 16 times the report's size.
        at_a_time: reports that are decoded side by side.
    """
    if memory_bytes is None and (there := machine_bytes()) is not None:
        memory_bytes = sensible_bytes(int(there * _SHARE) // at_a_time, size_bytes)
    return Limits(memory_bytes, _IDLE_S + size_bytes / _BYTES_PER_IDLE_S)


def sensible_bytes(memory_bytes: int, size_bytes: int) -> int:
    """So much memory for a report, but no less than what every report of its size should do with."""
    return max(memory_bytes, _LEAST_BYTES, _LEAST_RATIO * size_bytes)


def enforce(memory_bytes: int | None) -> None:
    """Have the system refuse this process more memory: data that is written, not what is set aside."""
    if memory_bytes is None or sys.platform != "linux":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = memory_bytes + _OWN_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (min(wanted, hard) if hard >= 0 else wanted, hard))


@contextlib.contextmanager
def shared(processes: int) -> Iterator[None]:
    """Until the end of the block, what `enforce` allows is for so many processes together."""
    if sys.platform != "linux":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if soft >= 0:
        resource.setrlimit(resource.RLIMIT_DATA, ((soft - _OWN_BYTES) // processes + _OWN_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def ran_out(error: BaseException | None) -> bool:
    """Whether an error, or one that it was made of, says that there is no memory."""
    while error is not None:
        if isinstance(error, MemoryError) or "can't start new thread" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def set_nothing_aside() -> None:
    """Before libraries are imported: what they set aside for speed and many processors counts as memory."""
    threads = str(min(_THREADS, os.cpu_count() or 1))
    os.environ |= {
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": "1",
    }


def machine_bytes() -> int | None:
    """The memory of this machine, or of the container if that is less; None where the system does not say."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
    return min([physical, *_of_cgroups()])


def _of_cgroups() -> list[int]:
    """The limits of the control groups that this process is in, from the innermost one outwards."""
    try:
        lines = _OWN_CGROUPS.read_text("utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root = _CGROUPS / controllers
        name = "memory.limit_in_bytes" if controllers else "memory.max"
        group = root / place.lstrip("/")
        # In a container the path may be one of the host's, which is not there; the root then is its own.
        for folder in (group, *group.parents):
            if folder.is_relative_to(root):
                try:
                    text = (folder / name).read_text("utf-8").strip()
                except OSError:
                    continue
                # "max" is none.
                found += [int(text)] if text.isdigit() else []
    return found


def bytes_of(text: str) -> int:
    """The number of bytes that a size means.

    Raises:
        ValueError: it means none.

    >>> bytes_of("8GB"), bytes_of("512 MiB"), bytes_of("1.5g"), bytes_of("4096")
    (8000000000, 536870912, 1500000000, 4096)
    """
    found = _SIZE.fullmatch(text)
    if found is None or (found[3] and not found[2]):
        raise ValueError(f"not a size: {text!r}; write it as 8GB, 512MB or 4GiB")
    unit = (_BINARY_UNITS if found[3] else _UNITS)[found[2].lower()]
    size = float(found[1]) * unit
    if size < 1:
        raise ValueError(f"not a size: {text!r}; it must be more than 0")
    if size >= MOST_BYTES:
        raise ValueError(f"not a size: {text!r}; no machine has so much")
    return int(size)


def sized(size_bytes: float) -> str:
    """A number of bytes for people, as `bytes_of` reads it.

    >>> sized(8_000_000_000), sized(536_870_912), sized(1_234), sized(7)
    ('8 GB', '537 MB', '1.2 kB', '7 B')
    """
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size_bytes >= factor:
            number = size_bytes / factor
            return (
                f"{number:.1f}".removesuffix(".0") + f" {unit}" if number < 100 else f"{number:,.0f} {unit}"
            )
    return f"{size_bytes:.0f} B"
