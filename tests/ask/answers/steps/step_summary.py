"""Cases of step_summary: what a step of inference is, and where the GPU waits in it."""

from __future__ import annotations

from made.case import Case, down
from made.nsys import Recording, copy, graph, kernel

LAUNCH = "cudaLaunchKernel_v7000"
PREFILL = "execute_context_2(100)_generation_0(0)"
MIXED = "execute_context_1(6)_generation_3(4)"
DECODE = "execute_context_0(0)_generation_8(8)"
EMPTY = "execute_context_0(0)_generation_0(0)"

TWO = {
    "a": Recording()
    .range(PREFILL, 0, 50)
    .range("layer", 5, 20)
    .call(LAUNCH, 10, 12, kernel("k", 20, 60), kernel("k", 50, 70))
    .call("cudaMemcpyAsync_v3020", 30, 32, copy("Device-to-Host", 80, 120, 8))
    # Its work starts 10 ns before that of the step before ends.
    .range(MIXED, 60, 100)
    .call(LAUNCH, 61, 62, kernel("k", 110, 130))
    .range(DECODE, 140, 150)
    .call("cudaGraphLaunch_v10000", 141, 143, graph(150, 166))
    # Nothing to do; no GPU work.
    .range(EMPTY, 200, 210)
    # Another process counts its own steps.
    .range(DECODE, 20, 30, pid=2)
    .call(LAUNCH, 21, 22, kernel("k", 40, 50), pid=2)
    .mark(DECODE, 25),
    "b": Recording().range("train 1", 0, 9).call(LAUNCH, 1, 2, kernel("k", 10, 15)).range("test 1", 10, 20),
}

OTHERS = {
    "c": Recording()
    # TensorRT-LLM's: requests, but no tokens.
    .range("[Executor] _forward_step 7: 2 ctx reqs, 0 gen reqs", 0, 10)
    .range("[Executor] _forward_step 8: 0 ctx reqs, 2 gen reqs", 20, 30)
    .call(LAUNCH, 21, 22, kernel("k", 40, 50))
    # Of another process, which has no names that are known: the outermost ranges that repeat.
    .range("main", 0, 100, pid=2)
    .range("iteration 1", 10, 30, pid=2)
    .range("forward", 11, 15, pid=2)
    .range("iteration 2", 40, 60, pid=2)
    .range("forward", 41, 45, pid=2)
    .call(LAUNCH, 42, 43, kernel("k", 50, 57), pid=2)
    .range("load", 62, 63, pid=2)
    .range("load", 64, 65, pid=2),
    # Backward passes run on a thread of their own; the second step is one that another thread ended.
    "d": Recording()
    .range("step 1", 0, 20)
    .call(LAUNCH, 2, 3, kernel("k", 5, 8))
    .call(LAUNCH, 10, 11, kernel("k", 12, 22), kernel("k", 20, 25), tid=2)
    .range("step 2", 30, 50, style="startend", end_tid=2)
    .call(LAUNCH, 35, 36, kernel("k", 40, 44), tid=2)
    # Ends after the step.
    .call(LAUNCH, 48, 51, kernel("k", 55, 59), tid=2),
    # No range at all.
    "e": Recording()
    .call(LAUNCH, 0, 1, kernel("init", 1, 2))
    .call(LAUNCH, 10, 11, kernel("embed", 12, 14), kernel("mlp", 14, 18))
    .call(LAUNCH, 12, 13, kernel("mlp", 16, 20))
    .call("cudaMemcpyAsync_v3020", 13, 14, copy("Device-to-Host", 22, 23, 8))
    .call(LAUNCH, 30, 31, kernel("embed", 32, 34), kernel("mlp", 34, 38), kernel("mlp", 38, 42))
    .call(LAUNCH, 50, 51, kernel("embed", 53, 54), kernel("mlp", 54, 58), kernel("mlp", 58, 62))
    .call(LAUNCH, 70, 71, kernel("sum", 73, 74)),
}

