"""What killed writers left goes: parts that no entry names, claims without an entry, half-written files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceql.read import temporary
from traceql.store.lake import manifest, numbers, parts
from traceql.store.lake.folder import UNFINISHED

if TYPE_CHECKING:
    from traceql.store.lake.place import Place


def sweep(place: Place) -> None:
    """Remove it; for who keeps others from changing entries. Those who write meanwhile lose nothing."""
    # Claims of numbers that have an entry are not looked at.
    known = manifest.read(place)
    # A writer claims, writes parts, puts an entry in place, and settles the claim. In the opposite order:
    # parts that are seen first have a claim afterwards, and a claim that is seen settled has its entry.
    seen = {table: place.folders(table) for table in parts.ALL}
    claims = {one: path for path, one in numbers.claimed(place).items()}
    dead = {
        (kind, number)
        for (kind, number), path in claims.items()
        if number not in known.numbers.get(kind, set()) and numbers.is_dead(place, path)
    }
    named = manifest.read(place, known).numbers
    for table, folders in seen.items():
        kind = "runs" if table == parts.OF_RUNS else "traces"
        for folder in folders:
            number = parts.number_of(folder)
            if number is None or number in named[kind]:
                continue
            if (kind, number) in dead:
                place.remove(f"{table}/{folder}")
            elif (kind, number) not in claims and (mine := numbers.hold(place, kind, number)):
                # Of nobody; and nobody can claim the number just now.
                place.remove(f"{table}/{folder}")
                numbers.give_back(place, mine)
    for kind, number in dead:
        if number not in named.get(kind, set()):
            numbers.give_back(place, claims[kind, number])
    for folder in ("", manifest.TRACES, manifest.SWEEPS, "numbers"):
        for name in place.names(folder):
            if name.endswith(UNFINISHED):
                whose = name.removesuffix(UNFINISHED).rpartition(".")[2]
                path = f"{folder}/{name}".lstrip("/")
                if temporary.has_ended(whose) or place.age_s(path) > numbers.DEAD_S:
                    place.remove(path)
