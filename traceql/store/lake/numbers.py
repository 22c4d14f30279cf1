"""Numbers of traces and of runs, claimed without asking anybody: who makes the file of a number has it.

A number that an entry has had is never given again, so that who reads what was just removed finds nothing,
and not something else. Its file says whose it is while its parts are being written, and nothing afterwards:
so it stays. Who gives up gives the number back. The claim of one that was killed is dead as soon as this
machine knows that its process has ended; elsewhere, when it is a day old.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql.errors import DatabaseError
from traceql.read import temporary
from traceql.tables import values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from traceql.store.lake.place import Place

_FOLDER = "numbers"
# No report takes as long to be stored.
DEAD_S = 86_400.0


def claimed(place: Place) -> dict[str, tuple[str, int]]:
    """Path of a claim → what has the number (traces or runs), and the number."""
    found = {}
    for name in place.names(_FOLDER):
        kind, _, number = name.partition("-")
        if number.isdecimal():
            found[f"{_FOLDER}/{name}"] = (kind, int(number))
    return found


def claim(
    place: Place, kind: str, taken: Iterable[int], wanted: int | None, *, insist: bool
) -> tuple[int, str]:
    """A number that nobody else has or had, and the path of its claim.

    Args:
        place: the lake.
        kind: what has the number: traces or runs.
        taken: numbers that are in use.
        wanted: the number that is preferred; None for the next one.
        insist: whether it must be that one.

    Raises:
        DatabaseError: it is taken, or none that an id can begin with.
    """
    known = {number for of, number in claimed(place).values() if of == kind} | set(taken)
    if wanted is not None:
        possible = 0 < wanted < values.MOST_NUMBERS and wanted not in known
        if possible and (path := hold(place, kind, wanted)):
            return wanted, path
        if insist:
            raise DatabaseError(
                f"no ids can begin with the number {wanted} here",
                "Choose one that is free; traceql compact frees those of writers that were killed.",
            )
    number = max(known, default=0) + 1
    while number < values.MOST_NUMBERS:
        if path := hold(place, kind, number):
            return number, path
        number += 1
    raise DatabaseError(f"{place.given}: no number is left", "Begin another lake.")


def hold(place: Place, kind: str, number: int) -> str | None:
    """The path of a claim that is made; None if somebody has the number."""
    path = path_of(kind, number)
    return path if place.create(path, temporary.mine().encode()) else None


def path_of(kind: str, number: int) -> str:
    """The claim of a number."""
    return f"{_FOLDER}/{kind}-{number}"


def is_held(place: Place, claim: str) -> bool:
    """Whether a claim is still this process's: one that was thought dead may have been swept."""
    return place.read(claim) == temporary.mine().encode()


def settle(place: Place, claim: str) -> None:
    """Note that an entry has the number, or had it: nobody gets it any more."""
    if place.read(claim) != b"":
        place.write(claim, b"")


def give_back(place: Place, claim: str) -> None:
    """Let somebody else have a number that no entry has had."""
    if place.read(claim) != b"":
        place.remove(claim)


def is_dead(place: Place, claim: str) -> bool:
    """Whether nobody writes any more under a claim whose number no entry has."""
    whose = place.read(claim)
    if not whose:
        return True
    ended = temporary.has_ended(whose.decode("utf-8", "replace"))
    return ended if ended is not None else place.age_s(claim) > DEAD_S
