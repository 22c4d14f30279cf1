"""Cases of instruction_mix: opcodes of each kernel, their share, threads, categories, and what is not recorded."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile

WARPS, THREADS = "sass__inst_executed_per_opcode", "sass__thread_inst_executed_true_per_opcode"
MODIFIER = "_with_modifier_all"
LACKS = "instructions by opcode (--section SourceCounters)"

MIXED = (
    Profile()
    .kernel("gemm", "step", ns=30)
    .instances(WARPS, {"FFMA": 60, "LDG": 15})
    .instances(THREADS, {"FFMA": 1920, "LDG": 240})
    .instances(f"{WARPS}{MODIFIER}", {"FFMA": 60, "LDG.E": 12, "LDG.E.64": 3})
    .instances(f"{THREADS}{MODIFIER}", {"FFMA": 1920, "LDG.E": 192, "LDG.E.64": 48})
    .instances("sass__inst_executed_per_opcode_category", {"Floating Point": 60, "Load/Store": 15})
    .instances("sass__thread_inst_executed_per_opcode_category", {"Floating Point": 1920, "Load/Store": 240})
    # Counted by instruction: of another question.
    .instances("inst_executed", {4096: 99})
    .kernel("gemm", "step", ns=10)
    .instances(WARPS, {"LDG": 10, "EXIT": 15})
    .instances(THREADS, {"LDG": 320, "EXIT": 480})
    .kernel("nop", ns=5)
)

CASES = [
    Case(
        "the most frequent opcodes of each kernel, those of all its launches added up",
        traces={"a": MIXED},
        expected=across(
            f"""
            trace  group_name  kernel_id  kernels  gpu_ns  opcode  instructions  instructions_pct  thread_instructions  threads_per_instruction  lacks
            a      gemm        NULL       2        40      FFMA    60            60                1920                 32                       NULL
            a      gemm        NULL       2        40      LDG     25            25                560                  22.4                     NULL
            a      gemm        NULL       2        40      EXIT    15            15                480                  32                       NULL
            a      nop         NULL       1        5       NULL    NULL          NULL              NULL                 NULL                     {LACKS}
            """
        ),
    ),
    Case(
        "one by one, with modifiers, the first of each",
        traces={"a": MIXED},
        params={"by": "launch", "of": "modifier", "kernel": "gemm", "limit": 2},
        expected=across(
            f"""
            trace  group_name  kernel_id  kernels  gpu_ns  opcode  instructions  instructions_pct  thread_instructions  threads_per_instruction  lacks
            a      gemm        1          1        30      FFMA    60            80                1920                 32                       NULL
            a      gemm        1          1        30      LDG.E   12            16                192                  16                       NULL
            a      gemm        2          1        10      NULL    NULL          NULL              NULL                 NULL                     {LACKS}
            """
        ),
    ),
    Case(
        "by range and category; what one of the launches does not have is said",
        traces={"a": MIXED},
        params={"by": "range", "of": "category", "kernel": "gemm"},
        expected=across(
            f"""
            trace  group_name  kernel_id  kernels  gpu_ns  opcode          instructions  instructions_pct  thread_instructions  threads_per_instruction  lacks
            a      step        NULL       2        40      Floating Point  60            80                1920                 32                       {LACKS} of 1 of 2 kernels
            a      step        NULL       2        40      Load/Store      15            20                240                  16                       {LACKS} of 1 of 2 kernels
            """
        ),
    ),
]
