from made.case import Case, down
from made.ncu import Profile

CASES = [
    Case(
        "of each kernel the best estimate for its whole time, of the first two sentences; the code is by the rule",
        traces={
            "a": Profile()
            # 150 of the second launch, 50 of the first one.
            .kernel("stalls", "warm_up", ns=100)
            .rule("CPIStall", "One. Two.", title="Wait Stalls", speedup_pct=50, scope="global")
            .rule("ThreadDivergence", "Less.", speedup_pct=60, scope="global")
            .kernel("stalls", "step/mlp", ns=300, domains={"lib": "inner"})
            .rule("CPIStall", "One. Two. Three.", title="Wait Stalls", speedup_pct=50, scope="global")
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
            numbers     {estimated_speedup_pct: 50.0, gpu_ns: 400.0, theoretical_pct: NULL, launch: 2.0, launches: 2.0}  {estimated_speedup_pct: 50.0, gpu_ns: 200.0, theoretical_pct: NULL, launch: 1.0, launches: 1.0}  {estimated_speedup_pct: 20.0, gpu_ns: 200.0, theoretical_pct: NULL, launch: 1.0, launches: 1.0}  {estimated_speedup_pct: 30.0, gpu_ns: 100.0, theoretical_pct: NULL, launch: 1.0, launches: 1.0}
            texts       {kernel: stalls, title: Wait Stalls, limiter: NULL, message: One. Two.}          {kernel: spilling, title: L2 Local Store Access Pattern, limiter: NULL, message: On average 1.0 of 32 bytes.}  {kernel: strided, title: UncoalescedGlobalAccess, limiter: NULL, message: Excessive.}  {kernel: loads, title: L1TEX Global Load Access Pattern, limiter: NULL, message: Loads.}
            range       step/mlp                                                                         outer/inner                                                                      NULL                                                                             NULL
            start_ns    NULL                                                                             NULL                                                                             NULL                                                                             NULL
            end_ns      NULL                                                                             NULL                                                                             NULL                                                                             NULL
            """
        ),
    ),
]
