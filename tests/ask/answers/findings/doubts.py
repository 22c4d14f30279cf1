from made.case import Case, across
from made.nsys import TWIN, Recording, copy, kernel

BEGUN = "CUDA injection initialized successfully."

CASES = [
    Case(
        "work outside ranges is told where there are ranges, and where most of it is outside",
        traces={
            "a": Recording()
            .range("step", 0, 10)
            .call("cudaLaunchKernel_v7000", 1, 2, kernel("k", 10, 20))
            .call("cudaLaunchKernel_v7000", 20, 22, kernel("k", 30, 60)),
            "inside": Recording()
            .range("step", 0, 10)
            .call("cudaLaunchKernel_v7000", 1, 2, kernel("k", 10, 20)),
            "without": Recording().call("cudaLaunchKernel_v7000", 1, 2, kernel("k", 10, 20)),
        },
        expected=across(
            """
            trace  code          severity  saving_ns  saving_pct  numbers                                                               texts  range  start_ns  end_ns
            # 10 of 10 + 30.
            a      unattributed  low       NULL       NULL        {gpu_in_ranges_pct: 25.0, gpu_ns: 40.0, pid: 1.0, device_id: 0.0}  []     NULL   30        60
            """
        ),
    ),
    Case(
        "work outside lies from its first to its last operation, and where most of it ran; what a range of a library holds is in one",
        traces={
            "a": Recording()
            .range("step", 0, 10)
            .call("cudaLaunchKernel_v7000", 1, 2, kernel("k", 10, 20))
            .range("of a library", 20, 30, domain="lib")
            .call("cudaLaunchKernel_v7000", 21, 22, kernel("k", 22, 30))
            # 20 of one process, 10 and 12 of the other one.
            .call("cudaLaunchKernel_v7000", 31, 32, kernel("k", 40, 60))
            .call("cudaLaunchKernel_v7000", 31, 32, kernel("k", 70, 80, device=1), pid=2)
            .work(kernel("k", 90, 102, device=1), pid=2),
        },
        expected=across(
            """
            trace  code          severity  saving_ns  saving_pct  numbers                                                                texts  range  start_ns  end_ns
            a      unattributed  low       NULL       NULL        {gpu_in_ranges_pct: 30.0, gpu_ns: 60.0, pid: 2.0, device_id: 1.0}  []     NULL   40        102
            """
        ),
    ),
    Case(
        "which events of which process are missing is told where the profiler counted them; a recording whose counts agree has no doubts",
        traces={
            "a": Recording()
            .work(kernel("k", 10, 20))
            .counted((7, "NVTX", 12, 7), (10, "NVTX", 12, 9), (300, "CUDA", 9, 299)),
            "whole": Recording().work(kernel("k", 10, 20)).counted((300, "CUDA", 9, 300)),
        },
        expected=across(
            """
            trace  code         severity  saving_ns  saving_pct  numbers  texts                                                                              range  start_ns  end_ns
            a      lost_events  doubt     NULL       NULL        []       {counted: : 299 of 300 CUDA events of process 9, 9 of 10 NVTX events of process 12}  NULL   NULL      NULL
            """
        ),
    ),
    Case(
        "a process that says no more of CUPTI after it has begun is told, and counted among those that began",
        traces={
            "alone": Recording().work(kernel("k", 10, 20)).diagnostic(BEGUN),
            "one": Recording()
            .work(kernel("k", 10, 20))
            .counted((10, "NVTX", 12, 9))
            .diagnostic(BEGUN)
            .diagnostic(BEGUN)
            .diagnostic("Number of CUPTI events produced: \t34998, CUPTI buffers: 50."),
            "whole": Recording()
            .work(kernel("k", 10, 20))
            .diagnostic(BEGUN)
            .diagnostic("Number of CUPTI events produced: \t5, CUPTI buffers: 1."),
            # Where a range is captured, the beginning may lie before it.
            "captured": Recording()
            .work(kernel("k", 10, 20))
            .diagnostic("Number of CUPTI events produced: \t5, CUPTI buffers: 1."),
        },
        expected=across(
            """
            trace  code         severity  saving_ns  saving_pct  numbers  texts                                                                                                     range  start_ns  end_ns
            alone  lost_events  doubt     NULL       NULL        []       {counted: : what its process had not handed over at the end}                                              NULL   NULL      NULL
            one    lost_events  doubt     NULL       NULL        []       {counted: : 9 of 10 NVTX events of process 12, what 1 of 2 processes had not handed over at the end}  NULL   NULL      NULL
            """
        ),
    ),
    Case(
        "most of the work outside ranges is in one process, whichever others have its pid",
        traces={
            "a": Recording()
            .range("step", 0, 10)
            .call("cudaLaunchKernel_v7000", 1, 2, kernel("k", 10, 20))
            .work(kernel("k", 30, 50))
            .work(kernel("k", 60, 72), pid=TWIN)
            .work(kernel("k", 80, 108, device=1), pid=2),
        },
        expected=across(
            """
            trace  code          severity  saving_ns  saving_pct  numbers                                                                               texts  range  start_ns  end_ns
            a      unattributed  low       NULL       NULL        {gpu_in_ranges_pct: 14.285714285714286, gpu_ns: 70.0, pid: 2.0, device_id: 1.0}  []     NULL   30        108
            """
        ),
    ),
    Case(
        "where CUDA was traced and no events are lost, it is told that nothing ran",
        traces={
            "idle": Recording().call("cudaMalloc_v3020", 0, 5),
            "copying": Recording().work(copy("Host-to-Device", 10, 20, 4)),
            "killed": Recording().call("cudaMalloc_v3020", 0, 5).diagnostic(BEGUN),
            # Nobody traced CUDA.
            "ranges": Recording().range("step", 0, 10),
        },
        expected=across(
            """
            trace   code         severity  saving_ns  saving_pct  numbers  texts                                                          range  start_ns  end_ns
            idle    no_gpu_work  doubt     NULL       NULL        []       []                                                             NULL   NULL      NULL
            killed  lost_events  doubt     NULL       NULL        []       {counted: : what its process had not handed over at the end}  NULL   NULL      NULL
            """
        ),
    ),
]
