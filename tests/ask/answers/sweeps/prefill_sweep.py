"""Cases of prefill_sweep: floor, slope, the fitted elbow, and rates that no GPU reaches."""

from __future__ import annotations

from made.case import Case, down
from made.runs import Runs

CASES = [
    Case(
        "flat at 10 ms up to 200 tokens, then 50 µs for each: the fit finds 200, an eye saw 180",
        runs={
            "prefill": Runs(
                {"gpu": "H200", "input_len": 100, "ms": [9, 11]},
                {"gpu": "H200", "input_len": 200, "ms": 10},
                {"gpu": "H200", "input_len": 400, "ms": 20},
                {"gpu": "H200", "input_len": 800, "ms": 40},
            ),
            "read": Runs(
                {"gpu": "H200", "elbow_by_eye_tokens": 180}, {"gpu": "L40S", "elbow_by_eye_tokens": 9}
            ),
        },
        params={"flop_per_token": 1e10},
        expected=down(
            """
            sweep                 prefill      prefill      prefill      prefill
            gpu                   H200         H200         H200         H200
            config                ''           ''           ''           ''
            input_len             100          200          400          800
            ms                    10           10           20           40
            overhead_floor_ms     10           10           10           10
            steady_us_per_token   50           50           50           50           # 20 ms for 400 tokens
            elbow_fit_tokens      200          200          200          200
            elbow_by_eye_tokens   180          180          180          180
            ridge_flop_per_byte   989.4 / 4.8  989.4 / 4.8  989.4 / 4.8  989.4 / 4.8
            achieved_tflop_per_s  100          200          200          200          # 10 GFLOP a token
            peak_tflop_per_s      989.4        989.4        989.4        989.4
            achieved_of_peak_pct  10000/989.4  20000/989.4  20000/989.4  20000/989.4
            finding               NULL         NULL         NULL         NULL
            """
        ),
    ),
    Case(
        "other tags keep runs apart, the batch multiplies the work, and over the peak is flagged",
        runs={
            "prefill": Runs(
                {
                    "gpu": "H200",
                    "input_len": 1000,
                    "batch_size": 2,
                    "flop_per_token": 1e10,
                    "prefill_s": 0.01,
                },
                {
                    "gpu": "H200",
                    "input_len": 2000,
                    "batch_size": 2,
                    "flop_per_token": 1e10,
                    "prefill_s": 0.04,
                },
                {"gpu": "Nobody's", "input_len": 1000, "prefill_s": 0.001},
                {"gpu": "Nobody's", "input_len": 2000, "prefill_s": None},
            ),
            "elsewhere": Runs({"gpu": "H200", "input_len": 1, "prefill_s": 1}),
        },
        params={"sweep": "prefill", "metric": "prefill_s", "precision": "fp8"},
        expected=down(
            """
            sweep                 prefill        prefill         prefill
            gpu                   H200           H200            Nobody's
            config                batch_size=2, flop_per_token=10000000000.0  batch_size=2, flop_per_token=10000000000.0  ''
            input_len             1000           2000            1000
            ms                    10             40              1
            overhead_floor_ms     10             10              1
            steady_us_per_token   30             30              NULL
            elbow_fit_tokens      NULL           NULL            NULL
            elbow_by_eye_tokens   NULL           NULL            NULL
            ridge_flop_per_byte   1978.9 / 4.8   1978.9 / 4.8    NULL
            achieved_tflop_per_s  2000           1000            13958.643712  # 2 · 10^13 in 10 ms
            peak_tflop_per_s      1978.9         1978.9          NULL
            achieved_of_peak_pct  2000/19.789    1000/19.789     NULL
            finding               over 100 % of peak  NULL       NULL
            """
        ),
    ),
]
