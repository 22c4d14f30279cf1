"""Random jobs in one database, every question about jobs asked over all of them, and answers compared row by row."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

from made.store import empty

from oracle.jobs import ORACLES, Job, drawn
from traceql.questions import catalog

if TYPE_CHECKING:
    from oracle.arithmetic import Row
    from traceql import Database

# Columns of numbers that tell rows apart.
_NUMBERS = ("step", "rank", "pid", "message_bytes", "start_ns")


def jobs_in_a_database(number: int, seed: int) -> tuple[list[Job], Database]:
    """So many random jobs, the same ones for the same seed, and what their ranks recorded."""
    pick, database = random.Random(seed), empty()
    made = [drawn(pick, f"job{one}") for one in range(number)]
    for job in made:
        for name, recording in job.recordings().items():
            recording.store(database, name)
    return made, database


def compared(question: str, made: list[Job], database: Database) -> tuple[int, list[str]]:
    """How many rows an answer has, and what is wrong in it."""
    asked = catalog.shipped().find(question)
    declared = {column.name: column.type for column in asked.columns}
    keys = [name for name, kind in declared.items() if kind == "VARCHAR" or name in _NUMBERS]

    def key(row: Row) -> str:
        return repr([row[name] for name in keys])

    limit = {"limit": None} if any(param.name == "limit" for param in asked.params) else {}
    found = {key(row): row for row in database.ask(question, **limit).frame().to_dicts()}
    wanted = {key(row): row for job in made for row in ORACLES[question](job)}
    wrong = [f"too much: {one}" for one in found.keys() - wanted.keys()]
    wrong += [f"lacking: {one}" for one in wanted.keys() - found.keys()]
    for one in found.keys() & wanted.keys():
        mine, theirs = found[one], wanted[one]
        wrong += [
            f"{one}: {name} is {mine[name]}, not {theirs[name]}"
            for name in declared
            if not _close(mine[name], theirs[name])
        ]
    return len(wanted), wrong


def _close(found: Any, wanted: Any) -> bool:
    if isinstance(found, int | float) and isinstance(wanted, int | float) and not isinstance(found, bool):
        # Shares of a delay are told in whole nanoseconds.
        return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=0.51)
    return bool(found == wanted)
