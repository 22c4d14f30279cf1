"""Random traces in one database, every question asked once over all of them, and answers compared trace by trace."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from made import nsys
from made.case import with_row_numbers
from made.store import empty

from oracle import api, cpu, findings, gpu, kernels, libraries, memory, nccl, nvtx, sampled, steps, timeline  # noqa: F401  # each marks its oracles
from oracle.asked import ORACLES, Oracle
from oracle.compare import diff
from oracle.drawn import KERNELS, traces
from oracle.trace import View
from traceql.errors import MissingDataError, QueryError
from traceql.questions import catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from oracle.arithmetic import Row
    from oracle.trace import Trace

#: Two traces at a time: the only question that is not asked of each by itself.
PAIRED = "diff"
#: Where a question is asked → the parameters that say so, and what an oracle sees there.
PLACES: dict[str, tuple[Row, Callable[[View], View]]] = {
    "everywhere": ({}, lambda view: view),
    "from 30 to 60": ({"from_": 30, "to": 60}, lambda view: view.between(30, 60)),
    "within attn": ({"within": "attn"}, lambda view: view.within("attn")),
}
EVERYWHERE = "everywhere"
# Of processes without ranges that repeat, kernels may tell the steps: rows without a range. No oracle finds those, hand-made
# cases do.
_TOLD_BY_KERNELS = (
    "step_summary",
    "launches_per_step",
    "communication_per_step",
    "cpu_bound_steps",
    "uneven_steps",
)


def drawn(number: int, start: int) -> list[Trace]:
    """So many random traces, the same ones for the same start."""
    found: list[Trace] = []

    @seed(start)
    @settings(
        max_examples=number,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        found.append(data.draw(traces(f"t{len(found)}")))

    draw()
    return found


class Asked:
    """A database of traces, and what an oracle sees of them."""

    def __init__(self, traces: Sequence[Trace]) -> None:
        self.traces = {trace.name: trace for trace in traces}
        self._database = empty()
        # What a kernel is called follows from all that the database holds.
        all_kernels = (nsys.kernel(kernel.short, 0, 1, full=kernel.full) for kernel in KERNELS)
        nsys.Recording().work(*all_kernels).store(self._database, "names")
        for trace in traces:
            trace.recording().store(self._database, trace.name)
        self._views = {(name, EVERYWHERE): trace.view() for name, trace in self.traces.items()}

    def view(self, name: str, place: str) -> View:
        if (name, place) not in self._views:
            self._views[name, place] = PLACES[place][1](self._views[name, EVERYWHERE])
        return self._views[name, place]

    def compare(self, oracle: Oracle, place: str = EVERYWHERE) -> Compared:
        """The answer to a question about all traces with what its oracle counts in each."""
        found = defaultdict(list)
        for row in self._ask(oracle.question, place, **oracle.params):
            if row.get("range", "") is not None or oracle.question not in _TOLD_BY_KERNELS:
                found[row["trace"]].append(row)
        compared = Compared(0, 0, [])
        for name in self.traces:
            wanted = oracle.rows(self.view(name, place))
            compared.add(name, differences(oracle.question, found[name], wanted), len(wanted))
        return compared

    def compare_pairs(self, place: str = EVERYWHERE, most: int | None = None) -> Compared:
        """The differences of each trace from the next one, of so many pairs."""
        names, compared = list(self.traces)[: most and 2 * most], Compared(0, 0, [])
        for before, after in zip(names[:-1:2], names[1::2], strict=True):
            wanted = diff(self.view(before, place), self.view(after, place))
            found = self._ask(PAIRED, place, baseline=[before], variant=[after])
            compared.add(before, differences(PAIRED, found, wanted), len(wanted))
        return compared

    def _ask(self, question: str, place: str, **params: Any) -> list[Row]:
        answer = self._database.ask(question, **params, **PLACES[place][0]).table
        columns = answer.column_names
        rows = zip(*(column.to_pylist() for column in answer.columns), strict=True)
        return [
            dict(zip(columns, row, strict=True))
            for row in with_row_numbers(columns, [list(row) for row in rows])
        ]


@dataclass
class Compared:
    """How many answers were compared, with how many rows, and those that differ: (trace, differences)."""

    answers: int
    rows: int
    wrong: list[tuple[str, list[str]]]

    def __add__(self, other: Compared) -> Compared:
        return Compared(self.answers + other.answers, self.rows + other.rows, self.wrong + other.wrong)

    def add(self, trace: str, found: list[str], rows: int) -> None:
        self.answers += 1
        self.rows += rows
        if found:
            self.wrong.append((trace, found))


# --- rows -----------------------------------------------------------------------------------------------


def differences(question: str, found: Iterable[Row], wanted: Iterable[Row]) -> list[str]:
    """Rows that only one side has, whatever their order; every declared column counts, but for the trace's name."""
    columns = [column.name for column in catalog.shipped().find(question).columns if column.name != "trace"]
    left = [[row[column] for column in columns] for row in found]
    lacking = []
    for row in wanted:
        cells = [row[column] for column in columns]
        same = next((one for one in left if all(map(_same, one, cells))), None)
        if same is None:
            lacking.append(cells)
        else:
            left.remove(same)
    return [
        f"{what}: " + ", ".join(f"{column}={cell}" for column, cell in zip(columns, cells, strict=True))
        for what, rows in (("too much", left), ("lacking", lacking))
        for cells in rows
    ]


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, set):
        # One of several that are as good.
        return found in wanted
    if isinstance(wanted, dict):
        # A map: names and what they stand for, a pair each.
        theirs = dict(found)
        return theirs.keys() == wanted.keys() and all(_same(theirs[name], wanted[name]) for name in wanted)
    if isinstance(found, float) and wanted is not None:
        return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9)
    return bool(found == wanted)


# --- a smaller trace ------------------------------------------------------------------------------------


def smallest(trace: Trace, is_wrong: Callable[[Trace], bool]) -> Trace:
    """The trace without the events that it can lack and still be answered wrongly."""
    for name in trace.parts():
        size = len(trace.parts()[name])
        while size:
            at = 0
            while at < len(events := trace.parts()[name]):
                smaller = replace(trace, **{name: events[:at] + events[at + size :]})
                if is_wrong(smaller):
                    trace = smaller
                else:
                    at += size
            size //= 2
    return trace


def explained(oracle: Oracle, trace: Trace, place: str) -> str:
    """The smallest trace that is answered wrongly, event by event, and how."""

    def compared(trace: Trace) -> Compared:
        return Asked([trace]).compare(oracle, place)

    def is_wrong(trace: Trace) -> bool:
        try:
            return bool(compared(trace).wrong)
        except (MissingDataError, QueryError):
            # Nothing is left to ask about, or no such range.
            return False

    small = smallest(trace, is_wrong)
    events = [f"  {event}" for part in small.parts().values() for event in part]
    found = [line for _, lines in compared(small).wrong for line in lines]
    return "\n".join([f"{oracle} {place}, of {small.duration} ns with GPUs {small.visible}", *events, *found])


def places(oracle: Oracle) -> list[str]:
    """Where it can be asked."""
    # Without the calls that a window cuts off, nobody knows which runs are of one communicator.
    if oracle.question in ("collectives", "nccl_straggler", "stragglers"):
        return [EVERYWHERE]
    known = {param.name for param in catalog.shipped().find(oracle.question).params}
    return [place for place, (asked, _) in PLACES.items() if {name.rstrip("_") for name in asked} <= known]


__all__ = ["EVERYWHERE", "ORACLES", "PAIRED", "PLACES", "Asked", "Compared", "drawn", "explained", "places"]
