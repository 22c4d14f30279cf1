"""Cases of rules: estimates weighted by time, in order of what they are worth, as texts without markup."""

from __future__ import annotations

from made.case import Case, across
from made.ncu import Profile

STALL = "See @section:WarpStateStats:Warp States@, and the @url:Guide:https://a.b/c.html#d:e@."
TABLE = "Look at the @source:k.cu:Source@ table."

ADVISED = (
    Profile()
    .kernel("add", "step", ns=30)
    .rule("Stall", "waits less long", title="Stalls", speedup_pct=20, scope="global")
    .rule("Stall", "and for stores", title="Stalls", speedup_pct=10, scope="global")
    .rule("Pipe", TABLE, speedup_pct=96, scope="local")
    .rule("Light", "fine", kind="ok")
    .kernel("add", ns=50)
    .rule("Stall", STALL, title="Stalls", speedup_pct=60, scope="global")
    .rule("Light", "Latency", title="Latency Issue")
    .kernel("mul", "step", ns=20)
    .rule("Stall", "of mul", title="Stalls", speedup_pct=90, scope="global")
    .rule("Light", "Latency", title="Latency Issue")
)

CASES = [
    Case(
        "by kernel: the mean over time, the share of all time, and the text of the longest launch",
        traces={"a": ADVISED},
        expected=across(
            """
            trace  group_name  kernel_id  kernels  gpu_ns  share_pct  weighted_speedup_pct  estimated_speedup_pct  speedup_scope  kind          rule   title          message
            # (30 * 20 + 50 * 60) / 80, and / 100
            a      add         NULL       2        80      80         36                    45                     global         optimization  Stall  Stalls         See Warp States, and the Guide (https://a.b/c.html#d:e).
            a      mul         NULL       1        20      20         18                    90                     global         optimization  Stall  Stalls         of mul
            a      add         NULL       1        30      30         3                     10                     global         optimization  Stall  Stalls         and for stores
            a      add         NULL       1        30      30         28.8                  96                     local          optimization  Pipe   ''             Look at the Source table.
            a      add         NULL       1        50      50         NULL                  NULL                   NULL           optimization  Light  Latency Issue  Latency
            a      mul         NULL       1        20      20         NULL                  NULL                   NULL           optimization  Light  Latency Issue  Latency
            """
        ),
    ),
    Case(
        "one by one, of one kernel, every kind of one rule",
        traces={"a": ADVISED},
        params={"by": "launch", "kernel": "add", "rule": "Light", "kind": "*"},
        expected=across(
            """
            trace  group_name  kernel_id  kernels  gpu_ns  share_pct  weighted_speedup_pct  estimated_speedup_pct  speedup_scope  kind          rule   title          message
            a      add         2          1        50      50         NULL                  NULL                   NULL           optimization  Light  Latency Issue  Latency
            a      add         1          1        30      30         NULL                  NULL                   NULL           ok            Light  ''             fine
            """
        ),
    ),
    Case(
        "by range, the first rows of each trace; without times there is no share",
        traces={
            "a": ADVISED,
            "b": Profile().kernel("add").rule("Stall", "b", title="Stalls", speedup_pct=5, scope="global"),
        },
        params={"by": "range", "limit": 1},
        expected=across(
            """
            trace  group_name  kernel_id  kernels  gpu_ns  share_pct  weighted_speedup_pct  estimated_speedup_pct  speedup_scope  kind          rule   title   message
            a      NULL        NULL       1        50      50         30                    60                     global         optimization  Stall  Stalls  See Warp States, and the Guide (https://a.b/c.html#d:e).
            b      NULL        NULL       1        NULL    NULL       NULL                  5                      global         optimization  Stall  Stalls  b
            """
        ),
    ),
]
