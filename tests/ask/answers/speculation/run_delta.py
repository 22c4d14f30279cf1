"""Cases of run_delta: which runs belong to a trace, and what of them is known."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile
from made.runs import Runs

CASES = [
    Case(
        "a tag of the trace comes before its runs, which are averaged; a run that differs in a tag is another's",
        traces={
            "before": Profile().kernel(ns=1),
            "after": Profile(tags={"gpu": "H200", "spec_num_accepted_tokens": "15"}).kernel(ns=1),
        },
        runs={
            "mine": Runs(
                {"trace": "before", "gpu": "H200", "latency_avg_s": 1, "spec_num_draft_tokens": 20},
                {"trace": "before", "gpu": "H200", "latency_avg_s": 3, "spec_num_accepted_tokens": 10},
                {
                    "trace": "after",
                    "gpu": "H200",
                    "latency_avg_s": 2.5,
                    "spec_num_draft_tokens": 20,
                    "spec_num_accepted_tokens": 7,
                    "nwor_tokens_staged": 64,
                    "nwor_tokens_committed": 16,
                },
                {"trace": "after", "gpu": "A100", "latency_avg_s": 9},
            )
        },
        params={"baseline": "before", "variant": "after"},
        expected=across(
            """
            measure           baseline  variant  delta  delta_pct  remark
            acceptance_pct    50        75       25     50         ''
            accepted_tokens   10        15       5      50         ''  # the tag's 15, not the run's 7
            committed_tokens  NULL      16       NULL   NULL       not known of before (traceql import-runs FILE --tag trace=NAME)
            draft_tokens      20        20       0      0          ''
            latency_s         2         2.5      0.5    25         ''  # mean of 1 and 3
            rejected_pct      50        25       -25    -50        ''
            staged_tokens     NULL      64       NULL   NULL       not known of before (traceql import-runs FILE --tag trace=NAME)
            writes_saved_pct  NULL      75       NULL   NULL       not known of before (traceql import-runs FILE --tag trace=NAME)  # 48 of 64
            """
        ),
    ),
    Case(
        "runs of the same modes belong to a trace, but not if they name another; two files are not one measurement",
        traces={
            "off": Profile(tags={"nwor_mode": "off", "scv_mode": "off"}).kernel(ns=1),
            "stage": Profile(tags={"nwor_mode": "stage", "scv_mode": "off"}).kernel(ns=1),
        },
        runs={
            "sweep": Runs(
                {
                    "nwor_mode": "off",
                    "scv_mode": "off",
                    "scope": "mode",
                    "avg_latency": 0.5,
                    "spec_acceptance_ratio": 0.5,
                    "nwor_tokens_staged": 8,
                    "nwor_tokens_committed": 8,
                },
                # A batch is a part of the summary.
                {"nwor_mode": "off", "scv_mode": "off", "scope": "batch", "avg_latency": 9},
                {
                    "nwor_mode": "stage",
                    "scv_mode": "off",
                    "avg_latency": 0.4,
                    "spec_acceptance_ratio": 0.25,
                    "nwor_tokens_staged": 10,
                    "nwor_tokens_committed": 4,
                },
                {"nwor_mode": "stage", "scv_mode": "off", "trace": "off", "avg_latency": 9},
            ),
            "again": Runs({"nwor_mode": "stage", "scv_mode": "off", "avg_latency": 0.4}),
        },
        params={"baseline": "off", "variant": "stage"},
        expected=across(
            """
            measure           baseline  variant  delta  delta_pct  remark
            acceptance_pct    50        25       -25    -50        ''
            accepted_tokens   NULL      NULL     NULL   NULL       not known of off, stage (traceql import-runs FILE --tag trace=NAME)
            committed_tokens  8         4        -4     -50        ''
            draft_tokens      NULL      NULL     NULL   NULL       not known of off, stage (traceql import-runs FILE --tag trace=NAME)
            latency_s         0.5       NULL     NULL   NULL       not known of stage (traceql import-runs FILE --tag trace=NAME)
            rejected_pct      50        75       25     50         ''
            staged_tokens     8         10       2      25         ''
            writes_saved_pct  0         60       60     NULL       ''
            """
        ),
    ),
]
