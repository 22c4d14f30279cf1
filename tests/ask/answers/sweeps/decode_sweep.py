"""Cases of decode_sweep: floors, growth, and where the two lines meet."""

from __future__ import annotations

from made.case import Case, across
from made.runs import Runs

# An H200 reads 4.8 TB/s and does 989.4 TFLOP/s in bf16: 16 GB take 10/3 ms, 24 GB 5 ms.
RIDGE = "989.4 / 4.8"

CASES = [
    Case(
        "flat until the lines meet: 8 ms, and from batch 4 to 8 a millisecond more for each sequence",
        runs={
            "decode": Runs(
                {"gpu": "H200", "batch_size": 1, "ms_per_token": [7, 9]},
                {"gpu": "H200", "batch_size": 2, "ms_per_token": 8.5},
                {"gpu": "H200", "batch_size": 4, "ms_per_token": 10},
                {"gpu": "H200", "batch_size": 8, "ms_per_token": 14},
            )
        },
        expected=across(
            f"""
            sweep   gpu   config  batch_size  ms_per_token  tokens_per_s  growth_pct  floor_ms  hbm_utilisation_pct  finding  empirical_ridge_batch  ridge_flop_per_byte
            decode  H200  ''      1           8             125           0           10/3      1000/24              NULL  2                      {RIDGE}
            decode  H200  ''      2           8.5           2000/8.5      6.25        10/3      1000/25.5            NULL  2                      {RIDGE}
            decode  H200  ''      4           10            400           25          10/3      1000/30              NULL  2                      {RIDGE}
            decode  H200  ''      8           14            8000/14       75          10/3      1000/42              NULL  2                      {RIDGE}
            """
        ),
    ),
    Case(
        "other tags keep runs apart; under the floor is flagged; of an unknown GPU there is no floor",
        runs={
            "steps": Runs(
                {"gpu": "H200", "batch": 2, "model": "big", "weight_bytes": 24e9, "step_us": 4000},
                {"gpu": "H200", "batch": 4, "model": "big", "weight_bytes": 24e9, "step_us": 10_000},
                {"gpu": "Nobody's", "batch": 1, "model": "big", "step_us": 2000},
                # Not measured; no batch size.
                {"gpu": "Nobody's", "batch": 2, "model": "big", "step_us": None},
                {"gpu": "Nobody's", "model": "big", "step_us": 2000},
            ),
            "elsewhere": Runs({"gpu": "H200", "batch": 1, "step_us": 1}),
        },
        params={"sweep": "steps", "metric": "step_us", "precision": "fp8"},
        expected=across(
            """
            sweep  gpu       config                                batch_size  ms_per_token  tokens_per_s  growth_pct  floor_ms  hbm_utilisation_pct  finding          empirical_ridge_batch  ridge_flop_per_byte
            steps  H200      model=big, weight_bytes=24000000000.0  2          4             500           NULL        5         125                  under the floor  NULL                   1978.9 / 4.8
            steps  H200      model=big, weight_bytes=24000000000.0  4          10            400           NULL        5         50                   NULL             NULL                   1978.9 / 4.8
            steps  Nobody's  model=big                             1           2             500           0           NULL      NULL                 NULL             NULL                   NULL
            """
        ),
    ),
    Case(
        "only the runs on one GPU, by its name in gpu_specs; lines that meet outside the sweep do not count",
        runs={
            "decode": Runs(
                {"gpu": "NVIDIA H200", "batch_size": 1, "ms_per_token": 8},
                {"gpu": "NVIDIA H200", "batch_size": 2, "ms_per_token": 16},
                {"gpu": "NVIDIA H200", "batch_size": 4, "ms_per_token": 20},
                {"gpu": "H100", "batch_size": 1, "ms_per_token": 8},
            )
        },
        params={"gpu": "H200", "weight_bytes": 24e9},
        expected=across(
            f"""
            # 2 ms a sequence through 16 ms at 2: 8 ms at -2.
            sweep   gpu          config  batch_size  ms_per_token  tokens_per_s  growth_pct  floor_ms  hbm_utilisation_pct  finding  empirical_ridge_batch  ridge_flop_per_byte
            decode  NVIDIA H200  ''      1           8             125           0           5         62.5                 NULL  NULL                   {RIDGE}
            decode  NVIDIA H200  ''      2           16            125           100         5         31.25                NULL  NULL                   {RIDGE}
            decode  NVIDIA H200  ''      4           20            200           150         5         25                   NULL  NULL                   {RIDGE}
            """
        ),
    ),
]
