"""Cases of source_hotspots: samples and counts by instruction or line, of launches together or apart."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile

SAMPLES = "smsp__pcsamp_sample_count"
STATE = "smsp__pcsamp_warps_issue_stalled"
ENTRY = "launch__function_pcs"
LACKS = "samples and counts of instructions (--section SourceCounters)"
NO_LINE = "source lines (nvcc -lineinfo, and no --import-sass no)"

# Pages in which code lies as far in each process.
PAGE = 2 << 20

HOT = (
    Profile()
    .kernel("gemm", ns=30)
    .instances(ENTRY, {0: 4096})
    .instances("inst_executed", {4096: 10, 4112: 30, 4128: 40})
    .instances("thread_inst_executed", {4096: 320, 4112: 960, 4128: 1280})
    .instances(SAMPLES, {4096: 2, 4112: 18})
    .instances(f"{STATE}_wait", {4096: 2, 4112: 0})
    .instances(f"{STATE}_no_instructions", {4096: 0, 4112: 18})
    .instances(f"{STATE}_no_instructions_not_issued", {4096: 0, 4112: 12})
    .instances(f"{STATE}_wait_not_issued", {4096: 1, 4112: 0})
    .instruction(4096, "LDC R1", file="/src/k.cu", line=3, source="float x = a[i];")
    .instruction(4112, "FFMA R2", file="/src/k.cu", line=4, source="x *= x;")
    .instruction(4128, "EXIT", file="/src/k.cu", line=4, source="x *= x;")
    # In another place, without text.
    .kernel("gemm", ns=10)
    .instances(ENTRY, {0: 8192})
    .instances("inst_executed", {8192: 10, 8208: 10})
    .instances("thread_inst_executed", {8192: 32, 8208: 64})
    .instances(SAMPLES, {8192: 30, 8208: 0})
    .instances(f"{STATE}_barrier", {8192: 24})
    .instances(f"{STATE}_wait", {8192: 6})
    .kernel("nop", ns=5)
)

CASES = [
    Case(
        "the hottest instructions of each kernel, as far from its first one in each launch",
        traces={"a": HOT},
        params={"limit": 2},
        expected=across(
            f"""
            trace  kernel  kernel_id  kernels  address  offset_bytes  sass     source_file  source_line  source_text      samples  not_issued_samples  share_pct  state           state_pct  states                  instructions  instructions_pct  thread_instructions  lacks
            a      gemm    NULL       2        NULL     0             LDC R1   /src/k.cu    3            float x = a[i];  32       1                   64         barrier         75         {{barrier: 24, wait: 8}}  20          20                352                  NULL
            a      gemm    NULL       2        NULL     16            FFMA R2  /src/k.cu    4            x *= x;          18       12                  36         no_instruction  100        {{no_instruction: 18}}  40            40                1024                 NULL
            a      nop     NULL       1        NULL     NULL          NULL     NULL         NULL         NULL             NULL     NULL                NULL       NULL            NULL       NULL                    NULL          NULL              NULL                 {LACKS}
            """
        ),
    ),
    Case(
        "each launch for itself; what was never sampled has no samples, in no state",
        traces={"a": HOT},
        params={"kernel": "gemm", "launches": True, "limit": None},
        expected=across(
            """
            trace  kernel  kernel_id  kernels  address  offset_bytes  sass     source_file  source_line  source_text      samples  not_issued_samples  share_pct  state           state_pct  states                  instructions  instructions_pct  thread_instructions  lacks
            a      gemm    2          1        8192     0             NULL     NULL         NULL         NULL             30       0                   100        barrier         80         {barrier: 24, wait: 6}  10            50                32                   NULL
            a      gemm    2          1        8208     16            NULL     NULL         NULL         NULL             0        0                   0          NULL            NULL       NULL                    10            50                64                   NULL
            a      gemm    1          1        4112     16            FFMA R2  /src/k.cu    4            x *= x;          18       12                  90         no_instruction  100        {no_instruction: 18}    30            37.5              960                  NULL
            a      gemm    1          1        4096     0             LDC R1   /src/k.cu    3            float x = a[i];  2        1                   10         wait            100        {wait: 2}               10            12.5              320                  NULL
            a      gemm    1          1        4128     32            EXIT     /src/k.cu    4            x *= x;          0        0                   0          NULL            NULL       NULL                    40            50                1280                 NULL
            """
        ),
    ),
    Case(
        "by line; instructions without one stand together",
        traces={"a": HOT},
        params={"kernel": "gemm", "by": "line"},
        expected=across(
            f"""
            trace  kernel  kernel_id  kernels  address  offset_bytes  sass     source_file  source_line  source_text      samples  not_issued_samples  share_pct  state           state_pct  states                  instructions  instructions_pct  thread_instructions  lacks
            a      gemm    NULL       2        NULL     NULL          NULL     NULL         NULL         NULL             30       0                   60         barrier         80         {{barrier: 24, wait: 6}}  20          20                96                   {NO_LINE}
            a      gemm    NULL       2        NULL     NULL          NULL     /src/k.cu    4            x *= x;          18       12                  36         no_instruction  100        {{no_instruction: 18}}  70            70                2240                 NULL
            a      gemm    NULL       2        NULL     NULL          NULL     /src/k.cu    3            float x = a[i];  2        1                   4          wait            100        {{wait: 2}}             10            10                320                  NULL
            """
        ),
    ),
    Case(
        "a launch that was over before its first sample; a beginning and threads that are not known",
        traces={
            "a": Profile()
            .kernel("gemm", ns=30, metrics={SAMPLES: 0})
            .instances("inst_executed", {4096: 10, 4112: 30})
        },
        expected=across(
            """
            trace  kernel  kernel_id  kernels  address  offset_bytes  sass     source_file  source_line  source_text      samples  not_issued_samples  share_pct  state           state_pct  states                  instructions  instructions_pct  thread_instructions  lacks
            a      gemm    NULL       1        4112     NULL          NULL     NULL         NULL         NULL             0        0                   NULL       NULL            NULL       NULL                    30            75                NULL                 NULL
            a      gemm    NULL       1        4096     NULL          NULL     NULL         NULL         NULL             0        0                   NULL       NULL            NULL       NULL                    10            25                NULL                 NULL
            """
        ),
    ),
    Case(
        "two programs may have kernels of one name: instructions of different lines are not the same",
        traces={
            "a": Profile()
            .kernel("f", pid=1, ns=10)
            .instances(ENTRY, {0: 4096})
            .instances("inst_executed", {4096: 1, 4112: 10})
            .instances(SAMPLES, {4096: 1, 4112: 4})
            .instruction(4096, "LDC R1", file="/src/a.cu", line=3)
            .instruction(4112, "FFMA R2", file="/src/k.h", line=9)
            .kernel("f", pid=2, ns=10)
            .instances(ENTRY, {0: 4096})
            .instances("inst_executed", {4096: 2, 4112: 20})
            .instances(SAMPLES, {4096: 2, 4112: 3})
            .instruction(4096, "S2R R0", file="/src/b.cu", line=1)
            .instruction(4112, "FFMA R2", file="/src/k.h", line=9)
        },
        expected=across(
            """
            trace  kernel  kernel_id  kernels  address  offset_bytes  sass     source_file  source_line  source_text  samples  not_issued_samples  share_pct  state  state_pct  states  instructions  instructions_pct  thread_instructions  lacks
            a      f       NULL       2        4112     16            FFMA R2  /src/k.h     9            NULL         7        0                   70         NULL   NULL       NULL    30            100 * 30 / 33     NULL                 NULL
            a      f       NULL       2        4096     0             S2R R0   /src/b.cu    1            NULL         2        0                   20         NULL   NULL       NULL    2             100 * 2 / 33      NULL                 NULL
            a      f       NULL       2        4096     0             LDC R1   /src/a.cu    3            NULL         1        0                   10         NULL   NULL       NULL    1             100 * 1 / 33      NULL                 NULL
            """
        ),
    ),
    Case(
        "nor are those of two functions whose short name is the same",
        traces={
            "a": Profile()
            .kernel("f", demangled="f<float>(float *)", ns=10)
            .instances(ENTRY, {0: 4096})
            .instances("inst_executed", {4096: 1})
            .instances(SAMPLES, {4096: 1})
            .instruction(4096, "FMUL R5", file="/src/k.h", line=9)
            .kernel("f", demangled="f<double>(double *)", ns=10)
            .instances(ENTRY, {0: 8192})
            .instances("inst_executed", {8192: 3})
            .instances(SAMPLES, {8192: 4})
            .instruction(8192, "DMUL R8", file="/src/k.h", line=9)
        },
        params={"names": "short"},
        expected=across(
            """
            trace  kernel  kernel_id  kernels  address  offset_bytes  sass     source_file  source_line  source_text  samples  not_issued_samples  share_pct  state  state_pct  states  instructions  instructions_pct  thread_instructions  lacks
            a      f       NULL       2        8192     0             DMUL R8  /src/k.h     9            NULL         4        0                   80         NULL   NULL       NULL    3             75                NULL                 NULL
            a      f       NULL       2        4096     0             FMUL R5  /src/k.h     9            NULL         1        0                   20         NULL   NULL       NULL    1             25                NULL                 NULL
            """
        ),
    ),
    Case(
        "with application replay, samples are of another process than counts: of another page, before or behind",
        traces={
            "a": Profile()
            .kernel("f", ns=10)
            .instances(ENTRY, {0: 4096})
            .instances("inst_executed", {4096: 10, 4112: 30})
            # The last one is where a warp is that has ended.
            .instances(SAMPLES, {4096 + 5 * PAGE: 2, 4112 + 5 * PAGE: 7, 4128 + 5 * PAGE: 1})
            .instruction(4096, "LDC R1", file="/src/k.cu", line=3)
            .instruction(4112, "FFMA R2", file="/src/k.cu", line=4)
            .kernel("f", ns=10)
            .instances(ENTRY, {0: 8 * PAGE - 16})
            .instances("inst_executed", {8 * PAGE - 16: 10, 8 * PAGE: 30})
            .instances(SAMPLES, {5 * PAGE - 16: 20, 5 * PAGE: 30})
        },
        expected=across(
            """
            trace  kernel  kernel_id  kernels  address  offset_bytes  sass     source_file  source_line  source_text  samples  not_issued_samples  share_pct     state  state_pct  states  instructions  instructions_pct  thread_instructions  lacks
            a      f       NULL       2        NULL     16            FFMA R2  /src/k.cu    4            NULL         37       0                   100 * 37 / 60  NULL   NULL       NULL    60            75                NULL                 NULL
            a      f       NULL       2        NULL     0             LDC R1   /src/k.cu    3            NULL         22       0                   100 * 22 / 60  NULL   NULL       NULL    20            25                NULL                 NULL
            a      f       NULL       2        4128     32            NULL     NULL         NULL         NULL         1        0                   100 * 1 / 60   NULL   NULL       NULL    0             0                 NULL                 NULL
            """
        ),
    ),
    Case(
        "by line these are in the lines of the counts; what fits nowhere is in no line",
        traces={
            "a": Profile()
            .kernel("f", ns=10)
            .instances(ENTRY, {0: 4096})
            .instances("inst_executed", {4096: 10, 4112: 30})
            .instances(SAMPLES, {4112 + 5 * PAGE: 7, 4144 + 5 * PAGE: 2})
            .instruction(4096, "LDC R1", file="/src/k.cu", line=3)
            .instruction(4112, "FFMA R2", file="/src/k.cu", line=4)
        },
        params={"by": "line"},
        expected=across(
            f"""
            trace  kernel  kernel_id  kernels  address  offset_bytes  sass     source_file  source_line  source_text  samples  not_issued_samples  share_pct     state  state_pct  states  instructions  instructions_pct  thread_instructions  lacks
            a      f       NULL       1        NULL     NULL          NULL     /src/k.cu    4            NULL         7        0                   100 * 7 / 9   NULL   NULL       NULL    30            75                NULL                 NULL
            a      f       NULL       1        NULL     NULL          NULL     NULL         NULL         NULL         2        0                   100 * 2 / 9   NULL   NULL       NULL    0             0                 NULL                 {NO_LINE}
            a      f       NULL       1        NULL     NULL          NULL     /src/k.cu    3            NULL         0        0                   0             NULL   NULL       NULL    10            25                NULL                 NULL
            """
        ),
    ),
    Case(
        "what fits nowhere has its own address, and no distance",
        traces={
            "a": Profile()
            .kernel("f", ns=10)
            .instances(ENTRY, {0: 4096})
            .instances("inst_executed", {4096: 10, 4112: 30})
            .instances(SAMPLES, {4144: 2, 4096 - 16: 1})
        },
        params={"limit": 2},
        expected=across(
            """
            trace  kernel  kernel_id  kernels  address  offset_bytes  sass  source_file  source_line  source_text  samples  not_issued_samples  share_pct     state  state_pct  states  instructions  instructions_pct  thread_instructions  lacks
            a      f       NULL       1        4144     NULL          NULL  NULL         NULL         NULL         2        0                   100 * 2 / 3   NULL   NULL       NULL    0             0                 NULL                 NULL
            a      f       NULL       1        4080     NULL          NULL  NULL         NULL         NULL         1        0                   100 * 1 / 3   NULL   NULL       NULL    0             0                 NULL                 NULL
            """
        ),
    ),
]
