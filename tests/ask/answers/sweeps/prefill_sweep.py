"""Cases of prefill_sweep: floor, slope, the fitted elbow, and rates that no GPU reaches."""

from __future__ import annotations

from made.case import Case, down
from made.runs import Runs

# FLOP of a token of Llama-3.1-8B, in a millisecond.
LLAMA = "13.958643712"
NO_SIZE = "flop_per_token of the model not given"
FEW = "no elbow: fewer than four points"
FLAT = "no elbow: flat within noise, or falling"
RISES = "no elbow: rises from the first point on"
BAD = "tp is no positive whole number: two; batch is no positive whole number: 0"
UNCLEAR = "an elbow by eye fits several curves: name its own by the tag sweep"

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
            gpus                  1            1            1            1
            input_len             100          200          400          800
            ms                    10           10           20           40
            overhead_floor_ms     10           10           10           10
            steady_us_per_token   50           50           50           50           # 20 ms for 400 tokens
            elbow_fit_tokens      200          200          200          200
            elbow_by_eye_tokens   180          180          180          180
            ridge_flop_per_byte   989.4 / 4.8  989.4 / 4.8  989.4 / 4.8  989.4 / 4.8
            ridge_tokens          989.4 / 4.8  989.4 / 4.8  989.4 / 4.8  989.4 / 4.8  # 2 bytes a weight, 2 FLOP
            achieved_tflop_per_s  100          200          200          200          # 10 GFLOP a token
            peak_tflop_per_s      989.4        989.4        989.4        989.4
            achieved_of_peak_pct  10000/989.4  20000/989.4  20000/989.4  20000/989.4
            sized_by              parameter    parameter    parameter    parameter
            finding               NULL         NULL         NULL         NULL
            remark                ''           ''           ''           ''
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
            f"""
            sweep                 prefill        prefill         prefill
            gpu                   H200           H200            Nobody's
            config                batch_size=2, flop_per_token=10000000000.0  batch_size=2, flop_per_token=10000000000.0  ''
            gpus                  1              1               1
            input_len             1000           2000            1000
            ms                    10             40              1
            overhead_floor_ms     10             10              1
            steady_us_per_token   30             30              NULL
            elbow_fit_tokens      NULL           NULL            NULL
            elbow_by_eye_tokens   NULL           NULL            NULL
            ridge_flop_per_byte   1978.9 / 4.8   1978.9 / 4.8    NULL
            ridge_tokens          1978.9 / 19.2  1978.9 / 19.2   NULL         # 1 byte a weight, 2 prompts
            achieved_tflop_per_s  2000           1000            13958.643712  # 2 · 10^13 in 10 ms
            peak_tflop_per_s      1978.9         1978.9          NULL
            achieved_of_peak_pct  2000/19.789    1000/19.789     NULL
            sized_by              tag            tag             Llama-3.1-8B, assumed
            finding               over 100 % of peak  NULL       NULL
            remark                {FEW}             {FEW}              {FEW}
            """
        ),
    ),
    Case(
        "an elbow belongs to the sweep of its file, the one that its tag names, or that of most of its GPUs",
        runs={
            "lab": Runs(*({"gpu": gpu, "input_len": 1, "ms": 1} for gpu in ("A", "B"))),
            "mine": Runs(
                {"gpu": "A", "input_len": 1, "ms": 1},
                {"gpu": "A", "elbow_by_eye_tokens": [6, 7]},
                {"gpu": "B", "input_len": 1, "ms": 1, "model": "x", "flop_per_token": 1e9},
                {"gpu": "B", "input_len": 1, "ms": 1, "model": "y", "flop_per_token": 1e9},
                {"gpu": "B", "model": "y", "elbow_by_eye_tokens": 8},
            ),
            "third": Runs(
                {"gpu": "A", "input_len": 1, "ms": 1},
                {"gpu": "C", "input_len": 1, "ms": 1, "model": "x"},
                {"gpu": "C", "input_len": 1, "ms": 1, "model": "y"},
            ),
            # Lab and mine share two GPUs with it: nobody knows whose they are.
            "eyes": Runs({"gpu": "A", "elbow_by_eye_tokens": 5}, {"gpu": "B", "elbow_by_eye_tokens": 6}),
            "told": Runs(
                {"gpu": "A", "sweep": "third", "elbow_by_eye_tokens": 9},
                # Which of the two models?
                {"gpu": "C", "sweep": "third", "elbow_by_eye_tokens": 10},
                {"gpu": "C", "sweep": "third", "model": "z", "elbow_by_eye_tokens": 11},
            ),
        },
        params={"sweep": None},
        expected=down(
            f"""
            sweep                 lab   lab   mine  mine  mine  third  third  third
            gpu                   A     B     A     B     B     A      C      C
            config                ''    ''    ''    flop_per_token=1000000000.0, model=x  flop_per_token=1000000000.0, model=y  ''  model=x  model=y
            gpus                  1     1     1     1     1     1      1      1
            input_len             1     1     1     1     1     1      1      1
            ms                    1     1     1     1     1     1      1      1
            overhead_floor_ms     1     1     1     1     1     1      1      1
            steady_us_per_token   NULL  NULL  NULL  NULL  NULL  NULL   NULL   NULL
            elbow_fit_tokens      NULL  NULL  NULL  NULL  NULL  NULL   NULL   NULL
            elbow_by_eye_tokens   NULL  NULL  7     NULL  8     9      NULL   NULL
            ridge_flop_per_byte   NULL  NULL  NULL  NULL  NULL  NULL   NULL   NULL
            ridge_tokens          NULL  NULL  NULL  NULL  NULL  NULL   NULL   NULL
            achieved_tflop_per_s  {LLAMA}  {LLAMA}  {LLAMA}  1  1  {LLAMA}  NULL  NULL
            peak_tflop_per_s      NULL  NULL  NULL  NULL  NULL  NULL   NULL   NULL
            achieved_of_peak_pct  NULL  NULL  NULL  NULL  NULL  NULL   NULL   NULL
            sized_by              Llama-3.1-8B, assumed  Llama-3.1-8B, assumed  Llama-3.1-8B, assumed  tag  tag  Llama-3.1-8B, assumed  NULL  NULL
            finding               NULL  NULL  NULL  NULL  NULL  NULL   NULL   NULL
            remark                {FEW}; {UNCLEAR}  {FEW}; {UNCLEAR}  {FEW}  {FEW}; {UNCLEAR}  {FEW}  {FEW}  {NO_SIZE}; {FEW}; {UNCLEAR}  {NO_SIZE}; {FEW}; {UNCLEAR}
            """
        ),
    ),
    Case(
        "the peak is that of all GPUs; replicas share the prompts; what only wavers or falls has no elbow",
        runs={
            "parallel": Runs(
                *(
                    {
                        "gpu": "H200",
                        "input_len": n,
                        "batch": 4,
                        "tp": 2,
                        "dp": 2,
                        "flop_per_token": 1e9,
                        "ms": ms,
                    }
                    for n, ms in ((100, 1), (200, 1.1), (400, 0.9), (800, 1))
                ),
                {
                    "gpu": "H200",
                    "input_len": 100,
                    "tensor_parallel_size": 2,
                    "pipeline_parallel_size": 3,
                    "data_parallel_size": 2,
                    "weight_dtype": "int4",
                    "flop_per_token": 1e9,
                    "ms": 1,
                },
            )
        },
        expected=down(
            f"""
            sweep                 parallel  parallel  parallel  parallel  parallel
            gpu                   H200      H200      H200      H200      H200
            config                batch=4, dp=2, flop_per_token=1000000000.0, tp=2  batch=4, dp=2, flop_per_token=1000000000.0, tp=2  batch=4, dp=2, flop_per_token=1000000000.0, tp=2  batch=4, dp=2, flop_per_token=1000000000.0, tp=2  data_parallel_size=2, flop_per_token=1000000000.0, pipeline_parallel_size=3, tensor_parallel_size=2, weight_dtype=int4
            gpus                  4         4         4         4         12
            input_len             100       200       400       800       100
            ms                    1         1.1       0.9       1         1
            overhead_floor_ms     1         1         1         1         1
            steady_us_per_token   0.25      0.25      0.25      0.25      NULL
            elbow_fit_tokens      NULL      NULL      NULL      NULL      NULL
            elbow_by_eye_tokens   NULL      NULL      NULL      NULL      NULL
            ridge_flop_per_byte   989.4/4.8  989.4/4.8  989.4/4.8  989.4/4.8  989.4/4.8
            ridge_tokens          989.4/9.6  989.4/9.6  989.4/9.6  989.4/9.6  989.4/19.2   # 2 prompts of a replica; half a byte a weight
            achieved_tflop_per_s  400       800/1.1   1600/0.9  3200      100
            peak_tflop_per_s      3957.6    3957.6    3957.6    3957.6    11872.8
            achieved_of_peak_pct  40000/3957.6  80000/1.1/3957.6  160000/0.9/3957.6  320000/3957.6  10000/11872.8
            sized_by              tag       tag       tag       tag       tag
            finding               NULL      NULL      NULL      NULL      NULL
            remark                {FLAT}    {FLAT}    {FLAT}    {FLAT}    {FEW}
            """
        ),
    ),
    Case(
        "a straight line has no flat part; a number that is none is named, and nothing stands for it",
        runs={
            "line": Runs(
                *(
                    {"gpu": "H200", "input_len": n, "tp": "two", "batch": 0, "ms": 5 + n / 50}
                    for n in (50, 100, 200, 400)
                ),
                {"gpu": "H200", "input_len": 50, "flop_per_token": "lots", "weight_dtype": "x", "ms": 1},
            )
        },
        expected=down(
            f"""
            sweep                 line  line  line  line  line
            gpu                   H200  H200  H200  H200  H200
            config                batch=0, tp=two  batch=0, tp=two  batch=0, tp=two  batch=0, tp=two  flop_per_token=lots, weight_dtype=x
            gpus                  NULL  NULL  NULL  NULL  1
            input_len             50    100   200   400   50
            ms                    6     7     9     13    1
            overhead_floor_ms     6     6     6     6     1
            steady_us_per_token   20    20    20    20    NULL
            elbow_fit_tokens      NULL  NULL  NULL  NULL  NULL
            elbow_by_eye_tokens   NULL  NULL  NULL  NULL  NULL
            ridge_flop_per_byte   989.4/4.8  989.4/4.8  989.4/4.8  989.4/4.8  989.4/4.8
            ridge_tokens          NULL  NULL  NULL  NULL  NULL
            achieved_tflop_per_s  NULL  NULL  NULL  NULL  NULL
            peak_tflop_per_s      NULL  NULL  NULL  NULL  989.4
            achieved_of_peak_pct  NULL  NULL  NULL  NULL  NULL
            sized_by              Llama-3.1-8B, assumed  Llama-3.1-8B, assumed  Llama-3.1-8B, assumed  Llama-3.1-8B, assumed  NULL
            finding               NULL  NULL  NULL  NULL  NULL
            remark                {BAD}; {RISES}  {BAD}; {RISES}  {BAD}; {RISES}  {BAD}; {RISES}  flop_per_token is no positive number: lots; no number of bits in weight_dtype: x; {FEW}
            """
        ),
    ),
    Case(
        "a time of 0 gives no rate, and is over no peak",
        runs={"zero": Runs({"gpu": "H200", "input_len": 50, "ms": 0})},
        expected=down(
            f"""
            sweep                 zero
            gpu                   H200
            config                ''
            gpus                  1
            input_len             50
            ms                    0
            overhead_floor_ms     0
            steady_us_per_token   NULL
            elbow_fit_tokens      NULL
            elbow_by_eye_tokens   NULL
            ridge_flop_per_byte   989.4/4.8
            ridge_tokens          989.4/4.8
            achieved_tflop_per_s  NULL
            peak_tflop_per_s      989.4
            achieved_of_peak_pct  NULL
            sized_by              Llama-3.1-8B, assumed
            finding               NULL
            remark                {FEW}
            """
        ),
    ),
]
