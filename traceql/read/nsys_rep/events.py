"""Event blocks become rows of event tables, in the file's order: `plan`, `decode`, `assemble`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from traceql.read.nsys_rep.assemble import rows
from traceql.read.nsys_rep.decode import batches
from traceql.read.nsys_rep.plan import plan
from traceql.read.nsys_rep.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from traceql.read.base import Progress, Wanted
    from traceql.read.nsys_rep.container import Container
    from traceql.read.nsys_rep.samples import Layout


class Events(NamedTuple):
    """What is known of all events of a report.

    Attributes:
        processes: the process messages, as they are, in order.
        tally: what was counted.
    """

    processes: list[bytes]
    tally: Tally


def collect(
    container: Container,
    layouts: Mapping[int, Layout],
    wanted: Wanted | None,
    progress: Progress,
    deliver: Callable[[str, pa.RecordBatch], None],
    when_first: Callable[[Sequence[bytes]], None],
    at_once: int = 1,
) -> Events:
    """Decode every event block; the rows of each batch are delivered as they come.

    Args:
        container: the report.
        layouts: of generic events.
        wanted: tables and columns; None for all.
        progress: called with (events decoded, events in the report).
        deliver: takes rows.
        when_first: is called, with the process messages, when all rows of payloads that come first are
            delivered.
        at_once: processes that may share the work.

    Raises:
        ReportError: the content contradicts itself.
        UnsupportedReportError: an event is of a kind that would be misread.
    """
    what = plan(wanted, container.version)
    selections = [selected for group in what.tables.values() for selected in group]
    tally = Tally()
    processes: list[bytes] = []
    chains: Counter[str] = Counter()
    generic_events = 0
    decoded, first = batches(container, what, layouts, at_once)
    for number, batch in enumerate(decoded, start=1):
        tally.add(batch.tally)
        processes += batch.processes
        generic_events = batch.number_events(generic_events)
        for selected in selections:
            for name, some in rows(batch, selected, chains):
                deliver(name, some)
        progress(tally.events, container.event_count)
        if number == first:
            when_first(processes)
    if not first:
        when_first(processes)
    if container.event_count not in (None, tally.events):
        raise container.source.damaged(
            f"the index promises {container.event_count} events, there are {tally.events}",
            container.blocks[0].offset if container.blocks else 0,
        )
    return Events(processes, tally)
