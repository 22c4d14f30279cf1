"""Cases of rule_sources: what rules mark, in the order of what their advice is worth, with samples and lines."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile

SAMPLES = "smsp__pcsamp_sample_count"
LINE = {"file": "/src/k.cu", "line": 4, "source": "x *= x;"}

MARKED = (
    Profile()
    .kernel("gemm", ns=30, metrics={SAMPLES: 20})
    .instances(SAMPLES, {4096: 2, 4112: 18})
    .instruction(4096, "LDC R1", file="/src/k.cu", line=3, source="float x = a[i];")
    .instruction(4112, "FFMA R2", **LINE)
    .instruction(4128, "EXIT", **LINE)
    .rule("Stall", speedup_pct=20, scope="global")
    .rule("Stall", speedup_pct=50, scope="global")
    .rule("Stall", speedup_pct=90, scope="local")
    .rule("Pipe", speedup_pct=96, scope="local")
    .focus("Stall", "b__low", 1, severity="low")
    .focus("Stall", "a__default", 2, severity="default")
    .focus("Stall", "d__high", 3)
    .focus("Stall", "c__high", 4)
    .focus("Pipe", "none__of_it", None, severity="low")
    .focus("Stall", "another__section", 5, section="Other")
    .marker("Stall", "See @section:Source:Source@.", address=4096)
    .marker("Stall", "hot", address=4112)
    .marker("Stall", "idle", address=4128)
    .marker("Stall", "hot line", file="/src/k.cu", line=4)
    # ncu says it once for each instruction of the line.
    .marker("Stall", "hot line", file="/src/k.cu", line=4)
    .marker("Stall", "no such line", file="/src/k.cu", line=9)
    .marker("Pipe", "unknown", address=8192, kind="warning")
    .marker("Light", "without advice", address=4096, kind="ok")
    # Without code, samples and advice.
    .kernel("mul", ns=10)
    .marker("Stall", "of mul", address=64)
    .marker("Stall", "line of mul", file="/src/m.cu", line=1)
)

CASES = [
    Case(
        "what the worthiest advice marks comes first, of one rule what was sampled most",
        traces={"a": MARKED},
        expected=across(
            """
            trace  kernel  kernel_id  share_pct  weighted_speedup_pct  estimated_speedup_pct  speedup_scope  kind          rule   message         address  sass     source_file  source_line  source_text      samples  metric       value
            a      gemm    1          75         37.5                  50                     global         optimization  Stall  hot             4112     FFMA R2  /src/k.cu    4            x *= x;          18       c__high      4
            a      gemm    1          75         37.5                  50                     global         optimization  Stall  hot line        NULL     NULL     /src/k.cu    4            x *= x;          18       c__high      4
            a      gemm    1          75         37.5                  50                     global         optimization  Stall  See Source.     4096     LDC R1   /src/k.cu    3            float x = a[i];  2        c__high      4
            a      gemm    1          75         37.5                  50                     global         optimization  Stall  idle            4128     EXIT     /src/k.cu    4            x *= x;          0        c__high      4
            a      gemm    1          75         37.5                  50                     global         optimization  Stall  no such line    NULL     NULL     /src/k.cu    9            NULL             NULL     c__high      4
            a      gemm    1          75         72                    96                     local          warning       Pipe   unknown         8192     NULL     NULL         NULL         NULL             0        none__of_it  NULL
            a      gemm    1          75         NULL                  NULL                   NULL           ok            Light  without advice  4096     LDC R1   /src/k.cu    3            float x = a[i];  2        NULL         NULL
            a      mul     2          25         NULL                  NULL                   NULL           optimization  Stall  of mul          64       NULL     NULL         NULL         NULL             NULL     NULL         NULL
            a      mul     2          25         NULL                  NULL                   NULL           optimization  Stall  line of mul     NULL     NULL     /src/m.cu    1            NULL             NULL     NULL         NULL
            """
        ),
    ),
    Case(
        "of one kernel and rule, the first rows of each trace; without times there is no share",
        traces={
            "a": MARKED,
            "b": Profile()
            .kernel("gemm")
            .rule("Stall", speedup_pct=5, scope="global")
            .marker("Stall", "later", address=32)
            .marker("Stall", "first", address=16),
        },
        params={"kernel": "gemm", "rule": "St*", "limit": 1},
        expected=across(
            """
            trace  kernel  kernel_id  share_pct  weighted_speedup_pct  estimated_speedup_pct  speedup_scope  kind          rule   message  address  sass     source_file  source_line  source_text  samples  metric   value
            a      gemm    1          75         37.5                  50                     global         optimization  Stall  hot      4112     FFMA R2  /src/k.cu    4            x *= x;      18       c__high  4
            b      gemm    1          NULL       NULL                  5                      global         optimization  Stall  first    16       NULL     NULL         NULL         NULL         NULL     NULL     NULL
            """
        ),
    ),
    Case(
        "with application replay samples are of another page than the instructions that are marked",
        traces={
            "a": Profile()
            .kernel("gemm", ns=10)
            .instances("inst_executed", {4096: 5, 4112: 5})
            .instances(SAMPLES, {4096 + (6 << 20): 2, 4112 + (6 << 20): 18, 4144 + (6 << 20): 1})
            .instruction(4096, "LDC R1", file="/src/k.cu", line=3)
            .instruction(4112, "FFMA R2", **LINE)
            .marker("Stall", "hot", address=4112)
            .marker("Stall", "hot line", file="/src/k.cu", line=4)
            # ncu says it once for each instruction of the line.
            .marker("Stall", "hot line", file="/src/k.cu", line=4)
        },
        expected=across(
            """
            trace  kernel  kernel_id  share_pct  weighted_speedup_pct  estimated_speedup_pct  speedup_scope  kind          rule   message   address  sass     source_file  source_line  source_text  samples  metric  value
            a      gemm    1          100        NULL                  NULL                   NULL           optimization  Stall  hot       4112     FFMA R2  /src/k.cu    4            x *= x;      18       NULL    NULL
            a      gemm    1          100        NULL                  NULL                   NULL           optimization  Stall  hot line  NULL     NULL     /src/k.cu    4            x *= x;      18       NULL    NULL
            """
        ),
    ),
]
