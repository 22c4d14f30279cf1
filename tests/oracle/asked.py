"""Which oracle answers which question, under which parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from oracle.arithmetic import Row
    from oracle.trace import View

    Count = Callable[..., list[Row]]


@dataclass(frozen=True)
class Oracle:
    """A question with parameters, and what counts its answer about one trace: rows in any order."""

    question: str
    params: dict[str, Any]
    count: Count

    def rows(self, view: View) -> list[Row]:
        # range is a function of Python.
        params = {"range_" if name == "range" else name: value for name, value in self.params.items()}
        return self.count(view, **params)

    def __str__(self) -> str:
        return " ".join([self.question, *(f"{name}={value}" for name, value in self.params.items())])


ORACLES: list[Oracle] = []


def answers(question: str, *asked: dict[str, Any]) -> Callable[[Count], Count]:
    """Mark the oracle of a question, to be asked with each of the given parameters.

    It is given a trace's events, and the parameters by name.
    """

    def mark(count: Count) -> Count:
        ORACLES.extend(Oracle(question, params, count) for params in asked or ({},))
        return count

    return mark


def each(name: str, *values: Any, **others: Any) -> list[dict[str, Any]]:
    """The same parameters with each value of one of them."""
    return [{name: value, **others} for value in values]
