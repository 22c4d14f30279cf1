from ask.answers.timeline.timeline_events import FEW
from made.case import Case, across
from made.nsys import Recording, copy, kernel

CASES = [
    Case(
        "the lane that is left out, in four stretches of 26: 100 // 4 + 1, so that the last moment is in the last",
        traces={"a": FEW},
        params={"max_events": 3, "max_stretches": 4},
        expected=across(
            """
            trace  lane_number  process    lane            layer  lane_events  start_ns  duration_ns  busy_ns  busy_pct     events  category  name  range
            a      0            process 1  GPU 0 stream 7  gpu    5            0         26           26       100          2       other     add   NULL
            a      0            process 1  GPU 0 stream 7  gpu    5            26        26           4        400/26       0       other     add   NULL
            a      0            process 1  GPU 0 stream 7  gpu    5            52        26           5        500/26       1       other     mul   NULL
            a      0            process 1  GPU 0 stream 7  gpu    5            78        26           10       1000/26      2       other     mul   NULL
            # What begins at 80 and 82 is busy until 90: what overlaps counts once.
            """
        ),
    ),
    Case(
        "the lanes share the stretches, of which each has one at least",
        traces={"a": FEW},
        params={"max_events": 0, "max_stretches": 1},
        expected=across(
            """
            trace  lane_number  process    lane               layer  lane_events  start_ns  duration_ns  busy_ns  busy_pct     events  category  name        range
            a      0            process 1  GPU 0 stream 7     gpu    5            0         101          45       4500/101     5       other     add         NULL
            a      1            process 1  thread 1 CUDA API  api    1            0         101          100      10000/101    1       api       cudaMalloc  NULL
            """
        ),
    ),
    Case(
        "of two kinds of work that which takes most time, though its longest is shorter; its range",
        traces={
            "a": Recording()
            .range("step", 0, 10)
            .call("cudaLaunchKernel", 1, 2, kernel("gemm_tn", 10, 14))
            .work(kernel("gemm_tn", 14, 17), copy("Host-to-Device", 20, 25, 4))
        },
        params={"max_events": 0, "max_stretches": 5},
        expected=across(
            """
            trace  lane_number  process    lane                      layer      lane_events  start_ns  duration_ns  busy_ns  busy_pct  events  category  name              range
            # 4 + 3 of the kernels, 5 of the copy
            a      0            process 1  GPU 0 stream 7            gpu        3            0         26           12       1200/26   3       gemm      gemm_tn           step
            a      1            process 1  NVTX on the GPU depth 0   projected  1            0         26           4        400/26    1       range     step              step
            a      2            process 1  thread 1 NVTX depth 0     range      1            0         26           10       1000/26   1       range     step              step
            a      3            process 1  thread 1 CUDA API         api        1            0         26           1        100/26    1       api       cudaLaunchKernel  step
            """
        ),
    ),
]
