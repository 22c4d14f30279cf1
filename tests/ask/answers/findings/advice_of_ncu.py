from made.case import Case, down
from made.ncu import Profile

#: Of 12 warps a block: two blocks are half of the 48 that an SM of compute capability 8.6 has.
LAUNCHED = {
    "launch__registers_per_thread": 80,
    "launch__shared_mem_per_block_static": 20_000,
    "launch__shared_mem_per_block_dynamic": 0,
    "launch__occupancy_limit_registers": 2,
    "launch__occupancy_limit_shared_mem": 2,
    "launch__occupancy_limit_warps": 4,
    "launch__occupancy_limit_blocks": 16,
    "launch__occupancy_limit_barriers": 16,
    "sm__warps_active.avg.pct_of_peak_sustained_active": 30,
    "sm__warps_active.avg.per_cycle_active": 14.4,
}

CASES = [
    Case(
        "of each kernel the best estimate for its whole time, of its sentences the first one and one that advises, else the second; the code"
        " is by the rule",
        traces={
            "a": Profile()
            # 150 of the second launch, 50 of the first one.
            .kernel("stalls", "warm_up", ns=100)
            .rule("CPIStall", "One. Two.", title="Wait Stalls", speedup_pct=50, scope="global")
            .rule("ThreadDivergence", "Less.", speedup_pct=60, scope="global")
            .kernel("stalls", "step/mlp", ns=300, domains={"lib": "inner"})
            .rule(
                "CPIStall",
                "One. Two. Consider three. Try four.",
                title="Wait Stalls",
                speedup_pct=50,
                scope="global",
            )
            .rule("ThreadDivergence", "Less.", speedup_pct=40, scope="global")
            .rule("HighPipeUtilization", "Of a part.", title="Low", speedup_pct=99, scope="local")
            .kernel("spilling", ns=200, domains={"lib": "outer/inner"})
            .rule(
                "MemoryCacheAccessPattern",
                "On average 1.0 of 32 bytes.",
                title="L2 Local Store Access Pattern",
                speedup_pct=50,
                scope="global",
            )
            .kernel("strided", ns=200)
            .rule("UncoalescedGlobalAccess", "Excessive.", speedup_pct=20, scope="global")
            .kernel("loads", ns=100)
            .rule(
                "MemoryCacheAccessPattern",
                "Loads.",
                title="L1TEX Global Load Access Pattern",
                speedup_pct=30,
                scope="global",
            )
            # Less than a percent of the time.
            .kernel("little", ns=100)
            .rule("CPIStall", "Nothing.", title="Wait Stalls", speedup_pct=9, scope="global")
        },
        expected=down(
            """
            trace       a                                                                                a                                                                                a                                                                                a
            code        ncu_rule                                                                         spills                                                                           uncoalesced                                                                      uncoalesced
            severity    high                                                                             medium                                                                           low                                                                              low
            saving_ns   200                                                                              100                                                                              40                                                                               30
            saving_pct  20                                                                               10                                                                               4                                                                                3
            numbers     {estimated_speedup_pct: 50.0, gpu_ns: 400.0, theoretical_pct: NULL, achieved_pct: NULL, launch: 2.0, launches: 2.0}  {estimated_speedup_pct: 50.0, gpu_ns: 200.0, theoretical_pct: NULL, achieved_pct: NULL, launch: 1.0, launches: 1.0}  {estimated_speedup_pct: 20.0, gpu_ns: 200.0, theoretical_pct: NULL, achieved_pct: NULL, launch: 1.0, launches: 1.0}  {estimated_speedup_pct: 30.0, gpu_ns: 100.0, theoretical_pct: NULL, achieved_pct: NULL, launch: 1.0, launches: 1.0}
            texts       {kernel: stalls, title: Wait Stalls, limiter: NULL, message: One. Consider three.}   {kernel: spilling, title: L2 Local Store Access Pattern, limiter: NULL, message: On average 1.0 of 32 bytes.}  {kernel: strided, title: UncoalescedGlobalAccess, limiter: NULL, message: Excessive.}  {kernel: loads, title: L1TEX Global Load Access Pattern, limiter: NULL, message: Loads.}
            range       step/mlp                                                                         outer/inner                                                                      NULL                                                                             NULL
            start_ns    NULL                                                                             NULL                                                                             NULL                                                                             NULL
            end_ns      NULL                                                                             NULL                                                                             NULL                                                                             NULL
            """
        ),
    ),
    Case(
        "warps that a launch does not allow are told apart from those that it allows and that are not there",
        traces={
            "a": Profile()
            .gpu(
                "A card",
                compute_capability_major=8,
                compute_capability_minor=6,
                max_warps_per_multiprocessor=48,
            )
            .kernel("narrow", ns=100, grid=(9, 1, 1), block=(384, 1, 1), metrics=LAUNCHED)
            .rule("TheoreticalOccupancy", "Few fit.", speedup_pct=40, scope="global")
            .kernel("idle", ns=100, grid=(9, 1, 1), block=(384, 1, 1), metrics=LAUNCHED)
            .rule("AchievedOccupancy", "Few are there.", speedup_pct=20, scope="global")
        },
        expected=down(
            """
            trace       a                                                                                                                a
            code        low_occupancy                                                                                                    idle_warps
            severity    high                                                                                                             medium
            saving_ns   40                                                                                                               20
            saving_pct  20                                                                                                               10
            numbers     {estimated_speedup_pct: 40.0, gpu_ns: 100.0, theoretical_pct: 50.0, achieved_pct: 30.0, launch: 1.0, launches: 1.0}  {estimated_speedup_pct: 20.0, gpu_ns: 100.0, theoretical_pct: 50.0, achieved_pct: 30.0, launch: 1.0, launches: 1.0}
            texts       {kernel: narrow, title: TheoreticalOccupancy, limiter: registers, shared memory, message: Few fit.}              {kernel: idle, title: AchievedOccupancy, limiter: registers, shared memory, message: Few are there.}
            range       NULL                                                                                                             NULL
            start_ns    NULL                                                                                                             NULL
            end_ns      NULL                                                                                                             NULL
            """
        ),
    ),
]
