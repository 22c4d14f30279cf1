"""What became of a report or of a table of runs that was brought in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Ingested:
    """What became of one report.

    Attributes:
        name: of the trace; of an unchanged one that which it has.
        status: added; replaced, after ``replace``; unchanged, when the database held the report already.
        rows: canonical table → rows of the trace.
        missing: canonical tables for which the report holds no data, with the option that records it.
        warnings: as in ``traces.warnings``; of an unchanged report, what it was not given: a name, tags.
        unread: what the report holds and no table here is made of.
        seconds: spent on storing; on decoding, too, as far as that went on meanwhile.
    """

    name: str
    status: Literal["added", "replaced", "unchanged"]
    rows: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class ImportedRuns:
    """What became of a file of runs.

    Attributes:
        sweep: label of the file's runs.
        status: added; replaced, after ``replace``; unchanged, when the database held the file already.
        runs: how many there are.
        metrics: names of what was measured.
        tags: names of what was varied or noted.
        warnings: what was taken for granted or left out.
    """

    sweep: str
    status: Literal["added", "replaced", "unchanged"]
    runs: int = 0
    metrics: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exported:
    """What was copied into another database.

    Attributes:
        traces: how many.
        runs: how many, of sidecars and of imported files.
    """

    traces: int
    runs: int


@dataclass(frozen=True)
class Compacted:
    """What became of a database that was written anew.

    Attributes:
        before_bytes: size of its file before; 0 for a database in memory, which has none.
        after_bytes: size of its file after.
    """

    before_bytes: int
    after_bytes: int
