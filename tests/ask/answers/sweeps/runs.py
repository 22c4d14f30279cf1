"""Cases of runs: a row per run and metric, whatever was repeated and whatever is nan."""

from __future__ import annotations

from made.case import Case, across
from made.runs import Runs

TABLES = {
    "decode": Runs(
        {"gpu": "h200", "batch_size": 1, "ms_per_token": [4, 8, 6], "note": "cold"},
        {"gpu": "Nobody's", "batch_size": 2, "ms_per_token": [5, None], "power": None},
    ),
    "other": Runs({"run": 1, "power": 700}, units={"power": "W"}),
}

CASES = [
    Case(
        "repetitions are summarised; nan is no sample, and no value is NULL",
        runs=TABLES,
        expected=across(
            """
            sweep   position  gpu   tags                                       metric        unit  samples  avg   min   max
            decode  1         H200  {gpu: h200, batch_size: 1, note: cold}     ms_per_token  ms    3        6     4     8
            decode  2         NULL  {gpu: Nobody's, batch_size: 2}             ms_per_token  ms    1        5     5     5
            decode  2         NULL  {gpu: Nobody's, batch_size: 2}             power         ''    0        NULL  NULL  NULL
            other   1         NULL  {run: 1}                                   power         W     1        700   700   700
            """
        ),
    ),
    Case(
        "one sweep and the metrics of a pattern",
        runs=TABLES,
        params={"sweep": "decode", "metric": "p%"},
        expected=across(
            """
            sweep   position  gpu   tags                            metric  unit  samples  avg   min   max
            decode  2         NULL  {gpu: Nobody's, batch_size: 2}  power   ''    0        NULL  NULL  NULL
            """
        ),
    ),
]
