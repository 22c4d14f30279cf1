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
                {
                    "trace": "before",
                    "gpu": "H200",
                    "latency_avg_s": [1, 1, 6],
                    "latency_p50_s": [1, 1.5],
                    "spec_num_draft_tokens": 20,
                    "draft_tokens": 4,
                },
                {"trace": "before", "gpu": "H200", "spec_num_accepted_tokens": 10},
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
            bonus_tokens      5         NULL     NULL   NULL       not known of after (traceql import-runs FILE --tag trace=NAME)  # 20 of 4 each
            committed_tokens  NULL      16       NULL   NULL       not known of before (traceql import-runs FILE --tag trace=NAME)
            draft_tokens      20        20       0      0          ''
            latency_s         8/3       2.5      -1/6   -6.25      ''  # mean of 1, 1 and 6
            median_latency_s  1.25      NULL     NULL   NULL       not known of after (traceql import-runs FILE --tag trace=NAME)  # mean of the medians that are told
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
            bonus_tokens      NULL      NULL     NULL   NULL       not known of off, stage (traceql import-runs FILE --tag trace=NAME)
            committed_tokens  8         4        -4     -50        ''
            draft_tokens      NULL      NULL     NULL   NULL       not known of off, stage (traceql import-runs FILE --tag trace=NAME)
            latency_s         0.5       NULL     NULL   NULL       not known of stage (traceql import-runs FILE --tag trace=NAME)
            median_latency_s  NULL      NULL     NULL   NULL       not known of off, stage (traceql import-runs FILE --tag trace=NAME)
            rejected_pct      50        75       25     50         ''
            staged_tokens     8         10       2      25         ''
            writes_saved_pct  0         60       60     NULL       ''
            """
        ),
    ),
    Case(
        "runs without a trace go by the name of their sweep, and by what tells them apart where it has several",
        runs={
            "one": Runs(
                {"requests": 8, "spec_num_drafts": 3, "latency_s": [2, 2, 8], "nwor_mode": "off"},
                {"requests": 8, "spec_num_drafts": 5, "nwor_mode": "off"},
                # A batch is a part of it.
                {"requests": 8, "scope": "batch", "nwor_mode": "off", "latency_s": 100},
            ),
            "several": Runs(
                {"scv_mode": "off", "nwor_mode": "off", "requests": 8, "latency_s": 100},
                {"scv_mode": "off", "nwor_mode": "stage", "requests": 8, "latency_s": [5, 1, 3]},
                {"scv_mode": "graph", "nwor_mode": "stage", "requests": 8, "latency_s": 100},
            ),
        },
        params={"baseline": "one", "variant": "several:stage/off"},
        expected=across(
            """
            measure           baseline  variant  delta  delta_pct  remark
            acceptance_pct    NULL      NULL     NULL   NULL       not known of one, several:stage/off
            accepted_tokens   NULL      NULL     NULL   NULL       not known of one, several:stage/off
            bonus_tokens      4         NULL     NULL   NULL       not known of several:stage/off
            committed_tokens  NULL      NULL     NULL   NULL       not known of one, several:stage/off
            draft_tokens      NULL      NULL     NULL   NULL       not known of one, several:stage/off
            latency_s         4         3        -1     -25        ''
            median_latency_s  2         3        1      50         ''
            rejected_pct      NULL      NULL     NULL   NULL       not known of one, several:stage/off
            staged_tokens     NULL      NULL     NULL   NULL       not known of one, several:stage/off
            writes_saved_pct  NULL      NULL     NULL   NULL       not known of one, several:stage/off
            """
        ),
    ),
    Case(
        "runs with the same values of different tags are not the same run",
        runs={
            "sweep": Runs(
                {"tp": "2", "latency_avg_s": 3},
                {"pp": "2", "latency_avg_s": 5},
            )
        },
        params={"baseline": "sweep:tp=2", "variant": "sweep:pp=2"},
        expected=across(
            """
            measure           baseline  variant  delta  delta_pct  remark
            acceptance_pct  NULL  NULL  NULL  NULL  not known of sweep:tp=2, sweep:pp=2
            accepted_tokens  NULL  NULL  NULL  NULL  not known of sweep:tp=2, sweep:pp=2
            bonus_tokens  NULL  NULL  NULL  NULL  not known of sweep:tp=2, sweep:pp=2
            committed_tokens  NULL  NULL  NULL  NULL  not known of sweep:tp=2, sweep:pp=2
            draft_tokens  NULL  NULL  NULL  NULL  not known of sweep:tp=2, sweep:pp=2
            latency_s  3.0  5.0  2.0  200 / 3  ''
            median_latency_s  NULL  NULL  NULL  NULL  not known of sweep:tp=2, sweep:pp=2
            rejected_pct  NULL  NULL  NULL  NULL  not known of sweep:tp=2, sweep:pp=2
            staged_tokens  NULL  NULL  NULL  NULL  not known of sweep:tp=2, sweep:pp=2
            writes_saved_pct  NULL  NULL  NULL  NULL  not known of sweep:tp=2, sweep:pp=2
            """
        ),
    ),
]
