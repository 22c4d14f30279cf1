"""Are the answers about random traces what counting their events one by one gives? As long as wanted.

``python tests/random_traces.py [--traces N] [--start S] [QUESTION…]`` draws so many traces, other ones for each start,
and asks every question about a timeline of them: of the whole, in a window, and within an NVTX range. Of each question
that is answered wrongly, the smallest trace is printed for which it is; the exit status is 1. `tests/oracle` holds
what counts.
"""

from __future__ import annotations

import argparse
import sys

from oracle.asking import ORACLES, PAIRED, PLACES, Asked, Compared, drawn, explained, places

#: Traces in one database: asking once about many is what makes it cheap.
_TOGETHER = 40


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--traces", type=int, default=200, help="how many (200)")
    parser.add_argument("--start", type=int, default=1, help="others for each number (1)")
    parser.add_argument("questions", nargs="*", metavar="QUESTION", help="only these")
    args = parser.parse_args()
    total = Compared(0, 0, [])
    told: set[tuple[str, str]] = set()
    for batch in range(-(-args.traces // _TOGETHER)):
        asked = Asked(drawn(_TOGETHER, args.start * 1_000 + batch))
        for oracle in ORACLES:
            if args.questions and oracle.question not in args.questions:
                continue
            for place in places(oracle):
                total += (compared := asked.compare(oracle, place))
                if compared.wrong and (oracle.question, place) not in told:
                    told.add((oracle.question, place))
                    print(explained(oracle, asked.traces[compared.wrong[0][0]], place), flush=True)
        for place in PLACES:
            if not args.questions or PAIRED in args.questions:
                total += (compared := asked.compare_pairs(place))
                for name, lines in compared.wrong[:1]:
                    print(f"{PAIRED} of {name} {place}", *lines, sep="\n", flush=True)
        print(
            f"{(batch + 1) * _TOGETHER} traces: {total.answers:,} answers, {total.rows:,} rows, "
            f"{len(total.wrong)} wrong",
            flush=True,
        )
    return len(total.wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
