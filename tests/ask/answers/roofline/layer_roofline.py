"""Cases of layer_roofline: what tells layer, phase and prompt length, and that layers of one kind add up.

The roofs of `made.ncu.roofline`: DRAM 10, L2 20 and L1 40 bytes per ns, fp32 200 and bf16 1,000 FLOP per ns.
"""

from __future__ import annotations

from made.case import Case, down
from made.ncu import L1, Profile, roofline
from made.runs import Runs


def module(name: str) -> str:
    """The text of a range of vLLM's layerwise tracing."""
    return f"{{'Module': '{name}', 'Inputs': [[8, 4]]}}"


PREFILL, DECODE = "execute_context_1(512)_generation_0(0)", "execute_context_0(0)_generation_4(4)"

CASES = [
    Case(
        "ranges tell layer and phase: those of vLLM, or words; a kernel outside layers is left out",
        traces={
            "made": Profile()
            .gpu("NVIDIA H200")
            .kernel("up", f"{PREFILL}/layer/mlp", metrics=roofline(bf16=300_000, dram=1000, l2=2000, l1=4000))
            .kernel(
                "down",
                f"{PREFILL}/layer/mlp/down",
                metrics=roofline(bf16=500_000, dram=1000, l2=4000, l1=8000),
            )
            .kernel(
                "attend",
                f"{DECODE}/layer/attention",
                metrics=roofline(fp32=20_000, dram=8000, l2=8000, l1=8000),
            )
            .kernel(
                "scan",
                "phase=warm seq_len=64/layer_kind=mamba",
                metrics=roofline(fp32=1000, dram=10, l2=20, l1=50),
            )
            .kernel("sample", PREFILL, metrics=roofline(fp32=1000))
        },
        expected=down(
            """
            trace                      made                made            made
            layer_kind                 attention           mamba           mlp
            phase                      decode              warm            prefill
            seq_len                    NULL                64              NULL
            calls                      1                   1               1
            kernels                    1                   1               2
            gpu_ns                     1000                1000            1000 + 1000
            flop                       20000               1000            300000 + 500000
            at_least                   false           false           false
            precision                  fp32                fp32            bf16
            bound                      memory_bound        compute_bound   compute_bound  # 100, 5 and 800 ns; 800, 1 and 200 ns
            dram_flop_per_byte         2.5                 100             400
            flop_per_s                 2e10                1e9             4e11
            dram_bytes_per_s           8e9                 1e7             1e9
            compute_pct                10                  0.5             40
            dram_pct                   80                  0.1             10
            datasheet_compute_pct      100 * 20 / 66900    100 * 1 / 66900  100 * 400 / 989400
            datasheet_dram_pct         100 * 8 / 4800      100 * 0.01 / 4800  100 * 1 / 4800
            profiled_flop_per_s        2e11                2e11            1e12
            profiled_dram_bytes_per_s  1e10                1e10            1e10
            profiled_l2_bytes_per_s    2e10                2e10            2e10
            profiled_l1_bytes_per_s    4e10                4e10            4e10
            datasheet_flop_per_s       66.9e12             66.9e12         989.4e12
            datasheet_dram_bytes_per_s  4.8e12             4.8e12          4.8e12
            datasheet_source          datasheet  datasheet  datasheet
            bound_by                   profiled            profiled        profiled
            flop_by_precision          {fp32: 20000.0}     {fp32: 1000.0}  {bf16: 800000.0}
            dram_bytes                 8000                10              2000
            l2_bytes                   8000                20              6000
            l1_bytes                   8000                50              12000
            l2_flop_per_byte           2.5                 50              800/6
            l1_flop_per_byte           2.5                 20              800/12
            l2_bytes_per_s             8e9                 2e7             3e9
            l1_bytes_per_s             8e9                 5e7             6e9
            l2_pct                     40                  0.1             15
            l1_pct                     20                  0.125           15
            l2_metric                  lts__lts2xbar_cycles_active.sum    lts__lts2xbar_cycles_active.sum  lts__lts2xbar_cycles_active.sum
            l1_metric                  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum
            lacks                      NULL                NULL            NULL
            useful_flop                NULL                NULL            NULL
            executed_per_useful        NULL                NULL            NULL
            """
        ),
    ),
    Case(
        "tags of the trace come before its ranges, and tell what the work needs; nothing and something unknown leave no sum",
        traces={
            "tagged": Profile(
                tags={"layer_kind": "mamba", "phase": "decode", "seq_len": "4096", "useful_flop": "2000"}
            )
            .kernel(
                "scan", "phase=prefill seq_len=8/layer/mlp", metrics=roofline(fp32=2000, dram=100, l2=400)
            )
            .kernel("conv", metrics={**roofline(fp32=1000, dram=100, l2=200), L1: None}),
            "other": Profile(tags={"layer_kind": "mlp"}).kernel("up", metrics=roofline(fp32=2)),
        },
        params={"layer_kind": "m?mba", "phase": "decode", "trace": "tagged"},
        expected=down(
            """
            trace                      tagged
            layer_kind                 mamba
            phase                      decode
            seq_len                    4096
            calls                      1
            kernels                    2
            gpu_ns                     2000
            flop                       3000
            at_least                   false
            precision                  fp32
            bound                      memory_bound      # 15 ns of fp32, 20 of DRAM
            dram_flop_per_byte         15
            flop_per_s                 1.5e9
            dram_bytes_per_s           1e8
            compute_pct                0.75
            dram_pct                   1
            datasheet_compute_pct      NULL              # no GPU is named
            datasheet_dram_pct         NULL
            profiled_flop_per_s        2e11
            profiled_dram_bytes_per_s  1e10
            profiled_l2_bytes_per_s    2e10
            profiled_l1_bytes_per_s    NULL
            datasheet_flop_per_s       NULL
            datasheet_dram_bytes_per_s  NULL
            datasheet_source          NULL
            bound_by                   profiled
            flop_by_precision          {fp32: 3000.0}
            dram_bytes                 200
            l2_bytes                   600
            l1_bytes                   NULL              # of 0 and something not known
            l2_flop_per_byte           5
            l1_flop_per_byte           NULL
            l2_bytes_per_s             3e8
            l1_bytes_per_s             NULL
            l2_pct                     1.5
            l1_pct                     NULL
            l2_metric                  lts__lts2xbar_cycles_active.sum
            l1_metric                  l1tex__lsu_writeback_active_mem_lgds.sum
            lacks                      L1 bytes (--metrics l1tex__t_bytes.sum) of 1 of 2 kernels
            useful_flop                2000
            executed_per_useful        1.5
            """
        ),
    ),
    Case(
        "modules of numbered layers are kinds, as in layer_breakdown, unless something tells the kind",
        traces={
            "made": Profile()
            .kernel(
                "up",
                f"{DECODE}/{module('M.layers.0')}/{module('M.layers.0.mlp')}",
                metrics=roofline(fp32=20_000, dram=2000, l2=4000, l1=4000),
            )
            .kernel(
                "norm",
                f"{DECODE}/{module('M.layers.1')}",
                metrics=roofline(fp32=2000, dram=1000, l2=1000, l1=1000),
            )
            .kernel("sample", f"{DECODE}/layer_sampler", metrics=roofline(fp32=9)),
            "torch": Profile()
            .kernel(
                "attend",
                domains={"NVTX": "step 3/h.0/attn"},
                metrics=roofline(fp32=1000, dram=10, l2=20, l1=50),
            )
            .kernel("add", "step 4/h.1", metrics=roofline(fp32=1000, dram=10, l2=20, l1=50)),
            "tagged": Profile(tags={"layer_kind": "known"}).kernel("k", "h.1", metrics=roofline(fp32=1)),
        },
        params={"layer_kind": "*.*"},
        expected=down(
            """
            trace                      made                made            torch           torch
            layer_kind                 M.layers.*          M.layers.*.mlp  step */h.*      step */h.*/attn
            phase                      decode              decode          NULL            NULL
            seq_len                    NULL                NULL            NULL            NULL
            calls                      2                   1               2               1
            kernels                    2                   1               2               1
            gpu_ns                     2000                1000            2000            1000
            flop                       22000               20000           2000            1000
            at_least                   false           false           false           false
            precision                  fp32                fp32            fp32            fp32
            bound                      memory_bound        memory_bound    compute_bound   compute_bound
            dram_flop_per_byte         22/3                10              100             100
            flop_per_s                 1.1e10              2e10            1e9             1e9
            dram_bytes_per_s           1.5e9               2e9             1e7             1e7
            compute_pct                5.5                 10              0.5             0.5
            dram_pct                   15                  20              0.1             0.1
            datasheet_compute_pct      NULL                NULL            NULL            NULL
            datasheet_dram_pct         NULL                NULL            NULL            NULL
            profiled_flop_per_s        2e11                2e11            2e11            2e11
            profiled_dram_bytes_per_s  1e10                1e10            1e10            1e10
            profiled_l2_bytes_per_s    2e10                2e10            2e10            2e10
            profiled_l1_bytes_per_s    4e10                4e10            4e10            4e10
            datasheet_flop_per_s       NULL                NULL            NULL            NULL
            datasheet_dram_bytes_per_s  NULL               NULL            NULL            NULL
            datasheet_source          NULL  NULL  NULL  NULL
            bound_by                   profiled            profiled        profiled        profiled
            flop_by_precision          {fp32: 22000.0}     {fp32: 20000.0}  {fp32: 2000.0}  {fp32: 1000.0}
            dram_bytes                 3000                2000            20              10
            l2_bytes                   5000                4000            40              20
            l1_bytes                   5000                4000            100             50
            l2_flop_per_byte           4.4                 5               50              50
            l1_flop_per_byte           4.4                 5               20              20
            l2_bytes_per_s             2.5e9               4e9             2e7             2e7
            l1_bytes_per_s             2.5e9               4e9             5e7             5e7
            l2_pct                     12.5                20              0.1             0.1
            l1_pct                     6.25                10              0.125           0.125
            l2_metric                  lts__lts2xbar_cycles_active.sum    lts__lts2xbar_cycles_active.sum  lts__lts2xbar_cycles_active.sum  lts__lts2xbar_cycles_active.sum
            l1_metric                  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum
            lacks                      NULL                NULL            NULL            NULL
            useful_flop                NULL                NULL            NULL            NULL
            executed_per_useful        NULL                NULL            NULL            NULL
            """
        ),
    ),
    Case(
        "useful FLOP come from imported predictions of the same kind, phase and prompt length, for each call",
        traces={
            "made": Profile()
            .kernel("up", "layer_kind=mlp/phase=prefill/seq_len=8", metrics=roofline(bf16=6000, dram=10))
            .kernel("up", "layer_kind=mlp/phase=prefill/seq_len=9", metrics=roofline(bf16=6000, dram=10))
            .kernel("up", "layer_kind=mlp/phase=decode/seq_len=8", metrics=roofline(bf16=60, dram=10)),
        },
        runs={
            "useful": Runs(
                {"layer_kind": "mlp", "phase": "prefill", "seq_len": 8, "useful_flop": 1000},
                {"layer_kind": "mlp", "phase": "decode", "seq_len": 8, "useful_flop": 10, "model": "small"},
                # Of two models, nobody knows which.
                {"layer_kind": "mlp", "phase": "decode", "seq_len": 8, "useful_flop": 20, "model": "large"},
                {"layer_kind": "attention", "phase": "prefill", "seq_len": 9, "useful_flop": 7},
            )
        },
        params={"calls": 2},
        expected=down(
            """
            trace                      made             made             made
            layer_kind                 mlp              mlp              mlp
            phase                      decode           prefill          prefill
            seq_len                    8                8                9
            calls                      2                2                2
            kernels                    1                1                1
            gpu_ns                     1000             1000             1000
            flop                       60               6000             6000
            at_least                   false            false            false
            precision                  bf16             bf16             bf16
            bound                      memory_bound     compute_bound    compute_bound  # 0.06 ns and 1; 6 and 1
            dram_flop_per_byte         6                600              600
            flop_per_s                 6e7              6e9              6e9
            dram_bytes_per_s           1e7              1e7              1e7
            compute_pct                0.006            0.6              0.6
            dram_pct                   0.1              0.1              0.1
            datasheet_compute_pct      NULL             NULL             NULL
            datasheet_dram_pct         NULL             NULL             NULL
            profiled_flop_per_s        1e12             1e12             1e12
            profiled_dram_bytes_per_s  1e10             1e10             1e10
            profiled_l2_bytes_per_s    NULL             NULL             NULL
            profiled_l1_bytes_per_s    NULL             NULL             NULL
            datasheet_flop_per_s       NULL             NULL             NULL
            datasheet_dram_bytes_per_s  NULL            NULL             NULL
            datasheet_source          NULL  NULL  NULL
            bound_by                   profiled         profiled         profiled
            flop_by_precision          {bf16: 60.0}     {bf16: 6000.0}   {bf16: 6000.0}
            dram_bytes                 10               10               10
            l2_bytes                   0                0                0
            l1_bytes                   0                0                0
            l2_flop_per_byte           NULL             NULL             NULL
            l1_flop_per_byte           NULL             NULL             NULL
            l2_bytes_per_s             0                0                0
            l1_bytes_per_s             0                0                0
            l2_pct                     0                0                0
            l1_pct                     0                0                0
            l2_metric                  lts__lts2xbar_cycles_active.sum  lts__lts2xbar_cycles_active.sum  lts__lts2xbar_cycles_active.sum
            l1_metric                  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum
            lacks                      NULL             NULL             NULL
            useful_flop                NULL             2000             NULL
            executed_per_useful        NULL             3                NULL
            """
        ),
    ),
    Case(
        "useful FLOP that name a model are those of traces that name the same one",
        traces={
            "made": Profile(tags={"model": "large"}).kernel(
                "up", "layer_kind=mlp/phase=decode/seq_len=8", metrics=roofline(bf16=60, dram=10)
            ),
        },
        runs={
            "useful": Runs(
                {"layer_kind": "mlp", "phase": "decode", "seq_len": 8, "useful_flop": 10, "model": "small"},
                {"layer_kind": "mlp", "phase": "decode", "seq_len": 8, "useful_flop": 20, "model": "large"},
            )
        },
        expected=down(
            """
            trace                      made
            layer_kind                 mlp
            phase                      decode
            seq_len                    8
            calls                      1
            kernels                    1
            gpu_ns                     1000
            flop                       60
            at_least                   false
            precision                  bf16
            bound                      memory_bound  # 0.06 ns and 1
            dram_flop_per_byte         6
            flop_per_s                 6e7
            dram_bytes_per_s           1e7
            compute_pct                0.006
            dram_pct                   0.1
            datasheet_compute_pct      NULL
            datasheet_dram_pct         NULL
            profiled_flop_per_s        1e12
            profiled_dram_bytes_per_s  1e10
            profiled_l2_bytes_per_s    NULL
            profiled_l1_bytes_per_s    NULL
            datasheet_flop_per_s       NULL
            datasheet_dram_bytes_per_s  NULL
            datasheet_source           NULL
            bound_by                   profiled
            flop_by_precision          {bf16: 60.0}
            dram_bytes                 10
            l2_bytes                   0
            l1_bytes                   0
            l2_flop_per_byte           NULL
            l1_flop_per_byte           NULL
            l2_bytes_per_s             0
            l1_bytes_per_s             0
            l2_pct                     0
            l1_pct                     0
            l2_metric                  lts__lts2xbar_cycles_active.sum
            l1_metric                  l1tex__lsu_writeback_active_mem_lgds.sum
            lacks                      NULL
            useful_flop                20
            executed_per_useful        3
            """
        ),
    ),
    Case(
        "where other kernels come between those of a kind it ran again, and needs so much more",
        traces={
            "made": Profile()
            .kernel("up", "phase=prefill seq_len=8/layer/mlp", metrics=roofline(bf16=505, dram=10))
            .kernel("down", "phase=prefill seq_len=8/layer/mlp/down", metrics=roofline(bf16=505, dram=10))
            .kernel("attend", "phase=prefill seq_len=8/layer/attention", metrics=roofline(bf16=300, dram=10))
            .kernel("up", "phase=prefill seq_len=8/layer/mlp", metrics=roofline(bf16=505, dram=10))
            .kernel("down", "phase=prefill seq_len=8/layer/mlp/down", metrics=roofline(bf16=505, dram=10)),
            # The same kernels, of another trace, come between nothing.
            "other": Profile().kernel("up", "seq_len=9/layer/mlp", metrics=roofline(bf16=505, dram=10)),
        },
        runs={
            "useful": Runs(
                {"layer_kind": "mlp", "phase": "prefill", "seq_len": 8, "useful_flop": 1000},
                {"layer_kind": "attention", "phase": "prefill", "seq_len": 8, "useful_flop": 200},
            )
        },
        expected=down(
            """
            trace                      made             made             other
            layer_kind                 attention        mlp              mlp
            phase                      prefill          prefill          NULL
            seq_len                    8                8                9
            calls                      1                2                1
            kernels                    1                4                1
            gpu_ns                     1000             4000             1000
            flop                       300              2020             505
            at_least                   false            false            false
            precision                  bf16             bf16             bf16
            bound                      memory_bound     memory_bound     memory_bound
            dram_flop_per_byte         30               50.5             50.5
            flop_per_s                 3e8              5.05e8           5.05e8
            dram_bytes_per_s           1e7              1e7              1e7
            compute_pct                0.03             0.0505           0.0505
            dram_pct                   0.1              0.1              0.1
            datasheet_compute_pct      NULL             NULL             NULL
            datasheet_dram_pct         NULL             NULL             NULL
            profiled_flop_per_s        1e12             1e12             1e12
            profiled_dram_bytes_per_s  1e10             1e10             1e10
            profiled_l2_bytes_per_s    NULL             NULL             NULL
            profiled_l1_bytes_per_s    NULL             NULL             NULL
            datasheet_flop_per_s       NULL             NULL             NULL
            datasheet_dram_bytes_per_s  NULL             NULL             NULL
            datasheet_source           NULL             NULL             NULL
            bound_by                   profiled         profiled         profiled
            flop_by_precision          {bf16: 300.0}    {bf16: 2020.0}   {bf16: 505.0}
            dram_bytes                 10               40               10
            l2_bytes                   0                0                0
            l1_bytes                   0                0                0
            l2_flop_per_byte           NULL             NULL             NULL
            l1_flop_per_byte           NULL             NULL             NULL
            l2_bytes_per_s             0                0                0
            l1_bytes_per_s             0                0                0
            l2_pct                     0                0                0
            l1_pct                     0                0                0
            l2_metric                  lts__lts2xbar_cycles_active.sum  lts__lts2xbar_cycles_active.sum  lts__lts2xbar_cycles_active.sum
            l1_metric                  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum  l1tex__lsu_writeback_active_mem_lgds.sum
            lacks                      NULL             NULL             NULL
            useful_flop                200              2000             NULL
            executed_per_useful        1.5              1.01             NULL
            """
        ),
    ),
]
