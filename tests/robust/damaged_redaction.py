"""Damages a report in many ways, and says what redaction makes of each: run in a process of its own.

    python tests/robust/damaged_redaction.py REPORT KIND… --times N --seed N

KIND is `cut` (the end is missing), `flip` (one bit), `garble` (a run of bytes is random) or `swap` (two runs of bytes
have changed places). Prints a line of JSON: outcome → how often. An outcome is `written`, the class of an error that says
what is wrong, or `RAISED …` for any other, with which it ends with status 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import sys
import traceback
from collections import Counter
from pathlib import Path

from traceql.errors import TraceqlError
from traceql.read.base import no_progress
from traceql.share.redact import Names, writers
from traceql.share.redact.removed import Removed


def damaged(content: bytes, kind: str, rng: random.Random) -> bytes:
    """The bytes, damaged."""
    out = bytearray(content)
    at = rng.randrange(len(out))
    run = rng.randrange(1, 64)
    if kind == "cut":
        return bytes(out[:at])
    if kind == "flip":
        out[at] ^= 1 << rng.randrange(8)
    elif kind == "garble":
        out[at : at + run] = rng.randbytes(len(out[at : at + run]))
    else:
        other = rng.randrange(len(out))
        out[at : at + run], out[other : other + run] = out[other : other + run], out[at : at + run]
    return bytes(out)


def outcome(report: Path, place: Path) -> str:
    """What redaction makes of a file or folder; what it wrote is removed."""
    target = place / f"clean_{report.name}"
    try:
        writers.write(report, report.name, target, Names(), Removed(), no_progress)
        found = "written"
    except TraceqlError as error:
        found = type(error).__name__
    except Exception as error:  # noqa: BLE001 - which is none is what is asked
        where = traceback.extract_tb(error.__traceback__)[-1]
        found = (
            f"RAISED {type(error).__name__} in {Path(where.filename).name}:{where.lineno}: {str(error)[:80]}"
        )
    if target.is_dir():
        shutil.rmtree(target)
    with contextlib.suppress(FileNotFoundError):
        target.unlink()
    return found


def main() -> int:
    """Damage a report; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("kinds", nargs="+", choices=["cut", "flip", "garble", "swap"])
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    outcomes: Counter[str] = Counter()
    place = given.report.parent / "damaged"
    place.mkdir()
    broken = place / given.report.name
    for _ in range(given.times):
        kind = rng.choice(given.kinds)
        if given.report.is_dir():
            shutil.copytree(given.report, broken)
            member = rng.choice(sorted(broken.iterdir()))
            member.write_bytes(damaged(member.read_bytes(), kind, rng))
        else:
            broken.write_bytes(damaged(given.report.read_bytes(), kind, rng))
        outcomes[outcome(broken, place)] += 1
        if broken.is_dir():
            shutil.rmtree(broken)
    print(json.dumps(outcomes))
    return int(any(one.startswith("RAISED") for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
