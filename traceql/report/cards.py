"""The cards of the kernels that took most time, as a part of the page."""

from __future__ import annotations

import itertools
import shlex
from typing import TYPE_CHECKING

from traceql.ask import cards
from traceql.present import units, values
from traceql.report.page import Card, Fact, Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from traceql.ask.answer import Asker
    from traceql.ask.cards import Item

#: Between the advice and the parts that have all kernels beside each other.
ORDER = 54.5
TITLE = "Kernels in detail"
_MOST = 5


def of_trace(ask: Asker, trace: str, anchor: str) -> Section | None:
    """The cards of a trace; None if it has no kernel."""
    # As the section about kernels asks.
    top = ask("top_kernels", trace=[trace]).frame().head(_MOST)
    if not top.height:
        return None
    found, _ = cards.items(ask, "*", [trace])
    shares = dict(top.select("kernel", "share_pct").iter_rows())
    made = of_items(found, shares, anchor)
    lead = f"The {len(made)} that took most time." if len(made) > 1 else ""
    return Section(f"{anchor}-about-cards", TITLE, level=3, lead=lead, cards=tuple(made))


def of_items(found: Sequence[Item], shares: Mapping[str, float | None], anchor: str) -> list[Card]:
    """The cards of a trace's kernels, in the order of `shares`, percent of its time; the first is open."""
    by_kernel: dict[str, list[Item]] = {}
    for one in found:
        by_kernel.setdefault(one.kernel, []).append(one)
    made = []
    for number, (kernel, share) in enumerate(shares.items(), start=1):
        if items := by_kernel.get(kernel):
            said = [
                units.text("share_pct", share, 3) + " of the time",
                *(one.text for one in items if one.column == "verdict" and one.text),
            ]
            command = ["traceql", "kernel-card", kernel, "--trace", items[0].trace]
            made.append(
                Card(
                    f"{anchor}-card-{number}",
                    values.drawn(kernel),
                    ", ".join(said),
                    tuple(
                        (title, tuple(_facts(list(part))))
                        for title, part in itertools.groupby(items, key=lambda one: one.section)
                    ),
                    shlex.join(command),
                    open=number == 1,
                )
            )
    return made


def _facts(items: Sequence[Item]) -> Iterator[Fact]:
    """A line for each item, or for all that are about one thing."""
    for about, group in itertools.groupby(items, key=lambda one: one.about):
        some = list(group)
        if about:
            said = ", ".join(_named(one) for one in some)
            yield Fact(values.drawn(about), said, " ".join(filter(None, (one.note for one in some))))
        else:
            for one in some:
                yield Fact(one.title, _shown(one), one.note or "")


def _named(item: Item) -> str:
    """The item with its name, unless its unit is the name."""
    name, shown = item.title[:1].lower() + item.title[1:], _shown(item)
    return shown if item.unit == name else f"{name} {shown}"


def _shown(item: Item) -> str:
    if item.text is not None:
        return values.drawn(item.text)
    if item.value is None:
        return "" if item.note else "none"
    is_count = item.value.is_integer() and item.unit is None
    return units.text(item.column, int(item.value) if is_count else item.value)
