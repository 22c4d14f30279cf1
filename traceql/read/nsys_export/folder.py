"""The folders of an export (parquetdir, arrowdir): a file per table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql.errors import ReportError
from traceql.read.nsys_export import arrow, parquet
from traceql.read.nsys_export.values import EXPORT_AGAIN, checked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import TypeVar

    import pyarrow as pa

    from traceql.read.base import RawTable

    T = TypeVar("T")

_FORMS: dict[str, type[parquet.ParquetFile | arrow.ArrowFile]] = {
    ".parquet": parquet.ParquetFile,
    ".arrow": arrow.ArrowFile,
}


def tables(path: Path, chosen: Callable[[str], bool] | None) -> dict[str, RawTable]:
    """The chosen tables of a folder, or all.

    Raises:
        ReportError: one of their files is damaged.
    """
    return {
        file.stem: _Table(file)
        for file in sorted(path.iterdir())
        # What is no file (a pipe) may never end.
        if file.suffix in _FORMS and file.is_file() and (chosen is None or chosen(file.stem))
    }


def counted(path: Path, chosen: Callable[[str], bool]) -> dict[str, int | None]:
    """Rows of the chosen tables of a folder, as nsys writes them; None of a damaged one."""
    return {
        file.stem: _rows(file)
        for file in sorted(path.iterdir())
        if file.suffix in _FORMS and chosen(file.stem)
    }


def _rows(path: Path) -> int | None:
    try:
        table = _Table(path)
        rows: int = sum(piece.num_rows for piece in table.pieces(table.column_names[:1]))
    except ReportError:
        return None
    return rows


class _Table:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._where = f"{path.parent.name}/{path.name}"
        self._file = self._guarded(lambda: _FORMS[path.suffix](path, self._where))
        self.column_names: list[str] = self._guarded(lambda: list(self._file.schema.names))

    def select(self, columns: Sequence[str], /) -> pa.Table:
        import pyarrow as pa

        pieces = list(self.pieces(columns))
        if pieces:
            return pa.Table.from_batches(pieces)
        fields = [self._file.schema.field(name) for name in columns]
        return pa.table({field.name: checked(field.name, pa.array([], field.type)) for field in fields})

    def pieces(self, columns: Sequence[str], /) -> Iterator[pa.RecordBatch]:
        pieces = self._guarded(lambda: self._file.pieces(list(columns)))
        while (piece := self._guarded(lambda: next(pieces, None))) is not None:
            yield piece

    def _guarded(self, action: Callable[[], T]) -> T:
        import pyarrow as pa

        try:
            return action()
        except UnicodeEncodeError as error:
            raise ReportError(
                f"{self._path.parent}: pyarrow opens no folder whose name is not UTF-8", "Rename the folder."
            ) from error
        except MemoryError:
            # Also one of Arrow's: not the file's fault, unless whoever limits the memory says so.
            raise
        except (pa.ArrowException, OSError, UnicodeDecodeError, OverflowError) as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise ReportError(f"{self._where}: damaged or cut short ({reason})", EXPORT_AGAIN) from error
