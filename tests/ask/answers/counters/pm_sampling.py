"""Cases of pm_sampling: counters over the time of a kernel, pass by pass, and where its start is not known."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile

READ, BUSY = "dramc__throughput.avg.pct_of_peak_sustained_elapsed", "sm__cycles_active.avg"
# As it is called where counters are sampled in groups, and as it is where they are not.
IN_GROUP, ALONE = f"FBSP.TriageCompute.{READ}", f"pmsampling:{BUSY}"
GROUPS = "profiler__pmsampler_pass_groups"
STAMP = "profiler__timestamp_workload"

SAMPLED = (
    Profile()
    .kernel("gemm", ns=30, metrics={IN_GROUP: (None, "%"), ALONE: (7.0, "cycle")})
    .instances(GROUPS, {0: IN_GROUP, 1: f"{ALONE},launch__other"})
    .instances(f"{STAMP}_start_0", {1000: 0})
    .instances(f"{STAMP}_end_0", {1030: 0})
    .instances(f"{STAMP}_start_1", {5000: 0})
    .instances(f"{STAMP}_end_1", {5028: 0})
    # What was before any moment; before the kernel; across its start; in it; at its end, and after.
    .instances(IN_GROUP, {0: 9, 980: 8, 995: 10, 1010: 20, 1025: None, 1030: 40, 1045: 50})
    .instances(ALONE, {4990: 1, 5000: 2, 5010: 4, 5020: 0})
    # Not sampled over time.
    .instances("inst_executed", {4096: 99})
    .kernel("gemm", ns=20, metrics={IN_GROUP: (None, "%")})
    .instances(GROUPS, {0: IN_GROUP})
    .instances(IN_GROUP, {7000: 1, 7010: 2})
    .kernel("nop", ns=90)
)

CASES = [
    Case(
        "the longest launch that was sampled, from its start",
        traces={"a": SAMPLED},
        expected=across(
            f"""
            trace  kernel  kernel_id  metric  counter  unit  time_ns  value  since
            a      gemm    1          {IN_GROUP}  {READ}  %     -5       10     kernel
            a      gemm    1          {IN_GROUP}  {READ}  %     10       20     kernel
            a      gemm    1          {IN_GROUP}  {READ}  %     25       NULL   kernel
            """
        ),
    ),
    Case(
        "each counter by the pass that it was sampled in; without a start time counts from the first sample",
        traces={"a": SAMPLED},
        params={"metric": "*", "limit": None},
        expected=across(
            f"""
            trace  kernel  kernel_id  metric  counter  unit   time_ns  value  since
            a      gemm    1          {IN_GROUP}  {READ}  %      -5       10     kernel
            a      gemm    1          {IN_GROUP}  {READ}  %      10       20     kernel
            a      gemm    1          {IN_GROUP}  {READ}  %      25       NULL   kernel
            a      gemm    1          {ALONE}  {BUSY}  cycle  0        2      kernel
            a      gemm    1          {ALONE}  {BUSY}  cycle  10       4      kernel
            a      gemm    1          {ALONE}  {BUSY}  cycle  20       0      kernel
            a      gemm    2          {IN_GROUP}  {READ}  %      0        1      sample
            a      gemm    2          {IN_GROUP}  {READ}  %      10       2      sample
            """
        ),
    ),
    Case(
        "before and after the kernel, too",
        traces={"a": SAMPLED},
        params={"around": True},
        expected=across(
            f"""
            trace  kernel  kernel_id  metric  counter  unit  time_ns  value  since
            a      gemm    1          {IN_GROUP}  {READ}  %     -20      8      kernel
            a      gemm    1          {IN_GROUP}  {READ}  %     -5       10     kernel
            a      gemm    1          {IN_GROUP}  {READ}  %     10       20     kernel
            a      gemm    1          {IN_GROUP}  {READ}  %     25       NULL   kernel
            a      gemm    1          {IN_GROUP}  {READ}  %     30       40     kernel
            a      gemm    1          {IN_GROUP}  {READ}  %     45       50     kernel
            """
        ),
    ),
]
