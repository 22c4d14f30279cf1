"""Event blocks become event tables, in the file's order: `plan`, `decode`, `assemble`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from traceql.read.nsys_rep.assemble import append, tables
from traceql.read.nsys_rep.decode import batches
from traceql.read.nsys_rep.plan import plan
from traceql.read.nsys_rep.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from traceql.read.base import Progress, Wanted
    from traceql.read.nsys_rep.container import Container
    from traceql.read.nsys_rep.samples import Layout


@dataclass(frozen=True)
class Events:
    """All events of a report.

    Attributes:
        tables: the tables that have rows.
        processes: the process messages, as they are, in order.
        tally: what was counted.
    """

    tables: dict[str, pa.Table]
    processes: list[bytes]
    tally: Tally


def collect(
    container: Container, layouts: Mapping[int, Layout], wanted: Wanted | None, progress: Progress
) -> Events:
    """Decode every event block.

    Raises:
        ReportError: the content contradicts itself.
        UnsupportedReportError: an event is of a kind that would be misread.
    """
    what = plan(wanted, container.version)
    tally = Tally()
    processes: list[bytes] = []
    pieces: dict[tuple[str, str], list[pa.Array]] = {}
    rows: Counter[str] = Counter()
    chains: Counter[str] = Counter()
    generic_events = 0
    for batch in batches(container, what, layouts):
        tally.add(batch.tally)
        processes += batch.processes
        generic_events = batch.number_events(generic_events)
        for selected in (table for group in what.tables.values() for table in group):
            append(batch, selected, pieces, rows, chains)
        progress(tally.events, container.event_count)
    if container.event_count not in (None, tally.events):
        raise container.source.damaged(
            f"the index promises {container.event_count} events, there are {tally.events}",
            container.blocks[0].offset if container.blocks else 0,
        )
    built = {}
    for group in what.tables.values():
        for selected in group:
            built.update(tables(selected, pieces, rows))
    return Events(built, processes, tally)
