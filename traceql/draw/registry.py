"""Which kinds of charts there are: a function becomes one by its decorator."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

#: A chart of any of Altair's classes: Chart, LayerChart, VConcatChart … What they share they do not inherit.
Drawing: TypeAlias = Any

#: Trace → the answers to `Kind.beside`; returns groups of traces.
Together: TypeAlias = "Callable[[Mapping[str, Sequence[pl.DataFrame]]], list[list[str]]]"

F = TypeVar("F", bound="Callable[..., Drawing]")


@dataclass(frozen=True)
class Kind:
    """A kind of chart.

    Attributes:
        draw: takes the answer of a query (polars.DataFrame), those of `beside`, and as keywords the columns
            that the query's header gives each channel; returns an Altair chart without title.
        beside: queries whose answers it draws, too, for the same trace.
        by_trace: whether several traces are drawn each by itself.
        together: where they are not, which of them share a picture: takes what `beside` answers for each.
        moves: whether it can be moved and zoomed.
    """

    draw: Callable[..., Drawing]
    beside: tuple[str, ...]
    by_trace: bool
    moves: bool
    together: Together | None = None

    @property
    def channels(self) -> tuple[set[str], set[str]]:
        """The channels that it must have, and those that it may have."""
        keywords = [p for p in inspect.signature(self.draw).parameters.values() if p.kind is p.KEYWORD_ONLY]
        required = {p.name for p in keywords if p.default is p.empty}
        return required, {p.name for p in keywords} - required


#: Kind of chart, as in ``-- @chart kind …``.
KINDS: dict[str, Kind] = {}


def chart(
    *,
    beside: tuple[str, ...] = (),
    by_trace: bool = True,
    moves: bool = False,
    together: Together | None = None,
) -> Callable[[F], F]:
    """Make a function a kind of chart, under its own name; see `Kind`."""

    def register(function: F) -> F:
        KINDS[function.__name__] = Kind(function, beside, by_trace, moves, together)
        return function

    return register
