"""Raw tables as they arrive from the process that decodes: in memory while they are small, else in files.

Files are mapped: a table of them can be used as any other, and what has been read of it need not stay in
memory, as `Arriving.letting_go` sees to.
"""

from __future__ import annotations

import contextlib
import mmap
import threading
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

# Of all tables together, from which on they go into files.
_IN_MEMORY_BYTES: Final = 32 << 20
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
        self._pieces: dict[str, list[pa.Buffer]] = {}
        # Of each table in a file: where its pieces end.
        self._ends: dict[str, list[int]] = {}
        self._mapped: list[mmap.mmap] = []

    def add(self, name: str, piece: pa.Buffer) -> None:
        """Put rows behind those that a table has: an Arrow stream.

        Raises:
            OSError: there is no room for a file.
        """
        self._pieces.setdefault(name, []).append(piece)
        self.size_bytes += piece.size
        if self._make_folder is not None and self.size_bytes > _IN_MEMORY_BYTES:
            self._folder = self._folder or self._make_folder()
            self._write()

    def _write(self) -> None:
        for name, pieces in self._pieces.items():
            ends = self._ends.setdefault(name, [0])
            with self._place(name).open("ab") as file:
                for piece in pieces:
                    file.write(piece)
                    ends.append(ends[-1] + piece.size)
        self._pieces.clear()

    def _place(self, name: str) -> Path:
        assert self._folder is not None
        # The name of a table is a stranger's text.
        return self._folder / f"{list(self._ends).index(name)}.arrows"

    def tables(self) -> dict[str, pa.Table]:
        """All tables; those in files are of use as long as the folder is there."""
        import pyarrow as pa

        found: dict[str, list[pa.Buffer]] = {**self._pieces}
        for name, ends in self._ends.items():
            with self._place(name).open("rb") as file:
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._mapped.append(content)
            whole = pa.py_buffer(content)
            found[name] = [whole.slice(start, end - start) for start, end in pairwise(ends)]
        read, of_bytes = {}, 0
        for name, pieces in found.items():
            rows = []
            for piece in pieces:
                # Its heads alone are read, but what lies around them is mapped, too.
                rows.append(pa.ipc.open_stream(piece).read_all())
                of_bytes += piece.size
                if of_bytes > _IN_MEMORY_BYTES:
                    self._let_go()
                    of_bytes = 0
            read[name] = pa.concat_tables(rows)
        self._let_go()
        return read

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
