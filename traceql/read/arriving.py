"""Raw tables as they arrive from the processes that decode: in memory while they are small, else in files.

Files are written by those processes, and mapped here: a table of them can be used as any other, and what has
been read of it need not stay in memory, as `Arriving.letting_go` sees to.
"""

from __future__ import annotations

import contextlib
import mmap
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

# Of all tables from a process together, from which on they go into a file.
_IN_MEMORY_BYTES: Final = 1 << 20
# Of files, read between two times that these are let go of.
_READ_BYTES: Final = 32 << 20
# Seconds after which pages that have been read are let go of.
_LET_GO_S: Final = 0.05


class Arriving:
    """The tables of a report, piece by piece.

    Args:
        folder: makes the folder for files, if any are needed; None for memory only.
    """

    def __init__(self, folder: Callable[[], Path] | None) -> None:
        self._make_folder = folder
        self._folder: Path | None = None
        #: Of all tables together.
        self.size_bytes = 0
        # Of each table, in order: pieces, or in which file they begin and end.
        self._pieces: dict[str, list[pa.Buffer | tuple[int, int, int]]] = {}
        self._mapped: list[mmap.mmap] = []

    @property
    def in_memory_bytes(self) -> int:
        """Of all tables from a process together, from which on they go into its file, if it has one."""
        return _IN_MEMORY_BYTES

    def file(self, number: int) -> Path | None:
        """The file for what comes from a process; None if all is to stay in memory."""
        if self._make_folder is None:
            return None
        self._folder = self._folder or self._make_folder()
        return self._folder / f"{number}.arrows"

    def add(self, name: str, piece: pa.Buffer) -> None:
        """Put rows behind those that a table has: an Arrow stream."""
        self._pieces.setdefault(name, []).append(piece)
        self.size_bytes += piece.size

    def add_from(self, number: int, begins: int, ends: int, name: str) -> None:
        """Put rows behind those that a table has: a stream in a file."""
        self._pieces.setdefault(name, []).append((number, begins, ends))
        self.size_bytes += ends - begins

    def tables(self) -> dict[str, pa.Table]:
        """All tables; those in files are of use as long as the folder is there."""
        import pyarrow as pa

        files: dict[int, pa.Buffer] = {}
        read, of_bytes = {}, 0
        for name, pieces in self._pieces.items():
            rows = []
            for piece in pieces:
                if isinstance(piece, tuple):
                    number, begins, ends = piece
                    if number not in files:
                        files[number] = self._whole(number)
                    content = files[number].slice(begins, ends - begins)
                else:
                    content = piece
                # Its heads alone are read, but what lies around them is mapped, too.
                rows.append(pa.ipc.open_stream(content).read_all())
                of_bytes += content.size
                if of_bytes > _READ_BYTES:
                    self._let_go()
                    of_bytes = 0
            read[name] = pa.concat_tables(rows)
        self._let_go()
        return read

    def _whole(self, number: int) -> pa.Buffer:
        import pyarrow as pa

        place = self.file(number)
        assert place is not None
        with place.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._mapped.append(content)
        return pa.py_buffer(content)

    def _let_go(self) -> None:
        """Pages that were read need not stay in memory."""
        for content in self._mapped:
            if hasattr(mmap, "MADV_DONTNEED"):
                content.madvise(mmap.MADV_DONTNEED)

    @contextlib.contextmanager
    def letting_go(self) -> Iterator[None]:
        """Until the end of the block, let go of pages that have been read."""
        if not self._mapped:
            yield
            return
        over = threading.Event()

        def look() -> None:
            while not over.wait(_LET_GO_S):
                self._let_go()

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
