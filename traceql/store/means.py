"""What the database engine may take for a change: threads, and memory before it uses the disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

# Of a report's rows as they are decoded; some 80 bytes an event. What is sorted and joined at a time.
_SHARE: Final = 1 / 4
_LEAST_BYTES: Final = 232 << 20
# Each thread that computes fills tables of its own.
_BYTES_PER_THREAD: Final = 64 << 20


@dataclass(frozen=True)
class Means:
    """What it may take; None for as much as there is.

    Attributes:
        threads: that compute.
        memory_bytes: more goes into files beside the database's, for the time being.
    """

    threads: int | None = None
    memory_bytes: int | None = None

    @property
    def config(self) -> dict[str, str | bool | int | float | list[str]]:
        """Settings of a connection."""
        found: dict[str, str | bool | int | float | list[str]] = {}
        if self.threads is not None:
            found["threads"] = self.threads
        if self.memory_bytes is not None:
            found["memory_limit"] = f"{self.memory_bytes}B"
        return found


#: As much as there is.
ALL: Final = Means()
#: For so little to compute that threads would wait for each other longer.
SMALL: Final = Means(threads=1)


def for_rows(decoded_bytes: int) -> Means:
    """For a report whose rows take so many bytes as they are decoded."""
    least = max(_LEAST_BYTES, _BYTES_PER_THREAD * (os.cpu_count() or 1))
    return Means(memory_bytes=least + int(_SHARE * decoded_bytes))
