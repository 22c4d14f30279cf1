"""Raw tables as they arrive from the processes that decode: in memory while they are small, else in files.

Files are written by those processes, and mapped here: a table of them can be used as any other, and what has
been read of it need not stay in memory, as `Arriving.letting_go` sees to. A table can be asked for while the
report is being decoded: whoever asks waits until no more of it comes, or for some rows at a time.
"""

from __future__ import annotations

import contextlib
import mmap
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from traceql.read.base import RawReport

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
        # Of each file, where what is mapped begins.
        self._files: dict[int, tuple[int, pa.Buffer]] = {}
        self._mapped: list[mmap.mmap] = []
        # Pieces that have been read, by one thread at a time: one stores while another is told the end.
        self._read: dict[str, list[pa.Table]] = {}
        self._reading = threading.Lock()
        self._changed = threading.Condition()
        self._whole: set[str] = set()
        self._named: Sequence[tuple[str, str]] | None = None
        self._report: RawReport | None = None
        self._error: BaseException | None = None

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

    # --- what comes -------------------------------------------------------------------------------------

    def add(self, name: str, piece: pa.Buffer) -> None:
        """Put rows behind those that a table has: an Arrow stream."""
        self._add(name, piece, piece.size)

    def add_from(self, number: int, begins: int, ends: int, name: str) -> None:
        """Put rows behind those that a table has: a stream in a file."""
        self._add(name, (number, begins, ends), ends - begins)

    def _add(self, name: str, piece: pa.Buffer | tuple[int, int, int], size: int) -> None:
        with self._changed:
            assert name not in self._whole, f"{name}: rows behind the last ones"
            self._pieces.setdefault(name, []).append(piece)
            self.size_bytes += size
            self._changed.notify_all()

    def whole(self, names: Iterable[str]) -> None:
        """No more rows of these tables come; there is none of which none have come."""
        with self._changed:
            self._whole.update(names)
            self._changed.notify_all()

    def told(self, named: Sequence[tuple[str, str]]) -> None:
        """Facts about processes whose homes and users texts may name."""
        with self._changed:
            self._named = named
            self._changed.notify_all()

    def end(self, report: RawReport) -> None:
        """Nothing comes any more: that is the report, with its tables."""
        with self._changed:
            self._report = report
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Nothing comes any more: it cannot be read."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    # --- what has come ----------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether nothing comes any more."""
        return self._report is not None or self._error is not None

    def report(self) -> RawReport:
        """The report, when all of it has come.

        Raises:
            ReportError: it cannot be read.
        """
        self._wait(lambda: self._report is not None)
        assert self._report is not None
        return self._report

    def named(self) -> Sequence[tuple[str, str]]:
        """Facts about processes, when they have come: before the tables, or with the report.

        Raises:
            ReportError: the report cannot be read.
        """
        self._wait(lambda: self._named is not None or self._report is not None)
        if self._named is not None:
            return self._named
        report = self.report()
        return report.environment if report.named is None else report.named

    def table(self, name: str) -> pa.Table | None:
        """A table, when no more of it comes; None if there is none.

        Raises:
            ReportError: the report cannot be read.
        """
        self._wait(lambda: self._is_whole(name))
        return self._table(name) if name in self._pieces else None

    def parts(self, name: str, least: int, most: int) -> Iterator[pa.Table]:
        """The rows of a table as they come.

        Args:
            name: of the table.
            least: pieces that are waited for, unless no more come; more are multiples of so many.
            most: pieces at once.

        Raises:
            ReportError: the report cannot be read.
        """
        import pyarrow as pa

        taken, is_last = 0, False
        while not is_last:
            there, is_all = self._there(name, taken + least)
            some = min(there - taken, most)
            is_last = is_all and taken + some == there
            some -= 0 if is_last else some % least
            if some:
                yield pa.concat_tables(self._read_pieces(name, taken + some)[taken:])
            taken += some

    def _there(self, name: str, least: int) -> tuple[int, bool]:
        """How many pieces of a table there are, at least so many or all of them, and whether that is all."""
        self._wait(lambda: self._is_whole(name) or len(self._pieces.get(name, ())) >= least)
        with self._changed:
            return len(self._pieces.get(name, ())), self._is_whole(name)

    def _is_whole(self, name: str) -> bool:
        return name in self._whole or self._report is not None

    def _wait(self, until: Callable[[], bool]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._error is not None or until())
        if self._error is not None:
            raise self._error

    def tables(self) -> dict[str, pa.Table]:
        """All tables, of which no more comes; those in files are of use as long as the folder is there."""
        found = {name: self._table(name) for name in self._pieces}
        self._let_go()
        return found

    def _table(self, name: str) -> pa.Table:
        import pyarrow as pa

        return pa.concat_tables(self._read_pieces(name, len(self._pieces[name])))

    def _read_pieces(self, name: str, count: int) -> list[pa.Table]:
        """The first pieces of a table."""
        import pyarrow as pa

        with self._reading:
            read = self._read.setdefault(name, [])
            of_bytes = 0
            for piece in self._pieces[name][len(read) : count]:
                content = self._in_file(*piece) if isinstance(piece, tuple) else piece
                # Its heads alone are read, but what lies around them is mapped, too.
                read.append(pa.ipc.open_stream(content).read_all())
                of_bytes += content.size
                if of_bytes > _READ_BYTES:
                    self._let_go()
                    of_bytes = 0
            return read[:count]

    def _in_file(self, number: int, begins: int, ends: int) -> pa.Buffer:
        import pyarrow as pa

        starts, mapped = self._files.get(number, (0, None))
        if mapped is None or not starts <= begins <= ends <= starts + mapped.size:
            place = self.file(number)
            assert place is not None
            starts = begins // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
            with place.open("rb") as file:
                # As far as it has been written by now.
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ, offset=starts)
            self._mapped.append(content)
            mapped = pa.py_buffer(content)
            self._files[number] = starts, mapped
        return mapped.slice(begins - starts, ends - begins)

    def _let_go(self) -> None:
        """Pages that were read need not stay in memory."""
        for content in tuple(self._mapped):
            if hasattr(mmap, "MADV_DONTNEED"):
                content.madvise(mmap.MADV_DONTNEED)

    @contextlib.contextmanager
    def letting_go(self) -> Iterator[None]:
        """Until the end of the block, let go of pages that have been read."""
        if self.is_over and not self._mapped:
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


class Tables(Mapping[str, "pa.Table"]):
    """The tables of a report that is being decoded: who asks for one waits for it.

    Args:
        arriving: the report.
    """

    def __init__(self, arriving: Arriving) -> None:
        self._arriving = arriving

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._arriving.table(name) is not None

    def __getitem__(self, name: str) -> pa.Table:
        if (table := self._arriving.table(name)) is None:
            raise KeyError(name)
        return table

    def __iter__(self) -> Iterator[str]:
        return iter(self._arriving.report().tables)

    def __len__(self) -> int:
        return len(self._arriving.report().tables)