# A thread loads, which takes longer than the steps, and copies nothing.
LOADING = {
    "f": Recording()
    .range("load 1", 0, 40, tid=2)
    .range("load 2", 40, 90, tid=2)
    .range("step 1", 50, 60)
    .call(LAUNCH, 51, 52, kernel("k", 53, 58))
    .range("step 2", 90, 100)
    .call(LAUNCH, 91, 92, kernel("k", 93, 99)),
    # XLA compiles on threads of its own, tries out what it compiled, and runs programs: a small one, then that
    # of the step.
    "g": Recording()
    .range("XlaCompile:#module=jit_step#", 0, 300, tid=2, domain="TSL")
    .range("XlaCompile:#module=jit_step#", 300, 600, tid=2, domain="TSL")
    .range("XlaModule:#hlo_module=loop_add_fusion.1#", 600, 700, domain="TSL")
    .call(LAUNCH, 610, 611, kernel("k", 620, 690))
    .range("XlaModule:#hlo_module=loop_add_fusion.2#", 700, 800, domain="TSL")
    .call(LAUNCH, 710, 711, kernel("k", 720, 790))
    .range("XlaModule:#hlo_module=jit_init,program_id=3#", 800, 803, domain="TSL")
    .call(LAUNCH, 801, 802, kernel("k", 803, 804))
    .range("XlaModule:#hlo_module=jit_init,program_id=3#", 804, 807, domain="TSL")
    .call(LAUNCH, 805, 806, kernel("k", 807, 808))
    .range("XlaModule:#hlo_module=jit_step,program_id=7#", 810, 820, domain="TSL")
    .call("cudaGraphLaunch_v10000", 811, 812, graph(813, 816))
    .range("XlaModule:#hlo_module=jit_step,program_id=7#", 830, 840, domain="TSL")
    .call("cudaGraphLaunch_v10000", 831, 832, graph(833, 837)),
    # Programs that run before a loop which the program marks itself, and in it.
    "h": Recording()
    .range("XlaModule:#hlo_module=jit_init,program_id=3#", 0, 3, domain="TSL")
    .call(LAUNCH, 1, 2, kernel("k", 3, 4))
    .range("XlaModule:#hlo_module=jit_init,program_id=3#", 4, 7, domain="TSL")
    .call(LAUNCH, 5, 6, kernel("k", 7, 8))
    .range("step 1", 10, 30)
    .range("XlaModule:#hlo_module=jit_step,program_id=7#", 11, 20, domain="TSL")
    .call(LAUNCH, 12, 13, kernel("k", 14, 20))
    .range("step 2", 30, 50)
    .range("XlaModule:#hlo_module=jit_step,program_id=7#", 31, 40, domain="TSL")
    .call(LAUNCH, 32, 33, kernel("k", 34, 40)),
    # A thread launches for the one that marks the steps, and marks calls of a library alone.
    "i": Recording()
    .range("step 1", 0, 20)
    .range("ncclAllReduce", 2, 6, tid=2, domain="NCCL")
    .call(LAUNCH, 3, 4, kernel("k", 5, 15), tid=2)
    .range("step 2", 30, 50)
    .range("ncclAllReduce", 32, 36, tid=2, domain="NCCL")
    .call(LAUNCH, 33, 34, kernel("k", 35, 48), tid=2),
}


