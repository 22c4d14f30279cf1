"""One collector at a time works in a folder."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from traceql.errors import CollectError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = ".collector.lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder; it is given back when this process ends, however it ends. Windows knows no such lock.

    Raises:
        CollectError: another collector holds it.
    """
    with (folder / NAME).open("a+", encoding="utf-8") as file:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read(20).strip() or "another"
                raise CollectError(
                    f"{folder}: a collector works in it already (process {holder})",
                    "Wait for it, or choose another --out.",
                ) from None
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
        yield
