from made.case import Case, across
from made.nsys import Recording, copy, kernel, sync

FEW = (
    Recording()
    .work(
        kernel("add", 0, 10),
        kernel("add", 10, 30),
        kernel("mul", 70, 75),
        kernel("mul", 80, 85),
        kernel("mul", 82, 90),
    )
    .call("cudaMalloc", 0, 100)
)

CASES = [
    Case(
        "streams, ranges by their work on the GPU, then what each thread does; what launched a kernel, and how",
        traces={
            "a": Recording()
            .duration(100)
            .process(1, "/usr/bin/python3")
            .thread(1, "main")
            .gpu(0, "NVIDIA H200", cuda=0)
            .range("step", 0, 50)
            .range("mask", 10, 20)
            .range("open", 60, None)
            .mark("nothing", 70)
            .range("request", 5, 90, style="startend")
            .call(
                "cudaLaunchKernel",
                12,
                15,
                kernel(
                    "add",
                    20,
                    40,
                    stream=8,
                    full="void add<int>()",
                    grid=(2, 3, 4),
                    block=(32, 2, 1),
                    registers=40,
                    static_shared=100,
                    dynamic_shared=24,
                ),
            )
            .call("cudaStreamSynchronize", 41, 45, sync("Stream sync", 41, 44))
            .os_call("read", 46, 49, tid=2)
            .work(copy("Device-to-Host", 40, 60, 4))
        },
        expected=across(
            """
            trace  lane_number  process    lane                           layer      kind    name                          full_name                     category  range    path       function          grid       block       registers_per_thread  shared_bytes  bytes  start_ns  end_ns  duration_ns  queue_ns
            a      0            python3 1  GPU 0 NVIDIA H200 stream 7     gpu        memcpy  [CUDA memcpy Device-to-Host]  [CUDA memcpy Device-to-Host]  memcpy    NULL     NULL       NULL              NULL       NULL        NULL                  NULL          4      40        60      20           NULL
            a      1            python3 1  GPU 0 NVIDIA H200 stream 8     gpu        kernel  add                           void add<int>()               other     mask     step/mask  cudaLaunchKernel  2 × 3 × 4  32 × 2 × 1  40                    124           NULL   20        40      20           5
            a      2            python3 1  NVTX on the GPU start/end      projected  range   request                       request                       range     request  request    NULL              NULL       NULL        NULL                  NULL          NULL   20        40      20           NULL
            a      3            python3 1  NVTX on the GPU depth 0        projected  range   step                          step                          range     step     step       NULL              NULL       NULL        NULL                  NULL          NULL   20        40      20           NULL
            a      4            python3 1  NVTX on the GPU depth 1        projected  range   mask                          mask                          range     mask     step/mask  NULL              NULL       NULL        NULL                  NULL          NULL   20        40      20           NULL
            a      5            python3 1  thread 1 main NVTX start/end   range      range   request                       request                       range     request  request    NULL              NULL       NULL        NULL                  NULL          NULL   5         90      85           NULL
            a      6            python3 1  thread 1 main NVTX depth 0     range      range   step                          step                          range     step     step       NULL              NULL       NULL        NULL                  NULL          NULL   0         50      50           NULL
            a      6            python3 1  thread 1 main NVTX depth 0     range      range   open                          open                          range     open     open       NULL              NULL       NULL        NULL                  NULL          NULL   60        100     40           NULL
            a      7            python3 1  thread 1 main NVTX depth 1     range      range   mask                          mask                          range     mask     step/mask  NULL              NULL       NULL        NULL                  NULL          NULL   10        20      10           NULL
            a      8            python3 1  thread 1 main synchronisation  sync       sync    Stream sync                   Stream sync                   sync      step     step       NULL              NULL       NULL        NULL                  NULL          NULL   41        44      3            NULL
            a      9            python3 1  thread 1 main CUDA API         api        api     cudaLaunchKernel              cudaLaunchKernel              api       mask     step/mask  NULL              NULL       NULL        NULL                  NULL          NULL   12        15      3            NULL
            a      9            python3 1  thread 1 main CUDA API         api        api     cudaStreamSynchronize         cudaStreamSynchronize         api       step     step       NULL              NULL       NULL        NULL                  NULL          NULL   41        45      4            NULL
            a      10           python3 1  thread 2 OS runtime            os         os      read                          read                          os        NULL     NULL       NULL              NULL       NULL        NULL                  NULL          NULL   46        49      3            NULL
            """
        ),
    ),
    Case(
        "too many events: the lane with most is left out",
        traces={"a": FEW},
        params={"max_events": 3},
        expected=across(
            """
            trace  lane_number  process    lane               layer  kind  name        full_name   category  range  path  function  grid  block  registers_per_thread  shared_bytes  bytes  start_ns  end_ns  duration_ns  queue_ns
            a      1            process 1  thread 1 CUDA API  api    api   cudaMalloc  cudaMalloc  api       NULL   NULL  NULL      NULL  NULL   NULL                  NULL          NULL   0         100     100          NULL
            """
        ),
    ),
    Case(
        "those of GPUs come first, if they fit",
        traces={"a": FEW},
        params={"max_events": 5},
        expected=across(
            """
            trace  lane_number  process    lane            layer  kind    name  full_name  category  range  path  function  grid       block       registers_per_thread  shared_bytes  bytes  start_ns  end_ns  duration_ns  queue_ns
            a      0            process 1  GPU 0 stream 7  gpu    kernel  add   add        other     NULL   NULL  NULL      1 × 1 × 1  32 × 1 × 1  16                    0             NULL   0         10      10           NULL
            a      0            process 1  GPU 0 stream 7  gpu    kernel  add   add        other     NULL   NULL  NULL      1 × 1 × 1  32 × 1 × 1  16                    0             NULL   10        30      20           NULL
            a      0            process 1  GPU 0 stream 7  gpu    kernel  mul   mul        other     NULL   NULL  NULL      1 × 1 × 1  32 × 1 × 1  16                    0             NULL   70        75      5            NULL
            a      0            process 1  GPU 0 stream 7  gpu    kernel  mul   mul        other     NULL   NULL  NULL      1 × 1 × 1  32 × 1 × 1  16                    0             NULL   80        85      5            NULL
            a      0            process 1  GPU 0 stream 7  gpu    kernel  mul   mul        other     NULL   NULL  NULL      1 × 1 × 1  32 × 1 × 1  16                    0             NULL   82        90      8            NULL
            """
        ),
    ),
]
