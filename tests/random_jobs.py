"""Questions about jobs on as many random jobs as wanted: ``python tests/random_jobs.py --jobs 200 --start 2``.

Prints the rows that were compared, and what is wrong; the exit status is 1 if anything is.
"""

from __future__ import annotations

import argparse
import sys

from oracle.jobs import ORACLES
from oracle.jobs_asked import compared, jobs_in_a_database

# Jobs in one database.
_TOGETHER = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--start", type=int, default=1, help="seed of the first ten")
    asked = parser.parse_args()
    found = 0
    for seed in range(asked.start, asked.start + -(-asked.jobs // _TOGETHER)):
        made, database = jobs_in_a_database(_TOGETHER, seed)
        rows = 0
        for question in ORACLES:
            number, wrong = compared(question, made, database)
            rows += number
            found += len(wrong)
            for one in wrong[:3]:
                print(f"seed {seed}, {question}: {one}")
        print(f"seed {seed}: {rows:,} rows of {len(made)} jobs")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
