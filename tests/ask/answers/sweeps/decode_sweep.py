"""Cases of decode_sweep: floors, growth, and where the two lines meet."""

from __future__ import annotations

from made.case import Case, across
from made.runs import Runs

# An H200 reads 4.8 TB/s and does 989.4 TFLOP/s in bf16: 16 GB take 10/3 ms, 24 GB 5 ms.
RIDGE = "989.4 / 4.8"
HEAD = (
    "sweep  gpu  config  gpus  batch_size  ms_per_token  tokens_per_s  growth_pct  floor_ms  hbm_utilisation_pct"
    "  sized_by  finding  remark  empirical_ridge_batch  ridge_flop_per_byte  ridge_batch"
)
NO_SIZE = "weight_bytes of the model not given"
FEW = "no elbow: fewer than three batch sizes"
FLAT = "no elbow: flat within noise, or falling"
RISES = "no elbow: rises from the first point on"
DOUBLE = "no elbow: of three times, the last has to double"

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
            {HEAD}
            decode  H200  ''  1  1  8    125       0     10/3  1000/24    Llama-3.1-8B, assumed  NULL  ''  2  {RIDGE}  {RIDGE}
            decode  H200  ''  1  2  8.5  2000/8.5  6.25  10/3  1000/25.5  Llama-3.1-8B, assumed  NULL  ''  2  {RIDGE}  {RIDGE}
            decode  H200  ''  1  4  10   400       25    10/3  1000/30    Llama-3.1-8B, assumed  NULL  ''  2  {RIDGE}  {RIDGE}
            decode  H200  ''  1  8  14   8000/14   75    10/3  1000/42    Llama-3.1-8B, assumed  NULL  ''  2  {RIDGE}  {RIDGE}
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
            f"""
            # At the peak of fp8 weights are taken for fp8, too: 1 byte each halves the batch at the ridge.
            {HEAD}
            steps  H200      model=big, weight_bytes=24000000000.0  1  2  4   500  NULL  5     125   tag   under the floor  {FEW}         NULL  1978.9 / 4.8  1978.9 / 9.6
            steps  H200      model=big, weight_bytes=24000000000.0  1  4  10  400  NULL  5     50    tag   NULL             {FEW}         NULL  1978.9 / 4.8  1978.9 / 9.6
            steps  Nobody's  model=big                              1  1  2   500  0     NULL  NULL  NULL  NULL             {NO_SIZE}; {FEW}  NULL  NULL          NULL
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
            {HEAD}
            decode  NVIDIA H200  ''  1  1  8   125  0    5  62.5   parameter  NULL  {RISES}  NULL  {RIDGE}  {RIDGE}
            decode  NVIDIA H200  ''  1  2  16  125  100  5  31.25  parameter  NULL  {RISES}  NULL  {RIDGE}  {RIDGE}
            decode  NVIDIA H200  ''  1  4  20  200  150  5  25     parameter  NULL  {RISES}  NULL  {RIDGE}  {RIDGE}
            """
        ),
    ),
    Case(
        "three batch sizes bend where the time doubles: 10 ms, then a millisecond for each sequence",
        runs={
            "short": Runs(
                {"gpu": "Nobody's", "batch": 1, "ms_per_token": 10},
                {"gpu": "Nobody's", "batch": 20, "ms_per_token": 20},
                {"gpu": "Nobody's", "batch": 40, "ms_per_token": 40},
            ),
            "slow": Runs(
                {"gpu": "Nobody's", "batch": 1, "ms_per_token": 10},
                {"gpu": "Nobody's", "batch": 20, "ms_per_token": 11},
                {"gpu": "Nobody's", "batch": 40, "ms_per_token": 19},
            ),
        },
        expected=across(
            f"""
            {HEAD}
            short  Nobody's  ''  1  1   10  100       0    NULL  NULL  Llama-3.1-8B, assumed  NULL  ''  10    NULL  NULL
            short  Nobody's  ''  1  20  20  1000      100  NULL  NULL  Llama-3.1-8B, assumed  NULL  ''  10    NULL  NULL
            short  Nobody's  ''  1  40  40  1000      300  NULL  NULL  Llama-3.1-8B, assumed  NULL  ''  10    NULL  NULL
            slow   Nobody's  ''  1  1   10  100       0    NULL  NULL  Llama-3.1-8B, assumed  NULL  {DOUBLE}  NULL  NULL  NULL
            slow   Nobody's  ''  1  20  11  20000/11  10   NULL  NULL  Llama-3.1-8B, assumed  NULL  {DOUBLE}  NULL  NULL  NULL
            slow   Nobody's  ''  1  40  19  40000/19  90   NULL  NULL  Llama-3.1-8B, assumed  NULL  {DOUBLE}  NULL  NULL  NULL
            """
        ),
    ),
    Case(
        "no ridge of a curve that only wavers, though its last two points rise",
        runs={
            "flat": Runs(
                *(
                    {"gpu": "Nobody's", "batch": batch, "ms_per_token": ms}
                    for batch, ms in ((1, 10), (2, 10.5), (4, 9.5), (8, 10), (16, 10.25))
                )
            )
        },
        expected=across(
            f"""
            {HEAD}
            flat  Nobody's  ''  1  1   10     100          0    NULL  NULL  Llama-3.1-8B, assumed  NULL  {FLAT}  NULL  NULL  NULL
            flat  Nobody's  ''  1  2   10.5   2000/10.5    5    NULL  NULL  Llama-3.1-8B, assumed  NULL  {FLAT}  NULL  NULL  NULL
            flat  Nobody's  ''  1  4   9.5    4000/9.5     -5   NULL  NULL  Llama-3.1-8B, assumed  NULL  {FLAT}  NULL  NULL  NULL
            flat  Nobody's  ''  1  8   10     800          0    NULL  NULL  Llama-3.1-8B, assumed  NULL  {FLAT}  NULL  NULL  NULL
            flat  Nobody's  ''  1  16  10.25  16000/10.25  2.5  NULL  NULL  Llama-3.1-8B, assumed  NULL  {FLAT}  NULL  NULL  NULL
            """
        ),
    ),
    Case(
        "two GPUs share the weights; the type of weights moves the ridge; numbered repetitions are one point",
        runs={
            "parallel": Runs(
                {"gpu": "H200", "batch": 1, "tp": 2, "repeat": 1, "ms_per_token": 2},
                {"gpu": "H200", "batch": 1, "tp": 2, "repeat": 2, "ms_per_token": 3},
                {"gpu": "H200", "batch": 1, "tp": 2, "repeat": 3, "seed": 7, "ms_per_token": 4},
                {"gpu": "H200", "batch": 1, "tensor_parallel_size": 4, "pp": 2, "ms_per_token": 1},
                {"gpu": "H200", "batch": 1, "quantization": "awq_marlin", "ms_per_token": 2},
                {"gpu": "H200", "batch": 1, "quantization": "fp8", "ms_per_token": 2},
                {"gpu": "H200", "batch": 1, "weight_dtype": "int4", "run": "warm", "ms_per_token": 2},
                {"gpu": "H200", "batch": 1, "quantization": "gptq", "ms_per_token": 2},
            )
        },
        expected=across(
            f"""
            # 16 GB in 10/3 ms by one GPU, 5/3 ms by two, 5/6 by four; 8 and 4 GB of smaller weights.
            {HEAD}
            parallel  H200  pp=2, tensor_parallel_size=4       4  1  1  1000   0  5/6   500/6  Llama-3.1-8B, assumed  NULL  {FEW}  NULL  {RIDGE}  {RIDGE}
            parallel  H200  quantization=awq_marlin  1  1  2  500  0  5/6  500/12  Llama-3.1-8B, assumed  NULL  {FEW}  NULL  {RIDGE}  989.4 / 19.2
            parallel  H200  quantization=fp8                   1  1  2  500    0  5/3   500/6  Llama-3.1-8B, assumed  NULL  {FEW}  NULL  {RIDGE}  989.4 / 9.6
            parallel  H200  quantization=gptq                  1  1  2  500    0  NULL  NULL   NULL          NULL  {NO_SIZE}; weight_dtype of the model not given; {FEW}  NULL  {RIDGE}  NULL
            parallel  H200  run=warm, weight_dtype=int4    1  1  2  500    0  5/6   500/12  Llama-3.1-8B, assumed  NULL  {FEW}  NULL  {RIDGE}  989.4 / 19.2
            parallel  H200  tp=2                               2  1  3  1000/3  0  5/3   500/9  Llama-3.1-8B, assumed  NULL  {FEW}  NULL  {RIDGE}  {RIDGE}
            """
        ),
    ),
    Case(
        "a whole run is divided by the tokens of a sequence; only Llama-3.1-8B has its size",
        runs={
            "whole": Runs(
                {
                    "gpu": "H200",
                    "batch": 1,
                    "output_len": 100,
                    "model": "meta/Llama-3.1-8B-Instruct",
                    "latency_s": 1,
                },
                {
                    "gpu": "H200",
                    "batch": 1,
                    "output_length": 50,
                    "model_name": "Llama-3.1-8B-AWQ",
                    "latency_s": 1,
                },
                {"gpu": "H200", "batch": 1, "model": "other", "latency_s": 1},
            )
        },
        params={"metric": "latency_s", "weight_dtype": "bf16"},
        expected=across(
            f"""
            {HEAD}
            whole  H200  model=meta/Llama-3.1-8B-Instruct, output_len=100   1  1  10    100   0     10/3  100/3  Llama-3.1-8B  NULL  {FEW}         NULL  {RIDGE}  {RIDGE}
            whole  H200  model=other                                        1  1  NULL  NULL  NULL  NULL  NULL   NULL          NULL  latency_s is of a whole run, and no tag output_len tells its tokens; {NO_SIZE}  NULL  {RIDGE}  {RIDGE}
            whole  H200  model_name=Llama-3.1-8B-AWQ, output_length=50      1  1  20    50    0     NULL  NULL   NULL          NULL  {NO_SIZE}; {FEW}  NULL  {RIDGE}  {RIDGE}
            """
        ),
    ),
    Case(
        "four batch sizes bend at the last but one, or before it; a straight line has no flat part",
        runs={
            "four": Runs(
                *(
                    {"gpu": "Nobody's", "batch": batch, "case": case, "ms_per_token": ms}
                    for case, curve in {
                        "bend": ((1, 10), (8, 10.2), (64, 12), (256, 30)),
                        "line": ((1, 9), (2, 10), (4, 12), (8, 16)),
                        "sharp": ((1, 8), (32, 8), (128, 8), (512, 32)),
                    }.items()
                    for batch, ms in curve
                )
            )
        },
        expected=across(
            f"""
            # 18 ms for 192 sequences: 12 ms at 64 is 10 ms 64/3 earlier.
            {HEAD}
            four  Nobody's  case=bend   1  1    10    100         0    NULL  NULL  Llama-3.1-8B, assumed  NULL  ''       128/3  NULL  NULL
            four  Nobody's  case=bend   1  8    10.2  8000/10.2   2    NULL  NULL  Llama-3.1-8B, assumed  NULL  ''       128/3  NULL  NULL
            four  Nobody's  case=bend   1  64   12    64000/12    20   NULL  NULL  Llama-3.1-8B, assumed  NULL  ''       128/3  NULL  NULL
            four  Nobody's  case=bend   1  256  30    256000/30   200  NULL  NULL  Llama-3.1-8B, assumed  NULL  ''       128/3  NULL  NULL
            four  Nobody's  case=line   1  1    9     1000/9      0    NULL  NULL  Llama-3.1-8B, assumed  NULL  {RISES}  NULL   NULL  NULL
            four  Nobody's  case=line   1  2    10    200         100/9  NULL  NULL  Llama-3.1-8B, assumed  NULL  {RISES}  NULL   NULL  NULL
            four  Nobody's  case=line   1  4    12    4000/12     300/9  NULL  NULL  Llama-3.1-8B, assumed  NULL  {RISES}  NULL   NULL  NULL
            four  Nobody's  case=line   1  8    16    500         700/9  NULL  NULL  Llama-3.1-8B, assumed  NULL  {RISES}  NULL   NULL  NULL
            four  Nobody's  case=sharp  1  1    8     125         0    NULL  NULL  Llama-3.1-8B, assumed  NULL  ''       128    NULL  NULL
            four  Nobody's  case=sharp  1  32   8     4000        0    NULL  NULL  Llama-3.1-8B, assumed  NULL  ''       128    NULL  NULL
            four  Nobody's  case=sharp  1  128  8     16000       0    NULL  NULL  Llama-3.1-8B, assumed  NULL  ''       128    NULL  NULL
            four  Nobody's  case=sharp  1  512  32    16000       300  NULL  NULL  Llama-3.1-8B, assumed  NULL  ''       128    NULL  NULL
            """
        ),
    ),
    Case(
        "a size, a number of GPUs, tokens or a type that is no number is named, and nothing stands for it",
        runs={
            "bad": Runs(
                {"gpu": "H200", "batch": 1, "tp": 0, "weight_bytes": -5, "latency_ms": 3, "output_len": 1},
                {"gpu": "H200", "batch": 1, "weight_dtype": "banana", "latency_ms": 3, "output_len": 1},
                {"gpu": "H200", "batch": 1, "weight_bytes": 16e9, "latency_ms": 3, "output_len": -2},
            )
        },
        params={"metric": "latency_ms"},
        expected=across(
            f"""
            {HEAD}
            bad  H200  output_len=-2, weight_bytes=16000000000.0  1     1  NULL  NULL    NULL  10/3  NULL  tag   NULL  latency_ms is of a whole run, and no tag output_len tells its tokens; output_len is no positive whole number: -2  NULL  {RIDGE}  {RIDGE}
            bad  H200  output_len=1, tp=0, weight_bytes=-5        NULL  1  3     1000/3  0     NULL  NULL  NULL  NULL  tp is no positive whole number: 0; weight_bytes is no positive number: -5; {FEW}  NULL  {RIDGE}  {RIDGE}
            bad  H200  output_len=1, weight_dtype=banana          1     1  3     1000/3  0     NULL  NULL  NULL  NULL  {NO_SIZE}; no number of bits in weight_dtype: banana; {FEW}  NULL  {RIDGE}  NULL
            """
        ),
    ),
    Case(
        "a time of 0 gives no rate, and nothing grows from it",
        runs={
            "zero": Runs(
                {"gpu": "Nobody's", "batch": 1, "ms_per_token": 0},
                {"gpu": "Nobody's", "batch": 2, "ms_per_token": 4},
            )
        },
        expected=across(
            f"""
            {HEAD}
            zero  Nobody's  ''  1  1  0  NULL  NULL  NULL  NULL  Llama-3.1-8B, assumed  NULL  {FEW}  NULL  NULL  NULL
            zero  Nobody's  ''  1  2  4  500   NULL  NULL  NULL  Llama-3.1-8B, assumed  NULL  {FEW}  NULL  NULL  NULL
            """
        ),
    ),
]
