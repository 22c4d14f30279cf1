"""Are the answers about random traces what counting their events one by one gives? As long as wanted.

``python tests/random_traces.py [--traces N] [--start S] [QUESTION…]`` draws so many traces, other ones for each start,
and asks every question about a timeline of them, of the whole and in a window. Of each question that is answered
wrongly, the smallest trace is printed for which it is; the exit status is 1. `tests/oracle` holds what counts.
"""

from __future__ import annotations

import argparse
import sys

from oracle.asking import ORACLES, PAIRED, Asked, drawn, explained, in_places

#: Traces in one database: asking once about many is what makes it cheap.
_TOGETHER = 40


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--traces", type=int, default=200, help="how many (200)")
    parser.add_argument("--start", type=int, default=1, help="others for each number (1)")
    parser.add_argument("questions", nargs="*", metavar="QUESTION", help="only these")
    args = parser.parse_args()
    answers = rows = wrong = 0
    explained_once: set[str] = set()
    for batch in range(-(-args.traces // _TOGETHER)):
        asked = Asked(drawn(_TOGETHER, args.start * 1_000 + batch))
        places = [(oracle, in_window) for oracle in ORACLES for in_window in in_places(oracle)]
        for oracle, in_window in places:
            if args.questions and oracle.question not in args.questions:
                continue
            compared = asked.compare(oracle, in_window=in_window)
            answers, rows, wrong = (
                answers + compared.answers,
                rows + compared.rows,
                wrong + len(compared.wrong),
            )
            if compared.wrong and oracle.question not in explained_once:
                explained_once.add(oracle.question)
                print(explained(oracle, asked.traces[compared.wrong[0][0]], in_window=in_window), flush=True)
        for in_window in (False, True):
            if not args.questions or PAIRED in args.questions:
                compared = asked.compare_pairs(in_window=in_window)
                answers, rows, wrong = (
                    answers + compared.answers,
                    rows + compared.rows,
                    wrong + len(compared.wrong),
                )
                for name, lines in compared.wrong[:1]:
                    print(f"{PAIRED} of {name}, in a window: {in_window}", *lines, sep="\n", flush=True)
        print(
            f"{(batch + 1) * _TOGETHER} traces: {answers:,} answers, {rows:,} rows, {wrong} wrong", flush=True
        )
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
