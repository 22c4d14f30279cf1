"""Three writers at one database, one of which looks at the file by every way that there is while it writes.

``python tests/robust/writers.py --cases 10`` prints what became of as many cases as wanted. The slow writer has
stored its rows and waits before COMMIT; the two others must wait for it, and in the end everything is there. Where
there is no database yet, the slow one fills one aside: the others wait for nobody, and the slow one comes to theirs.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from forks import Forks
from helpers_robust import REPORTS, contents

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The slow one's, and what the others bring.
SLOW, *OTHERS = (
    REPORTS / f"{name}.xz"
    for name in ("scv_baseline_graph.sqlite", "esmm_a10g_2023.1.ncu-rep", "esmm_a10g_2023.1_b.ncu-rep")
)
#: Each is a case: who has the database open before, and whether the slow writer looks.
KINDS = [(made, looks) for made in ("made", "new") for looks in (True, False)]

# Other names of the file, and other rooms that read or write a file that they are given.
_SLOW = """
import contextlib, sys, threading, time
from pathlib import Path
from traceql import Database
from traceql.ask import compare
from traceql.cli.output import writing
from traceql.errors import TraceqlError
from traceql.store import decode, held, steps

db, report, go, looks = sys.argv[1:]
insert = steps.insert
asking = []

def look():
    if not Path(db).exists():
        # It lies aside, and nobody takes that for a report.
        (aside,) = Path(db).parent.glob(f"{Path(db).name}.*.new")
        assert aside not in decode.find_reports([aside, report], db)
        return
    for name in (Path(db), *Path(db).parent.glob("*.name")):
        with contextlib.suppress(TraceqlError):
            assert name not in decode.find_reports([name.parent, name, report], db)
        for does in (
            lambda: decode.decode(name), lambda: held.spare(name), lambda: compare.load(name),
            lambda: Database(":memory:").import_runs(name), lambda: writing(str(name)).__enter__(),
        ):
            try:
                does()
            except TraceqlError:
                continue
            raise AssertionError(name)
        # Asks when the slow one is done.
        asking.append(threading.Thread(target=Database(name).tables))
        asking[-1].start()

def slow(*given):
    rows = insert(*given)
    if looks:
        look()
    print("stored", flush=True)
    while not Path(go).exists():
        time.sleep(0.01)
    return rows

steps.insert = slow
with Database(db) as database:
    database.ingest(report)
for thread in asking:
    thread.join()
"""


class Outcome(NamedTuple):
    """What became of one case; `waited`: whether the others did where they had to, and only there."""

    waited: bool
    statuses: tuple[int, ...]
    said: str
    lost: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether nobody was let in beside the slow one, and nothing is lost."""
        return self.waited and not any(self.statuses) and not self.lost


def undisturbed(forks: Forks, folder: Path) -> dict[str, list[str]]:
    """What the three reports come to, one after the other."""
    with forks.start("ingest", "-q", "--db", folder / "undisturbed", SLOW, *OTHERS) as process:
        assert process.wait() == 0, process.said()
    return contents(folder / "undisturbed", ids=False) or {}


def meet(forks: Forks, folder: Path, whole: dict[str, list[str]], *, made: bool, looks: bool) -> Outcome:
    """One case, in a folder of its own; `made` says whether the database is there before."""
    db, go = folder / "traces.db", folder / "go"
    others = list(OTHERS)
    if made:
        with forks.start("ingest", "-q", "--db", db, others.pop()) as process:
            assert process.wait() == 0, process.said()
        os.link(db, folder / "hard.name")
        (folder / "soft.name").symlink_to(db)
    with forks.start(db, SLOW, go, "looks" if looks else "", code=_SLOW) as slow:
        if slow.stdout.readline() != "stored\n":
            return Outcome(False, (slow.wait(),), slow.said(), ())
        # Each by a name of its own, where there are any; with too few reports one has nothing new to say.
        names = [db, folder / "soft.name"] if made else [db, db]
        with (
            forks.start("ingest", "-q", "--db", names[0], others[0]) as first,
            forks.start("ingest", "-q", "--db", names[1], others[-1]) as second,
        ):
            if made:
                time.sleep(0.5)
                waited = first.poll() is None and second.poll() is None
            else:
                first.wait()
                second.wait()
                waited = db.exists()
            go.touch()
            statuses = tuple(process.wait() for process in (slow, first, second))
            said = "".join(process.said() for process in (slow, first, second))
    there = contents(db, ids=False) or {}
    return Outcome(
        waited, statuses, said, tuple(name for name, rows in whole.items() if there.get(name) != rows)
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run cases and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10)
    cases = parser.parse_args(arguments).cases
    began = time.monotonic()
    came: Counter[str] = Counter()
    with Forks(SLOW, *OTHERS) as forks, tempfile.TemporaryDirectory() as place:
        whole = undisturbed(forks, Path(place))
        for number in range(cases):
            made, looks = KINDS[number % len(KINDS)]
            folder = Path(place) / str(number)
            folder.mkdir()
            outcome = meet(forks, folder, whole, made=made == "made", looks=looks)
            label = f"{made}, {'looks' if looks else 'does not look'}"
            came[f"{label}: {'nothing lost' if outcome.good else 'WRONG'}"] += 1
            if not outcome.good:
                print(label, outcome)
    for label, count in sorted(came.items()):
        print(f"{label}: {count}")
    print(f"{cases} cases in {time.monotonic() - began:.1f} s")
    return any("WRONG" in label for label in came)


if __name__ == "__main__":
    sys.exit(main())
