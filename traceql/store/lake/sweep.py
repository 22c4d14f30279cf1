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
    claims = {(kind, number): path for path, (kind, number) in numbers.claimed(place).items()}
    # Entries are read after the claims: who has finished in between has an entry.
    named = manifest.read(place).numbers
    dead = {
        one
        for one, path in claims.items()
        if one[1] not in named.get(one[0], set()) and numbers.is_dead(place, path)
    }
    for table in parts.ALL:
        kind = "runs" if table == parts.OF_RUNS else "traces"
        for folder in place.folders(table):
            number = parts.number_of(folder)
            if number is None or number in named[kind]:
                continue
            if (kind, number) in dead or (kind, number) not in claims:
                place.remove(f"{table}/{folder}")
    for kind in named:
        # The last one stays, so that its number is not given again.
        last = max((number for of, number in claims if of == kind), default=0)
        for of, number in dead:
            if of == kind and number != last:
                place.remove(claims[of, number])
    for folder in ("", manifest.TRACES, manifest.SWEEPS, "numbers"):
        for name in place.names(folder):
            if name.endswith(UNFINISHED):
                whose = name.removesuffix(UNFINISHED).rpartition(".")[2]
                if temporary.has_ended(whose) or place.age_s(f"{folder}/{name}") > numbers.DEAD_S:
                    place.remove(f"{folder}/{name}".lstrip("/"))
