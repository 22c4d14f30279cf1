"""Hand-made tables of runs: what was measured without a profiler, a run a line.

>>> file = Runs({"gpu": "H200", "batch_size": 1, "ms_per_token": [5, 7]}).file("decode")
>>> file.label, file.runs[0].tags, [(m.name, m.unit, m.sample, m.value) for m in file.runs[0].metrics]
('decode', {'gpu': 'H200', 'batch_size': '1'}, [('ms_per_token', 'ms', 1, 5.0), ('ms_per_token', 'ms', 2, 7.0)])
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeAlias

from traceql.read.runs import TAG_COLUMNS, Metric, Run, RunFile, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from traceql import Database

# A database takes the same file once only, and knows it by its hash.
_HASHES = itertools.count()

#: Of a tag a text or a number; of a metric a number, None where the file says nan, or one for each repetition.
Cell: TypeAlias = "str | float | Sequence[float | None] | None"


class Runs:
    """A table of runs."""

    def __init__(self, *rows: Mapping[str, Cell], units: Mapping[str, str] | None = None) -> None:
        """Make it of rows.

        Args:
            *rows: column → cell. Texts and the columns of `TAG_COLUMNS` are tags, all others metrics.
            units: metric → unit, where its name does not tell.
        """
        self._runs = tuple(_run(row, units or {}) for row in rows)

    def file(self, label: str) -> RunFile:
        """What reading a file of that name would have given."""
        return RunFile("csv", f"{label}.csv", f"made runs {next(_HASHES)}", self._runs)

    def store(self, database: Database, name: str) -> None:
        """Put it into `database` as the sweep `name`."""
        database.import_runs(self.file(name))


def _run(row: Mapping[str, Cell], units: Mapping[str, str]) -> Run:
    tags = {name: str(cell) for name, cell in row.items() if _is_tag(name, cell)}
    metrics = (
        Metric(name, units.get(name, unit_of(name)), None if value is None else float(value), sample)
        for name, cell in row.items()
        if not _is_tag(name, cell)
        for sample, value in _samples(cell)
    )
    return Run(tags, tuple(metrics))


def _is_tag(name: str, cell: Cell) -> bool:
    return isinstance(cell, str) or name in TAG_COLUMNS


def _samples(cell: Cell) -> Iterator[tuple[int | None, float | None]]:
    if cell is None or isinstance(cell, int | float):
        yield None, cell
    else:
        yield from enumerate((value for value in cell if not isinstance(value, str)), start=1)