CASES = [
    Case(
        "vLLM's steps tell requests and tokens; gaps are those of the step's own work",
        traces=TWO,
        expected=down(
            f"""
            trace                a            a            a         a      a
            pid                  1            1            1         1      2
            tid                  1            1            1         1      1
            step                 0            1            2         3      0
            range                {PREFILL}    {MIXED}      {DECODE}  {EMPTY}  {DECODE}
            phase                prefill      mixed        decode    empty  decode
            context_requests     2            1            0         0      0
            context_tokens       100          6            0         0      0
            generation_requests  0            3            8         0      8
            generation_tokens    0            4            8         0      8
            start_ns             0            60           140       200    20
            duration_ns          50           40           10        10     10
            gpu_start_ns         20           110          150       NULL   40
            gpu_span_ns          100          20           16        NULL   10
            gpu_busy_ns          50 + 40      20           16        NULL   10   # two kernels overlap
            gpu_gaps_ns          10           0            0         NULL   0
            gpu_before_ns        NULL         110 - 120    20        NULL   NULL
            gpu_operations       3            1            1         0      1
            launches             2            1            1         0      1
            tokens_per_s         1e9          5e8          5e8       NULL   8e8  # 100 tokens in 100 ns
            is_warm_up           false  false  false  false  false
            """
        ),
    ),
    Case(
        "other steps have a name, of one trace; nothing tells their kind and tokens",
        traces=TWO,
        params={"trace": "b", "step": "tr?in%"},
        expected=down(
            """
            trace                b
            pid                  1
            tid                  1
            step                 0
            range                train 1
            phase                NULL
            context_requests     NULL
            context_tokens       NULL
            generation_requests  NULL
            generation_tokens    NULL
            start_ns             0
            duration_ns          9
            gpu_start_ns         10
            gpu_span_ns          5
            gpu_busy_ns          5
            gpu_gaps_ns          0
            gpu_before_ns        NULL
            gpu_operations       1
            launches             1
            tokens_per_s         NULL
            is_warm_up           false
            """
        ),
    ),
    Case(
        "TensorRT-LLM's steps tell requests; of others the outermost ranges that repeat are the steps",
        traces=OTHERS,
        params={"trace": "c"},
        expected=down(
            """
            trace                c        c       c            c
            pid                  1        1       2            2
            tid                  1        1       1            1
            step                 0        1       0            1
            range                [Executor] _forward_step 7: 2 ctx reqs, 0 gen reqs  [Executor] _forward_step 8: 0 ctx reqs, 2 gen reqs  iteration 1  iteration 2
            phase                prefill  decode  NULL         NULL
            context_requests     2        0       NULL         NULL
            context_tokens       NULL     NULL    NULL         NULL
            generation_requests  0        2       NULL         NULL
            generation_tokens    NULL     NULL    NULL         NULL
            start_ns             0        20      10           40
            duration_ns          10       10      20           20
            gpu_start_ns         NULL     40      NULL         50
            gpu_span_ns          NULL     10      NULL         7
            gpu_busy_ns          NULL     10      NULL         7
            gpu_gaps_ns          NULL     0       NULL         0
            gpu_before_ns        NULL     NULL    NULL         NULL
            gpu_operations       0        1       0            1
            launches             0        1       0            1
            tokens_per_s         NULL     NULL    NULL         NULL
            is_warm_up           false  false  false  false
            """
        ),
    ),
    Case(
        "what other threads launch is not the step's by thread; of a step without work of its own, nobody knows",
        traces=OTHERS,
        params={"trace": "d", "step": "step%"},
        expected=down(
            """
            trace                d       d
            pid                  1       1
            tid                  1       1
            step                 0       1
            range                step 1  step 2
            phase                NULL    NULL
            context_requests     NULL    NULL
            context_tokens       NULL    NULL
            generation_requests  NULL    NULL
            generation_tokens    NULL    NULL
            start_ns             0       30
            duration_ns          20      20
            gpu_start_ns         5       NULL
            gpu_span_ns          3       NULL
            gpu_busy_ns          3       NULL
            gpu_gaps_ns          0       NULL
            gpu_before_ns        NULL    NULL
            gpu_operations       1       NULL
            launches             1       NULL
            tokens_per_s         NULL    NULL
            is_warm_up           false  false
            """
        ),
    ),
    Case(
        "by process a step holds the calls of all threads that lie inside it",
        traces=OTHERS,
        params={"trace": "d", "step": "step%", "by": "process"},
        expected=down(
            """
            trace                d            d
            pid                  1            1
            tid                  1            1
            step                 0            1
            range                step 1       step 2
            phase                NULL         NULL
            context_requests     NULL         NULL
            context_tokens       NULL         NULL
            generation_requests  NULL         NULL
            generation_tokens    NULL         NULL
            start_ns             0            30
            duration_ns          20           20
            gpu_start_ns         5            40
            gpu_span_ns          20           4       # 5 to 25
            gpu_busy_ns          3 + 13       4       # 5 to 8, and 12 to 25
            gpu_gaps_ns          4            0
            gpu_before_ns        NULL         15
            gpu_operations       3            1
            launches             2            1
            tokens_per_s         NULL         NULL
            is_warm_up           false  false
            """
        ),
    ),
    Case(
        "without ranges a step begins with the kernel that comes again after the most kernels",
        traces=OTHERS,
        params={"trace": "e"},
        expected=down(
            """
            trace                e          e     e
            pid                  1          1     1
            tid                  NULL       NULL  NULL
            step                 0          1     2
            range                NULL       NULL  NULL
            phase                NULL       NULL  NULL
            context_requests     NULL       NULL  NULL
            context_tokens       NULL       NULL  NULL
            generation_requests  NULL       NULL  NULL
            generation_tokens    NULL       NULL  NULL
            start_ns             10         30    50
            duration_ns          NULL       NULL  NULL
            gpu_start_ns         12         32    53
            gpu_span_ns          11         10    9     # the copy ends at 23
            gpu_busy_ns          8 + 1      10    9     # 12 to 20, and the copy
            gpu_gaps_ns          2          0     0
            gpu_before_ns        NULL       9     11
            gpu_operations       4          3     3
            launches             3          1     1
            tokens_per_s         NULL       NULL  NULL
            is_warm_up           false  false  false
            """
        ),
    ),
    Case(
        "ranges that were never closed take no time that is known, and are no steps beside others",
        traces={
            "f": Recording()
            .range("step 0", 0, 10)
            .range("step 1", 20, 30)
            .range("waiting 0", 5, None, style="startend", tid=2)
            .range("waiting 1", 6, None, style="startend", tid=2)
        },
        expected=down(
            """
            trace                f       f
            pid                  1       1
            tid                  1       1
            step                 0       1
            range                step 0  step 1
            phase                NULL    NULL
            context_requests     NULL    NULL
            context_tokens       NULL    NULL
            generation_requests  NULL    NULL
            generation_tokens    NULL    NULL
            start_ns             0       20
            duration_ns          10      10
            gpu_start_ns         NULL    NULL
            gpu_span_ns          NULL    NULL
            gpu_busy_ns          NULL    NULL
            gpu_gaps_ns          NULL    NULL
            gpu_before_ns        NULL    NULL
            gpu_operations       NULL    NULL
            launches             NULL    NULL
            tokens_per_s         NULL    NULL
            is_warm_up           false  false
            """
        ),
    ),
    Case(
        "numbers with an underscore between them are numbers of a step, each of them",
        traces={
            "g": Recording().range("step_0_0", 0, 10).range("step_0_1", 20, 30).range("step_0_2", 40, 45)
        },
        expected=down(
            """
            trace                g         g         g
            pid                  1         1         1
            tid                  1         1         1
            step                 0         1         2
            range                step_0_0  step_0_1  step_0_2
            phase                NULL      NULL      NULL
            context_requests     NULL      NULL      NULL
            context_tokens       NULL      NULL      NULL
            generation_requests  NULL      NULL      NULL
            generation_tokens    NULL      NULL      NULL
            start_ns             0         20        40
            duration_ns          10        10        5
            gpu_start_ns         NULL      NULL      NULL
            gpu_span_ns          NULL      NULL      NULL
            gpu_busy_ns          NULL      NULL      NULL
            gpu_gaps_ns          NULL      NULL      NULL
            gpu_before_ns        NULL      NULL      NULL
            gpu_operations       NULL      NULL      NULL
            launches             NULL      NULL      NULL
            tokens_per_s         NULL      NULL      NULL
            is_warm_up           false  false  false
            """
        ),
    ),
    Case(
        "ranges that launch GPU work are steps before others that last longer",
        traces=LOADING,
        params={"trace": "f"},
        expected=down(
            """
            trace                f  f
            pid                  1  1
            tid                  1  1
            step                 0  1
            range                step 1  step 2
            phase                NULL  NULL
            context_requests     NULL  NULL
            context_tokens       NULL  NULL
            generation_requests  NULL  NULL
            generation_tokens    NULL  NULL
            start_ns             50  90
            duration_ns          10  10
            gpu_start_ns         53  93
            gpu_span_ns          5  6
            gpu_busy_ns          5  6
            gpu_gaps_ns          0  0
            gpu_before_ns        NULL  35
            gpu_operations       1  1
            launches             1  1
            tokens_per_s         NULL  NULL
            is_warm_up           false  false
            """
        ),
    ),
    Case(
        "programs that XLA runs are steps before what it does besides",
        traces=LOADING,
        params={"trace": "g"},
        expected=down(
            """
            trace                g  g
            pid                  1  1
            tid                  1  1
            step                 0  1
            range                XlaModule:#hlo_module=jit_step,program_id=7#  XlaModule:#hlo_module=jit_step,program_id=7#
            phase                NULL  NULL
            context_requests     NULL  NULL
            context_tokens       NULL  NULL
            generation_requests  NULL  NULL
            generation_tokens    NULL  NULL
            start_ns             810  830
            duration_ns          10  10
            gpu_start_ns         813  833
            gpu_span_ns          3  4
            gpu_busy_ns          3  4
            gpu_gaps_ns          0  0
            gpu_before_ns        NULL  17
            gpu_operations       1  1
            launches             1  1
            tokens_per_s         NULL  NULL
            is_warm_up           false  false
            """
        ),
    ),
    Case(
        "ranges around a program are steps before other programs that run as often",
        traces=LOADING,
        params={"trace": "h"},
        expected=down(
            """
            trace                h  h
            pid                  1  1
            tid                  1  1
            step                 0  1
            range                step 1  step 2
            phase                NULL  NULL
            context_requests     NULL  NULL
            context_tokens       NULL  NULL
            generation_requests  NULL  NULL
            generation_tokens    NULL  NULL
            start_ns             10  30
            duration_ns          20  20
            gpu_start_ns         14  34
            gpu_span_ns          6  6
            gpu_busy_ns          6  6
            gpu_gaps_ns          0  0
            gpu_before_ns        NULL  14
            gpu_operations       1  1
            launches             1  1
            tokens_per_s         NULL  NULL
            is_warm_up           false  false
            """
        ),
    ),
    Case(
        "calls of a library are no steps before ranges whose work another thread launches",
        traces=LOADING,
        params={"trace": "i"},
        expected=down(
            """
            trace                i  i
            pid                  1  1
            tid                  1  1
            step                 0  1
            range                step 1  step 2
            phase                NULL  NULL
            context_requests     NULL  NULL
            context_tokens       NULL  NULL
            generation_requests  NULL  NULL
            generation_tokens    NULL  NULL
            start_ns             0  30
            duration_ns          20  20
            gpu_start_ns         NULL  NULL
            gpu_span_ns          NULL  NULL
            gpu_busy_ns          NULL  NULL
            gpu_gaps_ns          NULL  NULL
            gpu_before_ns        NULL  NULL
            gpu_operations       NULL  NULL
            launches             NULL  NULL
            tokens_per_s         NULL  NULL
            is_warm_up           false  false
            """
        ),
    ),
    Case(
        "warm-up are the first steps of a text and thread that take more than twice the median, on the CPU or the GPU",
        traces={
            "j": Recording()
            # Long on the CPU, then on the GPU; what is long behind a usual one is none.
            .range("step 0", 0, 21)
            .call(LAUNCH, 1, 2, kernel("k", 5, 10))
            .range("step 1", 30, 40)
            .call(LAUNCH, 31, 32, kernel("k", 35, 37), kernel("k", 44, 46))
            .range("step 2", 50, 60)
            .call(LAUNCH, 51, 52, kernel("k", 55, 60))
            .range("step 3", 60, 100)
            .call(LAUNCH, 61, 62, kernel("k", 65, 70))
            .range("step 4", 100, 110)
            .call(LAUNCH, 101, 102, kernel("k", 105, 110))
            .range("step 5", 120, 130)
            .call(LAUNCH, 121, 122, kernel("k", 125, 130))
        },
        expected=down(
            """
            trace                j       j       j       j       j       j
            pid                  1       1       1       1       1       1
            tid                  1       1       1       1       1       1
            step                 0       1       2       3       4       5
            range                step 0  step 1  step 2  step 3  step 4  step 5
            phase                NULL    NULL    NULL    NULL    NULL    NULL
            context_requests     NULL    NULL    NULL    NULL    NULL    NULL
            context_tokens       NULL    NULL    NULL    NULL    NULL    NULL
            generation_requests  NULL    NULL    NULL    NULL    NULL    NULL
            generation_tokens    NULL    NULL    NULL    NULL    NULL    NULL
            start_ns             0       30      50      60      100     120
            duration_ns          21      10      10      40      10      10
            gpu_start_ns         5       35      55      65      105     125
            gpu_span_ns          5       11      5       5       5       5
            gpu_busy_ns          5       4       5       5       5       5
            gpu_gaps_ns          0       7       0       0       0       0
            gpu_before_ns        NULL    25      9       5       35      15
            gpu_operations       1       2       1       1       1       1
            launches             1       1       1       1       1       1
            tokens_per_s         NULL    NULL    NULL    NULL    NULL    NULL
            is_warm_up           true    true    false   false   false   false
            """
        ),
    ),
    Case(
        "a first step that takes longer for it has more work on the GPU, as the one of a prompt, is no warm-up",
        traces={
            "p": Recording()
            # 60 - 45 and 50 - 45, of which no one is more than twice 10, or 5.
            .range("step 0", 0, 60)
            .call(LAUNCH, 1, 2, kernel("k", 5, 55))
            .range("step 1", 70, 80)
            .call(LAUNCH, 71, 72, kernel("k", 75, 80))
            .range("step 2", 80, 90)
            .call(LAUNCH, 81, 82, kernel("k", 85, 90))
        },
        expected=down(
            """
            trace                p       p       p
            pid                  1       1       1
            tid                  1       1       1
            step                 0       1       2
            range                step 0  step 1  step 2
            phase                NULL    NULL    NULL
            context_requests     NULL    NULL    NULL
            context_tokens       NULL    NULL    NULL
            generation_requests  NULL    NULL    NULL
            generation_tokens    NULL    NULL    NULL
            start_ns             0       70      80
            duration_ns          60      10      10
            gpu_start_ns         5       75      85
            gpu_span_ns          50      5       5
            gpu_busy_ns          50      5       5
            gpu_gaps_ns          0       0       0
            gpu_before_ns        NULL    20      5
            gpu_operations       1       1       1
            launches             1       1       1
            tokens_per_s         NULL    NULL    NULL
            is_warm_up           false   false   false
            """
        ),
    ),
]
