"""Cases of category_roofline: kinds of kernels by a size that ranges or tags tell, and what a launch lacks.

The roofs of `made.ncu.roofline`: DRAM 10 bytes per ns, fp32 200 and bf16 1,000 FLOP per ns; 1,000 ns each.
"""

from __future__ import annotations

from made.case import Case, down
from made.ncu import Profile, roofline
from made.runs import Runs

SLOW = {"gpu__time_duration.sum": 3000}
SWEPT = {
    "made": Profile(tags={"batch_size": "64", "input_len": "128"})
    .gpu("NVIDIA H200")
    .kernel("gemm", "sweep/batch_size=1/step", metrics=roofline(bf16=8000, dram=4000))
    .kernel("gemm", "sweep/batch_size=1/step", metrics={**roofline(bf16=24_000, dram=8000), **SLOW})
    .kernel("gemm", "sweep/batch_size=512/step", metrics=roofline(bf16=800_000, dram=2000))
    # The size of another thing is none; then the tag of the trace counts.
    .kernel("gemm", "old_batch_size=7", metrics=roofline(bf16=64_000, dram=4000))
    # No FLOP take no time at any peak.
    .kernel("flash_attention", "batch_size=1,input_len=9", metrics=roofline(dram=500))
}

CASES = [
    Case(
        "kernels of a kind and a size are one point",
        traces=SWEPT,
        expected=down(
            """
            trace               made         made         made       made
            category            attention    gemm         gemm       gemm
            size                1            1            64         512
            kernels             1            2            1          1
            gpu_ns              1000         1000 + 3000  1000       1000
            flop                0            8000 + 24000  64000     800000
            at_least            false        false        false      false
            dram_bytes          500          4000 + 8000  4000       2000
            dram_flop_per_byte  0            32 / 12      16         400
            flop_per_s          0            8e9          64e9       8e11
            dram_bytes_per_s    5e8          3e9          4e9        2e9
            compute_pct         0            0.8          6.4        80   # 32,000 of 4,000,000 FLOP
            dram_pct            5            30           40         20   # 12,000 of 40,000 bytes
            useful_flop         NULL         NULL         NULL       NULL
            executed_per_useful  NULL        NULL         NULL       NULL
            """
        ),
    ),
    Case(
        "another size, of some kinds",
        traces=SWEPT,
        params={"along": "input_len", "category": ["att*", "norm"]},
        expected=down(
            """
            trace               made
            category            attention
            size                9
            kernels             1
            gpu_ns              1000
            flop                0
            at_least            false
            dram_bytes          500
            dram_flop_per_byte  0
            flop_per_s          0
            dram_bytes_per_s    5e8
            compute_pct         0
            dram_pct            5
            useful_flop         NULL
            executed_per_useful  NULL
            """
        ),
    ),
    Case(
        "what a launch lacks the point lacks, but FLOP are at least those that were counted",
        traces={
            "made": Profile()
            .gpu("NVIDIA H200")
            .kernel("gemm", metrics=roofline(bf16=8000, dram=4000))
            .kernel("gemm", ns=500)
        },
        expected=down(
            """
            trace               made
            category            gemm
            size                NULL
            kernels             2
            gpu_ns              1500
            flop                8000
            at_least            true
            dram_bytes          NULL
            dram_flop_per_byte  NULL
            flop_per_s          8000 / 1.5e-6
            dram_bytes_per_s    NULL
            compute_pct         NULL
            dram_pct            NULL
            useful_flop         NULL
            executed_per_useful  NULL
            """
        ),
    ),
    Case(
        "runs tell the useful FLOP of a step, those of the trace's model and of no other trace",
        traces=SWEPT,
        runs={
            "useful": Runs(
                {"category": "gemm", "batch_size": 1, "useful_flop": 1000, "trace": "made"},
                {"category": "gemm", "batch_size": 1, "useful_flop": 7, "trace": "other"},
                # Said twice alike; and of more than was executed.
                {"category": "gemm", "batch_size": 64, "useful_flop": 16_000, "context": 1},
                {"category": "gemm", "batch_size": 64, "useful_flop": 16_000, "context": 2},
                {"category": "gemm", "batch_size": 512, "useful_flop": 800_000, "model": "small"},
                # Of two lengths, nobody knows which.
                {"category": "attention", "batch_size": 1, "useful_flop": 5, "context": 1},
                {"category": "attention", "batch_size": 1, "useful_flop": 6, "context": 2},
            )
        },
        params={"steps": 2},
        expected=down(
            """
            trace               made         made         made       made
            category            attention    gemm         gemm       gemm
            size                1            1            64         512
            kernels             1            2            1          1
            gpu_ns              1000         1000 + 3000  1000       1000
            flop                0            8000 + 24000  64000     800000
            at_least            false        false        false      false
            dram_bytes          500          4000 + 8000  4000       2000
            dram_flop_per_byte  0            32 / 12      16         400
            flop_per_s          0            8e9          64e9       8e11
            dram_bytes_per_s    5e8          3e9          4e9        2e9
            compute_pct         0            0.8          6.4        80   # 32,000 of 4,000,000 FLOP
            dram_pct            5            30           40         20   # 12,000 of 40,000 bytes
            useful_flop         NULL         2000         32000      1600000
            executed_per_useful  NULL        16           2          0.5
            """
        ),
    ),
]
